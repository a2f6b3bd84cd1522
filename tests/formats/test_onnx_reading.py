"""ONNX files that are read: what PyTorch, Keras and scikit-learn wrote predicts the same here, all else is refused."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

import pellucid as pl
from pellucid.typing import Array, Floats
from support.samples import FREE_LAYER_SAMPLES, LayerSample, random_numbers

onnx = pytest.importorskip("onnx", reason="ONNX files need the extra `formats`")
helper = pytest.importorskip("onnx.helper")

GOLDEN = sorted((Path(__file__).parent / "golden" / "exchange").glob("*.onnx"))
MUTATIONS = 300  # of every file


def named(path: Path) -> str:
    return path.stem


def answers_of(network: pl.Network, x: Array) -> Floats:
    return network.predict_proba(x) if network.link in ("softmax", "sigmoid") else network.predict(x)


def same_answers(ours: Floats, theirs: Floats) -> None:
    """To rounding; of yes and no some libraries tell both probabilities, some the second."""
    if ours.shape != theirs.shape and ours.ndim == 2 and ours.shape[1] == 2:
        ours = ours[:, 1:]
    np.testing.assert_allclose(ours.reshape(theirs.shape), theirs, rtol=1e-5, atol=1e-6)


# -- what other libraries wrote ------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", GOLDEN, ids=named)
def test_what_other_libraries_wrote_predicts_the_same(path: Path, engine: str) -> None:
    recorded = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    x, answers = np.array(recorded["x"]), np.array(recorded["answers"])
    assert np.ptp(answers, axis=0).max() > 1e-3, "the recorded answers do not depend on the input"
    network = pl.from_onnx(path, engine=engine)
    same_answers(answers_of(network, x), answers)


def test_there_are_files_of_every_library() -> None:
    assert {path.stem.split("-")[0] for path in GOLDEN} == {"keras", "sklearn", "torch"}


def golden(name: str, **options: Any) -> pl.Network:
    return pl.from_onnx(next(path for path in GOLDEN if path.stem == name), **options)


def test_layers_are_known_again() -> None:
    layers = " ".join(map(str, golden("torch-everything-trace").layers))
    assert layers == (
        "Dense(6) BatchNormalization() ReLU() Dense(5) LayerNormalization() GELU() Dense(5) SiLU() "
        "Dense(4, bias=False) Mish() PReLU() Softplus() Softsign() HardTanh() SELU() ELU() LeakyReLU() ELU() Dense(6) "
        "GELU(approximate='tanh') Dense(6) HardTanh(minimum=0.0, maximum=6.0) Dense(8) HardTanh(minimum=0.0) "
        "Dense(3)"
    )
    older, newer = golden("torch-everything-opset-13"), golden("torch-everything-trace")
    assert older.layers == newer.layers


def test_names_of_classes_come_along() -> None:
    assert golden("sklearn-classes").classes == ("ant", "bee", "cat")
    assert golden("sklearn-table").classes == ("ant", "bee", "cat")
    assert golden("sklearn-yes").classes == ("3", "5")
    assert golden("torch-yes-trace").classes is None


def test_the_link_is_what_the_file_ends_with() -> None:
    links = {path.stem: pl.from_onnx(path).link for path in GOLDEN}
    assert links["torch-scores-trace"] == links["sklearn-number"] == links["keras-activations"] == "identity"
    assert links["torch-yes-dynamo"] == links["sklearn-several"] == links["keras-images"] == "sigmoid"
    assert links["torch-everything-trace"] == links["sklearn-table"] == links["keras-classes"] == "softmax"


def test_the_link_can_be_said() -> None:
    x = random_numbers((5, 3))
    scores, classes = golden("torch-scores-trace"), golden("torch-scores-trace", link="softmax")
    np.testing.assert_array_equal(classes.predict(x), scores.predict(x).argmax(axis=1))
    stays = golden("torch-yes-trace", link="identity")
    assert str(stays.layers[-1]) == "Sigmoid()"
    np.testing.assert_allclose(stays.predict(x), golden("torch-yes-trace").predict_proba(x)[:, 1], rtol=1e-6)
    with pytest.raises(ValueError, match="link 'soft' is unknown"):
        golden("torch-scores-trace", link="soft")


def test_a_network_that_was_read_can_be_trained_further() -> None:
    network = golden("torch-scores-trace", link="softmax")
    x, y = random_numbers((60, 3)), np.arange(60) % 3
    before = network.evaluate(x, y, loss="softmax_cross_entropy")["loss"]
    pl.Trainer(network, "softmax_cross_entropy", pl.Adam(0.01), seed=0).fit(x, y, epochs=5)
    assert network.evaluate(x, y)["loss"] < before


# -- what Pellucid wrote -------------------------------------------------------------------------------------------


READ = [sample for sample in FREE_LAYER_SAMPLES if not isinstance(sample.layer, pl.PeriodicEmbedding)]


@pytest.mark.parametrize("sample", READ, ids=str)
@pytest.mark.parametrize("before", [(), (pl.Dense(4),), (pl.Tanh(),)], ids=["in front", "behind dense", "behind tanh"])
def test_every_layer_comes_back(sample: LayerSample, before: tuple[pl.Layer, ...], tmp_path: Path) -> None:
    network = pl.Network([*before, sample.layer]).build(sample.input_shape, seed=3)
    x = random_numbers((9, *network.input_shape))
    network.fit_statistics(3 * x + 1)
    pl.to_onnx(network, tmp_path / "one.onnx")
    again = pl.from_onnx(tmp_path / "one.onnx", link="identity")
    np.testing.assert_allclose(again.scores(x), network.scores(x), rtol=1e-5, atol=1e-5)
    assert again.dtype == network.dtype


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (pl.PeriodicEmbedding(), r"Mul .* do not fit rows of \(4, 1\)"),
        (pl.CategoryEmbedding((2, 3)), "the operator Slice is no part of a dense network here"),
        (pl.Residual([pl.Dense(4)]), "the graph branches and joins here"),
    ],
    ids=str,
)
def test_layers_that_do_not_come_back_say_so(layer: pl.Layer, words: str, tmp_path: Path) -> None:
    pl.to_onnx(pl.Network([layer, pl.Dense(2)]).build(4), tmp_path / "one.onnx")
    with pytest.raises(pl.OnnxError, match=words):
        pl.from_onnx(tmp_path / "one.onnx")


@some.composite
def networks(draw: Callable[[Any], Any]) -> pl.Network:
    """Any layers one behind the other."""
    layers = draw(some.lists(some.sampled_from([sample.layer for sample in READ]), min_size=1, max_size=6))
    network = pl.Network(layers).build(draw(some.integers(1, 6)), seed=draw(some.integers(0, 2**32)))
    network.fit_statistics(random_numbers((20, *network.input_shape), scale=3.0) - 5.0)
    network.link = draw(some.sampled_from(["identity", "sigmoid", "softmax"][: 3 if network.outputs > 1 else 2]))
    return network


@given(network=networks())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_network_comes_back(network: pl.Network, tmp_path: Path) -> None:
    report = pl.to_onnx(network, tmp_path / "any.onnx")
    again = pl.from_onnx(tmp_path / "any.onnx", link=network.link)
    x = random_numbers((10, *network.input_shape), seed=5)
    theirs = answers_of(network, x)
    np.testing.assert_allclose(answers_of(again, x), theirs, atol=max(report.allowed, 1e-5 * np.abs(theirs).max()))


def test_trained_digits_come_back(tmp_path: Path) -> None:
    digits = pl.datasets.load_digits()
    network = pl.Network([pl.Standardize(), pl.Dense(16), pl.ReLU(), pl.Dropout(0.1), pl.Dense(10)])
    pl.Trainer(network, pl.SoftmaxCrossEntropy(), pl.Adam(0.01), seed=0).fit(*digits.train, epochs=2)
    network.classes = [f"digit {number}" for number in range(10)]
    pl.to_onnx(network, tmp_path / "digits.onnx")
    again = pl.from_onnx(tmp_path / "digits.onnx")
    assert str(again.layers[0]) == "Standardize()"
    assert (again.link, again.classes) == ("softmax", network.classes)
    np.testing.assert_array_equal(again.predict(digits.test.x), network.predict(digits.test.x))


@pytest.mark.parametrize("link", ["argmax", "sign", "exponential"])
def test_other_links_come_back(link: str, tmp_path: Path) -> None:
    network = pl.Network([pl.Dense(3 if link == "argmax" else 1)]).build(2)
    network.link = link
    pl.to_onnx(network, tmp_path / "link.onnx")
    assert pl.from_onnx(tmp_path / "link.onnx").link == link


# -- graphs made by hand -------------------------------------------------------------------------------------------


def constant(name: str, values: Any, dtype: Any = np.float32) -> Any:
    return onnx.numpy_helper.from_array(np.array(values, dtype=dtype), name)


def model_of(nodes: Sequence[Any], constants: Sequence[Any] = (), shape: Sequence[Any] = ("n", 2), **more: Any) -> Any:
    """A model from its nodes; x comes in, y goes out."""
    x = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, shape)
    y = helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)
    graph = helper.make_graph(list(nodes), "by hand", [x], [y], list(constants), **more)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., pl.Network]:
    """Writes a model and reads it."""

    def read(model: Any, **options: Any) -> pl.Network:
        path = tmp_path / "by-hand.onnx"
        path.write_bytes(model.SerializeToString())
        return pl.from_onnx(path, **options)

    return read


def node(operator: str, inputs: str, output: str = "y", **attributes: Any) -> Any:
    return helper.make_node(operator, inputs.split(), [output], **attributes)


X = np.array([[-1.5, 0.25], [0.5, 2.0], [3.0, -0.1]])


@pytest.mark.parametrize(
    ("nodes", "constants", "layers", "expected"),
    [
        ([node("Gemm", "x w b", alpha=2.0, beta=0.5)], {"w": [[1, 2, 3], [4, 5, 6]], "b": [2, 4, 6]}, "Dense(3)",
         2 * X @ [[1, 2, 3], [4, 5, 6]] + [1, 2, 3]),
        ([node("Transpose", "w", "wt", perm=[1, 0]), node("MatMul", "x wt")], {"w": [[1, 2]]}, "Dense(1, bias=False)",
         X @ [[1], [2]]),
        ([node("Sub", "x m", "c"), node("Div", "c s")], {"m": [1, 2], "s": [2, 4]}, "Standardize()",
         (X - [1, 2]) / [2, 4]),
        ([node("Mul", "x s", "a"), node("Add", "a m")], {"m": [1, 2], "s": [0, 4]}, "BatchNormalization()",
         X * [0, 4] + [1, 2]),
        ([node("Sub", "one x")], {"one": 1.0}, "Rescale(-1.0, offset=1.0)", 1 - X),
        ([node("Neg", "x", "a"), node("Relu", "a", "b"), node("Relu", "x", "c"), node("Mul", "b s", "d"),
          node("Add", "c d")], {"s": [-0.5, -0.2]}, "PReLU(per_unit=True)", np.where(X > 0, X, [0.5, 0.2] * X)),
        ([node("Max", "x zero")], {"zero": 0.0}, "ReLU()", np.maximum(X, 0)),
        ([node("Min", "x six", "a"), node("Max", "zero a")], {"six": 6.0, "zero": -1.0},
         "HardTanh(maximum=6.0)", np.clip(X, -1, 6)),
        ([node("HardSigmoid", "x")], {}, "Rescale(0.2, offset=0.5) HardTanh(minimum=0.0)",
         np.clip(0.2 * X + 0.5, 0, 1)),
        ([node("Selu", "x", alpha=2.0, gamma=3.0)], {}, "ELU(alpha=2.0) Rescale(3.0)",
         3 * np.where(X > 0, X, 2 * np.expm1(X))),
        ([node("Swish", "x")], {}, "SiLU()", X / (1 + np.exp(-X))),
        ([node("Abs", "x", "a"), node("Add", "a one", "b"), node("Div", "x b")], {"one": 1.0}, "Softsign()",
         X / (1 + np.abs(X))),
        ([node("Unsqueeze", "x last", "a"), node("Squeeze", "a last", "b"), node("Identity", "b", "c"),
          node("Dropout", "c")], {"last": np.int64(2)}, "Identity()", X),
        ([node("Gemm", "x w"), ], {"w": np.array([[1.0], [2.0]])}, "Dense(1, bias=False)", X @ [[1], [2]]),
    ],
)  # fmt: skip
def test_forms_that_are_known(
    nodes: Sequence[Any], constants: dict[str, Any], layers: str, expected: Floats, read: Callable[..., pl.Network]
) -> None:
    dtypes = {
        name: values.dtype if isinstance(values, np.generic) else np.float32 for name, values in constants.items()
    }
    network = read(model_of(nodes, [constant(name, values, dtypes[name]) for name, values in constants.items()]))
    assert " ".join(map(str, network.layers)) == layers
    np.testing.assert_allclose(network.scores(X), expected, rtol=1e-6, atol=1e-6)


def test_weights_of_float64_make_a_network_of_float64(read: Callable[..., pl.Network]) -> None:
    assert read(model_of([node("MatMul", "x w")], [constant("w", [[1], [2]], np.float64)])).dtype == np.float64
    half = read(model_of([node("MatMul", "x w")], [constant("w", [[1], [2]], np.float16)]))
    assert half.dtype == np.float32
    assert half.scores(X).ravel().tolist() == pytest.approx((X @ [1, 2]).tolist())


def test_images_are_flattened(read: Callable[..., pl.Network]) -> None:
    weight = constant("w", random_numbers((6, 2)))
    for shape in ([-1, 6], [0, -1], [0, 6]):
        nodes = [node("Reshape", "x s", "rows"), node("MatMul", "rows w")]
        network = read(model_of(nodes, [weight, constant("s", shape, np.int64)], ("n", 2, 3)))
        assert network.input_shape == (6,)


@pytest.mark.parametrize(
    ("nodes", "constants", "words"),
    [
        ([node("Conv", "x w")], {"w": [[1.0]]}, r"operator Conv is no part of a dense network here\. Read are: Abs, "),
        ([node("Gemm", "x w", transA=1)], {"w": [[1], [2]]}, "it transposes its rows"),
        ([node("MatMul", "x w")], {"w": [[1.0]]}, r"weight has the shape \(1, 1\), but a row in front of it \(2,\)"),
        ([node("MatMul", "x w")], {"w": [1.0, 2.0]}, r"must have 2 dimensions, but its shape is \(2,\)"),
        ([node("MatMul", "x w")], {"w": [[math.nan], [1]]}, "w of MatMul .* holds values that are not finite"),
        ([node("MatMul", "x x")], {}, "its input 1 should be a constant"),
        ([node("MatMul", "w x")], {"w": [[1, 2]]}, "should be computed from the network's"),
        ([node("Gemm", "x nothing")], {}, "nothing computes 'nothing'"),
        ([node("Add", "x w")], {"w": [1, 2, 3]}, r"numbers of the shape \(3,\) do not fit rows of \(2,\)"),
        ([node("Tanh", "x", "a"), node("Add", "x a")], {}, "the graph branches and joins here"),
        ([node("Tanh", "x", "a"), node("Div", "x a")], {}, "a quotient of two values"),
        ([node("Div", "x w")], {"w": [0.0]}, "divides by 0"),
        ([node("Exp", "x", "a"), node("Tanh", "a")], {}, "the function exp stands alone"),
        ([node("Softmax", "x", axis=0)], {}, "must go over the features of a row"),
        ([node("Reshape", "x w")], {"w": [-1.0]}, "its shape should be a list of whole numbers"),
        ([node("Cast", "x", to=7)], {}, "turns numbers into whole ones"),
        ([node("Clip", "x low")], {"low": 1.0}, r"a clip to \[1, inf\] is no layer"),
        ([node("LeakyRelu", "x", alpha=math.inf)], {}, "its alpha is inf"),
        ([node("Elu", "x", alpha=-1.0)], {}, "alpha must be a number above 0"),
        ([node("BatchNormalization", "x w w w w", training_mode=1)], {"w": [1, 1]}, r"call model\.eval\(\) first"),
        ([node("BatchNormalization", "x w w w v")], {"w": [1, 1], "v": [1, -1]}, "numbers do not fit rows"),
        ([node("Identity", "w")], {"w": [1.0]}, "nothing that the graph answers depends on its input"),
        ([node("Relu", "x", "a"), node("Relu", "x", "a")], {}, "its output has no name, or one that is taken"),
        ([node("Relu", "x", "z")], {}, "nothing computes 'y'"),
    ],
)  # fmt: skip
def test_what_is_no_dense_network_is_told(
    nodes: Sequence[Any], constants: dict[str, Any], words: str, read: Callable[..., pl.Network]
) -> None:
    with pytest.raises(pl.OnnxError, match=words):
        read(model_of(nodes, [constant(name, values) for name, values in constants.items()]))


@pytest.mark.parametrize("shape", [(), ("n",), ("n", "d"), ("n", 0), ("n", 2**31, 2**31)])
def test_the_number_of_features_must_be_stated(shape: Sequence[Any], read: Callable[..., pl.Network]) -> None:
    with pytest.raises(pl.OnnxError, match="must have rows and a fixed number of features"):
        read(model_of([node("Relu", "x")], shape=shape))


def test_several_inputs_are_refused(read: Callable[..., pl.Network]) -> None:
    model = model_of([node("Relu", "x")])
    model.graph.input.append(helper.make_tensor_value_info("z", onnx.TensorProto.FLOAT, ["n", 2]))
    with pytest.raises(pl.OnnxError, match=r"has one input, but this graph has 2: x, z\."):
        read(model)


# -- files that want to do harm ------------------------------------------------------------------------------------


def test_other_files_are_never_opened(tmp_path: Path, read: Callable[..., pl.Network]) -> None:
    weight = constant("w", [[1.0], [2.0]])
    (tmp_path / "secret").write_bytes(weight.raw_data)
    weight.ClearField("raw_data")
    weight.data_location = onnx.TensorProto.EXTERNAL
    weight.external_data.add(key="location", value="secret")
    with pytest.raises(pl.OnnxError, match="the numbers of w lie in another file, which is never opened"):
        read(model_of([node("MatMul", "x w")], [weight]))


@pytest.mark.parametrize("dims", [[10**12, 10**12], [2**62, 2**62, 2**62], [-1, -2], [2, 2], [0, 5]])
def test_sizes_that_lie_allocate_nothing(dims: list[int], read: Callable[..., pl.Network]) -> None:
    weight = constant("w", [[1.0], [2.0]])
    del weight.dims[:]
    weight.dims.extend(dims)
    with pytest.raises(pl.OnnxError, match=r"file is damaged: w (has the shape|announces the shape)"):
        read(model_of([node("MatMul", "x w")], [weight]))


def test_names_that_are_no_unicode(read: Callable[..., pl.Network]) -> None:
    names = helper.make_tensor("names", onnx.TensorProto.STRING, [2], [b"\xe1", b"b"])
    nodes = [node("Softmax", "x", "p"), node("ArgMax", "p", "place", axis=1, keepdims=0), node("Gather", "names place")]
    network = read(model_of(nodes, [names]))
    assert network.classes == ("\ufffd", "b")


def test_a_small_file_cannot_become_a_huge_network(read: Callable[..., pl.Network]) -> None:
    side = 512
    nodes = [node("MatMul", f"{'x' if i == 0 else i} w", "y" if i == 99 else str(i + 1)) for i in range(100)]
    model = model_of(nodes, [constant("w", np.ones((side, side)))], ("n", side))
    with pytest.raises(pl.OnnxError, match="far larger than the file"):
        read(model)


def test_graphs_without_end_are_refused(read: Callable[..., pl.Network]) -> None:
    nodes = [node("Relu", "x" if i == 0 else str(i), str(i + 1)) for i in range(10_000)]
    with pytest.raises(pl.OnnxError, match=r"it has 10,001 nodes, and at most 10,000 are read"):
        read(model_of([*nodes, node("Relu", "10000")]))
    model = model_of([node("Relu", "x")])
    model.graph.output.extend([model.graph.output[0]] * 16)
    with pytest.raises(pl.OnnxError, match="the graph has 17 outputs, and at most 16 are read"):
        read(model)


def test_constants_cannot_grow(read: Callable[..., pl.Network]) -> None:
    constants = [constant("a", np.ones((1, 5000))), constant("b", np.ones((5000, 1)))]
    with pytest.raises(pl.OnnxError, match="two constants make a larger one"):
        read(model_of([node("Mul", "a b", "c"), node("Add", "x c")], constants))
    with pytest.raises(pl.OnnxError, match=r"rows of the shape \(100000, 1000\) are too large"):
        read(model_of([node("Add", "x a")], [constant("a", np.ones(1000))], ("n", 100000, 1000)))


def test_weights_that_are_no_numbers(read: Callable[..., pl.Network]) -> None:
    with pytest.raises(pl.OnnxError, match="quantized networks are not read"):
        read(model_of([node("MatMul", "x w")], [constant("w", [[1], [2]], np.int64)]))
    with pytest.raises(pl.OnnxError, match="w has the data type 3; read are"):
        read(model_of([node("MatMul", "x w")], [constant("w", [[1], [2]], np.int8)]))


def test_numbers_that_grow_beyond_all_bounds(read: Callable[..., pl.Network]) -> None:
    nodes = [node("MatMul", "x w", "a"), node("Mul", "a s")]
    with pytest.raises(pl.OnnxError, match="not finite"):
        read(model_of(nodes, [constant("w", [[1e30], [1]]), constant("s", 1e30)]))


@pytest.mark.parametrize("path", GOLDEN, ids=named)
def test_damage_is_an_error_or_another_network_but_never_a_crash(path: Path, tmp_path: Path) -> None:
    whole = path.read_bytes()
    chance = np.random.default_rng(len(whole))
    damaged = tmp_path / "damaged.onnx"
    read = 0
    for number in range(MUTATIONS):
        data = bytearray(whole)
        for _ in range(1 + number % 3):
            place = int(chance.integers(len(data)))
            kind = number % 4
            if kind == 0:
                data[place] ^= 1 << int(chance.integers(8))
            elif kind == 1:
                data[place] = int(chance.integers(256))
            elif kind == 2:
                del data[place : place + int(chance.integers(1, 9))]
            else:
                data[place:place] = chance.bytes(int(chance.integers(1, 9)))
        damaged.write_bytes(data)
        try:
            network = pl.from_onnx(damaged)
        except pl.OnnxError:
            continue
        read += 1  # a number among the weights, or a name: nothing in the file tells
        assert np.isfinite(network.parameters).all()
        assert network.scores(np.zeros((1, *network.input_shape))).shape == (1, network.outputs)
    assert read < MUTATIONS


@pytest.mark.parametrize("path", GOLDEN, ids=named)
def test_no_part_of_a_file_is_taken_for_the_whole(path: Path, tmp_path: Path) -> None:
    whole = path.read_bytes()
    outputs = pl.from_onnx(path).outputs
    for length in range(0, len(whole), max(1, len(whole) // 100)):
        part = tmp_path / "part.onnx"
        part.write_bytes(whole[:length])
        try:
            network = pl.from_onnx(part)
        except pl.OnnxError:
            continue
        # what stands behind the graph, the operator set's number, may be missing
        assert network.outputs == outputs


@pytest.mark.parametrize("data", [b"", b"\0" * 100, b"PK\3\4" + b"x" * 50, b"{}", b"\xff" * 64])
def test_other_files_are_told(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "other.onnx"
    path.write_bytes(data)
    with pytest.raises(pl.OnnxError, match=r"other\.onnx: the file is damaged, or no ONNX file"):
        pl.from_onnx(path)


def test_places_that_are_no_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        pl.from_onnx(tmp_path / "nothing.onnx")
    with pytest.raises(IsADirectoryError):
        pl.from_onnx(tmp_path)
    if os.path.exists("/dev/zero"):
        with pytest.raises(pl.OnnxError, match=r"^/dev/zero: it is no ordinary file\.$"):
            pl.from_onnx("/dev/zero")
