/* SPDX-License-Identifier: Apache-2.0
 * The cap of max_lag: while even the freshest standby is further behind than a database's max_lag, sessions wait.
 *
 * For clusters whose commits wait for nobody: what a failover may leave behind stays bounded. Behind is counted in what
 * the standby has not received: the age of the oldest log that it lacks, by the positions of both as they are reported
 * (PostgreSQL's own figure says 0 while a slow link is all there is). The view says "hold", as in a planned move: the
 * proxies let transactions end and begin no new ones. It is let go at four fifths of max_lag.
 *
 * Bounded: after three seconds everybody goes on for one, so that a standby which never catches up slows the service
 * down, and does not stop it. And a cap needs a standby: where none streams nothing is held, and that is told. A run
 * has the view's hold for itself. */
#pragma once

#include "core/engine.h"

enum cap_state {
    CAP_OPEN,    /* nothing is held; or the database has no cap */
    CAP_HOLDING, /* sessions wait, now or in a moment again */
    CAP_ALONE,   /* no standby streams: nothing can be kept */
};

/* A duty of the leader. */
void cap_step(struct engine *engine, struct output *output);

/* For the view: whether sessions wait now. */
bool cap_holds(const struct engine *engine, uint32_t database);

enum cap_state cap_look(const struct engine *engine, uint32_t database);
