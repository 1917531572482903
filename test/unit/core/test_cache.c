/* SPDX-License-Identifier: Apache-2.0
 * Caches with one writer: servers that obey or do not, primaries that are lost, come back, and move with a region. */
#include "base/hash.h"
#include "core/cache.h"
#include "engine_world.h"

enum { HERE, THERE, SECOND, SERVERS }; /* in taiwan, in tokyo, and one more in tokyo */

/* The servers as they are. */
static struct server {
    bool dead;
    bool primary;
    bool unlinked; /* its stream is down */
    bool loading;
    bool mute;  /* obeys, but the answer is lost */
    bool deaf;  /* does not obey */
    bool quiet; /* holds writes */
    uint32_t upstream;
    uint64_t offset;
    uint64_t epoch; /* of the order by which it is the primary */
} servers[SERVERS];
static uint64_t opened[SERVERS + 1]; /* epoch under which the view last named it */
static uint32_t orders;

static uint32_t region_of(uint32_t server)
{
    return server == HERE ? TAIWAN : TOKYO;
}

static const struct view_service *shown(void)
{
    return &engine_view(&world->engine)->services[0];
}

/* What must hold whenever clients could look. */
static void holds(void)
{
    const struct view_service *service = shown();
    if (service->primary == LIMITS_NONE) {
        return;
    }
    assert_true(service->primary < SERVERS);
    /* It has taken the order of this epoch, and nobody else was ever named under it. */
    assert_int_equal(servers[service->primary].epoch, service->epoch);
    for (uint32_t i = 0; i < SERVERS; i++) {
        assert_true(i == service->primary || opened[i] != service->epoch);
    }
    opened[service->primary] = service->epoch;
}

static void obey(const struct action *action, struct event_result *result)
{
    struct server *server = &servers[action->target];
    orders++;
    result->ok = !server->dead && !server->deaf && !world->dead[region_of(action->target)];
    result->error = result->ok ? ERR_OK : ERR_TIMEOUT;
    /* What is ordered was stored before: the record names the primary, and is closed while it changes. */
    const struct durable_cache *record = &world->engine.durable.caches[0];
    assert_int_equal(action->epoch, record->epoch);
    if (!result->ok) {
        return;
    }
    if (action->kind == ACTION_CACHE_PROMOTE && action->other != LIMITS_NONE &&
        (servers[action->other].dead || server->offset < servers[action->other].offset)) {
        result->ok = false;
        result->error = ERR_LAG;
    } else if (action->kind == ACTION_CACHE_PROMOTE) {
        server->primary = true;
        server->epoch = action->epoch;
        server->quiet = false;
    } else if (action->kind == ACTION_CACHE_FOLLOW) {
        server->primary = false;
        server->epoch = 0;
        server->upstream = action->other;
        server->offset = servers[action->other].offset;
    } else {
        server->quiet = true;
        result->ok = servers[action->other].offset == server->offset;
    }
    if (server->mute) {
        server->mute = false;
        result->ok = false;
        result->error = ERR_TIMEOUT;
    }
}

static void run_for(uint32_t ms)
{
    for (uint32_t at = 0; at < ms; at += 250) {
        pass(250);
        holds();
        for (uint32_t i = 0; i < SERVERS; i++) {
            const struct server *server = &servers[i];
            if (server->dead || world->dead[region_of(i)]) {
                continue;
            }
            struct event event = {.kind = EVENT_CACHE};
            event.cache = (struct event_cache){.target = i,
                                               .primary = server->primary,
                                               .linked = !server->primary && !server->unlinked &&
                                                         server->upstream < SERVERS && !servers[server->upstream].dead,
                                               .loading = server->loading,
                                               .upstream = server->primary ? LIMITS_NONE : server->upstream,
                                               .offset = server->offset};
            feed(&event);
            holds();
        }
    }
}

static int setup(void **state)
{
    world_setup(state);
    struct model *model = &world->engine.model;
    model->services_count = 1;
    model->targets_count = SERVERS;
    text_copy(model->services[0].name, LIMITS_NAME, "cache");
    model->services[0].check = model_check_find(model, "redis-cluster");
    model->services[0].single = true;
    model->services[0].initial = HERE;
    memset(servers, 0, sizeof servers);
    memset(opened, 0, sizeof opened);
    for (uint32_t i = 0; i < SERVERS; i++) {
        model->targets[i] = (struct view_target){
            .address = {.bytes = {127, 9, 0, (uint8_t)(i + 1)}, .port = 6379, .family = 4}, .region = region_of(i)};
        servers[i] = (struct server){.primary = i == HERE, .upstream = HERE, .offset = 1000};
    }
    text_copy(world->engine.durable.caches[0].name, LIMITS_NAME, "cache");
    world->cache = obey;
    world->engine.view_dirty = true;
    run_for(2000);
    return 0;
}

