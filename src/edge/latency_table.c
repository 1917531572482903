/* SPDX-License-Identifier: Apache-2.0
 * How far client networks are from the places that measured them. */
#include "edge/latency_table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/text.h"

static const char latency_table_head[] =
    "# NETWORK PLACE=MICROSECONDS@SECONDS, measured by Holdfast; made anew, not to be edited\n";

_Static_assert((int)LATENCY_TABLE_PLACES <= (int)LATENCY_LINE_PLACES, "a row fits a line");
_Static_assert((int)LATENCY_LINE_NAME == (int)LIMITS_NAME, "places are named like everything else");

struct latency_table *latency_table_new(void)
{
    return calloc(1, sizeof(struct latency_table));
}

uint32_t latency_table_place(struct latency_table *table, const char *name)
{
    for (uint32_t i = 0; i < table->places_count; i++) {
        if (strcmp(table->places[i], name) == 0) {
            return i;
        }
    }
    if (table->places_count == LATENCY_TABLE_PLACES) {
        return LIMITS_NONE;
    }
    text_copy(table->places[table->places_count], LIMITS_NAME, name);
    return table->places_count++;
}

/* ---- rows ---- */

/* Where the network is, or would be. */
static uint32_t latency_table_at(const struct latency_table *table, const struct network *network)
{
    uint32_t low = 0;
    uint32_t high = table->rows_count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (network_compare(&table->rows[middle].network, network) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

const struct latency_table_row *latency_table_find(const struct latency_table *table, const struct network *network)
{
    const uint32_t at = latency_table_at(table, network);
    const bool there = at < table->rows_count && network_compare(&table->rows[at].network, network) == 0;
    return there ? &table->rows[at] : NULL;
}

static int64_t latency_table_seen(const struct latency_table_row *row)
{
    int64_t seen_s = INT64_MIN;
    for (uint32_t i = 0; i < LATENCY_TABLE_PLACES; i++) {
        const struct latency_table_cell *cell = &row->cells[i];
        seen_s = cell->rtt_us != 0 && cell->seen_s > seen_s ? cell->seen_s : seen_s;
    }
    return seen_s;
}

static void latency_table_remove(struct latency_table *table, uint32_t at)
{
    ASSERT(at < table->rows_count);
    table->rows_count--;
    memmove(&table->rows[at], &table->rows[at + 1], (table->rows_count - at) * sizeof table->rows[0]);
}

/* Removes the network that nobody has measured for longest. */
static void latency_table_evict(struct latency_table *table)
{
    uint32_t oldest = 0;
    for (uint32_t i = 1; i < table->rows_count; i++) {
        if (latency_table_seen(&table->rows[i]) < latency_table_seen(&table->rows[oldest])) {
            oldest = i;
        }
    }
    latency_table_remove(table, oldest);
}

static struct latency_table_cell *latency_table_cell(struct latency_table *table, const struct network *network,
                                                     uint32_t place)
{
    ASSERT(place < table->places_count);
    uint32_t at = latency_table_at(table, network);
    if (at == table->rows_count || network_compare(&table->rows[at].network, network) != 0) {
        if (table->rows_count == LATENCY_TABLE_NETWORKS) {
            latency_table_evict(table);
            at = latency_table_at(table, network);
        }
        memmove(&table->rows[at + 1], &table->rows[at], (table->rows_count - at) * sizeof table->rows[0]);
        table->rows[at] = (struct latency_table_row){.network = *network};
        table->rows_count++;
    }
    return &table->rows[at].cells[place];
}

void latency_table_put(struct latency_table *table, const struct network *network, uint32_t place,
                       const struct latency_table_cell *cell)
{
    ASSERT(cell->rtt_us != 0);
    struct latency_table_cell *to = latency_table_cell(table, network, place);
    if (to->rtt_us == 0 || cell->seen_s >= to->seen_s) {
        *to = *cell;
    }
}

void latency_table_join(struct latency_table_cell *to, const struct latency_table_cell *cell)
{
    ASSERT(cell->rtt_us != 0);
    const int64_t apart_s = cell->seen_s - to->seen_s;
    if (to->rtt_us == 0 || apart_s > LATENCY_TABLE_TOGETHER_S) {
        *to = *cell;
    } else if (apart_s >= -LATENCY_TABLE_TOGETHER_S) {
        to->rtt_us = cell->rtt_us < to->rtt_us ? cell->rtt_us : to->rtt_us;
        to->seen_s = apart_s > 0 ? cell->seen_s : to->seen_s;
    }
}

void latency_table_nearer(struct latency_table *table, const struct network *network, uint32_t place,
                          const struct latency_table_cell *cell)
{
    latency_table_join(latency_table_cell(table, network, place), cell);
}

static bool latency_table_off(uint32_t before_us, uint32_t now_us)
{
    const uint64_t off_us = before_us < now_us ? now_us - before_us : before_us - now_us;
    return off_us > LATENCY_TABLE_BAND_US && off_us * 100 > (uint64_t)before_us * LATENCY_TABLE_BAND_PERCENT;
}

bool latency_table_keep(struct latency_table *table, const struct network *network, uint32_t place,
                        const struct latency_table_cell *cell)
{
    ASSERT(cell->rtt_us != 0);
    struct latency_table_cell *to = latency_table_cell(table, network, place);
    if (to->rtt_us != 0 && cell->seen_s < to->seen_s) {
        return false;
    }
    const bool taken = to->rtt_us == 0 || latency_table_off(to->rtt_us, cell->rtt_us);
    to->rtt_us = taken ? cell->rtt_us : to->rtt_us;
    to->seen_s = cell->seen_s;
    return taken;
}

bool latency_table_age(struct latency_table *table, int64_t now_s, int64_t most_s)
{
    bool gone = false;
    for (uint32_t i = table->rows_count; i-- > 0;) {
        for (uint32_t place = 0; place < LATENCY_TABLE_PLACES; place++) {
            struct latency_table_cell *cell = &table->rows[i].cells[place];
            cell->seen_s = cell->seen_s > now_s ? now_s : cell->seen_s;
            if (cell->rtt_us != 0 && now_s - cell->seen_s > most_s) {
                *cell = (struct latency_table_cell){0};
                gone = true;
            }
        }
        if (latency_table_seen(&table->rows[i]) == INT64_MIN) {
            latency_table_remove(table, i);
        }
    }
    return gone;
}

/* ---- the file ---- */

enum err latency_table_parse(struct latency_table *table, struct span text)
{
    struct cursor cursor;
    struct latency_line line;
    uint32_t number = 0;
    enum latency_line_item item;
    cursor_init(&cursor, text.data, text.size);
    while ((item = latency_line_next(&cursor, &number, &line)) == LATENCY_LINE_ROW) {
        for (uint32_t i = 0; i < line.count; i++) {
            const struct latency_table_cell cell = {line.places[i].rtt_us, line.places[i].seen_s};
            const uint32_t place = latency_table_place(table, line.places[i].name);
            if (place == LIMITS_NONE) {
                return ERR_TOO_LARGE;
            }
            latency_table_put(table, &line.network, place, &cell);
        }
    }
    return item == LATENCY_LINE_END ? ERR_OK : ERR_INVALID;
}

static enum err latency_table_read(int fd, char *memory, size_t *ret_size)
{
    size_t size = 0;
    for (;;) {
        const ssize_t got = read(fd, memory + size, LATENCY_TABLE_FILE_BYTES - size);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            *ret_size = size;
            return got < 0 ? err_from_errno(errno) : ERR_OK;
        }
        size += (size_t)got;
        if (size == LATENCY_TABLE_FILE_BYTES) {
            return ERR_TOO_LARGE;
        }
    }
}

enum err latency_table_load(struct latency_table *table, const char *path)
{
    size_t size = 0;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return err_from_errno(errno);
    }
    char *memory = malloc(LATENCY_TABLE_FILE_BYTES);
    enum err err = memory != NULL ? latency_table_read(fd, memory, &size) : ERR_NO_MEMORY;
    if (err == ERR_OK) {
        err = latency_table_parse(table, span_of(memory, size));
    }
    free(memory);
    close(fd);
    return err;
}

