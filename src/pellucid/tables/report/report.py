"""The report: what the columns are, how good the network is and beside what, what it looks at, and what to do next.

Contract: a `TableReport` is plain data and knows how to become JSON; `in_words` (in `words.py`) and the page (in
`plots/table_page.py`) say it to people.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pellucid.tables.report.calibration import Calibration
from pellucid.tables.report.columns import Effect
from pellucid.tables.report.intervals import Interval
from pellucid.tables.report.metrics import Measure, why_first
from pellucid.tables.table import Line
from pellucid.tables.targets import Target
from pellucid.typing import Array

NETWORK, CONSTANT, AS_IT_WAS = "network", "constant", "recipe as it was"
"""What the network, an answer that is the same for all rows, and the recipe that a search began with are called."""


@dataclass(frozen=True)
class ModelScore:
    """One of the models that were measured on the same rows.

    Parameters
    ----------
    name : str
        "network", "constant", "linear model", "gradient boosting" or, of a search, "recipe as it was".
    scores : mapping
        Each measure by name, with its interval.
    folds : tuple of float
        The first measure on each fold.
    lead : mapping
        By how much the network is better (negative: worse) on the same rows, by measure; {} for itself.
    seconds : float
        What training took on all folds.
    """

    name: str
    scores: Mapping[str, Interval]
    folds: tuple[float, ...]
    lead: Mapping[str, Interval]
    seconds: float


def leads_constant(contenders: Sequence[ModelScore], measure: Measure) -> bool:
    """Whether the network's lead over a constant answer can be measured."""
    return any(each.name == CONSTANT and each.lead[measure.name].low > 0 for each in contenders)


@dataclass(frozen=True, eq=False)
class TableReport:
    """What is known of a network for a table.

    Parameters
    ----------
    source : str
        Where the table comes from.
    rows, dropped : int
        How many rows it has, and how many were left out since their target is missing.
    columns : tuple of Line
        What each column is taken for.
    notes : tuple of str
        What was found out in reading.
    target : Target
        What is predicted.
    recipe : str
        The name of the recipe.
    layers : str
        The network in words.
    measures : tuple of Measure
        What was measured; models are compared by the first.
    contenders : tuple of ModelScore
        The network, and those it was compared with; empty where nothing was measured.
    how : str
        How it was measured.
    verdict : str
        Whether a network is worth it.
    cautions : tuple of str
        What should make one look twice at the score.
    truth, answers : array
        The rows that were measured, and what networks answered that had not seen them.
    calibration : Calibration or None
        Whether probabilities or quantiles hold what they say.
    importance : mapping
        By column, how much worse the first measure becomes without it; the most important first.
    effects : tuple of Effect
        How predictions follow single columns.
    findings : mapping
        The doctor's.
    epochs, seconds : int, float
        Of the training of the model itself.
    next : tuple of (str, str)
        What to do next: a command or line of Python, and why.
    """

    source: str
    rows: int
    dropped: int
    columns: tuple[Line, ...]
    notes: tuple[str, ...]
    target: Target
    recipe: str
    layers: str
    measures: tuple[Measure, ...]
    contenders: tuple[ModelScore, ...] = ()
    how: str = ""
    verdict: str = ""
    cautions: tuple[str, ...] = ()
    truth: Array = field(default_factory=lambda: np.zeros(0), repr=False)
    answers: Array = field(default_factory=lambda: np.zeros(0), repr=False)
    calibration: Calibration | None = None
    importance: Mapping[str, float] = field(default_factory=dict)
    effects: tuple[Effect, ...] = ()
    findings: Mapping[str, Any] = field(default_factory=dict)
    epochs: int = 0
    seconds: float = 0.0
    next: tuple[tuple[str, str], ...] = ()

    @property
    def score(self) -> Interval | None:
        """The network's first measure; None where nothing was measured."""
        return self.contenders[0].scores[self.measures[0].name] if self.contenders else None

    def contender(self, name: str) -> ModelScore | None:
        """One of those that were compared, by name."""
        return next((each for each in self.contenders if each.name == name), None)

    def to_plain(self) -> dict[str, Any]:
        """All but the single rows as JSON values; numbers that are not finite become null."""
        return {
            "source": self.source,
            "rows": self.rows,
            "rows_without_target": self.dropped,
            "columns": [line._asdict() for line in self.columns],
            "notes": list(self.notes),
            "target": {
                "name": self.target.name,
                "task": self.target.task,
                "why": self.target.why,
                "classes": list(self.target.class_names),
                "levels": list(self.target.levels),
            },
            "recipe": self.recipe,
            "layers": self.layers,
            "how": self.how,
            "compared_by": self.measures[0].name,
            "why": why_first(self.target),
            "verdict": self.verdict,
            "cautions": list(self.cautions),
            "contenders": [_plain_contender(each) for each in self.contenders],
            "calibration": None if self.calibration is None else self.calibration.to_plain(),
            "importance": {name: _finite(value) for name, value in self.importance.items()},
            "effects": [effect.to_plain() for effect in self.effects],
            "findings": dict(self.findings),
            "epochs": self.epochs,
            "seconds": self.seconds,
            "next": [list(pair) for pair in self.next],
        }

    def to_json(self, indent: int | None = 1) -> str:
        """`to_plain` as JSON."""
        return json.dumps(self.to_plain(), indent=indent, ensure_ascii=False, allow_nan=False)

    def to_html(self, path: Any = None) -> str:
        """The report as one HTML file that loads nothing; written where a path is given (needs matplotlib)."""
        from pellucid.plots.table_page import table_page

        return table_page(self, path)

    def __str__(self) -> str:
        """The report in words."""
        from pellucid.tables.report.summary import in_words

        return in_words(self)


def _plain_contender(each: ModelScore) -> dict[str, Any]:
    return {
        "name": each.name,
        "scores": {name: [_finite(number) for number in interval] for name, interval in each.scores.items()},
        "folds": [_finite(value) for value in each.folds],
        "network_better_by": {name: [_finite(number) for number in interval] for name, interval in each.lead.items()},
        "seconds": each.seconds,
    }


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
