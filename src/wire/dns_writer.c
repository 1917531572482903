/* SPDX-License-Identifier: Apache-2.0
 * Writes the records of a DNS answer. */
#include "wire/dns_writer.h"

#include <string.h>

#include "base/assert.h"
#include "wire/dns_type.h"

static void dns_writer_set(struct dns_writer *writer, size_t at, uint16_t value)
{
    ASSERT(at + 2 <= writer->size);
    writer->data[at] = (uint8_t)(value >> 8);
    writer->data[at + 1] = (uint8_t)value;
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
    const uint8_t bytes[2] = {(uint8_t)(value >> 8), (uint8_t)value};
    dns_writer_bytes(writer, bytes, sizeof bytes);
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
    writer->targets_count = 0;
    writer->overflow = false;
    /* The question's name and its parents, as far as the table goes. */
    for (size_t at = DNS_MESSAGE_HEADER; at < size && writer->data[at] != 0 && writer->data[at] <= DNS_NAME_LABEL_MAX;
         at += 1U + writer->data[at]) {
        if (writer->targets_count < DNS_WRITER_TARGETS / 2) {
            writer->targets[writer->targets_count++] = (uint16_t)at;
        }
    }
    memset(writer->data + 6, 0, 6);
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
    const uint16_t count = (uint16_t)((at[0] << 8 | at[1]) + 1);
    at[0] = (uint8_t)(count >> 8);
    at[1] = (uint8_t)count;
}

void dns_writer_record(struct dns_writer *writer, enum dns_writer_section section, const struct dns_name *owner,
                       uint16_t type, uint32_t ttl_s, struct span rdata)
{
    if (owner == NULL) {
        dns_writer_u16(writer, 0xc000 | DNS_MESSAGE_HEADER);
    } else {
        dns_writer_name(writer, owner);
    }
    const uint8_t fixed[10] = {(uint8_t)(type >> 8),
                               (uint8_t)type,
                               0,
                               DNS_CLASS_IN,
                               (uint8_t)(ttl_s >> 24),
                               (uint8_t)(ttl_s >> 16),
                               (uint8_t)(ttl_s >> 8),
                               (uint8_t)ttl_s,
                               0,
                               0};
    dns_writer_bytes(writer, fixed, sizeof fixed);
    const size_t start = writer->size;
    dns_writer_rdata(writer, type, rdata);
    if (!writer->overflow) {
        dns_writer_set(writer, start - 2, (uint16_t)(writer->size - start));
        dns_writer_count(writer, section);
    }
}

void dns_writer_opt(struct dns_writer *writer, uint16_t rcode, bool dnssec_ok, const struct dns_message_subnet *subnet,
                    uint8_t scope_bits)
{
    uint8_t bytes[11 + 4 + 4 + 16] = {0, 0, DNS_TYPE_OPT, DNS_MESSAGE_UDP_MAX >> 8, DNS_MESSAGE_UDP_MAX & 0xff};
    size_t size = 11;
    bytes[5] = (uint8_t)(rcode >> 4);
    bytes[7] = dnssec_ok ? DNS_MESSAGE_DO >> 8 : 0;
    if (subnet != NULL) {
        const size_t address = (subnet->source_bits + 7U) / 8;
        ASSERT(address <= sizeof subnet->address);
        const uint8_t option[8] = {0,
                                   DNS_MESSAGE_OPTION_ECS,
                                   0,
                                   (uint8_t)(4 + address),
                                   (uint8_t)(subnet->family >> 8),
                                   (uint8_t)subnet->family,
                                   subnet->source_bits,
                                   scope_bits};
        memcpy(bytes + 11, option, sizeof option);
        memcpy(bytes + 11 + 8, subnet->address, address);
        size += sizeof option + address;
        bytes[10] = (uint8_t)(sizeof option + address);
    }
    dns_writer_bytes(writer, bytes, size);
    if (!writer->overflow) {
        dns_writer_count(writer, DNS_WRITER_ADDITIONAL);
    }
}

void dns_writer_flags(struct dns_writer *writer, uint16_t flags)
{
    dns_writer_set(writer, 2, flags);
}
