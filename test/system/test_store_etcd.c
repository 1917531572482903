/* SPDX-License-Identifier: Apache-2.0
 * The etcd store when things go wrong: answers lost, requests late, members that hang, stop, die; no
 * majority. Real etcd members, and a relay that loses what it is told to lose. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "edge/clock.h"
#include "edge/store_etcd.h"
#include "etcd_peer.h"
#include "etcd_relay.h"

enum {
    SKIPPED = 77,
    TIMEOUT_MS = 1000,
    PATIENCE_MS = 60000,
    WRITERS = 4,
    TEXTS = 100000,
};

static char message[1024];
static const char prefix[] = "faults/";

static struct store *open_at(const char *const *endpoints, size_t count, const char *owner)
{
    struct store_etcd_config config = {
        .endpoint_count = count, .prefix = prefix, .owner = owner, .timeout_ms = TIMEOUT_MS};
    for (size_t i = 0; i < count; i++) {
        config.endpoints[i] = endpoints[i];
    }
    const struct mono deadline = time_add_ms(clock_mono(), PATIENCE_MS);
    struct store *store = NULL;
    while (store_etcd_open(&config, message, sizeof message, &store) != ERR_OK) {
        print_message("%s\n", message);
        assert_false(time_reached(clock_mono(), deadline));
    }
    return store;
}

/* All members, beginning with this one. */
static struct store *open_all(size_t first, const char *owner)
{
    const char *endpoints[ETCD_PEER_MEMBERS];
    for (size_t i = 0; i < ETCD_PEER_MEMBERS; i++) {
        endpoints[i] = etcd_peer_endpoint((first + i) % ETCD_PEER_MEMBERS);
    }
    return open_at(endpoints, ETCD_PEER_MEMBERS, owner);
}

static void pause_ms(long ms)
{
    const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&pause, NULL);
}

static enum err append(struct store *store, const char *text, uint64_t *ret_number)
{
    return store_append(store, "k", NULL, (struct wall){1}, text, ret_number);
}

/* A question, asked again while the members are busy with themselves. */
static void ask(struct store *store, const struct store_request *request, struct store_answer *answer)
{
    const struct mono deadline = time_add_ms(clock_mono(), PATIENCE_MS);
    while (store_call(store, request, answer) != ERR_OK) {
        store_answer_fini(answer);
        assert_false(time_reached(clock_mono(), deadline));
    }
}

/* The texts of the journal in order; `seen` gets how many there are. Numbers have no gap. */
static char **read_journal(struct store *store, size_t *ret_count)
{
    char **texts = calloc(TEXTS, sizeof *texts);
    size_t count = 0;
    bool more = true;
    while (more) {
        struct store_answer answer;
        const struct store_request request = {.ask = STORE_READ, .after = count};
        ask(store, &request, &answer);
        for (size_t i = 0; i < answer.entry_count; i++) {
            assert_int_equal(answer.entries[i].number, count + 1);
            texts[count++] = strdup(answer.entries[i].text);
        }
        more = answer.more;
        store_answer_fini(&answer);
    }
    *ret_count = count;
    return texts;
}

static void free_journal(char **texts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(texts[i]);
    }
    free(texts);
}

static size_t count_text(struct store *store, const char *text)
{
    size_t count = 0;
    size_t found = 0;
    char **texts = read_journal(store, &count);
    for (size_t i = 0; i < count; i++) {
        found += strcmp(texts[i], text) == 0 ? 1 : 0;
    }
    free_journal(texts, count);
    return found;
}

/* -- one member, behind a relay -- */

static int setup_relay(void **state)
{
    etcd_peer_start(&(struct etcd_peer_options){.members = 1});
    const char *endpoint = etcd_relay_start(etcd_peer_endpoint(0));
    *state = open_at(&endpoint, 1, "relayed");
    return 0;
}

static int teardown_relay(void **state)
{
    store_close(*state);
    etcd_relay_stop();
    etcd_peer_stop();
    return 0;
}

