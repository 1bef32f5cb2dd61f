"""`hrm-rl page`: one web page to play on, in one file."""

from pathlib import Path

import tyro

from hrm_rl.checks.numbers import whole
from hrm_rl.cli.arguments import Device, output, write_whole


def page(
    checkpoint: tyro.conf.Positional[str] = "sudoku9",
    out: Path = Path("halting.html"),
    learner: str = "ppo",
    steps: int = 50_000,
    seed: int = 0,
    step_cost: float = 0.02,
    max_segments: int = 16,
    fit_bank: str = "",
    test_bank: str = "",
    limit: int = 0,
    device: Device = "auto",
) -> None:
    """Write a web page on which you halt a model: one HTML file that opens from disk, without a network.

    It holds the model's weights and its forward pass in JavaScript, test puzzles, and after which
    segment the paper's rule, a learner, optimal stopping and the prophet halt on each of them. The
    policies are fitted on the fit bank: the shipped one of the checkpoint, one that is named, or one
    that is logged now.

    Args:
        checkpoint: a shipped one, a .safetensors file or a run folder; an HRM or a TRM of Sudoku
        out: the HTML file
        learner: which learner plays beside you: ppo, exact_pg, q ...
        steps: environment steps of the learner
        seed: of the learner
        step_cost: what a segment after the first costs, of 1 for a right answer
        max_segments: forced halt
        fit_bank: fit the policies on this bank of the checkpoint
        test_bank: play the puzzles of this one
        limit: take only so many puzzles, evenly spread over the set or bank (0: all)
        device: where the model runs, if its segments have to be logged
    """
    from hrm_rl.device import resolve_device
    from hrm_rl.models.checkpoint import load_model
    from hrm_rl.page import build
    from hrm_rl.page.rounds import check_players
    from hrm_rl.page.weights import check_playable

    whole("--limit", limit, low=0, cure="0 takes all")
    whole("--max-segments", max_segments, low=2, high=1000)
    check_players(learner, steps, seed, step_cost)
    out = output("--out", out, ".html")
    model, _ = load_model(checkpoint, resolve_device(device))
    check_playable(model)
    fit, test = build.banks_for(model, checkpoint, (fit_bank, test_bank), max_segments, limit)
    text = build.page(
        model, fit, test,
        name=checkpoint, learned=learner, steps=steps, seed=seed, step_cost=step_cost,
    )  # fmt: skip
    write_whole(out, text)
    size = out.stat().st_size / 2**20
    print(f"{out}: {size:.2f} MiB, {len(test)} puzzles; open it in a browser")
