/* SPDX-License-Identifier: Apache-2.0
 * Reads of the etcd store. */
#include "edge/store_etcd_read.h"

#include <string.h>

#include "base/assert.h"
#include "edge/clock.h"
#include "edge/log.h"
#include "edge/store_etcd_block.h"
#include "edge/store_etcd_text.h"
#include "edge/store_etcd_trim.h"

enum {
    /* Of one exchange: many small ones, or as few as fit into an answer however large they are. A revision's records
     * are at most STORE_WRITES, and one more shows that it is whole. */
    STORE_ETCD_READ_CHANGES = STORE_ROWS + 1,
    STORE_ETCD_READ_CHANGES_LARGE = STORE_WRITES + 1,
    STORE_ETCD_READ_BLOCKS = 64,
    STORE_ETCD_READ_BLOCKS_LARGE = 8,
    STORE_ETCD_READ_TRIES = 3,
};

struct store_etcd_read {
    struct store_etcd_line *line;
    const struct store_request *request;
    struct mono deadline; /* of the first exchange */
    struct store_answer *answer;
    const char *prefix;
};

/* Later exchanges of the same read get their own time. */
static struct mono store_etcd_read_deadline(struct store_etcd_read *read)
{
    const int64_t timeout_ms = store_etcd_member_config(read->line->members)->timeout_ms;
    const struct mono deadline = read->deadline;
    read->deadline = time_add_ms(clock_mono(), STORE_ETCD_READ_TRIES * timeout_ms);
    return time_max(deadline, clock_mono());
}

static enum err store_etcd_read_range(struct store_etcd_read *read, const struct store_etcd_text_range *range)
{
    buf_reset(&read->line->body);
    store_etcd_text_range(&read->line->body, range);
    enum err err = store_etcd_line_ask(read->line, STORE_ETCD_LINE_RANGE, store_etcd_read_deadline(read));
    if (err == ERR_OK && read->line->answer.part_count != 1) {
        err = ERR_PROTOCOL;
    }
    return err;
}

/* -- records -- */

/* ERR_TOO_LARGE: it does not fit into the answer. ERR_CONTENT: not a record's name. */
static enum err store_etcd_read_take(struct store_etcd_read *read, const struct store_etcd_pair *pair,
                                     struct store_record *record)
{
    bool gone = false;
    const struct span key = store_etcd_name_key(read->prefix, pair->key, &gone);
    if (key.data == NULL) {
        return ERR_CONTENT;
    }
    const char *name = arena_copy(&read->answer->memory, key.data, key.size);
    const char *value = arena_copy(&read->answer->memory, pair->value.data, pair->value.size);
    if (name == NULL || value == NULL) {
        return ERR_TOO_LARGE;
    }
    *record = (struct store_record){
        .key = name, .revision = pair->revision, .value = span_of(value, pair->value.size), .deleted = gone};
    return ERR_OK;
}

static enum err store_etcd_read_get(struct store_etcd_read *read)
{
    const struct store_etcd_name name = store_etcd_name_record(read->prefix, read->request->key);
    enum err err = store_etcd_read_range(read, &(struct store_etcd_text_range){.first = &name});
    if (err != ERR_OK) {
        return err;
    }
    const struct store_etcd_answer *etcd = &read->line->answer;
    struct store_answer *answer = read->answer;
    answer->revision = etcd->revision;
    if (etcd->parts[0].count == 0) {
        return ERR_NOT_FOUND;
    }
    struct store_record *record = arena_alloc(&answer->memory, sizeof *record);
    err = record != NULL ? store_etcd_read_take(read, &etcd->parts[0].pairs[0], record) : ERR_NO_MEMORY;
    answer->records = record;
    answer->record_count = err == ERR_OK ? 1 : 0;
    return err;
}

