/* SPDX-License-Identifier: Apache-2.0
 * Leadership over a real store: one of three leads, another takes over, a lead is handed over, a deposed one is told.
 */
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

#include "base/text.h"
#include "control/lead.h"
#include "control/lead_text.h"
#include "edge/clock.h"
#include "edge/log.h"
#include "edge/store_sqlite.h"

enum { LEASE_MS = 500, PATIENCE_MS = 30000, SITES = 3 };

static const char *const sites[SITES] = {"taiwan", "tokyo", "witness"};

struct place {
    char path[64];
    struct store *store;
    struct lead *leads[SITES];
    uint64_t boots;
};

static struct store *open_store(const char *path)
{
    char message[256];
    struct store *store = NULL;
    const struct store_sqlite_config config = {.path = path};
    assert_int_equal(store_sqlite_open(&config, message, sizeof message, &store), ERR_OK);
    return store;
}

static void wake(void *context)
{
    (void)context;
}

static void start(struct place *place, uint32_t site, uint64_t machine)
{
    struct lead_options options = {.store = place->store,
                                   .self = {.boot = ++place->boots, .machine = machine},
                                   .lease_ms = LEASE_MS,
                                   .sites = {sites[0], sites[1], sites[2]},
                                   .sites_count = SITES,
                                   .wake = wake};
    text_copy(options.self.site, sizeof options.self.site, sites[site]);
    assert_int_equal(lead_new(&options, &place->leads[site]), ERR_OK);
}

static void stop(struct place *place, uint32_t site)
{
    lead_free(place->leads[site]);
    place->leads[site] = NULL;
}

static uint32_t leader_of(const struct place *place)
{
    uint32_t leader = SITES;
    for (uint32_t i = 0; i < SITES; i++) {
        if (place->leads[i] != NULL && lead_right(place->leads[i])) {
            assert_int_equal(leader, SITES); /* never two */
            leader = i;
        }
    }
    return leader;
}

/* Until somebody but `not` leads. */
static uint32_t wait_leader(const struct place *place, uint32_t not )
{
    const struct mono until = time_add_ms(clock_mono(), PATIENCE_MS);
    while (!time_reached(clock_mono(), until)) {
        const uint32_t leader = leader_of(place);
        if (leader != SITES && leader != not ) {
            return leader;
        }
        const struct timespec pause = {.tv_nsec = 5000000};
        nanosleep(&pause, NULL);
    }
    fail_msg("nobody leads");
    return SITES;
}

static uint64_t term_of(const struct place *place, uint32_t site)
{
    struct lead_picture picture;
    lead_look(place->leads[site], &picture);
    return picture.term;
}

static int place_setup(void **state)
{
    log_init("test", LOG_ERROR);
    struct place *place = calloc(1, sizeof *place);
    snprintf(place->path, sizeof place->path, "/tmp/holdfast-lead-%d.db", (int)getpid());
    place->store = open_store(place->path);
    *state = place;
    return 0;
}

static int place_teardown(void **state)
{
    static const char *const ends[] = {"", "-wal", "-shm", ".lock"};
    struct place *place = *state;
    for (uint32_t i = 0; i < SITES; i++) {
        stop(place, i);
    }
    store_close(place->store);
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        char name[96];
        snprintf(name, sizeof name, "%s%s", place->path, ends[i]);
        unlink(name);
    }
    free(place);
    return 0;
}

static void test_one_leads_and_another_takes_over(void **state)
{
    struct place *place = *state;
    for (uint32_t i = 0; i < SITES; i++) {
        start(place, i, i + 1);
    }
    const uint32_t first = wait_leader(place, SITES);
    const uint64_t term = term_of(place, first);
    stop(place, first); /* as if it had died: the record stays */
    const uint32_t second = wait_leader(place, first);
    assert_true(term_of(place, second) > term);
    struct lead_picture picture;
    lead_look(place->leads[second], &picture);
    assert_true(picture.ours);
    assert_string_equal(picture.site, sites[second]);
}

static void test_handing_over(void **state)
{
    struct place *place = *state;
    start(place, 0, 1);
    assert_int_equal(wait_leader(place, SITES), 0);
    start(place, 1, 2);
    start(place, 2, 3);
    lead_rank(place->leads[1], 0);
    while (term_of(place, 2) == 0 || term_of(place, 1) == 0) {
        const struct timespec pause = {.tv_nsec = 5000000};
        nanosleep(&pause, NULL);
    }
    lead_hand_over(place->leads[0], "witness");
    assert_false(lead_right(place->leads[0]));
    assert_int_equal(wait_leader(place, 0), 2);
    uint64_t revision;
    bool same;
    assert_int_equal(lead_state(place->leads[0], &revision, &same), LEADER_ENDED);
    assert_int_equal(lead_state(place->leads[2], &revision, &same), LEADER_LEADING);
    assert_false(same);
    assert_true(revision > 0);
}

/* A new life on the same machine need not wait for the former one. */
static void test_a_new_life_takes_its_own_record(void **state)
{
    struct place *place = *state;
    start(place, 2, 3);
    assert_int_equal(wait_leader(place, SITES), 2);
    stop(place, 2);
    start(place, 2, 3);
    assert_int_equal(wait_leader(place, SITES), 2);
    uint64_t revision;
    bool same = false;
    assert_int_equal(lead_state(place->leads[2], &revision, &same), LEADER_LEADING);
    assert_true(same);
    assert_int_equal(term_of(place, 2), 2);
}

/* Somebody wrote the record over: whoever led finds out and ends. */
static void test_a_deposed_leader_ends(void **state)
{
    struct place *place = *state;
    start(place, 0, 1);
    assert_int_equal(wait_leader(place, SITES), 0);
    struct leader_record other = {.term = 9, .id = {.site = "tokyo", .boot = 77, .machine = 7}};
    char text[LEAD_TEXT];
    uint64_t revision = 0;
    lead_text_print(&other, text, sizeof text);
    assert_int_equal(store_put_if(place->store, "leader", span_text(text), STORE_ANY, &revision), ERR_OK);
    bool same = false;
    const struct mono until = time_add_ms(clock_mono(), PATIENCE_MS);
    while (lead_state(place->leads[0], &revision, &same) != LEADER_ENDED) {
        assert_false(time_reached(clock_mono(), until));
        const struct timespec pause = {.tv_nsec = 5000000};
        nanosleep(&pause, NULL);
    }
}

static void test_text(void **state)
{
    (void)state;
    const struct leader_record record = {
        .term = 7, .id = {.site = "tokyo", .boot = INT64_MAX, .machine = 3}, .favour = "witness"};
    struct leader_record read;
    char text[LEAD_TEXT];
    lead_text_print(&record, text, sizeof text);
    assert_int_equal(lead_text_parse(text, strlen(text), &read), ERR_OK);
    assert_memory_equal(&read, &record, sizeof read);
    static const char *const bad[] = {"", "{}", "[]", "{\"site\":\"a\"}",
                                      "{\"site\":\"a\",\"boot\":-1,\"machine\":1,\"term\":1,\"favour\":\"\"}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(lead_text_parse(bad[i], strlen(bad[i]), &read), ERR_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test_setup_teardown(test_one_leads_and_another_takes_over, place_setup, place_teardown),
        cmocka_unit_test_setup_teardown(test_handing_over, place_setup, place_teardown),
        cmocka_unit_test_setup_teardown(test_a_new_life_takes_its_own_record, place_setup, place_teardown),
        cmocka_unit_test_setup_teardown(test_a_deposed_leader_ends, place_setup, place_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
