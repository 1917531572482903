/* SPDX-License-Identifier: Apache-2.0
 * The shape of `checks` (wire/config.h). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "wire/config_common.h"

enum config_kind {
    CONFIG_KIND_TCP,
    CONFIG_KIND_HTTP,
    CONFIG_KIND_HTTPS,
    CONFIG_KIND_POSTGRES,
    CONFIG_KIND_REDIS,
    CONFIG_KIND_KAFKA,
    CONFIG_KIND_DNS,
    CONFIG_KIND_PROMETHEUS,
    CONFIG_KIND_HAPROXY,
    CONFIG_KIND_EXEC,
    CONFIG_KIND_HEARTBEAT,
    CONFIG_KIND_COUNT
};

enum config_severity { CONFIG_CRITICAL, CONFIG_IMPORTANT, CONFIG_INFORMATIONAL };
enum config_component {
    CONFIG_COMPONENT_NONE,
    CONFIG_COMPONENT_DB,
    CONFIG_COMPONENT_APP,
    CONFIG_COMPONENT_CACHE,
    CONFIG_COMPONENT_QUEUE
};
enum config_figure { CONFIG_FIGURE_NONE, CONFIG_FIGURE_ERROR_RATE, CONFIG_FIGURE_P95, CONFIG_FIGURE_PODS_DOWN };
enum config_record {
    CONFIG_RECORD_A,
    CONFIG_RECORD_AAAA,
    CONFIG_RECORD_CNAME,
    CONFIG_RECORD_TXT,
    CONFIG_RECORD_SOA,
    CONFIG_RECORD_NS
};

/* One region that a check watches. Which member is set depends on the check's kind. */
struct config_target {
    const char *region_name;
    uint32_t region;
    struct config_address address; /* tcp http https redis kafka dns heartbeat; haproxy: also a unix socket */
    struct config_url url;         /* prometheus */
    uint32_t database;             /* postgres */
    const char **arguments;        /* exec: behind the command's own */
    uint32_t arguments_count;
};

/* A check with the keys of every kind; those of other kinds than its own keep their zero. */
struct config_check {
    const char *name;
    uint32_t kind;      /* enum config_kind */
    uint32_t severity;  /* enum config_severity */
    uint32_t layer;     /* 1-3 */
    uint32_t component; /* enum config_component */
    uint32_t interval_ms;
    uint32_t timeout_ms;
    uint32_t failure_threshold;
    uint32_t success_threshold;
    uint32_t latency_limit_us;         /* 0: none */
    uint32_t figure;                   /* prometheus: enum config_figure */
    struct config_limit limit;         /* prometheus, haproxy: above it the check failed */
    const char *path;                  /* http https */
    uint32_t expect_status;            /* http https; 0: any 2xx */
    const char *expect_body;           /* http https: a substring; NULL: any */
    uint64_t body_limit_bytes;         /* http https: how much of the body is read */
    const char *host;                  /* http https: Host header and TLS server name; NULL: the address */
    const char *ca_file;               /* https; NULL: the system's */
    uint32_t certificate_min_valid_ms; /* https; 0: only not expired */
    const char *query;                 /* postgres: a further statement; prometheus: an expression */
    uint32_t max_lag_ms;               /* postgres: a standby's; 0: any */
    struct config_secret password;     /* redis */
    const char *key;                   /* redis; NULL: a default */
    const char *topic;                 /* kafka */
    const char *dns_name;              /* dns */
    uint32_t dns_type;                 /* dns: enum config_record */
    const char *expect;                /* dns: one record of the answer, in text form; NULL: any */
    const char *metric;                /* prometheus */
    uint32_t quantile_ppm;             /* prometheus */
    const char *backend;               /* haproxy */
    const char **command;              /* exec: program and arguments, no shell */
    uint32_t command_count;
    struct config_target *targets;
    uint32_t targets_count;
};
