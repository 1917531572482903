/* SPDX-License-Identifier: Apache-2.0
 * Puts records into a zone. */
#include "dns/dns_zone_build.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/assert.h"
#include "wire/dns_type.h"

enum { DNS_ZONE_BUILD_TEXT = DNS_ZONE_PROBLEM / 2 };

static void dns_zone_build_note(struct dns_zone_build *build, const char *file, uint32_t line, const char *text)
{
    if (line > 0) {
        snprintf(build->problem, DNS_ZONE_PROBLEM, "%.200s:%u: %s", file, line, text);
    } else {
        snprintf(build->problem, DNS_ZONE_PROBLEM, "%.200s: %s", file, text);
    }
}

/* Writes "FILE:LINE: TEXT" or, without a line, "FILE: TEXT" and returns ERR_INVALID. */
__attribute__((format(printf, 3, 4))) static enum err dns_zone_build_fail(struct dns_zone_build *build, uint32_t line,
                                                                          const char *format, ...)
{
    char text[DNS_ZONE_BUILD_TEXT];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    dns_zone_build_note(build, build->file, line, text);
    return ERR_INVALID;
}

static void dns_zone_build_warn(struct dns_zone_build *build, const struct dns_zone_set *set, const char *text)
{
    if (build->problem[0] == 0) {
        dns_zone_build_note(build, set->file, set->line, text); /* the first one stays */
    }
}

/* ---- records ---- */

static struct dns_zone_set *dns_zone_build_set(struct dns_zone_build *build, struct dns_zone_node *node,
                                               const struct dns_zonefile_record *record)
{
    struct dns_zone_set **at = &node->sets;
    while (*at != NULL && (*at)->type != record->type) {
        at = &(*at)->next;
    }
    if (*at == NULL) {
        *at = arena_alloc(&build->zone->arena, sizeof **at);
        if (*at != NULL) {
            (*at)->type = record->type;
            (*at)->ttl_s = record->ttl_s;
            (*at)->line = record->line;
            (*at)->file = build->file;
        }
    }
    return *at;
}

/* Appends the data; the same data twice is one record (RFC 2181, 5). */
static enum err dns_zone_build_data(struct dns_zone *zone, struct dns_zone_set *set, struct span rdata)
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

static bool dns_zone_build_wild(const struct dns_name *name)
{
    return name->bytes[0] == 1 && name->bytes[1] == '*';
}

/* What can be said about a record by its owner alone. */
static enum err dns_zone_build_allowed(struct dns_zone_build *build, const struct dns_zonefile_record *record,
                                       const struct dns_name *owner)
{
    const struct dns_zone *zone = build->zone;
    if (!dns_name_within(owner, &zone->origin)) {
        return dns_zone_build_fail(build, record->line,
                                   "the owner lies outside the zone; a name without a dot at its "
                                   "end lies below $ORIGIN");
    }
    if (record->type == DNS_TYPE_SOA && owner->size != zone->origin.size) {
        return dns_zone_build_fail(build, record->line, "SOA belongs to the zone's apex only");
    }
    if (dns_zone_build_wild(owner) && (record->type == DNS_TYPE_NS || record->type == DNS_TYPE_DNAME)) {
        return dns_zone_build_fail(build, record->line, "%s at a wildcard has no defined meaning (RFC 4592, 4)",
                                   dns_type_name(record->type));
    }
    if (record->type == DNS_TYPE_DS && owner->size == zone->origin.size) {
        return dns_zone_build_fail(build, record->line, "DS belongs to the zone above, or to a delegation in this one");
    }
    if (zone->records_count >= DNS_ZONE_RECORDS) {
        return dns_zone_build_fail(build, record->line, "more than %d records", DNS_ZONE_RECORDS);
    }
    return ERR_OK;
}

