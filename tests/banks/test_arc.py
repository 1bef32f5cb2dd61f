"""Evaluation on ARC with models whose answers are known: variants, turned back, voted."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from hrm_rl.agents.rules import rule
from hrm_rl.agents.rules.basic import FixedSegments
from hrm_rl.banks.arc import solve
from hrm_rl.models.base import Carry, Output, PuzzleEmbedding
from hrm_rl.models.hrm import HRMConfig
from hrm_rl.puzzles.arc.evaluate import asked, asked_in, voted
from hrm_rl.puzzles.arc.rules import Arc
from hrm_rl.puzzles.arc.sets import Collection, collection
from hrm_rl.puzzles.arc.symmetry import symmetries
from hrm_rl.puzzles.arc.tasks import ArcTask, Pair
from hrm_rl.puzzles.official_data import read
from hrm_rl.puzzles.task import PuzzleError

BOARD = Arc(5, 12)
QUESTION = np.array([[1, 2, 3], [0, 0, 4]], np.uint8)
ANSWER = np.array([[1, 2], [3, 4], [0, 5]], np.uint8)
WRONG = np.array([[9, 9]], np.uint8)
PAIR = Pair(QUESTION, ANSWER)
OTHER = Pair(QUESTION[::-1], ANSWER[::-1])
FOUND = Collection(
    BOARD, (), (ArcTask("a", (PAIR,), (OTHER,)), ArcTask("b", (OTHER,), (PAIR, OTHER)))
)


class ByHeart:
    """Answers a variant of the pairs rightly if its identifier is among `knows`, from segment 2 on.

    Says so with its Q. All its wrong answers are variants of WRONG.
    """

    def __init__(self, knows: set[int], identifiers: int = FOUND.identifiers) -> None:
        self.config = HRMConfig(12, 25, width=4, heads=1, token_mixer="mlp", task=BOARD.task)
        self.knows, self.device = knows, torch.device("cpu")
        self.puzzle_emb = PuzzleEmbedding(identifiers, 4)

    def initial(self, slots: int) -> Carry:
        zeros = torch.zeros(slots, 26, 4)
        return Carry(zeros, zeros)

    def puzzle_rows(self, id_B: Tensor) -> Tensor:
        return id_B[:, None].expand(-1, 4).float()

    def segment(self, carry: Carry, x_BT: Tensor, rows_BE: Tensor) -> tuple[Carry, Output]:
        z, ids = carry.z_H + 1, rows_BE[:, 0].int().tolist()
        right = [i in self.knows and float(m) >= 2 for i, m in zip(ids, z[:, 0, 0], strict=True)]
        answers = [self._answer(*row) for row in zip(x_BT.numpy(), ids, right, strict=True)]
        logits = torch.nn.functional.one_hot(torch.tensor(np.stack(answers)).long(), 12).float()
        q_halt = torch.tensor([2.0 if r else -2.0 for r in right])
        return Carry(z, z), Output(logits, torch.stack([q_halt, -q_halt], 1))

    def _answer(self, x_T: np.ndarray, identifier: int, right: bool) -> np.ndarray:
        symmetry = symmetries(12)[(identifier - 1) % 13]
        question = symmetry.undo(BOARD.grid(x_T))
        answer = next(p.answer for p in (PAIR, OTHER) if np.array_equal(p.question, question))
        return BOARD.board(symmetry.apply(answer if right else WRONG))


def ids(task: str, *variants: int) -> set[int]:
    return {FOUND.identifier(task, k) for k in variants}


def test_what_is_asked() -> None:
    questions = list(asked(FOUND))
    assert [(q.task, q.number) for q in questions] == [("a", 0), ("b", 0), ("b", 1)]
    for question in questions:
        assert len(question.puzzles) == 13
        for k, symmetry in enumerate(question.symmetries):
            assert question.puzzles.ids_P[k] == FOUND.identifier(question.task, k)
            tokens_L = question.puzzles.solutions_PL[k]
            assert np.array_equal(symmetry.undo(BOARD.grid(tokens_L)), question.pair.answer)
    assert [len(q.puzzles) for q in asked(FOUND, variants=3)] == [4, 4, 4]
    assert [(q.task, q.number) for q in asked(FOUND, limit=2)] == [("a", 0), ("b", 1)]
    with pytest.raises(PuzzleError, match="0 to 12, got 13"):
        next(asked(FOUND, variants=13))


def test_variants_that_are_alike_are_asked_once() -> None:
    dot = Pair(np.array([[1]], np.uint8), np.array([[1]], np.uint8))
    (question,) = asked(Collection(BOARD, (), (ArcTask("dot", (), (dot,)),)))
    kept = {s.colours[1] for s in question.symmetries}
    assert len(kept) == len(question.puzzles) < 6


@pytest.mark.parametrize("batch_size", [1, 7, 20, 256])
def test_the_vote(batch_size: int) -> None:
    """Of 13 variants 7 are right for a, 6 for b: the other answer has the most votes there."""
    model = ByHeart(ids("a", *range(7)) | ids("b", *range(6)))
    solved = list(solve(model, asked(FOUND), FixedSegments(3), 3, batch_size=batch_size))
    assert [int(one.correct_P.sum()) for one in solved] == [7, 6, 6]
    result = voted(solved)
    assert [v.within(1) for v in result.verdicts] == [True, False, False]
    assert (result.inputs(1), result.inputs(2), result.tasks(1), result.tasks(2)) == (
        1 / 3,
        1,
        0.5,
        1,
    )
    assert voted(solved, "halted").inputs(1) == 1
    assert voted(solved, "weighted").inputs(1) == 1


def test_where_the_policy_halts() -> None:
    model = ByHeart(ids("a", 0, 1))
    (one,) = solve(model, asked(FOUND, limit=1), rule("q"), 4)
    assert [(a.segment, a.halted) for a in one.answers[:3]] == [(2, True), (2, True), (4, False)]
    assert one.answers[0].q == pytest.approx(1 / (1 + np.exp(-2)))
    assert np.array_equal(one.answers[1].grid, OTHER.answer)
    early = solve(model, asked(FOUND, limit=1), FixedSegments(1), 4)
    assert not next(early).correct_P.any()


def test_identifiers_that_the_model_does_not_have() -> None:
    with pytest.raises(
        PuzzleError, match="embeddings for 20 identifiers, and the puzzles have number 26"
    ):
        list(solve(ByHeart(set(), 20), asked(FOUND), FixedSegments(1), 2))


def test_data_of_the_public_scripts(tmp_path: Path) -> None:
    """The same variants, shuffled and named as those scripts name them."""
    every = list(asked(FOUND, variants=3))
    names, inputs, labels, of_puzzle = ["<blank>"], [], [], []
    for question in reversed(every):
        for symmetry, x_L, y_L in zip(
            question.symmetries,
            question.puzzles.inputs_PL,
            question.puzzles.solutions_PL,
            strict=True,
        ):
            plain = symmetry == symmetries(0)[0]
            name = question.task if plain else f"{question.task}_{symmetry.name}"
            names += [name] * (name not in names)
            of_puzzle.append(names.index(name))
            inputs.append(x_L)
            labels.append(y_L)
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "dataset.json").write_text(
        json.dumps({"pad_id": 0, "ignore_label_id": 0, "vocab_size": 12})
    )
    arrays = {
        "inputs": np.stack(inputs),
        "labels": np.stack(labels),
        "puzzle_identifiers": np.array(of_puzzle, np.int32),
        "puzzle_indices": np.arange(len(inputs) + 1, dtype=np.int32),
    }
    for name, array in arrays.items():
        np.save(tmp_path / "test" / f"all__{name}.npy", array)
    (tmp_path / "identifiers.json").write_text(json.dumps(names))

    found = {(q.task, q.pair.key): q for q in asked_in(read(tmp_path, "test"))}
    assert found.keys() == {(q.task, q.pair.key) for q in every}
    for question in every:
        other = found[question.task, question.pair.key]
        assert sorted(map(str, other.symmetries)) == sorted(map(str, question.symmetries))
        assert len(other.puzzles) == 4


def test_the_public_tasks_can_be_asked() -> None:
    """007bbfb7 has one colour (and black) in each grid, several in all."""
    question = next(asked(collection("arc1:00576224"), variants=20))
    assert question.task == "00576224"
    assert 8 <= len(question.puzzles) <= 21
    assert question.puzzles.task == "arc30"
