# SPDX-License-Identifier: Apache-2.0
"""Machines of bench/ha: a network namespace, a process namespace with a reaper, and a cable to one bridge each.

The network namespace outlives the processes: a killed node refuses connections, as a machine does whose services were
killed; one that is cut off says nothing at all, as one without power does. Everything lies inside the namespaces that
`inside` makes around the whole command, so nothing is left when it ends, however it ends."""
import concurrent.futures
import ctypes
import os
import signal
import subprocess
import sys
import time

import psycopg2

NETWORK = "10.77.0."
CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)


def inside(reaper):
    """Starts this command again in namespaces of its own, unless it is there already; returns only there."""
    if os.environ.get("HA_INSIDE") == "1":
        return
    os.environ["HA_INSIDE"] = "1"
    os.execvp("unshare", ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", reaper,
                          sys.executable] + sys.argv)


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(" ".join(command) + ": " + done.stderr.strip())
    return done.stdout


def boot_us():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000


def wait(condition, seconds, what):
    """The condition's value once it is true; what goes wrong while asking counts as "not yet"."""
    end, problem = time.monotonic() + seconds, ""
    while time.monotonic() < end:
        try:
            value = condition()
            if value:
                return value
        except (OSError, RuntimeError, ValueError, LookupError, psycopg2.Error) as error:
            problem = " (%s)" % str(error).strip()
        time.sleep(0.02)
    raise RuntimeError("not within %d s: %s%s" % (seconds, what, problem))


def as_postgres(command):
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--"] + list(command)


class Node:
    def __init__(self, net, name, number):
        self.net, self.name, self.address, self.cable = net, name, NETWORK + str(number), "v" + name
        self.processes, self.init = [], 0
        self.holder = net.spawn(["unshare", "--net", "--", net.reaper], name)
        wait(lambda: os.readlink("/proc/%d/ns/net" % self.holder.pid) != os.readlink("/proc/self/ns/net"), 10, "a network")
        run("ip", "link", "add", self.cable, "type", "veth", "peer", "name", "eth0", "netns", str(self.holder.pid))
        run("ip", "link", "set", self.cable, "master", "ha", "up")
        for words in ("addr add %s/24 dev eth0" % self.address, "link set eth0 up", "link set lo up"):
            run("nsenter", "-n", "-t", str(self.holder.pid), "ip", *words.split())
        self.asker = concurrent.futures.ThreadPoolExecutor(1, initializer=self.enter)
        self.boot()

    def boot(self):
        """Power on: process 1, and nothing else."""
        outer = self.net.spawn(["nsenter", "-n", "-t", str(self.holder.pid), "unshare", "--pid", "--fork", "--kill-child",
                                "--mount-proc", self.net.reaper], self.name)
        def first():
            with open("/proc/%d/task/%d/children" % (outer.pid, outer.pid), encoding="ascii") as file:
                return int(file.read().split()[0])
        self.init = wait(first, 10, "process 1 of " + self.name)
        wait(lambda: os.readlink("/proc/%d/exe" % self.init).endswith("ha_node"), 10, "process 1 of " + self.name)
        os.makedirs("/run/postgresql", exist_ok=True)  # sockets of the node's own, where Debian puts them
        run("nsenter", "-m", "-t", str(self.init), "mount", "-t", "tmpfs", "-o", "mode=1777", "sockets", "/run/postgresql")

    def enter(self):
        """Only the calling thread's network changes."""
        with open("/proc/%d/ns/net" % self.holder.pid, "rb") as file:
            if LIBC.setns(file.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")

    def start(self, command, name, **more):
        process = self.net.spawn(["nsenter", "-n", "-p", "-m", "-t", str(self.init), "--"] + list(command), name, **more)
        self.processes.append(process)
        return process

    def run(self, command, seconds=120, **more):
        done = subprocess.run(["nsenter", "-n", "-p", "-m", "-t", str(self.init), "--"] + list(command), capture_output=True,
                              text=True, timeout=seconds, cwd=self.net.dir, **more)
        if done.returncode != 0:
            raise RuntimeError("%s on %s: %s" % (" ".join(command), self.name, (done.stderr or done.stdout).strip()))
        return done.stdout

    def here(self, function, *arguments):
        """The function's value, computed in this node's network."""
        return self.asker.submit(function, *arguments).result(60)

    def sql(self, conninfo, text):
        def ask():
            connection = psycopg2.connect(conninfo, connect_timeout=2, options="-c statement_timeout=20s")
            try:
                connection.autocommit = True
                with connection.cursor() as cursor:
                    cursor.execute(text)
                    return cursor.fetchall() if cursor.description else []
            finally:
                connection.close()
        return self.here(ask)

    def pids(self, program=None):
        """Processes of this node; with a program only those that run it."""
        found, mine = [], os.readlink("/proc/%d/ns/pid" % self.init)
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                if os.readlink("/proc/%s/ns/pid" % pid) == mine and (
                        program is None or os.path.basename(os.readlink("/proc/%s/exe" % pid)) == program):
                    found.append(int(pid))
            except OSError:
                continue
        return found

    def postmaster(self):
        """The PostgreSQL process whose parent is no PostgreSQL process."""
        servers = self.pids("postgres")
        for pid in servers:
            with open("/proc/%d/stat" % pid, encoding="ascii", errors="replace") as file:
                if int(file.read().rsplit(")", 1)[1].split()[1]) not in servers:
                    return pid
        raise RuntimeError("no PostgreSQL on " + self.name)

    def kill(self):
        """Everything on it, in one blow; the kernel of the machine goes on."""
        os.kill(self.init, signal.SIGKILL)
        self.processes = []

    def cut_off(self, cut):
        """The port of the switch forwards nothing: no carrier is lost, nobody is told."""
        run("bridge", "link", "set", "dev", self.cable, "state", "0" if cut else "3")


class Net:
    def __init__(self, directory, reaper):
        self.dir, self.reaper, self.nodes, self.spawned = directory, reaper, {}, []
        run("ip", "link", "set", "lo", "up")
        run("ip", "link", "add", "ha", "type", "bridge")
        run("ip", "link", "set", "ha", "up")
        run("nft", "add table bridge ha; add chain bridge ha f { type filter hook forward priority 0; }")

    def spawn(self, command, name, **more):
        with open(os.path.join(self.dir, name + ".log"), "ab") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=more.pop("stdout", log), stderr=log, cwd=self.dir,
                                       **more)
        self.spawned.append(process)
        return process

    def add(self, name, number):
        self.nodes[name] = Node(self, name, number)
        return self.nodes[name]

    def part(self, one, others):
        """Nothing passes between `one` and the others, in either direction."""
        for other in others:
            for source, sink in ((one.address, other.address), (other.address, one.address)):
                run("nft", "add rule bridge ha f ip saddr %s ip daddr %s drop" % (source, sink))

    def join(self):
        run("nft", "flush chain bridge ha f")

    def down(self):
        for node in self.nodes.values():
            for pid in (node.init, node.holder.pid):
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            node.asker.shutdown(wait=False)
        for process in self.spawned:
            process.wait(60)
        for node in self.nodes.values():
            subprocess.run(["ip", "link", "del", node.cable], capture_output=True)
        run("nft", "delete table bridge ha")
        run("ip", "link", "del", "ha")
