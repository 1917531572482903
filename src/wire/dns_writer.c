/* SPDX-License-Identifier: Apache-2.0
 * Writes the records of a DNS answer. */
#include "wire/dns_writer.h"

#include <string.h>

#include "base/assert.h"
#include "wire/dns_type.h"

static void dns_writer_put_16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void dns_writer_put_32(uint8_t *at, uint32_t value)
{
    dns_writer_put_16(at, (uint16_t)(value >> 16));
    dns_writer_put_16(at + 2, (uint16_t)value);
}

static void dns_writer_set(struct dns_writer *writer, size_t at, uint16_t value)
{
    ASSERT(at + 2 <= writer->size);
    dns_writer_put_16(writer->data + at, value);
}

static uint8_t *dns_writer_take(struct dns_writer *writer, size_t size)
{
    if (writer->overflow || writer->capacity - writer->size < size) {
        writer->overflow = true;
        return NULL;
    }
    uint8_t *at = writer->data + writer->size;
    writer->size += size;
    return at;
}

static void dns_writer_bytes(struct dns_writer *writer, const void *data, size_t size)
{
    uint8_t *at = dns_writer_take(writer, size);
    if (at != NULL && size > 0) {
        memcpy(at, data, size);
    }
}

static void dns_writer_u16(struct dns_writer *writer, uint16_t value)
{
    uint8_t *at = dns_writer_take(writer, 2);
    if (at != NULL) {
        dns_writer_put_16(at, value);
    }
}

void dns_writer_back(struct dns_writer *writer, size_t size)
{
    ASSERT(writer->overflow && size >= DNS_MESSAGE_HEADER && size <= writer->size);
    writer->size = size;
    writer->overflow = false;
    while (writer->targets_count > 0 && writer->targets[writer->targets_count - 1] >= size) {
        writer->targets_count--;
    }
}

void dns_writer_truncate(struct dns_writer *writer, size_t size)
{
    ASSERT(size >= DNS_MESSAGE_HEADER && size <= writer->size);
    writer->size = size;
    writer->overflow = false;
    memset(writer->data + 6, 0, 6);
    while (writer->targets_count > 0 && writer->targets[writer->targets_count - 1] >= size) {
        writer->targets_count--;
    }
}

void dns_writer_init(struct dns_writer *writer, void *memory, size_t capacity, size_t size)
{
    ASSERT(size >= DNS_MESSAGE_HEADER && size <= capacity);
    writer->data = memory;
    writer->capacity = capacity;
    writer->size = size;
    writer->question_end = size;
    writer->targets_begun = false;
    writer->targets_count = 0;
    writer->overflow = false;
    writer->class = DNS_CLASS_IN;
    memset(writer->data + 6, 0, 6);
}

/* The question's name and its parents, as far as half of the table goes. */
static void dns_writer_targets_begin(struct dns_writer *writer)
{
    writer->targets_begun = true;
    for (size_t at = DNS_MESSAGE_HEADER;
         at < writer->question_end && writer->data[at] != 0 && writer->data[at] <= DNS_NAME_LABEL_MAX &&
         writer->targets_count < DNS_WRITER_TARGETS / 2;
         at += 1U + writer->data[at]) {
        writer->targets[writer->targets_count++] = (uint16_t)at;
    }
}

/* Whether the message has this name (its bytes from `name` on) at `at`. We wrote or checked every pointer there. */
static bool dns_writer_same(const struct dns_writer *writer, size_t at, const uint8_t *name)
{
    for (;;) {
        const uint8_t length = writer->data[at];
        if ((length & 0xc0) == 0xc0) {
            at = (size_t)(length & 0x3f) << 8 | writer->data[at + 1];
            continue;
        }
        if (length != *name) {
            return false;
        }
        if (length == 0) {
            return true;
        }
        for (size_t i = 1; i <= length; i++) {
            if (dns_name_small(writer->data[at + i]) != dns_name_small(name[i])) {
                return false;
            }
        }
        at += 1U + length;
        name += 1 + length;
    }
}

