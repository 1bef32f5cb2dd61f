#!/bin/sh
# maze-dataset 1.4.2: made by four processes, three of four mazes of a set are copies, and its seed does not hold.
#
# Expected: gen_parallel=True makes the set faster: other mazes than one process makes (its notes say so), but as many.
# Seen: the workers are to be seeded by their number, but it is added to the default seed only, which serves where the
# set's own seed is 0. Any other seed is each worker's, and so are the mazes. Distinct ones of 400 (16 x 16 cells):
#     processes                         1      2      4      8
#     gen_wilson                      400   ~200   ~100    ~50
#     gen_dfs, workers spawned        400   ~200   ~110
# of which half to nearly all mazes of a random test split are in the training split, solution and all.
# gen_dfs also uses Python's `random`, which a forked worker (Linux before Python 3.14) seeds anew from the system: the
# mazes are distinct there, but no maze of the set is there again when it is made again from the same seed.
# Why it matters: 30 x 30 mazes are slow to make, so one makes them by all cores, as many copies as there are cores.
# A model then looks as if it solved unseen mazes, and halting early on those it knows looks like a policy that halts
# well. Make one process per set (each with a seed of its own), or count the distinct mazes before splitting.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
# Its requirements would bring Jupyter, which nothing here needs; and with muutils 0.9 it can't be imported.
"$work/venv/bin/python" -m pip install -q numpy==2.4.6 muutils==0.8.12 zanj==0.6.0 jaxtyping==0.3.11 \
    typing_extensions tqdm matplotlib
"$work/venv/bin/python" -m pip install -q --no-deps maze-dataset==1.4.2
cat >"$work/see.py" <<'PYTHON'
import multiprocessing
import random
import sys
import warnings
from importlib.metadata import version

from maze_dataset import MazeDataset, MazeDatasetConfig
from maze_dataset.generation import LatticeMazeGenerators

MAZES = 400


def made(name, processes, seed=42):
    """The mazes with their solutions, as bytes, in order."""
    warnings.simplefilter("ignore")  # of any seed but 42
    maker = getattr(LatticeMazeGenerators, name)
    config = MazeDatasetConfig(name="m", grid_n=16, n_mazes=MAZES, maze_ctor=maker, seed=seed)
    parallel = {"gen_parallel": True, "pool_kwargs": {"processes": processes}} if processes > 1 else {}
    mazes = MazeDataset.from_config(config, load_local=False, save_local=False, do_download=False, **parallel)
    return [(maze.connection_list.tobytes(), maze.solution.tobytes()) for maze in mazes]


def leaked(mazes):
    """Of a random fifth for testing, how many are in the other four fifths."""
    mazes = random.Random(0).sample(mazes, len(mazes))
    return sum(maze in mazes[MAZES // 5 :] for maze in mazes[: MAZES // 5])


def main():
    print("maze-dataset", version("maze-dataset"), "Python", sys.version.split()[0])
    copies = []
    for start, name in (("fork", "gen_wilson"), ("spawn", "gen_dfs")):
        multiprocessing.set_start_method(start, force=True)
        for processes in (1, 2, 4) + (8,) * (start == "fork"):
            mazes = made(name, processes, seed=7)
            copies.append((processes, len(set(mazes))))
            print(f"{name}, {processes} processes ({start}): {len(mazes)} mazes, {len(set(mazes))} distinct;", end=" ")
            print(f"of {MAZES // 5} for testing, {leaked(mazes)} are trained on")
    zero = len(set(made("gen_dfs", 2, seed=0)))
    print(f"gen_dfs, 2 processes (spawn), seed 0: {zero} distinct")
    multiprocessing.set_start_method("fork", force=True)
    again = len(set(made("gen_dfs", 2)) & set(made("gen_dfs", 2)))
    print(f"gen_dfs, 2 processes (fork), made twice from one seed: {again} in both; by one process:", end=" ")
    print(len(set(made("gen_dfs", 1)) & set(made("gen_dfs", 1))))
    if any(distinct > 0.9 * MAZES for processes, distinct in copies if processes > 1):  # how many: by chance
        sys.exit("This changed: several processes make other mazes than one another.")
    if again:
        sys.exit("This changed: several processes make the same mazes from the same seed.")


if __name__ == "__main__":
    main()
PYTHON
"$work/venv/bin/python" -I "$work/see.py"
