"""Engines: they run the program that a list of layers was made into. `base.py` has the contract."""

from __future__ import annotations

import importlib.util
from typing import Any

from pellucid.engines.engine import Engine
from pellucid.engines.reference import ReferenceEngine
from pellucid.program.compilation import Program
from pellucid.validation import check_choice

ENGINES = ("auto", "reference", "native")


def find_engine(name: str, threads: int | None) -> Engine | None:
    """The engine of that name. None: there is no native core in this installation."""
    check_choice("engine", name, ENGINES)
    if name == "reference":
        return ReferenceEngine()
    if importlib.util.find_spec("pellucid._native") is None:
        return None
    from pellucid.engines.native import NativeEngine

    return NativeEngine(threads)


class EngineChoice:
    """Which engine runs what, for one network: asked for by name, decided by what is to be run.

    `note` says in words why the reference engine was taken where "auto" could have meant the native one.
    """

    def __init__(self, name: str = "auto", threads: int | None = None) -> None:
        self.name = check_choice("engine", name, ENGINES)
        self._last: tuple[Program, tuple[Engine, str]] | None = None
        self.reference = ReferenceEngine()
        self.native = None if name == "reference" else find_engine(name, threads)
        if name == "native" and self.native is None:
            raise ValueError(
                "engine='native' is not in this installation: it was built without a C++ compiler. "
                "Use engine='auto' or 'reference', or install a compiler and build again."
            )

    def choose(self, program: Program, **parts: Any) -> tuple[Engine, str]:
        """The engine for a program and the given loss, penalty, optimizer and constraint, and a note ("" if there is
        nothing to say).

        Raises
        ------
        ValueError
            If "native" was asked for and something of it has no kernel.
        """
        if parts:
            return self._choose(program, **parts)
        if self._last is None or self._last[0] is not program:  # prediction asks again and again for the same one
            self._last = (program, self._choose(program))
        return self._last[1]

    def _choose(self, program: Program, **parts: Any) -> tuple[Engine, str]:
        if self.native is None:
            return self.reference, "" if self.name == "reference" else "the native core is not in this installation"
        obstacle = self.native.obstacle(program, **parts)
        if obstacle is None:
            return self.native, ""
        if self.name == "native":
            raise ValueError(f"engine='native' cannot run {obstacle}. Use engine='auto' or 'reference'.")
        return self.reference, f"the native engine cannot run {obstacle}"


__all__ = ["ENGINES", "Engine", "EngineChoice", "ReferenceEngine", "find_engine"]
