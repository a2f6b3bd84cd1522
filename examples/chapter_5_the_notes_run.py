# %% [markdown]
# # The notes, run
#
# This chapter rebuilds a page of notes: a list of the parts a network can be made of, with a sentence on each. Here
# every sentence is run: all activations, initializers, optimizers, schedules and regularizers of Pellucid on one task,
# and the troubles that the notes warn of, made and measured.
#
# The notes report no results. The numbers they give are settings: dropout 0.5, momentum 0.9 and 0.99, batches of 32 to
# 512, rates of 0.1, 0.01 and 0.001, 60 to 80 % of the rows to learn from. Those are used here.
#
# The task is small on purpose: the 1,797 digits of 8 × 8 pixels, 60 % of them to learn from, 20 % to compare on.
# Numbers are medians of a few seeds; half a percent is two images, and differences of that size mean nothing.
#
# `python examples/run.py 5` writes the pictures of this chapter into `build/chapters/chapter_5_the_notes_run`.

# %%
import time
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np

import pellucid as pl
from pellucid.initializers import INITIALIZERS
from pellucid.layers import LAYERS
from pellucid.optimizers import OPTIMIZERS
from pellucid.penalties import PENALTIES
from pellucid.schedules import SCHEDULES

plt.style.use("tableau-colorblind10")
plt.rcParams["figure.constrained_layout.use"] = True

digits = pl.datasets.load_digits(test=0.2, validation=0.2)
SEEDS, EPOCHS = range(3), 30  # quick: range(1), 2
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
    """The history of a training, which ends where the loss becomes NaN."""
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
    """Train with each maker for all seeds, draw the results, and return the validation accuracies."""
    found = {label: medians(make) for label, make in makers.items()}
    _, (left, right) = plt.subplots(1, 2, figsize=(10.4, max(3.4, 0.26 * len(found) + 0.9)), num=name)
    for index, (label, (curve, accuracy)) in enumerate(found.items()):
        color, again = f"C{index % 10}", index // 10  # ten colours, then the same ones dashed and hatched
        left.plot(range(1, len(curve) + 1), curve, ("-", "--")[again], color=color)
        bar = right.barh(label, 100 * (1 - accuracy), color=color, hatch=("", "///")[again], edgecolor="white")
        right.bar_label(bar, fmt="%.1f", padding=3)
        print(f"{label:<24} training loss {curve[-1]:>9.2e}   validation accuracy {accuracy:.4f}")
    left.set(title=title, xlabel="epoch", ylabel="training loss", yscale="log")
    right.set(title="Validation error, %", xmargin=0.15)
    right.invert_yaxis()
    plt.show()
    return {label: accuracy for label, (_, accuracy) in found.items()}


# %% [markdown]
# ## First, overfit a little
#
# A network that cannot memorize 20 images has a mistake in it; try that before anything else, without any
# regularization.

# %%
history = learn(stack((32,), pl.ReLU()), rows=20, epochs=100)
print(f"20 images after {len(history)} epochs: loss {history['loss'][-1]:.1e}, accuracy {history['accuracy'][-1]:.0%}")
assert history["accuracy"][-1] >= 1.0, "20 images memorized, training accuracy"

# %% [markdown]
# ## A trainer in plain NumPy
#
# The notes have no program. This is one as they describe it: features with mean 0, He's initialization, ReLU, dropout
# 0.5, softmax with cross-entropy, L2, mini-batches of 32, and momentum or Adam. Pellucid trains the same beside it.


# %%
def momentum(state, gradient, rate, step):
    """v ← 0.9 v + g; the change is rate · v."""
    state["v"] = 0.9 * state.get("v", 0) + gradient
    return rate * state["v"]


def adam(state, gradient, rate, step):
    """The mean of the gradients over the root of the mean of their squares, both corrected for their start at 0."""
    state["m"] = 0.9 * state.get("m", 0) + 0.1 * gradient
    state["s"] = 0.999 * state.get("s", 0) + 0.001 * gradient**2
    return rate * (state["m"] / (1 - 0.9**step)) / (np.sqrt(state["s"] / (1 - 0.999**step)) + 1e-8)


