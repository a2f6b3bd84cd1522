"""The safetensors layout: eight bytes with the header's length, a JSON header, and the tensors' bytes.

    header = {"__metadata__": {name: text}, tensor: {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}, …}

Contract: `write_tensors` writes atomically; `TensorFile(path)` checks all of a file's header before it reads the rest:
every tensor's size, that all lie one behind the other, and that together they are the rest of the file. So whatever a
header announces, no more is ever allocated than the file is long. Any safetensors reader can open it.

The numbers are read into memory: a file that is mapped ends the process (SIGBUS) when another one shortens it.
"""

from __future__ import annotations

import hashlib
import math
import mmap
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple, NoReturn

import numpy as np

from pellucid.storage.atomic import write_atomically
from pellucid.storage.strict_json import read_json, write_json
from pellucid.typing import Array

LONGEST_HEADER = 16 * 2**20
"""Bytes; a network of a thousand layers needs about a hundredth of it."""

_ALIGNMENT = 8  # bytes: the tensors begin at a multiple of it
_DTYPES: dict[str, np.dtype[Any]] = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
    "U8": np.dtype("u1"),
    "BOOL": np.dtype("?"),
}
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}


class FileError(ValueError):
    """A file is damaged, or is not what it is read as; the message names it and says why."""


class NewerFileError(FileError):
    """A file's format is newer than this version of Pellucid."""


class TensorEntry(NamedTuple):
    """What a header says of a tensor."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int

    @property
    def numbers(self) -> np.dtype[Any]:
        """The dtype of its numbers in the file, little-endian."""
        return _DTYPES[self.dtype]


def dtype_name(dtype: np.dtype[Any]) -> str:
    """The layout's name of a dtype: "F32"."""
    if dtype.newbyteorder("<") not in _NAMES:
        raise TypeError(f"Arrays of {dtype} cannot be written: {', '.join(sorted(map(str, _NAMES)))} can.")
    return _NAMES[dtype.newbyteorder("<")]


def write_tensors(path: str | os.PathLike[str], tensors: Mapping[str, Array], metadata: Mapping[str, str]) -> None:
    """Write named arrays and texts to one file, atomically, in the order given."""
    write_atomically(path, tensor_parts(tensors, metadata))


def tensor_parts(tensors: Mapping[str, Array], metadata: Mapping[str, str]) -> list[bytes | memoryview]:
    """The bytes of a file of named arrays and texts, part by part."""
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    end = 0
    for name, tensor in tensors.items():
        offsets = [end, end + tensor.nbytes]
        header[name] = {"dtype": dtype_name(tensor.dtype), "shape": list(tensor.shape), "data_offsets": offsets}
        end += tensor.nbytes
    text = write_json(header).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    if len(text) > LONGEST_HEADER:
        raise ValueError(f"The description has {len(text):,} bytes, but at most {LONGEST_HEADER:,} can be read again.")
    return [len(text).to_bytes(8, "little"), text, *map(_bytes, tensors.values())]


def digest(text: str, tensors: Iterable[Array]) -> str:
    """SHA-256 of a text and of arrays one after the other, in hexadecimal."""
    result = hashlib.sha256(text.encode(errors="surrogatepass"))
    for tensor in tensors:
        result.update(_bytes(tensor))
    return result.hexdigest()


def _bytes(tensor: Array) -> memoryview:
    """An array's numbers, row by row and little-endian; without a copy where they lie so."""
    plain = np.ascontiguousarray(tensor, dtype=tensor.dtype.newbyteorder("<"))
    return plain.reshape(-1).view(np.uint8).data


@contextmanager
def as_error(kind: type[FileError]) -> Iterator[None]:
    """Turn a `FileError` into one of a more telling kind, the words as they are."""
    try:
        yield
    except FileError as error:
        raise kind(str(error)) from None


