"""The model file: one `.pellucid` file with a network's numbers and its description, which cannot run code.

The file has the safetensors layout (`pellucid.storage.tensor_file`). Each parameter and statistic is a tensor by its
name ("0.weight", "0.mean"); the header's metadata hold

    format = "pellucid"     version = "1"     network = the description as JSON     sha256 = of description and tensors

with the layers and the loss as tables of plain values (`pellucid.configuration`). docs/files.md is the specification.
Reading checks every size against the file's before anything is allocated, makes only classes of Pellucid's own
registry (and those given in `custom`), and refuses everything else with the reason. The digest finds damage, it is no
signature; whoever changes numbers with another tool leaves it out.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pellucid.configuration import to_configuration
from pellucid.layers import Identity
from pellucid.losses import LOSSES, Loss
from pellucid.network import Network
from pellucid.storage.atomic import write_atomically
from pellucid.storage.networks import check_own, describe_network, loss_from, network_from
from pellucid.storage.strict_json import read_json, write_json
from pellucid.storage.tensor_file import (
    FileError,
    TensorFile,
    as_error,
    check_version,
    digest,
    dtype_name,
    tensor_parts,
)
from pellucid.typing import Array, Floats
from pellucid.validation import check_finite
from pellucid.version import __version__

VERSION = 1


class ModelFileError(FileError):
    """The file is no model that this version of Pellucid can read; the message says why."""


def save(network: Network, path: str | os.PathLike[str]) -> None:
    """Write a network to one file, atomically: the old file stays until the new one is whole.

    Parameters
    ----------
    network : Network
        Built or trained.
    path : path
        Where to; `.pellucid` is the customary ending.

    Raises
    ------
    ValueError
        If the network has no parameters yet, or one of them is NaN or infinite.
    OSError
        If the folder does not exist or cannot be written to.

    Warns
    -----
    UserWarning
        If the loss holds functions of your own: no file holds functions, and the network read again has no loss.

    Examples
    --------
    >>> import os, tempfile, pellucid as pl
    >>> network = pl.Network([pl.Dense(2)]).build(3)
    >>> network.features = ["height", "weight", ("smokes", "boolean")]
    >>> path = os.path.join(tempfile.mkdtemp(), "small.pellucid")
    >>> pl.save(network, path)
    >>> bool((pl.load(path).parameters == network.parameters).all())
    True
    """
    write_atomically(path, model_parts(network))


def model_parts(network: Network) -> list[bytes | memoryview]:
    """The bytes of a network's model file, part by part."""
    tensors = {**network.named_parameters(), **network.named_statistics()}
    for name, tensor in tensors.items():
        check_finite(tensor, name)
    text = write_json(
        {
            **describe_network(network),
            "loss": None if network.loss is None else _loss_table(network.loss),
            "written_by": f"pellucid {__version__}",
        }
    )
    metadata = {
        "format": "pellucid",
        "version": str(VERSION),
        "network": text,
        "sha256": digest(text, tensors.values()),
    }
    return tensor_parts(tensors, metadata)


def _loss_table(loss: Loss) -> dict[str, Any] | None:
    check_own(loss, LOSSES.values())
    try:
        return to_configuration(loss)
    except TypeError as error:
        warnings.warn(
            f"The loss is left out of the file: {error} The network predicts the same; to measure it after loading, "
            f"use evaluate(x, y, loss=…).",
            UserWarning,
            stacklevel=4,
        )
        return None


