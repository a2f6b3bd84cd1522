"""What each data set is trained with where the command line does not say."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Defaults:
    """Defaults for one data set. The digits' were chosen on validation rows alone; the others simply do.

    Parameters
    ----------
    rescale : float or None
        The factor for the inputs in front of the network; None where they need none.
    dropout : float
        Goes with `hidden`: other sizes start without.
    patience : int
        After how many epochs without improvement training stops; 0: never.
    """

    hidden: tuple[int, ...]
    activation: str
    learning_rate: float
    batch_size: int
    epochs: int
    patience: int
    rescale: float | None = None
    dropout: float = 0.0
    optimizer: str = "adam"
    loss: str = "softmax_cross_entropy"


DIGITS = Defaults((256,), "relu", 0.003, batch_size=32, epochs=60, patience=15, rescale=1 / 16, dropout=0.5)
IMAGES = Defaults((128,), "relu", 0.001, batch_size=64, epochs=12, patience=3, rescale=1 / 255, dropout=0.2)
PLANE = Defaults((32, 32), "tanh", 0.01, batch_size=16, epochs=400, patience=100)
WAVES = replace(
    PLANE, learning_rate=0.05, batch_size=32, epochs=900, patience=400
)  # small steps get stuck between turns

RECIPES: dict[str, Defaults] = {
    "digits": DIGITS,
    "mnist": IMAGES,
    "fashion-mnist": replace(IMAGES, hidden=(256,)),
    "two-gaussians": replace(PLANE, hidden=(4,)),
    "shifted-sinusoids": WAVES,
    "shifted-sinusoids-three": WAVES,
}


def recipe_for(name: str) -> Defaults:
    """The defaults for a data set."""
    return RECIPES.get(name, PLANE)
