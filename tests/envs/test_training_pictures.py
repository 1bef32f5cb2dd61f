"""A batch in training is drawn as frozen ones are: a picture a row."""

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.wrappers.vector import RecordVideo
from in_training import MOVES, make

from hrm_rl.envs.render import draw
from hrm_rl.puzzles import task_of

SUDOKU = task_of("sudoku4")


def test_frames_say_what_the_infos_say() -> None:
    env = make(3, render_mode="rgb_array")
    with pytest.raises(ResetNeeded, match=r"call reset\(\) first"):
        env.frames()
    before = env.reset(seed=1)[1]
    for halts in ([0, 0, 0], [1, 0, 0], [0, 0, 1], [0, 0, 0]):
        info = env.step(np.array(halts))[4]
        for row, frame in enumerate(env.frames()):
            assert frame.segment == info["segment"][row] and frame.task == "sudoku4"
            assert frame.cells_L.tolist() == SUDOKU.values(info["prediction"][row]).tolist()
            first = frame.segment == 1
            assert frame.decision == ("" if first else "continue") and frame.correct is None
            assert (frame.previous_L is None) == first
            if not first:
                then = SUDOKU.values(before["prediction"][row])
                assert frame.previous_L is not None and frame.previous_L.tolist() == then.tolist()
            assert 0 < np.count_nonzero(frame.givens_L) < 16
        before = info


def test_pictures_are_those_of_the_frames_and_change_nothing() -> None:
    env, other = make(2, render_mode="rgb_array"), make(2)
    for one in (env, other):
        one.reset(seed=0)
    for _ in range(3):
        pictures: Any = env.render()
        frames = env.frames()
        assert all(
            np.array_equal(picture, draw(frame))
            for picture, frame in zip(pictures, frames, strict=True)
        )
        assert np.array_equal(env.step([0, 1])[0], other.step([0, 1])[0])
    with pytest.warns(UserWarning, match="draws nothing"):
        assert other.render() is None


def test_a_window_is_refused_before_a_folder_is_made(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="render_mode must be one of None, rgb_array, got 'human'"):
        make(2, render_mode="human", run=str(tmp_path / "run"))
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*will not contain the last frame:UserWarning")
def test_gymnasium_films_the_batch_as_one_board_of_boards(tmp_path: Path) -> None:
    env = gymnasium.make_vec(
        "hrm_rl:HRMSudokuTrain-v0", num_envs=4, render_mode="rgb_array", **MOVES
    )
    film = RecordVideo(
        env, str(tmp_path / "films"), video_aspect_ratio=(1, 1), record_first_only=False, disable_logger=True,
        step_trigger=lambda step: step == 0, video_length=3,
    )  # fmt: skip
    film.reset(seed=0)
    for _ in range(4):
        film.step(np.zeros(4, int))
    film.close()
    (video,) = tmp_path.glob("films/*.mp4")
    assert video.stat().st_size > 1000
