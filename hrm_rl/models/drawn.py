"""States that are drawn: where a puzzle starts from, and noise before each of its segments.

All of it is a function of the slot's seed and of the segment's number, as puzzles are of a slot's key:
nothing is kept but the seed, and a slot sees what it would see alone, whoever its neighbours are.

Shapes: B slots, L positions, D width.
"""

from __future__ import annotations

import math
from typing import Final, Protocol

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hrm_rl.checks.numbers import choice
from hrm_rl.models.base import Carry
from hrm_rl.models.layers import STD_OF_CUT_NORMAL
from hrm_rl.models.limits import check_real

STARTS: Final = ("fixed", "random")


class DrawnConfig(Protocol):
    """What a config says about it."""

    @property
    def start(self) -> str: ...
    @property
    def noise(self) -> float: ...
    @property
    def cells(self) -> int: ...
    @property
    def prefix(self) -> int: ...
    @property
    def width(self) -> int: ...


def check_drawn(config: DrawnConfig) -> None:
    """Refuse what is no start or no noise.

    Raises:
        ValueError: a field is out of range.
    """
    choice("start", config.start, STARTS)
    check_real(config, "noise", high=1e3)


class Drawn:
    """What architectures with two states have in common: how these start."""

    config: DrawnConfig
    H_init: Tensor
    L_init: Tensor

    @property
    def draws(self) -> bool:
        """Whether anything depends on seeds."""
        return self.config.start == "random" or self.config.noise > 0

    def initial(self, slots: int, seed_B: Int[Tensor, " B"] | None = None) -> Carry:
        """The carry of fresh puzzles: one fixed random vector per state at every position.

        With `start="random"` every position of every slot has one of its own, drawn from a truncated
        normal of deviation 1 (EqR, arXiv 2605.21488) by the slot's seed, 0 where none is given.
        """
        c = self.config
        if c.start == "fixed":
            shape = (slots, c.prefix + c.cells, -1)
            return Carry(self.H_init.expand(shape), self.L_init.expand(shape))
        if seed_B is None:
            seed_B = torch.zeros(slots, dtype=torch.int64, device=self.H_init.device)
        m_B = torch.zeros_like(seed_B)
        dtype = self.H_init.dtype
        return Carry(*(truncated_normal(u_BLD).to(dtype) for u_BLD in self._uniform(seed_B, m_B)))

    def stirred(self, carry: Carry, seed_B: Int[Tensor, " B"], m_B: Int[Tensor, " B"]) -> Carry:
        """Both states plus `noise` times a normal of deviation 1, another one in each segment.

        Args:
            m_B: segments run so far.
        """
        if not self.config.noise:
            return carry
        u = self._uniform(seed_B, m_B + 1)
        return Carry(
            *(
                z_BLD + (self.config.noise * normal(u_BLD)).to(z_BLD.dtype)
                for z_BLD, u_BLD in zip(carry, u, strict=True)
            )
        )

    def _uniform(
        self, seed_B: Int[Tensor, " B"], turn_B: Int[Tensor, " B"]
    ) -> tuple[Float[Tensor, "B L D"], Float[Tensor, "B L D"]]:
        """Numbers of (-1, 1) for both states, others at each turn."""
        c = self.config
        shape = (2, c.prefix + c.cells, c.width)
        at_SLD = torch.arange(math.prod(shape), device=seed_B.device).view(shape)
        first_B = turn_B.long() * at_SLD.numel()
        seed_B11, first_B11 = seed_B[:, None, None], first_B[:, None, None]
        H_BLD, L_BLD = (uniform(seed_B11, first_B11 + at_LD) for at_LD in at_SLD)
        return H_BLD, L_BLD


def draws(model: object) -> bool:
    """Whether another seed is another way of thinking: another start, or other noise."""
    return isinstance(model, Drawn) and model.draws


def starts(model: object) -> bool:
    """Whether another seed is another start, not only other noise."""
    return isinstance(model, Drawn) and model.config.start == "random"


def seeds(seed: int, index_B: Int[Tensor, " B"]) -> Int[Tensor, " B"]:
    """A seed for each puzzle of a set, by its number, so that it does not matter in which batch it is.

    In a part of the set a puzzle has another number, and is thought about with other noise.
    """
    return splitmix64(torch.full_like(index_B, seed, dtype=torch.int64), index_B.long())


def splitmix64(key: Int[Tensor, "*#B"], count: Int[Tensor, "*#B"]) -> Int[Tensor, "*B"]:
    """Output number `count` (from 0) of SplitMix64 seeded with `key`, its 64 bits in an int64.

    Steele, Lea and Flood 2014. Sums and products are modulo 2^64, as int64 does them.
    """
    z = key + (count + 1) * (0x9E3779B97F4A7C15 - 2**64)
    z = (z ^ upper(z, 34)) * (0xBF58476D1CE4E5B9 - 2**64)
    z = (z ^ upper(z, 37)) * (0x94D049BB133111EB - 2**64)
    return z ^ upper(z, 33)


def upper(z: Int[Tensor, "*B"], bits: int) -> Int[Tensor, "*B"]:
    """The upper so many of 64 bits as a number from 0 on: shifted right, and filled with zeros."""
    return (z >> (64 - bits)) & (2**bits - 1)


def uniform(key: Int[Tensor, "*#B"], count: Int[Tensor, "*#B"]) -> Float[Tensor, "*B"]:
    """The output as one of 2^23 numbers in (-1, 1), the middles of equal parts, in fp32."""
    return (2 * upper(splitmix64(key, count), 23) + 1 - 2**23).float() * 2**-23


def normal(u: Float[Tensor, "*B"]) -> Float[Tensor, "*B"]:
    """A number of (-1, 1) as one of the normal of deviation 1, at the same place of its distribution."""
    return math.sqrt(2) * torch.erfinv(u)


def truncated_normal(u: Float[Tensor, "*B"]) -> Float[Tensor, "*B"]:
    """The same for `layers.truncated_normal_`: cut at two uncorrected deviations, its own being 1."""
    return normal(math.erf(math.sqrt(2)) * u) / STD_OF_CUT_NORMAL
