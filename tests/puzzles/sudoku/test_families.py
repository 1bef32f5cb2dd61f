"""Families of hard puzzles: proper, minimal, of their band, distinct up to symmetry, determined by a seed."""

from collections import Counter
from functools import cache

import numpy as np
import pytest
from interpreter import run

from hrm_rl.puzzles import PuzzleError, Sudoku, load
from hrm_rl.puzzles.sets import concat
from hrm_rl.puzzles.source import source
from hrm_rl.puzzles.sudoku import families, generate, packed
from hrm_rl.puzzles.sudoku.classes import canonical9
from hrm_rl.puzzles.sudoku.rating import rate, solve_all

NINE = Sudoku(9)


@cache
def made(kind):
    return families.make(kind, {"file1": 150, "sparse": 30}[kind], seed=5)


def digits(puzzles):
    return NINE.values(puzzles.inputs_PL), NINE.values(puzzles.solutions_PL)


@pytest.mark.parametrize("kind", ["file1", "sparse"])
def test_puzzles_have_one_solution_and_no_clue_too_many(kind):
    puzzles_PL, answers_PL = digits(made(kind))
    found_PL, number_P = solve_all(puzzles_PL)
    assert (number_P == 1).all() and np.array_equal(found_PL, answers_PL)
    for cell in range(81):
        less_PL = puzzles_PL[puzzles_PL[:, cell] > 0]
        less_PL[:, cell] = 0
        assert (solve_all(less_PL)[1] == 2).all()


def test_ratings_are_those_of_the_puzzles_and_lie_in_the_band():
    first_P, proof_P = rate(digits(made("file1"))[0])
    assert np.array_equal(first_P, made("file1").ratings_P)
    assert set(made("file1").sources) == {"hrm_rl_file1"}
    assert 3 < proof_P.mean() < 20 and proof_P.max() <= families.window("file1", 1.0)[1]


def test_sparse_puzzles_have_twenty_clues_or_fewer():
    clues_P = np.count_nonzero(digits(made("sparse"))[0], axis=1)
    assert (clues_P <= families.MOST).all() and (clues_P >= families.FEWEST).all()


def test_no_puzzle_is_a_copy_of_another_or_of_one_that_ships_for_testing():
    held_out = [load("sudoku9", split) for split in ("fit", "test")]
    forms = canonical9(*digits(concat([made("file1"), made("sparse"), *held_out])))
    own = len(made("file1")) + len(made("sparse"))
    mine = {form.tobytes() for form in forms[:own]}
    assert len(mine) == own and not mine & {form.tobytes() for form in forms[own:]}


def test_copies_and_what_is_held_out_do_not_come_through():
    fresh = generate.minimal(3, seed=11)
    twice = concat([fresh, load("sudoku9_hard", "test").take(range(2)), fresh])
    distinct = families.Distinct()
    assert np.array_equal(distinct.new(twice).inputs_PL, fresh.inputs_PL)
    assert len(distinct.new(fresh)) == 0


def test_the_first_are_the_same_however_many_there_are():
    again = families.make("file1", 30, seed=5)
    assert np.array_equal(again.inputs_PL, made("file1").inputs_PL[:30])
    assert np.array_equal(again.ratings_P, made("file1").ratings_P[:30])
    assert np.array_equal(source("file1:30:5").inputs_PL, again.inputs_PL)
    others = [families.make("file1", 30, seed=6), families.make("file1", 30, 5, "test")]
    rows = np.concatenate([made("file1").inputs_PL[:30], *(other.inputs_PL for other in others)])
    assert len(np.unique(rows, axis=0)) == 90


def test_a_block_has_the_proportions_of_sudoku_extreme():
    """Shares of the sources of Sudoku-Extreme in per cent; what is left of a hundred is rounding."""
    published = {"forum": 48, "file1": 24, "minimal": 23, "easy": 2.3, "sparse": 1.2, "eleven": 1.1}
    counts = families.BLOCKS["extreme"]
    assert {kind: 100 * n / sum(counts.values()) for kind, n in counts.items()} == pytest.approx(
        published, abs=0.25
    )
    for kind in families.FAMILIES:
        assert counts[kind] % families.MEMBERS == 0


def test_kinds_are_evenly_mixed_in_a_block(monkeypatch):
    """Any tenth of a block has a tenth of each kind, give or take one."""
    monkeypatch.setattr(families, "_family", lambda kind, *_: _stand_in(kind))
    mixed = families.block("extreme", 0, seed=1)
    assert Counter(mixed.sources[:200]) == pytest.approx(
        {f"hrm_rl_{kind}": n / 10 for kind, n in families.BLOCKS["extreme"].items()}, abs=1
    )


def _stand_in(kind):
    easy = generate.easy(families.MEMBERS, seed=1)
    names = (f"hrm_rl_{kind}",) * len(easy)
    return type(easy)(easy.task, easy.inputs_PL, easy.solutions_PL, easy.ratings_P, names)


