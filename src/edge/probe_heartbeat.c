/* SPDX-License-Identifier: Apache-2.0
 * The heartbeat probe: a controller of another site answers GET /healthz. */
#include <stdio.h>

#include "edge/probe_driver.h"
#include "edge/probe_fetch.h"

enum {
    PROBE_HEARTBEAT_BODY = 1024,
};

static void probe_heartbeat_done(struct probe_slot *slot, struct probe_fetch *fetch)
{
    if (!probe_fetch_arrived(fetch, slot->spec.address)) {
        return;
    }
    if (fetch->status != 200) {
        probe_loop_finish(slot, ERR_STATUS, "controller says status %ld: %.80s", fetch->status,
                          fetch->body != NULL ? fetch->body : "");
        return;
    }
    probe_loop_finish(slot, ERR_OK, "controller is alive");
}

static void probe_heartbeat_start(struct probe_slot *slot)
{
    if (slot->state == NULL) {
        char url[2 * PROBE_TEXT + 16];
        snprintf(url, sizeof url, "http://%s%s", slot->spec.address,
                 slot->spec.path[0] != 0 ? slot->spec.path : "/healthz");
        const struct probe_fetch_options options = {
            .url = url, .address = slot->spec.address, .body_limit = PROBE_HEARTBEAT_BODY};
        struct probe_fetch *fetch;
        const enum err err = probe_fetch_new(slot, &options, &fetch);
        if (err != ERR_OK) {
            probe_loop_finish(slot, err, "cannot fetch %s: %s", url, err_text(err));
            return;
        }
        slot->state = fetch;
    }
    probe_fetch_start(slot->state, probe_heartbeat_done);
}

static void probe_heartbeat_cancel(struct probe_slot *slot)
{
    probe_fetch_cancel(slot->state);
}

static void probe_heartbeat_close(struct probe_slot *slot)
{
    probe_fetch_free(slot->state);
    slot->state = NULL;
}

const struct probe_driver probe_heartbeat_driver = {
    .start = probe_heartbeat_start, .cancel = probe_heartbeat_cancel, .close = probe_heartbeat_close};
