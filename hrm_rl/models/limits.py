"""What a config may say: whole numbers, finite numbers and names, in ranges that can be built.

A config comes from a command line or from a file that anyone may have written. A billion layers is a
slip or a trap: it is refused here, before anything is built of it.
"""

from __future__ import annotations

from typing import Final, Protocol

from hrm_rl.checks.numbers import real, whole
from hrm_rl.models.blocks import BlockConfig
from hrm_rl.models.layers import inner_width
from hrm_rl.models.units import UNITS, boxes_of
from hrm_rl.puzzles.kinds import task_for, task_of

HIGHEST: Final = {
    "vocab": 65_536,
    "length": 65_536,
    "width": 16_384,
    "heads": 1_024,
    "inner_multiple": 4_096,
    "puzzle_ids": 100_000_000,
    "puzzle_width": 65_536,
    "puzzle_positions": 4_096,
}
"""The most of a field, far beyond what there is; of layers, cycles and steps it is `MANY`."""
MANY: Final = 1_000
WIDEST: Final = 64.0
"""The most that SwiGLU expands to."""
MOST_WEIGHTS: Final = 10_000_000_000
"""40 GB in fp32. With a puzzle embedding for each of its 1,045,829 puzzles, the largest public HRM has
0.6 billion."""
MOST_BLOCKS: Final = 100_000
"""Blocks that a segment runs one after the other, in all its cycles: 24 in the paper."""


class Checked(BlockConfig, Protocol):
    """What a config says about its blocks, and what is read beside them."""

    @property
    def vocab(self) -> int: ...
    @property
    def positions(self) -> str: ...
    @property
    def puzzle_ids(self) -> int: ...
    @property
    def puzzle_width(self) -> int | None: ...


def check_counts(config: object, names: str) -> None:
    """Refuse fields that are no whole numbers from 1 to the most there can be; others become `int`.

    Raises:
        ValueError: a field is out of range.
    """
    for name in names.split():
        value = whole(name, getattr(config, name), high=HIGHEST.get(name, MANY))
        if value < 1:
            raise ValueError(f"{name} must be >= 1, got {value}")
        object.__setattr__(config, name, value)  # the dataclass is frozen, and this is its making


def check_real(config: object, name: str, high: float, above: float | None = None) -> None:
    """The same for a finite number; `above` is what it must exceed, 0 or more where it is left out.

    Raises:
        ValueError: it is not finite, or out of range.
    """
    value = real(name, getattr(config, name), high=high)
    if value < 0 or (above is not None and value <= above):
        raise ValueError(f"{name} must be {'>= 0' if above is None else f'> {above}'}, got {value}")
    object.__setattr__(config, name, value)


def check_blocks(config: Checked, counts: str) -> None:
    """Refuse blocks that cannot be built. `counts` names the fields that are at least 1.

    Raises:
        ValueError: a field is out of range, or two do not go together.
    """
    check_counts(config, f"{counts} inner_multiple")
    check_real(config, "expansion", WIDEST, above=0)
    _check_names(config)
    if config.puzzle_width is not None:
        width = whole("puzzle_width", config.puzzle_width, high=HIGHEST["puzzle_width"])
        if width < 0:
            raise ValueError(f"puzzle_width must be >= 0 (0: no prefix), got {width}")
        object.__setattr__(config, "puzzle_width", width)
    if config.token_mixer != "mlp" and config.width % (2 * config.heads):
        raise ValueError(
            f"width must be a multiple of 2 * heads (rotary pairs), got width {config.width} "
            f"and {config.heads} heads"
        )
    check_task(config.task, config.length, config.vocab)
    if config.token_mixer in UNITS:
        _, boxes = boxes_of(config.token_mixer, task_for(config))
        if config.heads % len(boxes):
            raise ValueError(
                f'token_mixer "{config.token_mixer}" shares the heads among {len(boxes)} kinds of '
                f"units; heads must be a multiple of that, got {config.heads}"
            )


def _check_names(config: Checked) -> None:
    if config.positions not in ("rotary", "learned", "none"):
        raise ValueError(
            f'positions must be "rotary", "learned" or "none", got "{shortened(config.positions)}"'
        )
    if config.token_mixer not in ("attention", "mlp", *UNITS):
        raise ValueError(
            'token_mixer must be "attention", "mlp", "units" or "neighbours", got '
            f'"{shortened(config.token_mixer)}"'
        )


def check_task(task: str, length: int, vocab: int) -> None:
    """Refuse a task whose puzzles such a model cannot read.

    Raises:
        ValueError: no such task, or one of another length, or of more tokens.
    """
    if not isinstance(task, str):
        raise ValueError(f'task must be a name, as "sudoku9", got {shortened(task)}')
    if not task:
        return
    game = task_of(task)
    if game.length != length or game.vocab > vocab:
        raise ValueError(
            f"a puzzle of {task} has {game.length} tokens of {game.vocab}, the model reads {length} "
            f"of {vocab}; name the task that it was trained on"
        )


def check_cost(config: Checked, blocks: int, runs: int) -> None:
    """Refuse what takes too long or too much memory, before it is built.

    Args:
        blocks: blocks that have weights.
        runs: blocks that a segment runs one after the other.

    Raises:
        ValueError: too many weights, or too many blocks in a segment.
    """
    places = config.prefix + config.cells
    inner = inner_width(config.width, config.expansion, config.inner_multiple)
    block = 3 * config.width * inner
    if config.token_mixer == "mlp":
        mixer = inner_width(places, config.expansion, config.inner_multiple)
        block += 3 * places * mixer
        inner = min(inner, mixer)
    else:
        block += 4 * config.width**2
    if inner < 1:
        raise ValueError(
            f"expansion {config.expansion} leaves no inner width of width {config.width} and "
            f"{places} positions; raise it"
        )
    embedding = config.width if config.puzzle_width is None else config.puzzle_width
    tables = (2 * config.vocab + places) * config.width + config.puzzle_ids * embedding
    if (weights := blocks * block + tables) > MOST_WEIGHTS:
        raise ValueError(
            f"the model would have {weights / 1e9:,.0f} billion weights, of at most "
            f"{MOST_WEIGHTS / 1e9:,.0f}; lower width ({config.width}), layers ({blocks} in all) or "
            f"puzzle_ids ({config.puzzle_ids})"
        )
    if runs > MOST_BLOCKS:
        raise ValueError(
            f"a segment would run {runs:,} blocks one after the other, of at most {MOST_BLOCKS:,}; "
            "lower layers or cycles"
        )


def shortened(value: object) -> str:
    """What somebody gave, on one line of a sentence."""
    text = "".join(c if c.isprintable() else "?" for c in " ".join(str(value)[:1000].split()))
    return text if len(text) <= 120 else text[:117] + "..."
