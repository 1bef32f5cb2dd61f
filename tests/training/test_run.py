"""Run folders: exact resume, clean stops, checkpoints never spoilt, one-sentence errors."""

import signal
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from processes import exit_code, run_killed
from runs import finish, numbers, one_sentence
from safetensors.torch import load_file, save_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tiny import ATTENTION, MLP, tiny_run

from hrm_rl.models.checkpoint import load_model
from hrm_rl.training import run as run_module
from hrm_rl.training.config import TrainConfig
from hrm_rl.training.run import interruptible, run
from hrm_rl.training.train import TrainState, train

VARIANTS = {
    "extra, episode, attention": tiny_run(bootstrap="extra", explore="episode"),
    "delayed, segment, mlp": tiny_run(bootstrap="delayed", explore="segment", model=MLP),
    "drawn states": tiny_run(model=replace(ATTENTION, start="random", noise=0.1)),
    "in the midst of a stage": tiny_run(
        grow_segments=((0.4, 1), (0.8, 2)), grow_cycles=((0.4, 1, 1),), segment_decay=0.7
    ),
}

TAGS = {
    "loss", "lm_loss", "q_halt_loss", "q_continue_loss", "exact_accuracy", "cell_accuracy",
    "mean_segments", "q_halt_accuracy", "lr", "steps_per_second",
}  # fmt: skip


@pytest.fixture(scope="module", params=VARIANTS.values(), ids=VARIANTS)
def killed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[TrainConfig, Path, list[dict[str, float]]]:
    """A run killed at step 6, with its last checkpoint at step 4, and then resumed to its end."""
    folder = tmp_path_factory.mktemp("killed")
    assert exit_code(run_killed, request.param, folder, 6) == -signal.SIGKILL
    return request.param, folder, finish(request.param, folder)


def test_a_killed_run_goes_on_bit_for_bit(
    killed: tuple[TrainConfig, Path, list[dict[str, float]]], tmp_path: Path
) -> None:
    config, folder, resumed = killed
    whole = finish(config, tmp_path)
    assert [metrics["step"] for metrics in resumed] == [6, 8, 10, 12]
    assert resumed == whole[2:]
    for name in ("state.safetensors", "weights.safetensors"):
        assert (folder / name).read_bytes() == (tmp_path / name).read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize(
    "halting", ["ponder", "graves", "exact_pg", "ppo", "a2c", "fixed-2", "random-1:5:3", "residual"]
)
def test_every_learner_goes_on_bit_for_bit(halting: str, tmp_path: Path) -> None:
    """Stopped in the middle of episodes and of a rollout, and of the batch that PPO learns from."""
    config = tiny_run(halting=halting, steps=38, save_every=100)
    list(run(config, tmp_path / "stopped", stop=21))
    resumed = finish(config, tmp_path / "stopped")
    whole = finish(config, tmp_path / "whole")
    assert resumed[-5:] == whole[-5:]
    for name in ("state.safetensors", "weights.safetensors"):
        stopped, straight = (tmp_path / part / name for part in ("stopped", "whole"))
        assert stopped.read_bytes() == straight.read_bytes()


def test_events_hold_every_metric_once_a_step(
    killed: tuple[TrainConfig, Path, list[dict[str, float]]],
) -> None:
    _, folder, resumed = killed
    events = EventAccumulator(str(folder)).Reload()
    assert {f"train/{name}" for name in TAGS} <= set(events.Tags()["scalars"])
    for tag in events.Tags()["scalars"]:
        assert [event.step for event in events.Scalars(tag)] == [2, 4, 6, 8, 10, 12], tag
    losses = [event.value for event in events.Scalars("train/loss")]
    assert losses[2:] == pytest.approx([metrics["loss"] for metrics in resumed], rel=1e-6)
    histogram = events.Histograms("train/halting_segment")[-1]
    assert histogram.histogram_value.num == resumed[-1]["halted"]


