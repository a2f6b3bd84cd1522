"""Trees of plain values and arrays."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from pellucid.engines.engine import TrainingState
from pellucid.storage.strict_json import read_json, write_json
from pellucid.storage.trees import TreeReader, TreeWriter
from support.resuming import bits

_arrays = some.lists(some.floats(width=32), max_size=4).map(lambda values: np.array(values, dtype=np.float32))
_states = some.builds(
    TrainingState,
    _arrays,
    _arrays.map(lambda array: array.astype(np.float64)),
    some.lists(_arrays, max_size=2).map(tuple),
    *[some.integers(0, 2**62)] * 3,
    some.floats(),
    some.none() | _arrays,
    *[some.floats()] * 3,
)
_trees = some.recursive(
    some.none()
    | some.booleans()
    | some.integers(-(2**63), 2**63)
    | some.floats()
    | some.text(max_size=4)
    | _arrays
    | _states,
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text("abc", max_size=3), inner, max_size=3),
    max_leaves=10,
)


def through(tree: Any) -> Any:
    writer = TreeWriter()
    text = write_json(writer.plain(tree, "tree"))
    return TreeReader(lambda name: writer.tensors[name].copy()).value(read_json(text))


@given(tree=_trees)
def test_any_tree_comes_back_to_the_bit(tree: Any) -> None:
    assert bits(through(tree)) == bits(tree)


def test_what_is_shared_is_written_once_and_shared_again() -> None:
    shared, other = np.arange(3.0), np.arange(3.0)
    writer = TreeWriter()
    writer.plain({"a": shared, "b": [shared], "c": other}, "tree")
    assert list(writer.tensors) == ["tree.a", "tree.c"]
    again = through({"a": shared, "b": [shared], "c": other})
    assert again["a"] is again["b"][0]
    assert again["a"] is not again["c"]
    assert not again["a"].flags.writeable


def test_numbers_of_numpy_and_tuples_become_plain() -> None:
    again = through({"a": np.float64(0.1), "b": (np.int64(3), np.float32("nan"))})
    assert again["a"] == 0.1
    assert type(again["b"][0]) is int
    assert math.isnan(again["b"][1])


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({"a": [1, {2}]}, "tree.a.1 is {2} (set), which cannot be written as plain data."),
        ({"a": len}, "tree.a is <built-in function len>"),
        ({3: 1}, "tree is {3: 1} (dict)"),
        ({"$tensor": "a"}, "tree is {'$tensor': 'a'} (dict)"),
        (np.array(["a"]), "tree is an array of <U1, which cannot be written: only numbers can."),
    ],
)
def test_what_cannot_be_written(tree: Any, message: str) -> None:
    with pytest.raises(TypeError) as caught:
        TreeWriter().plain(tree, "tree")
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    "plain",
    [
        {"$float": "3"},
        {"$float": []},
        {"$tensor": "missing"},
        {"$state": {}},
        {"$state": 3},
        {"$state": {"$tensor": "vector"}},
    ],
)
def test_what_is_refused(plain: Any) -> None:
    with pytest.raises((ValueError, TypeError, KeyError)):
        TreeReader({"vector": np.zeros(2)}.__getitem__).value(plain)
