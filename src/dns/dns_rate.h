/* SPDX-License-Identifier: Apache-2.0
 * Response rate limiting: whoever forges a victim's address gets few answers out of us, and the victim can still ask.
 *
 * One bucket per client network (/24 or /56) and kind of answer: per name for answers with records (for names that
 * a wildcard or a DNAME makes up, per wildcard or DNAME), one for all names that do not exist or have no such records,
 * one for errors. A bucket refills at the configured rate and holds one second of it. Beyond it answers are left out,
 * and every `slip`-th is sent empty with TC, so that a real client comes by TCP; who shows our cookie is not limited at
 * all. One table per worker, no lock; full sets drop the bucket that was used longest ago. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/siphash.h"
#include "core/view.h"

enum { DNS_RATE_SETS = 4096, DNS_RATE_WAYS = 4 };

enum dns_rate_kind { DNS_RATE_ANSWER, DNS_RATE_NEGATIVE, DNS_RATE_ERROR };

enum dns_rate_verdict { DNS_RATE_PASS, DNS_RATE_SLIP, DNS_RATE_DROP };

struct dns_rate_bucket {
    uint32_t tag;     /* 0: free */
    uint32_t last_ms; /* goes round */
    uint32_t credit;  /* thousandths of an answer */
    uint32_t over;    /* answers left out since the last that was not */
};

struct dns_rate_limit {
    uint32_t per_second; /* of this table, not 0 */
    uint32_t slip;       /* 0: never */
    uint32_t now_ms;     /* goes round */
};

struct dns_rate {
    uint8_t key[SIPHASH_KEY]; /* secret: nobody can aim at others' buckets */
    struct dns_rate_bucket buckets[DNS_RATE_SETS][DNS_RATE_WAYS];
};

/* May this answer go out? `name_hash`: of the name in lower case, for DNS_RATE_ANSWER. */
enum dns_rate_verdict dns_rate_check(struct dns_rate *rate, const struct view_address *client, enum dns_rate_kind kind,
                                     uint64_t name_hash, const struct dns_rate_limit *limit);
