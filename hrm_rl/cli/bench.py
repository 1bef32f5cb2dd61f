"""`hrm-rl bench`: a rule or learner of anybody on the frozen banks of HaltBench."""

from pathlib import Path

import tyro

from hrm_rl.cli.arguments import output


def bench(
    entrant: tyro.conf.Positional[str] = "",
    out: Path | None = None,
    table: Path | None = None,
    check: Path | None = None,
    tracks: tuple[str, ...] = (),
    seeds: int = 5,
    steps: int = 20_000,
) -> None:
    """Score a halting rule or learner by the protocol of docs/haltbench.md, or make a scoreboard of entries.

    Args:
        entrant: a rule with all its knobs (stable) or with one (stable-2), a learner (exact_pg), or one of
            your own (my_rules.py:Settled)
        out: the entry, a .json file
        table: a folder of entries: print their scoreboard in Markdown
        check: an entry: score its entrant again, and compare
        tracks: some of sudoku9, maze8, arc6, hidden; all if left out. Others count as 0 in the mean
        seeds: of a learner
        steps: decisions of each fit of a learner
    """
    from hrm_rl.haltbench import board, entry

    if check is not None and not entrant:
        raise ValueError(f"--check scores an entrant again: `hrm-rl bench ENTRANT --check {check}`")
    if bool(entrant) == (table is not None):
        raise ValueError(
            "bench takes a rule or learner (`hrm-rl bench stable --out stable.json`) or --table and a "
            f"folder of entries, got {'both' if entrant else 'neither'}"
        )
    if table is not None:
        print(board.markdown(board.read_all(table)), end="")
        return
    if check is not None:
        most = entry.check(entrant, check, said=print)
        print(f"{check} repeats: no figure differs by more than {most:.5f}")
        return
    out = out if out is None else output("--out", out, ".json")
    found = entry.enter(entrant, tracks=tracks, seeds=seeds, steps=steps, said=print)
    if out is not None:
        entry.write(found, out)
        print(out)
    print(board.markdown([found]), end="")