def test_every_part_of_the_state_matters_to_the_next_metrics(tmp_path: Path) -> None:
    config = tiny_run(steps=6)
    for _ in run(config, tmp_path):
        break  # leaving saves: at step 2
    path = tmp_path / "state.safetensors"
    saved = load_file(path)
    whole = finish(config, tmp_path / "whole")
    assert any(key.startswith("ema.") for key in saved)
    for part in ("model.lm_head.weight", "m.lm_head.weight", "v.lm_head.weight", "slots.z_L"):
        save_file(saved | {part: saved[part] * 1.5}, path, {"step": "2"})
        assert finish(config, tmp_path)[-1] != whole[-1], part
    save_file(saved | {"slots.m_B": torch.ones(4, dtype=torch.int32)}, path, {"step": "2"})
    assert finish(config, tmp_path)[0] != whole[1]
    save_file(saved, path, {"step": "2"})
    assert finish(config, tmp_path) == whole[1:]


def test_ctrl_c_ends_after_the_step_at_hand_saved(tmp_path: Path) -> None:
    config = tiny_run(log_every=1, save_every=10)
    before = signal.getsignal(signal.SIGINT)
    stopped = []
    for metrics in run(config, tmp_path / "stopped"):
        stopped.append(numbers(metrics))
        if metrics["step"] == 5:
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before
    assert len(stopped) == 6
    assert stopped + finish(config, tmp_path / "stopped") == finish(config, tmp_path / "whole")


def test_a_second_ctrl_c_interrupts() -> None:
    with pytest.raises(KeyboardInterrupt), interruptible() as hit:
        signal.raise_signal(signal.SIGINT)
        assert hit()
        signal.raise_signal(signal.SIGINT)


def test_a_run_in_a_thread_leaves_signals_alone(tmp_path: Path) -> None:
    steps: list[float] = []

    def work() -> None:
        steps.extend(metrics["step"] for metrics in run(tiny_run(steps=2), tmp_path))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert steps == [2]


def test_leaving_the_loop_saves_and_a_finished_run_has_nothing_to_do(tmp_path: Path) -> None:
    config = tiny_run(steps=6, save_every=100)
    for _ in run(config, tmp_path):
        break
    assert [metrics["step"] for metrics in run(config, tmp_path)] == [4, 6]
    assert list(run(config, tmp_path)) == []


def test_the_weights_beside_are_the_averaged_ones(tmp_path: Path) -> None:
    finish(tiny_run(steps=4), tmp_path)
    state = load_file(tmp_path / "state.safetensors")
    model, card = load_model(tmp_path)
    for name, weight in model.named_parameters():
        assert torch.equal(weight, state[f"ema.{name}"])
    assert not torch.equal(model.lm_head.weight, state["model.lm_head.weight"])
    assert torch.equal(model.puzzle_emb.weights, state["model.puzzle_emb.weights"])
    assert (card["step"], card["halting"]) == (4, "act_q")


def test_saving_leaves_the_random_state_alone(tmp_path: Path) -> None:
    for _ in run(tiny_run(), tmp_path):
        before = torch.get_rng_state()
        break
    assert torch.equal(torch.get_rng_state(), before)


def test_another_config_is_refused(tmp_path: Path) -> None:
    finish(tiny_run(steps=2), tmp_path)
    with pytest.raises(ValueError, match="another config") as error:
        finish(tiny_run(steps=2, lr=0.5, ema=0.0), tmp_path)
    assert "lr 0.01 there, 0.5 here; ema 0.9 there, 0.0 here" in one_sentence(error)


