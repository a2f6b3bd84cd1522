"""Where a graph ends: the chain that is the network, how its scores become predictions, the names of the classes."""

from __future__ import annotations

from typing import NamedTuple

from pellucid.formats.onnx.package import OnnxError
from pellucid.formats.onnx.values import Chain, Decision, Function, Named, Pair, Value, Whole
from pellucid.layers import Sigmoid, Softmax

_MOST_OUTPUTS = 16


class End(NamedTuple):
    """What the outputs tell."""

    chain: Chain
    link: str
    classes: tuple[str, ...] | None


def end_of(outputs: list[Value], link: str | None) -> End:
    """The network behind some outputs; `link` overrules what they tell.

    Raises
    ------
    OnnxError
        If the outputs are no single network's.
    """
    if len(outputs) > _MOST_OUTPUTS:
        raise OnnxError(f"the graph has {len(outputs):,} outputs, and at most {_MOST_OUTPUTS} are read.")
    plain = [value.of if isinstance(value, Named) else value for value in outputs]
    chains = [_chain_of(value) for value in plain if isinstance(value, Chain | Pair | Decision)]
    if not chains:
        raise OnnxError("nothing that the graph answers depends on its input.")
    whole = max(chains, key=lambda chain: sum(1 for _ in chain.links()))
    parts = list(whole.links())
    if any(not any(_equal(chain, part) for part in parts) for chain in chains):
        raise OnnxError(f"the graph has {len(chains)} outputs that do not follow from one another.")
    decisions = [value for value in outputs if isinstance(value, Decision)]
    told = _told(whole, decisions)
    chain, link = _without_end(whole, told if link is None else link)
    names = [value.classes for value in outputs if isinstance(value, Decision | Named) and value.classes is not None]
    return End(chain, link, _checked(names[0], chain, link) if names else None)


def _chain_of(value: Chain | Pair | Decision) -> Chain:
    return value if isinstance(value, Chain) else value.chain


def _equal(one: Chain, two: Chain) -> bool:
    """The same steps: a reshape makes another chain of them."""
    return one is two or (one.parent is two.parent and one.step is two.step)


def _told(whole: Chain, decisions: list[Decision]) -> str:
    """The link, from the last step and what is decided by it."""
    by_largest = any(decision.by == "argmax" for decision in decisions)
    if whole.before(Softmax) is not None or whole.argument("log softmax") is not None:
        return "softmax"
    if whole.before(Sigmoid) is not None and not by_largest:
        return "sigmoid"
    if whole.argument("exp") is not None:
        return "exponential"
    if decisions:
        return "argmax" if by_largest else "sign"
    return "identity"


def _without_end(whole: Chain, link: str) -> tuple[Chain, str]:
    """The chain without the function that the link stands for."""
    ends = {"softmax": ("Softmax", "log softmax"), "sigmoid": ("Sigmoid",), "exponential": ("exp",)}.get(link, ())
    name = ""
    if isinstance(whole.step, Function):
        name = whole.step.name
    elif isinstance(whole.step, Whole):
        name = type(whole.step.layer).__name__
    return (whole.parent if name in ends and whole.parent is not None else whole), link


def _checked(names: tuple[str, ...], chain: Chain, link: str) -> tuple[str, ...] | None:
    """The names, where they are more than 0, 1, … and there are as many as classes."""
    if link in ("sigmoid", "sign") and chain.width > 1:
        return None
    count = max(chain.width, 2)
    if len(names) != count:
        raise OnnxError(f"it names {len(names)} classes, but its network has {count}.")
    return None if names == tuple(map(str, range(count))) else names
