"""The peers' ways to predict, and whole processes from a cold start: what is measured besides training."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator

from benchmarks.measure import NotMeasured, contender, peak_memory, processes_in_turn, ready
from benchmarks.predictors import PREDICTORS, REPEATS

Row = tuple[str, str, str, str]


def prediction(quick: bool = False) -> Iterator[Row]:
    """P1 and P2: probabilities of one row, and of 10,000 rows, of 784-128-10; each library in a process of its own."""
    rounds = 1 if quick else 7
    title = "probabilities of one row, 784-128-10"
    yield _predictions("P1", title, rounds, 1e6 / REPEATS, "µs", "≥ 2.5 ×", best_of="onnxruntime")
    yield _predictions("P2", "probabilities of 10,000 rows, the same network", rounds, 1e3, "ms", "≥ 1.1 ×")


def _predictions(
    name: str, title: str, rounds: int, unit: float, unit_name: str, wanted: str, best_of: str = ""
) -> Row:
    threads = (1,) if name == "P1" else (1, 2)
    with ready([contender(library, name, count) for library in PREDICTORS for count in threads]) as workers:
        for number in range(rounds + 1):
            for worker in workers:
                seconds = worker.ask("round")["seconds"]
                if number:
                    worker.seconds.append(seconds)
        medians = {worker.label: statistics.median(worker.seconds) * unit for worker in workers}
        answers = {round(worker.ask("score")["score"], 5) for worker in workers}
    if len(answers) > 1:
        raise NotMeasured(f"{name}: the libraries differ in their probabilities: {answers}")
    ours = min((label for label in medians if label.startswith("pellucid")), key=lambda label: medians[label])
    peers = [label for label in medians if not label.startswith("pellucid") and best_of in label]
    best = min(peers, key=lambda label: medians[label])
    others = "; ".join(f"{label} {value:.2f}" for label, value in medians.items() if label not in (ours, best))
    theirs = f"{best} {medians[best]:.2f} {unit_name}: **{medians[best] / medians[ours]:.2f} ×** ({others})"
    return f"{name}: {title}", f"{medians[ours]:.2f} {unit_name} ({ours.split(', ')[1]})", theirs, wanted


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


def memory(quick: bool = False) -> Iterator[Row]:
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


def cold(quick: bool = False) -> Iterator[Row]:
    """C: a cold process that imports, loads the digits, trains 64 hidden units to 97 % and prints the accuracy."""
    import subprocess

    commands = {
        "pellucid": [sys.executable, "-c", _COLD_OURS],
        "scikit-learn": [sys.executable, "-c", _COLD_SKLEARN],
    }
    scores = {name: float(subprocess.check_output(command).split()[-1]) for name, command in commands.items()}
    seconds = processes_in_turn(commands, rounds=1 if quick else 7)
    yield (
        "C: cold process, digits, 64 hidden units, 15 epochs",
        f"{seconds['pellucid']:.2f} s ({scores['pellucid']:.1%})",
        f"scikit-learn's MLP {seconds['scikit-learn']:.2f} s ({scores['scikit-learn']:.1%}): "
        f"{seconds['scikit-learn'] / seconds['pellucid']:.1f} ×",
        "≥ 4 ×",
    )
