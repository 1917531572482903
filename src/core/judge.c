/* SPDX-License-Identifier: Apache-2.0
 * Judging: from verdicts to a decision per region. */
#include "core/judge.h"

#include <string.h>

#include "base/assert.h"
#include "base/text.h"
#include "core/candidate.h"
#include "core/decide_rule.h"
#include "core/split.h"

enum {
    JUDGE_FLIP_WINDOW_MS = 600000, /* transitions_10m */
    JUDGE_CUT_MS = 1500,           /* the slowest observer is at most an interval behind the fastest */
    JUDGE_NS_PER_US = 1000,
};

void judge_init(struct engine *engine)
{
    static const struct decide_answer undecided = {.decision = DECIDE_MONITOR,
                                                   .reason = DECIDE_INSUFFICIENT_EVIDENCE,
                                                   .confidence = DECIDE_LOW,
                                                   .rule_reason = DECIDE_INSUFFICIENT_EVIDENCE};
    memset(engine->decisions, 0, sizeof engine->decisions);
    for (uint32_t region = 0; region < LIMITS_REGIONS; region++) {
        engine->decisions[region].answer = undecided;
    }
}

static enum decide_status judge_status(enum health_status status)
{
    return status == HEALTH_FAILED ? DECIDE_FAILED : status == HEALTH_PASSED ? DECIDE_PASSED : DECIDE_UNKNOWN;
}

bool judge_fit(const struct engine *engine, uint32_t region)
{
    static const enum model_component components[] = {MODEL_COMPONENT_DB, MODEL_COMPONENT_APP, MODEL_COMPONENT_CACHE,
                                                      MODEL_COMPONENT_QUEUE};
    for (size_t i = 0; i < sizeof components / sizeof components[0]; i++) {
        if (!health_component(&engine->health, &engine->model, region, components[i])) {
            return false;
        }
    }
    return true;
}

int64_t judge_stable_ms(const struct engine *engine, uint32_t region)
{
    const struct engine_decision *decision = &engine->decisions[region];
    return decision->unfit || !decision->any ? 0 : time_since_ms(engine->now, decision->fit_since);
}

uint32_t judge_target(const struct engine *engine, uint32_t region)
{
    const struct model_region *model = &engine->model.regions[region];
    for (uint32_t i = 0; i < model->backup_count; i++) {
        if (engine->durable.factor[model->backup[i]] == DURABLE_WHOLE && judge_fit(engine, model->backup[i])) {
            return model->backup[i];
        }
    }
    return model->backup_count > 0 ? model->backup[0] : LIMITS_NONE;
}

/* The replication lag of a move: the worst of the databases whose writer the source holds. */
static void judge_lag(const struct engine *engine, uint32_t source, uint32_t target, struct decide_target *ret_target)
{
    ret_target->lag_known = true;
    ret_target->lag_us = 0;
    for (uint32_t database = 0; database < engine->model.databases_count; database++) {
        const uint32_t writer = engine->durable.databases[database].writer;
        if (writer == LIMITS_NONE || engine->model.nodes[writer].region != source) {
            continue;
        }
        const struct candidate candidate = candidate_choose(engine, database, target, 1U << writer, true);
        uint32_t lag_ms = 0;
        if (candidate.node == LIMITS_NONE || !candidate_lag_ms(engine, candidate.node, &lag_ms)) {
            ret_target->lag_known = false;
            return;
        }
        const int64_t lag_us = (int64_t)lag_ms * TIME_US_PER_MS;
        ret_target->lag_us = lag_us > ret_target->lag_us ? lag_us : ret_target->lag_us;
    }
}

static bool judge_holds_writer(const struct engine *engine, uint32_t region)
{
    for (uint32_t database = 0; database < engine->model.databases_count; database++) {
        const uint32_t writer = engine->durable.databases[database].writer;
        if (writer != LIMITS_NONE && engine->model.nodes[writer].region == region) {
            return true;
        }
    }
    return false;
}

/* Whether the target's application could take clients. One whose readiness rests on the writer says "not ready" as soon
 * as the source has lost it: that is what the failover heals, and no reason against it. It must answer, and must have
 * been well until the source's trouble began. */
static bool judge_application(const struct engine *engine, uint32_t source, uint32_t target)
{
    const struct model *model = &engine->model;
    const struct mono trouble = engine->decisions[source].first_failure;
    const bool excuse = source != target && trouble.us != 0 && judge_holds_writer(engine, source);
    for (uint32_t probe = 0; probe < model->probes_count; probe++) {
        const struct health_merged *merged = &engine->health.merged[probe];
        if (model->probes[probe].region != target || merged->status == HEALTH_PASSED ||
            model->checks[model->probes[probe].check].component != MODEL_COMPONENT_APP) {
            continue;
        }
        const bool unready =
            merged->status == HEALTH_FAILED && (merged->error == ERR_STATUS || merged->error == ERR_CONTENT);
        if (!excuse || !unready || merged->since.us < trouble.us) {
            return false;
        }
    }
    return true;
}

