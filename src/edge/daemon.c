/* SPDX-License-Identifier: Apache-2.0
 * What the process of a data plane does on signals. */
#include "edge/daemon.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "edge/log.h"

static sigset_t daemon_signals(void)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGUSR1);
    sigaddset(&signals, SIGHUP);
    return signals;
}

uint64_t daemon_descriptors(uint64_t wanted)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return 0;
    }
    if (limit.rlim_cur < wanted) {
        limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    return limit.rlim_cur;
}

void daemon_hold_signals(void)
{
    const sigset_t signals = daemon_signals();
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
}

static void daemon_leave(int number)
{
    (void)number;
    _exit(0);
}

/* The second signal: no more patience. */
static void daemon_leave_on_signal(void)
{
    const struct sigaction leave = {.sa_handler = daemon_leave};
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    sigaction(SIGTERM, &leave, NULL);
    sigaction(SIGINT, &leave, NULL);
    pthread_sigmask(SIG_UNBLOCK, &ends, NULL);
}

void daemon_obey(const struct daemon_orders *orders)
{
    const sigset_t signals = daemon_signals();
    const struct timespec second = {.tv_sec = 1};
    for (;;) {
        const int number = orders->look != NULL ? sigtimedwait(&signals, NULL, &second) : sigwaitinfo(&signals, NULL);
        if (number < 0 && orders->look != NULL) {
            orders->look(orders->context);
        } else if (number == SIGHUP) {
            orders->reload(orders->context);
        } else if (number == SIGUSR1) {
            orders->status(orders->context);
        } else if (number == SIGTERM || number == SIGINT) {
            LOG_N("signal %d: stopping", number);
            break;
        }
    }
    daemon_leave_on_signal();
    orders->status(orders->context);
}
