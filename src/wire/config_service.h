/* SPDX-License-Identifier: Apache-2.0
 * The shape of `services` (wire/config.h). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "wire/config_common.h"

/* Where one site relays a service, and its servers in one region. */
struct config_service_listen {
    const char *site_name;
    uint32_t site;
    struct config_address *addresses;
    uint32_t addresses_count;
};

struct config_service_target {
    const char *region_name;
    uint32_t region;
    struct config_address *addresses;
    uint32_t addresses_count;
};

/* What becomes of connections to a region where the service has failed. */
enum config_failure { CONFIG_FAILURE_CUT, CONFIG_FAILURE_LEAVE };

enum config_service_kind { CONFIG_SERVICE_TCP, CONFIG_SERVICE_REDIS };

struct config_service {
    const char *name;
    uint32_t kind; /* enum config_service_kind */
    struct config_service_listen *listen;
    uint32_t listen_count;
    struct config_service_target *targets;
    uint32_t targets_count;
    uint32_t check;      /* CONFIG_NONE: none */
    uint32_t on_failure; /* enum config_failure */
    uint32_t drain_ms;
    uint32_t max_connections;
    uint32_t connect_timeout_ms;
    uint32_t connect_wait_ms;
    uint32_t idle_timeout_ms; /* 0: none */
    uint32_t initial_primary; /* redis: region; CONFIG_NONE: not given */
    struct config_secret password;
};