/* The commit was done, nobody said so: it is found out, and not done again. */
static void test_a_lost_answer_is_found_out(void **state)
{
    struct store *store = *state;
    uint64_t number = 0;
    assert_int_equal(append(store, "before", &number), ERR_OK);
    etcd_relay_set(ETCD_RELAY_SWALLOW_ONE);
    assert_int_equal(append(store, "swallowed", &number), ERR_OK);
    assert_int_equal(number, 2);
    etcd_relay_set(ETCD_RELAY_CUT_ONE);
    assert_int_equal(append(store, "cut", &number), ERR_OK);
    assert_int_equal(number, 3);
    assert_int_equal(count_text(store, "swallowed"), 1);
    assert_int_equal(count_text(store, "cut"), 1);
    /* The same with a record: no conflict with itself. */
    uint64_t revision = 0;
    etcd_relay_set(ETCD_RELAY_SWALLOW_ONE);
    assert_int_equal(store_put_if(store, "r", span_text("1"), 0, &revision), ERR_OK);
    etcd_relay_set(ETCD_RELAY_CUT_ONE);
    assert_int_equal(store_put_if(store, "r", span_text("2"), revision, &revision), ERR_OK);
    char value[8];
    uint64_t at = 0;
    assert_int_equal(store_get(store, "r", value, sizeof value, &at), ERR_OK);
    assert_string_equal(value, "2");
    assert_int_equal(at, revision);
}

static void remember(void *context, struct store_answer *answer)
{
    atomic_store((atomic_int *)context, (int)answer->err + 1);
}

static int wait_for(atomic_int *answered)
{
    const struct mono deadline = time_add_ms(clock_mono(), PATIENCE_MS);
    while (atomic_load(answered) == 0) {
        assert_false(time_reached(clock_mono(), deadline));
        pause_ms(10);
    }
    return atomic_load(answered) - 1;
}

/* A request that was sent and then lay somewhere: once its sender was told anything final, it does nothing any more. */
static void test_a_late_request_does_nothing(void **state)
{
    struct store *store = *state;
    uint64_t number = 0;
    assert_int_equal(append(store, "first", &number), ERR_OK);
    atomic_int answered = 0;
    const struct store_write write = {.verb = STORE_APPEND, .kind = "k", .value = span_text("late")};
    const struct store_request request = {.ask = STORE_COMMIT, .writes = &write, .write_count = 1};
    etcd_relay_set(ETCD_RELAY_HOLD_ONE);
    assert_int_equal(store_submit(store, &request, remember, &answered), ERR_OK);
    /* The second sending goes through: the store answers, the entry is there once, the held one comes to nothing. */
    assert_int_equal(wait_for(&answered), ERR_OK);
    assert_int_equal(count_text(store, "late"), 1);
    etcd_relay_release();
    assert_int_equal(count_text(store, "late"), 1);
    assert_int_equal(append(store, "last", &number), ERR_OK);
    assert_int_equal(number, 3);
}

/* Sent, then silence for longer than a request lives: ERR_IO. What is read afterwards is the truth for ever. */
static void test_after_unknown_a_read_tells_the_truth(void **state)
{
    struct store *store = *state;
    uint64_t revision = 0;
    assert_int_equal(store_put_if(store, "r", span_text("old"), 0, &revision), ERR_OK);
    etcd_relay_set(ETCD_RELAY_HOLD_ONE);
    atomic_int answered = 0;
    const struct store_write writes[] = {
        {.verb = STORE_PUT, .key = "r", .value = span_text("new"), .expected = STORE_ANY},
        {.verb = STORE_APPEND, .kind = "k", .value = span_text("unknown")},
    };
    const struct store_request request = {.ask = STORE_COMMIT, .writes = writes, .write_count = 2};
    assert_int_equal(store_submit(store, &request, remember, &answered), ERR_OK);
    pause_ms(TIMEOUT_MS / 2);
    etcd_relay_set(ETCD_RELAY_DEAF);
    assert_int_equal(wait_for(&answered), ERR_IO);
    char value[8];
    uint64_t at = 0;
    assert_int_equal(store_get(store, "r", value, sizeof value, &at), ERR_UNAVAILABLE);
    etcd_relay_set(ETCD_RELAY_PASS);
    enum err err = ERR_UNAVAILABLE;
    const struct mono deadline = time_add_ms(clock_mono(), PATIENCE_MS);
    while (err != ERR_OK && !time_reached(clock_mono(), deadline)) {
        err = store_get(store, "r", value, sizeof value, &at);
    }
    assert_int_equal(err, ERR_OK);
    assert_string_equal(value, "old");
    etcd_relay_release(); /* only now does etcd get it */
    assert_int_equal(store_get(store, "r", value, sizeof value, &at), ERR_OK);
    assert_string_equal(value, "old");
    assert_int_equal(at, revision);
    assert_int_equal(count_text(store, "unknown"), 0);
}

