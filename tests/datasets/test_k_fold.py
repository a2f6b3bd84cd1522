"""k folds: disjoint, complete, of equal sizes, and fair to the classes; and scikit-learn's own rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.datasets import k_fold, k_fold_indices, load, load_digits
from pellucid.datasets.splits import legacy_split_indices


@given(y=st.lists(st.integers(0, 3), min_size=2, max_size=80), folds=st.integers(2, 9), seed=st.integers(0, 99))
def test_disjoint_complete_and_fair(y: list[int], folds: int, seed: int) -> None:
    counts = np.unique(y, return_counts=True)[1]
    for stratify in (False, True):
        if folds > len(y) or (stratify and min(counts) < folds):
            with pytest.raises(ValueError, match="folds"):
                k_fold_indices(y, folds, stratify=stratify, seed=seed)
            continue
        divisions = k_fold_indices(y, folds, stratify=stratify, seed=seed)
        assert len(divisions) == folds
        assert sorted(np.concatenate([validation for _, validation in divisions]).tolist()) == list(range(len(y)))
        sizes = [len(validation) for _, validation in divisions]
        assert max(sizes) - min(sizes) <= 1
        for train, validation in divisions:
            assert sorted([*train.tolist(), *validation.tolist()]) == list(range(len(y)))
        if stratify:
            found = np.array([np.bincount(np.take(y, validation), minlength=4) for _, validation in divisions])
            assert np.ptp(found, axis=0).max() <= 1


def test_parts_are_the_rows_of_the_indices() -> None:
    x, y = np.arange(40).reshape(20, 2), np.arange(20) % 2
    for (train, validation), rows in zip(k_fold(x, y, 4, seed=3), k_fold_indices(y, 4, seed=3), strict=True):
        for part, chosen in zip((train, validation), rows, strict=True):
            assert np.array_equal(part.x, x[chosen])
            assert np.array_equal(part.y, y[chosen])
    train.x[:] = -1
    assert x.min() == 0  # copies


def test_seeded_and_shuffled() -> None:
    first, again, other = (k_fold_indices(np.zeros(50), 5, seed=seed)[0][1].tolist() for seed in (1, 1, 2))
    assert first == again != other
    assert sorted(first) != first


def test_leaving_one_out_and_numbers() -> None:
    assert sorted(int(validation[0]) for _, validation in k_fold_indices(np.linspace(0, 1, 9), 9)) == list(range(9))
    assert len(k_fold_indices(np.zeros((6, 2)), 3, stratify=False)) == 3


@pytest.mark.parametrize(
    ("y", "folds", "message"),
    [
        ([0] * 10, 1, "folds must be a whole number of at least 2, not 1."),
        ([0] * 3, 4, "folds is 4, but there are only 3 rows: use at most this many folds."),
        (
            ["a"] * 9 + ["b"] * 2,
            3,
            "Class 'b' has 2 rows, but each of the 3 folds needs one of it: add rows, make fewer folds, or pass "
            "stratify=False.",
        ),
        (
            [0] * 5 + [1],
            5,
            "Class 1 has 1 row, but each of the 5 folds needs one of it: add rows, make fewer folds, "
            "or pass stratify=False.",
        ),
    ],
)
def test_messages(y: list[object], folds: int, message: str) -> None:
    with pytest.raises(ValueError) as error:
        k_fold(np.zeros((len(y), 1)), y, folds)  # at once, not at the first part
    assert str(error.value) == message


def test_messages_of_wrong_kinds() -> None:
    with pytest.raises(TypeError, match=r"^folds must be a whole number of at least 2, not 2\.5 \(float\)\.$"):
        k_fold(np.zeros((4, 1)), [0] * 4, 2.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="The numbers of rows differ: x has 4, y has 3"):
        k_fold(np.zeros((4, 1)), [0] * 3)


@pytest.mark.parametrize(("rows", "test", "state"), [(1797, 0.33, 111), (1203, 0.4, 123), (150, 0.25, 0), (7, 0.5, 42)])
def test_the_rows_of_scikit_learn(rows: int, test: float, state: int) -> None:
    split = pytest.importorskip("sklearn.model_selection").train_test_split
    ours = legacy_split_indices(rows, test, state)
    for mine, theirs in zip(ours, split(np.arange(rows), test_size=test, random_state=state), strict=True):
        assert np.array_equal(mine, theirs)


def test_the_tutorial_digits() -> None:
    sklearn_datasets = pytest.importorskip("sklearn.datasets")
    split = pytest.importorskip("sklearn.model_selection").train_test_split
    theirs = sklearn_datasets.load_digits()
    rest_x, test_x, rest_y, test_y = split(theirs.data, theirs.target, test_size=0.33, random_state=111)
    train_x, validation_x, train_y, validation_y = split(rest_x, rest_y, test_size=0.40, random_state=123)
    ours = load("digits", split="tutorial")
    assert ours.rows == {"train": 721, "validation": 482, "test": 594}
    expected = ((train_x, train_y), (validation_x, validation_y), (test_x, test_y))
    for part, (x, y) in zip(ours.parts.values(), expected, strict=True):
        assert np.array_equal(part.x, x)
        assert np.array_equal(part.y, y)
        part.x[0] = 0  # writable, and no harm to the next load


def test_the_tutorial_digits_are_one_division() -> None:
    with pytest.raises(ValueError, match=r"but validation=0\.1, test=0\.2 and seed=0 were given: leave them out"):
        load_digits(split="tutorial", validation=0.1)
    with pytest.raises(ValueError, match=r"^split 'tutorials' is unknown\. Did you mean 'tutorial'\?"):
        load_digits(split="tutorials")
