"""ONNX: networks out to any runtime, and dense networks in from PyTorch, Keras and scikit-learn."""

from __future__ import annotations

from pellucid.formats.onnx.package import OPSET, OnnxError
from pellucid.formats.onnx.reading import from_onnx
from pellucid.formats.onnx.writing import OnnxReport, to_onnx

__all__ = ["OPSET", "OnnxError", "OnnxReport", "from_onnx", "to_onnx"]
