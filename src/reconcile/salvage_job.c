/* SPDX-License-Identifier: Apache-2.0
 * One salvage at work: what its parts share. */
#include "reconcile/salvage_job.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum err salvage_job_fail(struct salvage_job *job, enum err err, const char *what, const char *detail)
{
    char *message = job->report->message;
    if (message[0] == '\0') {
        snprintf(message, SALVAGE_MESSAGE, "%s: %s%s%.*s", what, err_text(err), detail[0] != '\0' ? ": " : "",
                 (int)strcspn(detail, "\n"), detail);
    }
    return err;
}

void salvage_job_note(struct salvage_job *job, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (job->notes.size > 1) {
        salvage_text_add(&job->notes, ",", 1);
    }
    salvage_text_add_string(&job->notes, span_text(text));
}

enum err salvage_job_progress(struct salvage_job *job, const char *what, uint64_t done, uint64_t total)
{
    return job->options->progress(job->options->context, what, done, total) ? ERR_OK : ERR_CANCELLED;
}

/* The file of the log that holds that byte. pg_waldump is told by name: left alone, it learns their size from any of
 * them, also from one that was made in advance and is all zeros. */
static void salvage_job_segment(const struct salvage_job *job, uint32_t timeline, uint64_t at, char name[32])
{
    const uint64_t number = at / job->source.segment_bytes;
    const uint64_t per_id = (UINT64_C(1) << 32) / job->source.segment_bytes;
    snprintf(name, 32, "%08X%08X%08X", timeline, (uint32_t)(number / per_id), (uint32_t)(number % per_id));
}

enum err salvage_job_read_log(struct salvage_job *job, const struct salvage_fork_history *own, struct lsn from,
                              enum err (*line)(void *context, const char *text, size_t size), void *context)
{
    uint64_t at = from.position;
    for (uint32_t i = 0; i < own->count; i++) {
        const uint64_t until = own->parts[i].end.position < job->run.tail_end.position ? own->parts[i].end.position
                                                                                       : job->run.tail_end.position;
        if (until <= at) {
            continue;
        }
        char timeline[16];
        char start[LSN_TEXT];
        char end[LSN_TEXT];
        char folder[1024];
        char first[32];
        char last[32];
        salvage_job_segment(job, own->parts[i].timeline, at, first);
        salvage_job_segment(job, own->parts[i].timeline, until - 1, last);
        snprintf(timeline, sizeof timeline, "%u", own->parts[i].timeline);
        lsn_print((struct lsn){at}, start);
        lsn_print((struct lsn){until}, end);
        snprintf(folder, sizeof folder, "%s/pg_wal", job->options->data);
        const char *const arguments[] = {"pg_waldump", "-p", folder, "-t",  timeline, "-s",
                                         start,        "-e", end,    first, last,     NULL};
        const enum err err = salvage_source_run(&job->source, arguments, line, context);
        if (err != ERR_OK) {
            return err;
        }
        at = until;
    }
    return ERR_OK;
}

bool salvage_job_within(const struct salvage_job *job, const struct salvage_job_database *database,
                        const struct salvage_wal_commit *commit)
{
    bool known = false;
    for (uint32_t i = 0; i < job->databases_count; i++) {
        known |= job->databases[i].oid == commit->database;
    }
    return known ? commit->database == database->oid : strcmp(database->name, job->options->dbname) == 0;
}
