"""What sessions begin with: a network or rows that somebody named where the playground was started."""

from __future__ import annotations

from collections.abc import Callable

from pellucid.network import Network
from pellucid.playground.session import Session

Preparation = Callable[[Session], None]


def initial_state(
    network: Network | None = None, network_name: str = "", text: str | None = None, text_name: str = ""
) -> Preparation:
    """What is done to every new session: it gets the rows of a CSV and a copy of the network's numbers.

    Parameters
    ----------
    network : Network or None
        Built or trained.
    network_name, text_name : str
        Of the files, for people.
    text : str or None
        A CSV.
    """

    def prepare(session: Session) -> None:
        from pellucid.playground.commands import COMMANDS

        if text is not None:
            COMMANDS["csv"](session, text=text, name=text_name)
        if network is not None:
            from pellucid.playground import digits

            if digits.knows(network):
                digits.bring(session, network, network_name)
            else:
                session.load(network, network_name)

    return prepare


def check(prepare: Preparation) -> None:
    """Raise what `prepare` would raise in a session."""
    session = Session("check")
    try:
        session.call(lambda: prepare(session)).result()
    finally:
        session.end(wait=True)
