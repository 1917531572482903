/* SPDX-License-Identifier: Apache-2.0
 * What calls met with at servers, counted for the process that serves the view on this host. Private to libholdfast;
 * the public function is holdfast_note in holdfast.h.
 *
 * Each thread counts in a place of its own (holdfast_thread.h), by node of the view in use; the counts only grow, and
 * whoever tells says by how much since the datagram before. One that nobody takes is said again with the next: nothing
 * is waited for and nothing is lost but by the end of the process, or when the view's nodes are others before anybody
 * has listened. */
#pragma once

#include <holdfast.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/un.h>

#include "core/limits.h"
#include "core/view.h"
#include "holdfast_thread.h"

enum holdfast_note_kind {
    HOLDFAST_NOTE_ANSWERED,
    HOLDFAST_NOTE_FAILED,
    HOLDFAST_NOTE_WRONG,
    HOLDFAST_NOTE_TOOK_NS, /* of those that were answered */
    HOLDFAST_NOTE_KINDS
};

struct holdfast_note_place {
    _Alignas(64) _Atomic uint64_t counts[LIMITS_NODES][HOLDFAST_NOTE_KINDS];
};

/* A plain copy, of all threads together. */
struct holdfast_note_sums {
    uint64_t counts[LIMITS_NODES][HOLDFAST_NOTE_KINDS];
};

struct holdfast_note {
    struct holdfast_note_place places[HOLDFAST_THREADS + 1]; /* by thread; the last one is shared */
    _Atomic uint64_t since; /* version of the first view with the present nodes: older targets name others */
    int64_t tell_ms;        /* 0: nobody is told */
    struct sockaddr_un address;

    /* Under the lock of the context. */
    int fd; /* -1: none yet */
    int64_t told_ms;
    uint64_t told;                  /* datagrams that were taken */
    struct holdfast_note_sums said; /* what the counts were then */
};

/* A path that is too long for a socket: nobody is told. */
void holdfast_note_init(struct holdfast_note *note, const char *state_dir, int64_t tell_ms);
void holdfast_note_fini(struct holdfast_note *note);

/* Counts one call. True: it is worth telling soon. */
bool holdfast_note_count(struct holdfast_note *note, const struct holdfast_target *target,
                         const struct holdfast_verdict *verdict, int64_t duration_ns);

/* Under the lock of the context. Tells what was counted of this view's nodes, when the last time is at least so long
 * ago. Never waits. */
void holdfast_note_tell(struct holdfast_note *note, const struct view *view, int64_t now_ms, int64_t after_ms);

/* Under the lock of the context: another view. When its nodes are others, what was counted is told of the old ones. */
void holdfast_note_view(struct holdfast_note *note, const struct view *before, const struct view *after,
                        int64_t now_ms);
