"""Checks of what users give, and the words that answer them.

Contract: every function returns the checked (and converted) value, or raises `ValueError` or `TypeError` with a
message that says what was received, what is allowed, and, where there is one, the nearest match.
"""

from __future__ import annotations

import difflib
import math
import numbers
import sys
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np

from pellucid.foreign import MISPLACED, value_here
from pellucid.typing import Array

_SMALL = 2**16  # numbers
_ROWS_PER_CHECK = 4096  # NaN is looked for in slices of this many rows: no copy of the whole data is ever made


def check_choice(name: str, value: object, allowed: Iterable[str]) -> str:
    """Return `value` if it is one of the `allowed` strings; otherwise raise and offer the nearest match."""
    options = list(allowed)
    if isinstance(value, str) and value in options:
        return value
    raise ValueError(unknown_name_message(name, value, options))


def unknown_name_message(name: str, value: object, options: Iterable[str]) -> str:
    """The message for a name that does not exist: what was received, the nearest match, what is allowed."""
    options = sorted(options)
    if isinstance(value, type):
        return f"{name} must be an object or a name, not the class {value.__name__}: write {value.__name__}(…)."
    plain = {option.lower().replace("-", "_"): option for option in options}
    near = difflib.get_close_matches(str(value).lower().replace("-", "_"), plain, n=1, cutoff=0.5)
    if here := value_here(value, options):
        guess = f" It is called {here!r} here."
    else:
        guess = f" Did you mean {plain[near[0]]!r}?" if near else MISPLACED.get(name, "")
    return f"{name} {value!r} is unknown.{guess} Allowed: {', '.join(options)}."


def counted(count: int, noun: str, plural: str = "") -> str:
    """A number of things: "1 row", "2,000 rows", "2 classes".

    Examples
    --------
    >>> counted(1, "row"), counted(2000, "class"), counted(3, "category", "categories")
    ('1 row', '2,000 classes', '3 categories')
    """
    several = plural or f"{noun}{'es' if noun.endswith('s') else 's'}"
    return f"{count:,} {noun if count == 1 else several}"


def check_number(
    name: str,
    value: object,
    *,
    minimum: float = -math.inf,
    maximum: float = math.inf,
    above: float | None = None,
    below: float | None = None,
) -> float:
    """Return `value` as a float within minimum <= value <= maximum and above < value < below."""
    low = f"above {above:g}" if above is not None else f"of at least {minimum:g}" if minimum > -math.inf else ""
    high = f"below {below:g}" if below is not None else f"at most {maximum:g}" if maximum < math.inf else ""
    bounds = " and ".join(part for part in (low, high) if part)
    allowed = f"a number {bounds}" if bounds else "a finite number"
    if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be {allowed}, not {value!r} ({type(value).__name__}).")
    number = float(value)
    inside = minimum <= number <= maximum
    inside = inside and (above is None or number > above) and (below is None or number < below)
    if not inside or not math.isfinite(number):
        raise ValueError(f"{name} must be {allowed}, not {value!r}.")
    return number


def check_integer(name: str, value: object, *, minimum: int = 0, maximum: int | None = None) -> int:
    """Return `value` as an int within minimum <= value <= maximum."""
    allowed = f"of at least {minimum}" + ("" if maximum is None else f" and at most {maximum}")
    if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} must be a whole number {allowed}, not {value!r} ({type(value).__name__}).")
    number = int(value)
    if number < minimum or (maximum is not None and number > maximum):
        raise ValueError(f"{name} must be a whole number {allowed}, not {number}.")
    return number


def coerce_number_field(part: object, field: str, **limits: Any) -> None:
    """Check a number that is a field of a frozen dataclass, and keep it as a plain float (NumPy's numbers have a
    precision of their own, which would spread into all computation).
    """
    object.__setattr__(part, field, check_number(field, getattr(part, field), **limits))


def coerce_integer_field(part: object, field: str, **limits: Any) -> None:
    """Check a whole number that is a field of a frozen dataclass, and keep it as a plain int."""
    object.__setattr__(part, field, check_integer(field, getattr(part, field), **limits))


