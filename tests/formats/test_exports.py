"""Exports as source: every layer, every way to predict and random networks of them say what Pellucid says."""

from __future__ import annotations

import errno
import os
import runpy
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pellucid as pl
from pellucid.formats.c_source import write_c
from pellucid.formats.javascript import write_javascript
from pellucid.formats.numpy_source import write_numpy
from pellucid.formats.numpy_source.export_numpy import MOST_INSIDE
from pellucid.losses import LINKS
from support.exports import ASK, LANGUAGES, Answers, ask_library, assert_agree, needs, network_of, of_network
from support.nested import nested_layers
from support.samples import RANKED_LAYER_SAMPLES, LayerSample, random_numbers

WRITERS = {"numpy": write_numpy, "c": write_c, "javascript": write_javascript}
ENDINGS = {"numpy": [".py"], "c": [".c", ".h", "_test.c"], "javascript": [".mjs"]}


@pytest.fixture(params=LANGUAGES)
def language(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.mark.parametrize("sample", RANKED_LAYER_SAMPLES, ids=str)
def test_every_layer_agrees(sample: LayerSample, language: str, tmp_path: Path) -> None:
    layer, shape = sample.layer, sample.input_shape
    if len(shape) == 1 and len(layer.output_shape(shape)) == 1:
        behind = [layer] if layer.code_columns else [pl.Dense(18), pl.Tanh(), layer]
        networks = [[layer], [*behind, pl.Dense(3)]]
    else:
        networks = [[layer, pl.Flatten(), pl.Dense(3)]]
    for layers in networks:
        network = network_of(layers, shape, "softmax" if len(layers) > 1 else "identity", seed=3)
        x = sample.inputs(5, 1, scale=3.0)
        assert_agree(ASK[language](network, tmp_path, x.astype(np.float32)), of_network(network, x.astype(np.float32)))


@st.composite
def networks(draw: st.DrawFn) -> pl.Network:
    layers = [
        pl.Standardize(), pl.MinMax(-1, 1), pl.RobustScale(), pl.Center(), pl.Rescale(0.5, -0.25),
        pl.Sigmoid(), pl.Tanh(), pl.HardTanh(), pl.ReLU(), pl.LeakyReLU(0.1), pl.PReLU(per_unit=True), pl.ELU(1.3),
        pl.SELU(), pl.GELU(), pl.GELU("tanh"), pl.SiLU(), pl.Mish(), pl.Softplus(2.0), pl.Softsign(), pl.Softmax(),
        pl.Dropout(0.3), pl.GaussianNoise(0.1), pl.BatchNormalization(), pl.LayerNormalization(), pl.Identity(),
        pl.Maxout(5, 3), pl.Dense(33), pl.Dense(7, bias=False), pl.Dense(16),
    ]  # fmt: skip
    chosen = draw(st.lists(st.sampled_from(layers), max_size=7))
    if draw(st.booleans()):
        chosen.append(pl.Dense(draw(st.integers(1, 20))))
    seed, link = draw(st.integers(0, 99)), draw(st.sampled_from(LINKS))
    network = network_of(chosen or [pl.Identity()], draw(st.integers(1, 40)), link, seed)
    return network if link != "exponential" or network.outputs > 2 else network_of(network.layers, 3, "identity", seed)


@settings(max_examples=60)
@given(network=networks(), rows=st.integers(1, 6), seed=st.integers(0, 99))
@pytest.mark.parametrize("language", LANGUAGES)
def test_random_networks_agree(language: str, network: pl.Network, rows: int, seed: int) -> None:
    x = np.random.default_rng(seed).normal(size=(rows, network.input_shape[0])).astype(np.float32)
    exact = network_of(list(network.layers), x.shape[1], network.link, dtype="float64")
    exact.parameters, exact.statistics = network.parameters, network.statistics
    with tempfile.TemporaryDirectory() as folder:
        assert_agree(ASK[language](network, Path(folder), x), of_network(exact, x), 2e-5)


@settings(max_examples=20)
@given(layers=nested_layers(), positions=st.sampled_from([(), (2,), (2, 3)]), seed=st.integers(0, 99))
@pytest.mark.parametrize("language", LANGUAGES)
def test_nested_networks_agree(language: str, layers: list[pl.Layer], positions: tuple[int, ...], seed: int) -> None:
    network = network_of([*layers, pl.Flatten()], (*positions, 3), "identity", seed)
    exact = network_of([*layers, pl.Flatten()], (*positions, 3), "identity", seed, "float64")
    x = random_numbers((4, *positions, 3), seed).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        assert_agree(ASK[language](network, Path(folder), x), of_network(exact, x), 5e-5)


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("outputs", [1, 3])
def test_every_way_to_predict_agrees(language: str, link: str, outputs: int, tmp_path: Path) -> None:
    network = network_of([pl.Dense(4), pl.ReLU(), pl.Dense(outputs)], 5, link)
    x = random_numbers((9, 5), 2).astype(np.float32)
    ours, expected = ASK[language](network, tmp_path, x), of_network(network, x)
    assert_agree(ours, expected)
    if expected.predictions.dtype.kind != "f":
        assert np.array_equal(ours.predictions, expected.predictions)


@pytest.mark.parametrize("language", ["numpy", "javascript"])
def test_double_precision_stays(language: str, tmp_path: Path) -> None:
    layers = [pl.Standardize(), pl.Dense(9), pl.GELU(), pl.LayerNormalization(), pl.Dense(2)]
    network = network_of(layers, 4, "softmax", dtype="float64")
    x = random_numbers((6, 4))
    assert_agree(ASK[language](network, tmp_path, x), of_network(network, x), 1e-13)


def test_inputs_far_from_zero_keep_their_digits(language: str, tmp_path: Path) -> None:
    """What differs is small beside the mean, as in a pressure in pascal: means are not folded into weights."""
    x = (1e6 + random_numbers((40, 3), 5)).astype(np.float32)
    network = network_of([pl.Standardize(), pl.Dense(4), pl.Tanh(), pl.Dense(2)], 3, "softmax")
    network.fit_statistics(x)
    assert_agree(ASK[language](network, tmp_path, x), of_network(network, x))


def test_digits_are_recognised_as_well_in_every_language(language: str, tmp_path: Path) -> None:
    digits = pl.datasets.load_digits()
    network = pl.Network([pl.Standardize(), pl.Dense(40), pl.ReLU(), pl.Dropout(0.2), pl.Dense(10)])
    pl.Trainer(network, "softmax_cross_entropy", pl.Adam(0.005)).fit(*digits.train, epochs=8)
    ours = ASK[language](network, tmp_path, digits.test.x)
    assert np.array_equal(ours.predictions, network.predict(digits.test.x))
    assert_agree(ours, of_network(network, digits.test.x))


# -- files -------------------------------------------------------------------------------------------------------


def small() -> pl.Network:
    network = network_of([pl.Standardize(), pl.Dense(3), pl.GELU(), pl.Dense(2)], 4, "softmax")
    network.classes = ('a"b\\c', "ü*/?")
    return network


def test_the_same_network_gives_the_same_bytes(language: str, tmp_path: Path) -> None:
    texts = []
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        report = WRITERS[language](small(), tmp_path / folder / "net")
        assert [file.name for file in report.files] == sorted([f"net{e}" for e in ENDINGS[language]], key=_order)
        texts.append([file.read_bytes() for file in report.files])
    assert texts[0] == texts[1]


def _order(name: str) -> int:
    return [".h", ".c", "t.c", ".py", "mjs"].index(
        next(e for e in ("t.c", ".h", ".c", ".py", "mjs") if name.endswith(e))
    )


def test_names_of_classes_survive(tmp_path: Path) -> None:
    import ctypes
    import runpy

    from support.exports import compiled, needs

    write_numpy(small(), tmp_path / "net")
    assert runpy.run_path(str(tmp_path / "net.py"))["classes"] == small().classes
    write_c(small(), tmp_path / "net")
    library = ctypes.CDLL(str(compiled([tmp_path / "net.c"], tmp_path / "net.so", "-shared", "-fPIC")))
    names = (ctypes.c_char_p * 2).in_dll(library, "net_classes")
    assert tuple(name.decode() for name in names) == small().classes
    node = needs("node")
    write_javascript(small(), tmp_path / "net")
    ask = f"import('{tmp_path}/net.mjs').then((m) => console.log(JSON.stringify(m.classes)))"
    import json

    assert tuple(json.loads(subprocess.check_output([node, "-e", ask]))) == small().classes


def test_a_file_that_no_export_wrote_is_left_alone(language: str, tmp_path: Path) -> None:
    mine = tmp_path / f"net{ENDINGS[language][-1]}"
    mine.write_text("print('mine')\n")
    with pytest.raises(FileExistsError, match=r"is there already and was not written by an export"):
        WRITERS[language](small(), tmp_path / "net")
    assert mine.read_text() == "print('mine')\n"
    assert list(tmp_path.iterdir()) == [mine]
    mine.unlink()
    WRITERS[language](small(), tmp_path / "net")
    WRITERS[language](small(), tmp_path / "net")  # its own it replaces


def test_a_full_disk_keeps_the_files_of_the_earlier_export(
    language: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also those before the one that there is no room for: they are of one network."""
    WRITERS[language](small(), tmp_path / "net")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    synced, calls = os.fsync, []

    def full(handle: int) -> None:
        calls.append(handle)
        if len(calls) == len(before):
            raise OSError(errno.ENOSPC, "No space left on device")
        synced(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left on device"):
        WRITERS[language](network_of([pl.Dense(4)], 3, "identity"), tmp_path / "net")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    ("given", "name"), [("My Net-2.c", "my_net_2"), ("3d", "network_3d"), ("class", "network_class"), ("é.x", "x")]
)
def test_a_name_becomes_one_that_languages_take(given: str, name: str, tmp_path: Path) -> None:
    from pellucid.formats.writing import identifier, without_ending

    assert identifier(without_ending(given, (".c",)).name) == name


def test_a_large_network_keeps_its_numbers_beside_the_python_file(tmp_path: Path) -> None:
    network = network_of([pl.Dense(150), pl.ReLU(), pl.Dense(10)], MOST_INSIDE // 150 + 1, "softmax")
    report = write_numpy(network, tmp_path / "net.py")
    assert [file.name for file in report.files] == ["net.py", "net.npz"]
    assert report.lines == ("21,760 numbers, in net.npz, which must stay beside net.py",)
    first = (tmp_path / "net.npz").read_bytes()
    x = random_numbers((3, network.input_shape[0])).astype(np.float32)
    assert_agree(ASK["numpy"](network, tmp_path, x), of_network(network, x))
    write_numpy(network, tmp_path / "net")
    assert (tmp_path / "net.npz").read_bytes() == first
    assert "allow_pickle=False" in (tmp_path / "net.py").read_text()


def test_the_python_file_needs_numpy_alone(tmp_path: Path) -> None:
    write_numpy(small(), tmp_path / "net")
    code = (
        "import sys; sys.modules['pellucid'] = None; sys.path.insert(0, '.'); import net; "
        "print(net.predict([[1.0, 2.0, 3.0, 4.0]])); net.scores([[1.0]])"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.strip() == str(small().predict([[1.0, 2.0, 3.0, 4.0]]))
    assert done.stderr.endswith("ValueError: x must have the shape (n, 4), not (1, 1).\n")


# -- what cannot be exported -------------------------------------------------------------------------------------


def test_networks_that_are_not_ready(language: str, tmp_path: Path) -> None:
    write = WRITERS[language]
    with pytest.raises(ValueError, match=r"The network has no parameters yet"):
        write(pl.Network([pl.Dense(2)]), tmp_path / "net")
    with pytest.raises(
        ValueError, match=r"has an output of the shape \(2, 3\) for each example.*Flatten\(\) and Dense"
    ):
        write(pl.Network([pl.ReLU()]).build((2, 3)), tmp_path / "net")
    network = pl.Network([pl.Dense(2)]).build(2)
    network.parameters = [1, 2, 3, np.nan, 0, 0]
    with pytest.raises(ValueError, match=r"0\.weight holds numbers that are not finite"):
        write(network, tmp_path / "net")
    with pytest.raises(FileNotFoundError, match=r"The folder .* does not exist"):
        write(small(), tmp_path / "none" / "net")


def test_a_number_too_large_for_a_float_of_c(tmp_path: Path) -> None:
    network = pl.Network([pl.Dense(1)], dtype="float64").build(1)
    network.parameters = [1e300, 0]
    with pytest.raises(ValueError, match=r"1e\+300 is beyond what a float of C can hold"):
        write_c(network, tmp_path / "net")


NOT_FINITE = (np.nan, np.inf, -np.inf)
EVERY_KIND = [
    pytest.param([pl.Standardize(), pl.Dense(5), pl.HardTanh(), pl.Dense(3)], link, id=link)
    for link in ("softmax", "argmax", "sigmoid", "sign", "identity", "exponential")
] + [
    pytest.param([pl.Dense(5), pl.ReLU(), pl.Dense(1)], "sigmoid", id="yes or no"),
    pytest.param([pl.Dense(5), pl.ReLU(), pl.Dense(1)], "sign", id="one sign"),
    pytest.param([pl.ReLU()], "identity", id="nothing but a bend"),
]


def several_of(layers: list[pl.Layer], link: str, count: int) -> pl.Network | pl.Ensemble:
    networks = [network_of(layers, 4, link, seed=seed) for seed in range(count)]
    return networks[0] if count == 1 else pl.Ensemble(networks)


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize(("layers", "link"), EVERY_KIND)
def test_python_and_javascript_refuse_what_predict_refuses(
    layers: list[pl.Layer], link: str, count: int, tmp_path: Path
) -> None:
    network = several_of(layers, link, count)
    write_numpy(network, tmp_path / "network")
    functions = runpy.run_path(str(tmp_path / "network.py"))
    for bad in (*NOT_FINITE, None, "1.5"):
        x = [[0.5, 1.0, -2.0, 3.0], [0.5, 1.0, bad, 3.0]]
        for call in (network.predict, *(functions[name] for name in ("scores", "predict"))):
            with pytest.raises((ValueError, TypeError)):
                call(x)
    with pytest.raises(ValueError, match=r"^x must hold finite numbers, but row 1, column 2 holds nan\.$"):
        functions["predict"]([[0.5, 1.0, -2.0, 3.0], [0.5, 1.0, np.nan, 3.0]])
    true = functions["scores"](np.array([[True, False, True, True]]))
    assert np.array_equal(true, functions["scores"]([[1, 0, 1, 1]]))

    write_javascript(network, tmp_path / "network")
    cells = ["NaN", "Infinity", "-Infinity", "null", "undefined", '"1.5"', "true", "1.5"]
    lines = [
        'import * as network from "./network.mjs";',
        f"for (const cell of [{', '.join(cells)}]) {{",
        '  for (const name of ["scores", "predict"]) {',
        "    try { network[name]([0.5, 1, cell, 3]); console.log('accepted'); } catch (e) { console.log(e.message); }",
        "  }",
        "}",
    ]
    (tmp_path / "ask.mjs").write_text("\n".join(lines))
    done = subprocess.run([needs("node"), str(tmp_path / "ask.mjs")], capture_output=True, text=True, check=True)
    refused = [f"x must hold finite numbers, but x[2] is {cell.strip(chr(34))}." for cell in cells[:6] for _ in "12"]
    assert done.stdout.splitlines() == [*refused, *["accepted"] * 4]


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize(("layers", "link"), EVERY_KIND)
def test_c_has_no_class_and_no_number_for_what_predict_refuses(
    layers: list[pl.Layer], link: str, count: int, tmp_path: Path
) -> None:
    network, good = several_of(layers, link, count), np.array([[0.5, 1.0, -2.0, 3.0]])
    x = np.repeat(good, 4, axis=0)
    x[:3, 2] = NOT_FINITE
    write_c(network, tmp_path / "network", rows=good)
    ours = ask_library(network, tmp_path / "network.c", x)
    assert np.isnan(ours.scores[:3]).all()
    assert (
        (ours.predictions[:3] == -1).all()
        if ours.predictions.dtype.kind == "i"
        else np.isnan(ours.predictions[:3]).all()
    )
    assert ours.probabilities is None or np.isnan(ours.probabilities[:3]).all()
    assert_agree(Answers(*(None if each is None else each[3:] for each in ours)), of_network(network, good))


@pytest.mark.parametrize("link", ["softmax", "argmax", "sigmoid", "identity"])
def test_int8_has_no_class_for_what_predict_refuses(link: str, tmp_path: Path) -> None:
    network = network_of([pl.Standardize(), pl.Dense(5), pl.ReLU(), pl.Dense(3)], 4, link)
    rows = random_numbers((40, 4), 1)
    write_c(network, tmp_path / "network", int8=True, rows=rows)
    x = rows[:3].copy()
    x[:, 2] = NOT_FINITE
    ours = ask_library(network, tmp_path / "network.c", x)
    assert np.isnan(ours.scores).all()
    assert (ours.predictions == -1).all() if ours.predictions.dtype.kind == "i" else np.isnan(ours.predictions).all()


def test_numbers_that_are_too_large_for_the_network_are_said(tmp_path: Path) -> None:
    network = network_of([pl.Dense(2), pl.ReLU(), pl.Dense(3)], 4, "softmax")
    network.set("0.weight", np.full((4, 2), 10.0))  # both units are infinite in float32 …
    network.set("2.weight", [[1.0, 1.0, 1.0], [-1.0, -1.0, -1.0]])  # … and infinity − infinity is NaN
    huge = [3e38, 3e38, 3e38, 3e38]
    write_numpy(network, tmp_path / "network")
    functions = runpy.run_path(str(tmp_path / "network.py"))
    with (
        np.errstate(all="ignore"),
        pytest.raises(ValueError, match=r"^The scores are NaN: x holds numbers that are too"),
    ):
        functions["predict"]([huge])
    write_javascript(network, tmp_path / "network")
    code = f"import('{tmp_path}/network.mjs').then((n) => n.predict({huge}))"
    done = subprocess.run([needs("node"), "-e", code], capture_output=True, text=True, check=False)
    assert "The scores are NaN: x holds numbers too large for the network." in done.stderr
    write_c(network, tmp_path / "network")
    assert ask_library(network, tmp_path / "network.c", np.array([huge])).predictions.tolist() == [-1]
