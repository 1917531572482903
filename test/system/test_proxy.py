# SPDX-License-Identifier: Apache-2.0
"""The SQL proxy between real clients and two real PostgreSQL servers, while the test plays the controller.

Server a is the writer at first, b its streaming standby; tests that need another writer promote nothing: the view may name
b only after it was promoted once, at the start of the tests that come last (the order of this file matters)."""
import json
import os
import pwd
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time

import psycopg2
import psycopg2.errors
import psycopg2.extras
import pytest

BUILD = os.path.abspath(os.environ.get("HOLDFAST_BUILD", os.path.join(os.path.dirname(__file__), "..", "..", "build")))
LAB = os.path.join(BUILD, "test", "system", "proxy_lab")
PGBIN = "/usr/lib/postgresql/15/bin"
HOST = "127.9.0.1"
PORT_A, PORT_B, PORT_C, PORT_PROXY, PORT_OTHER = 25432, 25433, 25434, 25435, 25436
DEADLINE = 60  # seconds that anything may take before the test fails


def as_user():
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    entry = pwd.getpwnam("postgres")
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def wait(condition, what):
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError("never happened: " + what)


def over(pid):
    """Whether a process has ended, and so given its memory back: it may still wait for its parent to notice."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


class Server:
    def __init__(self, root, name, port):
        self.root, self.port, self.process = root, port, None
        self.data = os.path.join(root, name)
        self.log = open(os.path.join(root, name + ".log"), "ab")

    def run(self, *command):
        subprocess.run(command, check=True, stdout=self.log, stderr=self.log, cwd=self.root, **as_user())

    def init(self):
        self.run(f"{PGBIN}/initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "--no-sync", "-k", "--locale=C")
        with open(os.path.join(self.data, "pg_hba.conf"), "a", encoding="utf-8") as hba:
            hba.write("host all secured 127.0.0.0/8 scram-sha-256\n")
        path = os.path.join(self.data, "pg_hba.conf")
        with open(path, encoding="utf-8") as hba:
            lines = hba.readlines()
        with open(path, "w", encoding="utf-8") as hba:  # the first matching line wins
            hba.writelines(lines[-1:] + lines[:-1])

    def clone(self, other):
        self.run(f"{PGBIN}/pg_basebackup", "-h", HOST, "-p", str(other.port), "-U", "postgres", "-D", self.data, "-R",
                 "-X", "stream", "-c", "fast", "--no-sync")

    def start(self):
        self.process = subprocess.Popen(
            [f"{PGBIN}/postgres", "-D", self.data, "-h", HOST, "-p", str(self.port), "-k", self.root, "-c", "fsync=off",
             "-c", "max_connections=60", "-c", "shared_buffers=16MB", "-c", "wal_retrieve_retry_interval=100ms"],
            stdout=self.log, stderr=self.log, cwd=self.root, **as_user())
        wait(lambda: subprocess.call([f"{PGBIN}/pg_isready", "-q", "-h", HOST, "-p", str(self.port)]) == 0, "server up")

    def processes(self):
        pid = self.process.pid
        out = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True).stdout
        return [pid] + [int(word) for word in out.split()]

    def kill_all(self):
        os.kill(self.process.pid, signal.SIGSTOP)  # it must not fork one more while they are counted
        pids = self.processes()
        for number in (signal.SIGSTOP, signal.SIGKILL):  # nobody sees another one die
            for pid in pids:
                try:
                    os.kill(pid, number)
                except ProcessLookupError:
                    pass
        self.process.wait()
        self.process = None
        # Its memory is free for the next one when the last of them is gone.
        wait(lambda: all(over(pid) for pid in pids[1:]), "the server's processes are gone")

    def stop(self, number=signal.SIGINT):
        if self.process:
            try:
                self.process.send_signal(signal.SIGCONT)
                self.process.send_signal(number)
                self.process.wait(DEADLINE)
            except subprocess.TimeoutExpired:
                self.kill_all()
            self.process = None

    def sql(self, text, dbname="shop"):
        connection = psycopg2.connect(host=HOST, port=self.port, dbname=dbname, user="postgres")
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(text)
            rows = cursor.fetchall() if cursor.description else None
        connection.close()
        return rows


class World:
    """Two servers, a publisher of views, a proxy."""

    def __init__(self, root):
        self.root = root
        self.memory, self.file = os.path.join(root, "view.shm"), os.path.join(root, "view")
        self.a, self.b = Server(root, "a", PORT_A), Server(root, "b", PORT_B)
        self.version = 0
        self.publisher = self.proxy = None
        self.proxy_log = os.path.join(root, "proxy.log")

    def up(self):
        self.a.init()
        self.a.start()
        self.a.sql("CREATE DATABASE shop", "postgres")
        self.a.sql("CREATE ROLE secured LOGIN PASSWORD 'open sesame'")
        self.a.sql("CREATE TABLE marks (id bigint PRIMARY KEY, at timestamptz DEFAULT clock_timestamp())")
        self.b.clone(self.a)
        self.b.start()
        self.publisher_start()

    def publisher_start(self):
        self.publisher = subprocess.Popen([LAB, "publish", self.memory, self.file], stdin=subprocess.PIPE,
                                          stdout=subprocess.PIPE, text=True)

    def command(self, text):
        self.publisher.stdin.write(text + "\n")
        self.publisher.stdin.flush()
        return self.publisher.stdout.readline().strip()

    def view(self, epoch, writer, hold=0, ports=(PORT_A, PORT_B), locked=0, lag_ms=0):
        self.version += 1
        answer = self.command(f"view {self.version} {epoch} {writer} {hold} {ports[0]} {ports[1]} {locked} {lag_ms}")
        assert answer == "OK OK"
        return self.version

    def announced(self):
        line, found = self.command("readers"), None
        while line != ".":
            name, kind, version = line.split()
            if kind == "proxy":
                assert name == "test/proxy"
                found = int(version)
            line = self.publisher.stdout.readline().strip()
        return found

    def carried_out(self, version):
        wait(lambda: (self.announced() or 0) >= version, f"version {version} carried out")

    def proxy_start(self, connect_wait_ms=50000, hold_timeout_ms=50000, clients=50, auth="passthrough", workers=2, **more):
        self.proxy = subprocess.Popen(
            [LAB, "serve", self.memory, self.file, str(PORT_PROXY), str(workers), str(connect_wait_ms), str(hold_timeout_ms),
             str(clients), auth], stderr=open(self.proxy_log, "ab"), env=dict(os.environ, LAB_PASSWORD="any", **more))
        wait(lambda: self.reachable() or self.proxy.poll() is not None, "proxy up")
        assert self.proxy.poll() is None

    @staticmethod
    def reachable():
        with socket.socket() as probe:
            return probe.connect_ex((HOST, PORT_PROXY)) == 0

    def proxy_stop(self):
        if self.proxy and self.proxy.poll() is not None:
            with open(self.proxy_log, encoding="utf-8") as log:
                print("the proxy's last words:", log.read()[-4000:])
        if self.proxy:
            self.proxy.terminate()
            assert self.proxy.wait(DEADLINE) == 0
            self.proxy = None

    def counters(self):
        """The last status line."""
        size = os.path.getsize(self.proxy_log)
        self.proxy.send_signal(signal.SIGUSR1)

        def line():
            with open(self.proxy_log, encoding="utf-8") as log:
                log.seek(size)
                lines = [text for text in log if "status version=" in text and text.endswith("\n")]
            return lines[-1] if lines else None

        words = wait(line, "status").split("status ")[1].split()
        return {key: int(value) for key, value in (word.split("=") for word in words)}

    def down(self):
        if self.proxy:
            self.proxy.kill()
            self.proxy.wait()
        if self.publisher:
            self.publisher.stdin.close()
            self.publisher.wait()
        self.b.stop()
        self.a.stop()


@pytest.fixture(scope="module")
def servers():
    root = tempfile.mkdtemp(prefix="holdfast-proxy-")
    if os.geteuid() == 0:
        shutil.chown(root, "postgres", "postgres")
    world = World(root)
    try:
        world.up()
        yield world
    finally:
        world.down()
        shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def world(servers):
    servers.view(servers.version + 1, 0)
    servers.proxy_start()
    yield servers
    servers.proxy_stop()
    servers.a.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'shop' AND pid <> pg_backend_pid()")


def connect(dbname="shop", user="postgres", autocommit=True, **more):
    connection = psycopg2.connect(host=HOST, port=PORT_PROXY, dbname=dbname, user=user, **more)
    connection.autocommit = autocommit
    return connection


def one(connection, text, arguments=None):
    with connection.cursor() as cursor:
        cursor.execute(text, arguments)
        return cursor.fetchone()[0] if cursor.description else None


def last_words(connection):
    """What the server side has said before it closed (psycopg2 would show only that the connection is gone)."""
    with socket.socket(fileno=os.dup(connection.fileno())) as peer:
        peer.settimeout(DEADLINE)
        data = b""
        while chunk := peer.recv(4096):
            data += chunk
    assert data[:1] == b"E" and struct.unpack(">I", data[1:5])[0] + 1 == len(data)
    fields = {field[:1].decode(): field[1:].decode() for field in data[5:].split(b"\0") if field}
    assert fields["S"] == "FATAL"
    return fields["C"], fields["M"]


class Psql:
    """A statement in a process of its own, because psql shows all that the server says."""

    def __init__(self, text):
        self.process = subprocess.Popen(["psql", "-h", HOST, "-p", str(PORT_PROXY), "-U", "postgres", "-d", "shop", "-Atc",
                                         text], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def outcome(self):
        out, err = self.process.communicate(timeout=DEADLINE)
        return out, err


def sleepers(server, count):
    wait(lambda: server.sql("SELECT count(*) FROM pg_stat_activity WHERE query SIMILAR TO 'SELECT pg_(sleep|advisory)%' AND state = 'active'")
         [0][0] == count, f"{count} statements run")


LATCHED = "SELECT pg_advisory_xact_lock_shared(1)"  # waits as long as there is a latch


def latch():
    """On server a, behind the proxy's back; ends with its session."""
    connection = psycopg2.connect(host=HOST, port=PORT_A, dbname="shop", user="postgres")
    one(connection, "SELECT pg_advisory_xact_lock(1)")
    return connection


