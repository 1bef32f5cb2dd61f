"""The joint regime for Gymnasium: a vector environment whose steps train the model.

Shapes: N slots, F features.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn, Unpack

import numpy as np
import torch
from gymnasium.error import ClosedEnvironmentError, Error
from gymnasium.vector import AutoresetMode, VectorEnv

from hrm_rl.checks.numbers import choice
from hrm_rl.device import lighten, shelter
from hrm_rl.envs import border
from hrm_rl.envs.arguments import TrainingArguments, spelled_out
from hrm_rl.envs.frame import Frame
from hrm_rl.envs.mdp import MDP
from hrm_rl.envs.slots import OUTPUTS, SlotsVectorEnv
from hrm_rl.envs.training_engine import TrainingEngine, one_seed, run_config
from hrm_rl.puzzles import task_for
from hrm_rl.puzzles.kinds import check_task
from hrm_rl.training.config import TrainConfig
from hrm_rl.training.monitor import Diverged
from hrm_rl.training.run import Journal, opened
from hrm_rl.training.train import TrainState


class TrainingVectorEnv(SlotsVectorEnv, VectorEnv[Any, Any, Any]):
    """
    ## Description

    A Hierarchical Reasoning Model in training. Each of N slots holds a puzzle that the model thinks
    about in *segments*, and after every segment the agent decides whether the slot halts, and is
    dealt a new puzzle, or goes on with this one. Every step also makes one supervised update of the
    model, with the loss of the segment that was just decided on, in all slots. So the agent decides
    two things at once: when to answer, and what the model is trained on (puzzles seen once, or
    thought about for long).

    It is `train()` with the agent in the place of the halting learner: the same two halves of a
    step, the same optimiser, data, checkpoints and metrics. Driven with the decisions of a learner
    that has no losses, it is that learner's run bit for bit.

    **This MDP is not stationary.** Weights change at every step, so the same observation means
    something else later, and rewards rise by themselves while the model learns. Values lag behind,
    a replay buffer (DQN) holds what older weights showed, and the return of a late episode tells
    little of the agent. To compare agents, play them on the frozen weights (`bank.play`), and
    compare what models became.

    **Observations are detached.** No gradient of the agent reaches the model: the trunk is shaped
    by the sequence loss alone, as it is for every learner with `attach=False`. What the agent learns
    changes the model through the data only, by which puzzle is thought about for how long. The
    model's own Q-head is not trained either: in a new model columns 0 and 1 of "scalars" and "q"
    stay at -5, and with `init` they are what an old head says of a trunk that moves on.

    ## Action Space

    `Discrete(2)` for each row: 0 continue, 1 halt. At `max_segments` both halt. What has an effect
    is published as `action_masks()` (bool) and `info["action_mask"]` (int8).

    ## Observation Space

    That of `HaltingEnv`, with the same names and bounds.

    ## Rewards

    - on halting, forced or not: 1 if the prediction is the solution and 0 otherwise, or the share
      of cells that are right with `reward="token_accuracy"`, or 1 for what is right by the rules
      with `reward="valid_optimal"`
    - for each continue: `-info["price"]` as it was shown before: `step_cost`, from when on `price` says

    ## Starting State

    A puzzle of the run's training data after segment 1. A reset deals new puzzles in all rows and
    leaves the weights as they are, except for the first reset of a resumed run: this goes on where
    the run was, in the midst of its puzzles, whatever the seed. Elsewhere a seed starts the sequence
    of puzzles anew; that of the weights is the argument `seed`.

    ## Episode End

    Termination at a halt, or at the decision after segment `max_segments`, whatever it is;
    `info["forced"]` is then true. So an episode of m segments has m steps, and its return is that of
    the frozen environment, where arriving at `max_segments` ends the episode, one step earlier.
    That would ask for two segments of a slot in one step, the last of a puzzle and the first of the
    next, where training runs one segment of each slot for each update.

    The next puzzle's first segment comes in the same step (autoreset mode `SameStep`, the only one:
    no slot may idle during an update), with `final_obs` and `final_info` as Gymnasium has them.

    ## Information

    `correct`, `valid_optimal`, `is_success`, `cells`, `segment`, `forced`, `prediction`, `action_mask`,
    as in `HaltingEnv`; puzzles have no number, since each is dealt in a random symmetry. `price` is what
    a continue costs now. `metrics` of the environment is the last line of training metrics (losses,
    accuracy and mean segments at halting, price), one every `log_every` steps.

    ## Arguments

    ```python
    >>> import gymnasium as gym
    >>> envs = gym.make_vec("hrm_rl:HRMSudokuTrain-v0", num_envs=64, run="runs/ppo")  # doctest: +SKIP

    ```

    | Parameter     | Type      | Default     | Description                                          |
    |---------------|-----------|-------------|------------------------------------------------------|
    | `num_envs`    | **int**   | `1`         | slots, N: the batch size of the model's training     |
    | `preset`      | **str**   | `"sudoku4"` | a run by name, of `hrm-rl train`                     |
    | `run`         | **str**   | `""`        | folder to save in and resume from; "" keeps nothing  |
    | `observation` | **str**   | `"scalars"` | see `HaltingEnv`                                     |
    | `reward`      | **str**   | `"exact"`   | or `"token_accuracy"`                                |
    | `time_aware`  | **bool**  | `True`      | whether the observation tells the segment            |
    | `output`      | **str**   | `"numpy"`   | `"torch"`: see `HaltingVectorEnv`                    |
    | `task`        | **str**   | of the id   | what the puzzles have to be                          |
    | `render_mode` | **str**   | `None`      | `"rgb_array"`: `render()` gives a picture a row      |
    | any other     |           | of `preset` | a field of `TrainConfig`: `step_cost`, `max_segments`|
    |               |           |             | `price` ("constant", "ramp:800:1600", "budget:4.0"), |
    |               |           |             | `seed`, `device`, `steps`, `lr`, `save_every`, ...   |

    `steps` shapes the learning-rate schedule; it is the agent that ends the run, after
    `num_envs * steps` of its time steps, or sooner or later.

    ## Saving

    With `run`, the folder is that of `hrm-rl train`: `load_model(folder)` reads its weights, and
    TensorBoard its events. It is saved every `save_every` steps and by `close()`; what a program
    that never closes it did since then is lost; so is what an interrupt (Ctrl-C) in the midst of an
    update leaves, which `close()` does not save. The same arguments resume it, exactly (on a CPU), for
    the same actions. The agent is yours to save.

    ## Version History

    * v0: first version
    """

    engine: TrainingEngine
    _journal: Journal | None = None  # Gymnasium before 1.4 closes what could not be made, too
    metadata: dict[str, Any] = {  # noqa: RUF012 # as Gymnasium declares it
        "render_modes": ["rgb_array"],
        "render_fps": 4,
        "autoreset_mode": AutoresetMode.SAME_STEP,
    }

    @spelled_out(TrainConfig, TrainingArguments)
    def __init__(
        self,
        num_envs: int = 1,
        *,
        preset: str = "sudoku4",
        run: str | Path = "",
        observation: str = MDP.observation,
        reward: str = MDP.reward,
        time_aware: bool = MDP.time_aware,
        autoreset_mode: str | AutoresetMode = AutoresetMode.SAME_STEP,
        output: str = "numpy",
        task: str = "",
        render_mode: str | None = None,
        **changes: Unpack[TrainingArguments],
    ) -> None:
        """`changes` are fields of `TrainConfig`.

        Raises:
            ValueError: an argument is wrong, or the folder holds another run.
        """
        if autoreset_mode not in (AutoresetMode.SAME_STEP, AutoresetMode.SAME_STEP.value):
            raise ValueError(
                f'autoreset_mode must be "SameStep", got {str(autoreset_mode)!r}: every slot runs a '
                "segment in every step, so that its next puzzle follows at once"
            )
        choice("output", output, OUTPUTS)
        self.render_mode = border.render_mode(render_mode, self.metadata["render_modes"])
        config = run_config(preset, num_envs, dict(changes))
        mdp = MDP(
            observation=observation,
            reward=reward,
            max_segments=config.max_segments,
            time_aware=time_aware,
        )
        if task:
            check_task(task_for(config.model).task, task, "the run's model")
        folder = Path(run) if run else None
        with shelter(gradients=True), lighten("num_envs"), torch.random.fork_rng(devices=[]):
            # weights are drawn from the global generator
            new = opened(config, folder) if folder else Journal(TrainState.create(config), None)
        self.config, self.engine = config, TrainingEngine(new.state, mdp)
        super().__init__(config.slots, AutoresetMode.SAME_STEP, output, self.engine.bounds)
        self.metrics: dict[str, float] = {}
        """Of the last `log_every` updates; empty before."""
        self._journal = new

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[Any, dict[str, Any]]:
        """Deal new puzzles in all rows, or go on with a resumed run; see Starting State.

        Args:
            seed: of the one sequence of puzzles that all rows are dealt from; or N of them, of which
                the sequence is made.

        Raises:
            ValueError: some rows have a seed and others none, or rows are to be reset one by one.
        """
        if options and "reset_mask" in options:
            raise ValueError(
                'options["reset_mask"] is for autoreset mode "Disabled"; here a row is reset by halting'
            )
        if options and "puzzle" in options:
            raise ValueError(
                'options["puzzle"] is for frozen models; here puzzles are dealt from the training data'
            )
        border.dealt(options, 0, np.zeros(0, bool), ())
        self._refuse_torn()
        with shelter(gradients=True), lighten("num_envs"):
            moment = self.engine.reset(one_seed(seed, self.num_envs))
            if self.output == "torch":
                return self.engine.show(moment)
            obs_NF, info = border.show(self.engine, moment)
        return obs_NF, border.batched(info, np.ones(self.num_envs, bool))

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Continue (0) or halt (1) in every row, update the model, and run a segment.

        Raises:
            InvalidAction: not N of the two.
            ResetNeeded: before the first reset.
            Diverged: NaN or inf; the last checkpoint before it is kept.
        """
        if self._journal is None:
            raise ClosedEnvironmentError(
                "the run is closed; make the environment anew to resume it"
            )
        self._refuse_torn()
        with shelter(gradients=True), lighten("num_envs"):
            returned = super().step(actions)
        try:
            fine = self.output == "torch" or np.isfinite(returned[0]).all()
            self.metrics = self._journal.note(self.engine.sums, last=not fine) or self.metrics
            if not fine:
                step = self.engine.state.step
                raise Diverged(f"step {step}: the observation is not finite; lower lr in a new run")
        except Diverged:
            self._journal.close()
            self._journal = None
            raise
        return returned

    def frames(self) -> list[Frame]:
        """The present moment of every row, to be drawn."""
        border.moment_of(self.engine)
        with shelter():
            return self.engine.frames()

    def render(self) -> tuple[np.ndarray, ...] | None:
        """RGB pictures (H, W, 3) uint8, one per row; None without a render mode.

        Gymnasium's vector `RecordVideo` makes one board of these boards.
        """
        pictures = border.pictures(self.render_mode, self.frames)
        return tuple(pictures) if self.render_mode else None

    def close_extras(self, **kwargs: Any) -> None:
        """Save the run, unless it was broken off (Ctrl-C) midway in an update.

        Raises:
            Diverged: it is not worth saving.
        """
        journal, self._journal = self._journal, None
        if journal is not None:
            try:
                if not self.engine.torn:
                    journal.save()
            finally:
                journal.close()

    def _refuse_torn(self) -> None:
        if self.engine.torn:
            raise ClosedEnvironmentError(
                "an update was broken off midway; make the environment anew to resume the run from "
                "where it was saved last"
            )


def refuse(**arguments: Any) -> NoReturn:
    """The entry point of `gymnasium.make`: raises Error."""
    raise Error(
        "HRMSudokuTrain-v0 is a batch in training, hence a vector environment; make it with "
        'gymnasium.make_vec("HRMSudokuTrain-v0", num_envs=64)'
    )
