"""Files and frames come in as the same columns, and what cannot be read is told with a way out."""

from __future__ import annotations

import bz2
import datetime
import decimal
import gzip
import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.encoding.cells import check_names
from pellucid.tables import Table, TableEncoder, TableError, read_columns, read_table
from pellucid.tables import files as table_files
from pellucid.tables.files import TableFile
from pellucid.tables.kinds import check_kinds


def text(content: str, encoding: str = "utf-8") -> io.BytesIO:
    return io.BytesIO(content.encode(encoding))


FRAME = pd.DataFrame(
    {
        "price": [326.5, np.nan, 334.0, 335.25],
        "rooms": [1, 2, 3, 5],
        "cut": ["Ideal", "Fair", None, "Good"],
        "new": [True, False, True, True],
        "sold": pd.to_datetime(["2024-01-31", "2024-02-01", "2023-12-24", None]),
    }
)
CSV = FRAME.to_csv(index=False)


def sources(folder: Path) -> dict[str, Any]:
    """The same table in every form that is read."""
    arrow = pa.Table.from_pandas(FRAME, preserve_index=False)
    (folder / "t.csv").write_text(CSV)
    (folder / "t.tsv").write_text(FRAME.to_csv(index=False, sep="\t"))
    (folder / "t.csv.gz").write_bytes(gzip.compress(CSV.encode()))
    (folder / "t.csv.bz2").write_bytes(bz2.compress(CSV.encode()))
    pa.parquet.write_table(arrow, folder / "t.parquet")
    pa.feather.write_feather(arrow, folder / "t.feather")
    with pa.OSFile(str(folder / "t.arrows"), "wb") as sink, pa.ipc.new_stream(sink, arrow.schema) as writer:
        writer.write_table(arrow)
    files = {
        name: folder / name
        for name in ("t.csv", "t.tsv", "t.csv.gz", "t.csv.bz2", "t.parquet", "t.feather", "t.arrows")
    }
    return files | {
        "german CSV": text(FRAME.to_csv(index=False, sep=";", decimal=",")),
        "pandas": FRAME,
        "polars": polars.from_pandas(FRAME),
        "arrow": arrow,
        "arrow with categories": arrow.set_column(2, "cut", arrow["cut"].dictionary_encode()),
        "pandas with categories": FRAME.astype({"cut": "category", "rooms": "Int64"}),
        "mapping": {name: FRAME[name].tolist() for name in FRAME},
        "rows": FRAME.astype(object).where(FRAME.notna(), None).to_dict("records"),
        "records": FRAME.to_records(index=False),
    }


