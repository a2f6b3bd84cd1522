"""A table from end to end: columns to numbers, networks trained, measured on folds, and told about.

Contract: `train_table` takes a table and the name of its target, and returns what was learnt (`TableModel`) and what is
known of it (`TableReport`). All trainings, the model's own and those of the folds, run side by side on the cores there
are. Ctrl-C ends them: what the model had learnt by then stays, and what was not measured is missing in the report.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from pellucid.inspection.doctor import Diagnosis, diagnose
from pellucid.layers import Dense, Layer
from pellucid.tables.fitting import Settings, TableModel, plan
from pellucid.tables.report.calibration import calibration_of
from pellucid.tables.report.cautions import cautions_of
from pellucid.tables.report.columns import Effect, effect_of
from pellucid.tables.report.folds import MOST_FOLDS, Measurement, encoder_for, usual_folds
from pellucid.tables.report.metrics import measures_of
from pellucid.tables.report.report import TableReport
from pellucid.tables.report.scores import leads_constant
from pellucid.tables.report.verdict import verdict
from pellucid.tables.running import Job, run_all
from pellucid.tables.table import Line, Table
from pellucid.tables.targets import Target
from pellucid.training import Callback
from pellucid.typing import Array, Floats
from pellucid.validation import check_integer

_EFFECTS = 6  # columns whose effect is shown, the most important ones

LEAST_TO_MEASURE = 20
"""Of fewer rows, a part says nothing."""

DIAGNOSED = 2000
"""This many rows the doctor looks at."""


@dataclass
class ProgressListener:
    """Who is told of what, while it happens: nobody, unless somebody asks."""

    begun: Callable[[Sequence[Job]], None] = lambda jobs: None
    """All trainings, before the first of them."""
    watch: Callable[[Job], list[Callback]] = lambda job: []
    """Callbacks for a training."""
    ended: Callable[[Job], None] = lambda job: None
    """A training that has ended."""
    now: Callable[[str], None] = lambda words: None
    """What is done next, in a word or two."""


@dataclass
class Trained:
    """What came of a table: the model and the report; the training of its first network, and the doctor's diagnosis."""

    model: TableModel
    report: TableReport
    job: Job
    diagnosis: Diagnosis = field(default_factory=Diagnosis)
    interrupted: bool = False

    @staticmethod
    def of(model: TableModel, report: TableReport, job: Job, interrupted: bool) -> Trained:
        """With the doctor's findings in the report, unless Ctrl-C came."""
        if interrupted:
            return Trained(model, report, job, interrupted=True)
        diagnosis = diagnosis_of(job)
        return Trained(model, replace(report, findings=diagnosis.to_dict()), job, diagnosis)


def train_table(
    table: Table,
    y: Array,
    target: Target,
    settings: Settings,
    *,
    folds: int | None = None,
    weight: Array | None = None,
    dropped: int = 0,
    recipe: str = "strong",
    telling: ProgressListener | None = None,
) -> Trained:
    """Train networks for a table and measure them.

    Parameters
    ----------
    table : Table
        The columns without the target.
    y : array (n,)
        The target's values as `target.encode` returns them.
    target : Target
        What is predicted.
    settings : Settings
        How networks are trained.
    folds : int or None
        How many folds are measured: 1 is a single split, 0 none. None: what suits the number of rows.
    weight : array (n,) or None
        How much each row counts.
    dropped : int
        How many rows were left out before, since their target is missing; for the report.
    recipe : str
        What the recipe is called; for the report.
    telling : ProgressListener or None
        Who is told of what.

    Raises
    ------
    DivergenceError
        If a training exploded before its first epoch was done.
    KeyboardInterrupt
        On Ctrl-C before the model's first epoch was done.
    """
    telling = telling or ProgressListener()
    encoder = encoder_for(table, settings)
    x = encoder.transform(table)
    own = plan(x, y, encoder.layout, target, settings, weight=weight)
    measured = measurement(table, y, target, settings, folds, weight)
    jobs = [*own, *(measured.jobs if measured else [])]
    for job in jobs:
        job.callbacks += telling.watch(job)
    telling.begun(jobs)
    interrupted = run_all(jobs, settings.threads, telling.ended)
    check_learnt(own, interrupted)
    model = TableModel.of(own, encoder)
    report = first_report(table, target, model, dropped, recipe)
    if not interrupted:
        report = completed(report, measured, model, table, y, telling, weight)
    return Trained.of(model, report, own[0], interrupted)


