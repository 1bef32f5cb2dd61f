"""Variants of a base config, and grids that are refused before anything is trained."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tiny import tiny_run

from hrm_rl.agents.ablation import variants
from hrm_rl.agents.ablation.variants import config_of

BASE = tiny_run(steps=32, max_segments=4, log_every=5, save_every=5)


def test_a_variant_is_the_base_but_for_what_its_name_says() -> None:
    """A sixteenth of 32 steps is 2, and 2 does not divide by 5: metrics come every 2nd step."""
    every = {"log_every": 2, "save_every": 2, "seed": 3}
    assert config_of("halt_bce", BASE, 3) == replace(BASE, halting="halt_bce", **every)
    exact = {"edge": "exact", "bootstrap": "delayed", "explore": "episode"}
    assert config_of("act_q", BASE, 3) == replace(BASE, halting="act_q", **every, **exact)
    official = {"edge": "paper", "bootstrap": "extra", "explore": "segment"}
    assert config_of("act_q-official", BASE, 3) == replace(
        BASE, halting="act_q", **every, **official
    )
    short = replace(BASE, halting="fixed-2", max_segments=3, **every)
    assert config_of("fixed-2@3", BASE, 3) == short


def test_only_those_that_pay_get_the_step_cost() -> None:
    assert config_of("ppo", BASE, 0, step_cost=0.25).step_cost == 0.25
    assert config_of("act_q", BASE, 0, step_cost=0.25).step_cost == 0


def test_a_name_may_say_other_values_of_fields() -> None:
    found = config_of("ppo+price=budget:2+explore_probability=0.3@3", BASE, 0, step_cost=0.25)
    assert (found.halting, found.price, found.max_segments) == ("ppo", "budget:2", 3)
    assert (found.explore_probability, found.step_cost) == (0.3, 0.25)
    found = config_of("a2c+normalise_advantages=True+step_cost=0.5+warmup=7", BASE, 0, 0.25)
    assert (found.normalise_advantages, found.step_cost, found.warmup) == (True, 0.5, 7)
    assert config_of("act_q-paper+edge=exact", BASE, 0).edge == "exact"
    assert variants.matched_to("random-matched+lr=0.1@3") == "act_q@3"


def test_an_actor_critic_explores_where_its_name_says_so() -> None:
    assert BASE.explore_probability > 0
    for name, epsilon in (("ppo", 0.0), ("a2c", 0.0), ("act_q", BASE.explore_probability)):
        assert config_of(name, BASE, 0).explore_probability == epsilon


def test_random_matched_has_the_lengths_it_is_given_and_a_source() -> None:
    config = config_of("random-matched@3", BASE, 0, lengths=[[2, 0, 2], [3, 0, 0]])
    assert (config.halting, config.max_segments) == ("random-5:0:2", 3)
    assert variants.matched_to("random-matched@3") == "act_q@3"
    assert variants.matched_to("random-matched") == "act_q"
    assert variants.matched_to("act_q") == "" == variants.matched_to("random-1:2")


def test_dice_may_copy_how_lengths_drifted() -> None:
    """Where nothing halted in a part of the run, they are those of the whole of it."""
    lengths = [[0, 0, 0], [5, 0, 2], [0, 1, 3]]
    config = config_of("random-drift-matched@3", BASE, 0, lengths=lengths)
    assert config.halting == "random-5:1:5/5:0:2/0:1:3"
    assert variants.matched_to("random-drift-matched@3") == "act_q@3"
    assert variants.matched_to("random-drift-ppo") == "ppo-budget"


def test_ppo_that_sees_and_pays_as_it_goes() -> None:
    found = config_of("ppo-budget+price=budget:2", BASE, 0, step_cost=0.25)
    assert (found.halting, found.price, found.step_cost) == ("ppo", "budget:2", 0.0)
    assert (found.auxiliary, found.entropy_floor, found.normalise_advantages) == (0.5, 0.3, True)
    assert config_of("exact_pg-seeing", BASE, 0, step_cost=0.25).step_cost == 0.25


@pytest.mark.parametrize(
    ("names", "changes", "says"),
    [
        ([], {}, "learners must name at least one"),
        (["q_learning"], {}, "halting must be one of act_q, .*, got 'q_learning'"),
        (["act_q-offical"], {}, 'act_q takes no knob; write halting="act_q"'),
        (["fixed-9"], {}, "from 1 to max_segments, 4"),
        (["fixed-3@2"], {}, "from 1 to max_segments, 2"),
        (["act_q@1"], {}, 'max_segments must be >= 2 to have a choice, got 1 \\("act_q@1"\\)'),
        (["act_q@"], {}, 'what follows @ is max_segments, a whole number, got "act_q@"'),
        (["act_q", "act_q"], {}, 'learners names "act_q" twice'),
        (["ppo+budget"], {}, 'a field and its value, as ppo.price=budget:4, got "budget"'),
        (["ppo+init=a/b"], {}, 'what follows . is a field and its value, .* got "init=a/b"'),
        (["ppo+prize=ramp:1:2"], {}, "the field of a variant must be one of .*did you mean"),
        (["ppo+steps=9"], {}, "the field of a variant must be one of"),
        (["ppo+lr=fast"], {}, "lr must be a value like 0.01, got 'fast'"),
        (["ppo+augment=no"], {}, "augment must be a value like True, got 'no'"),
        (["act_q+price=budget:2"], {}, "act_q pays for no segments"),
        (["random-matched", "ppo"], {}, 'copies the lengths of "act_q": name that too'),
        (["random-matched@2", "act_q"], {}, 'copies the lengths of "act_q@2": name that too'),
        (["act_q"], {"steps": 40}, "steps must be a multiple of 16, got 40"),
    ],
)
def test_what_cannot_be_run_is_refused(
    names: list[str], changes: dict[str, int], says: str
) -> None:
    with pytest.raises(ValueError, match=says) as error:
        variants.check(names, replace(BASE, **changes))
    assert "\n" not in str(error.value)


def test_a_source_may_be_named_after_its_copy() -> None:
    variants.check(["random-matched", "fixed-1", "act_q"], BASE)
