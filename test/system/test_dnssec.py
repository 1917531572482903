# SPDX-License-Identifier: Apache-2.0
"""A signed zone before validators that others wrote: dnspython, Unbound, delv, ldns-verify-zone, dnssec-verify."""
import os
import shutil
import signal
import socket
import subprocess
import threading
import time

import dns.dnssec
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import pytest

from test_dns import (HOLDFAST, KEY, KEYRING, PORT, SERVER, TAIWAN, TAIWAN2, TOKYO, ZONE, Dns, addresses, dig, query, reload_ok,
                      transferred, udp, until)

RESOLVER, RESOLVER_PORT = "127.9.4.1", 24055
# BIND's tools want a DNSKEY below the apex signed by who knows whom.
UNKEYED = "".join(line for line in ZONE.splitlines(keepends=True) if " DNSKEY " not in line)
ORIGIN = dns.name.from_text("example.test.")

UNBOUND = """
server:
  interface: {resolver}@{port}
  access-control: 127.0.0.0/8 allow
  do-daemonize: no
  username: ""
  chroot: ""
  directory: "{root}"
  pidfile: ""
  use-syslog: no
  logfile: "{root}/unbound.log"
  do-not-query-localhost: no
  module-config: "validator iterator"
  local-zone: "test." nodefault
  trust-anchor-file: "{root}/anchor"
  num-threads: 1
{more}remote-control:
  control-enable: no
stub-zone:
  name: "{zone}"
  stub-addr: {server}@{server_port}
"""


class Signed(Dns):
    """The plane with its first zone signed, by two keys unless something else is said."""

    def __init__(self, *generate, more=""):
        super().__init__()
        self.write("zone", UNKEYED)
        os.mkdir(self.path("keys"), 0o700)
        with open(self.path("holdfast.yaml"), encoding="ascii") as file:
            config = file.read()
        line = f"zone_file: {self.root}/zone\n"
        assert line in config
        self.write("holdfast.yaml", config.replace(line, line + f"  dnssec: {{ keys: {self.root}/keys{more} }}\n"))
        self.key("generate", *(generate or ("--split",)))

    def key(self, verb, *arguments, code=0, zone="example.test"):
        done = subprocess.run([HOLDFAST, "dns", "key", verb, zone, "--config", self.path("holdfast.yaml"), *arguments],
                              capture_output=True, text=True, check=False)
        assert code is None or done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr


@pytest.fixture()
def plane():
    plane = Signed()
    try:
        plane.start()
        yield plane
        plane.stop()
        assert "Sanitizer" not in plane.log()
    finally:
        plane.end()


def ask(name, kind, tcp=False):
    message = query(name, kind, want_dnssec=True, payload=1232)
    if tcp:
        return dns.query.tcp(message, SERVER, port=PORT, timeout=60)
    for _ in range(5):
        try:
            return dns.query.udp(message, SERVER, port=PORT, timeout=12)
        except dns.exception.Timeout:
            pass
    raise AssertionError("no answer")


def keys():
    answer = ask("example.test.", "DNSKEY")
    rrset = answer.find_rrset(answer.answer, ORIGIN, dns.rdataclass.IN, dns.rdatatype.DNSKEY)
    dns.dnssec.validate(rrset, signatures(answer.answer, rrset), {ORIGIN: rrset})
    return rrset


def signatures(section, rrset):
    for other in section:
        if other.name == rrset.name and other.rdtype == dns.rdatatype.RRSIG and other.covers == rrset.rdtype:
            return other
    return None


def validated(answer, anchors, unsigned=()):
    """Each set of answer and authority has a signature that dnspython finds good; those of `unsigned` have none."""
    for section in (answer.answer, answer.authority):
        for rrset in section:
            if rrset.rdtype == dns.rdatatype.RRSIG:
                continue
            found = signatures(section, rrset)
            if dns.rdatatype.to_text(rrset.rdtype) in unsigned:
                assert found is None, rrset
            else:
                assert found is not None, rrset
                dns.dnssec.validate(rrset, found, {ORIGIN: anchors})
    return answer


