/* SPDX-License-Identifier: Apache-2.0
 * Notifications against kill -9: everything recorded arrives, per incident in order, twice at most under the same id.
 */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/prng.h"
#include "edge/http_server.h"
#include "edge/notify.h"
#include "edge/store_sqlite.h"

enum {
    ROUNDS = 25,
    NUMBERS = 200000, /* journal numbers that the receiver can remember */
    INCIDENTS = 5,
};

static char directory[] = "/var/tmp/holdfast-notify-crash-XXXXXX";
static char path[80];
static char url[64];

/* The receiver, in the parent: how often each number came, and the newest of each incident. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static uint8_t *seen;
static uint64_t newest[INCIDENTS];
static size_t disorder;
static size_t distinct;
static size_t repeated;
static unsigned failing; /* every so many requests one is answered with 500 */

static void note(uint64_t number, uint64_t incident)
{
    if (seen[number] > 0) {
        repeated++;
        return;
    }
    seen[number] = 1;
    distinct++;
    disorder += number < newest[incident] ? 1 : 0;
    newest[incident] = number;
}

static void handle_hook(const struct http_server_request *request, struct http_server_answer *answer)
{
    const char *id = http_server_header(request, "X-Holdfast-Delivery");
    const char *incident = strstr(request->body, "\"dedup_key\":\"incident-");
    pthread_mutex_lock(&mutex);
    unsigned status = ++failing % 7 == 0 ? 500 : 204;
    if (status == 204) {
        const char *digits = id != NULL ? strrchr(id, '-') : NULL;
        const uint64_t number = digits != NULL ? strtoull(digits + 1, NULL, 10) : 0;
        const uint64_t which = incident != NULL ? strtoull(incident + 22, NULL, 10) : INCIDENTS;
        if (number == 0 || number >= NUMBERS || which >= INCIDENTS) {
            status = 400;
        } else {
            note(number, which);
        }
    }
    pthread_mutex_unlock(&mutex);
    http_server_answer_empty(answer, status);
}

static struct store *open_store(void)
{
    struct store *store = NULL;
    char message[512] = "";
    const struct store_sqlite_config config = {.path = path};
    if (store_sqlite_open(&config, message, sizeof message, &store) != ERR_OK) {
        fprintf(stderr, "%s\n", message);
        _exit(3);
    }
    return store;
}

static struct notify *open_notify(struct store *store)
{
    const struct notify_receiver receivers[] = {{"incidents", url, "secret"}, {"dead", "http://127.9.0.4:1/", NULL}};
    const struct notify_config config = {.store = store,
                                         .system = "shop",
                                         .receivers = receivers,
                                         .receiver_count = 2,
                                         .retry_min_ms = 1,
                                         .retry_max_ms = 5};
    struct notify *notify = NULL;
    if (notify_open(&config, &notify) != ERR_OK) {
        _exit(4);
    }
    return notify;
}

__attribute__((noreturn)) static void child_run(void)
{
    struct notify *notify = open_notify(open_store());
    for (unsigned i = 0;; i++) {
        char incident[32];
        snprintf(incident, sizeof incident, "incident-%u", i % INCIDENTS);
        const struct notify_message message = {.incident = incident, .operation = "failover"};
        if (notify_enqueue(notify, &message) != ERR_OK) {
            _exit(5);
        }
        nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
    }
}

static size_t distinct_now(void)
{
    pthread_mutex_lock(&mutex);
    const size_t count = distinct;
    pthread_mutex_unlock(&mutex);
    return count;
}

static void wait_for(size_t wanted)
{
    for (int i = 0; i < 60000 && distinct_now() < wanted; i++) {
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    assert_true(distinct_now() >= wanted);
}

static void test_everything_recorded_arrives(void **state)
{
    (void)state;
    struct prng prng;
    prng_init(&prng, 11);
    for (int round = 0; round < ROUNDS; round++) {
        const pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            child_run();
        }
        /* Every other one dies while it delivers, however slow the disk; the others also while they open. */
        wait_for(round % 2 == 0 ? 0 : distinct_now() + 1);
        nanosleep(&(struct timespec){.tv_nsec = (long)prng_below(&prng, 60000000)}, NULL);
        kill(child, SIGKILL);
        int status = 0;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    }
    struct store *store = open_store();
    const struct store_request request = {.ask = STORE_READ, .newest = true, .limit = 1};
    struct store_answer answer;
    assert_int_equal(store_call(store, &request, &answer), ERR_OK);
    const uint64_t recorded = answer.number;
    store_answer_fini(&answer);
    assert_true(recorded >= ROUNDS / 2 && recorded < NUMBERS);
    struct notify *notify = open_notify(store);
    wait_for(recorded);
    /* Nothing but messages was recorded: each number is one. */
    assert_int_equal(distinct, recorded);
    assert_int_equal(disorder, 0);
    assert_true(repeated <= ROUNDS);
    print_message("# %zu messages arrived through %d kills, %zu of them twice\n", distinct, ROUNDS, repeated);
    notify_close(notify);
    store_close(store);
}

int main(void)
{
    static const struct http_server_route routes[] = {{"POST", "/hook", false, handle_hook}};
    const struct http_server_config config = {.listen = "127.9.0.4:0", .routes = routes, .route_count = 1};
    struct http_server *server = NULL;
    seen = calloc(1, NUMBERS);
    if (seen == NULL || mkdtemp(directory) == NULL || http_server_start(&config, NULL, 0, &server) != ERR_OK) {
        return 1;
    }
    snprintf(path, sizeof path, "%s/holdfast.db", directory);
    snprintf(url, sizeof url, "http://127.9.0.4:%u/hook", http_server_port(server));
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_everything_recorded_arrives)};
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    http_server_stop(server);
    static const char *const endings[] = {"", "-wal", ".lock"};
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        char name[96];
        snprintf(name, sizeof name, "%s%s", path, endings[i]);
        unlink(name);
    }
    free(seen);
    return rmdir(directory) == 0 ? failed : 1;
}
