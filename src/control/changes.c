/* SPDX-License-Identifier: Apache-2.0
 * Follows the records of the store whose keys begin alike. */
#include "control/changes.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "edge/log.h"

enum {
    CHANGES_WAIT_MS = 250,  /* an end is noticed within it */
    CHANGES_PAUSE_MS = 200, /* after an error */
};

struct changes {
    struct changes_options options;
    atomic_bool stopping;
    pthread_t thread;
};

/* Lists, or waits for changes after `*after`; moves it. */
static enum err changes_ask(const struct changes *changes, enum store_ask ask, uint64_t *after)
{
    const struct store_request request = {
        .ask = ask, .key = changes->options.prefix, .after = *after, .wait_ms = CHANGES_WAIT_MS};
    struct store_answer answer;
    const enum err err = store_call(changes->options.store, &request, &answer);
    if (err == ERR_OK) {
        for (size_t i = 0; i < answer.record_count; i++) {
            changes->options.record(changes->options.context, &answer.records[i]);
        }
        *after = answer.more ? answer.records[answer.record_count - 1].revision : answer.revision;
    }
    store_answer_fini(&answer);
    return err;
}

static void *changes_run(void *context)
{
    const struct changes *changes = context;
    uint64_t after = 0;
    bool listed = false;
    bool failing = false;
    while (!atomic_load(&changes->stopping)) {
        const enum err err = changes_ask(changes, listed ? STORE_CHANGES : STORE_LIST, &after);
        if (err != ERR_OK && err != ERR_STALE) {
            const struct timespec pause = {.tv_nsec = CHANGES_PAUSE_MS * 1000000L};
            if (!failing && !atomic_load(&changes->stopping)) {
                LOG_W("store: changes of %s: %s", changes->options.prefix, err_text(err));
            }
            nanosleep(&pause, NULL);
        }
        failing = err != ERR_OK && err != ERR_STALE;
        listed = err == ERR_OK;
    }
    return NULL;
}

enum err changes_new(const struct changes_options *options, struct changes **ret_changes)
{
    struct changes *changes = calloc(1, sizeof *changes);
    if (changes == NULL) {
        return ERR_NO_MEMORY;
    }
    changes->options = *options;
    if (pthread_create(&changes->thread, NULL, changes_run, changes) != 0) {
        free(changes);
        return ERR_NO_MEMORY;
    }
    *ret_changes = changes;
    return ERR_OK;
}

void changes_free(struct changes *changes)
{
    if (changes != NULL) {
        atomic_store(&changes->stopping, true);
        pthread_join(changes->thread, NULL);
        free(changes);
    }
}
