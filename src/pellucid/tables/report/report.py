"""The report: what the columns are, how good the network is and beside what, what it looks at, and what to do next.

Contract: a `TableReport` is plain data and knows how to become JSON and words; the command line has colours and
tables of its own, and the page is drawn above (`plots/table_page.py`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.pictures import draw
from pellucid.tables.formatting import minus
from pellucid.tables.report.calibration import Calibration
from pellucid.tables.report.columns import Effect
from pellucid.tables.report.intervals import Interval
from pellucid.tables.report.metrics import Measure, why_first
from pellucid.tables.report.scores import ModelScore, contender_rows, scored
from pellucid.tables.table import Line
from pellucid.tables.targets import Target
from pellucid.typing import Array
from pellucid.validation import counted


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

    @property
    def headline(self) -> str:
        """What was learnt, and how well, in one line."""
        what = f"{self.target.name} ({self.target.label}) from {Path(self.source).name}, {counted(self.rows, 'row')}"
        if self.score is None:
            return f"{what}: not measured"
        measure = self.measures[0]
        return f"{what}: {measure.title} {scored(self.score, measure)}"

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
        page: str = draw("table_page", self, path)
        return page

    def __str__(self) -> str:
        """The report in words, for a notebook or a file of text: all of it that fits into lines."""
        lines = [self.headline, ""]
        if self.contenders:
            lines += [*_table(contender_rows(self.contenders, self.measures)), "", f"Measured {self.how}."]
            lines += [why_first(self.target), self.verdict, *(f"Caution: {words}" for words in self.cautions), ""]
        if self.importance:
            lines.append(f"What the network needs ({self.measures[0].loss} without the column):")
            lines += [f"  {name:<24} {minus(f'{drop:+.4f}')}" for name, drop in list(self.importance.items())[:10]]
            lines.append("")
        for finding in self.findings.get("findings", []):
            lines += [f"The doctor: {finding.get('name')}. {finding.get('message')}", f"  {finding.get('advice')}", ""]
        lines += ["Next:", *(f"  {command}\n    {why}" for command, why in self.next)] if self.next else []
        return "\n".join(lines).rstrip()


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


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
