# SPDX-License-Identifier: Apache-2.0
"""The writer's node in trouble while clients write: its server, its agent killed, its agent frozen."""
import contextlib
import os
import signal
import subprocess
import urllib.error

import psycopg2
import pytest

from lab import API, HOLDFAST, MOVED, NODES, OPENER, Lab, alive, boot_us, wait

QUICK = [("cooldown: 30s", "cooldown: 1s\n  flapping_transitions: 100"), ("min_stable: 5s", "min_stable: 2s")]


@pytest.fixture(scope="module")
def lab():
    with Lab(*QUICK) as lab:
        lab.clients()
        lab.wait_healthy()
        lab.wait_member("tokyo-a")
        yield lab


def postgres_of(lab, node):
    """Every living PostgreSQL process of the node, by its data directory."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if (os.path.basename(os.readlink("/proc/%s/exe" % pid)) == "postgres" and
                    os.readlink("/proc/%s/cwd" % pid) == lab.data(node) and alive(int(pid))):
                found.append(int(pid))
        except OSError:
            continue
    return found


def served_again(lab, since):
    lab.wait_served(since)
    return lab.longest_silence_us(since - 1_000_000, boot_us())


def kept_directories(lab, node="pg-"):
    return [name for name in os.listdir(os.path.join(lab.dir, "taiwan")) if name.startswith(node) and ".kept-" in name]


def home(lab):
    """Everything back in taiwan, at once, and tokyo able to take over again."""
    if lab.writer() != "taiwan-a" or lab.share("taiwan") != 100:
        lab.wait_member("taiwan-a")
        assert lab.move("failback", target="taiwan", mode="emergency")["state"] in MOVED
    lab.wait_healthy()
    lab.wait_member("tokyo-a")


def test_postmaster_killed(lab):
    """Only the server is gone: it comes back in place, or its standby takes over; in both cases within seconds."""
    before = lab.run()["id"]
    since = boot_us()
    os.kill(lab.postmaster("taiwan-a"), signal.SIGKILL)
    silence = served_again(lab, since + 500_000)
    run = lab.run()
    if run["id"] > before:
        # Refused: it was back before the other could be asked.
        assert lab.wait_run(run["id"])["state"] in MOVED + ("refused",)
    lab.wait_healthy()
    lab.one_writer(lab.writer())
    lab.check_rows(lab.writer())
    print("postmaster killed: %s, writer %s, %d ms without an acknowledged tier-1 row" % (
        "restarted in place" if lab.writer() == "taiwan-a" else "failover", lab.writer(), silence // 1000))
    home(lab)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "frozen"])
def test_agent_of_the_writer(lab, number):
    before, epoch, kept = lab.run()["id"], lab.epoch(), kept_directories(lab, "pg-a")
    agent = lab.agent("taiwan-a")
    since = boot_us()
    os.kill(agent, number)
    wait(lambda: postgres_of(lab, "taiwan-a") == [], 60, "the fence process ends every PostgreSQL of the node", pause=0.02)
    fenced = boot_us()
    run = lab.wait_failover(before)
    assert run["state"] in MOVED, run
    silence = served_again(lab, since)
    print("agent %s: fenced after %d ms, %d ms without an acknowledged tier-1 row" % (
        number.name, (fenced - since) // 1000, silence // 1000))
    assert lab.epoch() > epoch
    lab.one_writer("tokyo-a")
    lab.check_rows("tokyo-a")
    if number == signal.SIGSTOP:
        os.kill(agent, signal.SIGCONT)
    lab.start_region("taiwan")
    lab.wait_healthy()
    lab.one_writer("tokyo-a")
    lab.check_rows("tokyo-a")
    # taiwan-b may have had more of it than tokyo: without a guard slot its directory is kept. The writer's is rewound.
    assert kept_directories(lab, "pg-a") == kept
    assert lab.sql("127.2.0.11", "SELECT state FROM holdfast.ledger_run WHERE node = 'taiwan-a' ORDER BY id DESC LIMIT 1") == [("complete",)]
    home(lab)


def serves_none(lab, host):
    try:
        return lab.sql(host, "SELECT to_regclass('only_here') IS NULL")[0][0]
    except psycopg2.OperationalError:
        return False  # it stops and is cloned


def test_diverged_rows_do_not_come_back(lab):
    """Commits that never left taiwan: both of its nodes have them, neither serves them again, and nothing is thrown away:
    they are in the ledger. The old writer is rewound; so is its standby, or it is kept, for it has no guard slot."""
    before, kept = lab.run()["id"], kept_directories(lab)
    with contextlib.closing(lab.connect("127.1.0.11")) as connection, connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = local")
        cursor.execute("SELECT pid FROM pg_stat_replication WHERE application_name LIKE 'tokyo%'")
        os.kill(cursor.fetchone()[0], signal.SIGSTOP)
        cursor.execute("CREATE TABLE only_here AS SELECT generate_series(1, 1000) AS n")
    wait(lambda: lab.sql("127.1.0.12", "SELECT to_regclass('only_here') IS NOT NULL")[0][0], 60, "taiwan-b has it")
    lab.kill_region("taiwan")
    run = lab.wait_failover(before)
    assert run["state"] in MOVED, run
    lab.start_region("taiwan")
    lab.wait_healthy()
    lab.one_writer("tokyo-a")
    lab.check_rows("tokyo-a")
    for host in NODES.values():
        wait(lambda: serves_none(lab, host), 60, host + " does not serve them")
    # The standby's directory is kept unless the old writer was home first and had brought all of it.
    incomplete = lab.sql("127.2.0.11", "SELECT count(*) FROM holdfast.ledger_run WHERE state = 'incomplete' AND node = 'taiwan-b' AND "
                                       "timeline = (SELECT max(timeline) FROM holdfast.ledger_run)")[0][0]
    assert len(kept_directories(lab)) == len(kept) + incomplete
    assert kept_directories(lab, "pg-a") == [name for name in kept if name.startswith("pg-a")]
    entries = lab.sql("127.2.0.11", "SELECT state, method, jsonb_array_length(changes), reason FROM holdfast.ledger_entry "
                                    "WHERE changes_count = 1000")
    assert len(entries) == 1 and entries[0][:3] == ("quarantined", "decode", 1000) and "schema" in entries[0][3], entries


def ledger_open(lab):
    with OPENER.open(API + "/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return next((float(line.split()[-1]) for line in lines if line.startswith('holdfast_ledger_open_entries{database="shop"}')), None)


def answered(lab, path, *body, code=200):
    """The answer, once it is this one: a writer that is slow to answer makes another."""
    def asked():
        status, answer = lab.call(path, *body, timeout=20)
        return status == code and "error" not in (answer.get("databases") or [{}])[0] and answer
    return wait(asked, 60, "%s gives %d" % (path, code))


def test_ledger_in_the_api_and_in_the_failback_guard(lab):
    """What the last test left in the ledger: listed in pages, shown, counted, in the way of a failback, and settled by a
    person's word."""
    kept = wait(lab.open_entries, 60, "the API lists what is open")
    pages, after = [], 0
    while after is not None:
        page = answered(lab, "/v1/ledger?database=shop&limit=1&after=%d" % after)["databases"][0]
        assert page["open"] == len(kept), page
        pages, after = pages + page["entries"], page["next"]
    assert pages == kept and all("changes" not in entry for entry in kept)
    assert len(answered(lab, "/v1/ledger?state=all&limit=1000")["databases"][0]["entries"]) >= len(kept)
    large = next(entry for entry in kept if entry["changes_count"] == 1000)
    entry = answered(lab, "/v1/ledger/%d" % large["id"])
    assert len(entry["changes"]) == 1000 and entry["run"]["node"] == "taiwan-a", entry
    for path, code in (("/v1/ledger/999999", 404), ("/v1/ledger/x", 404), ("/v1/ledger/1?database=nobody", 404), ("/v1/ledger?limit=0", 400),
                       ("/v1/ledger?limit=1001", 400), ("/v1/ledger?state=some", 400), ("/v1/ledger?database=nobody", 404),
                       ("/v1/ledger/1?dbname=nobody", 404)):
        answered(lab, path, code=code)
    with pytest.raises(urllib.error.HTTPError, match="401"):
        OPENER.open(API + "/v1/ledger", timeout=10)
    wait(lambda: ledger_open(lab) == len(kept), 60, "the metric")
    explain = [HOLDFAST, "explain", "--config", lab.config]
    wait(lambda: "%d transactions wait for a person; a failback is refused" % len(kept) in
         subprocess.run(explain, capture_output=True, text=True, timeout=60).stdout, 60, "explain says so")
    def dry():
        status, answer = lab.start_run("failback", target="taiwan", dry_run=True)
        return status == 200 and "TIER1_CONFLICTS_OPEN" in (answer.get("problem") or "") and answer
    answer = wait(dry, 90, "the guard speaks of the ledger")
    assert answer["would"] == "be refused" and "%d to resolve" % len(kept) in answer["problem"], answer

    resolve = "/v1/ledger/%d/resolve" % large["id"]
    answered(lab, resolve, {"resolution": "discard"}, code=400)  # a reason is needed
    answered(lab, resolve, {"resolution": "perhaps", "reason": "x"}, code=400)
    refused = answered(lab, resolve, {"resolution": "apply", "reason": "test"}, code=409)  # its table never came to be here
    assert refused["refused_by"] == "ledger", refused
    def settled():
        lab.settle_ledger()
        return lab.open_entries() == []
    wait(settled, 60, "nothing is open")
    assert answered(lab, "/v1/ledger/%d" % large["id"])["state"] == "discarded"
    answered(lab, resolve, {"resolution": "discard", "reason": "again"}, code=409)
    wait(lambda: ledger_open(lab) == 0, 60, "the metric again")
    wait(lambda: "TIER1" not in (lab.start_run("failback", target="taiwan", dry_run=True)[1] or {"problem": "TIER1"}).get("problem", ""), 60, "nor in the way")


