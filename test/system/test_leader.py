# SPDX-License-Identifier: Apache-2.0
"""Three controllers over etcd: one leads, and whatever happens to it, to the store or in the middle of a run, the service goes on
under one writer. One lab, and one story: each test goes on where the one before it ended."""
import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

import pytest

from lab import ENDED, OPENER, Lab, wait

SITES = ("taiwan", "tokyo", "witness")
ADDRESSES = {site: "127.%d.0.1:7080" % n for n, site in enumerate(SITES, 1)}
MEMBERS = {site: "127.%d.0.61" % n for n, site in enumerate(SITES, 1)}
STORE = "  kind: etcd\n  timeout: 300ms\n  endpoints: [ %s ]\n" % ", ".join('"%s:2379"' % host for host in MEMBERS.values())
ENDED_RIGHT = "the right to lead has ended"
# The controllers of the lab over etcd, but with members of our own: they are stopped while the sites' processes go on.
CHANGES = [("  kind: sqlite #sqlite\n  path: @DIR@/witness/holdfast.db #sqlite\n", STORE),
           ("cooldown: 30s", "cooldown: 1s\n  flapping_transitions: 100")]
for _site in ("taiwan", "tokyo"):
    CHANGES.append(("    region: %s\n    roles: [observer, dns, proxy] #sqlite\n" % _site,
                    "    region: %s\n    roles: [control, dns, proxy]\n    api: { listen: \"%s\" }\n" % (_site, ADDRESSES[_site])))


class Etcd:
    """Three members, each a process of its own."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="holdfast-etcd-")
        cluster = ",".join("%s=http://%s:2380" % (site, host) for site, host in MEMBERS.items())
        self.members = {}
        for site, host in MEMBERS.items():
            with open(os.path.join(self.dir, site + ".log"), "w") as log:
                self.members[site] = subprocess.Popen(
                    ["etcd", "--name", site, "--data-dir", os.path.join(self.dir, site), "--listen-client-urls", "http://%s:2379" % host,
                     "--advertise-client-urls", "http://%s:2379" % host, "--listen-peer-urls", "http://%s:2380" % host,
                     "--initial-advertise-peer-urls", "http://%s:2380" % host, "--initial-cluster", cluster,
                     "--heartbeat-interval", "100", "--election-timeout", "1000"], stdout=log, stderr=log, cwd="/")
        wait(lambda: all(self.healthy(host) for host in MEMBERS.values()), 60, "etcd is healthy")

    @staticmethod
    def healthy(host):
        try:
            with OPENER.open("http://%s:2379/health" % host, timeout=2) as answer:
                return json.loads(answer.read())["health"] == "true"
        except (OSError, ValueError, urllib.error.URLError):
            return False

    def signal(self, sites, number):
        for site in sites:
            self.members[site].send_signal(number)

    def close(self):
        for member in self.members.values():
            member.send_signal(signal.SIGCONT)
            member.kill()
            member.wait()
        shutil.rmtree(self.dir, ignore_errors=True)


class Labs(Lab):
    """The lab with a controller in each site: asked is whichever answers, answered by whoever leads."""

    def one(self, address, path, body=None, timeout=5):
        request = urllib.request.Request("http://" + address + path, None if body is None else json.dumps(body).encode(), {
            "Authorization": "Bearer " + self.secret("token"), "Content-Type": "application/json"})
        try:
            with OPENER.open(request, timeout=timeout) as answer:
                text = answer.read()
                return answer.status, json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"null")
        except (OSError, ValueError, urllib.error.URLError):
            return 0, None

    def call(self, path, body=None, timeout=5):
        status, answer = 0, None
        for address in ADDRESSES.values():
            status, answer = self.one(address, path, body, timeout)
            if status == 307:
                status, answer = self.one(answer["leader"], path, body, timeout)
            if status not in (0, 307, 503):
                return status, answer
        return status, answer

    def pictures(self):
        """What each controller that answers says about who leads."""
        found = {site: self.one(address, "/v1/controllers", timeout=2) for site, address in ADDRESSES.items()}
        return {site: answer for site, (status, answer) in found.items() if status == 200}

    def leader(self):
        """The site whose controller leads; never two of one moment (a deposed one may still be writing its last word)."""
        pictures = self.pictures()
        leading = [site for site, picture in pictures.items() if picture["leads"]]
        return max(leading, key=lambda site: pictures[site]["term"], default="")

    def wait_leader(self, but="", seconds=60):
        return wait(lambda: self.leader() not in ("", but) and self.leader(), seconds, "a controller leads that is not '%s'" % but)

    def term(self):
        return max((picture["term"] for picture in self.pictures().values()), default=0)

    @contextlib.contextmanager
    def without_control(self, site):
        """The site's controller is killed and stays dead meanwhile."""
        supervisor = self.services(site)["holdfast"]
        os.kill(supervisor, signal.SIGSTOP)
        try:
            self.kill_role(site, "control")
            yield
        finally:
            os.kill(supervisor, signal.SIGCONT)

    def settled(self):
        self.wait_leader()
        self.wait_healthy()
        wait(lambda: len(self.pictures()) == 3 and all(picture["reachable"] == 3 for picture in self.pictures().values()), 60,
             "all controllers are there")


