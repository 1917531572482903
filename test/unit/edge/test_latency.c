/* SPDX-License-Identifier: Apache-2.0
 * How far clients are: measured on real connections, learnt, kept in tables and files. */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "edge/latency_learn.h"
#include "edge/latency_table.h"
#include "edge/latency_watch.h"

static struct network network(uint32_t number)
{
    const uint8_t bytes[16] = {10, (uint8_t)(number >> 8), (uint8_t)number};
    return network_of(bytes, 4, 24);
}

static struct latency_seen_note note(uint32_t number, uint32_t rtt_us)
{
    return (struct latency_seen_note){network(number), rtt_us};
}

/* ---- measuring ---- */

static void notes_that_do_not_fit_are_counted(void **state)
{
    (void)state;
    static struct latency_seen seen;
    struct latency_seen_note got;
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < LATENCY_SEEN_NOTES + 2; i++) {
            const struct latency_seen_note put = note(i, i + 1);
            latency_seen_put(&seen, &put);
        }
        for (uint32_t i = 0; i < LATENCY_SEEN_NOTES; i++) {
            assert_true(latency_seen_take(&seen, &got));
            assert_int_equal(got.rtt_us, i + 1);
        }
        assert_false(latency_seen_take(&seen, &got));
    }
    assert_int_equal(atomic_load(&seen.lost), 6);
}

/* A connection over loopback: ours and the client's end. */
static void connection(int *ret_ours, int *ret_client, struct latency_seen_mark *mark)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f090909)};
    socklen_t size = sizeof address;
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(listener >= 0 && bind(listener, (struct sockaddr *)&address, sizeof address) == 0);
    assert_true(listen(listener, 1) == 0 && getsockname(listener, (struct sockaddr *)&address, &size) == 0);
    *ret_client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f080807)};
    assert_int_equal(bind(*ret_client, (const struct sockaddr *)&from, sizeof from), 0);
    assert_int_equal(connect(*ret_client, (struct sockaddr *)&address, sizeof address), 0);
    struct sockaddr_storage peer;
    size = sizeof peer;
    *ret_ours = accept(listener, (struct sockaddr *)&peer, &size);
    assert_true(*ret_ours >= 0);
    latency_seen_begin(mark, &peer, (struct mono){0});
    close(listener);
}

static void a_connection_is_measured_once_it_has_acknowledged_something(void **state)
{
    (void)state;
    static struct latency_seen seen;
    struct latency_seen_mark mark;
    struct latency_seen_note got;
    char text[NETWORK_TEXT];
    int ours;
    int client;
    connection(&ours, &client, &mark);
    latency_seen_measure(&seen, &mark, ours);
    assert_false(latency_seen_take(&seen, &got)); /* nothing was sent */
    char answer[16];
    assert_int_equal(send(ours, "a statement", 11, 0), 11);
    assert_int_equal(recv(client, answer, 11, MSG_WAITALL), 11);
    assert_int_equal(send(client, "thanks", 6, 0), 6); /* its segment carries the acknowledgement */
    assert_int_equal(recv(ours, answer, 6, MSG_WAITALL), 6);
    latency_seen_measure(&seen, &mark, ours);
    assert_true(latency_seen_take(&seen, &got));
    network_print(&got.network, text);
    assert_string_equal(text, "127.8.8.0/24");
    assert_true(got.rtt_us >= 1 && got.rtt_us < LATENCY_LINE_MOST_US);
    latency_seen_measure(&seen, &mark, ours);
    assert_false(latency_seen_take(&seen, &got)); /* it is not counted again for nothing */
    close(client);
    close(ours);
}

static void connections_that_live_on_are_looked_at_once_a_minute(void **state)
{
    (void)state;
    static struct latency_seen seen;
    struct latency_seen_mark mark = {.at = {0}};
    struct mono turn = {0};
    assert_false(latency_seen_turn(&turn, time_add_ms((struct mono){0}, 999)));
    assert_true(latency_seen_turn(&turn, time_add_ms((struct mono){0}, 1000)));
    assert_false(latency_seen_turn(&turn, time_add_ms((struct mono){0}, 1999)));
    assert_false(latency_seen_again(&seen, &mark, -1, time_add_ms((struct mono){0}, 59999)));
    assert_true(latency_seen_again(&seen, &mark, -1, time_add_ms((struct mono){0}, 60000)));
    assert_false(latency_seen_again(&seen, &mark, -1, time_add_ms((struct mono){0}, 119999)));
}

