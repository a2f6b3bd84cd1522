"""The options of `pellucid train`, each stated once: what is typed, and the part that is a built-in data set's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from pellucid.cli import csv_options
from pellucid.cli.command import taken

_NETWORK, _TRAINING, _TABLE, _RUN = "The network", "The training", "A table of your own", "The run"


@dataclass(frozen=True)
class _Network:
    dataset: Annotated[
        str,
        typer.Argument(
            metavar="DATASET",
            help="A table with --target: a .csv, .parquet, .feather or .arrow file. Or digits, mnist, "
            "fashion-mnist, or a toy model: two-gaussians, ball-and-cup, shifted-cubics, bulls-eye, crescent-moons, "
            "shifted-sinusoids, bulls-eye-three, shifted-sinusoids-three.",
            show_default=False,
        ),
    ]
    hidden: Annotated[
        str | None,
        typer.Option(metavar="SIZES", help="Units of the hidden layers: 64,32; or none.", rich_help_panel=_NETWORK),
    ] = None
    activation: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="After each hidden layer: relu, leaky-relu, prelu, elu, selu, gelu, silu, mish, softplus, "
            "tanh, hard-tanh, sigmoid, softsign, softmax, identity.",
            rich_help_panel=_NETWORK,
        ),
    ] = None
    dropout: Annotated[
        float | None,
        typer.Option(
            metavar="RATE",
            help="The fraction of each hidden layer set to zero in a training step.",
            rich_help_panel=_NETWORK,
        ),
    ] = None
    loss: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="softmax-cross-entropy, sigmoid-cross-entropy (two classes), hinge, squared-error. Of a table's "
            "numbers: squared-error, absolute-error, huber, quantile, poisson.",
            rich_help_panel=_TRAINING,
        ),
    ] = None
    optimizer: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="gradient-descent, momentum, nesterov, adagrad, rmsprop, adadelta, adam, adamw, amsgrad, adamax, "
            "nadam, lion.",
            rich_help_panel=_TRAINING,
        ),
    ] = None
    learning_rate: Annotated[
        float | None, typer.Option(metavar="RATE", help="The size of a step.", rich_help_panel=_TRAINING)
    ] = None
    batch_size: Annotated[
        str | None, typer.Option(metavar="ROWS", help="Rows a step; or full.", rich_help_panel=_TRAINING)
    ] = None
    epochs: Annotated[
        int | None,
        typer.Option(metavar="N", help="How often every row is used at most.", rich_help_panel=_TRAINING),
    ] = None
    l2: Annotated[
        float, typer.Option(metavar="STRENGTH", help="The price of large weights.", rich_help_panel=_TRAINING)
    ] = 0.0
    validation: Annotated[
        str | None,
        typer.Option(
            metavar="PART",
            help="Rows set aside to choose the best epoch by: a fraction, a number, or 0.",
            rich_help_panel=_TRAINING,
        ),
    ] = None
    patience: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Stop after N epochs without improvement, and take the best weights; 0: never.",
            rich_help_panel=_TRAINING,
        ),
    ] = None
    seed: Annotated[
        int,
        typer.Option(
            metavar="N",
            help="Decides first weights, order of rows and dropout; the data are always the same.",
            rich_help_panel=_TRAINING,
        ),
    ] = 0


@dataclass(frozen=True)
class OfTables:
    """What is for tables alone."""

    target: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="What is to be predicted.", rich_help_panel=_TABLE)
    ] = None
    kinds: Annotated[
        str | None,
        typer.Option(
            metavar="KINDS",
            help="What columns are, where it should not be inferred: zip=category,when=date,id=ignore.",
            rich_help_panel=_TABLE,
        ),
    ] = None
    csv: Annotated[str | None, typer.Option(metavar="WORDS", help=csv_options.HELP, rich_help_panel=_TABLE)] = None
    task: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="What the target is: classes, numbers, quantiles, counts; else by its values.",
            rich_help_panel=_TABLE,
        ),
    ] = None
    quantiles: Annotated[
        str | None, typer.Option(metavar="LEVELS", help="Predict these: 0.05,0.5,0.95.", rich_help_panel=_TABLE)
    ] = None
    recipe: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="strong (unless said otherwise), fast, plain.", rich_help_panel=_TABLE),
    ] = None
    settings: Annotated[
        str | None,
        typer.Option(
            metavar="RUN",
            help="The recipe of another run: the folder of pellucid tune or train, or its settings.json.",
            rich_help_panel=_TABLE,
        ),
    ] = None
    ensemble: Annotated[
        int | None,
        typer.Option(metavar="N", help="The number of networks in an ensemble.", rich_help_panel=_TABLE),
    ] = None
    class_weight: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="balanced: rare classes count as much as common ones.", rich_help_panel=_TABLE
        ),
    ] = None
    folds: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="The number of folds to measure on; 1: on rows set aside; 0: not at all.",
            rich_help_panel=_TABLE,
        ),
    ] = None
    minutes: Annotated[
        float | None,
        typer.Option(metavar="M", help="About how long everything may take.", rich_help_panel=_TABLE),
    ] = None
    stream: Annotated[
        bool | None,
        typer.Option(
            "--stream/--no-stream",
            help="Read the file part by part, for each epoch anew; else if it is too large for memory.",
            rich_help_panel=_TABLE,
        ),
    ] = None


@dataclass(frozen=True)
class _Run:
    doctor: Annotated[
        bool,
        typer.Option("--doctor", help="Watch the training, and say what is wrong with it.", rich_help_panel=_RUN),
    ] = False
    save: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="The run's folder; else runs/DATASET-1, -2, …", rich_help_panel=_RUN),
    ] = None
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite", help="Replace the earlier run that is in --save's folder.", rich_help_panel=_RUN),
    ] = False
    checkpoint: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="Save the training there after every epoch.", rich_help_panel=_RUN),
    ] = None
    resume: Annotated[
        str | None,
        typer.Option(
            metavar="DIR",
            help="Go on, to the bit, with the training whose checkpoints are there.",
            rich_help_panel=_RUN,
        ),
    ] = None
    data: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="Where the files of MNIST or Fashion-MNIST are.", rich_help_panel=_RUN),
    ] = None
    engine: Annotated[str, typer.Option(metavar="NAME", help="auto, native, reference.", rich_help_panel=_RUN)] = "auto"
    threads: Annotated[
        int | None,
        typer.Option(metavar="N", help="Of the native engine; else by the size of the work.", rich_help_panel=_RUN),
    ] = None


@dataclass(frozen=True)
class TrainCommand(_Run, OfTables, _Network):  # the fields of the last one come first
    """What can be typed."""


@dataclass(frozen=True)
class TrainOptions(_Run, _Network):
    """What is said of a training on a built-in data set; None where the choice is left to the data set's recipe."""


def options_of(settings: Mapping[str, Any]) -> TrainOptions:
    """The options that a run was started with; those that another version wrote are left out."""
    return taken(TrainOptions, {**settings, "checkpoint": None, "resume": None})
