"""The joint regime as an environment: the trainer's own numbers."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from in_training import actions, make
from tiny import talkative, tiny_run
from torch import Tensor

from hrm_rl.banks.bank import log_bank, observe
from hrm_rl.envs.mdp import MDP
from hrm_rl.envs.training_engine import TrainingEngine, run_config
from hrm_rl.halting import greedy_q
from hrm_rl.models.hrm import HRM
from hrm_rl.puzzles import PuzzleSet, Sudoku
from hrm_rl.training.data import Sampler
from hrm_rl.training.joint import Memory, Seen
from hrm_rl.training.joint.external import External
from hrm_rl.training.snapshot import snapshot
from hrm_rl.training.train import TrainState, train

STILL = {"lr": 0.0, "puzzle_lr": 0.0}


def talk(state: TrainState) -> None:
    """Give the run a model whose Q depends on what it sees."""
    state.model.load_state_dict(talkative(state.config.model).state_dict())


@dataclass(frozen=True)
class Greedy(External):
    """Decides by the paper's rule, and learns as little as who decides from outside."""

    def decide(self, memory: Memory, seen: Seen, draw: Any) -> tuple[Tensor, Memory]:
        return greedy_q(seen.q_B2), memory


def test_driven_by_the_rule_of_a_learner_it_is_its_training_bit_for_bit() -> None:
    env = make(8, observation="q", time_aware=False)
    state = TrainState.create(env.config)
    state.learner = Greedy(env.config.model)
    for each in (state, env.engine.state):
        talk(each)
    obs, _ = env.reset()
    histogram = torch.zeros(3)
    for _, sums in zip(range(12), train(state), strict=False):
        obs, *_ = env.step(obs[:, 0] > obs[:, 1])
        assert sums.keys() == env.engine.sums.keys()
        assert all(torch.equal(sums[name], env.engine.sums[name]) for name in sums)
        histogram += sums["histogram"]
    assert histogram[0] > 0 and histogram[2] > 0, "some halted by themselves, some were forced"
    ours, theirs = (snapshot(each) for each in (env.engine.state, state))
    assert all(torch.equal(ours[k], theirs[k]) for k in ours if not k.startswith("memory."))


@pytest.mark.parametrize("observation", ["scalars", "z_H"])
def test_while_the_weights_stand_still_it_shows_what_the_frozen_model_shows(
    observation: str,
) -> None:
    """Of every puzzle a bank is logged; sums over other batch sizes round differently."""
    env = make(4, observation=observation, max_segments=4, **STILL)
    talk(env.engine.state)
    obs, info = env.reset()
    latest = 0
    for action in actions(10):
        x_NT, y_NT = (part.numpy().astype(np.uint8) for part in env.engine.state.slots.batch[:2])
        puzzles = PuzzleSet("sudoku4", x_NT, y_NT, np.zeros(4, np.int32), ("here",) * 4)
        bank = log_bank(env.engine.state.model, puzzles, 4, observations=(observation,))
        for row, m in enumerate(info["segment"]):
            expected = observe(bank, observation, int(m))[row].detach()
            np.testing.assert_allclose(obs[row], expected, rtol=1e-4, atol=1e-5)
            assert info["correct"][row] == bank.correct_MP[m - 1, row]
            assert info["cells"][row] == pytest.approx(float(bank.cells_MP[m - 1, row]))
            assert info["prediction"][row].tolist() == bank.predictions_MPT[m - 1, row].tolist()
        latest = max(latest, int(info["segment"].max()))
        obs, *_, info = env.step(action)
        assert env.single_observation_space.contains(obs[0])
    assert latest == 4


@pytest.mark.parametrize("reward", ["exact", "token_accuracy"])
def test_rewards_ends_and_infos_follow_from_what_was_decided(reward: str) -> None:
    env = make(6, step_cost=0.25, reward=reward)
    obs, info = env.reset(seed=0)
    ends = []
    for action in actions(20, 6):
        mask = env.action_masks()
        before, shown = obs.copy(), {key: value.copy() for key, value in info.items()}
        obs, rewards, terminated, truncated, info = env.step(action)
        assert not truncated.any() and rewards.dtype == np.float64
        for row in range(6):
            m = shown["segment"][row]
            assert mask[row].tolist() == [m < 3, True] == shown["action_mask"][row].tolist()
            over = bool(action[row]) or m == 3
            assert terminated[row] == over
            assert info["segment"][row] == (1 if over else m + 1)
            assert not info["forced"][row] and not info["is_success"][row]
            if not over:
                assert rewards[row] == -0.25
                continue
            worth = shown["cells" if reward == "token_accuracy" else "correct"][row]
            assert rewards[row] == worth
            final = info["final_info"]
            assert np.array_equal(info["final_obs"][row], before[row])
            for key in ("correct", "cells", "segment", "prediction", "action_mask"):
                assert np.array_equal(final[key][row], shown[key][row])
            assert final["is_success"][row] == shown["correct"][row]
            assert final["forced"][row] == (m == 3)
            ends.append((int(action[row]), int(m)))
        assert info.get("_final_obs", terminated).tolist() == terminated.tolist()
    assert {(1, 1), (1, 2), (0, 3), (1, 3)} <= set(ends)


def test_every_step_is_one_update_of_the_weights() -> None:
    env = make()
    env.reset()
    state = env.engine.state
    for step, action in enumerate(actions(3), start=1):
        weight = state.model.lm_head.weight.clone()
        env.step(action)
        assert state.step == step and not torch.equal(weight, state.model.lm_head.weight)
        assert torch.equal(state.model.q_head.bias, torch.full((2,), -5.0)), "nobody trains it"


def test_a_whole_step_reads_nothing_back() -> None:
    """On a device that holds no numbers; `test_train` has what it would notice."""
    config = tiny_run(halting="external")
    with torch.device("meta"):
        model = HRM(config.model)
        tokens_PT, id_P = torch.zeros(10, 16, dtype=torch.uint8), torch.zeros(10, dtype=torch.int64)
        cumulative_P = torch.zeros(10)
        sampler = Sampler(tokens_PT, tokens_PT, id_P, cumulative_P, config.slots, Sudoku(4), True)
    state = TrainState.assemble(config, model, sampler)
    engine = TrainingEngine(state, MDP(max_segments=3))
    engine.reset(0)
    for _ in range(2):
        step = engine.step(torch.zeros(4, dtype=torch.int64, device="meta"))
        for moment in (step.now, step.final):
            obs_NF, info = engine.show(moment)
            assert {t.device.type for t in (obs_NF, *info.values(), step.reward_N)} == {"meta"}


def test_training_by_itself_has_nobody_to_ask() -> None:
    with pytest.raises(ValueError, match='halting="external" waits for decisions') as caught:
        next(train(TrainState.create(tiny_run(halting="external"))))
    assert "\n" not in str(caught.value)


def test_presets_become_configs_whose_decisions_come_from_outside() -> None:
    config = run_config("sudoku4", 64, {"step_cost": 0.01, "betas": [0.8, 0.9]})
    assert (config.slots, config.halting, config.max_segments) == (64, "external", 8)
    assert (config.step_cost, config.betas, config.data) == (0.01, (0.8, 0.9), (("sudoku4", 1.0),))
