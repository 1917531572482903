/* SPDX-License-Identifier: Apache-2.0
 * Housekeeping in etcd. */
#include "edge/store_etcd_keep.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"
#include "edge/clock.h"
#include "edge/log.h"
#include "edge/store_etcd_text.h"

#define STORE_ETCD_KEEP_FORMAT "1"

enum {
    STORE_ETCD_KEEP_FORGET = 40,                /* deletions forgotten at once */
    STORE_ETCD_KEEP_MEMORY_MS = 10 * 60 * 1000, /* for how long deletions are kept when history is for ever */
    STORE_ETCD_KEEP_NUMBER = 17,
    STORE_ETCD_KEEP_PAUSE_MS = 100,
};

static enum err store_etcd_keep_claim(struct store_etcd_line *line, struct mono deadline)
{
    const struct store_etcd_name format =
        store_etcd_name_meta(store_etcd_member_config(line->members)->prefix, "format");
    struct store_etcd_text text;
    buf_reset(&line->body);
    store_etcd_text_begin(&text, &line->body, 1);
    store_etcd_text_compare(&text, &format, 0);
    store_etcd_text_then(&text);
    store_etcd_text_put(&text, &format, span_text(STORE_ETCD_KEEP_FORMAT));
    store_etcd_text_else(&text);
    store_etcd_text_ask(&text, &(struct store_etcd_text_range){.first = &format});
    store_etcd_text_end(&text);
    const enum err err = store_etcd_line_ask(line, STORE_ETCD_LINE_TXN, deadline);
    if (err != ERR_OK || line->answer.succeeded) {
        return err;
    }
    const struct store_etcd_part *part = line->answer.part_count == 1 ? &line->answer.parts[0] : NULL;
    return part != NULL && part->count == 1 && span_is(part->pairs[0].value, STORE_ETCD_KEEP_FORMAT) ? ERR_OK
                                                                                                     : ERR_UNSUPPORTED;
}

enum err store_etcd_keep_connect(struct store_etcd_line *line, uint32_t patience_ms)
{
    const size_t count = store_etcd_member_config(line->members)->endpoint_count;
    const struct mono deadline = time_add_ms(clock_mono(), patience_ms);
    enum err err = ERR_UNAVAILABLE;
    bool late = false;
    while (err != ERR_OK && !late) {
        for (size_t i = 0; err != ERR_OK && i < count; i++) {
            err = store_etcd_line_check(line, i);
        }
        late =
            err == ERR_AUTH || err == ERR_PERMISSION || err == ERR_CERTIFICATE || time_reached(clock_mono(), deadline);
        if (err != ERR_OK && !late) {
            const struct timespec pause = {.tv_nsec = (long)STORE_ETCD_KEEP_PAUSE_MS * 1000000};
            nanosleep(&pause, NULL);
        }
    }
    return err == ERR_OK ? store_etcd_keep_claim(line, time_add_ms(clock_mono(), patience_ms)) : err;
}

enum err store_etcd_keep_compact(struct store_etcd_line *line, uint64_t revision, struct mono deadline)
{
    buf_reset(&line->body);
    buf_printf(&line->body, "{\"revision\":\"%llu\"}", (unsigned long long)revision);
    const enum err err = store_etcd_line_ask(line, STORE_ETCD_LINE_COMPACTION, deadline);
    return err == ERR_STALE ? ERR_OK : err; /* another controller was faster */
}

/* The oldest deletions; how many of them are not newer than `revision`. */
static enum err store_etcd_keep_oldest(struct store_etcd_line *line, uint64_t revision, struct mono deadline,
                                       size_t *ret_count)
{
    const struct store_etcd_range range = store_etcd_name_gones(store_etcd_member_config(line->members)->prefix, "");
    buf_reset(&line->body);
    store_etcd_text_range(
        &line->body, &(struct store_etcd_text_range){
                         .first = &range.first, .end = &range.end, .changes = true, .limit = STORE_ETCD_KEEP_FORGET});
    const enum err err = store_etcd_line_ask(line, STORE_ETCD_LINE_RANGE, deadline);
    if (err != ERR_OK || line->answer.part_count != 1) {
        return err != ERR_OK ? err : ERR_PROTOCOL;
    }
    const struct store_etcd_part *part = &line->answer.parts[0];
    size_t count = 0;
    while (count < part->count && count < STORE_ETCD_KEEP_FORGET && part->pairs[count].revision <= revision) {
        count++;
    }
    *ret_count = count;
    return ERR_OK;
}

