/* SPDX-License-Identifier: Apache-2.0
 * Probes of services against peers that answer a fixed text: figures, and each way an answer can be wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "edge/probe_postgres.h"
#include "probe_peer.h"

static struct probe_spec prometheus(const struct probe_peer *peer, const char *query, const char *metric)
{
    struct probe_spec spec = probe_peer_spec(PROBE_PROMETHEUS, "");
    snprintf(spec.url, sizeof spec.url, "http://%s%s", probe_peer_address(peer), query[0] != 0 ? "" : "/metrics");
    snprintf(spec.query, sizeof spec.query, "%s", query);
    snprintf(spec.metric, sizeof spec.metric, "%s", metric);
    return spec;
}

static struct probe_result query(const char *body)
{
    char answer[1024];
    snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(body), body);
    struct probe_peer *peer = probe_peer_new(PROBE_PEER_ANSWER, answer);
    struct probe_spec spec = prometheus(peer, "sum(rate(x[1m])) / 2", "");
    spec.limit_ppm = 100000;
    const struct probe_result result = probe_peer_once(&spec);
    probe_peer_free(peer);
    return result;
}

#define VECTOR(values) "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[" values "]}}"
#define SERIES(value)  "{\"metric\":{},\"value\":[1.5,\"" value "\"]}"

static void prometheus_queries(void **state)
{
    (void)state;
    struct probe_result result = query(VECTOR(SERIES("0.05")));
    assert_true(result.ok);
    assert_int_equal(result.value_ppm, 50000);
    result = query(VECTOR(SERIES("0.05") "," SERIES("0.25")));
    assert_int_equal(result.error, ERR_LIMIT);
    assert_int_equal(result.value_ppm, 250000);
    assert_string_equal(result.message, "value 0.25, limit 0.1");
    result = query("{\"status\":\"success\",\"data\":{\"resultType\":\"scalar\",\"result\":[1,\"-1\"]}}");
    assert_int_equal(result.value_ppm, -1000000);
    result = query(VECTOR(""));
    assert_true(result.ok && result.value_ppm == PROBE_NONE);
    result = query(VECTOR(SERIES("NaN")));
    assert_true(result.ok && result.value_ppm == PROBE_NONE);
    result = query(VECTOR(SERIES("+Inf")));
    assert_int_equal(result.error, ERR_CONTENT);
    result = query(VECTOR(SERIES("x")));
    assert_int_equal(result.error, ERR_PROTOCOL);
    result = query("{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"parse error\"}");
    assert_int_equal(result.error, ERR_CONTENT);
    assert_string_equal(result.message, "the query failed: parse error");
    result = query("<html>");
    assert_int_equal(result.error, ERR_PROTOCOL);
}

static void names_in_urls_are_refused(void **state)
{
    (void)state;
    struct probe_spec spec = probe_peer_spec(PROBE_PROMETHEUS, "");
    snprintf(spec.url, sizeof spec.url, "http://prometheus.example:9090");
    snprintf(spec.query, sizeof spec.query, "up");
    const struct probe_result result = probe_peer_once(&spec);
    assert_int_equal(result.error, ERR_INVALID);
    assert_non_null(strstr(result.message, "not a literal address"));
}

/* The peer's page never changes: a counter's rate is 0, of a histogram nothing is added. */
static void metric_pages(void **state)
{
    (void)state;
    static const char page[] =
        "HTTP/1.1 200 OK\r\n\r\nh_bucket{le=\"1\"} 3\nh_bucket{le=\"+Inf\"} 5\nc_total 7\ng 2.5\n";
    struct probe_peer *peer = probe_peer_new(PROBE_PEER_ANSWER, page);
    struct probe_spec spec = prometheus(peer, "", "c_total");
    struct probe_peer_pool *pool = probe_peer_pool_new(&spec, 1, NULL, NULL);
    struct probe_result result = probe_peer_pool_next(pool);
    assert_true(result.ok && result.value_ppm == PROBE_NONE);
    result = probe_peer_pool_next(pool);
    assert_true(result.ok && result.value_ppm == 0);
    probe_peer_pool_free(pool);
    spec = prometheus(peer, "", "h");
    pool = probe_peer_pool_new(&spec, 1, NULL, NULL);
    probe_peer_pool_next(pool);
    result = probe_peer_pool_next(pool);
    assert_true(result.ok && result.value_ppm == PROBE_NONE && result.requests == 0);
    probe_peer_pool_free(pool);
    spec = prometheus(peer, "", "g");
    result = probe_peer_once(&spec);
    assert_int_equal(result.value_ppm, 2500000);
    spec = prometheus(peer, "", "missing");
    result = probe_peer_once(&spec);
    assert_int_equal(result.error, ERR_NOT_FOUND);
    probe_peer_free(peer);
}

