"""The environment on ARC: identifiers reach the model, the rule's pairs reach the picture."""

import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env

from hrm_rl.agents.rules.basic import FixedSegments
from hrm_rl.envs.halting import HaltingEnv
from hrm_rl.envs.vector import HaltingVectorEnv
from hrm_rl.envs.watch import solve_frames
from hrm_rl.halting import CONTINUE, HALT
from hrm_rl.models.checkpoint import save_model
from hrm_rl.models.hrm import HRM, HRMConfig
from hrm_rl.puzzles.arc.generate import RULES
from hrm_rl.puzzles.source import for_model, source


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An untrained model whose answers depend on the identifier."""
    config = HRMConfig(
        12, 25, width=16, heads=1, H_layers=1, L_layers=1, expansion=1.0, puzzle_ids=33,
        task="arc5x3",
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = HRM(config)
        model.puzzle_emb.weights.normal_(std=3.0)
        torch.nn.init.normal_(model.q_head.weight, std=0.5)
    path = tmp_path_factory.mktemp("arc") / "model"
    save_model(path, model, {"data": [["arc5x3:64:0", 1.0]]})
    return str(path)


def test_it_keeps_the_contract_of_gymnasium(checkpoint: str) -> None:
    env = HaltingEnv(checkpoint=checkpoint, puzzles="arc5x3:16:0", device="cpu", max_segments=3)
    check_env(env, skip_render_check=True)


def test_the_puzzles_of_a_checkpoint_are_those_of_its_task(checkpoint: str) -> None:
    env = HaltingVectorEnv(4, checkpoint=checkpoint, device="cpu", max_segments=2)
    _, infos = env.reset(seed=0)
    puzzles = source("arc5x3", "fit")
    assert len(puzzles) == 1000
    assert (puzzles.ratings_P[infos["puzzle_id"]] == infos["rating"]).all()


def test_a_model_sees_which_task_it_is(checkpoint: str) -> None:
    """The same question under another identifier is answered otherwise."""
    from hrm_rl.loop import advance, batch_of, fresh
    from hrm_rl.models.checkpoint import load_model

    model, _ = load_model(checkpoint)
    puzzles = source("arc5x3:8:0", "test").take([0] * 8)
    batch = batch_of(puzzles, torch.arange(8), torch.device("cpu"))
    own, other = (
        advance(model, fresh(model, batch._replace(id_B=batch.id_B + shift)))[1] for shift in (0, 4)
    )
    assert not torch.allclose(own.logits, other.logits)
    assert not torch.allclose(own.q, other.q)


def test_the_picture_shows_the_pairs_of_the_rule(checkpoint: str) -> None:
    env = HaltingEnv(
        checkpoint=checkpoint, puzzles="arc5x3:16:0", device="cpu", render_mode="rgb_array"
    )
    _, info = env.reset(seed=3)
    puzzles, index = source("arc5x3:16:0", "fit"), int(info["puzzle_id"])
    frame = env.frame()
    assert (frame.givens_L == puzzles.inputs_PL[index]).all()
    assert np.array_equal(np.array(frame.demonstrations), puzzles.shown[int(puzzles.ids_P[index])])
    before = env.render()
    env.step(CONTINUE)
    after = env.render()
    assert before.shape == after.shape
    assert not np.array_equal(before, after)
    env.step(HALT)
    assert env.frame().correct is not None


def test_watching_one_being_solved(checkpoint: str) -> None:
    from hrm_rl.models.checkpoint import load_model

    model, _ = load_model(checkpoint)
    puzzle = for_model(model.config, split="test").take([5])
    frames = list(solve_frames(model, puzzle, FixedSegments(3), 4))
    assert [frame.decision for frame in frames] == ["continue", "continue", "halt"]
    assert all(len(frame.demonstrations) == 3 for frame in frames)
    assert puzzle.sources[0].split()[0] == list(RULES)[5]
