/* SPDX-License-Identifier: Apache-2.0
 * Everything that answers are made from beside the view: the zones, the dynamic names of all of them, and settings.
 *
 * Built by one thread, then handed to all workers at once and never changed; a reload builds another one. */
#pragma once

#include "core/view.h"
#include "dns/dns_index.h"
#include "dns/dns_steer.h"
#include "dns/dns_zone.h"
#include "wire/dns_cookie.h"
#include "wire/dns_tsig.h"

enum { DNS_CATALOG_ZONES = 64, DNS_CATALOG_TEXT = 64, DNS_CATALOG_KEYS = 8, DNS_CATALOG_NETWORKS = 32 };

struct dns_catalog_network {
    struct view_address address;
    uint32_t prefix_bits;
};

/* Who may ask. */
struct dns_catalog_access {
    uint32_t count; /* 0: everybody */
    struct dns_catalog_network networks[DNS_CATALOG_NETWORKS];
};

struct dns_catalog_settings {
    struct dns_cookie_secrets cookies; /* count 0: no cookies */
    bool cookie_required;              /* a client with a cookie has to show ours: BADCOOKIE over UDP otherwise */
    char identity[DNS_CATALOG_TEXT];   /* NSID, id.server, hostname.bind; empty: not told */
    char version[DNS_CATALOG_TEXT];    /* version.bind; empty: not told */
    uint32_t keys_count;               /* of TSIG; when there are any, a transfer has to be signed with one */
    struct dns_tsig_key keys[DNS_CATALOG_KEYS];
    uint32_t rate_per_second; /* UDP answers of a kind for a client network, over all workers; 0: no limit */
    uint32_t rate_slip;       /* every so many of those beyond it is sent empty, with TC; 0: none */
    uint32_t rate_exempt_count;
    struct dns_catalog_network rate_exempt[DNS_CATALOG_NETWORKS];
    struct dns_catalog_access allow; /* of zones without a list of their own, and of class CHAOS */
    uint32_t transfer_count;         /* who may transfer zones; 0: nobody */
    struct dns_catalog_network transfer[DNS_CATALOG_NETWORKS];
};

struct dns_catalog {
    struct dns_catalog_settings settings;
    uint32_t zones_count;
    struct dns_zone *zones[DNS_CATALOG_ZONES]; /* owned; those with longer names first */
    struct dns_index *index;                   /* owned; NULL: not made yet */
    uint64_t signatures;                       /* that the signed zones have, about */
    uint32_t dynamic_count;
    struct dns_zone_dynamic dynamic[DNS_ZONE_NAMES];
    struct dns_steer *steer; /* owned; NULL: no policies */
};

/* NULL: out of memory. */
struct dns_catalog *dns_catalog_new(void);
void dns_catalog_free(struct dns_catalog *catalog);

/* Takes the zone over. ERR_EXISTS: it has one of that name; ERR_TOO_LARGE: too many zones or dynamic names. */
enum err dns_catalog_add(struct dns_catalog *catalog, struct dns_zone *zone) ERR_CHECK;

/* After the last zone: nearly all names are then found at once. ERR_NO_MEMORY. */
enum err dns_catalog_index(struct dns_catalog *catalog) ERR_CHECK;

/* The zone that answers for a name in lower case, the one above for DS at a zone's apex when it is here (RFC 4035,
 * 3.1.4.1); NULL: none. */
const struct dns_zone *dns_catalog_find(const struct dns_catalog *catalog, const struct dns_name *name, uint16_t type);

/* The zone of exactly that name in lower case; NULL: none. */
const struct dns_zone *dns_catalog_zone(const struct dns_catalog *catalog, const struct dns_name *origin);

/* Gives the zone, which is not yet in a catalogue, a list of its own. ERR_NO_MEMORY. */
enum err dns_catalog_restrict(struct dns_zone *zone, const struct dns_catalog_access *access) ERR_CHECK;

/* Whether this address may ask about a zone (NULL: class CHAOS). Who may transfer zones may ask, too. */
bool dns_catalog_admits(const struct dns_catalog *catalog, const struct dns_zone *zone,
                        const struct view_address *asker);

/* Whether one of the networks holds the address. */
bool dns_catalog_network_holds(const struct dns_catalog_network *networks, uint32_t networks_count,
                               const struct view_address *address);
