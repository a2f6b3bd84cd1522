"""What a worker of a sweep does: it trains one configuration after the other.

Contract: a `SweepTask` is what all configurations share, a `Runner` trains one of them and returns its row, whatever
happens to it. Threads share a runner; each worker process has its own, made by `start_process`, and must be able to
unpack the task: `check_picklable` says so before anything is started.
"""

from __future__ import annotations

import contextlib
import pickle
import signal
import sys
import threading
import time
import traceback
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pellucid.engines import EngineChoice
from pellucid.engines.pool import LOOK
from pellucid.network import Network
from pellucid.sweeps.keeping import described, digest_of_array
from pellucid.sweeps.results import Trial, metrics_of
from pellucid.training.callbacks import Callback
from pellucid.training.history import History
from pellucid.training.trainer import Trainer
from pellucid.version import __version__

_PICKLING = (
    "Define it with def in a module (a file), not in a notebook, another function or as a lambda, or leave "
    "processes=False."
)


@dataclass(frozen=True)
class SweepTask:
    """What is the same for all configurations."""

    make_trainer: Callable[..., Trainer]
    x: Any
    y: Any
    epochs: int
    options: Mapping[str, Any]

    def described(self) -> list[Any]:
        """All that decides the numbers, besides the parameters, as plain data."""
        try:
            function = described(self.make_trainer)
        except TypeError:  # an object that can be called: its class is all that can be seen
            function = described(type(self.make_trainer))
        arrays = [digest_of_array(self.x), digest_of_array(self.y)]
        options = {name: self._described_option(value) for name, value in self.options.items()}
        return [__version__, function, arrays, self.epochs, options]

    @staticmethod
    def _described_option(value: Any) -> Any:
        if isinstance(value, tuple | list) and len(value) in (2, 3):  # validation: arrays
            return [digest_of_array(part) for part in value]
        with contextlib.suppress(TypeError):
            return described(value)
        return digest_of_array(value)


class _StopTraining(Exception):
    """The sweep was interrupted."""


class _Watch(Callback):
    """Looks some times a second whether to stop, and tells how far the training is."""

    def __init__(self, stopping: Any, tell: Callable[[History], None]) -> None:
        self._stopping, self._tell = stopping, tell
        self._looked, self._epoch, self._interval = 0.0, 0, 1

    def on_fit_begin(self, trainer: Trainer, epochs: int) -> None:
        """From here on it looks at the clock: what other callbacks take is part of an epoch."""
        self._looked, self._epoch = time.perf_counter(), trainer.epoch

    def interval(self, trainer: Trainer) -> int:
        """As many epochs as fit between two looks."""
        return self._interval

    def on_epoch_end(self, trainer: Trainer) -> None:
        """Look, and tell."""
        if self._stopping.is_set():
            raise _StopTraining
        self._tell(trainer.history)
        now = time.perf_counter()
        self._interval = max(1, int(LOOK * (trainer.epoch - self._epoch) / max(now - self._looked, 1e-9)))
        self._looked, self._epoch = now, trainer.epoch


class Runner:
    """Trains one configuration after the other; the threads of a process share one."""

    def __init__(self, task: SweepTask, stopping: Any, one_thread: bool) -> None:
        self._task, self._stopping, self._one_thread = task, stopping, one_thread
        self._seen: weakref.WeakSet[Any] = weakref.WeakSet()
        self._lock = threading.Lock()

    def run(self, parameters: dict[str, Any], tell: Callable[[History], None]) -> Trial:
        """The finished or failed row; one that is waiting if the sweep was interrupted."""
        began = time.perf_counter()
        trainer: Trainer | None = None
        row = Trial(parameters)
        try:
            if self._stopping.is_set():
                return row
            trainer = self._make(parameters)
            trainer.callbacks.append(_Watch(self._stopping, tell))
            history = trainer.fit(
                self._task.x, self._task.y, epochs=self._task.epochs, progress=False, **self._task.options
            )
            row = replace(row, state="done", metrics=metrics_of(history), history=history)
        except _StopTraining:
            return row
        except Exception as error:
            words, place = f"{type(error).__name__}: {error}", traceback.format_exc()
            history_so_far = trainer.history if isinstance(trainer, Trainer) and len(trainer.history) else None
            row = replace(row, state="failed", error=words, traceback=place, history=history_so_far)
        return replace(row, seconds=time.perf_counter() - began)

    def _make(self, parameters: dict[str, Any]) -> Trainer:
        trainer = self._task.make_trainer(**parameters)
        if not isinstance(trainer, Trainer):
            raise TypeError(f"make_trainer must answer a Trainer, not {trainer!r:.80}.")
        with self._lock:
            for part in (trainer, trainer.network, *trainer.callbacks):
                if part in self._seen:
                    raise ValueError(
                        f"make_trainer answered with the {type(part).__name__} of another configuration, so that one "
                        f"would change the other: make a new one inside make_trainer."
                    )
                self._seen.add(part)
        if self._one_thread and trainer.network.threads is None:
            _use_one_thread(trainer.network)
        return trainer


def _use_one_thread(network: Network) -> None:
    """One thread for each network: the cores belong to the workers. The bits are the same for any number."""
    network.threads = 1
    network.engines = EngineChoice(network.engines.name, 1)


_process_runner: Runner | None = None
"""The runner of a worker process: each process has its own."""


def start_process(task: SweepTask, stopping: Any, one_thread: bool) -> None:
    """Get a worker process ready. A Ctrl-C is the sweep's to hear, and it tells by `stopping`."""
    global _process_runner
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _process_runner = Runner(task, stopping, one_thread)


def run_in_process(parameters: dict[str, Any]) -> Trial:
    """Train a configuration in a worker process."""
    assert _process_runner is not None
    row = _process_runner.run(parameters, lambda history: None)
    return replace(row, parameters={})  # the sweep has them


def check_picklable(task: SweepTask, configurations: list[Any]) -> None:
    """Raise before anything is started, if a process could not be told what to do."""
    function = getattr(task.make_trainer, "func", task.make_trainer)
    if getattr(function, "__module__", "") == "__main__" and not hasattr(sys.modules["__main__"], "__file__"):
        raise ValueError(f"make_trainer was typed in, so that other processes do not have it. {_PICKLING}")
    _pickle("make_trainer", task.make_trainer)
    _pickle("configurations", configurations)


def _pickle(name: str, value: Any) -> None:
    try:
        pickle.dumps(value)
    except Exception as error:
        raise ValueError(f"{name} cannot be sent to other processes ({error}). {_PICKLING}") from None
