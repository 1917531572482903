/* SPDX-License-Identifier: Apache-2.0
 * What of the configuration may change while the proxy runs, and how a worker carries it out.
 *
 * A new edition lies in the box beside the view (proxy_switch.h); each worker copies it when it looks there, and from
 * then on its own copy counts. Sessions do not feel it, unless their entry is closed. */
#pragma once

#include <stdint.h>

#include "proxy/proxy_door.h"
#include "proxy/proxy_entries.h"
#include "proxy/proxy_route.h"

struct proxy_session_context;
struct proxy_session;

struct proxy_edition {
    struct proxy_entries entries;
    struct proxy_route_place place;
    struct proxy_door_user operators[PROXY_DOOR_USERS]; /* who may use the console */
    uint32_t operators_count;
};

/* The context's routes are those of a new edition, and their targets are found: pools get their new shares, entries
 * that are closed lose their sessions as far as these stand at a transaction boundary. The worker's thread. */
void proxy_edition_carry_out(struct proxy_session_context *context);

/* Of these entries, which are closed, those on which a session, a pool or a way to log in still stands. */
uint64_t proxy_edition_stand(struct proxy_session_context *context, uint64_t closed);

/* Ends a session at its transaction boundary when its entry is closed. True: it did. */
bool proxy_edition_leave(struct proxy_session_context *context, struct proxy_session *session);
