"""What there is to choose from: the names of the controls' values, and the words they are shown with.

Contract: names are those of Pellucid's own registries; a new layer, loss or optimizer appears on the page by existing.
"""

from __future__ import annotations

import re
from typing import Any

from pellucid.initializers import INITIALIZERS
from pellucid.layers import ACTIVATIONS
from pellucid.losses import LOSSES
from pellucid.optimizers import OPTIMIZERS
from pellucid.schedules import SCHEDULES

TENSORFLOW_SETS = {"circle": "Circle", "xor": "Exclusive or", "gauss": "Gaussians", "spiral": "Spiral"}
REGRESSION_SETS = {"reg-plane": "Plane", "reg-gauss": "Multi-gaussian"}
TOY_SETS = {
    "two-gaussians": "Two clouds",
    "ball-and-cup": "Ball and cup",
    "shifted-cubics": "Shifted cubics",
    "bulls-eye": "Bull's eye",
    "crescent-moons": "Crescent moons",
    "shifted-sinusoids": "Shifted waves",
    "bulls-eye-three": "Bull's eye, three classes",
    "shifted-sinusoids-three": "Waves, three classes",
}
OWN, OWN_REGRESSION = "own", "reg-own"

SCHEDULE_OF = {re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower(): cls for name, cls in SCHEDULES.items()}
"""The schedules by the names of the address: "step_decay"."""

DATASET_NAMES = (*TENSORFLOW_SETS, *TOY_SETS, OWN)
REGRESSION_NAMES = (*REGRESSION_SETS, OWN_REGRESSION)
ACTIVATION_NAMES = tuple(name for name in ACTIVATIONS if name != "softmax")
_OF_WEIGHTS = [name for name, cls in INITIALIZERS.items() if cls.for_weights and name not in ("zeros", "constant")]
INITIALIZER_NAMES = ("playground", "auto", *_OF_WEIGHTS)
LOSS_NAMES = ("auto", *LOSSES)
OPTIMIZER_NAMES = tuple(OPTIMIZERS)
SCHEDULE_NAMES = ("none", *SCHEDULE_OF)
REGULARIZATION_NAMES = ("none", "L1", "L2", "elastic_net")

LOSS_PROBLEMS = {  # the others suit both
    "quantile": ("regression",),
    "poisson": ("regression",),
    "softmax_cross_entropy": ("classification",),
    "sigmoid_cross_entropy": ("classification",),
    "hinge": ("classification",),
}
LEARNING_RATES = (0.00001, 0.0001, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10)
REGULARIZATION_RATES = (0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10)
INPUT_LABELS = {
    "x": ("x1", "x₁"),
    "y": ("x2", "x₂"),
    "xSquared": ("x1^2", "x₁²"),
    "ySquared": ("x2^2", "x₂²"),
    "xTimesY": ("x1*x2", "x₁x₂"),
    "sinX": ("sin(x1)", "sin x₁"),
    "sinY": ("sin(x2)", "sin x₂"),
}
HIDEABLE = (
    "showTestData", "discretize", "playButton", "stepButton", "resetButton", "learningRate", "activation",
    "regularization", "regularizationRate", "problem", "dataset", "regDataset", "data", "percTrainData", "noise",
    "batchSize", "numHiddenLayers", "networkShape", "seed", "weightSeed", "shuffle", "formulas", "activations",
    "dropout", "initializer", "initZero", "loss", "optimizer", "momentum", "schedule", "scheduleEpochs", "stopAt",
    "speed", "output", "tab", "hideText", *INPUT_LABELS,
)  # fmt: skip
"""What a link may hide: the TensorFlow Playground's fifteen, and ours."""

