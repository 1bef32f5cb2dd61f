"""The MDP on a bank, once more: a slot at a time, in plain Python, for the fast engines to agree with."""

from collections.abc import Callable
from typing import Any

import numpy as np
from gymnasium.utils import seeding
from hypothesis import strategies as st

from hrm_rl.banks.bank import Bank
from hrm_rl.banks.copies import originals, scores
from hrm_rl.envs.mdp import MDP


class PlainSlot:
    """One puzzle at a time, dealt by a seed."""

    def __init__(self, bank: Bank, mdp: MDP) -> None:
        self.bank, self.mdp, self.over = bank, mdp, False

    def seed(self, seed: int) -> None:
        self.stream = int(seeding.np_random(seed)[0].integers(2**63))

    def deal(self, puzzle: int | None = None) -> None:
        """The puzzle asked for, or the next of SplitMix64."""
        if puzzle is None:
            self.stream = (self.stream + 0x9E3779B97F4A7C15) % 2**64
            z = self.stream
            z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 % 2**64
            z = (z ^ z >> 27) * 0x94D049BB133111EB % 2**64
            puzzle = ((z ^ z >> 31) >> 33) * len(self.bank) >> 31
        self.puzzle, self.m, self.halted, self.over = puzzle, 1, False, False

    def decide(self, action: int) -> float:
        """The reward."""
        if self.over:
            return 0.0
        cost = 0.0
        if action and self.m >= self.mdp.min_segments:
            self.halted = self.over = True
        else:
            self.m, cost = self.m + 1, self.mdp.step_cost
            self.over = self.m == self.mdp.max_segments
        return self.worth() * self.over - cost

    def worth(self) -> float:
        at = self.m - 1, self.puzzle
        table = self.bank.cells_MP if self.mdp.reward == "token_accuracy" else self.bank.correct_MP
        return float(table[at])

    def see(self) -> np.ndarray:
        column_F = self.bank.columns[self.mdp.observation][self.m - 1, self.puzzle].numpy()
        time = [np.float32(self.m) / np.float32(self.mdp.max_segments)] * self.mdp.time_aware
        return np.array([*column_F, *time], np.float32)

    def tell(self) -> dict[str, Any]:
        """Without solutions of their own, right by the rules is what is right."""
        at, mdp = (self.m - 1, self.puzzle), self.mdp
        right = bool(self.bank.correct_MP[at])
        said = {
            "correct": right,
            "is_success": right and self.over,
            "cells": float(self.bank.cells_MP[at]),
            "valid_optimal": right,
            "segment": self.m,
            "forced": self.over and not self.halted,
            "puzzle_id": self.puzzle,
            "rating": int(self.bank.rating_P[self.puzzle]),
            "prediction": self.bank.predictions_MPT[at].numpy(),
            "action_mask": np.array([self.m < mdp.max_segments, self.m >= mdp.min_segments], "i1"),
        }
        return {key: said[key] for key in said if mdp.prediction or key != "prediction"}


