"""MNIST and Fashion-MNIST: known facts of the real files, and the search for files on made-up ones."""

from __future__ import annotations

import gzip
import hashlib
import os
import struct
from pathlib import Path

import numpy as np
import pytest

from pellucid.datasets import Dataset, download, images, load, load_fashion_mnist, load_mnist

TRAIN, TEST = 60_000, 10_000
REAL = os.environ.get("PELLUCID_DATA", "")


def real(name: str) -> Dataset:
    if not (Path(REAL) / name).is_dir() or not REAL:
        pytest.skip(f"PELLUCID_DATA names no directory with {name}")
    return load(name, directory=REAL)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four valid files: row i has the label i mod 10 and its first pixel is i mod 251."""
    folder = tmp_path_factory.mktemp("made")
    for stem, count in (("train", TRAIN), ("t10k", TEST)):
        pixels = np.zeros((count, 784), dtype=np.uint8)
        pixels[:, 0] = np.arange(count) % 251
        head = b"\0\0\x08\x03" + struct.pack(">III", count, 28, 28)
        zipped = gzip.compress(head + pixels.tobytes(), compresslevel=1)
        (folder / f"{stem}-images-idx3-ubyte.gz").write_bytes(zipped)
        labels = (np.arange(count) % 10).astype(np.uint8)
        plain = b"\0\0\x08\x01" + struct.pack(">I", count) + labels.tobytes()
        (folder / f"{stem}-labels-idx1-ubyte").write_bytes(plain)
    return folder


def link(made: Path, folder: Path) -> Path:
    folder.mkdir(parents=True)
    for file in made.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    return folder


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No environment, an empty cache, and mirrors that do not exist: no test touches the network."""
    monkeypatch.delenv("PELLUCID_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(images, "MIRRORS", dict.fromkeys(images.MIRRORS, ("http://127.0.0.1:9/",)))
    return tmp_path / "cache" / "pellucid"


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_real_files(name: str) -> None:
    data = real(name)
    assert data.rows == {"train": 50_000, "validation": 10_000, "test": 10_000}
    assert data.train.x.dtype == np.uint8
    assert data.train.x.shape == (50_000, 784)
    assert data.train.y.dtype == np.int64
    assert data.image_shape == (28, 28)
    assert data.value_range == (0.0, 255.0)
    assert len(data.classes) == 10
    for file, expected in images.CHECKSUMS[name].items():
        assert download.content_sha256(Path(REAL) / name / f"{file}.gz") == expected


def test_facts_of_mnist() -> None:
    data = real("mnist")
    y = np.concatenate([data.train.y, data.validation.y])  # type: ignore[union-attr]
    assert y[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert np.bincount(y).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(data.test.y).tolist() == [  # type: ignore[union-attr]
        *(980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009)
    ]
    # The mean pixel that everyone divides MNIST by: 0.1307.
    everything = np.concatenate([data.train.x, data.validation.x])  # type: ignore[union-attr]
    assert everything.mean() / 255 == pytest.approx(0.1307, abs=5e-5)


def test_facts_of_fashion_mnist() -> None:
    data = real("fashion-mnist")
    assert set(data.class_counts.values()) == {7000}
    y = np.concatenate([data.train.y, data.validation.y])  # type: ignore[union-attr]
    assert np.bincount(y).tolist() == [6000] * 10
    assert data.classes[y[0]] == "Ankle boot"
    assert data.classes[9] == "Ankle boot"


def test_parts_are_views(made: Path) -> None:
    data = load_mnist(made)
    assert data.train.x.base is data.validation.x.base
    assert data.train.x.base is not None
    assert data.train.y.base is data.validation.y.base
    assert data.validation.x[:3, 0].tolist() == [50_000 % 251, 50_001 % 251, 50_002 % 251]
    assert data.validation.y[:3].tolist() == [0, 1, 2]


@pytest.mark.parametrize(("validation", "rows"), [(0, None), (1, 1), (0.1, 6000), (59_999, 59_999)])
def test_validation_rows(made: Path, validation: float, rows: int | None) -> None:
    data = load_mnist(made, validation=validation)
    assert data.rows.get("validation") == rows
    assert data.train.rows == TRAIN - (rows or 0)


def test_validation_leaves_a_row(made: Path) -> None:
    with pytest.raises(
        ValueError, match=r"^validation=60000 leaves none of the 60,000 rows for training: give less\.$"
    ):
        load_mnist(made, validation=60_000)


def test_order_of_search(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nowhere: Path) -> None:
    assert load_mnist(link(made, tmp_path / "given" / "mnist").parent).test.rows  # subfolder
    link(made, nowhere / "mnist")
    assert load_mnist(download=False).rows["test"] == TEST  # cache
    named = link(made, tmp_path / "named" / "mnist")
    (named / "t10k-labels-idx1-ubyte").write_bytes(b"seen")
    monkeypatch.setenv("PELLUCID_DATA", str(tmp_path / "named"))
    with pytest.raises(ValueError, match="named"):  # PELLUCID_DATA before the cache
        load_mnist()
    assert load_mnist(made).rows["test"] == TEST  # the directory before PELLUCID_DATA
    (named / "t10k-labels-idx1-ubyte").unlink()
    assert load_mnist(download=False).rows["test"] == TEST  # incomplete: on to the cache


def test_given_directory_lacks_files(tmp_path: Path, made: Path) -> None:
    folder = link(made, tmp_path / "half" / "mnist")
    (folder / "train-labels-idx1-ubyte").unlink()
    (folder / "t10k-images-idx3-ubyte.gz").unlink()
    with pytest.raises(FileNotFoundError) as error:
        load_mnist(folder.parent)
    assert str(error.value) == (
        f"directory {folder.parent} lacks train-labels-idx1-ubyte, t10k-images-idx3-ubyte (with or without .gz, in it "
        f"or in its subfolder mnist). Put them there, or leave `directory` out to have them looked for and downloaded."
    )
    with pytest.raises(FileNotFoundError, match=r"absent is not there, or is no directory\. Name the one with mnist\."):
        load_mnist(tmp_path / "absent")


def test_nothing_found_without_download(nowhere: Path) -> None:
    with pytest.raises(FileNotFoundError) as error:
        load_fashion_mnist(download=False)
    assert str(error.value) == (
        f"fashion-mnist was not found in {nowhere}. Allow it to be downloaded (download=True). Or put "
        f"train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, t10k-images-idx3-ubyte.gz, t10k-labels-idx1-ubyte.gz "
        f"into {nowhere / 'fashion-mnist'} by hand."
    )


def test_no_network_says_where_files_may_be_put(nowhere: Path) -> None:
    with pytest.raises(ConnectionError) as error:
        load_mnist()
    text = str(error.value)
    assert text.startswith("train-images-idx3-ubyte.gz could not be downloaded:\n  http://127.0.0.1:9/train-images")
    assert f"into {nowhere / 'mnist'} by hand." in text
    assert not list((nowhere / "mnist").iterdir())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b"\0\0\x08\x01\0\0\0\x02ab",
            r"holds uint8 numbers of shape \(2,\), but t10k-labels-idx1-ubyte must hold uint8 numbers of shape "
            r"\(10000,\): replace it by the original\.$",
        ),
        (
            b"\0\0\x08\x01\0\0\x27\x10" + bytes(9_998) + b"\x0b\0",
            r"holds the label 11 at row 9998: labels must be 0 to 9\. Replace the file\.$",
        ),
        (b"<html>", "is not an IDX file"),
    ],
)
def test_local_files_are_checked(made: Path, tmp_path: Path, content: bytes, message: str) -> None:
    folder = link(made, tmp_path / "bad")
    (folder / "t10k-labels-idx1-ubyte").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        load_mnist(folder)


def test_one_set_is_not_taken_for_the_other(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = hashlib.sha256((made / "train-labels-idx1-ubyte").read_bytes()).hexdigest()
    monkeypatch.setitem(images.CHECKSUMS["mnist"], "train-labels-idx1-ubyte", digest)
    assert load_mnist(made).name == "mnist"
    with pytest.raises(ValueError, match="made0 holds mnist, not fashion-mnist: name the directory with fashion-mnist"):
        load_fashion_mnist(made)


def test_loading_does_not_depend_on_the_seed(made: Path) -> None:
    first, second = load("mnist", directory=made), load("mnist", seed=7, directory=made)
    assert np.array_equal(first.train.x[:, 0], second.train.x[:, 0])
