/* SPDX-License-Identifier: Apache-2.0
 * Files of networks: one a line, with words behind it where the file is a table; '#' begins a comment.
 *
 * Pure: works on the file's text, which must stay while the spans of a line are used. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/cursor.h"
#include "dns/dns_networks.h"

struct dns_networks_line {
    uint32_t family; /* 4 or 6 */
    struct dns_networks_key start;
    uint8_t bits;
    struct span rest; /* what stands behind the network, without blanks around it */
};

struct dns_networks_text {
    struct cursor cursor;
    uint32_t line;       /* of what was read last, from 1 */
    uint32_t column;     /* of a problem, from 1 */
    const char *problem; /* NULL: none */
};

enum dns_networks_item { DNS_NETWORKS_LINE, DNS_NETWORKS_END, DNS_NETWORKS_BROKEN };

void dns_networks_text_init(struct dns_networks_text *text, struct span content);

/* The next network. BROKEN: `problem` says what is wrong with `line`; nothing may be read after it. */
enum dns_networks_item dns_networks_text_next(struct dns_networks_text *text, struct dns_networks_line *ret_line);

/* Whether the network holds an address. */
bool dns_networks_text_holds(const struct dns_networks_line *line, uint32_t family, const struct dns_networks_key *key);

/* Cuts the first word off: up to a blank. Empty: there was none. */
struct span dns_networks_text_word(struct span *rest);
