/* SPDX-License-Identifier: Apache-2.0
 * A geographic database in MaxMind's format as a list of networks: walked once while loading, never asked again.
 *
 * libmaxminddb reads it, but trusts files more than we do: it maps them (one that is cut while it is read kills the
 * process), and versions before 1.13 follow broken data out of bounds or without end. So the bytes are copied where
 * nobody can change them, everything that it is to decode is walked beforehand with limits (dns/dns_mmdb_check.h), and
 * the tree is walked with a limit of ours. Used while loading, by one thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"
#include "dns/dns_networks.h"

enum {
    DNS_MMDB_BYTES = 1 << 30, /* of a file */
    DNS_MMDB_RECORDS = 1 << 24,
    DNS_MMDB_PLACES = 1 << 20,
    DNS_MMDB_SUBDIVISIONS = 2,
    DNS_MMDB_CODE = 8,
};

/* Codes as they stand in the database; empty: none. */
struct dns_mmdb_place {
    char continent[DNS_MMDB_CODE];
    char country[DNS_MMDB_CODE];
    char subdivisions[DNS_MMDB_SUBDIVISIONS][DNS_MMDB_CODE]; /* the largest first; without the country */
};

#define DNS_MMDB_NOTHING UINT32_MAX

/* Who wants the networks. */
struct dns_mmdb_taker {
    void *context;
    /* Once for each place: what is to be told with its networks; DNS_MMDB_NOTHING: they are left out. */
    enum err (*place)(void *context, const struct dns_mmdb_place *place, uint32_t *ret_value);
    /* Networks with a value, none twice, in no order; those of one value that can be are one. */
    enum err (*network)(void *context, uint32_t family, struct dns_networks_key start, uint32_t bits, uint32_t value);
};

/* ERR_INVALID: it is no such database, or broken: `ret_why` says how. ERR_TOO_LARGE, ERR_NO_MEMORY, or what the taker
 * said; then `ret_why` is NULL. */
enum err dns_mmdb_walk(struct span content, const struct dns_mmdb_taker *taker, const char **ret_why) ERR_CHECK;
