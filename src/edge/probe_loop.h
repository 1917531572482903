/* SPDX-License-Identifier: Apache-2.0
 * One probe thread: its loop, its slots and their rhythm; and what a kind of probe (a driver) may call.
 *
 * Everything here runs on the loop's own thread, but for probe_loop_new, probe_loop_set,
 * probe_loop_soon and probe_loop_free. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "base/list.h"
#include "edge/probe.h"

struct probe_curl;
struct probe_loop;
struct probe_slot;

/* A kind of probe. A slot has at most one attempt under way. */
struct probe_driver {
    /* Whether the attempt that is about to start costs a TLS handshake or a login. NULL: never. */
    bool (*heavy)(const struct probe_slot *slot);
    /* Begins an attempt. It ends by exactly one probe_loop_finish, perhaps within start. */
    void (*start)(struct probe_slot *slot);
    /* Gives the attempt up: no finish may follow. Sets slot->doing and result phases as far as they are known. */
    void (*cancel)(struct probe_slot *slot);
    /* NULL, or called at the time-out instead of cancel: gives up as well, and must finish. */
    void (*expire)(struct probe_slot *slot);
    /* Frees slot->state; no attempt is under way. Handles may be closed later by themselves. NULL: no state. */
    void (*close)(struct probe_slot *slot);
};

struct probe_slot {
    struct probe_spec spec;
    const struct probe_driver *driver;
    struct probe_loop *loop;
    void *state;                /* the driver's, kept between attempts */
    const char *doing;          /* for the message of a time-out: "connecting to"; never NULL */
    struct probe_result result; /* of the attempt under way; phases and figures are filled by the driver */
    /* From here on: probe_loop.c only. */
    struct list all;
    struct list waiting;
    uv_timer_t timer;
    struct mono due;
    struct mono token_end;
    int64_t lost_us; /* what the thread had lost by itself when the attempt began */
    bool running;
    bool holds_token;
    bool grace; /* the time-out has come: one more look at the sockets */
    bool news;  /* its connection broke since the last attempt */
    bool keep;
};

/* ---- for drivers ---- */

uv_loop_t *probe_loop_uv(struct probe_loop *loop);
struct probe_curl *probe_loop_curl(struct probe_loop *loop);
const struct probe_pool_options *probe_loop_options(const struct probe_loop *loop);

/* Whether an attempt is under way. */
bool probe_loop_running(const struct probe_slot *slot);

/* Microseconds since the attempt's real start. */
int64_t probe_loop_elapsed_us(const struct probe_slot *slot);

/* Ends the attempt. The format makes the message. With ERR_OK the spec's limits are applied here. The slot may be
 * started again by the time this returns: touch nothing of the attempt afterwards. */
void probe_loop_finish(struct probe_slot *slot, enum err err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Ends the attempt with the words for a connection that failed: "connection refused by WHERE". */
void probe_loop_finish_connection(struct probe_slot *slot, enum err err, const char *where);

/* A kept connection broke between attempts: reports a failure now. Not during an attempt. */
void probe_loop_news(struct probe_slot *slot, enum err err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The expensive part is over: the next one may begin. */
void probe_loop_release(struct probe_slot *slot);

/* ---- for the pool ---- */

/* The driver of a kind; handed over, because the drivers need the loop themselves. */
typedef const struct probe_driver *(*probe_loop_driver_of)(enum probe_kind kind);

enum err probe_loop_new(const struct probe_pool_options *options, probe_loop_driver_of driver_of,
                        struct probe_loop **ret_loop) ERR_CHECK;

/* Hands over specs (malloc'ed; the loop frees them). */
void probe_loop_set(struct probe_loop *loop, struct probe_spec *specs, uint32_t count);
void probe_loop_soon(struct probe_loop *loop, const char *database, const char *region); /* probe_pool_soon */
void probe_loop_free(struct probe_loop *loop);
