# SPDX-License-Identifier: Apache-2.0
"""The faults of the torture: what is broken, in whose role, for how long. Roles, not names, so that a seed means the same wherever the
writer is. Each is held by a lease (hold.py), or is a death that repair() undoes."""
import contextlib
import math
import os
import signal
import subprocess
import sys
import time

from lab import NODES, alive, children, words

HOLD = os.path.join(os.path.dirname(os.path.abspath(__file__)), "hold.py")


def region_of(node):
    return node.rsplit("-", 1)[0]


def tree(pid):
    """The process and everything below it."""
    found = [pid]
    for child in found:
        found += children(child)
    return found


class World:
    """Where things are, at the moment of the fault."""

    def __init__(self, lab, say):
        self.lab, self.say = lab, say
        self.holders = []
        self.cut_until = 0
        self.last_writer = "taiwan-a"

    def writer(self):
        self.last_writer = self.lab.writer() or self.last_writer
        return self.last_writer if self.last_writer in NODES else "taiwan-a"

    def node(self, role):
        writer = self.writer()
        if role == "writer":
            return writer
        if role == "near":  # a standby in the writer's region; with only one node there, any standby
            near = [node for node in NODES if node != writer and region_of(node) == region_of(writer)]
            return (near or [node for node in NODES if node != writer])[0]
        return next(node for node in sorted(NODES) if region_of(node) != region_of(writer))  # "far"

    def region(self, role):
        return region_of(self.node("writer" if role == "writer" else "far"))

    def agent_tree(self, node):
        """Agent and fence, without PostgreSQL: backends come at any moment, and bear its name only after a while."""
        pid = self.lab.services(region_of(node)).get("agent-" + node, 0)
        above = self.postmaster(node)
        return [one for one in [pid, *children(pid)] if one and one not in above and words(one)[1:2] == ["agent"]]

    def agent_only(self, node):
        pid = self.lab.services(region_of(node)).get("agent-" + node, 0)
        return [pid] if pid else []

    def server(self, node):
        """Every process of PostgreSQL on the node: also backends whose postmaster is gone."""
        data = self.lab.data(node)
        found = []
        with contextlib.suppress(OSError, ValueError):
            found += tree(self.lab.postmaster(node))
        for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
            with contextlib.suppress(OSError):
                if os.readlink("/proc/%d/cwd" % pid) == data and pid not in found:
                    found.append(pid)
        return [pid for pid in found if alive(pid)]

    def postmaster(self, node):
        with contextlib.suppress(OSError, ValueError):
            pid = self.lab.postmaster(node)
            return [pid] if any(self.lab.data(node) in word for word in words(pid)) else []
        return []

    def role(self, site, role):
        with contextlib.suppress(KeyError):
            pid = self.lab.role(site, role)
            return [pid] if pid else []
        return []

    def kill(self, what, pids):
        """In one instant: none of them sees the others die."""
        self.say("kill %s: %s" % (what, " ".join(map(str, pids)) or "nothing there"))
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)

    def hold(self, seconds, kind, what, *arguments):
        """The fault is there when this returns, and ends by itself."""
        self.say("%s %s for %.1f s" % (kind, what, seconds))
        holder = subprocess.Popen([sys.executable, HOLD, "%.3f" % seconds, kind, *map(str, arguments)], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
        self.holders.append((what, holder))
        word = holder.stdout.readline().strip()
        if word != "held":
            self.say("%s %s did not hold" % (kind, what))

    def cut(self, seconds, *words):
        """The kernel mends the link, whatever becomes of us."""
        seconds = math.ceil(seconds)
        self.say("cut %s for %d s" % (" ".join(words), seconds))
        self.lab.script("cut", *words, "--for", str(seconds))
        self.cut_until = max(self.cut_until, time.monotonic() + seconds)

    def release(self):
        """Waits until every held fault has ended."""
        if self.cut_until:
            time.sleep(max(0, self.cut_until - time.monotonic()))
            self.say("every link is whole")
            self.cut_until = 0
        for what, holder in self.holders:
            try:
                holder.wait(60)
            except subprocess.TimeoutExpired:
                holder.stdin.close()
                holder.wait(30)
            self.say("ended: " + what)
        self.holders = []

    def drop(self):
        """Ends what is held now."""
        if self.cut_until:
            self.lab.script("heal", check=False)
            self.cut_until = 0
        for _, holder in self.holders:
            with contextlib.suppress(OSError):
                holder.stdin.close()
        self.release()

    def repair(self):
        """What a service manager does: whatever died is started again."""
        for region in ("witness", "taiwan", "tokyo"):
            self.lab.start_region(region)


# name: (weight, function(world, random, seconds)); `seconds`: how long a held fault lasts. Kills last until the repair.
FAULTS = {}


def fault(weight):
    def add(function):
        FAULTS[function.__name__.replace("_", "-")] = (weight, function)
        return function
    return add


# The names of those that cut links.
CUTS = set()


def one_way(random):
    return random.choice(((), ("--one-way",)))


def any_node(random):
    return random.choices(("writer", "far", "near"), (3, 2, 1))[0]


@fault(3)
def kill_postmaster(world, random, seconds):
    node = world.node(any_node(random))
    world.kill("postmaster of " + node, world.postmaster(node))


@fault(2)
def kill_backends(world, random, seconds):
    node = world.node(any_node(random))
    pids = [pid for pid in world.server(node) if pid not in world.postmaster(node)]
    world.kill("a process of PostgreSQL of " + node, random.sample(sorted(pids), min(1, len(pids))))


@fault(3)
def kill_agent(world, random, seconds):
    node = world.node(any_node(random))
    world.kill("agent of " + node, world.agent_only(node))


@fault(2)
def kill_agent_and_fence(world, random, seconds):
    node = world.node(any_node(random))
    world.kill("agent and fence of " + node, world.agent_tree(node))


@fault(3)
def kill_node(world, random, seconds):
    node = world.node(any_node(random))
    world.kill("everything of " + node, world.agent_tree(node) + world.server(node))


@fault(3)
def kill_region(world, random, seconds):
    region = world.region(random.choices(("writer", "far"), (2, 1))[0])
    world.say("kill region " + region)
    world.lab.kill_region(region)


@fault(2)
def kill_witness(world, random, seconds):
    world.say("kill the witness")
    world.lab.kill_region("witness")


@fault(3)
def kill_control(world, random, seconds):
    world.kill("control", world.role("witness", "control"))


@fault(2)
def kill_proxy(world, random, seconds):
    site = random.choice(("taiwan", "tokyo", "witness"))
    world.kill("proxy of " + site, world.role(site, "proxy"))


@fault(1)
def kill_dns(world, random, seconds):
    site = random.choice(("taiwan", "tokyo", "witness"))
    world.kill("dns of " + site, world.role(site, "dns"))


@fault(1)
def kill_supervisor(world, random, seconds):
    site = random.choice(("taiwan", "tokyo", "witness"))
    world.kill("supervisor of " + site, [pid for pid in [world.lab.services(site).get("holdfast", 0)] if pid])


@fault(4)
def freeze_server(world, random, seconds):
    node = world.node(any_node(random))
    world.hold(seconds, "stop", "PostgreSQL of " + node, *world.server(node))


@fault(3)
def freeze_agent(world, random, seconds):
    node = world.node(any_node(random))
    world.hold(seconds, "stop", "agent of " + node, *world.agent_only(node))


@fault(2)
def freeze_agent_and_fence(world, random, seconds):
    node = world.node(any_node(random))
    world.hold(seconds, "stop", "agent and fence of " + node, *world.agent_tree(node))


@fault(4)
def freeze_node(world, random, seconds):
    node = world.node(any_node(random))
    world.hold(seconds, "stop", "everything of " + node, *world.agent_tree(node), *world.server(node))


@fault(3)
def freeze_control(world, random, seconds):
    world.hold(seconds, "stop", "control", *world.role("witness", "control"))


@fault(2)
def freeze_proxy(world, random, seconds):
    site = random.choice(("taiwan", "tokyo", "witness"))
    world.hold(seconds, "stop", "proxy of " + site, *world.role(site, "proxy"))


@fault(2)
def lock_store(world, random, seconds):
    world.hold(seconds, "lock", "the store", os.path.join(world.lab.dir, "witness", "holdfast.db"))


@fault(2)
def fill_store(world, random, seconds):
    disk = os.path.join(world.lab.dir, "witness")
    if os.path.ismount(disk):
        world.hold(seconds, "fill", "the disk of the witness", disk)


def cut(weight):
    """A fault for sites with networks of their own."""
    def add(function):
        CUTS.add(function.__name__.replace("_", "-"))
        return fault(weight)(function)
    return add


@cut(6)
def cut_off_a_region(world, random, seconds):
    world.cut(seconds, world.region(random.choices(("writer", "far"), (3, 1))[0]), "all", *one_way(random))


@cut(4)
def cut_regions_apart(world, random, seconds):
    pair = [world.region("writer"), world.region("far")]
    random.shuffle(pair)
    world.cut(seconds, *pair, *one_way(random))


@cut(3)
def cut_witness_from_a_region(world, random, seconds):
    pair = ["witness", world.region(random.choice(("writer", "far")))]
    random.shuffle(pair)
    world.cut(seconds, *pair, *one_way(random))


@cut(2)
def cut_off_the_witness(world, random, seconds):
    world.cut(seconds, "witness", "all", *one_way(random))


@fault(2)
def planned_move(world, random, seconds):
    """Asked for and not waited for: it goes on while the other fault comes."""
    target = "tokyo" if region_of(world.writer()) == "taiwan" else "taiwan"
    if world.lab.region(target).get("share_percent") == 0 and target == "taiwan":
        status, _ = world.lab.start_run("failback", target=target, mode="emergency")
    else:
        status, _ = world.lab.start_run("switchover", source=region_of(world.writer()), target=target)
    world.say("planned move to %s: %d" % (target, status))
