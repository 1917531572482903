/* SPDX-License-Identifier: Apache-2.0
 * HTTP client and server against each other, and against misbehaving peers. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "edge/address.h"
#include "edge/http_client.h"
#include "edge/http_server.h"
#include "edge/json_depth.h"

#define TOKEN "a-secret"

static struct http_server *server;
static char address[ADDRESS_TEXT];
static atomic_int closed_streams;

static void handle_hello(const struct http_server_request *request, struct http_server_answer *answer)
{
    assert_string_equal(request->method, "GET");
    assert_memory_equal(request->peer, "127.9.0.", 4);
    http_server_answer_text(answer, 200, "text/plain", "hello");
}

static void handle_echo(const struct http_server_request *request, struct http_server_answer *answer)
{
    http_server_answer_copy(answer, 201, "application/octet-stream", request->body, request->body_size);
}

static void handle_json(const struct http_server_request *request, struct http_server_answer *answer)
{
    json_t *json = NULL;
    if (http_server_body_json(request, answer, &json) == ERR_OK) {
        http_server_answer_json(answer, 200, json);
    }
}

static void handle_run(const struct http_server_request *request, struct http_server_answer *answer)
{
    assert_int_equal(request->segment_count, 1);
    http_server_answer_problem(answer, ERR_CONFLICT, "run \"%s\" is over", request->segments[0]);
}

static void handle_query(const struct http_server_request *request, struct http_server_answer *answer)
{
    uint64_t after = 0;
    const char *text = http_server_query(request, "text");
    if (http_server_query_u64(request, "after", 7, &after) != ERR_OK) {
        http_server_answer_problem(answer, ERR_INVALID, "after is not a number");
        return;
    }
    char line[128];
    snprintf(line, sizeof line, "%s %llu", text != NULL ? text : "-", (unsigned long long)after);
    http_server_answer_text(answer, 200, "text/plain", line);
}

static void handle_wait(const struct http_server_request *request, struct http_server_answer *answer)
{
    while (!http_server_gone(request)) {
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    }
    atomic_fetch_add(&closed_streams, 1);
    http_server_answer_empty(answer, 204);
}

static bool stream_next(void *context, struct buf *chunk, uint32_t wait_ms)
{
    (void)wait_ms;
    int *count = context;
    if (*count < 3) {
        ++*count;
        http_server_print_event(chunk, (uint64_t)*count, "step", "one\ntwo");
        return true;
    }
    nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    return true;
}

static void stream_close(void *context)
{
    free(context);
    atomic_fetch_add(&closed_streams, 1);
}

static void handle_stream(const struct http_server_request *request, struct http_server_answer *answer)
{
    (void)request;
    const struct http_server_stream stream = {stream_next, stream_close, calloc(1, sizeof(int))};
    http_server_answer_events(answer, &stream);
}

static const struct http_server_route routes[] = {
    {"GET", "/hello", false, handle_hello},         {"POST", "/echo", true, handle_echo},
    {"POST", "/json", false, handle_json},          {"GET", "/v1/runs/*", false, handle_run},
    {"POST", "/v1/runs/*/abort", true, handle_run}, {"GET", "/query", false, handle_query},
    {"GET", "/wait", false, handle_wait},           {"GET", "/stream", false, handle_stream},
};

static int start(void **state)
{
    (void)state;
    const struct http_server_config config = {
        .listen = "127.9.0.1:0",
        .token = TOKEN,
        .routes = routes,
        .route_count = sizeof routes / sizeof routes[0],
    };
    if (http_server_start(&config, NULL, 0, &server) != ERR_OK) {
        return -1;
    }
    snprintf(address, sizeof address, "127.9.0.1:%u", http_server_port(server));
    return 0;
}

static int stop(void **state)
{
    (void)state;
    http_server_stop(server);
    return 0;
}

