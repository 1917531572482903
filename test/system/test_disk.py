# SPDX-License-Identifier: Apache-2.0
"""The disk of the controller's store is full while a region is lost: nothing is decided on what cannot be recorded, nothing that
was acknowledged is lost, and with space again the failover goes on. The disk is a tiny tmpfs in a mount namespace of the test's
own, so this takes root, or a machine that lets ordinary users make such namespaces."""
import contextlib
import ctypes
import os
import shutil
import sqlite3
import subprocess
import time

import pytest

from lab import MOVED, Lab, boot_us, wait

CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000
MS_REC, MS_PRIVATE = 0x4000, 0x40000
LIBC = ctypes.CDLL(None, use_errno=True)


def mount_in_namespace(path, size):
    """A tmpfs there that only this process and those it starts can see. None, or why that is not possible here."""
    if os.geteuid() != 0:
        return "only root may mount"
    if LIBC.unshare(CLONE_NEWNS) != 0 or LIBC.mount(None, b"/", None, MS_REC | MS_PRIVATE, None) != 0:
        return "no mount namespace: " + os.strerror(ctypes.get_errno())
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=%d,mode=0777" % size, "holdfast-test", path], capture_output=True, text=True)
    return None if done.returncode == 0 else "no tmpfs: " + done.stderr


@pytest.fixture(scope="module")
def lab():
    lab = Lab(("path: @DIR@/witness/holdfast.db", "path: @SCRATCH@/store/holdfast.db"))
    lab.disk = os.path.join(lab.scratch, "store")
    os.mkdir(lab.disk)
    problem = mount_in_namespace(lab.disk, 8 * 1024 * 1024)
    if problem is not None:
        lab.down()
        pytest.skip(problem)
    try:
        with lab:
            lab.clients()
            lab.wait_healthy()
            lab.wait_member("tokyo-a")
            yield lab
    finally:
        subprocess.run(["umount", "-l", lab.disk], check=False)
        shutil.rmtree(lab.scratch, ignore_errors=True)


def fill(lab):
    """Not a byte is left, also not at the end of the log that SQLite has room in: all is taken away from under it."""
    path = os.path.join(lab.disk, "filler")
    with open(path, "wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    return path


def full(lab):
    return "free space on the disk" in lab.log("witness", "holdfast").split("writes succeed again")[-1]


def grow(lab):
    for verb in ("pause", "resume"):
        lab.call("/v1/" + verb, {"reason": "something to write"}, timeout=1)


def test_failover_while_the_store_is_full(lab):
    epoch, before, since = lab.epoch(), lab.run()["id"], boot_us()
    entries = lab.newest_event()
    path = fill(lab)
    # What SQLite wrote before stays usable until its log has to grow: happenings make it grow.
    wait(lambda: grow(lab) or full(lab), 60, "the store says that it is full", pause=0.01)
    # The store says it, and the decision loop when its commit comes back.
    for said in "no space left: nothing is lost", "free space on the disk of store.path":
        wait(lambda: said in lab.log("witness", "holdfast"), 60, said)
    # A full store is no outage: the writer goes on.
    told = boot_us()
    wait(lambda: lab.acknowledged(told + 3_000_000, tier=1), 60, "tier-1 rows are acknowledged all the while")
    lab.kill_region("taiwan")
    end = time.monotonic() + 8  # a failover takes 2 s
    while time.monotonic() < end:
        assert len(lab.writers()) <= 1  # taiwan is dead, and tokyo may not take over on what nobody has recorded
        time.sleep(0.3)
    assert lab.writers() == [] and "nothing is decided or done until it can be written again" in lab.log("witness", "holdfast")
    os.remove(path)
    run = lab.wait_failover(before)
    assert run["state"] in MOVED, run
    lab.wait_served()
    assert lab.epoch() > epoch and "writes succeed again" in lab.log("witness", "holdfast")
    lab.one_writer("tokyo-a")
    lab.check_rows("tokyo-a")
    events = [event["number"] for event in lab.events(entries)]
    assert events == sorted(events) and len(events) == len(set(events))
    print("the store was full: served again %d ms after the region was lost" % (lab.longest_silence_us(since, boot_us()) // 1000))


def test_the_journal_is_whole(lab):
    """Every acknowledged entry is there, and the file is sound."""
    lab.keeper("witness", "stop", "holdfast")
    with contextlib.closing(sqlite3.connect(os.path.join(lab.disk, "holdfast.db"))) as store:
        assert store.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        numbers = [number for number, in store.execute("SELECT number FROM journal ORDER BY number")]
        kinds = {kind for kind, in store.execute("SELECT kind FROM journal")}
    assert numbers == list(range(1, len(numbers) + 1)) and {"RUN_STARTED", "RUN_ENDED"} <= kinds
    lab.start_region("witness")
    # With taiwan lost and the witness away nobody was left to promise anything: the writer had fenced itself.
    wait(lambda: lab.writes("tokyo"), 60, "it goes on with what it has")
    assert lab.run()["state"] in MOVED
    lab.one_writer("tokyo-a")
    lab.check_rows("tokyo-a")
