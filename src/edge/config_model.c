/* SPDX-License-Identifier: Apache-2.0
 * The configuration as the core knows it. */
#include "edge/config_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/buf.h"
#include "base/hash.h"
#include "wire/config_beat.h"
#include "wire/config_show.h"

enum {
    CONFIG_MODEL_PPM_PER_SHARE = 100, /* shares are in 1/10,000 */
    CONFIG_MODEL_MS_PER_S = 1000,
};

_Static_assert((int)CONFIG_NAME == (int)LIMITS_NAME, "limits agree");
_Static_assert((int)CONFIG_REGIONS == (int)LIMITS_REGIONS, "limits agree");
_Static_assert((int)CONFIG_SITES == (int)LIMITS_SITES, "limits agree");
_Static_assert((int)CONFIG_CHECKS == (int)LIMITS_CHECKS, "limits agree");
_Static_assert((int)CONFIG_PROBES == (int)LIMITS_PROBES, "limits agree");
_Static_assert((int)CONFIG_DATABASES == (int)LIMITS_DATABASES, "limits agree");
_Static_assert((int)CONFIG_NODES == (int)LIMITS_NODES, "limits agree");
_Static_assert((int)CONFIG_ENDPOINTS == (int)LIMITS_ENDPOINTS, "limits agree");
_Static_assert((int)CONFIG_NETWORKS == (int)LIMITS_NETWORKS, "limits agree");
_Static_assert((int)CONFIG_SERVICES == (int)LIMITS_SERVICES, "limits agree");
_Static_assert((int)CONFIG_TARGETS == (int)LIMITS_TARGETS, "limits agree");
_Static_assert(CONFIG_NONE == LIMITS_NONE, "limits agree");

/* The enumerations of both sides have the same order. */
_Static_assert((int)CONFIG_INFORMATIONAL == (int)MODEL_INFORMATIONAL, "severities agree");
_Static_assert((int)CONFIG_COMPONENT_QUEUE == (int)MODEL_COMPONENT_QUEUE, "components agree");
_Static_assert((int)CONFIG_FIGURE_PODS_DOWN == (int)MODEL_FIGURE_PODS_DOWN, "figures agree");
_Static_assert((int)CONFIG_ADR_039 == (int)MODEL_ADR_039, "profiles agree");
_Static_assert((int)CONFIG_OFF == (int)MODEL_OFF && (int)CONFIG_APPROVE == (int)MODEL_APPROVE, "automations agree");

static void config_model_name(char name[LIMITS_NAME], const char *text)
{
    ASSERT(strlen(text) < LIMITS_NAME);
    snprintf(name, LIMITS_NAME, "%s", text);
}

static struct view_address config_model_address(const struct config_address *address)
{
    ASSERT(address->family == CONFIG_FAMILY_IPV4 || address->family == CONFIG_FAMILY_IPV6);
    struct view_address result = {.port = address->port, .family = address->family};
    memcpy(result.bytes, address->bytes, sizeof result.bytes);
    return result;
}

static void config_model_endpoints(const struct config_region *region, uint32_t index, struct model *model)
{
    for (uint32_t i = 0; i < region->endpoints_count; i++) {
        for (uint32_t j = 0; j < region->endpoints[i].addresses_count; j++) {
            ASSERT(model->endpoints_count < LIMITS_ENDPOINTS);
            struct view_endpoint *endpoint = &model->endpoints[model->endpoints_count++];
            config_model_name(endpoint->name, region->endpoints[i].name);
            endpoint->address = config_model_address(&region->endpoints[i].addresses[j]);
            endpoint->region = index;
            endpoint->healthy = 1;
        }
    }
}

static void config_model_regions(const struct config *config, struct model *model)
{
    ASSERT(config->regions_count <= LIMITS_REGIONS);
    model->regions_count = config->regions_count;
    for (uint32_t i = 0; i < config->regions_count; i++) {
        const struct config_region *from = &config->regions[i];
        struct model_region *to = &model->regions[i];
        config_model_name(to->name, from->name);
        ASSERT(from->backup_count <= LIMITS_REGIONS);
        for (uint32_t j = 0; j < from->backup_count; j++) {
            to->backup[j] = from->backup[j];
        }
        to->backup_count = from->backup_count;
        to->capacity_ppm = from->capacity_ppm;
        to->weight = from->weight;
        to->has_load_balancer = from->load_balancer.haproxy.family != CONFIG_FAMILY_NONE;
        config_model_endpoints(from, i, model);
        for (uint32_t j = 0; j < from->clients_count; j++) {
            ASSERT(model->networks_count < LIMITS_NETWORKS);
            model->networks[model->networks_count++] = (struct view_network){
                .address = config_model_address(&from->clients[j].address),
                .prefix_bits = from->clients[j].prefix_bits,
                .home = i,
            };
        }
    }
}

