"""The images of the second tab: loaded when they are asked for, shared by all sessions that look at them, gone with
the last.

Contract: an `Images` is never changed.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import cached_property
from weakref import WeakValueDictionary

import numpy as np

from pellucid import datasets
from pellucid.datasets.images import is_there
from pellucid.playground.drawing import DIGITS, MNIST, ImageStyle
from pellucid.playground.state import Refused
from pellucid.typing import Array, Floats
from pellucid.validation import check_choice

NAMES = ("digits", "mnist")
_COMPARED = 5000  # training images among which the nearest are looked for
_loaded: WeakValueDictionary[str, Images] = WeakValueDictionary()
_loading = threading.Lock()


@dataclass(frozen=True, eq=False)
class Images:
    """A data set of digits.

    Parameters
    ----------
    name : str
        "digits" or "mnist".
    manner : Manner
        How its images were made.
    train, test : (x, y)
        Rows of pixels, and classes.
    """

    name: str
    manner: ImageStyle
    train: tuple[Array, Array]
    test: tuple[Array, Array]

    @cached_property
    def _compared(self) -> tuple[Floats, Floats]:
        """The images that drawings are compared with, (n, d), and the square of each one's length, (n,)."""
        x = self.train[0][:_COMPARED].astype(np.float32)
        return x, np.square(x).sum(axis=1)

    def nearest(self, row: Floats, count: int) -> tuple[Array, Floats]:
        """The places and distances of the training images most like a row (d,): ‖x − r‖² = ‖x‖² − 2x·r + ‖r‖²."""
        x, squares = self._compared
        r = row.astype(np.float32)
        squared = np.maximum(squares - 2 * (x @ r) + r @ r, 0)  # (n,)
        places = np.argsort(squared, kind="stable")[:count]
        return places, np.sqrt(squared[places]) / self.manner.highest

    def bytes(self, x: Array) -> Array:
        """Pixels as 0 … 255, uint8."""
        return np.clip(np.rint(np.asarray(x, dtype=np.float64) * (255 / self.manner.highest)), 0, 255).astype(np.uint8)


def images_of(name: str) -> Images:
    """The images of that name.

    Raises
    ------
    Refused
        If they are not on this machine: nothing is downloaded.
    """
    try:
        check_choice("data", name, NAMES)
    except ValueError as error:
        raise Refused(str(error)) from None
    with _loading:
        found = _loaded.get(name)
        if found is None:
            reason = available()[name]
            if reason:
                raise Refused(reason)
            found = _load(name)
            _loaded[name] = found
        return found


def available() -> dict[str, str]:
    """Each data set, and why it is not there: "" if it is."""
    missing = "MNIST is not on this machine: pellucid.datasets.load_mnist() downloads it once."
    return {"digits": "", "mnist": "" if is_there("mnist") else missing}


def _load(name: str) -> Images:
    digits = name == "digits"
    data = datasets.load_digits(validation=0) if digits else datasets.load_mnist(validation=0, download=False)
    return Images(name, DIGITS if digits else MNIST, data.train, data.test)
