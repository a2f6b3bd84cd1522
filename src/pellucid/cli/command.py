"""What a command is, for `app.py`, and how its options become records.

Contract: a record that a command is made of states each option once, as a field with its type, its default and what
typer is to say of it (`Annotated`); `from_record` makes the function that typer reads of it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from typing import Annotated, Any, NamedTuple, TypeAlias, TypeVar, get_type_hints

import typer

RecordT = TypeVar("RecordT")

ModelPath: TypeAlias = Annotated[str, typer.Argument(metavar="MODEL", help="A model file, or the folder of a run.")]
DataFolder: TypeAlias = Annotated[
    str | None, typer.Option("--data", metavar="DIR", help="Where the files of MNIST or Fashion-MNIST are.")
]
"""What several commands take."""


class Command(NamedTuple):
    """Its name, the function that typer makes it of, and the example at the end of its help."""

    name: str
    function: Callable[..., None]
    example: str


def from_record(record: type[RecordT], run: Callable[[RecordT], None]) -> Callable[..., None]:
    """A function that takes a record, as one with a parameter for each of the record's fields."""

    def command(**given: Any) -> None:
        run(record(**given))

    hints = get_type_hints(record, include_extras=True)
    parameters = [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.default is MISSING else field.default,
            annotation=hints[field.name],
        )
        for field in fields(record)  # type: ignore[arg-type]
    ]
    command.__doc__ = run.__doc__
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command


def taken(record: type[RecordT], given: Mapping[str, Any]) -> RecordT:
    """The record with those of its fields that are given; the others, and those that are None, have their defaults."""
    names = [field.name for field in fields(record)]  # type: ignore[arg-type]
    return record(**{name: given[name] for name in names if given.get(name) is not None})
