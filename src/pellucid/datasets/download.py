"""Files from the network, kept in the user's cache directory; nothing is kept that fails its checksum."""

from __future__ import annotations

import hashlib
import os
import sys
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, TypeAlias

from pellucid.datasets.idx import open_unzipped

DownloadProgress: TypeAlias = Callable[[str, int, int | None], None]
"""Called as progress(file, bytes so far, bytes in all or None if unknown) while a file comes in."""

_CHUNK = 2**16
_MOST_BYTES = 2**28  # far above any file we fetch: a mirror that never stops is left
_TIMEOUT = 30.0  # seconds of silence


def cache_directory() -> Path:
    """Return where downloads are kept: `pellucid` in XDG_CACHE_HOME, or else where the system keeps caches."""
    chosen = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(chosen):  # the XDG specification has relative paths ignored
        return Path(chosen) / "pellucid"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "pellucid"
    return Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache") / "pellucid"


def fetch(
    file: str, folder: Path, mirrors: Sequence[str], sha256: str, progress: DownloadProgress | None = None
) -> Path:
    """Download a file from the first mirror that gives it whole, and return where it is now.

    Parameters
    ----------
    file : str
        Its name, in the folder and below the address of every mirror.
    folder : Path
        Where to keep it; made if it is not there.
    mirrors : sequence of str
        Addresses that end in a slash, tried in turn.
    sha256 : str
        What `content_sha256` must be: of the content, since mirrors may zip the same content in their own way.
    progress : callable, optional
        Called as progress(file, bytes so far, bytes in all or None).

    Raises
    ------
    ConnectionError
        If no mirror gave the file; the message tells what each of them answered. Nothing is left in the folder.
    """
    # The network's modules take longer to import than all of our data sets: they are loaded where they are needed.
    import http.client
    import tempfile
    import urllib.error

    folder.mkdir(parents=True, exist_ok=True)
    failures = []
    for mirror in mirrors:
        address = mirror + file
        handle, name = tempfile.mkstemp(dir=folder, prefix=f".{file}.")
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as sink:
                _download(address, file, sink, progress)
            _check_content(temporary, sha256)
            return temporary.replace(folder / file)
        except (OSError, EOFError, ValueError, zlib.error, http.client.HTTPException) as error:
            if isinstance(error, urllib.error.HTTPError):
                error.close()
            failures.append(f"  {address}: {error}")
        finally:
            temporary.unlink(missing_ok=True)
    raise ConnectionError("\n".join([f"{file} could not be downloaded:", *failures]))


def content_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's content, unzipped if it is gzipped, in hexadecimal digits."""
    digest = hashlib.sha256()
    size = 0
    with open_unzipped(path) as file:
        while chunk := file.read(_CHUNK):
            size = _check_size(size + len(chunk))
            digest.update(chunk)
    return digest.hexdigest()


def _download(address: str, file: str, sink: IO[bytes], progress: DownloadProgress | None) -> None:
    import urllib.request

    request = urllib.request.Request(address, headers={"User-Agent": "pellucid"})
    with urllib.request.urlopen(request, timeout=_TIMEOUT) as response:
        told = response.headers.get("Content-Length", "")
        total = int(told) if told.isdecimal() else None
        size = 0
        while chunk := response.read(_CHUNK):
            size = _check_size(size + len(chunk))
            sink.write(chunk)
            if progress is not None:
                progress(file, size, total)
    if total is not None and size != total:
        raise ValueError(f"the connection ended after {size:,} of {total:,} bytes")


def _check_size(size: int) -> int:
    if size > _MOST_BYTES:
        raise ValueError(f"it is longer than {_MOST_BYTES:,} bytes and cannot be the file")
    return size


def _check_content(path: Path, sha256: str) -> None:
    found = content_sha256(path)
    if found != sha256:
        raise ValueError(f"its content has the SHA-256 {found}, but {sha256} was expected")
