"""What can go wrong, in one sentence and with an exit code.

Contract: a command raises `UsageError` where the command line itself is wrong (a name, a value, options that do not go
together; exit code 2), `Failure` where it was understood and could not be done (1), `Interrupted` after it has dealt
with Ctrl-C (130). The library's own errors carry sentences that need no other words.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


class UsageError(Exception):
    """The command line is wrong."""


class Failure(Exception):
    """The command line was understood, but what it asks for cannot be done."""


class Interrupted(Exception):
    """Interrupted; results so far are saved."""


def code_of(error: BaseException) -> int:
    """The exit code of an error; typer's own errors know theirs."""
    if isinstance(error, KeyboardInterrupt) or type(error).__name__ == "Abort":
        return 130
    if isinstance(error, UsageError):
        return 2
    code = getattr(error, "exit_code", 1)
    return code if isinstance(code, int) else 1


def sentence_of(error: BaseException) -> str:
    """What to say of an error, on one line."""
    if code_of(error) == 130:
        return "interrupted."
    if hasattr(error, "format_message"):  # typer's
        path = getattr(getattr(error, "ctx", None), "command_path", "pellucid")
        words = f"{error.format_message()} See {path} --help."
    elif isinstance(error, OSError) and error.strerror:
        words = f"{error.strerror}: {error.filename}." if error.filename else f"{error.strerror}."
    elif isinstance(error, MemoryError):
        words = "there is not enough memory for this."
    elif isinstance(error, UsageError | Failure | ValueError | TypeError | OSError | ArithmeticError | ImportError):
        words = str(error)
    else:
        place = traceback.extract_tb(error.__traceback__)[-1]
        words = (
            f"this is a bug in Pellucid, please report it: {type(error).__name__} in {Path(place.filename).name}, "
            f"line {place.lineno}: {error}"
        )
    return " ".join(words.split())


@contextmanager
def option(name: str) -> Iterator[None]:
    """What the library says against a value becomes a wrong use of the option it was given with."""
    try:
        yield
    except (ValueError, TypeError) as error:
        raise UsageError(f"{name}: {error}") from None


def choice(name: str, value: str, allowed: Iterable[str]) -> str:
    """Return which of the allowed names is meant, hyphens and underscores being the same; else the nearest match."""
    from pellucid.validation import unknown_name_message

    names = {each.replace("_", "-"): each for each in allowed}
    wanted = value.strip().lower().replace("_", "-")
    if wanted in names:
        return names[wanted]
    raise UsageError(unknown_name_message(name, value, names))


def whole_numbers(name: str, text: str) -> tuple[int, ...]:
    """Return the numbers of a list such as 64,32; "none" is the empty list."""
    if text.strip().lower() == "none":
        return ()
    try:
        numbers = tuple(int(part) for part in text.split(","))
    except ValueError:
        numbers = (0,)
    if min(numbers) < 1:
        raise UsageError(f"{name} must be whole numbers above 0 with commas between, such as 64,32, not {text!r}.")
    return numbers


def fraction_or_rows(name: str, text: str) -> float | int:
    """Return 0.2 for "0.2" and 500 for "500"."""
    try:
        return int(text) if text.strip().lstrip("+-").isdigit() else float(text)
    except ValueError:
        raise UsageError(
            f"{name} must be a fraction of the rows such as 0.2, or a whole number of rows such as 500, not {text!r}."
        ) from None