static void config_model_sites(const struct config *config, struct model *model)
{
    ASSERT(config->sites_count <= LIMITS_SITES);
    model->sites_count = config->sites_count;
    for (uint32_t i = 0; i < config->sites_count; i++) {
        const struct config_site *from = &config->sites[i];
        struct model_site *to = &model->sites[i];
        config_model_name(to->name, from->name);
        to->region = from->region;
        to->observes = (from->roles & (CONFIG_ROLE_OBSERVER | CONFIG_ROLE_CONTROL)) != 0;
        to->controls = (from->roles & CONFIG_ROLE_CONTROL) != 0;
        to->dns = (from->roles & CONFIG_ROLE_DNS) != 0;
        to->proxy = (from->roles & CONFIG_ROLE_PROXY) != 0;
        to->relays = (from->roles & CONFIG_ROLE_SERVICE) != 0;
    }
}

static void config_model_checks(const struct config *config, struct model *model)
{
    ASSERT(config->checks_count <= LIMITS_CHECKS);
    model->checks_count = config->checks_count;
    for (uint32_t i = 0; i < config->checks_count; i++) {
        const struct config_check *from = &config->checks[i];
        struct model_check *to = &model->checks[i];
        config_model_name(to->name, from->name);
        to->severity = (enum model_severity)from->severity;
        to->layer = from->layer;
        to->interval_ms = from->interval_ms;
        to->timeout_ms = from->timeout_ms;
        to->failure_threshold = from->failure_threshold;
        to->success_threshold = from->success_threshold;
        to->latency_limit_us = from->latency_limit_us;
        to->component = (enum model_component)from->component;
        to->figure = (enum model_figure)from->figure;
        to->limit_ppm = from->limit.ppm;
        if (from->kind == CONFIG_KIND_HAPROXY) {
            to->figure = MODEL_FIGURE_ERROR_RATE; /* it feeds it by itself */
        }
        for (uint32_t j = 0; j < from->targets_count; j++) {
            ASSERT(model->probes_count < LIMITS_PROBES);
            model->probes[model->probes_count++] = (struct model_probe){.check = i, .region = from->targets[j].region};
        }
    }
}

static void config_model_nodes(const struct config_database *database, uint32_t index, struct model *model)
{
    for (uint32_t i = 0; i < database->nodes_count; i++) {
        ASSERT(model->nodes_count < LIMITS_NODES);
        const struct config_node *from = &database->nodes[i];
        struct model_node *to = &model->nodes[model->nodes_count++];
        config_model_name(to->name, from->name);
        to->database = index;
        to->region = from->region;
        to->priority = from->priority;
        to->nofailover = from->nofailover;
        to->postgres = config_model_address(&from->postgres);
        to->agent = config_model_address(&from->agent);
    }
}

uint32_t config_model_node(const struct config *config, uint32_t database)
{
    ASSERT(database < config->databases_count);
    uint32_t first = 0;
    for (uint32_t i = 0; i < database; i++) {
        first += config->databases[i].nodes_count;
    }
    return first;
}

static void config_model_databases(const struct config *config, struct model *model)
{
    ASSERT(config->databases_count <= LIMITS_DATABASES);
    model->databases_count = config->databases_count;
    for (uint32_t i = 0; i < config->databases_count; i++) {
        const struct config_database *from = &config->databases[i];
        struct model_database *to = &model->databases[i];
        const uint32_t first = config_model_node(config, i);
        config_model_name(to->name, from->name);
        to->lease_ms = from->lease_ms;
        to->margin_ms = from->margin_ms;
        to->silence_ms = from->heartbeat.failover ? config_beat_silence_ms(from) : 0;
        to->tier1 = from->tier1;
        for (uint32_t j = 0; j < from->durability.members_count; j++) {
            ASSERT(first + from->durability.members[j] < LIMITS_NODES);
            to->durability_members |= 1U << (first + from->durability.members[j]);
        }
        to->durability_required = from->durability.required;
        to->durability_block = from->durability.on_empty == CONFIG_EMPTY_BLOCK;
        to->every_commit = from->durability.every_commit;
        to->cascade = from->cascade;
        to->lag_hold = from->max_lag_action == CONFIG_LAG_HOLD;
        to->max_lag_ms = from->max_lag_ms;
        to->initial_writer = first + from->initial_writer;
        config_model_nodes(from, i, model);
    }
}

