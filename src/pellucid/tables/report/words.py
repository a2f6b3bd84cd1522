"""The report in words, for a notebook or a file of text; the command line has colours and tables of its own."""

from __future__ import annotations

from collections.abc import Sequence

from pellucid.tables.report.intervals import Interval
from pellucid.tables.report.metrics import Measure
from pellucid.tables.report.report import NETWORK, Contender, TableReport


def in_words(report: TableReport) -> str:
    """All of it that fits into lines."""
    lines = [headline(report), ""]
    if report.contenders:
        lines += [*_table(contender_rows(report)), "", f"Measured {report.how}."]
        lines += [report.verdict, ""]
    if report.importance:
        title = report.measures[0].title
        lines.append(f"What the network needs ({title} lost without the column):")
        lines += [f"  {name:<24} {drop:+.4f}" for name, drop in list(report.importance.items())[:10]]
        lines.append("")
    lines += ["Next:", *(f"  {command}\n    {why}" for command, why in report.next)] if report.next else []
    return "\n".join(lines).rstrip()


def headline(report: TableReport) -> str:
    """What was learnt, and how well, in one line."""
    what = f"{report.target.name} ({report.target.words}) from {report.source}, {report.rows:,} rows"
    if report.score is None:
        return f"{what}: not measured"
    measure = report.measures[0]
    return f"{what}: {measure.title} {scored(report.score, measure)}"


def scored(score: Interval, measure: Measure) -> str:
    """A score with its interval: 0.9812 (0.9794 to 0.9831)."""
    if measure.name == "accuracy":
        return f"{score.value:.1%} ({score.low:.1%} to {score.high:.1%})"
    return f"{measure.words(score.value)} ({measure.words(score.low)} to {measure.words(score.high)})"


def contender_rows(report: TableReport) -> list[list[str]]:
    """A heading, then a line for each model: its measures with intervals, its folds, by how much the network leads."""
    first = report.measures[0]
    heading = ["", *(measure.title for measure in report.measures), f"{first.title} of each fold", "network better by"]
    return [heading, *(_row(each, report.measures) for each in report.contenders)]


def _row(each: Contender, measures: Sequence[Measure]) -> list[str]:
    first, *others = measures
    cells = [each.name if each.name != NETWORK else "this network", scored(each.scores[first.name], first)]
    cells += [measure.words(each.scores[measure.name].value) for measure in others]
    cells.append(", ".join(first.words(value) for value in each.folds))
    lead = each.lead.get(first.name)
    cells.append("" if lead is None else f"{lead.value:+.4f} ({lead.low:+.4f} to {lead.high:+.4f})")
    return cells


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
