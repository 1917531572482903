/* SPDX-License-Identifier: Apache-2.0
 * Why a name of a zone file is answered as it is. */
#include "dns/dns_explain_static.h"

#include <string.h>

#include "base/assert.h"
#include "base/cursor.h"
#include "dns/dns_resolve.h"
#include "wire/dns_type.h"

static void dns_explain_static_type(struct buf *buf, uint16_t type)
{
    const char *name = dns_type_name(type);
    if (name != NULL) {
        buf_text(buf, name);
    } else {
        buf_printf(buf, "TYPE%u", type);
    }
}

static void dns_explain_static_place(struct buf *buf, const struct dns_zone_set *set)
{
    buf_printf(buf, "  %s:%u\n", set->file, set->line);
}

/* The name in a record's data, where it is one name. */
static struct dns_name dns_explain_static_target(const struct dns_zone_set *set)
{
    struct cursor cursor;
    struct dns_name target;
    cursor_init(&cursor, set->data->rdata.data, set->data->rdata.size);
    dns_name_read(&cursor, &target);
    dns_name_lower(&target);
    return target;
}

static void dns_explain_static_soa(struct buf *buf, const struct dns_zone *zone)
{
    buf_printf(buf, "ttl       %u s: the lower one of SOA and its minimum", zone->negative_ttl_s);
    dns_explain_static_place(buf, zone->soa);
}

/* What the node has instead of what is asked for. */
static void dns_explain_static_nodata(struct buf *buf, const struct dns_zone *zone, const struct dns_zone_node *node)
{
    buf_text(buf, "answer    none of that type (NOERROR); ");
    if (node->sets == NULL) {
        buf_text(buf, node->dynamic != NULL ? "the name has addresses that follow the view\n"
                                            : "the name is there only because of names below it\n");
    } else {
        buf_text(buf, "the name has");
        for (const struct dns_zone_set *set = node->sets; set != NULL; set = set->next) {
            buf_text(buf, " ");
            dns_explain_static_type(buf, set->type);
        }
        dns_explain_static_place(buf, node->sets);
    }
    dns_explain_static_soa(buf, zone);
}

/* Whether an alias is itself the answer. */
static bool dns_explain_static_alias_ends(uint16_t type)
{
    return type == DNS_TYPE_CNAME || type == DNS_TYPE_ANY;
}

/* True: it is an alias, and `name` is now its target. */
static bool dns_explain_static_node(struct buf *buf, const struct dns_zone *zone, const struct dns_zone_node *node,
                                    uint16_t type, struct dns_name *name)
{
    if (node->dynamic != NULL && (type == DNS_TYPE_A || type == DNS_TYPE_AAAA)) {
        buf_printf(buf, "answer    endpoint %s, by the view: ask for this name with --client\n",
                   node->dynamic->endpoint);
        return false;
    }
    const struct dns_zone_set *set = dns_zone_set(node, DNS_TYPE_CNAME);
    const bool leads = set != NULL && !dns_explain_static_alias_ends(type);
    set = set != NULL ? set : dns_zone_set(node, type);
    if (set == NULL && type == DNS_TYPE_ANY && (node->sets != NULL || node->dynamic != NULL)) {
        buf_text(buf, "answer    1 HINFO, ttl 3600 s: ANY is not answered in full (RFC 8482)\n");
        return false;
    }
    if (set == NULL) {
        dns_explain_static_nodata(buf, zone, node);
        return false;
    }
    buf_printf(buf, "answer    %u ", set->count);
    dns_explain_static_type(buf, set->type);
    buf_printf(buf, ", ttl %u s", set->ttl_s);
    if (leads) {
        *name = dns_explain_static_target(set);
        buf_text(buf, ", to ");
        dns_name_print(name, buf);
    }
    dns_explain_static_place(buf, set);
    return leads;
}

/* The closest ancestor that exists. */
static void dns_explain_static_missing(struct buf *buf, const struct dns_zone *zone, const struct dns_name *name)
{
    struct dns_name above = *name;
    while (above.size > zone->origin.size && dns_zone_node(zone, &above) == NULL) {
        const uint8_t skip = (uint8_t)(above.bytes[0] + 1);
        above.size = (uint8_t)(above.size - skip);
        memmove(above.bytes, above.bytes + skip, above.size);
    }
    buf_text(buf, "found     nothing; the closest name that exists is ");
    dns_name_print(&above, buf);
    buf_text(buf, ", which has no wildcard\nanswer    the name does not exist (NXDOMAIN)\n");
    dns_explain_static_soa(buf, zone);
}

