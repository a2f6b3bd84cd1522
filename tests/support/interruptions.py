"""Errors that come at any moment: a call is cut short at each of its lines in turn."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

import pellucid

Subject = TypeVar("Subject")
_PACKAGE = Path(pellucid.__file__).parent


def cut_short(
    files: tuple[str, ...], make: Callable[[], Subject], act: Callable[[Subject], Any], error: type[BaseException]
) -> Iterator[Subject]:
    """The subject after `act`, which ended in an error at its first line in these files of the package; after it ended
    at its second; and so on, up to its last line.
    """
    wanted = {str(_PACKAGE / file) for file in files}
    for last in range(sys.maxsize):
        subject, left = make(), last

        def trace(frame: FrameType, event: str, argument: Any) -> Any:
            nonlocal left
            if frame.f_code.co_filename not in wanted:
                return None
            if event == "line":
                left -= 1
                if left < 0:
                    raise error
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            act(subject)
        except error:
            sys.settrace(before)
            yield subject
        else:
            sys.settrace(before)
            assert last > 0, "the call has no line in these files"
            return
