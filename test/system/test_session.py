# SPDX-License-Identifier: Apache-2.0
"""Sessions that outlive their server: the proxy with `login` between real clients and two real PostgreSQL servers.

Server b is promoted by the first test that needs it; from then on both take writes and a view decides (test_proxy.py)."""
import io
import os
import shutil
import signal
import socket
import ssl
import struct
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
    world.b.sql("NOTIFY news, 'from the new server'")
    wait(lambda: connection.poll() or connection.notifies, "a notification")
    assert connection.notifies[0].payload == "from the new server"
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
    """A thread of pgbench for each client: while it prepares, a thread waits, and the transactions of its other clients with it."""
    warm = connect(user="secured", password="open sesame")
    keys(world, 1)  # from now on the verifier is known: each session can log in again as soon as it has logged in
    warm.close()
    process = subprocess.Popen([f"{PGBIN}/pgbench", "-h", HOST, "-p", str(PORT_PROXY), "-U", "secured", "-M", protocol, "-c", "8",
                                "-j", "8", "-T", "600", "-n", "shop"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
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
        print(process.communicate()[1], world.counters())


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


def console(world):
    """The proxy anew, with a console, and a connection to that."""
    world.proxy_stop()
    world.proxy_start(auth="login", LAB_CONSOLE="let me look")
    return connect(dbname="holdfast", user="ops", password="let me look")


def table(connection, text):
    """Rows of the console by their first column."""
    with connection.cursor() as cursor:
        cursor.execute(text)
        names = [column.name for column in cursor.description]
        return {row[0]: dict(zip(names, row)) for row in cursor.fetchall()}


def test_reconnect_renews_connections_at_their_boundaries(world):
    """Without pools: who is idle goes on with another connection, who is inside a transaction afterwards, who cannot be moved stays."""
    desk, pid = console(world), "SELECT pg_backend_pid()"
    idle, busy, tied, other = connect(), connect(), connect(), connect(dbname="other")
    one(idle, "SET application_name = 'renewed'")
    one(busy, "BEGIN")
    one(tied, "SELECT pg_advisory_lock_shared(1)")
    before = {name: one(session, pid) for name, session in (("idle", idle), ("busy", busy), ("tied", tied), ("other", other))}
    with desk.cursor() as cursor:
        cursor.execute("RECONNECT shop")
        assert cursor.statusmessage == "RECONNECT"
    wait(lambda: one(idle, pid) != before["idle"], "the idle one has another connection")
    assert one(idle, "SHOW application_name") == "renewed"
    assert one(busy, pid) == before["busy"] and one(tied, pid) == before["tied"] and one(other, pid) == before["other"]
    one(busy, "COMMIT")
    wait(lambda: one(busy, pid) != before["busy"], "after its transaction the other one as well")
    with desk.cursor() as cursor:
        cursor.execute("RECONNECT")
    wait(lambda: one(other, pid) != before["other"], "all entries")
    assert one(tied, pid) == before["tied"]
    assert int(table(desk, "SHOW COUNTERS")["renewed_total"]["value"]) >= 3
    assert world.counters()["sessions"] == 4 and "not_moved_total" not in world.counters()


def test_statistics_are_counted_by_entry(world):
    desk = console(world)
    session, quiet = connect(), connect(dbname="other")
    for _ in range(5):
        one(session, "SELECT 1")
    one(session, "BEGIN")
    one(session, "SELECT pg_sleep(0.05)")
    one(session, "COMMIT")
    stats = wait(lambda: (lambda rows: rows if rows["shop"]["total_query_count"] == "8" else None)(table(desk, "SHOW STATS")), "eight queries")
    assert stats["shop"]["total_xact_count"] == "6" and stats["other"]["total_query_count"] == "0"
    assert int(stats["shop"]["total_query_time"]) >= 50_000 and int(stats["shop"]["total_xact_time"]) >= int(stats["shop"]["total_query_time"])
    assert int(stats["shop"]["total_received"]) > 0 and int(stats["shop"]["total_sent"]) > int(stats["other"]["total_sent"])
    quiet.close()


def test_a_transaction_that_only_reads_hears_the_servers_own_words(world):
    connection = connect()
    one(connection, "BEGIN READ ONLY")
    assert outcome(connection, "TRUNCATE marks") == ("25006", "cannot execute TRUNCATE TABLE in a read-only transaction")
    assert outcome(connection, "COMMIT") == "ROLLBACK"
    assert one(connection, "SELECT inet_server_port()") == PORT_A
    assert "wrong_server_total" not in world.counters()


def test_results_that_change_their_shape(world):
    """On one server that is PostgreSQL's own error, and the session goes on. On another one a statement is prepared anew by its
    text: description and rows are those of the new server, and fit together."""
    for server, shape in ((world.a, "id int"), (world.b, "id text, more int")):
        server.sql(f"DROP TABLE IF EXISTS shape; CREATE TABLE shape ({shape}); INSERT INTO shape (id) VALUES ('7')")
    client = Raw()
    client.send(("P", b"s\0SELECT * FROM shape\0\0\0"), ("S", b""))
    assert client.until("Z") == ["1", "ZI"]
    run = (("B", b"\0s\0" + bytes(6)), ("D", b"P\0"), ("E", bytes(5)), ("S", b""))
    client.send(*run)
    assert client.until("Z") == ["2", "T", "D", "C", "ZI"]
    world.a.sql("ALTER TABLE shape ADD COLUMN late int")
    client.send(*run)
    assert client.until("Z") == ["E0A000", "ZI"]
    move(world, 1)
    client.send(*run)
    assert client.until("Z") == ["2", "T", "D", "C", "ZI"]
    assert client.columns == 2 and client.fields == 2
    client.socket.close()


def test_cancel_of_a_statement_that_is_held_hits_nothing(world):
    """It runs nowhere yet: the cancel is ignored, and the statement runs, once, where it is let go."""
    world.a.sql("TRUNCATE marks")
    world.b.sql("TRUNCATE marks")
    connection, answers = connect(), []
    world.carried_out(world.view(world.epoch, 0, hold=1))
    thread = threading.Thread(target=lambda: answers.append(outcome(connection, "INSERT INTO marks VALUES (1)")))
    thread.start()
    wait(lambda: world.counters().get("sessions_held") == 1, "it is held")
    connection.cancel()
    wait(lambda: world.counters().get("cancels_ignored_total") == 1, "the cancel is ignored")
    assert not answers
    world.epoch += 1
    world.carried_out(world.view(world.epoch, 1))
    thread.join(DEADLINE)
    assert answers == ["INSERT 0 1"]
    assert [server.sql("SELECT count(*) FROM marks")[0][0] for server in (world.a, world.b)] == [0, 1]
    assert "cancels_total" not in world.counters()


@pytest.mark.parametrize("inside", [False, True])
def test_proxy_killed_with_half_a_message_sent(world, inside):
    """The client sees its connection end, the server rolls back, nothing is half applied."""
    world.a.sql("TRUNCATE marks")
    client = Raw()
    if inside:
        client.query("BEGIN")
        assert client.until("Z") == ["C", "ZT"]
        client.query("INSERT INTO marks VALUES (1)")
        assert client.until("Z") == ["C", "ZT"]
    text = b"COMMIT\0" if inside else b"INSERT INTO marks VALUES (2)\0"
    message = b"Q" + struct.pack(">I", len(text) + 4) + text
    before = world.counters().get("bytes_to_server_total", 0)
    client.socket.sendall(message[:-2])
    wait(lambda: world.counters().get("bytes_to_server_total", 0) == before + len(message) - 2, "the server has got the half of it")
    world.proxy.kill()
    world.proxy.wait()
    world.proxy = None
    try:
        assert client.socket.recv(1) == b""
    except ConnectionResetError:
        pass
    wait(lambda: world.a.sql("SELECT count(*) FROM pg_stat_activity WHERE datname = 'shop' AND backend_type = 'client backend' AND "
                             "pid <> pg_backend_pid()")[0][0] == 0, "the server has let go")
    assert world.a.sql("SELECT count(*) FROM marks")[0][0] == 0
    world.proxy_start(auth="login")
    assert one(connect(), "SELECT inet_server_port()") == PORT_A


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


ROLLED_BACK = ("40001", "the transaction was rolled back because its server was lost; try it again")


def outcome(connection, text):
    """What a statement is told: its tag, or SQLSTATE and message."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(text)
            return cursor.statusmessage
    except psycopg2.Error as error:
        return error.pgcode, error.diag.message_primary


@pytest.mark.parametrize("fenced", [False, True])
def test_open_transactions_are_told_and_their_sessions_live(world, fenced):
    """Whatever a client was doing inside a transaction: 40001, a failed transaction, ROLLBACK, and on with the new server."""
    for server in (world.a, world.b):
        server.sql("TRUNCATE marks")
    names = ("reading", "committing", "leaving", "sleeping", "nested", "failed")
    sessions = {name: connect() for name in names}
    for number, name in enumerate(names):
        one(sessions[name], "BEGIN")
        one(sessions[name], f"INSERT INTO marks VALUES ({number})")
        one(sessions[name], "SET work_mem = '1MB'")
        one(sessions[name], "CREATE TEMP TABLE mine (a int)")
    one(sessions["nested"], "SAVEPOINT inner_one")
    assert outcome(sessions["failed"], "SELECT 1/0")[0] == "22012"
    answers = []
    thread = threading.Thread(target=lambda: answers.append(outcome(sessions["sleeping"], "SELECT pg_sleep(600)")))
    thread.start()
    sleepers(world.a, 1)
    if fenced:
        move(world, 1)
    else:
        world.a.kill_all()
    thread.join(DEADLINE)
    assert answers == [ROLLED_BACK]  # also while there is no server yet
    if not fenced:
        world.a.start()
    assert outcome(sessions["reading"], "SELECT 1") == ROLLED_BACK
    assert outcome(sessions["committing"], "COMMIT") == ROLLED_BACK  # PostgreSQL would say ROLLBACK, which nobody reads
    assert outcome(sessions["leaving"], "ROLLBACK") == "ROLLBACK"
    assert outcome(sessions["nested"], "SELECT 1") == ROLLED_BACK
    assert outcome(sessions["nested"], "ROLLBACK TO inner_one") == ROLLED_BACK
    assert outcome(sessions["nested"], "ROLLBACK") == "ROLLBACK"
    assert outcome(sessions["failed"], "COMMIT") == "ROLLBACK"  # it knew already
    assert outcome(sessions["reading"], "COMMIT") == "ROLLBACK"
    assert outcome(sessions["sleeping"], "ROLLBACK") == "ROLLBACK"
    for name, session in sessions.items():
        assert session.info.transaction_status == psycopg2.extensions.TRANSACTION_STATUS_IDLE, name
        assert one(session, "SELECT inet_server_port()") == (PORT_B if fenced else PORT_A), name
        assert one(session, "SHOW work_mem") == "4MB", name
        assert outcome(session, "BEGIN") == "BEGIN" and outcome(session, "ROLLBACK") == "ROLLBACK"
    assert one(sessions["reading"], "SELECT count(*) FROM marks") == 0
    counters = world.counters()
    assert counters["rolled_back_total"] == 4 and counters["moved_total"] == 6 and counters["sessions"] == 6
    assert "outcome_unknown_total" not in counters and "not_moved_total" not in counters
    world.a.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'")


def test_commit_in_flight_is_unknown(world):
    connection = connect()
    world.a.sql("TRUNCATE marks")
    world.a.sql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
    world.a.sql("SELECT pg_reload_conf()")
    try:
        wait(lambda: world.a.sql("SHOW synchronous_standby_names")[0][0] == "nobody", "commits wait")
        one(connection, "BEGIN")
        one(connection, "INSERT INTO marks VALUES (1)")
        answers = []
        thread = threading.Thread(target=lambda: answers.append(outcome(connection, "COMMIT")))
        thread.start()
        wait(lambda: world.a.sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")[0][0] == 1, "the commit waits")
        world.a.kill_all()
        thread.join(DEADLINE)
        assert answers[0][0] == "08007"
    finally:
        if world.a.process is None:
            world.a.start()
        world.a.sql("ALTER SYSTEM RESET synchronous_standby_names")
        world.a.sql("SELECT pg_reload_conf()")
    assert one(connection, "SELECT count(*) FROM marks") == 1  # as it happens


def committing(world, connection):
    """A transaction whose number its client has asked for, and whose COMMIT waits for a standby. Its number."""
    world.a.sql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
    world.a.sql("SELECT pg_reload_conf()")
    wait(lambda: world.a.sql("SHOW synchronous_standby_names")[0][0] == "nobody", "commits wait")
    one(connection, "BEGIN")
    one(connection, "INSERT INTO marks VALUES (1)")
    xid = int(one(connection, "SELECT pg_current_xact_id()"))
    answers = []
    thread = threading.Thread(target=lambda: answers.append(outcome(connection, "COMMIT")))
    thread.start()
    wait(lambda: world.a.sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")[0][0] == 1, "the commit waits")
    return xid, thread, answers


def test_outcome_of_a_commit_is_looked_up(world):
    """The new writer knows the transaction as committed. That proves something if its number is older than the promotion."""
    world.b.sql("CREATE SCHEMA IF NOT EXISTS holdfast; CREATE TABLE IF NOT EXISTS holdfast.promotion (timeline bigint PRIMARY KEY,"
                " epoch bigint NOT NULL, node text NOT NULL, first_xid bigint NOT NULL, at timestamptz NOT NULL)")
    for first, told in ((1, "COMMIT"), (0, "08007")):
        world.a.sql("TRUNCATE marks")
        connection = connect()
        try:
            xid, thread, answers = committing(world, connection)
            # This b was never a's standby when that happened: as if it had been.
            world.b.sql(f"DO $$BEGIN WHILE pg_current_xact_id()::text::bigint <= {xid} LOOP COMMIT; END LOOP; END$$")
            world.b.sql(f"TRUNCATE holdfast.promotion; INSERT INTO holdfast.promotion VALUES (2, {world.epoch + 1}, 'b', {xid + first}, now())")
            world.a.kill_all()
            move(world, 1)
            thread.join(DEADLINE)
            assert (answers[0] if told == "COMMIT" else answers[0][0]) == told
            assert one(connection, "SELECT inet_server_port()") == PORT_B
        finally:
            if world.a.process is None:
                world.a.start()
            world.a.sql("ALTER SYSTEM RESET synchronous_standby_names")
            world.a.sql("SELECT pg_reload_conf()")
        move(world, 0)
    assert world.counters()["outcomes_found_total"] == 1
    world.b.sql("DROP SCHEMA holdfast CASCADE")


class Raw:
    """A client that speaks the protocol by hand."""

    def __init__(self, database=b"shop"):
        self.socket = socket.create_connection((HOST, PORT_PROXY), DEADLINE)
        self.data = b""
        self.columns = self.fields = 0  # of the last RowDescription, of the last DataRow
        packet = struct.pack(">I", 0x30000) + b"user\0postgres\0database\0" + database + b"\0\0"
        self.socket.sendall(struct.pack(">I", len(packet) + 4) + packet)
        assert self.until("Z")[-1] == "ZI"

    def send(self, *messages):
        self.socket.sendall(b"".join(kind.encode() + struct.pack(">I", len(body) + 4) + body for kind, body in messages))

    def run(self, text):
        """Parse, Bind, Execute, Flush: a batch without its Sync."""
        self.send(("P", b"\0" + text.encode() + b"\0\0\0"), ("B", b"\0\0" + bytes(6)), ("E", bytes(5)), ("H", b""))

    def query(self, text):
        self.send(("Q", text.encode() + b"\0"))

    def until(self, kind):
        """The messages up to one of this type, in short: E40001, ZI."""
        words = []
        while not words or words[-1][0] != kind:
            while len(self.data) < 5 or len(self.data) < 1 + struct.unpack(">I", self.data[1:5])[0]:
                more = self.socket.recv(65536)
                assert more, words
                self.data += more
            end = 1 + struct.unpack(">I", self.data[1:5])[0]
            head, body, self.data = chr(self.data[0]), self.data[5:end], self.data[end:]
            fields = {field[:1]: field[1:].decode() for field in body.split(b"\0") if field} if head == "E" else {}
            if head in "TD":
                count = struct.unpack(">H", body[:2])[0]
                self.columns, self.fields = (count, self.fields) if head == "T" else (self.columns, count)
            words.append(head + (fields[b"C"] if head == "E" else body.decode() if head == "Z" else ""))
        return words


def test_batches_and_copies_lose_their_server(world):
    world.a.sql("TRUNCATE marks")
    batch, begun, copied = Raw(), Raw(), Raw()
    batch.query("BEGIN")
    assert batch.until("Z") == ["C", "ZT"]
    batch.run("INSERT INTO marks VALUES (1)")
    assert batch.until("C") == ["1", "2", "C"]
    begun.run("INSERT INTO marks VALUES (2)")
    assert begun.until("C") == ["1", "2", "C"]
    copied.query("COPY marks (id) FROM STDIN")
    assert copied.until("G") == ["G"]
    copied.send(("d", b"3\n"))
    world.a.kill_all()
    assert batch.until("E") == ["E40001"]
    assert begun.until("E") == ["E40001"]
    assert copied.until("Z") == ["E40001", "ZI"]
    world.a.start()
    for client, status in ((batch, "ZE"), (begun, "ZI")):
        client.run("INSERT INTO marks VALUES (4)")
        client.send(("S", b""))
        assert client.until("Z") == [status]
    copied.send(("d", b"5\n"), ("c", b""))
    batch.query("ROLLBACK")
    assert batch.until("Z") == ["C", "ZI"]
    for client in (batch, begun, copied):
        client.query("SELECT id FROM marks")
        assert client.until("Z") == ["T", "C", "ZI"]
        client.socket.close()


def test_stops_and_deaths_under_load_lose_no_session_and_nothing_acknowledged(world):
    """Half of the clients use transactions; the writer is stopped or killed and the other one takes over. An error is 08007 and
    nothing else, and 40001 in a transaction."""
    world.a.sql("TRUNCATE marks")
    world.b.sql("TRUNCATE marks")
    stop, lock, acknowledged, unknown, rolled_back, failures = threading.Event(), threading.Lock(), [], [], [], []
    connections = [connect(user="secured", password="open sesame") for _ in range(8)]

    def run(number):
        try:
            connection = connections[number]
            for key in range(number * 1_000_000, (number + 1) * 1_000_000):
                if stop.is_set():
                    return
                try:
                    if number % 2 == 1:
                        one(connection, "BEGIN")
                    one(connection, "INSERT INTO marks VALUES (%s)", (key,))
                    if number % 2 == 1:
                        one(connection, "COMMIT")
                    with lock:
                        acknowledged.append(key)
                except psycopg2.Error as error:
                    again = number % 2 == 1 and error.pgcode == "40001"
                    with lock:
                        (rolled_back if again else unknown).append(key)
                    assert (again or error.pgcode == "08007") and connection.closed == 0, (error.pgcode, str(error))
                    if connection.info.transaction_status != psycopg2.extensions.TRANSACTION_STATUS_IDLE:
                        one(connection, "ROLLBACK")
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
    assert not set(rolled_back) & set(rows)
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
        # The COMMIT of an open transaction cannot be cancelled: it waits on, and succeeds when it may.
        one(connection, "BEGIN")
        one(connection, "INSERT INTO waited VALUES (2)")
        ignored = world.counters().get("cancels_ignored_total", 0)
        thread = threading.Thread(target=lambda: outcomes.append(outcome(connection, "COMMIT")))
        thread.start()
        wait(lambda: world.a.sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")[0][0] == 1, "it waits, too")
        connection.cancel()
        wait(lambda: world.counters().get("cancels_ignored_total", 0) == ignored + 1, "the cancel is ignored")
        assert world.a.sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")[0][0] == 1
        world.a.sql("ALTER SYSTEM RESET synchronous_standby_names")
        world.a.sql("SELECT pg_reload_conf()")
        thread.join(DEADLINE)
        assert outcomes == ["08007", "COMMIT"]
    finally:
        world.a.sql("ALTER SYSTEM RESET synchronous_standby_names")
        world.a.sql("SELECT pg_reload_conf()")


# ---- the proxy asks for passwords itself ----

@pytest.fixture
def front(pair):
    pair.epoch = pair.version + 1000
    pair.view(pair.epoch, 0)
    pair.proxy_start(auth="scram")
    yield pair
    pair.proxy_stop()


@pytest.mark.parametrize("role, password", [("secured", "open sesame"), ("elder", "old secret")])
def test_front_client_logs_in_at_the_proxy_and_moves(front, role, password):
    connection = connect(user=role, password=password, application_name="front")
    assert one(connection, "SELECT current_user") == role
    assert one(connection, "SHOW application_name") == "front"
    assert connection.info.parameter_status("in_hot_standby") == "off"
    assert connection.info.parameter_status("application_name") == "front"
    for turn in range(2):
        move(front, (turn + 1) % 2)
        assert one(connection, "SELECT inet_server_port()") == (PORT_B if turn % 2 == 0 else PORT_A)
    thread = threading.Thread(target=lambda: (sleepers(front.a, 1), connection.cancel()))
    thread.start()
    with pytest.raises(psycopg2.errors.QueryCanceled):
        one(connection, "SELECT pg_sleep(600)")
    thread.join(DEADLINE)
    counters = front.counters()
    assert counters["authenticated_total"] == 1 and counters["sessions_total"] == 1 and counters["moved_total"] == 2


@pytest.mark.parametrize("role, password, dbname", [
    ("secured", "wrong", "shop"), ("elder", "wrong", "shop"), ("nobody", "any", "shop"), ("postgres", "any", "shop"),
    ("late", "in time", "shop"), ("r" * 70, "any", "shop")])
def test_front_every_wrong_log_in_hears_the_same(front, role, password, dbname):
    """A wrong password, a role that is not there, one without a password, one whose password has expired."""
    front.a.sql("DROP ROLE IF EXISTS late; CREATE ROLE late LOGIN PASSWORD 'in time' VALID UNTIL '2020-01-01'")
    with pytest.raises(psycopg2.OperationalError, match="FATAL:  password authentication failed for user"):
        connect(user=role, password=password, dbname=dbname)
    assert front.counters()["auth_failures_total"] == 1
    front.a.sql("DROP ROLE late")
    with open(front.proxy_log, encoding="utf-8") as log:
        assert password not in log.read()


def test_front_server_has_its_say_after_the_log_in(front):
    """Who is let in by the proxy and not by the server hears the server's words."""
    front.a.sql("ALTER ROLE secured CONNECTION LIMIT 0")
    try:
        with pytest.raises(psycopg2.OperationalError, match="too many connections for role"):
            connect(user="secured", password="open sesame")
    finally:
        front.a.sql("ALTER ROLE secured CONNECTION LIMIT -1")
    assert one(connect(user="secured", password="open sesame"), "SELECT 1") == 1


def test_front_password_that_was_changed(front):
    """The new one is good after one refusal at most, and in any case soon."""
    connect(user="secured", password="open sesame").close()
    verifier = front.a.sql("SELECT rolpassword FROM pg_authid WHERE rolname = 'secured'")[0][0]
    front.a.sql("ALTER ROLE secured PASSWORD 'another'")

    def lets_in():
        try:
            connect(user="secured", password="another").close()
            return True
        except psycopg2.OperationalError as error:
            assert "password authentication failed" in str(error)
            return False

    try:
        wait(lets_in, "the new password is known")
        with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
            connect(user="secured", password="open sesame")
    finally:
        front.a.sql(f"ALTER ROLE secured PASSWORD '{verifier}'")


def test_front_log_in_waits_for_a_server_as_a_session_does(front):
    front.carried_out(front.view(front.epoch, 2))
    answers = []
    thread = threading.Thread(target=lambda: answers.append(one(connect(user="secured", password="open sesame"), "SELECT 1")))
    thread.start()
    wait(lambda: front.counters().get("sessions_waiting") == 1, "the client waits")
    move(front, 0)
    thread.join(DEADLINE)
    assert answers == [1]


@pytest.mark.parametrize("sent, expected", [
    (b"p" + struct.pack(">I", 10000), "08P01"),                      # larger than any answer
    (b"Q" + struct.pack(">I", 5) + b"\0", "08P01"),                  # not an answer
    (b"p" + struct.pack(">I", 4 + 20) + b"SCRAM-SHA-1\0" + struct.pack(">I", 4) + b"n,,n", "08P01"),
    (b"p" + struct.pack(">I", 4 + 14 + 4 + 9) + b"SCRAM-SHA-256\0" + struct.pack(">I", 9) + b"n,a=x,n=,", "0A000"),
])
def test_front_client_that_answers_nonsense(front, sent, expected):
    with socket.create_connection((HOST, PORT_PROXY)) as peer:
        peer.settimeout(DEADLINE)
        text = b"user\0secured\0database\0shop\0\0"
        peer.sendall(struct.pack(">IHH", 8 + len(text), 3, 0) + text)
        data = b""
        while len(data) < 24:
            data += peer.recv(24 - len(data))
        assert data == b"R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0"
        peer.sendall(sent)
        rest = b""
        while chunk := peer.recv(4096):
            rest += chunk
        assert rest[:1] == b"E" and b"\0C" + expected.encode() + b"\0" in rest


def test_front_newer_protocol_is_negotiated_down(front):
    with socket.create_connection((HOST, PORT_PROXY)) as peer:
        peer.settimeout(DEADLINE)
        text = b"user\0secured\0database\0shop\0_pq_.x\0on\0\0"
        peer.sendall(struct.pack(">IHH", 8 + len(text), 3, 2) + text)
        expected = b"v\0\0\0\x13\0\3\0\0\0\0\0\1_pq_.x\0" + b"R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0"
        data = b""
        while len(data) < len(expected):
            data += peer.recv(4096)
        assert data == expected


# ---- encryption towards clients ----

def openssl(directory, *words):
    subprocess.run(["openssl", *words], cwd=directory, check=True, capture_output=True)


def certificate(directory, name, *more, days=30, ca="ca", extension="subjectAltName=IP:127.9.0.1"):
    """NAME.crt and NAME.key, signed by ca."""
    openssl(directory, "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key",
            "-out", f"{name}.csr", "-subj", f"/CN={name}")
    with open(os.path.join(directory, f"{name}.ext"), "w", encoding="utf-8") as file:
        file.write(extension + "\n")
    openssl(directory, "x509", "-req", "-in", f"{name}.csr", "-CA", f"{ca}.crt", "-CAkey", f"{ca}.key", "-CAcreateserial",
            "-out", f"{name}.crt", "-days", str(days), "-extfile", f"{name}.ext", *more)
    os.chmod(os.path.join(directory, f"{name}.key"), 0o600)


def authority(directory, name):
    openssl(directory, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key",
            "-out", f"{name}.crt", "-subj", f"/CN={name}", "-days", "30")


@pytest.fixture(scope="module")
def papers(tmp_path_factory):
    directory = str(tmp_path_factory.mktemp("papers"))
    authority(directory, "ca")
    authority(directory, "stranger")
    certificate(directory, "proxy")
    certificate(directory, "secured", extension="basicConstraints=CA:FALSE")
    certificate(directory, "foreign", ca="stranger", extension="basicConstraints=CA:FALSE")
    openssl(directory, "x509", "-req", "-in", "secured.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-out",
            "expired.crt", "-days", "-1")
    return directory


@pytest.fixture
def tls(pair, papers, request):
    mode, auth = getattr(request, "param", ("require", "scram"))
    pair.epoch = pair.version + 1000
    pair.view(pair.epoch, 0)
    pair.proxy_start(auth=auth, LAB_TLS=mode, LAB_TLS_DIR=papers)
    pair.papers = papers
    yield pair
    pair.proxy_stop()


def secured(world, **more):
    return connect(user="secured", password="open sesame", sslrootcert=os.path.join(world.papers, "ca.crt"), **more)


@pytest.mark.parametrize("tls", [("require", "scram"), ("allow", "login"), ("allow", "passthrough")], indirect=True)
def test_tls_session(tls):
    """Large results, many rows, COPY both ways, all through encryption; the session moves where it can."""
    connection = secured(tls, sslmode="verify-full")
    assert connection.info.ssl_in_use
    assert one(connection, "SELECT length(repeat('x', 5000000))") == 5000000
    assert len(one(connection, "SELECT repeat('x', 5000000)")) == 5000000
    one(connection, "CREATE TEMP TABLE t (a text)")
    text = "".join("y" * 1000 + "\n" for _ in range(5000))
    with connection.cursor() as cursor:
        cursor.copy_expert("COPY t FROM STDIN", io.StringIO(text))
        out = io.StringIO()
        cursor.copy_expert("COPY t TO STDOUT", out)
    assert out.getvalue() == text
    connection.close()
    counters = tls.counters()
    assert counters["tls_total"] == 1
    if counters.get("authenticated_total"):
        connection = secured(tls, sslmode="verify-full", channel_binding="require")
        move(tls, 1)
        assert one(connection, "SELECT inet_server_port()") == PORT_B


@pytest.mark.parametrize("tls", [("require", "scram"), ("require", "login")], indirect=True)
def test_tls_is_required(tls):
    with pytest.raises(psycopg2.OperationalError, match="requires encryption"):
        secured(tls, sslmode="disable")
    assert tls.counters()["refused_clear_total"] == 1
    for mode in ("prefer", "allow", "require", "verify-ca"):
        assert one(secured(tls, sslmode=mode), "SELECT 1") == 1


def test_tls_wrong_names_and_passwords(tls):
    with pytest.raises(psycopg2.OperationalError, match="certificate verify failed"):
        connect(user="secured", password="open sesame", sslmode="verify-full",
                sslrootcert=os.path.join(tls.papers, "stranger.crt"))
    wait(lambda: tls.counters().get("tls_failures_total") == 1, "counted")
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        connect(user="secured", password="wrong", sslmode="require")
    assert one(secured(tls, sslmode="require", channel_binding="require"), "SELECT 1") == 1


def test_tls_client_certificates(tls):
    """One that nobody vouches for, or that has expired, is worse than none."""
    def shown(name):
        return secured(tls, sslmode="verify-full", sslcert=os.path.join(tls.papers, name + ".crt"),
                       sslkey=os.path.join(tls.papers, ("secured" if name == "expired" else name) + ".key"))

    assert one(shown("secured"), "SELECT 1") == 1
    for name in ("foreign", "expired"):
        with pytest.raises(psycopg2.OperationalError, match="alert|SSL|closed"):
            shown(name)
    wait(lambda: tls.counters().get("tls_failures_total") == 2, "counted")
    with open(tls.proxy_log, encoding="utf-8") as log:
        assert "the certificate is not accepted: certificate has expired" in log.read()


SSL_REQUEST = struct.pack(">IHH", 8, 1234, 5679)
GSSENC_REQUEST = struct.pack(">IHH", 8, 1234, 5680)


def startup_packet(user="secured"):
    text = b"user\0" + user.encode() + b"\0database\0shop\0\0"
    return struct.pack(">IHH", 8 + len(text), 3, 0) + text


def everything(peer):
    data = b""
    try:
        while chunk := peer.recv(4096):
            data += chunk
    except ConnectionResetError:
        pass
    return data


def test_tls_nothing_in_clear_after_the_request(tls):
    """CVE-2021-23214: what is stuffed behind the request must not become part of the encrypted session."""
    with socket.create_connection((HOST, PORT_PROXY)) as peer:
        peer.settimeout(DEADLINE)
        peer.sendall(SSL_REQUEST + startup_packet())
        data = everything(peer)
        # Seen before our answer, or read as a broken TLS record behind it: the connection ends, and nothing was heard of it.
        assert data[:1] in (b"E", b"S") and b"SCRAM" not in data
        assert data[:1] == b"S" or b"received unencrypted data after SSL request" in data
    assert "sessions_total" not in tls.counters()


def context_of(tls, alpn=None):
    context = ssl.create_default_context(cafile=os.path.join(tls.papers, "ca.crt"))
    if alpn:
        context.set_alpn_protocols(alpn)
    return context


def test_tls_from_the_first_byte(tls):
    def direct(alpn):
        with socket.create_connection((HOST, PORT_PROXY)) as raw, \
             context_of(tls, alpn).wrap_socket(raw, server_hostname=HOST) as peer:
            peer.settimeout(DEADLINE)
            peer.sendall(startup_packet())
            return peer.recv(4096)

    assert direct(["postgresql"])[:1] == b"R"
    assert b"without ALPN" in direct(None)
    with pytest.raises((ssl.SSLError, OSError)):
        direct(["http/1.1"])


def test_tls_after_other_requests_and_never_twice(tls):
    with socket.create_connection((HOST, PORT_PROXY)) as raw:
        raw.settimeout(DEADLINE)
        raw.sendall(GSSENC_REQUEST)
        assert raw.recv(1) == b"N"
        raw.sendall(SSL_REQUEST)
        assert raw.recv(1) == b"S"
        with context_of(tls).wrap_socket(raw, server_hostname=HOST) as peer:
            assert peer.version() in ("TLSv1.2", "TLSv1.3")
            peer.sendall(SSL_REQUEST)
            assert b"C08P01\0" in everything(peer)


def test_tls_slow_reader_gets_all(tls):
    """More than any buffer holds, while the client does not read; then all of it, byte for byte."""
    connection = secured(tls, sslmode="require")
    process = subprocess.Popen(["psql", "-h", HOST, "-p", str(PORT_PROXY), "-U", "secured", "-d", "shop", "-Atc",
                                "SELECT repeat(chr(97 + n % 26), 100000) FROM generate_series(1, 300) n"],
                               stdout=subprocess.PIPE, text=True,
                               env=dict(os.environ, PGPASSWORD="open sesame", PGSSLMODE="require"))
    os.kill(process.pid, signal.SIGSTOP)
    assert one(connection, "SELECT 1") == 1
    os.kill(process.pid, signal.SIGCONT)
    lines = process.communicate(timeout=DEADLINE)[0].split("\n")[:-1]
    assert lines == [chr(97 + n % 26) * 100000 for n in range(1, 301)]


def test_tls_certificate_is_renewed(tls):
    """By SIGHUP; a broken file changes nothing; sessions do not notice."""
    connection = secured(tls, sslmode="verify-full")

    def serial():
        with socket.create_connection((HOST, PORT_PROXY)) as raw:
            with context_of(tls, ["postgresql"]).wrap_socket(raw, server_hostname=HOST) as peer:
                return peer.getpeercert()["serialNumber"]

    before = serial()
    certificate(tls.papers, "proxy")
    tls.proxy.send_signal(signal.SIGHUP)
    wait(lambda: serial() != before, "the new certificate is shown")
    path = os.path.join(tls.papers, "proxy.crt")
    with open(path, encoding="utf-8") as file:
        good = file.read()
    after = serial()
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write("nonsense\n")
        tls.proxy.send_signal(signal.SIGHUP)

        def told():
            with open(tls.proxy_log, encoding="utf-8") as log:
                return "goes on with what it has read before" in log.read()

        wait(told, "the log says so")
        assert serial() == after
    finally:
        with open(path, "w", encoding="utf-8") as file:
            file.write(good)
    assert one(connection, "SELECT 1") == 1
    assert one(secured(tls, sslmode="verify-full", channel_binding="require"), "SELECT 1") == 1


# ---- encryption towards servers ----

def ssl_of_servers(world, on):
    for server in (world.a, world.b):
        server.sql(f"ALTER SYSTEM SET ssl = {'on' if on else 'off'}")
        server.sql("SELECT pg_reload_conf()")
        wait(lambda server=server: server.sql("SHOW ssl")[0][0] == ("on" if on else "off"), "ssl is set")


@pytest.fixture(scope="module")
def sealed(pair, papers):
    """The servers have certificates: a for the address that both listen on, b for another one."""
    certificate(papers, "server-a")
    certificate(papers, "server-b", extension="subjectAltName=IP:127.9.0.99")
    for server, name in ((pair.a, "server-a"), (pair.b, "server-b")):
        for source, target in ((f"{name}.crt", "server.crt"), (f"{name}.key", "server.key")):
            path = os.path.join(server.data, target)
            shutil.copy(os.path.join(papers, source), path)
            os.chmod(path, 0o600)
            if os.geteuid() == 0:
                shutil.chown(path, "postgres", "postgres")
    pair.papers = papers
    ssl_of_servers(pair, True)
    yield pair
    ssl_of_servers(pair, False)


@pytest.fixture
def server_tls(sealed, request):
    mode, auth, ca, more = request.param
    sealed.epoch = sealed.version + 1000
    sealed.view(sealed.epoch, 0)
    more = dict({"connect_wait_ms": 50000}, **more)
    sealed.proxy_start(auth=auth, LAB_SERVER_TLS=mode, LAB_SERVER_CA=os.path.join(sealed.papers, ca), LAB_TLS_DIR=sealed.papers,
                       **more)
    yield sealed
    sealed.proxy_stop()


ENCRYPTED = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"


@pytest.mark.parametrize("server_tls", [("verify-ca", "scram", "ca.crt", {}), ("require", "login", "ca.crt", {}),
                                        ("prefer", "passthrough", "ca.crt", {})], indirect=True)
def test_servertls_session(server_tls):
    """The client is in clear, the server's side is not: results, COPY, cancel, notifications, and a move."""
    world = server_tls
    connection = connect(user="secured", password="open sesame")
    assert one(connection, ENCRYPTED) is True
    assert len(one(connection, "SELECT repeat('x', 5000000)")) == 5000000
    text = "".join("y" * 1000 + "\n" for _ in range(5000))
    one(connection, "CREATE TEMP TABLE t (a text)")
    with connection.cursor() as cursor:
        cursor.copy_expert("COPY t FROM STDIN", io.StringIO(text))
    assert one(connection, "SELECT count(*) FROM t") == 5000
    one(connection, "DISCARD ALL")
    thread = threading.Thread(target=lambda: (sleepers(world.a, 1), connection.cancel()))
    thread.start()
    with pytest.raises(psycopg2.errors.QueryCanceled):
        one(connection, "SELECT pg_sleep(600)")
    thread.join(DEADLINE)
    # To an idle session: messages larger than the server's buffer, so that they come in several records.
    one(connection, "LISTEN news")
    for _ in range(20):
        world.a.sql(f"SELECT pg_notify('news', '{'n' * 7900}')")
    wait(lambda: connection.poll() or len(connection.notifies) == 20, "notifications")
    assert {notify.payload for notify in connection.notifies} == {"n" * 7900}
    if world.counters().get("keys_total"):
        move(world, 1)
        assert one(connection, "SELECT inet_server_port()") == PORT_B
        assert one(connection, ENCRYPTED) is True


@pytest.mark.parametrize("server_tls", [("verify-full", "scram", "ca.crt", {"LAB_TLS": "require"})], indirect=True)
def test_servertls_on_both_sides(server_tls):
    connection = secured(server_tls, sslmode="verify-full", channel_binding="require")
    assert one(connection, ENCRYPTED) is True
    server_tls.a.stop()
    server_tls.a.start()
    assert one(connection, ENCRYPTED) is True


@pytest.mark.parametrize("server_tls", [("verify-full", "scram", "ca.crt", {"LAB_TLS": "require", "LAB_POOL": "2 2 0 0 0 0 0 50000 0 0"})],
                         indirect=True)
def test_servertls_with_pools(server_tls):
    """Encrypted on both sides, and many clients on few connections: settings, large results, and the loss of the server."""
    clients = [secured(server_tls, sslmode="verify-full") for _ in range(10)]
    for number, client in enumerate(clients):
        one(client, f"SET application_name = 'client {number}'")
    for turn in range(3):
        for number, client in enumerate(clients):
            assert one(client, "SHOW application_name") == f"client {number}"
            assert one(client, ENCRYPTED) is True
            assert len(one(client, "SELECT repeat('x', 300000)")) == 300000
    assert server_tls.counters()["pool_servers"] <= 2 * 2  # two workers
    server_tls.a.kill_all()
    server_tls.a.start()
    for number, client in enumerate(clients):
        assert one(client, "SHOW application_name") == f"client {number}"
        assert one(client, ENCRYPTED) is True
    counters = server_tls.counters()
    assert counters["sessions"] == 10 and counters["tls_total"] == 10 and "not_moved_total" not in counters


@pytest.mark.parametrize("server_tls", [("verify-ca", "login", "stranger.crt", {"connect_wait_ms": 1000})], indirect=True)
def test_servertls_stranger_is_not_spoken_to(server_tls):
    with pytest.raises(psycopg2.OperationalError, match="no writable server could be reached"):
        connect(user="secured", password="open sesame")
    assert server_tls.counters()["server_tls_failures_total"] > 0
    with open(server_tls.proxy_log, encoding="utf-8") as log:
        assert "server a 127.9.0.1:25432: no encrypted connection: the certificate is not accepted" in log.read()


@pytest.mark.parametrize("server_tls", [("verify-full", "login", "ca.crt", {"connect_wait_ms": 1000})], indirect=True)
def test_servertls_certificate_is_for_another_address(server_tls):
    assert one(connect(user="secured", password="open sesame"), ENCRYPTED) is True
    move(server_tls, 1)
    with pytest.raises(psycopg2.OperationalError, match="no writable server could be reached"):
        connect(user="secured", password="open sesame")


@pytest.mark.parametrize("server_tls", [("require", "login", "ca.crt", {})], indirect=True)
def test_servertls_declined(server_tls):
    """A server without encryption is waited for."""
    ssl_of_servers(server_tls, False)
    answers = []
    thread = threading.Thread(target=lambda: answers.append(one(connect(user="secured", password="open sesame"), ENCRYPTED)))
    thread.start()
    wait(lambda: server_tls.counters().get("server_tls_failures_total", 0) > 0, "declined")
    ssl_of_servers(server_tls, True)
    thread.join(DEADLINE)
    assert answers == [True]


# ---- roles in a file ----

def test_front_auth_file(pair, tmp_path):
    """Passwords and verifiers in the file; who is not in it is asked of the database; SIGHUP reads it again."""
    path = tmp_path / "userlist.txt"
    verifier = pair.a.sql("SELECT rolpassword FROM pg_authid WHERE rolname = 'elder'")[0][0]
    pair.a.sql("DROP ROLE IF EXISTS plain; CREATE ROLE plain LOGIN PASSWORD 'of the database'")
    path.write_text(f'; roles\n"secured" "open sesame"\n"elder" "{verifier}"\n"ghost" "any"\n')
    pair.epoch = pair.version + 1000
    pair.view(pair.epoch, 0)
    pair.proxy_start(auth="scram", LAB_AUTH_FILE=str(path))
    try:
        for role, password in (("secured", "open sesame"), ("elder", "old secret"), ("plain", "of the database")):
            connection = connect(user=role, password=password)
            assert one(connection, "SELECT current_user") == role
            with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
                connect(user=role, password="wrong")
        with pytest.raises(psycopg2.OperationalError, match='role "ghost" does not exist'):  # the server's words
            connect(user="ghost", password="any")
        path.write_text('"secured" "open sesame"\n"plain" unquoted\n')
        pair.proxy.send_signal(signal.SIGHUP)

        def told(text):
            with open(pair.proxy_log, encoding="utf-8") as log:
                return text in log.read()

        wait(lambda: told("userlist.txt:2: expected a double quote"), "the problem is told")
        assert one(connect(user="elder", password="old secret"), "SELECT 1") == 1
        path.write_text('"plain" "another"\n')
        pair.proxy.send_signal(signal.SIGHUP)
        wait(lambda: told("proxy.auth_file: it was read again"), "it was read")
        with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
            connect(user="plain", password="of the database")
    finally:
        pair.proxy_stop()
        pair.a.sql("DROP ROLE plain")


# ---- rules in a file ----

RULES = """
hostssl   all   secured   127.0.0.0/8   cert
hostssl   all   elder     127.0.0.0/8   md5             clientcert=verify-ca
host      all   postgres  127.0.0.0/8   trust
host      all   elder     127.0.0.0/8   scram-sha-256
hostnossl all   secured   127.0.0.0/8   reject
"""


def test_tls_rules_of_the_hba_file(pair, papers, tmp_path):
    """The first rule that matches decides; nobody comes in without one."""
    path, users = tmp_path / "hba.conf", tmp_path / "userlist.txt"
    path.write_text(RULES)
    users.write_text('"secured" "open sesame"\n')  # who shows a certificate is logged in at the server with it
    pair.papers = papers
    pair.epoch = pair.version + 1000
    pair.view(pair.epoch, 0)
    pair.proxy_start(auth="scram", LAB_TLS="allow", LAB_TLS_DIR=papers, LAB_HBA_FILE=str(path), LAB_AUTH_FILE=str(users))

    def come(role, password="none", shown=None, sslmode="require", dbname="shop"):
        more = {"sslcert": os.path.join(papers, shown + ".crt"), "sslkey": os.path.join(papers, shown + ".key")} if shown else {}
        return one(connect(user=role, password=password, sslmode=sslmode, dbname=dbname, **more), "SELECT current_user")

    def refused(words, *arguments, **more):
        with pytest.raises(psycopg2.OperationalError, match=words):
            come(*arguments, **more)

    try:
        assert come("secured", shown="secured") == "secured"
        refused("connection requires a valid client certificate", "secured", "open sesame")
        refused("pg_hba.conf rejects connection for host \"127[0-9.]*\", user \"secured\", database \"shop\", no encryption",
                "secured", "open sesame", sslmode="disable")
        assert come("elder", "old secret", shown="secured") == "elder"
        refused("password authentication failed", "elder", "wrong", shown="secured")
        refused("connection requires a valid client certificate", "elder", "old secret")
        refused("password authentication failed", "elder", "old secret", sslmode="disable")  # its verifier is md5's
        assert come("postgres", sslmode="disable") == "postgres"
        refused("no pg_hba.conf entry for host \"127[0-9.]*\", user \"nobody\", database \"shop\", SSL encryption", "nobody")
        path.write_text(RULES + "host all +staff all trust\n")
        pair.proxy.send_signal(signal.SIGHUP)

        def told(text):
            with open(pair.proxy_log, encoding="utf-8") as log:
                return text in log.read()

        wait(lambda: told("hba.conf:7: user \"+staff\""), "the problem is told")
        assert come("postgres", sslmode="disable") == "postgres"
        path.write_text("host all elder all md5\n")
        pair.proxy.send_signal(signal.SIGHUP)
        wait(lambda: told("proxy.hba_file: it was read again"), "it was read")
        refused("no pg_hba.conf entry", "postgres", sslmode="disable")
        assert come("elder", "old secret", sslmode="disable") == "elder"
    finally:
        pair.proxy_stop()
