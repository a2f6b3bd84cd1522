"""The names that a network carries for people, where it is looked into."""

from __future__ import annotations

from pellucid.network import Network


def input_names(network: Network) -> tuple[str, ...] | None:
    """The names of the numbers in a row: those of the table's encoder, or the network's features; None without any."""
    if network.preprocessing is not None:
        return network.preprocessing.feature_names
    return None if network.features is None else tuple(feature.name for feature in network.features)