def pgbench(*arguments):
    return subprocess.run([f"{PGBIN}/pgbench", "-h", HOST, "-p", str(PORT_PROXY), "-U", "postgres", *arguments, "shop"],
                          capture_output=True, text=True, timeout=120)


# ---- relaying ----

def test_log_in_and_query(world):
    connection = connect()
    assert one(connection, "SELECT inet_server_port()") == PORT_A
    assert connection.info.parameter_status("in_hot_standby") == "off"
    connection.close()


def test_password_passes_through(world):
    assert one(connect(user="secured", password="open sesame"), "SELECT current_user") == "secured"
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        connect(user="secured", password="wrong")


def test_encryption_is_declined(world):
    with pytest.raises(psycopg2.OperationalError, match="server does not support SSL"):
        connect(sslmode="require")
    connect(sslmode="prefer").close()


def test_another_name_of_a_database(world):
    assert one(connect(dbname="other"), "SELECT current_database()") == "shop"


def test_reader_route_goes_to_the_standby(world):
    connection = connect(dbname="read")
    assert one(connection, "SELECT inet_server_port()") == PORT_B
    assert one(connection, "SELECT pg_is_in_recovery()") is True


def test_reader_goes_to_another_server(world):
    """The standby is gone before the view knows: idle or reading, the session goes on with the writer."""
    world.proxy_stop()
    world.proxy_start(auth="login")
    idle, reading = connect(dbname="read"), connect(dbname="read")
    answers = []
    thread = threading.Thread(target=lambda: answers.append(one(reading, "SELECT CASE WHEN pg_is_in_recovery() THEN pg_sleep(600)::text END")))
    thread.start()
    wait(lambda: world.b.sql("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT CASE%' AND state = 'active'")[0][0] == 1, "it reads")
    assert one(idle, "SELECT inet_server_port()") == PORT_B
    world.b.kill_all()
    try:
        thread.join(DEADLINE)
        assert answers == [None]
        for connection in (idle, reading, connect(dbname="read")):
            assert one(connection, "SELECT inet_server_port()") == PORT_A
    finally:
        world.b.start()


