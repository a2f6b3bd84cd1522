# %% [markdown]
# # Layers as objects
#
# This chapter rebuilds the notebook "Yet another introduction to Neural Networks", which takes a network apart. The
# linear update $z = x W + b$ is one object, the logistic update $a = 1/(1 + e^{-z})$ another, and a network is a list
# of them. Each object knows two things: what comes out when something goes in (`forward`), and how the error at its
# output becomes the error at its input (`backward`).
#
# The data are scikit-learn's 1,797 digits of 8 × 8 pixels, divided as its `train_test_split` does with a third for the
# test (random state 111) and two fifths of the rest for validation (random state 123).
#
# The notebook reports an accuracy of 0.964730 on the validation rows and 0.959596 on the test rows, at the penalty
# 0.599484. These numbers stand beside ours below.
#
# `python examples/run.py 2` writes the pictures of this chapter into `build/chapters/chapter_2_layers_as_objects`.

# %%
import time
import warnings
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np

import pellucid as pl
from pellucid.layers.layer import Context
from pellucid.training import OutputLossWarning

plt.style.use("tableau-colorblind10")
plt.rcParams["figure.constrained_layout.use"] = True

digits = pl.datasets.load_digits(split="tutorial")
print(digits)

# %% [markdown]
# ## Two objects, and the error passed back
#
# Here is a pass through a list of layers, written out: forward through the list, the derivative of the loss, backward
# through the list. It is all that an engine does, and gives the same gradient as `network.loss_and_gradient`.

# %%
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
difference = np.abs(by_hand - gradient).max()
print(f"{by_hand.size:,} derivatives, largest difference {difference:.0e}")
assert difference <= 1e-12, "the pass by hand: largest difference of a derivative"

# %% [markdown]
# ## The network of the notebook
#
# 64-48-32-10, a sigmoid behind *every* layer, the last one too, and the softmax above. That is unusual: the scores that
# the softmax sees lie in [0, 1], so no probability can exceed $e/(e+9) \approx 0.23$, and the loss cannot fall below
# 1.46. The highest score still wins, and the strange ceiling acts against overconfidence. (Pellucid warns of such a
# last layer; here it is meant.)
#
# Weights start from $U(\pm\sqrt{6/(n_{in}+n_{out})})$ (Glorot's), biases from 0. The whole training set makes one step,
# with momentum 0.9 and rate 0.2; the original $V \leftarrow \mu V - \alpha\nabla$, $W \leftarrow W + V$ makes the same
# steps as Pellucid's $v \leftarrow \mu v + \nabla$, $w \leftarrow w - \alpha v$.
#
# The penalty is $\lambda/(2N)\sum w^2$ with the number of training rows $N$. Pellucid's `pl.L2` is
# $\tfrac{1}{2}\lambda\sum w^2$ whatever the number of rows, so this is `L2(λ / N)`.

# %%
warnings.simplefilter("ignore", OutputLossWarning)
N = digits.train.rows


def make_trainer(strength, seed):
    """The network of the notebook, with one strength of the penalty."""
    layers = [layer for units in (48, 32, 10) for layer in (pl.Dense(units, "glorot_uniform"), pl.Sigmoid())]
    return pl.Trainer(
        pl.Network(layers),
        loss=pl.SoftmaxCrossEntropy(),
        optimizer=pl.Momentum(0.2, momentum=0.9),
        batch_size="full",
        penalty=pl.L2(strength / N),
        seed=seed,
    )


# %% [markdown]
# ## How strong should the penalty be?
#
# Ten strengths, evenly spaced on a logarithmic axis from 0.01 to 100, five seeds each: `pl.sweep` trains the fifty
# networks side by side. Only the validation rows decide.

# %%
epochs = 2_000  # quick: 40
seeds = range(5)  # quick: range(2)
strengths = np.logspace(-2, 2, 10).tolist()  # quick: np.logspace(-2, 2, 4).tolist()
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
print(f"best: λ = {best:.6f}, the notebook's 0.599484")

_, axes = plt.subplots(figsize=(5.6, 3.4), num="accuracy-against-lambda")
axes.fill_between(strengths, table.min(axis=1), table.max(axis=1), alpha=0.2, linewidth=0)
axes.plot(strengths, medians, "o-")
axes.axvline(best, color="gray", linestyle=":")
axes.set(title="Median of the seeds, and their range", xlabel="λ", ylabel="validation accuracy", xscale="log")
plt.show()

# %% [markdown]
# A wide plateau, then a cliff: where the penalty outweighs the loss, the weights are pressed to nothing and the network
# predicts the same for every digit. Now the best strength, on the test rows, for the first time and once for each seed.

# %%
began = time.perf_counter()
trainers = [make_trainer(best, seed) for seed in seeds]
histories = [trainer.fit(*digits.train, epochs=epochs, validation=digits.validation) for trainer in trainers]
seconds = (time.perf_counter() - began) / len(trainers)
accuracies = [trainer.network.evaluate(*digits.test)["accuracy"] for trainer in trainers]
validated = [trainer.network.evaluate(*digits.validation)["accuracy"] for trainer in trainers]
print("test accuracy of the seeds:", ", ".join(f"{accuracy:.4f}" for accuracy in accuracies))
print("accuracy                      validation    test")
print("the notebook                      0.9647  0.9596")
print(f"Pellucid, median of the seeds     {np.median(validated):.4f}  {np.median(accuracies):.4f}")
print(f"Pellucid, from                    {min(validated):.4f}  {min(accuracies):.4f}")
print(f"          to                      {max(validated):.4f}  {max(accuracies):.4f}")
assert np.median(accuracies) >= 0.9596, "64-48-32-10 with sigmoids, median test accuracy"  # in full

