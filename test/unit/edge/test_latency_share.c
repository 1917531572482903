/* SPDX-License-Identifier: Apache-2.0
 * What hosts tell and are told of measured times: messages, a controller's host, an observer's. */
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

#include "edge/clock.h"
#include "edge/http_server.h"
#include "edge/latency_share.h"
#include "edge/latency_watch.h"

enum { PATIENCE_MS = 60000 };

static int64_t now_s(void)
{
    return clock_wall().us / TIME_US_PER_S;
}

static struct network network(const char *text)
{
    struct network parsed = {.family = 0};
    assert_true(network_parse(span_text(text), &parsed));
    return parsed;
}

/* ---- messages ---- */

static void reports_are_read_as_they_were_written(void **state)
{
    (void)state;
    static struct latency_message written = {.site = "taiwan"};
    static struct latency_message got;
    static uint8_t memory[LATENCY_MESSAGE_BYTES];
    struct buf buf;
    for (uint32_t i = 0; i < LATENCY_MESSAGE_ROWS; i++) {
        const uint8_t bytes[16] = {0xfd, 0xff, 0xff, 0xff, 0xff, (uint8_t)i};
        written.rows[i] =
            (struct latency_message_row){network_of(bytes, 6, 48), LATENCY_LINE_MOST_US - i, LATENCY_MESSAGE_AGE_S - i};
    }
    written.count = LATENCY_MESSAGE_ROWS;
    buf_init(&buf, memory, sizeof memory);
    latency_message_write(&written, &buf);
    assert_false(buf.overflow);
    assert_int_equal(latency_message_read(buf_string(&buf), buf.size, &got), ERR_OK);
    assert_string_equal(got.site, "taiwan");
    assert_int_equal(got.count, LATENCY_MESSAGE_ROWS);
    for (uint32_t i = 0; i < got.count; i++) {
        assert_int_equal(network_compare(&got.rows[i].network, &written.rows[i].network), 0);
        assert_int_equal(got.rows[i].rtt_us, written.rows[i].rtt_us);
        assert_int_equal(got.rows[i].age_s, written.rows[i].age_s);
    }
}

static void bad_reports_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "[]",
        "{\"site\":\"taiwan\"}",
        "{\"site\":\"\",\"networks\":[]}",
        "{\"site\":1,\"networks\":[]}",
        "{\"site\":\"a name of more than thirty-one bytes\",\"networks\":[]}",
        "{\"site\":\"taiwan\",\"networks\":[{\"network\":\"192.0.2.1/24\",\"rtt_us\":1,\"age_s\":1}]}",
        "{\"site\":\"taiwan\",\"networks\":[{\"network\":\"192.0.2.0/24\",\"rtt_us\":0,\"age_s\":1}]}",
        "{\"site\":\"taiwan\",\"networks\":[{\"network\":\"192.0.2.0/24\",\"rtt_us\":60000001,\"age_s\":1}]}",
        "{\"site\":\"taiwan\",\"networks\":[{\"network\":\"192.0.2.0/24\",\"rtt_us\":1,\"age_s\":-1}]}",
        "{\"site\":\"taiwan\",\"networks\":[{\"network\":\"192.0.2.0/24\",\"rtt_us\":1.5,\"age_s\":1}]}",
        "{\"site\":\"taiwan\",\"networks\":[7]}",
    };
    static struct latency_message got;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_int_equal(latency_message_read(texts[i], strlen(texts[i]), &got), ERR_INVALID);
        assert_int_equal(got.count, 0);
    }
}