def test_readers_keep_to_max_lag(world):
    """The standby falls behind: who is bound to be fresher leaves it between two transactions, and comes back."""
    world.proxy_stop()
    world.proxy_start(auth="login")
    epoch, where = world.version, "SELECT inet_server_port()"
    moved, tied, careless = connect(dbname="fresh"), connect(dbname="fresh"), connect(dbname="read")
    busy = connect(dbname="fresh", autocommit=False)
    assert [one(it, where) for it in (moved, tied, careless, busy)] == [PORT_B] * 4
    one(tied, "SELECT pg_advisory_lock(7)")
    world.carried_out(world.view(epoch, 0, lag_ms=8000))
    wait(lambda: one(moved, where) == PORT_A, "it reads at the writer")
    assert [one(it, where) for it in (tied, careless, busy)] == [PORT_B] * 3
    busy.commit()
    wait(lambda: (one(busy, where), busy.commit())[0] == PORT_A, "its next transaction is elsewhere")
    assert one(connect(dbname="fresh"), where) == PORT_A
    world.carried_out(world.view(epoch, 0))
    assert one(connect(dbname="fresh"), where) == PORT_B
    wait(lambda: one(moved, where) == PORT_B, "it reads at the standby again")
    wait(lambda: (one(busy, where), busy.commit())[0] == PORT_B, "so does the other one")
    assert world.counters()["renewed_total"] == 4


def test_readers_are_spread_over_equally_near_standbys(world):
    """By this view both servers are standbys. Another version moves nobody; who comes later goes where there are fewer."""
    world.proxy_stop()
    world.proxy_start(auth="login", workers=1)
    where = "SELECT inet_server_port()"
    world.carried_out(world.view(world.version + 1, 9))
    readers = [connect(dbname="read") for _ in range(6)]
    places = [one(reader, where) for reader in readers]
    assert sorted(places) == [PORT_A] * 3 + [PORT_B] * 3
    world.carried_out(world.view(world.version, 9))
    assert [one(reader, where) for reader in readers] == places
    for reader, place in zip(readers, places):
        if place == PORT_A:
            reader.close()
    wait(lambda: world.counters()["sessions"] == 3, "three have left")
    later = [connect(dbname="read") for _ in range(3)]
    assert [one(reader, where) for reader in later] == [PORT_A] * 3


def test_unknown_database(world):
    with pytest.raises(psycopg2.OperationalError, match='database "nothing" is not in this proxy'):
        connect(dbname="nothing")
    assert world.counters()["refused_database_total"] == 1


def test_large_result(world):
    """100 MB, read slowly enough that the proxy has to keep bytes back."""
    with subprocess.Popen([f"{PGBIN}/psql", "-h", HOST, "-p", str(PORT_PROXY), "-U", "postgres", "-d", "shop", "-Atc",
                           "COPY (SELECT repeat('x', 1023) FROM generate_series(1, 102400)) TO STDOUT"],
                          stdout=subprocess.PIPE) as process:
        size = 0
        while chunk := process.stdout.read(1 << 20):
            size += len(chunk)
            time.sleep(0.001)
    assert process.returncode == 0
    assert size == 102400 * 1024


def test_large_statement_and_row(world):
    connection = connect()
    text = "y" * 20_000_000
    assert one(connection, "SELECT md5(%s)", (text,)) == one(connection, "SELECT md5(repeat('y', 20000000))")
    assert one(connection, "SELECT repeat('z', 50000000)") == "z" * 50_000_000


def test_copy_in(world):
    world.a.sql("CREATE TABLE IF NOT EXISTS copied (id int, text text); TRUNCATE copied")
    process = subprocess.run([f"{PGBIN}/psql", "-h", HOST, "-p", str(PORT_PROXY), "-U", "postgres", "-d", "shop", "-c",
                              "COPY copied FROM STDIN"], input="".join(f"{i}\t{'t' * 100}\n" for i in range(200_000)),
                             capture_output=True, text=True)
    assert process.stdout.strip() == "COPY 200000"
    assert world.a.sql("SELECT count(*), sum(id) FROM copied")[0] == (200_000, 199_999 * 100_000)


