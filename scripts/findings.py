"""What docs/findings.md says, measured: hypotheses about halting on the shipped 9x9 model.

    python scripts/findings.py                # all, or: python scripts/findings.py h1 h3
    python scripts/findings.py h1 --learners exact_pg    # with fewer of its learners

Policies are fitted on one shipped bank (puzzles the model was not trained on) and scored on the
other; `hrm-rl bank` logs larger ones, for --fit and --test. Prints Markdown tables, and writes them
to out/findings.

Shapes: M segments, P puzzles, S seeds.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from hrm_rl.agents.comparison.curves import pareto_table
from hrm_rl.agents.learners import learner
from hrm_rl.agents.learners.protocol import play_on
from hrm_rl.agents.rules import rule, sweep
from hrm_rl.agents.rules.basic import QThreshold
from hrm_rl.agents.rules.thresholds import TwoSided
from hrm_rl.banks.bank import Bank, play
from hrm_rl.banks.files import read_bank
from hrm_rl.banks.sampling import sampling
from hrm_rl.features import SCALARS
from hrm_rl.halting import Halted, Policy
from hrm_rl.models.checkpoint import write_atomically
from hrm_rl.puzzles.files import JOINED
from hrm_rl.statistics.comparisons import Interval, mean_interval, paired_difference
from hrm_rl.stopping.exact import best_fixed, halt_table, outcome, prophet
from hrm_rl.stopping.snell import take
from hrm_rl.training.memory import keep_freed_memory

M = 16
COSTS = (0.002, 0.005, 0.01, 0.02, 0.05)
"""Step costs that learners are fitted at where a whole curve is wanted."""
STEPS = {"act_q": 50_000, "ppo": 50_000, "full_q": 1_000_000, "exact_pg": 400_000}
"""Decisions of each learner, seconds of fitting; the last two make theirs on whole batches at once."""


@dataclass(frozen=True)
class Lab:
    """The banks, each with a segment more than is played, and how long learners are fitted."""

    fit: Bank
    test: Bank
    seeds: int
    shorter: int
    """Divides `STEPS`."""
    learners: tuple[str, ...] = tuple(STEPS)
    """Which of them H1, H2 and H3 fit."""

    def among(self, *names: str) -> list[str]:
        return [name for name in names if name in self.learners]

    def fitted(
        self, name: str, cost: float, observation: str = "scalars", **settings: object
    ) -> list[Policy]:
        """One policy for each seed."""
        env = play_on(self.fit, observation=observation, step_cost=cost, max_segments=M)
        learn = learner(name, **settings)
        steps = STEPS[name] // self.shorter
        return [learn(env, steps=steps, seed=seed) for seed in range(self.seeds)]

    @property
    def scored(self) -> Bank:
        return self.test.first(M)


# --- H1: if what is seen is nearly the whole state, all rules are alike -----------------------------


def h1(lab: Lab) -> Iterator[str]:
    """Area under the accuracy-segments hull, against TRM's threshold, from two observations."""
    families: dict[str, Sequence[object]] = {
        "Q_halt threshold (TRM)": sweep("trm", lab.fit.first(M)),
        "Q margin (paper's rule)": sweep("q", lab.fit.first(M)),
        "latent residual": sweep("residual", lab.fit.first(M)),
        "two-sided threshold": sweep("two-sided", lab.fit.first(M), 100),
    }
    at_once = rule("fixed-1")  # rules reach it; below its cheapest point an area counts 0
    for observation in ("q", "scalars"):
        for name in lab.among("act_q", "ppo", "exact_pg"):
            by_cost = [lab.fitted(name, cost, observation) for cost in COSTS]
            families[f"{name} on {observation}"] = [
                [at_once, *curve] for curve in zip(*by_cost, strict=True)
            ]
    rows = pareto_table(lab.fit.first(M), lab.scored, families, reference="Q_halt threshold (TRM)")  # type: ignore[arg-type]
    yield "| family, over its knob | area | on the fit bank | less TRM's threshold, 95 % | p (Holm) |"
    yield "| --- | --- | --- | --- | --- |"
    for row in rows:
        gain = f"{row.gain.mean:+.4f} [{row.gain.low:+.4f}, {row.gain.high:+.4f}]"
        yield f"| {row.name} | {row.area.mean:.4f} | {row.on_fit:.4f} | {gain} | {row.holm:.3f} |"


