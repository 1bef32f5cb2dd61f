"""Many frames as one picture: contact sheets, and GIFs that are whole or not there."""

from pathlib import Path

import numpy as np
import pytest
from boards import sudoku as make
from PIL import Image

from hrm_rl.envs.boards import palette
from hrm_rl.envs.gif import contact_sheet, save_gif, save_pictures
from hrm_rl.envs.render import draw


def test_a_contact_sheet_lays_frames_row_by_row_and_fills_up_with_paper():
    frames = [make(segment=m) for m in (1, 2, 3)]
    sheet = contact_sheet(frames, columns=2, side=240)
    height, width = draw(frames[0], 240).shape[:2]
    assert sheet.shape == (2 * height, 2 * width, 3)
    assert (sheet[:height, width:] == draw(frames[1], 240)).all()
    assert (sheet[height:, :width] == draw(frames[2], 240)).all()
    assert (sheet[height:, width:] == palette.PAPER).all()
    assert contact_sheet(frames[:1], columns=5, side=240).shape == (height, width, 3)


@pytest.mark.parametrize(("count", "columns"), [(0, 2), (1, 0)])
def test_an_empty_contact_sheet_is_refused(count, columns):
    with pytest.raises(ValueError, match=f"got {count} and {columns}"):
        contact_sheet([make()] * count, columns)


def test_a_gif_shows_every_frame_and_holds_the_last(tmp_path):
    frames = [make(segment=m, title=f"segment {m}") for m in (1, 2, 3)]
    path = save_gif(iter(frames), tmp_path / "new" / "solve.gif", 0.5, side=240)
    with Image.open(path) as gif:
        assert gif.n_frames == 3 and gif.info["loop"] == 0
        for i, (frame, milliseconds) in enumerate(zip(frames, (500, 500, 2000), strict=True)):
            gif.seek(i)
            assert gif.info["duration"] == milliseconds
            seen = np.asarray(gif.convert("RGB"), int)
            assert np.abs(seen - draw(frame, 240)).mean() < 0.5  # of 255
            assert (seen[0, 0] == palette.PAPER).all()
    assert [p.name for p in path.parent.iterdir()] == ["solve.gif"]


def test_a_gif_that_fails_leaves_the_old_one_and_no_litter(tmp_path, monkeypatch):
    path = save_gif([make()], tmp_path / "solve.gif", side=240)
    old = path.read_bytes()

    def full(self: Image.Image, file: Path, *_: object, **__: object) -> None:
        Path(file).write_bytes(b"GIF8")
        raise OSError("no space left")

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(OSError, match="no space left"):
        save_gif([make(segment=4)], path, side=240)
    assert path.read_bytes() == old
    assert list(tmp_path.iterdir()) == [path]


def test_pictures_that_are_drawn_already_make_the_same_gif(tmp_path):
    frames = [make(segment=4), make(segment=5)]
    drawn = save_gif(frames, tmp_path / "a.gif", 0.5, side=240)
    given = save_pictures([draw(frame, 240) for frame in frames], tmp_path / "b.gif", 0.5)
    assert given.read_bytes() == drawn.read_bytes()
    sheet = save_pictures([contact_sheet(frames, 2, 240)], tmp_path / "c.gif")
    with Image.open(sheet) as image:
        assert image.size == (480, 320)


def test_gifs_without_frames_or_time_are_refused(tmp_path):
    with pytest.raises(ValueError, match="at least one frame"):
        save_gif([], tmp_path / "a.gif")
    with pytest.raises(ValueError, match=r"seconds_per_frame must be >= 0.02, got nan"):
        save_gif([make()], tmp_path / "a.gif", float("nan"))
    assert list(tmp_path.iterdir()) == []
