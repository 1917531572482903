/* SPDX-License-Identifier: Apache-2.0
 * Tells secondaries that a zone has changed (NOTIFY, RFC 1996), until each has answered or six tries were in vain: a
 * secondary that hears none asks by itself when the SOA's refresh is over.
 *
 * A thread of its own with its own UDP sockets; answering waits for nothing here. */
#pragma once

#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"
#include "wire/dns_name.h"
#include "wire/dns_tsig.h"

enum { DNS_NOTIFY_TARGETS = 16, DNS_NOTIFY_PENDING = 1024, DNS_NOTIFY_TRIES = 6, DNS_NOTIFY_FIRST_MS = 1000 };

struct dns_notify_options {
    struct sockaddr_storage targets[DNS_NOTIFY_TARGETS];
    uint32_t targets_count;
    struct sockaddr_storage sources[2]; /* IPv4, IPv6: whence they know us; family 0: any. Their ports are not used */
};

struct dns_notify;

/* Starts the thread. */
enum err dns_notify_start(const struct dns_notify_options *options, struct dns_notify **ret_notify) ERR_CHECK;

/* From any thread, copies everything. `key` NULL: unsigned. Beyond DNS_NOTIFY_PENDING the rest is left out. */
void dns_notify_tell(struct dns_notify *notify, const struct dns_name *zone, const struct dns_tsig_key *key);

/* NULL is fine. */
void dns_notify_stop(struct dns_notify *notify);
