"""What is written for people and programs: tables within a terminal, CSV and JSON that read back."""

import csv
import json
from pathlib import Path

import pytest
import torch
from banks import bank_a, bank_of

from hrm_rl.agents.comparison import report
from hrm_rl.agents.comparison.compare import compare
from hrm_rl.agents.comparison.curves import pareto_table
from hrm_rl.agents.comparison.rows import KINDS, Row
from hrm_rl.agents.rules import rule
from hrm_rl.banks.bank import Bank
from hrm_rl.halting import Halted


@pytest.fixture(scope="module")
def bank() -> Bank:
    """Four puzzles, three segments: right from 1, from 2, at 2 only, never. Q knows at once."""
    correct_MP = torch.tensor([[1, 0, 0, 0], [1, 1, 1, 0], [1, 1, 0, 0]]).bool()
    return bank_of(correct_MP, q_halt=correct_MP * 2.0 - 1)[0]


@pytest.fixture(scope="module")
def rows(bank: Bank) -> list[Row]:
    learned = [
        Halted(torch.tensor([1, 2, 2, m]), torch.tensor([True, True, True, False])) for m in (1, 3)
    ]
    return compare(bank, {"trm": [rule("trm")]}, {"learned x": learned}, (0.0, 0.1))


def test_table_marks_the_best_value_that_is_no_oracles(rows: list[Row]) -> None:
    lines = report.table(rows).splitlines()
    assert lines[0].split() == [
        "policy",
        "kind",
        "seeds",
        "right",
        "%",
        "segments",
        "value",
        "at",
        "0.1",
    ]
    (best,) = (line for line in lines[:-2] if "*" in line)
    assert best.startswith("learned x") and "0.675" in best
    assert "Ever right: 75.0 %" in lines[-2] and "Oracles look at the solution" in lines[-1]


def test_values_on_the_fit_bank_have_a_column(bank: Bank) -> None:
    rows = compare(bank, {"trm": [rule("trm")]}, step_costs=(0.0, 0.1), fit_bank=bank)
    lines = report.table(rows).splitlines()
    assert lines[0].split()[-5:] == ["value", "at", "0.1", "on", "fit"]
    (trm,) = (line for line in lines if line.startswith("trm"))
    assert trm.split()[-1] == "0.650" and "on fit: the value there" in lines[-1]


def test_details_say_what_was_gained_and_lost(rows: list[Row]) -> None:
    """trm never gives up: one of four puzzles takes it two segments for nothing, 0.5 a puzzle."""
    lines = report.details(rows, 0.1, 2).splitlines()
    assert "fixed-2, the best fixed number" in lines[0]
    (trm,) = (line.split() for line in lines if line.startswith("trm"))
    assert trm[1] == "+0.000" and trm[-2:] == ["0.0", "-"]
    assert trm[-3] == "0.50"
    assert not any(line.startswith(("fixed-1", "fixed-3")) for line in lines)


@pytest.mark.parametrize("costs", [(0.01,), (0.0, 0.01, 0.02)])
def test_every_line_fits_a_terminal(bank: Bank, costs: tuple[float, ...]) -> None:
    name = "learned a name that is much longer than any that anybody will ever see in a table"
    rows = compare(
        bank, {"confidence-0.995": [rule("q")]}, {name: [rule("trm")]}, costs, fit_bank=bank
    )
    areas = pareto_table(bank, bank, {name: [rule("q")], "trm": [rule("trm")]})
    for text in (report.table(rows), report.details(rows, costs[-1], 2), report.pareto(areas)):
        assert max(map(len, text.splitlines())) <= report.WIDTH == 100
        assert ("…" in text and "confidence-0.995" in text) or "trm" in text


def test_pareto_table_has_a_line_for_each_family_and_slack() -> None:
    bank, _ = bank_a(100, 8)
    text = report.pareto(pareto_table(bank, bank, ["trm"]))
    assert text.splitlines()[0].split()[-5:] == ["%", "-0.1", "pp", "-0.5", "pp"]
    assert [line.split()[0] for line in text.splitlines()[2:4]] == ["trm", "fixed"]


def test_csv_reads_back(rows: list[Row], tmp_path: Path) -> None:
    report.write_csv(rows, tmp_path / "new" / "rows.csv")
    with (tmp_path / "new" / "rows.csv").open(newline="") as file:
        read = list(csv.DictReader(file))
    assert [line["name"] for line in read] == [row.name for row in rows]
    for line, row in zip(read, rows, strict=True):
        assert (line["kind"], int(line["seeds"])) == (row.kind, row.seeds)
        assert line["kind"] in KINDS
        intervals = {"segments": row.segments, "value_at_0.1": row.value[0.1]}
        for name, interval in {**intervals, "gain_at_0.1": row.gain[0.1]}.items():
            got = [float(line[f"{name}{end}"]) for end in ("", "_low", "_high")]
            assert got == pytest.approx(interval[:3], abs=1e-5)
        assert float(line["under"]) == pytest.approx(row.errors.under)
        if row.kind in ("rule", "learner"):
            assert float(line["p_holm_at_0.1"]) == pytest.approx(row.holm[0.1], rel=1e-5)
        else:
            assert line["p_holm_at_0.1"] == ""


def test_json_holds_everything_and_no_nan(rows: list[Row], bank: Bank, tmp_path: Path) -> None:
    areas = pareto_table(bank, bank, ["trm"])
    path = tmp_path / "compare.json"
    report.write_json(rows, path, {"puzzles": len(bank)}, over_all_knobs=areas)
    text = path.read_text()
    assert "NaN" not in text
    read = json.loads(text)
    assert read["puzzles"] == 4 and read["over_all_knobs"][0]["name"] == "trm"
    learned = next(row for row in read["policies"] if row["name"] == "learned x")
    assert learned["value"]["0.1"]["mean"] == pytest.approx(0.675)
    assert learned["errors"]["wasted"] == pytest.approx(1 / 4)  # 0 and 2 segments, of four puzzles
    assert learned["mcnemar"] is None
    assert set(learned["q_halt"]["murphy"]) == {
        "reliability",
        "resolution",
        "uncertainty",
        "within",
    }
