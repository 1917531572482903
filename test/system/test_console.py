# SPDX-License-Identifier: Apache-2.0
"""The SQL proxy's admin console. No PostgreSQL runs here: the console needs none; sessions wait for a server in vain."""
import os
import shutil
import signal
import socket
import struct
import subprocess
import tempfile

import psycopg2
import pytest

from test_proxy import DEADLINE, HOST, LAB, PORT_A, PORT_B, PORT_PROXY, wait


class World:
    def __init__(self, root):
        self.root, self.version = root, 0
        memory, file = os.path.join(root, "view.shm"), os.path.join(root, "view")
        self.publisher = subprocess.Popen([LAB, "publish", memory, file], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.view()
        self.log = open(os.path.join(root, "proxy.log"), "ab")
        self.proxy = subprocess.Popen([LAB, "serve", memory, file, str(PORT_PROXY), "2", "600000", "600000", "50", "login"],
                                      stderr=self.log, env=dict(os.environ, LAB_PASSWORD="any", LAB_CONSOLE="let me look"))
        wait(self.reachable, "proxy up")

    def view(self):
        self.version += 1
        self.publisher.stdin.write(f"view {self.version} 7 0 0 {PORT_A} {PORT_B}\n")
        self.publisher.stdin.flush()
        assert self.publisher.stdout.readline().strip() == "OK OK"

    @staticmethod
    def reachable(port=PORT_PROXY):
        with socket.socket() as probe:
            return probe.connect_ex((HOST, port)) == 0

    def down(self):
        self.proxy.send_signal(signal.SIGTERM)
        assert self.proxy.wait(DEADLINE) == 0
        self.publisher.stdin.close()
        self.publisher.wait()
        self.log.close()


@pytest.fixture(scope="module")
def world():
    root = tempfile.mkdtemp(prefix="holdfast-console-")
    it = World(root)
    yield it
    it.down()
    shutil.rmtree(root, ignore_errors=True)


def console(password="let me look", user="ops", port=PORT_PROXY):
    connection = psycopg2.connect(host=HOST, port=port, dbname="holdfast", user=user, password=password)
    connection.autocommit = True
    return connection


def rows(connection, text):
    with connection.cursor() as cursor:
        cursor.execute(text)
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row)) for row in cursor.fetchall()]


def run(connection, text):
    with connection.cursor() as cursor:
        cursor.execute(text)
        return cursor.statusmessage


def waiting_client(database=b"shop", port=PORT_PROXY):
    """A session that waits for a server: nobody listens where the view says."""
    client = socket.create_connection((HOST, port), DEADLINE)
    packet = struct.pack(">I", 0x30000) + b"user\0ann\0database\0" + database + b"\0\0"
    client.sendall(struct.pack(">I", len(packet) + 4) + packet)
    return client


def test_who_may_come_in(world):
    assert rows(console(), "SHOW VERSION")[0]["version"].startswith("Holdfast ")
    for user, password in (("ops", "guess"), ("ann", "let me look"), ("postgres", "any")):
        with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
            console(password, user)


def test_what_is_shown(world):
    connection = console()
    client = waiting_client()
    clients = wait(lambda: [row for row in rows(connection, "SHOW CLIENTS;") if row["user"] == "ann"], "the client is there")
    assert clients[0]["database"] == "shop" and clients[0]["state"] == "waiting" and clients[0]["addr"] == client.getsockname()[0]
    assert clients[0]["port"] == str(client.getsockname()[1])
    databases = {row["name"]: row for row in rows(connection, "show databases")}
    assert set(databases) == {"shop", "other", "read", "fresh"}
    assert databases["shop"]["node"] == "a" and databases["shop"]["port"] == str(PORT_A) and databases["shop"]["epoch"] == "7"
    assert databases["shop"]["current_connections"] == "1" and databases["other"]["database"] == "shop"
    assert databases["read"]["route"] == "reader" and databases["read"]["node"] == "b"
    stats = {row["name"]: int(row["value"]) for row in rows(connection, "SHOW COUNTERS")}
    assert stats["sessions"] == 1 and stats["sessions_waiting"] == 1
    done = {row["database"]: row for row in rows(connection, "SHOW STATS")}
    assert set(done) == set(databases) and len(done["shop"]) == 15 and done["shop"]["total_query_count"] == "0"
    assert rows(connection, "SHOW CONFIG") == []  # this proxy was made without a configuration
    assert isinstance(rows(connection, "SHOW SERVERS"), list)
    assert any(row["command"].startswith("PAUSE") for row in rows(connection, "SHOW HELP"))
    client.close()
    wait(lambda: not rows(connection, "SHOW CLIENTS"), "it has left")


