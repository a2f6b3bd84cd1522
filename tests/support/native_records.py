"""Records of the compiled core, with what a test does not care about filled in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pellucid._native as _native


def layer(kernel: str, inputs: int, outputs: int, shapes: Sequence[tuple[int, int]] = (), **changes: Any) -> Any:
    """A layer that reads the input. Its parameters have these shapes, one after the other from `start` on."""
    start, parameters = changes.pop("start", 0), []
    for rows, columns in shapes:
        parameters.append(_native.Parameter(start=start, rows=rows, columns=columns, penalized=True))
        start += rows * columns
    fields: dict[str, Any] = {
        "kernel": kernel,
        "index": 0,
        "inputs": inputs,
        "outputs": outputs,
        "positions": 1,
        "output_positions": 1,
        "sources": [0],
        "numbers": [],
        "parameters": parameters,
        "statistics": [],
        "scheduled": False,
    }
    return _native.Layer(**{**fields, **changes})


def program(layers: Sequence[Any], inputs: int, outputs: int, parameter_count: int = 0, **changes: Any) -> Any:
    """A program in float32, or in another dtype."""
    make = _native.NativeProgram64 if changes.pop("dtype", "float32") == "float64" else _native.NativeProgram32
    fields = {"positions": 1, "statistics": [], "scaling": None, **changes}
    return make(inputs=inputs, outputs=outputs, parameter_count=parameter_count, layers=list(layers), **fields)
