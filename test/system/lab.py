# SPDX-License-Identifier: Apache-2.0
"""The real lab for the tests of the whole system: brought up in a directory of its own, asked over its API, always taken down."""
import collections
import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

import psycopg2

from plain import BUILD, alive, whole_lines

TOP = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
HOLDFAST = os.path.join(BUILD, "src", "bin", "holdfast")
BIN = os.path.join(BUILD, "lab")
API = "http://127.3.0.1:7080"
NODES = {"taiwan-a": "127.1.0.11", "taiwan-b": "127.1.0.12", "tokyo-a": "127.2.0.11"}
PROXIES = {"taiwan": "127.1.0.54", "tokyo": "127.2.0.54", "witness": "127.3.0.54"}
RESOLVERS = {"taiwan": "127.1.0.53", "tokyo": "127.2.0.53", "witness": "127.3.0.53"}
TABLES = ("orders", "payments", "inventory", "customers", "products", "ledger_probe")
MOVED = ("succeeded", "unproven")
ENDED = MOVED + ("compensated", "refused", "failed")
# Nothing of the lab is behind a proxy of the machine.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def wait(condition, seconds=60, what="", pause=0.1):
    """Polls until `condition` gives something true, and returns that. A server that cannot be asked has not said yes yet."""
    end, said = time.monotonic() + seconds, ""
    while time.monotonic() < end:
        try:
            value = condition()
        except psycopg2.OperationalError as error:
            value, said = None, str(error)
        if value:
            return value
        time.sleep(pause)
    raise AssertionError("did not come true in %d s: %s %s" % (seconds, what or getattr(condition, "__name__", ""), said))


def boot_us():
    """CLOCK_BOOTTIME, as in the clients' journal and in the steps of a run."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000


def children(pid):
    found = []
    with contextlib.suppress(OSError):
        for task in os.listdir("/proc/%d/task" % pid):
            with contextlib.suppress(OSError), open("/proc/%d/task/%s/children" % (pid, task)) as file:
                found += map(int, file.read().split())
    return found


def words(pid):
    try:
        with open("/proc/%d/cmdline" % pid, "rb") as file:
            return file.read().decode(errors="replace").split("\0")[:-1]
    except OSError:
        return []


def template(*changes):
    """The lab's configuration with (old, new) texts changed; each must be there."""
    with open(os.path.join(TOP, "lab", "holdfast.yaml.in")) as file:
        text = file.read()
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return text


def only(text, store):
    """Of the template's marked lines those of this store, as lab/up does it."""
    other = "etcd" if store == "sqlite" else "sqlite"
    return "".join(line.replace(" #" + store, "") for line in text.splitlines(True) if not line.endswith(" #%s\n" % other))


