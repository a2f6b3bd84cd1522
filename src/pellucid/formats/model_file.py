"""The model file: one `.pellucid` file with a network's numbers and its description, which cannot run code.

The file is a safetensors file: eight bytes with the header's length, a JSON header, and the tensors' bytes. Each
parameter and statistic is a tensor by its name ("0.weight", "0.mean"); the header's metadata hold

    format = "pellucid"     version = "1"     network = the description as JSON     sha256 = of description and tensors

with the layers and the loss as tables of plain values (`pellucid.configuration`). Any safetensors reader can open it.
Reading checks every size against the file's before anything is allocated, makes only classes of Pellucid's own
registry (and those given in `custom`), and refuses everything else with the reason. The digest finds damage, it is no
signature; whoever changes numbers with another tool leaves it out.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.configuration import from_configuration, to_configuration
from pellucid.formats.atomic import write_atomically
from pellucid.layers import LAYERS, Identity
from pellucid.layers.base import Layer
from pellucid.losses import LOSSES, Loss
from pellucid.network import Network
from pellucid.typing import Array
from pellucid.validation import check_finite

VERSION = 1
_LONGEST_HEADER = 16 * 2**20  # bytes; a network of a thousand layers needs about a hundredth of it
_DTYPES = {"F32": np.dtype("<f4"), "F64": np.dtype("<f8")}
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}


class ModelFileError(ValueError):
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

    Examples
    --------
    >>> import os, tempfile, pellucid as pl
    >>> network = pl.Network([pl.Dense(2)]).build(3)
    >>> path = os.path.join(tempfile.mkdtemp(), "small.pellucid")
    >>> pl.save(network, path)
    >>> (pl.load(path).parameters == network.parameters).all()
    np.True_
    """
    tensors = {**network.named_parameters(), **network.named_statistics()}
    header: dict[str, Any] = {"__metadata__": _metadata(network, tensors.values())}
    end = 0
    for name, tensor in tensors.items():
        check_finite(tensor, name)
        dtype = np.dtype(tensor.dtype).newbyteorder("<")
        header[name] = {
            "dtype": _NAMES[dtype],
            "shape": list(tensor.shape),
            "data_offsets": [end, end + tensor.nbytes],
        }
        end += tensor.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the tensors begin at a multiple of 8
    write_atomically(path, _parts(text, tensors.values()))


def _parts(header: bytes, tensors: Iterable[Array]) -> Iterable[bytes]:
    yield len(header).to_bytes(8, "little")
    yield header
    for tensor in tensors:
        yield _bytes(tensor)


def _bytes(tensor: Array) -> bytes:
    """A tensor's numbers, row by row and little-endian."""
    return np.ascontiguousarray(tensor, dtype=tensor.dtype.newbyteorder("<")).tobytes()


def _digest(description: str, tensors: Iterable[Array]) -> str:
    """SHA-256 of the description and of all tensors in the order of the network's layers, in hexadecimal."""
    digest = hashlib.sha256(description.encode(errors="surrogatepass"))
    for tensor in tensors:
        digest.update(_bytes(tensor))
    return digest.hexdigest()


def _metadata(network: Network, tensors: Iterable[Array]) -> dict[str, str]:
    from pellucid import __version__

    description = {
        "layers": [to_configuration(layer) for layer in network.layers],
        "input_shape": list(network.input_shape),
        "dtype": network.dtype.name,
        "loss": None if network.loss is None else to_configuration(network.loss),
        "link": network.link,
        "classes": None if network.classes is None else list(network.classes),
        "statistics_fitted": network.statistics_fitted,
        "written_by": f"pellucid {__version__}",
    }
    text = json.dumps(description)
    return {"format": "pellucid", "version": str(VERSION), "network": text, "sha256": _digest(text, tensors)}


