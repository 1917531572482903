# SPDX-License-Identifier: Apache-2.0
"""The agent beside real PostgreSQL: found, clone, promote, fence, follow, and nothing acknowledged without a right.

The only times that are compared are those of one machine's clock: the last acknowledged commit against the right's end."""
import json
import os
import signal
import subprocess
import time

import pytest

from agent_world import HOLDFAST, LEASE_MS, NODES, Client, World, now, wait

LEASE = LEASE_MS / 1000


@pytest.fixture
def world():
    made = World(segment="1MB")
    try:
        made.up()
        wait(lambda: made.controller.renewals, 60, "the controller has renewed the right")
        yield made
    finally:
        made.dump()
        made.down()


def lsn(text):
    high, low = text.split("/")
    return int(high, 16) << 32 | int(low, 16)


def busy(world, name, count=4):
    clients = [Client(world, name) for _ in range(count)]
    wait(lambda: all(client.acknowledged > 3 for client in clients), 60, "clients write")
    return clients


def finish(clients):
    for client in clients:
        client.over = True
    for client in clients:
        client.join(60)
        assert not client.is_alive()


def rows(world, name):
    return world.sql(name, "SELECT worker, max(n) FROM t GROUP BY 1")


def test_switchover_and_back(world):
    """Epochs, a clean stop, a former writer that follows without a clone, and the commands' answers."""
    status, report = world.call("a", "/v1/prove", {"epoch": 1, "run": "r1"})
    assert status == 200 and report["lsn"] != "0/0" and report["data_checksums"], report
    assert world.sql("a", "SELECT epoch, node FROM holdfast.proof") == [(1, "a")]
    assert world.sql("b", "SHOW wal_retrieve_retry_interval") == [("20ms",)]
    assert world.sql("a", "SHOW restart_after_crash") == [("off",)]
    assert report["version"] >= 150000 and report["timeline"] == 1 and report["epoch"] == 1
    finish(busy(world, "a", 1))
    count = world.sql("a", "SELECT count(*) FROM t")

    assert world.call("a", "/v1/checkpoint", {"epoch": 1, "run": "r2"})[0] == 200
    end = lsn(world.stop("a", 1)["shutdown_lsn"])
    wait(lambda: lsn(world.node("b")["lsn"]["replayed"]) >= end, 60, "b replays the shutdown checkpoint")

    world.controller.revoke("b")
    refused, answer = world.call("c", "/v1/promote", {"epoch": 2, "run": "r2", "database": "shop"})
    assert refused == 409 and answer["refused"], "the lease is not for c"
    order = {"epoch": 2, "run": "r2", "database": "shop", "members": ["c"], "required": 1, "order": 4}
    assert world.call("b", "/v1/promote", dict(order, members=["nobody"]))[0] == 400
    status, report = world.call("b", "/v1/promote", order)
    assert status == 200 and report["role"] == "writer" and report["epoch"] == 2, report
    assert world.sql("b", "SHOW synchronous_standby_names") == [('ANY 1 ("c")',)], "it opens with what the order requires"
    assert world.sql("b", "SHOW wal_segment_size") == [("1MB",)]
    status, again = world.call("b", "/v1/promote", dict(order, members=[], required=0, order=3))
    assert status == 200 and again["timeline"] == report["timeline"] == 2
    assert world.sql("b", "SHOW synchronous_standby_names") == [('ANY 1 ("c")',)], "what came late changes nothing"
    for old in ("/v1/promote", "/v1/fence", "/v1/stop", "/v1/prove", "/v1/follow"):
        status, answer = world.call("b", old, {"epoch": 1, "run": "old", "writer": "a", "host": "127.9.0.11",
                                               "port": 23432, "database": "shop"})
        assert status == 409 and answer["refused"] and answer["code"] == "FENCED", (old, answer)
    assert world.is_writer("b")

    _, (host, port) = NODES["b"]
    for name in ("a", "c"):
        follow = {"epoch": 2, "run": "r2", "writer": "b", "host": host, "port": port}
        assert world.call(name, "/v1/follow", follow)[0] == 202
    wait(lambda: world.follows("a", "b") and world.follows("c", "b"), 90, "both follow b")
    assert not [entry for entry in os.listdir(os.path.join(world.dir, "a")) if "kept" in entry]
    assert world.sql("b", "SELECT count(*) FROM t") == count
    assert world.call("b", "/v1/prove", {"epoch": 2, "run": "r2"})[0] == 200

    status, report = world.call("b", "/v1/durability", {"epoch": 2, "run": "r2", "members": ["a", "c"], "required": 1, "order": 5})
    assert status == 200, report
    wait(lambda: world.node("b")["sync"] == ["a", "c"], 30, "the report tells the members")
    assert world.sql("b", "SHOW synchronous_standby_names") == [('ANY 1 ("a", "c")',)]
    assert world.sql("b", "SET synchronous_commit = on; INSERT INTO t (worker, n) VALUES ('sync', 1) RETURNING n")
    assert world.call("b", "/v1/durability", {"epoch": 2, "run": "x", "members": ["nobody"], "required": 1})[0] == 400


