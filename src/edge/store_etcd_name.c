/* SPDX-License-Identifier: Apache-2.0
 * Names of etcd's keys, made and taken apart. */
#include "edge/store_etcd_name.h"

#include "base/assert.h"
#include "base/buf.h"
#include "base/cursor.h"

static const char *const store_etcd_name_indices[] = {
    [STORE_ETCD_INDEX_KIND] = "index/kind/",
    [STORE_ETCD_INDEX_RUN] = "index/run/",
};

#define STORE_ETCD_NAME_RECORD "record/"
#define STORE_ETCD_NAME_GONE   "record.gone/"

static struct store_etcd_name store_etcd_name_of(const char *prefix, const char *folder, const char *name)
{
    struct store_etcd_name made;
    struct buf buf;
    buf_init(&buf, made.data, sizeof made.data);
    buf_text(&buf, prefix);
    buf_text(&buf, folder);
    buf_text(&buf, name);
    ASSERT(!buf.overflow); /* prefix, key, kind and run have their limits */
    made.size = buf.size;
    return made;
}

static void store_etcd_name_add_number(struct store_etcd_name *name, uint64_t number)
{
    struct buf buf;
    buf_init(&buf, name->data + name->size, sizeof name->data - name->size);
    buf_printf(&buf, "%016llx", (unsigned long long)number);
    ASSERT(!buf.overflow);
    name->size += buf.size;
}

/* Behind all names that begin with this one. */
static struct store_etcd_name store_etcd_name_behind(const struct store_etcd_name *name)
{
    struct store_etcd_name behind = *name;
    while (behind.size > 0 && behind.data[behind.size - 1] == 0xff) {
        behind.size--;
    }
    ASSERT(behind.size > 0); /* folders are ASCII */
    behind.data[behind.size - 1]++;
    return behind;
}

static struct store_etcd_range store_etcd_name_below(const struct store_etcd_name *name)
{
    return (struct store_etcd_range){.first = *name, .end = store_etcd_name_behind(name)};
}

struct store_etcd_name store_etcd_name_record(const char *prefix, const char *key)
{
    return store_etcd_name_of(prefix, STORE_ETCD_NAME_RECORD, key);
}

struct store_etcd_name store_etcd_name_gone(const char *prefix, const char *key)
{
    return store_etcd_name_of(prefix, STORE_ETCD_NAME_GONE, key);
}

struct store_etcd_name store_etcd_name_journal(const char *prefix, uint64_t number)
{
    struct store_etcd_name name = store_etcd_name_of(prefix, "journal/", "");
    store_etcd_name_add_number(&name, number);
    return name;
}

/* A NUL ends the kind or run: what follows is a number and never a part of a longer one. */
static struct store_etcd_name store_etcd_name_index_folder(const char *prefix, enum store_etcd_index index,
                                                           const char *name)
{
    struct store_etcd_name folder = store_etcd_name_of(prefix, store_etcd_name_indices[index], name);
    ASSERT(folder.size < sizeof folder.data);
    folder.data[folder.size++] = 0;
    return folder;
}

struct store_etcd_name store_etcd_name_index(const char *prefix, enum store_etcd_index index, const char *name,
                                             uint64_t number)
{
    struct store_etcd_name made = store_etcd_name_index_folder(prefix, index, name);
    store_etcd_name_add_number(&made, number);
    return made;
}

struct store_etcd_name store_etcd_name_token(const char *prefix, const char *owner, uint32_t slot)
{
    char text[STORE_ETCD_NAME_OWNER + 16];
    struct buf buf;
    buf_init(&buf, text, sizeof text);
    buf_printf(&buf, "%s/%u", owner, (unsigned)slot);
    ASSERT(!buf.overflow);
    return store_etcd_name_of(prefix, "token/", buf_string(&buf));
}

struct store_etcd_name store_etcd_name_meta(const char *prefix, const char *name)
{
    return store_etcd_name_of(prefix, "meta/", name);
}

struct store_etcd_range store_etcd_name_records(const char *prefix, const char *key)
{
    const struct store_etcd_name name = store_etcd_name_record(prefix, key);
    return store_etcd_name_below(&name);
}

struct store_etcd_range store_etcd_name_gones(const char *prefix, const char *key)
{
    const struct store_etcd_name name = store_etcd_name_gone(prefix, key);
    return store_etcd_name_below(&name);
}

struct store_etcd_range store_etcd_name_changes(const char *prefix)
{
    const struct store_etcd_name record = store_etcd_name_record(prefix, "");
    return (struct store_etcd_range){.first = store_etcd_name_gone(prefix, ""), .end = store_etcd_name_behind(&record)};
}

static struct store_etcd_range store_etcd_name_above(const struct store_etcd_name *folder, uint64_t after)
{
    struct store_etcd_range range = {.first = *folder, .end = store_etcd_name_behind(folder)};
    if (after < UINT64_MAX) {
        store_etcd_name_add_number(&range.first, after + 1);
    } else {
        range.first = range.end; /* nothing is above it */
    }
    return range;
}

struct store_etcd_range store_etcd_name_blocks(const char *prefix, uint64_t after)
{
    const struct store_etcd_name folder = store_etcd_name_of(prefix, "journal/", "");
    return store_etcd_name_above(&folder, after);
}

struct store_etcd_range store_etcd_name_indexes(const char *prefix, enum store_etcd_index index, const char *name,
                                                uint64_t after)
{
    const struct store_etcd_name folder = store_etcd_name_index_folder(prefix, index, name);
    return store_etcd_name_above(&folder, after);
}

static bool store_etcd_name_skip(struct cursor *cursor, const char *text)
{
    const struct span want = span_text(text);
    if (cursor_left(cursor) < want.size || memcmp(cursor->data + cursor->at, text, want.size) != 0) {
        return false;
    }
    cursor_skip(cursor, want.size);
    return true;
}

struct span store_etcd_name_key(const char *prefix, struct span name, bool *ret_gone)
{
    struct cursor cursor;
    cursor_init(&cursor, name.data, name.size);
    if (!store_etcd_name_skip(&cursor, prefix)) {
        return span_of(NULL, 0);
    }
    const bool gone = store_etcd_name_skip(&cursor, STORE_ETCD_NAME_GONE);
    if (!gone && !store_etcd_name_skip(&cursor, STORE_ETCD_NAME_RECORD)) {
        return span_of(NULL, 0);
    }
    *ret_gone = gone;
    return cursor_span(&cursor, cursor_left(&cursor));
}

uint64_t store_etcd_name_number(struct span name)
{
    struct cursor cursor;
    cursor_init(&cursor, name.data, name.size);
    cursor_skip(&cursor, name.size < 16 ? name.size + 1 : name.size - 16);
    uint64_t number = 0;
    for (size_t i = 0; i < 16; i++) {
        const uint8_t digit = cursor_u8(&cursor);
        const bool decimal = digit >= '0' && digit <= '9';
        if (!decimal && (digit < 'a' || digit > 'f')) {
            return 0;
        }
        number = number << 4 | (uint64_t)(decimal ? digit - '0' : digit - 'a' + 10);
    }
    return number;
}
