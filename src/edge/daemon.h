/* SPDX-License-Identifier: Apache-2.0
 * What the process of a data plane does on signals: SIGHUP reads anew, SIGUSR1 logs its counters, SIGTERM and SIGINT
 * stop it in peace, a second one at once. From the process's first thread only. */
#pragma once

#include <stdint.h>

struct daemon_orders {
    void (*reload)(void *context);
    void (*status)(void *context); /* also once after the end */
    void (*look)(void *context);   /* about once a second, unless something else is to be done; NULL: never */
    void *context;
};

/* Raises the limit of file descriptors to `wanted`, as far as the hard one goes. The limit that is there then: less
 * than `wanted` is for the caller to tell. */
uint64_t daemon_descriptors(uint64_t wanted);

/* Keeps these signals for daemon_obey: before any other thread is started. */
void daemon_hold_signals(void);

/* Carries orders out until it is time to stop. Returns then; what stops may take its time. */
void daemon_obey(const struct daemon_orders *orders);
