"""TableClassifier and TableRegressor: frames, files and arrays as they are, and scikit-learn's checks."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import cross_val_score
from sklearn.utils.estimator_checks import check_param_validation

import pellucid as pl
from pellucid.estimators import TableClassifier, TableRegressor
from pellucid.tables.recipes import recipe_for
from pellucid.tables.training import train_table
from support.engines import ENGINES
from support.sklearn_checks import parametrize_with_all_checks

pd = pytest.importorskip("pandas")

SMALL = {"classes": replace(recipe_for("strong", "classes"), hidden=(32,), epochs=100)}
SMALL["numbers"] = replace(recipe_for("strong", "numbers"), hidden=(32,), epochs=100)
ESTIMATORS = [
    TableClassifier(recipe="plain"),
    TableRegressor(recipe="plain"),
    TableClassifier(recipe=SMALL["classes"]),
    TableRegressor(recipe=SMALL["numbers"]),
]
WHY = "a row of weight 2 is two rows in the loss, but one when rows are held out, and in medians and quartiles"


ROUNDING = "without the native core, NumPy's products of other rows at once differ in float32's last digits"


def expected_to_fail(estimator: BaseEstimator) -> dict[str, str]:
    of_rounding = ("check_methods_sample_order_invariance", "check_methods_subset_invariance")
    without_core = dict.fromkeys(of_rounding, ROUNDING) if "native" not in ENGINES else {}
    return {"check_sample_weight_equivalence_on_dense_data": WHY, **without_core}


@parametrize_with_all_checks(ESTIMATORS, expected_failed_checks=expected_to_fail)
def test_every_check_of_scikit_learn_but_one(estimator: BaseEstimator, check: object) -> None:
    check(estimator)  # type: ignore[operator]


@pytest.mark.parametrize("estimator", ESTIMATORS[:2], ids=lambda e: type(e).__name__)
def test_wrong_parameters_are_answered_in_scikit_learns_words(estimator: BaseEstimator) -> None:
    check_param_validation(type(estimator).__name__, estimator)


def frame(rows: int = 240) -> pd.DataFrame:
    """Houses whose price follows from size, town and whether there is a garden."""
    rng = np.random.default_rng(0)
    size, town = rng.uniform(30, 200, rows), rng.choice(["Ulm", "Bonn", "Kiel"], rows)
    garden = rng.random(rows) < 0.5
    price = 3.0 * size + 100.0 * (town == "Bonn") + 40.0 * garden + rng.normal(0, 5, rows)
    size[::10] = np.nan
    day = pd.date_range("2020-01-01", periods=rows)
    return pd.DataFrame({"size": size, "town": town, "garden": garden, "sold": day, "price": price})


def test_a_frame_with_its_target_by_name() -> None:
    data = frame()
    model = TableRegressor(recipe="fast", epochs=60, random_state=0).fit(data, target="price")
    assert model.score(data, data["price"]) > 0.85
    assert list(model.feature_names_in_) == ["size", "town", "garden", "sold"]
    assert model.n_features_in_ == 4
    assert model.target_.name == "price"
    shuffled = data[["sold", "town", "garden", "size"]]  # another order, and without the target
    assert np.array_equal(model.predict(shuffled), model.predict(data))
    unseen = shuffled.assign(town="Mainz", size=np.nan)
    assert np.isfinite(model.predict(unseen)).all()
    with pytest.raises(ValueError, match="no column 'town'"):
        model.predict(data.drop(columns="town"))


def test_a_frame_and_a_series_keep_scikit_learns_rules() -> None:
    data = frame()
    x, y = data.drop(columns="price"), data["price"]
    model = TableRegressor(recipe="plain", epochs=5, random_state=0).fit(x, y)
    with pytest.raises(ValueError, match="in the same order"):
        model.predict(x[x.columns[::-1]])


def test_all_frames_give_the_same_network() -> None:
    polars = pytest.importorskip("polars")
    pytest.importorskip("pyarrow")
    data = frame()
    columns = {name: data[name].to_numpy() for name in data}
    predictions = []
    for given in (data, polars.from_pandas(data), polars.from_pandas(data).to_arrow(), columns):
        model = TableRegressor(recipe="plain", epochs=3, random_state=0).fit(given, target="price")
        predictions.append(model.predict(given))
    assert all(np.array_equal(predictions[0], other) for other in predictions[1:])


def test_a_path_is_read(tmp_path) -> None:
    pytest.importorskip("pyarrow")
    data = frame()
    data.to_csv(tmp_path / "houses.csv", index=False)
    model = TableRegressor(recipe="plain", epochs=3, random_state=0).fit(tmp_path / "houses.csv", target="price")
    assert model.predict(tmp_path / "houses.csv").shape == (240,)
    with pytest.raises(ValueError, match="is a file: name its target"):
        TableRegressor().fit(tmp_path / "houses.csv")


def test_the_target_may_stand_among_the_columns_that_are_scored(tmp_path) -> None:
    data = frame()
    data["price"] = data["price"].where(data.index > 4)
    data.to_csv(tmp_path / "houses.csv", index=False)
    known = data[5:]
    for make, target in ((TableRegressor, "price"), (TableClassifier, "town")):
        model = make(recipe="plain", epochs=3, random_state=0).fit(known, target=target)
        rest = known.drop(columns=target)
        expected = model.score(rest, known[target])
        assert model.score(known) == pytest.approx(expected, abs=1e-12)
        if target == "price":
            assert model.score(tmp_path / "houses.csv") == pytest.approx(expected, abs=1e-12)
        with pytest.raises(ValueError, match=f"score needs y, or the target '{target}' among the columns"):
            model.score(rest)


def test_names_count_alone_where_scikit_learn_sees_none() -> None:
    data = frame().drop(columns="price")
    names, rows = list(data.columns), data.astype(object).where(data.notna(), None).to_dict("records")
    model = TableClassifier(recipe="plain", epochs=3, random_state=0).fit(
        data.to_records(index=False), frame()["price"] > 500
    )
    assert model.feature_names_in_.tolist() == names
    expected = model.predict_proba(data)  # a warning would be an error
    turned = data[names[::-1]].assign(more=1)
    for same in (turned.to_records(index=False), [dict(reversed(row.items())) for row in rows], turned.to_dict("list")):
        assert np.array_equal(model.predict_proba(same), expected)
    by_frame = TableClassifier(recipe="plain", epochs=3, random_state=0).fit(data, frame()["price"] > 500)
    assert np.array_equal(by_frame.predict_proba(rows), expected)


def test_rows_without_a_target_are_left_out_and_said() -> None:
    data = frame()
    with_all = TableRegressor(recipe="plain", epochs=3, random_state=0).fit(data[5:], target="price")
    data.loc[:4, "price"] = np.nan
    with pytest.warns(UserWarning, match="5 rows were left out, since the target is missing"):
        model = TableRegressor(recipe="plain", epochs=3, random_state=0).fit(data, target="price")
    assert np.array_equal(model.network_.parameters, with_all.network_.parameters)
    with pytest.warns(UserWarning, match="5 rows were left out"):
        TableRegressor(recipe="plain", epochs=3).fit(data.drop(columns="price"), data["price"])


def test_labels_come_back_as_they_were_given() -> None:
    x = np.random.default_rng(0).normal(size=(200, 3))
    for labels in (np.array(["no", "yes"]), np.array([7, -2]), np.array([True, False])):
        y = labels[(x[:, 0] > 0).astype(int)]
        model = TableClassifier(recipe="plain", random_state=0).fit(x, y)
        assert model.classes_.tolist() == sorted(labels.tolist())
        assert model.score(x, y) > 0.9
        assert model.predict(x).dtype == y.dtype
        assert np.allclose(model.predict_proba(x).sum(axis=1), 1.0)


def test_quantiles_are_in_order_and_cover_what_they_promise() -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, size=(1500, 1))
    y = x[:, 0] + rng.normal(size=1500) * (1.2 + x[:, 0])
    model = TableRegressor(loss="quantile", quantiles=(0.1, 0.5, 0.9), epochs=40, random_state=0).fit(x, y)
    low, middle, high = model.predict(x).T
    assert (low <= middle).all()
    assert (middle <= high).all()
    assert np.mean((y >= low) & (y <= high)) == pytest.approx(0.8, abs=0.06)
    assert 0.05 < model.score(x, y) < 0.2  # what the noise leaves is some 0.1


def test_quantiles_without_their_loss_are_said() -> None:
    x, y = np.arange(40.0)[:, None], np.arange(40.0)
    with pytest.raises(ValueError, match=r"quantiles=\(0.1, 0.9\) are for loss='quantile', but loss is 'huber'"):
        TableRegressor(recipe="plain", epochs=1, loss="huber", quantiles=(0.1, 0.9)).fit(x, y)
    with pytest.raises(ValueError, match=r"but loss is Quantile\(\(0.2, 0.8\)\)|but loss is Quantile\(levels"):
        TableRegressor(recipe="plain", epochs=1, loss=pl.Quantile((0.2, 0.8)), quantiles=(0.1, 0.9)).fit(x, y)
    TableRegressor(recipe="plain", epochs=1, loss=pl.Quantile((0.2, 0.8)), quantiles=(0.2, 0.8)).fit(x, y)


def test_counts_are_predicted_in_their_own_unit() -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, size=(1000, 1))
    y = rng.poisson(np.exp(5.0 + x[:, 0])).astype(float)
    model = TableRegressor(loss="poisson", recipe="fast", epochs=60, random_state=0).fit(x, y)
    assert model.predict(x) == pytest.approx(np.exp(5.0 + x[:, 0]), rel=0.2)
    assert model.network_.link == "exponential"


def test_an_ensemble_is_the_mean_of_its_networks() -> None:
    data = frame()
    model = TableRegressor(recipe="plain", epochs=3, n_models=3, random_state=0).fit(data, target="price")
    x = model.encoder_.transform(data)
    assert len(model.networks_) == 3
    each = np.stack([network.predict(x) for network in model.networks_])
    assert np.allclose(model.predict(data), each.mean(axis=0))


def test_what_is_saved_predicts_from_columns(tmp_path) -> None:
    data = frame()
    model = TableRegressor(recipe="plain", epochs=3, random_state=0).fit(data, target="price")
    model.save(tmp_path / "houses.pellucid")
    network = pl.load(tmp_path / "houses.pellucid")
    assert np.array_equal(network.predict(network.preprocessing.transform(data)), model.predict(data))


def test_class_weights_find_the_rare_class() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 2))
    y = (x[:, 0] + 0.8 * rng.normal(size=600) > 1.9).astype(int)
    plain = TableClassifier(recipe="plain", random_state=0).fit(x, y)
    weighed = TableClassifier(recipe="plain", class_weight="balanced", random_state=0).fit(x, y)
    assert weighed.predict(x)[y == 1].mean() > plain.predict(x)[y == 1].mean() + 0.1
    assert weighed.history_.columns == plain.history_.columns


def test_the_same_seed_gives_the_same_network() -> None:
    x, y = np.random.default_rng(0).normal(size=(60, 3)), np.arange(60) % 2
    first, second, other = (
        TableClassifier(recipe=SMALL["classes"], random_state=seed).fit(x, y).network_.parameters for seed in (1, 1, 2)
    )
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_it_works_with_scikit_learns_tools() -> None:
    data = frame()
    model = TableRegressor(recipe="plain", epochs=30, random_state=0)
    scores = cross_val_score(clone(model), data.drop(columns="price"), data["price"], cv=3)
    assert scores.shape == (3,)
    fitted = model.fit(data, target="price")
    assert np.array_equal(pickle.loads(pickle.dumps(fitted)).predict(data), fitted.predict(data))
    with pytest.raises(ValueError, match="they are not kept in a file"):
        pickle.loads(pickle.dumps(fitted)).report()


def test_the_report_measures_the_estimator() -> None:
    data = frame()
    report = TableRegressor(recipe="plain", random_state=0).fit(data, target="price").report(folds=2)
    assert [each.name for each in report.contenders] == ["network", "constant", "linear model", "gradient boosting"]
    assert next(iter(report.importance)) == "size"
    assert "R²" in str(report)


@pytest.mark.parametrize("weighed", [False, True])
def test_the_report_has_the_findings_of_the_command_lines(weighed: bool) -> None:
    rng = np.random.default_rng(0)
    data = {"x": rng.normal(size=300), "z": rng.normal(size=300)}
    rare = (data["x"] + 0.5 * rng.normal(size=300) > 1.7).astype(int)
    asked = {"recipe": replace(recipe_for("plain", "classes"), hidden=(1,)), "epochs": 4, "random_state": 0}
    model = TableClassifier(class_weight="balanced" if weighed else None, **asked).fit(data, rare)
    found = model.report(folds=1).findings
    assert found["findings"]
    assert f"The doctor: {found['findings'][0]['name']}" in str(model.report(folds=1))
    table, codes, weight = model._seen
    trained = train_table(table, codes, model.target_, model._settings_used, folds=0, weight=weight)
    assert found == trained.report.findings
    assert ("class_imbalance" in [each["name"] for each in found["findings"]]) != weighed
    regressor = TableRegressor(recipe="plain", epochs=2, n_models=2, random_state=0).fit(frame(), target="price")
    report = regressor.report(folds=1)
    assert set(report.findings) == set(found)
    assert "The doctor" in report.to_html()


def test_what_cannot_be_fitted_is_said() -> None:
    data = frame()
    with pytest.raises(ValueError, match=r"column 'pricee' is unknown|Column 'pricee' is unknown"):
        TableRegressor().fit(data, target="pricee")
    with pytest.raises(ValueError, match=r"holds text .* but numbers were asked for"):
        TableRegressor().fit(data, target="town")
    with pytest.raises(ValueError, match="given twice"):
        TableRegressor().fit(data, data["price"], target="price")
    with pytest.raises(ValueError, match="The name 'size' stands above column 1 and column"):
        TableRegressor().fit(pd.concat([data, data[["size"]]], axis=1), data["price"])
    with pytest.raises(ValueError, match=r"The frame is lazy: give the result of its collect\(\)"):
        TableRegressor().fit(pytest.importorskip("polars").from_pandas(data).lazy(), data["price"])
    with pytest.raises(ValueError, match="Column 'size' holds inf in row 1"):
        TableRegressor().fit(data.assign(size=np.inf), data["price"])  # and NumPy does not warn of its differences
    with pytest.raises(ValueError, match="requires y to be passed"):
        TableRegressor().fit(data)
