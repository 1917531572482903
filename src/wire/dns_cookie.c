/* SPDX-License-Identifier: Apache-2.0
 * DNS cookies. */
#include "wire/dns_cookie.h"

#include <endian.h>
#include <string.h>

#include "base/assert.h"
#include "base/siphash.h"
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

/* RFC 9018, 4.4: the hash of client cookie, version, reserved bytes, time and address. `client` and `fixed` are the
 * first 16 bytes of a cookie. */
static uint64_t dns_cookie_hash(const uint8_t *secret, uint64_t client, uint64_t fixed, struct span address)
{
    struct siphash hash = siphash_begin(secret);
    siphash_add(&hash, client);
    siphash_add(&hash, fixed);
    if (address.size == 4) {
        uint32_t four;
        memcpy(&four, address.data, sizeof four);
        return siphash_end(&hash, UINT64_C(20) << 56 | le32toh(four));
    }
    ASSERT(address.size == 16);
    siphash_add(&hash, word_load(address.data));
    siphash_add(&hash, word_load(address.data + WORD_BYTES));
    return siphash_end(&hash, UINT64_C(32) << 56);
}

/* Which secret made it, DNS_COOKIE_SECRETS: none. A comparison of words takes as long for wrong ones as for right ones.
 */
static uint32_t dns_cookie_secret(const struct dns_cookie_secrets *secrets, const uint8_t *cookie, struct span address)
{
    const uint64_t client = word_load(cookie);
    const uint64_t fixed = word_load(cookie + WORD_BYTES);
    const uint64_t told = word_load(cookie + DNS_COOKIE_BYTES - WORD_BYTES);
    for (uint32_t at = 0; at < secrets->count; at++) {
        if (dns_cookie_hash(secrets->secrets[at], client, fixed, address) == told) {
            return at;
        }
    }
    return DNS_COOKIE_SECRETS;
}

static void dns_cookie_make(const struct dns_cookie_secrets *secrets, uint64_t client, struct span address,
                            uint32_t now_s, uint8_t ret_cookie[DNS_COOKIE_BYTES])
{
    const uint64_t fixed = UINT64_C(1) | (uint64_t)__builtin_bswap32(now_s) << 32; /* version 1, and the time */
    word_store(ret_cookie, client);
    word_store(ret_cookie + WORD_BYTES, fixed);
    word_store(ret_cookie + DNS_COOKIE_BYTES - WORD_BYTES,
               dns_cookie_hash(secrets->secrets[0], client, fixed, address));
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
    dns_cookie_make(secrets, word_load(cookie.data), address, now_s, ret_cookie);
    return verdict;
}
