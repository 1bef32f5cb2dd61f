"""What is asked of an environment is checked where it comes in: contradictions, numbers, names, objects."""

import dataclasses
import inspect
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.wrappers.vector import RecordEpisodeStatistics
from scripted import PUZZLES, Scripted, tiny_hrm
from tiny import ATTENTION, talkative

from hrm_rl.agents.learners import LEARNERS
from hrm_rl.agents.learners.protocol import play_on
from hrm_rl.agents.sb3 import SB3VecEnv
from hrm_rl.banks.bank import log_bank
from hrm_rl.banks.files import log_to
from hrm_rl.envs.arguments import HaltingArguments, TrainingArguments
from hrm_rl.envs.config import HaltingConfig
from hrm_rl.envs.halting import HaltingEnv
from hrm_rl.envs.training import TrainingVectorEnv
from hrm_rl.envs.training_engine import MEANINGLESS
from hrm_rl.envs.vector import HaltingVectorEnv
from hrm_rl.models.checkpoint import save_model
from hrm_rl.training.config import TrainConfig

BANK = log_bank(Scripted(), PUZZLES, 6)
ON_BANK: dict[str, Any] = {"bank": BANK, "max_segments": 4}


def refused(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


# --- numbers and names ----------------------------------------------------------------------------

NUMBERS = [
    ("max_segments", [4.5, 1, 0, -3, True, "4", None, 10**9, float("nan")]),
    ("step_cost", [float("nan"), float("inf"), -0.1, "0.1", None, True]),
    ("min_segments", [0, 5, -1, 1.5, "2", None, True]),
    ("time_aware", [2, 0, 1.0, "no", None]),
    ("observation", ["scalar", 3, None, ["q"], ""]),
    ("reward", ["exat", 1, None, ""]),
    ("device", ["cuda:99", "banana", "", None, 0]),
    ("split", ["banana", 3, None, ""]),
    ("task", ["banana", "sudoku"[:3]]),
]


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in NUMBERS for value in values]
)
def test_wrong_values_are_refused_in_one_sentence_that_names_the_argument(
    name: str, value: Any
) -> None:
    word = {"observation": "observation|logged with", "task": "a task is named"}.get(name, name)
    for make in (HaltingEnv, HaltingVectorEnv):
        refused(lambda make=make: make(**ON_BANK | {name: value}), word)


@pytest.mark.parametrize("number", [0, -1, 2.5, True, "3", None, 10**7, 10**30])
def test_num_envs_is_a_number_of_slots_that_there_can_be(number: Any) -> None:
    refused(
        lambda: HaltingVectorEnv(number, **ON_BANK), "num_envs must be a whole number in 1[.][.]"
    )
    refused(lambda: TrainingVectorEnv(number), "num_envs must be a whole number in 1[.][.]")


def test_more_slots_than_fit_in_the_memory_are_refused_before_they_fill_it() -> None:
    model = talkative(dataclasses.replace(ATTENTION, width=512))
    refused(
        lambda: HaltingVectorEnv(2**20, model=model, puzzles=PUZZLES),  # 0.2 TB
        "slots need .* GB of memory, and there are .*; lower num_envs",
    )


@pytest.mark.parametrize("name", ["autoreset_mode", "output", "render_mode"])
@pytest.mark.parametrize("value", ["samestep", "Numpy", 3, ""])
def test_names_of_the_vector_environment(name: str, value: Any) -> None:
    refused(
        lambda: HaltingVectorEnv(2, **ON_BANK | {name: value}), f"{name} must be one of .*, got"
    )


def test_numbers_of_numpy_are_kept_as_pythons() -> None:
    env = HaltingEnv(bank=BANK, max_segments=np.int64(4), step_cost=np.float32(0.5))  # type: ignore[arg-type]
    assert type(env.config.max_segments) is int and type(env.config.step_cost) is float


# --- unknown keywords -----------------------------------------------------------------------------


