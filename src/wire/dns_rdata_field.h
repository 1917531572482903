/* SPDX-License-Identifier: Apache-2.0
 * The fields that record data is made of, each from words of a master file to bytes.
 *
 * Reading is sticky: the first problem stays with the word it is about, later calls may go on and write nonsense. No
 * allocation. */
#pragma once

#include "base/buf.h"
#include "wire/dns_name.h"
#include "wire/dns_word.h"

/* The record in the making. */
struct dns_rdata_field {
    const struct dns_word *words;
    size_t count;
    size_t at; /* the next word */
    const struct dns_name *origin;
    struct buf *buf;
    const char *problem; /* NULL: none so far; a constant: what is wrong; what is expected */
    size_t wrong;        /* the word it is about; `count`: one is missing */
};

/* Notes a problem with the last word that was taken, unless there is one already. */
void dns_rdata_field_fail(struct dns_rdata_field *field, const char *problem);

/* The next word; an empty one and a problem when there is none. */
struct dns_word dns_rdata_field_next(struct dns_rdata_field *field);
bool dns_rdata_field_more(const struct dns_rdata_field *field);

void dns_rdata_field_integer(struct dns_rdata_field *field, uint32_t bytes);
void dns_rdata_field_seconds(struct dns_rdata_field *field);
void dns_rdata_field_name(struct dns_rdata_field *field);
void dns_rdata_field_address(struct dns_rdata_field *field, bool six);
/* Text with a length byte. */
void dns_rdata_field_string(struct dns_rdata_field *field);
/* Text without one, to the end of the record. */
void dns_rdata_field_rest(struct dns_rdata_field *field);
void dns_rdata_field_tag(struct dns_rdata_field *field);
/* All words that are left. */
void dns_rdata_field_hex(struct dns_rdata_field *field);
void dns_rdata_field_base64(struct dns_rdata_field *field);

/* Writes an address; false: not one. */
bool dns_rdata_field_address_write(struct span text, bool six, struct buf *buf);
/* Writes the base64 in `text`; false: not that. Groups may not span calls. */
bool dns_rdata_field_base64_write(struct span text, struct buf *buf);
