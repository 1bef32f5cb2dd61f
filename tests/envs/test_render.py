"""Pictures are judged by their pixels: hand-made frames, and what must and must not be seen."""

import os
import subprocess
import sys

import boards
import numpy as np
import pygame
import pytest
from boards import SOLVED, crop, digits
from boards import sudoku as make
from gymnasium.error import DependencyNotInstalled

from hrm_rl.envs.boards import palette
from hrm_rl.envs.render import Window, draw
from hrm_rl.puzzles import Sudoku


def replaced(digits_L: np.ndarray, **new: int) -> np.ndarray:
    """A copy with other digits in some cells: replaced(x, _5=3) has a 3 in cell 5."""
    digits_L = digits_L.copy()
    for cell, digit in new.items():
        digits_L[int(cell[1:])] = digit
    return digits_L


def cells_with(image: np.ndarray, size: int, colour: palette.Colour) -> set[int]:
    return boards.cells_with(image, Sudoku(size), colour)


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