/* The preferred member accepts connections and says nothing. */
static void test_a_hanging_member_does_not_hold_up(void **state)
{
    (void)state;
    const char *endpoints[2];
    endpoints[0] = etcd_relay_start(etcd_peer_endpoint(0));
    endpoints[1] = etcd_peer_endpoint(1);
    etcd_relay_set(ETCD_RELAY_DEAF);
    struct store *store = open_at(endpoints, 2, "hanging");
    uint64_t number = 0;
    for (int i = 0; i < 100; i++) {
        assert_int_equal(append(store, "x", &number), ERR_OK);
    }
    etcd_relay_set(ETCD_RELAY_PASS);
    assert_int_equal(append(store, "x", &number), ERR_OK);
    etcd_relay_set(ETCD_RELAY_DEAF); /* now perhaps the one that is asked */
    assert_int_equal(append(store, "x", &number), ERR_OK);
    assert_int_equal(number, 102);
    store_close(store);
    etcd_relay_stop();
}

/* -- three members -- */

static int setup_cluster(void **state)
{
    (void)state;
    etcd_peer_start(&(struct etcd_peer_options){.members = 3});
    return 0;
}

static int teardown_cluster(void **state)
{
    (void)state;
    etcd_peer_stop();
    return 0;
}

/* What a writer was told. */
struct writer {
    pthread_t thread;
    struct store *store;
    int name;
    atomic_bool *stop;
    size_t tried;
    size_t acknowledged;
    uint64_t *numbers; /* by turn; 0: not acknowledged */
    enum err *errs;
    uint64_t counted; /* acknowledged compare-and-swaps of its own counter */
};

static void *write_on(void *context)
{
    struct writer *writer = context;
    uint64_t revision = 0;
    char key[16];
    snprintf(key, sizeof key, "counter/%d", writer->name);
    while (!atomic_load(writer->stop) && writer->tried < TEXTS / WRITERS) {
        char text[32];
        char count[24];
        snprintf(text, sizeof text, "%d-%zu", writer->name, writer->tried);
        snprintf(count, sizeof count, "%llu", (unsigned long long)writer->counted + 1);
        const struct store_write writes[] = {
            {.verb = STORE_PUT, .key = key, .value = span_text(count), .expected = revision},
            {.verb = STORE_APPEND, .kind = "k", .value = span_text(text)},
        };
        const struct store_request request = {.ask = STORE_COMMIT, .writes = writes, .write_count = 2};
        struct store_answer answer;
        const enum err err = store_call(writer->store, &request, &answer);
        writer->errs[writer->tried] = err;
        if (err == ERR_OK) {
            writer->numbers[writer->tried] = answer.number;
            writer->acknowledged++;
            writer->counted++;
            revision = answer.revision;
        }
        writer->tried++;
        store_answer_fini(&answer);
        /* Unknown, or nothing: read before writing again. */
        enum err got = err == ERR_OK ? ERR_OK : ERR_UNAVAILABLE;
        while (got != ERR_OK && got != ERR_NOT_FOUND && !atomic_load(writer->stop)) {
            got = store_get(writer->store, key, count, sizeof count, &revision);
            writer->counted = got == ERR_OK ? strtoull(count, NULL, 10) : writer->counted;
        }
    }
    return NULL;
}

static void start_writers(struct writer writers[WRITERS], struct store *const stores[2], atomic_bool *stop)
{
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){.store = stores[i % 2],
                                     .name = i,
                                     .stop = stop,
                                     .numbers = calloc(TEXTS, sizeof(uint64_t)),
                                     .errs = calloc(TEXTS, sizeof(enum err))};
        assert_int_equal(pthread_create(&writers[i].thread, NULL, write_on, &writers[i]), 0);
    }
}

/* Every acknowledged entry is where it was said to be; no entry is there twice; none that was refused for certain is
 * there. Answers how many commits were acknowledged. */
static size_t check_writers(struct writer writers[WRITERS], struct store *store)
{
    size_t *times[WRITERS];
    size_t acknowledged = 0;
    size_t unknown = 0;
    for (int i = 0; i < WRITERS; i++) {
        pthread_join(writers[i].thread, NULL);
        times[i] = calloc(TEXTS, sizeof(size_t));
    }
    size_t count = 0;
    char **texts = read_journal(store, &count);
    for (size_t i = 0; i < count; i++) {
        int name = 0;
        size_t turn = 0;
        assert_int_equal(sscanf(texts[i], "%d-%zu", &name, &turn), 2);
        assert_true(name >= 0 && name < WRITERS && turn < writers[name].tried);
        times[name][turn]++;
        assert_int_equal(times[name][turn], 1);
        assert_true(writers[name].numbers[turn] == 0 || writers[name].numbers[turn] == i + 1);
        assert_true(writers[name].errs[turn] == ERR_OK || writers[name].errs[turn] == ERR_IO);
    }
    for (int i = 0; i < WRITERS; i++) {
        for (size_t turn = 0; turn < writers[i].tried; turn++) {
            assert_true(writers[i].errs[turn] != ERR_OK || times[i][turn] == 1);
            unknown += writers[i].errs[turn] == ERR_IO ? 1 : 0;
        }
        acknowledged += writers[i].acknowledged;
        free(times[i]);
        free(writers[i].numbers);
        free(writers[i].errs);
    }
    print_message("%zu acknowledged, %zu unknown, %zu entries\n", acknowledged, unknown, count);
    free_journal(texts, count);
    return acknowledged;
}

