/* SPDX-License-Identifier: Apache-2.0
 * The file of counters. */
#include "dns/dns_figures.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/buf.h"
#include "edge/clock.h"
#include "edge/mapped_file.h"
#include "wire/dns_type.h"

enum err dns_figures_make(const char *path, struct dns_figures_file **ret_file)
{
    int fd = -1;
    if (path != NULL) {
        const enum err err = mapped_file_create(path, 0640, sizeof(struct dns_figures_file), span_of(NULL, 0), &fd);
        if (err != ERR_OK) {
            return err;
        }
    }
    struct dns_figures_file *file =
        mmap(NULL, sizeof *file, PROT_READ | PROT_WRITE, MAP_SHARED | (fd < 0 ? MAP_ANONYMOUS : 0), fd, 0);
    const enum err err = file != MAP_FAILED ? ERR_OK : err_from_errno(errno);
    if (fd >= 0) {
        close(fd);
    }
    if (err != ERR_OK) {
        return err;
    }
    file->size = sizeof *file;
    file->started_wall_us = clock_wall().us;
    file->pid = (int32_t)getpid();
    file->magic = DNS_FIGURES_MAGIC;
    *ret_file = file;
    return ERR_OK;
}

enum err dns_figures_open(const char *path, const struct dns_figures_file **ret_file)
{
    struct stat status;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return err_from_errno(errno);
    }
    const bool whole = fstat(fd, &status) == 0 && status.st_size == (off_t)sizeof(struct dns_figures_file);
    const struct dns_figures_file *file = whole ? mmap(NULL, sizeof *file, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
    close(fd);
    if (file == MAP_FAILED) {
        return ERR_NOT_FOUND;
    }
    if (file->magic != DNS_FIGURES_MAGIC || file->size != sizeof *file || file->workers > DNS_FIGURES_WORKERS ||
        file->regions_count > LIMITS_REGIONS || file->zones_count > DNS_CATALOG_ZONES ||
        file->names_count > DNS_ZONE_NAMES) {
        dns_figures_close(file);
        return ERR_NOT_FOUND;
    }
    *ret_file = file;
    return ERR_OK;
}

void dns_figures_close(const struct dns_figures_file *file)
{
    if (file != NULL) {
        munmap((void *)(uintptr_t)file, sizeof *file);
    }
}

static void dns_figures_text(const struct dns_name *name, char text[DNS_FIGURES_TEXT])
{
    char whole[1100];
    struct buf buf;
    buf_init(&buf, whole, sizeof whole);
    dns_name_print(name, &buf);
    snprintf(text, DNS_FIGURES_TEXT, "%s", buf_string(&buf));
}

void dns_figures_label(struct dns_figures_file *file, const struct dns_catalog *catalog)
{
    for (uint32_t i = 0; i < catalog->zones_count; i++) {
        const struct dns_zone *zone = catalog->zones[i];
        dns_figures_text(&zone->origin, file->zones[zone->number]);
    }
    for (uint32_t i = 0; i < catalog->dynamic_count; i++) {
        dns_figures_text(&catalog->dynamic[i].name, file->names[i]);
    }
    file->zones_count = catalog->zones_count;
    file->names_count = catalog->dynamic_count;
}

void dns_figures_took(struct dns_figures *figures, uint64_t queries, int64_t ns)
{
    const uint64_t us = ns > 0 ? (uint64_t)ns / 1000 : 0;
    const uint32_t bucket = us == 0 ? 0 : 64 - (uint32_t)__builtin_clzll(us);
    dns_figures_add(&figures->took[bucket < DNS_FIGURES_TOOK ? bucket : DNS_FIGURES_TOOK - 1], queries);
    dns_figures_add(&figures->took_ns, ns > 0 ? queries * (uint64_t)ns : 0);
}

enum dns_figures_type dns_figures_type(uint16_t type)
{
    switch (type) {
#define DNS_FIGURES_CASE(name)                                                                                         \
    case DNS_TYPE_##name:                                                                                              \
        return DNS_FIGURES_##name;
        DNS_FIGURES_TYPES(DNS_FIGURES_CASE)
#undef DNS_FIGURES_CASE
    default:
        return DNS_FIGURES_OTHER;
    }
}

const char *dns_figures_type_name(enum dns_figures_type type)
{
    static const char *const names[DNS_FIGURES_TYPES_COUNT] = {
#define DNS_FIGURES_TEXT_OF(name) #name,
        DNS_FIGURES_TYPES(DNS_FIGURES_TEXT_OF)
#undef DNS_FIGURES_TEXT_OF
            "other"};
    ASSERT((unsigned)type < DNS_FIGURES_TYPES_COUNT);
    return names[type];
}

static void dns_figures_sum_row(const uint64_t *from, uint64_t *to, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        to[i] += __atomic_load_n(&from[i], __ATOMIC_RELAXED);
    }
}

void dns_figures_sum(const struct dns_figures_file *file, struct dns_figures *ret_sum)
{
    memset(ret_sum, 0, sizeof *ret_sum);
    for (uint32_t i = 0; i < file->workers && i < DNS_FIGURES_WORKERS; i++) {
        const struct dns_figures *part = &file->parts[i];
#define DNS_FIGURES_SUM(member) ret_sum->counters.member += __atomic_load_n(&part->counters.member, __ATOMIC_RELAXED);
        DNS_FIGURES_COUNTERS(DNS_FIGURES_SUM)
#undef DNS_FIGURES_SUM
        dns_figures_sum_row(part->types, ret_sum->types, DNS_FIGURES_TYPES_COUNT);
        dns_figures_sum_row(part->took, ret_sum->took, DNS_FIGURES_TOOK);
        dns_figures_sum_row(&part->took_ns, &ret_sum->took_ns, 1);
        dns_figures_sum_row(part->zones, ret_sum->zones, DNS_CATALOG_ZONES);
        dns_figures_sum_row(part->names[0], ret_sum->names[0], (size_t)DNS_ZONE_NAMES * DNS_FIGURES_COLUMNS);
    }
}
