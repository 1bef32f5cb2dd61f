"""The card of a halting policy that ships, as Markdown: what it sees, how it was fitted, what it scores."""

from __future__ import annotations

import re
from pathlib import Path

from hrm_rl.agents.comparison.rows import Row
from hrm_rl.agents.comparison.score import score
from hrm_rl.agents.networks import layers_of
from hrm_rl.agents.trained import Saved, check_fits, read_saved
from hrm_rl.banks.files import read_bank
from hrm_rl.banks.header import SHIPPED as BANKS

COSTS = (0.002, 0.01, 0.05)
FITTED = re.compile(r"^CPU time of the fit: (.*)\.$", re.MULTILINE)
"""Not in the policy's file: a card that is written anew takes it from the one before."""
UNKNOWN = "not kept"
SCORED = """\
The policy is the same in every row: it was fitted at one step cost, and the other rows say how far
that carries. In brackets are 95 % intervals over puzzles. The gain is over the best fixed number of
segments, found on the fit bank."""
LIMITS = """\
- One fit, of one seed; nothing was chosen among several. The intervals do not hold what another seed
  would change.
- It is refused on segments of other weights than {weights}, which it was fitted on; of the banks that
  ship on {refused}.
- It is refused with another limit than {limit} segments: it sees the segment number as a share of it.
- Its puzzles are those of `{model}-fit`. Of a harder or an easier mixture it says nothing."""


def write_card(path: Path, taken: str = "") -> Path:
    """Write the card beside a policy's file; `taken` says what the fit took, as in "7 s of one core"."""
    there = path.with_suffix(".md")
    before = FITTED.search(there.read_text(encoding="utf-8")) if there.exists() else None
    there.write_text(card(path, taken or (before[1] if before else UNKNOWN)), encoding="utf-8")
    return there


def card(path: Path, taken: str) -> str:
    """What is known of a policy's file, and what it scores on the test bank of its model."""
    saved, (model, _, learnt) = read_saved(path), path.stem.partition("-")
    refused = refused_on(path, saved.max_segments)
    parts = [
        f"# {path.stem}",
        f"A policy that halts `{model}`. It stands wherever a rule is named: `hrm-rl score {path.stem}`.",
        f"Fitted by `python scripts/ship_policies.py {learnt}`: {saved.about}.",
        f"CPU time of the fit: {taken}.",
        _table(_facts(path, saved)),
        f"## Score on {model}-test",
        _scores(path, model),
        SCORED,
        "## Limits",
        LIMITS.format(
            model=model,
            weights=saved.weights[:12],
            refused=", ".join(f"`{name}`" for name in refused),
            limit=saved.max_segments,
        ),
    ]
    return "\n\n".join(parts) + "\n"


def refused_on(path: Path, max_segments: int) -> list[str]:
    """The banks that ship whose segments the policy does not take."""
    found = []
    for folder in sorted(file.parent.name for file in BANKS.glob("*/bank.json")):
        try:
            check_fits(path, read_bank(folder), max_segments)
        except ValueError:
            found.append(folder)
    return found


def _facts(path: Path, saved: Saved) -> list[list[str]]:
    network = saved.policy.network  # type: ignore[attr-defined]
    numbers = sum(parameter.numel() for parameter in network.parameters())
    seen = saved.policy.observation
    timed = " and the segment number" if getattr(saved.policy, "time_aware", True) else ""
    return [
        ["", ""],
        ["---", "---"],
        ["class", f"`{type(saved.policy).__name__}`"],
        ["sees", f"`{seen}`{timed}: {saved.features} numbers after every segment"],
        ["network", f"{', '.join(layers_of(network))}: {numbers:,} parameters"],
        ["limit", f"{saved.max_segments} segments"],
        ["file", f"{path.stat().st_size:,} bytes"],
    ]


def _scores(path: Path, model: str) -> str:
    head = ["step cost", "right at halting", "mean segments", "value", "gain"]
    rows = [_row(cost, score(path, f"{model}-test", step_cost=cost)) for cost in COSTS]
    return _table([head, ["---"] * len(head), *rows])


def _row(cost: float, row: Row) -> list[str]:
    value, gain, right = row.value[cost], row.gain[cost], row.accuracy
    return [
        f"{cost:g}",
        f"{100 * right.mean:.1f} % [{100 * right.low:.1f}, {100 * right.high:.1f}]",
        f"{row.segments.mean:.2f} [{row.segments.low:.2f}, {row.segments.high:.2f}]",
        f"{value.mean:.3f} [{value.low:.3f}, {value.high:.3f}]",
        f"{gain.mean:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]",
    ]


def _table(rows: list[list[str]]) -> str:
    return "\n".join("| " + " | ".join(cells) + " |" for cells in rows)
