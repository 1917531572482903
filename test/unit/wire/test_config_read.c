/* SPDX-License-Identifier: Apache-2.0
 * What is wrong with a configuration: one good file, broken in one place at a time, and the exact messages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/config.h"

static const char base[] =
    "name: shop\n"
    "security: { token: { file: /etc/holdfast/token } }\n"
    "store: { path: /var/lib/holdfast/a.db }\n"
    "regions:\n"
    "  east: { backup: [west], capacity: 1.5, weight: 60, clients: [10.1.0.0/16], endpoints: { web: [\"10.1.0.80:80\"] "
    "} }\n"
    "  west: { backup: [east], weight: 40, clients: [10.2.0.0/16], endpoints: { web: [\"10.2.0.80:80\"] } }\n"
    "sites:\n"
    "  east: { region: east, roles: [observer, dns], dns: { listen: [\"10.1.0.53:53\"] } }\n"
    "  west: { region: west, roles: [observer, proxy], proxy: { listen: [\"10.2.0.54:5432\"] } }\n"
    "  witness: { roles: [control], api: { listen: \"10.3.0.1:7080\" } }\n"
    "databases:\n"
    "  shop:\n"
    "    lease: 3s\n"
    "    margin: 300ms\n"
    "    tier1: true\n"
    "    durability: { members: [west-a], required: 1 }\n"
    "    superuser: { password: { env: PG_SUPERUSER } }\n"
    "    replication: { password: { env: PG_REPLICATION } }\n"
    "    initial_writer: east-a\n"
    "    nodes:\n"
    "      east-a: { region: east, agent: \"10.1.0.11:7081\", postgres: \"10.1.0.11:5432\", data: /data/a }\n"
    "      west-a: { region: west, agent: \"10.2.0.11:7081\", postgres: \"10.2.0.11:5432\", data: /data/a }\n"
    "    parameters: { max_connections: \"200\" }\n"
    "checks:\n"
    "  database-master:\n"
    "    kind: postgres\n"
    "    severity: critical\n"
    "    layer: 1\n"
    "    interval: 2s\n"
    "    timeout: 800ms\n"
    "    targets: { east: { database: shop }, west: { database: shop } }\n"
    "  front:\n"
    "    kind: http\n"
    "    severity: important\n"
    "    layer: 2\n"
    "    path: /ready\n"
    "    targets: { east: { address: \"10.1.0.80:80\" } }\n"
    "  p95:\n"
    "    kind: prometheus\n"
    "    severity: informational\n"
    "    layer: 3\n"
    "    metric: seconds\n"
    "    limit: 500ms\n"
    "    targets: { east: { url: \"http://10.1.0.41:8081/metrics\" } }\n"
    "  disk:\n"
    "    kind: exec\n"
    "    severity: informational\n"
    "    layer: 1\n"
    "    command: [/bin/true]\n"
    "    targets: { east: {} }\n"
    "dns:\n"
    "  zone: example.test\n"
    "  zone_file: /etc/zone\n"
    "  names: { www: { endpoint: web, ttl: 5s } }\n"
    "proxy:\n"
    "  databases: { shop: { database: shop } }\n"
    "policy: { cooldown: 1h }\n"
    "failback: { canary: { share: 10% }, ramp: { share: 50% } }\n"
    "notify:\n"
    "  webhooks: { incidents: { url: \"http://10.3.0.90:9000/hook\", secret: { env: HOOK } } }\n";

/* `find` occurs once in the base and is replaced; `messages` are all that is told, without source lines and carets. */
struct broken {
    const char *find;
    const char *replace;
    const char *messages;
};

#define SERVICE(listen, targets, more)                                                                                 \
    "policy: { cooldown: 1h }\nservices: { cache: { listen: { " listen " }, targets: { " targets " }" more " } }"

