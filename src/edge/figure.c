/* SPDX-License-Identifier: Apache-2.0
 * What data planes count: the table, and the sheets. */
#include "edge/figure.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/hash.h"
#include "base/text.h"
#include "edge/mapped_file.h"
#include "edge/publish_memory.h"

#define FIGURE_MAGIC 0x31475546444c4f48U /* "HOLDFUG1" in little-endian memory */

enum { FIGURE_LABEL_WORDS = FIGURE_LABEL / 8 };

struct figure_place {
    _Atomic uint32_t figure;
    _Atomic uint64_t label[FIGURE_LABEL_WORDS]; /* fixed once the row is counted */
    _Atomic uint64_t value;
};

struct figure_page {
    uint64_t magic;
    uint64_t table;         /* hash of the names: another release's figures are others */
    _Atomic uint64_t owner; /* publish_memory_process; 0: it has ended */
    _Atomic uint32_t count;
    struct figure_place places[FIGURE_SHEET];
};

/* ---- the table ---- */

struct figure_kind {
    const char *name;
    const char *label;
    enum figure_type type;
    const char *help;
};

static const struct figure_kind figure_kinds[FIGURE_COUNT] = {
#define FIGURE_KIND(symbol, name, type, help)          {name, "", FIGURE_##type, help},
#define FIGURE_KIND_DATABASE(symbol, name, type, help) {name, "database", FIGURE_##type, help},
#define FIGURE_KIND_SERVICE(symbol, name, type, help)  {name, "service", FIGURE_##type, help},
    FIGURE_TABLE_PROXY(FIGURE_KIND) FIGURE_TABLE_PROXY_DATABASE(FIGURE_KIND_DATABASE)
        FIGURE_TABLE_SERVICE(FIGURE_KIND_SERVICE) FIGURE_TABLE_PROXY_FILE(FIGURE_KIND)
#undef FIGURE_KIND_SERVICE
#undef FIGURE_KIND_DATABASE
#undef FIGURE_KIND
};

const char *figure_name(enum figure figure)
{
    ASSERT(figure < FIGURE_COUNT);
    return figure_kinds[figure].name;
}

const char *figure_label(enum figure figure)
{
    ASSERT(figure < FIGURE_COUNT);
    return figure_kinds[figure].label;
}

enum figure_type figure_type(enum figure figure)
{
    ASSERT(figure < FIGURE_COUNT);
    return figure_kinds[figure].type;
}

const char *figure_help(enum figure figure)
{
    ASSERT(figure < FIGURE_COUNT);
    return figure_kinds[figure].help;
}

enum figure figure_find(const char *name)
{
    uint32_t figure = 0;
    while (figure < FIGURE_COUNT && strcmp(figure_kinds[figure].name, name) != 0) {
        figure++;
    }
    return (enum figure)figure;
}

static uint64_t figure_table(void)
{
    uint64_t hash = FIGURE_FORMAT;
    for (uint32_t i = 0; i < FIGURE_COUNT; i++) {
        hash = hash_more(hash, figure_kinds[i].name, strlen(figure_kinds[i].name) + 1);
    }
    return hash;
}

/* ---- the process that counts ---- */

enum err figure_open(struct figure_sheet *sheet, const char *path)
{
    int fd = -1;
    *sheet = (struct figure_sheet){.page = NULL};
    enum err err = mapped_file_create(path, 0640, sizeof(struct figure_page), (struct span){.size = 0}, &fd);
    if (err != ERR_OK) {
        return err;
    }
    struct figure_page *page = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    err = page != MAP_FAILED ? ERR_OK : err_from_errno(errno);
    close(fd);
    if (err != ERR_OK) {
        return err;
    }
    page->magic = FIGURE_MAGIC;
    page->table = figure_table();
    atomic_store(&page->owner, publish_memory_process(getpid()));
    sheet->page = page;
    return ERR_OK;
}

static bool figure_is(const struct figure_place *place, enum figure figure, const char label[FIGURE_LABEL])
{
    if (atomic_load_explicit(&place->figure, memory_order_relaxed) != (uint32_t)figure) {
        return false;
    }
    for (uint32_t i = 0; i < FIGURE_LABEL_WORDS; i++) {
        uint64_t word;
        memcpy(&word, label + (size_t)i * 8, 8);
        if (atomic_load_explicit(&place->label[i], memory_order_relaxed) != word) {
            return false;
        }
    }
    return true;
}

