/* SPDX-License-Identifier: Apache-2.0
 * How one algorithm of a zone takes the place of another. */
#include "dns/dns_roll_algorithm.h"

#include "base/assert.h"

bool dns_roll_algorithm_mixed(const struct dns_keyfile *file)
{
    bool mixed = false;
    for (uint32_t i = 1; i < file->count; i++) {
        mixed = mixed || file->rows[i].algorithm != file->rows[0].algorithm;
    }
    return mixed;
}

/* Whether all keys of that algorithm (`same`) or of the others are in that state. */
static bool dns_roll_algorithm_all(const struct dns_keyfile *file, uint8_t algorithm, bool same,
                                   enum dns_keyfile_state state)
{
    bool all = true;
    for (uint32_t i = 0; i < file->count; i++) {
        const struct dns_keyfile_row *row = &file->rows[i];
        all = all && ((row->algorithm == algorithm) != same || row->state == state);
    }
    return all;
}

/* When the last one of them came into its state. */
static uint64_t dns_roll_algorithm_since_s(const struct dns_keyfile *file, uint8_t algorithm, bool same)
{
    uint64_t since_s = 0;
    for (uint32_t i = 0; i < file->count; i++) {
        const struct dns_keyfile_row *row = &file->rows[i];
        if ((row->algorithm == algorithm) == same && row->since_s > since_s) {
            since_s = row->since_s;
        }
    }
    return since_s;
}

static bool dns_roll_algorithm_has(const struct dns_keyfile *file, uint8_t algorithm)
{
    bool has = false;
    for (uint32_t i = 0; i < file->count; i++) {
        has = has || file->rows[i].algorithm == algorithm;
    }
    return has;
}

struct dns_roll_algorithm dns_roll_algorithm_next(const struct dns_keyfile *file, uint8_t algorithm,
                                                  const struct dns_roll_times *times)
{
    const uint64_t new_s = dns_roll_algorithm_since_s(file, algorithm, true) + times->spread_s;
    const uint64_t old_s = dns_roll_algorithm_since_s(file, algorithm, false) + times->spread_s;
    const bool old_active = dns_roll_algorithm_all(file, algorithm, false, DNS_KEYFILE_ACTIVE);
    if (!dns_roll_algorithm_has(file, algorithm)) {
        return (struct dns_roll_algorithm){
            old_active && !dns_roll_algorithm_mixed(file) ? DNS_ROLL_ALGORITHM_BEGIN : DNS_ROLL_ALGORITHM_MIXED, 0};
    }
    if (!dns_roll_algorithm_mixed(file)) {
        return (struct dns_roll_algorithm){DNS_ROLL_ALGORITHM_DONE, 0};
    }
    if (old_active && dns_roll_algorithm_all(file, algorithm, true, DNS_KEYFILE_AHEAD)) {
        return (struct dns_roll_algorithm){DNS_ROLL_ALGORITHM_TELL, new_s + times->data_ttl_s};
    }
    if (!dns_roll_algorithm_all(file, algorithm, true, DNS_KEYFILE_ACTIVE)) {
        return (struct dns_roll_algorithm){DNS_ROLL_ALGORITHM_MIXED, 0};
    }
    if (old_active) {
        return (struct dns_roll_algorithm){DNS_ROLL_ALGORITHM_RETIRE, new_s + times->keys_ttl_s};
    }
    if (dns_roll_algorithm_all(file, algorithm, false, DNS_KEYFILE_RETIRED)) {
        return (struct dns_roll_algorithm){DNS_ROLL_ALGORITHM_HIDE, old_s + times->parent_ttl_s};
    }
    if (dns_roll_algorithm_all(file, algorithm, false, DNS_KEYFILE_BEHIND)) {
        return (struct dns_roll_algorithm){DNS_ROLL_ALGORITHM_REMOVE, old_s + times->keys_ttl_s};
    }
    return (struct dns_roll_algorithm){DNS_ROLL_ALGORITHM_MIXED, 0};
}

void dns_roll_algorithm_do(struct dns_keyfile *file, uint8_t algorithm, enum dns_roll_algorithm_step step,
                           uint64_t now_s)
{
    ASSERT(step == DNS_ROLL_ALGORITHM_TELL || step == DNS_ROLL_ALGORITHM_RETIRE || step == DNS_ROLL_ALGORITHM_HIDE);
    const bool same = step == DNS_ROLL_ALGORITHM_TELL;
    for (uint32_t i = 0; i < file->count; i++) {
        struct dns_keyfile_row *row = &file->rows[i];
        if ((row->algorithm == algorithm) == same) {
            row->state = step == DNS_ROLL_ALGORITHM_TELL     ? DNS_KEYFILE_ACTIVE
                         : step == DNS_ROLL_ALGORITHM_RETIRE ? DNS_KEYFILE_RETIRED
                                                             : DNS_KEYFILE_BEHIND;
            row->since_s = now_s;
        }
    }
}
