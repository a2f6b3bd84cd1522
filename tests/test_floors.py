"""The floors of the library: imports run down only and in no circle, lazy and type-checking ones too."""

from __future__ import annotations

import ast
from functools import cache
from graphlib import CycleError, TopologicalSorter
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
MODULES = {
    ".".join(("pellucid", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__"): path
    for path in ROOT.rglob("*.py")
}


@cache
def names_of(module: str) -> tuple[tuple[str, str, str], ...]:
    """What a file imports, wherever in it: the module, the name in it ("" for the whole of it), and the name here."""
    found = []
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(name.name, "", "") for name in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{module}: imports are absolute"
            found += [(node.module, name.name, name.asname or name.name) for name in node.names]
    return tuple(each for each in found if each[0].split(".")[0] == "pellucid")


def home_of(module: str, name: str) -> str:
    """The module that a name comes from: where a package has it from another module, that one."""
    if name and MODULES[module].name == "__init__.py":
        for source, original, own in names_of(module):
            if own == name and (source, original) != (module, name):
                return home_of(source, original)
    whole = f"{module}.{name}"
    return whole if whole in MODULES else module


def imports_of(module: str) -> set[str]:
    """The modules that a file imports from."""
    return {home_of(source, name) for source, name, _ in names_of(module) if source != "pellucid._native"}


@pytest.mark.parametrize("module", sorted(MODULES.keys() - {"pellucid", "pellucid.__main__"}))
def test_imports_run_down_only(module: str) -> None:
    own = LEVELS[module.split(".")[1]]
    for imported in imports_of(module):
        assert imported != "pellucid", f"{module} imports the whole package: import from the module that has the name"
        assert LEVELS[imported.split(".")[1]] <= own, f"{module} imports {imported}, which is a floor above"


def test_no_imports_run_in_a_circle() -> None:
    graph = {module: imports_of(module) for module in MODULES}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail("imports run in a circle: " + " is imported by ".join(error.args[1]))


def test_every_room_has_a_floor() -> None:
    assert {module.split(".")[1] for module in MODULES if "." in module} - {"__main__"} == set(LEVELS)
