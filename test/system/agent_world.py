# SPDX-License-Identifier: Apache-2.0
"""A small world for the agent's tests: real agents and PostgreSQL, and a controller that only keeps leases in memory."""
import json
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg2

BUILD = os.path.abspath(os.environ.get("HOLDFAST_BUILD", os.path.join(os.path.dirname(__file__), "..", "..", "build")))
HOLDFAST = os.path.join(BUILD, "src", "bin", "holdfast")
PGBIN = "/usr/lib/postgresql/15/bin"
TOKEN = "a-token-of-the-tests"
PASSWORD = "it's a \\ secret: of sorts"
CONTROLLER = ("127.9.0.1", 23080)
LEASE_MS = 3000
NODES = {  # name: (agent, postgres)
    "a": (("127.9.0.11", 23081), ("127.9.0.11", 23432)),
    "b": (("127.9.0.12", 23081), ("127.9.0.12", 23432)),
    "c": (("127.9.0.13", 23081), ("127.9.0.13", 23432)),
}


def now():
    """The clock that the agent's rights are counted on."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def wait(condition, seconds=60, what=""):
    """Polls until `condition` gives something true, and returns that. A server that cannot be asked has not said yes yet."""
    end, said = time.monotonic() + seconds, ""
    while time.monotonic() < end:
        try:
            value = condition()
        except (OSError, psycopg2.OperationalError) as error:
            value, said = None, str(error)
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError("did not come true in time: %s %s" % (what or getattr(condition, "__name__", ""), said))


class Controller:
    """Speaks the lease calls of doc/protocol.md: one record, changed only by compare-and-swap."""

    def __init__(self):
        self.lock = threading.Lock()
        self.other_release = False  # it refuses reports
        self.state, self.holder, self.candidate, self.epoch, self.revision = "none", "", "", 0, 0
        self.writer = ""
        self.reports, self.renewals = {}, []
        self.server = None

    def start(self):
        controller = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *arguments):
                pass

            def answer(self, status, value):
                body = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):
                if controller.server is None:
                    return self.connection.close()
                self.answer(*controller.get(self.path))

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
                if controller.server is None:
                    return self.connection.close()
                if self.headers.get("Authorization") != "Bearer " + TOKEN:
                    return self.answer(401, {"code": "AUTH"})
                self.answer(*controller.post(self.path, body))

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

        self.server = Server(CONTROLLER, Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        server, self.server = self.server, None
        if server is not None:
            server.shutdown()
            server.server_close()

    def record(self):
        return {"holder": self.holder, "epoch": self.epoch, "revision": self.revision, "state": self.state,
                "candidate": self.candidate}

    def get(self, path):
        with self.lock:
            return (200, self.record()) if path == "/v1/leases/shop" else (404, {"code": "NOT_FOUND"})

    def post(self, path, body):
        with self.lock:
            if path == "/v1/agents/report":
                if self.other_release:
                    return 409, {"code": "CONFLICT"}
                self.reports[body["node"]] = body
                return 200, {"view": 1, "writer": self.writer, "epoch": self.epoch}
            if path == "/v1/leases/shop/renew":
                if (self.state, self.holder, self.epoch, self.revision) != (
                        "held", body["node"], body["epoch"], body["revision"]):
                    return 409, {"code": "CONFLICT"}
                self.revision += 1
                self.renewals.append(now())
                return 200, {"revision": self.revision}
            if path == "/v1/leases/shop/acquire":
                first = self.state == "none" and body["epoch"] == 1
                chosen = self.state == "revoked" and self.candidate == body["node"] and body["epoch"] > self.epoch
                if not first and not chosen:
                    return 409, {"code": "CONFLICT"}
                self.state, self.holder, self.epoch, self.candidate = "held", body["node"], body["epoch"], ""
                self.revision += 1
                self.writer = body["node"]
                return 200, {"revision": self.revision, "lease_ms": LEASE_MS}
            return 404, {"code": "NOT_FOUND"}

    def revoke(self, candidate):
        with self.lock:
            assert self.state == "held"
            self.state, self.candidate, self.writer = "revoked", candidate, ""
            self.revision += 1


class World:
    def __init__(self, lease="%dms" % LEASE_MS, margin="300ms", durability=None, parameters="wal_keep_size: 64MB", segment="16MB",
                 every_commit=False):
        self.every_commit = "true" if every_commit else "false"
        self.user = pwd.getpwnam("postgres") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        self.dir = tempfile.mkdtemp(prefix="holdfast-agent-")
        os.chmod(self.dir, 0o755)
        self.agents, self.logs = {}, {}
        self.controller = Controller()
        for name in ("token", "superuser", "replication"):
            with open(os.path.join(self.dir, name), "w", opener=lambda p, f: os.open(p, f, 0o600)) as file:
                file.write((TOKEN if name == "token" else PASSWORD) + "\n")
        for name in NODES:
            os.mkdir(os.path.join(self.dir, name))
            os.chown(os.path.join(self.dir, name), self.user.pw_uid, self.user.pw_gid)
        self.config = os.path.join(self.dir, "holdfast.yaml")
        with open(self.config, "w") as file:
            file.write(self.yaml(lease, margin, durability or [], parameters, segment))

    def yaml(self, lease, margin, durability, parameters, segment):
        nodes = "".join(
            "      %s: { region: %s, agent: \"%s:%d\", postgres: \"%s:%d\", data: %s, bin: %s, priority: 100 }\n"
            % ((name, "tokyo" if name == "c" else "taiwan") + agent + postgres + (self.data(name), PGBIN))
            for name, (agent, postgres) in NODES.items())
        members = "    durability: { members: [%s], required: %d, every_commit: %s }\n" % (
            ", ".join(durability), 1, self.every_commit) if durability else ""
        return """name: agents
