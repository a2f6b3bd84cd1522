"""The playground: the real engine in the browser.

`pellucid playground` opens it; `pl.playground(network)` shows it in a notebook. This package is therefore one that
can be called. PROTOCOL.md says what page and server tell each other.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pellucid.network import Network
    from pellucid.playground.notebook import Playground
    from pellucid.playground.server import Server

__all__ = ["Playground", "Server"]
_HOME_OF = {"Playground": "notebook", "Server": "server"}  # imported when first used


class _Callable(ModuleType):
    """The package itself: `pellucid.playground` is both a folder of modules and what notebooks call."""

    def __call__(self, network: Network | None = None, **options: Any) -> Playground:
        """Show the playground with a network; see `pellucid.playground.notebook.playground`."""
        from pellucid.playground.notebook import playground

        return playground(network, **options)


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'pellucid.playground' has no attribute {name!r}")
    return getattr(import_module(f"pellucid.playground.{_HOME_OF[name]}"), name)


sys.modules[__name__].__class__ = _Callable
