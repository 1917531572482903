# SPDX-License-Identifier: Apache-2.0
"""Cut links between sites that are network namespaces. One lab, and one story: each test goes on where the one before it ended.
The clients stand at the desk, which loses only the site that is cut off from everybody."""
import contextlib
import os
import subprocess
import time

import psycopg2
import pytest

from apart import Apart, enter, possible
from lab import BIN, NODES, PROXIES, boot_us, wait

CHANGES = [("cooldown: 30s", "cooldown: 1s\n  flapping_transitions: 1000")]
LEASES_S = 8  # four leases of the writer


class Cut(Apart):
    def members(self):
        return [member for database in self.status()["databases"] for member in database["durability"]["members"]
                if database["durability"]["required"] > 0]

    def whole(self):
        """Every site is heard, every server writes or streams, nothing is under way; checks of a busy machine do not matter here."""
        status = self.status()
        nodes = [node for database in status["databases"] for node in database["nodes"]]
        return (bool(nodes) and not status["run"] and all(site["alive"] for site in status["sites"]) and
                all(node["alive"] and node["running"] and (node["role"] == "writer" or node["receiving"]) for node in nodes))

    def settled(self, writer):
        """The databases are as before: one writer, under an epoch, and the other region acknowledges."""
        wait(self.whole, 180, "every server writes or streams")
        self.wait_member("tokyo-a" if writer.startswith("taiwan") else "taiwan-a", 120)
        self.one_writer(writer)
        self.check_rows(writer)


@pytest.fixture(scope="module")
def lab():
    if not possible():
        pytest.skip("network namespaces and nftables are for root")
    with Cut(*CHANGES) as lab:
        lab.wait_healthy()
        lab.wait_member("tokyo-a")
        lab.clients(20, 20)
        yield lab


def test_the_witness_is_lost_and_the_writer_goes_on(lab):
    epoch, runs = lab.epoch(), lab.run()["id"]
    with lab.cut("witness", "all"):
        wait(lambda: lab.call("/v1/status", timeout=1)[0] == 0, 30, "nobody decides")
        away = time.monotonic() + LEASES_S
        while time.monotonic() < away:
            wait(lambda: lab.writes("taiwan"), 60, "the writer goes on")
            time.sleep(0.5)
        assert lab.writers() == ["taiwan-a"]
    lab.settled("taiwan-a")
    assert lab.epoch() == epoch and lab.run()["id"] == runs


@pytest.mark.parametrize("words", [(), ("--one-way",)], ids=["both-ways", "one-way"])
def test_regions_cut_from_each_other_leave_the_writer_where_it_is(lab, words):
    """Both see the witness: the far standby leaves the durability set by the controller's word, and tier 1 goes on."""
    epoch, runs = lab.epoch(), lab.run()["id"]
    with lab.cut("taiwan", "tokyo", *words):
        wait(lambda: lab.status()["databases"] and "tokyo-a" not in lab.members(), 90, "tokyo-a is no member any more")
        wait(lambda: lab.writes("taiwan"), 60, "tier 1 goes on in taiwan")
        wait(lambda: lab.writes("witness"), 60, "and for the witness")
        assert lab.writers() == ["taiwan-a"]
    lab.settled("taiwan-a")
    assert lab.epoch() == epoch and lab.run()["id"] == runs


def test_a_flapping_link_moves_nothing_or_everything(lab):
    """A second cut, a second whole: a lease of two seconds may survive that or not. Never two writers, nothing lost."""
    with lab.cut("taiwan", "all", "--flap", "1"):
        away = time.monotonic() + LEASES_S
        while time.monotonic() < away:
            assert len(lab.writers()) <= 1
    wait(lab.whole, 180, "every server writes or streams")
    lab.settled(lab.writer())


def refused(lab, host, port=5432):
    """Whether a client of the minority is refused there, however."""
    try:
        lab.sql(host, "INSERT INTO ledger_probe (key, client_id) VALUES (%s, 'minority')", "minority-%d" % boot_us(), port=port,
                user="shop_tier1")
        return False
    except psycopg2.Error:
        return True


def test_the_writers_region_is_cut_off_from_everybody(lab):
    epoch, before, writer = lab.epoch(), lab.run()["id"], lab.writer()
    lost = writer.split("-")[0]
    other = "tokyo" if lost == "taiwan" else "taiwan"
    with lab.cut(lost, "all"):
        assert lab.wait_failover(before)["state"] in ("succeeded", "unproven")
        wait(lambda: lab.writes(other), 60, "the majority goes on")
        # The new one was promoted only after the old one's lease: nobody is there who could acknowledge.
        assert [node for node in lab.writers() if node.startswith(lost)] == []
        with lab.inside(lost):
            assert refused(lab, NODES[writer]) and refused(lab, PROXIES[lost], 6432)
        assert "the right to write is ending: killed PostgreSQL" in lab.log(lost, "agent-" + writer)
        assert lab.epoch() > epoch and lab.writer().startswith(other)
    wait(lab.whole, 180, "every server writes or streams")
    lab.settled(lab.writer())


def test_nothing_is_left(lab):
    """Last: the namespaces end with the lab, and so does what is cut."""
    places = {site: os.readlink(path) for site, path in lab.place.items()}
    assert len(set(places.values())) == 4 and os.readlink("/proc/self/ns/net") == places["desk"]
    enter("/proc/self/fd/%d" % lab.outside)
    lab.script("cut", "taiwan", "tokyo", "--flap", "1")
    subprocess.run([BIN + "/lab-keeper", "send", lab.dir, "root", "end"], capture_output=True, check=True, timeout=120)

    def left():
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                if os.readlink("/proc/%s/ns/net" % pid) in places.values():
                    found.append(pid)
        return found
    wait(lambda: left() == [] and not os.path.exists(lab.dir), 60, "nothing of the lab is left")
