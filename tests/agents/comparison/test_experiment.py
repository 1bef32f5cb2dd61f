"""A whole comparison on banks: what it writes, and what it refuses."""

from __future__ import annotations

import builtins
import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny import talkative

from hrm_rl.agents.comparison.experiment import run_comparison
from hrm_rl.agents.comparison.pairs import check_pair, read_banks
from hrm_rl.banks.bank import Bank
from hrm_rl.banks.files import log_to
from hrm_rl.banks.synthetic import bank_a
from hrm_rl.cli import main as cli
from hrm_rl.models.hrm import HRMConfig
from hrm_rl.puzzles import load

SMALL: dict[str, Any] = {
    "rules": ("trm", "stable-1", "fixed-2", "random"), "learners": (), "seeds": 2, "steps": 64,
    "step_costs": (0.0,), "learn_step_cost": 0.02, "max_segments": 4, "plots": False,
}  # fmt: skip


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Banks of a tiny untrained model: 24 puzzles for fitting, 32 for scoring, 9 segments each."""
    model, where = talkative(), tmp_path_factory.mktemp("banks")
    for split, count in (("fit", 24), ("test", 32)):
        log_to(where / split, model, load("sudoku4", split).sample(count), 9, split=split)
    return [str(where / "fit"), str(where / "test")]


def banks(folders: list[str]) -> tuple[Bank, Bank]:
    return read_banks(*folders, max_segments=4)


@pytest.mark.slow
def test_writes_tables_and_pictures(
    folders: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = run_comparison(
        *banks(folders), **{**SMALL, "learners": ("act_q",), "plots": True}, out=tmp_path
    )
    out = capsys.readouterr().out
    with (tmp_path / "compare.csv").open(newline="") as file:
        lines = {row["name"]: row for row in csv.DictReader(file)}
    assert set(lines) == {
        "fixed-1", "fixed-2", "fixed-4", "trm", "stable-1", "random", "learned act_q", "snell q",
        "oracle", "oracle, gives up", *(f"fixed-{m}" for m in found.best_m.values()),
    }  # fmt: skip
    assert lines["learned act_q"]["seeds"] == lines["random"]["seeds"] == "2"
    assert all(name in out for name in lines)
    content = json.loads((tmp_path / "compare.json").read_text())
    assert content["dual_bound"]["upper"]["mean"] == pytest.approx(found.bound.upper.mean)
    assert "Dual bound, estimated, at 0.02: of policies that see q alone none gains more" in out
    assert (content["puzzles"], content["fitted_on"], content["max_segments"]) == (32, 24, 4)
    assert [part["answers"] for part in content["q_halt_by_segment"]] == [32] * 4
    assert [row["name"] for row in content["over_all_knobs"]] == [
        "trm",
        "stable",
        "random",
        "fixed",
    ]
    assert sorted(path.stem for path in tmp_path.glob("*.png")) == [
        "halting", "pareto", "reliability", "scaling", "value",
    ]  # fmt: skip
    assert all(str(path) in out for path in tmp_path.iterdir())
    assert max(map(len, out.partition("compare.csv")[0].splitlines()[:-1])) <= 100


@pytest.mark.slow
def test_a_long_bank_shows_what_more_segments_buy(folders: list[str], tmp_path: Path) -> None:
    fit, test = banks(folders)
    rows = run_comparison(fit, test, **SMALL, out=tmp_path).scaling
    assert sorted({row.max_segments for row in rows}) == [1, 2, 4, 8]
    assert {row.name for row in rows} == {"never early", "trm", "stable-1", "fixed-2"}
    assert run_comparison(fit, test.first(7), **SMALL, out=tmp_path / "short").scaling == []


def test_without_matplotlib_only_the_plots_are_missing(
    folders: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    real = builtins.__import__

    def refuse(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ModuleNotFoundError("No module named 'matplotlib'")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    run_comparison(*banks(folders), **{**SMALL, "plots": True}, out=tmp_path)
    assert (
        "no plots: No module named 'matplotlib'; install hrm-rl[plots]" in capsys.readouterr().out
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["compare.csv", "compare.json"]


@pytest.mark.slow
def test_the_known_optimum_of_a_synthetic_bank(tmp_path: Path) -> None:
    """80 % solvable, hazard 0.3, at 0.02: optimal 0.708332, blind 0.614117, prophet 0.760983."""
    found = run_comparison(
        bank_a(20_000, seed=1), bank_a(20_000, seed=2), rules=("trm",), learners=(), seeds=1,
        steps=0, step_costs=(), learn_step_cost=0.02, max_segments=16, out=tmp_path, plots=False,
    )  # fmt: skip
    rows = {row.name: row for row in found.rows}
    assert found.best_m == {0.02: 7}
    tolerance = 0.01  # three standard errors
    assert rows["snell o"].value[0.02].mean == pytest.approx(0.708332, abs=tolerance)
    assert rows["fixed-7"].value[0.02].mean == pytest.approx(0.614117, abs=tolerance)
    prophet = rows["trm"].value[0.02].mean + rows["trm"].regret[0.02].mean
    assert prophet == pytest.approx(0.760983, abs=tolerance)
    expected = (0.708332 - 0.614117) / (0.760983 - 0.614117)
    assert rows["snell o"].score[0.02] == pytest.approx(expected, abs=0.02)
    assert rows["trm"].holm[0.02] < 0.01
    assert found.bound is not None
    assert found.bound.upper.mean == pytest.approx(0.708332, abs=tolerance)
    assert found.bound.upper.mean > rows["snell o"].value[0.02].mean


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"rules": ("magic",)}, 'no rule "magic"'),
        ({"learners": ("magic",)}, 'no learner "magic"'),
        ({"max_segments": 12}, "max_segments must be in 1..9"),
    ],
)
def test_mistakes_are_found_before_anything_is_computed(
    folders: list[str], tmp_path: Path, change: dict[str, Any], says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        run_comparison(*banks(folders), **{**SMALL, **change}, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


# --- banks on disk --------------------------------------------------------------------------------


def test_a_limit_spreads_over_the_bank(folders: list[str]) -> None:
    fit, test = read_banks(*folders, max_segments=4, limit=4)
    whole = banks(folders)[1]
    assert len(fit) == len(test) == 4
    assert (test.correct_MP == whole.correct_MP[:, [0, 10, 21, 31]]).all()
    assert test.puzzles is not None and whole.puzzles is not None
    assert (test.puzzles.inputs_PL == whole.puzzles.inputs_PL[[0, 10, 21, 31]]).all()
    assert len(read_banks(*folders, max_segments=4, limit=99)[0]) == 24


def test_banks_with_a_puzzle_in_common_are_refused(folders: list[str]) -> None:
    with pytest.raises(ValueError, match="32 puzzles are in both banks"):
        read_banks(folders[1], folders[1], max_segments=4)


def test_banks_of_two_models_are_refused(folders: list[str], tmp_path: Path) -> None:
    log_to(tmp_path / "other", talkative(seed=1), load("sudoku4", "test").sample(4), 4)
    with pytest.raises(ValueError, match="logged from different models"):
        read_banks(folders[0], str(tmp_path / "other"), max_segments=4)


def test_banks_of_one_model_that_thought_otherwise_are_refused(folders: list[str]) -> None:
    fit, test = banks(folders)
    assert isinstance(test.config, HRMConfig)
    stirred = replace(test, config=replace(test.config, noise=0.5))
    with pytest.raises(ValueError, match=r"differ in noise 0\.0 and 0\.5: log both from one"):
        check_pair(fit, stirred)


# --- the command ----------------------------------------------------------------------------------

ARGS = [
    "--max-segments",
    "4",
    "--no-plots",
    "--policies",
    "trm",
    "--step-costs",
    "0.05",
    "--learners",
]


def test_compare_takes_banks(
    folders: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fit, test = folders
    named = ["compare", "--fit-bank", fit, "--test-bank", test, *ARGS, "--out", str(tmp_path / "a")]
    assert cli.main(named) == 0
    placed = ["compare", test, "--fit-bank", fit, *ARGS, "--out", str(tmp_path / "b")]
    assert cli.main(placed) == 0
    one, other = ((tmp_path / name / "compare.csv").read_text() for name in "ab")
    assert one == other
    assert "trm" in capsys.readouterr().out
    columns = one.splitlines()[0].split(",")
    assert {"value_at_0.01", "value_at_0.05", "p_holm_at_0.05"} < set(columns)


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--test-bank", "TEST"], "give --fit-bank too"),
        (["TEST"], "give --fit-bank too"),
        (["--fit-bank", "FIT"], "give --test-bank too"),
        (["--fit-bank", "FIT", "--test-bank", "nowhere"], 'no bank "nowhere"'),
    ],
)
def test_a_bank_that_is_missing_is_one_sentence(
    folders: list[str], args: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    there = {"FIT": folders[0], "TEST": folders[1]}
    assert cli.main(["compare", *(there.get(arg, arg) for arg in args)]) == 2
    err = capsys.readouterr().err
    assert says in err and len(err.splitlines()) == 1


@pytest.mark.slow
def test_banks_and_a_model_give_the_same_comparison(tmp_path: Path) -> None:
    """Logged by `hrm-rl bank` and read back, or logged on the way: the same figures."""
    from hrm_rl.models.checkpoint import save_model

    model = talkative()
    save_model(tmp_path / "tiny", model)
    for split in ("fit", "test"):
        log_to(tmp_path / split, model, load("sudoku4", split).sample(12), 5, split=split)
    live = ["compare", str(tmp_path / "tiny"), "--limit", "12", *ARGS, "--out", str(tmp_path / "a")]
    read = ["compare", "--fit-bank", str(tmp_path / "fit"), "--test-bank", str(tmp_path / "test")]
    assert cli.main(live) == cli.main([*read, *ARGS, "--out", str(tmp_path / "b")]) == 0
    one, other = (json.loads((tmp_path / name / "compare.json").read_text()) for name in "ab")
    for mine, theirs in zip(one["policies"], other["policies"], strict=True):
        assert mine["accuracy"] == theirs["accuracy"] and mine["segments"] == theirs["segments"]
        assert np.isclose(mine["regret"]["0.05"]["mean"], theirs["regret"]["0.05"]["mean"])
