"""ONNX files that are written: they say what the network says, or are not written at all."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

import pellucid as pl
from pellucid.extras import pip_install
from pellucid.formats.onnx import OPSET, operations
from pellucid.formats.onnx.graph import Graph
from pellucid.losses import LINKS
from pellucid.program.operations import OPERATIONS
from pellucid.typing import Array
from support.nested import nested_layers
from support.samples import FREE_LAYER_SAMPLES, RANKED_LAYER_SAMPLES, LayerSample, classification, random_numbers

onnx = pytest.importorskip("onnx", reason="ONNX files need the extra `formats`")
onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is what runs the files: it belongs to `dev`")

ROUNDING = 2e-5  # of float32, of numbers of about 1: what two right answers may differ by


def run(path: Path, x: Array, input_dtype: Any = np.float32) -> dict[str, Array]:
    """What onnxruntime says of rows x, by the names of the outputs."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    values = session.run(None, {"input": x.astype(input_dtype)})
    return dict(zip([output.name for output in session.get_outputs()], values, strict=True))


def small(link: str = "softmax", outputs: int = 3) -> pl.Network:
    network = pl.Network([pl.Standardize(), pl.Dense(5), pl.Tanh(), pl.Dense(outputs)]).build(3, seed=1)
    network.fit_statistics(random_numbers((20, 3), scale=4.0))
    network.link = link
    return network


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "network.onnx"


# -- agreement -----------------------------------------------------------------------------------------------------


def test_every_operation_is_known() -> None:
    assert set(operations.WRITERS) == set(OPERATIONS)


FREE_RANKED_SAMPLES = [sample for sample in RANKED_LAYER_SAMPLES if not sample.layer.code_columns]


