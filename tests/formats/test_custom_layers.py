"""A layer that a user writes, with nothing else edited: trained, checked, and exported to every language."""

from __future__ import annotations

import inspect
import runpy
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import pellucid as pl
from pellucid.formats.c_source import write_c
from pellucid.formats.numpy_source import write_numpy
from pellucid.formats.prediction import prediction_of
from pellucid.initializers import Constant
from pellucid.layers.layer import Context, ParameterSpec, as_rows
from support.exports import ASK, LANGUAGES, ask_library, assert_agree, of_network
from support.samples import random_numbers


@dataclass(frozen=True)
class Snake(pl.Layer):
    """y = x + sin²(a x)/a with a learnt a for each channel."""

    def parameter_specs(self, input_shape):
        return {"a": ParameterSpec(input_shape[-1:], Constant(1.0), penalized=False)}

    def forward(self, x, parameters, context):
        return x + np.square(np.sin(parameters.a * x)) / parameters.a, x

    def backward(self, gradient, saved, parameters, context):
        a, sine = parameters.a, np.sin(parameters.a * saved)
        slope = 2 * sine * np.cos(a * saved)
        of_a = as_rows(gradient * (slope * saved - np.square(sine) / a) / a).sum(axis=0)
        return gradient * (1 + slope), {"a": of_a}


@dataclass(frozen=True)
class Mix(pl.Layer):
    """y = max(x W, x): the channels of each position, mixed where that is more."""

    def parameter_specs(self, input_shape):
        return {"weight": ParameterSpec(2 * input_shape[-1:], None, penalized=True)}

    def forward(self, x, parameters, context):
        mixed = x @ parameters.weight
        return np.maximum(mixed, x), (x, mixed > x)

    def backward(self, gradient, saved, parameters, context):
        x, is_mixed = saved
        of_mixed = gradient * is_mixed
        of_weight = as_rows(x).T @ as_rows(of_mixed)
        return of_mixed @ parameters.weight.T + gradient * ~is_mixed, {"weight": of_weight}


@dataclass(frozen=True)
class Echo(pl.Layer):
    """yₜ = xₜ + k xₜ₋₁ with a learnt k for each channel, and nothing before the first position."""

    def parameter_specs(self, input_shape):
        return {"k": ParameterSpec(input_shape[-1:], Constant(0.5), penalized=False)}

    def forward(self, x, parameters, context):
        before = np.concatenate([np.zeros_like(x[:, :1]), x[:, :-1]], axis=1)
        return x + parameters.k * before, before

    def backward(self, gradient, saved, parameters, context):
        after = np.concatenate([gradient[:, 1:], np.zeros_like(gradient[:, :1])], axis=1)
        return gradient + parameters.k * after, {"k": as_rows(gradient * saved).sum(axis=0)}


CUSTOM = [Snake(), Mix(), Echo()]


def trained(dtype: str = "float32") -> tuple[pl.Network, pl.History]:
    """A network of all three on (6, 4), and how it was trained."""
    x = random_numbers((120, 6, 4), 1)
    network = pl.Network([*CUSTOM, pl.Flatten(), pl.Dense(3)], dtype=dtype)
    trainer = pl.Trainer(network, "softmax_cross_entropy", pl.Adam(0.02), batch_size=20, seed=0)
    return network, trainer.fit(x, x[:, :3, 0].argmax(axis=1), epochs=10)


def test_they_are_defined_in_at_most_sixty_lines() -> None:
    lines = [line for layer in CUSTOM for line in inspect.getsource(type(layer)).splitlines() if line.strip()]
    assert len(lines) <= 60


def test_they_train_on_the_reference_engine() -> None:
    network, history = trained()
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    assert history.engine == "reference"
    for name, first in (("0.a", 1.0), ("2.k", 0.5)):
        assert (network.get(name) != first).all()


@pytest.mark.parametrize("layer", CUSTOM, ids=str)
@pytest.mark.parametrize("shape", [(3, 4), (2, 3, 2)])
def test_they_pass_central_differences(layer: pl.Layer, shape: tuple[int, ...]) -> None:
    assert pl.layer_gradient_check(layer, shape).passed


@pytest.mark.parametrize("language", LANGUAGES)
def test_they_are_written_as_source(language: str, tmp_path: Path) -> None:
    network, _ = trained()
    x = random_numbers((9, 6, 4), 2).astype(np.float32)
    assert_agree(ASK[language](network, tmp_path, x), of_network(network, x))


