"""The model file: nothing lost, nothing run, every damage told."""

from __future__ import annotations

import dataclasses
import json
import math
import mmap
import os
import struct
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

import pellucid as pl
from pellucid.augmentation.transforms import TRANSFORMS
from pellucid.description import KINDS
from pellucid.formats.model_file import describe
from pellucid.initializers import INITIALIZERS
from pellucid.layers import LAYERS
from pellucid.layers.layer import Context, Gradients
from pellucid.losses import LINKS, LOSSES, class_count
from pellucid.optimizers import OPTIMIZERS
from pellucid.penalties import PENALTIES
from pellucid.schedules import SCHEDULES
from pellucid.storage.strict_json import DEEPEST, MOST
from pellucid.typing import Array, Floats
from support.killing import fill, small_disk
from support.samples import FREE_LAYER_SAMPLES, LOSS_SAMPLES, random_numbers

GOLDEN = Path(__file__).parent / "golden"


def same(one: pl.Network, two: pl.Network) -> None:
    """Everything that makes a network, to the bit."""
    assert two.layers == one.layers
    assert two.input_shape == one.input_shape
    assert two.dtype == one.dtype
    assert two.parameters.dtype == one.parameters.dtype
    assert two.parameters.tobytes() == one.parameters.tobytes()
    assert two.statistics.tobytes() == one.statistics.tobytes()
    assert two.statistics_fitted == one.statistics_fitted
    assert (two.loss, two.link, two.classes) == (one.loss, one.link, one.classes)
    assert (two.features, two.training, two.preprocessing) == (one.features, one.training, one.preprocessing)


def small() -> pl.Network:
    """A little of everything, in few bytes."""
    network = pl.Network([pl.Standardize(), pl.Dense(2), pl.Tanh(), pl.Dropout(0.25)]).build(2, seed=1)
    network.statistics = [0.5, -1.0, 2.0, 0.0]
    network.loss, network.link, network.classes = pl.SoftmaxCrossEntropy(), "softmax", ("no", "yes")
    return network


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "small.pellucid"


@pytest.fixture
def saved(path: Path) -> Path:
    pl.save(small(), path)
    return path


# -- round trips -------------------------------------------------------------------------------------------------


_whole = some.integers(0, 2**64 - 1)
_text = some.text(max_size=6)
SUMMARY_FIELDS: dict[str, Any] = {
    **dict.fromkeys(("version", "engine", "loss", "optimizer", "row_dtype", "data_hash"), _text),
    **dict.fromkeys(("seed", "epochs", "steps", "batch_size", "rows", "validation_rows"), _whole),
    "row_shape": some.lists(_whole, max_size=2).map(tuple),
    "metrics": some.dictionaries(_text, some.floats(allow_nan=False, allow_infinity=False), max_size=3),
}


@some.composite
def networks(draw: Callable[[Any], Any]) -> pl.Network:
    """Any layers one behind the other, built or trained."""
    layers = draw(
        some.lists(some.sampled_from([sample.layer for sample in FREE_LAYER_SAMPLES]), min_size=1, max_size=6)
    )
    network = pl.Network(layers, dtype=draw(some.sampled_from(["float32", "float64"])))
    network.build(draw(some.integers(1, 5)), seed=draw(some.integers(0, 2**64 - 1)))
    if draw(some.booleans()):
        network.fit_statistics(random_numbers((6, *network.input_shape)))
    network.loss = draw(some.sampled_from([None, *(sample.loss for sample in LOSS_SAMPLES)]))
    network.link = draw(some.sampled_from(LINKS))
    count = class_count(network.link, network.outputs) or 3
    network.classes = draw(some.none() | some.lists(some.text(max_size=4), min_size=count, max_size=count, unique=True))
    size = math.prod(network.input_shape)
    features = some.builds(pl.Feature, some.text(min_size=1, max_size=4), some.sampled_from(KINDS))
    same_name = lambda feature: feature.name  # noqa: E731
    network.features = draw(some.none() | some.lists(features, min_size=size, max_size=size, unique_by=same_name))
    network.training = draw(some.none() | some.builds(pl.TrainingSummary, **SUMMARY_FIELDS))
    return network


