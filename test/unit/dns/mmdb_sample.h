/* SPDX-License-Identifier: Apache-2.0
 * A tiny writer of databases in MaxMind's format, for tests: an IPv6 tree with 24-bit records. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/assert.h"
#include "base/buf.h"

enum { MMDB_SAMPLE_NODES = 4096, MMDB_SAMPLE_DATA = 8192 };

/* A record: below MMDB_SAMPLE_NODES a node; MMDB_SAMPLE_NODES: nothing; above: that much of the data section. */
struct mmdb_sample {
    uint32_t nodes[MMDB_SAMPLE_NODES][2];
    uint32_t nodes_count;
    uint8_t data[MMDB_SAMPLE_DATA];
    struct buf buf;
};

static inline uint32_t mmdb_sample_node(struct mmdb_sample *sample)
{
    ASSERT(sample->nodes_count < MMDB_SAMPLE_NODES);
    sample->nodes[sample->nodes_count][0] = MMDB_SAMPLE_NODES;
    sample->nodes[sample->nodes_count][1] = MMDB_SAMPLE_NODES;
    return sample->nodes_count++;
}

static inline void mmdb_sample_init(struct mmdb_sample *sample)
{
    memset(sample, 0, sizeof *sample);
    buf_init(&sample->buf, sample->data, sizeof sample->data);
    mmdb_sample_node(sample);
}

static inline void mmdb_sample_text(struct buf *buf, const char *text)
{
    ASSERT(strlen(text) < 29);
    buf_u8(buf, (uint8_t)(2 << 5 | strlen(text)));
    buf_text(buf, text);
}

static inline void mmdb_sample_map(struct buf *buf, uint8_t count)
{
    buf_u8(buf, (uint8_t)(7 << 5 | count));
}

/* { continent: { code }, country: { iso_code }, subdivisions: [ { iso_code } ] }; the value of networks. */
static inline uint32_t mmdb_sample_place(struct mmdb_sample *sample, const char *continent, const char *country,
                                         const char *subdivision)
{
    struct buf *buf = &sample->buf;
    const uint32_t at = (uint32_t)buf->size;
    mmdb_sample_map(buf, subdivision != NULL ? 3 : 2);
    mmdb_sample_text(buf, "continent");
    mmdb_sample_map(buf, 1);
    mmdb_sample_text(buf, "code");
    mmdb_sample_text(buf, continent);
    mmdb_sample_text(buf, "country");
    mmdb_sample_map(buf, 1);
    mmdb_sample_text(buf, "iso_code");
    mmdb_sample_text(buf, country);
    if (subdivision != NULL) {
        mmdb_sample_text(buf, "subdivisions");
        buf_u8(buf, 1); /* an extended type, with one entry: */
        buf_u8(buf, 4); /* an array */
        mmdb_sample_map(buf, 1);
        mmdb_sample_text(buf, "iso_code");
        mmdb_sample_text(buf, subdivision);
    }
    ASSERT(!buf->overflow);
    return MMDB_SAMPLE_NODES + 16 + at;
}

/* The record at the end of a path of bits, made as far as it is not there. */
static inline uint32_t *mmdb_sample_record(struct mmdb_sample *sample, const uint8_t bytes[16], uint32_t bits)
{
    uint32_t node = 0;
    for (uint32_t i = 0;; i++) {
        uint32_t *record = &sample->nodes[node][bytes[i / 8] >> (7 - i % 8) & 1];
        if (i + 1 == bits) {
            return record;
        }
        if (*record >= MMDB_SAMPLE_NODES) {
            const uint32_t before = *record;
            const uint32_t fresh = mmdb_sample_node(sample);
            sample->nodes[fresh][0] = before; /* what covered all of it still covers the rest */
            sample->nodes[fresh][1] = before;
            *record = fresh;
        }
        node = *record;
    }
}

/* Larger networks before those in them. IPv4 lies in ::/96. */
static inline void mmdb_sample_network(struct mmdb_sample *sample, uint32_t family, const uint8_t *bytes, uint32_t bits,
                                       uint32_t value)
{
    uint8_t address[16] = {0};
    memcpy(address + (family == 4 ? 12 : 0), bytes, family == 4 ? 4 : 16);
    *mmdb_sample_record(sample, address, family == 4 ? 96 + bits : bits) = value;
}

