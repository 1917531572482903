# SPDX-License-Identifier: Apache-2.0
"""Sessions that outlive their server: the proxy with `login` between real clients and two real PostgreSQL servers.

Server b is promoted by the first test that needs it; from then on both take writes and a view decides (test_proxy.py)."""
import os
import subprocess
import threading

import psycopg2
import pytest

# pylint: disable=unused-import
from test_proxy import DEADLINE, HOST, PGBIN, PORT_A, PORT_B, PORT_PROXY, connect, last_words, one, servers, sleepers, wait


@pytest.fixture(scope="module")
def pair(servers):
    """Two writers with the same roles and tables; `shop` asks `secured` for SCRAM and `elder` for md5."""
    servers.a.sql("SET password_encryption = 'md5'; CREATE ROLE elder LOGIN PASSWORD 'old secret'")
    assert subprocess.call([f"{PGBIN}/pgbench", "-h", HOST, "-p", str(PORT_A), "-U", "postgres", "-i", "-q", "-s", "1", "shop"],
                           stderr=subprocess.DEVNULL) == 0
    servers.a.sql("GRANT ALL ON SCHEMA public TO secured; GRANT ALL ON ALL TABLES IN SCHEMA public TO secured")
    lsn = servers.a.sql("SELECT pg_current_wal_flush_lsn()")[0][0]
    wait(lambda: servers.b.sql(f"SELECT pg_last_wal_replay_lsn() >= '{lsn}'")[0][0], "standby caught up")
    servers.b.sql("SELECT pg_promote()")
    for server in (servers.a, servers.b):
        path = os.path.join(server.data, "pg_hba.conf")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        with open(path, "w", encoding="utf-8") as file:
            file.write("host all elder 127.0.0.0/8 md5\n" + text)
        server.sql("SELECT pg_reload_conf()")
    return servers


@pytest.fixture
def world(pair):
    pair.epoch = pair.version + 1000
    pair.view(pair.epoch, 0)
    pair.proxy_start(auth="login")
    yield pair
    pair.proxy_stop()


def move(world, writer):
    """Another writer, without a hold."""
    world.epoch += 1
    world.carried_out(world.view(world.epoch, writer))


def switch(world, writer):
    """As a controller does it: hold, quiet, another writer."""
    world.carried_out(world.view(world.epoch, 1 - writer, hold=1))
    world.epoch += 1
    world.carried_out(world.view(world.epoch, writer))


def keys(world, count):
    wait(lambda: world.counters().get("keys_total", 0) >= count, "the proxy can log in again")


def test_trust_session_moves_and_keeps_what_it_had(world):
    connection = connect()
    one(connection, "SET application_name = 'mover'")
    one(connection, "SET search_path = pg_catalog, public")
    one(connection, "LISTEN news")
    assert one(connection, "SELECT inet_server_port()") == PORT_A
    pid = connection.info.backend_pid
    move(world, 1)
    assert one(connection, "SELECT inet_server_port()") == PORT_B
    assert one(connection, "SHOW application_name") == "mover"
    assert one(connection, "SHOW search_path") == "pg_catalog, public"
    assert one(connection, "SELECT pg_listening_channels()") == "news"
    assert connection.info.backend_pid == pid
    assert connection.info.parameter_status("application_name") == "mover"
    assert world.counters()["moved_total"] == 1


@pytest.mark.parametrize("role, password", [("secured", "open sesame"), ("elder", "old secret")])
def test_password_session_moves(world, role, password):
    connection = connect(user=role, password=password)
    assert one(connection, "SELECT current_user") == role
    for turn in range(3):
        keys(world, 1)
        move(world, (turn + 1) % 2)
        assert one(connection, "SELECT inet_server_port()") == (PORT_B if turn % 2 == 0 else PORT_A)
        assert one(connection, "SELECT current_user") == role
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        connect(user=role, password="wrong")


