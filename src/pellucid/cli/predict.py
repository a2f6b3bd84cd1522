"""`pellucid predict`: predictions of a saved network for the rows of a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from pellucid.cli import csv_options
from pellucid.cli.command import Command, DataFolder, ModelPath

if TYPE_CHECKING:
    from pellucid.ensemble import Ensemble
    from pellucid.typing import Array


def predict_rows(
    model: ModelPath,
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA",
            help="A .csv, .npy or .npz file, one example a row; - for CSV from standard input; a table in CSV, "
            "Parquet, Feather or Arrow for a network trained on one; or a built-in data set (its test rows).",
        ),
    ],
    output: Annotated[str | None, typer.Option(metavar="FILE", help="Write a CSV file with a line of names.")] = None,
    probabilities: Annotated[bool, typer.Option("--probabilities", help="The probability of every class.")] = False,
    csv: Annotated[str | None, typer.Option(metavar="WORDS", help=f"Of a table: {csv_options.HELP}")] = None,
    directory: DataFolder = None,
) -> None:
    """Say what a saved network predicts: one line a row, the class and its probability, or the numbers."""
    from pellucid.cli.inputs import load_ensemble
    from pellucid.validation import counted

    network = load_ensemble(model)
    if network.preprocessing is not None:
        _predict_table(network, data, output, probabilities, csv)
        return
    x = _inputs(network, data, directory)
    header, rows, decimals = _answers(network, x, probabilities)
    if output is not None:
        _write(output, header, rows)
        print(f"Wrote {counted(len(rows), 'prediction')} to {output}")
        return
    _print(rows, decimals)


def _predict_table(network: Ensemble, data: str, output: str | None, probabilities: bool, csv: str | None) -> None:
    """The rows of a table with the predictions beside them, to a file or to standard output, part by part."""
    import sys

    from pellucid.tables.predicting import predict_file, predict_to
    from pellucid.validation import counted

    source = sys.stdin.buffer if data == "-" else data
    if output is None:
        predict_to(network, source, sys.stdout.buffer, probabilities=probabilities, **csv_options.csv_of(csv))
        return
    written = predict_file(network, source, output, probabilities=probabilities, **csv_options.csv_of(csv))
    print(f"Wrote {counted(written.rows, 'row')} to {output}, with {', '.join(written.columns)} beside them")


def _inputs(network: Ensemble, data: str, directory: str | None) -> Array:
    """The rows to predict, (n, *input_shape)."""
    from pellucid.cli import inputs
    from pellucid.cli.errors import Failure, UsageError

    name = inputs.named(data)
    if name is not None:
        part = inputs.load_named(name, directory).test
        return inputs.fit_inputs(part.x, network, name)
    if directory is not None:
        raise UsageError("--data is for mnist and fashion-mnist, whose files it finds.")
    if not inputs.is_numpy(data):
        table = inputs.read_csv(data)
        return inputs.fit_inputs(table.numbers, network, table.source)
    arrays = inputs.read_arrays(data)
    if "x" not in arrays and len(arrays) != 1:
        raise Failure(f"{data} must hold an array named x, or only one, but it holds {', '.join(arrays) or 'none'}.")
    return inputs.fit_inputs(arrays.get("x", next(iter(arrays.values()))), network, data)


def _answers(network: Ensemble, x: Array, probabilities: bool) -> tuple[list[str], list[list[Any]], bool]:
    """The columns' names, the rows, and whether all but the first column are probabilities."""
    from pellucid.cli.errors import Failure

    if network.link not in ("softmax", "sigmoid"):
        if probabilities:
            loss = type(network.loss).__name__ if network.loss else "no loss"
            raise Failure(f"this network knows no probabilities: it was trained with {loss}.")
        predicted = network.predict(x)  # (n,) or (n, outputs)
        if network.link == "argmax":
            return ["prediction"], [[_class(network, index)] for index in predicted], False
        table = predicted.reshape(len(x), -1)  # (n, outputs)
        return _numbered("output", table.shape[1]), [list(row) for row in table], False
    shares = network.predict_proba(x)  # (n, classes), or (n, outputs) for several yes-or-no
    if network.link == "sigmoid" and network.outputs > 1:
        table = shares if probabilities else network.predict(x)
        return _numbered("output", table.shape[1]), [list(row) for row in table], False
    classes = network.predict(x)  # (n,)
    names = [_class(network, index) for index in classes]
    if probabilities:
        every = [_class(network, index) for index in range(shares.shape[1])]
        return ["prediction", *every], [[name, *row] for name, row in zip(names, shares, strict=True)], True
    own = shares[range(len(x)), classes]  # (n,)
    return ["prediction", "probability"], [[name, share] for name, share in zip(names, own, strict=True)], True


def _class(network: Ensemble, index: int) -> str:
    return network.classes[int(index)] if network.classes else str(int(index))


def _numbered(name: str, count: int) -> list[str]:
    return [name] if count == 1 else [f"{name}_{number}" for number in range(1, count + 1)]


def _print(rows: list[list[Any]], rounded: bool) -> None:
    """The rows as CSV without a line of names; probabilities with four decimals."""
    import csv
    import sys

    writer = csv.writer(sys.stdout, lineterminator="\n")
    for row in rows:
        writer.writerow([row[0], *(f"{share:.4f}" for share in row[1:])] if rounded else row)


def _write(path: str, header: list[str], rows: list[list[Any]]) -> None:
    """The rows as a CSV file, every number with all its digits."""
    import csv
    import io
    from pathlib import Path

    from pellucid.storage.atomic import write_atomically

    sink = io.StringIO(newline="")
    writer = csv.writer(sink, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    write_atomically(Path(path).expanduser(), [sink.getvalue().encode()])


predict = Command("predict", predict_rows, "Example:  pellucid predict runs/digits-1 digits --probabilities")
