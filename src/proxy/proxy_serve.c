/* SPDX-License-Identifier: Apache-2.0
 * The proxy as a process. */
#include "proxy/proxy_serve.h"

#include <stdlib.h>

#include "edge/daemon.h"
#include "edge/log.h"

struct proxy_serve {
    struct proxy *proxy;
    proxy_serve_read *read;
    void *context;
};

static void proxy_serve_reload(void *context)
{
    struct proxy_serve *serve = context;
    struct proxy_options *options = serve->read != NULL ? calloc(1, sizeof *options) : NULL;
    const bool good = options != NULL && serve->read(serve->context, options);
    proxy_reload(serve->proxy, good ? options : NULL);
    free(options);
}

static void proxy_serve_status(void *context)
{
    const struct proxy_serve *serve = context;
    proxy_log_status(serve->proxy);
}

enum err proxy_serve_run(const struct proxy_options *options, proxy_serve_read *read, void *context)
{
    struct proxy_serve serve = {.read = read, .context = context};
    daemon_hold_signals();
    const enum err err = proxy_start(options, &serve.proxy);
    if (err != ERR_OK) {
        return err;
    }
    daemon_obey(&(struct daemon_orders){.reload = proxy_serve_reload, .status = proxy_serve_status, .context = &serve});
    proxy_stop(serve.proxy);
    return ERR_OK;
}