void judge_target_state(const struct engine *engine, uint32_t source, uint32_t target, struct decide_target *ret_target)
{
    memset(ret_target, 0, sizeof *ret_target);
    if (target == LIMITS_NONE) {
        return;
    }
    const struct health *health = &engine->health;
    const struct model *model = &engine->model;
    ret_target->db = health_component(health, model, target, MODEL_COMPONENT_DB);
    ret_target->app = judge_application(engine, source, target);
    ret_target->cache = health_component(health, model, target, MODEL_COMPONENT_CACHE);
    ret_target->queue = health_component(health, model, target, MODEL_COMPONENT_QUEUE);
    ret_target->capacity_ppm = model->regions[target].capacity_ppm;
    judge_lag(engine, source, target, ret_target);
}

/* Where a writer's failure is answered inside its region, the target is that region: its clients stay, only the
 * database moves, to a standby that reports. The components that the gates ask for are those of a region that takes
 * clients. */
static void judge_target_neighbour(const struct engine *engine, uint32_t region, struct decide_target *ret_target)
{
    judge_target_state(engine, region, region, ret_target);
    ret_target->db = true;
    ret_target->app = true;
    ret_target->cache = true;
    ret_target->queue = true;
}

/* Whether every tier-1 database that would move has a candidate inside its durability set. */
static bool judge_tier1_sync(const struct engine *engine, uint32_t source, uint32_t target)
{
    for (uint32_t database = 0; database < engine->model.databases_count; database++) {
        const uint32_t writer = engine->durable.databases[database].writer;
        if (writer == LIMITS_NONE || engine->model.nodes[writer].region != source) {
            continue;
        }
        if (!engine->model.databases[database].tier1 || target == LIMITS_NONE ||
            candidate_choose(engine, database, target, 1U << writer, false).node == LIMITS_NONE) {
            return false;
        }
    }
    return true;
}

void judge_writer_gone(const struct engine *engine, uint32_t database, const struct decide_observers *observers,
                       struct decide_answer *ret_answer)
{
    const uint32_t writer = engine->durable.databases[database].writer;
    ASSERT(writer < engine->model.nodes_count);
    const uint32_t region = engine->model.nodes[writer].region;
    const struct decide_snapshot *present = &engine->decisions[region].snapshot;
    const struct decide_thresholds thresholds = decide_thresholds_policy(&engine->model.policy);
    struct decide_snapshot snapshot;
    decide_snapshot_favourable(&snapshot);
    snapshot.observers = *observers;
    snapshot.controller = present->controller;
    snapshot.state = present->state;
    judge_target_neighbour(engine, region, &snapshot.target);
    snapshot.state.tier1_sync = judge_tier1_sync(engine, region, region);
    /* A region with one good check besides: rule 4, not rule 3. */
    ASSERT(decide_snapshot_add(&snapshot, "database-master", MODEL_CRITICAL, 1, DECIDE_FAILED) &&
           decide_snapshot_add(&snapshot, "heartbeats-elsewhere", MODEL_CRITICAL, 2, DECIDE_PASSED));
    snapshot.checks[0].consecutive_failures = thresholds.database_failures;
    decide_evaluate(&snapshot, &thresholds, MODEL_STANDARD, ret_answer);
    ASSERT(ret_answer->rule_reason == DECIDE_DATABASE_MASTER_FAILURE);
}

/* Whether this site sees the whole of a region's infrastructure down. */
static bool judge_sees_down(const struct engine *engine, uint32_t site, uint32_t region)
{
    const struct model *model = &engine->model;
    uint32_t checks = 0;
    for (uint32_t probe = 0; probe < model->probes_count; probe++) {
        const struct model_check *check = &model->checks[model->probes[probe].check];
        if (model->probes[probe].region != region || check->severity != MODEL_CRITICAL || check->layer != 1) {
            continue;
        }
        checks++;
        if (health_status_of(&engine->health, model, site, probe, engine->now) != HEALTH_FAILED) {
            return false;
        }
    }
    return checks > 0;
}

