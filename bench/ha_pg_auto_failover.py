# SPDX-License-Identifier: Apache-2.0
"""pg_auto_failover for bench/ha: a keeper on each data node, the monitor on the witness, synchronous as it is by default.

Profile `default` has the documented defaults; `fast` the shortest health checks and timeouts with which it still keeps its
feet here (the manual names no minimum)."""
import os
import time

from ha_net import as_postgres, wait
from ha_system import PGBIN, SETTINGS, System

MONITOR = {  # parameters of the monitor's PostgreSQL, pgautofailover.*, milliseconds
    "default": {},
    "fast": {"health_check_period": 500, "health_check_timeout": 500, "health_check_max_retries": 1, "health_check_retry_delay": 500,
             "node_considered_unhealthy_timeout": 2000, "primary_demote_timeout": 1000, "startup_grace_period": 1000},
}
KEEPER = {  # pg_autoctl config set timeout.*, seconds
    "default": {},
    "fast": {"network_partition_timeout": 1, "prepare_promotion_catchup": 2, "prepare_promotion_walreceiver": 1,
             "postgresql_restart_failure_timeout": 1, "postgresql_restart_failure_max_retries": 1},
}
GRACE_S = 11  # startup_grace_period is 10 s by default: no failover before


class PgAutoFailover(System):
    name, profiles = "pg_auto_failover", ("default", "fast")
    packages = ("pg-auto-failover-cli", "postgresql-15-auto-failover", "postgresql-15")

    def __init__(self, net, profile):
        super().__init__(net, profile)
        self.calm_s = 6
        for name in "abw":
            self.folder(name)

    def environment(self, name):
        home = self.path(name)
        return {"PATH": PGBIN + ":/usr/bin:/bin:/usr/sbin:/sbin", "HOME": home, "XDG_CONFIG_HOME": home + "/config", "XDG_DATA_HOME":
                home + "/data", "XDG_RUNTIME_DIR": home + "/run", "LC_ALL": "C", "PGUSER": "postgres"}

    def call(self, name, *arguments):
        return self.node(name).run(as_postgres(["pg_autoctl"] + list(arguments)), env=self.environment(name))

    def keep(self, name):
        self.node(name).start(as_postgres(["pg_autoctl", "run", "--pgdata", self.path(name, "pg")]), "autoctl-" + name,
                              env=self.environment(name))

    def create(self, name):
        node, monitor = self.node(name), self.node("w").address
        self.call(name, "create", "postgres", "--pgdata", self.path(name, "pg"), "--pgport", "5432", "--hostname", node.address, "--name",
                  name, "--auth", "trust", "--no-ssl", "--dbname", "shop", "--monitor",
                  "postgres://autoctl_node@%s:5432/pg_auto_failover?sslmode=disable" % monitor)
        for key, value in KEEPER[self.profile].items():
            self.call(name, "config", "set", "--pgdata", self.path(name, "pg"), "timeout." + key, str(value))

    def configure(self, name, values):
        with open(self.path(name, "pg", "postgresql.conf"), "a", encoding="ascii") as file:
            file.write("".join("%s = '%s'\n" % pair for pair in values.items()))
        with open(self.path(name, "pg", "pg_hba.conf"), "a", encoding="ascii") as file:
            file.write("host all,replication all 10.77.0.0/24 trust\n")

    def up(self):
        self.call("w", "create", "monitor", "--pgdata", self.path("w", "pg"), "--pgport", "5432", "--hostname", self.node("w").address,
                  "--auth", "trust", "--no-ssl")
        self.configure("w", {"pgautofailover." + key: value for key, value in MONITOR[self.profile].items()})
        self.keep("w")
        began = time.monotonic()
        monitor = "host=%s user=autoctl_node dbname=pg_auto_failover" % self.node("w").address
        wait(lambda: self.node("w").sql(monitor, "SELECT 1"), 60, "the monitor")
        self.create("a")
        self.configure("a", SETTINGS)
        self.keep("a")
        wait(lambda: self.writes("a"), 60, "a writes")
        self.create("b")
        self.keep("b")
        wait(lambda: self.follows("b", "a"), 120, "b follows")
        wait(lambda: self.waits("a"), 120, "commits wait for b")
        wait(lambda: sorted(self.node("w").sql(monitor, "SELECT nodename, reportedstate::text, goalstate::text FROM pgautofailover.node"))
             == [("a", "primary", "primary"), ("b", "secondary", "secondary")], 60, "the monitor says so too")
        if self.profile == "default":
            time.sleep(max(began + GRACE_S - time.monotonic(), 0))

    def switchover(self):
        self.call("w", "perform", "switchover", "--pgdata", self.path("w", "pg"))

    def revive(self, name):
        self.keep(name)

    def logs(self):
        return [os.path.join(self.dir, name, "pg", "startup.log") for name in "ab"]

    def settings(self):
        return dict(MONITOR[self.profile], **KEEPER[self.profile], clients="each node in turn, target_session_attrs=read-write; trusted, no password")
