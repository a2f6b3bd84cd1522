"""The options of `pellucid export`, each stated once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from pellucid.cli.command import ModelPath

_INT8 = "C in int8, and ONNX"


@dataclass(frozen=True)
class ExportOptions:
    """What can be typed; None and False where nothing is said."""

    model: ModelPath
    to: Annotated[str, typer.Option("--to", metavar="TARGET", help="What to write: c, numpy, javascript or onnx.")]
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="FILE", help="Where to; else here, by the name of the model."),
    ] = None
    int8: Annotated[
        bool,
        typer.Option("--int8", help="C in whole numbers of one byte: a quarter of the size.", rich_help_panel=_INT8),
    ] = False
    calibrate: Annotated[
        str | None,
        typer.Option(
            metavar="DATA",
            help="Rows like those to come, to measure ranges (int8) or compare answers (onnx) on: a built-in data set; "
            "a .csv, .npy or .npz file, with or without the target in the last column (in .npz: y). Else, for int8, "
            "the built-in data set it was trained on.",
            rich_help_panel=_INT8,
        ),
    ] = None
    data: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="Where the files of MNIST or Fashion-MNIST are.", rich_help_panel=_INT8),
    ] = None
    training: Annotated[
        bool,
        typer.Option(
            "--training",
            help="Write the whole program of the training behind this network, not the trained network.",
            rich_help_panel="The training program (NumPy)",
        ),
    ] = False
