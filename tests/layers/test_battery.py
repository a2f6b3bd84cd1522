"""One battery for every layer of `LAYERS`: a new one joins it by a sample in `support.samples`."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import pellucid as pl
from pellucid.configuration import from_configuration, to_configuration
from pellucid.kernel import Kernel
from pellucid.layers import LAYERS, Container
from pellucid.layers.layer import Context
from pellucid.program.compilation import compile_program
from pellucid.streams import Purpose, Stream
from pellucid.typing import Floats
from support.numerics import assert_gradient
from support.samples import RANKED_LAYER_SAMPLES, LayerSample, random_numbers

ROWS = 5


def namespace(values: dict[str, Floats]) -> SimpleNamespace:
    """Arrays by attribute, as layers are given them."""
    return SimpleNamespace(**values)


every_layer = pytest.mark.parametrize("sample", RANKED_LAYER_SAMPLES, ids=str)
both_dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])
in_training = pytest.mark.parametrize("training", [False, True], ids=["prediction", "training"])


def setting(
    sample: LayerSample, dtype: str = "float64", training: bool = False
) -> tuple[Floats, dict[str, Floats], dict[str, Floats], Context]:
    """Inputs (ROWS, *input_shape), random parameters, statistics measured on other inputs, and the context."""
    x = sample.inputs(ROWS, seed=1).astype(dtype)
    parameters = {
        name: random_numbers(spec.shape, seed=2 + number).astype(dtype)
        for number, (name, spec) in enumerate(sample.layer.parameter_specs(sample.input_shape).items())
    }
    measured = sample.layer.fit_statistics(random_numbers((20, sample.input_shape[-1]), seed=9, scale=3.0) + 1.0)
    statistics = {  # running averages start at a number of their own; away from it, they tell more
        name: np.full(shape, value + 0.5).astype(dtype)
        for name, (shape, value) in sample.layer.statistic_specs(sample.input_shape).items()
    }
    statistics.update({name: np.asarray(values).astype(dtype) for name, values in measured.items()})
    stream = Stream(3, Purpose.LAYER, index=1, counter=4) if training else None
    return x, parameters, statistics, Context(training, stream, namespace(statistics))


def test_every_layer_has_a_sample() -> None:
    layers = {name for name, cls in LAYERS.items() if not issubclass(cls, Container)}
    assert {type(sample.layer).__name__ for sample in RANKED_LAYER_SAMPLES} == layers


@every_layer
@both_dtypes
@in_training
def test_shapes_and_dtypes(sample: LayerSample, dtype: str, training: bool) -> None:
    x, parameters, _, context = setting(sample, dtype, training)
    output_shape = sample.layer.output_shape(sample.input_shape)
    y, saved = sample.layer.forward(x, namespace(parameters), context)
    assert y.shape == (ROWS, *output_shape)
    assert y.dtype == dtype
    gradient, gradients = sample.layer.backward(np.ones_like(y), saved, namespace(parameters), context)
    assert gradient is not None
    assert gradient.shape == x.shape
    assert gradient.dtype == dtype
    assert {name: (g.shape, g.dtype) for name, g in gradients.items()} == {
        name: (p.shape, p.dtype) for name, p in parameters.items()
    }


@every_layer
@in_training
def test_gradients_by_central_differences(sample: LayerSample, training: bool) -> None:
    x, parameters, _, context = setting(sample, training=training)
    layer = sample.layer

    def projected(numbers: Floats, parameters: dict[str, Floats]) -> float:
        x = np.concatenate([numbers, codes], axis=-1)
        return float((layer.forward(x, namespace(parameters), context)[0] * projection).sum())

    numbers, codes = x[..., : sample.free], x[..., sample.free :]  # codes are no numbers: nothing can be a little more
    y, saved = layer.forward(x, namespace(parameters), context)
    projection = random_numbers(y.shape, seed=7)  # a plain sum would hide what cancels, as in softmax
    gradient, gradients = layer.backward(projection, saved, namespace(parameters), context)
    assert gradient is not None
    of_numbers = gradient[..., : sample.free]
    if sample.free:
        assert_gradient(of_numbers, lambda at: projected(at, parameters), numbers, name=f"{layer}, input")
    assert not gradient[..., sample.free :].any()
    for name, values in parameters.items():
        assert_gradient(
            gradients[name],
            lambda at, name=name: projected(numbers, {**parameters, name: at}),
            values,
            name=f"{layer}, {name}",
        )


@every_layer
@in_training
def test_gradients_of_parameters_do_not_need_that_of_the_input(sample: LayerSample, training: bool) -> None:
    x, parameters, _, context = setting(sample, training=training)
    y, saved = sample.layer.forward(x, namespace(parameters), context)
    _, expected = sample.layer.backward(np.ones_like(y), saved, namespace(parameters), context)
    _, alone = sample.layer.backward(
        np.ones_like(y), saved, namespace(parameters), context._replace(input_gradient=False)
    )
    assert set(alone) == set(expected)
    for name, values in expected.items():
        np.testing.assert_array_equal(alone[name], values)


def frozen(value: Any) -> Any:
    """Make every array in it read-only: whoever writes to one is found out."""
    if isinstance(value, np.ndarray):
        value.flags.writeable = False
    elif isinstance(value, tuple | list):
        for item in value:
            frozen(item)
    elif isinstance(value, SimpleNamespace):
        for item in vars(value).values():
            frozen(item)
    elif isinstance(value, dict):
        for item in value.values():
            frozen(item)
    return value


@every_layer
@in_training
def test_nothing_given_is_changed(sample: LayerSample, training: bool) -> None:
    x, parameters, statistics, context = setting(sample, training=training)
    before = [array.tobytes() for array in (x, *parameters.values(), *statistics.values())]
    given = frozen(namespace(parameters))
    frozen(context.statistics)
    y, saved = sample.layer.forward(frozen(x), given, context)
    gradient = frozen(np.ones_like(y))
    sample.layer.backward(gradient, frozen(saved), given, context)
    assert [array.tobytes() for array in (x, *parameters.values(), *statistics.values())] == before
    assert (gradient == 1).all()


@every_layer
def test_same_stream_same_numbers_and_a_layer_that_draws_says_so(sample: LayerSample) -> None:
    x, parameters, _, context = setting(sample, training=True)
    first = sample.layer.forward(x, namespace(parameters), context)[0]
    again = sample.layer.forward(x, namespace(parameters), context)[0]
    np.testing.assert_array_equal(first, again)
    assert context.stream is not None
    other = sample.layer.forward(x, namespace(parameters), context._replace(stream=context.stream.at(5)))[0]
    if not np.array_equal(first, other):
        assert sample.layer.draws, "a layer that draws random numbers must declare it, or it is given no stream"


@every_layer
def test_rows_do_not_mix_in_prediction(sample: LayerSample) -> None:
    x, parameters, _, context = setting(sample)
    together = sample.layer.forward(x, namespace(parameters), context)[0]
    for row in range(ROWS):
        alone = sample.layer.forward(x[row : row + 1], namespace(parameters), context)[0]
        np.testing.assert_allclose(alone[0], together[row], rtol=1e-12, atol=1e-14)


@every_layer
def test_configuration_round_trip(sample: LayerSample) -> None:
    data = to_configuration(sample.layer)
    assert data["type"] == type(sample.layer).__name__
    assert from_configuration(data, LAYERS, "layer") == sample.layer


@every_layer
def test_its_text_makes_it_again(sample: LayerSample) -> None:
    assert eval(str(sample.layer), vars(pl) | {name: getattr(pl, name) for name in pl.__all__ if name != "plots"}) == (
        sample.layer
    )


@every_layer
def test_it_is_a_value(sample: LayerSample) -> None:
    assert hash(sample.layer) == hash(from_configuration(to_configuration(sample.layer), LAYERS, "layer"))
    with pytest.raises(AttributeError):
        sample.layer.new = 1  # type: ignore[attr-defined]


@every_layer
def test_specifications(sample: LayerSample) -> None:
    layer = sample.layer
    instruction = compile_program([layer], sample.input_shape).instructions[0]
    assert instruction.parameter_count == sum(
        math.prod(spec.shape) for spec in layer.parameter_specs(sample.input_shape).values()
    )
    for name, spec in layer.parameter_specs(sample.input_shape).items():
        assert spec.penalized == (name == "weight"), f"{name}: only weights are penalized"
    measured = layer.fit_statistics(np.zeros((2, *sample.input_shape)))
    assert set(measured) in (set(), set(layer.statistic_specs(sample.input_shape)))
    kernel = layer.kernel()
    assert kernel is None or isinstance(kernel, Kernel)
    assert kernel is None or all(type(number) is float for number in kernel.numbers)


def test_kernels_have_names_of_their_own() -> None:
    """Layers share one only where they are the same function of their numbers: scalings by statistics, ELU and SELU."""
    owners: dict[str, set[str]] = {}
    for sample in RANKED_LAYER_SAMPLES:
        kernel = sample.layer.kernel()
        if kernel is not None:
            owners.setdefault(kernel.name, set()).add(type(sample.layer).__name__)
    shared = {name: classes for name, classes in owners.items() if len(classes) > 1}
    assert shared == {
        "standardize": {"Standardize", "MinMax", "Center"},
        "elu": {"ELU", "SELU"},
        "reshape": {"Flatten", "Reshape"},
        "convolution": {"Conv1D", "Conv2D"},
        "max_pooling": {"MaxPooling1D", "MaxPooling2D", "GlobalMaxPooling"},
        "average_pooling": {"AveragePooling1D", "AveragePooling2D", "GlobalAveragePooling"},
    }


@every_layer
@both_dtypes
def test_one_layer_as_a_network(sample: LayerSample, dtype: str, engine: str) -> None:
    if engine == "native" and sample.layer.kernel() is None:
        pytest.skip("the reference engine's alone")
    x = sample.inputs(ROWS, seed=1)
    network = pl.Network([sample.layer], dtype=dtype, engine=engine).build(sample.input_shape, seed=5)
    network.fit_statistics(x)
    scores = network.scores(x)
    expected, _ = sample.layer.forward(
        x.astype(dtype),
        namespace({name.split(".")[1]: values for name, values in network.named_parameters().items()}),
        Context(
            statistics=namespace({n.split(".")[1]: v.astype(dtype) for n, v in network.named_statistics().items()})
        ),
    )
    assert scores.dtype == dtype
    tolerance = 1e-5 if dtype == "float32" else 1e-13
    np.testing.assert_allclose(scores, expected, rtol=tolerance, atol=tolerance)
