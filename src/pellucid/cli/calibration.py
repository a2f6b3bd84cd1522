"""Rows that int8 is measured on: those that were named, else the built-in data set that the model was trained on."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from pellucid import datasets
from pellucid.cli import inputs
from pellucid.cli.errors import Failure, UsageError
from pellucid.datasets import DATASETS, Dataset
from pellucid.datasets.images import CHECKSUMS
from pellucid.ensemble import Model
from pellucid.tables.reading import read_columns
from pellucid.typing import Array
from pellucid.validation import counted

_PIXELS = 784
"""Of an image of MNIST and its kin: their files are not read for other networks."""

_ENOUGH = 0.5
"""How far from chance to perfect a model's accuracy on a data set must be, to say that it was trained on it."""


class CalibrationRows(NamedTuple):
    """What there is to measure on."""

    x: Array
    test: tuple[Array, Array] | None
    """Rows with targets to compare int8 with float on."""
    label: str
    """Where they come from."""


def rows_for(network: Model, data: str | None, directory: str | None) -> CalibrationRows:
    """The rows of the data that were named, or else of the data set that the network knows."""
    if data is None:
        return _recognised(network, directory)
    name = inputs.named(data)
    if name is not None:
        return _of_dataset(network, inputs.load_named(name, directory), "")
    if directory is not None:
        raise UsageError("--data is for mnist and fashion-mnist, whose files it finds.")
    if network.preprocessing is not None:
        columns = read_columns(data, texts=network.preprocessing.text_columns)
        return _without(network.preprocessing.transform(columns), data)
    return _of_arrays(network, data) if inputs.is_numpy(data) else _of_csv(network, data)


def _of_dataset(network: Model, dataset: Dataset, why: str) -> CalibrationRows:
    x = inputs.fit_inputs(dataset.train.x, network, dataset.name)
    test = (inputs.fit_inputs(dataset.test.x, network, dataset.name), dataset.test.y)
    words = f"Measured on {dataset.name}: ranges on the training rows, accuracy on the test rows{why}"
    return CalibrationRows(x, test if _takes(network, dataset.test.y) else None, words)


def _takes(network: Model, y: Array) -> bool:
    """Whether the targets are such as the network was trained on."""
    try:
        return network.loss is not None and network.loss.encode(y, network.outputs) is not None
    except ValueError:
        return False


def _recognised(network: Model, directory: str | None) -> CalibrationRows:
    """The built-in data set whose test rows the network predicts far better than chance; files are not downloaded."""
    for name in DATASETS:
        if name in CHECKSUMS and network.input_shape != (_PIXELS,):
            continue
        try:
            more: dict[str, Any] = {"directory": directory, "download": False} if name in CHECKSUMS else {}
            dataset = datasets.load(name, **more)
        except (OSError, ValueError):
            continue  # its files are not at hand
        accuracy, chance = _accuracy(network, dataset), 1 / len(dataset.classes)
        if accuracy > chance + _ENOUGH * (1 - chance):
            return _of_dataset(network, dataset, f" (of which the model knows {accuracy:.0%})")
    raise UsageError(
        "--int8 needs rows like those to come, to measure ranges on, and the model is of no built-in data set: say "
        "--calibrate FILE (.csv, .npy or .npz), with or without the target in the last column."
    )


def _accuracy(network: Model, dataset: Dataset) -> float:
    """The part of the test rows that is predicted right; 0 where the network is not made for them."""
    if network.input_shape != (dataset.features,) or network.link in ("identity", "exponential"):
        return 0.0
    if not _takes(network, dataset.test.y):
        return 0.0
    return network.evaluate(*dataset.test)["accuracy"]


def _of_csv(network: Model, data: str) -> CalibrationRows:
    table = inputs.read_csv(data)
    if table.width == network.input_shape[0] + 1 and _one_target(network):
        return _with_target(network, table.numbers, table.source)
    return _without(inputs.fit_inputs(table.numbers, network, table.source), table.source)


def _of_arrays(network: Model, data: str) -> CalibrationRows:
    arrays = inputs.read_arrays(data)
    if "x" not in arrays and len(arrays) != 1:
        raise Failure(f"{data} must hold an array named x, or only one, but it holds {', '.join(arrays) or 'none'}.")
    x = arrays.get("x", next(iter(arrays.values())))
    if "x" in arrays and "y" in arrays:
        x = inputs.fit_inputs(x, network, data)
        return CalibrationRows(x, (x, arrays["y"]), _same(len(x), data))
    if x.ndim == 2 and x.shape[1] == network.input_shape[0] + 1 and _one_target(network):
        return _with_target(network, x, data)
    return _without(inputs.fit_inputs(x, network, data), data)


def _one_target(network: Model) -> bool:
    return network.outputs == 1 or network.link in ("softmax", "argmax")


def _with_target(network: Model, table: Array, source: str) -> CalibrationRows:
    x, y = inputs.fit_inputs(table[:, :-1], network, source, with_target=True), table[:, -1]
    if network.link in ("softmax", "argmax"):
        y = y.astype(np.int64)
    return CalibrationRows(x, (x, y), _same(len(x), source))


def _without(x: Array, source: str) -> CalibrationRows:
    return CalibrationRows(x, None, f"Measured on the {counted(len(x), 'row')} of {source}")


def _same(rows: int, source: str) -> str:
    return f"Measured on the {counted(rows, 'row')} of {source}: ranges and accuracy on the same ones"
