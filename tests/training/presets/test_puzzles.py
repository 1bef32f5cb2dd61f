"""The presets for mazes: the published model, and training data apart from what ships."""

import torch

from hrm_rl.models import build
from hrm_rl.puzzles.source import source
from hrm_rl.training.presets import maze8, maze30


def test_maze_hard_is_trained_with_the_published_model():
    config = maze30()
    with torch.device("meta"):
        model = build(config.model)
    assert sum(p.numel() for p in model.parameters()) == 27_270_146
    assert config.slots * config.steps == 20_000 * 1000 // 768 * 768  # 20,000 epochs of 1,000
    assert config.data == (("maze30:1000:0:110", 1.0),)  # cells; the public ways have 109 steps


def test_the_small_run_never_sees_a_maze_that_ships():
    """A layout belongs to one split for ever, whatever the seed that it came from."""
    (name, _), *_ = maze8().data
    trained_PL = source(name.replace("30000", "300")).inputs_PL
    for split in ("fit", "test"):
        shipped_PL = source("maze8", split).inputs_PL
        walls = [{row.tobytes() for row in part_PL == 1} for part_PL in (trained_PL, shipped_PL)]
        assert not walls[0] & walls[1]
