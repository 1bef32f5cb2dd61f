"""Settings with which learners of the joint regime learn to halt, as changes of any base config."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

SEES: Mapping[str, Any] = MappingProxyType({"auxiliary": 0.5, "explore_probability": 0.0})
"""For learners whose own losses stop at the head: the trunk is to show them whether it is right."""

SEEING: Mapping[str, Any] = MappingProxyType(
    {**SEES, "normalise_advantages": True, "entropy_floor": 0.3}
)
"""For actor-critics, besides: no coin becomes surer than about 9 to 1, so that both actions go on being
tried while what they are worth changes."""

BUDGET: Mapping[str, Any] = MappingProxyType({"price": "budget:4", "step_cost": 0.0})
"""The price of a segment comes as it goes, to hold the mean segments of training at 4."""
