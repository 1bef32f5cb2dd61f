"""The page in a browser without a screen: it thinks as torch does, and a round can be played."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from javascript import CHROMIUM, halved, thoughts

from hrm_rl.agents.comparison.pairs import logged_banks
from hrm_rl.banks.bank import Bank
from hrm_rl.models.checkpoint import load_model
from hrm_rl.page.build import page
from hrm_rl.puzzles import load
from hrm_rl.puzzles.sudoku.rules import Sudoku

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

sync_api = pytest.importorskip(
    "playwright.sync_api", reason="playwright is not installed: no browser is driven"
)
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed (apt install chromium)"),
    pytest.mark.slow,
]
expect = sync_api.expect
WAIT = 120_000  # milliseconds, on a machine that has much else to do
COST, SEGMENTS, ROUND = 0.02, 8, 10
THINK = """
    async ([tokens, segments]) => {
        const text = document.getElementById("model").textContent;
        const worker = new Worker(URL.createObjectURL(new Blob([text])));
        worker.postMessage({ packed: JSON.parse(document.getElementById("data").textContent).model });
        const shown = [];
        for (let m = 1; m <= segments; m++) {
            const said = new Promise((resolve) => { worker.onmessage = resolve; });
            worker.postMessage({ id: m, ...(m === 1 && { tokens }) });
            const { data } = await said;
            shown.push({ logits: Array.from(data.logits), q: data.q });
        }
        worker.terminate();
        return shown;
    }
