/* SPDX-License-Identifier: Apache-2.0
 * The control process: one decision loop around the engine, and the threads that feed it and act for it.
 *
 * The loop alone steps the core and never does TLS, name look-ups, SQL or disk. What it wants done goes, in this order
 * and never another: to the store, to the view, to the action workers. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "edge/desk.h"

struct control;
struct digest_options;

/* What the control process borrows from a sibling (src/reconcile): compares two servers at one position. Blocking.
 * `detail` gets one sentence. ERR_OK with `ret_consistent`; anything else: not measurable now. */
typedef enum err control_compare(const struct view_address *writer, const struct view_address *standby,
                                 const char *dbname, const char *user, const char *password, int64_t timeout_ms,
                                 bool *ret_consistent, char *detail, size_t size);

/* And another: asks the ledger in the writer (edge/desk.h, reconcile/ledger.h). Blocking. */
struct sql_login;
typedef enum err control_ledger(const struct sql_login *login, const struct desk_ledger *ask, struct mono deadline,
                                char **ret_json, char *message, size_t size);

struct control_options {
    const char *config_path;
    const char *site; /* this controller's */
    control_compare *compare;
    control_ledger *ledger;
};

/* Loads the configuration, opens the store, attaches the view. On an error `message` says what to do. */
ERR_CHECK enum err control_new(const struct control_options *options, char *message, size_t size,
                               struct control **ret_control);

/* The decision loop; returns after control_stop. */
void control_run(struct control *control);

/* After control_run: it was not stopped, its life is over (another controller leads or may lead). The process must end
 * at once and begin anew; nothing need be freed. */
bool control_ended(const struct control *control);

/* From any thread, and from a signal handler's thread. */
void control_stop(struct control *control);

/* SIGHUP: re-reads the configuration; an invalid file changes nothing and is logged. */
void control_reload(struct control *control);

void control_free(struct control *control);

/* What the API needs. Valid until control_free. */
const struct desk *control_desk(struct control *control);
const char *control_token(const struct control *control);
const char *control_listen(const struct control *control);
