"""ETRM: what of its demonstrations it reads and what not, and that it learns tasks that are held out."""

import json
from dataclasses import replace
from itertools import islice, product
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import tiny_run
from torch import Tensor

from hrm_rl import loop
from hrm_rl.envs.halting import HaltingEnv
from hrm_rl.models.etrm import ETRM, ETRMConfig
from hrm_rl.puzzles import verdicts
from hrm_rl.training import losses
from hrm_rl.training.config import TrainConfig
from hrm_rl.training.run import run
from hrm_rl.training.train import TrainState, train

CONFIG = ETRMConfig(
    vocab=8, length=5 * 4, width=32, heads=2, layers=1, H_cycles=2, L_cycles=1, expansion=2.0,
    puzzle_positions=3, demonstrations=2, encoder_layers=1,
)  # fmt: skip
MLP = replace(CONFIG, token_mixer="mlp", positions="none")
LEARNED = replace(CONFIG, positions="learned")
ALL = pytest.mark.parametrize("config", [CONFIG, MLP, LEARNED], ids=["rotary", "mlp", "learned"])


def new(config: ETRMConfig = CONFIG) -> ETRM:
    torch.manual_seed(0)
    model = ETRM(config)
    torch.nn.init.normal_(model.q_head.weight, std=0.5)
    return model


def puzzles(x_BT: Tensor) -> loop.Batch:
    """Puzzles with identifiers that no table has."""
    y_BT = torch.cat([torch.zeros_like(x_BT[:, :16]), x_BT[:, 16:]], 1)
    return loop.Batch(x_BT, y_BT, torch.arange(1000, 1000 + len(x_BT)))


def tokens(seed: int = 0) -> Tensor:
    return torch.randint(2, 8, (3, 20), generator=torch.Generator().manual_seed(seed))


def think(model: ETRM, x_BT: Tensor) -> Tensor:
    """Logits of the question after two segments."""
    with torch.no_grad():
        slots, _ = loop.advance(model, loop.fresh(model, puzzles(x_BT)))
        return loop.advance(model, slots)[1].logits[:, 16:]


@ALL
def test_the_order_of_the_demonstrations_makes_no_difference(config: ETRMConfig) -> None:
    model, x_BT = new(config), tokens()
    swapped_BT = torch.cat([x_BT[:, 8:16], x_BT[:, :8], x_BT[:, 16:]], 1)
    torch.testing.assert_close(think(model, x_BT), think(model, swapped_BT))
    inside_BT = torch.cat(
        [x_BT[:, 4:8], x_BT[:, :4], x_BT[:, 8:]], 1
    )  # what goes in for what comes out
    assert not torch.allclose(think(model, x_BT), think(model, inside_BT), rtol=1e-3)


@ALL
def test_an_absent_demonstration_is_as_if_there_were_no_place_for_it(config: ETRMConfig) -> None:
    model, x_BT = new(config), tokens()
    x_BT[:, 8:16] = verdicts.PAD
    less = new(replace(config, demonstrations=1, length=12))
    less.load_state_dict(model.state_dict())
    with torch.no_grad():
        _, two = loop.advance(model, loop.fresh(model, puzzles(x_BT)))
        short_BT = torch.cat([x_BT[:, :8], x_BT[:, 16:]], 1)
        batch = puzzles(x_BT)._replace(x_BT=short_BT)
        _, one = loop.advance(less, loop.fresh(less, batch))
    torch.testing.assert_close(two.logits[:, 16:], one.logits[:, 8:])
    x_BT[:, :16] = verdicts.PAD
    assert think(model, x_BT).isfinite().all()


def test_demonstrations_are_answered_by_themselves_and_never_scored() -> None:
    model, batch = new(), puzzles(tokens())
    _, output = loop.advance(model, loop.fresh(model, batch))
    assert output.logits.shape == (3, 20, 8)
    assert torch.equal(output.logits.argmax(-1)[:, :16], batch.x_BT[:, :16])
    assert output.logits[:, :16].softmax(-1).amax(-1).min() > 1 - 1e-6
    whole = losses.sequence_loss(output.logits, batch.y_BT)
    torch.testing.assert_close(
        whole, losses.sequence_loss(output.logits[:, 16:], batch.y_BT[:, 16:])
    )


def test_the_encoder_learns_from_every_segment() -> None:
    """The carry is detached; the demonstrations are read again."""
    model = new()
    slots = loop.fresh(model, puzzles(tokens()))
    for _ in range(3):
        slots, output = loop.advance(model, slots)
        grads = torch.autograd.grad(
            output.logits[:, 16:].square().sum(), list(model.encoder.parameters())
        )
        assert all(g.any() for g in grads)


