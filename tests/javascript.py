"""The page's JavaScript, run by node or by a browser, where one is installed."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from hrm_rl.models import Model
from hrm_rl.puzzles import PuzzleSet

FILES = Path(__file__).resolve().parents[1] / "hrm_rl" / "page" / "files"
NODE, CHROMIUM = shutil.which("node"), shutil.which("chromium")
needs_node = pytest.mark.skipif(NODE is None, reason="node is not installed (apt install nodejs)")


def ask(file: str, code: str, value: Any) -> Any:
    """What a function body returns of `value`, given a file of the page as `page`."""
    assert NODE is not None
    program = (
        f"const page = require({json.dumps(str(FILES / file))});"
        "const value = JSON.parse(require('fs').readFileSync(0));"
        f"console.log(JSON.stringify((() => {{ {code} }})()));"
    )
    outcome = subprocess.run(
        [NODE, "-e", program], input=json.dumps(value), capture_output=True, text=True, check=False
    )
    assert outcome.returncode == 0, outcome.stderr
    return json.loads(outcome.stdout)


@torch.no_grad()
def thoughts(model: Model, puzzles: PuzzleSet, segments: int) -> tuple[Tensor, Tensor]:
    """Logits (M, P, T, V) and Q (M, P, 2) of every puzzle, one segment after the other."""
    x_PT = torch.from_numpy(puzzles.inputs_PL).long()
    carry = model.initial(len(puzzles))
    rows_PE = model.puzzle_rows(torch.zeros(len(puzzles), dtype=torch.long))
    shown = []
    for _ in range(segments):
        carry, output = model.segment(carry, x_PT, rows_PE)
        shown.append(output)
    return torch.stack([one.logits for one in shown]), torch.stack([one.q for one in shown])


def halved(model: Model) -> Model:
    """The model with its weights rounded to half precision, as a page holds them."""
    for tensor in model.state_dict().values():
        tensor.copy_(tensor.half())
    return model
