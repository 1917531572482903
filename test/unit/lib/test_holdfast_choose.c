/* SPDX-License-Identifier: Apache-2.0
 * libholdfast's choice of a route, with a real publisher and a virtual clock. */
#include <holdfast.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/text.h"
#include "edge/publish.h"

enum { TAIWAN = 0, TOKYO = 1, OSAKA = 2, A1 = 0, A2 = 1, B1 = 2, KEYS = 10000, STORM = 5000, NEWS = 64 };

/* One world per test: the site's directory, the publisher, the attached application, its clock. */
static struct world {
    char directory[64];
    struct publish_writer writer;
    struct view view; /* the next version */
    struct holdfast *holdfast;
    int64_t now_us;
    struct holdfast_news news[NEWS];
    int news_count;
} world;

static const struct holdfast_verdict good = {.outcome = HOLDFAST_SUCCESS, .flags = 0};
static const struct holdfast_verdict dead = {.outcome = HOLDFAST_ERROR, .flags = HOLDFAST_VERDICT_SHUN};

static int64_t clock_us(void *context)
{
    (void)context;
    return world.now_us;
}

static void note(void *context, const struct holdfast_news *news)
{
    (void)context;
    if (world.news_count < NEWS) {
        world.news[world.news_count++] = *news;
    }
}

static int news_of(enum holdfast_news_kind kind)
{
    int count = 0;
    for (int i = 0; i < world.news_count; i++) {
        count += world.news[i].kind == kind;
    }
    return count;
}

static const char *in(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", world.directory, name);
    return path;
}

static void node(struct view *view, uint32_t index, const char *name, uint32_t region)
{
    struct view_node *to = &view->nodes[index];
    text_copy(to->name, LIMITS_NAME, name);
    to->postgres = (struct view_address){.bytes = {127, 9, 0, (uint8_t)(index + 1)}, .port = 5432, .family = 4};
    to->region = region;
    to->role = index == A1 ? VIEW_NODE_WRITER : VIEW_NODE_STANDBY;
    to->healthy = 1;
    to->upstream = LIMITS_NONE;
}

/* taiwan has the writer a1 and the standby a2, tokyo the standby b1, osaka no node; all traffic goes to taiwan. */
static void fill(struct view *view)
{
    const char *const names[] = {"taiwan", "tokyo", "osaka"};
    memset(view, 0, sizeof *view);
    view->version = 1;
    view->regions_count = 3;
    for (uint32_t i = 0; i < 3; i++) {
        text_copy(view->regions[i].name, LIMITS_NAME, names[i]);
        view->regions[i].healthy = 1;
    }
    view->split[TAIWAN][TAIWAN] = VIEW_SHARES_WHOLE;
    view->databases_count = 1;
    text_copy(view->databases[0].name, LIMITS_NAME, "main");
    view->databases[0].epoch = 4;
    view->databases[0].writer = A1;
    view->nodes_count = 3;
    node(view, A1, "a1", TAIWAN);
    node(view, A2, "a2", TAIWAN);
    node(view, B1, "b1", TOKYO);
}

static void publish(void)
{
    struct view *draft = publish_writer_draft(&world.writer);
    world.view.version++;
    *draft = world.view;
    view_seal(draft);
    assert_int_equal(publish_writer_commit(&world.writer), ERR_OK);
}

static void options_of(struct holdfast_options *options)
{
    holdfast_options_default(options);
    options->state_dir = world.directory;
    options->region = "taiwan";
    options->database = "main";
    options->clock_us = clock_us;
    options->publish = note;
}

