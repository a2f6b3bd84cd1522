"""Any rank and any nesting: the native engine computes what the reference engine does."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import pellucid as pl
from support.engines import needs_native
from support.native_tasks import assert_close
from support.nested import nested_layers
from support.samples import random_numbers

pytestmark = needs_native

POSITIONS = [(), (2,), (5,), (2, 3)]


def pair(layers: list[pl.Layer], input_shape: tuple[int, ...], seed: int, threads: int = 1) -> list[pl.Network]:
    """The same network twice, for the reference engine and for the native one."""
    networks = []
    for engine in ("reference", "native"):
        network = pl.Network(layers, dtype="float64", engine=engine, threads=threads).build(input_shape)
        network.parameters = 0.6 * random_numbers(network.parameters.size, seed)
        network.statistics = np.random.default_rng(seed).uniform(0.5, 1.5, network.statistics.size)
        networks.append(network)
    return networks


@settings(max_examples=80, deadline=None)
@given(layers=nested_layers(), positions=st.sampled_from(POSITIONS), seed=st.integers(0, 99), weighted=st.booleans())
def test_scores_and_gradients(layers: list[pl.Layer], positions: tuple[int, ...], seed: int, weighted: bool) -> None:
    reference, native = pair(layers, (*positions, 3), seed)
    x = random_numbers((4, *positions, 3), seed + 1)
    weight = np.random.default_rng(seed).uniform(0.1, 2.0, 4) if weighted else None
    assert_close(native.scores(x), reference.scores(x), 1e-11)
    classes = np.random.default_rng(seed).integers(0, 3, (4, *positions))
    numbers = random_numbers((4, *positions, 3), seed + 2)
    for loss, y in ((pl.SoftmaxCrossEntropy(), classes), (pl.Huber(), numbers), (pl.SquaredError(), classes)):
        ours, theirs = (
            each.loss_and_gradient(x, y, loss=loss, penalty=pl.L2(0.1, per_example=True), sample_weight=weight)
            for each in (native, reference)
        )
        assert_close(ours[0], theirs[0], 1e-11)
        assert_close(ours[1], theirs[1], 1e-9)


@settings(max_examples=40, deadline=None)
@given(layers=nested_layers(), positions=st.sampled_from(POSITIONS), seed=st.integers(0, 99))
def test_trainings(layers: list[pl.Layer], positions: tuple[int, ...], seed: int) -> None:
    x = random_numbers((23, *positions, 3), seed + 1)
    y = np.random.default_rng(seed).integers(0, 3, (23, *positions))
    ends = []
    for network in pair([*layers, pl.Dense(3)], (*positions, 3), seed):
        trainer = pl.Trainer(network, "softmax_cross_entropy", pl.Momentum(0.01), batch_size=5, seed=seed)
        history = trainer.fit(x, y, epochs=2)
        ends.append((network.parameters, network.statistics, history["loss"], history["accuracy"]))
    for theirs, ours in zip(*ends, strict=True):
        assert_close(ours, theirs, 1e-7)


def test_the_same_bits_for_any_number_of_threads_and_rows_alone() -> None:
    layers = [
        pl.Standardize(), pl.Dense(33), pl.Residual([pl.BatchNormalization(), pl.ReLU(), pl.Dense(33)]),
        pl.Parallel([pl.Dense(7), pl.Sequential([pl.Dense(40), pl.Tanh()])]), pl.Flatten(), pl.Dense(4),
    ]  # fmt: skip
    x = random_numbers((70, 6, 5), 1)
    y = np.random.default_rng(0).integers(0, 4, 70)
    ends = []
    for threads in (1, 2, 4):
        network = pl.Network(layers, engine="native", threads=threads)
        pl.Trainer(network, "softmax_cross_entropy", pl.Adam(), batch_size=16, seed=2).fit(x, y, epochs=3)
        scores = network.scores(x)
        assert np.array_equal(network.scores(x[13:14])[0], scores[13])
        ends.append((network.parameters.tobytes(), scores.tobytes()))
    assert len(set(ends)) == 1


def test_views_of_the_callers_array_are_read_as_they_lie() -> None:
    images = random_numbers((9, 3, 4, 5), 3)  # channels first
    _, network = pair([pl.Dense(6), pl.Flatten(), pl.Dense(2)], (4, 5, 3), 0)
    turned = np.moveaxis(images, 1, -1)
    assert np.array_equal(network.scores(turned), network.scores(np.ascontiguousarray(turned)))
    assert np.array_equal(network.scores(turned[::2]), network.scores(turned)[::2])


def test_many_rows_at_many_positions_go_through_in_pieces() -> None:
    """More rows than a piece holds: gradients of pieces are added up."""
    reference, native = pair([pl.Dense(20), pl.Tanh(), pl.Flatten(), pl.Dense(3)], (30, 4), 5)
    x, y = random_numbers((150, 30, 4), 1), np.random.default_rng(1).integers(0, 3, 150)
    ours, theirs = (each.loss_and_gradient(x, y, loss=pl.SoftmaxCrossEntropy()) for each in (native, reference))
    assert_close(ours[0], theirs[0], 1e-12)
    assert_close(ours[1], theirs[1], 1e-10)