static size_t dns_writer_find(const struct dns_writer *writer, const uint8_t *name)
{
    for (uint32_t i = 0; i < writer->targets_count; i++) {
        if (dns_writer_same(writer, writer->targets[i], name)) {
            return writer->targets[i];
        }
    }
    return 0;
}

void dns_writer_name(struct dns_writer *writer, const struct dns_name *name)
{
    const size_t start = writer->size;
    size_t fresh[DNS_WRITER_TARGETS];
    uint32_t fresh_count = 0;
    size_t at = 0;
    size_t target = 0;
    if (!writer->targets_begun) {
        dns_writer_targets_begin(writer);
    }
    while (name->bytes[at] != 0) {
        target = dns_writer_find(writer, name->bytes + at);
        if (target != 0) {
            break;
        }
        if (fresh_count < DNS_WRITER_TARGETS) {
            fresh[fresh_count++] = start + at;
        }
        at += 1U + name->bytes[at];
    }
    dns_writer_bytes(writer, name->bytes, at);
    if (target != 0) {
        dns_writer_u16(writer, (uint16_t)(0xc000 | target));
    } else {
        dns_writer_bytes(writer, "", 1);
    }
    /* Targets only once the whole name is there: they are followed without further checks. 14 bits of offset. */
    for (uint32_t i = 0; i < fresh_count && !writer->overflow; i++) {
        if (writer->targets_count < DNS_WRITER_TARGETS && fresh[i] < 0x4000) {
            writer->targets[writer->targets_count++] = (uint16_t)fresh[i];
        }
    }
}

/* Record data whose first `fixed` bytes are followed by `names` names and then the rest. */
static void dns_writer_names(struct dns_writer *writer, struct span rdata, size_t fixed, uint32_t names)
{
    struct cursor cursor;
    cursor_init(&cursor, rdata.data, rdata.size);
    const struct span head = cursor_span(&cursor, fixed);
    dns_writer_bytes(writer, head.data, head.size);
    for (uint32_t i = 0; i < names; i++) {
        struct dns_name name;
        dns_name_read(&cursor, &name);
        ASSERT(cursor_ok(&cursor)); /* zone data was made by us */
        dns_writer_name(writer, &name);
    }
    const struct span rest = cursor_span(&cursor, cursor_left(&cursor));
    dns_writer_bytes(writer, rest.data, rest.size);
}

static void dns_writer_rdata(struct dns_writer *writer, uint16_t type, struct span rdata)
{
    switch (type) {
    case DNS_TYPE_NS:
    case DNS_TYPE_CNAME:
    case DNS_TYPE_PTR:
        dns_writer_names(writer, rdata, 0, 1);
        return;
    case DNS_TYPE_MX:
        dns_writer_names(writer, rdata, 2, 1);
        return;
    case DNS_TYPE_SOA:
        dns_writer_names(writer, rdata, 0, 2);
        return;
    default:
        dns_writer_bytes(writer, rdata.data, rdata.size);
        return;
    }
}

static void dns_writer_count(struct dns_writer *writer, enum dns_writer_section section)
{
    uint8_t *at = writer->data + 6 + 2 * (size_t)section;
    dns_writer_put_16(at, (uint16_t)((at[0] << 8 | at[1]) + 1));
}

/* What stands between owner and data. The data's size is set when it is there. */
static void dns_writer_head(struct dns_writer *writer, uint16_t type, uint32_t ttl_s)
{
    uint8_t *at = dns_writer_take(writer, 10);
    if (at != NULL) {
        dns_writer_put_16(at, type);
        dns_writer_put_16(at + 2, writer->class);
        dns_writer_put_32(at + 4, ttl_s);
    }
}

static void dns_writer_close(struct dns_writer *writer, enum dns_writer_section section, size_t start)
{
    if (!writer->overflow) {
        dns_writer_set(writer, start - 2, (uint16_t)(writer->size - start));
        dns_writer_count(writer, section);
    }
}

void dns_writer_ready(struct dns_writer *writer, enum dns_writer_section section, size_t owner_at, uint16_t type,
                      uint32_t ttl_s, struct span rdata)
{
    ASSERT(owner_at >= DNS_MESSAGE_HEADER && owner_at < 0x4000);
    dns_writer_u16(writer, (uint16_t)(0xc000 | owner_at));
    dns_writer_head(writer, type, ttl_s);
    const size_t start = writer->size;
    dns_writer_bytes(writer, rdata.data, rdata.size);
    dns_writer_close(writer, section, start);
}