static int set_up(void **state)
{
    (void)state;
    memset(&world, 0, sizeof world);
    world.now_us = 1000000000;
    snprintf(world.directory, sizeof world.directory, "/tmp/holdfast-lib-XXXXXX");
    assert_non_null(mkdtemp(world.directory));
    struct holdfast_options options;
    options_of(&options);
    assert_int_equal(publish_writer_open(&world.writer, in("view.shm")), ERR_OK);
    fill(&world.view);
    assert_int_equal(holdfast_open(&options, &world.holdfast), HOLDFAST_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    holdfast_close(world.holdfast);
    publish_writer_close(&world.writer);
    unlink(in("view.shm"));
    unlink(in("view.shm.lock"));
    return rmdir(world.directory);
}

static struct holdfast_target choose(enum holdfast_intent intent)
{
    struct holdfast_target target;
    assert_int_equal(holdfast_choose(world.holdfast, intent, &target), HOLDFAST_OK);
    return target;
}

static enum holdfast_error refusal(enum holdfast_intent intent)
{
    struct holdfast_target target = {.region = 77};
    const enum holdfast_error error = holdfast_choose(world.holdfast, intent, &target);
    assert_int_equal(target.region, 77);
    return error;
}

static void expect(struct holdfast_target target, uint32_t region, uint32_t node_index, uint32_t flags)
{
    assert_int_equal(target.region, region);
    assert_int_equal(target.node, node_index);
    assert_int_equal(target.flags, flags);
}

static void pass_ms(int64_t ms)
{
    world.now_us += ms * 1000;
}

/* A call to `target` with this result; it must have been permitted. */
static void call(struct holdfast_target target, struct holdfast_verdict verdict)
{
    uint64_t period;
    assert_int_equal(holdfast_begin(world.holdfast, &target, &period), 1);
    holdfast_end(world.holdfast, &target, period, &verdict, 1000);
}

static void test_local_while_healthy(void **state)
{
    (void)state;
    assert_int_equal(refusal(HOLDFAST_READ), HOLDFAST_NO_VIEW);
    publish();
    expect(choose(HOLDFAST_READ), TAIWAN, A2, 0);
    expect(choose(HOLDFAST_WRITE), TAIWAN, A1, 0);
    expect(choose(HOLDFAST_LOCAL), TAIWAN, A2, 0);
    assert_int_equal(choose(HOLDFAST_WRITE).epoch, 4);
    assert_int_equal(choose(HOLDFAST_READ).version, 2);
    world.view.regions[TOKYO].healthy = 0;
    publish(); /* seen without a refresh */
    expect(choose(HOLDFAST_READ), TAIWAN, A2, 0);
    assert_int_equal(choose(HOLDFAST_READ).version, 3);
}

static void ready(void)
{
    publish();
    assert_int_equal(holdfast_refresh(world.holdfast), HOLDFAST_OK);
}

static void test_the_views_word(void **state)
{
    (void)state;
    ready();
    world.view.regions[TAIWAN].healthy = 0;
    publish();
    expect(choose(HOLDFAST_READ), TOKYO, B1, HOLDFAST_TARGET_FAILOVER);
    expect(choose(HOLDFAST_LOCAL), TAIWAN, A2, HOLDFAST_TARGET_DEGRADED);
    expect(choose(HOLDFAST_WRITE), TAIWAN, A1, HOLDFAST_TARGET_DEGRADED);
    world.view.regions[TAIWAN].healthy = 1;
    world.view.regions[TAIWAN].state = VIEW_REGION_DOWN;
    publish();
    expect(choose(HOLDFAST_READ), TOKYO, B1, HOLDFAST_TARGET_FAILOVER);
    world.view.regions[TAIWAN].state = VIEW_REGION_STANDBY;
    publish();
    expect(choose(HOLDFAST_READ), TAIWAN, A2, 0);
    world.view.regions[TAIWAN].healthy = 0;
    world.view.regions[TOKYO].healthy = 0; /* osaka is healthy, but has no node to read from */
    publish();
    expect(choose(HOLDFAST_READ), TAIWAN, A2, HOLDFAST_TARGET_DEGRADED);
    world.view.split[TAIWAN][TAIWAN] = 0; /* a failover: clients of taiwan belong to tokyo now */
    world.view.split[TAIWAN][TOKYO] = VIEW_SHARES_WHOLE;
    world.view.regions[TOKYO].healthy = 1;
    publish();
    expect(choose(HOLDFAST_READ), TOKYO, B1, 0);
}

/* A failed call is known at once; then one call at a time finds out whether it is over. */
static void test_failed_calls(void **state)
{
    (void)state;
    ready();
    call(choose(HOLDFAST_READ), dead);
    expect(choose(HOLDFAST_READ), TOKYO, B1, HOLDFAST_TARGET_FAILOVER);
    expect(choose(HOLDFAST_WRITE), TAIWAN, A1, HOLDFAST_TARGET_DEGRADED);
    pass_ms(999);
    expect(choose(HOLDFAST_READ), TOKYO, B1, HOLDFAST_TARGET_FAILOVER);
    pass_ms(1);
    const struct holdfast_target trial = choose(HOLDFAST_READ);
    expect(trial, TAIWAN, A2, 0);
    expect(choose(HOLDFAST_READ), TOKYO, B1, HOLDFAST_TARGET_FAILOVER);
    call(trial, dead);
    pass_ms(1999); /* twice as long */
    expect(choose(HOLDFAST_READ), TOKYO, B1, HOLDFAST_TARGET_FAILOVER);
    pass_ms(1);
    expect(choose(HOLDFAST_READ), TAIWAN, A2, 0);
    pass_ms(1000); /* that one never came back: another trial */
    call(choose(HOLDFAST_READ), good);
    expect(choose(HOLDFAST_READ), TAIWAN, A2, 0);
    expect(choose(HOLDFAST_READ), TAIWAN, A2, 0);
    struct holdfast_metrics metrics;
    holdfast_metrics_read(world.holdfast, &metrics);
    assert_int_equal(metrics.shunned, 2);
    assert_int_equal(metrics.trials, 3);
    assert_int_equal(news_of(HOLDFAST_NEWS_REGION_DOWN), 1);
}

static void test_waits_have_an_end(void **state)
{
    (void)state;
    ready();
    const struct holdfast_target target = choose(HOLDFAST_READ);
    for (int i = 0; i < 40; i++) {
        holdfast_breaker_reset(holdfast_region_breaker(world.holdfast, TAIWAN));
        call(target, dead);
        pass_ms(10000);
    }
    expect(choose(HOLDFAST_READ), TAIWAN, A2, 0);
    call(target, dead);
    pass_ms(9999);
    expect(choose(HOLDFAST_READ), TOKYO, B1, HOLDFAST_TARGET_FAILOVER);
    pass_ms(1);
    expect(choose(HOLDFAST_READ), TAIWAN, A2, 0);
}

/* Slow failures that shun nobody open the breaker, and that is the same word. */
static void test_breaker(void **state)
{
    (void)state;
    const struct holdfast_verdict failed = {.outcome = HOLDFAST_ERROR, .flags = 0};
    uint64_t period;
    ready();
    const struct holdfast_target target = choose(HOLDFAST_READ);
    for (int i = 0; i < 5; i++) {
        expect(choose(HOLDFAST_READ), TAIWAN, A2, 0);
        call(target, failed);
    }
    assert_int_equal(holdfast_begin(world.holdfast, &target, &period), 0);
    expect(choose(HOLDFAST_READ), TOKYO, B1, HOLDFAST_TARGET_FAILOVER);
    pass_ms(29999);
    expect(choose(HOLDFAST_READ), TOKYO, B1, HOLDFAST_TARGET_FAILOVER);
    pass_ms(2);
    expect(choose(HOLDFAST_READ), TAIWAN, A2, 0);
    for (int i = 0; i < 3; i++) {
        call(target, good);
    }
    expect(choose(HOLDFAST_READ), TAIWAN, A2, 0);
    struct holdfast_breaker_metrics metrics;
    holdfast_breaker_read(holdfast_region_breaker(world.holdfast, TAIWAN), &metrics);
    assert_int_equal(metrics.state, HOLDFAST_BREAKER_CLOSED);
    assert_int_equal(news_of(HOLDFAST_NEWS_BREAKER), 3);
    assert_null(holdfast_region_breaker(world.holdfast, HOLDFAST_REGIONS));
    /* By hand, until by hand. */
    holdfast_breaker_move(holdfast_region_breaker(world.holdfast, TAIWAN), HOLDFAST_BREAKER_FORCED_OPEN);
    pass_ms(86400000);
    expect(choose(HOLDFAST_READ), TOKYO, B1, HOLDFAST_TARGET_FAILOVER);
    holdfast_breaker_move(holdfast_region_breaker(world.holdfast, TAIWAN), HOLDFAST_BREAKER_CLOSED);
    expect(choose(HOLDFAST_READ), TAIWAN, A2, 0);
}

/* Trial calls whose end nobody tells do not keep the region out for ever. */
static void test_lost_trials(void **state)
{
    (void)state;
    uint64_t period;
    ready();
    const struct holdfast_target target = choose(HOLDFAST_READ);
    struct holdfast_breaker *breaker = holdfast_region_breaker(world.holdfast, TAIWAN);
    assert_int_equal(holdfast_breaker_move(breaker, HOLDFAST_BREAKER_OPEN), HOLDFAST_OK);
    pass_ms(30000);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(holdfast_begin(world.holdfast, &target, &period), 1);
    }
    assert_int_equal(holdfast_begin(world.holdfast, &target, &period), 0);
    pass_ms(30000);
    assert_int_equal(holdfast_refresh(world.holdfast), HOLDFAST_OK);
    expect(choose(HOLDFAST_READ), TOKYO, B1, HOLDFAST_TARGET_FAILOVER);
    pass_ms(30001);
    assert_int_equal(holdfast_refresh(world.holdfast), HOLDFAST_OK);
    expect(choose(HOLDFAST_READ), TAIWAN, A2, 0);
    call(target, good);
}

