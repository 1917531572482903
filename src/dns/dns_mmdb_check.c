/* SPDX-License-Identifier: Apache-2.0
 * Whether a value of MaxMind's data format may be decoded. */
#include "dns/dns_mmdb_check.h"

#include "base/cursor.h"

enum {
    DNS_MMDB_CHECK_POINTER = 1,
    DNS_MMDB_CHECK_TEXT = 2,
    DNS_MMDB_CHECK_DOUBLE = 3,
    DNS_MMDB_CHECK_BYTES = 4,
    DNS_MMDB_CHECK_U16 = 5,
    DNS_MMDB_CHECK_U32 = 6,
    DNS_MMDB_CHECK_MAP = 7,
    DNS_MMDB_CHECK_I32 = 8,
    DNS_MMDB_CHECK_U64 = 9,
    DNS_MMDB_CHECK_U128 = 10,
    DNS_MMDB_CHECK_ARRAY = 11,
    DNS_MMDB_CHECK_BOOLEAN = 14,
    DNS_MMDB_CHECK_FLOAT = 15,
    DNS_MMDB_CHECK_METADATA = 128 * 1024, /* the metadata begins so near to the end */
};

struct dns_mmdb_check {
    struct span section;
    uint32_t values; /* left */
};

/* What a value is, or what a pointer leads to. */
struct dns_mmdb_check_seen {
    uint32_t type;
    bool texts;       /* a map or an array whose values are all texts */
    struct span text; /* of a text */
};

static bool dns_mmdb_check_value(struct dns_mmdb_check *check, struct cursor *cursor, uint32_t depth,
                                 struct dns_mmdb_check_seen *ret_seen);

/* Where a pointer leads: counted from the section's start. */
static size_t dns_mmdb_check_target(struct cursor *cursor, uint8_t control)
{
    const uint32_t size = control >> 3 & 3;
    uint32_t value = size == 3 ? 0 : control & 7;
    for (uint32_t i = 0; i <= size; i++) {
        value = value << 8 | cursor_u8(cursor);
    }
    static const uint32_t bases[] = {0, 2048, 526336, 0};
    return (size_t)value + bases[size];
}

static bool dns_mmdb_check_pointer(struct dns_mmdb_check *check, struct cursor *cursor, uint8_t control, uint32_t depth,
                                   struct dns_mmdb_check_seen *ret_seen)
{
    struct cursor there;
    const size_t target = dns_mmdb_check_target(cursor, control);
    if (!cursor_ok(cursor) || target >= check->section.size) {
        return false;
    }
    cursor_init(&there, check->section.data, check->section.size);
    cursor_skip(&there, target);
    /* A pointer to a pointer is none (and the library refuses it). */
    return check->section.data[target] >> 5 != DNS_MMDB_CHECK_POINTER &&
           dns_mmdb_check_value(check, &there, depth + 1, ret_seen);
}

static uint32_t dns_mmdb_check_size(struct cursor *cursor, uint8_t control)
{
    const uint32_t size = control & 31;
    if (size < 29) {
        return size;
    }
    if (size == 29) {
        return 29U + cursor_u8(cursor);
    }
    if (size == 30) {
        return 285U + cursor_u16be(cursor);
    }
    const uint32_t high = cursor_u8(cursor);
    return 65821U + (high << 16 | cursor_u16be(cursor));
}

static bool dns_mmdb_check_items(struct dns_mmdb_check *check, struct cursor *cursor, uint32_t count, uint32_t depth,
                                 struct dns_mmdb_check_seen *ret_seen)
{
    ret_seen->texts = true;
    for (uint32_t i = 0; i < count; i++) {
        struct dns_mmdb_check_seen seen;
        if (ret_seen->type == DNS_MMDB_CHECK_MAP &&
            (!dns_mmdb_check_value(check, cursor, depth + 1, &seen) || seen.type != DNS_MMDB_CHECK_TEXT)) {
            return false;
        }
        if (!dns_mmdb_check_value(check, cursor, depth + 1, &seen)) {
            return false;
        }
        ret_seen->texts = ret_seen->texts && seen.type == DNS_MMDB_CHECK_TEXT;
    }
    return true;
}

