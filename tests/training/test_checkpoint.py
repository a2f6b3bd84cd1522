"""Checkpoints as files: when they are written, which is taken, and what happens to those that are damaged."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import textwrap
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors

import pellucid as pl
from pellucid.storage import tensor_file
from pellucid.training import saving
from pellucid.training.saving import checkpoints, read_checkpoint
from support.resuming import everything
from support.samples import classification

X, Y = classification(30)
GOLDEN = Path(__file__).parent / "golden"


def trainer(*callbacks: Any, **options: Any) -> pl.Trainer:
    network = pl.Network([pl.Dense(4), pl.Tanh(), pl.Dropout(0.2), pl.Dense(3)])
    options = {"optimizer": pl.Adam(0.05), "batch_size": 8, "loss": pl.SoftmaxCrossEntropy(), **options}
    return pl.Trainer(network, callbacks=callbacks, **options)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def numbered(*numbers: int) -> list[str]:
    return [f"checkpoint-{number:06d}.safetensors" for number in numbers]


# -- when, and how many ------------------------------------------------------------------------------------------


def test_one_after_every_epoch_and_the_newest_three_stay(tmp_path: Path) -> None:
    trainer(pl.Checkpoint(tmp_path / "run")).fit(X, Y, epochs=5)
    assert names(tmp_path / "run") == numbered(3, 4, 5)


@pytest.mark.parametrize(("every", "keep", "epochs"), [(2, None, [2, 4, 5]), (2, 1, [5]), (7, 3, [5]), (4, 9, [4, 5])])
def test_every_so_many_epochs_and_at_the_end(every: int, keep: int | None, epochs: list[int], tmp_path: Path) -> None:
    trainer(pl.Checkpoint(tmp_path, every=every, keep=keep)).fit(X, Y, epochs=5)
    found = [read_checkpoint(path)["progress"]["state"].epoch for path in checkpoints(tmp_path)]
    assert found == epochs


def test_after_so_much_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    def epoch_of_four_seconds(trainer: pl.Trainer) -> None:
        now[0] += 4.0

    hurried = trainer(pl.Checkpoint(tmp_path / "a", every=timedelta(seconds=10), keep=None), epoch_of_four_seconds)
    hurried.fit(X, Y, epochs=8)
    found = [read_checkpoint(path)["progress"]["state"].epoch for path in checkpoints(tmp_path / "a")]
    assert found[0] <= 3, "an epoch may be over before ten seconds are"
    assert found == [3, 6, 8]


def test_it_sees_what_the_others_have_done_wherever_it_stands(tmp_path: Path) -> None:
    orders = [
        [pl.Checkpoint(tmp_path / "0", keep=None), pl.ReduceOnPlateau(1), pl.EarlyStopping(3)],
        [pl.ReduceOnPlateau(1), pl.EarlyStopping(3), pl.Checkpoint(tmp_path / "1", keep=None)],
    ]
    for callbacks in orders:
        trainer(*callbacks, optimizer=pl.Momentum(1.0)).fit(X, Y, epochs=6)
    for one, two in zip(checkpoints(tmp_path / "0"), checkpoints(tmp_path / "1"), strict=True):
        trees = [read_checkpoint(path) for path in (one, two)]
        assert trees[0]["callbacks"][1]["state"]["best_epoch"] == trees[1]["callbacks"][1]["state"]["best_epoch"]
        assert trees[0]["progress"]["state"].rate_scale == trees[1]["progress"]["state"].rate_scale
        assert trees[0]["callbacks"][1]["state"]["best_epoch"] is not None


@pytest.mark.parametrize("number", range(11))
def test_every_checkpoint_of_a_run_leads_to_its_end(number: int, tmp_path: Path) -> None:
    """Early stopping, a reduced rate, the best weights shown at the end: from each of them the same."""

    def callbacks(folder: Path) -> list[pl.Callback]:
        return [pl.Checkpoint(folder, keep=None), pl.ReduceOnPlateau(1), pl.EarlyStopping(3)]

    never = trainer(*callbacks(tmp_path / "never"), optimizer=pl.Momentum(0.3))
    never.fit(X, Y, epochs=20)
    paths = checkpoints(tmp_path / "never")
    assert len(paths) == 11
    assert never.stopped.startswith("Stopped early")
    folder = tmp_path / "one"
    folder.mkdir()
    (folder / paths[number].name).write_bytes(paths[number].read_bytes())
    after = pl.Trainer.resume(folder, callbacks=callbacks(folder))
    if not after.stopped:
        after.fit(X, Y, epochs=20 - after.epoch)
    assert everything(after) == everything(never)


def test_fit_in_pieces_goes_on_in_the_same_folder(tmp_path: Path) -> None:
    pieces = trainer(pl.Checkpoint(tmp_path, keep=None))
    for _ in range(3):
        pieces.fit(X, Y, epochs=1)
    assert names(tmp_path) == numbered(1, 2, 3)
    resumed = pl.Trainer.resume(tmp_path, callbacks=[pl.Checkpoint(tmp_path, keep=None)])
    resumed.fit(X, Y, epochs=1)
    assert names(tmp_path) == numbered(1, 2, 3, 4)


def test_saving_by_hand(tmp_path: Path) -> None:
    by_hand = trainer()
    with pytest.raises(ValueError, match=r"^Training has not begun: call fit"):
        by_hand.save(tmp_path / "run")
    assert not (tmp_path / "run").exists()
    by_hand.fit(X, Y, epochs=1)
    assert by_hand.save(str(tmp_path / "deep" / "run")) == tmp_path / "deep" / "run" / numbered(1)[0]
    assert by_hand.save(tmp_path / "deep" / "run").name == numbered(2)[0]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"every": 0}, ValueError, "every must be a whole number of at least 1, not 0."),
        ({"every": 1.5}, TypeError, "every must be a whole number of at least 1, not 1.5 (float)."),
        ({"every": timedelta(0)}, ValueError, "every must be a number of epochs or a time above 0, not"),
        ({"keep": 0}, ValueError, "keep must be a whole number of at least 1, not 0."),
    ],
)
def test_wrong_options(options: dict[str, Any], error: type[Exception], message: str, tmp_path: Path) -> None:
    with pytest.raises(error) as caught:
        pl.Checkpoint(tmp_path, **options)
    assert str(caught.value).startswith(message)


# -- folders that will not do ------------------------------------------------------------------------------------


def test_the_checkpoints_of_another_training_are_not_overwritten(tmp_path: Path) -> None:
    trainer(pl.Checkpoint(tmp_path)).fit(X, Y, epochs=2)
    before = names(tmp_path)
    with pytest.raises(ValueError) as caught:
        trainer(pl.Checkpoint(tmp_path)).fit(X, Y, epochs=2)
    assert str(caught.value) == (
        f"{tmp_path} holds checkpoints of another training, up to checkpoint-000002.safetensors: go on with it, "
        f"Trainer.resume({str(tmp_path)!r}, …), or name a new folder."
    )
    assert names(tmp_path) == before


def test_a_file_in_place_of_the_folder(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    for action in (
        lambda: trainer(pl.Checkpoint(file)).fit(X, Y, epochs=1),
        lambda: trainer().initialize(X, Y).save(file),
        lambda: pl.Trainer.resume(file),
    ):
        with pytest.raises(NotADirectoryError, match=r"is a file: name"):
            action()
    assert file.read_text() == "mine"


def test_a_folder_without_checkpoints(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "checkpoint-1.safetensors").write_text("not named by us")
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(FileNotFoundError, match=r" holds no checkpoint: was the training saved there\?$"):
            pl.Trainer.resume(folder)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_folder_that_cannot_be_written_to_is_told_of_at_once(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(PermissionError, match="cannot be written to: name another one"):
            trainer(pl.Checkpoint(tmp_path)).fit(X, Y, epochs=1)
    finally:
        tmp_path.chmod(0o700)


def test_a_folder_without_rights_is_told_of_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(PermissionError, match="cannot be written to: name another one"):
        trainer(pl.Checkpoint(tmp_path)).fit(X, Y, epochs=1)


# -- a disk that fills up ----------------------------------------------------------------------------------------


def test_a_full_disk_is_a_warning_and_training_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = saving.write_tensors
    calls = []

    def full_for_a_while(*arguments: Any) -> None:
        calls.append(arguments)
        if len(calls) in (2, 3):
            raise OSError(errno.ENOSPC, "No space left on device")
        written(*arguments)

    monkeypatch.setattr(saving, "write_tensors", full_for_a_while)
    never, training = trainer(), trainer(pl.Checkpoint(tmp_path))
    with pytest.warns(UserWarning, match="could not be written to") as caught:
        training.fit(X, Y, epochs=5)
    assert str(caught[0].message) == (
        f"The checkpoint after epoch 2 could not be written to {tmp_path} (No space left on device): training goes on, "
        "and the older ones are as they were."
    )
    assert len(caught) == 2
    never.fit(X, Y, epochs=5)
    assert everything(training) == everything(never)
    assert names(tmp_path) == numbered(1, 2, 3)


def test_a_full_disk_at_the_end_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    training = trainer(pl.Checkpoint(tmp_path, every=9))
    training.fit(X, Y, epochs=1)

    def full(*arguments: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(saving, "write_tensors", full)
    with pytest.raises(OSError, match="No space left on device"):
        training.fit(X, Y, epochs=1)
    monkeypatch.undo()
    assert names(tmp_path) == numbered(1)
    training.fit(X, Y, epochs=1)
    assert pl.Trainer.resume(tmp_path).epoch == 3


FULL = """
import errno, os, resource, sys, warnings
import pellucid as pl
from support.samples import classification
x, y = classification(30)
trainer = pl.Trainer.resume({folder!r}, callbacks=[pl.Checkpoint({folder!r})])
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))  # no file may grow beyond this: a real write fails half way
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    try:
        trainer.fit(x, y, epochs=3)
    except OSError as error:
        assert error.errno == errno.EFBIG, error
    else:
        sys.exit("nothing went wrong")
