# SPDX-License-Identifier: Apache-2.0
"""The relay of TCP services between real sockets, while the test plays the controller."""
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import pytest

BUILD = os.path.abspath(os.environ.get("HOLDFAST_BUILD", os.path.join(os.path.dirname(__file__), "..", "..", "build")))
HOLDFAST = os.path.join(BUILD, "src", "bin", "holdfast")
PUBLISHER = os.path.join(BUILD, "test", "system", "view_publisher")
HOST = "127.9.0.1"
RELAY, SECOND, TAIWAN, TOKYO, OTHER = 26700, 26701, 26710, 26711, 26712
DEADLINE = 60  # seconds that anything may take before the test fails

CONFIG = """
name: shop
security: {{ token: {{ env: HOLDFAST_TOKEN }} }}
regions:
  taiwan: {{ backup: [tokyo] }}
  tokyo: {{ backup: [taiwan] }}
sites:
  taiwan: {{ region: taiwan, roles: [observer, service], state_dir: {root} }}
  tokyo: {{ region: tokyo, roles: [observer] }}
  witness: {{ roles: [control], state_dir: {root}, api: {{ listen: "127.9.0.3:26780" }} }}
checks:
  up:
    kind: tcp
    severity: critical
    layer: 1
    targets: {{ taiwan: {{ address: "127.9.0.1:26710" }}, tokyo: {{ address: "127.9.0.1:26711" }} }}
services:
  cache:
    listen: {{ taiwan: [ "127.9.0.1:{port}" ] }}
    targets: {{ taiwan: [ "127.9.0.1:26710" ], tokyo: [ "127.9.0.1:26711" ] }}
    check: up
    drain: {drain}
    connect_wait: 60s
    max_connections: {limit}
"""


def wait(condition, what):
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError("never happened: " + what)


class Server:
    """Says its name to whoever comes, then echoes until the end of what it gets."""

    def __init__(self, name, port):
        self.name, self.port, self.listener = name, port, None
        self.connections = []
        self.start()

    def start(self):
        self.listener = socket.create_server((HOST, self.port))
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self.connections.append(connection)
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        try:
            connection.sendall(self.name.encode() + b"\n")
            while data := connection.recv(65536):
                connection.sendall(data)
            connection.sendall(b"bye\n")
            connection.close()
        except OSError:
            pass

    def stop(self):
        if self.listener:
            self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()
            self.listener = None
        for connection in self.connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)  # wakes its thread, which a close would not
            except OSError:
                pass
            connection.close()
        self.connections = []


