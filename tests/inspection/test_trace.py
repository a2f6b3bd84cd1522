"""The trace: its numbers are those of the step, its words are sums that come out, and it changes nothing."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import pellucid as pl
from pellucid.formulas import Formulas, LossFormulas, formulas_of
from pellucid.layers import Add, Concatenate
from pellucid.losses import LOSSES
from pellucid.typing import Floats
from support.samples import (
    FREE_LAYER_SAMPLES,
    LAYER_SAMPLES,
    LOSS_SAMPLES,
    OPTIMIZER_SAMPLES,
    LayerSample,
    LossSample,
    classification,
    random_numbers,
)
from test_worked_examples import B1, B2, GRADIENTS, HIDDEN, LOSS, LOSS_AFTER_A_STEP, OUTPUT, W1, W2, sigmoid_network


@pytest.fixture
def scalar() -> pl.Trace:
    network = sigmoid_network([1, 1, 1], [[[1.58]], [[2.45]]], [[-0.14], [-0.11]], "reference")
    return pl.trace(network, "squared_error", [[0.8]], [[1.0]], optimizer=pl.GradientDescent(0.1))


@pytest.fixture
def two_three_two() -> pl.Trace:
    network = sigmoid_network([2, 3, 2], [W1, W2], [B1, B2], "reference")
    return pl.trace(network, "squared_error", [[0.8, 0.2]], [[0.0, 1.0]], optimizer=pl.GradientDescent(0.1))


# -- the numbers ---------------------------------------------------------------------------------------------------


def test_the_scalar_example_by_hand(scalar: pl.Trace) -> None:
    assert [float(layer.output.item()) for layer in scalar.layers] == pytest.approx(
        [1.124, 0.7547299213576082, 1.73908830732614, 0.850571226530534], rel=1e-14
    )
    assert scalar.cost == pytest.approx(0.011164479170294499, rel=1e-13)
    assert scalar.layers[2].gradient.weight.item() == pytest.approx(-0.014334109526226761, rel=1e-13)
    assert scalar.layers[2].gradient.bias.item() == pytest.approx(-0.018992369482903983, rel=1e-13)
    assert scalar.layers[2].input_gradient.item() == pytest.approx(-0.04653130523311476, rel=1e-13)
    assert scalar.layers[0].gradient.weight.item() == pytest.approx(-0.006890827214701939, rel=1e-13)
    assert scalar.layers[0].after.weight.item() == pytest.approx(1.5806890827214704, rel=1e-14)
    assert scalar.cost_after == pytest.approx(0.011095884100559231, rel=1e-13)


def test_the_scalar_example_as_it_is_written(scalar: pl.Trace) -> None:
    lines = [line.strip().split("    where")[0] for line in str(scalar).splitlines()]
    for line in (
        "z₁ = x·W₁ + b₁ = 0.8·1.58 − 0.14 = 1.124",
        "a₁ = σ(z₁) = σ(1.124) = 0.7547",
        "z₂ = a₁·W₂ + b₂ = 0.7547·2.45 − 0.11 = 1.7391",
        "C = ½ Σ (a₂ − y)² = ½(0.8506 − 1)² = 0.011164",
        "∂C/∂a₂ = a₂ − y = 0.8506 − 1 = −0.1494",
        "∂C/∂z₂ = (a₂ − y)·σ′(z₂) = −0.1494·0.1271 = −0.0190",
        "∂C/∂b₂ = ∂C/∂z₂ = (a₂ − y)·σ′(z₂) = −0.1494·0.1271 = −0.0190",
        "∂C/∂W₂ = a₁ᵀ·∂C/∂z₂ = 0.7547·(−0.0190) = −0.0143",
        "∂C/∂a₁ = ∂C/∂z₂·W₂ᵀ = −0.0190·2.45 = −0.0465",
        "W₂ = 2.45 − 0.1·(−0.0143) = 2.4514",
        "C after the step = 0.011096, before it 0.011164",
    ):
        assert line in lines, line


def test_the_second_example_by_hand(two_three_two: pl.Trace) -> None:
    layers = two_three_two.layers
    np.testing.assert_allclose(layers[1].output[0], HIDDEN, rtol=1e-14)
    np.testing.assert_allclose(layers[3].output[0], OUTPUT, rtol=1e-14)
    assert two_three_two.cost == pytest.approx(LOSS, rel=1e-14)
    assert two_three_two.cost_after == pytest.approx(LOSS_AFTER_A_STEP, rel=1e-14)
    for name, expected in GRADIENTS.items():
        index, parameter = name.split(".")
        layer = layers[int(index)]
        np.testing.assert_allclose(getattr(layer.gradient, parameter), expected, rtol=1e-13)
        before, after = getattr(layer.parameters, parameter), getattr(layer.after, parameter)
        np.testing.assert_allclose(after, before - 0.1 * np.array(expected), rtol=1e-14)
        np.testing.assert_allclose(getattr(layer.update, parameter), after - before, rtol=1e-12)
    assert "z₁[2] = 0.8·(−0.1569) + 0.2·(−0.8750) + 0.0187 = −0.2818" in str(two_three_two)
    assert "∂C/∂a₁[0] = 0.0554·0.0107 + (−0.1466)·(−0.8746) = 0.1288" in str(two_three_two)


@pytest.mark.parametrize("optimizer", OPTIMIZER_SAMPLES, ids=repr)
def test_it_is_the_step_that_the_trainer_makes(optimizer: pl.Optimizer) -> None:
    """From the middle of a training on, with dropout's mask, the batch's own mean, slots, clipping and decay."""
    x, y = classification(12)
    layers = [pl.Dense(5), pl.BatchNormalization(), pl.ReLU(), pl.Dropout(0.4), pl.Dense(3)]
    network = pl.Network(layers, dtype="float64", engine="reference")
    trainer = pl.Trainer(network, "softmax_cross_entropy", optimizer, "full", penalty=pl.L2(0.01), seed=5)
    trainer.fit(x, y, epochs=3)
    before = (trainer.state, network.parameters.tobytes(), network.statistics.tobytes(), x.tobytes(), y.tobytes())
    traced = pl.trace(
        network, None, x, y, optimizer=optimizer, penalty=pl.L2(0.01), state=trainer.state, training=True, seed=5
    )
    assert before[0] is trainer.state
    assert before[1:] == (network.parameters.tobytes(), network.statistics.tobytes(), x.tobytes(), y.tobytes())
    trainer.fit(x, y, epochs=1)
    after = np.concatenate([values.ravel() for layer in traced.layers for values in vars(layer.after).values()])
    np.testing.assert_array_equal(after, network.parameters)
    for place, slot in enumerate(optimizer.slot_names):
        kept = [values.ravel() for layer in traced.layers for values in vars(layer.slots_after[slot]).values()]
        np.testing.assert_array_equal(np.concatenate(kept), trainer.state.slots[place])
    assert traced.step == 3
    assert trainer.history["loss"][-1] == pytest.approx(traced.cost - traced.penalty_cost, rel=1e-12)


def test_gradients_are_those_of_the_network() -> None:
    x, y = classification(7)
    weight = np.arange(1.0, 8.0)
    network = pl.Network([pl.Standardize(), pl.Dense(4), pl.Tanh(), pl.Dense(3)], dtype="float64").build(3, seed=2)
    network.fit_statistics(x)
    expected = {"penalty": pl.ElasticNet(0.1), "sample_weight": weight}
    loss, gradient = network.loss_and_gradient(x, y, loss="softmax_cross_entropy", **expected)
    traced = pl.trace(network, "softmax_cross_entropy", x, y, **expected)
    flat = np.concatenate([values.ravel() for layer in traced.layers for values in vars(layer.gradient).values()])
    np.testing.assert_allclose(flat, gradient, rtol=1e-12, atol=1e-15)
    assert traced.cost == pytest.approx(loss, rel=1e-13)
    assert traced.cost_after is None
    assert vars(traced.layers[1].after) == {}


def test_its_arrays_are_its_own_and_cannot_be_written_to(two_three_two: pl.Trace) -> None:
    with pytest.raises(ValueError, match="read-only"):
        two_three_two.layers[0].gradient.weight[0, 0] = 1.0
    network = pl.Network([pl.Dense(1)], dtype="float64").build(1)
    x = np.ones((1, 1))
    traced = pl.trace(network, "squared_error", x, [1.0])
    x[0, 0] = 5.0
    assert traced.x.item() == 1.0


# -- the words -----------------------------------------------------------------------------------------------------


def test_every_layer_and_loss_of_the_catalogue_has_words() -> None:
    layers = {type(sample.layer): sample.layer for sample in LAYER_SAMPLES}
    for layer in [*layers.values(), Add(), Concatenate()]:
        formulas = formulas_of(layer)
        assert isinstance(formulas, Formulas), layer
        assert bool(formulas.derivative) != bool(formulas.gradient), f"{layer}: of each unit, or of the whole"
    for sample in LAYER_SAMPLES:
        formulas = formulas_of(sample.layer)
        assert isinstance(formulas, Formulas)
        assert set(sample.layer.parameter_specs(sample.input_shape)) <= set(formulas.parameters)
    for loss in LOSSES.values():
        assert isinstance(loss.formulas, LossFormulas), loss
        assert loss.formulas.value


_FUNCTIONS = {
    "σ": lambda z: 1 / (1 + math.exp(-z)),
    "relu": lambda z: max(z, 0.0),
    "tanh": math.tanh,
    "softsign": lambda z: z / (1 + abs(z)),
    "silu": lambda z: z / (1 + math.exp(-z)),
    "log": math.log,
    "exp": math.exp,
}
_SMALL = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


def computed(words: str) -> float | None:
    """What an arithmetic expression of a trace comes to, by Python's own arithmetic; None where it has words in it."""
    python = re.sub(r" of \d+ smaller terms", "", words)
    python = re.sub(r"·10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)", lambda found: f"e{found[1].translate(_SMALL)}", python)
    python = python.replace("−", "-").replace("·", "*").replace("²", "**2").replace("½", "0.5*")
    python = re.sub(r"log (\S+)", r"log(\1)", python)
    python = re.sub(r"\|([^|]+)\|", r"abs(\1)", python)
    names = set(re.findall(r"[^\W\d]\w*", re.sub(r"\de-?\d+", "0", python)))
    if "[" in python or not names <= {*_FUNCTIONS, "abs"}:
        return None
    try:
        return float(eval(python, {"__builtins__": {}, "abs": abs}, _FUNCTIONS))
    except SyntaxError:
        return None


