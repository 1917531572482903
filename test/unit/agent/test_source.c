/* SPDX-License-Identifier: Apache-2.0
 * Whom a node streams from: the newest order holds, never round in a ring, and the writer where no order will do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/source.h"
#include "base/text.h"

static struct agent_options options = {
    .database = "shop",
    .node = "d",
    .peers = {{.name = "w", .host = "127.0.0.1", .port = 1},
              {.name = "b", .host = "127.0.0.2", .port = 2},
              {.name = "c", .host = "127.0.0.3", .port = 3}},
    .peers_count = 3,
};
static struct node node;
static const struct node_writer writer = {.name = "w", .host = "127.0.0.1", .port = 1, .epoch = 7};

static int setup(void **state)
{
    (void)state;
    char folder[] = "/tmp/holdfast-source-XXXXXX";
    node = (struct node){.options = &options, .writer = writer};
    pthread_cond_init(&node.changed, NULL);
    assert_non_null(mkdtemp(folder));
    text_copy(node.home, sizeof node.home, folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    char path[AGENT_OPTIONS_PATH + 16];
    snprintf(path, sizeof path, "%s/record", node.home);
    (void)unlink(path);
    assert_int_equal(rmdir(node.home), 0);
    return 0;
}

static const char *source(void)
{
    static struct node_writer now;
    now = source_of(&node, &node.writer);
    assert_int_equal(now.epoch, node.writer.epoch);
    return now.name;
}

static void hear(const char *upstream, uint64_t order)
{
    struct controller_word word = {.writer = "w", .epoch = 7, .order = order};
    text_copy(word.upstream, sizeof word.upstream, upstream);
    source_take(&node, &word);
}

static void test_the_newest_order_holds(void **state)
{
    (void)state;
    struct record loaded;
    assert_string_equal(source(), "w");
    hear("b", 4);
    assert_string_equal(source(), "b");
    hear("c", 3); /* late */
    assert_string_equal(source(), "b");
    assert_int_equal(record_load(node.home, &loaded), ERR_OK);
    assert_string_equal(loaded.leader, "b");
    assert_int_equal(loaded.order, 4);
    hear("", 5);
    assert_string_equal(source(), "w");
    hear("b", 0); /* nothing is said */
    assert_string_equal(source(), "w");
}

static void test_what_cannot_be_is_not_taken(void **state)
{
    (void)state;
    hear("d", 4);
    hear("nobody", 5);
    assert_string_equal(source(), "w");
    assert_int_equal(node.record.order, 0);
    hear("w", 6);
    assert_string_equal(source(), "w");
    node.writer.name[0] = '\0';
    hear("b", 7);
    assert_string_equal(source(), ""); /* no writer is known: nobody */
}

static void test_who_streams_from_us_is_not_streamed_from(void **state)
{
    (void)state;
    hear("b", 4);
    node.status_known = true;
    node.status.replicas_count = 1;
    text_copy(node.status.replicas[0].name, sizeof node.status.replicas[0].name, "b");
    assert_string_equal(source(), "w");
    node.status.replicas_count = 0;
    assert_string_equal(source(), "b");
}

static void test_a_leader_is_given_up_until_there_is_a_newer_order(void **state)
{
    (void)state;
    hear("b", 4);
    source_give_up(&node);
    assert_string_equal(source(), "w");
    hear("b", 5);
    assert_string_equal(source(), "b");
}

static void test_only_the_stream_of_the_source_counts(void **state)
{
    (void)state;
    node.status_known = true;
    node.status.in_recovery = true;
    node.status.receiving = true;
    node.status.sender_port = 1;
    text_copy(node.status.sender, sizeof node.status.sender, "127.0.0.1");
    assert_true(source_streams(&node));
    hear("b", 4);
    assert_false(source_streams(&node));
    node.status.sender_port = 2;
    text_copy(node.status.sender, sizeof node.status.sender, "127.0.0.2");
    assert_true(source_streams(&node));
}

static void test_slots_are_wanted_as_they_were_said(void **state)
{
    (void)state;
    struct controller_word word = {.writer = "w", .epoch = 7, .slots_count = 1, .slots = {{.node = "b"}}};
    source_take(&node, &word);
    assert_int_equal(node.slots.count, 1);
    node.slots.made = true;
    word.slots_count = 0; /* of a controller that is behind */
    source_take(&node, &word);
    assert_int_equal(node.slots.count, 1);
    word.slots_count = 2;
    word.slots[1] = (struct controller_slot){.node = "c"};
    source_take(&node, &word);
    assert_int_equal(node.slots.count, 2);
    assert_false(node.slots.made);
    node.slots.heard.us -= (int64_t)(NODE_SLOTS_MS + 1000) * 1000;
    word.slots_count = 0;
    source_take(&node, &word);
    assert_int_equal(node.slots.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_newest_order_holds, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_cannot_be_is_not_taken, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_streams_from_us_is_not_streamed_from, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_leader_is_given_up_until_there_is_a_newer_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_only_the_stream_of_the_source_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_slots_are_wanted_as_they_were_said, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
