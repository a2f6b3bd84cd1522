"""An encoder in other languages says of any row what `transform` says, missing cells and new values among them."""

from __future__ import annotations

import ctypes
import datetime
import json
import runpy
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings

import pellucid as pl
from pellucid.encoding.encoded import CategoryColumn, DateColumn
from pellucid.formats.c_source import write_c
from pellucid.formats.c_source.column_source import field_names
from pellucid.formats.encoding.numpy import IMPORTS, encoding_text
from pellucid.formats.encoding.samples import sample_columns
from pellucid.formats.javascript import write_javascript
from pellucid.formats.numpy_source import write_numpy
from pellucid.formats.onnx import column_graph as onnx_columns
from pellucid.formats.onnx.column_graph import feeds_of
from pellucid.formats.onnx.graph import Graph
from pellucid.tables import Table, TableEncoder, TableError
from pellucid.typing import Array
from support.exports import compiled, needs, self_test
from support.tables import frames

TABLE = Table.of(
    {
        "size": [0.1, None, 0.3, 0.7, 12.5, 3.0],
        "Größe (cm)": [180, 175, 160, 192, 188, 171],
        "when": ["1969-12-31T23:59:59", "2024-02-29", None, "2020-03-01", "2000-01-01", "1900-02-28T12:00:00"],
        "int": ["31.01.2024", "01.02.2024", "28.02.1999", "01.03.2000", "31.12.2023", "01.01.1600"],
        "smokes": [True, False, None, True, True, False],
        "sex": ["f", "m", None, "f", "f", "m"],
        "cut": ['ä "quoted" \\ \'?', "b", "c", "b", None, "c"],
        "zip": ["02134", "10001", "5", None, "10001", "5"],
        "city": list("uvwxyz"),
        "odd": [1, "n/k", 3, 4, 5.5, 6],
        "k": ["k"] * 6,
    },
    {"odd": "number"},
)
KINDS = {
    "all": TableEncoder.fit(TABLE, one_hot_up_to=3),
    "numbers": TableEncoder.fit(Table.of({"a": [1.0, 2.0, 4.0], "b": [2.0, 2.0, 3.5]})),
    "codes": TableEncoder.fit(Table.of({"a": list("abcde")}), one_hot_up_to=0),
}


def network_of(encoder: TableEncoder) -> pl.Network:
    network = pl.Network([pl.Dense(4), pl.ReLU(), pl.Dense(3)]).build(encoder.layout.width, seed=1)
    network.preprocessing, network.link = encoder, "softmax"
    return network


def rows_of(encoder: TableEncoder) -> list[dict[str, Any]]:
    """Rows as JSON has them: numbers, texts, true and false, null."""
    columns = sample_columns(encoder, rows=80, seed=2)
    rows = []
    for number in range(80):
        row = {}
        for column in encoder.columns:
            cell = columns[column.name][number]
            if isinstance(cell, np.datetime64):
                cell = None if np.isnat(cell) else _written(cell, column.order, number)
            elif isinstance(cell, float):
                cell = None if np.isnan(cell) else str(cell) if number % 5 == 0 else float(cell)
            elif cell in ("true", "false") and number % 2:
                cell = cell == "true"
            row[column.name] = cell
        rows.append(row)
    if "size" in rows[0]:
        rows[0] |= {"size": " NA ", "zip": 2134.0, "smokes": "No", "odd": "who knows", "sex": "?"}
        rows[1] |= {"size": "1e3", "zip": "02134", "smokes": 1, "odd": 7, "when": "2024-01-31 06:30+01:30"}
        rows[2] |= {"size": -1e300, "zip": 5, "smokes": "OFF", "odd": None, "when": "2024/1/31T6:05:09.5Z"}
    return rows


def _written(moment: np.datetime64, order: str, number: int) -> str:
    date: datetime.datetime = moment.astype(object)
    if order == "dmy":
        return date.strftime("%d.%m.") + f"{date.year:04}" + date.strftime(" %H:%M:%S") * (number % 2)
    return date.isoformat()


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_numpy(kind: str, tmp_path: Path) -> None:
    network, rows = network_of(KINDS[kind]), rows_of(KINDS[kind])
    write_numpy(network, tmp_path / "network")
    program = runpy.run_path(str(tmp_path / "network.py"))
    expected = KINDS[kind].transform(rows)
    encoded = program["encode"](rows)
    assert encoded.dtype == np.float32
    np.testing.assert_array_equal(encoded, expected)
    np.testing.assert_array_equal(program["scores"](rows), program["scores"](expected))
    assert program["predict"](rows[0])[0] == network.predict(expected)[0]
    columns = sample_columns(KINDS[kind])  # cells as NumPy has them
    as_rows = [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]
    np.testing.assert_array_equal(program["encode"](as_rows), KINDS[kind].transform(columns))


