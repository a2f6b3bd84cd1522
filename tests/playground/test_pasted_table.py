"""A user's own CSV: what is read, what is guessed, and the words for what cannot be."""

from __future__ import annotations

import numpy as np
import pytest

from pellucid.playground.data import from_table
from pellucid.playground.pasted_table import MOST_ROWS, DataError, PastedTable
from pellucid.playground.state import PlaygroundState


def rows(count: int = 20, line: str = "{i},{j},{c}", head: str = "height,weight,kind\n") -> str:
    return head + "\n".join(line.format(i=i, j=i * i % 7, c="ab"[i % 2]) for i in range(count))


def test_two_columns_and_a_target() -> None:
    chosen = PastedTable.read(rows(), "people.csv").choose()
    assert (chosen.names, chosen.target, chosen.classes) == (("height", "weight"), "kind", ("a", "b"))
    assert chosen.x[3].tolist() == [3.0, 2.0]
    assert chosen.y[:4].tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_columns_may_be_divided_by_several_signs(delimiter) -> None:
    chosen = PastedTable.read(rows().replace(",", delimiter)).choose()
    assert chosen.x.shape == (20, 2)


def test_decimal_commas_where_semicolons_divide() -> None:
    chosen = PastedTable.read(rows(line="{i},5;{j},25;{c}", head="a;b;c\n")).choose()
    assert chosen.x[2].tolist() == [2.5, 4.25]
    chosen = PastedTable.read("# measured\n" + rows(line="{i},5;3.{j}00,25;{c}", head="a;b;c\n")).choose()
    assert chosen.x[2].tolist() == [2.5, 3400.25]


def test_a_file_without_names_and_one_with_a_mark_and_quotes() -> None:
    assert PastedTable.read(rows(head="")).columns == ("column_1", "column_2", "column_3")
    assert PastedTable.read("\ufeff" + rows(head='"the height","weight",kind\r\n')).columns[0] == "the height"


def test_few_whole_numbers_are_classes_and_many_numbers_are_not() -> None:
    classes = PastedTable.read(rows(line="{i},{j},{j}")).choose()
    assert classes.classes == ("0", "1", "2", "4")
    assert classes.y[:4].tolist() == [0, 1, 3, 2]
    numbers = PastedTable.read(rows(line="{i},{j},{i}.5")).choose()
    assert numbers.classes == ()
    assert numbers.y[2] == 2.5


def test_the_columns_can_be_chosen() -> None:
    table = PastedTable.read(rows(line="{i},{j},{i}.5,{c}", head="a,b,c,d\n"))
    assert table.choose().names == ("a", "b", "c")
    chosen = table.choose(target="a", map=["c", "b"], inputs=[])
    assert (chosen.names, chosen.target) == (("c", "b"), "a")
    assert table.choose(map=["b", "c"]).names == ("b", "c", "a")


def test_rows_with_missing_values_are_left_out_and_said() -> None:
    chosen = PastedTable.read(rows() + "\n,3,a\n5,NA,b\n6,1,?\n7,8\n").choose()
    assert len(chosen.x) == 20
    assert PastedTable.read(rows() + "\n7,8\n").notes == (
        "1 row has another number of columns than 3 and is left out.",
    )
    assert chosen.notes == ("3 of 23 rows have missing values and are left out.",)


def test_columns_of_text_are_left_out_and_said() -> None:
    chosen = PastedTable.read(rows(line="{i},n{j},{j},{c}", head="a,name,b,c\n")).choose()
    assert chosen.names == ("a", "b")
    assert chosen.notes == ("Left out, for they hold text: name.",)


def test_of_too_many_rows_some_are_taken_spread_evenly() -> None:
    table = PastedTable.read(rows(MOST_ROWS * 2))
    chosen = table.choose()
    assert len(chosen.x) == MOST_ROWS
    assert chosen.x[0, 0] == 0
    assert chosen.x[-1, 0] == 2 * MOST_ROWS - 1
    assert "Of 40,000 rows, 20,000 are taken" in table.notes[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("\n\n \n", "is empty"),
        ("a\n1\n2\n3\n", "has one column"),
        ("a,b,c\n1,2,0\n3,4,1\n5,6,0\n", "has 3 rows, and at least 10"),
        (rows(line="{c},{c},{c}"), "Two columns of numbers beside the target 'kind'"),
        (rows(line="{i},{j},a"), "has one class only"),
        (rows(line="{i},{j},word{i}"), "holds 20 different texts"),
        (rows(line="{i},{j},"), "holds 0 different texts"),
        (",".join("1" * 60) + "\n", "has 60 columns"),
        ("a,b,c\n" + "1,,0\n2,,1\n" * 10, "Two columns of numbers"),
        ("a,b,c\n" + "nan,inf,0\n" * 20, "Two columns of numbers"),
        ('a,b,c\n"1,2,3\n' * 20, "rows|Two columns"),
        ("\x00\x01\x02" * 100, "one column|no CSV|rows"),
        ("x" * (17 * 2**20), "more than 16 MB"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_answered_in_words(text, words) -> None:
    with pytest.raises(DataError, match=words) as refused:
        PastedTable.read(text).choose()
    assert str(refused.value).endswith("Nothing was changed.")
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize(
    "choice",
    [{"target": "size"}, {"map": ["height", "height"]}, {"map": ["height", "kind"]}, {"inputs": ["colour"]}],
)  # fmt: skip
def test_columns_that_are_not_there_are_refused(choice) -> None:
    with pytest.raises(DataError, match="Nothing was changed"):
        PastedTable.read(rows()).choose(**choice)


def test_the_map_holds_all_points_and_the_network_begins_with_their_scale() -> None:
    data = from_table(PastedTable.read(rows(50)), PlaygroundState(training_percent=80))
    x = np.concatenate([data.x_train, data.x_test])
    assert (len(data.x_train), len(data.x_test)) == (40, 10)
    assert data.domain[0] < x[:, 0].min() < x[:, 0].max() < data.domain[1]
    assert data.domain[2] < x[:, 1].min() < x[:, 1].max() < data.domain[3]
    assert data.measured
