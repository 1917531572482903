# SPDX-License-Identifier: Apache-2.0
"""Redis with one primary behind the relay: real servers, a real controller, an observer, two relays. One story: each test goes on
where the one before it ended."""
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request

import pytest

BUILD = os.path.abspath(os.environ.get("HOLDFAST_BUILD", os.path.join(os.path.dirname(__file__), "..", "..", "build")))
HOLDFAST = os.path.join(BUILD, "src", "bin", "holdfast")
HOST = "127.9.0.1"
PORTS = {"taiwan": 26720, "tokyo": 26721}
RELAY, API = 26722, 26723
DEADLINE = 60  # seconds that anything may take before the test fails
PASSWORD = "s3cret"

CONFIG = """
name: shop
security: {{ token: {{ file: {root}/token }} }}
store: {{ path: {root}/holdfast.db }}
regions:
  taiwan: {{ backup: [tokyo] }}
  tokyo: {{ backup: [taiwan] }}
sites:
  taiwan: {{ region: taiwan, roles: [observer], state_dir: {root}/taiwan }}
  tokyo: {{ region: tokyo, roles: [observer], state_dir: {root}/tokyo }}
  witness: {{ roles: [control, service], state_dir: {root}/witness, api: {{ listen: "{host}:{api}" }} }}
checks:
  up:
    kind: heartbeat
    severity: critical
    layer: 1
    targets: {{ taiwan: {{ address: "{host}:{api}" }}, tokyo: {{ address: "{host}:{api}" }} }}
  redis:
    kind: redis
    severity: informational
    layer: 1
    component: cache
    interval: 1s
    timeout: 900ms
    password: {{ file: {root}/password }}
    targets: {{ taiwan: {{ address: "{host}:{taiwan}" }}, tokyo: {{ address: "{host}:{tokyo}" }} }}
services:
  cache:
    kind: redis
    listen: {{ witness: [ "{host}:{relay}" ] }}
    targets: {{ taiwan: [ "{host}:{taiwan}" ], tokyo: [ "{host}:{tokyo}" ] }}
    check: redis
    initial_primary: taiwan
    password: {{ file: {root}/password }}
policy: {{ cooldown: 0s }}
failback: {{ approval: false, min_stable: 0s, canary: {{ hold: 100ms }}, ramp: {{ hold: 100ms }}, min_requests: 0 }}
"""


def wait(condition, what):
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError("never happened: " + what)


class Redis:
    """A connection that speaks just enough."""

    def __init__(self, port):
        self.socket = socket.create_connection((HOST, port), timeout=DEADLINE)
        self.file = self.socket.makefile("rb")
        assert self.ask("AUTH", PASSWORD) == "OK"

    def ask(self, *words):
        text = "*%d\r\n" % len(words) + "".join("$%d\r\n%s\r\n" % (len(word), word) for word in words)
        self.socket.sendall(text.encode())
        line = self.file.readline().decode().rstrip("\r\n")
        if line == "":
            raise ConnectionError("closed")
        if line[0] == "$":
            return None if line == "$-1" else self.file.read(int(line[1:]) + 2)[:-2].decode()
        return line[1:]

    def close(self):
        self.file.close()
        self.socket.close()


def one(port, *words):
    """The answer of one command over a connection of its own; None: it did not come to that."""
    try:
        redis = Redis(port)
        try:
            return redis.ask(*words)
        finally:
            redis.close()
    except (OSError, AssertionError):
        return None


def role(region):
    text = one(PORTS[region], "INFO", "replication") or ""
    return dict(line.split(":", 1) for line in text.split("\r\n") if ":" in line)


