"""Sets of small images: the digits inside the package, MNIST and Fashion-MNIST from files.

The files of MNIST and Fashion-MNIST are looked for in this order: the `directory` given, the directory that the
environment variable PELLUCID_DATA names, the user's cache directory, and then the `MIRRORS`, from which they are
downloaded into the cache. Each directory may hold the four files itself or in a subfolder `mnist` or
`fashion-mnist`, gzipped (.gz) or not.

Pixels stay uint8, as they are stored: a network scales them row by row on the way in.
"""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np

from pellucid.datasets.dataset import Dataset, DatasetPart
from pellucid.datasets.download import DownloadProgress, cache_directory, content_sha256, fetch
from pellucid.datasets.idx import read_idx
from pellucid.datasets.splits import legacy_split_indices, part_rows
from pellucid.datasets.splits import split as divide
from pellucid.typing import Array
from pellucid.validation import check_choice

FILES: dict[str, tuple[int, ...]] = {
    "train-images-idx3-ubyte": (60_000, 28, 28),
    "train-labels-idx1-ubyte": (60_000,),
    "t10k-images-idx3-ubyte": (10_000, 28, 28),
    "t10k-labels-idx1-ubyte": (10_000,),
}
"""The files of MNIST and of Fashion-MNIST, and the shapes of their arrays."""

