"""Recipes: how a network for a table is built and trained, every trick of it a switch of its own.

Contract: a `Recipe` is a frozen dataclass of switches. `recipe_for(name, task)` returns one of the three that are known
by name; `building.py` makes networks and trainings of them.

The tricks of "strong" are those of RealMLP-TD, the ones of "fast" those of RealMLP-TD-S (Holzmüller, Grinsztajn and
Steinwart, "Better by default: strong pre-tuned MLPs and boosted trees on tabular data", NeurIPS 2024), and for classes
the temperature, since smoothed labels make probabilities that are too cautious.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from pellucid.layers import ACTIVATIONS
from pellucid.validation import check_choice, coerce_integer_field, coerce_number_field, unknown_name_message

TASKS = ("classes", "numbers", "counts")
PARAMETRIZATIONS = ("standard", "ntk")
RATE_SCHEDULES = ("constant", "log_cosine")
LEAST_EPOCHS = 16
"""However large the table is, every row is used so often."""
VISITS = 2_000_000
"""How many rows a training goes through, all epochs together, unless the recipe's epochs are fewer: what keeps large
tables within seconds."""


@dataclass(frozen=True)
class Recipe:
    """A network for a table and its training, trick by trick.

    Parameters
    ----------
    hidden : tuple of int
        The units of each hidden layer.
    activation : str
        The name of the activation behind each of them.
    parametric : bool
        Whether each unit learns how much of its activation it uses: x + a·(f(x) − x), a from 1.
    periodic_embedding : bool
        Whether each number goes in together with learnt waves of it.
    frequencies, embedding_outputs, sigma : int, int, float
        How many waves, into how many numbers they are gathered (the number itself is one), and the deviation of the
        first frequencies.
    category_size : int
        The length of the learnt vector of a category, where there are too many for columns of their own.
    front_scale : bool
        Whether each input has a learnt factor in front of the first layer.
    parametrization : {"standard", "ntk"}
        "ntk": y = x W/√d_in + b with weights of size 1, so that one rate suits layers of all widths.
    data_driven_initialization : bool
        Whether weights start such that each unit's values have deviation 1 over the rows, and biases such that its kink
        lies among the rows.
    dropout : float
        The fraction of each hidden layer set to zero in training.
    weight_decay : float
        By what part of rate·weight each weight shrinks in a step.
    fading : bool
        Whether dropout and decay fade away over the second half of training.
    learning_rate : float
        The highest rate.
    rate_schedule : {"constant", "log_cosine"}
        "log_cosine": four cycles, each twice as long as the one before.
    beta_1, beta_2 : float
        Adam's.
    front_rate_factor, embedding_rate_factor, slope_rate_factor, bias_rate_factor : float
        What the rate is multiplied with for the front scale, the periodic embedding, the slopes of parametric
        activations, and the biases of dense layers.
    label_smoothing : float
        How much of a class is spread over all of them (for classes alone).
    standardize_target, clamp : bool
        Whether numbers are learnt in units of their deviation, and predictions held within the training rows' range.
    best_epoch : bool
        Whether the weights of the epoch that is best on the validation rows are restored (the last of equal ones).
    temperature : bool
        Whether all scores of a class are multiplied, after training, by the one factor that makes the validation rows
        most likely: so that probabilities are true.
    one_hot_up_to : int
        Up to how many values a category has columns of its own; the encoder asks for it.
    clip : float
        Where the scaled numbers level off; the encoder asks for it.
    epochs, batch_size : int
        How often every row is used at most, and the rows of a step.

    Examples
    --------
    >>> from pellucid.tables import recipe_for
    >>> recipe = recipe_for("strong", "numbers")
    >>> recipe.activation, recipe.dropout, recipe.without("dropout").dropout
    ('mish', 0.15, 0.0)
    """

    hidden: tuple[int, ...] = (64, 64)
    activation: str = "relu"
    parametric: bool = False
    periodic_embedding: bool = False
    frequencies: int = 16
    embedding_outputs: int = 4
    sigma: float = 0.1
    category_size: int = 8
    front_scale: bool = False
    parametrization: str = "standard"
    data_driven_initialization: bool = False
    dropout: float = 0.0
    weight_decay: float = 0.0
    fading: bool = False
    learning_rate: float = 0.003
    rate_schedule: str = "constant"
    beta_1: float = 0.9
    beta_2: float = 0.999
    front_rate_factor: float = 6.0
    embedding_rate_factor: float = 0.1
    slope_rate_factor: float = 0.1
    bias_rate_factor: float = 1.0
    label_smoothing: float = 0.0
    standardize_target: bool = True
    clamp: bool = False
    best_epoch: bool = True
    temperature: bool = False
    one_hot_up_to: int = 8
    clip: float = 3.0
    epochs: int = 100
    batch_size: int = 32

    def __post_init__(self) -> None:
        if isinstance(self.hidden, int) or not all(
            isinstance(units, int) and not isinstance(units, bool) and units > 0 for units in self.hidden
        ):
            raise ValueError(f"hidden must be units of layers such as (64, 64), or (), not {self.hidden!r}.")
        object.__setattr__(self, "hidden", tuple(self.hidden))
        check_choice("activation", self.activation, ACTIVATIONS)
        check_choice("parametrization", self.parametrization, PARAMETRIZATIONS)
        check_choice("rate_schedule", self.rate_schedule, RATE_SCHEDULES)
        for name in ("frequencies", "category_size", "epochs", "batch_size"):
            coerce_integer_field(self, name, minimum=1)
        coerce_integer_field(self, "embedding_outputs", minimum=2)
        coerce_integer_field(self, "one_hot_up_to", minimum=2)
        for name in ("sigma", "learning_rate", "clip"):
            coerce_number_field(self, name, above=0.0)
        for name in ("dropout", "label_smoothing", "beta_1", "beta_2"):
            coerce_number_field(self, name, minimum=0.0, below=1.0)
        for name in ("weight_decay", *FACTORS):
            coerce_number_field(self, name, minimum=0.0)

    @staticmethod
    def from_plain(data: Any) -> Recipe:
        """The recipe that `dataclasses.asdict` wrote, from JSON; fields that are not there are the usual ones."""
        if not isinstance(data, Mapping):
            raise ValueError(f"A recipe must be a table of its fields, not {data!r:.60}.")
        known = [item.name for item in fields(Recipe)]
        for name in data:
            if name not in known:
                raise ValueError(unknown_name_message("The field of a recipe", name, known))
        return Recipe(**data)

    def without(self, trick: str) -> Recipe:
        """The recipe with one of `TRICKS` undone."""
        if trick not in TRICKS:
            raise ValueError(unknown_name_message("trick", trick, TRICKS))
        return replace(self, **TRICKS[trick])

    def epochs_for(self, rows: int, visits: int = VISITS) -> int:
        """The epochs for a table of `rows` training rows: `epochs`, or as many as stay within `visits` rows."""
        return max(min(self.epochs, LEAST_EPOCHS), min(self.epochs, visits // max(rows, 1)))


FACTORS = ("front_rate_factor", "embedding_rate_factor", "slope_rate_factor", "bias_rate_factor")
"""The factors of the rate, by the names of their fields."""

TRICKS: dict[str, dict[str, Any]] = {
    "periodic embedding": {"periodic_embedding": False},
    "front scale": {"front_scale": False},
    "front rate ×6": {"front_rate_factor": 1.0},
    "NTK parametrization": {"parametrization": "standard", "learning_rate": 0.001, "front_rate_factor": 1.0},
    "SELU or Mish": {"activation": "relu"},
    "parametric activation": {"parametric": False},
    "data-driven initialization": {"data_driven_initialization": False},
    "dropout": {"dropout": 0.0},
    "weight decay": {"weight_decay": 0.0},
    "fading": {"fading": False},
    "rate schedule": {"rate_schedule": "constant"},
    "β₂ 0.95": {"beta_2": 0.999},
    "bias rate ×0.1": {"bias_rate_factor": 1.0},
    "label smoothing": {"label_smoothing": 0.0},
    "target standardized": {"standardize_target": False, "clamp": False},
    "clamped predictions": {"clamp": False},
    "smooth clipping": {"clip": 1e6},
    "best epoch": {"best_epoch": False},
    "temperature": {"temperature": False},
}
"""What undoes each trick of the strong recipe: the fields that change."""

_FAST = Recipe(
    hidden=(256, 256, 256),
    activation="selu",
    front_scale=True,
    parametrization="ntk",
    learning_rate=0.04,
    rate_schedule="log_cosine",
    beta_2=0.95,
    bias_rate_factor=0.1,
    label_smoothing=0.1,
    temperature=True,
    one_hot_up_to=1000,
    epochs=64,  # 256 with the authors: the scores of 18 tables are the same with a quarter
    batch_size=256,
)
_STRONG = replace(
    _FAST,
    epochs=256,
    parametric=True,
    periodic_embedding=True,
    data_driven_initialization=True,
    dropout=0.15,
    weight_decay=0.02,
    fading=True,
    clamp=True,
    one_hot_up_to=8,
)
_OF_NUMBERS: dict[str, dict[str, Any]] = {
    "plain": {},
    "fast": {"activation": "mish", "learning_rate": 0.07, "label_smoothing": 0.0},
    "strong": {"activation": "mish", "learning_rate": 0.2, "label_smoothing": 0.0},
}
_OF_COUNTS = {  # exp(score) overflows where a score of numbers would merely be far off: the rate of classes does
    **_OF_NUMBERS,
    "strong": {**_OF_NUMBERS["strong"], "learning_rate": _STRONG.learning_rate},
}
_CHANGES: dict[str, dict[str, dict[str, Any]]] = {"classes": {}, "numbers": _OF_NUMBERS, "counts": _OF_COUNTS}
RECIPES: dict[str, Recipe] = {"plain": Recipe(), "fast": _FAST, "strong": _STRONG}
"""By name, for classes; `recipe_for` knows what is different for numbers and counts."""

LINEAR = Recipe(hidden=(), learning_rate=0.02, rate_schedule="log_cosine", weight_decay=0.001, epochs=200)
"""No hidden layer: linear models of losses for which there is no other solver, as something to compare with."""


def recipe_for(name: str | Recipe, task: str) -> Recipe:
    """The recipe of a name for a task: "classes", "numbers" (also quantiles) or "counts"; a recipe stays as it is.

    Parameters
    ----------
    name : {"plain", "fast", "strong"} or Recipe
        "plain": two hidden layers of ReLU and Adam; "fast": RealMLP-TD-S, with a quarter of its epochs; "strong":
        RealMLP-TD.
    task : {"classes", "numbers", "counts"}
        What is predicted.
    """
    check_choice("task", task, TASKS)
    if isinstance(name, Recipe):
        return name
    if name not in RECIPES:
        raise ValueError(unknown_name_message("recipe", name, RECIPES))
    return replace(RECIPES[name], **_CHANGES[task].get(name, {}))
