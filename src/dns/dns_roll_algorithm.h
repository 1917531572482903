/* SPDX-License-Identifier: Apache-2.0
 * How one algorithm of a zone takes the place of another without an unsigned minute: the conservative way of RFC 6781,
 * 4.1.4. A validator may want a signature of each algorithm that DNSKEY or DS has, so:
 *
 * begin   new keys sign (ahead), nobody is told of them; until no cache has a record without their signature
 * tell    they are told (active), beside the old ones; until no cache has a DNSKEY set without them, and their DS
 *         stands in the parent
 * retire  the old keys are retired: everything is still signed with them, their DS is no longer asked for; until it is
 *         gone from the parent and from caches
 * hide    the old keys are no longer told (behind), and still sign; until no cache has a DNSKEY set with them
 * remove  they are gone
 *
 * Pure: rows in, rows out. */
#pragma once

#include "dns/dns_roll.h"

enum dns_roll_algorithm_step {
    DNS_ROLL_ALGORITHM_BEGIN, /* keys are to be made as `ahead`: one for each row that is active */
    DNS_ROLL_ALGORITHM_TELL,
    DNS_ROLL_ALGORITHM_RETIRE,
    DNS_ROLL_ALGORITHM_HIDE,
    DNS_ROLL_ALGORITHM_REMOVE,
    DNS_ROLL_ALGORITHM_DONE,  /* all keys are of that algorithm */
    DNS_ROLL_ALGORITHM_MIXED, /* a key is on its way of itself: that first */
};

struct dns_roll_algorithm {
    enum dns_roll_algorithm_step step;
    uint64_t due_s; /* not earlier */
};

/* What comes next on the way to that algorithm. */
struct dns_roll_algorithm dns_roll_algorithm_next(const struct dns_keyfile *file, uint8_t algorithm,
                                                  const struct dns_roll_times *times);

/* Whether the zone has keys of two algorithms, so that no single key may change. */
bool dns_roll_algorithm_mixed(const struct dns_keyfile *file);

/* Carries out tell, retire or hide. */
void dns_roll_algorithm_do(struct dns_keyfile *file, uint8_t algorithm, enum dns_roll_algorithm_step step,
                           uint64_t now_s);
