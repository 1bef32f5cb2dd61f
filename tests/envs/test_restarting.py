"""Restarts: both engines against a plain loop, against each other, against the live model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env, data_equivalence
from gymnasium.vector import SyncVectorEnv
from hypothesis import given, settings
from hypothesis import strategies as st
from plain import PlainVector
from scripted import NEVER, PUZZLES, Scripted, tiny_hrm
from tiny import ATTENTION, talkative

from hrm_rl.agents.learners.protocol import play_on
from hrm_rl.agents.sb3 import SB3VecEnv
from hrm_rl.banks.bank import Bank, log_bank
from hrm_rl.banks.copies import originals
from hrm_rl.banks.synthetic import Chain, generate_copies
from hrm_rl.envs.bank_engine import BankEngine
from hrm_rl.envs.engine import AUTORESETS, Engine
from hrm_rl.envs.halting import HaltingEnv
from hrm_rl.envs.mdp import MDP
from hrm_rl.envs.vector import HaltingVectorEnv, check_native
from hrm_rl.features import RECALLS
from hrm_rl.models.copies import copies_of, repeated
from hrm_rl.models.hrm import HRM
from hrm_rl.puzzles import PuzzleSet, jit, load, task_of
from hrm_rl.stopping.restart_snell import fit
from hrm_rl.stopping.restarts import Problem, play

K = 3
RIGHT_FROM = (3, 1, 2, 9, 2, NEVER, 1, 5, 3, 2, 2, 2, NEVER, 4, 1, 1, 3, 1, *[NEVER] * 3, 4, 4, 1)


def scripted() -> Any:
    """Knows each copy of each puzzle, and answers it rightly from a segment of its own on."""
    rows, row_B = repeated(tiny_hrm(), PUZZLES, K), torch.arange(8 * K)
    own = copies_of(object(), task_of(PUZZLES.task), row_B, K, 0 * row_B)
    x_PL, y_PL = (
        own.seen(torch.from_numpy(tokens)).numpy() for tokens in (rows.inputs_PL, rows.solutions_PL)
    )
    turned = PuzzleSet(rows.task, x_PL, y_PL, rows.ratings_P, rows.sources)
    return Scripted(turned, RIGHT_FROM)


MODEL = scripted()
BANK = log_bank(MODEL, PUZZLES, 7, copies=K)
ARGUMENTS: dict[str, Any] = {"restarts": 2, "max_segments": 5, "step_cost": 0.1}


def drawn(seed: int, copies: int) -> Bank:
    """Numbers drawn at random; Q in quarters, so that there are ties."""
    g, M, P = torch.Generator().manual_seed(seed), 6, 4 * copies
    q_MP2 = torch.randint(-8, 9, (M, P, 2), generator=g) / 4
    return Bank(
        columns={"o": torch.randn(M, P, 3, generator=g), "q": q_MP2},
        correct_MP=torch.rand(M, P, generator=g) < 0.5,
        cells_MP=torch.rand(M, P, generator=g),
        predictions_MPT=torch.randint(0, 9, (M, P, 4), generator=g, dtype=torch.uint8),
        rating_P=torch.randint(0, 99, (4,), generator=g).repeat_interleave(copies),
        cluster_P=torch.arange(4).repeat_interleave(copies),
        copies=copies,
    )


@pytest.mark.skipif(not jit.HAVE_NUMBA, reason="numba is not installed")
@pytest.mark.parametrize("mode", AUTORESETS)
@given(data=st.data())
@settings(max_examples=12)
def test_the_bank_gives_what_a_plain_loop_over_slots_gives(mode: str, data: st.DataObject) -> None:
    def draw(name: str, strategy: Any) -> Any:
        return data.draw(strategy, label=name)

    last, copies = draw("max_segments", st.integers(2, 6)), draw("copies", st.integers(2, 4))
    mdp: dict[str, Any] = {
        "observation": draw("observation", st.sampled_from(["o", "q"])),
        "max_segments": last,
        "min_segments": draw("min_segments", st.integers(1, last)),
        "reward": draw("reward", st.sampled_from(["exact", "token_accuracy", "valid_optimal"])),
        "step_cost": draw("step_cost", st.sampled_from([0.0, 0.1])),
        "time_aware": draw("time_aware", st.booleans()),
        "prediction": draw("prediction", st.booleans()),
        "restarts": draw("restarts", st.integers(1, min(copies, last) - 1)),
        "recall": draw("recall", st.sampled_from(["best-q", "last"])),
    }
    n, seed = draw("num_envs", st.integers(1, 5)), draw("seed", st.integers(0, 99))
    bank, rng = drawn(seed, copies), np.random.default_rng(seed)
    env = HaltingVectorEnv(n, bank=bank, autoreset_mode=mode, **mdp)
    assert isinstance(env.engine, BankEngine)
    plain = PlainVector(bank, MDP(**mdp), n, mode)
    same(env.reset(seed=seed), plain.reset(seed))
    for _ in range(14):
        actions = rng.choice(3, size=n, p=[0.4, 0.2, 0.4])
        found = env.step(actions)
        same(found, plain.step(actions))
        same(env.action_masks(), found[4]["action_mask"].astype(bool))
        over = found[2] if mode == "Disabled" else rng.random(n) < 0.1
        if over.any() and (mode == "Disabled" or rng.random() < 0.2):
            same(env.reset(options={"reset_mask": over.copy()}), plain.reset(None, over))


def same(one: Any, other: Any) -> None:
    assert data_equivalence(one, other, exact=True), (one, other)


def compare(one: Any, other: Any, mode: str, like: Any = same, steps: int = 25) -> None:
    """Reset and step both with the same actions, and compare all that they return."""
    n, rng = one.num_envs, np.random.default_rng(1)
    like(one.reset(seed=3), other.reset(seed=3))
    for _ in range(steps):
        actions: Any = rng.choice(3, size=n, p=[0.4, 0.2, 0.4])
        found = one.step(actions)
        like(found, other.step(actions))
        if mode == "Disabled" and found[2].any():
            like(*(env.reset(options={"reset_mask": found[2].copy()}) for env in (one, other)))


@pytest.mark.parametrize("recall", RECALLS)
@pytest.mark.parametrize("mode", AUTORESETS)
def test_bank_and_model_give_the_same(
    mode: str, recall: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row by row and bit for bit: live, from the bank by look-ups, from the bank in torch."""
    arguments = ARGUMENTS | {"recall": recall, "autoreset_mode": mode}
    live = HaltingVectorEnv(5, model=MODEL, puzzles=PUZZLES, **arguments)
    banked = HaltingVectorEnv(5, bank=BANK, **arguments)
    assert isinstance(live.engine, Engine)
    assert live.observation_space == banked.observation_space
    assert live.single_action_space == gymnasium.spaces.Discrete(3)
    compare(live, banked, mode)
    monkeypatch.setattr(jit, "HAVE_NUMBA", False)
    slow = HaltingVectorEnv(5, bank=BANK, **arguments)
    assert isinstance(slow.engine, Engine)
    compare(slow, banked, mode)
    moments = [env.engine.moment for env in (live, slow, banked)]
    for moment in moments[1:]:
        for part in ("puzzle_B", "copy_B", "m_B", "left_B", "kept_B"):
            wanted = getattr(moments[0].look, part)  # type: ignore[union-attr]
            assert getattr(moment.look, part).tolist() == wanted.tolist()  # type: ignore[union-attr]


