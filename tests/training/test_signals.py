"""Signals: what ends a program saves its run first, and what may not be broken is not."""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
from runs import CONFIG, finish

from hrm_rl.training.run import interruptible, run, steps_done
from hrm_rl.training.signals import STOPPING, unbroken


@pytest.fixture
def handlers() -> Iterator[dict[int, list[int]]]:
    """What a program around the run hears, by handlers of its own."""
    heard: dict[int, list[int]] = {number: [] for number in STOPPING}
    before = {n: signal.signal(n, lambda n, _: heard[n].append(n)) for n in STOPPING}
    yield heard
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_what_ends_a_program_saves_its_run_first_and_then_ends_it(
    number: int, handlers: dict[int, list[int]], tmp_path: Path
) -> None:
    for metrics in run(CONFIG, tmp_path):
        if metrics["step"] == 4:
            signal.raise_signal(number)
            assert not handlers[number], "not yet"
    assert steps_done(tmp_path) == 5 and handlers[number] == [number]


def test_what_is_ignored_stays_ignored(handlers: dict[int, list[int]], tmp_path: Path) -> None:
    """As under nohup."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    for _ in run(CONFIG, tmp_path):
        signal.raise_signal(signal.SIGHUP)
    assert steps_done(tmp_path) == 9
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


@pytest.mark.parametrize("before", [0, 1])
def test_ctrl_c_while_saving_loses_nothing(
    before: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits; one that is not the first interrupts as ever, but once the step is saved."""
    config, put, states = replace(CONFIG, save_every=4), os.replace, itertools.count()

    def pressed(source: Path, target: Path) -> None:
        if target.name == "state.safetensors" and next(states) == before:
            for _ in range(3):
                signal.raise_signal(signal.SIGINT)
        put(source, target)

    monkeypatch.setattr("hrm_rl.models.tensorfile.os.replace", pressed)
    with pytest.raises(KeyboardInterrupt) if before else nullcontext():
        for metrics in run(config, tmp_path):
            if metrics["step"] == 4 and before:
                signal.raise_signal(signal.SIGINT)
    assert steps_done(tmp_path) == 5 and not list(tmp_path.glob(".*"))
    monkeypatch.undo()
    assert finish(config, tmp_path)[-1]["step"] == 9


def test_a_second_ctrl_c_in_mid_step_interrupts_but_not_the_patient() -> None:
    with interruptible(patient=True) as interrupted:
        for number in (signal.SIGINT, signal.SIGINT, signal.SIGTERM):
            signal.raise_signal(number)
        assert interrupted() == signal.SIGINT
    with pytest.raises(KeyboardInterrupt), interruptible(passes_on=False) as interrupted:
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
        assert interrupted() == signal.SIGTERM
        signal.raise_signal(signal.SIGINT)


def test_a_block_within_a_block_hears_the_same() -> None:
    before = signal.getsignal(signal.SIGINT)
    with interruptible() as outer:
        with interruptible() as inner:
            signal.raise_signal(signal.SIGINT)
            assert inner() == signal.SIGINT
        assert outer() == signal.SIGINT
    assert signal.getsignal(signal.SIGINT) is before


def test_what_may_not_be_broken_is_not_and_the_signal_comes_after(
    handlers: dict[int, list[int]],
) -> None:
    with unbroken():
        for number in STOPPING:
            signal.raise_signal(number)
        assert not any(handlers.values())
    assert all(heard == [number] for number, heard in handlers.items())
