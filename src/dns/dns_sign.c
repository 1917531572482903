/* SPDX-License-Identifier: Apache-2.0
 * Signatures of record sets, made when they are asked for and then kept. */
#include "dns/dns_sign.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/assert.h"
#include "base/hash.h"
#include "wire/dns_canonical.h"
#include "wire/dns_type.h"

struct dns_sign *dns_sign_new(void)
{
    struct dns_sign *sign = calloc(1, sizeof *sign);
    if (sign == NULL) {
        return NULL;
    }
    for (int i = 0; i < 2; i++) {
        sign->buckets[i] = DNS_SIGN_BUCKETS;
        sign->tables[i] = calloc((size_t)DNS_SIGN_BUCKETS * DNS_SIGN_WAYS, sizeof **sign->tables);
    }
    if (sign->tables[0] == NULL || sign->tables[1] == NULL ||
        getrandom(sign->secret, sizeof sign->secret, 0) != (ssize_t)sizeof sign->secret) {
        dns_sign_free(sign);
        return NULL;
    }
    return sign;
}

void dns_sign_free(struct dns_sign *sign)
{
    if (sign != NULL) {
        free(sign->tables[0]);
        free(sign->tables[1]);
        free(sign);
    }
}

uint64_t dns_sign_sum(const struct dns_zone_data *data)
{
    uint64_t sum = 0;
    for (; data != NULL; data = data->next) {
        sum += hash_bytes(data->rdata.data, data->rdata.size);
    }
    return sum;
}

/* ---- what is signed ---- */

static void dns_sign_u16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void dns_sign_u32(uint8_t *at, uint32_t value)
{
    dns_sign_u16(at, value >> 16);
    dns_sign_u16(at + 2, value & 0xffff);
}

/* RRSIG's data up to the signature (RFC 4034, 3.1); its size. */
static size_t dns_sign_head(const struct dns_sign_want *want, const struct dns_key *key, uint32_t inception_s,
                            uint32_t expiration_s, uint8_t *ret_data)
{
    dns_sign_u16(ret_data, want->set->type);
    ret_data[2] = (uint8_t)key->algorithm;
    ret_data[3] = dns_canonical_labels(want->owner);
    dns_sign_u32(ret_data + 4, want->set->ttl_s);
    dns_sign_u32(ret_data + 8, expiration_s);
    dns_sign_u32(ret_data + 12, inception_s);
    dns_sign_u16(ret_data + 16, key->tag);
    memcpy(ret_data + 18, want->zone->bytes, want->zone->size);
    return 18U + want->zone->size;
}

static int dns_sign_order(const void *a, const void *b)
{
    const struct span *x = a;
    const struct span *y = b;
    const int difference = memcmp(x->data, y->data, x->size < y->size ? x->size : y->size);
    return difference != 0 ? difference : (x->size > y->size) - (x->size < y->size);
}

/* The data in canonical form and order, in `room` which takes all of it. */
static void dns_sign_sort(const struct dns_zone_set *set, uint8_t *room, struct span *rows)
{
    uint32_t count = 0;
    for (const struct dns_zone_data *data = set->data; data != NULL; data = data->next) {
        memcpy(room, data->rdata.data, data->rdata.size);
        dns_canonical_rdata(set->type, room, data->rdata.size);
        rows[count++] = span_of(room, data->rdata.size);
        room += data->rdata.size;
    }
    ASSERT(count == set->count);
    qsort(rows, count, sizeof *rows, dns_sign_order);
}

/* RFC 4034, 3.1.8.1: the head, then each record. Those that differ in letters only are one. */
static void dns_sign_records(const struct dns_sign_want *want, const struct span *rows, struct buf *buf)
{
    for (uint32_t i = 0; i < want->set->count; i++) {
        if (i > 0 && span_equal(rows[i], rows[i - 1])) {
            continue;
        }
        buf_bytes(buf, want->owner->bytes, want->owner->size);
        buf_u16be(buf, want->set->type);
        buf_u16be(buf, DNS_CLASS_IN);
        buf_u32be(buf, want->set->ttl_s);
        buf_u16be(buf, (uint16_t)rows[i].size);
        buf_bytes(buf, rows[i].data, rows[i].size);
    }
}

static enum err dns_sign_make(const struct dns_sign_want *want, const struct dns_key *key, struct span head,
                              uint8_t ret_signature[DNS_KEY_SIGNATURE])
{
    const struct dns_zone_set *set = want->set;
    size_t bytes = 0;
    for (const struct dns_zone_data *data = set->data; data != NULL; data = data->next) {
        bytes += data->rdata.size;
    }
    const size_t most = head.size + bytes + set->count * (want->owner->size + (size_t)10);
    struct span *rows = calloc(set->count, sizeof *rows);
    uint8_t *room = malloc(bytes + most + 1);
    enum err err = ERR_NO_MEMORY;
    if (rows != NULL && room != NULL) {
        struct buf buf;
        buf_init(&buf, room + bytes, most + 1);
        dns_sign_sort(set, room, rows);
        buf_bytes(&buf, head.data, head.size);
        dns_sign_records(want, rows, &buf);
        ASSERT(!buf.overflow);
        err = dns_key_sign(key, span_of(buf.data, buf.size), ret_signature);
    }
    free(rows);
    free(room);
    return err;
}

/* ---- when ---- */

static uint32_t dns_sign_expiration(uint32_t now_s, uint64_t id)
{
    return now_s + DNS_SIGN_VALID_S - (uint32_t)(id % DNS_SIGN_JITTER_S);
}

