/* SPDX-License-Identifier: Apache-2.0
 * A node's data directory made anew from the writer's by pg_basebackup. The old one is renamed, never deleted.
 *
 * The copy is made beside the data directory (DATA.clone) and takes its place only when it is whole, so that a failure
 * leaves the old one where it was. A left-over DATA.clone of a failed attempt is our own, incomplete, and is removed.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/agent_options.h"
#include "base/err.h"

/* Percent done, or -1 when unknown. Called about each 200 ms from the cloning thread. False: give up. */
struct clone_watch {
    bool (*progress)(void *context, int percent);
    void *context;
};

/* The server must be down. `epoch` goes into the kept directory's name: DATA.kept-20261122T054117Z-7.
 * ERR_DISK_FULL: the copy would not fit, nothing was changed; ERR_EXIT_STATUS: see the log; ERR_CANCELLED;
 * ERR_REFUSED...: the writer cannot be asked. */
ERR_CHECK enum err clone_run(const struct agent_options *options, const struct agent_options_peer *from, uint64_t epoch,
                             const struct clone_watch *watch);

/* "DATA.kept-DATE-EPOCH" for this moment; `path` of AGENT_OPTIONS_PATH bytes. */
void clone_kept_name(const char *data, int64_t wall_s, uint64_t epoch, char *path);

/* A line of pg_basebackup --progress: " 12345/67890 kB (18%), 0/1 tablespace". False: another line. */
bool clone_parse_progress(const char *line, uint64_t *ret_done_kb, uint64_t *ret_total_kb);
