# %% [markdown]
# # A matrix network
#
# This chapter rebuilds a blog post on a matrix-based network. It trains on MNIST, 60,000 handwritten digits of 28 × 28
# pixels, and hands the network a matrix at a time: a mini-batch of 100 images is a matrix of 100 rows, and a layer is
# one product of matrices.
#
# The post's program ran, and learned, and was wrong in five places. None of them raised an error, and none makes a
# curve that looks broken. So the second half of this chapter is the same network in sixty lines of plain NumPy, with
# the five mistakes as switches: see what each does to the curve, and which check would have found it in a second.
#
# MNIST is downloaded when it is first asked for; `PELLUCID_DATA` names a folder that has it already. `python
# examples/run.py 3` writes the pictures of this chapter into `build/chapters/chapter_3_a_matrix_network`.

# %%
import time

import matplotlib.pyplot as plt
import numpy as np

import pellucid as pl

plt.style.use("tableau-colorblind10")
plt.rcParams["figure.constrained_layout.use"] = True

mnist = pl.datasets.load_mnist()
rows = 50_000  # quick: 2_000
train, validation, test = (pl.datasets.DatasetPart(part.x[:rows], part.y[:rows]) for part in mnist.parts.values())
print(mnist)

# %% [markdown]
# ## 784-100-10
#
# The post's script: 100 hidden units with `pl.LeakyReLU` of slope 0.1 (the post calls it a PReLU with a fixed slope),
# 10 outputs with the softmax inside the loss, batches of 100, 30 epochs, rate 1.0, weights from $N(0, 1/n_{in})$.
#
# It multiplies its weights with $1 - \eta\lambda/n$ in each step, with $\lambda = 0.1$ and the number of training rows
# $n$. That is the gradient of $\tfrac{1}{2}(\lambda/n)\sum w^2$, so here it is `L2(0.1 / n)`, a faint penalty of
# 0.000002. One step of both, to be sure:

# %%
x, y = np.array([[0.5, -1.0, 2.0], [1.0, 0.5, -0.5]]), np.array([1, 0])
eta, decay, n = 1.0, 0.1, 50.0
network = pl.Network([pl.Dense(2)], dtype="float64").build(3, seed=0)
weight = network.get("0.weight")
_, gradient = network.loss_and_gradient(x, y, loss=pl.SoftmaxCrossEntropy())
by_hand = (1 - eta * decay / n) * weight - eta * network.program.views()["0.weight"].of(gradient)
pl.Trainer(network, pl.SoftmaxCrossEntropy(), pl.GradientDescent(eta), penalty=pl.L2(decay / n)).fit(x, y, epochs=1)
difference = np.abs(network.get("0.weight") - by_hand).max()
assert difference <= 1e-15, "weight decay and L2: largest difference after a step"

# %% [markdown]
# Thirty epochs, and after each the accuracy on the validation and on the test rows.


# %%
def make_trainer(part, callbacks=()):
    """The network of the post and its training."""
    layers = [
        pl.Rescale(1 / 255),
        pl.Dense(100, weight_initializer="lecun_normal"),
        pl.LeakyReLU(0.1),
        pl.Dense(10, weight_initializer="lecun_normal"),
    ]
    return pl.Trainer(
        pl.Network(layers),
        loss=pl.SoftmaxCrossEntropy(),
        optimizer=pl.GradientDescent(1.0),
        batch_size=100,
        penalty=pl.L2(0.1 / part.rows),
        seed=0,
        callbacks=list(callbacks),
    )


epochs, tested = 30, []  # quick: 2, []
trainer = make_trainer(train, [lambda trainer: tested.append(trainer.network.evaluate(*test)["accuracy"])])
history = trainer.fit(*train, epochs=epochs, validation=validation)
for epoch, (on_validation, on_test) in enumerate(zip(history["validation_accuracy"], tested, strict=True), 1):
    print(f"epoch {epoch:>2}  validation {on_validation:.4f}  test {on_test:.4f}")
assert tested[-1] >= 0.975, "784-100-10, test accuracy after the last epoch"  # in full

_, axes = plt.subplots(figsize=(5.6, 3.4), num="accuracy-per-epoch")
for name, curve in (
    ("training", history["accuracy"]),
    ("validation", history["validation_accuracy"]),
    ("test", tested),
):
    axes.plot(range(1, epochs + 1), curve, label=name)
