/* SPDX-License-Identifier: Apache-2.0
 * The shape of `regions` and `sites` (wire/config.h). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "wire/config_common.h"

/* An endpoint name of a region with its addresses: what DNS answers. */
struct config_endpoint {
    const char *name;
    struct config_address *addresses;
    uint32_t addresses_count;
};

struct config_load_balancer {
    struct config_address haproxy; /* family 0: the region has none */
    const char *backend;
};

struct config_region {
    const char *name;
    uint32_t *backup; /* regions, in order */
    uint32_t backup_count;
    uint32_t capacity_ppm;
    uint32_t weight;
    struct config_network *clients;
    uint32_t clients_count;
    struct config_endpoint *endpoints;
    uint32_t endpoints_count;
    struct config_load_balancer load_balancer;
};

/* Bits of config_site.roles. */
enum config_role {
    CONFIG_ROLE_CONTROL = 1,
    CONFIG_ROLE_OBSERVER = 2,
    CONFIG_ROLE_DNS = 4,
    CONFIG_ROLE_PROXY = 8,
    CONFIG_ROLE_SERVICE = 16,
};

struct config_api {
    struct config_address listen;
};

struct config_site {
    const char *name;
    uint32_t region; /* CONFIG_NONE: a witness */
    uint32_t roles;  /* enum config_role, or-ed */
    const char *state_dir;
    struct config_address etcd; /* the member that stands there; family NONE: none is known to */
    struct config_api api;
    struct config_address beats; /* UDP; family NONE: not given (wire/config_beat.h) */
    struct config_listen dns;
    struct config_address dns_metrics; /* family NONE: not served */
    struct config_listen proxy;
    bool feedback; /* applications may tell what they meet with */
};
