# SPDX-License-Identifier: Apache-2.0
"""The lab with a network namespace for each site, and links that can be cut. Whoever asks and the clients stand at the desk, which
loses only a site that is cut off from everybody."""
import contextlib
import ctypes
import os
import shutil

import pytest

from lab import Lab

CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)


def possible():
    return os.geteuid() == 0 and shutil.which("nft") is not None


def enter(path):
    """This thread, and what it starts, is in that network from now on."""
    with open(path, "rb") as file:
        if LIBC.setns(file.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns " + path)


class Apart(Lab):
    net = "10"
    api = Lab.api.replace("127.", "10.", 1)

    def __enter__(self):
        done = self.script("up", "--store", self.store, "--namespaces", str(os.getpid()), check=False)
        if done.returncode != 0:
            if done.returncode != 77:
                self.keep_logs()
            self.down()
            if done.returncode == 77:
                pytest.skip(done.stderr.strip())
            raise AssertionError(done.stdout + done.stderr)
        with open(os.path.join(self.dir, "lab.env")) as file:
            words = dict(word.split("=", 1) for word in file.read().split())
        self.place = {site: "/proc/%s/ns/net" % words["LAB_PID_" + site.upper()] for site in ("taiwan", "tokyo", "witness", "desk")}
        self.outside = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self.here = self.place["desk"]
        enter(self.here)
        return self

    def __exit__(self, *failure):
        enter("/proc/self/fd/%d" % self.outside)
        os.close(self.outside)
        super().__exit__(*failure)

    @contextlib.contextmanager
    def inside(self, site):
        before, self.here = self.here, self.place[site]
        enter(self.here)
        try:
            yield
        finally:
            self.here = before
            enter(before)

    def beside(self, node):
        return self.inside(node.split("-")[0])

    def as_client(self):
        return ["-", "nsenter", "--net=" + self.place["desk"], "--", "setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--"]

    def homes(self):
        return (("taiwan", "10.9"), ("tokyo", "10.9"))

    @contextlib.contextmanager
    def cut(self, *words):
        self.script("cut", *words)
        try:
            yield
        finally:
            self.script("heal")
