"""The encoder: formulas by hand, any frame, JSON there and back, the model file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pellucid as pl
from pellucid.encoding.cells import MISSING
from pellucid.tables import Layout, Table, TableEncoder, TableError
from support.tables import frames


def test_numbers_are_scaled_by_median_and_quartiles_and_clipped() -> None:
    x = [0.0, 1.0, 2.0, 4.0, 8.0]
    encoder = TableEncoder.fit(Table.of({"x": x}))
    z = (np.array([4.0, 100.0]) - 2.0) / (4.0 - 1.0)
    np.testing.assert_allclose(encoder.transform({"x": [4.0, 100.0]})[:, 0], z / np.sqrt(1 + (z / 3) ** 2), rtol=1e-6)


def test_the_scaling_is_that_of_the_layer() -> None:
    x = np.random.default_rng(0).normal(size=(50, 3))
    x[:, 2] = np.where(np.arange(50) < 5, x[:, 2], 1.0)  # quartiles that are equal
    network = pl.Network([pl.RobustScale()], dtype="float64").build(3)
    network.fit_statistics(x)
    columns = {f"x{i}": x[:, i] for i in range(3)}
    encoder = TableEncoder.fit(Table.of(columns))
    np.testing.assert_allclose(encoder.transform(columns), network.scores(x), rtol=2e-6, atol=1e-7)


def test_numbers_of_one_value_become_zero() -> None:
    encoder = TableEncoder.fit(Table.of({"x": [5.0, 5.0, 6.0]}).take([0, 1]))
    assert encoder.transform({"x": [5.0, 9.0]}).tolist() == [[0.0], [0.0]]


def test_missing_numbers_are_the_median_with_a_flag_where_some_were_seen() -> None:
    table = Table.of({"a": [1.0, None, 3.0], "b": [1.0, 2.0, 3.0]})
    encoder = TableEncoder.fit(table)
    assert encoder.feature_names == ("a", "b", "a missing")
    assert encoder.transform({"a": [None, 2.0], "b": [None, 2.0]}).tolist() == [[0, 0, 1], [0, 0, 0]]


def test_two_values_are_one_sign_and_missing_or_new_is_zero() -> None:
    encoder = TableEncoder.fit(Table.of({"sex": ["m", "f", None, "m"], "smokes": [1, 0, 0, None]}))
    assert encoder.feature_names == ("sex: m", "smokes")
    rows = encoder.transform({"sex": ["m", "f", "x", None], "smokes": ["yes", False, None, 1.0]})
    assert rows.tolist() == [[1, 1], [-1, -1], [0, 0], [0, 1]]


def test_few_values_are_one_hot_and_many_are_codes() -> None:
    table = Table.of({"few": list("abcabcabca"), "many": [*"abcdefghi", None]})
    encoder = TableEncoder.fit(table)
    assert encoder.layout == Layout(0, 3, (10,))
    rows = encoder.transform({"few": ["b", "z", None], "many": ["c", "z", None]})
    assert rows.tolist() == [[0, 1, 0, 3], [0, 0, 0, 0], [0, 0, 0, 0]]
    assert TableEncoder.fit(table, one_hot_up_to=9).layout == Layout(0, 12, ())
    assert TableEncoder.fit(table, one_hot_up_to=2).layout == Layout(0, 0, (4, 10))


def test_dates_are_taken_apart() -> None:
    when = ["2023-12-24", "2024-01-31", "2024-02-01T06:00:00", None]
    encoder = TableEncoder.fit(Table.of({"when": when}))
    assert encoder.feature_names == (
        "when year", "when month", "when day", "when weekday", "when hour", "when days", "when missing",
    )  # fmt: skip
    as_dates = pd.to_datetime(pd.Series(["2024-02-01 06:00", None]))
    np.testing.assert_array_equal(encoder.transform({"when": as_dates}), encoder.transform({"when": when[2:]}))
    parts = dict(zip(encoder.columns[0].parts, encoder.columns[0].medians, strict=True))
    assert (parts["year"], parts["month"], parts["day"], parts["hour"]) == (2024, 2, 24, 0)


def test_the_groups_stand_in_their_order() -> None:
    table = Table.of(
        {
            "city": list("abcdefghij") * 2,
            "smokes": [True, False] * 10,
            "age": [*np.arange(19) / 3, None],
            "cut": [*"abcd" * 5],
            "size": np.arange(20) / 7,
        }
    )
    encoder = TableEncoder.fit(table)
    assert encoder.feature_names == (
        "age", "size", "smokes", "age missing", "cut: a", "cut: b", "cut: c", "cut: d", "city",
    )  # fmt: skip
    assert encoder.layout == Layout(2, 6, (11,))
    assert encoder.layout.width == encoder.transform(table).shape[1] == 9


def test_names_are_different_whatever_the_columns_are_called() -> None:
    encoder = TableEncoder.fit(Table.of({"a": [1.0, None, 2.0], "a missing": [1.0, 2.0, 4.0], "b": [1.0, 2.5, 9.0]}))
    assert encoder.feature_names == ("a", "a missing", "b", "a missing (2)")


def test_order_and_further_columns_do_not_matter_and_a_missing_one_is_named() -> None:
    table = Table.of({"size": [1.0, 2.0, 4.0], "colour": ["red", "blue", "red"]})
    encoder = TableEncoder.fit(table)
    expected = encoder.transform(table)
    frame = pd.DataFrame({"note": [[], [], []], "colour": ["red", "blue", "red"], "size": [1, 2, 4]})
    np.testing.assert_array_equal(encoder.transform(frame), expected)
    np.testing.assert_array_equal(encoder.transform(polars.from_pandas(frame)), expected)
    with pytest.raises(TableError, match=r"has no column 'colour', .* Did you mean 'color'\? Add what"):
        encoder.transform({"size": [1.0], "color": ["red"]})
    with pytest.raises(TableError, match="has no columns 'size', 'colour'"):
        encoder.transform({"sise": [1.0]})


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            {"size": ["big"], "when": ["2024-01-31"]},
            "Column 'size' holds 'big' in row 1, where a number belongs",
        ),
        ({"size": [np.inf], "when": ["2024-01-31"]}, "Column 'size' holds inf in row 1: every number must be finite."),
        ({"size": [1], "when": ["31.01.2024"]}, "Column 'when' holds '31.01.2024' in row 1, where a date such as"),
        ({"size": [1], "when": [5]}, "Column 'when' holds 5.0 in row 1, where a date such as"),
        ({"size": [1, 2], "when": ["2024-01-31"]}, "The columns differ in length: 'size' has 2, 'when' has 1."),
    ],
)
def test_cells_that_do_not_fit_are_shown(rows: dict[str, Any], message: str) -> None:
    encoder = TableEncoder.fit(Table.of({"size": [1.0, 2.0], "when": ["2024-01-31", "2024-02-01"]}))
    with pytest.raises(TableError) as refused:
        encoder.transform(rows)
    assert message in str(refused.value)


def test_a_single_row_is_a_mapping_of_cells() -> None:
    encoder = TableEncoder.fit(Table.of({"size": [1.0, 2.0, 4.0], "colour": ["red", "blue", None]}))
    assert (
        encoder.transform({"colour": None, "size": 2}).tolist()
        == encoder.transform([{"colour": None, "size": 2}]).tolist()
    )


def test_columns_that_are_left_out_are_remembered_with_the_reason() -> None:
    encoder = TableEncoder.fit(Table.of({"x": [1.0, 2.0], "k": ["a", "a"], "y": [0.5, 0.7]}), target="y")
    assert encoder.left_out == (("k", "every cell is a"),)
    assert encoder.column_names == ("x",)
    with pytest.raises(TableError, match="No column of the table is of use"):
        TableEncoder.fit(Table.of({"k": ["a", "a"]}))


@given(frames(), st.data())
def test_any_frame_gives_the_same_numbers_after_save_and_load(
    frame: tuple[dict[str, list[Any]], dict[str, str]], data: st.DataObject
) -> None:
    columns, kinds = frame
    try:
        encoder = TableEncoder.fit(Table.of(columns, kinds), one_hot_up_to=3)
    except TableError:
        assert all(not _known(cells) for cells in columns.values())
        return
    again = TableEncoder.from_plain(json.loads(json.dumps(encoder.to_plain())))
    assert again == encoder
    rows = encoder.transform(columns)
    assert rows.dtype == np.float32
    assert rows.shape == (len(next(iter(columns.values()))), encoder.layout.width)
    assert np.isfinite(rows).all()
    assert len(set(encoder.feature_names)) == encoder.layout.width
    np.testing.assert_array_equal(again.transform(columns), rows)
    one = data.draw(st.integers(0, len(rows) - 1))
    np.testing.assert_array_equal(
        again.transform([{name: cells[one] for name, cells in columns.items()}]), rows[one : one + 1]
    )


def _known(cells: list[Any]) -> bool:
    """Whether a cell holds anything."""
    words = (str(cell).strip().lower() for cell in cells if cell is not None)
    return any(word not in MISSING for word in words)


def encoder_of_all() -> TableEncoder:
    return TableEncoder.fit(
        Table.of(
            {
                "n": [0.1, None, 0.3, 0.7],
                "d": ["2024-01-31", "2024-02-01", None, "2020-02-29"],
                "b": [True, False, None, True],
                "c": ["ä", "b", "c", None],
                "m": ["v", "w", "x", "y"],
                "k": ["k", "k", "k", "k"],
            }
        ),
        one_hot_up_to=3,
    )


def test_the_encoder_travels_in_the_model_file(tmp_path: Path) -> None:
    encoder = encoder_of_all()
    network = pl.Network([pl.Dense(2)]).build(encoder.layout.width)
    network.preprocessing = encoder
    pl.save(network, tmp_path / "n.pellucid")
    loaded = pl.load(tmp_path / "n.pellucid")
    assert loaded.preprocessing == encoder
    network.preprocessing = None
    pl.save(network, tmp_path / "n.pellucid")
    assert pl.load(tmp_path / "n.pellucid").preprocessing is None


def test_the_encoder_must_fit_the_network() -> None:
    network = pl.Network([pl.Dense(2)]).build(3)
    with pytest.raises(ValueError, match=r"makes rows of \d+ numbers, but the network takes rows of the shape \(3,\)"):
        network.preprocessing = encoder_of_all()
    with pytest.raises(TypeError, match="preprocessing must be a TableEncoder or None"):
        network.preprocessing = "encoder"  # type: ignore[assignment]


LIES = [
    (lambda d: d.update(version=2), "has version 2"),
    (lambda d: d.pop("left_out"), "must be a table of version, columns and left_out"),
    (lambda d: d.update(columns=[]), "has no list of columns"),
    (lambda d: d.update(left_out=[["a"]]), "must be pairs of texts"),
    (lambda d: d["columns"].append(d["columns"][0]), "names the column 'n' twice"),
    (lambda d: d["columns"][0].update(kind="nothing"), "the kind of a column 'nothing' is unknown"),
    (lambda d: d["columns"][0].pop("clip"), "a column of kind number must have"),
    (lambda d: d["columns"][0].update(more=1), "a column of kind number must have"),
    (lambda d: d["columns"][0].update(clip=0.0), "clip must be above 0"),
    (lambda d: d["columns"][0].update(median="0"), "median must be a finite number"),
    (lambda d: d["columns"][0].update(missing=1), "missing must be true or false"),
    (lambda d: d["columns"][1].update(order="ydm"), "the order of a date 'ydm' is unknown"),
    (lambda d: d["columns"][1].update(first=1.5), "first must be a whole number"),
    (lambda d: d["columns"][1].update(first=2**60), "first must be a whole number"),
    (lambda d: d["columns"][1].update(medians=[]), "a median and a factor for each part"),
    (lambda d: d["columns"][1].update(parts=["year", "year", "day", "weekday", "days"]), "names something twice"),
    (lambda d: d["columns"][1].update(factors=[None]), "factors must be a finite number"),
    (lambda d: d["columns"][2].update(name=7), "name must be a text"),
    (lambda d: d["columns"][3].update(form="sign"), "a category of the form sign cannot have 3 values"),
    (lambda d: d["columns"][3].update(values=[]), "a category of the form one_hot cannot have 0 values"),
    (lambda d: d["columns"][3].update(values="abc"), "values must be a list of texts"),
    (lambda d: d["columns"][3].update(values=["a", "a", "b"]), "names something twice"),
]


@pytest.mark.parametrize(("change", "message"), LIES)
def test_lies_in_a_file_are_refused(change: Any, message: str) -> None:
    data = json.loads(json.dumps(encoder_of_all().to_plain()))
    change(data)
    with pytest.raises(ValueError) as refused:
        TableEncoder.from_plain(data)
    assert message in str(refused.value)
