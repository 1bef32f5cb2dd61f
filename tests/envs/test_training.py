"""The joint regime as an environment: the trainer's own numbers, SB3 on it, exact resume."""

import json
import pickle
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.envs.registration import EnvSpec
from gymnasium.error import ClosedEnvironmentError, Error, InvalidAction, ResetNeeded
from gymnasium.utils.env_checker import data_equivalence
from gymnasium.wrappers.vector import RecordEpisodeStatistics
from stable_baselines3 import A2C, DQN, PPO
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.vec_env import VecMonitor
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tiny import ATTENTION, talkative, tiny_run
from torch import Tensor

from hrm_rl.agents.sb3 import SB3VecEnv
from hrm_rl.banks.bank import log_bank, observe
from hrm_rl.envs.mdp import MDP
from hrm_rl.envs.training import TrainingVectorEnv
from hrm_rl.envs.training_engine import MEANINGLESS, TrainingEngine, run_config
from hrm_rl.halting import greedy_q
from hrm_rl.models.checkpoint import load_model
from hrm_rl.models.hrm import HRM
from hrm_rl.puzzles import PuzzleSet, Sudoku
from hrm_rl.training.data import Sampler
from hrm_rl.training.joint import Memory, Seen
from hrm_rl.training.joint.external import External
from hrm_rl.training.monitor import Diverged
from hrm_rl.training.run import run
from hrm_rl.training.snapshot import snapshot
from hrm_rl.training.train import TrainState, train

ID = "hrm_rl:HRMSudokuTrain-v0"
MOVES = {"model": ATTENTION, "max_segments": 3, "lr": 1e-2, "warmup": 4, "ema": 0.9}
OFTEN = {"log_every": 2, "save_every": 4, "device": "cpu", "dtype": "float32"}
STILL = {"lr": 0.0, "puzzle_lr": 0.0}


def make(n: int = 4, **changes: Any) -> TrainingVectorEnv:
    return TrainingVectorEnv(n, preset="sudoku4", **MOVES | OFTEN | changes)


def talk(state: TrainState) -> None:
    """Give the run a model whose Q depends on what it sees."""
    state.model.load_state_dict(talkative(state.config.model).state_dict())


def actions(steps: int, n: int = 4, halt: float = 0.3) -> Iterator[np.ndarray]:
    rng = np.random.default_rng(0)
    return iter((rng.random((steps, n)) < halt).astype(np.int64))


# --- the trainer's own numbers --------------------------------------------------------------------


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


# --- Gymnasium ------------------------------------------------------------------------------------


def play(env: Any, steps: int, **reset: Any) -> list[Any]:
    """Everything that a reset and some steps return."""
    return [env.reset(**reset), *(env.step(action) for action in actions(steps))]


def test_seeds_decide_everything() -> None:
    whole = play(make(seed=1), 6, seed=3)
    assert data_equivalence(whole, play(make(seed=1), 6, seed=3), exact=True)
    assert data_equivalence(whole, play(make(seed=1), 6, seed=[3, 4, 5, 6]), exact=True)
    for other in (play(make(seed=1), 6, seed=4), play(make(seed=2), 6, seed=3)):
        assert not np.array_equal(whole[-1][0], other[-1][0])


def test_making_it_leaves_the_random_state_alone() -> None:
    before = torch.get_rng_state()
    make()
    assert torch.equal(torch.get_rng_state(), before)


def test_a_reset_deals_new_puzzles_and_keeps_the_weights() -> None:
    env = make()
    env.reset()
    first = env.engine.state.slots.batch.x_BT
    assert int(env.engine.state.dealt) == 4
    env.step(np.zeros(4, int))
    weight = env.engine.state.model.lm_head.weight.clone()
    _, info = env.reset()
    assert info["segment"].tolist() == [1] * 4 and int(env.engine.state.dealt) == 8
    assert torch.equal(env.engine.state.model.lm_head.weight, weight)
    assert not torch.equal(env.engine.state.slots.batch.x_BT, first)


