"""The scores of a network and its rivals, and how they are printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pellucid.tables.formatting import minus
from pellucid.tables.report.intervals import Interval
from pellucid.tables.report.metrics import Measure

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


def scored(score: Interval, measure: Measure) -> str:
    """A score with its interval: 0.9812 [0.9794, 0.9831]."""
    return f"{measure.format(score.value)} [{measure.format(score.low)}, {measure.format(score.high)}]"


def _decimals(difference: Interval) -> int:
    size = max(abs(bound) for bound in difference)
    return 4 if size < 0.02 else 3 if size < 10 else 1


def as_printed(difference: Interval) -> Interval:
    """A difference rounded as `signed` prints it."""
    decimals = _decimals(difference)
    return Interval(*(round(bound, decimals) for bound in difference))


def signed(difference: Interval) -> str:
    """A difference with its interval: +0.012 [+0.004, +0.020]."""
    decimals = _decimals(difference)
    value, low, high = (minus(f"{bound:+.{decimals}f}") for bound in difference)
    return f"{value} [{low}, {high}]"


def contender_rows(contenders: Sequence[ModelScore], measures: Sequence[Measure]) -> list[list[str]]:
    """A heading, then a line for each model: its measures, the first with its interval and between which values it lies
    on the folds; and by how much the network leads.
    """
    first, *others = measures
    folds = [] if len(contenders[0].folds) == 1 else ["folds"]
    heading = ["", f"{first.title} [95 %]", *folds, *(measure.title for measure in others), "ahead by [95 %]"]
    return [heading, *(_row(each, measures) for each in contenders)]


def _row(each: ModelScore, measures: Sequence[Measure]) -> list[str]:
    first, *others = measures
    cells = ["this network" if each.name == NETWORK else each.name, scored(each.scores[first.name], first)]
    if len(each.folds) > 1:
        cells.append(f"{first.format(min(each.folds))}–{first.format(max(each.folds))}")
    cells += [measure.format(each.scores[measure.name].value) for measure in others]
    lead = each.lead.get(first.name)
    return [*cells, "" if lead is None else signed(lead)]
