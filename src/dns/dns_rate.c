/* SPDX-License-Identifier: Apache-2.0
 * Response rate limiting. */
#include "dns/dns_rate.h"

#include <string.h>

#include "base/assert.h"

enum { DNS_RATE_WHOLE = 1000 };

static uint64_t dns_rate_hash(const struct dns_rate *rate, const struct view_address *client, enum dns_rate_kind kind,
                              uint64_t name_hash)
{
    uint8_t input[1 + 1 + 7 + 8];
    const size_t size = client->family == 4 ? 3 : 7;
    memset(input, 0, sizeof input);
    input[0] = (uint8_t)kind;
    input[1] = (uint8_t)client->family;
    memcpy(input + 2, client->bytes, size);
    if (kind == DNS_RATE_ANSWER) {
        memcpy(input + 9, &name_hash, sizeof name_hash);
    }
    return siphash(rate->key, input, sizeof input);
}

/* Its bucket, or the one that is given to it: a free one, else that which was used longest ago. */
static struct dns_rate_bucket *dns_rate_bucket(struct dns_rate *rate, uint64_t hash, const struct dns_rate_limit *limit)
{
    struct dns_rate_bucket *set = rate->buckets[hash % DNS_RATE_SETS];
    const uint32_t tag = (uint32_t)(hash >> 32) | 1; /* never 0 */
    struct dns_rate_bucket *oldest = &set[0];
    for (uint32_t i = 0; i < DNS_RATE_WAYS; i++) {
        if (set[i].tag == tag) {
            return &set[i];
        }
        if (oldest->tag != 0 && (set[i].tag == 0 || limit->now_ms - set[i].last_ms > limit->now_ms - oldest->last_ms)) {
            oldest = &set[i];
        }
    }
    *oldest = (struct dns_rate_bucket){tag, limit->now_ms, limit->per_second * DNS_RATE_WHOLE, 0};
    return oldest;
}

enum dns_rate_verdict dns_rate_check(struct dns_rate *rate, const struct view_address *client, enum dns_rate_kind kind,
                                     uint64_t name_hash, const struct dns_rate_limit *limit)
{
    ASSERT(limit->per_second > 0 && limit->per_second <= UINT32_MAX / DNS_RATE_WHOLE);
    struct dns_rate_bucket *bucket = dns_rate_bucket(rate, dns_rate_hash(rate, client, kind, name_hash), limit);
    const uint64_t most = (uint64_t)limit->per_second * DNS_RATE_WHOLE;
    /* A thousandth of a second brings a thousandth of the rate. */
    const uint64_t credit = bucket->credit + (uint64_t)(limit->now_ms - bucket->last_ms) * limit->per_second;
    bucket->credit = (uint32_t)(credit < most ? credit : most);
    bucket->last_ms = limit->now_ms;
    if (bucket->credit >= DNS_RATE_WHOLE) {
        bucket->credit -= DNS_RATE_WHOLE;
        bucket->over = 0;
        return DNS_RATE_PASS;
    }
    bucket->over++;
    return limit->slip > 0 && bucket->over % limit->slip == 0 ? DNS_RATE_SLIP : DNS_RATE_DROP;
}
