# SPDX-License-Identifier: Apache-2.0
"""Pools of server connections: the proxy with `login` between real clients and two real PostgreSQL servers (test_session.py).

One worker, so that a pool's numbers are exact."""
import os
import signal
import socket
import struct
import subprocess
import threading

import psycopg2
import psycopg2.errors
import pytest

# pylint: disable=unused-import
from test_console import rows
from test_proxy import DEADLINE, HOST, LAB, PGBIN, PORT_A, PORT_B, PORT_PROXY, connect, last_words, latch, one, servers, sleepers, wait, LATCHED
from test_session import Raw, keys, move, pair, switch

SESSION, TRANSACTION = 1, 2


@pytest.fixture
def pool(pair):
    """A function that starts the proxy with a pool."""
    pair.epoch = pair.version + 1000
    pair.view(pair.epoch, 0)

    def start(mode=TRANSACTION, size=2, reserve=0, reserve_after_ms=0, minimum=0, connections=0, clients=0, wait_ms=50000,
              idle_ms=0, lifetime_ms=0, auth="login", workers=1, statements=0, spares=0):
        os.environ["LAB_STATEMENTS"], os.environ["LAB_SPARES"] = str(statements), str(spares)
        os.environ["LAB_POOL"] = f"{mode} {size} {reserve} {reserve_after_ms} {minimum} {connections} {clients} {wait_ms} {idle_ms} {lifetime_ms}"
        pair.proxy_start(auth=auth, workers=workers)
        return pair

    yield start
    for name in ("LAB_POOL", "LAB_STATEMENTS", "LAB_SPARES"):
        os.environ.pop(name, None)
    pair.proxy_stop()


def with_console(start):
    """What it starts, and a console there."""
    os.environ["LAB_CONSOLE"] = "let me look"
    try:
        world = start()
    finally:
        del os.environ["LAB_CONSOLE"]
    return world, connect(dbname="holdfast", user="ops", password="let me look")


def backends(server, user="postgres"):
    """Server processes of the proxy, whatever is there but ours: also those that are about to end, and the vault's."""
    return server.sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() "
                      f"AND usename = '{user}' AND datname = 'shop'")[0][0]


def settled(world, servers):
    """Everybody has given back what it had."""
    wait(lambda: (lambda now: now.get("pool_servers", 0) == servers and "sessions_pinned" not in now)(world.counters()),
         f"{servers} server connections, none pinned")


@pytest.mark.parametrize("workers", [1, 2])
def test_many_clients_share_few_connections(pool, workers):
    world = pool(size=2, workers=workers)
    clients = [connect() for _ in range(20)]
    pids = {one(client, "SELECT pg_backend_pid()") for client in clients for _ in range(3)}
    assert len(pids) <= 2
    assert world.counters()["pool_servers"] <= 2
    wait(lambda: backends(world.a) <= 2, "the others have ended")
    for client in clients:
        client.close()
    wait(lambda: "sessions" not in world.counters(), "they have left")
    assert backends(world.a) >= 1  # and the connections stay


def test_a_transaction_has_its_connection_to_itself(pool):
    world = pool(size=2)
    first, second, third = connect(autocommit=False), connect(autocommit=False), connect()
    mine, other = one(first, "SELECT pg_backend_pid()"), one(second, "SELECT pg_backend_pid()")
    assert mine != other
    answers = []
    thread = threading.Thread(target=lambda: answers.append(one(third, "SELECT pg_backend_pid()")))
    thread.start()
    wait(lambda: world.counters().get("pool_waiting") == 1, "the third stands in line")
    assert one(first, "SELECT pg_backend_pid()") == mine
    second.commit()
    thread.join(DEADLINE)
    assert answers == [other]
    first.commit()
    assert "pool_waiting" not in world.counters()


def test_waiting_ends_with_53300(pool):
    world = pool(size=1, wait_ms=300)
    first, second = connect(), connect()
    one(first, "BEGIN")
    with pytest.raises(psycopg2.OperationalError):
        one(second, "SELECT 1")
    assert world.counters()["pool_timeouts_total"] == 1
    one(first, "COMMIT")
    assert one(first, "SELECT 1") == 1