@given(frames())
def test_numpy_says_what_transform_says_of_any_frame(frame: tuple[dict[str, list[Any]], dict[str, str]]) -> None:
    columns, kinds = frame
    encoder = _encoder_of(columns, kinds)
    if encoder is None:
        return
    program: dict[str, Any] = {}
    imports = "\n".join(f"import {module}" for module in IMPORTS)
    exec(f"{imports}\nimport numpy as np\n{encoding_text(encoder)}", program)
    rows = [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]
    np.testing.assert_array_equal(program["encode"](rows), encoder.transform(columns))


def _encoder_of(columns: dict[str, list[Any]], kinds: dict[str, str]) -> TableEncoder | None:
    """The encoder of a frame; None if all of it is missing."""
    try:
        return TableEncoder.fit(Table.of(columns, kinds), one_hot_up_to=3)
    except TableError as error:
        if "No column of the table is of use" in str(error):
            return None
        raise


@settings(max_examples=25)
@given(frames())
def test_onnx_says_what_transform_says_of_any_encoder(frame: tuple[dict[str, list[Any]], dict[str, str]]) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    columns, kinds = frame
    columns = {f"c{place}": cells for place, cells in enumerate(columns.values())}  # names of ONNX are not empty
    encoder = _encoder_of(columns, {f"c{place}": kind for place, kind in enumerate(kinds.values())})
    if encoder is None:
        return
    graph = Graph(np.float32)
    graph.node("Identity", onnx_columns.encode(graph, encoder), output="x")
    graph.output("x", np.float32, encoder.layout.width)
    session = onnxruntime.InferenceSession(graph.model(producer_name="test").SerializeToString())
    samples = sample_columns(encoder, rows=40, seed=3)
    (said,) = session.run(None, onnx_columns.feeds_of(encoder, samples))
    np.testing.assert_allclose(said, encoder.transform(samples), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("column", "cell"), [("size", "big"), ("size", float("inf")), ("when", "31.01.2024"), ("smokes", "perhaps")]
)
def test_numpy_refuses_what_transform_refuses(column: str, cell: Any, tmp_path: Path) -> None:
    row = {**rows_of(KINDS["all"])[5], column: cell}
    write_numpy(network_of(KINDS["all"]), tmp_path / "network")
    encode = runpy.run_path(str(tmp_path / "network.py"))["encode"]
    with pytest.raises(ValueError, match=f"Column '{column}' holds"):
        KINDS["all"].transform([row])
    with pytest.raises(ValueError, match=f"Column '{column}' holds"):
        encode([row])
    del row[column]
    with pytest.raises(ValueError, match=f"has no column '{column}'"):
        encode([row])


_ASK = """
import { readFileSync } from "node:fs";
import * as network from "./network.mjs";
const { rows, bad } = JSON.parse(readFileSync(0));
const refused = bad.map((row) => { try { network.encode(row); return ""; } catch (error) { return error.message; } });
const { encode, predict, scores } = network;
const answer = rows.map((row) => [Array.from(encode(row)), predict(row), Array.from(scores(row))]);
process.stdout.write(JSON.stringify({ answer, refused }));
"""


