"""Import time, the reference engine beside the textbook's program, and memory."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

import numpy as np

import pellucid as pl
from benchmarks.measure import in_turn, peak_memory, processes_in_turn
from benchmarks.textbook import Textbook

_TRAIN_ON_BYTES = """
import pellucid as pl
mnist = pl.datasets.load_mnist(download=False)
network = pl.Network([pl.Rescale(1 / 255), pl.Dense(30), pl.Sigmoid(), pl.Dense(10)], engine={engine!r})
trainer = pl.Trainer(network, pl.SoftmaxCrossEntropy(), pl.Adam(), batch_size=32)
trainer.fit(*mnist.train, epochs=1, validation=mnist.validation)
"""


def rows(quick: bool = False) -> Iterator[tuple[str, str, str, str]]:
    """What, measured, beside what, wanted."""
    python = sys.executable
    seconds = processes_in_turn(
        {m: [python, "-c", f"import {m}"] for m in ("pellucid", "numpy")}, rounds=2 if quick else 15
    )
    ratio = seconds["pellucid"] / seconds["numpy"]
    yield (
        "`import pellucid`",
        f"{seconds['pellucid']:.3f} s",
        f"`import numpy` {seconds['numpy']:.3f} s: {ratio:.2f} ×",
        "≤ 1.15 ×",
    )

    mnist = pl.datasets.load_mnist(download=False)
    scaled = mnist.train.x / 255.0
    textbook = Textbook(scaled, mnist.train.y)
    layers = [pl.Dense(30, "normal", "normal"), pl.Sigmoid(), pl.Dense(10, "normal", "normal"), pl.Sigmoid()]
    network = pl.Network(layers, engine="reference")
    trainer = pl.Trainer(network, pl.SquaredError(), pl.GradientDescent(3.0), batch_size=10)
    inputs = scaled.astype(np.float32)
    epochs = {"ours": lambda: trainer.fit(inputs, mnist.train.y, epochs=1), "textbook": textbook.epoch}
    seconds = in_turn(epochs, 1 if quick else 5, time.perf_counter)
    ours = network.evaluate(mnist.test.x / 255.0, mnist.test.y)["accuracy"]
    theirs = textbook.accuracy(mnist.test.x / 255.0, mnist.test.y)
    yield (
        "epoch of MNIST 784-30-10, batch 10, reference engine",
        f"{seconds['ours']:.3f} s ({ours:.1%})",
        f"textbook NumPy {seconds['textbook']:.3f} s ({theirs:.1%}): {seconds['ours'] / seconds['textbook']:.2f} ×",
        "≤ 1.00 ×",
    )
    for engine in ("reference", "auto"):
        peak = peak_memory(_TRAIN_ON_BYTES.format(engine=engine))
        yield f"peak memory, training on MNIST's bytes, engine {engine!r}", f"{peak:.0f} MB", "", "≤ 250 MB"
