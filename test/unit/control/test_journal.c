/* SPDX-License-Identifier: Apache-2.0
 * The order of things: nothing is published or done before it is durable, and a store that cannot write holds all back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/list.h"
#include "control/journal.h"

/* A store that answers when the test says so. */
struct slow_store {
    struct store store;
    struct store_job *job;
    unsigned commits;
    unsigned writes;       /* of the last commit */
    bool checked;          /* it carried a check of the term */
    struct durable record; /* written, or there from the start */
    uint64_t revision;
};

static enum err slow_submit(struct store *store, struct store_job *job)
{
    struct slow_store *slow = (struct slow_store *)(void *)store;
    if (job->request.ask == STORE_GET) {
        const struct store_record record = {
            .key = "engine", .revision = slow->revision, .value = span_of(&slow->record, sizeof slow->record)};
        job->answer.err = slow->revision != 0 ? ERR_OK : ERR_NOT_FOUND;
        job->answer.records = &record;
        job->answer.record_count = slow->revision != 0;
        store_finish(job);
        return ERR_OK;
    }
    assert_null(slow->job); /* one commit at a time */
    slow->job = job;
    slow->commits++;
    slow->writes = (unsigned)job->request.write_count;
    slow->checked = false;
    for (size_t i = 0; i < job->request.write_count; i++) {
        const struct store_write *write = &job->request.writes[i];
        slow->checked |= write->verb == STORE_CHECK && strcmp(write->key, "leader/term") == 0 && write->expected == 40;
    }
    return ERR_OK;
}

static bool slow_own(const struct store *store)
{
    (void)store;
    return false;
}

static void slow_close(struct store *store)
{
    (void)store;
}

static void slow_answer(struct slow_store *slow, enum err err)
{
    struct store_job *job = slow->job;
    assert_non_null(job);
    slow->job = NULL;
    job->answer.err = err;
    job->answer.revision = slow->commits;
    store_finish(job);
}

/* What was sent is written, whatever is answered. */
static void slow_write(struct slow_store *slow, uint64_t revision)
{
    for (size_t i = 0; i < slow->job->request.write_count; i++) {
        const struct store_write *write = &slow->job->request.writes[i];
        if (write->verb == STORE_PUT) {
            memcpy(&slow->record, write->value.data, sizeof slow->record);
            slow->revision = revision;
        }
    }
}

struct seen {
    bool deposed;
    unsigned told;
    unsigned published;
    unsigned acted;
    uint64_t version;
    char order[64];
};

static bool sink_tell(void *context, const struct action *action, struct arena *memory, struct store_write *ret_write)
{
    (void)context;
    (void)action;
    *ret_write =
        (struct store_write){.verb = STORE_APPEND, .kind = "notify", .value = span_text(arena_text(memory, "{}"))};
    return true;
}

static void sink_told(void *context)
{
    ((struct seen *)context)->told++;
}

static void seen_order(struct seen *seen, char letter)
{
    const size_t length = strlen(seen->order);
    if (length + 1 < sizeof seen->order) {
        seen->order[length] = letter;
        seen->order[length + 1] = 0;
    }
}

static void sink_publish(void *context, const struct view *view)
{
    struct seen *seen = context;
    seen->published++;
    seen->version = view->version;
    seen_order(seen, 'p');
}

static void sink_act(void *context, const struct action *action)
{
    struct seen *seen = context;
    assert_int_not_equal(action->kind, ACTION_NOTIFY);
    seen->acted++;
    seen_order(seen, 'a');
}

static void sink_wake(void *context)
{
    (void)context;
}

struct place {
    struct slow_store slow;
    struct seen seen;
    struct journal *journal;
    struct engine engine;
    struct output output;
};

static int place_setup(void **state)
{
    static const struct store_backend backend = {slow_submit, slow_own, slow_close, NULL};
    struct place *place = calloc(1, sizeof *place);
    struct durable *durable = NULL;
    place->slow.store.backend = &backend;
    const struct journal_sink sink = {sink_tell, sink_told, sink_publish, sink_act, sink_wake, NULL, &place->seen};
    assert_int_equal(journal_open(&place->slow.store, &sink, &durable, &place->journal), ERR_OK);
    assert_null(durable);
    *state = place;
    return 0;
}

static int place_teardown(void **state)
{
    struct place *place = *state;
    if (place->slow.job != NULL) {
        slow_answer(&place->slow, ERR_CANCELLED);
    }
    journal_close(place->journal);
    free(place);
    return 0;
}

static void take(struct place *place, uint64_t version, bool persist)
{
    memset(&place->output, 0, sizeof place->output);
    place->engine.view.version = version;
    place->engine.durable.view_version = version;
    place->output.persist = persist;
    place->output.publish = true;
    place->output.actions_count = 2;
    place->output.actions[0].kind = ACTION_BALANCE;
    place->output.actions[1].kind = ACTION_NOTIFY;
    journal_take(place->journal, &place->engine, &place->output);
    journal_step(place->journal);
}

