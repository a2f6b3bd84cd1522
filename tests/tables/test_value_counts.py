"""A tally says the same of values however they come, and stays small."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.tables.targets import TargetError, find_target, target_of_values
from pellucid.tables.value_counts import Tally, class_name

VALUES = st.one_of(
    st.booleans(),
    st.integers(-5, 5),
    st.floats(allow_nan=False, width=32),
    st.sampled_from(["a", "b", "3", "3.5", "inf", "1", "True"]),
)


def tally_of(*parts: Any, most: int | None = None) -> Tally:
    tally = Tally(most)
    for part in parts:
        tally.add(part)
    return tally


def seen(tally: Tally) -> tuple[Any, ...]:
    counts = {name: rows for name, (_, rows) in tally.names.items()}
    flags = (tally.text, tally.truth, tally.whole, tally.many, tally.infinite)
    return tally.rows, counts, flags, tally.low, tally.high, list(tally.odd), tally.odd_rows


@given(st.lists(VALUES, max_size=40), st.integers(0, 40))
def test_a_division_of_the_values_changes_nothing(items: list[Any], cut: int) -> None:
    assert seen(tally_of(items)) == seen(tally_of(items[:cut], items[cut:]))


@given(st.lists(VALUES, max_size=40))
def test_what_is_counted_is_what_is_there(items: list[Any]) -> None:
    tally = tally_of(items)
    names = [class_name(item) for item in items]
    assert {name: rows for name, (_, rows) in tally.names.items()} == {name: names.count(name) for name in names}
    assert tally.text == any(isinstance(item, str) for item in items)
    assert tally.truth == any(isinstance(item, bool) for item in items)
    numbers = [float(item) for item in items if item not in ("a", "b", "True")]
    assert (tally.low, tally.high) == (min(numbers, default=np.inf), max(numbers, default=-np.inf))
    assert tally.odd_rows == len(items) - len(numbers)


@given(st.lists(st.floats(allow_nan=False, width=32), max_size=40))
def test_an_array_of_numbers_is_seen_as_a_list_of_them_is(numbers: list[float]) -> None:
    assert seen(tally_of(np.array(numbers))) == seen(tally_of(numbers))


def test_of_many_values_it_is_only_known_that_there_are_many() -> None:
    tally = tally_of(np.arange(50.0), np.arange(60.0), most=55)
    assert (tally.many, tally.names, tally.rows, tally.high) == (True, {}, 110, 59.0)
    target = target_of_values(tally, "y")
    assert (target.task, target.why) == ("numbers", "it holds more than 55 different numbers")
    with pytest.raises(
        TargetError, match=r"more than 55 classes in 110 rows, which are too many to tell apart\. Predict"
    ):
        target_of_values(tally, "y", asked="classes")
    assert not tally_of(np.arange(55.0), most=55).many


@given(
    st.one_of(st.lists(st.sampled_from(["a", "b", "c"])), st.lists(st.integers(0, 12)), st.lists(st.floats(0, 9))),
    st.integers(0, 40),
    st.sampled_from(["auto", "classes", "numbers", "quantiles", "counts"]),
)
def test_a_target_that_is_seen_in_parts_is_the_one_that_is_seen_whole(items: list[Any], cut: int, asked: str) -> None:
    def answer(*parts: list[Any]) -> Any:
        try:
            if len(parts) == 1:
                return find_target(np.array(parts[0], dtype=object), "y", asked=asked)
            return target_of_values(tally_of(*parts, most=1000), "y", asked=asked)
        except TargetError as error:
            return str(error)

    assert answer(items[:cut], items[cut:]) == answer(items)


def test_classes_are_encoded_by_their_names_whatever_their_types() -> None:
    target = find_target(np.array([True, 1, "a"] * 3, dtype=object), asked="classes")
    assert target.class_names == ("1", "a", "true")
    assert target.encode([1, True, 1.0, "1", "a"]).tolist() == [0, 2, 0, 0, 1]
