/* SPDX-License-Identifier: Apache-2.0
 * A key pair that signs a zone. */
#include "wire/dns_key.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/assert.h"
#include "wire/dns_rdata_field.h"

enum { DNS_KEY_SCALAR = 32, DNS_KEY_POINT = 65, DNS_KEY_WRAP = 40 };

const char *dns_key_algorithm_name(enum dns_key_algorithm algorithm)
{
    return algorithm == DNS_KEY_ED25519 ? "ED25519" : "ECDSAP256SHA256";
}

uint16_t dns_key_tag(struct span data)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < data.size; i++) {
        sum += i % 2 == 0 ? (uint32_t)data.data[i] << 8 : data.data[i];
    }
    return (uint16_t)(sum + (sum >> 16));
}

/* ---- the public half ---- */

static enum err dns_key_public(const EVP_PKEY *pair, struct buf *data, enum dns_key_algorithm *ret_algorithm)
{
    uint8_t point[DNS_KEY_POINT];
    char group[32] = "";
    size_t size = sizeof point;
    if (EVP_PKEY_is_a(pair, "ED25519") == 1) {
        *ret_algorithm = DNS_KEY_ED25519;
        if (EVP_PKEY_get_raw_public_key(pair, point, &size) != 1) {
            return ERR_INVALID;
        }
        buf_u8(data, DNS_KEY_ED25519);
        buf_bytes(data, point, size);
        return ERR_OK;
    }
    if (EVP_PKEY_is_a(pair, "EC") != 1 || EVP_PKEY_get_group_name(pair, group, sizeof group, NULL) != 1 ||
        strcmp(group, "prime256v1") != 0) {
        return ERR_UNSUPPORTED;
    }
    *ret_algorithm = DNS_KEY_ECDSAP256SHA256;
    /* 4, x, y; a point in another form is none that we can use. */
    if (EVP_PKEY_get_octet_string_param(pair, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point, &size) != 1 ||
        size != sizeof point || point[0] != POINT_CONVERSION_UNCOMPRESSED) {
        return ERR_INVALID;
    }
    buf_u8(data, DNS_KEY_ECDSAP256SHA256);
    buf_bytes(data, point + 1, sizeof point - 1);
    return ERR_OK;
}

/* Takes the pair over. */
static enum err dns_key_adopt(EVP_PKEY *pair, uint16_t flags, struct dns_key *ret_key)
{
    struct dns_key key = {.pair = pair};
    struct buf data;
    buf_init(&data, key.data, sizeof key.data);
    buf_u16be(&data, flags);
    buf_u8(&data, 3);
    const enum err err = dns_key_public(pair, &data, &key.algorithm);
    if (err != ERR_OK) {
        EVP_PKEY_free(pair);
        ERR_clear_error();
        return err;
    }
    ASSERT(!data.overflow);
    key.data_size = (uint8_t)data.size;
    key.tag = dns_key_tag(span_of(key.data, key.data_size));
    *ret_key = key;
    return ERR_OK;
}

/* ---- reading and writing ---- */

/* Nobody is asked for a password: an encrypted key is one that we cannot read. */
static int dns_key_no_password(char *password, int size, int writing, void *context)
{
    (void)password;
    (void)size;
    (void)writing;
    (void)context;
    return 0;
}

static EVP_PKEY *dns_key_pem(struct span text)
{
    BIO *memory = BIO_new_mem_buf(text.data, (int)text.size);
    EVP_PKEY *pair = memory != NULL ? PEM_read_bio_PrivateKey(memory, NULL, dns_key_no_password, NULL) : NULL;
    BIO_free(memory);
    return pair;
}

/* The bare private number as PKCS#8, from which OpenSSL computes the public half. */
static EVP_PKEY *dns_key_scalar(enum dns_key_algorithm algorithm, struct span scalar)
{
    static const uint8_t curve[] = {0x30, 0x41, 2, 1,    0,    0x30, 0x13, 6,    7,    0x2a, 0x86, 0x48,
                                    0xce, 0x3d, 2, 1,    6,    8,    0x2a, 0x86, 0x48, 0xce, 0x3d, 3,
                                    1,    7,    4, 0x27, 0x30, 0x25, 2,    1,    1,    4,    0x20};
    static const uint8_t edwards[] = {0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20};
    const struct span head =
        algorithm == DNS_KEY_ED25519 ? span_of(edwards, sizeof edwards) : span_of(curve, sizeof curve);
    uint8_t wrapped[DNS_KEY_WRAP + DNS_KEY_SCALAR];
    ASSERT(scalar.size == DNS_KEY_SCALAR && head.size <= DNS_KEY_WRAP);
    memcpy(wrapped, head.data, head.size);
    memcpy(wrapped + head.size, scalar.data, scalar.size);
    const uint8_t *at = wrapped;
    EVP_PKEY *pair = d2i_AutoPrivateKey(NULL, &at, (long)(head.size + scalar.size));
    OPENSSL_cleanse(wrapped, sizeof wrapped);
    return pair;
}

/* The value behind "NAME:" in BIND's format; empty: there is none. */
static struct span dns_key_value(struct span text, const char *name)
{
    struct cursor cursor;
    const size_t size = strlen(name);
    cursor_init(&cursor, text.data, text.size);
    while (cursor_left(&cursor) > 0) {
        const uint8_t *start = text.data + cursor.at;
        const uint8_t *end = memchr(start, '\n', cursor_left(&cursor));
        size_t length = end != NULL ? (size_t)(end - start) : cursor_left(&cursor);
        cursor_skip(&cursor, end != NULL ? length + 1 : length);
        if (length <= size + 1 || memcmp(start, name, size) != 0 || start[size] != ':') {
            continue;
        }
        start += size + 1;
        length -= size + 1;
        while (length > 0 && *start == ' ') {
            start++;
            length--;
        }
        while (length > 0 && (start[length - 1] == '\r' || start[length - 1] == ' ')) {
            length--;
        }
        return span_of(start, length);
    }
    return span_of(NULL, 0);
}

