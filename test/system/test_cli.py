# SPDX-License-Identifier: Apache-2.0
"""The operator's verbs against a real controller: a witness with control and DNS, two regions that are web servers here."""
import contextlib
import fcntl
import http.client
import http.server
import json
import os
import pty
import pwd
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import termios
import threading
import time

import dns.exception
import dns.message
import dns.query
import pytest
import yaml

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
BUILD = os.path.abspath(os.environ.get("HOLDFAST_BUILD", os.path.join(ROOT, "build")))
HOLDFAST = os.path.join(BUILD, "src", "bin", "holdfast")
API, API_PORT, DNS, DNS_PORT, WEB_PORT = "127.9.0.1", 26001, "127.9.0.53", 26053, 26080
WEB = {"taiwan": "127.9.1.80", "tokyo": "127.9.2.80"}

CONFIG = """
name: shop
security: {{ token: {{ file: {root}/token }} }}
store: {{ path: {root}/holdfast.db }}
regions:
  taiwan: {{ backup: [tokyo], clients: [127.9.1.0/24], endpoints: {{ web: ["127.9.1.80:26080"] }} }}
  tokyo: {{ backup: [taiwan], clients: [127.9.2.0/24], endpoints: {{ web: ["127.9.2.80:26080"] }} }}
sites:
  witness: {{ roles: [control, dns], state_dir: {root}/state, api: {{ listen: "127.9.0.1:26001" }}, dns: {{ listen: ["127.9.0.53:26053"] }} }}
checks:
  front:
    kind: http
    severity: critical
    layer: 1
    component: app
    path: /health
    interval: {interval}
    timeout: 450ms
    failure_threshold: 4
    targets: {{ taiwan: {{ address: "127.9.1.80:26080" }}, tokyo: {{ address: "127.9.2.80:26080" }} }}
  port:
    kind: tcp
    severity: critical
    layer: 1
    component: queue
    interval: 500ms
    timeout: 450ms
    failure_threshold: 4
    targets: {{ taiwan: {{ address: "127.9.1.80:26080" }}, tokyo: {{ address: "127.9.2.80:26080" }} }}
dns:
  zone: example.test
  zone_file: {root}/zone
  names: {{ www: {{ endpoint: web, ttl: 1s }} }}
policy: {{ cooldown: 1s }}
"""