@pytest.mark.parametrize("mode", AUTORESETS)
def test_a_real_model_gives_what_its_bank_holds(mode: str) -> None:
    """Sums over other batch sizes round differently, in fp64 by far less than the 1e-5 allowed."""
    model = tiny_hrm().double()
    arguments = ARGUMENTS | {"autoreset_mode": mode}
    live = HaltingVectorEnv(4, model=model, puzzles=PUZZLES, **arguments)
    banked = HaltingVectorEnv(4, bank=log_bank(model, PUZZLES, 5, copies=4), **arguments)

    def close(one: Any, other: Any) -> None:
        assert data_equivalence(one, other), (one, other)

    compare(live, banked, mode, close, steps=15)


@pytest.mark.parametrize("thinks", [{"bank": BANK}, {"model": MODEL, "puzzles": PUZZLES}])
@pytest.mark.parametrize("mode", AUTORESETS)
def test_rows_are_single_environments(mode: str, thinks: dict[str, Any]) -> None:
    arguments = ARGUMENTS | thinks
    native = HaltingVectorEnv(3, autoreset_mode=mode, **arguments)
    singles = SyncVectorEnv([lambda: HaltingEnv(**arguments)] * 3, autoreset_mode=mode)
    compare(native, singles, mode)


@pytest.mark.parametrize("recall", ["best-q", "last"])
def test_the_environment_is_the_problem_of_the_bank(recall: str) -> None:
    """Episode by episode, by the best policy: returns, segments and copies."""
    bank = generate_copies(Chain(5, first=0.3, hazard=0.3, loss=0.1, scale=1.5), 30, K, seed=2)
    problem = Problem(bank, 2, 0.05, observation="o", recall=recall)
    policy = fit(problem)
    env = HaltingEnv(
        bank=bank, observation="o", recall=recall, restarts=2, max_segments=5, step_cost=0.05
    )
    played = play(problem, policy)
    returns = problem.right(played.at) - 0.05 * (played.segment_P - 1)
    copies = set()
    for p in range(30):
        obs, info = env.reset(seed=0, options={"puzzle": p})
        total, over = 0.0, False
        while not over:
            m = info["segment"]
            (action,) = policy(torch.from_numpy(obs)[None], torch.tensor([m])).tolist()
            obs, reward, over, _, info = env.step(action)
            total += reward
        assert total == pytest.approx(float(returns[p])) and info["puzzle_id"] == p
        assert (info["segment"], info["copy"]) == (played.segment_P[p], played.at.copy_B[p])
        copies.add(info["copy"])
    assert len(copies) > 1


