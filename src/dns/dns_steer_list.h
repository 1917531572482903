/* SPDX-License-Identifier: Apache-2.0
 * The networks of geolocation and latency policies, from the configuration, files and the geographic database. Part of
 * dns_steer_load.h. */
#pragma once

#include "base/err.h"
#include "dns/dns_networks_text.h"
#include "dns/dns_steer_build.h"
#include "dns/dns_steer_measured.h"
#include "wire/config.h"

enum { DNS_STEER_SOURCES = UINT16_MAX };

struct dns_steer_list {
    const struct config *config;
    struct dns_steer *steer;
    struct dns_steer_build *build;
    const struct view_address *only; /* see dns_steer_load */
    char *problem;
    const struct latency_table *measured; /* NULL: nothing was */
    int64_t now_s;                        /* for its ages */
    struct dns_steer_measured networks;   /* of the policy at hand */
    uint32_t sources_count;
    const char *sources[DNS_STEER_SOURCES]; /* files; entry.source counts them from 1 */
};

/* A region or policy by name. */
uint32_t dns_steer_list_ref(const struct config *config, const char *name);

/* All networks of a policy into the build; those of the database apart. */
enum err dns_steer_list_policy(struct dns_steer_list *list, uint32_t node) ERR_CHECK;

/* Whether a network holds a client. */
bool dns_steer_list_holds(const struct dns_networks_line *line, const struct view_address *client);

/* The number of a label for a chain; 0 when nobody explains anything. */
uint32_t dns_steer_list_label(struct dns_steer_list *list, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The database, for all geolocation policies of the build's table that name codes. */
enum err dns_steer_geo(struct dns_steer_list *list) ERR_CHECK;

/* "The same network twice": where both stand. */
void dns_steer_list_twice(const struct dns_steer_list *list);