/* What can be said once it is there. */
static enum err dns_zone_build_fits(struct dns_zone_build *build, const struct dns_zone_node *node,
                                    const struct dns_zone_set *set, uint32_t line)
{
    const uint16_t type = set->type;
    if (set->bytes > DNS_ZONE_SET_BYTES) {
        return dns_zone_build_fail(build, line, "the record set is too large for an answer");
    }
    if ((type == DNS_TYPE_SOA || type == DNS_TYPE_CNAME || type == DNS_TYPE_DNAME) && set->count > 1) {
        return dns_zone_build_fail(build, line, "more than one %s", dns_type_name(type));
    }
    if (node->sets->next != NULL && dns_zone_set(node, DNS_TYPE_CNAME) != NULL) {
        return dns_zone_build_fail(build, line,
                                   "CNAME and other data at the same name: a resolver would see one or the "
                                   "other (RFC 1034, 3.6.2)");
    }
    return ERR_OK;
}

enum err dns_zone_build_record(struct dns_zone_build *build, const struct dns_zonefile_record *record)
{
    struct dns_zone *zone = build->zone;
    struct dns_name owner = record->owner;
    dns_name_lower(&owner);
    const enum err err = dns_zone_build_allowed(build, record, &owner);
    if (err != ERR_OK) {
        return err;
    }
    struct dns_zone_node *node = dns_zone_ensure(zone, &owner);
    struct dns_zone_set *set = node != NULL ? dns_zone_build_set(build, node, record) : NULL;
    if (set == NULL || dns_zone_build_data(zone, set, record->rdata) != ERR_OK) {
        return dns_zone_build_fail(build, record->line, "out of memory");
    }
    if (record->type == DNS_TYPE_NS && owner.size != zone->origin.size) {
        node->below = DNS_ZONE_BELOW_CUT;
    } else if (record->type == DNS_TYPE_DNAME && node->below == DNS_ZONE_BELOW_ALL) {
        node->below = DNS_ZONE_BELOW_DNAME;
    }
    /* The TTLs of a set must be equal; where they are not, the smallest serves (RFC 2181, 5.2). */
    set->ttl_s = set->ttl_s < record->ttl_s ? set->ttl_s : record->ttl_s;
    return dns_zone_build_fits(build, node, set, record->line);
}

/* ---- dynamic names ---- */

/* The addresses in the file at a dynamic name; NULL: none. */
static const struct dns_zone_set *dns_zone_build_addresses(const struct dns_zone *zone,
                                                           const struct dns_zone_dynamic *dynamic)
{
    const struct dns_zone_node *node = dns_zone_node(zone, &dynamic->name);
    const struct dns_zone_set *set = node != NULL ? dns_zone_set(node, DNS_TYPE_A) : NULL;
    return set != NULL || node == NULL ? set : dns_zone_set(node, DNS_TYPE_AAAA);
}

enum { DNS_ZONE_BUILD_NAME = 81 };

/* As much of a name as a message has room for. */
static void dns_zone_build_print(const struct dns_name *name, char text[DNS_ZONE_BUILD_NAME])
{
    char memory[1100];
    struct buf buf;
    buf_init(&buf, memory, sizeof memory);
    dns_name_print(name, &buf);
    snprintf(text, DNS_ZONE_BUILD_NAME, "%.*s", DNS_ZONE_BUILD_NAME - 1, buf_string(&buf));
}

/* `what` is wrong with a dynamic name. */
static enum err dns_zone_build_clash(struct dns_zone_build *build, const struct dns_zone_dynamic *dynamic,
                                     const char *what)
{
    char name[DNS_ZONE_BUILD_NAME];
    dns_zone_build_print(&dynamic->name, name);
    return dns_zone_build_fail(build, 0, "%s follows the view (endpoint %s) and %s", name, dynamic->endpoint, what);
}

static enum err dns_zone_build_name(struct dns_zone_build *build, struct dns_zone_dynamic *dynamic)
{
    struct dns_zone *zone = build->zone;
    const struct dns_zone_node *above = NULL;
    dns_zone_dynamic_seal(dynamic);
    const enum dns_zone_result found = dns_zone_find(zone, &dynamic->name, &above);
    if (found == DNS_ZONE_OUTSIDE) {
        return dns_zone_build_clash(build, dynamic, "lies outside the zone");
    }
    if (found == DNS_ZONE_CUT || found == DNS_ZONE_DNAME ||
        (found == DNS_ZONE_EXACT && dns_zone_set(above, DNS_TYPE_CNAME) != NULL)) {
        return dns_zone_build_clash(build, dynamic, "is a CNAME in the file, a delegation, or below one or a DNAME");
    }
    struct dns_zone_node *node = dns_zone_ensure(zone, &dynamic->name);
    if (node == NULL) {
        return dns_zone_build_fail(build, 0, "out of memory");
    }
    if (node->dynamic != NULL) {
        return dns_zone_build_clash(build, dynamic, "is there twice");
    }
    node->dynamic = dynamic;
    return ERR_OK;
}

