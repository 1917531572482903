# SPDX-License-Identifier: Apache-2.0
"""The agent beside real PostgreSQL: found, clone, promote, fence, follow, and nothing acknowledged without a right."""
import os
import signal
import time

import psycopg2
import pytest

from agent_world import NODES, Client, World, now, wait

LEASE = 2.0


@pytest.fixture
def world():
    made = World()
    try:
        made.up()
        yield made
    except BaseException:
        made.dump()
        raise
    finally:
        made.down()


def test_found_clone_promote_and_follow(world):
    status, report = world.call("a", "/v1/prove", {"epoch": 1, "run": "r1"})
    assert status == 200 and report["lsn"] != "0/0" and report["data_checksums"], report
    assert world.sql("a", "SELECT epoch, node FROM holdfast.proof") == [(1, "a")]
