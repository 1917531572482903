/* SPDX-License-Identifier: Apache-2.0
 * Delivery to a real HTTP receiver that checks signatures: failures, dead receivers, restarts, a full spool. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "edge/http_server.h"
#include "edge/metric.h"
#include "edge/notify.h"
#include "edge/store_sqlite.h"

#define SECRET "a webhook's secret"

enum { RECEIVED = 128 };

/* What the receiver has seen, and how it answers. */
static struct {
    pthread_mutex_t mutex;
    struct http_server *server;
    char url[64];
    unsigned fail;   /* so many 500s first */
    char refuse[32]; /* 500 for messages of this run */
    unsigned refuse_status;
    size_t count; /* accepted */
    size_t attempts;
    char runs[RECEIVED][32]; /* of the accepted ones, in order */
    char ids[RECEIVED][96];
    char first_failed_id[96]; /* Idempotency-Key of the first attempt that failed */
    size_t forged;            /* wrong signatures */
} receiver = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static bool signature_is_right(const struct http_server_request *request)
{
    const char *timestamp = http_server_header(request, "X-Holdfast-Timestamp");
    const char *signature = http_server_header(request, "X-Holdfast-Signature");
    if (timestamp == NULL || signature == NULL) {
        return false;
    }
    char *text = malloc(strlen(timestamp) + 1 + request->body_size + 1);
    const size_t room = strlen(timestamp) + request->body_size + 2;
    const int size = snprintf(text, room, "%s.%s", timestamp, (const char *)request->body);
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned digest_size = 0;
    HMAC(EVP_sha256(), SECRET, sizeof SECRET - 1, (const uint8_t *)text, (size_t)size, digest, &digest_size);
    free(text);
    char want[96] = "sha256=";
    for (unsigned i = 0; i < digest_size; i++) {
        snprintf(want + 7 + 2 * (size_t)i, 3, "%02x", digest[i]);
    }
    return strcmp(want, signature) == 0;
}

static unsigned receive(const struct http_server_request *request)
{
    json_t *json = json_loadb(request->body, request->body_size, 0, NULL);
    const char *run = json_string_value(json_object_get(json, "run"));
    const char *id = http_server_header(request, "Idempotency-Key");
    unsigned status = 204;
    receiver.attempts++;
    receiver.forged += signature_is_right(request) ? 0 : 1;
    if (run == NULL || id == NULL || receiver.count == RECEIVED) {
        status = 400;
    } else if (receiver.fail > 0) {
        receiver.fail--;
        snprintf(receiver.first_failed_id, sizeof receiver.first_failed_id, "%s", id);
        status = 500;
    } else if (strcmp(run, receiver.refuse) == 0) {
        status = receiver.refuse_status;
    } else {
        snprintf(receiver.runs[receiver.count], sizeof receiver.runs[0], "%s", run);
        snprintf(receiver.ids[receiver.count], sizeof receiver.ids[0], "%s", id);
        receiver.count++;
    }
    json_decref(json);
    return status;
}

static void handle_hook(const struct http_server_request *request, struct http_server_answer *answer)
{
    pthread_mutex_lock(&receiver.mutex);
    const unsigned status = receive(request);
    pthread_mutex_unlock(&receiver.mutex);
    http_server_answer_empty(answer, status);
}

/* Takes the message and never answers. */
static void handle_hang(const struct http_server_request *request, struct http_server_answer *answer)
{
    while (!http_server_gone(request)) {
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    }
    http_server_answer_empty(answer, 204);
}

static void start_receiver(const char *listen)
{
    static const struct http_server_route routes[] = {{"POST", "/hook", false, handle_hook},
                                                      {"POST", "/hang", false, handle_hang}};
    const struct http_server_config config = {.listen = listen, .routes = routes, .route_count = 2};
    assert_int_equal(http_server_start(&config, NULL, 0, &receiver.server), ERR_OK);
    snprintf(receiver.url, sizeof receiver.url, "http://127.9.0.2:%u/hook", http_server_port(receiver.server));
}

/* -- the sending side -- */

static char directory[] = "/tmp/holdfast-notify-XXXXXX";
static char path[64];
static struct store *store;
static struct notify *notify;

static void open_store(void)
{
    char message[512] = "";
    const struct store_sqlite_config config = {.path = path};
    assert_int_equal(store_sqlite_open(&config, message, sizeof message, &store), ERR_OK);
}

static void open_notify(const struct notify_receiver *receivers, size_t count, uint32_t spool)
{
    const struct notify_config config = {
        .store = store,
        .system = "my shop",
        .receivers = receivers,
        .receiver_count = count,
        .spool = spool,
        .retry_min_ms = 2,
        .retry_max_ms = 20,
        .timeout_ms = 20000,
    };
    assert_int_equal(notify_open(&config, &notify), ERR_OK);
}

static void open_one(void)
{
    const struct notify_receiver one = {"incidents", receiver.url, SECRET};
    open_notify(&one, 1, 100);
}

