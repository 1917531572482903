# SPDX-License-Identifier: Apache-2.0
"""The lab with passwords at the proxies and encryption on both of their sides: clients, readiness, proofs and a switchover are
as ever. And what the proxies meet with at the servers is known to the controller."""
import os
import shutil

import psycopg2
import pytest

from lab import MOVED, NODES, PROXIES, Lab, wait
from test_session import authority, certificate

SEALED = [("proxy:\n  databases:", "proxy:\n  auth: scram\n  tls: { mode: require, certificate: @SCRATCH@/proxy.crt, key: @SCRATCH@/proxy.key }\n"
           "  server_tls: { mode: verify-full, ca: @SCRATCH@/ca.crt }\n  databases:"),
          ("    parameters:\n", "    parameters:\n      ssl: \"on\"\n      ssl_cert_file: @SCRATCH@/server.crt\n"
           "      ssl_key_file: @SCRATCH@/server.key\n")]


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
