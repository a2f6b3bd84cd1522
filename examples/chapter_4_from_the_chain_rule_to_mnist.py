"""
From the chain rule to MNIST
============================

The fourth story begins with a pencil: one neuron, then two in a row, every derivative by the chain rule and every
number on the paper. Then the same four lines, unchanged, learn to read.

A neuron computes :math:`z = w a + b` and answers :math:`\\sigma(z) = 1/(1 + e^{-z})`. The cost is :math:`C =
\\tfrac{1}{2} (a - y)^2`. Its derivatives are

.. math::

   \\frac{\\partial C}{\\partial b} = (a - y)\\,\\sigma'(z), \\qquad
   \\frac{\\partial C}{\\partial w} = \\frac{\\partial C}{\\partial b}\\, a_{prev}, \\qquad
   \\frac{\\partial C}{\\partial a_{prev}} = w\\, \\frac{\\partial C}{\\partial b},

and the last one is what the neuron before takes the place of :math:`a - y` with.
"""

import numpy as np
from chapter import Chapter, dots, lines

import pellucid as pl
from pellucid.plots.figure import new_figure

chapter = Chapter(__file__)

# %%
# Two neurons in a row
# --------------------
# Input 0.8, target 1, :math:`w_1 = 1.58`, :math:`b_1 = -0.14`, :math:`w_2 = 2.45`, :math:`b_2 = -0.11`. First with the
# pencil:


def sigmoid(z):
    """1/(1 + e⁻ᶻ)."""
    return 1 / (1 + np.exp(-z))


x, y, rate = 0.8, 1.0, 0.1
w1, b1, w2, b2 = 1.58, -0.14, 2.45, -0.11
z1 = w1 * x + b1
a1 = sigmoid(z1)
z2 = w2 * a1 + b2
a2 = sigmoid(z2)
cost = 0.5 * (a2 - y) ** 2
of_b2 = (a2 - y) * a2 * (1 - a2)
of_w2 = of_b2 * a1
of_a1 = of_b2 * w2
of_b1 = of_a1 * a1 * (1 - a1)
of_w1 = of_b1 * x
print(f"z₁ {z1:.10f}   a₁ {a1:.10f}   z₂ {z2:.10f}   a₂ {a2:.10f}   C {cost:.10f}")
print(f"∂C/∂b₂ {of_b2:.10f}   ∂C/∂w₂ {of_w2:.10f}   ∂C/∂a₁ {of_a1:.10f}")
print(f"∂C/∂b₁ {of_b1:.10f}   ∂C/∂w₁ {of_w1:.10f}")

# %%
# The same by Pellucid. A network's parameters are one flat vector, layer by layer, weight before bias; the gradient has
# the same layout.

network = pl.Network([pl.Dense(1), pl.Sigmoid(), pl.Dense(1), pl.Sigmoid()], dtype="float64").build(1)
network.parameters = [w1, b1, w2, b2]
loss, gradient = network.loss_and_gradient([[x]], [y], loss=pl.SquaredError())
print("C", loss)
for name, view in network.program.views().items():
    print(f"{name:<9} {view.of(gradient).item():.16f}")
difference = np.abs(gradient - [of_w1, of_b1, of_w2, of_b2]).max()
chapter.check("scalar example: largest difference of a derivative", difference, at_most=1e-15)

trainer = pl.Trainer(network, pl.SquaredError(), pl.GradientDescent(rate), batch_size="full")
trainer.fit([[x]], [y], epochs=1)
after = network.evaluate([[x]], [y])["loss"]
print(f"after one step at rate {rate}: w₁ b₁ w₂ b₂ = {network.parameters}, C {after:.12f}")
chapter.check("scalar example: difference of the cost after a step", abs(after - 0.011095884100559231), at_most=1e-15)

# %%
# 2-3-2
# -----
# Two inputs, three hidden neurons, two outputs. Nothing is new but the number of numbers: :math:`w a` becomes a product
# with a matrix, and what is passed back becomes :math:`W^T \partial C/\partial b`. On paper each row of a matrix
# belongs to the neuron that receives; Pellucid keeps rows as examples and writes :math:`y = x W + b`, so its weights
# are the transposes.

W1 = np.array([[-0.11499179, 0.454649], [-0.65801895, 0.56618695], [-0.15686814, -0.87499479]])
B1 = np.array([0.54001045, 0.75958375, 0.01870296])
W2 = np.array([[0.01071228, -0.49139708, -0.81775586], [-0.87455946, -0.08351883, -0.77534763]])
B2 = np.array([-0.32783478, 0.06061246])

