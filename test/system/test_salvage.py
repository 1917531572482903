# SPDX-License-Identifier: Apache-2.0
"""Salvage on real PostgreSQL: every commit that a failover left behind is on the new writer or in its ledger."""
import random
import signal
import subprocess
import time

import pytest

from salvage_world import HOST, PGBIN, PORTS, World, as_user, wait

ACCOUNTS, START = 200, 1000
SCHEMA = """
CREATE TABLE account (id int PRIMARY KEY, owner text NOT NULL, balance bigint NOT NULL CHECK (balance > -1000000));
INSERT INTO account SELECT n, 'owner ' || n, %d FROM generate_series(1, %d) n;
CREATE TABLE "Odd ""Table" (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "a:b [c]" text, tags text[], doc jsonb, js json,
    bits bit varying(8), raw bytea, at timestamptz, price numeric(10,2), ratio double precision, gone int,
    twice int GENERATED ALWAYS AS (length("a:b [c]") * 2) STORED);
ALTER TABLE "Odd ""Table" DROP COLUMN gone;
CREATE TABLE parent (id int PRIMARY KEY, name text UNIQUE);
CREATE TABLE child (id int PRIMARY KEY, parent int REFERENCES parent ON DELETE CASCADE, note text);
INSERT INTO parent SELECT n, 'p' || n FROM generate_series(1, 20) n;
CREATE TABLE event (at timestamptz DEFAULT now(), word text, extra text);
ALTER TABLE event REPLICA IDENTITY FULL;
CREATE TABLE keyless (n int);
CREATE TABLE only_identity (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY);
CREATE TABLE "100%% $1" ("50%% off $#" int PRIMARY KEY);
CREATE TABLE big (id int PRIMARY KEY, n int, body text);
ALTER TABLE big ALTER body SET STORAGE EXTERNAL;
INSERT INTO big SELECT n, 0, repeat(md5(n::text), 200) FROM generate_series(1, 20) n;
CREATE SEQUENCE ticket;
CREATE TABLE noise (id serial PRIMARY KEY, v text);
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'a trigger fired'; END $$;
""" % (START, ACCOUNTS)


@pytest.fixture
def world():
    made = World()
    try:
        made.up(SCHEMA)
        yield made
    finally:
        made.dump()
        made.down()


def transfer(cursor, chance, accounts):
    one, other = chance.sample(accounts, 2)
    amount = chance.randint(1, 50)
    cursor.execute("BEGIN")
    cursor.execute("UPDATE account SET balance = balance - %s WHERE id = %s", (amount, one))
    cursor.execute("UPDATE account SET balance = balance + %s WHERE id = %s", (amount, other))
    cursor.execute("COMMIT")


def work(world, count, accounts, seed=1):
    """The tail: many kinds of commit on the old writer, after it was left."""
    chance = random.Random(seed)
    connection = world.connect("old")
    with connection.cursor() as cursor:
        for n in range(count):
            transfer(cursor, chance, accounts)
            if n % 5 == 0:
                cursor.execute('INSERT INTO "Odd ""Table" ("a:b [c]", tags, doc, js, bits, raw, at, price, ratio) VALUES (%s, %s, '
                               '%s, %s, %s, %s, now(), %s, %s)',
                               ("it's \\ \"%d\"\nnew-tuple: id[integer]:1" % n, ["a'b", 'c"d', None], '{"a": [1, null, "x"]}',
                                '{"b" : 1,  "b":2}', format(n % 256, "08b"), b"\\x00\xff'", "12.30", 0.1 + n))
            if n % 7 == 0:
                cursor.execute('UPDATE "Odd ""Table" SET tags = tags || %s WHERE id = (SELECT min(id) FROM "Odd ""Table")',
                               (["n%d" % n],))
            if n % 11 == 0:
                cursor.execute("INSERT INTO event (word, extra) VALUES ('e%s', NULL), ('same', 'same')", (n,))
            if n % 22 == 0:
                cursor.execute("UPDATE event SET extra = 'seen' WHERE word = 'e%s'", (n,))
            if n % 33 == 0:
                cursor.execute("DELETE FROM event WHERE word = 'e%s'", (n,))
            if n % 13 == 0:
                cursor.execute("UPDATE big SET n = n + 1 WHERE id = %s", (1 + n % 19,))
            if n % 17 == 0:
                cursor.execute("BEGIN; SAVEPOINT s; INSERT INTO child VALUES (%s, %s, 'x'); RELEASE s; UPDATE child SET note = 'y' "
                               "WHERE id = %s; COMMIT", (n, 1 + n % 15, n))
            if n % 19 == 0:
                cursor.execute("INSERT INTO noise (v) VALUES (nextval('ticket'))")
    connection.close()


