"""What columns are taken for, with the reason; the same however the cells are divided."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.encoding.cells import as_cells
from pellucid.tables import Table, TableError
from pellucid.tables.kinds import ColumnSummary

MANY = 40


@pytest.mark.parametrize(
    ("cells", "kind", "reason"),
    [
        ([1.5, 2.5, None], "number", "numbers"),
        ([3, 1, 2, 5], "number", "whole numbers"),
        (["1.5", "2"], "number", "numbers"),
        ([0, 1, 1], "boolean", "0 and 1"),
        ([True, False, None], "boolean", "words for yes and no"),
        (["yes", "No", "YES"], "boolean", "words for yes and no"),
        (["red", "blue", "red"], "category", "text, 2 values"),
        (["red", 1, "red"], "category", "text and numbers, 2 values"),
        (["02134", "10001", "02134"], "category", "codes of digits, 2 values"),
        (["red", None, "red"], "category", "one text, or nothing"),
        ([7, None, 7], "category", "one number, or nothing"),
        (["red"] * 3, "constant", "every cell is red"),
        ([7, 7.0, 7], "constant", "every cell is 7"),
        ([None, "NA", "?"], "constant", "no cell holds anything"),
        (["2024-01-31", "2024-02-28T12:30:00"], "date", "texts that are dates: year, month, day"),
        (["31.01.2024", "01.02.2024"], "date", "texts that are dates: day, month, year"),
        (["01/31/2024", "02/01/2024"], "date", "texts that are dates: month, day, year"),
        (np.array(["2024-01-31", "NaT", "2024-01-30"], dtype="datetime64[D]"), "date", "dates"),
        (list(range(MANY)), "identifier", "numbers of the rows, one after the other"),
        ([f"person {i}" for i in range(MANY)], "identifier", f"text, {MANY} values in {MANY} cells"),
        ([f"0{i}" for i in range(MANY)], "identifier", f"codes of digits, {MANY} values in {MANY} cells"),
    ],
)
def test_kinds_are_inferred_with_a_reason(cells: Any, kind: str, reason: str) -> None:
    (column,) = Table.of({"a": cells}).columns
    assert (column.kind, column.reason) == (kind, reason)


def test_whole_numbers_under_a_name_for_identifiers() -> None:
    numbers = np.random.default_rng(0).permutation(1000)[:MANY]
    table = Table.of({"customer_id": numbers, "size": numbers})
    assert [column.kind for column in table.columns] == ["identifier", "number"]


def test_an_unclear_order_of_dates_is_said() -> None:
    (column,) = Table.of({"when": ["1/2/2024", "3/4/2024"]}).columns
    assert column.order == "mdy"
    assert "kinds={'when': 'date:dmy'} (--kinds when=date:dmy)" in column.reason
    table = Table.of({"when": ["1/2/2024", "3/4/2024"]}, kinds={"when": "date:dmy"})
    assert str(table["when"][0]) == "2024-02-01T00:00:00"


@pytest.mark.parametrize(
    ("declared", "values"),
    [
        ("number", [1.0, 0.0, np.nan]),
        ("category", ["1", "0", None]),
        ("boolean", ["1", "0", None]),
    ],
)
def test_kinds_can_be_declared(declared: str, values: list[Any]) -> None:
    table = Table.of({"a": [1, 0, None]}, kinds={"a": declared})
    assert table.columns[0].kind == declared
    np.testing.assert_array_equal(table["a"], np.array(values, dtype=table["a"].dtype))


def test_a_declared_number_takes_texts_as_missing() -> None:
    table = Table.of({"a": [1, "unknown", 3]}, kinds={"a": "number"})
    np.testing.assert_array_equal(table["a"], [1, np.nan, 3])
    assert table.columns[0].reason == "declared; 1 text counts as missing"


def test_an_ignored_column_may_hold_anything() -> None:
    table = Table.of({"a": [{}, {}], "b": [1, 2]}, kinds={"a": "ignore"})
    assert [column.used for column in table.columns] == [False, True]


@pytest.mark.parametrize(
    ("kinds", "message"),
    [
        ({"prize": "number"}, "The column in kinds 'prize' is unknown. Did you mean 'price'?"),
        ({"price": "numbre"}, "The kind of column 'price' 'numbre' is unknown. Did you mean 'number'?"),
    ],
)
def test_a_wrong_declaration_is_answered_with_the_nearest(kinds: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError) as refused:
        Table.of({"price": [1, 2]}, kinds=kinds)
    assert message in str(refused.value)


def test_what_was_declared_must_be_true() -> None:
    with pytest.raises(TableError, match="holds 'perhaps' in row 2, where yes or no belongs"):
        Table.of({"a": ["yes", "perhaps"]}, kinds={"a": "boolean"})
    with pytest.raises(TableError, match="holds 'soon' in row 2, where a date such as 2024-01-31 belongs"):
        Table.of({"a": ["2024-01-31", "soon"]}, kinds={"a": "date"})


def test_a_description_has_a_line_for_each_column() -> None:
    lines = Table.of({"a": [1.5, None, 3], "b": ["x", "y", "x"]}).describe()
    assert lines[0] == ("a", "number", "numbers", 1, "1.5 to 3", "scaled, and whether it is missing")
    assert lines[1][:2] == ("b", "category")


def test_the_target_is_split_off_and_rows_without_one_are_counted() -> None:
    table = Table.of({"x": np.arange(12) / 7, "y": ["a", None, *"b" * 10]})
    rest, target, dropped = table.split_target("y")
    assert (list(rest), rest.rows, dropped, len(target)) == (["x"], 11, 1, 11)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"y": [1, 2, 3]}, "has no column besides 'y'"),
        ({"x": [1, 2, 3], "y": [1, 2, 4]}, "has 3 rows with a target, and at least 10 are needed"),
        ({"x": [1, 2, 3], "y": [None] * 3}, "Column 'y' is the target, but no row of table has one."),
        (
            {"x": [1] * 12, "y": np.arange(12) / 7},
            "nothing to learn 'y' from: all other columns are left out ('x': every",
        ),
        ({"x": [1, 2]}, "Column 'y' is unknown."),
    ],
)
def test_tables_that_nothing_can_be_learnt_from(columns: dict[str, Any], message: str) -> None:
    with pytest.raises(TableError) as refused:
        Table.of(columns).split_target("y")
    assert message in str(refused.value)


def test_a_word_or_two_among_many_numbers_is_asked_about() -> None:
    numbers = [f"{n * 1.5}" for n in range(40)]
    for words in (["unknown"] * 20, ["unknown", "n.a."] * 10):
        with pytest.raises(TableError, match=r"mixes numbers .* with 20 other cells .*'ignore' leaves it out"):
            Table.of({"a": numbers + words})
    assert Table.of({"a": ["1", "2", "3", "A", "B"] * 20}).columns[0].kind == "category"  # codes
    assert (
        Table.of({"a": numbers[:30] + ["x", "y", "z"] * 10}).columns[0].reason
        == "text and numbers, 33 values in 60 cells"
    )


CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**40), 2**40),
    st.floats(allow_nan=True, allow_infinity=False, width=32),
    st.sampled_from(["", "a", "b", "NA", "1", "007", "2024-01-31", "31.01.2024", "yes", "no"]),
)


@given(st.lists(CELLS, min_size=1, max_size=60), st.integers(1, 59))
def test_a_division_of_the_cells_changes_nothing(items: list[Any], cut: int) -> None:
    cells = as_cells(items, "a")
    whole, parts = ColumnSummary("a"), ColumnSummary("a")
    whole.add(cells)
    parts.add(cells[:cut])
    parts.add(cells[cut:])
    assert _answer(parts) == _answer(whole)


def _answer(summary: ColumnSummary) -> object:
    try:
        return summary.column()
    except TableError as error:
        return str(error)
