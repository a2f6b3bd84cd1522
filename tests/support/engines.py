"""The engines that this installation has."""

from __future__ import annotations

import importlib.util

ENGINES = ["reference"]
if importlib.util.find_spec("pellucid._native") is not None:
    ENGINES.append("native")
