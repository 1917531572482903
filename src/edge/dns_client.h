/* SPDX-License-Identifier: Apache-2.0
 * One question to one DNS server, for commands: over UDP, sent again until it is answered, and over TCP where the
 * answer was truncated or it is wanted so.
 *
 * Blocks; any thread. What does not answer this question (another id or name) is passed over, as RFC 5452 asks. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "edge/address.h"
#include "wire/dns_query.h"
#include "wire/dns_reply.h"

enum { DNS_CLIENT_BYTES = 65535, DNS_CLIENT_TRIES = 10, DNS_CLIENT_PORT = 53 };

struct dns_client_want {
    struct address server;
    bool tcp;
    uint32_t timeout_ms; /* of each try */
    uint32_t tries;      /* 1 to DNS_CLIENT_TRIES */
};

/* Large, and not to be moved: `reply` points into it. */
struct dns_client_answer {
    struct dns_reply reply;
    bool tcp;
    bool truncated; /* over UDP, so it was asked again over TCP */
    uint32_t tries;
    int64_t took_us;       /* of the last try */
    struct address source; /* where it was asked from */
    uint8_t message[DNS_CLIENT_BYTES];
};

/* Chooses the query's id; a BADCOOKIE is asked once more with the cookie that came with it, which is then in `query`.
 * ERR_TIMEOUT: no answer in all tries; ERR_REFUSED: nobody listens there; ERR_PROTOCOL: an answer that cannot be read;
 * ERR_CLOSED: TCP ended before the answer; else what the system says. */
enum err dns_client_ask(const struct dns_client_want *want, struct dns_query *query,
                        struct dns_client_answer *answer) ERR_CHECK;
