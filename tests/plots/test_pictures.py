"""Pictures: what stands in them is what went in, against independent counts and the network itself."""

from __future__ import annotations

import io
import math
import subprocess
import sys
import textwrap

import numpy as np
import pytest

matplotlib = pytest.importorskip("matplotlib")

from matplotlib.colors import to_rgb  # noqa: E402

import pellucid as pl  # noqa: E402
from pellucid.extras import pip_install  # noqa: E402
from pellucid.plots import page  # noqa: E402
from pellucid.plots.figure import PALETTE, figure_of, marker_of, new_figure  # noqa: E402


@pytest.fixture(scope="module")
def digits() -> pl.datasets.Dataset:
    return pl.datasets.load_digits()


@pytest.fixture(scope="module")
def trained(digits):
    network = pl.Network([pl.Rescale(1 / 16), pl.Dense(24), pl.ReLU(), pl.Dense(10)], engine="reference")
    trainer = pl.Trainer(network, loss="softmax_cross_entropy", optimizer=pl.Adam(0.01), seed=0)
    history = trainer.fit(*digits.train, epochs=4, validation=digits.validation)
    return network, history


@pytest.fixture(scope="module")
def rings():
    data = pl.datasets.load("bulls-eye-three", seed=1)
    network = pl.Network([pl.Dense(12), pl.Tanh(), pl.Dense(3)], engine="reference")
    trainer = pl.Trainer(network, loss="softmax_cross_entropy", optimizer=pl.Adam(0.02), seed=0)
    history = trainer.fit(*data.train, epochs=40, validation=data.validation)
    return network, data, history


def curve(axes, label):
    return next(line for line in axes.lines if line.get_label() == label)


# -- curves ------------------------------------------------------------------------------------------------------


def test_history_draws_its_own_numbers(trained) -> None:
    _, history = trained
    figure = pl.plots.history(history)
    loss, accuracy = figure.axes
    for axes, column in ((loss, "loss"), (accuracy, "accuracy")):
        for label, name in (("training", column), ("validation", f"validation_{column}")):
            line = curve(axes, label)
            assert line.get_xdata().tolist() == [1, 2, 3, 4]
            assert line.get_ydata().tolist() == history[name]
        assert axes.get_xlabel() == "epoch"
    best = 1 + int(np.argmin(history["validation_loss"]))
    assert set(curve(loss, f"best epoch, {best}").get_xdata()) == {best}
    assert history.plot().axes[0].get_ylabel() == "loss"


def test_the_restored_epoch_is_marked_where_there_is_one(trained) -> None:
    history = pl.History.from_dict({**trained[1].to_dict(), "best_epoch": 2})
    assert set(curve(pl.plots.history(history).axes[0], "best epoch, 2").get_xdata()) == {2}


def test_a_history_without_validation_has_one_curve_and_no_mark() -> None:
    history = pl.History()
    for epoch, loss in enumerate((0.5, 0.4, 0.3), start=1):
        history.append({"epoch": epoch, "loss": loss})
    figure = pl.plots.history(history)
    assert len(figure.axes) == 1
    assert [line.get_label() for line in figure.axes[0].lines] == ["training"]
    assert figure.axes[0].get_yscale() == "linear"


@pytest.mark.parametrize(("chosen", "scale"), [(None, "log"), (False, "linear"), (True, "log")])
def test_a_loss_that_falls_far_has_a_logarithmic_axis(chosen, scale) -> None:
    history = pl.History()
    for epoch in range(1, 6):
        history.append({"epoch": epoch, "loss": 10.0**-epoch})
    assert pl.plots.history(history, logarithmic=chosen).axes[0].get_yscale() == scale


def test_gaps_and_an_empty_history_are_drawn() -> None:
    history = pl.History()
    assert pl.plots.history(history).axes[0].texts[0].get_text() == "no epoch was finished"
    history.append({"epoch": 1, "loss": 1.0})
    history.append({"epoch": 2, "loss": 0.9, "validation_loss": 0.8})
    values = curve(pl.plots.history(history).axes[0], "validation").get_ydata()
    assert math.isnan(values[0])
    assert values[1] == 0.8


def test_pictures_draw_into_the_axes_they_are_given(trained, digits, rings) -> None:
    network, history = trained
    figure = new_figure(9, 9)
    axes = figure.subplots(3, 2).ravel()
    assert pl.plots.history(history, axes[:2]) is figure
    assert pl.plots.confusion_matrix([0, 1], [0, 1], axes=axes[2]) is figure
    assert pl.plots.images(digits.test.x[:5], axes=axes[3]) is figure
    assert pl.plots.weights(network, axes=axes[4]) is figure
    assert pl.plots.decision_regions(rings[0], *rings[1].test, axes[5]) is figure
    assert pl.plots.to_png(figure)
    inner = new_figure(4, 4).subfigures(1, 2)[0].subplots()
    assert figure_of(inner) is pl.plots.confusion_matrix([0], [0], axes=inner)
    alone = new_figure(3, 3).subplots()
    pl.plots.history(history, alone)
    assert curve(alone, "training").get_ydata().tolist() == history["loss"]


