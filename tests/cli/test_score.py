"""`hrm-rl score`: the same figures as `hrm_rl.score`, in lines and in JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import hrm_rl
from hrm_rl.cli import main as cli

RULE = """
class Settled:
    observation = "q"

    def __call__(self, obs_BF, m_B):
        return (obs_BF[:, 0] > 0) | (m_B >= 9)
"""


def test_a_rule_of_ones_own_is_scored_on_the_shipped_bank(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.py").write_text(RULE)
    name = f"{tmp_path / 'mine.py'}:Settled"
    assert cli.main(["score", name, "--step-cost", "0.02"]) == 0
    assert capsys.readouterr().out == f"{hrm_rl.score(name, 'sudoku9-test', step_cost=0.02)}\n"
    assert cli.main(["score", name, "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["policies"]
    there = hrm_rl.score(name, "sudoku9-test", step_cost=0.01)
    assert row["accuracy"]["mean"] == there.accuracy.mean
    assert row["gain"]["0.01"]["low"] == there.gain[0.01].low


def test_a_shorter_horizon(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["score", "fixed-16", "--max-segments", "3"]) == 0
    assert "right after 3.00 [3.00, 3.00] segments" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["stabel-2"], 'did you mean "stable"?'),
        (["q", "no-such-bank"], 'no bank "no-such-bank"'),
        (["q", "--max-segments", "-1"], "--max-segments must be a whole number >= 0"),
        (["q", "--max-segments", "99"], "max_segments must be a whole number in 1..17"),
        (["q", "--step-cost", "-1"], "step_cost must be a finite number >= 0"),
        (["mine.py:Rule"], "'mine.py' cannot be read"),
        (["missing.zip"], "missing.zip is no policy that can be read"),
    ],
)
def test_mistakes_get_one_sentence(
    args: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["score", *args]) == 2
    err = capsys.readouterr().err
    assert said in err and len(err.splitlines()) == 1