class World:
    def __init__(self):
        self.root = tempfile.mkdtemp(prefix="holdfast-cache-")
        os.chmod(self.root, 0o755)
        self.servers, self.processes, self.refused = {}, [], ""
        self.write("token", "t0ken", 0o600)
        self.write("password", PASSWORD, 0o600)
        self.write("holdfast.yaml", CONFIG.format(root=self.root, host=HOST, relay=RELAY, api=API, **PORTS))
        for region in PORTS:
            self.redis(region)
        for site in ("witness", "taiwan", "tokyo"):
            os.mkdir(os.path.join(self.root, site))
            with open(os.path.join(self.root, site + ".log"), "ab") as log:
                self.processes.append(subprocess.Popen(
                    [HOLDFAST, "serve", "--site", site, "--config", os.path.join(self.root, "holdfast.yaml")],
                    stderr=log, stdout=log))

    def write(self, name, text, mode=0o644):
        path = os.path.join(self.root, name)
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        os.chmod(path, mode)

    def redis(self, region):
        """Without anything on the disk: what a server knows after its start, it has from its primary."""
        folder = os.path.join(self.root, "redis-" + region)
        os.makedirs(folder, exist_ok=True)
        self.write("redis-%s/conf" % region, "bind %s\nport %d\nsave \"\"\nappendonly no\nrequirepass %s\nmasterauth %s\n"
                   "repl-diskless-sync-delay 0\ndir %s\ndaemonize no\n" % (HOST, PORTS[region], PASSWORD, PASSWORD, folder))
        with open(os.path.join(self.root, "redis-%s.log" % region), "ab") as log:
            self.servers[region] = subprocess.Popen(["redis-server", os.path.join(folder, "conf")], stdout=log, stderr=log)
        wait(lambda: one(PORTS[region], "PING") == "PONG", "redis answers in " + region)

    def kill(self, region):
        self.servers[region].kill()
        self.servers[region].wait(DEADLINE)

    def logs(self):
        found = ""
        for name in sorted(os.listdir(self.root)):
            if name.endswith(".log"):
                with open(os.path.join(self.root, name), errors="replace") as file:
                    found += "== %s\n%s" % (name, file.read())
        return found + "== refused: %s\n" % self.refused

    def call(self, path, body=None):
        return json.loads(self.text(path, body))

    def text(self, path, body=None):
        request = urllib.request.Request("http://%s:%d%s" % (HOST, API, path), None if body is None else json.dumps(body).encode(),
                                         {"Authorization": "Bearer t0ken", "Content-Type": "application/json"})
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=DEADLINE) as answer:
            return answer.read().decode()

    def order(self, what):
        """Its run; None: refused, the target may only have come back a moment ago."""
        try:
            where = {"source": "taiwan", "target": "tokyo"} if what == "switchovers" else {}
            return self.call("/v1/" + what, dict(where, reason="test"))["run"]
        except urllib.error.HTTPError as error:
            self.refused = error.read().decode()
            return None

    def close(self):
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            process.wait(DEADLINE)
        for server in self.servers.values():
            server.kill()
            server.wait(DEADLINE)
        shutil.rmtree(self.root)


@pytest.fixture(scope="module")
def world():
    made = World()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def tell(world, request):
    """The logs of a story that went wrong."""
    failed = request.session.testsfailed
    yield
    if request.session.testsfailed > failed:
        print(world.logs())


def losses(world):
    """So often a primary was replaced because it was lost: on a very busy machine also when nobody touched it. Then the newest writes may go."""
    return world.text("/v1/events").count("the primary is lost")


def primary_is(region):
    """As the servers say; the other one follows it, with all it has."""
    other = role("tokyo" if region == "taiwan" else "taiwan")
    return role(region).get("role") == "master" and other.get("role") == "slave" and \
        int(other.get("master_port", 0)) == PORTS[region] and other.get("master_link_status") == "up"


def test_the_configured_server_becomes_the_primary(world):
    try:
        wait(lambda: primary_is("taiwan"), "tokyo follows taiwan")
        wait(lambda: one(RELAY, "SET", "first", "1") == "OK", "a client writes through the relay")
        wait(lambda: one(PORTS["tokyo"], "GET", "first") == "1", "tokyo has it")
    except AssertionError:
        print(world.logs())
        raise


def test_a_lost_primary_is_replaced_and_returns_as_a_replica(world):
    client = Redis(RELAY)
    assert client.ask("SET", "second", "2") == "OK"
    wait(lambda: one(PORTS["tokyo"], "GET", "second") == "2", "tokyo has it")
    world.kill("taiwan")
    with pytest.raises((ConnectionError, OSError)):
        while True:  # the relay ends it: by the server's end, or by the view
            client.ask("GET", "second")
            time.sleep(0.05)
    client.close()
    wait(lambda: one(RELAY, "SET", "third", "3") == "OK", "a client writes again")
    assert one(PORTS["tokyo"], "GET", "third") == "3"
    acknowledged = {"second": "2", "third": "3"}
    world.redis("taiwan")  # empty, and believes to be a primary
    for i in range(200):  # clients write on while it is turned
        if one(RELAY, "SET", "while-%d" % i, "x") == "OK":
            acknowledged["while-%d" % i] = "x"
        if i > 20 and primary_is("tokyo"):
            break
    wait(lambda: primary_is("tokyo"), "the old primary follows the new one")
    wait(lambda: [server["role"] for server in world.call("/v1/status")["services"][0]["servers"]] == ["replica", "primary"],
         "the status says so")
    assert len(acknowledged) > 10
    for region in ("tokyo", "taiwan"):
        for key, value in acknowledged.items():
            wait(lambda: one(PORTS[region], "GET", key) == value, "%s has %s" % (region, key))


