"""A comparison to read: its tables and plots in one HTML file."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Final

from hrm_rl.agents.comparison import report
from hrm_rl.agents.comparison.experiment import Comparison
from hrm_rl.agents.comparison.rows import Row
from hrm_rl.page.html import filled, template
from hrm_rl.statistics.comparisons import Interval

CAPTIONS: Final = {
    "pareto": "Accuracy against mean segments, over all knobs",
    "halting": "After which segment policies halt",
    "value": "Value against step cost",
    "reliability": "How reliable Q_halt is",
    "scaling": "More segments than in training",
}
"""What each plot shows, by the name of its file."""


def page(found: Comparison) -> str:
    """The page of a comparison, as the text of an HTML file."""
    cost = found.learn_step_cost
    ever = float(found.test.correct_MP.any(0).double().mean())
    facts = (
        f"{len(found.test):,} test puzzles, policies fitted on {len(found.fit):,} others, at most "
        f"{found.test.max_segments} segments; learners pay {cost:g} for each segment after the first. "
        f"The model is ever right on {100 * ever:.1f} %, which no policy can pass."
    )
    parts = {
        "style": template("page.css"),
        "facts": escape(facts),
        "table": _table(found.rows),
        "details": escape(report.details(found.rows, cost, found.best_m[cost])),
        "pareto": escape(report.pareto(found.areas)),
        "figures": "\n".join(map(_figure, found.pictures)),
    }
    return filled("compare.html", parts)


def _table(rows: Sequence[Row]) -> str:
    costs = list(rows[0].value)
    heads = ["policy", "kind", "seeds", "right %", "segments"]
    heads += [f"value at {cost:g}" for cost in costs if cost]
    best = {c: max(row.value[c].mean for row in rows if row.kind != "oracle") for c in costs}
    lines = ["".join(f'<th scope="col">{head}</th>' for head in heads)]
    for row in rows:
        cells = [escape(row.kind), str(row.seeds), _cell(row.accuracy, 100, 1)]
        cells.append(_cell(row.segments, 1, 2))
        for cost in filter(None, costs):
            wins = row.kind != "oracle" and row.value[cost].mean == best[cost]
            cells.append(_cell(row.value[cost], 1, 3, strong=wins))
        body = "".join(f"<td>{cell}</td>" for cell in cells)
        lines.append(f'<th scope="row">{escape(row.name)}</th>{body}')
    return '<table class="rows">' + "".join(f"<tr>{line}</tr>\n" for line in lines) + "</table>"


def _cell(one: Interval, scale: float, digits: int, strong: bool = False) -> str:
    mean, half = (f"{scale * number:.{digits}f}" for number in (one.mean, one.half_width))
    return f"{f'<b>{mean}</b>' if strong else mean} <small>±{half}</small>"


def _figure(path: Path) -> str:
    caption = CAPTIONS.get(path.stem, path.stem)
    content = base64.b64encode(path.read_bytes()).decode("ascii")
    return (
        f"<figure><figcaption>{escape(caption)}</figcaption>"
        f'<img alt="{escape(caption)}" src="data:image/png;base64,{content}"></figure>'
    )
