"""All commands: help, version, info, errors, pipes."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import textwrap
import warnings

import pytest
from typer.testing import CliRunner

import pellucid as pl
from pellucid.cli import errors
from pellucid.cli.app import app
from pellucid.extras import pip_install

COMMANDS = ("train", "tune", "predict", "evaluate", "info", "export")


def test_help_lists_the_commands(pellucid) -> None:
    code, out, err = pellucid("--help")
    assert (code, err) == (0, "")
    assert all(re.search(rf"^│ {command} ", out, re.MULTILINE) for command in COMMANDS)
    assert pellucid() == (0, out, "")
    assert "\x1b" not in out


def test_every_command_has_an_example_that_works(pellucid, tmp_path) -> None:
    rows = "".join(f"{carat / 10},{carat * carat}.5\n" for carat in range(1, 61))
    (tmp_path / "diamonds.csv").write_text(f"carat,price\n{rows}")
    for command in COMMANDS:  # train first: the others work on its run
        code, out, _ = pellucid(command, "--help")
        assert code == 0
        example = re.search(r"Example: +pellucid (.*)", out).group(1)
        words = shlex.split(example.replace("--minutes 5", "--minutes 0.01"))
        assert pellucid(*words).code == 0, example


@pytest.mark.parametrize("command", ["", *COMMANDS, "trace", "doctor", "playground"])
def test_help_shows_no_type_behind_a_flag(pellucid, command) -> None:
    out = pellucid(*[command][: bool(command)], "--help").out
    assert re.search(r"--help +-h +Show this message", out)
    assert not re.search(r"<bool>|BOOLEAN", out)


def test_with_typers_own_runner() -> None:
    result = CliRunner().invoke(app, ["--version"])
    assert result.exit_code == 0
    assert result.output == f"pellucid {pl.__version__}\n"
    assert CliRunner().invoke(app, ["train"]).exit_code == 2


def test_version(pellucid, process) -> None:
    assert pellucid("--version") == (0, f"pellucid {pl.__version__}\n", "")
    going = process("--version")
    out, err = going.communicate(timeout=600)
    assert (going.returncode, out, err) == (0, f"pellucid {pl.__version__}\n", "")


def test_help_loads_nothing_heavy() -> None:
    program = """
        import sys
        from pellucid.cli import main
        assert main(["--help"]) == 0
        heavy = {"numpy", "matplotlib", "pellucid.network", "pellucid.training", "rich.progress"} & set(sys.modules)
        assert not heavy, heavy
    """
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(program)]
    subprocess.run(command, check=True, timeout=600, stdout=subprocess.DEVNULL)


def test_info(pellucid, run, tmp_path) -> None:
    code, out, err = pellucid("info", run)
    assert (code, err) == (0, "")
    size = (run / "model.pellucid").stat().st_size
    assert f"{size:,} bytes" in re.sub(r"\s+", " ", out)
    for words in (
        f"version 1, written by pellucid {pl.__version__}",
        "64 numbers a row",
        "a class, with probabilities",
        "0, 1, 2, 3, 4, 5, 6, 7, 8, 9",
        "SoftmaxCrossEntropy",
        "float32",
        f"by pellucid {pl.__version__} on the",
        "seed 0: 6 epochs",
        "Adam(learning_rate=0.003)",
        "rows of 64 numbers (uint8)",
    ):
        assert words in re.sub(r"\s+", " ", out)
    assert re.search(r"SHA-256\s+[0-9a-f]{64}", out)
    assert re.search(r"Metrics +loss \d.*validation accuracy 0\.9.*test accuracy 0\.9", out, re.DOTALL)
    assert re.search(r"1 +Dense\(20\) +20 +1,300\n", out)
    assert re.search(r"input of 64 +1,510\n", out)
    pl.save(pl.Network([pl.Dense(2)], dtype="float64").build(3), tmp_path / "new.pellucid")
    out = pellucid("info", "new.pellucid").out
    assert "not trained yet" in out
    assert "Features   without names" in out
    assert not re.search("Classes|Trained|Metrics", out)


def test_info_names_features_and_kinds(pellucid, tmp_path) -> None:
    network = pl.Network([pl.Dense(1)]).build(3)
    network.features = ["height", ("smokes", "boolean"), ("town", "category")]
    network.link = "exponential"
    pl.save(network, tmp_path / "named.pellucid")
    out = pellucid("info", "named.pellucid").out
    assert "height, smokes (boolean), town (category)" in out
    assert "numbers above 0" in out


def test_a_closed_pipe_ends_quietly(process, run) -> None:
    going = process("predict", run, "digits", "--probabilities")
    going.stdout.close()
    going.stdout = None
    _, err = going.communicate(timeout=600)
    assert (going.returncode, err) == (1, "")


def test_a_stream_without_the_characters(process, run) -> None:
    going = process("info", run, PYTHONUTF8="0", PYTHONIOENCODING="ascii")
    out, err = going.communicate(timeout=600)
    assert (going.returncode, err) == (0, "")
    assert out.isascii()


def test_warnings_are_notes(pellucid, monkeypatch) -> None:
    import pellucid.plots as plots

    def without(*_) -> None:
        raise ImportError("Pictures need matplotlib: pip install '.[plots]'.")

    monkeypatch.setattr(plots, "report", without)
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        code, out, err = pellucid("train", "two-gaussians", "--epochs", "2")
    assert code == 0
    assert err == "Note: there is no report.png. Pictures need matplotlib: pip install '.[plots]'.\n"
    assert "Saved model.pellucid, history.json, settings.json in" in out


def test_a_bug_is_told_in_one_sentence() -> None:
    try:
        {}["missing"]
    except KeyError as error:
        words = errors.sentence_of(error)
    assert re.fullmatch(
        r"this is a bug in Pellucid, please report it: KeyError in test_commands\.py, line \d+: 'missing'", words
    )


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (errors.UsageError("a"), 2, "a"),
        (errors.Failure("a\nb"), 1, "a b"),
        (KeyboardInterrupt(), 130, "interrupted."),
        (PermissionError(13, "Permission denied", "/x"), 1, "Permission denied: /x."),
        (OSError(28, "No space left on device"), 1, "No space left on device."),
        (MemoryError(), 1, "there is not enough memory for this."),
    ],
)
def test_errors_have_codes_and_sentences(error, code, words) -> None:
    assert (errors.code_of(error), errors.sentence_of(error)) == (code, words)


def test_without_typer_it_says_what_to_install(monkeypatch, capsys) -> None:
    from pellucid.cli import main

    monkeypatch.setitem(sys.modules, "typer", None)
    assert main(["--help"]) == 1
    assert capsys.readouterr().err == f"Error: the command line needs typer: {pip_install('cli')}.\n"
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"pellucid {pl.__version__}\n"
