"""JSON from a stranger's hands."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as some

from pellucid.storage.strict_json import DEEPEST, MOST, read_json, write_json

_values = some.recursive(
    some.none()
    | some.booleans()
    | some.integers(-(2**63), 2**63)
    | some.floats(allow_nan=False, allow_infinity=False)
    | some.text(max_size=8),
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(some.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@given(value=_values)
def test_what_is_written_is_read_again(value: object) -> None:
    text = write_json(value)
    again = read_json(text)
    assert again == read_json(text.encode()) == value
    assert json.dumps(again) == json.dumps(value), "numbers keep their kind and their bits"


@given(text=some.text(max_size=30) | some.binary(max_size=30))
def test_any_text_is_read_or_refused(text: str | bytes) -> None:
    try:
        value = read_json(text)
    except ValueError:
        return
    assert json.loads(text) == value or value != value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not JSON"),
        ("{'a': 1}", "is not JSON"),
        (b"\xff\xff\xff", "is not JSON"),
        ('{"a": 1, "b": {"c": 2, "c": 3}}', "names 'c' twice"),
        ("[NaN]", "holds NaN, which is no number of JSON"),
        ("[-Infinity]", "holds -Infinity, which is no number of JSON"),
        ("1e400", "holds 1e400, which is too large for a number"),
        ("1" * 21, "holds a whole number of 21 digits"),
        ("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1), "is nested too deeply"),
        ('{"a":' * (DEEPEST + 1) + "1" + "}" * (DEEPEST + 1), "is nested too deeply"),
        ("[" + "[]," * MOST + "[]]", "has too many lists and tables"),
    ],
)
def test_what_is_refused(text: str | bytes, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        read_json(text)
    assert str(caught.value) == message


def test_what_is_just_allowed() -> None:
    assert read_json("[" * DEEPEST + "]" * DEEPEST)
    assert len(read_json("[" + "[]," * (MOST - 2) + "[]]")) == MOST - 1
    assert read_json('"' + "[{" * 1000 + '\\"[[' + '"') == "[{" * 1000 + '"[[', "brackets in texts do not count"
    assert read_json('["\\\\", "[["]') == ["\\", "[["]
    assert read_json(str(2**64 - 1)) == 2**64 - 1


@pytest.mark.parametrize("value", [math.nan, math.inf, [-math.inf]])
def test_numbers_that_are_not_finite_are_not_written(value: object) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(value)