static enum err store_etcd_read_list(struct store_etcd_read *read)
{
    const struct store_etcd_range range = store_etcd_name_records(read->prefix, read->request->key);
    enum err err = store_etcd_read_range(
        read, &(struct store_etcd_text_range){.first = &range.first, .end = &range.end, .limit = STORE_ROWS + 1});
    if (err != ERR_OK) {
        return err;
    }
    const struct store_etcd_part *part = &read->line->answer.parts[0];
    struct store_answer *answer = read->answer;
    if (part->count > STORE_ROWS) {
        return ERR_TOO_LARGE;
    }
    struct store_record *records = arena_alloc(&answer->memory, (part->count + 1) * sizeof *records);
    err = records != NULL ? ERR_OK : ERR_NO_MEMORY;
    for (size_t i = 0; err == ERR_OK && i < part->count; i++) {
        err = store_etcd_read_take(read, &part->pairs[i], &records[i]);
    }
    answer->revision = read->line->answer.revision;
    answer->records = records;
    answer->record_count = err == ERR_OK ? part->count : 0;
    return err;
}

/* -- changes -- */

/* Records and deletions changed after `after`, in order of revisions, and the floor: one look at the store. */
static enum err store_etcd_read_ask_changes(struct store_etcd_read *read, const char *key, uint64_t after,
                                            const struct store_etcd_text_range *pattern)
{
    const struct store_etcd_range ranges[2] = {store_etcd_name_records(read->prefix, key),
                                               store_etcd_name_gones(read->prefix, key)};
    const struct store_etcd_name floor = store_etcd_name_meta(read->prefix, "floor");
    struct store_etcd_text text;
    buf_reset(&read->line->body);
    store_etcd_text_begin(&text, &read->line->body, 0);
    store_etcd_text_then(&text);
    for (size_t i = 0; i < 2; i++) {
        struct store_etcd_text_range range = *pattern;
        range.first = &ranges[i].first;
        range.end = &ranges[i].end;
        range.changes = true;
        range.after = after;
        store_etcd_text_ask(&text, &range);
    }
    store_etcd_text_ask(&text, &(struct store_etcd_text_range){.first = &floor});
    store_etcd_text_else(&text);
    store_etcd_text_end(&text);
    const enum err err = store_etcd_line_ask(read->line, STORE_ETCD_LINE_TXN, store_etcd_read_deadline(read));
    return err == ERR_OK && read->line->answer.part_count != 3 ? ERR_PROTOCOL : err;
}

/* From which revision on a part may be incomplete. */
static uint64_t store_etcd_read_bound(const struct store_etcd_part *part)
{
    return part->more && part->count > 0 ? part->pairs[part->count - 1].revision : UINT64_MAX;
}

/* A revision is told whole or not at all, so that `after` = the last one told leaves no gap. */
static enum err store_etcd_read_cut(struct store_answer *answer, const struct store_record *records, size_t count,
                                    uint64_t bound)
{
    while (count > 0 && records[count - 1].revision >= bound) {
        count--;
    }
    answer->record_count = count;
    answer->more = true;
    return count > 0 ? ERR_OK : ERR_TOO_LARGE;
}

/* Both parts are in order of revisions. */
static enum err store_etcd_read_merge(struct store_etcd_read *read, const struct store_etcd_part parts[2])
{
    struct store_answer *answer = read->answer;
    struct store_record *records = arena_alloc(&answer->memory, STORE_ROWS * sizeof *records);
    if (records == NULL) {
        return ERR_NO_MEMORY;
    }
    answer->records = records;
    uint64_t bound = store_etcd_read_bound(&parts[0]);
    bound = store_etcd_read_bound(&parts[1]) < bound ? store_etcd_read_bound(&parts[1]) : bound;
    size_t at[2] = {0, 0};
    size_t count = 0;
    while (at[0] < parts[0].count || at[1] < parts[1].count) {
        const bool second = at[0] == parts[0].count ||
                            (at[1] < parts[1].count && parts[1].pairs[at[1]].revision < parts[0].pairs[at[0]].revision);
        const struct store_etcd_pair *pair = &parts[second].pairs[at[second]];
        if (pair->revision >= bound) {
            return store_etcd_read_cut(answer, records, count, bound);
        }
        enum err err = count < STORE_ROWS ? store_etcd_read_take(read, pair, &records[count]) : ERR_TOO_LARGE;
        if (err == ERR_TOO_LARGE) {
            return store_etcd_read_cut(answer, records, count, pair->revision);
        }
        if (err != ERR_OK) {
            return err;
        }
        at[second]++;
        count++;
    }
    answer->record_count = count;
    return ERR_OK;
}