# --- H2: the gain is giving up --------------------------------------------------------------------


def h2(lab: Lab) -> Iterator[str]:
    """Value gained over confident-only halting, by how much of the puzzles is never solved."""
    learners = lab.among("exact_pg", "act_q")
    policies = ["confident only", "+ giving up", *learners]
    gainers = [f"{name} gains, 95 %" for name in ("giving up", *learners)]
    heads = ["puzzles", "never right", "cost", "best fixed", *policies, *gainers, "prophet"]
    yield f"| {' | '.join(heads)} |"
    yield "| --- |" + " --- |" * (len(heads) - 1)
    for kind, fit, test in parts(lab):
        never = 1 - float(test.correct_MP.any(0).double().mean())
        for cost in (0.005, 0.01, 0.02):
            confident = best_knob(fit, sweep("trm", fit, 60), cost)
            two_sided = best_knob(fit, with_giving_up(fit, confident), cost)
            part = replace(lab, fit=fit, test=test)
            runs = [part.fitted(name, cost) for name in learners]
            values = [value_SP(test, one, cost) for one in ([confident], [two_sided], *runs)]
            gains = [paired_difference(v, values[0], *sampling(test)) for v in values[1:]]
            m = best_fixed(fit, cost)[0]
            fixed = float(test.correct_MP[m - 1].double().mean()) - cost * (m - 1)
            best = float(prophet(test, cost).value_P(cost).mean())
            cells = [f"{v.mean():.3f}" for v in values] + [signed(gain) for gain in gains]
            yield (
                f"| {kind} ({len(test)}) | {never:.1%} | {cost:g} | {fixed:.3f} "
                f"| {' | '.join(cells)} | {best:.3f} |"
            )


def parts(lab: Lab) -> Iterator[tuple[str, Bank, Bank]]:
    """Fit and test banks of each kind of puzzle, and of all."""
    for name in JOINED["sudoku9"]:
        kind = name.removeprefix("sudoku9_")
        yield kind, *(of_kind(bank.first(M), kind) for bank in (lab.fit, lab.test))
    yield "all", lab.fit.first(M), lab.test.first(M)


def of_kind(bank: Bank, kind: str) -> Bank:
    assert bank.puzzles is not None
    marked = [source.startswith(f"hrm_rl_{kind}") for source in bank.puzzles.sources]
    return take(bank, torch.tensor(marked).nonzero()[:, 0])


def with_giving_up(bank: Bank, confident: Policy) -> list[Policy]:
    """A grid of pairs of thresholds, and the confident one's own with each second one.

    Without the latter a coarser grid above would look like a loss by giving up.
    """
    grid = sweep("two-sided", bank, 400)
    lowers = sorted({rule.lower for rule in grid if isinstance(rule, TwoSided)})
    assert isinstance(confident, QThreshold)
    upper = confident.threshold
    return [*grid, *(TwoSided(upper, lower) for lower in lowers if lower <= upper)]


def best_knob(bank: Bank, policies: Sequence[Policy], cost: float) -> Policy:
    return max(policies, key=lambda policy: outcome(bank, policy, cost).value)


# --- H3: where what is seen is poor, policy gradients beat Q ------------------------------------------

GAINS = (("full_q", "act_q"), ("exact_pg", "act_q"), ("exact_pg", "full_q"), ("ppo", "act_q"))


def h3(lab: Lab) -> Iterator[str]:
    """Values at 0.01 per segment from ever poorer observations."""
    without_q = [c for c in range(len(SCALARS)) if c > 1]
    views = {
        "all scalars": list(range(len(SCALARS))),
        "scalars without Q": without_q,
        "share of cells that changed": [SCALARS.index("changed")],
        "mean entropy": [SCALARS.index("entropy_mean")],
        "the segment number alone": [],
    }
    names = lab.among("act_q", "full_q", "ppo", "exact_pg")
    pairs = [(a, b) for a, b in GAINS if a in names and b in names]
    yield "| observation | " + " | ".join([*names, *(f"{a} - {b}, 95 %" for a, b in pairs)]) + " |"
    yield "| --- |" + " --- |" * (len(names) + len(pairs))
    for title, columns in views.items():
        seen = replace(lab, fit=view(lab.fit, columns), test=view(lab.test, columns))
        values = {n: value_SP(seen.scored, seen.fitted(n, 0.01, "view"), 0.01) for n in names}
        sampled = sampling(lab.test)
        gains = [paired_difference(values[a], values[b], *sampled) for a, b in pairs]
        cells = [interval(mean_interval(values[n], *sampled)) for n in names]
        yield f"| {title} | " + " | ".join([*cells, *map(signed, gains)]) + " |"


