/* SPDX-License-Identifier: Apache-2.0
 * Probes: what an observer asks of the world, and what came of it.
 *
 * A pool runs a set of specs, each once per interval, on a few threads of its own (one libuv loop and one curl multi
 * each). Starts are spread over the interval by a hash of the names, so nothing starts together; at most
 * PROBE_HANDSHAKES logins and TLS handshakes are under way per thread. A probe that starts late says so in queue_us;
 * its time-out counts from its real start, and time that our own thread lost never makes a target slow.
 *
 * All addresses are literal ("127.0.0.1:80", "[::1]:80", or "/path" of a unix socket where the kind allows it): a probe
 * never looks a name up. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/time.h"
#include "core/limits.h"
#include "core/model.h"

enum probe_kind {
    PROBE_TCP,      /* address: connects */
    PROBE_HTTP,     /* address, path, host, expect_status, expect_body */
    PROBE_HTTPS,    /* as HTTP, with ca_file, certificate_min_valid_s */
    PROBE_POSTGRES, /* database (resolved at each probe) or address + dbname; user, password */
    PROBE_REDIS,    /* address, password: writes a key and reads it back */
    PROBE_KAFKA,    /* address (of a broker), topic: produces, waits for the acknowledgement of all in-sync replicas */
    PROBE_DNS,      /* address, dns_name, dns_type, expect */
    PROBE_PROMETHEUS, /* url + query (a Prometheus server), or url + metric (a plain metrics page) */
    PROBE_HAPROXY,    /* address (or unix path) of the runtime socket, backend */
    PROBE_EXEC,       /* command: Nagios convention, 0 good, 1 warning (good), 2 critical, 3 unknown */
    PROBE_HEARTBEAT,  /* address: GET /healthz of a controller */
    PROBE_KINDS
};

enum {
    PROBE_TEXT = 256,
    PROBE_QUERY = 1024,
    PROBE_MESSAGE = 128,
    PROBE_COMMAND = 1024,
    PROBE_ARGUMENTS = 32,
    PROBE_THREADS = 8,     /* at most, per pool */
    PROBE_HANDSHAKES = 16, /* TLS handshakes and logins in flight per thread */
    PROBE_BODY_BYTES = 65536,
};

/* "none" for a figure of a result. */
#define PROBE_NONE INT64_MIN

/* One check against one region. A plain value: zero it first, then fill what the kind needs; strings are terminated.
 * Empty strings and zeroes mean "default" or "not asked for". */
struct probe_spec {
    uint32_t id; /* the caller's (the model's probe index); carried into results, not part of the identity */
    enum probe_kind kind;
    char check[LIMITS_NAME];
    char region[LIMITS_NAME];
    uint32_t interval_ms;      /* > 0 */
    uint32_t timeout_ms;       /* > 0 */
    uint32_t latency_limit_us; /* a good answer that took longer is ERR_SLOW; 0: none */
    int64_t limit_ppm;         /* a value above it is ERR_LIMIT (postgres: replication lag, ERR_LAG); 0: none */
    char address[PROBE_TEXT];
    char host[PROBE_TEXT];        /* http, https: Host header, SNI and verified name; default: the address */
    char path[PROBE_TEXT];        /* default "/" */
    uint32_t expect_status;       /* default: any 2xx */
    char expect_body[PROBE_TEXT]; /* text within the part of the body that is read */
    uint32_t body_limit_bytes;    /* the rest of a body is not read; default PROBE_BODY_BYTES */
    char ca_file[PROBE_TEXT];     /* default: the system's bundle */
    int64_t certificate_min_valid_s;
    char database[LIMITS_NAME]; /* postgres: name for the resolver */
    char user[PROBE_TEXT];
    char password[PROBE_TEXT]; /* postgres, redis */
    bool replica;              /* redis: one that only reads is good, too */
    char dbname[PROBE_TEXT];
    uint32_t login_every; /* postgres: a fresh login at every Nth probe; default 5 */
    char key[PROBE_TEXT]; /* redis: default "holdfast:probe:SITE:CHECK:REGION"; ":SITE" is appended to it */
    char topic[PROBE_TEXT];
    char dns_name[PROBE_TEXT];
    char dns_type[16];       /* A, AAAA, CNAME, TXT, SOA, NS; default A */
    char expect[PROBE_TEXT]; /* dns: a record of the answer in presentation form */
    char url[PROBE_TEXT];
    char query[PROBE_QUERY]; /* prometheus: an expression; postgres: a further statement that must succeed */
    char metric[PROBE_TEXT];
    uint32_t quantile_ppm; /* metrics page: of a histogram; default 950000 */
    enum model_figure figure;
    char backend[PROBE_TEXT]; /* haproxy; default: the only backend */
    uint32_t command_count;
    char command[PROBE_COMMAND]; /* exec: the arguments one behind the other, each with its terminator */
};