static void figure_fill(struct figure_place *place, enum figure figure, const char label[FIGURE_LABEL], uint64_t value)
{
    for (uint32_t i = 0; i < FIGURE_LABEL_WORDS; i++) {
        uint64_t word;
        memcpy(&word, label + (size_t)i * 8, 8);
        atomic_store_explicit(&place->label[i], word, memory_order_relaxed);
    }
    atomic_store_explicit(&place->figure, (uint32_t)figure, memory_order_relaxed);
    atomic_store_explicit(&place->value, value, memory_order_relaxed);
}

void figure_put(struct figure_sheet *sheet, enum figure figure, const char *label, uint64_t value)
{
    struct figure_page *page = sheet->page;
    char text[FIGURE_LABEL];
    ASSERT(figure < FIGURE_COUNT);
    if (page == NULL) {
        return;
    }
    text_copy(text, sizeof text, label);
    for (uint32_t i = 0; i < sheet->count; i++) {
        const uint32_t at = (sheet->next + i) % sheet->count;
        if (figure_is(&page->places[at], figure, text)) {
            atomic_store_explicit(&page->places[at].value, value, memory_order_relaxed);
            sheet->next = at + 1;
            return;
        }
    }
    if (sheet->count < FIGURE_SHEET) {
        figure_fill(&page->places[sheet->count], figure, text, value);
        sheet->count++;
        sheet->next = 0;
        atomic_store_explicit(&page->count, sheet->count, memory_order_release);
    }
}

void figure_close(struct figure_sheet *sheet)
{
    if (sheet->page != NULL) {
        atomic_store(&sheet->page->owner, 0);
        munmap(sheet->page, sizeof *sheet->page);
    }
    *sheet = (struct figure_sheet){.page = NULL};
}

/* ---- who tells them ---- */

/* What was written there may be anything: rows that are none are left out. */
static uint32_t figure_read(const struct figure_page *page, struct figure_row *ret_rows, uint32_t room)
{
    const uint64_t owner = atomic_load(&page->owner);
    if (page->magic != FIGURE_MAGIC || page->table != figure_table() || owner == 0 ||
        publish_memory_process((int32_t)(owner & INT32_MAX)) != owner) {
        return 0;
    }
    const uint32_t there = atomic_load_explicit(&page->count, memory_order_acquire);
    uint32_t count = 0;
    for (uint32_t i = 0; i < there && i < FIGURE_SHEET && count < room; i++) {
        const struct figure_place *place = &page->places[i];
        struct figure_row *row = &ret_rows[count];
        row->figure = atomic_load_explicit(&place->figure, memory_order_relaxed);
        for (uint32_t j = 0; j < FIGURE_LABEL_WORDS; j++) {
            const uint64_t word = atomic_load_explicit(&place->label[j], memory_order_relaxed);
            memcpy(row->label + (size_t)j * 8, &word, 8);
        }
        row->label[FIGURE_LABEL - 1] = 0;
        row->value = atomic_load_explicit(&place->value, memory_order_relaxed);
        count += row->figure < FIGURE_COUNT;
    }
    return count;
}

static uint32_t figure_collect_one(const char *state_dir, const char *name, struct figure_row *ret_rows, uint32_t room)
{
    char path[PATH_MAX];
    struct stat status;
    uint32_t count = 0;
    if (snprintf(path, sizeof path, "%s/%s", state_dir, name) >= (int)sizeof path) {
        return 0;
    }
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return 0;
    }
    if (fstat(fd, &status) == 0 && status.st_size == (off_t)sizeof(struct figure_page)) {
        const struct figure_page *page = mmap(NULL, sizeof *page, PROT_READ, MAP_SHARED, fd, 0);
        if (page != MAP_FAILED) {
            count = figure_read(page, ret_rows, room);
            munmap((void *)(uintptr_t)page, sizeof *page);
        }
    }
    close(fd);
    return count;
}

uint32_t figure_collect(const char *state_dir, struct figure_row *ret_rows)
{
    static const char *const names[] = {FIGURE_PROXY_NAME, FIGURE_SERVICE_NAME};
    uint32_t count = 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        count += figure_collect_one(state_dir, names[i], ret_rows + count, FIGURE_SITE - count);
    }
    return count;
}