def test_dnspython_finds_every_answer_good(plane):
    plane.picture(default=(6000, 4000))
    anchors = keys()
    assert len(anchors) == 2
    cases = [("example.test.", kind) for kind in ("SOA", "NS", "MX", "CAA", "CDS", "CDNSKEY")]
    cases += [("mail", "A"), ("MAIL", "AAAA"), ("_sip._tcp", "SRV"), ("t", "TXT"), ("x.wild", "TXT"), ("a.b.wild", "TXT"), ("alias", "A"),
              ("toapp", "A"), ("away", "CNAME"), ("odd\\.label", "A"), ("naptr", "NAPTR"), ("web", "TYPE65"), ("svc", "TYPE64"), ("loc", "LOC"),
              ("rp", "RP"), ("ptr", "PTR"), ("unknown", "TYPE65280"), ("www", "A"), ("www", "AAAA"), ("signed", "DS"), ("mail", "ANY"),
              ("mail", "NSEC")]
    for name, kind in cases:
        answer = validated(ask(name, kind), anchors)
        assert answer.answer and answer.rcode() == 0 and answer.flags & dns.flags.AA and not answer.flags & dns.flags.AD, (name, kind)
    validated(ask("big", "TXT", tcp=True), anchors)
    assert ask("big", "TXT").flags & dns.flags.TC
    for name, kind in [("gone", "A"), ("a.b.c.gone", "MX"), ("mail", "TXT"), ("ent", "A"), ("x.wild", "A"), ("www", "MX"), ("sub", "DS"),
                       ("x.there.wild", "A"), ("example.test.", "A"), ("alias", "TXT")]:
        answer = validated(ask(name, kind), anchors)
        assert answer.rcode() == 0 and [r for r in answer.authority if r.rdtype == dns.rdatatype.NSEC], (name, kind)
    validated(ask("x.old", "A"), anchors, unsigned=("CNAME",))
    referral = ask("x.sub", "A")
    validated(referral, anchors, unsigned=("NS",))
    assert not referral.flags & dns.flags.AA
    validated(ask("x.signed", "A"), anchors, unsigned=("NS",))
    # Without DO all is as it was.
    assert udp("gone", "A").rcode() == dns.rcode.NXDOMAIN
    assert {r.rdtype for r in udp("www", "A").answer} == {dns.rdatatype.A}
    # Steering: other clients, other sets, each with its signature; the view moves, and so does the signature.
    plane.picture(taiwan=0, default=(6000, 4000))
    answer = validated(ask("www", "A"), anchors)
    assert addresses(answer) == [TOKYO]


def resolved(name, kind="A", source=None):
    message = query(name, kind, want_dnssec=True)
    for _ in range(10):
        try:
            return dns.query.udp(message, RESOLVER, port=RESOLVER_PORT, timeout=6, source=source)
        except (dns.exception.Timeout, ConnectionError):
            pass
    return None


def resolver_ready():
    """Asked over UDP before it listens, it would be waited for until the time-out."""
    try:
        socket.create_connection((RESOLVER, RESOLVER_PORT), 6).close()
    except OSError:
        return False
    return resolved("example.test.", "SOA") is not None


def believed(name, kind="A", source=None):
    """What does not exist is NOERROR where a resolver is older than RFC 9824, NXDOMAIN where it is not."""
    answer = resolved(name, kind, source)
    codes = (dns.rcode.NOERROR, dns.rcode.NXDOMAIN) if "gone" in name else (dns.rcode.NOERROR,)
    assert answer is not None and answer.rcode() in codes and answer.flags & dns.flags.AD, f"{name} {kind}: {answer}"
    return answer


def start_unbound(plane, zone="example.test", more=""):
    """With the DS of that zone as its only anchor."""
    plane.write("anchor", plane.key("ds", zone=zone))
    plane.write("unbound.conf", UNBOUND.format(root=plane.root, resolver=RESOLVER, port=RESOLVER_PORT, server=SERVER, server_port=PORT,
                                               zone=zone, more=more))
    shutil.copy("/usr/sbin/unbound", plane.path("unbound"))  # AppArmor's profile of that path knows Debian's files only
    with open(plane.path("unbound.out"), "wb") as out:
        return subprocess.Popen([plane.path("unbound"), "-d", "-c", plane.path("unbound.conf")], stdout=out, stderr=out)


