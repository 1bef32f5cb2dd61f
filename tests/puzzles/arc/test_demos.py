"""ARC puzzles with demonstrations: what is shown, what is asked, and that tasks are held out whole."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hrm_rl.puzzles.arc.demos.rules import Demos
from hrm_rl.puzzles.arc.demos.sets import in_context, is_collection
from hrm_rl.puzzles.arc.symmetry import symmetries
from hrm_rl.puzzles.arc.tasks import ArcTask, Pair
from hrm_rl.puzzles.augment import augment
from hrm_rl.puzzles.augmented import Augmented
from hrm_rl.puzzles.kinds import task_of
from hrm_rl.puzzles.source import source
from hrm_rl.puzzles.sudoku.rules import Sudoku
from hrm_rl.puzzles.task import PuzzleError

GAME = Demos(4, 2)


def grid(colour: int, rows: int = 1, columns: int = 1) -> np.ndarray:
    return np.full((rows, columns), colour, np.uint8)


def task(name: str, *colours: int, asked: int = 1) -> ArcTask:
    """Pairs (1x1 of the colour, 2x1 of the next colour), the last ones to be solved."""
    pairs = tuple(Pair(grid(c), grid((c + 1) % 10, 2)) for c in colours)
    return ArcTask(name, pairs[:-asked], pairs[-asked:])


def colours(game: Demos, tokens_L: np.ndarray) -> list[int]:
    """Of each board's first cell; -1 where there is none."""
    return [int(board_G[0]) - 2 if board_G.any() else -1 for board_G in game.split(tokens_L)]


def test_to_be_solved_are_the_asked_pairs_after_those_that_show() -> None:
    puzzles = in_context(GAME, [task("t", 1, 2, 3, 4, 5, asked=2), task("u", 6, 7)], every=False)
    assert puzzles.task == "demos4x2" and puzzles.length == 5 * 16
    assert puzzles.sources == ("t 0", "t 1", "u 0")
    assert [colours(GAME, x_L) for x_L in puzzles.inputs_PL] == [
        [1, 2, 2, 3, 4],  # two of the three that show the rule
        [1, 2, 2, 3, 5],
        [6, 7, -1, -1, 7],  # u shows one only
    ]
    assert [colours(GAME, y_L) for y_L in puzzles.solutions_PL] == [
        [-1, -1, -1, -1, colour] for colour in (5, 6, 8)
    ]
    assert puzzles.ratings_P.tolist() == [4, 4, 4]  # two cells of colour, two more ends


def test_in_training_every_pair_is_asked_and_never_shown_with_itself() -> None:
    puzzles = in_context(Demos(4, 3), [task("t", 1, 2, 3, 4)], every=True)
    asked = [colours(Demos(4, 3), x_L) for x_L in puzzles.inputs_PL]
    assert [(one[0:6:2], one[6]) for one in asked] == [
        ([2, 3, 4], 1), ([3, 4, 1], 2), ([4, 1, 2], 3), ([1, 2, 3], 4),
    ]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    def values(colours: list[int]) -> list[dict[str, Any]]:
        return [{"input": [[c]], "output": [[c], [c + 1]]} for c in colours]

    tasks = {
        "training/a": (values([1, 2]), values([3])),
        "training/b": (values([4, 5]), values([6])),  # 6 is shown by d too
        "evaluation/c": (values([7]), values([8])),
        "evaluation/d": (values([6]), values([0])),
    }
    for name, (train, test) in tasks.items():
        path = tmp_path / "data" / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"train": train, "test": test}))
    return tmp_path / "data"


def test_whole_tasks_are_held_out(folder: Path) -> None:
    name = f"demos:arc:{folder}:side=3:pairs=1"
    assert is_collection(name) and not is_collection("arc1")
    train, test = (source(name, split) for split in ("train", "test"))
    assert train.task == test.task == "demos3x1"
    assert train.sources == (
        "a 0",
        "a 1",
        "a 2",
    )  # not b, which has a pair of d; nothing of c and d
    assert test.sources == ("c 0", "d 0")
    game = Demos(3, 1)
    shown = {colour for x_L in test.inputs_PL for colour in colours(game, x_L)[::2]}
    learnt = {colour for x_L in train.inputs_PL for colour in colours(game, x_L)[::2]}
    assert (shown, learnt) == ({0, 6, 7, 8}, {1, 2, 3})