assert len(caught) == 2, caught
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such limits")
def test_a_write_that_fails_half_way_leaves_what_was_there(tmp_path: Path) -> None:
    trainer(pl.Checkpoint(tmp_path)).fit(X, Y, epochs=2)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    path = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    program = textwrap.dedent(FULL).format(folder=str(tmp_path))
    subprocess.run([sys.executable, "-c", program], check=True, timeout=600, env={**os.environ, "PYTHONPATH": path})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_old_ones_go_only_when_the_new_one_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer(pl.Checkpoint(tmp_path, keep=1)).fit(X, Y, epochs=1)
    resumed = pl.Trainer.resume(tmp_path, callbacks=[pl.Checkpoint(tmp_path, keep=1)])
    seen: list[list[str]] = []
    unlink = Path.unlink

    def watched(self: Path, missing_ok: bool = False) -> None:
        if self in checkpoints(tmp_path):
            seen.append([path.name for path in checkpoints(tmp_path)])
            read_checkpoint(checkpoints(tmp_path)[-1])
        unlink(self, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", watched)
    resumed.fit(X, Y, epochs=1)
    assert seen == [numbered(1, 2)]


# -- damage ------------------------------------------------------------------------------------------------------


def damaged(folder: Path, how: str) -> None:
    newest = checkpoints(folder)[-1]
    data = newest.read_bytes()
    newest.unlink()
    if how == "a folder":
        newest.mkdir()
    else:
        newest.write_bytes(
            {
                "empty": b"",
                "cut off": data[: len(data) // 2],
                "a bit turned": data[:-5] + bytes([data[-5] ^ 1]) + data[-4:],
                "zeros": bytes(len(data)),
                "a model": b"",
            }[how]
        )
    if how == "a model":
        pl.save(pl.Network([pl.Dense(1)]).build(1), newest)


@pytest.mark.parametrize("how", ["empty", "cut off", "a bit turned", "zeros", "a folder", "a model"])
def test_a_damaged_one_is_passed_over_and_named(how: str, tmp_path: Path) -> None:
    trainer(pl.Checkpoint(tmp_path)).fit(X, Y, epochs=3)
    damaged(tmp_path, how)
    with pytest.warns(UserWarning, match=rf"^A checkpoint is passed over\. .*{numbered(3)[0]}") as caught:
        after = pl.Trainer.resume(tmp_path, callbacks=[pl.Checkpoint(tmp_path)])
    assert caught[0].filename == __file__
    assert after.epoch == 2
    after.fit(X, Y, epochs=1)
    never = trainer()
    never.fit(X, Y, epochs=3)
    assert everything(after) == everything(never)


def test_all_damaged(tmp_path: Path) -> None:
    trainer(pl.Checkpoint(tmp_path)).fit(X, Y, epochs=2)
    for path in checkpoints(tmp_path):
        path.write_bytes(b"damaged")
    with (
        pytest.warns(UserWarning, match="passed over"),
        pytest.raises(pl.CheckpointError, match=r" holds 2 checkpoints, and none of them can be read\.$"),
    ):
        pl.Trainer.resume(tmp_path)


def test_a_newer_format_is_not_passed_over(tmp_path: Path) -> None:
    trainer(pl.Checkpoint(tmp_path)).fit(X, Y, epochs=2)
    newest = checkpoints(tmp_path)[-1]
    with safetensors.safe_open(newest, framework="numpy") as file:
        metadata = {**file.metadata(), "version": "2"}
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    tensor_file.write_tensors(newest, tensors, metadata)
    with pytest.raises(pl.CheckpointError, match="has format version 2, but this Pellucid reads up to 1"):
        pl.Trainer.resume(tmp_path)


# -- what a file cannot hold -------------------------------------------------------------------------------------


def a_rate(step: int) -> float:
    return 0.1 / (1 + step)


def test_a_rate_that_is_a_function_is_asked_for(tmp_path: Path) -> None:
    never, before = (trainer(optimizer=pl.Momentum(a_rate)) for _ in range(2))
    never.fit(X, Y, epochs=4)
    before.fit(X, Y, epochs=2)
    before.save(tmp_path)
    with pytest.raises(
        pl.CheckpointError,
        match=r"No file holds the optimizer of this training: Momentum\.learning_rate is <function a_rate .*\. "
        r"Give it again: optimizer=…$",
    ):
        pl.Trainer.resume(tmp_path)
    after = pl.Trainer.resume(tmp_path, optimizer=pl.Momentum(a_rate))
    after.fit(X, Y, epochs=2)
    assert everything(after) == everything(never)


def test_a_loss_of_functions_is_asked_for(tmp_path: Path) -> None:
    loss = pl.CustomLoss(lambda s, t: ((s - t) ** 2).sum(axis=1), lambda s, t: 2 * (s - t), outputs=3)
    targets = np.eye(3)[Y]
    never, before = (trainer(loss=loss, optimizer=pl.Adam(0.01)) for _ in range(2))
    never.fit(X, targets, epochs=4)
    before.fit(X, targets, epochs=2)
    before.save(tmp_path)
    with pytest.raises(pl.CheckpointError, match="No file holds the loss of this training"):
        pl.Trainer.resume(tmp_path)
    after = pl.Trainer.resume(tmp_path, loss=loss)
    after.fit(X, targets, epochs=2)
    assert everything(after) == everything(never)


def test_a_class_with_the_name_of_one_of_ours_is_not_taken_for_it(tmp_path: Path) -> None:
    own = type("Momentum", (pl.GradientDescent,), {})
    before = trainer(optimizer=own(0.1))
    before.fit(X, Y, epochs=1)
    before.save(tmp_path)
    with pytest.raises(pl.CheckpointError, match="has the name of one of Pellucid's, which a file"):
        pl.Trainer.resume(tmp_path)


def test_an_unknown_part_is_told_of(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"^The part 'optimiser' is unknown\. Did you mean 'optimizer'\?"):
        pl.Trainer.resume(tmp_path, optimiser="adam")


def test_other_data_are_told_of_once(tmp_path: Path) -> None:
    before = trainer()
    before.fit(X, Y, epochs=1)
    before.save(tmp_path)
    after = pl.Trainer.resume(tmp_path)
    with pytest.warns(UserWarning, match="^The training rows are not those that the checkpoint") as caught:
        after.fit(X + 1, Y, epochs=1)
    assert caught[0].filename == __file__
    after.fit(X, Y, epochs=1)


def test_another_engine_is_told_of(tmp_path: Path) -> None:
    pytest.importorskip("pellucid._native")
    before = trainer()
    before.fit(X, Y, epochs=1)
    before.save(tmp_path)
    with pytest.warns(UserWarning, match="^The checkpoint was trained on the native engine") as caught:
        after = pl.Trainer.resume(tmp_path, engine="reference")
    assert caught[0].filename == __file__
    after.fit(X, Y, epochs=1)


# -- others ------------------------------------------------------------------------------------------------------


TWO = """
import sys
import pellucid as pl
from support.samples import classification
x, y = classification(30)
network = pl.Network([pl.Dense(4), pl.Tanh(), pl.Dropout(0.2), pl.Dense(3)])
trainer = pl.Trainer(network, "softmax_cross_entropy", pl.Adam(0.05), batch_size=8, seed=int(sys.argv[1]))
for epoch in range(30):
    trainer.fit(x, y, epochs=1)
    trainer.save({folder!r})
"""


def test_two_processes_that_save_to_the_same_folder(tmp_path: Path) -> None:
    """One has it, the other one is told so; the checkpoints are those of one training."""
    path = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    program = TWO.format(folder=str(tmp_path))
    both = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(seed)],
            env={**os.environ, "PYTHONPATH": path},
            stderr=subprocess.PIPE,
            text=True,
        )
        for seed in (1, 2)
    ]
    errors = [process.communicate(timeout=600)[1] for process in both]
    assert sorted(process.returncode for process in both) == [0, 1]
    winner = next(seed for seed, process in enumerate(both, start=1) if not process.returncode)
    assert "CheckpointError: " in errors[2 - winner]
    assert {read_checkpoint(file)["settings"]["seed"] for file in checkpoints(tmp_path)} == {winner}
    assert names(tmp_path) == numbered(*range(1, 31)), "nothing is left behind"
    assert pl.Trainer.resume(tmp_path).epoch == 30


