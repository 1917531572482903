/* SPDX-License-Identifier: Apache-2.0
 * What the SQLite store answers to GET, LIST, CHANGES and READ. On the store's thread, outside a batch. */
#pragma once

#include "edge/store_sqlite_db.h"

/* Fills the answer from `answer->memory`. Errors of store_submit's answers. */
ERR_CHECK enum err store_sqlite_read_request(struct store_sqlite_db *db, const struct store_request *request,
                                             struct store_answer *answer);