security: {{ token: {{ file: {dir}/token }} }}
store: {{ kind: sqlite, path: {dir}/holdfast.db }}
regions:
  taiwan: {{ backup: [tokyo], endpoints: {{ web: [ "127.9.1.1:80" ] }} }}
  tokyo: {{ backup: [taiwan], endpoints: {{ web: [ "127.9.2.1:80" ] }} }}
sites:
  taiwan: {{ region: taiwan, roles: [observer], state_dir: {dir} }}
  tokyo: {{ region: tokyo, roles: [observer], state_dir: {dir} }}
  witness: {{ roles: [control], state_dir: {dir}, api: {{ listen: "{host}:{port}" }} }}
databases:
  shop:
    lease: {lease}
    margin: {margin}
    tier1: {tier1}
{members}    superuser: {{ name: postgres, password: {{ file: {dir}/superuser }} }}
    replication: {{ name: replicator, password: {{ file: {dir}/replication }} }}
    dbname: shop
    wal_segment: {segment}
    initial_writer: a
    nodes:
{nodes}    parameters: {{ shared_buffers: 32MB, max_connections: "60", {parameters}, log_connections: "off" }}
checks:
  web:
    kind: tcp
    severity: critical
    layer: 1
    targets: {{ taiwan: {{ address: "127.9.1.1:80" }}, tokyo: {{ address: "127.9.2.1:80" }} }}