def check_learnt(jobs: Sequence[Job], interrupted: bool) -> None:
    """Raise `KeyboardInterrupt` if Ctrl-C came before an epoch was done: nothing was learnt."""
    if interrupted and not all(job.trainer is not None and job.trainer.epoch for job in jobs):
        raise KeyboardInterrupt


def measurement(
    table: Table, y: Array, target: Target, settings: Settings, folds: int | None, weight: Array | None = None
) -> Measurement | None:
    """The folds of a table, not yet trained on; None where none are wanted or there are too few rows."""
    count = usual_folds(table.rows) if folds is None else check_integer("folds", folds, maximum=MOST_FOLDS)
    if not count or table.rows < LEAST_TO_MEASURE:
        return None
    return Measurement.by_folds(table, y, target, settings, count, weight)


class Described(Protocol):
    """What a report says of a table: a `Table`, or a file that is read part by part."""

    @property
    def source(self) -> str:
        """Where it comes from, for people."""

    @property
    def rows(self) -> int:
        """How many rows have a target."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What was found out in reading."""

    def describe(self) -> tuple[Line, ...]:
        """What each column is."""


def first_report(table: Described, target: Target, model: TableModel, dropped: int, recipe: str) -> TableReport:
    """What is known before anything is measured."""
    network = model.networks[0]
    several = "" if len(model.networks) == 1 else f"{len(model.networks)} networks: "
    return TableReport(
        source=table.source,
        rows=table.rows,
        dropped=dropped,
        columns=table.describe(),
        notes=table.notes,
        target=target,
        recipe=recipe,
        layers=several + ", ".join(_short(layer) for layer in network.layers),
        measures=measures_of(target),
        epochs=max(len(history) for history in model.histories),
        seconds=sum(history.seconds for history in model.histories),
    )


def _short(layer: Layer) -> str:
    """A layer by its name, a dense one with its units."""
    name = type(layer).__name__
    return f"{name}({layer.units})" if isinstance(layer, Dense) else name


def completed(
    report: TableReport,
    measured: Measurement | None,
    model: TableModel,
    table: Table,
    y: Array,
    telling: ProgressListener,
    weight: Array | None = None,
) -> TableReport:
    """The report with what hangs on measured rows, whose trainings have ended, and with the effects of columns."""
    if measured is not None:
        measures = report.measures
        contenders, truth, answers = measured.finish(measures, telling.now)
        telling.now("importance of columns")
        importance = measured.importance(measures[0])
        believed = importance if leads_constant(contenders, measures[0]) else {}
        report = replace(
            report,
            contenders=contenders,
            how=measured.how,
            verdict=verdict(contenders, measures[0]),
            truth=truth,
            answers=answers,
            calibration=calibration_of(report.target, truth, answers),
            importance=importance,
            cautions=cautions_of(model.encoder.transform(table), y, report.target, believed, weight),
        )
    telling.now("effects of columns")
    names = list(report.importance) or list(model.encoder.column_names)
    return replace(report, effects=effects_of(model, table, names))


def effects_of(model: TableModel, table: Table, names: Sequence[str], most: int = _EFFECTS) -> tuple[Effect, ...]:
    """The effects of the first this many of some columns; dates have none, whose parts go together."""

    def answer(columns: Any) -> Floats:
        return model.answers(model.encoder.transform(columns))

    columns = {column.name: table[column.name] for column in table.columns if column.used}
    kinds = {column.name: column.kind for column in table.columns}
    shown = [name for name in names if kinds[name] != "date"][:most]
    found = [effect_of(answer, columns, name, number=kinds[name] == "number") for name in shown]
    return tuple(effect for effect in found if effect is not None)


def diagnosis_of(job: Job) -> Diagnosis:
    """The diagnosis of a training that has ended, whose network predicts in the target's own unit."""
    trainer, rows, held_out = job.trainer, job.rows, job.held_out
    assert trainer is not None
    some = np.arange(min(DIAGNOSED, len(rows.x)))
    weight = None if rows.weight is None else rows.weight[some]
    return diagnose(trainer, rows.x[some], rows.y[some], validation=held_out, sample_weight=weight)
