/* SPDX-License-Identifier: Apache-2.0
 * The http probe against real sockets: each way an answer can be wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "edge/probe.h"
#include "probe_peer.h"

static const char UP[] = "HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{\"status\":\"UP\"}";
static const char DOWN[] = "HTTP/1.1 503 No\r\nContent-Length: 17\r\n\r\n{\"status\":\"DOWN\"}";

static struct probe_result http(enum probe_peer_manner manner, const char *answer, uint32_t status, const char *body)
{
    struct probe_peer *peer = probe_peer_new(manner, answer);
    struct probe_spec spec = probe_peer_spec(PROBE_HTTP, probe_peer_address(peer));
    snprintf(spec.path, sizeof spec.path, "/actuator/health/readiness");
    spec.expect_status = status;
    snprintf(spec.expect_body, sizeof spec.expect_body, "%s", body);
    const struct probe_result result = probe_peer_once(&spec);
    probe_peer_free(peer);
    return result;
}

static void good_answer(void **state)
{
    (void)state;
    const struct probe_result result = http(PROBE_PEER_ANSWER, UP, 200, "\"status\":\"UP\"");
    assert_string_equal(result.message, "status 200");
    assert_true(result.ok);
    assert_true(result.phases.connect_us > 0 && result.phases.first_byte_us > 0);
    assert_true(result.phases.total_us >= result.phases.connect_us + result.phases.first_byte_us);
}

static void bad_status(void **state)
{
    (void)state;
    const struct probe_result result = http(PROBE_PEER_ANSWER, DOWN, 200, "");
    assert_int_equal(result.error, ERR_STATUS);
    assert_string_equal(result.message, "status 503, expected 200: {\"status\":\"DOWN\"}");
}

static void default_status_is_2xx(void **state)
{
    (void)state;
    assert_true(http(PROBE_PEER_ANSWER, "HTTP/1.1 204 No\r\n\r\n", 0, "").ok);
    const struct probe_result result = http(PROBE_PEER_ANSWER, "HTTP/1.1 302 F\r\nLocation: http://x/\r\n\r\n", 0, "");
    assert_int_equal(result.error, ERR_STATUS);
    assert_string_equal(result.message, "status 302, expected 2xx: ");
}

static void body_mismatch(void **state)
{
    (void)state;
    const struct probe_result result = http(PROBE_PEER_ANSWER, UP, 200, "DEGRADED");
    assert_int_equal(result.error, ERR_CONTENT);
    assert_non_null(strstr(result.message, "body lacks DEGRADED"));
}

/* What stands behind the first 64 KiB neither counts nor is waited for. */
static void body_is_cut(void **state)
{
    (void)state;
    const size_t size = 200000;
    char *answer = malloc(size + 1);
    assert_non_null(answer);
    const int head = snprintf(answer, size, "HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\nfirst");
    memset(answer + head, 'x', size - (size_t)head);
    memcpy(answer + size - 4, "last", 4);
    answer[size] = 0;
    assert_true(http(PROBE_PEER_ANSWER, answer, 200, "first").ok);
    assert_int_equal(http(PROBE_PEER_ANSWER, answer, 200, "last").error, ERR_CONTENT);
    free(answer);
}

static void control_bytes_do_not_reach_messages(void **state)
{
    (void)state;
    const struct probe_result result = http(PROBE_PEER_ANSWER,
                                            "HTTP/1.1 500 E\r\nContent-Length: 5\r\n\r\na\n\x1b\xff"
                                            "b",
                                            200, "");
    assert_string_equal(result.message, "status 500, expected 200: a ??b");
}

static void broken_connections(void **state)
{
    (void)state;
    struct probe_result result = http(PROBE_PEER_RESET, "", 200, "");
    assert_int_equal(result.error, ERR_RESET);
    assert_non_null(strstr(result.message, "connection reset by 127.9.0.1:"));
    result = http(PROBE_PEER_CLOSE, "", 200, "");
    assert_int_equal(result.error, ERR_CLOSED);
    result = http(PROBE_PEER_ANSWER, "220 mail ready\r\n", 200, "");
    assert_int_equal(result.error, ERR_PROTOCOL);
    result = http(PROBE_PEER_ANSWER, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort", 200, "");
    assert_int_equal(result.error, ERR_CLOSED);
    const struct probe_spec spec = probe_peer_spec(PROBE_HTTP, probe_peer_nobody());
    result = probe_peer_once(&spec);
    assert_int_equal(result.error, ERR_REFUSED);
}

static void plain_server_behind_https(void **state)
{
    (void)state;
    struct probe_peer *peer = probe_peer_new(PROBE_PEER_ANSWER, UP);
    const struct probe_spec spec = probe_peer_spec(PROBE_HTTPS, probe_peer_address(peer));
    const struct probe_result result = probe_peer_once(&spec);
    assert_int_equal(result.error, ERR_TLS);
    probe_peer_free(peer);
}

static void heartbeat(void **state)
{
    (void)state;
    struct probe_peer *peer = probe_peer_new(PROBE_PEER_ANSWER, UP);
    struct probe_spec spec = probe_peer_spec(PROBE_HEARTBEAT, probe_peer_address(peer));
    assert_true(probe_peer_once(&spec).ok);
    probe_peer_free(peer);
    peer = probe_peer_new(PROBE_PEER_ANSWER, DOWN);
    spec = probe_peer_spec(PROBE_HEARTBEAT, probe_peer_address(peer));
    assert_int_equal(probe_peer_once(&spec).error, ERR_STATUS);
    probe_peer_free(peer);
}

/* Each check is a new connection. */
static void connections_are_fresh(void **state)
{
    (void)state;
    struct probe_peer *peer = probe_peer_new(PROBE_PEER_KEEP, UP);
    const struct probe_spec spec = probe_peer_spec(PROBE_HTTP, probe_peer_address(peer));
    struct probe_peer_pool *pool = probe_peer_pool_new(&spec, 1, NULL, NULL);
    for (int i = 0; i < 5; i++) {
        assert_true(probe_peer_pool_next(pool).ok);
    }
    assert_true(probe_peer_connections(peer) >= 5);
    probe_peer_pool_free(pool);
    probe_peer_free(peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_answer),
        cmocka_unit_test(bad_status),
        cmocka_unit_test(default_status_is_2xx),
        cmocka_unit_test(body_mismatch),
        cmocka_unit_test(body_is_cut),
        cmocka_unit_test(control_bytes_do_not_reach_messages),
        cmocka_unit_test(broken_connections),
        cmocka_unit_test(plain_server_behind_https),
        cmocka_unit_test(heartbeat),
        cmocka_unit_test(connections_are_fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