def test_reinit_by_an_operator(lab):
    """A standby is cloned anew, its old directory kept; the writer is not, nor the one that tier-1 commits wait for."""
    def order(*words):
        done = subprocess.run([HOLDFAST, "agent", "reinit", "--config", lab.config, *words], capture_output=True, text=True, timeout=400)
        print(done.stdout, done.stderr)
        return done
    assert order("taiwan-a").returncode == 2, "a reason is needed"
    assert order("nobody", "--reason", "test", "--yes").returncode != 0
    writer = lab.writer()
    refused = order(writer, "--reason", "test", "--yes", "--force")
    assert refused.returncode == 3 and "it is the writer" in refused.stderr
    name = "taiwan-a" if writer != "taiwan-a" else "taiwan-b"
    def streams():
        nodes = {node["name"]: node for database in lab.status()["databases"] for node in database["nodes"]}
        return nodes.get(name, {}).get("receiving") and not lab.status().get("run")
    wait(streams, 240, name + " streams, and nothing is under way")
    asked = order(name, "--reason", "test", "--dry-run")  # one member is enough here, and this is it
    assert asked.returncode in (0, 3) and "tier 1" in asked.stdout
    before = kept_directories(lab)
    done = order(name, "--reason", "its disk was replaced", "--yes", "--force", "--wait", "--timeout", "5m")
    assert done.returncode == 0 and "streams again" in done.stderr
    assert len(kept_directories(lab)) == len(before) + 1, (before, kept_directories(lab))
    assert lab.writer() == writer
    events = lab.read("/v1/events", {"events": []})["events"]
    assert any("reinit of %s: ordered by" % name in event["text"] and "its disk was replaced" in event["text"] for event in events)
    lab.check_rows(writer)


