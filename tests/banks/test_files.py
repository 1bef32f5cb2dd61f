"""Banks on disk: the same numbers as in memory; misfits are refused."""

import json
import os
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from logged import MODEL, M, log
from scripted import PUZZLES, tiny_hrm

from hrm_rl.banks import files
from hrm_rl.banks.bank import Bank, log_bank, observe
from hrm_rl.banks.files import TIERS, find_bank, read_bank, read_header, weights_hash
from hrm_rl.banks.header import SHIPPED
from hrm_rl.models.checkpoint import load_model
from hrm_rl.puzzles import load

# --- the same numbers -----------------------------------------------------------------------------


def assert_same(one: Bank, other: Bank, exact: bool = True) -> None:
    assert one.columns.keys() == other.columns.keys()
    for name, column in one.columns.items():
        if exact:
            assert torch.equal(column, other.columns[name]), name
        else:
            torch.testing.assert_close(column, other.columns[name], rtol=1e-5, atol=1e-5)
    for field in ("correct_MP", "predictions_MPT", "rating_P", "cluster_P", "solutions_PT"):
        assert torch.equal(getattr(one, field), getattr(other, field)), field
        assert getattr(one, field).dtype == getattr(other, field).dtype, field
    assert torch.equal(one.cells_MP, other.cells_MP)


def test_what_is_read_is_what_is_logged_in_memory(whole: Path) -> None:
    bank = read_bank(whole, MODEL, max_segments=M, observations=("q", "full"), puzzles=PUZZLES)
    assert_same(bank, log_bank(MODEL, PUZZLES, M, observations=TIERS["full"], batch_size=3))
    assert bank.puzzles is not None
    assert bank.puzzles.sources == PUZZLES.sources and bank.puzzles.task == PUZZLES.task
    assert np.array_equal(bank.puzzles.inputs_PL, PUZZLES.inputs_PL)
    assert np.array_equal(bank.puzzles.ratings_P, PUZZLES.ratings_P)


def test_a_bank_is_read_without_loading_it(whole: Path) -> None:
    bank = read_bank(whole)
    maps = Path("/proc/self/maps")
    if maps.exists():
        assert str(whole / "columns.full.npy") in maps.read_text()
    short = bank.first(2)
    assert short.columns["full"].data_ptr() == bank.columns["full"].data_ptr()
    bank.correct_MP[:] = True  # nor does a change go through to the disk
    assert not read_bank(whole).correct_MP.all()


def test_a_shorter_bank_is_the_beginning_of_a_longer_one(whole: Path, tmp_path: Path) -> None:
    """Bit for bit."""
    short = read_bank(log(tmp_path / "short", max_segments=2, tier="pool"))
    assert_same(replace(read_bank(whole).first(2), columns=short.columns), short)
    for name in TIERS["pool"]:
        assert torch.equal(read_bank(whole).columns[name][:2], short.columns[name])


def test_each_tier_adds_to_the_one_before() -> None:
    added = [set(b) - set(a) for a, b in pairwise(TIERS.values())]
    assert added == [{"z_H"}, {"z_H_pool"}, {"full"}]


def test_states_may_be_halved_and_scalars_never_are(whole: Path, tmp_path: Path) -> None:
    half = read_bank(log(tmp_path / "half", tier="head", states="float16"))
    assert half.columns["z_H"].dtype == torch.float16
    assert torch.equal(half.columns["scalars"], read_bank(whole).columns["scalars"])
    seen, expected = observe(half, "z_H", 3), observe(read_bank(whole), "z_H", 3)
    assert seen.dtype == torch.float32
    torch.testing.assert_close(seen, expected, rtol=1e-3, atol=1e-3)


def test_the_header_tells_what_was_logged(whole: Path) -> None:
    header = json.loads((whole / "bank.json").read_text())
    assert (header["count"], header["done"], header["complete"]) == (8, 8, True)
    assert (header["weights"], header["model"]["width"]) == (weights_hash(MODEL), 32)
    assert (header["task"], header["puzzles"], header["split"]) == ("sudoku4", "mine", "fit")
    assert header["mismatch_rate"] == 0
    sizes = {file.stem: file.stat().st_size for file in whole.glob("*.npy")}
    assert sizes.keys() == header["arrays"].keys()
    headers_of_files = 128 * len(sizes)
    assert sum(sizes.values()) == read_header(whole).size + headers_of_files


def test_batch_size_does_not_decide_what_is_right() -> None:
    """1 against 64, and in another order: rounding differs, answers do not (rate < 1e-4)."""
    puzzles = load("sudoku4", "test").take(range(64))
    order = np.random.default_rng(0).permutation(len(puzzles))
    big = log_bank(MODEL, puzzles, 8, batch_size=64)
    for other in (
        log_bank(MODEL, puzzles, 8, batch_size=1),
        log_bank(MODEL, puzzles.take(order), 8, batch_size=64),
    ):
        back = torch.from_numpy(np.argsort(order)) if other.puzzles is not puzzles else slice(None)
        differ = other.correct_MP[:, back] != big.correct_MP
        assert differ.double().mean() < 1e-4
        torch.testing.assert_close(
            other.columns["scalars"][:, back], big.columns["scalars"], rtol=1e-4, atol=1e-4
        )