def check_sums(text: str) -> int:
    """Compute every line's last expression, and compare with what stands behind the last sign of equality."""
    checked = 0
    for line in text.splitlines():
        parts = line.strip().split("    where")[0].split(" = ")
        if len(parts) < 3:
            continue
        expression, result = (computed(part) for part in parts[-2:])
        if expression is not None and result is not None:
            scale = max(1e-9, *(abs(float(n)) for n in re.findall(r"\d+\.?\d*", parts[-2].replace("−", "-"))))
            assert expression == pytest.approx(result, rel=1e-7, abs=1e-9 * scale), line
            checked += 1
    return checked


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("sample", FREE_LAYER_SAMPLES, ids=str)
def test_the_sums_of_every_layer_come_out(sample: LayerSample, rows: int) -> None:
    network = pl.Network([pl.Dense(sample.input_shape[0]), sample.layer, pl.Dense(2)], dtype="float64")
    network.build(sample.input_shape, seed=1)
    network.fit_statistics(random_numbers((9, *sample.input_shape), seed=3))
    x, y = random_numbers((rows, *sample.input_shape)), random_numbers((rows, 2), seed=4)
    traced = pl.trace(network, "squared_error", x, y, optimizer=pl.GradientDescent(0.1), penalty=pl.L2(0.1))
    assert check_sums(traced.text(unit="all", digits=14)) >= 8


