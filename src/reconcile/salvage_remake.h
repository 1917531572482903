/* SPDX-License-Identifier: Apache-2.0
 * A slot made in the past: what decodes a tail that no guard slot covers. Internal to salvage.
 *
 * PostgreSQL makes slots at the present only. So one is made on the isolated old server, the server is stopped, the
 * slot's file is moved back to a point before the fork (reconcile/salvage_past.h, salvage_slot.h), the server starts
 * again and decodes. What it shows is held against the log's own list of commits before anything is applied: unless
 * every commit of the tail that wrote rows of the database is there, the slot is not used. From there on the database
 * is as one with a guard slot. */
#pragma once

#include "reconcile/salvage_job.h"

/* For each database that needs one. Where it cannot be had, the database says why. An error: the old server does not
 * start again, or no memory. */
ERR_CHECK enum err salvage_remake_run(struct salvage_job *job, const struct salvage_fork_history *own);

/* Removes them. A slot that stays behind (killed in between) is removed by the next salvage, and by pg_rewind. */
void salvage_remake_end(struct salvage_job *job);
