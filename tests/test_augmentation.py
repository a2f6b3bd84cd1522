"""Augmentation: each transform against SciPy's resampling, what it depends on, and training with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pellucid as pl
from pellucid.augmentation.transforms import ImageRows
from pellucid.streams import Purpose, Stream

ndimage = pytest.importorskip("scipy.ndimage")

H, W = 9, 12
IMAGES = np.random.default_rng(0).random((6, H, W))
FLAT = IMAGES.reshape(6, -1)


def apply(*transforms: Any, x: np.ndarray = FLAT, seed: int = 0, epoch: int = 0, **options: Any) -> np.ndarray:
    return pl.Augmentation((H, W), transforms, **options).apply(x, seed, epoch).reshape(-1, H, W)


def resampled(image: np.ndarray, inverse: np.ndarray, offset: Any = (0, 0), fill: float = 0.0) -> np.ndarray:
    """SciPy's affine_transform of one image; the inverse map takes (y, x) about the centre."""
    center = (np.array(image.shape) - 1) / 2
    return ndimage.affine_transform(
        image, inverse, offset=center - inverse @ center + offset, order=1, mode="grid-constant", cval=fill
    )


# -- exact cases -------------------------------------------------------------------------------------------------------


def test_mirror_and_flip_are_exact() -> None:
    assert np.array_equal(apply(pl.Mirror(1.0)), IMAGES[:, :, ::-1])
    assert np.array_equal(apply(pl.Flip(1.0)), IMAGES[:, ::-1])
    assert np.array_equal(apply(pl.Mirror(0.0), pl.Flip(0.0)), IMAGES)
    assert np.array_equal(apply(pl.Mirror(1.0), x=apply(pl.Mirror(1.0)).reshape(6, -1)), IMAGES)
    assert np.array_equal(apply(pl.Mirror(1.0), pl.Mirror(1.0)), IMAGES)


def test_half_of_the_images_are_mirrored() -> None:
    x = np.tile(FLAT[:1], (4000, 1))
    changed = (apply(pl.Mirror(), x=x) != IMAGES[0]).any(axis=(1, 2))
    assert abs(changed.mean() - 0.5) < 4 * 0.5 / np.sqrt(4000)


def test_a_quarter_turn_is_numpys() -> None:
    square = np.random.default_rng(1).random((3, 8, 8))
    for degrees, turns in ((90, 1), (180, 2), (-90, 3), (360, 4)):
        augmentation = pl.Augmentation((8, 8), pl.Rotate((degrees, degrees)))
        turned = augmentation.apply(square.reshape(3, -1)).reshape(3, 8, 8)
        np.testing.assert_allclose(turned, np.rot90(square, turns, axes=(1, 2)), atol=1e-12)
        numbers = (square * 255).astype(np.uint8)
        turned = augmentation.apply(numbers.reshape(3, -1)).reshape(3, 8, 8)
        assert np.array_equal(turned, np.rot90(numbers, turns, axes=(1, 2)))


@given(right=st.integers(-14, 14), down=st.integers(-11, 11))
def test_whole_pixels_are_shifted_exactly(right: int, down: int) -> None:
    moved = apply(pl.Translate((right, right), (down, down)), fill=7.0)
    expected = np.full((6, H, W), 7.0)
    for row in range(H):
        for column in range(W):
            if 0 <= row - down < H and 0 <= column - right < W:
                expected[:, row, column] = IMAGES[:, row - down, column - right]
    assert np.array_equal(moved, expected)


def test_fractions_are_of_the_own_side() -> None:
    assert np.array_equal(apply(pl.Translate((0.25, 0.25), (0.0, 0.0))), apply(pl.Translate((3, 3), (0, 0))))
    assert np.array_equal(apply(pl.Translate((0.0, 0.0), (1 / 3, 1 / 3))), apply(pl.Translate((0, 0), (3, 3))))


