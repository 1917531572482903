/* SPDX-License-Identifier: Apache-2.0
 * The ledger of one database, asked for the API: a page of it, one entry, a person's word about one (doc/salvage.md).
 *
 * Has the form of a desk's question (edge/desk.h), so that the controller can be handed it. Blocking, with a deadline;
 * any thread. */
#pragma once

#include <stddef.h>

#include "base/err.h"
#include "base/time.h"
#include "edge/desk.h"
#include "edge/sql.h"

/* `login`: the writer, as the cluster's superuser. On success `*ret_json` is JSON text, the caller's to free:
 * PAGE: {"open":n,"entries":[...],"next":id or null}; ENTRY: the entry with its rows; APPLY, DISCARD: {"id","state"}.
 * ERR_NOT_FOUND: no such entry, no such database; ERR_REFUSED: nothing was changed; ERR_ROLE: not the writer;
 * others as sql_open and sql_query. `message` gets a sentence about an error. */
ERR_CHECK enum err ledger_ask(const struct sql_login *login, const struct desk_ledger *ask, struct mono deadline,
                              char **ret_json, char *message, size_t size);