""".format(dir=self.dir, host=CONTROLLER[0], port=CONTROLLER[1], lease=lease, margin=margin, members=members,
           nodes=nodes, parameters=parameters, segment=segment, tier1="true" if durability else "false")

    def data(self, name):
        return os.path.join(self.dir, name, "pg")

    def start(self, name):
        log = open(os.path.join(self.dir, name + ".log"), "ab")
        self.agents[name] = subprocess.Popen(
            [HOLDFAST, "agent", "--config", self.config, "--node", name, "--run-as", self.user.pw_name],
            stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        log.close()

    def signal(self, name, number):
        self.agents[name].send_signal(number)
        if number == signal.SIGKILL:
            self.agents[name].wait()

    def fence_pid(self, name):
        """The agent's child that runs the agent's own program; 0 when there is none."""
        parent = self.agents[name].pid
        for task in os.listdir("/proc/%d/task" % parent):
            for pid in open("/proc/%d/task/%s/children" % (parent, task)).read().split():
                with open("/proc/%s/cmdline" % pid, "rb") as file:
                    if file.read().startswith(HOLDFAST.encode() + b"\0"):
                        return int(pid)
        return 0

    def postmaster(self, name):
        with open(os.path.join(self.data(name), "postmaster.pid")) as file:
            return int(file.readline())

    def walreceiver(self, name):
        return wait(lambda: self.sql(name, "SELECT pid FROM pg_stat_wal_receiver"), 60, "a walreceiver of " + name)[0][0]

    def postgres_pids(self, name):
        """Every PostgreSQL process whose working directory is the node's data directory; not the dead ones."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                where = os.stat("/proc/%s/cwd" % pid)
                program = os.path.basename(os.readlink("/proc/%s/exe" % pid))
                data = os.stat(self.data(name))
            except OSError:
                continue
            if program == "postgres" and (where.st_dev, where.st_ino) == (data.st_dev, data.st_ino):
                found.append(int(pid))
        return found

    def call(self, name, path, body=None, timeout=60):
        (host, port), _ = NODES[name]
        request = urllib.request.Request("http://%s:%d%s" % (host, port, path), headers={
            "Authorization": "Bearer " + TOKEN, "Content-Type": "application/json"},
            data=None if body is None else json.dumps(body).encode())
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    def node(self, name):
        try:
            return self.call(name, "/v1/node")[1]
        except OSError:
            return {}

    def connect(self, name, **more):
        _, (host, port) = NODES[name]
        return psycopg2.connect(host=host, port=port, user="postgres", password=PASSWORD, dbname="shop",
                                connect_timeout=5, **more)

    def sql(self, name, text, *arguments):
        connection = self.connect(name)
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(text, arguments)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def is_writer(self, name):
        report = self.node(name)
        return report.get("role") == "writer" and report["lease"]["held"]

    def follows(self, name, writer):
        report = self.node(name)
        return report.get("role") == "standby" and report["receiving"] and report["upstream"] == writer

    def up(self):
        """a is the writer of epoch 1; b and c are its standbys."""
        self.controller.start()
        for name in NODES:
            self.start(name)
        wait(lambda: self.is_writer("a"), 90, "a writes")
        wait(lambda: self.follows("b", "a") and self.follows("c", "a"), 90, "b and c follow a")

    def stop(self, name, epoch):
        """A clean stop, to the end: its answer comes as soon as nothing can be acknowledged any more."""
        status, report = self.call(name, "/v1/stop", {"epoch": epoch, "run": "r", "mode": "fast"})
        assert status == 200 and not report["lease"]["held"], report
        wait(lambda: self.node(name)["fenced"] and self.postgres_pids(name) == [], 60, name + " has ended")
        return report

    def failover(self, source, target, epoch):
        """What a controller does when the source is proven dead."""
        if self.controller.state == "held":
            self.controller.revoke(target)
        return self.call(target, "/v1/promote", {"epoch": epoch, "run": "r%d" % epoch, "database": "shop"})

    def dump(self):
        for name in sorted(os.listdir(self.dir)):
            if name.endswith(".log"):
                print("==", name)
                print(open(os.path.join(self.dir, name), errors="replace").read()[-6000:])
        for name in NODES:
            path = self.data(name) + ".holdfast/postgres.log"
            if os.path.exists(path):
                print("== postgres", name)
                print(open(path, errors="replace").read()[-3000:])

    def down(self):
        for name, agent in self.agents.items():
            if agent.poll() is None:
                agent.send_signal(signal.SIGCONT)
                agent.send_signal(signal.SIGTERM)
        for agent in self.agents.values():
            try:
                agent.wait(60)
            except subprocess.TimeoutExpired:
                agent.kill()
                agent.wait()
        for name in NODES:
            for pid in self.postgres_pids(name):
                os.kill(pid, signal.SIGKILL)
        self.controller.stop()
        shutil.rmtree(self.dir, ignore_errors=True)


class Client(threading.Thread):
    """Commits numbered rows one after the other; an acknowledgement counts when the client has it. `last` is when that commit was
    sent: this thread may have to wait for its turn before it can look at the clock again."""

    def __init__(self, world, name):
        super().__init__(daemon=True)
        self.connection = world.connect(name)
        self.connection.autocommit = True
        with self.connection.cursor() as cursor:
            cursor.execute("CREATE TABLE IF NOT EXISTS t (id serial PRIMARY KEY, worker text, n bigint)")
        self.acknowledged, self.last, self.over = 0, 0.0, False
        self.start()

    def run(self):
        n = 0
        try:
            with self.connection.cursor() as cursor:
                while not self.over:
                    n += 1
                    sent = now()
                    cursor.execute("INSERT INTO t (worker, n) VALUES (%s, %s)", (self.name, n))
                    self.last, self.acknowledged = sent, n
        except psycopg2.Error:
            pass
