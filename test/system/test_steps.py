# SPDX-License-Identifier: Apache-2.0
"""The control process killed in every step of every plan, twice. A shim (shim.c) stops it at both ends of each commit of its
store, so no step is too quick: the first kill falls right behind the commit that begins the step, when nothing of it has been
done; the second before the next write, when something has happened that nobody has recorded."""
import contextlib
import os
import shutil
import signal
import sqlite3
import threading
import time

import pytest

from lab import ENDED, MOVED, Lab, children, wait
from plain import BUILD

QUICK = [("min_stable: 5s", "min_stable: 3s"), ("hold: 6s", "hold: 3s"), ("hold: 5s", "hold: 2s"),
         ("min_requests: 20", "min_requests: 5"), ("max_error_rate: 2%", "max_error_rate: 20%"), ("max_p95: 500ms", "max_p95: 5s"),
         ("cooldown: 30s", "cooldown: 1s\n  flapping_transitions: 100")]
SHIM = os.path.join(BUILD, "test", "system", "shim.so")


class HaltedLab(Lab):
    """A lab whose control process can be made to stop at each commit."""

    def __init__(self, *changes):
        super().__init__(*changes)
        assert os.path.exists(SHIM), SHIM
        self.halt = os.path.join(self.scratch, "halt")
        self.env.update(LD_PRELOAD=SHIM, SHIM_HALT=self.halt)
        self.supervisor = 0

    @contextlib.contextmanager
    def halting(self):
        with open(self.halt, "w"):
            pass
        self.supervisor = self.services("witness")["holdfast"]
        try:
            yield
        finally:
            os.remove(self.halt)
            for pid in children(self.supervisor):
                os.kill(pid, signal.SIGCONT)

    def halted(self):
        """The control process, once it has stopped; 0 while it runs or is not there."""
        for pid in children(self.supervisor):
            try:
                with open("/proc/%d/cmdline" % pid, "rb") as file:
                    control = b"--role\0control" in file.read()
                with open("/proc/%d/stat" % pid) as file:
                    state = file.read().rsplit(")", 1)[1].split()[0]
            except OSError:
                continue
            if control:
                return pid if state == "T" else 0
        return 0

    def committed(self, run):
        """(kind, step) of the run, in order, from a copy of the store as the halted process left it."""
        copy = os.path.join(self.scratch, "copy.db")
        for end in ("", "-wal"):
            with contextlib.suppress(FileNotFoundError):
                os.remove(copy + end)
            with contextlib.suppress(FileNotFoundError):
                shutil.copyfile(os.path.join(self.dir, "witness", "holdfast.db") + end, copy + end)
        with contextlib.closing(sqlite3.connect(copy)) as store:
            rows = store.execute("SELECT kind, json_extract(text, '$.text') FROM journal WHERE run = ? ORDER BY number", (str(run),))
            return [(kind, text.split(": ")[1].split()[0] if kind.startswith("STEP_") else text) for kind, text in rows]


@pytest.fixture(scope="module")
def lab():
    with HaltedLab(*QUICK) as lab:
        lab.clients()
        lab.wait_healthy()
        lab.wait_member("tokyo-a")
        yield lab


def under_way(events):
    """The step that has begun and has not ended; None when there is none."""
    present = None
    for kind, step in events:
        if kind.startswith("STEP_"):
            present = step if kind == "STEP_STARTED" else None
    return present


def kill_twice_in_every_step(lab, run, kills=None, seconds=240):
    """Inside lab.halting(). Counts into `kills` how often control was killed in each step, until the run has ended."""
    kills, seen = {} if kills is None else kills, 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pid = lab.halted()
        if pid == 0:
            time.sleep(0.0005)
            continue
        events = lab.committed(run)
        present = under_way(events)
        begun = sum(event == ("STEP_STARTED", present) for event in events)
        # The second time: not where the step has begun again, but at the stop after that.
        again = begun == seen
        seen = begun
        if present and (kills.get(present, 0) == 0 or (kills[present] == 1 and again and begun > 1)):
            kills[present] = kills.get(present, 0) + 1
            seen = 0
            os.kill(pid, signal.SIGKILL)
            wait(lambda: not os.path.exists("/proc/%d/stat" % pid) or lab.halted() != pid, 10, pause=0.001)
        else:
            os.kill(pid, signal.SIGCONT)  # when this returns it is not stopped any more, or stopped anew
            if any(kind == "RUN_ENDED" for kind, _ in events):
                return kills
    raise AssertionError("the run did not end in %d s: %s, killed in %s" % (seconds, lab.committed(run)[-10:], kills))