def test_a_primary_that_stands_still_is_replaced(world):
    """It neither answers nor closes anything: its clients are moved by the view alone. When it goes on it believes to be the primary."""
    wait(lambda: primary_is("tokyo"), "taiwan follows")
    client = Redis(RELAY)
    assert client.ask("SET", "before", "1") == "OK"
    wait(lambda: one(PORTS["taiwan"], "GET", "before") == "1", "taiwan has it")
    world.servers["tokyo"].send_signal(signal.SIGSTOP)
    try:
        with pytest.raises((ConnectionError, OSError)) as cut:
            client.ask("GET", "before")  # the relay ends it
        assert not isinstance(cut.value, TimeoutError)
        client.close()
        wait(lambda: one(RELAY, "SET", "after", "2") == "OK", "a client writes again")
        assert one(PORTS["taiwan"], "GET", "after") == "2"
    finally:
        world.servers["tokyo"].send_signal(signal.SIGCONT)
    wait(lambda: primary_is("taiwan"), "the old primary follows the new one")
    wait(lambda: one(PORTS["tokyo"], "GET", "after") == "2", "and has what was written")
    wait(lambda: move(world, "tokyo", "--wait").returncode == 0, "back to tokyo")
    wait(lambda: primary_is("tokyo"), "as before")


def test_it_comes_home_with_its_region_and_loses_nothing(world):
    """Everything goes to tokyo, where the primary is already, and home: the primary follows once its replica has everything."""
    acknowledged, before = 0, losses(world)
    for what, target in (("switchovers", "tokyo"), ("failbacks", "taiwan")):
        run = wait(lambda: world.order(what), what + " is accepted")

        def done():
            nonlocal acknowledged
            answer = one(RELAY, "INCR", "counter")
            if answer is not None and answer.isdigit():
                acknowledged += 1
                assert int(answer) >= acknowledged or losses(world) > before  # nothing that was acknowledged is gone
            return world.call("/v1/runs/%d" % run)["state"] in ("succeeded", "unproven") and primary_is(target)
        wait(done, "the primary is in " + target)
    assert acknowledged > 0 and (int(one(RELAY, "GET", "counter")) >= acknowledged or losses(world) > before)
    metrics = world.text("/metrics")
    assert 'holdfast_service_primary{service="cache",region="taiwan"} 1' in metrics
    assert 'holdfast_service_primary{service="cache",region="tokyo"} 0' in metrics
    assert 'holdfast_service_works{service="cache",region="tokyo"} 1' in metrics
    client = Redis(RELAY)
    counted = 'holdfast_service_connections{site="witness",region="",service="cache"} '
    wait(lambda: counted + "1\n" in world.text("/metrics"), "the relay's figures are in the controller's")
    relays = world.call("/v1/status")["services"][0]["relays"]
    assert [relay["site"] for relay in relays] == ["witness"], relays
    client.close()
    assert PASSWORD not in world.logs()


def move(world, region, *more, service="cache"):
    return subprocess.run([HOLDFAST, "service", "move", service, region, "--config", os.path.join(world.root, "holdfast.yaml"),
                           "--reason", "test of a move", "--yes", *more], capture_output=True, text=True, timeout=DEADLINE)


def test_an_operator_moves_it_and_nothing_is_lost(world):
    assert "no service 'nothing'" in move(world, "tokyo", service="nothing").stderr
    assert "no region 'paris'" in move(world, "paris").stderr
    there = move(world, "taiwan")
    assert there.returncode == 0 and "already" in there.stdout
    acknowledged, before = int(one(RELAY, "GET", "counter")), losses(world)
    for region in ("tokyo", "taiwan"):
        def moved():
            done = move(world, region, "--wait", "--timeout", "30s")
            print(done.stdout, done.stderr)
            return done.returncode == 0  # a replica that is held up on a busy machine leaves the primary where it is
        mover = threading.Thread(target=lambda: wait(moved, "the primary is in " + region))
        mover.start()
        while mover.is_alive():
            answer = one(RELAY, "INCR", "counter")
            if answer is not None and answer.isdigit():
                acknowledged += 1
                assert int(answer) >= acknowledged or losses(world) > before  # nothing that was acknowledged is gone
        mover.join()
        wait(lambda: primary_is(region), "the other one follows " + region)
        wait(lambda: one(RELAY, "SET", "there", region) == "OK", "a client writes there")
    assert "ordered by" in world.text("/v1/events") and "test of a move" in world.text("/v1/events")


def test_a_move_that_would_lose_something_is_refused(world):
    world.kill("tokyo")
    wait(lambda: move(world, "tokyo", "--dry-run").returncode == 3, "its silence is noticed")
    refused = move(world, "tokyo")
    assert refused.returncode == 3 and "refused" in refused.stderr, refused
    assert role("taiwan").get("role") == "master" and one(RELAY, "SET", "still", "here") == "OK"
    world.redis("tokyo")
    wait(lambda: primary_is("taiwan"), "tokyo follows again")