/* Younger than 10 s and faster than 1 s, to the millisecond and the nanosecond. */
static void test_own_checks(void **state)
{
    (void)state;
    ready();
    pass_ms(3600000); /* without checks nothing becomes old */
    expect(choose(HOLDFAST_READ), TAIWAN, A2, 0);
    holdfast_report(world.holdfast, TAIWAN, 1, 999999999);
    pass_ms(9999);
    assert_int_equal(holdfast_refresh(world.holdfast), HOLDFAST_OK);
    expect(choose(HOLDFAST_READ), TAIWAN, A2, 0);
    assert_int_equal(news_of(HOLDFAST_NEWS_REGION_DOWN), 0);
    pass_ms(1);
    assert_int_equal(holdfast_refresh(world.holdfast), HOLDFAST_OK);
    expect(choose(HOLDFAST_READ), TOKYO, B1, HOLDFAST_TARGET_FAILOVER);
    assert_int_equal(news_of(HOLDFAST_NEWS_REGION_DOWN), 1);
    holdfast_report(world.holdfast, TAIWAN, 1, 0);
    expect(choose(HOLDFAST_READ), TAIWAN, A2, 0);
    holdfast_report(world.holdfast, TAIWAN, 1, 1000000000);
    expect(choose(HOLDFAST_READ), TOKYO, B1, HOLDFAST_TARGET_FAILOVER);
    holdfast_report(world.holdfast, TAIWAN, 0, 0);
    holdfast_report(world.holdfast, TOKYO, 0, 0);
    expect(choose(HOLDFAST_READ), TAIWAN, A2, HOLDFAST_TARGET_DEGRADED);
    holdfast_report(world.holdfast, HOLDFAST_REGIONS, 0, 0); /* none: nothing happens */
}

