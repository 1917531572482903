/* SPDX-License-Identifier: Apache-2.0
 * A file of roles and their secrets in the format of PgBouncer's userlist.txt.
 *
 * One role per line: "name" "secret", both in double quotes, a quote inside doubled; what follows on the line is
 * ignored, and so are empty lines and those that begin with ';' or '#'. A secret is what pg_authid.rolpassword has
 * (SCRAM-SHA-256$..., md5...) or the password itself, in ASCII: others are prepared by rules (SASLprep) that are not
 * ours; write their SCRAM secret. Pure, one owner per struct. */
#pragma once

#include <stdint.h>

#include "base/cursor.h"
#include "base/err.h"
#include "base/span.h"

enum {
    PG_USERLIST_NAME = 64, /* PostgreSQL's own limit, terminator included */
    PG_USERLIST_SECRET = 512,
};

enum pg_userlist_kind {
    PG_USERLIST_VERIFIER, /* SCRAM or md5 */
    PG_USERLIST_PASSWORD,
};

struct pg_userlist {
    struct cursor cursor;
    uint32_t line;       /* of the entry or problem, from 1 */
    const char *problem; /* what is wrong, and what to do; static text */
};

struct pg_userlist_entry {
    enum pg_userlist_kind kind;
    char name[PG_USERLIST_NAME];
    char secret[PG_USERLIST_SECRET];
};

void pg_userlist_init(struct pg_userlist *list, struct span text);

/* The next role; the caller wipes it. ERR_NOT_FOUND: no more. ERR_INVALID: see `line` and `problem`. */
ERR_CHECK enum err pg_userlist_next(struct pg_userlist *list, struct pg_userlist_entry *ret_entry);
