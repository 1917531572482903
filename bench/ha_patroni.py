# SPDX-License-Identifier: Apache-2.0
"""Patroni with etcd (v3) for bench/ha: Patroni beside each data node, one etcd member on the witness, synchronous mode.

Profile `default` has the documented defaults, `fast` the documented minimum of the timings (dynamic_configuration.rst)
and no restart in place. `patroni-haproxy`: clients through HAProxy on their own machine with the health check of Patroni's
haproxy.cfg; in the fast profile HAProxy asks five times a second."""
import json

from ha_net import as_postgres, wait
from ha_system import PGBIN, SETTINGS, System, http

PROFILES = {
    "default": {"ttl": 30, "loop_wait": 10, "retry_timeout": 10},
    "fast": {"ttl": 20, "loop_wait": 1, "retry_timeout": 3, "primary_start_timeout": 0},
}
HAPROXY = {"default": "inter 3s fall 3 rise 2", "fast": "inter 200ms fall 2 rise 1"}
CONFIG = """global
    maxconn 2000
defaults
    mode tcp
    retries 2
    timeout client 30m
    timeout connect 4s
    timeout server 30m
    timeout check 5s
listen primary
    bind {c}:5000
    option httpchk OPTIONS /primary
    http-check expect status 200
    default-server {check} on-marked-down shutdown-sessions
    server a {a}:5432 maxconn 1000 check port 8008
    server b {b}:5432 maxconn 1000 check port 8008
"""


class Patroni(System):
    name, profiles = "patroni", ("default", "fast")
    packages = ("patroni", "etcd-server", "postgresql-15")

    def __init__(self, net, profile):
        super().__init__(net, profile)
        self.calm_s = 4 + PROFILES[profile]["loop_wait"]
        for name in "abw":
            self.folder(name)
        for name in "ab":
            self.secret("patroni-%s.secret" % name, json.dumps(self.config(name)))  # JSON is YAML
            self.give("patroni-%s.secret" % name)

    def config(self, name):
        address = self.node(name).address
        return {
            "scope": "shop", "name": name,
            "restapi": {"listen": address + ":8008", "connect_address": address + ":8008"},
            "etcd3": {"hosts": [self.node("w").address + ":2379"]},
            "bootstrap": {
                "dcs": dict(PROFILES[self.profile], maximum_lag_on_failover=1048576, synchronous_mode=True, postgresql={
                    "use_pg_rewind": True, "use_slots": True, "parameters": dict(SETTINGS, wal_keep_size="64MB")}),
                "initdb": [{"encoding": "UTF8"}, {"locale": "C"}, "data-checksums"],
            },
            "postgresql": {
                "listen": address + ":5432", "connect_address": address + ":5432", "data_dir": self.path(name, "pg"),
                "bin_dir": PGBIN, "pgpass": self.path(name, "pgpass"),
                "authentication": {who: {"username": user, "password": self.password} for who, user in (
                    ("superuser", "postgres"), ("replication", "replicator"), ("rewind", "rewinder"))},
                "parameters": {"unix_socket_directories": self.path(name)},
                "pg_hba": ["local all all trust", "host all all 10.77.0.0/24 scram-sha-256",
                           "host replication replicator 10.77.0.0/24 scram-sha-256"]},
        }

    def patroni(self, name):
        self.node(name).start(as_postgres(["patroni", self.path("patroni-%s.secret" % name)]), "patroni-" + name)

    def rest(self, name, path, body=None, seconds=5):
        node = self.node(name)
        return node.here(http, "http://%s:8008%s" % (node.address, path), body, None, seconds)

    def up(self):
        witness = self.node("w")
        here = "http://%s:2379" % witness.address
        witness.start(as_postgres(["etcd", "--name", "w", "--data-dir", self.path("w", "etcd"), "--listen-client-urls", here,
                                   "--advertise-client-urls", here, "--listen-peer-urls", "http://127.0.0.1:2380",
                                   "--initial-advertise-peer-urls", "http://127.0.0.1:2380", "--initial-cluster",
                                   "w=http://127.0.0.1:2380"]), "etcd")
        wait(lambda: witness.here(http, here + "/health")["health"] == "true", 30, "etcd")
        self.patroni("a")
        wait(lambda: self.sql_of("a", "SELECT NOT pg_is_in_recovery()")[0][0], 120, "a writes")
        self.patroni("b")
        self.sql_of("a", "CREATE DATABASE shop")
        wait(lambda: self.follows("b", "a"), 120, "b follows")
        wait(lambda: self.waits("a"), 60, "commits wait for b")
        wait(lambda: [(m["name"], m["role"], m["state"]) for m in sorted(self.rest("a", "/cluster")["members"], key=lambda m: m["name"])]
             == [("a", "leader", "running"), ("b", "sync_standby", "running")], 60, "Patroni says so too")

    def sql_of(self, name, text):
        return self.node(name).sql("host=%s user=postgres dbname=postgres" % self.node(name).address, text)

    def switchover(self):
        self.rest("a", "/switchover", {"leader": "a", "candidate": "b"}, 120)

    def revive(self, name):
        self.patroni(name)

    def settings(self):
        return dict(PROFILES[self.profile], synchronous_mode="on", clients="each node in turn, target_session_attrs=read-write")


class PatroniHaproxy(Patroni):
    name = "patroni-haproxy"
    packages = Patroni.packages + ("haproxy",)

    def up(self):
        super().up()
        path = self.write("haproxy.cfg", CONFIG.format(check=HAPROXY[self.profile], **{n: self.node(n).address for n in "abc"}))
        self.node("c").start(as_postgres(["/usr/sbin/haproxy", "-db", "-f", path]), "haproxy")
        wait(lambda: self.node("c").sql(self.clients()[0].replace("bench", "postgres"), "SELECT NOT pg_is_in_recovery()")[0][0], 60, "HAProxy")

    def clients(self):
        return ["host=%s port=5000 user=bench dbname=shop" % self.node("c").address]

    def settings(self):
        return dict(super().settings(), clients="through HAProxy, " + HAPROXY[self.profile])
