"""scripts/make_extreme.py: goes on where it was stopped, bit for bit; bad input is told in a sentence."""

import sys
from pathlib import Path

import numpy as np
import pytest
from loading import module_of

from hrm_rl.puzzles.sudoku import families, packed

SCRIPT = Path(__file__).parents[2] / "scripts" / "make_extreme.py"


@pytest.fixture
def script(monkeypatch, tmp_path):
    """The script as a module; `script.run(arguments)` is its command line, for 250 of file1."""
    module = module_of("make_extreme")

    def run(*arguments, out="out.npy", count=250):
        told = ["make_extreme.py", str(tmp_path / out), "--kind", "file1", "--count", str(count)]
        monkeypatch.setattr(sys, "argv", [*told, *arguments])
        module.main()

    module.run = run
    return module


def test_a_stopped_run_goes_on_and_ends_in_the_same_bytes(script, tmp_path, monkeypatch, capsys):
    script.run(out="whole.npy")
    whole, block, asked = (tmp_path / "whole.npy").read_bytes(), families.block, []

    def stopping(name, number, seed):
        asked.append(number)
        if asked == [0, 1]:
            raise KeyboardInterrupt
        return block(name, number, seed)

    monkeypatch.setattr(families, "block", stopping)
    with pytest.raises(SystemExit) as stop:
        script.run()
    assert stop.value.code == 130 and "the same command goes on" in capsys.readouterr().err
    there = packed.read(tmp_path / "out.npy")
    assert 0 < len(there) < 250
    script.run()
    assert asked == [0, 1, 1, 2]
    assert (tmp_path / "out.npy").read_bytes() == whole


def test_it_makes_the_puzzles_of_the_name(script, tmp_path):
    script.run(count=60)
    made, named = packed.read(tmp_path / "out.npy"), families.make("file1", 60, seed=2)
    assert np.array_equal(made.inputs_PL, named.inputs_PL)
    assert np.array_equal(made.ratings_P, named.ratings_P)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--count", "0"], "--count must be a whole number in 1..10000000, got 0"),
        (["--seed", "-1"], "--seed must be a whole number in 0..4294967295, got -1"),
    ],
)
def test_bad_arguments_are_told(script, capsys, arguments, reason):
    with pytest.raises(SystemExit):
        script.run(*arguments)
    assert reason in capsys.readouterr().err


def test_out_is_a_packed_file_and_damage_to_a_part_is_told(script, tmp_path, capsys):
    with pytest.raises(SystemExit):
        script.run(out="out.csv")
    assert "OUT must end in .npy, got" in capsys.readouterr().err
    script.run(count=20)
    (part,) = (tmp_path / "out.npy.parts").iterdir()
    part.write_bytes(part.read_bytes()[:-7])
    with pytest.raises(SystemExit):
        script.run(count=20)
    assert "it is cut short" in capsys.readouterr().err
