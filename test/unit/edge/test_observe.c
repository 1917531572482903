/* SPDX-License-Identifier: Apache-2.0
 * Results survive the way through JSON and through the queue. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "edge/observe.h"
#include "edge/observe_queue.h"

static struct probe_result result_of(const char *check, const char *region, int64_t latency_us)
{
    struct probe_result result = {.ok = true,
                                  .value_ppm = PROBE_NONE,
                                  .requests = PROBE_NONE,
                                  .latency_us = latency_us,
                                  .phases = {1, 2, 3, 4, 5, latency_us},
                                  .ended = {10000000}};
    snprintf(result.check, sizeof result.check, "%s", check);
    snprintf(result.region, sizeof result.region, "%s", region);
    snprintf(result.message, sizeof result.message, "status 200");
    return result;
}

static void one_result_to_the_byte(void **state)
{
    (void)state;
    uint8_t memory[OBSERVE_RESULT_BYTES];
    struct buf buf;
    buf_init(&buf, memory, sizeof memory);
    struct probe_result result = result_of("order-service", "tokyo", 1500);
    result.ok = false;
    result.error = ERR_STATUS;
    result.requests = 42;
    snprintf(result.message, sizeof result.message, "say \"hi\"\\\x01");
    observe_write_result(&buf, &result, (struct mono){10250000});
    assert_false(buf.overflow);
    assert_string_equal(buf_string(&buf),
                        "{\"check\":\"order-service\",\"region\":\"tokyo\",\"ok\":false,\"error\":\"STATUS\","
                        "\"message\":\"say \\\"hi\\\"\\\\\\u0001\",\"latency_us\":1500,\"phases\":{\"queue_us\":1,"
                        "\"resolve_us\":2,\"connect_us\":3,\"tls_us\":4,\"first_byte_us\":5,\"total_us\":1500},"
                        "\"age_ms\":250,\"value_ppm\":null,\"requests\":42}");
}

static void beats_travel_with_the_batch(void **state)
{
    (void)state;
    struct observe_batch *batch = calloc(1, sizeof *batch);
    struct observe_batch *again = calloc(1, sizeof *again);
    uint8_t memory[1024];
    struct buf buf;
    assert_true(batch != NULL && again != NULL);
    snprintf(batch->site, sizeof batch->site, "witness");
    batch->beats = (struct observe_beats){
        .any = true, .count = 2, .entries = {{"taiwan-a", true, 412, 0}, {"taiwan-b", false, 3, 7}}};
    buf_init(&buf, memory, sizeof memory);
    observe_write_batch(&buf, batch, (struct mono){1000000});
    assert_string_equal(buf_string(&buf), "{\"site\":\"witness\",\"boot\":0,\"sequence\":0,\"results\":[],\"beats\":["
                                          "{\"node\":\"taiwan-a\",\"silent\":true,\"age_ms\":412},"
                                          "{\"node\":\"taiwan-b\",\"silent\":false,\"age_ms\":3,\"gone\":7}]}");
    assert_int_equal(observe_read_batch(buf_string(&buf), buf.size, (struct mono){1000000}, again), ERR_OK);
    assert_memory_equal(&batch->beats.entries[0], &again->beats.entries[0], sizeof again->beats.entries[0]);
    assert_true(again->beats.any);
    assert_int_equal(again->beats.count, 2);
    assert_false(again->beats.entries[1].silent);
    assert_int_equal(again->beats.entries[1].gone, 7);
    static const char *const bad[] = {
        "{\"site\":\"w\",\"boot\":1,\"sequence\":1,\"results\":[],\"beats\":{}}",
        "{\"site\":\"w\",\"boot\":1,\"sequence\":1,\"results\":[],\"beats\":[{\"node\":\"a\",\"age_ms\":1}]}",
        "{\"site\":\"w\",\"boot\":1,\"sequence\":1,\"results\":[],\"beats\":[{\"node\":7,\"silent\":true,\"age_ms\":1}]"
        "}",
        "{\"site\":\"w\",\"boot\":1,\"sequence\":1,\"results\":[],\"beats\":[{\"node\":\"a\",\"silent\":true,\"age_"
        "ms\":-1}]}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(observe_read_batch(bad[i], strlen(bad[i]), (struct mono){1000000}, again), ERR_INVALID);
    }
    static const char without[] = "{\"site\":\"w\",\"boot\":1,\"sequence\":1,\"results\":[]}";
    assert_int_equal(observe_read_batch(without, strlen(without), (struct mono){1000000}, again), ERR_OK);
    assert_false(again->beats.any);
    free(batch);
    free(again);
}

/* Who has something to say besides results does not wait for the half second. */
static void an_urged_queue_gives_what_it_has(void **state)
{
    (void)state;
    struct observe_queue *queue = NULL;
    struct probe_result results[1];
    assert_int_equal(observe_queue_new(NULL, NULL, &queue), ERR_OK);
    observe_queue_urge(queue);
    observe_queue_rest(queue, UINT32_MAX / 2); /* returns: else the test ends by its time-out */
    assert_int_equal(observe_queue_take(queue, results, 1, UINT32_MAX / 2), 0);
    const struct probe_result result = result_of("order-service", "tokyo", 1500);
    observe_queue_push(queue, &result);
    observe_queue_rest(queue, 1); /* not urged any more: results wait for company */
    assert_int_equal(observe_queue_take(queue, results, 1, 0), 1);
    observe_queue_free(queue);
}

