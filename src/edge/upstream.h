/* SPDX-License-Identifier: Apache-2.0
 * One controller as an observer, or a fellow controller, sees it: results are reported to it, the readers of this host
 * are told to it, and its view is followed.
 *
 * Each controller has one of its own with three threads, so that one that hangs delays no other. The first that has a
 * newer view gives it: whoever leads is found without looking for it. Everything goes on without the controller and
 * begins again by itself. */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "core/view.h"
#include "edge/observe.h"
#include "edge/probe.h"
#include "edge/publish.h"
#include "edge/sight.h"

struct upstream;

/* The host's side; called from the threads of every upstream of it. */
struct upstream_host {
    void *context;
    uint64_t (*version)(void *context);                   /* of the view that the host's readers see */
    void (*take)(void *context, const struct view *view); /* a view, perhaps a newer one */
    void (*readers)(void *context, struct publish_reader_info *list, uint32_t *ret_count);
    void (*sights)(void *context, struct sight_sum *list, uint32_t *ret_count); /* what they met with, SIGHT_LIST */
    void (*beats)(void *context, struct observe_beats *ret_beats); /* what the host hears; NULL: it does not listen */
};

struct upstream_options {
    const char *site;    /* ours */
    const char *address; /* the controller's API */
    const char *token;
    const char *state_dir; /* of the host: the figures of its data planes are there */
    uint64_t boot;         /* of this process; a positive JSON integer */
    struct upstream_host host;
};

/* Borrows the texts until upstream_free. */
ERR_CHECK enum err upstream_new(const struct upstream_options *options, struct upstream **ret_upstream);

/* A result to report. Any thread; never blocks. Has the form of a probe_sink. */
void upstream_push(void *upstream, const struct probe_result *result);

/* What the host hears has changed: a report goes out at once. Any thread; never blocks. */
void upstream_urge(struct upstream *upstream);

/* Ends its threads; takes about a second. NULL is fine. */
void upstream_free(struct upstream *upstream);