@pytest.mark.parametrize("sample", FREE_RANKED_SAMPLES, ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("behind", [(), (pl.Dense(6),)], ids=["in front", "behind a dense layer"])
def test_every_layer_agrees(sample: LayerSample, dtype: str, behind: tuple[pl.Layer, ...], path: Path) -> None:
    if behind and isinstance(sample.layer, pl.Reshape) and len(sample.input_shape) > 1:
        pytest.skip("a dense layer in front makes another number of channels")
    network = pl.Network([*behind, sample.layer, pl.Flatten()], dtype=dtype).build(sample.input_shape, seed=3)
    x = random_numbers((30, *network.input_shape), scale=2.0).astype(np.float32)
    network.fit_statistics(3 * x + 1)
    network.parameters = network.parameters + 0.1 * random_numbers(network.parameters.shape, seed=4)
    report = pl.to_onnx(network, path)
    expected = network.scores(x)
    np.testing.assert_allclose(run(path, x)["variable"], expected, rtol=ROUNDING, atol=ROUNDING)
    assert report.largest_difference <= report.allowed


@pytest.mark.parametrize(
    ("layer", "operators"),
    [
        (pl.Dense(3), ["Gemm"]),
        (pl.ReLU(), ["Relu"]),
        (pl.HardTanh(), ["Clip"]),
        (pl.LeakyReLU(), ["LeakyRelu"]),
        (pl.PReLU(per_unit=True), ["PRelu"]),
        (pl.ELU(), ["Elu"]),
        (pl.SELU(), ["Selu"]),
        (pl.Sigmoid(), ["Sigmoid"]),
        (pl.Softmax(), ["Softmax"]),
        (pl.Softplus(), ["Softplus"]),
        (pl.Dropout(0.5), []),
    ],
    ids=str,
)
def test_what_onnx_has_one_operator_for_is_one(layer: pl.Layer, operators: list[str], path: Path) -> None:
    pl.to_onnx(pl.Network([layer]).build(4), path)
    assert [node.op_type for node in onnx.load(path).graph.node] == [*operators, "Identity"]


def test_a_batch_normalization_is_taken_into_the_weight(path: Path) -> None:
    network = pl.Network([pl.Dense(5), pl.BatchNormalization(), pl.ReLU(), pl.Dense(2)]).build(3)
    network.statistics = np.linspace(0.5, 2.0, 10)
    pl.to_onnx(network, path)
    assert [node.op_type for node in onnx.load(path).graph.node] == ["Gemm", "Relu", "Gemm", "Identity"]


@given(layers=nested_layers(), positions=some.sampled_from([(), (2,), (2, 3)]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
def test_nested_networks_of_any_rank_agree(layers: list[pl.Layer], positions: tuple[int, ...], tmp_path: Path) -> None:
    network = pl.Network([*layers, pl.Flatten()]).build((*positions, 3), seed=2)
    report = pl.to_onnx(network, tmp_path / "nested.onnx", x=random_numbers((10, *positions, 3)))
    assert report.largest_difference <= report.allowed
    assert report.input == f"input: float32 ({', '.join(map(str, ('rows', *positions, 3)))})"


@some.composite
def networks(draw: Callable[[Any], Any]) -> pl.Network:
    """Any layers one behind the other, with any link."""
    layers = draw(
        some.lists(some.sampled_from([sample.layer for sample in FREE_LAYER_SAMPLES]), min_size=1, max_size=6)
    )
    network = pl.Network(layers, dtype=draw(some.sampled_from(["float32", "float64"])))
    network.build(draw(some.integers(1, 6)), seed=draw(some.integers(0, 2**32)))
    if draw(some.booleans()):
        network.fit_statistics(random_numbers((20, *network.input_shape), scale=3.0) - 5.0)
    links = [link for link in LINKS if link not in ("softmax", "argmax") or network.outputs > 1]
    network.link = draw(some.sampled_from(links))
    return network


@given(network=networks())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_network_agrees(network: pl.Network, tmp_path: Path) -> None:
    path = tmp_path / "any.onnx"
    report = pl.to_onnx(network, path, x=random_numbers((10, *network.input_shape), seed=5))
    assert report.largest_difference <= report.allowed
    assert (report.random_rows, report.given_rows) == (256, 10)
    onnx.checker.check_model(str(path), full_check=True)


def test_the_digits_are_recognized_as_well(path: Path) -> None:
    digits = pl.datasets.load_digits()
    network = pl.Network(
        [pl.Standardize(), pl.Dense(32), pl.BatchNormalization(), pl.ReLU(), pl.Dropout(0.2), pl.Dense(10)]
    )
    pl.Trainer(network, pl.SoftmaxCrossEntropy(), pl.Adam(0.01), batch_size=32, seed=0).fit(*digits.train, epochs=3)
    report = pl.to_onnx(network, path, x=digits.test.x)
    answers = run(path, digits.test.x)
    assert np.mean(answers["label"] == digits.test.y) == network.evaluate(*digits.test)["accuracy"] > 0.9
    np.testing.assert_allclose(answers["probabilities"], network.predict_proba(digits.test.x), atol=ROUNDING)
    assert report.given_rows == len(digits.test.x)
    assert "359 given rows" in str(report)


@pytest.mark.parametrize("rows", [1, 2, 1000])
def test_any_number_of_rows(rows: int, path: Path) -> None:
    network = small()
    pl.to_onnx(network, path)
    assert run(path, random_numbers((rows, 3)))["probabilities"].shape == (rows, 3)


def test_large_inputs_need_float64(path: Path) -> None:
    network = small("identity")
    seconds = 1.7e9 + random_numbers((50, 3), seed=2)
    network.fit_statistics(seconds)
    with pytest.raises(pl.OnnxError, match=r"disagree.*try input_dtype='float64'"):
        pl.to_onnx(network, path, x=seconds)
    report = pl.to_onnx(network, path, x=seconds, input_dtype="float64")
    assert report.input == "input: float64 (rows, 3)"
    np.testing.assert_allclose(run(path, seconds, np.float64)["variable"], network.scores(seconds), atol=ROUNDING)


# -- what is answered ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Link:
    """A link, a number of outputs, and the outputs its graph has."""

    name: str
    outputs: int
    answers: tuple[str, ...]


@pytest.mark.parametrize(
    "link",
    [
        Link("softmax", 3, ("label: int64 (rows,)", "probabilities: float32 (rows, 3)")),
        Link("sigmoid", 1, ("label: int64 (rows,)", "probabilities: float32 (rows, 2)")),
        Link("sigmoid", 3, ("label: int64 (rows, 3)", "probabilities: float32 (rows, 3)")),
        Link("argmax", 3, ("label: int64 (rows,)", "scores: float32 (rows, 3)")),
        Link("sign", 1, ("label: int64 (rows,)", "scores: float32 (rows, 1)")),
        Link("identity", 2, ("variable: float32 (rows, 2)",)),
        Link("exponential", 1, ("variable: float32 (rows, 1)",)),
    ],
    ids=str,
)
def test_the_outputs_follow_from_the_link(link: Link, path: Path) -> None:
    network = small(link.name, link.outputs)
    report = pl.to_onnx(network, path)
    assert report.outputs == link.answers
    x = random_numbers((40, 3), seed=6).astype(np.float32)
    answers = run(path, x)
    expected = network.predict(x)
    if "label" in answers:
        np.testing.assert_array_equal(answers["label"], expected)
    else:
        np.testing.assert_allclose(answers["variable"].reshape(expected.shape), expected, rtol=1e-5)
    if "probabilities" in answers:
        np.testing.assert_allclose(answers["probabilities"], network.predict_proba(x), atol=ROUNDING)
    if "scores" in answers:
        np.testing.assert_allclose(answers["scores"], network.scores(x), atol=ROUNDING)


def test_labels_are_the_names_of_the_classes(path: Path) -> None:
    network = small()
    x = random_numbers((20, 3), seed=7).astype(np.float32)
    network.classes = ["setosa", "versicolor", "Ünïcode"]
    assert pl.to_onnx(network, path).outputs[0] == "label: string (rows,)"
    assert run(path, x)["label"].tolist() == [network.classes[place] for place in network.predict(x)]
    network.classes = [7, -1, 3]
    assert pl.to_onnx(network, path).outputs[0] == "label: int64 (rows,)"
    assert run(path, x)["label"].tolist() == [[7, -1, 3][place] for place in network.predict(x)]
    network.classes = ["01", "1", "2"]  # as numbers the first would be another name
    assert pl.to_onnx(network, path).outputs[0] == "label: string (rows,)"


def test_yes_and_no_may_have_names(path: Path) -> None:
    network = small("sigmoid", 1)
    network.classes = ["no", "yes"]
    x = random_numbers((20, 3), seed=7).astype(np.float32)
    pl.to_onnx(network, path)
    assert run(path, x)["label"].tolist() == [["no", "yes"][place] for place in network.predict(x)]


def test_the_file_says_what_it_is(path: Path) -> None:
    report = pl.to_onnx(small(), path)
    model = onnx.load(path)
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", OPSET)]
    assert (report.opset, model.ir_version) == (18, 8)
    assert (model.producer_name, model.producer_version) == ("pellucid", pl.__version__)
    assert "Dense(5)" in model.doc_string
    assert report.size == path.stat().st_size
    assert report.input == "input: float32 (rows, 3)"
    assert {tensor.name for tensor in model.graph.initializer} >= {"0.mean", "1.weight", "1.bias"}


def test_names_that_are_taken_are_counted() -> None:
    graph = Graph(np.float32)
    assert [graph.constant(1.0, "one") for _ in range(3)] == ["one", "one_2", "one_3"]


# -- what is refused -----------------------------------------------------------------------------------------------


def test_a_graph_that_disagrees_is_refused_and_the_old_file_stays(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_bytes(b"old")
    monkeypatch.setitem(operations.WRITERS, "tanh", lambda place: place.write("Abs", *place.node.inputs))
    with pytest.raises(pl.OnnxError, match=r"^The ONNX graph and the network disagree: in row \d+ of 256"):
        pl.to_onnx(small(), path)
    assert path.read_bytes() == b"old"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("link", ["softmax", "sigmoid"])
def test_wrong_labels_are_refused(link: str, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    node = Graph.node

    def swapped(graph: Graph, operator: str, *inputs: str, **attributes: Any) -> str:
        return node(graph, {"ArgMax": "ArgMin", "Greater": "Less"}.get(operator, operator), *inputs, **attributes)

    monkeypatch.setattr(Graph, "node", swapped)
    with pytest.raises(pl.OnnxError, match=r"disagree: row \d+ is"):
        pl.to_onnx(small(link, 1 if link == "sigmoid" else 3), path)


def test_a_graph_that_is_no_onnx_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(operations.WRITERS, "tanh", lambda place: place.write("Tahn", *place.node.inputs))
    with pytest.raises(pl.OnnxError, match=r"^The ONNX checker refuses the graph"):
        pl.to_onnx(small(), path)
    assert not path.exists()


def test_a_graph_that_does_not_run_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def divided(place: operations.Place) -> str:
        wide = place.write("Reshape", *place.node.inputs, np.array([-1, 7 * 5]))  # by chance for seven rows
        return place.graph.node("Reshape", wide, place.graph.constant(np.array([-1, 5]), "back"))

    monkeypatch.setitem(operations.WRITERS, "tanh", divided)
    with pytest.raises(pl.OnnxError, match=r"^onnxruntime .* cannot run the graph: "):
        pl.to_onnx(small(), path)
    assert not path.exists()


def test_rows_that_overflow_tell_nothing(path: Path) -> None:
    network = small("exponential", 1)
    network.set("3.bias", [85.0])  # exp(85) is near the end of float32
    network.set("3.weight", 4 * network.get("3.weight"))
    report = pl.to_onnx(network, path)
    assert report.largest_difference <= report.allowed < np.inf
    network.set("3.bias", [2000.0])
    with pytest.raises(pl.OnnxError, match=r"overflow float32 on every row"):
        pl.to_onnx(network, path)


def test_level_classes_may_be_told_apart_by_rounding(path: Path) -> None:
    network = pl.Network([pl.Dense(2)]).build(2)
    network.parameters = [1.0, 1.0, -1.0, -1.0, 0.0, 0.0]  # both classes always have the same score
    network.link = "softmax"
    assert pl.to_onnx(network, path).largest_difference < 1e-6


def test_weights_that_are_no_numbers(path: Path) -> None:
    network = small()
    network.parameters = np.full(network.parameters.shape, np.nan)
    with pytest.raises(ValueError, match=r"^network\.parameters holds nan"):
        pl.to_onnx(network, path)


def test_scores_at_positions_are_refused(path: Path) -> None:
    with pytest.raises(pl.OnnxError, match=r"has an output of the shape \(2, 3\) for each example"):
        pl.to_onnx(pl.Network([pl.ReLU()]).build((2, 3)), path)


def test_scalings_alone_are_computed_in_float64(path: Path) -> None:
    network = pl.Network([pl.Standardize()]).build(2)
    seconds = 1.7e9 + random_numbers((50, 2))
    network.fit_statistics(seconds)
    pl.to_onnx(network, path, x=seconds, input_dtype="float64")
    np.testing.assert_allclose(run(path, seconds, np.float64)["variable"], network.scores(seconds), atol=ROUNDING)


def test_networks_and_rows_are_checked(path: Path) -> None:
    with pytest.raises(ValueError, match="no parameters yet"):
        pl.to_onnx(pl.Network([pl.Dense(1)]), path)
    with pytest.raises(ValueError, match="rows of shape"):
        pl.to_onnx(small(), path, x=np.ones((2, 7)))
    with pytest.raises(ValueError, match="input_dtype 'float16' is unknown"):
        pl.to_onnx(small(), path, input_dtype="float16")
    assert not path.exists()


def test_places_that_cannot_be_written_to(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        pl.to_onnx(small(), tmp_path)
    with pytest.raises(FileNotFoundError):
        pl.to_onnx(small(), tmp_path / "nowhere" / "network.onnx")


def test_without_onnxruntime_onnx_itself_judges(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    x, y = classification()
    network = pl.Network([pl.Standardize(), pl.Dense(4), pl.SiLU(), pl.Maxout(3), pl.LayerNormalization(), pl.Dense(3)])
    pl.Trainer(network, pl.SoftmaxCrossEntropy(), seed=0).fit(x, y, epochs=1)
    network.classes = ["a", "b", "c"]
    report = pl.to_onnx(network, path, x=x)
    assert "its own evaluator" in report.judge
    assert report.largest_difference <= 1e-6


def test_without_onnx_the_way_out_is_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx.helper", None)
    with pytest.raises(ImportError, match=re.escape(pip_install("formats"))):
        pl.to_onnx(small(), path)
