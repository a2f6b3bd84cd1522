"""The package onnx, imported when it is first needed: it belongs to the extra `formats`."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from pellucid.extras import pip_install

OPSET = 18
"""The operator set that is written: every onnxruntime since 1.14 (2023) runs it."""

ML, ML_OPSET = "ai.onnx.ml", 3
"""The operators for machine learning that belong to it."""

IR_VERSION = 8
"""The version of the file's own layout that belongs to it."""


class OnnxError(ValueError):
    """A network that cannot be written as ONNX, or a file that holds no network Pellucid can read; it says why."""


def onnx_module(name: str = "onnx") -> Any:
    """A module of the package onnx.

    Raises
    ------
    ImportError
        If the package is not installed; the message says how to get it.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise ImportError(f"ONNX needs the package onnx: {pip_install('formats')}.") from error
