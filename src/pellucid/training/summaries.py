"""The summary of a training: what its weights come from, for the model file."""

from __future__ import annotations

import hashlib
import weakref
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.description import TrainingSummary
from pellucid.display import typed
from pellucid.engines.engine import TrainingTask
from pellucid.storage.digests import array_digest
from pellucid.training.parts import TrainerParts
from pellucid.training.repeating import RepeatableTrainer
from pellucid.typing import Array
from pellucid.version import __version__

if TYPE_CHECKING:
    from pellucid.network import Network

_SAMPLES = 64  # rows that are looked at again before a hash is taken from memory
_NO_METRICS = ("epoch", "learning_rate", "seconds")


def first_summary(trainer: TrainerParts, task: TrainingTask, data_hash: str, validation_rows: int) -> TrainingSummary:
    """What a summary says all through a fit."""
    return TrainingSummary(
        version=__version__,
        engine=trainer.history.engine,
        seed=trainer.seed,
        epochs=trainer.epoch,
        steps=trainer.step,
        batch_size=task.batch_size,
        loss=typed(trainer.loss),
        optimizer=typed(trainer.optimizer),
        rows=len(task.x),
        row_shape=tuple(task.x.shape[1:]),
        row_dtype=task.x.dtype.name,
        data_hash=data_hash,
        validation_rows=validation_rows,
    )


def advanced(summary: TrainingSummary, trainer: RepeatableTrainer, last: int) -> TrainingSummary:
    """The summary at this moment: epochs, steps, metrics and settings; `last` is the epoch that `fit` ends with."""
    history = trainer.history
    row: dict[str, Any] = {}
    if len(history):
        row = history.row(-1 if history.best_epoch is None else history["epoch"].index(history.best_epoch))
    metrics = {name: float(value) for name, value in row.items() if value is not None and name not in _NO_METRICS}
    settings = trainer.repetition.settings(trainer, last)
    return replace(summary, epochs=trainer.epoch, steps=trainer.step, metrics=metrics, settings=settings)


def learnt_from(network: Network, x: Array, y: Any) -> bool:
    """Whether these very rows x (n, *shape) and targets y, in this order, are those that a network was trained on."""
    summary = network.training
    if summary is None or network.loss is None or summary.rows != len(x):
        return False
    with suppress(TypeError, ValueError):  # a dtype that is none, or targets that are of another kind
        rows = np.asarray(x).astype(np.dtype(summary.row_dtype))
        return DataHash().of(rows, network.encode(y, network.loss)) == summary.data_hash
    return False


class DataHash:
    """SHA-256 of inputs and targets, which for the same array of inputs is not computed anew.

    An array whose first, last and evenly spread rows are the same is taken to be the same.
    """

    def __init__(self) -> None:
        self._inputs: Callable[[], Array | None] | None = None
        self._sample = 0
        self._digest = ""

    def of(self, x: Array, targets: Array) -> str:
        """The hash, in hexadecimal."""
        sample = zlib.crc32(np.ascontiguousarray(x[:: max(1, len(x) // _SAMPLES)]).reshape(-1).view(np.uint8).data)
        if self._inputs is None or self._inputs() is not x or sample != self._sample:
            self._digest = array_digest(x)
            self._inputs, self._sample = weakref.ref(x), sample
        return hashlib.sha256(f"{self._digest} {array_digest(targets)}".encode()).hexdigest()

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy knows no array yet."""
        return (DataHash, ())