def check_every_step(lab, run, kills):
    ended = lab.wait_run(run)
    # Unproven: a reader's word that did not come while control was being killed.
    assert ended["state"] in MOVED, ended
    steps = [step for step in ended["steps"] if step["state"] != "skipped"]
    # Begun and ended by one decision, in one commit: there is no instant at which such a step could be killed. What CATCH_UP waits
    # for may be told while the commit that begins it is on its way; so may any step that is begun again.
    instant = [step["name"] for step in steps if step["started_boot_us"] == step["ended_boot_us"] or step["name"] == "CATCH_UP"]
    once = [step for step, count in kills.items() if count == 1]
    print("%s %d: control was killed %d times: %s; perhaps never under way in the store: %s" % (
        ended["kind"], run, sum(kills.values()), kills, instant))
    assert {step["name"] for step in steps} == set(kills) | set(instant)
    assert len(set(once) - set(instant)) <= 2, once


def check_writer(lab, region, epoch):
    """Either node of taiwan may have been chosen: a controller that has just started knows whom it has heard."""
    lab.wait_served()
    assert lab.writer().startswith(region + "-") and lab.epoch() > epoch
    lab.one_writer(lab.writer())
    lab.check_rows(lab.writer())


@contextlib.contextmanager
def meanwhile(action):
    """The action again and again in a thread of its own, until it says that it is done: the API answers only while control runs."""
    over = threading.Event()

    def act():
        while not over.is_set() and not action():
            over.wait(0.3)
    thread = threading.Thread(target=act)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_failover(lab):
    epoch, run = lab.epoch(), lab.run()["id"] + 1
    with lab.halting():
        lab.kill_region("taiwan")
        kills = kill_twice_in_every_step(lab, run)
    check_every_step(lab, run, kills)
    check_writer(lab, "tokyo", epoch)
    assert lab.run()["id"] == run and lab.share("taiwan") == 0


def until_moved(lab, move):
    """A planned move that is refused (a target that was busy for a moment) or called off by the guard of its canary changes nothing
    and may be asked for again."""
    for _ in range(3):
        writer, (epoch, run, kills) = lab.writer(), move(lab)
        ended = lab.wait_run(run)
        if ended["state"] not in ("refused", "compensated"):
            break
        print(ended["state"], ended.get("problem"), [step["detail"] for step in ended["steps"] if step["state"] == "undone"])
        lab.wait_served()
        assert lab.writer() == writer, ended
    return epoch, run, kills


def fail_back(lab):
    lab.wait_healthy()
    lab.wait_member("taiwan-a")
    lab.wait_fit("failback", target="taiwan")
    epoch, run, kills = lab.epoch(), lab.run()["id"] + 1, {}

    def begin_and_approve():
        state = lab.run(run)["state"]
        if state == "none":
            lab.start_run("failback", target="taiwan")
        elif state == "waiting" and kills.get("APPROVAL") == 2:
            lab.call("/v1/runs/%d/approve" % run, {"reason": "system test", "who": "test"})
        return state in ENDED
    with lab.halting(), meanwhile(begin_and_approve):
        kill_twice_in_every_step(lab, run, kills)
    return epoch, run, kills


def test_failback(lab):
    lab.start_region("taiwan")
    epoch, run, kills = until_moved(lab, fail_back)
    check_every_step(lab, run, kills)
    check_writer(lab, "taiwan", epoch)
    assert lab.share("taiwan") == 100


def switch_over(lab):
    lab.wait_healthy()
    lab.wait_member("tokyo-a")
    lab.wait_fit("switchover", source="taiwan", target="tokyo")
    epoch, run = lab.epoch(), lab.run()["id"] + 1

    def begin():
        """Asked again only while it has not begun: control may have been killed before it heard of it."""
        if lab.run(run)["state"] == "none":
            lab.start_run("switchover", source="taiwan", target="tokyo")
        return lab.run(run)["state"] != "none"
    with lab.halting(), meanwhile(begin):
        kills = kill_twice_in_every_step(lab, run)
    return epoch, run, kills


def test_switchover(lab):
    epoch, run, kills = until_moved(lab, switch_over)
    check_every_step(lab, run, kills)
    check_writer(lab, "tokyo", epoch)
    assert lab.run()["id"] == run