# -- against SciPy -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fill", [0.0, 0.4])
def test_rotate(fill: float) -> None:
    for degrees in (-170.0, -33.0, 0.1, 12.5, 45.0, 260.0):
        angle = np.deg2rad(degrees)
        inverse = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        for image, turned in zip(IMAGES, apply(pl.Rotate((degrees, degrees)), fill=fill), strict=True):
            np.testing.assert_allclose(turned, resampled(image, inverse, fill=fill), atol=1e-12)
        numbers = np.pad(IMAGES[0], 8)  # SciPy's own rotation, whose sense is that of numpy.rot90
        ours = pl.Augmentation(numbers.shape, pl.Rotate((degrees, degrees))).apply(numbers.reshape(1, -1))
        theirs = ndimage.rotate(numbers, degrees, reshape=False, order=1, mode="grid-constant")
        np.testing.assert_allclose(ours.reshape(numbers.shape), theirs, atol=1e-12)


def test_translate() -> None:
    moved = apply(pl.Translate((1.25 / W, 1.25 / W), (-0.5 / H, -0.5 / H)), fill=0.2)
    for image, result in zip(IMAGES, moved, strict=True):
        np.testing.assert_allclose(
            result, ndimage.shift(image, (-0.5, 1.25), order=1, mode="grid-constant", cval=0.2), atol=1e-12
        )


@pytest.mark.parametrize("factor", [0.3, 0.9, 1.0, 1.7, 5.0])
def test_zoom(factor: float) -> None:
    for image, result in zip(IMAGES, apply(pl.Zoom(factor, factor)), strict=True):
        np.testing.assert_allclose(result, resampled(image, np.eye(2) / factor), atol=1e-12)


@pytest.mark.parametrize("degrees", [-60.0, 8.0, 45.0])
def test_shear(degrees: float) -> None:
    inverse = np.array([[1.0, 0.0], [np.tan(np.deg2rad(degrees)), 1.0]])
    for image, result in zip(IMAGES, apply(pl.Shear((degrees, degrees))), strict=True):
        np.testing.assert_allclose(result, resampled(image, inverse), atol=1e-12)


def test_shear_leans_to_the_right() -> None:
    bar = np.zeros((9, 9))
    bar[:, 4] = 1.0
    slanted = pl.Augmentation((9, 9), pl.Shear((45, 45))).apply(bar.reshape(1, -1)).reshape(9, 9)
    np.testing.assert_allclose(slanted, np.eye(9)[::-1], atol=1e-12)


def test_several_are_applied_in_their_order() -> None:
    turn, move = pl.Rotate((20, 20)), pl.Translate((2, 2), (1, 1))
    angle = np.deg2rad(20)
    inverse = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    first_turned = apply(turn, move)[0]  # p = R⁻¹(q − t)
    np.testing.assert_allclose(first_turned, resampled(IMAGES[0], inverse, inverse @ [-1, -2]), atol=1e-12)
    first_moved = apply(move, turn)[0]  # p = R⁻¹q − t
    np.testing.assert_allclose(first_moved, resampled(IMAGES[0], inverse, [-1, -2]), atol=1e-12)