# -- confusion ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("classes", [2, 5, 40])
def test_confusion_counts_are_those_of_scikit_learn(classes) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    generator = np.random.default_rng(classes)
    truth, predicted = generator.integers(0, classes, (2, 300))
    expected = metrics.confusion_matrix(truth, predicted, labels=range(classes))
    assert np.array_equal(pl.plots.confusion_counts(truth, predicted, classes), expected)
    axes = pl.plots.confusion_matrix(truth, predicted, range(classes)).axes[0]
    written = {(round(t.get_position()[1]), round(t.get_position()[0])): int(t.get_text()) for t in axes.texts}
    filled = {(i, j): n for (i, j), n in np.ndenumerate(expected) if n} if classes <= 30 else {}
    assert written == filled
    assert axes.get_title(loc="left") == f"Confusion: {np.trace(expected)} of 300 right"


def test_confusion_colours_tell_right_from_wrong() -> None:
    axes = pl.plots.confusion_matrix([0] * 10 + [1] * 10, [0] * 9 + [1] * 11, ["cat", "dog"]).axes[0]
    cells = axes.images[0].get_array()
    right, wrong, none = cells[0, 0], cells[0, 1], cells[1, 0]
    assert right[2] > right[0] + 0.2  # blue
    assert wrong[0] > wrong[2] + 0.2  # orange
    assert np.ptp(none) < 1e-9  # grey
    assert cells[1, 1].sum() < right.sum() < none.sum()  # all of a row is deeper than nine tenths
    assert [label.get_text() for label in axes.get_yticklabels()] == ["cat", "dog"]


def test_confusion_checks_its_labels() -> None:
    with pytest.raises(ValueError) as error:
        pl.plots.confusion_counts([0, 3], [0, 1], 3)
    assert str(error.value) == "truth holds 3 at row 1: classes are whole numbers from 0 to 2."
    with pytest.raises(ValueError, match=r"^The numbers of rows differ: truth has 2, predicted has 1"):
        pl.plots.confusion_counts([0, 1], [0], 3)
    with pytest.raises(ValueError, match=r"^predicted must hold one class a row, \(n,\), but its shape is \(1, 2\)"):
        pl.plots.confusion_counts([0, 1], [[0, 1]], 3)


# -- regions -----------------------------------------------------------------------------------------------------


def nearest_class(color, classes: int) -> int:
    """Which palette colour a tint was mixed from: the direction away from white is kept."""
    away = 1 - np.asarray(color)
    tints = [1 - np.array(to_rgb(PALETTE[index])) for index in range(classes)]
    return int(np.argmax([away @ tint / np.linalg.norm(away) / np.linalg.norm(tint) for tint in tints]))


def check_regions(network, x, y, classes) -> None:
    resolution = 40
    axes = pl.plots.decision_regions(network, x, y, resolution=resolution).axes[0]
    picture = axes.images[0]
    left, right, bottom, top = picture.get_extent()
    assert left < x[:, 0].min() < x[:, 0].max() < right
    assert bottom < x[:, 1].min() < x[:, 1].max() < top
    colors = picture.get_array()
    for row, column in np.random.default_rng(0).integers(0, resolution, (60, 2)):
        place = [
            left + (right - left) * (column + 0.5) / resolution,
            bottom + (top - bottom) * (row + 0.5) / resolution,
        ]
        assert nearest_class(colors[row, column], classes) == network.predict(np.array([place]))[0]
    groups = {group.get_label(): group.get_offsets() for group in axes.collections if group.get_label()[0] != "_"}
    for label in range(classes):
        assert np.allclose(groups[str(label)], x[y == label])
    wrong = network.predict(x) != y
    assert np.allclose(groups.get("misclassified", np.empty((0, 2))), x[wrong])
    assert axes.get_title(loc="left") == f"{wrong.sum()} of {len(x)} points misclassified"


@pytest.mark.parametrize("name", ["two-gaussians", "bulls-eye-three", "six"])
def test_regions_are_what_the_network_predicts(name) -> None:
    if name == "six":
        angle = np.arange(60) * np.pi / 30
        x, y = np.column_stack([np.cos(angle), np.sin(angle)]), np.arange(60) // 10
    else:
        x, y = pl.datasets.TOY_MODELS[name](30, seed=3)
    classes = int(y.max()) + 1
    network = pl.Network([pl.Dense(8), pl.Tanh(), pl.Dense(classes)], engine="reference")
    pl.Trainer(network, loss="softmax_cross_entropy", optimizer=pl.Adam(0.05)).fit(x, y, epochs=8)
    check_regions(network, x, y, classes)


