/* SPDX-License-Identifier: Apache-2.0
 * DNS cookies (RFC 7873) in the interoperable form (RFC 9018): who sends ours back owns the address it asks from.
 *
 * A server cookie is version 1, three zero bytes, the time, and SipHash-2-4 of the client's cookie, these and its
 * address. Servers that share a secret take each other's. Rolled over without a gap: the new secret second on all
 * servers, then first, then the old one taken away. Pure: the caller has the clock. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/siphash.h"
#include "base/span.h"

enum {
    DNS_COOKIE_CLIENT = 8,
    DNS_COOKIE_SERVER = 16,
    DNS_COOKIE_BYTES = DNS_COOKIE_CLIENT + DNS_COOKIE_SERVER,
    DNS_COOKIE_MOST = 40, /* that of other servers may be up to 32 bytes */
    DNS_COOKIE_SECRETS = 2,
    DNS_COOKIE_OLD_S = 3600,   /* RFC 9018, 4.3: older ones are refused, */
    DNS_COOKIE_RENEW_S = 1800, /* beyond this age a new one is sent, */
    DNS_COOKIE_AHEAD_S = 300,  /* and clocks of two servers may differ by so much */
};

/* The first one makes cookies, all of them check. */
struct dns_cookie_secrets {
    uint32_t count; /* 0: no cookies */
    uint8_t secrets[DNS_COOKIE_SECRETS][SIPHASH_KEY];
};

enum dns_cookie_verdict {
    DNS_COOKIE_NEW,  /* the client has none of ours yet */
    DNS_COOKIE_BAD,  /* not ours, not for this address, or too old */
    DNS_COOKIE_GOOD, /* ours */
};

/* One or two secrets of 32 hexadecimal digits with blanks or line ends between them. ERR_INVALID otherwise. */
enum err dns_cookie_secrets_parse(struct span text, struct dns_cookie_secrets *ret_secrets) ERR_CHECK;

/* Judges the option's value (8, or 16 to DNS_COOKIE_MOST bytes) of a client at `address` (4 or 16 bytes) and writes the
 * cookie to answer with: a young good one again, else a new one. */
enum dns_cookie_verdict dns_cookie_check(const struct dns_cookie_secrets *secrets, struct span cookie,
                                         struct span address, uint32_t now_s, uint8_t ret_cookie[DNS_COOKIE_BYTES]);