@pytest.mark.parametrize("name", [
    "t.csv", "t.tsv", "t.csv.gz", "t.csv.bz2", "t.parquet", "t.feather", "t.arrows", "german CSV", "pandas", "polars",
    "arrow", "arrow with categories", "pandas with categories", "mapping", "rows", "records",
])  # fmt: skip
def test_every_source_gives_the_same_table(name: str, tmp_path: Path) -> None:
    table = read_table(sources(tmp_path)[name])
    assert [column.kind for column in table.columns] == ["number", "number", "category", "boolean", "date"]
    assert [column.missing for column in table.columns] == [1, 0, 1, 0, 1]
    np.testing.assert_array_equal(table["price"], [326.5, np.nan, 334.0, 335.25])
    np.testing.assert_array_equal(table["rooms"], [1, 2, 3, 5])
    assert table["cut"].tolist() == ["Ideal", "Fair", None, "Good"]
    assert [value.lower() for value in table["new"]] == ["true", "false", "true", "true"]
    assert table["sold"].astype(str).tolist() == [
        "2024-01-31T00:00:00", "2024-02-01T00:00:00", "2023-12-24T00:00:00", "NaT",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "words", "first"),
    [
        (b"a,b\n1,x\n2,y\n", "CSV, delimiter comma, encoding utf-8", "1"),
        (b"a;b\n1,5;x\n2,5;y\n", "CSV, delimiter semicolon, decimal comma, encoding utf-8", "1.5"),
        (b"a;b\n1.234,5;x\n2,5;y\n", "CSV, delimiter semicolon, decimal comma, encoding utf-8", "1234.5"),
        (b"a\tb\n1.5\tx\n2\ty\n", "CSV, delimiter tab, encoding utf-8", "1.5"),
        (b"a|b\n1|x, y\n2|y, z\n", "CSV, delimiter bar, encoding utf-8", "1"),
        ("a;b\n1;Öl\n2;y\n".encode("cp1252"), "CSV, delimiter semicolon, encoding cp1252", "1"),
        ("a;b\n1;Öl\n2;y\n".encode("utf-16"), "CSV, delimiter semicolon, encoding utf-16", "1"),
        ("a,b\n1,Öl\n2,y\n".encode("utf-8-sig"), "CSV, delimiter comma, encoding utf-8", "1"),
        (b"'a','b'\n'1','x, y'\n'2','z'\n", "CSV, delimiter comma, encoding utf-8, quotes '", "1"),
        (b"1,x\n2,y\n", "CSV, delimiter comma, encoding utf-8, no line of names", "1"),
        (b"\n\na,b\n1,x\n\n2,y\n", "CSV, delimiter comma, encoding utf-8", "1"),
        (b'a,b\r\n1,"x\r\ny"\r\n2,"say ""z"", please"\r\n', "CSV, delimiter comma, encoding utf-8", "1"),
        (b'a,b\n1,"say \\"z\\", please"\n2,y\n', "CSV, delimiter comma, encoding utf-8", "1"),
        (
            b"# mine\n# of 2024, spring\na,b\n1,x\n2,y\n",
            "CSV, delimiter comma, encoding utf-8, 2 lines of comments",
            "1",
        ),
        (b"# a,b\r\n1,x\r\n2,y\r\n", "CSV, delimiter comma, encoding utf-8", "1"),
        (b"# mine\ra,b\r1,x\r2,y\r", "CSV, delimiter comma, encoding utf-8, 1 line of comments", "1"),
        (b"2019,b\n1,7\n2,8\n", "CSV, delimiter comma, encoding utf-8", "1"),
        ("a;b\n1;Ö\n2;y\n".encode("utf-16-le"), "CSV, delimiter semicolon, encoding utf-16-le", "1"),
        ("a;b\n1;Ö\n2;y\n".encode("utf-16-be"), "CSV, delimiter semicolon, encoding utf-16-be", "1"),
        (b'a,b\n"1,5",x\n"2,25",y\n', "CSV, delimiter comma, decimal comma, encoding utf-8", "1.5"),
        (b'a,b\n"1,234",x\n"12,345.5",y\n', "CSV, delimiter comma, encoding utf-8", "1234"),
        (b"a,b\n1'234,x\n12'345.5,y\n", "CSV, delimiter comma, encoding utf-8", "1234"),
        ("a;b\n1\u202f234,5;x\n7;y\n".encode(), "CSV, delimiter semicolon, decimal comma, encoding utf-8", "1234.5"),
        (b'a,b\n"$1,234",3 km\n-$7.5,5 km\n', "CSV, delimiter comma, encoding utf-8, a in $, b in km", "1234"),
        (b"a;b\n12,5 %;x\n7 %;y\n", "CSV, delimiter semicolon, decimal comma, encoding utf-8, a in %", "12.5"),
        ("a,b\n5€,1A\n7€,2B\n".encode(), "CSV, delimiter comma, encoding utf-8, a in €", "5"),
    ],
)
def test_the_dialect_is_found_and_said(content: bytes, words: str, first: str) -> None:
    table = read_table(io.BytesIO(content))
    assert table.notes == (words,)
    assert table.rows == 2
    assert len(table) == 2
    assert table.columns[0].examples[0] == first


