"""The script of docs/inside.md: its tables say what the functions found, its pictures get drawn."""

import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import pytest
import torch
from loading import module_of
from tiny import ATTENTION, talkative, tiny_run

from hrm_rl import loop
from hrm_rl.envs.render import draw
from hrm_rl.inside.participation import corrected, gather, moments, naive
from hrm_rl.inside.predictions import figure7
from hrm_rl.loop import batch_of
from hrm_rl.models.checkpoint import save_model
from hrm_rl.puzzles import Sudoku, task_of
from hrm_rl.puzzles.source import for_model, source
from hrm_rl.training.presets import PRESETS

SCRIPT = Path(__file__).parents[2] / "scripts" / "inside.py"
CONFIG = replace(ATTENTION, L_cycles=3)


@pytest.fixture(scope="module")
def inside() -> ModuleType:
    return module_of("inside")


@pytest.fixture
def checkpoint(tmp_path: Path) -> str:
    save_model(tmp_path / "tiny", talkative(CONFIG))
    return str(tmp_path / "tiny")


def tell(inside: ModuleType, out: Path, *arguments: str) -> list[list[str]]:
    """Cells of the table that a call writes, heading and rule left out."""
    options = inside.parser().parse_args([*arguments, "--out", str(out)])
    text = list(inside.FIGURES[options.figure](options))
    return [line[2:-2].split(" | ") for line in text if line.startswith("| ")][2:]


def test_figure7_tells_every_step_and_draws_it(
    inside: ModuleType, checkpoint: str, tmp_path: Path
) -> None:
    asked = ("--checkpoint", checkpoint, "--puzzles", "3", "--segments", "2")
    rows = tell(inside, tmp_path, "figure7", *asked)
    found = figure7(talkative(CONFIG), for_model(CONFIG, "", "test", 3), 2)
    assert [row[:2] for row in rows] == [[str(m), str(i)] for m in (1, 2) for i in range(1, 7)]
    assert [row[3] for row in rows] == [f"{at.right:.1%}" for at in found]
    for name in ("figure7_tiny.png", "figure7_tiny.gif", "figure7_tiny_numbers.png"):
        assert (tmp_path / name).stat().st_size > 1000


def test_frames_go_from_step_to_step(inside: ModuleType) -> None:
    model, puzzle = talkative(CONFIG), for_model(CONFIG, "", "test", 1)
    frames = list(inside.frames(model, puzzle, 2))
    assert [(f.segment, f.title) for f in frames[4:8]] == [
        (1, "Segment 1, step 5"),
        (1, "Segment 1, step 6"),
        (2, "Segment 2, step 1"),
        (2, "Segment 2, step 2"),
    ]
    assert frames[0].previous_L is None
    for before, after in pairwise(frames):
        assert after.previous_L is not None
        assert (after.previous_L == before.cells_L).all()
    slots = loop.fresh(model, batch_of(puzzle, torch.zeros(1).long(), torch.device("cpu")))
    for frame in (frames[5], frames[11]):
        slots, output = loop.advance(model, slots)
        said_L = Sudoku(4).values(output.logits.argmax(-1)[0].numpy())
        assert (frame.cells_L == said_L).all()
        assert frame.q_halt == pytest.approx(float(output.q[0, 0].sigmoid()))


@pytest.mark.parametrize("task", ["maze10", "arc6"])
def test_other_kinds_are_drawn_by_their_own_rules(inside: ModuleType, task: str) -> None:
    rules, puzzles = task_of(task), source(f"{task}:4:0", "test")
    config = replace(
        CONFIG,
        vocab=rules.vocab,
        length=rules.length,
        task=task,
        puzzle_ids=int(puzzles.ids_P.max()) + 1,
    )
    model = talkative(config)
    frames = list(inside.frames(model, puzzles.take([1]), 1))
    assert [frame.task for frame in frames] == [task] * 6
    assert len({draw(frame, 240).tobytes() for frame in frames}) > 1
    found = figure7(model, puzzles, 1)
    assert found[1].changed > 0 and all(at.solved == 0 for at in found)