def check_array(value: object, name: str = "x") -> Array:
    """Return `value` as an array of numbers, uncopied where it is one already.

    Booleans and integers stay as they are (engines convert batch by batch), float16 becomes float32.

    Raises
    ------
    TypeError
        For text, objects and complex numbers.
    """
    try:
        array = np.asarray(value)
    except ValueError:
        raise ValueError(f"{name} must have rows of equal length, but its rows differ in length.") from None
    if array.dtype.kind not in "buif":
        odd = next((item for item in array.ravel().tolist() if not isinstance(item, numbers.Real)), None)
        example = f", for example {odd!r:.40}" if array.size else ""
        hint = f" Turn labels into numbers: numpy.unique({name}, return_inverse=True)[1]." if name == "y" else ""
        raise TypeError(f"{name} must hold numbers, but its dtype is {array.dtype}{example}.{hint}")
    if array.dtype.itemsize == 2 and array.dtype.kind == "f":
        return array.astype(np.float32)
    if array.dtype.kind == "f" and array.dtype.itemsize > 8:
        return array.astype(np.float64)
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def check_inputs(
    value: object, name: str = "x", input_shape: tuple[int, ...] | None = None, *, scanned: bool = False
) -> Array:
    """Return inputs as an array (n, *input_shape) of finite numbers; `scanned` ones are known to be finite.

    Raises
    ------
    ValueError
        If there is no row, the shape does not fit `input_shape`, or a number is NaN or infinite
        (the message names its row and column).
    """
    array = check_array(value, name)
    if array.ndim < 2:
        feature, row = f"one feature, use {name}.reshape(-1, 1)", f"one row of features, use {name}.reshape(1, -1)"
        hint = f"{feature}; if it is {row}" if input_shape is None else feature if input_shape == (1,) else row
        raise ValueError(
            f"{name} must have two dimensions (rows, features), but its shape is {array.shape}. If it is {hint}."
        )
    if array.shape[0] == 0:
        raise ValueError(f"{name} is empty: its shape is {array.shape}, and at least one row is needed.")
    if 0 in array.shape:
        raise ValueError(f"{name} has no features: its shape is {array.shape}.")
    if input_shape is not None and array.shape[1:] != tuple(input_shape):
        raise ValueError(
            f"{name} has rows of shape {array.shape[1:]}, but the network was built for rows of shape "
            f"{tuple(input_shape)}."
        )
    if not scanned:
        check_finite(array, name)
    return array


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn in the name of the first caller outside of this package, however deep the call is."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "pellucid":
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def check_finite(array: Array, name: str) -> None:
    """Raise if a number of `array` is NaN or infinite, naming the first one's row and column."""
    if surely_finite(array):
        return
    for start in range(0, len(array), _ROWS_PER_CHECK):
        part = array[start : start + _ROWS_PER_CHECK]
        finite = np.isfinite(part)
        if finite.all():
            continue
        place = tuple(int(i) for i in np.argwhere(~finite)[0])
        row = start + place[0]
        where = f"row {row}" + (f", column {', '.join(map(str, place[1:]))}" if len(place) > 1 else "")
        raise ValueError(
            f"{name} holds {part[place]} at {where}: every number must be finite. Replace it, or leave its row out."
        )


def surely_finite(array: Array) -> bool:
    """Whether a quick look shows that every number of `array` is finite; where it does not, one may yet be large."""
    if array.dtype.kind != "f":
        return True
    if array.size <= _SMALL:
        return bool(np.logical_and.reduce(np.isfinite(array), axis=None))
    if not array.flags.c_contiguous:
        return False
    flat = array.reshape(-1)
    with np.errstate(over="ignore", invalid="ignore"):
        return math.isfinite(np.dot(flat, flat))  # one pass without a copy


def check_same_length(**arrays: Array | None) -> None:
    """Raise if the given arrays do not have the same number of rows."""
    lengths = {name: len(array) for name, array in arrays.items() if array is not None}
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{name} has {count}" for name, count in lengths.items())
        raise ValueError(f"The numbers of rows differ: {found}. Every row of x needs its own target.")


def check_sample_weight(value: object, rows: int, name: str = "sample_weight") -> Array | None:
    """Return one weight of at least 0 a row as float64 (n,), or None."""
    if value is None:
        return None
    weight = check_array(value, name).astype(np.float64)
    if weight.shape != (rows,):
        raise ValueError(f"{name} must have the shape ({rows},), one weight a row, not {weight.shape}.")
    check_finite(weight, name)
    if (weight < 0).any():
        row = int(np.argmax(weight < 0))
        raise ValueError(f"{name} holds {weight[row]} at row {row}: weights must be at least 0.")
    if not weight.any():
        raise ValueError(f"{name} is 0 everywhere: no row would count.")
    return weight


def check_seed(seed: object) -> int:
    """Return a seed: a whole number from 0 to 2**64 - 1."""
    return check_integer("seed", seed, minimum=0, maximum=2**64 - 1)
