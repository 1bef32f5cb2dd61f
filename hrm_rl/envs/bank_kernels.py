"""What `BankEngine` does to each slot, compiled: decide, deal, and say where it is.

A slot is a column of five numbers: its code, its puzzle, where its sequence of puzzles is (the state
of SplitMix64, `dealing`), its place in every list of the bank, and that of the answer which a halt would
give: the same place, but where restarts are allowed. Products are modulo 2^64, of which
numpy would warn: without numba these are not called.

Shapes: N slots, C codes and actions, R numbers of a column, P puzzles, A actions, X columns, T tokens.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hrm_rl.halting import CONTINUE, HALT, RESTART
from hrm_rl.puzzles.jit import njit

CODE, PUZZLE, STREAM, PLACE, KEPT = range(5)
NEXT, BASE, SEGMENT, COPY, AFRESH, STRIDE = range(6)
"""Columns of the rules in whole numbers."""
GAIN, COST = range(2)
"""Columns of the rules in fractions."""
OVER, FORCED, MAY = range(3)
"""Columns of the rules that say yes or no; from `MAY` on one for each action."""
CORRECT, SUCCESS, VALID, IS_FORCED = range(4)
"""What is said of a slot with yes or no."""


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
    first: int,
    over_C: np.ndarray,
    now_5N: np.ndarray,
    over_N: np.ndarray,
) -> None:
    """Deal where marked, in place: the next puzzle, or that which was asked for if it is not -1."""
    for n in range(where_N.shape[0]):
        if where_N[n]:
            puzzle, stream = asked_N[n], now_5N[STREAM, n]
            if puzzle < 0:
                stream, puzzle = deal(stream, puzzles)
            now_5N[CODE, n], now_5N[PUZZLE, n], now_5N[STREAM, n] = first, puzzle, stream
            now_5N[PLACE, n] = now_5N[KEPT, n] = puzzle * step_p
            over_N[n] = over_C[first]


@njit
def step(
    action_N: np.ndarray,
    old_5N: np.ndarray,
    next_step: bool,
    same_step: bool,
    restarts: bool,
    recalls: bool,
    puzzles: int,
    step_p: int,
    first: int,
    whole_C6: np.ndarray,
    real_C2: np.ndarray,
    over_C: np.ndarray,
    worth_R: np.ndarray,
    score_R: np.ndarray,
    final_5N: np.ndarray,
    now_5N: np.ndarray,
    over_N: np.ndarray,
    reward_N: np.ndarray,
) -> None:
    """One decision in every slot. `final_5N` and `now_5N` are one array but in mode SameStep.

    Actions that are none count as continuing.
    """
    for n in range(action_N.shape[0]):
        code, puzzle, stream = old_5N[CODE, n], old_5N[PUZZLE, n], old_5N[STREAM, n]
        action, kept = action_N[n], old_5N[KEPT, n]
        known = action == HALT or (restarts and action == RESTART)
        at = code + (action if known else CONTINUE)
        dealt = next_step and over_C[code]
        if dealt:
            stream, puzzle = deal(stream, puzzles)
        code = whole_C6[at, NEXT]
        if whole_C6[at, AFRESH]:
            place = puzzle * step_p + whole_C6[code, BASE]
        else:
            place = old_5N[PLACE, n] + whole_C6[at, STRIDE]
        if dealt or not recalls or score_R[place] > score_R[kept]:
            kept = place
        over = over_C[code]
        reward_N[n] = worth_R[kept] * real_C2[at, GAIN] - real_C2[at, COST]
        over_N[n] = over
        final_5N[CODE, n], final_5N[PUZZLE, n] = code, puzzle
        final_5N[STREAM, n], final_5N[PLACE, n] = stream, place
        final_5N[KEPT, n] = kept
        if same_step:
            if over:
                stream, puzzle = deal(stream, puzzles)
                code = first
                place = kept = puzzle * step_p
            now_5N[CODE, n], now_5N[PUZZLE, n] = code, puzzle
            now_5N[STREAM, n], now_5N[PLACE, n] = stream, place
            now_5N[KEPT, n] = kept


@njit
def tell(
    now_5N: np.ndarray,
    everywhere: bool,
    where_N: np.ndarray,
    by_rules: bool,
    whole_C6: np.ndarray,
    flag_CX: np.ndarray,
    correct_R: np.ndarray,
    valid_R: np.ndarray,
    cells_R: np.ndarray,
    rating_P: np.ndarray,
    whole_XN: np.ndarray,
    flag_4N: np.ndarray,
    cells_N: np.ndarray,
    mask_NA: np.ndarray,
) -> None:
    """What `info` says where marked: segment, puzzle, rating; yes and no; cells; mask. Elsewhere 0.

    With three actions there are copies, whose number is said last of the whole ones.
    """
    actions = mask_NA.shape[1]
    copies = actions > RESTART
    for n in range(now_5N.shape[1]):
        if not (everywhere or where_N[n]):
            whole_XN[0, n], whole_XN[1, n], whole_XN[2, n] = 0, 0, 0
            if copies:
                whole_XN[3, n] = 0
            flag_4N[CORRECT, n], flag_4N[SUCCESS, n] = False, False
            flag_4N[VALID, n], flag_4N[IS_FORCED, n] = False, False
            cells_N[n] = 0
            for action in range(actions):
                mask_NA[n, action] = 0
            continue
        code, puzzle, kept = now_5N[CODE, n], now_5N[PUZZLE, n], now_5N[KEPT, n]
        correct, valid = correct_R[kept], valid_R[kept]
        whole_XN[0, n], whole_XN[1, n] = whole_C6[code, SEGMENT], puzzle
        whole_XN[2, n] = rating_P[puzzle]
        if copies:
            whole_XN[3, n] = whole_C6[code, COPY]
        flag_4N[CORRECT, n], flag_4N[VALID, n] = correct, valid
        flag_4N[SUCCESS, n] = (valid if by_rules else correct) & flag_CX[code, OVER]
        flag_4N[IS_FORCED, n] = flag_CX[code, FORCED]
        cells_N[n] = cells_R[kept]
        for action in range(actions):
            mask_NA[n, action] = flag_CX[code, MAY + action]


@njit
def rows_where(
    table_RT: np.ndarray, place_N: np.ndarray, where_N: np.ndarray, rows_NT: np.ndarray
) -> None:
    """The rows of a table at these places where marked, zeros elsewhere: each row is written once."""
    for n in range(where_N.shape[0]):
        if where_N[n]:
            place = place_N[n]
            for t in range(rows_NT.shape[1]):
                rows_NT[n, t] = table_RT[place, t]
        else:
            for t in range(rows_NT.shape[1]):
                rows_NT[n, t] = 0
