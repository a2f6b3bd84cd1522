"""Work done ahead of its use, in a thread of its own."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

Item = TypeVar("Item")

_END = object()
_PATIENCE = 0.05  # seconds between looks at whether anybody still wants the items


def ahead(items: Iterable[Item], most: int = 1) -> Iterator[Item]:
    """The same items in the same order, the next `most` of them made while the one before is used.

    What goes wrong in making an item is raised where that item would come. The thread ends with the iterator, also
    where it is left before its end.

    Examples
    --------
    >>> list(ahead(number * number for number in range(4)))
    [0, 1, 4, 9]
    """
    made: queue.Queue[Any] = queue.Queue(most)
    left = threading.Event()
    problems: list[BaseException] = []

    def give(item: Any) -> None:
        given = False
        while not given and not left.is_set():
            with contextlib.suppress(queue.Full):
                made.put(item, timeout=_PATIENCE)
                given = True

    def make() -> None:
        try:
            for item in items:
                give(item)
                if left.is_set():
                    return
        except BaseException as problem:  # raised again where the item is waited for
            problems.append(problem)
        give(_END)

    thread = threading.Thread(target=make, name="pellucid-ahead", daemon=True)
    thread.start()
    try:
        while (item := made.get()) is not _END:
            yield item
        if problems:
            raise problems[0]
    finally:
        left.set()
        thread.join()