def test_without_restarts_copies_are_not_there() -> None:
    """A bank of copies is then the bank of the puzzles themselves, and nothing else is said."""
    mdp = {"max_segments": 5, "step_cost": 0.1}
    plain = HaltingVectorEnv(4, bank=log_bank(MODEL, PUZZLES, 7), **mdp)
    copies = HaltingVectorEnv(4, bank=BANK, restarts=0, recall="last", **mdp)
    assert copies.single_action_space == gymnasium.spaces.Discrete(2)
    rng = np.random.default_rng(0)
    same(plain.reset(seed=3), copies.reset(seed=3))
    for _ in range(20):
        actions = rng.integers(2, size=4)
        found = copies.step(actions)
        same(plain.step(actions), found)
    assert "copy" not in found[4]
    assert len(play_on(BANK).config.bank or ()) == 8  # a learner's too


def test_a_verified_answer_is_given_whatever_comes_after() -> None:
    """Puzzle 1 is right at once; its other copies are wrong at first, and Q is not asked."""
    env = HaltingEnv(model=MODEL, puzzles=PUZZLES, restarts=2, recall="verified", max_segments=5)
    obs, info = env.reset(seed=0, options={"puzzle": 2})  # rows 6, 7, 8: right from 1, 5, 3
    assert info["correct"] and obs[-2] == 60.0
    obs, _, _, _, info = env.step(2)
    assert info["correct"] and info["copy"] == 1 and obs[-2] == 60.0 and obs[0] < 0
    obs, reward, over, _, info = env.step(1)
    assert (reward, over, info["correct"]) == (1.0, True, True)
    assert (info["prediction"] == PUZZLES.solutions_PL[2]).all()
    last = HaltingEnv(model=MODEL, puzzles=PUZZLES, restarts=2, recall="last", max_segments=5)
    last.reset(seed=0, options={"puzzle": 2})
    last.step(2)
    assert last.step(1)[1] == 0.0


def test_restarts_that_are_used_up_continue_and_the_mask_says_so() -> None:
    env = HaltingEnv(bank=BANK, restarts=1, max_segments=4)
    _, info = env.reset(seed=0)
    assert env.action_masks().tolist() == [True, True, True]
    _, _, _, _, info = env.step(2)
    assert info["copy"] == 1 and env.action_masks().tolist() == [True, True, False]
    obs, _, _, _, info = env.step(2)
    assert info["copy"] == 1 and info["segment"] == 3 and obs[-3] == np.float32(0.5)
    _, _, over, _, info = env.step(2)
    assert over and info["forced"] and info["action_mask"].tolist() == [0, 1, 0]