/* A living site of one region sees the other down although not most observers do. */
static bool judge_cut(const struct engine *engine, uint32_t a, uint32_t b)
{
    if (b == LIMITS_NONE) {
        return false;
    }
    uint32_t alive = 0;
    uint32_t down[2] = {0, 0};
    bool cut[2] = {false, false};
    for (uint32_t site = 0; site < engine->model.sites_count; site++) {
        if (!engine->model.sites[site].observes || !engine->health.sites[site].alive) {
            continue;
        }
        alive++;
        const bool sees_a = judge_sees_down(engine, site, a);
        const bool sees_b = judge_sees_down(engine, site, b);
        down[0] += sees_a;
        down[1] += sees_b;
        cut[0] |= sees_a && engine->model.sites[site].region == b;
        cut[1] |= sees_b && engine->model.sites[site].region == a;
    }
    return (cut[0] && 2 * down[0] <= alive) || (cut[1] && 2 * down[1] <= alive);
}

/* The link is down when that holds: observers do not see a lost region in the same millisecond. */
static bool judge_link_up(struct engine *engine, uint32_t region, uint32_t target)
{
    struct engine_decision *decision = &engine->decisions[region];
    const bool cut = judge_cut(engine, region, target);
    if (cut && !decision->cut) {
        decision->cut_since = engine->now;
    }
    decision->cut = cut;
    return !cut || time_since_ms(engine->now, decision->cut_since) < JUDGE_CUT_MS;
}

static void judge_checks(const struct engine *engine, uint32_t region, uint32_t site, struct decide_snapshot *snapshot)
{
    const struct model *model = &engine->model;
    snapshot->checks_count = 0;
    for (uint32_t probe = 0; probe < model->probes_count; probe++) {
        if (model->probes[probe].region != region) {
            continue;
        }
        const struct model_check *check = &model->checks[model->probes[probe].check];
        struct decide_check *entry = &snapshot->checks[snapshot->checks_count++];
        memcpy(entry->name, check->name, sizeof entry->name);
        entry->severity = check->severity;
        entry->layer = check->layer;
        entry->failure_threshold = check->failure_threshold;
        if (site == LIMITS_NONE) {
            entry->status = judge_status(engine->health.merged[probe].status);
            entry->consecutive_failures = engine->health.merged[probe].consecutive_failures;
        } else {
            entry->status = judge_status(health_status_of(&engine->health, model, site, probe, engine->now));
            entry->consecutive_failures = engine->health.seen[site][probe].failures;
        }
    }
}

static void judge_metrics(struct engine *engine, uint32_t region, const struct decide_thresholds *thresholds,
                          struct decide_metrics *ret_metrics)
{
    struct engine_decision *decision = &engine->decisions[region];
    const struct model *model = &engine->model;
    uint64_t value = 0;
    memset(ret_metrics, 0, sizeof *ret_metrics);
    bool high = false; /* also while nobody measures it: that is a break as well */
    if (health_figure(&engine->health, model, region, MODEL_FIGURE_ERROR_RATE, engine->now, &value)) {
        ret_metrics->error_rate_ppm = (int64_t)value;
        high = (int64_t)value > thresholds->error_rate_automatic_ppm;
    }
    if (high && !decision->error_high) {
        decision->error_since = engine->now;
    }
    decision->error_high = high;
    if (high) {
        ret_metrics->error_rate_duration_us = time_since_us(engine->now, decision->error_since);
    }
    if (health_figure(&engine->health, model, region, MODEL_FIGURE_P95, engine->now, &value)) {
        ret_metrics->p95_ns = (int64_t)value * JUDGE_NS_PER_US;
    }
    for (uint32_t probe = 0; probe < model->probes_count; probe++) {
        const struct model_check *check = &model->checks[model->probes[probe].check];
        if (model->probes[probe].region == region && check->figure == MODEL_FIGURE_PODS_DOWN &&
            health_value(&engine->health, model, probe, engine->now, &value)) {
            struct decide_pods *pods = &ret_metrics->pods[ret_metrics->pods_count++];
            memcpy(pods->name, check->name, sizeof pods->name);
            pods->down_ppm = (int64_t)value;
        }
    }
}

static void judge_observers(const struct engine *engine, struct decide_observers *ret_observers)
{
    *ret_observers = (struct decide_observers){0};
    for (uint32_t site = 0; site < engine->model.sites_count; site++) {
        if (engine->model.sites[site].observes) {
            ret_observers->total++;
            ret_observers->reporting += engine->health.sites[site].alive;
        }
    }
}

