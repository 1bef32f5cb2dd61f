"""Frames drawn with pygame: arrays, and a window. (`gif` makes one file of many.)

Drawing is a pure function from a frame to an RGB array and needs no display. This is the only file
that imports pygame, and it does so where it draws. It keeps to the API that pygame and pygame-ce
share, and to the font they bring along, so that pictures look the same on machines without fonts.

Shapes: H and W pixels.
"""

from __future__ import annotations

import functools
import math
import os
from types import ModuleType
from typing import Any, Final

import numpy as np
from gymnasium.error import DependencyNotInstalled
from jaxtyping import UInt8

from hrm_rl.envs.boards.palette import HEIGHT, INK, PAPER, WIDTH, Box, Colour
from hrm_rl.envs.frame import Frame
from hrm_rl.envs.picture import paint

__all__ = ["Frame", "Window", "draw"]

OVERSAMPLING: Final = 4  # text and shapes are drawn this much larger and shrunk, for smooth edges
THINNING: Final = 0.019  # of the font's size: makes a regular weight out of the bundled bold one


def draw(frame: Frame, side: int = WIDTH) -> UInt8[np.ndarray, "H W 3"]:
    """Draw a frame `side` pixels wide and 4/3 of that high, both even (video codecs want that).

    The same frame gives the same bytes, in a fresh array.

    Raises:
        ValueError: `side` is odd or below 240.
        DependencyNotInstalled: pygame is missing.
    """
    canvas = _Surface(side)
    paint(canvas, frame)
    return canvas.pixels()


class Window:
    """A window for people: it shows frames and turns keys into decisions.

    Space is "continue", enter "halt"; q, escape and closing the window are "quit". It opens at the
    first `show` and can be closed any number of times.
    """

    def __init__(self, title: str = "hrm-rl", side: int = WIDTH, fps: float = 0) -> None:
        """`fps` above 0 makes `show` wait, so that frames come no faster than that."""
        self.title, self.side, self.fps = title, side, fps
        self._screen: Any = None
        self._clock: Any = None

    def show(self, frame: Frame) -> None:
        """Draw a frame; the keys pressed meanwhile wait for `poll`.

        Raises:
            ValueError: no window can be opened.
        """
        pygame = _pygame()
        picture = draw(frame, self.side)
        if not self._is_open():
            self._open(pygame, picture.shape[1], picture.shape[0])
        pygame.surfarray.blit_array(self._screen, picture.swapaxes(0, 1))
        pygame.event.pump()
        pygame.display.flip()
        self._clock.tick(self.fps)

    def _open(self, pygame: ModuleType, width: int, height: int) -> None:
        try:
            pygame.display.init()  # not pygame.init(): that would open the sound card as well
            self._screen = pygame.display.set_mode((width, height))
        except pygame.error as error:
            raise ValueError(
                f"a window needs a display, got {error} from SDL; "
                'use render_mode="rgb_array", or write a GIF'
            ) from error
        pygame.display.set_caption(f"{self.title}: space = continue, enter = halt, q = quit")
        self._clock = pygame.time.Clock()

    def poll(self) -> str | None:
        """Return the oldest decision not asked for yet, or None; "quit" where no window is open."""
        if not self._is_open():
            return "quit"
        pygame = _pygame()
        keys = {
            pygame.K_SPACE: "continue",
            pygame.K_RETURN: "halt",
            pygame.K_KP_ENTER: "halt",
            pygame.K_q: "quit",
            pygame.K_ESCAPE: "quit",
        }
        while (event := pygame.event.poll()).type != pygame.NOEVENT:
            if event.type == pygame.QUIT:
                return "quit"
            if event.type == pygame.KEYDOWN and event.key in keys:
                return keys[event.key]
        return None

    def wait(self) -> str:
        """Block until there is a decision.

        Raises:
            ValueError: SDL found no display and draws where nobody can see it or press a key.
        """
        pygame = _pygame()
        if self._is_open() and pygame.display.get_driver() == "offscreen":
            raise ValueError(
                "waiting for a key needs a visible window, got SDL's off-screen driver; "
                "run it where there is a display, or write a GIF"
            )
        while (decision := self.poll()) is None:
            pygame.display.flip()  # what another window has covered comes back
            self._clock.tick(30)
        return decision

    def close(self) -> None:
        """Close the window, if it is open; a later `show` opens it again."""
        if self._is_open():
            _pygame().display.quit()
        self._screen = self._clock = None

    def _is_open(self) -> bool:
        """Whether it was opened, and nobody else's close() has shut pygame's display since."""
        return self._screen is not None and bool(_pygame().display.get_init())