def test_torch_output_holds_the_same_numbers() -> None:
    for one, two in zip(play(make(), 8), play(make(output="torch"), 8), strict=True):
        arrays, tensors = one[:-1], two[:-1]
        assert all(isinstance(t, Tensor) for t in tensors)
        assert all(np.array_equal(a.astype(t.numpy().dtype), t) for a, t in zip(arrays, tensors))  # noqa: B905
        assert {k for k in one[-1] if k[0] != "_"} - two[-1].keys() == set()
        assert np.array_equal(one[-1]["correct"], two[-1]["correct"])


def test_what_was_handed_out_can_be_changed_without_effect() -> None:
    env, other = (
        make(time_aware=False, observation="z_H"),
        make(time_aware=False, observation="z_H"),
    )
    returned, expected = env.reset(seed=0), other.reset(seed=0)
    for action in actions(6):
        assert data_equivalence(returned, expected, exact=True)
        for array in (returned[0], *returned[-1].values()):
            if isinstance(array, np.ndarray) and array.dtype != object:
                array[:] = 0
        returned, expected = env.step(action), other.step(action)


def test_an_episode_of_m_segments_has_m_steps() -> None:
    env = RecordEpisodeStatistics(make(step_cost=0.5))
    env.reset(seed=0)
    for _ in range(9):
        env.step(np.zeros(4, int))
    assert set(env.length_queue) == {3} and len(env.length_queue) == 12
    assert set(env.return_queue) <= {0.0, -1.0}


def test_specs_survive_json_and_pickle() -> None:
    env = gymnasium.make_vec(
        ID,
        num_envs=3,
        preset="sudoku4",
        data=[["sudoku4", 1.0]],
        max_segments=2,
        device="cpu",
        run="",
    )
    assert env.spec is not None
    expected = play3(env)
    for spec in (EnvSpec.from_json(env.spec.to_json()), pickle.loads(pickle.dumps(env.spec))):
        again = gymnasium.make_vec(spec)
        assert again.unwrapped.config == env.unwrapped.config  # type: ignore[attr-defined]
        assert data_equivalence(expected, play3(again), exact=True)


def play3(env: Any) -> list[Any]:
    return [env.reset(seed=0), env.step(np.array([0, 1, 0]))]


@pytest.mark.parametrize("make_one", [gymnasium.make, gymnasium.make_vec])
def test_a_single_one_is_refused_with_the_cure(make_one: Any) -> None:
    mode = {"vectorization_mode": "sync"} if make_one is gymnasium.make_vec else {}
    with pytest.raises(Error, match="vector environment; make it with gymnasium"):
        make_one(ID, **mode)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"preset": "sudoku5"}, "preset must be one of sudoku4, .* got 'sudoku5'"),
        ({"num_envs": 0}, "num_envs must be a whole number in 1..1048576, got 0"),
        ({"autoreset_mode": "NextStep"}, "autoreset_mode must be \"SameStep\", got 'NextStep'"),
        ({"output": "jax"}, "output must be one of numpy, torch, got 'jax'"),
        ({"observation": "y"}, "observation must be one of q, .* got 'y'"),
        ({"reward": "y"}, "reward must be one of exact, .* got 'y'"),
        ({"max_segments": 1}, "max_segments must be a whole number in 2..65536, got 1"),
        ({"slots": 8}, "pass num_envs=8 in place of it"),
        ({"step_kost": 1}, "there is no argument 'step_kost'"),
        ({"lr": -1}, "lr must be a finite number >= 0, got -1"),
        *(({name: 0}, f"{name} is about the halting learner") for name in MEANINGLESS),
    ],
)
def test_wrong_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        TrainingVectorEnv(**{"num_envs": 2} | MOVES | OFTEN | arguments)
    assert "\n" not in str(caught.value)


