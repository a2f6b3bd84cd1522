"""Several networks of an ensemble, and quantiles, say in every export what `Ensemble` says."""

from __future__ import annotations

import json
import runpy
import subprocess
from pathlib import Path

import numpy as np
import pytest

import pellucid as pl
from pellucid.ensemble import Model, members
from pellucid.formats.c_source import write_c
from pellucid.formats.encoding.samples import sample_columns
from pellucid.formats.numpy_source.export_numpy import MOST_INSIDE
from pellucid.losses import LINKS
from pellucid.tables import Table, TableEncoder
from support.exports import ASK, LANGUAGES, Answers, assert_agree, needs, network_of, of_network, self_test

X = 2 * np.random.default_rng(1).normal(size=(60, 5)).astype(np.float32)


def of_onnx(model: Model, folder: Path, x: np.ndarray) -> Answers:
    """What onnxruntime says of the graph; it does not tell the scores of each network."""
    onnxruntime = pytest.importorskip("onnxruntime")
    assert pl.to_onnx(model, folder / "network.onnx").judge.startswith("onnxruntime")
    session = onnxruntime.InferenceSession(folder / "network.onnx")
    said = dict(zip([out.name for out in session.get_outputs()], session.run(None, {"input": x}), strict=True))
    scores = of_network(model, x).scores
    if "variable" in said:
        values = said["variable"]
        return Answers(scores, values[:, 0] if values.shape[1] == 1 else values, None)
    return Answers(scores, said["label"], said.get("probabilities"))


SAY = {**ASK, "onnx": of_onnx}


@pytest.fixture(params=[*LANGUAGES, "onnx"])
def language(request: pytest.FixtureRequest) -> str:
    return request.param


def together(link: str, outputs: int, count: int = 3, layers: tuple[pl.Layer, ...] = ()) -> pl.Ensemble:
    inside = [*layers, pl.Dense(9), pl.Tanh(), pl.Dense(outputs)]
    return pl.Ensemble([network_of(inside, 5, link, seed) for seed in range(6, 6 + count)])


def assert_same(language: str, model: Model, folder: Path, x: np.ndarray = X) -> Answers:
    ours, expected = SAY[language](model, folder, x), of_network(model, x)
    assert_agree(ours, expected)
    if expected.predictions.dtype.kind != "f":
        assert np.array_equal(ours.predictions, expected.predictions)
    return ours


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("outputs", [1, 3])
def test_every_way_to_predict_together_agrees(language: str, link: str, outputs: int, tmp_path: Path) -> None:
    assert_same(language, together(link, outputs), tmp_path)


def test_networks_with_scalings_and_units_of_their_own_agree(language: str, tmp_path: Path) -> None:
    for outputs, scales in ((1, (3.0, 7.0, 0.5)), (2, ((3.0, 1.0), 7.0, 0.5))):
        model = together("identity", outputs, layers=(pl.Standardize(),))
        for place, (network, scale) in enumerate(zip(model.networks, scales, strict=True)):
            network.target = pl.TargetScaling(10.0 * place, scale, low=None if place == 1 else -1.0, high=9.0 + place)
        assert_same(language, model, tmp_path)
    for network in model.networks:
        network.target = None if network is model.networks[0] else pl.TargetScaling(5.0, 2.0)
    assert_same(language, model, tmp_path)


def test_networks_of_other_layers_agree(language: str, tmp_path: Path) -> None:
    kinds = [[pl.Dense(3)], [pl.Standardize(), pl.Maxout(4, 2), pl.Dense(3)], [pl.LayerNormalization(), pl.Dense(3)]]
    assert_same(language, pl.Ensemble([network_of(kind, 5, "softmax") for kind in kinds]), tmp_path)


@pytest.mark.parametrize("language", ["numpy", "javascript"])
def test_double_precision_stays(language: str, tmp_path: Path) -> None:
    layers = [pl.Standardize(), pl.Dense(9), pl.GELU(), pl.Dense(3)]
    for link in ("softmax", "sigmoid", "identity"):
        model = pl.Ensemble([network_of(layers, 5, link, seed, dtype="float64") for seed in range(3)])
        assert_agree(SAY[language](model, tmp_path, X), of_network(model, X), 1e-13)


@pytest.mark.parametrize("levels", [(0.1, 0.5, 0.9), (0.9, 0.1, 0.5)])
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("unit", [None, pl.TargetScaling(100.0, 20.0, low=60.0)])
def test_quantiles_leave_in_order(
    language: str, levels: tuple[float, ...], count: int, unit: pl.TargetScaling | None, tmp_path: Path
) -> None:
    model = together("identity", 3, count)
    for network in model.networks:
        network.loss, network.target = pl.Quantile(levels), unit
    model = pl.Ensemble(model.networks)  # which knows the loss
    crossed = np.diff(model.networks[0].scores(X)[:, np.argsort(levels)], axis=1) < 0
    assert crossed.any()
    ours = assert_same(language, model if count > 1 else model.networks[0], tmp_path)
    assert (np.diff(np.asarray(ours.predictions)[:, np.argsort(levels)], axis=1) >= 0).all()


