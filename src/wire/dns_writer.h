/* SPDX-License-Identifier: Apache-2.0
 * Writes the records of a DNS answer behind a header and question that are in the buffer already.
 *
 * Names are compressed against what was written before (RFC 1035, 4.1.4), in record data only for the types whose
 * names every resolver can decompress (RFC 3597, 4). Overflow is sticky and asked for once, at the end; roll back with
 * dns_writer_truncate. One owner, one thread, no allocation. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "wire/dns_message.h"

enum { DNS_WRITER_TARGETS = 32 };

struct dns_writer {
    uint8_t *data;
    size_t capacity;
    size_t size;
    bool overflow;
    uint16_t class; /* of the records; IN unless it is changed */
    size_t question_end;
    bool targets_begun; /* those of the question are there: most answers write no name and need none */
    uint32_t targets_count;
    uint16_t targets[DNS_WRITER_TARGETS]; /* where names that may be pointed to begin */
};

enum dns_writer_section { DNS_WRITER_ANSWER, DNS_WRITER_AUTHORITY, DNS_WRITER_ADDITIONAL };

/* Begins behind `size` bytes of header and question, whose name is a target. The record counts become 0. */
void dns_writer_init(struct dns_writer *writer, void *memory, size_t capacity, size_t size);

/* Back to `size` bytes, counts to 0, overflow forgotten. */
void dns_writer_truncate(struct dns_writer *writer, size_t size);

/* Takes the record back that has just overflowed: `size` is what the message had before it. */
void dns_writer_back(struct dns_writer *writer, size_t size);

/* One record with its data in uncompressed wire form. `owner` NULL: the question's name. */
void dns_writer_record(struct dns_writer *writer, enum dns_writer_section section, const struct dns_name *owner,
                       uint16_t type, uint32_t ttl_s, struct span rdata);

/* One record as it is to be sent; its owner stands at `owner_at` in the message. */
void dns_writer_ready(struct dns_writer *writer, enum dns_writer_section section, size_t owner_at, uint16_t type,
                      uint32_t ttl_s, struct span rdata);

/* What OPT carries. */
struct dns_writer_options {
    uint16_t rcode; /* its upper bits */
    bool dnssec_ok;
    bool compact_ok;
    const struct dns_message_subnet *subnet; /* with its scope; NULL: none */
    uint8_t scope_bits;
    struct span cookie;      /* size 0: none */
    struct span nsid;        /* size 0: none */
    int32_t keepalive_100ms; /* -1: none */
};

/* The bytes that dns_writer_opt will take. */
size_t dns_writer_opt_size(const struct dns_writer_options *options);
void dns_writer_opt(struct dns_writer *writer, const struct dns_writer_options *options);

/* Id stays; the flags word. */
void dns_writer_flags(struct dns_writer *writer, uint16_t flags);

/* Compression for tests and other messages: writes a name at the end. */
void dns_writer_name(struct dns_writer *writer, const struct dns_name *name);