/* Whatever was met: a write goes where the view says, and nowhere else. */
static void test_writes_belong_to_the_view(void **state)
{
    (void)state;
    ready();
    struct holdfast_target target = choose(HOLDFAST_WRITE);
    call(target, dead);
    expect(choose(HOLDFAST_WRITE), TAIWAN, A1, HOLDFAST_TARGET_DEGRADED);
    assert_int_equal(holdfast_choose_next(world.holdfast, HOLDFAST_WRITE, &target), HOLDFAST_NO_ROUTE);
    world.view.databases[0].writer = LIMITS_NONE;
    publish();
    assert_int_equal(refusal(HOLDFAST_WRITE), HOLDFAST_NO_WRITER);
    assert_int_equal(holdfast_choose_next(world.holdfast, HOLDFAST_WRITE, &target), HOLDFAST_NO_WRITER);
    world.view.databases[0].writer = B1;
    world.view.databases[0].epoch = 5;
    world.view.databases[0].hold = 1;
    publish();
    assert_int_equal(holdfast_choose_next(world.holdfast, HOLDFAST_WRITE, &target), HOLDFAST_OK);
    expect(target, TOKYO, B1, HOLDFAST_TARGET_HOLD);
    assert_int_equal(target.epoch, 5);
    assert_int_equal(news_of(HOLDFAST_NEWS_WRITER), 3);
    const struct holdfast_news *last = &world.news[world.news_count - 1];
    assert_int_equal(last->kind, HOLDFAST_NEWS_WRITER);
    assert_int_equal(last->epoch, 5);
    assert_int_equal(last->node, B1);
}

