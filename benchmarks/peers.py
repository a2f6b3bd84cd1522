"""The peers' ways to predict, and whole processes from a cold start: what is measured besides training."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator

import numpy as np

import pellucid as pl
from benchmarks.measure import in_turn, peak_memory, processes_in_turn
from benchmarks.workloads import WORKLOADS, load

Row = tuple[str, str, str, str]


def prediction() -> Iterator[Row]:
    """P1 and P2: probabilities of one row, and of 10,000 rows, of 784-128-10."""
    import onnxruntime
    import torch

    _, _, test_x, _ = load(WORKLOADS["W3"])
    scaled = test_x.astype(np.float32) / 255
    network = pl.Network([pl.Dense(128), pl.ReLU(), pl.Dense(10)]).build(784)
    network.link = "softmax"
    w1, b1, w2, b2 = network.named_parameters().values()
    model = torch.nn.Sequential(torch.nn.Linear(784, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10))
    with torch.no_grad():
        for parameter, values in zip(model.parameters(), (w1.T, b1, w2.T, b2), strict=True):
            parameter.copy_(torch.from_numpy(values.copy()))
    tensor = torch.from_numpy(scaled)

    def with_numpy(rows: np.ndarray) -> np.ndarray:
        z = np.maximum(rows @ w1 + b1, 0) @ w2 + b2
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    def with_torch(rows: torch.Tensor) -> torch.Tensor:
        with torch.inference_mode():
            return torch.softmax(model(rows), dim=1)

    sessions = {}
    for threads in (1, 2):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        sessions[threads] = onnxruntime.InferenceSession(_onnx(w1, b1, w2, b2), options, ["CPUExecutionProvider"])
    one, ten_thousand = scaled[:1], scaled
    expected = network.predict_proba(scaled[:100])
    for name, answer in (("NumPy", with_numpy(scaled[:100])), ("torch", with_torch(tensor[:100]).numpy())):
        assert np.abs(answer - expected).max() < 1e-5, name
    assert np.abs(sessions[1].run(None, {"x": scaled[:100]})[0] - expected).max() < 1e-5

    def many(function: Callable[[], object]) -> Callable[[], None]:
        def run() -> None:
            for _ in range(2000):
                function()

        return run

    torch.set_num_threads(1)
    singles = in_turn(
        {
            "pellucid": many(lambda: network.predict_proba(one)),
            "onnxruntime": many(lambda: sessions[1].run(None, {"x": one})),
            "NumPy": many(lambda: with_numpy(one)),
            "torch": many(lambda: with_torch(tensor[:1])),
        },
        7,
        time.perf_counter,
    )
    yield _row("P1: probabilities of one row, 784-128-10", singles, 1e6 / 2000, "µs", "≥ 2.5 ×", only="onnxruntime")
    torch.set_num_threads(2)
    batches = in_turn(
        {
            "pellucid": lambda: network.predict_proba(ten_thousand),
            "onnxruntime, 1 thread": lambda: sessions[1].run(None, {"x": ten_thousand}),
            "onnxruntime, 2 threads": lambda: sessions[2].run(None, {"x": ten_thousand}),
            "NumPy": lambda: with_numpy(ten_thousand),
            "torch, 2 threads": lambda: with_torch(tensor),
        },
        15,
        time.perf_counter,
    )
    yield _row("P2: probabilities of 10,000 rows, the same network", batches, 1e3, "ms", "≥ 1.1 ×")


def _row(title: str, seconds: dict[str, float], unit: float, name: str, wanted: str, only: str = "") -> Row:
    ours = seconds["pellucid"]
    peers = {peer: value for peer, value in seconds.items() if peer != "pellucid" and only in peer}
    best = min(peers, key=lambda peer: peers[peer])
    others = "; ".join(
        f"{peer} {value * unit:.2f}" for peer, value in seconds.items() if peer not in ("pellucid", best)
    )
    theirs = f"{best} {peers[best] * unit:.2f} {name}: {peers[best] / ours:.2f} × ({others})"
    return title, f"{ours * unit:.2f} {name}", theirs, wanted


def _onnx(w1: np.ndarray, b1: np.ndarray, w2: np.ndarray, b2: np.ndarray) -> bytes:
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


_MEMORY_OURS = """
from benchmarks.contenders import Pellucid
from benchmarks.workloads import WORKLOADS
contender = Pellucid(WORKLOADS["W4"], 2)
contender.round()
"""

_MEMORY_TORCH = """
import numpy as np, torch
from benchmarks.workloads import WORKLOADS, load
x, y, _, _ = load(WORKLOADS["W4"])
x, y = torch.from_numpy(np.ascontiguousarray(x)), torch.from_numpy(np.array(y))
Linear, ReLU = torch.nn.Linear, torch.nn.ReLU
model = torch.nn.Sequential(Linear(784, 512), ReLU(), Linear(512, 512), ReLU(), Linear(512, 10))
optimizer = torch.optim.Adam(model.parameters(), fused=True)
order = torch.randperm(len(x))
for start in range(0, len(x), 128):
    rows = order[start : start + 128]
    optimizer.zero_grad(set_to_none=True)
    torch.nn.functional.cross_entropy(model(x[rows].float() / 255), y[rows]).backward()
    optimizer.step()
