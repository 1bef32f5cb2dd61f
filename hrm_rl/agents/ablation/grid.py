"""All runs of an ablation: variants x seeds, on this machine's cores or on others' through Ray."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from hrm_rl.agents.ablation import variants
from hrm_rl.agents.ablation.member import TEST_SET, Held, Result, train_member
from hrm_rl.checks.lock import sole
from hrm_rl.checks.numbers import whole
from hrm_rl.checks.progress import bar as progress_bar
from hrm_rl.training.config import TrainConfig
from hrm_rl.training.signals import STOPPING, Stopped, interruptible

MOST_SEEDS = 10_000
"""More runs of a learner are a slip."""


class Cell(NamedTuple):
    """One run."""

    variant: str
    seed: int


Done = dict[Cell, Result]


def train_grid(
    base: TrainConfig,
    names: Sequence[str],
    seeds: int,
    out: Path,
    *,
    step_cost: float = 0.0,
    held: Held = TEST_SET,
    workers: int = 1,
    ray: bool = False,
    progress: bool = False,
) -> Done:
    """Train and score every variant with seeds 0, 1, ... in `out/variant/seed`; go on with what is there.

    Runs share nothing, so that the result does not depend on where and in which order they ran. A
    run that diverges is a result; the others go on.

    Args:
        step_cost: what a segment costs the learners that pay for it.
        workers: processes on this machine, with one thread each; 1 trains in this one.
        ray: run as Ray tasks, in the cluster that RAY_ADDRESS names or else on this machine's
            `workers` cores. `out` has to be a folder that all its machines share. Ctrl-C then loses
            what came after the last checkpoints.

    Raises:
        ValueError: what cannot be run, before anything is; a folder that holds another run, or in
            which another process works.
        Stopped: Ctrl-C, SIGTERM or SIGHUP, after the runs at hand are saved.
    """
    variants.check(names, base, step_cost)
    seeds = whole("seeds", seeds, low=1, high=MOST_SEEDS)
    workers = whole("workers", workers, low=1, high=MOST_SEEDS)
    held.load(base.model)  # refuses what is not there
    waiting = [Cell(name, seed) for seed in range(seeds) for name in names]
    waiting.sort(key=lambda cell: (cell.seed, cell.variant not in map(variants.matched_to, names)))
    done: Done = {}
    with (
        sole(out, "trained", "--out"),
        interruptible(passes_on=False) as interrupted,
        _executor(workers, ray) as (executor, places),
        progress_bar(total=len(waiting), desc="ablation", unit="run", disable=not progress) as bar,
    ):

        def submit(cell: Cell) -> Future[Result]:
            config = _config(cell, base, step_cost, done)
            return executor.submit(
                train_member, out.resolve() / cell.variant / str(cell.seed), config, held
            )

        for cell in _all(waiting, done, places, submit, interrupted):
            bar.set_postfix_str(f"{cell.variant}, seed {cell.seed}")
            bar.update()
    return {cell: done[cell] for cell in sorted(done, key=lambda c: (names.index(c[0]), c[1]))}


def _all(
    waiting: list[Cell],
    done: Done,
    places: int,
    submit: Callable[[Cell], Future[Result]],
    interrupted: Callable[[], int],
) -> Iterator[Cell]:
    """Have all cells run, `places` at a time, and put what came of them into `done` one by one.

    Raises:
        Stopped: a signal came; the runs at hand are saved, and the others not begun.
    """
    running: dict[Future[Result], Cell] = {}
    total = len(waiting)
    others = set(multiprocessing.active_children())
    while waiting or running:
        for cell in [cell for cell in waiting if _ready(cell, done)][: places - len(running)]:
            waiting.remove(cell)
            running[submit(cell)] = cell
        for future in wait(running, timeout=0.2, return_when=FIRST_COMPLETED).done:
            cell = running.pop(future)
            result = future.result()
            if result.finished:
                done[cell] = result
                yield cell
            elif not interrupted():  # in a process of the pool, or on another machine
                _stop(others)
                raise _stopped(len(done), total, signal.SIGINT)
        if number := interrupted():
            _stop(others)
            raise _stopped(len(done), total, number)


def _stop(others: set[Any]) -> None:
    """Tell the processes of the pool, which do not hear Ctrl-C, to save and end."""
    for child in set(multiprocessing.active_children()) - others:
        child.terminate()


def _stopped(done: int, total: int, number: int) -> Stopped:
    return Stopped(
        f"stopped with {done} of {total} runs complete, the others saved; the same command goes on",
        number,
    )


def _ready(cell: Cell, done: Done) -> bool:
    source = variants.matched_to(cell.variant)
    return not source or Cell(source, cell.seed) in done


def _config(cell: Cell, base: TrainConfig, step_cost: float, done: Done) -> TrainConfig:
    source = variants.matched_to(cell.variant)
    lengths = done[Cell(source, cell.seed)].lengths if source else ()
    return variants.config_of(cell.variant, base, cell.seed, step_cost, lengths)


# --- where runs are run: all three are executors of concurrent.futures ------------------------------


@contextmanager
def _executor(workers: int, ray: bool) -> Iterator[tuple[Executor, int]]:
    """An executor, and how many runs it can have at a time."""
    if ray:
        with _ray(workers) as found:
            yield found
    elif workers == 1:
        yield _Here(), 1
    else:
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(workers, spawn, _in_pool) as pool:
            yield pool, workers


def _in_pool() -> None:
    """In a process of the pool: its parent hears Ctrl-C and tells it; when that is killed, it ends too.

    Else it would go on with its run, whose folder the next command wants, and then wait for ever.
    """
    for number in STOPPING:
        if number != signal.SIGTERM:
            signal.signal(number, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


class _Here(Executor):
    """Runs at once, in this process."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


@contextmanager
def _ray(workers: int) -> Iterator[tuple[Executor, int]]:
    try:
        import ray
    except ModuleNotFoundError as error:
        raise ValueError(
            "Ray is not installed: pip install 'hrm-rl[ray]', or leave --ray out to use this machine's "
            "processes"
        ) from error
    where: dict[str, Any] = {} if "RAY_ADDRESS" in os.environ else {"num_cpus": workers}
    ray.init(**where, include_dashboard=False, log_to_driver=False)

    class Remote(Executor):
        def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
            future: Future[Any] = ray.remote(fn).remote(*args, **kwargs).future()
            return future

    try:
        yield Remote(), max(1, int(ray.cluster_resources().get("CPU", 1)))
    finally:
        ray.shutdown()
