/* SPDX-License-Identifier: Apache-2.0
 * A connection to a server. */
#include "proxy/proxy_server.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "edge/tcp.h"
#include "proxy/proxy_batch.h"
#include "proxy/proxy_line.h"
#include "proxy/proxy_session.h"
#include "wire/pg_message.h"

struct proxy_server *proxy_server_new(const struct proxy_route_target *target)
{
    struct proxy_server *server = calloc(1, sizeof *server);
    if (server != NULL) {
        list_init(&server->dead);
        list_init(&server->pooled);
        proxy_end_init(&server->end, -1);
        server->end.server = server;
        server->target = *target;
        server->load = PROXY_LOAD_SERVERS;
    }
    return server;
}

enum err proxy_server_open(struct proxy_session_context *context, const struct proxy_route_target *target,
                           struct proxy_server **ret_server)
{
    struct proxy_server *server = proxy_server_new(target);
    if (server == NULL) {
        return ERR_NO_MEMORY;
    }
    enum err err = tcp_connect(&target->address, &server->end.fd);
    if (err == ERR_OK) {
        tcp_tune_server(server->end.fd);
        err = proxy_end_watch(context, &server->end);
    }
    if (err != ERR_OK) {
        proxy_server_drop(context, server, false);
        return err;
    }
    server->attempting = true;
    server->load = proxy_load_add(&context->load, &server->target.address);
    *ret_server = server;
    return ERR_OK;
}

bool proxy_server_parameter(struct proxy_server *server, struct span body)
{
    struct span name;
    struct span value;
    if (pg_message_parameter_parse(body, &name, &value) == ERR_OK && span_is(name, "in_hot_standby")) {
        server->standby = span_is(value, "on");
        return server->standby;
    }
    return false;
}

void proxy_server_report(struct proxy_server *server, struct span body)
{
    struct proxy_keep_parameters parameters = {.data = server->parameters.data, .size = server->parameters.size};
    (void)proxy_server_parameter(server, body);
    proxy_keep_parameter(&parameters, body);
    server->parameters.data = parameters.data;
    server->parameters.size = parameters.size;
}

bool proxy_server_text_set(struct proxy_server_text *text, struct span bytes)
{
    if (span_equal(span_of(text->data, text->size), bytes)) {
        return true;
    }
    uint8_t *data = malloc(bytes.size + 1);
    if (data == NULL) {
        return false;
    }
    if (bytes.size > 0) {
        memcpy(data, bytes.data, bytes.size);
    }
    free(text->data);
    text->data = data;
    text->size = bytes.size;
    return true;
}

void proxy_server_login_end(struct proxy_server *server)
{
    if (server->login != NULL) {
        ASSERT(*server->login > 0);
        (*server->login)--;
        server->login = NULL;
    }
}

void proxy_server_early_free(struct proxy_server *server)
{
    free(server->early);
    server->early = NULL;
    server->early_have = 0;
}

void proxy_server_drop(struct proxy_session_context *context, struct proxy_server *server, bool abort)
{
    ASSERT(list_empty(&server->dead));
    proxy_batch_settle_end(context, &server->end);
    proxy_server_login_end(server);
    proxy_server_early_free(server);
    proxy_end_hang_up(&server->end, abort);
    if (server->key != NULL) {
        proxy_cancel_server_end(context->cancel, server->key);
        server->key = NULL;
    }
    server->end.session = NULL;
    proxy_load_take(&context->load, server->load);
    server->load = PROXY_LOAD_SERVERS;
    if (server->pool != NULL) {
        const uint32_t route = server->pool->route;
        proxy_pool_leave(server);
        proxy_metrics_take(&context->metrics, PROXY_METRICS_SERVERS, 1);
        proxy_line_stir(context, route);
        proxy_line_forget_later(context);
    }
    if (server->spare != NULL) {
        proxy_spare_remove(server);
        proxy_metrics_take(&context->metrics, PROXY_METRICS_SPARES, 1);
    }
    list_append(&context->dropped, &server->dead);
}

void proxy_server_bury(struct proxy_session_context *context)
{
    while (!list_empty(&context->dropped)) {
        struct proxy_server *server = LIST_ENTRY(context->dropped.next, struct proxy_server, dead);
        list_remove(&server->dead);
        free(server->startup.data);
        free(server->settings.data);
        free(server->parameters.data);
        proxy_shelf_clear(&server->prepared);
        free(server);
    }
}