/* Addresses that the file has at a dynamic name are what secondaries answer with; where there are none, they do
 * nothing.
 */
static void dns_zone_build_hidden(struct dns_zone_build *build)
{
    for (uint32_t i = 0; i < build->zone->dynamic_count; i++) {
        const struct dns_zone_dynamic *dynamic = &build->zone->dynamic[i];
        const struct dns_zone_set *hidden = dns_zone_build_addresses(build->zone, dynamic);
        if (hidden != NULL) {
            char name[DNS_ZONE_BUILD_NAME];
            char text[DNS_ZONE_BUILD_TEXT];
            dns_zone_build_print(&dynamic->name, name);
            snprintf(text, sizeof text, "%s follows the view (endpoint %s): these addresses are hidden", name,
                     dynamic->endpoint);
            dns_zone_build_warn(build, hidden, text);
        }
    }
}

/* A secondary denies names, or addresses, that the file does not have: clients that come to it get NXDOMAIN or NODATA.
 */
static void dns_zone_build_denied(struct dns_zone_build *build)
{
    const struct dns_zone_dynamic *first = NULL;
    uint32_t count = 0;
    for (uint32_t i = 0; i < build->zone->dynamic_count; i++) {
        const struct dns_zone_dynamic *dynamic = &build->zone->dynamic[i];
        if (dns_zone_build_addresses(build->zone, dynamic) == NULL) {
            first = first == NULL ? dynamic : first;
            count++;
        }
    }
    if (count > 0 && build->problem[0] == 0) {
        char name[DNS_ZONE_BUILD_NAME];
        char text[DNS_ZONE_BUILD_TEXT];
        dns_zone_build_print(&first->name, name);
        snprintf(text, sizeof text,
                 "%s (%u such) follows the view and has no address in the file: the zone is transferred, and "
                 "secondaries deny it; expected A or AAAA there, for those who ask a secondary",
                 name, count);
        dns_zone_build_note(build, build->file, 0, text);
    }
}

enum err dns_zone_build_dynamic(struct dns_zone_build *build, const struct dns_zone_want *want)
{
    struct dns_zone *zone = build->zone;
    enum err err = ERR_OK;
    ASSERT(want->dynamic_count <= DNS_ZONE_NAMES);
    zone->dynamic = arena_alloc(&zone->arena, (want->dynamic_count + 1) * sizeof *zone->dynamic);
    if (zone->dynamic == NULL) {
        return dns_zone_build_fail(build, 0, "out of memory");
    }
    for (uint32_t i = 0; i < want->dynamic_count && err == ERR_OK; i++) {
        zone->dynamic[i] = want->dynamic[i];
        zone->dynamic_count++;
        err = dns_zone_build_name(build, &zone->dynamic[i]);
    }
    if (err == ERR_OK && want->transferred) {
        dns_zone_build_denied(build);
    } else if (err == ERR_OK) {
        dns_zone_build_hidden(build);
    }
    return err;
}

/* ---- the whole ---- */

/* Whether there is an address, or will be one by the view. */
static bool dns_zone_build_known(const struct dns_zone_node *node)
{
    return node != NULL && (node->dynamic != NULL || dns_zone_set(node, DNS_TYPE_A) != NULL ||
                            dns_zone_set(node, DNS_TYPE_AAAA) != NULL);
}