static const struct broken broken[] = {
    {"policy: { cooldown: 1h }", SERVICE("nowhere: [\"10.1.0.5:1\"]", "east: [\"10.1.0.6:1\"]", ""),
     "t.yaml:58:32: error: 'nowhere' does not exist; expected a site: east, west, witness\n"},
    {"policy: { cooldown: 1h }", SERVICE("east: [\"10.1.0.5:1\"]", "east: [\"10.1.0.6:1\"]", ", check: frnt"),
     "t.yaml:58:38: warning: site 'east' does not relay service 'cache'; expected the role service in its roles\n"
     "t.yaml:58:98: error: 'frnt' does not exist; expected a check: database-master, front, p95, disk; did you mean "
     "'front'?\n"},
    {"policy: { cooldown: 1h }", SERVICE("west: [\"10.2.0.54:5432\"]", "east: [\"10.2.0.54:5432\"]", ""),
     "t.yaml:58:38: warning: site 'west' does not relay service 'cache'; expected the role service in its roles\n"
     "t.yaml:58:38: error: something else of site 'west' listens on 10.2.0.54:5432; expected an address or port for "
     "each\n"
     "t.yaml:58:77: error: the relay itself listens on 10.2.0.54:5432; expected the address of a server\n"},
    {"policy: { cooldown: 1h }",
     SERVICE("west: [\"10.2.0.5:1\"]", "east: [\"10.1.0.6:1\", \"10.1.0.7:1\"]",
             ", kind: redis, check: front, initial_primary: west"),
     "t.yaml:58:13: error: service 'cache' has 2 servers in region 'east'; expected one per region for kind redis\n"
     "t.yaml:58:13: error: service 'cache' of kind redis has no initial_primary; expected a region with a server of "
     "it\n"
     "t.yaml:58:13: error: service 'cache' of kind redis needs a check of kind redis that looks at the same address in "
     "each region; it says when the primary is lost\n"
     "t.yaml:58:38: warning: site 'west' does not relay service 'cache'; expected the role service in its roles\n"},
    {"roles: [observer, dns]", "roles: [observer, dns, service]",
     "t.yaml:8:32: error: site 'east' has the role service, but no service listens there; expected services: { NAME: { "
     "listen: { east: [ ... ] } } }\n"},
    {"name: shop", "name: Shop",
     "t.yaml:1:7: error: name 'Shop' is not valid; expected a name of 1 to 31 of a-z, 0-9 and '-'\n"},
    {"{ shop: { database: shop } }", "{ shop: { database: shop, pool: { mode: transaction } } }\n  auth: passthrough",
     "t.yaml:56:40: error: a pool needs to log in for its clients, passthrough cannot; expected proxy.auth: login or "
     "scram, "
     "or no pool\n"},
    {"{ shop: { database: shop } }", "{ shop: { database: shop, spares: 2 } }\n  auth: passthrough",
     "t.yaml:56:48: error: a spare is logged in by the proxy, passthrough cannot; expected proxy.auth: login or scram, "
     "or no spares\n"},
    {"{ shop: { database: shop } }", "{ shop: { database: shop, route: reader, spares: 2 } }",
     "t.yaml:56:63: error: spares are for the sessions of a writer; expected route: writer, or no spares\n"},
    {"name: shop", "nmae: shop",
     "t.yaml:1:1: error: configuration misses the key 'name'; expected a name of 1 to 31 of a-z, 0-9 and '-'\n"
     "t.yaml:1:1: error: unknown key 'nmae'; expected a known key; did you mean 'name'?\n"},
    {"name: shop", "name: shop\nname: shop2",
     "t.yaml:2:1: error: key 'name' given twice; expected once; the first is on line 1\n"},
    {"name: shop", "name: shop\ncolour: blue",
     "t.yaml:2:1: error: unknown key 'colour'; expected one of name, security, store, regions, sites, databases, "
     "checks, dns, proxy, services, policy, failback, notify\n"},
    {"name: shop", "name:", "t.yaml:1:6: error: name has no value; expected a name of 1 to 31 of a-z, 0-9 and '-'\n"},
    {"name: shop", "name: [shop]",
     "t.yaml:1:7: error: name is a list; expected a name of 1 to 31 of a-z, 0-9 and '-'\n"},
    {"name: shop", "name: { a: b }",
     "t.yaml:1:7: error: name is a mapping; expected a name of 1 to 31 of a-z, 0-9 and '-'\n"},
    {"name: shop", "name: abcdefghijabcdefghijabcdefghijkl",
     "t.yaml:1:7: error: name 'abcdefghijabcdefghijabcdefghijkl' is not valid; expected a name of 1 to 31 of a-z, 0-9 "
     "and '-'\n"},
    {"name: shop", "name: &x shop",
     "t.yaml:1:7: error: anchor; expected the value itself; write it out at each place\n"},
    {"name: shop", "name: *x", "t.yaml:1:7: error: alias; expected the value itself; write it out\n"},
    {"name: shop", "name: !!str shop", "t.yaml:1:7: error: tag; expected a plain value; remove the part from '!' on\n"},
    {"name: shop", "name: shop\n---\nname: shop",
     "t.yaml:2:1: error: second document; expected one; remove the '---'\n"},
    {"name: shop", "name: shop\n[a]: b", "t.yaml:2:1: error: a list as a key; expected a plain key\n"},
    {"name: shop", "name: shop\n<<: { a: b }",
     "t.yaml:2:1: error: merge key '<<'; expected plain keys; write the values out\n"},
    {"name: shop", "name: \"a\\0b\"", "t.yaml:1:7: error: NUL byte in a text; expected none\n"},
    {"name: shop", "name: [a, b",
     "t.yaml:2:9: error: not YAML: did not find expected ',' or ']' while parsing a flow sequence; expected YAML "
     "1.1\n"},
    {"name: shop", "name: shop\n\tx: y",
     "t.yaml:2:1: error: not YAML: found a tab character that violates indentation while scanning a plain scalar; "
     "expected YAML 1.1\n"},
    {"name: shop", "name: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: 1}}}}}}}}}}}}}}}}}",
     "t.yaml:1:67: error: nested too deep; expected at most 16 levels\n"},
    {"security: { token: { file: /etc/holdfast/token } }", "security: { token: s3cret }",
     "t.yaml:2:20: error: token is not a reference; expected { file: /absolute/path } or { env: NAME }; a secret is "
     "never written here\n"},
    {"security: { token: { file: /etc/holdfast/token } }", "security: { token: { file: /a, env: B } }",
     "t.yaml:2:20: error: token has 2 keys; expected exactly one: { file: /absolute/path } or { env: NAME }\n"},
    {"security: { token: { file: /etc/holdfast/token } }", "security: { token: { file: token } }",
     "t.yaml:2:28: error: file 'token' is not valid; expected an absolute path\n"},
    {"security: { token: { file: /etc/holdfast/token } }", "security: { token: { fil: /a } }",
     "t.yaml:2:22: error: unknown key 'fil'; expected one of file, env\n"},
    {"security: { token: { file: /etc/holdfast/token } }", "security: {}",
     "t.yaml:2:1: error: security misses the key 'token'; expected { file: /absolute/path } or { env: NAME }\n"},
    {"security: { token: { file: /etc/holdfast/token } }", "",
     "t.yaml:1:1: error: configuration misses the key 'security'; expected a mapping\n"},
    {"path: /var/lib/holdfast/a.db", "kind: mysql",
     "t.yaml:3:16: error: kind 'mysql' is not one of the choices; expected one of sqlite, etcd\n"},
    {"path: /var/lib/holdfast/a.db", "kind: etcd",
     "t.yaml:3:16: error: the etcd store has no endpoints; expected endpoints: [ \"10.1.0.5:2379\", ... ], the client "
     "addresses of its members\n"},
    {"path: /var/lib/holdfast/a.db", "endpoints: [\"10.1.0.5:2379\"]",
     "t.yaml:3:21: error: endpoints does not belong to the sqlite store; expected kind: etcd beside it\n"},
    {"path: /var/lib/holdfast/a.db", "kind: etcd, endpoints: [\"etcd.example:2379\"]",
     "t.yaml:3:34: error: endpoints 'etcd.example:2379' is not valid; expected a literal address and port such as "
     "127.0.0.1:80 or [::1]:80; names are never looked up here\n"},
    {"{ roles: [control]", "{ roles: [control], etcd: \"10.1.0.5:2379\"",
     "t.yaml:10:38: error: '10.1.0.5:2379' is no member of the store; expected one of store.endpoints\n"},
    {"path: /var/lib/holdfast/a.db", "kind: etcd, endpoints: []",
     "t.yaml:3:33: error: endpoints is empty; expected at least 1 entry\n"},
    {"path: /var/lib/holdfast/a.db", "kind: etcd, endpoints: [\"10.1.0.5:2379\"], prefix: shop",
     "t.yaml:3:60: error: prefix 'shop' has no '/' at its end; expected 'shop/'\n"},
    {"path: /var/lib/holdfast/a.db", "kind: etcd, endpoints: [\"10.1.0.5:2379\"], tls: { key: /k }",
     "t.yaml:3:52: error: tls misses the key 'ca'; expected an absolute path\n"
     "t.yaml:3:64: error: key without certificate; expected both, or none\n"},
    {"path: /var/lib/holdfast/a.db", "kind: etcd, endpoints: [\"10.1.0.5:2379\"], user: holdfast",
     "t.yaml:3:58: warning: the password for etcd travels in the clear; expected tls: { ca: ... } beside it\n"
     "t.yaml:3:58: error: user without password; expected both, or none\n"},
    {"path: /var/lib/holdfast/a.db", "kind: etcd, endpoints: [\"10.1.0.5:2379\"], timeout: 2s",
     "t.yaml:3:61: warning: three times the timeout of the store is longer than the lease of database 'shop'; expected "
     "at most a third of it; a member that hangs would cost the writer its lease\n"},
    {"backup: [west]", "backup: [wset]",
     "t.yaml:5:20: error: 'wset' does not exist; expected a region: east, west; did you mean 'west'?\n"},
    {"backup: [west]", "backup: west",
     "t.yaml:5:3: warning: region 'east' has no backup; expected backup: [ ... ]; its traffic has nowhere to go\n"
     "t.yaml:5:19: error: backup 'west' is not a list; expected a list; each the name of a region; write [ ... ]\n"},
    {"backup: [west]", "backup: [west, west]",
     "t.yaml:5:26: error: backup 'west' is given twice; expected the name of a region\n"},
    {"backup: [west]", "backup: [east]",
     "t.yaml:5:19: error: region 'east' is its own backup; expected another region\n"},
    {"backup: [west], ", "",
     "t.yaml:5:3: warning: region 'east' has no backup; expected backup: [ ... ]; its traffic has nowhere to go\n"},
    {"capacity: 1.5", "capacity: lots",
     "t.yaml:5:37: error: capacity 'lots' is not valid; expected a number such as 1 or 1.5, from 0 to 1000\n"},
    {"weight: 60", "weight: \"60\"",
     "t.yaml:5:50: error: weight '60' is text; expected a whole number, from 0 to 10000; remove the quotes\n"},
    {"weight: 60", "weight: 10001",
     "t.yaml:5:50: error: weight '10001' is out of range; expected a whole number, from 0 to 10000\n"},
    {"clients: [10.1.0.0/16]", "clients: [10.1.2.0/16]",
     "t.yaml:5:64: error: clients '10.1.2.0/16' is not valid; expected a network such as 10.1.0.0/16 or fd00::/8, host "
     "bits zero\n"},
    {"clients: [10.1.0.0/16]", "clients: [10.1.0.0]",
     "t.yaml:5:64: error: clients '10.1.0.0' is not valid; expected a network such as 10.1.0.0/16 or fd00::/8, host "
     "bits zero\n"},
    {"clients: [10.1.0.0/16]", "clients: [10.2.0.0/16]",
     "t.yaml:6:48: error: network 10.2.0.0/16 is also of region 'east'; expected one home region\n"},
    {"[\"10.1.0.80:80\"] }", "[\"10.1.0.80\"] }",
     "t.yaml:5:97: error: addresses '10.1.0.80' is not valid; expected a literal address and port such as 127.0.0.1:80 "
     "or [::1]:80; names are never looked up here\n"},
    {"[\"10.1.0.80:80\"] }", "[] }", "t.yaml:5:96: error: addresses is empty; expected at least 1 entry\n"},
    {"[\"10.1.0.53:53\"]", "[\"localhost:53\"]",
     "t.yaml:8:65: error: listen 'localhost:53' is not valid; expected a literal address and port such as 127.0.0.1:80 "
     "or [::1]:80; names are never looked up here\n"},
    {"  witness: { roles: [control], api: { listen: \"10.3.0.1:7080\" } }\n", "",
     "t.yaml:7:1: error: missing witness: region 'east' holds 1 of 2 sites; expected fewer than half, so that its loss "
     "leaves a majority; add a site without a region\n"
     "t.yaml:7:1: error: no site has the role control; expected one; without it nothing decides and no database gets a "
     "writer\n"},
    {"witness: { roles: [control]", "witness: { region: west, roles: [control]",
     "t.yaml:7:1: error: missing witness: region 'west' holds 2 of 3 sites; expected fewer than half, so that its loss "
     "leaves a majority; add a site without a region\n"},
    {"witness: { roles: [control]", "witness: { region: north, roles: [control]",
     "t.yaml:10:22: error: 'north' does not exist; expected a region: east, west\n"},
    {"roles: [control]", "roles: [observer]",
     "t.yaml:7:1: error: no site has the role control; expected one; without it nothing decides and no database gets a "
     "writer\n"
     "t.yaml:10:33: warning: api of site 'witness' is not used; expected the role control in roles\n"},
    {"roles: [control]", "roles: []",
     "t.yaml:10:21: error: roles is empty; expected a list of control, observer, dns, proxy, service\n"},
    {"roles: [control]", "roles: [contrl]",
     "t.yaml:10:22: error: roles 'contrl' is not one of the choices; expected one of control, observer, dns, proxy, "
     "service; "
     "did you mean 'control'?\n"},
    {"roles: [observer, proxy]", "roles: [observer, proxy, control]",
     "t.yaml:7:1: error: 2 sites have the role control; expected one, or store: { kind: etcd }; the sqlite store "
     "serves one controller\n"
     "t.yaml:9:3: error: site 'west' does not say where its api listens; expected api: { listen: ... }\n"},
    {", dns: { listen: [\"10.1.0.53:53\"] }", "",
     "t.yaml:8:3: error: site 'east' does not say where its dns listens; expected dns: { listen: ... }\n"},
    {"lease: 3s", "lease: 400ms",
     "t.yaml:13:12: error: lease '400ms' is out of range; expected a duration such as 500ms, 10s, 5m, 1h, from 500ms "
     "to 5m\n"},
    {"lease: 3s", "lease: 3",
     "t.yaml:13:12: error: lease '3' is not valid; expected a duration such as 500ms, 10s, 5m, 1h, from 500ms to 5m; "
     "add a unit: ms, s, m, h or d\n"},
    {"lease: 3s", "lease: 3 s",
     "t.yaml:13:12: error: lease '3 s' is not valid; expected a duration such as 500ms, 10s, 5m, 1h, from 500ms to "
     "5m\n"},
    {"margin: 300ms", "margin: 20ms",
     "t.yaml:14:13: error: margin '20ms' is out of range; expected a duration such as 500ms, 10s, 5m, 1h, from 50ms to "
     "1m\n"},
    {"    margin: 300ms\n", "    margin: 300ms\n    heartbeat: { period: 100ms, silence: 200ms }\n",
     "t.yaml:15:42: error: heartbeat.silence is shorter than three periods of 100 ms; one lost datagram would be news; "
     "expected 300 ms or more\n"},
    {"    margin: 300ms\n", "    margin: 300ms\n    heartbeat: { silence: 4s }\n",
     "t.yaml:15:27: warning: heartbeat.silence is longer than the lease; expected about eight tenths of it; a failover "
     "waits for both\n"},
    {"roles: [observer, dns]", "roles: [observer, dns], beats: \"east:7080\"",
     "t.yaml:8:56: error: beats 'east:7080' is not valid; expected a literal address and port such as 127.0.0.1:80 or "
     "[::1]:80; names are never looked up here\n"},
    {"margin: 300ms", "margin: 4s",
     "t.yaml:14:13: warning: margin is longer than the lease; expected about a tenth of it; a failover waits for "
     "both\n"},
    {"tier1: true", "tier1: true\n    wal_segment: 3MB",
     "t.yaml:16:18: error: wal_segment is not a power of two; expected 1MB, 2MB, 4MB, 8MB or 16MB\n"},
    {"tier1: true", "tier1: true\n    wal_segment: 32MB",
     "t.yaml:16:18: error: wal_segment '32MB' is out of range; expected a size such as 512B, 64kB, 64MB, from 1MB to "
     "16MB\n"},
    {"tier1: true", "tier1: yes",
     "t.yaml:15:12: error: tier1 'yes' is not valid; expected true or false; write true\n"},
    {"members: [west-a], ", "",
     "t.yaml:15:12: error: tier1 without a durability set; expected durability.members; or set tier1: false when "
     "losing the last commits is acceptable\n"},
    {"members: [west-a]", "members: [west-b]",
     "t.yaml:16:29: error: 'west-b' does not exist; expected a node of this database: east-a, west-a; did you mean "
     "'west-a'?\n"},
    {"members: [west-a]", "members: [east-a]",
     "t.yaml:16:48: error: durability.required is 1, but 0 members can acknowledge; expected at most that; the initial "
     "writer does not acknowledge itself\n"},
    {"required: 1", "required: 2",
     "t.yaml:16:48: error: durability.required is 2, but 1 member can acknowledge; expected at most that; the initial "
     "writer does not acknowledge itself\n"},
    {"required: 1 }", "required: 1 }\n    cascade: true",
     "t.yaml:17:14: error: cascade, but no node is left for it: members of the durability set stream from the writer "
     "itself; expected a region with two nodes of which one is not in durability.members\n"},
    {"    parameters: {",
     "      west-b: { region: west, agent: \"10.2.0.12:7081\", postgres: \"10.2.0.12:5432\", data: /data/b }\n"
     "    cascade: true\n    parameters: {",
     "t.yaml:24:14: error: cascade, but with one of the 1 durability.members as the writer 1 must acknowledge: nodes "
     "that cascade would have to; expected more members than durability.required\n"},
    {"west-a: { region: west", "west-a: { nofailover: true, region: west", ""},
    {"east-a: { region: east", "east-a: { nofailover: true, region: east",
     "t.yaml:19:21: error: initial_writer 'east-a' is nofailover: after a failover it could never come back; expected "
     "another node\n"},
    {"initial_writer: east-a", "initial_writer: east",
     "t.yaml:19:21: error: 'east' does not exist; expected a node of this database: east-a, west-a; did you mean "
     "'east-a'?\n"},
    {"    initial_writer: east-a\n", "",
     "t.yaml:12:3: error: database 'shop' misses the key 'initial_writer'; expected the name of a node of this "
     "database\n"},
    {"east-a: { region: east", "east-a: { region: esat",
     "t.yaml:21:25: error: 'esat' does not exist; expected a region: east, west; did you mean 'east'?\n"
     "t.yaml:31:16: error: database 'shop' has no node in region 'east'; expected one to probe\n"},
    {"agent: \"10.2.0.11:7081\"", "agent: \"10.1.0.11:5432\"",
     "t.yaml:22:7: error: agent of node 'west-a' is already postgres of node 'east-a'; expected an address of its "
     "own\n"},
    {"interval: 2s", "interval: 800ms",
     "t.yaml:30:14: warning: timeout is not shorter than the interval; expected less than 800ms; probes of a dead "
     "target overlap\n"},
    {"timeout: 800ms", "timeout: 800ms\n    latency_limit: 900ms",
     "t.yaml:31:20: warning: latency_limit is never reached; expected less than the timeout\n"},
    {"layer: 2", "layer: 4", "t.yaml:35:12: error: layer '4' is out of range; expected a whole number, from 1 to 3\n"},
    {"kind: http\n", "kind: htpp\n",
     "t.yaml:33:11: error: kind 'htpp' is not one of the choices; expected one of tcp, http, https, postgres, redis, "
     "kafka, dns, prometheus, haproxy, exec, heartbeat; did you mean 'http'?\n"},
    {"path: /ready", "path: ready", "t.yaml:36:11: error: path 'ready' is relative; expected '/...'\n"},
    {"path: /ready", "topic: x",
     "t.yaml:36:5: error: key 'topic' is not for this kind; expected only with kind kafka\n"},
    {"path: /ready", "treshold: 3",
     "t.yaml:36:5: error: unknown key 'treshold'; expected a known key; did you mean 'failure_threshold'?\n"},
    {"path: /ready", "expect_status: 20",
     "t.yaml:36:20: error: expect_status '20' is out of range; expected a whole number, from 100 to 599\n"},
    {"path: /ready", "body_limit: 64",
     "t.yaml:36:17: error: body_limit '64' is not valid; expected a size such as 512B, 64kB, 64MB, from 1kB to 16MB; "
     "add a unit: B, kB, MB or GB\n"},
    {"    severity: important\n", "",
     "t.yaml:32:3: error: check 'front' misses the key 'severity'; expected one of critical, important, "
     "informational\n"},
    {"{ address: \"10.1.0.80:80\" }", "{ adress: \"10.1.0.80:80\" }",
     "t.yaml:37:16: error: target 'east' misses the key 'address'; expected a literal address and port such as "
     "127.0.0.1:80 or [::1]:80\n"
     "t.yaml:37:24: error: unknown key 'adress'; expected a known key; did you mean 'address'?\n"},
    {"{ east: { address: \"10.1.0.80:80\" } }", "{ north: { address: \"10.1.0.80:80\" } }",
     "t.yaml:37:16: error: 'north' does not exist; expected a region: east, west\n"},
    {"{ east: { address: \"10.1.0.80:80\" } }", "{}",
     "t.yaml:37:14: error: targets is empty; expected at least 1 entry\n"},
    {"{ database: shop }, west", "{ database: shoop }, west",
     "t.yaml:31:34: error: 'shoop' does not exist; expected a database: shop; did you mean 'shop'?\n"},
    {"metric: seconds", "query: up\n    metric: seconds",
     "t.yaml:43:13: error: check 'p95' has both query and metric; expected exactly one: query for a Prometheus server, "
     "metric for a /metrics page\n"},
    {"metric: seconds", "quantile: 0.95",
     "t.yaml:38:3: error: check 'p95' has neither query nor metric; expected exactly one: query for a Prometheus "
     "server, metric for a /metrics page\n"
     "t.yaml:42:15: error: quantile '0.95' is not valid; expected a percentage such as 2% or 0.5%, from 1% to "
     "99.9999%; add '%'\n"},
    {"limit: 500ms", "limit: much",
     "t.yaml:43:12: error: limit 'much' is not valid; expected a percentage, a duration or a number\n"},
    {"limit: 500ms", "figure: p95\n    limit: 10%",
     "t.yaml:44:12: error: limit '10%' is no limit of a latency; expected a duration such as 500ms\n"},
    {"limit: 500ms", "figure: error_rate\n    limit: 10",
     "t.yaml:44:12: error: limit '10' is no limit of a share; expected a percentage such as 10%, at most 100%\n"},
    {"limit: 500ms", "figure: pods_down\n    limit: 500ms",
     "t.yaml:44:12: error: limit '500ms' is no limit of a share; expected a percentage such as 10%, at most 100%\n"},
    {"limit: 500ms", "figure: pods_down\n    limit: 1", ""},
    {"\"http://10.1.0.41:8081/metrics\"", "\"ftp://10.1.0.41/metrics\"",
     "t.yaml:44:29: error: url 'ftp://10.1.0.41/metrics' is not valid; expected a URL such as http://host:port/path or "
     "https://host/path\n"},
    {"\"http://10.1.0.41:8081/metrics\"", "\"http://user@10.1.0.41/\"",
     "t.yaml:44:29: error: url 'http://user@10.1.0.41/' is not valid; expected a URL such as http://host:port/path or "
     "https://host/path\n"},
    {"command: [/bin/true]", "command: [true]",
     "t.yaml:49:14: error: command 'true' is relative; expected the program's absolute path; there is no shell\n"},
    {"www: { endpoint: web", "www: { endpoint: wbe",
     "t.yaml:54:29: error: 'wbe' does not exist; expected the name of an endpoint of the regions\n"},
    {"ttl: 5s", "ttl: 1500ms", "t.yaml:54:39: error: ttl is not in whole seconds; expected for example 5s\n"},
    {"zone: example.test", "zone: \"exa mple\"",
     "t.yaml:52:9: error: zone 'exa mple' is not valid; expected a domain name\n"},
    {"databases: { shop: { database: shop } }", "max_clients: 5",
     "t.yaml:7:1: error: a site has the role proxy, but no session may go anywhere; expected proxy.databases\n"},
    {"database: shop } }\npolicy", "database: shop } }\n  tls: { mode: require, certificate: /etc/proxy.crt }\npolicy",
     "t.yaml:57:3: error: proxy.tls encrypts, but has no key; expected certificate and key, two PEM files\n"},
    {"database: shop } }\npolicy", "database: shop } }\n  server_tls: { mode: verify-full }\npolicy",
     "t.yaml:57:3: error: proxy.server_tls verifies, but trusts nobody; expected ca, a PEM file\n"},
    {"database: shop } }\npolicy",
     "database: shop } }\n  tls: { mode: allow, certificate: /a, key: /b }\n  server_tls: { mode: prefer }\npolicy",
     "t.yaml:58:3: error: proxy.tls and proxy.server_tls encrypt, but log-ins pass from one side to the other: servers "
     "take that for an attack; expected proxy.auth: scram\n"},
    {"database: shop } }\npolicy", "database: shop } }\n  auth_file: /etc/userlist.txt\npolicy",
     "t.yaml:57:14: error: proxy.auth_file says who may log in at the proxy, but the proxy asks nobody; expected "
     "proxy.auth: scram\n"},
    {"database: shop } }\npolicy", "database: shop, route: nearest } }\npolicy",
     "t.yaml:56:47: error: route 'nearest' is not one of the choices; expected one of writer, reader\n"},
    {"database: shop } }\npolicy", "database: shop, max_lag: 5s } }\npolicy",
     "t.yaml:56:16: error: proxy.databases.shop bounds the lag of a writer, which has none; expected route: reader, or "
     "no max_lag\n"},
    {"cooldown: 1h", "error_rate_review: 20%",
     "t.yaml:57:1: error: error rates are out of order; expected error_rate_monitor <= error_rate_review <= "
     "error_rate_automatic\n"},
    {"cooldown: 1h", "profile: adr-039",
     "t.yaml:57:20: warning: profile adr-039 knows no gates; expected standard in production; it exists to compare\n"},
    {"cooldown: 1h", "automation: { HIGH_ERROR_RATES: off }",
     "t.yaml:57:25: error: unknown key 'HIGH_ERROR_RATES'; expected a known key; did you mean 'HIGH_ERROR_RATE'?\n"},
    {"cooldown: 1h", "cooldown: -1h",
     "t.yaml:57:21: error: cooldown '-1h' is not valid; expected a duration such as 500ms, 10s, 5m, 1h, from 0ms to "
     "7d\n"},
    {"canary: { share: 10% }", "canary: { share: 60% }",
     "t.yaml:58:52: error: ramp.share is not above canary.share; expected more traffic in the second stage\n"},
    {"canary: { share: 10% }", "canary: { share: 0.001% }",
     "t.yaml:58:30: error: share '0.001%' is out of range; expected a percentage such as 2% or 0.5%, from 0.01% to "
     "100%\n"},
    {"canary: { share: 10% }", "canary: { share: 10.005% }",
     "t.yaml:58:30: error: canary.share is finer than 0.01%; expected at most two decimals\n"},
    {"canary: { share: 10% }", "canary: { share: 110% }",
     "t.yaml:58:30: error: share '110%' is not valid; expected a percentage such as 2% or 0.5%, from 0.01% to 100%\n"},
    {"canary: { share: 10% }", "canary: 10%",
     "t.yaml:58:21: error: canary is text; expected a mapping with its keys\n"},
    {", secret: { env: HOOK }", "",
     "t.yaml:60:15: warning: webhook 'incidents' has no secret; expected one; its receiver cannot tell who sent a "
     "message\n"},
    {"database-master:", "database-main:",
     "t.yaml:24:1: warning: no check named 'database-master'; expected one of kind postgres; without it the failure of "
     "a writer alone is not seen\n"},
    {"\"10.3.0.1:7080\" } }", "\"10.3.0.1:7080\" }, dns: { listen: [\"10.3.0.1:7080\"] } }",
     "t.yaml:10:3: error: two roles of site 'witness' listen on 10.3.0.1:7080; expected an address or port for each\n"
     "t.yaml:10:66: warning: dns of site 'witness' is not used; expected the role dns in roles\n"},
    {"api: { listen: \"10.3.0.1:7080\" }", "api: { listen: \"10.3.0.1:7080\" }, roels: [dns]",
     "t.yaml:10:66: error: unknown key 'roels'; expected a known key; did you mean 'roles'?\n"},
    {"command: [/bin/true]",
     "command: [/bin/true, "
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaa, "
     "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
     "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
     "bbbbbbbbbbbbbbbbbbbbbbbbbbbbb, "
     "ccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
     "ccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
     "ccccccccccccccccccccccccccccc, "
     "ddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
     "ddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
     "ddddddddddddddddddddddddddddd]",
     "t.yaml:50:16: error: command and arguments have 1034 bytes; expected at most 1024; move them into a script\n"},
    {"command: [/bin/true]",
     "command: [/bin/true, "
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]",
     "t.yaml:49:26: error: command 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' is out of range; "
     "expected text of at most 255 bytes\n"},
};

