"""Pictures are judged by their pixels: hand-made frames, and what must and must not be seen."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pygame
import pytest
from gymnasium.error import DependencyNotInstalled
from PIL import Image

from hrm_rl.envs.boards import palette
from hrm_rl.envs.gif import contact_sheet, save_gif
from hrm_rl.envs.render import Frame, Window, draw
from hrm_rl.puzzles import Sudoku

GIVENS = {
    4: "1000003004000002",
    6: "100004020000003060060000000200040001",
    9: "530070000600195000098000060800060003400803001700020006060000280000419005000080079",
}
SOLVED = {
    4: "1324423124133142",
    6: "135624624135513462462513351246246351",
    9: "534678912672195348198342567859761423426853791713924856961537284287419635345286179",
}


def digits(text: str) -> np.ndarray:
    return np.array([int(c) for c in text])


def make(size: int = 9, **changes: Any) -> Frame:
    fields: dict[str, Any] = dict(
        givens_L=digits(GIVENS[size]),
        cells_L=digits(SOLVED[size]),
        previous_L=digits(SOLVED[size]),
        segment=3,
        max_segments=16,
        q_halt=0.25,
        q_continue=0.75,
        decision="continue",
        correct=True,
    )
    return Frame(**(fields | changes))


def replaced(digits_L: np.ndarray, **new: int) -> np.ndarray:
    """A copy with other digits in some cells: replaced(x, _5=3) has a 3 in cell 5."""
    digits_L = digits_L.copy()
    for cell, digit in new.items():
        digits_L[int(cell[1:])] = digit
    return digits_L


def crop(image: np.ndarray, box: palette.Box) -> np.ndarray:
    scale = image.shape[1] / palette.WIDTH
    left, top, width, height = box
    rows = slice(round(top * scale), round((top + height) * scale))
    return image[rows, round(left * scale) : round((left + width) * scale)]


def cells_with(image: np.ndarray, size: int, colour: palette.Colour) -> set[int]:
    """The cells in which some pixel has just this colour."""
    crops = [crop(image, palette.cell_box(i, Sudoku(size))) for i in range(size * size)]
    return {i for i, pixels in enumerate(crops) if (pixels == colour).all(-1).any()}


def bounds(differs: np.ndarray) -> tuple[int, int, int, int]:
    """First and last row, first and last column in which two pictures differ."""
    rows, columns = np.nonzero(differs)
    return rows.min(), rows.max(), columns.min(), columns.max()


@pytest.mark.parametrize("size", [4, 6, 9])
@pytest.mark.parametrize("side", [240, 334, 480, 720])
def test_a_picture_is_a_fresh_array_of_even_sides(size, side):
    first, second = draw(make(size), side), draw(make(size), side)
    assert first.dtype == np.uint8 and first.flags.writeable and first.flags.c_contiguous
    assert first.shape[1:] == (side, 3) and first.shape[0] % 2 == 0
    assert abs(first.shape[0] - side * 4 / 3) <= 1
    assert not np.shares_memory(first, second)
    assert (first == second).all()


@pytest.mark.parametrize("side", [238, 481, 0])
def test_sides_that_nobody_could_read_or_encode_are_refused(side):
    with pytest.raises(ValueError, match=f"even number of pixels >= 240, got {side}"):
        draw(make(), side)


def test_somebody_elses_pygame_quit_does_not_change_the_picture():
    frame = make(title="kept")
    before = draw(frame)
    pygame.quit()
    assert (draw(frame) == before).all()
    assert draw(make(title="letters not drawn before: XYZ")).shape == before.shape


@pytest.mark.parametrize("size", [4, 6, 9])
def test_a_clean_grid_shows_no_red_and_no_shade(size):
    image = draw(make(size))
    for colour in (palette.RED, palette.BROKEN, palette.CHANGED):
        assert cells_with(image, size, colour) == set()


@pytest.mark.parametrize(("size", "cell", "digit"), [(4, 2, 3), (6, 35, 2), (9, 2, 6)])
def test_just_the_cells_that_break_a_rule_are_red(size, cell, digit):
    frame = make(size, cells_L=replaced(digits(SOLVED[size]), **{f"_{cell}": digit}))
    broken = set(np.flatnonzero(frame.broken()))
    assert cell in broken and len(broken) >= 2
    assert cells_with(draw(frame), size, palette.RED) == broken
    assert cells_with(draw(frame), size, palette.BROKEN) == broken


@pytest.mark.parametrize("size", [4, 6, 9])
def test_just_the_cells_that_changed_are_shaded(size):
    before_L, changed = digits(SOLVED[size]), [0, 2, size * size - 1]
    before_L[changed] = before_L[changed] % size + 1
    image = draw(make(size, previous_L=before_L))
    assert cells_with(image, size, palette.CHANGED) == set(changed)


def test_a_change_that_breaks_a_rule_shows_both():
    cells_L = replaced(digits(SOLVED[9]), _2=6)
    image = draw(make(cells_L=cells_L))
    pixels = crop(image, palette.cell_box(2, Sudoku(9)))
    for colour in (palette.RED, palette.BROKEN, palette.CHANGED):
        assert (pixels == colour).all(-1).any()


def test_an_overwritten_given_is_red_with_the_given_in_its_corner():
    frame = make(cells_L=replaced(digits(SOLVED[9]), _0=4))
    left, top, width, height = palette.cell_box(0, Sudoku(9))
    corner = crop(draw(frame), (left + 1, top + 1, width / 4, height / 3))
    assert 0 in cells_with(draw(frame), 9, palette.RED)
    assert (corner == palette.INK).all(-1).any()


@pytest.mark.parametrize("size", [4, 6, 9])
def test_givens_are_dark_and_heavier_than_the_same_digits_filled_in(size):
    cells_L = digits(SOLVED[size])
    none_L, box = np.zeros_like(cells_L), (2.0, 2.0, -4.0, -4.0)
    given_image = draw(make(size, givens_L=cells_L))
    filled_image = draw(make(size, givens_L=none_L))
    for i in range(size * size):
        inner = tuple(a + b for a, b in zip(palette.cell_box(i, Sudoku(size)), box, strict=True))
        given, filled = crop(given_image, inner), crop(filled_image, inner)
        assert (given == palette.INK).all(-1).any()
        assert (filled == palette.FILLED).all(-1).any()
        assert (given < 250).any(-1).sum() > 1.1 * (filled < 250).any(-1).sum()


def test_blank_cells_are_empty():
    image = draw(make(cells_L=np.zeros(81, int), previous_L=None))
    left, top, width, height = palette.cell_box(2, Sudoku(9))
    assert (crop(image, (left + 2, top + 2, width - 4, height - 4)) == palette.CELL).all()


def test_advancing_the_clock_changes_the_row_of_the_clock_and_nothing_else():
    differs = (draw(make(segment=3)) != draw(make(segment=9))).any(-1)
    top, bottom, left, right = bounds(differs)
    _, clock_top, _, clock_height = palette.CLOCK
    assert clock_top - 4 <= top and bottom <= clock_top + clock_height + 4
    assert left >= palette.CLOCK[0] and right <= palette.BOARD[0] + palette.BOARD[2]


@pytest.mark.parametrize("name", ["q_halt", "q_continue"])
def test_a_q_changes_its_own_bar_and_nothing_else(name):
    box = palette.HALT_BAR if name == "q_halt" else palette.CONTINUE_BAR
    for q in (0.0, 0.004, 1.0, float("nan")):
        differs = (draw(make(**{name: 0.5})) != draw(make(**{name: q}))).any(-1)
        top, bottom, left, _ = bounds(differs)
        assert box[1] - 4 <= top and bottom <= box[1] + box[3] + 4 and left >= box[0]


@pytest.mark.parametrize("size", [4, 6, 9])
@pytest.mark.parametrize("side", [240, 334, 480, 720])
@pytest.mark.parametrize("segments", [1, 16, 64, 9999])
def test_nothing_reaches_the_margins_or_the_gap_beside_the_bars(size, side, segments):
    frame = make(
        size,
        cells_L=digits(SOLVED[size])[::-1],
        segment=segments,
        max_segments=segments,
        q_halt=1.0,
        q_continue=float("nan"),
        decision="forced",
        correct=False,
        title="W" * 300,
    )
    image = draw(frame, side)
    scale = side / palette.WIDTH
    board_left, _, board_width, _ = palette.BOARD
    seen = bounds((image != palette.PAPER).any(-1))
    assert seen[0] >= 16 * scale and seen[1] <= (palette.HEIGHT - 16) * scale
    assert seen[2] >= (board_left - 2) * scale - 1
    assert seen[3] <= (board_left + board_width + 2) * scale + 1
    left, top, width, _ = palette.CLOCK
    below = palette.CONTINUE_BAR[1] + palette.CONTINUE_BAR[3] - top
    assert (crop(image, (left + width + 1, top, 2, below)) == palette.PAPER).all()
    assert (crop(image, (left - 4, top, 3, below)) == palette.PAPER).all()


def test_drawing_needs_no_display():
    code = (
        "import numpy as np, sys\n"
        "from hrm_rl.envs.render import Frame, draw\n"
        "assert 'pygame' not in sys.modules\n"
        "x = np.zeros(16, int)\n"
        "assert draw(Frame(x, x, None, 1, 1, 0., 0., '', None)).any()\n"
        "import pygame\n"
        "assert not pygame.display.get_init() and not pygame.mixer.get_init()\n"
    )
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER")
    environ = {key: value for key, value in os.environ.items() if key not in hidden}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_without_pygame_the_error_names_the_cure(monkeypatch):
    monkeypatch.setitem(sys.modules, "pygame", None)
    with pytest.raises(DependencyNotInstalled, match="pip install pygame-ce"):
        draw(make())
    with pytest.raises(DependencyNotInstalled, match="pip install pygame-ce"):
        Window().show(make())


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


def test_gifs_without_frames_or_time_are_refused(tmp_path):
    with pytest.raises(ValueError, match="at least one frame"):
        save_gif([], tmp_path / "a.gif")
    with pytest.raises(ValueError, match=r"seconds_per_frame must be >= 0.02, got nan"):
        save_gif([make()], tmp_path / "a.gif", float("nan"))
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def window(monkeypatch):
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    pygame.display.quit()
    window = Window("sudoku9")
    yield window
    window.close()


def press(key: int) -> None:
    pygame.event.post(pygame.event.Event(pygame.KEYDOWN, key=key))


def test_a_window_shows_what_draw_draws_and_names_its_keys(window):
    window.show(make())
    seen = pygame.surfarray.array3d(pygame.display.get_surface()).swapaxes(0, 1)
    assert (seen == draw(make())).all()
    assert pygame.display.get_caption()[0].startswith("sudoku9: space = continue, enter = halt")
    assert not pygame.mixer.get_init()


def test_keys_become_decisions_in_the_order_in_which_they_were_pressed(window):
    window.show(make())
    assert window.poll() is None
    keys = [pygame.K_a, pygame.K_SPACE, pygame.K_RETURN, pygame.K_KP_ENTER, pygame.K_q]
    for key in (*keys, pygame.K_ESCAPE):
        press(key)
    pygame.event.post(pygame.event.Event(pygame.QUIT))
    window.show(make(segment=4))  # showing must not swallow them
    expected = ["continue", "halt", "halt", "quit", "quit", "quit", None]
    assert [window.poll() for _ in expected] == expected


def test_waiting_ends_with_the_first_decision(window):
    window.show(make())
    pygame.time.set_timer(pygame.event.Event(pygame.KEYDOWN, key=pygame.K_RETURN), 40, 1)
    assert window.wait() == "halt"


def test_a_window_closes_twice_and_opens_again(window):
    window.close()  # never opened
    window.show(make())
    window.close()
    window.close()
    assert not pygame.display.get_init()
    assert window.poll() == "quit" and window.wait() == "quit"
    window.show(make())
    assert pygame.display.get_init() and window.poll() is None


def test_a_window_survives_somebody_elses_pygame_quit(window):
    window.show(make())
    pygame.quit()
    assert window.poll() == "quit"
    window.show(make())
    assert window.poll() is None
    pygame.quit()
    window.close()


def test_waiting_for_a_key_that_nobody_can_press_is_refused(window, monkeypatch):
    window.show(make())
    monkeypatch.setattr(pygame.display, "get_driver", lambda: "offscreen")
    with pytest.raises(ValueError, match="needs a visible window"):
        window.wait()


def test_a_window_where_there_is_no_display_is_refused_with_the_cure(window, monkeypatch):
    monkeypatch.setenv("SDL_VIDEODRIVER", "no-such-driver")
    with pytest.raises(ValueError, match=r"needs a display, got .*; use render_mode"):
        window.show(make())
    window.close()
