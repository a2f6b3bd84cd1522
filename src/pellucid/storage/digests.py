"""SHA-256 of arrays, of their numbers and of what they are."""

from __future__ import annotations

import hashlib

import numpy as np

from pellucid.typing import Array

_ROWS = 4096  # rows at a time: an array that is not contiguous is never copied whole


def array_digest(array: Array) -> str:
    """SHA-256 of an array's dtype, shape and numbers, row by row, in hexadecimal.

    Examples
    --------
    >>> import numpy as np
    >>> array_digest(np.arange(6, dtype=np.uint8))[:12]
    '2a5a5616946b'
    """
    digest = hashlib.sha256(f"{array.dtype.str} {array.shape}".encode())
    rows = array if array.ndim else array.reshape(1)
    for start in range(0, len(rows), _ROWS):
        digest.update(np.ascontiguousarray(rows[start : start + _ROWS]).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()