static bool dns_mmdb_check_sized(struct cursor *cursor, uint32_t type, uint32_t size)
{
    static const uint8_t most[] = {[DNS_MMDB_CHECK_U16] = 2,
                                   [DNS_MMDB_CHECK_U32] = 4,
                                   [DNS_MMDB_CHECK_I32] = 4,
                                   [DNS_MMDB_CHECK_U64] = 8,
                                   [DNS_MMDB_CHECK_U128] = 16};
    switch (type) {
    case DNS_MMDB_CHECK_TEXT:
    case DNS_MMDB_CHECK_BYTES:
        break;
    case DNS_MMDB_CHECK_DOUBLE:
        if (size != 8) {
            return false;
        }
        break;
    case DNS_MMDB_CHECK_FLOAT:
        if (size != 4) {
            return false;
        }
        break;
    case DNS_MMDB_CHECK_BOOLEAN:
        return size <= 1; /* the size is the value */
    case DNS_MMDB_CHECK_U16:
    case DNS_MMDB_CHECK_U32:
    case DNS_MMDB_CHECK_I32:
    case DNS_MMDB_CHECK_U64:
    case DNS_MMDB_CHECK_U128:
        if (size > most[type]) {
            return false;
        }
        break;
    default:
        return false;
    }
    cursor_skip(cursor, size);
    return cursor_ok(cursor);
}

/* One value. Recursion ends with the depth. */
static bool dns_mmdb_check_value(struct dns_mmdb_check *check, struct cursor *cursor, uint32_t depth,
                                 struct dns_mmdb_check_seen *ret_seen)
{
    if (depth > DNS_MMDB_CHECK_DEPTH || check->values == 0) {
        return false;
    }
    check->values--;
    const uint8_t control = cursor_u8(cursor);
    uint32_t type = control >> 5;
    if (type == DNS_MMDB_CHECK_POINTER) {
        return dns_mmdb_check_pointer(check, cursor, control, depth, ret_seen);
    }
    type = type == 0 ? 7U + cursor_u8(cursor) : type;
    const uint32_t size = dns_mmdb_check_size(cursor, control);
    *ret_seen = (struct dns_mmdb_check_seen){.type = type};
    if (!cursor_ok(cursor)) {
        return false;
    }
    if (type == DNS_MMDB_CHECK_MAP || type == DNS_MMDB_CHECK_ARRAY) {
        return dns_mmdb_check_items(check, cursor, size, depth, ret_seen);
    }
    ret_seen->text = span_of(cursor->data + cursor->at, size);
    return dns_mmdb_check_sized(cursor, type, size);
}

bool dns_mmdb_check(struct span section, size_t offset)
{
    struct dns_mmdb_check check = {section, DNS_MMDB_CHECK_VALUES};
    struct dns_mmdb_check_seen seen;
    struct cursor cursor;
    if (offset >= section.size) {
        return false;
    }
    cursor_init(&cursor, section.data, section.size);
    cursor_skip(&cursor, offset);
    return dns_mmdb_check_value(&check, &cursor, 0, &seen) && seen.type == DNS_MMDB_CHECK_MAP;
}

/* One entry of the metadata. The library loses memory over lists that are not of texts. */
static bool dns_mmdb_check_entry(struct dns_mmdb_check *check, struct cursor *cursor)
{
    struct dns_mmdb_check_seen key;
    struct dns_mmdb_check_seen value;
    if (!dns_mmdb_check_value(check, cursor, 1, &key) || key.type != DNS_MMDB_CHECK_TEXT ||
        !dns_mmdb_check_value(check, cursor, 1, &value)) {
        return false;
    }
    if (span_is(key.text, "languages")) {
        return value.type == DNS_MMDB_CHECK_ARRAY && value.texts;
    }
    return !span_is(key.text, "description") || (value.type == DNS_MMDB_CHECK_MAP && value.texts);
}

bool dns_mmdb_check_metadata(struct span content)
{
    static const char marker[] = "\xab\xcd\xefMaxMind.com";
    const size_t size = sizeof marker - 1;
    const size_t from = content.size > DNS_MMDB_CHECK_METADATA ? content.size - DNS_MMDB_CHECK_METADATA : 0;
    const uint8_t *found = NULL;
    for (size_t at = from; at + size < content.size; at++) {
        found = memcmp(content.data + at, marker, size) == 0 ? content.data + at + size : found; /* the last counts */
    }
    if (found == NULL || *found >> 5 != DNS_MMDB_CHECK_MAP) {
        return false;
    }
    struct dns_mmdb_check check = {span_of(found, content.size - (size_t)(found - content.data)),
                                   DNS_MMDB_CHECK_VALUES};
    struct cursor cursor;
    cursor_init(&cursor, check.section.data, check.section.size);
    const uint8_t control = cursor_u8(&cursor);
    const uint32_t count = dns_mmdb_check_size(&cursor, control);
    for (uint32_t i = 0; i < count; i++) {
        if (!dns_mmdb_check_entry(&check, &cursor)) {
            return false;
        }
    }
    return true;
}
