"""What can be taken away, and what can be brought: files made in a folder of their own that is gone at once.

Contract: the page names a format, never a path; names of files are ours.
"""

from __future__ import annotations

import base64
import importlib.util
import io
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pellucid.extras import pip_install
from pellucid.formats import write_c, write_javascript, write_numpy, write_training
from pellucid.formats.model_file import load, save
from pellucid.formats.onnx import to_onnx
from pellucid.network import Network
from pellucid.playground.log import Code

if TYPE_CHECKING:
    from pellucid.playground.session import Session

_TITLE = "What was trained in the playground of Pellucid, again."


class Format(NamedTuple):
    """A way out."""

    label: str
    name: str
    needs: str
    write: Callable[[Session, Path], Any]
    """Writes one file or several beside the path."""


def _write_code(session: Session, path: Path) -> None:
    path.write_text(session.log.python(_TITLE).python, encoding="utf-8")


def _write_points(session: Session, path: Path) -> None:
    np.savez(path, allow_pickle=False, **session.log.points_file())


def _write_training(session: Session, path: Path) -> None:
    write_training(session.trainer, path)


FORMATS = {
    "pellucid": Format("Pellucid model", "network.pellucid", "", lambda s, path: save(s.network, path)),
    "code": Format("Python lines", "playground.py", "", _write_code),
    "data": Format("Points", "points.npz", "", _write_points),
    "onnx": Format("ONNX", "network.onnx", "onnx", lambda s, path: to_onnx(s.network, path)),
    "c": Format("C source", "network.c", "", lambda s, path: write_c(s.network, path)),
    "numpy": Format("NumPy source", "network.py", "", lambda s, path: write_numpy(s.network, path)),
    "training": Format("Textbook training in NumPy", "training.py", "", _write_training),
    "javascript": Format("JavaScript", "network.mjs", "", lambda s, path: write_javascript(s.network, path)),
}
"""What there is, by the names that messages have."""
_MIME = {
    ".py": "text/x-python",
    ".mjs": "text/javascript",
    ".c": "text/x-c",
    ".zip": "application/zip",
}


def available_formats() -> list[dict[str, Any]]:
    """The formats, and which of them this installation can write."""
    table = []
    for name, form in FORMATS.items():
        available = not form.needs or importlib.util.find_spec(form.needs) is not None
        reason = "" if available else f"It needs {form.needs}: {pip_install('formats')}."
        table.append({"name": name, "label": form.label, "available": available, "reason": reason})
    return table


def export(session: Session, name: str) -> dict[str, Any]:
    """The message with a file, or with a zip file of several."""
    from pellucid.playground.state import Refused

    entry = next((each for each in available_formats() if each["name"] == name), None)
    if entry is None:
        raise Refused(f"There is no format {name!r:.40}: there are {', '.join(FORMATS)}.")
    if not entry["available"]:
        raise Refused(entry["reason"])
    form = FORMATS[name]
    with tempfile.TemporaryDirectory(prefix="pellucid-") as folder:
        try:
            form.write(session, Path(folder) / form.name)
        except (ValueError, TypeError, OSError, ImportError, ArithmeticError) as error:
            raise Refused(f"{form.label}: {error}") from None
        files = sorted(path for path in Path(folder).iterdir() if path.is_file())
        if len(files) == 1:
            title, data = files[0].name, files[0].read_bytes()
        else:
            title, data = f"{Path(form.name).stem}.zip", _zipped(files)
    note = session.log.python(_TITLE).note if name == "code" else ""
    mime = _MIME.get(Path(title).suffix, "application/octet-stream")
    return {"type": "file", "name": title, "mime": mime, "base64": base64.b64encode(data).decode(), "note": note}


def _zipped(files: list[Path]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files:
            archive.writestr(path.name, path.read_bytes())
    return buffer.getvalue()


def code(session: Session) -> dict[str, Any]:
    """The message with the Python lines."""
    made: Code = session.log.python(_TITLE)
    return {"type": "code", **made._asdict()}


def read_network(data: bytes) -> Network:
    """The network in a model file's bytes.

    Raises
    ------
    Refused
        With the reason, if it is none.
    """
    from pellucid.playground.state import Refused

    with tempfile.TemporaryDirectory(prefix="pellucid-") as folder:
        path = Path(folder) / "network.pellucid"
        path.write_bytes(data)
        try:
            return load(path)
        except (ValueError, OSError) as error:
            raise Refused(f"The file is no model: {str(error).replace(str(path), 'it')}") from None
