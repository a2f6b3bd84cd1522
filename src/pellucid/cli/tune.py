"""`pellucid tune`: a search for the best network of a table."""

from __future__ import annotations

from typing import Annotated

import typer

from pellucid.cli import csv_options
from pellucid.cli.command import Command, taken


def tune_table(
    source: Annotated[
        str, typer.Argument(metavar="TABLE", help="A .csv, .parquet, .feather or .arrow file.", show_default=False)
    ],
    target: Annotated[str | None, typer.Option(metavar="COLUMN", help="What is to be predicted.")] = None,
    minutes: Annotated[
        float | None, typer.Option(metavar="M", help="No trial begins after M minutes; 5 by default.")
    ] = None,
    trials: Annotated[
        int | None, typer.Option(metavar="N", help="How many trials; the same ones for the same seed.")
    ] = None,
    kinds: Annotated[
        str | None, typer.Option(metavar="KINDS", help="What columns are: zip=category,id=ignore.")
    ] = None,
    csv: Annotated[str | None, typer.Option(metavar="WORDS", help=csv_options.HELP)] = None,
    task: Annotated[
        str | None, typer.Option(metavar="NAME", help="What the target is: classes, numbers, quantiles, counts.")
    ] = None,
    quantiles: Annotated[str | None, typer.Option(metavar="LEVELS", help="Predict these: 0.05,0.5,0.95.")] = None,
    class_weight: Annotated[
        str | None, typer.Option(metavar="NAME", help="balanced: rare classes count as much as common ones.")
    ] = None,
    recipe: Annotated[str, typer.Option(metavar="NAME", help="What is varied: strong, fast, plain.")] = "strong",
    epochs: Annotated[int | None, typer.Option(metavar="N", help="How often a trial uses every row.")] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Decides the division of the rows, and what is tried.")] = 0,
    save: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="The search's folder; else tune/TABLE. One that is there goes on."),
    ] = None,
    engine: Annotated[str, typer.Option(metavar="NAME", help="auto, native, reference.")] = "auto",
    threads: Annotated[int | None, typer.Option(metavar="N", help="Of the native engine.")] = None,
) -> None:
    """Search for a better network for a table. The best one is kept at any time; Ctrl-C ends the search, and the same
    command goes on with it.
    """
    given = locals()
    from pellucid.cli.table_options import TableOptions
    from pellucid.cli.tuning import tune as search

    search(taken(TableOptions, {**given, "minutes": None}), minutes, trials)  # of a trial there is no such limit


tune = Command("tune", tune_table, "Example:  pellucid tune diamonds.csv --target price --minutes 5")
