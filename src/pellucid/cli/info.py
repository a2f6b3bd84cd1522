"""`pellucid info`: what a model file holds."""

from __future__ import annotations

from typing import Annotated

import typer

from pellucid.cli.command import Command


def show_model(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A model file, or the folder of a run.")],
) -> None:
    """Show a saved network: its layers, what it takes and what it predicts."""
    import pellucid as pl
    from pellucid.cli import inputs, tables
    from pellucid.formats.model_file import VERSION, describe

    path = inputs.model_path(model)
    network, description = pl.load(path), describe(path)
    console = tables.console()
    answers = {
        "identity": "numbers",
        "sigmoid": "yes or no, with its probability",
        "softmax": "a class, with probabilities",
        "argmax": "a class",
    }
    pairs = {
        "File": f"{path}, {path.stat().st_size:,} bytes",
        "Format": f"version {description.get('version', VERSION)}, "
        f"written by {description.get('written_by', 'an unknown program')}",
        "Input": f"{' × '.join(map(str, network.input_shape))} numbers a row",
        "Predicts": answers[network.link],
        "Classes": ", ".join(network.classes) if network.classes else "without names",
        "Loss": str(type(network.loss).__name__) if network.loss else "not trained yet",
        "Precision": network.dtype.name,
    }
    if network.link == "identity":
        del pairs["Classes"]
    tables.show_pairs(console, pairs)
    tables.show_layers(console, network)


info = Command("info", show_model, "Example:  pellucid info runs/digits-1")
