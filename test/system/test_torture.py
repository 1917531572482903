# SPDX-License-Identifier: Apache-2.0
"""A held fault is a lease: it ends after its time, and at once when whoever injected it is gone."""
import os
import sqlite3
import subprocess
import sys
import time

import pytest

TORTURE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "torture")


def state(pid):
    with open("/proc/%d/stat" % pid) as file:
        return file.read().rsplit(")", 1)[1].split()[0]


def wait(condition, what):
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.02)


def hold(*words, **more):
    holder = subprocess.Popen([sys.executable, os.path.join(TORTURE, "hold.py"), *map(str, words)], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True, **more)
    assert holder.stdout.readline() == "held\n"
    return holder


@pytest.fixture
def victim():
    process = subprocess.Popen(["sleep", "600"])
    yield process.pid
    process.kill()
    process.wait()


def test_it_ends_after_its_time(victim):
    holder = hold(0.3, "stop", victim)
    assert holder.wait(30) == 0 and holder.stdout.read() == "ended\n"
    wait(lambda: state(victim) in "SR", "the process goes on")


def test_it_ends_when_it_is_dropped(victim):
    holder = hold(600, "stop", victim)
    wait(lambda: state(victim) == "T", "the process is stopped")
    holder.stdin.close()
    assert holder.wait(30) == 0
    wait(lambda: state(victim) in "SR", "the process goes on")


def test_it_ends_when_the_injector_is_killed(victim):
    injector = subprocess.Popen([sys.executable, "-c", (
        "import subprocess, sys, time\n"
        "subprocess.Popen([sys.executable, %r, '600', 'stop', '%d'], stdin=subprocess.PIPE, start_new_session=True)\n"
        "time.sleep(600)") % (os.path.join(TORTURE, "hold.py"), victim)], stdout=subprocess.DEVNULL)
    wait(lambda: state(victim) == "T", "the process is stopped")
    injector.kill()
    injector.wait()
    wait(lambda: state(victim) in "SR", "the process goes on")


def test_it_survives_a_signal_and_a_victim_that_is_gone(victim):
    gone = subprocess.Popen(["true"])
    gone.wait()
    holder = hold(600, "stop", gone.pid, victim)
    wait(lambda: state(victim) == "T", "the process is stopped")
    holder.terminate()
    assert holder.wait(30) == 0
    wait(lambda: state(victim) in "SR", "the process goes on")


def test_a_store_is_locked_and_released(tmp_path):
    path = str(tmp_path / "store.db")
    store = sqlite3.connect(path, timeout=0, isolation_level=None)
    store.execute("CREATE TABLE t (a)")
    holder = hold(600, "lock", path)
    with pytest.raises(sqlite3.OperationalError):
        store.execute("INSERT INTO t VALUES (1)")
    holder.stdin.close()
    assert holder.wait(30) == 0
    store.execute("INSERT INTO t VALUES (1)")
    store.close()
