"""`import pellucid`: what it costs, and what it offers."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import pellucid as pl


def test_every_public_name_is_there() -> None:
    for name in pl.__all__:
        assert getattr(pl, name) is not None, name
    assert set(pl.__all__) <= set(dir(pl))
    assert sorted(set(pl.__all__)) == sorted(pl.__all__)


def test_names_for_type_checkers_are_the_public_names() -> None:
    tree = ast.parse(Path(pl.__file__).read_text(encoding="utf-8"))
    guard = next(node for node in tree.body if isinstance(node, ast.If))
    names = [alias.name for node in guard.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    assert sorted(names) == sorted(pl.__all__)
    for node in guard.body:
        assert isinstance(node, ast.ImportFrom)
        module = __import__(node.module or "", fromlist=["_"])
        for alias in node.names:
            if alias.name == "playground":  # a package that can be called: its modules have the same name
                assert callable(pl.playground)
            else:
                assert getattr(module, alias.name) is getattr(pl, alias.name)


def test_an_unknown_name() -> None:
    with pytest.raises(AttributeError, match=r"^module 'pellucid' has no attribute 'Dens'$"):
        pl.Dens  # noqa: B018


def modules_after(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; import sys; print('\\n'.join(sys.modules))"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


def test_importing_imports_next_to_nothing() -> None:
    modules = modules_after("import pellucid")
    assert [name for name in modules if name.startswith("pellucid.")] == ["pellucid.version"]
    assert not modules & {"numpy", "matplotlib", "typer", "rich", "sklearn", "scipy", "pandas", "torch"}


def test_training_needs_numpy_alone() -> None:
    code = (
        "import pellucid as pl, numpy as np; n = pl.Network([pl.Dense(2)]); "
        "pl.Trainer(n, 'squared_error').fit(np.ones((3, 2)), np.ones((3, 2)), epochs=1)"
    )
    modules = modules_after(code)
    assert not modules & {"matplotlib", "typer", "rich", "sklearn", "scipy", "pandas", "torch", "safetensors"}