@pytest.fixture(scope="module")
def etcd():
    if shutil.which("etcd") is None:
        pytest.skip("etcd is not installed")
    etcd = Etcd()
    yield etcd
    etcd.close()


@pytest.fixture(scope="module")
def lab(etcd):
    with Labs(*CHANGES) as lab:
        lab.clients()
        lab.settled()
        lab.wait_member("tokyo-a")
        yield lab


def test_one_leads_outside_the_writers_region(lab):
    # Whoever came first: the writer is in taiwan, so its controller hands the lead over to one of the others.
    leader = wait(lambda: lab.leader() in ("tokyo", "witness") and lab.leader(), 60, "the leader is not beside the writer")

    def agreed():
        """The followers hear of it a moment later."""
        pictures = lab.pictures()
        return (len(pictures) == 3 and {picture["leader"] for picture in pictures.values()} == {leader} and
                len({picture["term"] for picture in pictures.values()}) == 1 and
                [site for site, picture in pictures.items() if picture["leads"]] == [leader])
    wait(agreed, 60, "all say that %s leads" % leader)


def test_a_follower_serves_its_host_and_sends_to_the_leader(lab):
    leader = lab.wait_leader()
    follower = next(site for site in SITES if site != leader)
    address = ADDRESSES[follower]
    with OPENER.open("http://%s/healthz" % address, timeout=5) as answer:
        assert answer.status == 200
    with OPENER.open("http://%s/v1/view" % address, timeout=5) as answer:
        assert answer.status == 200 and len(answer.read()) > 1000
    with OPENER.open("http://%s/metrics" % address, timeout=5) as answer:
        assert 'controller_leader{site="%s"} 0' % follower in answer.read().decode()
    status, answer = lab.one(address, "/v1/pause", {"reason": "system test"})
    assert status == 307 and answer["code"] == "NOT_LEADER" and answer["leader"] == ADDRESSES[leader]
    status, answer = lab.one(address, "/v1/agents/report", {"protocol": 2})
    assert status == 409 and "protocol 2, this controller understands 1: update the older" in answer["detail"], "an agent of another release"
    # The query survives the redirection, which urllib follows.
    status, answer = lab.one(address, "/v1/events?after=0")
    assert status == 200 and answer["events"]
    status = subprocess.run([os.path.join(os.environ["HOLDFAST_BUILD"], "src", "bin", "holdfast"), "status", "--api", address],
                            capture_output=True, text=True, timeout=30)
    assert "leader " + leader in status.stdout and "follower" in status.stdout, status.stdout + status.stderr


def kill_leaders_in(lab, run, steps, seconds=240):
    """The leader is killed once in each of these steps, as far as they are seen, and stays dead until another leads."""
    end, killed = time.monotonic() + seconds, []
    while time.monotonic() < end and lab.run(run)["state"] not in ENDED:
        found = lab.run(run)
        present = next((step["name"] for step in found["steps"] if step["state"] == "running"), None)
        leader = lab.leader()
        if present in steps and present not in killed and leader:
            with lab.without_control(leader):
                killed.append(present)
                lab.wait_leader(but=leader)
        time.sleep(0.02)
    return killed