static void assert_primary(uint32_t server, uint64_t epoch)
{
    assert_int_equal(shown()->single, 1);
    assert_int_equal(shown()->primary, server);
    assert_int_equal(shown()->epoch, epoch);
    for (uint32_t i = 0; i < SERVERS; i++) {
        if (!servers[i].dead && !world->dead[region_of(i)]) {
            assert_int_equal(servers[i].primary, i == server);
            assert_true(i == server || servers[i].upstream == server);
        }
    }
}

static void lose_here(void)
{
    servers[HERE].dead = true;
    world->cacheless[TAIWAN] = true;
}

static void return_here(void)
{
    servers[HERE].dead = false;
    world->cacheless[TAIWAN] = false;
}

static void the_configured_one_is_first(void **state)
{
    (void)state;
    assert_primary(HERE, 1);
    const uint32_t before = orders;
    run_for(20000);
    assert_int_equal(orders, before); /* nothing is said again and again */
}

static void a_lost_primary_is_replaced_by_the_most_advanced(void **state)
{
    (void)state;
    servers[SECOND].offset = 1200;
    lose_here();
    run_for(6000);
    assert_primary(SECOND, 2);
    /* The old one returns, as the primary that it believes to be: it is turned, nobody was sent there. */
    return_here();
    run_for(3000);
    assert_primary(SECOND, 2);
}

static void without_a_follower_nothing_changes(void **state)
{
    (void)state;
    servers[THERE].dead = true;
    servers[SECOND].loading = true;
    run_for(2000);
    lose_here();
    run_for(10000);
    assert_int_equal(shown()->primary, HERE);
    assert_int_equal(shown()->epoch, 1);
    servers[SECOND].loading = false;
    run_for(1000);
    assert_int_equal(shown()->primary, SECOND);
}

static void nothing_moves_while_automation_is_paused(void **state)
{
    (void)state;
    world->engine.durable.paused = true;
    lose_here();
    run_for(10000);
    assert_int_equal(shown()->epoch, 1);
    world->engine.durable.paused = false;
    run_for(2000);
    assert_int_equal(shown()->epoch, 2);
}

static void an_order_whose_answer_is_lost_is_given_again(void **state)
{
    (void)state;
    servers[THERE].mute = servers[SECOND].mute = true;
    lose_here();
    run_for(6000);
    assert_int_equal(shown()->epoch, 2);
    assert_int_not_equal(shown()->primary, HERE);
}

/* The chosen one is lost before it obeyed: the other one, under an epoch of its own. */
static void a_candidate_that_dies_is_replaced(void **state)
{
    (void)state;
    servers[SECOND].offset = 1200;
    servers[SECOND].deaf = true;
    lose_here();
    run_for(4000);
    assert_int_equal(shown()->primary, LIMITS_NONE); /* clients wait */
    assert_int_equal(shown()->epoch, 2);
    world->cacheless[TOKYO] = true;
    return_here();
    run_for(6000);
    /* The old primary says that it is one, so it follows nobody, and nobody else is left. */
    assert_int_equal(shown()->primary, LIMITS_NONE);
    world->cacheless[TOKYO] = false;
    run_for(3000); /* its check must have passed again */
    servers[SECOND].deaf = false;
    run_for(6000);
    assert_primary(SECOND, 2);
}

/* The controller ends and starts, with what is stored. */
static void restart(void)
{
    struct model *model = malloc(sizeof *model);
    struct durable *durable = malloc(sizeof *durable);
    assert_true(model != NULL && durable != NULL);
    *model = world->engine.model;
    struct durable *stored = &world->engine.durable;
    durable_seal(stored);
    assert_true(durable_read(stored, sizeof *stored, durable));
    engine_init(&world->engine, model, durable, world->now, (struct wall){world->now.us});
    free(durable);
    free(model);
}

static void a_controller_that_starts_in_between_goes_on(void **state)
{
    (void)state;
    servers[SECOND].offset = 1200;
    servers[SECOND].deaf = true;
    lose_here();
    run_for(4000);
    assert_int_equal(shown()->primary, LIMITS_NONE);
    restart();
    servers[SECOND].deaf = false;
    run_for(2000);
    assert_int_equal(shown()->primary, SECOND);
    assert_int_equal(shown()->epoch, 2);
}