axes.set(title="784-100-10", xlabel="epoch", ylabel="accuracy")
axes.legend()
plt.show()

# %% [markdown]
# The training rows are memorized, the others no better than before: from here on more of the same does not help,
# which can only be seen because the three curves are three. The post prints two of them, and both are the validation
# accuracy; it states no number to reach, so what stands beside ours is what a program with its mistakes reaches.
#
# ## The same in plain NumPy, with five mistakes to switch on

# %%
MISTAKES = {
    "overlapping batches": "batch i takes the rows i … i + 99 instead of 100·i … 100·i + 99",
    "last rows lost": "n // 100 batches: the rows behind the last whole batch are never seen",
    "frozen bias": "the bias of the output layer is never updated",
    "overwritten input": "the activation's derivative is written over the activation itself",
    "wrong rows judged": "what is printed as training accuracy is the validation accuracy",
}


def batches(n, size, mistakes):
    """The rows of each batch of an epoch, as places in the shuffled order."""
    if "overlapping batches" in mistakes:
        return [slice(i, i + size) for i in range(n // size)]
    if "last rows lost" in mistakes:
        return [slice(i * size, (i + 1) * size) for i in range(n // size)]
    return [slice(i, i + size) for i in range(0, n, size)]


def forward(weights, x, mistakes=()):
    """Probabilities (n, 10), hidden outputs a (n, 100) and their slopes a′ (n, 100)."""
    w1, b1, w2, b2 = weights
    z = x @ w1 + b1  # (n, 784) @ (784, 100) -> (n, 100)
    a = np.where(z > 0, z, 0.1 * z)  # (n, 100)
    slopes = a if "overwritten input" in mistakes else a.copy()
    slopes[...] = np.where(a > 0, 1.0, 0.1)
    scores = a @ w2 + b2  # (n, 100) @ (100, 10) -> (n, 10)
    exponentials = np.exp(scores - scores.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True), a, slopes


def loss(weights, x, y, mistakes=()):
    """The mean of −log of the right class' probability."""
    return -np.log(forward(weights, x, mistakes)[0][np.arange(len(y)), y]).mean()


def gradients(weights, x, y, mistakes=()):
    """The derivative of the loss for each of the four arrays."""
    probabilities, a, slopes = forward(weights, x, mistakes)
    error = probabilities.copy()
    error[np.arange(len(y)), y] -= 1
    error /= len(y)  # (n, 10)
    passed = error @ weights[2].T * slopes  # (n, 10) @ (10, 100) -> (n, 100)
    of_bias = np.zeros_like(weights[3]) if "frozen bias" in mistakes else error.sum(axis=0)
    return [x.T @ passed, passed.sum(axis=0), a.T @ error, of_bias]


def accuracy(weights, x, y, mistakes=()):
    """The fraction that is right."""
    return float((forward(weights, x, mistakes)[0].argmax(axis=1) == y).mean())


def first_weights(inputs, hidden, outputs, seed=0):
    """Weights from N(0, 1/n_in), biases 0."""
    random = np.random.default_rng(seed)
    w1 = random.normal(size=(inputs, hidden)) / np.sqrt(inputs)
    w2 = random.normal(size=(hidden, outputs)) / np.sqrt(hidden)
    return [w1, np.zeros(hidden), w2, np.zeros(outputs)]


def run(mistakes, epochs, size=100, rate=1.0):
    """What is printed after each epoch: training and validation accuracy; and how many rows an epoch has seen."""
    weights, random, printed = first_weights(784, 100, 10), np.random.default_rng(1), []
    for _ in range(epochs):
        order, seen = random.permutation(len(xs)), np.zeros(len(xs), dtype=bool)
        for rows in batches(len(xs), size, mistakes):
            chosen = order[rows]
            seen[chosen] = True
            for array, change in zip(weights, gradients(weights, xs[chosen], ys[chosen], mistakes), strict=True):
                array -= rate * change
        judged = (xv, yv) if "wrong rows judged" in mistakes else (xs, ys)
        printed.append((accuracy(weights, *judged, mistakes), accuracy(weights, xv, yv, mistakes), len(judged[1])))
    return np.array(printed), int(seen.sum())


count = 10_050  # quick: 1_050
xs, ys = mnist.train.x[:count] / 255, mnist.train.y[:count]  # not a multiple of 100
xv, yv = mnist.validation.x[:2_000] / 255, mnist.validation.y[:2_000]
epochs = 15  # quick: 3
printed, seen, seconds = {}, {}, {}
for name in ("nothing wrong", *MISTAKES, "all five"):
    began = time.perf_counter()
    printed[name], seen[name] = run(set(MISTAKES) if name == "all five" else {name}, epochs)
    seconds[name] = time.perf_counter() - began
    print(f"{name:<20} validation accuracy after the last epoch {printed[name][-1, 1]:.4f}")

_, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8), num="five-mistakes")
for name, table in printed.items():
    if name != "wrong rows judged":
        left.plot(range(1, epochs + 1), table[:, 1], label=name)
left.set(title="Validation accuracy with each mistake", xlabel="epoch", ylabel="accuracy")
right.plot(range(1, epochs + 1), printed["nothing wrong"][:, 0], label="training")
right.plot(range(1, epochs + 1), printed["nothing wrong"][:, 1], label="validation")
right.plot(range(1, epochs + 1), printed["wrong rows judged"][:, 0], "--", label="“training”, wrong rows judged")
right.set(title="What is printed", xlabel="epoch")
for axes in (left, right):
    axes.legend(fontsize=8)
plt.show()

# %% [markdown]
# Overlapping batches (with 10,050 rows an epoch sees 199 of them) and the overwritten input cost five to ten points,
# and would pass for a network that is too weak. Lost rows and the frozen bias cannot be seen at all. And where the
# validation accuracy is printed twice, the two lines lie on each other, and the gap that warns of overfitting is gone.
#
# And beside Pellucid, on the same rows and for as many epochs? Both have to judge both sets after each epoch.

# %%
part, held = pl.datasets.DatasetPart(mnist.train.x[:count], ys), pl.datasets.DatasetPart(mnist.validation.x[:2_000], yv)
judge = make_trainer(part, [lambda trainer: trainer.network.evaluate(*part)])
began = time.perf_counter()
ours = judge.fit(*part, epochs=epochs, validation=held)["validation_accuracy"][-1]
ratio = seconds["nothing wrong"] / (time.perf_counter() - began)
print(f"Pellucid             validation accuracy after the last epoch {ours:.4f}")
print(f"NumPy takes {ratio:.1f} times as long as Pellucid.")

# %% [markdown]
# ## Caught by a gradient check, or by counting
#
# The gradient check compares each derivative with the difference quotient $(L(w + \varepsilon) - L(w -
# \varepsilon)) / 2\varepsilon$ in double precision, on a network small enough to do it for every single weight.
# Counting asks how many rows an epoch has seen, and how many rows were judged.


# %%
def gradient_check(mistakes, epsilon=1e-6):
    """The largest difference between a derivative and its difference quotient."""
    random = np.random.default_rng(2)
    weights = first_weights(6, 5, 3, seed=3)
    x, y = random.normal(size=(7, 6)), random.integers(0, 3, size=7)
    worst = 0.0
    for array, derivative in zip(weights, gradients(weights, x, y, mistakes), strict=True):
        for place in np.ndindex(array.shape):
            kept = array[place]
            array[place] = kept + epsilon
            ahead = loss(weights, x, y, mistakes)
            array[place] = kept - epsilon
            behind = loss(weights, x, y, mistakes)
            array[place] = kept
            worst = max(worst, abs(derivative[place] - (ahead - behind) / (2 * epsilon)))
    return worst


caught = 0
print(f"{'':<22}{'gradient check':>16}{'rows seen':>12}{'rows judged':>13}")
for name in ("nothing wrong", *MISTAKES):
    difference, judged = gradient_check({name}), int(printed[name][-1, 2])
    found = [difference > 1e-6, seen[name] != len(xs), judged != len(xs)]
    marks = ["  ←" if one else "   " for one in found]
    print(f"{name:<22}{difference:>13.1e}{marks[0]}{seen[name]:>9,}{marks[1]}{judged:>10,}{marks[2]}")
    caught += any(found) if name in MISTAKES else 0
assert gradient_check(()) <= 1e-8, "the right program: largest difference of a derivative"
assert len(xs) - seen["nothing wrong"] <= 0, "the right program: rows that an epoch does not see"
assert caught >= 5, "mistakes caught by a gradient check or a count"

# %% [markdown]
# Each mistake is caught by one of three numbers, and none of them by looking at the code. That is why every layer of
# Pellucid, and every loss, passes the gradient check for every parameter, and why its tests count rows.
