"""What a command is, for `app.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Command(NamedTuple):
    """Its name, the function that typer makes it of, and the example at the end of its help."""

    name: str
    function: Callable[..., None]
    example: str
