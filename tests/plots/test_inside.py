"""Pictures of what goes on inside: what stands in them is what was recorded or computed."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("matplotlib")

import pellucid as pl
from pellucid.inspection import loss_surface, saliency, top_inputs, training_path, unit_values
from pellucid.plots.figure import new_figure


@pytest.fixture(scope="module")
def run():
    x, y = pl.datasets.load_digits().train
    recorder = pl.Recorder(every=1, rows=64)
    network = pl.Network([pl.Rescale(1 / 16), pl.Dense(12), pl.ReLU(), pl.Dense(10)])
    trainer = pl.Trainer(network, "softmax_cross_entropy", pl.Adam(0.01), callbacks=[recorder])
    trainer.fit(x[:300], y[:300], epochs=4)
    return recorder, network, x[:300], y[:300]


def test_histograms_have_a_ridge_for_each_look(run) -> None:
    recorder = run[0]
    for draw, label, kind in (
        (pl.plots.activation_histograms, "output", "activation"),
        (pl.plots.gradient_histograms, "∂C/∂output", "gradient"),
    ):
        figure = draw(recorder)
        panels = [axes for axes in figure.axes if axes.get_xlabel() == label]
        assert [axes.get_title(loc="left") for axes in panels] == [layer.name for layer in recorder.snapshots[0].layers]
        for index, axes in enumerate(panels):
            assert len(axes.lines) == 5
            for place, line in enumerate(axes.lines):
                histogram = getattr(recorder.snapshots[place].layers[index], kind)
                base = 4 - place
                height = ((line.get_ydata() - base) / 1.7) ** 2
                np.testing.assert_allclose(height, histogram.counts / histogram.counts.max(), atol=1e-12)
                middle = (histogram.edges[:-1] + histogram.edges[1:]) / 2
                np.testing.assert_allclose(line.get_xdata(), middle)
    assert len(pl.plots.activation_histograms(recorder, [2]).axes) == 1
    with pytest.raises(ValueError, match=r"^layers holds 4, but the network has layers 0 to 3\.$"):
        pl.plots.activation_histograms(recorder, [4])


def test_ratios_are_those_of_the_weights(run) -> None:
    recorder = run[0]
    axes = pl.plots.update_ratios(recorder).axes[0]
    lines = {line.get_label(): line for line in axes.lines}
    for name in ("1.weight", "3.weight"):
        expected = [snapshot.parameters[name].update_ratio for snapshot in recorder.snapshots]
        np.testing.assert_array_equal(lines[name].get_ydata(), expected)
        assert lines[name].get_xdata().tolist() == [0, 1, 2, 3, 4]
    assert "1.bias" not in lines
    assert axes.get_yscale() == "log"


def test_dead_units_are_white_and_counted(run) -> None:
    recorder, _, x, y = run
    network = pl.Network([pl.Dense(4), pl.ReLU(), pl.Dense(10)]).build(64)
    network.set("0.bias", [0, -9999, 0, -9999])
    own = pl.Recorder()
    pl.Trainer(network, "softmax_cross_entropy", pl.GradientDescent(1e-9), callbacks=[own]).fit(x, y, epochs=2)
    figure = pl.plots.unit_activity(own)
    assert figure.axes[0].get_title(loc="left") == "1, ReLU(): 2 of 4 units dead"
    shares = figure.axes[0].collections[0].get_array().reshape(4, 3)
    assert (shares[2:] == 0).all()
    assert (shares[:2] > 0).all()
    assert (np.diff(shares[:, -1]) <= 0).all()
    with pytest.raises(ValueError, match=r"^Layer 1 is no activation of units: choose from 2\.$"):
        pl.plots.unit_activity(recorder, 1)


def test_the_surface_is_drawn_as_it_was_computed(run) -> None:
    _, network, x, y = run
    figure = pl.plots.loss_surface(network, x, y, points=5, seed=3)
    surface = loss_surface(network, x, y, points=5, seed=3)
    contours = figure.axes[0].collections[0]
    assert contours.levels[0] == pytest.approx(surface.losses.min())
    assert contours.levels[-1] == pytest.approx(surface.losses.max())
    assert figure.axes[0].lines[0].get_xydata().tolist() == [[0, 0]]


def test_the_path_is_drawn_in_its_plane(run) -> None:
    recorder, network, x, y = run
    path = training_path([snapshot.vector for snapshot in recorder.snapshots])
    for arguments in ((recorder,), (recorder, network, x, y)):
        axes = pl.plots.training_path(*arguments).axes[0]
        np.testing.assert_allclose(axes.lines[0].get_xydata(), path.points)
        np.testing.assert_allclose(axes.lines[1].get_xydata(), path.points[:1])
        assert bool(axes.collections) == (len(arguments) > 1)
        assert axes.get_xlabel() == f"first component, {path.explained[0]:.0%} of the way"
    short = pl.Recorder()
    short.snapshots.extend(recorder.snapshots[:2])
    with pytest.raises(ValueError, match=r"^A path needs at least 3 points"):
        pl.plots.training_path(short)


def test_a_recorder_that_kept_no_parameters_says_so(run) -> None:
    _, network, x, y = run
    recorder = pl.Recorder(vectors=False)
    pl.Trainer(network, "softmax_cross_entropy", callbacks=[recorder]).fit(x, y, epochs=3)
    with pytest.raises(ValueError, match=r"^The recorder kept no parameters: make it with Recorder\(vectors=True\)\.$"):
        pl.plots.training_path(recorder)
    with pytest.raises(ValueError, match=r"^The recorder has seen nothing: give it to the trainer"):
        pl.plots.update_ratios(pl.Recorder())


def test_responses_show_the_ascent_and_the_best_rows(run) -> None:
    _, network, x, _ = run
    axes = pl.plots.unit_responses(network, x, 1, 5, count=4).axes[0]
    best = top_inputs(network, x, 1, 5, 4)
    values = unit_values(network, x[best], 1, 5)
    words = [text.get_text() for text in axes.texts]
    assert words[1:] == [f"{value:.3g}" for value in values]
    assert words[0].startswith("ascent ")
    assert float(words[0].split()[1]) > values[0]
    for image, row in zip(axes.images[1:], x[best], strict=True):
        np.testing.assert_allclose(image.get_array().ravel(), (row - row.min()) / np.ptp(row))


def test_saliency_is_drawn_below_each_image(run) -> None:
    _, network, x, _ = run
    above, below = pl.plots.saliency(network, x[:3]).axes[:2]
    assert [text.get_text() for text in above.texts] == [str(label) for label in network.predict(x[:3])]
    gradient = saliency(network, x[:3], scaled=True)
    for image, expected in zip(below.images, gradient, strict=True):
        np.testing.assert_allclose(image.get_array().ravel(), expected / np.abs(expected).max(), rtol=1e-6)


def test_they_draw_into_the_axes_they_are_given(run) -> None:
    recorder, network, x, y = run
    figure = new_figure(12, 9)
    axes = figure.subplots(4, 3).ravel()
    pictures = [
        pl.plots.activation_histograms(recorder, [1, 2], axes[:2]),
        pl.plots.gradient_histograms(recorder, [1, 2], axes[2:4]),
        pl.plots.update_ratios(recorder, axes[4]),
        pl.plots.unit_activity(recorder, axes=axes[5]),
        pl.plots.loss_surface(network, x, y, axes[6], points=3),
        pl.plots.training_path(recorder, axes=axes[7]),
        pl.plots.unit_responses(network, x, 1, 0, axes=axes[8]),
        pl.plots.saliency(network, x[:2], axes=(axes[9], axes[10])),
    ]
    assert all(picture is figure for picture in pictures)
    assert pl.plots.to_png(figure).startswith(b"\x89PNG")
