/* SPDX-License-Identifier: Apache-2.0
 * Finds the word synchronous_commit in what a client sends. */
#include "proxy/proxy_ban.h"

#include <string.h>
#include <strings.h>

#include "base/assert.h"

/* Letters and the underscore differ from their capitals in one bit; what else that bit makes equal is told apart by the
 * comparison that follows a match. */
static uint8_t proxy_ban_fold(uint8_t c)
{
    return (uint8_t)(c | 0x20);
}

/* How far the window may move when its last byte is this one (Horspool): to the last place before the end that has it.
 */
static size_t proxy_ban_skip(uint8_t last)
{
    static const uint8_t skips[256] = {['s'] = 7, ['y'] = 16, ['n'] = 10, ['c'] = 5, ['h'] = 13,      ['r'] = 12,
                                       ['o'] = 4, ['u'] = 8,  ['m'] = 2,  ['i'] = 1, ['_' | 0x20] = 6};
    const uint8_t skip = skips[proxy_ban_fold(last)];
    return skip != 0 ? skip : PROXY_BAN_SIZE;
}

bool proxy_ban_in(struct span bytes, size_t *ret_end)
{
    for (size_t end = PROXY_BAN_SIZE; end <= bytes.size;) {
        const uint8_t *window = bytes.data + end - PROXY_BAN_SIZE;
        const uint8_t last = bytes.data[end - 1];
        if (proxy_ban_fold(last) == 't' && strncasecmp((const char *)window, PROXY_BAN_WORD, PROXY_BAN_SIZE) == 0) {
            *ret_end = end;
            return true;
        }
        end += proxy_ban_skip(last);
    }
    return false;
}

static void proxy_ban_remember(struct proxy_ban *ban, struct span bytes)
{
    const size_t keep = sizeof ban->tail;
    if (bytes.size >= keep) {
        memcpy(ban->tail, bytes.data + bytes.size - keep, keep);
        ban->tail_size = (uint8_t)keep;
        return;
    }
    const size_t both = ban->tail_size + bytes.size;
    const size_t drop = both > keep ? both - keep : 0;
    memmove(ban->tail, ban->tail + drop, ban->tail_size - drop);
    memcpy(ban->tail + ban->tail_size - drop, bytes.data, bytes.size);
    ban->tail_size = (uint8_t)(both - drop);
}

bool proxy_ban_find(struct proxy_ban *ban, struct span bytes, size_t *ret_end)
{
    uint8_t seam[2 * sizeof ban->tail];
    const size_t before = ban->tail_size;
    const size_t behind = bytes.size < sizeof ban->tail ? bytes.size : sizeof ban->tail;
    memcpy(seam, ban->tail, before);
    if (behind > 0) {
        memcpy(seam + before, bytes.data, behind);
    }
    size_t end = 0;
    bool found = before > 0 && proxy_ban_in(span_of(seam, before + behind), &end);
    if (found) {
        ASSERT(end > before);
        end -= before;
    } else {
        found = proxy_ban_in(bytes, &end);
    }
    proxy_ban_remember(ban, bytes);
    if (found) {
        *ret_end = end;
    }
    return found;
}
