"""Every kind of puzzle keeps the promises of `puzzles.Task`."""

import numpy as np
import pytest

from hrm_rl.models.hrm import HRMConfig
from hrm_rl.puzzles import PuzzleError, PuzzleSet, concat, task_for, task_of
from hrm_rl.puzzles.kinds import GENERATED, KINDS
from hrm_rl.puzzles.source import for_model, source

SIZES = {"sudoku": 6, "maze": 6, "parity": 8, "life": 6, "queens": 6, "arc": 10, "demos": 5}


@pytest.mark.parametrize("kind", KINDS)
def test_a_task_is_known_by_its_name(kind):
    task = task_of(f"{kind}{SIZES[kind]}")
    assert task.kind == kind and task_of(task.task) == task
    assert task.length == task.rows * task.columns


@pytest.mark.parametrize("kind", GENERATED)
def test_generated_puzzles_are_solved_by_their_answers_and_survive_text(kind):
    puzzles = source(f"{kind}{SIZES[kind]}:6:3", "fit")
    task = task_of(puzzles.task)
    assert (len(puzzles), puzzles.length, puzzles.vocab) == (6, task.length, task.vocab)
    assert puzzles.inputs_PL.max() < task.vocab and puzzles.solutions_PL.max() < task.vocab
    givens_PL, answers_PL = task.values(puzzles.inputs_PL), task.values(puzzles.solutions_PL)
    assert task.solved(givens_PL, answers_PL).all()
    for values_PL, tokens_PL in (
        (givens_PL, puzzles.inputs_PL),
        (answers_PL, puzzles.solutions_PL),
    ):
        for values_L, tokens_L in zip(values_PL, tokens_PL, strict=True):
            assert np.array_equal(task.parse(task.format(values_L)), values_L)
            assert np.array_equal(task.tokens(values_L)[tokens_L > 0], tokens_L[tokens_L > 0])
    for givens_L, answer_L in zip(givens_PL, answers_PL, strict=True):
        assert not task.broken(givens_L, answer_L).any()


@pytest.mark.parametrize("kind", GENERATED)
def test_splits_and_seeds_are_streams_of_their_own(kind):
    def made(seed: int, split: str) -> bytes:
        return source(f"{kind}{SIZES[kind]}:4:{seed}", split).inputs_PL.tobytes()

    assert made(3, "fit") == made(3, "fit")
    assert len({made(3, "fit"), made(3, "train"), made(3, "test"), made(4, "fit")}) == 4


def test_identifiers_go_with_their_puzzles():
    puzzles = source("sudoku4", "fit").take(range(4))
    assert puzzles.ids_P.tolist() == [0] * 4
    fields = puzzles.task, puzzles.inputs_PL, puzzles.solutions_PL, puzzles.ratings_P
    named = PuzzleSet(*fields, puzzles.sources, np.arange(4))
    assert named.take([3, 1]).ids_P.tolist() == [3, 1]
    assert concat([named, puzzles]).ids_P.tolist() == [0, 1, 2, 3, 0, 0, 0, 0]
    with pytest.raises(PuzzleError, match=r"ids_P of sudoku4 must have shape \(4,\), got \(3,\)"):
        PuzzleSet(*fields, puzzles.sources, np.arange(3))


def test_a_model_says_what_it_reads():
    assert task_for(HRMConfig(vocab=8, length=36)) == task_of("sudoku6")
    life = HRMConfig(vocab=4, length=42, task="life6")
    assert task_for(life) == task_of("life6")
    with pytest.raises(PuzzleError, match=r"the puzzles are sudoku6 .* was trained on life6"):
        for_model(life, "sudoku6", "test")
