/* SPDX-License-Identifier: Apache-2.0
 * One salvage at work: what its parts share. Internal to salvage. */
#pragma once

#include "reconcile/salvage.h"
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
    bool slot; /* a guard slot that begins at or before the fork */
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

/* Whether a commit belongs to this database. What no record names belongs to the cluster's own. */
bool salvage_job_within(const struct salvage_job *job, const struct salvage_job_database *database,
                        const struct salvage_wal_commit *commit);
