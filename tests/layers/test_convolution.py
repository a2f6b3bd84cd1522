"""Convolution and pooling: worked examples, SciPy, and what is refused."""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy import signal

import pellucid as pl
from pellucid.layers.layer import Context, Layer
from pellucid.typing import Floats, Shape


def lin(low: float, high: float, shape: Shape) -> Floats:
    """Evenly spaced numbers in an array."""
    return np.linspace(low, high, int(np.prod(shape))).reshape(shape)


def last(x: Floats) -> Floats:
    """Images with their channels last."""
    return np.moveaxis(x, 1, -1)


def run(layer: Layer, x: Floats, gradient: Floats | None = None, **parameters: Floats) -> Any:
    """The output, and the gradients where one comes from behind."""
    given = SimpleNamespace(**parameters)
    y, saved = layer.forward(x, given, Context())
    return y if gradient is None else (y, *layer.backward(gradient, saved, given, Context()))


# -- the worked example of Stanford's course CS231n, with its digits -----------------------------------------------


def worked() -> tuple[pl.Conv2D, Floats, dict[str, Floats]]:
    layer = pl.Conv2D(3, 4, stride=2, padding=1)
    kernel = lin(-0.2, 0.3, (3, 3, 4, 4)).transpose(2, 3, 1, 0)  # (kh, kw, c_in, filters)
    return layer, last(lin(-0.1, 0.5, (2, 3, 4, 4))), {"weight": kernel, "bias": lin(-0.1, 0.2, (3,))}


def test_the_worked_example_forward() -> None:
    layer, x, parameters = worked()
    expected = [
        [[[-0.08759809, -0.10987781], [-0.18387192, -0.2109216]],
         [[0.21027089, 0.21661097], [0.22847626, 0.23004637]],
         [[0.50813986, 0.54309974], [0.64082444, 0.67101435]]],
        [[[-0.98053589, -1.03143541], [-1.19128892, -1.24695841]],
         [[0.69108355, 0.66880383], [0.59480972, 0.56776003]],
         [[2.36270298, 2.36904306], [2.38090835, 2.38247847]]],
    ]  # fmt: skip
    np.testing.assert_allclose(run(layer, x, **parameters), last(np.array(expected)), atol=5e-9)


def test_the_worked_example_backward() -> None:
    layer, x, parameters = worked()
    _, of_x, gradients = run(layer, x, last(lin(-0.5, 0.5, (2, 3, 2, 2))), **parameters)
    expected = [
        [0.07274247, 0.14311341, 0.13672849, 0.06786257],
        [0.13800547, 0.27126786, 0.26032229, 0.1291578],
        [0.11429006, 0.22748556, 0.21653998, 0.10909091],
        [0.05887808, 0.11720888, 0.11264822, 0.05673457],
    ]
    np.testing.assert_allclose(of_x[0, :, :, 0], expected, atol=5e-9)
    np.testing.assert_allclose(gradients["bias"], [-1.39130435, 0, 1.39130435], atol=5e-9)
    assert np.abs(of_x).sum() == pytest.approx(14.22815445, abs=5e-9)
    assert np.abs(gradients["weight"]).sum() == pytest.approx(28.01858124, abs=5e-9)


def test_the_worked_example_of_a_maximum() -> None:
    y = run(pl.MaxPooling2D(2), last(lin(-0.3, 0.4, (2, 3, 4, 4))))
    first = [[-0.26315789, -0.24842105], [-0.20421053, -0.18947368]]
    np.testing.assert_allclose(y[0, :, :, 0], first, atol=5e-9)
    np.testing.assert_allclose(y[1, :, :, 2], [[0.32631579, 0.34105263], [0.38526316, 0.4]], atol=5e-9)


# -- SciPy, and loops written out -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("shape", "size"), [((5, 7), (2, 3)), ((4, 4), (1, 1)), ((6, 3), (5, 2))])
def test_scipys_correlation(shape: Shape, size: Shape) -> None:
    random = np.random.default_rng(0)
    x, w = random.normal(size=(*shape, 3)), random.normal(size=(*size, 3, 2))
    y = run(pl.Conv2D(2, size, bias=False), x[None], weight=w)[0]
    for f in range(2):
        expected = sum(signal.correlate(x[..., c], w[..., c, f], mode="valid") for c in range(3))
        np.testing.assert_allclose(y[..., f], expected, rtol=1e-12)