@pytest.mark.parametrize("autoreset", AUTORESETS)
@pytest.mark.parametrize("start", ["fixed", "random"])
def test_nothing_is_read_from_the_device(autoreset: str, start: str) -> None:
    with torch.device("meta"):
        model = HRM(replace(tiny_hrm().config, start=start))
    env = HaltingVectorEnv(
        4, model=model, puzzles=PUZZLES, device="meta", autoreset_mode=autoreset, output="torch",
        recall="verified", restarts=2, max_segments=4,
    )  # fmt: skip
    env.reset(seed=0)
    for _ in range(5):
        actions = torch.full((4,), 2, device="meta")
        obs, reward, terminated, _, info = env.step(actions)
        assert {part.device.type for part in (obs, reward, terminated, info["copy"])} == {"meta"}
    assert info["action_mask"].shape == (4, 3)


def test_copies_of_a_model_that_draws_are_other_starts() -> None:
    model = talkative(replace(ATTENTION, start="random"))
    env = HaltingEnv(model=model, puzzles=PUZZLES, restarts=2, max_segments=4)
    first, _ = env.reset(seed=0)
    second, *_ = env.step(2)
    again, _ = env.reset(seed=0)
    assert np.array_equal(first, again) and np.array_equal(second, env.step(2)[0])
    assert not np.isclose(first[:2], second[:2]).any()


def test_gymnasium_and_stable_baselines_take_it() -> None:
    single = HaltingEnv(bank=BANK, restarts=2, max_segments=5)
    check_env(single, skip_render_check=True)
    env = SB3VecEnv(HaltingVectorEnv(4, bank=BANK, autoreset_mode="SameStep", **ARGUMENTS))
    assert env.action_space == gymnasium.spaces.Discrete(3)
    env.seed(0)
    env.reset()
    ended = 0
    for action in (2, 2, 0, 0, 1):
        _, _, done_N, infos = env.step(np.full(4, action))
        ended += done_N.sum()
        assert all(infos[i]["copy"] == 2 for i in np.flatnonzero(done_N) if action == 0)
    assert ended == 8
    assert env.env_method("action_masks")[0].shape == (3,)


def test_a_picture_tells_which_copy_it_is() -> None:
    env = HaltingEnv(bank=BANK, restarts=2, max_segments=5, render_mode="rgb_array")
    env.reset(seed=0, options={"puzzle": 2})
    first = env.frame()
    assert (first.copy, first.restarts, first.decision) == (0, 2, "")
    env.step(2)
    second = env.frame()
    assert (second.copy, second.decision, second.previous_L) == (1, "restart", None)
    picture = env.render()
    assert picture is not None and picture.shape[2] == 3
    env.step(0)
    assert env.frame().decision == "continue" and env.frame().previous_L is not None
    env.step(1)  # the answer of copy 0 is given, the surest
    assert env.frame().correct and env.frame().copy == 1
    assert (env.frame().cells_L == task_of("sudoku4").values(PUZZLES.solutions_PL[2])).all()


def test_reading_originals_draws_the_same_puzzles() -> None:
    env = HaltingVectorEnv(2, bank=BANK, puzzles=originals(BANK).puzzles, **ARGUMENTS)
    assert env.engine.segments.puzzles == 8 and len(env.puzzles or ()) == 8


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"bank": BANK, "restarts": 3}, "restarts must be < 3, the copies of each puzzle in the bank"),
        ({"bank": BANK, "restarts": -1}, "restarts must be a whole number in 0..15, got -1"),
        ({"bank": BANK, "restarts": 1, "recall": "q"}, "recall must be one of best-q, last, verified"),
        (
            {"model": tiny_hrm(), "puzzles": load("maze8", "fit").take([0]), "restarts": 1},
            "starts every copy alike, and maze8",
        ),
        (
            {"bank": drawn(0, 2), "restarts": 1, "recall": "verified", "observation": "o",
             "max_segments": 4},
            "a synthetic bank has none",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_restarted_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        HaltingEnv(**arguments)
    assert "\n" not in str(caught.value)


def test_wrong_actions_and_learners_of_two_are_refused() -> None:
    env = HaltingVectorEnv(2, bank=BANK, **ARGUMENTS)
    env.reset(seed=0)
    with pytest.raises(gymnasium.error.InvalidAction, match=r"1 \(halt\) or 2 \(restart\), got"):
        env.step(np.array([0, 3]))
    with pytest.raises(ValueError, match="chooses between two actions, got restarts=2"):
        check_native(env)
