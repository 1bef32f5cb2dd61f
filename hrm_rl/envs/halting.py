"""The halting environment for Gymnasium, one puzzle at a time; the MDP itself is in engine.py.

Shapes: F features.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Unpack

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.error import ResetNeeded

from hrm_rl.envs import border
from hrm_rl.envs.arguments import HaltingArguments, spelled_out
from hrm_rl.envs.config import HaltingConfig
from hrm_rl.envs.frame import Frame
from hrm_rl.envs.render import Window


class HaltingEnv(gymnasium.Env[np.ndarray, Any]):
    """
    ## Description

    A frozen Hierarchical Reasoning Model (HRM, [Wang et al. 2025](https://arxiv.org/abs/2506.21734))
    thinks about a puzzle in *segments*: forward passes, each of which refines its answer. After
    every segment the agent decides whether the model answers now or goes on thinking. The answer
    may become right, or stay wrong for good; further segments may cost something.

    ## Action Space

    `Discrete(2)`:

    - 0: continue: run one more segment
    - 1: halt: give the present prediction as the answer

    With `restarts=R` it is `Discrete(3)`:

    - 2: restart: run segment 1 of the next copy of the puzzle, of which there are R beside the
      puzzle itself; when none is left it acts as continuing

    Any action is accepted at any time: halting before `min_segments` acts as continuing. What has
    an effect is published as `action_masks()` (bool) and `info["action_mask"]` (int8).

    ## Observation Space

    A `Box` of float32 with finite bounds. Nothing in it looks at the solution or at a later
    segment. With `observation="scalars"`, the default:

    | Num | Observation                                                      | Min     | Max    |
    |-----|------------------------------------------------------------------|---------|--------|
    | 0   | Q logit of halting, clipped                                      | -30     | 30     |
    | 1   | Q logit of continuing, clipped                                   | -30     | 30     |
    | 2   | Entropy of the predicted cells in nats: mean                     | 0       | log(V) |
    | 3   | the same: maximum                                                | 0       | log(V) |
    | 4   | Confidence, the probability of the predicted token: minimum      | 0       | 1      |
    | 5   | the same: mean                                                   | 0       | 1      |
    | 6   | the same: mean of its logarithm                                  | -log(V) | 0      |
    | 7   | Margin of the best over the second token: minimum                | 0       | 1      |
    | 8   | Share of cells predicted otherwise than a segment ago            | 0       | 1      |
    | 9   | KL divergence of the last prediction from this one, clipped      | 0       | 30     |
    | 10  | Segments in a row without a changed cell, clipped                | 0       | 64     |
    | 11  | Change of z_H relative to its norm, clipped                      | 0       | 4      |
    | 12  | Change of z_L relative to its norm, clipped                      | 0       | 4      |
    | 13  | Product over cells of the confidence                             | 0       | 1      |
    | 14  | Change of a cell's entropy since a segment ago: mean             | 0       | log(V) |
    | 15  | Acceleration of z_H, change of its change, relative, clipped     | 0       | 4      |
    | 16  | the same, a segment ago                                          | 0       | 4      |
    | 17  | m / `max_segments`, the number of this segment (if `time_aware`) | 0       | 1      |

    V is the size of the vocabulary; the bounds have a slack of 0.001. `"q"` has rows 0 and 1,
    `"z_H"` the vector that the Q-head reads, `"z_H_pool"` the mean of z_H over positions, `"full"`
    both states whole; these lie in `[-sqrt(D), sqrt(D)]` for states of width D. Row 17 comes last
    in all of them. With restarts these stand before it: the copy's number (0 to 1 over the
    restarts), its own segments / `max_segments` (if `time_aware`), and the score of the answer that
    a halt would give: its Q logit of halting, or 60 if it is known to be right (`recall="verified"`).

    ## Rewards

    - on halting, forced or not: 1 if the prediction is the solution and 0 otherwise, or the share
      of cells that are right with `reward="token_accuracy"`, or 1 for any answer that is right by
      the rules with `reward="valid_optimal"`: in a maze any shortest path, not just the stored one
    - for each continue or restart: `-step_cost`

    With restarts the answer is one of all that were seen of the puzzle: `recall="best-q"` gives that
    with the largest Q_halt (the first of equals), `"last"` the present one, `"verified"` the first that
    keeps the givens and the rules of Sudoku, for which no solution is looked at, or else as `"best-q"`.
    `info` tells of that answer.

    ## Starting State

    A puzzle drawn uniformly, with replacement, after segment 1: the first decision is due then.
    `reset(options={"puzzle": 3})` deals that puzzle of the set instead. It is not counted: the
    sequence of puzzles that a seed started goes on after it as if it had not been dealt.

    A model with noise or drawn starts thinks otherwise each time that the sequence comes to a puzzle. One
    that is asked for by its number is thought about alike until the sequence moves on or `seed` is given.

    ## Episode End

    1. Termination: halt
    2. Termination: the segment `max_segments` was run. It is the MDP's own end and earns the reward
       of halting there; `info["forced"]` is true. Segments of all copies count together.

    There is no truncation.

    ## Information

    Every reset and step returns the same keys: `correct` (is the prediction the solution),
    `valid_optimal` (is it right by the rules), `is_success` (the verdict that is paid for, but only
    true at the end), `cells` (share of cells that are right),
    `segment` (from 1), `forced`, `puzzle_id` (index in the set), `rating` (how hard it
    is by the measure of its kind; Sudoku: guesses that a solver needs), `prediction` (uint8 tokens,
    0 padding; in a Sudoku 1 is a blank and d + 1 the digit d), `action_mask`; with restarts `copy`, from 0.

    ## Arguments

    ```python
    >>> import gymnasium as gym
    >>> env = gym.make("hrm_rl:HRMSudoku-v0", step_cost=0.01)  # doctest: +SKIP

    ```

    | Parameter       | Type      | Default     | Description                                    |
    |-----------------|-----------|-------------|------------------------------------------------|
    | `checkpoint`    | **str**   | of the id   | a shipped model, a weights file, a run folder  |
    | `puzzles`       | **str**   | `""`        | a shipped set, a CSV file, `"kind:count:seed"` |
    | `split`         | **str**   | `"fit"`     | `"train"`, `"test"`; `"fit"`: not trained on   |
    | `observation`   | **str**   | `"scalars"` | see above                                      |
    | `reward`        | **str**   | `"exact"`   | or `"token_accuracy"`, `"valid_optimal"`       |
    | `step_cost`     | **float** | `0.0`       | reward lost at each continue                   |
    | `max_segments`  | **int**   | `16`        | segment of the forced halt, at least 2         |
    | `min_segments`  | **int**   | `1`         | first segment that can be halted at            |
    | `time_aware`    | **bool**  | `True`      | whether the observation tells the segment      |
    | `prediction`    | **bool**  | `True`      | whether `info` has the predicted tokens        |
    | `restarts`      | **int**   | `0`         | copies of the puzzle beside itself             |
    | `recall`        | **str**   | `"best-q"`  | with restarts, the answer of a halt: see above |
    | `device`        | **str**   | `"auto"`    | `"cuda"`, `"mps"` or `"cpu"`                   |
    | `compile`       | **bool**  | `False`     | half a minute, then 1.5 times as fast on a CPU |
    | `render_mode`   | **str**   | `None`      | `"rgb_array"`, or `"human"` for a window       |
    | `bank`          | **str**   | `None`      | logged segments to read: a folder, a shipped   |
    |                 |           |             | name (with `split`), in code a `Bank`          |
    | `model`         | object    | `None`      | in code: a model to think with                 |
    | `task`          | **str**   | of the id   | what puzzles have to be: `"sudoku4"`, `"maze"` |

    Copies are the puzzle from other starts (`start="random"`) or, of a model that draws none, a Sudoku with
    digits and lines exchanged; a bank has them logged (`hrm-rl bank --copies`). docs/restarts.md
    defines this MDP.

    Without `puzzles`, a model gets the shipped set of its size, and a bank its own puzzles. With a
    bank nothing is computed: the same numbers, hundreds of times faster (of a model with noise or drawn
    starts it holds one way of thinking about each puzzle, and deals that each time); a `checkpoint` that
    is given beside it is refused, and a `model` beside a bank's name must be the one that was logged.
    Synthetic banks have observations of their own, in the bounds of what was logged.

    ## Vectorized environment

    `gym.make_vec(id, num_envs=N)` is `HaltingVectorEnv`: the same engine with N slots, which runs
    one forward of constant size per step. It takes `autoreset_mode` (`"NextStep"`, `"SameStep"`,
    `"Disabled"`) and `output` (`"numpy"`, or `"torch"`, with which nothing leaves the device).

    ## Version History

    * v0: first version
    """

    metadata: dict[str, Any] = {  # noqa: RUF012 # as Gymnasium declares it
        "render_modes": ["human", "rgb_array"],
        "render_fps": 4,
    }

    @spelled_out(HaltingConfig, HaltingArguments)
    def __init__(
        self, *, render_mode: str | None = None, **arguments: Unpack[HaltingArguments]
    ) -> None:
        """The arguments are the fields of `HaltingConfig`.

        Raises:
            ValueError: an argument is wrong, or the parts don't fit each other.
        """
        self.config = HaltingConfig.of(("render_mode",), **arguments)
        self.engine, self.puzzles = self.config.engine(1, "Disabled")
        modes = self.metadata["render_modes"]
        self.render_mode = border.render_mode(render_mode, modes, self.puzzles is not None)
        self.observation_space = border.observation_space(self.engine.segments.bounds())
        self.action_space = spaces.Discrete(self.config.actions)
        self._window = Window(fps=self.metadata["render_fps"]) if render_mode == "human" else None
        self._keyed_by: np.random.Generator | None = None
        self._over = True

    def kept(self) -> Callable[[], None]:
        """What brings back the present state: of the engine, the seeds and a generator set by hand."""
        own, state, rng = dict(self.__dict__), self.engine.state, self._np_random
        foreign = rng is not None and rng is not self._keyed_by  # a reset draws from it
        drawn = rng.bit_generator.state if rng is not None and foreign else None

        def bring_back() -> None:
            self.__dict__.update(own)
            self._np_random, self.engine.state = rng, state
            if rng is not None and drawn is not None:
                rng.bit_generator.state = drawn

        return bring_back

    @border.whole_or_not_at_all
    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Deal the next puzzle of the sequence that `seed` starts, and run segment 1.

        Args:
            options: `{"puzzle": 3}` deals that puzzle of the set, and the sequence waits.

        Raises:
            ValueError: there is no such puzzle or option.
        """
        super().reset(seed=seed)
        where, engine = np.ones(1, bool), self.engine
        puzzle = border.dealt(options, engine.segments.puzzles, where, ("puzzle",))
        if self.np_random is not self._keyed_by:  # seeded, or set by hand
            self._keyed_by = self.np_random
            border.seed(engine, [self.np_random], where)
        moment = engine.reset(engine.given(where), None if puzzle is None else engine.given(puzzle))
        self._over = False
        return self._seen(moment)

    @border.whole_or_not_at_all
    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Run one more segment (0), halt (1), or run segment 1 of the next copy (2).

        Raises:
            InvalidAction: none of these.
            ResetNeeded: the episode is over.
        """
        action_1 = border.actions(action, 1, self.config.actions)
        if self._over:
            raise ResetNeeded("no episode is under way; call reset() before step()")
        step = self.engine.step(self.engine.given(action_1))
        self._over = bool(step.terminated_N.item())
        obs_F, info = self._seen(step.now)
        return obs_F, step.reward_N.item(), self._over, False, info

    def action_masks(self) -> np.ndarray:
        """bool (2,), or (3,) with restarts: which of the actions have an effect now."""
        return border.masks(self.engine)[0]

    def frame(self) -> Frame:
        """The present moment, to be drawn."""
        return border.frame(self.engine, self.puzzles, 0)

    def render(self) -> np.ndarray | None:
        """An RGB picture (H, W, 3) uint8 with "rgb_array"; "human" shows itself in reset, step."""
        return next(iter(border.pictures(self.render_mode, lambda: [self.frame()])), None)

    def close(self) -> None:
        """Close the window, if there is one."""
        if self._window is not None:
            self._window.close()

    def _seen(self, moment: Any) -> tuple[np.ndarray, dict[str, Any]]:
        if self._window is not None:
            self._window.show(self.frame())
        obs_NF, values = border.show(self.engine, moment)
        return obs_NF[0], border.row(values, 0)
