/* SPDX-License-Identifier: Apache-2.0
 * A geographic database in MaxMind's format as a list of networks. */
#include "dns/dns_mmdb.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <maxminddb.h>

#include "base/assert.h"
#include "dns/dns_intern.h"
#include "dns/dns_mmdb_check.h"

#define DNS_MMDB_SPLIT (DNS_MMDB_NOTHING - 1)

enum { DNS_MMDB_SEPARATOR = 16, DNS_MMDB_IPV4_DEPTH = 96 };

struct dns_mmdb {
    MMDB_s database;
    const struct dns_mmdb_taker *taker;
    const char *why;
    enum err err;
    uint64_t visits;           /* of nodes, left */
    uint32_t family;           /* being walked */
    uint64_t skip;             /* the node where IPv4 begins, reached by other ways than its own; node_count: none */
    struct dns_intern offsets; /* of records; what was said about each: */
    uint32_t *offset_values;
    struct dns_intern places;
    uint32_t *place_values;
};

/* ---- records ---- */

/* A short text at a path; left empty when there is none. The record was checked. */
static void dns_mmdb_code(MMDB_entry_s *entry, const char *const *path, char code[DNS_MMDB_CODE])
{
    MMDB_entry_data_s data;
    if (MMDB_aget_value(entry, &data, path) == MMDB_SUCCESS && data.has_data &&
        data.type == MMDB_DATA_TYPE_UTF8_STRING && data.data_size < DNS_MMDB_CODE) {
        memcpy(code, data.utf8_string, data.data_size);
    }
}

static void dns_mmdb_place(MMDB_entry_s *entry, struct dns_mmdb_place *place)
{
    static const char *const continent[] = {"continent", "code", NULL};
    static const char *const country[] = {"country", "iso_code", NULL};
    static const char *const subdivisions[][4] = {{"subdivisions", "0", "iso_code", NULL},
                                                  {"subdivisions", "1", "iso_code", NULL}};
    memset(place, 0, sizeof *place);
    dns_mmdb_code(entry, continent, place->continent);
    dns_mmdb_code(entry, country, place->country);
    for (uint32_t i = 0; i < DNS_MMDB_SUBDIVISIONS; i++) {
        dns_mmdb_code(entry, subdivisions[i], place->subdivisions[i]);
    }
}

/* Remembers a value for the number that an intern has just given. */
static bool dns_mmdb_remember(uint32_t **values, uint32_t number, uint32_t value)
{
    if ((number & (number - 1)) == 0 || number == 0) { /* 0, 1, 2, 4, 8, ... are full */
        const size_t capacity = number == 0 ? 1 : (size_t)number * 2;
        uint32_t *more = realloc(*values, capacity * sizeof *more);
        if (more == NULL) {
            return false;
        }
        *values = more;
    }
    (*values)[number] = value;
    return true;
}

static enum err dns_mmdb_told(struct dns_mmdb *mmdb, MMDB_entry_s *entry, uint32_t *ret_value)
{
    struct dns_mmdb_place place;
    uint32_t number;
    const uint32_t before = mmdb->places.count;
    dns_mmdb_place(entry, &place);
    if (!dns_intern_put(&mmdb->places, &place, &number)) {
        return ERR_TOO_LARGE;
    }
    if (mmdb->places.count != before) {
        uint32_t value = DNS_MMDB_NOTHING;
        const enum err err = mmdb->taker->place(mmdb->taker->context, &place, &value);
        ASSERT(value != DNS_MMDB_SPLIT);
        if (err != ERR_OK || !dns_mmdb_remember(&mmdb->place_values, number, value)) {
            return err != ERR_OK ? err : ERR_NO_MEMORY;
        }
    }
    *ret_value = mmdb->place_values[number];
    return ERR_OK;
}