def _ask_node(folder: Path, network: pl.Network, rows: list[Any], bad: list[Any]) -> dict[str, Any]:
    node = needs("node")
    write_javascript(network, folder / "network")
    (folder / "ask.mjs").write_text(_ASK)
    text = json.dumps({"rows": rows, "bad": bad})
    done = subprocess.run([node, str(folder / "ask.mjs")], input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_javascript(kind: str, tmp_path: Path) -> None:
    network, rows = network_of(KINDS[kind]), rows_of(KINDS[kind])
    answer = _ask_node(tmp_path, network, rows, [])["answer"]
    expected = KINDS[kind].transform(rows)
    np.testing.assert_array_equal(np.array([row for row, _, _ in answer], dtype=np.float32), expected)
    assert [predicted for _, predicted, _ in answer] == network.predict(expected).tolist()
    np.testing.assert_allclose([scores for _, _, scores in answer], network.scores(expected), atol=1e-5)


def test_javascript_refuses_what_transform_refuses(tmp_path: Path) -> None:
    row = rows_of(KINDS["all"])[5]
    changes = {"size": "big", "when": "31.01.2024", "smokes": "perhaps"}
    bad = [{**row, column: cell} for column, cell in changes.items()]
    bad.append({name: cell for name, cell in row.items() if name != "city"})
    refused = _ask_node(tmp_path, network_of(KINDS["all"]), [], bad)["refused"]
    assert [f'"{column}"' in words for column, words in zip([*changes, "city"], refused, strict=True)] == [True] * 4


def _ask_c(folder: Path, encoder: TableEncoder, columns: dict[str, Array]) -> Array:
    """The encoded rows by the C function, called with a struct for each row."""
    write_c(network_of(encoder), folder / "network")
    library = ctypes.CDLL(str(compiled([folder / "network.c"], folder / "network.so", "-shared", "-fPIC")))
    fields = []
    for column, field in zip(encoder.columns, field_names(encoder), strict=True):
        fields.append((field, ctypes.c_char_p if isinstance(column, CategoryColumn) else ctypes.c_double))

    class Row(ctypes.Structure):
        _fields_ = fields

    count = len(next(iter(columns.values())))
    x = np.empty((count, encoder.layout.width), dtype=np.float32)
    for number in range(count):
        row = Row(*(_of_c(column, columns[column.name][number]) for column in encoder.columns))
        library.network_encode(ctypes.byref(row), ctypes.c_void_p(x[number].ctypes.data))
    return x


def _of_c(column: Any, cell: Any) -> Any:
    if isinstance(column, CategoryColumn):
        return None if cell is None else cell.encode()
    if isinstance(column, DateColumn):
        return np.nan if np.isnat(cell) else float(cell.astype(np.int64))
    return {"true": 1.0, "false": 0.0, None: np.nan}.get(cell, cell)


def _anonymous(frame: tuple[dict[str, list[Any]], dict[str, str]]) -> TableEncoder | None:
    """The encoder of a frame whose columns are called c0, c1, …"""
    columns, kinds = ({f"c{place}": each for place, each in enumerate(part.values())} for part in frame)
    return _encoder_of(columns, kinds)


@settings(max_examples=8, deadline=None)
@given(frames())
@example(({"a": [None, 0.0, 1.2e308]}, {"a": "number"}))  # whose spread passes the largest number
def test_c_says_what_transform_says_of_any_encoder(frame: tuple[dict[str, list[Any]], dict[str, str]]) -> None:
    encoder = _anonymous(frame)
    texts = [] if encoder is None else [v for c in encoder.columns if isinstance(c, CategoryColumn) for v in c.values]
    if encoder is None or any("\0" in text for text in texts):
        return
    columns = sample_columns(encoder, rows=40, seed=4)
    with tempfile.TemporaryDirectory() as folder:
        np.testing.assert_array_equal(_ask_c(Path(folder), encoder, columns), encoder.transform(columns))


@settings(max_examples=8, deadline=None)
@given(frames())
@example(({"a": [None, 0.0, 1.2e308]}, {"a": "number"}))  # whose spread passes the largest number
def test_javascript_says_what_transform_says_of_any_encoder(
    frame: tuple[dict[str, list[Any]], dict[str, str]],
) -> None:
    encoder = _anonymous(frame)
    if encoder is None:
        return
    rows = rows_of(encoder)
    with tempfile.TemporaryDirectory() as folder:
        answer = _ask_node(Path(folder), network_of(encoder), rows, [])["answer"]
    np.testing.assert_array_equal(np.array([row for row, _, _ in answer], dtype=np.float32), encoder.transform(rows))


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_c(kind: str, tmp_path: Path) -> None:
    columns = sample_columns(KINDS[kind], rows=200)
    np.testing.assert_array_equal(_ask_c(tmp_path, KINDS[kind], columns), KINDS[kind].transform(columns))
    assert self_test(tmp_path / "network.c").returncode == 0


def test_c_makes_no_number_of_what_is_infinite(tmp_path: Path) -> None:
    encoder = TableEncoder.fit(Table.of({"a": [1.0, 2.0, 4.0], "when": ["2024-02-29", "2020-03-01", "2000-01-01"]}))
    write_c(network_of(encoder), tmp_path / "network")
    library = ctypes.CDLL(str(compiled([tmp_path / "network.c"], tmp_path / "network.so", "-shared", "-fPIC")))
    for a, when in ((np.inf, 0.0), (-np.inf, 0.0), (1.0, np.inf), (1.0, -np.inf)):
        with pytest.raises(TableError, match=r"every number must be finite"):
            encoder.transform({"a": [np.inf], "when": ["2024-02-29"]})
        x = (ctypes.c_float * encoder.layout.width)()
        library.network_encode((ctypes.c_double * 2)(a, when), x)
        assert np.isnan(list(x)).any()
        assert library.network_predict(x) == -1


def test_c_knows_every_day_of_a_thousand_years(tmp_path: Path) -> None:
    days = np.arange("1583-01-01", "2600-01-01", np.timedelta64(13, "D"), dtype="datetime64[D]")
    encoder = TableEncoder.fit(Table.of({"when": days}))
    columns = {"when": days + (np.arange(len(days)) * 7 % 86400).astype("timedelta64[s]")}
    np.testing.assert_array_equal(_ask_c(tmp_path, encoder, columns), encoder.transform(columns))


def test_c_refuses_names_that_it_cannot_hold(tmp_path: Path) -> None:
    encoder = TableEncoder.fit(Table.of({"a": ["x", "x\0y", "z"]}))
    with pytest.raises(ValueError, match="which no string of C holds"):
        write_c(network_of(encoder), tmp_path / "network")
    assert list(tmp_path.iterdir()) == []


def test_c_has_a_field_for_every_column() -> None:
    assert field_names(KINDS["all"]) == (
        "size", "gr_e_cm", "when", "column_int", "smokes", "sex", "cut", "zip", "city", "odd",
    )  # fmt: skip


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_onnx(kind: str, tmp_path: Path) -> None:
    """One input a column; the network behind it says the same to rounding, the encoder alone nearly to the bit."""
    onnxruntime = pytest.importorskip("onnxruntime")
    encoder = KINDS[kind]
    columns = sample_columns(encoder, rows=200, seed=5)
    network = pl.Network([pl.Identity()]).build(encoder.layout.width)
    network.preprocessing = encoder
    report = pl.to_onnx(network, tmp_path / "n.onnx")
    assert report.judge.startswith("onnxruntime")
    session = onnxruntime.InferenceSession(tmp_path / "n.onnx")
    assert [given.name for given in session.get_inputs()] == list(encoder.column_names)
    (said,) = session.run(["variable"], feeds_of(encoder, columns))
    np.testing.assert_allclose(said, encoder.transform(columns), rtol=3e-7, atol=1e-7)
    pl.to_onnx(network_of(encoder), tmp_path / "n.onnx")
    (labels,) = onnxruntime.InferenceSession(tmp_path / "n.onnx").run(["label"], feeds_of(encoder, columns))
    assert (labels == network_of(encoder).predict(encoder.transform(columns))).mean() > 0.98


def test_onnx_knows_every_day_of_a_thousand_years(tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    days = np.arange("1583-01-01", "2600-01-01", np.timedelta64(13, "D"), dtype="datetime64[D]")
    encoder = TableEncoder.fit(Table.of({"when": days}))
    network = pl.Network([pl.Identity()]).build(encoder.layout.width)
    network.preprocessing = encoder
    pl.to_onnx(network, tmp_path / "n.onnx")
    columns = {"when": days + (np.arange(len(days)) * 7 % 86400).astype("timedelta64[s]")}
    (said,) = onnxruntime.InferenceSession(tmp_path / "n.onnx").run(["variable"], feeds_of(encoder, columns))
    np.testing.assert_allclose(said, encoder.transform(columns), rtol=3e-7, atol=1e-7)


def test_onnx_without_columns_takes_rows_of_numbers(tmp_path: Path) -> None:
    network = network_of(KINDS["all"])
    assert pl.to_onnx(network, tmp_path / "n.onnx", columns=False).input == "input: float32 (rows, 26)"
    pl.to_onnx(network, tmp_path / "n.onnx")
    with pytest.raises(pl.OnnxError, match="a dense network has one input, but this graph has 10"):
        pl.from_onnx(tmp_path / "n.onnx")
    network.preprocessing = None
    with pytest.raises(pl.OnnxError, match=r"columns=True needs a network that knows columns"):
        pl.to_onnx(network, tmp_path / "n.onnx", columns=True)