static struct probe_result haproxy(enum probe_peer_manner manner, const char *answer, enum model_figure figure)
{
    struct probe_peer *peer = probe_peer_new(manner, answer);
    struct probe_spec spec = probe_peer_spec(PROBE_HAPROXY, probe_peer_address(peer));
    snprintf(spec.backend, sizeof spec.backend, "shop");
    spec.figure = figure;
    struct probe_peer_pool *pool = probe_peer_pool_new(&spec, 1, NULL, NULL);
    probe_peer_pool_next(pool);
    const struct probe_result result = probe_peer_pool_next(pool);
    probe_peer_pool_free(pool);
    probe_peer_free(peer);
    return result;
}

#define HEAD "# pxname,svname,status,weight,hrsp_5xx,req_tot,\n"

static void haproxy_figures(void **state)
{
    (void)state;
    static const char one_of_two[] = HEAD "shop,a,UP,1,0,,\nshop,b,DOWN,1,0,,\nshop,BACKEND,UP,1,4,80,\n\n";
    struct probe_result result = haproxy(PROBE_PEER_ANSWER, one_of_two, MODEL_FIGURE_ERROR_RATE);
    assert_true(result.ok && result.value_ppm == 0 && result.requests == 0);
    assert_string_equal(result.message, "1 of 2 servers of backend shop up");
    result = haproxy(PROBE_PEER_ANSWER, one_of_two, MODEL_FIGURE_PODS_DOWN);
    assert_true(result.ok && result.value_ppm == 500000);
    static const char none[] = HEAD "shop,a,DOWN,1,0,,\nshop,BACKEND,DOWN,1,4,80,\n\n";
    result = haproxy(PROBE_PEER_ANSWER, none, MODEL_FIGURE_NONE);
    assert_int_equal(result.error, ERR_UNAVAILABLE);
    assert_string_equal(result.message, "0 of 1 servers of backend shop up");
    result = haproxy(PROBE_PEER_ANSWER, HEAD "db,BACKEND,DOWN,1,4,80,\n\n", MODEL_FIGURE_NONE);
    assert_int_equal(result.error, ERR_NOT_FOUND);
    result = haproxy(PROBE_PEER_ANSWER, "Permission denied\n", MODEL_FIGURE_NONE);
    assert_int_equal(result.error, ERR_PROTOCOL);
    assert_int_equal(haproxy(PROBE_PEER_CLOSE, "", MODEL_FIGURE_NONE).error, ERR_CLOSED);
    assert_int_equal(haproxy(PROBE_PEER_RESET, "", MODEL_FIGURE_NONE).error, ERR_RESET);
}

static struct probe_result redis(enum probe_peer_manner manner, const char *answer, const char *password)
{
    struct probe_peer *peer = probe_peer_new(manner, answer);
    struct probe_spec spec = probe_peer_spec(PROBE_REDIS, probe_peer_address(peer));
    snprintf(spec.password, sizeof spec.password, "%s", password);
    const struct probe_result result = probe_peer_once(&spec);
    probe_peer_free(peer);
    return result;
}

static void redis_errors(void **state)
{
    (void)state;
    struct probe_result result =
        redis(PROBE_PEER_KEEP, "-READONLY You can't write against a read only replica.\r\n", "");
    assert_int_equal(result.error, ERR_ROLE);
    assert_non_null(strstr(result.message, "READONLY You can't write"));
    assert_int_equal(redis(PROBE_PEER_KEEP, "-NOAUTH Authentication required.\r\n", "").error, ERR_AUTH);
    assert_int_equal(redis(PROBE_PEER_KEEP, "-WRONGPASS invalid\r\n", "x").error, ERR_AUTH);
    assert_int_equal(redis(PROBE_PEER_KEEP, "-LOADING Redis is loading\r\n", "").error, ERR_UNAVAILABLE);
    assert_int_equal(redis(PROBE_PEER_KEEP, "-OOM command not allowed\r\n", "").error, ERR_NO_MEMORY);
    assert_int_equal(redis(PROBE_PEER_KEEP, "+OK\r\n", "x").error, ERR_CONTENT);
    assert_int_equal(redis(PROBE_PEER_KEEP, ":1\r\n", "").error, ERR_PROTOCOL);
    result = redis(PROBE_PEER_KEEP, "HTTP/1.1 400 Bad Request\r\n", "");
    assert_int_equal(result.error, ERR_PROTOCOL);
    assert_int_equal(redis(PROBE_PEER_CLOSE, "", "").error, ERR_CLOSED);
    assert_int_equal(redis(PROBE_PEER_RESET, "", "").error, ERR_RESET);
    const struct probe_spec spec = probe_peer_spec(PROBE_REDIS, probe_peer_nobody());
    assert_int_equal(probe_peer_once(&spec).error, ERR_REFUSED);
}