def test_the_hundred_thousand_that_ship_are_those_of_the_seed():
    """A family and some minimal puzzles, made anew, of the first block and of one of the last."""
    kept = families.make("extreme", 100_000, seed=families.KEPT_SEED)
    assert len(kept) == 100_000 and len(np.unique(kept.inputs_PL, axis=0)) == 100_000
    rows = {row_L.tobytes(): place for place, row_L in enumerate(kept.inputs_PL)}
    for block in (0, families.KEPT_BLOCKS - 2):
        for kind, made_of in (("file1", families._family), ("minimal", None)):
            count = families.BLOCKS["extreme"][kind]
            if made_of:
                first = made_of(
                    kind, block * count // families.MEMBERS, families.KEPT_SEED, "train"
                )
            else:
                first = generate.minimal(24, families.KEPT_SEED, "train", block * count)
            places = [rows[row_L.tobytes()] for row_L in first.inputs_PL if row_L.tobytes() in rows]
            assert len(places) > 20 and places == sorted(places)
            assert 1_900 * block <= places[0] and places[-1] < 2_000 * (block + 1)
            answers_PL = kept.solutions_PL[places]
            found_PL, number_P = solve_all(NINE.values(kept.inputs_PL[places]))
            assert (number_P == 1).all() and np.array_equal(found_PL, NINE.values(answers_PL))


def test_the_hundred_thousand_are_rated_and_no_copies():
    sample = families.make("extreme", 100_000, seed=families.KEPT_SEED).sample(1500)
    assert np.array_equal(rate(digits(sample)[0])[0], sample.ratings_P)
    assert len(families.Distinct().new(sample)) == 1500


def test_more_than_ship_go_on_where_those_end(monkeypatch):
    kept = families.make("extreme", 100_000, seed=families.KEPT_SEED)
    few, fresh, asked = kept.take(range(40)), generate.easy(50, seed=11), []

    def block(name, number, seed, split):
        asked.append((name, number, seed, split))
        return concat([few, fresh])  # of the last block a part is known

    monkeypatch.setattr(families, "block", block)
    monkeypatch.setattr(packed, "read", lambda _: few)
    assert len(families.make("extreme", 40, seed=families.KEPT_SEED)) == 40 and not asked
    more = families.make("extreme", 60, seed=families.KEPT_SEED)
    assert asked == [("extreme", families.KEPT_BLOCKS - 1, families.KEPT_SEED, "train")]
    assert np.array_equal(more.inputs_PL, concat([few, fresh]).inputs_PL[:60])


def test_levels_follow_what_was_measured():
    """The mean of a kind's levels is that of the set it is like; windows begin a tenth below them."""
    shares = (np.arange(2000) + 0.5) / 2000
    for kind, mean in (("forum", 55.0), ("eleven", 61.7), ("file1", 8.9)):
        low_S, high_S = np.array([families.window(kind, share) for share in shares]).T
        assert low_S.mean() / 0.9 == pytest.approx(mean, rel=0.05)
        assert (low_S <= high_S).all() and (np.diff(low_S) >= 0).all()


@pytest.mark.slow
def test_forum_puzzles_are_as_hard_as_published():
    puzzles = families.make("forum", 240, seed=5)
    proof_P = rate(digits(puzzles)[0])[1]
    assert proof_P.mean() == pytest.approx(55.0, rel=0.3)
    assert len(np.unique(canonical9(*digits(puzzles)), axis=0)) == 240


KERNELS = """
import numpy as np
from hrm_rl.puzzles import jit
from hrm_rl.puzzles.rng import stream
from hrm_rl.puzzles.sudoku.bands import WORDS
from hrm_rl.puzzles.sudoku.classes import canonical9
from hrm_rl.puzzles.sudoku.rating import DEPTH
from hrm_rl.puzzles.sudoku.walk import family

puzzles, answers = np.zeros((2, 3, 81), dtype=np.uint8)
ratings, stack = np.zeros(3, dtype=np.int32), np.zeros((DEPTH, WORDS), dtype=np.int64)
family(stream(8, 0, 0), stack, 1, 9, False, puzzles, answers, ratings)
forms = canonical9(puzzles, answers)
print(jit.HAVE_NUMBA, puzzles.tolist(), answers.tolist(), ratings.tolist(), forms.tolist())
"""


@pytest.mark.slow
def test_a_family_is_the_same_with_numba_and_without(monkeypatch, tmp_path):
    monkeypatch.setenv("HRM_RL_NO_NUMBA", "")
    compiled = run(KERNELS, tmp_path).stdout
    monkeypatch.setenv("HRM_RL_NO_NUMBA", "1")
    plain = run(KERNELS, tmp_path).stdout
    assert compiled.startswith("True [[") and plain == compiled.replace("True", "False")


def test_bad_orders_are_told():
    with pytest.raises(PuzzleError, match=r"seed must be in \[0, 2\*\*32\), got -1"):
        families.make("forum", 1, seed=-1)
    with pytest.raises(PuzzleError, match=r'"kind:count:seed".*got "forum:3"'):
        source("forum:3")