/* A server that turned out to be the wrong one: the view is looked at, and nobody is punished. */
static void test_wrong_server(void **state)
{
    (void)state;
    const struct holdfast_verdict wrong = {.outcome = HOLDFAST_IGNORED_ERROR, .flags = HOLDFAST_VERDICT_LOOK};
    struct holdfast_metrics metrics;
    ready();
    const struct holdfast_target target = choose(HOLDFAST_WRITE);
    publish();
    call(target, wrong);
    holdfast_metrics_read(world.holdfast, &metrics);
    assert_int_equal(metrics.version, world.view.version);
    expect(choose(HOLDFAST_READ), TAIWAN, A2, 0);
}

static void test_lag(void **state)
{
    (void)state;
    ready();
    world.view.nodes[A2].lag_ms = 10000;
    publish();
    expect(choose(HOLDFAST_READ), TAIWAN, A2, 0);
    world.view.nodes[A2].lag_ms = 10001;
    publish();
    expect(choose(HOLDFAST_READ), TAIWAN, A1, 0); /* the writer is not behind */
    world.view.nodes[A2].lag_ms = UINT32_MAX;     /* unknown says nothing against it */
    publish();
    expect(choose(HOLDFAST_READ), TAIWAN, A2, 0);
    world.view.nodes[A2].postgres.port = 0; /* nobody said where it is */
    world.view.nodes[A1].healthy = 0;
    publish();
    expect(choose(HOLDFAST_READ), TOKYO, B1, HOLDFAST_TARGET_FAILOVER);
    world.view.nodes[B1].role = VIEW_NODE_UNKNOWN;
    publish();
    expect(choose(HOLDFAST_READ), TAIWAN, A1, HOLDFAST_TARGET_DEGRADED);
}

static void test_next(void **state)
{
    (void)state;
    ready();
    struct holdfast_target target = choose(HOLDFAST_READ);
    assert_int_equal(holdfast_choose_next(world.holdfast, HOLDFAST_READ, &target), HOLDFAST_OK);
    expect(target, TOKYO, B1, HOLDFAST_TARGET_FAILOVER);
    assert_int_equal(holdfast_choose_next(world.holdfast, HOLDFAST_READ, &target), HOLDFAST_NO_ROUTE);
    expect(target, TOKYO, B1, HOLDFAST_TARGET_FAILOVER);
    target = choose(HOLDFAST_LOCAL);
    assert_int_equal(holdfast_choose_next(world.holdfast, HOLDFAST_LOCAL, &target), HOLDFAST_NO_ROUTE);
}

static struct holdfast *attach(const struct holdfast_options *options)
{
    struct holdfast *holdfast;
    assert_int_equal(holdfast_open(options, &holdfast), HOLDFAST_OK);
    return holdfast;
}

static void test_backups_and_names(void **state)
{
    (void)state;
    struct holdfast_options options;
    struct holdfast_target target;
    ready();
    world.view.regions[TAIWAN].healthy = 0;
    publish();
    options_of(&options);
    options.database = NULL; /* regions only */
    struct holdfast *plain = attach(&options);
    assert_int_equal(holdfast_choose(plain, HOLDFAST_READ, &target), HOLDFAST_OK);
    expect(target, TOKYO, HOLDFAST_NONE, HOLDFAST_TARGET_FAILOVER);
    assert_int_equal(holdfast_choose(plain, HOLDFAST_WRITE, &target), HOLDFAST_NOT_FOUND);
    holdfast_close(plain);
    options.backups = "osaka,tokyo";
    struct holdfast *wished = attach(&options);
    assert_int_equal(holdfast_choose(wished, HOLDFAST_READ, &target), HOLDFAST_OK);
    expect(target, OSAKA, HOLDFAST_NONE, HOLDFAST_TARGET_FAILOVER);
    assert_int_equal(holdfast_choose_next(wished, HOLDFAST_READ, &target), HOLDFAST_OK);
    expect(target, TOKYO, HOLDFAST_NONE, HOLDFAST_TARGET_FAILOVER);
    holdfast_close(wished);
    options.region = "nowhere";
    options.backups = NULL;
    struct holdfast *nowhere = attach(&options);
    assert_int_equal(holdfast_choose(nowhere, HOLDFAST_LOCAL, &target), HOLDFAST_NOT_FOUND);
    assert_int_equal(holdfast_choose(nowhere, HOLDFAST_READ, &target), HOLDFAST_OK);
    holdfast_close(nowhere);
    options.database = "other";
    struct holdfast *other = attach(&options);
    assert_int_equal(holdfast_choose(other, HOLDFAST_READ, &target), HOLDFAST_NOT_FOUND);
    assert_int_equal(holdfast_choose(other, HOLDFAST_WRITE, &target), HOLDFAST_NOT_FOUND);
    holdfast_close(other);
    options.backups = "osaka,,tokyo";
    assert_int_equal(holdfast_open(&options, &other), HOLDFAST_INVALID_CONFIG);
    options_of(&options);
    options.shun_max_ms = options.shun_ms - 1;
    assert_int_equal(holdfast_open(&options, &other), HOLDFAST_INVALID_CONFIG);
    options_of(&options);
    options.breaker.window_size = 0;
    assert_int_equal(holdfast_open(&options, &other), HOLDFAST_INVALID_CONFIG);
}

