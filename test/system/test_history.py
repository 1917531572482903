# SPDX-License-Identifier: Apache-2.0
"""The history checker on real PostgreSQL: a healthy pair is clean, and each way to break a promise on purpose is found."""
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time

import psycopg2
import pytest

from plain import BUILD, whole_lines

TOP = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
PGBIN = sorted(("/usr/lib/postgresql/" + name + "/bin" for name in os.listdir("/usr/lib/postgresql")))[-1]
LOAD = os.path.join(BUILD, "check", "holdfast-load")
HISTORY = os.path.join(BUILD, "check", "holdfast-history")
HOSTS = {"a": "127.9.4.1", "b": "127.9.4.2"}
PORT = "23632"


def wait(condition, seconds=30, what=""):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError("did not come true in time: " + what)


def run(*command, check=True, **more):
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, **more)
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


class Pair:
    """Node a, and b that follows it without anybody waiting for b."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="holdfast-history-")
        os.chmod(self.dir, 0o755)
        self.user = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
        if self.user:
            shutil.chown(self.dir, "postgres", "postgres")
        self.servers = {}
        self.loads = 0
        self.clients = []

    def __enter__(self):
        try:
            self.pg("initdb", "-D", self.dir + "/a", "-U", "postgres", "-A", "trust", "--no-sync")
            self.start("a")
            self.sql("a", "CREATE DATABASE shop", dbname="postgres")
            self.sql("a", "CREATE ROLE shop_tier1 LOGIN")
            run("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-v", "worker=shop_tier1", "-h", HOSTS["a"], "-p", PORT, "-U", "postgres",
                "-d", "shop", "-f", TOP + "/check/history.sql")
            self.sql("a", "INSERT INTO holdfast.proof VALUES (1, 'a', now())")
            self.pg("pg_basebackup", "-D", self.dir + "/b", "-h", HOSTS["a"], "-p", PORT, "-U", "postgres", "-R", "-c", "fast", "--no-sync")
            self.start("b")
            wait(lambda: self.sql("a", "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'")[0][0] == 1, what="b follows")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *failure):
        for client in self.clients:
            client.kill()
            client.communicate()
        for server in self.servers.values():
            if server.poll() is None:
                server.send_signal(signal.SIGQUIT)
                server.wait(20)
        shutil.rmtree(self.dir, ignore_errors=True)

    def pg(self, program, *arguments):
        run(os.path.join(PGBIN, program), *arguments, cwd="/", **self.user)

    def start(self, node):
        log = open(os.path.join(self.dir, node + ".log"), "a")
        settings = {"listen_addresses": HOSTS[node], "port": PORT, "unix_socket_directories": "", "cluster_name": node, "fsync": "off",
                    "shared_buffers": "16MB", "restart_after_crash": "off"}
        self.servers[node] = subprocess.Popen(
            [PGBIN + "/postgres", "-D", os.path.join(self.dir, node), *("--%s=%s" % item for item in settings.items())], cwd="/",
            stdout=log, stderr=log, **self.user)
        log.close()
        wait(lambda: run(PGBIN + "/pg_isready", "-q", "-h", HOSTS[node], "-p", PORT, check=False).returncode == 0, what=node + " answers")

    def kill(self, node):
        """Everything at once: the backends go with the postmaster's death, and its memory is not used again."""
        self.servers[node].send_signal(signal.SIGKILL)
        self.servers[node].wait(20)

    def sql(self, node, text, dbname="shop"):
        connection = psycopg2.connect(host=HOSTS[node], port=PORT, user="postgres", dbname=dbname, connect_timeout=5)
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(text)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def cut(self):
        """b hears nothing any more."""
        self.sql("b", "ALTER SYSTEM SET primary_conninfo = ''")
        self.sql("b", "SELECT pg_reload_conf()")
        wait(lambda: self.sql("a", "SELECT count(*) FROM pg_stat_replication")[0][0] == 0, what="b is cut off")

    def promote(self):
        assert self.sql("b", "SELECT pg_promote()") == [(True,)]
        self.sql("b", "INSERT INTO holdfast.proof VALUES (2, 'b', now())")

    def load(self, *writers, nodes=(), **options):
        self.loads += 1
        path = os.path.join(self.dir, "history-%d" % self.loads)
        words = [word for writer in writers for word in ("--writer", HOSTS[writer] + ":" + PORT)]
        words += [word for node in nodes for word in ("--node", HOSTS[node] + ":" + PORT)]
        words += [word for name, value in options.items() for word in ("--" + name.replace("_", "-"), str(value))]
        process = subprocess.Popen([LOAD, "--history", path, "--base", str(self.loads), *words], stderr=subprocess.PIPE, text=True)
        self.clients.append(process)
        wait(lambda: os.path.exists(path), what="the history begins")
        return path, process

    def acknowledged(self, path):
        return sum(line.startswith("o ") and line.split(" ")[3] == "ok" for line in whole_lines(path))


def finish(process, status=0):
    process.send_signal(signal.SIGTERM)
    _, words = process.communicate(timeout=90)
    assert process.returncode == status, words