"""

_BARE = """
from benchmarks.workloads import WORKLOADS, load
load(WORKLOADS["W4"])
"""


def memory() -> Iterator[Row]:
    """M: the peak memory of W4 over that of a process that only loads the data; both keep the images as bytes."""
    bare, ours, theirs = peak_memory(_BARE), peak_memory(_MEMORY_OURS), peak_memory(_MEMORY_TORCH)
    yield (
        "M: peak memory of W4 over the bare data",
        f"{ours - bare:.0f} MB",
        f"torch {theirs - bare:.0f} MB: {(ours - bare) / (theirs - bare):.2f} ×",
        "≤ 0.5 ×",
    )


_COLD_OURS = """
import pellucid as pl
digits = pl.datasets.load_digits()
network = pl.Network([pl.Rescale(1 / 16), pl.Dense(64), pl.ReLU(), pl.Dense(10)])
trainer = pl.Trainer(network, pl.SoftmaxCrossEntropy(), pl.Adam(0.005), batch_size=32)
trainer.fit(*digits.train, epochs=15)
print(network.evaluate(*digits.test)["accuracy"])
"""

_COLD_SKLEARN = """
import warnings
warnings.simplefilter("ignore")
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
x, y = load_digits(return_X_y=True)
train_x, test_x, train_y, test_y = train_test_split(x / 16, y, test_size=0.2, random_state=0, stratify=y)
train_x, _, train_y, _ = train_test_split(train_x, train_y, test_size=0.25, random_state=0, stratify=train_y)
network = MLPClassifier(64, learning_rate_init=0.005, batch_size=32, max_iter=15, random_state=0, alpha=0.0)
print(network.fit(train_x, train_y).score(test_x, test_y))
"""


def cold() -> Iterator[Row]:
    """C: a cold process that imports, loads the digits, trains 64 hidden units to 97 % and prints the accuracy."""
    import subprocess

    commands = {
        "pellucid": [sys.executable, "-c", _COLD_OURS],
        "scikit-learn": [sys.executable, "-c", _COLD_SKLEARN],
    }
    scores = {name: float(subprocess.check_output(command).split()[-1]) for name, command in commands.items()}
    seconds = processes_in_turn(commands, rounds=7)
    yield (
        "C: cold process, digits, 64 hidden units, 15 epochs",
        f"{seconds['pellucid']:.2f} s ({scores['pellucid']:.1%})",
        f"scikit-learn's MLP {seconds['scikit-learn']:.2f} s ({scores['scikit-learn']:.1%}): "
        f"{seconds['scikit-learn'] / seconds['pellucid']:.1f} ×",
        "≥ 4 ×",
    )
