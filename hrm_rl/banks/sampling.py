"""How the puzzles of a bank were sampled, which every interval on it has to know."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from hrm_rl.banks.bank import Bank, checked
from hrm_rl.puzzles.files import part_of


class Sampling(NamedTuple):
    """What `statistics.comparisons` takes after the values: `mean_interval(values, *sampling(bank))`."""

    clusters_P: Int[np.ndarray, " P"]
    """Copies of one puzzle have one number."""
    strata_P: Int[np.ndarray, " P"] | None
    """Parts that were sampled each by itself, so many puzzles of each; None if there is one."""


def sampling(bank: Bank) -> Sampling:
    """Clusters and strata of a bank. Sets that are joined of parts (`puzzles.files.JOINED`) have strata.

    Raises:
        ValueError: no bank.
    """
    puzzles = checked(bank).puzzles
    strata_P = None if puzzles is None else part_of(puzzles)
    return Sampling(bank.cluster_P.numpy(), strata_P)
