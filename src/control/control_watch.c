/* SPDX-License-Identifier: Apache-2.0
 * The controller as an observer: its own probes, and what other observers send. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "control/control_state.h"
#include "edge/clock.h"
#include "edge/config_probe.h"

void control_watch_take(struct control *control, uint32_t site, const struct probe_result *result)
{
    struct setup *setup = control_setup(control);
    const uint32_t check = model_check_find(&setup->model, result->check);
    const uint32_t region = model_region_find(&setup->model, result->region);
    const uint32_t probe = model_probe_find(&setup->model, check, region);
    if (probe != LIMITS_NONE) {
        control_metric_probe(&setup->model, probe, result);
    }
    setup_drop(setup);
    if (probe == LIMITS_NONE) {
        return; /* of a configuration that one of us no longer has */
    }
    const struct mono now = clock_mono();
    const int64_t age_ms = time_since_ms(now, result->ended);
    struct event event = {.kind = EVENT_OBSERVATION};
    event.observation = (struct event_observation){
        .site = site,
        .probe = probe,
        .ok = result->ok,
        .error = result->error,
        .latency_us = (uint32_t)(result->phases.total_us < UINT32_MAX ? result->phases.total_us : UINT32_MAX),
        .age_ms = (uint32_t)(age_ms > 0 ? age_ms : 0),
        .has_value = result->value_ppm != PROBE_NONE && result->value_ppm >= 0,
        .has_requests = result->requests != PROBE_NONE && result->requests >= 0};
    event.observation.value = event.observation.has_value ? (uint64_t)result->value_ppm : 0;
    event.observation.requests = event.observation.has_requests ? (uint64_t)result->requests : 0;
    (void)inbox_push(control->inbox, &event);
    pthread_mutex_lock(&control->lock);
    control->details[site][probe] = *result;
    pthread_mutex_unlock(&control->lock);
}

static void control_watch_sink(void *context, const struct probe_result *result)
{
    struct control *control = context;
    control_watch_take(control, control->site, result);
    control_follow_push(control, result);
}

static bool control_watch_resolve(void *context, const char *database, const char *region,
                                  struct probe_pg_target *ret_target)
{
    struct control *control = context;
    pthread_mutex_lock(&control->lock);
    const bool found = config_probe_resolve(&control->view, database, region, ret_target);
    pthread_mutex_unlock(&control->lock);
    return found;
}

enum err control_watch_set(struct control *control, const struct setup *setup)
{
    struct probe_spec *specs = calloc(LIMITS_PROBES, sizeof *specs);
    if (specs == NULL) {
        return ERR_NO_MEMORY;
    }
    uint32_t count = 0;
    enum err err = config_probe_specs(setup->config, control->site, specs, LIMITS_PROBES, &count);
    if (err == ERR_OK) {
        err = probe_pool_set(control->pool, specs, count);
    }
    explicit_bzero(specs, LIMITS_PROBES * sizeof *specs);
    free(specs);
    return err;
}

enum err control_watch_start(struct control *control)
{
    const struct probe_pool_options options = {.site = control->site_name,
                                               .sink = control_watch_sink,
                                               .sink_context = control,
                                               .resolve = control_watch_resolve,
                                               .resolve_context = control};
    const enum err err = probe_pool_new(&options, &control->pool);
    return err != ERR_OK ? err : control_watch_set(control, control->setup);
}
