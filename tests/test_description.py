"""Human-readable metadata of a network: names, kinds, and the training behind its weights."""

from __future__ import annotations

import copy
import hashlib
import pickle
from typing import Any

import numpy as np
import pytest

import pellucid as pl
from pellucid.storage.digests import array_digest
from pellucid.training.summaries import DataHash
from support.samples import classification


def trained(**options: Any) -> tuple[pl.Trainer, Any, Any]:
    x, y = classification(30)
    network = pl.Network([pl.Dense(4), pl.Tanh(), pl.Dense(3)])
    trainer = pl.Trainer(network, "softmax_cross_entropy", pl.Adam(0.01), batch_size=8, seed=5, **options)
    trainer.fit(x, y, epochs=3, validation=(x[:9], y[:9]))
    return trainer, x, y


def test_features_are_names_pairs_or_features() -> None:
    network = pl.Network([pl.Dense(1)]).build(3)
    network.features = ["a", ("b", "boolean"), pl.Feature("c", "category")]
    assert network.features == (pl.Feature("a"), pl.Feature("b", "boolean"), pl.Feature("c", "category"))
    network.features = None
    assert network.features is None


@pytest.mark.parametrize(
    ("features", "error", "message"),
    [
        (["a", "b"], ValueError, "features has 2 names, but a row of the network has 3 numbers."),
        (["a", "b", "a"], ValueError, "features names 'a' twice: every name must be another."),
        (["a", "b", ""], ValueError, "The name of a feature must be a text that is not empty, not ''."),
        (["a", "b", ("c", "bolean")], ValueError, "The kind of a feature 'bolean' is unknown. Did you mean 'boolean'?"),
        ("abc", TypeError, "features must be a list of names, (name, kind) pairs or features, not 'abc'."),
        (3, TypeError, "features must be a list of names, (name, kind) pairs or features, not 3."),
    ],
)
def test_wrong_features(features: Any, error: type[Exception], message: str) -> None:
    network = pl.Network([pl.Dense(1)]).build(3)
    with pytest.raises(error) as caught:
        network.features = features
    assert str(caught.value).startswith(message)
    assert network.features is None


def test_names_are_counted_as_soon_as_the_shapes_are_known() -> None:
    x, y = classification(30)
    network = pl.Network([pl.Dense(3)])
    network.features, network.classes = ["a", "b"], ["x", "y"]
    trainer = pl.Trainer(network, pl.SoftmaxCrossEntropy())
    with pytest.raises(ValueError, match=r"^classes has 2 names, but the network has 3 classes\.$"):
        trainer.fit(x, y, epochs=1)
    network.classes = ["x", "y", "z"]
    with pytest.raises(ValueError, match=r"^features has 2 names, but a row of the network has 3 numbers\.$"):
        trainer.fit(x, y, epochs=1)
    assert not network.built, "refused names leave no shape behind"
    network.features = None
    trainer.fit(x, y, epochs=1)
    with pytest.raises(ValueError, match=r"^classes has 1 name, but the network has 3 classes\.$"):
        network.classes = ["x"]
    with pytest.raises(ValueError, match=r"^classes names 'x' twice"):
        network.classes = ["x", "x", "y"]
    with pytest.raises(TypeError, match=r"^classes must be a list of names, not the text 'xyz'\.$"):
        network.classes = "xyz"


def test_a_single_yes_or_no_has_two_names() -> None:
    network = pl.Network([pl.Dense(1)]).build(2)
    network.link = "sigmoid"
    network.classes = ["no", "yes"]
    with pytest.raises(ValueError, match="the network has 2 classes"):
        network.classes = ["yes"]


