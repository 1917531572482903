# SPDX-License-Identifier: Apache-2.0
"""Adoption: a primary and its standby that were made by hand, with data, become nodes; what is wrong is refused with a sentence."""
import contextlib
import os
import shutil
import signal
import subprocess

import psycopg2
import pytest

from agent_world import HOLDFAST, NODES, PASSWORD, PGBIN, World, wait
from salvage_world import as_user

HBA = "# of the operators\nhost all all 127.0.0.0/8 scram-sha-256\nhost replication replicator 127.0.0.0/8 scram-sha-256\n"
CONF = "\n# of the operators\nmax_connections = 60\nwork_mem = 7MB\nwal_keep_size = 99MB\narchive_mode = off\nport = 1\n"


class Hand:
    """Servers as somebody runs them without us."""

    def __init__(self, world):
        self.world, self.servers = world, {}
        self.log = open(os.path.join(world.dir, "hand.log"), "ab")

    def run(self, *words, **more):
        subprocess.run(words, check=True, stdout=self.log, stderr=self.log, cwd="/", **more, **as_user())

    def write(self, name, file, text, mode="w"):
        path = os.path.join(self.world.data(name), file)
        with open(path, mode) as out:
            out.write(text)
        if os.geteuid() == 0:
            os.chown(path, self.world.user.pw_uid, self.world.user.pw_gid)

    def initdb(self, name):
        password = os.path.join(self.world.dir, name, "password")
        with open(password, "w") as file:
            file.write(PASSWORD + "\n")
        os.chmod(password, 0o644)
        self.run(PGBIN + "/initdb", "-D", self.world.data(name), "-U", "postgres", "--auth=scram-sha-256", "--pwfile=" + password,
                 "--no-sync")
        self.write(name, "pg_hba.conf", HBA)
        self.write(name, "postgresql.conf", CONF, "a")

    def start(self, name):
        _, (host, port) = NODES[name]
        data = self.world.data(name)
        self.servers[name] = subprocess.Popen(
            [PGBIN + "/postgres", "-D", data, "-h", host, "-p", str(port), "-k", "", "-c", "data_directory=" + data,
             "-c", "hba_file=%s/pg_hba.conf" % data, "-c", "ident_file=%s/pg_ident.conf" % data],  # a copy has its source's
            stdout=self.log, stderr=self.log, cwd="/", **as_user())
        wait(lambda: subprocess.call([PGBIN + "/pg_isready", "-q", "-h", host, "-p", str(port)]) == 0, 60, name + " runs")

    def basebackup(self, name, source):
        _, (host, port) = NODES[source]
        self.run(PGBIN + "/pg_basebackup", "-D", self.world.data(name), "-h", host, "-p", str(port), "-U", "replicator", "-R", "-c",
                 "fast", "--no-sync", env=dict(os.environ, PGPASSWORD=PASSWORD))

    def end(self):
        for server in self.servers.values():
            if server.poll() is None:
                server.send_signal(signal.SIGQUIT)
                server.wait(60)


@pytest.fixture
def world():
    made = World()
    hand = Hand(made)
    try:
        made.hand = hand
        yield made
    finally:
        made.dump()
        print(open(os.path.join(made.dir, "hand.log"), errors="replace").read()[-3000:])
        hand.end()
        made.down()


def adopt(world, name, *words, config=None):
    done = subprocess.run([HOLDFAST, "agent", "adopt", "--node", name, "--config", config or world.config, "--run-as", world.user.pw_name,
                           *words], capture_output=True, text=True, timeout=180)
    print(name, words, done.returncode, done.stdout, done.stderr)
    return done


def refused(world, name, said, *words, config=None):
    done = adopt(world, name, *words, config=config)
    assert done.returncode == 3 and said in done.stderr and "nothing was changed" in done.stderr, (said, done.stderr)


