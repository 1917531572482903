/* SPDX-License-Identifier: Apache-2.0
 * The PostgreSQL server as a process: initdb, start, stop, reload, promote. Programs are run directly, never through a
 * shell or pg_ctl: a death is known at once, a promotion takes as long as the server needs.
 *
 * The server is our child, or one adopted from an earlier life of the agent (a standby). Thread-safe where noted;
 * starts and stops are serialised by the node. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/agent_options.h"
#include "agent/pgparse.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/time.h"

struct pgctl {
    const struct agent_options *options;
    pid_t postmaster; /* 0: none */
    bool adopted;     /* not our child */
};

/* Whether the data directory holds a cluster (PG_VERSION). */
bool pgctl_has_data(const struct agent_options *options);

/* initdb with checksums, the superuser's password through a file of mode 0600 that is removed. ERR_EXIT_STATUS: see
 * DATA.holdfast/postgres.log. The directory must be missing or empty. */
ERR_CHECK enum err pgctl_initdb(const struct agent_options *options);

/* Runs a program of options->bin to its end, output to the log, or into `output` when given. */
ERR_CHECK enum err pgctl_run(const struct agent_options *options, const char *const *arguments, struct buf *output,
                             struct mono deadline);

/* Starts a program of options->bin, or of an absolute path, with the agent's own small environment. */
ERR_CHECK enum err pgctl_spawn_to(const struct agent_options *options, const char *const *arguments, bool session,
                                  int output_fd, pid_t *ret_pid);

/* What pg_controldata says. While the server runs it is of the moment, and reliable only where it is final. */
ERR_CHECK enum err pgctl_control(const struct agent_options *options, struct pgparse_control *ret_control);

/* The history of the data directory's timeline; empty for timeline 1. */
ERR_CHECK enum err pgctl_history(const struct agent_options *options, uint32_t timeline,
                                 struct pgparse_history *ret_history);

/* Starts the postmaster; returns when it has been started, not when it accepts connections. A stale postmaster.pid is
 * PostgreSQL's business. */
ERR_CHECK enum err pgctl_start(struct pgctl *pgctl);

/* The postmaster that postmaster.pid names, if it is alive and runs in this data directory. */
bool pgctl_find(const struct agent_options *options, pid_t *ret_pid);
void pgctl_adopt(struct pgctl *pgctl, pid_t postmaster);

/* Whether the postmaster lives; forgets a dead one. */
bool pgctl_running(struct pgctl *pgctl);

/* Whether the postmaster was stopped by a signal (SIGSTOP, a cgroup's freezer does not count): it serves nobody and
 * nothing tells its clients. A process under a debugger is somebody's intention and does not count. */
bool pgctl_stands_still(const struct pgctl *pgctl);

/* Fast stop: sessions are ended, a checkpoint is written, standbys get everything. ERR_TIMEOUT: still at it. */
ERR_CHECK enum err pgctl_stop(struct pgctl *pgctl, struct mono deadline);

/* The same until the server has ended, or pg_control says that a server that was in production has written its shutdown
 * checkpoint: a hint to look closer (pgctl_control). */
ERR_CHECK enum err pgctl_stop_writing(struct pgctl *pgctl, struct mono deadline);

void pgctl_reload(const struct pgctl *pgctl);

/* Keeps the server's log small: beyond 64 MB what is there becomes postgres.log.1 (a standby without a writer logs a
 * line each 20 ms). */
void pgctl_trim_log(const struct agent_options *options);

/* The promote file and SIGUSR1: look at pg_is_in_recovery() for the outcome. */
ERR_CHECK enum err pgctl_promote(const struct pgctl *pgctl);

/* A standby whose walreceiver is stopped or stuck never finishes its promotion: wakes and ends walreceivers. */
void pgctl_end_walreceiver(const struct pgctl *pgctl, pid_t walreceiver);