@given(
    st.lists(st.decimals(-(10**9), 10**9, places=2) | st.none(), min_size=1, max_size=30),
    st.sampled_from([(".", ","), (",", "."), (".", "'"), (",", "\u202f"), (".", "")]),
    st.sampled_from(["{}", "${}", "{} kg", "{}%", "€ {}"]),
)
def test_numbers_are_read_however_they_are_written(numbers: list[Any], marks: tuple[str, str], unit: str) -> None:
    decimal, between = marks

    def written(number: Any) -> str:
        if number is None:
            return ""
        text = f"{abs(number):,}".replace(",", "_").replace(".", decimal).replace("_", between)
        return ("-" if number < 0 else "") + unit.format(text)

    content = "a\tb\n" + "".join(f"{written(each)}\t{place % 2}\n" for place, each in enumerate(numbers))
    table = read_table(io.BytesIO(content.encode()), decimal=decimal)
    if any(number is not None for number in numbers):
        expected = [np.nan if number is None else float(number) for number in numbers]
        found = (
            table["a"] if table["a"].dtype == np.float64 else [np.nan if x is None else float(x) for x in table["a"]]
        )
        np.testing.assert_array_equal(np.array(found, dtype=np.float64), expected)


def test_a_unit_that_not_all_cells_have_makes_no_numbers() -> None:
    for cells in (["$5", "€6"], ["3 km", "4 miles"], ["$5", "about $6"], ["3rd", "4th"], ["5 %", "6"]):
        content = "a,b\n" + "".join(f"{cell},1\n{cell},2\n" for cell in cells)
        assert read_table(io.BytesIO(content.encode()))["a"].tolist() == [cells[0], cells[0], cells[1], cells[1]]


def test_a_category_keeps_its_units_and_marks_from_reading_to_predicting(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("size,price\n" + "".join(f"{2**n} GB,{n}.5\n" for n in range(4)) * 5)
    table = read_table(tmp_path / "t.csv", kinds={"size": "category"})
    encoder = TableEncoder.fit(table, "price")
    again = encoder.transform(read_columns(tmp_path / "t.csv", texts=encoder.text_columns))
    np.testing.assert_array_equal(again, encoder.transform(table))
    np.testing.assert_array_equal(encoder.transform([{"size": "4 GB"}]), again[2:3])


def test_what_is_said_of_the_dialect_goes_before_what_is_found() -> None:
    content = b"a,b;c\n1,2;3\n4,5;6\n"
    assert list(read_table(io.BytesIO(content), delimiter=",")) == ["a", "b;c"]
    assert list(read_table(io.BytesIO(content), delimiter=";", header=False)) == ["column_1", "column_2"]


def test_cells_with_quotes_and_newlines_are_whole() -> None:
    table = read_table(text('a,b\n1,"x\ny"\n2,"say ""z"", please"\n'))
    assert table["b"].tolist() == ["x\ny", 'say "z", please']


def test_another_encoding_far_down_is_found_too() -> None:
    content = b"a,b\n" + b"1,plain\n" * 40_000 + "2,Öl\n".encode("cp1252")
    table = read_table(io.BytesIO(content))
    assert table["b"][-1] == "Öl"
    assert table.notes == ("CSV, delimiter comma, encoding cp1252",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty."),
        (b"\n \n", "is empty."),
        (b"# mine\n", "is empty."),
        (b"a,b\n", "has names of columns but no rows."),
        (b"a,b,a\n1,2,3\n", "The name 'a' stands above column 1 and column 3: every column must have a name"),
        (b"a,b\n1,2\n1,2,3\n4,5\n6\n", "cells in every row, as its first one, but line 3 has 3, line 5 has 1."),
        (bytes(range(256)), "is no text: line 1 holds the byte 0x00."),
        (b"PK\x03\x04....", "is a zip archive or an Excel workbook: save its sheet as CSV."),
        (b"PAR1....", "is damaged, or no file of a table"),
        (b"ARROW1....", "is damaged, or no file of a table"),
        (gzip.compress(bytes(range(48, 58)) * 100)[:15], "is damaged: "),
        (b"a,b", "has names of columns but no rows."),
        (b"My table\n\na,b\n1,2\n3,4\n", "Line 1 of the stream has 1 cell, but the lines below have 2: remove what"),
        (b"a,b\n1,2,3\n2,4,5\n3,6,7\n", "Line 1 of the stream has 2 cells, but the lines below have 3: add the name"),
        (b"a,b,c\n1,2\n2,4\n3,6\n", "Line 1 of the stream has 3 cells, but the lines below have 2: remove the names"),
        (b"# mine\na,b\n1,2\n3,4,5\n6,7\n8,9\n", "as its first one, but line 4 has 3."),
        (b'[{"a": 1}, {"a": 2}]', "is JSON, and no table: give the list of its rows"),
        (b"<!DOCTYPE html><html></html>", "is a page in HTML or XML, and no table"),
        (b"a\x1b[31m,b\n1,2\n", "is no text: line 1 holds the byte 0x1b."),
        (b"a,b\n" + b"1,7\n2,8\n" * 9 + b"2,oops\n", "Column 'b' mixes numbers"),
        (b'a,b\n1,x\n2,"y\n3,z\n', 'has a quote " in line 3 that is never closed: close it.'),
        (b"a,b\n1,1\n2,inf\n3,2\n", "Column 'b' holds inf in row 2: every number must be finite."),
        (b"a,b\n" + b"1,1\n" * 20 + b"2,oops\n", "Column 'b' mixes numbers ('1') with 1 other cell ('oops'). Say"),
    ],
)  # fmt: skip
def test_bad_files_get_one_sentence(content: bytes, message: str) -> None:
    with pytest.raises(TableError) as refused:
        read_table(io.BytesIO(content))
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