static void a_server_that_somebody_turned_is_turned_back(void **state)
{
    (void)state;
    servers[HERE].primary = false;
    servers[HERE].upstream = THERE;
    servers[THERE].primary = true;
    run_for(4000);
    assert_primary(HERE, 1);
}

/* A region that is moved takes the primary with it, without a loss. */
static void it_follows_a_switchover(void **state)
{
    (void)state;
    servers[THERE].offset = servers[SECOND].offset = 900; /* they cannot catch up */
    command(EVENT_COMMAND_SWITCHOVER, TAIWAN, TOKYO, 0);
    assert_int_equal(world->output.replies[0].error, ERR_OK);
    run_for(20000);
    assert_int_equal(last_run()->state, DURABLE_RUN_SUCCEEDED);
    assert_int_equal(shown()->primary, HERE);
    assert_true(servers[HERE].quiet); /* it was tried, and given up */
    servers[THERE].offset = servers[SECOND].offset = 1000;
    run_for(31000);
    assert_primary(THERE, 2);
    /* Once: what happens later is another story. */
    servers[THERE].dead = servers[SECOND].dead = true;
    world->cacheless[TOKYO] = true;
    run_for(8000);
    assert_int_equal(shown()->primary, HERE);
    servers[THERE].dead = servers[SECOND].dead = false;
    world->cacheless[TOKYO] = false;
    run_for(40000);
    assert_primary(HERE, 3);
}

static void a_lost_region_comes_home_with_its_cache(void **state)
{
    (void)state;
    world->dead[TAIWAN] = true;
    run_for(20000);
    assert_int_equal(last_run()->plan, PLAN_FAILOVER);
    assert_int_equal(shown()->primary, THERE);
    world->dead[TAIWAN] = false;
    run_for(20000);
    assert_primary(THERE, 2);
    command(EVENT_COMMAND_FAILBACK, LIMITS_NONE, LIMITS_NONE, 0);
    const uint64_t run = world->output.replies[0].run;
    run_for(1000);
    command(EVENT_COMMAND_APPROVE, LIMITS_NONE, LIMITS_NONE, run);
    run_for(40000);
    assert_int_equal(last_run()->plan, PLAN_FAILBACK);
    assert_int_equal(last_run()->state, DURABLE_RUN_SUCCEEDED);
    assert_primary(HERE, 3);
}

static const struct engine_reply *order_to(uint32_t region)
{
    command(EVENT_COMMAND_CACHE, LIMITS_NONE, region, 0);
    assert_int_equal(world->output.replies_count, 1);
    return &world->output.replies[0];
}

static void assert_refused(uint32_t region, enum err error, const char *words)
{
    const struct engine_reply *reply = order_to(region);
    assert_int_equal(reply->error, error);
    assert_non_null(strstr(reply->text, words));
    assert_false(world->engine.caches[0].moving);
}

static void an_operator_moves_it(void **state)
{
    (void)state;
    servers[SECOND].offset = servers[THERE].offset = 1000;
    assert_int_equal(order_to(TOKYO)->error, ERR_OK);
    assert_int_equal(world->output.replies[0].run, 2);
    assert_int_equal(order_to(TOKYO)->run, 0); /* it is on its way */
    run_for(4000);
    assert_primary(THERE, 2);
    assert_true(servers[HERE].quiet);
    assert_int_equal(order_to(TOKYO)->error, ERR_OK);
    assert_int_equal(world->output.replies[0].run, 0); /* it is there */
    run_for(60000);
    assert_primary(THERE, 2);
    servers[HERE].quiet = false;
    assert_int_equal(order_to(TAIWAN)->run, 3);
    run_for(4000);
    assert_primary(HERE, 3);
}