def test_what_lowers_every_commit_is_named():
    """Roles, databases, functions and the server's own settings; what asks for more is no matter."""
    world = World(segment="1MB", durability=["a", "b", "c"], every_commit=True)
    try:
        world.up()
        assert world.sql("a", "SHOW synchronous_commit") == [("on",)]
        wait(lambda: world.node("a").get("lowers") == 0, 60, "a look that finds nothing")
        assert "lowers" not in world.node("b")
        cases = [
            ("role lax", "ALTER ROLE lax SET synchronous_commit = local", "ALTER ROLE lax RESET synchronous_commit"),
            ("role lax in database shop", "ALTER ROLE lax IN DATABASE shop SET synchronous_commit = remote_write",
             "ALTER ROLE lax IN DATABASE shop RESET synchronous_commit"),
            ("database postgres", "ALTER DATABASE postgres SET synchronous_commit = off", "ALTER DATABASE postgres RESET ALL"),
            ("function lax()", "CREATE FUNCTION lax() RETURNS int LANGUAGE sql SET synchronous_commit = off AS 'SELECT 1'",
             "DROP FUNCTION lax()"),
            ("the setting in ", "ALTER SYSTEM SET synchronous_commit = off", "ALTER SYSTEM RESET synchronous_commit"),
        ]
        world.sql("a", "CREATE ROLE lax")
        for name, lower, back in cases:
            world.sql("a", lower)
            wait(lambda: world.node("a").get("lowers") == 1, 60, lower)
            assert world.node("a")["lowers_by"].startswith(name), (name, world.node("a")["lowers_by"])
            world.sql("a", back)
            wait(lambda: world.node("a").get("lowers") == 0, 60, back)
        world.sql("a", "ALTER ROLE lax SET synchronous_commit = remote_apply")
        world.sql("a", "ALTER ROLE lax IN DATABASE shop SET synchronous_commit = off")
        wait(lambda: world.node("a").get("lowers") == 1, 60, "only one of the two")
    finally:
        world.dump()
        world.down()


def test_killed_agent_acknowledges_nothing_after_the_right(world):
    clients = busy(world, "a")
    fence = world.fence_pid("a")
    assert fence > 0
    # A new fence process for a dead one, at once; it does the work below.
    os.kill(fence, signal.SIGKILL)
    wait(lambda: world.fence_pid("a") not in (0, fence), 30, "another fence process")
    assert world.is_writer("a")
    world.signal("a", signal.SIGKILL)
    killed = now()
    wait(lambda: world.postgres_pids("a") == [], 60, "none remains")
    finish(clients)
    right_end = world.controller.renewals[-1] + LEASE
    assert max(client.last for client in clients) <= right_end
    assert killed <= right_end + 60
    # The record says that the lease is still ours: the same epoch, the same timeline, no promotion.
    world.start("a")
    wait(lambda: world.is_writer("a"), 90, "a writes again")
    report = world.node("a")
    assert (report["epoch"], report["timeline"]) == (1, 1)
    kept = dict(rows(world, "a"))
    assert all(kept[client.name] >= client.acknowledged for client in clients)
    # A standby outlives its agent and is adopted.
    before = world.postmaster("b")
    world.signal("b", signal.SIGKILL)
    time.sleep(1)
    assert before in world.postgres_pids("b")
    world.start("b")
    wait(lambda: world.follows("b", "a"), 60, "b follows")
    assert world.postmaster("b") == before and before in world.postgres_pids("b")