/* Clients that leave with something unread reset the connection. */
static void a_connection_that_was_reset_is_measured(void **state)
{
    (void)state;
    static struct latency_seen seen;
    struct latency_seen_mark mark;
    struct latency_seen_note got;
    int ours;
    int client;
    char byte;
    connection(&ours, &client, &mark);
    assert_int_equal(send(ours, "a statement", 11, 0), 11);
    assert_int_equal(recv(client, &byte, 1, 0), 1);
    assert_int_equal(send(client, "x", 1, 0), 1);
    assert_int_equal(recv(ours, &byte, 1, 0), 1);
    assert_int_equal(close(client), 0);
    assert_true(recv(ours, &byte, 1, 0) < 0); /* the reset has come */
    latency_seen_measure(&seen, &mark, ours);
    assert_true(latency_seen_take(&seen, &got));
    close(ours);
}

static void what_is_no_connection_is_not_measured(void **state)
{
    (void)state;
    static struct latency_seen seen;
    struct latency_seen_mark mark = {.acknowledged = 0};
    struct latency_seen_note got;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    const struct sockaddr_storage peer = {.ss_family = AF_UNIX};
    latency_seen_begin(&mark, &peer, (struct mono){7});
    latency_seen_measure(&seen, &mark, pair[0]);
    mark.network = network(1);
    latency_seen_measure(&seen, &mark, pair[0]);
    latency_seen_measure(&seen, &mark, -1);
    assert_false(latency_seen_take(&seen, &got));
    close(pair[0]);
    close(pair[1]);
}

/* ---- learning ---- */

static uint32_t learnt(const struct latency_learn *learn, uint32_t number)
{
    struct latency_table *table = latency_table_new();
    assert_non_null(table);
    latency_learn_tell(learn, table, latency_table_place(table, "here"));
    const struct network wanted = network(number);
    const struct latency_table_row *row = latency_table_find(table, &wanted);
    const uint32_t rtt_us = row != NULL ? row->cells[0].rtt_us : 0;
    free(table);
    return rtt_us;
}

static void take(struct latency_learn *learn, uint32_t number, uint32_t rtt_us, int64_t now_s)
{
    const struct latency_seen_note taken = note(number, rtt_us);
    (void)latency_learn_take(learn, &taken, now_s);
}

static void a_network_is_told_from_its_third_connection_on(void **state)
{
    (void)state;
    static struct latency_learn learn;
    learn = (struct latency_learn){.count = 0};
    take(&learn, 1, 9000, 1000);
    take(&learn, 1, 7000, 1001);
    assert_int_equal(learnt(&learn, 1), 0);
    take(&learn, 1, 8000, 1002);
    assert_int_equal(learnt(&learn, 1), 7000);
}

static void a_slow_connection_spoils_nothing(void **state)
{
    (void)state;
    static struct latency_learn learn;
    learn = (struct latency_learn){.count = 0};
    for (int i = 0; i < 3; i++) {
        take(&learn, 1, 10000, 1000);
    }
    /* Among others of its window it does not count; alone in one it counts by a quarter, until the next fast one. */
    take(&learn, 1, 900000, 1010);
    take(&learn, 1, 10000, 1000 + LATENCY_LEARN_WINDOW_S);
    assert_int_equal(learnt(&learn, 1), 10000);
    take(&learn, 1, 50000, 1000 + 2 * LATENCY_LEARN_WINDOW_S);
    assert_int_equal(learnt(&learn, 1), 10000);
    take(&learn, 1, 50000, 1000 + 3 * LATENCY_LEARN_WINDOW_S);
    assert_int_equal(learnt(&learn, 1), 20000);
    take(&learn, 1, 10500, 1001 + 3 * LATENCY_LEARN_WINDOW_S);
    assert_int_equal(learnt(&learn, 1), 10500);
}

static void a_way_that_has_become_longer_is_learnt(void **state)
{
    (void)state;
    static struct latency_learn learn;
    learn = (struct latency_learn){.count = 0};
    for (int64_t i = 0; i < 3; i++) {
        take(&learn, 1, 10000, i);
    }
    for (int64_t i = 1; i < 20; i++) {
        take(&learn, 1, 90000, i * LATENCY_LEARN_WINDOW_S);
    }
    assert_true(learnt(&learn, 1) > 88000 && learnt(&learn, 1) <= 90000);
}

