"""PyTorch: a network as the equal module."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pellucid.formats.weights import torch_name
from pellucid.layers.containers import Container
from pellucid.layers.layer import Layer
from pellucid.network import Network
from pellucid.program.symbols import operations_of

__all__ = ["to_torch"]


def to_torch(network: Network) -> Any:
    """The equal `torch.nn.Module`, with a copy of all numbers: it computes the operations that the layers come to.

    Its output are the network's `scores`: PyTorch's losses, too, contain softmax and sigmoid. Only where the network
    has a `target` a module `unit` makes them predictions, in the unit of the target. The names in its `state_dict` are
    Pellucid's, "0.weight"; a weight of `Dense` lies as (d_out, d_in) there, and the numbers of normalizations and
    `PReLU` have PyTorch's names.

    It can be trained: gradients reach every parameter. In training as in prediction dropout and noise are absent, and
    a batch normalization uses what was measured.

    Parameters
    ----------
    network : Network
        Built or trained.

    Returns
    -------
    torch.nn.Module
        Of the network's dtype, in evaluation mode; `load_torch_weights` is the way back.

    Raises
    ------
    ImportError
        If PyTorch is not installed.
    ValueError
        If a custom layer's `forward` cannot be read.

    Examples
    --------
    >>> import pellucid as pl
    >>> network = pl.Network([pl.Dense(2), pl.ReLU()]).build(3)
    >>> pl.to_torch(network)                                          # doctest: +SKIP
    PellucidModule(
      (0): Dense(2)
      (1): ReLU()
    )
    """
    program = network.program
    graph = operations_of(program, network.parameters, network.statistics)
    try:
        import torch
    except ImportError as error:
        raise ImportError("to_torch needs PyTorch: install it with pip install torch.") from error
    from pellucid.formats.pytorch.module import Numbers, PellucidModule, Unit

    numbers = {}
    for instruction in program.instructions:
        for flat, views in ((network.parameters, instruction.parameters), (network.statistics, instruction.statistics)):
            for view in views:
                name, transposed = torch_name(instruction.layer, view.name)
                values = view.of(flat).T if transposed else view.of(flat)
                trained = flat is network.parameters
                numbers[instruction.index, view.name] = Numbers(
                    f"{instruction.path}.{name}", values, trained, transposed
                )
    unit = None
    if network.target is not None:
        columns = {name: network.target.column(name, network.outputs) for name in ("mean", "scale", "low", "high")}
        unit = Unit(**columns, exponential=network.link == "exponential")
    layers = dict(_named([(str(place), layer) for place, layer in enumerate(network.layers)], ""))
    return PellucidModule(graph, getattr(torch, network.dtype.name), layers, numbers, unit).eval()


def _named(layers: Sequence[tuple[str, Layer]], prefix: str) -> Iterator[tuple[str, str]]:
    """The path of each layer and the layer as one would type it; a container in front of what it holds."""
    for name, layer in layers:
        yield f"{prefix}{name}", type(layer).__name__ if isinstance(layer, Container) else str(layer)
        if isinstance(layer, Container):
            for branch in layer.branches:
                yield from _named(branch, f"{prefix}{name}.")
