"""A network of numbers and categories, in every form: codes in the rows must be codes everywhere."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pellucid as pl
from formats.test_training_source import compare, trainer_of
from pellucid.formats.c_source import write_c
from pellucid.formats.numpy_source import write_numpy
from support.exports import ASK, LANGUAGES, ask_library, assert_agree, network_of, of_network, self_test
from support.samples import random_numbers

LAYERS = [
    pl.PeriodicEmbedding(3, frequencies=4, sigma=0.3), pl.CategoryEmbedding((3, 4), size=2), pl.Scale(),
    pl.Dense(8, parametrization="ntk"), pl.ParametricActivation("mish"), pl.Dense(3, parametrization="ntk"),
]  # fmt: skip


def rows(count: int, seed: int = 0) -> Any:
    """Three numbers, a yes or no, and the codes of two categories, (count, 6) float32."""
    random = np.random.default_rng(seed)
    numbers = random_numbers((count, 3), seed)
    return np.hstack([numbers, random.integers(0, (2, 3, 4), (count, 3))]).astype(np.float32)


def network(dtype: str = "float32") -> pl.Network:
    return network_of(LAYERS, 6, "softmax", seed=1, dtype=dtype)


@pytest.mark.parametrize("language", LANGUAGES)
def test_as_source(language: str, tmp_path: Path) -> None:
    assert_agree(ASK[language](network(), tmp_path, rows(30)), of_network(network(), rows(30)))


def test_a_self_test_draws_codes_where_they_must_be(tmp_path: Path) -> None:
    write_c(network(), tmp_path / "net")
    assert self_test(tmp_path / "net.c").returncode == 0


def test_in_int8(tmp_path: Path) -> None:
    """The embeddings in front of the dense layers are float; a share of each unit is refused, so one for all."""
    ours, x = network(), rows(400)
    ours.set("4.share", np.full(8, 0.7))
    write_c(ours, tmp_path / "net", int8=True, rows=x)
    scores = ours.scores(x)
    assert np.abs(ask_library(ours, tmp_path / "net.c", x).scores - scores).max() <= 0.1 * np.abs(scores).max()
    behind = network_of([pl.Dense(4), pl.PeriodicEmbedding(), pl.Dense(2)], 3, "softmax")
    with pytest.raises(ValueError, match=r"layer 1, PeriodicEmbedding\(\), behind a dense layer cannot be computed"):
        write_c(behind, tmp_path / "other", int8=True, rows=rows(50)[:, :3])


def test_a_wrong_code_is_named_by_the_python_file(tmp_path: Path) -> None:
    write_numpy(network(), tmp_path / "net")
    scores = runpy.run_path(str(tmp_path / "net.py"))["scores"]
    codes = r"The last 2 columns must hold whole numbers from 0 on, below \(3, 4\)"
    for wrong, words in ((3.0, codes), (-1.0, codes), (0.5, codes), (np.nan, "row 2, column 4 holds nan")):
        x = rows(5)
        x[2, 4] = wrong
        with pytest.raises(ValueError, match=words):
            scores(x)


def test_in_onnx(tmp_path: Path) -> None:
    runtime = pytest.importorskip("onnxruntime")
    report = pl.to_onnx(network(), tmp_path / "net.onnx", x=rows(50))
    session = runtime.InferenceSession(str(tmp_path / "net.onnx"), providers=["CPUExecutionProvider"])
    answers = dict(zip([o.name for o in session.get_outputs()], session.run(None, {"input": rows(50)}), strict=True))
    np.testing.assert_allclose(answers["probabilities"], network().predict_proba(rows(50)), rtol=1e-5, atol=1e-6)
    assert report.largest_difference < 1e-5


def test_in_pytorch_and_back() -> None:
    torch = pytest.importorskip("torch", reason="torch is installed for `make parity`")
    ours, x = network("float64"), rows(20).astype(np.float64)
    module = pl.to_torch(ours)
    np.testing.assert_allclose(module(torch.tensor(x)).detach().numpy(), ours.scores(x), rtol=1e-12, atol=1e-12)
    again = pl.Network(LAYERS, dtype="float64").build(6, seed=9)
    pl.load_torch_weights(again, module.state_dict())
    np.testing.assert_array_equal(again.parameters, ours.parameters)


def test_as_a_training_program() -> None:
    x, y = rows(33).astype(np.float64), np.arange(33) % 3
    compare(trainer_of(LAYERS, "softmax_cross_entropy", pl.AdamW(0.02, weight_decay=0.1)), x, y)
    compare(trainer_of([pl.CategoryEmbedding((2, 3, 4)), *LAYERS[2:]]), x, y)


def test_in_a_model_file(tmp_path: Path) -> None:
    pl.save(network(), tmp_path / "net.pellucid")
    again = pl.load(tmp_path / "net.pellucid", engine="reference")
    assert again.layers == network().layers
    np.testing.assert_array_equal(again.scores(rows(9)), network().scores(rows(9)))


def test_in_a_trace_and_a_gradient_check() -> None:
    ours, x, y = network("float64"), rows(4).astype(np.float64), np.array([0, 2, 1, 1])
    text = pl.trace(ours, "softmax_cross_entropy", x, y, optimizer=pl.GradientDescent(0.1)).text()
    for words in ("the columns of", "each code as its row of", "each number beside cos(2π·x·", "f is mish", "/√d + b"):
        assert words in text
    assert pl.gradient_check(ours, "softmax_cross_entropy", x, y).passed
    assert pl.layer_gradient_check(LAYERS[1], 6).passed
