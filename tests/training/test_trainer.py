"""The trainer: oracles without a framework, and time that can be cut anywhere."""

from __future__ import annotations

import math
import re
import signal
import warnings
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

import pellucid as pl
from pellucid.layers.layer import Context, Gradients
from pellucid.optimizers import Optimizer
from pellucid.training.divergence import largest_curvature
from pellucid.typing import Floats
from support.engines import needs_native
from support.native_tasks import run_python
from support.samples import OPTIMIZER_SAMPLES, classification, random_numbers

X, Y = classification(rows=50, features=3, classes=3)
ALL_AT_ONCE = {  # everything that has a memory: dropout, statistics, a ragged last batch (50 = 3 · 16 + 2), momentum
    "loss": pl.SoftmaxCrossEntropy(),
    "batch_size": 16,
    "penalty": pl.L2(1e-3),
    "seed": 7,
}


def make(engine: str = "auto", optimizer: Optimizer | None = None, **options: Any) -> pl.Trainer:
    layers = [pl.Standardize(), pl.Dense(8), pl.ReLU(), pl.Dropout(0.2), pl.Dense(3)]
    network = pl.Network(layers, engine=engine)
    return pl.Trainer(network, optimizer=optimizer or pl.Adam(0.01), **{**ALL_AT_ONCE, **options})


def same_state(one: pl.Trainer, two: pl.Trainer) -> None:
    """To the bit."""
    assert (one.epoch, one.step) == (two.epoch, two.step)
    np.testing.assert_array_equal(one.state.parameters, two.state.parameters)
    np.testing.assert_array_equal(one.network.parameters, two.network.parameters)
    np.testing.assert_array_equal(one.network.statistics, two.network.statistics)
    for a, b in zip(one.state.slots, two.state.slots, strict=True):
        np.testing.assert_array_equal(a, b)


def same_history(one: pl.Trainer, two: pl.Trainer) -> None:
    """To the bit, but for the time it took."""
    assert one.history.columns == two.history.columns
    for column in one.history.columns:
        if column != "seconds":
            assert one.history[column] == two.history[column], column


# -- what the optimum is -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_no_hidden_layer_is_logistic_regression(weighted: bool, engine: str) -> None:
    """scikit-learn minimizes ½‖w‖² + C Σ lᵢ: the same as the mean loss plus ½λ‖w‖² with λ = 1/(C Σ wᵢ)."""
    weight = np.linspace(0.1, 2.0, len(Y)) if weighted else None
    total = len(Y) if weight is None else weight.sum()
    expected = LogisticRegression(C=1.0, tol=1e-10, max_iter=10_000).fit(X, Y, sample_weight=weight)
    network = pl.Network([pl.Dense(3)], dtype="float64", engine=engine)
    trainer = pl.Trainer(
        network, pl.SoftmaxCrossEntropy(), pl.Nesterov(0.5), batch_size="full", penalty=pl.L2(1 / total)
    )
    trainer.fit(X, Y, epochs=2000, sample_weight=weight)
    np.testing.assert_allclose(network.predict_proba(X), expected.predict_proba(X), atol=1e-6)
    np.testing.assert_allclose(network.get("0.weight"), expected.coef_.T, atol=1e-5)


def test_one_output_is_binary_logistic_regression(engine: str) -> None:
    yes = (Y == 1).astype(int)
    expected = LogisticRegression(C=1.0, tol=1e-10, max_iter=10_000).fit(X, yes)
    network = pl.Network([pl.Dense(1)], dtype="float64", engine=engine)
    trainer = pl.Trainer(
        network, pl.SigmoidCrossEntropy(), pl.Nesterov(0.5), batch_size="full", penalty=pl.L2(1 / len(yes))
    )
    trainer.fit(X, yes, epochs=2000)
    np.testing.assert_allclose(network.predict_proba(X), expected.predict_proba(X), atol=1e-6)
    np.testing.assert_array_equal(network.predict(X), expected.predict(X))


