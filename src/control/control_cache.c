/* SPDX-License-Identifier: Apache-2.0
 * Watching the servers of caches. */
#include "control/control_cache.h"

#include <arpa/inet.h>
#include <string.h>
#include <time.h>

#include "edge/redis.h"

enum {
    CONTROL_CACHE_PERIOD_MS = 250,
    CONTROL_CACHE_STEP_MS = 300, /* one that does not answer by then is told as silent, by saying nothing */
};

/* Connections that are kept from one look to the next. */
struct control_cache_links {
    struct setup *setup;
    struct redis *links[LIMITS_TARGETS];
};

static void control_cache_unlink(struct control_cache_links *links)
{
    for (uint32_t i = 0; i < LIMITS_TARGETS; i++) {
        redis_close(links->links[i]);
        links->links[i] = NULL;
    }
}

/* Which of the service's servers a replica names; LIMITS_NONE: none. */
static uint32_t control_cache_upstream(const struct model *model, uint32_t service, const struct redis_info *info)
{
    struct view_address address = {.port = info->port, .family = strchr(info->host, ':') != NULL ? 6 : 4};
    if (inet_pton(address.family == 6 ? AF_INET6 : AF_INET, info->host, address.bytes) != 1) {
        return LIMITS_NONE;
    }
    for (uint32_t i = 0; i < model->targets_count; i++) {
        const struct view_address *other = &model->targets[i].address;
        if (model->targets[i].service == service && other->port == address.port && other->family == address.family &&
            memcmp(other->bytes, address.bytes, sizeof address.bytes) == 0) {
            return i;
        }
    }
    return LIMITS_NONE;
}

static void control_cache_look(struct control *control, struct control_cache_links *links, uint32_t target)
{
    const struct setup *setup = links->setup;
    const uint32_t service = setup->model.targets[target].service;
    struct redis **link = &links->links[target];
    struct redis_info info;
    enum err err = ERR_OK;
    if (*link == NULL) {
        err = redis_open(&setup->model.targets[target].address, setup->caches[service], CONTROL_CACHE_STEP_MS, link);
    }
    err = err == ERR_OK ? redis_look(*link, &info) : err;
    if (err != ERR_OK) {
        redis_close(*link);
        *link = NULL;
        return;
    }
    struct event event = {.kind = EVENT_CACHE};
    event.cache = (struct event_cache){
        .target = target,
        .primary = info.primary,
        .linked = info.linked,
        .loading = info.loading,
        .upstream = info.primary ? LIMITS_NONE : control_cache_upstream(&setup->model, service, &info),
        .offset = info.offset,
    };
    (void)inbox_push(control->inbox, &event);
}

static void control_cache_round(struct control *control, struct control_cache_links *links)
{
    struct setup *setup = control_setup(control);
    if (setup != links->setup) {
        control_cache_unlink(links);
        setup_drop(links->setup);
        links->setup = setup;
    } else {
        setup_drop(setup);
    }
    const struct model *model = &links->setup->model;
    for (uint32_t i = 0; i < model->targets_count && !atomic_load(&control->stopping); i++) {
        if (model->services[model->targets[i].service].single) {
            control_cache_look(control, links, i);
        }
    }
}

static void *control_cache_work(void *context)
{
    struct control *control = context;
    static struct control_cache_links links;
    const struct timespec pause = {.tv_nsec = CONTROL_CACHE_PERIOD_MS * 1000000};
    links.setup = control_setup(control);
    while (!atomic_load(&control->stopping)) {
        if (atomic_load(&control->leading)) {
            control_cache_round(control, &links);
        }
        nanosleep(&pause, NULL);
    }
    control_cache_unlink(&links);
    setup_drop(links.setup);
    return NULL;
}

enum err control_cache_start(struct control *control)
{
    if (pthread_create(&control->cacher, NULL, control_cache_work, control) != 0) {
        return ERR_NO_MEMORY;
    }
    control->caching = true;
    return ERR_OK;
}

void control_cache_stop(struct control *control)
{
    if (control->caching) {
        atomic_store(&control->stopping, true);
        pthread_join(control->cacher, NULL);
        control->caching = false;
    }
}
