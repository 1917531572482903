/* SPDX-License-Identifier: Apache-2.0
 * What a dry run predicts: recovery time from lease, margin and measured steps; loss from the durability set and lag;
 * the list of what would change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "web/web_state.h"

static struct engine *engine;

/* taiwan-a writes under epoch 3; tokyo-a stands by and acknowledges. */
static int setup(void **state)
{
    (void)state;
    engine = calloc(1, sizeof *engine);
    struct model *model = &engine->model;
    model->regions_count = 2;
    model->databases_count = 1;
    model->nodes_count = 2;
    text_copy(model->regions[0].name, LIMITS_NAME, "taiwan");
    text_copy(model->regions[1].name, LIMITS_NAME, "tokyo");
    text_copy(model->databases[0].name, LIMITS_NAME, "shop");
    text_copy(model->nodes[0].name, LIMITS_NAME, "taiwan-a");
    text_copy(model->nodes[1].name, LIMITS_NAME, "tokyo-a");
    model->nodes[1].region = 1;
    model->databases[0].lease_ms = 3000;
    model->databases[0].margin_ms = 500;
    model->databases[0].tier1 = true;
    model->databases[0].max_lag_ms = 10000;
    engine->now = (struct mono){1000000000};
    engine->durable.databases[0] =
        (struct durable_database){.epoch = 3, .writer = 0, .routed = 0, .members = 2, .required = 1};
    for (uint32_t node = 0; node < 2; node++) {
        engine->nodes[node] = (struct engine_node){.any = true, .alive = true, .at = engine->now};
        engine->nodes[node].report = (struct event_node){.node = node,
                                                         .running = true,
                                                         .epoch = 3,
                                                         .timeline = 1,
                                                         .system_id = 7,
                                                         .checksums = true,
                                                         .written = {5000},
                                                         .received = {4000},
                                                         .replayed = {4000},
                                                         .receiving = node == 1,
                                                         .role = node == 0 ? VIEW_NODE_WRITER : VIEW_NODE_STANDBY,
                                                         .lag_ms = node == 0 ? UINT32_MAX : 250};
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(engine);
    return 0;
}

static struct durable_run *begin(enum plan_kind kind)
{
    struct durable_run *run = &engine->durable.run;
    const struct plan *plan = plan_of(kind);
    *run = (struct durable_run){.id = 9,
                                .plan = kind,
                                .state = DURABLE_RUN_RUNNING,
                                .source = 0,
                                .target = 1,
                                .moves_count = 1,
                                .factor_before = DURABLE_WHOLE};
    run->moves[0] = (struct durable_move){.database = 0, .source = 0, .target = LIMITS_NONE};
    for (uint32_t i = 0; i < plan->count; i++) {
        run->steps[run->steps_count++].step = plan->steps[i];
    }
    return run;
}

static void test_rto_of_a_silent_writer(void **state)
{
    (void)state;
    const struct durable_run *run = begin(PLAN_FAILOVER);
    const int64_t answering = web_predict_rto_ms(engine, run);
    engine->nodes[0].alive = false;
    assert_int_equal(web_predict_step_ms(engine, run, PLAN_FENCE), 3500); /* lease and margin */
    assert_true(web_predict_rto_ms(engine, run) > answering);
    assert_int_equal(web_predict_step_ms(engine, run, PLAN_APPROVAL), -1);
}

static void test_rto_from_the_last_similar_run(void **state)
{
    (void)state;
    const struct durable_run *run = begin(PLAN_FAILOVER);
    struct durable_run *past = &engine->durable.past[1];
    *past = *run;
    past->id = 4;
    past->state = DURABLE_RUN_SUCCEEDED;
    for (uint32_t i = 0; i < past->steps_count; i++) {
        past->steps[i].state = DURABLE_STEP_DONE;
        past->steps[i].started_us = 1000;
        past->steps[i].ended_us = 41000; /* 40 ms each */
    }
    engine->nodes[0].alive = false;
    assert_ptr_equal(web_predict_similar(engine, run), past);
    /* EVIDENCE VALIDATE PROMOTE PROVE and three routes at 40 ms, the fence from lease and margin; not the approval,
     * nor what comes after the last route. */
    assert_int_equal(web_predict_rto_ms(engine, run), 3500 + 7 * 40);
    past->state = DURABLE_RUN_COMPENSATED;
    assert_null(web_predict_similar(engine, run));
    past->state = DURABLE_RUN_SUCCEEDED;
    past->plan = PLAN_SWITCHOVER;
    assert_null(web_predict_similar(engine, run));
}

static void test_rto_of_a_switchover_is_the_hold(void **state)
{
    (void)state;
    const struct durable_run *run = begin(PLAN_SWITCHOVER);
    int64_t expected = 0;
    static const enum plan_step held[] = {PLAN_HOLD,    PLAN_STOP,  PLAN_CATCH_UP,
                                          PLAN_PROMOTE, PLAN_PROVE, PLAN_ROUTE_SQL};
    for (size_t i = 0; i < sizeof held / sizeof held[0]; i++) {
        expected += web_predict_step_ms(engine, run, held[i]);
    }
    assert_int_equal(web_predict_rto_ms(engine, run), expected);
}

static const char *loss_text(const json_t *loss)
{
    return json_string_value(json_object_get(json_array_get(loss, 0), "text"));
}

static void test_loss(void **state)
{
    (void)state;
    struct durable_run *run = begin(PLAN_FAILOVER);
    json_t *loss = web_predict_loss(engine, run);
    assert_non_null(
        strstr(loss_text(loss), "tier-1 none: tokyo-a holds every acknowledged commit; behind by 1000 bytes"));
    assert_int_equal(json_integer_value(json_object_get(json_array_get(loss, 0), "tier1_bytes")), 0);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(loss, 0), "bytes")), 1000);
    json_decref(loss);
    engine->durable.databases[0].members = 0; /* nobody acknowledges: only with a person's word */
    engine->durable.databases[0].required = 0;
    loss = web_predict_loss(engine, run);
    assert_true(json_is_null(json_object_get(json_array_get(loss, 0), "bytes")));
    json_decref(loss);
    run->accept_loss = true;
    loss = web_predict_loss(engine, run);
    assert_non_null(strstr(loss_text(loss), "up to 1000 bytes"));
    assert_non_null(strstr(loss_text(loss), "TIER-1 INCLUDED"));
    assert_int_equal(json_integer_value(json_object_get(json_array_get(loss, 0), "tier1_bytes")), 1000);
    json_decref(loss);
    loss = web_predict_loss(engine, begin(PLAN_SWITCHOVER));
    assert_non_null(strstr(loss_text(loss), "none: "));
    json_decref(loss);
}