/* Everything by which a move would lose something is said before anybody waits for it. */
static void an_order_that_cannot_be_kept_is_refused(void **state)
{
    (void)state;
    assert_refused(2, ERR_INVALID, "no such region");
    servers[SECOND].dead = true;
    servers[THERE].unlinked = true;
    run_for(3000);
    assert_refused(TOKYO, ERR_UNAVAILABLE, "does not answer"); /* the last server of the region is asked last */
    servers[SECOND].dead = false;
    servers[SECOND].unlinked = true;
    run_for(3000);
    assert_refused(TOKYO, ERR_UNAVAILABLE, "cut off");
    servers[SECOND].unlinked = false;
    servers[SECOND].loading = true;
    run_for(3000);
    assert_refused(TOKYO, ERR_UNAVAILABLE, "loads its data");
    servers[SECOND].loading = false;
    world->cacheless[TOKYO] = true;
    run_for(6000);
    assert_refused(TOKYO, ERR_UNAVAILABLE, "check has failed");
    world->cacheless[TOKYO] = false;
    run_for(6000);
    servers[HERE].dead = true;
    run_for(2000);
    assert_refused(TOKYO, ERR_UNAVAILABLE, "primary does not answer");
    assert_int_equal(shown()->epoch, 1);
    world->engine.model.services[0].single = false;
    assert_refused(TOKYO, ERR_INVALID, "kind redis");
}

static void a_replica_that_does_not_catch_up_leaves_the_primary_where_it_is(void **state)
{
    (void)state;
    servers[THERE].offset = servers[SECOND].offset = 900;
    assert_int_equal(order_to(TOKYO)->error, ERR_OK);
    run_for(8000);
    assert_true(servers[HERE].quiet); /* it was tried */
    assert_false(world->engine.caches[0].moving);
    assert_primary(HERE, 1);
    servers[THERE].offset = servers[SECOND].offset = 1000;
    run_for(40000);
    assert_primary(HERE, 1); /* an order is obeyed once */
    /* A server that does not obey holds it up: it is waited for, not for ever. */
    servers[SECOND].deaf = true;
    servers[SECOND].primary = true;
    run_for(3000);
    assert_int_equal(order_to(TOKYO)->error, ERR_OK);
    run_for(5000);
    assert_true(world->engine.caches[0].moving);
    run_for(10000);
    assert_false(world->engine.caches[0].moving);
    servers[SECOND].deaf = false;
    run_for(10000);
    assert_primary(HERE, 1);
}

/* The run moved the region, and its cache could not follow: the operator's word is the newer one. */
static void an_order_counts_more_than_the_last_run(void **state)
{
    (void)state;
    servers[THERE].offset = servers[SECOND].offset = 900;
    command(EVENT_COMMAND_SWITCHOVER, TAIWAN, TOKYO, 0);
    assert_refused(TOKYO, ERR_CONFLICT, "in progress");
    run_for(20000);
    assert_primary(HERE, 1);
    servers[THERE].offset = servers[SECOND].offset = 1000;
    assert_int_equal(order_to(TOKYO)->error, ERR_OK);
    run_for(4000);
    assert_primary(THERE, 2);
    assert_int_equal(order_to(TAIWAN)->error, ERR_OK);
    run_for(60000);
    assert_primary(HERE, 3);
}

/* Named, stored, and the controller dies; meanwhile the pause runs out, and clients of a late relay go on writing. */
static void a_planned_change_that_was_interrupted_loses_nothing(void **state)
{
    (void)state;
    servers[THERE].deaf = servers[SECOND].deaf = true;
    assert_int_equal(order_to(TOKYO)->error, ERR_OK);
    run_for(500);
    assert_int_equal(shown()->primary, LIMITS_NONE);
    restart();
    servers[HERE].quiet = false;
    servers[HERE].offset = 1100; /* the replicas get it a second later */
    run_for(1000);
    servers[THERE].deaf = servers[SECOND].deaf = false;
    assert_int_equal(shown()->primary, LIMITS_NONE);
    servers[THERE].offset = servers[SECOND].offset = 1100;
    run_for(3000);
    assert_primary(THERE, 2);
    assert_true(servers[HERE].quiet); /* it was asked once more */
}

/* Nobody was sent to the next one: naming the one before again loses nothing. */
static void a_successor_that_does_not_obey_is_passed_over(void **state)
{
    (void)state;
    servers[THERE].deaf = servers[SECOND].deaf = true;
    assert_int_equal(order_to(TOKYO)->error, ERR_OK);
    run_for(10000);
    assert_primary(HERE, 3);
    assert_false(servers[HERE].quiet);
    /* It has obeyed, and was lost with what it had: a controller that starts does not take it for the primary. */
    servers[THERE].deaf = servers[SECOND].deaf = true;
    assert_int_equal(order_to(TOKYO)->error, ERR_OK);
    run_for(250);
    assert_int_equal(shown()->primary, LIMITS_NONE);
    servers[THERE].primary = true;
    servers[THERE].offset = 0;
    servers[THERE].deaf = servers[SECOND].deaf = false;
    restart();
    run_for(10000);
    assert_primary(HERE, 5);
}

