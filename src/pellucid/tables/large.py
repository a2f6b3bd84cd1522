"""A file larger than memory from end to end: networks that learn from it part by part, measured and told about.

Contract: `train_stream` takes a `TableStream` and returns what `train_table` returns of a table in memory, with the
same recipes, jobs and report. The rows that the stream holds out are divided: by one half the best weights are found,
on the other all models are measured, the network's rivals after learning from the stream's examples. Where the
reservoir holds the whole file, the networks are those of the same rows in memory, to the bit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np

from pellucid.streams import Purpose, Stream
from pellucid.tables.fitting import Settings, TableModel, divide
from pellucid.tables.recipes import LEAST_EPOCHS, VISITS, Recipe
from pellucid.tables.report.baselines import Fold
from pellucid.tables.report.folds import FoldTrainings, Measurement
from pellucid.tables.running import EncodedRows, Job, run_all
from pellucid.tables.streaming import TableStream, one_epoch
from pellucid.tables.training import (
    DIAGNOSED,
    LEAST_TO_MEASURE,
    ProgressListener,
    Trained,
    check_learnt,
    completed,
    first_report,
)
from pellucid.typing import Array, Floats

EXAMPLES = 50_000
"""This many rows the rivals learn from."""

HELD_OUT = 0.2
"""The part of the rows that is not learnt from, as long as these are not too many."""


_PROGRAM = 280 * 2**20  # the program with all that it imports, and what networks, rivals and pictures take


def memory_of(stream: TableStream) -> int:
    """About how many bytes the whole process takes that trains on a stream and measures."""
    return _PROGRAM + stream.memory


def epochs_for(recipe: Recipe, rows: int) -> int:
    """The epochs for a stream of `rows` training rows: the recipe's, less from two million rows on, but one."""
    return max(1, min(recipe.epochs_for(rows), LEAST_EPOCHS * VISITS // rows))


@dataclass(kw_only=True)
class StreamJob(Job):
    """A training whose rows come piece by piece: each `run` learns from the one that `rows` holds.

    Parameters
    ----------
    stream : TableStream
        Where they come from.
    """

    stream: TableStream
    _mean: float | None = field(default=None, init=False)

    @property
    def count(self) -> int:
        """How many training rows there are."""
        return self.stream.train_rows

    @property
    def mean(self) -> float:
        """The mean over all training rows."""
        if self._mean is None:
            moments = None if self.stream.whole else self.stream.moments
            self._mean = super().mean if moments is None else moments.mean or 1.0
        return self._mean

    @property
    def epochs_begun(self) -> int:
        """How many epochs were done, or begun."""
        assert self.trainer is not None
        return math.ceil(self.trainer.step / math.ceil(self.count / min(self.recipe.batch_size, self.count)))

    @property
    def label(self) -> str:
        """What was trained, and how it ended."""
        assert self.trainer is not None
        history, epochs = self.trainer.history, self.epochs_begun
        best = "" if history.best_epoch is None else f", the best weights are those after piece {history.best_epoch:,}"
        passes, pieces = (
            f"{n:,} {word}{'' if n == 1 else 's'}" for n, word in ((epochs, "epoch"), (len(history), "piece"))
        )
        return f"{passes} of {self.count:,} rows, {pieces}, in {history.seconds:.3g} s{best}"

    def make(self) -> None:
        """Make the network and its trainer; the unit of the target is that of all rows, not of the first piece."""
        super().make()
        assert self.trainer is not None
        standardize, clamp = self.trainer.standardize_target, self.trainer.clamp
        if (standardize or clamp) and not self.stream.whole:
            assert self.stream.moments is not None
            self.network.target = self.stream.moments.unit(standardize=standardize, clamp=clamp)

    def prepare(self) -> None:
        """Make the network and its trainer, with first weights that suit the first piece."""
        if self.trainer is None:
            super().prepare()

    def run(self) -> Job:
        """Learn from a piece; an explosion or Ctrl-C is noted down and not raised."""
        self.learn(1)
        return self


def train_stream(
    stream: TableStream,
    settings: Settings,
    *,
    class_weight: Floats | None = None,
    measure: bool = True,
    recipe: str = "strong",
    telling: ProgressListener | None = None,
) -> Trained:
    r"""Train networks on a file that is read part by part, and measure them.

    Parameters
    ----------
    stream : TableStream
        The file, with rows held out to choose the best weights by and to measure on, and with examples that the rivals
        learn from (`EXAMPLES` of them).
    settings : Settings
        How networks are trained. Each goes through the same pieces, so that the file is read once an epoch.
    class_weight : array (classes,) or None
        How much a row of each class counts.
    measure : bool
        Whether the networks are measured; otherwise all rows that are held out choose the best weights.
    recipe : str
        What the recipe is called; for the report.
    telling : ProgressListener or None
        Who is told of what.

    Raises
    ------
    DivergenceError
        If a training exploded before its first piece was done.
    KeyboardInterrupt
        On Ctrl-C before the first piece was done.

    Examples
    --------
    >>> import os, tempfile
    >>> from pellucid.tables import recipe_for
    >>> path = os.path.join(tempfile.mkdtemp(), "t.csv")
    >>> with open(path, "w") as file:
    ...     _ = file.write("x,y\n" + "".join(f"{i % 100},{i % 100 / 50}\n" for i in range(1000)))
    >>> stream = TableStream(path, "y", examples=EXAMPLES, reservoir=400)
    >>> trained = train_stream(stream, Settings(recipe_for("plain", "numbers"), epochs=2), measure=False)
    >>> trained.report.epochs, len(trained.model.histories[0]), trained.report.columns[0].name
    (2, 8, 'x')
    """
    if not stream.examples[0].rows:
        raise ValueError(f"The stream keeps no examples, which the report needs: TableStream(…, examples={EXAMPLES}).")
    telling = telling or ProgressListener()
    choosing, measuring = _divided(stream, settings.seed, measure)
    jobs = _planned(stream, settings, choosing, class_weight)
    for job in jobs:
        job.callbacks += telling.watch(job)
    telling.begun(jobs)
    interrupted = _learn(jobs, stream, settings, telling, class_weight)
    check_learnt(jobs, interrupted)
    model = TableModel.of(jobs, stream.encoder)
    report = first_report(stream, stream.target, model, stream.dropped, recipe)
    report = replace(report, epochs=max(job.epochs_begun for job in jobs))
    if not interrupted:
        measured = _measurement(stream, settings, jobs, measuring, class_weight) if len(measuring) else None
        table, y = stream.examples
        weight = None if class_weight is None else class_weight[y]
        report = completed(report, measured, model, table, y, telling, weight)
        jobs[0].rows = _for_the_doctor(stream, class_weight)
    return Trained.of(model, report, jobs[0], interrupted)


def _divided(stream: TableStream, seed: int, measure: bool) -> tuple[Array, Array]:
    """Which of the rows that are held out choose the best weights, and on which is measured."""
    y = stream.held_out[1]
    if not measure or len(y) < LEAST_TO_MEASURE:
        return np.arange(len(y)), np.arange(0)
    return divide(y, stream.target, 0.5, seed)


def _weighed(x: Array, y: Array, class_weight: Floats | None) -> EncodedRows:
    """Rows, each with the weight of its class."""
    return EncodedRows(x, y, None if class_weight is None else class_weight[y])


def _for_the_doctor(stream: TableStream, class_weight: Floats | None) -> EncodedRows:
    """A few training rows from all over the file: those of a single piece may lie close together."""
    table, y = stream.examples
    some = Stream(0, Purpose.SPLIT, index=1).permutation(len(y))[:DIAGNOSED]
    return _weighed(stream.encoder.transform(table.take(some)), y[some], class_weight)


def _planned(stream: TableStream, settings: Settings, choosing: Array, class_weight: Floats | None) -> list[StreamJob]:
    x, y = stream.validation
    return [
        StreamJob(
            name=f"the model, network {number + 1} of {settings.n_models}" if settings.n_models > 1 else "the model",
            recipe=settings.recipe,
            layout=stream.encoder.layout,
            target=stream.target,
            rows=EncodedRows(x[:0], y[:0]),
            held_out=_weighed(x[choosing], y[choosing], class_weight) if len(choosing) else None,
            epochs=settings.epochs or epochs_for(settings.recipe, stream.train_rows),
            seed=settings.seed + 1000 * number,
            engine=settings.engine,
            threads=settings.threads,
            stream=stream,
        )
        for number in range(settings.n_models)
    ]


def _learn(
    jobs: list[StreamJob],
    stream: TableStream,
    settings: Settings,
    telling: ProgressListener,
    class_weight: Floats | None,
) -> bool:
    """All epochs, each piece for all jobs; return whether Ctrl-C came."""
    interrupted, batch = False, min(settings.recipe.batch_size, stream.train_rows)

    def learn(x: Floats, y: Array) -> bool:
        nonlocal interrupted
        going = [job for job in jobs if job.diverged is None]
        for job in going:
            job.rows = _weighed(x, y, class_weight)
        interrupted = run_all(going, settings.threads)
        for job in going:  # the piece goes
            job.rows = _weighed(x[:0], y[:0], class_weight)
        return not interrupted and any(job.diverged is None for job in jobs)

    try:
        for number in range(jobs[0].epochs):
            if not one_epoch(stream, lambda: [job.network for job in jobs], number, batch, learn):
                break
    except KeyboardInterrupt:  # between two pieces
        interrupted = True
    for job in jobs:
        if job.trainer is not None:
            job.finish()
            if not interrupted:
                telling.ended(job)
    return interrupted


def _measurement(
    stream: TableStream,
    settings: Settings,
    jobs: list[StreamJob],
    measuring: Array,
    class_weight: Floats | None,
) -> Measurement:
    """The networks and their rivals on the rows that are held out for it."""
    examples, y = stream.examples
    table, truth = stream.held_out
    weight, measured = (None if class_weight is None else class_weight[each] for each in (y, truth[measuring]))
    fold = Fold(examples, y, table.take(measuring), weight, stream.target, settings)
    how = f"on {len(measuring):,} rows set aside, which no model saw"
    if examples.rows < stream.train_rows:
        how += f"; the others learnt from {examples.rows:,} of the {stream.train_rows:,} rows"
    return Measurement([FoldTrainings(fold, truth[measuring], stream.encoder, list(jobs), measured)], how)