@pytest.mark.parametrize("protocol", ["simple", "extended", "prepared"])
def test_pgbench(world, protocol):
    if world.a.sql("SELECT to_regclass('pgbench_accounts')")[0][0] is None:
        assert pgbench("-i", "-q", "-s", "1").returncode == 0
    before = world.a.sql("SELECT count(*) FROM pgbench_history")[0][0]
    result = pgbench("-M", protocol, "-c", "8", "-j", "2", "-t", "100", "-n")
    assert "number of transactions actually processed: 800/800" in result.stdout, result.stderr
    assert world.a.sql("SELECT count(*) FROM pgbench_history")[0][0] == before + 800


def test_pipeline(world, tmp_path):
    script = tmp_path / "pipeline.sql"
    script.write_text("\\startpipeline\n" + "INSERT INTO marks VALUES (nextval('pipe'));\n" * 20 + "\\endpipeline\n")
    world.a.sql("CREATE SEQUENCE IF NOT EXISTS pipe; TRUNCATE marks")
    result = pgbench("-M", "extended", "-c", "4", "-j", "2", "-t", "25", "-n", "-f", str(script))
    assert "number of transactions actually processed: 100/100" in result.stdout, result.stderr
    assert world.a.sql("SELECT count(*) FROM marks")[0][0] == 4 * 25 * 20


def test_too_many_clients(servers):
    servers.view(servers.version + 1, 0)
    servers.proxy_start(clients=3)
    try:
        kept = [connect() for _ in range(3)]
        with pytest.raises(psycopg2.OperationalError, match="too many clients"):
            connect()
        kept.pop().close()
        wait(lambda: servers.counters()["sessions"] == 2, "a place is free")
        kept.append(connect())
    finally:
        servers.proxy_stop()


def raw(said=b""):
    """A client that has connected and said so much."""
    peer = socket.create_connection((HOST, PORT_PROXY), timeout=DEADLINE)
    peer.sendall(said)
    return peer


def heard(peer):
    """All that it hears until the connection is closed in good order; a reset raises."""
    with peer:
        return b"".join(iter(lambda: peer.recv(4096), b""))


def test_connections_beyond_all_limits_are_told(servers):
    servers.view(servers.version + 1, 0)
    servers.proxy_start(clients=1, workers=1)
    try:
        kept = [raw() for _ in range(1 + 256)]  # they say nothing
        assert heard(raw())[:1] == b"E"
        assert b"C53300\0" in heard(raw())
        for peer in kept:
            peer.close()
    finally:
        servers.proxy_stop()


def test_clients_in_line_are_told_that_it_stops(servers):
    """What the kernel has let in is not reset when the listener is closed."""
    servers.view(servers.version + 1, 0)
    servers.proxy_start(workers=1)
    servers.proxy.send_signal(signal.SIGSTOP)
    asked = struct.pack(">II", 8, 80877103)  # for TLS: answered with N, or by the end
    line = [raw(asked) for _ in range(100)]
    servers.proxy.terminate()
    servers.proxy.send_signal(signal.SIGCONT)
    words = [heard(peer) for peer in line]
    assert servers.proxy.wait(DEADLINE) == 0
    servers.proxy = None
    assert all(word.lstrip(b"N")[:1] == b"E" and b"C57P01\0" in word for word in words)


# ---- bytes that are not PostgreSQL's ----

@pytest.mark.parametrize("junk", [b"GET / HTTP/1.1\r\n\r\n", b"\0\0\0\7", b"\x16\x03\x01\x02\0\x01", b"\xff" * 100,
                                  struct.pack(">II", 9, 196608) + b"\0", struct.pack(">II", 8, 80877102)])
def test_junk_is_dropped(world, junk):
    with socket.create_connection((HOST, PORT_PROXY), timeout=DEADLINE) as client:
        client.sendall(junk)
        try:
            while client.recv(4096):
                pass
        except ConnectionResetError:
            pass
    assert one(connect(), "SELECT 1") == 1


def test_old_protocol_is_told(world):
    with socket.create_connection((HOST, PORT_PROXY), timeout=DEADLINE) as client:
        client.sendall(struct.pack(">II", 18, 131072) + b"user\0ann\0\0")
        assert b"C0A000\0" in client.recv(4096)
    with pytest.raises(psycopg2.OperationalError, match="replication connection"):
        connect(connection_factory=psycopg2.extras.LogicalReplicationConnection)


# ---- cancel ----

def test_cancel_reaches_the_right_session(world):
    outcomes, held = {}, latch()

    def sleep(name, connection):
        try:
            one(connection, LATCHED)
            outcomes[name] = "slept"
        except psycopg2.errors.QueryCanceled:
            outcomes[name] = "cancelled"

    first, second = connect(), connect()
    threads = [threading.Thread(target=sleep, args=("first", first)), threading.Thread(target=sleep, args=("second", second))]
    for thread in threads:
        thread.start()
    sleepers(world.a, 2)
    first.cancel()
    wait(lambda: outcomes, "the first is cancelled")
    held.close()
    for thread in threads:
        thread.join(DEADLINE)
    assert outcomes == {"first": "cancelled", "second": "slept"}
    second.cancel()  # nothing is in flight: ignored
    assert one(second, "SELECT 1") == 1
    wait(lambda: world.counters().get("cancels_ignored_total") == 1, "the second cancel was ignored")
    assert world.counters()["cancels_total"] == 1


def test_cancel_with_a_wrong_key(world):
    connection = connect()
    pid = connection.info.backend_pid
    assert pid != one(connection, "SELECT pg_backend_pid()")  # the server's own key never leaves the proxy
    with socket.create_connection((HOST, PORT_PROXY), timeout=DEADLINE) as client:
        client.sendall(struct.pack(">IIII", 16, 80877102, pid, 1))
        assert client.recv(1) == b""
    assert world.counters()["cancels_ignored_total"] == 1