def test_misuse_is_refused_in_one_sentence() -> None:
    env = make(2)
    with pytest.raises(ResetNeeded, match="before step"):
        env.step(np.zeros(2, int))
    with pytest.raises(ValueError, match="one for each of 2 rows, got"):
        env.reset(seed=[1, None])
    with pytest.raises(ValueError, match="a row is reset by halting"):
        env.reset(options={"reset_mask": np.ones(2, bool)})
    env.reset()
    with pytest.raises(InvalidAction, match="actions must be 2 of 0"):
        env.step(np.zeros(3, int))
    env.close()
    with pytest.raises(ClosedEnvironmentError, match="make the environment anew"):
        env.step(np.zeros(2, int))


# --- saving ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("closed_at", [4, 5])
def test_a_closed_run_goes_on_bit_for_bit(closed_at: int, tmp_path: Path) -> None:
    """Observations too, which compare a segment with the one before."""
    whole = make(run=tmp_path / "whole")
    expected = play(whole, 10, seed=3)
    whole.close()
    played = actions(10)
    first = make(run=tmp_path / "parts")
    found = [first.reset(seed=3), *(first.step(next(played)) for _ in range(closed_at))]
    first.close()
    second = make(run=tmp_path / "parts")
    obs, info = second.reset(seed=99)
    assert np.array_equal(obs, expected[closed_at][0]) and info["segment"].max() > 1
    found += [second.step(action) for action in played]
    second.close()
    assert data_equivalence(found, expected, exact=True)
    for name in ("state.safetensors", "weights.safetensors", "config.json"):
        parts = (tmp_path / "parts" / name).read_bytes()
        assert parts == (tmp_path / "whole" / name).read_bytes()


def test_a_run_that_was_never_closed_goes_on_from_its_last_checkpoint(tmp_path: Path) -> None:
    lost = make(run=tmp_path)
    expected = play(lost, 7)
    with pytest.raises(ValueError, match="trained by this very process"):
        make(run=tmp_path)
    lost._journal.close()  # type: ignore[union-attr]  # as the end of its process does
    resumed = make(run=tmp_path)
    assert resumed.engine.state.step == 4
    obs, _ = resumed.reset()
    assert np.array_equal(obs, expected[4][0])
    resumed._journal.close()  # type: ignore[union-attr]


def test_the_folder_is_that_of_a_training_run(tmp_path: Path) -> None:
    env = make(run=tmp_path)
    play(env, 5)
    assert env.metrics["step"] == 4
    metrics = env.metrics
    env.close()
    model, card = load_model(tmp_path)
    assert torch.equal(model.lm_head.weight, env.engine.state.ema[-3])
    assert (card["step"], card["halting"]) == (5, "external")
    assert json.loads((tmp_path / "config.json").read_text())["slots"] == 4
    events = EventAccumulator(str(tmp_path)).Reload()
    for name in ("lm_loss", "exact_accuracy", "mean_segments", "steps_per_second"):
        logged = events.Scalars(f"train/{name}")
        assert [event.step for event in logged] == [2, 4, 5]
        assert logged[1].value == pytest.approx(metrics[name], rel=1e-6)


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"n": 5}, "slots 4 there, 5 here"),
        ({"step_cost": 0.5}, "step_cost 0.0 there, 0.5 here"),
    ],
)
def test_the_run_of_another_environment_is_refused(
    other: dict[str, Any], said: str, tmp_path: Path
) -> None:
    make(run=tmp_path).close()
    with pytest.raises(ValueError, match=said):
        make(run=tmp_path, **other)


def test_training_does_not_take_such_a_run_over(tmp_path: Path) -> None:
    env = make(run=tmp_path)
    env.close()
    with pytest.raises(ValueError, match="halting 'external' there, 'act_q' here"):
        next(run(replace(env.config, halting="act_q"), tmp_path))


@pytest.mark.parametrize("folder", [True, False])
@pytest.mark.parametrize("output", ["numpy", "torch"])
def test_what_is_not_finite_stops_the_run_and_is_named(
    folder: bool, output: str, tmp_path: Path
) -> None:
    """At once where the agent would see it; with tensors, which nobody reads, at the next metrics."""
    env = make(run=tmp_path if folder else "", output=output)
    play(env, 4)
    env.engine.state.model.lm_head.weight.data[0, 0] = float("nan")
    said = "step 5: lm_head.weight is not finite"
    with pytest.raises(Diverged, match=said) as caught:
        for action in actions(2):
            env.step(torch.from_numpy(action))
    assert env.engine.state.step == (6 if output == "torch" else 5)
    assert "\n" not in str(caught.value)
    env.close()
    if folder:
        assert make(run=tmp_path).engine.state.step == 4
        assert f'init="{tmp_path}"' in str(caught.value)


