"""The comparison: numbers by hand, ceilings that hold, and what is written for people."""

import csv
from pathlib import Path

import pytest
import torch
from banks import bank_a, bank_of
from PIL import Image

from hrm_rl.agents import compare as comparison
from hrm_rl.agents.compare import KINDS, Row, check_ceiling, compare, table, write_csv
from hrm_rl.agents.pareto import plot
from hrm_rl.agents.rules import first_correct, rule
from hrm_rl.bank import Bank, Halted

COSTS = (0.0, 0.1)


@pytest.fixture(scope="module")
def bank() -> Bank:
    """Four puzzles, three segments: right from 1, from 2, at 2 only, never. Q knows at once."""
    correct_MP = torch.tensor([[1, 0, 0, 0], [1, 1, 1, 0], [1, 1, 0, 0]]).bool()
    return bank_of(correct_MP, q_halt=correct_MP * 2.0 - 1)[0]


@pytest.fixture(scope="module")
def rows(bank: Bank) -> dict[str, Row]:
    learned = [
        Halted(torch.tensor([1, 2, 2, m]), torch.tensor([True, True, True, False])) for m in (1, 3)
    ]
    policies = {"trm": [rule("trm")], "learned x": learned, "fixed-2": [rule("fixed-2")]}
    return {row.name: row for row in compare(bank, policies, COSTS, resamples=50)}


def test_rows_by_hand(rows: dict[str, Row]) -> None:
    got = {
        name: (row.accuracy.mean, row.segments.mean, row.value[0.1].mean)
        for name, row in rows.items()
    }
    assert got == {
        "fixed-1": (0.25, 1.0, 0.25),
        "fixed-2": (0.75, 2.0, pytest.approx(0.65)),
        "fixed-3": (0.5, 3.0, pytest.approx(0.3)),
        "trm": (0.75, 2.0, pytest.approx(0.65)),
        "learned x": (0.75, 1.75, pytest.approx(0.675)),  # 2 and 1.5 segments
        "oracle": (0.75, 2.0, pytest.approx(0.65)),
        "oracle, gives up": (0.75, 1.5, pytest.approx(0.7)),
    }


def test_rows_are_of_a_kind_and_in_order(rows: dict[str, Row]) -> None:
    kinds = [row.kind for row in rows.values()]
    assert kinds == ["fixed"] * 3 + ["rule", "learner"] + ["oracle"] * 2
    assert [row.seeds for row in rows.values()] == [1, 1, 1, 1, 2, 1, 1]


def test_value_is_accuracy_less_what_the_segments_cost(rows: dict[str, Row]) -> None:
    for row in rows.values():
        assert row.value[0.0] == row.accuracy
        expected = row.accuracy.mean - 0.1 * (row.segments.mean - 1)
        assert row.value[0.1].mean == pytest.approx(expected)


def test_random_halting_of_as_many_segments_stands_beside(rows: dict[str, Row]) -> None:
    """At 1 and 3 segments it is fixed; mean 1.75 is p = 1/2: 0.25 / 2 + 0.75 / 4 + 0.5 / 4."""
    assert rows["fixed-1"].random == pytest.approx(0.25)
    assert rows["fixed-3"].random == pytest.approx(0.5)
    assert rows["learned x"].random == pytest.approx(0.4375)


@pytest.mark.parametrize(
    ("most", "expected"), [(16, [1, 2, 4, 8, 16]), (6, [1, 2, 4, 6]), (1, [1])]
)
def test_fixed_numbers_double_up_to_the_last(most: int, expected: list[int]) -> None:
    assert comparison.fixed_segments(most) == expected


# --- ceilings -------------------------------------------------------------------------------------


def test_accuracy_above_the_bank_is_refused(bank: Bank) -> None:
    """Halting makes no answers: a puzzle that is never right is not right where one halts."""
    everything = Halted(torch.tensor([1, 2, 2, 2]), torch.ones(4).bool())
    with pytest.raises(
        ValueError, match=r'"magic" counts 1 puzzles as right .* 1 of them never right'
    ):
        check_ceiling(bank, "magic", everything)
    with pytest.raises(ValueError, match=r"never right \(75\.0% ever are\)"):
        compare(bank, {"magic": [everything]}, COSTS, resamples=5)


def test_being_right_at_another_segment_is_refused(bank: Bank) -> None:
    late = Halted(torch.tensor([1, 2, 3, 1]), torch.tensor([True, True, True, False]))
    with pytest.raises(ValueError, match="1 puzzles as right that are wrong where it halted, 0 of"):
        check_ceiling(bank, "late", late)


def test_oracles_are_at_the_ceiling(bank: Bank) -> None:
    for give_up in (False, True):
        halted = first_correct(bank, give_up)
        check_ceiling(bank, "oracle", halted)
        assert halted.correct_P.double().mean() == bank.correct_MP.any(0).double().mean()


def test_a_name_without_policies_is_refused(bank: Bank) -> None:
    with pytest.raises(ValueError, match='"ppo" has no policies to score'):
        compare(bank, {"ppo": []}, COSTS, resamples=5)


# --- for people -----------------------------------------------------------------------------------


def test_table_fits_a_terminal_and_marks_the_best(rows: dict[str, Row]) -> None:
    lines = table(list(rows.values())).splitlines()
    assert max(map(len, lines)) <= 100
    assert lines[0].split() == [
        "policy",
        "kind",
        "seeds",
        "right",
        "%",
        "at",
        "random",
        "segments",
        "value",
        "at",
        "0.1",
    ]
    (best,) = (line for line in lines[:-2] if "*" in line)
    assert best.startswith("learned x") and "0.675" in best  # the oracle has more, and is none
    assert "Ever right: 75.0 %" in lines[-2] and "Oracles look at the solution" in lines[-1]


def test_table_with_four_step_costs_fits_too(bank: Bank) -> None:
    rows = compare(
        bank, {"confidence-0.995": [rule("confidence-0.995")]}, (0.0, 0.01, 0.02), resamples=5
    )
    assert max(map(len, table(rows).splitlines())) <= 100


def test_csv_reads_back(rows: dict[str, Row], tmp_path: Path) -> None:
    write_csv(list(rows.values()), tmp_path / "new" / "rows.csv")
    with (tmp_path / "new" / "rows.csv").open(newline="") as file:
        read = list(csv.DictReader(file))
    assert [line["name"] for line in read] == list(rows)
    for line in read:
        row = rows[line["name"]]
        assert (line["kind"], int(line["seeds"])) == (row.kind, row.seeds)
        assert line["kind"] in KINDS
        for name, interval in {"segments": row.segments, "value_at_0.1": row.value[0.1]}.items():
            got = [float(line[f"{name}{end}"]) for end in ("", "_low", "_high")]
            assert got == pytest.approx(tuple(interval), abs=1e-5)


def test_plot_draws_what_is_compared(tmp_path: Path) -> None:
    bank, _ = bank_a(200)
    learned = [first_correct(bank, give_up=True)]
    rows = compare(bank, {"trm": [rule("trm")], "learned x": learned}, resamples=5)
    plot(rows, bank, tmp_path / "with.png")
    plot([row for row in rows if row.kind != "learner"], bank, tmp_path / "without.png")
    pictures = [Image.open(tmp_path / name).convert("RGB") for name in ("with.png", "without.png")]
    red = (0xCF, 0x22, 0x2E)  # the first learner's colour
    counts = [
        dict((c, n) for n, c in picture.getcolors(1 << 24)).get(red, 0) for picture in pictures
    ]
    assert counts[0] > 20 and counts[1] == 0
