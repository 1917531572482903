/* SPDX-License-Identifier: Apache-2.0
 * The store of several controllers: an etcd cluster (v3.4 or later) through its JSON gateway.
 *
 * doc/store.md says what lies where and how each promise is kept; doc/decisions/008-etcd-through-its-json-gateway.md
 * why. Requests run side by side on a few threads with connections of their own; those that touch the same records, or
 * the journal, run in the order of their submission. A request ends after three times `timeout_ms`, or later while the
 * store goes on answering others: a member that hangs costs the requests that are under way one `timeout_ms`, then the
 * next member is asked, and it is asked again only after it has answered a check of its own.
 *
 * ERR_UNAVAILABLE: no member answers, or there is no majority; nothing was written, and nothing will be. ERR_IO: a
 * commit was sent and its fate is not known yet. What touches its records, or the journal if it appends, is then
 * answered only after the store has settled it, so a read after ERR_IO tells the truth for ever. ERR_PERMISSION,
 * ERR_AUTH: etcd refuses. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "edge/store.h"
#include "wire/config.h"

enum {
    STORE_ETCD_MEMBERS = 8,
    STORE_ETCD_COMMIT_BYTES = 1280 * 1024, /* keys and values of one commit; etcd's own limit is 1.5 MiB */
};

struct store_etcd_config {
    const char *endpoints[STORE_ETCD_MEMBERS]; /* literal addresses, "10.1.0.5:2379"; the first one is preferred */
    size_t endpoint_count;
    const char *prefix;      /* of every key; ends with '/', at most 127 bytes */
    const char *owner;       /* who writes: the site. Each process has its own, or ERR_IO may be all it learns */
    uint32_t timeout_ms;     /* of one try at one member */
    uint32_t history_ms;     /* what is older is compacted; 0: never */
    const char *ca;          /* PEM file: https. NULL: http */
    const char *certificate; /* PEM files, both or none */
    const char *key;
    const char *server_name; /* what the members' certificates are for; NULL: their addresses */
    const char *user;        /* NULL: no authentication */
    struct config_secret password;
};

/* Copies the configuration. Waits until a member answers, at most for about three times timeout_ms. `message` gets a
 * sentence that says what is wrong and what to do: ERR_UNAVAILABLE: nobody answers; ERR_CERTIFICATE; ERR_AUTH;
 * ERR_PERMISSION; ERR_UNSUPPORTED: the prefix holds something of another program or version; ERR_INVALID;
 * ERR_NO_MEMORY. */
ERR_CHECK enum err store_etcd_open(const struct store_etcd_config *config, char *message, size_t message_size,
                                   struct store **ret_store);
