# SPDX-License-Identifier: Apache-2.0
"""Processes that die, and a witness that is away: the data planes go on answering, and nothing moves that need not."""
import os
import re
import signal
import socket
import struct
import subprocess
import time

import dns.edns
import dns.exception
import dns.message
import dns.query
import pytest

from lab import HOLDFAST, PROXIES, RESOLVERS, Lab, alive, boot_us, children, wait


NEAR = ("    www: { endpoint: web, ttl: 1s }\n", """    www: { endpoint: web, ttl: 1s }
    near: { endpoint: web, ttl: 1s, policy: near }
  policies:
    near: { latency: { measured: [ taiwan, tokyo ], default: tokyo } }
""")


@pytest.fixture(scope="module")
def lab():
    with Lab(NEAR) as lab:
        lab.clients()
        lab.wait_healthy()
        lab.wait_member("tokyo-a")
        yield lab


def resolves(site, address=None):
    """Whether the site's DNS server answers for www (with this address)."""
    try:
        answer = dns.query.udp(dns.message.make_query("www.example.test.", "A"), RESOLVERS[site], port=5353, timeout=10)
    except (OSError, dns.exception.DNSException):
        return False
    found = [str(item) for rrset in answer.answer for item in rrset]
    return bool(found) and (address is None or address in found)


def both_planes(lab, sites=tuple(RESOLVERS)):
    return all(resolves(site) and lab.writes(site) for site in sites)


def quiet(lab, run):
    """Nothing was moved, and all is well."""
    lab.wait_healthy()
    assert lab.run()["id"] == run["id"] and lab.writer() == "taiwan-a" and lab.epoch() == 1
    assert {region["state"] for region in lab.status()["regions"]} == {"SERVING"}


def knock(proxy, source):
    """A client of that address, which leaves when it is asked for its password."""
    words = b"user\0shop_tier1\0database\0shop\0\0"
    with socket.socket() as client:
        client.settimeout(60)
        client.bind((source, 0))
        client.connect((proxy, 6432))
        client.sendall(struct.pack("!ii", len(words) + 8, 196608) + words)
        assert client.recv(1) == b"R"


def test_clients_are_measured_where_they_connect(lab):
    """From the kernel of a proxy through its host's observer to the controller, and back to every host's DNS server."""
    for _ in range(3):
        for site in ("taiwan", "tokyo"):
            knock(PROXIES[site], "127.77.7.7")

    def measured():
        status, found = lab.call("/v1/latency")
        rows = [row for row in found["networks"] if row["network"] == "127.77.7.0/24"] if status == 200 else []
        return rows and {region["region"] for region in rows[0]["regions"]} == {"taiwan", "tokyo"}
    wait(measured, 60, "both regions have a time")

    def explained():
        out = subprocess.run([HOLDFAST, "dns", "explain", "near", "--client", "127.77.7.9", "--config", lab.config, "--site", "tokyo"],
                             capture_output=True, text=True, check=True).stdout
        return all(re.search(region + r" +\d+\.\d ms away, measured \d+ s ago", out) for region in ("taiwan", "tokyo"))
    wait(explained, 120, "tokyo's host has the table")

    def scope():
        query = dns.message.make_query("near.example.test.", "A", use_edns=0, options=[dns.edns.ECSOption("127.77.7.0", 24)])
        answer = dns.query.udp(query, RESOLVERS["tokyo"], port=5353, timeout=10)
        return [option.scopelen for option in answer.options if option.otype == dns.edns.ECS]
    wait(lambda: scope() == [24], 60, "its DNS server leads by it")


def test_control_killed_and_held_down(lab):
    run, server = lab.run(), lab.postmaster("taiwan-a")
    # Each time it comes back it is killed again: a gap of some seconds.
    gap_end = time.monotonic() + 7
    answered = 0
    while time.monotonic() < gap_end or answered < 3:
        if lab.role("witness", "control"):
            lab.kill_role("witness", "control")
        assert both_planes(lab)
        answered += 1
    wait(lambda: lab.call("/v1/status")[0] == 200, 30, "the API answers again")
    lab.wait_served()
    assert lab.postmaster("taiwan-a") == server  # the right never ended: nobody killed the writer
    quiet(lab, run)


@pytest.mark.parametrize("role", ["dns", "proxy"])
@pytest.mark.parametrize("site", ["witness", "taiwan"])
def test_data_plane_killed_comes_back(lab, site, role):
    run = lab.run()
    old = lab.kill_role(site, role)
    works = (lambda: resolves(site)) if role == "dns" else (lambda: lab.writes(site))
    wait(lambda: lab.role(site, role) not in (0, old) and works(), 60, role + " answers again", pause=0.05)
    lab.wait_served()
    quiet(lab, run)


def test_supervisor_killed_takes_its_children_with_it(lab):
    run = lab.run()
    supervisor = lab.services("taiwan")["holdfast"]
    roles = wait(lambda: len(children(supervisor)) == 3 and children(supervisor), 60, "it has three roles")
    os.kill(supervisor, signal.SIGKILL)
    wait(lambda: not any(alive(pid) for pid in roles), 60, "the roles end with their supervisor")
    lab.start_region("taiwan")
    wait(lambda: both_planes(lab, ["taiwan"]), 60, "taiwan's planes answer again")
    lab.wait_served()
    quiet(lab, run)


def test_witness_away(lab):
    run, server = lab.run(), lab.postmaster("taiwan-a")
    lab.kill_region("witness")
    away = time.monotonic() + 12  # four leases
    while time.monotonic() < away:
        assert both_planes(lab, ["taiwan", "tokyo"])
        time.sleep(0.5)
    assert lab.postmaster("taiwan-a") == server  # the right never ended: nobody killed the writer
    assert lab.writers() == ["taiwan-a"]
    lab.start_region("witness")
    lab.wait_served()
    quiet(lab, run)
    lab.check_rows("taiwan-a")


def test_witness_and_one_agent_away(lab):
    """Nobody is left to promise: the writer must not go on, and does when they are back."""
    run = lab.run()
    lab.kill_region("witness")
    time.sleep(1)
    os.kill(lab.agent("tokyo-a"), signal.SIGKILL)
    # The right lasts 3 s, and was renewed at the latest a moment ago. A client may be slow to write down what it was told.
    ended = boot_us() + 5_000_000
    wait(lambda: lab.writers() == [], 60, "the writer fenced itself")
    wait(lambda: boot_us() > ended + 2_000_000, 60)
    assert lab.acknowledged(ended, tier=1) == [] and not lab.writes("taiwan") and not lab.writes("tokyo")
    back = boot_us()
    lab.start_region("tokyo")
    lab.start_region("witness")
    lab.wait_served(back, 90)
    lab.wait_healthy()
    # It goes on where it was, or tokyo took over before it was up again: both are right.
    writer = lab.writer()
    print("both were away: %d runs, writer %s, epoch %d" % (lab.run()["id"] - run["id"], writer, lab.epoch()))
    lab.one_writer(writer)
    lab.check_rows(writer)
