"""A planted fault or a healthy training tried out: what the doctor says, and what its remedy does."""

from __future__ import annotations

import warnings
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import pellucid as pl
from support.faults import Fault
from support.runs import Recipe, Rows, rows_of, score


@dataclass(frozen=True)
class FaultTrial:
    """What came of a planted fault."""

    fault: Fault
    diagnosis: pl.Diagnosis
    before: float
    """The score on test rows that neither training nor the doctor saw."""
    after: float
    """The same after the remedy; NaN where there is none."""
    trainer: pl.Trainer
    """The training with the fault."""

    @property
    def found(self) -> bool:
        return self.fault.finding in self.diagnosis.names

    @property
    def first(self) -> bool:
        return self.diagnosis.names[:1] == (self.fault.finding,)

    @property
    def better(self) -> bool:
        return self.after > self.before or (not np.isfinite(self.before) and np.isfinite(self.after))


def watched(trainer: pl.Trainer, rows: Rows, recipe: Recipe) -> pl.Doctor:
    """Train with a doctor as callback; a training that diverges is one, too."""
    doctor = pl.Doctor()
    trainer.callbacks.append(doctor)
    _train(trainer, rows, recipe)
    return doctor


def _train(trainer: pl.Trainer, rows: Rows, recipe: Recipe, **more: Any) -> None:
    options = {"validation": rows.validation, **recipe.fit, **more}
    with suppress(pl.DivergenceError):
        trainer.fit(rows.x, rows.y, epochs=recipe.epochs, **options)


def try_fault(fault: Fault) -> FaultTrial:
    """Train with the fault, ask the doctor, apply the remedy, train again."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a class without rows is part of some faults
        true = rows_of(fault.data, fault.seed, fault.rows)
        rows = true if fault.plant is None else fault.plant(true, fault.seed)
        trainer = fault.recipe.trainer(rows, fault.seed)
        doctor = watched(trainer, rows, fault.recipe)
        diagnosis = doctor.diagnosis
        before, after = score(trainer, rows, fault.measure), float("nan")
        finding = next((each for each in diagnosis if each.name == fault.finding), None)
        if finding is not None:
            after = _repaired(fault, finding, trainer, rows, true)
    return FaultTrial(fault, diagnosis, before, after, trainer)


def _repaired(fault: Fault, finding: pl.Finding, trainer: pl.Trainer, rows: Rows, true: Rows) -> float:
    """The score after the remedy: the finding's own, or the one that a person would apply."""
    more: dict[str, Any] = {}
    if fault.repair is not None:
        recipe = fault.recipe if isinstance(fault.repair, str) else fault.repair
        rows = rows if fault.plant is None else true
        repaired = recipe.trainer(rows, fault.seed)
    elif finding.remedy is not None:
        repaired = finding.remedy.apply(trainer)
        repaired.callbacks = [each for each in repaired.callbacks if not isinstance(each, pl.Doctor)]
        x, y = finding.remedy.rows(rows.x, rows.y)
        rows, more = replace(rows, x=x, y=y), dict(finding.remedy.fit)
    else:
        return float("nan")
    _train(repaired, rows, fault.recipe, **more)
    return score(repaired, rows, fault.measure)


def try_healthy(data: str, recipe: Recipe, seed: int) -> tuple[pl.Diagnosis, float]:
    """The diagnosis of a good training, and its score on test rows."""
    rows = rows_of(data, seed)
    trainer = recipe.trainer(rows, seed)
    doctor = watched(trainer, rows, recipe)
    return doctor.diagnosis, score(trainer, rows)