def by_loops(layer: Any, x: Floats, weight: Floats) -> Floats:
    """A 2-D correlation as its definition has it, one number at a time."""
    windows = layer.windows(x.shape[1:])
    padded = np.pad(x, ((0, 0), *windows.padding, (0, 0)))
    y = np.zeros((len(x), *windows.outputs, weight.shape[-1]))
    inputs, group = weight.shape[-2], weight.shape[-1] // (x.shape[-1] // weight.shape[-2])
    for n, i, j, f in itertools.product(*map(range, y.shape)):
        for a, b, c in itertools.product(*map(range, weight.shape[:3])):
            row = i * windows.stride[0] + a * windows.dilation[0]
            column = j * windows.stride[1] + b * windows.dilation[1]
            y[n, i, j, f] += padded[n, row, column, f // group * inputs + c] * weight[a, b, c, f]
    return y


@pytest.mark.parametrize(
    "layer",
    [
        pl.Conv2D(4, (3, 2), stride=(2, 1), padding="same", dilation=(1, 2), bias=False),
        pl.Conv2D(4, 3, padding=((2, 0), (1, 3)), groups=2, bias=False),
        pl.DepthwiseConv2D((2, 3), multiplier=2, stride=2, padding=1, bias=False),
    ],
    ids=str,
)
def test_loops(layer: Any) -> None:
    random = np.random.default_rng(1)
    x = random.normal(size=(2, 5, 6, 4))
    weight = random.normal(size=layer.parameter_specs(x.shape[1:])["weight"].shape)
    np.testing.assert_allclose(run(layer, x, weight=weight), by_loops(layer, x, weight), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("n", "stride", "size"), [(7, 2, 3), (8, 2, 3), (5, 3, 2), (4, 1, 4), (9, 4, 1), (2, 2, 5)])
def test_same_has_one_output_a_stride_and_the_odd_zero_behind(n: int, stride: int, size: int) -> None:
    windows = pl.Conv1D(1, size, stride, "same").windows((n, 1))
    assert windows.outputs == (-(-n // stride),)
    before, after = windows.padding[0]
    assert after - before in (0, 1)


def test_a_transposed_convolution_is_the_derivative_of_one() -> None:
    random = np.random.default_rng(2)
    forward = pl.Conv2D(3, 3, stride=2, padding=1, bias=False)
    x, weight = random.normal(size=(2, 7, 5, 4)), random.normal(size=(3, 3, 4, 3))
    gradient = random.normal(size=(2, 4, 3, 3))
    _, of_x, _ = run(forward, x, gradient, weight=weight)
    back = pl.Conv2DTranspose(4, 3, stride=2, padding=1, bias=False)
    np.testing.assert_allclose(run(back, gradient, weight=weight.swapaxes(2, 3)), of_x, rtol=1e-12, atol=1e-12)


def test_padding_never_wins_and_never_counts() -> None:
    x = np.full((1, 3, 3, 1), -2.0)
    assert (run(pl.MaxPooling2D(3, stride=1, padding="same"), x) == -2).all()
    assert (run(pl.AveragePooling2D(3, stride=1, padding="same"), x) == -2).all()


def test_fans() -> None:
    spec = pl.Conv2D(8, (3, 5), groups=2).parameter_specs((9, 9, 4))["weight"]
    assert spec.fans == (3 * 5 * 2, 3 * 5 * 4)
    assert spec.shape == (3, 5, 2, 8)


# -- what is refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (pl.Conv2D(4, 5), (4, 9, 1), "reaches over 5 positions of the height, but the input .4, 9, 1. has 4"),
        (pl.Conv2D(4, 3), (784,), "takes images .height, width, channels., but its input has the shape .784,."),
        (pl.Conv2D(4, 3), (28, 28), r"add a Reshape\(\(28, 28, 1\)\) in front"),
        (pl.Conv2D(4, 3), (1, 28, 28), r"numpy\.moveaxis\(x, 1, -1\)"),
        (pl.Conv2D(4, 3, groups=2), (8, 8, 3), "groups must divide the number of input channels, 3, but it is 2"),
        (pl.Conv1D(4, 3), (8, 8, 3), "takes sequences .time, channels."),
        (pl.GlobalAveragePooling(), (5,), "takes positions"),
    ],
    ids=str,
)
def test_a_shape_it_cannot_take(layer: Layer, shape: Shape, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        pl.Network([layer]).build(shape)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: pl.Conv2D(4, 3, stride=0), "stride must be a whole number of at least 1, not 0"),
        (lambda: pl.Conv2D(0, 3), "filters must be a whole number of at least 1, not 0"),
        (lambda: pl.Conv2D(4, 3, padding="causal"), "padding 'causal' is unknown"),
        (lambda: pl.Conv2D(4, 3, padding=-1), "padding must be a whole number of at least 0, not -1"),
        (lambda: pl.Conv2D(4, (3, 3, 3)), "kernel_size must be a whole number, or one for each axis"),
        (lambda: pl.Conv2D(5, 3, groups=2), "groups must divide the number of filters, 5, but it is 2"),
        (lambda: pl.MaxPooling2D(0), "size must be a whole number of at least 1, not 0"),
    ],
)
def test_a_number_it_cannot_have(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