def test_what_is_no_collection_is_told_in_one_sentence(folder: Path) -> None:
    for name, split, said in (
        (f"demos:arc:{folder}:side=3:pairs=x", "train", "pairs= wants one whole number"),
        (f"demos:arc:{folder}:side=3", "fit", '"train" and "test", got \'fit\''),
        (f"demos:arc:{folder}/evaluation:side=3", "train", "there are no tasks to take"),
        (f"demos:arc:{folder}:side=3:pairs=11", "train", "1 to 10 pairs, got 11"),
    ):
        with pytest.raises(PuzzleError, match=said):
            source(name, split)


# --- the rules ------------------------------------------------------------------------------------


def test_text_there_and_back() -> None:
    puzzles = in_context(GAME, [task("t", 1, 2, 3)], every=False)
    for tokens_L in (puzzles.inputs_PL[0], puzzles.solutions_PL[0]):
        text = GAME.format(GAME.values(tokens_L))
        assert text.count("|") == (tokens_L == 1).sum()
        assert (GAME.tokens(GAME.parse(text)) == tokens_L).all()
    assert GAME.pretty(puzzles.solutions_PL[0]) == "4\n4"
    assert GAME.pretty(puzzles.inputs_PL[0]) == "1\n\n2\n2\n\n2\n\n3\n3\n\n3"
    assert task_of("demos4x2") == GAME and (GAME.rows, GAME.columns, GAME.vocab) == (20, 4, 12)
    with pytest.raises(PuzzleError, match="5 boards of side 4 have 80 characters, got 3"):
        GAME.parse("...")


def test_an_answer_is_a_board_with_one_grid() -> None:
    puzzles = in_context(GAME, [task("t", 1, 2, 3)], every=False)
    x_PL, y_PL = puzzles.inputs_PL, puzzles.solutions_PL
    assert GAME.solved(x_PL, y_PL).tolist() == [True]
    assert not GAME.broken(x_PL[0], y_PL[0]).any()
    spoilt_L = y_PL[0].copy()
    spoilt_L[-16 + 8] = 0  # the end below the grid
    assert GAME.solved(x_PL, spoilt_L[None]).tolist() == [False]
    assert GAME.broken(x_PL[0], spoilt_L).nonzero()[0].tolist() == [64 + 8]


# --- augmentation ---------------------------------------------------------------------------------


@settings(max_examples=8)
@given(st.integers(0, 1000))
def test_all_boards_of_a_puzzle_are_varied_alike(seed: int) -> None:
    rng = np.random.default_rng(seed)

    def any_grid() -> np.ndarray:
        return rng.integers(0, 10, rng.integers(1, 5, 2)).astype(np.uint8)

    tasks = [
        ArcTask(name, (Pair(any_grid(), any_grid()),) * shown, (Pair(any_grid(), any_grid()),))
        for name, shown in (("one", 1), ("two", 2))
    ]
    puzzles = in_context(GAME, tasks, every=False)
    x_BL, y_BL = (torch.from_numpy(t).long() for t in (puzzles.inputs_PL, puzzles.solutions_PL))
    dealt = Augmented(x_BL, y_BL, torch.zeros(2, dtype=torch.long))
    varied = augment(GAME, dealt, torch.Generator().manual_seed(seed))
    for b in range(2):
        old = [*GAME.split(x_BL[b].numpy()), GAME.split(y_BL[b].numpy())[-1]]
        new = [*GAME.split(varied.x_BL[b].numpy()), GAME.split(varied.y_BL[b].numpy())[-1]]
        fits = [
            symmetry
            for symmetry in symmetries(GAME.board.variants)
            if all(
                (GAME.board.board(symmetry.apply(GAME.board.grid(was))) == now).all()
                if was.any()
                else not now.any()
                for was, now in zip(old, new, strict=True)
            )
        ]
        assert fits
        assert not varied.y_BL[b, :-16].any()


def test_it_draws_without_a_host_read_and_refuses_other_puzzles() -> None:
    meta = torch.zeros(3, GAME.length, dtype=torch.long, device="meta")
    x_BL, _, _ = augment(GAME, Augmented(meta, meta, meta[:, 0]), None)
    assert x_BL.shape == (3, GAME.length)
    from hrm_rl.puzzles.arc.demos.augment import vary

    with pytest.raises(PuzzleError, match="with demonstrations, got sudoku4"):
        vary(Sudoku(4), Augmented(meta, meta, meta[:, 0]))