static void the_network_that_was_seen_longest_ago_makes_room(void **state)
{
    (void)state;
    static struct latency_learn learn;
    learn = (struct latency_learn){.count = 0};
    for (uint32_t i = 0; i < LATENCY_LEARN_NETWORKS; i++) {
        for (int j = 0; j < 3; j++) {
            take(&learn, i, 1000 + i, i == 7 ? 1 : 1000 + i);
        }
    }
    assert_int_equal(learnt(&learn, 7), 1007);
    for (int j = 0; j < 3; j++) {
        take(&learn, 5000, 42, 9000);
    }
    assert_int_equal(learnt(&learn, 7), 0);
    assert_int_equal(learnt(&learn, 8), 1008);
    assert_int_equal(learnt(&learn, 5000), 42);
}

/* ---- tables ---- */

static void a_table_is_in_order_and_forgets_the_oldest(void **state)
{
    (void)state;
    struct latency_table *table = latency_table_new();
    assert_non_null(table);
    const uint32_t place = latency_table_place(table, "taiwan");
    for (uint32_t i = 0; i < 2 * LATENCY_TABLE_NETWORKS; i++) {
        const struct network wanted = network((i * 2654435761U) & 0xffff);
        const struct latency_table_cell cell = {i + 1, i};
        latency_table_put(table, &wanted, place, &cell);
    }
    assert_int_equal(table->rows_count, LATENCY_TABLE_NETWORKS);
    for (uint32_t i = 1; i < table->rows_count; i++) {
        assert_true(network_compare(&table->rows[i - 1].network, &table->rows[i].network) < 0);
        assert_true(table->rows[i].cells[place].seen_s >= LATENCY_TABLE_NETWORKS);
    }
    free(table);
}

