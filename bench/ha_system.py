# SPDX-License-Identifier: Apache-2.0
"""What bench/ha wants of every system: two data nodes a and b, a witness w, and the clients' machine c."""
import json
import os
import pwd
import secrets
import urllib.error
import urllib.request

from ha_net import wait

PGBIN = "/usr/lib/postgresql/15/bin"
SETTINGS = {"shared_buffers": "32MB", "max_connections": "1000", "max_wal_size": "256MB"}  # the same for all: servers share a machine, and clients that gave up leave sessions behind


def debian(package):
    """The version Debian installed; None: it is not there."""
    path = "/var/lib/dpkg/info/" + package
    if not any(os.path.exists(path + ending) for ending in (".list", ":amd64.list", ":arm64.list")):
        return None
    with open("/var/lib/dpkg/status", encoding="utf-8") as file:
        for block in file.read().split("\n\n"):
            if block.startswith("Package: %s\n" % package):
                return next((line[9:] for line in block.splitlines() if line.startswith("Version: ")), None)
    return None


def http(url, body=None, token=None, seconds=5, method=None):
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = "Bearer " + token
    request = urllib.request.Request(url, headers=headers, data=None if body is None else json.dumps(body).encode(), method=method)
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=seconds) as answer:
            text = answer.read().decode()
    except urllib.error.HTTPError as error:
        raise RuntimeError("%s: %d %s" % (url, error.code, error.read().decode(errors="replace")[:400])) from error
    try:
        return json.loads(text)
    except ValueError:
        return text


class System:
    """One cluster of one system, made for one fault and thrown away after it."""
    profiles = ()
    packages = ()
    name = ""

    calm_s = 4  # nothing changes by itself any more after so long

    def __init__(self, net, profile):
        self.net, self.profile, self.dir = net, profile, net.dir
        for number, name in enumerate("abwc"):
            net.add(name, 11 + number)
        self.password = secrets.token_hex(12)
        self.secret("pgpass", "*:*:*:*:" + self.password)
        os.environ["PGPASSFILE"] = self.path("pgpass")

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def secret(self, name, text):
        """A file that root and PostgreSQL's account can read, and nobody else."""
        with open(self.path(name), "w", encoding="ascii", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            file.write(text + "\n")
        return self.path(name)

    def folder(self, name):
        os.mkdir(self.path(name), 0o700)
        self.give(name)
        return self.path(name)

    def give(self, name):
        user = pwd.getpwnam("postgres")
        os.chown(self.path(name), user.pw_uid, user.pw_gid)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        self.give(name)
        return self.path(name)

    def node(self, name):
        return self.net.nodes[name]

    # What each system says of itself.

    def up(self):
        """Ready: a writes, b acknowledges (or follows, where commits do not wait), clients get through."""
        raise NotImplementedError

    def admin(self, name):
        """Connection string to one node itself."""
        return "host=%s port=5432 user=postgres dbname=shop" % self.node(name).address

    def clients(self):
        """Connection strings that the client tries in turn."""
        return ["host=%s port=5432 user=bench dbname=shop target_session_attrs=read-write" % self.node(name).address
                for name in "ab"]

    def switchover(self):
        raise NotImplementedError

    def revive(self, name):
        """Power is back on a killed node: what the machine starts at boot."""
        raise NotImplementedError

    def phases(self, fault_us, back_us):
        """Where the time went, name -> microseconds, as the system's own record tells; None: it keeps none."""
        return None

    def settings(self):
        return {}

    def logs(self):
        """Logs that do not lie in the cell's own directory."""
        return []

    # The same for all.

    def sql(self, name, text):
        return self.node(name).sql(self.admin(name), text)

    def writes(self, name):
        try:
            return self.sql(name, "SELECT NOT pg_is_in_recovery()")[0][0]
        except Exception:  # pylint: disable=broad-except
            return False

    def writers(self):
        return [name for name in "ab" if self.writes(name)]

    def follows(self, name, writer):
        rows = self.sql(writer, "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND application_name <> 'pg_basebackup'")
        return rows[0][0] > 0 and self.sql(name, "SELECT pg_is_in_recovery()")[0][0]

    def waits(self, name):
        """Whether commits on this node wait for a standby."""
        return self.sql(name, "SELECT count(*) FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')")[0][0] > 0

    def table(self, name):
        """The clients' table, and their role: its commits wait for the standby (where a standby is waited for at all)."""
        wait(lambda: self.sql(name, "CREATE ROLE bench LOGIN PASSWORD '%s'" % self.password) == [], 30, "the clients' role")
        self.sql(name, "ALTER ROLE bench SET synchronous_commit = 'on'")
        self.sql(name, "CREATE TABLE ha_row (n bigint PRIMARY KEY, at timestamptz DEFAULT clock_timestamp())")
        self.sql(name, "GRANT INSERT, SELECT ON ha_row TO bench")

    def rows(self, name):
        return {row[0] for row in self.sql(name, "SELECT n FROM ha_row")}
