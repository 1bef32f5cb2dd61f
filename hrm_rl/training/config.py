"""What decides a training run: one frozen dataclass, saved as `config.json` in its folder."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from hrm_rl.checks.files import parse_json
from hrm_rl.checks.numbers import choice, flag, real, whole
from hrm_rl.checks.reading import Unfit
from hrm_rl.halting import MOST, MOST_SLOTS, SEEDS
from hrm_rl.models import AnyConfig, config_from, config_to
from hrm_rl.puzzles.kinds import task_for
from hrm_rl.puzzles.sudoku.rules import Sudoku
from hrm_rl.puzzles.verdicts import has_nearest
from hrm_rl.training.data import mixture
from hrm_rl.training.joint import DRAWING, check_halting
from hrm_rl.training.optim import two_betas
from hrm_rl.training.schedule import (
    Cycles,
    Segments,
    cycles_at,
    growing_cycles,
    growing_segments,
    segments_at,
)


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides a run; saved as `config.json` in its folder."""

    model: AnyConfig
    """The architecture."""
    data: tuple[tuple[str, float], ...]
    """Puzzle sets (`puzzles.source`) with the share of the puzzles dealt that comes from each."""
    init: str = ""
    """Weights to start from (`load_model`), of as many layers or fewer (`initial.deepened`); "" draws
    new ones."""
    augment: bool = True
    """Draw a random symmetry for every puzzle dealt."""
    slots: int = 128
    """B, puzzles solved side by side; one optimiser step per segment of all of them."""
    steps: int = 10_000
    """Optimiser steps."""
    max_segments: int = 16
    """Forced halt."""
    grow_segments: Segments = ()
    """Stages before that, each as the share of `steps` at which it ends and its forced halt: (0.3, 4),
    (0.6, 8) has at most 4 segments for the first 30 % of the steps, 8 up to 60 %, then `max_segments`."""
    grow_cycles: Cycles = ()
    """The same for the model's cycles, each stage with its H_cycles and L_cycles, as the curriculum of
    CGAR (arXiv 2511.08653): for TRM's 3 and 6, (0.3, 1, 2), (0.6, 2, 4). Weights that are saved in a
    stage say the model's own cycles, which are more than they have seen."""
    halting: str = "act_q"
    """Halting learner, of `joint.LEARNERS`, with a knob as in "fixed-8": "act_q" is the paper's; or one of
    your own, mine.py:Joint."""
    attach: bool = True
    """Whether the halting learner's losses reach the trunk, as the paper's do, or its head only."""
    edge: str = "exact"
    """Where the continue target stops taking a maximum: "exact" or "paper" (see `q_targets`)."""
    bootstrap: str = "extra"
    """Where the continue target comes from: "extra" or "delayed" (`joint.act_q`)."""
    tie: str = "continue"
    """What to do at Q_halt = Q_continue: "continue" (the paper) or "halt"."""
    step_cost: float = 0.0
    """What each continue costs a learner that is paid for right answers ("ppo", "a2c", "exact_pg")."""
    price: str = "constant"
    """When it does: "constant"; "after-accuracy:0.5", once half of about the last 1000 puzzles were
    right where they halted, and ever after; "ramp:800:1600", rising from 0 at step 800 to step_cost at
    step 1600; or "budget:4.0", whatever holds the mean segments at 4, starting from step_cost."""
    entropy_floor: float = 0.0
    """Entropy in nats that "ppo" and "a2c" leave each decision (`joint.rollouts`)."""
    normalise_advantages: bool = False
    """Whether "ppo" and "a2c" bring advantages to mean 0 and deviation 1, over all slots and processes."""
    auxiliary: float = 0.0
    """Weight of an auxiliary loss: the vector that the head reads is to tell whether the answer is right
    (`losses.correctness_loss`), so that learners whose own losses stop at the head can see it."""
    explore: str = "episode"
    """When the minimum number of segments is drawn: "episode" (paper), "segment" (public code)."""
    explore_probability: float = 0.1
    """Epsilon, the probability of a minimum above 1, for "act_q", "halt_bce", "residual", "ppo", "a2c"."""
    loss: str = "stablemax"
    """Sequence loss: "stablemax" or "softmax"."""
    loss_on: str = "all"
    """Cells that the sequence loss scores: "all" (the paper), or "blanks", those to be filled in."""
    segment_decay: float = 1.0
    """Weight of the sequence loss at segment m is segment_decay^(m - 1): 1 in the paper, less in CGAR
    (arXiv 2511.08653). Not normalised, so that segment 1 weighs what it does in the paper beside
    `q_weight`; Adam-atan2 does not mind the scale."""
    answers: str = "stored"
    """Answer that the losses ask for: "stored", or of queens "nearest", of all right ones the one
    that the prediction of this segment makes the likeliest; what is right by the rules is then
    correct for the halting learner and in the metrics too."""
    q_weight: float = 0.5
    """Weight of the halting learner's losses."""
    lr: float = 1e-4
    """Peak learning rate of Adam-atan2."""
    warmup: int = 2000
    """Steps of linear warm-up."""
    lr_min_ratio: float = 1.0
    """Last learning rate over the peak; 1.0 stays constant, below it a cosine."""
    betas: tuple[float, float] = (0.9, 0.95)
    """Adam-atan2."""
    weight_decay: float = 0.1
    """Decoupled, on every parameter."""
    puzzle_lr: float = 1e-2
    """Sign-SGD on the puzzle embeddings."""
    puzzle_weight_decay: float = 0.1
    """Decay of the puzzle embeddings that a batch used."""
    ema: float = 0.0
    """Decay of the averaged weights that are evaluated and shipped; 0 keeps none."""
    seed: int = 0
    """Weights, puzzles, augmentation, exploration."""
    device: str = "auto"
    """"auto", "cpu", "cuda", "mps"."""
    dtype: str = "auto"
    """Autocast: "float32", "bfloat16", or "auto": bfloat16 where the hardware is faster with it."""
    compile: bool = False
    """Compile the segment with torch.compile; falls back to eager, which gives the same numbers."""
    log_every: int = 20
    """Steps between two lines of metrics."""
    save_every: int = 200
    """Steps between two checkpoints."""

    def __post_init__(self) -> None:
        """Raises ValueError: a field of the wrong type or out of its range, in one sentence.

        Numbers become Python's own, whatever they came as, so that they can be written as JSON.
        """
        if not isinstance(self.model, AnyConfig):
            raise ValueError(
                f"model must be the config of an architecture, got {self.model!r:.60}; "
                "hrm_rl.HRMConfig(...) is one"
            )
        for name, (low, high) in _WHOLE.items():
            object.__setattr__(self, name, whole(name, getattr(self, name), low=low, high=high))
        for name, (least, most) in _REAL.items():
            object.__setattr__(self, name, real(name, getattr(self, name), low=least, high=most))
        for name, allowed in _CHOICES.items():
            choice(name, getattr(self, name), allowed)
        for name in ("augment", "attach", "compile", "normalise_advantages"):
            object.__setattr__(self, name, flag(name, getattr(self, name)))
        for name in ("init", "halting", "price", "device"):
            if not isinstance(getattr(self, name), str):
                raise ValueError(f"{name} must be a text, got {getattr(self, name)!r:.60}")
        check_halting(self)
        segments = growing_segments(self.grow_segments, self.max_segments)
        object.__setattr__(self, "grow_segments", segments)
        object.__setattr__(self, "grow_cycles", growing_cycles(self.grow_cycles, self.model))
        if self.grow_segments and self.halting == "external":
            raise ValueError(
                "grow_segments is for a run that halts by itself; whoever decides from outside sees one "
                "max_segments: leave it out"
            )
        if self.ema == 1:
            raise ValueError("ema must be below 1, which keeps the first weights, got 1.0")
        if self.loss_on == "blanks" and not isinstance(task_for(self.model), Sudoku):
            raise ValueError('loss_on "blanks" is for Sudoku, whose givens are known; use "all"')
        if self.answers == "nearest" and not has_nearest(task_for(self.model)):
            raise ValueError(
                'answers "nearest" is for queens on up to 10 rows, whose answers can be listed, got '
                f'{task_for(self.model).task}; use "stored"'
            )
        object.__setattr__(self, "betas", two_betas(self.betas))
        object.__setattr__(self, "data", mixture(self.data))
        if self.save_every % self.log_every:
            raise ValueError(
                f"save_every must be a multiple of log_every ({self.log_every}), "
                f"got {self.save_every}"
            )

    def segments_at(self, step: int) -> int:
        """`max_segments` in this step, counted from 1."""
        return segments_at(self.grow_segments, self.max_segments, (step - 1) / self.steps)

    def model_at(self, step: int) -> AnyConfig:
        """The model's config in this step, counted from 1: of fewer cycles, perhaps."""
        return cycles_at(self.grow_cycles, self.model, (step - 1) / self.steps)

    @staticmethod
    def from_json(text: str) -> TrainConfig:
        """Read what `to_json` wrote.

        Raises:
            ValueError: not JSON, or not a config of this version.
        """
        try:
            values = parse_json(text)
            values["model"] = config_from(values["model"])
            values["data"] = tuple((name, share) for name, share in values["data"])
            values["betas"] = tuple(values["betas"])
            if "price" not in values and values["halting"] in DRAWING:
                values["explore_probability"] = 0.0  # an older version, where they did not explore
            return TrainConfig(**values)
        except (KeyError, TypeError, Unfit) as error:
            raise ValueError(f"this is not the config of a training run: {error}") from error

    def to_json(self) -> str:
        """As JSON, one field a line."""
        return json.dumps(asdict(self) | {"model": config_to(self.model)}, indent=2) + "\n"


_CHOICES = {
    "edge": ("exact", "paper"),
    "bootstrap": ("extra", "delayed"),
    "tie": ("continue", "halt"),
    "explore": ("episode", "segment"),
    "loss": ("stablemax", "softmax"),
    "loss_on": ("all", "blanks"),
    "answers": ("stored", "nearest"),
    "dtype": ("auto", "float32", "bfloat16"),
}
_WHOLE = {
    "slots": (1, MOST_SLOTS),
    "steps": (1, MOST),
    "max_segments": (1, MOST),
    "warmup": (0, MOST),
    "log_every": (1, MOST),
    "save_every": (1, MOST),
    "seed": (0, SEEDS),
}
_REAL: dict[str, tuple[float, float | None]] = {
    "step_cost": (0, None),
    "entropy_floor": (0, 0.58),
    "explore_probability": (0, 1),
    "segment_decay": (0, 1),
    "q_weight": (0, None),
    "auxiliary": (0, None),
    "lr": (0, None),
    "lr_min_ratio": (0, 1),
    "weight_decay": (0, None),
    "puzzle_lr": (0, None),
    "puzzle_weight_decay": (0, None),
    "ema": (0, 1),
}
"""Lowest and highest value of each number."""