@given(network=networks())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_network_comes_back_to_the_bit(network: pl.Network, path: Path) -> None:
    pl.save(network, path)
    again = pl.load(path)
    same(network, again)
    x = random_numbers((3, *network.input_shape))
    assert again.scores(x).tobytes() == network.scores(x).tobytes()
    tensors = safetensors.numpy.load_file(path)
    assert {name: (t.dtype.kind, t.tobytes()) for name, t in tensors.items()} == {
        name: (t.dtype.kind, t.tobytes())
        for name, t in (network.named_parameters() | network.named_statistics()).items()
    }


def test_a_trained_network_goes_on_training(path: Path, engine: str) -> None:
    x, y = random_numbers((20, 3)), np.arange(20) % 2
    network = pl.Network([pl.Standardize(), pl.Dense(4), pl.ReLU(), pl.Dense(2)], engine=engine)
    pl.Trainer(network, pl.SoftmaxCrossEntropy()).fit(x, y, epochs=2)
    pl.save(network, path)
    again = pl.load(path, engine=engine, threads=1)
    assert again.evaluate(x, y) == network.evaluate(x, y)
    np.testing.assert_array_equal(again.predict_proba(x), network.predict_proba(x))
    for one in (network, again):
        pl.Trainer(one, pl.SoftmaxCrossEntropy()).fit(x, y, epochs=1)
    same(network, again)


def test_a_network_without_parameters(path: Path) -> None:
    network = pl.Network([pl.ReLU()]).build((3, 2))
    pl.save(network, path)
    same(network, pl.load(path))


def test_what_the_file_says_of_itself(saved: Path) -> None:
    said = describe(saved)
    assert said["layers"] == [
        {"type": "Standardize"},
        {"type": "Dense", "units": 2},
        {"type": "Tanh"},
        {"type": "Dropout", "rate": 0.25},
    ]
    assert (said["input_shape"], said["dtype"], said["classes"]) == ([2], "float32", ["no", "yes"])
    assert said["written_by"] == f"pellucid {pl.__version__}"
    with safetensors.safe_open(saved, framework="numpy") as file:
        assert file.metadata()["format"] == "pellucid"
        assert file.metadata()["version"] == "1"


def root_of(array: Any) -> Any:
    """The object whose memory an array is a view of."""
    while (base := array.obj if isinstance(array, memoryview) else array.base) is not None:
        array = base
        if isinstance(array, mmap.mmap):
            break
    return array


SHORTENED_WHILE_LOADED = """
import os, sys
import pellucid as pl
from pellucid.formats import model_file

def shortened(text, tensors, digest=model_file.digest):
    os.truncate(sys.argv[1], 0)
    return digest(text, tensors)

expected = pl.load(sys.argv[1])
model_file.digest = shortened
network = pl.load(sys.argv[1])
assert (network.parameters == expected.parameters).all()
"""


def test_a_file_that_is_shortened_does_not_end_the_process(path: Path) -> None:
    """The numbers are checked in memory: in a file that is mapped, this is a SIGBUS."""
    pl.save(pl.Network([pl.Dense(100)]).build(100), path)
    home = Path(pl.__file__).parents[1]
    command = [sys.executable, "-c", SHORTENED_WHILE_LOADED, str(path)]
    subprocess.run(command, env={**os.environ, "PYTHONPATH": str(home)}, check=True)


def test_a_mapped_network_is_the_same_and_stays_in_the_file(path: Path, engine: str) -> None:
    network = pl.Network([pl.Standardize(), pl.Dense(5), pl.Tanh(), pl.Dense(2)], engine=engine).build(3, seed=4)
    network.fit_statistics(random_numbers((6, 3)))
    pl.save(network, path)
    mapped = pl.load(path, engine=engine, mapped=True)
    same(network, mapped)
    assert isinstance(root_of(mapped.parameters), mmap.mmap), "a view of the file"
    assert isinstance(root_of(pl.load(path).parameters), np.ndarray), "in memory"
    with pytest.raises(ValueError, match="read-only"):
        mapped.parameters[0] = 1.0
    pl.save(pl.Network([pl.Dense(1)]).build(1), path)  # another file of the same name: the old one lives on
    x, y = random_numbers((8, 3)), np.arange(8) % 2
    assert mapped.scores(x).tobytes() == network.scores(x).tobytes()
    for one in (network, mapped):
        pl.Trainer(one, pl.SoftmaxCrossEntropy()).fit(x, y, epochs=2)
    assert mapped.parameters.tobytes() == network.parameters.tobytes()


