"""The second tab: drawings made into images as the data's were, and recognised as well as those."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest

import pellucid as pl
from pellucid.playground.digits import drawn, knows
from pellucid.playground.digits_session import DigitsSession
from pellucid.playground.drawing import DIGITS, MNIST, normalized
from pellucid.playground.images import images_of
from pellucid.playground.initial_state import initial_state
from pellucid.playground.session import Session
from pellucid.playground.state import Refused
from pellucid.playground.wire import unpack


def on_canvas(image: np.ndarray, dice: np.random.Generator, scale: tuple[int, int], side: int = 280) -> np.ndarray:
    """An image drawn somewhere on a canvas, magnified, with soft edges."""
    factor = int(dice.integers(*scale))
    large = np.kron(image, np.ones((factor, factor)))
    shifts = range(-(factor // 4), factor // 4 + 1)
    for axis in (0, 1):
        large = np.mean([np.roll(large, shift, axis) for shift in shifts], axis=0)
    canvas = np.zeros((side, side))
    row, column = (int(dice.integers(0, side - len(large) + 1)) for _ in range(2))
    canvas[row : row + len(large), column : column + len(large)] = large
    return np.clip(np.rint(canvas), 0, 255).astype(np.uint8)


def with_a_pen(image: np.ndarray, dice: np.random.Generator, scale: tuple[int, int], side: int = 280) -> np.ndarray:
    """The same in black ink alone, as a hand draws: smooth between the pixels, with as much ink as they had."""
    factor = int(dice.integers(*scale))
    places = (np.arange((len(image) + 2) * factor) + 0.5) / factor - 0.5
    between = np.clip(1 - np.abs(places[:, None] - np.arange(len(image) + 2)), 0, None)
    large = between @ np.pad(image, 1) @ between.T
    ink = round(image.sum() / 255 * factor**2)
    large = 255 * (large > np.sort(large, axis=None)[-ink])[factor:-factor, factor:-factor]
    canvas = np.zeros((side, side), np.uint8)
    row, column = (int(dice.integers(0, side - len(large) + 1)) for _ in range(2))
    canvas[row : row + len(large), column : column + len(large)] = large
    return canvas


def accuracies(room: DigitsSession, scale: tuple[int, int], count: int, draw=on_canvas) -> tuple[float, float]:
    """On drawings of test images, and on these images themselves."""
    dice = np.random.default_rng(1)
    x, y = room.images.test
    size = room.images.manner.size
    right = 0
    for place in range(count):
        canvas = draw(room.images.bytes(x[place]).reshape(size, size).astype(float), dice, scale)
        right += drawn(room.shown, 280, 280, canvas.tobytes())["predicted"] == y[place]
    return right / count, float(np.mean(room.network.predict(x[:count]) == y[:count]))


@pytest.fixture(scope="module")
def trained():
    room = DigitsSession("digits")
    room.call(lambda: [room._epoch() for _ in range(30)]).result(120)
    yield room
    room.end(wait=True)


def test_drawn_small_digits_are_recognised_nearly_as_well_as_the_originals(trained) -> None:
    drawings, originals = accuracies(trained, (14, 30), 359, with_a_pen)
    assert originals > 0.97
    assert drawings > originals - 0.035  # of 8 x 8 pixels a drawing has lost where its edges were


def test_other_peoples_handwriting_is_made_like_the_small_digits(trained, mnist_folder) -> None:
    """MNIST's on the pad, for a network that never saw any: cut out and scaled alone, six in ten are recognised."""
    x, y = images_of("mnist").test
    canvases = (np.kron(row.reshape(28, 28), np.ones((8, 8), np.uint8)) for row in x[:250])
    predicted = [drawn(trained.shown, 224, 224, canvas.tobytes())["predicted"] for canvas in canvases]
    assert np.mean(predicted == y[:250]) > 0.72


@pytest.mark.parametrize("slant", [-0.5, 0.4])
def test_a_slanted_drawing_is_put_upright_for_the_small_digits(slant) -> None:
    rows, columns = np.mgrid[:200, :300]
    stroke, upright = (255.0 * (np.abs(columns - 150 - lean * (rows - 100)) < 14) for lean in (slant, 0.0))
    assert np.abs(normalized(stroke, DIGITS) - normalized(upright, DIGITS)).max() <= 2


@pytest.mark.parametrize("width", [3, 8, 20, 60])
def test_there_is_as_much_ink_as_in_the_small_digits_however_thick_the_pen(width) -> None:
    rows, columns = np.mgrid[:280, :280]
    ring = 255.0 * (np.abs(np.hypot(rows - 140, columns - 140) - 90) < width / 2)
    share = normalized(ring, DIGITS).sum() / 16 / 64
    every = images_of("digits").train[0].sum(axis=1) / 16 / 64
    assert np.quantile(every, 0.05) < share < np.quantile(every, 0.97)


def test_drawn_digits_of_mnist_are_recognised_as_well_as_the_originals(mnist_folder) -> None:
    room = DigitsSession("mnist")
    room.call(lambda: room.trainer.fit(room.images.train[0][:9000], room.images.train[1][:9000], epochs=3)).result(300)
    room.call(room._measure).result(600)
    drawings, originals = accuracies(room, (5, 10), 100)
    room.end(wait=True)
    assert originals > 0.9
    assert drawings > originals - 0.02


