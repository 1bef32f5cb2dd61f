"""A model in training as an engine: the two halves of a training step, decided between from outside.

A step settles the segment that was shown (halt, one update of the weights, deal) and thinks the next
one. Torch only, no gymnasium; nothing is read from the device but to be drawn.

Shapes: N slots, T tokens, F features, M segments from 0.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields
from typing import Any, Final, NamedTuple, cast

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from hrm_rl import features
from hrm_rl.checks.files import parse_json
from hrm_rl.checks.numbers import whole
from hrm_rl.envs.arguments import refuse_unknown
from hrm_rl.envs.engine import Moment, Step, pick, told
from hrm_rl.envs.frame import Frame
from hrm_rl.envs.masks import masks_of
from hrm_rl.envs.mdp import MDP
from hrm_rl.envs.reward import REWARDS, outcome, succeeded
from hrm_rl.halting import HALT, MOST_SLOTS
from hrm_rl.models import config_to
from hrm_rl.puzzles import task_for
from hrm_rl.training import presets
from hrm_rl.training.config import TrainConfig
from hrm_rl.training.joint.external import LastSeen
from hrm_rl.training.train import Thought, TrainState, settle, think

MEANINGLESS: Final = (
    "halting", "attach", "edge", "bootstrap", "tie", "explore", "explore_probability", "q_weight",
    "entropy_floor", "normalise_advantages", "grow_segments",
)  # fmt: skip
"""Fields of a run's config that are about its own halting learner, in whose place the agent is."""

OWN: Final = (
    "num_envs", "preset", "run", "observation", "reward", "time_aware", "autoreset_mode", "output",
    "task", "render_mode",
)  # fmt: skip
"""Arguments that the environment has beside the fields of a run's config."""


class Sight(NamedTuple):
    """What the last segment of each slot shows."""

    obs_NF: Float[Tensor, "N F"]
    """With the segment number, if it is to be seen."""
    prediction_NT: UInt8[Tensor, "N T"]
    m_B: Int[Tensor, " N"]
    price_N: Float[Tensor, " N"]
    """What going on costs, the same in all slots."""


