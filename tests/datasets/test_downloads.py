"""Downloads from a server on this machine: whole files, damaged ones, absent ones and ones cut short."""

from __future__ import annotations

import gzip
import hashlib
import struct
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from pellucid.datasets import download, images, load_mnist
from pellucid.datasets.download import cache_directory, content_sha256, fetch

CONTENT = bytes(range(256)) * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Handler(SimpleHTTPRequestHandler):
    """Serves a directory; below /short/ it promises a thousand bytes more than it sends."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        if not self.path.startswith("/short/"):
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("Content-Length", "1500")
        self.end_headers()
        self.wfile.write(bytes(500))


@pytest.fixture
def served(tmp_path: Path) -> Path:
    folder = tmp_path / "served"
    for mirror, content in (("good", CONTENT), ("bad", b"other" + CONTENT)):
        (folder / mirror).mkdir(parents=True)
        (folder / mirror / "file.gz").write_bytes(gzip.compress(content))
    (folder / "cut").mkdir()
    (folder / "cut" / "file.gz").write_bytes(gzip.compress(CONTENT)[:500])
    return folder


@pytest.fixture
def server(served: Path) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(served))) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{running.server_address[1]}/"
        running.shutdown()
        thread.join()


def test_a_good_file(server: str, tmp_path: Path) -> None:
    seen: list[tuple[str, int, int | None]] = []
    target = tmp_path / "new" / "folder"
    path = fetch("file.gz", target, [f"{server}good/"], SHA256, lambda *told: seen.append(told))
    assert path == target / "file.gz"
    assert gzip.decompress(path.read_bytes()) == CONTENT
    assert [file.name for file in target.iterdir()] == ["file.gz"]
    size = path.stat().st_size
    assert seen[-1] == ("file.gz", size, size)
    assert [done for _, done, _ in seen] == sorted(done for _, done, _ in seen)


@pytest.mark.parametrize(
    ("mirror", "reason"),
    [
        ("bad", f"its content has the SHA-256 {hashlib.sha256(b'other' + CONTENT).hexdigest()}, but {SHA256} was"),
        ("absent", "HTTP Error 404: "),
        ("cut", "Compressed file ended before the end-of-stream marker was reached"),
        ("short", "the connection ended after 500 of 1,500 bytes"),
    ],
)
def test_failures_leave_nothing_behind_and_the_next_mirror_is_used(
    server: str, tmp_path: Path, mirror: str, reason: str
) -> None:
    target = tmp_path / "target"
    with pytest.raises(ConnectionError) as error:
        fetch("file.gz", target, [f"{server}{mirror}/"], SHA256)
    first, second = str(error.value).splitlines()
    assert first == "file.gz could not be downloaded:"
    assert second.startswith(f"  {server}{mirror}/file.gz: {reason}")
    assert not list(target.iterdir())
    fetch("file.gz", target, [f"{server}{mirror}/", f"{server}good/"], SHA256)
    assert [file.name for file in target.iterdir()] == ["file.gz"]


def test_every_mirror_is_named(server: str, tmp_path: Path) -> None:
    with pytest.raises(ConnectionError) as error:
        fetch("file.gz", tmp_path / "t", [f"{server}bad/", f"{server}absent/", "http://127.0.0.1:9/"], SHA256)
    assert [line.split("file.gz: ")[0] for line in str(error.value).splitlines()[1:]] == [
        f"  {server}bad/",
        f"  {server}absent/",
        "  http://127.0.0.1:9/",
    ]


def test_a_file_in_place_survives_a_failed_download(server: str, tmp_path: Path) -> None:
    (tmp_path / "file.gz").write_bytes(b"old")
    with pytest.raises(ConnectionError):
        fetch("file.gz", tmp_path, [f"{server}bad/"], SHA256)
    assert (tmp_path / "file.gz").read_bytes() == b"old"


def test_an_interrupt_leaves_nothing_behind(server: str, tmp_path: Path) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch("file.gz", tmp_path / "target", [f"{server}good/"], SHA256, interrupt)
    assert not list((tmp_path / "target").iterdir())


def test_a_mirror_that_never_stops_is_left(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "_MOST_BYTES", 1000)
    with pytest.raises(ConnectionError, match="it is longer than 1,000 bytes and cannot be the file"):
        fetch("file.gz", tmp_path, [f"{server}good/"], SHA256)


def test_the_checksum_is_of_the_content(tmp_path: Path) -> None:
    for name, content in (("a", CONTENT), ("b", gzip.compress(CONTENT, 1)), ("c", gzip.compress(CONTENT, 9))):
        (tmp_path / name).write_bytes(content)
        assert content_sha256(tmp_path / name) == SHA256


def test_load_mnist_downloads_once_into_the_cache(
    server: str, served: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checksums = {}
    for file, shape in images.FILES.items():
        size = int(np.prod(shape))
        content = bytes([0, 0, 8, len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + bytes(size)
        (served / "good" / f"{file}.gz").write_bytes(gzip.compress(content, 1))
        checksums[file] = hashlib.sha256(content).hexdigest()
    monkeypatch.delenv("PELLUCID_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setitem(images.MIRRORS, "mnist", (f"{server}absent/", f"{server}good/"))
    monkeypatch.setitem(images.CHECKSUMS, "mnist", checksums)
    seen = []
    data = load_mnist(progress=lambda file, done, total: seen.append(file))
    assert data.rows == {"train": 50_000, "validation": 10_000, "test": 10_000}
    assert set(seen) == {f"{file}.gz" for file in images.FILES}
    cache = tmp_path / "cache" / "pellucid" / "mnist"
    assert sorted(file.name for file in cache.iterdir()) == sorted(set(seen))
    (cache / "t10k-labels-idx1-ubyte.gz").unlink()
    seen.clear()
    load_mnist(progress=lambda file, done, total: seen.append(file))
    assert set(seen) == {"t10k-labels-idx1-ubyte.gz"}  # only what is missing
    assert load_mnist(download=False).rows == data.rows


def test_cache_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_directory() == tmp_path / "pellucid"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setattr("sys.platform", "linux")
    assert cache_directory() == tmp_path / ".cache" / "pellucid"
    monkeypatch.setattr("sys.platform", "darwin")
    assert cache_directory() == tmp_path / "Library" / "Caches" / "pellucid"
    monkeypatch.setattr("sys.platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    assert cache_directory() == tmp_path / "local" / "pellucid"
