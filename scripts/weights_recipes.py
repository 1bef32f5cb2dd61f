"""How the weights that ship are trained: recipes, and what their cards say beside what is measured."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hrm_rl.training import presets
from hrm_rl.training.config import TrainConfig


@dataclass(frozen=True)
class Stage:
    config: TrainConfig
    stop: int = 0
    """Step at which the next stage took over, before the config's last one; 0: ran to the end."""

    @property
    def steps(self) -> int:
        return self.stop or self.config.steps


def mixed(easy: float, minimal: float, hard: float) -> tuple[tuple[str, float], ...]:
    """Shares of 9x9 puzzles."""
    parts = (("easy:100000:7", easy), ("minimal:100000:7", minimal), ("sudoku9_hard", hard))
    return tuple(part for part in parts if part[1])


START = presets.sudoku9()
NEXT = replace(START, warmup=50, explore_probability=0.3)
LAST = replace(NEXT, explore_probability=0.2, max_segments=16)
LONG = replace(LAST, model=replace(START.model, H_cycles=2), lr=1e-4, lr_min_ratio=0.1)
RECIPES: dict[str, tuple[Stage, ...]] = {
    "sudoku4": (Stage(presets.sudoku4()),),
    "maze8": (
        Stage(presets.maze8()),
        Stage(replace(presets.maze8(), steps=4000, max_segments=16, lr=5e-4, warmup=50)),
    ),
    "queens8": (Stage(presets.queens8()),),
    "arc6": (Stage(presets.arc6()),),
    # When to change was decided on the fit split. ema=0 hands on the weights as they are.
    "sudoku9": (
        Stage(replace(START, ema=0.0), stop=1529),
        Stage(replace(NEXT, data=mixed(0.85, 0.15, 0)), stop=713),
        Stage(replace(NEXT, lr=5e-4, max_segments=12), stop=1391),
        Stage(
            replace(LAST, data=mixed(0.45, 0.45, 0.1), steps=5600, lr=5e-4, lr_min_ratio=0.02),
            stop=1298,
        ),
        Stage(replace(LAST, data=mixed(0.4, 0.5, 0.1), steps=4600, lr=2e-4, lr_min_ratio=0.05)),
        # The same weights, run for two cycles a segment, and at last for three.
        Stage(
            replace(
                LONG,
                data=mixed(0.4, 0.5, 0.1),
                steps=20_000,
                lr=2e-4,
                lr_min_ratio=1.0,
                warmup=30,
                seed=12,
            ),
            stop=892,
        ),
        Stage(
            replace(LONG, data=mixed(0.3, 0.55, 0.15), steps=11_000, ema=0.999, seed=13),
            stop=2768,
        ),
        Stage(
            replace(LONG, data=mixed(0.35, 0.65, 0), steps=5400, lr=5e-5, ema=0.999, seed=14),
            stop=2368,
        ),
        Stage(
            replace(
                LONG,
                model=replace(START.model, H_cycles=3),
                data=mixed(0.4, 0.5, 0.1),
                steps=1600,
                lr=6e-5,
                seed=15,
            ),
            stop=1076,
        ),
    ),
}
HALVED = ("arc6", "maze8", "queens8")
"""Recipes whose weights ship in half precision; they are loaded in single precision."""
NOTES = {
    "maze8": """
The hours are those of a machine that was shared: on a core of its own it takes about twenty minutes. A cell
sees its row and its column alone (token mixer "neighbours"), a prior that the paper's model does not have.
Pilots, right by the rules on the fit split after 4 / 16 segments. 130 core-seconds with 16 segments at most:
this model 4.0 / 3.6 % (1,979 steps), the MLP token mixer in its place 2.0 / 0.8 % (1,752 steps), TRM with one
layer, four updates a recursion, the MLP token mixer and `halt_bce` 1.2 / 0.8 % (1,429 steps). 65 core-seconds
of this model: with 16 segments 1.2 / 0.8 % (980 steps), with 4, as in the first stage here, 20.0 / 23.6 %
(998 steps). The weights ship in half precision.
""",
    "queens8": """
The hours are those of a machine that was shared: on a core of its own it takes about six minutes. 42 % of
the test puzzles have several answers. The loss asks for the one nearest to what the model says
(`answers="nearest"`), so "right by the rules" is what it was trained for, and `exact` counts the stored
answer, which is one of several. Trained on the stored ones with the gradient of one step, 17 % of the
puzzles with several answers were right by the rules after 16 segments: the model learned a mixture of
answers, which is none. No training puzzle is a mirrored or turned copy of a test puzzle, but of the 12
solutions that differ up to symmetry the model has seen each. The weights ship in half precision.
""",
    "sudoku9": """
Aims, and what was tried. Aimed at were 99 % (easy), 90 % (minimal) and 40 % (hard) after 16 segments; the
tables below show how far three hours of one core came. Pilots of about ten minutes, each from the weights
of the day, compared by training loss or on the fit split: a learning rate of 1e-3 or 5e-4 leaves the raw
weights on a noise floor that only their average sees through; 2e-4 down to 5e-5 is calmer and learns no
faster; annealing to 1e-5 gained nothing over the average; Muon at 5e-4 was worse than Adam-atan2; half
minimal puzzles from the start are slower than mostly easy ones first. More cycles a segment with the same
weights (stages 6 and 9) gained most, and ended the decline after segment 16. Next: a wider model, and the
tens of millions of puzzle-segments that published runs see, where this one saw 1.06 million.
""",
}
"""What a card says of a recipe beside what is measured."""