static void config_model_services(const struct config *config, struct model *model)
{
    ASSERT(config->services_count <= LIMITS_SERVICES);
    model->services_count = config->services_count;
    for (uint32_t i = 0; i < config->services_count; i++) {
        const struct config_service *from = &config->services[i];
        config_model_name(model->services[i].name, from->name);
        model->services[i].check = from->check;
        model->services[i].single = from->kind == CONFIG_SERVICE_REDIS;
        for (uint32_t j = 0; j < from->targets_count; j++) {
            for (uint32_t k = 0; k < from->targets[j].addresses_count; k++) {
                ASSERT(model->targets_count < LIMITS_TARGETS);
                if (model->services[i].single && from->targets[j].region == from->initial_primary) {
                    model->services[i].initial = model->targets_count;
                }
                model->targets[model->targets_count++] = (struct view_target){
                    .address = config_model_address(&from->targets[j].addresses[k]),
                    .service = i,
                    .region = from->targets[j].region,
                    .healthy = 1,
                };
            }
        }
    }
}

static void config_model_ttl(const struct config_dns_name *names, uint32_t count, struct model *model)
{
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t ttl_s = names[i].ttl_ms / CONFIG_MODEL_MS_PER_S;
        model->ttl_most_s = ttl_s > model->ttl_most_s ? ttl_s : model->ttl_most_s;
    }
}

static void config_model_dns(const struct config_dns *from, struct model *model)
{
    model->ttl_floor_s = from->ttl_floor_ms / CONFIG_MODEL_MS_PER_S;
    config_model_ttl(from->names, from->names_count, model);
    for (uint32_t i = 0; i < from->zones_count; i++) {
        config_model_ttl(from->zones[i].names, from->zones[i].names_count, model);
    }
}

static void config_model_policy(const struct config_policy *from, struct model_policy *to)
{
    to->profile = (enum model_profile)from->profile;
    /* In the order of rules 3-6. */
    to->automation[0] = (enum model_automation)from->automation.complete_regional_failure;
    to->automation[1] = (enum model_automation)from->automation.database_master_failure;
    to->automation[2] = (enum model_automation)from->automation.high_error_rate;
    to->automation[3] = (enum model_automation)from->automation.critical_service_failure;
    to->cooldown_ms = from->cooldown_ms;
    to->error_rate_automatic_ppm = from->error_rate_automatic_ppm;
    to->error_rate_duration_ms = from->error_rate_duration_ms;
    to->error_rate_review_ppm = from->error_rate_review_ppm;
    to->error_rate_monitor_ppm = from->error_rate_monitor_ppm;
    to->p95_monitor_us = from->p95_monitor_us;
    to->pods_down_ppm = from->pods_down_ppm;
    to->database_failures = from->database_failures;
    to->rpo_limit_ms = from->rpo_limit_ms;
    to->rpo_database_limit_ms = from->rpo_database_limit_ms;
    to->flapping_transitions = from->flapping_transitions;
    to->target_capacity_ppm = from->target_capacity_ppm;
}

static void config_model_failback(const struct config_failback *from, struct model_failback *to)
{
    to->approval = from->approval;
    to->min_stable_ms = from->min_stable_ms;
    to->canary_share = from->canary.share_ppm / CONFIG_MODEL_PPM_PER_SHARE;
    to->canary_hold_ms = from->canary.hold_ms;
    to->ramp_share = from->ramp.share_ppm / CONFIG_MODEL_PPM_PER_SHARE;
    to->ramp_hold_ms = from->ramp.hold_ms;
    to->max_error_ppm = from->max_error_ppm;
    to->max_p95_us = from->max_p95_us;
    to->max_lag_ms = from->max_lag_ms;
    to->min_requests = from->min_requests;
}

uint64_t config_model_hash(const struct config *config)
{
    uint8_t *memory = malloc(CONFIG_SHOW_BYTES);
    if (memory == NULL) {
        return 0;
    }
    struct buf text;
    buf_init(&text, memory, CONFIG_SHOW_BYTES);
    config_show(config, &text);
    uint64_t hash = hash_bytes(text.data, text.size);
    free(memory);
    return hash != 0 ? hash : 1;
}

void config_model(const struct config *config, struct model *ret_model)
{
    memset(ret_model, 0, sizeof *ret_model);
    config_model_name(ret_model->name, config->name);
    ret_model->config_hash = config_model_hash(config);
    config_model_regions(config, ret_model);
    config_model_sites(config, ret_model);
    config_model_checks(config, ret_model);
    config_model_databases(config, ret_model);
    config_model_services(config, ret_model);
    config_model_dns(&config->dns, ret_model);
    config_model_policy(&config->policy, &ret_model->policy);
    config_model_failback(&config->failback, &ret_model->failback);
}
