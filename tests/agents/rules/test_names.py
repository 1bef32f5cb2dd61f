"""Rules by name: a knob is a number that says something, and a near miss is told what was meant."""

from __future__ import annotations

import pytest

from hrm_rl.agents.rules import KNOBS, RULES, rule, sweep
from hrm_rl.banks.synthetic import bank_a

# Annotated shapes are checked in tests alone: what is tried here is what users meet.
pytestmark = pytest.mark.usefixtures("unchecked_shapes")


@pytest.mark.parametrize("kind", RULES)
def test_no_knob_is_taken_that_is_no_number_or_that_says_nothing(kind: str) -> None:
    knobs = KNOBS[type(RULES[kind]())]
    for word in ("nan", "inf", "-inf", "1e9999", "-7", "1_0", "٣", "", "x", "-1e300"):
        if kind in ("q", "sampled") and word == "-7":
            continue
        with pytest.raises(ValueError, match=r"must be|no rule") as error:
            rule(f"{kind}-{word}")
        assert "\n" not in str(error.value)
    with pytest.raises(ValueError, match="no more knobs"):
        rule("-".join([kind, *["1"] * (len(knobs) + 1)]))


@pytest.mark.parametrize(
    "name",
    ["trm-7", "random-2", "stable-0", "stable-65", "patience-65", "fixed-1e9", "fixed-0", "q-1e9",
     "confidence-2", "margin--1", "entropy--1", "residual-9", "kl-31", "two-sided-0.5-2",
     "fixed-99999999999"],
)  # fmt: skip
def test_a_rule_that_would_halt_always_or_never_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="must be"):
        rule(name)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("stabel-2", "stable"), ("Fixed-8", "fixed"), ("confidense", "confidence"), ("entropi", "entropy")],
)  # fmt: skip
def test_a_near_miss_is_told_what_it_was_meant_to_be(typed: str, meant: str) -> None:
    with pytest.raises(ValueError, match=f'no rule "{typed}"; there are .*did you mean "{meant}"'):
        rule(typed)


def test_a_long_bank_is_swept_as_far_as_stability_is_counted() -> None:
    assert len(sweep("stable", bank_a(2, 80))) == 64