def test_reserve_is_for_who_has_waited(pool):
    world = pool(size=1, reserve=1, reserve_after_ms=100)
    first, second = connect(), connect()
    one(first, "BEGIN")
    assert one(second, "SELECT 1") == 1
    assert world.counters()["pool_servers"] == 2
    one(first, "COMMIT")
    settled(world, 2)


def test_clients_of_an_entry_are_limited(pool):
    pool(size=1, clients=2)
    kept = [connect(), connect()]
    with pytest.raises(psycopg2.OperationalError, match="too many clients of this database"):
        connect()
    kept.pop().close()
    wait(lambda: connects(), "a place is free")


def connects():
    try:
        connect().close()
        return True
    except psycopg2.OperationalError:
        return False


def test_connections_of_all_users_are_limited(pool):
    world = pool(size=2, connections=2)
    first, second = connect(), connect(user="secured", password="open sesame")
    keys(world, 1)
    for _ in range(3):
        assert one(first, "SELECT 1") == 1
        assert one(second, "SELECT 1") == 1
        assert world.counters()["pool_servers"] <= 2
        wait(lambda: backends(world.a) + backends(world.a, "secured") <= 2, "the others have ended")
    pools = [connect(user="elder", password="old secret"), connect()]
    keys(world, 2)
    assert [one(client, "SELECT current_user") for client in pools] == ["elder", "postgres"]
    assert world.counters()["pool_servers"] <= 2


def test_settings_go_with_the_client_and_never_to_another(pool):
    world = pool(size=1)
    plain, zoned, other = connect(), connect(), connect()
    one(zoned, "SET timezone = 'Asia/Taipei'")
    one(other, "SET timezone = 'Asia/Tokyo'")
    one(other, "SET application_name = 'other'")
    before = one(plain, "SHOW timezone")
    assert before not in ("Asia/Taipei", "Asia/Tokyo")
    for _ in range(3):
        assert one(zoned, "SHOW timezone") == "Asia/Taipei"
        assert one(zoned, "SHOW application_name") == ""
        assert one(other, "SHOW timezone") == "Asia/Tokyo"
        assert one(other, "SHOW application_name") == "other"
        assert one(plain, "SHOW timezone") == before
        assert plain.info.parameter_status("TimeZone") == before
        assert other.info.parameter_status("application_name") == "other"
    assert world.counters()["pool_servers"] == 1
    assert "pinned_total" not in world.counters()
    one(zoned, "RESET ALL")
    assert one(zoned, "SHOW timezone") == before


def test_start_up_options_are_not_mixed(pool):
    pool(size=1)
    first, second = connect(application_name="one", options="-c work_mem=1MB"), connect(application_name="two")
    for _ in range(3):
        assert (one(first, "SHOW work_mem"), one(first, "SHOW application_name")) == ("1MB", "one")
        assert (one(second, "SHOW work_mem"), one(second, "SHOW application_name")) == ("4MB", "two")


@pytest.mark.parametrize("text, gone", [
    ("CREATE TEMP TABLE t (a int)", "SELECT to_regclass('pg_temp.t') IS NULL"),
    ("SELECT pg_advisory_lock(7)", "SELECT count(*) = 0 FROM pg_locks WHERE locktype = 'advisory'"),
    ("DECLARE c CURSOR WITH HOLD FOR SELECT 1", "SELECT count(*) = 0 FROM pg_cursors WHERE is_holdable"),
    ("PREPARE p AS SELECT 1", "SELECT count(*) = 0 FROM pg_prepared_statements"),
    ("LISTEN news", "SELECT count(*) = 0 FROM pg_listening_channels()"),
    ("SELECT set_config('work_mem', '1MB', false)", "SELECT current_setting('work_mem') = '4MB'"),
])
def test_what_belongs_to_a_connection_pins(pool, text, gone):
    world = pool(size=2)
    pinned, other = connect(), connect()
    one(pinned, text)
    mine = one(pinned, "SELECT pg_backend_pid()")
    wait(lambda: world.counters().get("sessions_pinned") == 1, "it is pinned")
    for _ in range(3):
        assert one(other, "SELECT pg_backend_pid()") != mine
        assert one(other, gone) is (text[:15] != "SELECT pg_advis")
        assert one(pinned, "SELECT pg_backend_pid()") == mine
    one(pinned, "DISCARD ALL")
    settled(world, 2)
    one(pinned, text)
    pinned.close()  # whoever gets its connection finds it clean
    settled(world, 2)
    first, second = connect(autocommit=False), connect(autocommit=False)
    for client in (first, second):
        assert one(client, gone) is True