/* 2002::/16 is another way to IPv4, as in MaxMind's files. */
static inline void mmdb_sample_alias(struct mmdb_sample *sample)
{
    const uint8_t zero[16] = {0};
    const uint8_t six[16] = {0x20, 0x02};
    *mmdb_sample_record(sample, six, 16) = *mmdb_sample_record(sample, zero, 96);
}

static inline void mmdb_sample_number(struct buf *buf, const char *key, uint8_t type, uint32_t value)
{
    mmdb_sample_text(buf, key);
    if (type == 9) {
        buf_u8(buf, 4); /* four bytes of an extended type: */
        buf_u8(buf, 2); /* 64 bits */
    } else {
        buf_u8(buf, (uint8_t)(type << 5 | (type == 5 ? 2 : 4)));
    }
    if (type == 5) {
        buf_u16be(buf, (uint16_t)value);
    } else {
        buf_u32be(buf, value);
    }
}

/* The file. */
static inline void mmdb_sample_write(const struct mmdb_sample *sample, struct buf *ret_file)
{
    const uint32_t count = sample->nodes_count;
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t side = 0; side < 2; side++) {
            uint32_t record = sample->nodes[i][side];
            record = record >= MMDB_SAMPLE_NODES ? record - MMDB_SAMPLE_NODES + count : record;
            buf_u8(ret_file, (uint8_t)(record >> 16));
            buf_u16be(ret_file, (uint16_t)record);
        }
    }
    for (uint32_t i = 0; i < 16; i++) {
        buf_u8(ret_file, 0);
    }
    buf_bytes(ret_file, sample->data, sample->buf.size);
    buf_bytes(ret_file, "\xab\xcd\xefMaxMind.com", 14);
    mmdb_sample_map(ret_file, 9);
    mmdb_sample_number(ret_file, "binary_format_major_version", 5, 2);
    mmdb_sample_number(ret_file, "binary_format_minor_version", 5, 0);
    mmdb_sample_number(ret_file, "build_epoch", 9, 1700000000);
    mmdb_sample_text(ret_file, "database_type");
    mmdb_sample_text(ret_file, "Sample-City");
    mmdb_sample_text(ret_file, "description");
    mmdb_sample_map(ret_file, 1);
    mmdb_sample_text(ret_file, "en");
    mmdb_sample_text(ret_file, "made by a test");
    mmdb_sample_number(ret_file, "ip_version", 5, 6);
    mmdb_sample_text(ret_file, "languages");
    buf_u8(ret_file, 1);
    buf_u8(ret_file, 4);
    mmdb_sample_text(ret_file, "en");
    mmdb_sample_number(ret_file, "node_count", 6, count);
    mmdb_sample_number(ret_file, "record_size", 5, 24);
    ASSERT(!ret_file->overflow);
}

/* Taiwan 1.160/12 and 2001:b000::/20, Japan 1.0.16/20 and 126/8, California 8.8.8/24 in the rest of 8/8,
 * Germany 5.1/16. */
static inline void mmdb_sample_world(struct mmdb_sample *sample)
{
    mmdb_sample_init(sample);
    const uint32_t taiwan = mmdb_sample_place(sample, "AS", "TW", NULL);
    const uint32_t japan = mmdb_sample_place(sample, "AS", "JP", "13");
    const uint32_t states = mmdb_sample_place(sample, "NA", "US", NULL);
    const uint32_t california = mmdb_sample_place(sample, "NA", "US", "CA");
    const uint32_t germany = mmdb_sample_place(sample, "EU", "DE", NULL);
    mmdb_sample_network(sample, 4, (const uint8_t[]){1, 160, 0, 0}, 12, taiwan);
    mmdb_sample_network(sample, 4, (const uint8_t[]){1, 0, 16, 0}, 20, japan);
    mmdb_sample_network(sample, 4, (const uint8_t[]){126, 0, 0, 0}, 8, japan);
    mmdb_sample_network(sample, 4, (const uint8_t[]){8, 0, 0, 0}, 8, states);
    mmdb_sample_network(sample, 4, (const uint8_t[]){8, 8, 8, 0}, 24, california);
    mmdb_sample_network(sample, 4, (const uint8_t[]){5, 1, 0, 0}, 16, germany);
    mmdb_sample_network(sample, 6, (const uint8_t[16]){0x20, 0x01, 0xb0}, 20, taiwan);
    mmdb_sample_alias(sample);
}
