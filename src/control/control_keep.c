/* SPDX-License-Identifier: Apache-2.0
 * Keeping the view in a file. */
#include "control/control_keep.h"

#include "edge/log.h"
#include "edge/publish_file.h"

/* Waits for a view that is not kept yet. False: stopping. */
static bool control_keep_next(struct control *control, struct view *view)
{
    const uint64_t kept = view->version;
    pthread_mutex_lock(&control->lock);
    while (control->view.version == kept && !atomic_load(&control->stopping)) {
        pthread_cond_wait(&control->changed, &control->lock);
    }
    *view = control->view;
    pthread_mutex_unlock(&control->lock);
    return view->version != kept;
}

static void *control_keep_work(void *context)
{
    struct control *control = context;
    struct view view = {0};
    bool failing = false;
    while (control_keep_next(control, &view)) {
        const enum err err = publish_file_save(control->view_file, &view);
        if (err != ERR_OK && !failing) {
            LOG_W("%s: %s: a cold start would begin with an older view", control->view_file, err_text(err));
        }
        failing = err != ERR_OK;
    }
    return NULL;
}

enum err control_keep_start(struct control *control)
{
    if (pthread_create(&control->keeper, NULL, control_keep_work, control) != 0) {
        return ERR_NO_MEMORY;
    }
    control->keeping = true;
    return ERR_OK;
}

void control_keep_stop(struct control *control)
{
    if (!control->keeping) {
        return;
    }
    atomic_store(&control->stopping, true);
    pthread_mutex_lock(&control->lock);
    pthread_cond_broadcast(&control->changed);
    pthread_mutex_unlock(&control->lock);
    pthread_join(control->keeper, NULL);
}
