"""
Layers as objects
=================

The second story takes the network apart. The linear update :math:`z = x W + b` is one object, the logistic update
:math:`a = 1/(1 + e^{-z})` another, and a network is a list of them. Each object knows two things: what comes out when
something goes in (`forward`), and how the error at its output becomes the error at its input (`backward`).

The data are scikit-learn's 1,797 digits of 8 × 8 pixels, divided as its `train_test_split` does with a third for the
test (random state 111) and two fifths of the rest for validation (random state 123).
"""

import numpy as np
from chapter import Chapter, bars, lines

import pellucid as pl
from pellucid.plots.figure import new_figure

chapter = Chapter(__file__)
digits = pl.datasets.load_digits(split="tutorial")
print(digits)

# %%
# Two objects, and the error passed back
# --------------------------------------
# Here is a pass through a list of layers, written out: forward through the list, the derivative of the loss, backward
# through the list. It is all that an engine does, and gives the same gradient as `network.loss_and_gradient`.

from types import SimpleNamespace

from pellucid.layers.base import Context

network = pl.Network([pl.Dense(48), pl.Sigmoid(), pl.Dense(10), pl.Sigmoid()], dtype="float64").build(64, seed=0)
x, y = digits.train.x[:5].astype(float), digits.train.y[:5]
loss = pl.SoftmaxCrossEntropy()

signal, kept = x, []
for index, layer in enumerate(network.layers):
    has = isinstance(layer, pl.Dense)
    parameters = SimpleNamespace(**{n: network.get(f"{index}.{n}") for n in (("weight", "bias") if has else ())})
    signal, saved = layer.forward(signal, parameters, Context())
    kept.append((layer, saved, parameters))

error, pieces = loss.gradient(signal, y) / len(x), []
for layer, saved, parameters in reversed(kept):
    error, gradients = layer.backward(error, saved, parameters, Context())
    pieces = [part.ravel() for part in gradients.values()] + pieces

by_hand = np.concatenate(pieces)
_, gradient = network.loss_and_gradient(x, y, loss=loss)
print(f"{by_hand.size:,} derivatives, largest difference {np.abs(by_hand - gradient).max():.1e}")
chapter.check("the pass by hand: largest difference of a derivative", np.abs(by_hand - gradient).max(), at_most=1e-12)

# %%
# The network of the story
# ------------------------
# 64-48-32-10, a sigmoid behind *every* layer, the last one too, and the softmax above. That is unusual: the scores that
# the softmax sees lie in [0, 1], so no probability can exceed :math:`e/(e+9) \approx 0.23`, and the loss cannot fall
# below 1.46. The highest score still wins, and the strange ceiling acts against overconfidence.
#
# Weights start from :math:`U(\pm\sqrt{6/(n_{in}+n_{out})})` (Glorot's), biases from 0. The whole training set makes one
# step, with momentum 0.9 and rate 0.2; the original :math:`V \leftarrow \mu V - \alpha\nabla`, :math:`W \leftarrow W +
# V` makes the same steps as Pellucid's :math:`v \leftarrow \mu v + \nabla`, :math:`w \leftarrow w - \alpha v`.
#
# The penalty is :math:`\lambda/(2N)\sum w^2` with the number of training rows :math:`N`. Pellucid's
# :class:`~pellucid.L2` is :math:`\tfrac{1}{2}\lambda\sum w^2` whatever the number of rows, so this is `L2(λ / N)`.

N = digits.train.rows


def make_trainer(strength, seed):
    """The network of the story, with one strength of the penalty."""
    layers = [layer for units in (48, 32, 10) for layer in (pl.Dense(units, "glorot_uniform"), pl.Sigmoid())]
    return pl.Trainer(
        pl.Network(layers),
        loss=pl.SoftmaxCrossEntropy(),
        optimizer=pl.Momentum(0.2, momentum=0.9),
        batch_size="full",
        penalty=pl.L2(strength / N),
        seed=seed,
    )


# %%
# How strong should the penalty be?
# ---------------------------------
# Ten strengths, evenly spaced on a logarithmic axis from 0.01 to 100, five seeds each: :func:`~pellucid.sweep` trains
# the fifty networks side by side. Only the validation rows are asked.

epochs = chapter.size(2_000, 40)
seeds = range(chapter.size(5, 2))
strengths = [float(strength) for strength in np.logspace(-2, 2, chapter.size(10, 4))]
results = pl.sweep(
    make_trainer,
    pl.grid(strength=strengths, seed=seeds),
    *digits.train,
    epochs=epochs,
    validation=digits.validation,
)
table = np.array([trial.metrics["validation_accuracy"] for trial in results]).reshape(len(strengths), len(seeds))
medians = np.median(table, axis=1)
best = strengths[int(np.argmax(medians))]
for strength, row in zip(strengths, table, strict=True):
    print(f"λ {strength:>8.4f}  validation accuracy {np.median(row):.4f}  ({row.min():.4f} to {row.max():.4f})")
print(f"best: λ = {best:.6f}")

