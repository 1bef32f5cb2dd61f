"""Banks of several copies: the first is the bank without them, the others are turned back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from logged import MODEL, M, content, log
from scripted import PUZZLES
from tiny import ATTENTION, talkative

from hrm_rl import loop
from hrm_rl.banks.bank import Bank, log_bank
from hrm_rl.banks.copies import originals, scores
from hrm_rl.banks.files import read_bank, read_header
from hrm_rl.features import Q_BOUND, VERIFIED
from hrm_rl.models.copies import copies_of
from hrm_rl.models.drawn import splitmix64
from hrm_rl.puzzles import task_of
from hrm_rl.stopping.snell import take

K = 3


@pytest.fixture(scope="module")
def of_copies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return log(tmp_path_factory.mktemp("banks") / "copies", copies=K)


def test_the_first_copies_are_the_bank_without_any(of_copies: Path) -> None:
    bank, alone = read_bank(of_copies), log_bank(MODEL, PUZZLES, M)
    assert (len(bank), bank.copies, read_header(of_copies).count) == (8 * K, K, 8 * K)
    assert bank.cluster_P.tolist() == [p for p in range(8) for _ in range(K)]
    first = originals(bank)
    assert first.copies == 1 and torch.equal(first.correct_MP, alone.correct_MP)
    assert torch.equal(first.predictions_MPT, alone.predictions_MPT)
    torch.testing.assert_close(first.columns["scalars"], alone.columns["scalars"])
    assert first.puzzles is not None and (first.puzzles.inputs_PL == PUZZLES.inputs_PL).all()
    assert not torch.isclose(bank.columns["scalars"][0, 0], bank.columns["scalars"][0, 1]).all()
    assert originals(alone) is alone


def test_a_copy_is_what_the_model_makes_of_the_turned_board(of_copies: Path) -> None:
    bank, row_B = read_bank(of_copies), torch.tensor([4])  # copy 1 of puzzle 1
    own = copies_of(MODEL, task_of("sudoku4"), row_B, K, 0 * row_B)
    batch = loop.batch_of(PUZZLES, torch.tensor([1]), MODEL.device)
    slots = loop.fresh(MODEL, batch._replace(x_BT=own.seen(batch.x_BT)))
    for m in range(M):
        slots, output = loop.advance(MODEL, slots)
        answer_T = own.back(output.logits.argmax(-1))[0]
        assert torch.equal(bank.predictions_MPT[m, 4].long(), answer_T)
        torch.testing.assert_close(bank.columns["scalars"][m, 4, :2], output.q[0])


def test_copies_of_a_model_that_draws_are_other_starts() -> None:
    model = talkative(replace(ATTENTION, start="random"))
    bank = log_bank(model, PUZZLES, 2, copies=2)
    seed_B = splitmix64(torch.zeros(1, dtype=torch.int64), torch.tensor([5]))  # that of puzzle 5
    seed_B = splitmix64(seed_B, torch.tensor([1]))
    slots = loop.fresh(model, loop.batch_of(PUZZLES, torch.tensor([5]), model.device), seed_B)
    _, output = loop.advance(model, slots)
    torch.testing.assert_close(bank.columns["scalars"][0, 11, :2], output.q[0])


def test_what_was_broken_off_goes_on_with_the_same_bytes(
    of_copies: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hrm_rl.banks import files

    whole = files.logged

    def one(*arguments: object, **settings: object) -> object:
        yield next(iter(whole(*arguments, **settings)))  # type: ignore[arg-type]
        raise KeyboardInterrupt

    monkeypatch.setattr(files, "logged", one)
    with pytest.raises(KeyboardInterrupt):
        log(tmp_path / "part", copies=K)
    monkeypatch.undo()
    assert read_header(tmp_path / "part").done == 3
    assert content(log(tmp_path / "part", copies=K)) == content(of_copies)
    assert read_header(of_copies).mismatch_rate == 0


def test_a_bank_without_copies_says_nothing_of_them(of_copies: Path, tmp_path: Path) -> None:
    assert json.loads((of_copies / "bank.json").read_text())["copies"] == K
    assert "copies" not in json.loads((log(tmp_path / "one") / "bank.json").read_text())


def test_misfits_are_refused(of_copies: Path, tmp_path: Path) -> None:
    read_bank(of_copies, MODEL, puzzles=PUZZLES)
    with pytest.raises(ValueError, match="was logged with other puzzles"):
        read_bank(of_copies, puzzles=PUZZLES.take(range(7)))
    with pytest.raises(ValueError, match="holds a bank that differs in tokens, count, copies"):
        log(of_copies, copies=2)
    text = json.loads((log(tmp_path / "bad") / "bank.json").read_text())
    (tmp_path / "bad" / "bank.json").write_text(json.dumps({**text, "copies": 3}))
    with pytest.raises(ValueError, match='"count" must be a multiple of "copies", got 8 and 3'):
        read_header(tmp_path / "bad")
    bank = read_bank(of_copies)
    with pytest.raises(
        ValueError, match="a bank of 5 copies has as many rows of each puzzle, got 24"
    ):
        replace(bank, copies=5)


def test_a_part_of_whole_puzzles_keeps_its_copies(of_copies: Path) -> None:
    bank = read_bank(of_copies)
    for rows, copies in (([3, 4, 5, 0, 1, 2], K), ([0, 1, 3], 1), ([1, 2, 3], 1), ([0, 1], 1)):
        assert take(bank, torch.tensor(rows)).copies == copies


def test_scores_by_hand() -> None:
    """Q of 1, 40 (clipped) and -2; an answer that verifies is beyond them."""
    right = torch.from_numpy(PUZZLES.solutions_PL[:2])
    bank = Bank(
        columns={"q": torch.tensor([[[1.0, 0], [40, 0]], [[-2, 0], [0, 0]]])},
        correct_MP=torch.zeros(2, 2, dtype=torch.bool),
        cells_MP=torch.zeros(2, 2),
        predictions_MPT=torch.stack([right.flip(0), right]),
        rating_P=torch.zeros(2, dtype=torch.long),
        cluster_P=torch.arange(2),
        puzzles=PUZZLES.take(range(2)),
    )
    assert scores(bank, "best-q").tolist() == [[1, Q_BOUND], [-2, 0]]
    assert scores(bank, "verified").tolist() == [[1, Q_BOUND], [VERIFIED, VERIFIED]]
    blind = replace(bank, columns={"o": bank.columns["q"]})
    with pytest.raises(ValueError, match="compares answers by their Q logits, and this bank has o"):
        scores(blind, "last")
