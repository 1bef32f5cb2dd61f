"""The command: what it prints, what it writes, and that a user's mistake is one sentence."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch

from hrm_rl.banks.files import read_bank
from hrm_rl.cli import main as cli
from hrm_rl.models.checkpoint import load_model, save_model
from hrm_rl.models.hrm import HRM, HRMConfig
from hrm_rl.puzzles import Sudoku, load

GAME = Sudoku(4)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A tiny untrained 4x4 model on disk."""
    torch.manual_seed(0)
    model = HRM(HRMConfig(vocab=6, length=16, width=16, heads=2, H_layers=1, L_layers=1))
    path = tmp_path_factory.mktemp("checkpoint") / "tiny"
    save_model(path, model)
    return str(path)


@pytest.fixture
def puzzle() -> str:
    return GAME.format(GAME.values(load("sudoku4", "test").inputs_PL[0]))


def test_solve_prints_every_segment_and_the_verdict(
    checkpoint: str, puzzle: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["solve", puzzle, "--checkpoint", checkpoint, "--max-segments", "3"]) == 0
    out = capsys.readouterr().out
    assert [line.split()[1] for line in out.splitlines() if line.startswith("segment")] == [
        "1",
        "2",
        "3",
    ]
    assert "forced halt" in out and "\x1b" not in out
    last = out.splitlines()[-1]
    assert last.startswith(("solved after 3", "wrong in"))
    assert last.endswith("after 3 segments, the limit: q did not halt")


