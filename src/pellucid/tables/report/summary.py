"""The report in words, for a notebook or a file of text; the command line has colours and tables of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pellucid.tables.formatting import minus
from pellucid.tables.report.intervals import Interval
from pellucid.tables.report.metrics import Measure, why_first
from pellucid.tables.report.report import NETWORK, ModelScore, TableReport
from pellucid.tables.report.verdict import signed
from pellucid.validation import counted


def in_words(report: TableReport) -> str:
    """All of it that fits into lines."""
    lines = [headline(report), ""]
    if report.contenders:
        lines += [*_table(contender_rows(report)), "", f"Measured {report.how}."]
        lines += [why_first(report.target), report.verdict, *(f"Caution: {words}" for words in report.cautions), ""]
    if report.importance:
        lines.append(f"What the network needs ({report.measures[0].loss} without the column):")
        lines += [f"  {name:<24} {minus(f'{drop:+.4f}')}" for name, drop in list(report.importance.items())[:10]]
        lines.append("")
    for finding in report.findings.get("findings", []):
        lines += [f"The doctor: {finding.get('name')}. {finding.get('message')}", f"  {finding.get('advice')}", ""]
    lines += ["Next:", *(f"  {command}\n    {why}" for command, why in report.next)] if report.next else []
    return "\n".join(lines).rstrip()


def headline(report: TableReport) -> str:
    """What was learnt, and how well, in one line."""
    what = (
        f"{report.target.name} ({report.target.label}) from {Path(report.source).name}, {counted(report.rows, 'row')}"
    )
    if report.score is None:
        return f"{what}: not measured"
    measure = report.measures[0]
    return f"{what}: {measure.title} {scored(report.score, measure)}"


def scored(score: Interval, measure: Measure) -> str:
    """A score with its interval: 0.9812 [0.9794, 0.9831]."""
    return f"{measure.format(score.value)} [{measure.format(score.low)}, {measure.format(score.high)}]"


def contender_rows(report: TableReport) -> list[list[str]]:
    """A heading, then a line for each model: its measures, the first with its interval and between which values it lies
    on the folds; and by how much the network leads.
    """
    first, *others = report.measures
    folds = [] if len(report.contenders[0].folds) == 1 else ["folds"]
    heading = ["", f"{first.title} [95 %]", *folds, *(measure.title for measure in others), "ahead by [95 %]"]
    return [heading, *(_row(each, report.measures) for each in report.contenders)]


def _row(each: ModelScore, measures: Sequence[Measure]) -> list[str]:
    first, *others = measures
    cells = ["this network" if each.name == NETWORK else each.name, scored(each.scores[first.name], first)]
    if len(each.folds) > 1:
        cells.append(f"{first.format(min(each.folds))}–{first.format(max(each.folds))}")
    cells += [measure.format(each.scores[measure.name].value) for measure in others]
    lead = each.lead.get(first.name)
    return [*cells, "" if lead is None else signed(lead)]


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
