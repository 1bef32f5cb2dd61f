"""A comparison as a page: the same numbers, and nothing from elsewhere."""

import base64
import re
from pathlib import Path

import pytest
from tiny import talkative

from hrm_rl.agents.comparison.experiment import Comparison, run_comparison
from hrm_rl.banks.bank import log_bank
from hrm_rl.page.comparison import page
from hrm_rl.puzzles import load

pytestmark = pytest.mark.slow  # plots


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    model = talkative()
    fit, test = (log_bank(model, load("sudoku4", s).take(range(16)), 5) for s in ("fit", "test"))
    return run_comparison(
        fit, test, rules=("trm", "stable-1"), learners=("exact_pg",), seeds=1, steps=64,
        step_costs=(0.0,), learn_step_cost=0.05, max_segments=4,
        out=tmp_path_factory.mktemp("compare"),
    )  # fmt: skip


def test_every_policy_stands_in_the_table_with_its_numbers(found: Comparison) -> None:
    text = page(found)
    for row in found.rows:
        (line,) = re.findall(rf'<tr><th scope="row">{re.escape(row.name)}</th>(.*)</tr>', text)
        cells = re.findall(r"<td>(.*?)</td>", line)
        means = [re.sub(r" ?<.*?>(±.*?<.*>)?", "", cell) for cell in cells[2:]]
        assert means == [
            f"{100 * row.accuracy.mean:.1f}",
            f"{row.segments.mean:.2f}",
            f"{row.value[0.05].mean:.3f}",
        ]
    assert '<th scope="col">value at 0.05</th>' in text and "value at 0<" not in text


def test_plots_are_in_it_whole(found: Comparison) -> None:
    text = page(found)
    assert [path.stem for path in found.pictures] == ["pareto", "halting", "value", "reliability"]
    held = [base64.b64decode(part) for part in re.findall(r"data:image/png;base64,([^\"]+)", text)]
    assert held == [path.read_bytes() for path in found.pictures]
    assert text.count("<img alt=") == 4 and 'alt="image' not in text


def test_it_refers_to_nothing(found: Comparison) -> None:
    text = re.sub(r"base64,[^\"]*", "", page(found))
    assert not re.search(r"https?:", text) and "<script" not in text and "{{" not in text
    assert all(source.startswith("data:") for source in re.findall(r'src="([^"]*)"', text))


def test_without_plots_there_are_tables(found: Comparison, tmp_path: Path) -> None:
    text = page(Comparison(**{**vars(found), "pictures": ()}))
    assert "<img" not in text and "over all knobs" in text
