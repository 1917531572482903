/* SPDX-License-Identifier: Apache-2.0
 * Where two histories of one cluster part. */
#include "reconcile/salvage_fork.h"

#include <string.h>

#include "base/assert.h"
#include "base/cursor.h"

static bool salvage_fork_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r';
}

/* "1\t0/3000148\tno recovery target specified". */
static bool salvage_fork_line(struct span line, struct salvage_fork_part *ret_part)
{
    struct cursor cursor;
    uint64_t timeline = 0;
    char text[LSN_TEXT];
    size_t size = 0;
    cursor_init(&cursor, line.data, line.size);
    uint8_t byte = cursor_u8(&cursor);
    if (byte < '0' || byte > '9') {
        return false;
    }
    for (; byte >= '0' && byte <= '9' && timeline <= UINT32_MAX; byte = cursor_u8(&cursor)) {
        timeline = timeline * 10 + (uint64_t)(byte - '0');
    }
    while (salvage_fork_blank(byte)) {
        byte = cursor_u8(&cursor);
    }
    for (; cursor_ok(&cursor) && !salvage_fork_blank(byte) && size < sizeof text - 1; byte = cursor_u8(&cursor)) {
        text[size++] = (char)byte;
    }
    text[size] = '\0';
    if (timeline == 0 || timeline > UINT32_MAX || !lsn_parse(text, &ret_part->end)) {
        return false;
    }
    ret_part->timeline = (uint32_t)timeline;
    return true;
}

enum err salvage_fork_read(struct span text, uint32_t timeline, struct salvage_fork_history *ret_history)
{
    struct cursor cursor;
    uint32_t count = 0;
    cursor_init(&cursor, text.data, text.size);
    while (cursor_left(&cursor) > 0) {
        const uint8_t *at = cursor.data + cursor.at;
        const uint8_t *end = memchr(at, '\n', cursor_left(&cursor));
        const struct span line = cursor_span(&cursor, end != NULL ? (size_t)(end - at) + 1 : cursor_left(&cursor));
        if (line.size == 0 || line.data == NULL || line.data[0] == '#' || line.data[0] == '\n') {
            continue;
        }
        struct salvage_fork_part part;
        if (count == SALVAGE_FORK_TIMELINES - 1 || !salvage_fork_line(line, &part) ||
            (count > 0 && part.timeline <= ret_history->parts[count - 1].timeline)) {
            return ERR_INVALID;
        }
        ret_history->parts[count++] = part;
    }
    if (timeline == 0 || (count > 0 && timeline <= ret_history->parts[count - 1].timeline)) {
        return ERR_INVALID;
    }
    ret_history->parts[count++] = (struct salvage_fork_part){.timeline = timeline, .end = {.position = UINT64_MAX}};
    ret_history->count = count;
    return ERR_OK;
}

enum err salvage_fork_find(const struct salvage_fork_history *own, const struct salvage_fork_history *writer,
                           bool stranger, struct lsn *ret_fork, uint32_t *ret_timeline)
{
    ASSERT(own->count > 0 && writer->count > 0);
    uint32_t common = 0;
    while (common < own->count && common < writer->count &&
           own->parts[common].timeline == writer->parts[common].timeline &&
           own->parts[common].end.position == writer->parts[common].end.position) {
        common++;
    }
    /* The same to the end: one history, unless two nodes gave their timelines the same number. */
    if (stranger && common == own->count && common == writer->count) {
        common--;
    }
    const bool same = common < own->count && common < writer->count &&
                      own->parts[common].timeline == writer->parts[common].timeline && !stranger;
    if (same) { /* both were on it; who left it first decides */
        const struct lsn left = own->parts[common].end;
        const struct lsn right = writer->parts[common].end;
        *ret_fork = left.position < right.position ? left : right;
        *ret_timeline =
            common + 1 < writer->count ? writer->parts[common + 1].timeline : writer->parts[common].timeline;
        return ERR_OK;
    }
    if (common == 0) {
        return ERR_NOT_FOUND;
    }
    *ret_fork = own->parts[common - 1].end;
    *ret_timeline = writer->parts[common < writer->count ? common : writer->count - 1].timeline;
    return ERR_OK;
}