static enum err store_etcd_read_changes(struct store_etcd_read *read)
{
    const struct store_request *request = read->request;
    struct store_etcd_text_range pattern = {.limit = STORE_ETCD_READ_CHANGES};
    enum err err = store_etcd_read_ask_changes(read, request->key, request->after, &pattern);
    if (err == ERR_TOO_LARGE) {
        pattern.limit = STORE_ETCD_READ_CHANGES_LARGE;
        err = store_etcd_read_ask_changes(read, request->key, request->after, &pattern);
    }
    if (err != ERR_OK) {
        return err;
    }
    const struct store_etcd_answer *etcd = &read->line->answer;
    const struct store_etcd_part *floor = &etcd->parts[2];
    read->answer->revision = etcd->revision;
    /* Later than the newest: etcd was restored from a backup, or replaced. */
    if (request->after > etcd->revision ||
        (floor->count > 0 && request->after < store_etcd_name_number(floor->pairs[0].value))) {
        return ERR_STALE;
    }
    return store_etcd_read_merge(read, etcd->parts);
}

enum err store_etcd_read_newest(struct store_etcd_line *line, uint64_t after, struct mono deadline,
                                uint64_t *ret_revision)
{
    struct store_etcd_read read = {
        .line = line, .deadline = deadline, .prefix = store_etcd_member_config(line->members)->prefix};
    const struct store_etcd_text_range pattern = {.limit = 1, .descending = true, .keys_only = true};
    const enum err err = store_etcd_read_ask_changes(&read, "", after, &pattern);
    if (err != ERR_OK) {
        return err;
    }
    uint64_t newest = 0;
    for (size_t i = 0; i < 2; i++) {
        const struct store_etcd_part *part = &line->answer.parts[i];
        newest = part->count > 0 && part->pairs[0].revision > newest ? part->pairs[0].revision : newest;
    }
    *ret_revision = newest;
    return ERR_OK;
}

/* -- the journal -- */

/* The entries of one READ as they are found, in the order of the search. */
struct store_etcd_found {
    struct store_entry *entries;
    size_t count;
    size_t room; /* one more than wanted: it says that there are further ones */
    bool full;   /* no more fits, or is wanted */
};

static bool store_etcd_read_wants(const struct store_request *request, const struct store_entry *entry)
{
    return entry->number > request->after && (request->kind == NULL || strcmp(request->kind, entry->kind) == 0) &&
           (request->run == NULL || strcmp(request->run, entry->run) == 0);
}

static void store_etcd_read_keep(struct store_etcd_read *read, struct store_etcd_found *found,
                                 const struct store_entry *entry)
{
    struct arena *memory = &read->answer->memory;
    const struct store_entry copy = {.number = entry->number,
                                     .wall = entry->wall,
                                     .kind = arena_text(memory, entry->kind),
                                     .run = arena_text(memory, entry->run),
                                     .text = arena_text(memory, entry->text)};
    found->full = copy.kind == NULL || copy.run == NULL || copy.text == NULL;
    if (!found->full) {
        found->entries[found->count++] = copy;
        found->full = found->count == found->room;
    }
}

/* The entries of a block that are wanted, in the order of the search. */
static enum err store_etcd_read_block(struct store_etcd_read *read, struct store_etcd_found *found,
                                      const struct store_etcd_pair *pair)
{
    const struct store_entry *entries = NULL;
    size_t count = 0;
    const enum err err =
        store_etcd_block_get(pair->value, store_etcd_name_number(pair->key), &read->line->memory, &entries, &count);
    if (err != ERR_OK) {
        LOG_E("store: entry %llu of the journal in etcd cannot be read: %s",
              (unsigned long long)store_etcd_name_number(pair->key), err_text(err));
        return err;
    }
    for (size_t i = 0; i < count && !found->full; i++) {
        const struct store_entry *entry = &entries[read->request->newest ? count - 1 - i : i];
        if (store_etcd_read_wants(read->request, entry)) {
            store_etcd_read_keep(read, found, entry);
        }
    }
    return ERR_OK;
}

