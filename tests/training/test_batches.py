"""Callbacks after every batch: what they see, and that the training is the same to the bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pellucid as pl

X, Y = pl.datasets.bulls_eye(50, seed=0)  # 100 rows: batches of 16 leave a last one of 4
WEIGHT = np.linspace(0.0, 2.0, len(X))


class Watch(pl.Callback):
    """Notes the losses of batches and where training was, and may fail once."""

    def __init__(self, fail_at: int = -1) -> None:
        self.losses: list[float] = []
        self.places: list[tuple[int, int, int]] = []
        self.fail_at = fail_at

    def on_batch_end(self, trainer: pl.Trainer, loss: float) -> None:
        self.losses.append(loss)
        self.places.append((trainer.epoch, trainer.state.batch, trainer.step))
        if trainer.step == self.fail_at:
            self.fail_at = -1
            raise KeyboardInterrupt


def trainer(engine: str, *callbacks: pl.Callback, **options: Any) -> pl.Trainer:
    layers = [pl.Standardize(), pl.Dense(8), pl.BatchNormalization(), pl.ReLU(), pl.Dropout(0.2), pl.Dense(2)]
    settings = {"optimizer": pl.Adam(0.01), "batch_size": 16, "callbacks": callbacks, "seed": 3, **options}
    return pl.Trainer(pl.Network(layers, engine=engine), "softmax_cross_entropy", **settings)


SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "one batch": {"batch_size": "full"},
    "one row a batch": {"batch_size": 1},
    "not shuffled": {"shuffle": False},
    "moving average": {"average": 0.9},
    "penalty in the loss": {"penalty": pl.L2(0.01, per_example=True), "penalty_in_loss": True},
    "schedules": {"optimizer": pl.AdamW(pl.Cosine(0.01, steps=30), weight_decay=pl.Cosine(0.1, steps=20))},
    "limits": {"constraint": pl.MaxNorm(0.5), "learning_rate_factors": {"1": 2.0}},
}


def numbers(learner: pl.Trainer) -> dict[str, Any]:
    state, columns = learner.state, learner.history.to_dict()["columns"]
    vectors = (state.parameters, state.statistics, *state.slots, learner.network.parameters)
    return {"state": [each.tobytes() for each in vectors], **{**columns, "seconds": None}}


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize("weighted", [False, True])
def test_the_same_bits_as_without(engine: str, settings: dict[str, Any], weighted: bool) -> None:
    options: dict[str, Any] = {"epochs": 4, "validation": (X[::5], Y[::5])}
    if weighted:
        options["sample_weight"] = WEIGHT
    without, watched = trainer(engine, **settings), trainer(engine, Watch(), **settings)
    without.fit(X, Y, **options)
    watched.fit(X, Y, **options)
    assert numbers(watched) == numbers(without)


def test_batches_that_the_core_takes_in_pieces(engine: str) -> None:
    """Three thousand rows, then two thousand: more than fit into its buffers at once."""
    x, y = pl.datasets.bulls_eye(2500, seed=1)
    without, watched = trainer(engine, batch_size=3000), trainer(engine, Watch(), batch_size=3000)
    without.fit(x, y, epochs=2)
    watched.fit(x, y, epochs=2)
    assert numbers(watched) == numbers(without)


@pytest.mark.parametrize("step", [2, 7, 8])  # in an epoch, after its last step, in the next one
def test_interrupted_after_a_batch_it_continues_to_the_same_bits(engine: str, step: int) -> None:
    whole, torn = trainer(engine), trainer(engine, Watch(fail_at=step))
    whole.fit(X, Y, epochs=3)
    with pytest.raises(KeyboardInterrupt):
        torn.fit(X, Y, epochs=3)
    assert torn.step == step
    torn.fit(X, Y, epochs=3 - torn.epoch)
    assert numbers(torn) == numbers(whole)


def test_what_is_seen(engine: str) -> None:
    watch = Watch()
    learner = trainer(engine, watch)
    history = learner.fit(X, Y, epochs=2)
    assert watch.places == [(epoch, batch, 7 * epoch + batch) for epoch in (0, 1) for batch in range(1, 8)]
    rows = np.array([16] * 6 + [4])
    for epoch in (0, 1):  # the loss of an epoch is the mean over its rows
        losses = np.array(watch.losses[7 * epoch : 7 * epoch + 7])
        assert history["loss"][epoch] == pytest.approx(losses @ rows / 100, rel=1e-12)


def test_the_loss_of_the_first_batch_is_that_of_the_first_weights() -> None:
    """By `loss_and_gradient`, which knows no batches; without dropout and normalization by batches."""
    watch = Watch()
    network = pl.Network([pl.Dense(2)], dtype="float64").build(2, seed=1)
    expected, gradient = network.loss_and_gradient(X[:16], Y[:16], loss="softmax_cross_entropy")
    start = network.parameters
    learner = pl.Trainer(
        network,
        "softmax_cross_entropy",
        pl.GradientDescent(0.5),
        batch_size=16,
        shuffle=False,
        callbacks=[watch, First()],
    )
    learner.fit(X, Y, epochs=1)
    assert watch.losses[0] == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(First.parameters, start - 0.5 * gradient, rtol=1e-12)


class First(pl.Callback):
    """Keeps what the network shows after the first batch."""

    parameters: np.ndarray

    def on_batch_end(self, trainer: pl.Trainer, loss: float) -> None:
        if trainer.step == 1:
            First.parameters = trainer.network.parameters


def test_the_rate_may_be_changed_from_batch_to_batch(engine: str) -> None:
    """A rate of 0 from the third step on: nothing moves any more."""
    seen = []

    class Freeze(pl.Callback):
        def on_batch_end(self, trainer: pl.Trainer, loss: float) -> None:
            seen.append(trainer.state.parameters)
            if trainer.step == 2:
                trainer.resume_from(type(trainer.state)(**{**vars(trainer.state), "rate_scale": 0.0}))

    learner = trainer(engine, Freeze(), optimizer=pl.GradientDescent(0.1))
    learner.fit(X, Y, epochs=1)
    assert not np.array_equal(seen[0], seen[1])
    assert all(np.array_equal(seen[1], each) for each in seen[2:])


def test_to_go_back_to_another_epoch_is_refused(engine: str) -> None:
    class Back(pl.Callback):
        def on_batch_end(self, trainer: pl.Trainer, loss: float) -> None:
            if trainer.epoch == 1:
                trainer.resume_from(trainer.initial)

    with pytest.raises(ValueError, match=r"^on_batch_end went to epoch 0 .* on_epoch_end\.$"):
        trainer(engine, Back()).fit(X, Y, epochs=2)


def test_stop_ends_training_after_the_epoch(engine: str) -> None:
    class Stop(pl.Callback):
        def on_batch_end(self, trainer: pl.Trainer, loss: float) -> None:
            trainer.stop("Enough.")

    history = trainer(engine, Stop()).fit(X, Y, epochs=9)
    assert (len(history), history.stopped) == (1, "Enough.")


def test_a_divergence_is_explained_as_without(engine: str) -> None:
    messages = []
    for callbacks in ([], [Watch()]):
        with pytest.raises(pl.DivergenceError) as caught:
            trainer(engine, *callbacks, optimizer=pl.GradientDescent(1e30)).fit(X, Y, epochs=5)
        messages.append(str(caught.value))
    assert messages[0] == messages[1]


def test_images_change_once_an_epoch(engine: str) -> None:
    digits = pl.datasets.load_digits(validation=0, test=1700).train
    results = []
    for callbacks in ([], [Watch()]):
        learner = pl.Trainer(
            pl.Network([pl.Rescale(1 / 16), pl.Dense(10)], engine=engine),
            "softmax_cross_entropy",
            augmentation=pl.Augmentation((8, 8), [pl.Rotate(20)]),
            callbacks=callbacks,
        )
        learner.fit(*digits, epochs=2)
        results.append(learner.network.parameters.tobytes())
    assert results[0] == results[1]