uint32_t judge_see_down(const struct engine *engine, uint32_t region, uint32_t rule)
{
    uint32_t count;
    const struct decide_rule *rules = decide_rule_table(engine->model.policy.profile, &count);
    const struct decide_thresholds thresholds = decide_thresholds_policy(&engine->model.policy);
    uint32_t see_down = 0;
    for (uint32_t site = 0; site < engine->model.sites_count; site++) {
        if (!engine->model.sites[site].observes || !engine->health.sites[site].alive) {
            continue;
        }
        struct decide_snapshot own = engine->decisions[region].snapshot;
        struct decide_rule_case facts;
        judge_checks(engine, region, site, &own);
        decide_rule_case(&own, &thresholds, &facts);
        for (uint32_t i = 0; i < count; i++) {
            see_down += rules[i].number == rule && rules[i].holds(&facts);
        }
    }
    return see_down;
}

static void judge_state(struct engine *engine, uint32_t region, uint32_t target, struct decide_state *ret_state)
{
    const struct engine_decision *decision = &engine->decisions[region];
    int64_t flips = 0;
    for (uint32_t i = 0; i < decision->flips_count; i++) {
        flips += time_since_ms(engine->now, decision->flips[i]) < JUDGE_FLIP_WINDOW_MS;
    }
    int64_t since_us = 0;
    if (engine->failover_any) {
        since_us = time_since_us(engine->now, engine->failover_at);
    } else if (engine->durable.last_failover_wall_us != 0) {
        since_us = engine->wall.us - engine->durable.last_failover_wall_us;
        if (since_us < 0) {
            /* The clock was set back: it must not hold automation up for longer than the cool-down itself. */
            since_us = time_since_us(engine->now, engine->started);
        }
    }
    *ret_state = (struct decide_state){
        .mode = engine->durable.paused ? DECIDE_MODE_PAUSED : DECIDE_MODE_AUTO,
        .region_active = split_carries(&engine->model, engine->durable.factor, region),
        .in_progress = engine_busy(engine) && !engine->durable.run.stuck,
        .failed_over_before = engine->failover_any || engine->durable.last_failover_wall_us != 0,
        .since_last_failover_us = since_us,
        .transitions_10m = flips,
        .link_up = judge_link_up(engine, region, target),
        .tier1_sync = judge_tier1_sync(engine, region, target),
    };
}

static void judge_flip(struct engine *engine, struct engine_decision *decision)
{
    for (uint32_t i = ENGINE_FLIPS - 1; i > 0; i--) {
        decision->flips[i] = decision->flips[i - 1];
    }
    decision->flips[0] = engine->now;
    decision->flips_count += decision->flips_count < ENGINE_FLIPS;
}

/* When the trouble behind a matching rule began: the earliest failure in the present rows of failures of its critical
 * checks. */
static void judge_first_failure(struct engine *engine, uint32_t region)
{
    struct engine_decision *decision = &engine->decisions[region];
    bool failing = false;
    for (uint32_t probe = 0; probe < engine->model.probes_count; probe++) {
        if (engine->model.probes[probe].region != region ||
            engine->model.checks[engine->model.probes[probe].check].severity != MODEL_CRITICAL) {
            continue;
        }
        for (uint32_t site = 0; site < engine->model.sites_count; site++) {
            failing |= engine->health.seen[site][probe].failures > 0;
        }
    }
    if (!failing) {
        decision->first_failure = (struct mono){0};
    } else if (decision->first_failure.us == 0) {
        decision->first_failure = engine->now;
    }
}

static void judge_fitness(struct engine *engine, uint32_t region)
{
    struct engine_decision *decision = &engine->decisions[region];
    const bool fit = judge_fit(engine, region);
    if (fit && (decision->unfit || !decision->any)) {
        decision->fit_since = engine->now;
    }
    decision->unfit = !fit;
}

static void judge_say(struct engine *engine, struct output *output, uint32_t region, const struct decide_answer *answer)
{
    struct trace *trace = engine_trace(engine, output, TRACE_DECISION);
    struct buf buf;
    trace->region = region;
    trace->n = answer->rule;
    trace->m = (uint64_t)answer->gate;
    buf_init(&buf, trace->text, sizeof trace->text);
    buf_printf(&buf, "%s, %s, confidence %s", decide_decision_name(answer->decision),
               decide_reason_name(answer->reason), decide_confidence_name(answer->confidence));
    if (answer->gate != DECIDE_GATE_NONE) {
        buf_printf(&buf, ", held by %s", decide_gate_name(answer->gate));
    }
    const char *before = ", warning ";
    for (uint32_t bit = 1; bit < DECIDE_WARNINGS_END; bit <<= 1) {
        if ((answer->warnings & bit) != 0) {
            buf_printf(&buf, "%s%s", before, decide_warning_name((enum decide_warning)bit));
            before = ", ";
        }
    }
    ASSERT(!buf.overflow);
}

