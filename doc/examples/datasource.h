/* SPDX-License-Identifier: Apache-2.0
 * Example: a data source on libpq that knows where to go. It chooses the server by intent, asks the region's breaker,
 * connects, sends one statement outside of transactions, says what its result means, and sends it again where that is
 * safe: to another server, after a while, within a budget.
 *
 * One data source belongs to one thread at a time; the context and the budget are shared by all. */
#pragma once

#include <holdfast.h>
#include <stdint.h>

#include <libpq-fe.h>

struct datasource;

struct datasource_options {
    struct holdfast *holdfast;    /* opened with the database's name */
    struct holdfast_retry *retry; /* the budget of the whole process */
    const char *conninfo;         /* all but host and port: "dbname=shop user=shop connect_timeout=2" */
    int64_t deadline_ms;          /* of one call, with all its attempts and waits */
};

/* NULL: out of memory. The options are kept; what they point to belongs to the caller and must outlive it. */
struct datasource *datasource_new(const struct datasource_options *options);
void datasource_free(struct datasource *source);

/* Sends one statement. `intent` HOLDFAST_WRITE when it writes: then it goes to the writer of the view, and a connection
 * that broke meanwhile makes its outcome unknown instead of sending it twice. `key` (or NULL) keeps a session's reads
 * together. The last result of the server, or NULL, is in `ret_result` in any case: PQclear it. */
enum holdfast_result datasource_run(struct datasource *source, enum holdfast_intent intent, const char *key,
                                    const char *sql, PGresult **ret_result);

/* Why the last call failed; and where it went. Valid until the next one. */
const char *datasource_message(const struct datasource *source);
const char *datasource_node(const struct datasource *source);