def wait(condition, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("did not come true in time")


class Page(http.server.BaseHTTPRequestHandler):
    """A region's front: 200, and the region's name where somebody looks for it."""

    def do_GET(self):
        body = b"{}\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Web(http.server.ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, address):
        super().__init__((address, WEB_PORT), Page)
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.thread.start()

    def end(self):
        self.shutdown()
        self.server_close()
        self.thread.join()


class World:
    def __init__(self):
        self.root = tempfile.mkdtemp(prefix="holdfast-cli-")
        self.config = os.path.join(self.root, "holdfast.yaml")
        self.write(interval="500ms")
        with open(os.path.join(self.root, "token"), "w") as file:
            file.write("sesame\n")
        os.chmod(file.name, 0o600)
        shutil.copy(os.path.join(ROOT, "lab", "example.test.zone"), os.path.join(self.root, "zone"))
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("HOLDFAST_") and k != "NO_COLOR"}
        self.env["HOLDFAST_CONFIG"] = self.config
        self.web = {}
        self.log = os.path.join(self.root, "log")
        self.serve = None

    def write(self, text=None, **values):
        with open(self.config, "w") as file:
            file.write(text if text is not None else CONFIG.format(root=self.root, **values))

    def start(self):
        for region in WEB:
            self.open(region)
        self.give()
        with open(self.log, "ab") as log:
            self.serve = subprocess.Popen([HOLDFAST, "serve", "--site", "witness", "--config", self.config], stdout=log, stderr=log,
                                          env=self.env)
        wait(self.healthy)

    def give(self):
        """Started as root, the server becomes the user holdfast where there is one."""
        try:
            entry = pwd.getpwnam("holdfast")
        except KeyError:
            return
        if os.geteuid() == 0:
            for path in (self.root, *(os.path.join(self.root, name) for name in os.listdir(self.root))):
                os.chown(path, entry.pw_uid, entry.pw_gid)

    def open(self, region):
        if region not in self.web:
            self.web[region] = Web(WEB[region])

    def close(self, region):
        self.web.pop(region).end()

    def healthy(self):
        """Everything passes and nothing is degraded, a pause aside."""
        done = self.run("status", "-o", "json")
        if done.returncode not in (0, 10):
            return False
        status = json.loads(done.stdout)
        fit = all(r["state"] == "SERVING" and r["critical_passed"] == 2 and r["share_percent"] == 100 for r in status["regions"])
        return fit and status["run"] is None and (done.returncode == 0 or status["automation"] == "PAUSED")

    def run(self, *words, env=None, **more):
        more.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.run([HOLDFAST, *words], capture_output=True, text=True, timeout=90, env={**self.env, **(env or {})}, **more)

    def get(self, path):
        connection = http.client.HTTPConnection(API, API_PORT, timeout=10)
        connection.request("GET", path)
        return connection.getresponse().read()

    def json(self, path):
        return json.loads(self.get(path))

    def children(self):
        """Role to pid, from the supervisor's children."""
        found = {}
        for pid in subprocess.run(["pgrep", "-P", str(self.serve.pid)], capture_output=True, text=True).stdout.split():
            words = open(f"/proc/{pid}/cmdline", "rb").read().decode().split("\0")
            if "--role" in words:
                found[words[words.index("--role") + 1]] = int(pid)
        return found

    def said(self):
        with open(self.log, "r", errors="replace") as file:
            return file.read()

    def idle(self):
        return self.json("/v1/status")["run"] is None

    def end(self):
        if self.serve is not None:
            self.serve.send_signal(signal.SIGTERM)
            self.serve.wait(60)
        for region in list(self.web):
            self.close(region)
        shutil.rmtree(self.root)


@pytest.fixture(scope="module")
def world():
    it = World()
    try:
        it.start()
        yield it
    finally:
        it.end()


def answers(name="www.example.test"):
    try:
        reply = dns.query.udp(dns.message.make_query(name, "A"), DNS, port=DNS_PORT, timeout=2)
        return sorted(item.address for group in reply.answer for item in group)
    except OSError:
        return []
    except dns.exception.Timeout:
        return []


CHANGES = ["failover", "switchover", "failback", "pause", "resume"]
LOOKS = ["status", "health", "explain", "history", "events", "latency"]


@pytest.mark.parametrize("verb", [*LOOKS, "timeline", *CHANGES, "approve", "abort"])
def test_help(world, verb):
    done = world.run(verb, "--help")
    assert done.returncode == 0 and done.stderr == ""
    assert done.stdout.startswith(f"usage: holdfast {verb} ") and f"example: holdfast {verb}" in done.stdout


def test_manual_page_knows_every_verb_and_exit_code(world):
    page = open(os.path.join(ROOT, "doc", "man", "holdfast.1.scd")).read()
    verbs = re.findall(r"^  (\w+) ", world.run("help").stdout, re.M)
    assert len(verbs) > 15 and set(CHANGES + LOOKS) < set(verbs)
    assert [verb for verb in verbs if not re.search(rf"^.*\*{verb}\b", page, re.M)] == []
    header = open(os.path.join(ROOT, "src", "bin", "verb.h")).read()
    codes = re.findall(r"^ +VERB_\w+ = (\d+),", header, re.M)
    assert len(codes) > 8 and [code for code in codes if f" *{code}*\n" not in page] == []


