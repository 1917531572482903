# SPDX-License-Identifier: Apache-2.0
"""Guard slots: on every writer, for every database, never ahead of a standby, bounded, and told when they are lost."""
import os
import signal
import time

import pytest

from agent_world import World, wait


@pytest.fixture
def world():
    made = World(parameters="max_slot_wal_keep_size: 64MB, max_wal_size: 64MB, min_wal_size: 32MB")
    try:
        made.up()
        yield made
    finally:
        made.dump()
        made.down()


def slots(world, name):
    return dict(world.sql(name, "SELECT d.datname, s.wal_status FROM pg_replication_slots s JOIN pg_database d "
                                "ON s.slot_name = 'holdfast_guard_' || d.oid WHERE s.plugin = 'test_decoding'"))


def test_guard_slots(world):
    wait(lambda: set(slots(world, "a")) == {"postgres", "shop"}, 60, "each database has one")
    world.sql("a", "CREATE DATABASE more")
    wait(lambda: "more" in slots(world, "a"), 60, "a new database too")
    wait(lambda: world.sql("a", "SELECT bool_or(active) FROM pg_replication_slots WHERE database = 'more'") == [(False,)])
    world.sql("a", "DROP DATABASE more")
    world.sql("a", "CREATE TABLE t (id serial PRIMARY KEY, v text)")

    # It follows the slowest standby, never beyond: what c has not flushed can be decoded.
    ahead = "SELECT bool_or(s.confirmed_flush_lsn > p.restart_lsn) FROM pg_replication_slots s, pg_replication_slots p " \
            "WHERE s.slot_name LIKE 'holdfast_guard_%%' AND p.slot_type = 'physical'"
    behind = "SELECT bool_or(confirmed_flush_lsn < %s::pg_lsn) FROM pg_replication_slots WHERE slot_type = 'logical' " \
             "AND database = 'shop'"
    world.sql("a", "INSERT INTO t (v) SELECT repeat('x', 100) FROM generate_series(1, 1000)")
    mark = world.sql("a", "SELECT pg_current_wal_lsn()")[0][0]
    wait(lambda: world.sql("a", behind, mark) == [(False,)], 60, "it moves up")
    receiver = world.walreceiver("c")
    os.kill(receiver, signal.SIGSTOP)
    world.sql("a", "INSERT INTO t (v) SELECT 'tail' FROM generate_series(1, 10)")
    for _ in range(40):
        assert world.sql("a", ahead) == [(False,)]
        time.sleep(0.1)
    changes = world.sql("a", "SELECT count(*) FROM pg_logical_slot_peek_changes((SELECT 'holdfast_guard_' || oid FROM "
                             "pg_database WHERE datname = 'shop'), NULL, NULL) WHERE data LIKE '%%tail%%'")
    assert changes == [(10,)]
    os.kill(receiver, signal.SIGCONT)
    report = wait(lambda: [guard for guard in [world.node("a").get("guard")] if guard and guard["slots"] == 2], 30, "the report tells")[0]
    assert report["lost"] == 0 and report["limit_bytes"] == 64 << 20, report

    # A standby that stays away costs no more than the limit; the loss is told, and another slot made.
    world.signal("c", signal.SIGTERM)
    world.agents["c"].wait(60)
    def grow():
        world.sql("a", "INSERT INTO t (v) SELECT repeat(md5(random()::text), 60) FROM generate_series(1, 20000)")
        world.sql("a", "CHECKPOINT")
        return world.node("a").get("guard", {}).get("lost", 0) > 0
    wait(grow, 90, "the loss is told")
    wait(lambda: set(slots(world, "a").values()) <= {"reserved", "extended"} and len(slots(world, "a")) == 2, 60,
         "made anew")

    # The next writer has them before it says that it is the writer; who follows has none.
    world.stop("a", 1)
    status, report = world.failover("a", "b", 2)
    assert status == 200 and "shop" in slots(world, "b"), report
    (timeline, epoch, first), = world.sql("b", "SELECT timeline, epoch, first_xid FROM holdfast.promotion")
    assert (timeline, epoch) == (2, 2)
    assert world.sql("b", "SELECT min(xmin::text::bigint) FROM holdfast.promotion")[0][0] >= first
    assert world.sql("b", "SELECT max(xmin::text::bigint) FROM t")[0][0] < first
    world.call("a", "/v1/follow", {"epoch": 2, "run": "r", "writer": "b", "host": "127.9.0.12", "port": 23432})
    wait(lambda: world.follows("a", "b"), 90, "a follows b")
    wait(lambda: slots(world, "a") == {}, 30, "a standby guards nothing")
    wait(lambda: set(slots(world, "b")) == {"postgres", "shop"}, 30, "all of them")
    reinit(world)


def reinit(world):
    """A standby is cloned anew when it is ordered to: once per order, and its old directory is kept. A writer is not."""
    def kept():
        return [entry for entry in os.listdir(os.path.join(world.dir, "a")) if ".kept-" in entry]
    before = kept()
    world.sql("b", "CREATE TABLE fresh AS SELECT 7 AS n")
    status, report = world.call("b", "/v1/reinit", {"epoch": 2, "run": "r", "order": 4})
    assert status == 409 and report["refused"] and world.is_writer("b"), report
    status, report = world.call("a", "/v1/reinit", {"epoch": 1, "run": "r", "order": 4})
    assert status == 409, report
    assert world.call("a", "/v1/reinit", {"epoch": 2, "run": "r"})[0] == 400
    status, report = world.call("a", "/v1/reinit", {"epoch": 2, "run": "r", "order": 5})
    assert status == 202 and report["reinit"]["order"] == 5, report
    wait(lambda: world.node("a").get("reinit") == {"order": 5, "state": "done"}, 120, "a was cloned")
    wait(lambda: world.follows("a", "b"), 90, "a follows b again")
    assert len(kept()) == len(before) + 1, kept()
    for old in (5, 4):
        status, report = world.call("a", "/v1/reinit", {"epoch": 2, "run": "r", "order": old})
        assert status == 202 and report["reinit"] == {"order": 5, "state": "done"}, "the same order, or an older one, is not obeyed again"
    wait(lambda: world.sql("a", "SELECT to_regclass('fresh') IS NOT NULL") == [(True,)], 60, "it has what the writer has")
    assert world.node("a")["owes"] == 0