def test_the_training_program_puts_quantiles_in_order(tmp_path: Path) -> None:
    trainer = pl.Trainer(pl.Network([pl.Dense(2)]).build(5), pl.Quantile((0.9, 0.1)), pl.Adam(0.01))
    (tmp_path / "program.py").write_text(pl.formats.training_program(trainer, epochs=1))
    program = runpy.run_path(str(tmp_path / "program.py"))
    p = {"W0": X[:5, :2].astype(np.float32), "b0": np.zeros(2, dtype=np.float32)}
    scores = X @ p["W0"]
    assert (scores[:, 0] < scores[:, 1]).any()
    np.testing.assert_allclose(program["predict"](X, p), np.sort(scores, axis=1)[:, ::-1], rtol=1e-6)


TABLE = Table.of(
    {
        "size": [0.1, None, 0.3, 0.7, 12.5, 3.0],
        "sex": ["f", "m", None, "f", "f", "m"],
        "city": list("uvwxyz"),
        "when": ["2024-01-01", None, "2024-03-05", "2023-01-01", "2022-12-31", "2020-02-29"],
    }
)


def of_table() -> pl.Ensemble:
    encoder = TableEncoder.fit(TABLE, one_hot_up_to=3)
    numbers, counts = encoder.layout.numbers, encoder.layout.cardinalities
    layers = [pl.PeriodicEmbedding(numbers, 4, 2), pl.CategoryEmbedding(counts, 2), pl.Dense(8), pl.Mish(), pl.Dense(2)]
    networks = [network_of(layers, encoder.layout.width, "softmax", seed) for seed in range(3)]
    for network in networks:
        network.preprocessing, network.classes = encoder, ("no", "yes")
    return pl.Ensemble(networks)


def rows_of(model: pl.Ensemble) -> tuple[list[dict[str, object]], np.ndarray]:
    """Rows as JSON has them, and as the encoder makes them."""
    assert model.preprocessing is not None
    columns = sample_columns(model.preprocessing, 40, seed=2)
    columns["when"] = np.array([None if np.isnat(day) else str(day) for day in columns["when"]], dtype=object)
    cells = zip(*(column.tolist() for column in columns.values()), strict=True)
    rows = [{name: None if cell != cell else cell for name, cell in zip(columns, row, strict=True)} for row in cells]
    return rows, model.preprocessing.transform(rows)