def test_a_pinned_client_takes_from_the_pool_and_the_rest_goes_on(pool):
    world = pool(size=1)
    pinned, other = connect(), connect()
    one(pinned, "LISTEN news")
    answers = []
    thread = threading.Thread(target=lambda: answers.append(one(other, "SELECT 1")))
    thread.start()
    wait(lambda: world.counters().get("pool_waiting") == 1, "the other one stands in line")
    one(pinned, "UNLISTEN *")
    thread.join(DEADLINE)
    assert answers == [1]


def test_an_open_transaction_of_a_client_that_leaves_is_rolled_back(pool):
    world = pool(size=1)
    world.a.sql("TRUNCATE marks")
    leaver = connect(autocommit=False)
    one(leaver, "INSERT INTO marks VALUES (1)")
    leaver.close()
    assert one(connect(), "SELECT count(*) FROM marks") == 0


def test_a_server_that_was_left_in_the_middle_is_nobodys(pool):
    """The client goes while its statement runs: what comes of it reaches nobody else."""
    world = pool(size=1)
    held = latch()
    leaver = subprocess.Popen(["psql", "-h", HOST, "-p", str(PORT_PROXY), "-U", "postgres", "-d", "shop", "-Atc", LATCHED])
    sleepers(world.a, 1)
    leaver.kill()
    leaver.wait()
    held.close()
    for _ in range(5):
        assert one(connect(), "SELECT 42") == 42


def test_old_and_idle_connections_are_closed(pool):
    world = pool(size=2, idle_ms=200)
    client = connect()
    one(client, "SELECT 1")
    settled(world, 0)
    assert one(client, "SELECT 1") == 1


def test_lifetime_ends_between_transactions(pool):
    pool(size=1, lifetime_ms=200)
    client = connect(autocommit=False)
    mine = one(client, "SELECT pg_backend_pid()")
    one(client, "SELECT pg_sleep(0.3)")
    assert one(client, "SELECT pg_backend_pid()") == mine
    client.commit()
    assert one(client, "SELECT pg_backend_pid()") != mine


def test_cancel_hits_its_own_statement_only(pool):
    world = pool(size=1)
    first, second = connect(), connect()
    held, outcomes = latch(), {}

    def run(name, client):
        try:
            one(client, LATCHED)
            outcomes[name] = "ran"
        except psycopg2.errors.QueryCanceled:
            outcomes[name] = "cancelled"

    threads = [threading.Thread(target=run, args=pair) for pair in (("first", first), ("second", second))]
    threads[0].start()
    sleepers(world.a, 1)
    threads[1].start()
    wait(lambda: world.counters().get("pool_waiting") == 1, "the second stands in line")
    second.cancel()  # it runs nowhere yet
    first.cancel()
    threads[0].join(DEADLINE)
    first.cancel()  # its statement has ended: must not hit the second, which has the connection now
    sleepers(world.a, 1)
    first.cancel()
    held.close()
    threads[1].join(DEADLINE)
    assert outcomes == {"first": "cancelled", "second": "ran"}
    wait(lambda: world.counters().get("cancels_ignored_total") == 3, "three cancels were ignored")
    assert world.counters()["cancels_total"] == 1


def test_session_mode_keeps_its_connection_and_leaves_it_clean(pool):
    world = pool(mode=SESSION, size=2)
    first, second = connect(), connect()
    mine = one(first, "SELECT pg_backend_pid()")
    one(first, "SET work_mem = '1MB'")
    one(first, "CREATE TEMP TABLE t (a int)")
    assert one(second, "SELECT pg_backend_pid()") != mine
    assert one(first, "SELECT pg_backend_pid()") == mine
    assert "sessions_pinned" not in world.counters()
    first.close()
    wait(lambda: world.counters().get("pool_resets_total") == 1, "reset")
    third = connect()
    assert one(third, "SHOW work_mem") == "4MB"
    move(world, 1)
    assert one(third, "SELECT inet_server_port()") == PORT_B
    move(world, 0)