/* Where a search goes on: above `after`, and with `newest` before `end`. */
struct store_etcd_search {
    struct store_etcd_range range;
    bool descending;
};

static void store_etcd_read_advance(struct store_etcd_search *search, struct span name)
{
    struct store_etcd_name *edge = search->descending ? &search->range.end : &search->range.first;
    ASSERT(name.size < sizeof edge->data);
    memcpy(edge->data, name.data, name.size);
    edge->size = name.size;
    if (!search->descending) {
        edge->data[edge->size++] = 0; /* right behind it */
    }
}

/* One portion of the journal without a filter. `ret_end`: it was the last one. */
static enum err store_etcd_read_portion(struct store_etcd_read *read, struct store_etcd_search *search,
                                        struct store_etcd_found *found, bool *ret_end)
{
    struct store_etcd_text_range range = {.first = &search->range.first,
                                          .end = &search->range.end,
                                          .limit = STORE_ETCD_READ_BLOCKS,
                                          .descending = search->descending};
    enum err err = store_etcd_read_range(read, &range);
    if (err == ERR_TOO_LARGE) {
        range.limit = STORE_ETCD_READ_BLOCKS_LARGE;
        err = store_etcd_read_range(read, &range);
    }
    if (err != ERR_OK) {
        return err;
    }
    const struct store_etcd_part part = read->line->answer.parts[0];
    for (size_t i = 0; err == ERR_OK && i < part.count && !found->full; i++) {
        err = store_etcd_read_block(read, found, &part.pairs[i]);
    }
    *ret_end = !part.more || part.count == 0;
    if (part.count > 0) {
        store_etcd_read_advance(search, part.pairs[part.count - 1].key);
    }
    return err;
}

/* The blocks with these numbers, in the order given. */
static enum err store_etcd_read_blocks(struct store_etcd_read *read, struct store_etcd_found *found,
                                       const uint64_t *numbers, size_t count)
{
    struct store_etcd_text text;
    buf_reset(&read->line->body);
    store_etcd_text_begin(&text, &read->line->body, 0);
    store_etcd_text_then(&text);
    for (size_t i = 0; i < count; i++) {
        const struct store_etcd_name name = store_etcd_name_journal(read->prefix, numbers[i]);
        store_etcd_text_ask(&text, &(struct store_etcd_text_range){.first = &name});
    }
    store_etcd_text_else(&text);
    store_etcd_text_end(&text);
    enum err err = store_etcd_line_ask(read->line, STORE_ETCD_LINE_TXN, store_etcd_read_deadline(read));
    if (err != ERR_OK || read->line->answer.part_count != count) {
        return err != ERR_OK ? err : ERR_PROTOCOL;
    }
    for (size_t i = 0; err == ERR_OK && i < count && !found->full; i++) {
        const struct store_etcd_part *part = &read->line->answer.parts[i];
        /* None: it has ceased since its index was read. */
        err = part->count == 1 ? store_etcd_read_block(read, found, &part->pairs[0]) : ERR_OK;
    }
    return err;
}

/* One portion by an index: first the numbers, then their blocks. */
static enum err store_etcd_read_indexed(struct store_etcd_read *read, struct store_etcd_search *search,
                                        struct store_etcd_found *found, bool *ret_end)
{
    const struct store_etcd_text_range range = {.first = &search->range.first,
                                                .end = &search->range.end,
                                                .limit = STORE_ETCD_READ_BLOCKS,
                                                .descending = search->descending,
                                                .keys_only = true};
    enum err err = store_etcd_read_range(read, &range);
    if (err != ERR_OK) {
        return err;
    }
    uint64_t numbers[STORE_ETCD_READ_BLOCKS];
    const struct store_etcd_part *part = &read->line->answer.parts[0];
    const size_t count = part->count < STORE_ETCD_READ_BLOCKS ? part->count : STORE_ETCD_READ_BLOCKS;
    for (size_t i = 0; i < count; i++) {
        numbers[i] = store_etcd_name_number(part->pairs[i].key);
    }
    *ret_end = !part->more || count == 0;
    if (count == 0) {
        return ERR_OK;
    }
    store_etcd_read_advance(search, part->pairs[count - 1].key);
    const size_t before = found->count;
    err = store_etcd_read_blocks(read, found, numbers, count);
    for (size_t i = 0; err == ERR_TOO_LARGE && found->count == before && i < count; i += STORE_ETCD_READ_BLOCKS_LARGE) {
        const size_t left = count - i;
        const size_t some = left < STORE_ETCD_READ_BLOCKS_LARGE ? left : STORE_ETCD_READ_BLOCKS_LARGE;
        enum err part_err = store_etcd_read_blocks(read, found, numbers + i, some);
        if (part_err != ERR_OK) {
            return part_err;
        }
        err = i + some >= count || found->full ? ERR_OK : err;
    }
    return err;
}

