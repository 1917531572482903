/* SPDX-License-Identifier: Apache-2.0
 * A zone in memory: from a master file and those that it includes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "dns/dns_file.h"
#include "dns/dns_zone.h"
#include "dns/dns_zone_build.h"

/* The files of one zone: the first one and those it includes, of which one chain is open at a time. */
struct dns_zone_load {
    struct dns_zone_build build;
    uint64_t bytes; /* of all files so far */
    uint32_t depth;
};

static enum err dns_zone_load_broken(struct dns_zone_load *load, const struct dns_zonefile *reader)
{
    snprintf(load->build.problem, DNS_ZONE_PROBLEM, "%.200s:%u:%u: %s", load->build.file, reader->problem_line,
             reader->problem_column, reader->problem);
    return ERR_INVALID;
}

/* Relative to the including file's directory; on the zone's memory, where messages may point to it. NULL: too long, or
 * out of memory. */
static const char *dns_zone_load_path(const struct dns_zone_load *load, struct span path)
{
    char text[DNS_ZONE_PATH];
    const char *slash = strrchr(load->build.file, '/');
    const size_t directory = slash != NULL && path.data[0] != '/' ? (size_t)(slash - load->build.file) + 1 : 0;
    if (directory + path.size >= sizeof text) {
        return NULL;
    }
    memcpy(text, load->build.file, directory);
    memcpy(text + directory, path.data, path.size);
    return arena_copy(&load->build.zone->arena, text, directory + path.size);
}

static enum err dns_zone_load_records(struct dns_zone_load *load, struct dns_zonefile *reader);

static enum err dns_zone_load_include(struct dns_zone_load *load, const struct dns_zonefile *parent)
{
    const struct dns_zonefile_include *include = &parent->include;
    const char *file = load->build.file;
    char *text = NULL;
    size_t size = 0;
    const char *path = dns_zone_load_path(load, include->path);
    struct dns_zonefile *reader = malloc(sizeof *reader);
    enum err err = path != NULL && reader != NULL ? ERR_OK : ERR_NO_MEMORY;
    if (err == ERR_OK && load->depth == DNS_ZONE_INCLUDES) {
        err = ERR_TOO_LARGE;
    } else if (err == ERR_OK) {
        err = dns_file_read(path, DNS_ZONE_FILE_BYTES - load->bytes, &text, &size);
    }
    if (err != ERR_OK) {
        snprintf(load->build.problem, DNS_ZONE_PROBLEM, "%.200s:%u:%u: $INCLUDE %.100s: %s%s", file, include->line,
                 include->column, path != NULL ? path : "", err_text(err),
                 load->depth == DNS_ZONE_INCLUDES ? "; files may include each other eight times" : "");
        free(reader);
        return ERR_INVALID;
    }
    load->bytes += size;
    load->depth++;
    load->build.file = path;
    dns_zonefile_init_include(reader, span_of(text, size), parent);
    err = dns_zone_load_records(load, reader);
    load->depth--;
    load->build.file = err == ERR_OK ? file : load->build.file;
    free(reader);
    free(text);
    return err;
}

static enum err dns_zone_load_records(struct dns_zone_load *load, struct dns_zonefile *reader)
{
    for (;;) {
        enum err err = ERR_OK;
        switch (dns_zonefile_next(reader)) {
        case DNS_ZONEFILE_RECORD:
            err = dns_zone_build_record(&load->build, &reader->record);
            break;
        case DNS_ZONEFILE_INCLUDE:
            err = dns_zone_load_include(load, reader);
            break;
        case DNS_ZONEFILE_END:
            return ERR_OK;
        case DNS_ZONEFILE_BROKEN:
        default:
            return dns_zone_load_broken(load, reader);
        }
        if (err != ERR_OK) {
            return err;
        }
    }
}

static uint64_t dns_zone_load_lines(struct span text)
{
    uint64_t lines = 0;
    for (size_t i = 0; i < text.size; i++) {
        lines += text.data[i] == '\n';
    }
    return lines;
}

enum err dns_zone_parse(const char *file, struct span text, const struct dns_zone_want *want, char *problem,
                        struct dns_zone **ret_zone)
{
    problem[0] = 0;
    struct dns_zone *zone = dns_zone_new(dns_zone_load_lines(text), want->origin);
    struct dns_zonefile *reader = malloc(sizeof *reader);
    const char *name = zone != NULL ? arena_text(&zone->arena, file) : NULL;
    if (reader == NULL || name == NULL) {
        snprintf(problem, DNS_ZONE_PROBLEM, "%.200s: out of memory", file);
        free(reader);
        dns_zone_free(zone);
        return ERR_NO_MEMORY;
    }
    struct dns_zone_load load = {.build = {zone, name, problem}, .bytes = text.size};
    dns_zonefile_init(reader, text, want->origin);
    enum err err = dns_zone_load_records(&load, reader);
    err = err == ERR_OK ? dns_zone_build_dynamic(&load.build, want) : err;
    err = err == ERR_OK ? dns_zone_build_finish(&load.build) : err;
    free(reader);
    if (err != ERR_OK) {
        dns_zone_free(zone);
        return err;
    }
    *ret_zone = zone;
    return ERR_OK;
}

enum err dns_zone_load(const char *path, const struct dns_zone_want *want, char *problem, struct dns_zone **ret_zone)
{
    char *text = NULL;
    size_t size = 0;
    enum err err = dns_file_read(path, DNS_ZONE_FILE_BYTES, &text, &size);
    if (err != ERR_OK) {
        snprintf(problem, DNS_ZONE_PROBLEM, "%.200s: %s", path, err_text(err));
        return err;
    }
    err = dns_zone_parse(path, span_of(text, size), want, problem, ret_zone);
    free(text);
    return err;
}
