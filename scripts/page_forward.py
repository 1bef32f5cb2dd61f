"""The page's forward pass against torch and a bank, and what it costs: needs node.

    python scripts/page_forward.py [CHECKPOINT] [--bank sudoku9-test] [--count 25] [--segments 16]

Prints how far logits and Q are from torch's with the same half-precision weights, how far torch's own are
in single from double precision, in how many segments the answer is another than in the bank, and the
CPU time of a segment in node.

Shapes: M segments, P puzzles, T tokens, V vocabulary.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from copy import deepcopy
from typing import Any

import torch

from hrm_rl.banks.files import find_bank, read_bank
from hrm_rl.models.checkpoint import load_model
from hrm_rl.page.html import template
from hrm_rl.page.weights import packed

PROGRAM = """
    const value = JSON.parse(require("fs").readFileSync(0));
    const thinker = new Thinker(value.packed), started = process.cpuUsage();
    const shown = value.tokens.map((tokens) => {
        thinker.deal(tokens);
        return Array.from({ length: value.segments }, () => {
            const { logits, q } = thinker.segment();
            return { logits: Array.from(logits), q };
        });
    });
    const { user, system } = process.cpuUsage(started);
    console.log(JSON.stringify({ shown, ms: (user + system) / 1000 }));
"""


def by_node(value: dict[str, Any]) -> dict[str, Any]:
    """What the page's JavaScript makes of the model and the puzzles."""
    program = template("model.js") + PROGRAM
    said = subprocess.run(
        ["node", "-e", program], input=json.dumps(value), capture_output=True, text=True, check=True
    )
    found: dict[str, Any] = json.loads(said.stdout)
    return found


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", nargs="?", default="sudoku9")
    parser.add_argument("--bank", default="sudoku9-test")
    parser.add_argument("--count", type=int, default=25)
    parser.add_argument("--segments", type=int, default=16)
    args = parser.parse_args()
    model, _ = load_model(args.checkpoint)
    bank = read_bank(find_bank(args.bank, "test"), model, max_segments=args.segments)
    assert bank.puzzles is not None
    index = torch.linspace(0, len(bank) - 1, args.count).round().long().tolist()
    tokens = bank.puzzles.take(index).inputs_PL
    asked = {"packed": packed(model), "tokens": tokens.tolist(), "segments": args.segments}
    found = by_node(asked)
    for tensor in model.state_dict().values():
        tensor.copy_(tensor.half())
    exact, zeros_P = deepcopy(model).double(), torch.zeros(args.count, dtype=torch.long)
    x_PT = torch.from_numpy(tokens).long()
    carry, exact_carry = (one.initial(args.count) for one in (model, exact))
    rows_PE, exact_rows_PE = (one.puzzle_rows(zeros_P) for one in (model, exact))
    others = 0
    for m in range(args.segments):
        carry, output = model.segment(carry, x_PT, rows_PE)
        shown = [puzzle[m] for puzzle in found["shown"]]
        logits_PTV = torch.tensor([one["logits"] for one in shown]).view_as(output.logits)
        q_P2 = torch.tensor([one["q"] for one in shown])
        exact_carry, precise = exact.segment(exact_carry, x_PT, exact_rows_PE)
        pairs = (
            (logits_PTV, output.logits),
            (q_P2, output.q),
            (output.logits, precise.logits),
        )
        apart = [float((a - b).abs().max()) for a, b in pairs]
        others += int((logits_PTV.argmax(-1) != bank.predictions_MPT[m, index]).any(-1).sum())
        print(
            f"segment {m + 1:2}: logits within {apart[0]:.1e}, Q within {apart[1]:.1e}; "
            f"torch's logits within {apart[2]:.1e} of double precision"
        )
    total = args.count * args.segments
    print(f"{others} of {total} answers are not the bank's; {found['ms'] / total:.1f} ms a segment")


if __name__ == "__main__":
    main()
