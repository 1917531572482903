# SPDX-License-Identifier: Apache-2.0
"""The DNS plane with real clients: dig, dnspython and raw sockets against `holdfast dns serve`."""
import fcntl
import json
import os
import pwd
import random
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsig
import dns.tsigkeyring
import dns.zone
import pytest

BUILD = os.path.abspath(os.environ.get("HOLDFAST_BUILD", os.path.join(os.path.dirname(__file__), "..", "..", "build")))
HOLDFAST = os.path.join(BUILD, "src", "bin", "holdfast")
PUBLISHER = os.path.join(BUILD, "test", "system", "view_publisher")
SERVER, PORT = "127.9.0.1", 24053
TAIWAN, TAIWAN2, TOKYO = "192.0.2.1", "192.0.2.11", "192.0.2.2"
TAIWAN6 = "2001:db8:1::1"

CONFIG = """
name: shop
security: {{ token: {{ env: HOLDFAST_TOKEN }} }}
store: {{ kind: sqlite, path: {root}/holdfast.db }}
regions:
  taiwan:
    backup: [tokyo]
    clients: [ 127.9.1.0/24 ]
    endpoints: {{ web: [ "192.0.2.1:80" ] }}
  tokyo:
    backup: [taiwan]
    clients: [ 127.9.2.0/24 ]
    endpoints: {{ web: [ "192.0.2.2:80" ] }}
sites:
  taiwan:
    region: taiwan
    roles: [observer, dns]
    state_dir: {root}
    dns: {{ listen: [ "{server}:{port}", "[::1]:{port}" ] }}
  tokyo: {{ region: tokyo, roles: [observer], state_dir: {root} }}
  witness: {{ roles: [control], state_dir: {root}, api: {{ listen: "127.9.0.3:24080" }} }}
checks:
  region-connectivity:
    kind: tcp
    severity: critical
    layer: 1
    interval: 1s
    timeout: 800ms
    targets: {{ taiwan: {{ address: "192.0.2.1:80" }}, tokyo: {{ address: "192.0.2.2:80" }} }}
dns:
  zone: example.test
  zone_file: {root}/zone
  names: {{ www: {{ endpoint: web, ttl: 5s }}, near: {{ endpoint: web, ttl: 5s, policy: world }}, quick: {{ endpoint: web, ttl: 5s, policy: quick }} }}
  geo_database: {root}/world.mmdb
  policies:
    world:
      geolocation:
        networks: {{ office: {{ file: {root}/office.networks, to: tokyo }} }}
        subdivisions: {{ US-CA: tokyo }}
        countries: {{ TW: home }}
        default: taiwan
    home: {{ failover: [ taiwan, tokyo ] }}
    quick: {{ latency: {{ measured: [ taiwan, tokyo ], networks: {{ far: {{ networks: [ 203.0.113.0/24 ], times: {{ taiwan: 9, tokyo: 90 }} }} }}, default: taiwan }} }}
  zones: {{ second.test: {{ file: {root}/second, names: {{ app: {{ endpoint: web }} }} }} }}
  identify: true
  cookies: {{ secret: {{ file: {root}/cookie }} }}
  keys: {{ transfer.test: {{ secret: {{ file: {root}/key }} }} }}
  transfer: {{ allow: [ 127.9.0.0/16 ], notify: [ "{secondary}" ] }}
"""
OFFICE = "# whose home is tokyo\n127.9.2.0/24\n198.51.100.0/25\n"
# Taiwan 1.160/12 and 2001:b000::/20, Japan 1.0.16/20 and 126/8, California 8.8.8/24 in the rest of 8/8, Germany 5.1/16.
WORLD = os.path.join(os.path.dirname(__file__), "..", "..", "fuzz", "corpus", "dns_mmdb", "world")
SECONDARY, SECONDARY_PORT = "127.9.3.1", 24054
KEY = "c2VjcmV0IG9mIHRoZSB0ZXN0"

SECOND = """$TTL 60
@ SOA ns hostmaster 1 2 3 4 5
@ NS ns
ns A 10.1.0.1
up CNAME ns1.example.test.
"""
SECRETS = "445536bcd2513298075a5d379663c962", "dd3bdf9344b678b185a6f5cb60fca715"

ZONE = """$TTL 300
@ SOA ns1 hostmaster ( 7 3600 900 604800 60 )
  NS ns1
  NS ns2.other.test.
  MX 10 mail
  CAA 0 issue "ca.test"
ns1 A 10.0.0.1
mail A 10.0.0.2
mail A 10.0.0.3
mail AAAA 2001:db8::2
_sip._tcp SRV 1 2 5060 mail
t TXT "a;b" "\\"\\065\\009" ""
*.wild TXT "any"
there.wild A 10.0.0.4
deep.empty.ent A 10.0.0.5
alias CNAME mail
toapp CNAME www
away CNAME www.other.test.
sub NS ns.sub
ns.sub A 10.0.0.6
odd\\.label A 10.0.0.7
old DNAME new
x.new A 10.0.0.8
naptr NAPTR 100 50 "s" "http+I2L" "!^.*$!x!" _http._tcp
ssh SSHFP 2 1 123456789abcdef67890123456789abcdef67890
_443._tcp TLSA 3 1 1 ( d2abde240d7cd3ee6b4b28c54df034b9
                       7983a1d16e8a410e4561cb106618e971 )
signed NS ns.other.test.
signed DS 60485 13 2 ( D2ABDE240D7CD3EE6B4B28C54DF034B9 7983A1D16E8A410E4561CB106618E971 )
key DNSKEY 256 3 ECDSAP256SHA256 AQPSKmynfzW4kyBv015MUG2DeIQ3Cbl+BBZH4b/0PY1kxkmvHjcZc8nokfzj31GajIQKY+5CptLr3buXA10hWqTkF7H6RfoRqXQeogmMHfpftf6zMv1LyBUgia7za6ZE
web HTTPS 1 . alpn="h2,h3" port=8443 ipv4hint=192.0.2.1
svc SVCB 0 web
loc LOC 51 30 12.748 N 0 7 39.612 W 24.00m 30m 10000m 10m
host HINFO "PC" "Linux"
uri URI 10 1 "https://example.test/"
rp RP mail t
ptr PTR mail
spf SPF "v=spf1 -all"
unknown TYPE65280 \\# 3 010203
$INCLUDE zone.more sub2
""" + "".join(f'big TXT "{i:03d} {"x" * 60}"\n' for i in range(100))


MORE = "inner A 10.0.0.9\n@ TXT included\n"


