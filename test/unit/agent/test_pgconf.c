/* SPDX-License-Identifier: Apache-2.0
 * The configuration that PostgreSQL gets: quoting, what is reserved, who must acknowledge, no password where it shows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/pgconf.h"

static struct agent_options options = {
    .database = "shop",
    .node = "taiwan-a",
    .host = "127.1.0.11",
    .port = 5432,
    .data = "/var/lib/x/it's",
    .superuser = "postgres",
    .superuser_password = "top:se\\cret",
    .replication = "replicator",
    .replication_password = "hush",
    .dbname = "shop",
    .wal_segment_bytes = 16 * 1024 * 1024,
    .peers = {{"taiwan-b", "127.1.0.12:7081", "127.1.0.12", 5432}, {"tokyo-a", "127.2.0.11:7081", "fd00::11", 5433}},
    .peers_count = 2,
    .settings = {.list = {{"max_connections", "200"}, {"Fsync", "on"}, {"restart_after_crash", "on"}, {"PORT", "1"}},
                 .count = 4},
};

static char memory[16384];

static struct buf fresh(void)
{
    struct buf text;
    buf_init(&text, memory, sizeof memory);
    return text;
}

static void test_conf_of_a_standby(void **state)
{
    (void)state;
    struct buf text = fresh();
    const struct pgconf conf = {.upstream = &options.peers[1], .durability = "ANY 1 (\"taiwan-b\")", .standby = true};
    pgconf_print(&options, &conf, &text);
    assert_false(text.overflow);
    const char *got = buf_string(&text);
    assert_non_null(strstr(got, "wal_retrieve_retry_interval = '20ms'\n"));
    assert_non_null(strstr(got, "restart_after_crash = 'off'\n"));
    assert_non_null(strstr(got, "synchronous_commit = 'local'\n"));
    assert_non_null(strstr(got, "cluster_name = 'taiwan-a'\n"));
    assert_non_null(strstr(got, "primary_slot_name = 'holdfast_taiwan_a'\n"));
    assert_non_null(strstr(got, "synchronous_standby_names = 'ANY 1 (\"taiwan-b\")'\n"));
    assert_non_null(strstr(got, "max_connections = '200'\n"));
    assert_non_null(strstr(got, "host=''fd00::11'' port=5433 user=''replicator''"));
    assert_non_null(strstr(got, "passfile=''/var/lib/x/it\\\\''s.holdfast/passfile''"));
    assert_null(strstr(got, "hush"));
    assert_null(strstr(got, "cret"));
    /* What the agent keeps for itself is not taken from the operator, and stands last. */
    assert_null(strstr(got, "restart_after_crash = 'on'"));
    assert_null(strstr(got, "PORT = "));
    assert_true(strstr(got, "max_connections = '200'") < strstr(got, "restart_after_crash = 'off'"));
}

static void test_conf_where_every_commit_waits(void **state)
{
    (void)state;
    struct buf text = fresh();
    struct agent_options promised = options;
    promised.every_commit = true;
    pgconf_print(&promised, &(struct pgconf){.durability = "ANY 1 (\"taiwan-b\")"}, &text);
    assert_non_null(strstr(buf_string(&text), "synchronous_commit = 'on'\n"));
    assert_null(strstr(buf_string(&text), "synchronous_commit = 'local'"));
    assert_true(pgconf_reserved("Synchronous_Commit"));
}

static void test_conf_of_a_writer(void **state)
{
    (void)state;
    struct buf text = fresh();
    const struct pgconf conf = {.durability = ""};
    pgconf_print(&options, &conf, &text);
    assert_non_null(strstr(buf_string(&text), "primary_conninfo = ''\n"));
    assert_non_null(strstr(buf_string(&text), "primary_slot_name = ''\n"));
    assert_non_null(strstr(buf_string(&text), "synchronous_standby_names = ''\n"));
}

/* Small segments must not make more checkpoints; the operator has the last word. */
static void test_conf_with_small_segments(void **state)
{
    (void)state;
    struct buf text = fresh();
    const struct pgconf conf = {.durability = ""};
    pgconf_print(&options, &conf, &text);
    assert_null(strstr(buf_string(&text), "max_wal_size"));
    struct agent_options small = options;
    small.wal_segment_bytes = 1024 * 1024;
    small.settings.list[0] = (struct agent_options_setting){"max_wal_size", "4GB"};
    text = fresh();
    pgconf_print(&small, &conf, &text);
    const char *ours = strstr(buf_string(&text), "max_wal_size = '1GB'\n");
    const char *theirs = strstr(buf_string(&text), "max_wal_size = '4GB'\n");
    assert_non_null(ours);
    assert_non_null(theirs);
    assert_true(ours < theirs);
    assert_non_null(strstr(buf_string(&text), "min_wal_size = '80MB'\n"));
}

static void test_quotes(void **state)
{
    (void)state;
    struct buf text = fresh();
    pgconf_quote(&text, "it's\na \\");
    assert_string_equal(buf_string(&text), "'it''s a \\\\'");
    text = fresh();
    pgconf_quote_conninfo(&text, "it's");
    assert_string_equal(buf_string(&text), "'it\\'s'");
}