def test_resolvers_that_validate_believe_it(plane):
    """Unbound with our DS as its only anchor, and delv."""
    plane.picture()
    unbound = start_unbound(plane)
    try:
        until(resolver_ready, 60)
        assert addresses(believed("www")) == [TAIWAN, TAIWAN2]
        assert addresses(believed("toapp")) == [TAIWAN, TAIWAN2]
        for name, kind in [("mail", "A"), ("alias", "A"), ("x.wild", "TXT"), ("x.old", "A"), ("t", "TXT"), ("example.test.", "DNSKEY")]:
            assert believed(name, kind).answer, (name, kind)
        for name, kind in [("mail", "TXT"), ("ent", "A"), ("y.wild", "A"), ("www", "MX"), ("sub", "DS"), ("example.test.", "TXT"),
                           ("gone", "A"), ("a.b.gone", "A")]:
            assert not believed(name, kind).answer, (name, kind)
    finally:
        unbound.terminate()
        assert unbound.wait(60) is not None
    tag, algorithm, kind, digest = plane.key("ds").split()[3:7]
    plane.write("anchors", f'trust-anchors {{ example.test. static-ds {tag} {algorithm} {kind} "{digest}"; }};\n')
    for name, kind, verdict in [("www", "A", "; fully validated"), ("x.wild", "TXT", "; fully validated"),
                                ("mail", "TXT", "fully validated"), ("gone", "A", "fully validated")]:
        done = subprocess.run(["delv", f"@{SERVER}", "-p", str(PORT), "-a", plane.path("anchors"), "+root=example.test",
                               name + ".example.test.", kind], capture_output=True, text=True, check=False, timeout=120)
        assert verdict in done.stdout + done.stderr and "resolution failed: " not in done.stderr.replace(
            "resolution failed: ncache", ""), (name, done.stdout, done.stderr)


def test_a_resolver_that_tells_subnets_keeps_answers_apart(plane):
    """Unbound asks on behalf of its clients' networks, and gives each what our scopes say, from its cache or not."""
    plane.picture()
    unbound = start_unbound(plane, more=f"""  module-config: "subnetcache validator iterator"
  send-client-subnet: {SERVER}
  max-client-subnet-ipv4: 24
""")
    try:
        until(resolver_ready, 60)
        for _ in range(3):
            for source, there in (("127.9.1.7", [TAIWAN, TAIWAN2]), ("127.9.2.7", [TOKYO]), ("127.9.1.8", [TAIWAN, TAIWAN2]),
                                  ("127.9.2.8", [TOKYO]), ("127.8.1.1", [TAIWAN, TAIWAN2])):
                for name in ("www", "near", "toapp"):
                    assert addresses(believed(name, source=source)) == there, (name, source)
        assert not believed("near", "AAAA", "127.9.2.7").answer and believed("near", "AAAA", "127.9.1.7").answer
        assert addresses(believed("mail", source="127.9.2.7")) == ["10.0.0.2", "10.0.0.3"]
    finally:
        unbound.terminate()
        assert unbound.wait(60) is not None


def verify_transfer(plane, *more):
    out = dig("example.test", "AXFR", "-b", "127.9.1.1", "-y", f"hmac-sha256:transfer.test:{KEY}")
    lines = [line for line in out.splitlines() if line and not line.startswith(";") and "TSIG" not in line]
    plane.write("transferred", "\n".join(lines[:-1]) + "\n")  # the SOA stands at both ends
    for command in (["ldns-verify-zone", plane.path("transferred")], ["dnssec-verify", *more, "-o", "example.test", plane.path("transferred")],
                    ["named-checkzone", "-k", "ignore", "-i", "none", "example.test", plane.path("transferred")]):
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, (command, done.stdout, done.stderr)


def test_what_is_transferred_is_a_signed_zone(plane):
    verify_transfer(plane)
    zone = transferred("example.test", keyring=KEYRING, source="127.9.1.1")
    assert zone.get_rdataset(ORIGIN, "NSEC") and not zone.get_node("www.example.test.")


def test_one_key_of_the_other_algorithm():
    plane = Signed("--algorithm", "ed25519")
    try:
        plane.start()
        plane.picture()
        anchors = keys()
        assert [(key.algorithm, key.flags) for key in anchors] == [(dns.dnssec.Algorithm.ED25519, 257)]
        for name in ("mail", "www", "gone", "x.wild"):
            validated(ask(name, "A"), anchors)
        verify_transfer(plane, "-z")  # BIND's tools otherwise want two keys
        plane.stop()
    finally:
        plane.end()


