"""The message of an ONNX file and the arrays in it, read so that nothing in it can do harm.

Sizes that lie are found before anything is allocated for them; numbers that lie in other files are refused, since the
file names their paths; the message itself is never more than the file's bytes.
"""

from __future__ import annotations

import math
import os
import stat
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.formats.onnx.package import OnnxError, onnx_module
from pellucid.typing import Array

_LARGEST_FILE = 2**31 - 1  # bytes: a message of Protocol Buffers is no larger
_KINDS = {
    1: ("<f4", "float_data"),
    6: ("<i4", "int32_data"),
    7: ("<i8", "int64_data"),
    9: ("?", "int32_data"),
    10: ("<f2", "int32_data"),  # the bits of each number
    11: ("<f8", "double_data"),
}
"""The data types that are read, by ONNX' numbers: dtype, and the field that holds them where it is not `raw_data`."""

_STRING = 8


def read_file(path: Path) -> bytes:
    """The bytes of a file that may be an ONNX model.

    Raises
    ------
    OnnxError
        If it is no ordinary file, or too large.
    OSError
        If it cannot be opened.
    """
    with path.open("rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OnnxError("it is no ordinary file.")
        if status.st_size > _LARGEST_FILE:
            raise OnnxError(f"it has {status.st_size:,} bytes, and an ONNX file holds at most 2 GB.")
        return file.read(_LARGEST_FILE)


def message_of(data: bytes) -> Any:
    """The onnx.ModelProto in some bytes.

    Raises
    ------
    OnnxError
        If they are no message of this kind.
    """
    model = onnx_module().ModelProto()
    try:
        model.ParseFromString(data)
    except (onnx_module("google.protobuf.message").DecodeError, ValueError, RuntimeError):
        raise OnnxError("the file is damaged, or no ONNX file.") from None
    if not model.HasField("graph") or not model.graph.node:
        raise OnnxError("the file is damaged, or no ONNX file: it holds no graph.")
    return model


def text_of(value: str | bytes) -> str:
    """A name in the message; where it is no UTF-8, Protocol Buffers hand out its bytes."""
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def array_of(tensor: Any, name: str) -> Array:
    """The numbers or strings of an onnx.TensorProto."""
    if tensor.data_location == tensor.EXTERNAL or tensor.external_data:
        raise OnnxError(
            f"the numbers of {name} lie in another file, which is never opened: write the model into one file "
            "(torch.onnx.export(…, external_data=False), or onnx.save(model, path))."
        )
    if tensor.HasField("segment"):
        raise OnnxError(f"the numbers of {name} are given in segments, which nobody writes.")
    dims = tuple(tensor.dims)
    if any(size < 0 for size in dims) or len(dims) > 16:
        raise OnnxError(f"the file is damaged: {name} has the shape {dims!r:.60}.")
    kind = tensor.data_type
    if kind == _STRING:
        values = np.array([*map(text_of, tensor.string_data)], dtype=object)
    elif kind not in _KINDS:
        raise OnnxError(f"{name} has the data type {kind}; read are float16, float32, float64, int32, int64 and bool.")
    else:
        values = _numbers(tensor, *_KINDS[kind])
    if values.size != math.prod(dims):
        raise OnnxError(
            f"the file is damaged: {name} announces the shape {dims!r:.60}, but holds {values.size} values."
        )
    values = values.reshape(dims)
    return values.astype(np.float32) if kind == 10 else values


def _numbers(tensor: Any, dtype: str, field: str) -> Array:
    """All numbers of a tensor in a row."""
    if tensor.HasField("raw_data"):
        if len(tensor.raw_data) % np.dtype(dtype).itemsize:
            raise OnnxError("the file is damaged: the last number of a tensor is cut off.")
        return np.frombuffer(tensor.raw_data, dtype=dtype).astype(dtype[-2:])
    values = np.array(getattr(tensor, field))
    return values.astype(np.uint16).view(np.float16) if dtype == "<f2" else values.astype(dtype[-2:])


def numbers_of(array: Array, name: str, *, ndim: int | None = None) -> Array:
    """An array of finite floating-point numbers, with this many dimensions."""
    if array.dtype.kind not in "fiub":
        raise OnnxError(f"{name} must hold numbers, but holds {array.dtype}.")
    if ndim is not None and array.ndim != ndim:
        raise OnnxError(f"{name} must have {ndim} dimensions, but its shape is {array.shape}.")
    floats = array if array.dtype in (np.float32, np.float64) else array.astype(np.float32)
    if not np.isfinite(floats).all():
        raise OnnxError(f"{name} holds values that are not finite.")
    return floats