@pytest.mark.parametrize("sample", LOSS_SAMPLES, ids=str)
def test_the_sums_of_every_loss_come_out(sample: LossSample) -> None:
    network = pl.Network([pl.Dense(sample.outputs)], dtype="float64").build(2, seed=1)
    weight = [1.0, 0.5, 2.0, 1.5]
    for row in range(4):
        for sample_weight in (None, weight):
            traced = pl.trace(network, sample.loss, random_numbers((4, 2)), sample.y, sample_weight=sample_weight)
            text = traced.text(row=row, unit="all", digits=14)
            assert check_sums(text) >= sample.outputs
            formulas = sample.loss.formulas
            assert formulas is not None
            if formulas.gradient in ("{x} − {t}", "{p} − {t}"):
                assert len(re.findall(r"− .*(/4|·.*/5)? = .*", text)) >= sample.outputs


def test_a_check_of_sums_can_fail(scalar: pl.Trace) -> None:
    text = scalar.text(digits=14)
    assert check_sums(text) == 18
    wrong = text.replace("0.8·1.58 − 0.14", "0.8·1.58 − 0.15")
    assert wrong != text
    with pytest.raises(AssertionError):
        check_sums(wrong)


def test_a_larger_layer_shows_the_unit_that_matters_most_or_the_one_asked_for() -> None:
    x, y = classification(2, features=20)
    network = pl.Network([pl.Dense(30), pl.Tanh(), pl.Dense(3)], dtype="float64").build(20, seed=1)
    traced = pl.trace(network, "softmax_cross_entropy", x, y)
    largest = int(np.abs(traced.layers[0].output_gradient[1]).argmax())
    text = traced.text(row=1)
    assert f"z₁[{largest}] = " in text
    assert "of 14 smaller terms" in text
    assert "(30 numbers)" in text
    assert "row 1 of 2" in text
    only = traced.text(unit=17)
    assert "z₁[17] = " in only
    assert f"z₁[{largest}] = " not in only
    assert "z₂[0] = " not in only
    assert all(f"a₁[{unit}] = " in traced.text(unit="all") for unit in range(30))