def test_an_unknown_keyword_is_told_what_was_meant() -> None:
    meant = "unexpected keyword argument 'stepcost'; did you mean \"step_cost\"[?]"
    refused(lambda: gymnasium.make("hrm_rl:HRMSudoku-v0", stepcost=1), meant)
    refused(lambda: gymnasium.make_vec("hrm_rl:HRMSudoku-v0", num_envs=2, stepcost=1), meant)
    refused(lambda: gymnasium.make_vec("hrm_rl:HRMSudokuTrain-v0", stepcost=1), meant)
    refused(lambda: HaltingVectorEnv(2, bnak=BANK), 'did you mean "bank"[?]')  # type: ignore[call-arg]
    refused(lambda: HaltingVectorEnv(2, autoreset="x"), 'did you mean "autoreset_mode"[?]')  # type: ignore[call-arg]
    refused(lambda: HaltingEnv(num_envs=2), "the vector environment's: use gymnasium.make_vec")  # type: ignore[call-arg]
    refused(lambda: HaltingEnv(zzzz=2), "there are render_mode, observation, reward, step_cost")  # type: ignore[call-arg]


def test_the_types_of_the_arguments_are_those_of_the_dataclasses() -> None:
    """Names here, so that mypy and IDEs know them, and defaults and documentation there."""
    fields = {field.name for field in dataclasses.fields(HaltingConfig)}
    assert HaltingArguments.__annotations__.keys() == fields
    for_agents = {field.name for field in dataclasses.fields(TrainConfig)}
    assert TrainingArguments.__annotations__.keys() == for_agents - {"slots", *MEANINGLESS}
    widened = {"checkpoint", "puzzles", "bank", "model"}
    for arguments, config in ((HaltingArguments, HaltingConfig), (TrainingArguments, TrainConfig)):
        given, kept = typing.get_type_hints(arguments), typing.get_type_hints(config)
        for name in given.keys() - widened:
            assert given[name] == kept[name], name
        assert not arguments.__required_keys__


@pytest.mark.parametrize(
    ("env", "config", "own"),
    [
        (HaltingEnv, HaltingConfig, ["render_mode"]),
        (HaltingVectorEnv, HaltingConfig, ["num_envs", "autoreset_mode", "output", "render_mode"]),
        (TrainingVectorEnv, TrainConfig, ["num_envs", "preset", "run", "output", "task"]),
    ],
)
def test_a_signature_lists_every_argument_with_its_default(
    env: Any, config: Any, own: list[str]
) -> None:
    parameters = inspect.signature(env).parameters
    assert {*own} <= parameters.keys()
    assert not any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    for field in dataclasses.fields(config):
        if field.name in ("slots", *MEANINGLESS) and config is TrainConfig:
            assert field.name not in parameters
        elif field.default is not dataclasses.MISSING and field.name not in own:
            assert parameters[field.name].default == field.default


# --- contradictions -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bank of the split "fit" under a name such as banks ship with."""
    folder = tmp_path_factory.mktemp("banks") / "tiny-fit"
    log_to(folder, talkative(), PUZZLES, 6, batch_size=8, split="fit")
    return folder


def test_a_bank_of_another_split_than_asked_for_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hrm_rl.banks.header.SHIPPED", folder.parent)
    for bank in ("tiny-fit", str(folder), folder):
        assert len(HaltingConfig.of(bank=bank).bank or ()) == 8
        assert HaltingConfig.of(bank=bank, split="fit").bank is not None
        refused(
            lambda bank=bank: HaltingEnv(bank=bank, split="test", max_segments=4),
            'holds the split "fit", got split=.test.; leave split out',
        )
    assert HaltingConfig.of(bank="tiny", split="fit").bank is not None
    refused(lambda: HaltingEnv(bank="tiny", split="test"), 'there is no bank "tiny"')
    refused(
        lambda: HaltingEnv(bank="tiny", split="banana"), "split must be one of train, fit, test"
    )


def test_an_id_of_one_task_takes_no_other(tmp_path: Path, folder: Path) -> None:
    save_model(tmp_path / "tiny", tiny_hrm())
    for given in ({"bank": BANK}, {"bank": str(folder)}, {"model": tiny_hrm(), "puzzles": PUZZLES},
                  {"checkpoint": str(tmp_path / "tiny")}):  # fmt: skip
        arguments = given | {"max_segments": 4}
        assert gymnasium.make("hrm_rl:HRMSudoku4x4-v0", **arguments).unwrapped.puzzles is not None
        for make in (gymnasium.make, gymnasium.make_vec):
            refused(
                lambda make=make, a=arguments: make("hrm_rl:HRMMaze-v0", **a),
                "puzzles are of kind maze, the (bank|model) is for sudoku4; take what matches",
            )
    refused(lambda: HaltingEnv(task="sudoku9", **ON_BANK), "are sudoku9, the bank is for sudoku4")
    refused(
        lambda: TrainingVectorEnv(2, preset="queens8", task="sudoku"),
        "kind sudoku, the run's model",
    )


