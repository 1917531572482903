/* SPDX-License-Identifier: Apache-2.0
 * The shape of `policy`, `failback`, `notify` and `security` (wire/config.h). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "wire/config_common.h"

enum config_profile { CONFIG_STANDARD, CONFIG_ADR_039 };
enum config_automation { CONFIG_AUTO, CONFIG_APPROVE, CONFIG_OFF };

/* By reason of the automatic rules 3-6; each an enum config_automation. */
struct config_automations {
    uint32_t complete_regional_failure;
    uint32_t database_master_failure;
    uint32_t high_error_rate;
    uint32_t critical_service_failure;
};

struct config_policy {
    uint32_t profile; /* enum config_profile */
    uint32_t cooldown_ms;
    struct config_automations automation;
    uint32_t error_rate_automatic_ppm;
    uint32_t error_rate_duration_ms;
    uint32_t error_rate_review_ppm;
    uint32_t error_rate_monitor_ppm;
    uint32_t p95_monitor_us;
    uint32_t pods_down_ppm;
    uint32_t database_failures;
    uint32_t rpo_limit_ms;
    uint32_t rpo_database_limit_ms;
    uint32_t flapping_transitions;
    uint32_t target_capacity_ppm;
};

struct config_stage {
    uint32_t share_ppm;
    uint32_t hold_ms;
};

struct config_failback {
    bool approval;
    uint32_t min_stable_ms;
    struct config_stage canary;
    struct config_stage ramp;
    uint32_t max_error_ppm;
    uint32_t max_p95_us;
    uint32_t max_lag_ms;
    uint32_t min_requests;
};

struct config_webhook {
    const char *name;
    struct config_url url;
    struct config_secret secret;
};

struct config_notify {
    uint32_t spool;
    struct config_webhook *webhooks;
    uint32_t webhooks_count;
    const char **on_call;
    uint32_t on_call_count;
};

struct config_security {
    struct config_secret token;
};
