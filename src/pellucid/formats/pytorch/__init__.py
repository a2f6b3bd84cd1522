"""PyTorch: a network as the equal `torch.nn.Sequential`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from pellucid.formats.pytorch.translations import TRANSLATIONS, Translation
from pellucid.layers.base import Layer
from pellucid.network import Network

__all__ = ["TRANSLATIONS", "Translation", "to_torch"]


def to_torch(network: Network, *, translations: Mapping[type[Layer], Translation] | None = None) -> Any:
    """The equal `torch.nn.Sequential`: one module a layer, a copy of all numbers, in evaluation mode.

    Its output are the network's `scores`: PyTorch's losses, too, contain softmax and sigmoid. Only where the network
    has a `target` one more module at the end makes them predictions, in the unit of the target. Scaling, Gaussian noise
    and maxout, for which PyTorch has no module, are small modules of `pellucid.formats.pytorch.modules`. The names in
    its `state_dict` begin with the places of Pellucid's layers, "0.weight"; weights lie as (d_out, d_in) there.

    Parameters
    ----------
    network : Network
        Built or trained.
    translations : mapping from class to function, or None
        How layers of one's own are said in PyTorch: `pellucid.formats.pytorch.translations` has the contract.

    Returns
    -------
    torch.nn.Sequential
        Of the network's dtype; `load_torch_weights` is the way back.

    Raises
    ------
    ImportError
        If PyTorch is not installed.
    ValueError
        If a layer has no translation.

    Examples
    --------
    >>> import pellucid as pl
    >>> network = pl.Network([pl.Dense(2), pl.ReLU()]).build(3)
    >>> pl.to_torch(network)                                          # doctest: +SKIP
    Sequential(
      (0): Linear(in_features=3, out_features=2, bias=True)
      (1): ReLU()
    )
    """
    program, known = network.program, {**TRANSLATIONS, **(translations or {})}
    for instruction in program.instructions:
        if type(instruction.layer) not in known:
            name = type(instruction.layer).__name__
            raise ValueError(
                f"{name} has no translation to PyTorch (layer {instruction.index}): give one in "
                f"translations={{{name}: function}}; pellucid.formats.pytorch.translations has the contract."
            )
    try:
        import torch
    except ImportError as error:
        raise ImportError("to_torch needs PyTorch: install it with pip install torch.") from error
    modules = []
    for instruction in program.instructions:
        numbers = {view.name: torch.tensor(view.of(network.parameters)) for view in instruction.parameters}
        numbers.update({view.name: torch.tensor(view.of(network.statistics)) for view in instruction.statistics})
        numbers["dtype"] = getattr(torch, network.dtype.name)
        translate, inputs = known[type(instruction.layer)], math.prod(instruction.input_shape)
        modules.append(translate(torch, instruction.layer, SimpleNamespace(**numbers), inputs))
    if network.target is not None:
        from pellucid.formats.pytorch.modules import Unit

        columns = {name: network.target.column(name, network.outputs) for name in ("mean", "scale", "low", "high")}
        modules.append(Unit(**columns, exponential=network.link == "exponential"))
    return torch.nn.Sequential(*modules).eval()