class Dns:
    def __init__(self):
        self.root = tempfile.mkdtemp(prefix="holdfast-dns-")
        self.server = self.publisher = None
        self.version = 0
        self.write("zone", ZONE)
        self.write("zone.more", MORE)
        self.write("second", SECOND)
        self.write("cookie", SECRETS[0] + "\n")
        self.write("key", KEY + "\n")
        self.write("office.networks", OFFICE)
        shutil.copyfile(WORLD, self.path("world.mmdb"))
        os.chmod(self.path("cookie"), 0o600)
        os.chmod(self.path("key"), 0o600)
        self.write("holdfast.yaml", CONFIG.format(root=self.root, server=SERVER, port=PORT,
                                                     secondary=f"{SECONDARY}:{SECONDARY_PORT}"))

    def write(self, name, text):
        with open(os.path.join(self.root, name), "w", encoding="ascii") as file:
            file.write(text)

    def path(self, name):
        return os.path.join(self.root, name)

    def log(self):
        with open(self.path("log"), encoding="utf-8") as file:
            return file.read()

    def start(self):
        with open(self.path("log"), "ab") as log:
            self.server = subprocess.Popen([HOLDFAST, "dns", "serve", "--config", self.path("holdfast.yaml")], stderr=log)
        until(lambda: "serving zone" in self.log() and udp("ns1", "A") is not None)

    def stop(self):
        if self.server:
            self.server.send_signal(signal.SIGTERM)
            assert self.server.wait(20) == 0
        self.server = None

    def publish(self, *lines, commit=True):
        if self.publisher is None:
            self.publisher = subprocess.Popen([PUBLISHER, self.path("view.shm")], stdin=subprocess.PIPE,
                                              stdout=subprocess.PIPE, text=True)
        if commit:
            self.version += 1
            lines += (f"commit {self.version}",)
        out = []
        for line in lines:
            self.publisher.stdin.write(line + "\n")
            self.publisher.stdin.flush()
            answer = self.publisher.stdout.readline().strip()
            while answer.startswith("reader"):
                out.append(answer.split()[1:])
                answer = self.publisher.stdout.readline().strip()
            assert answer == "ok", line
        return out

    def kill_publisher(self):
        if self.publisher:
            self.publisher.kill()
            self.publisher.wait()
            self.publisher.stdin.close()
            self.publisher.stdout.close()
        self.publisher = None

    def picture(self, taiwan=1, tokyo=1, default=(10000, 0), more=()):
        self.publish("clear", "region taiwan 0", "region tokyo 1", f"endpoint web 0 {TAIWAN} {taiwan}",
                     f"endpoint web 0 {TAIWAN2} {taiwan}", f"endpoint web 0 {TAIWAN6} {taiwan}",
                     f"endpoint web 1 {TOKYO} {tokyo}", "network 127.9.1.0 24 0", "network 127.9.2.0 24 1",
                     "split 0 10000 0", "split 1 0 10000", f"split default {default[0]} {default[1]}", *more)

    def end(self):
        self.kill_publisher()
        if self.server:
            self.server.kill()
            self.server.wait()
        shutil.rmtree(self.root)


