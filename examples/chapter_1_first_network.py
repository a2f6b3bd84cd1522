"""
A first network
===============

Points in the plane, a network small enough to hold in the head, and the simplest way to train one: follow the gradient
of *all* points, again and again, and take a smaller step whenever a look shows that the last ones led upwards.

The network has a list of hidden layers with ReLU, and a softmax with cross-entropy at its end. A point :math:`x`
becomes :math:`a_1 = \\max(0, x W_1 + b_1)`, :math:`a_2 = \\max(0, a_1 W_2 + b_2)` and the scores :math:`z = a_2 W_3 +
b_3`; the probability of class :math:`j` is :math:`e^{z_j} / \\sum_k e^{z_k}`. What is minimized is the mean of
:math:`-\\log` of the probability of the right class, plus :math:`\\tfrac{1}{2} \\lambda \\sum w^2` with :math:`\\lambda
= 10^{-5}`.
"""

import numpy as np
from chapter import Chapter, lines

import pellucid as pl
from pellucid.datasets import TOY_MODELS
from pellucid.plots.figure import new_figure

chapter = Chapter(__file__)

# %%
# Eight models
# ------------
# A hundred points a class, drawn from eight models. All of them are first centred and brought into [−1, 1]². Two hidden
# layers of 5 units are enough for five of them; the cubics and the two models of waves get two layers of 10, because
# with 5 one seed in three ends with a few points on the wrong side.
#
# The rate is 1, large on purpose. :class:`~pellucid.Backtracking` looks every 500 iterations: if the loss has grown
# since the last look, the weights of that look come back and the rate is divided by 5.

HIDDEN = {name: (10, 10) if "sinusoids" in name or "cubics" in name else (5, 5) for name in TOY_MODELS}


def train(name, hidden, seed, iterations, optimizer, activation=pl.ReLU, callbacks=()):
    """The network after training, and the trainer."""
    x, y = TOY_MODELS[name](100, seed=0)
    layers = [layer for units in hidden for layer in (pl.Dense(units), activation())]
    network = pl.Network([*layers, pl.Dense(int(y.max()) + 1)])
    trainer = pl.Trainer(
        network,
        loss=pl.SoftmaxCrossEntropy(),
        optimizer=optimizer,
        batch_size="full",
        penalty=pl.L2(1e-5),
        seed=seed,
        callbacks=list(callbacks),
    )
    trainer.fit(x, y, epochs=iterations)
    return network, trainer


def mistakes(name, network):
    """How many points are on the wrong side, and how many there are."""
    x, y = TOY_MODELS[name](100, seed=0)
    return int((network.predict(x) != y).sum()), len(y)


iterations = chapter.size(20_000, 400)
sheet, worst_error = new_figure(13.0, 7.4), 0.0
for axes, name in zip(sheet.subplots(2, 4).flat, TOY_MODELS, strict=True):
    backtracking = pl.Backtracking(every=500)
    network, trainer = train(name, HIDDEN[name], 0, iterations, pl.GradientDescent(1.0), callbacks=[backtracking])
    pl.plots.decision_regions(network, *TOY_MODELS[name](100, seed=0), axes=axes, resolution=160)
    wrong, points = mistakes(name, network)
    axes.set_title(f"{name}: {wrong} of {points} wrong", fontsize=9, loc="left")
    went_back = f"went back {backtracking.times} times" if backtracking.times else "never went back"
    print(f"{name:<24} {wrong:>2} out of {points} points misclassified; {went_back}")
    worst_error = max(worst_error, wrong / points)
chapter.check("eight models, largest training error", worst_error, at_most=0.02)
chapter.save(sheet, "eight-models")

# %%
# Where deep networks got stuck
# -----------------------------
# More layers should do no worse. They did: with 4 and 5 hidden layers the same recipe ends, for most seeds, in a poor
# minimum. Three recipes, the same 5 units a layer, the same data, ten seeds each:
#
# * **as above**: ReLU, gradient descent with backtracking;
# * **another optimizer**: :class:`~pellucid.Adam` with a rate that rises and falls once (:class:`~pellucid.OneCycle`).
#   It divides each step by the size of the gradients seen so far, so a layer whose gradients are small is not left
#   behind;
# * **and another activation**: :class:`~pellucid.LeakyReLU`, which lets a tenth of negative values pass. A unit that
#   answers 0 to every point passes nothing back and never learns again; of 5 units a layer cannot spare one. With a
#   slope, none dies.

