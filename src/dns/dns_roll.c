/* SPDX-License-Identifier: Apache-2.0
 * How one key of a zone takes the place of another. */
#include "dns/dns_roll.h"

#include "base/assert.h"

/* The first row of a role in a state; `count` when there is none. */
static uint32_t dns_roll_find(const struct dns_keyfile *file, enum dns_keyfile_role role, enum dns_keyfile_state state)
{
    uint32_t row = 0;
    while (row < file->count && (file->rows[row].role != role || file->rows[row].state != state)) {
        row++;
    }
    return row;
}

static uint32_t dns_roll_most(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

uint64_t dns_roll_free_s(const struct dns_keyfile_row *row, const struct dns_roll_times *times)
{
    uint32_t wait_s = times->spread_s;
    if (row->state == DNS_KEYFILE_PUBLISHED || row->state == DNS_KEYFILE_AHEAD) {
        return row->since_s; /* nothing rests on it: the active key's DS and signatures stand */
    }
    switch (row->role) {
    case DNS_KEYFILE_ZSK:
        wait_s += times->data_ttl_s;
        break;
    case DNS_KEYFILE_KSK:
        wait_s += times->parent_ttl_s;
        break;
    case DNS_KEYFILE_CSK:
    default:
        wait_s += dns_roll_most(times->data_ttl_s, times->parent_ttl_s);
        break;
    }
    return row->since_s + wait_s;
}

struct dns_roll dns_roll_next(const struct dns_keyfile *file, enum dns_keyfile_role role,
                              const struct dns_roll_times *times)
{
    const uint32_t retired = dns_roll_find(file, role, DNS_KEYFILE_RETIRED);
    if (retired < file->count) {
        return (struct dns_roll){DNS_ROLL_REMOVE, retired, dns_roll_free_s(&file->rows[retired], times), false};
    }
    const uint32_t published = dns_roll_find(file, role, DNS_KEYFILE_PUBLISHED);
    if (published < file->count) {
        const uint64_t due_s = file->rows[published].since_s + times->keys_ttl_s + times->spread_s;
        return (struct dns_roll){DNS_ROLL_ACTIVATE, published, due_s, role != DNS_KEYFILE_ZSK};
    }
    return (struct dns_roll){.step = DNS_ROLL_PUBLISH};
}

void dns_roll_activate(struct dns_keyfile *file, uint32_t row, uint64_t now_s)
{
    ASSERT(row < file->count);
    for (uint32_t i = 0; i < file->count; i++) {
        struct dns_keyfile_row *other = &file->rows[i];
        if (i != row && other->role == file->rows[row].role && other->state == DNS_KEYFILE_ACTIVE) {
            other->state = DNS_KEYFILE_RETIRED;
            other->since_s = now_s;
        }
    }
    file->rows[row].state = DNS_KEYFILE_ACTIVE;
    file->rows[row].since_s = now_s;
}

void dns_roll_remove(struct dns_keyfile *file, uint32_t row)
{
    ASSERT(row < file->count);
    file->count--;
    for (uint32_t i = row; i < file->count; i++) {
        file->rows[i] = file->rows[i + 1];
    }
}

enum err dns_roll_retire(struct dns_keyfile *file, uint32_t row, uint64_t now_s)
{
    ASSERT(row < file->count && file->rows[row].state == DNS_KEYFILE_ACTIVE);
    bool keys = false; /* somebody else signs them */
    bool data = false;
    for (uint32_t i = 0; i < file->count; i++) {
        const bool other = i != row && file->rows[i].state == DNS_KEYFILE_ACTIVE;
        keys = keys || (other && file->rows[i].role != DNS_KEYFILE_ZSK);
        data = data || (other && file->rows[i].role != DNS_KEYFILE_KSK);
    }
    if (!keys || !data) {
        return ERR_REFUSED;
    }
    file->rows[row].state = DNS_KEYFILE_RETIRED;
    file->rows[row].since_s = now_s;
    return ERR_OK;
}
