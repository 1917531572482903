/* SPDX-License-Identifier: Apache-2.0
 * The proxy as a process. */
#include "proxy/proxy_serve.h"

#include "edge/daemon.h"
#include "edge/log.h"

/* SIGHUP is for the site's other roles as well; sessions must not pay for it. */
static void proxy_serve_reload(void *context)
{
    struct proxy *proxy = context;
    LOG_N("the configuration of the SQL proxy takes a restart; it goes on as it is, certificates are read again");
    proxy_reload(proxy);
}

static void proxy_serve_status(void *context)
{
    struct proxy *proxy = context;
    proxy_log_status(proxy);
}

enum err proxy_serve_run(const struct proxy_options *options)
{
    struct proxy *proxy = NULL;
    daemon_hold_signals();
    const enum err err = proxy_start(options, &proxy);
    if (err != ERR_OK) {
        return err;
    }
    daemon_obey(&(struct daemon_orders){.reload = proxy_serve_reload, .status = proxy_serve_status, .context = proxy});
    proxy_stop(proxy);
    return ERR_OK;
}
