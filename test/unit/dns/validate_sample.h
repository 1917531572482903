/* SPDX-License-Identifier: Apache-2.0
 * A validator of its own for the DNS tests: reads an answer and checks each signature in it with OpenSSL, sharing
 * nothing with the signer but the public keys. */
#pragma once

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "wire/dns_key.h"
#include "wire/dns_message.h"
#include "wire/dns_type.h"

enum { VALIDATE_RECORDS = 256, VALIDATE_DATA = 2048 };

struct validate_record {
    uint32_t section;
    struct dns_name owner; /* lower case */
    uint16_t type;
    uint32_t ttl_s;
    size_t size;
    uint8_t data[VALIDATE_DATA]; /* no pointers, names in lower case */
};

struct validate_answer {
    uint16_t flags;
    uint32_t count;
    struct validate_record records[VALIDATE_RECORDS];
};

static inline void validate_data(struct cursor *cursor, uint16_t type, size_t end, struct validate_record *record)
{
    const uint32_t names = type == DNS_TYPE_SOA ? 2
                                                : type == DNS_TYPE_NS || type == DNS_TYPE_CNAME ||
                                                      type == DNS_TYPE_MX || type == DNS_TYPE_DNAME;
    if (type == DNS_TYPE_MX) {
        record->data[record->size++] = cursor_u8(cursor);
        record->data[record->size++] = cursor_u8(cursor);
    }
    for (uint32_t i = 0; i < names; i++) {
        struct dns_name name;
        dns_name_read(cursor, &name);
        dns_name_lower(&name);
        memcpy(record->data + record->size, name.bytes, name.size);
        record->size += name.size;
    }
    const struct span rest = cursor_span(cursor, end - cursor->at);
    assert_true(cursor_ok(cursor) && record->size + rest.size <= VALIDATE_DATA);
    memcpy(record->data + record->size, rest.data, rest.size);
    record->size += rest.size;
}

/* All records of a message behind those that are there, OPT left out. */
static inline void validate_read(const uint8_t *bytes, size_t size, struct validate_answer *answer)
{
    struct cursor cursor;
    struct dns_name name;
    cursor_init(&cursor, bytes, size);
    cursor_skip(&cursor, 2);
    answer->flags = cursor_u16be(&cursor);
    const uint16_t questions = cursor_u16be(&cursor);
    uint32_t counts[3];
    for (uint32_t i = 0; i < 3; i++) {
        counts[i] = cursor_u16be(&cursor);
    }
    for (uint32_t i = 0; i < questions; i++) {
        dns_name_read(&cursor, &name);
        cursor_skip(&cursor, 4);
    }
    for (uint32_t section = 0; section < 3; section++) {
        for (uint32_t i = 0; i < counts[section]; i++) {
            struct validate_record *record = &answer->records[answer->count];
            assert_true(answer->count < VALIDATE_RECORDS);
            memset(record, 0, sizeof *record);
            record->section = section;
            dns_name_read(&cursor, &record->owner);
            dns_name_lower(&record->owner);
            record->type = cursor_u16be(&cursor);
            cursor_skip(&cursor, 2);
            record->ttl_s = cursor_u32be(&cursor);
            const uint16_t length = cursor_u16be(&cursor);
            validate_data(&cursor, record->type, cursor.at + length, record);
            answer->count += record->type != DNS_TYPE_OPT;
        }
    }
    assert_true(cursor_ok(&cursor));
    assert_int_equal(cursor_left(&cursor), 0);
}

static inline EVP_PKEY *validate_public(struct span key)
{
    static const uint8_t head[] = {0x30, 0x59, 0x30, 0x13, 6,    7,    0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6,
                                   8,    0x2a, 0x86, 0x48, 0xce, 0x3d, 3,    1,    7,    3,    0x42, 0, 4};
    if (key.data[3] == DNS_KEY_ED25519) {
        return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key.data + 4, key.size - 4);
    }
    uint8_t whole[sizeof head + 64];
    const uint8_t *at = whole;
    memcpy(whole, head, sizeof head);
    memcpy(whole + sizeof head, key.data + 4, 64);
    return d2i_PUBKEY(NULL, &at, sizeof whole);
}

static inline bool validate_signature(struct span key, struct span bytes, const uint8_t signature[64])
{
    uint8_t der[80];
    uint8_t *at = der;
    size_t size = 64;
    const bool curve = key.data[3] == DNS_KEY_ECDSAP256SHA256;
    memcpy(der, signature, 64);
    if (curve) {
        ECDSA_SIG *pair = ECDSA_SIG_new();
        ECDSA_SIG_set0(pair, BN_bin2bn(signature, 32, NULL), BN_bin2bn(signature + 32, 32, NULL));
        size = (size_t)i2d_ECDSA_SIG(pair, &at);
        ECDSA_SIG_free(pair);
    }
    EVP_PKEY *public_key = validate_public(key);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    assert_non_null(public_key);
    const bool good = EVP_DigestVerifyInit(context, NULL, curve ? EVP_sha256() : NULL, NULL, public_key) == 1 &&
                      EVP_DigestVerify(context, der, size, bytes.data, bytes.size) == 1;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(public_key);
    return good;
}