static size_t find_leader(void)
{
    const struct mono deadline = time_add_ms(clock_mono(), PATIENCE_MS);
    size_t leader = ETCD_PEER_MEMBERS;
    while (leader == ETCD_PEER_MEMBERS) {
        leader = etcd_peer_leader();
        assert_false(time_reached(clock_mono(), deadline));
    }
    return leader;
}

/* Until the store takes a commit again. */
static void wait_for_commit(struct store *store)
{
    const struct mono deadline = time_add_ms(clock_mono(), PATIENCE_MS);
    uint64_t revision = 0;
    while (store_put_if(store, "alive", span_text("x"), STORE_ANY, &revision) != ERR_OK) {
        assert_false(time_reached(clock_mono(), deadline));
    }
}

static void hurt_kill(size_t member)
{
    etcd_peer_kill(member);
}

static void hurt_stop(size_t member)
{
    etcd_peer_signal(member, SIGSTOP);
}

static void heal_restart(size_t member)
{
    etcd_peer_restart(member);
}

static void heal_continue(size_t member)
{
    etcd_peer_signal(member, SIGCONT);
}

/* Two controllers with two writers each, while the leader, then a follower, then the leader again is hurt. */
static void suffer(void (*hurt)(size_t member), void (*heal)(size_t member))
{
    struct store *stores[2] = {open_all(0, "one"), open_all(1, "two")};
    struct writer writers[WRITERS];
    atomic_bool stop = false;
    start_writers(writers, stores, &stop);
    for (int round = 0; round < 3; round++) {
        pause_ms(500);
        const size_t leader = find_leader();
        const size_t victim = round == 1 ? (leader + 1) % ETCD_PEER_MEMBERS : leader;
        hurt(victim);
        pause_ms(3000);
        wait_for_commit(stores[0]); /* goes on without it */
        wait_for_commit(stores[1]);
        heal(victim);
        pause_ms(500);
    }
    wait_for_commit(stores[0]);
    atomic_store(&stop, true);
    assert_true(check_writers(writers, stores[1]) > 10);
    store_close(stores[0]);
    store_close(stores[1]);
}

static void test_members_killed(void **state)
{
    (void)state;
    suffer(hurt_kill, heal_restart);
}

static void test_members_stopped(void **state)
{
    (void)state;
    suffer(hurt_stop, heal_continue);
}

static void wait_for_leader(size_t leader, bool is)
{
    const struct mono deadline = time_add_ms(clock_mono(), PATIENCE_MS);
    while ((etcd_peer_leader() == leader) != is) {
        assert_false(time_reached(clock_mono(), deadline));
        pause_ms(100);
    }
}

/* etcd's leader goes where it is wanted, and commits go on meanwhile. */
static void test_the_leader_moves(void **state)
{
    (void)state;
    struct store *store = open_all(0, "one");
    uint64_t revision = 0;
    for (size_t member = 0; member < ETCD_PEER_MEMBERS; member++) {
        store_prefer(store, UINT32_C(1) << member);
        wait_for_leader(member, true);
        assert_int_equal(store_put_if(store, "r", span_text("1"), revision, &revision), ERR_OK);
    }
    store_prefer(store, (UINT32_C(1) << ETCD_PEER_MEMBERS) - 1 - (UINT32_C(1) << (ETCD_PEER_MEMBERS - 1)));
    wait_for_leader(ETCD_PEER_MEMBERS - 1, false);
    assert_int_equal(store_put_if(store, "r", span_text("1"), revision, &revision), ERR_OK);
    store_close(store);
}