static struct http_client_response call(const char *method, const char *path, const char *token, const char *body)
{
    const struct http_client_request request = {
        .method = method,
        .address = address,
        .path = path,
        .token = token,
        .body = body,
        .body_size = body != NULL ? strlen(body) : 0,
        .timeout_ms = 20000,
    };
    struct http_client_response response;
    assert_int_equal(http_client_call(&request, &response), ERR_OK);
    return response;
}

static void expect_problem(struct http_client_response response, unsigned status, enum err err)
{
    char detail[256];
    assert_int_equal(response.status, status);
    assert_string_equal(response.content_type, "application/problem+json");
    assert_int_equal(http_client_response_err(&response, detail, sizeof detail), err);
    json_t *problem = json_loads(response.body, 0, NULL);
    assert_int_equal(json_integer_value(json_object_get(problem, "status")), status);
    assert_non_null(json_string_value(json_object_get(problem, "title")));
    assert_non_null(json_string_value(json_object_get(problem, "type")));
    json_decref(problem);
    http_client_response_fini(&response);
}

static void test_get(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct http_client_response response = call(NULL, "/hello", NULL, NULL);
        assert_int_equal(response.status, 200);
        assert_string_equal(response.body, "hello");
        assert_int_equal(response.size, 5);
        assert_string_equal(response.content_type, "text/plain");
        char detail[16];
        assert_int_equal(http_client_response_err(&response, detail, sizeof detail), ERR_OK);
        http_client_response_fini(&response);
    }
}

static void test_post_needs_the_token(void **state)
{
    (void)state;
    struct http_client_response response = call("POST", "/echo", TOKEN, "{\"a\":1}");
    assert_int_equal(response.status, 201);
    assert_string_equal(response.body, "{\"a\":1}");
    http_client_response_fini(&response);
    response = call("POST", "/echo", TOKEN, NULL);
    assert_int_equal(response.status, 201);
    assert_int_equal(response.size, 0);
    http_client_response_fini(&response);
    expect_problem(call("POST", "/echo", NULL, "x"), 401, ERR_AUTH);
    expect_problem(call("POST", "/echo", "a-secreT", "x"), 403, ERR_PERMISSION);
    expect_problem(call("POST", "/echo", "", "x"), 403, ERR_PERMISSION);
}

static void test_unknown_paths_and_methods(void **state)
{
    (void)state;
    expect_problem(call(NULL, "/nothing", NULL, NULL), 404, ERR_NOT_FOUND);
    expect_problem(call(NULL, "/v1/runs/", NULL, NULL), 404, ERR_NOT_FOUND);
    expect_problem(call(NULL, "/%ff%00", NULL, NULL), 404, ERR_NOT_FOUND);
    expect_problem(call("POST", "/hello", NULL, "x"), 405, ERR_UNSUPPORTED);
    expect_problem(call(NULL, "/v1/runs/42", NULL, NULL), 409, ERR_CONFLICT);
    expect_problem(call("POST", "/v1/runs/42/abort", TOKEN, NULL), 409, ERR_CONFLICT);
}

static void expect_text(const char *path, const char *text)
{
    struct http_client_response response = call(NULL, path, NULL, NULL);
    assert_int_equal(response.status, 200);
    assert_string_equal(response.body, text);
    http_client_response_fini(&response);
}

static void test_query(void **state)
{
    (void)state;
    expect_text("/query", "- 7");
    expect_text("/query?after=12&text=a%20b", "a b 12");
    expect_text("/query?text&after=18446744073709551615", " 18446744073709551615");
    expect_problem(call(NULL, "/query?after=-1", NULL, NULL), 400, ERR_INVALID);
    expect_problem(call(NULL, "/query?after=18446744073709551616", NULL, NULL), 400, ERR_INVALID);
}

