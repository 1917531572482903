/* SPDX-License-Identifier: Apache-2.0
 * The proxy as a process. */
#include "proxy/proxy_serve.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "edge/log.h"

/* The second signal: no more patience. */
static void proxy_serve_leave(int number)
{
    (void)number;
    _exit(0);
}

static void proxy_serve_wait(struct proxy *proxy, const sigset_t *signals)
{
    for (;;) {
        int number = 0;
        if (sigwait(signals, &number) != 0) {
            continue;
        }
        if (number == SIGHUP) {
            /* For the site's other roles as well; sessions must not pay for it. */
            LOG_N(
                "the configuration of the SQL proxy takes a restart; it goes on as it is, certificates are read again");
            proxy_reload(proxy);
        } else if (number == SIGUSR1) {
            proxy_log_status(proxy);
        } else {
            LOG_N("signal %d: stopping", number);
            return;
        }
    }
}

enum err proxy_serve_run(const struct proxy_options *options)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGUSR1);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    struct proxy *proxy = NULL;
    const enum err err = proxy_start(options, &proxy);
    if (err != ERR_OK) {
        return err;
    }
    proxy_serve_wait(proxy, &signals);
    const struct sigaction leave = {.sa_handler = proxy_serve_leave};
    sigaction(SIGTERM, &leave, NULL);
    sigaction(SIGINT, &leave, NULL);
    sigdelset(&signals, SIGUSR1);
    sigdelset(&signals, SIGHUP);
    pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
    proxy_log_status(proxy);
    proxy_stop(proxy);
    return ERR_OK;
}