class TrainingEngine:
    """All slots of a training run whose learner is `External`.

    Between two steps a segment was thought and not settled. It is not part of what is saved, since
    it follows from `state`; but it waits for its gradients, so weights must not be changed then.
    """

    def __init__(self, state: TrainState, mdp: MDP) -> None:
        """Raises ValueError if there is no such observation."""
        c = state.config
        self.bounds = features.bounds(mdp.observation, c.model, mdp.time_aware)
        self.state, self.mdp, self.task = state, mdp, task_for(c.model)
        self.device = device = state.slots.m_B.device
        self.float = torch.float32 if device.type == "mps" else torch.float64  # of rewards
        self.mask_MA = masks_of(mdp, device)
        self.moment: Moment | None = None
        self.torn = False
        """Whether an update was broken off midway: the state is then nothing to save or go on from."""
        self.sums: dict[str, Tensor] = {}
        """What the last step's update gave, as `train` yields it."""
        self._thought: Thought
        self._seen: features.Seen

    def reset(self, seed: int | None = None) -> Moment:
        """Deal new puzzles in all slots, and think.

        The first reset deals none, unless it has a seed: slots come with puzzles. In a resumed run
        it goes on in the midst of them, with or without one.

        Args:
            seed: starts the sequence of puzzles anew.
        """
        state, first = self.state, self.moment is None
        if not first or (seed is not None and state.step == 0):
            if seed is not None and state.generator is not None:
                state.generator.manual_seed(seed)
            all_N = torch.ones_like(state.slots.m_B, dtype=torch.bool)
            self.torn = True
            state.deal(all_N)
            state.dealt = state.dealt + (0 if first else len(all_N))
        moment = self._think()
        self.torn = False
        return moment

    def step(self, action_N: Tensor) -> Step:
        """Settle the segment that was shown with these decisions, and think the next one.

        At `max_segments` a slot halts whatever its action.
        """
        old, state, mdp = self.moment, self.state, self.mdp
        assert old is not None, "reset comes first"
        wants_N, forced_N = action_N == HALT, old.look.m_B >= mdp.max_segments
        final = old._replace(halted_N=wants_N & ~forced_N, forced_N=forced_N)
        gain_N = REWARDS[mdp.reward](final.outcome).to(self.float)
        reward_N = torch.where(final.over_N, gain_N, 0.0 - cast(Sight, old.look).price_N)
        self.torn = True
        self.sums = settle(state, self._thought, wants_N)
        prediction_BT, log_p_BTV, scalars_BF, _, change_BLD = self._seen
        state.memory = LastSeen(prediction_BT, log_p_BTV, scalars_BF, change_BLD)
        given = Step(self._think(), final, reward_N, final.over_N)
        self.torn = False
        return given

    @property
    def begun(self) -> bool:
        """Whether there was a reset."""
        return self.moment is not None

    def given(self, numbers: Any) -> Tensor:
        """Numbers from outside as this engine takes them."""
        return torch.as_tensor(numbers, device=self.device)

    def pick(self, moment: Moment, rows_B: Any) -> Moment:
        """Some slots of it."""
        return pick(moment, self.given(rows_B))

    def observe(self, moment: Moment) -> Float[Tensor, "N F"]:
        """The observation alone."""
        return cast(Sight, moment.look).obs_NF.clone()

    def tell(self, moment: Moment, where_N: Any) -> dict[str, Tensor]:
        """What `info` says where marked, and zeros elsewhere."""
        return told(self.show(moment)[1], self.given(where_N))

    def _think(self) -> Moment:
        """One segment, and what is seen of it; changes no part of the run."""
        state, mdp, last = self.state, self.mdp, self.state.memory
        self._thought = think(state)
        before = features.Seen(
            last.prediction_BT, last.log_p_BTV, last.scalars_BF, state.slots.carry, last.change_BLD
        )
        slots, output = self._thought.slots, self._thought.output
        self._seen = seen = features.look(state.slots, slots, output, before)
        columns_NF = features.columns(mdp.observation, seen)
        obs_NF = features.with_time(columns_NF, slots.m_B, mdp.max_segments, mdp.time_aware)
        price_N = torch.as_tensor(state.price, dtype=self.float, device=self.device)
        price_N = price_N.repeat(len(slots.m_B))
        sight = Sight(obs_NF, seen.prediction_BT.to(torch.uint8), slots.m_B, price_N)
        no_N = torch.zeros_like(slots.m_B, dtype=torch.bool)
        x_NT, y_NT, _ = slots.batch
        right = outcome(self.task, x_NT, seen.prediction_BT, y_NT)
        self.moment = Moment(sight, right, no_N, no_N)
        return self.moment

    def show(self, moment: Moment) -> tuple[Float[Tensor, "N F"], dict[str, Tensor]]:
        """The observation, and what `info` says: the same keys at every moment, own tensors."""
        sight, right = moment.look, moment.outcome
        return sight.obs_NF.clone(), {
            "correct": right.correct_B.clone(),
            "is_success": succeeded(right, self.mdp.reward) & moment.over_N,
            "cells": right.cells_B.clone(),
            "valid_optimal": right.valid_B.clone(),
            "segment": sight.m_B.to(torch.int64, copy=True),
            "forced": moment.forced_N.clone(),
            "price": sight.price_N.clone(),
            "prediction": sight.prediction_NT.clone(),
            "action_mask": self.mask_MA.index_select(0, sight.m_B),
        }

    def frames(self) -> list[Frame]:
        """The present moment of every slot, to be drawn; an episode that ended is not among them."""
        assert self.moment is not None, "reset comes first"
        slots, values = self._thought.slots, self.task.values
        x_NT, _, _ = slots.batch
        shown_NT, before_NT = self._seen.prediction_BT, self.state.memory.prediction_BT
        arrays = [part.cpu().numpy() for part in (x_NT, shown_NT, before_NT, slots.m_B)]
        q_N2 = self._thought.output.q.detach().sigmoid().tolist()
        return [
            Frame(
                givens_L=values(x_T),
                cells_L=values(shown_T),
                previous_L=values(before_T) if m > 1 else None,
                segment=int(m),
                max_segments=self.mdp.max_segments,
                q_halt=q_halt,
                q_continue=q_continue,
                decision="continue" if m > 1 else "",
                correct=None,
                task=self.task.task,
            )
            for x_T, shown_T, before_T, m, (q_halt, q_continue) in zip(*arrays, q_N2, strict=True)
        ]


def run_config(preset: str, slots: int, changes: dict[str, Any]) -> TrainConfig:
    """The preset with these changes, in which decisions come from outside.

    Raises:
        ValueError: no such preset, or a change that is none.
    """
    base = presets.preset(preset)
    slots = whole("num_envs", slots, low=1, high=MOST_SLOTS)
    known = [f.name for f in fields(TrainConfig) if f.name not in (*MEANINGLESS, "slots")]
    for name in changes:
        if name == "slots":
            raise ValueError(f"slots are the rows; pass num_envs={changes[name]!r} in place of it")
        if name in MEANINGLESS:
            raise ValueError(
                f"{name} is about the halting learner of `hrm-rl train`, in whose place the agent is; "
                "leave it out"
            )
    refuse_unknown(changes, [*OWN, *known])
    values = parse_json(base.to_json()) | changes
    if "model" in changes:
        values["model"] = config_to(changes["model"])
    values |= {"slots": slots, "halting": "external", "grow_segments": ()}
    return TrainConfig.from_json(json.dumps(values, default=str))


def one_seed(seed: int | Sequence[int | None] | None, rows: int) -> int | None:
    """Row i is seeded with `seed + i`, and a list of these seeds is the same as `seed`."""
    seeds = list(range(seed, seed + rows)) if isinstance(seed, (int, np.integer)) else seed
    if seeds is None or all(s is None for s in seeds):
        return None
    if len(seeds) != rows or any(s is None for s in seeds):
        raise ValueError(
            f"seed must be one number or one for each of {rows} rows, got {seeds!r}; the rows are "
            "dealt from one sequence of puzzles"
        )
    return int(
        np.random.SeedSequence([int(s) for s in seeds if s is not None]).generate_state(1)[0]
    )