# ---- waiting for a writer ----

def test_new_session_waits_for_a_writer(world):
    version = world.view(world.version + 1, 2)
    world.carried_out(version)
    connected = []
    thread = threading.Thread(target=lambda: connected.append(one(connect(), "SELECT inet_server_port()")))
    thread.start()
    wait(lambda: world.counters().get("sessions_waiting") == 1, "the session waits")
    assert not connected
    world.view(world.version + 1, 0)
    thread.join(DEADLINE)
    assert connected == [PORT_A]
    assert "sessions_waiting" not in world.counters()


def test_new_session_waits_for_a_server_that_starts(world):
    world.a.stop()
    connected = []
    thread = threading.Thread(target=lambda: connected.append(one(connect(), "SELECT 1")))
    thread.start()
    wait(lambda: world.counters().get("sessions_waiting") == 1, "the session waits")
    world.a.start()
    thread.join(DEADLINE)
    assert connected == [1]


def test_waiting_ends_with_57P03(servers):
    servers.view(servers.version + 1, 2)
    servers.proxy_start(connect_wait_ms=300)
    try:
        with pytest.raises(psycopg2.OperationalError, match="no writable server could be reached"):
            connect()
        assert servers.counters()["wait_timeouts_total"] == 1
    finally:
        servers.proxy_stop()


# ---- hold ----

def test_hold_keeps_sessions_at_their_boundaries(world):
    idle, busy = connect(), connect(autocommit=False)
    assert one(idle, "SELECT 1") == 1
    one(busy, "SELECT 1")  # a transaction is open now
    epoch = world.version + 1
    world.view(epoch, 0)
    # That was another epoch: both are gone; take fresh ones under it.
    idle, busy = connect(), connect(autocommit=False)
    one(busy, "SELECT 1")
    held = world.view(epoch, 0, hold=1)
    answers, over = [], threading.Event()

    def ask():  # what comes before the proxy knows of the hold passes
        while not over.is_set():
            answers.append(one(idle, "SELECT 2"))

    thread = threading.Thread(target=ask)
    thread.start()
    wait(lambda: world.counters().get("sessions_held") == 1, "the idle session is held")
    count = len(answers)
    assert one(busy, "SELECT 3") == 3  # a transaction may end
    assert world.announced() < held    # and until then the database is not quiet
    busy.commit()
    world.carried_out(held)
    assert len(answers) == count
    over.set()
    world.view(epoch, 0, hold=0)
    thread.join(DEADLINE)
    assert answers == [2] * (count + 1)
    assert one(busy, "SELECT 4") == 4


def test_hold_is_given_up(servers):
    servers.view(servers.version + 1, 0)
    servers.proxy_start(hold_timeout_ms=300)
    try:
        connection = connect()
        servers.carried_out(servers.view(servers.version, 0, hold=1))
        assert one(connection, "SELECT 1") == 1
        assert servers.counters()["hold_timeouts_total"] >= 1
    finally:
        servers.proxy_stop()


def test_hold_then_another_epoch_closes_the_idle(world):
    epoch = world.version + 1
    world.view(epoch, 0)
    connection = connect()
    world.carried_out(world.view(epoch, 0, hold=1))
    world.carried_out(world.view(epoch + 1, 0))
    assert last_words(connection) == ("57P01", f"terminating connection: epoch {epoch} was fenced, reconnect")


# ---- processes that come and go ----

def test_control_restarts_and_sessions_stay(world):
    connection = connect()
    world.publisher.stdin.close()
    world.publisher.wait()
    assert one(connection, "SELECT 1") == 1
    assert one(connect(), "SELECT 1") == 1
    world.publisher_start()
    version = world.view(world.version, 0)  # the epoch of the fixture's view
    world.carried_out(version)
    assert one(connection, "SELECT 1") == 1


def test_reload_leaves_sessions_alone(world):
    """The site's supervisor passes SIGHUP to all its roles."""
    connection = connect()
    world.proxy.send_signal(signal.SIGHUP)
    world.counters()  # it has taken that signal, and the one behind it
    assert one(connection, "SELECT 1") == 1
    assert one(connect(), "SELECT 1") == 1
    assert world.proxy.poll() is None


def test_cold_start_from_the_file(servers):
    servers.view(servers.version + 1, 0)
    servers.publisher.stdin.close()
    servers.publisher.wait()
    kept = servers.memory + ".kept"
    os.rename(servers.memory, kept)
    try:
        servers.proxy_start()
        assert one(connect(), "SELECT inet_server_port()") == PORT_A
        servers.proxy_stop()
    finally:
        os.rename(kept, servers.memory)
        servers.publisher_start()


def test_port_in_use_is_told(world):
    process = subprocess.run([LAB, "serve", world.memory, world.file, str(PORT_PROXY), "1", "0", "0", "0", "passthrough"],
                             capture_output=True, text=True, timeout=DEADLINE)
    assert process.returncode == 1
    assert f"cannot listen on {HOST}:{PORT_PROXY}: address or file already in use" in process.stderr


def test_stop_lets_transactions_end(servers):
    servers.view(servers.version + 1, 0)
    servers.a.sql("TRUNCATE marks")
    servers.proxy_start()
    idle, busy = connect(), connect(autocommit=False)
    one(busy, "INSERT INTO marks VALUES (1)")
    servers.proxy.terminate()
    assert last_words(idle) == ("57P01", "terminating connection: this proxy is stopping, reconnect")
    busy.commit()
    assert servers.proxy.wait(DEADLINE) == 0
    servers.proxy = None
    assert servers.a.sql("SELECT count(*) FROM marks")[0][0] == 1


