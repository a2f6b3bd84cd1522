"""The second tab: digits drawn, recognised, and trained upon."""

from __future__ import annotations

import base64

import numpy as np
import pytest

import pellucid as pl

ONE = [[(0.5, 0.15), (0.5, 0.85)]]
SEVEN = [[(0.25, 0.2), (0.75, 0.2), (0.42, 0.85)]]
ZERO = [[(0.5 + 0.22 * np.sin(t), 0.5 - 0.34 * np.cos(t)) for t in np.linspace(0, 2 * np.pi, 24)]]


def draw(play, strokes):
    play.page.click("#pad-clear")
    box = play.page.locator(".pad").bounding_box()
    for stroke in strokes:
        points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]
        play.page.mouse.move(*points[0])
        play.page.mouse.down()
        for point in points[1:]:
            play.page.mouse.move(*point, steps=4)
        play.page.mouse.up()


@pytest.fixture(scope="module")
def trained_epochs():
    return 15


@pytest.fixture
def digits(visit, trained_epochs):
    play = visit("tab=digits")
    play.see("#digits-facts", r"1,\d\d\d images of 8 × 8")
    play.page.click("#digits-run")
    play.see("#digits-epoch", rf"^([2-9]\d|1[{trained_epochs % 10}-9]|\d\d\d+)$")
    play.page.click("#digits-run")
    play.see("#digits-run", "Train")
    return play


def test_drawn_digits_are_recognised_and_compared(digits):
    for digit, strokes in {1: ONE, 0: ZERO, 7: SEVEN}.items():
        draw(digits, strokes)
        digits.see("#digits-says", str(digit))
        assert digits.page.locator(f"#digits-bars .best >> nth=0 >> text='{digit}'").count() == 1
    assert digits.page.locator("#digits-nearest figure").count() == 6
    assert "7" in digits.page.text_content("#digits-nearest")
    digits.page.click("#digits-units button >> nth=5")
    digits.see("#digits-unit", "Layer 1, unit 6")
    assert digits.page.locator("#digits-unit canvas").count() >= 3
    assert len(digits.keep_picture("digits")) > 20_000
    digits.page.click("#pad-clear")
    digits.see("#digits-says", "Draw something")


def test_learning_is_shown_with_its_mistakes(digits):
    digits.see(".digits-scores", r"Accuracy \d\d")
    assert digits.page.locator("#digits-learning table td").count() == 10 * 10 + 1
    assert digits.page.locator("#digits-mistakes").count() == 1
    digits.page.click("#digits-reset")
    digits.see(".digits-scores", "Not trained")
    digits.see("#digits-epoch", "^0$")


def test_its_network_is_chosen(visit):
    play = visit("tab=digits")
    play.see("#digits-facts", "images")
    play.fill("#digits-hidden", "24, 12")
    play.page.select_option("#digits-activation", "tanh")
    play.fill("#digits-batch", "64")
    play.fill("#digits-rate", "0.01")
    play.fill("#digits-dropout", "0.1")
    draw(play, ONE)
    play.see("#digits-says", r"\d")
    assert play.page.locator("#digits-units .unit-grid").count() == 2
    assert play.page.locator("#digits-units button").count() == 36
    play.page.click("#digits-run")
    play.see("#digits-epoch", "^[1-9]")


def test_a_digit_is_drawn_by_keyboard(visit):
    play = visit("tab=digits")
    play.see("#digits-facts", "images")
    play.page.focus(".pad")
    for key in ("ArrowUp",) * 8 + (" ",) + ("ArrowDown",) * 18:
        play.page.keyboard.press(key)
    play.see("#digits-says", r"\d")
    play.page.keyboard.press("Delete")
    play.see("#digits-says", "Draw something")


def test_drawings_made_from_test_images_are_recognised_as_well_as_the_originals(digits):
    """Each image, four times as large and moved off the centre, goes the way of a drawing."""
    images, labels = pl.datasets.load_digits().test
    chosen = np.asarray(images)[:60].reshape(-1, 8, 8)
    scale = 255 / chosen.max()
    right = 0
    for image, label in zip(chosen, np.asarray(labels)[:60], strict=True):
        paper = np.zeros((48, 48), np.uint8)
        paper[4:36, 10:42] = np.kron(image * scale, np.ones((4, 4))).astype(np.uint8)
        answer = digits.page.evaluate(
            "ink => import('./state.js').then(({ connection }) => connection.ask('digits.draw', ink))",
            {"width": 48, "height": 48, "base64": base64.b64encode(paper.tobytes()).decode()},
        )
        right += answer["predicted"] == label
    assert right >= 54