static void test_hba(void **state)
{
    (void)state;
    struct buf text = fresh();
    pgconf_print_hba(&options, false, &text);
    assert_null(strstr(buf_string(&text), "trust"));
    assert_non_null(strstr(buf_string(&text), "local all all peer map=holdfast\n"));
    struct agent_options open = options;
    open.replication_password = NULL;
    text = fresh();
    pgconf_print_hba(&open, false, &text);
    assert_non_null(strstr(buf_string(&text), "host replication \"replicator\" 127.1.0.11/32 trust\n"));
    assert_non_null(strstr(buf_string(&text), "host replication \"replicator\" fd00::11/128 trust\n"));
    assert_null(strstr(buf_string(&text), "host all all 0.0.0.0/0 trust"));
}

static void test_hba_of_named_clients(void **state)
{
    (void)state;
    struct agent_options closed = options;
    struct buf text = fresh();
    snprintf(closed.clients[0], sizeof closed.clients[0], "127.1.0.54/32");
    snprintf(closed.clients[1], sizeof closed.clients[1], "fd00::/64");
    closed.clients_count = 2;
    pgconf_print_hba(&closed, false, &text);
    assert_non_null(strstr(buf_string(&text), "host all \"postgres\" 0.0.0.0/0 scram-sha-256\n"));
    assert_non_null(strstr(buf_string(&text), "host all all 127.1.0.54/32 scram-sha-256\n"));
    assert_non_null(strstr(buf_string(&text), "host all all fd00::/64 scram-sha-256\n"));
    assert_null(strstr(buf_string(&text), "host all all 0.0.0.0/0"));
    assert_null(strstr(buf_string(&text), "host all all ::/0"));
    text = fresh();
    pgconf_print_hba(&closed, true, &text); /* there the operators' lines say it */
    assert_null(strstr(buf_string(&text), "127.1.0.54/32"));
}

static void test_passfile(void **state)
{
    (void)state;
    struct buf text = fresh();
    pgconf_print_passfile(&options, &text);
    assert_string_equal(buf_string(&text), "*:*:*:replicator:hush\n*:*:*:postgres:top\\:se\\\\cret\n");
}

static void test_slots(void **state)
{
    (void)state;
    char slot[PGCONF_SLOT];
    pgconf_slot("Tokyo-A.1", slot);
    assert_string_equal(slot, "holdfast_tokyo_a_1");
}

static void test_durability(void **state)
{
    (void)state;
    const char *const names[] = {"a", "b\"c"};
    struct buf text = fresh();
    pgconf_durability(names, 2, 1, &text);
    assert_string_equal(buf_string(&text), "ANY 1 (\"a\", \"b\"\"c\")");
    text = fresh();
    pgconf_durability(names, 2, 0, &text);
    assert_string_equal(buf_string(&text), "");
    text = fresh();
    pgconf_durability(names, 2, 5, &text);
    assert_non_null(strstr(buf_string(&text), "ANY 2 ("));
}

static void test_durability_before_a_controller_speaks(void **state)
{
    (void)state;
    static const struct {
        const char *members[2];
        uint32_t count;
        uint32_t required;
        const char *expected;
    } cases[] = {
        {{NULL}, 0, 1, ""},
        {{"tokyo-a"}, 1, 1, "ANY 1 (\"tokyo-a\")"},
        {{"taiwan-a", "tokyo-a"}, 2, 1, "ANY 1 (\"tokyo-a\")"},
        /* Only ourselves would be left: never fewer copies than configured. */
        {{"taiwan-a"}, 1, 1, "ANY 1 (\"taiwan-b\", \"tokyo-a\")"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct agent_options told = options;
        memcpy(told.durability_members, cases[i].members, sizeof cases[i].members);
        told.durability_members_count = cases[i].count;
        told.durability_required = cases[i].required;
        struct buf text = fresh();
        pgconf_durability_default(&told, &text);
        assert_string_equal(buf_string(&text), cases[i].expected);
    }
}

static void test_auto_conf(void **state)
{
    (void)state;
    struct buf text = fresh();
    pgconf_filter_auto(span_text("# Do not edit\n"
                                 "work_mem = '8MB'\n"
                                 "primary_conninfo = 'host=old'\n"
                                 "  Synchronous_Standby_Names='*'\n"
                                 "restart_after_crash = 'on'"),
                       &text);
    assert_string_equal(buf_string(&text), "# Do not edit\nwork_mem = '8MB'\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conf_of_a_standby),
        cmocka_unit_test(test_conf_where_every_commit_waits),
        cmocka_unit_test(test_conf_of_a_writer),
        cmocka_unit_test(test_conf_with_small_segments),
        cmocka_unit_test(test_quotes),
        cmocka_unit_test(test_hba),
        cmocka_unit_test(test_hba_of_named_clients),
        cmocka_unit_test(test_passfile),
        cmocka_unit_test(test_slots),
        cmocka_unit_test(test_durability),
        cmocka_unit_test(test_durability_before_a_controller_speaks),
        cmocka_unit_test(test_auto_conf),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
