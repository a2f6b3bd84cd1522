"""`pellucid evaluate`: how right a saved network is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pellucid.cli import csv_options
from pellucid.cli.command import Command, DataFolder, ModelPath

if TYPE_CHECKING:
    from pellucid.cli.inputs import CsvTable
    from pellucid.ensemble import Model
    from pellucid.typing import Array


def evaluate_model(
    model: ModelPath,
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA",
            help="A built-in data set (its test rows); a .csv or .npy file whose last column is the target; "
            "a .npz file with the arrays x and y; - for CSV from standard input; a table for a network trained on one.",
        ),
    ],
    target: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="The target's column, by name or number (from 1); in .npz, the array."),
    ] = None,
    csv: Annotated[str | None, typer.Option(metavar="WORDS", help=f"Of a table: {csv_options.HELP}")] = None,
    directory: DataFolder = None,
) -> None:
    """Measure a saved network on rows with known targets: loss, accuracy, and which classes it confuses."""
    from pellucid.cli import inputs, tables
    from pellucid.cli.errors import Failure
    from pellucid.training.summaries import learnt_from

    network = inputs.load_ensemble(model)
    if network.loss is None:
        trained = network.networks[0].training is not None
        why = "without its loss, which is no part of Pellucid" if trained else "before it was trained"
        raise Failure(f"{model} was saved {why}, so it has no loss to measure.")
    console = tables.console()
    if network.preprocessing is not None:
        from pellucid.cli.table_evaluation import evaluate_table

        evaluate_table(console, network, model, data, target, csv)
        return
    x, y = read_examples(network, data, target, directory)
    if any(learnt_from(each, x, y) for each in network.networks):
        tables.show_learnt_from(console, data, "these rows")
    tables.show_results(console, "standard input" if data == "-" else data, network.evaluate(x, y), len(x))
    if _predicts_one_class(network):
        classes = network.classes or tuple(map(str, range(max(network.outputs, 2))))
        tables.show_confusion(console, y, network.predict(x), classes)


def _predicts_one_class(network: Model) -> bool:
    return network.link in ("softmax", "argmax") or (network.link == "sigmoid" and network.outputs == 1)


def read_examples(network: Model, data: str, target: str | None, directory: str | None) -> tuple[Array, Array]:
    """Inputs (n, *input_shape) and targets (n,) or (n, outputs)."""
    from pellucid.cli import inputs
    from pellucid.cli.errors import UsageError

    name = inputs.named(data)
    if name is not None:
        if target is not None:
            raise UsageError(f"--target is for files: {name} knows its targets.")
        part = inputs.load_named(name, directory).test
        return inputs.fit_inputs(part.x, network, name), part.y
    if directory is not None:
        raise UsageError("--data is for mnist and fashion-mnist, whose files it finds.")
    if inputs.is_numpy(data):
        return _from_arrays(network, data, target)
    if _predicts_one_class(network):
        table = inputs.read_csv(data, target=target, with_target=True)
        x = inputs.fit_inputs(table.numbers, network, table.source, with_target=True)
        return x, _class_numbers(network, table)
    if network.outputs == 1:
        table = inputs.read_csv(data, target=target, with_target=True)
        return inputs.fit_inputs(table.numbers, network, table.source, with_target=True), _target_numbers(table)
    if target is not None:
        raise UsageError(f"--target names one column, but the network has {network.outputs} outputs: put them last.")
    table = inputs.read_csv(data)
    return _last_columns(network, table.numbers, table.source)


def _from_arrays(network: Model, data: str, target: str | None) -> tuple[Array, Array]:
    from pellucid.cli import inputs
    from pellucid.cli.errors import Failure

    arrays = inputs.read_arrays(data)
    name = target or "y"
    if "x" in arrays and name in arrays:
        return inputs.fit_inputs(arrays["x"], network, data), arrays[name]
    if data.lower().endswith(".npz") or target is not None:
        found = ", ".join(arrays) or "none"
        raise Failure(f"{data} must hold the arrays x and {name}, but it holds {found}.")
    return _last_columns(network, arrays["x"], data)


def _last_columns(network: Model, values: Array, source: str) -> tuple[Array, Array]:
    """Divide a table (n, features + targets) into inputs and targets; classes become whole numbers."""
    import numpy as np

    from pellucid.cli import inputs
    from pellucid.cli.errors import Failure

    count = 1 if _predicts_one_class(network) else network.outputs
    if values.ndim != 2 or values.shape[1] <= count:
        raise Failure(f"{source} must hold a table with the targets in the last column, not the shape {values.shape}.")
    x = inputs.fit_inputs(values[:, :-count], network, source, with_target=True)
    y = values[:, -count:]  # (n, count)
    if not _predicts_one_class(network):
        return x, y
    whole = y[:, 0].astype(np.int64)  # (n,)
    return x, whole if (whole == y[:, 0]).all() else y[:, 0]


def _class_numbers(network: Model, table: CsvTable) -> Array:
    """The targets of a file as numbers of classes, from names, or from the numbers themselves."""
    import numpy as np

    from pellucid.cli.errors import Failure
    from pellucid.validation import unknown_name_message

    names = network.classes or tuple(map(str, range(max(network.outputs, 2))))
    number_of = {name: number for number, name in enumerate(names)}
    if not all(cell in number_of for cell in table.text) and all(cell.isdigit() for cell in table.text):
        number_of = {str(number): number for number in range(len(names))}
    for line, cell in zip(table.lines, table.text, strict=True):
        if cell not in number_of:
            raise Failure(f"{table.source}, line {line}: {unknown_name_message('class', cell, number_of)}")
    return np.array([number_of[cell] for cell in table.text], dtype=np.int64)  # (n,)


def _target_numbers(table: CsvTable) -> Array:
    """The targets of a file as numbers to be predicted."""
    import numpy as np

    from pellucid.cli.errors import Failure
    from pellucid.tables.numerals import number_in

    values = [number_in(cell, table.decimal) for cell in table.text]
    for line, cell, value in zip(table.lines, table.text, values, strict=True):
        if value is None:
            raise Failure(f"{table.source}, line {line}: the target {cell!r} is no number.")
    return np.array(values)  # (n,)


evaluate = Command("evaluate", evaluate_model, "Example:  pellucid evaluate runs/digits-1 digits")
