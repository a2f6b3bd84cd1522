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
from pellucid.tables.formatting import minus
from pellucid.tables.report.metrics import why_first
from pellucid.tables.report.report import TableReport
from pellucid.tables.report.scores import contender_rows, scored
from pellucid.tables.table import Line
from pellucid.tables.targets import Target
from pellucid.tables.training import Described
from pellucid.validation import counted

_MOST_COLUMNS = 40
_MOST_CLASSES = 12
_BAR = 30
_MOST_BARS = 12
_NAME = 30  # characters of a column's name on a line
_OTHERS = 24  # those of its kind, of its missing cells, and between
_WIDE = 90  # where names of models need no second line
_LEAST = 12  # those of examples


def show_columns(console: Console, table: Described) -> None:
    """What each column is taken for, most often in a line each."""
    console.print(Text.assemble((table.source, "bold"), f": {counted(table.rows, 'row')}"), soft_wrap=True)
    for note in table.notes:
        console.print(Text(note, style="dim"), soft_wrap=True)
    lines = table.describe()
    name_width = max(6, min(_NAME, max(len(line.name) for line in lines)))
    room = max(_LEAST, console.width - name_width - _OTHERS)
    printed = Printed(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    printed.add_column("Column", overflow="fold", width=name_width)
    printed.add_column("Kind", no_wrap=True)
    printed.add_column("Missing", justify="right", no_wrap=True)
    printed.add_column("What is there")
    for line in lines[:_MOST_COLUMNS]:
        left_out = line.decision == "left out"
        missing = f"{line.missing:,}" if line.missing else ""
        words = Text(f"left out: {line.seen_by}" if left_out else _what_is_there(line, room))
        printed.add_row(Text(line.name), line.kind, missing, words, style="dim" if left_out else "")
    tables.show(console, printed)
    if len(lines) > _MOST_COLUMNS:
        console.print(f"… and {counted(len(lines) - _MOST_COLUMNS, 'more column')}, all in the report's page")


def _what_is_there(line: Line, room: int) -> str:
    """The reason, and as many examples as fit beside it; room is that of a line."""
    if line.seen_by == line.examples.replace(", ", " and "):  # 0 and 1
        return line.seen_by
    words = f"{line.seen_by}: "
    left = room - len(words) if len(words) + _LEAST <= room else _LEAST
    return words + (line.examples if len(line.examples) <= left else f"{line.examples[: left - 1]}…")


def show_target(console: Console, found: Read | Streamed) -> None:
    """What is predicted, and which rows cannot teach it."""
    target = found.target
    words = target.label
    if target.task == "classes":
        words += f": {_classes(target)}"
    why = target.why + ("; --task counts or numbers says otherwise" if _amounts(target) else "")
    console.print(Text.assemble(("Predicted: ", "bold"), f"{target.name}, {words} ({why})"), soft_wrap=True)
    if found.dropped:
        rows = "row is" if found.dropped == 1 else "rows are"
        console.print(f"{found.dropped:,} {rows} left out, since {target.name} is missing there.", soft_wrap=True)


def _classes(target: Target) -> str:
    """The classes in their order, each with its rows."""
    each = [f"{name} ({count:,})" for name, count in zip(target.class_names, target.counts, strict=True)]
    return ", ".join(each[:_MOST_CLASSES]) + (", …" if len(each) > _MOST_CLASSES else "")


def _amounts(target: Target) -> bool:
    """Whether more than two classes were guessed from whole numbers, which may be amounts."""
    return len(target.classes) > 2 and "whole numbers" in target.why


def show_report(console: Console, report: TableReport) -> None:
    """How good it is and beside what, what it looks at, what was found, what to do next."""
    if report.contenders:
        _show_scores(console, report)
    if report.importance:
        _show_importance(console, report)
    if report.findings.get("findings"):
        show_findings(console, report.findings)
    if report.next:
        after_findings = bool(report.findings.get("findings"))  # which end with an empty line
        console.print(Text("Next" if after_findings else "\nNext", style="bold"))
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
    rows = contender_rows(report.contenders, report.measures)
    printed = Printed(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for place, title in enumerate(rows[0]):
        heading = _stacked(title) if "[" in title else title.replace(" ", "\n")
        printed.add_column(heading, justify="right" if place else "left", overflow="fold")
    for number, (name, *row) in enumerate(rows[1:]):
        label = name.replace(" ", "\n") if console.width < _WIDE else name
        printed.add_row(label, *map(_stacked, row), style="bold" if number == 0 else "")
    tables.show(console, printed)
    console.print(Text(why_first(report.target), style="dim"), soft_wrap=True)
    console.print(report.verdict, soft_wrap=True)
    for words in report.cautions:
        console.print(Text.assemble(("\nCaution: ", "bold yellow"), words), soft_wrap=True)


def _stacked(cell: str) -> str:
    """An interval below its number, and a range on two lines, so that no line breaks within a number."""
    return cell.replace(" [", "\n[").replace("–", "–\n")


def _show_importance(console: Console, report: TableReport) -> None:
    console.print(
        Text.assemble(("\nWhat it looks at", "bold"), f" ({report.measures[0].loss} when a column is shuffled)")
    )
    shown = list(report.importance.items())[:_MOST_BARS]
    most = max((drop for _, drop in shown), default=0.0) or 1.0
    width = min(30, max(len(name) for name, _ in shown))
    for name, drop in shown:
        bar = "█" * round(_BAR * max(drop, 0.0) / most)
        label = name if len(name) <= width else f"{name[: width - 1]}…"
        number = minus(f"{drop:+.4f}").rjust(7)
        console.print(Text.assemble(f"  {label:<{width}} {number}", (f" {bar}" if bar else "", "blue")), soft_wrap=True)
    if len(report.importance) > len(shown):
        console.print(Text(f"  … and {counted(len(report.importance) - len(shown), 'more column')}", style="dim"))