/* What is wrong with a name server of the zone, or of a delegation, whose address is up to this zone; NULL: nothing. */
static const char *dns_zone_build_server(const struct dns_zone *zone, const struct dns_zone_node *owner,
                                         const struct dns_name *server)
{
    const struct dns_zone_node *node = NULL;
    const enum dns_zone_result found = dns_zone_find(zone, server, &node);
    if (found == DNS_ZONE_CUT) {
        /* Inside the zone that it serves it is found by glue only (RFC 1034, 4.2.1). */
        const bool inside = owner != zone->apex && dns_name_within(server, &owner->name);
        return inside && !dns_zone_build_known(dns_zone_node(zone, server))
                   ? "a name server below this delegation has no address here: nobody finds it without glue"
                   : NULL;
    }
    if (found == DNS_ZONE_OUTSIDE) {
        return NULL;
    }
    if (found == DNS_ZONE_DNAME || (node != NULL && dns_zone_set(node, DNS_TYPE_CNAME) != NULL)) {
        return "a name server here is an alias (CNAME, DNAME): resolvers do not follow it (RFC 2181, 10.3)";
    }
    return dns_zone_build_known(node) ? NULL : "a name server here has no address, and this zone is where it would be";
}

static void dns_zone_build_servers(struct dns_zone_build *build, const struct dns_zone_node *owner)
{
    const struct dns_zone_set *servers = dns_zone_set(owner, DNS_TYPE_NS);
    for (const struct dns_zone_data *data = servers->data; data != NULL; data = data->next) {
        struct cursor cursor;
        struct dns_name server;
        cursor_init(&cursor, data->rdata.data, data->rdata.size);
        dns_name_read_lower(&cursor, &server);
        const char *problem = dns_zone_build_server(build->zone, owner, &server);
        if (problem != NULL) {
            dns_zone_build_warn(build, servers, problem);
        }
    }
}

static enum err dns_zone_build_refuse(struct dns_zone_build *build, const struct dns_zone_set *set, const char *text)
{
    build->file = set->file;
    return dns_zone_build_fail(build, set->line, "%s", text);
}

static enum err dns_zone_build_node(struct dns_zone_build *build, const struct dns_zone_node *node)
{
    const struct dns_zone_node *above = NULL;
    if (node->below == DNS_ZONE_BELOW_CUT || node == build->zone->apex) {
        dns_zone_build_servers(build, node);
    }
    if (node->below == DNS_ZONE_BELOW_CUT && dns_zone_set(node, DNS_TYPE_DNAME) != NULL) {
        return dns_zone_build_refuse(build, dns_zone_set(node, DNS_TYPE_DNAME),
                                     "DNAME beside NS belongs into the zone below the delegation (RFC 6672, 2.3)");
    }
    if (node->below != DNS_ZONE_BELOW_CUT && dns_zone_set(node, DNS_TYPE_DS) != NULL) {
        dns_zone_build_warn(build, dns_zone_set(node, DNS_TYPE_DS), "DS without a delegation (NS) at the same name");
    }
    if (node->sets != NULL && dns_zone_find(build->zone, &node->name, &above) == DNS_ZONE_DNAME) {
        return dns_zone_build_refuse(build, node->sets,
                                     "below a DNAME, which leads all names there elsewhere (RFC 6672, 2.4)");
    }
    return ERR_OK;
}

/* The SOA's last five numbers are behind its two names. */
static void dns_zone_build_soa(struct dns_zone *zone)
{
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
    dns_denial_make(&zone->origin, zone->soa->data->rdata, &zone->denial);
}

enum err dns_zone_build_finish(struct dns_zone_build *build)
{
    struct dns_zone *zone = build->zone;
    zone->soa = dns_zone_set(zone->apex, DNS_TYPE_SOA);
    if (zone->soa == NULL || dns_zone_set(zone->apex, DNS_TYPE_NS) == NULL) {
        return dns_zone_build_fail(build, 0, "the zone needs one SOA and at least one NS at its apex");
    }
    dns_zone_build_soa(zone);
    for (uint64_t bucket = 0; bucket <= zone->mask; bucket++) {
        for (const struct dns_zone_node *node = zone->table[bucket]; node != NULL; node = node->chain) {
            const enum err err = dns_zone_build_node(build, node);
            if (err != ERR_OK) {
                return err;
            }
        }
    }
    return ERR_OK;
}