def view(bank: Bank, columns: list[int]) -> Bank:
    """The bank with an observation set "view": these columns of the scalars (a 0 if there are none)."""
    scalars_MPF = bank.columns["scalars"]
    part = scalars_MPF[..., columns] if columns else torch.zeros_like(scalars_MPF[..., :1])
    return replace(bank, columns={**bank.columns, "view": part})


# --- H5: the paper's edge matters at the last segments only -------------------------------------------


def h5(lab: Lab) -> Iterator[str]:
    """Share of decisions that the paper's edge changes, by segment, beside another seed's changes."""
    shown = (1, 2, 4, 6, 8, 10, 12, 13, 14, 15)
    yield (
        "| learner | cost | decisions that differ | " + " | ".join(f"m = {m}" for m in shown) + " |"
    )
    yield "| --- |" + " --- |" * (len(shown) + 2)
    for name in ("full_q", "act_q"):
        for cost in (0.0, 0.01):
            policies = {edge: lab.fitted(name, cost, edge=edge) for edge in ("exact", "paper")}
            tables = {e: [decisions(lab.scored, p) for p in ps] for e, ps in policies.items()}
            pairs = {
                "between edges": list(zip(tables["exact"], tables["paper"], strict=True)),
                "between seeds": list(
                    zip(tables["exact"], np.roll(tables["exact"], 1, 0), strict=True)
                ),
            }
            for title, compared in pairs.items():
                differ_M = np.mean([(a != b).mean(1) for a, b in compared], 0)
                cells = " | ".join(f"{differ_M[m - 1]:.1%}" for m in shown)
                yield f"| {name} | {cost:g} | {title} | {cells} |"
            values = {e: value_SP(lab.scored, ps, cost) for e, ps in policies.items()}
            gain = mean_interval(values["paper"] - values["exact"], *sampling(lab.test))
            yield f"| {name} | {cost:g} | value, paper less exact: {signed(gain)} |" + " |" * len(
                shown
            )


def decisions(bank: Bank, policy: Policy) -> np.ndarray:
    """Whether it would halt, (M - 1, P), whatever it decided before."""
    return halt_table(bank, policy)[:-1].numpy() > 0.5


# --- figures --------------------------------------------------------------------------------------


def value_SP(bank: Bank, policies: Sequence[Policy | Halted], cost: float) -> np.ndarray:
    halted = [p if isinstance(p, Halted) else play(bank, p) for p in policies]
    return np.stack([run.value_P(cost).numpy() for run in halted])


def interval(x: Interval) -> str:
    return f"{x.mean:.3f} ± {x.half_width:.3f}"


def signed(x: Interval) -> str:
    return f"{x.mean:+.3f} [{x.low:+.3f}, {x.high:+.3f}]"


HYPOTHESES: dict[str, Callable[[Lab], Iterator[str]]] = {"h1": h1, "h2": h2, "h3": h3, "h5": h5}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("which", nargs="*", default=[], help=", ".join(HYPOTHESES))
    parser.add_argument("--fit", default="sudoku9-fit")
    parser.add_argument("--test", default="sudoku9-test")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--shorter", type=int, default=1, help="divide what learners take by this")
    parser.add_argument("--learners", nargs="+", default=list(STEPS), choices=STEPS)
    parser.add_argument("--out", type=Path, default=Path("out/findings"))
    args = parser.parse_args()
    keep_freed_memory()
    banks = [read_bank(name, max_segments=M + 1) for name in (args.fit, args.test)]
    lab = Lab(banks[0], banks[1], args.seeds, args.shorter, tuple(args.learners))
    args.out.mkdir(parents=True, exist_ok=True)
    for name in tqdm(args.which or HYPOTHESES, desc="hypotheses", disable=None):
        text = "\n".join(HYPOTHESES[name](lab))
        print(f"\n{name}\n\n{text}", flush=True)
        write_atomically(args.out / f"{name}.md", f"{text}\n".encode())


if __name__ == "__main__":
    main()