PIECES = st.sampled_from([
    "", "1", "2.5", "1,5", "1.234", "$5", "5 km", "abc", "a b", "yes", "NA", "nan", "inf", "2024-01-31", "31.01.2024",
    "007", "1e5", "1_000", '"q"', '"a,b"', '"x\ny"', '"', "'", "é", "# c", "\t", ";", "|", "\\", "\0", "𝔘", "9" * 20,
    "?",
])  # fmt: skip


@st.composite
def files(draw: Any) -> bytes:
    """CSV as people and programs write it, well and badly."""
    delimiter, end = draw(st.sampled_from([",", ";", "\t", "|", " "])), draw(st.sampled_from(["\n", "\r\n", "\r"]))
    width, above = draw(st.integers(1, 4)), draw(st.sampled_from(["", "# made\n", "\n", "a{}b{}c\n", "a{}b\n"]))
    widths = draw(st.lists(st.sampled_from([*[width] * 9, width + 1]), min_size=1, max_size=9))
    lines = [delimiter.join(draw(PIECES) for _ in range(each)) for each in widths]
    text = above.replace("{}", delimiter) + end.join(lines) + draw(st.sampled_from(["", end, end * 2]))
    return text.encode(draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])), errors="replace")


@settings(deadline=None)
@given(files() | st.binary(max_size=60))
def test_whatever_bytes_come_they_are_a_table_or_a_sentence(content: bytes) -> None:
    try:
        table = read_table(io.BytesIO(content))
        encoder = TableEncoder.fit(table)
    except TableError as error:
        refused = str(error)
    else:
        refused = ""
    if refused:
        assert refused.endswith((".", "?"))
        return
    again = read_columns(io.BytesIO(content), texts=encoder.text_columns)
    np.testing.assert_array_equal(encoder.transform(again), encoder.transform(table))


def test_a_ragged_row_far_down_is_named(tmp_path: Path) -> None:
    path = tmp_path / "ragged.csv"
    path.write_bytes(b"a,b\n" + b"1,2\n" * 300_000 + b"1,2,3\n" + b"1,2\n" * 10)
    with pytest.raises(TableError, match="line 300002 has 3"):
        read_table(path)