network = pl.Network([pl.Dense(3), pl.Sigmoid(), pl.Dense(2), pl.Sigmoid()], dtype="float64").build(2)
for name, values in {"0.weight": W1.T, "0.bias": B1, "2.weight": W2.T, "2.bias": B2}.items():
    network.set(name, values)
inputs, targets = np.array([[0.8, 0.2]]), np.array([[0.0, 1.0]])
hidden = pl.Network(network.layers[:2], dtype="float64").build(2)
hidden.parameters = network.parameters[:9]
print("hidden ", hidden.scores(inputs)[0])
print("outputs", network.scores(inputs)[0])
before, gradient = network.loss_and_gradient(inputs, targets, loss=pl.SquaredError())
print("C      ", before)
for name, view in network.program.views().items():
    print(f"∂C/∂{name}\n{view.of(gradient)}")
pl.Trainer(network, pl.SquaredError(), pl.GradientDescent(0.1), batch_size="full").fit(inputs, targets, epochs=1)
for name, values in network.named_parameters().items():
    print(f"{name} after a step of 0.1\n{values}")
after = network.evaluate(inputs, targets)["loss"]
print("C       afterwards", after)
chapter.check("2-3-2: difference of the cost", abs(before - 0.28722913585991233), at_most=1e-15)
chapter.check("2-3-2: difference of the cost after a step", abs(after - 0.28229621169169605), at_most=1e-15)

# %%
# MNIST
# -----
# 50,000 images, brought into [0, 1], in batches of 10 at rate 3.0, weights and biases from :math:`N(0, 1)`, the same
# sigmoids, the same cost, 30 epochs. The accuracy is that on the 10,000 test images.

mnist = pl.datasets.load_mnist()
rows = chapter.size(50_000, 2_000)
train, test = (pl.datasets.Part(part.x[:rows], part.y[:rows]) for part in (mnist.train, mnist.test))
epochs, seeds = chapter.size(30, 2), range(chapter.size(5, 1))


def learn(sizes, seed, initializer="normal", loss=None, rate=3.0, batch_size=10, outputs=pl.Sigmoid):
    """A trained network, and its test accuracy after each epoch."""
    layers = [pl.Rescale(1 / 255)]
    for units in sizes:
        biases = initializer if initializer == "normal" else "zeros"
        layers += [pl.Dense(units, initializer, bias_initializer=biases), pl.Sigmoid()]
    layers = layers if outputs is not None else layers[:-1]
    network = pl.Network(layers)
    trainer = pl.Trainer(network, loss or pl.SquaredError(), pl.GradientDescent(rate), batch_size, seed=seed)
    history = trainer.fit(*train, epochs=epochs, validation=test)
    return network, history["validation_accuracy"]


networks, curves = {}, {}
for sizes in ((30, 10), (16, 16, 10), (10,)):
    for seed in seeds:
        networks[sizes, seed], curves[sizes, seed] = learn(sizes, seed)
    words = "-".join(map(str, (784, *sizes)))
    first, last = (np.array([curves[sizes, seed][place] for seed in seeds]) for place in (0, -1))
    print(f"{words:<13} after the first epoch {np.round(first, 4)}, after the last {np.round(last, 4)}")
last = {sizes: np.array([curves[sizes, seed][-1] for seed in seeds]) for sizes in ((30, 10), (16, 16, 10), (10,))}
chapter.check("784-30-10, median test accuracy", np.median(last[30, 10]), at_least=0.946)
chapter.check("784-16-16-10, best of the seeds", last[16, 16, 10].max(), at_least=0.938)

picture = new_figure(9.6, 3.5)
for axes, sizes in zip(picture.subplots(1, 3, sharey=True), last, strict=True):
    of_seeds = {f"seed {seed}": curves[sizes, seed] for seed in seeds}
    first = sizes == (30, 10)
    words = "-".join(map(str, (784, *sizes)))
    lines(axes, of_seeds, words, "epoch", "test accuracy" if first else "", legend=first)
chapter.save(picture, "three-networks")

# %%
# The first two read well, though a seed can lose a whole digit (the flat curve at 86 %). For two small hidden layers
# :math:`N(0, 1)` is an unlucky start; with :math:`N(0, 1/n_{in})` instead the median of the seeds comes to what the
# best one had before.