@pytest.mark.parametrize("verb", LOOKS)
def test_looks_need_no_token(world, verb):
    os.chmod(os.path.join(world.root, "token"), 0)
    try:
        done = world.run(verb)
    finally:
        os.chmod(os.path.join(world.root, "token"), 0o600)
    assert done.returncode == 0, done.stderr
    assert done.stdout and done.stderr == "" and "\033" not in done.stdout


@pytest.mark.parametrize("verb,path", [("status", "/v1/status"), ("health", "/v1/health"), ("explain", "/v1/explain"),
                                       ("history", "/v1/runs"), ("events", "/v1/events"),
                                       ("latency", "/v1/latency")])
def test_data_formats(world, verb, path):
    data = json.loads(world.run(verb, "-o", "json").stdout)
    assert data.keys() == world.json(path).keys()
    assert yaml.safe_load(world.run(verb, "-o", "yaml").stdout).keys() == data.keys()


def test_screens(world):
    status = world.run("status").stdout
    assert re.search(r"^shop +ACTIVE \w+ +automation AUTO +controllers 1/1 leader witness", status)
    assert re.search(r"^taiwan +SERVING +50% +2/2 ", status, re.M) and "no run in progress" in status
    assert "witness" in world.run("status", "-o", "wide").stdout
    health = world.run("health", "taiwan").stdout
    assert re.search(r"^  front +critical +1 +PASSED +0 of 1 +PASSED +\.+ ", health, re.M) and "tokyo" not in health
    explained = world.run("explain", "tokyo").stdout
    assert explained.startswith("tokyo: NO_ACTION, ALL_HEALTHY, confidence HIGH\n  rule 13") and "distance to each trigger" in explained


def ordered(world):
    """What orders change. Checks come and go by themselves on a busy machine, and the view with them."""
    status = world.json("/v1/status")
    events = [event["number"] for event in world.json("/v1/events")["events"]
              if event["kind"] in ("PAUSED", "RESUMED", "SPLIT") or event["kind"].startswith(("RUN_", "STEP_"))]
    return status["automation"], status["run"], len(world.json("/v1/runs")["runs"]), events


@pytest.mark.parametrize("words,code,said", [
    (["health", "atlantis"], 1, "no region 'atlantis'"),
    (["explain", "atlantis"], 1, "no region 'atlantis'"),
    (["explain", "--run", "77"], 1, "no run 77"),
    (["explain", "--run", "x"], 2, "number of a run"),
    (["timeline", "77"], 1, "the journal knows no run 77"),
    (["timeline", "x"], 2, "a run has a number"),
    (["events", "--after", "x"], 2, "number of an event"),
    (["status", "-o", "xml"], 2, "table, wide, json or yaml"),
    (["status", "--api", "nowhere"], 2, "not an address"),
    (["status", "--api", "127.9.0.9:26009"], 5, "no controller can be reached: 127.9.0.9:26009: connection refused"),
    (["status", "--config", "/nonexistent.yaml"], 8, "name it with --config"),
    (["failover", "--source", "taiwan"], 2, "--reason"),
    (["failover", "--reason", "x"], 2, "--source"),
    (["failover", "--source", "atlantis", "--reason", "x", "--yes"], 2, "source: no such region"),
    (["failover", "--source", "taiwan", "--reason", "x"], 2, "repeat it with --yes"),
    (["failover", "--source", "taiwan", "--target", "taiwan", "--reason", "x", "--yes"], 2, "the same region"),
    (["failback", "--target", "taiwan", "--reason", "x", "--yes"], 3, "refused by a safety rule: the target carries its clients already"),
    (["pause", "--reason", "x"], 2, "repeat it with --yes"),
    (["pause", "--yes"], 2, "--reason"),
    (["pause", "--reason", "x" * 128, "--yes"], 2, "--reason is 128 bytes long, and may be 127 at most"),
    (["approve", "77", "--reason", "x", "--yes"], 1, "no such run is in progress"),
    (["abort", "77", "--reason", "x", "--yes"], 1, "no such run is in progress"),
    (["abort", "--reason", "x", "--yes"], 2, "something is missing"),
    (["abort", "last", "--reason", "x", "--yes"], 2, "a run has a number"),
    (["pause", "--reason", "x", "--yes", "--api", "127.9.0.9:26009", "--token-file", "TOKEN"], 5, "no controller can be reached"),
    (["frobnicate"], 2, "no verb 'frobnicate'"),
])
def test_refused(world, words, code, said):
    before = ordered(world)
    words = [os.path.join(world.root, "token") if word == "TOKEN" else word for word in words]
    done = world.run(*words)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert before == ordered(world)


