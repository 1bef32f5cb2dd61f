"""What TensorBoard is told beside the metrics: which run it was."""

import json
from pathlib import Path

import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
from tiny import tiny_run

from hrm_rl.training.config import TrainConfig
from hrm_rl.training.events import HEADLINES, Events
from hrm_rl.training.run import run


def told(folder: Path) -> EventAccumulator:
    return EventAccumulator(str(folder)).Reload()


def hparams(events: EventAccumulator, tag: str) -> HParamsPluginData:
    plugin = events.SummaryMetadata(f"_hparams_/{tag}").plugin_data
    return HParamsPluginData.FromString(plugin.content)


def test_the_config_is_text_and_hyperparameters(tmp_path: Path) -> None:
    config = tiny_run(steps=4)
    lines = list(run(config, tmp_path))
    events = told(tmp_path)
    (text,) = events.Tensors("config/text_summary")
    written = text.tensor_proto.string_val[0].decode()
    assert all(line.startswith("    ") for line in written.splitlines())
    assert TrainConfig.from_json(written) == config
    values = hparams(events, "session_start_info").session_start_info.hparams
    assert values["lr"].number_value == config.lr
    assert values["model/width"].number_value == config.model.width
    assert values["halting"].string_value == config.halting
    assert len(values) == len(json.loads(config.to_json())) - 1 + len(
        json.loads(config.to_json())["model"]
    )
    headlines = hparams(events, "experiment").experiment.metric_infos
    assert [metric.name.tag for metric in headlines] == list(HEADLINES)
    assert {tag.removeprefix("train/") for tag in HEADLINES} <= lines[-1].keys()


def test_a_run_that_goes_on_tells_what_it_is_now(tmp_path: Path) -> None:
    for first, steps in ((1, 4), (5, 8)):
        events = Events(tmp_path, first, tiny_run(steps=steps))
        events.line(first, {"loss": 1.0}, torch.zeros(2, dtype=torch.long))
        events.close()
    texts = told(tmp_path).Tensors("config/text_summary")
    assert [text.step for text in texts] == [1, 5]
    assert '"steps": 8' in texts[1].tensor_proto.string_val[0].decode()
