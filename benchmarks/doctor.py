"""What the doctor costs as a callback: MNIST 784-128-10 with and without, in turn, on the native engine.

    python -m benchmarks.doctor [ROUNDS]

Prints the median seconds of each and their ratio, which is to stay below 1.1, and the score of both, which is the same
to the bit.
"""

from __future__ import annotations

import statistics
import sys
import time

import numpy as np

import pellucid as pl

EPOCHS = 5


def trained(x: np.ndarray, y: np.ndarray, *, watched: bool, epochs: int = EPOCHS) -> tuple[float, pl.Trainer]:
    """Seconds of a fit, and its trainer."""
    network = pl.Network([pl.Rescale(1 / 255), pl.Dense(128), pl.ReLU(), pl.Dense(10)])
    callbacks = [pl.Doctor()] if watched else []
    trainer = pl.Trainer(network, pl.SoftmaxCrossEntropy(), pl.Adam(1e-3), batch_size=32, callbacks=callbacks)
    began = time.perf_counter()
    trainer.fit(x, y, epochs=epochs)
    return time.perf_counter() - began, trainer


def main(rounds: int = 5) -> None:
    mnist = pl.datasets.load_mnist(download=False)
    trained(*mnist.train, watched=True, epochs=1)  # warm
    seconds: dict[bool, list[float]] = {False: [], True: []}
    scores = {}
    for _ in range(rounds):
        for watched in (False, True):
            taken, trainer = trained(*mnist.train, watched=watched)
            seconds[watched].append(taken)
            scores[watched] = trainer.network.evaluate(*mnist.test)["accuracy"]
    plain, doctored = statistics.median(seconds[False]), statistics.median(seconds[True])
    print(f"without {plain:.3f} s, with a doctor {doctored:.3f} s: {doctored / plain:.3f} times as long")
    print(f"accuracy without {scores[False]:.4f}, with {scores[True]:.4f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
