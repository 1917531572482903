# SPDX-License-Identifier: Apache-2.0
"""What bench/ha does to the writer's node, and how it is undone."""
import os
import signal

from ha_net import boot_us


class Fault:
    """`moves`: the other node has to take over before the fault is healed."""
    def __init__(self, name, about, inject, heal=None, moves=True):
        self.name, self.about, self.inject, self.heal, self.moves = name, about, inject, heal, moves


def pmkill(system):
    pid = system.node("a").postmaster()
    at = boot_us()
    os.kill(pid, signal.SIGKILL)
    return at


def nodekill(system):
    at = boot_us()
    system.node("a").kill()
    return at


def power_on(system):
    system.node("a").boot()
    system.revive("a")


def blackhole(system):
    at = boot_us()
    system.node("a").cut_off(True)
    return at


def partition(system):
    at = boot_us()
    system.net.part(system.node("a"), [system.node("b"), system.node("w")])
    return at


def stop(system):
    """The postmaster first, so that nothing new comes while the others are stopped."""
    node, at, stopped = system.node("a"), boot_us(), set()
    os.kill(node.postmaster(), signal.SIGSTOP)
    for pid in node.pids("postgres"):
        os.kill(pid, signal.SIGSTOP)
        stopped.add(pid)
    system.stopped = stopped
    return at


def resume(system):
    for pid in system.stopped & set(system.node("a").pids("postgres")):
        os.kill(pid, signal.SIGCONT)


def switchover(system):
    at = boot_us()
    system.switchover()
    return at


FAULTS = {fault.name: fault for fault in (
    Fault("pmkill", "SIGKILL to the postmaster", pmkill, moves=False),
    Fault("nodekill", "SIGKILL to everything on the node", nodekill, power_on),
    Fault("blackhole", "the node's packets are dropped", blackhole, lambda system: system.node("a").cut_off(False)),
    Fault("partition", "cut from standby and witness, clients still reach it", partition, lambda system: system.net.join()),
    Fault("stop", "SIGSTOP to all of PostgreSQL, SIGCONT after the takeover", stop, resume),
    Fault("switchover", "planned", switchover),
)}