class TensorFile:
    """A file in the safetensors layout, its header checked.

    Parameters
    ----------
    path : path
        The file.
    numbers : "read", "mapped" or "omitted"
        Whether the tensors are read into memory, stay in the file (which then must not change), or are not needed.

    Attributes
    ----------
    metadata : dict of str
        The header's texts.
    entries : dict of TensorEntry
        The tensors by name, in the order they lie in.

    Raises
    ------
    FileError
        If the file is damaged, has another layout, or changes while it is read.
    OSError
        If it cannot be read.
    """

    def __init__(self, path: str | os.PathLike[str], numbers: Literal["read", "mapped", "omitted"] = "read") -> None:
        self.path = Path(path)
        with self.path.open("rb") as file:
            before = os.fstat(file.fileno())
            try:
                start = self._read_header(file, before.st_size)
                self._data = self._numbers(file, start, before.st_size - start, numbers)
            except FileError:
                self._check_unchanged(file, before)  # the reason why it looked damaged
                raise
            self._check_unchanged(file, before)

    def __contains__(self, name: object) -> bool:
        """Whether there is such a tensor."""
        return name in self.entries

    def tensor(self, name: str) -> Array:
        """A tensor as a read-only view of the file's numbers."""
        entry = self.entries[name]
        return self._data[entry.begin : entry.end].view(entry.numbers).reshape(entry.shape)

    def block(self, names: Iterable[str]) -> Array | None:
        """Tensors that lie one behind the other in this order, as one flat view; None if they do not."""
        entries = [self.entries[name] for name in names]
        if not entries or any(one.end != two.begin for one, two in pairwise(entries)):
            return None
        flat = self._data[entries[0].begin : entries[-1].end]
        if not flat.size or len({entry.dtype for entry in entries}) > 1:
            return None
        block = flat.view(entries[0].numbers)
        return block if block.flags.aligned else None

    def refuse(self, why: str) -> FileError:
        """The error that says why this file is refused, to be raised."""
        return FileError(f"{self.path} {why}")

    # -- reading -------------------------------------------------------------------------------------------------

    def _read_header(self, file: IO[bytes], size: int) -> int:
        """Read and check all but the numbers; return where they begin."""
        header, start = self._header(file.read(8), file, size)
        self.metadata = self._texts(header.pop("__metadata__", {}))
        entries = {name: self._entry(name, header[name], size - start) for name in header}
        self.entries = dict(sorted(entries.items(), key=lambda item: item[1][2:]))
        self._check_places(size - start)
        return start

    def _numbers(self, file: IO[bytes], start: int, room: int, numbers: str) -> Array:
        """The bytes of all tensors, read-only."""
        if numbers == "mapped":
            whole = mmap.mmap(file.fileno(), start + room, access=mmap.ACCESS_READ)
            return np.frombuffer(whole, dtype=np.uint8, offset=start) if room else np.empty(0, dtype=np.uint8)
        data = np.empty(room if numbers == "read" else 0, dtype=np.uint8)
        rest = data.data
        while rest and (count := file.readinto(rest)):  # type: ignore[attr-defined]
            rest = rest[count:]
        if rest:
            self._refuse_change()
        data.flags.writeable = False
        return data

    def _check_unchanged(self, file: IO[bytes], before: os.stat_result) -> None:
        now = os.fstat(file.fileno())
        if (now.st_size, now.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
            self._refuse_change()

    def _refuse_change(self) -> NoReturn:
        raise self.refuse(
            "changed while it was read: another process is writing to it. Read it again when that is done; a writer "
            "that puts a new file in its place, as save does, never disturbs a reader."
        )

    # -- checks --------------------------------------------------------------------------------------------------

    def _header(self, first: bytes, file: IO[bytes], size: int) -> tuple[dict[str, Any], int]:
        """The header, and where the tensors begin."""
        if len(first) < 8:
            raise self.refuse(f"is no Pellucid file: it has only {size} bytes.")
        length = int.from_bytes(first, "little")
        if length > min(size - 8, LONGEST_HEADER):
            raise self.refuse(
                f"is damaged or no Pellucid file: it announces a header of {length:,} bytes in a file of {size:,}."
            )
        text = file.read(length)
        try:
            header = read_json(text)
        except ValueError as error:
            raise self.refuse(f"is damaged or no Pellucid file: its header {error}.") from None
        if not isinstance(header, dict):
            raise self.refuse("is no Pellucid file: its header is not a table.")
        return header, 8 + length

    def _texts(self, metadata: Any) -> dict[str, str]:
        if not isinstance(metadata, dict) or not all(isinstance(text, str) for text in metadata.values()):
            raise self.refuse("is damaged or no Pellucid file: its metadata are not a table of texts.")
        return metadata

    def _entry(self, name: str, said: Any, room: int) -> TensorEntry:
        if not isinstance(said, dict) or set(said) != {"dtype", "shape", "data_offsets"}:
            raise self.refuse(f"is damaged: of the tensor {name!r:.60} its header says {said!r:.100}.")
        dtype, shape, offsets = said["dtype"], said["shape"], said["data_offsets"]
        if not isinstance(dtype, str) or dtype not in _DTYPES:
            raise self.refuse(
                f"is damaged: the tensor {name!r:.60} should have one of the types {', '.join(_DTYPES)}, "
                f"not {dtype!r:.60}."
            )
        if not _are_sizes(shape) or len(shape) > 32:
            raise self.refuse(f"is damaged: the tensor {name!r:.60} has the shape {shape!r:.60}.")
        if not _are_sizes(offsets) or len(offsets) != 2:
            raise self.refuse(f"is damaged: the tensor {name!r:.60} has no place in the file, but {offsets!r:.60}.")
        begin, end = offsets
        needed = math.prod(shape) * _DTYPES[dtype].itemsize
        if not begin <= end <= room or end - begin != needed:
            raise self.refuse(
                f"is damaged: the tensor {name!r:.60} needs {needed:,} bytes, and lies at bytes {begin} to {end} "
                f"of {room}."
            )
        return TensorEntry(dtype, tuple(shape), begin, end)

    def _check_places(self, room: int) -> None:
        """Each tensor begins where the one before ends, and the last one ends with the file."""
        here = 0
        for name, entry in self.entries.items():
            if entry.begin != here:
                raise self.refuse(f"is damaged: the tensor {name!r:.60} begins at byte {entry.begin}, not {here}.")
            here = entry.end
        if here != room:
            raise self.refuse(f"is damaged: it has {room:,} bytes of tensors, but they need {here:,}.")


def _are_sizes(value: Any) -> bool:
    return isinstance(value, list) and all(type(size) is int and 0 <= size < 2**63 for size in value)


def check_version(file: TensorFile, newest: int) -> None:
    """Raise if the version of a file's format is none, or newer than the newest one known."""
    version = file.metadata.get("version")
    if version is None or not version.isdecimal() or len(version) > 9 or int(version) < 1:
        raise file.refuse(f"is damaged: its format version is {version!r:.40}.")
    if int(version) > newest:
        raise NewerFileError(
            f"{file.path} has format version {int(version)}, but this Pellucid reads up to {newest}: "
            f"install a newer one."
        )