steps = chapter.size(5_000, 300)
RECIPES = {
    "gradient descent": lambda: {
        "iterations": iterations,
        "optimizer": pl.GradientDescent(1.0),
        "callbacks": [pl.Backtracking(every=500)],
    },
    "Adam, one cycle": lambda: {"iterations": steps, "optimizer": pl.Adam(pl.OneCycle(0.03, steps=steps))},
    "Adam, leaky ReLU": lambda: {
        "iterations": steps,
        "optimizer": pl.Adam(pl.OneCycle(0.03, steps=steps)),
        "activation": lambda: pl.LeakyReLU(0.1),
    },
}
seeds = range(chapter.size(10, 2))
errors, networks = {}, {}
for name in ("shifted-sinusoids", "shifted-sinusoids-three"):
    for depth in (4, 5):
        for recipe, options in RECIPES.items():
            rates = []
            for seed in seeds:
                network, _ = train(name, (5,) * depth, seed, **options())
                wrong, points = mistakes(name, network)
                rates.append(wrong / points)
                networks[name, depth, recipe, seed] = network
            errors[name, depth, recipe] = rates
            good = sum(rate <= 0.02 for rate in rates)
            print(
                f"{name:<24} {depth} hidden layers, {recipe:<17} {good:>2} of {len(rates)} seeds at 2 % or less, "
                f"worst {max(rates):.1%}"
            )
        chapter.check(f"{name}, {depth} hidden layers: seeds at 2 % error or less", good, at_least=9)

picture = new_figure(9.0, 3.6)
panels = picture.subplots(1, 2, sharey=True)
for axes, name in zip(panels, ("shifted-sinusoids", "shifted-sinusoids-three"), strict=True):
    curves = {
        f"{depth} layers, {recipe}": sorted(100 * rate for rate in errors[name, depth, recipe])
        for depth in (4, 5)
        for recipe in RECIPES
    }
    lines(axes, curves, name, "seeds, from the best to the worst", "points misclassified, %", markers=True)
    axes.axhline(2, color="#8A8A8A", linewidth=1, linestyle=":")
    if name != "shifted-sinusoids":
        axes.get_legend().remove()
        axes.set_ylabel("")
chapter.save(picture, "deep-networks")

# %%
# Why: the gradient, layer by layer
# ---------------------------------
# `network.loss_and_gradient` answers the flat gradient, and `network.program.views()` says which part of it belongs to
# which parameter. Here is its size (root mean square over the weights of a layer) before and after training, for two
# seeds of gradient descent with 5 hidden layers, a middling and the worst one, and for the same seeds with the last
# recipe.


def gradient_sizes(network, x, y):
    """The root mean square of the loss' gradient, for the weight of each layer."""
    _, gradient = network.loss_and_gradient(x, y, loss=pl.SoftmaxCrossEntropy())
    views = network.program.views()
    return [float(np.sqrt(np.square(views[n].of(gradient)).mean())) for n in views if n.endswith("weight")]


def silent_units(network, x):
    """For each activation: how many of its units answer 0 (or less) to every point."""
    counts = []
    for index in range(1, len(network.layers), 2):
        part = pl.Network(network.layers[: index + 1]).build(2)
        part.parameters = network.parameters[: part.parameters.size]
        counts.append(int((part.scores(x) <= 0).all(axis=0).sum()))
    return counts