def account_for(world, tail):
    entries = world.entries()
    assert {entry["xid"] for entry in entries} >= tail, "every commit of the tail is in the ledger"
    assert len({entry["xid"] for entry in entries}) == len(entries)
    return entries


def states(entries):
    return {state: sum(entry["state"] == state for entry in entries) for state in
            ("applied", "identical", "quarantined", "discarded")}


def digest(world, name, *tables):
    return [world.sql(name, "SELECT count(*), md5(string_agg(x, '|' ORDER BY x)) FROM (SELECT t::text x FROM {} t) y".format(table))
            for table in tables]


TABLES = ("only_identity", '"100% $1"', "account", '"Odd ""Table"', "event", "big", "child", "parent", "noise")


def rejoin(world):
    """What the agent does next: rewind, follow. Before the checkpoint of its promotion the new writer's control file still
    names the old timeline, and pg_rewind would find nothing to do."""
    world.sql("new", "CHECKPOINT")
    result = subprocess.run([PGBIN + "/pg_rewind", "-D", world.data("old"), "--source-server",
                             "host=%s port=%d user=postgres dbname=postgres" % (HOST, PORTS["new"]), "-R", "--no-sync"],
                            capture_output=True, text=True, **as_user())
    assert result.returncode == 0, result.stderr
    world.start("old", "primary_slot_name=")  # copied from the other one
    end = world.sql("new", "SELECT pg_current_wal_flush_lsn()")[0][0]
    wait(lambda: world.sql("old", "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", end) == [(True,)], 60, "it streams")
    assert digest(world, "old", *TABLES) == digest(world, "new", *TABLES)


def test_nothing_in_the_way(world):
    """Without writes on the new writer everything is applied, and both come out equal, row for row."""
    opened = world.connect("old")
    opened.autocommit = False
    cursor = opened.cursor()
    cursor.execute("UPDATE big SET n = 77, body = repeat('z', 5000) WHERE id = 20")  # open across the fork
    cursor.execute("INSERT INTO parent VALUES (100, 'before')")
    world.sql("old", "INSERT INTO noise (v) VALUES ('last one that arrives')")
    world.caught_up()
    world.part()
    world.promote()
    world.sql("old", "CREATE INDEX noise_v ON noise (v)")
    work(world, 300, list(range(1, ACCOUNTS + 1)))
    world.sql("old", 'INSERT INTO only_identity DEFAULT VALUES; INSERT INTO "100% $1" VALUES (1), (2); UPDATE "100% $1" SET "50% off $#" = 3 '
                     'WHERE "50% off $#" = 1; DELETE FROM "100% $1" WHERE "50% off $#" = 2')
    cursor.execute("INSERT INTO child VALUES (5000, 100, 'after')")
    opened.commit()
    opened.close()
    world.sql("new", "CREATE TRIGGER t BEFORE INSERT OR UPDATE ON account FOR EACH ROW EXECUTE FUNCTION refuse()")
    expected = digest(world, "old", *TABLES)
    ticket = world.sql("old", "SELECT last_value FROM ticket")
    world.kill("old")
    tail = world.tail()
    dry = world.salvage("--dry-run")
    assert dry.returncode == 0 and "dry run" in dry.stdout, dry
    assert world.sql("new", "SELECT to_regclass('holdfast.ledger_run')") == [(None,)]
    done = world.salvage()
    print(done.stdout, done.stderr)
    assert done.returncode == 0, done
    entries = account_for(world, tail)
    open_ones = [entry for entry in entries if entry["state"] == "quarantined"]
    assert len(open_ones) == 1 and "schema" in open_ones[0]["reason"], open_ones
    assert digest(world, "new", *TABLES) == expected
    assert world.sql("new", "SELECT last_value FROM ticket")[0][0] >= ticket[0][0]
    assert world.sql("new", "SELECT sum(balance) FROM account") == [(ACCOUNTS * START,)]
    assert world.sql("new", "SELECT max(id) FROM noise") <= world.sql("new", "SELECT last_value FROM noise_id_seq")
    (run,) = world.sql("new", "SELECT state, method, commits FROM holdfast.ledger_run")
    assert run == ("complete", "decode", len(tail)), run
    # Once more: nothing changes.
    before = world.entries()
    again = world.salvage()
    assert again.returncode == 0 and world.entries() == before, again
    assert digest(world, "new", *TABLES) == expected
    rejoin(world)