static bool mentions(const json_t *list, const char *text)
{
    size_t index = 0;
    const json_t *line = NULL;
    json_array_foreach(list, index, line)
    {
        if (strstr(json_string_value(line), text) != NULL) {
            return true;
        }
    }
    return false;
}

static void test_mutations(void **state)
{
    (void)state;
    json_t *list = web_mutation_list(engine, begin(PLAN_FAILOVER));
    assert_true(mentions(list, "fence: lease of shop is revoked from taiwan-a in favour of tokyo-a, epoch 4"));
    assert_true(mentions(list, "promote: tokyo-a becomes the writer of shop under epoch 4 (cannot be undone)"));
    assert_true(mentions(list, "route-dns: DNS and load balancers: taiwan carries 0% of its own clients, was 100%"));
    assert_false(mentions(list, "checkpoint"));
    json_decref(list);
    list = web_mutation_list(engine, begin(PLAN_SWITCHOVER));
    assert_true(mentions(list, "stop: PostgreSQL of taiwan-a is stopped cleanly"));
    assert_true(mentions(list, "shift-25: DNS and load balancers: taiwan carries 75% of its own clients, was 100%"));
    assert_true(mentions(list, "shift-all: DNS and load balancers: taiwan carries 0% of its own clients, was 25%"));
    assert_false(mentions(list, "fence"));
    json_decref(list);
}

static void test_run_says_what_abort_would_do(void **state)
{
    (void)state;
    struct durable_run *run = begin(PLAN_FAILOVER);
    json_t *json = web_render_run(engine, run);
    assert_string_equal(json_string_value(json_object_get(json, "abort")), "ends the run; nothing was changed so far");
    json_decref(json);
    run->steps[3].state = DURABLE_STEP_RUNNING; /* FENCE */
    json = web_render_run(engine, run);
    assert_string_equal(json_string_value(json_object_get(json, "abort")),
                        "undoes FENCE; the source goes on as before");
    json_decref(json);
    run->moves[0].promote_sent = true;
    json = web_render_run(engine, run);
    assert_string_equal(json_string_value(json_object_get(json, "abort")), "is refused: the promotion was ordered");
    assert_true(json_is_true(json_object_get(json_array_get(json_object_get(json, "steps"), 4), "irreversible")));
    json_decref(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_rto_of_a_silent_writer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rto_from_the_last_similar_run, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rto_of_a_switchover_is_the_hold, setup, teardown),
        cmocka_unit_test_setup_teardown(test_loss, setup, teardown),
        cmocka_unit_test_setup_teardown(test_mutations, setup, teardown),
        cmocka_unit_test_setup_teardown(test_run_says_what_abort_would_do, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
