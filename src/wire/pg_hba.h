/* SPDX-License-Identifier: Apache-2.0
 * Rules about who may log in, from where and how, in the format of PostgreSQL's pg_hba.conf.
 *
 * One rule per line: TYPE DATABASE USER ADDRESS [MASK] METHOD [OPTION=VALUE...]; the first one that matches a client
 * decides (PostgreSQL documentation, "The pg_hba.conf File"). Quotes, comments and backslashes at the end of a line are
 * PostgreSQL's. What a proxy cannot know or do is an error, never ignored: roles' memberships, names of hosts, other
 * files, methods but trust, reject, md5, scram-sha-256 and cert, options but clientcert. `local` and `hostgssenc` are
 * read and never match: there are no such clients here.
 *
 * Rules point into the text that they were read from. Pure functions, any thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/cursor.h"
#include "base/err.h"
#include "base/span.h"

enum {
    PG_HBA_NAME = 64, /* PostgreSQL's own limit of a name, terminator included */
    PG_HBA_PROBLEM = 160,
};

enum pg_hba_type {
    PG_HBA_NEVER, /* local, hostgssenc */
    PG_HBA_HOST,  /* also hostnogssenc */
    PG_HBA_HOSTSSL,
    PG_HBA_HOSTNOSSL,
};

enum pg_hba_method {
    PG_HBA_TRUST,
    PG_HBA_REJECT,
    PG_HBA_MD5, /* SCRAM for roles with such a verifier, as in PostgreSQL */
    PG_HBA_SCRAM,
    PG_HBA_CERT,
};

enum pg_hba_clientcert {
    PG_HBA_ANY_CLIENT,
    PG_HBA_VERIFY_CA,   /* a certificate that is vouched for */
    PG_HBA_VERIFY_FULL, /* and its common name is the role's */
};

struct pg_hba_rule {
    uint32_t line;
    enum pg_hba_type type;
    enum pg_hba_method method;
    enum pg_hba_clientcert clientcert;
    struct span databases; /* as written */
    struct span users;
    uint8_t family; /* 4, 6; 0: any address */
    uint8_t address[16];
    uint8_t mask[16];
};

struct pg_hba {
    struct cursor cursor;
    uint32_t line;                /* of the rule or problem, from 1 */
    char problem[PG_HBA_PROBLEM]; /* what is wrong, and what to do */
};

struct pg_hba_client {
    bool encrypted;
    uint8_t family; /* 4 or 6 */
    uint8_t address[16];
    const char *user;
    const char *database;
};

void pg_hba_init(struct pg_hba *hba, struct span text);

/* The next rule. ERR_NOT_FOUND: no more. ERR_INVALID: see `line` and `problem`. */
ERR_CHECK enum err pg_hba_next(struct pg_hba *hba, struct pg_hba_rule *ret_rule);

bool pg_hba_matches(const struct pg_hba_rule *rule, const struct pg_hba_client *client);

/* "trust", ... */
const char *pg_hba_method_name(enum pg_hba_method method);
