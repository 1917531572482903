/* SPDX-License-Identifier: Apache-2.0
 * Signatures of DNS messages with shared keys. */
#include "wire/dns_tsig.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "base/assert.h"
#include "wire/dns_rdata_field.h"
#include "wire/dns_type.h"

static const struct {
    const char *text;
    const char *digest;
    const char *name; /* as a domain name */
    size_t mac_size;
} dns_tsig_algorithms[DNS_TSIG_ALGORITHMS] = {
    [DNS_TSIG_SHA256] = {"hmac-sha256", "SHA256", "\13hmac-sha256", 32},
    [DNS_TSIG_SHA384] = {"hmac-sha384", "SHA384", "\13hmac-sha384", 48},
    [DNS_TSIG_SHA512] = {"hmac-sha512", "SHA512", "\13hmac-sha512", 64},
};

enum err dns_tsig_key_parse(const char *name, const char *algorithm, struct span secret, struct dns_tsig_key *ret_key)
{
    struct dns_tsig_key key = {.algorithm = DNS_TSIG_ALGORITHMS};
    uint8_t memory[DNS_TSIG_SECRET + 8];
    struct buf buf;
    enum err err = dns_name_parse(span_text(name), NULL, &key.name);
    if (err != ERR_OK) {
        return err;
    }
    dns_name_lower(&key.name);
    for (uint32_t i = 0; i < DNS_TSIG_ALGORITHMS; i++) {
        if (strcmp(algorithm, dns_tsig_algorithms[i].text) == 0) {
            key.algorithm = (enum dns_tsig_algorithm)i;
        }
    }
    if (key.algorithm == DNS_TSIG_ALGORITHMS) {
        return ERR_UNSUPPORTED;
    }
    buf_init(&buf, memory, sizeof memory);
    if (!dns_rdata_field_base64_write(secret, &buf)) {
        err = ERR_INVALID;
    } else if (buf.overflow || buf.size > DNS_TSIG_SECRET || buf.size == 0 || key.name.size > DNS_TSIG_NAME) {
        err = ERR_TOO_LARGE;
    } else {
        memcpy(key.secret, buf.data, buf.size);
        key.secret_size = buf.size;
        *ret_key = key;
    }
    OPENSSL_cleanse(memory, sizeof memory);
    OPENSSL_cleanse(&key, sizeof key);
    return err;
}

/* ---- the hash ---- */

static EVP_MAC_CTX *dns_tsig_hash(const struct dns_tsig_key *key)
{
    EVP_MAC *mac = EVP_MAC_fetch(NULL, OSSL_MAC_NAME_HMAC, NULL);
    EVP_MAC_CTX *context = mac != NULL ? EVP_MAC_CTX_new(mac) : NULL;
    char digest[8];
    memcpy(digest, dns_tsig_algorithms[key->algorithm].digest, sizeof "SHA256");
    OSSL_PARAM parameters[2] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                OSSL_PARAM_construct_end()};
    EVP_MAC_free(mac);
    const int good = context != NULL && EVP_MAC_init(context, key->secret, key->secret_size, parameters) == 1;
    ASSERT(good); /* out of memory, or an OpenSSL without HMAC */
    return context;
}

static void dns_tsig_hash_bytes(EVP_MAC_CTX *context, const void *data, size_t size)
{
    const int good = size == 0 || EVP_MAC_update(context, data, size) == 1;
    ASSERT(good);
}

static void dns_tsig_hash_number(EVP_MAC_CTX *context, uint64_t number, uint32_t bytes)
{
    uint8_t memory[8];
    for (uint32_t i = 0; i < bytes; i++) {
        memory[i] = (uint8_t)(number >> (8 * (bytes - 1 - i)));
    }
    dns_tsig_hash_bytes(context, memory, bytes);
}

static size_t dns_tsig_hash_end(EVP_MAC_CTX *context, uint8_t mac[DNS_TSIG_MAC])
{
    size_t size = 0;
    const int good = EVP_MAC_final(context, mac, &size, DNS_TSIG_MAC) == 1;
    ASSERT(good);
    EVP_MAC_CTX_free(context);
    return size;
}

/* RFC 8945, 4.3.3. `other`: the server's time after BADTIME, else none. */
static void dns_tsig_hash_variables(EVP_MAC_CTX *context, const struct dns_tsig *tsig, uint64_t time_s,
                                    uint16_t fudge_s, enum dns_tsig_error error)
{
    dns_tsig_hash_bytes(context, tsig->name, tsig->name_size);
    dns_tsig_hash_number(context, DNS_CLASS_ANY, 2);
    dns_tsig_hash_number(context, 0, 4);
    dns_tsig_hash_bytes(context, tsig->algorithm, tsig->algorithm_size);
    dns_tsig_hash_number(context, time_s, 6);
    dns_tsig_hash_number(context, fudge_s, 2);
    dns_tsig_hash_number(context, error, 2);
    if (error == DNS_TSIG_BADTIME) {
        dns_tsig_hash_number(context, 6, 2);
        dns_tsig_hash_number(context, tsig->now_s, 6);
    } else {
        dns_tsig_hash_number(context, 0, 2);
    }
}