static void latency_table_print(const struct latency_table *table, struct buf *buf)
{
    buf_text(buf, latency_table_head);
    for (uint32_t i = 0; i < table->rows_count; i++) {
        const struct latency_table_row *row = &table->rows[i];
        struct latency_line line = {.network = row->network};
        for (uint32_t place = 0; place < table->places_count; place++) {
            if (row->cells[place].rtt_us != 0) {
                struct latency_line_place *to = &line.places[line.count++];
                *to =
                    (struct latency_line_place){.rtt_us = row->cells[place].rtt_us, .seen_s = row->cells[place].seen_s};
                text_copy(to->name, sizeof to->name, table->places[place]);
            }
        }
        if (line.count > 0) {
            latency_line_print(&line, buf);
        }
    }
}

static enum err latency_table_write(const char *path, const struct buf *buf)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) {
        return err_from_errno(errno);
    }
    size_t done = 0;
    enum err err = ERR_OK;
    while (done < buf->size && err == ERR_OK) {
        const ssize_t wrote = write(fd, buf->data + done, buf->size - done);
        err = wrote < 0 && errno != EINTR ? err_from_errno(errno) : ERR_OK;
        done += wrote > 0 ? (size_t)wrote : 0;
    }
    close(fd);
    return err;
}

enum err latency_table_save(const struct latency_table *table, const char *path)
{
    char beside[4200];
    if (snprintf(beside, sizeof beside, "%s.new", path) >= (int)sizeof beside) {
        return ERR_INVALID;
    }
    uint8_t *memory = malloc(LATENCY_TABLE_FILE_BYTES);
    if (memory == NULL) {
        return ERR_NO_MEMORY;
    }
    struct buf buf;
    buf_init(&buf, memory, LATENCY_TABLE_FILE_BYTES);
    latency_table_print(table, &buf);
    ASSERT(!buf.overflow);
    enum err err = latency_table_write(beside, &buf);
    if (err == ERR_OK && rename(beside, path) != 0) {
        err = err_from_errno(errno);
    }
    if (err != ERR_OK) {
        unlink(beside);
    }
    free(memory);
    return err;
}
