# SPDX-License-Identifier: Apache-2.0
"""The lab with passwords at the proxies and encryption on both of their sides: clients, readiness, proofs and a switchover are
as ever. And what the proxies and applications meet with at the servers is known to the controller."""
import contextlib
import os
import re
import shutil
import subprocess

import psycopg2
import pytest

from lab import API, BUILD, MOVED, NODES, OPENER, PROXIES, Lab, wait
from test_session import authority, certificate

SEALED = [("proxy:\n  databases:", "proxy:\n  auth: scram\n  tls: { mode: require, certificate: @SCRATCH@/proxy.crt, key: @SCRATCH@/proxy.key }\n"
           "  server_tls: { mode: verify-full, ca: @SCRATCH@/ca.crt }\n  databases:"),
          ("    parameters:\n", "    parameters:\n      ssl: \"on\"\n      ssl_cert_file: @SCRATCH@/server.crt\n"
           "      ssl_key_file: @SCRATCH@/server.key\n"),
          ("    state_dir: @DIR@/taiwan\n", "    state_dir: @DIR@/taiwan\n    feedback: true\n"),
          ("    state_dir: @DIR@/witness\n", "    state_dir: @DIR@/witness\n    feedback: true\n")]


def papers(directory):
    authority(directory, "ca")
    for name, hosts in (("proxy", PROXIES), ("server", NODES)):
        certificate(directory, name, extension="subjectAltName=" + ",".join("IP:" + host for host in hosts.values()))
    for name in os.listdir(directory):
        if os.geteuid() == 0:
            shutil.chown(os.path.join(directory, name), "postgres", "postgres")


@pytest.fixture(scope="module")
def lab():
    lab = Lab(*SEALED)
    papers(lab.scratch)
    with lab:
        lab.clients()
        lab.wait_healthy()
        lab.wait_member("tokyo-a")
        yield lab


def test_nothing_is_in_clear(lab):
    for host in PROXIES.values():
        connection = lab.connect(host, 6432, "shop_tier1")
        assert connection.info.ssl_in_use
        with connection.cursor() as cursor:
            cursor.execute("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
            assert cursor.fetchone() == (True,)
        connection.close()
    with pytest.raises(psycopg2.OperationalError, match="requires encryption"):
        psycopg2.connect(host=PROXIES["taiwan"], port=6432, user="shop_tier1", password=lab.secret("tier1"), dbname="shop", sslmode="disable")


def test_the_service_moves_as_ever(lab):
    run = lab.move("switchover", source="taiwan", target="tokyo")
    assert run["state"] in MOVED, run
    lab.wait_served()
    lab.one_writer("tokyo-a")
    lab.check_rows("tokyo-a")


def test_what_proxies_meet_with_is_known(lab):
    def known():
        seen = {entry["site"]: entry for database in lab.status()["databases"] for node in database["nodes"]
                if node["name"] == "tokyo-a" for entry in node["seen"]}
        return all(site in seen and seen[site]["connections"] > 0 and seen[site]["rtt_us"] > 0 for site in ("taiwan", "tokyo"))
    wait(known, 60, "both regions' proxies have met with the writer")


def metrics():
    with OPENER.open(API + "/metrics", timeout=10) as answer:
        return answer.read().decode()


def test_what_proxies_count_is_in_the_metrics(lab):
    def counted():
        values = {(name, site): float(value) for name, site, value in
                  re.findall(r'^(holdfast_proxy_\w+){site="(\w+)",region="\2"(?:,database="shop")?} ([0-9.e+]+)$', metrics(), re.M)}
        names = ("queries_total", "transactions_total", "received_bytes_total", "sent_bytes_total", "query_seconds_total",
                 "sessions_total", "tls_total", "authenticated_total", "certificate_expires_timestamp_seconds")
        return all(values.get(("holdfast_proxy_" + name, site), 0) > 0 for name in names for site in ("taiwan", "tokyo"))
    wait(counted, 60, "both regions' proxies are in the metrics")
    done = subprocess.run(["promtool", "check", "metrics"], input=metrics().encode(), capture_output=True, timeout=60)
    assert b"holdfast_proxy" not in done.stdout + done.stderr, done.stderr


@contextlib.contextmanager
def application(lab, site, password):
    """The example of libholdfast on the host of a site."""
    program = subprocess.Popen([os.path.join(BUILD, "doc", "examples", "example-orders"), "taiwan", "shop",
                                "dbname=shop user=shop_tier1 sslmode=require connect_timeout=20"],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                               env=dict(os.environ, HOLDFAST_STATE_DIR=os.path.join(lab.dir, site), PGPASSWORD=password))
    try:
        yield program
    finally:
        program.kill()
        program.communicate()


def test_what_applications_meet_with_is_known(lab):
    """Told to an observer and to the controller, by programs of which some know the wrong password."""
    def told(site):
        return next((entry for database in lab.status()["databases"] for node in database["nodes"] if node["name"] == "tokyo-a"
                     for entry in node["told"] if entry["site"] == site), {"answered": 0, "failures": 0})

    for site in ("taiwan", "witness"):
        with application(lab, site, lab.secret("tier1")) as program:
            program.stdin.write("raw SELECT 42\n")
            program.stdin.flush()
            assert program.stdout.readline() == "SUCCESS tokyo-a 42\n"
            wait(lambda: told(site)["answered"] > 0, 60, "the answer is known")
        with application(lab, site, "wrong") as program:
            program.stdin.write("raw SELECT 42\n")
            program.stdin.flush()
            wait(lambda: told(site)["failures"] > 0, 60, "the failure is known")
        assert re.search(r'^holdfast_told_failures{site="%s",server="tokyo-a"} [1-9]' % site, metrics(), re.M)
