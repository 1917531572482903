# SPDX-License-Identifier: Apache-2.0
"""Two plain PostgreSQL servers whose histories part: a standby is promoted while the old writer goes on committing.

No agent is at work: what the agent does at a promotion (guard slot, first transaction) is done here in the same words."""
import json
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time

import psycopg2
import psycopg2.extras

from plain import alive

BUILD = os.path.abspath(os.environ.get("HOLDFAST_BUILD", os.path.join(os.path.dirname(__file__), "..", "..", "build")))
HOLDFAST = os.path.join(BUILD, "src", "bin", "holdfast")
PGBIN = "/usr/lib/postgresql/15/bin"
HOST = "127.9.4.1"
PORTS = {"old": 24432, "new": 24433}
SETTINGS = ("wal_level=logical", "wal_log_hints=on", "max_prepared_transactions=10", "shared_buffers=64MB", "autovacuum=off",
            "max_wal_size=4GB", "hot_standby_feedback=on", "wal_receiver_status_interval=1s", "max_connections=50")


def as_user():
    if os.geteuid() != 0:
        return {}
    entry = pwd.getpwnam("postgres")
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def wait(condition, seconds=60, what=""):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError("did not come true in time: " + what)


class World:
    def __init__(self, fsync="off"):
        self.dir = tempfile.mkdtemp(prefix="holdfast-salvage-test-")
        os.chmod(self.dir, 0o755)
        if os.geteuid() == 0:
            shutil.chown(self.dir, "postgres", "postgres")
        self.fsync = fsync
        self.servers = {}
        self.log = open(os.path.join(self.dir, "log"), "ab")

    def data(self, name):
        return os.path.join(self.dir, name)

    def run(self, *command, check=True, **more):
        return subprocess.run(command, check=check, stdout=self.log, stderr=self.log, cwd=self.dir, **more, **as_user())

    def start(self, name, *settings):
        arguments = []
        for setting in ("fsync=" + self.fsync,) + settings:
            arguments += ["-c", setting]
        self.servers[name] = subprocess.Popen(
            [PGBIN + "/postgres", "-D", self.data(name), "-h", HOST, "-p", str(PORTS[name]), "-k", ""] + arguments,
            stdout=self.log, stderr=self.log, cwd=self.dir, **as_user())
        wait(lambda: subprocess.call([PGBIN + "/pg_isready", "-q", "-h", HOST, "-p", str(PORTS[name])]) == 0, 60, name)

    def kill(self, name, number=signal.SIGKILL):
        """The whole server at once."""
        process = self.servers.pop(name)
        children = open("/proc/%d/task/%d/children" % (process.pid, process.pid)).read().split()
        process.send_signal(number)
        if number == signal.SIGKILL:
            for child in children:
                try:
                    os.kill(int(child), number)
                except ProcessLookupError:
                    pass
        process.wait(60)
        wait(lambda: not any(map(alive, children)), 60, "every process of it has ended")

    def connect(self, name, dbname="shop"):
        connection = psycopg2.connect(host=HOST, port=PORTS[name], user="postgres", dbname=dbname,
                                      options="-c lock_timeout=20s -c statement_timeout=60s")
        connection.autocommit = True
        return connection

    def sql(self, name, text, *arguments, dbname="shop"):
        connection = self.connect(name, dbname)
        try:
            with connection.cursor() as cursor:
                cursor.execute(text, arguments or None)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def up(self, schema):
        self.run(PGBIN + "/initdb", "-D", self.data("old"), "-U", "postgres", "-A", "trust", "--no-sync", "-k")
        with open(self.data("old") + "/postgresql.conf", "a") as file:  # as salvage finds it, too
            file.write("\n".join(SETTINGS) + "\n")
        self.start("old")
        self.sql("old", "CREATE DATABASE shop", dbname="postgres")
        self.sql("old", schema)
        self.sql("old", "CREATE SCHEMA holdfast; CREATE TABLE holdfast.promotion (timeline bigint PRIMARY KEY, epoch bigint NOT "
                        "NULL, node text NOT NULL, first_xid bigint NOT NULL, at timestamptz NOT NULL)")
        self.guard("old")
        self.run(PGBIN + "/pg_basebackup", "-D", self.data("new"), "-h", HOST, "-p", str(PORTS["old"]), "-U", "postgres", "-R",
                 "-c", "fast", "-C", "-S", "new", "--no-sync")
        self.start("new")
        wait(lambda: self.sql("old", "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'") == [(1,)])

    def guard(self, name):
        for dbname in ("shop", "postgres"):
            self.sql(name, "SELECT pg_create_logical_replication_slot('holdfast_guard_' || oid, 'test_decoding') FROM "
                           "pg_database WHERE datname = current_database()", dbname=dbname)

    def caught_up(self):
        end = self.sql("old", "SELECT pg_current_wal_flush_lsn()")[0][0]
        wait(lambda: self.sql("new", "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", end) == [(True,)])

    def part(self):
        """From here on the old writer's commits reach nobody; the other one is promoted."""
        self.sql("new", "ALTER SYSTEM SET primary_conninfo = ''; ")
        self.sql("new", "SELECT pg_reload_conf()")
        wait(lambda: self.sql("new", "SELECT count(*) FROM pg_stat_wal_receiver") == [(0,)])

    def promote(self, guard=True):
        first = self.sql("new", "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint")[0][0]
        self.sql("new", "SELECT pg_promote()")
        self.sql("new", "INSERT INTO holdfast.promotion VALUES (2, 2, 'new', %s, now())", first)
        if guard:  # a slot waits for everything that is open, prepared transactions too
            self.guard("new")

    def arguments(self, *more):
        return [HOLDFAST, "salvage", "--data", self.data("old"), "--bin", PGBIN, "--writer", "%s:%d" % (HOST, PORTS["new"]),
                "--dbname", "shop", "--node", "old", "--epoch", "1"] + list(more)

    def salvage(self, *more):
        return subprocess.run(self.arguments(*more), capture_output=True, text=True, cwd=self.dir, timeout=300, **as_user())

    def tail(self):
        """Every commit behind the fork, as pg_waldump tells, with the server down: {xid}."""
        history = open(self.data("new") + "/pg_wal/00000002.history").read().split()
        lines = subprocess.run([PGBIN + "/pg_waldump", "-p", self.data("old") + "/pg_wal", "-t", "1", "-s", history[1], "-r",
                                "Transaction"], capture_output=True, text=True, **as_user()).stdout.splitlines()
        found = set()
        for line in lines:
            what = line.split("desc: ")[1]
            if what.startswith("COMMIT_PREPARED "):
                found.add(int(what.split()[1].rstrip(":")))
            elif what.startswith("COMMIT "):
                found.add(int(line.split("tx:")[1].split(",")[0]))
        return found

    def entries(self, dbname="shop"):
        connection = self.connect("new", dbname)
        try:
            with connection.cursor(cursor_factory=psycopg2.extras.DictCursor) as cursor:
                cursor.execute("SELECT * FROM holdfast.ledger_entry ORDER BY commit_lsn")
                return [dict(row) for row in cursor.fetchall()]
        finally:
            connection.close()

    def down(self):
        for process in self.servers.values():
            process.send_signal(signal.SIGINT)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
        self.log.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def dump(self):
        print(open(os.path.join(self.dir, "log"), errors="replace").read()[-5000:])
