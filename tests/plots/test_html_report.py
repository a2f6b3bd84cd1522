"""The report of a run: one file that holds everything, is well-formed, and loads nothing."""

from __future__ import annotations

import base64
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("matplotlib")

import pellucid as pl
from support.pages import without_pictures
from support.samples import random_numbers


class Page(HTMLParser):
    """Reads a page: every tag that opens must close, in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.names: set[str] = set()
        self.pictures: list[dict[str, Any]] = []
        self.headings: list[str] = []
        self.cells: list[str] = []
        self.label = ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attributes: Any) -> None:
        self.names.add(tag)
        if tag == "img":
            self.pictures.append(dict(attributes))
        if tag in ("td", "th"):
            self.cells.append("")
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.label += data
        if self.open and self.open[-1] in ("h1", "h2"):
            self.headings.append(data)
        if self.open and self.open[-1] in ("td", "th"):
            self.cells[-1] += data


@pytest.fixture(scope="module")
def digits():
    x, y = pl.datasets.load_digits().train
    network = pl.Network([pl.Standardize(), pl.Dense(8), pl.ReLU(), pl.Dense(10)])
    trainer = pl.Trainer(network, "softmax_cross_entropy", pl.Adam(0.01), callbacks=[pl.Recorder(rows=32)])
    trainer.fit(x[:200], y[:200], epochs=3, validation=(x[200:250], y[200:250]))
    return trainer, x[250:330], y[250:330]


def test_a_page_of_images(digits, tmp_path) -> None:
    trainer, x, y = digits
    state, bits = trainer.state, trainer.network.parameters.tobytes()
    html = pl.report(trainer, x, y, tmp_path / "run.html", title="Digits & <friends>", findings=[])
    assert trainer.state is state
    assert trainer.network.parameters.tobytes() == bits
    assert (tmp_path / "run.html").read_text(encoding="utf-8") == html
    page = Page(html)
    assert page.headings == [
        "Digits & <friends>", "Findings", "Curves", "What it gets right", "Data", "Network", "What it has learnt",
        "As it learnt", "The loss around it",
    ]  # fmt: skip
    assert not page.names & {"script", "link", "iframe", "object", "style2"}
    assert "http" not in without_pictures(html).replace("http-equiv", "")
    assert "Nothing was found." in page.label
    measured = trainer.network.evaluate(x, y)
    assert f"loss {measured['loss']:.4f}, accuracy {measured['accuracy']:.4f} on 80 rows" in page.cells
    counts = np.bincount(y, minlength=10)
    place = page.cells.index("class") + 3
    assert page.cells[place : place + 3] == ["0", str(counts[0]), f"{counts[0] / 80:.1%}"]
    assert "Adam(learning_rate=0.01)" in page.cells
    assert len(page.pictures) == 11
    for picture in page.pictures:
        kind, data = picture["src"].split(",", 1)
        assert kind == "data:image/png;base64"
        assert base64.b64decode(data, validate=True).startswith(b"\x89PNG")
        assert picture["alt"] or picture["alt"] == ""


def test_findings_stand_in_it_escaped(digits) -> None:
    trainer, x, y = digits
    finding = SimpleNamespace(
        name="dead_relu", severity="warning", layer=2, epoch=None, evidence="6 of 8 <units>", advice="Lower the rate."
    )
    plain = "just words"
    html = pl.report(trainer, x, y, findings=[finding, plain])
    page = Page(html)
    assert "dead reluwarning, layer 26 of 8 <units>Lower the rate." in page.label
    assert "just words" in page.label
    assert '<div class="finding warning">' in html
    assert "Findings" not in Page(pl.report(trainer, x, y)).headings


@pytest.mark.parametrize(
    ("loss", "outputs", "y", "pictures"),
    [
        ("softmax_cross_entropy", 2, np.arange(20) % 2, 5),
        ("sigmoid_cross_entropy", 1, np.arange(20) % 2, 5),
        ("hinge", 1, np.arange(20) % 2, 5),
        ("squared_error", 1, np.linspace(0, 1, 20), 3),
        ("squared_error", 2, np.ones((20, 2)), 3),
        (pl.Quantile((0.1, 0.9)), 2, np.linspace(0, 1, 20), 3),
    ],
)
def test_every_kind_of_answer(loss, outputs, y, pictures) -> None:
    x = random_numbers((20, 2))
    trainer = pl.Trainer(pl.Network([pl.Dense(4), pl.Tanh(), pl.Dense(outputs)]), loss)
    trainer.fit(x, y, epochs=2)
    page = Page(pl.report(trainer, x, y, names=["length", "width <cm>"]))
    assert "width <cm>" in page.cells
    assert len(page.pictures) == pictures


def test_a_network_without_weights_and_a_run_without_epochs() -> None:
    x = random_numbers((5, 3))
    trainer = pl.Trainer(pl.Network([pl.Standardize(), pl.PReLU()]), "squared_error")
    trainer.initialize(x, x)
    assert Page(pl.report(trainer, x, x)).headings[1] == "Data"


def test_bad_input_is_answered(digits) -> None:
    trainer, x, y = digits
    with pytest.raises(ValueError, match=r"^names must hold one for each of the 64 features, not 2\.$"):
        pl.report(trainer, x, y, names=["a", "b"])
    with pytest.raises(ValueError, match=r"^The numbers of rows differ: x has 80, y has 79"):
        pl.report(trainer, x, y[1:])
    fresh = pl.Trainer(pl.Network([pl.Dense(1)]), "squared_error")
    with pytest.raises(ValueError, match=r"^Training has not begun"):
        pl.report(fresh, x, y)


def test_a_training_whose_outputs_are_nan_is_reported_all_the_same() -> None:
    trainer = pl.Trainer(pl.Network([pl.Dense(3), pl.Tanh(), pl.Dense(2)]), pl.SoftmaxCrossEntropy(), seed=0)
    x, y = pl.datasets.bulls_eye(40, seed=0)
    trainer.initialize(x, y)
    trainer.network.set("2.bias", [3e38, 3e38])
    trainer.network.set("2.weight", np.full((3, 2), 3e38))
    page = pl.report(trainer, x, y)
    assert "output is NaN for " in page
    assert "the outputs of layer 2, Dense(2)" in page