def agent_refuses(world, name, said, config=None):
    done = subprocess.run([HOLDFAST, "agent", "--node", name, "--config", config or world.config, "--run-as", world.user.pw_name],
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 1 and said in done.stderr, done


def other_version(world):
    """Programs of another version, as far as they tell."""
    folder = os.path.join(world.dir, "bin16")
    os.mkdir(folder)
    for program in os.listdir(PGBIN):
        os.symlink(os.path.join(PGBIN, program), os.path.join(folder, program))
    teller = os.path.join(folder, "pg_controldata")
    os.unlink(teller)
    with open(teller, "w") as file:
        file.write("#!/bin/sh\n[ \"$1\" != --version ] || exec echo 'pg_controldata (PostgreSQL) 16.4'\nexec %s/pg_controldata \"$@\"\n" % PGBIN)
    os.chmod(teller, 0o755)
    config = os.path.join(world.dir, "bin16.yaml")
    with open(world.config) as file, open(config, "w") as out:
        out.write(file.read().replace("bin: " + PGBIN, "bin: " + folder))
    return config


@contextlib.contextmanager
def manager(world, name):
    """A process of that name, and of the servers' user."""
    program = os.path.join(world.dir, name)
    shutil.copy("/bin/sleep", program)
    process = subprocess.Popen([program, "600"], **as_user())
    try:
        wait(lambda: open("/proc/%d/comm" % process.pid).read() == name + "\n", 30)
        yield
    finally:
        process.kill()
        process.wait()


def promoted_by_hand(world, name):
    """A copy of a that somebody has promoted once, and made a standby again: rows that nobody else has."""
    hand = world.hand
    hand.basebackup(name, "a")
    hand.start(name)
    hand.run(PGBIN + "/pg_ctl", "promote", "-D", world.data(name), "-w", "-t", "60")
    world.sql(name, "CREATE TABLE astray ()")
    hand.run(PGBIN + "/pg_ctl", "stop", "-D", world.data(name), "-m", "fast", "-w", "-t", "60")
    hand.write(name, "standby.signal", "")


def hba(world, name):
    with open(os.path.join(world.data(name), "pg_hba.conf")) as file:
        return file.read()


def test_adoption(world):
    hand = world.hand
    refused(world, "a", "nothing to adopt")
    hand.initdb("a")
    hand.start("a")
    with contextlib.closing(psycopg2.connect(host="127.9.0.11", port=23432, user="postgres", password=PASSWORD, dbname="postgres")) as session:
        session.autocommit = True
        with session.cursor() as cursor:
            cursor.execute("CREATE ROLE replicator LOGIN REPLICATION PASSWORD %s", (PASSWORD,))
            cursor.execute("CREATE DATABASE shop")
    world.sql("a", "CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n")
    hand.basebackup("b", "a")
    hand.start("b")
    wait(lambda: world.sql("b", "SELECT count(*) FROM kept") == [(1000,)], 60)
    system = world.sql("a", "SELECT system_identifier::text FROM pg_control_system()")

    # An agent that comes upon them leaves them alone: they go on running.
    agent_refuses(world, "a", "no agent has made, and is left alone: adopt it")
    agent_refuses(world, "b", "no agent has made, and is left alone: adopt it")
    assert world.sql("a", "SELECT count(*) FROM kept") == [(1000,)] and hba(world, "a") == HBA
    refused(world, "a", "the server runs")
    sixteen = other_version(world)
    refused(world, "a", "is of PostgreSQL 15, the programs in", "--stop", config=sixteen)
    with manager(world, "patroni"):
        refused(world, "a", "patroni (process ", "--stop")
    look = adopt(world, "a", "--stop", "--dry-run")
    assert look.returncode == 0 and "the primary of system " + system[0][0] in look.stdout and "archive_mode, port" in look.stdout, look
    assert hand.servers["a"].poll() is None and hba(world, "a") == HBA

    # The primary first: stopped, taken over, and started by its agent as the writer of epoch 1.
    world.controller.start()
    taken = adopt(world, "a", "--stop")
    assert taken.returncode == 0 and "adopted as a of shop" in taken.stdout, taken
    refused(world, "a", "an agent has this directory already")
    world.start("a")
    wait(lambda: world.is_writer("a"), 90, "a writes")
    refused(world, "a", "an agent of this node runs")
    assert world.node("a")["epoch"] == 1 and world.sql("a", "SELECT count(*) FROM kept") == [(1000,)]
    assert world.sql("a", "SELECT system_identifier::text FROM pg_control_system()") == system
    shown = "SELECT current_setting('work_mem'), current_setting('wal_keep_size'), current_setting('wal_level')"
    assert world.sql("a", shown) == [("7MB", "64MB", "logical")], "operators' files, then databases.*.parameters, then what must be"
    assert HBA in hba(world, "a") and "host all all 0.0.0.0/0" not in hba(world, "a")

    # A standby follows with the data it has. What is not one of this cluster is refused.
    assert adopt(world, "b", "--stop").returncode == 0
    before = os.stat(os.path.join(world.data("b"), "PG_VERSION")).st_ino
    world.start("b")
    wait(lambda: world.follows("b", "a"), 90, "b follows a")
    assert os.stat(os.path.join(world.data("b"), "PG_VERSION")).st_ino == before, "not cloned"
    hand.initdb("c")
    refused(world, "c", "c is not the initial_writer of shop, but this is a primary's directory")
    hand.write("c", "standby.signal", "")
    refused(world, "c", "it is of another cluster: its system identifier is")
    agent_refuses(world, "c", "no agent has made, and is left alone")
    os.rename(world.data("c"), world.data("c") + ".away")
    promoted_by_hand(world, "c")
    refused(world, "c", "it left the history of the writer a")
    shutil.rmtree(world.data("c"))
    world.start("c")
    wait(lambda: world.follows("c", "a"), 120, "c was cloned")
    assert HBA in hba(world, "c"), "the operators' lines came along"

    # The cluster is one of ours.
    world.stop("a", 1)
    status, report = world.failover("a", "b", 2)
    assert status == 200 and report["timeline"] == 2, report
    assert world.sql("b", "SELECT count(*) FROM kept") == [(1000,)]


def test_other_versions_are_refused(world):
    """A node whose programs are of another version than the writer does not even begin to copy; nor does one start on data of another."""
    world.controller.start()
    world.start("a")
    wait(lambda: world.is_writer("a"), 90, "a writes")
    config, world.config = world.config, other_version(world)
    world.start("b")
    wait(lambda: "a runs PostgreSQL 15, the programs in" in world.node("b").get("error", ""), 60, "b says why")
    assert not os.path.exists(world.data("b"))
    world.signal("b", signal.SIGTERM)
    world.agents["b"].wait(60)
    world.config = config
    world.start("b")
    wait(lambda: world.follows("b", "a"), 90, "with the right programs it follows")
    world.signal("b", signal.SIGTERM)
    world.agents["b"].wait(60)
    agent_refuses(world, "b", "is of PostgreSQL 15, the programs in", config=other_version_config(world))

    # Started twice, or with a record that nobody can read.
    agent_refuses(world, "a", "an agent of this node runs already")
    assert world.is_writer("a")
    with open(world.data("b") + ".holdfast/record", "r+b") as file:
        file.write(b"epoch x\n")
    agent_refuses(world, "b", "record cannot be read")
    assert world.postgres_pids("b") == []


def other_version_config(world):
    return os.path.join(world.dir, "bin16.yaml")