def test_squared_error_is_least_squares(engine: str) -> None:
    y = X @ [1.0, -2.0, 0.5] + 3.0 + 0.1 * random_numbers(len(X))
    expected = LinearRegression().fit(X, y)
    network = pl.Network([pl.Dense(1)], dtype="float64", engine=engine)
    trainer = pl.Trainer(network, pl.SquaredError(), pl.Nesterov(0.1), batch_size="full")
    trainer.fit(X, y, epochs=1000)
    np.testing.assert_allclose(network.get("0.weight")[:, 0], expected.coef_, atol=1e-8)
    np.testing.assert_allclose(network.get("0.bias")[0], expected.intercept_, atol=1e-8)
    assert network.evaluate(X, y)["r2"] == pytest.approx(expected.score(X, y), abs=1e-12)


# -- a step ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", range(5))
def test_a_step_raises_the_probability_of_the_true_class(row: int, engine: str) -> None:
    network = pl.Network([pl.Dense(8), pl.Tanh(), pl.Dense(3)], engine=engine).build(3)
    x, y = X[row : row + 1], Y[row : row + 1]
    before = network.scores(x)
    trainer = pl.Trainer(network, pl.SoftmaxCrossEntropy(), pl.GradientDescent(0.01), batch_size=1)
    trainer.fit(x, np.eye(3)[y], epochs=1)
    after = network.scores(x)
    assert after[0, y[0]] - np.logaddexp.reduce(after[0]) > before[0, y[0]] - np.logaddexp.reduce(before[0])


def descend(engine: str, x: Floats, y: Any, *, epochs: int = 1, batch_size: Any = "full", **options: Any) -> Floats:
    """The parameters of a small network after some plain descent, from the same start, rows as they are."""
    network = pl.Network([pl.Dense(4), pl.Tanh(), pl.Dense(3)], dtype="float64", engine=engine).build(3, seed=1)
    trainer = pl.Trainer(
        network, pl.SoftmaxCrossEntropy(), pl.GradientDescent(0.5), batch_size=batch_size, shuffle=False
    )
    trainer.fit(x, y, epochs=epochs, **options)
    return network.parameters


def test_a_weight_of_two_is_the_row_twice(engine: str) -> None:
    weight = np.where(np.arange(len(Y)) % 4 == 0, 2.0, 1.0)
    twice = np.repeat(np.arange(len(Y)), weight.astype(int))
    np.testing.assert_allclose(
        descend(engine, X, Y, epochs=20, sample_weight=weight),
        descend(engine, X[twice], Y[twice], epochs=20),
        rtol=1e-10,
        atol=1e-13,
    )


def test_a_weight_of_zero_is_the_row_left_out(engine: str) -> None:
    weight = (np.arange(len(Y)) % 4 > 0).astype(float)
    np.testing.assert_allclose(
        descend(engine, X, Y, epochs=20, sample_weight=weight),
        descend(engine, X[weight > 0], Y[weight > 0], epochs=20),
        rtol=1e-10,
        atol=1e-13,
    )


def test_weights_count_by_their_ratio(engine: str) -> None:
    weight = np.linspace(0.1, 1.0, len(Y))
    np.testing.assert_allclose(
        descend(engine, X, Y, epochs=5, sample_weight=weight, batch_size=7),
        descend(engine, X, Y, epochs=5, sample_weight=1000 * weight, batch_size=7),
        rtol=1e-10,
        atol=1e-13,
    )


def test_a_batch_whose_weights_are_all_zero_changes_nothing(engine: str) -> None:
    weight = np.ones(len(Y))
    weight[10:20] = 0.0
    kept = np.r_[0:10, 20:50]
    np.testing.assert_allclose(
        descend(engine, X, Y, sample_weight=weight, batch_size=10),
        descend(engine, X[kept], Y[kept], batch_size=10),
        rtol=1e-12,
    )


def test_the_last_batch_is_averaged_over_its_own_size(engine: str) -> None:
    """y = b, loss ½(b − y)²: after a batch, b ← b + rate·(mean of y − b). Batches of 2, 2 and 1, by hand."""
    network = pl.Network([pl.Dense(1, weight_initializer="zeros")], dtype="float64", engine=engine)
    trainer = pl.Trainer(network, pl.SquaredError(), pl.GradientDescent(0.5), batch_size=2, shuffle=False)
    history = trainer.fit(np.zeros((5, 1)), np.array([1.0, 3.0, 2.0, 4.0, 8.0]), epochs=1)
    # b: 0 → 0 + ½(2 − 0) = 1 → 1 + ½(3 − 1) = 2 → 2 + ½(8 − 2) = 5
    assert network.get("0.bias").tolist() == [5.0]
    # losses: ½(1 + 9) and ½(1 + 9) of two rows, ½·36 of one: the epoch's mean over the 5 rows
    assert history["loss"] == [pytest.approx((5 + 5 + 18) / 5)]
    assert trainer.step == 3