"""


def banks(name: str, puzzles: str, segments: int) -> tuple[Bank, Bank]:
    sets = [load(puzzles, split).take(range(12)) for split in ("fit", "test")]
    return logged_banks(load_model(name)[0], *sets, segments)


def written(name: str, puzzles: str, segments: int, folder: Path) -> Path:
    """A page with twelve puzzles."""
    path, (fit, test) = folder / "halting.html", banks(name, puzzles, segments)
    model, _ = load_model(name)
    text = page(model, fit, test, name=name, learned="exact_pg", steps=64, step_cost=COST)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def bank() -> Bank:
    """Twelve puzzles, played by the 4x4 model."""
    return banks("sudoku4", "sudoku4", SEGMENTS)[1]


@pytest.fixture(scope="module")
def file(bank: Bank, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of these."""
    return written("sudoku4", "sudoku4", SEGMENTS, tmp_path_factory.mktemp("page"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_api.sync_playwright() as play:
        found = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


class Opened:
    """A page that was opened from disk, and all that it complained about."""

    def __init__(self, browser: Browser, path: Path, at: str = "", **context: Any) -> None:
        self.context = browser.new_context(offline=True, **context)
        self.page: Page = self.context.new_page()
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(path.as_uri() + at)

    def __enter__(self) -> Opened:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()

    def text(self, name: str) -> str:
        return self.page.locator(f"#{name}").inner_text()

    def reaches(self, segment: int, of: int = SEGMENTS) -> None:
        wanted = f"Segment {segment} of {of}"
        expect(self.page.locator("#segment")).to_have_text(wanted, timeout=WAIT)

    def digits(self) -> list[int]:
        return [int(cell or 0) for cell in self.page.locator("#board td").all_inner_texts()]

    def scores(self) -> list[list[str]]:
        """The table of the round, a list of texts for each row."""
        rows = self.page.locator("#score tr").all()
        return [row.locator("th, td").all_inner_texts() for row in rows]


def test_a_round_is_played_by_keys(browser: Browser, file: Path, bank: Bank) -> None:
    """Puzzle i is halted after i segments (at most 4); what is scored is what the bank says."""
    with Opened(browser, file, "#round=7") as opened:
        points, asked = 0.0, []
        for number in range(1, ROUND + 1):
            expect(opened.page.locator("#where")).to_have_text(f"Puzzle {number} of {ROUND}")
            opened.reaches(1)
            for m in range(2, min(number, 4) + 1):
                opened.page.keyboard.press("Space")
                opened.reaches(m)
            p = which(opened, bank, min(number, 4))
            asked.append(p)
            right = bool(bank.correct_MP[min(number, 4) - 1, p])
            points += right - COST * (min(number, 4) - 1)
            opened.page.keyboard.press("Enter")
            verdict = "Right: " if right else "Wrong in "
            expect(opened.page.locator("#verdict")).to_contain_text(verdict)
            if number < ROUND:
                opened.page.keyboard.press("Enter")
        assert "The round is over: " in opened.text("verdict")
        assert len(set(asked)) == ROUND
        heads, you, *others = opened.scores()
        assert heads[1] == "points" and you[0] == "You"
        assert float(you[1]) == pytest.approx(100 * points)
        assert you[2 : 2 + ROUND] == [str(min(i, 4)) for i in range(1, ROUND + 1)]
        assert [row[0] for row in others][::2] == ["Q rule", "Snell envelope", "Prophet"]
        prophet = float(others[-1][1])
        assert all(float(row[1]) <= prophet + 1e-6 for row in [you, *others])
        opened.page.keyboard.press("Enter")
        expect(opened.page.locator("#where")).to_have_text(f"Puzzle 1 of {ROUND}")
        assert opened.said == []
        assert {url.partition(":")[0] for url in opened.asked} <= {"file", "blob"}


def which(opened: Opened, bank: Bank, segment: int) -> int:
    """The puzzle on the board, by the givens, whose answer after this segment is the bank's."""
    given_T = opened.page.locator("#board td").evaluate_all(
        "cells => cells.map((cell) => cell.classList.contains('given') ? Number(cell.innerText) : 0)"
    )
    assert bank.puzzles is not None
    inputs_PT = torch.from_numpy(bank.puzzles.inputs_PL).long() - 1
    (p,) = (inputs_PT == torch.tensor(given_T)).all(1).nonzero()[:, 0].tolist()
    answer_T = bank.predictions_MPT[segment - 1, p].long() - 1
    assert opened.digits() == answer_T.clamp(min=0).tolist()
    return int(p)


def test_a_puzzle_is_played_by_touch_to_the_last_segment(browser: Browser, file: Path) -> None:
    size = {"width": 360, "height": 740}
    with Opened(browser, file, "#round=3", viewport=size, has_touch=True, is_mobile=True) as opened:
        for m in range(1, SEGMENTS):
            opened.reaches(m)
            opened.page.locator("#continue").tap()
        opened.reaches(SEGMENTS)
        expect(opened.page.locator("#verdict")).to_contain_text(f"Segment {SEGMENTS} is the last.")
        expect(opened.page.locator("#continue")).to_be_hidden()
        opened.page.locator("#next").tap()
        expect(opened.page.locator("#where")).to_have_text(f"Puzzle 2 of {ROUND}")
        box = opened.page.locator("main").bounding_box()
        assert box is not None and box["width"] <= 360  # nothing pushes it wider than the screen
        assert opened.said == []


def test_a_puzzle_of_ones_own_is_thought_about(browser: Browser, file: Path) -> None:
    with Opened(browser, file) as opened:
        opened.page.locator("#own summary").click()
        for text, says in (("1..4", "has 16 cells"), ("11" + "." * 14, "twice in a row")):
            opened.page.locator("#text").fill(text)
            opened.page.locator("#think").click()
            expect(opened.page.locator("#text-error")).to_contain_text(says)
        opened.page.locator("#text").fill("1234 3412 2143 432.")
        opened.page.locator("#think").click()
        expect(opened.page.locator("#where")).to_have_text("Your own puzzle")
        opened.reaches(1)
        opened.page.locator("#verify").check()
        marked = opened.page.locator("#board td").evaluate_all(
            "cells => cells.map((cell) => cell.classList.contains('conflict'))"
        )
        assert marked == repeated(opened.digits())
        opened.page.locator("#halt").click()
        right = opened.digits() == [1, 2, 3, 4, 3, 4, 1, 2, 2, 1, 4, 3, 4, 3, 2, 1]
        said = "Right by the rules." if right else "Not a solution yet."
        expect(opened.page.locator("#verdict")).to_contain_text(said)
        opened.page.locator("#next").click()
        expect(opened.page.locator("#where")).to_have_text(f"Puzzle 1 of {ROUND}")
        assert opened.said == [] and opened.scores()[1][1] == ""  # it did not count


def repeated(digits: list[int]) -> list[bool]:
    """Whether another cell of a row, column or box has the same digit."""
    units = [unit.tolist() for unit in Sudoku(4).units]
    return [
        any(cell in u and any(digits[o] == digit for o in u if o != cell) for u in units)
        for cell, digit in enumerate(digits)
    ]


def test_what_can_be_pressed_has_a_name_and_takes_the_focus(browser: Browser, file: Path) -> None:
    with Opened(browser, file, "#round=1") as opened:
        opened.reaches(1)
        for role in ("button", "checkbox", "combobox", "meter", "table", "textbox"):
            for found in opened.page.get_by_role(role).all():  # type: ignore[arg-type]
                expect(found).to_have_accessible_name(re.compile(r"\w"))
        opened.page.locator("#halt").focus()
        opened.page.keyboard.press("Enter")
        expect(opened.page.locator("#next")).to_be_focused()
        opened.page.keyboard.press("Enter")
        expect(opened.page.locator("#continue")).to_be_focused()


def test_logits_in_a_worker_are_those_of_torch(browser: Browser, tmp_path: Path) -> None:
    path, puzzle = (
        written("sudoku9", "sudoku9_hard", 2, tmp_path),
        load("sudoku9_hard", "test").take([2]),
    )
    logits, q = thoughts(halved(load_model("sudoku9")[0]), puzzle, 8)
    with Opened(browser, path, bypass_csp=True) as opened:  # the test's own code is evaluated
        shown = opened.page.evaluate(THINK, [puzzle.inputs_PL[0].tolist(), 8])
    found = torch.tensor([one["logits"] for one in shown]).view_as(logits)
    torch.testing.assert_close(found, logits, rtol=0, atol=1e-3)
    torch.testing.assert_close(
        torch.tensor([one["q"] for one in shown]), q[:, 0], rtol=0, atol=1e-3
    )
