"""What a comparison's learners learnt, kept as files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from hrm_rl.agents.comparison.compare import Runs
from hrm_rl.agents.trained import save_policy
from hrm_rl.banks.bank import Bank


def keep(
    learned: Mapping[str, Runs], fit: Bank, max_segments: int, folder: Path, about: str
) -> list[Path]:
    """Save every policy as `LEARNER-SEED.safetensors`; prints where each is, or why it is not.

    Args:
        learned: name -> one policy for each seed, as `experiment.Comparison` has them.
        fit: the bank that they were fitted on.
        about: how, in words, behind the learner's name.
    """
    found = []
    for name, runs in learned.items():
        short = name.removeprefix("learned ")
        for seed, policy in enumerate(runs):
            path = folder / f"{re.sub(r'[^A-Za-z0-9_]+', '-', short)}-{seed}"
            said = f"{short}, seed {seed}, {about}"
            try:
                found.append(save_policy(path, policy, fit, max_segments=max_segments, about=said))
            except ValueError as error:
                print(f"not kept, {short}: {error}")
                break
            print(found[-1])
    return found
