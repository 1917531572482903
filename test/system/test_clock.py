# SPDX-License-Identifier: Apache-2.0
"""The wall clock set by an hour under every Holdfast process (shim.c): nothing moves, no right ends, no answer changes; what is
counted in durations stays as it was, and the log says what happened."""
import os
import signal
import struct
import time

import dns.message
import dns.query
import dns.rdatatype
import pytest

from lab import MOVED, PROXIES, RESOLVERS, Lab, alive, wait
from plain import BUILD

HOUR_US = 3600 * 1000000
SHIM = os.path.join(BUILD, "test", "system", "shim.so")


class ClockLab(Lab):
    def __init__(self, *changes):
        super().__init__(*changes)
        assert os.path.exists(SHIM), SHIM
        self.offset = os.path.join(self.scratch, "offset")
        self.env.update(LD_PRELOAD=SHIM, SHIM_CLOCK=self.offset)
        with open(self.offset, "wb") as file:
            file.write(struct.pack("=q", 0))
        os.chmod(self.offset, 0o644)

    def set_clock(self, us):
        with open(self.offset, "r+b", buffering=0) as file:
            file.write(struct.pack("=q", us))


@pytest.fixture(scope="module")
def lab():
    with ClockLab(("cooldown: 30s", "cooldown: 1s\n  flapping_transitions: 100")) as lab:
        lab.clients()
        lab.wait_healthy()
        lab.wait_member("tokyo-a")
        yield lab


def answer(site):
    """(TTL, serial of the zone) as the site's DNS server says now."""
    address = dns.query.udp(dns.message.make_query("www.example.test.", "A"), RESOLVERS[site], port=5353, timeout=10).answer[0]
    zone = dns.query.udp(dns.message.make_query("example.test.", "SOA"), RESOLVERS[site], port=5353, timeout=10).answer[0]
    assert address.rdtype == dns.rdatatype.A and len(address) >= 1
    return address.ttl, zone[0].serial


def check_quiet(lab, before):
    """Nothing was moved, and no right was lost: it is still the same server that writes."""
    lab.wait_served()
    lab.wait_healthy()
    assert lab.run()["id"] == before["id"] and lab.writer() == "taiwan-a" and lab.epoch() == before["epoch"]
    assert {region["state"] for region in lab.status()["regions"]} == {"SERVING"}
    assert lab.postmaster("taiwan-a") == before["server"]
    kinds = {event["kind"] for event in lab.events(before["event"])}
    assert not kinds & {"NODE_SILENT", "SITE_SILENT", "CHECK_FAILED", "LEASE", "DURABILITY_SHRUNK", "RUN_STARTED"}, kinds


@pytest.mark.parametrize("us", [HOUR_US, 0, -HOUR_US], ids=["forward", "back", "further_back"])
def test_clock_is_set(lab, us):
    before = {"id": lab.run()["id"], "epoch": lab.epoch(), "event": lab.newest_event(), "server": lab.postmaster("taiwan-a")}
    ttl, serial = answer("taiwan")
    told = lab.log("witness", "holdfast").count("the clock of this machine was set")
    lab.set_clock(us)
    end = time.monotonic() + 7  # two leases
    while time.monotonic() < end:
        for site in RESOLVERS:
            now_ttl, now_serial = answer(site)
            assert now_ttl == ttl and now_serial >= serial
        assert all(lab.writes(site) for site in PROXIES)
        time.sleep(0.2)
    check_quiet(lab, before)
    for service in ("agent-taiwan-a", "agent-taiwan-b"):
        assert "set %s by 3600 s" % ("forward" if us > 0 else "back") in lab.log("taiwan", service)
    assert lab.log("witness", "holdfast").count("the clock of this machine was set") == told + 1
    # The API's own clock is the one that was set.
    assert abs(lab.status()["now_ms"] * 1000 - (time.time_ns() // 1000 + us)) < 60_000_000


def test_switchover_with_the_clock_set_back_in_the_middle(lab):
    lab.set_clock(0)
    lab.wait_healthy()
    after, began = lab.newest_event(), time.monotonic()
    number = lab.begin("switchover", source="taiwan", target="tokyo")
    lab.set_clock(-HOUR_US)
    run = lab.wait_run(number)
    took_ms = (time.monotonic() - began) * 1000
    assert run["state"] in MOVED, run
    # Durations know nothing of it.
    assert all(0 <= step["ended_boot_us"] - step["started_boot_us"] <= took_ms * 1000 for step in run["steps"] if step["state"] == "done")
    entries = lab.events(after)
    assert [entry["number"] for entry in entries] == sorted(entry["number"] for entry in entries)
    moments = [entry["boot_us"] for entry in entries if entry["run"] == number]
    assert len(moments) > 10 and moments == sorted(moments)
    lab.wait_served()
    lab.one_writer("tokyo-a")
    lab.check_rows("tokyo-a")


def test_processes_that_start_with_the_clock_set_back(lab):
    """The controller and the agents find records of a time that has not come yet."""
    lab.set_clock(0)
    lab.wait_healthy()
    run, epoch = lab.run()["id"], lab.epoch()
    lab.set_clock(-HOUR_US)
    old = lab.kill_role("witness", "control")
    wait(lambda: lab.role("witness", "control") not in (0, old), 30, "control is back")
    agent = lab.agent("taiwan-b")
    os.kill(agent, signal.SIGKILL)
    wait(lambda: not alive(agent), 60, "the agent is gone")
    lab.start_region("taiwan")
    lab.wait_served()
    lab.wait_healthy()
    assert lab.run()["id"] == run and lab.epoch() == epoch
    lab.one_writer("tokyo-a")
    lab.wait_member("taiwan-a")
    before = lab.newest_event()
    assert lab.move("failback", target="taiwan", mode="emergency")["state"] in MOVED
    numbers = [entry["number"] for entry in lab.events(before)]
    assert numbers == sorted(numbers)
    lab.wait_served()
    lab.one_writer(lab.writer())
    lab.check_rows(lab.writer())