static void tables_are_read_as_they_were_written(void **state)
{
    (void)state;
    struct latency_table *table = latency_table_new();
    struct latency_table *got = latency_table_new();
    assert_true(table != NULL && got != NULL);
    const struct network one = network("192.0.2.0/24");
    const uint32_t taiwan = latency_table_place(table, "taiwan");
    const uint32_t tokyo = latency_table_place(table, "tokyo");
    latency_table_put(table, &one, taiwan, &(struct latency_table_cell){41000, 900});
    latency_table_put(table, &one, tokyo, &(struct latency_table_cell){5000, 990});
    char *text = latency_message_write_table(table, 1000, 86400);
    assert_non_null(text);
    /* The reader's clock is another one: ages count. */
    assert_int_equal(latency_message_read_table(text, strlen(text), 5000, got), ERR_OK);
    const struct latency_table_row *row = latency_table_find(got, &one);
    assert_non_null(row);
    assert_int_equal(row->cells[latency_table_place(got, "taiwan")].seen_s, 4900);
    assert_int_equal(row->cells[latency_table_place(got, "tokyo")].rtt_us, 5000);
    free(text);
    free(table);
    free(got);
}

/* ---- hosts ---- */

struct world {
    char directory[64];
    struct latency_share *share;
    pthread_mutex_t lock;
    struct latency_message taken; /* the last report */
    uint32_t reports;
};

static void world_begin(struct world *world)
{
    *world = (struct world){.directory = "/tmp/holdfast-latency-XXXXXX"};
    pthread_mutex_init(&world->lock, NULL);
    assert_non_null(mkdtemp(world->directory));
}

static void world_path(const struct world *world, const char *name, char path[128])
{
    snprintf(path, 128, "%s/%s", world->directory, name);
}

/* What the proxy or the relay of the host has written. */
static void world_measured(const struct world *world, const char *name, const char *text, uint32_t rtt_us)
{
    char path[128];
    struct latency_table *table = latency_table_new();
    const struct network of = network(text);
    assert_non_null(table);
    latency_table_put(table, &of, latency_table_place(table, LATENCY_WATCH_HERE),
                      &(struct latency_table_cell){rtt_us, now_s()});
    world_path(world, name, path);
    assert_int_equal(latency_table_save(table, path), ERR_OK);
    free(table);
}

/* Of a region in the file for the DNS server; 0: it is not there. */
static uint32_t world_file(const struct world *world, const char *text, const char *region)
{
    char path[128];
    uint32_t rtt_us = 0;
    struct latency_table *table = latency_table_new();
    const struct network of = network(text);
    assert_non_null(table);
    world_path(world, LATENCY_TABLE_NAME, path);
    if (latency_table_load(table, path) == ERR_OK) {
        const struct latency_table_row *row = latency_table_find(table, &of);
        rtt_us = row != NULL ? row->cells[latency_table_place(table, region)].rtt_us : 0;
    }
    free(table);
    return rtt_us;
}

static uint32_t world_wait_file(const struct world *world, const char *text, const char *region)
{
    for (int waited_ms = 0; waited_ms < PATIENCE_MS && world_file(world, text, region) == 0; waited_ms += 20) {
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    }
    return world_file(world, text, region);
}

static void world_end(struct world *world)
{
    static const char *const names[] = {LATENCY_WATCH_PROXY, LATENCY_WATCH_SERVICE, LATENCY_TABLE_NAME};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[128];
        world_path(world, names[i], path);
        unlink(path);
    }
    assert_int_equal(rmdir(world->directory), 0);
    pthread_mutex_destroy(&world->lock);
}

/* A controller: of its own region. */
static void world_take(void *context, const struct latency_message *message)
{
    struct world *world = context;
    for (uint32_t i = 0; i < message->count; i++) {
        const struct latency_message_row *row = &message->rows[i];
        const struct latency_table_cell cell = {row->rtt_us, now_s() - row->age_s};
        latency_share_keep(world->share, &row->network, message->site, &cell);
    }
}

