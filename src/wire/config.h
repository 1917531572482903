/* SPDX-License-Identifier: Apache-2.0
 * The configuration of every role, as plain data: one YAML file becomes one struct config.
 *
 * What each key means stands in the schema table (wire/config_schema.h), from which the parser, `holdfast config
 * schema`, `holdfast config show` and holdfast.yaml(5) come. Here is only the shape, with a header for each section. A
 * parsed configuration is complete and consistent: defaults filled in, every reference resolved to an index, every
 * limit kept. Text that was not given is NULL, an address that was not given has family 0, a reference that was not
 * given is CONFIG_NONE.
 *
 * Owner: whoever called config_parse (edge/config_file.h reads a file); freed whole by config_free. Never changed after
 * parsing, so any thread may read it. Secrets are references only: no secret is ever in here. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"
#include "wire/config_check.h"
#include "wire/config_database.h"
#include "wire/config_dns.h"
#include "wire/config_place.h"
#include "wire/config_policy.h"
#include "wire/config_proxy.h"
#include "wire/config_service.h"
#include "wire/config_store.h"

/* "none" for an index. */
#define CONFIG_NONE UINT32_MAX

/* The same numbers as core/limits.h, which this folder cannot see; edge/config_model.c asserts that they agree. */
enum {
    CONFIG_NAME = 32, /* bytes of a name, terminator included */
    CONFIG_REGIONS = 8,
    CONFIG_SITES = 16,
    CONFIG_CHECKS = 64,
    CONFIG_PROBES = 256,
    CONFIG_DATABASES = 4,
    CONFIG_NODES = 32,     /* over all databases */
    CONFIG_ENDPOINTS = 64, /* addresses over all regions */
    CONFIG_COMMAND = 1024, /* bytes of an exec check's command, with a terminator behind each part */
    CONFIG_NETWORKS = 64,  /* client networks over all regions */
    CONFIG_DATABASE_CLIENTS = 16,
    CONFIG_SERVICES = 16,
    CONFIG_TARGETS = 64, /* addresses over all services */
    CONFIG_DNS_POLICIES = 64,
    CONFIG_DNS_CHILDREN = 32, /* of one policy */
    CONFIG_DNS_DEPTH = 8,     /* policies below each other */
    CONFIG_DNS_VALUES = 64,   /* what a multivalue policy comes down to */
};

/* Limits of parsing, none of which a sane file comes near. */
enum {
    CONFIG_STORE_ENDPOINTS = 8,
    CONFIG_FILE_BYTES = 1024 * 1024,
    CONFIG_DEPTH = 16,             /* nested mappings and lists */
    CONFIG_TREE_NODES = 32768,     /* scalars, lists and mappings */
    CONFIG_ENTRIES = 1024,         /* of one mapping or list */
    CONFIG_PROBLEMS = 200,         /* reported in one run */
    CONFIG_MESSAGES = 256 * 1024,  /* bytes that hold every message of one run */
    CONFIG_SHOW_BYTES = 512 * 1024 /* bytes that hold any effective configuration */
};

struct config_memory;

struct config {
    struct config_memory *memory; /* everything below points into it */
    const char *name;
    struct config_security security;
    struct config_store store;
    struct config_region *regions;
    uint32_t regions_count;
    struct config_site *sites;
    uint32_t sites_count;
    struct config_database *databases;
    uint32_t databases_count;
    struct config_check *checks;
    uint32_t checks_count;
    struct config_dns dns;
    struct config_proxy proxy;
    struct config_service *services;
    uint32_t services_count;
    struct config_policy policy;
    struct config_failback failback;
    struct config_notify notify;
};

/* Reads the YAML text. Every problem becomes "FILE:LINE:COLUMN: error: what; expected ...; hint" with the source line
 * and a caret in `messages` (CONFIG_MESSAGES bytes hold all; cut beyond), sorted by line, warnings among them.
 * ERR_OK: a configuration, perhaps with warnings; the caller frees it. ERR_INVALID: errors, show the messages to the
 * operator. ERR_NO_MEMORY. Never crashes on any bytes. `file` is only a name for the messages. */
enum err config_parse(const char *file, struct span text, struct buf *messages, struct config **ret_config) ERR_CHECK;

/* Frees it whole; NULL is fine. */
void config_free(struct config *config);

/* Indices by name; CONFIG_NONE when there is none. */
uint32_t config_region_find(const struct config *config, const char *name);
uint32_t config_site_find(const struct config *config, const char *name);
uint32_t config_database_find(const struct config *config, const char *name);
uint32_t config_node_find(const struct config_database *database, const char *name);
/* The index in store.endpoints of the etcd member that stands at the site; CONFIG_NONE: none, or it is not among them.
 */
uint32_t config_site_member(const struct config *config, uint32_t site);
uint32_t config_check_find(const struct config *config, const char *name);
uint32_t config_service_find(const struct config *config, const char *name);
uint32_t config_dns_policy_find(const struct config *config, const char *name);

/* What a policy is; CONFIG_NONE: nothing, or more than one kind. */
uint32_t config_dns_policy_kind(const struct config_dns_policy *policy);
