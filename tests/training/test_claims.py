"""A folder of checkpoints is one training's: others are refused by name, and take over from the dead."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pellucid as pl
from pellucid.training.saving import checkpoints, read_checkpoint
from support.samples import classification

X, Y = classification(30)
PROC = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the system does not say when processes started")

PROGRAM = """
import sys
import pellucid as pl
from support.samples import classification

def wait(trainer):
    if trainer.epoch == 2:
        print("training", flush=True)
        sys.stdin.readline()

x, y = classification(30)
network = pl.Network([pl.Dense(4), pl.Tanh(), pl.Dense(3)])
callbacks = [wait, pl.Checkpoint(sys.argv[1])]
pl.Trainer(network, "softmax_cross_entropy", batch_size=8, seed=7, callbacks=callbacks).fit(x, y, epochs=3)
"""


def trainer(*callbacks: Any, seed: int = 0, engine: str = "auto") -> pl.Trainer:
    network = pl.Network([pl.Dense(4), pl.Tanh(), pl.Dense(3)], engine=engine)
    return pl.Trainer(network, "softmax_cross_entropy", batch_size=8, seed=seed, callbacks=callbacks)


def program(text: str, *arguments: str) -> subprocess.Popen[str]:
    path = os.pathsep.join([str(Path(__file__).parents[1]), str(Path(pl.__file__).parents[1])])
    environment = {**os.environ, "PYTHONPATH": path}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([sys.executable, "-c", text, *arguments], env=environment, text=True, **pipes)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process in the middle of a training, whose checkpoints go to tmp_path."""
    process = program(PROGRAM, str(tmp_path))
    assert process.stdout is not None
    assert process.stdout.readline() == "training\n", process.communicate()[1]
    yield process
    process.kill()
    process.communicate()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def write_claim(folder: Path, **changes: Any) -> None:
    claim = {"pid": os.getppid(), "host": socket.gethostname(), "started": None, **changes}
    (folder / "claim.json").write_text(json.dumps(claim))


def refused(folder: Path, message: str) -> None:
    """Neither a fit nor a saving by hand gets through, and all is as it was."""
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    by_hand = trainer().initialize(X, Y)
    for call in (lambda: trainer(pl.Checkpoint(folder)).fit(X, Y, epochs=1), lambda: by_hand.save(folder)):
        with pytest.raises(pl.CheckpointError) as caught:
            call()
        assert str(caught.value) == message
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_second_process_is_refused_by_name(running: subprocess.Popen[str], tmp_path: Path) -> None:
    assert names(tmp_path) == ["checkpoint-000001.safetensors", "claim.json"]
    refused(
        tmp_path,
        f"The training of process {running.pid} on {socket.gethostname()} saves its checkpoints in {tmp_path}: name "
        f"another folder, or wait until it has ended.",
    )
    resumed = pl.Trainer.resume(tmp_path, callbacks=[pl.Checkpoint(tmp_path)])  # reading is free, writing is not
    with pytest.raises(pl.CheckpointError, match=f"process {running.pid} on "):
        resumed.fit(X, Y, epochs=1)
    _, errors = running.communicate("\n")
    assert (running.returncode, errors) == (0, "")
    assert names(tmp_path) == [f"checkpoint-{number:06d}.safetensors" for number in (1, 2, 3)]
    assert {read_checkpoint(path)["settings"]["seed"] for path in checkpoints(tmp_path)} == {7}
    with pytest.raises(pl.CheckpointError, match=r"holds checkpoints of another training, up to checkpoint-000003"):
        resumed.fit(X, Y, epochs=1)  # it was resumed from the first, and would go on beside the others


@PROC
def test_the_claim_of_a_killed_process_is_taken_over(running: subprocess.Popen[str], tmp_path: Path) -> None:
    running.kill()
    os.waitid(os.P_PID, running.pid, os.WEXITED | os.WNOWAIT)  # it is over, and still in the system's table
    assert "claim.json" in names(tmp_path)
    resumed = pl.Trainer.resume(tmp_path, callbacks=[pl.Checkpoint(tmp_path)])
    resumed.fit(X, Y, epochs=2)
    assert names(tmp_path) == [f"checkpoint-{number:06d}.safetensors" for number in (1, 2, 3)]
    running.wait()
    write_claim(tmp_path, pid=running.pid)
    resumed.fit(X, Y, epochs=1)
    assert "claim.json" not in names(tmp_path)


@PROC
def test_a_later_process_of_the_same_number_is_not_taken_for_it(running: subprocess.Popen[str], tmp_path: Path) -> None:
    claim = json.loads((tmp_path / "claim.json").read_text())
    other = tmp_path / "other"
    other.mkdir()
    write_claim(other, **claim)
    refused(other, f"The training of process {running.pid} on {claim['host']} saves its checkpoints in {other}: name "
                   f"another folder, or wait until it has ended.")  # fmt: skip
    write_claim(other, **{**claim, "started": claim["started"] - 1})
    trainer(pl.Checkpoint(other)).fit(X, Y, epochs=1)
    assert names(other) == ["checkpoint-000001.safetensors"]


def test_another_host_cannot_be_asked(tmp_path: Path) -> None:
    write_claim(tmp_path, host="elsewhere")
    refused(
        tmp_path,
        f"The training of process {os.getppid()} on elsewhere saves its checkpoints in {tmp_path}; whether it is still "
        f"running cannot be seen from {socket.gethostname()}. If it has ended, delete {tmp_path / 'claim.json'}; "
        f"otherwise name another folder.",
    )
    (tmp_path / "claim.json").unlink()
    trainer(pl.Checkpoint(tmp_path)).fit(X, Y, epochs=1)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": "1", "host": "x"}', '{"pid": 1}', '{"host": "x"}'])