def test_they_are_written_as_onnx(tmp_path: Path) -> None:
    runtime = pytest.importorskip("onnxruntime")
    network, _ = trained()
    x = random_numbers((9, 6, 4), 2).astype(np.float32)
    report = pl.to_onnx(network, tmp_path / "net.onnx", x=x)
    assert report.input == "input: float32 (rows, 6, 4)"
    session = runtime.InferenceSession(str(tmp_path / "net.onnx"), providers=["CPUExecutionProvider"])
    (probabilities,) = session.run(["probabilities"], {"input": x})
    np.testing.assert_allclose(probabilities, network.predict_proba(x), atol=1e-5)


def test_they_are_modules_of_pytorch_with_the_same_gradient() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    network, _ = trained("float64")
    x, y = random_numbers((9, 6, 4), 2), np.arange(9) % 3
    module = pl.to_torch(network)
    scores = module(torch.tensor(x))
    np.testing.assert_allclose(scores.detach().numpy(), network.scores(x), rtol=1e-12, atol=1e-12)
    torch.nn.functional.cross_entropy(scores, torch.tensor(y)).backward()
    _, gradient = network.loss_and_gradient(x, y)
    for name, view in network.program.views().items():
        theirs = module.get_parameter(name).grad.numpy()
        np.testing.assert_allclose(theirs.T if name == "4.weight" else theirs, view.of(gradient), atol=1e-12)
    again = pl.Network(network.layers, dtype="float64").build((6, 4), seed=5)
    pl.load_torch_weights(again, module.state_dict())
    np.testing.assert_array_equal(again.parameters, network.parameters)


def test_in_int8_they_are_refused_in_one_sentence(tmp_path: Path) -> None:
    network, _ = trained()
    with pytest.raises(ValueError, match=r"^layer 1, Mix\(\), .*cannot be computed in int8.*omit int8"):
        write_c(network, tmp_path / "net", int8=True, rows=random_numbers((20, 6, 4)))
    assert not list(tmp_path.iterdir())


def test_a_curve_of_each_number_may_stand_in_int8(tmp_path: Path) -> None:
    """Without numbers for each unit int8 knows it as a table."""

    @dataclass(frozen=True)
    class Bell(pl.Layer):
        def forward(self, x, parameters, context):
            return np.exp(-np.square(x)), x

    network = pl.Network([pl.Dense(8), Bell(), pl.Dense(2)]).build(3)
    assert "int8" in str(write_c(network, tmp_path / "net", int8=True, rows=random_numbers((50, 3))))


# -- every operation, in every language ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Everything(pl.Layer):
    """Operations that no layer of the catalogue needs, on (4, 6)."""

    def output_shape(self, input_shape):
        return (18,)

    def forward(self, x, parameters, context):
        positive = np.abs(x) + 0.5
        parts = [
            np.log(positive).mean(axis=(1, 2), keepdims=True)[:, :, 0],
            np.log1p(positive).sum(axis=(1, 2))[:, None],
            np.power(positive, 1.5).min(axis=-1)[:, :2],
            (-x).max(axis=1)[:, 1:3],
            ((x >= 0.1) & (x < 1)).astype(x.dtype)[:, 0, :3],
            (np.minimum(x, 0.3) * (x <= 0.5)).sum(axis=2)[:, 1:3],
            np.pad(x, ((0, 0), (1, 2), (0, 0)))[:, 2, :2],
            np.full_like(x, 2.5)[:, 0, :1],
            (np.swapaxes(x, 1, 2) @ x / 4).max(axis=(1, 2))[:, None],
            x.astype(np.int64).astype(x.dtype)[:, 1, :2],
            np.stack([np.expm1(x), 1 - x], axis=2)[:, 3, :, 0][:, :1],
        ]
        return np.concatenate(parts, axis=1), None


@pytest.mark.parametrize("language", LANGUAGES)
def test_rare_operations_agree(language: str, tmp_path: Path) -> None:
    network = pl.Network([Everything()], engine="reference").build((4, 6))
    x = random_numbers((9, 4, 6), 3).astype(np.float32)
    assert_agree(ASK[language](network, tmp_path, x), of_network(network, x))