def test_switchover_with_leaders_killed(lab):
    lab.settled()
    epoch = lab.epoch()
    number = lab.begin("switchover", source="taiwan", target="tokyo")
    killed = kill_leaders_in(lab, number, {"HOLD", "STOP", "PROMOTE", "REJOIN", "SHIFT_50"})
    print("leaders were killed in", killed)
    assert killed
    run = lab.wait_run(number)
    assert run["state"] in ("succeeded", "unproven"), run
    lab.wait_served()
    assert lab.epoch() > epoch
    lab.one_writer("tokyo-a")
    lab.check_rows("tokyo-a")


def test_the_leader_that_stands_still_is_deposed(lab):
    lab.settled()
    # The writer is in tokyo now, and with it the worse rank.
    leader = wait(lambda: lab.leader() in ("taiwan", "witness") and lab.leader(), 60, "the leader is not beside the writer")
    term, epoch, runs = lab.term(), lab.epoch(), lab.run()["id"]
    frozen = lab.role(leader, "control")
    os.kill(frozen, signal.SIGSTOP)
    try:
        lab.wait_leader(but=leader)
        assert lab.term() > term
    finally:
        os.kill(frozen, signal.SIGCONT)
    wait(lambda: lab.role(leader, "control") not in (0, frozen), 30, "the deposed process ends and begins anew")
    lab.settled()
    assert lab.epoch() == epoch and lab.run()["id"] == runs
    lab.one_writer("tokyo-a")


def test_without_the_stores_majority_nobody_decides_and_clients_are_served(lab, etcd):
    lab.settled()
    leader, epoch, runs = lab.leader(), lab.epoch(), lab.run()["id"]
    lost = [site for site in SITES if site != "witness"]
    ended = lab.log(leader, "holdfast").count(ENDED_RIGHT)
    etcd.signal(lost, signal.SIGSTOP)
    try:
        # Its right has ended, it goes on answering readers, and it decides nothing. What is ordered before that may be in the
        # store's queue, and be true once the majority is back.
        wait(lambda: lab.log(leader, "holdfast").count(ENDED_RIGHT) > ended, 60, "the leader has lost its right")
        wait(lambda: lab.one(ADDRESSES[leader], "/v1/status")[0] == 200 and
             lab.start_run("switchover", source="tokyo", target="taiwan")[0] not in (0, 202), 60, "an order is refused")
        away = time.monotonic() + 8  # more than two leases of the writer
        while time.monotonic() < away:
            assert lab.writes("tokyo") and lab.writes("witness")
    finally:
        etcd.signal(lost, signal.SIGCONT)
    lab.settled()
    assert lab.epoch() == epoch and lab.run()["id"] == runs
    lab.wait_served()
    lab.one_writer("tokyo-a")
    lab.check_rows("tokyo-a")


def test_failover_with_leaders_killed(lab):
    lab.settled()
    wait(lambda: lab.leader() not in ("", "tokyo"), 60, "the leader is not beside the writer")
    lab.wait_member("taiwan-a")
    epoch, before = lab.epoch(), lab.run()["id"]
    lab.kill_region("tokyo")
    run, killed = before, []
    for _ in range(4):
        run = lab.wait_new_run(run)
        # Of the three sites one is dead with its region: who is killed now is back when the next one is to be.
        killed += kill_leaders_in(lab, run, {"FENCE", "PROMOTE", "ROUTE_SQL", "VERIFY"})
        ended = lab.wait_run(run)
        if ended["state"] != "refused":
            break  # else the leader tries again: the target's reports were old for a moment
    print("leaders were killed in", killed)
    assert killed
    assert ended["state"] in ("succeeded", "unproven"), ended
    assert lab.epoch() > epoch
    lab.one_writer("taiwan-a")
    lab.check_rows("taiwan-a")
    lab.start_region("tokyo")
    lab.settled()
