"""The floors of the library: imports run down only, lazy and type-checking ones too."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import pellucid

ROOT = Path(pellucid.__file__).parent
FLOORS = (
    "version typing extras validation configuration streams kernel numerics formulas foreign display pictures",
    "initializers schedules penalties losses optimizers layers",
    "program",
    "engines",
    "encoding",
    "description metrics network ensemble",
    "storage datasets augmentation",
    "training",
    "sweeps",
    "inspection formats tables estimators",
    "plots playground cli",
)
LEVELS = {room: level for level, rooms in enumerate(FLOORS) for room in rooms.split()}
PAGE = "pellucid.tables.report.report"  # whose `to_html` loads the page above it when it is called
MODULES = {".".join(("pellucid", *path.relative_to(ROOT).with_suffix("").parts)): path for path in ROOT.rglob("*.py")}


def imports_of(path: Path) -> set[str]:
    """Every module that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: imports are absolute"
            for name in node.names:
                whole = f"{node.module}.{name.name}"
                inside = whole in MODULES or f"{whole}.__init__" in MODULES
                found.add(whole if inside else node.module)
    return {name for name in found if name.split(".")[0] == "pellucid" and name != "pellucid._native"}


@pytest.mark.parametrize("module", sorted(MODULES.keys() - {"pellucid.__init__", "pellucid.__main__"}))
def test_imports_run_down_only(module: str) -> None:
    own = LEVELS[module.split(".")[1]]
    for imported in imports_of(MODULES[module]):
        assert imported != "pellucid", f"{module} imports the whole package: import from the module that has the name"
        room = imported.split(".")[1]
        allowed = room == "plots" and module == PAGE
        assert LEVELS[room] <= own or allowed, f"{module} imports {imported}, which is a floor above"


def test_every_room_has_a_floor() -> None:
    assert {module.split(".")[1] for module in MODULES} - {"__init__", "__main__"} == set(LEVELS)
