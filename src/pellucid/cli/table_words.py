"""A table, its target and its report, printed."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table as Printed
from rich.text import Text

from pellucid.cli import tables
from pellucid.cli.diagnosis import show_findings
from pellucid.cli.table_options import Read
from pellucid.cli.table_streaming import Streamed
from pellucid.tables.report.metrics import minus
from pellucid.tables.report.report import TableReport
from pellucid.tables.report.words import contender_rows, scored
from pellucid.tables.training import Described

_MOST_COLUMNS = 40
_BAR = 30
_MOST_BARS = 12
_EXAMPLES = 34  # characters


def show_columns(console: Console, table: Described) -> None:
    """What each column is taken for."""
    console.print(Text.assemble((table.source, "bold"), f": {table.rows:,} rows"), soft_wrap=True)
    for note in table.notes:
        console.print(Text(note, style="dim"), soft_wrap=True)
    printed = Printed(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("Column", "Kind", "Seen by", "Missing", "Examples", "What becomes of it"):
        printed.add_column(name, justify="right" if name == "Missing" else "left", overflow="fold")
    lines = table.describe()
    for line in lines[:_MOST_COLUMNS]:
        examples = line.examples if len(line.examples) <= _EXAMPLES else f"{line.examples[: _EXAMPLES - 1]}…"
        style = "dim" if line.decision == "left out" else ""
        missing = f"{line.missing:,}" if line.missing else ""
        printed.add_row(Text(line.name), line.kind, line.seen_by, missing, Text(examples), line.decision, style=style)
    tables.show(console, printed)
    if len(lines) > _MOST_COLUMNS:
        console.print(f"… and {len(lines) - _MOST_COLUMNS} more columns")


def show_target(console: Console, found: Read | Streamed) -> None:
    """What is predicted, and which rows cannot teach it."""
    target = found.target
    words = target.words
    if target.task == "classes":
        words += f": {', '.join(target.class_names[:12])}" + (", …" if len(target.classes) > 12 else "")
    console.print(Text.assemble(("Predicted: ", "bold"), f"{target.name}, {words} ({target.why})"), soft_wrap=True)
    if found.dropped:
        rows = "row is" if found.dropped == 1 else "rows are"
        console.print(f"{found.dropped:,} {rows} left out, since {target.name} is missing there.", soft_wrap=True)


def show_report(console: Console, report: TableReport) -> None:
    """How good it is and beside what, what it looks at, what was found, what to do next."""
    if report.contenders:
        _show_scores(console, report)
    if report.importance:
        _show_importance(console, report)
    if report.findings.get("findings"):
        show_findings(console, report.findings)
    if report.next:
        console.print(Text("\nNext", style="bold"))
        for command, why in report.next:
            console.print(Text.assemble("  ", (command, "cyan")), soft_wrap=True)
            console.print(Text(f"      {why}", style="dim"), soft_wrap=True)


def _show_scores(console: Console, report: TableReport) -> None:
    score = report.score
    assert score is not None
    measure = report.measures[0]
    headline = f"{measure.title} {scored(score, measure)}"
    console.print(Text.assemble(("\nMeasured: ", "bold"), (headline, "bold green")), soft_wrap=True)
    console.print(Text(f"{report.how}; in brackets its 95 % interval", style="dim"), soft_wrap=True)
    rows = contender_rows(report)
    printed = Printed(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for place, title in enumerate(rows[0]):
        heading = _stacked(title) if "[" in title else "\n".join(title.rsplit(" ", 1))
        printed.add_column(heading, justify="right" if place else "left", overflow="fold", no_wrap=not place)
    for number, row in enumerate(rows[1:]):
        printed.add_row(*map(_stacked, row), style="bold" if number == 0 else "")
    tables.show(console, printed)
    console.print(report.verdict, soft_wrap=True)


def _stacked(cell: str) -> str:
    """An interval below its number, so that no line breaks within it."""
    return cell.replace(" [", "\n[")


def _show_importance(console: Console, report: TableReport) -> None:
    title = report.measures[0].title
    console.print(Text.assemble(("\nWhat it looks at", "bold"), f" ({title} lost when a column is shuffled)"))
    shown = list(report.importance.items())[:_MOST_BARS]
    most = max((drop for _, drop in shown), default=0.0) or 1.0
    width = min(30, max(len(name) for name, _ in shown))
    for name, drop in shown:
        bar = "█" * round(_BAR * max(drop, 0.0) / most)
        label = name if len(name) <= width else f"{name[: width - 1]}…"
        console.print(Text.assemble(f"  {label:<{width}} {minus(f'{drop:+.4f}'):>7} ", (bar, "blue")), soft_wrap=True)
    if len(report.importance) > len(shown):
        console.print(Text(f"  … and {len(report.importance) - len(shown)} more columns", style="dim"))