static void test_json_body(void **state)
{
    (void)state;
    struct http_client_response response = call("POST", "/json", NULL, "{ \"big\": 9007199254740993 }");
    assert_string_equal(response.body, "{\"big\":9007199254740993}");
    http_client_response_fini(&response);
    response = call("POST", "/json", NULL, NULL);
    assert_string_equal(response.body, "{}");
    http_client_response_fini(&response);
    expect_problem(call("POST", "/json", NULL, "{\"a\":1,\"a\":2}"), 400, ERR_INVALID);
    expect_problem(call("POST", "/json", NULL, "nonsense"), 400, ERR_INVALID);
}

/* The parser calls itself for each level: a deep body must not end the process. */
static void test_deep_body(void **state)
{
    (void)state;
    static char deep[100001];
    memset(deep, '[', sizeof deep - 1);
    expect_problem(call("POST", "/json", NULL, deep), 400, ERR_INVALID);
    struct http_client_response response =
        call("POST", "/json", NULL, "{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}");
    assert_int_equal(response.status, 200);
    http_client_response_fini(&response);
    static const struct {
        const char *text;
        uint32_t depth;
    } cases[] = {{"", 0},
                 {"7", 0},
                 {"[]", 1},
                 {"[[],[{}]]", 3},
                 {"\"[[\"", 0},
                 {"[\"\\\"[\"]", 1},
                 {"[\"\\\\\",[]]", 2},
                 {"]]]]{{", 2},
                 {"{\"a\":{\"b\":[", 3},
                 {"\"\\", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(json_depth(cases[i].text, strlen(cases[i].text)), cases[i].depth);
    }
}

static void test_body_limits(void **state)
{
    (void)state;
    char *large = malloc(HTTP_SERVER_BODY + 2);
    memset(large, 'x', HTTP_SERVER_BODY + 1);
    large[HTTP_SERVER_BODY + 1] = '\0';
    expect_problem(call("POST", "/echo", TOKEN, large), 413, ERR_TOO_LARGE);
    large[HTTP_SERVER_BODY] = '\0';
    struct http_client_response response = call("POST", "/echo", TOKEN, large);
    assert_int_equal(response.status, 201);
    assert_int_equal(response.size, HTTP_SERVER_BODY);
    http_client_response_fini(&response);
    const struct http_client_request request = {
        .address = address,
        .path = "/echo",
        .token = TOKEN,
        .body = large,
        .body_size = 5000,
        .timeout_ms = 20000,
        .limit_bytes = 4999,
    };
    assert_int_equal(http_client_call(&request, &response), ERR_TOO_LARGE);
    free(large);
}

static void test_chunked_body_above_the_limit(void **state)
{
    (void)state;
    const char *headers[] = {"Transfer-Encoding: chunked"};
    char *large = malloc(2 * HTTP_SERVER_BODY);
    memset(large, 'x', 2 * HTTP_SERVER_BODY);
    const struct http_client_request request = {
        .address = address,
        .path = "/echo",
        .token = TOKEN,
        .body = large,
        .body_size = 2 * HTTP_SERVER_BODY,
        .timeout_ms = 20000,
        .headers = {headers[0]},
    };
    struct http_client_response response;
    assert_int_equal(http_client_call(&request, &response), ERR_OK);
    expect_problem(response, 413, ERR_TOO_LARGE);
    free(large);
}

struct sink {
    char text[512];
    size_t size;
    size_t wanted;
};

static bool sink_chunk(void *context, const void *data, size_t size)
{
    struct sink *sink = context;
    assert_true(size < sizeof sink->text - sink->size);
    memcpy(sink->text + sink->size, data, size);
    sink->size += size;
    return sink->size < sink->wanted;
}

static void wait_for_closed(int count)
{
    for (int i = 0; i < 20000 && atomic_load(&closed_streams) < count; i++) {
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    assert_int_equal(atomic_load(&closed_streams), count);
}

static void test_stream_and_client_that_leaves(void **state)
{
    (void)state;
    atomic_store(&closed_streams, 0);
    static const char want[] = ":\n\n"
                               "id: 1\nevent: step\ndata: one\ndata: two\n\n"
                               "id: 2\nevent: step\ndata: one\ndata: two\n\n"
                               "id: 3\nevent: step\ndata: one\ndata: two\n\n";
    struct sink sink = {.wanted = sizeof want - 1};
    const struct http_client_request request = {.address = address, .path = "/stream", .timeout_ms = 20000};
    const struct http_client_sink receiver = {sink_chunk, &sink};
    assert_int_equal(http_client_stream(&request, &receiver), ERR_CANCELLED);
    assert_string_equal(sink.text, want);
    wait_for_closed(1);
}

static void test_a_silent_stream_beats(void **state)
{
    (void)state;
    struct http_server *beating = NULL;
    const struct http_server_config config = {
        .listen = "127.9.0.1:0",
        .routes = routes,
        .route_count = sizeof routes / sizeof routes[0],
        .beat_ms = 1,
    };
    assert_int_equal(http_server_start(&config, NULL, 0, &beating), ERR_OK);
    char to[ADDRESS_TEXT];
    snprintf(to, sizeof to, "127.9.0.1:%u", http_server_port(beating));
    static const char event[] = "id: 1\nevent: step\ndata: one\ndata: two\n\n";
    struct sink sink = {.wanted = 3 + 3 * (sizeof event - 1) + 6};
    const struct http_client_request request = {.address = to, .path = "/stream", .timeout_ms = 20000};
    const struct http_client_sink receiver = {sink_chunk, &sink};
    assert_int_equal(http_client_stream(&request, &receiver), ERR_CANCELLED);
    assert_memory_equal(sink.text + 3 + 3 * (sizeof event - 1), ":\n\n:\n\n", 6);
    http_server_stop(beating);
}

static void test_stream_refused_and_cancelled(void **state)
{
    (void)state;
    struct sink sink = {.wanted = sizeof sink.text};
    atomic_bool cancel = true;
    struct http_client_request request = {.address = address, .path = "/nothing", .timeout_ms = 20000};
    const struct http_client_sink receiver = {sink_chunk, &sink};
    assert_int_equal(http_client_stream(&request, &receiver), ERR_STATUS);
    assert_int_equal(sink.size, 0);
    request.path = "/stream";
    request.cancel = &cancel;
    assert_int_equal(http_client_stream(&request, &receiver), ERR_CANCELLED);
}

static void test_waiting_handler_notices_that_the_client_left(void **state)
{
    (void)state;
    atomic_store(&closed_streams, 0);
    const struct http_client_request request = {.address = address, .path = "/wait", .timeout_ms = 50};
    struct http_client_response response;
    assert_int_equal(http_client_call(&request, &response), ERR_TIMEOUT);
    wait_for_closed(1);
}

static void test_port_in_use(void **state)
{
    (void)state;
    const struct http_server_config config = {
        .listen = address, .setting = "sites.witness.api.listen", .routes = routes, .route_count = 1};
    struct http_server *second = NULL;
    char message[400] = "";
    assert_int_equal(http_server_start(&config, message, sizeof message, &second), ERR_IN_USE);
    assert_non_null(strstr(message, address));
    assert_non_null(strstr(message, "another process listens there"));
    assert_non_null(strstr(message, "sites.witness.api.listen"));
    assert_null(second);
    const struct http_server_config absent = {.listen = "192.0.2.1:80", .routes = routes, .route_count = 1};
    assert_int_equal(http_server_start(&absent, message, sizeof message, &second), ERR_UNREACHABLE);
    const struct http_server_config wrong = {.listen = "localhost:80", .routes = routes, .route_count = 1};
    assert_int_equal(http_server_start(&wrong, message, sizeof message, &second), ERR_INVALID);
}

static void test_stop_ends_streams_and_waiting_handlers(void **state)
{
    (void)state;
    struct http_server *saved = server;
    char saved_address[ADDRESS_TEXT];
    memcpy(saved_address, address, sizeof address);
    assert_int_equal(start(NULL), 0);
    struct address to;
    assert_int_equal(address_parse(address, &to), ERR_OK);
    const int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(client, (const struct sockaddr *)&to.storage, to.size), 0);
    static const char ask[] = "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n";
    assert_int_equal(write(client, ask, sizeof ask - 1), sizeof ask - 1);
    char byte;
    assert_int_equal(read(client, &byte, 1), 1);
    http_server_stop(server);
    while (read(client, &byte, 1) > 0) {
    }
    close(client);
    server = saved;
    memcpy(address, saved_address, sizeof address);
}

static int connect_raw(const char *to_text)
{
    struct address to;
    assert_int_equal(address_parse(to_text, &to), ERR_OK);
    const int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(client, (const struct sockaddr *)&to.storage, to.size), 0);
    return client;
}