def test_a_claim_that_is_damaged_is_none(text: str, tmp_path: Path) -> None:
    (tmp_path / "claim.json").write_text(text)
    trainer(pl.Checkpoint(tmp_path)).fit(X, Y, epochs=1)
    assert names(tmp_path) == ["checkpoint-000001.safetensors"]


@pytest.mark.parametrize("pid", [0, -1, 2**22 + 1, 2**70])
def test_a_process_that_there_cannot_be(pid: int, tmp_path: Path) -> None:
    write_claim(tmp_path, pid=pid)
    trainer(pl.Checkpoint(tmp_path)).fit(X, Y, epochs=1)
    assert names(tmp_path) == ["checkpoint-000001.safetensors"]


@pytest.mark.parametrize("in_thread", [False, True])
def test_a_second_training_in_the_same_process(in_thread: bool, tmp_path: Path) -> None:
    errors: list[str] = []

    def second() -> None:
        with pytest.raises(pl.CheckpointError) as caught:
            trainer(pl.Checkpoint(tmp_path), seed=1).fit(X, Y, epochs=1)
        errors.append(str(caught.value))

    def meanwhile(_: pl.Trainer) -> None:
        if not in_thread:
            second()
            return
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()

    trainer(meanwhile, pl.Checkpoint(tmp_path)).fit(X, Y, epochs=1)
    assert errors == [
        f"Another training in this process ({os.getpid()}) saves its checkpoints in {tmp_path}: name another folder, "
        f"or wait until it has ended."
    ]
    assert names(tmp_path) == ["checkpoint-000001.safetensors"]


FORKED = """
import os, sys
import pellucid as pl
from support.samples import classification

def fork(trainer):
    child = os.fork()
    if not child:
        try:
            trainer.save(sys.argv[1])
        except pl.CheckpointError as error:
            assert f"process {os.getppid()} on" in str(error)
            checkpoint.on_fit_end = lambda trainer: None
            raise SystemExit(3)  # through everything that gives back what the parent holds
        os._exit(4)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert (code, os.path.exists(sys.argv[1] + "/claim.json")) == (3, True)
    print("forked", flush=True)

x, y = classification(30)
network = pl.Network([pl.Dense(3)], engine="reference")
checkpoint = pl.Checkpoint(sys.argv[1])
pl.Trainer(network, "softmax_cross_entropy", callbacks=[fork, checkpoint]).fit(x, y, epochs=1)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system does not fork")
def test_a_forked_child_neither_has_nor_ends_its_parents_claim(tmp_path: Path) -> None:
    process = program(FORKED, str(tmp_path))
    assert process.communicate() == ("forked\n", "")
    assert names(tmp_path) == ["checkpoint-000001.safetensors"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
@pytest.mark.parametrize("when", ["on_fit_begin", "on_epoch_end", "on_fit_end"])
def test_a_fit_that_fails_gives_the_folder_back(error: type[BaseException], when: str, tmp_path: Path) -> None:
    class Failing(pl.Callback):
        last = True  # woken after the checkpoint, which has claimed the folder by then

    def fail(*_: Any) -> None:
        raise error

    setattr(Failing, when, fail)
    with pytest.raises(error):
        trainer(pl.Checkpoint(tmp_path), Failing()).fit(X, Y, epochs=2)
    assert "claim.json" not in names(tmp_path)


def test_a_training_goes_on_only_from_its_own_newest_checkpoint(tmp_path: Path) -> None:
    first = trainer(pl.Checkpoint(tmp_path))
    first.fit(X, Y, epochs=1)
    pl.Trainer.resume(tmp_path, callbacks=[pl.Checkpoint(tmp_path)]).fit(X, Y, epochs=1)
    for call in (lambda: first.fit(X, Y, epochs=1), lambda: first.save(tmp_path)):
        with pytest.raises(
            pl.CheckpointError, match=r"of another training, up to checkpoint-000002\.safetensors: go on"
        ):
            call()


@pytest.mark.parametrize("other", ["seed", "layers", "weights"])
def test_checkpoints_of_two_trainings_in_one_folder_are_not_resumed(other: str, tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    one = trainer(pl.Checkpoint(folders[0]))
    two = trainer(pl.Checkpoint(folders[1]), seed=int(other == "seed"))
    one.network.build(X.shape[1], seed=3)
    two.network.build(X.shape[1], seed=3)
    if other == "layers":
        network = pl.Network([pl.Dense(4), pl.ReLU(), pl.Dense(3)]).build(X.shape[1], seed=3)
        two = pl.Trainer(network, "softmax_cross_entropy", batch_size=8, callbacks=[pl.Checkpoint(folders[1])])
    if other == "weights":
        two.network.parameters = np.zeros_like(two.network.parameters)
    one.fit(X, Y, epochs=1)
    two.fit(X, Y, epochs=2)
    shutil.copy(folders[1] / "checkpoint-000002.safetensors", folders[0])
    with pytest.raises(pl.CheckpointError) as caught:
        pl.Trainer.resume(folders[0])
    assert str(caught.value) == (
        f"{folders[0]} holds checkpoints of more than one training: checkpoint-000002.safetensors and "
        f"checkpoint-000001.safetensors have another seed, other layers or other first weights. Move those of one "
        f"training to a folder of its own."
    )
    assert re.match("[0-9a-f]{64}$", pl.storage.tensor_file.TensorFile(checkpoints(folders[0])[0]).metadata["training"])
