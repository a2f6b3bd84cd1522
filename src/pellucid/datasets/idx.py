"""IDX, the file format of MNIST and its kin: a few header bytes, then one array, big-endian, row by row.

    byte 0, 1    0, 0
    byte 2       type of the numbers: 8 uint8, 9 int8, 11 int16, 12 int32, 13 float32, 14 float64
    byte 3       number of dimensions d
    4·d bytes    the dimensions, as unsigned 32-bit numbers
    the rest     the numbers

Source: LeCun, Cortes and Burges, "The MNIST database of handwritten digits", section "The IDX file format". A file may
be gzipped; its first two bytes say so, not its name.
"""

from __future__ import annotations

import gzip
import math
import os
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np

from pellucid.typing import Array

_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: "i2", 0x0C: "i4", 0x0D: "f4", 0x0E: "f8"}
_MOST_DIMENSIONS = 32  # what every version of NumPy can hold
_CHUNK = 2**20
_MOST_INFLATED = 1032  # bytes of one byte that is gzipped; deflate cannot do better


def read_idx(path: str | os.PathLike[str], *, limit: int = 2**30) -> Array:
    """Read the array of an IDX file, gzipped or not.

    Memory grows with the bytes that are really there, never with what the header says is there.

    Parameters
    ----------
    path : path
        The file.
    limit : int
        How many bytes a gzipped file may inflate to: a small file can hold a thousand times its size. One that is not
        gzipped needs no limit.

    Returns
    -------
    array
        Of the shape and type the header tells, in the machine's byte order, writable.

    Raises
    ------
    ValueError
        If the file is not IDX, is damaged, or holds fewer or more bytes than its header says or `limit` allows. The
        message names the file, what was expected and what was found.
    OSError
        If the file cannot be read.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "labels-idx1-ubyte"
    >>> path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 5, 0, 4]))
    11
    >>> read_idx(path)
    array([5, 0, 4], dtype=uint8)
    """
    path = Path(path)
    try:
        with open_unzipped(path) as file:
            dtype, shape = _read_header(file, path)
            size = math.prod(shape) * dtype.itemsize
            if isinstance(file, gzip.GzipFile):
                _check_inflated(path, size, limit)
            payload = _read_at_most(file, size + 1)  # one more: the end is reached, and a gzip file's checksum verified
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{path} is gzipped but damaged ({error}): copy or download it again.") from error
    if len(payload) != size:
        found = f"only {len(payload):,} follow" if len(payload) < size else "more follow"
        raise ValueError(
            f"{path} says it holds {_times(shape)} numbers of {dtype.itemsize} byte{'s'[: dtype.itemsize > 1]}, "
            f"{size:,} bytes after its header, but {found}: it is incomplete, or not what it says."
        )
    if math.prod(max(length, 1) for length in shape) * dtype.itemsize > sys.maxsize:
        raise ValueError(f"{path} says its shape is {_times(shape)}, which no array can have.")
    array = np.frombuffer(payload, dtype=dtype).reshape(shape)
    return array.astype(dtype.newbyteorder("="), copy=False)


def _check_inflated(path: Path, size: int, limit: int) -> None:
    """Raise, before anything is inflated, if a gzipped file cannot hold this many bytes, or may not."""
    zipped = path.stat().st_size
    if size > _MOST_INFLATED * zipped:
        raise ValueError(
            f"{path} says that {size:,} bytes follow its header, which no gzipped file of {zipped:,} bytes holds: it "
            f"is incomplete, or not what it says."
        )
    if size > limit:
        raise ValueError(
            f"{path} has {zipped:,} bytes and would inflate to {size:,}, above the limit of {limit:,}: if that is what "
            f"it should hold, read_idx(…, limit={size}) reads it."
        )


@contextmanager
def open_unzipped(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for reading as bytes, unzipping it on the way if its first two bytes are gzip's."""
    with open(path, "rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        if not zipped:
            yield file
            return
        with gzip.GzipFile(fileobj=file) as unzipped:
            yield unzipped  # type: ignore[misc]


def _read_header(file: IO[bytes], path: Path) -> tuple[np.dtype[np.generic], tuple[int, ...]]:
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0":
        found = f"begins with the bytes {magic.hex(' ')}" if magic else "is empty"
        raise ValueError(f"{path} is not an IDX file: it {found}, not with 00 00, a type and a number of dimensions.")
    code, dimensions = magic[2], magic[3]
    if code not in _TYPES:
        allowed = ", ".join(f"0x{known:02X} ({np.dtype(name).name})" for known, name in _TYPES.items())
        raise ValueError(f"{path} holds numbers of the unknown IDX type 0x{code:02X}. Allowed: {allowed}.")
    if not 1 <= dimensions <= _MOST_DIMENSIONS:
        raise ValueError(f"{path} says it has {dimensions} dimensions. Allowed: 1 to {_MOST_DIMENSIONS}.")
    sizes = file.read(4 * dimensions)
    if len(sizes) < 4 * dimensions:
        raise ValueError(
            f"{path} ends within its header: {4 * dimensions} bytes for the sizes of its {dimensions} dimensions "
            f"were expected, {len(sizes)} found."
        )
    return np.dtype(f">{_TYPES[code]}"), tuple(np.frombuffer(sizes, dtype=">u4").tolist())


def _read_at_most(file: IO[bytes], size: int) -> bytearray:
    """Read `size` bytes, or as many as there are. A bytearray: the array over it can be written to."""
    payload = bytearray()
    while len(payload) < size and (chunk := file.read(min(_CHUNK, size - len(payload)))):
        payload += chunk
    return payload


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
