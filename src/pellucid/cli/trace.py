"""`pellucid trace`: every number of one step, on one row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pellucid.cli import csv_options
from pellucid.cli.command import Command, ModelPath

if TYPE_CHECKING:
    from pellucid.inspection.trace import Trace
    from pellucid.network import Network
    from pellucid.typing import Array


def trace_row(
    model: ModelPath,
    row: Annotated[
        str,
        typer.Option(
            metavar="ROW",
            help="Which row is traced, a number from 0 on; of a table also the row itself: age=31,town=Ulm,price=250.",
        ),
    ] = "0",
    data: Annotated[
        str | None,
        typer.Option(
            metavar="DATA",
            help="A built-in data set (its test rows), a .csv or .npy file whose last column is the target, a .npz "
            "file with the arrays x and y, a table for a network trained on one, or - for CSV from standard input. "
            "Without it: what the run was trained on; digits, if they fit.",
            show_default=False,
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="The target's column, by name or number (from 1); in .npz, the array."),
    ] = None,
    csv: Annotated[str | None, typer.Option(metavar="WORDS", help=f"Of a table: {csv_options.HELP}")] = None,
    learning_rate: Annotated[
        float, typer.Option(metavar="RATE", help="The rate of the step, which is plain gradient descent.")
    ] = 0.1,
    unit: Annotated[
        str | None,
        typer.Option(
            metavar="UNIT",
            help="Which unit of each layer is worked out: a number from 0 on, or all. Without it: all of a small "
            "layer, of a larger one that of the largest gradient.",
            show_default=False,
        ),
    ] = None,
    decimals: Annotated[int, typer.Option("--digits", metavar="N", help="How many decimals are shown.")] = 4,
    html: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Write a page instead: layers fold out, units show their sums."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print all numbers as JSON instead.")] = False,
) -> None:
    """Walk through the chain rule on one row: forward, the loss, back, a step; formulas with the numbers put in."""
    from pellucid.cli.errors import UsageError, option

    if html is not None and as_json:
        raise UsageError("--html and --json exclude each other: run the command twice.")
    wanted = None if unit is None else unit if unit == "all" else _whole("--unit", unit)
    traced, words = _trace(model, row, data, target, csv, learning_rate)
    if as_json:
        print(traced.to_json())
        return
    if html is not None:
        traced.save_html(html)
        print(f"Wrote the trace of row {row} to {html}")
        return
    with option("--unit or --digits"):
        text = traced.text(unit=wanted, digits=decimals)
    print(f"{words}\n\n{text}" if words else text)


def _whole(name: str, text: str) -> int:
    from pellucid.cli.errors import UsageError

    if not text.isdigit():
        raise UsageError(f"{name} must be a whole number from 0 on, or all, not {text!r}.")
    return int(text)


def _trace(
    model: str, row: str, data: str | None, target: str | None, csv: str | None, learning_rate: float
) -> tuple[Trace, str]:
    """The trace of a row, and of a table's the row as it stands there."""
    from pellucid.cli import inputs
    from pellucid.cli.errors import Failure, UsageError, option
    from pellucid.inspection.trace import trace as trace_of
    from pellucid.optimizers import GradientDescent

    if not row.isdigit() and "=" not in row:
        raise UsageError(f"--row must be a whole number from 0 on, or of a table column=value,…, not {row!r:.60}.")
    if "=" in row and data is not None:
        raise UsageError("--data and a --row that is written out exclude each other: name the row by its number.")
    network = inputs.load_model(model)
    if network.loss is None:
        raise Failure(f"{model} was saved before it was trained, so it has no loss to trace.")
    with option("--learning-rate"):
        optimizer = GradientDescent(learning_rate)
    x, y, words = _row(network, model, row, data, target, csv)
    return trace_of(network, None, x, y, optimizer=optimizer), words


def _row(
    network: Network, model: str, row: str, data: str | None, target: str | None, csv: str | None
) -> tuple[Array, Array, str]:
    """The row (1, …), its target (1,) or (1, outputs), and of a table the row in words."""
    from pathlib import Path

    from pellucid.cli.errors import UsageError
    from pellucid.cli.evaluate import read_examples
    from pellucid.cli.runs import settings_of_model
    from pellucid.validation import counted

    settings = settings_of_model(model)
    if network.preprocessing is not None:
        from pellucid.cli.table_evaluation import target_of
        from pellucid.cli.table_row import traced_row

        name = target or target_of(model)
        if data is None and "=" not in row:
            data, csv = settings.get("source"), csv or settings.get("csv")
            if data is None or not Path(data).expanduser().is_file():
                gone = f" {data}, which the run was trained on, is not there." if data else ""
                raise UsageError(f"--data is needed: which file does the row come from?{gone} Or --row column=value,…")
        return traced_row(network, row, data, name, csv)
    if "=" in row:
        raise UsageError("--row column=value is for networks that were trained on a table: name the row by its number.")
    if csv is not None:
        raise UsageError("--csv is for networks that were trained on a table.")
    directory = None if data is not None else settings.get("data")
    data = data or settings.get("dataset") or ("digits" if _takes_digits(network) else None)
    if data is None:
        raise UsageError("--data is needed: which data set or file does the row come from?")
    x, y = read_examples(network, data, target, directory)
    number = int(row)
    if number >= len(x):
        raise UsageError(f"--row {number} is not there: {data} has {counted(len(x), 'row')}, from 0 to {len(x) - 1:,}.")
    return x[number : number + 1], y[number : number + 1], ""


def _takes_digits(network: Network) -> bool:
    return network.input_shape == (64,) and network.outputs == 10


trace = Command("trace", trace_row, "Example:  pellucid trace runs/digits-1 --row 7 --data digits")
