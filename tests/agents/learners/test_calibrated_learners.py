"""Learners that calibrate on the environment's bank: what they promise, on fresh puzzles."""

import torch
from calibrations import bank_like, noisy

from hrm_rl.agents.learners import learner
from hrm_rl.agents.learners.protocol import play_on
from hrm_rl.agents.rules.calibrated import lost_chance, lost_correct
from hrm_rl.agents.rules.conditional import Stepwise, calibrate_conditional
from hrm_rl.agents.rules.evidence import Evidence, hard_negatives
from hrm_rl.agents.rules.thresholds import NEVER, Rising
from hrm_rl.banks.bank import play


def test_conformal_gives_up_and_keeps_what_it_promises() -> None:
    bank, fresh = noisy(2000, 1), noisy(20_000, 2)
    learn = learner("conformal", alpha_up=0.05, alpha_down=0.02)
    found = learn(play_on(bank, observation="q", step_cost=0.02), steps=1, seed=0)
    assert isinstance(found, Rising) and 0 < found.upper < 1 and found.shift < NEVER
    up = play(fresh, Rising(found.upper, NEVER, observation="q"))
    down = play(fresh, Rising(1.0, found.shift, found.ceiling, found.slope))
    both = play(fresh, found)
    assert torch.equal(both.segment_P, torch.minimum(up.segment_P, down.segment_P))
    assert lost_correct(fresh, up).mean() <= 0.05
    assert lost_chance(fresh, down).mean() <= 0.02
    assert lost_correct(fresh, both).mean() <= 0.07
    hopeless_P = ~fresh.correct_MP.any(0)
    assert both.segment_P[hopeless_P].double().mean() < up.segment_P[hopeless_P].double().mean() - 1


def test_too_few_puzzles_are_run_to_the_end() -> None:
    """0.95^45 is below 0.1; each side has half of that, and each slope a third of the half."""
    env = play_on(bank_like(["+++"] * 58), observation="scalars")
    assert learner("conformal")(env, steps=1, seed=0) == Rising(
        1.0, NEVER, 0.5, 0.5, observation="scalars"
    )


def test_conditional_is_the_calibration_of_the_bank_by_its_seed() -> None:
    bank = noisy(2000, 1)
    env = play_on(bank, observation="q", max_segments=10)
    first, second = (learner("conditional", alpha=0.1)(env, steps=1, seed=s) for s in (0, 1))
    assert first == calibrate_conditional(bank.first(10), 0.1, seed=0).policy
    assert isinstance(second, Stepwise) and first != second


def test_e_process_has_the_pool_of_the_bank() -> None:
    bank = noisy(2000, 1)
    found = learner("e_process", alpha=0.2)(play_on(bank, observation="q"), steps=1, seed=0)
    assert found == Evidence(hard_negatives(bank), 0.2)
    fresh = noisy(20_000, 2)
    never_P = ~fresh.correct_MP.any(0)
    early_P = play(fresh, found).segment_P < fresh.max_segments
    assert early_P[never_P].double().mean() <= 0.2 < 0.3 < early_P[~never_P].double().mean()