void dns_writer_record(struct dns_writer *writer, enum dns_writer_section section, const struct dns_name *owner,
                       uint16_t type, uint32_t ttl_s, struct span rdata)
{
    if (owner == NULL) {
        dns_writer_u16(writer, 0xc000 | DNS_MESSAGE_HEADER);
    } else {
        dns_writer_name(writer, owner);
    }
    dns_writer_head(writer, type, ttl_s);
    const size_t start = writer->size;
    dns_writer_rdata(writer, type, rdata);
    dns_writer_close(writer, section, start);
}

static size_t dns_writer_subnet_bytes(const struct dns_message_subnet *subnet)
{
    const size_t size = (subnet->source_bits + 7U) / 8;
    ASSERT(size <= sizeof subnet->address);
    return size;
}

size_t dns_writer_opt_size(const struct dns_writer_options *options)
{
    size_t size = 11;
    size += options->subnet != NULL ? 8 + dns_writer_subnet_bytes(options->subnet) : 0;
    size += options->cookie.size > 0 ? 4 + options->cookie.size : 0;
    size += options->nsid.size > 0 ? 4 + options->nsid.size : 0;
    return size + (options->keepalive_100ms >= 0 ? 6 : 0);
}

static void dns_writer_option(struct dns_writer *writer, uint16_t code, size_t size)
{
    dns_writer_u16(writer, code);
    dns_writer_u16(writer, (uint16_t)size);
}

static void dns_writer_opt_options(struct dns_writer *writer, const struct dns_writer_options *options)
{
    if (options->subnet != NULL) {
        const size_t size = dns_writer_subnet_bytes(options->subnet);
        const uint8_t bits[2] = {options->subnet->source_bits, options->scope_bits};
        dns_writer_option(writer, DNS_MESSAGE_OPTION_ECS, 4 + size);
        dns_writer_u16(writer, options->subnet->family);
        dns_writer_bytes(writer, bits, sizeof bits);
        dns_writer_bytes(writer, options->subnet->address, size);
    }
    if (options->cookie.size > 0) {
        dns_writer_option(writer, DNS_MESSAGE_OPTION_COOKIE, options->cookie.size);
        dns_writer_bytes(writer, options->cookie.data, options->cookie.size);
    }
    if (options->nsid.size > 0) {
        dns_writer_option(writer, DNS_MESSAGE_OPTION_NSID, options->nsid.size);
        dns_writer_bytes(writer, options->nsid.data, options->nsid.size);
    }
    if (options->keepalive_100ms >= 0) {
        dns_writer_option(writer, DNS_MESSAGE_OPTION_KEEPALIVE, 2);
        dns_writer_u16(writer, (uint16_t)options->keepalive_100ms);
    }
}

void dns_writer_opt(struct dns_writer *writer, const struct dns_writer_options *options)
{
    uint8_t bytes[11] = {0, 0, DNS_TYPE_OPT, DNS_MESSAGE_UDP_MAX >> 8, DNS_MESSAGE_UDP_MAX & 0xff};
    const size_t rest = dns_writer_opt_size(options) - sizeof bytes;
    ASSERT(rest <= UINT16_MAX);
    bytes[5] = (uint8_t)(options->rcode >> 4);
    bytes[7] =
        (uint8_t)((options->dnssec_ok ? DNS_MESSAGE_DO >> 8 : 0) | (options->compact_ok ? DNS_MESSAGE_CO >> 8 : 0));
    bytes[9] = (uint8_t)(rest >> 8);
    bytes[10] = (uint8_t)rest;
    dns_writer_bytes(writer, bytes, sizeof bytes);
    if (rest > 0) {
        dns_writer_opt_options(writer, options);
    }
    if (!writer->overflow) {
        dns_writer_count(writer, DNS_WRITER_ADDITIONAL);
    }
}

void dns_writer_flags(struct dns_writer *writer, uint16_t flags)
{
    dns_writer_set(writer, 2, flags);
}