def test_client_that_leaves_frees_everything(world):
    for _ in range(50):
        connect().close()
    wait(lambda: "sessions" not in world.counters(), "no session left")
    wait(lambda: len(os.listdir(f"/proc/{world.proxy.pid}/fd")) < 30, "no descriptor leaked")


# ---- proofs and digest ----

def lab(*arguments):
    return subprocess.run([LAB, *arguments], capture_output=True, text=True, timeout=120,
                          env=dict(os.environ, LAB_PASSWORD="unused")).stdout.strip()


def test_prove_sql(world):
    epoch = world.version
    assert lab("prove-sql", str(PORT_PROXY), str(epoch), "a").split()[:5] == ["OK", str(PORT_A), str(epoch), "a", "0"]
    assert lab("prove-sql", str(PORT_PROXY), str(epoch + 1000), "a").startswith("OK")
    assert lab("prove-sql", str(PORT_PROXY), str(epoch), "a").startswith("FENCED")
    assert world.a.sql("SELECT epoch, node FROM holdfast.proof") == [(epoch + 1000, "a")]
    assert lab("prove-sql", str(PORT_PROXY), str(epoch + 2000), "b").split()[:4] == ["OK", str(PORT_A), str(epoch + 2000), "b"]
    assert lab("prove-sql", str(PORT_B), str(epoch), "b").startswith("ROLE")
    assert lab("prove-sql", str(PORT_OTHER), "1", "b").startswith("REFUSED")
    world.a.sql("TRUNCATE holdfast.proof")


def test_prove_http(world):
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, PORT_OTHER))
        listener.listen()
        seen = []

        def answer(status):
            peer, _ = listener.accept()
            with peer:
                seen.append(peer.recv(4096).decode())
                peer.sendall(f"HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\nok".encode())

        for status, expected in (("200 OK", "OK"), ("503 Service Unavailable", "STATUS")):
            thread = threading.Thread(target=answer, args=(status,))
            thread.start()
            assert lab("prove-http", str(PORT_OTHER), "/ready").split()[0] == expected
            thread.join(DEADLINE)
        assert seen[0].startswith("GET /ready HTTP/1.1\r\n") and "Host: shop.test\r\n" in seen[0]
        assert lab("prove-http", str(PORT_OTHER), "/slow").startswith("TIMEOUT")
    assert lab("prove-http", str(PORT_OTHER), "/").startswith("REFUSED")


def test_prove_dns(world):
    dns = pytest.importorskip("dns.message")
    import dns.flags
    import dns.rcode
    import dns.rrset
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((HOST, PORT_OTHER))
        server.settimeout(DEADLINE)

        def answer(kind):
            packet, peer = server.recvfrom(4096)
            query = dns.message.from_wire(packet)
            response = dns.message.make_response(query)
            response.flags |= dns.flags.AA
            name = query.question[0].name
            if kind == "good":
                response.answer.append(dns.rrset.from_text(name, 7, "IN", "A", "127.9.8.7", "127.9.8.6"))
            elif kind == "nx":
                response.set_rcode(dns.rcode.NXDOMAIN)
            elif kind == "other":
                response.id ^= 1
            wire = response.to_wire()
            server.sendto(wire[:-3] if kind == "cut" else wire, peer)
            if kind == "other":
                answer("good")

        for kind, expected in (("good", "OK 7 127.9.8.6 127.9.8.7"), ("nx", "NOT_FOUND 0"), ("none", "NOT_FOUND 0"),
                               ("other", "OK 7 127.9.8.6 127.9.8.7")):
            thread = threading.Thread(target=answer, args=(kind,))
            thread.start()
            words = lab("prove-dns", str(PORT_OTHER), "www.example.test").split()
            assert words[:2] + sorted(words[2:]) == expected.split()
            thread.join(DEADLINE)


def caught_up(world):
    lsn = world.a.sql("SELECT pg_current_wal_flush_lsn()")[0][0]
    wait(lambda: world.b.sql(f"SELECT pg_last_wal_replay_lsn() >= '{lsn}'")[0][0], "standby caught up")