class PlainCopies(PlainSlot):
    """With restarts: copies side by side in the bank, the kept answer by its Q, and three actions."""

    def deal(self, puzzle: int | None = None) -> None:
        rows, self.bank = self.bank, originals(self.bank)  # as many puzzles to draw from
        super().deal(puzzle)
        self.bank, self.copy, self.own = rows, 0, 1
        self.kept = self.here()

    def here(self) -> tuple[int, int]:
        return self.own - 1, self.puzzle * self.bank.copies + self.copy

    def decide(self, action: int) -> float:
        before, over = self.m, self.over
        if over or (action == 1 and self.m >= self.mdp.min_segments):
            return super().decide(1)
        restarts = action == 2 and self.copy < self.mdp.restarts
        self.copy, self.own = self.copy + restarts, 1 if restarts else self.own + 1
        score = scores(self.bank, self.mdp.recall)
        if self.mdp.recall == "last" or score[self.here()] > score[self.kept]:
            self.kept = self.here()
        reward = super().decide(0)
        assert self.m == before + 1
        return reward

    def worth(self) -> float:
        table = self.bank.cells_MP if self.mdp.reward == "token_accuracy" else self.bank.correct_MP
        return float(table[self.kept])

    def see(self) -> np.ndarray:
        mdp, last = self.mdp, np.float32(self.mdp.max_segments)
        own, time = [np.float32(self.own) / last], [np.float32(self.m) / last]
        copy = np.float32(self.copy) / np.float32(mdp.restarts)
        kept = float(scores(self.bank, mdp.recall)[self.kept])
        column_F = self.bank.columns[mdp.observation][self.here()].numpy()
        parts = [*column_F, copy, *own * mdp.time_aware, kept, *time * mdp.time_aware]
        return np.array(parts, np.float32)

    def tell(self) -> dict[str, Any]:
        mdp, right = self.mdp, bool(self.bank.correct_MP[self.kept])
        said = super().tell() | {
            "correct": right,
            "is_success": right and self.over,
            "cells": float(self.bank.cells_MP[self.kept]),
            "valid_optimal": right,
            "rating": int(self.bank.rating_P[self.puzzle * self.bank.copies]),
            "copy": self.copy,
        }
        if mdp.prediction:
            said["prediction"] = self.bank.predictions_MPT[self.kept].numpy()
        left = self.m < mdp.max_segments and self.copy < mdp.restarts
        said["action_mask"] = np.array([*said["action_mask"], left], "i1")
        return said


class PlainVector:
    """Slots as Gymnasium's vector environments return them, in all three autoreset modes."""

    def __init__(self, bank: Bank, mdp: MDP, slots: int, mode: str) -> None:
        kind = PlainCopies if mdp.restarts else PlainSlot
        self.slots, self.mode = [kind(bank, mdp) for _ in range(slots)], mode

    def reset(self, seed: int | None = None, where: Any = None, puzzle: Any = None) -> Any:
        marked = [True] * len(self.slots) if where is None else list(where)
        for row, slot in enumerate(self.slots):
            if marked[row]:
                if seed is not None:
                    slot.seed(seed + row)
                slot.deal(None if puzzle is None else int(puzzle[row]))
        told = [slot.tell() for slot in self.slots]
        return np.stack([slot.see() for slot in self.slots]), batched(told, marked)

    def step(self, actions: Any) -> Any:
        rewards, ended, seen, told = [], [], [None] * len(self.slots), []
        for row, slot in enumerate(self.slots):
            deals = slot.over and self.mode == "NextStep"
            rewards.append(0.0 if deals else slot.decide(int(actions[row])))
            if deals:
                slot.deal()
            ended.append(slot.over)
            told.append(slot.tell())
            if slot.over and self.mode == "SameStep":
                seen[row] = slot.see()
                slot.deal()
        infos = batched([slot.tell() for slot in self.slots], [True] * len(self.slots))
        over = np.array(ended)
        if self.mode == "SameStep" and over.any():
            final = np.full(len(seen), None, dtype=object)
            for row, obs in enumerate(seen):
                final[row] = obs
            infos |= {"final_obs": final, "final_info": batched(told, ended)}
            infos |= {"_final_obs": over.copy(), "_final_info": over.copy()}
        obs_NF = np.stack([slot.see() for slot in self.slots])
        return obs_NF, np.array(rewards), over, np.zeros_like(over), infos


def batched(told: list[dict[str, Any]], marked: list[bool]) -> dict[str, Any]:
    infos = {}
    for key in told[0]:
        value = np.stack([row[key] for row in told])
        value[~np.array(marked)] = 0
        infos[key], infos[f"_{key}"] = value, np.array(marked)
    return infos


def drawn_mdp(draw: Callable[[str, Any], Any], last: int) -> dict[str, Any]:
    """Arguments of an environment of at most `last` segments, drawn by hypothesis under their names."""
    return {
        "max_segments": last,
        "min_segments": draw("min_segments", st.integers(1, last)),
        "reward": draw("reward", st.sampled_from(["exact", "token_accuracy", "valid_optimal"])),
        "step_cost": draw("step_cost", st.sampled_from([0.0, 0.1])),
        "time_aware": draw("time_aware", st.booleans()),
        "prediction": draw("prediction", st.booleans()),
    }
