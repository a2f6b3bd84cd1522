"""Division of rows into training, validation and test parts: seeded, exact in size, and class by class."""

from __future__ import annotations

import math
import numbers

import numpy as np
import numpy.typing as npt

from pellucid.datasets.base import Part
from pellucid.streams import Purpose, Stream
from pellucid.typing import Array
from pellucid.validation import check_same_length

Indices = npt.NDArray[np.int64]

_PARTS = ("train", "validation", "test")


def split(
    x: object,
    y: object,
    validation: float | int = 0.2,
    test: float | int = 0.2,
    *,
    stratify: bool = True,
    seed: int = 0,
) -> tuple[Part, Part, Part]:
    """Divide rows into parts for training, validation and test.

    Every row falls into exactly one part; within a part the rows stand in a shuffled order, which the seed decides.

    Parameters
    ----------
    x : array (n, ...)
        The inputs, a row each. Text and numbers are divided alike.
    y : array (n,) or (n, outputs)
        The targets.
    validation, test : float or int
        The size of the part: a fraction of all n rows (0 <= fraction < 1, rounded, and at least one row if it is
        above 0), or a whole number of rows. 0 gives an empty part. At least one row must be left for training.
    stratify : bool
        Whether every part gets the same proportions of classes as the whole, and every class at least once. It
        concerns labels (whole numbers, booleans or text, one a row); floating targets are numbers to be
        predicted, not classes, and are always divided without it.
    seed : int
        Decides which rows go where.

    Returns
    -------
    train, validation, test : Part
        Copies of the rows, each unpacking into (x, y).

    Raises
    ------
    ValueError
        If no row would be left for training, or a class has too few rows to appear in every part.

    Notes
    -----
    The test part is taken first, the validation part from the rows that remain. Class c with n_c of n such rows has
    the quota n_c·m/n in a part of m rows. It gets the whole part of that, and the rows still missing go one each to
    the largest remainders (Hamilton's method), so a part has exactly m rows and a class is less than one row off its
    quota, unless it is so rare that it would be absent.

    Differs from scikit-learn's `train_test_split`: three parts at once, both fractions are of the whole, and
    stratified unless told otherwise.

    Examples
    --------
    >>> import numpy as np
    >>> train, validation, test = split(np.arange(10).reshape(10, 1), [0] * 5 + [1] * 5)
    >>> train.rows, validation.y.tolist(), test.y.tolist()
    (6, [1, 0], [1, 0])
    """
    rows, targets = np.asarray(x), np.asarray(y)
    for name, array in (("x", rows), ("y", targets)):
        if array.ndim == 0:
            raise ValueError(f"{name} must hold one entry a row, but it is the single value {array[()]!r}.")
    check_same_length(x=rows, y=targets)
    train, validating, testing = (
        Part(rows[chosen], targets[chosen])
        for chosen in split_indices(targets, validation, test, stratify=stratify, seed=seed)
    )
    return train, validating, testing


def split_indices(
    y: object,
    validation: float | int = 0.2,
    test: float | int = 0.2,
    *,
    stratify: bool = True,
    seed: int = 0,
) -> tuple[Indices, Indices, Indices]:
    """Return the row numbers of the three parts that `split` would make: what to use where x need not be copied."""
    targets = np.asarray(y)  # (n,) or (n, outputs)
    sizes = _sizes(len(targets), validation, test)
    order = Stream(seed, Purpose.SPLIT).permutation(len(targets))  # (n,)
    if stratify and targets.dtype.kind != "f":
        part = _stratified_parts(targets[order], sizes)  # (n,) in the order of `order`
    else:
        part = np.repeat([2, 1, 0], sizes[::-1])
    return order[part == 0], order[part == 1], order[part == 2]


def part_rows(name: str, size: object, rows: int) -> int:
    """Return the number of rows a part of the given size has: a fraction in [0, 1) of `rows`, or a whole number."""
    allowed = "a fraction of at least 0 and below 1, or a whole number of rows"
    if isinstance(size, bool | np.bool_) or not isinstance(size, numbers.Real):
        raise TypeError(f"{name} must be {allowed}, not {size!r} ({type(size).__name__}).")
    if isinstance(size, numbers.Integral):
        if size < 0:
            raise ValueError(f"{name} must be {allowed}, not {size}.")
        return int(size)
    fraction = float(size)
    if not 0 <= fraction < 1:
        raise ValueError(f"{name} must be {allowed}, not {fraction}.")
    return max(1, math.floor(fraction * rows + 0.5)) if fraction else 0


