"""`hrm-rl train`, whose options are the fields of a preset's config."""

from collections.abc import Sequence
from pathlib import Path

import tyro


def train(args: Sequence[str]) -> int:
    """Train: the preset is a subcommand, each field of its config an option."""
    from dataclasses import dataclass

    from hrm_rl.training.config import TrainConfig
    from hrm_rl.training.monitor import shown
    from hrm_rl.training.parallel import joined
    from hrm_rl.training.presets import PRESETS
    from hrm_rl.training.run import run

    @dataclass(frozen=True)
    class Train:
        config: tyro.conf.OmitArgPrefixes[TrainConfig]
        run: Path
        """Run folder; a run that lies there is resumed."""

    def described(name: str) -> tuple[str, Train]:
        summary = (PRESETS[name].__doc__ or "").strip().splitlines()[0]
        return summary, Train(PRESETS[name](), Path("runs") / name)

    wanted = tyro.extras.overridable_config_cli(
        {name: described(name) for name in PRESETS},
        prog="hrm-rl train",
        description="Train a preset; Ctrl-C saves, and the same command goes on from there. "
        "`torchrun --nproc-per-node 8 -m -- hrm_rl train ...` shares the slots out among 8 GPUs.",
        args=args,
    )
    with joined(wanted.config.device) as world:
        metrics = run(wanted.config, wanted.run, world=world)
        if world.rank == 0:
            metrics = shown(metrics, wanted.config.steps, str(wanted.run))
        for _ in metrics:
            pass
    if world.rank == 0:
        print(
            f"{wanted.run}: weights.safetensors to load, "
            f"events for `tensorboard --logdir {wanted.run}`"
        )
    return 0
