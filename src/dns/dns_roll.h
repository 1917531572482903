/* SPDX-License-Identifier: Apache-2.0
 * How one key of a zone takes the place of another, step by step, and how long each step has to wait (RFC 7583).
 *
 * zsk  pre-publication: the new key is published; once every cache has it, it signs and the old one is retired; once no
 *      cache has a signature of the old one, that is removed.
 * ksk  double DS: the new key is published, and its DS asked for beside the old one; once both stand in the parent, it
 * is active and the old one is retired; once no cache has a set of DS without the new one, the old one is removed. csk
 * both at once: the longer of both times.
 *
 * Pure: rows in, rows out. The caller has the clock and the files. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "wire/dns_keyfile.h"

struct dns_roll_times {
    uint64_t now_s;
    uint32_t keys_ttl_s;   /* of DNSKEY */
    uint32_t data_ttl_s;   /* the greatest of the zone's records */
    uint32_t parent_ttl_s; /* of DS */
    uint32_t spread_s;     /* until all servers have what was changed */
};

enum dns_roll_step {
    DNS_ROLL_PUBLISH,  /* a new key */
    DNS_ROLL_ACTIVATE, /* the key of the row; the active ones of its role are retired */
    DNS_ROLL_REMOVE,   /* the key of the row */
};

struct dns_roll {
    enum dns_roll_step step;
    uint32_t row;   /* not of PUBLISH */
    uint64_t due_s; /* not earlier */
    bool parent;    /* and not before the DS of the row stands in the parent, which only a person can say */
};

/* What comes next for the keys of a role. */
struct dns_roll dns_roll_next(const struct dns_keyfile *file, enum dns_keyfile_role role,
                              const struct dns_roll_times *times);

/* When a retired or published key of that row is needed by nobody. */
uint64_t dns_roll_free_s(const struct dns_keyfile_row *row, const struct dns_roll_times *times);

void dns_roll_activate(struct dns_keyfile *file, uint32_t row, uint64_t now_s);
void dns_roll_remove(struct dns_keyfile *file, uint32_t row);

/* Takes an active key out of use. ERR_REFUSED: what it signs, nobody else does. */
enum err dns_roll_retire(struct dns_keyfile *file, uint32_t row, uint64_t now_s) ERR_CHECK;
