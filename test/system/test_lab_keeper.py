# SPDX-License-Identifier: Apache-2.0
"""Whatever happens to the one who started the lab, no process and no file of it stays."""
import contextlib
import os
import signal
import subprocess
import tempfile
import time

import pytest

BUILD = os.environ.get("HOLDFAST_BUILD", os.path.join(os.path.dirname(__file__), "..", "..", "build"))
KEEPER = os.path.join(os.path.abspath(BUILD), "lab", "lab-keeper")
# A service that leaves a child in a session of its own and ignores polite signals.
STUBBORN = "trap '' TERM HUP INT; (setsid sh -c 'trap \"\" TERM HUP; while :; do sleep 1; done' &) ; while :; do sleep 1; done"


def send(directory, group, *words, check=True):
    done = subprocess.run([KEEPER, "send", directory, group, *words], capture_output=True, text=True, timeout=120)
    if check:
        assert done.returncode == 0, done.stderr
    return done


def living(mark):
    """Processes, zombies left out, whose environment holds the mark."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                marked = f"HOLDFAST_TEST={mark}".encode() in file.read().split(b"\0")
            with open(f"/proc/{pid}/stat") as file:
                zombie = file.read().rsplit(")", 1)[1].split()[0] == "Z"
        except OSError:
            continue
        if marked and not zombie:
            found.append(int(pid))
    return found


def wait(condition, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError("did not come true in time")


@pytest.fixture
def lab(monkeypatch):
    """A lab with two groups of stubborn services, owned by a process of its own."""
    directory = os.path.join(tempfile.gettempdir(), f"holdfast-keeper-{os.getpid()}-{time.monotonic_ns()}")
    monkeypatch.setenv("HOLDFAST_TEST", directory)
    owner = subprocess.Popen(["sleep", "600"], env={"PATH": os.environ["PATH"]})
    subprocess.run([KEEPER, "root", directory, str(owner.pid)], check=True)
    for group in ("taiwan", "tokyo"):
        send(directory, "root", "group", group)
        for service in ("one", "two"):
            send(directory, group, "start", service, "-", "sh", "-c", STUBBORN)
    wait(lambda: len(living(directory)) >= 11)  # guardian, 2 groups, 4 services, 4 children
    yield directory, owner
    subprocess.run([KEEPER, "send", directory, "root", "end"], capture_output=True)
    owner.kill()
    owner.wait()
    wait(lambda: living(directory) == [])


def gone(directory):
    wait(lambda: living(directory) == [])
    wait(lambda: not os.path.exists(directory))


def test_end(lab):
    directory, _ = lab
    send(directory, "root", "end")
    gone(directory)


def test_owner_killed(lab):
    directory, owner = lab
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    gone(directory)


def test_disowned_lab_outlives_its_owner(lab):
    directory, owner = lab
    send(directory, "root", "disown")
    owner.kill()
    owner.wait()
    before = send(directory, "taiwan", "list").stdout
    assert before.count("pid") == 2
    send(directory, "root", "end")
    gone(directory)


def test_guardian_killed(lab):
    directory, _ = lab
    for pid in living(directory):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                words = file.read().split(b"\0")
            with open(f"/proc/{pid}/stat") as file:
                parent = int(file.read().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue  # a service's sleep that is over
        if words[1:2] == [b"root"] and parent not in living(directory):
            os.kill(pid, signal.SIGKILL)
            break
    else:
        raise AssertionError("no guardian found")
    wait(lambda: living(directory) == [])
    subprocess.run(["rm", "-rf", directory], check=True)


def test_region_dies_alone_and_comes_back(lab):
    directory, _ = lab
    before = time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000
    at_us, count = send(directory, "taiwan", "kill").stdout.split()
    assert before <= int(at_us) <= time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000
    assert int(count) >= 4
    assert send(directory, "taiwan", "list").stdout.count("killed by signal 9") == 2
    assert send(directory, "tokyo", "list").stdout.count("pid") == 2
    send(directory, "taiwan", "start", "one", "-", "sleep", "600")
    assert send(directory, "taiwan", "list").stdout.count("pid") == 1


@pytest.mark.skipif(os.geteuid() != 0 or subprocess.run(["unshare", "--net", "true"], capture_output=True).returncode != 0,
                    reason="network namespaces are not permitted")
@pytest.mark.parametrize("end", ["send", "owner"])
def test_a_groups_network_ends_with_it(lab, end):
    directory, owner = lab
    place = "/proc/%s/ns/net" % send(directory, "root", "group", "apart", "net").stdout.strip()
    send(directory, "apart", "start", "one", "-", "sleep", "600")
    mine = os.readlink(place)
    assert mine != os.readlink("/proc/self/ns/net")

    def members():
        found = 0
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                found += os.readlink(f"/proc/{pid}/ns/net") == mine
        return found
    wait(lambda: members() == 2)
    # A group that is killed keeps its network: a machine that lost its processes is still plugged in.
    send(directory, "apart", "kill")
    wait(lambda: members() == 1)
    if end == "send":
        send(directory, "root", "end")
    else:
        owner.kill()
        owner.wait()
    gone(directory)
    assert members() == 0


def test_commands_that_make_no_sense(lab):
    directory, _ = lab
    for group, *words in (("taiwan", "start", "one", "-", "true"), ("taiwan", "start", "../x", "-", "true"), ("taiwan", "nonsense"),
                          ("taiwan", "end"), ("taiwan", "stop", "nobody"), ("taiwan", "signal", "one", "x"), ("root", "kill"),
                          ("root", "group", "taiwan"), ("root", "group", "other", "nonsense"), ("nowhere", "list")):
        done = send(directory, group, *words, check=False)
        assert done.returncode == 1 and done.stderr, (group, words)
    assert send(directory, "tokyo", "list").stdout.count("pid") == 2


def test_program_that_is_not_there(lab):
    directory, _ = lab
    send(directory, "tokyo", "start", "three", "-", "/nonexistent/program")
    wait(lambda: "exited 127" in send(directory, "tokyo", "list").stdout)
    with open(os.path.join(directory, "log", "tokyo-three.log")) as file:
        assert "No such file" in file.read()


def test_directory_in_use(lab):
    directory, owner = lab
    done = subprocess.run([KEEPER, "root", directory, "0"], capture_output=True, text=True)
    assert done.returncode == 1 and "File exists" in done.stderr
