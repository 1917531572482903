# SPDX-License-Identifier: Apache-2.0
"""Holdfast for bench/ha: an agent on each data node, the controller on the witness, observer and SQL proxy beside the clients.

Profiles: `default` has the documented lease of 3 s, `fast` the shortest that is accepted; `every` that of 3 s again, with every
commit waiting for the set, so that nobody waits for it. Layout `near`: both nodes in one
region. Layout `regions`: each in a region of its own."""
import json
import os
import subprocess

from ha_net import wait
from ha_system import PGBIN, SETTINGS, System, http

CONFIG = """name: bench
security: {{ token: {{ file: {dir}/token }} }}
store: {{ kind: sqlite, path: {dir}/w/holdfast.db }}
regions:
{regions}sites:
{sites}  witness: {{ roles: [control], state_dir: {dir}/w, api: {{ listen: "{w}:7080" }} }}
databases:
  shop:
    lease: {lease}
    margin: {margin}
    heartbeat: {{ {heartbeat} }}
    tier1: true
    durability: {{ members: [a, b], required: 1, every_commit: {every} }}
    superuser: {{ name: postgres, password: {{ file: {dir}/superuser }} }}
    replication: {{ name: replicator, password: {{ file: {dir}/replication }} }}
    dbname: shop
    wal_segment: {segment}
    initial_writer: a
    nodes:
      a: {{ region: taiwan, agent: "{a}:7081", postgres: "{a}:5432", data: {dir}/a/pg, bin: {bin}, priority: 100 }}
      b: {{ region: {other}, agent: "{b}:7081", postgres: "{b}:5432", data: {dir}/b/pg, bin: {bin}, priority: 100 }}
    parameters: {{ {parameters} }}
checks:
  database-master:
    kind: postgres
    severity: critical
    layer: 1
    component: db
    interval: {interval}
    timeout: {timeout}
    failure_threshold: {threshold}
    success_threshold: 2
    targets: {{ {targets} }}
  clients:
    kind: tcp
    severity: critical
    layer: 1
    interval: {interval}
    timeout: {timeout}
    targets: {{ {places} }}
proxy:
  databases:
    shop: {{ database: shop, route: writer }}
policy: {{ profile: standard, cooldown: 10s, flapping_transitions: 1000 }}  # making the cluster is no flapping
"""
PROFILES = {
    "default": {"lease": "3s", "margin": "300ms", "interval": "1s", "timeout": "800ms", "threshold": 3, "segment": "16MB", "every": "false",
                "heartbeat": ""},
    "fast": {"lease": "500ms", "margin": "50ms", "interval": "200ms", "timeout": "150ms", "threshold": 2, "segment": "1MB", "every": "false",
             "heartbeat": ""},
    "every": {"lease": "3s", "margin": "300ms", "interval": "200ms", "timeout": "150ms", "threshold": 2, "segment": "1MB", "every": "true",
              "heartbeat": "period: 10ms, silence: 100ms"},
}
# Steps of a run by the phase they belong to; what is not named here lies outside the outage.
PHASES = {"FENCE": "fence", "HOLD": "hold", "STOP": "stop", "CATCH_UP": "catch up", "PROMOTE": "promote", "PROVE": "prove",
          "ROUTE_SQL": "route"}