better = [learn((16, 16, 10), seed, initializer="lecun_normal")[1][-1] for seed in seeds]
print("784-16-16-10, weights from N(0, 1/n_in):", np.round(better, 4))
chapter.check("784-16-16-10 from N(0, 1/n_in), median test accuracy", np.median(better), at_least=0.938)

# %%
# Why a network without a hidden layer drops to 75 %
# --------------------------------------------------
# 784-10 should reach 92 %: that is what ten straight lines can do on this task. It ends anywhere between 75 and 92 %,
# depending on the seed. Its curves rise in steps of some 8 %, and that is the clue: a step is a whole digit that was
# missing and comes back. Some come back after ten epochs, some not in thirty.

for seed in seeds:
    network = networks[(10,), seed]
    said = np.bincount(network.predict(test.x), minlength=10)
    missing = [digit for digit in range(10) if said[digit] < 0.01 * test.rows]
    fresh = pl.Network(network.layers).build(784, seed=seed)
    a = np.stack([fresh.scores(test.x), network.scores(test.x)])  # (2, n, 10)
    slopes = (a * (1 - a)).mean(axis=1)  # (2, 10)
    print(
        f"seed {seed}: accuracy {curves[(10,), seed][-1]:.4f}, digits never said {missing}; "
        f"their mean slope σ′ {slopes[0][missing].round(4)} at the start, {slopes[1][missing].round(6)} at the end"
    )

# %%
# An image has some hundred bright pixels, so :math:`z`, a sum of as many weights from :math:`N(0, 1)`, is of the size
# 10, where the sigmoid is flat. The derivative of the cost carries the factor :math:`\sigma'(z)`: an output that is
# close to 0 for every image can be wrong for a whole class and is not told. In the first steps, with a rate of 3, the
# outputs are pushed down (nine of ten targets are 0), and some are pushed over the edge. With a hidden layer in front,
# the hidden neurons still move and can carry an output back; here it has to wait for what trickles through a slope of
# 0.00001.
#
# The repair is the cost. With cross-entropy the derivative for :math:`z` is :math:`a - y`: the factor
# :math:`\sigma'(z)` is cancelled, and an output that is wrong is told so in full.

REPAIRS = {
    "squared error, N(0, 1)": [curves[(10,), seed][-1] for seed in seeds],
    "cross-entropy, N(0, 1)": [
        learn((10,), seed, loss=pl.SoftmaxCrossEntropy(), rate=0.1, outputs=None)[1][-1] for seed in seeds
    ],
    "cross-entropy, zeros": [
        learn((10,), seed, "zeros", pl.SoftmaxCrossEntropy(), 0.1, 100, outputs=None)[1][-1] for seed in seeds
    ],
}
for name, reached in REPAIRS.items():
    print(f"{name:<24} median {np.median(reached):.4f}, from {min(reached):.4f} to {max(reached):.4f}")
chapter.check("784-10, lowest of the seeds with squared error", min(REPAIRS["squared error, N(0, 1)"]), at_most=0.80)
chapter.check(
    "784-10 with cross-entropy, median test accuracy", np.median(REPAIRS["cross-entropy, zeros"]), at_least=0.92
)

picture = new_figure(6.6, 2.3)
percent = {name: [100 * value for value in reached] for name, reached in REPAIRS.items()}
dots(picture.subplots(), percent, "784-10: a dot for each seed", "test accuracy, %")
chapter.save(picture, "repaired")

# %%
# (Zeros are a fine start here: the rule that they never break symmetry is about hidden units. Without hidden units
# there is no symmetry to break, since each output has targets of its own.)
#
# What the hidden neurons look at
# -------------------------------
# The weights of the 30 hidden neurons, as images: noise, mostly. The corners, where no image has ink, keep their first
# random values for ever, since their derivatives are zero.

network = networks[(30, 10), 0]
chapter.save(pl.plots.weights(network, 1, (28, 28)), "hidden-weights")
random = np.random.default_rng(0)
images = {"digits": test.x[:1_000], "the same pixels, shuffled": random.permuted(test.x[:1_000], axis=1)}
for name, pixels in images.items():
    sure = (network.scores(pixels).max(axis=1) > 0.9).mean()
    print(f"{name:<26} highest output above 0.9 for {sure:.0%} of the images")

# %%
# Of one in five images of pure noise it is as sure as of a digit. It was never asked how an image looks that is no
# digit.

chapter.finish()