/* Sends bytes, and reads until the server closes or `capacity` is full. */
static void talk(const char *ask, char *answer, size_t capacity)
{
    const int client = connect_raw(address);
    assert_int_equal(write(client, ask, strlen(ask)), strlen(ask));
    size_t size = 0;
    ssize_t got = 1;
    while (got > 0 && size + 1 < capacity) {
        got = read(client, answer + size, capacity - 1 - size);
        size += got > 0 ? (size_t)got : 0;
    }
    answer[size] = '\0';
    close(client);
}

static void test_odd_requests(void **state)
{
    (void)state;
    char answer[4096];
    talk("HEAD /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", answer, sizeof answer);
    assert_memory_equal(answer, "HTTP/1.1 200 OK\r\n", 17);
    assert_non_null(strstr(answer, "Content-Length: 5\r\n"));
    assert_string_equal(strstr(answer, "\r\n\r\n"), "\r\n\r\n");
    talk("FOO /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", answer, sizeof answer);
    assert_memory_equal(answer, "HTTP/1.1 405 ", 13);
    assert_non_null(strstr(answer, "Allow: GET\r\n"));
    talk("POST /echo HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer a-secret\r\nExpect: 100-continue\r\n"
         "Content-Length: 2000000\r\n\r\n",
         answer, sizeof answer);
    assert_memory_equal(answer, "HTTP/1.1 413 ", 13);
    talk("GET /../../etc/passwd HTTP/1.0\r\n\r\n", answer, sizeof answer);
    assert_memory_equal(answer, "HTTP/1.", 7);
    assert_memory_equal(answer + 9, "404 ", 4);
}

