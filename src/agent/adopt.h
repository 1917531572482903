/* SPDX-License-Identifier: Apache-2.0
 * Adoption: a data directory that no agent of ours made (by hand, by Patroni, by repmgr) becomes a node's.
 *
 * An agent does not touch such a directory by itself: it ends and says so. `holdfast agent adopt` looks first, and
 * changes nothing while anything refuses: another cluster, another version, a primary where a standby is wanted, a
 * server that somebody else runs or manages. What is taken over is not rewritten: the data stay, postgresql.conf keeps
 * what the operators wrote, their pg_hba.conf and pg_ident.conf go on as pg_hba.local.conf and pg_ident.local.conf
 * (agent/pgconf.h). The server is started by the agent, not here (doc/decisions/011-adoption-by-a-command.md).
 *
 * One thread, no agent beside it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/agent_options.h"
#include "base/err.h"

enum {
    ADOPT_FINDINGS = 32,
    ADOPT_TEXT = 512,
};

struct adopt_finding {
    bool refuses; /* else told only */
    char text[ADOPT_TEXT];
};

struct adopt_report {
    struct adopt_finding findings[ADOPT_FINDINGS];
    uint32_t count;
    uint32_t refusals;
    bool standby;
    uint64_t system_id; /* 0: unknown */
    uint32_t timeline;
    pid_t running; /* its postmaster; 0: none */
};

/* Looks, as the user that owns the directory, and changes nothing. `stop`: a running server may be stopped. */
void adopt_look(const struct agent_options *options, bool stop, struct adopt_report *ret_report);

/* After a look without refusals: stops the server when one runs, and makes the directory the node's. On an error the
 * directory is as it was, but for a stopped server; what was copied aside stays. ERR_TIMEOUT: the server does not stop.
 * ERR_REFUSED: what the stopped server left is not what was looked at; see the report. */
ERR_CHECK enum err adopt_take(const struct agent_options *options, struct adopt_report *report);

/* Whether this directory was made by hands other than an agent's: it holds a cluster, and no agent has a record of it.
 */
bool adopt_needed(const struct agent_options *options);

/* The major version of the programs in options->bin, of the data directory. False: cannot be read. */
bool adopt_program_major(const struct agent_options *options, uint32_t *ret_major);
bool adopt_data_major(const struct agent_options *options, uint32_t *ret_major);
