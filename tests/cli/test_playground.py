"""`pellucid playground`: what is wrong is told before anything is served; and it serves until Ctrl-C."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys

import pytest

import pellucid as pl

httpx = pytest.importorskip("httpx")
pytest.importorskip("uvicorn")


@pytest.fixture
def files(tmp_path):
    network = pl.Network([pl.Dense(3), pl.Tanh(), pl.Dense(1), pl.Tanh()]).build(2, seed=1)
    pl.save(network, tmp_path / "plane.pellucid")
    pl.save(pl.Network([pl.Dense(3), pl.BatchNormalization(), pl.Dense(1)]).build(2), tmp_path / "odd.pellucid")
    rows = "\n".join(f"{i},{-i},{'ab'[i % 2]}" for i in range(30))
    (tmp_path / "rows.csv").write_text(f"left,right,kind\n{rows}\n", encoding="utf-8")
    (tmp_path / "short.csv").write_text("a,b,c\n1,2,3\n", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--model", "nothing.pellucid"], 1, "nothing.pellucid"),
        (["--model", "odd.pellucid"], 1, "this network has BatchNormalization"),
        (["--data", "nothing.csv"], 1, "nothing.csv"),
        (["--data", "short.csv"], 1, "has 1 row, and at least 10 are needed"),
        (["--port", "99999999"], 2, "--port"),
        (["--host", "203.0.113.1"], 1, "Nothing can listen on 203.0.113.1"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:The playground listens")
def test_what_is_wrong_is_told_at_once(pellucid, files, monkeypatch, arguments, code, words) -> None:
    monkeypatch.chdir(files)
    answer = pellucid("playground", "--no-browser", *arguments)
    assert answer.code == code
    assert words in answer.err


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent as a signal")
def test_it_serves_the_named_network_and_rows_until_ctrl_c(files) -> None:
    command = [
        sys.executable,
        "-m",
        "pellucid",
        "playground",
        "--no-browser",
        "--model",
        "plane.pellucid",
        "--port",
        "0",
    ]
    process = subprocess.Popen(
        command, cwd=files, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
    )
    try:
        line = process.stdout.readline()
        address = re.fullmatch(r"The playground is at (http://127\.0\.0\.1:\d+/\S+/)\n", line).group(1)
        assert process.stdout.readline() == "Ctrl-C ends it.\n"
        assert "<html" in httpx.get(address).text
        welcome = hello(address)
        assert welcome["state"]["networkShape"] == [3]
        process.send_signal(signal.SIGINT)
        out, error = process.communicate(timeout=600)
        assert (process.returncode, out, error) == (0, "", "")
    finally:
        process.kill()
        process.wait()


def hello(address: str) -> dict:
    from urllib.parse import urlsplit

    from websockets.sync.client import connect

    origin = f"http://{urlsplit(address).netloc}"
    with connect(address.replace("http", "ws", 1) + "ws", origin=origin, max_size=None) as socket:
        socket.send('{"type": "hello"}')
        return json.loads(socket.recv())