def test_dropout_noise_and_the_order_of_symbols() -> None:
    layers = [
        pl.Rescale(0.5),
        pl.Dense(4),
        pl.BatchNormalization(),
        pl.ReLU(),
        pl.Dropout(0.5),
        pl.Sigmoid(),
        pl.Tanh(),
    ]
    network = pl.Network(layers, dtype="float64").build(3)
    traced = pl.trace(network, "squared_error", np.ones((2, 3)), np.zeros((2, 4)), training=True)
    assert [layer.symbols.output for layer in traced.layers] == ["s₁", "z₁", "n₁", "a₁", "d₁", "h₅", "h₆"]
    assert "as in training" in str(traced)
    assert "m is 0 for the fraction 0.5, else 1/(1 − 0.5)" in str(traced)
    kept = traced.layers[4]
    np.testing.assert_array_equal(kept.output, kept.input * kept.derivative)


@dataclass(frozen=True)
class Square(pl.Layer):
    """A layer of one's own, without words; its name is not fit for a page."""

    name: str = "<script>alert('x')</script>&"

    def forward(self, x: Floats, parameters: SimpleNamespace, context: Any) -> tuple[Floats, Floats]:
        return x * x, x

    def backward(self, gradient: Floats, saved: Floats, parameters: SimpleNamespace, context: Any) -> Any:
        return 2 * saved * gradient, {}


@dataclass(frozen=True)
class Doubled(pl.Dense):
    """A dense layer with a forward of its own: the words of `Dense` would be untrue."""

    def forward(self, x: Floats, parameters: SimpleNamespace, context: Any) -> tuple[Floats, Floats]:
        return 2 * super().forward(x, parameters, context)[0], x


def test_a_layer_without_words_is_traced_all_the_same() -> None:
    network = pl.Network([pl.Dense(2), Square()], dtype="float64").build(2)
    traced = pl.trace(network, "squared_error", np.ones((1, 2)), np.zeros((1, 2)))
    assert "h₁ = Square(z₁) = [" in str(traced)
    np.testing.assert_allclose(traced.layers[1].input_gradient, 2 * traced.layers[0].output * traced.layers[1].output)
    assert formulas_of(Doubled(2)) is None
    assert formulas_of(pl.MinMax()) is not None
    loss = pl.CustomLoss(lambda s, t: np.cosh(s - t).sum(axis=1), lambda s, t: np.sinh(s - t), outputs=2)
    assert "C = " in str(pl.trace(network, loss, np.ones((1, 2)), np.zeros((1, 2))))