PRESETS = (
    {
        "name": "circle",
        "label": "A ring around a disc",
        "comment": "No straight line divides them: three hidden units draw a triangle around the disc.",
        "fragment": "networkShape=3",
    },
    {
        "name": "circle-squares",
        "label": "The same with squares as inputs",
        "comment": "With x₁² and x₂² as inputs no hidden layer is needed: the circle is a line in their plane.",
        "fragment": "x=false&y=false&xSquared=true&ySquared=true&networkShape=",
    },
    {
        "name": "xor",
        "label": "Exclusive or",
        "comment": "What a network without a hidden layer can never learn.",
        "fragment": "dataset=xor&networkShape=4",
    },
    {
        "name": "spiral",
        "label": "The spiral",
        "comment": "The hardest of the sets: two layers of eight, Adam, cross-entropy, at full speed.",
        "fragment": (
            "dataset=spiral&percTrainData=70&networkShape=8,8&initializer=auto&loss=sigmoid_cross_entropy"
            "&optimizer=adam&learningRate=0.01&speed=0&stopAt=3000"
        ),
    },
    {
        "name": "overfitting",
        "label": "Overfitting",
        "comment": "Few, noisy points and a large network: the training loss falls, the test loss rises.",
        "fragment": (
            "dataset=gauss&percTrainData=10&noise=50&networkShape=16,16&initializer=auto&optimizer=adam"
            "&learningRate=0.01&showTestData=true"
        ),
    },
    {
        "name": "three-waves",
        "label": "Three classes",
        "comment": "Three waves, one above the other, and a probability for each class.",
        "fragment": (
            "dataset=shifted-sinusoids-three&networkShape=16,16&initializer=auto&optimizer=adam&learningRate=0.01&speed=0"
        ),
    },
    {
        "name": "diverge",
        "label": "Diverge",
        "comment": "A learning rate that is far too high: see what the doctor says.",
        "fragment": "problem=regression&activation=relu&networkShape=8,8&learningRate=10",
    },
)


def as_table() -> dict[str, Any]:
    """The catalogue as the page gets it, data sets apart."""
    return {
        "activations": [_entry(name, ACTIVATIONS[name]) for name in ACTIVATION_NAMES],
        "optimizers": [_entry(name, OPTIMIZERS[name]) for name in OPTIMIZER_NAMES],
        "losses": [
            {"name": "auto", "label": "By the problem", "summary": "Squared error; softmax for three and more classes."}
            | {"problems": ["classification", "regression"]},
            *(
                _entry(name, cls) | {"problems": list(LOSS_PROBLEMS.get(name, ("classification", "regression")))}
                for name, cls in LOSSES.items()
            ),
        ],
        "schedules": [
            {"name": "none", "label": "Constant", "summary": "The rate stays as it is."},
            *(_entry(name, cls) for name, cls in SCHEDULE_OF.items()),
        ],
        "initializers": [
            {
                "name": "playground",
                "label": "U(−½, ½)",
                "summary": "As the TensorFlow Playground; biases start at 0.1.",
            },
            {
                "name": "auto",
                "label": "By the activation",
                "summary": "He's for ReLU and its kin, Glorot's for others.",
            },
            *(_entry(name, INITIALIZERS[name]) for name in INITIALIZER_NAMES[2:]),
        ],
        "regularizations": [
            {"name": "none", "label": "None", "summary": "Weights cost nothing."},
            {"name": "L1", "label": "L1", "summary": "λ Σ|w|: drives weights to 0."},
            {"name": "L2", "label": "L2", "summary": "½λ Σw²: keeps weights small."},
            {"name": "elastic_net", "label": "Elastic net", "summary": "Half L1, half L2."},
        ],
        "inputs": [{"name": key, "label": label, "summary": name} for key, (name, label) in INPUT_LABELS.items()],
        "learning_rates": list(LEARNING_RATES),
        "regularization_rates": list(REGULARIZATION_RATES),
        "presets": list(PRESETS),
        "hideable": list(HIDEABLE),
    }


def _entry(name: str, cls: type) -> dict[str, str]:
    words = (cls.__doc__ or "").strip().splitlines()
    label = "Linear" if name == "identity" else re.sub(r"(?<=[a-z])(?=[A-Z][a-z])", " ", cls.__name__)
    return {"name": name, "label": label, "summary": words[0] if words else ""}