/* ---- the query ---- */

static uint64_t dns_tsig_u48(struct cursor *cursor)
{
    const uint64_t high = cursor_u16be(cursor);
    return high << 32 | cursor_u32be(cursor);
}

static const struct dns_tsig_key *dns_tsig_find(const struct dns_tsig_key *keys, uint32_t keys_count,
                                                const struct dns_tsig *tsig)
{
    for (uint32_t i = 0; i < keys_count; i++) {
        const char *name = dns_tsig_algorithms[keys[i].algorithm].name;
        if (keys[i].name.size == tsig->name_size && memcmp(keys[i].name.bytes, tsig->name, tsig->name_size) == 0 &&
            tsig->algorithm_size == strlen(name) + 1 && memcmp(name, tsig->algorithm, tsig->algorithm_size) == 0) {
            return &keys[i];
        }
    }
    return NULL;
}

/* What the record says beside names and times. */
struct dns_tsig_record {
    uint16_t fudge_s;
    struct span mac;
    uint16_t error;
    struct span other;
};

static bool dns_tsig_read(const uint8_t *message, size_t size, size_t at, struct dns_tsig *tsig,
                          struct dns_tsig_record *record)
{
    struct cursor cursor;
    struct dns_name name;
    cursor_init(&cursor, message, size);
    cursor_skip(&cursor, at);
    dns_name_read(&cursor, &name);
    dns_name_lower(&name);
    tsig->name_size = name.size;
    memcpy(tsig->name, name.bytes, name.size);
    bool good = cursor_u16be(&cursor) == DNS_TYPE_TSIG && cursor_u16be(&cursor) == DNS_CLASS_ANY;
    good = cursor_u32be(&cursor) == 0 && good;
    const size_t data_size = cursor_u16be(&cursor);
    good = good && cursor_left(&cursor) == data_size;
    dns_name_read(&cursor, &name);
    dns_name_lower(&name);
    tsig->algorithm_size = name.size;
    memcpy(tsig->algorithm, name.bytes, name.size);
    tsig->peer_s = dns_tsig_u48(&cursor);
    record->fudge_s = cursor_u16be(&cursor);
    const size_t mac_size = cursor_u16be(&cursor);
    record->mac = cursor_span(&cursor, mac_size);
    tsig->id = cursor_u16be(&cursor);
    record->error = cursor_u16be(&cursor);
    const size_t other_size = cursor_u16be(&cursor);
    record->other = cursor_span(&cursor, other_size);
    return good && cursor_ok(&cursor) && cursor_left(&cursor) == 0;
}

static bool dns_tsig_matches(const uint8_t *message, size_t at, const struct dns_tsig *tsig,
                             const struct dns_tsig_record *record)
{
    uint8_t mac[DNS_TSIG_MAC];
    uint8_t head[12];
    EVP_MAC_CTX *context = dns_tsig_hash(tsig->key);
    /* As it was before the record was put behind it. */
    memcpy(head, message, sizeof head);
    const uint16_t records = (uint16_t)((head[10] << 8 | head[11]) - 1);
    head[0] = (uint8_t)(tsig->id >> 8);
    head[1] = (uint8_t)tsig->id;
    head[10] = (uint8_t)(records >> 8);
    head[11] = (uint8_t)records;
    dns_tsig_hash_bytes(context, head, sizeof head);
    dns_tsig_hash_bytes(context, message + sizeof head, at - sizeof head);
    dns_tsig_hash_bytes(context, tsig->name, tsig->name_size);
    dns_tsig_hash_number(context, DNS_CLASS_ANY, 2);
    dns_tsig_hash_number(context, 0, 4);
    dns_tsig_hash_bytes(context, tsig->algorithm, tsig->algorithm_size);
    dns_tsig_hash_number(context, tsig->peer_s, 6);
    dns_tsig_hash_number(context, record->fudge_s, 2);
    dns_tsig_hash_number(context, record->error, 2);
    dns_tsig_hash_number(context, record->other.size, 2);
    dns_tsig_hash_bytes(context, record->other.data, record->other.size);
    const size_t size = dns_tsig_hash_end(context, mac);
    return record->mac.size == size && CRYPTO_memcmp(mac, record->mac.data, size) == 0;
}