def test_training_writes_its_summary() -> None:
    trainer, x, y = trained()
    summary = trainer.network.training
    assert summary is not None
    assert (summary.version, summary.engine, summary.seed) == (pl.__version__, trainer.history.engine, 5)
    assert (summary.epochs, summary.steps, summary.batch_size) == (3, 12, 8)
    assert (summary.rows, summary.row_shape, summary.row_dtype, summary.validation_rows) == (30, (3,), "float64", 9)
    assert (summary.loss, summary.optimizer) == ("SoftmaxCrossEntropy()", "Adam(learning_rate=0.01)")
    of_x = hashlib.sha256(b"<f8 (30, 3)" + x.tobytes()).hexdigest()
    of_y = hashlib.sha256(b"<i8 (30,)" + y.tobytes()).hexdigest()
    assert summary.data_hash == hashlib.sha256(f"{of_x} {of_y}".encode()).hexdigest()
    last = trainer.history.row(-1)
    assert summary.metrics == {
        name: last[name] for name in ("loss", "accuracy", "validation_loss", "validation_accuracy")
    }
    more = summary.with_metrics(test_loss=0.5)
    assert more.metrics == {**summary.metrics, "test_loss": 0.5}
    assert pl.TrainingSummary.from_plain(more.to_plain()) == more


def test_the_same_training_has_the_same_summary() -> None:
    assert trained()[0].network.training == trained()[0].network.training


def test_the_metrics_are_those_of_the_weights_that_are_shown() -> None:
    trainer, _, _ = trained(callbacks=[pl.EarlyStopping(monitor="seconds")])
    best = trainer.history.best_epoch
    assert best is not None
    summary = trainer.network.training
    assert summary is not None
    assert summary.metrics["loss"] == trainer.history["loss"][best - 1]
    assert summary.epochs == 3
    trainer.callbacks.clear()
    trainer.fit(*classification(30), epochs=1)
    assert trainer.history.best_epoch is None
    assert trainer.network.training is not None
    assert trainer.network.training.metrics["loss"] == trainer.history["loss"][-1]


def test_callbacks_see_the_summary_of_their_epoch() -> None:
    seen = []
    trained(
        callbacks=[lambda trainer: seen.append((trainer.network.training.epochs, trainer.network.training.metrics))]
    )
    assert [epoch for epoch, _ in seen] == [1, 2, 3]
    assert len({metrics["loss"] for _, metrics in seen}) == 3


def test_the_hash_is_computed_anew_for_other_arrays_and_changed_ones() -> None:
    x, y = classification(30)
    data_hash = DataHash()
    first = data_hash.of(x, y)
    assert data_hash.of(x, y) == first
    assert DataHash().of(x.copy(), y) == first
    assert data_hash.of(x, y[::-1]) != first
    assert data_hash.of(x[:, ::-1], y) != first
    x[0, 0] += 1
    assert data_hash.of(x, y) != first


def test_what_remembers_the_hash_can_be_copied() -> None:
    x, y = classification(30)
    data_hash = DataHash()
    expected = data_hash.of(x, y)
    for copied in (pickle.loads(pickle.dumps(data_hash)), copy.deepcopy(data_hash)):
        assert copied.of(x, y) == expected


def test_the_hash_of_an_array_is_of_its_numbers_shape_and_dtype() -> None:
    array = np.arange(12.0).reshape(3, 4)
    others = [array.astype(np.float32), array.reshape(4, 3), array + 1, array[:2], array.T]
    digests = {array_digest(each) for each in [array, *others]}
    assert len(digests) == 6
    assert array_digest(array[::2]) == array_digest(array[::2].copy())
    assert array_digest(np.array(1.0)) != array_digest(np.array(2.0)), "numbers without a shape count too"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": -1}, "the training's seed must be a whole number of at least 0, not -1."),
        ({"rows": True}, "the training's rows must be a whole number"),
        ({"version": 3}, "the training's version must be a text, not 3."),
        ({"row_shape": 3}, "the training's row_shape must be a list, not 3."),
        ({"row_shape": ["a"]}, "the training's row_shape must be a whole number"),
        ({"metrics": {"loss": "low"}}, "the training's metrics must be a table of numbers"),
    ],
)
def test_what_is_no_summary(change: dict[str, Any], message: str) -> None:
    plain = trained()[0].network.training
    assert plain is not None
    with pytest.raises(ValueError) as caught:
        pl.TrainingSummary.from_plain({**plain.to_plain(), **change})
    assert str(caught.value).startswith(message)
