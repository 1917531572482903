/* SPDX-License-Identifier: Apache-2.0
 * Signatures of DNS messages with shared keys: TSIG (RFC 8945), HMAC-SHA-256, -384 and -512, full length only.
 *
 * A server: dns_tsig_begin before it overwrites the query, dns_tsig_sign at the end of each message of its answer. A
 * client: dns_tsig_client, then dns_tsig_sign for its query. Allocates inside OpenSSL: not for every query, only for
 * signed ones. The caller has the clock. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "wire/dns_name.h"

enum {
    DNS_TSIG_NAME = 64, /* bytes of a key's name: answers have to fit into 512 */
    DNS_TSIG_SECRET = 128,
    DNS_TSIG_MAC = 64,
    DNS_TSIG_FUDGE_S = 300,
    DNS_TSIG_MOST = 192, /* bytes that dns_tsig_sign may append */
};

enum dns_tsig_algorithm { DNS_TSIG_SHA256, DNS_TSIG_SHA384, DNS_TSIG_SHA512, DNS_TSIG_ALGORITHMS };

/* Errors of the TSIG record. */
enum dns_tsig_error {
    DNS_TSIG_GOOD = 0,
    DNS_TSIG_BADSIG = 16,
    DNS_TSIG_BADKEY = 17,
    DNS_TSIG_BADTIME = 18,
    DNS_TSIG_BADTRUNC = 22,
};

struct dns_tsig_key {
    struct dns_name name; /* lower case, at most DNS_TSIG_NAME bytes */
    enum dns_tsig_algorithm algorithm;
    size_t secret_size;
    uint8_t secret[DNS_TSIG_SECRET];
};

/* One exchange. */
struct dns_tsig {
    const struct dns_tsig_key *key; /* NULL: none that we know; the names are the peer's */
    enum dns_tsig_error error;
    uint8_t name_size;
    uint8_t algorithm_size;
    uint8_t name[DNS_NAME_MAX];
    uint8_t algorithm[DNS_NAME_MAX];
    uint64_t now_s;
    uint64_t peer_s; /* the query's time */
    uint16_t id;     /* the query's original id */
    size_t mac_size; /* of what was signed last, 0: nothing yet */
    uint8_t mac[DNS_TSIG_MAC];
    bool answered; /* one message of the answer was signed: the rest of it follows by timers alone */
};

/* A key from its name, "hmac-sha256" and the secret in base64. ERR_INVALID, ERR_TOO_LARGE, ERR_UNSUPPORTED (another
 * algorithm). */
enum err dns_tsig_key_parse(const char *name, const char *algorithm, struct span secret,
                            struct dns_tsig_key *ret_key) ERR_CHECK;

/* Checks the signature of the query whose last record is TSIG and begins at `at`. ERR_INVALID: that
 * record is malformed. Else ERR_OK, and `ret_tsig->error` says whether it was good. The message is changed and changed
 * back. */
enum err dns_tsig_begin(struct span message, size_t at, const struct dns_tsig_key *keys, uint32_t keys_count,
                        uint64_t now_s, struct dns_tsig *ret_tsig) ERR_CHECK;

/* For a query of ours. */
void dns_tsig_client(const struct dns_tsig_key *key, uint64_t now_s, struct dns_tsig *ret_tsig);

/* Appends the record to a message of `size` bytes in a buffer with DNS_TSIG_MOST bytes of room, and counts it. Returns
 * the new size. */
size_t dns_tsig_sign(struct dns_tsig *tsig, uint8_t *message, size_t size);