static uint32_t region_of(int key)
{
    char text[32];
    struct holdfast_target target;
    const int size = snprintf(text, sizeof text, "session-%d", key);
    assert_int_equal(holdfast_choose_key(world.holdfast, HOLDFAST_READ, text, (uint64_t)size, &target), HOLDFAST_OK);
    return target.region;
}

static void share(uint32_t tokyo)
{
    world.view.split[TAIWAN][TAIWAN] = VIEW_SHARES_WHOLE - tokyo;
    world.view.split[TAIWAN][TOKYO] = tokyo;
    publish();
}

/* A canary from tokyo back to taiwan: who is there stays there while it grows, and the rule is the view's. */
static void test_sticky(void **state)
{
    (void)state;
    static bool inside[KEYS];
    const uint32_t steps[] = {10000, 9000, 5000, 1000, 0};
    char text[32];
    ready();
    for (size_t step = 0; step < sizeof steps / sizeof steps[0]; step++) {
        int count = 0;
        share(steps[step]);
        for (int key = 0; key < KEYS; key++) {
            const uint32_t region = region_of(key);
            const int size = snprintf(text, sizeof text, "session-%d", key);
            const uint32_t point = (uint32_t)(hash_bytes(text, (size_t)size) % VIEW_SHARES_WHOLE);
            assert_int_equal(region, view_split_region(&world.view, TAIWAN, point));
            assert_true(!inside[key] || region == TAIWAN);
            inside[key] = region == TAIWAN;
            count += inside[key];
        }
        assert_in_range(count, KEYS - (int)steps[step] > 300 ? KEYS - (int)steps[step] - 300 : 0,
                        KEYS - (int)steps[step] + 300);
    }
    share(9000);
    expect(choose(HOLDFAST_READ), TOKYO, B1, 0); /* without a key: where most go */
    share(5000);
    expect(choose(HOLDFAST_READ), TAIWAN, A2, 0); /* as many: our own */
    world.view.regions[TOKYO].healthy = 0;
    publish();
    for (int key = 0; key < 100; key++) {
        assert_int_equal(region_of(key), TAIWAN);
    }
}

/* Two standbys beside the application share the reads; one session keeps to one of them. */
static void test_standbys_share(void **state)
{
    (void)state;
    int counts[4] = {0};
    struct holdfast_target first;
    struct holdfast_target again;
    world.view.nodes_count = 4;
    node(&world.view, 3, "a3", TAIWAN);
    ready();
    for (int i = 0; i < 100; i++) {
        counts[choose(HOLDFAST_READ).node]++;
    }
    assert_int_equal(counts[A2], 50);
    assert_int_equal(counts[3], 50);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(holdfast_choose_key(world.holdfast, HOLDFAST_READ, &i, sizeof i, &first), HOLDFAST_OK);
        assert_int_equal(holdfast_choose_key(world.holdfast, HOLDFAST_READ, &i, sizeof i, &again), HOLDFAST_OK);
        assert_int_equal(first.node, again.node);
        counts[first.node]++;
    }
    assert_true(counts[A2] > 70 && counts[3] > 70);
}