def test_rare_operations_agree_in_onnx_and_pytorch(tmp_path: Path) -> None:
    network = pl.Network([Everything()], engine="reference").build((4, 6))
    x = random_numbers((9, 4, 6), 3).astype(np.float32)
    pytest.importorskip("onnxruntime")
    assert pl.to_onnx(network, tmp_path / "net.onnx", x=x).given_rows == 9
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    np.testing.assert_allclose(pl.to_torch(network)(torch.tensor(x)).numpy(), network.scores(x), rtol=1e-5, atol=1e-6)


@dataclass(frozen=True)
class Extremes(pl.Layer):
    """Where languages differ in what they make of NaN."""

    def forward(self, x, parameters, context):
        return np.minimum(np.maximum(x, 0), 1e6) + np.where(x > 1, x, -x) + np.tanh(x), None


@pytest.mark.parametrize(
    "layer", [Extremes(), pl.ReLU(), pl.ELU(), pl.Softplus(), pl.HardTanh(), pl.Sigmoid()], ids=str
)
def test_the_largest_numbers(layer: pl.Layer, tmp_path: Path) -> None:
    network = pl.Network([layer]).build(4)
    x = np.array([[-0.0, 3e38, -3e38, 1.0]], dtype=np.float32)
    with np.errstate(all="ignore"):
        expected, _ = layer.forward(x, SimpleNamespace(), Context())
    write_numpy(network, tmp_path / "net")
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(runpy.run_path(str(tmp_path / "net.py"))["scores"](x), expected, rtol=1e-6)
    write_c(network, tmp_path / "net")
    np.testing.assert_allclose(ask_library(network, tmp_path / "net.c", x).scores, expected, rtol=1e-6)


@pytest.mark.parametrize(
    "layer", [Extremes(), pl.ReLU(), pl.ELU(), pl.Softplus(), pl.HardTanh(), pl.Sigmoid()], ids=str
)
def test_not_a_number_and_infinities_stay_what_they_are_in_pytorch(layer: pl.Layer) -> None:
    """The programs refuse them."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    x = np.array([[np.nan, np.inf, -np.inf, 1.0]], dtype=np.float32)
    with np.errstate(all="ignore"):
        expected, _ = layer.forward(x, SimpleNamespace(), Context())
    module = pl.to_torch(pl.Network([layer]).build(4))
    np.testing.assert_allclose(module(torch.tensor(x)).numpy(), expected, rtol=1e-6)


# -- what cannot be read ---------------------------------------------------------------------------------------------


def _in_place(x: Any) -> Any:
    y = x * 2
    y[:, 0] = 0
    return y


def _through_a_view(x: Any) -> Any:
    y = x * 2
    first = y[:, :1]
    first += 1
    return y


UNREADABLE = {
    "by values": (lambda x: x if (x[:, 0] > 0) else -x, "decides by the values of its input"),
    "a function": (lambda x: np.cumsum(x, axis=1), "uses np.cumsum, which is no operation"),
    "a method": (lambda x: x.cumsum(axis=1), "uses the method or attribute cumsum of its input, which is no operation"),
    "in place": (_in_place, "writes into an array"),
    "a view": (_through_a_view, "changes an array in place that shares its memory"),
    "examples": (lambda x: x - x.mean(axis=0), "mixes the examples of a batch, in mean"),
    "a softmax of examples": (lambda x: (x.T @ x)[:1] + x, "mixes the examples of a batch, in matmul"),
    "a reshape": (lambda x: x.reshape(1, -1)[:, :3] + x, "mixes the examples"),
    "a loop": (lambda x: sum(x), "walks through its input in Python"),
    "an array": (lambda x: np.asarray(x) + 1, "turns its input into an array of its own"),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_what_cannot_be_read_names_layer_and_function(case: str, tmp_path: Path) -> None:
    function, words = UNREADABLE[case]

    class Odd(pl.Layer):
        """A layer that NumPy computes and no other language could."""

        def forward(self, x: Any, parameters: SimpleNamespace, context: Any) -> Any:
            return function(x), None

    network = pl.Network([pl.Residual([pl.Dense(3), Odd()]), pl.Dense(2)], engine="reference").build(3)
    message = rf"^layer 0\.1, Odd\(\) cannot be written in another language: forward {words}"
    for write in (prediction_of, pl.to_torch, lambda network: pl.to_onnx(network, tmp_path / "net.onnx")):
        with pytest.raises(ValueError, match=message):
            write(network)
