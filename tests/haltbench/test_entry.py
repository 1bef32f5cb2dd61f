"""An entry holds what was scored; what was changed, or scored on other banks, is refused."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hrm_rl.checks.digests import sealed
from hrm_rl.haltbench import board, entry
from hrm_rl.haltbench.frozen import BUDGETS, COSTS, TRACKS

FILE = """
from hrm_rl.agents.rules.basic import FixedSegments, QThreshold

KNOBS = [QThreshold(p) for p in (0.5, 0.9)]
CALLS = []


class Sure:
    observation = "q"

    def __call__(self, obs_BF, m_B):
        return obs_BF[:, 0] > 2


def fit(env, *, steps, seed, progress=None):
    CALLS.append((seed, steps, env.config.step_cost))
    return FixedSegments(1 + seed)
"""


@pytest.fixture(scope="module")
def trm() -> entry.Entry:
    return entry.enter("trm", tracks=["hidden"])


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(FILE)
    return tmp_path / "mine.py"


def test_an_entry_is_read_as_it_was_written(trm: entry.Entry, tmp_path: Path) -> None:
    entry.write(trm, tmp_path / "trm.json")
    assert entry.read(tmp_path / "trm.json") == json.loads(json.dumps(trm))
    assert (trm["entrant"], trm["kind"], trm["source"], trm["seeds"]) == ("trm", "rule", "", 1)
    found = trm["tracks"]["hidden"]
    assert [row["step_cost"] for row in found["costs"]] == list(COSTS)
    assert [row["budget"] for row in found["budgets"]] == list(BUDGETS)
    assert trm["banks"].keys() == {"hidden-fit", "hidden-test"}


def change_a_value(content: Any) -> None:
    content["tracks"]["hidden"]["costs"][0]["value"][0] += 0.01


def reseal(change: Callable[[Any], None]) -> Callable[[Any], None]:
    def changed(content: Any) -> None:
        change(content)
        content.update(sealed(content))

    return changed


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (change_a_value, "it was changed after it was sealed"),
        (lambda c: c.update(entrant="mine"), "it was changed after it was sealed"),
        (lambda c: c.pop("sha256"), "it is not sealed"),
        (reseal(lambda c: c["banks"].update({"hidden-fit": "0" * 64})), "another hidden-fit"),
        (reseal(lambda c: c["banks"].pop("hidden-test")), "another hidden-test"),
        (
            reseal(lambda c: c["tracks"]["hidden"]["costs"].pop()),
            "must have costs 0.002, 0.01, 0.05",
        ),
        (reseal(lambda c: c["tracks"].update(chess={})), 'no entry "costs"'),
        (reseal(lambda c: c.update(kind="oracle")), "must be one of rule, learner"),
        (reseal(lambda c: c.update(format=2)), '"format" must be a whole number in 1..1'),
    ],
)
def test_an_entry_that_is_not_right_is_refused(
    trm: entry.Entry, change: Callable[[Any], None], said: str, tmp_path: Path
) -> None:
    content = json.loads(json.dumps(trm))
    change(content)
    (tmp_path / "it.json").write_text(json.dumps(content))
    with pytest.raises(ValueError) as why:
        entry.read(tmp_path / "it.json")
    assert said in str(why.value) and len(str(why.value).splitlines()) == 1
    assert "it.json" in str(why.value) and entry.AGAIN in str(why.value)


def test_a_rule_repeats_and_a_forged_entry_does_not(trm: entry.Entry, tmp_path: Path) -> None:
    entry.write(trm, tmp_path / "trm.json")
    assert entry.check("trm", tmp_path / "trm.json") == 0
    forged = copy.deepcopy(trm)
    change_a_value(forged)
    entry.write(sealed(forged), tmp_path / "forged.json")
    with pytest.raises(ValueError, match=r"does not repeat \(a figure differs by 0.0100\)"):
        entry.check("trm", tmp_path / "forged.json")
    with pytest.raises(ValueError, match=r"is no entry of this \(it is of trm"):
        entry.check("q", tmp_path / "trm.json")


def test_a_rule_of_ones_own_is_named_by_its_file_and_signed_by_its_bytes(mine: Path) -> None:
    for what in ("Sure", "KNOBS"):
        found = entry.enter(f"{mine}:{what}", tracks=["hidden"])
        assert (found["entrant"], found["kind"]) == (f"mine.py:{what}", "rule")
        assert found["source"] == hashlib.sha256(mine.read_bytes()).hexdigest()
    assert str(mine.parent) not in json.dumps(found)


def test_a_learner_is_fitted_for_every_cost_and_seed(mine: Path) -> None:
    found = entry.enter(f"{mine}:fit", tracks=["hidden"], seeds=2, steps=7)
    assert (found["kind"], found["seeds"], found["steps"]) == ("learner", 2, 7)
    calls = entry.plugin(f"{mine}:CALLS")
    assert sorted(calls) == [(seed, 7, cost) for seed in (0, 1) for cost in COSTS]


def test_what_a_bank_does_not_show_leaves_a_rule_out() -> None:
    said: list[str] = []
    with pytest.raises(ValueError, match="no bank of hidden holds what stable sees"):
        entry.enter("stable", tracks=["hidden"], said=said.append)
    assert said == ["hidden: left out, its bank lacks what stable sees"]


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("stabel", {}, 'did you mean "stable"'),
        ("nothing-like-it", {}, "name one that ships"),
        ("q", {"tracks": ["chess"]}, "tracks must be one of"),
        ("q", {"seeds": 0}, "seeds must be a whole number >= 1"),
    ],
)
def test_mistakes_get_one_sentence(name: str, given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said) as why:
        entry.enter(name, **given)
    assert len(str(why.value).splitlines()) == 1


# --- the scoreboard -------------------------------------------------------------------------------


def made_up(name: str, **scores: float) -> entry.Entry:
    """An entry with these scores, one a track."""
    row = {figure: [0.5, 0.4, 0.6] for figure in ("value", "regret_snell", "accuracy", "segments")}
    tracks = {
        track: {
            "costs": [
                {
                    "step_cost": cost,
                    "gain": [score / 2],
                    "regret_prophet": [(1 - score) / 2, None, None],
                    **row,
                }
                for cost in COSTS
            ],
            "budgets": [
                {"budget": budget, "accuracy": [0.5, 0.4, 0.6], "segments": [2.0, 2.0, 2.0]}
                for budget in BUDGETS
            ],
            "area": [0.5, None, None],
        }
        for track, score in scores.items()
    }
    return {"entrant": name, "kind": "rule", "seeds": 1, "tracks": tracks}


def test_the_best_stands_first_and_what_is_not_played_counts_as_nothing() -> None:
    low, high = made_up("low", **dict.fromkeys(TRACKS, 0.3)), made_up("high", hidden=0.8, maze8=0.6)
    assert board.overall(low) == pytest.approx(0.3)
    assert board.overall(high) == pytest.approx(1.4 / 4)
    assert [one["entrant"] for one in board.ranked([low, high])] == ["high", "low"]
    lines = board.markdown([low, high]).splitlines()
    assert lines[0] == "| entry | kind | seeds | sudoku9 | maze8 | arc6 | hidden | mean |"
    assert lines[2] == "| `high` | rule | 1 | - | 0.600 | - | 0.800 | 0.350 |"
    assert lines[3] == "| `low` | rule | 1 | 0.300 | 0.300 | 0.300 | 0.300 | 0.300 |"


def test_a_cost_with_little_to_gain_counts_for_little() -> None:
    """Gains of 0.1 of 0.2, 0.1 of 0.2 and -0.01 of 0.001: 0.19 of 0.401, where the mean of shares is -3."""
    entry = made_up("it", hidden=0.0)
    for row, gain, most in zip(
        entry["tracks"]["hidden"]["costs"], (0.1, 0.1, -0.01), (0.2, 0.2, 0.001), strict=True
    ):
        row["gain"], row["regret_prophet"] = [gain], [most - gain]
    assert board.score_on(entry, "hidden") == pytest.approx(0.19 / 0.401)
    assert board.score_on(entry, "maze8") == 0


def test_each_track_has_its_own_order_and_half_widths() -> None:
    a, b = made_up("a", arc6=0.1, maze8=0.9), made_up("b", arc6=0.2)
    text = board.markdown([a, b])
    _, arc = text.split("### arc6")
    assert arc.index("`b`") < arc.index("`a`") and "### hidden" not in text
    assert "| `b` | 0.500 ± 0.100 |" in arc and " 50.0 ± 10.0 |" in arc and "| 0.500 |" in arc


def test_a_folder_without_entries_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no entries"):
        board.read_all(tmp_path)
