/* SPDX-License-Identifier: Apache-2.0
 * Domain names in wire form (RFC 1035, 3.1): labels with their length, the empty root label last.
 *
 * Names keep the case they came with and compare without it (RFC 4343). Values, no allocation. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cursor.h"
#include "base/err.h"
#include "base/word.h"

enum {
    DNS_NAME_MAX = 255,       /* bytes with the root label */
    DNS_NAME_LABEL_MAX = 63,  /* bytes of a label */
    DNS_NAME_LABELS_MAX = 127 /* labels without the root: 127 x (1 + 1) + 1 = 255 */
};

struct dns_name {
    uint8_t size;                             /* 1..255; 0: not set */
    uint8_t bytes[DNS_NAME_MAX + WORD_SLACK]; /* what is behind `size` means nothing (base/word.h) */
};

/* Reads a name; the cursor's data must begin with the message's first byte. Compression pointers must point backwards.
 * Fails the cursor on anything else; `ret_name` is then the root. */
void dns_name_read(struct cursor *cursor, struct dns_name *ret_name);

/* The same in lower case. */
void dns_name_read_lower(struct cursor *cursor, struct dns_name *ret_name);

/* Master-file text (RFC 1035, 5.1): escapes \X and \DDD; without a trailing dot `origin` is appended ("@" is the origin
 * itself); origin NULL: the root. ERR_INVALID: empty label, bad escape; ERR_TOO_LARGE: label or name too long. */
enum err dns_name_parse(struct span text, const struct dns_name *origin, struct dns_name *ret_name) ERR_CHECK;

/* Text with a trailing dot, special bytes escaped. */
void dns_name_print(const struct dns_name *name, struct buf *buf);

bool dns_name_equal(const struct dns_name *a, const struct dns_name *b);

/* Whether `name` is `ancestor` or lies below it. */
bool dns_name_within(const struct dns_name *name, const struct dns_name *ancestor);

/* ASCII letters in small. */
static inline uint8_t dns_name_small(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte | 0x20) : byte;
}

void dns_name_lower(struct dns_name *name);

/* Where the labels begin, leftmost first, without the root; their number. */
uint32_t dns_name_labels(const struct dns_name *name, uint8_t offsets[DNS_NAME_LABELS_MAX]);