static void round_trip(void **state)
{
    (void)state;
    struct observe_batch *batch = calloc(1, sizeof *batch);
    struct observe_batch *again = calloc(1, sizeof *again);
    uint8_t *memory = malloc(OBSERVE_BATCH_BYTES);
    assert_true(batch != NULL && again != NULL && memory != NULL);
    snprintf(batch->site, sizeof batch->site, "witness");
    batch->boot = INT64_MAX;
    batch->sequence = 12;
    for (uint32_t i = 0; i < OBSERVE_RESULTS; i++) {
        struct probe_result *result = &batch->results[batch->count++];
        char name[LIMITS_NAME];
        snprintf(name, sizeof name, "check-%u", i);
        *result = result_of(name, "taiwan", 1000 + i);
        result->value_ppm = i % 2 == 0 ? PROBE_NONE : -(int64_t)i;
        result->requests = i % 3 == 0 ? PROBE_NONE : (int64_t)i;
        if (i % 5 == 0) {
            result->ok = false;
            result->error = (enum err)(1 + i % (ERR_COUNT - 1));
            memset(result->message, '\x01', sizeof result->message - 1); /* the longest message, the worst bytes */
            memset(result->region, '\xfe', sizeof result->region - 1);   /* not ASCII: question marks */
        }
    }
    struct buf buf;
    buf_init(&buf, memory, OBSERVE_BATCH_BYTES);
    observe_write_batch(&buf, batch, (struct mono){10004000});
    assert_false(buf.overflow);
    const struct mono now = {50000000}; /* another clock */
    assert_int_equal(observe_read_batch(buf_string(&buf), buf.size, now, again), ERR_OK);
    assert_string_equal(again->site, "witness");
    assert_true(again->boot == INT64_MAX && again->sequence == 12 && again->count == OBSERVE_RESULTS);
    for (uint32_t i = 0; i < OBSERVE_RESULTS; i++) {
        const struct probe_result *a = &batch->results[i];
        const struct probe_result *b = &again->results[i];
        assert_string_equal(a->check, b->check);
        assert_string_equal(a->message, b->message);
        assert_string_equal(b->region, i % 5 == 0 ? "???????????????????????????????" : "taiwan");
        assert_true(a->ok == b->ok && a->error == b->error && a->latency_us == b->latency_us);
        assert_true(a->value_ppm == b->value_ppm && a->requests == b->requests);
        assert_memory_equal(&a->phases, &b->phases, sizeof a->phases);
        assert_int_equal(b->ended.us, 50000000 - 4000);
        assert_int_equal(b->started.us, 50000000 - 4000 - a->phases.total_us);
    }
    free(memory);
    free(again);
    free(batch);
}

