"""The network: building, parameters by name, words. What it computes stands in `engines`."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import pellucid as pl
from support.samples import random_numbers


@pytest.fixture
def network() -> pl.Network:
    return pl.Network([pl.Standardize(), pl.Dense(3), pl.ReLU(), pl.Dense(2)]).build(4, seed=1)


def test_one_flat_vector_layer_by_layer(network: pl.Network) -> None:
    assert network.parameters.shape == (4 * 3 + 3 + 3 * 2 + 2,)
    assert list(network.named_parameters()) == ["1.weight", "1.bias", "3.weight", "3.bias"]
    assert np.concatenate([p.ravel() for p in network.named_parameters().values()]).tolist() == (
        network.parameters.tolist()
    )
    assert list(network.named_statistics()) == ["0.mean", "0.scale"]
    assert network.outputs == 2
    assert network.input_shape == (4,)


def test_parameters_are_read_only_and_views(network: pl.Network) -> None:
    for array in (network.parameters, network.statistics, network.get("1.weight"), network.get("0.mean")):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
    assert np.shares_memory(network.get("1.weight"), network.parameters)


def test_a_vector_that_is_assigned_is_copied(network: pl.Network) -> None:
    values = np.arange(23.0)
    network.parameters = values
    values[:] = 0
    assert network.parameters.tolist() == list(range(23))
    assert network.parameters.dtype == np.float32
    view = np.arange(23.0, dtype=np.float32)
    locked = view[:]
    locked.flags.writeable = False  # but the owner can still write
    network.parameters = locked
    view[:] = 0
    assert network.parameters.tolist() == list(range(23))


def test_a_new_version_is_a_new_object(network: pl.Network) -> None:
    """Engines keep packed copies for as long as they are given the same object."""
    before = network.parameters
    network.set("3.bias", [1.0, 2.0])
    assert network.parameters is not before
    assert network.get("3.bias").tolist() == [1.0, 2.0]
    assert before[-2:].tolist() == [0.0, 0.0]


def test_setting_a_statistic(network: pl.Network) -> None:
    network.set("0.mean", [1, 2, 3, 4])
    assert network.get("0.mean").tolist() == [1, 2, 3, 4]
    assert network.get("0.scale").tolist() == [1, 1, 1, 1]


def test_building_is_a_function_of_the_seed() -> None:
    def built(seed: int) -> bytes:
        return pl.Network([pl.Dense(3), pl.Dense(3)]).build(4, seed=seed).parameters.tobytes()

    assert built(0) == built(0)
    assert built(0) != built(1)
    assert pl.Network([pl.Dense(3)]).build((4,)).input_shape == pl.Network([pl.Dense(3)]).build(np.int64(4)).input_shape


def test_float32_starts_from_float64_rounded() -> None:
    layers = [pl.Dense(3), pl.ReLU(), pl.Dense(2)]
    double = pl.Network(layers, dtype="float64").build(4)
    np.testing.assert_array_equal(pl.Network(layers).build(4).parameters, double.parameters.astype(np.float32))


@pytest.mark.parametrize("dtype", ["float64", np.float64, np.dtype("float64")])
def test_dtypes_by_name_or_object(dtype: object) -> None:
    assert pl.Network([pl.Dense(1)], dtype=dtype).dtype == np.float64  # type: ignore[arg-type]


def test_prediction_is_deterministic_with_dropout(engine: str) -> None:
    network = pl.Network([pl.Dense(8), pl.Dropout(0.5), pl.Dense(2)], engine=engine).build(3)
    x = random_numbers((10, 3))
    np.testing.assert_array_equal(network.scores(x), network.scores(x))


def test_one_row_is_as_many_rows(engine: str) -> None:
    network = pl.Network([pl.Dense(8), pl.Tanh(), pl.Dense(2)], dtype="float64", engine=engine).build(3)
    x = random_numbers((10, 3))
    np.testing.assert_allclose(
        np.vstack([network.scores(x[i : i + 1]) for i in range(10)]), network.scores(x), rtol=1e-12
    )


def test_scores_are_the_callers_own(engine: str) -> None:
    network = pl.Network([pl.Identity()], engine=engine).build(3)
    x = random_numbers((4, 3)).astype(np.float32)
    scores = network.scores(x)
    scores[:] = 0
    assert not (network.scores(x) == 0).all()
    assert not (x == 0).any()


def test_links() -> None:
    network = pl.Network([pl.Dense(2)], dtype="float64").build(2)
    network.set("0.weight", np.eye(2))
    x = np.array([[1.0, 2.0], [3.0, -1.0]])
    assert network.predict(x).tolist() == x.tolist()
    network.link = "argmax"
    assert network.predict(x).tolist() == [1, 0]
    network.link = "sigmoid"
    assert network.predict(x).tolist() == [[1, 1], [1, 0]]
    network.classes = [10, "b"]
    assert network.classes == ("10", "b")


def test_summary_and_repr(network: pl.Network) -> None:
    assert network.summary().splitlines() == [
        "layer                 output  parameters",
        "0      Standardize()       4           0",
        "1      Dense(3)            3          15",
        "2      ReLU()              3           0",
        "3      Dense(2)            2           8",
        "                       total          23",
    ]
    assert repr(network) == "Network([Standardize(), Dense(3), ReLU(), Dense(2)], dtype='float32', 23 parameters)"
    unbuilt = pl.Network([pl.Dense(3)])
    assert repr(unbuilt) == "Network([Dense(3)], dtype='float32', not built)"
    assert unbuilt.summary().splitlines()[1:] == [
        "0      Dense(3)       ?           ?",
        "                  total           ?",
    ]
    assert not unbuilt.built


def test_symmetry_of_zeros() -> None:
    """A layer of zeros learns as if it had a single unit: what the initializer's documentation warns of."""
    x, y = random_numbers((20, 3)), np.arange(20) % 2
    network = pl.Network([pl.Dense(4, weight_initializer="zeros"), pl.Tanh(), pl.Dense(2, "zeros")], dtype="float64")
    pl.Trainer(network, pl.SoftmaxCrossEntropy(), pl.GradientDescent(0.5), batch_size="full").fit(x, y, epochs=20)
    assert (network.get("0.weight") == network.get("0.weight")[:, :1]).all()


