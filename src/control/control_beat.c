/* SPDX-License-Identifier: Apache-2.0
 * Heartbeats: what this controller hears itself, and what other sites say that they hear. */
#include <string.h>

#include "base/assert.h"
#include "control/control_state.h"
#include "edge/log.h"
#include "wire/config_beat.h"

void control_beat_take(struct control *control, uint32_t site, const struct observe_beats *beats)
{
    struct setup *setup = control_setup(control);
    struct event event = {.kind = EVENT_BEATS};
    event.beats.site = site;
    for (uint32_t i = 0; i < beats->count; i++) {
        const struct observe_beat *beat = &beats->entries[i];
        const uint32_t node = model_node_find(&setup->model, beat->node);
        if (node == LIMITS_NONE || ((event.beats.heard | event.beats.silent) >> node & 1U) != 0) {
            continue; /* of a configuration that one of us no longer has, or said twice */
        }
        event.beats.age_ms[node] = beat->age_ms;
        event.beats.gone[node] = beat->gone;
        event.beats.silent |= (uint32_t)beat->silent << node;
        event.beats.heard |= (uint32_t)!beat->silent << node;
    }
    setup_drop(setup);
    (void)inbox_push(control->inbox, &event);
}

static void control_beat_word(void *context, const struct observe_beats *beats, bool urgent)
{
    struct control *control = context;
    control_beat_take(control, control->site, beats);
    if (urgent) {
        control_follow_urge(control);
    }
}

static void control_beat_death(void *context, const char *node, uint64_t boot, uint64_t epoch)
{
    struct control *control = context;
    struct setup *setup = control_setup(control);
    struct event event = {.kind = EVENT_DEATH};
    event.death = (struct event_death){.node = model_node_find(&setup->model, node), .boot = boot, .epoch = epoch};
    setup_drop(setup);
    if (event.death.node != LIMITS_NONE) {
        (void)inbox_push(control->inbox, &event);
    }
}

void control_beat_set(struct control *control, const struct setup *setup)
{
    struct ear *ear = atomic_load(&control->ear);
    if (ear != NULL) {
        ear_set(ear, setup->config, setup->token);
    }
}

void control_beat_start(struct control *control)
{
    const struct config *config = control->setup->config;
    const struct config_address *address = config_beat_address(&config->sites[control->site]);
    struct ear *ear = NULL;
    ASSERT(address != NULL); /* a controller has an API */
    const struct ear_options options = {.listen = address->text,
                                        .config = config,
                                        .token = control->setup->token,
                                        .context = control,
                                        .word = control_beat_word,
                                        .death = control_beat_death};
    const enum err err = ear_new(&options, &ear);
    if (err != ERR_OK) {
        LOG_W("heartbeats are not heard here (UDP %s): %s; the checks decide alone", address->text, err_text(err));
        return;
    }
    atomic_store(&control->ear, ear);
}

void control_beat_stop(struct control *control)
{
    ear_stop(atomic_load(&control->ear));
}

void control_beat_close(struct control *control)
{
    ear_free(atomic_load(&control->ear));
}