static void test_nothing_before_it_is_durable(void **state)
{
    struct place *place = *state;
    take(place, 1, true);
    take(place, 2, true);
    take(place, 3, true);
    assert_int_equal(place->slow.commits, 1);
    assert_int_equal(place->seen.published, 0);
    assert_int_equal(place->seen.acted, 0);
    slow_answer(&place->slow, ERR_OK);
    journal_step(place->journal);
    assert_string_equal(place->seen.order, "pa");
    assert_int_equal(place->seen.version, 1);
    assert_int_equal(place->slow.commits, 2); /* the other two share one */
    slow_answer(&place->slow, ERR_OK);
    journal_step(place->journal);
    assert_string_equal(place->seen.order, "papapa");
    assert_int_equal(place->seen.version, 3);
    assert_int_equal(place->seen.told, 3);
    assert_true(journal_idle(place->journal));
}

/* In one commit with what follows it, and before that. */
static void test_a_note_stands_before_its_step(void **state)
{
    struct place *place = *state;
    const struct journal_note note = {
        .kind = "ORDERED", .text = "run 7: abort ordered by \"a\\b\": x", .run = 7, .at = {5}, .wall = {9}};
    journal_note(place->journal, &note);
    memset(&place->output, 0, sizeof place->output);
    place->output.persist = true;
    place->output.traces_count = 1;
    place->output.traces[0] = (struct trace){.kind = TRACE_RUN_UNDOING, .run = 7, .text = "aborted"};
    journal_take(place->journal, &place->engine, &place->output);
    journal_step(place->journal);
    assert_int_equal(place->slow.commits, 1);
    assert_int_equal(place->slow.writes, 3);
    const struct store_write *const writes = place->slow.job->request.writes;
    assert_int_equal(writes[1].verb, STORE_APPEND);
    assert_string_equal(writes[1].kind, "ORDERED");
    assert_string_equal(writes[1].run, "7");
    assert_int_equal(writes[1].wall.us, 9);
    assert_true(span_is(writes[1].value, "{\"kind\":\"ORDERED\",\"boot_us\":5,\"run\":7,"
                                         "\"text\":\"run 7: abort ordered by \\\"a\\\\b\\\": x\"}"));
    assert_string_equal(writes[2].kind, "RUN_UNDOING");
    slow_answer(&place->slow, ERR_OK);
    journal_step(place->journal);
    assert_true(journal_idle(place->journal));
    assert_int_equal(place->seen.told, 0);
}

/* Without anything else it is written, too. */
static void test_a_note_alone(void **state)
{
    struct place *place = *state;
    const struct journal_note note = {.kind = "ORDERED", .text = "x"};
    journal_note(place->journal, &note);
    journal_step(place->journal);
    assert_int_equal(place->slow.commits, 1);
    assert_int_equal(place->slow.writes, 1);
    assert_null(place->slow.job->request.writes[0].run);
    slow_answer(&place->slow, ERR_OK);
    journal_step(place->journal);
    assert_true(journal_idle(place->journal));
}

static void test_full_disk_holds_everything_and_loses_nothing(void **state)
{
    struct place *place = *state;
    take(place, 1, true);
    slow_answer(&place->slow, ERR_DISK_FULL);
    journal_step(place->journal);
    take(place, 2, true);
    assert_int_equal(place->seen.published, 0);
    for (int i = 0; i < 200 && place->slow.job == NULL; i++) {
        usleep(10000);
        journal_step(place->journal);
    }
    slow_answer(&place->slow, ERR_OK);
    journal_step(place->journal);
    if (place->slow.job != NULL) {
        slow_answer(&place->slow, ERR_OK);
        journal_step(place->journal);
    }
    assert_int_equal(place->seen.published, 2);
    assert_int_equal(place->seen.version, 2);
    assert_false(journal_lost(place->journal));
}

/* A disk that stays full for hours: what is kept is bounded, the newest state and view are not lost. */
static void test_long_full_disk_keeps_the_newest(void **state)
{
    struct place *place = *state;
    take(place, 1, true);
    for (uint32_t i = 2; i <= 3000; i++) {
        take(place, i, true);
    }
    slow_answer(&place->slow, ERR_OK);
    for (int i = 0; i < 200 && !journal_idle(place->journal); i++) {
        journal_step(place->journal);
        if (place->slow.job != NULL) {
            slow_answer(&place->slow, ERR_OK);
        }
        usleep(1000);
    }
    assert_true(journal_idle(place->journal));
    assert_int_equal(place->seen.version, 3000);
    assert_true(place->seen.published <= 600);
}

static void test_another_controller_wrote(void **state)
{
    struct place *place = *state;
    take(place, 1, true);
    slow_answer(&place->slow, ERR_CONFLICT);
    journal_step(place->journal);
    assert_true(journal_lost(place->journal));
    assert_int_equal(place->seen.published, 0);
    assert_int_equal(place->seen.acted, 0);
}

static bool sink_leads(void *context)
{
    return !((struct seen *)context)->deposed;
}

