/* SPDX-License-Identifier: Apache-2.0
 * The roles of `proxy.auth_file`: who may log in at the proxy without the database being asked.
 *
 * Read at the start and on SIGHUP (wire/pg_userlist.h). Shared by all workers, any thread. Secrets stay in its memory,
 * are wiped with it, and are never logged. */
#pragma once

#include "base/err.h"
#include "base/span.h"
#include "proxy/proxy_learn.h"
#include "wire/pg_scram.h"

enum {
    PROXY_ROSTER_ROLES = 10 * 1000,
    PROXY_ROSTER_PATH = 512,
    PROXY_ROSTER_MESSAGE = 256, /* one line for people */
};

struct proxy_roster;

/* `message` says file, line, and what is wrong. */
ERR_CHECK enum err proxy_roster_new(const char *path, char message[PROXY_ROSTER_MESSAGE],
                                    struct proxy_roster **ret_roster);
void proxy_roster_free(struct proxy_roster *roster); /* NULL is fine */

/* When something is wrong with the file the old roles stay. */
ERR_CHECK enum err proxy_roster_reload(struct proxy_roster *roster, char message[PROXY_ROSTER_MESSAGE]);

/* The role's verifier; one is made of a password. ERR_NOT_FOUND. The caller wipes the text. */
ERR_CHECK enum err proxy_roster_find(struct proxy_roster *roster, const char *role, char ret_text[PG_SCRAM_VERIFIER]);

/* A client of this role has proved itself: when the file has the password itself, it logs in at servers by it, whatever
 * their own verifiers are. */
void proxy_roster_teach(struct proxy_roster *roster, const char *role, struct proxy_learn *learn);