def judge(*paths):
    done = run(HISTORY, "check", "-o", "json", *paths, check=False)
    assert done.returncode in (0, 1), done.stderr
    report = json.loads(done.stdout)
    assert report["clean"] == (done.returncode == 0)
    return report, {finding["code"]: finding["count"] for finding in report["findings"]}


@pytest.fixture
def pair():
    with Pair() as pair:
        yield pair


def test_a_healthy_pair_is_clean(pair):
    path, load = pair.load("a", nodes=["b"], rate=400, seed=7)
    wait(lambda: pair.acknowledged(path) > 400, what="work is done")
    finish(load)
    report, findings = judge(path)
    assert findings == {}
    figures = report["figures"]
    assert figures["set"]["ok"] > 50 and figures["moves"]["ok"] > 20 and figures["registers"]["reads"] > 0
    assert figures["bank reads"]["replica"] > 0 and figures["bank reads"]["writer"] > 0
    assert all(figures["appends " + level]["ok"] > 0 for level in ("committed", "repeatable", "serializable"))
    assert figures["epochs"]["last"] == 1 and figures["epochs"]["of unknown epoch"] == 0
    # A second run on the same tables, judged together with the first.
    second, load = pair.load("a", seconds=1, seed=8)
    assert load.wait(60) == 0
    assert judge(path, second)[1] == {}


def test_lost_rows_of_an_asynchronous_pair_are_reported(pair):
    path, load = pair.load("a", "b", rate=400)
    wait(lambda: pair.acknowledged(path) > 200, what="work is done")
    pair.cut()
    before = pair.acknowledged(path)
    wait(lambda: pair.acknowledged(path) > before + 200, what="work is done that b does not know")
    pair.kill("a")
    pair.promote()
    before = pair.acknowledged(path)
    wait(lambda: pair.acknowledged(path) > before + 50, what="work is done at b")
    finish(load)
    report, findings = judge(path)
    assert findings["lost"] > 20, report
    assert "split-brain" not in findings and "two-nodes" not in findings, report
    lost = next(finding for finding in report["findings"] if finding["code"] == "lost")
    assert "from writer a, timeline 1, epoch 1" in lost["witnesses"][0], lost


def test_two_writers_are_reported_though_each_keeps_what_it_was_told(pair):
    pair.cut()
    first, load_a = pair.load("a", rate=200)
    wait(lambda: pair.acknowledged(first) > 50, what="work is done at a")
    pair.promote()
    second, load_b = pair.load("b", rate=200)
    wait(lambda: pair.acknowledged(second) > 50, what="work is done at b")
    before = pair.acknowledged(first)
    wait(lambda: pair.acknowledged(first) > before + 50, what="more work is done at a")
    finish(load_a)
    finish(load_b)
    assert judge(first)[1] == {} and judge(second)[1].keys() <= {"phantom", "total", "books"}  # each alone knows nothing of the other
    assert judge(first, second)[1]["split-brain"] > 10


def test_a_commit_that_only_warns_is_no_acknowledgement(pair):
    pair.sql("a", "ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
    pair.sql("a", "SELECT pg_reload_conf()")
    path, load = pair.load("a", processes=4, rate=100, timeout_ms=20000)
    wait(lambda: pair.sql("a", "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")[0][0] >= 3, what="commits wait")
    pair.sql("a", "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
    wait(lambda: " unknown " in open(path).read(), what="the word comes")
    pair.sql("a", "ALTER SYSTEM SET synchronous_standby_names = ''")
    pair.sql("a", "SELECT pg_reload_conf()")
    wait(lambda: pair.acknowledged(path) > 20, what="work is done")
    finish(load)
    report, findings = judge(path)
    assert findings == {}
    warned = [line for line in open(path) if line.startswith("o ") and " warning" in line]
    assert warned and all(line.split(" ")[3] == "unknown" for line in warned)
    assert report["figures"]["set"]["recovered"] + report["figures"]["moves"]["recovered"] + \
        report["figures"]["lists"]["recovered appends"] > 0 or report["figures"]["registers"]["writes"] > 0


def test_a_killed_client_leaves_its_history(pair):
    path, load = pair.load("a", rate=400)
    wait(lambda: pair.acknowledged(path) > 100, what="work is done")
    load.kill()
    load.wait()
    report, findings = judge(path)
    assert set(findings) == {"no-end"}  # nobody has read what it wrote
    second, load = pair.load("a", seconds=1)
    assert load.wait(60) == 0
    assert judge(path, second)[1] == {}


def test_where_nobody_writes_the_end_is_not_read(pair):
    pair.kill("a")
    path, load = pair.load("b", rate=100, end_seconds=2)
    wait(lambda: pair.acknowledged(path) > 0, what="reads are answered")
    finish(load, 1)
    assert judge(path)[1] == {}
    assert {line.split(" ")[-1].strip() for line in open(path) if line.startswith("o ") and " failed " in line} <= {"25006", "-", "0A000"}