picture = new_figure(5.6, 3.4)
axes = picture.subplots()
axes.fill_between(strengths, table.min(axis=1), table.max(axis=1), alpha=0.2, color="#0072B2", linewidth=0)
lines(
    axes, {"median of the seeds": medians}, "Accuracy against λ", "λ", "validation accuracy", x=strengths, markers=True
)
axes.set_xscale("log")
axes.axvline(best, color="#8A8A8A", linestyle=":", linewidth=1.2)
chapter.save(picture, "accuracy-against-lambda")

# %%
# A wide plateau, then a cliff: where the penalty outweighs the loss, the weights are pressed to nothing and the network
# says the same of every digit. Now the best strength, on the test rows, for the first time and once for each seed.

trainers = [make_trainer(best, seed) for seed in seeds]
histories = [trainer.fit(*digits.train, epochs=epochs, validation=digits.validation) for trainer in trainers]
accuracies = [trainer.network.evaluate(*digits.test)["accuracy"] for trainer in trainers]
print("test accuracy of the seeds:", ", ".join(f"{accuracy:.4f}" for accuracy in accuracies))
chapter.check("64-48-32-10 with sigmoids, median test accuracy", np.median(accuracies), at_least=0.9596)
chapter.save(pl.plots.history(histories[0], logarithmic=False), "loss-curves")

# %%
# Both losses fall smoothly: a full batch has no noise, and so many small steps have no haste.
#
# How far can one go?
# -------------------
# The same 721 training rows, one change after the other, five seeds each:
#
# * **ReLU and Adam**: the same sizes with :class:`~pellucid.ReLU` and plain scores at the end, :class:`~pellucid.Adam`
#   in batches of 32, its rate rising to 0.005 and falling to nothing in 100 epochs (:class:`~pellucid.OneCycle`);
# * **wider**: 64-256-128-10;
# * **moved images**: in each epoch every digit is turned by up to 10°, moved by up to 8 % of its width and zoomed by up
#   to a tenth. 721 images become 72,100, no two of them alike;
# * **dropout 0.1** behind each hidden layer;
# * **the five together**: the mean of their probabilities.

epochs = chapter.size(100, 6)
steps = epochs * -(-N // 32)
MOVED = pl.Augmentation(digits.image_shape, [pl.Rotate(10), pl.Translate(0.08), pl.Zoom(0.9, 1.1)])


def modern(hidden, augmentation, dropout, seed):
    """A trained network."""
    layers = [pl.Rescale(1 / 16)]
    for units in hidden:
        layers += [pl.Dense(units), pl.ReLU()] + ([pl.Dropout(dropout)] if dropout else [])
    trainer = pl.Trainer(
        pl.Network([*layers, pl.Dense(10)]),
        loss=pl.SoftmaxCrossEntropy(),
        optimizer=pl.Adam(pl.OneCycle(0.005, steps=steps)),
        batch_size=32,
        seed=seed,
        augmentation=augmentation,
    )
    trainer.fit(*digits.train, epochs=epochs)
    return trainer.network


LADDER = {
    "ReLU and Adam": ((48, 32), None, 0.0),
    "wider": ((256, 128), None, 0.0),
    "moved images": ((256, 128), MOVED, 0.0),
    "dropout 0.1": ((256, 128), MOVED, 0.1),
}
reached = {"as in the story": float(np.median(accuracies))}
for name, options in LADDER.items():
    networks = [modern(*options, seed) for seed in seeds]
    accuracies = [network.evaluate(*digits.test)["accuracy"] for network in networks]
    validated = [network.evaluate(*digits.validation)["accuracy"] for network in networks]
    reached[name] = float(np.median(accuracies))
    print(f"{name:<16} validation {np.median(validated):.4f}  test {reached[name]:.4f}  ({len(networks)} seeds)")
chapter.check("modern recipe on the same rows, median test accuracy", reached["dropout 0.1"], at_least=0.985)

together = np.mean([network.predict_proba(digits.test.x) for network in networks], axis=0)
reached["five together"] = float((together.argmax(axis=1) == digits.test.y).mean())
print(f"{'five together':<16} test {reached['five together']:.4f}")

picture = new_figure(6.4, 2.9)
bars(picture.subplots(), {name: 100 * (1 - value) for name, value in reached.items()}, "Test error", "%")
chapter.save(picture, "ladder")

# %%
# The largest step is the moved images: it tells the network something true about digits that 721 examples cannot.
#
# What is left are digits over which people disagree, too.

chapter.save(pl.plots.images(MOVED.apply(np.repeat(digits.train.x[:4], 8, axis=0)), (8, 8), columns=8), "moved-images")
predicted = together.argmax(axis=1)
wrong = np.flatnonzero(predicted != digits.test.y)[:16]
words = [f"{truth} → {guess}" for truth, guess in zip(digits.test.y[wrong], predicted[wrong], strict=True)]
chapter.save(pl.plots.images(digits.test.x[wrong], (8, 8), words, columns=8), "mistakes")
chapter.finish()
