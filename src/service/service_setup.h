/* SPDX-License-Identifier: Apache-2.0
 * What a relay is told by its configuration: which services it listens for, and with which limits.
 *
 * A set-up is never changed once workers have it; a new configuration is a new one. A service keeps its slot from one
 * set-up to the next, so connections name their service by the slot. Plain values. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "core/limits.h"
#include "core/view.h"

enum {
    SERVICE_SETUP_LISTENERS = 64, /* addresses over all services */
};

struct service_setup_service {
    char name[LIMITS_NAME]; /* as in the view; empty: a free slot */
    bool present;           /* false: it was there once, and its connections end */
    bool cut;               /* connections to a region where it fails are cut */
    uint32_t max_connections;
    int64_t connect_timeout_ms;
    int64_t connect_wait_ms;
    int64_t idle_timeout_ms; /* 0: none */
    int64_t drain_ms;
};

struct service_setup_listener {
    uint32_t slot;
    struct view_address address;
};

struct service_setup {
    char region[LIMITS_NAME]; /* our own; empty: a witness */
    struct service_setup_service services[LIMITS_SERVICES];
    uint32_t listeners_count;
    struct service_setup_listener listeners[SERVICE_SETUP_LISTENERS];
};

/* Moves the services of `next` to the slots that they have in `present`; new ones get slots that were never used, else
 * some whose connections have all ended (`open` per slot is 0). Gone ones stay, not present. ERR_QUEUE_FULL: no slot is
 * left now; try again when old connections have ended. `next` is changed only on success. */
ERR_CHECK enum err service_setup_align(const struct service_setup *present, const uint32_t open[LIMITS_SERVICES],
                                       struct service_setup *next);

/* Whether the set-up listens there for this slot. */
bool service_setup_listens(const struct service_setup *setup, const struct service_setup_listener *listener);

bool service_setup_same(const struct view_address *a, const struct view_address *b);
