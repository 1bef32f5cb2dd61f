"""The banks of HaltBench are those that were frozen, and another one is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from hrm_rl.banks.files import read_bank
from hrm_rl.haltbench import frozen
from hrm_rl.haltbench.frozen import HIDDEN, SPLITS, TRACKS, digest_of
from hrm_rl.stopping.belief import belief_optimum
from hrm_rl.stopping.exact import outcome
from hrm_rl.stopping.snell import fit_snell


@pytest.mark.parametrize("track", TRACKS)
def test_the_banks_are_those_that_were_frozen(track: str) -> None:
    """Whoever logs a bank again writes its hash too: scripts/make_banks.py."""
    fit, test = frozen.frozen(track)
    assert fit.max_segments == test.max_segments == TRACKS[track].max_segments + 1
    for bank in (fit, test):
        assert {TRACKS[track].observation, TRACKS[track].reference} <= bank.columns.keys()
    if fit.puzzles is not None and test.puzzles is not None:
        asked = [{row.tobytes() for row in bank.puzzles.inputs_PL} for bank in (fit, test)]
        assert not asked[0] & asked[1]


def test_there_is_a_hash_of_every_bank_and_no_other() -> None:
    wanted = {f"{track}-{split}" for track in TRACKS for split in SPLITS}
    assert json.loads(frozen.HASHES.read_text()).keys() == wanted


def test_another_bank_is_refused_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = json.loads(frozen.HASHES.read_text()) | {"hidden-test": "0" * 64}
    monkeypatch.setattr(frozen, "HASHES", tmp_path / "hashes.json")
    frozen.HASHES.write_text(json.dumps(other))
    with pytest.raises(
        ValueError, match=r'"hidden-test" is not the one that HaltBench froze'
    ) as why:
        frozen.frozen(HIDDEN)
    assert len(str(why.value).splitlines()) == 1 and "000000000000..." in str(why.value)


def test_freezing_writes_what_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = json.loads(frozen.HASHES.read_text())
    monkeypatch.setattr(frozen, "HASHES", tmp_path / "hashes.json")
    frozen.freeze()
    assert json.loads(frozen.HASHES.read_text()) == there == frozen.hashes()
    assert frozen.hashes(["maze8"]).keys() == {"maze8-fit", "maze8-test"}


def test_whatever_a_score_follows_from_changes_the_hash() -> None:
    bank = read_bank("maze8-fit").first(3)
    correct_MP = bank.correct_MP.clone()
    correct_MP[1, 7] = ~correct_MP[1, 7]
    scalars = bank.columns["scalars"].clone()
    scalars[2, 5, 0] += 1e-3
    others = [
        replace(bank, correct_MP=correct_MP),
        replace(bank, columns={"scalars": scalars}),
        replace(bank, cluster_P=torch.zeros_like(bank.cluster_P)),
        bank.first(2),
    ]
    assert len({digest_of(one) for one in [bank, *others]}) == 5
    assert digest_of(read_bank("maze8-fit").first(3)) == digest_of(bank)


def test_the_reference_of_the_synthetic_track_is_as_good_as_the_best() -> None:
    """The Snell envelope of the belief, fitted on more puzzles, has the known value but for chance."""
    larger = frozen.learnt_from(HIDDEN, frozen.frozen(HIDDEN).fit).first(8)
    fresh = frozen.synthetic.bank_c(50_000, 8, seed=3)
    for cost in (0.01, 0.05):
        value = outcome(fresh, fit_snell(larger, "belief", cost), cost).value
        assert value == pytest.approx(belief_optimum(frozen.CHAIN, cost), abs=0.005)