static void a_controller_keeps_what_its_host_measures(void **state)
{
    (void)state;
    struct world world;
    world_begin(&world);
    world_measured(&world, LATENCY_WATCH_PROXY, "192.0.2.0/24", 9000);
    world_measured(&world, LATENCY_WATCH_SERVICE, "192.0.2.0/24", 8000);
    const struct latency_share_options options = {.site = "taiwan",
                                                  .state_dir = world.directory,
                                                  .token = "",
                                                  .max_age_s = 3600,
                                                  .context = &world,
                                                  .take = world_take};
    assert_int_equal(latency_share_new(&options, &world.share), ERR_OK);
    assert_int_equal(latency_share_start(world.share), ERR_OK);
    assert_int_equal(world_wait_file(&world, "192.0.2.0/24", "taiwan"), 8000); /* the shorter of the two */
    latency_share_free(world.share);
    /* The next life begins with it, before anybody has told it anything. */
    assert_int_equal(latency_share_new(&options, &world.share), ERR_OK);
    struct latency_table *kept = latency_table_new();
    assert_non_null(kept);
    latency_share_copy(world.share, kept);
    assert_int_equal(kept->rows_count, 1);
    assert_int_equal(kept->rows[0].cells[0].rtt_us, 8000);
    free(kept);
    latency_share_free(world.share);
    world_end(&world);
}

static void world_posted(const struct http_server_request *request, struct http_server_answer *answer)
{
    struct world *world = request->context;
    pthread_mutex_lock(&world->lock);
    assert_int_equal(latency_message_read(request->body, request->body_size, &world->taken), ERR_OK);
    world->reports++;
    pthread_mutex_unlock(&world->lock);
    http_server_answer_empty(answer, 204);
}

static void world_asked(const struct http_server_request *request, struct http_server_answer *answer)
{
    (void)request;
    http_server_answer_text(answer, 200, "application/json",
                            "{\"max_age_s\":60,\"networks\":[{\"network\":\"198.51.100.0/24\",\"regions\":["
                            "{\"region\":\"tokyo\",\"rtt_us\":5300,\"age_s\":3}]}]}");
}

static void an_observer_reports_and_asks(void **state)
{
    (void)state;
    static const struct http_server_route routes[] = {{"POST", "/v1/latency", true, world_posted},
                                                      {"GET", "/v1/latency", true, world_asked}};
    struct world world;
    struct http_server *server = NULL;
    char address[64];
    world_begin(&world);
    world_measured(&world, LATENCY_WATCH_PROXY, "192.0.2.0/24", 9000);
    const struct http_server_config config = {
        .listen = "127.0.0.1:0", .token = "token", .routes = routes, .route_count = 2, .context = &world};
    assert_int_equal(http_server_start(&config, NULL, 0, &server), ERR_OK);
    snprintf(address, sizeof address, "127.0.0.1:%u", http_server_port(server));
    /* The first controller is away: the second is told and asked. */
    const struct latency_share_options options = {.site = "taiwan",
                                                  .state_dir = world.directory,
                                                  .token = "token",
                                                  .controllers = {"127.0.0.1:1", address},
                                                  .controllers_count = 2,
                                                  .max_age_s = 3600};
    assert_int_equal(latency_share_new(&options, &world.share), ERR_OK);
    assert_int_equal(latency_share_start(world.share), ERR_OK);
    assert_int_equal(world_wait_file(&world, "198.51.100.0/24", "tokyo"), 5300);
    pthread_mutex_lock(&world.lock);
    assert_true(world.reports > 0); /* it reports before it asks */
    assert_string_equal(world.taken.site, "taiwan");
    assert_int_equal(world.taken.count, 1);
    assert_int_equal(world.taken.rows[0].rtt_us, 9000);
    pthread_mutex_unlock(&world.lock);
    latency_share_free(world.share);
    http_server_stop(server);
    world_end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reports_are_read_as_they_were_written),
        cmocka_unit_test(bad_reports_are_refused),
        cmocka_unit_test(tables_are_read_as_they_were_written),
        cmocka_unit_test(a_controller_keeps_what_its_host_measures),
        cmocka_unit_test(an_observer_reports_and_asks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
