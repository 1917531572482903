/* SPDX-License-Identifier: Apache-2.0
 * Silence: the heartbeats of the nodes as all sites hear them, and what follows when nobody hears a writer any more.
 *
 * Agents send heartbeats over UDP (wire/beat.h) to every site that listens; each site says to the controllers which
 * nodes it hears and which it has not heard for the window of their database (EVENT_BEATS). A node is silent when more
 * than half of all observing sites have a word about it, and more than half of those say silent. A site without a word,
 * or whose word is unknown, never counts as one that hears nothing.
 *
 * Of a writer, a site that hears its heartbeats say that no process of its server remains, under the epoch that the
 * view has, counts as one that hears nothing: so a writer that is cut from the controllers and has fenced itself is
 * known to be gone by those who still hear its agent.
 *
 * The silence of a writer is confirmed (silence_look) when for the same window its own reports to this controller and
 * its renewals of the lease have stopped too, when this engine has not stood still itself meanwhile, and when a member
 * of the durability set that may take over stands in the same region and was itself heard within half the window: when
 * a region is lost as a whole, its nodes fall silent one datagram after another. What follows is a failover inside the
 * region (run_decide.c), under the gates of rule 4 with the silent sites as the observers that see it down. Moving a
 * whole region stays with the checks.
 *
 * The window is shorter than the lease: the fence can begin to wait before the lease ends, and nothing is promoted
 * before it has ended, so a wrong word costs a failover and never a second writer.
 *
 * Not used with the profile adr-039, which knows checks and metrics only. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "core/engine.h"

enum silence_verdict {
    SILENCE_OFF,       /* no window is configured, nobody writes, or the profile does not know it */
    SILENCE_FEW,       /* at most half of the sites have a word about its node */
    SILENCE_HEARD,     /* not more than half of the sites hear nothing */
    SILENCE_REPORTS,   /* they do, but the agent reported within the window */
    SILENCE_RENEWS,    /* ... or its lease was renewed within the window */
    SILENCE_PAUSE,     /* ... or this controller stood still within the window */
    SILENCE_ALONE,     /* ... or nobody in the region may take over and is heard */
    SILENCE_CONFIRMED, /* the writer's node is gone */
};

/* The silence of a database's writer, and what it rests on. */
struct silence_state {
    enum silence_verdict verdict;
    uint32_t node;      /* the writer; LIMITS_NONE: nobody */
    uint32_t window_ms; /* 0: not configured */
    uint32_t total;     /* sites that observe */
    uint32_t reporting; /* that have a word about this node */
    uint32_t silent;    /* of those, hear nothing, or that it is gone */
    uint32_t gone;      /* of those, hear that it is gone */
    uint32_t age_ms;    /* since the last heartbeat that any of those heard; 0: none of them */
    int64_t report_ms;  /* since its last report; -1: none */
    int64_t renewal_ms; /* since the last renewal of the lease was seen; -1: none */
};

/* Forgets every word. */
void silence_init(struct engine *engine);

/* Takes a site's word; a heartbeat's word of a certain death. */
void silence_take(struct engine *engine, const struct event_beats *beats);
void silence_take_death(struct engine *engine, const struct event_death *death);

/* The engine steps again after `before`: after a pause what it knows of others is old, and is heard anew. */
void silence_pause(struct engine *engine, struct mono before);

enum silence_says { SILENCE_UNKNOWN, SILENCE_HEARS, SILENCE_HEARS_NONE, SILENCE_HEARS_GONE };

/* What this site says about that node now, and since when it has not heard it. `ret_age_ms` NULL: not wanted. */
enum silence_says silence_word(const struct engine *engine, uint32_t site, uint32_t node, uint32_t *ret_age_ms);

/* The word for it, e.g. "heard". */
const char *silence_says_name(enum silence_says says);

/* The silence of the writer of a database. */
struct silence_state silence_look(const struct engine *engine, uint32_t database);

/* What the law says about a failover for that silence. There is a writer. */
void silence_judge(const struct engine *engine, uint32_t database, struct decide_answer *ret_answer);

/* The evidence as a sentence of at most 127 bytes. There is a writer. */
void silence_print(const struct engine *engine, const struct silence_state *state, struct buf *buf);

/* Says which nodes went silent or came back; once per gate that a failover for silence was held back. */
void silence_say(struct engine *engine, struct output *output);
void silence_say_held(struct engine *engine, struct output *output, uint32_t database,
                      const struct decide_answer *answer);

/* When a silence that the sites agree on can be confirmed at the earliest; TIME_NEVER: nothing to wait for. */
struct mono silence_deadline(const struct engine *engine);

/* The word for a verdict, e.g. "confirmed". */
const char *silence_name(enum silence_verdict verdict);