def test_the_mismatch_rate_is_counted_against_puzzles_logged_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With two of the 8 x 4 segments turned round in what is logged alone."""
    plain = files.logged

    def other_alone(*arguments: Any, **settings: Any) -> Any:
        for number, part in enumerate(plain(*arguments, **settings)):
            if settings["batch_size"] == 1 and number in (2, 5):
                part["correct"][1] ^= True
            yield part

    monkeypatch.setattr(files, "logged", other_alone)
    assert read_header(log(tmp_path / "bank")).mismatch_rate == 2 / (8 * M)


def test_the_hash_knows_weights_by_name_and_value() -> None:
    same, other = tiny_hrm(), tiny_hrm()
    assert weights_hash(MODEL) == weights_hash(same)
    other.q_head.weight[0, 0] += 1e-6
    assert weights_hash(MODEL) != weights_hash(other)


# --- refusals -------------------------------------------------------------------------------------


def other_model() -> Any:
    model = tiny_hrm()
    model.q_head.bias += 1
    return model


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"max_segments": 5}, "holds 4 segments, got max_segments=5; lower it or log a longer"),
        ({"observations": ("q", "z_H_pool")}, 'of tier "head", without z_H_pool; log one of a hig'),
        ({"puzzles": PUZZLES.take(range(7))}, r"logged with other puzzles \(8 of mine\)"),
        ({"puzzles": PUZZLES.take(range(7, -1, -1))}, "logged with other puzzles"),
        ({"model": other_model()}, "logged with other weights than this checkpoint's"),
    ],
)
def test_a_bank_that_does_not_fit_is_refused_in_one_sentence(
    tmp_path: Path, request_: dict[str, Any], message: str
) -> None:
    folder = log(tmp_path / "bank", tier="head")
    with pytest.raises(ValueError, match=message) as caught:
        read_bank(folder, **request_)
    assert "\n" not in str(caught.value)


def test_weights_in_another_config_are_refused(whole: Path) -> None:
    model = tiny_hrm()
    model.config = replace(model.config, L_cycles=7)
    with pytest.raises(ValueError, match="a model of another config"):
        read_bank(whole, model)


def test_a_bank_of_other_scalars_is_refused(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A later version may have more columns."""
    monkeypatch.setattr("hrm_rl.features.SCALARS", ("q_halt", "q_continue"))
    with pytest.raises(ValueError, match=r"logged by hrm_rl .* with other scalars"):
        read_bank(whole)


def test_a_folder_of_something_else_is_not_written_to(whole: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(ValueError, match="holds something that is not a bank"):
        log(tmp_path)
    with pytest.raises(ValueError, match="differs in max_segments, tier, arrays; choose another"):
        log(whole, max_segments=5)
    stirred = tiny_hrm()
    stirred.config = replace(stirred.config, noise=0.5)
    with pytest.raises(ValueError, match=r"differs in model \(noise 0.0 and 0.5\), "):
        log(whole, model=stirred)
    with pytest.raises(ValueError, match="differs in tokens, count"):
        log(whole, tier="full", puzzles=PUZZLES.take(range(6)))
    for wrong in ({"tier": "huge"}, {"states": "int8"}):
        with pytest.raises(ValueError, match="tier must be one of lite, head, pool, full and"):
            log(tmp_path / "new", **wrong)


def test_damage_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match='there is no bank "nowhere"; give a folder'):
        read_bank("nowhere")
    folder = log(tmp_path / "bank")
    rows = folder / "cells.npy"
    os.truncate(rows, rows.stat().st_size - 1)
    with pytest.raises(ValueError, match=r"cells\.npy is damaged"):
        read_bank(folder)
    header = folder / "bank.json"
    text = json.loads(header.read_text())
    for change, message in (
        ({"done": 6}, r"cells\.npy is damaged; delete"),
        ({"format": 2}, "has format 2, this version reads 1"),
        ({"arrays": {}, "surprise": 1}, "is damaged .*surprise"),
    ):
        header.write_text(json.dumps(text | change))
        rows.write_bytes(rows.read_bytes()[:99] if "done" in change else b"")
        with pytest.raises(ValueError, match=message) as caught:
            log(folder)
        assert "\n" not in str(caught.value)
    header.write_text("{")
    with pytest.raises(ValueError, match="no bank that can be read"):
        read_header(folder)


def test_banks_are_found_by_name(
    tmp_path: Path, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = log(tmp_path / "tiny-fit")
    monkeypatch.setattr("hrm_rl.banks.header.SHIPPED", tmp_path)
    assert find_bank("tiny-fit") == find_bank("tiny", "fit") == folder
    assert find_bank(whole) == whole
    with pytest.raises(ValueError, match=r"or a shipped one \(tiny-fit\)"):
        find_bank("tiny", "test")


@pytest.mark.parametrize("folder", sorted(path.name for path in SHIPPED.glob("*-*")))
def test_a_shipped_bank_is_of_the_shipped_weights(folder: str) -> None:
    """Whoever trains new weights logs new banks: scripts/make_banks.py."""
    name, _, split = folder.rpartition("-")
    bank = read_bank(folder, load_model(name)[0], max_segments=17, observations=("q", "scalars"))
    header = read_header(SHIPPED / folder)
    assert (header.puzzles, header.split, len(bank)) == (name, split, header.count)
    assert header.mismatch_rate is not None and header.mismatch_rate < 1e-3
    asked_PT = bank.solutions_PT > 0  # around ARC's boards there is nothing to answer
    right_MP = ((bank.predictions_MPT == bank.solutions_PT) | ~asked_PT).all(-1)
    assert torch.equal(right_MP, bank.correct_MP)


def test_shipped_banks_are_small() -> None:
    assert sum(file.stat().st_size for file in SHIPPED.glob("*/*")) < 6.6e6