static inline int validate_order(const struct validate_record *a, const struct validate_record *b)
{
    const int difference = memcmp(a->data, b->data, a->size < b->size ? a->size : b->size);
    return difference != 0 ? difference : (a->size > b->size) - (a->size < b->size);
}

static inline bool validate_same_set(const struct validate_record *a, const struct validate_record *b)
{
    return a->section == b->section && a->type == b->type && dns_name_equal(&a->owner, &b->owner);
}

/* The bytes that the signature of the set of `first` covers (RFC 4034, 3.1.8.1). */
static inline void validate_bytes(const struct validate_answer *answer, const struct validate_record *first,
                                  const struct validate_record *rrsig, struct buf *buf)
{
    const struct validate_record *last = NULL;
    struct cursor cursor;
    struct dns_name name;
    cursor_init(&cursor, rrsig->data, rrsig->size);
    cursor_skip(&cursor, 18);
    dns_name_read(&cursor, &name);
    buf_bytes(buf, rrsig->data, cursor.at);
    for (;;) {
        const struct validate_record *next = NULL;
        for (uint32_t i = 0; i < answer->count; i++) {
            const struct validate_record *record = &answer->records[i];
            if (validate_same_set(record, first) && (last == NULL || validate_order(record, last) > 0) &&
                (next == NULL || validate_order(record, next) < 0)) {
                next = record;
            }
        }
        if (next == NULL) {
            return;
        }
        buf_bytes(buf, next->owner.bytes, next->owner.size);
        buf_u16be(buf, next->type);
        buf_u16be(buf, DNS_CLASS_IN);
        buf_bytes(buf, rrsig->data + 4, 4);
        buf_u16be(buf, (uint16_t)next->size);
        buf_bytes(buf, next->data, next->size);
        last = next;
    }
}

/* How many good signatures the set of `first` has; fails the test on a bad one. The owner may not be from a wildcard.
 */
static inline uint32_t validate_set(const struct validate_answer *answer, const struct validate_record *first,
                                    const struct span *keys, uint32_t keys_count, uint32_t now_s)
{
    static uint8_t memory[1 << 17];
    uint32_t good = 0;
    for (uint32_t i = 0; i < answer->count; i++) {
        const struct validate_record *rrsig = &answer->records[i];
        const uint8_t *data = rrsig->data;
        if (rrsig->type != DNS_TYPE_RRSIG || rrsig->section != first->section ||
            !dns_name_equal(&rrsig->owner, &first->owner) || (data[0] << 8 | data[1]) != first->type) {
            continue;
        }
        struct cursor cursor;
        uint8_t at[DNS_NAME_LABELS_MAX];
        struct buf buf;
        struct span key = span_of(NULL, 0);
        uint32_t labels = dns_name_labels(&first->owner, at);
        labels -= labels > 0 && first->owner.bytes[0] == 1 && first->owner.bytes[1] == '*';
        cursor_init(&cursor, data, rrsig->size);
        cursor_skip(&cursor, 3);
        assert_int_equal(cursor_u8(&cursor), labels);
        assert_true(cursor_u32be(&cursor) >= first->ttl_s);
        assert_int_equal(rrsig->ttl_s, first->ttl_s);
        assert_true(cursor_u32be(&cursor) > now_s);
        assert_true(cursor_u32be(&cursor) < now_s);
        const uint16_t tag = cursor_u16be(&cursor);
        for (uint32_t j = 0; j < keys_count; j++) {
            key = dns_key_tag(keys[j]) == tag ? keys[j] : key;
        }
        assert_non_null(key.data);
        buf_init(&buf, memory, sizeof memory);
        validate_bytes(answer, first, rrsig, &buf);
        assert_false(buf.overflow);
        assert_true(validate_signature(key, span_of(buf.data, buf.size), data + rrsig->size - 64));
        good++;
    }
    return good;
}

/* The first record of that type; there has to be one. */
static inline const struct validate_record *validate_find(const struct validate_answer *answer, uint16_t type)
{
    for (uint32_t i = 0; i < answer->count; i++) {
        if (answer->records[i].type == type) {
            return &answer->records[i];
        }
    }
    fail_msg("no record of type %u", type);
    return answer->records;
}

/* Whether the bitmap behind NSEC's next name has the type. */
static inline bool validate_bit(const struct validate_record *nsec, uint16_t type)
{
    struct cursor cursor;
    struct dns_name next;
    cursor_init(&cursor, nsec->data, nsec->size);
    dns_name_read(&cursor, &next);
    while (cursor_left(&cursor) > 0) {
        const uint8_t window = cursor_u8(&cursor);
        const struct span bits = cursor_span(&cursor, cursor_u8(&cursor));
        const uint32_t byte = (type & 255) / 8;
        if (window == type >> 8 && byte < bits.size) {
            return (bits.data[byte] & 0x80 >> type % 8) != 0;
        }
    }
    return false;
}