class _Surface:
    """The `Canvas` of picture.py, in pixels of an off-screen pygame surface."""

    def __init__(self, side: int) -> None:
        if side < 240 or side % 2:
            raise ValueError(f"side must be an even number of pixels >= 240, got {side}")
        self.pygame = _pygame()
        self.scale = side / WIDTH
        self.surface = self.pygame.Surface((side, 2 * round(side * HEIGHT / WIDTH / 2)), 0, 32)
        self.surface.fill(PAPER)

    def pixels(self) -> np.ndarray:
        width, height = self.surface.get_size()
        pixels = np.frombuffer(self.pygame.image.tobytes(self.surface, "RGB"), np.uint8)
        return pixels.reshape(height, width, 3).copy()

    def fill(self, box: Box, colour: Colour) -> None:
        self.surface.fill(colour, self._rect(box))

    def shape(self, name: str, box: Box, colour: Colour) -> None:
        left, top, width, height = self._rect(box)
        self.surface.blit(_shape(name, width, height, colour), (left, top))

    def text(
        self,
        words: str,
        size: float,
        x: float,
        y: float,
        colour: Colour,
        *,
        bold: bool = True,
        anchor: str = "left",
    ) -> float:
        sprite, middle = _text(words, self._font_pixels(size), bold, colour)
        width = sprite.get_width()
        left = x * self.scale - {"left": 0, "middle": width / 2, "right": width}[anchor]
        self.surface.blit(sprite, (round(left), round(y * self.scale - middle)))
        return float(width / self.scale)

    def width_of(self, words: str, size: float) -> float:
        return _text_width(words, self._font_pixels(size)) / self.scale

    def _font_pixels(self, size: float) -> int:
        return max(8, round(size * self.scale))

    def _rect(self, box: Box) -> tuple[int, int, int, int]:
        """Round the edges, not the sizes: neighbours stay neighbours, and nothing vanishes."""
        left, top = round(box[0] * self.scale), round(box[1] * self.scale)
        right, bottom = round((box[0] + box[2]) * self.scale), round((box[1] + box[3]) * self.scale)
        return left, top, max(1, right - left), max(1, bottom - top)


# Sprites are cached, not fonts: sprites survive a pygame.quit() in somebody else's close().


@functools.lru_cache(maxsize=512)
def _text(words: str, pixels: int, bold: bool, colour: Colour) -> tuple[Any, float]:
    """A surface with the words on it, and the height of the middle of its capitals in pixels."""
    pygame, font = _pygame(), _font(pixels)
    ink_WH = pygame.surfarray.array_alpha(font.render(words, True, INK))
    if not bold:
        ink_WH = _thinned(ink_WH, int(THINNING * OVERSAMPLING * pixels))
    capital = font.render("0", True, INK).get_bounding_rect()
    middle = (capital.top + capital.height / 2) / OVERSAMPLING
    width, height = (-(-n // OVERSAMPLING) for n in ink_WH.shape)
    padded_WH = np.zeros((width * OVERSAMPLING, height * OVERSAMPLING))
    padded_WH[: ink_WH.shape[0], : ink_WH.shape[1]] = ink_WH
    shrunk_WH = padded_WH.reshape(width, OVERSAMPLING, height, OVERSAMPLING).mean((1, 3))
    sprite = pygame.Surface((width, height), pygame.SRCALPHA, 32)
    sprite.fill((*colour, 0))
    pygame.surfarray.pixels_alpha(sprite)[:] = shrunk_WH.round().astype(np.uint8)
    return sprite, middle


@functools.lru_cache(maxsize=512)
def _text_width(words: str, pixels: int) -> int:
    return math.ceil(_font(pixels).size(words)[0] / OVERSAMPLING)


def _font(pixels: int) -> Any:
    """The bundled font, which is bold, `OVERSAMPLING` times as large."""
    pygame = _pygame()
    pygame.font.init()
    return pygame.font.Font(None, OVERSAMPLING * pixels)


def _thinned(ink_WH: np.ndarray, radius: int) -> np.ndarray:
    """Take `radius` pixels off every edge.

    Minima over a cross and over a square in turn: an octagon, which is nearly round, and quick.
    """
    for step in range(radius):
        p = np.pad(ink_WH, 1)
        near = [ink_WH, p[:-2, 1:-1], p[2:, 1:-1], p[1:-1, :-2], p[1:-1, 2:]]
        corners = [p[:-2, :-2], p[:-2, 2:], p[2:, :-2], p[2:, 2:]]
        ink_WH = functools.reduce(np.minimum, near + corners if step % 2 else near)
    return ink_WH


@functools.lru_cache(maxsize=512)
def _shape(shape: str, width: int, height: int, colour: Colour) -> Any:
    """A pill (a disc if it is as wide as high), a check mark or a cross, with smooth edges."""
    pygame = _pygame()
    w, h = OVERSAMPLING * width, OVERSAMPLING * height
    large = pygame.Surface((w, h), pygame.SRCALPHA, 32)
    large.fill((*colour, 0))  # not (0, 0, 0, 0): that would darken the edges
    if shape in ("pill", "tick"):
        radius = min(w, h) // (2 if shape == "pill" else 4)
        pygame.draw.rect(large, colour, (0, 0, w, h), border_radius=radius)
    else:
        corners = [(0.15, 0.15), (0.85, 0.85), (0.5, 0.5), (0.85, 0.15), (0.15, 0.85)]
        stroke = [(0.08, 0.55), (0.38, 0.85), (0.92, 0.15)] if shape == "check" else corners
        points = [(x * w, y * h) for x, y in stroke]
        pygame.draw.lines(large, colour, False, points, max(2, w // 6))
    return pygame.transform.smoothscale(large, (width, height))


def _pygame() -> ModuleType:
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")  # its greeting goes to stdout
    try:
        import pygame
    except ImportError as error:
        raise DependencyNotInstalled("drawing needs pygame; run `pip install pygame-ce`") from error
    return pygame