static void test_connections_beyond_the_limit_are_refused(void **state)
{
    (void)state;
    struct http_server *small = NULL;
    const struct http_server_config config = {
        .listen = "127.9.0.1:0",
        .routes = routes,
        .route_count = sizeof routes / sizeof routes[0],
        .connections = 2,
    };
    assert_int_equal(http_server_start(&config, NULL, 0, &small), ERR_OK);
    char to[ADDRESS_TEXT];
    snprintf(to, sizeof to, "127.9.0.1:%u", http_server_port(small));
    int clients[2];
    static const char ask[] = "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n";
    for (int i = 0; i < 2; i++) {
        char byte;
        clients[i] = connect_raw(to);
        assert_int_equal(write(clients[i], ask, sizeof ask - 1), sizeof ask - 1);
        assert_int_equal(read(clients[i], &byte, 1), 1);
    }
    const struct http_client_request request = {.address = to, .path = "/hello", .timeout_ms = 20000};
    struct http_client_response response;
    enum err err = http_client_call(&request, &response);
    assert_true(err == ERR_RESET || err == ERR_CLOSED);
    close(clients[0]);
    for (int i = 0; i < 20000 && err != ERR_OK; i++) {
        err = http_client_call(&request, &response);
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    assert_int_equal(err, ERR_OK);
    http_client_response_fini(&response);
    close(clients[1]);
    http_server_stop(small);
}

/* A listening socket that answers one connection with these bytes and closes. */
static enum err call_broken(const char *answer)
{
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct address own;
    assert_int_equal(address_parse("127.9.0.1:0", &own), ERR_OK);
    assert_int_equal(bind(listener, (const struct sockaddr *)&own.storage, own.size), 0);
    assert_int_equal(listen(listener, 4), 0);
    socklen_t size = sizeof own.storage;
    assert_int_equal(getsockname(listener, (struct sockaddr *)&own.storage, &size), 0);
    char text[ADDRESS_TEXT];
    address_print(&own, text);
    const pid_t child = fork();
    if (child == 0) {
        const int peer = accept(listener, NULL, NULL);
        char request[1024];
        ssize_t done = read(peer, request, sizeof request);
        done = write(peer, answer, strlen(answer));
        (void)done;
        _exit(0);
    }
    close(listener);
    const struct http_client_request request = {.address = text, .path = "/", .timeout_ms = 20000};
    struct http_client_response response = {.status = 0};
    const enum err err = http_client_call(&request, &response);
    http_client_response_fini(&response);
    assert_int_equal(waitpid(child, NULL, 0), child);
    return err;
}

static void test_broken_peers(void **state)
{
    (void)state;
    assert_int_equal(call_broken(""), ERR_CLOSED);
    assert_int_equal(call_broken("nonsense\r\n\r\n"), ERR_PROTOCOL);
    assert_int_equal(call_broken("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"), ERR_CLOSED);
    assert_int_equal(call_broken("HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n"),
                     ERR_OK);
    struct http_client_response response;
    struct http_client_request request = {.address = "127.9.0.1:1", .path = "/", .timeout_ms = 20000};
    assert_int_equal(http_client_call(&request, &response), ERR_REFUSED);
    request.address = "localhost:80";
    assert_int_equal(http_client_call(&request, &response), ERR_INVALID);
    request.address = address;
    request.token = "x\r\nX-Forged: 1";
    assert_int_equal(http_client_call(&request, &response), ERR_INVALID);
    request.token = NULL;
    request.url = "file:///etc/passwd";
    assert_int_equal(http_client_call(&request, &response), ERR_INVALID);
}

static void test_addresses(void **state)
{
    (void)state;
    static const char *const good[] = {"127.0.0.1:0", "255.255.255.255:65535", "[::1]:80", "[fd00::1]:7081"};
    static const char *const bad[] = {
        "",       ":",       "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:000080", "host:80",
        "::1:80", "[::1]80", "[::1",      "[]:80",      "1.2.3.4:8x",      "[1.2.3.4]:80"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct address parsed;
        char text[ADDRESS_TEXT];
        assert_int_equal(address_parse(good[i], &parsed), ERR_OK);
        address_print(&parsed, text);
        assert_string_equal(text, good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct address parsed;
        assert_int_equal(address_parse(bad[i], &parsed), ERR_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_get),
        cmocka_unit_test(test_post_needs_the_token),
        cmocka_unit_test(test_unknown_paths_and_methods),
        cmocka_unit_test(test_query),
        cmocka_unit_test(test_json_body),
        cmocka_unit_test(test_deep_body),
        cmocka_unit_test(test_body_limits),
        cmocka_unit_test(test_chunked_body_above_the_limit),
        cmocka_unit_test(test_stream_and_client_that_leaves),
        cmocka_unit_test(test_a_silent_stream_beats),
        cmocka_unit_test(test_stream_refused_and_cancelled),
        cmocka_unit_test(test_waiting_handler_notices_that_the_client_left),
        cmocka_unit_test(test_port_in_use),
        cmocka_unit_test(test_stop_ends_streams_and_waiting_handlers),
        cmocka_unit_test(test_odd_requests),
        cmocka_unit_test(test_connections_beyond_the_limit_are_refused),
        cmocka_unit_test(test_broken_peers),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