def load(
    path: str | os.PathLike[str],
    *,
    engine: str = "auto",
    threads: int | None = None,
    custom: Sequence[type] = (),
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

    Raises
    ------
    ModelFileError
        If the file is damaged, no model, or written by a newer version of the format.
    OSError
        If it cannot be opened.
    """
    Network([Identity()], engine=engine, threads=threads)  # a wrong engine is the caller's mistake, not the file's
    header, start, size = _read_header(Path(path))
    metadata = header.pop("__metadata__", None)
    description = _description(metadata, path)
    try:
        network = _network(description, engine, threads, custom)
    except RecursionError:
        raise ModelFileError(f"{path} is damaged: its description is nested too deeply.") from None
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise ModelFileError(f"{path} is damaged, or needs a class of your own in custom=[…]: {error}") from None
    _read_tensors(Path(path), header, start, size, network)
    tensors = {**network.named_parameters(), **network.named_statistics()}
    if metadata.get("sha256", (digest := _digest(metadata["network"], tensors.values()))) != digest:
        raise ModelFileError(f"{path} is damaged: its numbers are not those that were written (SHA-256).")
    return network


def describe(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The description in a model file, without reading its numbers: format version, layers, input shape, loss …."""
    header, _, _ = _read_header(Path(path))
    description = _description(header.get("__metadata__"), path)
    return {**description, "version": int(header["__metadata__"]["version"])}


def _read_header(path: Path) -> tuple[dict[str, Any], int, int]:
    """The header, where the tensors begin, and the file's size."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        first = file.read(8)
        if len(first) < 8:
            raise ModelFileError(f"{path} is no Pellucid model: it has only {size} bytes.")
        length = int.from_bytes(first, "little")
        if length > min(size - 8, _LONGEST_HEADER):
            raise ModelFileError(
                f"{path} is damaged or no Pellucid model: it announces a header of {length:,} bytes "
                f"in a file of {size:,}."
            )
        text = file.read(length)
    try:
        header = json.loads(text)
    except (ValueError, RecursionError):
        raise ModelFileError(f"{path} is damaged or no Pellucid model: its header is not JSON.") from None
    if not isinstance(header, dict):
        raise ModelFileError(f"{path} is no Pellucid model: its header is not a table.")
    return header, 8 + length, size


def _description(metadata: Any, path: str | os.PathLike[str]) -> dict[str, Any]:
    """The network's description from the header's metadata, its format and version checked."""
    if not isinstance(metadata, Mapping) or metadata.get("format") != "pellucid":
        raise ModelFileError(f"{path} is a safetensors file, but no Pellucid model: its header does not say so.")
    version = metadata.get("version")
    if not isinstance(version, str) or not version.isdecimal() or len(version) > 9:
        raise ModelFileError(f"{path} is damaged: its format version is {version!r:.40}.")
    if int(version) > VERSION:
        raise ModelFileError(
            f"{path} has format version {version}, but this Pellucid reads up to {VERSION}: install a newer one."
        )
    try:
        description = json.loads(metadata.get("network", ""))
    except (ValueError, TypeError, RecursionError):
        raise ModelFileError(f"{path} is damaged: its description is not JSON.") from None
    if not isinstance(description, dict):
        raise ModelFileError(f"{path} is damaged: its description is not a table.")
    return description


def _network(description: Mapping[str, Any], engine: str, threads: int | None, custom: Sequence[type]) -> Network:
    """The network that the description tells of, without its numbers: nothing large is allocated yet."""
    layers: dict[str, type[Layer]] = {**LAYERS, **{c.__name__: c for c in custom if issubclass(c, Layer)}}
    losses: dict[str, type[Loss]] = {cls.__name__: cls for cls in LOSSES.values()}
    losses.update({c.__name__: c for c in custom if issubclass(c, Loss)})
    if not isinstance(description.get("layers"), list):
        raise ValueError("the description has no list of layers.")
    network = Network(
        [from_configuration(layer, layers, "layer") for layer in description["layers"]],
        dtype=str(description.get("dtype")),
        engine=engine,
        threads=threads,
    )
    loss = description.get("loss")
    network.loss = None if loss is None else from_configuration(loss, losses, "loss")
    network.link = description.get("link", "identity")
    network.classes = description.get("classes")
    shape = description.get("input_shape")
    if not isinstance(shape, list) or not shape or not all(type(n) is int and 0 < n < 2**31 for n in shape):
        raise ValueError(f"the input shape is {shape!r:.40}.")
    network.adopt_shape(tuple(shape))
    network.statistics_fitted = bool(description.get("statistics_fitted", True))
    return network


def _read_tensors(path: Path, header: dict[str, Any], start: int, size: int, network: Network) -> None:
    """Check every tensor's name, shape, dtype and place against the network and the file, then read them."""
    program = network.program
    views = {name: (network.dtype, view) for name, view in program.views().items()}
    views.update({name: (np.dtype(np.float64), view) for name, view in program.statistic_views().items()})
    if set(header) != set(views):
        odd = sorted(set(header) ^ set(views))[0]
        raise ModelFileError(f"{path} is damaged: its tensors and its layers differ, first in {odd!r:.60}.")
    for name, (dtype, view) in views.items():
        _check_entry(path, name, header[name], dtype, view.shape, size - start)
    if start + sum(math.prod(view.shape) * dtype.itemsize for dtype, view in views.values()) != size:
        raise ModelFileError(f"{path} is damaged: it has {size:,} bytes, which is not what its tensors need.")
    data = np.memmap(path, dtype=np.uint8, mode="r", offset=0)
    parameters = np.empty(program.parameter_count, dtype=network.dtype)
    statistics = np.empty(program.statistic_count, dtype=np.float64)
    for name, (dtype, view) in views.items():
        begin, end = header[name]["data_offsets"]
        values = np.frombuffer(data[start + begin : start + end], dtype=dtype.newbyteorder("<"))
        if not np.isfinite(values).all():
            raise ModelFileError(f"{path} is damaged: {name} holds values that are not finite.")
        view.of(parameters if name in program.views() else statistics)[...] = values.reshape(view.shape)
    fitted = network.statistics_fitted
    network.parameters, network.statistics = parameters, statistics
    network.statistics_fitted = fitted


def _check_entry(path: Path, name: str, entry: Any, dtype: np.dtype[Any], shape: tuple[int, ...], room: int) -> None:
    expected = {"dtype": _NAMES[dtype.newbyteorder("<")], "shape": list(shape)}
    if not isinstance(entry, dict) or {key: entry.get(key) for key in expected} != expected:
        raise ModelFileError(f"{path} is damaged: {name} should be {expected}, but the header says {entry!r:.100}.")
    offsets = entry.get("data_offsets")
    if not isinstance(offsets, list) or len(offsets) != 2 or not all(type(n) is int for n in offsets):
        raise ModelFileError(f"{path} is damaged: {name} has no place in the file.")
    begin, end = offsets
    if not 0 <= begin <= end <= room or end - begin != math.prod(shape) * dtype.itemsize:
        raise ModelFileError(f"{path} is damaged: {name} lies at bytes {begin} to {end} of {room}.")