# --- stable-baselines3 ----------------------------------------------------------------------------

OFF_POLICY = {"learning_starts": 32, "train_freq": 4, "batch_size": 16, "buffer_size": 512}


class Recorder(SB3VecEnv):
    """Adds up the rewards of every episode, in plain Python."""

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        self.running = [[0.0, 0] for _ in range(self.num_envs)]
        self.episodes: list[tuple[float, int]] = []

    def step_wait(self) -> Any:
        obs, rewards, dones, infos = super().step_wait()
        assert obs.shape == (self.num_envs, 18) and obs.dtype == np.float32
        for row, (reward, done) in enumerate(zip(rewards, dones, strict=True)):
            self.running[row][0] += float(reward)
            self.running[row][1] += 1
            assert ("terminal_observation" in infos[row]) == bool(done)
            if done:
                assert infos[row]["segment"] == self.running[row][1]
                assert infos[row]["TimeLimit.truncated"] is False
                self.episodes.append((self.running[row][0], self.running[row][1]))
                self.running[row] = [0.0, 0]
        return obs, rewards, dones, infos


@pytest.mark.parametrize(
    ("algorithm", "arguments"),
    [
        (PPO, {"n_steps": 16, "batch_size": 32, "n_epochs": 2}),
        (A2C, {"n_steps": 8}),
        (DQN, OFF_POLICY),
    ],
)
def test_sb3_drives_the_halting_of_a_model_in_training(
    algorithm: type[BaseAlgorithm], arguments: dict[str, Any], tmp_path: Path
) -> None:
    recorder = Recorder(gymnasium.make_vec(ID, num_envs=4, run=str(tmp_path), **MOVES | OFTEN))
    env = VecMonitor(recorder)
    state = recorder.env.unwrapped.engine.state  # type: ignore[attr-defined]
    agent = algorithm("MlpPolicy", env, seed=5, policy_kwargs={"net_arch": [16]}, **arguments)
    before = [p.clone() for p in agent.policy.parameters()]
    weights = [p.clone() for p in state.model.parameters()]
    agent.learn(256)
    assert state.step == 64
    after = agent.policy.parameters()
    assert not any(torch.equal(a, b) for a, b in zip(list(after)[:2], before, strict=False))
    moved = [not torch.equal(p, w) for p, w in zip(state.model.parameters(), weights, strict=True)]
    names = [name for name, _ in state.model.named_parameters()]
    assert {n for n, m in zip(names, moved, strict=True) if not m} == {
        "q_head.weight", "q_head.bias"
    }  # fmt: skip
    assert agent.ep_info_buffer is not None and len(recorder.episodes) >= 256 // 3
    counted = [(info["r"], info["l"]) for info in agent.ep_info_buffer]
    latest = recorder.episodes[-len(counted) :]
    assert counted == [(pytest.approx(total, abs=1e-5), length) for total, length in latest]
    assert env.get_attr("metrics")[0]["step"] == 64
    env.close()
    assert load_model(tmp_path)[1]["step"] == 64


def test_masks_reach_the_algorithm() -> None:
    env = SB3VecEnv(make(2))
    env.reset()
    for _ in range(2):
        env.step(np.zeros(2, int))
    assert np.stack(env.env_method("action_masks")).tolist() == [[False, True]] * 2


def test_presets_become_configs_whose_decisions_come_from_outside() -> None:
    config = run_config("sudoku4", 64, {"step_cost": 0.01, "betas": [0.8, 0.9]})
    assert (config.slots, config.halting, config.max_segments) == (64, "external", 8)
    assert (config.step_cost, config.betas, config.data) == (0.01, (0.8, 0.9), (("sudoku4", 1.0),))