_, panels = plt.subplots(1, 2, figsize=(9, 3.4), num="loss-curves")
pl.plots.history(histories[0], axes=panels, logarithmic=False)
plt.show()

# %% [markdown]
# Both losses fall smoothly: a full batch has no noise, and so many small steps have no haste.
#
# ## The same in plain NumPy
#
# A program of the notebook's kind: two classes of objects and a loop. It starts from the weights that the first of
# Pellucid's networks started from, with the penalty and the number of epochs from above, and so ends at the same place.


# %%
class Linear:
    """x W + b."""

    def __init__(self, weight, bias):
        self.weight, self.bias = weight, bias
        self.speed = [np.zeros_like(weight), np.zeros_like(bias)]

    def forward(self, x):
        self.x = x
        return x @ self.weight + self.bias

    def backward(self, error):
        self.gradients = [self.x.T @ error, error.sum(axis=0)]
        return error @ self.weight.T

    def step(self, rate, momentum, penalty):
        for array, speed, gradient in zip((self.weight, self.bias), self.speed, self.gradients, strict=True):
            speed *= momentum
            speed -= rate * (gradient + (penalty * array if array is self.weight else 0))
            array += speed


class Logistic:
    """1/(1 + e⁻ˣ)."""

    def forward(self, x):
        self.a = 1 / (1 + np.exp(-x))
        return self.a

    def backward(self, error):
        return error * self.a * (1 - self.a)

    def step(self, *options):
        """Nothing to learn."""


def scores_of(layers, x):
    for layer in layers:
        x = layer.forward(x)
    return x


def train_in_numpy(layers, x, y, penalty, epochs):
    for _ in range(epochs):
        exponentials = np.exp(scores_of(layers, x))  # scores lie in [0, 1]: nothing overflows
        error = exponentials / exponentials.sum(axis=1, keepdims=True)
        error[np.arange(len(y)), y] -= 1
        error /= len(y)
        for layer in reversed(layers):
            error = layer.backward(error)
        for layer in layers:
            layer.step(0.2, 0.9, penalty)


first = make_trainer(best, seed=0).network.build(64, seed=0)
layers = []
for index in (0, 2, 4):
    layers += [Linear(*(first.get(f"{index}.{name}").astype(float) for name in ("weight", "bias"))), Logistic()]
began = time.perf_counter()
train_in_numpy(layers, digits.train.x.astype(float), digits.train.y, best / N, epochs)
ratio = (time.perf_counter() - began) / seconds
print("seed 0     validation    test")
for program, scores in (("NumPy", lambda x: scores_of(layers, x)), ("Pellucid", trainers[0].network.scores)):
    right = [(scores(part.x).argmax(axis=1) == part.y).mean() for part in (digits.validation, digits.test)]
    print(f"{program:<10} {right[0]:>10.4f}  {right[1]:.4f}")
print(f"NumPy takes {ratio:.1f} times as long as Pellucid.")

# %% [markdown]
# ## How far can one go?
#
# The same 721 training rows, one change after the other, five seeds each:
#
# * **ReLU and Adam**: the same sizes with `pl.ReLU` and plain scores at the end, `pl.Adam` in batches of 32, its rate
#   rising to 0.005 and falling to nothing in 100 epochs (`pl.OneCycle`);
# * **wider**: 64-256-128-10;
# * **moved images**: in each epoch every digit is turned by up to 10°, moved by up to 8 % of its width and zoomed by up
#   to a tenth. 721 images become 72,100, no two of them alike;
# * **dropout 0.1** behind each hidden layer;
# * **the ensemble**: the mean of the five networks' probabilities.

# %%
epochs = 100  # quick: 6
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
reached = {"the notebook": 0.959596, "the same network": float(np.median(accuracies))}
for name, options in LADDER.items():
    networks = [modern(*options, seed) for seed in seeds]
    accuracies = [network.evaluate(*digits.test)["accuracy"] for network in networks]
    validated = [network.evaluate(*digits.validation)["accuracy"] for network in networks]
    reached[name] = float(np.median(accuracies))
    print(f"{name:<16} validation {np.median(validated):.4f}  test {reached[name]:.4f}  ({len(networks)} seeds)")
assert reached["dropout 0.1"] >= 0.985, "modern recipe on the same rows, median test accuracy"  # in full

probabilities = np.mean([network.predict_proba(digits.test.x) for network in networks], axis=0)
predicted = probabilities.argmax(axis=1)
reached["the ensemble"] = float((predicted == digits.test.y).mean())
print(f"{'the ensemble':<16} test {reached['the ensemble']:.4f}")

_, axes = plt.subplots(figsize=(6.4, 2.9), num="ladder")
axes.bar_label(axes.barh(list(reached), [100 * (1 - value) for value in reached.values()]), fmt="%.2f", padding=3)
axes.invert_yaxis()
axes.set(title="Test error, %", xmargin=0.15)
plt.show()

# %% [markdown]
# The largest step is the moved images: it tells the network something true about digits that 721 examples cannot.
#
# What is left are digits over which people disagree, too.

# %%
_, axes = plt.subplots(figsize=(6.4, 3.4), num="moved-images")
pl.plots.images(MOVED.apply(np.repeat(digits.train.x[:4], 8, axis=0)), (8, 8), columns=8, axes=axes)
wrong = np.flatnonzero(predicted != digits.test.y)[:16]
words = [f"{truth} → {guess}" for truth, guess in zip(digits.test.y[wrong], predicted[wrong], strict=True)]
_, axes = plt.subplots(figsize=(6.4, 2.4), num="mistakes")
pl.plots.images(digits.test.x[wrong], (8, 8), words, columns=8, axes=axes)
plt.show()