class Wire:
    """A client that says what it likes."""

    def __init__(self):
        self.socket = socket.create_connection((HOST, PORT_PROXY), timeout=DEADLINE)
        body = struct.pack(">I", 196608) + b"user\0postgres\0database\0shop\0\0"
        self.talk(struct.pack(">I", len(body) + 4) + body)

    def talk(self, data):
        """What comes up to the ReadyForQuery, or the end."""
        self.socket.sendall(data)
        answer = b""
        while b"Z\0\0\0\5" not in answer[-6:]:
            chunk = self.socket.recv(65536)
            if not chunk:
                break
            answer += chunk
        return answer

    @staticmethod
    def message(kind, body):
        return kind + struct.pack(">I", len(body) + 4) + body

    SYNC = b"S\0\0\0\4"

    def parse(self, name, text):
        return self.message(b"P", name + b"\0" + text + b"\0\0\0")

    def close(self, name):
        return self.message(b"C", b"S" + name + b"\0")

    def run(self, name):
        return self.message(b"B", b"\0" + name + b"\0\0\0\0\0\0\0") + self.message(b"E", b"\0\0\0\0\0") + self.SYNC

    def leave(self):
        self.socket.close()


def test_unnamed_statement_of_another_is_not_executed(pool):
    pool(size=1)
    mine, theirs = Wire(), Wire()
    mine.talk(mine.parse(b"", b"SELECT 'mine'") + Wire.SYNC)
    assert b"theirs" in theirs.talk(theirs.parse(b"", b"SELECT 'theirs'") + theirs.run(b""))
    answer = mine.talk(mine.run(b""))
    assert b"C26000\0" in answer and b"theirs" not in answer
    theirs.leave()


def test_prepared_statements_go_with_their_clients(pool):
    """Each client has its own under the same names; there is one connection, and one that failed pins."""
    world = pool(size=1)
    clients = [Wire() for _ in range(3)]
    for number, client in enumerate(clients):
        assert b"1\0\0\0\4" in client.talk(client.parse(b"same", b"SELECT 'client %d'" % number) + Wire.SYNC)
    for _ in range(3):
        for number, client in enumerate(clients):
            assert b"client %d" % number in client.talk(client.run(b"same"))
    assert world.counters()["pool_servers"] == 1
    assert "pinned_total" not in world.counters()
    assert b"C26000\0" in clients[0].talk(clients[0].run(b"other"))
    clients[0].talk(clients[0].close(b"same") + Wire.SYNC)
    assert b"C26000\0" in clients[0].talk(clients[0].run(b"same"))
    assert b"client 1" in clients[1].talk(clients[1].run(b"same"))
    assert b"C42P01\0" in clients[2].talk(clients[2].parse(b"new", b"SELECT * FROM nowhere") + Wire.SYNC)
    wait(lambda: world.counters().get("sessions_pinned") == 1, "the last one is pinned")
    for client in clients:
        client.leave()


def test_the_same_statement_under_many_names_is_prepared_once(pool):
    world = pool(size=1, statements=2)
    clients, probe = [Wire() for _ in range(3)], connect()
    for number, client in enumerate(clients):
        assert b"1\0\0\0\4" in client.talk(client.parse(b"name %d" % number, b"SELECT 'the same'") + Wire.SYNC)
        assert b"1\0\0\0\4" in client.talk(client.parse(b"mine", b"SELECT 'client %d'" % number) + Wire.SYNC)
    for _ in range(3):
        for number, client in enumerate(clients):
            assert b"the same" in client.talk(client.run(b"name %d" % number))
            assert b"client %d" % number in client.talk(client.run(b"mine"))
            assert one(probe, "SELECT count(*) FROM pg_prepared_statements") <= 2
    assert world.counters()["pool_servers"] == 1
    assert not {"pinned_total", "pool_resets_total"} & set(world.counters())
    # Names are each client's own; a failure leaves none; what is closed is closed, by either way.
    assert b"C26000\0" in clients[0].talk(clients[0].run(b"name 1"))
    assert b"C42P01\0" in clients[0].talk(clients[0].parse(b"new", b"SELECT * FROM nowhere") + Wire.SYNC)
    assert b"C26000\0" in clients[0].talk(clients[0].run(b"new"))
    assert b"C42P05\0" in clients[0].talk(clients[0].parse(b"mine", b"SELECT 1") + Wire.SYNC)
    clients[0].talk(clients[0].close(b"mine") + Wire.SYNC)
    assert b"C26000\0" in clients[0].talk(clients[0].run(b"mine"))
    answer = clients[1].talk(Wire.message(b"Q", b"DEALLOCATE mine\0"))
    assert b"DEALLOCATE\0" in answer and b"PREPARE" not in answer
    assert b"C26000\0" in clients[1].talk(clients[1].run(b"mine"))
    clients[2].talk(Wire.message(b"Q", b"DEALLOCATE ALL\0"))
    assert b"C26000\0" in clients[2].talk(clients[2].run(b"mine"))
    assert b"the same" in clients[0].talk(clients[0].run(b"name 0"))
    assert "pinned_total" not in world.counters()
    for client in clients:
        client.leave()