static char *replaced(const struct broken *one)
{
    const char *at = strstr(base, one->find);
    assert_non_null(at);
    assert_null(strstr(at + 1, one->find));
    const size_t size = sizeof base + strlen(one->replace);
    char *text = malloc(size);
    assert_non_null(text);
    snprintf(text, size, "%.*s%s%s", (int)(at - base), base, one->replace, at + strlen(one->find));
    return text;
}

/* Keeps only the lines that start with the file's name, without the last one, which counts. */
static void messages_only(const char *all, char *kept, size_t capacity)
{
    size_t size = 0;
    size_t last = 0;
    for (const char *line = all; *line != '\0';) {
        const size_t length = strcspn(line, "\n") + 1;
        if (strncmp(line, "t.yaml:", 7) == 0) {
            assert_true(size + length < capacity);
            last = size;
            memcpy(kept + size, line, length);
            size += length;
        }
        line += length;
    }
    kept[last] = '\0';
}

static void test_good(void **state)
{
    (void)state;
    char memory[4096];
    struct buf messages;
    buf_init(&messages, memory, sizeof memory);
    struct config *config = NULL;
    assert_int_equal(config_parse("t.yaml", span_text(base), &messages, &config), ERR_OK);
    assert_string_equal(buf_string(&messages), "");
    config_free(config);
}

