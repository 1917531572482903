/* SPDX-License-Identifier: Apache-2.0
 * Load balancers: each HAProxy sends its requests to its own region's servers, or, when that region carries nothing, to
 * the regions that do. Servers belong to the region whose name begins theirs ("taiwan-1"); others are left alone. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "control/act.h"
#include "core/view.h"
#include "edge/haproxy.h"

enum { ACT_BALANCE_IDLE = 4 }; /* part of the time that a balancer without a share is waited for */

static bool act_balance_carries(const struct view *view, uint32_t region)
{
    for (uint32_t home = 0; home < VIEW_HOMES; home++) {
        if (view->split[home][region] > 0) {
            return true;
        }
    }
    return false;
}

/* The percentage of a server of `owner` behind the balancer of `region`. */
static uint32_t act_balance_percent(const struct view *view, uint32_t region, uint32_t owner)
{
    if (act_balance_carries(view, region)) {
        return owner == region ? 100 : 0;
    }
    return view->split[region][owner] * 100 / VIEW_SHARES_WHOLE;
}

static uint32_t act_balance_owner(const struct view *view, const char *server)
{
    for (uint32_t region = 0; region < view->regions_count; region++) {
        const size_t length = strlen(view->regions[region].name);
        if (strncmp(server, view->regions[region].name, length) == 0 && server[length] == '-') {
            return region;
        }
    }
    return LIMITS_NONE;
}

static enum err act_balance_one(const struct act_job *job, const struct view *view, uint32_t region,
                                uint32_t timeout_ms)
{
    const struct config_load_balancer *balancer = &job->setup->config->regions[region].load_balancer;
    struct haproxy_target target = {.address = balancer->haproxy.text, .timeout_ms = timeout_ms};
    struct haproxy_stat stat;
    enum err err = haproxy_show(&target, balancer->backend, &stat);
    if (err != ERR_OK) {
        return err;
    }
    struct haproxy_weight weights[HAPROXY_WEIGHTS];
    uint32_t count = 0;
    for (uint32_t i = 0; i < stat.servers_count && count < HAPROXY_WEIGHTS; i++) {
        const uint32_t owner = act_balance_owner(view, stat.servers[i].name);
        if (owner != LIMITS_NONE) {
            weights[count++] = (struct haproxy_weight){.server = stat.servers[i].name,
                                                       .percent = act_balance_percent(view, region, owner)};
        }
    }
    return count == 0 ? ERR_OK : haproxy_set_weights(&target, balancer->backend, weights, count);
}

/* Those of regions that carry something, or the others. The latter may be lost with their region: they get a part of
 * the time, are told again every few seconds, and are no failure. */
static void act_balance_some(const struct act_job *job, const struct view *view, bool carry, struct buf *detail,
                             struct event_result *ret_result)
{
    const uint32_t timeout_ms = carry ? job->action.timeout_ms : job->action.timeout_ms / ACT_BALANCE_IDLE;
    for (uint32_t region = 0; region < job->setup->config->regions_count && region < view->regions_count; region++) {
        if (job->setup->config->regions[region].load_balancer.haproxy.family == CONFIG_FAMILY_NONE ||
            act_balance_carries(view, region) != carry) {
            continue;
        }
        const enum err err = act_balance_one(job, view, region, timeout_ms);
        buf_printf(detail, "%s%s %s", detail->size > 0 ? ", " : "", view->regions[region].name,
                   err == ERR_OK ? "set" : err_text(err));
        if (err != ERR_OK && carry) {
            ret_result->ok = false;
            ret_result->error = err;
        }
    }
}

void act_balance_run(const struct act_job *job, struct event_result *ret_result)
{
    struct view view;
    job->world->view(job->world->context, &view);
    struct buf detail;
    buf_init(&detail, ret_result->detail, sizeof ret_result->detail);
    ret_result->ok = true;
    ret_result->error = ERR_OK;
    act_balance_some(job, &view, true, &detail, ret_result);
    act_balance_some(job, &view, false, &detail, ret_result);
}
