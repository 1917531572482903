/* SPDX-License-Identifier: Apache-2.0
 * What an agent is told at start: plain data, filled in by bin/agent_main.c from the configuration, never changed
 * after.
 *
 * All text is borrowed for the life of the process. Secrets are in memory only: they reach PostgreSQL through files of
 * mode 0600, never through an argument list, a log line or an environment variable. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/limits.h"

enum {
    AGENT_OPTIONS_SETTINGS = 128,
    AGENT_OPTIONS_PATH = 512, /* bytes of a path, terminator included */
    AGENT_OPTIONS_CLIENTS = 16,
    AGENT_OPTIONS_NETWORK = 64, /* bytes of a network, terminator included */
};

/* Another node of the same cluster. */
struct agent_options_peer {
    const char *name;
    const char *agent; /* "127.1.0.12:7081" */
    const char *host;  /* of its PostgreSQL, literal */
    uint16_t port;
};

struct agent_options_setting {
    const char *name;
    const char *value;
};

/* databases.*.parameters: the one part that an agent reads anew while it runs. */
struct agent_options_settings {
    struct agent_options_setting list[AGENT_OPTIONS_SETTINGS];
    uint32_t count;
};

/* Reads them, on SIGHUP and in the keeper's thread; NULL: refused, and logged. What it returns stays until the call
 * after the next. */
struct agent_options_reload {
    const struct agent_options_settings *(*read)(void *context);
    void *context;
};

struct agent_options {
    const char *database; /* the cluster's name */
    const char *node;     /* ours */
    const char *token;    /* of the cluster */
    const char *listen;   /* our own HTTP */
    const char *host;     /* our PostgreSQL, literal */
    uint16_t port;
    const char *data;   /* PostgreSQL's data directory; DATA.holdfast beside it is the agent's */
    const char *bin;    /* where postgres, initdb and pg_basebackup are */
    const char *run_as; /* user to become when started as root; NULL: "postgres" */
    const char *superuser;
    const char *superuser_password; /* NULL: none */
    const char *replication;
    const char *replication_password; /* NULL: none; nodes then trust each other's addresses */
    const char *dbname;
    uint32_t wal_segment_bytes; /* of a cluster that is founded here */
    bool initial_writer;
    int64_t lease_us;
    int64_t margin_us;
    struct agent_options_peer peers[LIMITS_NODES]; /* every node of the cluster but this one */
    uint32_t peers_count;
    const char *controllers[LIMITS_SITES]; /* "127.3.0.1:7080" */
    uint32_t controllers_count;
    const char *system;             /* the service's name */
    const char *ears[LIMITS_SITES]; /* where heartbeats go: "127.3.0.1:7080" */
    uint32_t ears_count;
    uint32_t beat_ms;                             /* between two heartbeats */
    const char *durability_members[LIMITS_NODES]; /* the set at first boot */
    uint32_t durability_members_count;
    uint32_t durability_required;
    bool every_commit;                                          /* promised: no commit goes without the set */
    char clients[AGENT_OPTIONS_CLIENTS][AGENT_OPTIONS_NETWORK]; /* "10.0.0.0/8": where other roles come from */
    uint32_t clients_count;                                     /* 0: from everywhere */
    struct agent_options_settings settings;                     /* as of the start */
    struct agent_options_reload reload;
};