static void test_broken(void **state)
{
    (void)state;
    static char all[CONFIG_MESSAGES];
    static char kept[CONFIG_MESSAGES];
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        char *text = replaced(&broken[i]);
        struct buf messages;
        buf_init(&messages, all, sizeof all);
        struct config *config = NULL;
        const enum err err = config_parse("t.yaml", span_text(text), &messages, &config);
        messages_only(buf_string(&messages), kept, sizeof kept);
        assert_string_equal(kept, broken[i].messages);
        assert_int_equal(err, strstr(kept, " error: ") != NULL ? ERR_INVALID : ERR_OK);
        assert_true((err == ERR_OK) == (config != NULL));
        config_free(config);
        free(text);
    }
}

/* Everything wrong at once: told in one run, in the order of the file. */
static void test_all_at_once(void **state)
{
    (void)state;
    static char all[CONFIG_MESSAGES];
    struct buf messages;
    buf_init(&messages, all, sizeof all);
    struct config *config = NULL;
    static const char text[] = "name: Shop\nregions:\n  a: { weigth: 1 }\nsites: 5\n\tchecks: {}\n";
    assert_int_equal(config_parse("t.yaml", span_text(text), &messages, &config), ERR_INVALID);
    assert_null(config);
    assert_non_null(strstr(all, "t.yaml:5:1: error: not YAML"));
    static const char three[] = "name: Shop\nregions:\n  a: { weigth: 1 }\nsites: 5\n";
    buf_reset(&messages);
    assert_int_equal(config_parse("t.yaml", span_text(three), &messages, &config), ERR_INVALID);
    const char *name = strstr(all, "t.yaml:1:7: error: name 'Shop'");
    const char *key =
        strstr(all, "t.yaml:3:8: error: unknown key 'weigth'; expected a known key; did you mean 'weight'?");
    const char *sites = strstr(all, "t.yaml:4:8: error: sites '5' is not a mapping");
    assert_true(name != NULL && key != NULL && sites != NULL && name < key && key < sites);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_broken),
        cmocka_unit_test(test_all_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
