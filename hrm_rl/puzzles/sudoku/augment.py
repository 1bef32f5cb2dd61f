"""Random symmetries of Sudoku, another one for each puzzle of a batch, without a host read.

Suffixes: B puzzles of the batch, L cells, S rows (or columns), G bands (or stacks), V vocabulary.
"""

import torch
from jaxtyping import Integer
from torch import Tensor

from hrm_rl.puzzles.sudoku.rules import Sudoku


def augment(
    x_BL: Integer[Tensor, "B L"],
    y_BL: Integer[Tensor, "B L"],
    size: int,
    generator: torch.Generator | None = None,
) -> tuple[Integer[Tensor, "B L"], Integer[Tensor, "B L"]]:
    """Puzzles and solutions (tokens) after a random symmetry per row, the same for x and y.

    Uniform over the whole group: digits, bands, rows in a band, stacks, columns in a stack, and the
    transpose where boxes are square. `generator` must live on the tensors' device; None is torch's.
    """
    game = Sudoku(size)
    B = x_BL.shape[0]

    def random(*shape: int) -> Tensor:
        return torch.rand(B, *shape, generator=generator, device=x_BL.device)

    rows_BS = _lines(random(size // game.box_rows), random(size // game.box_rows, game.box_rows))
    cols_BS = _lines(random(size // game.box_cols), random(size // game.box_cols, game.box_cols))
    cells_BSS = rows_BS[:, :, None] * size + cols_BS[:, None, :]
    if game.box_rows == game.box_cols:
        cells_BSS = torch.where(random(1, 1) < 0.5, cells_BSS, cells_BSS.mT)
    cells_BL = cells_BSS.reshape(B, size * size)

    kept_B2 = torch.arange(2, device=x_BL.device).expand(B, 2)  # PAD and blank stay themselves
    names_BV = torch.cat([kept_B2, random(size).argsort(1) + 2], dim=1)

    def seen(tokens_BL: Tensor) -> Tensor:
        return names_BV.gather(1, tokens_BL.long().gather(1, cells_BL)).to(tokens_BL.dtype)

    return seen(x_BL), seen(y_BL)


def _lines(group_keys_BG: Tensor, line_keys_BGS: Tensor) -> Tensor:
    """(B, S) the old number of each new row (or column), in the order of random keys."""
    groups_BG1 = group_keys_BG.argsort(1)[:, :, None]
    lines_BGS = line_keys_BGS.argsort(2)
    return (groups_BG1 * line_keys_BGS.shape[2] + lines_BGS).flatten(1)
