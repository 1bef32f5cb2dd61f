"""TensorBoard event files, written in place of torch's `SummaryWriter`.

That one writes from a thread, where a full disk prints a traceback and the loss comes out later or
never; and its file names, by whose order TensorBoard reads, tell no two files of a second apart.

Shapes: M segments.
"""

from __future__ import annotations

import os
import re
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from hrm_rl.checks.files import parse_json
from hrm_rl.models.checkpoint import CheckpointError
from hrm_rl.models.tensorfile import cure_of
from hrm_rl.training.config import TrainConfig

HEADLINES: Final = ("train/exact_accuracy", "train/mean_segments", "train/lm_loss")
"""Metrics that TensorBoard's table of hyperparameters shows beside them."""


class Events:
    """The events of a run folder from step `first` on, written line by line.

    What the folder's files hold of this step and later ones is taken back: a killed run has logged
    steps after its last checkpoint, which come again, and a stopped one may have told of part of a
    line. Each file begins with the config, as text and as TensorBoard's hyperparameters.
    """

    def __init__(self, folder: Path, first: int, config: TrainConfig) -> None:
        """Makes no file yet: nothing may come."""
        self.folder, self.first, self.config = folder, first, config
        self.file: Any = None

    def line(self, step: int, metrics: Mapping[str, float], counts_M: Tensor) -> None:
        """One line of metrics and the histogram of halts by segment, on the disk when it returns.

        Raises:
            CheckpointError: the folder is lost or full.
        """
        from torch.utils.tensorboard.summary import histogram, scalar

        summaries = [scalar(f"train/{k}", v) for k, v in metrics.items() if k != "step"]
        segments = torch.arange(1, len(counts_M) + 1).repeat_interleave(counts_M)
        if len(segments):
            bins = len(counts_M)
            summaries.append(histogram("train/halting_segment", segments.numpy(), bins))
        try:
            if self.file is None:
                self._begin()
            for summary in summaries:
                self._write(step=step, summary=summary)
            self.file.flush()
        except OSError as error:
            self._drop()
            raise CheckpointError(
                f"{self.folder}: events cannot be written ({error.strerror}); {cure_of(error)}"
            ) from error

    def close(self) -> None:
        """Close the file. Its lines are on the disk already."""
        self._drop()

    def _begin(self) -> None:
        from tensorboard.compat.proto.event_pb2 import SessionLog  # type: ignore[import-untyped]
        from tensorboard.summary.writer.record_writer import (  # type: ignore[import-untyped]
            RecordWriter,
        )

        seconds = [_second(path) for path in self.folder.glob("events.out.tfevents.*")]
        second = max([int(time.time()), *(s + 1 for s in seconds)])  # read in the order of names
        name = f"events.out.tfevents.{second:010d}.{socket.gethostname()}.{os.getpid()}.0"
        self.file = (self.folder / name).open("xb")
        self.records = RecordWriter(self.file)
        self._write(step=self.first, file_version="brain.Event:2")
        self._write(step=self.first, session_log=SessionLog(status=SessionLog.START))
        for summary in described(self.config):
            self._write(step=self.first, summary=summary)

    def _write(self, **fields: Any) -> None:
        from tensorboard.compat.proto.event_pb2 import Event

        self.records.write(Event(wall_time=time.time(), **fields).SerializeToString())

    def _drop(self) -> None:
        if self.file is not None:
            with suppress(OSError):  # what could not be written was told of
                self.file.close()
        self.file = None


def described(config: TrainConfig) -> list[Any]:
    """Summaries of a config: its JSON, and each field a hyperparameter, the model's as "model/width"."""
    from torch.utils.tensorboard.summary import hparams, text

    told = config.to_json()
    values: dict[str, Any] = parse_json(told)
    flat = values | {f"model/{name}": value for name, value in values.pop("model").items()}
    plain = {k: v if isinstance(v, (bool, int, float)) else str(v) for k, v in flat.items()}
    indented = "".join(
        f"    {line}\n" for line in told.splitlines()
    )  # code, to TensorBoard's markdown
    experiment, start, _ = hparams(plain, dict.fromkeys(HEADLINES, 0.0))
    return [text("config", indented), experiment, start]


def _second(path: Path) -> int:
    """The second that an event file's name begins with; 0 for another name."""
    found = re.match(r"events\.out\.tfevents\.(\d{1,10})\.", path.name)
    return int(found[1]) if found else 0
