"""Records that hold arrays are never compared field by field: `==` of arrays has no truth value."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import pellucid

SOURCE = Path(pellucid.__file__).parent
ARRAYS = ("Array", "Floats", "Slots", "Indices")


def compared(record: ast.ClassDef) -> list[str]:
    """The fields of arrays that `==` of a dataclass compares."""
    decorators = [ast.unparse(each) for each in record.decorator_list]
    if not any(each.startswith("dataclass") and "eq=False" not in each for each in decorators):
        return []
    fields = [each for each in record.body if isinstance(each, ast.AnnAssign)]
    return [
        ast.unparse(each.target)
        for each in fields
        if any(kind in ast.unparse(each.annotation) for kind in ARRAYS)
        and "Callable" not in ast.unparse(each.annotation)
        and "ArrayCheck" not in ast.unparse(each.annotation)
        and "compare=False" not in (ast.unparse(each.value) if each.value else "")
    ]


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda path: str(path.relative_to(SOURCE)))
def test_no_array_is_compared(path: Path) -> None:
    records = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ClassDef)]
    assert {record.name: compared(record) for record in records if compared(record)} == {}
