/* SPDX-License-Identifier: Apache-2.0
 * What etcd says (answers, watch messages), what lies in it (blocks of the journal, names, base64): any bytes. */
#include <string.h>

#include "base/assert.h"
#include "edge/store_etcd_answer.h"
#include "edge/store_etcd_block.h"
#include "edge/store_etcd_code.h"
#include "edge/store_etcd_name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_pairs(const struct store_etcd_pair *pairs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool gone = false;
        ASSERT(pairs[i].key.data[pairs[i].key.size] == 0 && pairs[i].value.data[pairs[i].value.size] == 0);
        ASSERT(pairs[i].revision <= INT64_MAX);
        const struct span key = store_etcd_name_key("p/", pairs[i].key, &gone);
        ASSERT(key.data == NULL || key.size <= pairs[i].key.size);
        (void)store_etcd_name_number(pairs[i].key);
    }
}

/* What can be read can be written, and is the same. */
static void fuzz_block(struct span block, struct arena *arena)
{
    const struct store_entry *entries = NULL;
    size_t count = 0;
    if (store_etcd_block_get(block, 1000, arena, &entries, &count) != ERR_OK) {
        return;
    }
    struct store_write writes[STORE_WRITES];
    ASSERT(count > 0 && count <= STORE_WRITES && entries[count - 1].number == 1000);
    size_t room = 64;
    for (size_t i = 0; i < count; i++) {
        writes[i] = (struct store_write){.verb = STORE_APPEND,
                                         .kind = entries[i].kind,
                                         .run = entries[i].run,
                                         .wall = entries[i].wall,
                                         .value = span_text(entries[i].text)};
        room += 64 + strlen(entries[i].kind) + strlen(entries[i].run) + writes[i].value.size;
    }
    struct buf buf;
    void *memory = arena_alloc(arena, room);
    if (memory == NULL) {
        return;
    }
    buf_init(&buf, memory, room);
    store_etcd_block_put(&buf, writes, count);
    ASSERT(!buf.overflow);
    size_t again = 0;
    const enum err err = store_etcd_block_get(span_of(buf.data, buf.size), 1000, arena, &entries, &again);
    ASSERT(err == ERR_NO_MEMORY || (err == ERR_OK && again == count));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    arena_init(&arena, 4 * 1024 * 1024);
    struct store_etcd_answer answer;
    if (store_etcd_answer_read(span_of(data, size), &arena, &answer) == ERR_OK) {
        ASSERT(answer.message != NULL && answer.revision <= INT64_MAX);
        for (size_t i = 0; i < answer.part_count; i++) {
            fuzz_pairs(answer.parts[i].pairs, answer.parts[i].count);
        }
    }
    struct store_etcd_news news;
    if (store_etcd_answer_read_news(span_of(data, size), &arena, &news) == ERR_OK) {
        fuzz_pairs(news.events, news.event_count);
    }
    fuzz_block(span_of(data, size), &arena);
    struct span bytes;
    if (store_etcd_code_get(span_of(data, size), &arena, &bytes) == ERR_OK) {
        ASSERT(bytes.size <= size / 4 * 3);
    }
    arena_fini(&arena);
    return 0;
}
