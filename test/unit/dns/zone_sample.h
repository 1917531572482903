/* SPDX-License-Identifier: Apache-2.0
 * The zone and the view that the DNS tests share. */
#pragma once

#include <stdio.h>
#include <string.h>

#include "core/view.h"
#include "dns/dns_zone.h"

#define SAMPLE_ZONE                                                                                                    \
    "$TTL 300\n"                                                                                                       \
    "@ SOA ns1 hostmaster 7 3600 900 604800 60\n"                                                                      \
    "@ NS ns1\n"                                                                                                       \
    "@ NS ns2.other.test.\n"                                                                                           \
    "@ MX 10 mail\n"                                                                                                   \
    "ns1 A 10.0.0.1\n"                                                                                                 \
    "mail A 10.0.0.2\n"                                                                                                \
    "mail A 10.0.0.3\n"                                                                                                \
    "mail AAAA 2001:db8::2\n"                                                                                          \
    "*.wild TXT \"any\"\n"                                                                                             \
    "*.wild MX 5 mail\n"                                                                                               \
    "there.wild A 10.0.0.4\n"                                                                                          \
    "deep.empty.ent A 10.0.0.5\n"                                                                                      \
    "alias CNAME mail\n"                                                                                               \
    "alias2 CNAME alias\n"                                                                                             \
    "toapp CNAME www\n"                                                                                                \
    "nowhere CNAME missing\n"                                                                                          \
    "away CNAME www.other.test.\n"                                                                                     \
    "loop1 CNAME loop2\n"                                                                                              \
    "loop2 CNAME loop1\n"                                                                                              \
    "sub NS ns.sub\n"                                                                                                  \
    "sub NS ns1\n"                                                                                                     \
    "sub DS 1 13 9 0102\n"                                                                                             \
    "ns.sub A 10.0.0.6\n"                                                                                              \
    "www TXT \"static beside dynamic\"\n"

static inline struct dns_name sample_name(const char *text)
{
    struct dns_name name = {0};
    const enum err err = dns_name_parse(span_text(text), NULL, &name);
    return err == ERR_OK ? name : (struct dns_name){0};
}

static inline struct dns_zone *sample_zone(void)
{
    char problem[DNS_ZONE_PROBLEM];
    struct dns_zone *zone = NULL;
    struct dns_zone_dynamic dynamic[2] = {{.ttl_s = 5, .endpoint = "web"}, {.ttl_s = 30, .endpoint = "nothing"}};
    const struct dns_name origin = sample_name("Example.test.");
    dynamic[0].name = sample_name("WWW.example.test.");
    dynamic[1].name = sample_name("none.example.test.");
    const enum err err = dns_zone_parse("sample", span_text(SAMPLE_ZONE),
                                        &(struct dns_zone_want){&origin, dynamic, 2, false}, problem, &zone);
    if (err != ERR_OK) {
        fprintf(stderr, "%s\n", problem);
        return NULL;
    }
    return zone;
}

static inline void sample_endpoint(struct view *view, uint32_t region, uint8_t last, uint16_t family)
{
    struct view_endpoint *endpoint = &view->endpoints[view->endpoints_count++];
    snprintf(endpoint->name, sizeof endpoint->name, "web");
    endpoint->region = region;
    endpoint->healthy = 1;
    endpoint->address.family = family;
    endpoint->address.bytes[0] = family == 4 ? 192 : 0x20;
    endpoint->address.bytes[1] = (uint8_t)region;
    endpoint->address.bytes[family == 4 ? 3 : 15] = last;
}

/* taiwan (two IPv4, one IPv6), tokyo (two IPv4); homes 10.1/16 and 10.2/16, 10.2.128/17 again taiwan's. */
static inline void sample_view(struct view *view)
{
    memset(view, 0, sizeof *view);
    view->version = 42;
    view->regions_count = 2;
    snprintf(view->regions[0].name, LIMITS_NAME, "taiwan");
    snprintf(view->regions[1].name, LIMITS_NAME, "tokyo");
    sample_endpoint(view, 0, 1, 4);
    sample_endpoint(view, 0, 2, 4);
    sample_endpoint(view, 0, 1, 6);
    sample_endpoint(view, 1, 1, 4);
    sample_endpoint(view, 1, 2, 4);
    view->networks_count = 3;
    view->networks[0] = (struct view_network){.address = {{10, 1}, 0, 4}, .prefix_bits = 16, .home = 0};
    view->networks[1] = (struct view_network){.address = {{10, 2}, 0, 4}, .prefix_bits = 16, .home = 1};
    view->networks[2] = (struct view_network){.address = {{10, 2, 128}, 0, 4}, .prefix_bits = 17, .home = 0};
    view->split[0][0] = VIEW_SHARES_WHOLE;
    view->split[1][1] = VIEW_SHARES_WHOLE;
    view->split[VIEW_HOME_DEFAULT][0] = 6000;
    view->split[VIEW_HOME_DEFAULT][1] = 4000;
    view_seal(view);
}
