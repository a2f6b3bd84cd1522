"""TableClassifier and TableRegressor in files: what is saved is what is loaded, for estimators and for commands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pellucid as pl
from pellucid.estimators import TableClassifier, TableRegressor

QUICK: dict[str, Any] = {"recipe": "plain", "epochs": 3, "random_state": 0}
RNG = np.random.default_rng(0)
ROWS = {
    "size": np.where(RNG.random(120) < 0.1, np.nan, RNG.normal(size=120)),
    "town": RNG.choice(np.array(["Ulm", "Bonn", "Kiel", None], dtype=object), 120),
    "same": np.ones(120),
}
PRICE = np.nan_to_num(ROWS["size"]) * 30 + 100 * (ROWS["town"] == "Bonn") + 200


@pytest.mark.parametrize("n_models", [1, 3])
@pytest.mark.parametrize("asked", [{}, {"loss": "quantile", "quantiles": (0.9, 0.1)}, {"loss": "poisson"}], ids=str)
def test_a_regressor_is_loaded_as_it_was_saved(n_models: int, asked: dict[str, Any], tmp_path: Path) -> None:
    model = TableRegressor(n_models=n_models, **asked, **QUICK).fit(ROWS, np.round(PRICE))
    model.save(tmp_path / "prices")
    again = TableRegressor.load(tmp_path / "prices")
    assert np.array_equal(again.predict(ROWS), model.predict(ROWS))
    assert again.score(ROWS, PRICE) == model.score(ROWS, PRICE)
    assert (again.n_models, len(again.networks_), again.loss) == (n_models, n_models, model.target_.loss)
    assert (tmp_path / "prices").is_dir() == (n_models > 1)
    together = pl.load_ensemble(tmp_path / "prices")
    assert np.array_equal(together.predict(together.preprocessing.transform(ROWS)), model.predict(ROWS))
    fewer = {name: ROWS[name] for name in ("town", "size")}  # another order, and without the column that is not used
    assert np.array_equal(again.predict(fewer), model.predict(ROWS))


@pytest.mark.parametrize("n_models", [1, 2])
@pytest.mark.parametrize("labels", [["no", "yes"], [-2, 7], [False, True], ["10", "x"]], ids=str)
def test_a_classifier_is_loaded_with_its_labels(n_models: int, labels: list[Any], tmp_path: Path) -> None:
    y = np.array(labels)[(PRICE > 220).astype(int)]
    model = TableClassifier(n_models=n_models, **QUICK).fit(ROWS, y)
    model.save(tmp_path / "labels")
    again = TableClassifier.load(tmp_path / "labels")
    assert again.classes_.dtype.kind == model.classes_.dtype.kind
    assert again.classes_.tolist() == model.classes_.tolist()
    assert np.array_equal(again.predict_proba(ROWS), model.predict_proba(ROWS))
    assert np.array_equal(again.predict(ROWS), model.predict(ROWS))
    assert len(again.history_) == 0
    with pytest.raises(ValueError, match="not kept in a file"):
        again.report()


def test_labels_can_be_said(tmp_path: Path) -> None:
    y = np.array(["1", "2"])[(PRICE > 220).astype(int)]  # numbers that are texts
    TableClassifier(**QUICK).fit(ROWS, y).save(tmp_path / "texts.pellucid")
    assert TableClassifier.load(tmp_path / "texts.pellucid").predict(ROWS).dtype.kind == "i"
    told = TableClassifier.load(tmp_path / "texts.pellucid", classes=["1", "2"])
    assert set(told.predict(ROWS).tolist()) <= {"1", "2"}
    with pytest.raises(ValueError, match=r"classes must be the labels named 1, 2, in this order, not \['2', '1'\]"):
        TableClassifier.load(tmp_path / "texts.pellucid", classes=["2", "1"])


def test_arrays_are_told_by_order_where_they_were(tmp_path: Path) -> None:
    x = RNG.normal(size=(120, 12))
    x[:, 3] = 1.0  # left out, and still a column
    model = TableRegressor(**QUICK).fit(x, x[:, 0])
    model.save(tmp_path / "rows.pellucid")
    again = TableRegressor.load(tmp_path / "rows.pellucid")
    assert again.n_features_in_ == 12
    assert np.array_equal(again.predict(x), model.predict(x))
    with pytest.raises(ValueError, match="has 11 features, but TableRegressor is expecting 12"):
        again.predict(x[:, 1:])
    named = TableRegressor(**QUICK).fit(ROWS, PRICE)
    named.save(tmp_path / "named.pellucid")
    with pytest.raises(ValueError, match=r"tells columns by their names and not by their order: .* size, town"):
        TableRegressor.load(tmp_path / "named.pellucid").predict(np.ones((2, 3)))


def test_what_is_no_estimator_for_tables_is_said(tmp_path: Path) -> None:
    TableRegressor(**QUICK).fit(ROWS, PRICE).save(tmp_path / "prices.pellucid")
    with pytest.raises(ValueError, match=r"predicts numbers: read it with TableRegressor\.load"):
        TableClassifier.load(tmp_path / "prices.pellucid")
    TableClassifier(**QUICK).fit(ROWS, PRICE > 220).save(tmp_path / "classes.pellucid")
    with pytest.raises(ValueError, match=r"predicts 2 classes: read it with TableClassifier\.load"):
        TableRegressor.load(tmp_path / "classes.pellucid")
    pl.save(pl.Network([pl.Dense(1)]).build(3), tmp_path / "plain.pellucid")
    with pytest.raises(ValueError, match=r"knows no columns of a table: read it with pellucid\.load_ensemble"):
        TableRegressor.load(tmp_path / "plain.pellucid")


def test_several_go_into_a_folder(tmp_path: Path) -> None:
    model = TableRegressor(n_models=2, **QUICK).fit(ROWS, PRICE)
    with pytest.raises(ValueError, match=r"go into a folder, .* name a folder in the place of '.*x\.pellucid'"):
        model.save(tmp_path / "x.pellucid")
    (tmp_path / "there").write_text("a letter")
    with pytest.raises(ValueError, match="go into a folder"):
        model.save(tmp_path / "there")
    assert (tmp_path / "there").read_text() == "a letter"


def test_a_loaded_estimator_can_be_fitted_and_saved_again(tmp_path: Path) -> None:
    TableClassifier(n_models=2, **QUICK).fit(ROWS, PRICE > 220).save(tmp_path / "two")
    again = TableClassifier.load(tmp_path / "two")
    again.save(tmp_path / "copy")
    assert np.array_equal(TableClassifier.load(tmp_path / "copy").predict_proba(ROWS), again.predict_proba(ROWS))
    again.set_params(recipe="plain", epochs=2).fit(ROWS, PRICE > 220)
    assert len(again.history_) > 0
    assert again.n_features_in_ == 3
