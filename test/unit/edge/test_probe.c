/* SPDX-License-Identifier: Apache-2.0
 * The pool: rhythm, replacement of the set, time-outs, limits, and the tcp probe. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "edge/clock.h"
#include "edge/probe.h"
#include "probe_peer.h"

static void kinds_have_names(void **state)
{
    (void)state;
    for (int kind = 0; kind < PROBE_KINDS; kind++) {
        assert_int_equal(probe_kind_find(probe_kind_name((enum probe_kind)kind)), kind);
    }
    assert_int_equal(probe_kind_find("smtp"), PROBE_KINDS);
}

static void bad_specs_are_refused(void **state)
{
    (void)state;
    const char *problem = NULL;
    struct probe_spec spec = probe_peer_spec(PROBE_TCP, "db.example:5432");
    assert_int_equal(probe_spec_check(&spec, &problem), ERR_INVALID);
    assert_string_equal(problem, "address must be a literal ADDRESS:PORT");
    spec = probe_peer_spec(PROBE_HTTP, "/run/socket");
    assert_int_equal(probe_spec_check(&spec, &problem), ERR_INVALID);
    spec = probe_peer_spec(PROBE_KAFKA, "127.0.0.1:9092");
    assert_int_equal(probe_spec_check(&spec, &problem), ERR_INVALID);
    assert_string_equal(problem, "topic is missing");
    spec = probe_peer_spec(PROBE_EXEC, "");
    assert_int_equal(probe_spec_check(&spec, &problem), ERR_INVALID);
    assert_int_equal(probe_spec_argument(&spec, "/bin/true"), ERR_OK);
    assert_int_equal(probe_spec_check(&spec, &problem), ERR_OK);
    spec.interval_ms = 0;
    assert_int_equal(probe_spec_check(&spec, &problem), ERR_INVALID);
    spec = probe_peer_spec(PROBE_PROMETHEUS, "");
    snprintf(spec.url, sizeof spec.url, "http://127.0.0.1/metrics");
    assert_int_equal(probe_spec_check(&spec, &problem), ERR_INVALID);
    snprintf(spec.metric, sizeof spec.metric, "up");
    assert_int_equal(probe_spec_check(&spec, &problem), ERR_OK);
}

static void too_many_arguments(void **state)
{
    (void)state;
    struct probe_spec spec = probe_peer_spec(PROBE_EXEC, "");
    for (int i = 0; i < PROBE_ARGUMENTS; i++) {
        assert_int_equal(probe_spec_argument(&spec, "x"), ERR_OK);
    }
    assert_int_equal(probe_spec_argument(&spec, "x"), ERR_TOO_LARGE);
}

static void tcp_connects(void **state)
{
    (void)state;
    struct probe_peer *peer = probe_peer_new(PROBE_PEER_SILENT, "");
    struct probe_spec spec = probe_peer_spec(PROBE_TCP, probe_peer_address(peer));
    spec.id = 7;
    const struct probe_result result = probe_peer_once(&spec);
    assert_true(result.ok);
    assert_int_equal(result.id, 7);
    assert_string_equal(result.check, "check");
    assert_string_equal(result.region, "taiwan");
    assert_true(result.phases.connect_us > 0);
    assert_true(result.phases.total_us >= result.phases.connect_us);
    assert_int_equal(result.value_ppm, PROBE_NONE);
    probe_peer_free(peer);
}

static void tcp_refused(void **state)
{
    (void)state;
    const struct probe_spec spec = probe_peer_spec(PROBE_TCP, probe_peer_nobody());
    const struct probe_result result = probe_peer_once(&spec);
    assert_false(result.ok);
    assert_int_equal(result.error, ERR_REFUSED);
    char expected[64];
    snprintf(expected, sizeof expected, "connection refused by %s", probe_peer_nobody());
    assert_string_equal(result.message, expected);
}

static void slow_is_a_failure(void **state)
{
    (void)state;
    struct probe_peer *peer = probe_peer_new(PROBE_PEER_SILENT, "");
    struct probe_spec spec = probe_peer_spec(PROBE_HTTP, probe_peer_address(peer));
    spec.timeout_ms = 50;
    const struct probe_result late = probe_peer_once(&spec);
    assert_int_equal(late.error, ERR_TIMEOUT);
    assert_true(late.latency_us >= 50000);
    assert_non_null(strstr(late.message, "timed out after 50 ms waiting for the answer of 127.9.0.1:"));
    probe_peer_free(peer);
}

/* A removed probe stops; a kept one goes on with the same rhythm; a new one starts. */
static void sets_are_replaced(void **state)
{
    (void)state;
    struct probe_peer *peer = probe_peer_new(PROBE_PEER_SILENT, "");
    struct probe_spec specs[3];
    for (int i = 0; i < 3; i++) {
        specs[i] = probe_peer_spec(PROBE_TCP, probe_peer_address(peer));
        specs[i].id = (uint32_t)i;
        snprintf(specs[i].check, sizeof specs[i].check, "check-%d", i);
    }
    struct probe_peer_pool *pool = probe_peer_pool_new(specs, 2, NULL, NULL);
    bool seen[3] = {false};
    while (!seen[0] || !seen[1]) {
        seen[probe_peer_pool_next(pool).id] = true;
    }
    assert_false(seen[2]);
    specs[1].id = 1;
    assert_int_equal(probe_pool_set(probe_peer_pool_inner(pool), specs + 1, 2), ERR_OK);
    int others = 0;
    memset(seen, 0, sizeof seen);
    while (!seen[2] || others < 10) {
        const struct probe_result result = probe_peer_pool_next(pool);
        seen[result.id] = true;
        others = result.id == 0 ? 0 : others + 1;
    }
    assert_true(seen[1]);
    probe_peer_pool_free(pool);
    probe_peer_free(peer);
}