MIRRORS: dict[str, tuple[str, ...]] = {
    "mnist": (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    "fashion-mnist": (
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    ),
}
"""Where the gzipped files can be downloaded, the first to be tried first."""

CHECKSUMS: dict[str, dict[str, str]] = {
    "mnist": {
        "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
    "fashion-mnist": {
        "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    },
}
"""The SHA-256 of each file's content, unzipped: copies zipped by different programs differ, their content does not."""

CLASSES: dict[str, tuple[str, ...]] = {
    "mnist": tuple("0123456789"),
    "fashion-mnist": (
        *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
        *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    ),
}

_DESCRIPTIONS = {
    "mnist": "Handwritten digits, 28 x 28, 0 (paper) to 255 (ink). LeCun, Cortes and Burges, 1998; CC BY-SA 3.0.",
    "fashion-mnist": "Articles of clothing, 28 x 28, 0 to 255. Xiao, Rasul and Vollgraf (Zalando), 2017; MIT.",
}

_DIGITS = (
    "Handwritten digits, 8 x 8, each pixel the number of inked points (0 to 16) in a block of 4 x 4: the test set of "
    "the UCI collection, 13 writers, as in scikit-learn. E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten "
    "Digits, UCI Machine Learning Repository, 1998, doi:10.24432/C50P49; CC BY 4.0."
)


def load_digits(
    *, validation: float | int = 0.2, test: float | int = 0.2, seed: int = 0, split: str = "stratified"
) -> Dataset:
    """Load the 1,797 handwritten digits of 8 x 8 pixels that come with the package.

    Parameters
    ----------
    validation, test : float or int
        The size of the part: a fraction of all rows or a whole number of rows; 0 for none. Every part has the same
        proportions of classes.
    seed : int
        Decides which rows go where.
    split : {"stratified", "tutorial"}
        "tutorial": the rows of a division that is often told of, scikit-learn's train_test_split with test_size=0.33
        and random_state=111, and then of the rest with test_size=0.40 and random_state=123: 721 rows to train, 482
        for validation, 594 for test. It is one division, so `validation`, `test` and `seed` stay as they are.

    Returns
    -------
    Dataset
        x uint8 (n, 64) with values 0 to 16, y int64 (n,) with the labels 0 to 9.

    Examples
    --------
    >>> digits = load_digits()
    >>> digits.rows, digits.value_range
    ({'train': 1079, 'validation': 359, 'test': 359}, (0.0, 16.0))
    >>> load_digits(split="tutorial").rows
    {'train': 721, 'validation': 482, 'test': 594}
    """
    check_choice("split", split, ("stratified", "tutorial"))
    if split == "tutorial" and (validation, test, seed) != (0.2, 0.2, 0):
        raise ValueError(
            f"split='tutorial' is one division of fixed rows, but validation={validation}, test={test} and "
            f"seed={seed} were given: leave them out, or use split='stratified'."
        )
    with np.load(Path(__file__).parent / "data" / "digits.npz", allow_pickle=False) as arrays:
        images, labels = arrays["images"], arrays["labels"].astype(np.int64)  # (1797, 64), (1797,)
    if split == "tutorial":
        training, validating, testing = _tutorial_parts(images, labels)
    else:
        training, validating, testing = divide(images, labels, validation, test, seed=seed)
    return Dataset(
        name="digits",
        train=training,
        validation=validating,
        test=testing,
        classes=tuple("0123456789"),
        feature_names=pixel_names(8, 8),
        image_shape=(8, 8),
        description=_DIGITS,
    )


def _tutorial_parts(images: Array, labels: Array) -> tuple[DatasetPart, DatasetPart, DatasetPart]:
    rest, testing = legacy_split_indices(len(labels), 0.33, 111)
    training, validating = legacy_split_indices(len(rest), 0.40, 123)
    train, validation, test = (
        DatasetPart(images[rows], labels[rows]) for rows in (rest[training], rest[validating], testing)
    )
    return train, validation, test


def load_mnist(
    directory: str | os.PathLike[str] | None = None,
    *,
    validation: float | int = 10_000,
    download: bool = True,
    progress: DownloadProgress | None = None,
) -> Dataset:
    """Load MNIST: 70,000 handwritten digits of 28 x 28 pixels.

    Parameters
    ----------
    directory : path, optional
        Where the four files are. None: look in PELLUCID_DATA, then in the user's cache.
    validation : int or float
        How many of the last training rows to set aside for validation: a whole number, or a fraction of the 60,000.
        10,000 gives the 50,000 / 10,000 / 10,000 rows of `mnist.pkl.gz`.
    download : bool
        Whether the files may be downloaded into the user's cache where they are not found.
    progress : callable, optional
        Called as progress(file, bytes so far, bytes in all or None) during a download.

    Returns
    -------
    Dataset
        x uint8 (n, 784), y int64 (n,). The training and the validation part are views of one array, in the file's
        order: nothing is copied or shuffled.

    Raises
    ------
    FileNotFoundError
        If `directory` is given and lacks files, or nothing was found and `download` is False.
    ConnectionError
        If no mirror gave a file.
    ValueError
        If a file is damaged, or belongs to another set.
    """
    return _load("mnist", directory, validation, download, progress)


def load_fashion_mnist(
    directory: str | os.PathLike[str] | None = None,
    *,
    validation: float | int = 10_000,
    download: bool = True,
    progress: DownloadProgress | None = None,
) -> Dataset:
    """Load Fashion-MNIST: 70,000 articles of clothing of 28 x 28 pixels, in all else like `load_mnist`."""
    return _load("fashion-mnist", directory, validation, download, progress)


def is_there(name: str) -> bool:
    """Whether the files of "mnist" or "fashion-mnist" are on this machine, so that loading them downloads nothing."""
    try:
        _locate(check_choice("data set", name, MIRRORS), None, False, None)
    except FileNotFoundError:
        return False
    return True


def _load(
    name: str,
    directory: str | os.PathLike[str] | None,
    validation: float | int,
    download: bool,
    progress: DownloadProgress | None,
) -> Dataset:
    first = FILES["train-images-idx3-ubyte"][0] - part_rows("validation", validation, 60_000)
    if first < 1:
        raise ValueError(f"validation={validation} leaves none of the 60,000 rows for training: give less.")
    paths = _locate(name, None if directory is None else Path(directory).expanduser(), download, progress)
    _check_not_another(name, paths["train-labels-idx1-ubyte"])
    x, y, test_x, test_y = (_read(paths[file], shape) for file, shape in FILES.items())
    return Dataset(
        name=name,
        train=DatasetPart(x[:first], y[:first]),
        validation=DatasetPart(x[first:], y[first:]),
        test=DatasetPart(test_x, test_y),
        classes=CLASSES[name],
        feature_names=pixel_names(28, 28),
        image_shape=(28, 28),
        description=_DESCRIPTIONS[name],
    )


def _locate(name: str, directory: Path | None, download: bool, progress: DownloadProgress | None) -> dict[str, Path]:
    """Return the paths of the four files, from the first place that has them all."""
    if directory is not None:
        return _demand(name, directory)
    named = os.environ.get("PELLUCID_DATA")
    places = [Path(named).expanduser()] if named else []
    cache = cache_directory()
    for place in [*places, cache]:
        found = _find(name, place)
        if len(found) == len(FILES):
            return found
    by_hand = f"Or put {', '.join(f'{file}.gz' for file in FILES)} into {cache / name} by hand."
    if not download:
        looked = " or ".join(str(place) for place in [*places, cache])
        raise FileNotFoundError(
            f"{name} was not found in {looked}. Allow it to be downloaded (download=True). {by_hand}"
        )
    found = _find(name, cache)
    try:
        for file in [file for file in FILES if file not in found]:
            found[file] = fetch(f"{file}.gz", cache / name, MIRRORS[name], CHECKSUMS[name][file], progress)
    except ConnectionError as error:
        raise ConnectionError(f"{error}\nCheck the connection and try again. {by_hand}") from error
    return found


def _find(name: str, directory: Path) -> dict[str, Path]:
    """Return the files of a set that a directory holds, in its subfolder of that name or else in itself."""
    folders = [directory / name, directory]
    held_out = [
        {file: path for file in FILES for path in (folder / f"{file}.gz", folder / file) if path.is_file()}
        for folder in folders
    ]
    return max(held_out, key=len)  # the subfolder where both hold as many: it says which set it is


def _demand(name: str, directory: Path) -> dict[str, Path]:
    """Return the files of a set in the directory that the user named; raise if one is missing."""
    if not directory.is_dir():
        raise FileNotFoundError(f"directory {directory} is not there, or is no directory. Name the one with {name}.")
    found = _find(name, directory)
    missing = [file for file in FILES if file not in found]
    if missing:
        raise FileNotFoundError(
            f"directory {directory} lacks {', '.join(missing)} (with or without .gz, in it or in its subfolder "
            f"{name}). Put them there, or leave `directory` out to have them looked for and downloaded."
        )
    return found


def _check_not_another(name: str, labels: Path) -> None:
    """Raise if the labels are those of another set: the sets name their files alike."""
    found = content_sha256(labels)
    for other, checksums in CHECKSUMS.items():
        if other != name and checksums["train-labels-idx1-ubyte"] == found:
            raise ValueError(
                f"{labels.parent} holds {other}, not {name}: name the directory with {name}, or give each set a "
                f"subfolder of its name."
            )


def _read(path: Path, shape: tuple[int, ...]) -> Array:
    """Read a file of images as uint8 (n, 784) or of labels as int64 (n,), and check what it holds."""
    array = read_idx(path, limit=math.prod(shape))
    if array.shape != shape or array.dtype != np.uint8:
        raise ValueError(
            f"{path} holds {array.dtype} numbers of shape {array.shape}, but {path.name} must hold uint8 numbers of "
            f"shape {shape}: replace it by the original."
        )
    if array.ndim == 3:
        return array.reshape(len(array), -1)  # (n, 28, 28) -> (n, 784), no copy
    if array.max() > 9:
        row = int(np.argmax(array > 9))
        raise ValueError(f"{path} holds the label {array[row]} at row {row}: labels must be 0 to 9. Replace the file.")
    return array.astype(np.int64)


def pixel_names(height: int, width: int) -> tuple[str, ...]:
    """Return the names of an image's features, row by row."""
    return tuple(f"pixel_{row}_{column}" for row in range(height) for column in range(width))