/* What the taker says about a record; asked once for each. */
static uint32_t dns_mmdb_value(struct dns_mmdb *mmdb, MMDB_entry_s *entry)
{
    uint32_t number;
    uint32_t value = DNS_MMDB_NOTHING;
    const uint32_t before = mmdb->offsets.count;
    const struct span data = span_of(mmdb->database.data_section, mmdb->database.data_section_size);
    if (!dns_intern_put(&mmdb->offsets, &entry->offset, &number)) {
        mmdb->err = ERR_TOO_LARGE;
        return value;
    }
    if (mmdb->offsets.count == before) {
        return mmdb->offset_values[number];
    }
    if (!dns_mmdb_check(data, entry->offset)) {
        mmdb->why = "a record is broken";
        mmdb->err = ERR_INVALID;
        return value;
    }
    mmdb->err = dns_mmdb_told(mmdb, entry, &value);
    if (mmdb->err == ERR_OK && !dns_mmdb_remember(&mmdb->offset_values, number, value)) {
        mmdb->err = ERR_NO_MEMORY;
    }
    return value;
}

/* ---- the tree ---- */

static struct dns_networks_key dns_mmdb_one(struct dns_networks_key key, uint32_t depth)
{
    if (depth < 64) {
        key.high |= UINT64_C(1) << (63 - depth);
    } else {
        key.low |= UINT64_C(1) << (127 - depth);
    }
    return key;
}

static uint32_t dns_mmdb_node(struct dns_mmdb *mmdb, uint64_t node, struct dns_networks_key key, uint32_t depth);

/* One of a node's two: the value of the whole network below, or DNS_MMDB_SPLIT when that has been told in parts. */
static uint32_t dns_mmdb_record(struct dns_mmdb *mmdb, uint8_t type, uint64_t record, MMDB_entry_s *entry,
                                struct dns_networks_key key, uint32_t depth)
{
    if (mmdb->err != ERR_OK) {
        return DNS_MMDB_NOTHING;
    }
    switch (type) {
    case MMDB_RECORD_TYPE_SEARCH_NODE:
        return record == mmdb->skip ? DNS_MMDB_NOTHING : dns_mmdb_node(mmdb, record, key, depth);
    case MMDB_RECORD_TYPE_EMPTY:
        return DNS_MMDB_NOTHING;
    case MMDB_RECORD_TYPE_DATA:
        return dns_mmdb_value(mmdb, entry);
    default:
        mmdb->why = "a record of the tree leads nowhere";
        mmdb->err = ERR_INVALID;
        return DNS_MMDB_NOTHING;
    }
}

static void dns_mmdb_tell(struct dns_mmdb *mmdb, struct dns_networks_key key, uint32_t bits, uint32_t value)
{
    if (mmdb->err == ERR_OK && value != DNS_MMDB_SPLIT && value != DNS_MMDB_NOTHING) {
        mmdb->err = mmdb->taker->network(mmdb->taker->context, mmdb->family, key, bits, value);
    }
}

/* The network of a node: its value when all of it has one; else its parts are told. */
static uint32_t dns_mmdb_node(struct dns_mmdb *mmdb, uint64_t node, struct dns_networks_key key, uint32_t depth)
{
    MMDB_search_node_s both;
    const uint32_t most = mmdb->family == 4 ? 32 : 128;
    if (mmdb->err != ERR_OK) {
        return DNS_MMDB_NOTHING;
    }
    if (depth >= most || mmdb->visits == 0 || MMDB_read_node(&mmdb->database, (uint32_t)node, &both) != MMDB_SUCCESS) {
        mmdb->why = "the tree is deeper or larger than a tree of addresses";
        mmdb->err = ERR_INVALID;
        return DNS_MMDB_NOTHING;
    }
    mmdb->visits--;
    const struct dns_networks_key other = dns_mmdb_one(key, depth);
    const uint32_t left =
        dns_mmdb_record(mmdb, both.left_record_type, both.left_record, &both.left_record_entry, key, depth + 1);
    const uint32_t right =
        dns_mmdb_record(mmdb, both.right_record_type, both.right_record, &both.right_record_entry, other, depth + 1);
    if (left == right) {
        return left;
    }
    dns_mmdb_tell(mmdb, key, depth + 1, left);
    dns_mmdb_tell(mmdb, other, depth + 1, right);
    return DNS_MMDB_SPLIT;
}

