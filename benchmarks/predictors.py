"""The libraries that predict: the same network, 784-128-10 with ReLU and softmax, in each one's best form.

A predictor is made with a workload ("P1": one row, again and again; "P2": 10,000 rows at once) and a number of threads.
`score()` answers the mean probability of class 0, by which one sees that all compute the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import pellucid as pl
from benchmarks.workloads import WORKLOADS, load

REPEATS = 2000  # of one row, in a round of P1


class Predictor:
    """Makes the network and the rows; a subclass says how to predict."""

    def __init__(self, workload: str, threads: int) -> None:
        rows = load(WORKLOADS["W3"])[2].astype(np.float32) / 255  # the test images, (10000, 784)
        self.network = pl.Network([pl.Dense(128), pl.ReLU(), pl.Dense(10)], threads=threads).build(784)
        self.network.link = "softmax"
        self.repeats = REPEATS if workload == "P1" else 1
        self.predict = self.prepare(rows, threads)
        self.rows = rows[:1] if workload == "P1" else rows
        self.given = self.give(self.rows)

    def prepare(self, rows: np.ndarray, threads: int) -> Callable[[Any], Any]:
        """The function from rows to probabilities."""
        return self.network.predict_proba

    def give(self, rows: np.ndarray) -> Any:
        """The rows in the form the library takes."""
        return rows

    def round(self) -> None:
        for _ in range(self.repeats):
            self.predict(self.given)

    def score(self) -> float:
        return float(np.asarray(self.predict(self.given))[:, 0].mean())


class NumPy(Predictor):
    """The textbook's lines."""

    def prepare(self, rows: np.ndarray, threads: int) -> Callable[[Any], Any]:
        w1, b1, w2, b2 = self.network.named_parameters().values()

        def predict(rows: np.ndarray) -> np.ndarray:
            z = np.maximum(rows @ w1 + b1, 0) @ w2 + b2
            e = np.exp(z - z.max(axis=1, keepdims=True))
            return e / e.sum(axis=1, keepdims=True)

        return predict


class OnnxRuntime(Predictor):
    """onnxruntime's CPU provider. A single row goes through bound buffers, which is quicker than an ordinary call."""

    def prepare(self, rows: np.ndarray, threads: int) -> Callable[[Any], Any]:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        model = onnx_model(*self.network.named_parameters().values())
        session = onnxruntime.InferenceSession(model, options, ["CPUExecutionProvider"])
        if self.repeats == 1:
            return lambda rows: session.run(None, {"x": rows})[0]
        bound, x, p = session.io_binding(), np.empty((1, 784), np.float32), np.empty((1, 10), np.float32)
        bound.bind_input("x", "cpu", 0, np.float32, x.shape, x.ctypes.data)
        bound.bind_output("p", "cpu", 0, np.float32, p.shape, p.ctypes.data)

        def predict(row: np.ndarray) -> np.ndarray:
            x[:] = row
            session.run_with_iobinding(bound)
            return p.copy()

        return predict


class Torch(Predictor):
    """PyTorch in inference mode."""

    def prepare(self, rows: np.ndarray, threads: int) -> Callable[[Any], Any]:
        import torch

        torch.set_num_threads(threads)
        model = torch.nn.Sequential(torch.nn.Linear(784, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10))
        w1, b1, w2, b2 = self.network.named_parameters().values()
        with torch.no_grad():
            for parameter, values in zip(model.parameters(), (w1.T, b1, w2.T, b2), strict=True):
                parameter.copy_(torch.from_numpy(values.copy()))

        def predict(rows: torch.Tensor) -> torch.Tensor:
            with torch.inference_mode():
                return torch.softmax(model(rows), dim=1)

        return predict

    def give(self, rows: np.ndarray) -> Any:
        import torch

        return torch.from_numpy(rows)


def onnx_model(w1: np.ndarray, b1: np.ndarray, w2: np.ndarray, b2: np.ndarray) -> bytes:
    """The network as an ONNX model."""
    from onnx import TensorProto, helper, numpy_helper

    names = {"w1": w1, "b1": b1, "w2": w2, "b2": b2}
    graph = helper.make_graph(
        [
            helper.make_node("Gemm", ["x", "w1", "b1"], ["z1"]),
            helper.make_node("Relu", ["z1"], ["a1"]),
            helper.make_node("Gemm", ["a1", "w2", "b2"], ["z2"]),
            helper.make_node("Softmax", ["z2"], ["p"], axis=1),
        ],
        "network",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 784])],
        [helper.make_tensor_value_info("p", TensorProto.FLOAT, [None, 10])],
        [numpy_helper.from_array(np.ascontiguousarray(value), name) for name, value in names.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    text: bytes = model.SerializeToString()
    return text


PREDICTORS: dict[str, type[Predictor]] = {
    "pellucid": Predictor,
    "onnxruntime": OnnxRuntime,
    "numpy": NumPy,
    "torch": Torch,
}