def test_the_order_of_the_tensors_is_free(saved: Path) -> None:
    """Other writers sort by name or by size: mapped or not, the network is the same."""
    tensors = safetensors.numpy.load_file(saved)
    with safetensors.safe_open(saved, framework="numpy") as file:
        metadata = file.metadata()
    safetensors.numpy.save_file(dict(reversed(tensors.items())), saved, metadata)
    same(small(), pl.load(saved))
    same(small(), pl.load(saved, mapped=True))


def test_a_loss_of_functions_is_left_out_with_a_warning(path: Path) -> None:
    network = pl.Network([pl.Dense(1)]).build(2)
    network.loss = loss = pl.CustomLoss(lambda s, t: ((s - t) ** 2).sum(axis=1), lambda s, t: 2 * (s - t))
    with pytest.warns(UserWarning, match=r"^The loss is left out of the file: CustomLoss\.value is <function .*loss=…"):
        pl.save(network, path)
    again = pl.load(path)
    assert again.loss is None
    x, y = random_numbers((4, 2)), np.ones(4)
    assert again.evaluate(x, y, loss=loss) == network.evaluate(x, y)


def test_what_a_later_version_adds_is_passed_over(saved: Path) -> None:
    altered(saved, lambda header, description: description.update(colour="blue"))
    same(small(), pl.load(saved))


def test_the_tensors_begin_at_a_multiple_of_eight(saved: Path) -> None:
    assert int.from_bytes(saved.read_bytes()[:8], "little") % 8 == 0


@pytest.mark.parametrize("name", ["version-1", "version-1-described", "version-1-columns"])
def test_golden_files(name: str) -> None:
    """What was written once is read for ever. The numbers were recorded with the file and are never made anew."""
    network = pl.load(GOLDEN / f"{name}.pellucid")
    recorded = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    assert network.classes == tuple(recorded["classes"])
    assert str(network) == recorded["network"]
    np.testing.assert_allclose(network.scores(recorded["x"]), recorded["scores"], rtol=1e-6, atol=1e-7)
    assert network.predict(recorded["x"]).tolist() == recorded["predictions"]
    features = None if network.features is None else [[each.name, each.kind] for each in network.features]
    assert features == recorded.get("features")
    assert (network.training and network.training.to_plain()) == recorded.get("training")
    assert (network.preprocessing and network.preprocessing.to_plain()) == recorded.get("preprocessing")
    if network.preprocessing is not None:
        np.testing.assert_allclose(network.preprocessing.transform(recorded["rows"]), recorded["x"], rtol=1e-6)


def defaults() -> dict[str, dict[str, Any]]:
    """The default of every field of every class that a file may name."""
    classes = [*LAYERS.values(), *LOSSES.values(), *INITIALIZERS.values(), *OPTIMIZERS.values(), *PENALTIES.values()]
    classes += [*SCHEDULES.values(), pl.MaxNorm, pl.Augmentation, *TRANSFORMS.values()]
    return {
        cls.__name__: {
            item.name: "required" if item.default is dataclasses.MISSING else item.default
            for item in dataclasses.fields(cls)
        }
        for cls in classes
    }


def test_defaults_never_change() -> None:
    """Files leave out what is at its default: another default would make another network of an old file.

    A new class or a new field is added to the recorded ones; what is there stays as it is.
    """
    recorded = json.loads((GOLDEN / "defaults-1.json").read_text(encoding="utf-8"))
    former = {"Embedding": "CategoryEmbedding", "ThroughData": "DataDependentBias"}  # read under their old names, too
    recorded = {former.get(name, name): each for name, each in recorded.items()}
    assert json.loads(json.dumps(defaults())) == recorded


# -- classes of one's own ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Power(pl.Layer):
    exponent: float = 3.0

    def forward(self, x: Floats, parameters: SimpleNamespace, context: Context) -> tuple[Floats, Floats]:
        return x**self.exponent, x

    def backward(
        self, gradient: Floats, saved: Floats, parameters: SimpleNamespace, context: Context
    ) -> tuple[Floats, Gradients]:
        return gradient * self.exponent * saved ** (self.exponent - 1), {}


@dataclass(frozen=True)
class FourthPower(pl.Loss):
    def encode(self, y: Any, outputs: int) -> Array:
        return np.asarray(y)

    def values(self, scores: Floats, targets: Array) -> Floats:
        return ((scores - targets) ** 4).sum(axis=1)

    def gradient(self, scores: Floats, targets: Array) -> Floats:
        return 4 * (scores - targets) ** 3


