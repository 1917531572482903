/* SPDX-License-Identifier: Apache-2.0
 * What libpq says, as an enum err and a short sentence. Pure, any thread. */
#pragma once

#include "base/buf.h"
#include "base/err.h"

/* `text` is PQerrorMessage with PQERRORS_VERBOSE, so the server's messages carry their SQLSTATE whatever its language.
 * `words` gets the sentence without libpq's prefix, code and location. */
enum err probe_postgres_error(const char *text, struct buf *words);