def test_digest_of_two_equal_servers_under_writes(world):
    world.a.sql("""CREATE SCHEMA IF NOT EXISTS "odd Name"; CREATE TABLE IF NOT EXISTS "odd Name"."t""1" (t text, r float8, b bytea);
                   INSERT INTO "odd Name"."t""1" SELECT md5(i::text), i / 3.0, decode(md5(i::text), 'hex') FROM generate_series(1, 5000) i""")
    caught_up(world)
    stop, errors = threading.Event(), []

    def write(number):
        connection, i = connect(), number
        one(connection, "SET synchronous_commit = off")
        while not stop.is_set():
            try:
                one(connection, "INSERT INTO marks VALUES (%s) ON CONFLICT DO NOTHING", (i,))
            except psycopg2.Error as error:
                errors.append(error)
                return
            i += 4

    threads = [threading.Thread(target=write, args=(1_000_000 + i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    try:
        measured = 0
        for _ in range(20):
            digest = json.loads(lab("digest", str(PORT_A), str(PORT_B)))
            if not digest["measured"] and digest["err"] in ("LAG", "TIMEOUT"):
                continue  # on a busy machine it rather gives up than hold the writers for long
            assert digest["measured"] and digest["consistent"], digest
            assert digest["checksums"] is True
            assert digest["tables"]["public.marks"][0] > 0
            assert digest["lock_us"] > 0
            measured += 1
            if measured == 5:
                break
        assert measured == 5, digest
    finally:
        stop.set()
        for thread in threads:
            thread.join(DEADLINE)
    assert not errors


def test_digest_says_why_it_could_not_measure(world):
    assert json.loads(lab("digest", str(PORT_A), str(PORT_A)))["reason"] == "the standby's side is not in recovery"
    assert json.loads(lab("digest", str(PORT_B), str(PORT_B)))["reason"] == "the writer's side is in recovery"
    assert json.loads(lab("digest", str(PORT_A), str(PORT_OTHER)))["measured"] is False
    world.b.sql("SELECT pg_wal_replay_pause()")
    try:
        world.a.sql("INSERT INTO marks VALUES (-1)")
        digest = json.loads(lab("digest", str(PORT_A), str(PORT_B)))
        assert digest["err"] == "LAG" and "behind" in digest["reason"] and not digest["consistent"]
    finally:
        world.b.sql("SELECT pg_wal_replay_resume()")
    caught_up(world)
    writer = psycopg2.connect(host=HOST, port=PORT_A, dbname="shop", user="postgres")
    with writer.cursor() as cursor:
        cursor.execute("INSERT INTO marks VALUES (-2)")
    digest = json.loads(lab("digest", str(PORT_A), str(PORT_B)))
    assert digest["err"] == "TIMEOUT" and "could not be locked" in digest["reason"]
    writer.rollback()
    writer.close()


def test_digest_sees_one_changed_byte(world):
    """The negative control: a byte of the standby's file is changed behind PostgreSQL's back."""
    world.a.sql("CREATE TABLE flipped (text text); INSERT INTO flipped VALUES ('before'), ('a row that is altered'); CHECKPOINT")
    caught_up(world)
    world.b.sql("CHECKPOINT")
    path = os.path.join(world.b.data, world.b.sql("SELECT pg_relation_filepath('flipped')")[0][0])
    world.b.stop()
    with open(path, "r+b") as file:
        content = file.read()
        at = content.index(b"a row that is altered")
        file.seek(at)
        file.write(b"A")
    world.b.run(f"{PGBIN}/pg_checksums", "--disable", "-D", world.b.data, "--no-sync")
    world.b.start()
    try:
        digest = wait(lambda: (lambda d: d if d["measured"] else None)(json.loads(
            lab("digest", str(PORT_A), str(PORT_B)))), "measured")
        assert not digest["consistent"]
        assert digest["tables"]["public.flipped"] == [2, 2, False]
        assert digest["reason"].startswith("public.flipped differs")
        assert all(row[2] for name, row in digest["tables"].items() if name != "public.flipped")
    finally:
        world.a.sql("DROP TABLE flipped")
        caught_up(world)


# ---- server death ----

def test_server_killed(world):
    idle, open_transaction, busy = connect(), connect(autocommit=False), Psql("SELECT pg_sleep(60)")
    one(open_transaction, "SELECT 1")
    sleepers(world.a, 1)
    world.a.kill_all()
    assert "whether it took effect is unknown" in busy.outcome()[1]
    assert last_words(idle) == ("08006", "the connection to the server was lost: no statement was in flight")
    assert last_words(open_transaction) == ("08006", "the connection to the server was lost: the open transaction is rolled back")
    counters = world.counters()
    assert counters["server_lost_total"] == 2 and counters["outcome_unknown_total"] == 1
    world.a.start()
    assert one(connect(), "SELECT 1") == 1


def test_server_stopped_tells_its_own_reason(world):
    connection = connect()
    world.a.stop()
    assert last_words(connection) == ("57P01", "terminating connection due to administrator command")
    world.a.start()


# ---- epochs: from here on b is a writer too ----

def test_write_on_a_standby_is_counted_as_wrong_server(world):
    world.view(world.version + 1, 1)
    connection = connect()
    with pytest.raises(psycopg2.errors.ReadOnlySqlTransaction):
        one(connection, "INSERT INTO marks VALUES (-5)")
    assert world.counters()["wrong_server_total"] >= 2  # at log-in, and the error


def test_writer_that_is_a_standby_is_left(world):
    """With log-ins learnt its refusal is not shown: the statement waits for a writer, an open transaction is 40001."""
    world.proxy_stop()
    world.proxy_start(auth="login")
    world.a.sql("DELETE FROM marks WHERE id < 0")
    world.carried_out(world.view(world.version + 1, 1))
    alone, inside = connect(), connect()
    one(inside, "BEGIN")
    with pytest.raises(psycopg2.errors.SerializationFailure):
        one(inside, "INSERT INTO marks VALUES (-6)")
    answers = []
    thread = threading.Thread(target=lambda: answers.append(one(alone, "INSERT INTO marks VALUES (-7)")))
    thread.start()
    wait(lambda: world.counters().get("sessions_waiting") == 2, "both wait for a writer")
    world.carried_out(world.view(world.version + 1, 0))
    thread.join(DEADLINE)
    assert answers == [None]
    one(inside, "ROLLBACK")
    assert one(inside, "SELECT array_agg(id) FROM marks WHERE id < 0") == [-7]
    assert world.counters()["sent_again_total"] == 1


def promoted(world):
    if world.b.sql("SELECT pg_is_in_recovery()")[0][0]:
        world.b.sql("SELECT pg_promote()")


def test_spares_are_taken_when_their_standby_is_promoted(servers):
    """Two of three sessions find connections that stood at the standby, and write there."""
    servers.epoch = servers.version + 1000
    servers.view(servers.epoch, 0)
    servers.proxy_start(auth="login", workers=1, LAB_SPARES="2")
    try:
        clients = [connect(user="secured", password="open sesame") for _ in range(3)]
        wait(lambda: servers.counters().get("keys_total") == 3, "the proxy can log in again")
        wait(lambda: servers.counters().get("spares") == 2, "two spares stand")
        pids = servers.b.sql("SELECT pid FROM pg_stat_activity WHERE usename = 'secured'")
        assert len(pids) == 2
        one(clients[0], "SET search_path = pg_catalog, public")
        promoted(servers)
        servers.carried_out(servers.view(servers.epoch + 1, 1))
        wait(lambda: servers.counters().get("moved_total") == 3, "all have moved")
        assert [one(client, "SHOW transaction_read_only") for client in clients] == ["off"] * 3
        assert [one(client, "SHOW in_hot_standby") for client in clients] == ["off"] * 3
        assert {(one(client, "SELECT pg_backend_pid()"),) for client in clients} >= set(pids)
        assert one(clients[0], "SHOW search_path") == "pg_catalog, public"
        assert one(clients[1], "SHOW search_path") == '"$user", public'
        assert [client.info.parameter_status("in_hot_standby") for client in clients] == ["off"] * 3
        counters = servers.counters()
        assert counters["spares_taken_total"] == 2 and "wrong_server_total" not in counters
    finally:
        servers.proxy_stop()


def test_statement_in_flight_over_an_epoch_is_never_acknowledged(world):
    """A commit that the old server makes after the version was carried out must not look like a success."""
    promoted(world)
    world.a.sql("TRUNCATE marks")
    epoch = world.version
    held = latch()
    statements = [Psql(f"{LATCHED}; INSERT INTO marks VALUES ({number})") for number in range(10)]
    sleepers(world.a, 10)
    world.carried_out(world.view(epoch + 1, 1))
    assert world.a.sql("SELECT count(*) FROM marks")[0][0] == 0  # carried out before any of them has committed
    held.close()  # now they may
    for out, err in (statement.outcome() for statement in statements):
        assert "INSERT" not in out
        assert f"epoch {epoch} was fenced, reconnect" in err
    assert one(connect(), "SELECT inet_server_port()") == PORT_B
    assert world.counters()["fenced_total"] == 10


def test_epoch_changes_under_load_and_every_success_is_there_once(world):
    """The writer moves to and fro while eight clients insert; each success must be on exactly one server, once."""
    world.a.sql("TRUNCATE marks")
    world.b.sql("TRUNCATE marks")
    stop, lock, acknowledged, unknown = threading.Event(), threading.Lock(), [], []

    def run(number):
        connection, i = None, 0
        while not stop.is_set():
            key = number * 1_000_000 + i
            i += 1
            sent = False
            try:
                if connection is None:
                    connection = connect()
                sent = True
                one(connection, "INSERT INTO marks VALUES (%s)", (key,))
                with lock:
                    acknowledged.append(key)
            except psycopg2.Error:
                connection = None
                if sent:
                    with lock:
                        unknown.append(key)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for turn in range(20):
        before = len(acknowledged)
        wait(lambda: len(acknowledged) > before + 20, "clients write")
        world.carried_out(world.view(world.version + 1, (turn + 1) % 2))
    stop.set()
    for thread in threads:
        thread.join(DEADLINE)
    rows = [row[0] for server in (world.a, world.b) for row in server.sql("SELECT id FROM marks")]
    assert len(rows) == len(set(rows))
    assert not set(acknowledged) - set(rows)
    assert set(rows) - set(acknowledged) <= set(unknown)
    assert len(unknown) <= 20 * 8
    assert world.counters()["fenced_total"] >= 20


def test_many_idle_sessions_are_cut_at_once(world):
    sessions = [connect() for _ in range(40)]
    epoch = world.version
    world.carried_out(world.view(epoch + 1, 1))
    for connection in sessions:
        assert last_words(connection) == ("57P01", f"terminating connection: epoch {epoch} was fenced, reconnect")
    wait(lambda: world.a.sql("SELECT count(*) FROM pg_stat_activity WHERE datname = 'shop' AND pid <> pg_backend_pid()")[0][0] == 0,
         "the old server's sessions are gone")


def connections_to(port):
    """How many connections the server's kernel holds for it, taken up or not."""
    text = subprocess.run(["ss", "-Htn", f"sport = :{port}"], capture_output=True, text=True, check=True).stdout
    return len(text.splitlines())


def test_clients_that_give_up_do_not_pile_up_at_a_slow_server(world):
    """A server serves logins in order, those of clients that have left too: only 8 per worker may be under way."""
    before = connections_to(PORT_A)
    pids = world.a.processes()
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        body = struct.pack(">I", 196608) + b"user\0postgres\0database\0shop\0\0"
        for _ in range(5):
            peers = [socket.create_connection((HOST, PORT_PROXY)) for _ in range(30)]
            for peer in peers:
                peer.sendall(struct.pack(">I", len(body) + 4) + body)
            time.sleep(0.1)
            for peer in peers:
                peer.close()
        assert 0 < connections_to(PORT_A) - before <= 8 * 2
        wait(lambda: world.counters().get("sessions_waiting", 0) == 0, "those who wait and leave are forgotten")
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    assert one(connect(), "SELECT 1") == 1


def test_frozen_server_is_left_at_once(world):
    """A server that neither answers nor closes: the view moves on and the client is told."""
    connection, epoch = connect(), world.version
    pids = world.a.processes()
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        with socket.socket(fileno=os.dup(connection.fileno())) as peer:
            peer.sendall(b"Q" + struct.pack(">I", 13) + b"SELECT 1\0")
        world.carried_out(world.view(epoch + 1, 1))
        assert last_words(connection) == ("57P01", f"terminating connection: epoch {epoch} was fenced, reconnect")
        assert one(connect(), "SELECT inet_server_port()") == PORT_B
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