def test_a_plan_that_has_become_wrong_ends_with_its_connection(pool):
    pool(size=1, statements=10)
    client, other = Wire(), connect()
    one(other, "DROP TABLE IF EXISTS shape")
    one(other, "CREATE TABLE shape (a int)")
    assert b"1\0\0\0\4" in client.talk(client.parse(b"s", b"TABLE shape") + Wire.SYNC)
    assert b"SELECT 0" in client.talk(client.run(b"s"))
    one(other, "ALTER TABLE shape ADD b text")
    one(other, "INSERT INTO shape VALUES (1, 'two')")
    assert b"C0A000\0" in client.talk(client.run(b"s"))  # as a server of its own would say it
    assert b"two" in client.talk(client.run(b"s"))
    one(other, "DROP TABLE shape")
    client.leave()


def test_a_pool_is_filled_before_anybody_waits(pool):
    world, desk = with_console(lambda: pool(size=4, minimum=3))
    client = connect()
    wait(lambda: world.counters().get("opened_ahead_total") == 2, "two beside the client's")
    settled(world, 3)
    wait(lambda: [(row["user"], row["state"], row["link"]) for row in rows(desk, "SHOW SERVERS")] == [("postgres", "idle", "a")] * 3,
         "all three are shown")
    assert [int(row["sv_active"]) + int(row["sv_idle"]) for row in rows(desk, "SHOW POOLS")] == [3]
    assert len(rows(desk, "SHOW CLIENTS")) == 1
    world.a.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'postgres' AND pid <> pg_backend_pid() "
                "AND backend_type = 'client backend' AND datname = 'shop'")
    wait(lambda: world.counters().get("opened_ahead_total", 0) >= 5, "they are opened again")
    settled(world, 3)
    assert one(client, "SELECT 1") == 1


