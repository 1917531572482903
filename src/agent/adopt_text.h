/* SPDX-License-Identifier: Apache-2.0
 * What adoption reads: versions, the unit that a process belongs to, an operator's postgresql.conf.
 *
 * Pure; every byte may be wrong: what cannot be read is not there. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/span.h"

/* The first number: of PG_VERSION ("15"), of `pg_controldata --version` ("pg_controldata (PostgreSQL) 15.20 (Debian
 * ...)"). */
bool adopt_text_major(struct span text, uint32_t *ret_major);

/* The service of PostgreSQL in /proc/PID/cgroup ("postgresql@15-main.service"). False: it belongs to none. */
bool adopt_text_unit(struct span cgroup, char *unit, size_t size);

/* The parameters of a postgresql.conf that the agent sets itself, each once: "archive_mode, port". */
void adopt_text_overridden(struct span conf, struct buf *names);

/* Whose traces a postgresql.conf bears: "patroni", "pg_auto_failover", "repmgr", "stolon"; NULL: nobody's. */
const char *adopt_text_manager(struct span conf);
