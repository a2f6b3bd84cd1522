"""What a column can be the target of, and what is said where it cannot."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pl
from pellucid.tables.targets import TargetError, find_target, present


def objects(*values: object) -> np.ndarray:
    return np.array(values, dtype=object)


@pytest.mark.parametrize(
    ("values", "task", "classes"),
    [
        (objects("no", "yes", "no"), "classes", ("no", "yes")),
        (np.array([True, False, True]), "classes", ("false", "true")),
        (np.array([0.0, 1.0, 1.0]), "classes", ("0", "1")),
        (np.arange(50) % 5, "classes", ("0", "1", "2", "3", "4")),
        (np.arange(50) % 25, "numbers", ()),
        (np.array([1.5, 2.5, 3.5]), "numbers", ()),
        (np.arange(12.0) % 4, "numbers", ()),  # too few rows for classes
    ],
)
def test_what_a_target_is_taken_for(values: np.ndarray, task: str, classes: tuple[str, ...]) -> None:
    target = find_target(values)
    assert (target.task, target.class_names) == (task, classes)


def test_what_it_was_seen_by_is_said() -> None:
    assert find_target(objects("red", "blue", "red")).why == "it holds text"
    assert (
        find_target(objects("0", "1", "1")).why == find_target(objects("no", "yes", "no")).why == "it holds yes and no"
    )
    assert find_target(np.arange(50) % 5).why == "it holds 5 different whole numbers"


def test_classes_stand_in_their_order_and_are_encoded_by_name() -> None:
    target = find_target(np.array([10, 9, 2, 2, 9, 10, 10, 2]), asked="classes")
    assert target.class_names == ("2", "9", "10")
    assert target.encode(np.array([9.0, 10.0])).tolist() == [1, 2]
    assert target.encode(objects("2", "10")).tolist() == [0, 2]
    with pytest.raises(TargetError, match="target: class '3' is unknown"):
        target.encode([3])


def test_what_is_asked_for_is_given() -> None:
    values = np.arange(50) % 5
    assert find_target(values, asked="numbers").loss == pl.SquaredError()
    assert find_target(values, asked="counts").loss == pl.Poisson()
    quantiles = find_target(values, asked="quantiles", quantiles=(0.9, 0.1))
    assert (quantiles.levels, quantiles.outputs) == ((0.1, 0.9), 2)
    assert find_target(values, asked="numbers", loss="absolute_error").loss == pl.AbsoluteError()
    assert find_target(values, asked="classes").smoothed(0.1).loss == pl.SoftmaxCrossEntropy(0.1)


@pytest.mark.parametrize(
    ("values", "options", "words"),
    [
        (np.ones(9), {}, r"The target 'y' is 1 in every one of the 9 rows: there is nothing to learn"),
        (np.ones(9), {"asked": "classes"}, "a single class"),
        (np.array([]), {}, "No row has a value in the target 'y'"),
        (objects("a", "b", "a"), {"asked": "numbers"}, r"holds text \('a', 'b'\), but numbers were asked for"),
        (
            objects(*[f"id{n}" for n in range(1000)]),
            {},
            r"has 1,000 classes in 1,000 rows .*1,000 of them with a single",
        ),
        (np.array([1.0, np.inf, 2.0]), {}, "'y' is infinite in row 2"),
        (np.array([1.5, -2e300, 2.5]), {}, r"reaches 2e\+300, and a network's numbers end at 1e\+37"),
        (np.arange("2024-01-01", "2024-02-01", dtype="datetime64[D]"), {}, "holds dates, .* such as the days since"),
        (np.array([-1.0, 2.5, 3.0]), {"asked": "counts"}, "holds -1, but counts are at least 0"),
        (np.array([1.0, 2.5, 3.0]), {"asked": "numbers", "loss": "squared"}, "Did you mean 'squared_error'"),
        (objects("a", "b", "a"), {"loss": "huber"}, "is for numbers, but 'y' is to be predicted as classes"),
        (np.array([1.0, 2.5, 3.0]), {"asked": "number"}, "Did you mean 'numbers'"),
    ],
)
def test_what_cannot_be_predicted_is_said(values: np.ndarray, options: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        find_target(values, "y", **options)


def test_which_rows_have_a_target() -> None:
    assert present(np.array([1.0, np.nan])).tolist() == [True, False]
    assert present(objects("a", None, float("nan"))).tolist() == [True, False, False]
    assert present(np.array([1, 2])).all()
