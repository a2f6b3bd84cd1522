"""Networks written in other languages, compiled or interpreted, and asked for their answers."""

from __future__ import annotations

import ctypes
import itertools
import json
import runpy
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

import pellucid as pl
from pellucid.ensemble import Model, members
from pellucid.formats.c_source import write_c
from pellucid.formats.javascript import write_javascript
from pellucid.formats.numpy_source import write_numpy
from pellucid.formats.prediction import prediction_of
from pellucid.typing import Array

STRICT = ["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", "-Wconversion", "-Wshadow", "-Wdouble-promotion"]
COMPILERS = ("gcc", "clang")
_numbers = itertools.count()
LANGUAGES = ("numpy", "c", "javascript")

_ASK = """
import { readFileSync } from "node:fs";
import * as network from "./NAME.mjs";
const answer = (row) => [
  Array.from(network.scores(row)).flatMap((each) => (each.length === undefined ? each : Array.from(each))),
  network.predict(row),
  network.predictProba ? Array.from(network.predictProba(row)) : null,
];
process.stdout.write(JSON.stringify(JSON.parse(readFileSync(0)).map(answer), (_, v) => v?.length === undefined ||
  typeof v === "string" || Array.isArray(v) ? v : Array.from(v)));
"""


class Answers(NamedTuple):
    """What a network, or several together, say of some rows."""

    scores: Array
    """(n, outputs), of several networks (n, networks · outputs)."""
    predictions: Array
    probabilities: Array | None


def needs(program: str) -> str:
    """The program, or a test that is skipped, visibly."""
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    return program


def of_network(network: Model, x: Array) -> Answers:
    """What Pellucid itself says."""
    probabilities = network.predict_proba(x) if network.link in ("softmax", "sigmoid") else None
    scores = np.concatenate([each.scores(x) for each in members(network).networks], axis=1)
    return Answers(scores, network.predict(x), probabilities)


def of_numpy(network: Model, folder: Path, x: Array) -> Answers:
    """What the Python file says."""
    write_numpy(network, folder / "network")
    functions = runpy.run_path(str(folder / "network.py"))
    probabilities = functions["predict_proba"](x) if "predict_proba" in functions else None
    scores = functions["scores"](x)  # (n, outputs) or (networks, n, outputs)
    scores = np.concatenate(scores, axis=1) if scores.ndim == 3 else scores
    return Answers(scores, functions["predict"](x), probabilities)


def of_javascript(network: Model, folder: Path, x: Array) -> Answers:
    """What the module says in Node."""
    node = needs("node")
    write_javascript(network, folder / "network")
    (folder / "ask.mjs").write_text(_ASK.replace("NAME", "network"))
    command = [node, str(folder / "ask.mjs")]
    done = subprocess.run(
        command, input=json.dumps(x.reshape(len(x), -1).tolist()), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    scores, predicted, probabilities = zip(*json.loads(done.stdout), strict=True)
    shares = None if probabilities[0] is None else np.array(probabilities)
    return Answers(np.array(scores), np.array(predicted), shares)


def of_c(network: Model, folder: Path, x: Array) -> Answers:
    """What the program says, called as a shared library."""
    write_c(network, folder / "network", rows=x)
    return ask_library(network, folder / "network.c", x)


def ask_library(network: Model, source: Path, x: Array) -> Answers:
    """Compile a source as a shared library, and ask it for each row."""
    target = source.with_name(f"{source.stem}-{next(_numbers)}.so")  # a name that was loaded before gives the old one
    library = ctypes.CDLL(str(compiled([source], target, "-shared", "-fPIC")))
    name, prediction = source.stem, prediction_of(members(network).networks[0])
    one = x.astype(np.float32)

    def each(function: str, count: int, dtype: type) -> Array:
        """Call a function that fills an array, row by row."""
        out = np.zeros((len(x), max(count, 1)), dtype)
        for row, into in zip(one, out, strict=True):
            value = getattr(library, f"{name}_{function}")(_pointer(row), _pointer(into))
            if function == "predict" and prediction.class_count:
                into[0] = value
        return out

    classes, outputs, networks = prediction.class_count, prediction.outputs, len(members(network).networks)
    yes_or_no = prediction.link in ("sigmoid", "sign")
    predicted = each("predict", 0 if classes else outputs, np.int32 if classes or yes_or_no else np.float32)
    probabilities = prediction.probability_count
    return Answers(
        each("scores", networks * outputs, np.float32),
        predicted[:, 0] if predicted.shape[1] == 1 else predicted,
        each("predict_proba", probabilities, np.float32) if probabilities else None,
    )


def _pointer(array: Array) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def compiled(sources: list[Path], target: Path, *flags: str, compiler: str = "gcc") -> Path:
    """Compile with every warning an error."""
    command = [needs(compiler), *STRICT, *(flags or ("-O1",)), *map(str, sources), "-lm", "-o", str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return target


def self_test(source: Path, *flags: str, compiler: str = "gcc") -> subprocess.CompletedProcess[str]:
    """Compile a source with its self-test, and run it."""
    program = compiled(
        [source, source.with_name(f"{source.stem}_test.c")], source.with_suffix(".out"), *flags, compiler=compiler
    )
    return subprocess.run([str(program)], capture_output=True, text=True, check=False)


ASK: dict[str, Callable[[Model, Path, Array], Answers]] = {
    "numpy": of_numpy,
    "c": of_c,
    "javascript": of_javascript,
}


def assert_agree(ours: Answers, expected: Answers, tolerance: float = 1e-5) -> None:
    """Scores and probabilities to rounding, relative to the largest; classes where they do not hang on it."""
    size = max(1.0, float(np.abs(expected.scores).max()))
    assert ours.scores.shape == expected.scores.shape
    difference = np.abs(ours.scores - expected.scores.astype(np.float64))
    assert difference.max() <= tolerance * size, f"scores differ by {difference.max():.3g} of {size:.3g}"
    assert (ours.probabilities is None) == (expected.probabilities is None)
    if expected.probabilities is not None:
        assert ours.probabilities.shape == expected.probabilities.shape
        assert np.abs(ours.probabilities - expected.probabilities).max() <= 4 * tolerance * size
    assert ours.predictions.shape == expected.predictions.shape
    if expected.predictions.dtype.kind != "f":
        assert (np.asarray(ours.predictions) == expected.predictions).mean() >= 0.9  # ties may fall the other way
    else:
        scale = np.maximum(1, np.abs(expected.predictions))
        assert (np.abs(ours.predictions - expected.predictions) <= 4 * tolerance * size * scale).all()


def network_of(
    layers: list[pl.Layer], inputs: int | tuple[int, ...], link: str, seed: int = 0, dtype: str = "float32"
) -> pl.Network:
    """A network with random numbers in all places."""
    network = pl.Network(layers, dtype=dtype, engine="reference").build(inputs)
    random = np.random.default_rng(seed)
    views = network.program.views()
    flat = np.zeros(network.program.parameter_count)
    for view in views.values():
        view.of(flat)[...] = random.normal(size=view.shape) / np.sqrt(view.shape[0] if len(view.shape) > 1 else 4)
    network.parameters = flat
    network.statistics = random.uniform(0.5, 1.5, size=network.program.statistic_count)
    network.link = link
    return network
