# SPDX-License-Identifier: Apache-2.0
"""A writer with its neighbour, and three nodes in the other region, of which one leads: it streams from the writer, the others from
it. Three sites with a controller each, over etcd; every commit waits for the durability set, so that a lost writer is replaced before
its lease ends. One story: each test goes on where the one before it ended."""
import json
import os
import signal
import subprocess
import urllib.error
import urllib.request

import psycopg2
import pytest

import agent_world
from agent_world import HOLDFAST, PASSWORD, PGBIN, TOKEN, World, wait

CONTROLS = {"witness": "127.9.4.1:22080", "taiwan": "127.9.4.2:22080", "tokyo": "127.9.4.3:22080"}
ETCD = "127.9.4.1:22379"
ETCD_PEER = "http://127.9.4.1:22380"
agent_world.NODES = {name: (("127.9.4.%d" % last, 22081), ("127.9.4.%d" % last, 22432))
                     for name, last in (("w", 11), ("v", 12), ("t1", 21), ("t2", 22), ("t3", 23))}
NODES = agent_world.NODES
TOKYO = ("t1", "t2", "t3")


class Cascade(World):
    sites = ("witness", "taiwan", "tokyo")

    def __init__(self):
        super().__init__()
        self.serves = {}
        self.etcd = None

    def yaml(self, *_):
        nodes = "".join(
            "      %s: { region: %s, agent: \"%s:%d\", postgres: \"%s:%d\", data: %s, bin: %s, priority: %d }\n"
            % ((name, "taiwan" if name in ("w", "v") else "tokyo") + agent + postgres + (self.data(name), PGBIN, 100 if name == "t1" else 50))
            for name, (agent, postgres) in NODES.items())
        return """name: cascade
security: {{ token: {{ file: {dir}/token }} }}
store: {{ kind: etcd, endpoints: [ "{etcd}" ], timeout: 600ms, leader_lease: 5s }}
regions:
  taiwan: {{ backup: [tokyo], capacity: 1.5 }}
  tokyo: {{ backup: [taiwan], capacity: 1.5 }}
sites:
  taiwan: {{ region: taiwan, roles: [control, observer], state_dir: {dir}/state-taiwan, api: {{ listen: "{taiwan}" }} }}
  tokyo: {{ region: tokyo, roles: [control, observer], state_dir: {dir}/state-tokyo, api: {{ listen: "{tokyo}" }} }}
  witness: {{ roles: [control], state_dir: {dir}/state-witness, api: {{ listen: "{witness}" }} }}
databases:
  shop:
    tier1: true
    lease: 10s   # a failover that waits for its end is seen
    margin: 500ms
    durability: {{ members: [w, t1], required: 1, every_commit: true }}
    cascade: true
    superuser: {{ name: postgres, password: {{ file: {dir}/superuser }} }}
    replication: {{ name: replicator, password: {{ file: {dir}/replication }} }}
    dbname: shop
    wal_segment: 1MB
    initial_writer: w
    nodes:
{nodes}    parameters: {{ shared_buffers: 32MB, max_connections: "60", fsync: "off" }}
checks:
  database-master:
    kind: postgres
    severity: critical
    layer: 1
    component: db
    targets: {{ taiwan: {{ database: shop }}, tokyo: {{ database: shop }} }}
failback: {{ approval: false, min_stable: 1s, min_requests: 0 }}
policy:
  cooldown: 1s
  flapping_transitions: 100
  automation: {{ COMPLETE_REGIONAL_FAILURE: "off", DATABASE_MASTER_FAILURE: "off", HIGH_ERROR_RATE: "off", CRITICAL_SERVICE_FAILURE: "off" }}
""".format(dir=self.dir, etcd=ETCD, nodes=nodes, **CONTROLS)

    def up(self):
        with open(os.path.join(self.dir, "etcd.log"), "ab") as log:
            self.etcd = subprocess.Popen(
                ["etcd", "--name", "m", "--data-dir", os.path.join(self.dir, "etcd"), "--listen-client-urls", "http://" + ETCD,
                 "--advertise-client-urls", "http://" + ETCD, "--listen-peer-urls", ETCD_PEER, "--initial-advertise-peer-urls", ETCD_PEER,
                 "--initial-cluster", "m=" + ETCD_PEER], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        wait(lambda: self.etcd.poll() is None and b"ready to serve client requests" in open(os.path.join(self.dir, "etcd.log"), "rb").read(), 60,
             "etcd serves")
        for site in self.sites:
            os.mkdir(os.path.join(self.dir, "state-" + site))
            with open(os.path.join(self.dir, "serve-%s.log" % site), "ab") as log:
                self.serves[site] = subprocess.Popen([HOLDFAST, "serve", "--config", self.config, "--site", site],
                                                     stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        for name in ("w", "v", "t1"):
            self.start(name)
        self.wait_streams(v="w", t1="w")  # the first one up in its region leads
        for name in ("t2", "t3"):
            self.start(name)

    def down(self):
        # Agents first: while there is a controller none of them waits for one.
        for processes in (self.agents, self.serves):
            for process in processes.values():
                process.send_signal(signal.SIGTERM)
            for process in processes.values():
                try:
                    process.wait(60)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        if self.etcd:
            self.etcd.send_signal(signal.SIGTERM)
            self.etcd.wait(60)
        super().down()

    def ask(self, path, body=None):
        """(status, JSON) of the controller that leads; (0, {}) while none does."""
        for address in CONTROLS.values():
            status, answer = self.ask_one(address, path, body)
            if status not in (0, 307, 503):
                return status, answer
        return 0, {}

    def ask_one(self, address, path, body):
        request = urllib.request.Request("http://%s%s" % (address, path), None if body is None else json.dumps(body).encode(),
                                         {"Authorization": "Bearer " + TOKEN, "Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"{}")
        except (OSError, ValueError):
            return 0, {}

    def database(self):
        return (self.ask("/v1/status")[1].get("databases") or [{}])[0]

    def member(self, name):
        durability = self.database().get("durability", {})
        return name in durability.get("members", []) and durability.get("required", 0) > 0

    def streams(self):
        """Who streams from whom, as the servers themselves say: {standby: upstream}."""
        found = {}
        for name in NODES:
            try:
                for row in self.sql(name, "SELECT application_name FROM pg_stat_replication WHERE state = 'streaming'"):
                    found[row[0]] = name
            except psycopg2.Error:
                pass
        return found

    def leader(self, dead=()):
        """Who leads tokyo: the only one that streams from the writer beside the member, which always does; None while nobody does."""
        streams = {name: source for name, source in self.streams().items() if name in TOKYO}
        alive = [name for name in TOKYO if name not in dead]
        for name in alive:
            others = {other: "w" if other == "t1" else name for other in alive if other != name}
            if streams == dict(others, **{name: "w"}):
                return name
        return None

    def wait_streams(self, **wanted):
        try:
            wait(lambda: self.streams() == wanted, 90)
        except AssertionError:
            raise AssertionError("%s, wanted %s\n%s" % (self.streams(), wanted, json.dumps(self.database(), indent=1))) from None

    def wait_leader(self, dead=(), wanted=TOKYO):
        """Who lost its place in the log is cloned after a minute."""
        try:
            return wait(lambda: [name for name in [self.leader(dead)] if name in wanted], 180)[0]
        except AssertionError:
            self.dump()
            raise AssertionError("%s without %s\n%s" % (self.streams(), dead, json.dumps(self.database(), indent=1))) from None

    def kill(self, name):
        """Power lost: the agent and every process of its server."""
        pids = self.postgres_pids(name)
        self.signal(name, signal.SIGKILL)
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        wait(lambda: not self.postgres_pids(name), 30)

    def run(self, kind, **what):
        """Starts a run, again while it is refused (a report may be a moment old), and waits for its end."""
        def ended():
            status, answer = self.ask("/v1/%ss" % kind, dict(what, reason="system test", who="test"))
            if status != 202:
                return None
            run = wait(lambda: [run for run in [self.ask("/v1/runs/%d" % answer["run"])[1]]
                                if run.get("state") not in (None, "running", "undoing")], 120)[0]
            return run if run["state"] in ("succeeded", "unproven") else None
        return wait(ended, 120, "a %s to %s" % (kind, what["target"]))

    def insert(self, writer, count):
        for _ in range(count):
            self.sql(writer, "INSERT INTO t (at) VALUES (clock_timestamp())")

    def wait_equal(self, count):
        """Every node has every row."""
        def equal():
            return all(self.sql(name, "SELECT count(*), md5(string_agg(t::text, ',' ORDER BY id)) FROM t") ==
                       self.sql("w", "SELECT count(*), md5(string_agg(t::text, ',' ORDER BY id)) FROM t") for name in NODES)
        wait(equal, 60, "rows are equal")
        assert self.sql("t3", "SELECT count(*) FROM t")[0][0] == count

    def slots(self, name):
        return {row[0] for row in self.sql(name, "SELECT slot_name FROM pg_replication_slots WHERE slot_type = 'physical'")}

    def parts(self):
        return {node["name"]: (node.get("part"), node.get("upstream")) for node in self.database().get("nodes", [])}


@pytest.fixture(scope="module")
def world():
    world = Cascade()
    try:
        world.up()
        yield world
    except BaseException:
        world.dump()
        raise
    finally:
        if os.environ.get("KEEP_LOG"):
            world.dump()
        world.down()


def test_a_topology_from_nothing(world):
    world.wait_streams(v="w", t1="w", t2="t1", t3="t1")
    wait(lambda: world.member("t1"), 60)
    assert world.database()["durability"]["members"] == ["t1"]
    world.sql("w", "CREATE TABLE t (id serial PRIMARY KEY, at timestamptz)")
    world.insert("w", 20)
    world.wait_equal(20)
    wait(lambda: {"holdfast_t2", "holdfast_t3"} <= world.slots("t1"), 30)
    parts = {"w": ("writer", None), "v": ("async replica", "w"), "t1": ("regional leader", "w"), "t2": ("cascaded replica", "t1"), "t3": ("cascaded replica", "t1")}
    wait(lambda: world.parts() == parts, 30, "the status says so")
    # The writer keeps what the others need, should their leader be lost, and no more than that.
    moved = "SELECT count(*) FROM pg_replication_slots WHERE slot_name IN ('holdfast_t2', 'holdfast_t3') AND NOT active AND restart_lsn >= %s"
    here = world.sql("w", "SELECT pg_current_wal_flush_lsn()")[0][0]
    world.insert("w", 1)
    wait(lambda: world.sql("w", moved, here)[0][0] == 2, 60, "the writer's slots move")


def timelines(world, *names):
    """None among them: a walreceiver is not there just now."""
    return {world.sql(name, "SELECT (SELECT received_tli FROM pg_stat_wal_receiver)")[0][0] for name in names}


def test_another_becomes_the_writer_and_the_followers_come_along(world):
    world.run("switchover", source="taiwan", target="taiwan")
    wait(lambda: world.is_writer("v"), 60)
    world.wait_streams(w="v", t1="v", t2="t1", t3="t1")
    world.insert("v", 10)
    world.wait_equal(31)
    wait(lambda: timelines(world, "w", "t1", "t2", "t3") == {2}, 30, "all are on the new timeline")
    world.run("switchover", source="taiwan", target="taiwan")
    wait(lambda: world.is_writer("w"), 60)
    world.wait_streams(v="w", t1="w", t2="t1", t3="t1")


def test_the_leader_becomes_the_writer_and_its_followers_stay(world):
    """The writer's node is lost, agent and all: nobody can say that it is dead, and its lease has not ended. But no commit of it
    returns without t1, so the promotion of t1 is the proof; and what it had acknowledged is there."""
    wait(lambda: world.member("t1"), 60)
    wait(lambda: world.database().get("every_commit", {}).get("kept"), 60, "every commit waits")
    world.insert("w", 5)
    world.kill("w")
    world.kill("v")
    run = world.run("failover", source="taiwan", target="tokyo")
    wait(lambda: world.is_writer("t1"), 60)
    (fence,) = [step["detail"] for step in run["steps"] if step["name"] == "FENCE"]
    assert fence == "fenced by its durability set: no commit returns without t1", run
    assert world.sql("t1", "SELECT count(*) FROM t") == [(36,)], "nothing that was acknowledged is lost"
    world.wait_streams(t2="t1", t3="t1")
    world.insert("t1", 15)
    # The old writer comes home, and follows. It is a member, and leads unless its neighbour was there long before.
    world.start("w")
    world.start("v")
    home = {"w": "t1", "t2": "t1", "t3": "t1"}
    wait(lambda: world.streams() in (dict(home, v="w"), dict(home, v="t1")), 90, "all follow")
    world.wait_equal(51)
    wait(lambda: timelines(world, "w", "v", "t2", "t3") == {4}, 30, "all are on the new timeline")


def test_back_and_the_region_gets_a_leader_again(world):
    wait(lambda: world.member("w"), 60)
    world.run("failback", target="taiwan", mode="emergency")
    wait(lambda: world.is_writer("w") or world.is_writer("v"), 60)
    if world.is_writer("v"):
        world.run("switchover", source="taiwan", target="taiwan")
    wait(lambda: world.is_writer("w"), 60)
    world.wait_leader()
    world.insert("w", 10)
    world.wait_equal(61)


def test_a_lost_leader_is_replaced(world):
    lost = world.wait_leader()
    world.kill(lost)
    leader = world.wait_leader(dead=[lost])
    for name in set(TOKYO) - {lost, "t1"}:  # t1 was the writer, and killed
        with open(os.path.join(world.dir, name + ".log")) as log:
            assert "salvage" not in log.read(), "who follows has nothing of its own"
    world.insert("w", 10)
    # It comes back, and the new leader stays.
    world.start(lost)
    world.wait_leader(wanted=[leader])
    world.insert("w", 10)
    world.wait_equal(81)
