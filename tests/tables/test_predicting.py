"""Predictions beside the rows of a file: those of the network, for any order of columns, whole or not at all."""

from __future__ import annotations

import datetime
import decimal
import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

import pellucid as pl
from pellucid.tables import Table, TableEncoder, TableError, predict_file

FRAME = pd.DataFrame(
    {
        "size": [1.0, 2.5, None, 4.0],
        "colour": ["red", "blue, light", None, "red"],
        "when": ["2024-01-31"] * 2 + ["2023-05-01"] * 2,
    }
)


def network_of(link: str = "softmax", outputs: int = 3, loss: pl.Loss | None = None) -> pl.Network:
    encoder = TableEncoder.fit(Table.of(FRAME))
    network = pl.Network([pl.Dense(outputs)]).build(encoder.layout.width, seed=1)
    network.link, network.loss, network.preprocessing = link, loss, encoder
    return network


@pytest.mark.parametrize("kind", ["csv", "semicolons", "decimal commas", "parquet", "other order"])
def test_predictions_stand_beside_the_rows(kind: str, tmp_path: Path) -> None:
    network, path = network_of(), tmp_path / "new.data"
    network.classes = ["low", "mid", "high"]
    frame = FRAME.assign(note=["ä", "b", "c", "d"])
    signs: Any = {"semicolons": {"sep": ";"}, "decimal commas": {"sep": ";", "decimal": ","}}.get(kind, {})
    if kind == "parquet":
        pa.parquet.write_table(pa.Table.from_pandas(frame), path)
    elif kind == "other order":
        frame = frame[["note", "when", "colour", "size"]]
        frame.to_csv(path, index=False)
    else:
        frame.to_csv(path, index=False, **signs)
    written = predict_file(network, path, tmp_path / "out.csv", block=30)
    assert (written.rows, written.columns) == (4, ("prediction", "probability"))
    out = pd.read_csv(written.path, **signs)
    expected = frame.astype(object).where(frame.notna(), None)  # pandas 2 and 3 read a missing text differently
    pd.testing.assert_frame_equal(out[list(frame)].astype(object).where(out[list(frame)].notna(), None), expected)
    if kind == "csv":
        lines = written.path.read_text().splitlines()
        assert lines[0] == "size,colour,when,note,prediction,probability"
        assert lines[1].startswith("1.0,red,2024-01-31,ä,")
        assert lines[2].startswith('2.5,"blue, light",2024-01-31,b,')
        assert lines[3].startswith(",,2023-05-01,c,")
    proba = network.predict_proba(network.preprocessing.transform(frame))
    assert out["prediction"].tolist() == [network.classes[best] for best in proba.argmax(axis=1)]
    np.testing.assert_allclose(out["probability"], proba.max(axis=1), rtol=1e-6)
    written = predict_file(network, path, tmp_path / "out.csv", probabilities=True)
    assert written.columns == ("prediction", "probability_low", "probability_mid", "probability_high")
    np.testing.assert_allclose(pd.read_csv(written.path, **signs)[list(written.columns[1:])], proba, rtol=1e-6)


def test_columns_of_every_type_stand_beside_the_predictions(tmp_path: Path) -> None:
    table = pa.table(
        {
            "colour": pa.array(["red", None, "blue, light", "red"]).dictionary_encode(),
            "size": [1.5, None, 3.0, 4.0],
            "when": [datetime.date(2024, 1, 31), None, datetime.date(2023, 5, 1), None],
            "parts": [[1], [2], None, [3]],
            "price": [decimal.Decimal("1.50"), None, decimal.Decimal("2.50"), decimal.Decimal("3.50")],
            "nothing": pa.nulls(4),
        }
    )
    pa.parquet.write_table(table, tmp_path / "new.parquet")
    predict_file(network_of("identity", 1), tmp_path / "new.parquet", tmp_path / "out.csv")
    lines = (tmp_path / "out.csv").read_text().splitlines()
    assert lines[0] == "colour,size,when,price,nothing,prediction"  # lists no CSV can hold
    assert lines[1].startswith("red,1.5,2024-01-31,1.50,,")
    assert lines[3].startswith('"blue, light",3,2023-05-01,2.50,,')


@pytest.mark.parametrize(
    ("link", "outputs", "loss", "names"),
    [
        ("identity", 1, None, ("prediction_2",)),
        ("identity", 2, None, ("output_1", "output_2")),
        ("identity", 3, pl.Quantile((0.1, 0.5, 0.9)), ("quantile_0.1", "quantile_0.5", "quantile_0.9")),
        ("argmax", 3, None, ("prediction_2",)),
        ("sigmoid", 1, None, ("prediction_2", "probability")),
        ("sigmoid", 2, None, ("output_1", "output_2")),
    ],
)
def test_every_kind_of_answer_has_its_columns(
    link: str, outputs: int, loss: pl.Loss | None, names: tuple[str, ...], tmp_path: Path
) -> None:
    network = network_of(link, outputs, loss)
    frame = FRAME.assign(prediction=0)
    written = predict_file(network, io.BytesIO(frame.to_csv(index=False).encode()), tmp_path / "out.csv")
    assert written.columns == names
    expected = network.predict(network.preprocessing.transform(frame)).reshape(4, -1)
    out = pd.read_csv(written.path)[list(names)].to_numpy()
    np.testing.assert_allclose(out[:, : expected.shape[1]], expected, rtol=1e-6)


def test_nothing_is_written_where_something_is_wrong(tmp_path: Path) -> None:
    network, out = network_of(), tmp_path / "out.csv"
    rows = b"size,colour,when\n" + b"1,red,2024-01-31\n" * 1000
    for content, message in [
        (rows + b"big,red,2024-01-31\n", "holds 'big' in row 1001, where a number belongs"),
        (rows + b"1,red\n", "line 1002 has 2"),
        (rows.replace(b"colour", b"color"), "has no column 'colour', .* Did you mean 'color'?"),
        (b"size,colour,when\n", "no rows"),
    ]:
        with pytest.raises(TableError, match=message):
            predict_file(network, io.BytesIO(content), out, block=1000)
        assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match="probabilities"):
        predict_file(network_of("identity", 1), io.BytesIO(rows), out, probabilities=True)
    with pytest.raises(TableError, match="does not know the columns of a table"):
        predict_file(pl.Network([pl.Dense(1)]).build(2), io.BytesIO(rows), out)
    path = tmp_path / "rows.csv"
    path.write_bytes(rows)
    with pytest.raises(TableError, match="is the file that is read"):
        predict_file(network, path, path)
    assert path.read_bytes() == rows
