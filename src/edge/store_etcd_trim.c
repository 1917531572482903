/* SPDX-License-Identifier: Apache-2.0
 * The oldest entries of the journal in etcd cease. */
#include "edge/store_etcd_trim.h"

#include <string.h>

#include "edge/log.h"
#include "edge/store_etcd_block.h"
#include "edge/store_etcd_member.h"
#include "edge/store_etcd_name.h"
#include "edge/store_etcd_text.h"

enum {
    STORE_ETCD_TRIM_BLOCKS = 16,
    STORE_ETCD_TRIM_KEYS = 1 + 2 * STORE_WRITES, /* of a block: itself, and at most two indices for each entry */
};

/* The oldest blocks into the line's answer. */
static enum err store_etcd_trim_ask(struct store_etcd_line *line, const char *prefix, struct mono deadline)
{
    const struct store_etcd_range range = store_etcd_name_blocks(prefix, 0);
    struct store_etcd_text_range ask = {.first = &range.first, .end = &range.end, .limit = STORE_ETCD_TRIM_BLOCKS};
    enum err err = ERR_TOO_LARGE;
    for (size_t limit = STORE_ETCD_TRIM_BLOCKS; err == ERR_TOO_LARGE && limit > 0; limit /= 4) {
        ask.limit = limit;
        buf_reset(&line->body);
        store_etcd_text_range(&line->body, &ask);
        err = store_etcd_line_ask(line, STORE_ETCD_LINE_RANGE, deadline);
    }
    return err == ERR_OK && line->answer.part_count != 1 ? ERR_PROTOCOL : err;
}

static bool store_etcd_trim_first(const struct store_entry *entries, size_t index, bool run)
{
    const char *name = run ? entries[index].run : entries[index].kind;
    for (size_t i = 0; i < index; i++) {
        if (strcmp(run ? entries[i].run : entries[i].kind, name) == 0) {
            return false;
        }
    }
    return true;
}

/* A block and what leads to it, as store_etcd_commit.c has put them. */
static enum err store_etcd_trim_block(struct store_etcd_line *line, const char *prefix,
                                      const struct store_etcd_pair *pair, struct store_etcd_text *text)
{
    const uint64_t last = store_etcd_name_number(pair->key);
    const struct store_entry *entries = NULL;
    size_t count = 0;
    const enum err err = store_etcd_block_get(pair->value, last, &line->memory, &entries, &count);
    if (err != ERR_OK) {
        LOG_E("store: entry %llu of the journal in etcd cannot be read: %s", (unsigned long long)last, err_text(err));
        return err;
    }
    const struct store_etcd_name block = store_etcd_name_journal(prefix, last);
    store_etcd_text_delete(text, &block);
    for (size_t i = 0; i < count; i++) {
        if (store_etcd_trim_first(entries, i, false)) {
            const struct store_etcd_name kind =
                store_etcd_name_index(prefix, STORE_ETCD_INDEX_KIND, entries[i].kind, last);
            store_etcd_text_delete(text, &kind);
        }
        if (entries[i].run[0] != '\0' && store_etcd_trim_first(entries, i, true)) {
            const struct store_etcd_name run =
                store_etcd_name_index(prefix, STORE_ETCD_INDEX_RUN, entries[i].run, last);
            store_etcd_text_delete(text, &run);
        }
    }
    return ERR_OK;
}

enum err store_etcd_trim(struct store_etcd_line *line, uint64_t upto, struct mono deadline, struct store_answer *answer)
{
    const char *prefix = store_etcd_member_config(line->members)->prefix;
    enum err err = store_etcd_trim_ask(line, prefix, deadline);
    if (err != ERR_OK) {
        return err;
    }
    const struct store_etcd_part part = line->answer.parts[0];
    struct store_etcd_text text;
    size_t gone = 0;
    buf_reset(&line->body);
    store_etcd_text_begin(&text, &line->body, part.count * STORE_ETCD_TRIM_KEYS);
    store_etcd_text_then(&text);
    /* Where there is no further block, this is the newest. */
    const size_t most = part.more || part.count == 0 ? part.count : part.count - 1;
    while (err == ERR_OK && gone < most && store_etcd_name_number(part.pairs[gone].key) <= upto) {
        err = store_etcd_trim_block(line, prefix, &part.pairs[gone++], &text);
    }
    store_etcd_text_else(&text);
    store_etcd_text_end(&text);
    answer->more = part.more && gone == part.count;
    return err != ERR_OK || gone == 0 ? err : store_etcd_line_ask(line, STORE_ETCD_LINE_TXN, deadline);
}
