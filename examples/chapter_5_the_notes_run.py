"""
The notes, run
==============

The fifth text is a list of the parts a network can be made of, with a sentence on each. Here every sentence is run: all
activations, initializers, optimizers, schedules and regularizers of Pellucid on one task, and the troubles that the
notes warn of, made and measured.

The task is small on purpose: the 1,797 digits of 8 × 8 pixels, 60 % of them to learn from, 20 % to compare on. Numbers
are medians of a few seeds; half a percent is two images, and differences of that size mean nothing.
"""

import numpy as np
from chapter import Chapter, bars, lines

import pellucid as pl
from pellucid.initializers import INITIALIZERS
from pellucid.layers import LAYERS
from pellucid.optimizers import OPTIMIZERS
from pellucid.penalties import PENALTIES
from pellucid.plots.figure import color_of, new_figure, tidy
from pellucid.schedules import SCHEDULES

chapter = Chapter(__file__)
digits = pl.datasets.load_digits(test=0.2, validation=0.2)
SEEDS, EPOCHS = range(chapter.size(3, 1)), chapter.size(30, 2)
BATCHES = -(-digits.train.rows // 32)
OF_EACH = [np.flatnonzero(digits.train.y == digit)[:15] for digit in range(10)]
FIRST = np.stack(OF_EACH, axis=1).ravel()  # (150,): rows in which the ten digits take turns, for small portions


def stack(hidden, activation, initializer=None, between=()):
    """Scaled input, hidden layers with an activation each, and ten scores."""
    layers = [pl.Standardize()]
    for units in hidden:
        layers += [pl.Dense(units, initializer), *between, activation]
    return pl.Network([*layers, pl.Dense(10, initializer)])


def learn(network, optimizer=None, seed=0, epochs=None, rows=None, loss=None, **options):
    """The history of a training; a loss that is no number any more ends it."""
    x, y = digits.train if rows is None else (digits.train.x[FIRST[:rows]], digits.train.y[FIRST[:rows]])
    options = {"batch_size": min(32, len(x)), **options}
    trainer = pl.Trainer(network, loss or pl.SoftmaxCrossEntropy(), optimizer or pl.Adam(0.003), seed=seed, **options)
    try:
        return trainer.fit(x, y, epochs=epochs or EPOCHS, validation=digits.validation)
    except pl.DivergenceError:
        return trainer.history


def medians(make):
    """Medians over the seeds: the curve of the training loss, and the validation accuracy after the last epoch."""
    histories = [make(seed) for seed in SEEDS]
    accuracy = [history["validation_accuracy"][-1] if len(history) else 0.1 for history in histories]
    full = [history["loss"] for history in histories if len(history) == max(map(len, histories))]
    return np.median(full, axis=0), float(np.median(accuracy))


def compare(title, name, makers):
    """Train with each maker for all seeds, draw what comes of it, and answer the validation accuracies."""
    found = {label: medians(make) for label, make in makers.items()}
    picture = new_figure(10.4, max(3.4, 0.26 * len(found) + 0.9))
    left, right = picture.subplots(1, 2, width_ratios=(1.1, 1))
    lines(left, {label: curve for label, (curve, _) in found.items()}, title, "epoch", "training loss", legend=False)
    left.set_yscale("log")
    errors = {label: 100 * (1 - accuracy) for label, (_, accuracy) in found.items()}
    bars(right, errors, "", "validation error, %", colored=True)
    chapter.save(picture, name)
    for label, (curve, accuracy) in found.items():
        print(f"{label:<24} training loss {curve[-1]:>9.2e}   validation accuracy {accuracy:.4f}")
    return {label: accuracy for label, (_, accuracy) in found.items()}


# %%
# First, overfit a little
# -----------------------
# A network that cannot learn 20 images by heart has a mistake in it; try that before anything else, without any
# regularization.

history = learn(stack((32,), pl.ReLU()), rows=20, epochs=chapter.size(100, 100))
print(f"20 images after {len(history)} epochs: loss {history['loss'][-1]:.1e}, accuracy {history['accuracy'][-1]:.0%}")
chapter.check("20 images by heart, training accuracy", history["accuracy"][-1], at_least=1.0)

# %%
# Under- and overfitting
# ----------------------
# Thirty noisy points of a wave. One hidden unit is too stiff, eight follow the wave, and two hundred, trained for long,
# begin to follow the noise.

stream = np.random.default_rng(0)
wave_x = np.sort(stream.uniform(-1, 1, (30, 1)), axis=0)
wave_y = np.sin(4 * wave_x[:, 0]) + stream.normal(0, 0.3, 30)
grid = np.linspace(-1, 1, 300)[:, None]
truth = np.sin(4 * grid[:, 0])
picture = new_figure(10.0, 3.1)
for axes, units in zip(picture.subplots(1, 3, sharey=True), (1, 8, 200), strict=True):
    network = pl.Network([pl.Dense(units, pl.normal(3.0), bias_initializer=pl.normal(3.0)), pl.Tanh(), pl.Dense(1)])
    steps = chapter.size(8_000, 200)
    trainer = pl.Trainer(network, pl.SquaredError(), pl.Adam(pl.OneCycle(0.03, steps=steps)), batch_size="full", seed=1)
    trainer.fit(wave_x, wave_y, epochs=steps)
    on_train = network.evaluate(wave_x, wave_y)["loss"]
    on_truth = network.evaluate(grid, truth)["loss"]
    axes.plot(grid, truth, color="#8A8A8A", linewidth=1, linestyle="--")
    axes.plot(wave_x, wave_y, "o", color=color_of(0), markersize=4)
    axes.plot(grid, network.predict(grid), color=color_of(5), linewidth=1.8)
    tidy(axes, f"{units} hidden unit{'s' if units > 1 else ''}", "x", "y" if units == 1 else "")
    axes.set_ylim(-2, 2)
    print(f"{units:>3} units: loss on the 30 points {on_train:.4f}, on the wave itself {on_truth:.4f}")
chapter.save(picture, "under-and-overfitting")

# %%
# Every activation
# ----------------
# Three hidden layers of 32. The kin of ReLU learn fastest; the sigmoid learns slowly through three layers, since its
# slope is at most ¼, and the softmax, whose units share a sum of 1, hardly at all. The identity makes the whole network
# one linear function: on these digits even that is not bad.

ACTIVATIONS = {
    "Identity": pl.Identity(),
    "Sigmoid": pl.Sigmoid(),
    "Tanh": pl.Tanh(),
    "HardTanh": pl.HardTanh(),
    "Softsign": pl.Softsign(),
    "ReLU": pl.ReLU(),
    "LeakyReLU": pl.LeakyReLU(),
    "PReLU": pl.PReLU(),
    "ELU": pl.ELU(),
    "SELU": pl.SELU(),
    "GELU": pl.GELU(),
    "SiLU": pl.SiLU(),
    "Mish": pl.Mish(),
    "Softplus": pl.Softplus(),
    "Softmax": pl.Softmax(),
}
makers = {
    name: (lambda seed, layer=layer: learn(stack((32, 32, 32), layer), seed=seed))
    for name, layer in ACTIVATIONS.items()
}


def maxout(seed):
    """Three layers of Maxout, which is weight and activation in one."""
    hidden = [pl.Maxout(32, weight_initializer="he_normal") for _ in range(3)]
    return learn(pl.Network([pl.Standardize(), *hidden, pl.Dense(10)]), seed=seed)


reached = compare("Every activation", "activations", {**makers, "Maxout": maxout})
known = {name for name, cls in LAYERS.items() if cls.__module__.endswith(("activations", "rectifiers", "maxout"))}
chapter.check("activations left out", len(known - set(reached)), at_most=0)
chapter.check("best activation, validation accuracy", max(reached.values()), at_least=0.97)

# %%
# Every initializer
# -----------------
# Five hidden layers of 32 with tanh. Between layers of zeros no gradient passes at all. Units that start equal receive
# equal gradients and stay equal: a layer of a constant learns as if it had a single unit. Numbers from N(0, 1) saturate
# the units, a scale of 0.01 lets the signal die out. All those whose variance is about 1/n learn alike.

INITIALIZED = {name: cls() for name, cls in INITIALIZERS.items() if cls.for_weights and name != "constant"}
INITIALIZED = {"constant(0.1)": pl.Constant(0.1), "normal(0.01)": pl.Normal(0.01), **INITIALIZED}
compare(
    "Every initializer",
    "initializers",
    {
        name: (lambda seed, start=start: learn(stack((32,) * 5, pl.Tanh(), start), seed=seed))
        for name, start in INITIALIZED.items()
    },
)
network = stack((32,), pl.Tanh(), pl.Constant(0.1))
learn(network)
weight = network.get("1.weight")  # (64, 32)
chapter.check("started equal, stayed equal: spread of the units' weights", np.ptp(weight, axis=1).max(), at_most=1e-5)

# %%
# Vanishing and exploding gradients
# ---------------------------------
# Ten hidden layers, before the first step. Backwards, each layer multiplies the gradient with its weights and slopes.
# The sigmoid's slope is at most ¼: ten layers leave a millionth. Weights that are too small shrink the signal on its
# way forward and the gradient of every layer with it; weights that are too large multiply both up. At the variances of
# He (for ReLU) and Glorot (for tanh) both come through.

DEEP = {
    "sigmoid, Glorot": (pl.Sigmoid(), "glorot_uniform"),
    "tanh, N(0, 0.1²)": (pl.Tanh(), pl.Normal(0.1)),
    "tanh, Glorot": (pl.Tanh(), "glorot_uniform"),
    "ReLU, Glorot": (pl.ReLU(), "glorot_uniform"),
    "ReLU, He": (pl.ReLU(), "he_normal"),
    "ReLU, N(0, 0.5²)": (pl.ReLU(), pl.Normal(0.5)),
}
curves = {}
for name, (activation, start) in DEEP.items():
    network = stack((32,) * 10, activation, start).build(64, seed=0)
    network.fit_statistics(digits.train.x)
    _, gradient = network.loss_and_gradient(*digits.train, loss=pl.SoftmaxCrossEntropy())
    views = [view for key, view in network.program.views().items() if key.endswith("weight")]
    curves[name] = sizes = [float(np.sqrt(np.square(view.of(gradient)).mean())) for view in views]
    print(
        f"{name:<18} gradient of the first layer {sizes[0]:.1e}, of the last {sizes[-1]:.1e}, "
        f"ratio {sizes[0] / sizes[-1]:.1e}"
    )
picture = new_figure(6.2, 3.8)
axes = picture.subplots()
lines(axes, curves, "Size of the gradient before the first step", "layer", "root mean square", markers=True)
axes.set_yscale("log")
chapter.save(picture, "vanishing-and-exploding")
ratios = {name: sizes[0] / sizes[-1] for name, sizes in curves.items()}
chapter.check("sigmoid, ten layers: first gradient over last", ratios["sigmoid, Glorot"], at_most=1e-3)
chapter.check("ReLU from He, ten layers: first gradient over last", ratios["ReLU, He"], at_least=0.05, at_most=20)

# %%
# Learning rate too low, too high
# -------------------------------
# Plain gradient descent. Too low a rate is only slow; too high a rate leaps over the valley, and units that a leap has
# thrown to the dead side of the ReLU stay there.

RATES = (0.0003, 0.003, 0.03, 0.3, 3.0)
curves, silent = {}, {}
for rate in RATES:
    network = stack((32, 32), pl.ReLU())
    curves[f"rate {rate:g}"] = learn(network, pl.GradientDescent(rate))["loss"]
    part = pl.Network(network.layers[:5]).build(64)
    part.parameters = network.parameters[: part.parameters.size]
    part.statistics = network.statistics
    silent[rate] = float((part.scores(digits.train.x) <= 0).all(axis=0).mean())
    last = curves[f"rate {rate:g}"][-1] if curves[f"rate {rate:g}"] else float("nan")
    print(f"rate {rate:<7g} training loss {last:>9.2e}   dead units of the second layer {silent[rate]:.0%}")
picture = new_figure(6.2, 3.6)
axes = picture.subplots()
lines(axes, curves, "Learning rate too low, too high", "epoch", "training loss")
axes.set_yscale("log")
chapter.save(picture, "learning-rates")

# %%
# Every optimizer
# ---------------
# Each at a rate that suits it: those that divide by the size of the gradient want about a hundredth of what plain
# descent wants. On an easy task all arrive; what differs is the first epochs.

OWN_RATES = {
    "gradient_descent": 0.1,
    "momentum": 0.02,
    "nesterov": 0.02,
    "adagrad": 0.02,
    "adadelta": 1.0,
    "rmsprop": 0.002,
    "lion": 0.0005,
}
reached = compare(
    "Every optimizer",
    "optimizers",
    {
        name: (
            lambda seed, cls=cls, name=name: learn(stack((32, 32), pl.ReLU()), cls(OWN_RATES.get(name, 0.003)), seed)
        )
        for name, cls in OPTIMIZERS.items()
    },
)
chapter.check("worst optimizer, validation accuracy", min(reached.values()), at_least=0.94)

# %%
# Every schedule
# --------------
# The rate as a function of the step, and where Adam arrives with it from a rate that is ten times too high to stay. All
# that end low arrive; the constant one keeps jumping about the bottom.

steps = EPOCHS * BATCHES
RATE = 0.05
SHAPES = {
    "constant": RATE,
    "StepDecay": pl.StepDecay(RATE, decay=0.3, every=max(1, steps // 3)),
    "ExponentialDecay": pl.ExponentialDecay(RATE, decay=0.01, every=steps),
    "InverseScaling": pl.InverseScaling(RATE, power=1.0, every=max(1, steps // 8)),
    "Polynomial": pl.Polynomial(RATE, steps=steps, power=2.0),
    "Cosine": pl.Cosine(RATE, steps=steps),
    "CosineRestarts": pl.CosineRestarts(RATE, steps=max(1, steps // 3)),
    "OneCycle": pl.OneCycle(RATE, steps=steps),
    "LogCosine": pl.LogCosine(RATE, steps=steps),
    "WarmUp": pl.WarmUp(pl.Cosine(RATE, steps=steps), steps=max(1, steps // 10)),
}
picture = new_figure(10.4, 3.9)
for axes, (name, schedule) in zip(picture.subplots(2, 5, sharex=True, sharey=True).flat, SHAPES.items(), strict=True):
    rates = [schedule(step) if callable(schedule) else schedule for step in range(steps)]
    axes.plot(rates, color=color_of(0), linewidth=1.4)
    tidy(axes, name)
    axes.set_ylim(0, RATE * 1.1)
chapter.save(picture, "schedule-shapes")


def scheduled(schedule):
    """How a network is trained with a schedule."""
    return lambda seed: learn(stack((32, 32), pl.ReLU()), pl.Adam(schedule), seed)


def by_watching(callback):
    """The same with a callback that reduces the rate by what it sees."""
    return lambda seed: learn(stack((32, 32), pl.ReLU()), pl.Adam(RATE), seed, callbacks=[callback()])


reached = compare(
    "Every schedule",
    "schedules",
    {
        **{name: scheduled(schedule) for name, schedule in SHAPES.items()},
        "ReduceOnPlateau": by_watching(lambda: pl.ReduceOnPlateau(patience=2, factor=0.3)),
        "Backtracking": by_watching(lambda: pl.Backtracking(every=2)),
    },
)
chapter.check("schedules left out", len(set(SCHEDULES) - set(reached)), at_most=0)

# %%
# Batch sizes
# -----------
# Momentum at one rate. Counted in epochs small batches win, since they make more steps. Counted in steps all go the
# same way, and the rows of a large batch are spent for little; the noise of a small one shows only at the bottom. What
# a machine computes at one go without loss of time decides, and that is often 32 to 512.

picture = new_figure(9.6, 3.5)
by_epoch, by_step = picture.subplots(1, 2, sharey=True)
curves = {}
for index, size in enumerate((8, 32, 128, 512, "full")):
    history = learn(stack((32, 32), pl.ReLU()), pl.Momentum(0.01), batch_size=size, epochs=EPOCHS)
    curves[f"batch {size}"] = history["validation_loss"]
    number = digits.train.rows if size == "full" else size
    made = np.arange(1, len(history) + 1) * -(-digits.train.rows // number)
    by_step.plot(made, history["validation_loss"], color=color_of(index), linewidth=1.5)
    print(f"batch {size!s:<5} {made[-1]:>6,} steps   validation loss {history['validation_loss'][-1]:.4f}")
lines(by_epoch, curves, "By epochs", "epoch", "validation loss")
tidy(by_step, "By steps", "step")
by_step.set_xscale("log")
by_epoch.set_yscale("log")
chapter.save(picture, "batch-sizes")

# %%
# Every regularizer
# -----------------
# A wide network and only 150 images, so that there is something to prevent. Moved images and noise on the pixels help
# most: they tell the network something true, that an image which is nearly the same is the same digit. The rest makes
# it smaller or smoother, which helps less and in no certain order.

few, wide = chapter.size(150, 60), (128, 128)
long = chapter.size(80, 2)
MOVED = pl.Augmentation(digits.image_shape, [pl.Rotate(10), pl.Translate(0.08), pl.Zoom(0.9, 1.1)])


def few_images(between=(), front=(), loss=None, optimizer=None, **options):
    """How the wide network is trained on few images, with something added."""

    def make(seed):
        network = stack(wide, pl.ReLU(), between=between)
        if front:
            network = pl.Network([network.layers[0], *front, *network.layers[1:]])
        callbacks = [make() for make in options.get("callbacks", ())]
        rest = {name: value for name, value in options.items() if name != "callbacks"}
        history = learn(network, optimizer, seed, long, few, loss, callbacks=callbacks, **rest)
        best = history.best_epoch
        if best is not None:
            history.set_last({"validation_accuracy": history["validation_accuracy"][best - 1]})
        return history

    return make


reached = compare(
    "Every regularizer",
    "regularizers",
    {
        "none": few_images(),
        **{f"{cls.__name__}(0.001)": few_images(penalty=cls(0.001)) for cls in PENALTIES.values()},
        "weight decay 0.1": few_images(optimizer=pl.AdamW(0.003, weight_decay=0.1)),
        "MaxNorm(1.5)": few_images(constraint=pl.MaxNorm(1.5)),
        "Dropout(0.5)": few_images(between=(pl.Dropout(0.5),)),
        "GaussianNoise(0.5)": few_images(front=(pl.GaussianNoise(0.5),)),
        "label smoothing 0.1": few_images(loss=pl.SoftmaxCrossEntropy(label_smoothing=0.1)),
        "early stopping": few_images(callbacks=[lambda: pl.EarlyStopping(patience=10)]),
        "BatchNormalization": few_images(between=(pl.BatchNormalization(),)),
        "LayerNormalization": few_images(between=(pl.LayerNormalization(),)),
        "averaged weights": few_images(average=0.98),
        "moved images": few_images(augmentation=MOVED),
    },
)
chapter.check("moved images over none, validation accuracy", reached["moved images"] - reached["none"], at_least=0.005)
chapter.finish()
