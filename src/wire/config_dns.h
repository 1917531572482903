/* SPDX-License-Identifier: Apache-2.0
 * The shape of `dns` (wire/config.h). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "wire/config_common.h"

struct config_dns_name {
    const char *name; /* relative to the zone; "@" is the zone itself */
    const char *endpoint;
    const char *policy; /* NULL: the split alone */
    uint32_t ttl_ms;
};

enum config_dns_parent { CONFIG_PARENT_PUBLISH, CONFIG_PARENT_DELETE, CONFIG_PARENT_SILENT };

struct config_dnssec {
    const char *keys; /* NULL: the zone is unsigned */
    uint32_t ttl_ms;
    uint32_t parent; /* enum config_dns_parent */
    uint32_t parent_ttl_ms;
    uint32_t spread_ms;
};

struct config_dns_zone {
    const char *name;
    const char *file;
    struct config_dnssec dnssec;
    struct config_network *allow; /* none: as dns.allow says */
    uint32_t allow_count;
    struct config_dns_name *names;
    uint32_t names_count;
};

struct config_dns_cookies {
    struct config_secret secret; /* none: one of its own for each process */
    bool require;
};

struct config_dns_key {
    const char *name;
    uint32_t algorithm; /* enum config_dns_algorithm */
    struct config_secret secret;
};
enum config_dns_algorithm { CONFIG_HMAC_SHA256, CONFIG_HMAC_SHA384, CONFIG_HMAC_SHA512 };

struct config_dns_transfer {
    struct config_network *allow;
    uint32_t allow_count;
    struct config_address *notify;
    uint32_t notify_count;
};

struct config_dns_rate {
    uint32_t per_second; /* 0: no limit */
    uint32_t slip;
    struct config_network *exempt;
    uint32_t exempt_count;
};

/* What a policy leads on to is named: a region, or another policy (what belongs to another kind is empty). */
struct config_dns_area {
    const char *name;
    struct config_network *networks;
    uint32_t networks_count;
    const char *file; /* NULL: none */
    const char *to;
};

struct config_dns_code {
    const char *name; /* of a country, continent or subdivision: ISO 3166, "TW", "AS", "US-CA" */
    const char *to;
};

struct config_dns_geolocation {
    struct config_dns_area *networks;
    uint32_t networks_count;
    struct config_dns_code *subdivisions;
    uint32_t subdivisions_count;
    struct config_dns_code *countries;
    uint32_t countries_count;
    struct config_dns_code *continents;
    uint32_t continents_count;
    const char *otherwise; /* NULL: the policy is of another kind */
};

struct config_dns_time {
    const char *name; /* region or policy */
    uint32_t ms;
};

struct config_dns_latency_row {
    const char *name;
    struct config_network *networks;
    uint32_t networks_count;
    struct config_dns_time *times;
    uint32_t times_count;
};

struct config_dns_latency {
    struct config_dns_latency_row *networks;
    uint32_t networks_count;
    const char **measured; /* regions whose measured times count */
    uint32_t measured_count;
    const char *file;      /* NULL: none */
    const char *otherwise; /* NULL: the policy is of another kind */
};

struct config_dns_weight {
    const char *name; /* region or policy */
    uint32_t weight;
};

struct config_dns_policy {
    const char *name;
    struct config_dns_geolocation geolocation;
    struct config_dns_latency latency;
    struct config_dns_weight *weighted;
    uint32_t weighted_count;
    const char **failover;
    uint32_t failover_count;
    const char **multivalue;
    uint32_t multivalue_count;
    const char *fallback; /* NULL: none */
};

enum config_dns_kind {
    CONFIG_DNS_GEOLOCATION,
    CONFIG_DNS_LATENCY,
    CONFIG_DNS_WEIGHTED,
    CONFIG_DNS_FAILOVER,
    CONFIG_DNS_MULTIVALUE,
    CONFIG_DNS_KINDS,
};

struct config_dns {
    const char *zone; /* NULL: no DNS */
    const char *zone_file;
    struct config_dnssec dnssec;
    struct config_dns_name *names;
    uint32_t names_count;
    struct config_dns_zone *zones; /* more of them */
    uint32_t zones_count;
    bool identify;
    const char *version; /* NULL: not told */
    struct config_dns_cookies cookies;
    struct config_dns_key *keys;
    uint32_t keys_count;
    struct config_dns_transfer transfer;
    struct config_dns_rate rate_limit;
    uint32_t ttl_floor_ms;
    struct config_network *allow; /* none: everybody may ask */
    uint32_t allow_count;
    bool sandbox;
    uint32_t workers; /* 0: one per core */
    struct config_dns_policy *policies;
    uint32_t policies_count;
    uint32_t latency_max_age_ms;
    const char *geo_database; /* NULL: none */
};
