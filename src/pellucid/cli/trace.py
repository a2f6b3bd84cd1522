"""`pellucid trace`: every number of one step, on one row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pellucid.cli.command import Command

if TYPE_CHECKING:
    import pellucid as pl


def trace_row(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A model file, or the folder of a run.")],
    row: Annotated[int, typer.Option(metavar="N", help="Which row is traced, from 0 on.", min=0)] = 0,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="DATA",
            help="A built-in data set (its test rows), a .csv or .npy file whose last column is the target, a .npz "
            "file with the arrays x and y, or - for CSV from standard input. Without it: digits, if they fit.",
            show_default=False,
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="The target's column, by name or number (from 1); in .npz, the array."),
    ] = None,
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
    traced = _trace(model, row, data, target, learning_rate)
    if as_json:
        print(traced.to_json())
        return
    if html is not None:
        traced.save_html(html)
        print(f"Wrote the trace of row {row} to {html}")
        return
    with option("--unit or --digits"):
        print(traced.text(unit=wanted, digits=decimals))


def _whole(name: str, text: str) -> int:
    from pellucid.cli.errors import UsageError

    if not text.isdigit():
        raise UsageError(f"{name} must be a whole number from 0 on, or all, not {text!r}.")
    return int(text)


def _trace(model: str, row: int, data: str | None, target: str | None, learning_rate: float) -> pl.Trace:
    import pellucid as pl
    from pellucid.cli import inputs
    from pellucid.cli.errors import Failure, UsageError, option
    from pellucid.cli.evaluate import read_examples
    from pellucid.validation import counted

    network = inputs.load_model(model)
    if network.loss is None:
        raise Failure(f"{model} was saved before it was trained, so it has no loss to trace.")
    if data is None:
        if network.input_shape != (64,) or network.outputs != 10:
            raise UsageError("--data is needed: which data set or file does the row come from?")
        data = "digits"
    with option("--learning-rate"):
        optimizer = pl.GradientDescent(learning_rate)
    x, y = read_examples(network, data, target, None)
    if row >= len(x):
        raise UsageError(f"--row {row} is not there: {data} has {counted(len(x), 'row')}, from 0 to {len(x) - 1}.")
    return pl.trace(network, None, x[row : row + 1], y[row : row + 1], optimizer=optimizer)


trace = Command("trace", trace_row, "Example:  pellucid trace runs/digits-1 --row 7 --data digits")