def test_a_table_is_encoded_once_for_all(tmp_path: Path) -> None:
    model = of_table()
    rows, x = rows_of(model)
    report = pl.formats.write_numpy(model, tmp_path / "sales")
    text = report.files[0].read_text()
    assert text.count("def encode(") == 1
    program = runpy.run_path(str(report.files[0]))
    np.testing.assert_allclose(program["predict_proba"](rows), model.predict_proba(x), atol=1e-6)
    assert np.array_equal(program["predict"](rows), model.predict(x))
    assert program["scores"](rows).shape == (3, 40, 2)
    with pytest.raises(ValueError, match=r"x must have the shape \(n, 13\)|x must have the shape"):
        program["predict"](np.zeros((2, 3)))
    script = pl.formats.write_javascript(model, tmp_path / "sales").files[0]
    assert script.read_text().count("function encode(") == 1
    (tmp_path / "ask.mjs").write_text(
        'import { readFileSync } from "node:fs";\nimport { classes, predict, predictProba } from "./sales.mjs";\n'
        "const rows = JSON.parse(readFileSync(0));\n"
        "process.stdout.write(JSON.stringify(rows.map((row) => "
        "[classes[predict(row)], Array.from(predictProba(row))])));\n"
    )
    command = [needs("node"), str(tmp_path / "ask.mjs")]
    done = subprocess.run(command, input=json.dumps(rows), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    named, shares = zip(*json.loads(done.stdout), strict=True)
    assert list(named) == [model.classes[place] for place in model.predict(x)]  # type: ignore[index]
    np.testing.assert_allclose(shares, model.predict_proba(x), atol=1e-6)
    source = write_c(model, tmp_path / "sales").files[1]
    assert source.read_text().count("void sales_encode(") == 1
    assert self_test(source).returncode == 0


def test_one_graph_takes_the_columns_for_all(tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    from pellucid.formats.onnx.column_graph import feeds_of

    model = of_table()
    pl.to_onnx(model, tmp_path / "sales.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "sales.onnx")
    assert [given.name for given in session.get_inputs()] == ["size", "sex", "city", "when"]
    columns = sample_columns(model.preprocessing, 100, seed=4)  # type: ignore[arg-type]
    labels, shares = session.run(["label", "probabilities"], feeds_of(model.preprocessing, columns))  # type: ignore[arg-type]
    x = model.preprocessing.transform(columns)  # type: ignore[union-attr]
    np.testing.assert_allclose(shares, model.predict_proba(x), atol=1e-4)
    clear = np.abs(model.predict_proba(x)[:, 0] - 0.5) > 1e-3
    assert (labels == np.array(model.classes)[model.predict(x)])[clear].all()


@pytest.mark.parametrize("link", ["softmax", "sigmoid", "sign", "identity"])
def test_the_self_test_in_c_knows_right_from_wrong(link: str, tmp_path: Path) -> None:
    source = write_c(together(link, 1 if link in ("sigmoid", "sign") else 3), tmp_path / "net").files[1]
    assert "#define NET_NETWORKS 3" in source.with_suffix(".h").read_text()
    done = self_test(source)
    assert (done.returncode, done.stdout.split(": ")[-1]) == (0, "right\n")
    text = source.read_text()
    second, third = "network_2(x, scores + 1 * NET_OUTPUTS)", "network_3(x, scores + 2 * NET_OUTPUTS)"
    assert second in text
    assert third in text
    source.write_text(text.replace(second, second.replace("1 *", "2 *")).replace(third, third.replace("2 *", "1 *")))
    done = self_test(source)
    assert (done.returncode, done.stdout.split(": ")[-1]) == (1, "WRONG\n")


def test_the_static_memory_is_what_is_said(tmp_path: Path) -> None:
    report = write_c(together("softmax", 3), tmp_path / "net")
    declared = [line for line in report.files[1].read_text().splitlines() if line.startswith("static float ")]
    counts = [int(line.split("[")[1].split("]")[0]) for line in declared if line.endswith("];")]
    assert f"{4 * sum(counts)} bytes of static memory" in report.lines[0]
    assert sum(counts) == 9 + 9 + 3  # a layer of 9 units, 3 networks of 3 outputs, 3 probabilities


def test_large_ones_keep_their_numbers_beside_the_program(tmp_path: Path) -> None:
    layers = [pl.Dense(90), pl.ReLU(), pl.Dense(90), pl.ReLU(), pl.Dense(2)]
    model = pl.Ensemble([network_of(layers, 5, "softmax", seed) for seed in range(3)])
    assert MOST_INSIDE / 3 < 8000 < model.networks[0].program.parameter_count < MOST_INSIDE
    report = pl.formats.write_numpy(model, tmp_path / "large")
    assert [file.name for file in report.files] == ["large.py", "large.npz"]
    np.testing.assert_allclose(
        runpy.run_path(str(report.files[0]))["predict_proba"](X), model.predict_proba(X), atol=1e-6
    )


def test_int8_is_for_a_single_network(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"int8 writes a single network, but these are 3 of an ensemble"):
        write_c(together("softmax", 3), tmp_path / "net", int8=True, rows=X)
    assert list(tmp_path.iterdir()) == []
    alone = pl.Ensemble(together("softmax", 3).networks[:1])
    assert "int8" in str(write_c(alone, tmp_path / "net", int8=True, rows=X))


def test_a_single_network_gives_the_same_text_as_one_that_answers_alone(tmp_path: Path) -> None:
    model = together("softmax", 3, count=1)
    for write in (pl.formats.write_numpy, pl.formats.write_javascript, write_c, pl.to_onnx):
        texts = []
        for given in (model, model.networks[0]):
            write(given, tmp_path / "one.onnx" if write is pl.to_onnx else tmp_path / "one")
            texts.append({file.name: file.read_bytes() for file in tmp_path.iterdir()})
        assert texts[0] == texts[1]
    assert members(model) is model


def test_the_layers_stand_there_once_with_the_unit_of_each(tmp_path: Path) -> None:
    model = together("identity", 1)
    for place, network in enumerate(model.networks):
        network.target = pl.TargetScaling(10.0 * place)
    text = pl.formats.write_numpy(model, tmp_path / "net").files[0].read_text().split('"""')[1]
    assert text.count("Tanh()") == 1
    assert "3 networks of an ensemble, each of them:" in text
    assert "predictions of network 3: score + 20\n" in text
    kinds = [network_of([pl.Dense(units), pl.Dense(1)], 5, "identity") for units in (3, 4)]
    text = pl.formats.write_numpy(pl.Ensemble(kinds), tmp_path / "net").files[0].read_text().split('"""')[1]
    assert ("Dense(3)" in text, "Dense(4)" in text) == (True, True)
