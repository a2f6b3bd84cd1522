"""The `Dataset` itself, and `load`."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from pellucid import datasets
from pellucid.datasets import DATASETS, Dataset, DatasetPart, load


def small(**changes: object) -> Dataset:
    fields: dict[str, object] = {
        "name": "small",
        "train": DatasetPart(np.array([[1, -2], [3, 4], [5, 6]], dtype=np.int16), np.array([0, 1, 1])),
        "test": DatasetPart(np.array([[7, 8.5]]), np.array([0])),
        "classes": ("no", "yes"),
        "feature_names": ("a", "b"),
        "description": "Made by hand.",
    }
    return Dataset(**{**fields, **changes})  # type: ignore[arg-type]


def test_what_it_tells() -> None:
    data = small()
    assert data.x.tolist() == [[1, -2], [3, 4], [5, 6], [7, 8.5]]
    assert data.y.tolist() == [0, 1, 1, 0]
    assert data.rows == {"train": 3, "test": 1}
    assert data.features == 2
    assert data.value_range == (-2.0, 8.5)
    assert data.class_counts == {"no": 2, "yes": 2}
    assert repr(data) == "Dataset('small': 2 features, 2 classes; train 3, test 1 rows)"
    assert data.summary().splitlines() == [
        "small: 4 rows",
        "  train            3 rows",
        "  test             1 row",
        "  features         2",
        "  values          -2 to 8.5, int16",
        "  classes          2: no (2), yes (2)",
        "Made by hand.",
    ]


def test_regression() -> None:
    data = small(
        classes=(),
        train=DatasetPart(np.ones((2, 2)), np.array([0.5, 1.5])),
        test=DatasetPart(np.empty((0, 2)), np.empty(0)),
        description="",
    )
    assert data.class_counts == {}
    assert repr(data) == "Dataset('small': 2 features, regression; train 2 rows)"
    assert "classes" not in data.summary()
    assert data.x is data.train.x


def test_a_part_without_rows_is_empty_and_no_part() -> None:
    """Never None: `dataset.test.x` is an array for whoever checks types."""
    data = Dataset("alone", DatasetPart(np.ones((2, 3)), np.zeros(2)))
    assert (data.validation.rows, data.test.rows, list(data.parts)) == (0, 0, ["train"])
    assert data.x.shape == (2, 3)


def test_summary_of_images() -> None:
    lines = load("digits").summary().splitlines()
    assert lines[:6] == [
        "digits: 1,797 rows",
        "  train        1,079 rows",
        "  validation     359 rows",
        "  test           359 rows",
        "  features        64, images of 8 x 8",
        "  values           0 to 16, uint8",
    ]


def test_a_part_unpacks() -> None:
    x, y = small().train
    assert x.shape == (3, 2)
    assert y.shape == (3,)
    assert small().train.rows == 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"train": DatasetPart(np.ones((3, 2)), np.ones(2))},
            "The numbers of rows differ: train.x has 3, train.y has 2",
        ),
        (
            {"test": DatasetPart(np.ones((1, 3)), np.ones(1))},
            r"The test part of 'small' has rows of shape \(3,\), but the train part has rows of shape \(2,\): all",
        ),
        ({"feature_names": ("a",)}, "feature_names of 'small' stands for 1 feature, but x has 2."),
        ({"image_shape": (2, 2)}, "image_shape of 'small' stands for 4 features, but x has 2."),
    ],
)
def test_parts_that_do_not_fit(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small(**changes)


@pytest.mark.parametrize("name", [name for name in DATASETS if "mnist" not in name])
def test_load(name: str) -> None:
    first, again, other = load(name), load(name, seed=0), load(name, seed=1)
    assert first.name == name
    assert first.description
    assert np.array_equal(first.train.x, again.train.x)
    assert not np.array_equal(first.train.x, other.train.x)
    assert load(name, validation=0, test=10).rows["test"] == 10


@pytest.mark.parametrize(
    ("name", "near"), [("digit", "digits"), ("fashion_mnist", "fashion-mnist"), ("Bulls-eye", "bulls-eye")]
)
def test_unknown_names(name: str, near: str) -> None:
    with pytest.raises(
        ValueError, match=f"^data set '{name}' is unknown. Did you mean '{near}'. Allowed: ball-and-cup"
    ):
        load(name)


def test_names() -> None:
    assert DATASETS[:3] == ("digits", "mnist", "fashion-mnist")
    assert len(DATASETS) == 11
    assert all(hasattr(datasets, name) for name in datasets.__all__)
    assert [datasets.TOY_MODELS[name].__name__.replace("_", "-") for name in DATASETS[3:]] == list(DATASETS[3:])


def test_importing_needs_numpy_alone() -> None:
    code = "import sys, pellucid.datasets; print(any(m in sys.modules for m in ('sklearn', 'scipy', 'pandas')))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
