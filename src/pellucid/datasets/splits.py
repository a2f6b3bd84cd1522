"""Division of rows into training, validation and test parts: seeded, exact in size, and class by class."""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from pellucid.datasets.dataset import DatasetPart
from pellucid.streams import Purpose, Stream
from pellucid.typing import Array
from pellucid.validation import check_integer, check_same_length, counted

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
) -> tuple[DatasetPart, DatasetPart, DatasetPart]:
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
    train, validation, test : DatasetPart
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
    (6, [1, 0], [0, 1])

    60 % to train, 20 % to choose by, 20 % to report on, which is what it does unless told otherwise:

    >>> [part.rows for part in split(np.zeros((1000, 2)), np.arange(1000) % 3, validation=0.2, test=0.2)]
    [600, 200, 200]
    """
    rows, targets = _rows_and_targets(x, y)
    train, validating, testing = (
        DatasetPart(rows[chosen], targets[chosen])
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
        again = Stream(seed, Purpose.SPLIT, counter=1).permutation(len(targets))  # (n,)
        order, part = order[again], part[again]  # or a part would begin with the classes whose quota was filled first
    else:
        part = np.repeat([2, 1, 0], sizes[::-1])
    return order[part == 0], order[part == 1], order[part == 2]


def k_fold(
    x: object, y: object, folds: int = 5, *, stratify: bool = True, seed: int = 0
) -> Iterator[tuple[DatasetPart, DatasetPart]]:
    """Divide rows into k parts, each of which is once the validation part for a training on all others.

    The validation parts are disjoint and together all rows; their sizes differ by one row at most, and so do, if
    stratified, the numbers of rows of each class in them.

    Parameters
    ----------
    x : array (n, ...)
        The inputs, a row each.
    y : array (n,) or (n, outputs)
        The targets.
    folds : int
        k, 2 to n. With n each row is left out once.
    stratify : bool
        Whether each part gets the same proportions of classes; as for `split`, floating targets never do.
    seed : int
        Decides which rows go where.

    Yields
    ------
    train, validation : DatasetPart
        Copies of the rows in a shuffled order. `k_fold_indices` gives the row numbers alone.

    Raises
    ------
    ValueError
        If there are fewer rows than folds, or a class has fewer (and `stratify` is asked for).

    Examples
    --------
    >>> import numpy as np
    >>> x, y = np.arange(7).reshape(7, 1), [0, 0, 0, 0, 1, 1, 1]
    >>> for train, validation in k_fold(x, y, folds=3):
    ...     print(sorted(train.x[:, 0].tolist()), sorted(validation.x[:, 0].tolist()))
    [0, 1, 4, 6] [2, 3, 5]
    [0, 2, 3, 5, 6] [1, 4]
    [1, 2, 3, 4, 5] [0, 6]
    """
    rows, targets = _rows_and_targets(x, y)
    divisions = k_fold_indices(targets, folds, stratify=stratify, seed=seed)  # before the first yield: checks at once
    return (
        (DatasetPart(rows[training], targets[training]), DatasetPart(rows[validating], targets[validating]))
        for training, validating in divisions
    )


def k_fold_indices(y: object, folds: int = 5, *, stratify: bool = True, seed: int = 0) -> list[tuple[Indices, Indices]]:
    """Return the row numbers (train, validation) of each division that `k_fold` would make.

    The shuffled rows are dealt out like cards, one to each fold in turn: class by class, if stratified, each class
    going on with the fold after the last one.
    """
    targets = np.asarray(y)  # (n,) or (n, outputs)
    check_integer("folds", folds, minimum=2)
    if folds > len(targets):
        raise ValueError(
            f"folds is {folds}, but there are only {counted(len(targets), 'row')}: use at most this many folds."
        )
    order = Stream(seed, Purpose.SPLIT).permutation(len(targets))  # (n,)
    place = np.arange(len(targets))  # (n,) the how-manieth card each of the shuffled rows is
    if stratify and targets.dtype.kind != "f":
        classes, codes = _classes(targets[order])
        _check_folds(classes, np.bincount(codes), folds)
        place[np.argsort(codes, kind="stable")] = np.arange(len(codes))
    fold = place % folds
    return [(order[fold != number], order[fold == number]) for number in range(folds)]


def legacy_split_indices(rows: int, test: float, random_state: int) -> tuple[Indices, Indices]:
    """Return the row numbers (train, test) of scikit-learn's train_test_split(test_size=, random_state=).

    For the results of others that were told with it. Nothing is stratified.
    """
    # The stream of the old RandomState is frozen by NumPy's policy (NEP 19), so these rows will never change.
    order = np.random.RandomState(random_state).permutation(rows).astype(np.int64)
    tested = math.ceil(test * rows)
    return order[tested:], order[:tested]


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


def _rows_and_targets(x: object, y: object) -> tuple[Array, Array]:
    rows, targets = np.asarray(x), np.asarray(y)
    for name, array in (("x", rows), ("y", targets)):
        if array.ndim == 0:
            raise ValueError(f"{name} must hold one entry a row, but it is the single value {array[()]!r}.")
    check_same_length(x=rows, y=targets)
    return rows, targets


def _check_folds(classes: Array, counts: Array, folds: int) -> None:
    rarest = int(np.argmin(counts))
    if counts[rarest] < folds:
        plural = "" if counts[rarest] == 1 else "s"
        raise ValueError(
            f"Class {classes.tolist()[rarest]!r} has {counts[rarest]} row{plural}, but each of the {folds} folds needs "
            f"one of it: add rows, make fewer folds, or pass stratify=False."
        )


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
