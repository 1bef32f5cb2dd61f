"""The page as a file: what it holds, and that it asks for nothing else."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
import torch
from javascript import FILES
from tiny import talkative

from hrm_rl.agents.rules import rule
from hrm_rl.banks.bank import Bank, log_bank, play
from hrm_rl.banks.files import log_to
from hrm_rl.banks.synthetic import bank_a
from hrm_rl.page import build, html, rounds
from hrm_rl.puzzles import load
from hrm_rl.stopping.exact import best_fixed, prophet

MODEL = talkative()
SPLITS = {split: load("sudoku4", split).take(range(12)) for split in ("fit", "test")}
FIT, TEST = log_bank(MODEL, SPLITS["fit"], 5), log_bank(MODEL, SPLITS["test"], 4)


class Page(HTMLParser):
    """What a page refers to, and the text of its elements by id."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.refers: list[str] = []
        self.texts: dict[str, str] = {}
        self.tags: list[str] = []
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self._inside = given.get("id") or ""
        self.tags.append(tag)
        self.refers += [given[name] or "" for name in ("src", "href", "action") if name in given]

    def handle_data(self, data: str) -> None:
        self.texts[self._inside] = self.texts.get(self._inside, "") + data


@pytest.fixture(scope="module")
def text() -> str:
    return build.page(
        MODEL, FIT, TEST, name="mine</script>", learned="exact_pg", steps=64, step_cost=0.05
    )


def test_it_refers_to_nothing(text: str) -> None:
    page = Page(text)
    assert page.refers == [] and not {"link", "iframe", "img", "base"} & {*page.tags}
    assert "url(" not in text and "@import" not in text and "{{" not in text
    assert re.findall(r"https?:", text) == []
    assert "default-src 'none'" in text


def test_nothing_in_it_ends_a_script(text: str) -> None:
    assert Page(text).tags.count("script") == 3 and text.count("</script") == 3
    assert json.loads(Page(text).texts["data"])["about"].startswith("The network is mine</script>")
    assert html.data("</script><!--") == '"\\u003c/script>\\u003c!--"'


def test_puzzles_and_halts_are_those_of_the_bank(text: str) -> None:
    facts = json.loads(Page(text).texts["data"])
    assert SPLITS["test"].task == "sudoku4" and len(facts["puzzles"]) == 12
    for i, puzzle in enumerate(facts["puzzles"]):
        values = [0 if c == "." else int(c) for c in puzzle["givens"]]
        assert [v + 1 for v in values] == SPLITS["test"].inputs_PL[i].tolist()
        assert [int(c) + 1 for c in puzzle["answer"]] == SPLITS["test"].solutions_PL[i].tolist()
        assert [bit == "1" for bit in puzzle["right"]] == TEST.correct_MP[:, i].tolist()
    names = [one["name"] for one in facts["policies"]]
    m = best_fixed(FIT.first(4), 0.05)[0]
    assert names == ["Q rule", "Exact gradient", "Snell envelope", f"Always {m}", "Prophet"]
    halts_NP = torch.tensor([puzzle["halts"] for puzzle in facts["puzzles"]]).T
    assert torch.equal(halts_NP[0], play(TEST, rule("q")).segment_P)
    assert halts_NP[3].tolist() == [m] * 12
    assert torch.equal(halts_NP[4], prophet(TEST, 0.05).segment_P)
    mean = prophet(TEST, 0.05).value_P(0.05).mean()
    assert facts["policies"][4]["mean"] == pytest.approx(float(mean))
    assert all(one["mean"] <= float(mean) + 1e-9 for one in facts["policies"])
    assert (facts["maxSegments"], facts["stepCost"]) == (4, 0.05)


def test_a_synthetic_bank_has_no_puzzles_to_show() -> None:
    with pytest.raises(ValueError, match="a page shows puzzles, and a synthetic bank has none"):
        rounds.shown_puzzles(bank_a(6, 3), None, [])  # type: ignore[arg-type]


def test_banks_are_named_or_logged(tmp_path: Path) -> None:
    for split, puzzles in SPLITS.items():
        log_to(tmp_path / split, MODEL, puzzles, 5, split=split)
    names = (str(tmp_path / "fit"), str(tmp_path / "test"))
    fit, test = build.banks_for(MODEL, "mine", names, 4, 0)
    assert (fit.max_segments, test.max_segments) == (5, 4)
    assert torch.equal(test.predictions_MPT, TEST.predictions_MPT)
    with pytest.raises(ValueError, match=r"one bank was named.*--fit-bank and --test-bank"):
        build.banks_for(MODEL, "mine", (names[0], ""), 4, 0)
    with pytest.raises(ValueError, match="logged with other weights"):
        build.banks_for(talkative(seed=1), "mine", names, 4, 0)
    logged: Bank = build.banks_for(MODEL, "mine", ("", ""), 3, 6)[1]
    assert (logged.max_segments, len(logged)) == (3, 6)


# --- can it be read? ------------------------------------------------------------------------------


def colours(part: str) -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+): (#\w{6})", part))


def luminance(colour: str) -> float:
    """Relative luminance, of WCAG 2.2."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_worked_out_as_the_standard_has_it() -> None:
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("ink", "ground"),
    [
        ("ink", "paper"), ("ink", "card"), ("faint", "card"), ("faint", "paper"), ("blue", "card"),
        ("blue", "tint"), ("on-blue", "blue"), ("right-ink", "right"), ("wrong-ink", "wrong"),
        ("wrong-ink", "card"), ("ink", "tint"),
    ],
)  # fmt: skip
def test_text_can_be_told_from_its_ground(scheme: str, ink: str, ground: str) -> None:
    """4.5 to 1, WCAG's level AA."""
    css = (FILES / "page.css").read_text(encoding="utf-8")
    light, dark = css.split("prefers-color-scheme: dark")
    palette = colours(light) if scheme == "light" else {**colours(light), **colours(dark)}
    assert contrast(palette[ink], palette[ground]) >= 4.5