static void bad_bodies_are_refused(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "",
        "[]",
        "{}",
        "{\"site\":\"a\",\"boot\":1,\"sequence\":1}",
        "{\"site\":\"a\",\"boot\":-1,\"sequence\":1,\"results\":[]}",
        "{\"site\":\"a\",\"site\":\"b\",\"boot\":1,\"sequence\":1,\"results\":[]}",
        "{\"site\":\"a-name-that-is-longer-than-any-name\",\"boot\":1,\"sequence\":1,\"results\":[]}",
        "{\"site\":\"a\",\"boot\":1,\"sequence\":1,\"results\":[1]}",
        "{\"site\":\"a\",\"boot\":1,\"sequence\":1,\"results\":[{\"check\":\"c\"}]}",
    };
    struct observe_batch *batch = calloc(1, sizeof *batch);
    assert_non_null(batch);
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        assert_int_equal(observe_read_batch(bodies[i], strlen(bodies[i]), (struct mono){1}, batch), ERR_INVALID);
    }
    static const char alive[] = "{\"site\":\"a\",\"boot\":1,\"sequence\":1,\"results\":[]}";
    assert_int_equal(observe_read_batch(alive, strlen(alive), (struct mono){1}, batch), ERR_OK);
    assert_int_equal(batch->count, 0);
    free(batch);
}

static void newest_result_wins(void **state)
{
    (void)state;
    struct observe_queue *queue = NULL;
    struct probe_result taken[LIMITS_PROBES];
    assert_int_equal(observe_queue_new(NULL, NULL, &queue), ERR_OK);
    const struct probe_result first = result_of("a", "taiwan", 1);
    const struct probe_result other = result_of("a", "tokyo", 2);
    const struct probe_result second = result_of("a", "taiwan", 3);
    observe_queue_push(queue, &first);
    observe_queue_push(queue, &other);
    observe_queue_push(queue, &second);
    assert_int_equal(observe_queue_take(queue, taken, LIMITS_PROBES, 0), 2);
    assert_int_equal(taken[0].latency_us, 2);
    assert_int_equal(taken[1].latency_us, 3);
    assert_int_equal(observe_queue_dropped(queue), 1);
    assert_int_equal(observe_queue_take(queue, taken, LIMITS_PROBES, 1), 0);
    observe_queue_free(queue);
}

static void queue_is_bounded(void **state)
{
    (void)state;
    struct observe_queue *queue = NULL;
    static struct probe_result taken[LIMITS_PROBES];
    assert_int_equal(observe_queue_new(NULL, NULL, &queue), ERR_OK);
    for (int i = 0; i < LIMITS_PROBES + 10; i++) {
        char name[LIMITS_NAME];
        snprintf(name, sizeof name, "check-%d", i);
        const struct probe_result result = result_of(name, "tokyo", i);
        observe_queue_push(queue, &result);
    }
    assert_int_equal(observe_queue_dropped(queue), 10);
    assert_int_equal(observe_queue_take(queue, taken, 1, 0), 1);
    assert_int_equal(taken[0].latency_us, 10);
    assert_int_equal(observe_queue_take(queue, taken, LIMITS_PROBES, 0), LIMITS_PROBES - 1);
    observe_queue_free(queue);
}

static void *pusher(void *queue)
{
    const struct probe_result result = result_of("a", "taiwan", 5);
    observe_queue_push(queue, &result);
    return NULL;
}

static void count_wakes(void *context)
{
    ++*(int *)context;
}

static void a_waiting_consumer_is_woken(void **state)
{
    (void)state;
    struct observe_queue *queue = NULL;
    struct probe_result taken[2];
    int wakes = 0;
    pthread_t thread;
    assert_int_equal(observe_queue_new(count_wakes, &wakes, &queue), ERR_OK);
    assert_int_equal(pthread_create(&thread, NULL, pusher, queue), 0);
    assert_int_equal(observe_queue_take(queue, taken, 2, 30000), 1);
    pthread_join(thread, NULL);
    assert_int_equal(wakes, 1);
    observe_queue_free(queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_result_to_the_byte),
        cmocka_unit_test(round_trip),
        cmocka_unit_test(beats_travel_with_the_batch),
        cmocka_unit_test(an_urged_queue_gives_what_it_has),
        cmocka_unit_test(bad_bodies_are_refused),
        cmocka_unit_test(newest_result_wins),
        cmocka_unit_test(queue_is_bounded),
        cmocka_unit_test(a_waiting_consumer_is_woken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