/* Nothing is decided without a majority, and that is said in bounded time; with it everything goes on by itself. */
static void test_no_majority(void **state)
{
    (void)state;
    struct store *stores[2] = {open_all(0, "one"), open_all(1, "two")};
    uint64_t revision = 0;
    assert_int_equal(store_put_if(stores[0], "r", span_text("1"), 0, &revision), ERR_OK);
    struct writer writers[WRITERS];
    atomic_bool stop = false;
    start_writers(writers, stores, &stop);
    pause_ms(500);
    etcd_peer_kill(1);
    etcd_peer_kill(2);
    char value[8];
    uint64_t at = 0;
    enum err err = ERR_OK;
    const struct mono deadline = time_add_ms(clock_mono(), PATIENCE_MS);
    while (err == ERR_OK) { /* one may have been answered before */
        err = store_get(stores[0], "r", value, sizeof value, &at);
        assert_false(time_reached(clock_mono(), deadline));
    }
    assert_int_equal(err, ERR_UNAVAILABLE);
    /* Once it is known, a commit is certainly not written. */
    assert_int_equal(store_put_if(stores[0], "other", span_text("2"), 0, &revision), ERR_UNAVAILABLE);
    assert_int_equal(store_get(stores[1], "r", value, sizeof value, &at), ERR_UNAVAILABLE);
    etcd_peer_restart(1);
    etcd_peer_restart(2);
    wait_for_commit(stores[0]);
    wait_for_commit(stores[1]);
    assert_int_equal(store_get(stores[0], "other", value, sizeof value, &at), ERR_NOT_FOUND);
    atomic_store(&stop, true);
    assert_true(check_writers(writers, stores[0]) > 0);
    store_close(stores[0]);
    store_close(stores[1]);
}

struct waiter {
    struct store *store;
    uint64_t after;
    struct store_answer answer;
    enum err err;
};

static void *wait_for_change(void *context)
{
    struct waiter *waiter = context;
    const struct store_request request = {
        .ask = STORE_CHANGES, .key = "w/", .after = waiter->after, .wait_ms = PATIENCE_MS};
    waiter->err = store_call(waiter->store, &request, &waiter->answer);
    return NULL;
}

/* Whoever waits is told, though the member that its watch is at has just been hurt. */
static void tell_despite(void (*hurt)(size_t member), void (*heal)(size_t member))
{
    for (size_t victim = 0; victim < ETCD_PEER_MEMBERS; victim++) {
        struct store *watcher = open_all(0, "watcher");
        struct store *other = open_all((victim + 1) % ETCD_PEER_MEMBERS, "other");
        struct store_answer answer;
        const struct store_request list = {.ask = STORE_LIST, .key = "w/"};
        ask(watcher, &list, &answer);
        struct waiter waiter = {.store = watcher, .after = answer.revision};
        store_answer_fini(&answer);
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, wait_for_change, &waiter), 0);
        pause_ms(1500); /* the watch is up */
        hurt(victim);
        uint64_t revision = 0;
        while (store_put_if(other, "w/1", span_text("news"), STORE_ANY, &revision) != ERR_OK) {
            pause_ms(100);
        }
        pthread_join(thread, NULL);
        assert_int_equal(waiter.err, ERR_OK);
        assert_int_equal(waiter.answer.record_count, 1);
        store_answer_fini(&waiter.answer);
        heal(victim);
        wait_for_commit(other);
        store_close(watcher);
        store_close(other);
    }
}

static void test_changes_while_members_are_killed(void **state)
{
    (void)state;
    tell_despite(hurt_kill, heal_restart);
}

static void test_changes_while_members_are_stopped(void **state)
{
    (void)state;
    tell_despite(hurt_stop, heal_continue);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    if (!etcd_peer_installed()) {
        return SKIPPED;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_lost_answer_is_found_out, setup_relay, teardown_relay),
        cmocka_unit_test_setup_teardown(test_a_late_request_does_nothing, setup_relay, teardown_relay),
        cmocka_unit_test_setup_teardown(test_after_unknown_a_read_tells_the_truth, setup_relay, teardown_relay),
        cmocka_unit_test_setup_teardown(test_a_hanging_member_does_not_hold_up, setup_cluster, teardown_cluster),
        cmocka_unit_test_setup_teardown(test_members_killed, setup_cluster, teardown_cluster),
        cmocka_unit_test_setup_teardown(test_members_stopped, setup_cluster, teardown_cluster),
        cmocka_unit_test_setup_teardown(test_the_leader_moves, setup_cluster, teardown_cluster),
        cmocka_unit_test_setup_teardown(test_no_majority, setup_cluster, teardown_cluster),
        cmocka_unit_test_setup_teardown(test_changes_while_members_are_killed, setup_cluster, teardown_cluster),
        cmocka_unit_test_setup_teardown(test_changes_while_members_are_stopped, setup_cluster, teardown_cluster),
    };
    return cmocka_run_group_tests_name("etcd faults", tests, NULL, NULL);
}