def test_what_is_empty_is_refused_and_nothing_else_is_played_in_its_place() -> None:
    none: dict[str, Any] = {
        "columns": {name: part[:, :0] for name, part in BANK.columns.items()},
        "correct_MP": BANK.correct_MP[:, :0],
        "cells_MP": BANK.cells_MP[:, :0],
        "predictions_MPT": BANK.predictions_MPT[:, :0],
        "rating_P": BANK.rating_P[:0],
        "cluster_P": BANK.cluster_P[:0],
        "puzzles": PUZZLES.take([]),
    }
    refused(lambda: dataclasses.replace(BANK, **none), "at least one segment of one puzzle")
    refused(lambda: HaltingEnv(model=Scripted(), puzzles=PUZZLES.take([])), "puzzles is empty")
    refused(lambda: HaltingEnv(puzzles=PUZZLES.take([]), **ON_BANK), "those of the bank, got 0")
    refused(lambda: play_on(BANK, max_segments=0), "max_segments must be a whole number in 2")


# --- names where objects are wanted, and the other way round --------------------------------------


def test_names_and_objects_are_taken_for_each_other(tmp_path: Path, folder: Path) -> None:
    save_model(tmp_path / "tiny", tiny_hrm())
    name = tmp_path / "tiny.safetensors"
    made = [
        HaltingEnv(model=name, puzzles=PUZZLES),
        HaltingEnv(model=str(name), puzzles=PUZZLES),
        HaltingEnv(checkpoint=tiny_hrm(), puzzles=PUZZLES),
        HaltingEnv(checkpoint=name, puzzles=PUZZLES),
    ]
    first, *others = (env.reset(seed=0)[0] for env in made)
    assert all(np.array_equal(first, other) for other in others)
    assert play_on(folder).config.bank is not None and play_on(str(folder)).num_envs == 64


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"bank": 3}, "bank must be a Bank, or the name or folder of one, got 3"),
        ({"bank": PUZZLES}, "bank must be a Bank, .* got a PuzzleSet"),
        ({"bank": ""}, 'or None, got ""'),
        ({"puzzles": BANK}, "puzzles must be a PuzzleSet, .* got a Bank"),
        ({"puzzles": 3}, "puzzles must be a PuzzleSet, .* got 3"),
        ({"model": BANK}, "model must be a model, or the name or path of one, got a Bank"),
        ({"checkpoint": None}, "checkpoint must be a name or a path, got None"),
        ({"model": "nowhere"}, 'there is no checkpoint "nowhere"'),
    ],
)
def test_objects_of_another_kind_are_refused(arguments: dict[str, Any], message: str) -> None:
    refused(lambda: HaltingEnv(**arguments), message)


def vec(**arguments: Any) -> HaltingVectorEnv:
    return HaltingVectorEnv(2, autoreset_mode="SameStep", **ON_BANK | arguments)


@pytest.mark.parametrize("name", sorted(LEARNERS))
def test_learners_say_what_environment_they_take(name: str) -> None:
    others = {
        "pass env.unwrapped": RecordEpisodeStatistics(vec()),
        "make it with gymnasium.make_vec": HaltingEnv(**ON_BANK),
    }
    for cure, env in others.items():
        refused(
            lambda env=env: LEARNERS[name]()(env, steps=8, seed=0),
            f"HaltingVectorEnv itself.*{cure}",
        )  # type: ignore[arg-type]


def test_sb3_says_what_environment_it_takes() -> None:
    single = gymnasium.make("hrm_rl:HRMSudoku4x4-v0", **ON_BANK)
    for wrong in (single, HaltingEnv(**ON_BANK), "HRMSudoku-v0"):
        refused(
            lambda wrong=wrong: SB3VecEnv(wrong), "takes a vector environment, got a .*make_vec"
        )  # type: ignore[arg-type]
    env = SB3VecEnv(RecordEpisodeStatistics(vec()))
    assert env.reset().shape == (2, vec().single_observation_space.shape[0])
    assert torch.is_grad_enabled()