def scores_of(arrays, x, random=None):
    """The scores, and what each layer was given; with `random`, half of the hidden units are dropped."""
    given = [x]
    for index in range(0, len(arrays) - 2, 2):
        hidden = np.maximum(0, given[-1] @ arrays[index] + arrays[index + 1])
        if random is not None:
            hidden = hidden * (random.random(hidden.shape) < 0.5) * 2
        given.append(hidden)
    return given[-1] @ arrays[-2] + arrays[-1], given


def train_in_numpy(x, y, change, rate, epochs, sizes=(64, 128, 10), strength=1e-4, seed=0):
    """The arrays of a trained network: weight, bias, weight, bias."""
    random, arrays, step = np.random.default_rng(seed), [], 0
    for inputs, outputs in pairwise(sizes):
        arrays += [random.normal(size=(inputs, outputs)) * np.sqrt(2 / inputs), np.zeros(outputs)]
    states = [{} for _ in arrays]
    for _ in range(epochs):
        order = random.permutation(len(x))
        for begin in range(0, len(x), 32):
            rows, step = order[begin : begin + 32], step + 1
            scores, given = scores_of(arrays, x[rows], random)
            error = np.exp(scores - scores.max(axis=1, keepdims=True))
            error /= error.sum(axis=1, keepdims=True)
            error[np.arange(len(rows)), y[rows]] -= 1
            error /= len(rows)
            gradients = []
            for index in reversed(range(0, len(arrays), 2)):
                passed = given[index // 2]
                gradients = [passed.T @ error + strength * arrays[index], error.sum(axis=0), *gradients]
                error = error @ arrays[index].T * (passed > 0) * 2  # × 2: what was not dropped had been doubled
            for array, state, gradient in zip(arrays, states, gradients, strict=True):
                array -= change(state, gradient, rate, step)
    return arrays


mean, spread = digits.train.x.mean(axis=0), digits.train.x.std(axis=0)
scaled = {name: (part.x - mean) / np.where(spread > 0, spread, 1) for name, part in digits.parts.items()}
in_numpy = in_pellucid = 0.0
for change, optimizer, rate in ((momentum, pl.Momentum, 0.01), (adam, pl.Adam, 0.001)):
    theirs, ours = [], []
    for seed in SEEDS:
        began = time.perf_counter()
        arrays = train_in_numpy(scaled["train"], digits.train.y, change, rate, EPOCHS, seed=seed)
        in_numpy += time.perf_counter() - began
        predicted = scores_of(arrays, scaled["validation"])[0].argmax(axis=1)
        theirs.append((predicted == digits.validation.y).mean())
        layers = [pl.Standardize(), pl.Dense(128), pl.ReLU(), pl.Dropout(0.5), pl.Dense(10, "he_normal")]
        trainer = pl.Trainer(
            pl.Network(layers), pl.SoftmaxCrossEntropy(), optimizer(rate), 32, penalty=pl.L2(1e-4), seed=seed
        )
        began = time.perf_counter()
        trainer.fit(*digits.train, epochs=EPOCHS)
        in_pellucid += time.perf_counter() - began
        ours.append(trainer.network.evaluate(*digits.validation)["accuracy"])
    print(f"{change.__name__:<9} validation accuracy: NumPy {np.median(theirs):.4f}, Pellucid {np.median(ours):.4f}")
print(f"NumPy takes {in_numpy / in_pellucid:.1f} times as long as Pellucid.")

# %% [markdown]
# ## Under- and overfitting
#
# Thirty noisy points of a wave. One hidden unit is too stiff, eight follow the wave, and two hundred, trained for long,
# begin to follow the noise.

# %%
stream = np.random.default_rng(0)
wave_x = np.sort(stream.uniform(-1, 1, (30, 1)), axis=0)
wave_y = np.sin(4 * wave_x[:, 0]) + stream.normal(0, 0.3, 30)
grid = np.linspace(-1, 1, 300)[:, None]
truth = np.sin(4 * grid[:, 0])
steps = 8_000  # quick: 200
_, panels = plt.subplots(1, 3, figsize=(10, 3.1), sharey=True, num="under-and-overfitting")
for axes, units in zip(panels, (1, 8, 200), strict=True):
    network = pl.Network([pl.Dense(units, pl.normal(3.0), bias_initializer=pl.normal(3.0)), pl.Tanh(), pl.Dense(1)])
    trainer = pl.Trainer(network, pl.SquaredError(), pl.Adam(pl.OneCycle(0.03, steps=steps)), batch_size="full", seed=1)
    trainer.fit(wave_x, wave_y, epochs=steps)
    on_train = network.evaluate(wave_x, wave_y)["loss"]
    on_truth = network.evaluate(grid, truth)["loss"]
    axes.plot(grid, truth, "--", color="gray", linewidth=1)
    axes.plot(wave_x, wave_y, "o", markersize=4)
    axes.plot(grid, network.predict(grid), linewidth=1.8)
    axes.set(title=f"{units} hidden unit{'s' if units > 1 else ''}", xlabel="x", ylim=(-2, 2))
    print(f"{units:>3} units: loss on the 30 points {on_train:.4f}, on the wave itself {on_truth:.4f}")
plt.show()

# %% [markdown]
# ## Every activation
#
# Three hidden layers of 32. The kin of ReLU learn fastest; the sigmoid learns slowly through three layers, since its
# slope is at most ¼, and the softmax, whose units share a sum of 1, hardly at all. The identity makes the whole network
# one linear function: on these digits even that is not bad.

# %%
ACTIVATIONS = {
    name: layer() for name, layer in LAYERS.items() if layer.__module__.endswith(("activations", "rectifiers"))
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
assert max(reached.values()) >= 0.97, "best activation, validation accuracy"  # in full

# %% [markdown]
# ## Every initializer
#
# Five hidden layers of 32 with tanh. Between layers of zeros no gradient passes at all. Units that start equal receive
# equal gradients and stay equal: a layer of a constant learns as if it had a single unit. Numbers from N(0, 1) saturate
# the units, a scale of 0.01 lets the signal die out. All those whose variance is about 1/n learn alike.

# %%
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
equal = stack((32,), pl.Tanh(), pl.Constant(0.1))
network = pl.Network(equal.layers, dtype="float64")  # in float32 rounding alone may part them in the end
learn(network)
weight = network.get("1.weight")  # (64, 32)
assert np.ptp(weight, axis=1).max() <= 1e-5, "started equal, stayed equal: spread of the units' weights"

# %% [markdown]
# ## Vanishing and exploding gradients
#
# Ten hidden layers, before the first step. Backwards, each layer multiplies the gradient with its weights and slopes.
# The sigmoid's slope is at most ¼: ten layers leave a millionth. Weights that are too small shrink the signal on its
# way forward and the gradient of every layer with it; weights that are too large multiply both up. At the variances of
# He (for ReLU) and Glorot (for tanh) both come through.

# %%
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
_, axes = plt.subplots(figsize=(6.2, 3.8), num="vanishing-and-exploding")
for name, sizes in curves.items():
    axes.plot(range(1, len(sizes) + 1), sizes, "o-", label=name)
axes.set(title="Size of the gradient before the first step", xlabel="layer", ylabel="root mean square", yscale="log")
axes.legend(fontsize=8)
plt.show()
ratios = {name: sizes[0] / sizes[-1] for name, sizes in curves.items()}
assert ratios["sigmoid, Glorot"] <= 1e-3, "sigmoid, ten layers: first gradient over last"
assert ratios["ReLU, He"] >= 0.05, "ReLU from He, ten layers: first gradient over last, not too small"
assert ratios["ReLU, He"] <= 20, "ReLU from He, ten layers: first gradient over last, not too large"

# %% [markdown]
# ## Learning rate too low, too high
#
# Plain gradient descent. Too low a rate is only slow; too high a rate leaps over the valley, and units that a leap has
# thrown to the dead side of the ReLU stay there.

# %%
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
_, axes = plt.subplots(figsize=(6.2, 3.6), num="learning-rates")
for name, curve in curves.items():
    axes.plot(range(1, len(curve) + 1), curve, label=name)
axes.set(title="Learning rate too low, too high", xlabel="epoch", ylabel="training loss", yscale="log")
axes.legend(fontsize=8)
plt.show()

# %% [markdown]
# ## Every optimizer
#
# Each at a rate that suits it: those that divide by the size of the gradient want about a hundredth of what plain
# descent wants. On an easy task all arrive; what differs is the first epochs.

# %%
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
assert min(reached.values()) >= 0.94, "worst optimizer, validation accuracy"  # in full

# %% [markdown]
# ## Every schedule
#
# The rate as a function of the step, and where Adam arrives with it from a rate that is ten times too high to stay. All
# that end low arrive; the constant one keeps jumping about the bottom.

# %%
steps = EPOCHS * BATCHES
RATE = 0.05
OWN_OPTIONS = {  # where the defaults, with the number of steps, do not suit thirty epochs
    "StepDecay": {"decay": 0.3, "every": max(1, steps // 3)},
    "ExponentialDecay": {"decay": 0.01, "every": steps},
    "InverseScaling": {"power": 1.0, "every": max(1, steps // 8)},
    "Polynomial": {"power": 2.0},
    "CosineRestarts": {"steps": max(1, steps // 3)},
    "WarmUp": {"learning_rate": pl.Cosine(RATE, steps=steps), "steps": max(1, steps // 10)},
}
SHAPES = {"constant": RATE}
for name, schedule in SCHEDULES.items():
    length = {"steps": steps} if hasattr(schedule, "steps") else {}
    SHAPES[name] = schedule(**{"learning_rate": RATE, **length, **OWN_OPTIONS.get(name, {})})

rows = -(-len(SHAPES) // 4)
_, panels = plt.subplots(rows, 4, figsize=(10.4, 1.9 * rows), sharex=True, sharey=True, num="schedule-shapes")
for axes in panels.flat[len(SHAPES) :]:
    axes.set_axis_off()
for axes, (name, schedule) in zip(panels.flat, SHAPES.items(), strict=False):
    axes.plot([schedule(step) if callable(schedule) else schedule for step in range(steps)])
    axes.set_title(name, fontsize=10)
plt.show()


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
# %% [markdown]
# ## Batch sizes
#
# Momentum at one rate. Counted in epochs small batches are ahead at first, since they make more steps. Counted in steps
# all go the same way, and the rows of a large batch are spent for little; the noise of a small one shows only at the
# bottom. What a machine computes at one go without loss of time decides, and that is often 32 to 512.

# %%
_, (by_epoch, by_step) = plt.subplots(1, 2, figsize=(9.6, 3.5), sharey=True, num="batch-sizes")
for size in (8, 32, 128, 512, "full"):
    history = learn(stack((32, 32), pl.ReLU()), pl.Momentum(0.01), batch_size=size, epochs=EPOCHS)
    curve = history["validation_loss"]
    made = np.arange(1, len(history) + 1) * -(-digits.train.rows // (digits.train.rows if size == "full" else size))
    by_epoch.plot(range(1, len(curve) + 1), curve, label=f"batch {size}")
    by_step.plot(made, curve)
    print(f"batch {size!s:<5} {made[-1]:>6,} steps   validation loss {curve[-1]:.4f}")
by_epoch.set(title="By epochs", xlabel="epoch", ylabel="validation loss", yscale="log")
by_step.set(title="By steps", xlabel="step", xscale="log")
by_epoch.legend(fontsize=8)
plt.show()

# %% [markdown]
# ## Every regularizer
#
# A wide network and only 150 images, so that there is something to prevent. What helps here is worth three to five of
# the 359 images to compare on: moved images and noise on the pixels, which tell the network something true (an image
# that is nearly the same is the same digit), softened labels, and L1 with L2. The rest is within two images of no
# regularizer at all, or costs some.

# %%
few, long, wide = 150, 80, (128, 128)  # quick: 60, 2, (128, 128)
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
gain = reached["moved images"] - reached["none"]
assert gain >= 0.005, "moved images over none, validation accuracy"  # in full
