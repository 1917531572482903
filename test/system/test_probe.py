# SPDX-License-Identifier: Apache-2.0
"""Probes against real servers: Redis, HAProxy, PostgreSQL, a Kafka broker, TLS. Each is good, then bad in each way, then good again."""
import json
import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import pytest

BUILD = pathlib.Path(os.environ["HOLDFAST_BUILD"])
PG_BIN = pathlib.Path("/usr/lib/postgresql/15/bin")
HOST = "127.9.0.1"


def free_port():
    with socket.socket() as one:
        one.bind((HOST, 0))
        return one.getsockname()[1]


def until(what, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = what()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError("did not come to pass")


def listens(port):
    with socket.socket() as one:
        return one.connect_ex((HOST, port)) == 0


class Probe:
    """A running probe; its results can be waited for."""

    def __init__(self, kind, **keys):
        words = [f"{key}={value}" for key, values in keys.items() for value in (values if isinstance(values, list) else [values])]
        self.process = subprocess.Popen([BUILD / "test/system/probe-tool", kind, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.results = []
        self.filled = threading.Condition()
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            with self.filled:
                self.results.append(json.loads(line))
                self.filled.notify_all()

    def wait(self, good, seconds=60):
        """The first result, from now on, for which good(result) holds."""
        at = len(self.results)
        end = time.monotonic() + seconds
        with self.filled:
            while True:
                while at < len(self.results):
                    at += 1
                    if good(self.results[at - 1]):
                        return self.results[at - 1]
                left = end - time.monotonic()
                assert left > 0, f"not among {self.results[-5:]}"
                self.filled.wait(left)

    def ok(self):
        return self.wait(lambda result: result["ok"])

    def bad(self, error):
        return self.wait(lambda result: result["error"] == error)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        status = self.process.wait(30)
        self.reader.join()
        self.process.stdout.close()
        assert status == 0


@pytest.fixture
def processes():
    started = []

    def start(*words, **options):
        process = subprocess.Popen([str(word) for word in words], stdin=options.pop("stdin", subprocess.DEVNULL), **options)
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.kill()
        process.wait()
        if process.stdin:
            process.stdin.close()
        if process.stdout:
            process.stdout.close()


@pytest.fixture
def folder():
    path = pathlib.Path(tempfile.mkdtemp(prefix="holdfast-probe-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


# ---- Redis


def redis(processes, folder, port, *more):
    process = processes("redis-server", "--bind", HOST, "--port", port, "--save", "", "--dir", folder, "--loglevel", "warning", *more)
    until(lambda: listens(port))
    return process


def redis_cli(port, *words):
    return subprocess.run(["redis-cli", "-h", HOST, "-p", str(port), *words], check=True, capture_output=True, text=True).stdout.strip()


def test_redis(processes, folder):
    port = free_port()
    server = redis(processes, folder, port)
    with Probe("redis", address=f"{HOST}:{port}") as probe:
        assert probe.ok()["phases"]["first_byte_us"] > 0
        assert int(redis_cli(port, "PTTL", "holdfast:probe:test:check:taiwan")) > 0
        redis_cli(port, "REPLICAOF", HOST, "1")
        assert "READONLY" in probe.bad("ROLE")["message"]
        redis_cli(port, "REPLICAOF", "NO", "ONE")
        probe.ok()
        server.send_signal(signal.SIGSTOP)
        time.sleep(0.2)
        server.send_signal(signal.SIGCONT)
        probe.ok()
        redis_cli(port, "CONFIG", "SET", "requirepass", "secret")
        probe.bad("AUTH")


def test_redis_password(processes, folder):
    port = free_port()
    redis(processes, folder, port, "--requirepass", "secret")
    with Probe("redis", address=f"{HOST}:{port}", password="secret") as probe:
        probe.ok()
    with Probe("redis", address=f"{HOST}:{port}", password="wrong") as probe:
        message = probe.bad("AUTH")["message"]
        assert "wrong" not in message and "secret" not in message


def test_redis_death_is_news(processes, folder):
    """Between two probes that are a minute apart, the kept connection tells."""
    port = free_port()
    server = redis(processes, folder, port)
    with Probe("redis", address=f"{HOST}:{port}", interval_ms=60000) as probe:
        until(lambda: any(result["ok"] for result in probe.results), 90)
        before = len(probe.results)
        server.kill()
        result = until(lambda: [one for one in probe.results[before:] if not one["ok"]])[0]
        assert result["news"] and result["error"] in ("CLOSED", "RESET")


def test_redis_frozen(processes, folder):
    port = free_port()
    server = redis(processes, folder, port)
    with Probe("redis", address=f"{HOST}:{port}", timeout_ms=300) as probe:
        probe.ok()
        server.send_signal(signal.SIGSTOP)
        assert "timed out after 300 ms" in probe.bad("TIMEOUT")["message"]
        server.send_signal(signal.SIGCONT)
        probe.ok()


# ---- HAProxy


def test_haproxy(processes, folder):
    front, stats, server = free_port(), free_port(), free_port()
    config = folder / "haproxy.cfg"
    config.write_text(
        f"""
global
  stats socket {HOST}:{stats} level admin
  stats socket {folder}/admin.sock level admin
  stats socket {folder}/user.sock level user
defaults
  mode http
  timeout connect 1s
  timeout client 5s
  timeout server 5s
frontend web
  bind {HOST}:{front}
  default_backend shop
backend shop
  server a {HOST}:{server} weight 100 check inter 100ms fall 1 rise 1
  server b {HOST}:{server} weight 100 check inter 100ms fall 1 rise 1
""",
        encoding="ascii",
    )
    web = processes("/usr/bin/python3", "-m", "http.server", "-b", HOST, server, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until(lambda: listens(server))
    processes("haproxy", "-db", "-q", "-f", config)
    until(lambda: listens(stats))

    def get(path):
        return subprocess.run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", f"http://{HOST}:{front}{path}"], capture_output=True, text=True).stdout

    until(lambda: get("/") == "200")
    with Probe("haproxy", address=f"{HOST}:{stats}", backend="shop", interval_ms=300) as probe:
        assert probe.ok()["message"] == "2 of 2 servers of backend shop up"
        probe.wait(lambda result: result["requests"] == 0 and result["value_ppm"] == 0)
        for _ in range(4):
            get("/")
        assert probe.wait(lambda result: (result["requests"] or 0) > 0)["value_ppm"] == 0
        web.kill()
        web.wait()
        probe.bad("UNAVAILABLE")
        assert get("/") == "503"
        assert probe.wait(lambda result: (result["requests"] or 0) > 0)["value_ppm"] == 1000000
    with Probe("haproxy", address=f"{folder}/admin.sock", backend="nothing") as probe:
        probe.bad("NOT_FOUND")
    mover = BUILD / "test/system/haproxy-tool"

    def move(*words):
        return subprocess.run([mover, *[str(word) for word in words]], capture_output=True, text=True)

    def weights():
        return dict(line.split() for line in move(f"{HOST}:{stats}", "show", "shop").stdout.splitlines())

    assert move(f"{HOST}:{stats}", "backend", "shop", 25).returncode == 0
    assert weights() == {"a": "25", "b": "25"}
    assert move(f"{folder}/admin.sock", "backend", "", 0).returncode == 0
    assert weights() == {"a": "0", "b": "0"}
    assert move(f"{HOST}:{stats}", "weight", "shop", "b", 100).returncode == 0
    assert weights() == {"a": "0", "b": "100"}
    assert move(f"{HOST}:{stats}", "state", "shop", "a", "drain").returncode == 0
    assert move(f"{HOST}:{stats}", "state", "shop", "a", "ready").returncode == 0
    assert "PERMISSION" in move(f"{folder}/user.sock", "weight", "shop", "b", 10).stdout
    assert "NOT_FOUND" in move(f"{HOST}:{stats}", "weight", "shop", "c", 10).stdout
    assert "INVALID" in move(f"{HOST}:{stats}", "weight", "shop", "c;shutdown", 10).stdout
    assert "REFUSED" in move(f"{HOST}:{free_port()}", "show", "shop").stdout
    assert weights() == {"a": "0", "b": "100"}


# ---- PostgreSQL


class Postgres:
    def __init__(self, folder, primary=None):
        self.data = folder / "data"
        self.port = free_port()
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        if primary:
            self.run("pg_basebackup", "-d", f"host={HOST} port={primary.port} user=postgres password=secret", "-D", self.data, "-R", "-c", "fast")
            with open(self.data / "postgresql.conf", "a", encoding="ascii") as conf:
                conf.write(f"port={self.port}\nunix_socket_directories='{folder}'\n")
            self.start()
            return
        (folder / "password").write_text("secret", encoding="ascii")
        self.run("initdb", "-D", self.data, "-A", "scram-sha-256", "-U", "postgres", "--pwfile", folder / "password", "-N")
        with open(self.data / "postgresql.conf", "a", encoding="ascii") as conf:
            conf.write(f"listen_addresses='{HOST}'\nport={self.port}\nunix_socket_directories='{folder}'\nfsync=off\nhot_standby=on\n")
        with open(self.data / "pg_hba.conf", "a", encoding="ascii") as hba:
            hba.write("host all,replication all 127.0.0.0/8 scram-sha-256\n")
        self.start()

    def run(self, program, *words):
        other = {}
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            account = pwd.getpwnam("postgres")
            other = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        subprocess.run([PG_BIN / program, *[str(word) for word in words]], check=True, cwd="/", stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, env={"LC_ALL": "C"}, **other)

    def start(self):
        self.run("pg_ctl", "-D", self.data, "-w", "-l", self.data / "log", "start")

    def stop(self, mode):
        self.run("pg_ctl", "-D", self.data, "-w", "-m", mode, "stop")

    def postmaster(self):
        return int((self.data / "postmaster.pid").read_text(encoding="ascii").split()[0])

    def sql(self, text):
        return subprocess.run(["psql", "-XAtq", "-c", text], check=True, capture_output=True, text=True,
                              env={"PGHOST": HOST, "PGPORT": str(self.port), "PGUSER": "postgres", "PGPASSWORD": "secret", "PATH": os.environ["PATH"]}).stdout


@pytest.fixture(scope="module")
def postgres():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="holdfast-probe-pg-"))
    folder.chmod(0o755)
    server = None
    try:
        server = Postgres(folder)
        yield server
    finally:
        if server and (server.data / "postmaster.pid").exists():
            os.kill(server.postmaster(), signal.SIGCONT)
            server.stop("immediate")
        shutil.rmtree(folder)


def pg(postgres, **keys):
    return Probe("postgres", **{"database": "shop", "target": f"{HOST}:{postgres.port}", "writer": 1, "password": "secret", **keys})


def test_postgres_writer(postgres):
    with pg(postgres, login_every=3) as probe:
        assert probe.ok()["message"].startswith(f"{HOST}:{postgres.port} is the expected writer")
        probe.wait(lambda result: result["ok"] and "new login" not in result["message"])
        probe.wait(lambda result: result["ok"] and "new login" in result["message"])
        # The session of a new login is another one, and gone a moment later.
        until(lambda: int(postgres.sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'holdfast probe'")) == 1)
        postgres.sql("ALTER SYSTEM SET default_transaction_read_only = on")
        postgres.sql("SELECT pg_reload_conf()")
        assert "read-only" in probe.bad("ROLE")["message"]
        postgres.sql("ALTER SYSTEM RESET default_transaction_read_only")
        postgres.sql("SELECT pg_reload_conf()")
        probe.ok()


def test_postgres_is_looked_at_at_once_when_others_have_trouble(postgres):
    """At its own beat the second result would come after ten minutes."""
    with pg(postgres, interval_ms=600_000) as probe:
        probe.ok()
        postgres.sql("ALTER SYSTEM SET default_transaction_read_only = on")
        postgres.sql("SELECT pg_reload_conf()")

        def told():
            probe.process.stdin.write("!")
            probe.process.stdin.flush()
            return any(result["error"] == "ROLE" and not result["news"] for result in probe.results)
        until(told, 60)
        postgres.sql("ALTER SYSTEM RESET default_transaction_read_only")
        postgres.sql("SELECT pg_reload_conf()")


def test_postgres_refusals(postgres):
    with pg(postgres, password="wrong") as probe:
        assert "password authentication failed" in probe.bad("AUTH")["message"]
    with pg(postgres, dbname="missing") as probe:
        assert 'database "missing" does not exist' in probe.bad("NOT_FOUND")["message"]
    with pg(postgres, writer=0) as probe:
        assert "is a writer, expected the standby" in probe.bad("ROLE")["message"]
    with pg(postgres, query="SELECT 1") as probe:
        probe.ok()
    with pg(postgres, query="SELECT * FROM nowhere") as probe:
        assert 'relation "nowhere" does not exist' in probe.bad("CONTENT")["message"]


def test_postgres_session_end_is_news(postgres):
    with pg(postgres, interval_ms=60000) as probe:
        until(lambda: any(result["ok"] for result in probe.results), 90)
        before = len(probe.results)
        postgres.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'holdfast probe'")
        result = until(lambda: [one for one in probe.results[before:] if not one["ok"]])[0]
        assert result["news"] and result["error"] == "CLOSED"


def test_postgres_hung_postmaster_shows_in_a_login(postgres):
    with pg(postgres, timeout_ms=400, login_every=4) as probe:
        probe.ok()
        os.kill(postgres.postmaster(), signal.SIGSTOP)
        try:
            probe.wait(lambda result: result["error"] == "TIMEOUT" and "logging in" in result["message"])
        finally:
            os.kill(postgres.postmaster(), signal.SIGCONT)
        probe.ok()


def test_postgres_restart(postgres):
    with pg(postgres) as probe:
        probe.ok()
        postgres.stop("fast")
        probe.bad("REFUSED")
        postgres.start()
        probe.ok()


def test_postgres_standby(postgres):
    """A server in recovery is no writer, and its lag is the age of what it replayed last."""
    postgres.sql("SELECT txid_current()")
    postgres.stop("fast")
    (postgres.data / "standby.signal").touch()
    postgres.start()
    try:
        with pg(postgres) as probe:
            assert "is a standby, expected the writer" in probe.bad("ROLE")["message"]
        with pg(postgres, writer=0) as probe:
            probe.ok()
    finally:
        postgres.stop("fast")
        (postgres.data / "standby.signal").unlink(missing_ok=True)
        postgres.start()


def test_postgres_lag(postgres, folder):
    """A streaming standby: no lag while the primary is idle, the truth while replay stands still."""
    standby = Postgres(folder, primary=postgres)
    try:
        with pg(standby, writer=0, limit_ppm=500000) as probe:
            postgres.sql("SELECT txid_current()")
            assert probe.wait(lambda result: result["value_ppm"] == 0)["ok"]
            standby.sql("SELECT pg_wal_replay_pause()")
            postgres.sql("SELECT txid_current()")
            assert "limit 500 ms" in probe.bad("LAG")["message"]
            standby.sql("SELECT pg_wal_replay_resume()")
            assert probe.wait(lambda result: result["value_ppm"] == 0)["ok"]
    finally:
        standby.stop("immediate")


# ---- Kafka


def test_kafka(processes):
    port = free_port()
    words = [BUILD / "lab/lab-kafka", f"{HOST}:{port}"]
    broker = processes(*words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert broker.stdout.readline() == f"{HOST}:{port}\n"

    def tell(command):
        broker.stdin.write(command + "\n")
        broker.stdin.flush()
        assert broker.stdout.readline() == "ok\n"

    with Probe("kafka", address=f"{HOST}:{port}", topic="holdfast-health", timeout_ms=1500, interval_ms=200) as probe:
        assert "acknowledged at offset" in probe.ok()["message"]
        tell("rtt 3000")
        assert "timed out after 1500 ms" in probe.bad("TIMEOUT")["message"]
        tell("rtt 0")
        probe.ok()
        tell("down")
        probe.wait(lambda result: not result["ok"])
        tell("up")
        probe.ok()
        broker.kill()
        broker.wait()
        assert "Connection refused" in probe.bad("REFUSED")["message"]
        again = processes(*words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        again.stdout.readline()
        probe.ok()


def test_kafka_that_comes_up_later(processes):
    """What librdkafka says while its producer is made must not be left lying: nothing would be heard of it any more."""
    port = free_port()
    with Probe("kafka", address=f"{HOST}:{port}", topic="holdfast-health", timeout_ms=1500, interval_ms=200) as probe:
        assert "Connection refused" in probe.bad("REFUSED")["message"]
        broker = processes(BUILD / "lab/lab-kafka", f"{HOST}:{port}", stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert broker.stdout.readline() == f"{HOST}:{port}\n"
        probe.ok()


# ---- TLS


@pytest.fixture(scope="module")
def certificates():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="holdfast-probe-tls-"))

    def openssl(*words):
        subprocess.run(["openssl", *[str(word) for word in words]], check=True, capture_output=True, cwd=folder)

    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", 30, "-subj", "/CN=test", "-keyout", "ca.key", "-out", "ca.pem")
    for name, days in (("good", 20), ("soon", 3), ("expired", -1)):
        (folder / "san").write_text("subjectAltName=DNS:shop.example.test", encoding="ascii")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=shop.example.test", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", days, "-extfile", "san", "-out", f"{name}.pem")
    yield folder
    shutil.rmtree(folder)


def https(processes, certificates, name, **keys):
    port = free_port()
    processes("openssl", "s_server", "-quiet", "-www", "-accept", f"{HOST}:{port}", "-cert", certificates / f"{name}.pem", "-key", certificates / f"{name}.key",
              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until(lambda: listens(port))
    return Probe("https", **{"address": f"{HOST}:{port}", "host": "shop.example.test", "ca_file": certificates / "ca.pem", **keys})


def test_https_good(processes, certificates):
    with https(processes, certificates, "good", certificate_min_valid_s=10 * 86400, expect_body="s_server") as probe:
        assert probe.ok()["phases"]["tls_us"] > 0


@pytest.mark.parametrize(
    "name, keys, words",
    [
        ("expired", {}, "expired"),
        ("good", {"host": "other.example.test"}, "no alternative certificate subject name matches"),
        ("good", {"ca_file": ""}, "unable to get local issuer"),
        ("soon", {"certificate_min_valid_s": 7 * 86400}, "expires in [23] days"),
    ],
)
def test_https_bad_certificate(processes, certificates, name, keys, words):
    with https(processes, certificates, name, **keys) as probe:
        assert re.search(words, probe.bad("CERTIFICATE")["message"])


def test_https_self_signed(processes, certificates):
    shutil.copy(certificates / "ca.pem", certificates / "self.pem")
    shutil.copy(certificates / "ca.key", certificates / "self.key")
    with https(processes, certificates, "self", ca_file="") as probe:
        assert "self-signed" in probe.bad("CERTIFICATE")["message"]


# ---- exec


def test_exec(folder):
    flag = folder / "flag"
    with Probe("exec", argument=["/usr/bin/test", "-e", str(flag)]) as probe:
        assert probe.ok()["message"] == "warning: "  # test(1) exits with 1
        flag.touch()
        probe.wait(lambda result: result["ok"] and result["message"] == "")
