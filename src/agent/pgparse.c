/* SPDX-License-Identifier: Apache-2.0
 * What PostgreSQL writes for people and we read. */
#include "agent/pgparse.h"

#include <string.h>

#include "base/cursor.h"

enum {
    PGPARSE_LINE = 256,
    PGPARSE_CHECKPOINT_BYTES = 114,
    PGPARSE_PAGE_BYTES = 8192,
    PGPARSE_PAGE_HEADER = 24,
    PGPARSE_SEGMENT_HEADER = 40,
};

/* The next line without its end, as text; false at the end. Lines that do not fit are cut. */
static bool pgparse_line(struct cursor *cursor, char line[PGPARSE_LINE])
{
    const size_t left = cursor_left(cursor);
    if (left == 0) {
        return false;
    }
    const uint8_t *at = cursor->data + cursor->at;
    const uint8_t *end = memchr(at, '\n', left);
    const size_t size = end != NULL ? (size_t)(end - at) : left;
    const struct span span = cursor_span(cursor, end != NULL ? size + 1 : size);
    const size_t kept = size < PGPARSE_LINE - 1 ? size : PGPARSE_LINE - 1;
    memcpy(line, span.data, kept);
    line[kept] = '\0';
    return true;
}

/* Decimal digits up to the end of the text or a blank. */
static bool pgparse_number(const char *text, uint64_t limit, uint64_t *ret_number)
{
    uint64_t number = 0;
    size_t digits = 0;
    for (; text[digits] >= '0' && text[digits] <= '9'; digits++) {
        uint64_t ten;
        if (__builtin_mul_overflow(number, UINT64_C(10), &ten) ||
            __builtin_add_overflow(ten, (uint64_t)(text[digits] - '0'), &number) || number > limit) {
            return false;
        }
    }
    const char after = text[digits];
    if (digits == 0 || (after != '\0' && after != ' ' && after != '\t' && after != '\r')) {
        return false;
    }
    *ret_number = number;
    return true;
}

/* The value behind "Name:" and blanks, or NULL. */
static const char *pgparse_value(const char *line, const char *name)
{
    const size_t size = strlen(name);
    if (strncmp(line, name, size) != 0 || line[size] != ':') {
        return NULL;
    }
    const char *value = line + size + 1;
    return value + strspn(value, " \t");
}

static enum pgparse_state pgparse_control_state(const char *value)
{
    static const struct {
        const char *text;
        enum pgparse_state state;
    } states[] = {
        {"shut down", PGPARSE_SHUT_DOWN},
        {"shut down in recovery", PGPARSE_SHUT_DOWN_IN_RECOVERY},
        {"in archive recovery", PGPARSE_IN_RECOVERY},
        {"in production", PGPARSE_IN_PRODUCTION},
    };
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        if (strcmp(value, states[i].text) == 0) {
            return states[i].state;
        }
    }
    return PGPARSE_STATE_OTHER;
}

static bool pgparse_control_line(const char *line, struct pgparse_control *control)
{
    const char *value;
    uint64_t number = 0;
    bool good = true;
    if ((value = pgparse_value(line, "Database system identifier")) != NULL) {
        good = pgparse_number(value, UINT64_MAX, &control->system_id);
    } else if ((value = pgparse_value(line, "Database cluster state")) != NULL) {
        control->state = pgparse_control_state(value);
    } else if ((value = pgparse_value(line, "Latest checkpoint location")) != NULL) {
        good = lsn_parse(value, &control->checkpoint);
    } else if ((value = pgparse_value(line, "Latest checkpoint's TimeLineID")) != NULL) {
        good = pgparse_number(value, UINT32_MAX, &number);
        control->timeline = (uint32_t)number;
    } else if ((value = pgparse_value(line, "Minimum recovery ending location")) != NULL) {
        good = lsn_parse(value, &control->minimum);
    } else if ((value = pgparse_value(line, "Min recovery ending loc's timeline")) != NULL) {
        good = pgparse_number(value, UINT32_MAX, &number);
        control->minimum_timeline = (uint32_t)number;
    } else if ((value = pgparse_value(line, "Bytes per WAL segment")) != NULL) {
        good = pgparse_number(value, UINT32_MAX, &number);
        control->segment_bytes = (uint32_t)number;
    } else if ((value = pgparse_value(line, "Data page checksum version")) != NULL) {
        good = pgparse_number(value, UINT32_MAX, &number);
        control->checksums = number > 0;
    }
    return good;
}