static void postgres_refused(void **state)
{
    (void)state;
    struct probe_spec spec = probe_peer_spec(PROBE_POSTGRES, probe_peer_nobody());
    struct probe_result result = probe_peer_once(&spec);
    assert_int_equal(result.error, ERR_REFUSED);
    struct probe_peer *peer = probe_peer_new(PROBE_PEER_SILENT, "");
    spec = probe_peer_spec(PROBE_POSTGRES, probe_peer_address(peer));
    spec.timeout_ms = 50;
    result = probe_peer_once(&spec);
    assert_int_equal(result.error, ERR_TIMEOUT);
    assert_non_null(strstr(result.message, "timed out after 50 ms logging in at 127.9.0.1:"));
    probe_peer_free(peer);
    peer = probe_peer_new(PROBE_PEER_CLOSE, "");
    spec = probe_peer_spec(PROBE_POSTGRES, probe_peer_address(peer));
    assert_int_equal(probe_peer_once(&spec).error, ERR_CLOSED);
    probe_peer_free(peer);
    peer = probe_peer_new(PROBE_PEER_ANSWER, "HTTP/1.1 400 Bad Request\r\n\r\n");
    spec = probe_peer_spec(PROBE_POSTGRES, probe_peer_address(peer));
    assert_int_equal(probe_peer_once(&spec).error, ERR_PROTOCOL);
    probe_peer_free(peer);
    spec = probe_peer_spec(PROBE_POSTGRES, "");
    snprintf(spec.database, sizeof spec.database, "shop");
    result = probe_peer_once(&spec);
    assert_int_equal(result.error, ERR_UNAVAILABLE);
    assert_string_equal(result.message, "no server of database shop in taiwan");
}

static void postgres_words(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum err err;
        const char *words;
    } rows[] = {
        {"connection to server at \"127.0.0.1\", port 1 failed: FATAL:  28P01: password authentication failed for user "
         "\"x\"\n"
         "LOCATION:  auth_failed, auth.c:326\n",
         ERR_AUTH, "password authentication failed for user \"x\""},
        {"connection to server at \"h\", port 1 failed: FATAL:  57P03: the database system is starting up\n",
         ERR_UNAVAILABLE, "the database system is starting up"},
        {"FATAL:  57P01: terminating connection due to administrator command\n", ERR_CLOSED,
         "terminating connection due to administrator command"},
        {"connection to server at \"h\", port 1 failed: Connection refused\n\tIs the server running?\n", ERR_REFUSED,
         "Connection refused"},
        {"ERROR:  42P01: relation \"x\" does not exist\nLINE 1: ...", ERR_CONTENT, "relation \"x\" does not exist"},
        {"FEHLER:  53300: zu viele Verbindungen\n", ERR_UNAVAILABLE, "zu viele Verbindungen"},
        {"server closed the connection unexpectedly\n\tThis probably", ERR_CLOSED,
         "server closed the connection unexpectedly"},
        {"", ERR_PROTOCOL, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t memory[PROBE_MESSAGE];
        struct buf words;
        buf_init(&words, memory, sizeof memory);
        assert_int_equal(probe_postgres_error(rows[i].text, &words), rows[i].err);
        assert_string_equal(buf_string(&words), rows[i].words);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prometheus_queries), cmocka_unit_test(names_in_urls_are_refused),
        cmocka_unit_test(metric_pages),       cmocka_unit_test(haproxy_figures),
        cmocka_unit_test(redis_errors),       cmocka_unit_test(postgres_refused),
        cmocka_unit_test(postgres_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