static void store_etcd_read_turn(struct store_entry *entries, size_t count)
{
    for (size_t i = 0; i < count / 2; i++) {
        const struct store_entry swap = entries[i];
        entries[i] = entries[count - 1 - i];
        entries[count - 1 - i] = swap;
    }
}

static enum err store_etcd_read_number(struct store_etcd_read *read)
{
    const struct store_etcd_name name = store_etcd_name_meta(read->prefix, "number");
    const enum err err = store_etcd_read_range(read, &(struct store_etcd_text_range){.first = &name});
    if (err == ERR_OK) {
        const struct store_etcd_answer *etcd = &read->line->answer;
        const struct store_etcd_part *part = &etcd->parts[0];
        read->answer->revision = etcd->revision;
        read->answer->number = part->count > 0 ? store_etcd_name_number(part->pairs[0].value) : 0;
    }
    return err;
}

static enum err store_etcd_read_entries(struct store_etcd_read *read)
{
    const struct store_request *request = read->request;
    const size_t limit = request->limit > 0 && request->limit < STORE_ROWS ? request->limit : STORE_ROWS;
    struct store_etcd_found found = {.room = limit + 1};
    found.entries = arena_alloc(&read->answer->memory, found.room * sizeof *found.entries);
    if (found.entries == NULL) {
        return ERR_NO_MEMORY;
    }
    const bool indexed = request->kind != NULL || request->run != NULL;
    const enum store_etcd_index index = request->run != NULL ? STORE_ETCD_INDEX_RUN : STORE_ETCD_INDEX_KIND;
    const char *name = request->run != NULL ? request->run : request->kind;
    struct store_etcd_search search = {.descending = request->newest};
    search.range = indexed ? store_etcd_name_indexes(read->prefix, index, name, request->after)
                           : store_etcd_name_blocks(read->prefix, request->after);
    bool end = request->after == UINT64_MAX;
    enum err err = store_etcd_read_number(read);
    while (err == ERR_OK && !end && !found.full) {
        err = indexed ? store_etcd_read_indexed(read, &search, &found, &end)
                      : store_etcd_read_portion(read, &search, &found, &end);
    }
    read->answer->more = found.full;
    const size_t count = found.count > limit ? limit : found.count;
    if (request->newest) {
        store_etcd_read_turn(found.entries, count);
    }
    read->answer->entries = found.entries;
    read->answer->entry_count = err == ERR_OK ? count : 0;
    return err == ERR_OK && found.full && count == 0 ? ERR_TOO_LARGE : err;
}

enum err store_etcd_read_request(struct store_etcd_line *line, const struct store_request *request,
                                 struct mono deadline, struct store_answer *answer)
{
    struct store_etcd_read read = {.line = line,
                                   .request = request,
                                   .deadline = deadline,
                                   .answer = answer,
                                   .prefix = store_etcd_member_config(line->members)->prefix};
    switch (request->ask) {
    case STORE_GET:
        return store_etcd_read_get(&read);
    case STORE_LIST:
        return store_etcd_read_list(&read);
    case STORE_CHANGES:
        return store_etcd_read_changes(&read);
    case STORE_READ:
        return store_etcd_read_entries(&read);
    case STORE_TRIM:
        return store_etcd_trim(line, request->after, deadline, answer);
    case STORE_COMMIT:
        break;
    }
    ASSERT(false);
    return ERR_INTERNAL;
}