static void tell(const char *incident, const char *run, enum notify_message_severity severity)
{
    const struct notify_message message = {
        .incident = incident, .run = run, .operation = "failover", .reason = "test", .severity = severity};
    assert_int_equal(notify_enqueue(notify, &message), ERR_OK);
}

static size_t received(void)
{
    pthread_mutex_lock(&receiver.mutex);
    const size_t count = receiver.count;
    pthread_mutex_unlock(&receiver.mutex);
    return count;
}

static void wait_until(bool (*reached)(size_t), size_t wanted)
{
    for (int i = 0; i < 20000 && !reached(wanted); i++) {
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    assert_true(reached(wanted));
}

static bool has_received(size_t wanted)
{
    return received() >= wanted;
}

static bool has_tried(size_t wanted)
{
    pthread_mutex_lock(&receiver.mutex);
    const size_t attempts = receiver.attempts;
    pthread_mutex_unlock(&receiver.mutex);
    return attempts >= wanted;
}

static bool has_waiting(size_t wanted)
{
    return notify_waiting(notify, "incidents") == wanted;
}

static bool has_waiting_for_the_dead(size_t wanted)
{
    return notify_waiting(notify, "dead") == wanted;
}

/* All journal numbers below this one are settled, durably. */
static bool has_settled_below(size_t number)
{
    char value[128];
    char want[64];
    uint64_t revision = 0;
    snprintf(want, sizeof want, "{\"before\":%zu,\"done\":[]}", number);
    return store_get(store, "notify/incidents", value, sizeof value, &revision) == ERR_OK && strcmp(value, want) == 0;
}

static void stop_receiver(void)
{
    http_server_stop(receiver.server);
    receiver.server = NULL;
}

static int setup(void **state)
{
    (void)state;
    memcpy(directory + sizeof directory - 7, "XXXXXX", 6);
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/holdfast.db", directory);
    receiver.fail = 0;
    receiver.count = 0;
    receiver.attempts = 0;
    receiver.forged = 0;
    receiver.refuse[0] = '\0';
    open_store();
    start_receiver("127.9.0.2:0");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    notify_close(notify);
    notify = NULL;
    stop_receiver();
    store_close(store);
    static const char *const endings[] = {"", "-wal", ".lock"};
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        char name[80];
        snprintf(name, sizeof name, "%s%s", path, endings[i]);
        unlink(name);
    }
    return rmdir(directory);
}

static void test_signed_and_in_order(void **state)
{
    (void)state;
    open_one();
    tell("i1", "a", NOTIFY_MESSAGE_CRITICAL);
    tell("i1", "b", NOTIFY_MESSAGE_CRITICAL);
    tell("i2", "c", NOTIFY_MESSAGE_INFO);
    wait_until(has_received, 3);
    assert_string_equal(receiver.runs[0], "a");
    assert_string_equal(receiver.runs[1], "b");
    assert_string_equal(receiver.runs[2], "c");
    assert_int_equal(receiver.forged, 0);
    assert_memory_equal(receiver.ids[0], "my-shop-", 8);
    assert_string_not_equal(receiver.ids[0], receiver.ids[1]);
    wait_until(has_waiting, 0);
}

static void test_a_failing_receiver_gets_it_later_under_the_same_id(void **state)
{
    (void)state;
    receiver.fail = 4;
    open_one();
    tell("i1", "a", NOTIFY_MESSAGE_CRITICAL);
    tell("i1", "b", NOTIFY_MESSAGE_CRITICAL);
    wait_until(has_received, 2);
    assert_string_equal(receiver.runs[0], "a");
    assert_string_equal(receiver.runs[1], "b");
    assert_string_equal(receiver.first_failed_id, receiver.ids[0]);
    assert_int_equal(receiver.attempts, 6);
    assert_int_equal(receiver.forged, 0);
}

static void test_one_bad_incident_holds_up_no_other(void **state)
{
    (void)state;
    snprintf(receiver.refuse, sizeof receiver.refuse, "bad");
    receiver.refuse_status = 503;
    open_one();
    tell("i1", "bad", NOTIFY_MESSAGE_CRITICAL);
    tell("i1", "behind", NOTIFY_MESSAGE_CRITICAL);
    tell("i2", "other", NOTIFY_MESSAGE_CRITICAL);
    wait_until(has_received, 1);
    wait_until(has_tried, 5);
    assert_int_equal(received(), 1);
    assert_string_equal(receiver.runs[0], "other");
    pthread_mutex_lock(&receiver.mutex);
    receiver.refuse_status = 422;
    pthread_mutex_unlock(&receiver.mutex);
    wait_until(has_received, 2);
    assert_string_equal(receiver.runs[1], "behind");
    wait_until(has_waiting, 0);
}

