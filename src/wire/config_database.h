/* SPDX-License-Identifier: Apache-2.0
 * The shape of `databases` (wire/config.h). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "wire/config_common.h"

struct config_durability {
    uint32_t *members; /* indices into the database's nodes */
    uint32_t members_count;
    uint32_t required;
    uint32_t on_empty; /* enum config_empty */
    bool every_commit;
};

enum config_empty { CONFIG_EMPTY_DEGRADE, CONFIG_EMPTY_BLOCK };

/* Heartbeats of a database's agents. What was not written follows from the lease (wire/config_beat.h). */
struct config_heartbeat {
    uint32_t period_ms;  /* 0: not given */
    uint32_t silence_ms; /* 0: not given */
    bool failover;
};

struct config_node {
    const char *name;
    uint32_t region;
    struct config_address agent;
    struct config_address postgres;
    const char *data;
    const char *bin;
    const char *run_as;
    uint32_t priority;
    bool nofailover;
};

/* A PostgreSQL parameter, written as it is. */
struct config_setting {
    const char *name;
    const char *value;
};

enum config_lag_action { CONFIG_LAG_ALERT, CONFIG_LAG_HOLD };

struct config_database {
    const char *name;
    uint32_t lease_ms;
    uint32_t margin_ms;
    struct config_heartbeat heartbeat;
    bool tier1;
    struct config_durability durability;
    bool cascade;
    uint32_t max_lag_ms;
    uint32_t max_lag_action;        /* enum config_lag_action */
    struct config_network *clients; /* where roles other than our own come from; none: from everywhere */
    uint32_t clients_count;
    struct config_account superuser;
    struct config_account replication;
    const char *dbname;
    uint64_t wal_segment_bytes;
    uint32_t initial_writer; /* index into nodes */
    struct config_node *nodes;
    uint32_t nodes_count;
    struct config_setting *parameters;
    uint32_t parameters_count;
};
