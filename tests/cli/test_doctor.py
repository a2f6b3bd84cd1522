"""`pellucid doctor` and `pellucid train … --doctor`: the fault, the remedy as one would type it, and that it helps."""

from __future__ import annotations

import json
import re

import pytest

import pellucid as pl

pytestmark = pytest.mark.usefixtures("without_pictures")


def test_a_rate_of_30_is_named_and_the_command_it_offers_repairs_it(pellucid, tmp_path) -> None:
    code, out, err = pellucid("train", "digits", "--learning-rate", 30, "--doctor")
    assert (code, err) == (0, "")
    assert "error: learning_rate_too_high" in out
    assert "Do: Lower the learning rate from 30 to 0.003." in out
    offered = re.search(r"^Try: pellucid (.+)$", out, re.MULTILINE)
    assert offered is not None
    before = float(re.search(r"Test: .*accuracy ([\d.]+)", out)[1])
    code, out, _ = pellucid(*offered[1].split())
    assert code == 0
    assert "Nothing to report." in out
    assert float(re.search(r"Test: .*accuracy ([\d.]+)", out)[1]) > max(0.95, before)
    saved = json.loads((tmp_path / "runs/digits-1/findings.json").read_text())
    assert saved["findings"][0]["name"] == "learning_rate_too_high"


def test_a_saved_run_is_examined_with_and_without_a_doctor(pellucid, tmp_path) -> None:
    pellucid("train", "digits", "--learning-rate", 30, "--epochs", 8, "--save", "plain")
    pellucid("train", "digits", "--learning-rate", 30, "--epochs", 8, "--save", "watched", "--doctor")
    plain, watched = pellucid("doctor", "plain"), pellucid("doctor", "watched")
    for answer in (plain, watched):
        assert answer.code == 0
        assert "error: learning_rate_too_high" in answer.out
        assert "Try: pellucid train digits --learning-rate 0.003 --epochs 8" in answer.out
    assert "Not seen: activations and gradients while training went on" in plain.out
    assert "Not seen" not in watched.out
    (tmp_path / "plain/settings.json").unlink()
    assert "there is a history alone" in pellucid("doctor", "plain").out


def test_a_divergence_is_diagnosed_before_the_error(pellucid) -> None:
    code, out, err = pellucid(
        *("train", "digits", "--optimizer", "gradient-descent", "--learning-rate", "1e30", "--doctor")
    )
    assert code == 1
    assert "error: learning_rate_too_high" in out
    assert "non_finite" in out
    assert re.search(r"Try: pellucid train digits --optimizer gradient-descent --learning-rate 0\.\d+ --doctor", out)
    assert err.startswith("Error: The loss became ")


@pytest.mark.parametrize(
    ("options", "name", "offered"),
    [
        (("--hidden", "none", "--batch-size", "full", "--epochs", "5"), "batch_size_mismatch", "--batch-size 32"),
        (
            ("--activation", "sigmoid", "--hidden", "32,32,32,32,32,32,32,32", "--optimizer", "gradient-descent"),
            "vanishing_gradients",
            "--activation relu",
        ),
        (("--l2", "2", "--epochs", "20"), "over_regularized", "--l2 0.02"),
    ],
)
def test_remedies_are_written_as_options(pellucid, options, name, offered) -> None:
    out = pellucid("train", "digits", *options, "--doctor").out
    assert re.search(rf"^(error|warning): {name}", out, re.MULTILINE)
    assert offered in out[out.index("Try: ") :]


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "run is no run's folder: it holds no history.json"),
        ({"history.json": "[]"}, "history.json is damaged"),
        ({"history.json": "{}"}, "This is not a history"),
        ({"history.json": '{"columns": {}}', "findings.json": "…"}, "findings.json is damaged"),
    ],
)
def test_what_is_no_run_is_refused(pellucid, tmp_path, files, words) -> None:
    (tmp_path / "run").mkdir()
    for name, text in files.items():
        (tmp_path / "run" / name).write_text(text)
    code, _, err = pellucid("doctor", "run")
    assert code == 1
    assert words in err


def test_a_folder_that_is_not_there_is_refused(pellucid) -> None:
    code, _, err = pellucid("doctor", "nowhere")
    assert code == 1
    assert err == "Error: nowhere does not exist: name the folder of a run, such as runs/digits-1.\n"


def test_the_history_of_a_run_keeps_that_it_diverged() -> None:
    history = pl.History()
    history.diverged, history.stopped = 3, "The loss became NaN in epoch 3."
    again = pl.History.from_json(history.to_json())
    assert again.diverged == 3
    assert pl.diagnose(again).names == ("non_finite",)