def test_conflicts(world):
    """The new writer went on too: what touches its changes is quarantined whole, with all that depends on it."""
    world.sql("old", "BEGIN; INSERT INTO parent VALUES (200, 'prepared before'); UPDATE account SET owner = 'p' WHERE id = 1; "
                     "PREPARE TRANSACTION 'before'")
    world.sql("old", "BEGIN; INSERT INTO parent VALUES (201, 'rolled back'); PREPARE TRANSACTION 'rolled'")
    world.caught_up()
    world.part()
    world.promote(guard=False)
    world.sql("old", "COMMIT PREPARED 'before'")
    world.sql("old", "ROLLBACK PREPARED 'rolled'")
    world.sql("old", "BEGIN; INSERT INTO parent VALUES (202, 'both'); PREPARE TRANSACTION 'both'")
    world.sql("old", "COMMIT PREPARED 'both'")
    world.sql("old", "BEGIN; INSERT INTO parent VALUES (203, 'undecided'); PREPARE TRANSACTION 'undecided'")
    world.sql("old", "INSERT INTO keyless VALUES (1)")
    world.sql("old", "SELECT lo_create(4711)")
    world.sql("old", "CREATE TABLE made (id int PRIMARY KEY)")
    world.sql("old", "INSERT INTO made VALUES (1)")
    world.sql("old", "BEGIN; DELETE FROM parent WHERE id = 16; INSERT INTO noise (v) VALUES ('with the delete'); COMMIT")
    world.sql("old", "UPDATE parent SET name = 'same on both' WHERE id = 17")
    world.sql("old", "INSERT INTO parent VALUES (300, 'taken'), (301, 'goes with it')")
    world.sql("old", "DELETE FROM parent WHERE id = 18")
    world.sql("old", "UPDATE big SET n = 5 WHERE id = 3")
    world.sql("old", "TRUNCATE event")
    world.sql("old", "INSERT INTO event (word) VALUES ('after the truncate')")
    work(world, 200, list(range(2, ACCOUNTS + 1)), seed=2)
    chance = random.Random(3)
    connection = world.connect("new")
    with connection.cursor() as cursor:
        for _ in range(2):
            transfer(cursor, chance, list(range(2, ACCOUNTS + 1)))
        cursor.execute("INSERT INTO child VALUES (9000, 16, 'a child of what was deleted there')")
        cursor.execute("UPDATE parent SET name = 'same on both' WHERE id = 17")
        cursor.execute("DELETE FROM parent WHERE id = 18")
        cursor.execute("INSERT INTO parent VALUES (999, 'taken')")
        cursor.execute("DELETE FROM big WHERE id = 3")
    connection.close()
    before = {row[0]: row[1] for row in world.sql("new", "SELECT id, balance FROM account")}
    old = {row[0]: row[1] for row in world.sql("old", "SELECT id, balance FROM account")}
    world.kill("old")
    tail = world.tail()

    # Killed in the middle, again and again, and then finished.
    for pause in (0.4, 0.9, 1.3):
        victim = subprocess.Popen(world.arguments(), stdout=world.log, stderr=world.log, cwd=world.dir, **as_user())
        time.sleep(pause)
        victim.send_signal(signal.SIGKILL)
        victim.wait()
    done = world.salvage()
    print(done.stdout, done.stderr)
    assert done.returncode == 0, done
    entries = account_for(world, tail)
    assert all(entry["changes"] is not None for entry in entries if entry["state"] == "quarantined")
    assert world.sql("new", "SELECT sum(balance) FROM account") == [(ACCOUNTS * START,)]
    counts = states(entries)
    assert counts["applied"] > 20 and counts["quarantined"] > 8, counts

    def of(text):
        found = [entry for entry in entries if text in str(entry["changes"])]
        assert found, text
        return found[0]

    print([entry for entry in entries if "lock" in entry["reason"]])
    by_reason = [entry["reason"] for entry in entries if entry["state"] == "quarantined"]
    for reason in ("no replica identity", "large object 4711", "it changed the schema: ", "no such table", "a foreign key would break",
                   "a unique value is taken", "the row is gone", "changed the schema as well", "the row was changed", "touches what the quarantined",
                   "prepared, neither"):
        assert any(reason in told for told in by_reason), (reason, by_reason)
    assert of("goes with it")["state"] == "quarantined" and world.sql("new", "SELECT count(*) FROM parent WHERE id = 301") == [(0,)]
    assert of("with the delete")["state"] == "quarantined"
    assert world.sql("new", "SELECT name FROM parent WHERE id IN (200, 202) ORDER BY id") == [("prepared before",), ("both",)]
    assert world.sql("new", "SELECT owner FROM account WHERE id = 1") == [("p",)]
    assert world.sql("new", "SELECT gid FROM pg_prepared_xacts") == [("rolled",)]
    assert "rolled back" in str(world.sql("new", "SELECT notes FROM holdfast.ledger_run"))
    # A balance is what the new writer made of it, or what the old one had: never a mixture.
    after = {row[0]: row[1] for row in world.sql("new", "SELECT id, balance FROM account")}
    tainted = {int(change["v"]["id"]) for entry in entries if entry["state"] == "quarantined"
               for change in entry["changes"] if change["n"] == "account"}
    assert all(after[n] in (old[n], before[n]) for n in after if n not in tainted)
    assert any(after[n] != before[n] for n in after)
    assert len(tainted) < ACCOUNTS
    again = world.salvage()
    assert again.returncode == 0 and world.entries() == entries, again
    assert world.sql("new", "SELECT count(*) FROM child c LEFT JOIN parent p ON p.id = c.parent WHERE p.id IS NULL") == [(0,)]
    world.sql("new", "ROLLBACK PREPARED 'rolled'")
    rejoin(world)