def test_layers_and_losses_of_ones_own(path: Path) -> None:
    network = pl.Network([pl.Dense(2), Power(2.0)]).build(3)
    network.loss = FourthPower()
    pl.save(network, path)
    same(network, pl.load(path, custom=[Power, FourthPower]))
    with pytest.raises(
        pl.ModelFileError,
        match=r"or needs a class of your own in custom=\[…\]: layer 'Power' is unknown\. .*Allowed: AveragePool",
    ):
        pl.load(path)


def test_a_class_of_ones_own_does_not_replace_the_check(saved: Path) -> None:
    same(small(), pl.load(saved, custom=[Power, FourthPower]))


# -- what is no model --------------------------------------------------------------------------------------------


def refused(path: Path) -> str:
    """The message; anything but a ModelFileError fails the test."""
    with pytest.raises(pl.ModelFileError) as caught:
        pl.load(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


def loaded_or_refused(path: Path) -> pl.Network | None:
    """The network, or None after a ModelFileError; anything else fails the test."""
    try:
        return pl.load(path)
    except pl.ModelFileError:
        return None


def file_of(header: object, tensors: bytes = b"", *, length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + tensors


def altered(saved: Path, change: Callable[[dict[str, Any], dict[str, Any]], None]) -> None:
    """Rewrite a file with a change of its header and its description, the digest left out."""
    data = saved.read_bytes()
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:end])
    metadata = header["__metadata__"]
    del metadata["sha256"]
    description = json.loads(metadata["network"])
    change(header, description)
    metadata.setdefault("network", "")
    if "network" in metadata and metadata["network"] is not None:
        metadata["network"] = json.dumps(description)
    saved.write_bytes(file_of(header, data[end:]))


def test_every_truncation(saved: Path) -> None:
    data = saved.read_bytes()
    for length in range(len(data)):
        saved.write_bytes(data[:length])
        refused(saved)


def test_every_extension(saved: Path) -> None:
    data = saved.read_bytes()
    for more in (b"\0", b" " * 8, data):
        saved.write_bytes(data + more)
        assert "bytes of tensors, but they need" in refused(saved)


@pytest.mark.parametrize("flip", [0x01, 0x02, 0x10, 0x20, 0x80, 0xFF])
def test_every_byte_damaged(saved: Path, flip: int) -> None:
    """An error that says so, or the same network (where the byte meant nothing): never another one."""
    data, expected = saved.read_bytes(), small()
    for place in range(len(data)):
        damaged = bytearray(data)
        damaged[place] ^= flip
        saved.write_bytes(damaged)
        network = loaded_or_refused(saved)
        if network is not None:
            same(expected, network)


