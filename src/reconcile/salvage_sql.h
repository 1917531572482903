/* SPDX-License-Identifier: Apache-2.0
 * The SQL of salvage: the ledger's tables, and the function that applies one lost transaction on the new writer.
 *
 * Everything about one transaction happens in one call in one transaction of the server: whether it is known already,
 * whether it touches a row of a quarantined one, row by row whether the new writer has changed it since the fork,
 * whether foreign keys hold at the end (triggers are off, so salvage looks itself), and the ledger's entry. Calls can
 * therefore be sent one behind the other without waiting, and a kill leaves nothing half done.
 *
 * "Changed since the fork": the row's xmin is not older than the first transaction of the timeline that the promotion
 * began (holdfast.promotion), and was not written by this salvage, whose transactions the entries record.
 *
 * The functions and the two working tables are temporary objects of the session. */
#pragma once

/* The ledger: holdfast.ledger_run, holdfast.ledger_entry. May be repeated. */
extern const char salvage_sql_ledger[];

/* Working tables and functions, and the description of every table of the database: statements, NULL at the end; once
 * per session. */
extern const char *const salvage_sql_session[];

/* Keys that quarantined transactions of this branch have touched: $1 system id, $2 timeline, $3 epoch. */
extern const char salvage_sql_taint[];

/* $1 run, $2 commit LSN, $3 xid, $4 time, $5 changes, $6 reason for quarantine or NULL, $7 method, $8 number of
 * changes, $9 first xid of the new timeline: the entry's state, or 'known'. */
extern const char salvage_sql_apply[];