def drop_slots(world):
    for dbname in ("shop", "postgres"):
        world.sql("old", "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_type = 'logical' AND "
                         "database = current_database()", dbname=dbname)


def test_without_a_slot(world):
    """The slot is gone, but the log and the catalog are as they were: decoded from a point before the fork, judged as ever."""
    opened = world.connect("old")
    opened.autocommit = False
    cursor = opened.cursor()
    cursor.execute("INSERT INTO parent VALUES (100, 'begun before')")
    world.sql("old", "INSERT INTO noise (v) VALUES ('last one that arrives')")
    world.caught_up()
    world.part()
    world.promote()
    world.sql("old", "DELETE FROM parent WHERE id = 19")
    world.sql("old", "INSERT INTO parent VALUES (400, 'comes')")
    world.sql("old", "UPDATE parent SET name = 'stays for a moment' WHERE id = 400")
    world.sql("old", "DELETE FROM parent WHERE id = 400")
    world.sql("old", "VACUUM parent")  # what was deleted is on no page any more
    world.sql("old", "UPDATE parent SET id = 500 WHERE id = 18")
    world.sql("old", "BEGIN; DELETE FROM parent WHERE id = 17; INSERT INTO parent VALUES (401, 'with the delete'); COMMIT")
    world.sql("old", "INSERT INTO keyless VALUES (1)")
    world.sql("old", "INSERT INTO parent VALUES (16, 'there is one') ON CONFLICT DO NOTHING")
    work(world, 60, list(range(1, ACCOUNTS + 1)))
    cursor.execute("INSERT INTO child VALUES (5000, 100, 'after')")
    opened.commit()
    opened.close()
    world.sql("new", "UPDATE parent SET name = 'changed since' WHERE id = 17")
    expected = digest(world, "old", *(table for table in TABLES if table != "parent"))
    drop_slots(world)
    world.kill("old")
    tail = world.tail()
    done = world.salvage()
    print(done.stdout, done.stderr)
    assert done.returncode == 0, done
    entries = account_for(world, tail)
    open_ones = {entry["reason"]: entry for entry in entries if entry["state"] == "quarantined"}
    assert set(open_ones) == {"the row was changed in public.parent", "no replica identity in public.keyless"}, open_ones
    (conflict,) = [entry for reason, entry in open_ones.items() if "changed" in reason]
    assert [(change["o"], change["k"] if "k" in change else change["v"]) for change in conflict["changes"]] == [
        ("D", {"id": "17"}), ("I", {"id": "401", "name": "with the delete"})]
    assert digest(world, "new", *(table for table in TABLES if table != "parent")) == expected
    assert world.sql("new", "SELECT id, name FROM parent WHERE id NOT BETWEEN 1 AND 16 ORDER BY id") == [
        (17, "changed since"), (20, "p20"), (100, "begun before"), (500, "p18")]
    assert world.sql("new", "SELECT state, method FROM holdfast.ledger_run") == [("complete", "decode")]
    assert "decoded from" in str(world.sql("new", "SELECT notes FROM holdfast.ledger_run"))
    again = world.salvage()
    assert again.returncode == 0 and world.entries() == entries, again
    world.start("old")
    assert world.sql("old", "SELECT slot_name FROM pg_replication_slots WHERE slot_type = 'logical'") == [], "nothing stays behind"
    world.kill("old", signal.SIGINT)


