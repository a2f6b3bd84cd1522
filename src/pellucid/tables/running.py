"""Several trainings side by side: an ensemble's networks, the folds of a measurement.

Contract: a `Job` is a training that is prepared in the main thread and run in any. `run_all` runs them on as many
threads as there are cores, ends all of them on Ctrl-C, and returns whether that came; each job says how it ended.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from pellucid.encoding.encoder import Layout
from pellucid.engines import pool
from pellucid.losses import TargetScaling
from pellucid.network import Network
from pellucid.tables.building import network_of, steps_of, trainer_of
from pellucid.tables.recipes import Recipe
from pellucid.tables.targets import Target
from pellucid.tables.temperature import calibrate_temperature
from pellucid.training import Callback, DivergenceError, Trainer
from pellucid.training.examples import Examples
from pellucid.typing import Array
from pellucid.validation import counted


class EncodedRows(NamedTuple):
    """Rows as the encoder made them (n, d), their targets (n,), and how much each counts."""

    x: Array
    y: Array
    weight: Array | None = None


@dataclass
class Job:
    """One training.

    Parameters
    ----------
    name : str
        What it is for: "the model", "fold 2 of 3".
    recipe, layout, target : Recipe, Layout, Target
        What is trained for what.
    rows : EncodedRows
        The training rows.
    held_out : EncodedRows or None
        The rows that the best epoch is found by.
    epochs : int
        How often every row is used.
    seed : int
        Where its random numbers start.
    """

    name: str
    recipe: Recipe
    layout: Layout
    target: Target
    rows: EncodedRows
    held_out: EncodedRows | None
    epochs: int
    seed: int
    engine: str = "auto"
    threads: int | None = None
    trainer: Trainer | None = None
    diverged: DivergenceError | None = None
    interrupted: bool = False
    callbacks: list[Callback] = field(default_factory=list)
    _examples: tuple[EncodedRows, Examples] | None = field(default=None, init=False, repr=False)

    @property
    def network(self) -> Network:
        """The network that is trained."""
        assert self.trainer is not None
        return self.trainer.network

    @property
    def count(self) -> int:
        """How many training rows there are."""
        return len(self.rows.x)

    @property
    def visits(self) -> int:
        """How many rows the training goes through, all epochs together."""
        return self.epochs * self.count

    @property
    def label(self) -> str:
        """What was trained, and how it ended."""
        assert self.trainer is not None
        history = self.trainer.history
        best = "" if history.best_epoch is None else f", the best is {history.best_epoch}"
        return f"{counted(len(history), 'epoch')} of {counted(self.count, 'row')} in {history.seconds:.3g} s{best}"

    @property
    def mean(self) -> float:
        """The unit that counts are learnt in: their mean over the training rows, as these weigh."""
        return float(np.average(self.rows.y, weights=self.rows.weight)) or 1.0

    def prepare(self) -> None:
        """Make the network and its trainer, and draw the first weights."""
        self.make()
        assert self.trainer is not None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # a class that is too rare to be in every fold
            self.trainer.begin(self._checked())

    def make(self) -> None:
        """Make the network and its trainer."""
        steps = steps_of(self.recipe, self.count, self.epochs)
        target = self.target.smoothed(self.recipe.label_smoothing)
        network = network_of(self.recipe, self.layout, target.outputs, steps, engine=self.engine, threads=self.threads)
        if target.classes:
            network.classes = target.class_names
        if target.task == "counts":  # in units of their mean, so that all tables start alike
            network.target = TargetScaling(scale=self.mean)
        self.trainer = trainer_of(
            self.recipe,
            network,
            target.loss,
            rows=self.count,
            epochs=self.epochs,
            seed=self.seed,
            watch=None if self.held_out is None else target.watch,
            scaled=target.task == "numbers",
            callbacks=self.callbacks,
        )

    def run(self) -> Job:
        """Train to the end; an explosion or Ctrl-C is noted down and not raised."""
        self.learn(self.epochs)
        self.finish()
        return self

    def stop(self) -> None:
        """End the training after the epoch that it is in."""
        assert self.trainer is not None
        self.trainer.stop("Training was interrupted.")

    def learn(self, epochs: int) -> None:
        """Go this many times through the rows; an explosion or Ctrl-C is noted down and not raised."""
        assert self.trainer is not None
        try:
            self.trainer.fit_examples(self._checked(), epochs=epochs, validation=self.held_out, progress=False)
        except DivergenceError as error:
            self.diverged = error
        except KeyboardInterrupt:
            self.interrupted = True

    def _checked(self) -> Examples:
        """The rows, checked once: those of a stream are others with each piece."""
        if self._examples is None or self._examples[0] is not self.rows:
            assert self.trainer is not None
            rows = self.rows
            self._examples = rows, self.trainer.examples(rows.x, rows.y, sample_weight=rows.weight)
        return self._examples[1]

    def finish(self) -> None:
        """Make the probabilities of a trained network as sure as the rows that were held back allow."""
        trained = self.trainer is not None and self.trainer.epoch
        if trained and self.recipe.temperature and self.target.classes and self.held_out is not None:
            calibrate_temperature(self.network, *self.held_out)


def run_all(jobs: Sequence[Job], threads: int | None = None, ended: Callable[[Job], None] = lambda job: None) -> bool:
    """Prepare and run the jobs, side by side where there are several; return whether Ctrl-C came.

    Parameters
    ----------
    jobs : sequence of Job
        The first ones begin first.
    threads : int or None
        How many cores may be used; None: all.
    ended : function
        Told of each job when it has ended, in the main thread.
    """
    workers = pool.worker_count(len(jobs), threads)
    for job in jobs:
        job.threads = 1 if workers > 1 else threads
        job.prepare()
    return pool.run_all([job.run for job in jobs], workers, lambda n: jobs[n].stop(), lambda n: ended(jobs[n]))[1]
