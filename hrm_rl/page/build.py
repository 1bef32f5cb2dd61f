"""The page to play on: a model, puzzles, and the policies that play them too."""

from __future__ import annotations

from typing import Any

from hrm_rl.agents.comparison.pairs import is_bank, logged_banks, read_banks
from hrm_rl.banks.bank import Bank
from hrm_rl.banks.files import find_bank, read_bank
from hrm_rl.models import Model
from hrm_rl.page.html import data, filled, template
from hrm_rl.page.rounds import Player, players, shown_puzzles
from hrm_rl.page.weights import check_playable, packed
from hrm_rl.puzzles.kinds import task_for
from hrm_rl.puzzles.source import for_model
from hrm_rl.puzzles.sudoku.rules import Sudoku


def page(
    model: Model,
    fit: Bank,
    test: Bank,
    *,
    name: str,
    learned: str = "ppo",
    steps: int = 50_000,
    seed: int = 0,
    step_cost: float = 0.02,
) -> str:
    """The page of a model, as the text of an HTML file.

    Args:
        fit: what the other policies are fitted on, of one segment more than `test`.
        test: the puzzles that are played, with as many segments as a puzzle may have.
        name: of the model.
        learned: the learner beside the player.
        step_cost: what each segment after the first costs, to the player and to the policies.

    Raises:
        ValueError: a model that the page cannot run (`weights.check_playable`), no such learner, or
            a number out of range.
    """
    content = packed(model)
    beside = players(fit, test, learned=learned, steps=steps, seed=seed, step_cost=step_cost)
    game = task_for(check_playable(model))
    assert isinstance(game, Sudoku)
    facts = {
        "about": _about(name, model, len(test)),
        "game": {"size": game.size, "boxRows": game.box_rows, "boxColumns": game.box_cols},
        "maxSegments": test.max_segments,
        "stepCost": step_cost,
        "policies": [_shown(one, step_cost) for one in beside],
        "puzzles": shown_puzzles(test, game, beside),
        "model": content,
    }
    parts = {name: template(f"{name}.js") for name in ("model", "game", "play")}
    return filled("page.html", {"style": template("page.css"), "data": data(facts), **parts})


def _shown(player: Player, step_cost: float) -> dict[str, Any]:
    value = float(player.halted.value_P(step_cost).mean())
    return {"name": player.name, "note": player.note, "mean": value}


def _about(name: str, model: Model, puzzles: int) -> str:
    count = sum(weight.numel() for weight in model.parameters())
    return (
        f"The network is {name}, {type(model).__name__} of {count / 1e6:.2f} million parameters, "
        "its weights in half precision and its forward pass in plain JavaScript. You play on "
        f"{puzzles:,} test puzzles that neither it nor the other policies were fitted on; their halts "
        "are from the logged segments of the same network."
    )


def banks_for(
    model: Model, checkpoint: str, banks: tuple[str, str], max_segments: int, limit: int
) -> tuple[Bank, Bank]:
    """To fit on and to play: the banks of these names, the shipped ones of a checkpoint, or logged now.

    Raises:
        ValueError: only one is named, or one that is of another model.
    """
    if not any(banks) and is_bank(f"{checkpoint}-test"):
        banks = (f"{checkpoint}-fit", f"{checkpoint}-test")
    if any(banks):
        if not all(banks):
            raise ValueError(
                f"one bank was named, {banks[0] or banks[1]!r}, and two are needed: one that "
                "policies are fitted on and one that is played; give --fit-bank and --test-bank"
            )
        for bank, split in zip(banks, ("fit", "test"), strict=True):
            read_bank(find_bank(bank, split), model, max_segments=max_segments, verify=False)
        fit, test = read_banks(*banks, max_segments, limit)
    else:
        to_fit, to_play = (for_model(model.config, "", split, limit) for split in ("fit", "test"))
        fit, test = logged_banks(model, to_fit, to_play, max_segments)
    return fit.first(min(fit.max_segments, max_segments + 1)), test.first(max_segments)
