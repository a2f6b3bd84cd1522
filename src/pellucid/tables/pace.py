"""How long trainings take: measured on a few steps, so that they can be made to end in time."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from pellucid.engines.pool import worker_count
from pellucid.tables.fitting import Settings, plan
from pellucid.tables.report.folds import encoder_for, usual_folds
from pellucid.tables.table import Table
from pellucid.tables.targets import Target
from pellucid.typing import Array

_TRIED = 4096  # rows
_SECONDS = 0.5
_SPARED = 0.75  # the part of the time that networks may take; reading, rivals and pictures have the rest


def row_budget(
    seconds: float, table: Table, y: Array, target: Target, settings: Settings, folds: int | None = None
) -> tuple[int, float]:
    """How many rows each training may go through so that all of them end in this many seconds, and the pace in rows a
    second of one core. It is timed, and so not the same every time: what is trained then is.
    """
    pace = pace_of(table, y, target, settings)
    count = usual_folds(table.rows) if folds is None else folds
    jobs = settings.n_models * (1 + count)
    lanes = worker_count(jobs, settings.threads)
    return max(1, int(_SPARED * seconds * pace * lanes / jobs)), pace


def pace_of(table: Table, y: Array, target: Target, settings: Settings) -> float:
    """Rows a second, forth, back and stepped, on one core."""
    rows = np.arange(min(table.rows, _TRIED))
    part = table.take(rows)
    encoder = encoder_for(part, settings)
    tried = replace(settings, n_models=1, validation=0.0, epochs=1000, threads=1)
    (job,) = plan(encoder.transform(part), y[rows], encoder.layout, target, tried)
    job.threads = 1
    job.prepare()
    assert job.trainer is not None
    job.trainer.fit(job.rows.x, job.rows.y, epochs=1, progress=False)  # what is measured once, and caches
    began, epochs = time.perf_counter(), 0
    while (took := time.perf_counter() - began) < _SECONDS or not epochs:
        job.trainer.fit(job.rows.x, job.rows.y, epochs=1, progress=False)
        epochs += 1
    return epochs * len(rows) / took