def test_batch_size_one_goes_row_by_row(engine: str) -> None:
    network = pl.Network([pl.Dense(1, weight_initializer="zeros")], dtype="float64", engine=engine)
    trainer = pl.Trainer(network, pl.SquaredError(), pl.GradientDescent(0.5), batch_size=1, shuffle=False)
    trainer.fit(np.zeros((3, 1)), np.array([2.0, 3.0, 4.0]), epochs=1)
    assert network.get("0.bias").tolist() == [3.0]  # 0 → 1 → 2 → 3
    assert trainer.step == 3


def test_every_row_once_an_epoch(engine: str) -> None:
    """A linear model without interaction: descent at a tiny rate adds up each row's target exactly once."""
    y = 2.0 ** np.arange(11)
    network = pl.Network([pl.Dense(1, weight_initializer="zeros")], dtype="float64", engine=engine)
    trainer = pl.Trainer(network, pl.SquaredError(), pl.GradientDescent(1e-9), batch_size=1)
    trainer.fit(np.zeros((11, 1)), y, epochs=1)
    assert network.get("0.bias")[0] / 1e-9 == pytest.approx(y.sum(), rel=1e-6)


def test_shuffling_takes_a_new_order_each_epoch_and_can_be_left_out(engine: str) -> None:
    def last_targets(shuffle: bool) -> list[float]:
        """At rate 1 the bias is the last row's target: it tells which row came last."""
        network = pl.Network([pl.Dense(1, weight_initializer="zeros")], dtype="float64", engine=engine)
        trainer = pl.Trainer(network, pl.SquaredError(), pl.GradientDescent(1.0), batch_size=1, shuffle=shuffle)
        found = []
        for _ in range(6):
            trainer.fit(np.zeros((9, 1)), np.arange(9.0), epochs=1)
            found.append(float(network.get("0.bias")[0]))
        return found

    assert last_targets(shuffle=False) == [8.0] * 6
    assert len(set(last_targets(shuffle=True))) > 2


def test_the_same_seed_gives_the_same_bits_and_another_does_not(engine: str) -> None:
    one, two, three = make(engine), make(engine), make(engine, seed=8)
    for trainer in (one, two, three):
        trainer.fit(X, Y, epochs=3)
    same_state(one, two)
    assert not np.array_equal(one.network.parameters, three.network.parameters)


def test_global_random_numbers_play_no_part(engine: str) -> None:
    one, two = make(engine), make(engine)
    np.random.seed(0)
    one.fit(X, Y, epochs=2)
    np.random.seed(1)
    two.fit(X, Y, epochs=2)
    same_state(one, two)


