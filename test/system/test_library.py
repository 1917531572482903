# SPDX-License-Identifier: Apache-2.0
"""libholdfast in an application: the example data source between two real PostgreSQL servers and a published view.

Server a (taiwan) is the writer and b (tokyo) its standby; the third test makes b the writer for good."""
import os
import queue
import shutil
import subprocess
import tempfile
import threading

import psycopg2
import pytest

from plain import PGBIN, as_user, wait

BUILD = os.path.abspath(os.environ.get("HOLDFAST_BUILD", os.path.join(os.path.dirname(__file__), "..", "..", "build")))
HOST, PORT_A, PORT_B = "127.9.0.1", 26600, 26601


class Server:
    def __init__(self, root, name, port):
        self.data, self.port, self.process = os.path.join(root, name), port, None
        self.log_path = os.path.join(root, name + ".log")

    def start(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([f"{PGBIN}/postgres", "-D", self.data, "-h", HOST, "-p", str(self.port), "-k", "",
                                             "-c", "fsync=off"], stdout=log, stderr=log, **as_user())
        wait(lambda: subprocess.call([f"{PGBIN}/pg_isready", "-q", "-h", HOST, "-p", str(self.port)]) == 0)

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(3)  # SIGQUIT: at once
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def sql(self, text):
        connection = psycopg2.connect(host=HOST, port=self.port, dbname="postgres", user="postgres")
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(text)
            rows = cursor.fetchall() if cursor.description else []
        connection.close()
        return rows

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()


class World:
    """Both servers, the publisher, and the example program."""

    def __init__(self, root):
        self.root, self.version, self.epoch = root, 0, 1
        self.a, self.b = Server(root, "a", PORT_A), Server(root, "b", PORT_B)
        self.state = os.path.join(root, "state")
        self.publisher = self.orders = None

    def start(self):
        subprocess.run([f"{PGBIN}/initdb", "-D", self.a.data, "-U", "postgres", "-A", "trust", "--no-sync"], check=True,
                       stdout=subprocess.DEVNULL, **as_user())
        self.a.start()
        self.a.sql("CREATE TABLE orders (name text PRIMARY KEY)")
        self.a.sql("CREATE SEQUENCE turns")
        subprocess.run([f"{PGBIN}/pg_basebackup", "-D", self.b.data, "-R", "-c", "fast", "--no-sync", "-h", HOST, "-p", str(PORT_A),
                        "-U", "postgres"], check=True, **as_user())
        self.b.start()
        os.mkdir(self.state)
        self.publisher = subprocess.Popen([os.path.join(BUILD, "test", "system", "view_publisher"),
                                           os.path.join(self.state, "view.shm")], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                          text=True)
        self.view("0")
        self.orders = subprocess.Popen([os.path.join(BUILD, "doc", "examples", "example-orders"), "taiwan", "main",
                                        "dbname=postgres user=postgres connect_timeout=10"], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, text=True, env=dict(os.environ, HOLDFAST_STATE_DIR=self.state))
        self.answers = queue.Queue()
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        for line in self.orders.stdout:
            self.answers.put(line.rstrip("\n"))

    def view(self, writer, hold=0):
        """Publishes the next version: the writer's number, "-" for none."""
        self.version += 1
        lines = ["clear", "region taiwan 0", "region tokyo 1", "fit 0 1", "fit 1 1", "split default 10000 0",
                 f"database main {self.epoch} {writer} {hold}",
                 f"node a 0 0 {HOST} {PORT_A} {1 if writer == '0' else 2} 1", f"node b 0 1 {HOST} {PORT_B} {1 if writer == '1' else 2} 1",
                 f"commit {self.version}"]
        for line in lines:
            self.publisher.stdin.write(line + "\n")
            self.publisher.stdin.flush()
            assert self.publisher.stdout.readline() == "ok\n", line

    def tell(self, line):
        self.orders.stdin.write(line + "\n")
        self.orders.stdin.flush()

    def answer(self):
        return self.answers.get(timeout=120)

    def ask(self, line):
        self.tell(line)
        return self.answer()

    def end(self):
        for process in (self.orders, self.publisher):
            if process is not None:
                process.stdin.close()
                try:
                    process.wait(60)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        self.b.stop()
        self.a.stop()


@pytest.fixture(scope="module")
def world():
    root = tempfile.mkdtemp(prefix="holdfast-library-")
    os.chmod(root, 0o755)
    if os.geteuid() == 0:
        shutil.chown(root, "postgres", "postgres")
    one = World(root)
    try:
        one.start()
        yield one
    finally:
        one.end()
        shutil.rmtree(root)


def test_reads_and_writes(world):
    assert world.ask("count") == "SUCCESS a 0"
    assert world.ask("order one") == "SUCCESS a"
    assert world.ask("order one").startswith("IGNORED a ERROR:  duplicate key")
    assert world.ask("count") == "SUCCESS a 1"


def test_held_writes_wait(world):
    world.view("0", hold=1)
    world.tell("order two")
    world.view("0")
    assert world.answer() == "SUCCESS a"


def test_writer_lost(world):
    """Reads go to the other region at once; a write waits for the writer that the next view names."""
    wait(lambda: world.b.sql("SELECT count(*) FROM orders")[0][0] == 2)
    world.a.stop()
    assert world.ask("count") == "SUCCESS b 2"
    world.tell("order three")
    world.b.sql("SELECT pg_promote()")
    world.epoch += 1
    world.view("1")
    assert world.answer() == "SUCCESS b"
    assert world.ask("count") == "SUCCESS b 3"
    assert world.b.sql("SELECT count(*) FROM orders WHERE name = 'three'") == [(1,)]


def test_wrong_server(world):
    """25006 is not the application's error: it is sent again, once, when the server can take it."""
    world.b.sql("ALTER SYSTEM SET default_transaction_read_only = on")
    world.b.sql("SELECT pg_reload_conf()")
    wait(lambda: world.b.sql("SHOW default_transaction_read_only") == [("on",)])
    world.epoch += 1
    world.view("1")  # another epoch: connections of before are not used any more
    world.tell("order four")
    wait(lambda: "cannot execute INSERT in a read-only transaction" in world.b.log())
    world.b.sql("ALTER SYSTEM RESET default_transaction_read_only")
    world.b.sql("SELECT pg_reload_conf()")
    assert world.answer() == "SUCCESS b"
    assert world.ask("count") == "SUCCESS b 4"


def test_serialization_failure_is_sent_again(world):
    answer = world.ask("raw DO $$ BEGIN IF nextval('turns') = 1 THEN RAISE SQLSTATE '40001'; END IF; "
                       "INSERT INTO orders VALUES ('five'); END $$")
    assert answer == "SUCCESS b"
    assert world.b.sql("SELECT last_value FROM turns") == [(2,)]


def test_unknown_outcome_is_told(world):
    """The session ends under a statement that could have committed: never sent twice."""
    answer = world.ask("raw INSERT INTO orders VALUES ('six'); SELECT nextval('turns'), pg_terminate_backend(pg_backend_pid())")
    assert answer.startswith("OUTCOME_UNKNOWN b "), answer
    assert world.b.sql("SELECT last_value FROM turns") == [(3,)]
    assert world.ask("count").startswith("SUCCESS b ")
    assert world.ask("order seven") == "SUCCESS b"


def test_no_writer(world):
    world.epoch += 1
    world.view("-")
    world.tell("order eight")
    world.epoch += 1
    world.view("1")
    assert world.answer() == "SUCCESS b"