/* BIND's K*.private, of which only these three lines matter. */
static EVP_PKEY *dns_key_bind(struct span text, enum err *ret_err)
{
    uint8_t scalar[DNS_KEY_SCALAR + 3];
    struct buf buf;
    EVP_PKEY *pair = NULL;
    const struct span number = dns_key_value(text, "Algorithm");
    const struct span secret = dns_key_value(text, "PrivateKey");
    buf_init(&buf, scalar, sizeof scalar);
    *ret_err = ERR_INVALID;
    if (dns_key_value(text, "Private-key-format").size == 0 || number.size < 2) {
        return NULL;
    }
    const bool curve = memcmp(number.data, "13", 2) == 0;
    if (!curve && memcmp(number.data, "15", 2) != 0) {
        *ret_err = ERR_UNSUPPORTED;
        return NULL;
    }
    if (dns_rdata_field_base64_write(secret, &buf) && !buf.overflow && buf.size == DNS_KEY_SCALAR) {
        pair = dns_key_scalar(curve ? DNS_KEY_ECDSAP256SHA256 : DNS_KEY_ED25519, span_of(buf.data, buf.size));
    }
    OPENSSL_cleanse(scalar, sizeof scalar);
    return pair;
}

enum err dns_key_read(struct span text, uint16_t flags, struct dns_key *ret_key)
{
    enum err err = ERR_INVALID;
    if (text.size == 0 || text.size > DNS_KEY_TEXT) {
        return text.size == 0 ? ERR_INVALID : ERR_TOO_LARGE;
    }
    EVP_PKEY *pair = dns_key_pem(text);
    if (pair == NULL) {
        pair = dns_key_bind(text, &err);
    }
    ERR_clear_error();
    return pair != NULL ? dns_key_adopt(pair, flags, ret_key) : err;
}

enum err dns_key_generate(enum dns_key_algorithm algorithm, uint16_t flags, struct dns_key *ret_key)
{
    EVP_PKEY *pair = algorithm == DNS_KEY_ED25519 ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")
                                                  : EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    ERR_clear_error();
    return pair != NULL ? dns_key_adopt(pair, flags, ret_key) : ERR_INTERNAL;
}

enum err dns_key_write(const struct dns_key *key, struct buf *buf)
{
    char *text = NULL;
    BIO *memory = BIO_new(BIO_s_mem());
    const int good = memory != NULL && PEM_write_bio_PKCS8PrivateKey(memory, key->pair, NULL, NULL, 0, NULL, NULL) == 1;
    const long size = good ? BIO_get_mem_data(memory, &text) : 0;
    if (size > 0) {
        buf_bytes(buf, text, (size_t)size);
        OPENSSL_cleanse(text, (size_t)size);
    }
    BIO_free(memory);
    ERR_clear_error();
    return size > 0 && !buf->overflow ? ERR_OK : ERR_INTERNAL;
}

void dns_key_fini(struct dns_key *key)
{
    EVP_PKEY_free(key->pair);
    key->pair = NULL;
}

/* ---- using it ---- */

void dns_key_ds(const struct dns_key *key, const struct dns_name *owner, uint8_t ret_data[DNS_KEY_DS])
{
    uint8_t bytes[DNS_NAME_MAX + DNS_KEY_DATA];
    struct dns_name name = *owner;
    size_t size = 0;
    dns_name_lower(&name);
    memcpy(bytes, name.bytes, name.size);
    memcpy(bytes + name.size, key->data, key->data_size);
    ret_data[0] = (uint8_t)(key->tag >> 8);
    ret_data[1] = (uint8_t)key->tag;
    ret_data[2] = (uint8_t)key->algorithm;
    ret_data[3] = 2;
    const int good = EVP_Q_digest(NULL, "SHA256", NULL, bytes, (size_t)name.size + key->data_size, ret_data + 4, &size);
    ASSERT(good == 1 && size == DNS_KEY_DIGEST);
}

/* RFC 6605, 4: r and s, each as 32 bytes, where OpenSSL has them in DER. */
static bool dns_key_unwrap(const uint8_t *der, size_t size, uint8_t ret_signature[DNS_KEY_SIGNATURE])
{
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &der, (long)size);
    const bool good = pair != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(pair), ret_signature, 32) == 32 &&
                      BN_bn2binpad(ECDSA_SIG_get0_s(pair), ret_signature + 32, 32) == 32;
    ECDSA_SIG_free(pair);
    return good;
}

enum err dns_key_sign(const struct dns_key *key, struct span bytes, uint8_t ret_signature[DNS_KEY_SIGNATURE])
{
    uint8_t raw[80]; /* DER: at most 72 */
    size_t size = sizeof raw;
    const char *digest = key->algorithm == DNS_KEY_ED25519 ? NULL : "SHA256";
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = context != NULL && EVP_DigestSignInit_ex(context, NULL, digest, NULL, NULL, key->pair, NULL) == 1 &&
                EVP_DigestSign(context, raw, &size, bytes.data, bytes.size) == 1;
    if (good && key->algorithm == DNS_KEY_ED25519) {
        good = size == DNS_KEY_SIGNATURE;
        memcpy(ret_signature, raw, DNS_KEY_SIGNATURE);
    } else if (good) {
        good = dns_key_unwrap(raw, size, ret_signature);
    }
    EVP_MD_CTX_free(context);
    ERR_clear_error();
    return good ? ERR_OK : ERR_INTERNAL;
}