/* The order to take over is on its way when its server starts anew: found by the simulator, seed 7301. */
static void a_successor_that_starts_anew_is_passed_over(void **state)
{
    (void)state;
    servers[THERE].deaf = servers[SECOND].deaf = true;
    assert_int_equal(order_to(TOKYO)->error, ERR_OK);
    run_for(1000);
    assert_true(servers[HERE].quiet); /* it holds its writes for the next one */
    servers[THERE].primary = true;
    servers[THERE].offset = 0;
    servers[THERE].deaf = servers[SECOND].deaf = false;
    run_for(10000);
    assert_primary(HERE, 3);
    assert_int_equal(servers[HERE].offset, 1000);
}

static void a_planned_change_goes_on_without_the_one_before(void **state)
{
    (void)state;
    servers[THERE].deaf = servers[SECOND].deaf = true;
    assert_int_equal(order_to(TOKYO)->error, ERR_OK);
    run_for(250);
    servers[HERE].dead = true;
    servers[THERE].deaf = servers[SECOND].deaf = false;
    run_for(6000);
    assert_int_equal(shown()->primary, THERE);
    assert_int_equal(shown()->epoch, 2);
}

/* A record of the format before caches. */
static void an_older_record_is_read(void **state)
{
    (void)state;
    struct durable *stored = &world->engine.durable;
    struct durable *read = malloc(sizeof *read);
    assert_non_null(read);
    durable_seal(stored);
    assert_false(durable_read(stored, sizeof *stored - 1, read));
    const size_t end = offsetof(struct durable, caches);
    assert_false(durable_read(stored, end, read)); /* it says that it is longer */
    struct durable first = *stored;
    first.format = 1;
    first.size = (uint32_t)end;
    const size_t start = offsetof(struct durable, sequence);
    first.checksum = hash_bytes((const char *)&first + start, end - start);
    assert_true(durable_read(&first, end, read));
    assert_int_equal(read->view_version, stored->view_version);
    assert_int_equal(read->databases[0].epoch, stored->databases[0].epoch);
    assert_false(read->caches[0].known);
    first.sequence++;
    assert_false(durable_read(&first, end, read));
    free(read);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_configured_one_is_first, setup, world_teardown),
        cmocka_unit_test_setup_teardown(a_lost_primary_is_replaced_by_the_most_advanced, setup, world_teardown),
        cmocka_unit_test_setup_teardown(without_a_follower_nothing_changes, setup, world_teardown),
        cmocka_unit_test_setup_teardown(nothing_moves_while_automation_is_paused, setup, world_teardown),
        cmocka_unit_test_setup_teardown(an_order_whose_answer_is_lost_is_given_again, setup, world_teardown),
        cmocka_unit_test_setup_teardown(a_candidate_that_dies_is_replaced, setup, world_teardown),
        cmocka_unit_test_setup_teardown(a_controller_that_starts_in_between_goes_on, setup, world_teardown),
        cmocka_unit_test_setup_teardown(a_server_that_somebody_turned_is_turned_back, setup, world_teardown),
        cmocka_unit_test_setup_teardown(it_follows_a_switchover, setup, world_teardown),
        cmocka_unit_test_setup_teardown(a_lost_region_comes_home_with_its_cache, setup, world_teardown),
        cmocka_unit_test_setup_teardown(an_operator_moves_it, setup, world_teardown),
        cmocka_unit_test_setup_teardown(an_order_that_cannot_be_kept_is_refused, setup, world_teardown),
        cmocka_unit_test_setup_teardown(a_replica_that_does_not_catch_up_leaves_the_primary_where_it_is, setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(an_order_counts_more_than_the_last_run, setup, world_teardown),
        cmocka_unit_test_setup_teardown(a_planned_change_that_was_interrupted_loses_nothing, setup, world_teardown),
        cmocka_unit_test_setup_teardown(a_successor_that_does_not_obey_is_passed_over, setup, world_teardown),
        cmocka_unit_test_setup_teardown(a_successor_that_starts_anew_is_passed_over, setup, world_teardown),
        cmocka_unit_test_setup_teardown(a_planned_change_goes_on_without_the_one_before, setup, world_teardown),
        cmocka_unit_test_setup_teardown(an_older_record_is_read, setup, world_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
