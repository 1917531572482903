/* SPDX-License-Identifier: Apache-2.0
 * Writes the records of a DNS answer. */
#include "wire/dns_writer.h"

#include <string.h>

#include "base/assert.h"
#include "wire/dns_type.h"

enum {
    DNS_WRITER_HEAD = 10, /* what stands between a record's owner and its data */
    DNS_WRITER_OPT = 11,  /* OPT without options */
};

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

/* What stands between owner and data, but for the data's size. */
static void dns_writer_put_head(uint8_t *at, uint16_t type, uint16_t class, uint32_t ttl_s)
{
    dns_writer_put_16(at, type);
    dns_writer_put_16(at + 2, class);
    dns_writer_put_32(at + 4, ttl_s);
}

/* Addresses are what is written most. */
static void dns_writer_copy(uint8_t *to, struct span from)
{
    if (from.size == 4) {
        memcpy(to, from.data, 4);
    } else if (from.size > 0) {
        memcpy(to, from.data, from.size);
    }
}

void dns_writer_ready(struct dns_writer *writer, enum dns_writer_section section, size_t owner_at, uint16_t type,
                      uint32_t ttl_s, struct span rdata)
{
    ASSERT(owner_at >= DNS_MESSAGE_HEADER && owner_at < 0x4000 && rdata.size <= UINT16_MAX);
    uint8_t *at = dns_writer_take(writer, 2 + DNS_WRITER_HEAD + rdata.size);
    if (at == NULL) {
        return;
    }
    dns_writer_put_16(at, (uint16_t)(0xc000 | owner_at));
    dns_writer_put_head(at + 2, type, writer->class, ttl_s);
    dns_writer_put_16(at + DNS_WRITER_HEAD, (uint16_t)rdata.size);
    dns_writer_copy(at + 2 + DNS_WRITER_HEAD, rdata);
    dns_writer_count(writer, section);
}

static bool dns_writer_has_names(uint16_t type)
{
    return type == DNS_TYPE_NS || type == DNS_TYPE_CNAME || type == DNS_TYPE_PTR || type == DNS_TYPE_MX ||
           type == DNS_TYPE_SOA;
}

void dns_writer_record(struct dns_writer *writer, enum dns_writer_section section, const struct dns_name *owner,
                       uint16_t type, uint32_t ttl_s, struct span rdata)
{
    if (owner == NULL && !dns_writer_has_names(type)) {
        dns_writer_ready(writer, section, DNS_MESSAGE_HEADER, type, ttl_s, rdata);
        return;
    }
    if (owner == NULL) {
        dns_writer_u16(writer, 0xc000 | DNS_MESSAGE_HEADER);
    } else {
        dns_writer_name(writer, owner);
    }
    uint8_t *head = dns_writer_take(writer, DNS_WRITER_HEAD);
    if (head != NULL) {
        dns_writer_put_head(head, type, writer->class, ttl_s);
    }
    const size_t start = writer->size;
    dns_writer_rdata(writer, type, rdata);
    if (!writer->overflow) {
        dns_writer_set(writer, start - 2, (uint16_t)(writer->size - start));
        dns_writer_count(writer, section);
    }
}

static size_t dns_writer_subnet_bytes(const struct dns_message_subnet *subnet)
{
    const size_t size = (subnet->source_bits + 7U) / 8;
    ASSERT(size <= sizeof subnet->address);
    return size;
}

size_t dns_writer_opt_size(const struct dns_writer_options *options)
{
    size_t size = DNS_WRITER_OPT;
    size += options->subnet != NULL ? 8 + dns_writer_subnet_bytes(options->subnet) : 0;
    size += options->cookie.size > 0 ? 4 + options->cookie.size : 0;
    size += options->nsid.size > 0 ? 4 + options->nsid.size : 0;
    return size + (options->keepalive_100ms >= 0 ? 6 : 0);
}

/* An option's code and size; where its data begins. */
static uint8_t *dns_writer_option(uint8_t *at, uint16_t code, size_t size)
{
    dns_writer_put_16(at, code);
    dns_writer_put_16(at + 2, (uint16_t)size);
    return at + 4;
}

static uint8_t *dns_writer_opt_span(uint8_t *at, uint16_t code, struct span data)
{
    at = dns_writer_option(at, code, data.size);
    memcpy(at, data.data, data.size);
    return at + data.size;
}

static uint8_t *dns_writer_opt_subnet(uint8_t *at, const struct dns_message_subnet *subnet, uint8_t scope_bits)
{
    const size_t size = dns_writer_subnet_bytes(subnet);
    at = dns_writer_option(at, DNS_MESSAGE_OPTION_ECS, 4 + size);
    dns_writer_put_16(at, subnet->family);
    at[2] = subnet->source_bits;
    at[3] = scope_bits;
    memcpy(at + 4, subnet->address, size);
    return at + 4 + size;
}

static uint8_t *dns_writer_opt_options(uint8_t *at, const struct dns_writer_options *options)
{
    if (options->subnet != NULL) {
        at = dns_writer_opt_subnet(at, options->subnet, options->scope_bits);
    }
    if (options->cookie.size > 0) {
        at = dns_writer_opt_span(at, DNS_MESSAGE_OPTION_COOKIE, options->cookie);
    }
    if (options->nsid.size > 0) {
        at = dns_writer_opt_span(at, DNS_MESSAGE_OPTION_NSID, options->nsid);
    }
    if (options->keepalive_100ms >= 0) {
        at = dns_writer_option(at, DNS_MESSAGE_OPTION_KEEPALIVE, 2);
        dns_writer_put_16(at, (uint16_t)options->keepalive_100ms);
        at += 2;
    }
    return at;
}

void dns_writer_opt(struct dns_writer *writer, const struct dns_writer_options *options)
{
    const size_t size = dns_writer_opt_size(options);
    const uint32_t flags = (options->dnssec_ok ? DNS_MESSAGE_DO : 0) | (options->compact_ok ? DNS_MESSAGE_CO : 0);
    ASSERT(size <= UINT16_MAX);
    uint8_t *at = dns_writer_take(writer, size);
    if (at == NULL) {
        return;
    }
    at[0] = 0;
    dns_writer_put_16(at + 1, DNS_TYPE_OPT);
    dns_writer_put_16(at + 3, DNS_MESSAGE_UDP_MAX);
    dns_writer_put_32(at + 5, (uint32_t)(options->rcode >> 4) << 24 | flags);
    dns_writer_put_16(at + 9, (uint16_t)(size - DNS_WRITER_OPT));
    const uint8_t *end = dns_writer_opt_options(at + DNS_WRITER_OPT, options);
    ASSERT(end == at + size);
    dns_writer_count(writer, DNS_WRITER_ADDITIONAL);
}

void dns_writer_flags(struct dns_writer *writer, uint16_t flags)
{
    dns_writer_set(writer, 2, flags);
}