def test_solve_reads_a_file(checkpoint: str, puzzle: str, tmp_path: Path) -> None:
    file = tmp_path / "puzzle.txt"
    file.write_text("\n".join(puzzle[i : i + 4] for i in range(0, 16, 4)) + "\n")
    assert cli.main(["solve", str(file), "--checkpoint", checkpoint, "--policy", "fixed-1"]) == 0


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ("123", "16 characters, got 3"),
        ("z...............", "character 1"),
        ("11..............", "contradict"),
        ("................", "several solutions"),
        ("12..34......4..3"[:12] + "..4.", "solution"),
    ],
)
def test_bad_puzzles_get_one_sentence(
    bad: str, says: str, checkpoint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["solve", bad, "--checkpoint", checkpoint]) == 2
    err = capsys.readouterr().err
    assert says in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["evaluate", "no-such-model"], "no checkpoint"),
        (["solve", "1" * 16, "--checkpoint", "no-such-model"], "no checkpoint"),
        (["solve", "1" * 16, "--device", "quantum"], "device must be"),
        (["watch", "--by-hand", "--gif", "x.gif"], "choose one"),
    ],
)
def test_mistakes_get_one_sentence(
    args: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(args) == 2
    err = capsys.readouterr().err
    assert says in err
    assert len(err.splitlines()) == 1


def test_evaluate_puts_fixed_segments_beside_the_rule(
    checkpoint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    args = ["evaluate", checkpoint, "--max-segments", "4", "--limit", "8", "--policy", "stable-2"]
    assert cli.main(args) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[2:]]
    assert [row[0] for row in rows] == ["stable-2", "fixed-1", "fixed-2", "fixed-4"]
    assert [float(row[4]) for row in rows[1:]] == [1.0, 2.0, 4.0]
    for _, share, low, high, _, first, last, _ in rows:
        ends = float(low.strip("[,")), float(high.strip("]"))
        assert ends[0] <= float(share.strip("%")) <= ends[1] and first[0] == "[" and last[-1] == "]"


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")  # torch's own, on import
def test_evaluate_compiled_says_the_same(
    checkpoint: str, capsys: pytest.CaptureFixture[str], traced: None
) -> None:
    args = ["evaluate", checkpoint, "--max-segments", "4", "--limit", "8"]
    assert cli.main(args) == 0
    plain = capsys.readouterr().out
    assert cli.main([*args, "--compile"]) == 0
    without_seconds = [
        [line.split()[:-1] for line in said.splitlines()[1:]]
        for said in (plain, capsys.readouterr().out)
    ]
    assert without_seconds[0] == without_seconds[1]


def test_evaluate_puts_copies_beside_the_rules(
    checkpoint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """An accuracy that is at least that of the puzzle as it is, for at most three times the segments."""
    args = ["evaluate", checkpoint, "--max-segments", "4", "--limit", "8", "--copies", "3"]
    assert cli.main(args) == 0
    *_, alone, tried = (line.split() for line in capsys.readouterr().out.splitlines())
    assert (alone[0], tried[0]) == ("fixed-4", "copies-3")
    assert float(tried[1][:-1]) >= float(alone[1][:-1]) and 3 <= float(tried[4]) <= 12


def test_solve_goes_on_until_a_copy_verifies(
    checkpoint: str, puzzle: str, capsys: pytest.CaptureFixture[str]
) -> None:
    args = ["solve", puzzle, "--checkpoint", checkpoint, "--max-segments", "3"]
    assert cli.main([*args, "--copies", "2"]) == 0
    *rows, last = capsys.readouterr().out.splitlines()
    heads = [row for row in rows if row.startswith("segment")]
    assert last.endswith(f"{2 * len(heads)} segments of 2 copies")
    assert last.startswith("solved in") == heads[-1].endswith("verifies")


def test_bank_logs_copies(
    checkpoint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    args = ["bank", checkpoint, "--limit", "4", "--max-segments", "3", "--copies", "3", "--out"]
    assert cli.main([*args, str(tmp_path / "a")]) == 0
    assert "3 copies each of 4 puzzles, segments 1 to 4" in capsys.readouterr().out
    assert read_bank(tmp_path / "a").copies == 3
    assert cli.main([*args, str(tmp_path / "a"), "--copies", "2"]) == 2
    assert "differs in tokens, count, copies" in capsys.readouterr().err


def test_bank_logs_one_segment_more_and_goes_on(
    checkpoint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    args = ["bank", checkpoint, "--limit", "8", "--max-segments", "3", "--out"]
    assert cli.main([*args, str(tmp_path / "a")]) == 0
    out = capsys.readouterr().out
    assert "8 puzzles, segments 1 to 4, tier lite, 0.0 MiB" in out
    assert "one by one, 0.00% of the segments differ" in out
    bank = read_bank(tmp_path / "a", load_model(checkpoint)[0], max_segments=4)
    assert len(bank) == 8
    assert cli.main([*args, str(tmp_path / "a")]) == 0, "nothing left to do"
    assert cli.main([*args, str(tmp_path / "a"), "--split", "test"]) == 2
    assert "differs in split, tokens" in capsys.readouterr().err


def test_evaluate_refuses_puzzles_of_another_size(
    checkpoint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["evaluate", checkpoint, "--puzzles", "sudoku9_easy"]) == 2
    assert "81 cells" in capsys.readouterr().err


def test_train_writes_a_run_that_loads_and_resumes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    args = ["train", "sudoku4", "--run", str(folder), "--slots", "4", "--width", "16"]
    args += ["--log-every", "1", "--save-every", "2", "--steps"]
    assert cli.main([*args, "2"]) == 0
    assert str(folder) in capsys.readouterr().out
    model, card = load_model(folder)
    assert (model.config.width, card["step"]) == (16, 2)
    assert cli.main([*args, "3"]) == 0
    assert f"{folder}: resumed at step 2 of 3" in capsys.readouterr().out
    assert cli.main([*args, "3", "--seed", "1"]) == 2
    assert "another config (seed 0 there, 1 here)" in capsys.readouterr().err


@pytest.mark.slow
def test_compare_writes_table_csv_and_plot(
    checkpoint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    args = [
        "compare",
        checkpoint,
        "--limit",
        "16",
        "--seeds",
        "1",
        "--steps",
        "64",
        "--max-segments",
        "4",
    ]
    assert cli.main([*args, "--learners", "act_q", "--out", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    with open(tmp_path / "compare.csv", newline="") as file:
        names = [row["name"] for row in csv.DictReader(file)]
    assert {"fixed-1", "fixed-4"} < set(names)
    assert all(name in out for name in names)
    assert (tmp_path / "pareto.png").stat().st_size > 1000


def test_watch_writes_a_gif(checkpoint: str, puzzle: str, tmp_path: Path) -> None:
    from PIL import Image

    path = tmp_path / "solve.gif"
    args = ["watch", puzzle, "--checkpoint", checkpoint, "--policy", "fixed-3", "--gif", str(path)]
    assert cli.main(args) == 0
    with Image.open(path) as gif:
        assert gif.n_frames == 3
        assert np.asarray(gif.convert("RGB")).std() > 0


def test_watch_by_hand_halts_where_the_person_does(
    checkpoint: str,
    puzzle: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from hrm_rl.envs.render import Window

    keys = iter(["continue", "halt", "quit"])
    monkeypatch.setattr(Window, "wait", lambda self: next(keys))
    assert cli.main(["watch", puzzle, "--checkpoint", checkpoint, "--by-hand"]) == 0
    assert capsys.readouterr().out.startswith("halted after segment 2")


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")  # torch's own, on import
def test_a_compiler_that_fails_late_is_told_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As in a backward pass, where no eager forward is left to go on with."""
    from torch._inductor.exc import InductorError

    broken = ImportError("/tmp/torchinductor_me/4u/c4.main.so: file too short")

    def train(args: list[str]) -> int:
        raise InductorError(broken, None)

    monkeypatch.setattr("hrm_rl.cli.main.train", train)
    assert cli.main(["train", "sudoku4"]) == 2
    said = capsys.readouterr().err.strip()
    assert said.startswith("hrm-rl: torch.compile failed: ImportError: /tmp/torchinductor_me")
    assert "remove /tmp/torchinductor_me/4u/c4.main.so" in said and "--no-compile" in said
    assert len(said.splitlines()) == 1
