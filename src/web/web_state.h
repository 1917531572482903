/* SPDX-License-Identifier: Apache-2.0
 * What the handlers of the API share. */
#pragma once

#include <jansson.h>

#include "edge/http_server.h"
#include "web/web.h"

struct web {
    struct web_options options;
    struct http_server *server;
};

/* The `struct web` of a request. */
struct web *web_of(const struct http_server_request *request);

/* The engine between two steps; the caller frees it. NULL: the answer (503) was given already. */
struct engine *web_engine(const struct http_server_request *request, struct http_server_answer *answer);

/* A member of a JSON object as text; NULL when absent or null; `*ret_good` false when of another type. */
const char *web_text(const json_t *object, const char *name, bool *ret_good);
bool web_number(const json_t *object, const char *name, uint64_t *ret_number);

/* Why nobody leads, as this controller knows: an election under way, or it is cut off from the majority. */
void web_nobody(const struct desk_lead *lead, char *ret_text, size_t size);

/* The engine's no: by a safety rule, or because the order itself is wrong. */
void web_refusal(struct http_server_answer *answer, const struct engine_reply *reply);

/* Gives the engine an order. True: it took it, say so; else the answer was given. */
bool web_order(const struct http_server_request *request, struct http_server_answer *answer,
               const struct event_command *command, struct engine_reply *ret_reply);

/* web_status.c */
/* Of a database whose every commit is to wait for the durability set: {"kept", "lowers", "lowers_by"}. NULL: of no
 * other. The caller's. */
json_t *web_status_commits(const struct desk *desk, const struct engine *engine, uint32_t database);

void web_status_get(const struct http_server_request *request, struct http_server_answer *answer);
void web_status_controllers(const struct http_server_request *request, struct http_server_answer *answer);
void web_status_health(const struct http_server_request *request, struct http_server_answer *answer);
void web_status_alive(const struct http_server_request *request, struct http_server_answer *answer);
void web_status_ready(const struct http_server_request *request, struct http_server_answer *answer);

/* web_explain.c */
void web_explain_get(const struct http_server_request *request, struct http_server_answer *answer);

/* web_run.c */
void web_run_list(const struct http_server_request *request, struct http_server_answer *answer);
void web_run_get(const struct http_server_request *request, struct http_server_answer *answer);
void web_run_failover(const struct http_server_request *request, struct http_server_answer *answer);
void web_run_switchover(const struct http_server_request *request, struct http_server_answer *answer);
void web_run_failback(const struct http_server_request *request, struct http_server_answer *answer);
void web_run_approve(const struct http_server_request *request, struct http_server_answer *answer);
void web_run_abort(const struct http_server_request *request, struct http_server_answer *answer);
void web_run_pause(const struct http_server_request *request, struct http_server_answer *answer);
void web_run_resume(const struct http_server_request *request, struct http_server_answer *answer);

/* web_preview.c: answers a dry run; `scratch` becomes the copy that it is done on. */
void web_preview(const struct http_server_request *request, struct http_server_answer *answer,
                 const struct event_command *command, struct engine *scratch);

/* web_predict.c: what a run would take and cost, from lease and margin, the last similar run, and what is reported. */
const struct durable_run *web_predict_similar(const struct engine *engine, const struct durable_run *run);
int64_t web_predict_step_ms(const struct engine *engine, const struct durable_run *run, enum plan_step step);
int64_t web_predict_rto_ms(const struct engine *engine, const struct durable_run *run);
json_t *web_predict_loss(const struct engine *engine, const struct durable_run *run);

/* web_mutation.c: what its steps would change, in sentences. */
json_t *web_mutation_list(const struct engine *engine, const struct durable_run *run);

/* web_service.c: TCP services of the published view. */
json_t *web_service_list(const struct desk *desk, const struct engine *engine);
void web_service_metrics(const struct engine *engine);
bool web_service_degraded(const struct engine *engine); /* a cache has no primary */
void web_service_move(const struct http_server_request *request, struct http_server_answer *answer);

/* web_sight.c: what proxies and relays meet with at a server, by site; and what applications tell of it. */
json_t *web_sight_list(const struct desk *desk, const struct view_address *server);
json_t *web_sight_told(const struct desk *desk, const struct view_address *server);
void web_sight_metrics(const struct desk *desk, const struct engine *engine);

/* web_figure.c: what data planes count. The text is the caller's to free; NULL: no memory. */
void web_figure_take(const struct http_server_request *request, struct http_server_answer *answer);
char *web_figure_text(const struct desk *desk);

/* web_render.c: names are "" when the index is none. */
const char *web_render_region(const struct engine *engine, uint32_t region);
const char *web_render_node(const struct engine *engine, uint32_t node);
const char *web_render_kind(enum plan_kind plan);
json_t *web_render_run(const struct engine *engine, const struct durable_run *run);

/* web_observe.c */
void web_observe_results(const struct http_server_request *request, struct http_server_answer *answer);
void web_observe_readers(const struct http_server_request *request, struct http_server_answer *answer);
void web_observe_view(const struct http_server_request *request, struct http_server_answer *answer);

/* web_latency.c: how far client networks are from the regions. */
void web_latency_get(const struct http_server_request *request, struct http_server_answer *answer);
void web_latency_report(const struct http_server_request *request, struct http_server_answer *answer);
void web_latency_metrics(const struct desk *desk);

/* web_agent.c */
void web_agent_report(const struct http_server_request *request, struct http_server_answer *answer);
void web_agent_lease(const struct http_server_request *request, struct http_server_answer *answer);
void web_agent_renew(const struct http_server_request *request, struct http_server_answer *answer);
void web_agent_acquire(const struct http_server_request *request, struct http_server_answer *answer);

/* web_ledger.c */
void web_ledger_list(const struct http_server_request *request, struct http_server_answer *answer);
void web_ledger_get(const struct http_server_request *request, struct http_server_answer *answer);
void web_ledger_resolve(const struct http_server_request *request, struct http_server_answer *answer);

/* web_node.c */
void web_node_reinit(const struct http_server_request *request, struct http_server_answer *answer);
void web_node_restart(const struct http_server_request *request, struct http_server_answer *answer);

/* web_event.c */
void web_event_get(const struct http_server_request *request, struct http_server_answer *answer);

/* web_metric.c */
void web_metric_get(const struct http_server_request *request, struct http_server_answer *answer);

/* web_config.c */
void web_config_get(const struct http_server_request *request, struct http_server_answer *answer);
void web_config_apply(const struct http_server_request *request, struct http_server_answer *answer);
