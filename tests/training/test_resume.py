"""Training that is saved and resumed gives the bits of training that never stopped."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pellucid as pl
from pellucid.layers.layer import Layer
from pellucid.optimizers import OPTIMIZERS, Optimizer
from pellucid.schedules import SCHEDULES
from pellucid.training.callbacks import as_callback
from support.interrupts import interrupt_after_work
from support.resuming import everything
from support.samples import FREE_LAYER_SAMPLES, LOSS_SAMPLES, OPTIMIZER_SAMPLES, LayerSample, LossSample, classification

X, Y = classification(44)
VALIDATION = classification(15, seed=1)

Make = Callable[[], pl.Trainer]


def trainer(
    engine: str, layers: Sequence[Layer] = (pl.Dense(5), pl.Tanh(), pl.Dropout(0.3)), **options: Any
) -> pl.Trainer:
    network = pl.Network([*layers, pl.Dense(3)], engine=engine, dtype=options.pop("dtype", "float32"))
    options = {"loss": pl.SoftmaxCrossEntropy(), "optimizer": pl.Adam(0.05), "batch_size": 8, "seed": 3, **options}
    return pl.Trainer(network, **options)


def check(
    make: Make, folder: Path, *, fit: dict[str, Any] | None = None, data: Any = (X, Y), **resume: Any
) -> pl.Trainer:
    """Six epochs in one, and three, saved, resumed, three: the same in everything."""
    never, before = make(), make()
    options = {"validation": VALIDATION} if fit is None else fit
    never.fit(*data, epochs=6, **options)
    before.fit(*data, epochs=3, **options)
    before.save(folder)
    after = pl.Trainer.resume(folder, **resume)
    assert everything(after) == everything(before), "what is read is what was written"
    after.fit(*data, epochs=3, **options)
    assert everything(after) == everything(never)
    return after


@pytest.mark.parametrize("optimizer", OPTIMIZER_SAMPLES, ids=str)
def test_every_optimizer(optimizer: Optimizer, engine: str, tmp_path: Path) -> None:
    check(lambda: trainer(engine, optimizer=optimizer), tmp_path)


def test_no_optimizer_is_missing() -> None:
    assert {type(optimizer) for optimizer in OPTIMIZER_SAMPLES} == set(OPTIMIZERS.values())


def schedules() -> list[Any]:
    made = [pl.WarmUp(pl.Cosine(0.05, steps=25), steps=4)]
    made += [pl.WarmUp(0.05, steps=9) if cls is pl.WarmUp else cls(0.05) for cls in SCHEDULES.values()]
    return [*made, pl.Cosine(0.05, steps=20), pl.OneCycle(0.05, steps=30), pl.StepDecay(0.05, 0.7, every=5)]


@pytest.mark.parametrize("schedule", schedules(), ids=str)
def test_every_schedule(schedule: Any, engine: str, tmp_path: Path) -> None:
    resumed = check(lambda: trainer(engine, optimizer=pl.Momentum(schedule)), tmp_path)
    assert resumed.optimizer.learning_rate == schedule


@pytest.mark.parametrize("sample", FREE_LAYER_SAMPLES, ids=str)
def test_every_layer(sample: LayerSample, tmp_path: Path) -> None:
    size = sample.input_shape[0]
    data = (np.random.default_rng(0).normal(size=(44, size)), Y)
    check(lambda: trainer("auto", [sample.layer]), tmp_path, fit={}, data=data)


STOCHASTIC = [pl.Dense(5), pl.GaussianNoise(0.2), pl.BatchNormalization(), pl.Dropout(0.4), pl.PReLU()]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shuffle", [True, False])
def test_everything_that_draws_and_moves(dtype: str, shuffle: bool, engine: str, tmp_path: Path) -> None:
    check(
        lambda: trainer(
            engine,
            [pl.Standardize(), *STOCHASTIC],
            dtype=dtype,
            shuffle=shuffle,
            penalty=pl.ElasticNet(0.01, 0.3),
            constraint=pl.MaxNorm(1.5),
            average=0.9,
            learning_rate_factors={"1": 2.0, "1.weight": 0.5},
            optimizer=pl.AdamW(pl.WarmUp(0.05, steps=8), weight_decay=0.1, clip_norm=0.7),
        ),
        tmp_path,
    )


@pytest.mark.parametrize("sample", LOSS_SAMPLES, ids=str)
def test_every_loss(sample: LossSample, tmp_path: Path) -> None:
    data = (np.random.default_rng(0).normal(size=(len(sample.y), 3)), sample.y)
    options = {"loss": sample.loss, "batch_size": 3}
    layers = [pl.Dense(4), pl.Tanh(), pl.Dense(sample.outputs)]
    make = lambda: pl.Trainer(pl.Network(layers), optimizer=pl.Adam(0.01), **options)  # noqa: E731
    check(make, tmp_path, fit={}, data=data)


def test_augmentation(engine: str, tmp_path: Path) -> None:
    digits = pl.datasets.load_digits()
    augmentation = pl.Augmentation((8, 8), [pl.Rotate((-5, 10)), pl.Translate(1, 0.1), pl.ElasticDistortion(8, 3)])
    resumed = check(
        lambda: trainer(engine, [pl.Rescale(1 / 16)], loss="hinge", augmentation=augmentation),
        tmp_path,
        fit={},
        data=(digits.train.x[:40], digits.train.y[:40] % 3),
    )
    assert resumed.augmentation == augmentation


@pytest.mark.parametrize("batch_size", [1, "full", "auto"])
def test_batches_of_all_kinds(batch_size: Any, engine: str, tmp_path: Path) -> None:
    check(lambda: trainer(engine, batch_size=batch_size), tmp_path)


def test_weights_of_rows_and_classes(engine: str, tmp_path: Path) -> None:
    weight = np.random.default_rng(0).uniform(size=len(X))
    check(lambda: trainer(engine), tmp_path, fit={"sample_weight": weight, "class_weight": "balanced"})


def test_a_validation_fraction(engine: str, tmp_path: Path) -> None:
    check(lambda: trainer(engine), tmp_path, fit={"validation": 0.25})


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_any_number_of_threads(threads: int, tmp_path: Path) -> None:
    """Resumed with another number of threads than before, the bits are still the same."""
    x, y = classification(300, features=40)
    make = lambda: trainer("auto", [pl.Dense(70), pl.ReLU(), pl.Dropout(0.2)], batch_size=100)  # noqa: E731
    check(make, tmp_path, fit={}, data=(x, y), threads=threads)


# -- callbacks ---------------------------------------------------------------------------------------------------


CALLBACKS: list[Callable[[], list[pl.Callback]]] = [
    lambda: [pl.EarlyStopping(patience=2)],
    lambda: [pl.EarlyStopping(patience=20, monitor="validation_accuracy")],
    lambda: [pl.ReduceOnPlateau(patience=1, factor=0.5)],
    lambda: [pl.Backtracking(every=2, divisor=2.0), pl.ReduceOnPlateau(patience=2), pl.EarlyStopping(patience=9)],
    lambda: [pl.ReduceOnPlateau(patience=1), pl.ReduceOnPlateau(patience=2, factor=0.9)],
]


@pytest.mark.parametrize("make_callbacks", CALLBACKS, ids=range(len(CALLBACKS)))
@pytest.mark.parametrize("rate", [0.05, 3.0])
def test_callbacks_that_remember(rate: float, make_callbacks: Any, engine: str, tmp_path: Path) -> None:
    never = trainer(engine, optimizer=pl.Momentum(rate), callbacks=make_callbacks())
    before = trainer(engine, optimizer=pl.Momentum(rate), callbacks=make_callbacks())
    for each in (3, 3):  # in two calls as well: what ends with each call, ends
        never.fit(X, Y, epochs=each, validation=VALIDATION)
    before.fit(X, Y, epochs=3, validation=VALIDATION)
    before.save(tmp_path)
    after = pl.Trainer.resume(tmp_path, callbacks=make_callbacks())
    assert everything(after) == everything(before)
    assert after.stopped == before.stopped
    after.fit(X, Y, epochs=3, validation=VALIDATION)
    assert everything(after) == everything(never)


def test_callbacks_that_were_there_are_asked_for(tmp_path: Path) -> None:
    before = trainer("auto", callbacks=[pl.EarlyStopping(), lambda trainer: None])
    before.fit(X, Y, epochs=1)
    path = before.save(tmp_path)
    with pytest.raises(pl.CheckpointError) as caught:
        pl.Trainer.resume(tmp_path)
    assert str(caught.value) == (
        f"{path} cannot be resumed. The training had callbacks that remember something: EarlyStopping. Give them "
        "again, callbacks=[EarlyStopping(…)], or callbacks=[] to go on without."
    )
    with pytest.warns(UserWarning, match=r"^Training goes on without EarlyStopping, which it had before\.$"):
        pl.Trainer.resume(tmp_path, callbacks=[])


# -- any moment --------------------------------------------------------------------------------------------------


class Interrupting(Layer):
    """The identity, until it has been called so often: then Ctrl-C comes."""

    calls_left = 10**9

    def forward(self, x: Any, parameters: Any, context: Any) -> tuple[Any, None]:
        if context.training:
            Interrupting.calls_left -= 1
            if Interrupting.calls_left == 0:
                raise KeyboardInterrupt
        return x, None

    def backward(self, gradient: Any, saved: None, parameters: Any, context: Any) -> tuple[Any, dict[str, Any]]:
        return gradient, {}


Interrupting = dataclass(frozen=True)(Interrupting)  # type: ignore[misc]


@pytest.mark.parametrize("step", [2, 8, 13, 17])
def test_in_the_middle_of_an_epoch(step: int, tmp_path: Path) -> None:
    """Ctrl-C at a step: the trainer is saved where it is, and the resumed one finishes the epoch that was going on."""
    make = lambda: trainer(  # noqa: E731
        "auto", [pl.Dense(5), Interrupting(), pl.Dropout(0.3)], callbacks=[pl.EarlyStopping()], average=0.9
    )
    never, before = make(), make()
    never.fit(X, Y, epochs=4, validation=VALIDATION)
    type(before.network.layers[1]).calls_left = step
    with pytest.raises(KeyboardInterrupt):
        before.fit(X, Y, epochs=4, validation=VALIDATION)
    before.save(tmp_path)
    after = pl.Trainer.resume(tmp_path, callbacks=[pl.EarlyStopping()], custom=[type(before.network.layers[1])])
    assert everything(after) == everything(before)
    after.fit(X, Y, epochs=4 - after.epoch, validation=VALIDATION)
    assert everything(after) == everything(never)


@pytest.mark.parametrize("batch_size", [8, "full"])
def test_ctrl_c_at_a_moment_of_chance(batch_size: Any, engine: str, tmp_path: Path, request: Any) -> None:
    """A real signal, and early stopping: nothing of the epoch is lost."""
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs of a shell ignore Ctrl-C
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, handler))

    def make() -> pl.Trainer:
        return trainer(engine, [pl.Dense(50), pl.ReLU()], batch_size=batch_size, callbacks=[pl.EarlyStopping(10**6)])

    before = make()
    before.initialize(X, Y)
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012 - it may come as soon as it is asked for
        interrupt_after_work(0.2)
        before.fit(X, Y, epochs=10**6, validation=VALIDATION)
    before.save(tmp_path)
    after = pl.Trainer.resume(tmp_path, callbacks=[pl.EarlyStopping(10**6)])
    after.fit(X, Y, epochs=3, validation=VALIDATION)
    never = make()
    never.fit(X, Y, epochs=after.epoch, validation=VALIDATION)
    assert everything(after) == everything(never)


def test_weights_changed_by_hand_are_taken_over(engine: str, tmp_path: Path) -> None:
    never, before = trainer(engine), trainer(engine)
    for each in (never, before):
        each.fit(X, Y, epochs=3)
        each.network.set("0.bias", np.ones(5))
    before.save(tmp_path)
    after = pl.Trainer.resume(tmp_path)
    for each in (never, after):
        each.fit(X, Y, epochs=2)
    assert everything(after) == everything(never)


@pytest.mark.parametrize("rate", [1.1, 1.3, 2.0])
def test_after_a_divergence(rate: float, engine: str, tmp_path: Path) -> None:
    """The state to go back to travels too: a full batch overflows at the first loss of an epoch."""
    targets = np.eye(3)[Y]

    def make() -> pl.Trainer:
        diverging = {"loss": "squared_error", "optimizer": pl.GradientDescent(rate), "batch_size": "full"}
        return trainer(engine, [pl.Dense(5)], **diverging)

    never = make()
    with pytest.raises(pl.DivergenceError):
        never.fit(X, targets, epochs=10_000)
    assert never.epoch > 0
    before = make()
    before.callbacks = [as_callback(lambda each: each.save(tmp_path) if each.epoch == never.epoch + 1 else None)]
    with pytest.raises(pl.DivergenceError):
        before.fit(X, targets, epochs=never.epoch + 2)  # saved where the very next loss is not finite
    after = pl.Trainer.resume(tmp_path)
    with pytest.raises(pl.DivergenceError):
        after.fit(X, targets, epochs=2)
    assert everything(after)["state"] == everything(never)["state"]
    assert after.history.stopped == never.history.stopped


def test_before_the_first_step(engine: str, tmp_path: Path) -> None:
    never, before = trainer(engine), trainer(engine)
    before.initialize(X, Y).save(tmp_path)
    never.fit(X, Y, epochs=2)
    after = pl.Trainer.resume(tmp_path)
    after.fit(X, Y, epochs=2)
    assert everything(after) == everything(never)


def test_in_another_process(engine: str, tmp_path: Path) -> None:
    never, before = (trainer(engine, callbacks=[pl.EarlyStopping()]) for _ in range(2))
    never.fit(X, Y, epochs=6, validation=VALIDATION)
    before.fit(X, Y, epochs=3, validation=VALIDATION)
    before.save(tmp_path)
    data = tmp_path / "data.npz"
    np.savez(data, x=X, y=Y, vx=VALIDATION[0], vy=VALIDATION[1])
    program = (
        "import numpy as np, pellucid as pl\n"
        f"d = np.load({str(data)!r})\n"
        f"t = pl.Trainer.resume({str(tmp_path)!r}, callbacks=[pl.EarlyStopping()])\n"
        "t.fit(d['x'], d['y'], epochs=3, validation=(d['vx'], d['vy']))\n"
        f"t.save({str(tmp_path)!r})\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True, timeout=600)
    after = pl.Trainer.resume(tmp_path, callbacks=[pl.EarlyStopping()])
    assert after.epoch == 6
    assert everything(after) == everything(never)
