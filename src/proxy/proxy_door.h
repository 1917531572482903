/* SPDX-License-Identifier: Apache-2.0
 * The way from a worker to the admin console: who may come in, and the hand-over of a connection.
 *
 * A client that names the console's database proves its password like any other (proxy_auth.h), but to us: no server is
 * asked, so that the console is there when databases are not. Then its connection leaves the worker for the console's
 * thread. Constant while workers run. */
#pragma once

#include <stdint.h>

#include "base/span.h"
#include "proxy/proxy_end.h"
#include "proxy/proxy_route.h"
#include "wire/pg_scram.h"

enum { PROXY_DOOR_USERS = 16 };

struct proxy_door_user {
    char name[PROXY_ROUTE_NAME];
    char verifier[PG_SCRAM_VERIFIER];
};

struct proxy_door {
    char database[PROXY_ROUTE_NAME]; /* empty: there is no console */
    /* Takes over the connection: its descriptor, its encryption, what is owed to it. Any worker's thread. */
    void (*enter)(void *owner, struct proxy_end *end, const char *user);
    void *owner;
};

/* Empty: nobody of this name. */
static inline const char *proxy_door_verifier(const struct proxy_door_user *users, uint32_t count, struct span user)
{
    for (uint32_t i = 0; i < count; i++) {
        if (span_is(user, users[i].name)) {
            return users[i].verifier;
        }
    }
    return "";
}