def test_a_segment_reads_nothing_back() -> None:
    """On the meta device, which has no values to read."""
    with torch.device("meta"):
        model = ETRM(CONFIG)
        x_BT, ids = torch.zeros(3, 20, dtype=torch.long), torch.zeros(3, dtype=torch.long)
        carry, output = model.segment(model.initial(3), x_BT, model.puzzle_rows(ids))
        output.logits.sum().backward()
    assert carry.z_H.shape == (3, 3 + 4, 32)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"length": 21}, "length must be a multiple of 5 \\(2 pairs and a question\\), got 21"),
        ({"demonstrations": 0}, "demonstrations must be >= 1, got 0"),
        ({"encoder_layers": 0}, "encoder_layers must be >= 1, got 0"),
        ({"puzzle_positions": None}, "puzzle_positions must be >= 1, got None"),
        ({"puzzle_width": 8}, "puzzle_width must be 0, got 8"),
    ],
)
def test_a_config_that_makes_no_model_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        replace(CONFIG, **changes)


def test_arc_from_files_to_an_environment_of_held_out_tasks(tmp_path: Path) -> None:
    for part, colours in (("training", (1, 2, 3)), ("evaluation", (4, 5))):
        for colour in colours:
            pairs = [{"input": [[colour]], "output": [[colour] * n]} for n in (1, 2, 3)]
            file = tmp_path / part / f"{part}{colour}.json"
            file.parent.mkdir(exist_ok=True)
            file.write_text(json.dumps({"train": pairs[:2], "test": pairs[2:]}))
    data = f"demos:arc:{tmp_path}:side=3:pairs=2"
    config = tiny_run(
        model=replace(CONFIG, vocab=12, length=45, task="demos3x2"), data=((data, 1.0),),
        halting="halt_bce",
    )  # fmt: skip
    *_, last = run(config, tmp_path / "run")
    assert last["step"] == 12
    env = HaltingEnv(checkpoint=tmp_path / "run", puzzles=data, split="test", max_segments=2)
    obs, info = env.reset(seed=0)
    assert env.observation_space.contains(obs)
    source, x_L = (
        getattr(env.puzzles, name)[info["puzzle_id"]] for name in ("sources", "inputs_PL")
    )
    assert source.startswith("evaluation")
    assert (info["prediction"][:-9] == x_L[:-9]).all()
    *_, terminated, _, info = env.step(0)
    assert terminated and info["segment"] == 2
    env.close()


@pytest.mark.slow
def test_it_solves_tasks_that_it_was_never_trained_on() -> None:
    """A task is two of ten colours, one for each of two marks; 10 of the 100 are held out."""
    config = replace(CONFIG, vocab=14, L_cycles=1, H_cycles=1)
    tasks = torch.tensor(list(product(range(4, 14), repeat=2)))
    held_out = (tasks[:, 0] - tasks[:, 1]) % 10 == 3
    generator = torch.Generator().manual_seed(0)

    def draw(tasks_N2: Tensor, slots: int) -> loop.Batch:
        colours_B2 = tasks_N2[torch.randint(len(tasks_N2), (slots,), generator=generator)]
        marks = torch.randint(2, (slots, 3, 4), generator=generator)
        answers = colours_B2[:, None].expand(-1, 3, -1).gather(-1, marks)
        x_BT = torch.stack([marks + 2, answers], 2).flatten(1)[:, :20]
        y_BT = torch.cat([torch.zeros(slots, 16, dtype=torch.long), answers[:, 2]], 1)
        return loop.Batch(x_BT, y_BT, torch.zeros(slots, dtype=torch.long))

    model = new(config)
    run = TrainConfig(
        model=config, data=(("madeup", 1.0),), slots=64, steps=450, max_segments=2,
        halting="halt_bce", lr=4e-3, warmup=20, dtype="float32",
    )  # fmt: skip
    state = TrainState.assemble(run, model, lambda: draw(tasks[~held_out], 64), generator)
    for _ in islice(train(state), run.steps):
        pass
    batch = draw(tasks[held_out], 500)
    with torch.no_grad():
        _, output = loop.advance(model, loop.fresh(model, batch))
        others = torch.cat([batch.x_BT[:, :16].roll(1, 0), batch.x_BT[:, 16:]], 1)
        _, misled = loop.advance(model, loop.fresh(model, batch._replace(x_BT=others)))
    right, wrong = (verdicts.correct(o.logits, batch.y_BT).float().mean() for o in (output, misled))
    assert right > 0.5  # 1 in 100 by chance
    assert wrong < 0.3  # the same questions after the demonstrations of another task
