/* SPDX-License-Identifier: Apache-2.0
 * The relay as a process. */
#include "service/service_serve.h"

#include "edge/daemon.h"
#include "edge/log.h"

struct service_serve {
    struct service *service;
    service_serve_read *read;
    void *context;
};

static void service_serve_reload(void *context)
{
    const struct service_serve *serve = context;
    struct service_setup setup;
    if (!serve->read(serve->context, &setup)) {
        return;
    }
    const enum err err = service_reload(serve->service, &setup);
    if (err != ERR_OK) {
        LOG_E("the services stay as they were: %s", err_text(err));
    } else {
        LOG_N("services read again, listening on %u addresses", setup.listeners_count);
    }
}

static void service_serve_status(void *context)
{
    const struct service_serve *serve = context;
    service_log_status(serve->service);
}

enum err service_serve_run(const struct service_options *options, service_serve_read *read, void *context)
{
    struct service_serve serve = {.read = read, .context = context};
    daemon_hold_signals();
    const enum err err = service_start(options, &serve.service);
    if (err != ERR_OK) {
        return err;
    }
    daemon_obey(
        &(struct daemon_orders){.reload = service_serve_reload, .status = service_serve_status, .context = &serve});
    service_stop(serve.service);
    return ERR_OK;
}