static struct store_etcd_name store_etcd_keep_name(const struct store_etcd_pair *pair)
{
    struct store_etcd_name name = {.size = pair->key.size};
    ASSERT(name.size <= sizeof name.data);
    memcpy(name.data, pair->key.data, name.size);
    return name;
}

/* Deletes them and raises the floor in one transaction: who asks for changes since before gets ERR_STALE. */
static enum err store_etcd_keep_drop(struct store_etcd_line *line, size_t count, struct mono deadline)
{
    const struct store_etcd_name floor = store_etcd_name_meta(store_etcd_member_config(line->members)->prefix, "floor");
    const struct store_etcd_pair *pairs = line->answer.parts[0].pairs;
    struct store_etcd_text text;
    buf_reset(&line->body);
    store_etcd_text_begin(&text, &line->body, count + 1);
    for (size_t i = 0; i < count; i++) {
        const struct store_etcd_name name = store_etcd_keep_name(&pairs[i]);
        store_etcd_text_compare(&text, &name, pairs[i].revision);
    }
    store_etcd_text_then(&text);
    char number[STORE_ETCD_KEEP_NUMBER];
    snprintf(number, sizeof number, "%016llx", (unsigned long long)pairs[count - 1].revision);
    store_etcd_text_put(&text, &floor, span_text(number));
    for (size_t i = 0; i < count; i++) {
        const struct store_etcd_name name = store_etcd_keep_name(&pairs[i]);
        store_etcd_text_delete(&text, &name);
    }
    store_etcd_text_else(&text);
    store_etcd_text_end(&text);
    return store_etcd_line_ask(line, STORE_ETCD_LINE_TXN, deadline);
}

enum err store_etcd_keep_forget(struct store_etcd_line *line, uint64_t revision, struct mono deadline)
{
    size_t count = STORE_ETCD_KEEP_FORGET;
    enum err err = ERR_OK;
    while (err == ERR_OK && count == STORE_ETCD_KEEP_FORGET && !time_reached(clock_mono(), deadline)) {
        err = store_etcd_keep_oldest(line, revision, deadline, &count);
        if (err == ERR_OK && count > 0) {
            err = store_etcd_keep_drop(line, count, deadline);
        }
    }
    return err;
}

static void store_etcd_keep_note(struct store_etcd_keep *keep, enum err err)
{
    if (err != ERR_OK && !keep->complained) {
        LOG_W("store: etcd's history cannot be compacted (%s; %s); without that its database grows until it is full",
              keep->line->why, err_text(err));
    }
    keep->complained = err != ERR_OK;
}

void store_etcd_keep_run(struct store_etcd_keep *keep, struct mono deadline)
{
    const uint32_t history_ms = store_etcd_member_config(keep->line->members)->history_ms;
    const uint32_t memory_ms = history_ms > 0 ? history_ms : STORE_ETCD_KEEP_MEMORY_MS;
    const struct mono now = clock_mono();
    if (keep->revision != 0 && time_since_ms(now, keep->at) < memory_ms) {
        return;
    }
    enum err err = ERR_OK;
    if (keep->revision != 0) {
        err = store_etcd_keep_forget(keep->line, keep->revision, deadline);
        if (err == ERR_OK && history_ms > 0) {
            err = store_etcd_keep_compact(keep->line, keep->revision, deadline);
        }
        store_etcd_keep_note(keep, err);
    }
    size_t count = 0;
    err = store_etcd_keep_oldest(keep->line, 0, deadline, &count);
    if (err == ERR_OK) {
        keep->revision = keep->line->answer.revision;
        keep->at = now;
    }
}
