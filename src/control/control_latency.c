/* SPDX-License-Identifier: Apache-2.0
 * How far client networks are from the regions, by what proxies and relays of all sites have measured.
 *
 * A region is as far as the nearest of its sites that have measured the network within an hour of each other. Every
 * controller makes this of the same reports, whoever leads. A site without a region counts for none. */
#include <stdlib.h>
#include <string.h>

#include "control/control_state.h"
#include "edge/clock.h"
#include "edge/latency_share.h"

/* With the lock held: of all sites of a region. */
static void control_latency_merge(struct control *control, const struct config *config, uint32_t region,
                                  const struct network *network)
{
    struct latency_table_cell merged = {0};
    const struct latency_table_row *row = latency_table_find(control->latency, network);
    for (uint32_t place = 0; row != NULL && place < control->latency->places_count; place++) {
        const uint32_t site = config_site_find(config, control->latency->places[place]);
        if (row->cells[place].rtt_us != 0 && site != CONFIG_NONE && config->sites[site].region == region) {
            latency_table_join(&merged, &row->cells[place]);
        }
    }
    if (merged.rtt_us != 0) {
        latency_share_keep(control->share, network, config->regions[region].name, &merged);
    }
}

static void control_latency_row(struct control *control, const struct config *config, uint32_t site,
                                const struct latency_message_row *row)
{
    const int64_t now_s = clock_wall().us / TIME_US_PER_S;
    const struct latency_table_cell cell = {row->rtt_us, now_s - row->age_s};
    const uint32_t place = latency_table_place(control->latency, config->sites[site].name);
    if (place != LIMITS_NONE) { /* sites of former configurations go with the process */
        latency_table_put(control->latency, &row->network, place, &cell);
        control_latency_merge(control, config, config->sites[site].region, &row->network);
    }
}

enum err control_latency_take(void *context, const struct latency_message *message)
{
    struct control *control = context;
    struct setup *setup = control_setup(control);
    const struct config *config = setup->config;
    const uint32_t site = config_site_find(config, message->site);
    const int64_t max_age_s = config->dns.latency_max_age_ms / 1000;
    pthread_mutex_lock(&control->latency_lock);
    for (uint32_t i = 0; i < message->count && site != CONFIG_NONE; i++) {
        if (config->sites[site].region != CONFIG_NONE && message->rows[i].age_s <= max_age_s) {
            control_latency_row(control, config, site, &message->rows[i]);
        }
    }
    pthread_mutex_unlock(&control->latency_lock);
    setup_drop(setup);
    return site != CONFIG_NONE ? ERR_OK : ERR_NOT_FOUND;
}

static void control_latency_own(void *context, const struct latency_message *message)
{
    (void)control_latency_take(context, message); /* our own site is in our configuration */
}

void control_latency_look(void *context, struct latency_table *ret_table, int64_t *ret_max_age_s)
{
    struct control *control = context;
    struct setup *setup = control_setup(control);
    *ret_max_age_s = setup->config->dns.latency_max_age_ms / 1000;
    setup_drop(setup);
    latency_share_copy(control->share, ret_table);
}

enum err control_latency_start(struct control *control)
{
    const struct config *config = control->setup->config;
    struct latency_share_options options = {.site = control->site_name,
                                            .state_dir = config->sites[control->site].state_dir,
                                            .token = control->setup->token,
                                            .max_age_s = config->dns.latency_max_age_ms / 1000,
                                            .context = control,
                                            .take = control_latency_own};
    for (uint32_t i = 0; i < config->sites_count; i++) {
        if (i != control->site && (config->sites[i].roles & CONFIG_ROLE_CONTROL) != 0) {
            options.controllers[options.controllers_count++] = config->sites[i].api.listen.text;
        }
    }
    control->latency = latency_table_new();
    if (control->latency == NULL) {
        return ERR_NO_MEMORY;
    }
    const enum err err = latency_share_new(&options, &control->share);
    return err != ERR_OK ? err : latency_share_start(control->share);
}

void control_latency_close(struct control *control)
{
    latency_share_free(control->share);
    free(control->latency);
}
