"""Recurrent PPO of sb3-contrib: PPO with an LSTM, which remembers the segments before.

Source: Schulman et al. 2017 (PPO, arXiv 1707.06347); the implementation is `sb3_contrib.RecurrentPPO`
(the extra `contrib`). Settings are those of `ppo` (`learners.LEARNERS`), with an LSTM of 64 between
the standardised observation and the hidden layers, of actor and critic each. The policy carries its
state from segment to segment: `begin` starts a batch of episodes, as `bank.play` does.

Shapes: B rows, F features.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from sb3_contrib import RecurrentPPO
from torch import Tensor

from hrm_rl.agents.learners.inputs import WIDTH
from hrm_rl.agents.learners.protocol import Learner
from hrm_rl.agents.learners.sb3 import sb3_learner
from hrm_rl.halting import HALT, Remembers


@dataclass(frozen=True)
class RecurrentPolicy(Remembers):
    """What a recurrent SB3 algorithm has learnt; its best action, not a drawn one."""

    algorithm: RecurrentPPO
    observation: str
    time_aware: bool = True

    def begin(self, rows: int) -> RunningPolicy:
        return RunningPolicy(self, rows)


class RunningPolicy:
    """A `RecurrentPolicy` in the middle of episodes: every call is their next segment."""

    def __init__(self, policy: RecurrentPolicy, rows: int) -> None:
        self.policy = policy
        self.state: tuple[np.ndarray, ...] | None = None
        self.start_B = np.ones(rows, bool)
        self.observation, self.time_aware = policy.observation, policy.time_aware

    def __call__(self, obs_BF: Float[Tensor, "B F"], m_B: Int[Tensor, " B"]) -> Bool[Tensor, " B"]:
        action_B, self.state = self.policy.algorithm.predict(
            obs_BF.float().cpu().numpy(), self.state, self.start_B, deterministic=True
        )
        self.start_B = np.zeros_like(self.start_B)
        return torch.from_numpy(action_B == HALT).to(obs_BF.device)


def recurrent_ppo(**settings: Any) -> Learner:
    """The learner; `settings` are those of `sb3_contrib.RecurrentPPO`, and `rollout`."""
    return sb3_learner(
        RecurrentPPO,
        policy="MlpLstmPolicy",
        policy_kwargs={"lstm_hidden_size": WIDTH},
        wrap=RecurrentPolicy,
        **settings,
    )
