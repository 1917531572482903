/* SPDX-License-Identifier: Apache-2.0
 * DNS cookies. */
#include "wire/dns_cookie.h"

#include <endian.h>
#include <string.h>

#include "base/assert.h"
#include "wire/dns_word.h"

enum err dns_cookie_secrets_parse(struct span text, struct dns_cookie_secrets *ret_secrets)
{
    struct dns_cookie_secrets secrets = {0};
    uint32_t digits = 0;
    for (size_t i = 0; i < text.size; i++) {
        const uint8_t byte = text.data[i];
        if (byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n') {
            if (digits % (2 * SIPHASH_KEY) != 0) {
                return ERR_INVALID;
            }
            continue;
        }
        const uint32_t value = dns_word_hex(byte);
        if (value > 15 || digits == 2 * SIPHASH_KEY * DNS_COOKIE_SECRETS) {
            return ERR_INVALID;
        }
        uint8_t *at = &secrets.secrets[digits / (2 * SIPHASH_KEY)][digits / 2 % SIPHASH_KEY];
        *at = (uint8_t)((uint32_t)*at << 4 | value);
        digits++;
    }
    if (digits == 0 || digits % (2 * SIPHASH_KEY) != 0) {
        return ERR_INVALID;
    }
    secrets.count = digits / (2 * SIPHASH_KEY);
    *ret_secrets = secrets;
    return ERR_OK;
}

/* RFC 9018, 4.4: the hash of client cookie, version, reserved bytes, time and address, as the algorithm's bytes. `head`
 * is the first 16 bytes of a cookie. */
static void dns_cookie_hash(const uint8_t *secret, const uint8_t *head, struct span address, uint8_t ret_hash[8])
{
    uint8_t input[16 + 16];
    ASSERT(address.size == 4 || address.size == 16);
    memcpy(input, head, 16);
    memcpy(input + 16, address.data, address.size);
    const uint64_t hash = htole64(siphash(secret, input, 16 + address.size));
    memcpy(ret_hash, &hash, 8);
}

/* No early end: how long it takes tells nothing about the right bytes. */
static bool dns_cookie_same(const uint8_t *a, const uint8_t *b)
{
    uint64_t left;
    uint64_t right;
    memcpy(&left, a, 8);
    memcpy(&right, b, 8);
    return left == right;
}

/* Which secret made it, DNS_COOKIE_SECRETS: none. */
static uint32_t dns_cookie_secret(const struct dns_cookie_secrets *secrets, const uint8_t *cookie, struct span address)
{
    uint8_t hash[8];
    uint32_t at = 0;
    for (; at < secrets->count; at++) {
        dns_cookie_hash(secrets->secrets[at], cookie, address, hash);
        if (dns_cookie_same(hash, cookie + 16)) {
            return at;
        }
    }
    return DNS_COOKIE_SECRETS;
}

static void dns_cookie_make(const struct dns_cookie_secrets *secrets, const uint8_t *client, struct span address,
                            uint32_t now_s, uint8_t ret_cookie[DNS_COOKIE_BYTES])
{
    const uint8_t fixed[8] = {
        1, 0, 0, 0, (uint8_t)(now_s >> 24), (uint8_t)(now_s >> 16), (uint8_t)(now_s >> 8), (uint8_t)now_s};
    memmove(ret_cookie, client, DNS_COOKIE_CLIENT);
    memcpy(ret_cookie + DNS_COOKIE_CLIENT, fixed, sizeof fixed);
    dns_cookie_hash(secrets->secrets[0], ret_cookie, address, ret_cookie + 16);
}

enum dns_cookie_verdict dns_cookie_check(const struct dns_cookie_secrets *secrets, struct span cookie,
                                         struct span address, uint32_t now_s, uint8_t ret_cookie[DNS_COOKIE_BYTES])
{
    enum dns_cookie_verdict verdict = cookie.size == DNS_COOKIE_CLIENT ? DNS_COOKIE_NEW : DNS_COOKIE_BAD;
    ASSERT(secrets->count > 0 && secrets->count <= DNS_COOKIE_SECRETS);
    ASSERT(cookie.size >= DNS_COOKIE_CLIENT && cookie.size <= DNS_COOKIE_MOST);
    if (cookie.size == DNS_COOKIE_BYTES && cookie.data[8] == 1) {
        const uint8_t *at = cookie.data + 12;
        const uint32_t made_s = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
        const int32_t age_s = (int32_t)(now_s - made_s); /* serial arithmetic: goes on in 2106 */
        const bool young = age_s <= DNS_COOKIE_OLD_S && age_s >= -DNS_COOKIE_AHEAD_S;
        const uint32_t by = young ? dns_cookie_secret(secrets, cookie.data, address) : DNS_COOKIE_SECRETS;
        if (by != DNS_COOKIE_SECRETS) {
            verdict = DNS_COOKIE_GOOD;
        }
        if (by == 0 && age_s <= DNS_COOKIE_RENEW_S) {
            memmove(ret_cookie, cookie.data, DNS_COOKIE_BYTES);
            return verdict;
        }
    }
    dns_cookie_make(secrets, cookie.data, address, now_s, ret_cookie);
    return verdict;
}
