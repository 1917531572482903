# SPDX-License-Identifier: Apache-2.0
"""Cut links between sites that are network namespaces. One lab, and one story: each test goes on where the one before it ended.
The clients stand at the desk, which loses only the site that is cut off from everybody."""
import contextlib
import ctypes
import os
import shutil
import subprocess
import time

import psycopg2
import pytest

from lab import BIN, NODES, PROXIES, RESOLVERS, Lab, boot_us, wait

CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)
CHANGES = [("cooldown: 30s", "cooldown: 1s\n  flapping_transitions: 1000")]
LEASES_S = 8  # four leases of the writer


def ten(host):
    """The addresses of the lab have another first number in namespaces."""
    return host.replace("127.", "10.", 1)


def enter(path):
    """This thread, and what it starts, is in that network from now on."""
    with open(path, "rb") as file:
        if LIBC.setns(file.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns " + path)


class Apart(Lab):
    api = ten(Lab.api)

    def __enter__(self):
        done = self.script("up", "--store", self.store, "--namespaces", str(os.getpid()), check=False)
        if done.returncode != 0:
            if done.returncode != 77:
                self.keep_logs()
            self.down()
            if done.returncode == 77:
                pytest.skip(done.stderr.strip())
            raise AssertionError(done.stdout + done.stderr)
        with open(os.path.join(self.dir, "lab.env")) as file:
            words = dict(word.split("=", 1) for word in file.read().split())
        self.place = {site: "/proc/%s/ns/net" % words["LAB_PID_" + site.upper()] for site in ("taiwan", "tokyo", "witness", "desk")}
        self.outside = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        enter(self.place["desk"])
        return self

    def __exit__(self, *failure):
        enter("/proc/self/fd/%d" % self.outside)
        os.close(self.outside)
        super().__exit__(*failure)

    @contextlib.contextmanager
    def inside(self, site):
        enter(self.place[site])
        try:
            yield
        finally:
            enter(self.place["desk"])

    def connect(self, host, port=5432, user="postgres", timeout=3):
        return super().connect(ten(host), port, user, timeout)

    def clients(self, http=20, sql=20):
        self.journals += 1
        self.journal = os.path.join(self.dir, "clients", "journal-%d" % self.journals)
        homes = [word for region in ("taiwan", "tokyo") for word in ("--home", "%s,10.9,60,4,%s:6432" % (region, ten(PROXIES[region])))]
        resolvers = [word for address in RESOLVERS.values() for word in ("--dns", ten(address) + ":5353")]
        self.keeper("clients", "start", "load-%d" % self.journals, "-", "nsenter", "--net=" + self.place["desk"], "--", "setpriv",
                    "--reuid=postgres", "--regid=postgres", "--init-groups", "--", "env", "PGPASSFILE=%s/secret/pgpass" % self.dir,
                    BIN + "/lab-client", "--journal", self.journal, "--run", "r%d" % self.journals, *homes, *resolvers,
                    "--name", "www.example.test", "--port", "8080", "--http-rate", str(http), "--sql-rate", str(sql))
        self.wait_served()

    @contextlib.contextmanager
    def cut(self, *words):
        self.script("cut", *words)
        try:
            yield
        finally:
            self.script("heal")

    def members(self):
        return [member for database in self.status()["databases"] for member in database["durability"]["members"]
                if database["durability"]["required"] > 0]

    def settled(self, writer):
        """Everything is as before: one writer, under an epoch, and the other region acknowledges."""
        self.wait_healthy(180)
        self.wait_member("tokyo-a" if writer.startswith("taiwan") else "taiwan-a", 120)
        self.one_writer(writer)
        self.check_rows(writer)


@pytest.fixture(scope="module")
def lab():
    if os.geteuid() != 0 or shutil.which("nft") is None:
        pytest.skip("network namespaces and nftables are for root")
    with Apart(*CHANGES) as lab:
        lab.wait_healthy()
        lab.wait_member("tokyo-a")
        lab.clients()
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
    lab.wait_healthy(180)
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
        with lab.inside(lost):
            # The new one was promoted only after the old one's lease: nobody is there who could acknowledge.
            assert [node for node in lab.writers() if node.startswith(lost)] == []
            assert refused(lab, NODES[writer]) and refused(lab, PROXIES[lost], 6432)
        assert "the right to write is ending: killed PostgreSQL" in lab.log(lost, "agent-" + writer)
        assert lab.epoch() > epoch and lab.writer().startswith(other)
    lab.wait_healthy(180)
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