def load(
    path: str | os.PathLike[str],
    *,
    engine: str = "auto",
    threads: int | None = None,
    custom: Sequence[type] = (),
    mapped: bool = False,
) -> Network:
    """Read a network from a file that `save` wrote. Nothing in the file is ever run.

    Parameters
    ----------
    path : path
        The file.
    engine, threads
        As for `Network`.
    custom : sequence of classes
        Layers and losses of one's own that the file may name.
    mapped : bool
        Whether the parameters stay in the file, mapped into memory: processes that load the same file then share them.
        Nothing may change or shorten the file as long as the network is used: a file that is shortened, or written
        anew in place as `cp` and `rsync --inplace` do, ends the process at once (SIGBUS on Linux), and one that is
        changed changes the network. `save` does neither, it puts a new file in the place of the old one.
        False: they are read into memory, and what happens to the file afterwards does not matter.

    Raises
    ------
    ModelFileError
        If the file is damaged, no model, written by a newer version of the format, or changes while it is read.
    OSError
        If it cannot be opened.
    """
    Network([Identity()], engine=engine, threads=threads)  # a wrong engine is the caller's mistake, not the file's
    with as_error(ModelFileError):
        file = TensorFile(path, "mapped" if mapped else "read")
        description = _description(file)
        try:
            network = network_from(description, engine=engine, threads=threads, custom=custom)
            loss = description.get("loss")
            network.loss = None if loss is None else loss_from(loss, custom)
            network.check_names()
        except RecursionError:
            raise file.refuse("is damaged: its description is nested too deeply.") from None
        except (ValueError, TypeError, KeyError, OverflowError, AttributeError) as error:
            raise file.refuse(f"is damaged, or needs a class of your own in custom=[…]: {error}") from None
        _check_tensors(file, network)
        names = file.metadata.get("sha256"), [*network.program.views(), *network.program.statistic_views()]
        if names[0] is not None and digest(file.metadata["network"], map(file.tensor, names[1])) != names[0]:
            raise file.refuse("is damaged: its numbers are not those that were written (SHA-256).")
        _read_numbers(file, network)
    return network


def describe(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The description in a model file, without reading its numbers: format version, layers, input shape, loss …."""
    with as_error(ModelFileError):
        file = TensorFile(path, "omitted")
        return {**_description(file), "version": int(file.metadata["version"])}


def _description(file: TensorFile) -> dict[str, Any]:
    """The network's description from the header's metadata, its format and version checked."""
    kind = file.metadata.get("format")
    if kind == "pellucid-checkpoint":
        raise file.refuse("is a checkpoint, not a model: Trainer.resume(…) takes the folder it lies in.")
    if kind != "pellucid":
        raise file.refuse("is a safetensors file, but no Pellucid model: its header does not say so.")
    check_version(file, VERSION)
    try:
        description = read_json(file.metadata.get("network", ""))
    except ValueError as error:
        raise file.refuse(f"is damaged: its description {error}.") from None
    if not isinstance(description, dict):
        raise file.refuse("is damaged: its description is not a table.")
    return description


def _check_tensors(file: TensorFile, network: Network) -> None:
    """Check that the tensors are those of the network, by name, shape and dtype."""
    views = _expected(network)
    if set(file.entries) != set(views):
        odd = sorted(set(file.entries) ^ set(views))[0]
        raise file.refuse(f"is damaged: its tensors and its layers differ, first in {odd!r:.60}.")
    for name, (dtype, shape) in views.items():
        entry = file.entries[name]
        if (entry.dtype, entry.shape) != (dtype, shape):
            raise file.refuse(
                f"is damaged: {name} should be {dtype} of the shape {list(shape)}, but the header says {entry.dtype} "
                f"of {list(entry.shape)!r:.80}."
            )


def _expected(network: Network) -> Mapping[str, tuple[str, tuple[int, ...]]]:
    """The dtype and shape of every tensor that the network needs."""
    program = network.program
    numbers = {name: (dtype_name(network.dtype), view.shape) for name, view in program.views().items()}
    return numbers | {name: ("F64", view.shape) for name, view in program.statistic_views().items()}


def _read_numbers(file: TensorFile, network: Network) -> None:
    """Put the file's numbers into the network, and look whether all are finite."""
    for name in file.entries:
        if not np.isfinite(file.tensor(name)).all():
            raise file.refuse(f"is damaged: {name} holds values that are not finite.")
    program = network.program
    block = file.block(program.views())
    if block is None or block.dtype != network.dtype:  # not as `save` wrote it, or a foreign byte order
        block = _gathered(file, program.views(), program.parameter_count, network.dtype)
    statistics = _gathered(file, program.statistic_views(), program.statistic_count, np.dtype(np.float64))
    network.adopt(block, statistics, network.statistics_fitted)


def _gathered(file: TensorFile, views: Mapping[str, Any], count: int, dtype: np.dtype[Any]) -> Floats:
    """Tensors in one flat vector of its own memory."""
    flat: Array = np.empty(count, dtype=dtype)
    for name, view in views.items():
        view.of(flat)[...] = file.tensor(name)
    return flat