class World:
    def __init__(self):
        self.root = tempfile.mkdtemp(prefix="holdfast-service-")
        self.version = 0
        self.relay = None
        self.publisher = subprocess.Popen([PUBLISHER, os.path.join(self.root, "view.shm")], stdin=subprocess.PIPE,
                                          stdout=subprocess.PIPE, text=True)
        self.servers = {"taiwan": Server("taiwan", TAIWAN), "tokyo": Server("tokyo", TOKYO)}
        self.config()

    def config(self, drain="1h", limit=1000, port=RELAY, more=""):
        with open(os.path.join(self.root, "holdfast.yaml"), "w", encoding="ascii") as file:
            file.write(CONFIG.format(root=self.root, drain=drain, limit=limit, port=port) + more)

    def tell(self, *lines):
        for line in lines:
            self.publisher.stdin.write(line + "\n")
            self.publisher.stdin.flush()
            assert self.publisher.stdout.readline() == "ok\n", line

    def publish(self, healthy=(1, 1), split=(10000, 0), states=(0, 0), service="cache 0 0 -"):
        self.version += 1
        self.tell("clear", f"region taiwan {states[0]}", f"region tokyo {states[1]}", f"split 0 {split[0]} {split[1]}",
                  "split 1 0 10000", "split default 5000 5000", f"service {service}",
                  f"target 0 0 {HOST} {TAIWAN} {healthy[0]}", f"target 0 1 {HOST} {TOKYO} {healthy[1]}",
                  f"commit {self.version}")

    def reader(self):
        """The version that the relay says to have carried out; None: it has no seat."""
        self.publisher.stdin.write("readers\n")
        self.publisher.stdin.flush()
        found = None
        while (line := self.publisher.stdout.readline().split()) != ["ok"]:
            found = int(line[3]) if line[1:3] == ["taiwan/service", "service"] else found
        return found

    def log(self):
        with open(os.path.join(self.root, "log"), encoding="utf-8") as file:
            return file.read()

    def start(self):
        with open(os.path.join(self.root, "log"), "ab") as log:
            self.relay = subprocess.Popen([HOLDFAST, "serve", "--role", "service", "--site", "taiwan", "--config",
                                           os.path.join(self.root, "holdfast.yaml")], stderr=log)
        wait(lambda: "relaying on" in self.log(), "the relay is up")

    def stop(self):
        for server in self.servers.values():
            server.stop()
        if self.relay:
            self.relay.send_signal(signal.SIGTERM)
            code = self.relay.wait(DEADLINE)
            assert code == 0, self.log()
        self.publisher.stdin.close()
        self.publisher.wait(DEADLINE)
        shutil.rmtree(self.root)

    def counter(self, name):
        """Of the relay; 0 is not told."""
        before = self.log().count("counters")
        self.relay.send_signal(signal.SIGUSR1)
        wait(lambda: self.log().count("counters") > before, "the relay tells its counters")
        line = [line for line in self.log().split("\n") if "counters" in line][-1]
        return int(dict(word.split("=") for word in line.split() if "=" in word).get(name, "0"))


class Client:
    def __init__(self, port=RELAY):
        def attempt():
            try:
                return socket.create_connection((HOST, port), timeout=DEADLINE)
            except ConnectionRefusedError:
                return None  # the workers listen a moment after they were told
        self.socket = wait(attempt, "somebody listens")
        self.file = self.socket.makefile("rb")

    def greeting(self):
        return self.file.readline().decode().strip()

    def alive(self):
        self.socket.sendall(b"ping\n")
        return self.file.readline() == b"ping\n"

    def cut(self):
        """Waits for the end; true when it was a reset, not a clean one."""
        try:
            return self.file.read() != b""
        except ConnectionResetError:
            return True

    def close(self):
        self.file.close()
        self.socket.close()


def greeted(port=RELAY):
    client = Client(port)
    name = client.greeting()
    client.close()
    return name


@pytest.fixture
def world():
    made = World()
    yield made
    made.stop()


def test_bytes_and_ends_pass_both_ways(world):
    world.publish()
    world.start()
    client = Client()
    assert client.greeting() == "taiwan"
    blob = os.urandom(8 * 1024 * 1024)
    sender = threading.Thread(target=lambda: (client.socket.sendall(blob), client.socket.shutdown(socket.SHUT_WR)))
    sender.start()
    back = client.file.read()  # until the server's end, which comes after ours
    sender.join(DEADLINE)
    assert hashlib.sha256(back).digest() == hashlib.sha256(blob + b"bye\n").digest()
    client.close()
    wait(lambda: world.counter("connections") == 0, "both ends are closed")
    assert world.counter("bytes_to_server_total") == len(blob)
    assert world.counter("broken_total") == 0


def test_a_failed_region_is_cut_and_its_clients_go_to_the_next(world):
    world.publish()
    world.start()
    client = Client()
    assert client.greeting() == "taiwan" and client.alive()
    world.publish(healthy=(0, 1))
    assert client.cut()
    guest = Client()
    assert guest.greeting() == "tokyo" and guest.alive()
    world.publish()
    wait(lambda: greeted() == "taiwan", "home again")
    assert guest.alive()  # `drain` is an hour
    assert world.counter("cut_failed_total") == 1 and world.counter("connections_draining") == 1
    world.publish(states=(2, 0), healthy=(0, 1))  # nowhere else to go
    wait(lambda: world.counter("connections_draining") == 0, "it is no guest any more")
    assert guest.alive()