static void dns_mmdb_tree(struct dns_mmdb *mmdb, uint32_t family, uint64_t node)
{
    static const struct dns_networks_key zero;
    mmdb->family = family;
    dns_mmdb_tell(mmdb, zero, 0, dns_mmdb_node(mmdb, node, zero, 0));
}

static enum err dns_mmdb_both(struct dns_mmdb *mmdb)
{
    const MMDB_s *database = &mmdb->database;
    const uint64_t count = database->metadata.node_count;
    const uint64_t tree = count * database->metadata.record_size / 4;
    /* Old versions of the library count in 32 bits. */
    if (count == 0 || tree + DNS_MMDB_SEPARATOR > (uint64_t)database->file_size || database->depth > 128) {
        mmdb->why = "its tree is larger than the file";
        return ERR_INVALID;
    }
    mmdb->visits = count * 2; /* each once; then IPv4 again */
    mmdb->skip = count;
    if (database->metadata.ip_version == 4) {
        dns_mmdb_tree(mmdb, 4, 0);
        return mmdb->err;
    }
    const uint64_t four = database->ipv4_start_node.node_value;
    if (database->ipv4_start_node.netmask == DNS_MMDB_IPV4_DEPTH && four < count) {
        dns_mmdb_tree(mmdb, 4, four);
        mmdb->skip = four; /* also where 2002::/16 and others are its aliases */
    }
    dns_mmdb_tree(mmdb, 6, 0);
    return mmdb->err;
}

/* ---- the file ---- */

/* A copy that nobody can change or cut. -1: failed. */
static int dns_mmdb_copy(struct span content)
{
    const int fd = memfd_create("mmdb", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    size_t at = 0;
    while (fd >= 0 && at < content.size) {
        const ssize_t put = write(fd, content.data + at, content.size - at);
        if (put < 0 && errno != EINTR) {
            close(fd);
            return -1;
        }
        at += put > 0 ? (size_t)put : 0;
    }
    if (fd >= 0) {
        (void)fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
    }
    return fd;
}

enum err dns_mmdb_walk(struct span content, const struct dns_mmdb_taker *taker, const char **ret_why)
{
    struct dns_mmdb mmdb = {.taker = taker};
    char path[64];
    *ret_why = NULL;
    if (content.size > DNS_MMDB_BYTES) {
        return ERR_TOO_LARGE;
    }
    if (!dns_mmdb_check_metadata(content)) {
        *ret_why = "no database in MaxMind's format, or its end is missing";
        return ERR_INVALID;
    }
    const int fd = dns_mmdb_copy(content);
    if (fd < 0) {
        return ERR_NO_MEMORY;
    }
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    const int status = MMDB_open(path, MMDB_MODE_MMAP, &mmdb.database);
    close(fd);
    if (status != MMDB_SUCCESS) {
        *ret_why = MMDB_strerror(status);
        return ERR_INVALID;
    }
    mmdb.offsets = (struct dns_intern){.size = sizeof(uint32_t), .most = DNS_MMDB_RECORDS};
    mmdb.places = (struct dns_intern){.size = sizeof(struct dns_mmdb_place), .most = DNS_MMDB_PLACES};
    const enum err err = dns_mmdb_both(&mmdb);
    *ret_why = mmdb.why;
    MMDB_close(&mmdb.database);
    dns_intern_fini(&mmdb.offsets);
    dns_intern_fini(&mmdb.places);
    free(mmdb.offset_values);
    free(mmdb.place_values);
    return err;
}