/* A region counts as in service once all its critical checks were seen to pass; a new one is not failed over while it
 * is built. */
static void judge_good(struct engine *engine, struct output *output, uint32_t region)
{
    const struct decide_snapshot *snapshot = &engine->decisions[region].snapshot;
    if (engine->durable.good[region]) {
        return;
    }
    uint32_t critical = 0;
    for (uint32_t i = 0; i < snapshot->checks_count; i++) {
        if (snapshot->checks[i].severity == MODEL_CRITICAL) {
            critical++;
            if (snapshot->checks[i].status != DECIDE_PASSED) {
                return;
            }
        }
    }
    if (critical > 0) {
        engine->durable.good[region] = true;
        engine_persist(engine, output);
        engine_trace(engine, output, TRACE_IN_SERVICE)->region = region;
    }
}

static void judge_region(struct engine *engine, struct output *output, uint32_t region)
{
    struct engine_decision *decision = &engine->decisions[region];
    const uint32_t target = judge_target(engine, region);
    const enum model_profile profile = engine->model.policy.profile;
    const struct decide_thresholds thresholds = decide_thresholds_profile(&engine->model.policy, profile);
    struct decide_snapshot *snapshot = &decision->snapshot;
    judge_first_failure(engine, region);
    judge_fitness(engine, region);
    judge_checks(engine, region, LIMITS_NONE, snapshot);
    judge_metrics(engine, region, &thresholds, &snapshot->metrics);
    judge_observers(engine, &snapshot->observers);
    judge_target_state(engine, region, target, &snapshot->target);
    snapshot->controller = (struct decide_controller){.members = 1, .reachable = 1, .leader = engine->leading};
    judge_state(engine, region, target, &snapshot->state);
    struct decide_answer answer;
    decide_evaluate(snapshot, &thresholds, profile, &answer);
    const bool wanted = answer.rule_reason <= DECIDE_CRITICAL_SERVICE_FAILURE;
    if (answer.rule_reason == DECIDE_DATABASE_MASTER_FAILURE && candidate_neighbours(engine, region)) {
        judge_target_neighbour(engine, region, &snapshot->target);
        snapshot->state.tier1_sync = judge_tier1_sync(engine, region, region);
    }
    if (wanted) {
        snapshot->observers.see_down = judge_see_down(engine, region, answer.rule);
        decide_evaluate(snapshot, &thresholds, profile, &answer);
    }
    if (wanted != decision->wanted && engine->durable.good[region]) {
        judge_flip(engine, decision); /* what happens while a region is built is not flapping */
    }
    decision->wanted = wanted;
    const struct decide_answer *before = &decision->answer;
    if (!decision->any || before->decision != answer.decision || before->reason != answer.reason ||
        before->gate != answer.gate) {
        judge_say(engine, output, region, &answer);
    }
    decision->answer = answer;
    decision->any = true;
    engine->evaluated[answer.decision][answer.gate]++;
    judge_good(engine, output, region);
}

static void judge_verdicts(struct engine *engine, struct output *output)
{
    for (uint32_t site = 0; site < engine->model.sites_count; site++) {
        if (engine->model.sites[site].observes &&
            health_site_expire(&engine->health, &engine->model, site, engine->now)) {
            const bool alive = engine->health.sites[site].alive;
            engine_trace(engine, output, alive ? TRACE_SITE_BACK : TRACE_SITE_SILENT)->site = site;
        }
    }
    for (uint32_t probe = 0; probe < engine->model.probes_count; probe++) {
        if (!health_merge(&engine->health, &engine->model, probe, engine->now)) {
            continue;
        }
        const struct health_merged *merged = &engine->health.merged[probe];
        struct trace *trace = engine_trace(engine, output,
                                           merged->status == HEALTH_FAILED   ? TRACE_CHECK_FAILED
                                           : merged->status == HEALTH_PASSED ? TRACE_CHECK_PASSED
                                                                             : TRACE_CHECK_UNKNOWN);
        trace->probe = probe;
        trace->n = merged->failed;
        trace->m = merged->reporting;
        trace->err = merged->error;
        text_copy(trace->text, sizeof trace->text,
                  merged->error == ERR_AUTH ? "the target answers, but refuses the observers' password"
                                            : "no fresh observation");
        engine->view_dirty = true;
    }
}

void judge_step(struct engine *engine, struct output *output)
{
    judge_verdicts(engine, output);
    for (uint32_t region = 0; region < engine->model.regions_count; region++) {
        judge_region(engine, output, region);
    }
}
