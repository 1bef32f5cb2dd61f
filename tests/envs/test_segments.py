"""Where segments come from: the bank gives what the model gives; what doesn't fit is refused.

Shapes: M segments, P puzzles, F features.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env, data_equivalence
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted import PUZZLES, Scripted, tiny_hrm

from hrm_rl.banks.bank import Bank, log_bank
from hrm_rl.banks.files import log_to, read_bank
from hrm_rl.envs import banked
from hrm_rl.envs.banked import BankSegments
from hrm_rl.envs.engine import AUTORESETS
from hrm_rl.envs.halting import HaltingEnv
from hrm_rl.envs.mdp import MDP
from hrm_rl.envs.segments import LiveSegments
from hrm_rl.envs.vector import HaltingVectorEnv
from hrm_rl.features import OBSERVATIONS
from hrm_rl.models.hrm import HRM

M = 6


def precise_hrm() -> HRM:
    """In fp64: sums over other batch sizes round differently, in fp32 as the processor has it."""
    return tiny_hrm().double()


@pytest.fixture(scope="module")
def bank() -> Bank:
    return log_bank(precise_hrm(), PUZZLES, M + 1, observations=OBSERVATIONS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same on disk."""
    path = tmp_path_factory.mktemp("banks") / "tiny-fit"
    log_to(path, precise_hrm(), PUZZLES, M + 1, tier="full", split="fit")
    return path


def synthetic(puzzles: int = 40, segments: int = 5) -> Bank:
    """No model, no puzzles: what is seen is a number, and whether the answer is right."""
    generator = torch.Generator().manual_seed(0)
    correct_MP = torch.rand(segments, puzzles, generator=generator).cumsum(0) > 1.5
    noise_MP = torch.randn(segments, puzzles, generator=generator)
    return Bank(
        columns={"o": torch.stack([noise_MP, 100 * correct_MP.float()], -1)},
        correct_MP=correct_MP,
        cells_MP=correct_MP.float(),
        predictions_MPT=correct_MP.to(torch.uint8)[..., None],
        rating_P=torch.zeros(puzzles, dtype=torch.long),
        cluster_P=torch.arange(puzzles),
    )


# --- lookups --------------------------------------------------------------------------------------


def looks(segments: BankSegments | LiveSegments) -> list[tuple[Any, ...]]:
    """All that a source says of three puzzles, segment by segment."""
    rows = segments.fresh(torch.tensor([5, 0, 5]), torch.zeros(3, dtype=torch.int64))
    found = []
    for _ in range(M):
        rows = segments.run(rows)
        look = segments.look(rows)
        parts = segments.show(look), segments.outcome(look), segments.pictured(look)
        found.append((look.m_B.tolist(), look.puzzle_B.tolist(), *parts))
    return found


