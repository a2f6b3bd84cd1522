"""The report about a table as one HTML file, for somebody who has never seen a network.

Contract: `table_page` returns the page and writes it where a path is given. The page holds its pictures, has no script,
loads nothing, and all text in it is escaped.
"""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pellucid.display import html_table
from pellucid.plots import tables as pictures
from pellucid.plots.confusion import confusion_matrix
from pellucid.plots.figure import Figure
from pellucid.plots.html import document, finding_block, section
from pellucid.storage.atomic import write_atomically
from pellucid.tables.report.metrics import why_first
from pellucid.tables.report.scores import contender_rows
from pellucid.validation import counted

if TYPE_CHECKING:
    from pellucid.tables.report import TableReport


def table_page(report: TableReport, path: str | Path | None = None) -> str:
    """Write one self-contained HTML file about a network for a table.

    Parameters
    ----------
    report : TableReport
        What is known.
    path : str, Path or None
        Where to write; None: nowhere, the page is only answered.

    Returns
    -------
    str
        The page.
    """
    heading = f"{report.target.name}: a network for {Path(report.source).name}"
    parts = [
        f"<h1>{escape(heading)}</h1>",
        f"<p><b>{escape(report.headline)}</b></p>",
        _verdict(report),
        _scores(report),
        _right(report),
        _needs(report),
        _effects(report),
        _columns(report),
        _findings(report),
        _next(report),
        f'<p class="words">{escape(_small_print(report))}</p>',
    ]
    page = document(heading, parts)
    if path is not None:
        write_atomically(Path(path).expanduser(), [page.encode()])
    return page


def _verdict(report: TableReport) -> str:
    """Whether it is worth it, and what should make one look twice."""
    message = [("hint", report.verdict)] if report.verdict else []
    message += [("warning", f"Caution: {words}") for words in report.cautions]
    return "\n".join(f'<div class="finding {kind}"><p>{escape(words)}</p></div>' for kind, words in message)


def _scores(report: TableReport) -> str:
    if not report.contenders:
        return ""
    words = (
        f"<p>Measured {escape(report.how)}. In brackets: where the score lies with a probability of 95 %, as far as it "
        f"hangs on which rows were measured. {escape(why_first(report.target))}</p>"
    )
    return section(
        "How good it is, and beside what",
        [lambda: pictures.model_scores(report)],
        words + html_table(contender_rows(report.contenders, report.measures), numbers=len(report.measures) + 1),
    )


def _right(report: TableReport) -> str:
    """What it gets right and wrong."""
    if not len(report.truth):
        return ""
    drawn: list[Callable[[], Figure]] = []
    words = ""
    calibration = report.calibration
    if report.target.task == "classes":
        names = report.target.class_names
        predicted = report.answers.argmax(axis=1)
        drawn.append(lambda: confusion_matrix(report.truth, predicted, names))
        words = "<p>Every row was predicted by a model that had not seen it.</p>"
    else:
        drawn.append(lambda: pictures.residuals(report.truth, report.answers, name=report.target.name))
        drawn.append(lambda: pictures.residual_histogram(report.truth, report.answers))
    if calibration is not None:
        drawn.append(lambda: pictures.calibration_curve(calibration))
        words += (
            "<p>Calibration: of the rows that were given a probability of 80 %, it should be so for 80 %.</p>"
            if calibration.of != "quantiles"
            else "<p>Of the rows, 5 % should lie below the quantile 0.05, and so on.</p>"
        )
    return section("What it gets right", drawn, words)


def _needs(report: TableReport) -> str:
    if not report.importance:
        return ""
    words = (
        "<p>Each column in turn was dealt out to the wrong rows; what the score then loses is what the network draws "
        "from it. Columns that say the same can stand in for each other: each alone looks less needed than it is.</p>"
    )
    return section("What it looks at", [lambda: pictures.column_importance(report)], words)


def _effects(report: TableReport) -> str:
    if not report.effects:
        return ""
    target = report.target
    names = target.class_names or tuple(f"{level:g}" for level in target.levels)
    unit = target.name
    if target.task == "classes":
        unit = f"probability of {names[1]}" if len(names) == 2 else "probability"
    words = (
        "<p>The mean prediction when one column is set to a value in all rows, and the others stay as they are. It is "
        "what the network has learnt, not what would happen if the column were changed in the world.</p>"
    )
    return section(
        "How it follows single columns", [lambda: pictures.column_effects(report.effects, names, unit=unit)], words
    )


def _columns(report: TableReport) -> str:
    rows = [("column", "kind", "seen by", "examples", "what becomes of it", "missing")]
    rows += [
        (line.name, line.kind, line.seen_by, line.examples, line.decision, f"{line.missing:,}" if line.missing else "")
        for line in report.columns
    ]
    notes = "".join(f"<p>{escape(note)}</p>" for note in report.notes)
    target = report.target
    words = f"<p>Predicted: <b>{escape(target.name)}</b>, {escape(target.label)} ({escape(target.why)}).</p>"
    if report.dropped:
        were = "was" if report.dropped == 1 else "were"
        rows_out = f"{counted(report.dropped, 'row')} {were} left out"
        words += f"<p>{rows_out}, since {escape(target.name)} is missing there.</p>"
    return section("What the columns are", [], words + notes + html_table(rows))


def _findings(report: TableReport) -> str:
    findings = report.findings.get("findings", [])
    if not findings:
        return section("The doctor", [], "<p>Nothing was found in the training.</p>")
    return section("The doctor", [], "\n".join(_finding(finding) for finding in findings))


def _finding(finding: Any) -> str:
    texts = [finding.get("message"), finding.get("advice"), finding.get("command")]
    return finding_block(str(finding.get("name")), str(finding.get("severity")), texts)


def _next(report: TableReport) -> str:
    rows = "".join(f"<li><code>{escape(line)}</code><br>{escape(why)}</li>" for line, why in report.next)
    return section("What to do next", [], f"<ul>{rows}</ul>") if rows else ""


def _small_print(report: TableReport) -> str:
    return f"recipe {report.recipe}: {report.layers}; {counted(report.epochs, 'epoch')} in {report.seconds:.3g} s"