size_t dns_sign_fresh(const struct dns_sign_want *want, const struct dns_keyring_key *key, uint32_t now_s,
                      uint8_t ret_data[DNS_SIGN_RDATA])
{
    const uint64_t id = hash_more(want->set->sum, want->owner->bytes, want->owner->size);
    const size_t head =
        dns_sign_head(want, &key->key, now_s - DNS_SIGN_BEFORE_S, dns_sign_expiration(now_s, id), ret_data);
    if (dns_sign_make(want, &key->key, span_of(ret_data, head), ret_data + head) != ERR_OK) {
        return 0;
    }
    return head + DNS_KEY_SIGNATURE;
}

/* ---- what is kept ---- */

static void dns_sign_id(const struct dns_sign *sign, const struct dns_sign_want *want,
                        const struct dns_keyring_key *key, uint64_t ret_id[2])
{
    const struct dns_zone_set *set = want->set;
    uint8_t bytes[8 + 8 + 4 + 2 + DNS_NAME_MAX];
    memcpy(bytes, &key->print, 8);
    memcpy(bytes + 8, &set->sum, 8);
    memcpy(bytes + 16, &set->ttl_s, 4);
    memcpy(bytes + 20, &set->type, 2);
    memcpy(bytes + 22, want->owner->bytes, want->owner->size);
    ret_id[0] = siphash(sign->secret, bytes, 22U + want->owner->size);
    ret_id[1] = set->sum + key->print + ((uint64_t)set->type << 40 | (uint64_t)set->count << 8 | 1);
}

/* The entry of that id in a table; else the one that makes room: free, or used longest ago. */
static struct dns_sign_entry *dns_sign_find(const struct dns_sign *sign, uint32_t table, const uint64_t id[2],
                                            bool *ret_found)
{
    struct dns_sign_entry *bucket = sign->tables[table] + (id[0] & (sign->buckets[table] - 1)) * DNS_SIGN_WAYS;
    struct dns_sign_entry *oldest = bucket;
    for (uint32_t i = 0; i < DNS_SIGN_WAYS; i++) {
        if (bucket[i].id[0] == id[0] && bucket[i].id[1] == id[1]) {
            *ret_found = true;
            return &bucket[i];
        }
        if (sign->turn - bucket[i].used > sign->turn - oldest->used) {
            oldest = &bucket[i];
        }
    }
    *ret_found = false;
    return oldest;
}

void dns_sign_room(struct dns_sign *sign, uint64_t sets)
{
    uint64_t buckets = sign->buckets[0];
    while (buckets * DNS_SIGN_WAYS < 2 * sets && buckets < DNS_SIGN_BUCKETS_MOST) {
        buckets *= 2;
    }
    if (buckets == sign->buckets[0]) {
        return;
    }
    struct dns_sign_entry *fresh = calloc(buckets * DNS_SIGN_WAYS, sizeof *fresh);
    if (fresh == NULL) {
        return;
    }
    struct dns_sign_entry *old = sign->tables[0];
    const uint64_t old_count = sign->buckets[0] * DNS_SIGN_WAYS;
    sign->tables[0] = fresh;
    sign->buckets[0] = buckets;
    for (uint64_t i = 0; i < old_count; i++) {
        bool found = false;
        if (old[i].id[1] != 0) {
            *dns_sign_find(sign, 0, old[i].id, &found) = old[i];
        }
    }
    free(old);
}

static bool dns_sign_pay(struct dns_sign *sign, enum dns_sign_purse purse)
{
    if (sign->window_s != sign->now_s) {
        sign->window_s = sign->now_s;
        memset(sign->spent, 0, sizeof sign->spent);
    }
    if (sign->spent[purse] == (purse == DNS_SIGN_DATA ? DNS_SIGN_DATA_PER_SECOND : DNS_SIGN_NAMES_PER_SECOND)) {
        sign->refused++;
        return false;
    }
    sign->spent[purse]++;
    sign->made++;
    return true;
}

size_t dns_sign_rrsig(struct dns_sign *sign, const struct dns_sign_want *want, const struct dns_keyring_key *key,
                      enum dns_sign_purse purse, uint8_t ret_data[DNS_SIGN_RDATA])
{
    uint64_t id[2];
    bool found = false;
    dns_sign_id(sign, want, key, id);
    struct dns_sign_entry *entry = dns_sign_find(sign, purse == DNS_SIGN_DATA ? 0 : 1, id, &found);
    const uint32_t now_s = sign->now_s;
    if (found) {
        entry->used = ++sign->turn;
    }
    /* Also one from a future that a clock's jump has taken back. */
    if (!found || now_s >= entry->refresh_s || now_s < entry->inception_s) {
        struct dns_sign_entry fresh = {.id = {id[0], id[1]}, .inception_s = now_s - DNS_SIGN_BEFORE_S};
        fresh.expiration_s = dns_sign_expiration(now_s, id[0]);
        fresh.refresh_s = fresh.expiration_s - DNS_SIGN_REFRESH_S;
        const size_t size = dns_sign_head(want, &key->key, fresh.inception_s, fresh.expiration_s, ret_data);
        if (!dns_sign_pay(sign, purse) ||
            dns_sign_make(want, &key->key, span_of(ret_data, size), fresh.signature) != ERR_OK) {
            return 0;
        }
        fresh.used = ++sign->turn;
        *entry = fresh;
    }
    const size_t head = dns_sign_head(want, &key->key, entry->inception_s, entry->expiration_s, ret_data);
    memcpy(ret_data + head, entry->signature, DNS_KEY_SIGNATURE);
    return head + DNS_KEY_SIGNATURE;
}