def test_without_a_slot_and_a_changed_catalog(world):
    """Nor can the log be decoded: it names every commit, the rows that are left are kept, and the directory must stay."""
    world.caught_up()
    world.part()
    world.promote()
    world.sql("old", "INSERT INTO parent VALUES (400, 'left')")
    world.sql("old", "UPDATE account SET balance = balance + 1 WHERE id = 5")
    world.sql("old", "CREATE TABLE made (id int PRIMARY KEY)")
    world.sql("old", "DELETE FROM parent WHERE id = 19")
    drop_slots(world)
    world.kill("old")
    tail = world.tail()
    done = world.salvage()
    assert done.returncode == 10, done
    entries = account_for(world, tail)
    assert [entry["state"] for entry in entries] == ["quarantined"] * 4, entries
    assert entries[0]["changes"][0]["v"] == {"id": 400, "name": "left"}
    assert entries[1]["changes"][0]["v"]["balance"] == START + 1
    assert "changed the schema: " in entries[2]["reason"] and "public.made" in entries[2]["reason"]
    assert entries[3]["changes"] == [] and "deleted rows, which are unknown" in entries[3]["reason"]
    assert "the catalog was changed behind the fork" in entries[3]["reason"]
    assert world.sql("new", "SELECT state, method FROM holdfast.ledger_run") == [("incomplete", "rows")]
    assert world.sql("new", "SELECT balance FROM account WHERE id = 5") == [(START,)]


def test_what_is_refused(world):
    """Another cluster, a writer that is none, nobody there: said, and nothing written."""
    world.caught_up()
    world.sql("old", "INSERT INTO parent VALUES (400, 'x')")
    world.kill("old")
    done = world.salvage()
    assert done.returncode == 1 and "unexpected role" in done.stderr, done
    world.part()
    world.promote()
    world.kill("new", signal.SIGINT)
    done = world.salvage()
    assert done.returncode == 1 and "new writer" in done.stderr, done
    world.run(PGBIN + "/initdb", "-D", world.data("other"), "-U", "postgres", "-A", "trust", "--no-sync")
    PORTS["other"] = PORTS["new"]
    world.start("other")
    world.sql("other", "CREATE DATABASE shop", dbname="postgres")
    done = world.salvage()
    assert done.returncode == 3 and "another cluster" in done.stderr, done
    assert world.sql("other", "SELECT to_regclass('holdfast.ledger_run')") == [(None,)]