def test_keys_change_step_by_step(plane):
    """A zone-signing key, then a key-signing key: after each step every answer validates by the keys that are told."""
    def tags(role):
        return sorted(dns.dnssec.key_id(key) for key in keys() if bool(key.flags & 1) == (role == "ksk"))

    def serial():
        return ask("example.test.", "SOA").answer[0][0].serial

    def signer():
        answer = validated(ask("ns1", "A"), keys())
        return signatures(answer.answer, answer.answer[0])[0].key_tag
    last = serial()
    for role, extra in (("zsk", []), ("ksk", ["--ds-seen"])):
        first = tags(role)
        assert len(first) == 1
        plane.key("roll", "--role", role)
        reload_ok(plane)
        second = [tag for tag in tags(role) if tag not in first]
        assert len(second) == 1 and (role == "ksk" or [signer()] == first)
        assert serial() > last  # secondaries come for it
        last = serial()
        assert "not before" in plane.key("roll", "--role", role, *extra, code=3)
        if extra:
            assert len(ask("example.test.", "CDS").answer[0]) == 2
        plane.key("roll", "--role", role, "--force", *extra)
        reload_ok(plane)
        assert tags(role) == sorted(first + second) and (role == "ksk" or [signer()] == second)
        assert "not before" in plane.key("roll", "--role", role, code=3)
        plane.key("roll", "--role", role, "--force")
        reload_ok(plane)
        assert tags(role) == second
        validated(ask("gone", "A"), keys())
    assert [record.key_tag for record in ask("example.test.", "CDS").answer[0]] == tags("ksk")
    # A key that others can read stops nothing that runs, and is told.
    name = [name for name in os.listdir(plane.path("keys")) if name.startswith("zsk")][0]
    os.chmod(plane.path(f"keys/{name}"), 0o644)
    plane.server.send_signal(signal.SIGHUP)
    until(lambda: "everything stays as it was" in plane.log() and "others than the server's user can read" in plane.log())
    validated(ask("ns1", "A"), keys())
    with open(plane.path(f"keys/{name}"), encoding="ascii") as file:
        secret = file.read().splitlines()[1]
    assert secret not in plane.log()


PARENT = """$TTL 1
@ SOA ns.second hostmaster 1 2 3 4 1
@ NS ns.second
second NS ns.second
ns.second A 127.9.0.1
example NS ns1.example
ns1.example A 127.9.0.1
"""


class Delegated(Signed):
    """The signed zone below another signed one, `test`, of the same server; times to live of a second."""

    def __init__(self):
        super().__init__("--split", more=", ttl: 1s, parent_ttl: 1s, spread: 0s")
        os.mkdir(self.path("parent.keys"), 0o700)
        with open(self.path("holdfast.yaml"), encoding="ascii") as file:
            config = file.read()
        zones = f"zones: {{ test: {{ file: {self.root}/parent, dnssec: {{ keys: {self.root}/parent.keys, ttl: 1s }} }}, "
        assert "zones: { " in config
        self.write("holdfast.yaml", config.replace("zones: { ", zones, 1))
        self.write("parent", PARENT)
        self.key("generate", zone="test")

    def delegate(self, *tags):
        """The zone above has the DS of these keys."""
        lines = [line for line in self.key("ds").splitlines() if int(line.split()[3]) in tags]
        assert len(lines) == len(tags)
        self.write("parent", PARENT + "\n".join(lines) + "\n")
        reload_ok(self)

    def step(self, *arguments, code=0):
        """One step that may be too early yet, by a second."""
        out = []

        def done():
            out[:] = [self.key(*arguments, "--resolver", f"{SERVER}:{PORT}", code=None)]
            return "not before" not in out[0]
        until(done, 60)
        assert ("holdfast dns key: " in out[0]) == (code != 0), out[0]
        if not code:
            reload_ok(self)
        return out[0]


