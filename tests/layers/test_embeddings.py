"""Embeddings: what the battery cannot see of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pellucid as pl
from support.engines import needs_native
from support.samples import random_numbers


def rows_with_codes(rows: int, cardinalities: tuple[int, ...], numbers: int = 2, seed: int = 0) -> Any:
    """Numbers, then codes, (rows, numbers + codes)."""
    codes = np.random.default_rng(seed).integers(0, cardinalities, (rows, len(cardinalities)))
    return np.concatenate([random_numbers((rows, numbers), seed), codes], axis=1)


# -- of numbers ----------------------------------------------------------------------------------------------------


def test_each_number_begins_as_the_paper_draws_it() -> None:
    layer = pl.PeriodicEmbedding(frequencies=64, outputs=9, sigma=0.3)
    network = pl.Network([layer], dtype="float64").build(50, seed=0)
    frequency, phase, weight, bias = (network.get(f"0.{name}") for name in ("frequency", "phase", "weight", "bias"))
    assert frequency.std() == pytest.approx(0.3, rel=0.05)
    assert np.abs(phase).max() == pytest.approx(np.pi, rel=0.01)
    for mixture in (weight, bias):
        assert np.abs(mixture).max() == pytest.approx(1 / 8, rel=0.02)
        assert np.abs(mixture).max() <= 1 / 8


def test_numbers_do_not_mix_and_the_rest_passes(engine: str) -> None:
    network = pl.Network([pl.PeriodicEmbedding(3, frequencies=5)], engine=engine).build(5, seed=3)
    x = random_numbers((7, 5)).astype(np.float32)
    moved = x.copy()
    moved[:, 1] += 1.0
    before, after = network.scores(x), network.scores(moved)
    assert before.shape == (7, 3 * 4 + 2)
    np.testing.assert_array_equal(before[:, [0, 4, 8, 12, 13]], x)
    assert np.flatnonzero((before != after).any(axis=0)).tolist() == [4, 5, 6, 7]


@needs_native
@pytest.mark.parametrize("size", [1.0, 1e3, 1e6])
def test_large_numbers_are_as_far_round_in_both_engines(size: float) -> None:
    """float32 itself turns an angle by its last place; the two engines may differ by no more than that."""
    x = (size * random_numbers((200, 3))).astype(np.float32)
    scores = {}
    for engine in ("native", "reference"):
        network = pl.Network([pl.PeriodicEmbedding(sigma=1.0)], engine=engine).build(3, seed=1)
        scores[engine] = network.scores(x)[:, [1, 2, 3, 5, 6, 7, 9, 10, 11]]
    exact = pl.Network([pl.PeriodicEmbedding(sigma=1.0)], dtype="float64", engine="reference").build(3, seed=1)
    expected = exact.scores(x)[:, [1, 2, 3, 5, 6, 7, 9, 10, 11]]
    last_place = 2.0**-23 * 2 * np.pi * 4 * max(size, 1.0)  # four times the deviation, in turns, as an angle
    for ours in scores.values():
        assert np.abs(ours - expected).max() <= min(last_place * 16, 16.0)


def test_more_numbers_than_columns_are_refused() -> None:
    with pytest.raises(ValueError, match=r"takes the first 7 columns for numbers, but its input has 5\. Omit numbers"):
        pl.Network([pl.PeriodicEmbedding(7)]).build(5)


# -- of categories -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [-1.0, 3.0, 1.5, 1e9])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_is_no_code_is_named(value: float, dtype: Any, engine: str) -> None:
    layers = [pl.CategoryEmbedding((3, 4), size=2), pl.Dense(2)]
    network = pl.Network(layers, engine=engine).build(4)
    x, y = rows_with_codes(30, (3, 4)).astype(dtype), np.arange(30) % 2
    trainer = pl.Trainer(network, "softmax_cross_entropy", seed=0)
    trainer.fit(x, y, epochs=1)
    before = network.parameters
    x[17, 2] = value
    message = r"Column -2 holds \S+, but the codes of CategoryEmbedding there are the whole numbers 0 to 2"
    for call in (
        lambda: network.scores(x),
        lambda: network.loss_and_gradient(x, y),
        lambda: trainer.fit(x, y, epochs=1),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    np.testing.assert_array_equal(network.parameters, before)


def test_codes_come_in_any_type_of_number(engine: str) -> None:
    network = pl.Network([pl.CategoryEmbedding((3, 4), size=2)], engine=engine).build(2, seed=0)
    codes = np.array([[0, 3], [2, 0], [1, 1]])
    expected = network.get("0.weight")[codes + np.array([0, 3])].reshape(3, -1)
    for dtype in (np.uint8, np.int64, np.float32, np.float64):
        np.testing.assert_array_equal(network.scores(codes.astype(dtype)), expected)


def test_the_core_never_reads_beyond_its_table() -> None:
    """Where the check is left out, no code is one."""
    pytest.importorskip("pellucid._native")
    from support.native_records import layer, program

    parameters = np.arange(6, dtype=np.float32)
    native = program([layer("embedding", 1, 2, [(3, 2)], numbers=[3.0])], 1, 2, 6)
    x = np.array([[np.nan], [np.inf], [-np.inf], [1e30], [-5.0], [3.0], [2.5]])
    out = np.empty(14, dtype=np.float32)
    native.scores(parameters, np.empty(0), x, out, 1)
    assert out.reshape(7, 2).tolist() == [[0.0, 1.0]] * 6 + [[4.0, 5.0]]


def test_a_table_that_does_not_fit_its_cardinalities_is_refused() -> None:
    pytest.importorskip("pellucid._native")
    from support.native_records import layer, program

    for numbers, rows in (([3.0], 4), ([2.5], 3), ([0.0], 0), ([1e300], 3), ([], 3)):
        with pytest.raises(ValueError, match="embedding"):
            program([layer("embedding", 1, 2, [(rows, 2)], numbers=numbers)], 1, 2, 2 * rows)
    with pytest.raises(ValueError, match="the numbers of a layer must be finite"):
        layer("embedding", 1, 2, [(3, 2)], numbers=[float("nan")])
    wrong = [(2, 3), (2, 3), (2, 5), (2, 2)]  # not 6
    with pytest.raises(ValueError, match="periodic_embedding has frequencies"):
        program([layer("periodic_embedding", 3, 7, wrong)], 3, 7, 26)


@needs_native
def test_categories_and_numbers_together_are_the_same_in_both_engines() -> None:
    cardinalities = tuple(range(1, 41))  # more than a part of the core has numbers for
    x, y = rows_with_codes(300, cardinalities, numbers=3), np.arange(300) % 3
    layers = [
        pl.PeriodicEmbedding(3), pl.CategoryEmbedding(cardinalities, size=3), pl.Scale(),
        pl.Dense(20, parametrization="ntk"),
        pl.ParametricActivation("selu"), pl.Dense(3),
    ]  # fmt: skip
    runs = {}
    for engine in ("native", "reference"):
        network = pl.Network(layers, dtype="float64", engine=engine)
        trainer = pl.Trainer(network, "softmax_cross_entropy", pl.AdamW(0.01), batch_size=64, seed=0)
        history = trainer.fit(x, y, epochs=4)
        assert history.engine == engine
        runs[engine] = network.parameters
    np.testing.assert_allclose(runs["native"], runs["reference"], rtol=1e-9, atol=1e-11)


@needs_native
def test_the_same_bits_for_any_number_of_threads() -> None:
    x, y = rows_with_codes(2500, (3, 100), numbers=5), np.arange(2500) % 3
    layers = [pl.PeriodicEmbedding(5), pl.CategoryEmbedding((3, 100), size=20), pl.Dense(30), pl.ReLU(), pl.Dense(3)]
    for batch in (256, 2500):  # the large one in several pieces
        parameters = set()
        for threads in (1, 2, 3, 4):
            network = pl.Network(layers, engine="native", threads=threads)
            trainer = pl.Trainer(
                network, "softmax_cross_entropy", pl.Adam(0.01, clip_norm=1.0), batch_size=batch, seed=0
            )
            trainer.fit(x, y, epochs=2)
            parameters.add(network.parameters.tobytes())
        assert len(parameters) == 1


@needs_native
def test_a_layer_in_front_that_changes_the_codes_is_left_to_the_reference_engine() -> None:
    """Rescale by 1 leaves them codes, but the core cannot know."""
    x, y = rows_with_codes(30, (3,)), np.arange(30) % 2
    network = pl.Network([pl.Rescale(1.0), pl.CategoryEmbedding((3,)), pl.Dense(2)])
    history = pl.Trainer(network, "softmax_cross_entropy", seed=0).fit(x, y, epochs=1)
    assert history.engine == "reference"
    assert "CategoryEmbedding" in history.engine_note
    scaled = pl.Network([pl.Rescale(0.5), pl.CategoryEmbedding((3,))]).build(3)
    with pytest.raises(ValueError, match=r"Column -1 holds 0\.5, .* let nothing in front of the layer change"):
        scaled.scores([[0.0, 0.0, 1.0]])


def test_only_vectors_that_were_asked_for_move_without_a_memory(engine: str) -> None:
    x, y = np.array([[0.0], [2.0], [2.0]]), np.array([0, 1, 1])
    network = pl.Network([pl.CategoryEmbedding((4,), size=3), pl.Dense(2)], engine=engine).build(1, seed=0)
    before = network.get("0.weight")
    pl.Trainer(network, "softmax_cross_entropy", pl.GradientDescent(0.5), seed=0).fit(x, y, epochs=3)
    moved = (network.get("0.weight") != before).any(axis=1)
    assert moved.tolist() == [True, False, True, False]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("12",), "must be a tuple of whole numbers"),
        ((7,), "must be a tuple of whole numbers"),
        (((),), "must be a tuple of whole numbers"),
        (((3, 0),), "cardinalities must be a whole number of at least 1"),
        (((3.0,),), "cardinalities must be a whole number"),
        (((3,), 0), "size must be a whole number of at least 1"),
    ],
)
def test_wrong_arguments(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        pl.CategoryEmbedding(*arguments)


def test_more_categories_than_columns_are_refused() -> None:
    with pytest.raises(ValueError, match=r"takes the last 3 columns for codes, but its input has the shape \(2,\)"):
        pl.Network([pl.CategoryEmbedding((2, 2, 2))]).build(2)
