"""`pellucid trace`: the same words as the library's, for the row that was asked for."""

from __future__ import annotations

import json

import numpy as np
import pytest

import pellucid as pl


@pytest.fixture(scope="module")
def plane(tmp_path_factory):
    network = pl.Network([pl.Dense(3), pl.Sigmoid(), pl.Dense(2)], dtype="float64")
    pl.Trainer(network, "softmax_cross_entropy", seed=1).fit(*pl.datasets.two_gaussians(20), epochs=2)
    path = tmp_path_factory.mktemp("plane") / "plane.pellucid"
    pl.save(network, path)
    return path, network


@pytest.fixture
def table(tmp_path):
    (tmp_path / "rows.csv").write_text("a,b,class\n0.1,0.2,0\n-0.4,0.5,1\n0.9,-0.3,0\n", encoding="utf-8")
    return "rows.csv"


def expected(network: pl.Network, rate: float = 0.1) -> pl.Trace:
    return pl.trace(network, None, [[-0.4, 0.5]], np.array([1]), optimizer=pl.GradientDescent(rate))


def test_a_row_of_a_file(pellucid, plane, table) -> None:
    path, network = plane
    answer = pellucid("trace", path, "--data", table, "--row", 1)
    assert answer == (0, f"{expected(network)}\n", "")
    answer = pellucid("trace", path, "--data", table, "--row", 1, "--learning-rate", 0.5, "--unit", 2, "--digits", 6)
    assert answer.out == expected(network, 0.5).text(unit=2, digits=6) + "\n"


def test_a_row_of_the_digits(pellucid, tmp_path) -> None:
    network = pl.Network([pl.Dense(10)], dtype="float64").build(64, seed=3)
    network.loss, network.link = pl.SoftmaxCrossEntropy(), "softmax"
    pl.save(network, tmp_path / "digits.pellucid")
    x, y = pl.datasets.load_digits().test
    text = str(pl.trace(network, None, x[7:8], y[7:8], optimizer=pl.GradientDescent(0.1)))
    assert pellucid("trace", "digits.pellucid", "--row", 7).out == f"{text}\n"
    assert pellucid("trace", "digits.pellucid", "--row", 7, "--data", "digits").out == f"{text}\n"


def test_json_and_html(pellucid, plane, table, tmp_path) -> None:
    path, network = plane
    answer = pellucid("trace", path, "--data", table, "--row", 1, "--json")
    assert json.loads(answer.out) == json.loads(expected(network).to_json())
    answer = pellucid("trace", path, "--data", table, "--row", 1, "--html", "page.html")
    assert answer.out == "Wrote the trace of row 1 to page.html\n"
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == expected(network).to_html()


@pytest.mark.parametrize(
    ("more", "code", "message"),
    [
        (["--row", "3"], 2, "--row 3 is not there: rows.csv has 3 rows, from 0 to 2."),
        (["--unit", "most"], 2, "--unit must be a whole number from 0 on, or all, not 'most'."),
        (["--unit", "3"], 2, "--unit or --digits: unit must be a whole number of at least 0 and at most 2, not 3."),
        (
            ["--digits", "99"],
            2,
            "--unit or --digits: digits must be a whole number of at least 1 and at most 16, not 99.",
        ),
        (["--learning-rate", "-1"], 2, "--learning-rate: learning_rate must be a number of at least 0, not -1.0."),
        (["--html", "a.html", "--json"], 2, "--html and --json exclude each other: run the command twice."),
        (["--html", "nowhere/a.html"], 1, "The folder nowhere does not exist."),
    ],
)
def test_what_is_wrong(pellucid, plane, table, more, code, message) -> None:
    answer = pellucid("trace", plane[0], "--data", table, *more)
    assert (answer.code, answer.out, answer.err) == (code, "", f"Error: {message}\n")


def test_what_is_missing(pellucid, plane, tmp_path) -> None:
    answer = pellucid("trace", plane[0])
    assert (answer.code, answer.err) == (2, "Error: --data is needed: which data set or file does the row come from?\n")
    pl.save(pl.Network([pl.Dense(2)]).build(2), tmp_path / "new.pellucid")
    answer = pellucid("trace", "new.pellucid")
    assert answer.code == 1
    assert answer.err == "Error: new.pellucid was saved before it was trained, so it has no loss to trace.\n"