# -- plain data, JSON ----------------------------------------------------------------------------------------------


def test_json_holds_every_number_to_the_last_bit(two_three_two: pl.Trace) -> None:
    data = json.loads(two_three_two.to_json())
    assert data == two_three_two.to_dict()
    assert data["cost"] == two_three_two.cost
    assert data["cost_after"] == two_three_two.cost_after
    assert [layer["layer"] for layer in data["layers"]] == ["Dense(3)", "Sigmoid()", "Dense(2)", "Sigmoid()"]
    for layer, plain in zip(two_three_two.layers, data["layers"], strict=True):
        for name in ("output", "output_gradient", "input_gradient"):
            np.testing.assert_array_equal(np.array(plain[name]), getattr(layer, name))
        for name, values in plain["parameters"].items():
            assert values["symbol"] == layer.symbols.parameters[name]
            np.testing.assert_array_equal(np.array(values["value"]), getattr(layer.parameters, name))
            for kind in ("gradient", "update", "after"):
                np.testing.assert_array_equal(np.array(values[kind]), getattr(getattr(layer, kind), name))
    assert data["layers"][3]["formulas"]["∂C/∂z₂"] == "(a₂ − y)·σ′(z₂)"
    assert data["optimizer"]["rate"] == 0.1


def test_what_is_not_finite_is_kept_and_said() -> None:
    network = pl.Network([pl.Dense(1)], dtype="float64").build(1)
    network.set("0.weight", [[1e4]])
    traced = pl.trace(network, "poisson", np.ones((1, 1)), np.ones(1), optimizer="adam")
    assert math.isinf(traced.cost)
    assert "= ∞" in str(traced)
    data = json.loads(traced.to_json(), parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert data["cost"] == "Infinity"
    assert data["layers"][0]["parameters"]["weight"]["after"] == [["NaN"]]
    assert "∞" in traced.to_html()


# -- HTML ----------------------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """Reads a page: every tag that opens must close, in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.tips: list[str] = []
        self.label = ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attributes: Any) -> None:
        self.tags.append((tag, dict(attributes)))
        if tag == "span" and dict(attributes).get("class") == "tip":
            self.tips.append("")
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.label += data
        if self.open and self.open[-1] == "span" and self.tips and self.tags[-1][1].get("class") == "tip":
            self.tips[-1] += data


def pages() -> list[pl.Trace]:
    x, y = classification(3, features=9)
    wide = pl.Network([pl.Standardize(), pl.Dense(60), pl.ReLU(), pl.Dropout(0.2), pl.Dense(3)]).build(9)
    own = pl.Network([pl.Dense(2), Square()], dtype="float64").build(9)
    return [
        pl.trace(wide, "softmax_cross_entropy", x, y, optimizer="adam", training=True, penalty=pl.L1(0.1)),
        pl.trace(own, "squared_error", x, np.zeros((3, 2)), optimizer="gradient_descent"),
        pl.trace(own, "hinge", x[:1], y[:1] // 2),
    ]


@pytest.mark.parametrize("number", range(3))
def test_html_is_well_formed_and_loads_nothing(number: int) -> None:
    traced = pages()[number]
    html = traced.to_html()
    page = Page(html)
    assert html.startswith("<!DOCTYPE html>")
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "link", "img", "iframe", "object", "embed"}
    attributes = {name for _, given in page.tags for name in given}
    assert attributes <= {"class", "style", "tabindex", "lang", "charset", "name", "content", "http-equiv"}
    assert "url(" not in html
    assert "http" not in html.replace("http-equiv", "")
    layers = len(traced.layers)
    step = sum(bool(vars(layer.parameters)) for layer in traced.layers) if traced.optimizer else 0
    assert [tag for tag, _ in page.tags].count("details") == 1 + 2 * (layers + 1) + step
    assert Page(traced._repr_html_()).open == []
    assert "<html" not in traced._repr_html_()