static void dns_explain_static_cut(struct buf *buf, const struct dns_zone_node *node)
{
    const struct dns_zone_set *servers = dns_zone_set(node, DNS_TYPE_NS);
    ASSERT(servers != NULL);
    buf_text(buf, "found     the delegation of ");
    dns_name_print(&node->name, buf);
    dns_explain_static_place(buf, servers);
    buf_text(buf, "answer    a referral to its name servers");
    for (const struct dns_zone_data *data = servers->data; data != NULL; data = data->next) {
        struct cursor cursor;
        struct dns_name server;
        cursor_init(&cursor, data->rdata.data, data->rdata.size);
        dns_name_read(&cursor, &server);
        buf_text(buf, " ");
        dns_name_print(&server, buf);
    }
    buf_text(buf, "\n");
}

/* Like dns_resolve_dname. */
static bool dns_explain_static_dname(struct buf *buf, const struct dns_zone_node *node, uint16_t type,
                                     struct dns_name *name)
{
    const struct dns_zone_set *set = dns_zone_set(node, DNS_TYPE_DNAME);
    ASSERT(set != NULL);
    const struct dns_name target = dns_explain_static_target(set);
    const size_t prefix = (size_t)name->size - node->name.size;
    buf_text(buf, "found     the DNAME of ");
    dns_name_print(&node->name, buf);
    buf_text(buf, " to ");
    dns_name_print(&target, buf);
    dns_explain_static_place(buf, set);
    if (prefix + target.size > DNS_NAME_MAX) {
        buf_text(buf, "answer    the new name would be too long (YXDOMAIN)\n");
        return false;
    }
    memcpy(name->bytes + prefix, target.bytes, target.size);
    name->size = (uint8_t)(prefix + target.size);
    if (dns_explain_static_alias_ends(type)) {
        buf_text(buf, "answer    1 DNAME, and 1 CNAME that is made from it, to ");
        dns_name_print(name, buf);
        buf_text(buf, "\n");
        return false;
    }
    return true;
}

static bool dns_explain_static_in(struct buf *buf, const struct dns_zone *zone, uint16_t type, struct dns_name *name)
{
    const struct dns_zone_node *node = NULL;
    const enum dns_zone_result result = dns_zone_find(zone, name, &node);
    switch (result) {
    case DNS_ZONE_MISSING:
        dns_explain_static_missing(buf, zone, name);
        return false;
    case DNS_ZONE_CUT:
        if (type != DNS_TYPE_DS || !dns_name_equal(&node->name, name)) {
            dns_explain_static_cut(buf, node);
            return false;
        }
        break; /* DS lives on this side of the cut */
    case DNS_ZONE_DNAME:
        return dns_explain_static_dname(buf, node, type, name);
    case DNS_ZONE_EXACT:
    case DNS_ZONE_WILDCARD:
        break;
    case DNS_ZONE_OUTSIDE:
    default:
        ASSERT(false);
    }
    buf_text(buf, result == DNS_ZONE_WILDCARD ? "found     the wildcard " : "found     the name itself\n");
    if (result == DNS_ZONE_WILDCARD) {
        dns_name_print(&node->name, buf);
        buf_text(buf, "\n");
    }
    return dns_explain_static_node(buf, zone, node, type, name);
}

/* One name of the chain; true: an alias leads on. */
static bool dns_explain_static_step(const struct dns_catalog *catalog, uint16_t type, const struct view_address *client,
                                    struct dns_name *name, struct buf *buf)
{
    const struct dns_zone *zone = dns_catalog_find(catalog, name, type);
    buf_text(buf, "name      ");
    dns_name_print(name, buf);
    buf_text(buf, " ");
    dns_explain_static_type(buf, type);
    if (zone == NULL) {
        buf_text(buf, "\nzone      none of ours: REFUSED, or the end of an answer that leads there\n");
        return false;
    }
    buf_text(buf, "\nzone      ");
    dns_name_print(&zone->origin, buf);
    buf_printf(buf, ", serial %u", zone->serial);
    dns_explain_static_place(buf, zone->soa);
    if (client != NULL && !dns_catalog_admits(catalog, zone, client)) {
        buf_text(buf, "answer    REFUSED: the client is not in `allow`\n");
        return false;
    }
    return dns_explain_static_in(buf, zone, type, name);
}

void dns_explain_static(const struct dns_catalog *catalog, const struct dns_name *name, uint16_t type,
                        const struct view_address *client, struct buf *buf)
{
    struct dns_name now = *name;
    dns_name_lower(&now);
    for (uint32_t i = 0; i <= DNS_RESOLVE_CHASE && dns_explain_static_step(catalog, type, client, &now, buf); i++) {
        buf_text(buf, "\n");
    }
}
