/* SPDX-License-Identifier: Apache-2.0
 * A run as JSON, as every answer shows it. */
#include "core/plan.h"
#include "core/run.h"
#include "web/web_state.h"

enum { WEB_RENDER_ABORT = 256 };

const char *web_render_region(const struct engine *engine, uint32_t region)
{
    return region < engine->model.regions_count ? engine->model.regions[region].name : "";
}

const char *web_render_node(const struct engine *engine, uint32_t node)
{
    return node < engine->model.nodes_count ? engine->model.nodes[node].name : "";
}

const char *web_render_kind(enum plan_kind plan)
{
    static const char *const kinds[PLAN_COUNT] = {"failover", "failover", "switchover",
                                                  "failback", "failback", "switchover"};
    return kinds[plan];
}

static json_t *web_render_step(const struct durable_step *step)
{
    const struct plan_step_row *row = plan_step_of(step->step);
    const bool ended = step->ended_us > 0 && step->state != DURABLE_STEP_RUNNING;
    json_t *json =
        json_pack("{s:s,s:s,s:s,s:s,s:s?,s:I,s:I,s:I}", "name", row->name, "what", row->what, "state",
                  run_step_state_name(step->state), "detail", step->detail, "error",
                  step->error == ERR_OK ? NULL : err_name(step->error), "started_boot_us", (json_int_t)step->started_us,
                  "ended_boot_us", (json_int_t)(ended ? step->ended_us : step->started_us), "started_ms",
                  (json_int_t)(step->started_wall_us / 1000));
    json_object_set_new(json, "ms", json_integer(ended ? (step->ended_us - step->started_us) / 1000 : 0));
    json_object_set_new(json, "deadline_ms", json_integer(row->deadline_ms));
    json_object_set_new(json, "undo", json_boolean(row->undo));
    json_object_set_new(json, "irreversible", json_boolean(step->step == PLAN_PROMOTE));
    return json;
}

static json_t *web_render_move(const struct engine *engine, const struct durable_move *move)
{
    char source_end[LSN_TEXT];
    char target_end[LSN_TEXT];
    lsn_print(move->source_end, source_end);
    lsn_print(move->target_end, target_end);
    return json_pack("{s:s,s:s,s:s,s:I,s:b,s:s,s:s}", "database",
                     move->database < engine->model.databases_count ? engine->model.databases[move->database].name : "",
                     "source", web_render_node(engine, move->source), "target", web_render_node(engine, move->target),
                     "epoch", (json_int_t)move->epoch, "promoted", move->promoted, "source_end", source_end,
                     "target_end", target_end);
}

static bool web_render_ended(const struct durable_run *run)
{
    return run->state >= DURABLE_RUN_SUCCEEDED;
}

/* What `abort` would do now; the same condition as the engine's (core/run_command.c). */
static json_t *web_render_abort(const struct durable_run *run)
{
    char text[WEB_RENDER_ABORT];
    struct buf buf;
    bool any = false;
    buf_init(&buf, text, sizeof text);
    for (uint32_t i = 0; i < run->moves_count; i++) {
        if ((run->moves[i].promote_sent || run->moves[i].promoted) && run->state != DURABLE_RUN_WAITING) {
            return json_string("is refused: the promotion was ordered");
        }
    }
    for (uint32_t i = run->steps_count; i > 0; i--) {
        const struct plan_step_row *row = plan_step_of(run->steps[i - 1].step);
        const bool begun =
            run->steps[i - 1].state == DURABLE_STEP_DONE || run->steps[i - 1].state == DURABLE_STEP_RUNNING;
        if (row->undo && begun) {
            buf_printf(&buf, "%s%s", any ? ", " : "undoes ", row->name);
            any = true;
        }
    }
    buf_text(&buf, any ? "; the source goes on as before" : "ends the run; nothing was changed so far");
    return json_string(buf_string(&buf));
}

static bool web_render_ungraceful(const struct durable_run *run)
{
    return !plan_graceful(run->plan);
}

static void web_render_times(const struct engine *engine, const struct durable_run *run, json_t *json)
{
    const bool ended = web_render_ended(run);
    const int64_t rto_ms = web_render_ungraceful(run) ? durable_run_rto_ms(run) : -1;
    json_object_set_new(json, "evidence_boot_us", json_integer(run->evidence_us));
    json_object_set_new(json, "began_boot_us", json_integer(run->began_us));
    json_object_set_new(json, "now_boot_us", json_integer(engine->now.us));
    json_object_set_new(json, "began_ms", json_integer(run->began_wall_us / 1000));
    json_object_set_new(json, "ended_ms", json_integer(run->ended_wall_us / 1000));
    json_object_set_new(json, "duration_ms",
                        json_integer(ended ? run->duration_ms : (engine->now.us - run->began_us) / TIME_US_PER_MS));
    json_object_set_new(json, "detect_ms",
                        run->evidence_us > 0 ? json_integer((run->began_us - run->evidence_us) / TIME_US_PER_MS)
                                             : json_null());
    json_object_set_new(json, "rto_ms", rto_ms >= 0 ? json_integer(rto_ms) : json_null());
    json_object_set_new(json, "abort", ended ? json_null() : web_render_abort(run));
}

json_t *web_render_run(const struct engine *engine, const struct durable_run *run)
{
    json_t *steps = json_array();
    json_t *moves = json_array();
    for (uint32_t i = 0; i < run->steps_count; i++) {
        json_array_append_new(steps, web_render_step(&run->steps[i]));
    }
    for (uint32_t i = 0; i < run->moves_count; i++) {
        json_array_append_new(moves, web_render_move(engine, &run->moves[i]));
    }
    json_t *json =
        json_pack("{s:I,s:s,s:s,s:s,s:s,s:s,s:b,s:s,s:s,s:i,s:s,s:o,s:o}", "id", (json_int_t)run->id, "kind",
                  web_render_kind(run->plan), "plan", plan_of(run->plan)->name, "state", run_state_name(run->state),
                  "source", web_render_region(engine, run->source), "target", web_render_region(engine, run->target),
                  "automatic", (int)run->automatic, "reason", run->text, "who", run->who, "rule", (int)run->rule,
                  "problem", run->problem, "steps", steps, "databases", moves);
    web_render_times(engine, run, json);
    return json;
}