@needs_native
def test_both_engines_agree() -> None:
    reference, native = (
        pl.Trainer(
            pl.Network(make().network.layers, dtype="float64", engine=name),
            optimizer=pl.Adam(0.01),
            **ALL_AT_ONCE,
        )
        for name in ("reference", "native")
    )
    for trainer in (reference, native):
        trainer.fit(X, Y, epochs=5, validation=(X[:10], Y[:10]))
    np.testing.assert_allclose(native.network.parameters, reference.network.parameters, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(native.history["loss"], reference.history["loss"], rtol=1e-10)
    assert native.history["accuracy"] == reference.history["accuracy"]


# -- fit in pieces -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", OPTIMIZER_SAMPLES, ids=str)
def test_fit_in_pieces_is_fit_at_once(optimizer: Optimizer, engine: str) -> None:
    pieces, whole = make(engine, optimizer), make(engine, optimizer)
    weight = np.linspace(0.5, 1.5, len(Y))
    for _ in range(6):
        pieces.fit(X, Y, epochs=1, sample_weight=weight)
    whole.fit(X, Y, epochs=6, sample_weight=weight)
    same_state(pieces, whole)
    same_history(pieces, whole)


@pytest.mark.parametrize("validation", [(X[:10], Y[:10]), 0.2], ids=["pair", "fraction"])
def test_fit_in_pieces_with_validation_and_early_stopping(validation: Any, engine: str) -> None:
    def trained(epochs: list[int]) -> pl.Trainer:
        schedule = pl.ExponentialDecay(0.02, decay=0.5, every=10)
        trainer = make(engine, pl.Adam(schedule), callbacks=[pl.EarlyStopping(patience=50)])
        for count in epochs:
            trainer.fit(X, Y, epochs=count, validation=validation)
        return trainer

    pieces, whole = trained([1, 2, 3]), trained([6])
    same_state(pieces, whole)
    same_history(pieces, whole)
    assert pieces.history.best_epoch == whole.history.best_epoch


def test_watching_changes_nothing(engine: str) -> None:
    """Callbacks and validation cut the work into other calls of the engine: the bits stay."""
    plain, watched = make(engine), make(engine, callbacks=[lambda trainer: None, pl.Every(2, lambda trainer: None)])
    plain.fit(X, Y, epochs=5)
    watched.fit(X, Y, epochs=5, validation=(X, Y))
    same_state(plain, watched)
    assert plain.history["loss"] == watched.history["loss"]


def test_weights_changed_from_outside_are_taken_over(engine: str) -> None:
    trainer = make(engine)
    trainer.fit(X, Y, epochs=1)
    trainer.network.parameters = np.zeros_like(trainer.network.parameters)
    trainer.optimizer = pl.Adam(0.0)
    trainer.fit(X, Y, epochs=1)
    assert (trainer.network.parameters == 0).all()


def test_two_trainers_one_after_the_other(engine: str) -> None:
    first = make(engine)
    first.fit(X, Y, epochs=2)
    after = first.network.parameters
    second = pl.Trainer(first.network, pl.SoftmaxCrossEntropy(), pl.GradientDescent(0.0))
    second.fit(X, Y, epochs=1)
    assert np.array_equal(second.network.parameters, after)


def test_another_kind_of_optimizer_starts_with_an_empty_memory(engine: str) -> None:
    trainer = make(engine, pl.GradientDescent(0.01))
    trainer.fit(X, Y, epochs=1)
    for optimizer in (pl.Adam(0.01), pl.Momentum(0.01), pl.Nesterov(0.01), pl.GradientDescent(0.01)):
        trainer.optimizer = optimizer
        trainer.fit(X, Y, epochs=1)
        assert len(trainer.state.slots) == len(optimizer.slot_names)
    assert trainer.epoch == 5


def test_initialize_trains_nothing(engine: str) -> None:
    trainer = make(engine)
    assert trainer.initialize(X, Y) is trainer
    assert (trainer.epoch, trainer.step, len(trainer.history)) == (0, 0, 0)
    np.testing.assert_allclose(trainer.network.get("0.mean"), X.mean(axis=0))
    untouched = make(engine)
    untouched.fit(X, Y, epochs=2)
    trainer.fit(X, Y, epochs=2)
    same_state(trainer, untouched)


def test_a_network_that_has_weights_keeps_them(engine: str) -> None:
    trainer = make(engine, pl.GradientDescent(0.0))
    trainer.network.build(3, seed=99)
    before = trainer.network.parameters.copy()
    trainer.fit(X, Y, epochs=1)
    np.testing.assert_array_equal(trainer.network.parameters, before)


def test_data_that_was_refused_leaves_nothing_behind() -> None:
    """In a notebook one gives the transpose, is told, and gives the right one."""
    trainer = make()
    with pytest.raises(ValueError, match="The numbers of rows differ: x has 3, y has 50"):
        trainer.fit(X.T, Y, epochs=1)
    assert not trainer.network.built
    trainer.fit(X, Y, epochs=1)


def test_the_rows_given_are_never_written_to(engine: str) -> None:
    x, y, weight = X.copy(), Y.copy(), np.ones(len(Y))
    for array in (x, y, weight):
        array.flags.writeable = False
    make(engine).fit(x, y, epochs=2, sample_weight=weight)
    make(engine).fit(np.asfortranarray(x), y, epochs=1)
    np.testing.assert_array_equal(x, X)


def test_a_fraction_for_validation_is_split_off_class_by_class(engine: str) -> None:
    trainer = make(engine, pl.GradientDescent(0.0), batch_size="full")
    history = trainer.fit(X, Y, epochs=1, validation=0.3)
    part = pl.datasets.splits.split(X, Y, validation=0.3, test=0, seed=7)[1]
    assert part.rows == 15
    assert np.bincount(part.y).tolist() == [5, 5, 5]
    assert history["validation_loss"] == [pytest.approx(trainer.network.evaluate(part.x, part.y)["loss"], rel=1e-6)]


# -- interrupts --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Interrupting(pl.Layer):
    """Passes everything on, and plays Ctrl-C at a given step."""

    steps: tuple[int, ...]
    place: str = "forward"
    draws = True  # so that it is told the step

    def forward(self, x: Floats, parameters: SimpleNamespace, context: Context) -> tuple[Floats, Any]:
        if self.place == "forward":
            self.act(context)
        return x, context

    def backward(
        self, gradient: Floats, saved: Any, parameters: SimpleNamespace, context: Context
    ) -> tuple[Floats, Gradients]:
        if self.place == "backward":
            self.act(context)
        return gradient, {}

    def act(self, context: Context) -> None:
        if context.stream is not None and context.stream.counter in pending:
            pending.remove(context.stream.counter)
            raise KeyboardInterrupt


pending: list[int] = []


@pytest.mark.parametrize("place", ["forward", "backward"])
def test_interrupted_and_gone_on_is_never_interrupted(place: str) -> None:
    """50 rows in batches of 16: four steps an epoch. Interrupts in mid-epoch, at a start and twice in one epoch."""
    steps = [2, 4, 9, 11]

    def trainer() -> pl.Trainer:
        layers = [pl.Standardize(), pl.Dense(8), Interrupting(tuple(steps), place), pl.Dropout(0.3), pl.Dense(3)]
        return pl.Trainer(pl.Network(layers), optimizer=pl.Adam(0.01), **ALL_AT_ONCE)

    pending.clear()
    smooth, rough = trainer(), trainer()
    smooth.fit(X, Y, epochs=4)
    pending.extend(steps)
    said = []
    while rough.epoch < 4:
        try:
            rough.fit(X, Y, epochs=4 - rough.epoch)
        except KeyboardInterrupt:  # noqa: PERF203 - this is what is tested
            said.append((rough.step, rough.history.stopped))
            assert len(rough.history) == rough.epoch
            assert np.isfinite(rough.network.scores(X)).all()
            np.testing.assert_array_equal(rough.network.parameters, rough.state.parameters)
    assert said[0] == (2, "Interrupted in epoch 1, after step 2. fit goes on from there.")
    assert [step for step, _ in said] == steps
    same_state(smooth, rough)
    same_history(smooth, rough)
    assert rough.history.stopped == ""


_REAL_INTERRUPT = """
    import numpy as np
    import pellucid as pl
    from support.interrupts import interrupt_after_work

    def trainer():
        layers = [pl.Standardize(), pl.Dense(32), pl.ReLU(), pl.Dropout(0.2), pl.Dense(3)]
        network = pl.Network(layers, engine=ENGINE)
        return pl.Trainer(network, "softmax_cross_entropy", pl.Adam(0.001), batch_size=7, seed=3)

    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(3000, 10)), np.arange(3000) % 3
    interrupted, caught = trainer(), 0
    interrupted.initialize(x, y)
    for pause in (0.05, 0.12):
        try:
            interrupt_after_work(pause)
            interrupted.fit(x, y, epochs=1_000_000)
        except KeyboardInterrupt:
            caught += 1
            assert interrupted.history.stopped.startswith("Interrupted in epoch"), interrupted.history.stopped
            assert len(interrupted.history) == interrupted.epoch
    interrupted.fit(x, y, epochs=1)
    smooth = trainer()
    smooth.fit(x, y, epochs=interrupted.epoch)
    assert caught == 2
    assert smooth.step == interrupted.step
    assert (smooth.network.parameters == interrupted.network.parameters).all()
    assert smooth.history["loss"] == interrupted.history["loss"]
"""


def test_a_real_interrupt(engine: str) -> None:
    """In a process of its own: a signal that comes late must not hit the tests."""
    done = run_python(_REAL_INTERRUPT.replace("ENGINE", repr(engine)))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("place", ["extend", "show"])
def test_an_interrupt_while_epochs_are_written_down_waits_until_they_are(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Training had moved on, and its history had not."""
    x, y = X, np.arange(len(X)) % 3

    def trainer() -> pl.Trainer:
        return pl.Trainer(pl.Network([pl.Dense(3)]), "softmax_cross_entropy", batch_size=16, seed=3)

    smooth, rough = trainer(), trainer()
    smooth.fit(x, y, epochs=3)
    rough.fit(x, y, epochs=1)
    owner: Any = pl.History if place == "extend" else pl.Trainer
    original = getattr(owner, place)

    def interrupted(self: Any, *arguments: Any) -> None:
        signal.raise_signal(signal.SIGINT)
        original(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(owner, place, interrupted)
        with pytest.raises(KeyboardInterrupt):
            rough.fit(x, y, epochs=1)
    assert rough.history["epoch"] == [1, 2]
    rough.fit(x, y, epochs=1)
    same_history(smooth, rough)
    np.testing.assert_array_equal(rough.network.parameters, smooth.network.parameters)


# -- divergence --------------------------------------------------------------------------------------------------


def too_fast(engine: str, rate: float = 1e20, **options: Any) -> pl.Trainer:
    network = pl.Network([pl.Dense(4), pl.ReLU(), pl.Dense(1)], engine=engine)
    return pl.Trainer(network, pl.SquaredError(), pl.GradientDescent(rate), batch_size=10, **options)


TARGETS = X @ [1.0, 2.0, 3.0]


def test_divergence_says_where_and_what_to_do(engine: str) -> None:
    trainer = too_fast(engine)
    with pytest.raises(pl.DivergenceError) as caught:
        trainer.fit(X, TARGETS, epochs=5)
    message = str(caught.value)
    assert message == trainer.history.stopped
    assert message.startswith("The loss became ")
    assert " in epoch 1, at step 2 (batch 2 of 5): " in message
    assert "layer " in message
    assert "SquaredError itself overflowed" in message or "not finite" in message
    assert re.search(
        r"Usually the learning rate is too high \(it is 1e\+20; try 0\.\d+\) or the inputs are not scaled "
        r"\(put Standardize\(\) in front\)\. The weights are back at the start of epoch 1\.$",
        message,
    )
    assert trainer.divergence is not None
    assert (trainer.divergence.epoch, trainer.divergence.step, trainer.history.diverged) == (1, 2, 1)


@pytest.mark.parametrize("optimizer", [pl.GradientDescent, pl.Momentum, pl.Nesterov, pl.Adam, pl.Lion, pl.RMSProp])
@pytest.mark.parametrize("rate", [1e25, 1e30])
def test_the_rate_that_a_divergence_suggests_trains(optimizer: type[pl.Optimizer], rate: float) -> None:
    trainer = pl.Trainer(pl.Network([pl.Dense(1)]), pl.SquaredError(), optimizer(rate), batch_size=10)
    with pytest.raises(pl.DivergenceError):
        trainer.fit(X, TARGETS, epochs=200)
    assert trainer.divergence is not None
    assert trainer.divergence.better_rate is not None
    slower = trainer.replica(fresh=True, optimizer=optimizer(trainer.divergence.better_rate))
    history = slower.fit(X, TARGETS, epochs=400)
    assert history["loss"][-1] < 0.95 * history["loss"][0]


def test_the_largest_curvature_of_a_linear_network_is_the_largest_eigenvalue_of_its_normal_equations() -> None:
    trainer = pl.Trainer(pl.Network([pl.Dense(1)]), pl.SquaredError(), batch_size="full").initialize(X, TARGETS)
    with_bias = np.column_stack([X, np.ones(len(X))])  # (n, 4)
    expected = np.linalg.eigvalsh(with_bias.T @ with_bias / len(X)).max()
    found = largest_curvature(trainer.task_of(X, TARGETS), trainer.state)
    assert found == pytest.approx(expected, rel=0.1)


def test_a_replica_begins_with_the_same_weights_and_leaves_the_original_alone() -> None:
    trainer = pl.Trainer(pl.Network([pl.Dense(4), pl.Tanh(), pl.Dense(1)]), pl.SquaredError(), pl.Adam(0.01), seed=5)
    trainer.fit(X, TARGETS, epochs=2)
    before, history = trainer.state, trainer.history.to_json()
    other = trainer.replica()
    assert other.epoch == 0
    np.testing.assert_array_equal(other.network.parameters, trainer.network.parameters)
    other.fit(X, TARGETS, epochs=2)
    assert trainer.state is before
    assert trainer.history.to_json() == history
    fresh = trainer.replica(fresh=True)
    fresh.fit(X, TARGETS, epochs=2)
    np.testing.assert_array_equal(fresh.network.parameters, trainer.network.parameters)
    assert str(trainer.replica(layers=[pl.Dense(1)]).network) == "Network([Dense(1)], dtype='float32', not built)"


def test_divergence_gives_the_last_finite_weights_back_and_training_goes_on(engine: str) -> None:
    trainer = too_fast(engine, rate=0.01)
    trainer.fit(X, TARGETS, epochs=3)
    before = trainer.network.parameters.copy()
    trainer.optimizer = pl.GradientDescent(1e20)
    with pytest.raises(pl.DivergenceError):
        trainer.fit(X, TARGETS, epochs=5)
    np.testing.assert_array_equal(trainer.network.parameters, before)
    assert (trainer.epoch, len(trainer.history)) == (3, 3)
    trainer.optimizer = pl.GradientDescent(0.01)
    history = trainer.fit(X, TARGETS, epochs=3)
    assert history["epoch"] == [1, 2, 3, 4, 5, 6]
    assert history["loss"][-1] < history["loss"][0]
    assert history.stopped == ""
    smooth = too_fast(engine, rate=0.01)
    smooth.fit(X, TARGETS, epochs=6)
    same_state(trainer, smooth)


@pytest.mark.parametrize("watched", [False, True], ids=["in one call", "epoch by epoch"])
def test_rows_of_the_history_that_training_went_back_behind_are_dropped(watched: bool, engine: str) -> None:
    """Full batches: the overflow of one epoch shows in the next one's loss, when the first is in the history."""
    rates = [0.01, 0.01, 1e30, 1e30]
    trainer = pl.Trainer(
        pl.Network([pl.Dense(4), pl.ReLU(), pl.Dense(1)], engine=engine),
        pl.SquaredError(),
        pl.GradientDescent(lambda step: rates[min(step, 3)]),
        batch_size="full",
        callbacks=[lambda trainer: None] if watched else [],
    )
    with pytest.raises(pl.DivergenceError, match="The weights are back at the start of epoch 3"):
        trainer.fit(X, TARGETS, epochs=6)
    assert trainer.epoch == 2
    assert trainer.history["epoch"] == [1, 2]
    assert np.isfinite(trainer.network.parameters).all()


def test_divergence_after_an_interrupt_in_mid_epoch_goes_back_to_the_epochs_start() -> None:
    """Not to the middle, where the interrupt was: that place is no start of anything."""
    network = pl.Network([Interrupting((5,)), pl.Dense(1)])
    schedule = lambda step: 0.01 if step < 6 else 1e30  # noqa: E731 - four steps an epoch
    trainer = pl.Trainer(network, pl.SquaredError(), pl.GradientDescent(schedule), batch_size=13)
    trainer.fit(X, TARGETS, epochs=1)
    before = network.parameters.copy()
    pending[:] = [5]
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(X, TARGETS, epochs=1)
    assert (trainer.epoch, trainer.step) == (1, 5)
    with pytest.raises(pl.DivergenceError, match=r"in epoch 2, at step 8 .*back at the start of epoch 2"):
        trainer.fit(X, TARGETS, epochs=1)
    assert (trainer.epoch, trainer.step, len(trainer.history)) == (1, 4, 1)
    np.testing.assert_array_equal(network.parameters, before)


def test_weights_that_overflow_in_the_very_last_step(engine: str) -> None:
    """There is no loss after it to tell; the network must not be left with NaN in silence."""
    network = pl.Network([pl.Dense(1)], engine=engine)
    trainer = pl.Trainer(network, pl.SquaredError(), pl.GradientDescent(1e38), batch_size="full")
    with pytest.raises(pl.DivergenceError, match=r"of layer 0, Dense\(1\) holds values that are not finite"):
        trainer.fit(100 * X, 1000 * TARGETS, epochs=1)
    assert np.isfinite(network.parameters).all()
    assert trainer.epoch == 0


def test_divergence_names_the_first_layer_that_overflowed(engine: str) -> None:
    network = pl.Network([pl.Dense(2), pl.Dense(2), pl.Dense(1)], engine=engine).build(2)
    network.set("1.weight", np.full((2, 2), 1e38))
    network.set("0.weight", np.full((2, 2), 1e3))
    trainer = pl.Trainer(network, pl.SquaredError())
    with pytest.raises(pl.DivergenceError, match=r"not finite are the outputs of layer 1, Dense\(2\)\."):
        trainer.fit(np.ones((3, 2)), np.ones(3), epochs=1)


def test_a_loss_that_overflows_by_itself(engine: str) -> None:
    network = pl.Network([pl.Dense(1)], engine=engine)
    trainer = pl.Trainer(network, pl.SquaredError())
    with pytest.raises(pl.DivergenceError, match="all layers are finite, and SquaredError itself overflowed"):
        trainer.fit(np.ones((3, 2)), np.full(3, 1e30), epochs=1)


# -- what training writes on the network -------------------------------------------------------------------------


def test_link_loss_and_predictions(engine: str) -> None:
    trainer = make(engine)
    with pytest.raises(ValueError, match="has no loss: pass one"):
        trainer.network.build(3).evaluate(X, Y)
    trainer.fit(X, Y, epochs=50)
    network = trainer.network
    assert network.link == "softmax"
    assert network.loss == pl.SoftmaxCrossEntropy()
    np.testing.assert_allclose(network.predict_proba(X).sum(axis=1), 1.0, rtol=1e-5)
    np.testing.assert_array_equal(network.predict(X), network.predict_proba(X).argmax(axis=1))
    assert network.evaluate(X, Y)["accuracy"] == (network.predict(X) == Y).mean()
    assert network.evaluate(X, Y)["accuracy"] > 0.7


def test_the_history_of_an_epoch_is_the_mean_at_the_weights_it_was_trained_with(engine: str) -> None:
    network = pl.Network([pl.Dense(3)], dtype="float64", engine=engine)
    trainer = pl.Trainer(network, pl.SoftmaxCrossEntropy(), pl.GradientDescent(0.0), batch_size=16, penalty=pl.L2(1.0))
    history = trainer.fit(X, Y, epochs=1, validation=(X[:7], Y[:7]))
    whole, part = network.evaluate(X, Y), network.evaluate(X[:7], Y[:7])
    assert history["loss"] == [pytest.approx(whole["loss"], rel=1e-12)]  # without the penalty
    assert history["accuracy"] == [pytest.approx(whole["accuracy"])]
    assert history["validation_loss"] == [pytest.approx(part["loss"], rel=1e-12)]
    assert history["validation_accuracy"] == [pytest.approx(part["accuracy"])]
    weight = np.linspace(0, 1, len(Y))
    history = trainer.fit(X, Y, epochs=1, sample_weight=weight)
    weighted = network.evaluate(X, Y, sample_weight=weight)
    assert history["loss"][1] == pytest.approx(weighted["loss"], rel=1e-12)
    assert history["accuracy"][1] == pytest.approx(weighted["accuracy"])


def test_numbers_have_r2_and_no_accuracy(engine: str) -> None:
    network = pl.Network([pl.Dense(1)], engine=engine)
    trainer = pl.Trainer(network, pl.SquaredError(), pl.GradientDescent(0.01))
    history = trainer.fit(X, TARGETS, epochs=2, validation=(X, TARGETS))
    assert history.columns == ("epoch", "loss", "validation_loss", "validation_r2", "learning_rate", "seconds")
    assert math.isfinite(history["validation_r2"][-1])


def test_a_fraction_for_validation_with_a_class_of_one_row_is_split_all_the_same() -> None:
    x, y = np.arange(20.0).reshape(10, 2), np.array([0] * 9 + [1])
    trainer = pl.Trainer(pl.Network([pl.Dense(2)]), pl.SoftmaxCrossEntropy(), batch_size="full", seed=3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the rare class may fall to the validation rows
        history = trainer.fit(x, y, epochs=1, validation=0.3)
    assert len(history["validation_loss"]) == 1