@pytest.mark.parametrize("protocol", ["simple", "extended", "prepared"])
def test_planned_switchovers_under_load_without_an_error(world, protocol):
    warm = connect(user="secured", password="open sesame")
    keys(world, 1)  # from now on the verifier is known: each session can log in again as soon as it has logged in
    warm.close()
    process = subprocess.Popen([f"{PGBIN}/pgbench", "-h", HOST, "-p", str(PORT_PROXY), "-U", "secured", "-M", protocol, "-c", "8",
                                "-j", "2", "-T", "600", "-n", "shop"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               text=True, env=dict(os.environ, PGPASSWORD="open sesame"))
    try:
        # Ours, one with which pgbench looks around, and eight that stay.
        wait(lambda: (lambda now: now["sessions_total"] == 10 and now.get("sessions") == 8)(world.counters()) or
             process.poll() is not None, "eight clients")
        for turn in range(6):
            before = world.counters()["ready_total"]
            wait(lambda: world.counters()["ready_total"] > before + 200 or process.poll() is not None, "clients work")
            assert process.poll() is None, process.stderr.read()
            switch(world, (turn + 1) % 2)
            wait(lambda: world.counters().get("moved_total", 0) >= 8 * (turn + 1) or process.poll() is not None, "all have moved")
        before = world.counters()["ready_total"]
        wait(lambda: world.counters()["ready_total"] > before + 200, "clients work")
        assert process.poll() is None, process.stderr.read()
        counters = world.counters()
        assert counters["moved_total"] == 6 * 8 and counters["sessions"] == 8
        assert "not_moved_total" not in counters and "fenced_total" not in counters
    finally:
        process.kill()
        process.communicate()


def test_server_that_stops_and_one_that_dies(world):
    """An idle session only waits: for the same server, or for another one."""
    connection = connect(user="secured", password="open sesame")
    keys(world, 1)
    answers = []
    for leave in (world.a.stop, world.a.kill_all):
        leave()
        wait(lambda: world.counters().get("sessions_waiting") == 1, "the session waits")
        thread = threading.Thread(target=lambda: answers.append(one(connection, "SELECT inet_server_port()")))
        thread.start()
        world.a.start()
        thread.join(DEADLINE)
    assert answers == [PORT_A, PORT_A]
    world.a.stop()
    move(world, 1)
    assert one(connection, "SELECT inet_server_port()") == PORT_B
    world.a.start()


@pytest.mark.parametrize("text, why", [
    ("CREATE TEMP TABLE t (a int)", "it has a temporary table"),
    ("SELECT pg_advisory_lock_shared(1)", "it has an advisory lock"),
    ("DECLARE c CURSOR WITH HOLD FOR SELECT 1", "it has a cursor WITH HOLD"),
    ("PREPARE p AS SELECT 1", "it has a statement prepared by SQL PREPARE"),
    ("SELECT set_config('work_mem', '1MB', false)", "it has settings made by set_config()"),
])
def test_what_cannot_move_is_named(world, text, why):
    connection, freed = connect(), connect()
    one(connection, text)
    one(freed, text)
    one(freed, "DISCARD ALL")
    move(world, 1)
    assert last_words(connection) == ("57P01", f"terminating connection: the server of this session is gone, and {why}, reconnect")
    assert one(freed, "SELECT inet_server_port()") == PORT_B


def test_password_that_was_changed_ends_the_session(world):
    connection = connect(user="secured", password="open sesame")
    keys(world, 1)
    verifier = world.a.sql("SELECT rolpassword FROM pg_authid WHERE rolname = 'secured'")[0][0]
    world.b.sql("ALTER ROLE secured PASSWORD 'another'")
    try:
        move(world, 1)
        state, words = last_words(connection)
        assert state == "57P01" and "could not be moved to b: the log-in failed" in words
    finally:
        world.b.sql(f"ALTER ROLE secured PASSWORD '{verifier}'")


def test_statement_in_flight_gets_an_error_and_the_session_lives(world):
    connection, fenced = connect(), connect()
    outcomes = []

    def sleep(session):
        try:
            one(session, "SELECT pg_sleep(600)")
        except psycopg2.Error as error:
            outcomes.append((error.pgcode, error.diag.message_primary))

    threads = [threading.Thread(target=sleep, args=(session,)) for session in (connection, fenced)]
    threads[0].start()
    sleepers(world.a, 1)
    world.a.kill_all()
    threads[0].join(DEADLINE)
    assert outcomes == [("08007", "the connection to the server was lost while a statement was in flight: whether it took effect is unknown")]
    world.a.start()
    assert one(connection, "SELECT inet_server_port()") == PORT_A
    threads[1].start()
    sleepers(world.a, 1)
    epoch = world.epoch
    move(world, 1)
    threads[1].join(DEADLINE)
    assert outcomes[1] == ("08007", f"epoch {epoch} was fenced while a statement was in flight: whether it took effect is unknown")
    assert one(fenced, "SELECT inet_server_port()") == PORT_B
    world.a.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'")


def test_stops_and_deaths_under_load_lose_no_session_and_nothing_acknowledged(world):
    """Autocommit clients; the writer is stopped or killed and the other one takes over. An error is 08007 and nothing else."""
    world.a.sql("TRUNCATE marks")
    world.b.sql("TRUNCATE marks")
    stop, lock, acknowledged, unknown, failures = threading.Event(), threading.Lock(), [], [], []
    connections = [connect(user="secured", password="open sesame") for _ in range(8)]

    def run(number):
        try:
            connection = connections[number]
            for key in range(number * 1_000_000, (number + 1) * 1_000_000):
                if stop.is_set():
                    return
                try:
                    one(connection, "INSERT INTO marks VALUES (%s)", (key,))
                    with lock:
                        acknowledged.append(key)
                except psycopg2.Error as error:
                    with lock:
                        unknown.append(key)
                    assert error.pgcode == "08007" and connection.closed == 0, (error.pgcode, str(error))
        except Exception as error:  # pylint: disable=broad-except
            failures.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    keys(world, 8)
    for turn in range(4):
        server, other = (world.a, 1) if turn % 2 == 0 else (world.b, 0)
        before = len(acknowledged)
        wait(lambda: len(acknowledged) > before + 200 or failures, "clients write")
        if turn < 2:
            server.stop()
        else:
            server.kill_all()
        move(world, other)
        server.start()
    before = len(acknowledged)
    wait(lambda: len(acknowledged) > before + 200 or failures, "clients write")
    stop.set()
    for thread in threads:
        thread.join(DEADLINE)
    assert not failures
    rows = [row[0] for server in (world.a, world.b) for row in server.sql("SELECT id FROM marks")]
    assert len(rows) == len(set(rows))
    assert not set(acknowledged) - set(rows)
    assert set(rows) - set(acknowledged) <= set(unknown)
    assert world.counters()["sessions"] == 8


def test_synchronous_commit_is_refused_where_every_commit_waits(world):
    free, careful, named = connect(), connect(), connect(options="-c synchronous_commit=local")
    one(free, "SET synchronous_commit = off")
    assert world.counters()["synchronous_commit_total"] == 2
    world.carried_out(world.view(world.epoch, 0, locked=1))
    for connection in (free, named):
        assert last_words(connection)[0] == "42501"
    with pytest.raises(psycopg2.errors.InsufficientPrivilege, match="waits for its durability set"):
        one(careful, "SET Synchronous_Commit = off")
    assert one(careful, "SHOW application_name") == ""
    with pytest.raises(psycopg2.OperationalError, match="synchronous_commit may not be named"):
        connect(options="-c synchronous_commit=off")
    world.carried_out(world.view(world.epoch, 0))
    one(careful, "SET synchronous_commit = off")


def test_commit_that_no_standby_has_confirmed_is_an_error(world):
    """The wait is cancelled: PostgreSQL says success and a warning, the client hears that the outcome is not certain."""
    connection = connect()
    one(connection, "CREATE TABLE IF NOT EXISTS waited (id int)")
    world.a.sql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
    world.a.sql("SELECT pg_reload_conf()")
    try:
        wait(lambda: world.a.sql("SHOW synchronous_standby_names")[0][0] == "nobody", "commits wait")
        outcomes = []

        def insert():
            try:
                one(connection, "INSERT INTO waited VALUES (1)")
                outcomes.append("acknowledged")
            except psycopg2.Error as error:
                outcomes.append(error.pgcode)

        thread = threading.Thread(target=insert)
        thread.start()
        wait(lambda: outcomes or world.a.sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")[0][0] == 1,
             "the commit waits")
        connection.cancel()
        thread.join(DEADLINE)
        assert outcomes == ["08007"]
        assert one(connection, "SELECT count(*) FROM waited") == 1
    finally:
        world.a.sql("ALTER SYSTEM RESET synchronous_standby_names")
        world.a.sql("SELECT pg_reload_conf()")