static void test_target_node(void **state)
{
    (void)state;
    struct holdfast_node found;
    ready();
    const struct holdfast_target target = choose(HOLDFAST_READ);
    assert_int_equal(holdfast_target_node(world.holdfast, &target, &found), HOLDFAST_OK);
    assert_string_equal(found.name, "a2");
    assert_string_equal(found.address, "127.9.0.2");
    assert_int_equal(found.port, 5432);
    const struct holdfast_target none = {.node = HOLDFAST_NONE, .version = target.version};
    assert_int_equal(holdfast_target_node(world.holdfast, &none, &found), HOLDFAST_NOT_FOUND);
    publish();
    (void)choose(HOLDFAST_READ);
    assert_int_equal(holdfast_target_node(world.holdfast, &target, &found), HOLDFAST_STALE);
}

/* The configuration was changed: another region has the index now, and inherits nothing. */
static void test_renamed_region(void **state)
{
    (void)state;
    ready();
    call(choose(HOLDFAST_READ), dead);
    holdfast_report(world.holdfast, TAIWAN, 0, 0);
    text_copy(world.view.regions[TAIWAN].name, LIMITS_NAME, "kyoto");
    text_copy(world.view.regions[OSAKA].name, LIMITS_NAME, "taiwan");
    publish();
    struct holdfast_target target = choose(HOLDFAST_LOCAL);
    assert_int_equal(target.region, OSAKA);
    assert_int_equal(holdfast_choose_next(world.holdfast, HOLDFAST_READ, &target), HOLDFAST_OK);
    assert_int_equal(target.region, TAIWAN);
}

struct chooser {
    pthread_t thread;
    uint64_t last;
};

/* Even epochs are written by b1, odd ones by a1; an answer never mixes two views. */
static void *choose_on(void *context)
{
    struct chooser *chooser = (struct chooser *)context;
    const struct holdfast_verdict verdict = {.outcome = HOLDFAST_ERROR, .flags = HOLDFAST_VERDICT_SHUN};
    for (int i = 0; chooser->last < STORM; i++) {
        struct holdfast_target target;
        uint64_t period;
        const enum holdfast_intent intent = (enum holdfast_intent)(i % 3);
        if (holdfast_choose(world.holdfast, intent, &target) != HOLDFAST_OK) {
            continue;
        }
        assert_int_equal(target.epoch, target.version);
        assert_true(target.version >= chooser->last);
        if (intent == HOLDFAST_WRITE) {
            assert_int_equal(target.node, target.epoch % 2 == 0 ? B1 : A1);
        }
        chooser->last = target.version;
        if (i % 1000 == 0 && holdfast_begin(world.holdfast, &target, &period)) {
            holdfast_end(world.holdfast, &target, period, i % 3000 == 0 ? &verdict : &good, 1000);
        }
    }
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    struct chooser choosers[3] = {0};
    world.view.version = 0;
    world.view.databases[0].epoch = 1;
    ready();
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        bool well = true;
        for (uint64_t version = 2; well && version <= STORM; version++) {
            struct view *draft = publish_writer_draft(&world.writer);
            *draft = world.view;
            draft->version = version;
            draft->databases[0].epoch = version;
            draft->databases[0].writer = version % 2 == 0 ? B1 : A1;
            view_seal(draft);
            well = publish_writer_commit(&world.writer) == ERR_OK;
        }
        _exit(well ? 0 : 1);
    }
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pthread_create(&choosers[i].thread, NULL, choose_on, &choosers[i]), 0);
    }
    for (int i = 0; i < 3; i++) {
        pthread_join(choosers[i].thread, NULL);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_local_while_healthy),
        CASE(test_the_views_word),
        CASE(test_failed_calls),
        CASE(test_waits_have_an_end),
        CASE(test_breaker),
        CASE(test_lost_trials),
        CASE(test_own_checks),
        CASE(test_writes_belong_to_the_view),
        CASE(test_wrong_server),
        CASE(test_lag),
        CASE(test_next),
        CASE(test_backups_and_names),
        CASE(test_sticky),
        CASE(test_standbys_share),
        CASE(test_target_node),
        CASE(test_renamed_region),
        CASE(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
