/* SPDX-License-Identifier: Apache-2.0
 * The controller's HTTP API: its routes. */
#include "web/web.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "web/web_state.h"

static const struct http_server_route web_routes[] = {
    {"GET", "/healthz", false, web_status_alive},
    {"GET", "/readyz", false, web_status_ready},
    {"GET", "/metrics", false, web_metric_get},
    {"GET", "/v1/status", false, web_status_get},
    {"GET", "/v1/controllers", false, web_status_controllers},
    {"GET", "/v1/health", false, web_status_health},
    {"GET", "/v1/explain", false, web_explain_get},
    {"GET", "/v1/view", false, web_observe_view},
    {"GET", "/v1/latency", false, web_latency_get},
    {"POST", "/v1/latency", true, web_latency_report},
    {"POST", "/v1/readers", true, web_observe_readers},
    {"POST", "/v1/figures", true, web_figure_take},
    {"POST", "/v1/observations", true, web_observe_results},
    {"POST", "/v1/agents/report", true, web_agent_report},
    {"POST", "/v1/leases/*/renew", true, web_agent_renew},
    {"POST", "/v1/leases/*/acquire", true, web_agent_acquire},
    {"GET", "/v1/leases/*", false, web_agent_lease},
    {"POST", "/v1/failovers", true, web_run_failover},
    {"POST", "/v1/switchovers", true, web_run_switchover},
    {"POST", "/v1/failbacks", true, web_run_failback},
    {"GET", "/v1/runs", false, web_run_list},
    {"GET", "/v1/runs/*", false, web_run_get},
    {"POST", "/v1/runs/*/approve", true, web_run_approve},
    {"POST", "/v1/runs/*/abort", true, web_run_abort},
    {"POST", "/v1/pause", true, web_run_pause},
    {"POST", "/v1/resume", true, web_run_resume},
    {"POST", "/v1/nodes/*/reinit", true, web_node_reinit},
    {"POST", "/v1/nodes/*/restart", true, web_node_restart},
    {"POST", "/v1/services/*/move", true, web_service_move},
    {"GET", "/v1/ledger", true, web_ledger_list},
    {"GET", "/v1/ledger/*", true, web_ledger_get},
    {"POST", "/v1/ledger/*/resolve", true, web_ledger_resolve},
    {"GET", "/v1/events", false, web_event_get},
    {"GET", "/v1/config", true, web_config_get},
    {"POST", "/v1/config/apply", true, web_config_apply},
};

/* What every controller does; all else is the leader's. */
static void (*const web_anyone[])(const struct http_server_request *request, struct http_server_answer *answer) = {
    web_status_alive,    web_status_ready,    web_status_controllers, web_metric_get,    web_observe_view,
    web_observe_readers, web_observe_results, web_agent_report,       web_agent_renew,   web_agent_acquire,
    web_agent_lease,     web_figure_take,     web_latency_get,        web_latency_report};

void web_nobody(const struct desk_lead *lead, char *ret_text, size_t size)
{
    uint32_t heard = 0;
    for (uint32_t i = 0; i < lead->controllers_count; i++) {
        heard += lead->controllers[i].alive ? 1 : 0;
    }
    if (heard * 2 > lead->controllers_count) {
        snprintf(ret_text, size, "no controller leads now; ask again in a moment");
    } else {
        snprintf(
            ret_text, size,
            "no controller leads: through the store this one hears %u of %u, itself included, and a minority decides "
            "nothing; a writer here goes on only while every other node promises; look at the network, or ask a "
            "controller elsewhere",
            heard, lead->controllers_count);
    }
}

static bool web_gate(const struct http_server_request *request, const struct http_server_route *route,
                     struct http_server_answer *answer)
{
    for (size_t i = 0; i < sizeof web_anyone / sizeof web_anyone[0]; i++) {
        if (route->handle == web_anyone[i]) {
            return false;
        }
    }
    struct desk_lead lead;
    const struct desk *desk = web_of(request)->options.desk;
    desk->lead(desk->context, &lead);
    if (lead.ours) {
        return false;
    }
    if (lead.address[0] == 0) {
        char detail[320];
        web_nobody(&lead, detail, sizeof detail);
        http_server_answer_problem(answer, ERR_NO_LEADER, "%s", detail);
    } else {
        char detail[160];
        snprintf(detail, sizeof detail, "the controller of site %s leads, at %s", lead.site, lead.address);
        http_server_answer_elsewhere(request, answer, lead.address, detail);
    }
    return true;
}

enum err web_start(const struct web_options *options, char *message, size_t size, struct web **ret_web)
{
    struct web *web = calloc(1, sizeof *web);
    if (web == NULL) {
        return ERR_NO_MEMORY;
    }
    web->options = *options;
    const struct http_server_config config = {.listen = options->listen,
                                              .setting = "sites.*.api.listen",
                                              .token = options->token,
                                              .gate = web_gate,
                                              .routes = web_routes,
                                              .route_count = sizeof web_routes / sizeof web_routes[0],
                                              .context = web};
    const enum err err = http_server_start(&config, message, size, &web->server);
    if (err != ERR_OK) {
        free(web);
        return err;
    }
    *ret_web = web;
    return ERR_OK;
}

void web_stop(struct web *web)
{
    if (web != NULL) {
        http_server_stop(web->server);
        free(web);
    }
}