static void test_a_dead_receiver_delays_nobody_else(void **state)
{
    (void)state;
    char hang[80];
    snprintf(hang, sizeof hang, "%.*shang", (int)(strlen(receiver.url) - 4), receiver.url);
    const struct notify_receiver receivers[] = {
        {"dead", "http://127.9.0.2:1/hook", SECRET},
        {"hanging", hang, SECRET},
        {"incidents", receiver.url, SECRET},
    };
    open_notify(receivers, 3, 100);
    for (int i = 0; i < 20; i++) {
        tell("i1", "a", NOTIFY_MESSAGE_CRITICAL);
    }
    wait_until(has_received, 20);
    wait_until(has_waiting_for_the_dead, 20); /* each receiver's worker reads the journal by itself */
    assert_int_equal(notify_waiting(notify, "nobody"), 0);
}

static void test_a_restart_goes_on_with_what_is_undelivered(void **state)
{
    (void)state;
    open_one();
    tell("i1", "a", NOTIFY_MESSAGE_CRITICAL);
    /* Only now has the answer arrived: stopping earlier could make it arrive twice. */
    wait_until(has_settled_below, 2);
    assert_int_equal(received(), 1);
    char listen[32];
    snprintf(listen, sizeof listen, "127.9.0.2:%u", http_server_port(receiver.server));
    stop_receiver();
    tell("i1", "b", NOTIFY_MESSAGE_CRITICAL);
    tell("i2", "c", NOTIFY_MESSAGE_CRITICAL);
    wait_until(has_waiting, 2);
    notify_close(notify);
    store_close(store);
    start_receiver(listen);
    open_store();
    open_one();
    wait_until(has_received, 3);
    assert_string_equal(receiver.runs[1], "b");
    assert_string_equal(receiver.runs[2], "c");
    wait_until(has_settled_below, 4);
    notify_close(notify);
    open_one();
    tell("i3", "d", NOTIFY_MESSAGE_CRITICAL);
    wait_until(has_received, 4);
    assert_string_equal(receiver.runs[3], "d");
}

static void test_a_full_spool_drops_the_least_important(void **state)
{
    (void)state;
    metric_reset();
    const struct notify_receiver dead = {"incidents", "http://127.9.0.2:1/hook", SECRET};
    open_notify(&dead, 1, 3);
    tell("i1", "critical", NOTIFY_MESSAGE_CRITICAL);
    tell("i2", "info", NOTIFY_MESSAGE_INFO);
    tell("i3", "warning", NOTIFY_MESSAGE_WARNING);
    tell("i4", "error", NOTIFY_MESSAGE_ERROR);
    tell("i5", "late info", NOTIFY_MESSAGE_INFO);
    notify_close(notify);
    const struct notify_receiver back = {"incidents", receiver.url, SECRET};
    open_notify(&back, 1, 3);
    wait_until(has_received, 3);
    wait_until(has_waiting, 0);
    assert_int_equal(received(), 3);
    assert_string_equal(receiver.runs[0], "critical");
    assert_string_equal(receiver.runs[1], "warning");
    assert_string_equal(receiver.runs[2], "error");
    static char memory[65536];
    struct buf text;
    buf_init(&text, memory, sizeof memory);
    metric_render(&text);
    assert_non_null(strstr(buf_string(&text), "holdfast_notifications_dropped_total{receiver=\"incidents\"} "));
    assert_non_null(strstr(buf_string(&text), "holdfast_notifications_total{receiver=\"incidents\"} 3\n"));
    metric_reset();
}

static void test_part_of_the_callers_commit(void **state)
{
    (void)state;
    open_one();
    struct arena memory;
    arena_init(&memory, 1 << 20);
    const struct notify_message message = {.incident = "i", .run = "r7", .operation = "failover"};
    struct store_write writes[2] = {{.verb = STORE_PUT, .key = "state", .value = span_text("x"), .expected = 99}};
    assert_int_equal(notify_write(&message, &memory, &writes[1]), ERR_OK);
    const struct store_request request = {.ask = STORE_COMMIT, .writes = writes, .write_count = 2};
    struct store_answer answer;
    assert_int_equal(store_call(store, &request, &answer), ERR_CONFLICT);
    store_answer_fini(&answer);
    writes[0].expected = 0;
    assert_int_equal(store_call(store, &request, &answer), ERR_OK);
    store_answer_fini(&answer);
    arena_fini(&memory);
    notify_wake(notify);
    wait_until(has_received, 1);
    wait_until(has_waiting, 0);
    assert_int_equal(received(), 1);
    assert_string_equal(receiver.runs[0], "r7");
}

int main(void)
{
#define NOTIFY_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        NOTIFY_TEST(test_signed_and_in_order),
        NOTIFY_TEST(test_a_failing_receiver_gets_it_later_under_the_same_id),
        NOTIFY_TEST(test_one_bad_incident_holds_up_no_other),
        NOTIFY_TEST(test_a_dead_receiver_delays_nobody_else),
        NOTIFY_TEST(test_a_restart_goes_on_with_what_is_undelivered),
        NOTIFY_TEST(test_a_full_spool_drops_the_least_important),
        NOTIFY_TEST(test_part_of_the_callers_commit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