def test_token(world):
    order = ["pause", "--reason", "x", "--yes"]
    done = world.run(*order, "--api", f"{API}:{API_PORT}")
    assert done.returncode == 1 and "needs the cluster's token" in done.stderr and "--token-file" in done.stderr
    done = world.run(*order, env={"HOLDFAST_TOKEN": "wrong"})
    assert done.returncode == 1 and "the token is not the one of this cluster" in done.stderr
    assert world.json("/v1/status")["automation"] == "AUTO"
    done = world.run("resume", "--reason", "x", "--yes", "--api", "127.9.0.9:26009", "--api", f"{API}:{API_PORT}",
                     env={"HOLDFAST_TOKEN": "sesame"})
    assert done.returncode == 0 and done.stdout == "automation is on\n"


def test_pause_and_resume(world):
    assert world.run("pause", "--reason", "maintenance", "--yes").stdout == "automation is paused\n"
    done = world.run("status")
    assert done.returncode == 10 and "automation PAUSED" in done.stdout and "DEGRADED" in done.stdout
    assert world.run("status", "-o", "json").returncode == 10
    assert json.loads(world.run("resume", "--reason", "over", "--yes", "-o", "json").stdout)["text"] == "automation is on"
    assert world.run("status").returncode == 0
    assert "maintenance" in world.run("events").stdout


def test_dry_run_changes_nothing(world):
    before = ordered(world), answers()
    done = world.run("failover", "--source", "taiwan", "--reason", "look", "--dry-run")
    assert done.returncode == 0, done.stderr
    for text in ("failover taiwan -> tokyo would start", "predicted recovery time", "target application", "taiwan carries 0% of its own clients"):
        assert text in done.stdout
    preview = json.loads(world.run("failover", "--source", "taiwan", "--reason", "look", "--dry-run", "-o", "json").stdout)
    assert preview["would"] == "start" and all(check["ok"] for check in preview["checks"]) and preview["loss"] == []
    assert [step["name"] for step in preview["steps"]][:2] == ["EVIDENCE", "VALIDATE"] and preview["predicted_rto_ms"] > 0
    assert before == (ordered(world), answers())
    assert world.run("history").stdout == "no run has ended yet\n"


@pytest.mark.parametrize("path, body, said", [
    ("/v1/failovers", '{"source":"taiwan","reason":"x","dryrun":true}', "dryrun: not expected"),
    ("/v1/failovers", '{"source":"taiwan","reason":"x","dry_run":"yes"}', "dry_run: true or false is expected"),
    ("/v1/failovers?dry_run=true", '{"source":"taiwan","reason":"x"}', "an order takes no query"),
    ("/v1/failovers", '{"source":"taiwan"}', "a reason is required"),
    ("/v1/failovers", '{"source":"taiwan","reason":"%s"}' % ("x" * 128), "reason: 128 bytes, but it may be 127 long at most"),
    ("/v1/pause", '{"reason":"%s"}' % ("x" * 128), "reason: 128 bytes, but it may be 127 long at most"),
    ("/v1/pause", "[]", "the body is not an object"),
    ("/v1/pause", "{", "the body is not JSON"),
    ("/v1/config/apply", '{"file":"x"}', "file: not expected"),
    ("/v1/readers", "[" * 5000, "nested more than"),
])
def test_wrong_orders_do_nothing(world, path, body, said):
    """What is misspelt is no other order, and nothing ends the process."""
    before = world.children()["control"], len(world.json("/v1/runs")["runs"]), world.json("/v1/status")["automation"]
    connection = http.client.HTTPConnection(API, API_PORT, timeout=60)
    connection.request("POST", path, body, {"Authorization": "Bearer sesame", "Content-Type": "application/json"})
    answer = connection.getresponse()
    problem = json.loads(answer.read())
    assert answer.status == 400 and answer.getheader("Content-Type") == "application/problem+json"
    assert problem["status"] == 400 and problem["code"] == "INVALID" and said in problem["detail"]
    after = world.children()["control"], len(world.json("/v1/runs")["runs"]), world.json("/v1/status")["automation"]
    assert after == before