enum err pgparse_control(struct span text, struct pgparse_control *ret_control)
{
    struct pgparse_control control = {0};
    struct cursor cursor;
    cursor_init(&cursor, text.data, text.size);
    char line[PGPARSE_LINE];
    while (pgparse_line(&cursor, line)) {
        if (!pgparse_control_line(line, &control)) {
            return ERR_INVALID;
        }
    }
    if (control.system_id == 0 || control.checkpoint.position == 0 || control.timeline == 0 ||
        control.segment_bytes == 0) {
        return ERR_INVALID;
    }
    *ret_control = control;
    return ERR_OK;
}

struct lsn pgparse_checkpoint_end(struct lsn start, uint64_t segment_bytes)
{
    const uint64_t left = PGPARSE_PAGE_BYTES - start.position % PGPARSE_PAGE_BYTES;
    uint64_t end = start.position + PGPARSE_CHECKPOINT_BYTES;
    if (left < PGPARSE_CHECKPOINT_BYTES) {
        const uint64_t page = start.position + left;
        end += segment_bytes > 0 && page % segment_bytes == 0 ? PGPARSE_SEGMENT_HEADER : PGPARSE_PAGE_HEADER;
    }
    return (struct lsn){(end + 7) & ~UINT64_C(7)};
}

enum err pgparse_pid(struct span text, struct pgparse_pid *ret_pid)
{
    struct cursor cursor;
    cursor_init(&cursor, text.data, text.size);
    char line[PGPARSE_LINE];
    uint64_t pid = 0;
    uint64_t port = 0;
    /* 1: pid, 2: data directory, 3: start time, 4: port. A negative pid is a single-user process. */
    for (int number = 1; number <= 4 && pgparse_line(&cursor, line); number++) {
        if (number == 1 && !pgparse_number(line, INT32_MAX, &pid)) {
            return ERR_INVALID;
        }
        if (number == 4 && !pgparse_number(line, UINT16_MAX, &port)) {
            return ERR_INVALID;
        }
    }
    if (pid <= 1) {
        return ERR_INVALID;
    }
    *ret_pid = (struct pgparse_pid){.pid = (pid_t)pid, .port = (uint16_t)port};
    return ERR_OK;
}

/* "1<tab>0/3000148<tab>no recovery target specified". */
static bool pgparse_history_line(char *line, struct pgparse_switch *ret_switch)
{
    char *rest = line;
    const char *number_text = strsep(&rest, " \t");
    const char *lsn_text = rest != NULL ? strsep(&rest, " \t") : NULL;
    uint64_t number;
    struct lsn end;
    if (lsn_text == NULL || !pgparse_number(number_text, UINT32_MAX, &number) || number == 0 ||
        !lsn_parse(lsn_text, &end)) {
        return false;
    }
    *ret_switch = (struct pgparse_switch){.timeline = (uint32_t)number, .end = end};
    return true;
}

enum err pgparse_history(struct span text, struct pgparse_history *ret_history)
{
    struct cursor cursor;
    cursor_init(&cursor, text.data, text.size);
    char line[PGPARSE_LINE];
    ret_history->count = 0;
    while (pgparse_line(&cursor, line)) {
        char *start = line + strspn(line, " \t\r");
        if (*start == '\0' || *start == '#') {
            continue;
        }
        if (ret_history->count == PGPARSE_HISTORY) {
            return ERR_TOO_LARGE;
        }
        struct pgparse_switch next = {0};
        const uint32_t count = ret_history->count;
        if (!pgparse_history_line(start, &next) ||
            (count > 0 && next.timeline <= ret_history->switches[count - 1].timeline)) {
            return ERR_INVALID;
        }
        ret_history->switches[ret_history->count++] = next;
    }
    return ERR_OK;
}

bool pgparse_history_holds(const struct pgparse_history *history, uint32_t writer_timeline, struct lsn writer_position,
                           uint32_t timeline, struct lsn position)
{
    if (timeline == writer_timeline) {
        return position.position <= writer_position.position;
    }
    for (uint32_t i = 0; i < history->count; i++) {
        if (history->switches[i].timeline == timeline) {
            return position.position <= history->switches[i].end.position;
        }
    }
    return false;
}

bool pgparse_history_within(const struct pgparse_history *own, const struct pgparse_history *other)
{
    for (uint32_t i = 0; i < own->count; i++) {
        bool found = false;
        for (uint32_t k = 0; k < other->count; k++) {
            found |= own->switches[i].timeline == other->switches[k].timeline &&
                     own->switches[i].end.position == other->switches[k].end.position;
        }
        if (!found) {
            return false;
        }
    }
    return true;
}
