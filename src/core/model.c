/* SPDX-License-Identifier: Apache-2.0
 * The model: the policy's defaults, and look-ups by name. */
#include "core/model.h"

#include <stddef.h>
#include <string.h>

struct model_policy model_policy_default(void)
{
    return (struct model_policy){
        .profile = MODEL_STANDARD,
        .automation = {MODEL_AUTO, MODEL_AUTO, MODEL_AUTO, MODEL_AUTO},
        .cooldown_ms = 3600000,
        .error_rate_automatic_ppm = 100000,
        .error_rate_duration_ms = 300000,
        .error_rate_review_ppm = 50000,
        .error_rate_monitor_ppm = 10000,
        .p95_monitor_us = 200000,
        .pods_down_ppm = 500000,
        .database_failures = 3,
        .rpo_limit_ms = 60000,
        .rpo_database_limit_ms = 30000,
        .flapping_transitions = 4,
        .target_capacity_ppm = 1000000,
    };
}

/* Every table starts each of its entries with the name. */
static uint32_t model_find(const void *table, size_t stride, uint32_t count, const char *name)
{
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp((const char *)table + i * stride, name) == 0) {
            return i;
        }
    }
    return LIMITS_NONE;
}

uint32_t model_region_find(const struct model *model, const char *name)
{
    return model_find(model->regions, sizeof model->regions[0], model->regions_count, name);
}

uint32_t model_site_find(const struct model *model, const char *name)
{
    return model_find(model->sites, sizeof model->sites[0], model->sites_count, name);
}

uint32_t model_check_find(const struct model *model, const char *name)
{
    return model_find(model->checks, sizeof model->checks[0], model->checks_count, name);
}

uint32_t model_database_find(const struct model *model, const char *name)
{
    return model_find(model->databases, sizeof model->databases[0], model->databases_count, name);
}

uint32_t model_service_find(const struct model *model, const char *name)
{
    return model_find(model->services, sizeof model->services[0], model->services_count, name);
}

uint32_t model_node_find(const struct model *model, const char *name)
{
    return model_find(model->nodes, sizeof model->nodes[0], model->nodes_count, name);
}

uint32_t model_probe_find(const struct model *model, uint32_t check, uint32_t region)
{
    for (uint32_t i = 0; i < model->probes_count; i++) {
        if (model->probes[i].check == check && model->probes[i].region == region) {
            return i;
        }
    }
    return LIMITS_NONE;
}

uint32_t model_patience_ms(const struct model *model)
{
    uint32_t patience_ms = 0;
    for (uint32_t i = 0; i < model->checks_count; i++) {
        const struct model_check *check = &model->checks[i];
        const uint32_t times =
            check->failure_threshold > check->success_threshold ? check->failure_threshold : check->success_threshold;
        const uint32_t takes_ms = check->interval_ms * times + check->timeout_ms;
        if (check->component == MODEL_COMPONENT_DB && takes_ms > patience_ms) {
            patience_ms = takes_ms;
        }
    }
    return patience_ms;
}

uint32_t model_counter(const struct model *model, uint32_t region)
{
    uint32_t latency = LIMITS_NONE;
    for (uint32_t i = 0; i < model->probes_count; i++) {
        const enum model_figure figure = model->checks[model->probes[i].check].figure;
        if (model->probes[i].region != region) {
            continue;
        }
        if (figure == MODEL_FIGURE_ERROR_RATE) {
            return i;
        }
        if (figure == MODEL_FIGURE_P95 && latency == LIMITS_NONE) {
            latency = i;
        }
    }
    return latency;
}