def test_frozen_agent_acknowledges_nothing_after_the_right(world):
    clients = busy(world, "a")
    world.signal("a", signal.SIGSTOP)
    wait(lambda: world.postgres_pids("a") == [], 60, "none remains")
    finish(clients)
    right_end = world.controller.renewals[-1] + LEASE
    assert max(client.last for client in clients) <= right_end
    # Meanwhile b is promoted; the old writer wakes, is diverged, brings home what only it has, rewinds and follows.
    status, report = world.failover("a", "b", 2)
    assert status == 200 and report["timeline"] == 2, report
    world.signal("a", signal.SIGCONT)
    wait(lambda: world.follows("a", "b"), 120, "a follows b")
    assert not [entry for entry in os.listdir(os.path.join(world.dir, "a")) if ".kept-" in entry]
    assert world.sql("b", "SELECT state, method FROM holdfast.ledger_run WHERE node = 'a'") == [("complete", "decode")]
    kept = dict(rows(world, "b"))
    assert all(kept[client.name] >= client.acknowledged for client in clients), "nothing acknowledged is missing"
    wait(lambda: world.follows("c", "b"), 60, "c turned to b by itself")
    assert world.sql("a", "SELECT pg_is_in_recovery()") == [(True,)]


def ledger(world):
    """What waits for a person is listed, shown, and applied over what is there, or discarded; with a reason."""
    def run(*words):
        return subprocess.run([HOLDFAST, "ledger", "--config", world.config] + list(words), capture_output=True, text=True,
                              timeout=60)
    assert "complete" in run("list").stdout
    runs = json.loads(run("list", "-o", "json").stdout)["runs"]
    assert [(one["node"], one["state"], one["applied"], one["quarantined"]) for one in runs] == [("a", "complete", 8, 1)], runs
    waiting = json.loads(run("list", "--open", "-o", "json").stdout)["entries"]
    line = run("list", "--open").stdout.splitlines()[-1].split("\t")
    assert "changed" in line[-1], line
    assert [(str(one["id"]), one["state"], one["reason"]) for one in waiting] == [(line[0], "quarantined", line[-1])], waiting
    wait(lambda: world.node("b").get("guard", {}).get("ledger_open") == 1, 60, "the report tells")
    assert world.node("b")["guard"]["ledger_age_ms"] < 60000 and world.node("a")["homed"] == 1
    assert json.loads(run("show", line[0]).stdout)["state"] == "quarantined"
    assert run("show", "999").returncode == 1 and run("show").returncode == 2
    assert run("list", "-o", "xml").returncode == 2
    assert run("resolve", line[0], "--apply").returncode == 2, "without a reason"
    before = world.sql("b", "SELECT * FROM bank ORDER BY id")
    assert run("resolve", line[0], "--apply", "--reason", "asked the bank").returncode == 0
    after = world.sql("b", "SELECT * FROM bank ORDER BY id")
    assert before != after and after[9][1] == 95, after
    world.sql("b", "UPDATE bank SET balance = 96 WHERE id = 10; UPDATE bank SET balance = %s WHERE id = 9", before[8][1])
    again = run("resolve", line[0], "--discard", "--reason", "x")
    assert again.returncode == 3 and "nothing was changed" in again.stderr, again
    entries = [json.loads(text) for text in run("export").stdout.splitlines()]
    assert [entry["resolved_reason"] for entry in entries if entry["resolved_reason"]] == ["asked the bank"]
    assert {entry["state"] for entry in entries} <= {"applied", "identical"}


def test_old_writer_comes_home_with_its_tail(world):
    """No standby has the last commits: they are on the new writer before the old one is rewound; what would lose
    something is not rewound but kept."""
    world.sql("a", "CREATE TABLE bank (id int PRIMARY KEY, balance int); INSERT INTO bank SELECT n, 100 FROM "
                   "generate_series(1, 10) n")
    wait(lambda: world.sql("c", "SELECT to_regclass('bank') IS NOT NULL") == [(True,)], 30)
    stopped = [world.walreceiver(name) for name in ("b", "c")]
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    for n in range(1, 10):
        world.sql("a", "UPDATE bank SET balance = balance + CASE WHEN id = %s THEN 5 ELSE -5 END WHERE id IN (%s, %s)", n, n, n + 1)
    balances = world.sql("a", "SELECT * FROM bank ORDER BY id")
    world.signal("a", signal.SIGKILL)
    wait(lambda: world.postgres_pids("a") == [], 60, "none remains")
    status, report = world.failover("a", "b", 2)
    assert status == 200, report
    os.kill(stopped[1], signal.SIGCONT)
    world.sql("b", "UPDATE bank SET balance = balance + 1 WHERE id = 10")
    world.start("a")
    seen = set()
    wait(lambda: seen.add(world.node("a").get("activity")) or world.follows("a", "b"), 120, "a follows b")
    print(seen)
    after = world.sql("b", "SELECT * FROM bank ORDER BY id")
    assert after[:8] == balances[:8] and sum(balance for _, balance in after) == 1001, (balances, after)
    assert world.sql("b", "SELECT state, count(*) FROM holdfast.ledger_entry WHERE changes_count > 0 GROUP BY 1 ORDER BY 1") == [
        ("applied", 8), ("quarantined", 1)]
    assert not [entry for entry in os.listdir(os.path.join(world.dir, "a")) if ".kept-" in entry or ".salvage" in entry]
    assert not os.path.exists(world.data("a") + ".holdfast/rewinding")
    ledger(world)
    after = world.sql("b", "SELECT * FROM bank ORDER BY id")
    wait(lambda: world.sql("a", "SELECT * FROM bank ORDER BY id") == after, 30, "a has what b has")


