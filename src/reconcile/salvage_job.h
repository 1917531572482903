/* SPDX-License-Identifier: Apache-2.0
 * One salvage at work: what its parts share. Internal to salvage. */
#pragma once

#include "reconcile/salvage.h"
#include "reconcile/salvage_fork.h"
#include "reconcile/salvage_source.h"
#include "reconcile/salvage_target.h"
#include "reconcile/salvage_text.h"
#include "reconcile/salvage_wal.h"

enum {
    SALVAGE_JOB_DATABASES = 64,
    SALVAGE_JOB_CHANGES = 192 * 1024 * 1024, /* bytes of one transaction's rows as JSON; jsonb holds 255 MB */
};

struct salvage_job_database {
    uint32_t oid;
    char name[64];
    bool slot;          /* there is one to decode from, which begins at or before the fork */
    char slot_name[64]; /* the guard slot's, or that of one made in the past */
    bool remade;        /* it was made in the past (reconcile/salvage_remake.h) */
    char why[128];      /* why there is none; the operator's words */
};

struct salvage_job {
    const struct salvage_options *options;
    struct salvage_report *report;
    struct salvage_source source;
    struct salvage_wal wal;
    struct salvage_target_login login;
    struct salvage_target_run run;
    struct salvage_job_database databases[SALVAGE_JOB_DATABASES];
    uint32_t databases_count;
    bool incomplete;               /* something of the tail is not in the ledger with all that it wrote */
    struct salvage_text_buf notes; /* a JSON array without its last bracket */
    struct salvage_text_buf json;  /* one transaction's changes */
};

/* Says what went wrong, once, and answers `err`. */
enum err salvage_job_fail(struct salvage_job *job, enum err err, const char *what, const char *detail);

/* A remark for the ledger's run. */
void salvage_job_note(struct salvage_job *job, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Tells how far it is. ERR_CANCELLED: give up. */
ERR_CHECK enum err salvage_job_progress(struct salvage_job *job, const char *what, uint64_t done, uint64_t total);

/* The old writer's log from `from` to the end of the tail, timeline by timeline, pg_waldump's lines to `line`.
 * ERR_EXIT_STATUS: it cannot be read; or what `line` answered. */
ERR_CHECK enum err salvage_job_read_log(struct salvage_job *job, const struct salvage_fork_history *own,
                                        struct lsn from, enum err (*line)(void *context, const char *text, size_t size),
                                        void *context);

/* Whether a commit belongs to this database. What no record names belongs to the cluster's own. */
bool salvage_job_within(const struct salvage_job *job, const struct salvage_job_database *database,
                        const struct salvage_wal_commit *commit);
