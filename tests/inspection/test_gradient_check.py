"""The gradient check: it passes what is right, finds what is wrong by name, and changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import pellucid as pl
from pellucid.layers.layer import ParameterSpec
from pellucid.typing import Array, Floats, Shape
from support.samples import (
    LAYER_SAMPLES,
    LOSS_SAMPLES,
    PENALTY_SAMPLES,
    LayerSample,
    LossSample,
    classification,
    random_numbers,
)


@pytest.mark.parametrize("training", [False, True], ids=["prediction", "training"])
@pytest.mark.parametrize("sample", LAYER_SAMPLES, ids=str)
def test_every_layer_passes(sample: LayerSample, training: bool) -> None:
    check = pl.layer_gradient_check(sample.layer, sample.input_shape, training=training)
    assert check.passed, str(check)
    assert check.kinks == 0
    specs = sample.layer.parameter_specs(sample.input_shape)
    assert [array.name for array in check.arrays] == [*specs, "x"]
    assert all(array.checked == array.size for array in check.arrays)


@pytest.mark.parametrize("sample", LOSS_SAMPLES, ids=str)
def test_every_loss_passes(sample: LossSample) -> None:
    check = pl.loss_gradient_check(sample.loss, random_numbers((4, sample.outputs)), sample.y)
    assert check.passed, str(check)
    assert check.checked == 4 * sample.outputs


def three_layers(dtype: str = "float32") -> pl.Network:
    return pl.Network([pl.Standardize(), pl.Dense(6), pl.ReLU(), pl.Dropout(0.3), pl.Dense(3)], dtype=dtype)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("penalty", [None, *PENALTY_SAMPLES], ids=str)
def test_a_network_passes(penalty: pl.Penalty | None, training: bool) -> None:
    x, y = classification(12)
    check = pl.gradient_check(three_layers(), "softmax_cross_entropy", x, y, penalty=penalty, training=training)
    assert check.passed, str(check)
    assert [array.name for array in check.arrays] == ["1.weight", "1.bias", "4.weight", "4.bias", "x"]


def test_weights_of_the_rows_count() -> None:
    x, y = classification(12)
    assert pl.gradient_check(three_layers(), "softmax_cross_entropy", x, y, sample_weight=np.arange(12)).passed


def test_nothing_is_changed() -> None:
    x, y = classification(30)
    network = three_layers()
    trainer = pl.Trainer(network, "softmax_cross_entropy", pl.Adam(), batch_size=7)
    trainer.fit(x, y, epochs=2)
    before = [network.parameters, network.statistics, trainer.state, network.loss, x.tobytes(), y.tobytes()]
    bits = network.parameters.tobytes(), network.statistics.tobytes()
    assert pl.gradient_check(network, None, x, y, training=True).passed
    after = [network.parameters, network.statistics, trainer.state, network.loss, x.tobytes(), y.tobytes()]
    assert all(one is other or one == other for one, other in zip(before, after, strict=True))
    assert bits == (network.parameters.tobytes(), network.statistics.tobytes())


def test_an_unbuilt_network_stays_unbuilt() -> None:
    x, y = classification(12)
    network = three_layers()
    assert pl.gradient_check(network, "softmax_cross_entropy", x, y).passed
    assert not network.built


# -- what is wrong is found ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class WrongDense(pl.Dense):
    """A dense layer with a fault planted in its backward: one number of one gradient is multiplied."""

    what: str = "weight"
    place: tuple[int, ...] = (0, 0)
    factor: float = 1.1

    def backward(self, gradient: Floats, saved: Any, parameters: SimpleNamespace, context: Any) -> Any:
        of_input, gradients = super().backward(gradient, saved, parameters, context)
        wrong = (of_input if self.what == "x" else gradients[self.what]).copy()
        wrong[self.place] *= self.factor
        return (wrong, gradients) if self.what == "x" else (of_input, {**gradients, self.what: wrong})


@pytest.mark.parametrize(("what", "place"), [("weight", (3, 1)), ("weight", (0, 0)), ("bias", (2,)), ("x", (4, 3))])
@pytest.mark.parametrize("factor", [1.00001, 0.0, -1.0])
def test_one_wrong_number_is_named(what: str, place: tuple[int, ...], factor: float) -> None:
    check = pl.layer_gradient_check(WrongDense(3, what=what, place=place, factor=factor), 4)
    name = f"{what}[{', '.join(map(str, place))}]"
    assert not check.passed
    assert check.worst is not None
    assert check.worst.name == name
    assert check.worst.computed == pytest.approx(factor * check.worst.expected, rel=1e-8)
    assert check.verdict.startswith(f"Wrong: at {name} the gradient of WrongDense(3, ")


def test_in_a_network_the_name_holds_the_layer() -> None:
    network = pl.Network([pl.Dense(4), pl.Tanh(), WrongDense(3, place=(3, 1))])
    check = pl.gradient_check(network, "softmax_cross_entropy", *classification(9))
    assert check.worst is not None
    assert check.worst.name == "2.weight[3, 1]"


@pytest.mark.parametrize("seed", range(5))
def test_in_a_large_array_one_wrong_number_is_found_by_halving(seed: int) -> None:
    x, y = classification(20, features=50)
    place = (7 * seed, 3 + 11 * seed)
    network = pl.Network([WrongDense(60, place=place, factor=0.5), pl.Tanh(), pl.Dense(3)])
    check = pl.gradient_check(network, "softmax_cross_entropy", x, y, seed=seed)
    assert check.worst is not None
    assert check.worst.name == f"0.weight[{place[0]}, {place[1]}]"
    assert [array.directions for array in check.arrays] == [10, 0, 0, 0, 10]
    assert check.evaluations < 1200  # of 3000 weights and 800 inputs


def test_what_is_wrong_everywhere_is_found_in_a_large_array() -> None:
    network = pl.Network([WrongDense(60, place=(slice(None), slice(None)), factor=1.001), pl.Tanh(), pl.Dense(3)])
    check = pl.gradient_check(network, "softmax_cross_entropy", *classification(20, features=50))
    assert check.worst is not None
    assert check.worst.name.startswith("0.weight[")
    assert check.worst.error == pytest.approx(0.001, rel=0.01)


def test_small_gradients_are_checked_as_strictly_as_large_ones() -> None:
    """An absolute tolerance would let everything pass where gradients are small."""
    network = pl.Network([WrongDense(3, place=(1, 1), factor=1.5), pl.Rescale(1e-4), pl.Dense(3)])
    check = pl.gradient_check(network, "softmax_cross_entropy", *classification(9))
    assert check.worst is not None
    assert check.worst.name == "0.weight[1, 1]"


@dataclass(frozen=True)
class LogCosh(pl.Loss):
    """Σ log cosh(a − y), whose gradient is tanh(a − y), but for what is planted."""

    sign: float = 1.0

    def encode(self, y: Any, outputs: int) -> Array:
        return np.asarray(y)

    def values(self, scores: Floats, targets: Array) -> Floats:
        return np.log(np.cosh(scores - targets)).sum(axis=1)

    def gradient(self, scores: Floats, targets: Array) -> Floats:
        return self.sign * np.tanh(scores - targets)


def test_a_loss_of_ones_own() -> None:
    scores, y = random_numbers((3, 2)), random_numbers((3, 2), seed=1)
    assert pl.loss_gradient_check(LogCosh(), scores, y).passed
    wrong = pl.loss_gradient_check(LogCosh(-1.0), scores, y)
    assert not wrong.passed
    assert wrong.worst is not None
    assert wrong.worst.computed == pytest.approx(-wrong.worst.expected)
    network = pl.Network([pl.Dense(2)]).build(2)
    assert pl.gradient_check(network, LogCosh(), scores, y).passed
    assert not pl.gradient_check(network, LogCosh(-1.0), scores, y).passed


# -- kinks ---------------------------------------------------------------------------------------------------------


def test_kinks_are_skipped_and_counted() -> None:
    x = np.array([[0.0, 1.0, -1.0], [2.0, 0.0, 0.0]])
    check = pl.layer_gradient_check(pl.ReLU(), 3, x=x)
    assert check.passed
    assert (check.checked, check.kinks) == (3, 3)
    assert check.verdict == "Right: the gradient of ReLU() is that of its value, at 3 places. 3 on a kink skipped."
    assert pl.layer_gradient_check(pl.Tanh(), 3, x=x).kinks == 0


@pytest.mark.parametrize("near", [1e-9, 1e-7, 1e-6, 3e-6, 5.9e-7, 1e-4])
def test_a_kink_near_the_place_is_no_mistake(near: float) -> None:
    check = pl.layer_gradient_check(pl.ReLU(), 2, x=np.array([[near, -near], [1.0, -1.0]]))
    assert check.passed, str(check)


def test_equal_pieces_of_a_maxout_are_kinks() -> None:
    network = pl.Network([pl.Maxout(2)], dtype="float64").build(2)
    network.parameters = np.zeros(network.parameters.size)
    check = pl.gradient_check(network, "squared_error", np.ones((1, 2)), np.ones((1, 2)))
    assert check.kinks == 12  # every weight and bias decides a draw
    assert check.arrays[-1].checked == 2  # but no input does: all weights are 0


def test_where_all_is_kinks_nothing_passed() -> None:
    check = pl.layer_gradient_check(pl.ReLU(), 2, x=np.zeros((2, 2)))
    assert not check.passed
    assert check.worst is None
    assert check.verdict == "Nothing to compare: ReLU() has a kink at every place that was tried."


def test_a_mistake_beside_a_kink_is_still_found() -> None:
    network = pl.Network([WrongDense(4, place=(1, 2), factor=0.9), pl.ReLU(), pl.Dense(3)], dtype="float64").build(3)
    network.set("0.bias", [0.0, -50.0, 0.0, 0.0])
    x, y = classification(9)
    x[0] = 0.0  # all units of the first row lie on their kink
    check = pl.gradient_check(network, "softmax_cross_entropy", x, y)
    assert check.kinks > 0
    assert check.worst is not None
    assert check.worst.name == "0.weight[1, 2]"


# -- layers that break the contract --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Half(pl.Layer):
    """Keeps every second input; what it says and answers can be spoilt."""

    shape_told: bool = True
    precise: bool = True
    answers: str = "all"

    def output_shape(self, input_shape: Shape) -> Shape:
        return (input_shape[0] // 2,) if self.shape_told else input_shape

    def parameter_specs(self, input_shape: Shape) -> dict[str, ParameterSpec]:
        return {"scale": ParameterSpec((1,), pl.Constant(1.0), penalized=False)}

    def forward(self, x: Floats, parameters: SimpleNamespace, context: Any) -> tuple[Floats, Floats]:
        y = x[:, ::2] * parameters.scale
        return y if self.precise else y.astype(np.float32), x

    def backward(self, gradient: Floats, saved: Floats, parameters: SimpleNamespace, context: Any) -> Any:
        of_input = np.zeros_like(saved)
        of_input[:, ::2] = gradient * parameters.scale
        of_scale = np.array([(gradient * saved[:, ::2]).sum()])
        if self.answers == "no parameter":
            return of_input, {}
        return (None if self.answers == "no input" else of_input), {"scale": of_scale}


def test_a_layer_of_ones_own() -> None:
    assert pl.layer_gradient_check(Half(), 4).passed


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (
            Half(shape_told=False),
            "Layer 0, Half(shape_told=False): forward returned the shape (5, 2), but its output_shape stands for "
            "(5, 4). A layer that changes the shape must say so in output_shape(input_shape).",
        ),
        (
            Half(precise=False),
            "Layer 0, Half(precise=False): forward was given float64 and returned float32. A layer must keep the "
            "precision of its input: use x.dtype.type for its constants.",
        ),
        (
            Half(answers="no parameter"),
            "Layer 0, Half(answers='no parameter'): backward returned no gradient for its scale, whose shape is (1,).",
        ),
        (
            Half(answers="no input"),
            "Layer 0, Half(answers='no input'): backward returned no gradient for its input, whose shape is (5, 4).",
        ),
    ],
    ids=["shape", "precision", "parameter", "input"],
)
def test_a_layer_that_breaks_the_contract_is_named(layer: pl.Layer, message: str) -> None:
    with pytest.raises(ValueError) as error:
        pl.layer_gradient_check(layer, 4)
    assert str(error.value) == message


# -- bad input -----------------------------------------------------------------------------------------------------


def test_bad_input_is_answered() -> None:
    network, (x, y) = three_layers(), classification(9)
    with pytest.raises(ValueError, match=r"^The network was not trained yet, so it has no loss: pass one"):
        pl.gradient_check(network, None, x, y)
    with pytest.raises(ValueError, match=r"^The numbers of rows differ: x has 9, y has 8"):
        pl.gradient_check(network, "softmax_cross_entropy", x, y[:8])
    with pytest.raises(
        ValueError, match=r"^tolerance must be a number of at least|^tolerance must be a number above 0"
    ):
        pl.gradient_check(network, "softmax_cross_entropy", x, y, tolerance=0)
    with pytest.raises(TypeError, match=r"^layer must be a layer, not"):
        pl.layer_gradient_check(pl.Dense, 3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"^scores must have the shape \(n, outputs\), not \(3,\)\.$"):
        pl.loss_gradient_check("squared_error", np.zeros(3), np.zeros(3))


def test_a_value_that_overflows_is_told() -> None:
    network = pl.Network([pl.Dense(1)], dtype="float64").build(1)
    network.set("0.weight", [[1e4]])
    with pytest.raises(ValueError, match=r"^The value to differentiate is inf: there is no gradient to check"):
        pl.gradient_check(network, "poisson", np.ones((1, 1)), np.ones(1))


def test_rows_are_spread_over_those_given() -> None:
    x, y = classification(60)
    check = pl.gradient_check(three_layers(), "softmax_cross_entropy", x, y, rows=4)
    assert check.arrays[-1].size == 4 * 3
    assert pl.gradient_check(three_layers(), "softmax_cross_entropy", x, y, rows=None, limit=10).arrays[-1].size == 180
