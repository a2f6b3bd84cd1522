"""The division of rows: disjoint, complete, exact in size, and fair to the classes."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from pellucid.datasets import split, split_indices

labels = st.lists(st.integers(0, 4), min_size=1, max_size=120)


@settings(max_examples=150, deadline=None)
@given(
    y=labels, validation=st.integers(0, 40), test=st.integers(0, 40), stratify=st.booleans(), seed=st.integers(0, 99)
)
def test_disjoint_complete_and_exact(y: list[int], validation: int, test: int, stratify: bool, seed: int) -> None:
    counts = np.unique(y, return_counts=True)[1]
    sizes = [len(y) - validation - test, validation, test]
    filled = [size for size in sizes if size]
    possible = sizes[0] > 0
    if stratify:
        possible = possible and min(counts) >= len(filled) and min(filled) >= len(counts)
    x = np.arange(len(y)).reshape(-1, 1)
    if not possible:
        with pytest.raises(ValueError):
            split(x, y, validation, test, stratify=stratify, seed=seed)
        return
    parts = split(x, y, validation, test, stratify=stratify, seed=seed)
    assert [part.rows for part in parts] == sizes
    assert sorted(np.concatenate([part.x[:, 0] for part in parts]).tolist()) == list(range(len(y)))
    for part in parts:
        assert part.y.tolist() == [y[row] for row in part.x[:, 0]]
        if stratify and part.rows:
            assert set(part.y.tolist()) == set(y)


@settings(max_examples=100, deadline=None)
@given(
    counts=st.lists(st.integers(20, 200), min_size=2, max_size=8),
    validation=st.floats(0.1, 0.4),
    test=st.floats(0.1, 0.4),
    seed=st.integers(0, 99),
)
def test_proportions(counts: list[int], validation: float, test: float, seed: int) -> None:
    y = np.repeat(np.arange(len(counts)), counts)
    parts = split(np.zeros((len(y), 1)), y, validation, test, seed=seed)
    left = np.array(counts)
    for part in (parts[2], parts[1]):  # the order in which they are taken
        found = np.bincount(part.y, minlength=len(counts))
        for label, count in enumerate(found):
            quota = Fraction(int(left[label]) * part.rows, int(left.sum()))
            assert abs(Fraction(int(count)) - quota) < 1
        left = left - found


def test_largest_remainder_by_hand() -> None:
    # 7 of 20 rows from classes of 11, 6 and 3: quotas 3.85, 2.10, 1.05 -> 3, 2, 1 and one more for the first.
    y = [0] * 11 + [1] * 6 + [2] * 3
    _, _, test = split(np.zeros((20, 1)), y, 0, 7)
    assert np.bincount(test.y).tolist() == [4, 2, 1]
    # 5 of 20 from 10 and 10: 2.5 each; the lower class has the odd row.
    _, _, test = split(np.zeros((20, 1)), [0, 1] * 10, 0, 5)
    assert np.bincount(test.y).tolist() == [3, 2]


def test_a_rare_class_is_in_every_part() -> None:
    y = [0] * 997 + [1] * 3
    for part in split(np.zeros((1000, 1)), y, 0.01, 0.01):
        assert (part.y == 1).sum() == 1


def test_a_large_test_part_leaves_a_rare_class_to_the_others() -> None:
    y = [0] * 17 + [1] * 3  # the quota of class 1 is 2.4 of 16, but two other parts need one each
    assert [int((part.y == 1).sum()) for part in split(np.zeros((20, 1)), y, 2, 16)] == [1, 1, 1]


def test_fractions_are_of_all_rows_and_at_least_one_row() -> None:
    y = np.zeros(10)
    assert [len(part) for part in split_indices(y, 0.25, 0.24)] == [5, 3, 2]
    assert [len(part) for part in split_indices(y, 0.001, 0.0)] == [9, 1, 0]
    assert [len(part) for part in split_indices(y, 1, 2)] == [7, 1, 2]
    assert [len(part) for part in split_indices(np.zeros(1797))] == [1079, 359, 359]


def test_seeded_and_shuffled() -> None:
    y = np.arange(200) % 2
    x = np.arange(200).reshape(-1, 1)
    first, again, other = (split(x, y, seed=seed)[0].x[:, 0].tolist() for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert sorted(first) != first
    assert set(first) != set(other)
    assert len(set(np.asarray(y)[first[:20]])) == 2  # the classes are mixed, not one after the other


def test_text_labels_and_text_inputs() -> None:
    y = np.array(["cat", "dog"] * 10)
    for kind in (y, y.astype(object), y.tolist()):
        train, validation, test = split([["a", "b"]] * 20, kind, 0.1, 0.2)
        assert sorted(test.y.tolist()) == ["cat", "cat", "dog", "dog"]
        assert (train.rows, validation.rows) == (14, 2)
        assert train.x.shape == (14, 2)


def test_floating_targets_are_never_stratified() -> None:
    y = np.linspace(0, 1, 30)
    with_it, without = split_indices(y, stratify=True), split_indices(y, stratify=False)
    assert all(np.array_equal(a, b) for a, b in zip(with_it, without, strict=True))
    assert split(y.reshape(-1, 1), np.column_stack([y, y]))[0].y.shape == (18, 2)


def test_parts_are_copies() -> None:
    x = np.zeros((10, 1))
    train, _, _ = split(x, np.zeros(10))
    train.x[:] = 1
    assert not x.any()


@pytest.mark.parametrize(
    ("y", "options", "message"),
    [
        (
            ["a"] * 20 + ["b"] * 2,
            {},
            "Class 'b' has 2 rows, but each of the 3 parts (train, validation, test) needs one of it: "
            "add rows, make fewer parts, or pass stratify=False.",
        ),
        (
            [0] * 20 + [7],
            {"validation": 0},
            "Class 7 has 1 row, but each of the 2 parts (train, test) needs one of it: "
            "add rows, make fewer parts, or pass stratify=False.",
        ),
        (
            [0, 1, 2] * 10,
            {"test": 2},
            "The test part of 2 rows has no room for all 3 classes: make it larger, or pass stratify=False.",
        ),
        (
            [0] * 10,
            {"validation": 0.5, "test": 5},
            "validation=0.5 and test=5 take 5 + 5 of 10 rows and leave none for training: "
            "give smaller parts or more rows.",
        ),
        (
            [],
            {"validation": 0, "test": 0},
            "validation=0 and test=0 take 0 + 0 of 0 rows and leave none for training: "
            "give smaller parts or more rows.",
        ),
        (
            [0] * 10,
            {"test": 1.0},
            "test must be a fraction of at least 0 and below 1, or a whole number of rows, not 1.0.",
        ),
        (
            [0] * 10,
            {"test": float("nan")},
            "test must be a fraction of at least 0 and below 1, or a whole number of rows, not nan.",
        ),
        (
            [0] * 10,
            {"validation": -1},
            "validation must be a fraction of at least 0 and below 1, or a whole number of rows, not -1.",
        ),
        (
            [[0, 1]] * 10,
            {},
            "Stratifying needs one label a row, but y has the shape (10, 2): give the labels themselves, "
            "or pass stratify=False.",
        ),
    ],
)
def test_messages(y: list[object], options: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError) as error:
        split(np.zeros((len(y), 1)), y, **options)  # type: ignore[arg-type]
    assert str(error.value) == message


def test_messages_of_wrong_kinds() -> None:
    x = np.zeros((4, 1))
    with pytest.raises(TypeError, match=r"or a whole number of rows, not '0.2' \(str\)\.$"):
        split(x, [0] * 4, "0.2")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"or a whole number of rows, not True \(bool\)\.$"):
        split(x, [0] * 4, True)
    with pytest.raises(ValueError, match="The numbers of rows differ: x has 4, y has 3"):
        split(x, [0] * 3)
    with pytest.raises(ValueError, match="x must hold one entry a row, but it is the single value"):
        split(3.0, [0])
    with pytest.raises(TypeError, match=r"y mixes values that have no order \(NoneType, str\)"):
        split(x, np.array(["a", None, "a", None], dtype=object), 0, 0)


def test_a_class_may_be_missing_without_stratify() -> None:
    train, _, _ = split(np.zeros((10, 1)), [0] * 9 + [1], stratify=False)
    assert train.rows == 6


def test_a_stratified_part_does_not_begin_with_the_classes_that_filled_their_quota_first() -> None:
    y = np.repeat(np.arange(10), 100)
    first = np.concatenate([split_indices(y, seed=seed)[0][:20] for seed in range(50)])  # (1000,)
    counts = np.bincount(y[first], minlength=10)
    assert stats.chisquare(counts).pvalue > 0.001