def test_a_drained_region_keeps_its_connections_for_a_while(world):
    world.config(drain="300ms")
    world.publish()
    world.start()
    client = Client()
    assert client.greeting() == "taiwan"
    world.publish(split=(9999, 1))  # a canary moves nobody who is there
    assert greeted() in ("taiwan", "tokyo") and client.alive()
    assert world.counter("connections_draining") == 0
    world.publish(split=(0, 10000))
    wait(lambda: greeted() == "tokyo", "new ones go to tokyo")
    assert client.cut()
    assert world.counter("cut_drained_total") == 1


def test_only_the_primary_gets_clients(world):
    world.publish(service="cache 1 1 0")
    world.start()
    client = Client()
    assert client.greeting() == "taiwan"
    waiting = None
    world.publish(service="cache 1 2 -")  # nobody is for now
    assert client.cut()
    waiting = Client()
    wait(lambda: world.counter("connections_waiting") == 1, "it waits")
    world.publish(service="cache 1 2 1", healthy=(1, 0))
    assert waiting.greeting() == "tokyo" and waiting.alive()
    world.publish(service="cache 1 3 1")  # the same server under another epoch: what it had may be gone
    assert waiting.cut()
    assert world.counter("cut_primary_total") == 2


def test_it_says_which_view_it_has_carried_out(world):
    world.publish()
    world.start()
    for _ in range(3):
        wait(lambda: world.reader() == world.version, "it is there")
        world.publish()
    client = Client()
    assert client.greeting() == "taiwan"
    world.relay.send_signal(signal.SIGTERM)  # its connections have some seconds to end, and are still moved by views
    world.publish(healthy=(0, 1))
    assert client.cut() is not None
    assert world.relay.wait(DEADLINE) == 0
    assert world.reader() is None


def test_a_dead_server_is_passed_over_before_any_check_says_so(world):
    world.publish()
    world.servers["taiwan"].stop()
    world.start()
    assert greeted() == "tokyo"
    assert world.counter("elsewhere_total") == 1
    world.servers["tokyo"].stop()
    waiting = Client()
    wait(lambda: world.counter("connections_waiting") == 1, "it waits for a server")
    world.servers["taiwan"].start()
    assert waiting.greeting() == "taiwan"
    world.servers["taiwan"].stop()  # its end is the client's end
    assert waiting.file.read() == b""


def test_the_last_view_serves_a_cold_start(world):
    world.publish()
    world.tell(f"save {world.root}/view.last")
    os.unlink(f"{world.root}/view.shm")
    world.start()
    assert "version 1 from" in world.log()
    assert greeted() == "taiwan"


def test_a_reload_keeps_what_stays(world):
    world.publish()
    world.start()
    client = Client()
    assert client.greeting() == "taiwan"
    more = f"""  second:
    listen: {{ taiwan: [ "127.9.0.1:{SECOND}" ] }}
    targets: {{ taiwan: [ "127.9.0.1:{TAIWAN}" ] }}
    drain: 1h
"""
    world.config(limit=1, more=more)
    world.relay.send_signal(signal.SIGHUP)
    wait(lambda: "services read again" in world.log(), "it was read")
    assert client.alive()
    second = Client(SECOND)  # the view has no such service yet: the client waits
    wait(lambda: world.counter("refused_limit_total") or Client().close(), "one connection is the limit now")
    assert client.alive()
    world.version += 1
    world.tell("service second 0 0 -", f"target 1 0 {HOST} {TAIWAN} 1", f"commit {world.version}")
    assert second.greeting() == "taiwan"
    world.config(more="nonsense: 1\n")
    world.relay.send_signal(signal.SIGHUP)
    wait(lambda: "the services stay as they were" in world.log(), "it was refused")
    world.config(drain="0s", port=OTHER)  # `second` is gone, `cache` listens elsewhere
    world.relay.send_signal(signal.SIGHUP)
    wait(lambda: greeted(OTHER) == "taiwan", "it listens there")
    assert second.alive() and client.alive()
    assert world.counter("connections_draining") == 1
    with pytest.raises(OSError):
        socket.create_connection((HOST, SECOND), timeout=DEADLINE)
