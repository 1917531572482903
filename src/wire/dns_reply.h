/* SPDX-License-Identifier: Apache-2.0
 * A DNS answer from bytes, of any server (RFC 1035, 3597, 6891): header, question, what OPT says (client subnet 7871,
 * cookie 7873, NSID 5001, extended errors 8914), and record by record with its data uncompressed.
 *
 * Spans are borrowed from the message. Pure, no allocation. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/cursor.h"
#include "base/err.h"
#include "wire/dns_message.h"

enum {
    DNS_REPLY_RDATA = 65536 + 2 * DNS_NAME_MAX, /* at most two names of a record are compressed */
    DNS_REPLY_ERRORS = 4,                       /* extended errors that are kept */
};

enum dns_reply_section { DNS_REPLY_ANSWER, DNS_REPLY_AUTHORITY, DNS_REPLY_ADDITIONAL, DNS_REPLY_SECTIONS };

struct dns_reply_error {
    uint16_t code;
    struct span text;
};

struct dns_reply_edns {
    bool given;
    uint8_t version;
    uint16_t udp_size;
    uint16_t flags;
    bool subnet_given;
    struct dns_message_subnet subnet;
    uint8_t scope_bits;
    struct span cookie; /* size 0: none */
    bool nsid_given;
    struct span nsid;
    uint32_t errors_count;
    struct dns_reply_error errors[DNS_REPLY_ERRORS];
};

struct dns_reply {
    struct span message;
    uint16_t id;
    uint16_t flags;
    uint16_t rcode; /* with the upper bits that OPT has */
    bool question_given;
    struct dns_name name;
    uint16_t type;
    uint16_t class;
    uint16_t counts[DNS_REPLY_SECTIONS]; /* of records, OPT among them */
    size_t records_at;
    size_t trailing; /* bytes behind the last record; there should be none */
    struct dns_reply_edns edns;
};

struct dns_reply_record {
    enum dns_reply_section section;
    struct dns_name owner;
    uint16_t type;
    uint16_t class;
    uint32_t ttl_s;
    struct span rdata; /* names in it are whole; until the next call */
};

/* Goes through the records of a reply. Large: not for a stack. */
struct dns_reply_walk {
    struct cursor cursor;
    uint32_t section;
    uint16_t left[DNS_REPLY_SECTIONS];
    uint8_t rdata[DNS_REPLY_RDATA];
};

/* ERR_PROTOCOL: not an answer that can be read to its end: cut off, a loop of pointers, several questions, two OPT. */
enum err dns_reply_parse(struct span message, struct dns_reply *ret_reply) ERR_CHECK;

/* Whether it answers a query with this id and question. */
bool dns_reply_answers(const struct dns_reply *reply, uint16_t id, const struct dns_name *name, uint16_t type);

void dns_reply_begin(const struct dns_reply *reply, struct dns_reply_walk *walk);

/* The next record, OPT left out. False: there are no more. */
bool dns_reply_next(struct dns_reply_walk *walk, struct dns_reply_record *ret_record);
