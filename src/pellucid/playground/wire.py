"""The binary messages: a JSON header and arrays behind it. PROTOCOL.md has the layout."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from pellucid.typing import Array

_CODES = {"f4": "<f4", "i1": "i1", "u1": "u1"}


def pack(header: Mapping[str, Any], arrays: Mapping[str, Array]) -> bytes:
    """One binary message: length of the header, the header, the arrays, each at a multiple of 4 bytes.

    Examples
    --------
    >>> import numpy as np
    >>> message = pack({"kind": "frame"}, {"bias.0": np.array([0.5], dtype=np.float32)})
    >>> header, arrays = unpack(message)
    >>> header["kind"], arrays["bias.0"]
    ('frame', array([0.5], dtype=float32))
    """
    table, parts, offset = {}, [], 0
    for name, array in arrays.items():
        code = array.dtype.str[1:]
        data = np.ascontiguousarray(array, dtype=_CODES[code]).tobytes()
        table[name] = {"dtype": code, "shape": list(array.shape), "offset": offset}
        padding = -len(data) % 4
        parts += [data, b"\0" * padding]
        offset += len(data) + padding
    text = json.dumps(plain({**header, "arrays": table}), ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    return b"".join([len(text).to_bytes(4, "little"), text, *parts])


def unpack(message: bytes) -> tuple[dict[str, Any], dict[str, Array]]:
    """The header and the arrays of a binary message, as the page reads them."""
    length = int.from_bytes(message[:4], "little")
    header = json.loads(message[4 : 4 + length])
    arrays = {}
    for name, entry in header["arrays"].items():
        count = math.prod(entry["shape"])
        start = 4 + length + entry["offset"]
        arrays[name] = np.frombuffer(message, _CODES[entry["dtype"]], count, start).reshape(entry["shape"])
    return header, arrays


def to_json(table: Mapping[str, Any]) -> str:
    """A text message; numbers that are not finite become null, for JSON has none."""
    return json.dumps(plain(table), ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def plain(value: Any) -> Any:
    """The same in JSON's own types."""
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value