def test_what_killed_writers_left_goes_with_the_next_checkpoint(tmp_path: Path) -> None:
    left = [tmp_path / f".{numbered(1)[0]}.{name}.part" for name in ("old", "new", "locked")]
    for path in left:
        path.write_bytes(b"half")
    for path in (left[0], left[2]):
        os.utime(path, (0, 0))
    with left[2].open("rb") as locked:
        fcntl = pytest.importorskip("fcntl")
        fcntl.flock(locked, fcntl.LOCK_EX)
        before = trainer()
        before.fit(X, Y, epochs=1)
        before.save(tmp_path)
    assert names(tmp_path) == sorted([left[1].name, left[2].name, *numbered(1)])


def test_any_safetensors_reader_opens_it(tmp_path: Path) -> None:
    before = trainer(average=0.9)
    before.fit(X, Y, epochs=2)
    with safetensors.safe_open(before.save(tmp_path), framework="numpy") as file:
        assert file.metadata()["format"] == "pellucid-checkpoint"
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    assert tensors["training.progress.state.parameters"].tobytes() == before.state.parameters.tobytes()
    assert tensors["training.progress.state.slots.1"].tobytes() == before.state.slots[1].tobytes()
    assert tensors["training.history.columns.loss"].tolist() == before.history["loss"]


def test_golden_checkpoint_of_version_1() -> None:
    """What was written once is resumed for ever, on the engine that every installation has."""
    after = pl.Trainer.resume(GOLDEN, callbacks=[pl.EarlyStopping()])
    assert (after.epoch, after.step, after.seed, after.batch_size) == (3, 12, 11, 8)
    assert after.network.classes == ("low", "mid", "high")
    assert after.optimizer == pl.AdamW(pl.WarmUp(pl.Cosine(0.05, steps=40), steps=4), weight_decay=0.01)
    assert (after.penalty, after.constraint, after.average) == (pl.L2(0.01), pl.MaxNorm(2.0), 0.9)
    after.fit(X, Y, epochs=2, validation=(X[:9], Y[:9]))
    recorded = np.load(GOLDEN / "parameters-after-5.npy")
    np.testing.assert_allclose(after.state.parameters, recorded, rtol=1e-5, atol=1e-6)
