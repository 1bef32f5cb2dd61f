"""What a file of one's own must hold for each use: the right thing works, the wrong one is one sentence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import hrm_rl
from hrm_rl.banks.synthetic import bank_a
from hrm_rl.puzzles.kinds import KINDS
from hrm_rl.puzzles.source import source, splits
from hrm_rl.training.config import TrainConfig
from hrm_rl.training.joint import inference_rule, joint_learner
from hrm_rl.training.presets import preset

MINE = """
import hrm_rl
from dataclasses import dataclass
from hrm_rl.puzzles import load
from hrm_rl.training.joint.schedules import Fixed

class Late:
    observation = "o"
    def __call__(self, obs_BF, m_B):
        return m_B >= 3

late = Late()

class Blind:
    def __call__(self, obs_BF, m_B):
        return m_B >= 3

number = 3

def fit(env, *, steps, seed, progress=None, knob=0):
    return (env, steps, seed, knob)

class Two(Fixed):
    inference = "fixed-2"
    def __init__(self, config):
        super().__init__(min(2, config.max_segments))

def nothing(config=None):
    return None

def tiny():
    return hrm_rl.PRESETS["sudoku4"]()

def few(split):
    return load("sudoku4", split).sample(3)
"""


@pytest.fixture
def mine(tmp_path: Path) -> Callable[[str], str]:
    (tmp_path / "mine.py").write_text(MINE)
    return lambda name: f"{tmp_path / 'mine.py'}:{name}"


def test_a_rule_is_a_policy_or_makes_one(mine: Callable[[str], str]) -> None:
    for name in ("Late", "late"):
        assert hrm_rl.play(bank_a(5, 4), hrm_rl.rule(mine(name))).segment_P.tolist() == [3] * 5


def test_a_learner_takes_its_settings(mine: Callable[[str], str]) -> None:
    found: Any = hrm_rl.learner(mine("fit"), knob=4)("env", steps=2, seed=1)
    assert found == ("env", 2, 1, 4)


def test_a_halting_learner_is_made_of_the_config(mine: Callable[[str], str]) -> None:
    config = replace(hrm_rl.PRESETS["sudoku4"](), halting=mine("Two"))
    assert joint_learner(config).segments == 2
    assert joint_learner(replace(config, max_segments=1)).segments == 1
    assert inference_rule(config.halting) == "fixed-2"


def test_a_config_that_is_read_runs_nothing(tmp_path: Path) -> None:
    (tmp_path / "evil.py").write_text("raise SystemExit('run')")
    config = replace(hrm_rl.PRESETS["sudoku4"](), halting=f"{tmp_path / 'evil.py'}:Joint")
    assert TrainConfig.from_json(config.to_json()) == config
    with pytest.raises(ValueError, match="SystemExit: run"):
        joint_learner(config)


def test_a_preset_and_puzzles(mine: Callable[[str], str]) -> None:
    assert preset(mine("tiny")) == hrm_rl.PRESETS["sudoku4"]()
    assert len(source(mine("few"), "test")) == 3 and splits(mine("few")) == ("train", "test", "fit")
    with pytest.raises(ValueError, match="split must be one of train, test, fit"):
        source(mine("few"), "tset")


def test_kinds_are_no_files() -> None:
    assert all(not source_is_own(f"{kind}:x") for kind in (*KINDS, "minimal", "arc12x7"))


def source_is_own(name: str) -> bool:
    from hrm_rl.puzzles.source import is_own

    return is_own(name)


@pytest.mark.parametrize(
    ("use", "name", "said"),
    [
        (
            hrm_rl.rule,
            "Blind",
            "no halting rule: it says what it sees by an attribute `observation`",
        ),
        (hrm_rl.rule, "nothing", "no halting rule: it must be called with what is seen"),
        (hrm_rl.rule, "number", "must be a function or a class, got 3"),
        (hrm_rl.rule, "lat", 'has no "lat"; did you mean "late"'),
        (hrm_rl.learner, "number", "no learner: it must be a function of"),
        (hrm_rl.learner, "tiny", "no learner: it must be a function of"),
        (lambda name: hrm_rl.learner(name, knbo=1), "fit", 'did you mean "knob"'),
        (
            lambda name: joint_learner(config(name)),
            "nothing",
            "no halting learner: it has no explores",
        ),
        (lambda name: joint_learner(config(name)), "tiny", "tiny failed: TypeError"),
        (preset, "nothing", "must return a TrainConfig, got None"),
        (source, "nothing", "must return a PuzzleSet of one puzzle or more, got None"),
    ],
)
def test_mistakes_are_one_sentence(
    use: Callable[[str], Any], name: str, said: str, mine: Callable[[str], str]
) -> None:
    with pytest.raises(ValueError, match=said) as error:
        use(mine(name))
    assert len(str(error.value).splitlines()) == 1


def config(halting: str) -> TrainConfig:
    return replace(hrm_rl.PRESETS["sudoku4"](), halting=halting)
