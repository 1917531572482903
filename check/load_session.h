/* SPDX-License-Identifier: Apache-2.0
 * A client's session: a connection that comes back, one transaction at a time, and what is certain about its end.
 *
 * What is certain: an acknowledgement is the answer to a COMMIT (or to a statement of its own) followed by
 * ReadyForQuery, with no warning in between ("canceling wait for synchronous replication ..." is one). Not applied is a
 * transaction whose COMMIT was never sent, whose COMMIT was answered by ROLLBACK, or which ended in an ERROR of a class
 * that load_session_certain() knows. Everything else is unknown. One thread. */
#pragma once

#include <libpq-fe.h>

#include "base/time.h"
#include "load.h"

struct load_session {
    const struct load_config *config;
    const struct load_target *targets;
    size_t targets_count;
    size_t target;        /* the one in use or tried next */
    PGconn *pg;           /* NULL: none */
    bool writing;         /* of no use where a replica answers: the next target then */
    bool warned;          /* a warning came since the operation began */
    struct mono deadline; /* of the operation */
    /* of the operation under way */
    int64_t sent_us;
    enum history_outcome outcome;
    char error[8];
    bool identified;
    enum history_role role;
    char node[HISTORY_NAME];
    char system[24];
    int64_t timeline;
    int64_t epoch;
};

/* What tells who answers: the columns, for RETURNING and SELECT. */
extern const char load_session_identity[];

/* To a writer through any of `config->writers`, or to any of `config->nodes`; borrowed for ever. */
void load_session_init(struct load_session *session, const struct load_config *config, bool writing, size_t first);
void load_session_fini(struct load_session *session);

/* A connection that is alive, by the end of this operation's time, which begins now. False: none came about, nothing
 * was sent. */
bool load_session_open(struct load_session *session);

/* Begins a transaction and learns who serves it. */
bool load_session_begin(struct load_session *session, enum history_level level);

/* Runs statements; `ret_result` (NULL: not wanted) is the last one's and freed by PQclear. False: the operation is
 * over, `outcome` and `error` say how. */
bool load_session_run(struct load_session *session, const char *statements, PGresult **ret_result);

/* The same for a statement that is a transaction of its own; its result's last columns are load_session_identity. */
bool load_session_run_alone(struct load_session *session, const char *statement, PGresult **ret_result);

/* Commits; `outcome` says what is known. */
void load_session_commit(struct load_session *session);

/* Ends a transaction that is over; the connection stays if it is worth keeping. */
void load_session_end(struct load_session *session);

/* For history_write_done(): as the operation stands now. */
struct history_write_end load_session_record(const struct load_session *session);

/* Whether an ERROR with this SQLSTATE certainly means that nothing was applied. */
bool load_session_certain(const char *sqlstate);
