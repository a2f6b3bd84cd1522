"""Random streams: the known answers of Random123, and the statistics of what is drawn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from scipy import stats

from pellucid.streams import Purpose, Stream, philox

KNOWN_ANSWERS = [  # Random123's kat_vectors, philox4x32 with 10 rounds: counter, key, result
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]
STREAM = Stream(0, Purpose.DATA)


def words(text: str) -> list[int]:
    return [int(word, 16) for word in text.split()]


@pytest.mark.parametrize(("counter", "key", "expected"), KNOWN_ANSWERS)
def test_known_answers(counter: str, key: str, expected: str) -> None:
    low, high = words(key)
    answer = philox(np.array(words(counter), dtype=np.uint64)[:, None], (low, high))
    assert answer[:, 0].tolist() == words(expected)


def test_many_blocks_at_once_are_the_blocks_one_by_one() -> None:
    counters = np.random.default_rng(0).integers(0, 2**32, size=(4, 50), dtype=np.uint64)
    together = philox(counters, (1, 2))
    for block in range(50):
        np.testing.assert_array_equal(philox(counters[:, block : block + 1], (1, 2))[:, 0], together[:, block])


def test_the_layout_of_counter_and_key() -> None:
    """Words: number of the block; counter low and high; purpose and index. The native engine must do the same."""
    stream = Stream(0x299F31D0A4093822, Purpose.LAYER, index=0x123456, counter=0xAAAABBBBCCCCDDDD)
    counter = np.array([[0, 1], [0xCCCCDDDD] * 2, [0xAAAABBBB] * 2, [0x02123456] * 2], dtype=np.uint64)
    expected = philox(counter, (0xA4093822, 0x299F31D0))  # (4, 2)
    assert stream.words(8).tolist() == expected.T.reshape(-1).tolist()


@given(rows=some.integers(1, 20), columns=some.integers(1, 13), seed=some.integers(0, 2**64 - 1))
def test_a_rows_words_do_not_depend_on_the_other_rows(rows: int, columns: int, seed: int) -> None:
    stream = Stream(seed, Purpose.LAYER, index=2, counter=7)
    np.testing.assert_array_equal(stream.words((rows + 5, columns))[:rows], stream.words((rows, columns)))


def test_a_stream_is_a_value() -> None:
    np.testing.assert_array_equal(STREAM.words(10), STREAM.words(10))
    assert STREAM.at(3) == Stream(0, Purpose.DATA, counter=3)


def test_streams_differ_by_each_of_their_coordinates() -> None:
    streams = [
        STREAM,
        Stream(1, Purpose.DATA),
        Stream(2**32, Purpose.DATA),
        Stream(0, Purpose.SPLIT),
        Stream(0, Purpose.DATA, index=1),
        Stream(0, Purpose.DATA, counter=1),
        Stream(0, Purpose.DATA, counter=2**32),
    ]
    assert len({stream.words(8).tobytes() for stream in streams}) == len(streams)


def test_uniform() -> None:
    numbers = STREAM.uniform(100_000)
    assert numbers.dtype == np.float64
    assert 0 < numbers.min() < numbers.max() < 1
    assert stats.kstest(numbers, "uniform").pvalue > 0.01
    assert stats.kstest(STREAM.uniform(100_000, -2, 5), stats.uniform(-2, 7).cdf).pvalue > 0.01
    assert abs(np.corrcoef(numbers[:-1], numbers[1:])[0, 1]) < 0.01


def test_every_bit_is_fair() -> None:
    drawn = STREAM.words(40_000)
    ones = [(drawn >> np.uint32(bit) & np.uint32(1)).mean() for bit in range(32)]
    assert np.abs(np.array(ones) - 0.5).max() < 4 * 0.5 / np.sqrt(drawn.size)


def test_normal() -> None:
    numbers = STREAM.normal(100_000)
    assert stats.kstest(numbers, "norm").pvalue > 0.01
    assert abs(np.corrcoef(numbers[::2], numbers[1::2])[0, 1]) < 0.01  # the two of a pair
    assert stats.kstest(STREAM.normal(50_000, mean=3, scale=0.5), stats.norm(3, 0.5).cdf).pvalue > 0.01
    assert STREAM.normal((3, 5)).shape == (3, 5)
    assert np.isfinite(STREAM.normal(7)).all()


@given(count=some.integers(0, 300), epoch=some.integers(0, 2**64 - 1))
def test_a_permutation_has_every_row_once(count: int, epoch: int) -> None:
    order = Stream(1, Purpose.SHUFFLE, counter=epoch).permutation(count)
    assert order.dtype == np.int64
    assert sorted(order.tolist()) == list(range(count))


def test_permutations_are_even() -> None:
    """Each of the 24 orders of four rows comes up equally often."""
    orders = [tuple(Stream(5, Purpose.SHUFFLE, counter=epoch).permutation(4).tolist()) for epoch in range(2400)]
    counts = np.unique(orders, axis=0, return_counts=True)[1]
    assert len(counts) == 24
    assert stats.chisquare(counts).pvalue > 0.01


def test_wrong_seeds() -> None:
    with pytest.raises(ValueError, match=r"seed must be a whole number of at least 0 and at most 18446744073709551615"):
        Stream(-1, Purpose.DATA)
