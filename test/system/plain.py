# SPDX-License-Identifier: Apache-2.0
"""A plain PostgreSQL, Redis and shop for the tests of the lab's own pieces; nothing of Holdfast is in the way."""
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time

import psycopg2

BUILD = os.path.abspath(os.environ.get("HOLDFAST_BUILD", os.path.join(os.path.dirname(__file__), "..", "..", "build")))
LAB = os.path.join(BUILD, "lab")
SQL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "lab", "shop.sql")
PGBIN = "/usr/lib/postgresql/15/bin"
PG, REDIS, WEB = 15432, 16379, 18081


def wait(condition, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError("did not come true in time")


def whole_lines(path):
    """Those that are written to their end, of a file that may not be there yet. Read in one piece: a line that grows meanwhile would
    be read as two."""
    try:
        with open(path) as file:
            return file.read().split("\n")[:-1]
    except FileNotFoundError:
        return []


def alive(pid):
    """Zombies count as gone."""
    try:
        with open("/proc/%s/stat" % pid) as file:
            return file.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def as_user():
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    entry = pwd.getpwnam("postgres")
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


class World:
    def __init__(self, address):
        self.address = address
        self.root = root = tempfile.mkdtemp(prefix="holdfast-plain-")
        os.chmod(root, 0o755)
        if os.geteuid() == 0:
            shutil.chown(root, "postgres", "postgres")
        self.data = os.path.join(root, "pg")
        self.env = dict(os.environ, PGPASSFILE=os.path.join(root, "pgpass"), LC_ALL="C")
        self.log = open(os.path.join(root, "log"), "ab")
        self.redis = self.shop = self.postgres = None
        self.spawned = []

    def run(self, *command, **more):
        subprocess.run(command, check=True, stdout=self.log, stderr=self.log, env=self.env, cwd=self.root, **more, **as_user())

    def spawn(self, *command):
        process = subprocess.Popen(command, stdout=self.log, stderr=self.log, env=self.env, cwd=self.root, **as_user())
        self.spawned.append(process)
        return process

    def start_postgres(self):
        self.postgres = self.spawn(f"{PGBIN}/postgres", "-D", self.data, "-h", self.address, "-p", str(PG), "-k", self.root,
                                   "-c", "fsync=off")
        wait(lambda: subprocess.call([f"{PGBIN}/pg_isready", "-q", "-h", self.address, "-p", str(PG)]) == 0)

    def start_redis(self):
        self.redis = self.spawn("redis-server", "--bind", self.address, "--port", str(REDIS), "--save", "", "--dir", self.root)

    def sql(self, text, fetch=True):
        connection = psycopg2.connect(host=self.address, port=PG, dbname="shop", user="postgres")
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(text)
            rows = cursor.fetchall() if fetch else None
        connection.close()
        return rows

    def start(self):
        self.run(f"{PGBIN}/initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "--no-sync")
        self.start_postgres()
        self.start_redis()
        psql = ["psql", "-q", "-v", "ON_ERROR_STOP=1", "-h", self.address, "-p", str(PG), "-U", "postgres"]
        self.run(*psql, "-d", "postgres", "-c", "CREATE DATABASE shop")
        with open(SQL, "rb") as script:
            self.run(*psql, "-d", "shop", "-v", "tier1_password=a", "-v", "tier2_password=b", stdin=script)
        self.shop = self.spawn(f"{LAB}/lab-shop", "--region", "taiwan", "--node", "shop-1", "--listen", f"{self.address}:{WEB}",
                               "--proxy", f"{self.address}:{PG}", "--database",
                               f"host={self.address} port={PG} dbname=shop user=shop_tier1", "--redis", f"{self.address}:{REDIS}")

    def end(self):
        for process in (self.shop, self.redis, self.postgres):
            if process is not None and process.poll() is None:
                process.send_signal(signal.SIGINT)
                try:
                    process.wait(30)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        for process in self.spawned:  # a test that failed leaves its clients
            if process.poll() is None:
                process.kill()
                process.wait()
        self.log.close()
        shutil.rmtree(self.root)