def test_a_file_that_is_not_there_is_answered_with_the_nearest_name(tmp_path: Path) -> None:
    (tmp_path / "diamonds.csv").write_text(CSV)
    with pytest.raises(FileNotFoundError, match=r"diamond\.csv does not exist\. Did you mean .*diamonds\.csv\?"):
        read_table(tmp_path / "diamond.csv")
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        read_table(tmp_path / "no" / "diamond.csv")
    with pytest.raises(TableError, match="is a folder: name a file in it"):
        read_table(tmp_path)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"a": [1, 2], "b": [1]}, "The columns differ in length: 'a' has 2, 'b' has 1."),
        ({"a": [[1], [2]], "b": [1, 2]}, "Column 'a' holds a list in a cell"),
        ({"a": np.eye(2), "b": [1, 2]}, "Column 'a' must have one cell a row, but its shape is (2, 2)."),
        ({"a": np.array([1j, 2])}, "Column 'a' holds complex numbers"),
        ({}, "table has no columns."),
        (pd.DataFrame({0: [1, 2]}), "The names of columns must be texts, not 0."),
        (polars.LazyFrame({"a": [1]}), "The frame is lazy: give the result of its collect()."),
    ],
)
def test_frames_that_cannot_be_used(source: Any, message: str) -> None:
    with pytest.raises(TableError) as refused:
        read_table(source)
    assert message in str(refused.value)


def test_something_that_is_no_table() -> None:
    with pytest.raises(TypeError, match="not int"):
        read_table(5)
    with pytest.raises(TypeError, match="open it with mode 'rb'"):
        read_table(io.StringIO("a,b\n1,2\n"))


def test_a_category_of_numbers_is_the_same_from_every_reader(tmp_path: Path) -> None:
    """Zip codes: texts, whole numbers, or with a missing one numbers with a point."""
    codes = [2134, 10001, None, 5]
    frame = pd.DataFrame({"zip": codes, "x": [1.0, 2.0, 3.0, 4.0]})
    pa.parquet.write_table(pa.table({"zip": pa.array(codes, pa.int64()), "x": [1.0, 2, 3, 4]}), tmp_path / "z.parquet")
    read = [
        text("zip,x\n02134,1\n10001,2\n,3\n5,4\n"),
        text("zip,x\n2134.0,1\n10001,2\n,3\n5,4\n"),
        frame,
        polars.DataFrame({"zip": codes, "x": [1.0, 2.0, 3.0, 4.0]}),
        tmp_path / "z.parquet",
        {"zip": ["02134", "10001", None, "5"], "x": [1, 2, 3, 4]},
    ]
    for source in read:
        assert read_table(source, kinds={"zip": "category"})["zip"].tolist() == ["2134", "10001", None, "5"]


def test_texts_stay_texts_where_they_are_asked_for() -> None:
    """Of a category with names such as 1.50 and a, a file may hold only the first kind."""
    columns = read_columns(text("version,x\n1.50,1\n1.5,2\n"), texts=["version"])
    assert columns["version"].tolist() == ["1.50", "1.5"]


def test_parts_of_a_file_are_the_whole(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + "".join(f"{i},{'x' if i < 900 else i}\n" for i in range(1000)))
    file = TableFile(path)
    parts = list(file.parts(block=1000))
    assert len(parts) > 5
    assert np.concatenate([part["a"] for part in parts]).tolist() == list(range(1000))
    table = read_table(path)
    assert table["b"].tolist() == ["x"] * 900 + [str(i) for i in range(900, 1000)]
    assert isinstance(table, Table)


