"""The files of networks of an ensemble: one model file each, side by side in a folder.

Contract: the first network is `model.pellucid`, as in the folder of any run, the others stand beside it with their
numbers, `model-2.pellucid` and on. All networks of a saving are whole on the disk before they take the place of those
of an earlier one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pellucid.ensemble import Ensemble, Model, members
from pellucid.formats.model_file import load, model_parts, save
from pellucid.network import Network
from pellucid.storage.atomic import write_all

FIRST = "model.pellucid"
_OTHERS = re.compile(r"model-(\d+)\.pellucid")


def file_names(count: int) -> list[str]:
    """The files of this many networks."""
    return [FIRST, *(f"model-{number}.pellucid" for number in range(2, count + 1))]


def is_model_name(name: str) -> bool:
    """Whether a file's name is that of one of a folder's networks."""
    return name == FIRST or _OTHERS.fullmatch(name) is not None


def save_ensemble(networks: Model | Sequence[Network], folder: str | os.PathLike[str]) -> list[str]:
    """Write each network into a file of its own; those that were there before go when all new ones are on the disk.

    Parameters
    ----------
    networks : Ensemble, Network or sequence of Network
        What is to be written.
    folder : path
        Where to; made if it is not there.

    Returns
    -------
    list of str
        The files' names.

    Examples
    --------
    >>> import os, tempfile, pellucid as pl
    >>> networks = [pl.Network([pl.Dense(2)]).build(3, seed=seed) for seed in range(3)]
    >>> folder = os.path.join(tempfile.mkdtemp(), "three")
    >>> pl.save_ensemble(networks, folder)
    ['model.pellucid', 'model-2.pellucid', 'model-3.pellucid']
    >>> len(pl.load_ensemble(folder).networks)
    3
    """
    together, place = members(networks), Path(folder).expanduser()
    place.mkdir(parents=True, exist_ok=True)
    names = file_names(len(together.networks))
    parts = (model_parts(network) for network in together.networks)
    others = [entry for entry in place.iterdir() if _OTHERS.fullmatch(entry.name) and entry.name not in names]
    write_all(dict(zip((place / name for name in names), parts, strict=True)), remove=others)
    return names


def save_model(networks: Model | Sequence[Network], path: str | os.PathLike[str]) -> None:
    """Write a network into a file, or several into a folder.

    Raises
    ------
    ValueError
        If several networks should go into what is, or is called, a file.
    """
    together, place = members(networks), Path(path).expanduser()
    if len(together.networks) == 1:
        save(together.networks[0], place)
        return
    if place.suffix == ".pellucid" or place.is_file():
        raise ValueError(
            f"These are {len(together.networks)} networks of an ensemble, which go into a folder, each into a "
            f"file of its own: name a folder in the place of {os.fspath(path)!r}."
        )
    save_ensemble(together, place)


def load_ensemble(path: str | os.PathLike[str], **options: Any) -> Ensemble:
    """The networks of a folder, or the one of a single file. Nothing in the files is ever run.

    Parameters
    ----------
    path : path
        A folder that `save_ensemble`, an estimator or `pellucid train` wrote, or a model file.
    **options
        As for `load`: engine, threads, custom, mapped.

    Raises
    ------
    ModelFileError
        If a file is damaged, or no model.
    ValueError
        If the files are not those of one training, so that they cannot form an ensemble.
    OSError
        If there is no such file, or one of the folder's is missing.
    """
    place = Path(path).expanduser()
    if not place.is_dir():
        return Ensemble([load(place, **options)])
    numbers = sorted(int(found.group(1)) for entry in place.iterdir() if (found := _OTHERS.fullmatch(entry.name)))
    for expected, number in enumerate(numbers, start=2):
        if number != expected:
            missing = place / f"model-{expected}.pellucid"
            raise FileNotFoundError(
                f"{missing} does not exist, but model-{number}.pellucid does: a network is missing."
            )
    return Ensemble([load(place / name, **options) for name in file_names(1 + len(numbers))])