/* Appends an argument to an exec probe's command. ERR_TOO_LARGE beyond PROBE_ARGUMENTS or PROBE_COMMAND. */
enum err probe_spec_argument(struct probe_spec *spec, const char *argument) ERR_CHECK;

/* Whether the spec can be run at all: what its kind needs is there. On failure `ret_problem` is a sentence. */
enum err probe_spec_check(const struct probe_spec *spec, const char **ret_problem) ERR_CHECK;

const char *probe_kind_name(enum probe_kind kind);

/* PROBE_KINDS when there is no such kind. */
enum probe_kind probe_kind_find(const char *name);

/* Where the time went, in microseconds; 0: phase not reached or not there. */
struct probe_phases {
    int64_t queue_us; /* from when it was due to its real start: our own lateness */
    int64_t resolve_us;
    int64_t connect_us;
    int64_t tls_us;
    int64_t first_byte_us;
    int64_t total_us; /* from the real start */
};

struct probe_result {
    uint32_t id;
    enum probe_kind kind;
    char check[LIMITS_NAME];
    char region[LIMITS_NAME];
    bool ok;
    enum err error;              /* ERR_OK when ok */
    char message[PROBE_MESSAGE]; /* one printable ASCII line; why it failed, or what was seen */
    bool news;                   /* not asked for now: a connection that was kept open broke */
    int64_t latency_us;          /* total_us; for figure p95 the measured quantile */
    struct probe_phases phases;
    int64_t value_ppm; /* value x 1,000,000: a ratio in ppm, seconds in microseconds; PROBE_NONE */
    int64_t requests;  /* requests that the value was computed from; PROBE_NONE */
    struct mono started;
    struct mono ended;
};

/* Which server a postgres probe must find, told anew at each probe. */
struct probe_pg_target {
    char address[PROBE_TEXT];
    bool writer; /* expected: the writer, else a standby */
};

/* Called from probe threads; must not block. False: nothing to be probed there now (the probe fails, UNAVAILABLE). */
typedef bool probe_resolve(void *context, const char *database, const char *region, struct probe_pg_target *ret_target);

/* Called from probe threads, one call at a time per thread; must not block. The result is borrowed for the call. */
typedef void probe_sink(void *context, const struct probe_result *result);

struct probe_pool_options {
    const char *site; /* spreads the starts of several observers; part of redis keys; copied */
    uint32_t threads; /* default 2 */
    probe_sink *sink;
    void *sink_context;
    probe_resolve *resolve; /* may be NULL: postgres probes with `database` fail */
    void *resolve_context;
};

struct probe_pool;

/* Starts the threads, with nothing to probe yet. The process must ignore SIGPIPE (the pool sees to it). */
enum err probe_pool_new(const struct probe_pool_options *options, struct probe_pool **ret_pool) ERR_CHECK;

/* Replaces the set. Specs that are the same but for `id` keep their rhythm, connections and samples. Specs are copied;
 * each must pass probe_spec_check. From any one thread at a time. Results of removed specs may still arrive until the
 * threads have taken the new set over: tell results by their names, not by id, around a reload. */
enum err probe_pool_set(struct probe_pool *pool, const struct probe_spec *specs, uint32_t count) ERR_CHECK;

/* Somebody has trouble with a node of this database in this region: the check of it that passed when it was last made
 * is made now, not at its next beat, and goes on with its rhythm from there. One that is under way, or that failed
 * last, is left alone: what is not known to be bad is learnt sooner, and nothing counts faster than it would. Any
 * thread; when many come at once, the last ones are forgotten. */
void probe_pool_soon(struct probe_pool *pool, const char *database, const char *region);

/* Stops everything, waits for the threads and frees. No sink call comes after. NULL is fine. */
void probe_pool_free(struct probe_pool *pool);
