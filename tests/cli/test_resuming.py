"""`pellucid train --checkpoint DIR`, and `--resume DIR`."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import sys

import pytest

SHORT = ("train", "digits", "--hidden", "20", "--dropout", "0.2", "--seed", 4)


@pytest.fixture(autouse=True)
def quick(without_pictures) -> None:
    """No pictures: they are not what is looked at here."""


def outcome(folder) -> tuple[bytes, dict]:
    """The model and the history of a run, without its times."""
    history = json.loads((folder / "history.json").read_text())
    del history["columns"]["seconds"]
    return (folder / "model.pellucid").read_bytes(), history


def test_a_resumed_training_leaves_the_same_files(pellucid, tmp_path) -> None:
    assert pellucid(*SHORT, "--epochs", 6, "--save", "never").code == 0
    assert pellucid(*SHORT, "--epochs", 2, "--save", "run", "--checkpoint", "ck").code == 0
    assert sorted(path.name for path in (tmp_path / "ck").iterdir()) == [
        "checkpoint-000001.safetensors",
        "checkpoint-000002.safetensors",
        "command.json",
    ]
    code, out, err = pellucid("train", "digits", "--resume", "ck", "--epochs", 6)
    assert (code, err) == (0, "")
    assert "Going on after epoch 2, step 68.\nepoch 3/6 " in out
    assert outcome(tmp_path / "run") == outcome(tmp_path / "never")
    code, out, err = pellucid("train", "digits", "--resume", "ck", "--epochs", 6, "--save", "again")
    assert (code, err) == (0, "")
    assert "Training finished in epoch 6." in out
    assert outcome(tmp_path / "again")[0] == outcome(tmp_path / "never")[0]


def test_early_stopping_is_the_same(pellucid, tmp_path) -> None:
    early = ("train", "two-gaussians", "--learning-rate", "0.3", "--patience", 4, "--epochs", 60)
    assert pellucid(*early, "--save", "never").code == 0
    epochs = len(outcome(tmp_path / "never")[1]["columns"]["epoch"])
    assert 4 < epochs < 60
    assert pellucid(*early, "--save", "run", "--checkpoint", "ck").code == 0
    (tmp_path / "ck" / f"checkpoint-{epochs:06d}.safetensors").unlink()  # as if it had been killed just before the end
    assert pellucid("train", "two-gaussians", "--resume", "ck").code == 0
    assert outcome(tmp_path / "run") == outcome(tmp_path / "never")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_a_training_that_is_killed_goes_on(process, pellucid, tmp_path) -> None:
    epochs = 25
    assert pellucid(*SHORT, "--epochs", epochs, "--patience", 0, "--save", "never").code == 0
    code = 0
    while code == 0:  # it came to its end before the signal did: once more
        for folder in ("run", "ck"):
            shutil.rmtree(tmp_path / folder, ignore_errors=True)
        going = process(*SHORT, "--epochs", epochs, "--patience", 0, "--save", "run", "--checkpoint", "ck")
        for line in going.stdout:
            if line.startswith("epoch  3/"):
                going.send_signal(signal.SIGKILL)
                break
        going.communicate(timeout=600)
        code = going.returncode
    assert code == -signal.SIGKILL
    assert pellucid("train", "digits", "--resume", "ck").code == 0
    assert outcome(tmp_path / "run") == outcome(tmp_path / "never")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_ctrl_c_says_how_to_go_on(process) -> None:
    going = process(*SHORT, "--epochs", 100_000, "--patience", 0, "--checkpoint", "ck")
    for line in going.stdout:
        if line.startswith("epoch"):
            going.send_signal(signal.SIGINT)
            break
    out, err = going.communicate(timeout=600)
    assert (going.returncode, err) == (130, "")
    assert out.endswith("Go on with: pellucid train digits --resume ck\n")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_two_trainings_into_one_folder(process, pellucid, tmp_path) -> None:
    going = process(*SHORT, "--epochs", 100_000, "--patience", 0, "--checkpoint", "ck")
    for line in going.stdout:
        if line.startswith("epoch"):
            break
    begun = (tmp_path / "ck" / "command.json").read_bytes()
    (tmp_path / "early").mkdir()
    shutil.copy(tmp_path / "ck" / "claim.json", tmp_path / "early")  # as before its first checkpoint
    for option, folder in (("--resume", "ck"), ("--checkpoint", "ck"), ("--checkpoint", "early")):
        assert pellucid("train", "digits", option, folder, *(["--seed", 5] if option == "--checkpoint" else [])) == (
            1,
            "",
            f"Error: The training of process {going.pid} on {socket.gethostname()} saves its checkpoints in {folder}: "
            f"name another folder, or wait until it has ended.\n",
        )
    assert [path.name for path in (tmp_path / "early").iterdir()] == ["claim.json"]
    going.send_signal(signal.SIGINT)
    going.communicate(timeout=60)
    assert (tmp_path / "ck" / "command.json").read_bytes() == begun
    assert "claim.json" not in {path.name for path in (tmp_path / "ck").iterdir()}


def test_the_command_of_another_training(pellucid, tmp_path) -> None:
    for number, folder in ((4, "one"), (5, "two")):
        assert pellucid(*SHORT[:-1], number, "--epochs", 1, "--checkpoint", folder).code == 0
    shutil.copy(tmp_path / "two" / "command.json", tmp_path / "one")
    code, _, err = pellucid("train", "digits", "--resume", "one", "--epochs", 2)
    assert (code, err) == (
        1,
        "Error: The checkpoints in one are not of the training that its command.json begins: they have another seed, "
        "other layers or other first weights. Put back the files that belong together.\n",
    )


def test_wrong_use(pellucid, tmp_path) -> None:
    assert pellucid(*SHORT, "--epochs", 2, "--checkpoint", "ck", "--save", "run").code == 0
    (tmp_path / "file").write_text("")
    for arguments, code, message in (
        (
            ("digits", "--checkpoint", "ck"),
            2,
            "--checkpoint ck holds the checkpoints of an earlier training: go on with it, --resume ck, or name another "
            "folder.",
        ),
        (("digits", "--checkpoint", "file"), 2, "--checkpoint file is a file: name a folder."),
        (
            ("digits", "--resume", "ck", "--checkpoint", "ck"),
            2,
            "--resume goes on writing checkpoints to its folder: leave --checkpoint out.",
        ),
        (
            ("digits", "--resume", "ck", "--hidden", "30"),
            2,
            "--hidden was 20 when this training was begun, and cannot be 30 now: leave it out, or begin another one.",
        ),
        (
            ("digits", "--resume", "ck", "--learning-rate", "0.5"),
            2,
            "--learning-rate was not given when this training was begun, and cannot be 0.5 now: leave it out, or begin "
            "another one.",
        ),
        (
            ("two-gaussians", "--resume", "ck"),
            2,
            "the data set was digits when this training was begun, and cannot be two-gaussians now: leave it out, or "
            "begin another one.",
        ),
        (
            ("digits", "--resume", "none"),
            1,
            "none holds no training of pellucid train --checkpoint: there is no command.json in it.",
        ),
    ):
        assert pellucid("train", *arguments) == (code, "", f"Error: {message}\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ck", "file", "run"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is damaged: it is not JSON."),
        ("[]", "is damaged: it does not say what was trained."),
        ('{"dataset": "digits", "hidden": 3}', "is damaged: hidden is 3."),
        ('{"dataset": "digits", "seed": true}', "is damaged: seed is True."),
    ],
)
def test_a_damaged_command(pellucid, tmp_path, text, message) -> None:
    (tmp_path / "ck").mkdir()
    (tmp_path / "ck" / "command.json").write_text(text)
    assert pellucid("train", "digits", "--resume", "ck") == (1, "", f"Error: ck/command.json {message}\n")
