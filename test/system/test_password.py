# SPDX-License-Identifier: Apache-2.0
"""A password that the server does not take: it is said where people look, nothing moves, nothing is lost, and with the right
one everything goes on by itself."""
import contextlib
import os
import signal
import subprocess
import time

import pytest

from lab import HOLDFAST, NODES, Lab, wait

NEW = "another-password-than-before"


@pytest.fixture(scope="module")
def lab():
    with Lab() as lab:
        lab.clients()
        lab.wait_healthy()
        lab.wait_member("tokyo-a")
        yield lab


def run(connection, text, *arguments):
    with connection.cursor() as cursor:
        cursor.execute(text, arguments)
        return cursor.fetchall() if cursor.description else []


def everywhere(lab, stack):
    """A session with each node, opened while the password is right."""
    return {node: stack.enter_context(contextlib.closing(lab.connect(host))) for node, host in NODES.items()}


def verdicts(lab):
    """region -> (verdict, error) of the check of the database's writer or standby there."""
    checks = lab.read("/v1/health", {"checks": []})["checks"]
    return {check["region"]: (check["verdict"], check["error"]) for check in checks if check["check"] == "database-master"}


def said_by(lab, *words):
    done = subprocess.run([HOLDFAST, *words], env=dict(lab.env, HOLDFAST_CONFIG=lab.config), capture_output=True, text=True, timeout=30)
    return done.stdout + done.stderr


def check_quiet(lab, before):
    """Nothing was moved, and it is still the same server that writes."""
    lab.wait_served()
    assert lab.run()["id"] == before[0] and lab.writer() == "taiwan-a" and lab.epoch() == 1
    assert lab.postmaster("taiwan-a") == before[1]


def refuse(sessions, password):
    """The server's password is another one from now on, for the probes too: they have to log in anew, also those that were just
    logging in when it changed."""
    run(sessions["taiwan-a"], "ALTER ROLE postgres PASSWORD %s", password)
    wait(lambda: all(run(session, "SELECT rolpassword FROM pg_authid WHERE rolname = 'postgres'") ==
                     run(sessions["taiwan-a"], "SELECT rolpassword FROM pg_authid WHERE rolname = 'postgres'")
                     for session in sessions.values()), 20, "every node has it")


def both_unknown(lab, sessions):
    for session in sessions.values():
        run(session, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'holdfast probe'")
    return set(verdicts(lab).values()) == {("UNKNOWN", "authentication failed")}


def test_superuser(lab):
    before = lab.run()["id"], lab.postmaster("taiwan-a")
    with contextlib.ExitStack() as stack:
        sessions = everywhere(lab, stack)
        refuse(sessions, NEW)
        wait(lambda: both_unknown(lab, sessions), 60, "both are unknown", pause=0.5)
        time.sleep(5)  # far more than a decision takes
        assert "FAILED" not in {verdict for verdict, _ in verdicts(lab).values()}
        health = said_by(lab, "health")
        print(health)
        assert 'password authentication failed for user "postgres"' in health and "databases.shop.superuser" in health
        assert "refuses the observers' password" in lab.log("witness", "holdfast")
        check_quiet(lab, before)
        # The right one in the file, and a signal: no restart.
        right = lab.secret("pg-superuser")
        path = os.path.join(lab.dir, "secret", "pg-superuser")
        with open(path, "w") as file:
            file.write(NEW + "\n")
        for site in ("taiwan", "tokyo", "witness"):
            os.kill(lab.services(site)["holdfast"], signal.SIGHUP)
        lab.wait_healthy()
        assert {verdict for verdict, _ in verdicts(lab).values()} == {"PASSED"}
        # And back, this time on the server alone.
        refuse(sessions, right)
        wait(lambda: both_unknown(lab, sessions), 60, "both are unknown again", pause=0.5)
        refuse(sessions, NEW)
        lab.wait_healthy()
    check_quiet(lab, before)
    lab.check_rows("taiwan-a")


def node(lab, name):
    return next(entry for entry in lab.status()["databases"][0]["nodes"] if entry["name"] == name)


def test_replication(lab):
    before = lab.run()["id"], lab.postmaster("taiwan-a")
    with contextlib.closing(lab.connect(NODES["taiwan-a"])) as writer:
        run(writer, "ALTER ROLE replicator PASSWORD %s", NEW)
        run(writer, "SELECT pg_terminate_backend(pid) FROM pg_stat_replication WHERE application_name = 'taiwan-b'")
        told = wait(lambda: [text for text in [node(lab, "taiwan-b")["error"]] if "refuses the password" in text], 30, "the node's report")
        print(told)
        assert "taiwan-a refuses the password of replicator" in told[0] and "databases.shop.replication.password and restart this agent" in told[0]
        assert told[0] in lab.log("taiwan", "agent-taiwan-b") and "refuses the password" in said_by(lab, "status")
        check_quiet(lab, before)
        run(writer, "ALTER ROLE replicator PASSWORD %s", lab.secret("pg-replication"))
    lab.wait_healthy()
    wait(lambda: node(lab, "taiwan-b")["error"] == "", 30, "the node takes it back")
    check_quiet(lab, before)
    lab.check_rows("taiwan-a")