def test_promises_carry_the_writer_without_the_store(world):
    clients = busy(world, "a")
    world.controller.stop()
    wait(lambda: world.node("a")["lease"]["by"] == "promises", 30, "promises")
    before = clients[0].acknowledged
    end = time.monotonic() + 3 * LEASE
    while time.monotonic() < end:
        assert world.node("a")["lease"]["held"]
        time.sleep(0.1)
    assert clients[0].acknowledged > before and all(client.is_alive() for client in clients)
    # A promiser does not let itself be promoted before its promise ends, nor promise under a newer order.
    status, answer = world.call("b", "/v1/promise", {"database": "shop", "from": "x", "epoch": 1, "lease_ms": 2000})
    assert status == 200 and answer["promised"]
    # One peer away: all but one is not all.
    world.signal("c", signal.SIGSTOP)
    stopped = now()
    wait(lambda: world.postgres_pids("a") == [], 60, "the writer fenced itself")
    finish(clients)
    # A round that was under way when c froze may still have counted: at most one, sent before.
    assert max(client.last for client in clients) <= stopped + LEASE
    wait(lambda: not world.node("a")["lease"]["held"] and world.node("a")["fenced"], 30, "the right has ended")
    world.signal("c", signal.SIGCONT)
    world.controller.start()
    wait(lambda: world.is_writer("a"), 90, "a writes again, nobody else was chosen")
    assert world.node("a")["timeline"] == 1


def test_promotion_under_fire(world):
    """The writer dies under load; its standby is promoted in that instant, once with its walreceiver frozen."""
    clients = busy(world, "a")
    world.controller.revoke("b")
    for pid in world.postgres_pids("a"):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    status, report = world.failover("a", "b", 2)
    assert status == 200 and report["role"] == "writer", report
    finish(clients)
    wait(lambda: world.follows("c", "b"), 60, "c follows b")
    wait(lambda: world.follows("a", "b"), 120, "a follows b")

    clients = busy(world, "b")
    receiver = world.walreceiver("c")
    os.kill(receiver, signal.SIGSTOP)
    status, report = world.call("b", "/v1/fence", {"epoch": 2, "run": "r3"})
    assert status == 200 and report["fenced"], report
    assert world.postgres_pids("b") == []
    finish(clients)
    status, report = world.failover("b", "c", 3)
    assert status == 200 and report["role"] == "writer", report
    assert world.is_writer("c")
    assert not world.is_writer("b")  # down, or a standby again already
    wait(lambda: world.follows("a", "c") and world.follows("b", "c"), 180, "all follow c")


def test_agent_and_fence_killed_at_once(world):
    """The double death: the next agent finds a writer without a right, ends it first, then asks who writes."""
    clients = busy(world, "a")
    fence = world.fence_pid("a")
    os.kill(fence, signal.SIGSTOP)
    world.signal("a", signal.SIGKILL)
    os.kill(fence, signal.SIGKILL)
    before = world.postgres_pids("a")
    assert before, "nothing was there to end the writer"
    world.controller.revoke("b")
    world.start("a")
    wait(lambda: not set(before) & set(world.postgres_pids("a")), 60, "the leftover is gone")
    finish(clients)
    status, report = world.failover("a", "b", 2)
    assert status == 200 and report["role"] == "writer", report
    wait(lambda: world.follows("a", "b"), 120, "a follows")
    # An order that cannot be carried out is refused for good: the lease is not in this node's favour.
    status, answer = world.call("c", "/v1/promote", {"epoch": 3, "run": "x", "database": "shop"})
    assert status == 409 and answer["refused"]
    world.controller.revoke("c")
    status, answer = world.call("c", "/v1/promote", {"epoch": 3, "run": "x", "database": "shop"})
    assert status == 409 and answer["refused"], "what was refused stays refused, also when it could be done now"
    status, report = world.call("c", "/v1/promote", {"epoch": 4, "run": "y", "database": "shop"})
    assert status == 200 and report["role"] == "writer", report
    # The old writer lost its lease without being told: its next renewal ends it, and it follows.
    wait(lambda: world.follows("b", "c"), 120, "b follows c")


