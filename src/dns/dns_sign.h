/* SPDX-License-Identifier: Apache-2.0
 * Signatures of record sets (RFC 4034, 3), made when they are asked for and then kept.
 *
 * Each worker has one struct dns_sign: no lock. A set whose signature is kept costs one look-up and no allocation; it
 * is found by owner, type, TTL and data in any order, so a steering answer that takes turns, or that comes back after a
 * reload, is signed once. What clients can choose (names that do not exist, names below a wildcard) is kept apart from
 * the zone's own sets, and all that is made anew is bounded per second: a flood of random names costs a bounded part of
 * the processor and pushes nothing out that others ask for. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/siphash.h"
#include "dns/dns_keyring.h"
#include "dns/dns_zone.h"

enum {
    DNS_SIGN_RDATA = 18 + DNS_NAME_MAX + DNS_KEY_SIGNATURE, /* of RRSIG */
    DNS_SIGN_BEFORE_S = 3600,                               /* clocks of validators that are slow */
    DNS_SIGN_VALID_S = 14 * 86400,
    DNS_SIGN_JITTER_S = 86400,      /* by so much less at most, so that not all end at once */
    DNS_SIGN_REFRESH_S = 4 * 86400, /* made anew when less is left */
    /* A signature takes about 20 us (ECDSA P-256) of a core: 16 % of it for the zone's own sets, so that one of 100,000
     * names is warm within seconds of a start, and 8 % for each of the others. */
    DNS_SIGN_DATA_PER_SECOND = 8000,
    DNS_SIGN_NAMES_PER_SECOND = 4000,
    DNS_SIGN_WAYS = 4,
    DNS_SIGN_BUCKETS = 4096, /* of DNS_SIGN_WAYS signatures, at first in each of both tables: 1.5 MiB when full */
    DNS_SIGN_BUCKETS_MOST = 1 << 19, /* of the zone's own sets: one for each of DNS_ZONE_RECORDS, and as much again */
};

/* Who pays for a new signature. The first has DNS_SIGN_DATA_PER_SECOND, the others DNS_SIGN_NAMES_PER_SECOND. */
enum dns_sign_purse {
    DNS_SIGN_DATA,   /* sets of the zone */
    DNS_SIGN_NAMES,  /* the client's choice of name, over UDP */
    DNS_SIGN_PROVEN, /* the same for clients whose address is their own: TCP, or a cookie of ours */
    DNS_SIGN_PURSES,
};

struct dns_sign_entry {
    uint64_t id[2]; /* 0, 0: free */
    uint32_t inception_s;
    uint32_t expiration_s;
    uint32_t refresh_s; /* not used from then on */
    uint32_t used;      /* of dns_sign.turn */
    uint8_t signature[DNS_KEY_SIGNATURE];
};

struct dns_sign {
    uint8_t secret[SIPHASH_KEY]; /* so that nobody finds names that share an entry */
    uint32_t now_s;              /* set by the caller */
    uint32_t turn;
    uint32_t window_s; /* what `spent` is about */
    uint32_t spent[DNS_SIGN_PURSES];
    uint64_t made;                    /* since the start */
    uint64_t refused;                 /* for want of money */
    struct dns_sign_entry *tables[2]; /* the zone's own sets; names of the clients' choice */
    uint64_t buckets[2];              /* powers of two */
};

/* What is signed. `set` needs type, ttl_s, data, count and sum. Names in lower case. */
struct dns_sign_want {
    const struct dns_name *zone;
    const struct dns_name *owner;
    const struct dns_zone_set *set;
};

/* NULL: out of memory. Its pages are taken as they are used. */
struct dns_sign *dns_sign_new(void);
void dns_sign_free(struct dns_sign *sign);

/* Makes room for the signatures of so many sets of zones; keeps those that are there. For want of memory all stays as
 * it is: more is signed again then. */
void dns_sign_room(struct dns_sign *sign, uint64_t sets);

/* dns_zone_set.sum: the same for every order of the data. */
uint64_t dns_sign_sum(const struct dns_zone_data *data);

/* The record data of the set's RRSIG by that key; its size, or 0: not now, its purse is empty. */
size_t dns_sign_rrsig(struct dns_sign *sign, const struct dns_sign_want *want, const struct dns_keyring_key *key,
                      enum dns_sign_purse purse, uint8_t ret_data[DNS_SIGN_RDATA]);

/* The same anew, for a transfer: neither looked up nor kept nor bounded. 0: OpenSSL cannot. */
size_t dns_sign_fresh(const struct dns_sign_want *want, const struct dns_keyring_key *key, uint32_t now_s,
                      uint8_t ret_data[DNS_SIGN_RDATA]);
