"""The training program: what it comes to is what the reference engine comes to, part by part."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pellucid as pl
from pellucid.formats import training_program, write_training
from pellucid.formats.training_source import layers as translated
from pellucid.formats.training_source import parts
from pellucid.initializers import INITIALIZERS
from pellucid.layers import LAYERS
from pellucid.layers.scaling import FrontScaling
from pellucid.losses import LOSSES
from pellucid.optimizers import OPTIMIZERS
from pellucid.penalties import PENALTIES
from pellucid.schedules import SCHEDULES
from support.samples import (
    FREE_LAYER_SAMPLES,
    LOSS_SAMPLES,
    OPTIMIZER_SAMPLES,
    PENALTY_SAMPLES,
    LayerSample,
    LossSample,
    classification,
    random_numbers,
)

EPOCHS = 4
RATES = [
    0.05,
    pl.StepDecay(0.1, decay=0.5, every=3),
    pl.ExponentialDecay(0.1, decay=0.3, every=7),
    pl.InverseScaling(0.1, power=0.4, every=5),
    pl.Polynomial(0.1, steps=9, power=2.0, end=0.01),
    pl.Cosine(0.1, steps=9, end=0.01),
    pl.CosineRestarts(0.1, steps=3, growth=2),
    pl.CosineRestarts(0.1, steps=3),
    pl.FlatCosine(0.1, steps=12, flat=0.3),
    pl.OneCycle(0.1, steps=12),
    pl.LogCosine(0.1, steps=12, cycles=2),
    pl.WarmUp(pl.Cosine(0.1, steps=9), steps=4),
    pl.WarmUp(0.1, steps=4),
]


def run(text: str) -> dict[str, Any]:
    """The names of a program."""
    names: dict[str, Any] = {"__name__": "program"}
    exec(compile(text, "<training program>", "exec"), names)
    return names


def compare(trainer: pl.Trainer, x: Any, y: Any, tolerance: float = 1e-9, **options: Any) -> dict[str, Any]:
    """Train both, and compare every parameter, statistic and prediction."""
    trainer.initialize(x, y)
    text = training_program(trainer, **options)
    assert max(map(len, text.replace(textwrap.indent(trainer.network.summary(), "    "), "").splitlines())) <= 120
    program = run(text)
    answer = program["train"](x, y, EPOCHS)
    p, s = answer if isinstance(answer, tuple) else (answer, {})
    trainer.fit(x, y, epochs=EPOCHS)
    network = trainer.network
    found = {"weight": "W", "bias": "b"}
    for name, expected in {**network.named_parameters(), **network.named_statistics()}.items():
        index, kind = name.split(".")
        value = {**p, **s}.get(f"{found.get(kind, kind)}{index}") if kind not in ("mean", "scale") else None
        value = (s if name in network.named_statistics() else p).get(f"{found.get(kind, kind)}{index}", value)
        if value is None:
            assert (kind, type(network.layers[int(index)])) == ("scale", pl.Center)
            continue
        assert (value.shape, value.dtype) == (expected.shape, expected.dtype)
        assert np.abs(value - expected).max() <= tolerance * max(1.0, np.abs(expected).max()), name
    assert trainer.step > EPOCHS
    predicted = program["predict"](x, *([p, s] if s else [p]))
    expected = network.predict(x)
    assert np.allclose(predicted.reshape(expected.shape), expected, rtol=1e-6 if tolerance < 1e-8 else 1e-2, atol=1e-3)
    return program


def trainer_of(
    layers: list[pl.Layer], loss: Any = "softmax_cross_entropy", *more: Any, dtype: str = "float64", **options: Any
) -> pl.Trainer:
    network = pl.Network(layers, dtype=dtype, engine="reference")
    return pl.Trainer(network, loss, *(more or (pl.Momentum(0.05),)), **{"batch_size": 8, "seed": 5, **options})


def test_every_part_is_known() -> None:
    containers = {pl.Sequential, pl.Residual, pl.Parallel}
    unknown = {cls for cls in LAYERS.values() if hasattr(cls, "windows")} | {pl.GroupNormalization, pl.SpatialDropout}
    assert set(translated.TRANSLATIONS) == set(LAYERS.values()) - containers - unknown
    assert set(parts.LOSSES) == set(LOSSES.values())
    assert set(parts.OPTIMIZERS) == set(OPTIMIZERS.values())
    assert set(parts.PENALTIES) == set(PENALTIES.values())
    assert {*parts.SCHEDULES, pl.WarmUp} == set(SCHEDULES.values())
    assert {*parts.INITIALIZERS, pl.UnitVariance, pl.DataDependentBias} == set(INITIALIZERS.values())
    assert {type(rate) for rate in RATES} >= set(SCHEDULES.values())


@pytest.mark.parametrize("layer", [pl.GroupNormalization(1), pl.SpatialDropout(0.3)], ids=str)
def test_a_layer_that_it_does_not_know_is_refused_by_name(layer: pl.Layer) -> None:
    x, y = classification(rows=33, features=4)
    trainer = trainer_of([pl.Dense(6), layer, pl.Dense(3)]).initialize(x, y)
    with pytest.raises(ValueError, match=f"layer 1, {re.escape(str(layer))}, is not part of the training program"):
        training_program(trainer)


KNOWN = [sample for sample in FREE_LAYER_SAMPLES if type(sample.layer) in translated.TRANSLATIONS]


@pytest.mark.parametrize("sample", KNOWN, ids=str)
def test_every_layer_is_trained_as_the_reference_engine_trains_it(sample: LayerSample) -> None:
    x, y = classification(rows=33, features=sample.input_shape[0])
    if isinstance(sample.layer, FrontScaling):
        compare(trainer_of([sample.layer, pl.Dense(4), pl.Tanh(), pl.Dense(3)]), x, y)
        return
    compare(trainer_of([pl.Dense(6), pl.Tanh(), sample.layer, pl.Dense(3)]), x, y)  # 33 rows: the last batch has one
    compare(trainer_of([sample.layer, pl.Dense(3)]), x, y)


@pytest.mark.parametrize("sample", LOSS_SAMPLES, ids=str)
def test_every_loss(sample: LossSample) -> None:
    y = np.concatenate([sample.y] * 5)
    targets = (
        "classes"
        if sample.y.ndim == 1 and sample.outputs > 1 and not isinstance(sample.loss, pl.Quantile)
        else "numbers"
    )
    trainer = trainer_of([pl.Dense(5), pl.Tanh(), pl.Dense(sample.outputs)], sample.loss)
    compare(trainer, random_numbers((20, 3), 1), y, targets=targets)


@pytest.mark.parametrize("optimizer", OPTIMIZER_SAMPLES, ids=str)
def test_every_optimizer(optimizer: pl.Optimizer) -> None:
    x, y = classification(rows=30)
    compare(trainer_of([pl.Dense(5), pl.Tanh(), pl.Dense(3)], "softmax_cross_entropy", optimizer), x, y, 1e-8)


@pytest.mark.parametrize("penalty", PENALTY_SAMPLES, ids=str)
def test_every_penalty(penalty: pl.Penalty) -> None:
    x, y = classification(rows=30)
    compare(trainer_of([pl.Dense(5), pl.PReLU(), pl.Maxout(3)], penalty=penalty), x, y)


@pytest.mark.parametrize("optimizer", OPTIMIZER_SAMPLES, ids=str)
def test_single_precision_stays_with_every_optimizer(optimizer: pl.Optimizer) -> None:
    x, y = classification(rows=30)
    layers = [pl.Dense(5), pl.BatchNormalization(), pl.Tanh(), pl.Dense(3)]
    trainer = trainer_of(layers, "hinge", optimizer, penalty=pl.L2(0.1), dtype="float32", average=0.5)
    trainer.initialize(x, y)
    parameters, _ = run(training_program(trainer))["train"](x, y, 2)
    assert {values.dtype for values in parameters.values()} == {np.dtype(np.float32)}


@pytest.mark.parametrize("rate", RATES, ids=str)
def test_every_schedule(rate: Any) -> None:
    x, y = classification(rows=30)
    compare(trainer_of([pl.Dense(3)], "softmax_cross_entropy", pl.GradientDescent(rate)), x, y)
    single = trainer_of([pl.Dense(3)], "softmax_cross_entropy", pl.GradientDescent(rate), dtype="float32")
    compare(single, x, y, 1e-5)


@pytest.mark.parametrize("name", [name for name, cls in INITIALIZERS.items() if not cls.from_data])
def test_every_initializer(name: str) -> None:
    x, y = classification(rows=30)
    initializer = pl.Constant(0.2) if name == "constant" else INITIALIZERS[name]()
    compare(trainer_of([pl.Dense(7, initializer, "normal"), pl.Tanh(), pl.Dense(3, initializer)]), x, y)


@pytest.mark.parametrize(
    "options",
    [
        {"batch_size": "full"},
        {"batch_size": "auto"},
        {"shuffle": False},
        {"seed": 2**63 + 12345},
        {"constraint": pl.MaxNorm(0.7)},
        {"average": 0.7},
        {"learning_rate_factors": {"0": 0.1, "2.bias": 3.0}},
        {"learning_rate_factors": {"0": 0.1}, "constraint": pl.MaxNorm(0.5), "penalty": pl.L2(0.1)},
    ],
    ids=str,
)
def test_everything_a_trainer_may_be_told(options: dict[str, Any]) -> None:
    x, y = classification(rows=70)
    layers = [pl.Standardize(), pl.Dense(9), pl.Dropout(0.3), pl.Dense(3)]
    optimizer = pl.AdamW(0.03, weight_decay=0.1, clip_norm=0.4)
    trainer = trainer_of(layers[1:] if "learning_rate_factors" in options else layers, "hinge", optimizer, **options)
    if options.get("batch_size") == "full":
        trainer.initialize(x, y)
        text = training_program(trainer)
        assert "SEED" in text
        assert "shuffled" not in text
        p, _ = run(text)["train"](x, y, 9)
        trainer.fit(x, y, epochs=9)
        assert np.abs(p["W1"] - trainer.network.get("1.weight")).max() < 1e-9
    else:
        compare(trainer, x, y)


def test_in_single_precision_it_differs_by_rounding() -> None:
    digits = pl.datasets.load_digits()
    layers = [pl.Standardize(), pl.Dense(32), pl.ReLU(), pl.Dropout(0.2), pl.Dense(10)]
    trainer = trainer_of(layers, "softmax_cross_entropy", pl.Adam(1e-3), dtype="float32", batch_size=32)
    program = compare(trainer, *digits.train, tolerance=2e-4)
    p, s = program["train"](*digits.train, 25)
    assert (program["predict"](digits.test.x, p, s) == digits.test.y).mean() > 0.9


def test_it_starts_from_given_parameters() -> None:
    x, y = classification(rows=30)
    trainer = trainer_of([pl.Dense(3)])
    trainer.initialize(x, y)
    program = run(training_program(trainer))
    first = program["initial_parameters"]()
    half = program["train"](x, y, 1)
    assert not np.array_equal(half["W0"], first["W0"])
    assert np.array_equal(program["train"](x, y, 1, first)["W0"], half["W0"])


def test_it_holds_only_what_the_network_needs() -> None:
    x, y = classification(rows=30)
    trainer = trainer_of([pl.Dense(4, "zeros"), pl.ReLU(), pl.Dense(3, "zeros")], shuffle=False)
    trainer.initialize(x, y)
    text = training_program(trainer)
    for word in ("random", "softmax(z)\n", "SEED", "import math", "measure", "dropout", "clip", "step=None", "penalty"):
        assert word not in text.replace("log softmax(z)", ""), word
    assert text.count("\n") < 130


def test_it_runs_as_a_program(tmp_path: Path) -> None:
    x, y = classification(rows=60)
    trainer = trainer_of([pl.MinMax(), pl.Dense(4), pl.Tanh(), pl.Dense(3)], dtype="float32")
    trainer.initialize(x, y)
    report = write_training(trainer, tmp_path / "my training.py", epochs=3)
    assert [file.name for file in report.files] == ["my_training.py"]
    np.savez(tmp_path / "data.npz", x=x, y=y)
    command = [sys.executable, "-W", "error", "my_training.py"]
    done = subprocess.run([*command, "data.npz"], cwd=tmp_path, capture_output=True, text=True, check=True)
    lines = [
        f"epoch {row['epoch']}: loss {row['loss']:.4f}, accuracy {row['accuracy']:.4f}" for row in _rows(trainer, x, y)
    ]
    assert done.stdout.splitlines() == lines
    usage = subprocess.run(command, cwd=tmp_path, capture_output=True, encoding="utf-8", check=False)
    assert usage.returncode == 1
    assert "Usage: python my_training.py data.npz" in usage.stderr


def _rows(trainer: pl.Trainer, x: Any, y: Any) -> list[dict[str, Any]]:
    history = trainer.fit(x, y, epochs=3)
    return [history.row(number) for number in range(3)]


class Own(pl.Tanh):
    pass


def test_what_cannot_be_written_down() -> None:
    x, y = classification(rows=30)

    def refused(trainer: pl.Trainer, message: str) -> None:
        trainer.initialize(x, y)
        with pytest.raises(ValueError, match=message):
            training_program(trainer)

    refused(trainer_of([Own(), pl.Dense(3)]), r"layer 0, Own\(\) is a layer of your own\. Put layers of Pellucid")
    refused(trainer_of([pl.Dense(3), pl.Standardize()]), r"layer 1, Standardize\(\) stands behind other layers: put")
    refused(trainer_of([pl.Dense(3, "unit_variance")]), r"layer 0, .* which looks at the data: use another")
    refused(trainer_of([pl.Dense(3)], "hinge", pl.Adam(lambda step: 0.1)), r"is a schedule of your own: give one")
    with pytest.raises(ValueError, match=r"The network has no parameters yet"):
        training_program(trainer_of([pl.Dense(3)]))
    trainer = trainer_of([pl.Dense(3)])
    trainer.initialize(x, y)
    with pytest.raises(ValueError, match=r"epochs must be a whole number of at least 1, not 0"):
        training_program(trainer, epochs=0)
    with pytest.raises(ValueError, match=r"targets 'names' is unknown"):
        training_program(trainer, targets="names")
