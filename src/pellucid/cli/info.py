"""`pellucid info`: what a model file holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pellucid.cli.command import Command, ModelPath

if TYPE_CHECKING:
    from pellucid.description import Feature, TrainingSummary
    from pellucid.tables import TableEncoder


def show_model(
    model: ModelPath,
) -> None:
    """Show a saved network: its layers, what it takes and what it predicts."""
    from pellucid.cli import inputs, tables
    from pellucid.formats.model_file import VERSION, describe, load
    from pellucid.validation import counted

    path = inputs.model_path(model)
    network, description = load(path), describe(path)
    console = tables.console()
    answers = {
        "identity": "numbers",
        "sigmoid": "yes or no, with its probability",
        "softmax": "a class, with probabilities",
        "argmax": "a class",
        "sign": "yes or no",
        "exponential": "numbers above 0",
    }
    pairs = {
        "File": f"{path}, {counted(path.stat().st_size, 'byte')}",
        "Networks": _together(model),
        "Format": f"version {description.get('version', VERSION)}, "
        f"written by {description.get('written_by', 'an unknown program')}",
        "Input": f"{' × '.join(map(str, network.input_shape))} numbers a row",
        "Predicts": answers[network.link],
        "Classes": ", ".join(network.classes) if network.classes else "without names",
        "Features": _features(network.features),
        "Columns": _columns(network.preprocessing),
        "Loss": str(type(network.loss).__name__) if network.loss else "not trained yet",
        "Precision": network.dtype.name,
    }
    if network.target is not None:
        pairs["Predicts"] += f": {network.target.describe(network.link)}"
    if not pairs["Networks"]:
        del pairs["Networks"]
    if network.link in ("identity", "exponential"):
        del pairs["Classes"]
    if network.preprocessing is None:
        del pairs["Columns"]
    else:
        del pairs["Features"]  # which are what the columns become
    if network.training is not None:
        pairs |= _training(network.training)
    tables.show_pairs(console, pairs)
    tables.show_layers(console, network)


def _together(model: str) -> str:
    """How many networks of a folder form an ensemble; nothing of one alone."""
    from pellucid.cli import inputs

    count = len(inputs.load_ensemble(model).networks)
    return f"{count} networks of an ensemble; of the first one:" if count > 1 else ""


def _features(features: tuple[Feature, ...] | None) -> str:
    """Names, with the kinds of those that are no plain numbers."""
    if features is None:
        return "without names"
    return ", ".join(each.name if each.kind == "number" else f"{each.name} ({each.kind})" for each in features)


def _columns(encoder: TableEncoder | None) -> str:
    """What becomes of each column of a table, and which are left out."""
    if encoder is None:
        return "none"
    used = ", ".join(f"{column.name} ({column.label})" for column in encoder.columns)
    left_out = ", ".join(f"{name} ({reason})" for name, reason in encoder.left_out)
    return used + (f"; left out: {left_out}" if left_out else "")


def _training(training: TrainingSummary) -> dict[str, str]:
    """The training in words."""
    from pellucid.validation import counted

    rows = (
        f"{counted(training.rows, 'row')} of {' × '.join(map(str, training.row_shape))} numbers ({training.row_dtype})"
    )
    validation = f", {training.validation_rows:,} more to validate" if training.validation_rows else ""
    return {
        "Trained": f"by pellucid {training.version} on the {training.engine} engine, seed {training.seed}: "
        f"{counted(training.epochs, 'epoch')}, {counted(training.steps, 'step')} "
        f"of {counted(training.batch_size, 'row')}",
        "Optimizer": training.optimizer,
        "Data": f"{rows}{validation}, SHA-256 {training.data_hash}",
        "Metrics": ", ".join(f"{name.replace('_', ' ')} {value:.4f}" for name, value in training.metrics.items()),
    }


info = Command("info", show_model, "Example:  pellucid info runs/digits-1")