class Holdfast(System):
    name, profiles, layout = "holdfast", ("default", "fast", "every"), "near"
    packages = ("postgresql-15",)

    def __init__(self, net, profile):
        super().__init__(net, profile)
        build = os.environ["HOLDFAST_BUILD"]
        self.program, self.token = os.path.join(build, "src", "bin", "holdfast"), os.urandom(16).hex()
        self.secret("token", self.token)
        self.secret("superuser", self.password)
        self.secret("replication", self.password)
        for name in ("token", "superuser", "replication"):
            self.give(name)
        for name in "abwc":
            self.folder(name)
        self.run_id, self.config = "", self.write("holdfast.yaml", self.yaml())

    def standby_site(self):
        return "tokyo" if self.layout == "regions" else "beside"

    def yaml(self):
        far = self.layout == "regions"
        names = ["taiwan", "tokyo"] if far else ["taiwan"]
        address = {name: self.node(name).address for name in "abwc"}
        regions = "".join("  %s: { backup: [%s], endpoints: { web: [ \"%s:80\" ] } }\n" % (
            name, ", ".join(n for n in names if n != name), address["c"]) for name in names)
        sites = "  taiwan: { region: taiwan, roles: [observer, proxy], state_dir: %s/c, beats: \"%s:7080\", proxy: { listen: [ \"%s:6432\" ] } }\n" % (
            self.dir, address["c"], address["c"])
        # Three places see: the witness, the clients', the standby's; so most of them know when the writer is cut from two.
        sites += "  %s: { region: %s, roles: [observer], state_dir: %s/b, beats: \"%s:7080\" }\n" % (
            self.standby_site(), names[-1], self.dir, address["b"])
        return CONFIG.format(dir=self.dir, bin=PGBIN, regions=regions, sites=sites, other="tokyo" if far else "taiwan",
                             parameters=", ".join("%s: \"%s\"" % pair for pair in SETTINGS.items()),
                             targets=", ".join("%s: { database: shop }" % name for name in names),
                             places=", ".join("%s: { address: \"%s:6432\" }" % (name, address["c"]) for name in names), **address, **PROFILES[self.profile])

    def agent(self, name):
        self.node(name).start([self.program, "agent", "--config", self.config, "--node", name, "--run-as", "postgres"], "agent-" + name)

    def serve(self, name, site):
        self.node(name).start([self.program, "serve", "--config", self.config, "--site", site], "serve-" + site)

    def up(self):
        done = subprocess.run([self.program, "config", "check", self.config], capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError("holdfast refuses the configuration: " + done.stdout + done.stderr)
        self.serve("w", "witness")
        self.serve("c", "taiwan")
        self.serve("b", self.standby_site())
        for name in "ab":
            self.agent(name)
        wait(lambda: self.writes("a"), 90, "a writes")
        wait(lambda: self.follows("b", "a"), 90, "b follows")
        wait(lambda: self.waits("a"), 60, "commits wait for b")
        wait(lambda: self.node("c").sql(self.clients()[0].replace("bench", "postgres"), "SELECT NOT pg_is_in_recovery()")[0][0], 30, "the proxy")
        wait(self.steady, 60, "the controller is content")

    def steady(self):
        status = self.api("/v1/status")
        database = status["databases"][0]
        kept = database.get("every_commit", {"kept": True})["kept"]
        return kept and database["writer"] == "a" and database["durability"]["required"] == 1 and all(region["state"] == "SERVING" for region in status["regions"])

    def clients(self):
        return ["host=%s port=6432 user=bench dbname=shop" % self.node("c").address]

    def api(self, path, body=None):
        witness = self.node("w")
        return witness.here(http, "http://%s:7080%s" % (witness.address, path), body, self.token)

    def switchover(self):
        target = "tokyo" if self.layout == "regions" else "taiwan"
        self.run_id = str(self.api("/v1/switchovers", {"source": "taiwan", "target": target, "reason": "bench", "who": "bench"})["run"])

    def revive(self, name):
        if name == "b" and self.layout == "regions":
            self.serve("b", "tokyo")
        self.agent(name)

    def runs(self):
        found = self.api("/v1/runs")["runs"]
        return [self.api("/v1/runs/%s" % run["id"]) for run in reversed(found)]

    def phases(self, fault_us, back_us):
        """Of the run that ended the outage."""
        runs = [run for run in self.runs() if run["began_boot_us"] > fault_us - 1000000]
        self.write("runs.json", json.dumps(runs, indent=1))
        if not runs:
            return None
        run, result, last = runs[0], {}, 0
        result["detect"] = max((run["evidence_boot_us"] or run["began_boot_us"]) - fault_us, 0)
        result["decide"] = run["began_boot_us"] - fault_us - result["detect"]
        last = run["began_boot_us"]
        for step in run["steps"]:
            if step["started_boot_us"] == 0 or step["started_boot_us"] > back_us:
                continue
            end = min(step["ended_boot_us"] or back_us, back_us)
            phase = PHASES.get(step["name"], "other steps")
            result["between"] = result.get("between", 0) + max(step["started_boot_us"] - last, 0)
            result[phase] = result.get(phase, 0) + end - step["started_boot_us"]
            last = end
        result["reconnect"] = back_us - last
        return result

    def logs(self):
        return [self.path(name, "pg.holdfast", "postgres.log") for name in "ab"]

    def settings(self):
        return dict(PROFILES[self.profile], layout=self.layout, clients="through holdfast proxy")


class HoldfastRegions(Holdfast):
    name, layout = "holdfast-regions", "regions"
