/* SPDX-License-Identifier: Apache-2.0
 * The relay as a process. */
#include "service/service_serve.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "edge/log.h"

/* The second signal: no more patience. */
static void service_serve_leave(int number)
{
    (void)number;
    _exit(0);
}

static void service_serve_reload(struct service *service, service_serve_read *read, void *context)
{
    struct service_setup setup;
    if (!read(context, &setup)) {
        return;
    }
    const enum err err = service_reload(service, &setup);
    if (err != ERR_OK) {
        LOG_E("the services stay as they were: %s", err_text(err));
    } else {
        LOG_N("services read again, listening on %u addresses", setup.listeners_count);
    }
}

static void service_serve_wait(struct service *service, const sigset_t *signals, service_serve_read *read,
                               void *context)
{
    for (;;) {
        int number = 0;
        if (sigwait(signals, &number) != 0) {
            continue;
        }
        if (number == SIGHUP) {
            service_serve_reload(service, read, context);
        } else if (number == SIGUSR1) {
            service_log_status(service);
        } else {
            LOG_N("signal %d: stopping", number);
            return;
        }
    }
}

enum err service_serve_run(const struct service_options *options, service_serve_read *read, void *context)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGUSR1);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    struct service *service = NULL;
    const enum err err = service_start(options, &service);
    if (err != ERR_OK) {
        return err;
    }
    service_serve_wait(service, &signals, read, context);
    const struct sigaction leave = {.sa_handler = service_serve_leave};
    sigaction(SIGTERM, &leave, NULL);
    sigaction(SIGINT, &leave, NULL);
    sigdelset(&signals, SIGUSR1);
    sigdelset(&signals, SIGHUP);
    pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
    service_log_status(service);
    service_stop(service);
    return ERR_OK;
}
