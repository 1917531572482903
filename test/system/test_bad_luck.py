# SPDX-License-Identifier: Apache-2.0
"""What an operator gets wrong at the start: the message names it and says what to do, and the exit code is not 0."""
import contextlib
import os
import re
import shutil
import socket
import subprocess
import tempfile

import pytest

from lab import HOLDFAST, only, template
from plain import as_user

PGBIN = "/usr/lib/postgresql/15/bin"


@pytest.fixture
def world():
    """The lab's configuration, elsewhere: nothing of it runs."""
    directory = tempfile.mkdtemp(prefix="holdfast-bad-luck-")
    os.mkdir(os.path.join(directory, "secret"))
    for site in ("taiwan", "tokyo", "witness"):
        os.mkdir(os.path.join(directory, site))
    for name in ("token", "pg-superuser", "pg-replication"):
        with open(os.path.join(directory, "secret", name), "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            file.write("a-secret-of-the-tests\n")
    shutil.copy(os.path.join(os.path.dirname(__file__), "..", "..", "lab", "example.test.zone"), directory)
    if os.geteuid() == 0:
        for path, directories, files in os.walk(directory):
            for name in [""] + files:
                shutil.chown(os.path.join(path, name), "postgres", "postgres")
    yield directory
    shutil.rmtree(directory)


def run(world, *words, bin=PGBIN, timeout=30):
    config = os.path.join(world, "holdfast.yaml")
    with open(config, "w") as file:
        file.write(re.sub(r"127\.([123])\.0", r"127.9\1.0", only(template(), "sqlite")).replace("@DIR@", world).replace("@PGBIN@", bin))
    os.chmod(config, 0o644)
    return subprocess.run([HOLDFAST, *words, "--config", config], capture_output=True, text=True, timeout=timeout, cwd="/", **as_user())


@pytest.mark.parametrize("role, address", [("control", "127.93.0.1:7080"), ("dns", "127.93.0.53:5353"), ("proxy", "127.93.0.54:6432")])
def test_address_in_use(world, role, address):
    host, port = address.split(":")
    with contextlib.ExitStack() as stack:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            taken = stack.enter_context(socket.socket(socket.AF_INET, kind))
            taken.bind((host, int(port)))
            if kind == socket.SOCK_STREAM:
                taken.listen()
        done = run(world, "serve", "--role", role, "--site", "witness")
    said = done.stdout + done.stderr
    print(said)
    assert done.returncode not in (0, 2) and address in said and "in use" in said


def test_missing_postgresql(world):
    done = run(world, "agent", "--node", "taiwan-a", bin="/nonexistent/bin")
    said = done.stdout + done.stderr
    print(said)
    assert done.returncode not in (0, 2) and "/nonexistent/bin" in said


@pytest.mark.parametrize("name, words", [("token", ("serve", "--role", "control", "--site", "witness")), ("token", ("agent", "--node", "taiwan-a")),
                                         ("pg-superuser", ("agent", "--node", "taiwan-a")),
                                         ("pg-replication", ("agent", "--node", "taiwan-a"))])
@pytest.mark.parametrize("bad", ["missing", "empty", "unreadable"])
def test_secret_that_cannot_be_read(world, name, words, bad):
    path = os.path.join(world, "secret", name)
    if bad == "missing":
        os.unlink(path)
    elif bad == "empty":
        os.truncate(path, 0)
    else:
        os.chmod(path, 0)
    done = run(world, *words)
    said = done.stdout + done.stderr
    print(said)
    assert done.returncode not in (0, 2) and path in said and os.listdir(os.path.join(world, "taiwan")) == []
