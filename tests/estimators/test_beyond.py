"""What scikit-learn's classes do not have: each does what it says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, d2_pinball_score, mean_pinball_loss

import pellucid as pl
from pellucid.estimators import MLPClassifier, MLPRegressor, NetworkClassifier, NetworkRegressor

from .conftest import Data, short

# -- weights of rows and classes ---------------------------------------------------------------------------------


@short
@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")
@pytest.mark.parametrize(
    "parameters",
    [
        {"solver": "adam"},
        {"solver": "sgd", "alpha": 0.5},
        {"solver": "lbfgs", "max_iter": 15},
        {"solver": "rmsprop", "standardize": True},
        {"solver": "adam", "class_weight": "balanced", "standardize": True},
        {"solver": "adam", "class_weight": {0: 3.0, 7: 0.5}},
        {"solver": "adam", "n_models": 2},
    ],
    ids=str,
)
def test_a_weight_of_2_is_the_row_twice(digits: Data, parameters: dict[str, Any]) -> None:
    x, y = digits[0][:90], digits[1][:90]
    weight = np.random.default_rng(0).integers(0, 4, 90)
    common = {"random_state": 0, "batch_size": "auto", **parameters}
    common.setdefault("max_iter", 20)
    weighted = MLPClassifier(**common).fit(x, y, sample_weight=weight)
    repeated = MLPClassifier(**{**common, "batch_size": int(weight.sum())})
    repeated.fit(x.repeat(weight, axis=0), y.repeat(weight))
    np.testing.assert_allclose(weighted.predict_proba(x), repeated.predict_proba(x), atol=1e-8)
    assert weighted.loss_ == pytest.approx(repeated.loss_, abs=1e-9)
    numbers = MLPRegressor(**{name: value for name, value in common.items() if name != "class_weight"})
    one = numbers.fit(x, y / 10, sample_weight=weight).predict(x)
    numbers.set_params(batch_size=int(weight.sum())).fit(x.repeat(weight, axis=0), (y / 10).repeat(weight))
    np.testing.assert_allclose(numbers.predict(x), one, atol=1e-8)


def test_class_weights_help_a_rare_class() -> None:
    random = np.random.default_rng(0)
    x = np.concatenate([random.normal(0, 1, (500, 2)), random.normal(1.5, 1, (25, 2))])
    y = np.array(["common"] * 500 + ["rare"] * 25)
    common = {"solver": "lbfgs", "hidden_layer_sizes": 5, "alpha": 1.0, "random_state": 0}
    plain = MLPClassifier(**common).fit(x, y)
    for class_weight in ("balanced", {"rare": 20}):
        fairer = MLPClassifier(class_weight=class_weight, **common).fit(x, y)
        scores = [balanced_accuracy_score(y, model.predict(x)) for model in (fairer, plain)]
        assert scores[0] > scores[1] + 0.15


# -- layers ------------------------------------------------------------------------------------------------------


@short
def test_layers_from_parameters(digits: Data) -> None:
    x, y = digits
    model = MLPClassifier(
        (20, 10),
        activation=["gelu", pl.LeakyReLU(0.2)],
        dropout=[0.0, 0.3],
        batch_normalization=True,
        standardize=True,
        max_iter=2,
        batch_size=50,
    ).fit(x, y)
    expected = [
        pl.Standardize(), pl.Dense(20), pl.BatchNormalization(), pl.GELU(),
        pl.Dense(10), pl.BatchNormalization(), pl.LeakyReLU(0.2), pl.Dropout(0.3), pl.Dense(10),
    ]  # fmt: skip
    assert list(model.network_.layers) == expected
    assert model.n_layers_ == 4
    np.testing.assert_allclose(model.network_.get("0.mean"), x.mean(axis=0), atol=1e-12)


@short
@pytest.mark.parametrize(
    ("parameters", "sizes"),
    [
        ({"n_layers": 3}, [100, 100, 100]),
        ({"width": 7}, [7]),
        ({"n_layers": 2, "width": 5}, [5, 5]),
        ({"width": 4, "hidden_layer_sizes": (8, 8, 8)}, [4, 4, 4]),
        ({"hidden_layer_sizes": ()}, []),
        ({"hidden_layer_sizes": 6}, [6]),
    ],
    ids=str,
)
def test_sizes_as_plain_numbers(digits: Data, parameters: dict[str, Any], sizes: list[int]) -> None:
    model = MLPClassifier(max_iter=1, **parameters).fit(*digits)
    assert [len(bias) for bias in model.intercepts_] == [*sizes, 10]


@short
def test_without_a_hidden_layer_it_is_a_linear_model(numbers: Data) -> None:
    x, y = numbers
    model = MLPRegressor(hidden_layer_sizes=(), solver="lbfgs", alpha=0, random_state=0, tol=1e-10).fit(x, y)
    exact = np.linalg.lstsq(np.column_stack([x, np.ones(len(x))]), y, rcond=None)[0]
    np.testing.assert_allclose(model.coefs_[0][:, 0], exact[:-1], atol=1e-4)
    np.testing.assert_allclose(model.intercepts_[0], exact[-1:], atol=1e-4)


@short
def test_first_weights_beside_a_sigmoid_are_narrower() -> None:
    cases = (("logistic", (2, 2)), (["tanh", "logistic"], (6, 2, 2)), (["sigmoid", "elu"], (2, 6, 6)))
    for activation, factors in cases:
        sizes = (50,) * (len(factors) - 1)
        model = MLPRegressor(
            hidden_layer_sizes=sizes, activation=activation, max_iter=1, learning_rate_init=1e-300, random_state=0
        )
        model.fit(np.eye(60), np.arange(60.0))
        for weight, factor in zip(model.coefs_, factors, strict=True):
            bound = np.sqrt(factor / sum(weight.shape))
            assert 0.8 * bound < abs(weight).max() < bound


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"dropout": [0.1, 0.2]}, "dropout has 2 entries, but there are 1 hidden layers: one for each."),
        ({"activation": []}, "activation has 0 entries, but there are 1 hidden layers: one for each."),
        ({"activation": ["rellu"]}, "activation 'rellu' is unknown. Did you mean 'relu'?"),
        ({"dropout": [1.5]}, "dropout must be a number of at least 0 and below 1, not 1.5."),
        ({"hidden_layer_sizes": [3, 0]}, "hidden_layer_sizes must be > 0, got [3, 0]."),
        ({"loss": "huber"}, "loss=Huber(delta=1.0) cannot learn 10 classes: use loss='log_loss', which"),
        ({"loss": pl.SigmoidCrossEntropy()}, "loss=SigmoidCrossEntropy(label_smoothing=0.0) cannot learn 10 classes"),
        ({"loss": (np.sin, np.cos, np.tan)}, "loss must be a name, a Loss or a pair of functions, (value"),
        ({"solver": "lbfgs", "dropout": 0.5}, "solver='lbfgs' cannot train layer 2, Dropout(0.5), which is"),
        ({"solver": "lbfgs", "batch_normalization": True}, "solver='lbfgs' cannot train layer 1, BatchNormalization("),
        ({"solver": "lbfgs", "callbacks": [print]}, "solver='lbfgs' has no epochs to use callbacks in"),
        ({"solver": "lbfgs", "validation_set": (0, 0)}, "solver='lbfgs' has no epochs to use a validation_set in"),
        ({"momentum": 1.0, "solver": "sgd"}, "momentum must be a number of at least 0 and below 1, not 1.0."),
        pytest.param(
            {"engine": "native", "loss": (lambda s, t: s.sum(1), lambda s, t: 0 * s + 1)},
            "engine='native'",
            id="a pair of functions on the native engine",
        ),
        ({"class_weight": {77: 2.0}}, "The classes, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], are not in"),
    ],
    ids=str,
)
def test_what_cannot_be(digits: Data, parameters: dict[str, Any], message: str) -> None:
    with pytest.raises((ValueError, TypeError)) as caught:
        MLPClassifier(**parameters).fit(*digits)
    assert str(caught.value).startswith(message)


# -- losses ------------------------------------------------------------------------------------------------------


@short
@pytest.mark.parametrize("loss", ["absolute_error", "huber", pl.Huber(0.3), "quantile", "squared_error"], ids=str)
def test_losses_of_numbers(loss: Any) -> None:
    """A constant input leaves only the best constant: the mean, the median, or between them."""
    y = np.random.default_rng(0).exponential(size=301)
    common = {"learning_rate_init": 0.003, "max_iter": 600, "tol": 0, "n_iter_no_change": 50, "alpha": 0}
    model = MLPRegressor(loss=loss, hidden_layer_sizes=(), random_state=0, **common).fit(np.zeros((301, 1)), y)
    answer = model.predict(np.zeros((1, 1)))[0]
    if loss in ("absolute_error", "quantile"):
        assert answer == pytest.approx(np.median(y), abs=0.03)
    elif loss == "squared_error":
        assert answer == pytest.approx(y.mean(), abs=0.03)
    else:
        assert np.median(y) < answer < y.mean()


def test_several_quantiles_at_once() -> None:
    random = np.random.default_rng(0)
    x = random.uniform(-1, 1, (600, 1))
    y = x[:, 0] + random.normal(0, 0.3, 600)
    levels = (0.1, 0.5, 0.9)
    model = MLPRegressor(pl.Quantile(levels), 30, learning_rate_init=0.01, early_stopping=True, random_state=0)
    model.fit(x, y)
    predicted = model.predict(x)
    assert predicted.shape == (600, 3)
    for column, level in enumerate(levels):
        assert np.mean(y <= predicted[:, column]) == pytest.approx(level, abs=0.05)
        best = mean_pinball_loss(y, np.full(600, np.quantile(y, level)), alpha=level)
        assert mean_pinball_loss(y, predicted[:, column], alpha=level) < 0.7 * best
    expected = np.mean([d2_pinball_score(y, predicted[:, c], alpha=level) for c, level in enumerate(levels)])
    assert model.score(x, y) == pytest.approx(expected)
    assert max(model.validation_scores_) < 1
    with pytest.raises(ValueError, match=r"^Quantile takes a single target, but y has 2 columns: fit an est"):
        MLPRegressor(pl.Quantile(levels)).fit(x, np.stack([y, y], axis=1))


@short
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize(
    "loss", [pl.SoftmaxCrossEntropy(0.2), "hinge", "squared_error", "softmax_cross_entropy"], ids=str
)
def test_losses_of_classes(digits: Data, classes: int, loss: Any) -> None:
    x, y = digits[0][digits[1] < classes], digits[1][digits[1] < classes]
    labels = np.array(["zero", "one", "two"])[y]
    model = MLPClassifier(loss=loss, max_iter=40, learning_rate_init=0.01, random_state=0).fit(x, labels)
    assert model.score(x, labels) > 0.97
    assert set(model.predict(x)) <= set(labels)
    if loss == "hinge" or loss == "squared_error":
        assert not hasattr(model, "predict_proba")
        scores = model.decision_function(x)
        assert scores.shape == ((len(x),) if classes == 2 else (len(x), 3))
        chosen = (scores > 0).astype(int) if classes == 2 else scores.argmax(axis=1)
        assert (model.classes_[chosen] == model.predict(x)).all()
    else:
        assert not hasattr(model, "decision_function")
        np.testing.assert_allclose(model.predict_proba(x).sum(axis=1), 1, rtol=1e-12)
    if isinstance(loss, pl.SoftmaxCrossEntropy):
        assert model.predict_proba(x).max(axis=1).mean() < 0.95  # smoothing keeps it from being certain


@short
def test_a_pair_of_functions(numbers: Data, digits: Data) -> None:
    """½(a − y)², written by hand, is the squared error; likewise the logistic loss."""
    x, y = numbers
    pair = (lambda a, t: 0.5 * np.square(a - t).sum(axis=1), lambda a, t: a - t)
    common = {"max_iter": 5, "random_state": 0}
    mine, theirs = MLPRegressor(pair, **common).fit(x, y), MLPRegressor(**common).fit(x, y)
    np.testing.assert_allclose(mine.predict(x), theirs.predict(x), atol=1e-9)
    assert mine.history_.engine == "reference"
    x, y = digits

    def value(z: np.ndarray, t: np.ndarray) -> np.ndarray:
        return (np.logaddexp(0, z) - z * t).sum(axis=1)

    def derivative(z: np.ndarray, t: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-z)) - t

    mine = MLPClassifier(loss=(value, derivative), **common).fit(x, y % 2)
    theirs = MLPClassifier(**common).fit(x, y % 2)
    np.testing.assert_allclose(mine.predict_proba(x), theirs.predict_proba(x), atol=1e-9)
    with pytest.raises(ValueError, match=r"^The derivative is wrong"):
        MLPClassifier(loss=(value, lambda z, t: 2 * derivative(z, t))).fit(x, np.stack([y % 2, y % 3 == 0], axis=1))


def test_probabilities_keep_their_digits_far_from_one_half() -> None:
    model = MLPClassifier((), solver="lbfgs", random_state=0).fit([[-1.0], [1.0]], [0, 1])
    model.coefs_, model.intercepts_ = [np.array([[1.0]])], [np.zeros(1)]
    proba = model.predict_proba([[-300.0], [300.0]])
    np.testing.assert_allclose(proba[:, 1][0], np.exp(-300.0), rtol=1e-10)
    np.testing.assert_allclose(proba[:, 0][1], np.exp(-300.0), rtol=1e-10)
    np.testing.assert_allclose(model.predict_log_proba([[-300.0]]), [[0.0, -300.0]], atol=1e-10)
    assert model.predict_log_proba([[-1e4]])[0, 1] == -np.inf


# -- optimizers, schedules, callbacks ----------------------------------------------------------------------------


@short
@pytest.mark.parametrize("solver", ["momentum", "nesterov", "adagrad", "rmsprop", "adadelta", "adamw", "nadam", "lion"])
def test_every_optimizer_by_name(digits: Data, solver: str) -> None:
    rate = {"adadelta": 1.0, "lion": 0.001}.get(solver, 0.01)
    model = MLPClassifier(solver=solver, learning_rate_init=rate, max_iter=25, batch_size=32, random_state=0)
    assert model.fit(*digits).score(*digits) > 0.95


@short
def test_an_optimizer_stands_for_itself(digits: Data) -> None:
    optimizer = pl.AdamW(pl.StepDecay(0.01, decay=0.5, every=8), weight_decay=0.1)
    model = MLPClassifier(solver=optimizer, batch_size=32, max_iter=3, learning_rate_init=77.0, random_state=0)
    model.fit(*digits)
    assert model.history_["learning_rate"] == [0.01, 0.005, 0.0025]
    assert model._members[0].trainer.optimizer == optimizer


@short
def test_schedules(digits: Data) -> None:
    common = {"batch_size": 32, "max_iter": 4, "learning_rate_init": 0.1, "random_state": 0}
    model = MLPClassifier(learning_rate="cosine", **common).fit(*digits)  # 8 steps an epoch, 32 in all
    np.testing.assert_allclose(model.history_["learning_rate"], [pl.Cosine(0.1, 32)(s) for s in (7, 15, 23, 31)])
    model = MLPClassifier(learning_rate=lambda step: 0.01 / (1 + step), **common).fit(*digits)
    np.testing.assert_allclose(model.history_["learning_rate"], [0.01 / (1 + s) for s in (7, 15, 23, 31)])


def test_our_callbacks(digits: Data) -> None:
    x, y = digits
    epochs: list[int] = []
    stop = pl.EarlyStopping(patience=2, monitor="validation_loss")
    model = MLPClassifier(
        callbacks=[stop, lambda trainer: epochs.append(trainer.epoch)],
        validation_set=(x[:50], y[:50]),
        learning_rate_init=0.05,
        random_state=0,
    ).fit(x[50:], y[50:])
    assert epochs == list(range(1, model.n_iter_ + 1))
    assert model.n_iter_ < 60
    assert model.history_.stopped.startswith("Stopped early: validation_loss has not improved for 2 epochs")
    losses = model.validation_loss_curve_
    assert model.network_.evaluate(x[:50], y[:50])["loss"] == pytest.approx(min(losses))


# -- several models ----------------------------------------------------------------------------------------------


@short
def test_models_answer_with_the_mean(digits: Data, numbers: Data) -> None:
    x, y = digits
    model = MLPClassifier(n_models=3, max_iter=8, random_state=0).fit(x, y)
    singles = [network.predict_proba(x) for network in model.networks_]
    np.testing.assert_allclose(model.predict_proba(x), np.mean(singles, axis=0), atol=1e-12)
    assert (model.predict(x) == np.mean(singles, axis=0).argmax(axis=1)).all()
    assert len({tuple(network.parameters[:3]) for network in model.networks_}) == 3
    two = MLPClassifier(n_models=3, max_iter=8, random_state=0).fit(x, y % 2)
    singles = [network.predict_proba(x) for network in two.networks_]
    np.testing.assert_allclose(two.predict_proba(x), np.mean(singles, axis=0), atol=1e-12)
    assert (two.predict(x) == np.mean(singles, axis=0).argmax(axis=1)).all()
    x, y = numbers
    for loss, targets in (("squared_error", y), ("poisson", np.round(np.exp(y)))):
        numeric = MLPRegressor(loss, n_models=3, max_iter=8, random_state=0).fit(x, targets)
        singles = [network.predict(x) for network in numeric.networks_]
        np.testing.assert_allclose(numeric.predict(x), np.mean(singles, axis=0), atol=1e-9)


@short
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")
def test_models_are_the_same_on_any_number_of_threads(digits: Data, solver: str) -> None:
    common = {"n_models": 4, "max_iter": 5, "random_state": 0, "solver": solver, "early_stopping": True}
    models = [MLPClassifier(threads=threads, **common).fit(*digits) for threads in (1, 3, None)]
    for other in models[1:]:
        for one, two in zip(models[0].networks_, other.networks_, strict=True):
            assert one.parameters.tolist() == two.parameters.tolist()


@short
def test_the_first_model_starts_as_the_only_one_would(digits: Data) -> None:
    common = {"max_iter": 1, "learning_rate_init": 1e-300, "random_state": 0}
    one, three = (MLPClassifier(n_models=n, **common).fit(*digits) for n in (1, 3))
    np.testing.assert_array_equal(one.coefs_[0], three.coefs_[0])


@short
def test_one_file_holds_one_network(digits: Data, tmp_path: Any) -> None:
    x, y = digits
    labels = np.array(["even", "odd"])[y % 2]
    for targets in (labels, y):
        model = MLPClassifier(max_iter=3, random_state=0).fit(x, targets)
        model.save(tmp_path / "model.pellucid")
        network = pl.load(tmp_path / "model.pellucid")
        assert network.classes == tuple(map(str, model.classes_))
        assert (model.classes_[network.predict(x)] == model.predict(x)).all()


@short
def test_a_folder_holds_several_networks(digits: Data, numbers: Data, tmp_path: Any) -> None:
    x, y = digits
    for targets in (y, y % 2):
        model = MLPClassifier(max_iter=3, n_models=3, random_state=0).fit(x, targets)
        model.save(tmp_path / "three")
        together = pl.load_ensemble(tmp_path / "three")
        assert len(together.networks) == 3
        assert np.array_equal(together.predict_proba(x), model.predict_proba(x))
        assert np.array_equal(model.classes_[together.predict(x)], model.predict(x))
        assert together.evaluate(x, targets)["accuracy"] == pytest.approx(model.score(x, targets))
    x, y = numbers
    for loss in ("squared_error", pl.Quantile((0.9, 0.1))):
        regressor = MLPRegressor(loss, max_iter=3, n_models=3, random_state=0).fit(x, y)
        regressor.save(tmp_path / "three")
        assert np.array_equal(pl.load_ensemble(tmp_path / "three").predict(x), regressor.predict(x))
    with pytest.raises(ValueError, match=r"^These are 3 networks of an ensemble, which go into a folder"):
        model.save(tmp_path / "three.pellucid")
    assert not (tmp_path / "three.pellucid").exists()


@short
def test_to_onnx(digits: Data, tmp_path: Any) -> None:
    pytest.importorskip("pellucid.formats.onnx")
    runtime = pytest.importorskip("onnxruntime")
    model = MLPClassifier(max_iter=3, random_state=0).fit(*digits)
    model.to_onnx(tmp_path / "model.onnx")
    session = runtime.InferenceSession(str(tmp_path / "model.onnx"))
    assert session.get_inputs()[0].shape[1] == 64


# -- any list of layers ------------------------------------------------------------------------------------------


@short
def test_any_list_of_layers(digits: Data, numbers: Data) -> None:
    x, y = digits
    layers = [pl.Standardize(), pl.Dense(32), pl.LayerNormalization(), pl.SiLU(), pl.Maxout(16, 2)]
    model = NetworkClassifier(
        [*layers, pl.Dropout(0.1)],
        optimizer=pl.AdamW(0.01),
        penalty=pl.L1(1e-5),
        constraint=pl.MaxNorm(3.0),
        average=0.9,
        batch_size=32,
        max_iter=20,
        random_state=0,
    ).fit(x, y)
    assert model.network_.layers == (*layers, pl.Dropout(0.1), pl.Dense(10))
    assert model.score(x, y) > 0.97
    trainer = model._members[0].trainer
    assert (trainer.penalty, trainer.constraint, trainer.average) == (pl.L1(1e-5), pl.MaxNorm(3.0), 0.9)
    assert not hasattr(model, "coefs_")
    complete = NetworkClassifier([pl.Dense(5), pl.Tanh(), pl.Dense(10)], max_iter=1).fit(x, y)
    assert len(complete.network_.layers) == 3
    with pytest.raises(ValueError, match=r"^layers end in Dense\(7\), but the targets need 10 outputs: end"):
        NetworkClassifier([pl.Dense(7)]).fit(x, y)
    x, y = numbers
    regressor = NetworkRegressor([pl.Dense(20), pl.Tanh()], optimizer=pl.Adam(0.02), max_iter=100, random_state=0)
    assert regressor.fit(x, y).score(x, y) > 0.9
    with pytest.raises(TypeError, match=r"^layers\[0\] must be a layer, not 'Dense'"):
        NetworkRegressor(["Dense"]).fit(x, y)