def test_unfit_target_is_refused(world):
    world.run("pause", "--reason", "the test ends a region", "--yes")
    world.close("tokyo")
    try:
        wait(lambda: world.json("/v1/status")["regions"][1]["checks_failed"] == 2)
        for mode in ("--dry-run", "--yes"):
            done = world.run("failover", "--source", "taiwan", "--reason", "x", mode)
            assert done.returncode == 4 and "REFUSES" in done.stdout
            assert "refused by a pre-check: " in done.stderr and "tokyo" in done.stdout
        assert world.json("/v1/runs")["runs"] == []
        assert "connection refused" in world.run("health", "tokyo").stdout
    finally:
        world.open("tokyo")
        wait(world.healthy)  # before automation is on again
        world.run("resume", "--reason", "over", "--yes")


def ask(world, words, typed):
    """Runs a verb on a terminal and types an answer to its question."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(HOLDFAST, [HOLDFAST, *words], {**world.env, "TERM": "xterm"})
    seen = b""
    end = time.monotonic() + 30
    sent = False
    while time.monotonic() < end:
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                piece = os.read(terminal, 4096)
            except OSError:
                break
            if not piece:
                break
            seen += piece
        if not sent and b"to go on: " in seen:
            os.write(terminal, typed.encode() + b"\n")
            sent = True
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), seen.decode()


def test_a_person_is_asked(world):
    code, seen = ask(world, ["failover", "--source", "taiwan", "--reason", "x"], "tokyo")
    assert code == 3 and "not confirmed, nothing was done" in seen
    assert "type taiwan to go on" in seen and "predicted recovery time" in seen and "\033[" in seen
    assert world.json("/v1/runs")["runs"] == []
    code, seen = ask(world, ["pause", "--reason", "x"], "pause")
    assert code == 0 and "automation is paused" in seen
    world.run("resume", "--reason", "over", "--yes")


def next_of(follower, kind):
    """The next event of the kind; an end of the output is an error here, not a wait."""
    for line in follower.stdout:
        if json.loads(line)["kind"] == kind:
            return json.loads(line)
    raise AssertionError("the follower has ended without " + kind)


def test_follow_events(world):
    newest = str(world.json("/v1/events")["newest"])
    follower = subprocess.Popen([HOLDFAST, "events", "--follow", "--after", newest, "-o", "json"], stdout=subprocess.PIPE, text=True, env=world.env)
    try:
        world.run("pause", "--reason", "seen by the follower", "--yes")
        assert "seen by the follower" in next_of(follower, "PAUSED")["text"]
        world.run("resume", "--reason", "over", "--yes")
        assert "over" in next_of(follower, "RESUMED")["text"]
        follower.send_signal(signal.SIGINT)
        assert follower.wait(60) == 0
    finally:
        follower.kill()
        follower.wait()


def test_watch_ends_clean(world):
    watcher = subprocess.Popen([HOLDFAST, "status", "--watch"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=world.env)
    try:
        seen = b""
        while seen.count(b"ACTIVE") < 2:
            seen += os.read(watcher.stdout.fileno(), 4096)
        watcher.send_signal(signal.SIGINT)
        assert watcher.communicate(timeout=60)[1] == b""
        assert watcher.returncode == 0 and b"taiwan" in seen
    finally:
        watcher.kill()
        watcher.wait()


def test_no_color(world):
    words = ["status"]
    assert "\033[1m" in ask(world, words, "")[1]
    world.env["NO_COLOR"] = "1"
    try:
        assert "\033" not in ask(world, words, "")[1]
    finally:
        del world.env["NO_COLOR"]


@contextlib.contextmanager
def silent_dns(world):
    """A stopped DNS server proves nothing: a run stays in its verification."""
    pid = world.children()["dns"]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_failover_and_failback(world):
    wait(world.healthy)
    done = world.run("failover", "--source", "taiwan", "--reason", "to see it", "--yes", "--wait")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "failover: run 1 has begun" in done.stdout and re.search(r"^run 1 succeeded after .*, served again after ", done.stdout, re.M)
    assert re.search(r"route-dns +done ", done.stdout)
    assert answers() == [WEB["tokyo"]]
    status = world.run("status")
    assert status.returncode == 10 and re.search(r"^taiwan +STANDBY +0%", status.stdout, re.M)
    assert re.search(r"^ +1 .*failover +taiwan -> tokyo +succeeded ", status.stdout, re.M)
    done = world.run("failover", "--source", "taiwan", "--reason", "twice", "--yes")
    assert done.returncode == 3 and "refused by a safety rule: the source carries nothing" in done.stderr
    done = world.run("failback", "--mode", "emergency", "--reason", "home", "--yes", "--wait", "-o", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["state"] == "succeeded"
    wait(world.healthy)


def test_failover_aborted(world):
    """The run is held in its verification, and taken back from there."""
    wait(world.healthy)
    with silent_dns(world):
        abort_in_verification(world)
    wait(world.healthy)
    history = world.run("history").stdout
    assert re.search(r"^ +3 .*failover +taiwan -> tokyo +compensated ", history, re.M)
    timeline = world.run("timeline", "3").stdout
    assert timeline.startswith("run 3, from ") and re.search(r"^ +\+0\.000 s  RUN_STARTED", timeline, re.M)
    assert "STEP_UNDONE" in timeline
    explained = world.run("explain", "--run", "3").stdout
    assert "ordered by" in explained and "to take it back" in explained and "route-dns" in explained
    assert {"run", "evidence", "journal"} == json.loads(world.run("explain", "--run", "3", "-o", "json").stdout).keys()


def abort_in_verification(world):
    done = world.run("failover", "--source", "taiwan", "--reason", "to take it back", "--yes")
    assert done.returncode == 0 and "failover: run 3 has begun" in done.stdout
    wait(lambda: any(s["name"] == "VERIFY" and s["state"] == "running" for s in world.json("/v1/runs/3")["steps"]))
    refused = world.run("switchover", "--source", "tokyo", "--reason", "x", "--yes")
    assert refused.returncode == 3 and "another run is in progress" in refused.stderr
    refused = world.run("config", "apply")
    assert refused.returncode == 3 and "a run is in progress" in refused.stderr
    status = world.run("status")
    assert status.returncode == 10 and "run 3 failover taiwan -> tokyo: running" in status.stdout
    assert "`holdfast abort 3` undoes" in status.stdout
    done = world.run("abort", "3", "--reason", "false alarm", "--yes", "--wait")
    assert done.returncode == 7, done.stdout + done.stderr
    assert "run 3 compensated" in done.stdout
    said = [(event["kind"], event["text"]) for event in world.json("/v1/events?run=3")["events"]]
    ordered = [text for kind, text in said if kind == "ORDERED"]
    assert len(ordered) == 1 and re.fullmatch(r"run 3: abort ordered by \S+: false alarm", ordered[0]), said


def test_timeout_leaves_the_run(world):
    wait(world.healthy)
    with silent_dns(world):
        done = world.run("failover", "--source", "taiwan", "--reason", "x", "--yes", "--wait", "--timeout", "1s")
        assert done.returncode == 6 and "goes on" in done.stderr
        run = world.json("/v1/status")["run"]["id"]
        assert world.run("abort", str(run), "--reason", "over", "--yes", "--wait").returncode == 7
    wait(world.healthy)


def test_lost_region_is_explained(world):
    """An automatic failover: status, explain and metrics say the same."""
    wait(world.healthy)
    world.close("taiwan")
    try:
        wait(lambda: world.json("/v1/runs")["runs"][0]["automatic"])
        wait(lambda: answers() == [WEB["tokyo"]])
        wait(lambda: world.json("/v1/runs")["runs"][0]["rto_ms"] is not None)  # the last route is proven a moment later
        run = json.loads(world.run("history", "-o", "json").stdout)["runs"][0]
        assert run["automatic"] and run["source"] == "taiwan" and run["rto_ms"] > 0
        explained = world.run("explain", "--run", str(run["id"])).stdout
        assert "started by rule 3, COMPLETE_REGIONAL_FAILURE" in explained
        assert "CHECK_FAILED" in explained and "AUTOMATIC_FAILOVER" in explained
        wait(world.idle, 60)
        metrics = world.get("/metrics").decode()
        assert re.search(r'^holdfast_failover_events_total\{trigger="automatic",reason="COMPLETE_REGIONAL_FAILURE",source="taiwan",'
                         r'target="tokyo",outcome="\w+"\} 1$', metrics, re.M)
        assert re.search(r"^holdfast_failover_rto_seconds [0-9.]+$", metrics, re.M)
        assert re.search(r'^holdfast_build_info\{version="[0-9.]+"\} 1$', metrics, re.M)
        assert re.search(r'^holdfast_region_state\{region="taiwan",state="DOWN"\} 1$', metrics, re.M)
        assert re.search(r'^holdfast_failover_duration_seconds_count\{phase="detect"\} 1$', metrics, re.M)
        evaluated = b'holdfast_decision_evaluations_total{decision="AUTOMATIC_FAILOVER"'
        wait(lambda: evaluated in world.get("/metrics"))  # handed over each 200 ms, a failover may be faster
        sees = b'\nholdfast_health_observers_healthy_ratio{region="tokyo",check="front"} 1\n'
        wait(lambda: sees in world.get("/metrics"))  # a stalled observer has no verdict for a moment
        assert re.search(r'^holdfast_health_checks_total\{region="tokyo",check="front",layer="1",severity="critical",result="OK"\} \d', metrics, re.M)
    finally:
        world.open("taiwan")


def test_promtool(world):
    """The format and the names as Prometheus's own tool judges them; who answers from which view is in there."""
    reader = '{site="witness",region="",role="dns"}'
    wait(lambda: f"holdfast_reader_views_behind{reader} 0\n" in world.get("/metrics").decode())
    assert re.search(r"^holdfast_reader_age_seconds" + re.escape(reader) + r" [0-9.e-]+$", world.get("/metrics").decode(), re.M)
    done = subprocess.run(["promtool", "check", "metrics"], input=world.get("/metrics"), capture_output=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    rules = os.path.join(ROOT, "etc", "prometheus-alerts.yaml")
    done = subprocess.run(["promtool", "check", "rules", rules], capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr


# Below: what kills and reloads processes. The run of the test above has ended; taiwan carries nothing.


def test_killed_control(world):
    """The answering ones go on while the thinking one is dead, and it is back by itself."""
    before = world.children()
    boot = world.json("/v1/status")["view"]
    os.kill(before["control"], signal.SIGKILL)
    bad = []
    end = time.monotonic() + 2
    while time.monotonic() < end:
        if answers() != [WEB["tokyo"]]:
            bad.append(time.monotonic())
        time.sleep(0.02)
    assert bad == []
    wait(lambda: world.run("status").returncode in (0, 10))
    after = world.children()
    assert after["control"] != before["control"] and after["dns"] == before["dns"]
    assert world.json("/v1/status")["view"] >= boot
    assert len(world.json("/v1/runs")["runs"]) == 5  # nothing is forgotten


def test_killed_dns(world):
    before = world.children()
    os.kill(before["dns"], signal.SIGKILL)
    wait(lambda: answers() == [WEB["tokyo"]])
    wait(lambda: "dns" in world.children())
    after = world.children()
    assert after["dns"] != before["dns"] and after["control"] == before["control"]
    assert world.run("status").returncode in (0, 10)


def test_invalid_configuration_changes_nothing(world):
    hash_before = config_hash(world)
    world.write(text="name: [\n")
    try:
        done = world.run("config", "apply", "--api", f"{API}:{API_PORT}", "--token-file", os.path.join(world.root, "token"))
        assert done.returncode == 8 and "holdfast.yaml:" in done.stderr
        os.kill(world.serve.pid, signal.SIGHUP)
        wait(lambda: "configuration not applied, the old one stays" in world.said())
        assert config_hash(world) == hash_before and answers() == [WEB["tokyo"]]
    finally:
        world.write(interval="500ms")


def config_hash(world):
    connection = http.client.HTTPConnection(API, API_PORT, timeout=10)
    connection.request("GET", "/v1/config", headers={"Authorization": "Bearer sesame"})
    return json.loads(connection.getresponse().read())["hash"]


def test_apply(world):
    before = config_hash(world)
    world.write(interval="600ms")
    done = world.run("config", "apply")
    assert done.returncode == 0 and done.stdout == "applied\n", done.stderr
    assert config_hash(world) != before
    wait(lambda: world.run("status").returncode in (0, 10))


def test_clean_end(world):
    """After a clean end nothing of the site is left."""
    children = world.children()
    world.serve.send_signal(signal.SIGTERM)
    assert world.serve.wait(60) == 0
    assert all(not os.path.exists(f"/proc/{pid}") for pid in children.values())
    done = world.run("status")
    assert done.returncode == 5 and "connection refused" in done.stderr
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        free.bind((API, API_PORT))
    world.serve = None


def process(pid, field, task=""):
    with open(f"/proc/{pid}{task}/status") as file:
        return next(line.split()[1] for line in file if line.startswith(field + ":"))


def stopped(pid):
    return all(process(pid, "State", "/task/" + task) == "T" for task in os.listdir(f"/proc/{pid}/task"))


def pending(pid):
    """Signals that wait for a process that is stopped."""
    mask = int(process(pid, "ShdPnd"), 16)
    return {number for number in range(1, 32) if mask >> (number - 1) & 1}


def test_ctrl_c_reaches_each_role_once(world):
    """The last one. The terminal sends it to all of them; a second signal would end a role's patience with its clients."""
    terminal, theirs = pty.openpty()
    with open(world.log, "ab") as log:
        world.serve = subprocess.Popen([HOLDFAST, "serve", "--site", "witness", "--config", world.config], stdin=theirs, stdout=log,
                                       stderr=log, env=world.env, start_new_session=True,
                                       preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
    wait(lambda: world.run("status").returncode in (0, 10) and answers())
    children = world.children()
    for pid in children.values():
        os.kill(pid, signal.SIGSTOP)
    wait(lambda: all(stopped(pid) for pid in children.values()))
    os.write(terminal, b"\x03")
    wait(lambda: all(signal.SIGINT in pending(pid) for pid in children.values()))
    time.sleep(0.2)  # several turns of the supervisor
    assert [pending(pid) for pid in children.values()] == [{signal.SIGINT}] * len(children)
    for pid in children.values():
        os.kill(pid, signal.SIGCONT)
    assert world.serve.wait(60) == 0
    assert all(not os.path.exists(f"/proc/{pid}") for pid in children.values())
    world.serve = None
    os.close(terminal)
    os.close(theirs)
