"""What every loader answers: a `Dataset` of up to three `DatasetPart`s.

Contract. A part is rows of one kind, `x` (n, features) and `y` (n,), and unpacks into its two arrays, so that
`trainer.fit(*dataset.train)` reads well (its `len` is therefore 2: ask `part.rows` for the number of rows).
`train` has rows; `validation` and `test` are empty where no row was set aside, and then not among `parts`. All parts
have the same features. `y` holds whole numbers from 0 for classes, whose names stand in `classes` in the same order, or
floating numbers for regression, and then `classes` is empty. Values are as they were measured: scaling is the network's
work (`Standardize`), so that what was trained can be given raw data later.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from pellucid.typing import Array
from pellucid.validation import check_same_length, counted


class DatasetPart(NamedTuple):
    """Rows of a data set that belong together: inputs `x` (n, features) and targets `y` (n,)."""

    x: Array
    y: Array

    @property
    def rows(self) -> int:
        """The number of rows, n."""
        return len(self.x)


_NO_ROWS = DatasetPart(np.empty((0, 0)), np.empty(0))


@dataclass(frozen=True, repr=False, eq=False)
class Dataset:
    """A data set, divided into parts for training, validation and test, and what there is to say about it.

    Parameters
    ----------
    name : str
        Its name, as `pellucid.datasets.load` knows it.
    train : DatasetPart
        The rows to learn from.
    validation, test : DatasetPart
        The rows to choose by, and the rows to report on; empty where there are none.
    classes : tuple of str
        The names of the classes in the order of the labels; empty for regression.
    feature_names : tuple of str
        The names of the columns of x, or empty.
    image_shape : tuple of int, optional
        Height and width of the image that a row of x is, row by row.
    description : str
        What it is, its source and its licence.

    Examples
    --------
    >>> from pellucid.datasets import load_digits
    >>> load_digits()
    Dataset('digits': 64 features, 10 classes; train 1,079, validation 359, test 359 rows)
    """

    name: str
    train: DatasetPart
    validation: DatasetPart = _NO_ROWS
    test: DatasetPart = _NO_ROWS
    classes: tuple[str, ...] = ()
    feature_names: tuple[str, ...] = ()
    image_shape: tuple[int, int] | None = None
    description: str = ""

    def __post_init__(self) -> None:
        """Check that the parts fit each other and what is said about them."""
        shape = self.train.x.shape[1:]
        for name, part in self.parts.items():
            check_same_length(**{f"{name}.x": part.x, f"{name}.y": part.y})
            if part.x.shape[1:] != shape:
                raise ValueError(
                    f"The {name} part of {self.name!r} has rows of shape {part.x.shape[1:]}, but the train part has "
                    f"rows of shape {shape}: all parts must have the same features."
                )
        self._check_size("feature_names", len(self.feature_names) if self.feature_names else None)
        self._check_size("image_shape", math.prod(self.image_shape) if self.image_shape else None)

    def _check_size(self, what: str, size: int | None) -> None:
        if size is not None and size != self.features:
            raise ValueError(
                f"{what} of {self.name!r} stands for {counted(size, 'feature')}, but x has {self.features}."
            )

    @property
    def parts(self) -> dict[str, DatasetPart]:
        """The parts that have rows, by name, in the order train, validation, test."""
        others = {"validation": self.validation, "test": self.test}
        return {"train": self.train, **{name: part for name, part in others.items() if part.rows}}

    @property
    def x(self) -> Array:
        """The inputs of all parts, one below the other; a copy where there are several parts."""
        return self._all([part.x for part in self.parts.values()])

    @property
    def y(self) -> Array:
        """The targets of all parts, in the order of `x`."""
        return self._all([part.y for part in self.parts.values()])

    @staticmethod
    def _all(arrays: list[Array]) -> Array:
        return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)

    @property
    def rows(self) -> dict[str, int]:
        """The number of rows of each part there is."""
        return {name: part.rows for name, part in self.parts.items()}

    @property
    def features(self) -> int:
        """The number of features of a row."""
        return math.prod(self.train.x.shape[1:])

    @property
    def value_range(self) -> tuple[float, float]:
        """The smallest and the largest value of x in all parts."""
        filled = [part.x for part in self.parts.values() if part.x.size]
        return float(min(x.min() for x in filled)), float(max(x.max() for x in filled))

    @property
    def class_counts(self) -> dict[str, int]:
        """How many rows of all parts each class has; empty for regression."""
        if not self.classes:
            return {}
        counts = sum(np.bincount(part.y, minlength=len(self.classes)) for part in self.parts.values())  # (classes,)
        return dict(zip(self.classes, np.asarray(counts).tolist(), strict=True))

    def summary(self) -> str:
        """Tell the data set in a few lines: its parts, features, values and classes, its source and licence."""
        low, high = self.value_range
        image = f", images of {self.image_shape[0]} x {self.image_shape[1]}" if self.image_shape else ""
        lines = [f"{self.name}: {counted(sum(self.rows.values()), 'row')}"]
        lines += [f"  {name:<11}{rows:>7,} row{'' if rows == 1 else 's'}" for name, rows in self.rows.items()]
        lines += [f"  {'features':<11}{self.features:>7,}{image}"]
        lines += [f"  {'values':<11}{f'{low:g}':>7} to {high:g}, {self.train.x.dtype}"]
        if self.classes:
            counts = ", ".join(f"{name} ({count:,})" for name, count in self.class_counts.items())
            lines += [f"  {'classes':<11}{len(self.classes):>7}: {counts}"]
        return "\n".join([*lines, self.description] if self.description else lines)

    def __repr__(self) -> str:
        """Return one line: name, features, classes and the rows of each part."""
        kind = f"{len(self.classes)} classes" if self.classes else "regression"
        rows = ", ".join(f"{name} {count:,}" for name, count in self.rows.items())
        return f"Dataset({self.name!r}: {counted(self.features, 'feature')}, {kind}; {rows} rows)"