@pytest.mark.parametrize("content", ["{", "{}", '{"model": {"vocab": 6}, "data": []}', "[]"])
def test_a_damaged_config_is_named(content: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(ValueError, match=r"config\.json cannot be read") as error:
        finish(tiny_run(), tmp_path)
    assert "choose another run folder" in one_sentence(error)


def damage_truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def damage_empty(path: Path) -> None:
    path.write_bytes(b"")


def damage_missing(path: Path) -> None:
    tensors = load_file(path)
    del tensors["v.lm_head.weight"]
    save_file(tensors, path, {"step": "2"})


def damage_shape(path: Path) -> None:
    save_file(load_file(path) | {"slots.z_H": torch.zeros(4, 3, 32)}, path, {"step": "2"})


def damage_metadata(path: Path) -> None:
    save_file(load_file(path), path)


@pytest.mark.parametrize(
    "damage", [damage_truncate, damage_empty, damage_missing, damage_shape, damage_metadata]
)
def test_a_damaged_checkpoint_is_named_with_the_cure(damage: Any, tmp_path: Path) -> None:
    finish(tiny_run(steps=2), tmp_path)
    damage(tmp_path / "state.safetensors")
    with pytest.raises(ValueError, match="cannot be resumed from") as error:
        finish(tiny_run(steps=2), tmp_path)
    assert "delete it to begin again" in one_sentence(error)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(ValueError, match="nothing can be written in") as error:
        finish(tiny_run(), tmp_path / "file" / "run")
    assert "choose another folder" in one_sentence(error)


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_old_file(
    call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish(tiny_run(steps=4), tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    state = TrainState.create(tiny_run())
    next(train(state))

    def fail(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(f"hrm_rl.models.tensorfile.os.{call}", fail)
    with pytest.raises(ValueError, match="No space left on device") as error:
        run_module.save(state, tmp_path)
    assert "cannot be written" in one_sentence(error)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_second_stage_without_its_first_says_what_to_train() -> None:
    with pytest.raises(ValueError, match="make that first, as by hrm-rl train tiny-first"):
        TrainState.create(tiny_run(init="runs/tiny-first"))


def test_a_run_starts_from_the_weights_of_another(tmp_path: Path) -> None:
    finish(tiny_run(steps=4), tmp_path / "first")
    state = TrainState.create(tiny_run(init=str(tmp_path / "first")))
    model, _ = load_model(tmp_path / "first")
    assert torch.equal(state.model.lm_head.weight, model.lm_head.weight)
    further = replace(ATTENTION, gradient="segment")  # has no weights, so that it may differ
    state = TrainState.create(tiny_run(init=str(tmp_path / "first"), model=further))
    assert torch.equal(state.model.lm_head.weight, model.lm_head.weight)
    assert state.model.config == further
    with pytest.raises(ValueError, match="another architecture"):
        TrainState.create(tiny_run(init=str(tmp_path / "first"), model=MLP))


def test_a_deeper_model_starts_as_what_it_grew_from_and_learns(tmp_path: Path) -> None:
    first = tiny_run(steps=4)
    finish(first, tmp_path / "first")
    before, _ = load_model(tmp_path / "first")
    deep = replace(ATTENTION, H_layers=ATTENTION.H_layers + 1, L_layers=ATTENTION.L_layers + 2)
    state = TrainState.create(tiny_run(init=str(tmp_path / "first"), model=deep))
    x_BT = torch.randint(2, 6, (3, deep.length))
    rows_BE = before.puzzle_rows(torch.zeros(3, dtype=torch.int64))
    (_, then), (_, now) = (m.segment(m.initial(3), x_BT, rows_BE) for m in (before, state.model))
    torch.testing.assert_close(now.logits, then.logits, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(now.q, then.q, atol=1e-4, rtol=1e-4)
    for _ in zip(range(3), train(state), strict=False):
        pass
    new = f"L_level.layers.{ATTENTION.L_layers}.mlp.down_proj.weight"
    assert state.model.state_dict()[new].any()


def test_layers_are_added_only_where_they_change_nothing(tmp_path: Path) -> None:
    deep = replace(ATTENTION, H_layers=ATTENTION.H_layers + 1)
    finish(tiny_run(steps=4, model=deep), tmp_path / "deep")
    with pytest.raises(ValueError, match="of as many layers or fewer"):
        TrainState.create(tiny_run(init=str(tmp_path / "deep")))
    finish(tiny_run(steps=4, model=MLP), tmp_path / "mlp")
    with pytest.raises(ValueError, match="norms over positions"):
        deep = replace(MLP, L_layers=MLP.L_layers + 1)
        TrainState.create(tiny_run(init=str(tmp_path / "mlp"), model=deep))
