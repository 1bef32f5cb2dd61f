"""HRM on other puzzles: mazes, ARC, queens."""

from __future__ import annotations

from dataclasses import replace

from hrm_rl.models.hrm import HRMConfig
from hrm_rl.training.config import TrainConfig
from hrm_rl.training.presets.sudoku import official


def maze8() -> TrainConfig:
    """8x8 mazes of Lehnert et al., attention along rows and columns: twenty minutes on one CPU core.

    A cell that sees its row and its column alone is a prior that the paper's model does not have. With
    4 segments at most it sees four times the mazes of 16, and learns many times faster: so it begins.
    Not augmented: there are as many mazes as one wants, and none is seen often.
    """
    return _maze(8)


def maze8_short() -> TrainConfig:
    """8x8 mazes at a constant limit of 8 segments, 2,400 steps: the second task of `hrm-rl ablate`.

    Three minutes on one CPU core.
    """
    return replace(maze8(), steps=2400, max_segments=8, grow_segments=(), lr_min_ratio=1.0)


def maze8_overthinks() -> TrainConfig:
    """8x8 mazes with two segments each: right after two, and lost again as the model thinks on.

    Two minutes on one CPU core. Nothing trains its Q-head.
    """
    return replace(maze8_short(), halting="fixed-2")


def maze12() -> TrainConfig:
    """12x12 mazes, trained as 8x8 ones are: 144 cells in place of 64. No weights of it ship."""
    return _maze(12)


def _maze(side: int) -> TrainConfig:
    return TrainConfig(
        model=HRMConfig(
            vocab=6,
            length=side**2,
            task=f"maze{side}",
            width=64,
            heads=4,
            H_layers=1,
            L_layers=1,
            H_cycles=1,
            L_cycles=3,
            inner_multiple=32,
            gradient="last-cycle",
            positions="rotary",
            token_mixer="neighbours",
        ),
        data=((f"maze{side}:30000:7", 1.0),),
        augment=False,
        slots=32,
        steps=16_000,
        max_segments=16,
        grow_segments=((0.5, 4), (0.75, 8)),
        bootstrap="delayed",
        explore_probability=0.3,
        loss="softmax",
        lr=2e-3,
        warmup=100,
        lr_min_ratio=0.05,
        puzzle_lr=1e-3,
        ema=0.995,
        compile=True,
    )


def maze30() -> TrainConfig:
    """The public code's Maze-Hard run (1,000 mazes, eight GPUs, an hour), on mazes made here.

    Their shortest ways have 110 cells or more, 109 steps, as the public ones. Making them takes six
    minutes on one core: write them to a CSV to use them again.
    """
    return replace(
        official(),
        model=HRMConfig(vocab=6, length=900, task="maze30"),
        data=(("maze30:1000:0:110", 1.0),),
        augment=False,
        slots=768,
        steps=26_041,
        lr=1e-4,
        puzzle_lr=1e-4,
    )


_TOY = HRMConfig(
    vocab=4,
    length=16,
    task="parity16",
    width=64,
    heads=4,
    H_layers=1,
    L_layers=1,
    H_cycles=1,
    L_cycles=2,
    inner_multiple=32,
    gradient="last-cycle",
    positions="none",
    token_mixer="mlp",
)
"""What learns queens, parity and Life: one layer a level, MLP token mixer."""


def queens8() -> TrainConfig:
    """Eight queens, one to six of which stand already, MLP token mixer: minutes on one CPU core.

    Puzzles with few queens have several answers. The loss asks for the one nearest to what the model
    says: trained on the stored one, it learns a mixture of answers, which is none.
    """
    return TrainConfig(
        model=replace(_TOY, vocab=3, length=64, task="queens8", heads=2),
        data=(("queens8:10000:7", 1.0),),
        slots=32,
        steps=6000,
        max_segments=16,
        bootstrap="delayed",
        explore_probability=0.3,
        loss="softmax",
        answers="nearest",
        lr=2e-3,
        warmup=100,
        lr_min_ratio=0.05,
        puzzle_lr=1e-3,
        ema=0.995,
        compile=True,
    )


def parity16() -> TrainConfig:
    """Parity of 2 to 13 bits in a vector with room for 16, MLP token mixer: minutes on one CPU core.

    Each number of bits as often; vectors of 14 to 16 bits, which it never saw, say what happens beyond.
    """
    return replace(
        queens8(),
        model=_TOY,
        data=tuple((f"parity16:2000:7:{folds}", 1.0) for folds in range(1, 13)),
        augment=False,
        answers="stored",
        slots=64,
        steps=5000,
        max_segments=8,
        lr=1e-3,
    )


def life5() -> TrainConfig:
    """Life on a 5x5 torus, one to three generations ahead, MLP token mixer: minutes on one CPU core.

    It begins with 2 segments at most, and so sees more boards. Four and five generations, which it never
    saw, say what happens beyond.
    """
    return replace(
        parity16(),
        model=replace(_TOY, length=30, task="life5"),
        data=tuple((f"life5:10000:7:{generations}", 1.0) for generations in (1, 2, 3)),
        slots=128,
        steps=6000,
        grow_segments=((0.5, 2), (0.75, 4)),
        lr=2e-3,
    )


def _boards(gradient: str) -> HRMConfig:
    return HRMConfig(
        vocab=12,
        length=36,
        width=64,
        heads=2,
        H_layers=1,
        L_layers=1,
        H_cycles=1,
        L_cycles=2,
        positions="none",
        token_mixer="mlp",
        gradient=gradient,
        puzzle_ids=65,
        task="arc6x7",
    )


def arc6() -> TrainConfig:
    """Eight made-up tasks in the manner of ARC (`puzzles.arc.generate`) on 6x6 boards.

    With an embedding for each of eight ways to see each task. In a short pilot attention learned no
    faster than the MLP token mixer.
    """
    return TrainConfig(
        model=_boards("one-step"),
        data=(("arc6x7:4000:0", 1.0),),
        slots=32,
        steps=8000,
        max_segments=8,
        bootstrap="delayed",
        explore_probability=0.3,
        lr=1e-3,
        warmup=100,
        lr_min_ratio=0.05,
        puzzle_lr=1e-2,
        ema=0.995,
    )


def arc6_steady() -> TrainConfig:
    """The same tasks, a model that stays where it is right: the weights `arc6-steady`.

    Ten times the pairs, and every one is kept for a drawn number of segments, up to 16, so that those
    after the right answer are trained too; the gradient is of the whole last cycle.
    """
    return replace(
        arc6(),
        model=_boards("last-cycle"),
        data=(("arc6x7:40000:0", 1.0),),
        steps=24_000,
        max_segments=16,
        grow_segments=((0.15, 4), (0.4, 8)),
        explore_probability=1.0,
        lr_min_ratio=0.02,
        ema=0.998,
        compile=True,
    )


def arc1() -> TrainConfig:
    """The public code's ARC-AGI-1 run, a day of eight GPUs; needs hrm-rl[arc].

    The paper adds ConceptARC: `--data arc1+ConceptARC/corpus 1.0 --puzzle-ids 960961`.
    """
    return replace(
        official(),
        model=HRMConfig(vocab=12, length=900, puzzle_ids=1 + 1001 * 800, task="arc30"),
        data=(("arc1", 1.0),),
        slots=768,
        steps=414_456,
        lr=1e-4,
        weight_decay=0.1,
        puzzle_lr=1e-2,
        puzzle_weight_decay=0.1,
    )
