"""Items made ahead: the same, in order, with their errors, and no thread is left behind."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from pellucid.tables.prefetch import ahead


def threads() -> int:
    return sum(thread.name == "pellucid-ahead" for thread in threading.enumerate())


def test_items_come_in_order() -> None:
    assert list(ahead(range(1000), most=3)) == list(range(1000))
    assert list(ahead([])) == []
    assert threads() == 0


def test_an_error_comes_where_its_item_would_come() -> None:
    def items() -> Iterator[int]:
        yield 1
        yield 2
        raise ValueError("the third")

    stream = ahead(items())
    assert [next(stream), next(stream)] == [1, 2]
    with pytest.raises(ValueError, match="the third"):
        next(stream)
    assert threads() == 0


def test_who_leaves_early_leaves_no_thread() -> None:
    made = []

    def items() -> Iterator[int]:
        for number in range(10**9):
            made.append(number)
            yield number

    stream = ahead(items(), most=2)
    assert next(stream) == 0
    stream.close()
    assert threads() == 0
    assert len(made) <= 5
