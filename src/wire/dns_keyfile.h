/* SPDX-License-Identifier: Apache-2.0
 * The state file beside a zone's private keys: what each of them is for, and how far it is in its life.
 *
 * One line for a key, words between blanks, # begins a comment:
 *
 *     ROLE ALGORITHM TAG STATE SINCE FILE
 *     zsk  13        5911 active 1795392000 zsk-5911.pem
 *
 * and one that counts how often it was changed, which goes into the zone's serial: `changes 3`.
 *
 * SINCE is when it came into its state, in seconds since 1970; FILE stands in the same directory. Written by `holdfast
 * dns key`, read by the servers. No allocation. */
#pragma once

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

enum { DNS_KEYFILE_ROWS = 16, DNS_KEYFILE_NAME = 64, DNS_KEYFILE_BYTES = 8192 };

/* X(name, text) */
#define DNS_KEYFILE_ROLES(X) /* what it signs: */                                                                      \
    X(KSK, "ksk")            /* the keys alone; its DS is in the parent */                                             \
    X(ZSK, "zsk")            /* everything else */                                                                     \
    X(CSK, "csk")            /* all */

#define DNS_KEYFILE_STATES(X)                                                                                          \
    X(PUBLISHED, "published") /* everybody may learn it before it is needed */                                         \
    X(ACTIVE, "active")                                                                                                \
    X(RETIRED, "retired") /* what it has signed may still be in caches */                                              \
    X(AHEAD, "ahead")     /* of the next algorithm: signs, and is not told yet */                                      \
    X(BEHIND, "behind")   /* of the last algorithm: is not told any more, and still signs */

enum dns_keyfile_role {
#define DNS_KEYFILE_ROLE(name, text) DNS_KEYFILE_##name,
    DNS_KEYFILE_ROLES(DNS_KEYFILE_ROLE)
#undef DNS_KEYFILE_ROLE
};

enum dns_keyfile_state {
#define DNS_KEYFILE_STATE(name, text) DNS_KEYFILE_##name,
    DNS_KEYFILE_STATES(DNS_KEYFILE_STATE)
#undef DNS_KEYFILE_STATE
        DNS_KEYFILE_STATES_COUNT
};

struct dns_keyfile_row {
    enum dns_keyfile_role role;
    enum dns_keyfile_state state;
    uint8_t algorithm;
    uint16_t tag;
    uint64_t since_s;
    char file[DNS_KEYFILE_NAME];
};

struct dns_keyfile {
    uint32_t changes;
    uint32_t count;
    struct dns_keyfile_row rows[DNS_KEYFILE_ROWS];
};

const char *dns_keyfile_role_text(enum dns_keyfile_role role);
const char *dns_keyfile_state_text(enum dns_keyfile_state state);

/* ERR_NOT_FOUND: no role of that name. */
enum err dns_keyfile_role_parse(struct span text, enum dns_keyfile_role *ret_role) ERR_CHECK;

/* ERR_INVALID: `ret_line` is the line that is wrong; a file name with a slash or a dot in front is. ERR_TOO_LARGE: more
 * rows than there is room for, or more than DNS_KEYFILE_BYTES. */
enum err dns_keyfile_parse(struct span text, struct dns_keyfile *ret_file, uint32_t *ret_line) ERR_CHECK;

void dns_keyfile_write(const struct dns_keyfile *file, struct buf *buf);