@pytest.mark.parametrize("protocol, statements", [("simple", 0), ("extended", 0), ("prepared", 0), ("prepared", 20)])
def test_switchovers_and_epochs_under_load_without_an_error(pool, protocol, statements):
    """Planned moves: open transactions end where they began, nobody hears of it. A thread of pgbench for each client: while it
    prepares, a thread waits, and the transactions of its other clients with it."""
    world = pool(size=4, statements=statements)
    warm = connect(user="secured", password="open sesame")
    keys(world, 1)
    warm.close()
    process = subprocess.Popen([f"{PGBIN}/pgbench", "-h", HOST, "-p", str(PORT_PROXY), "-U", "secured", "-M", protocol, "-c", "12",
                                "-j", "12", "-T", "600", "-n", "shop"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               text=True, env=dict(os.environ, PGPASSWORD="open sesame"))
    try:
        wait(lambda: world.counters().get("sessions") == 12 or process.poll() is not None, "twelve clients")
        for turn in range(4):
            before = world.counters()["ready_total"]
            wait(lambda: world.counters()["ready_total"] > before + 200 or process.poll() is not None, "clients work")
            assert process.poll() is None, process.stderr.read()
            switch(world, (turn + 1) % 2)
        before = world.counters()["ready_total"]
        wait(lambda: world.counters()["ready_total"] > before + 200 or process.poll() is not None, "clients work")
        assert process.poll() is None, process.stderr.read()
        counters = world.counters()
        assert counters["sessions"] == 12 and counters["pool_servers"] <= 4
        assert "not_moved_total" not in counters and "fenced_total" not in counters and "outcome_unknown_total" not in counters
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("spares", [0, 2])
def test_idle_clients_notice_nothing_of_a_loss(pool, spares):
    """With spares the next server is one that the proxy has logged in at already."""
    world, desk = with_console(lambda: pool(size=2, spares=spares))
    clients = [connect(user="secured", password="open sesame") for _ in range(6)]
    busy = connect(user="secured", password="open sesame", autocommit=False)
    keys(world, 7)
    assert [one(client, "SELECT inet_server_port()") for client in clients] == [PORT_A] * 6
    wait(lambda: world.counters().get("spares", 0) == spares, "spares stand")
    assert [row["link"] for row in rows(desk, "SHOW SERVERS") if row["state"] == "spare"] == ["b"] * spares
    one(busy, "SELECT 1")
    world.a.stop()
    wait(lambda: "pool_servers" not in world.counters(), "the server's connections are gone")
    move(world, 1)
    world.a.start()
    with pytest.raises(psycopg2.errors.SerializationFailure):
        one(busy, "SELECT 2")
    busy.rollback()
    assert one(busy, "SELECT inet_server_port()") == PORT_B
    busy.close()
    assert [one(client, "SELECT inet_server_port()") for client in clients] == [PORT_B] * 6
    move(world, 0)
    assert [one(client, "SELECT inet_server_port()") for client in clients] == [PORT_A] * 6
    counters = world.counters()
    assert counters["sessions"] == 6 and "not_moved_total" not in counters and "outcome_unknown_total" not in counters
    assert counters["pool_servers"] <= 2 and (counters.get("spares_taken_total", 0) > 0) is (spares > 0)


def test_many_idle_clients_over_a_planned_move_and_a_loss(pool):
    """What bench/proxy does with 10,000: they rest without a server, so only those who say something need the next one."""
    world = pool(size=4)
    clients = [connect(user="secured", password="open sesame") for _ in range(40)]
    keys(world, 40)
    assert {one(client, "SELECT inet_server_port()") for client in clients} == {PORT_A}
    settled(world, 4)
    switch(world, 1)
    assert {one(client, "SELECT inet_server_port()") for client in clients} == {PORT_B}
    world.b.kill_all()
    move(world, 0)
    world.b.start()
    assert {one(client, "SELECT inet_server_port()") for client in clients} == {PORT_A}
    counters = world.counters()
    assert counters["sessions"] == 40 and "not_moved_total" not in counters and "outcome_unknown_total" not in counters


def test_reconnect_closes_what_nobody_has_and_the_rest_when_it_comes_back(pool):
    world, desk = with_console(lambda: pool(size=2))
    idle, busy = connect(), connect(autocommit=False)
    mine = one(busy, "SELECT pg_backend_pid()")
    before = one(idle, "SELECT pg_backend_pid()")
    settled(world, 2)
    one(desk, "RECONNECT shop")
    wait(lambda: world.counters().get("pool_servers") == 1, "the idle connection is closed")
    assert one(idle, "SELECT pg_backend_pid()") != before
    assert one(busy, "SELECT pg_backend_pid()") == mine
    busy.commit()
    assert one(busy, "SELECT pg_backend_pid()") != mine
    busy.commit()


def test_clients_that_the_proxy_lets_in_connect_for_each_transaction(pool):
    """With scram a log-in needs no server connection; the two that are there serve everybody."""
    world = pool(size=2, auth="scram")
    result = subprocess.run([f"{PGBIN}/pgbench", "-h", HOST, "-p", str(PORT_PROXY), "-U", "secured", "-C", "-S", "-c", "8", "-j",
                             "2", "-t", "25", "-n", "shop"], capture_output=True, text=True, timeout=120,
                            env=dict(os.environ, PGPASSWORD="open sesame"))
    assert "number of transactions actually processed: 200/200" in result.stdout, result.stderr
    wait(lambda: backends(world.a, "secured") <= 2, "the others have ended")
    counters = world.counters()
    assert counters["sessions_total"] >= 200 and counters["pool_servers"] <= 2
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        connect(user="secured", password="wrong")
    client = connect(user="secured", password="open sesame")
    assert client.info.parameter_status("server_version").startswith("15")
    held = latch()
    outcomes = []

    def run():
        try:
            one(client, LATCHED)
        except psycopg2.errors.QueryCanceled:
            outcomes.append("cancelled")

    thread = threading.Thread(target=run)
    thread.start()
    sleepers(world.a, 1)
    client.cancel()
    thread.join(DEADLINE)
    held.close()
    assert outcomes == ["cancelled"]
    assert one(client, "SELECT current_user") == "secured"


def test_stop_ends_everybody(pool):
    world = pool(size=2)
    clients = [connect() for _ in range(4)]
    world.proxy.terminate()
    for client in clients:
        assert last_words(client) == ("57P01", "terminating connection: this proxy is stopping, reconnect")
    assert world.proxy.wait(DEADLINE) == 0
    world.proxy = None
    wait(lambda: backends(world.a) == 0, "no connection is left")


def test_entries_change_while_sessions_stand_on_them(pair, tmp_path):
    """SIGHUP: numbers change under the sessions; of an entry that is gone, or is another one now, they end at their boundary."""
    path = str(tmp_path / "entries")

    def write(*lines):
        with open(path, "w", encoding="ascii") as file:
            file.write("".join(line + "\n" for line in lines))

    def reload():
        before = os.path.getsize(pair.proxy_log)
        pair.proxy.send_signal(signal.SIGHUP)

        def told():
            with open(pair.proxy_log, encoding="utf-8") as log:
                log.seek(before)
                text = log.read()
                return "the configuration was read again" in text or "entries do not fit" in text
        wait(told, "read again")

    def served(name):
        try:
            connect(name).close()
            return True
        except psycopg2.OperationalError as error:
            assert "not in this proxy's configuration" in str(error)
            return False

    pair.epoch = pair.version + 1000
    pair.view(pair.epoch, 0)
    shared = "2 1 0 0 0 0 0 50000 0 0"
    write("shop " + shared, "own")
    pair.proxy_start(auth="login", workers=1, LAB_ENTRIES=path)
    try:
        first, second, own, quiet = connect(), connect(autocommit=False), Raw(b"own"), connect("own")
        assert one(second, "SELECT 1") == 1  # in a transaction: the pool of one is in use
        own.query("BEGIN")
        assert own.until("Z") == ["C", "ZT"]
        assert one(quiet, "SELECT 3") == 3
        answers = []
        waiting = threading.Thread(target=lambda: answers.append(one(first, "SELECT 4")))
        waiting.start()
        wait(lambda: pair.counters().get("pool_waiting", 0) == 1, "no connection for the other")
        write("shop " + shared.replace("2 1", "2 2", 1), "later")
        reload()
        waiting.join(DEADLINE)
        assert answers == [4]  # the pool has grown under it
        assert "taken out of the proxy's configuration" in last_words(quiet)[1]
        own.query("SELECT 5")
        assert own.until("Z")[-1] == "ZT"  # it is inside a transaction
        own.query("COMMIT")
        assert own.until("E") == ["C", "ZI", "E57P01"]
        with pytest.raises(psycopg2.OperationalError, match="not in this proxy's configuration"):
            connect("own")
        assert one(connect("later"), "SELECT 6") == 6
        second.commit()
        write("shop 0 1 0 0 0 0 0 50000 0 0", "later")
        reload()
        assert "taken out of the proxy's configuration" in last_words(first)[1]  # not pooled any more: another entry
        mine, other = connect(), connect()
        assert one(mine, "SELECT pg_backend_pid()") != one(other, "SELECT pg_backend_pid()")
        wait(lambda: pair.counters().get("pool_servers", 0) == 0, "the pool is gone")
        # There are 64 places: those of entries that are gone are others' once nothing stands on them.
        write("shop", *(f"one{i} {shared}" for i in range(60)))
        reload()
        kept, gone = connect("one0", autocommit=False), connect("one1")
        assert one(kept, "SELECT 7") == 7 and one(gone, "SELECT 8") == 8
        others = ["shop", *(f"two{i} {shared}" for i in range(62))]
        write("shop")
        reload()
        write(*others)
        wait(lambda: reload() or served("two61"), "places have come free, but for the one of a transaction")
        assert one(kept, "SELECT 9") == 9
        assert one(connect("two59"), "SELECT 10") == 10
        write(*others, "three " + shared)
        reload()
        assert not served("three")  # its place is still taken
        kept.rollback()
        wait(lambda: reload() or served("three"), "it is free")
        assert one(mine, "SELECT 11") == 11
    finally:
        pair.proxy_stop()