/* One of several: follows first. */
static int among_setup(void **state)
{
    static const struct store_backend backend = {slow_submit, slow_own, slow_close, NULL};
    struct place *place = calloc(1, sizeof *place);
    place->slow.store.backend = &backend;
    const struct journal_sink sink = {sink_tell, sink_told,  sink_publish, sink_act,
                                      sink_wake, sink_leads, &place->seen};
    assert_int_equal(journal_follow(&place->slow.store, &sink, &place->journal), ERR_OK);
    *state = place;
    return 0;
}

/* It leads, with what the former leader left. */
static void lead(struct place *place)
{
    const struct durable *durable = NULL;
    durable_seal(&place->slow.record);
    place->slow.revision = 30;
    journal_lead(place->journal, 40);
    assert_false(journal_led(place->journal, &durable));
    journal_step(place->journal);
    journal_step(place->journal);
    assert_true(journal_led(place->journal, &durable));
    assert_non_null(durable);
    assert_false(journal_led(place->journal, &durable));
}

static void take_sealed(struct place *place, uint64_t version)
{
    place->engine.durable.sequence = version;
    place->engine.durable.view_version = version;
    durable_seal(&place->engine.durable);
    take(place, version, true);
}

static void test_a_follower_writes_nothing_and_a_leader_checks_its_term(void **state)
{
    struct place *place = *state;
    const struct journal_note note = {.kind = "ORDERED", .text = "x"};
    take(place, 1, true);
    journal_note(place->journal, &note);
    journal_step(place->journal);
    assert_int_equal(place->slow.commits, 0);
    lead(place);
    take_sealed(place, 2);
    assert_int_equal(place->slow.commits, 1);
    assert_true(place->slow.checked);
    slow_answer(&place->slow, ERR_OK);
    journal_step(place->journal);
    assert_string_equal(place->seen.order, "pa"); /* nothing of what it heard as a follower */
    take(place, 3, false);
    assert_true(place->slow.checked); /* the notification alone */
    assert_int_equal(place->slow.writes, 2);
    slow_answer(&place->slow, ERR_OK);
    journal_step(place->journal);
}

static void test_a_deposed_leader_releases_nothing(void **state)
{
    struct place *place = *state;
    lead(place);
    take_sealed(place, 2);
    slow_answer(&place->slow, ERR_OK);
    place->seen.deposed = true; /* its right ended while the answer was on its way */
    journal_step(place->journal);
    take(place, 3, false);
    journal_step(place->journal);
    assert_int_equal(place->seen.published, 0);
    assert_int_equal(place->seen.acted, 0);
    assert_int_equal(place->slow.commits, 1);
}

static void test_a_commit_of_unknown_fate_is_looked_up(void **state)
{
    struct place *place = *state;
    lead(place);
    take_sealed(place, 2);
    slow_write(&place->slow, 31);
    slow_answer(&place->slow, ERR_IO); /* it was written */
    for (int i = 0; i < 200 && place->seen.published == 0; i++) {
        journal_step(place->journal);
        usleep(10000);
    }
    assert_string_equal(place->seen.order, "pa");
    assert_int_equal(place->slow.commits, 1);
    take_sealed(place, 3);
    slow_answer(&place->slow, ERR_IO); /* it was not */
    for (int i = 0; i < 200 && place->slow.job == NULL; i++) {
        journal_step(place->journal);
        usleep(10000);
    }
    assert_int_equal(place->slow.commits, 3);
    slow_answer(&place->slow, ERR_OK);
    journal_step(place->journal);
    assert_string_equal(place->seen.order, "papa");
    take_sealed(place, 4);
    place->slow.revision = 99; /* another one's */
    slow_answer(&place->slow, ERR_IO);
    for (int i = 0; i < 200 && !journal_lost(place->journal); i++) {
        journal_step(place->journal);
        usleep(10000);
    }
    assert_true(journal_lost(place->journal));
    assert_string_equal(place->seen.order, "papa");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_nothing_before_it_is_durable, place_setup, place_teardown),
        cmocka_unit_test_setup_teardown(test_a_note_stands_before_its_step, place_setup, place_teardown),
        cmocka_unit_test_setup_teardown(test_a_note_alone, place_setup, place_teardown),
        cmocka_unit_test_setup_teardown(test_full_disk_holds_everything_and_loses_nothing, place_setup, place_teardown),
        cmocka_unit_test_setup_teardown(test_long_full_disk_keeps_the_newest, place_setup, place_teardown),
        cmocka_unit_test_setup_teardown(test_another_controller_wrote, place_setup, place_teardown),
        cmocka_unit_test_setup_teardown(test_a_follower_writes_nothing_and_a_leader_checks_its_term, among_setup,
                                        place_teardown),
        cmocka_unit_test_setup_teardown(test_a_deposed_leader_releases_nothing, among_setup, place_teardown),
        cmocka_unit_test_setup_teardown(test_a_commit_of_unknown_fate_is_looked_up, among_setup, place_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