@pytest.mark.parametrize("observation", OBSERVATIONS)
@pytest.mark.parametrize("small", [True, False])
def test_bank_and_model_show_the_same(
    bank: Bank, folder: Path, observation: str, small: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In memory and on disk; with a table of its own and from where it lies."""
    monkeypatch.setattr(banked, "_SMALL", 2**28 if small else 0)
    for time_aware in (True, False):
        mdp = MDP(observation, max_segments=M, time_aware=time_aware)
        live = LiveSegments(precise_hrm(), PUZZLES, mdp)
        for source in (bank, read_bank(folder), bank.first(M), read_bank(folder).first(M)):
            segments = BankSegments(source, mdp)
            assert segments.bounds() == live.bounds()
            for expected, got in zip(looks(live), looks(segments), strict=True):
                assert got[:2] == expected[:2]
                for one, other in zip(got[2:], expected[2:], strict=True):
                    for name, part, like in zip(one._fields, one, other, strict=True):
                        if name != "previous_BT" or got[0][0] > 1:  # means nothing at first
                            torch.testing.assert_close(part, like, rtol=1e-5, atol=1e-5)


def test_large_columns_stay_on_the_disk(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(banked, "_SMALL", 0)
    source = read_bank(folder)
    segments = BankSegments(source.first(M), MDP("z_H", max_segments=M))
    assert segments.columns_RF.data_ptr() == source.columns["z_H"].data_ptr()
    assert segments.prediction_RT.data_ptr() == source.predictions_MPT.data_ptr()


def test_a_bank_without_q_shows_nan_to_the_picture(bank: Bank) -> None:
    bare = replace(bank, columns={"z_H": bank.columns["z_H"]})
    assert looks(BankSegments(bare, MDP("z_H", max_segments=M)))[0][4].q_B2.isnan().all()


def test_states_at_half_precision_are_seen_at_full(tmp_path: Path) -> None:
    log_to(tmp_path / "half", tiny_hrm(), PUZZLES, M, tier="head", states="float16")
    env = HaltingEnv(bank=tmp_path / "half", observation="z_H", max_segments=M)
    obs, _ = env.reset(seed=0)
    assert obs.dtype == np.float32 and env.observation_space.contains(obs)


# --- a bank and a live model are one environment --------------------------------------------------


@pytest.mark.parametrize("mode", AUTORESETS)
@given(
    n=st.integers(1, 7),
    max_segments=st.integers(2, M + 1),
    halt=st.sampled_from([0.0, 0.2, 0.6, 1.0]),
    data=st.data(),
)
@settings(max_examples=7)
def test_a_vector_of_a_bank_equals_single_environments_of_it(
    bank: Bank, folder: Path, mode: str, n: int, max_segments: int, halt: float, data: st.DataObject
) -> None:
    """Bit for bit, in observations and infos, with real and synthetic banks."""
    source = data.draw(st.sampled_from(["memory", "disk", "synthetic"]))
    arguments: dict[str, Any] = {
        "bank": {"memory": bank, "disk": str(folder), "synthetic": synthetic(segments=M + 1)}[
            source
        ],
        "observation": "o" if source == "synthetic" else data.draw(st.sampled_from(OBSERVATIONS)),
        "max_segments": max_segments,
        "min_segments": data.draw(st.integers(1, max_segments), label="min_segments"),
        "time_aware": data.draw(st.booleans(), label="time_aware"),
        "step_cost": 0.01,
    }
    native = HaltingVectorEnv(n, autoreset_mode=mode, **arguments)
    singles = SyncVectorEnv([lambda: HaltingEnv(**arguments)] * n, autoreset_mode=mode)
    rng = np.random.default_rng(0)
    assert data_equivalence(native.reset(seed=3), singles.reset(seed=3), exact=True)
    for _ in range(14):
        actions = (rng.random(n) < halt).astype(np.int64)
        one, two = native.step(actions), singles.step(actions)
        assert data_equivalence(one, two, exact=True)
        if native.autoreset_mode is AutoresetMode.DISABLED and one[2].any():
            masks = [{"reset_mask": one[2].copy()} for _ in range(2)]
            resets = [e.reset(options=m) for e, m in zip((native, singles), masks, strict=True)]
            assert data_equivalence(*resets, exact=True)


def test_banks_pass_for_environments_by_id(folder: Path) -> None:
    """A folder's name in the arguments: the spec survives, the puzzles are the bank's own."""
    arguments = {"bank": str(folder), "max_segments": M, "step_cost": 0.5}
    env = gymnasium.make_vec("HRMSudoku-v0", num_envs=64, autoreset_mode="SameStep", **arguments)
    assert isinstance(env, HaltingVectorEnv) and env.puzzles is not None
    assert np.array_equal(env.puzzles.inputs_PL, PUZZLES.inputs_PL)
    again = gymnasium.make_vec(
        gymnasium.envs.registration.EnvSpec.from_json(env.spec.to_json())  # type: ignore[union-attr]
    )
    assert data_equivalence(env.reset(seed=0), again.reset(seed=0), exact=True)
    single = gymnasium.make("HRMSudoku4x4-v0", **arguments)
    check_env(single.unwrapped)
    assert single.unwrapped.config.bank is not None  # type: ignore[attr-defined]


def test_a_name_and_a_split_find_a_shipped_bank(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hrm_rl.banks.header.SHIPPED", folder.parent)
    env = HaltingVectorEnv(2, bank="tiny", max_segments=M)
    assert env.puzzles is not None and len(env.puzzles) == len(PUZZLES)
    with pytest.raises(ValueError, match=r'no bank "tiny".*\(tiny-fit\)'):
        HaltingVectorEnv(2, bank="tiny", split="test")


# --- synthetic banks ------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:.*Not able to test alternative render modes")  # it has no spec
def test_synthetic_banks_are_environments() -> None:
    source = synthetic()
    env = HaltingEnv(bank=source, observation="o", max_segments=5)
    check_env(env)
    space = env.observation_space
    assert isinstance(space, gymnasium.spaces.Box) and space.is_bounded()
    column_MP = source.columns["o"][..., 0]
    assert space.low[0] == pytest.approx(float(column_MP.min()), abs=0.01)
    assert space.high[:2].tolist() == pytest.approx([float(column_MP.max()), 100], abs=0.2)
    obs, info = env.reset(seed=0)
    assert obs[1] == 100 * info["correct"] and obs[2] == np.float32(0.2)
    assert info["prediction"].tolist() == [int(info["correct"])]


def test_what_is_not_finite_is_refused() -> None:
    source = synthetic()
    source.columns["o"][2, 3, 0] = torch.inf
    with pytest.raises(ValueError, match='"o" is inf after segment 3 of puzzle 3'):
        BankSegments(source, MDP("o", max_segments=5)).bounds()


def test_a_synthetic_bank_cannot_be_drawn() -> None:
    arguments: dict[str, Any] = {"bank": synthetic(), "observation": "o", "max_segments": 5}
    for make in (HaltingEnv, HaltingVectorEnv):
        with pytest.raises(ValueError, match="render_mode must be None with a synthetic bank"):
            make(render_mode="rgb_array", **arguments)
    env = HaltingEnv(**arguments)
    env.reset(seed=0)
    with pytest.raises(ValueError, match="no puzzles to draw"):
        env.frame()


# --- refusals -------------------------------------------------------------------------------------


def test_what_does_not_fit_is_refused_in_one_sentence(bank: Bank, folder: Path) -> None:
    wrong = [
        ({"max_segments": 8}, "max_segments must be <= 7, .* got 8"),
        ({"observation": "p"}, 'logged with q, scalars, .*not with "p"; observe what is there'),
        ({"puzzles": PUZZLES.take([0, 1])}, "those of the bank, got 2 where it has 8 others"),
        ({"puzzles": "sudoku4"}, "those of the bank, got 336 where it has 8 others"),
        ({"bank": replace(bank, columns={})}, 'no observations, not with "scalars"'),
        ({"bank": synthetic(), "max_segments": 5}, 'logged with o, not with "scalars"'),
        (
            {"bank": synthetic(), "observation": "o", "puzzles": PUZZLES, "max_segments": 5},
            "got 8 where it has 40 without puzzles",
        ),
        ({"bank": "nowhere"}, 'there is no bank "nowhere"'),
        (
            {"bank": None, "model": Scripted(), "puzzles": "sudoku9_easy", "split": "test"},
            "the model reads 16 tokens out of 6, and sudoku9 has 81 out of 11",
        ),
        ({"bank": None, "model": Scripted(), "observation": "p"}, "one of q, scalars, .*got 'p'"),
    ]
    for changes, message in wrong:
        with pytest.raises(ValueError, match=message) as caught:
            HaltingEnv(**{"bank": bank, "max_segments": M} | changes)
        assert "\n" not in str(caught.value)


def test_a_bank_of_another_model_is_refused(folder: Path) -> None:
    other = tiny_hrm()
    other.q_head.bias += 1
    with pytest.raises(ValueError, match="logged with other weights"):
        HaltingEnv(bank=folder, model=other, max_segments=M)
    HaltingEnv(bank=folder, model=precise_hrm(), puzzles=PUZZLES, max_segments=M).reset(seed=0)


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")  # torch's own, on import
def test_compiled_segments_are_those_of_the_model(traced: None) -> None:
    arguments: dict[str, Any] = {"model": tiny_hrm(), "puzzles": PUZZLES, "max_segments": 4}
    plain, fast = (HaltingVectorEnv(5, **arguments, compile=given) for given in (False, True))
    one, other = plain.reset(seed=0), fast.reset(seed=0)
    for actions in ([0, 0, 1, 0, 1], [0, 1, 0, 0, 0], [0] * 5):
        for want, got in zip(one, other, strict=True):
            assert data_equivalence(want, got, exact=False)
        one, other = plain.step(np.array(actions)), fast.step(np.array(actions))


def test_a_bank_runs_nothing_that_could_be_compiled() -> None:
    with pytest.raises(ValueError, match="a bank runs no model that could be compiled"):
        HaltingVectorEnv(2, bank="sudoku9-test", compile=True)
    with pytest.raises(ValueError, match="compile must be"):
        HaltingVectorEnv(2, model=tiny_hrm(), puzzles=PUZZLES, compile="yes")  # type: ignore[arg-type]
