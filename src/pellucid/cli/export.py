"""`pellucid export`: the words of the command. `exporting.py` does the work."""

from __future__ import annotations

from typing import Annotated

import typer

from pellucid.cli.command import Command

_INT8, _TRAINING = "C in int8, and ONNX", "The training program (NumPy)"


def export_model(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A model file, or the folder of a run.")],
    to: Annotated[str, typer.Option("--to", metavar="TARGET", help="What to write: c, numpy, javascript or onnx.")],
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="FILE", help="Where to; else here, by the name of the model."),
    ] = None,
    int8: Annotated[
        bool,
        typer.Option("--int8", help="C in whole numbers of one byte: a quarter of the size.", rich_help_panel=_INT8),
    ] = False,
    calibrate: Annotated[
        str | None,
        typer.Option(
            metavar="DATA",
            help="Rows like those to come, to measure ranges (int8) or compare answers (onnx) on: a built-in data set; "
            "a .csv, .npy or .npz file, with or without the target in the last column (in .npz: y). Else, for int8, "
            "the built-in data set it was trained on.",
            rich_help_panel=_INT8,
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="Where the files of MNIST or Fashion-MNIST are.", rich_help_panel=_INT8),
    ] = None,
    training: Annotated[
        bool,
        typer.Option(
            "--training",
            help="Write the whole program that trains this network, not the trained one.",
            rich_help_panel=_TRAINING,
        ),
    ] = False,
    loss: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Else the one it was trained with.", rich_help_panel=_TRAINING),
    ] = None,
    optimizer: Annotated[str | None, typer.Option(metavar="NAME", help="Else adam.", rich_help_panel=_TRAINING)] = None,
    learning_rate: Annotated[
        float | None,
        typer.Option(metavar="RATE", help="Else the optimizer's own.", rich_help_panel=_TRAINING),
    ] = None,
    l2: Annotated[
        float | None, typer.Option(metavar="STRENGTH", help="The price of large weights.", rich_help_panel=_TRAINING)
    ] = None,
    batch_size: Annotated[
        str | None, typer.Option(metavar="ROWS", help="Rows a step, or full; else 32.", rich_help_panel=_TRAINING)
    ] = None,
    epochs: Annotated[int | None, typer.Option(metavar="N", help="Else 20.", rich_help_panel=_TRAINING)] = None,
    seed: Annotated[int | None, typer.Option(metavar="N", help="Else 0.", rich_help_panel=_TRAINING)] = None,
) -> None:
    """Write a saved network as source (C99, Python with NumPy alone, JavaScript) or as ONNX."""
    from pellucid.cli.exporting import Options, export

    export(
        model,
        to,
        Options(
            output=output,
            int8=int8,
            calibrate=calibrate,
            data=data,
            training=training,
            loss=loss,
            optimizer=optimizer,
            learning_rate=learning_rate,
            l2=l2,
            batch_size=batch_size,
            epochs=epochs,
            seed=seed,
        ),
    )


export = Command("export", export_model, "Example:  pellucid export runs/digits-1 --to c --int8")
