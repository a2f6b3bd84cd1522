"""Trainings whose bits are recorded: networks over the whole catalogue, and the digest of what training makes of them.

`python tests/support/recorded_bits.py` writes `tests/engines/recorded_bits.json` anew. That was done once, before the
engine learnt of shapes; never to make a failing test pass.
"""

from __future__ import annotations

import hashlib
import json
import platform
from pathlib import Path

import numpy as np

import pellucid as pl

PLACE = Path(__file__).parent.parent / "engines" / "recorded_bits.json"

NETWORKS: dict[str, tuple[list[pl.Layer], pl.Loss, pl.Optimizer]] = {
    "dense relu": ([pl.Dense(33), pl.ReLU(), pl.Dense(4)], pl.SoftmaxCrossEntropy(), pl.Adam(0.01)),
    "narrow": ([pl.Dense(5), pl.Tanh(), pl.Dense(4)], pl.SoftmaxCrossEntropy(), pl.GradientDescent(0.5)),
    "sigmoid": ([pl.Dense(20), pl.Sigmoid(), pl.Dense(4), pl.Sigmoid()], pl.SquaredError(), pl.GradientDescent(3.0)),
    "standardize dropout": (
        [pl.Standardize(), pl.Dense(40), pl.ReLU(), pl.Dropout(0.3), pl.Dense(4)],
        pl.SoftmaxCrossEntropy(),
        pl.Adam(),
    ),
    "fading dropout": (
        [pl.Dense(40), pl.Dropout(pl.FlatCosine(0.3, steps=20)), pl.Dense(4)],
        pl.SoftmaxCrossEntropy(),
        pl.AdamW(0.01),
    ),
    "batch normalization": (
        [pl.Dense(24), pl.BatchNormalization(), pl.ReLU(), pl.Dense(4)],
        pl.SoftmaxCrossEntropy(),
        pl.Momentum(0.1),
    ),
    "layer normalization": (
        [pl.Dense(24), pl.LayerNormalization(), pl.GELU(), pl.Dense(4)],
        pl.SoftmaxCrossEntropy(),
        pl.Nesterov(0.1),
    ),
    "maxout": ([pl.Maxout(11, 3), pl.Dense(4)], pl.SoftmaxCrossEntropy(), pl.RMSProp(0.01)),
    "prelu": ([pl.Dense(19), pl.PReLU(), pl.Dense(4)], pl.Hinge(), pl.AdaGrad(0.1)),
    "prelu per unit": ([pl.Dense(19), pl.PReLU(per_unit=True), pl.Dense(4)], pl.SoftmaxCrossEntropy(), pl.AdaDelta()),
    "elu selu": (
        [pl.Dense(17), pl.ELU(), pl.Dense(16), pl.SELU(), pl.Dense(4)],
        pl.SoftmaxCrossEntropy(),
        pl.NAdam(0.01),
    ),
    "silu mish": (
        [pl.Dense(17), pl.SiLU(), pl.Dense(16), pl.Mish(), pl.Dense(4)],
        pl.SoftmaxCrossEntropy(),
        pl.Lion(0.001),
    ),
    "softplus softsign": (
        [pl.Dense(17), pl.Softplus(), pl.Dense(16), pl.Softsign(), pl.Dense(4)],
        pl.SoftmaxCrossEntropy(),
        pl.Adamax(0.01),
    ),
    "hard tanh leaky": (
        [pl.Dense(17), pl.HardTanh(), pl.Dense(16), pl.LeakyReLU(), pl.Dense(4)],
        pl.SoftmaxCrossEntropy(),
        pl.AMSGrad(0.01),
    ),
    "noise": ([pl.GaussianNoise(0.1), pl.Dense(9), pl.Tanh(), pl.Dense(4)], pl.SoftmaxCrossEntropy(), pl.Adam(0.01)),
    "robust periodic": (
        [
            pl.RobustScale(),
            pl.PeriodicEmbedding(frequencies=3, outputs=3),
            pl.Scale(),
            pl.Dense(9),
            pl.Mish(),
            pl.Dense(1),
        ],
        pl.Huber(),
        pl.AdamW(0.01),
    ),
    "parametric ntk": (
        [
            pl.MinMax(-1, 1),
            pl.Dense(21, parametrization="ntk"),
            pl.ParametricActivation("selu"),
            pl.Dense(4, parametrization="ntk"),
        ],
        pl.SoftmaxCrossEntropy(0.1),
        pl.Adam(pl.FlatCosine(0.04, steps=30)),
    ),
    "softmax squared": ([pl.Dense(12), pl.Center(), pl.Dense(4), pl.Softmax()], pl.SquaredError(), pl.Momentum(0.5)),
    "rescale quantiles": (
        [pl.Rescale(0.5, 1), pl.Dense(12), pl.ReLU(), pl.Dense(3)],
        pl.Quantile((0.1, 0.5, 0.9)),
        pl.Adam(0.01),
    ),
    "clipped decayed": (
        [pl.Dense(30), pl.ReLU(), pl.Dense(1)],
        pl.SigmoidCrossEntropy(),
        pl.Momentum(0.05, clip_norm=0.5, clip_value=0.3, weight_decay=0.01),
    ),
}


def digest(name: str, dtype: str, threads: int) -> str:
    """SHA-256 of parameters, statistics, losses and scores of a training by the native engine."""
    layers, loss, optimizer = NETWORKS[name]
    generator = np.random.default_rng(17)
    x = generator.uniform(-2, 2, size=(203, 13))
    y = (x[:, 0] + x[:, 1] * x[:, 2] > 0).astype(np.int64) + 2 * (x[:, 3] > 0)
    if isinstance(loss, pl.SigmoidCrossEntropy):
        y = y % 2
    targets = x[:, 0] * 2 + x[:, 1] if isinstance(loss, pl.Huber | pl.Quantile) else y
    network = pl.Network(layers, dtype=dtype, engine="native", threads=threads)
    network.build(13)
    for parameter, values in network.named_parameters().items():  # by exact arithmetic: no version of NumPy matters
        if parameter.endswith(("weight", "frequency")):
            network.set(parameter, generator.uniform(-0.5, 0.5, size=values.shape))
    trainer = pl.Trainer(network, loss=loss, optimizer=optimizer, batch_size=32, seed=3, penalty=pl.L2(1e-4))
    history = trainer.fit(x, targets, epochs=4)
    result = hashlib.sha256(network.parameters.tobytes() + network.statistics.tobytes())
    result.update(np.array(history["loss"]).tobytes() + network.scores(x).tobytes())
    return result.hexdigest()[:32]


def processor() -> dict[str, str]:
    """What decides the bits: the instruction set and the compiler of the core, its C library, and NumPy's sums."""
    import pellucid._native as native

    return {
        "isa": native.isa,
        "compiler": getattr(native, "compiler", ""),
        "libc": " ".join(platform.libc_ver()),
        "numpy": np.__version__,
    }


def all_digests() -> dict[str, str]:
    """The digest of each network in each dtype."""
    return {f"{name}, {dtype}": digest(name, dtype, 1) for name in NETWORKS for dtype in ("float32", "float64")}


if __name__ == "__main__":
    PLACE.write_text(json.dumps({**processor(), "digests": all_digests()}, indent=1) + "\n", encoding="utf-8")
