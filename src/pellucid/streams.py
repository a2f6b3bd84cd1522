"""Random numbers as pure functions of (seed, stream, counter): Philox 4x32-10.

A counter-based generator has no state to lose. The same seed, stream and counter give the same numbers on any
machine, in any order, in either engine: the shuffle of epoch 7 needs no shuffle of epochs 0 to 6, so a run that is
resumed, or split over threads, draws exactly what the uninterrupted run would have drawn.

The 128-bit counter of a block of four 32-bit words is

    word 0: number of the block      words 1 and 2: counter, low and high      word 3: purpose << 24 | index

and the 64-bit key is the seed. Source: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3",
SC 2011, section 3.3 (Philox) and the known-answer tests of their Random123.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from pellucid.typing import Array, Floats
from pellucid.validation import check_seed

_MULTIPLIER_0 = np.uint64(0xD2511F53)
_MULTIPLIER_1 = np.uint64(0xCD9E8D57)
_WEYL_0 = 0x9E3779B9  # the golden ratio
_WEYL_1 = 0xBB67AE85  # sqrt(3) - 1
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_ROUNDS = 10


class Purpose(IntEnum):
    """What a stream is for. Numbers drawn for one purpose never meet those of another."""

    INITIALIZE = 0  # index: the layer; counter: the parameter's place in the layer
    SHUFFLE = 1  # counter: the epoch
    LAYER = 2  # index: the layer; counter: the step
    SPLIT = 3
    DATA = 4  # index: 0 toy models, 1 rows of a file that are held out (counter 1: a sample of the others),
    # 2 its order (counter: epoch and piece), 3 on samples of columns
    AUGMENT = 5  # index: the transform; counter: the epoch
    SAMPLE = 6  # index: the parameter of a sweep
    ADAPT = 7  # index: the layer; counter: 0 for the choice of rows, then the parameter's place in the layer + 1


def philox(counter: Array, key: tuple[int, int]) -> Array:
    """Philox 4x32-10: counter (4, n) of 32-bit words in uint64 -> random words (4, n) in uint64."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(_ROUNDS):
        product_0 = c0 * _MULTIPLIER_0  # (n,), 64 bits: high and low word
        product_1 = c2 * _MULTIPLIER_1
        c0, c1, c2, c3 = (
            (product_1 >> _HALF) ^ c1 ^ np.uint64(k0),
            product_1 & _LOW,
            (product_0 >> _HALF) ^ c3 ^ np.uint64(k1),
            product_0 & _LOW,
        )
        k0 = (k0 + _WEYL_0) & 0xFFFFFFFF
        k1 = (k1 + _WEYL_1) & 0xFFFFFFFF
    return np.stack([c0, c1, c2, c3])


@dataclass(frozen=True)
class Stream:
    """One stream of random numbers.

    Each method starts at the stream's beginning: a stream is a value, and asking twice gives the same numbers.
    Use another `counter` (or `Stream.at`) for other numbers.

    Parameters
    ----------
    seed : int
        0 to 2**64 - 1.
    purpose : Purpose
        What the numbers are for.
    index : int
        Which layer (or other part) they are for, 0 to 2**24 - 1.
    counter : int
        Which step or epoch they are for, 0 to 2**64 - 1.

    Examples
    --------
    >>> Stream(seed=0, purpose=Purpose.SHUFFLE, counter=3).permutation(6)
    array([1, 4, 0, 2, 3, 5])
    """

    seed: int
    purpose: Purpose
    index: int = 0
    counter: int = 0

    def __post_init__(self) -> None:
        check_seed(self.seed)

    def at(self, counter: int) -> Stream:
        """The same stream at another counter."""
        return Stream(self.seed, self.purpose, self.index, counter)

    def words(self, shape: int | tuple[int, ...], *, first_row: int = 0) -> npt.NDArray[np.uint32]:
        """Uniform 32-bit words. Every row (the last axis) starts a new block of four, so that a row's words do not
        depend on how many rows there are; `first_row` is how many rows are left out in front.
        """
        shape = (shape,) if isinstance(shape, int) else tuple(shape)
        rows, columns = math.prod(shape[:-1]), shape[-1]
        blocks_per_row = -(-columns // 4)
        first = first_row * blocks_per_row
        blocks = np.arange(first, first + rows * blocks_per_row, dtype=np.uint64)
        counter = np.empty((4, blocks.size), dtype=np.uint64)
        counter[0] = blocks & _LOW
        counter[1] = self.counter & 0xFFFFFFFF
        counter[2] = (self.counter >> 32) & 0xFFFFFFFF
        counter[3] = int(self.purpose) << 24 | self.index
        words = philox(counter, (self.seed & 0xFFFFFFFF, self.seed >> 32))  # (4, blocks)
        return words.T.reshape(rows, 4 * blocks_per_row)[:, :columns].astype(np.uint32).reshape(shape)

    def uniform(
        self, shape: int | tuple[int, ...], low: float = 0.0, high: float = 1.0, *, first_row: int = 0
    ) -> Floats:
        """Numbers uniform in (low, high): low + (high - low)·(word + ½)/2³², rows as for `words`."""
        return low + (high - low) * ((self.words(shape, first_row=first_row) + 0.5) * 2.0**-32)

    def normal(self, shape: int | tuple[int, ...], mean: float = 0.0, scale: float = 1.0) -> Floats:
        """Normal numbers by Box and Muller: √(−2 ln u₁)·cos(2π u₂) and √(−2 ln u₁)·sin(2π u₂)."""
        shape = (shape,) if isinstance(shape, int) else tuple(shape)
        count = math.prod(shape)
        pairs = -(-count // 2)
        uniform = self.uniform((pairs, 2))  # (pairs, 2)
        radius = np.sqrt(-2.0 * np.log(uniform[:, 0]))
        angle = 2.0 * np.pi * uniform[:, 1]
        both = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)  # (pairs, 2)
        return mean + scale * both.reshape(-1)[:count].reshape(shape)

    def permutation(self, count: int) -> npt.NDArray[np.int64]:
        """A random order of 0 … count − 1: the stable sorting order of `count` random words."""
        return np.argsort(self.words(count), kind="stable").astype(np.int64, copy=False)