def test_html_escapes_what_it_is_given() -> None:
    html = pages()[1].to_html()
    assert "<script" not in html
    assert "alert" not in html  # the default of a field is not shown
    network = pl.Network([pl.Dense(2), Square("<b>&\"'")], dtype="float64").build(2)
    page = Page(pl.trace(network, "squared_error", np.ones((1, 2)), np.zeros((1, 2))).to_html())
    assert "Square(name='<b>&\"\\''" in page.label
    assert ("b", {"class": "x"}) not in page.tags


def test_a_unit_under_the_pointer_shows_its_sum(two_three_two: pl.Trace) -> None:
    tips = Page(two_three_two.to_html()).tips
    for words in (
        "z₁[2] = 0.8·(−0.1569) + 0.2·(−0.8750) + 0.0187 = −0.2818",
        "a₁[0] = σ(0.5389) = 0.6316",
        "∂C/∂a₂[1] = 0.2944 − 1 = −0.7056",
        "∂C/∂W₂[2, 1] = 0.4300·(−0.1466) = −0.0630",
        "∂C/∂x[0] = 0.0300·(−0.1150) + (−0.00364)·(−0.6580) + 0.0168·(−0.1569) = −0.00368",
        "W₂[0, 0] = 0.0107 − 0.1·0.0350 = 0.00721",
    ):
        assert words in tips, words


def test_a_page_is_saved_whole(two_three_two: pl.Trace, tmp_path: Any) -> None:
    two_three_two.save_html(tmp_path / "trace.html")
    assert (tmp_path / "trace.html").read_text(encoding="utf-8") == two_three_two.to_html()
    with pytest.raises(FileNotFoundError, match="does not exist"):
        two_three_two.save_html(tmp_path / "nowhere" / "trace.html")


def test_images_stay_images() -> None:
    """64 inputs and more stand in a square, and of a very wide layer the page stays small."""
    network = pl.Network([pl.Dense(2000), pl.ReLU(), pl.Dense(10)]).build(784, seed=0)
    html = pl.trace(network, "softmax_cross_entropy", random_numbers((1, 784)), [3], optimizer="adam").to_html()
    assert "repeat(28,max-content)" in html
    assert "the first 1,024 of 2,000" in html
    assert len(html) < 3_000_000


# -- bad input -----------------------------------------------------------------------------------------------------


def test_bad_input_is_answered(two_three_two: pl.Trace) -> None:
    network = pl.Network([pl.Dense(2)])
    with pytest.raises(ValueError, match=r"^The network has no parameters yet: train it, or call network\.build"):
        pl.trace(network, "squared_error", np.ones((1, 2)), np.ones((1, 2)))
    network.build(2)
    with pytest.raises(ValueError, match=r"^The network was not trained yet, so it has no loss"):
        pl.trace(network, None, np.ones((1, 2)), np.ones((1, 2)))
    with pytest.raises(ValueError, match=r"^x has rows of shape \(3,\), but the network was built for"):
        pl.trace(network, "squared_error", np.ones((1, 3)), np.ones((1, 2)))
    with pytest.raises(ValueError, match=r"^x has 5,000 rows, and a trace keeps every number"):
        pl.trace(network, "squared_error", np.ones((5000, 2)), np.ones((5000, 2)))
    trainer = pl.Trainer(network, "squared_error", "adam")
    trainer.fit(np.ones((3, 2)), np.ones((3, 2)), epochs=1)
    with pytest.raises(ValueError, match=r"^state holds 2 slots, but Momentum has 1: pass the optimizer that"):
        pl.trace(network, None, np.ones((1, 2)), np.ones((1, 2)), optimizer="momentum", state=trainer.state)
    for arguments, message in (
        ({"row": 1}, r"^row must be a whole number of at least 0 and at most 0, not 1"),
        ({"unit": 3}, r"^unit must be a whole number of at least 0 and at most 2, not 3"),
        ({"unit": "every"}, r"^unit must be a whole number, 'all' or None, not 'every'"),
        ({"digits": 0}, r"^digits must be a whole number of at least 1 and at most 16, not 0"),
    ):
        with pytest.raises(ValueError, match=message):
            two_three_two.text(**arguments)
