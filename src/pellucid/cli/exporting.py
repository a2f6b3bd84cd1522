"""The work of `pellucid export`: a table of targets, and what their options mean.

A new target is a function (network, path, options) that answers something to print, and its line in `TARGETS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple

import pellucid as pl
from pellucid.cli.calibration import rows_for
from pellucid.cli.errors import Failure, UsageError, choice, option
from pellucid.cli.inputs import load_together, model_path
from pellucid.cli.runs import MODEL
from pellucid.losses import LOSSES
from pellucid.optimizers import OPTIMIZERS
from pellucid.validation import check_integer, check_seed


@dataclass(frozen=True)
class Options:
    """What the command line says; None and False where it says nothing."""

    output: str | None
    int8: bool
    calibrate: str | None
    data: str | None
    training: bool
    loss: str | None
    optimizer: str | None
    learning_rate: float | None
    l2: float | None
    batch_size: str | None
    epochs: int | None
    seed: int | None


class Target(NamedTuple):
    """Something a network can be written as."""

    write: Callable[[pl.Together, Path, Options], Any]
    """Writes it and answers a report, which is printed."""
    options: tuple[str, ...] = ()
    """The options it takes besides the output."""


def _c(network: pl.Together, path: Path, options: Options) -> Any:
    if not options.int8:
        _refuse(options, ("calibrate", "data"), "is for --int8")
        return pl.formats.write_c(network, path)
    alone = _alone(network, "--int8")
    rows = rows_for(alone, options.calibrate, options.data)
    print(rows.words)
    return pl.formats.write_c(alone, path, int8=True, rows=rows.x, test=rows.test)


def _numpy(network: pl.Together, path: Path, options: Options) -> Any:
    if not options.training:
        _refuse(options, _OF_TRAINING, "is for --training")
        return pl.formats.write_numpy(network, path)
    alone = _alone(network, "--training")
    if options.output is None:
        path = path.with_name(f"{path.name}_training")
    epochs = 20 if options.epochs is None else options.epochs
    with option("--epochs"):
        check_integer("N", epochs, minimum=1)
    return pl.formats.write_training(_trainer(alone, options), path, epochs=epochs)


def _onnx(network: pl.Together, path: Path, options: Options) -> Any:
    rows = None if options.calibrate is None else rows_for(network, options.calibrate, options.data)
    target = path if path.suffix == ".onnx" else path.with_name(f"{path.name}.onnx")
    report = pl.to_onnx(network, target, x=None if rows is None else rows.x)
    return f"Wrote {target.name}\n{report}"


def _javascript(network: pl.Together, path: Path, options: Options) -> Any:
    return pl.formats.write_javascript(network, path)


_OF_TRAINING = ("loss", "optimizer", "learning_rate", "l2", "batch_size", "epochs", "seed")

TARGETS: dict[str, Target] = {
    "c": Target(_c, ("int8", "calibrate", "data")),
    "onnx": Target(_onnx, ("calibrate", "data")),
    "numpy": Target(_numpy, ("training", *_OF_TRAINING)),
    "javascript": Target(_javascript),
}
"""What a network can be written as, by the name people type."""


def _alone(network: pl.Together, option: str) -> pl.Network:
    """The only network there is."""
    count = len(network.networks)
    if count > 1:
        raise UsageError(
            f"{option} writes a single network, but these are {count} that answer together: leave it away, or name one "
            f"of them, {MODEL} in the folder."
        )
    return network.networks[0]


def export(model: str, to: str, options: Options) -> None:
    """Write a network and print what there is to know of the result."""
    name = choice("--to", to, TARGETS)
    target = TARGETS[name]
    others = tuple(field.name for field in fields(options) if field.name not in ("output", *target.options))
    _refuse(options, others, f"is not for --to {name}")
    path, network = model_path(model), load_together(model)
    if len(network.networks) > 1:
        print(f"{len(network.networks)} networks that answer together")
    try:
        print(target.write(network, _output(path, options.output), options))
    except FileExistsError as error:
        raise Failure(f"{error} For example --output {_output(path, options.output).name}_exported.") from None


def _refuse(options: Options, names: tuple[str, ...], why: str) -> None:
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


def _trainer(network: pl.Network, options: Options) -> pl.Trainer:
    """The training that the program is to show."""
    if options.loss is None and network.loss is None:
        raise UsageError(f"the model was saved before it was trained: say --loss, one of {', '.join(sorted(LOSSES))}.")
    loss = network.loss if options.loss is None else LOSSES[choice("--loss", options.loss, LOSSES)]()
    assert loss is not None
    optimizer = OPTIMIZERS[choice("--optimizer", options.optimizer or "adam", OPTIMIZERS)]
    with option("--learning-rate"):
        chosen = optimizer() if options.learning_rate is None else optimizer(options.learning_rate)
    with option("--l2"):
        penalty = pl.L2(options.l2) if options.l2 else None
    with option("--seed"):
        seed = check_seed(options.seed or 0)
    return pl.Trainer(network, loss, chosen, _batch_size(options.batch_size), penalty, seed=seed)


def _batch_size(text: str | None) -> int | str:
    if text is None:
        return 32
    if text.strip().lower() == "full":
        return "full"
    if not text.strip().isdigit() or int(text) < 1:
        raise UsageError(f"--batch-size must be a whole number of at least 1, or full, not {text!r}.")
    return int(text)
