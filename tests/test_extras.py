"""How an extra is installed, for each way in which the package may have come."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from importlib import metadata
from pathlib import Path

import pytest

import pellucid
from pellucid.extras import pip_install

ORIGINS = {
    "an index": (None, "pip install 'pellucid[cli]'"),
    "a folder": ('{"url": "file:///home/me/my%20clone", "dir_info": {}}', "pip install '/home/me/my clone[cli]'"),
    "a wheel": (
        '{"url": "file:///dist/pellucid-0.1.0-py3-none-any.whl", "archive_info": {}}',
        "pip install 'pellucid[cli] @ file:///dist/pellucid-0.1.0-py3-none-any.whl'",
    ),
    "a repository": (
        '{"url": "https://example.org/pellucid", "vcs_info": {"vcs": "git", "commit_id": "1"}}',
        "pip install 'pellucid[cli] @ git+https://example.org/pellucid'",
    ),
}


class Distribution:
    def __init__(self, written: str | None) -> None:
        self.written = written

    def read_text(self, name: str) -> str | None:
        assert name == "direct_url.json"
        return self.written


@pytest.mark.skipif(sys.platform == "win32", reason="paths as on Unix")
@pytest.mark.parametrize("origin", ORIGINS)
def test_the_command_installs_from_where_the_package_came(origin: str, monkeypatch: pytest.MonkeyPatch) -> None:
    written, command = ORIGINS[origin]
    monkeypatch.setattr(metadata, "distribution", lambda name: Distribution(written))
    assert pip_install("cli") == command


def test_of_a_source_that_was_never_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", missing)
    root = Path(pellucid.__file__).parents[2]
    assert pip_install("plots") == f"pip install '{root}[plots]'"


def test_no_other_line_advises_an_index() -> None:
    """Neither the code nor, where it is at hand, the documentation."""
    package = Path(pellucid.__file__).parent
    files = [path for path in package.rglob("*.py") if path.name != "extras.py"]
    root = Path(__file__).parents[1]
    files += [*root.glob("*.md"), *(root / "docs").glob("*.md")]
    advice = [str(path) for path in files if re.search(r"pip install .?pellucid", path.read_text(encoding="utf-8"))]
    assert advice == []


def test_numbers_in_csv_are_read_without_pyarrow(tmp_path: Path) -> None:
    """By the command line and the playground, whose extras do not bring it."""
    pytest.importorskip("rich")
    path = tmp_path / "d.csv"
    path.write_text("a;b\n" + "1,5;2\n" * 12)
    code = f"""
        import sys
        sys.modules["pyarrow"] = None
        from pellucid.cli.inputs import read_csv
        from pellucid.playground.pasted_table import PastedTable
        print(read_csv({str(path)!r}).numbers[0].tolist(), PastedTable.read(open({str(path)!r}).read()).columns)
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "[1.5, 2.0] ('a', 'b')\n"
