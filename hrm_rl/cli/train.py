"""`hrm-rl train`, whose options are the fields of a preset's config."""

from collections.abc import Sequence
from pathlib import Path
from signal import SIGINT
from typing import TYPE_CHECKING

import tyro

if TYPE_CHECKING:
    from hrm_rl.training.config import TrainConfig
    from hrm_rl.training.parallel import World


def train(args: Sequence[str]) -> int:
    """Train: the preset is a subcommand, each field of its config an option."""
    from dataclasses import dataclass

    from hrm_rl.checks.numbers import choice
    from hrm_rl.checks.plugin import is_plugin
    from hrm_rl.training.config import TrainConfig
    from hrm_rl.training.joint import joint_learner
    from hrm_rl.training.parallel import joined
    from hrm_rl.training.presets import PRESETS, preset
    from hrm_rl.training.stages import stages

    @dataclass(frozen=True)
    class Train:
        config: tyro.conf.OmitArgPrefixes[TrainConfig]
        run: Path
        """Run folder; a run that lies there is resumed. --steps may grow: a constant learning rate goes
        on as in a run that was so long from the first, and a cosine (lr_min_ratio below 1) is drawn
        over the longer run from there on."""

    names = {name: name for name in PRESETS}
    if args and is_plugin(args[0]):  # a preset of the user's own, called by its last word
        own = args[0].rpartition(":")[2]
        names, args = {own: args[0]}, [own, *args[1:]]
    elif args and not args[0].startswith("-"):
        choice("preset", args[0], PRESETS)

    def described(own: str) -> tuple[str, Train]:
        summary = (getattr(PRESETS.get(own), "__doc__", "") or own).strip().splitlines()[0]
        return summary, Train(preset(names[own]), Path("runs") / own)

    wanted = tyro.extras.overridable_config_cli(
        {own: described(own) for own in names},
        prog="hrm-rl train",
        description="Train a preset, or one of your own (mine.py:tiny); Ctrl-C saves, and the same "
        "command goes on from there. `torchrun --nproc-per-node 8 -m -- hrm_rl train ...` shares the "
        "slots out among 8 GPUs.",
        args=args,
    )
    joint_learner(
        wanted.config
    )  # a halting learner of the user's own fails here, before a folder is made
    with joined(wanted.config.device) as world:
        *before, (config, folder) = world.first(lambda: stages(wanted.config, wanted.run))
        for earlier, place in before:
            if world.rank == 0:
                print(f"{folder}: starts from {place}, which is trained first", flush=True)
            _run(earlier, place, world)
        _run(config, folder, world)
    return 0


def _run(config: "TrainConfig", folder: Path, world: "World") -> None:
    """Train, and say where it began and how it ended.

    Raises:
        Stopped: by a signal, saved.
    """
    from contextlib import closing

    from hrm_rl.training.monitor import shown
    from hrm_rl.training.run import going_on, opened
    from hrm_rl.training.signals import Stopped, interruptible

    def say(text: str) -> None:
        if world.rank == 0:
            print(f"{folder}: {text}", flush=True)

    total = config.steps
    with (
        interruptible(patient=world.size > 1, passes_on=False) as interrupted,
        closing(opened(config, folder, world)) as journal,
    ):
        state, begun = journal.state, journal.state.step
        if begun:
            say("already complete" if begun >= total else f"resumed at step {begun} of {total}")
        metrics = going_on(journal, interrupted)
        if world.rank == 0 and begun < total:
            metrics = shown(metrics, total, str(folder), begun)
        try:
            for _ in metrics:
                pass
        except KeyboardInterrupt:
            raise Stopped(
                f"{folder} was interrupted at step {state.step} of {total}; step {journal.saved} is "
                "saved, and the same command goes on from there"
            ) from None
        if state.step < total:
            number = interrupted() or SIGINT
            if world.rank:
                raise SystemExit(128 + number)  # the first speaks
            raise Stopped(
                f"{folder} stopped at step {state.step} of {total}, saved; the same command goes on",
                number,
            )
    say(f"weights.safetensors to load, events for `tensorboard --logdir {folder}`")
