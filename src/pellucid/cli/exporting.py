"""The work of `pellucid export`: a table of targets, and what their options mean.

A new target is a function (network, path, options) that returns something to print, and its line in `TARGETS`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

from pellucid import formats
from pellucid.cli.calibration import rows_for
from pellucid.cli.errors import Failure, UsageError, choice
from pellucid.cli.export_options import ExportOptions
from pellucid.cli.inputs import load_ensemble, model_path
from pellucid.cli.runs import MODEL, SETTINGS
from pellucid.cli.train_options import options_of
from pellucid.cli.training import set_up
from pellucid.datasets import DATASETS, Dataset
from pellucid.ensemble import Ensemble
from pellucid.formats.onnx import to_onnx
from pellucid.network import Network


class ExportFormat(NamedTuple):
    """Something a network can be written as."""

    write: Callable[[Ensemble, Path, ExportOptions], Any]
    """Writes it and returns a report, which is printed."""
    options: tuple[str, ...] = ()
    """The options it takes besides the output."""


def _c(network: Ensemble, path: Path, options: ExportOptions) -> Any:
    if not options.int8:
        _refuse(options, ("calibrate", "data"), "is for --int8")
        return formats.write_c(network, path)
    alone = _alone(network, "--int8")
    rows = rows_for(alone, options.calibrate, options.data)
    print(rows.label)
    return formats.write_c(alone, path, int8=True, rows=rows.x, test=rows.test)


def _numpy(network: Ensemble, path: Path, options: ExportOptions) -> Any:
    if not options.training:
        return formats.write_numpy(network, path)
    alone = _alone(network, "--training")
    if options.output is None:
        path = path.with_name(f"{path.name}_training")
    return formats.write_training(alone, path, data=_data_of_run(model_path(options.model).parent))


def _data_of_run(folder: Path) -> Dataset | None:
    """The data set that a run was trained on, with the rows it had; None: it is none of the built-in ones."""
    settings = folder / SETTINGS
    if not settings.is_file():
        return None
    told = json.loads(settings.read_text(encoding="utf-8"))
    return set_up(options_of(told))[1] if told.get("dataset") in DATASETS else None


def _onnx(network: Ensemble, path: Path, options: ExportOptions) -> Any:
    rows = None if options.calibrate is None else rows_for(network, options.calibrate, options.data)
    target = path if path.suffix == ".onnx" else path.with_name(f"{path.name}.onnx")
    report = to_onnx(network, target, x=None if rows is None else rows.x)
    return f"Wrote {target.name}\n{report}"


def _javascript(network: Ensemble, path: Path, options: ExportOptions) -> Any:
    return formats.write_javascript(network, path)


TARGETS: dict[str, ExportFormat] = {
    "c": ExportFormat(_c, ("int8", "calibrate", "data")),
    "onnx": ExportFormat(_onnx, ("calibrate", "data")),
    "numpy": ExportFormat(_numpy, ("training",)),
    "javascript": ExportFormat(_javascript),
}
"""What a network can be written as, by the name people type."""


def _alone(network: Ensemble, option: str) -> Network:
    """The only network there is."""
    count = len(network.networks)
    if count > 1:
        raise UsageError(
            f"{option} is for a single network, but this is an ensemble of {count}: name one of them, {MODEL} in the "
            f"folder."
        )
    return network.networks[0]


def export(options: ExportOptions) -> None:
    """Write a network and print what there is to know of the result."""
    name = choice("--to", options.to, TARGETS)
    target = TARGETS[name]
    taken = ("model", "to", "output", *target.options)
    others = tuple(field.name for field in fields(options) if field.name not in taken)
    _refuse(options, others, f"is not for --to {name}")
    path, network = model_path(options.model), load_ensemble(options.model)
    if len(network.networks) > 1:
        print(f"{len(network.networks)} networks of an ensemble")
    try:
        print(target.write(network, _output(path, options.output), options))
    except FileExistsError as error:
        raise Failure(f"{error} For example --output {_output(path, options.output).name}_exported.") from None


def _refuse(options: ExportOptions, names: tuple[str, ...], why: str) -> None:
    """Stop where an option is given that would change nothing."""
    for name in names:
        if getattr(options, name) not in (None, False):
            raise UsageError(f"--{name.replace('_', '-')} {why}.")


def _output(model: Path, output: str | None) -> Path:
    """Where to write: as asked for, else in this folder by the name of the model, or of the run it is the model of."""
    if output is None:
        return Path(model.resolve().parent.name if model.name == MODEL else model.stem)
    path = Path(output).expanduser()
    if path.is_dir() or output.endswith("/"):
        raise UsageError(f"--output {output} is a folder: add the name of a file.")
    return path
