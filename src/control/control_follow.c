/* SPDX-License-Identifier: Apache-2.0
 * A controller among several does for its host what an observer does: it tells the others what it sees and what its
 * readers answer from, and while it follows the leader's view is that of its host. */
#include <sys/random.h>

#include "control/control_state.h"
#include "edge/log.h"

static uint64_t control_follow_version(void *context)
{
    struct control *control = context;
    pthread_mutex_lock(&control->publishing);
    const uint64_t version = publish_writer_version(&control->publisher);
    pthread_mutex_unlock(&control->publishing);
    return version;
}

static enum err control_follow_publish(struct control *control, const struct view *view)
{
    if (atomic_load(&control->leading) || view->version <= publish_writer_version(&control->publisher)) {
        return ERR_STALE;
    }
    *publish_writer_draft(&control->publisher) = *view;
    const enum err err = publish_writer_commit(&control->publisher);
    if (err != ERR_OK) {
        LOG_E("view %llu could not be published: %s", (unsigned long long)view->version, err_text(err));
        return err;
    }
    pthread_mutex_lock(&control->lock);
    control->view = *view;
    pthread_cond_broadcast(&control->changed);
    pthread_mutex_unlock(&control->lock);
    return ERR_OK;
}

static void control_follow_take(void *context, const struct view *view)
{
    struct control *control = context;
    pthread_mutex_lock(&control->publishing);
    const enum err err = control_follow_publish(control, view);
    pthread_mutex_unlock(&control->publishing);
    if (err == ERR_OK) {
        LOG_I("view %llu published", (unsigned long long)view->version);
    }
}

static void control_follow_readers(void *context, struct publish_reader_info *list, uint32_t *ret_count)
{
    control_share_readers(context, list, ret_count);
}

static void control_follow_sights(void *context, struct sight_sum *list, uint32_t *ret_count)
{
    struct control *control = context;
    pthread_mutex_lock(&control->publishing);
    control_sight_list(control, list, ret_count);
    pthread_mutex_unlock(&control->publishing);
}

static void control_follow_beats(void *context, struct observe_beats *ret_beats)
{
    struct control *control = context;
    struct ear *ear = atomic_load(&control->ear);
    ret_beats->any = false;
    if (ear != NULL) {
        ear_look(ear, ret_beats);
    }
}

enum err control_follow_open(struct control *control)
{
    const struct config *config = control->setup->config;
    uint64_t boot = 0;
    enum err err = getrandom(&boot, sizeof boot, 0) == (ssize_t)sizeof boot ? ERR_OK : ERR_IO;
    for (uint32_t i = 0; i < config->sites_count && err == ERR_OK; i++) {
        if (i == control->site || (config->sites[i].roles & CONFIG_ROLE_CONTROL) == 0) {
            continue;
        }
        const struct upstream_options options = {.site = control->site_name,
                                                 .address = config->sites[i].api.listen.text,
                                                 .token = control->setup->token,
                                                 .state_dir = config->sites[control->site].state_dir,
                                                 .boot = boot >> 1,
                                                 .host = {.context = control,
                                                          .version = control_follow_version,
                                                          .take = control_follow_take,
                                                          .readers = control_follow_readers,
                                                          .sights = control_follow_sights,
                                                          .beats = control_follow_beats}};
        err = upstream_new(&options, &control->upstreams[i]);
    }
    return err;
}

void control_follow_push(struct control *control, const struct probe_result *result)
{
    for (uint32_t i = 0; i < LIMITS_SITES; i++) {
        if (control->upstreams[i] != NULL) {
            upstream_push(control->upstreams[i], result);
        }
    }
}

void control_follow_urge(struct control *control)
{
    for (uint32_t i = 0; i < LIMITS_SITES; i++) {
        if (control->upstreams[i] != NULL) {
            upstream_urge(control->upstreams[i]);
        }
    }
}

void control_follow_close(struct control *control)
{
    for (uint32_t i = 0; i < LIMITS_SITES; i++) {
        upstream_free(control->upstreams[i]);
    }
}