def test_pause_and_resume(world):
    connection = console()
    assert run(connection, "PAUSE shop") == "PAUSE"  # nobody is inside a transaction
    assert {row["name"]: row["paused"] for row in rows(connection, "SHOW DATABASES")} == {"shop": "1", "other": "0", "read": "0", "fresh": "0"}
    assert run(connection, "PAUSE") == "PAUSE"
    assert all(row["paused"] == "1" for row in rows(connection, "SHOW DATABASES"))
    assert run(console(), "RESUME") == "RESUME"
    assert all(row["paused"] == "0" for row in rows(connection, "SHOW DATABASES"))


def test_kill(world):
    connection = console()
    client, other = waiting_client(), waiting_client(b"read")
    wait(lambda: len(rows(connection, "SHOW CLIENTS")) == 2, "both are there")
    pools = {row["database"]: row for row in rows(connection, "SHOW POOLS")}
    assert pools["shop"] == {"database": "shop", "user": "ann", "cl_active": "0", "cl_waiting": "1", "sv_active": pools["shop"]["sv_active"],
                             "sv_idle": "0"}
    assert run(connection, "KILL shop") == "KILL"
    data = b""
    while chunk := client.recv(4096):
        data += chunk
    assert b"C57P01" in data and b"an operator has ended all sessions" in data
    assert [row["database"] for row in rows(connection, "SHOW CLIENTS")] == ["read"]
    assert {row["name"]: row["paused"] for row in rows(connection, "SHOW DATABASES")} == {"shop": "1", "other": "0", "read": "0", "fresh": "0"}
    assert run(connection, "RESUME shop") == "RESUME"
    client.close()
    other.close()
    wait(lambda: not rows(connection, "SHOW CLIENTS"), "they have left")


def test_what_is_refused(world):
    connection = console()
    for text, state in (("SHOW NOTHING", "42601"), ("DROP DATABASE shop", "42601"), ("PAUSE nothing", "3D000"), ("SHUTDOWN", "0A000"),
                        ("SHOW", "42601"), ("PAUSE a b", "42601")):
        with pytest.raises(psycopg2.Error) as refused:
            run(connection, text)
        assert refused.value.pgcode == state, text
    assert rows(connection, "SHOW VERSION")
    with pytest.raises(psycopg2.ProgrammingError):
        run(connection, " ; ")  # nothing at all is no error of ours: psycopg2 says so
    longer = console()
    with socket.socket(fileno=os.dup(longer.fileno())) as peer:  # psycopg2 would only say that the connection is gone
        peer.settimeout(DEADLINE)
        peer.sendall(b"Q" + struct.pack(">I", 5004) + b"x" * 5000)
        assert b"C54000\0" in b"".join(iter(lambda: peer.recv(4096), b""))
    assert rows(connection, "SHOW VERSION")


def test_too_many_are_told(world):
    kept = []
    with pytest.raises(psycopg2.OperationalError, match="too many clients of the console"):
        kept.extend(console() for _ in range(17))  # some that came before may still be there
    assert kept and all(rows(connection, "SHOW VERSION") for connection in kept)
    kept.pop().close()
    wait(comes_in, "a place is free")


def comes_in():
    try:
        console().close()
        return True
    except psycopg2.OperationalError:
        return False


# ---- the real process, with a configuration ----

HOLDFAST = os.path.join(os.environ["HOLDFAST_BUILD"], "src", "bin", "holdfast")
PORT_SITE = 25439
SITE = """
name: shop
security: {{ token: {{ file: {root}/token }} }}
store: {{ path: {root}/holdfast.db }}
regions: {{ taiwan: {{ backup: [tokyo] }}, tokyo: {{ backup: [taiwan] }} }}
sites:
  taiwan: {{ region: taiwan, roles: [proxy], state_dir: {root}, proxy: {{ listen: ["{host}:{port}"] }} }}
  tokyo: {{ region: tokyo, roles: [observer], state_dir: {root} }}
  witness: {{ roles: [control], state_dir: {root}, api: {{ listen: "127.9.0.1:26001" }} }}
databases:
  shop:
    tier1: false
    initial_writer: a
    superuser: {{ name: postgres, password: {{ file: {root}/token }} }}
    replication: {{ name: replicator, password: {{ file: {root}/token }} }}
    nodes:
      a: {{ region: taiwan, postgres: "127.9.1.5:5432", agent: "127.9.1.5:9201", data: {root}/a }}
      b: {{ region: tokyo, postgres: "127.9.2.5:5432", agent: "127.9.2.5:9201", data: {root}/b }}
checks:
  database-master: {{ kind: postgres, severity: critical, layer: 1, component: db, targets: {{ taiwan: {{ database: shop }}, tokyo: {{ database: shop }} }} }}
proxy:
  {more}
  max_clients: {clients}
  databases:
{entries}
  console: {{ users: {{ ops: {{ password: {{ file: {root}/ops }} }} }} }}
"""