def _sizes(rows: int, validation: object, test: object) -> tuple[int, int, int]:
    validating, testing = part_rows("validation", validation, rows), part_rows("test", test, rows)
    training = rows - validating - testing
    if training < 1:
        raise ValueError(
            f"validation={validation} and test={test} take {validating:,} + {testing:,} of {rows:,} rows and leave "
            f"none for training: give smaller parts or more rows."
        )
    return training, validating, testing


def _stratified_parts(labels: Array, sizes: tuple[int, int, int]) -> npt.NDArray[np.int64]:
    """Return for each of the shuffled labels (n,) its part: 0 train, 1 validation, 2 test."""
    classes, codes = _classes(labels)
    counts = np.bincount(codes)  # (classes,)
    _check_stratifiable(classes, counts, sizes)
    _, validating, testing = sizes
    of_test = _apportion(counts, testing, kept=1 + (validating > 0))  # (classes,)
    of_validation = _apportion(counts - of_test, validating, kept=1)  # (classes,)
    rank = np.empty(len(codes), dtype=np.int64)  # (n,) the how-manieth of its class a row is
    rank[np.argsort(codes, kind="stable")] = np.arange(len(codes)) - np.repeat(np.cumsum(counts) - counts, counts)
    tested, validated = of_test[codes], of_validation[codes]  # (n,) each
    return np.where(rank < tested, 2, np.where(rank < tested + validated, 1, 0))


def _classes(labels: Array) -> tuple[Array, npt.NDArray[np.int64]]:
    """Return the classes (classes,) and for each label the number of its class (n,)."""
    if labels.ndim != 1:
        raise ValueError(
            f"Stratifying needs one label a row, but y has the shape {labels.shape}: give the labels themselves, "
            f"or pass stratify=False."
        )
    try:
        classes, codes = np.unique(labels, return_inverse=True)
    except TypeError:
        kinds = sorted({type(label).__name__ for label in labels.tolist()})
        raise TypeError(
            f"y mixes values that have no order ({', '.join(kinds)}): give labels of one kind, or pass stratify=False."
        ) from None
    return classes, codes.astype(np.int64, copy=False)


def _check_stratifiable(classes: Array, counts: Array, sizes: tuple[int, int, int]) -> None:
    filled = {name: size for name, size in zip(_PARTS, sizes, strict=True) if size}
    rarest = int(np.argmin(counts))
    if counts[rarest] < len(filled):
        plural = "" if counts[rarest] == 1 else "s"
        raise ValueError(
            f"Class {classes.tolist()[rarest]!r} has {counts[rarest]} row{plural}, but each of the {len(filled)} parts "
            f"({', '.join(filled)}) needs one of it: add rows, make fewer parts, or pass stratify=False."
        )
    smallest = min(filled, key=lambda name: filled[name])
    if filled[smallest] < len(classes):
        raise ValueError(
            f"The {smallest} part of {filled[smallest]} rows has no room for all {len(classes)} classes: "
            f"make it larger, or pass stratify=False."
        )


def _apportion(counts: npt.NDArray[np.int64], size: int, kept: int) -> npt.NDArray[np.int64]:
    """Share `size` rows out to classes of `counts` rows (classes,), by the largest remainder.

    Each class gets at least one and keeps at least `kept` for the parts that follow. In whole numbers throughout:
    a remainder that two classes share must not be decided by rounding; the lower class has it.
    """
    if size == 0:
        return np.zeros_like(counts)
    total = int(counts.sum())
    most = counts - kept
    given = np.clip(counts * size // total, 1, most)  # (classes,)
    missing = size - int(given.sum())
    for _ in range(abs(missing)):
        remainder = counts * size - given * total  # (classes,) the quota still owed, times n
        if missing > 0:
            given[np.argmax(np.where(given < most, remainder, -(total**2) - 1))] += 1
        else:
            given[np.argmin(np.where(given > 1, remainder, total**2 + 1))] -= 1
    return given
