/* SPDX-License-Identifier: Apache-2.0
 * Server-sent events: the same events whatever the portions; limits. And the route patterns behind the server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "edge/http_route.h"
#include "edge/sse.h"

static char seen[512];

static void note(void *context, const struct sse_event *event)
{
    (void)context;
    assert_int_equal(strlen(event->data), event->size);
    const size_t at = strlen(seen);
    snprintf(seen + at, sizeof seen - at, "[%llu %s %s]", (unsigned long long)event->id, event->name, event->data);
}

static void expect(const char *stream, const char *events)
{
    for (size_t portion = 1; portion <= strlen(stream); portion++) {
        char memory[128];
        struct sse sse;
        seen[0] = '\0';
        sse_init(&sse, memory, sizeof memory, note, NULL);
        for (size_t at = 0; at < strlen(stream); at += portion) {
            const size_t left = strlen(stream) - at;
            assert_int_equal(sse_feed(&sse, stream + at, left < portion ? left : portion), ERR_OK);
        }
        assert_string_equal(seen, events);
    }
}

static void test_events(void **state)
{
    (void)state;
    expect("data: a\n\n", "[0 message a]");
    expect("\xef\xbb\xbf"
           "data: a\n\n",
           "[0 message a]");
    expect(": beat\n\nid: 7\nevent: step\ndata: {\"a\":1}\n\n", "[7 step {\"a\":1}]");
    expect("id:7\ndata:a\ndata: b\ndata\n\ndata:  c\n\n", "[7 message a\nb\n][7 message  c]");
    expect("id: x\rdata: a\r\revent: e\r\ndata: b\r\n\r\n", "[0 message a][0 e b]");
    expect("event: none\n\nretry: 5\nunknown: 1\ndata: a\n\ndata: cut", "[0 message a]");
}

static void test_limits(void **state)
{
    (void)state;
    char memory[32];
    struct sse sse;
    sse_init(&sse, memory, sizeof memory, note, NULL);
    assert_int_equal(sse_feed(&sse, "data: 123456789", 15), ERR_OK);
    assert_int_equal(sse_feed(&sse, "0", 1), ERR_TOO_LARGE);
    sse_init(&sse, memory, sizeof memory, note, NULL);
    assert_int_equal(sse_feed(&sse, "data: 12345678\ndata: 12345678\n", 30), ERR_TOO_LARGE);
}

static void expect_match(const char *pattern, const char *path, const char *segments)
{
    struct http_route_match match;
    char have[128] = "no";
    if (http_route_matches(pattern, span_text(path), &match)) {
        have[0] = '\0';
        for (size_t i = 0; i < match.count; i++) {
            const size_t at = strlen(have);
            snprintf(have + at, sizeof have - at, "<%.*s>", (int)match.segments[i].size, match.segments[i].data);
        }
    }
    assert_string_equal(have, segments);
}

static void test_routes(void **state)
{
    (void)state;
    expect_match("/", "/", "");
    expect_match("/", "", "no");
    expect_match("/v1/runs", "/v1/runs", "");
    expect_match("/v1/runs", "/v1/runs/", "no");
    expect_match("/v1/runs", "/v1/run", "no");
    expect_match("/v1/runs/*", "/v1/runs/7", "<7>");
    expect_match("/v1/runs/*", "/v1/runs/", "no");
    expect_match("/v1/runs/*", "/v1/runs/7/abort", "no");
    expect_match("/v1/*/a/*", "/v1/x/a/y", "<x><y>");
    expect_match("/ui/**", "/ui/a/b.js", "<a/b.js>");
    expect_match("/ui/**", "/ui/", "<>");
    expect_match("/ui/**", "/ui", "no");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_routes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