class Site:
    def __init__(self, root):
        self.root, self.config, self.said = root, os.path.join(root, "holdfast.yaml"), os.path.join(root, "log")
        with open(os.path.join(root, "token"), "w", encoding="ascii") as file:
            file.write("sesame\n")
        self.write("shop: { database: shop, route: writer }")
        self.password("first words")
        self.publisher = subprocess.Popen([LAB, "publish", os.path.join(root, "view.shm"), os.path.join(root, "view.last")],
                                          stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        wait(lambda: os.path.exists(os.path.join(root, "view.shm")), "the view's memory")
        self.log = open(self.said, "ab")
        self.proxy = subprocess.Popen([HOLDFAST, "serve", "--role", "proxy", "--site", "taiwan", "--config", self.config], stderr=self.log)
        wait(lambda: World.reachable(PORT_SITE), "proxy up")

    def write(self, *entries, clients=40, more=""):
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(SITE.format(root=self.root, host=HOST, port=PORT_SITE, clients=clients, more=more, entries="\n".join("    " + one for one in entries)))

    def password(self, text):
        with open(os.open(os.path.join(self.root, "ops"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
            file.write(text + "\n")

    def has_said(self, text):
        with open(self.said, encoding="utf-8") as file:
            return text in file.read()

    def counts(self, entry):
        """Whether figures of the entry are told to the controllers."""
        with open(os.path.join(self.root, "proxy.figures"), "rb") as file:
            return entry.encode() + b"\0" in file.read()

    def down(self):
        self.proxy.terminate()
        assert self.proxy.wait(DEADLINE) == 0
        self.publisher.stdin.close()
        self.publisher.wait()
        self.log.close()


@pytest.fixture
def site(tmp_path):
    it = Site(str(tmp_path))
    yield it
    it.down()


def names(connection):
    return [row["name"] for row in rows(connection, "SHOW DATABASES")]


def test_reload(site):
    """Entries, console users and what SHOW CONFIG says are read again; what takes a restart is told."""
    operator = console("first words", port=PORT_SITE)
    assert names(operator) == ["shop"]
    client = waiting_client(port=PORT_SITE)
    wait(lambda: len(rows(operator, "SHOW CLIENTS")) == 1, "it waits")
    site.write("shop: { database: shop, route: writer, pool: { mode: none, max_clients: 7 } }", "read: { database: shop, route: reader }", clients=41, more="auth: scram")
    site.password("second words")
    assert run(operator, "RELOAD") == "RELOAD"
    wait(lambda: names(operator) == ["shop", "read"], "the new entry")
    for what in ("proxy.max_clients", "proxy.auth"):
        wait(lambda: site.has_said(what + ": the proxy goes on with what it was started with"), "a restart is asked for")
    assert not site.has_said("listen: the proxy goes on") and not site.has_said("superuser, dbname: the proxy goes on")
    assert len(rows(operator, "SHOW CLIENTS")) == 1
    config = {row["key"]: row for row in rows(operator, "SHOW CONFIG")}
    assert config["proxy.databases.shop.pool.max_clients"]["value"] == "7"
    assert config["proxy.databases.shop.pool.max_clients"]["changeable"] == "yes" and config["proxy.max_clients"]["changeable"] == "no"
    with pytest.raises(psycopg2.Error):
        console("first words", port=PORT_SITE)
    operator = console("second words", port=PORT_SITE)
    wait(lambda: site.counts("shop") and site.counts("read"), "both are in the figures")
    site.write("read: { database: shop, route: reader }")
    site.proxy.send_signal(signal.SIGHUP)
    wait(lambda: names(operator) == ["read"], "its entry is gone, and so is the client")
    client.settimeout(DEADLINE)
    assert b"taken out of the proxy's configuration" in client.recv(4096)
    client.close()
    wait(lambda: site.counts("read") and not site.counts("shop"), "what it had counted is not told for ever")


def test_reload_of_a_broken_configuration_changes_nothing(site):
    operator = console("first words", port=PORT_SITE)
    site.write("shop: { database: shop, route: sideways }")
    assert run(operator, "RELOAD") == "RELOAD"
    wait(lambda: site.has_said("the proxy's entries stay as they were"), "it is refused")
    assert names(operator) == ["shop"]