def displacement(transform: pl.ElasticDistortion, index: int = 0) -> np.ndarray:
    """The field (6, 2, H, W), in the order x, y, smoothed by SciPy."""
    words = Stream(0, Purpose.AUGMENT, index, 0).words((6, H * W)).astype(np.int64)
    halves = np.stack([words % 65536, words // 65536], axis=1).reshape(6, 2, H, W)
    noise = (halves + 0.5) / 32768 - 1
    smooth = ndimage.gaussian_filter(noise, transform.sigma, axes=(2, 3), mode="constant", truncate=4.0)
    return transform.alpha * smooth


@pytest.mark.parametrize(("alpha", "sigma"), [(34.0, 4.0), (8.0, 1.5), (1.0, 0.4), (300.0, 10.0)])
def test_elastic_distortion(alpha: float, sigma: float) -> None:
    transform = pl.ElasticDistortion(alpha, sigma)
    rows, columns = np.mgrid[:H, :W]
    for image, result, (dx, dy) in zip(IMAGES, apply(transform), displacement(transform), strict=True):
        expected = ndimage.map_coordinates(image, [rows + dy, columns + dx], order=1, mode="grid-constant")
        np.testing.assert_allclose(result, expected, atol=1e-10)


def test_elastic_distortion_with_others() -> None:
    transform = pl.ElasticDistortion(10.0, 1.0)
    y, x = np.mgrid[:H, :W]
    fields = displacement(transform, index=1)
    result = apply(pl.Mirror(1.0), transform, pl.Translate((2, 2), (0, 0)))
    for image, pixels, (dx, dy) in zip(IMAGES, result, fields, strict=True):
        places = [y + dy, (W - 1) - (x - 2 + dx)]  # moved, then distorted, then mirrored: read backwards
        expected = ndimage.map_coordinates(image, places, order=1, mode="grid-constant")
        np.testing.assert_allclose(pixels, expected, atol=1e-10)


def test_the_size_of_an_elastic_distortion() -> None:
    transform = pl.ElasticDistortion(34.0, 4.0)
    field = transform.displacement(Stream(3, Purpose.AUGMENT), ImageRows(0, 40, 60, 60), np.dtype(np.float64))
    inner = field[:, :, 17:-17, 17:-17]  # where the noise outside the image does not reach
    assert abs(inner.std() / (34 / (4 * np.sqrt(12 * np.pi))) - 1) < 0.03
    assert abs(inner.mean()) < 0.1


# -- what the draws depend on ------------------------------------------------------------------------------------------

ALL = (
    pl.Mirror(),
    pl.Flip(0.3),
    pl.Rotate(25),
    pl.Translate(2, 0.1),
    pl.Zoom(0.7, 1.4),
    pl.Shear(15),
    pl.ElasticDistortion(8.0, 2.0),
)


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
@pytest.mark.parametrize("transforms", [ALL[:6], ALL], ids=["affine", "all"])
def test_a_row_does_not_depend_on_the_others(dtype: str, transforms: tuple[Any, ...]) -> None:
    x = (np.random.default_rng(2).random((5000, 49)) * 255).astype(dtype)  # more than one chunk
    augmentation = pl.Augmentation((7, 7), transforms)
    whole = augmentation.apply(x, seed=5, epoch=3)
    for rows in (1, 7, 1000, 4999):
        assert np.array_equal(augmentation.apply(x[:rows], seed=5, epoch=3), whole[:rows])
    assert np.array_equal(augmentation.apply(x[40::-2], 5, 3), augmentation.apply(x[40::-2].copy(), 5, 3))
    again = augmentation.apply(x, seed=5, epoch=3)
    assert np.array_equal(whole, again)
    for other in (augmentation.apply(x, 6, 3), augmentation.apply(x, 5, 4)):
        assert (other != whole).any(axis=1).mean() > 0.99


def test_draws_are_uniform_in_their_ranges() -> None:
    rows = ImageRows(0, 4000, 10, 20)

    def spread(values: np.ndarray, low: float, high: float) -> None:
        assert low < values.min() < low + 0.01 * (high - low)
        assert high - 0.01 * (high - low) < values.max() < high
        assert abs(values.mean() - (low + high) / 2) < 0.02 * (high - low)

    stream = Stream(1, Purpose.AUGMENT)
    matrix = pl.Rotate((-10, 40)).inverse(stream, rows).matrix
    spread(np.rad2deg(np.arctan2(matrix[:, 1, 0], matrix[:, 0, 0])), -10, 40)
    offset = pl.Translate(3, 0.2).inverse(stream, rows).offset
    spread(offset[:, 0], -3, 3)
    spread(offset[:, 1], -2, 2)
    spread(np.log(1 / pl.Zoom(0.5, 2.0).inverse(stream, rows).matrix[:, 0, 0]), np.log(0.5), np.log(2))
    spread(np.rad2deg(np.arctan(pl.Shear(30).inverse(stream, rows).matrix[:, 0, 1])), -30, 30)


@pytest.mark.parametrize(
    "dtype", ["bool", "uint8", "int8", "uint16", "int32", "int64", "float16", "float32", "float64"]
)
def test_dtypes_stay(dtype: str) -> None:
    x = (FLAT * 100).astype(dtype)
    result = apply(*ALL, x=x)
    assert result.dtype == x.dtype
    exact = apply(*ALL, x=x.astype(np.float64))
    tolerance = {"float16": 0.05, "float32": 1e-3, "float64": 0}.get(dtype, 0.501)
    assert np.abs(result.astype(float) - exact).max() <= tolerance
    assert np.array_equal(x, (FLAT * 100).astype(dtype))  # untouched


def test_rows_may_be_images_and_have_channels() -> None:
    assert pl.Augmentation((H, W), ALL).apply(IMAGES).shape == IMAGES.shape
    assert np.array_equal(pl.Augmentation((H, W), ALL).apply(IMAGES), apply(*ALL))
    color = np.stack([IMAGES, IMAGES + 1, 2 * IMAGES], axis=-1)
    augmentation = pl.Augmentation((H, W, 3), ALL)
    result = augmentation.apply(color.reshape(6, -1)).reshape(color.shape)
    for channel in range(3):
        single = pl.Augmentation((H, W), ALL).apply(color[..., channel].reshape(6, -1)).reshape(6, H, W)
        assert np.array_equal(result[..., channel], single)


@given(
    height=st.integers(1, 6),
    width=st.integers(1, 6),
    rows=st.integers(1, 4),
    seed=st.integers(0, 2**64 - 1),
    epoch=st.integers(0, 2**40),
)
def test_any_size(height: int, width: int, rows: int, seed: int, epoch: int) -> None:
    x = np.full((rows, height * width), 200, dtype=np.uint8)
    result = pl.Augmentation((height, width), ALL, fill=200).apply(x, seed, epoch)
    assert (result == 200).all()  # a constant image stays one


# -- training ----------------------------------------------------------------------------------------------------------


def trainer(engine: str = "reference", **options: Any) -> pl.Trainer:
    network = pl.Network([pl.Standardize(), pl.Dense(8), pl.ReLU(), pl.Dropout(0.2), pl.Dense(10)], engine=engine)
    augmentation = pl.Augmentation((8, 8), [pl.Rotate(15), pl.Translate(1), pl.ElasticDistortion(3.0, 1.5)])
    return pl.Trainer(network, "softmax_cross_entropy", batch_size=50, seed=4, augmentation=augmentation, **options)


DIGITS = pl.datasets.load_digits(seed=1)
X, Y = DIGITS.train.x[:230], DIGITS.train.y[:230]


def test_each_epoch_trains_on_its_images(engine: str) -> None:
    automatic = trainer(engine)
    automatic.fit(X, Y, epochs=3)
    by_hand = trainer(engine).initialize(X, Y)
    augmentation, by_hand.augmentation = by_hand.augmentation, None
    assert augmentation is not None
    for epoch in range(3):
        by_hand.fit(augmentation.apply(X, seed=4, epoch=epoch), Y, epochs=1)
    assert np.array_equal(automatic.network.parameters, by_hand.network.parameters)
    assert automatic.history["loss"] == by_hand.history["loss"]
    assert len(set(automatic.history["loss"])) == 3


def test_statistics_are_those_of_the_originals(engine: str) -> None:
    trained = trainer(engine)
    trained.fit(X, Y, epochs=1)
    np.testing.assert_allclose(trained.network.get("0.mean"), X.mean(axis=0), rtol=1e-12)


def test_two_fits_of_five_are_one_of_ten(engine: str) -> None:
    once, twice = trainer(engine), trainer(engine)
    once.fit(X, Y, epochs=10)
    twice.fit(X, Y, epochs=5)
    twice.fit(X, Y, epochs=5)
    assert np.array_equal(once.network.parameters, twice.network.parameters)
    assert once.history["loss"] == twice.history["loss"]


def test_an_interrupted_epoch_goes_on_with_its_images(monkeypatch: pytest.MonkeyPatch) -> None:
    from pellucid.engines import reference

    whole = trainer()
    whole.fit(X, Y, epochs=3)
    interrupted, step, calls = trainer(), reference._step, [0]

    def interrupting(*arguments: Any) -> Any:
        calls[0] += 1
        if calls[0] == 8:  # five batches an epoch: in the middle of the second
            raise KeyboardInterrupt
        return step(*arguments)

    monkeypatch.setattr(reference, "_step", interrupting)
    with pytest.raises(KeyboardInterrupt):
        interrupted.fit(X, Y, epochs=3)
    assert (interrupted.epoch, interrupted.state.batch) == (1, 2)
    interrupted.fit(X, Y, epochs=2)
    assert np.array_equal(whole.network.parameters, interrupted.network.parameters)


def test_validation_is_never_augmented(engine: str) -> None:
    trained = trainer(engine)
    history = trained.fit(X, Y, epochs=2, validation=DIGITS.validation)
    measured = trained.network.evaluate(*DIGITS.validation)
    assert history["validation_loss"][-1] == pytest.approx(measured["loss"], rel=1e-6)


def test_it_helps_on_turned_digits() -> None:
    turned = pl.Augmentation((8, 8), pl.Rotate(30)).apply(DIGITS.validation.x, seed=99)
    found = []
    for augmentation in (None, pl.Augmentation((8, 8), pl.Rotate(30))):
        network = pl.Network([pl.Rescale(1 / 16), pl.Dense(48), pl.ReLU(), pl.Dense(10)])
        pl.Trainer(network, "softmax_cross_entropy", pl.Adam(0.005), seed=0, augmentation=augmentation).fit(
            *DIGITS.train, epochs=25
        )
        found.append(network.evaluate(turned, DIGITS.validation.y)["accuracy"])
    assert found[1] > found[0] + 0.03


# -- bad input ---------------------------------------------------------------------------------------------------------

PAIR = "horizontal must be a whole number of pixels, a fraction below 1 or a pair (low, high) of either, not "


@pytest.mark.parametrize(
    ("mistake", "error", "message"),
    [
        (lambda: pl.Mirror(1.5), ValueError, "probability must be a number of at least 0 and at most 1, not 1.5."),
        (lambda: pl.Flip(-0.1), ValueError, "probability must be a number of at least 0 and at most 1, not -0.1."),
        (lambda: pl.Rotate(-5), ValueError, "degrees must be a number of at least 0 and at most 360, not -5."),
        (
            lambda: pl.Rotate((0, 361)),
            ValueError,
            "degrees must be a number of at least -360 and at most 360, not 361.",
        ),
        (
            lambda: pl.Rotate((5, -5)),
            ValueError,
            "degrees must be a pair (low, high) with low at most high, not (5, -5).",
        ),
        (
            lambda: pl.Rotate((1, 2, 3)),
            ValueError,
            "degrees must be a number of degrees or a pair (low, high), not (1, 2, 3).",
        ),
        (
            lambda: pl.Rotate("10"),
            TypeError,
            "degrees must be a number of at least 0 and at most 360, not '10' (str).",
        ),
        (lambda: pl.Shear(90), ValueError, "degrees must be a number of at least 0 and at most 89, not 90."),
        (lambda: pl.Translate(1.5), ValueError, PAIR + "1.5."),
        (lambda: pl.Translate(-2), ValueError, PAIR + "-2."),
        (lambda: pl.Translate(float("nan")), ValueError, PAIR + "nan."),
        (lambda: pl.Translate("2"), TypeError, PAIR + "'2'."),
        (lambda: pl.Translate(True), TypeError, PAIR + "True."),
        (
            lambda: pl.Translate((0.5, 2)),
            ValueError,
            "horizontal must be two whole numbers of pixels or two fractions, not (0.5, 2).",
        ),
        (
            lambda: pl.Translate(1, (2, 1)),
            ValueError,
            "vertical must be a pair (low, high) with low at most high, not (2, 1).",
        ),
        (lambda: pl.Zoom(0, 1), ValueError, "low must be a number above 0, not 0."),
        (lambda: pl.Zoom(2, 1), ValueError, "low must be at most high, but Zoom got low=2 and high=1."),
        (lambda: pl.ElasticDistortion(-1), ValueError, "alpha must be a number of at least 0, not -1."),
        (lambda: pl.ElasticDistortion(1, 0), ValueError, "sigma must be a number above 0, not 0."),
        (
            lambda: pl.Augmentation((8, 8), []),
            ValueError,
            "transforms is empty: give at least one, such as Translate(2), or use no augmentation.",
        ),
        (
            lambda: pl.Augmentation((8, 8), [pl.Mirror]),
            TypeError,
            "transforms must hold transforms, not the class Mirror: write Mirror(…).",
        ),
        (
            lambda: pl.Augmentation((8, 8), ["mirror"]),
            TypeError,
            "transforms must hold transforms such as Rotate(10), not 'mirror'.",
        ),
        (
            lambda: pl.Augmentation(64, pl.Mirror()),
            ValueError,
            "image_shape must be (height, width) or (height, width, channels), not 64.",
        ),
        (
            lambda: pl.Augmentation((8, 0), pl.Mirror()),
            ValueError,
            "image_shape must be a whole number of at least 1, not 0.",
        ),
        (
            lambda: pl.Augmentation((8, 8), pl.Mirror(), fill=256).apply(X),
            ValueError,
            "fill must be a whole number from 0 to 255 for x of uint8, not 256.",
        ),
        (
            lambda: pl.Augmentation((8, 8), pl.Mirror()).apply(X, -1),
            ValueError,
            "seed must be a whole number of at least 0 and at most 18446744073709551615, not -1.",
        ),
        (
            lambda: pl.Augmentation((8, 8), pl.Mirror()).apply(X, 0, -1),
            ValueError,
            "epoch must be a whole number of at least 0, not -1.",
        ),
        (
            lambda: pl.Augmentation((28, 28), pl.Mirror()).apply(X),
            ValueError,
            "The augmentation is for images of 28 x 28 = 784 features, but x has rows of 64 features: "
            "write Augmentation((8, 8), …), or give the images that it is for.",
        ),
        (
            lambda: trainer().fit(X[:, :60], Y, epochs=1),
            ValueError,
            "The augmentation is for images of 8 x 8 = 64 features, but x has rows of 60 features: "
            "write Augmentation((height, width), …), or give the images that it is for.",
        ),
        (
            lambda: pl.Trainer(pl.Network([pl.Dense(1)]), "squared_error", augmentation=pl.Mirror()),  # type: ignore[arg-type]
            TypeError,
            "augmentation must be an Augmentation such as Augmentation((28, 28), [Rotate(10)]), or None, "
            "not Mirror(probability=0.5).",
        ),
    ],
)
def test_messages(mistake: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        mistake()
    assert str(caught.value) == message


def test_refused_images_leave_no_shape_behind() -> None:
    refused = trainer()
    with pytest.raises(ValueError, match="The augmentation is for images"):
        refused.fit(X[:, :60], Y, epochs=1)
    assert not refused.network.built
    refused.fit(X, Y, epochs=1)
