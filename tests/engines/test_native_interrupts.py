"""Interrupts: soon, whole, as often as one likes. Each test has a process of its own: a late signal hits no other."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap

import pytest

from support.native_tasks import run_python

pytest.importorskip("pellucid._native")
pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there are no timers here that send signals")

TRAINER = """
    import os, random, signal, sys, time
    import numpy as np
    import pellucid as pl

    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(3000, 10)).astype(np.float32), np.arange(3000) % 3

    def trainer(layers=(pl.Dense(32), pl.ReLU(), pl.Dropout(0.2), pl.Dense(3)), threads=1, batch_size=7):
        network = pl.Network([pl.Standardize(), *layers], engine="native", threads=threads)
        return pl.Trainer(network, "softmax_cross_entropy", pl.Adam(0.001), batch_size=batch_size, seed=3)
"""

HUNDRED = """
    def resident():
        if not os.path.exists("/proc/self/statm"):
            return 0
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    signal.signal(signal.SIGALRM, lambda number, frame: signal.raise_signal(signal.SIGINT))  # as Ctrl-C would come
    moments = random.Random(0)
    wide, turned = (pl.Dense(32), pl.ReLU(), pl.Dropout(0.2), pl.Dense(3)), (pl.Dense(4), pl.Tanh(), pl.Dense(3))
    for layers, threads, batch_size in ((wide, 2, 7), (turned, 1, 20)):
        rough, caught, late, sizes = trainer(layers, threads, batch_size), 0, [], []
        rough.initialize(x, y)
        while caught < 50:
            long = caught % 2  # some interrupts fall into the core, some between two of its calls
            pause = moments.uniform(0.0001, 0.03 if long else 0.01)
            worked = time.process_time() + threads * pause
            try:
                signal.setitimer(signal.ITIMER_REAL, pause)
                rough.fit(x, y, epochs=1_000_000 if long else 1)
                signal.setitimer(signal.ITIMER_REAL, 0)
            except KeyboardInterrupt:
                caught += 1
                late.append(time.process_time() - worked)  # at most: it may have waited for a processor
                sizes.append(resident())
        signal.setitimer(signal.ITIMER_REAL, 0)
        rough.fit(x, y, epochs=1)
        smooth = trainer(layers, 1, batch_size)
        smooth.fit(x, y, epochs=rough.epoch)
        assert smooth.step == rough.step, (smooth.step, rough.step)
        assert (smooth.network.parameters == rough.network.parameters).all()
        missing = set(smooth.history["epoch"]) - set(rough.history["epoch"])
        assert rough.history["epoch"] == smooth.history["epoch"], missing
        assert rough.history["loss"] == smooth.history["loss"]
        assert sorted(late)[25] < 0.5, late  # some tenths of a second of its own work, whatever else the machine does
        assert sizes[-1] - sizes[9] < 4_000_000, sizes
"""

HANDLER = """
    def handler(number, frame):
        try:
            network.predict(x[:5])  # which it may as long as the training has not begun: then it comes again
        except RuntimeError:
            signal.setitimer(signal.ITIMER_REAL, 0)
            raise

    job = trainer()
    job.fit(x, y, epochs=1)
    network = job.network
    network.predict(x[:5])
    signal.signal(signal.SIGALRM, handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
        job.fit(x, y, epochs=10**6)
    except RuntimeError as error:
        assert "at work for this network" in str(error), error
        print("refused")
    network.predict(x[:5])
    job.fit(x, y, epochs=1)
"""

OWN_ERROR = """
    def handler(number, frame):
        raise OSError("from the handler")

    job = trainer()
    job.fit(x, y, epochs=1)  # all is imported now: to an import, an OSError is a file that is not there
    signal.signal(signal.SIGALRM, handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        job.fit(x, y, epochs=10**6)
    except OSError as error:
        print(error)
"""

CTRL_C = """
    from support.interrupts import after_work

    job = trainer()
    job.fit(x, y, epochs=1)
    try:
        after_work(0.3, lambda: print("ready", flush=True))
        job.fit(x, y, epochs=10**7)
    except KeyboardInterrupt:
        print("stopped")
"""


def program(body: str) -> str:
    return textwrap.dedent(TRAINER) + textwrap.dedent(body)


def test_a_hundred_interrupts_at_random_moments_lose_nothing() -> None:
    """The end is that of an undisturbed run, to the bit; the history has every epoch once; memory does not grow."""
    result = run_python(program(HUNDRED))
    assert result.returncode == 0, result.stderr


def test_a_signal_handlers_own_error_is_passed_on() -> None:
    result = run_python(program(OWN_ERROR))
    assert (result.returncode, result.stdout) == (0, "from the handler\n"), result.stderr


def test_a_signal_handler_that_predicts_with_the_network_in_training_is_refused() -> None:
    """It would wait for the call that it interrupts."""
    result = run_python(program(HANDLER))
    assert (result.returncode, result.stdout) == (0, "refused\n"), result.stderr


def test_ctrl_c_from_outside() -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", program(CTRL_C)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        child.send_signal(signal.SIGINT)
        assert child.stdout.read() == "stopped\n"
    assert child.returncode == 0
