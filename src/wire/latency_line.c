/* SPDX-License-Identifier: Apache-2.0
 * Files of measured times. */
#include "wire/latency_line.h"

#include <string.h>

enum { LATENCY_LINE_DIGITS = 18 };

/* Cuts the first word off: up to a space. Empty: there is none. */
static struct span latency_line_word(struct span *rest)
{
    while (rest->size > 0 && rest->data[0] == ' ') {
        *rest = span_of(rest->data + 1, rest->size - 1);
    }
    const uint8_t *space = rest->size > 0 ? memchr(rest->data, ' ', rest->size) : NULL;
    const size_t size = space != NULL ? (size_t)(space - rest->data) : rest->size;
    const struct span word = span_of(rest->data, size);
    *rest = span_of(rest->data + size, rest->size - size);
    return word;
}

static bool latency_line_number(struct span digits, uint64_t *ret_number)
{
    uint64_t number = 0;
    for (size_t i = 0; i < digits.size; i++) {
        if (digits.data[i] < '0' || digits.data[i] > '9') {
            return false;
        }
        number = number * 10 + (uint64_t)(digits.data[i] - '0');
    }
    *ret_number = number;
    return digits.size > 0 && digits.size <= LATENCY_LINE_DIGITS;
}

/* The part before `stop`, which is cut off with it. False: there is no `stop`. */
static bool latency_line_cut(struct span *rest, uint8_t stop, struct span *ret_part)
{
    const uint8_t *found = rest->size > 0 ? memchr(rest->data, stop, rest->size) : NULL;
    if (found == NULL) {
        return false;
    }
    const size_t size = (size_t)(found - rest->data);
    *ret_part = span_of(rest->data, size);
    *rest = span_of(found + 1, rest->size - size - 1);
    return true;
}

static bool latency_line_place(struct span word, struct latency_line *line)
{
    struct span name;
    struct span time;
    uint64_t rtt_us = 0;
    uint64_t seen_s = 0;
    if (!latency_line_cut(&word, '=', &name) || !latency_line_cut(&word, '@', &time) ||
        !latency_line_number(time, &rtt_us) || !latency_line_number(word, &seen_s)) {
        return false;
    }
    if (name.size == 0 || name.size >= LATENCY_LINE_NAME || memchr(name.data, 0, name.size) != NULL || rtt_us == 0 ||
        rtt_us > LATENCY_LINE_MOST_US || line->count == LATENCY_LINE_PLACES) {
        return false;
    }
    for (uint32_t i = 0; i < line->count; i++) {
        if (span_is(name, line->places[i].name)) {
            return false;
        }
    }
    struct latency_line_place *place = &line->places[line->count++];
    *place = (struct latency_line_place){.rtt_us = (uint32_t)rtt_us, .seen_s = (int64_t)seen_s};
    memcpy(place->name, name.data, name.size);
    return true;
}

static bool latency_line_parse(struct span text, struct latency_line *ret_line)
{
    ret_line->count = 0;
    if (!network_parse(latency_line_word(&text), &ret_line->network)) {
        return false;
    }
    for (struct span word = latency_line_word(&text); word.size > 0; word = latency_line_word(&text)) {
        if (!latency_line_place(word, ret_line)) {
            return false;
        }
    }
    return ret_line->count > 0;
}

enum latency_line_item latency_line_next(struct cursor *text, uint32_t *line, struct latency_line *ret_line)
{
    while (cursor_left(text) > 0) {
        const struct span whole = cursor_until(text, '\n');
        ++*line;
        if (!cursor_ok(text)) {
            return LATENCY_LINE_BROKEN; /* no end: it was cut */
        }
        if (whole.size > 0 && whole.data[0] != '#') {
            return latency_line_parse(whole, ret_line) ? LATENCY_LINE_ROW : LATENCY_LINE_BROKEN;
        }
    }
    return LATENCY_LINE_END;
}

void latency_line_print(const struct latency_line *line, struct buf *buf)
{
    char network[NETWORK_TEXT];
    network_print(&line->network, network);
    buf_text(buf, network);
    for (uint32_t i = 0; i < line->count; i++) {
        const struct latency_line_place *place = &line->places[i];
        buf_printf(buf, " %s=%u@%lld", place->name, place->rtt_us, (long long)place->seen_s);
    }
    buf_text(buf, "\n");
}
