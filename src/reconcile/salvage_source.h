/* SPDX-License-Identifier: Apache-2.0
 * The old writer's server, started alone to be read: crash recovery, then nothing that could change or send anything.
 *
 * It listens on a socket in a folder of its own (mode 0700) and nowhere else; no archiving, no autovacuum, no logical
 * or other workers, no synchronous standbys, no preloaded libraries, transactions read-only by default; it removes no
 * log (pg_rewind wants it) and ends when the process that started it ends. The files of the data directory are not
 * rewritten: everything is on its command line. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <libpq-fe.h>

#include "base/err.h"
#include "core/lsn.h"

enum { SALVAGE_SOURCE_MESSAGE = 512 };

struct salvage_source {
    const char *data;
    const char *bin;
    const char *user;
    char folder[1024];
    pid_t postmaster;
    uint64_t system_id;
    uint32_t timeline;
    struct lsn end; /* of its log, after recovery */
    uint64_t segment_bytes;
    char message[SALVAGE_SOURCE_MESSAGE];
};

/* Starts the server and waits until it answers. `keep_on` is asked now and then. ERR_CANCELLED, ERR_EXIT_STATUS (its
 * output is on standard error), ERR_TIMEOUT. salvage_source_stop is needed in every case. */
ERR_CHECK enum err salvage_source_start(struct salvage_source *source, bool (*keep_on)(void *context), void *context);
void salvage_source_stop(struct salvage_source *source);

/* A session in one of its databases; NULL: see `message`. */
PGconn *salvage_source_connect(struct salvage_source *source, const char *dbname);

/* Runs a program of `bin`, its standard output as lines to `line`. ERR_EXIT_STATUS when it fails, or what `line`
 * answered. */
ERR_CHECK enum err salvage_source_run(struct salvage_source *source, const char *const *arguments,
                                      enum err (*line)(void *context, const char *text, size_t size), void *context);

/* The history file of the data directory's timeline into `text`, empty for timeline 1. ERR_NOT_FOUND... */
ERR_CHECK enum err salvage_source_history(const struct salvage_source *source, char *text, size_t size);