/* Stopping with attempts under way, without a leak (the sanitizer build looks). */
static void stops_in_the_middle(void **state)
{
    (void)state;
    struct probe_peer *peer = probe_peer_new(PROBE_PEER_SILENT, "");
    struct probe_spec specs[4];
    for (int i = 0; i < 4; i++) {
        specs[i] = probe_peer_spec(i % 2 == 0 ? PROBE_HTTP : PROBE_HTTPS, probe_peer_address(peer));
        snprintf(specs[i].check, sizeof specs[i].check, "check-%d", i);
        specs[i].interval_ms = 1;
    }
    struct probe_peer_pool *pool = probe_peer_pool_new(specs, 4, NULL, NULL);
    while (probe_peer_connections(peer) < 4) {
        usleep(1000);
    }
    probe_peer_pool_free(pool);
    probe_peer_free(peer);
}

struct busy {
    atomic_uint good;
    atomic_uint bad;
    char message[PROBE_MESSAGE];
};

/* Keeps the probe thread busy for longer than the other probe's time-out. */
static void busy_sink(void *context, const struct probe_result *result)
{
    struct busy *busy = context;
    if (result->kind == PROBE_HTTP) {
        if (!result->ok) {
            snprintf(busy->message, sizeof busy->message, "%s", result->message);
        }
        atomic_fetch_add(result->ok ? &busy->good : &busy->bad, 1);
        return;
    }
    const int64_t end_us = clock_thread_us() + 300 * 1000;
    while (clock_thread_us() < end_us) {
    }
}

/* Answers that lay in the socket while our own thread was busy are neither late nor slow. */
static void our_own_business_is_not_held_against_targets(void **state)
{
    (void)state;
    struct probe_peer *peer = probe_peer_new(PROBE_PEER_ANSWER, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    struct busy busy = {.message = ""};
    struct probe_spec specs[2] = {probe_peer_spec(PROBE_HTTP, probe_peer_address(peer)),
                                  probe_peer_spec(PROBE_TCP, probe_peer_address(peer))};
    specs[0].interval_ms = 5;
    specs[0].timeout_ms = 250;
    specs[0].latency_limit_us = 250000;
    specs[1].interval_ms = 40;
    snprintf(specs[1].check, sizeof specs[1].check, "busy");
    const struct probe_pool_options options = {.site = "test", .threads = 1, .sink = busy_sink, .sink_context = &busy};
    struct probe_pool *pool = NULL;
    assert_int_equal(probe_pool_new(&options, &pool), ERR_OK);
    assert_int_equal(probe_pool_set(pool, specs, 2), ERR_OK);
    while (atomic_load(&busy.good) + atomic_load(&busy.bad) < 2) {
        usleep(1000);
    }
    probe_pool_free(pool);
    probe_peer_free(peer);
    assert_string_equal(busy.message, "");
    assert_int_equal(atomic_load(&busy.bad), 0);
}

/* More handshakes than tokens, with peers that never answer: the healthy one gets its turn before any time-out. */
static void silent_peers_do_not_keep_the_tokens(void **state)
{
    (void)state;
    struct probe_peer *silent = probe_peer_new(PROBE_PEER_SILENT, "");
    struct probe_peer *wrong = probe_peer_new(PROBE_PEER_ANSWER, "no TLS here");
    struct probe_spec specs[PROBE_HANDSHAKES + 5];
    const uint32_t count = sizeof specs / sizeof specs[0];
    for (uint32_t i = 0; i < count; i++) {
        specs[i] = probe_peer_spec(PROBE_HTTPS, probe_peer_address(i == 0 ? wrong : silent));
        snprintf(specs[i].check, sizeof specs[i].check, "check-%u", i);
        specs[i].id = i;
        specs[i].timeout_ms = 600000;
    }
    struct probe_peer_pool *pool = probe_peer_pool_new(specs, count, NULL, NULL);
    for (int i = 0; i < 3; i++) {
        const struct probe_result result = probe_peer_pool_next(pool);
        assert_int_equal(result.id, 0);
        assert_int_equal(result.error, ERR_TLS);
    }
    while (probe_peer_connections(silent) < count - 1) {
        usleep(1000);
    }
    probe_peer_pool_free(pool);
    probe_peer_free(wrong);
    probe_peer_free(silent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_have_names),
        cmocka_unit_test(bad_specs_are_refused),
        cmocka_unit_test(too_many_arguments),
        cmocka_unit_test(tcp_connects),
        cmocka_unit_test(tcp_refused),
        cmocka_unit_test(slow_is_a_failure),
        cmocka_unit_test(sets_are_replaced),
        cmocka_unit_test(stops_in_the_middle),
        cmocka_unit_test(our_own_business_is_not_held_against_targets),
        cmocka_unit_test(silent_peers_do_not_keep_the_tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
