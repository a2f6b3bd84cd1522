"""Keeping what is finished: a file for each configuration, so that a sweep goes on where it was cut off.

A file's name is a hash of all that decides the numbers in it, as far as it can be seen: the parameters, the code of
`make_trainer`, the data, the epochs and the version of Pellucid. What `make_trainer` takes from elsewhere (functions
that it calls, variables around it) cannot be seen: where that has changed, take another directory.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import numpy as np

from pellucid.storage.atomic import write_atomically
from pellucid.storage.digests import array_digest

_PLAIN = (str, int, float, bool, type(None))
_CHARACTERS = 24  # of the hash, in hexadecimal: 96 bits


def described(value: Any) -> Any:
    """A value as plain data for JSON, the same for equal values in every run.

    Raises
    ------
    TypeError
        If it has no such form.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, list | tuple | range):
        return [described(item) for item in value]
    if isinstance(value, Mapping):
        return {str(name): described(item) for name, item in sorted(value.items(), key=lambda pair: str(pair[0]))}
    if isinstance(value, np.ndarray):
        return {"array": digest_of_array(value)}
    if isinstance(value, type):
        return f"{value.__module__}.{value.__qualname__}"
    if dataclasses.is_dataclass(value):
        fields = {part.name: described(getattr(value, part.name)) for part in dataclasses.fields(value)}
        return {"type": type(value).__qualname__, **fields}
    if isinstance(value, FunctionType):
        return {"function": value.__qualname__, "code": _digest(*_code(value.__code__), *_bound(value))}
    if isinstance(value, functools.partial):
        return {"function": described(value.func), "arguments": described([value.args, value.keywords])}
    raise TypeError(f"{value!r:.60} ({type(value).__name__}) cannot be written down as plain data.")


def _code(code: CodeType) -> list[str]:
    """What a function does, without where it stands: moving it to another line changes nothing."""
    parts = [code.co_code.hex(), repr(code.co_names), repr(code.co_varnames)]
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            parts += _code(constant)
        else:  # the order of a set's values differs from run to run
            parts.append(repr(sorted(map(repr, constant))) if isinstance(constant, frozenset) else repr(constant))
    return parts


def _bound(function: Any) -> list[str]:
    """The plain values that a function has as defaults and from around it."""
    values = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
    for cell in function.__closure__ or ():
        with contextlib.suppress(ValueError):  # a name that has no value yet
            values.append(cell.cell_contents)
    return [repr(value) if isinstance(value, _PLAIN) else type(value).__name__ for value in values]


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode(errors="surrogatepass")).hexdigest()


def digest_of_array(value: Any) -> str:
    """SHA-256 of an array's dtype, shape and numbers; of what is no array of numbers, of its text."""
    array = np.asarray(value)
    if array.dtype.hasobject:
        return _digest(repr(array.shape), repr(array.tolist()))
    return array_digest(array)


class Keeper:
    """The files of a sweep in a directory, which is made if it is not there.

    Parameters
    ----------
    directory : path
        Where they are; several sweeps may share it.
    everything : list
        What decides the numbers besides the parameters, as plain data.
    """

    def __init__(self, directory: Any, everything: list[Any]) -> None:
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self._everything = everything

    def path(self, index: int, parameters: Mapping[str, Any]) -> Path:
        """The file of a configuration."""
        try:
            plain = described(parameters)
        except TypeError as error:
            raise TypeError(
                f"configurations[{index}] cannot be kept in a directory: {error} Give a name or a number instead, and "
                f"let make_trainer look the value up."
            ) from None
        text = json.dumps([self._everything, plain], sort_keys=True)
        return self.directory / f"{_digest(text)[:_CHARACTERS]}.json"

    def read(self, path: Path) -> Any:
        """What is in a file as plain data; None if it is not there."""
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except ValueError:
            raise ValueError(f"{path} is damaged: delete it, and its configuration is trained again.") from None

    def write(self, path: Path, data: Mapping[str, Any]) -> None:
        """Write a file; it is there whole or not at all."""
        write_atomically(path, [json.dumps(data, indent=1).encode()])
