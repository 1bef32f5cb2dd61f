#!/bin/sh
# minari 0.5.4: combine_datasets brings back the episodes that a split or a filter left out.
#
# Expected: the training parts of two data sets combined are the episodes of these parts.
# Seen: a part is a view of the whole file, and the whole file is copied. Of two data sets of 10 episodes, 7 of each
# for training, the combination has 20 episodes instead of 14, and in it all 6 test episodes; after filter_episodes
# likewise all that were filtered out.
# Why it matters: split first and then join the training parts, as one does with recordings of several puzzles or
# seeds, and the offline learner trains on its test set; filter for solved episodes and join, and it imitates failures.
# Only len() tells. Combine first and split after, or filter once more.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q "minari[create,hdf5]==0.5.4" gymnasium==1.4.0 numpy==2.4.6 pillow==11.3.0
cat >"$work/see.py" <<'PYTHON'
import sys
import warnings
from importlib.metadata import version

warnings.simplefilter("ignore")  # of authors and descriptions
import gymnasium
import minari


def recorded(name, seeds):
    env = minari.DataCollector(gymnasium.make("CartPole-v1"), data_format="hdf5")
    for seed in seeds:
        env.reset(seed=seed)
        over, step = False, 0
        while not over:
            _, _, terminated, truncated, _ = env.step((step + seed) % 2)
            over, step = terminated or truncated, step + 1
    return env.create_dataset(dataset_id=name)


def episodes(dataset):
    """What tells the episodes apart: their first observations."""
    return {episode.observations[0].tobytes() for episode in dataset.iterate_episodes()}


print("minari", version("minari"), "gymnasium", version("gymnasium"))
one, two = recorded("part/one-v0", range(10)), recorded("part/two-v0", range(10, 20))
train_one, test_one = minari.split_dataset(one, [7, 3], seed=0)
train_two, test_two = minari.split_dataset(two, [7, 3], seed=0)
joined = minari.combine_datasets([train_one, train_two], "part/train-v0")
tests = episodes(test_one) | episodes(test_two)
print(f"{len(train_one)} + {len(train_two)} episodes for training make {len(joined)};", end=" ")
print(f"of {len(tests)} for testing, {len(tests & episodes(joined))} are among them")
median = sorted(len(episode) for episode in one.iterate_episodes())[5]
longer = one.filter_episodes(lambda episode: len(episode) >= median)
both = minari.combine_datasets([longer, train_two], "part/longer-v0")
dropped = episodes(one) - episodes(longer)
print(f"{len(longer)} filtered + {len(train_two)} make {len(both)};", end=" ")
print(f"of {len(dropped)} filtered out, {len(dropped & episodes(both))} are among them")
if len(joined) != 20 or not tests <= episodes(joined) or not dropped <= episodes(both):
    sys.exit("This changed: combine_datasets keeps to the episodes of a part.")
PYTHON
MINARI_DATASETS_PATH="$work/datasets" "$work/venv/bin/python" -I "$work/see.py"
