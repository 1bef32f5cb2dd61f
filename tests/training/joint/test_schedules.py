"""Schedules and the residual rule: when they halt, and that they lose nothing.

Shapes: B slots.
"""

from itertools import islice

import pytest
import torch
from chains import Run, never
from tiny import talkative, tiny_run

from hrm_rl import features
from hrm_rl.banks.synthetic import BANK_B
from hrm_rl.training.joint import Seen
from hrm_rl.training.joint.learner import Nothing
from hrm_rl.training.joint.residual import Residual
from hrm_rl.training.joint.schedules import Drifting, Fixed, Random
from hrm_rl.training.train import TrainState, settle, think


@pytest.mark.parametrize("segments", [1, 3, 8])
def test_fixed_halts_after_its_number(segments: int) -> None:
    run = Run(Fixed(segments), BANK_B, slots=4)
    assert all(terms == {} for terms in islice(run, 20))
    assert set(run.lengths) == {segments} and len(run.lengths) == 4 * (20 // segments)


def test_random_lengths_follow_the_histogram() -> None:
    """An episode of length k is seen after k steps only: the first episodes of slots are not enough."""
    run = Run(Random((1, 5, 0, 2)), BANK_B, slots=500)
    for terms in islice(run, 4 * 20):
        assert terms == {}
    counts = [run.lengths.count(length) for length in range(1, 6)]
    total = sum(counts)
    # Renewals: in a given time the slots see lengths in these shares, but for the last, cut ones.
    assert [count / total for count in counts] == pytest.approx(
        [1 / 8, 5 / 8, 0, 2 / 8, 0], abs=0.01
    )


def test_random_inverts_the_distribution_by_hand() -> None:
    """Weights 1, 3, 0, 4 cut [0, 1) at 1/8 and 1/2."""
    places = torch.tensor([0.0, 0.124, 0.125, 0.499, 0.5, 0.999])
    assert Random((1, 3, 0, 4)).length(places).tolist() == [1, 1, 2, 2, 4, 4]
    assert Random((0, 2, 0)).length(places).tolist() == [2] * 6


def test_drifting_lengths_follow_the_part_of_the_run() -> None:
    """Ten steps, two parts: lengths of 1 and then of 2 or 4, by hand, and beyond the last step too."""
    learner = Drifting(((1, 0, 0, 0), (0, 1, 0, 3)), steps=10)
    places = torch.tensor([0.0, 0.249, 0.25, 0.999])
    for step, lengths in ((0, [1] * 4), (4, [1] * 4), (5, [2, 2, 4, 4]), (12, [2, 2, 4, 4])):
        assert learner.length(places, torch.tensor(step)).tolist() == lengths
    run = Run(Drifting(((1, 0, 0, 0), (0, 1, 0, 0)), steps=20), BANK_B, slots=4)
    assert all(terms == {} for terms in islice(run, 20))
    assert run.lengths == [1] * 4 * 10 + [2] * 4 * 5


def test_one_histogram_drifts_as_it_stays() -> None:
    places = torch.rand(100, generator=torch.Generator().manual_seed(0))
    weights = (1.0, 5.0, 0.0, 2.0)
    for step in (0, 7):
        drawn = Drifting((weights,), 10).length(places, torch.tensor(step))
        assert drawn.tolist() == Random(weights).length(places).tolist()


def test_a_length_is_drawn_once_for_each_puzzle() -> None:
    """Later draws would halt at segment 2, where a length of 1 is asked for."""
    learner, memory = Random((1, 1, 1)), Random((1, 1, 1)).begin(1, 4, torch.device("cpu"))
    found = []
    for m, place in ((1, 0.9), (2, 0.0), (3, 0.0), (1, 0.0)):
        seen = Seen(torch.zeros(1, 2), torch.zeros(1, 4), torch.tensor([m]), never)
        wants_B, memory = learner.decide(memory, seen, lambda place=place: torch.tensor([place]))
        found.append(wants_B.item())
    assert found == [False, False, True, True]


def test_residual_halts_below_its_knob() -> None:
    q_B2, m_B = torch.zeros(3, 2), torch.ones(3, dtype=torch.int32)
    seen = Seen(q_B2, q_B2, m_B, lambda: torch.tensor([0.02, 0.05, 0.3]))
    assert Residual(0.05).decide(Nothing(), seen, never)[0].tolist() == [True, False, False]


def test_residual_is_that_of_the_rule_on_a_frozen_model() -> None:
    state = TrainState.create(tiny_run(halting="residual-0.2", lr=0.0))
    state.model.load_state_dict(talkative().state_dict())
    column = features.SCALARS.index("residual_H")
    for _ in range(3):
        before, thought = state.slots, think(state)
        looked = features.look(before, thought.slots, thought.output, None)
        found_B = thought.seen.residual_B()
        torch.testing.assert_close(found_B, looked.scalars_BF[:, column])
        assert found_B.min() > 0
        settle(state, thought, torch.zeros(4, dtype=torch.bool))