@pytest.mark.parametrize(
    ("loss", "outputs"), [("sigmoid_cross_entropy", 1), ("hinge", 1), ("hinge", 2), ("squared_error", 2)]
)
def test_regions_of_other_losses(loss, outputs) -> None:
    x, y = pl.datasets.crescent_moons(30, seed=1)
    network = pl.Network([pl.Dense(6), pl.Tanh(), pl.Dense(outputs)], engine="reference")
    pl.Trainer(network, loss=loss, optimizer=pl.Adam(0.05)).fit(x, y, epochs=8)
    check_regions(network, x, y, 2)


def test_surer_regions_are_deeper(rings) -> None:
    network, data, _ = rings
    axes = pl.plots.decision_regions(network, *data.train, resolution=30).axes[0]
    left, right, bottom, top = axes.images[0].get_extent()
    middle = (np.arange(30) + 0.5) / 30
    across, up = np.meshgrid(left + (right - left) * middle, bottom + (top - bottom) * middle)
    points = np.column_stack([across.ravel(), up.ravel()])
    sure = network.predict_proba(points).max(axis=1)
    white = axes.images[0].get_array().reshape(-1, 3).sum(axis=1)
    for label in range(3):
        of_class = network.predict(points) == label
        assert np.corrcoef(sure[of_class], white[of_class])[0, 1] < -0.99


def test_regions_need_a_plane_and_classes(trained) -> None:
    with pytest.raises(ValueError) as error:
        pl.plots.decision_regions(trained[0], [[0.0, 0.0]], [0])
    assert str(error.value) == ("Decision regions lie in the plane: they need a network of 2 inputs, not of (64,).")
    network = pl.Network([pl.Dense(1)]).build(2)
    with pytest.raises(ValueError, match=r"^Decision regions need a network that predicts one class: train it with"):
        pl.plots.decision_regions(network, [[0.0, 0.0]], [0])


def test_no_two_of_sixteen_classes_look_alike() -> None:
    looks = {(PALETTE[k % len(PALETTE)], marker_of(k)) for k in range(16)}
    assert len(looks) == 16


# -- images and weights ------------------------------------------------------------------------------------------


def test_images_hold_the_pixels_and_the_labels(digits) -> None:
    shown, labels = digits.test.x[:7], digits.test.y[:7]
    axes = pl.plots.images(shown, labels=labels, columns=3, title="Digits").axes[0]
    assert [text.get_text() for text in axes.texts] == [str(label) for label in labels]
    assert axes.get_title(loc="left") == "Digits"
    for image, pixels in zip(axes.images, shown, strict=True):
        tile = image.get_array()
        assert tile.shape == (8, 8)
        low, high = int(pixels.min()), int(pixels.max())
        assert np.allclose(tile.ravel() * (high - low) + low, pixels)
        assert image.get_cmap().name == "gray_r"
    lefts = sorted({image.get_extent()[0] for image in axes.images})
    tops = sorted({image.get_extent()[3] for image in axes.images})
    assert (len(lefts), len(tops)) == (3, 3)


def test_images_take_arrays_of_images_and_constant_ones() -> None:
    axes = pl.plots.images(np.zeros((2, 4, 6))).axes[0]
    assert [image.get_array().shape for image in axes.images] == [(4, 6), (4, 6)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"images": np.zeros((2, 12))}, "12 pixels make no square image: pass image_shape=(height, width)."),
        ({"images": np.zeros((2, 12)), "image_shape": (3, 5)}, "image_shape (3, 5) stands for 15 pixels, not 12."),
        ({"images": np.zeros((2, 4)), "labels": [1]}, "labels must hold one for each of the 2 images, not 1."),
        (
            {"images": np.zeros(4)},
            "images must have the shape (n, height·width) or (n, height, width), not (4,).",
        ),
    ],
)
def test_images_say_what_is_wrong(arguments, message) -> None:
    with pytest.raises(ValueError) as error:
        pl.plots.images(**arguments)
    assert str(error.value) == message