class Lab:
    count = 0
    patience_s = 15  # with a controller that does not answer
    # A stall of the machine is no loss of a right, and a slow second no failed application; what a test takes away, it takes for longer.
    calm = [("lease: 2s", "lease: 3s"), ("latency_limit: 300ms\n    failure_threshold: 3", "latency_limit: 300ms\n    failure_threshold: 6")]

    store = "sqlite"  # one controller: the quicker lab
    net = "127"       # the first number of every address
    api = API

    def __init__(self, *changes):
        Lab.count += 1
        self.dir = "/tmp/holdfast-test-%d-%d" % (os.getpid(), Lab.count)
        self.config = os.path.join(self.dir, "holdfast.yaml")
        self.scratch = tempfile.mkdtemp(prefix="holdfast-system-")
        if os.geteuid() == 0:
            shutil.chown(self.scratch, "postgres", "postgres")
        self.env = dict(os.environ, LAB_DIR=self.dir, BUILD=BUILD, LAB_WAIT="60")
        self.env["LAB_CONFIG"] = os.path.join(self.scratch, "holdfast.yaml.in")
        with open(self.env["LAB_CONFIG"], "w") as file:
            file.write(template(*self.calm, *changes).replace("@SCRATCH@", self.scratch))
        self.journals = 0
        self.journal = None

    def write(self, name, text):
        """A file that the lab's user can read and nobody else; @SCRATCH@ in the configuration is its directory."""
        path = os.path.join(self.scratch, name)
        with open(path, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            file.write(text)
        if os.geteuid() == 0:
            shutil.chown(path, "postgres", "postgres")

    def __enter__(self):
        try:
            self.script("up", "--store", self.store, str(os.getpid()))
        except BaseException:
            self.keep_logs()
            self.down()
            raise
        return self

    def __exit__(self, *failure):
        if failure[0] is not None:
            self.keep_logs()
        self.down()

    def down(self):
        for pid in self.pids():
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGCONT)
        self.script("down", check=False)
        shutil.rmtree(self.scratch, ignore_errors=True)
        shutil.rmtree(self.dir + ".failed", ignore_errors=True)

    def keep_logs(self):
        """Beside the build, for a look at what went wrong."""
        kept = os.path.join(BUILD, "system-logs", os.path.basename(self.dir))
        shutil.rmtree(kept, ignore_errors=True)
        logs = next((path for path in (self.dir + "/log", self.dir + ".failed") if os.path.isdir(path)), None)
        if logs is None:
            return
        shutil.copytree(logs, kept)
        if self.journal and os.path.exists(self.journal):
            shutil.copy(self.journal, kept)
        for node, host in NODES.items():
            with contextlib.suppress(OSError):
                shutil.copy(self.data(node) + ".holdfast/postgres.log", os.path.join(kept, node + "-postgres.log"))
            with contextlib.suppress(psycopg2.Error, OSError), open(os.path.join(kept, node + "-activity"), "w") as file:
                for row in self.sql(host, "SELECT pid, usename, state, wait_event, backend_start, query FROM pg_stat_activity"):
                    print(*row, file=file)
                print(*self.sql(host, "SHOW synchronous_standby_names"), file=file)
        print("logs of the lab:", kept)

    # ---- scripts and processes ----

    def script(self, name, *arguments, check=True, timeout=420):
        done = subprocess.run([os.path.join(TOP, "lab", name), *arguments], env=self.env, capture_output=True, text=True,
                              timeout=timeout, cwd="/")
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def kill_region(self, region):
        """Returns the instant before, in us of CLOCK_BOOTTIME."""
        return int(self.script("region", "kill", region).stdout.split()[0])

    def start_region(self, region):
        self.script("region", "start", region)

    def keeper(self, *arguments, check=True):
        done = subprocess.run([os.path.join(BIN, "lab-keeper"), "send", self.dir, *arguments], capture_output=True, text=True,
                              timeout=120)
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def services(self, region):
        """name -> pid of the services that run."""
        rows = [line.split() for line in self.keeper(region, "list").splitlines()]
        return {row[1]: int(row[3]) for row in rows if len(row) == 4 and row[2] == "pid"}

    def pids(self):
        found = []
        for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
            if any(self.dir + "/" in word for word in words(pid)):
                found.append(pid)
        return found

    def role(self, site, role):
        """The pid of a role of the site's supervisor; 0 while there is none."""
        for pid in children(self.services(site).get("holdfast", 0)):
            if words(pid)[2:4] == ["--role", role]:
                return pid
        return 0

    def kill_role(self, site, role):
        pid = wait(lambda: self.role(site, role), 30, role)
        os.kill(pid, signal.SIGKILL)
        return pid

    def agent(self, node):
        return self.services(node.rsplit("-", 1)[0])["agent-" + node]

    def postmaster(self, node):
        with open(os.path.join(self.data(node), "postmaster.pid")) as file:
            return int(file.readline())

    def data(self, node):
        region, letter = node.rsplit("-", 1)
        return os.path.join(self.dir, region, "pg-" + letter)

    def log(self, region, service):
        with open(os.path.join(self.dir, "log", "%s-%s.log" % (region, service)), errors="replace") as file:
            return file.read()

    # ---- the controller ----

    def secret(self, name):
        with open(os.path.join(self.dir, "secret", name)) as file:
            return file.read().strip()

    def call(self, path, body=None, timeout=5):
        """(status, JSON); (0, None) when nobody answers."""
        request = urllib.request.Request(self.api + path, None if body is None else json.dumps(body).encode(), {
            "Authorization": "Bearer " + self.secret("token"), "Content-Type": "application/json"})
        try:
            with OPENER.open(request, timeout=timeout) as answer:
                text = answer.read()
                return answer.status, json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"null")
        except (OSError, ValueError, urllib.error.URLError):
            return 0, None

    def read(self, path, otherwise):
        """What the controller says there. One that does not answer at once is asked again: it may have been killed, or be slow."""
        end = time.monotonic() + self.patience_s
        while True:
            status, answer = self.call(path)
            if status == 200:
                return answer
            if time.monotonic() > end:
                return otherwise
            time.sleep(0.05)

    def status(self):
        return self.read("/v1/status", {"regions": [], "databases": [], "sites": []})

    def region(self, name):
        return next((region for region in self.status()["regions"] if region["name"] == name), {})

    def writer(self):
        return next((database["writer"] for database in self.status()["databases"]), None)

    def wait_member(self, node, seconds=180):
        """Until the node's word is waited for at each tier-1 commit: only such a node may take over."""
        wait(lambda: any(node in database["durability"]["members"] and database["durability"]["required"] > 0
                         for database in self.status()["databases"]), seconds,
             node + " is a member of the durability set")

    def epoch(self):
        return wait(lambda: [database["epoch"] for database in self.status()["databases"]], 30)[0]

    def share(self, name):
        return wait(lambda: self.region(name), 30)["share_percent"]

    def healthy(self):
        """All checks pass, every node streams or writes, every site is heard, nothing is under way."""
        status = self.status()
        return (bool(status["regions"]) and all(region["checks_failed"] == 0 and region["healthy"] for region in status["regions"]) and
                all(site["alive"] for site in status["sites"]) and not status["run"] and
                all(node["alive"] and node["running"] and (node["role"] == "writer" or node["receiving"])
                    for node in status["databases"][0]["nodes"]))

    def wait_healthy(self, seconds=240):
        try:
            wait(self.healthy, seconds, "everything healthy")
        except AssertionError as error:
            raise AssertionError("%s\n%s" % (error, json.dumps(self.status(), indent=1))) from None

    def run(self, number=None):
        """The newest run, or the one with this number."""
        runs = self.read("/v1/runs", {"runs": []})["runs"]
        runs = [run for run in runs if number in (None, run["id"])]
        return max(runs, key=lambda run: run["id"], default={"id": 0, "state": "none", "kind": "none", "steps": []})

    def wait_run(self, number, states=ENDED, seconds=120):
        """Until this run is in one of these states, and returns it."""
        def reached():
            run = self.run(number)
            return run if run["state"] in states else None
        try:
            return wait(reached, seconds)
        except AssertionError:
            raise AssertionError("run %s is not %s in %d s: %s" % (
                number, states, seconds, json.dumps(self.run(number), indent=1))) from None

    def wait_new_run(self, after, kind="failover", seconds=120):
        return wait(lambda: [run for run in [self.run()] if run["id"] > after and run["kind"] == kind], seconds,
                    "a " + kind + " begins")[0]["id"]

    def wait_failover(self, after, seconds=150):
        """The run that moves the service by itself, and its end. A refused one is no end: where the target's reports are old on a
        busy machine, the controller refuses and tries again."""
        def ended():
            runs = [run for run in self.read("/v1/runs", {"runs": []})["runs"] if run["id"] > after and run["kind"] == "failover"]
            return [run for run in runs if run["state"] in ENDED and run["state"] != "refused"]
        try:
            return wait(ended, seconds)[-1]
        except AssertionError:
            raise AssertionError("no failover has ended: %s" % json.dumps(self.run(), indent=1)) from None

    def start_run(self, kind, **more):
        return self.call("/v1/%ss" % kind, dict({"reason": "system test", "who": "test"}, **more))

    def would(self, kind, **more):
        """What a dry run says: ("start" or "be refused", why); ("", "") while nobody answers."""
        status, answer = self.start_run(kind, dry_run=True, **more)
        return (answer["would"], answer.get("problem", "")) if status == 200 else ("", "")

    def wait_fit(self, kind, **more):
        """Until such a run would not be refused: a controller that has just started, or a standby that was busy, is not ready for it.
        A failback waits for the ledger: somebody says that what the clients have sent again is not needed."""
        def fit():
            if kind == "failback":
                self.settle_ledger()
            return self.would(kind, **more)[0] == "start"
        wait(fit, 60, "a %s would start" % kind)

    def begin(self, kind, **more):
        """Starts a run that must not be refused; its number."""
        self.wait_fit(kind, **more)
        status, answer = self.start_run(kind, **more)
        assert status == 202, "%s: %s %s\n%s" % (kind, status, answer, json.dumps(self.run(), indent=1))
        return answer["run"]

    def open_entries(self):
        """What waits for a person in the ledger of the shop; None while it cannot be asked."""
        status, answer = self.call("/v1/ledger?database=shop&limit=1000", timeout=20)
        return answer["databases"][0].get("entries") if status == 200 else None

    def settle_ledger(self):
        """A person's word, as a failback wants it: what the clients have sent again meanwhile is not needed."""
        for entry in self.open_entries() or []:
            self.call("/v1/ledger/%d/resolve" % entry["id"], {"resolution": "discard", "reason": "system test", "who": "test"}, 20)

    def tell_run(self, number, what):
        """Approves or aborts a run."""
        status, answer = self.call("/v1/runs/%d/%s" % (number, what), {"reason": "system test", "who": "test"})
        assert status == 202, "%s of run %d: %s %s\n%s" % (what, number, status, answer, json.dumps(self.run(number), indent=1))

    def move(self, kind, **more):
        """Starts a run, again while validation refuses it (reports of standbys are a moment old), and waits for its end."""
        def moved():
            status, answer = self.start_run(kind, **more)
            run = self.wait_run(answer["run"]) if status == 202 else {"state": "none"}
            return run if run["state"] not in ("none", "refused") else None
        return wait(moved, 60, "a %s begins" % kind, pause=0.5)

    def events(self, after=0):
        return self.read("/v1/events?after=%d" % after, {"events": []})["events"]

    def newest_event(self):
        return max([event["number"] for event in self.read("/v1/events", {"events": []})["events"]], default=0)

    # ---- databases and clients ----

    def at(self, host):
        return host.replace("127.", self.net + ".", 1)

    def connect(self, host, port=5432, user="postgres", timeout=3):
        secrets = {"postgres": "pg-superuser", "shop_tier1": "tier1", "shop_tier2": "tier2"}
        connection = psycopg2.connect(host=self.at(host), port=port, user=user, password=self.secret(secrets[user]), dbname="shop",
                                      connect_timeout=timeout)
        connection.autocommit = True
        return connection

    def sql(self, host, text, *arguments, port=5432, user="postgres"):
        with contextlib.closing(self.connect(host, port, user)) as connection, connection.cursor() as cursor:
            cursor.execute(text, arguments)
            return cursor.fetchall() if cursor.description else []

    def writes(self, site):
        """Whether a tier-1 row gets in through the proxy of the site."""
        try:
            self.sql(PROXIES[site], "INSERT INTO ledger_probe (key, client_id) VALUES (%s, 'test')", "test-%d" % boot_us(),
                     port=6432, user="shop_tier1")
            return True
        except psycopg2.Error:
            return False

    def beside(self, node):
        """Where nothing is cut between the node and who asks it."""
        return contextlib.nullcontext()

    def is_writer(self, node):
        with self.beside(node), contextlib.suppress(psycopg2.Error):
            return not self.sql(NODES[node], "SELECT pg_is_in_recovery()")[0][0]
        return False

    def writers(self):
        """The nodes whose server is not in recovery. They are asked one after the other, so the first may have been fenced when
        the second says that it writes: where several say so, only who says it twice counts."""
        found = [node for node in NODES if self.is_writer(node)]
        return found if len(found) < 2 else [node for node in found if self.is_writer(node)]

    def as_client(self):
        """User and first words of a client's command."""
        return ["postgres" if os.geteuid() == 0 else "-"]

    def homes(self):
        return (("taiwan", "127.1"), ("tokyo", "127.2"))

    def clients(self, http=60, sql=40):
        """Starts the lab's clients; from now on `journal` is theirs."""
        self.journals += 1
        self.journal = os.path.join(self.dir, "clients", "journal-%d" % self.journals)
        homes = [word for region, prefix in self.homes()
                 for word in ("--home", "%s,%s,60,4,%s:6432" % (region, prefix, self.at(PROXIES[region])))]
        resolvers = [word for address in RESOLVERS.values() for word in ("--dns", self.at(address) + ":5353")]
        self.keeper("clients", "start", "load-%d" % self.journals, *self.as_client(), "env", "PGPASSFILE=%s/secret/pgpass" % self.dir,
                    BIN + "/lab-client", "--journal", self.journal, "--run", "r%d" % self.journals, *homes, *resolvers,
                    "--name", "www.example.test", "--port", "8080", "--http-rate", str(http), "--sql-rate", str(sql))
        self.wait_served()

    def stop_clients(self):
        self.keeper("clients", "stop", "load-%d" % self.journals)

    def attempts(self):
        """What the clients journaled so far; the last line may be half written."""
        return [json.loads(line) for line in whole_lines(self.journal)]

    def acknowledged(self, since_us, path=None, tier=None):
        return [entry for entry in self.attempts() if entry["outcome"] == "ok" and entry["end"] > since_us and
                path in (None, entry["path"]) and tier in (None, entry["tier"])]

    def wait_served(self, since_us=None, seconds=120):
        """Until clients of both homes are acknowledged on both paths."""
        since_us = boot_us() if since_us is None else since_us
        wanted = {(path, home) for path in ("http", "sql") for home in ("taiwan", "tokyo")}
        wait(lambda: {(entry["path"], entry["home"]) for entry in self.acknowledged(since_us)} == wanted, seconds,
             "clients of both homes are served")

    def outcomes(self, from_us, until_us):
        return collections.Counter(entry["outcome"] for entry in self.attempts() if from_us <= entry["end"] < until_us)

    def longest_silence_us(self, from_us, until_us, path="sql"):
        times = sorted(entry["end"] for entry in self.acknowledged(from_us, path, tier=1) if entry["end"] < until_us)
        times = [from_us] + times + [until_us]
        return max(after - before for before, after in zip(times, times[1:]))

    def check_rows(self, node):
        """Every tier-1 row that a client had acknowledged is on the node. Returns the verdict's figures."""
        path = os.path.join(self.scratch, "rows")
        # The journal first: what is acknowledged afterwards is not asked for.
        with open(path + ".journal", "w") as copy:
            copy.writelines(line + "\n" for line in whole_lines(self.journal))
        with open(path, "w") as file:
            for table in TABLES:
                file.writelines("%s\t%s\n" % (table, key) for key, in self.sql(NODES[node], "SELECT key FROM " + table))
        done = subprocess.run([BIN + "/lab-verdict", "rows", path + ".journal", path, path + ".json"], capture_output=True, text=True,
                              timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        with open(path + ".json") as file:
            rows = json.load(file)["rows"]
        assert rows["tier1_missing"] == 0 and rows["tier1_acknowledged"] > 0, rows
        return rows

    def one_writer(self, node):
        """The node is the only server that writes, and its epoch the only right; the controller hears of it a moment later, and
        one that has just started first has to be told."""
        found = self.writers()
        assert set(found) <= {node}, "%s write, %s was to: %s" % (found, node, json.dumps(self.run(), indent=1))
        wait(lambda: self.writers() == [node], 60, node + " writes, and nobody else")

        def known():
            nodes = self.status()["databases"][0]["nodes"]
            return [entry["name"] for entry in nodes if entry["alive"] and entry["lease"]] == [node] and self.writer() == node
        wait(known, 60, node + " has the only right, as the controller knows")
