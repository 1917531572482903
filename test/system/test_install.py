# SPDX-License-Identifier: Apache-2.0
"""What `make install` puts where, and that it works from there."""
import os
import shutil
import subprocess

import pytest

BUILD = os.path.abspath(os.environ.get("HOLDFAST_BUILD", os.path.join(os.path.dirname(__file__), "..", "..", "build")))
SOURCE = r"""
#include <holdfast.h>
#include <stdio.h>
int main(void)
{
    struct holdfast_breaker_config config;
    holdfast_breaker_config_default(&config);
    printf("%u\n", (unsigned)sizeof config);
    return 0;
}
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """The root of the installation: DESTDIR and the prefix below it."""
    destination = str(tmp_path_factory.mktemp("root"))
    subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", destination], check=True,
                   stdin=subprocess.DEVNULL)
    yield destination
    shutil.rmtree(destination)


def find(root, ending):
    found = [os.path.join(where, name) for where, _, names in os.walk(root) for name in names
             if os.path.join(where, name).endswith(ending)]
    assert len(found) == 1, (ending, found)
    return found[0]


def test_binary_runs(root):
    done = subprocess.run([find(root, "/bin/holdfast"), "version"], check=True, capture_output=True, text=True)
    assert done.stdout.startswith("holdfast ")


def test_example_is_valid(root):
    """But for the secrets that only an operator has."""
    done = subprocess.run([find(root, "/bin/holdfast"), "config", "check", find(root, "/holdfast.example.yaml")],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0 or "/etc/holdfast/" in done.stdout + done.stderr, done.stdout + done.stderr


@pytest.mark.parametrize("page", ["/man1/holdfast.1", "/man5/holdfast.yaml.5", "/man8/holdfast-agent.8", "/man8/holdfast-serve.8"])
def test_manual(root, page):
    with open(find(root, page), encoding="utf-8") as file:
        assert ".TH" in file.read()


def test_library_links(root, tmp_path):
    (tmp_path / "use.c").write_text(SOURCE)
    header, library = find(root, "/include/holdfast.h"), find(root, "/pkgconfig/holdfast.pc")
    lib = os.path.dirname(os.path.dirname(library))
    program = str(tmp_path / "use")
    subprocess.run(["cc", "-Wall", "-Werror", "-I" + os.path.dirname(header), str(tmp_path / "use.c"), "-L" + lib, "-lholdfast",
                    "-o", program], check=True)
    done = subprocess.run([program], check=True, capture_output=True, text=True, env=dict(os.environ, LD_LIBRARY_PATH=lib))
    assert int(done.stdout) > 0


@pytest.mark.parametrize("unit", ["/holdfast.service", "/holdfast-agent@.service"])
def test_unit_names_the_binary(root, unit):
    with open(find(root, unit), encoding="utf-8") as file:
        starts = [line for line in file if line.startswith("ExecStart=")]
    assert len(starts) == 1
    binary = starts[0].split("=", 1)[1].split()[0]
    assert os.access(root + binary, os.X_OK)


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd-analyze here")
def test_units_are_understood(root):
    for unit in ("/holdfast.service", "/holdfast-agent@.service"):
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", "--root=" + root, find(root, unit)],
                              capture_output=True, text=True, check=False)
        ours = [line for line in (done.stdout + done.stderr).splitlines() if "holdfast" in line and "not executable" not in line]
        assert ours == [], "\n".join(ours)