@given(data=some.binary(max_size=200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes(data: bytes, path: Path) -> None:
    for content in (data, file_of(data), file_of({"__metadata__": {"format": "pellucid", "version": "1"}}, data)):
        path.write_bytes(content)
        refused(path)


_json = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=5),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(
    key=some.sampled_from(["layers", "input_shape", "dtype", "loss", "link", "classes", "statistics_fitted"]),
    value=_json,
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_description(key: str, value: object, path: Path) -> None:
    """Whatever stands in the description: a model file error, or a network."""
    pl.save(small(), path)
    altered(path, lambda header, description: description.update({key: value}))
    loaded_or_refused(path)


WRONG_FILES: list[tuple[str, bytes, str]] = [
    ("empty", b"", "is no Pellucid file: it has only 0 bytes."),
    ("text", b"hello, world\n", "announces a header of"),
    ("a pickle", b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x8c\x02os", "it announces a header of"),
    (
        "a gigabyte announced",
        file_of({}, length=2**30),
        "it announces a header of 1,073,741,824 bytes in a file of 10.",
    ),
    ("more than there is", file_of({}, length=2**64 - 1), "it announces a header of 18,446,744,073,709,551,615 bytes"),
    ("no JSON", file_of(b"{nonsense"), "its header is not JSON."),
    ("no text", file_of(b"\xff\xfe\xfd"), "its header is not JSON."),
    ("a list", file_of([]), "its header is not a table."),
    ("deep JSON", file_of(b"[" * 100_000), "its header is nested too deeply."),
    ("JSON just too deep", file_of(b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1)), "its header is nested too deeply."),
    ("wide JSON", file_of(b"[" + b"[]," * MOST + b"[]]"), "its header has too many lists and tables."),
    ("a name twice", file_of(b'{"a": 1, "b": 2, "a": 3}'), "its header names 'a' twice."),
    ("a number without end", file_of(b'{"a": ' + b"9" * 100_000 + b"}"), "a whole number of 100000 digits."),
    ("no number", file_of(b'{"a": NaN}'), "its header holds NaN, which is no number of JSON."),
    ("too large a number", file_of(b'{"a": 1e999}'), "its header holds 1e999, which is too large for a number."),
    (
        "a foreign safetensors file",
        safetensors.numpy.save({"a": np.zeros(2)}),
        "is a safetensors file, but no Pellucid model",
    ),
    ("foreign metadata", file_of({"__metadata__": {"format": "pt"}}), "is a safetensors file, but no Pellucid model"),
    ("metadata that are no table", file_of({"__metadata__": 3}), "its metadata are not a table of texts."),
    ("a checkpoint", file_of({"__metadata__": {"format": "pellucid-checkpoint"}}), "is a checkpoint, not a model"),
    (
        "a newer version",
        file_of({"__metadata__": {"format": "pellucid", "version": "2"}}),
        "has format version 2, but this Pellucid reads up to 1: install a newer one.",
    ),
    (
        "a version that is none",
        file_of({"__metadata__": {"format": "pellucid", "version": "one"}}),
        "is damaged: its format version is 'one'.",
    ),
    (
        "a version too long to read",
        file_of({"__metadata__": {"format": "pellucid", "version": "9" * 5000}}),
        "is damaged: its format version is '9999",
    ),
    (
        "no description",
        file_of({"__metadata__": {"format": "pellucid", "version": "1"}}),
        "is damaged: its description is not JSON.",
    ),
    (
        "a description that is a list",
        file_of({"__metadata__": {"format": "pellucid", "version": "1", "network": "[]"}}),
        "is damaged: its description is not a table.",
    ),
    (
        "a deep description",
        file_of({"__metadata__": {"format": "pellucid", "version": "1", "network": "[" * 100_000}}),
        "is damaged: its description is nested too deeply.",
    ),
]


@pytest.mark.parametrize(("kind", "data", "message"), WRONG_FILES, ids=[case[0] for case in WRONG_FILES])
def test_wrong_files(kind: str, data: bytes, message: str, path: Path) -> None:
    path.write_bytes(data)
    assert message in refused(path)


def nested(depth: int) -> object:
    value: object = 0
    for _ in range(depth):
        value = [value]
    return value


LIES: list[tuple[str, Callable[[dict[str, Any], dict[str, Any]], Any], str]] = [
    ("no layers", lambda h, d: d.update(layers=[]), "A network needs at least one layer"),
    ("layers that are no list", lambda h, d: d.update(layers="Dense"), "the description has no list of layers"),
    (
        "an unknown layer",
        lambda h, d: d.update(layers=[{"type": "Dens"}]),
        "layer 'Dens' is unknown. Did you mean 'Dense'?",
    ),
    ("a module's name", lambda h, d: d.update(layers=[{"type": "os.system"}]), "layer 'os.system' is unknown"),
    ("a class that is no layer", lambda h, d: d.update(layers=[{"type": "Adam"}]), "layer 'Adam' is unknown"),
    ("too many units", lambda h, d: d["layers"][1].update(units=10**15), "has 1000000000000000 classes"),
    (
        "too many units without names",
        lambda h, d: (d["layers"][1].update(units=10**15), d.update(classes=None)),
        "1.weight should be F32 of the shape [2, 1000000000000000], but",
    ),
    ("no number of units", lambda h, d: d["layers"][1].update(units="2"), "units must be a whole number"),
    ("infinite units", lambda h, d: d["layers"][1].update(units=float("inf")), "its description holds Infinity"),
    ("a missing field", lambda h, d: d["layers"][1].pop("units"), "units"),
    ("an odd field", lambda h, d: d["layers"][1].update(unit=2), "Field of Dense 'unit' is unknown"),
    ("a deep field", lambda h, d: d["layers"][1].update(units=nested(900)), "damaged"),
    (
        "an initializer of the wrong family",
        lambda h, d: d["layers"][1].update(weight_initializer={"type": "Dense"}),
        "initializer 'Dense' is unknown",
    ),
    ("no input shape", lambda h, d: d.pop("input_shape"), "the input shape is None"),
    ("a negative input shape", lambda h, d: d.update(input_shape=[-2]), "the input shape is [-2]"),
    ("a huge input shape", lambda h, d: d.update(input_shape=[2**40]), "the input shape is [1099511627776]"),
    ("another input shape", lambda h, d: d.update(input_shape=[3]), "should be"),
    ("images of other channels", lambda h, d: d.update(input_shape=[2, 3]), "should be"),
    ("another dtype", lambda h, d: d.update(dtype="float64"), "should be F64 of the shape"),
    ("no dtype", lambda h, d: d.pop("dtype"), "dtype 'None' is unknown"),
    ("an odd dtype", lambda h, d: d.update(dtype="(2,,)f4"), "dtype '(2,,)f4' is unknown"),
    ("an unknown loss", lambda h, d: d.update(loss={"type": "Los"}), "loss 'Los' is unknown"),
    ("an unknown link", lambda h, d: d.update(link="eval"), "link 'eval' is unknown"),
    (
        "a tensor of another name",
        lambda h, d: h.update(odd=h.pop("1.bias")),
        "its tensors and its layers differ, first in '1.bias'",
    ),
    ("a tensor missing", lambda h, d: h.pop("1.bias"), "the tensor '0.mean' begins at byte 24, not 16."),
    (
        "a tensor too many",
        lambda h, d: h.update(more={"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}),
        "its tensors and its layers differ, first in 'more'",
    ),
    ("a tensor that is a number", lambda h, d: h.update({"1.bias": 3}), "of the tensor '1.bias' its header says 3."),
    ("another shape", lambda h, d: h["1.bias"].update(shape=[1, 2]), "1.bias should be F32 of the shape [2], but"),
    ("a shape of fractions", lambda h, d: h["1.bias"].update(shape=[0.5]), "'1.bias' has the shape [0.5]."),
    ("a shape that is true", lambda h, d: h["1.bias"].update(shape=[True]), "'1.bias' has the shape [True]."),
    ("a huge shape", lambda h, d: h["1.bias"].update(shape=[2**62] * 3), "needs 392,318,858,461,667,547"),
    ("an unknown type of tensor", lambda h, d: h["1.bias"].update(dtype="BF16"), "one of the types F64, F32"),
    ("a type that is a list", lambda h, d: h["1.bias"].update(dtype=[]), "one of the types F64, F32"),
    ("no offsets", lambda h, d: h["1.bias"].pop("data_offsets"), "of the tensor '1.bias' its header says {"),
    ("offsets of text", lambda h, d: h["1.bias"].update(data_offsets=["a", "b"]), "'1.bias' has no place in the file"),
    (
        "offsets beyond the end",
        lambda h, d: h["1.bias"].update(data_offsets=[2**40, 2**40 + 8]),
        "'1.bias' needs 8 bytes, and lies at bytes",
    ),
    ("negative offsets", lambda h, d: h["1.bias"].update(data_offsets=[-8, 0]), "'1.bias' has no place in the file"),
    ("offsets of another size", lambda h, d: h["1.bias"].update(data_offsets=[0, 4]), "lies at bytes 0 to 4"),
    ("offsets that overlap", lambda h, d: h["1.bias"].update(data_offsets=[0, 8]), "begins at byte 0, not"),
    ("class names that are a text", lambda h, d: d.update(classes="no"), "classes is 'no', not a list."),
    ("too many class names", lambda h, d: d.update(classes=["a", "b", "c"]), "the network has 2 classes"),
    ("a class name twice", lambda h, d: d.update(classes=["a", "a"]), "classes names 'a' twice"),
    ("too few features", lambda h, d: d.update(features=[["a", "number"]]), "a row of the network has 2 numbers"),
    ("an odd kind", lambda h, d: d.update(features=[["a", "numbr"], ["b", "number"]]), "Did you mean 'number'?"),
    ("features of numbers", lambda h, d: d.update(features=[3, 4]), "a text that is not empty, not 3"),
    ("a preprocessing", lambda h, d: d.update(preprocessing={"type": "Table"}), "the preprocessing must be a table of"),
    ("a training that is a list", lambda h, d: d.update(training=[]), "the summary of the training must be a table"),
    ("a training of nothing", lambda h, d: d.update(training={}), "the training's version must be a text"),
]


@pytest.mark.parametrize(("kind", "change", "message"), LIES, ids=[case[0] for case in LIES])
def test_lies(kind: str, change: Callable[[dict[str, Any], dict[str, Any]], Any], message: str, saved: Path) -> None:
    altered(saved, change)
    assert message in refused(saved)


def test_numbers_that_are_not_finite(saved: Path) -> None:
    data = saved.read_bytes()
    altered(saved, lambda header, description: None)
    data = bytearray(saved.read_bytes())
    data[-4:] = struct.pack("<f", float("nan"))  # the last tensor is a statistic in float64: its upper half
    data[-8:] = struct.pack("<d", float("nan"))
    saved.write_bytes(data)
    assert "holds values that are not finite" in refused(saved)


def test_numbers_changed_with_the_digest_left_in(saved: Path) -> None:
    data = bytearray(saved.read_bytes())
    data[-8:] = struct.pack("<d", 0.125)
    saved.write_bytes(data)
    assert refused(saved).endswith("is damaged: its numbers are not those that were written (SHA-256).")


def test_numbers_changed_with_another_tool(saved: Path) -> None:
    """A safetensors file is for all tools: without the digest, other numbers are simply other numbers."""
    tensors = safetensors.numpy.load_file(saved)
    with safetensors.safe_open(saved, framework="numpy") as file:
        metadata = {name: text for name, text in file.metadata().items() if name != "sha256"}
    tensors["1.bias"] = np.array([1.0, 2.0], dtype=np.float32)
    safetensors.numpy.save_file(tensors, saved, metadata)
    assert pl.load(saved).get("1.bias").tolist() == [1.0, 2.0]


def test_no_file_or_a_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        pl.load(tmp_path / "nothing.pellucid")
    with pytest.raises(OSError):
        pl.load(tmp_path)


def test_a_wrong_engine_is_no_fault_of_the_file(saved: Path) -> None:
    with pytest.raises(ValueError, match="engine 'nativ' is unknown") as caught:
        pl.load(saved, engine="nativ")
    assert not isinstance(caught.value, pl.ModelFileError)
    with pytest.raises(ValueError, match="threads must be a whole number of at least 1, not 0"):
        pl.load(saved, threads=0)


# -- writing -----------------------------------------------------------------------------------------------------


def test_what_cannot_be_saved(path: Path) -> None:
    with pytest.raises(ValueError, match="The network has no parameters yet"):
        pl.save(pl.Network([pl.Dense(2)]), path)
    network = small()
    network.parameters = np.full(6, np.inf)
    with pytest.raises(ValueError, match=r"^1\.weight holds inf at row 0, column 0: every number must be finite\."):
        pl.save(network, path)
    assert not path.exists()


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", kilobytes=200) as disk:
        if disk is None:
            pytest.skip("no disk can be mounted here: only a privileged user may")
        path = disk / "model.pellucid"
        pl.save(small(), path)
        before = path.read_bytes()
        with pytest.raises(OSError, match="No space left on device"):
            pl.save(pl.Network([pl.Dense(300)]).build(300), path)
        assert path.read_bytes() == before
        fill(disk)
        with pytest.raises(OSError, match="No space left on device"):
            pl.save(small(), path)
        assert sorted(os.listdir(disk)) == ["filler", "model.pellucid"], "nothing is left behind"
        same(small(), pl.load(path))


@dataclass(frozen=True)
class Unwritable(Power):
    thing: object = None


def test_a_layer_that_is_no_plain_data(path: Path) -> None:
    with pytest.raises(
        TypeError, match=r"^Unwritable\.thing is \{1\} \(set\), which cannot be written as plain data\.$"
    ):
        pl.save(pl.Network([Unwritable(thing={1})]).build(2), path)
    assert os.listdir(path.parent) == []


def test_a_layer_with_the_name_of_one_of_ours(path: Path) -> None:
    own = dataclass(frozen=True)(type("ReLU", (Power,), {}))
    with pytest.raises(TypeError, match=r"^The class ReLU of your own has the name of one of Pellucid's, which a file"):
        pl.save(pl.Network([own()]).build(2), path)
    assert not path.exists()


def test_text_and_path_objects(tmp_path: Path) -> None:
    pl.save(small(), str(tmp_path / "a.pellucid"))
    same(small(), pl.load(str(tmp_path / "a.pellucid")))
