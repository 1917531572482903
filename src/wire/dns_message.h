/* SPDX-License-Identifier: Apache-2.0
 * A DNS query from bytes (RFC 1035, 6891): header, one question, EDNS with the client's subnet (7871), its cookie
 * (7873), and whether it asks for NSID (5001) and keepalive (7828). Padding (7830) is skipped: it is for encrypted
 * transports.
 *
 * Also the layout of the 12-byte header, for those who write answers (wire/dns_writer.h). No allocation. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/dns_cookie.h"
#include "wire/dns_name.h"

enum {
    DNS_MESSAGE_HEADER = 12,
    DNS_MESSAGE_QR = 0x8000,
    DNS_MESSAGE_OPCODE = 0x7800,
    DNS_MESSAGE_AA = 0x0400,
    DNS_MESSAGE_TC = 0x0200,
    DNS_MESSAGE_RD = 0x0100,
    DNS_MESSAGE_CD = 0x0010,
    DNS_MESSAGE_DO = 0x8000, /* in the flags of OPT */
    DNS_MESSAGE_CO = 0x4000, /* there: compact answers are understood (RFC 9824, 5.1) */
    DNS_MESSAGE_OPTION_NSID = 3,
    DNS_MESSAGE_OPTION_ECS = 8,
    DNS_MESSAGE_OPTION_COOKIE = 10,
    DNS_MESSAGE_OPTION_KEEPALIVE = 11,
    DNS_MESSAGE_UDP_MIN = 512,  /* what a client without EDNS takes */
    DNS_MESSAGE_UDP_MAX = 1232, /* what we send at most: 1280 (IPv6's smallest MTU) - 40 - 8, DNS flag day 2020 */
};

/* A client subnet. Family as in IANA's address family numbers: 1 IPv4, 2 IPv6, 0 only with source_bits 0. */
struct dns_message_subnet {
    uint16_t family;
    uint8_t source_bits;
    uint8_t address[16];
};

struct dns_message_query {
    uint16_t id;
    uint16_t flags;
    uint16_t type;
    uint16_t class;
    uint16_t udp_size;
    uint8_t opcode;
    uint8_t edns_version;
    bool edns;
    bool subnet_given;
    bool dnssec_ok;
    bool compact_ok;
    bool nsid;
    bool keepalive;
    bool serial_given;   /* an SOA stands in the authority section: what the client of an IXFR has */
    uint8_t cookie_size; /* 0: none; 8, or 16 to 40 */
    uint32_t serial;
    size_t tsig_at;      /* where the TSIG record begins that ends the message; 0: none */
    size_t question_end; /* bytes of header and question; DNS_MESSAGE_HEADER when the question was not understood */
    struct dns_message_subnet subnet; /* source_bits 0 unless it is given */
    uint8_t cookie[DNS_COOKIE_MOST];
    struct dns_name name; /* in lower case; the message keeps the case that it came with */
};

enum dns_message_verdict {
    DNS_MESSAGE_GOOD,
    DNS_MESSAGE_DROP,    /* too short for a header, or itself an answer: saying anything could start a loop */
    DNS_MESSAGE_COOKIE,  /* no question, but a cookie: the client wants ours (RFC 7873, 5.4) */
    DNS_MESSAGE_FORMERR, /* answer with that code */
    DNS_MESSAGE_NOTIMP,  /* another opcode than QUERY: only the header was read */
};

/* All members of `ret_query` are set unless the verdict is DNS_MESSAGE_DROP; those that were not understood are zero,
 * the name is then the root. What a cookie or subnet does not fill means nothing. */
enum dns_message_verdict dns_message_parse(const void *data, size_t size, struct dns_message_query *ret_query);
