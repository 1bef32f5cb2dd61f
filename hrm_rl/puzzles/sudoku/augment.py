"""Random symmetries of Sudoku, another one for each puzzle of a batch, without a host read.

Suffixes: B puzzles of the batch, L cells, S rows (or columns), G bands (or stacks), V vocabulary.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Integer
from torch import Tensor

from hrm_rl.puzzles.sudoku.rules import Sudoku


class Symmetry(NamedTuple):
    """One of the group for each puzzle: digits, bands, rows in a band, stacks, columns, transpose."""

    cells_BL: Integer[Tensor, "B L"]
    """The old place of each new cell."""
    names_BV: Integer[Tensor, "B V"]
    """The new name of each token; PAD and blank stay themselves."""

    def seen(self, tokens_BL: Integer[Tensor, "B L"]) -> Integer[Tensor, "B L"]:
        """Boards as they look by it."""
        moved_BL = tokens_BL.long().gather(1, self.cells_BL)
        return self.names_BV.gather(1, moved_BL).to(tokens_BL.dtype)

    def back(self, tokens_BL: Integer[Tensor, "B L"]) -> Integer[Tensor, "B L"]:
        """The inverse of `seen`."""
        named_BL = self.names_BV.argsort(1).gather(1, tokens_BL.long())
        return named_BL.gather(1, self.cells_BL.argsort(1)).to(tokens_BL.dtype)


def draw(
    puzzles: int, size: int, generator: torch.Generator | None, device: torch.device
) -> Symmetry:
    """Uniform over the whole group, the transpose where boxes are square.

    `generator` must live on the device; None is torch's.
    """

    def random(*shape: int) -> Tensor:
        return torch.rand(puzzles, *shape, generator=generator, device=device)

    return drawn_by(random, size)


def drawn_by(random: Callable[..., Tensor], size: int) -> Symmetry:
    """The same by numbers in [0, 1): `random` gives so many for each puzzle, of a shape."""
    game = Sudoku(size)
    rows_BS = _lines(random(size // game.box_rows), random(size // game.box_rows, game.box_rows))
    cols_BS = _lines(random(size // game.box_cols), random(size // game.box_cols, game.box_cols))
    cells_BSS = rows_BS[:, :, None] * size + cols_BS[:, None, :]
    if game.box_rows == game.box_cols:
        cells_BSS = torch.where(random(1, 1) < 0.5, cells_BSS, cells_BSS.mT)
    kept_B2 = torch.arange(2, device=rows_BS.device).expand(len(rows_BS), 2)
    names_BV = torch.cat([kept_B2, random(size).argsort(1) + 2], dim=1)
    return Symmetry(cells_BSS.reshape(-1, size * size), names_BV)


def augment(
    x_BL: Integer[Tensor, "B L"],
    y_BL: Integer[Tensor, "B L"],
    size: int,
    generator: torch.Generator | None = None,
) -> tuple[Integer[Tensor, "B L"], Integer[Tensor, "B L"]]:
    """Puzzles and solutions (tokens) after a random symmetry per row (`draw`), the same for x and y."""
    symmetry = draw(len(x_BL), size, generator, x_BL.device)
    return symmetry.seen(x_BL), symmetry.seen(y_BL)


def _lines(group_keys_BG: Tensor, line_keys_BGS: Tensor) -> Tensor:
    """(B, S) the old number of each new row (or column), in the order of random keys."""
    groups_BG1 = group_keys_BG.argsort(1)[:, :, None]
    lines_BGS = line_keys_BGS.argsort(2)
    return (groups_BG1 * line_keys_BGS.shape[2] + lines_BGS).flatten(1)
