/* SPDX-License-Identifier: Apache-2.0
 * Operators. */
#include "sim/sim_people.h"

#include "base/text.h"
#include "sim/sim_control.h"
#include "sim/sim_desk.h"
#include "sim/sim_history.h"
#include "sim/sim_lead.h"
#include "sim/sim_queue.h"
#include "sim/sim_say.h"

enum {
    SIM_PEOPLE_TICK_US = 500 * SIM_MS,
    SIM_PEOPLE_PATIENCE_US = 45 * SIM_S,
    SIM_PEOPLE_LOST_US = 20 * SIM_S,
    SIM_PEOPLE_RANDOM_PPM = 30000,
    SIM_PEOPLE_CACHE_PPM = 40000,
};

static void sim_people_order(struct sim *sim, struct event_command command)
{
    static const char *const names[] = {"failover", "switchover", "failback", "approve", "abort",
                                        "pause",    "resume",     "reinit",   "restart", "service move"};
    struct event event = {.kind = EVENT_COMMAND};
    if (!sim_lead_find(sim) || !sim_desk_up(sim)) {
        return;
    }
    command.token = ++sim->token;
    text_copy(command.reason, sizeof command.reason, "simulated");
    text_copy(command.who, sizeof command.who, "operator");
    event.command = command;
    sim_control_step(sim, &event);
    const struct output *output = &sim->control->output;
    sim_say(sim, "operator: %s%s -> %s", names[command.kind], command.accept_loss ? " --accept-loss" : "",
            output->replies_count > 0 ? output->replies[0].text : "no answer");
}

static void sim_people_random(struct sim *sim)
{
    struct prng *dice = &sim->dice[SIM_DICE_PEOPLE];
    static const enum event_command_kind kinds[] = {
        EVENT_COMMAND_FAILOVER, EVENT_COMMAND_SWITCHOVER, EVENT_COMMAND_SWITCHOVER, EVENT_COMMAND_FAILBACK,
        EVENT_COMMAND_FAILBACK, EVENT_COMMAND_APPROVE,    EVENT_COMMAND_APPROVE,    EVENT_COMMAND_ABORT,
        EVENT_COMMAND_PAUSE,    EVENT_COMMAND_RESUME,     EVENT_COMMAND_RESUME};
    const struct durable_run *run = &sim->control->engine.durable.run;
    struct event_command command = {
        .kind = kinds[prng_below(dice, sizeof kinds / sizeof kinds[0])],
        .source = (uint32_t)prng_below(dice, sim->model.regions_count),
        .target = LIMITS_NONE,
        .run = run->id,
        .accept_loss = prng_chance(dice, 100000),
        .emergency = prng_chance(dice, 300000),
    };
    if (prng_chance(dice, 300000)) {
        command.target = (uint32_t)prng_below(dice, sim->model.regions_count);
    }
    if (command.kind == EVENT_COMMAND_FAILBACK) {
        command.source = LIMITS_NONE;
    }
    sim_people_order(sim, command);
}

static void sim_people_cache(struct sim *sim)
{
    if (sim->model.services_count > 0 && !sim->healing && prng_chance(&sim->cache_dice, SIM_PEOPLE_CACHE_PPM)) {
        const uint32_t service = (uint32_t)prng_below(&sim->cache_dice, sim->model.services_count);
        const uint32_t region = (uint32_t)prng_below(&sim->cache_dice, sim->model.regions_count);
        sim_people_order(sim,
                         (struct event_command){.kind = EVENT_COMMAND_CACHE, .service = service, .target = region});
    }
}

/* A database without a writer although nothing is broken any more: a person starts a failover, at last with loss. */
static void sim_people_rescue(struct sim *sim)
{
    const struct engine *engine = &sim->control->engine;
    for (uint32_t database = 0; database < sim->model.databases_count; database++) {
        const uint32_t writer = engine->durable.databases[database].writer;
        if (writer == LIMITS_NONE ||
            (engine->durable.databases[database].routed == writer && sim_history_writable(&sim->nodes[writer]))) {
            continue;
        }
        if (sim->lost_us == 0) {
            sim->lost_us = sim->now;
        }
        if (sim->now - sim->lost_us > SIM_PEOPLE_LOST_US) {
            sim->lost_us = sim->now;
            sim->result->helped++;
            sim_people_order(sim, (struct event_command){.kind = EVENT_COMMAND_FAILOVER,
                                                         .source = sim->model.nodes[writer].region,
                                                         .target = LIMITS_NONE,
                                                         .accept_loss = sim->result->helped > 1});
        }
        return;
    }
    sim->lost_us = 0;
}

static void sim_people_patient(struct sim *sim)
{
    const struct durable *durable = &sim->control->engine.durable;
    const struct durable_run *run = &durable->run;
    struct event_command command = {.source = LIMITS_NONE, .target = LIMITS_NONE, .run = run->id};
    if (durable->paused) {
        command.kind = EVENT_COMMAND_RESUME;
        sim_people_order(sim, command);
    }
    if (run->state == DURABLE_RUN_NONE) {
        sim->waiting_us = 0;
        sim_people_rescue(sim);
        return;
    }
    sim->lost_us = 0;
    if (run->state != DURABLE_RUN_WAITING) {
        sim->waiting_us = 0;
    } else if (run->steps[run->at].step == PLAN_APPROVAL && !run->approved) {
        command.kind = EVENT_COMMAND_APPROVE;
        sim_people_order(sim, command);
    } else if (sim->waiting_us == 0) {
        sim->waiting_us = sim->now;
    } else if (sim->now - sim->waiting_us > SIM_PEOPLE_PATIENCE_US) {
        sim->waiting_us = sim->now;
        command.kind = EVENT_COMMAND_ABORT;
        sim_people_order(sim, command);
    }
}

static void sim_people_script(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->script.orders_count; i++) {
        struct sim_order *order = &sim->script.orders[i];
        if (!order->done && order->at_us <= sim->now) {
            order->done = true;
            sim_people_order(sim, (struct event_command){.kind = (enum event_command_kind)order->command,
                                                         .source = order->source,
                                                         .target = order->target,
                                                         .run = sim->control->engine.durable.run.id,
                                                         .accept_loss = order->accept_loss,
                                                         .emergency = order->emergency});
        }
    }
}

void sim_people_event(struct sim *sim, const struct sim_event *event)
{
    sim_queue_at(sim, sim->now + SIM_PEOPLE_TICK_US, event);
    if (!sim_lead_find(sim) || !sim_desk_up(sim)) {
        return;
    }
    sim_people_script(sim);
    sim_people_cache(sim);
    if (sim->healing && sim->judged) {
        sim_people_patient(sim);
    } else if (!sim->healing && sim->people && prng_chance(&sim->dice[SIM_DICE_PEOPLE], SIM_PEOPLE_RANDOM_PPM)) {
        sim_people_random(sim);
    }
    sim->control = &sim->controls[sim->leader];
}
