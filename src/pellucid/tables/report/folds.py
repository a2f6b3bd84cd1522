"""Measuring on rows that were not trained on: folds, the network and its rivals on the same ones.

Contract: `folds_of` divides the rows; `Measurement.by_folds` makes the jobs of the network on each fold, so that they
can run beside others; `finish` then asks the rivals, and returns all models' predictions for the same rows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pellucid.datasets.splits import k_fold_indices, split_indices
from pellucid.encoding.encoder import TableEncoder
from pellucid.tables.fitting import Indices, Settings, TableModel, plan
from pellucid.tables.report.baselines import RIVALS, Fold
from pellucid.tables.report.columns import permutation_importance
from pellucid.tables.report.intervals import bootstrap, interval
from pellucid.tables.report.metrics import Measure
from pellucid.tables.report.scores import NETWORK, ModelScore
from pellucid.tables.running import Job
from pellucid.tables.table import Table
from pellucid.tables.targets import Target
from pellucid.typing import Array, Floats

MOST_FOLDS = 100
"""More trainings than these tell no more of a table."""

_MANY_ROWS = 5_000  # from here on three folds tell as much as five
_SINGLE_SPLIT = 20_000  # and from here on a single one does
_TESTED = 0.2  # of the rows, where there is a single split
_LOOKED_AT = 4_000  # rows of each fold that importance is measured on


def usual_folds(rows: int) -> int:
    """How many folds suit a table: 5, 3 for thousands of rows, 1 (a single split) for very many."""
    return 5 if rows < _MANY_ROWS else 3 if rows < _SINGLE_SPLIT else 1


def folds_of(y: Array, target: Target, folds: int, seed: int) -> list[tuple[Indices, Indices]]:
    """Row numbers to train on and to be measured on; classes keep their proportions where they have rows enough."""
    classes = target.task == "classes"
    if folds == 1:
        try:
            training, _, testing = split_indices(y, 0, _TESTED, stratify=classes, seed=seed)
        except ValueError:
            training, _, testing = split_indices(y, 0, _TESTED, stratify=False, seed=seed)
        return [(training, testing)]
    folds = min(folds, len(y))
    try:
        return k_fold_indices(y, folds, stratify=classes, seed=seed)
    except ValueError:  # a class has fewer rows than there are folds
        return k_fold_indices(y, folds, stratify=False, seed=seed)


@dataclass(eq=False)
class FoldTrainings:
    """One fold, and the network's trainings on it.

    Parameters
    ----------
    fold : Fold
        What the rivals learn from, and the rows that all are measured on.
    truth : array (m,)
        The encoded targets of these.
    encoder : TableEncoder
        What made numbers of the rows that the network learnt from.
    jobs : list of Job
        Its trainings.
    weight : array (m,) or None
        How much each of the measured rows counts.
    """

    fold: Fold
    truth: Array
    encoder: Any
    jobs: list[Job]
    weight: Array | None = None
    seconds: dict[str, float] = field(default_factory=dict)

    def model(self) -> TableModel:
        """What the trainings have come to."""
        return TableModel.of(self.jobs, self.encoder)


class Measurement:
    """Rows that are measured, and what became of them.

    Parameters
    ----------
    parts : sequence of FoldTrainings
        The folds; one is a single split.
    how : str
        How it was measured, in words; "": by the folds.
    others : mapping
        Further models by name, with their predictions for the rows of each part.
    """

    def __init__(
        self, parts: Sequence[FoldTrainings], how: str = "", others: Mapping[str, list[Floats]] | None = None
    ) -> None:
        self.parts = list(parts)
        self.how = how or self._how()
        self.others = dict(others or {})

    @classmethod
    def by_folds(
        cls, table: Table, y: Array, target: Target, settings: Settings, folds: int, weight: Array | None = None
    ) -> Measurement:
        """The folds of a table, not yet trained on.

        Parameters
        ----------
        table, y : Table, array (n,)
            All rows and their encoded targets.
        target, settings : Target, Settings
            What is predicted, and how networks are trained.
        folds : int
            How many; 1 is a single split.
        weight : array (n,) or None
            How much each row counts.
        """
        parts = []
        divisions = folds_of(y, target, folds, settings.seed)
        for number, (training, testing) in enumerate(divisions, start=1):
            train, test = table.take(training), table.take(testing)
            weights = None if weight is None else weight[training]
            encoder = encoder_for(train, settings)
            name = "the measured model" if len(divisions) == 1 else f"fold {number} of {len(divisions)}"
            jobs = plan(
                encoder.transform(train), y[training], encoder.layout, target, settings, weight=weights, name=name
            )
            fold = Fold(train, y[training], test, weights, target, settings)
            parts.append(FoldTrainings(fold, y[testing], encoder, jobs, None if weight is None else weight[testing]))
        return cls(parts)

    @property
    def jobs(self) -> list[Job]:
        """The trainings of all folds."""
        return [job for part in self.parts for job in part.jobs]

    def _how(self) -> str:
        rows = sum(len(part.truth) for part in self.parts)
        if len(self.parts) == 1:
            return f"on {rows:,} rows set aside, which no model saw"
        return f"by {len(self.parts)} folds: each of the {rows:,} rows was predicted by models that had not seen it"

    def finish(
        self, measures: Sequence[Measure], on_progress: Callable[[str], None] = lambda name: None
    ) -> tuple[tuple[ModelScore, ...], Array, Floats]:
        """The contenders, and truth and the network's answers for the measured rows."""
        answers = {NETWORK: [self._answers(part) for part in self.parts]}
        for name, rival in RIVALS.items():
            on_progress(name)
            found = []
            for part in self.parts:
                began = time.perf_counter()
                answer = rival(part.fold)
                part.seconds[name] = time.perf_counter() - began
                if answer is None:
                    break
                found.append(answer)
            if len(found) == len(self.parts):
                answers[name] = found
        answers |= self.others
        truth = np.concatenate([part.truth for part in self.parts])
        weights = [part.weight for part in self.parts if part.weight is not None]
        weight = np.concatenate(weights) if weights else None
        together = {name: np.concatenate(parts) for name, parts in answers.items()}
        of = [measure.of(truth, together[name]) for name in together for measure in measures]
        drawn = bootstrap(of, len(truth), weight).reshape(-1, len(together), len(measures))
        contenders = []
        for place, name in enumerate(together):
            scores = {measure.name: interval(drawn[:, place, k]) for k, measure in enumerate(measures)}
            each = [
                measures[0](part.truth, answer, part.weight)
                for part, answer in zip(self.parts, answers[name], strict=True)
            ]
            lead = {
                measure.name: interval((1.0 if measure.higher else -1.0) * (drawn[:, 0, k] - drawn[:, place, k]))
                for k, measure in enumerate(measures)
                if place and measure.compares
            }
            seconds = sum(part.seconds.get(name, 0.0) for part in self.parts)
            contenders.append(ModelScore(name, scores, tuple(each), lead, seconds))
        return tuple(contenders), truth, together[NETWORK]

    def _answers(self, part: FoldTrainings) -> Floats:
        answers = part.model().answers(part.encoder.transform(part.fold.test))
        part.seconds[NETWORK] = sum(job.trainer.history.seconds for job in part.jobs if job.trainer is not None)
        return answers

    def importance(self, measure: Measure) -> dict[str, float]:
        """By how much the measure becomes worse without each column: the mean over the folds, the highest first."""
        drops: dict[str, list[float]] = {}
        for number, part in enumerate(self.parts):
            rows = np.arange(min(_LOOKED_AT, len(part.truth)))
            test, model, encoder = part.fold.test.take(rows), part.model(), part.encoder
            columns = {column.name: test[column.name] for column in test.columns if column.used}

            def answer(changed: Any, model: TableModel = model, encoder: Any = encoder) -> Floats:
                return model.answers(encoder.transform(changed))

            found = permutation_importance(answer, columns, part.truth[rows], measure, list(columns), seed=number)
            for name, drop in found.items():
                drops.setdefault(name, []).append(drop)
        means = {name: float(np.mean(values)) for name, values in drops.items()}
        return dict(sorted(means.items(), key=lambda pair: -pair[1]))


def encoder_for(table: Table, settings: Settings) -> Any:
    """The encoder of a table, as the recipe asks for it."""
    return TableEncoder.fit(table, one_hot_up_to=settings.recipe.one_hot_up_to, clip=settings.recipe.clip)
