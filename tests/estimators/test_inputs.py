"""What comes in: frames, sparse rows, labels of every kind, arrays that cannot be written; and what bad input gets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl_
import pytest
import scipy.sparse
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from pellucid.estimators import MLPClassifier, MLPRegressor, NetworkRegressor
from support.engines import assert_same

from .conftest import Data, short

FIT = {"max_iter": 3, "random_state": 0}


@short
@pytest.mark.parametrize("kind", ["csr", "csc", "csr array"])
def test_sparse_rows_are_the_dense_rows(digits: Data, kind: str) -> None:
    x, y = digits
    make = {"csr": scipy.sparse.csr_matrix, "csc": scipy.sparse.csc_matrix, "csr array": scipy.sparse.csr_array}[kind]
    dense, sparse = MLPClassifier(**FIT).fit(x, y), MLPClassifier(**FIT).fit(make(x), y)
    np.testing.assert_array_equal(dense.predict_proba(x), sparse.predict_proba(make(x)))
    many = np.tile(x, (40, 1))  # more rows than become dense at once
    np.testing.assert_array_equal(sparse.predict(make(many)), dense.predict(many))
    watched = MLPClassifier(**FIT, validation_set=(make(x), y)).fit(make(x), y)
    assert watched.validation_scores_[-1] == dense.score(x, y)


@short
def test_frames_bring_their_names(numbers: Data) -> None:
    x, y = numbers
    names = [f"column {number}" for number in range(10)]
    plain = MLPRegressor(**FIT).fit(x, y)
    for frame, target in (
        (pd.DataFrame(x, columns=names), pd.Series(y)),
        (pl_.DataFrame(x, schema=names, orient="row"), pl_.Series(y)),
    ):
        model = MLPRegressor(**FIT).fit(frame, target)
        np.testing.assert_array_equal(model.predict(frame), plain.predict(x))
        stopped = MLPRegressor(**FIT, early_stopping=True, validation_scoring="r2").fit(frame, target)
        if not hasattr(LinearRegression().fit(frame, target), "feature_names_in_"):
            continue  # scikit-learn 1.7 knows no names of polars 2
        assert model.feature_names_in_.tolist() == stopped.feature_names_in_.tolist() == names
        with pytest.raises(ValueError, match="The feature names should match those that were passed during fit"):
            model.predict(frame[names[::-1]])
        with pytest.warns(UserWarning, match="X does not have valid feature names"):
            model.predict(x)


@short
def test_set_output_of_a_pipeline(numbers: Data) -> None:
    x, y = numbers
    frame = pd.DataFrame(x, columns=[f"c{number}" for number in range(10)])
    pipeline = make_pipeline(StandardScaler(), MLPRegressor(**FIT)).set_output(transform="pandas").fit(frame, y)
    assert pipeline[-1].feature_names_in_.tolist() == list(frame.columns)
    assert pipeline.predict(frame).shape == (203,)


@short
@pytest.mark.parametrize(
    ("names", "dtype"),
    [
        (["a", "b"], None),
        (["a", "b", "c"], object),
        ([False, True], None),
        ([-1, 1], None),
        ([3.0, 7.0], None),
        ([10, 20, 30], None),
    ],
    ids=str,
)
def test_labels_of_every_kind(digits: Data, names: list[Any], dtype: Any) -> None:
    x, y = digits
    labels = np.array(names, dtype=dtype)[y % len(names)]
    model = MLPClassifier(max_iter=30, learning_rate_init=0.01, random_state=0).fit(x, labels)
    assert model.classes_.tolist() == names
    assert model.predict(x).dtype == model.classes_.dtype
    assert model.score(x, labels) > 0.95


@short
def test_several_labels_a_row(digits: Data) -> None:
    x, y = digits
    labels = np.stack([y % 2, y % 3 == 0, y > 4], axis=1).astype(int)
    model = MLPClassifier(max_iter=60, learning_rate_init=0.01, random_state=0).fit(x, labels)
    assert model.predict(x).shape == labels.shape
    assert model.score(x, labels) > 0.9
    assert model.predict_proba(x).shape == (251, 3)
    sparse = MLPClassifier(max_iter=60, learning_rate_init=0.01, random_state=0).fit(x, scipy.sparse.csr_matrix(labels))
    assert scipy.sparse.issparse(sparse.predict(x))
    np.testing.assert_array_equal(sparse.predict(x).toarray(), model.predict(x))
    stopped = MLPClassifier(early_stopping=True, max_iter=5, random_state=0).fit(x, labels)
    assert len(stopped.validation_scores_) == 5


@short
def test_several_targets(numbers: Data) -> None:
    x, y = numbers
    both = np.stack([y, -2 * y], axis=1)
    for model in (MLPRegressor(max_iter=80, learning_rate_init=0.01, random_state=0), NetworkRegressor(max_iter=90)):
        model.fit(x, both)
        assert model.predict(x).shape == both.shape
        assert model.score(x, both) > 0.5


@short
def test_rows_that_cannot_be_written(digits: Data, tmp_path: Any) -> None:
    x, y = digits
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", y)
    rows, labels = np.load(tmp_path / "x.npy", mmap_mode="r"), np.load(tmp_path / "y.npy", mmap_mode="r")
    model = MLPClassifier(**FIT).fit(rows, labels)
    np.testing.assert_array_equal(model.predict_proba(rows), MLPClassifier(**FIT).fit(x, y).predict_proba(x))


@short
@pytest.mark.parametrize("order", ["C", "F", "strided", "reversed"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "uint8", "bool"])
def test_memory_of_every_shape_and_type(digits: Data, order: str, dtype: str) -> None:
    x = np.round(digits[0] * 3).astype(dtype)
    plain = MLPClassifier(**FIT).fit(x, digits[1])
    views = {"C": x, "F": np.asfortranarray(x), "strided": np.repeat(x, 2, axis=1)[:, ::2], "reversed": x[::-1][::-1]}
    model = MLPClassifier(**FIT).fit(views[order], digits[1])
    assert_same(model.predict_proba(views[order]), plain.predict_proba(x))
    assert model.coefs_[0].dtype == ("float32" if dtype == "float32" else "float64")


@short
def test_a_single_row_takes_the_short_way_and_the_long_way_alike(digits: Data) -> None:
    x, y = digits
    model = MLPClassifier(**FIT).fit(x, y)
    for row in (x[:1], x[:1].tolist(), pd.DataFrame(x[:1]).to_numpy(dtype=object), x[:1].astype(np.longdouble)):
        assert_same(model.predict_proba(row), model.predict_proba(x)[:1])


BAD_ROWS = [
    ("one dimension", lambda x: x[0], "Expected 2D array, got 1D array instead"),
    ("too few columns", lambda x: x[:, :3], "X has 3 features, but MLPClassifier is expecting 64 features as input"),
    ("NaN", lambda x: np.full((1, 64), np.nan), "Input X contains NaN"),
    ("infinity", lambda x: np.full((1, 64), np.inf), "Input X contains infinity or a value too large"),
    ("no rows", lambda x: x[:0], "Found array with 0 sample(s) (shape=(0, 64)) while a minimum of 1 is required"),
    ("words", lambda x: [["a"] * 64], "dtype='numeric' is not compatible with arrays of bytes/strings"),
    ("complex numbers", lambda x: x * 1j, "Complex data not supported"),
]


@short
@pytest.mark.parametrize(("make", "message"), [bad[1:] for bad in BAD_ROWS], ids=[bad[0] for bad in BAD_ROWS])
def test_bad_rows_get_scikit_learns_words(digits: Data, make: Any, message: str) -> None:
    x, y = digits
    model = MLPClassifier(**FIT).fit(x, y)
    for method in (model.predict, model.predict_proba):
        with pytest.raises(ValueError) as caught:
            method(make(x))
        assert str(caught.value).startswith(message)


def test_before_it_is_fitted(digits: Data) -> None:
    model = MLPClassifier()
    for ask in (model.predict, model.predict_proba, lambda x: model.network_, lambda x: model.save("nowhere")):
        with pytest.raises(NotFittedError, match=r"^This MLPClassifier instance is not fitted yet"):
            ask(digits[0])


@short
def test_the_picture_in_a_notebook_shows_the_layers(digits: Data) -> None:
    model = MLPClassifier(dropout=0.25, **FIT)
    assert "Layers" not in model._repr_html_()
    html = model.fit(*digits)._repr_html_()
    assert "<summary>Layers</summary>" in html
    assert "Dropout(0.25)" in html
    assert "Dense(100)" in html
    html = MLPClassifier(n_models=2, **FIT).fit(*digits)._repr_html_()
    assert "(2 networks like this)" in html
