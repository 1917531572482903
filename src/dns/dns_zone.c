/* SPDX-License-Identifier: Apache-2.0
 * A zone in memory: building it and finding names in it. */
#include "dns/dns_zone.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/hash.h"
#include "wire/dns_type.h"
#include "wire/dns_zonefile.h"

/* What is known while a zone is made. */
struct dns_zone_builder {
    struct dns_zone *zone;
    const char *file;
    char *problem;
};

__attribute__((format(printf, 3, 4))) static enum err dns_zone_fail(struct dns_zone_builder *builder, uint32_t line,
                                                                    const char *format, ...)
{
    char text[DNS_ZONE_PROBLEM / 2];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    snprintf(builder->problem, DNS_ZONE_PROBLEM, "%.200s:%u: %s", builder->file, line, text);
    return ERR_INVALID;
}

/* ---- names ---- */

/* Continues a hash by one label with its length byte (FNV-1a). */
static uint64_t dns_zone_hash(uint64_t hash, const uint8_t *label)
{
    const uint32_t size = 1U + label[0];
    for (uint32_t i = 0; i < size; i++) {
        hash = (hash ^ label[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

enum { DNS_ZONE_HASH_START = 0x1505 };

static uint64_t dns_zone_bucket(const struct dns_zone *zone, uint64_t hash)
{
    return (hash ^ hash >> 32) & zone->mask;
}

/* The node whose name is `size` bytes at `name`. */
static struct dns_zone_node *dns_zone_lookup(const struct dns_zone *zone, uint64_t hash, const uint8_t *name,
                                             size_t size)
{
    struct dns_zone_node *node = zone->table[dns_zone_bucket(zone, hash)];
    while (node != NULL &&
           (node->hash != hash || node->name.size != size || memcmp(node->name.bytes, name, size) != 0)) {
        node = node->chain;
    }
    return node;
}

/* The labels of `name` below the apex: their offsets, leftmost first, and their number. */
static uint32_t dns_zone_labels(const struct dns_zone *zone, const struct dns_name *name,
                                uint8_t offsets[DNS_NAME_LABELS_MAX])
{
    const size_t end = (size_t)name->size - zone->origin.size;
    uint32_t count = 0;
    for (size_t at = 0; at < end; at += 1U + name->bytes[at]) {
        offsets[count++] = (uint8_t)at;
    }
    return count;
}

enum dns_zone_result dns_zone_find(const struct dns_zone *zone, const struct dns_name *name,
                                   const struct dns_zone_node **ret_node)
{
    uint8_t offsets[DNS_NAME_LABELS_MAX];
    if (!dns_name_within(name, &zone->origin)) {
        return DNS_ZONE_OUTSIDE;
    }
    const struct dns_zone_node *node = zone->apex;
    uint64_t hash = DNS_ZONE_HASH_START;
    for (uint32_t i = dns_zone_labels(zone, name, offsets); i > 0; i--) {
        const uint8_t at = offsets[i - 1];
        const uint64_t parent = hash;
        hash = dns_zone_hash(hash, name->bytes + at);
        const struct dns_zone_node *child = dns_zone_lookup(zone, hash, name->bytes + at, (size_t)name->size - at);
        if (child == NULL) {
            /* `node` is the closest encloser: only its own "*" child may cover the name (RFC 4592, 3.3.1). */
            struct dns_name wildcard;
            if (node->name.size + 2 > DNS_NAME_MAX) {
                return DNS_ZONE_MISSING;
            }
            wildcard.bytes[0] = 1;
            wildcard.bytes[1] = '*';
            memcpy(wildcard.bytes + 2, node->name.bytes, node->name.size);
            const uint64_t star = dns_zone_hash(parent, wildcard.bytes);
            const struct dns_zone_node *cover = dns_zone_lookup(zone, star, wildcard.bytes, node->name.size + 2U);
            if (cover == NULL) {
                return DNS_ZONE_MISSING;
            }
            *ret_node = cover;
            return DNS_ZONE_WILDCARD;
        }
        node = child;
        if (node->cut) {
            *ret_node = node;
            return DNS_ZONE_CUT;
        }
    }
    *ret_node = node;
    return DNS_ZONE_EXACT;
}

const struct dns_zone_node *dns_zone_node(const struct dns_zone *zone, const struct dns_name *name)
{
    uint8_t offsets[DNS_NAME_LABELS_MAX];
    if (!dns_name_within(name, &zone->origin)) {
        return NULL;
    }
    uint64_t hash = DNS_ZONE_HASH_START;
    for (uint32_t i = dns_zone_labels(zone, name, offsets); i > 0; i--) {
        hash = dns_zone_hash(hash, name->bytes + offsets[i - 1]);
    }
    return dns_zone_lookup(zone, hash, name->bytes, name->size);
}

const struct dns_zone_set *dns_zone_set(const struct dns_zone_node *node, uint16_t type)
{
    const struct dns_zone_set *set = node->sets;
    while (set != NULL && set->type != type) {
        set = set->next;
    }
    return set;
}

/* ---- building ---- */

static struct dns_zone_node *dns_zone_node_add(struct dns_zone *zone, uint64_t hash, const uint8_t *name, size_t size)
{
    struct dns_zone_node *node = arena_alloc(&zone->arena, sizeof *node);
    if (node == NULL) {
        return NULL;
    }
    node->hash = hash;
    node->name.size = (uint8_t)size;
    memcpy(node->name.bytes, name, size);
    struct dns_zone_node **bucket = &zone->table[dns_zone_bucket(zone, hash)];
    node->chain = *bucket;
    *bucket = node;
    return node;
}

/* The node of a lower-case name inside the zone; it and its ancestors are made when they are missing. */
static struct dns_zone_node *dns_zone_node_ensure(struct dns_zone *zone, const struct dns_name *name)
{
    uint8_t offsets[DNS_NAME_LABELS_MAX];
    struct dns_zone_node *node = zone->apex;
    uint64_t hash = DNS_ZONE_HASH_START;
    for (uint32_t i = dns_zone_labels(zone, name, offsets); i > 0 && node != NULL; i--) {
        const uint8_t *at = name->bytes + offsets[i - 1];
        const size_t size = (size_t)name->size - offsets[i - 1];
        hash = dns_zone_hash(hash, at);
        node = dns_zone_lookup(zone, hash, at, size);
        if (node == NULL) {
            node = dns_zone_node_add(zone, hash, at, size);
        }
    }
    return node;
}

static struct dns_zone_set *dns_zone_set_ensure(struct dns_zone *zone, struct dns_zone_node *node, uint16_t type,
                                                uint32_t ttl_s)
{
    struct dns_zone_set **at = &node->sets;
    while (*at != NULL && (*at)->type != type) {
        at = &(*at)->next;
    }
    if (*at == NULL) {
        *at = arena_alloc(&zone->arena, sizeof **at);
        if (*at != NULL) {
            (*at)->type = type;
            (*at)->ttl_s = ttl_s;
        }
    }
    return *at;
}

/* Appends the data; the same data twice is one record (RFC 2181, 5). */
static enum err dns_zone_data_add(struct dns_zone *zone, struct dns_zone_set *set, struct span rdata)
{
    struct dns_zone_data **at = &set->data;
    while (*at != NULL) {
        if (span_equal((*at)->rdata, rdata)) {
            return ERR_OK;
        }
        at = &(*at)->next;
    }
    struct dns_zone_data *data = arena_alloc(&zone->arena, sizeof *data);
    char *copy = arena_copy(&zone->arena, rdata.data, rdata.size);
    if (data == NULL || copy == NULL) {
        return ERR_NO_MEMORY;
    }
    data->rdata = span_of(copy, rdata.size);
    *at = data;
    set->count++;
    set->bytes += (uint32_t)rdata.size + 12;
    zone->records_count++;
    return ERR_OK;
}

static enum err dns_zone_record_add(struct dns_zone_builder *builder, const struct dns_zonefile_record *record)
{
    struct dns_zone *zone = builder->zone;
    struct dns_name owner = record->owner;
    dns_name_lower(&owner);
    if (!dns_name_within(&owner, &zone->origin)) {
        return dns_zone_fail(builder, record->line, "the owner lies outside the zone");
    }
    const bool apex = owner.size == zone->origin.size;
    if (record->type == DNS_TYPE_SOA && !apex) {
        return dns_zone_fail(builder, record->line, "SOA belongs to the zone's apex only");
    }
    if (record->type == DNS_TYPE_NS && owner.bytes[0] == 1 && owner.bytes[1] == '*') {
        return dns_zone_fail(builder, record->line, "NS at a wildcard has no defined meaning (RFC 4592, 4.2)");
    }
    if (zone->records_count >= DNS_ZONE_RECORDS) {
        return dns_zone_fail(builder, record->line, "more than %d records", DNS_ZONE_RECORDS);
    }
    struct dns_zone_node *node = dns_zone_node_ensure(zone, &owner);
    struct dns_zone_set *set = node != NULL ? dns_zone_set_ensure(zone, node, record->type, record->ttl_s) : NULL;
    if (set == NULL || dns_zone_data_add(zone, set, record->rdata) != ERR_OK) {
        return dns_zone_fail(builder, record->line, "out of memory");
    }
    node->cut = node->cut || (record->type == DNS_TYPE_NS && !apex);
    /* The TTLs of a set must be equal; where they are not, the smallest serves (RFC 2181, 5.2). */
    set->ttl_s = set->ttl_s < record->ttl_s ? set->ttl_s : record->ttl_s;
    if (set->bytes > DNS_ZONE_SET_BYTES) {
        return dns_zone_fail(builder, record->line, "the record set is too large for an answer");
    }
    if ((record->type == DNS_TYPE_SOA || record->type == DNS_TYPE_CNAME) && set->count > 1) {
        return dns_zone_fail(builder, record->line, "more than one %s", dns_type_name(record->type));
    }
    if (node->sets->next != NULL && dns_zone_set(node, DNS_TYPE_CNAME) != NULL) {
        return dns_zone_fail(builder, record->line, "CNAME and other data at the same name");
    }
    return ERR_OK;
}

static enum err dns_zone_dynamic_add(struct dns_zone_builder *builder, const struct dns_zone_dynamic *dynamic)
{
    struct dns_zone *zone = builder->zone;
    struct dns_zone_dynamic *copy = &zone->dynamic[zone->dynamic_count++];
    *copy = *dynamic;
    dns_name_lower(&copy->name);
    copy->hash = hash_bytes(copy->name.bytes, copy->name.size);
    if (!dns_name_within(&copy->name, &zone->origin)) {
        return dns_zone_fail(builder, 0, "the dynamic name of endpoint %s lies outside the zone", copy->endpoint);
    }
    struct dns_zone_node *node = dns_zone_node_ensure(zone, &copy->name);
    if (node == NULL) {
        return dns_zone_fail(builder, 0, "out of memory");
    }
    if (node->cut || dns_zone_set(node, DNS_TYPE_CNAME) != NULL) {
        return dns_zone_fail(builder, 0, "the dynamic name of endpoint %s is a CNAME or a delegation in the file",
                             copy->endpoint);
    }
    if (dns_zone_set(node, DNS_TYPE_A) != NULL || dns_zone_set(node, DNS_TYPE_AAAA) != NULL) {
        snprintf(builder->problem, DNS_ZONE_PROBLEM, "%.200s: addresses of the dynamic name of endpoint %s are hidden",
                 builder->file, copy->endpoint);
    }
    node->dynamic = copy;
    return ERR_OK;
}

/* The SOA's last five numbers are behind its two names. */
static enum err dns_zone_finish(struct dns_zone_builder *builder)
{
    struct dns_zone *zone = builder->zone;
    zone->soa = dns_zone_set(zone->apex, DNS_TYPE_SOA);
    if (zone->soa == NULL || dns_zone_set(zone->apex, DNS_TYPE_NS) == NULL) {
        return dns_zone_fail(builder, 0, "the zone needs one SOA and at least one NS at its apex");
    }
    ASSERT(zone->soa->data != NULL);
    struct cursor cursor;
    struct dns_name name;
    cursor_init(&cursor, zone->soa->data->rdata.data, zone->soa->data->rdata.size);
    dns_name_read(&cursor, &name);
    dns_name_read(&cursor, &name);
    zone->serial = cursor_u32be(&cursor);
    cursor_skip(&cursor, 12);
    const uint32_t minimum = cursor_u32be(&cursor);
    ASSERT(cursor_ok(&cursor));
    zone->negative_ttl_s = minimum < zone->soa->ttl_s ? minimum : zone->soa->ttl_s;
    return ERR_OK;
}

static enum err dns_zone_fill(struct dns_zone_builder *builder, struct dns_zonefile *reader)
{
    struct dns_zonefile_record record;
    enum err err;
    while ((err = dns_zonefile_next(reader, &record)) == ERR_OK) {
        err = dns_zone_record_add(builder, &record);
        if (err != ERR_OK) {
            return err;
        }
    }
    return err == ERR_CLOSED ? ERR_OK : dns_zone_fail(builder, reader->entry_line, "%s", reader->problem);
}

/* An empty zone with its table: two buckets for each line, within reason. */
static struct dns_zone *dns_zone_new(struct span text, const struct dns_name *origin)
{
    uint64_t buckets = 64;
    uint64_t lines = 0;
    for (size_t i = 0; i < text.size; i++) {
        lines += text.data[i] == '\n';
    }
    while (buckets < 2 * lines && buckets < UINT64_C(2) * DNS_ZONE_RECORDS) {
        buckets *= 2;
    }
    struct dns_zone *zone = calloc(1, sizeof *zone);
    if (zone == NULL) {
        return NULL;
    }
    arena_init(&zone->arena, (size_t)256 << 20);
    zone->origin = *origin;
    dns_name_lower(&zone->origin);
    zone->mask = buckets - 1;
    zone->table = arena_alloc(&zone->arena, buckets * sizeof(struct dns_zone_node *));
    zone->apex = zone->table != NULL
                     ? dns_zone_node_add(zone, DNS_ZONE_HASH_START, zone->origin.bytes, zone->origin.size)
                     : NULL;
    if (zone->apex == NULL) {
        dns_zone_free(zone);
        return NULL;
    }
    return zone;
}

enum err dns_zone_parse(const char *file, struct span text, const struct dns_zone_want *want, char *problem,
                        struct dns_zone **ret_zone)
{
    ASSERT(want->dynamic_count <= DNS_ZONE_NAMES);
    problem[0] = 0;
    struct dns_zone *zone = dns_zone_new(text, want->origin);
    struct dns_zonefile *reader = calloc(1, sizeof *reader);
    enum err err = ERR_NO_MEMORY;
    if (zone != NULL && reader != NULL) {
        struct dns_zone_builder builder = {.zone = zone, .file = file, .problem = problem};
        dns_zonefile_init(reader, text, want->origin);
        err = dns_zone_fill(&builder, reader);
        for (uint32_t i = 0; i < want->dynamic_count && err == ERR_OK; i++) {
            err = dns_zone_dynamic_add(&builder, &want->dynamic[i]);
        }
        err = err == ERR_OK ? dns_zone_finish(&builder) : err;
    } else {
        snprintf(problem, DNS_ZONE_PROBLEM, "%.200s: out of memory", file);
    }
    free(reader);
    if (err != ERR_OK) {
        dns_zone_free(zone);
        return err;
    }
    *ret_zone = zone;
    return ERR_OK;
}

static enum err dns_zone_read(int fd, char *text, size_t size)
{
    size_t at = 0;
    while (at < size) {
        const ssize_t got = read(fd, text + at, size - at);
        if (got < 0 && errno != EINTR) {
            return err_from_errno(errno);
        }
        if (got == 0) {
            return ERR_CONFLICT; /* it shrank while we read it */
        }
        at += got > 0 ? (size_t)got : 0;
    }
    return ERR_OK;
}

enum err dns_zone_load(const char *path, const struct dns_zone_want *want, char *problem, struct dns_zone **ret_zone)
{
    char *text = NULL;
    struct stat status = {0};
    enum err err = ERR_OK;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) != 0) {
        err = err_from_errno(errno);
    } else if (status.st_size > DNS_ZONE_FILE_BYTES) {
        err = ERR_TOO_LARGE;
    } else {
        text = malloc((size_t)status.st_size + 1);
        err = text != NULL ? dns_zone_read(fd, text, (size_t)status.st_size) : ERR_NO_MEMORY;
    }
    if (err == ERR_OK) {
        err = dns_zone_parse(path, span_of(text, (size_t)status.st_size), want, problem, ret_zone);
    } else {
        snprintf(problem, DNS_ZONE_PROBLEM, "%.200s: %s", path, err_text(err));
    }
    if (fd >= 0) {
        close(fd);
    }
    free(text);
    return err;
}

void dns_zone_free(struct dns_zone *zone)
{
    if (zone != NULL) {
        arena_fini(&zone->arena);
        free(zone);
    }
}