name = "shifted-sinusoids"
x, y = TOY_MODELS[name](100, seed=0)
ranked = np.argsort(errors[name, 5, "gradient descent"], kind="stable")
picture = new_figure(9.0, 3.6)
panels = picture.subplots(1, 2, sharey=True)
chosen = {"a middling": ranked[len(ranked) // 2], "the worst": ranked[-1]}
for axes, (word, seed) in zip(panels, chosen.items(), strict=True):
    curves = {}
    for recipe in ("gradient descent", "Adam, leaky ReLU"):
        after = networks[name, 5, recipe, int(seed)]
        before = pl.Network(after.layers).build(2, seed=int(seed))
        for moment, network in (("before", before), ("after", after)):
            curves[f"{recipe}, {moment}"] = sizes = gradient_sizes(network, x, y)
            loss = network.evaluate(x, y, loss=pl.SoftmaxCrossEntropy())["loss"]
            print(
                f"{word:<10} seed, {recipe:<17} {moment:<7} loss {loss:.4f}, gradient of the first layer "
                f"{sizes[0]:.1e}, of the last {sizes[-1]:.1e}; silent units {silent_units(network, x)}"
            )
    drawn = {label: np.maximum(sizes, 1e-9) for label, sizes in curves.items()}
    lines(axes, drawn, f"Gradient, {word} seed", "layer", "root mean square (0 at the bottom)", markers=True)
    axes.set_yscale("log")
panels[1].set_ylabel("")
panels[1].get_legend().remove()
chapter.save(picture, "gradient-per-layer")

# %%
# A good network and a stuck one both end with small gradients; what differs is the loss. The stuck ones are not at the
# bottom: they are without a way down. A unit that is silent for every point multiplies whatever is passed back with 0.
# Where a few of 5 are silent the way is narrow; where a whole layer is, the derivative of everything in front of it is
# exactly zero, and what is left is the bias of the last layer, which learns how frequent the classes are and no more.
#
# Two mistakes, made and found
# ----------------------------
# The program that this chapter retells had two mistakes, worth making once. The first is in the loss that is shown: the
# softmax is divided by the sum of the shifted scores instead of their exponentials.

scores = np.array([[2.0, 1.0, 0.1]])
shifted = scores - scores.max(axis=1, keepdims=True)
right = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True)
wrong_way = np.exp(shifted) / shifted.sum(axis=1, keepdims=True)
for word, probabilities in (("right", right), ("wrong", wrong_way)):
    with np.errstate(invalid="ignore"):
        loss = -np.log(probabilities[0, 0])
    print(f"{word}: probabilities {probabilities[0].round(3)}, sum {probabilities.sum():.3f}, loss {loss:.3f}")
chapter.check("sum of the right softmax's probabilities", right.sum(), at_least=1 - 1e-12, at_most=1 + 1e-12)

# %%
# Shifted scores are never positive, so the "probabilities" are negative and their logarithm is no number. A single line
# finds it: probabilities sum to 1. Training went on undisturbed, because the gradient was computed by another formula;
# a wrong number that is only shown can live for a long time.
#
# The second is in the back-up. `kept = weights` does not copy: it is a second name for the same array, and the step
# that is written into `weights` is written into `kept`, too. Going back goes nowhere.


def descend(copy, looks, rate=8.0, every=20):
    """The loss at each look, and how often going back arrived at the loss that was kept."""
    network = pl.Network([pl.Dense(10), pl.ReLU(), pl.Dense(10), pl.ReLU(), pl.Dense(2)], dtype="float64").build(2)
    weights = network.parameters.copy()

    def loss_and_gradient():
        network.parameters = weights
        return network.loss_and_gradient(x, y, loss=pl.SoftmaxCrossEntropy())

    kept, kept_loss = weights.copy() if copy else weights, loss_and_gradient()[0]
    losses, returns, arrivals = [kept_loss], 0, 0
    for _ in range(looks):
        for _ in range(every):
            weights -= rate * loss_and_gradient()[1]
        loss = loss_and_gradient()[0]
        if loss > kept_loss + 1e-9:
            rate, returns = rate / 5, returns + 1
            weights[:] = kept
            arrivals += bool(np.isclose(loss_and_gradient()[0], kept_loss))
        else:
            kept_loss = loss
            kept = weights.copy() if copy else weights
        losses.append(loss)
    return losses, returns, arrivals


looks = chapter.size(60, 6)
results = {"a true copy": descend(True, looks), "the same object": descend(False, looks)}
picture = new_figure(5.4, 3.4)
axes = picture.subplots()
lines(axes, {name: result[0] for name, result in results.items()}, "The loss at each look", "look", "loss")
axes.set_yscale("log")
chapter.save(picture, "back-up")
for name, (losses, returns, arrivals) in results.items():
    print(f"{name}: went back {returns} times and arrived {arrivals} times; last loss {losses[-1]:.4f}")
_, returns, arrivals = results["a true copy"]
chapter.check("going back with a true copy: arrivals missing", returns - arrivals, at_most=0)
chapter.check("going back with the same object: arrivals", results["the same object"][2], at_most=0)

# %%
# Counting finds it: going back must arrive at the loss that was kept. In Pellucid a state of training is never changed
# in place, so the kept one cannot be touched; that is decided once, and no callback has to think of it.

chapter.finish()
