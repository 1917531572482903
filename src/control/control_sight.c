/* SPDX-License-Identifier: Apache-2.0
 * What proxies, relays and applications meet with at servers, on this host and on others: kept to be shown, and never
 * decided by. */
#include <string.h>

#include "base/text.h"
#include "control/control_state.h"
#include "edge/clock.h"
#include "edge/tcp.h"

enum {
    CONTROL_SIGHT_MS = 500,
    CONTROL_SIGHT_OLD_MS = 5000, /* a site that says nothing more has nothing to say */
};

static void control_sight_keep(struct control *control, uint32_t site, const struct desk_sight *list, uint32_t count)
{
    pthread_mutex_lock(&control->lock);
    struct control_sights *sights = &control->sights[site];
    sights->at = clock_mono();
    sights->count = count < SIGHT_LIST ? count : SIGHT_LIST;
    memcpy(sights->list, list, sights->count * sizeof list[0]);
    pthread_mutex_unlock(&control->lock);
}

void control_sight_list(struct control *control, struct sight_sum *list, uint32_t *ret_count)
{
    sight_list(&control->publisher, list, ret_count);
    feedback_list(&control->feedback, publish_writer_view(&control->publisher), list, ret_count);
}

void control_sight_look(struct control *control)
{
    struct sight_sum list[SIGHT_LIST];
    struct desk_sight own[SIGHT_LIST];
    uint32_t count = 0;
    const struct mono now = clock_mono();
    const bool due = time_since_ms(now, control->sights_at) >= CONTROL_SIGHT_MS;
    pthread_mutex_lock(&control->publishing);
    feedback_look(&control->feedback, publish_writer_view(&control->publisher));
    (void)hint_look(&control->hint, &control->publisher, &control->feedback, now, probe_pool_soon, control->pool);
    if (due) {
        control_sight_list(control, list, &count);
    }
    pthread_mutex_unlock(&control->publishing);
    if (!due) {
        return;
    }
    control->sights_at = now;
    for (uint32_t i = 0; i < count; i++) {
        own[i] = (struct desk_sight){.sight = list[i].sight, .applications = list[i].applications};
        tcp_print(&list[i].server, own[i].server);
    }
    control_sight_keep(control, control->site, own, count);
}

enum err control_sight_take(void *context, const char *site_name, const struct desk_sight *sights, uint32_t count)
{
    struct control *control = context;
    struct setup *setup = control_setup(control);
    const uint32_t site = model_site_find(&setup->model, site_name);
    setup_drop(setup);
    if (site == LIMITS_NONE) {
        return ERR_NOT_FOUND;
    }
    control_sight_keep(control, site, sights, count);
    return ERR_OK;
}

/* With the lock held. NULL: it has not met with the server. */
static const struct desk_sight *control_sight_find(const struct control_sights *sights, const char *server,
                                                   bool applications)
{
    if (sights->count == 0 || time_since_ms(clock_mono(), sights->at) > CONTROL_SIGHT_OLD_MS) {
        return NULL;
    }
    for (uint32_t i = 0; i < sights->count; i++) {
        if (sights->list[i].applications == applications && strcmp(sights->list[i].server, server) == 0) {
            return &sights->list[i];
        }
    }
    return NULL;
}

uint32_t control_sight_seen(void *context, const struct view_address *server, bool applications,
                            struct desk_sight *ret_list)
{
    struct control *control = context;
    struct setup *setup = control_setup(control);
    char text[TCP_ADDRESS];
    uint32_t count = 0;
    tcp_print(server, text);
    pthread_mutex_lock(&control->lock);
    for (uint32_t site = 0; site < setup->model.sites_count; site++) {
        const struct desk_sight *sight = control_sight_find(&control->sights[site], text, applications);
        if (sight != NULL) {
            ret_list[count] = *sight;
            text_copy(ret_list[count].site, sizeof ret_list[count].site, setup->model.sites[site].name);
            count++;
        }
    }
    pthread_mutex_unlock(&control->lock);
    setup_drop(setup);
    return count;
}