static void what_leads_clients_changes_only_by_much(void **state)
{
    (void)state;
    static const struct {
        uint32_t before_us;
        uint32_t now_us;
        bool taken;
    } cases[] = {
        {20000, 21000, false},  {20000, 25000, false},  {20000, 25001, true},    {20000, 14999, true},
        {20000, 15000, false},  {1000, 5999, false},    {1000, 6001, true},      {200000, 219000, false},
        {200000, 220001, true}, {200000, 179000, true}, {200000, 181000, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct latency_table *table = latency_table_new();
        assert_non_null(table);
        const struct network wanted = network(1);
        const uint32_t place = latency_table_place(table, "taiwan");
        assert_true(latency_table_keep(table, &wanted, place, &(struct latency_table_cell){cases[i].before_us, 100}));
        assert_int_equal(latency_table_keep(table, &wanted, place, &(struct latency_table_cell){cases[i].now_us, 200}),
                         cases[i].taken);
        const struct latency_table_cell *cell = &latency_table_find(table, &wanted)->cells[place];
        assert_int_equal(cell->rtt_us, cases[i].taken ? cases[i].now_us : cases[i].before_us);
        assert_int_equal(cell->seen_s, 200);
        /* News that are older than what is there are none. */
        assert_false(latency_table_keep(table, &wanted, place, &(struct latency_table_cell){999999, 150}));
        assert_int_equal(latency_table_find(table, &wanted)->cells[place].seen_s, 200);
        free(table);
    }
}

static void old_times_are_forgotten(void **state)
{
    (void)state;
    struct latency_table *table = latency_table_new();
    assert_non_null(table);
    const uint32_t taiwan = latency_table_place(table, "taiwan");
    const uint32_t tokyo = latency_table_place(table, "tokyo");
    const struct network one = network(1);
    const struct network two = network(2);
    latency_table_put(table, &one, taiwan, &(struct latency_table_cell){1000, 100});
    latency_table_put(table, &one, tokyo, &(struct latency_table_cell){2000, 500});
    latency_table_put(table, &two, tokyo, &(struct latency_table_cell){2000, 100});
    assert_false(latency_table_age(table, 600, 500));
    assert_true(latency_table_age(table, 601, 500));
    assert_null(latency_table_find(table, &two));
    assert_int_equal(latency_table_find(table, &one)->cells[taiwan].rtt_us, 0);
    assert_int_equal(latency_table_find(table, &one)->cells[tokyo].rtt_us, 2000);
    /* The clock was set back: what seems to come from the future is of now. */
    assert_false(latency_table_age(table, 50, 500));
    assert_int_equal(latency_table_find(table, &one)->cells[tokyo].seen_s, 50);
    free(table);
}

static void a_table_survives_in_a_file(void **state)
{
    (void)state;
    char path[] = "/tmp/holdfast-latency-XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    struct latency_table *table = latency_table_new();
    struct latency_table *other = latency_table_new();
    assert_true(table != NULL && other != NULL);
    const uint32_t places[] = {latency_table_place(table, "taiwan"), latency_table_place(table, "tokyo")};
    for (uint32_t i = 0; i < LATENCY_TABLE_NETWORKS; i++) {
        const struct network wanted = network(i);
        latency_table_put(table, &wanted, places[i % 2], &(struct latency_table_cell){i + 1, 1792713600 + i});
    }
    assert_int_equal(latency_table_save(table, path), ERR_OK);
    assert_int_equal(latency_table_load(other, path), ERR_OK);
    assert_int_equal(other->rows_count, LATENCY_TABLE_NETWORKS);
    assert_memory_equal(table->places, other->places, sizeof table->places);
    for (uint32_t i = 0; i < table->rows_count; i++) {
        assert_int_equal(network_compare(&table->rows[i].network, &other->rows[i].network), 0);
        for (uint32_t place = 0; place < 2; place++) {
            assert_int_equal(table->rows[i].cells[place].rtt_us, other->rows[i].cells[place].rtt_us);
            assert_int_equal(table->rows[i].cells[place].seen_s, other->rows[i].cells[place].seen_s);
        }
    }
    close(fd);
    assert_int_equal(truncate(path, 4000), 0); /* in the middle of a line */
    memset(other, 0, sizeof *other);
    assert_int_equal(latency_table_load(other, path), ERR_INVALID);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(latency_table_load(other, path), ERR_NOT_FOUND);
    free(table);
    free(other);
}

static void a_process_goes_on_with_what_it_knew(void **state)
{
    (void)state;
    char directory[] = "/tmp/holdfast-latency-XXXXXX";
    char path[128];
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/" LATENCY_WATCH_PROXY, directory);
    for (uint32_t life = 0; life < 2; life++) {
        static struct latency_seen seen[2];
        struct latency_seen *const blocks[2] = {&seen[0], &seen[1]};
        struct latency_watch *watch = NULL;
        memset(seen, 0, sizeof seen);
        assert_int_equal(latency_watch_start(path, blocks, 2, &watch), ERR_OK);
        for (uint32_t i = 0; i < 4; i++) {
            const struct latency_seen_note put = note(life, 3000 + life);
            latency_seen_put(&seen[i % 2], &put);
        }
        latency_watch_stop(watch); /* takes what is left */
    }
    struct latency_table *table = latency_table_new();
    assert_non_null(table);
    assert_int_equal(latency_table_load(table, path), ERR_OK);
    assert_int_equal(table->rows_count, 2);
    assert_int_equal(table->rows[0].cells[0].rtt_us, 3000);
    assert_int_equal(table->rows[1].cells[0].rtt_us, 3001);
    assert_string_equal(table->places[0], LATENCY_WATCH_HERE);
    free(table);
    unlink(path);
    assert_int_equal(rmdir(directory), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(notes_that_do_not_fit_are_counted),
        cmocka_unit_test(a_connection_is_measured_once_it_has_acknowledged_something),
        cmocka_unit_test(connections_that_live_on_are_looked_at_once_a_minute),
        cmocka_unit_test(a_connection_that_was_reset_is_measured),
        cmocka_unit_test(what_is_no_connection_is_not_measured),
        cmocka_unit_test(a_network_is_told_from_its_third_connection_on),
        cmocka_unit_test(a_slow_connection_spoils_nothing),
        cmocka_unit_test(a_way_that_has_become_longer_is_learnt),
        cmocka_unit_test(the_network_that_was_seen_longest_ago_makes_room),
        cmocka_unit_test(a_table_is_in_order_and_forgets_the_oldest),
        cmocka_unit_test(what_leads_clients_changes_only_by_much),
        cmocka_unit_test(old_times_are_forgotten),
        cmocka_unit_test(a_table_survives_in_a_file),
        cmocka_unit_test(a_process_goes_on_with_what_it_knew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