def test_figure8_sets_trained_beside_untrained(
    inside: ModuleType, checkpoint: str, tmp_path: Path
) -> None:
    asked = ("--checkpoint", checkpoint, "--puzzles", "6", "--segments", "1", "--untrained", "1")
    rows = tell(inside, tmp_path, "figure8", *asked)
    assert [row[:3] for row in rows] == [
        [name, kind, count]
        for name in ("trained", "untrained 0")
        for kind in ("positions", "pooled", "whole")
        for count in ("5", "6")
    ]
    puzzles = for_model(CONFIG, "", "test", 6)
    batch = batch_of(puzzles, torch.arange(6), torch.device("cpu"))
    whole = moments(gather(talkative(CONFIG), batch, 1).z_H.flatten(2))
    assert rows[5][3] == f"{naive(whole):.1f}" and rows[5][5] == f"{corrected(whole):.1f} ± 0.0"
    assert (tmp_path / "figure8_tiny.png").exists()


def test_figure3_tells_puzzles_apart_by_their_answers(
    inside: ModuleType, checkpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ["figure3", "--checkpoints", checkpoint, "--puzzles", "3", "--segments", "2"]
    together = tell(inside, tmp_path, *asked)
    apart = tell(inside, tmp_path, *asked, "--by-answer")
    assert [row[0] for row in together] == ["tiny"] * 2
    assert [row[0] for row in apart] == ["tiny, not right"] * 2  # it was never trained
    assert [row[1:] for row in apart] == [row[1:] for row in together]

    monkeypatch.setattr(inside, "valid_optimal", lambda *_: torch.tensor([True, False, True]))
    parts = inside.by_answer(talkative(CONFIG), for_model(CONFIG, "", "test", 3), 1)
    puzzles = for_model(CONFIG, "", "test", 3)
    for part, index in ((", right", [0, 2]), (", not right", [1])):
        assert (parts[part].inputs_PL == puzzles.inputs_PL[index]).all()


@pytest.mark.slow
def test_figure2_trains_its_runs_once_and_figure3_reads_them(
    inside: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = tiny_run(steps=2, save_every=2, ema=0.0)
    monkeypatch.setitem(PRESETS, "tiny", lambda: base)
    asked = ["figure2", "--base", "tiny", "--puzzles", "4", "--segments", "2", "--no-compile"]
    asked += ["--only", "hrm", "recurrent", "deep-2"]
    rows = tell(inside, tmp_path, *asked)
    assert [[row[0], row[3], row[4]] for row in rows] == [
        ["hrm", "1", "6"],
        ["hrm", "2", "12"],
        ["recurrent", "1", "6"],
        ["recurrent", "2", "12"],
        ["deep-2", "1", "2"],
    ]
    folders = [tmp_path / "runs" / name for name in ("hrm", "recurrent", "deep-2")]
    weights = [(folder / "weights.safetensors").stat().st_mtime_ns for folder in folders]
    assert tell(inside, tmp_path, *asked) == rows
    assert weights == [(f / "weights.safetensors").stat().st_mtime_ns for f in folders]

    asked = ["figure3", "--puzzles", "2", "--segments", "2", "--checkpoints", *map(str, folders)]
    rows = tell(inside, tmp_path, *asked)
    assert [row[:3] for row in rows] == [
        ["hrm", "z_H", "4"],
        ["hrm", "z_L", "8"],
        ["recurrent", "passes", "6"],
        ["deep-2", "layers", "2"],
    ]
    assert (tmp_path / "figure2.png").exists() and (tmp_path / "figure3.png").exists()


def test_the_page_names_commands_that_there_are(inside: ModuleType) -> None:
    page = (SCRIPT.parents[1] / "docs" / "inside.md").read_text()
    commands = re.findall(r"^    python scripts/inside\.py ([^#\n]*)", page, re.MULTILINE)
    asked = [inside.parser().parse_args(command.split()).figure for command in commands]
    assert set(asked) == set(inside.FIGURES)