@pytest.mark.parametrize("again", [copy.deepcopy, lambda network: pickle.loads(pickle.dumps(network))])
def test_copies_compute_the_same_and_stand_by_themselves(network: pl.Network, again: object, engine: str) -> None:
    network = pl.Network(network.layers, engine=engine).build(4, seed=1)
    network.link, network.classes = "softmax", ("no", "yes")
    x = random_numbers((5, 4))
    expected = network.predict_proba(x)
    twin = again(network)  # type: ignore[operator]
    assert twin.predict_proba(x).tolist() == expected.tolist()
    assert (twin.classes, twin.engines.name) == (("no", "yes"), engine)
    with pytest.raises(ValueError, match="read-only"):
        twin.parameters[...] = 0
    twin.parameters = np.zeros(23)
    assert network.predict_proba(x).tolist() == expected.tolist()


def test_a_trainer_that_was_packed_goes_on_as_if_it_had_never_stopped() -> None:
    x, y = random_numbers((12, 4)), np.arange(12) % 2
    network = pl.Network([pl.Standardize(), pl.Dense(3), pl.Dropout(0.2), pl.ReLU(), pl.Dense(2)])
    trainer = pl.Trainer(network, "softmax_cross_entropy", pl.Adam(0.1), batch_size=4, seed=5)
    trainer.fit(x, y, epochs=2)
    packed = pickle.dumps(trainer)
    trainer.fit(x, y, epochs=3)
    other = pickle.loads(packed)
    other.fit(x, y, epochs=3)
    assert other.network.parameters.tolist() == trainer.network.parameters.tolist()
    assert other.history["loss"] == trainer.history["loss"]
