"""The unit of a target: training in it is training by hand on scaled numbers, and every answer is in the unit of y."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import r2_score

import pellucid as pl
from pellucid.formats import training_program, write_c
from pellucid.losses import metrics
from support.exports import ASK, LANGUAGES, ask_library, network_of
from support.samples import random_numbers

X = random_numbers((60, 3), 1)
PRICES = 4000 + 900 * (X[:, 0] - 0.5 * X[:, 1] ** 2) + 50 * random_numbers(60, 2)


def trainer(outputs: int = 1, loss: Any = "squared_error", engine: str = "auto", **options: Any) -> pl.Trainer:
    network = pl.Network([pl.Dense(8), pl.Tanh(), pl.Dense(outputs)], dtype="float64", engine=engine)
    return pl.Trainer(network, loss, pl.Adam(0.02), batch_size=16, **options)


def trained(**options: Any) -> pl.Network:
    fit = trainer(standardize_target=True, clamp=True, **options)
    fit.fit(X, PRICES, epochs=3)
    return fit.network


# -- the unit itself -----------------------------------------------------------------------------------------------


def test_there_and_back() -> None:
    unit = pl.TargetScaling((1.0, -2.0), (2.0, 0.5), low=-3.0, high=(10.0, 0.0))
    y = np.array([[5.0, -1.0], [-3.0, -3.0], [10.0, 0.0]])
    np.testing.assert_array_equal(unit.standardized(y), [[2, 2], [-2, -2], [4.5, 4]])
    np.testing.assert_array_equal(unit.predictions(unit.standardized(y)), y)
    far = np.array([[100.0, 100.0], [-100.0, -100.0]])
    np.testing.assert_array_equal(unit.predictions(far), [[10, 0], [-3, -3]])
    np.testing.assert_array_equal(unit.predictions(unit.clipped(far)), unit.predictions(far))
    assert unit.describe() == "score·(2, 0.5) + (1, -2), at least -3, at most (10, 0)"


def test_it_is_measured_on_targets() -> None:
    y = np.array([[1, 7, 0], [2, 7, 1], [6, 7, 5]])
    unit = pl.TargetScaling.measured(y)
    assert unit.mean == pytest.approx((3, 7, 2))
    assert unit.scale == pytest.approx((np.sqrt(14 / 3), 1, np.sqrt(14 / 3)))  # a constant has a scale of 1
    assert (unit.low, unit.high) == ((1, 7, 0), (6, 7, 5))
    assert pl.TargetScaling.measured(y[:, :1], standardize=False) == pl.TargetScaling(low=1.0, high=6.0)
    assert pl.TargetScaling.measured(y[:, :1], clamp=False).high is None


def test_one_column_for_all_outputs_stays_one() -> None:
    """The targets of several quantiles: a view, which is scaled as one."""
    y = np.broadcast_to(PRICES[:, None], (60, 3))
    unit = pl.TargetScaling.measured(y)
    assert (unit.mean, unit.scale) == (PRICES.mean(), PRICES.std())
    scaled = unit.standardized(y)
    assert scaled.shape == (60, 3)
    assert scaled.strides[1] == 0
    np.testing.assert_allclose(scaled[:, 2], (PRICES - PRICES.mean()) / PRICES.std())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"scale": 0.0}, "scale must be a number above 0, not 0.0."),
        ({"mean": float("nan")}, "mean must be a finite number, not nan."),
        ({"scale": (1.0, -1.0)}, r"scale\[1\] must be a number above 0, not -1.0."),
        ({"mean": (1.0, 2.0), "low": (0.0, 0.0, 0.0)}, "must have one number for each output"),
        ({"low": (0.0, 2.0), "high": 1.0}, r"low must be at most high, but low is \(0.0, 2.0\) and high is 1.0."),
        ({"low": ()}, "low must be a number or one for each output, not an empty list."),
    ],
)
def test_a_unit_that_cannot_be(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        pl.TargetScaling(**arguments)


def test_counts_have_their_mean_for_a_unit() -> None:
    y = np.array([[1, 0, 0], [2, 0, 1], [6, 0, 5]])
    unit = pl.TargetScaling.measured(y, link="exponential")
    assert (unit.mean, unit.scale, unit.low, unit.high) == (0, (3, 1, 2), (1, 0, 0), (6, 0, 5))  # of zeros: 1
    assert pl.TargetScaling(scale=20.0, high=90.0).describe("exponential") == "exp(score)·20, at most 90"


# -- training ------------------------------------------------------------------------------------------------------


def test_it_is_training_by_hand_on_scaled_numbers(engine: str) -> None:
    ours, by_hand = trainer(engine=engine, standardize_target=True), trainer(engine=engine)
    one = ours.fit(X[:40], PRICES[:40], epochs=4, validation=(X[40:], PRICES[40:]))
    mean, scale = PRICES[:40].mean(), PRICES[:40].std()  # of the training rows alone
    scaled = (PRICES - mean) / scale
    two = by_hand.fit(X[:40], scaled[:40], epochs=4, validation=(X[40:], scaled[40:]))
    assert ours.network.target == pl.TargetScaling(mean, scale)
    for column in ("loss", "validation_loss", "validation_r2"):
        np.testing.assert_allclose(one[column], two[column], rtol=1e-12)
    np.testing.assert_allclose(ours.network.predict(X), by_hand.network.predict(X) * scale + mean, rtol=1e-12)
    for name, value in by_hand.network.evaluate(X, scaled).items():
        assert ours.network.evaluate(X, PRICES)[name] == pytest.approx(value, rel=1e-10)
    value, gradient = ours.network.loss_and_gradient(X, PRICES)
    assert value == pytest.approx(ours.network.evaluate(X, PRICES)["loss"])
    np.testing.assert_allclose(gradient, by_hand.network.loss_and_gradient(X, scaled)[1], rtol=1e-9, atol=1e-12)


def test_counts_are_learnt_by_hand_in_units_of_their_mean(engine: str) -> None:
    y = np.random.default_rng(3).poisson(np.exp(4 + 0.3 * X[:, 0])).astype(float)
    ours, by_hand = trainer(1, "poisson", engine, standardize_target=True), trainer(1, "poisson", engine)
    one = ours.fit(X[:40], y[:40], epochs=4, validation=(X[40:], y[40:]))
    mean = y[:40].mean()
    two = by_hand.fit(X[:40], y[:40] / mean, epochs=4, validation=(X[40:], y[40:] / mean))
    assert ours.network.target == pl.TargetScaling(scale=mean)
    np.testing.assert_allclose(ours.network.parameters, by_hand.network.parameters, rtol=1e-12)
    for column in ("loss", "validation_loss", "validation_r2"):
        np.testing.assert_allclose(one[column], two[column], rtol=1e-12)
    np.testing.assert_allclose(ours.network.predict(X), by_hand.network.predict(X) * mean, rtol=1e-12)
    assert one["validation_r2"][-1] == pytest.approx(r2_score(y[40:], ours.network.predict(X[40:])))
    assert f"predictions: exp(score)·{mean:.6g}" in ours.network.summary()


def test_a_bias_may_take_the_unit_of_counts_back() -> None:
    """Exp(z)·m is exp(z + log m): the same predictions without a unit."""
    y = np.random.default_rng(3).poisson(np.exp(4 + 0.3 * X[:, 0])).astype(float)
    fit = trainer(1, "poisson", standardize_target=True, clamp=False)
    fit.fit(X, y, epochs=4)
    network = fit.network
    expected, value = network.predict(X), network.evaluate(X, y)["r2"]
    network.target = None
    network.set("2.bias", network.get("2.bias") + np.log(y.mean()))
    np.testing.assert_allclose(network.predict(X), expected, rtol=1e-12)
    assert network.evaluate(X, y)["r2"] == pytest.approx(value, rel=1e-10)


def test_the_doctor_sees_counts_in_their_unit() -> None:
    y = np.random.default_rng(3).poisson(np.exp(4 + 0.6 * X[:, 0])).astype(float)
    fit = trainer(1, "poisson", standardize_target=True, callbacks=[pl.EarlyStopping(patience=None)])
    fit.fit(X, y, epochs=60)
    assert "underfitting" not in [finding.name for finding in pl.diagnose(fit, X, y)]
    assert r2_score(y, fit.network.predict(X)) > 0.6


def test_clamped_predictions_stay_in_the_range_of_the_training_rows() -> None:
    network = trained()
    wide = np.concatenate([X, 100 * X])
    predicted = network.predict(wide)
    assert predicted.min() >= PRICES.min()
    assert predicted.max() <= PRICES.max()
    network.parameters = 5 * network.parameters
    predicted = network.predict(X)
    assert np.isin(predicted, [PRICES.min(), PRICES.max()]).any()  # as far as they go
    assert network.evaluate(X, PRICES)["r2"] == pytest.approx(r2_score(PRICES, predicted))
    assert trainer(clamp=True).initialize(X, PRICES).network.target == pl.TargetScaling(
        low=float(PRICES.min()), high=float(PRICES.max())
    )


def test_several_outputs_each_have_their_unit() -> None:
    y = np.stack([PRICES, 1e-3 * X[:, 1], np.full(60, 8.0)], axis=1)
    fit = trainer(3, standardize_target=True, clamp=True)
    fit.fit(X, y, epochs=3)
    network = fit.network
    assert network.target is not None
    np.testing.assert_allclose(network.target.mean, y.mean(axis=0))
    np.testing.assert_array_equal(network.predict(X)[:, 2], 8.0)
    expected = metrics(network.predict(X), y, "identity")["r2"]
    assert network.evaluate(X, y)["r2"] == pytest.approx(expected)


def test_quantiles_several_at_once() -> None:
    """Of numbers that hang on nothing, the predictions are their quantiles, in the unit of y."""
    y = 500 + 100 * np.random.default_rng(0).uniform(size=2000)
    network = pl.Network([pl.Dense(3)])
    loss = pl.Quantile((0.1, 0.5, 0.9))
    fit = pl.Trainer(
        network, loss, pl.Adam(pl.Cosine(0.03, steps=1200)), batch_size=50, standardize_target=True, clamp=True
    )
    fit.fit(np.zeros((2000, 1)), y, epochs=30)
    np.testing.assert_allclose(network.predict([[0.0]])[0], np.quantile(y, loss.levels), atol=2.0)


def test_large_numbers_keep_their_digits() -> None:
    """Seconds since 1970: in float32 they would be steps of 128."""
    y = 1.7e9 + PRICES
    network = pl.Network([pl.Dense(16), pl.Tanh(), pl.Dense(1)])
    pl.Trainer(network, "squared_error", pl.Adam(0.03), standardize_target=True).fit(X, y, epochs=150)
    predicted = network.predict(X)
    assert predicted.dtype == np.float64
    assert r2_score(y, predicted) > 0.95
    assert len(np.unique(np.abs(np.diff(predicted)) % 128)) > 30


def test_a_validation_part_is_split_off_before_it_is_measured() -> None:
    fit = trainer(standardize_target=True)
    fit.fit(X, PRICES, epochs=1, validation=0.5)
    assert fit.network.target is not None
    assert fit.network.target.mean != pytest.approx(PRICES.mean(), rel=1e-6)


def test_a_network_keeps_its_unit() -> None:
    """As it keeps its weights: other rows, and another trainer, go on in the same."""
    network = trained()
    unit = network.target
    again = pl.Trainer(network, "squared_error", pl.Adam(0.01))
    again.fit(X, 2 * PRICES, epochs=1)
    assert network.target == unit
    assert again.replica().network.target == unit
    assert trainer(standardize_target=True).initialize(X, PRICES).replica(fresh=True).network.target is None
    for other in (copy.deepcopy(network), pickle.loads(pickle.dumps(network))):
        np.testing.assert_array_equal(other.predict(X), network.predict(X))


@pytest.mark.parametrize(
    ("loss", "outputs", "y", "words"),
    [
        ("softmax_cross_entropy", 2, np.arange(60) % 2, "predicts through the link 'softmax'"),
        ("squared_error", 2, np.arange(60) % 2, "predicts through the link 'argmax'"),
        ("hinge", 1, np.arange(60) % 2, "predicts through the link 'sign'"),
    ],
)
def test_what_predicts_no_plain_numbers_refuses(loss: str, outputs: int, y: Any, words: str) -> None:
    fit = trainer(outputs, loss, standardize_target=True)
    with pytest.raises(ValueError, match=words):
        fit.fit(X, y, epochs=1)
    assert not fit.network.built
    plain = trainer(outputs, loss)
    plain.fit(X, y, epochs=1)
    with pytest.raises(ValueError, match="This network predicts through the link"):
        plain.network.target = pl.TargetScaling(1.0)
    network = trained()
    with pytest.raises(ValueError, match="predicts through the link"):
        network.link = plain.network.link


def test_exponentials_have_no_mean() -> None:
    fit = trainer(1, "poisson")
    words = (
        r"numbers above 0 whose unit has no mean, but it is 1\.0: give a scale alone, such as the mean of the targets"
    )
    fit.network.target = pl.TargetScaling(1.0, 2.0)  # nobody knows yet what it is for
    with pytest.raises(ValueError, match=words):
        fit.fit(X, np.arange(60), epochs=1)
    fit.network.target = pl.TargetScaling(scale=2.0)
    fit.fit(X, np.arange(60), epochs=1)
    with pytest.raises(ValueError, match=words):
        fit.network.target = pl.TargetScaling(1.0)
    network = trained()
    with pytest.raises(ValueError, match="numbers above 0 whose unit has no mean"):
        network.link = "exponential"


def test_a_unit_of_other_outputs_is_refused() -> None:
    network = trained()
    words = r"The target scaling has numbers for 2 outputs, but the network has 1"
    with pytest.raises(ValueError, match=words):
        network.target = pl.TargetScaling((1.0, 2.0))
    fresh = pl.Network([pl.Dense(1)])
    fresh.target = pl.TargetScaling((1.0, 2.0))
    with pytest.raises(ValueError, match=words):
        fresh.build(3)
    with pytest.raises(TypeError, match="target must be a TargetScaling or None, not 3"):
        network.target = 3  # type: ignore[assignment]


# -- files and exports ---------------------------------------------------------------------------------------------


def test_it_travels_in_the_file(tmp_path: Path) -> None:
    network = trained()
    pl.save(network, tmp_path / "prices.pellucid")
    again = pl.load(tmp_path / "prices.pellucid")
    assert again.target == network.target
    np.testing.assert_array_equal(again.predict(X), network.predict(X))
    assert again.evaluate(X, PRICES) == network.evaluate(X, PRICES)
    assert "predictions: score·" in network.summary()


@pytest.mark.parametrize("damage", [('"scale":', '"scalf":'), ('"link":"identity"', '"link":"softmax"')])
def test_a_unit_that_is_damaged_is_refused(damage: tuple[str, str], tmp_path: Path) -> None:
    path = tmp_path / "prices.pellucid"
    pl.save(trained(), path)
    data = path.read_bytes()
    one, two = (text.replace('"', '\\"').encode() for text in damage)
    assert one in data
    path.write_bytes(data.replace(one, two))
    with pytest.raises(pl.ModelFileError):
        pl.load(path)


def test_a_checkpoint_goes_on_in_the_same_unit(tmp_path: Path) -> None:
    whole, first = (trainer(standardize_target=True, clamp=True) for _ in range(2))
    whole.fit(X, PRICES, epochs=5)
    first.fit(X, PRICES, epochs=2)
    first.save(tmp_path)
    resumed = pl.Trainer.resume(tmp_path)
    assert (resumed.standardize_target, resumed.clamp) == (True, True)
    resumed.fit(X, PRICES, epochs=3)
    np.testing.assert_array_equal(resumed.network.predict(X), whole.network.predict(X))


UNITS = [
    ("identity", pl.TargetScaling(30.0, 7.0)),
    ("identity", pl.TargetScaling(-3.0, 2.0, low=-4.0)),
    (
        "identity",
        pl.TargetScaling((1.0, -20.0, 0.0), (0.5, 6.0, 1.0), low=(0.5, -25.0, -1.0), high=(1.5, -15.0, 0.5)),
    ),
    ("exponential", pl.TargetScaling(scale=7.0)),
    ("exponential", pl.TargetScaling(0.0, (0.5, 6.0, 1.0), low=(0.4, 5.0, 0.9), high=(0.6, 7.0, 1.2))),
]


@pytest.mark.parametrize(("link", "unit"), UNITS, ids=str)
@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("language", [*LANGUAGES, "int8"])
def test_every_export_answers_in_the_unit(
    language: str, outputs: int, link: str, unit: pl.TargetScaling, tmp_path: Path
) -> None:
    if outputs == 1:
        unit = unit_of_one(unit)
    network = network_of([pl.Standardize(), pl.Dense(9), pl.Tanh(), pl.Dense(outputs)], 3, link)
    network.target = unit
    rows = X.astype(np.float32)
    if language == "int8":
        write_c(network, tmp_path / "network", int8=True, rows=rows)
        answers, tolerance = ask_library(network, tmp_path / "network.c", rows), 0.2
    else:
        answers, tolerance = ASK[language](network, tmp_path, rows), 1e-4
    expected = network.predict(rows)
    assert answers.predictions.shape == expected.shape
    np.testing.assert_allclose(answers.predictions, expected, atol=tolerance * np.max(unit.scale))
    np.testing.assert_allclose(answers.scores, network.scores(rows), atol=tolerance)


def unit_of_one(unit: pl.TargetScaling) -> pl.TargetScaling:
    """The unit of the first output."""
    parts = (getattr(unit, name) for name in ("mean", "scale", "low", "high"))
    return pl.TargetScaling(*(part[0] if isinstance(part, tuple) else part for part in parts))


@pytest.mark.parametrize(("link", "unit"), UNITS, ids=str)
def test_onnx_answers_in_the_unit(link: str, unit: pl.TargetScaling, tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    network = network_of([pl.Dense(9), pl.Tanh(), pl.Dense(3)], 3, link)
    network.target = unit
    report = pl.to_onnx(network, tmp_path / "unit.onnx", x=X)
    assert report.outputs == ("variable: float32 (rows, 3)",)
    session = onnxruntime.InferenceSession(str(tmp_path / "unit.onnx"), providers=["CPUExecutionProvider"])
    said = session.run(None, {"input": X.astype(np.float32)})[0]
    np.testing.assert_allclose(said, network.predict(X), atol=1e-4 * np.max(unit.scale))


def test_counts_are_read_back_from_onnx_with_their_unit_in_the_bias(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    network = network_of([pl.Dense(9), pl.Tanh(), pl.Dense(3)], 3, "exponential")
    network.target = pl.TargetScaling(scale=(0.5, 6.0, 1.0))
    pl.to_onnx(network, tmp_path / "counts.onnx", x=X)
    again = pl.from_onnx(tmp_path / "counts.onnx")
    assert again.link == "exponential"
    assert len(again.layers) == 3
    np.testing.assert_allclose(again.predict(X), network.predict(X), rtol=1e-5)


@pytest.mark.parametrize(("link", "unit"), UNITS, ids=str)
def test_torch_answers_in_the_unit(link: str, unit: pl.TargetScaling) -> None:
    torch = pytest.importorskip("torch")
    network = network_of([pl.Dense(9), pl.Tanh(), pl.Dense(3)], 3, link, dtype="float64")
    network.target = unit
    module = pl.to_torch(network)
    with torch.no_grad():
        np.testing.assert_allclose(module(torch.tensor(X)).numpy(), network.predict(X), rtol=1e-12, atol=1e-12)
    pl.load_torch_weights(network, module.state_dict())  # the way back is as without


@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
def test_the_training_program_comes_to_the_same(loss: str) -> None:
    y = np.abs(PRICES)  # counts are at least 0
    fit = trainer(1, loss, engine="reference", standardize_target=True, clamp=True)
    with pytest.raises(ValueError, match=r"measured when training begins: call trainer\.initialize\(x, y\)"):
        training_program(fit_built())
    fit.initialize(X, y)
    program: dict[str, Any] = {"__name__": "program"}
    exec(training_program(fit), program)
    p = program["train"](X, y, 4)
    fit.fit(X, y, epochs=4)
    np.testing.assert_allclose(program["predict"](X, p)[:, 0], fit.network.predict(X), rtol=1e-9)


def fit_built() -> pl.Trainer:
    """A trainer whose network has weights, and whose training has not begun."""
    fit = trainer(standardize_target=True)
    fit.network.build(3)
    return fit
