"""A fixed number of mutations of every golden file: an error that says why, or a network, and nothing else.

`tests/fuzz/files.py` does the same with libFuzzer for as long as one likes.
"""

from __future__ import annotations

import random
import warnings
from pathlib import Path

import pytest

import pellucid as pl
from pellucid.storage.tensor_file import TensorFile
from support.mutations import mutate, mutate_text, resealed, without_digest
from support.resuming import everything
from support.samples import random_numbers

HERE = Path(__file__).parent
MODELS = sorted((HERE / "golden").glob("*.pellucid"))
CHECKPOINTS = sorted((HERE.parent / "training" / "golden").glob("*.safetensors"))
MUTATIONS = 800


def test_there_are_golden_files() -> None:
    assert MODELS
    assert CHECKPOINTS


@pytest.mark.parametrize("golden", MODELS, ids=lambda path: path.stem)
def test_models_with_their_digest(golden: Path, tmp_path: Path) -> None:
    """Never another network than the one that was written."""
    data, path, chance = golden.read_bytes(), tmp_path / "m.pellucid", random.Random(1)
    expected = pl.load(golden)
    for _ in range(MUTATIONS):
        changed = mutate(data, chance)
        path.write_bytes(changed)
        try:
            network = pl.load(path, mapped=chance.random() < 0.5)
        except pl.ModelFileError:
            continue
        if b"sha256" in changed:
            assert network.layers == expected.layers
            assert network.parameters.tobytes() == expected.parameters.tobytes()


@pytest.mark.parametrize("golden", MODELS, ids=lambda path: path.stem)
def test_models_without_their_digest(golden: Path, tmp_path: Path) -> None:
    """A network that predicts, or an error."""
    data, path, chance = without_digest(golden.read_bytes()), tmp_path / "m.pellucid", random.Random(2)
    path.write_bytes(data)
    assert pl.load(path).layers == pl.load(golden).layers
    loaded = 0
    for _ in range(MUTATIONS):
        path.write_bytes(mutate(data, chance))
        try:
            network = pl.load(path, mapped=chance.random() < 0.5)
        except pl.ModelFileError:
            continue
        loaded += 1
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # absurd numbers overflow
            network.scores(random_numbers((2, *network.input_shape)))
    assert loaded > 10, "the mutations get behind the checks"


@pytest.mark.parametrize("golden", CHECKPOINTS, ids=lambda path: path.stem)
def test_checkpoints(golden: Path, tmp_path: Path) -> None:
    """Passed over, or the training that was written."""
    data, chance = golden.read_bytes(), random.Random(3)
    expected = everything(pl.Trainer.resume(golden.parent, callbacks=[pl.EarlyStopping()]))
    path = tmp_path / golden.name
    for _ in range(MUTATIONS):
        path.write_bytes(mutate(data, chance))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            try:
                trainer = pl.Trainer.resume(tmp_path, callbacks=[pl.EarlyStopping()])
            except pl.CheckpointError:
                continue
        assert everything(trainer) == expected


@pytest.mark.parametrize("golden", CHECKPOINTS, ids=lambda path: path.stem)
def test_checkpoints_that_say_something_else_with_the_right_digest(golden: Path, tmp_path: Path) -> None:
    """A trainer, or an error: a stranger can compute a digest too."""
    path, chance = tmp_path / golden.name, random.Random(4)
    path.write_bytes(golden.read_bytes())
    text = TensorFile(path).metadata["checkpoint"]
    resumed = 0
    for _ in range(MUTATIONS):
        resealed(path, mutate_text(text, chance))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            try:
                trainer = pl.Trainer.resume(tmp_path, callbacks=[pl.EarlyStopping()])
            except pl.CheckpointError:
                continue
        resumed += 1
        assert isinstance(trainer.epoch, int)
        str(trainer.history)
    assert resumed > 10, "the mutations get behind the checks"
