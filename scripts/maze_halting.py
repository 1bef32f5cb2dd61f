"""What halting at Q_halt > 0.5 costs on mazes, against always running 16 segments, and why.

    python scripts/maze_halting.py                     # the weights that ship; half a minute of one core
    python scripts/maze_halting.py --checkpoint runs/maze8

Suffixes: M segments, P puzzles.
"""

import argparse

import numpy as np
import torch
from maze_laws import ways
from torch import Tensor
from weights_card import share, valid

from hrm_rl.agents.rules import rule
from hrm_rl.banks.bank import Bank, log_bank, play
from hrm_rl.models.checkpoint import load_model
from hrm_rl.puzzles import PuzzleError, PuzzleSet, task_of
from hrm_rl.puzzles.maze.rules import Maze
from hrm_rl.puzzles.source import source
from hrm_rl.statistics.calibration import calibration

LIMIT = 16
THRESHOLDS = (0.5, 0.7, 0.9, 0.95, 0.99)


def several(puzzles: PuzzleSet) -> Tensor:
    """Bool (P,): there is more than one shortest way."""
    side = round(puzzles.inputs_PL.shape[1] ** 0.5)
    return torch.tensor([ways(maze_L, side) > 1 for maze_L in puzzles.inputs_PL])


def halted(bank: Bank, threshold: float) -> Tensor:
    """(P,) segments at which Q_halt exceeds the threshold, `LIMIT` at the latest."""
    return play(bank, rule(f"trm-{threshold}")).segment_P


def rules_table(bank: Bank, valid_MP: Tensor) -> list[str]:
    """Each threshold beside always `LIMIT`: both verdicts, segments, and what changed in between."""
    lines = [
        "| halting | exact | right by the rules | mean segments | lost: right at 16 only "
        "| won: right there only |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    at = {f"Q_halt > {t}": halted(bank, t) for t in THRESHOLDS}
    at["Q_halt > Q_continue"] = play(bank, rule("q")).segment_P
    at[f"always {LIMIT}"] = torch.full((len(bank),), LIMIT)
    for title, segment_P in at.items():
        exact_P, valid_P = (
            r.gather(0, segment_P[None] - 1)[0] for r in (bank.correct_MP, valid_MP)
        )
        last_P = valid_MP[LIMIT - 1]
        changes = (share(~valid_P & last_P), share(valid_P & ~last_P))
        lines.append(
            f"| {title} | {share(exact_P):.1%} | {share(valid_P):.1%} | "
            f"{float(segment_P.double().mean()):.2f} | {changes[0]:.1%} | {changes[1]:.1%} |"
        )
    return lines


def ways_table(bank: Bank, valid_MP: Tensor, several_P: Tensor) -> list[str]:
    """Whether it is several right answers that cost: mazes with one shortest way, and with more."""
    segment_P = halted(bank, THRESHOLDS[0])
    valid_P = valid_MP.gather(0, segment_P[None] - 1)[0]
    q_P = bank.columns["scalars"][LIMIT - 1, :, 0].double().sigmoid()
    unsure_P = (q_P > 0.1) & (q_P < 0.9)
    lines = [
        "| shortest ways | mazes | halted early | right by the rules at Q_halt > 0.5 | at 16 | lost "
        "| Q_halt within 0.1 .. 0.9 at 16 |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for title, part_P in (("one", ~several_P), ("several", several_P)):
        here, last = share(valid_P[part_P]), share(valid_MP[LIMIT - 1][part_P])
        early = share(segment_P[part_P] < LIMIT)
        lines.append(
            f"| {title} | {int(part_P.sum())} | {early:.1%} | {here:.1%} | {last:.1%} "
            f"| {100 * (last - here):+.1f} | {share(unsure_P[part_P]):.1%} |"
        )
    return lines


def trust_table(bank: Bank, valid_MP: Tensor) -> list[str]:
    """Whether it is calibration: what Q_halt says where it halts, and how often that is so."""
    segment_P = halted(bank, THRESHOLDS[0])
    q_MP = bank.columns["scalars"][:, :, 0].double().sigmoid()
    at_P = q_MP.gather(0, segment_P[None] - 1)[0]
    early_P = segment_P < LIMIT
    lines = ["| Q_halt | says | exact | right by the rules | AUROC (rules) | ECE (rules) |"]
    lines.append("| --- | --- | --- | --- | --- | --- |")
    rows = {"where it halted early": (at_P[early_P], segment_P[early_P] - 1, early_P)}
    everyone_P = torch.ones_like(early_P)
    for m in (2, 4, 8, LIMIT):
        rows[f"after segment {m}, all mazes"] = (
            q_MP[m - 1],
            torch.full_like(segment_P, m - 1),
            everyone_P,
        )
    for title, (q_P, index_P, part_P) in rows.items():
        exact_P, valid_P = (
            r[:, part_P].gather(0, index_P[None])[0] for r in (bank.correct_MP, valid_MP)
        )
        c = calibration(q_P.numpy(), np.asarray(valid_P))
        lines.append(
            f"| {title} | {share(q_P):.1%} | {share(exact_P):.1%} | {share(valid_P):.1%} "
            f"| {c.auroc:.3f} | {c.ece:.3f} |"
        )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--checkpoint", default="maze8", help="default: %(default)s")
    parser.add_argument("--puzzles", help="default: the test split of what it reads")
    options = parser.parse_args()
    torch.set_num_threads(1)
    try:
        model, _ = load_model(options.checkpoint)
        puzzles = source(options.puzzles or model.config.task, "test")
        if not isinstance(task_of(puzzles.task), Maze):
            raise PuzzleError(f"the puzzles must be mazes, got {puzzles.task}")
        bank = log_bank(model, puzzles, LIMIT, batch_size=64)
    except ValueError as error:
        parser.error(str(error))
    valid_MP = valid(bank, puzzles)
    tables = (
        rules_table(bank, valid_MP),
        ways_table(bank, valid_MP, several(puzzles)),
        trust_table(bank, valid_MP),
    )
    print(f"{options.checkpoint}, {len(puzzles)} mazes\n")
    print("\n\n".join("\n".join(lines) for lines in tables))


if __name__ == "__main__":
    main()
