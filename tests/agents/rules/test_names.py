"""Rules by name: a knob is a number that says something, and a near miss is told what was meant."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import hrm_rl
from hrm_rl.agents import rules
from hrm_rl.agents.comparison.curves import pareto_table
from hrm_rl.agents.rules import KNOBS, RULES, kind_of, name_of, rule, sweep
from hrm_rl.agents.rules.basic import RandomHalting
from hrm_rl.agents.rules.thresholds import TwoSided
from hrm_rl.banks.bank import play
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


def test_the_table_of_rules_is_whole_and_names_their_knobs() -> None:
    """`docs/rules.md` has a line for each kind, with a source, and no other."""
    page = (Path(__file__).parents[3] / "docs" / "rules.md").read_text(encoding="utf-8")
    table = page.partition("\n## ")[0]
    lines = re.findall(r"^\| `([\w-]+)` \|(.*)\|(.*)\|(.*)\|$", table, re.MULTILINE)
    assert sorted(kind for kind, *_ in lines) == sorted(RULES)
    for kind, _, knobs, source in lines:
        wanted = KNOBS[type(RULES[kind]())]
        assert source.strip() and (len(wanted) == 1 or knobs.strip() == ", ".join(wanted))


def test_a_long_bank_is_swept_as_far_as_stability_is_counted() -> None:
    assert len(sweep("stable", bank_a(2, 80))) == 64


def test_settings_may_be_given_by_keyword() -> None:
    assert rule("two-sided", lower=0.02) == TwoSided(lower=0.02)
    assert rule("two-sided-0.9", lower=0.02) == TwoSided(0.9, 0.02)
    assert rule("random-0.5", seed=3) == RandomHalting(0.5, 3)
    with pytest.raises(
        ValueError, match=r'a setting of "two-sided" must be .*did you mean "lower"'
    ):
        rule("two-sided", lowr=0.02)
    with pytest.raises(ValueError, match='a setting of "trm" must be'):
        rule("trm-0.9", threshold=0.8)  # given twice


@dataclass(frozen=True)
class Settled:
    """A user's own rule: halts once what it sees is above a level, or the time is up."""

    level: float = 0.5
    last: int = 8
    observation: str = "o"

    def __call__(self, obs_BF: Tensor, m_B: Tensor) -> Tensor:
        return (obs_BF[:, 0] > self.level) | (m_B >= self.last)


@pytest.fixture
def registry() -> Iterator[None]:
    """What is registered in a test is gone after it."""
    tables = [rules._RULES, rules._KNOBS, rules._SWEEPS]
    before = [dict(table) for table in tables]
    yield
    for table, old in zip(tables, before, strict=True):
        table.clear()
        table.update(old)


@pytest.mark.usefixtures("registry")
def test_a_rule_of_ones_own_has_a_name_with_knobs() -> None:
    hrm_rl.register_rule("settled", Settled, knobs=("level", "last"))
    assert rule("settled") == Settled() and rule("settled-0.25-3") == Settled(0.25, 3)
    assert (kind_of("settled-0.25"), name_of(Settled(0.25))) == ("settled", "settled-0.25-8")
    with pytest.raises(ValueError, match='last of "settled" must be a whole number'):
        rule("settled-0.25-x")
    with pytest.raises(ValueError, match=r'no rule "setled"; .*did you mean "settled"'):
        rule("setled")
    assert play(bank_a(50, 9), rule("settled-0.5-4")).segment_P.max() == 4


@pytest.mark.usefixtures("registry")
def test_a_rule_of_ones_own_is_compared_over_its_knobs_or_as_it_is() -> None:
    bank = bank_a(200, 9)
    hrm_rl.register_rule("settled", Settled, knobs=("level", "last"))
    assert sweep("settled", bank) == [Settled()]
    knobs = lambda bank, points: [Settled(last=m) for m in range(bank.max_segments, 0, -1)]  # noqa: E731
    hrm_rl.register_rule("settled2", Settled, ("level", "last"), knobs)
    assert len(sweep("settled2", bank)) == 9
    alone, swept, _ = pareto_table(bank, bank, ["settled", "settled2"], resamples=20)
    assert (alone.knobs, swept.knobs) == (1, 9) and swept.area.mean > alone.area.mean


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize(
    ("name", "make", "knobs", "why"),
    [("trm", Settled, (), '"trm" is the name of a rule already'), ("my own", Settled, (), "must be a word"),
     ("fixed-mine", Settled, (), 'reads as the rule "fixed"'), ("x", 3, (), "must be a class or function"),
     ("x", lambda level: Settled(level), (), "must be made without arguments"),
     ("x", lambda: torch.relu, (), "attribute `observation`"),
     ("x", Settled, ("levl",), 'levl of "x" must be a number that it holds, got None')],
)  # fmt: skip
def test_what_is_no_rule_is_not_registered(name: str, make: Any, knobs: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why) as error:
        hrm_rl.register_rule(name, make, knobs)
    assert "\n" not in str(error.value)
