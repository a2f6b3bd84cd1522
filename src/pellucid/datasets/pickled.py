"""MNIST from `mnist.pkl.gz`, the pickle that many tutorials come with, read without ever running what is in it.

A pickle is a program: it names functions and has them called. This reader lets one name the five functions that NumPy
arrays are written with, and hands out stand-ins of its own even for these: what comes of a file are dtypes, shapes and
bytes, from which arrays are made here, after a check. Before anything is read, the instructions are gone through, and
all that arrays do not need are refused, as are object arrays, subclasses and files that unzip to too much.
"""

from __future__ import annotations

import gzip
import io
import os
import pickle
import pickletools
import re
import zlib
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from pellucid.datasets.dataset import Dataset, DatasetPart
from pellucid.datasets.images import CLASSES, pixel_names
from pellucid.typing import Array
from pellucid.validation import check_finite

_PIECE = 2**20
_MOST_INSTRUCTIONS = 10_000  # six arrays take some two hundred

_INSTRUCTIONS = frozenset(
    [
        *("PROTO", "FRAME", "STOP", "MARK", "POP", "POP_MARK", "NONE", "NEWTRUE", "NEWFALSE"),
        *("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE", "GET", "BINGET", "LONG_BINGET"),
        *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1"),
        *("STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
        *("UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"),
        *("EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "EMPTY_LIST", "LIST", "APPEND", "APPENDS"),
        *("GLOBAL", "STACK_GLOBAL", "REDUCE", "NEWOBJ", "BUILD"),
    ]
)

_GLOBALS = {
    ("numpy", "ndarray"): "ndarray",
    ("numpy", "dtype"): "dtype",
    ("_codecs", "encode"): "encode",
    **{(f"numpy.{core}.multiarray", "_reconstruct"): "reconstruct" for core in ("core", "_core")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): "frombuffer" for core in ("core", "_core")},
}
_OPCODES = {ord(instruction.code): instruction for instruction in pickletools.opcodes}
_LENGTH_BYTES = {
    pickletools.TAKEN_FROM_ARGUMENT1: 1,
    pickletools.TAKEN_FROM_ARGUMENT4: 4,
    pickletools.TAKEN_FROM_ARGUMENT4U: 4,
    pickletools.TAKEN_FROM_ARGUMENT8U: 8,
}
"""How many bytes tell an argument's length."""

_DTYPE = re.compile(r"[<>=|]?([biuf])([1248])")


class _Refused(ValueError):
    """What the file asks for and does not get, in words."""


def load_mnist_pickle(path: str | os.PathLike[str], *, limit: int = 2**30) -> Dataset:
    """Load `mnist.pkl.gz`: a pickle of ((x, y), (x, y), (x, y)) for training, validation and test.

    The file is only read, never run: whatever is in it, nothing happens but that a Dataset or an error comes out.

    Parameters
    ----------
    path : path
        The file, gzipped or not, of any protocol (0 to 5), written by Python 2 or 3.
    limit : int
        How many bytes may come of it, unzipped: 70,000 images in float64 are 439 million, and protocol 0 writes some
        twofold.

    Returns
    -------
    Dataset
        x (n, 784) in the file's dtype (float32 from 0 to 1 in the original), y int64 (n,) with the labels 0 to 9;
        50,000, 10,000 and 10,000 rows in the original.

    Raises
    ------
    ValueError
        If the file is damaged, too large, holds something else, or names anything but NumPy arrays; the message says
        what it was.
    OSError
        If it cannot be opened.

    Notes
    -----
    `load_mnist` reads the same images as they were published, uint8 from 0 to 255.
    """
    path = Path(path)
    data = _content(path, limit)
    try:
        value = _unpickled(data)
        parts = _parts(value)
    except _Refused as error:
        raise ValueError(f"{path} {error}") from None
    return Dataset(
        name="mnist",
        **parts,
        classes=CLASSES["mnist"],
        feature_names=pixel_names(28, 28),
        image_shape=(28, 28),
        description="Handwritten digits, 28 x 28, as in mnist.pkl.gz. LeCun, Cortes and Burges, 1998; CC BY-SA 3.0.",
    )


def _content(path: Path, limit: int) -> bytes:
    """The file's bytes, unzipped, and never more than `limit` of them."""
    data = io.BytesIO()  # which gives its bytes without a copy
    with path.open("rb") as plain:
        zipped = plain.read(2) == b"\x1f\x8b"
        plain.seek(0)
        file: Any = gzip.GzipFile(fileobj=plain) if zipped else plain
        try:
            while piece := file.read(min(_PIECE, limit + 1 - data.tell())):
                data.write(piece)
                if data.tell() > limit:
                    raise ValueError(
                        f"{path} unzips to more than {limit:,} bytes, which is no mnist.pkl.gz: if it is, read it with "
                        f"a higher limit."
                    )
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ValueError(f"{path} is damaged: it cannot be unzipped ({error}). Get it anew.") from None
    return data.getvalue()


def _unpickled(data: bytes) -> Any:
    """What the pickle describes, with `_Array` for arrays."""
    try:
        _check_instructions(data)
        return _ArraysOnly(io.BytesIO(data), encoding="latin1").load()
    except _Refused:
        raise
    except RecursionError:
        raise _Refused("is damaged, or no pickle of arrays: it is nested too deeply.") from None
    except Exception as error:  # a damaged pickle fails in any way there is: in its opcodes, numbers, memo or stack
        raise _Refused(f"is damaged, or no pickle of arrays ({type(error).__name__}: {str(error)[:100]}).") from None


def _check_instructions(data: bytes) -> None:
    """Go through the instructions, running none of them, and raise at the first that arrays do not need.

    `pickletools.genops` does the same, but takes the strings of Python 2 for ASCII, which bytes of numbers are not.
    """
    position = 0
    for _ in range(_MOST_INSTRUCTIONS):
        instruction = _OPCODES[data[position]]
        end = _end(data, position + 1, instruction)
        if instruction.name not in _INSTRUCTIONS:
            argument = data[position + 1 : min(end, position + 60)].decode("latin1").strip().replace("\n", ".")
            what = f" ({argument})" if argument.isprintable() and argument else ""
            raise _Refused(f"asks for the pickle instruction {instruction.name}{what}, but only NumPy arrays are read.")
        if instruction.name in ("PUT", "LONG_BINPUT"):  # the memo is a table with all places up to this one
            number = data[position + 1 : end]
            place = int(number) if instruction.name == "PUT" else int.from_bytes(number, "little")
            if not 0 <= place < _MOST_INSTRUCTIONS:
                raise _Refused(f"is damaged: it keeps something in place {place:,} of its memo.")
        if instruction.name == "STOP":
            return
        position = end
    raise _Refused(f"has more than {_MOST_INSTRUCTIONS:,} instructions, but six arrays take some two hundred.")


def _end(data: bytes, position: int, instruction: pickletools.OpcodeInfo) -> int:
    """Where the instruction whose argument begins at `position` ends."""
    argument = instruction.arg
    if argument is None:
        return position
    if argument.n >= 0:
        return position + argument.n
    if argument.n == pickletools.UP_TO_NEWLINE:
        for _ in range(2 if argument.name.endswith("pair") else 1):
            position = data.index(b"\n", position) + 1
        return position
    width = _LENGTH_BYTES[argument.n]
    return position + width + int.from_bytes(data[position : position + width], "little")


class _ArraysOnly(pickle.Unpickler):
    """Gives out stand-ins for what NumPy arrays are written with, and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _GLOBALS:
            raise _Refused(f"asks for {module:.60}.{name:.60}, but only NumPy arrays are read.")
        return _Function(_GLOBALS[module, name])

    def persistent_load(self, identity: Any) -> NoReturn:
        raise _Refused(f"asks for the persistent object {identity!r:.60}, but only NumPy arrays are read.")


class _Function:
    """A function or class that arrays are written with. It answers with an `_Array`, a `_Dtype` or bytes."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, *arguments: Any) -> Any:
        if self.name == "encode":
            text, codec = arguments
            if codec not in ("latin1", "latin-1"):
                raise _Refused(f"asks for the codec {codec!r:.60}, but arrays are written in latin1.")
            return text.encode("latin1")
        if self.name == "dtype":
            return _Dtype(arguments[0])
        if self.name == "frombuffer":
            array = _Array()
            array.fill(*arguments)
            return array
        subtype = arguments[0] if self.name == "reconstruct" and arguments else None
        if not isinstance(subtype, _Function) or subtype.name != "ndarray":
            raise _Refused(f"asks for an array of the kind {subtype or self.name!r:.60}, but only plain ones are read.")
        return _Array()

    def __setstate__(self, state: object) -> NoReturn:
        raise _Refused("changes a function, but only NumPy arrays are read.")


class _Dtype:
    """A dtype of plain numbers."""

    __slots__ = ("code",)

    def __init__(self, code: object) -> None:
        match = _DTYPE.fullmatch(code) if isinstance(code, str) else None
        if match is None:
            kind = "object" if isinstance(code, str) and code.lstrip("<>=|").startswith("O") else f"{code!r:.60}"
            raise _Refused(f"asks for an array of the dtype {kind}, but only numbers are read.")
        self.code = match[1] + match[2]

    def __setstate__(self, state: Any) -> None:
        _, order, *fields = state
        if order not in ("<", ">", "=", "|") or any(field is not None for field in fields[:3]):
            raise _Refused(f"asks for an array of the dtype {state!r:.60}, but only numbers are read.")
        self.code = order + self.code[-2:]

    def numpy(self) -> np.dtype[Any]:
        """As NumPy's, once all of it is known."""
        return np.dtype(self.code)


class _Array:
    """An array that is being read; `value` once it has its numbers."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value: Array | None = None

    def __setstate__(self, state: Any) -> None:
        _, shape, dtype, by_columns, data = state
        self.fill(data, dtype, shape, "F" if by_columns else "C")

    def fill(self, data: Any, dtype: Any, shape: Any, order: Any) -> None:
        """Make the array, when everything about it fits."""
        if isinstance(data, str):  # Python 2 wrote bytes as text
            data = data.encode("latin1")
        shape = (shape,) if type(shape) is int else shape
        if not isinstance(dtype, _Dtype) or not isinstance(data, bytes | bytearray) or order not in ("C", "F"):
            raise _Refused("is damaged: an array lacks its dtype or its numbers.")
        if not isinstance(shape, tuple) or not all(type(size) is int and size >= 0 for size in shape):
            raise _Refused(f"is damaged: it has an array of the shape {shape!r:.60}.")
        kind, count = dtype.numpy(), 1
        for size in shape:
            count *= size
        if count * kind.itemsize != len(data):
            raise _Refused(f"is damaged: an array of the shape {shape!r:.60} and {kind} has {len(data):,} bytes.")
        array = np.frombuffer(data, dtype=kind).reshape(shape, order=order)
        self.value = np.array(array, dtype=kind.newbyteorder("="), order="C")  # a copy that may be written to


def _parts(value: Any) -> dict[str, DatasetPart]:
    """The three parts, checked to be images and labels."""
    if not isinstance(value, tuple | list) or len(value) != 3:
        raise _Refused(f"must hold ((x, y), (x, y), (x, y)), but it holds {_described(value)}.")
    parts = {}
    for name, pair in zip(("train", "validation", "test"), value, strict=True):
        if not isinstance(pair, tuple | list) or len(pair) != 2 or not all(_is_array(array) for array in pair):
            raise _Refused(f"must hold (x, y) for the {name} part, but there it holds {_described(pair)}.")
        parts[name] = _part(name, *(array.value for array in pair))
    return parts


def _part(name: str, x: Array, y: Array) -> DatasetPart:
    if x.ndim != 2 or x.shape[1] != 784 or y.shape != x.shape[:1] or not len(x) or y.dtype.kind not in "iu":
        raise _Refused(
            f"must hold images (n, 784) and n whole labels, but its {name} part holds {x.dtype} {x.shape} and "
            f"{y.dtype} {y.shape}."
        )
    if y.min() < 0 or y.max() > 9:
        raise _Refused(f"must hold labels from 0 to 9, but its {name} part has them from {y.min()} to {y.max()}.")
    try:
        check_finite(x, f"the x of its {name} part")
    except ValueError as error:
        raise _Refused(f"is damaged: {error}") from None
    return DatasetPart(x, y.astype(np.int64))


def _is_array(value: object) -> bool:
    return isinstance(value, _Array) and value.value is not None


def _described(value: object) -> str:
    if isinstance(value, tuple | list):
        return f"{type(value).__name__} of {len(value)}"
    return "an array" if isinstance(value, _Array) else f"{type(value).__name__} {value!r:.40}"
