"""The playground in a notebook's cell."""

from __future__ import annotations

from html import escape

from pellucid.network import Network
from pellucid.playground.initial_state import check, initial_state
from pellucid.playground.server import Server
from pellucid.validation import check_integer


class Playground:
    """A playground that runs beside the notebook, and its frame in the cell. It ends with `stop()` or the interpreter.

    Attributes
    ----------
    address : str
        Where it is, for a browser on this machine.
    """

    def __init__(self, server: Server, height: int) -> None:
        self._server, self._height = server, height
        self.address = server.address

    def stop(self) -> None:
        """End it, and all its sessions."""
        self._server.stop()

    def _repr_html_(self) -> str:
        address = escape(self.address, quote=True)
        return (
            f'<iframe src="{address}" width="100%" height="{self._height}" frameborder="0" '
            f'title="Pellucid playground" allow="fullscreen"></iframe>'
        )

    def __repr__(self) -> str:
        """The address."""
        return f"Playground at {self.address}"


def playground(network: Network | None = None, *, height: int = 900, port: int = 0) -> Playground:
    """Show the playground in a notebook, with a network of one's own or the one it always begins with.

    Parameters
    ----------
    network : Network or None
        Built or trained: dense layers, activations and dropout on x1 and x2 (or on inputs named by formulas of them),
        or a network for the digits. The playground takes a copy.
    height : int
        Of the frame, in pixels.
    port : int
        0: a free one.

    Returns
    -------
    Playground
        Which the notebook shows.

    Raises
    ------
    ValueError
        If the playground cannot draw the network.

    Examples
    --------
    >>> import pellucid as pl
    >>> shown = pl.playground(pl.Network([pl.Dense(3), pl.Tanh(), pl.Dense(1)]).build(2))
    >>> shown.address.startswith("http://127.0.0.1:")
    True
    >>> shown.stop()
    """
    check_integer("height", height, minimum=100)
    if network is not None and not isinstance(network, Network):
        raise TypeError(f"network must be a Network, not {network!r:.60}.")
    prepare = None if network is None else initial_state(network, "network.pellucid")
    if prepare is not None:
        check(prepare)
    return Playground(Server(port=port, prepare=prepare, framed=True).start(), height)
