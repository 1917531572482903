/* SPDX-License-Identifier: Apache-2.0
 * HAProxy's runtime API, blocking with a deadline: for the traffic mover. Probes read the same socket through their
 * loop.
 *
 * `address` is a literal ADDRESS:PORT or an absolute path of a `stats socket ... level admin`. Any thread that may
 * wait. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "edge/haproxy_stat.h"

enum {
    HAPROXY_MESSAGE = 128,
    HAPROXY_ANSWER_BYTES = 1 << 20, /* what one answer may be long */
    HAPROXY_WEIGHTS = HAPROXY_STAT_SERVERS,
};

struct haproxy_target {
    const char *address;
    uint32_t timeout_ms;           /* of the whole call */
    char message[HAPROXY_MESSAGE]; /* set on every failure: what HAProxy said, or what went wrong */
};

struct haproxy_weight {
    const char *server;
    uint32_t percent; /* of the configured weight, 0-100 (HAProxy allows up to 100 % of the initial weight) */
};

/* Figures of a backend (empty: the only one), servers and their weights included. */
enum err haproxy_show(struct haproxy_target *target, const char *backend, struct haproxy_stat *ret_stat) ERR_CHECK;

/* Sets the weights of servers. All commands go over one connection, in order. ERR_INVALID: a name HAProxy cannot have;
 * ERR_NOT_FOUND: HAProxy knows no such server; ERR_PERMISSION: the socket is not of level admin; ERR_REFUSED,
 * ERR_TIMEOUT, ERR_CLOSED...: nothing is known, do it again (it is the same to do it twice). */
enum err haproxy_set_weights(struct haproxy_target *target, const char *backend, const struct haproxy_weight *weights,
                             uint32_t count) ERR_CHECK;

/* The same percentage for all servers of a backend (empty: the only one), read back from HAProxy as proof. */
enum err haproxy_set_backend(struct haproxy_target *target, const char *backend, uint32_t percent) ERR_CHECK;

enum haproxy_state { HAPROXY_READY, HAPROXY_DRAIN, HAPROXY_MAINTENANCE };
enum err haproxy_set_state(struct haproxy_target *target, const char *backend, const char *server,
                           enum haproxy_state state) ERR_CHECK;