def test_parameters_are_read_anew_and_a_restart_by_an_operator(lab):
    """What a reload can change counts at once on every node; what needs a restart is named until an operator orders one."""
    def node(name):
        return next((node for database in lab.status()["databases"] for node in database["nodes"] if node["name"] == name), {})

    def shown(name, setting):
        return lab.sql(NODES[name], "SHOW " + setting)[0][0]
    writer = lab.writer()
    name = next(name for name in NODES if name != writer)
    wait(lambda: node(name).get("receiving") and not lab.status().get("run"), 240, name + " streams, and nothing is under way")
    with open(lab.config) as file:
        text = file.read()
    try:
        with open(lab.config, "w") as file:
            file.write(text.replace('max_connections: "200"', 'max_connections: "210"\n      work_mem: 5MB'))
        for one in (writer, name):
            os.kill(lab.agent(one), signal.SIGHUP)
            wait(lambda one=one: shown(one, "work_mem") == "5MB", 60, "the new work_mem counts on " + one)
        wait(lambda: node(name).get("pending_restart") == "max_connections", 60, "max_connections waits for a restart")
        order = [HOLDFAST, "agent", "restart", "--config", lab.config, "--reason", "more connections", "--yes"]
        refused = subprocess.run(order + [writer, "--force"], capture_output=True, text=True, timeout=60)
        assert refused.returncode == 3 and "it is the writer" in refused.stderr, refused
        before = lab.postmaster(name)
        done = subprocess.run(order + [name, "--force", "--wait", "--timeout", "3m"], capture_output=True, text=True, timeout=240)
        assert done.returncode == 0 and "streams again" in done.stderr, done
        assert lab.postmaster(name) != before and shown(name, "max_connections") == "210"
        wait(lambda: node(name).get("pending_restart") == "", 60, "nothing waits any more")
        assert lab.writer() == writer and shown(writer, "max_connections") == "200"
        with open(lab.config, "w") as file:
            file.write(text.replace("databases:", "nonsense:"))
        os.kill(lab.agent(name), signal.SIGHUP)
        wait(lambda: "the configuration is refused" in lab.log(name.rsplit("-", 1)[0], "agent-" + name), 60, "a bad file changes nothing")
        assert shown(name, "work_mem") == "5MB"
    finally:
        with open(lab.config, "w") as file:
            file.write(text)
    lab.check_rows(writer)
