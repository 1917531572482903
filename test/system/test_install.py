# SPDX-License-Identifier: Apache-2.0
"""What `make install` puts where, and that it works from there."""
import json
import os
import re
import shutil
import subprocess

import pytest

BUILD = os.path.abspath(os.environ.get("HOLDFAST_BUILD", os.path.join(os.path.dirname(__file__), "..", "..", "build")))
with open(os.path.join(BUILD, "meson-info", "intro-buildoptions.json"), encoding="utf-8") as options:
    SANITIZED = any(option["name"] == "b_sanitize" and option["value"] != "none" for option in json.load(options))
SOURCE = r"""
#include <holdfast.h>
#include <stdio.h>
int main(void)
{
    struct holdfast_options options;
    struct holdfast *holdfast;
    struct holdfast_target target;
    struct holdfast_breaker_config config;
    struct holdfast_breaker *breaker;
    struct holdfast_verdict verdict;
    holdfast_options_default(&options);
    options.state_dir = "/nonexistent";
    holdfast_breaker_config_default(&config);
    holdfast_classify("25006", 0, &verdict);
    if (holdfast_open(&options, &holdfast) != HOLDFAST_OK || holdfast_breaker_new(&config, &breaker) != HOLDFAST_OK ||
        holdfast_choose(holdfast, HOLDFAST_READ, &target) != HOLDFAST_NO_VIEW || !holdfast_breaker_acquire(breaker) ||
        verdict.result != HOLDFAST_RESULT_WRONG_SERVER) {
        return 1;
    }
    holdfast_breaker_success(breaker, 1000);
    holdfast_breaker_free(breaker);
    holdfast_close(holdfast);
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


@pytest.mark.parametrize("page", ["/man1/holdfast.1", "/man3/holdfast.3", "/man3/holdfast_breaker.3", "/man3/holdfast_choose.3",
                                  "/man3/holdfast_classify.3", "/man3/holdfast_open.3", "/man3/holdfast_retry.3", "/man5/holdfast.yaml.5",
                                  "/man8/holdfast-agent.8", "/man8/holdfast-serve.8"])
def test_manual(root, page):
    with open(find(root, page), encoding="utf-8") as file:
        assert ".TH" in file.read()


def pkg_config(root, *options):
    """What pkg-config says of the installed library, with the paths of where it stands now."""
    where = os.path.dirname(find(root, "/pkgconfig/holdfast.pc"))
    done = subprocess.run(["pkg-config", *options, "holdfast"], check=True, capture_output=True, text=True,
                          env=dict(os.environ, PKG_CONFIG_PATH=where, PKG_CONFIG_SYSROOT_DIR=root,
                                   PKG_CONFIG_ALLOW_SYSTEM_CFLAGS="1", PKG_CONFIG_ALLOW_SYSTEM_LIBS="1"))
    return done.stdout.split()


def run(program, **environment):
    return subprocess.run([program], check=True, capture_output=True, text=True, env=dict(os.environ, **environment)).stdout


STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]


@pytest.mark.parametrize("compiler, standard, name", [("cc", "-std=c99", "use.c"), ("cc", "-std=c17", "use.c"),
                                                      ("c++", "-std=c++11", "use.cc"), ("c++", "-std=c++20", "use.cc")])
def test_library_links(root, tmp_path, compiler, standard, name):
    (tmp_path / name).write_text(SOURCE)
    lib = os.path.dirname(os.path.dirname(find(root, "/pkgconfig/holdfast.pc")))
    program = str(tmp_path / "use")
    subprocess.run([compiler, standard, *STRICT, *pkg_config(root, "--cflags"), str(tmp_path / name), "-o", program,
                    *pkg_config(root, "--libs")], check=True)
    needed = subprocess.run(["readelf", "-d", program], check=True, capture_output=True, text=True).stdout
    assert "[libholdfast.so.0]" in needed
    assert int(run(program, LD_LIBRARY_PATH=lib)) > 0


@pytest.mark.skipif(SANITIZED, reason="the sanitizer's own library is needed then")
def test_library_links_statically(root, tmp_path):
    (tmp_path / "use.c").write_text(SOURCE)
    program = str(tmp_path / "use")
    subprocess.run(["cc", *STRICT, *pkg_config(root, "--cflags"), str(tmp_path / "use.c"), "-o", program, "-static",
                    *pkg_config(root, "--static", "--libs")], check=True)
    assert int(run(program)) > 0


def declared(header):
    """The functions that the header promises to export."""
    with open(header, encoding="utf-8") as file:
        text = re.sub(r"/\*.*?\*/|^#.*?$", " ", file.read(), flags=re.S | re.M)
    return {match.group(1) for match in re.finditer(r"HOLDFAST_API\s[^;(]*?(\w+)\(", text)}


def test_library_exports_what_it_declares(root):
    """No more and no less, under the version of the interface."""
    library = find(root, "/libholdfast.so.0")
    done = subprocess.run(["nm", "-D", "--defined-only", library], check=True, capture_output=True, text=True)
    found = {line.split()[2] for line in done.stdout.splitlines() if line.split()[1] != "A"}
    promised = {name + "@@HOLDFAST_0" for name in declared(find(root, "/include/holdfast.h"))}
    assert len(promised) > 30
    assert {name for name in found if name.startswith("holdfast")} == promised
    assert SANITIZED or found == promised


@pytest.mark.skipif(SANITIZED, reason="the sanitizer's own libraries")
def test_library_needs_libc_only(root):
    done = subprocess.run(["readelf", "-d", find(root, "/libholdfast.so.0")], check=True, capture_output=True, text=True)
    assert set(re.findall(r"NEEDED.*\[(.*)\]", done.stdout)) <= {"libc.so.6", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}
    assert re.findall(r"SONAME.*\[(.*)\]", done.stdout) == ["libholdfast.so.0"]


def test_examples_compile_as_they_say(root, tmp_path):
    """From where they are installed, by the commands in their heads."""
    examples = os.path.dirname(find(root, "/examples/breaker.c"))
    lib = os.path.dirname(os.path.dirname(find(root, "/pkgconfig/holdfast.pc")))
    libpq = subprocess.run(["pkg-config", "--cflags", "--libs", "libpq"], check=True, capture_output=True, text=True).stdout.split()
    program = str(tmp_path / "breaker")
    subprocess.run(["cc", *STRICT, os.path.join(examples, "breaker.c"), *pkg_config(root, "--cflags", "--libs"), "-o", program],
                   check=True)
    assert "31 calls, 5 failed, 29 were not made; now CLOSED" in run(program, LD_LIBRARY_PATH=lib)
    program = str(tmp_path / "orders")
    subprocess.run(["cc", *STRICT, os.path.join(examples, "orders.c"), os.path.join(examples, "datasource.c"),
                    *pkg_config(root, "--cflags", "--libs"), *libpq, "-o", program], check=True)
    done = subprocess.run([program], capture_output=True, text=True, env=dict(os.environ, LD_LIBRARY_PATH=lib), check=False)
    assert done.returncode == 2 and "usage:" in done.stderr


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
