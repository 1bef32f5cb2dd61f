"""The registered ids in other people's hands: checkers, wrappers, specs, workers, datasets."""

import json
import pickle
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils.env_checker import check_env, data_equivalence
from gymnasium.vector import AsyncVectorEnv, AutoresetMode
from gymnasium.wrappers import RecordEpisodeStatistics, RecordVideo
from gymnasium.wrappers.vector import RecordEpisodeStatistics as VectorRecordEpisodeStatistics
from scripted import PUZZLES, tiny_hrm

from hrm_rl.envs.halting import HaltingEnv
from hrm_rl.envs.vector import HaltingVectorEnv
from hrm_rl.models.checkpoint import save_model
from hrm_rl.puzzles import write_csv

NEW = tuple(map(int, gymnasium.__version__.split(".")[:2])) >= (1, 4)
COUNTED_RIGHT = [mode for mode in AutoresetMode if NEW or mode is not AutoresetMode.SAME_STEP]
"""Gymnasium before 1.4 forgets the first step of every later episode in mode SameStep."""
ID = "hrm_rl:HRMSudoku4x4-v0"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Arguments of the ids that need nothing shipped."""
    folder = tmp_path_factory.mktemp("files")
    save_model(folder / "tiny", tiny_hrm())
    write_csv(folder / "puzzles.csv", PUZZLES)
    return {"checkpoint": str(folder / "tiny.safetensors"), "puzzles": str(folder / "puzzles.csv")}


def test_gymnasium_checker_with_all_render_modes(files: dict[str, str]) -> None:
    """Warnings are errors here, as everywhere in these tests."""
    check_env(gymnasium.make(ID, **files).unwrapped)


def test_an_id_stands_for_both_engines(files: dict[str, str]) -> None:
    assert isinstance(gymnasium.make(ID, **files).unwrapped, HaltingEnv)
    assert isinstance(gymnasium.make_vec(ID, num_envs=2, **files), HaltingVectorEnv)


@pytest.mark.parametrize("mode", AutoresetMode)
def test_native_and_sync_vectorisation_of_an_id_agree(
    files: dict[str, str], mode: AutoresetMode
) -> None:
    files = files | {"max_segments": 4}  # type: ignore[dict-item]
    native = gymnasium.make_vec(ID, num_envs=3, autoreset_mode=mode.value, **files)
    sync = gymnasium.make_vec(
        ID, num_envs=3, vectorization_mode="sync", vector_kwargs={"autoreset_mode": mode}, **files
    )
    assert native.metadata == sync.metadata | {"render_modes": ["rgb_array"]}
    assert data_equivalence(native.reset(seed=1), sync.reset(seed=1))
    actions = np.array([0, 1, 0])
    assert data_equivalence(native.step(actions), sync.step(actions))


def test_specs_survive_json_and_pickle(files: dict[str, str]) -> None:
    env = gymnasium.make(ID, step_cost=0.25, max_segments=3, **files)
    assert env.spec is not None
    for spec in (EnvSpec.from_json(env.spec.to_json()), pickle.loads(pickle.dumps(env.spec))):
        again = gymnasium.make(spec)
        assert data_equivalence(env.reset(seed=0), again.reset(seed=0), exact=True)
        assert env.step(0)[1] == again.step(0)[1] == -0.25


def test_a_vector_spec_survives_json(files: dict[str, str]) -> None:
    env = gymnasium.make_vec(ID, num_envs=3, autoreset_mode="SameStep", **files)
    assert env.spec is not None
    again = gymnasium.make_vec(EnvSpec.from_json(env.spec.to_json()))
    assert (again.num_envs, again.metadata) == (3, env.metadata)
    assert data_equivalence(env.reset(seed=0), again.reset(seed=0), exact=True)


@pytest.mark.slow
def test_spawned_workers_need_no_import(files: dict[str, str]) -> None:
    make = partial(gymnasium.make, ID, max_segments=3, **files)  # type: ignore[arg-type]
    workers = AsyncVectorEnv([make, make], context="spawn", shared_memory=False)
    try:
        obs, info = workers.reset(seed=0)
        expected_obs, expected = HaltingVectorEnv(2, max_segments=3, **files).reset(seed=0)
        np.testing.assert_allclose(obs, expected_obs, atol=1e-5)
        assert info["puzzle_id"].tolist() == expected["puzzle_id"].tolist()
        assert workers.step(np.array([1, 0]))[2].tolist() == [True, False]
    finally:
        workers.close()


def test_episode_statistics(files: dict[str, str]) -> None:
    env = RecordEpisodeStatistics(gymnasium.make(ID, step_cost=0.5, max_segments=3, **files))
    env.reset(seed=0)
    env.step(0)
    *_, terminated, _, info = env.step(0)
    assert terminated
    assert info["episode"]["l"] == 2
    assert info["episode"]["r"] == pytest.approx(info["correct"] - 1.0)


@pytest.mark.parametrize("mode", COUNTED_RIGHT)
def test_episode_statistics_of_vectors(files: dict[str, str], mode: AutoresetMode) -> None:
    """Always continuing: every episode has max_segments - 1 = 2 steps, whatever the mode."""
    vector = HaltingVectorEnv(3, autoreset_mode=mode, step_cost=0.5, max_segments=3, **files)
    env = VectorRecordEpisodeStatistics(vector)
    env.reset(seed=0)
    for _ in range(9):
        done = env.step(np.zeros(3, int))[2]
        if mode is AutoresetMode.DISABLED and done.any():
            env.reset(options={"reset_mask": done})
    assert len(env.length_queue) >= 9 and set(env.length_queue) == {2}
    assert set(env.return_queue) <= {0.0, -1.0}


def test_videos(files: dict[str, str], tmp_path: Path) -> None:
    env = gymnasium.make(ID, max_segments=3, render_mode="rgb_array", **files)
    recorded = RecordVideo(
        env, str(tmp_path / "videos"), episode_trigger=lambda _: True, disable_logger=True
    )
    recorded.reset(seed=0)
    recorded.step(0)
    recorded.step(1)
    recorded.close()
    (video,) = tmp_path.glob("videos/*.mp4")
    assert video.stat().st_size > 1000


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Implicitly cleaning up:ResourceWarning")  # Minari's folders
def test_minari_datasets(
    files: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Recorded, read back, and the environment recovered from the dataset."""
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    for needed in ("jax", "h5py"):  # Minari's collector imports them at the first reset
        pytest.importorskip(needed, reason="the extra `minari` is not installed")
    import minari

    env = minari.DataCollector(
        gymnasium.make(ID, max_segments=4, **files), record_infos=True, data_format="hdf5"
    )
    lengths, puzzles = [], []
    for episode in range(4):
        _, info = env.reset(seed=episode)
        puzzles.append(info["puzzle_id"])
        steps, terminated = 0, False
        while not terminated:
            *_, terminated, _, info = env.step(int(steps == episode))
            steps += 1
        lengths.append(steps)
    card = {  # Minari warns about what is missing
        "algorithm_name": "halt after segment 1 + episode",
        "author": "hrm-rl authors",
        "author_email": "nobody@example.com",
        "code_permalink": "https://example.com",
        "description": "Four episodes.",
        "eval_env": env.unwrapped.spec,
        "ref_min_score": 0.0,
        "ref_max_score": 1.0,
    }
    env.create_dataset(dataset_id="hrm/sudoku-v0", **card)
    env.close()
    del env  # and with it its folder, while the warning is ignored
    dataset = minari.load_dataset("hrm/sudoku-v0")
    episodes = list(dataset.iterate_episodes())
    assert [len(e.rewards) for e in episodes] == lengths == [1, 2, 3, 3]
    assert [int(e.infos["puzzle_id"][0]) for e in episodes] == puzzles
    assert not any(e.truncations.any() for e in episodes)
    assert episodes[-1].infos["forced"][-1]
    recovered: Any = dataset.recover_environment()
    assert recovered.unwrapped.config.max_segments == 4
    assert json.loads(recovered.spec.to_json())["kwargs"]["checkpoint"] == files["checkpoint"]