def test_orders_that_come_late(world):
    """Overtaken on the way: nothing goes back to what was, and "refused" is said only of what never happened."""
    tell = {"epoch": 1, "run": "0", "members": ["b"], "required": 1, "order": 5}
    assert world.call("a", "/v1/durability", tell)[0] == 200
    status, answer = world.call("a", "/v1/durability", dict(tell, members=[], required=0, order=4))
    assert status == 409 and answer["code"] == "STALE", answer
    assert world.sql("a", "SHOW synchronous_standby_names") == [('ANY 1 ("b")',)]
    assert world.call("a", "/v1/durability", tell)[0] == 200, "the same order again"
    assert world.call("a", "/v1/durability", dict(tell, members=["b", "c"], order=6))[0] == 200

    assert world.call("a", "/v1/fence", {"epoch": 2, "run": "r2"})[0] == 200
    assert world.failover("a", "b", 2)[0] == 200
    wait(lambda: world.follows("a", "b") and world.follows("c", "b"), 120, "both follow b")
    # The order that fenced the old writer, once more: by now that node follows the new one, and goes on doing so.
    for name in ("a", "c"):
        status, answer = world.call(name, "/v1/fence", {"epoch": 2, "run": "r2"})
        assert status == 200 and answer["fenced"], answer
        wait(lambda: world.follows(name, "b"), 60, "it follows b again")
    # b was the writer of epoch 2, perhaps it acknowledged something: it cannot say that it never was.
    assert world.call("b", "/v1/stop", {"epoch": 2, "run": "r3", "mode": "fast"})[0] == 200
    status, answer = world.call("b", "/v1/promote", {"epoch": 2, "run": "r2", "database": "shop"})
    assert status == 409 and not answer["refused"], answer


def test_what_is_running_ends_with_the_agent(world):
    """SIGTERM: a clean stop; nothing is left behind; and the former writer comes back as it was."""
    world.sql("a", "CREATE TABLE kept (n int)")
    world.agents["a"].send_signal(signal.SIGTERM)
    assert world.agents["a"].wait(90) == 0
    assert world.postgres_pids("a") == []
    assert world.controller.reports["a"]["postgres"] == "stopped", "its last word"
    with open(world.data("a") + ".holdfast/record") as file:
        assert "role writer\n" in file.read()
    for name in ("a", "b"):
        for path in ("postgres.log", "record"):
            with open(os.path.join(world.data(name) + ".holdfast", path)) as file:
                assert "secret: of sorts" not in file.read()
    world.start("a")
    wait(lambda: world.is_writer("a"), 90, "a writes again")
    assert world.sql("a", "SELECT count(*) FROM kept") == [(0,)]
    wait(lambda: world.node("a")["timeline"] == 1, 60, "the timeline it had")  # a fresh writer is looked at anew


def test_what_salvage_wrote_in_follows_nobody(world):
    """The server that salvage starts writes records that no other node has, also on the writer's own timeline: such a directory is
    rewound or made anew before it follows."""
    world.agents["b"].send_signal(signal.SIGTERM)
    assert world.agents["b"].wait(90) == 0
    assert world.postgres_pids("b") == [], "the keeper, which starts what it finds stopped, is not quicker than the end"
    mark = world.data("b") + ".holdfast/salvaging"
    open(mark, "w").close()
    world.start("b")
    wait(lambda: world.follows("b", "a"), 120, "b follows a")
    wait(lambda: not os.path.exists(mark), 60, "the mark is gone")
    with open(os.path.join(world.dir, "b.log")) as file:
        log = file.read()
    assert "salvage ran in this directory" in log and "cloned from a" in log
    world.sql("a", "CREATE TABLE later (n int)")
    wait(lambda: world.sql("b", "SELECT to_regclass('later') IS NOT NULL") == [(True,)], 60, "b has what a writes")


def test_a_controller_of_another_release_is_told(world):
    """It takes no reports: the agent says what to do, once, and a writer keeps its lease."""
    world.controller.other_release = True
    said = "is of another release and takes no reports of this one: update the older of the two"

    def log():
        with open(os.path.join(world.dir, "a.log")) as file:
            return file.read()

    wait(lambda: said in log(), 60, "the sentence")
    renewed = len(world.controller.renewals)
    wait(lambda: len(world.controller.renewals) > renewed + 6, 60, "the lease is renewed")
    world.sql("a", "CREATE TABLE written (n int)")
    assert log().count(said) == 1