class Believer(threading.Thread):
    """Asks the resolver all the time: whatever it finds out must be good. No answer in time is none."""

    def __init__(self):
        super().__init__()
        self.stopped = threading.Event()
        self.good, self.bad = 0, []

    def run(self):
        cases = [("www", "A"), ("mail", "A"), ("gone", "A"), ("example.test.", "DNSKEY"), ("x.wild", "TXT"), ("example.test.", "DS")]
        while not self.stopped.wait(0.05):
            name, kind = cases[(self.good + len(self.bad)) % len(cases)]
            answer = resolved(name, kind)
            if answer is None:
                continue
            if answer.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN) and answer.flags & dns.flags.AD:
                self.good += 1
            else:
                self.bad.append(str(answer))

    def settle(self):
        """Until everything that it has in its cache (a second at most) is of now: this is the wait that --force leaves out."""
        time.sleep(2.2)
        good = self.good
        until(lambda: self.good > good + 6 or self.bad, 120)
        assert not self.bad, self.bad[0]


def test_algorithm_and_key_change_under_a_parent_without_an_unsigned_moment():
    """All steps before a parent whose DS are looked at, and a resolver that wants every algorithm that is told."""
    plane, unbound, believer = Delegated(), None, Believer()
    try:
        plane.start()
        plane.picture()
        old = int(plane.key("ds").split()[3])
        assert "its DS is not there" in plane.key("parent", "--resolver", f"{SERVER}:{PORT}", code=10)
        assert "127.9.4.9" in plane.key("parent", "--resolver", "127.9.4.9:24059", code=5)
        plane.delegate(old)
        assert "of a key that is in use" in plane.key("parent", "--resolver", f"{SERVER}:{PORT}")
        unbound = start_unbound(plane, "test", "  cache-max-ttl: 1\n  cache-max-negative-ttl: 1\n  harden-algo-downgrade: yes\n")
        until(resolver_ready, 60)
        until(lambda: (resolved("example.test.", "SOA") or query("x", "A")).flags & dns.flags.AD, 120)
        believer.start()

        def algorithm(*more, code=0):
            return plane.step("algorithm", "--algorithm", "ed25519", *more, code=code)

        def told():
            return sorted({key.algorithm for key in ask("example.test.", "DNSKEY").answer[0]})

        def signers(name="mail"):
            answer = ask(name, "A")
            return sorted(row.algorithm for row in signatures(answer.answer, answer.answer[0]))
        algorithm()
        assert told() == [13] and signers() == [13, 15]
        believer.settle()
        assert "not before" in plane.key("algorithm", "--algorithm", "ed25519", code=3)  # records live for longer
        algorithm("--force")
        assert told() == [13, 15] and signers() == [13, 15] and len(ask("example.test.", "CDS").answer[0]) == 2
        assert "the algorithm is changing" in plane.key("roll", "--role", "zsk", code=3)
        believer.settle()
        assert "does not" in algorithm(code=3)  # the new DS is not there
        new = [int(line.split()[3]) for line in plane.key("ds").splitlines() if line.split()[4] == "15"][0]
        plane.delegate(old, new)
        believer.settle()
        algorithm()
        assert told() == [13, 15] and signers("www") == [13, 15] and len(ask("example.test.", "CDS").answer[0]) == 1
        assert "still stands in the zone above" in algorithm(code=3)
        plane.delegate(new)
        believer.settle()
        algorithm()
        assert told() == [15] and signers() == [13, 15]
        believer.settle()
        algorithm()
        assert told() == [15] and signers() == [15]
        believer.settle()
        # A key-signing key, before the same parent.
        plane.step("roll", "--role", "ksk")
        believer.settle()
        assert "does not" in plane.step("roll", "--role", "ksk", code=3)
        next_one = [tag for tag in (int(line.split()[3]) for line in plane.key("ds").splitlines()) if tag != new][0]
        plane.delegate(new, next_one)
        believer.settle()
        plane.step("roll", "--role", "ksk")
        believer.settle()
        plane.delegate(next_one)
        believer.settle()
        plane.step("roll", "--role", "ksk")
        believer.settle()
        assert f"{next_one} " in plane.key("parent", "--resolver", f"{SERVER}:{PORT}")
        plane.stop()
    finally:
        believer.stopped.set()
        if believer.is_alive():
            believer.join()
        if unbound:
            unbound.terminate()
            unbound.wait(60)
        plane.end()
