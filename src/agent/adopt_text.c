/* SPDX-License-Identifier: Apache-2.0
 * What adoption reads: versions, the unit that a process belongs to, an operator's postgresql.conf. */
#include "agent/adopt_text.h"

#include <stdio.h>
#include <string.h>

#include "agent/pgconf.h"
#include "base/cursor.h"

enum {
    ADOPT_TEXT_MAJOR = 1000, /* no version is so high */
    ADOPT_TEXT_NAMES = 64,
};

bool adopt_text_major(struct span text, uint32_t *ret_major)
{
    uint32_t major = 0;
    size_t at = 0;
    while (at < text.size && (text.data[at] < '0' || text.data[at] > '9')) {
        at++;
    }
    const size_t first = at;
    for (; at < text.size && text.data[at] >= '0' && text.data[at] <= '9' && major < ADOPT_TEXT_MAJOR; at++) {
        major = major * 10 + (uint32_t)(text.data[at] - '0');
    }
    *ret_major = major;
    return at > first && major < ADOPT_TEXT_MAJOR;
}

/* The next line without its end; false: there is none. */
static bool adopt_text_line(struct cursor *cursor, struct span *ret_line)
{
    if (cursor_left(cursor) == 0) {
        return false;
    }
    const uint8_t *at = cursor->data + cursor->at;
    const uint8_t *end = memchr(at, '\n', cursor_left(cursor));
    const size_t size = end != NULL ? (size_t)(end - at) : cursor_left(cursor);
    *ret_line = cursor_span(cursor, size);
    if (end != NULL) {
        (void)cursor_span(cursor, 1);
    }
    return true;
}

bool adopt_text_unit(struct span cgroup, char *unit, size_t size)
{
    static const char begin[] = "postgresql";
    static const char ending[] = ".service";
    struct cursor cursor;
    struct span line;
    cursor_init(&cursor, cgroup.data, cgroup.size);
    while (adopt_text_line(&cursor, &line)) {
        const uint8_t *slash = line.size > 0 ? memrchr(line.data, '/', line.size) : NULL;
        if (slash == NULL) {
            continue;
        }
        const size_t length = line.size - (size_t)(slash + 1 - line.data);
        const char *name = (const char *)slash + 1;
        if (length >= sizeof begin + sizeof ending - 2 && length < size && memcmp(name, begin, sizeof begin - 1) == 0 &&
            memcmp(name + length - (sizeof ending - 1), ending, sizeof ending - 1) == 0 &&
            memchr(name, '\0', length) == NULL) {
            memcpy(unit, name, length);
            unit[length] = '\0';
            return true;
        }
    }
    return false;
}

void adopt_text_overridden(struct span conf, struct buf *names)
{
    char seen[ADOPT_TEXT_NAMES][PGCONF_KEY];
    size_t count = 0;
    struct cursor cursor;
    struct span line;
    cursor_init(&cursor, conf.data, conf.size);
    while (adopt_text_line(&cursor, &line)) {
        char key[PGCONF_KEY];
        bool known = !pgconf_line_ours(line, key);
        for (size_t i = 0; i < count && !known; i++) {
            known = strcmp(seen[i], key) == 0;
        }
        if (!known && count < ADOPT_TEXT_NAMES) {
            snprintf(seen[count++], PGCONF_KEY, "%s", key);
            buf_printf(names, "%s%s", count > 1 ? ", " : "", key);
        }
    }
}

const char *adopt_text_manager(struct span conf)
{
    static const struct {
        const char *mark;
        const char *manager;
    } marks[] = {
        {"overwritten by Patroni", "patroni"},
        {"postgresql-auto-failover.conf", "pg_auto_failover"},
        {"repmgr", "repmgr"},
        {"stolon", "stolon"},
    };
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        if (conf.size > 0 && memmem(conf.data, conf.size, marks[i].mark, strlen(marks[i].mark)) != NULL) {
            return marks[i].manager;
        }
    }
    return NULL;
}