enum err dns_tsig_begin(struct span message, size_t at, const struct dns_tsig_key *keys, uint32_t keys_count,
                        uint64_t now_s, struct dns_tsig *ret_tsig)
{
    struct dns_tsig_record record;
    struct dns_tsig *tsig = ret_tsig;
    ASSERT(at >= 12 && at < message.size);
    tsig->now_s = now_s;
    tsig->answered = false;
    tsig->mac_size = 0;
    if (!dns_tsig_read(message.data, message.size, at, tsig, &record)) {
        return ERR_INVALID;
    }
    tsig->key = dns_tsig_find(keys, keys_count, tsig);
    if (tsig->key == NULL) {
        /* The answer carries the peer's names: those that could not fit get none. */
        tsig->error = DNS_TSIG_BADKEY;
        return tsig->name_size <= DNS_TSIG_NAME && tsig->algorithm_size <= DNS_TSIG_NAME ? ERR_OK : ERR_INVALID;
    }
    const size_t whole = dns_tsig_algorithms[tsig->key->algorithm].mac_size;
    if (record.mac.size > whole || record.mac.size < 10 || record.mac.size < whole / 2) {
        return ERR_INVALID; /* RFC 8945, 5.2.2.1 */
    }
    tsig->error = DNS_TSIG_GOOD;
    if (record.mac.size < whole) {
        tsig->error = DNS_TSIG_BADTRUNC;
    } else if (!dns_tsig_matches(message.data, at, tsig, &record)) {
        tsig->error = DNS_TSIG_BADSIG;
    } else {
        memcpy(tsig->mac, record.mac.data, record.mac.size);
        tsig->mac_size = record.mac.size;
        const uint64_t away_s = now_s > tsig->peer_s ? now_s - tsig->peer_s : tsig->peer_s - now_s;
        tsig->error = away_s > record.fudge_s ? DNS_TSIG_BADTIME : DNS_TSIG_GOOD;
    }
    return ERR_OK;
}

void dns_tsig_client(const struct dns_tsig_key *key, uint64_t now_s, struct dns_tsig *ret_tsig)
{
    const char *name = dns_tsig_algorithms[key->algorithm].name;
    *ret_tsig = (struct dns_tsig){.key = key, .now_s = now_s};
    ret_tsig->name_size = key->name.size;
    memcpy(ret_tsig->name, key->name.bytes, key->name.size);
    ret_tsig->algorithm_size = (uint8_t)(strlen(name) + 1);
    memcpy(ret_tsig->algorithm, name, ret_tsig->algorithm_size);
}

/* ---- the answer ---- */

static void dns_tsig_mac(struct dns_tsig *tsig, const uint8_t *message, size_t size, uint64_t time_s)
{
    EVP_MAC_CTX *context = dns_tsig_hash(tsig->key);
    if (tsig->mac_size > 0) {
        dns_tsig_hash_number(context, tsig->mac_size, 2);
        dns_tsig_hash_bytes(context, tsig->mac, tsig->mac_size);
    }
    dns_tsig_hash_bytes(context, message, size);
    if (tsig->answered) {
        dns_tsig_hash_number(context, time_s, 6);
        dns_tsig_hash_number(context, DNS_TSIG_FUDGE_S, 2);
    } else {
        dns_tsig_hash_variables(context, tsig, time_s, DNS_TSIG_FUDGE_S, tsig->error);
    }
    tsig->mac_size = dns_tsig_hash_end(context, tsig->mac);
}

size_t dns_tsig_sign(struct dns_tsig *tsig, uint8_t *message, size_t size)
{
    uint8_t memory[DNS_TSIG_MOST + 1];
    struct buf buf;
    const bool silent = tsig->error == DNS_TSIG_BADKEY || tsig->error == DNS_TSIG_BADSIG || tsig->key == NULL ||
                        tsig->error == DNS_TSIG_BADTRUNC;
    const bool late = tsig->error == DNS_TSIG_BADTIME;
    const uint64_t time_s = late || silent ? tsig->peer_s : tsig->now_s; /* RFC 8945, 5.2.3 */
    const uint16_t id = (uint16_t)(message[0] << 8 | message[1]);
    if (silent) {
        tsig->mac_size = 0;
    } else {
        dns_tsig_mac(tsig, message, size, time_s);
    }
    buf_init(&buf, memory, sizeof memory);
    buf_bytes(&buf, tsig->name, tsig->name_size);
    buf_u16be(&buf, DNS_TYPE_TSIG);
    buf_u16be(&buf, DNS_CLASS_ANY);
    buf_u32be(&buf, 0);
    buf_u16be(&buf, (uint16_t)(tsig->algorithm_size + 16U + tsig->mac_size + (late ? 6 : 0)));
    buf_bytes(&buf, tsig->algorithm, tsig->algorithm_size);
    buf_u16be(&buf, (uint16_t)(time_s >> 32));
    buf_u32be(&buf, (uint32_t)time_s);
    buf_u16be(&buf, DNS_TSIG_FUDGE_S);
    buf_u16be(&buf, (uint16_t)tsig->mac_size);
    buf_bytes(&buf, tsig->mac, tsig->mac_size);
    buf_u16be(&buf, id);
    buf_u16be(&buf, (uint16_t)tsig->error);
    buf_u16be(&buf, late ? 6 : 0);
    if (late) {
        buf_u16be(&buf, (uint16_t)(tsig->now_s >> 32));
        buf_u32be(&buf, (uint32_t)tsig->now_s);
    }
    ASSERT(!buf.overflow);
    memcpy(message + size, buf.data, buf.size);
    const uint16_t records = (uint16_t)((message[10] << 8 | message[11]) + 1);
    message[10] = (uint8_t)(records >> 8);
    message[11] = (uint8_t)records;
    tsig->answered = true;
    return size + buf.size;
}
