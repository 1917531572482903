# SPDX-License-Identifier: Apache-2.0
"""The shop against a plain PostgreSQL and Redis: what it answers when each of them is there, gone, and back."""
import json
import secrets
import signal
import subprocess
import urllib.error
import urllib.request

import pytest

from plain import WEB, World, wait

ADDRESS = "127.3.1.1"


def call(path, body=None):
    data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(f"http://{ADDRESS}:{WEB}{path}", data=data)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


def readiness():
    status, body = call("/actuator/health/readiness")
    return status, json.loads(body) if body else {}


def order(key=None, **change):
    return {"client_id": "c1", "key": key or "k" + secrets.token_hex(6), "sku": "tea", "amount_cents": 4200, **change}


@pytest.fixture(scope="module")
def world():
    world = World(ADDRESS)
    try:
        world.start()
        wait(lambda: readiness()[0] == 200)
        yield world
    finally:
        world.end()


def test_ready_says_so_per_component(world):
    body = wait(lambda: (lambda status, body: body if status == 200 else None)(*readiness()))
    assert body["status"] == "UP"
    assert set(body["components"]) == {"database", "redis"}  # no Kafka was given
    for component in body["components"].values():
        assert component["status"] == "UP" and component["latency_ms"] >= 0


def test_roles_have_their_tier(world):
    rows = dict(world.sql("SELECT rolname, array_to_string(rolconfig, ',') FROM pg_roles WHERE rolname LIKE 'shop_tier%'"))
    assert rows == {"shop_tier1": "synchronous_commit=on", "shop_tier2": "synchronous_commit=local"}


@pytest.mark.parametrize("route", ["orders", "payments", "inventory", "customers", "products"])
def test_stores_once(world, route):
    body = order()
    status, answer = call("/" + route, body)
    assert status == 201, answer
    assert json.loads(answer) == {"outcome": "ok", "error": "", "region": "taiwan", "node": "shop-1"}
    assert call("/" + route, body)[0] == 200
    assert call("/" + route, dict(body, amount_cents=1))[0] == 409
    assert world.sql(f"SELECT count(*), max(attempts) FROM {route} WHERE key = '{body['key']}'") == [(1, 3)]


def test_shows_an_order(world):
    body = order()
    assert call("/orders", body)[0] == 201
    status, answer = call("/orders/" + body["key"])
    assert status == 200 and json.loads(answer)["amount_cents"] == 4200
    assert call("/orders/none")[0] == 404


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"{}", b"x" * 5000, json.dumps(order(key="a b")).encode(),
                                  json.dumps(order(key="k" * 64)).encode(), json.dumps(order(amount_cents="1")).encode(),
                                  json.dumps(order(sku=None)).encode(), b"\x00\xff" * 50],
                         ids=["empty", "half", "array", "null", "nothing", "long", "key-blank", "key-long", "amount-text", "sku-null", "binary"])
def test_refuses_bad_input(world, body):
    assert call("/orders", body)[0] in (400, 413)


def test_unknown_route(world):
    assert call("/nothing")[0] == 404
    assert call("/nothing", order())[0] == 404


def test_redis_gone_and_back(world):
    world.redis.kill()
    world.redis.wait()
    states = {"redis": "DOWN", "database": "UP"}
    body = wait(lambda: [body for status, body in [readiness()] if status == 503 and
                         {name: body["components"][name]["status"] for name in states} == states])[0]
    assert body["status"] == "DOWN" and body["components"]["redis"]["error"]
    assert call("/orders", order())[0] == 201
    world.start_redis()
    wait(lambda: readiness()[0] == 200)


def test_redis_frozen_is_down(world):
    world.redis.send_signal(signal.SIGSTOP)
    try:
        wait(lambda: readiness()[0] == 503)
    finally:
        world.redis.send_signal(signal.SIGCONT)
    wait(lambda: readiness()[0] == 200)


def test_commit_that_nobody_confirms_is_unknown(world):
    world.sql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'", fetch=False)
    world.sql("SELECT pg_reload_conf()")
    try:
        wait(lambda: world.sql("SHOW synchronous_standby_names") == [("nobody",)])
        body = order()
        status, answer = call("/payments", body)
        assert status == 504 and json.loads(answer)["outcome"] == "unknown"
        # Cancelled by an administrator: committed here only, so still no acknowledgement.
        body = order()
        before = world.sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")[0][0]
        poster = subprocess.Popen(["curl", "-s", "-d", json.dumps(body), f"http://{ADDRESS}:{WEB}/payments"],
                                  stdout=subprocess.PIPE, text=True)
        wait(lambda: world.sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")[0][0] > before)
        world.sql("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
        answer = json.loads(poster.communicate()[0])
        assert answer["outcome"] == "unknown"
        assert world.sql(f"SELECT count(*) FROM payments WHERE key = '{body['key']}'") == [(1,)]
        # Tier 2 does not wait.
        assert call("/inventory", order())[0] == 201
    finally:
        world.sql("ALTER SYSTEM RESET synchronous_standby_names", fetch=False)
        world.sql("SELECT pg_reload_conf()")
        world.sql("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")


def test_database_gone_and_back(world):
    world.postgres.send_signal(signal.SIGQUIT)
    world.postgres.wait()
    wait(lambda: readiness()[1].get("components", {}).get("database", {}).get("status") == "DOWN")
    status, answer = call("/orders", order())
    assert status == 503 and json.loads(answer)["outcome"] == "failed"
    world.start_postgres()
    wait(lambda: readiness()[0] == 200)
    assert call("/orders", order())[0] == 201  # the first request after the return, not the second


def test_metrics(world):
    status, text = call("/metrics")
    assert status == 200
    assert 'shop_requests_total{route="/orders",code="201"}' in text
    assert 'shop_requests_total{route="/payments",code="504"}' in text
    counts = [int(line.split()[1]) for line in text.splitlines() if line.startswith("shop_request_duration_seconds_bucket")]
    assert counts == sorted(counts) and counts[-1] > 0
