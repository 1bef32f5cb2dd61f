"""A training run between two steps, and how it begins.

Shapes: B slots.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from hrm_rl import halting, loop
from hrm_rl.compiling import compile_segment
from hrm_rl.device import resolve_dtype
from hrm_rl.models import Carry, Model, build
from hrm_rl.models.drawn import Drawn
from hrm_rl.puzzles import task_for
from hrm_rl.training import optim
from hrm_rl.training.config import TrainConfig
from hrm_rl.training.data import Sampler
from hrm_rl.training.initial import initial_weights
from hrm_rl.training.joint import (
    Ended,
    JointLearner,
    Memory,
    Price,
    Priced,
    Schedule,
    joint_learner,
    pricing,
)
from hrm_rl.training.parallel import ALONE, Average, World, same


@dataclass
class TrainState:
    """A run between two steps: all that the next step depends on."""

    config: TrainConfig
    model: Model
    learner: JointLearner
    memory: Memory
    """What the learner remembers."""
    schedule: Schedule
    priced: Priced
    """What the schedule of its price remembers."""
    optimizer: optim.AdamAtan2
    ema: list[Tensor]
    """Averaged weights in the order of `model.parameters()`; empty without EMA."""
    sample: Callable[[], loop.Batch]
    """The next puzzles, one for each slot; its position is that of `generator`."""
    generator: torch.Generator | None
    slots: loop.Slots
    min_B: Tensor
    """Minimum segments of each slot (`explore="episode"`)."""
    dealt: Int[Tensor, ""]
    """Puzzles dealt so far, here; the sum over the processes of `world` counts."""
    dtype: torch.dtype
    step: int = 0
    world: World = ALONE
    """The processes that share the slots out among them; tensors here hold this one's."""
    averaging: Average = same
    """To apply to the loss, so that gradients are those of all slots."""

    @staticmethod
    def create(config: TrainConfig, world: World = ALONE, resumes: bool = False) -> TrainState:
        """A run before its first step, on the device that the config asks for.

        Args:
            resumes: its weights come from a checkpoint: `init` is not looked at.
        """
        world.share(config.slots)  # refuses before it costs anything
        device = world.device(config.device)
        torch.manual_seed(config.seed)
        model = build(config.model)
        if config.init and not resumes:
            model.load_state_dict(initial_weights(config, model.state_dict()))
        else:
            model.q_head.bias.data.copy_(torch.tensor(joint_learner(config).bias))
        model = model.to(device).train()
        generator = torch.Generator(device).manual_seed(config.seed)
        sample = Sampler.create(
            config.data, config.slots, config.augment, device, generator, config.model.task
        )
        task, c = sample.task, config.model
        if (task.vocab, task.length) != (c.vocab, c.length):
            raise ValueError(
                f"the puzzles have {task.length} tokens of a vocabulary of {task.vocab}, the "
                f"model {c.length} of {c.vocab}; set the model's vocab and length to theirs"
            )
        if task_for(c) != task:
            raise ValueError(
                f"the puzzles are {task.task}, the model's are {task_for(c).task}; set the model's "
                f'task to "{task.task}"'
            )
        known = model.puzzle_emb.weights.shape[0]
        if c.prefix and sample.identifiers > known:
            raise ValueError(
                f"the puzzles have {sample.identifiers} identifiers, the model has embeddings for "
                f"{known}; set the model's puzzle_ids to {sample.identifiers}"
            )
        if config.compile:
            compile_segment(model)
        dtype = resolve_dtype(config.dtype, device)
        return TrainState.assemble(config, model, sample, generator, dtype, world)

    @staticmethod
    def assemble(
        config: TrainConfig,
        model: Model,
        sample: Callable[[], loop.Batch],
        generator: torch.Generator | None = None,
        dtype: torch.dtype = torch.float32,
        world: World = ALONE,
    ) -> TrainState:
        """A run before its first step around a given model and source of puzzles for all slots."""
        averaging, params = world.averaging(model), list(model.parameters())
        own, share = lambda: world.own(sample()), world.share(config.slots)
        batch = own()
        slots = loop.fresh(model, batch, _seeds(config, model, generator, world))
        # Laid out as every later carry is: a compiled segment would otherwise compile twice.
        carry = Carry(*(z_BLD.contiguous() for z_BLD in slots.carry))
        learner, schedule, device = joint_learner(config), pricing(config), batch.x_BT.device
        state = TrainState(
            config=config,
            model=model,
            learner=learner,
            memory=learner.begin(share, config.model.width, device, model.q_head.weight.dtype),
            schedule=schedule,
            priced=schedule.begin(device),
            optimizer=optim.AdamAtan2(params, config.lr, config.betas, config.weight_decay),
            ema=[p.detach().clone() for p in params] if config.ema else [],
            sample=own,
            generator=generator,
            slots=slots._replace(carry=carry),
            min_B=torch.ones_like(slots.m_B),
            dealt=torch.full((), share, device=device),
            dtype=dtype,
            world=world,
            averaging=averaging,
        )
        state.min_B = state.draw_min(1)
        return state

    @property
    def price(self) -> Price:
        """What a continue costs in the step that comes."""
        return self.schedule.price(self.priced, self.step + 1)

    def reprice(self, sums: dict[str, Tensor]) -> None:
        """After a step, whose sums over the slots that halted here these are."""
        if len(self.priced):  # what remembers nothing needs no word of the other processes
            counts = torch.stack([sums[name] for name in Ended._fields])
            self.priced = self.schedule.after(self.priced, Ended(*self.world.total(counts)))

    def deal(self, where_B: Bool[Tensor, " B"]) -> None:
        """Put the next puzzles into the slots marked."""
        batch = self.sample()
        seed_B = _seeds(self.config, self.model, self.generator, self.world)
        self.slots = loop.deal(self.model, self.slots, batch, where_B, seed_B)

    def draw_min(self, step: int) -> Int[Tensor, " B"]:
        """Minimum segments for every slot, of at most those that step `step` allows."""
        c, device = self.config, self.slots.m_B.device
        probability = c.explore_probability if self.learner.explores else 0.0
        most = c.segments_at(step)
        return self.world.own(
            halting.draw_min_segments(c.slots, most, probability, self.generator, device)
        )


def _seeds(
    config: TrainConfig, model: Model, generator: torch.Generator | None, world: World
) -> Int[Tensor, " B"] | None:
    """Drawn for every slot if the model draws by them; if not, nothing is drawn."""
    if not (isinstance(model, Drawn) and model.draws):
        return None
    drawn_B = torch.randint(2**62, (config.slots,), generator=generator, device=model.device)
    return world.own(drawn_B)