def test_weights_are_those_of_the_units(trained) -> None:
    network, _ = trained
    figure = pl.plots.weights(network)
    tiles = figure.axes[0].images
    weight = network.get("1.weight")
    assert len(tiles) == 24
    for unit, tile in enumerate(tiles):
        assert np.allclose(tile.get_array().ravel(), weight[:, unit])
        assert tile.get_clim() == pytest.approx((-np.abs(weight).max(), np.abs(weight).max()))
    few = pl.plots.weights(network, 3, (4, 6), limit=3).axes[0]
    assert [tile.get_array().shape for tile in few.images] == [(4, 6)] * 3
    assert few.get_title(loc="left") == "Weights of layer 3, the first 3 of 10 units"
    with pytest.raises(ValueError, match=r"^Layer 2 is no dense layer of this network: choose from 1, 3\.$"):
        pl.plots.weights(network, 2)
    with pytest.raises(ValueError, match=r"^The network has no dense layer"):
        pl.plots.weights(pl.Network([pl.ReLU()]).build(4))


# -- the page ----------------------------------------------------------------------------------------------------


def test_report_of_images(trained, digits) -> None:
    network, history = trained
    figure = pl.plots.report(network, digits, history)
    loss, accuracy, confusion, mistakes = figure.axes
    assert curve(loss, "training").get_ydata().tolist() == history["loss"]
    assert curve(accuracy, "validation").get_ydata().tolist() == history["validation_accuracy"]
    predicted = network.predict(digits.test.x)
    right = int((predicted == digits.test.y).sum())
    assert confusion.get_title(loc="left") == f"Confusion: {right} of 359 right"
    assert figure.get_suptitle() == f"digits: {right / 359:.1%} right, {right} of 359 test rows"
    probability = network.predict_proba(digits.test.x)
    own = probability[np.arange(359), digits.test.y]
    worst = min(np.flatnonzero(predicted != digits.test.y), key=lambda row: own[row])
    expected = f"{digits.test.y[worst]} → {predicted[worst]}, {probability[worst].max():.0%}"
    assert mistakes.texts[0].get_text() == expected
    assert len(mistakes.images) == min(359 - right, 15)


def test_report_of_the_plane_and_without_a_test_part(rings) -> None:
    network, data, history = rings
    figure = pl.plots.report(network, data, history, title="Rings")
    assert figure.get_suptitle() == "Rings"
    wrong = int((network.predict(data.x) != data.y).sum())
    assert figure.axes[3].get_title(loc="left") == f"Decision regions: {wrong} of 300 points misclassified"
    train_only = pl.datasets.Dataset("rings", data.train, classes=data.classes)
    assert pl.plots.report(network, train_only, history).get_suptitle().endswith("of 180 train rows")
    without = pl.datasets.Dataset("prices", data.train)
    with pytest.raises(ValueError, match=r"^report needs a data set with classes, and 'prices' has none"):
        pl.plots.report(network, without, history)


def test_layers_in_words() -> None:
    assert page.layer_words(pl.Rescale(1 / 255)) == "Rescale(0.003922)"
    assert page.layer_words(pl.Dropout(0.25)) == "Dropout(0.25)"


# -- files and matplotlib's state --------------------------------------------------------------------------------


def test_png(trained) -> None:
    image = pytest.importorskip("PIL.Image")
    figure = pl.plots.history(trained[1])
    data = pl.plots.to_png(figure, dpi=50)
    assert data == pl.plots.to_png(figure, dpi=50)
    with image.open(io.BytesIO(data)) as picture:
        picture.load()
        assert picture.format == "PNG"
        assert picture.size == (450, 170)
    assert figure._repr_png_().startswith(b"\x89PNG")


def test_no_global_state_and_no_pyplot() -> None:
    program = """
        import sys, numpy as np, pellucid as pl
        pl.plots
        assert "matplotlib" not in sys.modules
        import matplotlib
        before = matplotlib.rcParams.copy()  # dict(rcParams) would choose a backend, and import pyplot
        x, y = pl.datasets.two_gaussians(10)
        data = pl.datasets.load("two-gaussians")
        network = pl.Network([pl.Dense(2)])
        history = pl.Trainer(network, loss="softmax_cross_entropy").fit(*data.train, epochs=2)
        figures = [pl.plots.history(history), pl.plots.report(network, data, history),
                   pl.plots.decision_regions(network, x, y), pl.plots.images(np.eye(4)),
                   pl.plots.weights(network, None, (1, 2)), pl.plots.confusion_matrix(y, y)]
        assert all(pl.plots.to_png(figure, dpi=30).startswith(b"\\x89PNG") for figure in figures)
        assert "matplotlib.pyplot" not in sys.modules
        assert repr(matplotlib.rcParams.copy()) == repr(before)
    """
    subprocess.run([sys.executable, "-W", "error", "-c", textwrap.dedent(program)], check=True, timeout=600)


def test_without_matplotlib_the_error_says_how_to_get_it(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.backends.backend_agg", None)
    with pytest.raises(ImportError) as error:
        pl.plots.confusion_matrix([0], [0])
    assert str(error.value) == f"Pictures need matplotlib: {pip_install('plots')}."
