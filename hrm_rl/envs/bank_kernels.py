"""What `BankEngine` does to each slot, compiled: decide, deal, and say where it is.

A slot is a column of four numbers: its code, its puzzle, where its sequence of puzzles is (the state
of SplitMix64, `dealing`), and its place in every list of the bank. Products are modulo 2^64, of which
numpy would warn: without numba these are not called.

Shapes: N slots, C codes and actions, R numbers of a column, P puzzles.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hrm_rl.puzzles.jit import njit

CODE, PUZZLE, STREAM, PLACE = range(4)
NEXT, OFFSET, SEGMENT = range(3)
"""Columns of the rules in whole numbers."""
GAIN, COST = range(2)
"""Columns of the rules in fractions."""
OVER, FORCED, MAY_CONTINUE, MAY_HALT = range(4)
"""Columns of the rules that say yes or no."""
CORRECT, SUCCESS, VALID, IS_FORCED = range(4)
"""What is said of a slot with yes or no."""
FIRST = 4
"""The code of a slot after segment 1. A code is 4 m, and 2 more if it was halted there."""


@njit
def deal(stream: int, puzzles: int) -> tuple[Any, Any]:
    """The sequence's next state, and the puzzle that it says (`dealing.draw_puzzle`)."""
    state = np.uint64(stream) + np.uint64(0x9E3779B97F4A7C15)
    z = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = (z ^ (z >> np.uint64(31))) >> np.uint64(33)
    return np.int64(state), np.int64(z * np.uint64(puzzles) >> np.uint64(31))


@njit
def reset(
    where_N: np.ndarray,
    asked_N: np.ndarray,
    puzzles: int,
    step_p: int,
    whole_C3: np.ndarray,
    over_C: np.ndarray,
    now_4N: np.ndarray,
    over_N: np.ndarray,
) -> None:
    """Deal where marked, in place: the next puzzle, or that which was asked for if it is not -1."""
    for n in range(where_N.shape[0]):
        if where_N[n]:
            puzzle, stream = asked_N[n], now_4N[STREAM, n]
            if puzzle < 0:
                stream, puzzle = deal(stream, puzzles)
            now_4N[CODE, n], now_4N[PUZZLE, n], now_4N[STREAM, n] = FIRST, puzzle, stream
            now_4N[PLACE, n] = puzzle * step_p + whole_C3[FIRST, OFFSET]
            over_N[n] = over_C[FIRST]


@njit
def step(
    halt_N: np.ndarray,
    old_4N: np.ndarray,
    next_step: bool,
    same_step: bool,
    puzzles: int,
    step_p: int,
    whole_C3: np.ndarray,
    real_C2: np.ndarray,
    over_C: np.ndarray,
    worth_R: np.ndarray,
    final_4N: np.ndarray,
    now_4N: np.ndarray,
    over_N: np.ndarray,
    reward_N: np.ndarray,
) -> None:
    """One decision in every slot. `final_4N` and `now_4N` are one array but in mode SameStep."""
    for n in range(halt_N.shape[0]):
        code, puzzle, stream = old_4N[CODE, n], old_4N[PUZZLE, n], old_4N[STREAM, n]
        at = code + halt_N[n]
        if next_step and over_C[code]:
            stream, puzzle = deal(stream, puzzles)
        code = whole_C3[at, NEXT]
        place = puzzle * step_p + whole_C3[code, OFFSET]
        over = over_C[code]
        reward_N[n] = worth_R[place] * real_C2[at, GAIN] - real_C2[at, COST]
        over_N[n] = over
        final_4N[CODE, n], final_4N[PUZZLE, n] = code, puzzle
        final_4N[STREAM, n], final_4N[PLACE, n] = stream, place
        if same_step:
            if over:
                stream, puzzle = deal(stream, puzzles)
                code = FIRST
                place = puzzle * step_p + whole_C3[code, OFFSET]
            now_4N[CODE, n], now_4N[PUZZLE, n] = code, puzzle
            now_4N[STREAM, n], now_4N[PLACE, n] = stream, place


@njit
def tell(
    now_4N: np.ndarray,
    everywhere: bool,
    where_N: np.ndarray,
    by_rules: bool,
    whole_C3: np.ndarray,
    flag_C4: np.ndarray,
    correct_R: np.ndarray,
    valid_R: np.ndarray,
    cells_R: np.ndarray,
    rating_P: np.ndarray,
    whole_3N: np.ndarray,
    flag_4N: np.ndarray,
    cells_N: np.ndarray,
    mask_N2: np.ndarray,
) -> None:
    """What `info` says where marked: segment, puzzle, rating; yes and no; cells; mask. Elsewhere 0."""
    for n in range(now_4N.shape[1]):
        if not (everywhere or where_N[n]):
            whole_3N[0, n], whole_3N[1, n], whole_3N[2, n] = 0, 0, 0
            flag_4N[CORRECT, n], flag_4N[SUCCESS, n] = False, False
            flag_4N[VALID, n], flag_4N[IS_FORCED, n] = False, False
            cells_N[n], mask_N2[n, 0], mask_N2[n, 1] = 0, 0, 0
            continue
        code, puzzle, place = now_4N[CODE, n], now_4N[PUZZLE, n], now_4N[PLACE, n]
        correct, valid = correct_R[place], valid_R[place]
        whole_3N[0, n], whole_3N[1, n] = whole_C3[code, SEGMENT], puzzle
        whole_3N[2, n] = rating_P[puzzle]
        flag_4N[CORRECT, n], flag_4N[VALID, n] = correct, valid
        flag_4N[SUCCESS, n] = (valid if by_rules else correct) & flag_C4[code, OVER]
        flag_4N[IS_FORCED, n] = flag_C4[code, FORCED]
        cells_N[n] = cells_R[place]
        mask_N2[n, 0] = flag_C4[code, MAY_CONTINUE]
        mask_N2[n, 1] = flag_C4[code, MAY_HALT]