@pytest.mark.parametrize("manner", [DIGITS, MNIST], ids=["digits", "mnist"])
def test_where_and_how_large_something_is_drawn_makes_no_difference(manner) -> None:
    shape = np.zeros((90, 60))
    shape[:20, :] = shape[:, 25:45] = 255  # a T with thick strokes
    images = []
    for side, row, column, factor in ((300, 5, 7, 1), (300, 190, 200, 1), (400, 100, 30, 2)):
        canvas = np.zeros((side, side))
        large = np.kron(shape, np.ones((factor, factor)))
        canvas[row : row + len(large), column : column + large.shape[1]] = large
        images.append(normalized(canvas, manner))
    assert images[0].shape == (manner.size, manner.size)
    assert images[0].max() == manner.highest
    for image in images[1:]:
        assert np.abs(image - images[0]).max() <= 1


def test_a_drawing_is_as_large_and_lies_where_the_datas_do() -> None:
    stroke = np.zeros((200, 200))
    stroke[20:180, 90:110] = 255
    mnist = normalized(stroke, MNIST)
    assert mnist.max(axis=1).sum() / 255 == pytest.approx(20, abs=0.1)  # rows, the first and last of them in part
    rows, columns = np.mgrid[:28, :28] + 0.5
    assert (rows * mnist).sum() / mnist.sum() == pytest.approx(14.5, abs=0.1)
    assert (columns * mnist).sum() / mnist.sum() == pytest.approx(14.5, abs=0.1)
    digits = normalized(stroke, DIGITS)
    assert np.flatnonzero(digits.max(axis=1)).size == 8


def test_a_thin_stroke_is_made_as_thick_as_the_datas() -> None:
    thin, thick = np.zeros((200, 200)), np.zeros((200, 200))
    thin[20:180, 99:101] = 255
    thick[20:180, 91:109] = 255
    assert normalized(thin, MNIST).sum() == pytest.approx(normalized(thick, MNIST).sum(), rel=0.25)


def test_an_empty_drawing_is_no_digit_and_a_wrong_size_is_refused(trained) -> None:
    assert normalized(np.zeros((20, 20)), MNIST) is None
    assert normalized(np.full((20, 20), 5), MNIST) is None
    answer = drawn(trained.shown, 10, 10, bytes(100))
    assert (answer["empty"], answer["predicted"]) == (True, None)
    with pytest.raises(Refused, match="must have 10 · 10 = 100 bytes, not 99"):
        drawn(trained.shown, 10, 10, bytes(99))


@pytest.mark.parametrize("manner", [DIGITS, MNIST], ids=["digits", "mnist"])
def test_any_drawing_becomes_an_image(manner) -> None:
    dice = np.random.default_rng(0)
    for shape in ((8, 8), (8, 400), (400, 8), (400, 400)):
        for density in (0.001, 0.5, 1.0):
            ink = np.where(dice.random(shape) < density, 255, 0)
            ink[0, 0] = 255
            image = normalized(ink, manner)
            assert image.shape == (manner.size, manner.size)
            assert np.isfinite(image).all()
            assert image.max() == manner.highest


def test_the_nearest_images_are_the_nearest() -> None:
    images = images_of("digits")
    x = images.train[0].astype(float)
    places, distances = images.nearest(x[17], 4)
    expected = np.sqrt(((x - x[17]) ** 2).sum(axis=1))
    assert places[0] == 17
    assert distances == pytest.approx(np.sort(expected)[:4] / 16, abs=1e-2)
    assert images_of("digits") is images  # shared by all sessions


def test_a_frame_shows_the_mistakes_it_was_surest_of(trained) -> None:
    header, arrays = unpack(trained.call(trained.frame).result(600))
    x, y = trained.images.test
    wrong = int((trained.network.predict(x) != y).sum())
    confusion = np.array(header["confusion"])
    assert confusion.sum() - np.trace(confusion) == wrong
    assert len(header["mistakes"]) == len(arrays["mistakes"]) == min(24, wrong)
    assert all(entry["true"] != entry["predicted"] for entry in header["mistakes"])
    surest = [entry["probability"] for entry in header["mistakes"]]
    assert surest == sorted(surest, reverse=True)
    assert header["accuracy"]["test"] == pytest.approx(1 - wrong / len(y))
    assert arrays["curve"][:, 0].tolist() == list(range(31))


def test_what_a_unit_responds_to_excites_it(trained) -> None:
    unit = trained.call(lambda: trained.unit(1, 3)).result(600)
    image = np.frombuffer(base64.b64decode(unit["excites"]), dtype=np.uint8) / 255 * 16
    values = pl.inspection.unit_values(trained.network, trained.images.train[0], 2, 3)
    assert pl.inspection.unit_values(trained.network, image[None], 2, 3)[0] > np.quantile(values, 0.9)
    assert len(unit["top"]) == 9
    assert json.dumps(unit)


def test_what_is_not_there_is_refused() -> None:
    with pytest.raises(Refused, match="Did you mean 'digits'"):
        images_of("digitz")


def test_mnist_that_is_not_on_this_machine_is_not_downloaded(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("PELLUCID_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("pellucid.playground.images._loaded", {})
    with pytest.raises(Refused, match="MNIST is not on this machine"):
        images_of("mnist")


def test_a_network_for_digits_opens_the_second_tab() -> None:
    network = pl.Network([pl.Rescale(1 / 16), pl.Dense(12), pl.Tanh(), pl.Dense(10)]).build(64, seed=4)
    assert knows(network)
    session = Session("test")
    session.call(lambda: initial_state(network, "digits.pellucid")(session)).result(600)
    room = session.rooms[0]
    assert session.state.tab == "digits"
    assert np.array_equal(room.network.parameters, network.parameters)
    before = network.parameters
    room.call(room._epoch).result(600)
    assert network.parameters is before  # the room trains a copy
    session.end(wait=True)
    assert not room.alive
