# SPDX-License-Identifier: Apache-2.0
"""The whole lab: comes up, loses a region and gets it back, goes down, and leaves nothing behind, however it ends."""
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

import pytest

from plain import BUILD, wait

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
DIRECTORY = os.path.join(tempfile.gettempdir(), f"holdfast-test-{os.getpid()}")
ENVIRONMENT = dict(os.environ, LAB_DIR=DIRECTORY, BUILD=BUILD, REPORT=DIRECTORY + "-report", STORE="sqlite")


def lab(*words, check=True, timeout=420):
    done = subprocess.run([os.path.join(TOP, "lab", words[0]), *words[1:]], env=ENVIRONMENT, capture_output=True, text=True,
                          timeout=timeout)
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


def living():
    """Processes, zombies left out, that run in the lab's directory or were started with it."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as file:
                zombie = file.read().rsplit(")", 1)[1].split()[0] == "Z"
            words = open(f"/proc/{pid}/cmdline", "rb").read() + open(f"/proc/{pid}/environ", "rb").read()
            where = os.readlink(f"/proc/{pid}/cwd")
        except OSError:
            continue
        if not zombie and int(pid) != os.getpid() and (DIRECTORY.encode() in words or where.startswith(DIRECTORY)):
            found.append((pid, words[:200]))
    return found


def nothing_left():
    wait(lambda: living() == [] and not os.path.exists(DIRECTORY), 60)


def ready(region):
    try:
        with urllib.request.urlopen(f"http://127.{region}.0.80:8080/actuator/health/readiness", timeout=2) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


@pytest.fixture(autouse=True)
def clean():
    yield
    if os.path.isdir(DIRECTORY + ".failed"):
        kept = os.path.join(BUILD, "system-logs", os.path.basename(DIRECTORY))
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(DIRECTORY + ".failed", kept)
        print("logs of the lab:", kept)
    subprocess.run([os.path.join(TOP, "lab", "down")], env=ENVIRONMENT, capture_output=True, timeout=120)
    nothing_left()
    for rest in ("-report", ".failed"):
        shutil.rmtree(DIRECTORY + rest, ignore_errors=True)


def test_up_kill_start_down():
    lab("up", "--store", "sqlite")
    assert ready(1) and ready(2)
    assert "runs already" in lab("up", "--store", "sqlite", check=False).stderr
    at_us, count = lab("region", "kill", "taiwan").stdout.split()
    assert int(at_us) > 0 and int(count) > 15
    assert "pid" not in lab("region", "list", "taiwan").stdout
    wait(lambda: not ready(1))
    assert "pid" in lab("region", "list", "tokyo").stdout
    lab("region", "start", "taiwan")
    wait(lambda: ready(1), 120)
    lab("down")
    nothing_left()
    assert "none runs" in lab("down").stdout


def test_port_in_use_is_said_and_nothing_started():
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.2.0.80", 8080))
        taken.listen()
        done = lab("up", "--store", "sqlite", check=False)
    assert done.returncode != 0 and "127.2.0.80:8080" in done.stderr
    nothing_left()


def test_directory_of_somebody_else_is_left_alone():
    os.mkdir(DIRECTORY)
    with open(os.path.join(DIRECTORY, "precious"), "w") as file:
        file.write("x")
    done = lab("up", check=False)
    assert done.returncode != 0 and "no lab's" in done.stderr
    assert os.path.exists(os.path.join(DIRECTORY, "precious"))
    shutil.rmtree(DIRECTORY)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_demo_killed(number):
    demo = subprocess.Popen([os.path.join(TOP, "lab", "demo")], env=ENVIRONMENT, stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL, start_new_session=True,
                            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))  # ignored, where the tests run in the background
    wait(lambda: ready(1) and ready(2), 300)
    time.sleep(1)
    os.killpg(demo.pid, number)
    demo.wait(60)
    nothing_left()
