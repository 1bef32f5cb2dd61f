"""The 9x9 weights that ship: what they are, and that they solve what their cards say."""

import pytest

from hrm_rl.agents.rules import rule
from hrm_rl.evaluate import evaluate
from hrm_rl.models.checkpoint import load_model
from hrm_rl.models.hrm import HRM
from hrm_rl.puzzles import load


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "mixer", "gradient"),
    [("sudoku9", "units", "last-cycle"), ("sudoku9-onestep", "mlp", "one-step")],
)
def test_both_solve_easy_sudokus_and_halt_by_their_own_q(
    name: str, mixer: str, gradient: str
) -> None:
    """The first 16 of the test split: after 8 segments, and by the paper's rule, which is sooner."""
    model, card = load_model(name)
    assert isinstance(model, HRM) and card["command"] == f"hrm-rl train {name}"
    assert (model.config.token_mixer, model.config.gradient) == (mixer, gradient)
    puzzles = load("sudoku9_easy", "test").take(range(16))
    fixed, own = (evaluate(model, puzzles, rule(policy), 8) for policy in ("fixed-8", "q"))
    assert fixed.correct_P.sum() >= 13 and own.correct_P.sum() >= 13
    assert own.segment_P.float().mean() < 6
