/* SPDX-License-Identifier: Apache-2.0
 * A watch on everything that changes records: who waits for changes is woken by it.
 *
 * A thread of its own with one stream to one member; it goes from member to member when the stream ends, is refused, or
 * the keeper finds it deaf (store_etcd_watch_restart). It only wakes: what is told to anybody is read from the store by
 * a linearizable read (store_etcd_read.h), so nothing is lost or wrong when a stream breaks, is compacted, or lies. */
#pragma once

#include <stdint.h>

#include "base/span.h"
#include "edge/store_etcd_line.h"

struct store_etcd_watch;

/* On the watch's thread; short. */
struct store_etcd_watch_sink {
    void (*changed)(void *context, struct span key, uint64_t revision); /* the record KEY */
    void (*gap)(void *context);                                         /* anything may have changed meanwhile */
    void *context;
};

ERR_CHECK enum err store_etcd_watch_new(struct store_etcd_members *members, const struct store_etcd_watch_sink *sink,
                                        struct store_etcd_watch **ret_watch);

/* Everything up to this revision has been told; 0: no stream yet. */
uint64_t store_etcd_watch_seen(struct store_etcd_watch *watch);

/* Ends the stream, goes on at another member: where it was, or with `forget` from now, after a gap. */
void store_etcd_watch_restart(struct store_etcd_watch *watch, bool forget);

/* How many streams were opened. */
uint64_t store_etcd_watch_streams(struct store_etcd_watch *watch);

/* Ends the thread. Accepts NULL. */
void store_etcd_watch_free(struct store_etcd_watch *watch);