def until(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def query(name, kind, **more):
    text = name if name.endswith(".") else name + ".example.test."
    return dns.message.make_query(text, kind, **more)


def udp(name, kind, source=None, where=SERVER, **more):
    """None: nobody is there. A packet may be lost where the server's queue is full, and is sent again."""
    for _ in range(5):
        try:
            return dns.query.udp(query(name, kind, **more), where, port=PORT, source=source, timeout=4, ignore_trailing=False)
        except dns.exception.Timeout:
            pass
        except ConnectionError:
            break
    return None


def addresses(answer):
    return sorted(record.address for rrset in answer.answer for record in rrset if hasattr(record, "address"))


def dig(*arguments):
    return subprocess.run(["dig", f"@{SERVER}", "-p", str(PORT), "+tries=1", "+time=5", *arguments], check=True,
                          capture_output=True, text=True).stdout


@pytest.fixture()
def plane():
    plane = Dns()
    try:
        plane.start()
        yield plane
        plane.stop()
        assert "Sanitizer" not in plane.log()
    finally:
        plane.end()


def test_static_names_as_dig_sees_them(plane):
    out = dig("ns1.example.test", "A", "+noedns")
    assert "status: NOERROR" in out and re.search(r"flags: qr aa rd;", out) and "ns1.example.test.\t300\tIN\tA\t10.0.0.1" in out
    assert "status: NXDOMAIN" in dig("missing.example.test") and "SOA" in dig("missing.example.test")
    nodata = dig("mail.example.test", "TXT")
    assert "status: NOERROR" in nodata and "ANSWER: 0, AUTHORITY: 1" in nodata and re.search(r"example.test.\s+60\s+IN\s+SOA", nodata)
    assert "ANSWER: 0, AUTHORITY: 1" in dig("ent.example.test")
    assert '"any"' in dig("a.b.wild.example.test", "TXT")
    assert "ANSWER: 0" in dig("there.wild.example.test", "TXT")
    assert 'HINFO\t"RFC8482" ""' in dig("example.test", "ANY", "+notcp")
    assert "status: REFUSED" in dig("www.other.test")
    assert "status: REFUSED" in dig("version.bind", "TXT", "CH")
    assert "status: NOTIMP" in dig("+opcode=notify", "example.test", "SOA")
    referral = dig("x.sub.example.test")
    assert "flags: qr rd;" in referral and "ANSWER: 0, AUTHORITY: 1, ADDITIONAL: 2" in referral and "10.0.0.6" in referral
    assert "status: BADVERS" in dig("ns1.example.test", "+edns=1", "+noednsnegotiation")
    assert "EDNS: version: 0, flags: do; udp: 1232" in dig("ns1.example.test", "+dnssec")
    assert "MAIL.eXaMple.test." in dig("MAIL.eXaMple.test")


def test_large_answers_go_over_tcp(plane):
    assert re.search(r"flags: qr aa tc rd;.*ANSWER: 0", dig("big.example.test", "TXT", "+ignore"))
    assert re.search(r"flags: qr aa tc rd;", dig("big.example.test", "TXT", "+ignore", "+bufsize=4096"))
    out = dig("big.example.test", "TXT")
    assert "Truncated, retrying in TCP mode" in out and "ANSWER: 100" in out
    assert "ANSWER: 2" in dig("mail.example.test", "+tcp", "+keepopen", "mail.example.test")
    assert "status: REFUSED" in dig("example.test", "AXFR", "+comments") or "Transfer failed" in dig("example.test", "AXFR")


def test_every_record_as_dnspython_reads_the_zone(plane, monkeypatch):
    """The oracles: dnspython parses the same file; each of its record sets must come back equal. named-checkzone takes it."""
    monkeypatch.chdir(plane.root)  # there the others look for what is included
    zone = dns.zone.from_file(plane.path("zone"), origin="example.test.", relativize=False, allow_include=True)
    hidden = ("sub.example.test.", "ns.sub.example.test.", "signed.example.test.")
    for name, node in zone.items():
        for rdataset in node:
            if str(name) in hidden and rdataset.rdtype != dns.rdatatype.DS:
                continue
            answer = dns.query.tcp(dns.message.make_query(name, rdataset.rdtype), SERVER, port=PORT, timeout=5)
            assert answer.rcode() == dns.rcode.NOERROR and answer.flags & dns.flags.AA
            got = answer.find_rrset(answer.answer, name, 1, rdataset.rdtype)
            assert set(got) == set(rdataset) and got.ttl == rdataset.ttl
    assert len(zone.nodes) > 30 and zone["inner.sub2.example.test."]
    done = subprocess.run(["named-checkzone", "-k", "ignore", "-i", "none", "example.test", plane.path("zone")],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "loaded serial 7" in done.stdout, done.stdout


def test_kdig_and_drill_understand_it(plane):
    for tool in (["kdig", f"@{SERVER}", "-p", str(PORT)], ["drill", "-p", str(PORT), f"@{SERVER}"]):
        def ask(*arguments):
            return subprocess.run([*tool, *arguments], capture_output=True, text=True, check=True, timeout=60).stdout
        assert "10.0.0.1" in ask("ns1.example.test", "A")
        assert "NXDOMAIN" in ask("missing.example.test", "A")
        dname = ask("x.old.example.test", "A")
        assert "DNAME" in dname and "CNAME" in dname and "10.0.0.8" in dname
        assert "h2" in ask("web.example.test", "TYPE65" if tool[0] == "drill" else "HTTPS") or tool[0] == "drill"
        assert "10.0.0.6" in ask("x.sub.example.test", "A")
        assert "TXT" in ask("big.example.test", "TXT")


def test_before_any_view_and_after(plane):
    assert udp("www", "A").rcode() == dns.rcode.SERVFAIL
    assert udp("toapp", "A").rcode() == dns.rcode.SERVFAIL
    assert udp("mail", "A").rcode() == dns.rcode.NOERROR
    plane.picture()
    answer = udp("www", "A")
    assert addresses(answer) == [TAIWAN, TAIWAN2] and answer.answer[0].ttl == 5
    assert addresses(udp("toapp", "A")) == [TAIWAN, TAIWAN2]
    assert addresses(udp("www", "A", where="::1")) == [TAIWAN, TAIWAN2]
    assert [str(r) for r in udp("www", "AAAA").answer[0]] == [TAIWAN6]
    plane.picture(more=("ttl 2",))
    assert udp("www", "A").answer[0].ttl == 2


def test_homes_failover_and_last_standing_answer(plane):
    plane.picture()
    assert addresses(udp("www", "A", source="127.9.1.7")) == [TAIWAN, TAIWAN2]
    assert addresses(udp("www", "A", source="127.9.2.7")) == [TOKYO]
    plane.picture(more=("split 0 0 10000", "split default 0 10000"))
    assert addresses(udp("www", "A", source="127.9.1.7")) == [TOKYO]
    assert udp("www", "AAAA", source="127.9.1.7").answer == []
    plane.picture(taiwan=0, tokyo=0)
    assert addresses(udp("www", "A", source="127.9.1.7")) == [TAIWAN, TAIWAN2]
    plane.picture(taiwan=0, default=(9000, 1000))
    assert addresses(udp("www", "A", source="127.9.7.7")) == [TOKYO]


def test_answers_outlive_the_controller(plane):
    plane.picture()
    plane.publish(f"save {plane.path('view.last')}", commit=False)
    plane.kill_publisher()
    assert addresses(udp("www", "A")) == [TAIWAN, TAIWAN2]
    plane.stop()
    plane.start()
    assert addresses(udp("www", "A")) == [TAIWAN, TAIWAN2]
    # A cold start: the shared memory is gone, the file is there.
    plane.stop()
    os.unlink(plane.path("view.shm"))
    plane.start()
    assert addresses(udp("www", "A")) == [TAIWAN, TAIWAN2]
    # The next controller goes on from there.
    plane.picture(more=("split default 0 10000",))
    assert addresses(udp("www", "A")) == [TOKYO]
    # Somebody removes the shared memory under the living server: it keeps its view, and follows to the next file.
    plane.kill_publisher()
    os.unlink(plane.path("view.shm"))
    assert addresses(udp("www", "A")) == [TOKYO]
    plane.picture()
    until(lambda: addresses(udp("www", "A")) == [TAIWAN, TAIWAN2])


def reload_ok(plane):
    before = plane.log().count("read again zone=second.test.")
    plane.server.send_signal(signal.SIGHUP)
    until(lambda: plane.log().count("read again zone=second.test.") > before)


def test_several_zones(plane):
    def ask(name, kind):
        return dns.query.udp(dns.message.make_query(name, kind), SERVER, port=PORT, timeout=30)
    plane.picture()
    assert addresses(ask("ns.second.test.", "A")) == ["10.1.0.1"]
    assert addresses(ask("app.second.test.", "A")) == [TAIWAN, TAIWAN2]
    assert addresses(ask("up.second.test.", "A")) == ["10.0.0.1"]
    missing = ask("missing.second.test.", "A")
    assert missing.rcode() == dns.rcode.NXDOMAIN and missing.authority[0].name.to_text() == "second.test."
    plane.write("second", SECOND.replace("10.1.0.1", "10.1.0.2"))
    reload_ok(plane)
    assert addresses(ask("ns.second.test.", "A")) == ["10.1.0.2"]
    assert addresses(ask("ns1.example.test.", "A")) == ["10.0.0.1"]
    assert plane.log().count("the serial did not") == 1 and "zone=second.test. serial=1: the records changed" in plane.log()


def cookie_of(answer):
    return next(option.data for option in answer.options if option.otype == 10)


def test_cookies_outlive_a_change_of_the_secret(plane):
    assert "(good)" in dig("ns1.example.test", "+cookie")
    ours = cookie_of(udp("ns1", "A", use_edns=0, options=[dns.edns.GenericOption(10, b"client01")]))
    assert len(ours) == 24 and ours[8:12] == b"\x01\0\0\0"

    def good():
        """Whether it comes back as it was: a good one that is young does."""
        return cookie_of(udp("ns1", "A", use_edns=0, options=[dns.edns.GenericOption(10, ours)])) == ours
    assert good()
    # The new secret first, the old one still taken: another cookie comes, and is what counts once the old one is gone.
    plane.write("cookie", SECRETS[1] + "\n" + SECRETS[0] + "\n")
    reload_ok(plane)
    assert not good()
    ours = cookie_of(udp("ns1", "A", use_edns=0, options=[dns.edns.GenericOption(10, ours)]))
    assert good()
    plane.write("cookie", SECRETS[1] + "\n")
    reload_ok(plane)
    assert good()
    # A broken secret changes nothing, and a server that wants cookies gets one to dig by itself (BADCOOKIE, again).
    plane.write("cookie", "nonsense")
    plane.server.send_signal(signal.SIGHUP)
    until(lambda: "dns.cookies.secret: invalid input" in plane.log())
    assert good() and addresses(udp("ns1", "A")) == ["10.0.0.1"]
    plane.stop()
    plane.write("cookie", SECRETS[0] + "\n")
    with open(plane.path("holdfast.yaml"), encoding="ascii") as file:
        text = file.read()
    plane.write("holdfast.yaml", text.replace("/cookie }", "/cookie }, require: true"))
    plane.start()
    assert "status: BADCOOKIE" in dig("ns1.example.test", "+cookie", "+nobadcookie")
    retried = dig("ns1.example.test", "+cookie")
    assert "status: NOERROR" in retried and "(good)" in retried
    assert "status: NOERROR" in dig("ns1.example.test", "+nocookie")


def test_rate_limits_spare_who_shows_a_cookie_or_comes_by_tcp(plane):
    """400 questions at once: some are answered, some say come by TCP, some nothing; those with a cookie are all answered."""
    plane.stop()
    with open(plane.path("holdfast.yaml"), encoding="ascii") as file:
        text = file.read()
    plane.write("holdfast.yaml", text + "  rate_limit: { per_second: 20, exempt: [ 127.9.2.0/24 ] }\n")
    plane.start()

    def flood(source, count=400, **more):
        """How many answers were whole, and how many were empty with TC; what is lost on the way counts as neither."""
        whole = empty = 0
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind((source, 0))
            sock.connect((SERVER, PORT))
            sock.settimeout(1)
            for _ in range(count):
                sock.send(query("mail", "A", **more).to_wire())
            try:
                while True:
                    answer = dns.message.from_wire(sock.recv(4096))
                    whole += len(answer.answer) > 0
                    empty += bool(answer.flags & dns.flags.TC)
            except TimeoutError:
                pass
        return whole, empty

    until(lambda: all(flood("127.9.1.1")), 120)
    whole, empty = flood("127.9.1.1")
    assert whole + empty < 400
    ours = cookie_of(udp("ns1", "A", source="127.9.1.1", use_edns=0, options=[dns.edns.GenericOption(10, b"client01")]))
    cookie = {"use_edns": 0, "options": [dns.edns.GenericOption(10, ours)]}
    assert flood("127.9.1.1", 50, **cookie)[1] == 0
    assert flood("127.9.2.1", 50)[1] == 0
    assert "ANSWER: 2" in dig("mail.example.test", "+tcp", "-b", "127.9.1.1")
    plane.server.send_signal(signal.SIGUSR1)
    until(lambda: re.search(r"rate_slipped=[1-9]\d* rate_dropped=[1-9]", plane.log()))


def test_who_answers_is_told_where_it_is_configured(plane):
    assert '("taiwan")' in dig("ns1.example.test", "+nsid")
    assert 'TXT\t"taiwan"' in dig("id.server", "TXT", "CH") and 'TXT\t"taiwan"' in dig("hostname.bind", "TXT", "CH")
    assert "status: REFUSED" in dig("version.bind", "TXT", "CH")
    assert "TCP KEEPALIVE" in dig("ns1.example.test", "+tcp", "+keepalive").upper().replace("-", " ")


KEYRING = dns.tsigkeyring.from_text({"transfer.test.": KEY})


def transferred(name, **more):
    return dns.zone.from_xfr(dns.query.xfr(SERVER, name, port=PORT, relativize=False, lifetime=60, **more), relativize=False)


def test_transfers_are_signed_and_whole(plane, monkeypatch):
    """What dnspython and dig are given is what the file says, and named-checkzone takes it."""
    monkeypatch.chdir(plane.root)
    mine = dns.zone.from_file(plane.path("zone"), origin="example.test.", relativize=False, allow_include=True)
    theirs = transferred("example.test", keyring=KEYRING, source="127.9.1.1")
    assert set(theirs.nodes) == set(mine.nodes)
    for name, node in mine.items():
        assert {(str(s.rdtype), s.ttl, frozenset(s)) for s in node} == {(str(s.rdtype), s.ttl, frozenset(s)) for s in theirs[name]}
    out = dig("example.test", "AXFR", "-b", "127.9.1.1", "-y", f"hmac-sha256:transfer.test:{KEY}")
    assert "Couldn't verify signature" not in out and "NOERROR" in out and "XFR size" in out
    plane.write("transferred", "\n".join(line for line in out.splitlines() if line and "TSIG" not in line))
    done = subprocess.run(["named-checkzone", "-k", "ignore", "-i", "none", "example.test", plane.path("transferred")],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    # Not without the key, not with another, not from elsewhere, and not a part of a zone.
    for name, ring, source in (("example.test", None, "127.9.1.1"), ("example.test", KEYRING, "127.8.1.1"),
                               ("example.test", dns.tsigkeyring.from_text({"transfer.test.": "YWJj"}), "127.9.1.1"),
                               ("sub.example.test", KEYRING, "127.9.1.1")):
        with pytest.raises((dns.query.TransferError, dns.tsig.PeerError)):
            transferred(name, keyring=ring, source=source)
    # Signed questions of any kind get signed answers.
    answer = dig("ns1.example.test", "-y", f"hmac-sha256:transfer.test:{KEY}")
    assert "TSIG" in answer and "10.0.0.1" in answer and "verify" not in answer


NSD = """
server:
  ip-address: {secondary}@{port}
  username: ""
  chroot: ""
  zonesdir: "{root}"
  database: ""
  logfile: "{root}/nsd.log"
  pidfile: "{root}/nsd.pid"
  xfrdfile: "{root}/xfrd.state"
  xfrdir: "{root}"
  zonelistfile: "{root}/zone.list"
  rrl-ratelimit: 0
  verbosity: 2
remote-control: {{ control-enable: no }}
key: {{ name: transfer.test, algorithm: hmac-sha256, secret: "{key}" }}
""".replace("{{ ", "\n  ").replace(" }}", "\n").replace(", ", "\n  ") + """
zone:
  name: example.test
  zonefile: "{root}/example.secondary"
  request-xfr: {server}@{server_port} transfer.test
  allow-notify: {server} transfer.test
  outgoing-interface: {secondary}
"""


def told(where, port, name, kind):
    """What an answer says, however it is arranged; NSD adds name servers to what is there."""
    message = query(name, kind, use_edns=0, payload=1232)
    for _ in range(5):
        try:
            answer, _ = dns.query.udp_with_fallback(message, where, port=port, timeout=12)
            break
        except dns.exception.Timeout:
            continue
    else:
        raise AssertionError(f"{where} does not answer {name} {kind}")
    sets = {section: {(r.name, r.rdtype, r.ttl, frozenset(r)) for r in records}
            for section, records in (("answer", answer.answer), ("authority", [] if answer.answer else answer.authority))}
    return answer.rcode(), answer.flags & dns.flags.AA, sets


def same_as_nsd():
    """Every name of the zone, some that are not there, wildcards, aliases, delegations: each kind of answer is NSD's, too."""
    zone = dns.zone.from_text("".join(line for line in ZONE.splitlines(keepends=True) if "INCLUDE" not in line), "example.test.",
                              relativize=False)
    names = {name.to_text() for name in zone.nodes} - {"toapp.example.test."}
    names |= {f"{more}.example.test." for more in ("gone", "gone.mail", "x.wild", "x.y.wild", "x.there.wild", "wild", "ent", "empty.ent",
                                                   "x.old", "y.old", "x.sub", "a.b.sub", "x.signed", "x.alias", "inner.sub2", "sub2")}
    for name in sorted(names):
        for kind in ("A", "AAAA", "MX", "NS", "SOA", "CNAME", "DNAME", "DS", "TXT", "TYPE65280"):
            ours = told(SERVER, PORT, name, kind)
            for _ in range(20):  # one of its processes may still be without the zone
                theirs = told(SECONDARY, SECONDARY_PORT, name, kind)
                if theirs == ours:
                    break
                time.sleep(1)
            assert ours == theirs, (name, kind)


def test_a_real_secondary_follows(plane):
    """NSD transfers the zone at its start, and again when it is told of a new serial. What it answers is what we do."""
    plane.write("nsd.conf", NSD.format(root=plane.root, secondary=SECONDARY, port=SECONDARY_PORT, server=SERVER, server_port=PORT, key=KEY))
    with open(plane.path("nsd.out"), "wb") as out:
        nsd = subprocess.Popen(["/usr/sbin/nsd", "-d", "-c", plane.path("nsd.conf")], stdout=out, stderr=out)
    try:
        def secondary(name):
            try:
                return addresses(dns.query.udp(query(name, "A"), SECONDARY, port=SECONDARY_PORT, timeout=2))
            except (dns.exception.Timeout, ConnectionError):
                return None
        until(lambda: secondary("ns1") == ["10.0.0.1"], 60)
        until(lambda: secondary("inner.sub2") == ["10.0.0.9"], 60)  # each of its processes takes the zone on its own
        same_as_nsd()
        plane.write("zone", ZONE.replace("10.0.0.1", "10.9.9.9").replace(" 7 3600", " 8 3600"))
        reload_ok(plane)
        until(lambda: secondary("ns1") == ["10.9.9.9"], 60)
    finally:
        nsd.terminate()
        assert nsd.wait(60) is not None


def subnet(address, bits):
    return {"use_edns": 0, "options": [dns.edns.ECSOption(address, bits)]}


def scope(answer):
    return next(option.scopelen for option in answer.options if option.otype == dns.edns.ECS)


def test_client_subnets_decide_and_come_back_with_their_scope(plane):
    plane.picture()
    tokyo = udp("www", "A", source="127.9.1.7", **subnet("127.9.2.0", 24))
    assert addresses(tokyo) == [TOKYO] and scope(tokyo) == 24
    assert scope(udp("mail", "A", **subnet("127.9.2.0", 24))) == 0
    zero = udp("www", "A", source="127.9.2.7", **subnet("0.0.0.0", 0))
    assert addresses(zero) == [TOKYO] and scope(zero) == 0
    assert "CLIENT-SUBNET: 127.9.2.0/24/24" in dig("www.example.test", "+subnet=127.9.2.0/24")
    assert scope(udp("www", "A", **subnet("2001:db8::", 56))) == 0
    plane.picture(default=(9000, 1000))
    assert scope(udp("www", "A", **subnet("2001:db8::", 56))) == 56
    assert scope(udp("www", "A", **subnet("198.51.100.0", 24))) == 24


def near(*subnet_of, **more):
    return udp("near", "A", **subnet(*subnet_of), **more)


def test_policies_by_networks_and_places(plane):
    plane.picture()
    assert "CLIENT-SUBNET: 8.8.8.0/24/24" in dig("near.example.test", "+subnet=8.8.8.0/24")
    for address, bits, expected, decided in (("8.8.8.0", 24, TOKYO, 24), ("1.160.0.0", 24, TAIWAN, 12), ("198.51.100.0", 24, TOKYO, 25),
                                             ("5.1.2.0", 24, TAIWAN, 6), ("2001:b000::", 56, TAIWAN, 20)):
        answer = near(address, bits)
        assert expected in addresses(answer) and scope(answer) == decided, address
    assert addresses(udp("near", "A", source="127.9.2.7")) == [TOKYO]
    assert addresses(near("0.0.0.0", 0, source="127.9.2.7")) == [TOKYO]
    plane.picture(tokyo=0)  # a dead branch is backed out of
    assert TAIWAN in addresses(near("8.8.8.0", 24))
    plane.picture(taiwan=0, tokyo=0)  # the last-standing answer is the smallest area's
    assert addresses(near("8.8.8.0", 24)) == [TOKYO] and TAIWAN in addresses(near("1.160.0.0", 24))
    plane.picture(more=("split 1 10000 0",))  # tokyo is drained
    assert TAIWAN in addresses(near("8.8.8.0", 24))


def test_policies_follow_their_files(plane):
    plane.picture()
    assert TAIWAN in addresses(near("203.0.113.0", 24))
    plane.write("office.new", OFFICE + "203.0.113.0/24\n")
    os.rename(plane.path("office.new"), plane.path("office.networks"))
    until(lambda: addresses(near("203.0.113.0", 24)) == [TOKYO], 60)
    plane.write("office.new", OFFICE + "203.0.113.1/24\n")
    os.rename(plane.path("office.new"), plane.path("office.networks"))
    until(lambda: "office.networks:4:1: bits behind the prefix are set" in plane.log(), 60)
    with open(plane.path("world.mmdb"), "r+b") as file:  # cut where it lies
        file.truncate(700)
    until(lambda: plane.log().count("everything stays as it was") > 1, 60)
    assert addresses(near("203.0.113.0", 24)) == [TOKYO] and addresses(near("8.8.8.0", 24)) == [TOKYO]
    plane.write("office.networks", "")
    shutil.copyfile(WORLD, plane.path("world.mmdb"))
    until(lambda: TAIWAN in addresses(near("203.0.113.0", 24)), 60)
    assert addresses(near("8.8.8.0", 24)) == [TOKYO]


def measure(plane, *rows):
    """The host's observer or controller has replaced the table of measured times."""
    now = int(time.time())
    plane.write("latency.new", "# measured\n" + "".join(row.replace("@", "@%d" % now) + "\n" for row in rows))
    os.rename(plane.path("latency.new"), plane.path("latency.table"))


def test_measured_times_lead(plane):
    def quick():
        return addresses(udp("quick", "A", **subnet("203.0.113.0", 24)))
    plane.picture()
    assert TAIWAN in quick()  # by the configured table
    measure(plane, "203.0.113.0/24 tokyo=9500@ taiwan=31000@")
    until(lambda: quick() == [TOKYO], 60)
    assert "CLIENT-SUBNET: 203.0.113.0/24/24" in dig("quick.example.test", "+subnet=203.0.113.0/24")
    out = subprocess.run([HOLDFAST, "dns", "explain", "quick", "--client", "203.0.113.7", "--config", plane.path("holdfast.yaml")],
                         capture_output=True, text=True, check=True).stdout
    assert re.search(r"tokyo +9\.5 ms away, measured \d+ s ago: taken", out)
    assert re.search(r"taiwan +31\.0 ms away, measured \d+ s ago: not needed", out)
    measure(plane, "203.0.113.0/24 tokyo=9500@")  # compared with the configured 9 ms
    until(lambda: TAIWAN in quick(), 60)
    measure(plane, "203.0.113.0/24 tokyo=9500@ taiwan=31000@", "203.0.113.0/24 broken")
    until(lambda: "policies go on without measured times" in plane.log(), 60)
    assert TAIWAN in quick()
    measure(plane, "203.0.113.0/24 tokyo=9500@ taiwan=31000@")
    until(lambda: quick() == [TOKYO], 60)
    os.unlink(plane.path("latency.table"))
    until(lambda: TAIWAN in quick(), 60)


def test_policies_are_explained(plane):
    plane.picture(tokyo=0)
    out = subprocess.run([HOLDFAST, "dns", "explain", "near", "--client", "8.8.8.8", "--config", plane.path("holdfast.yaml")],
                         capture_output=True, text=True, check=True).stdout
    assert re.search(r"tokyo +by the database it is in CA, US, NA: skipped: nothing in it can answer", out)
    assert re.search(r"taiwan +default: taken", out)
    assert "tokyo would be answered if region tokyo became healthy" in out


def region_of(sock, address):
    message = query("www", "A", **subnet(address, 24))
    sock.send(message.to_wire())
    answer = dns.message.from_wire(sock.recv(2048))
    assert answer.id == message.id
    return "tokyo" if TOKYO in addresses(answer) else "taiwan"


def test_ten_thousand_client_networks_and_a_growing_canary(plane):
    """Share p of n networks: n p +- 4.5 sqrt(n p (1 - p)). Who is in the canary stays in it while it grows."""
    networks = [f"100.{i >> 8}.{i & 255}.0" for i in range(10000)]
    before = set()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect((SERVER, PORT))
        sock.settimeout(10)
        for share in (1000, 5000):
            plane.picture(default=(10000 - share, share))
            canary = {network for network in networks if region_of(sock, network) == "tokyo"}
            p = share / 10000
            assert abs(len(canary) - 10000 * p) <= 4.5 * (10000 * p * (1 - p)) ** 0.5
            assert before <= canary
            before = canary


def test_readers_are_proved_to_have_moved(plane):
    plane.picture()
    assert udp("www", "A") is not None
    plane.picture()

    def moved():
        readers = plane.publish("readers", commit=False)
        return readers and all(kind == "dns" and int(version) == plane.version for name, kind, version in readers)
    until(moved)
    readers = plane.publish("readers", commit=False)
    assert {name for name, _, _ in readers} == {f"dns-{i}" for i in range(len(readers))}
    plane.server.kill()
    plane.server.wait()
    plane.server = None
    assert plane.publish("readers", commit=False) == []


def test_reload_and_a_broken_zone(plane):
    plane.write("zone", ZONE.replace("10.0.0.1", "10.9.9.9").replace(" 7 3600", " 8 3600"))
    plane.server.send_signal(signal.SIGHUP)
    until(lambda: "serial=8" in plane.log())
    assert addresses(udp("ns1", "A")) == ["10.9.9.9"]
    plane.write("zone", ZONE + "broken A 1.2.3\n")
    plane.server.send_signal(signal.SIGHUP)
    until(lambda: "stays as it was" in plane.log())
    line = ZONE.count("\n") + 1
    assert f'zone:{line}:10: A: not an IPv4 address; expected one as 192.0.2.1 (found "1.2.3")' in plane.log()
    assert addresses(udp("ns1", "A")) == ["10.9.9.9"]


def test_explain(plane):
    def explain(*arguments):
        return subprocess.run([HOLDFAST, "dns", "explain", *arguments, "--config", plane.path("holdfast.yaml")],
                              capture_output=True, text=True, check=False)
    for name in ("www", "WWW.example.test", "www.example.test."):  # relative, of a zone of ours, absolute
        assert "SERVFAIL: no view" in explain(name, "--client", "127.9.1.1").stdout
    plane.picture(tokyo=0)
    out = explain("www", "--client", "127.9.2.9").stdout
    assert "home      tokyo" in out and "last-standing" in out and f"{TOKYO} (unhealthy)" in out
    plane.picture(default=(9000, 1000))
    assert "point     " in explain("WWW.example.test.", "--client", "10.9.1.1", "--site", "taiwan").stdout
    plane.picture(default=(5000, 5000))
    for i in range(8):  # what is explained is what is answered
        told = re.search(r"region +(\w+)", explain("www", "--client", f"10.9.{i}.1").stdout).group(1)
        assert told == ("tokyo" if TOKYO in addresses(udp("www", "A", **subnet(f"10.9.{i}.0", 24))) else "taiwan")
    assert re.search(r"answer +2 A, ttl 300 s  .*/zone:8\n", explain("mail", "--client", "127.9.1.1").stdout)
    assert explain("www").returncode == 2 and "has addresses that follow the view" in explain("www", "--type", "MX").stdout
    figures = subprocess.run([HOLDFAST, "dns", "stats", "--config", plane.path("holdfast.yaml")], capture_output=True, text=True,
                             check=True).stdout
    counted = re.search(r"www\.example\.test\. +taiwan (\d+) tokyo (\d+)", figures)
    assert int(counted.group(1)) + int(counted.group(2)) == 8
    def data(*words):
        return json.loads(subprocess.run([HOLDFAST, "dns", *words, "-o", "json", "--config", plane.path("holdfast.yaml")],
                                         capture_output=True, text=True, check=True).stdout)
    answers = {one["name"]: one["answers"] for one in data("stats")["names"]}["www.example.test."]
    assert (answers["taiwan"], answers["tokyo"]) == (int(counted.group(1)), int(counted.group(2)))
    assert {one["name"]: one["queries"] for one in data("top", "names")["names"]}["www.example.test."] >= 8
    assert data("top")["clients"]
    assert explain("www", "--client", "nonsense").returncode == 2
    assert explain("www").returncode == 2


def test_names_that_secondaries_would_deny_are_told(plane):
    """At the start, and by `holdfast config check`, which reads the zone files, too."""
    def check(code):
        done = subprocess.run([HOLDFAST, "config", "check", plane.path("holdfast.yaml")], capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stderr
    told = "zone: www.example.test. (3 such) follows the view and has no address in the file: the zone is transferred"
    assert told in plane.log() and "warning: " in check(0) and told in check(0)
    def checked():
        done = subprocess.run([HOLDFAST, "config", "check", plane.path("holdfast.yaml"), "-o", "json"], capture_output=True, text=True,
                              check=False)
        answer = json.loads(done.stdout)
        assert done.stderr == "" and done.returncode == (0 if answer["valid"] else 8)
        return [(problem["severity"], problem["message"]) for problem in answer["problems"]]
    [(severity, message)] = checked()
    assert severity == "warning" and told in message
    plane.write("zone", ZONE + "www A 10.0.0.20\nnear AAAA 2001:db8::20\nquick A 10.0.0.22\n")
    assert "second: app.second.test. (1 such) follows" in check(0)
    plane.write("second", SECOND + "app A 10.0.0.21\n")
    assert check(0) == ""
    plane.write("zone", ZONE + "bad A 1.2.3\n")
    assert "error: " in check(8) and "not an IPv4 address" in check(8)
    [(severity, message)] = checked()
    assert severity == "error" and "not an IPv4 address" in message


def test_query_shows_and_judges(plane):
    """`holdfast dns query` against the real server: what it shows, and its exit codes."""
    def asked(*arguments, code=0, config=True):
        more = ["--config", plane.path("holdfast.yaml")] if config else ["--server", f"{SERVER}:{PORT}"]
        done = subprocess.run([HOLDFAST, "dns", "query", *arguments, *more, "--timeout", "10s"], capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout
    plane.picture(default=(6000, 4000))
    out = asked("www", "--client", "127.9.2.7/24", "--nsid", "--cookie")  # of all addresses that it listens on
    assert out.count("  www.example.test. 5 IN A 192.0.2.2\n") == 2 and out.count("subnet    127.9.2.0/24 scope /24\n") == 2
    assert out.count("nsid      taiwan\n") == 2 and len(re.findall(r"cookie +[0-9A-F]{48}\n", out)) == 2
    assert f"server    {SERVER}:{PORT}, udp, " in out and f"server    [::1]:{PORT}, udp, " in out
    assert out.endswith("OK; compared with the view and the zone files of this host\n")
    asked("www")  # each of them for the address that it was asked from
    asked("near", "--client", "127.9.2.0/24", "--expect", TOKYO)
    assert "tcp (truncated over udp)" in asked("big.example.test", "--type", "TXT", config=False)
    assert " 0 issue \"ca.test\"" in asked("example.test.", "--type", "CAA", "--tcp", config=False)
    told = json.loads(asked("www.example.test", "--expect", TAIWAN2, "--expect", TAIWAN, "--client", "127.9.1.0/24", "-o", "json", config=False))
    assert told["status"] == 0 and sorted(row["data"] for row in told["servers"][0]["answer"]) == [TAIWAN, TAIWAN2]
    asked("gone.example.test", "--expect", "NXDOMAIN", config=False)
    asked("mail.example.test", "--type", "MX", "--expect", "NODATA", config=False)
    assert "WRONG     not what is expected" in asked("ns1.example.test", "--expect", "10.0.0.2", code=1, config=False)
    assert "REFUSED" in asked("elsewhere.test", code=1, config=False)
    assert "connection refused" in asked("ns1", "--server", f"{SERVER}:{PORT}", "--server", f"127.9.0.9:{PORT}", code=10)
    asked("ns1", "--server", f"127.9.0.9:{PORT}", code=5)
    asked("ns1", "--type", "NOTYPE", code=2)
    # A server that has not read the zone file as it is now.
    plane.write("zone", ZONE.replace("ns1 A 10.0.0.1", "ns1 A 10.0.0.99"))
    out = asked("ns1", code=1)
    assert "WRONG     not what the view and the zone files here say" in out and "the view  ns1.example.test. A 10.0.0.99" in out


def exchange(sock, *messages):
    sock.sendall(b"".join(struct.pack("!H", len(m)) + m for m in messages))
    # Read first, understand later: who reads slowly is closed.
    return [dns.message.from_wire(wire) for wire in [receive_one(sock) for _ in messages]]


def receive_one(sock):
    return receive(sock, struct.unpack("!H", receive(sock, 2))[0])


def receive(sock, size):
    data = b""
    while len(data) < size:
        more = sock.recv(size - len(data))
        assert more, "closed"
        data += more
    return data


def test_tcp_pipelining_limits_and_time_out(plane):
    with socket.create_connection((SERVER, PORT), 20) as sock:
        messages = [query("mail" if i % 2 else "big", "A" if i % 2 else "TXT") for i in range(300)]
        answers = exchange(sock, *(m.to_wire() for m in messages))
        assert [a.id for a in answers] == [m.id for m in messages]
    with socket.create_connection((SERVER, PORT), 20) as sock:
        # A byte at a time.
        wire = query("ns1", "A").to_wire()
        for byte in struct.pack("!H", len(wire)) + wire:
            sock.send(bytes([byte]))
        assert dns.message.from_wire(receive(sock, struct.unpack("!H", receive(sock, 2))[0])).rcode() == 0
        # In two pieces, wherever it is cut.
        for cut in range(1, len(wire) + 2):
            whole = struct.pack("!H", len(wire)) + wire
            sock.send(whole[:cut])
            time.sleep(0.001)
            sock.send(whole[cut:] + struct.pack("!H", len(wire))[:1])  # and the first byte of the next one
            assert dns.message.from_wire(receive(sock, struct.unpack("!H", receive(sock, 2))[0])).rcode() == 0
            sock.send(struct.pack("!H", len(wire))[1:] + wire)
            assert dns.message.from_wire(receive(sock, struct.unpack("!H", receive(sock, 2))[0])).rcode() == 0
        # A query that never becomes whole, a byte now and then: closed.
        sock.send(b"\x0f\xffabc")
        deadline = time.monotonic() + 120
        with pytest.raises(ConnectionError):
            while time.monotonic() < deadline:
                sock.send(b"x")
                time.sleep(0.2)
    for nonsense in (b"\0\0", b"\xff\xff" + b"x" * 5000, b"\0\x05hello"):
        with socket.create_connection((SERVER, PORT), 20) as sock:
            sock.sendall(nonsense)
            try:
                assert sock.recv(1) == b""
            except ConnectionError:
                pass
    # One address takes more connections than there are places: its newest are served, and others keep theirs.
    other = socket.create_connection((SERVER, PORT), 20, source_address=("127.9.1.9", 0))
    crowd = []
    for i in range(200):
        crowd.append(socket.create_connection((SERVER, PORT), 20))
        if i % 20 == 0:
            assert exchange(other, query("ns1", "A").to_wire())[0].rcode() == 0
    assert exchange(crowd[-1], query("ns1", "A").to_wire())[0].rcode() == 0
    assert exchange(other, query("ns1", "A").to_wire())[0].rcode() == 0
    for sock in (*crowd, other):
        sock.close()


def test_tcp_half_closed_clients_are_answered(plane):
    with socket.create_connection((SERVER, PORT), 60) as sock:
        messages = [query("big", "TXT") for _ in range(200)]
        sock.sendall(b"".join(struct.pack("!H", len(m.to_wire())) + m.to_wire() for m in messages))
        sock.shutdown(socket.SHUT_WR)
        answers = [receive_one(sock) for _ in messages]
        assert sock.recv(1) == b""
    assert [dns.message.from_wire(wire).id for wire in answers] == [message.id for message in messages]


def test_malformed_packets_never_end_it(plane):
    plane.picture(default=(5000, 5000))
    good = [query("www", "A", **subnet("10.1.2.0", 24)).to_wire(), query("alias", "A", use_edns=0).to_wire(),
            query("big", "TXT").to_wire()]
    rng = random.Random(7)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect((SERVER, PORT))
        sock.setblocking(False)
        for i in range(20000):
            packet = bytearray(rng.choice(good))
            for _ in range(rng.randrange(1, 6)):
                packet[rng.randrange(len(packet))] = rng.randrange(256)
            packet = packet[:rng.randrange(len(packet) + 1)] if i % 3 == 0 else packet
            sock.send(bytes(packet))
            try:
                answer = sock.recv(4096)
                if answer[2] >> 3 & 15 == 0:  # dnspython knows no unassigned opcodes
                    dns.message.from_wire(answer, ignore_trailing=False)
            except BlockingIOError:
                pass
        sock.send(b"x" * 3000)
    assert plane.server.poll() is None
    assert udp("ns1", "A").rcode() == 0
    plane.server.send_signal(signal.SIGUSR1)
    until(lambda: "counters" in plane.log())
    assert int(re.search(r"formerr=(\d+)", plane.log()).group(1)) > 0
    plane.stop()


def serve_children(plane):
    return [int(pid) for pid in re.findall(r"started dns, pid (\d+)", plane.log())]


class Manager:
    """What systemd does for a unit with FileDescriptorStoreMax=: keeps the sockets that it is told to, and gives them to the next start."""

    def __init__(self, plane):
        self.plane, self.kept = plane, []
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(plane.path("notify"))
        self.notify.settimeout(60)

    def start(self):
        given = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 200) for fd in self.kept]

        def hand():
            for at, fd in enumerate(given):
                os.dup2(fd, 3 + at)
        command = 'export LISTEN_PID=$$ LISTEN_FDS=$0; exec "$@"'
        with open(self.plane.path("log"), "ab") as log:
            self.plane.server = subprocess.Popen(
                ["sh", "-c", command, str(len(given)), HOLDFAST, "serve", "--site", "taiwan", "--config", self.plane.path("holdfast.yaml")],
                stderr=log, env=dict(os.environ, NOTIFY_SOCKET=self.plane.path("notify")), preexec_fn=hand, close_fds=False)
        for fd in given:
            os.close(fd)
        text, _, _, _ = socket.recv_fds(self.notify, 4096, 0)
        assert text == b"FDSTOREREMOVE=1\nFDNAME=holdfast-dns\n"
        text, fresh, _, _ = socket.recv_fds(self.notify, 4096, 253)
        assert text == b"FDSTORE=1\nFDNAME=holdfast-dns\n" and fresh
        self.forget()
        self.kept = fresh
        for fd in fresh:
            os.set_inheritable(fd, False)

    def forget(self):
        for fd in self.kept:
            os.close(fd)
        self.kept = []

    def end(self):
        self.forget()
        self.notify.close()


def test_restarts_lose_no_query_and_servers_are_sandboxed():
    """The supervisor keeps the sockets, and the service manager those of the supervisor: each query is asked once, and answered, while
    server after server ends."""
    plane, manager = Dns(), None
    stop, unanswered, answered = threading.Event(), [], []
    try:
        with open(plane.path("holdfast.yaml"), encoding="utf-8") as file:
            config = file.read().replace("roles: [observer, dns]", "roles: [dns]")
        with open(plane.path("holdfast.yaml"), "w", encoding="utf-8") as file:
            file.write(config)
        if "holdfast" in [user.pw_name for user in pwd.getpwall()]:  # whom root becomes
            for path in (plane.root, *(plane.path(name) for name in os.listdir(plane.root))):
                shutil.chown(path, "holdfast")
        manager = Manager(plane)
        if "holdfast" in [user.pw_name for user in pwd.getpwall()]:
            shutil.chown(plane.path("notify"), "holdfast")
        manager.start()
        until(lambda: "serving zone" in plane.log() and udp("ns1", "A") is not None, 60)

        def stream():
            while not stop.is_set():
                try:
                    dns.query.udp(query("ns1", "A"), SERVER, port=PORT, timeout=60)
                    answered.append(1)
                except dns.exception.DNSException as problem:
                    unanswered.append(problem)
        clients = [threading.Thread(target=stream) for _ in range(4)]
        for client in clients:
            client.start()
        for turn in range(4):
            children, asked = serve_children(plane), len(answered)
            with open(f"/proc/{children[-1]}/status", encoding="utf-8") as status:
                guarded = re.search(r"^Seccomp:\s+2$", status.read(), re.M)
            assert guarded or "not wholly sandboxed" in plane.log()
            os.kill(children[-1], signal.SIGTERM)
            until(lambda: plane.log().count("serving workers") > len(children) and len(answered) > asked + 50, 120)
            os.kill(serve_children(plane)[-1], signal.SIGHUP)
            until(lambda: plane.log().count("read again zone=example.test.") > turn, 60)
        for _ in range(2):  # the supervisor itself, as `systemctl restart` does
            started, asked = plane.log().count("serving workers"), len(answered)
            plane.server.send_signal(signal.SIGTERM)
            assert plane.server.wait(60) == 0
            manager.start()
            until(lambda: plane.log().count("serving workers") > started and len(answered) > asked + 50, 120)
        stop.set()
        for client in clients:
            client.join()
        assert not unanswered and len(answered) > 200
        plane.server.send_signal(signal.SIGTERM)
        assert plane.server.wait(60) == 0
        assert "Sanitizer" not in plane.log()
    finally:
        stop.set()
        if manager:
            manager.end()
        plane.end()


def test_malformed_packets_at_full_rate(plane):
    """The short version of bench/dns/stress: no crash, no leak, and every well-formed query between them is answered."""
    def memory():
        with open(f"/proc/{plane.server.pid}/status", encoding="ascii") as status:
            return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1))
    corpus = os.path.join(os.path.dirname(__file__), "..", "..", "fuzz", "corpus")
    folders = sorted(os.path.join(corpus, name) for name in os.listdir(corpus))
    blast = [os.path.join(BUILD, "bench", "dns_blast"), "malformed", SERVER, str(PORT)]
    subprocess.run([*blast, "500", *folders], check=True, capture_output=True)
    before = memory()
    done = subprocess.run([*blast, "1500", *folders], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert plane.server.poll() is None and memory() - before < 65536


def test_dnsperf_loses_nothing(plane):
    plane.picture()
    asked = ("www A", "www AAAA", "mail A", "missing A", "a.wild TXT", "alias A", "toapp A", "x.sub A", "x.old A", "big TXT", "web TYPE65")
    plane.write("asked", "".join("{}.example.test {}\n".format(*line.split()) for line in asked))
    for how in ((), ("-e",), ("-m", "tcp")):
        out = subprocess.run(["dnsperf", "-s", SERVER, "-p", str(PORT), "-d", plane.path("asked"), "-n", "100", "-c", "4", "-q", "16",
                              "-t", "30", *how], capture_output=True, text=True, check=True).stdout
        assert re.search(r"Queries completed: +1100 \(100.00%\)", out) and re.search(r"Queries lost: +0 ", out), out