def test_an_ignored_column_of_a_file_may_hold_anything(tmp_path: Path) -> None:
    pa.parquet.write_table(pa.table({"l": [[1], [2]], "x": [1.5, 2.5]}), tmp_path / "l.parquet")
    with pytest.raises(
        TableError, match=r"Column 'l' holds a .* in a cell: make columns of its parts, or leave it out"
    ):
        read_table(tmp_path / "l.parquet")
    table = read_table(tmp_path / "l.parquet", kinds={"l": "ignore"})
    assert [(column.name, column.used) for column in table.columns] == [("l", False), ("x", True)]
    with pytest.raises(TableError, match=r"All columns of .* are to be ignored"):
        read_table(tmp_path / "l.parquet", kinds={"l": "ignore", "x": "ignore"})


def test_every_type_of_arrow_has_a_kind() -> None:
    moments = [datetime.datetime(2020, 1, 1, 3), None, datetime.datetime(2020, 1, 1, 5)]
    table = read_table(
        pa.table(
            {
                "berlin": pa.array(moments, pa.timestamp("us", "Europe/Berlin")),
                "decimal": [decimal.Decimal("1.5"), None, decimal.Decimal("2.5")],
                "time": [datetime.time(1, 2), None, datetime.time(3, 4)],
                "span": [datetime.timedelta(1), None, datetime.timedelta(2)],
                "nothing": pa.nulls(3),
                "bytes": [b"x", b"y", None],
                "view": pa.array(["a", "b", None], pa.string_view()),
                "large": pa.array(["a", "b", None], pa.large_string()),
                "half": pa.array([1, 2, None], pa.float16()),
            }
        )
    )
    kinds = ["date", "number", "category", "number", "constant", "category", "category", "category", "number"]
    assert [column.kind for column in table.columns] == kinds
    assert table["span"][0] == 86400
    assert str(table["berlin"][0]) == "2020-01-01T03:00:00"  # in UTC


@pytest.mark.parametrize("form", ["Parquet", "Arrow", "Arrow stream"])
def test_a_compressed_file_that_is_read_whole_has_a_limit(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    table, plain = pa.table({"a": np.zeros(2**16)}), pa.BufferOutputStream()
    if form == "Parquet":
        pa.parquet.write_table(table, plain, compression="none", use_dictionary=False)
    else:
        make = pa.ipc.new_file if form == "Arrow" else pa.ipc.new_stream
        with make(plain, table.schema) as writer:
            writer.write_table(table)
    content = plain.getvalue().to_pybytes()
    monkeypatch.setattr(table_files, "_MOST_INFLATED", len(content))
    assert read_table(io.BytesIO(gzip.compress(content))).rows == 2**16
    monkeypatch.setattr(table_files, "_MOST_INFLATED", len(content) - 1)
    with pytest.raises(TableError) as caught:
        read_table(io.BytesIO(gzip.compress(content)))
    assert str(caught.value) == (
        f"the stream inflates to more than {len(content) - 1:,} bytes, which would all be in memory at once: inflate "
        f"it, and give the {form} file itself."
    )


class Name(str):
    """A name that counts how often it is compared with another one."""

    __slots__ = ()
    compared = 0

    def __eq__(self, other: object) -> bool:
        Name.compared += 1
        return str.__eq__(self, other)

    __hash__ = str.__hash__


def test_the_work_of_reading_grows_with_the_columns_and_not_faster() -> None:
    """Names are looked up, not searched for: each is compared a few times, however many there are."""
    for count in (50, 2000):
        names = [Name(f"column {number}") for number in range(count)]
        content = "\n".join([",".join(names), *[",".join(map(str, range(row, row + count))) for row in range(12)]])
        file = TableFile(text(content))
        Name.compared = 0
        check_names(names)
        check_kinds(dict.fromkeys(names, "number"), names)
        parts = list(file.parts(only=names))
        assert all(part[name].dtype == object for part in file.parts(texts=names) for name in names)
        table = Table.of({name: np.concatenate([part[name] for part in parts]) for name in names})
        assert [table.column(name).name for name in names] == names
        assert [table[name][0] for name in names] == list(range(count))
        assert Name.compared < 25 * count
