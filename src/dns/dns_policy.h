/* SPDX-License-Identifier: Apache-2.0
 * Which region answers for a dynamic name, and with which endpoints: the split of the view, sticky by client network.
 *
 * 1. Home: the longest network of the view that holds the client gives the split's row. A name with a policy asks that
 *    instead (dns/dns_steer.h): the region it picks is the home. So a policy says where clients belong, the split where
 *    those who belong somewhere are now, and both together are their product. A region can answer for a policy when one
 *    that its row leads to has a healthy endpoint. Multivalue has several homes, and the answer takes from all.
 * 2. Point in [0, 10000): a hash of the client's network (/24 or /56) and the name, so a client network keeps its
 *    region while the shares grow towards it.
 * 3. Region: the row's region at that point. Has it no healthy endpoint of this name, a second draw among the row's
 *    regions that have, in proportion to their shares. None has: the region stays - the last-standing answer, with all
 *    its endpoints, never an empty one. Regions without a share are never drawn: they may be fenced.
 *
 * Pure: works on a view and memory of the caller. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/view.h"
#include "dns/dns_home.h"
#include "dns/dns_steer.h"
#include "dns/dns_zone.h"

enum {
    DNS_POLICY_BITS_4 = 24, /* the client networks that stay together */
    DNS_POLICY_BITS_6 = 56,
    DNS_POLICY_VALUES = 8, /* of a multivalue answer */
};

/* A run of endpoints: first the healthy ones. */
struct dns_policy_run {
    uint8_t first; /* in dns_policy_plan.order */
    uint8_t healthy;
    uint8_t all;
};

/* Where clients of a home are sent. */
struct dns_policy_landing {
    uint8_t row;        /* of the split */
    bool whole;         /* one region has all of that row, so the rest is known before any client asks: */
    bool last_standing; /* ... */
    uint8_t drawn;      /* ... */
    uint8_t region;     /* ... */
};

/* The endpoints of one dynamic name by region and family (0: IPv4, 1: IPv6). */
struct dns_policy_plan {
    uint64_t hash; /* of the name */
    struct dns_policy_landing landings[VIEW_HOMES];
    struct dns_policy_run runs[LIMITS_REGIONS][2];
    uint8_t order[LIMITS_ENDPOINTS]; /* indices into the view's endpoints */
    uint8_t count;                   /* 0: the view has no endpoint of this name */
    uint32_t ttl_s[LIMITS_REGIONS];  /* of answers that lead to a region: its ceiling is applied */
};

/* Made once per view, so that an answer compares no names. Zero before the first time. */
struct dns_policy {
    const struct view *view; /* NULL: no view yet */
    uint64_t version;
    struct dns_home homes;
    struct dns_policy_plan plans[DNS_ZONE_NAMES];
    const struct dns_steer *steer;           /* NULL: no policies */
    uint32_t steer_names[DNS_ZONE_NAMES];    /* the name's policy, from 1; 0: none */
    uint8_t steer_masks[DNS_ZONE_NAMES];     /* which of the policies' regions can answer for it */
    uint32_t steer_homes[DNS_STEER_REGIONS]; /* their numbers in the view; VIEW_HOME_DEFAULT: it knows none such */
};

struct dns_policy_choice {
    uint32_t home;       /* region or VIEW_HOME_DEFAULT */
    uint32_t row;        /* of the split: home, or VIEW_HOME_DEFAULT where home's is empty */
    uint32_t point;      /* LIMITS_NONE: the row has one region, nothing was drawn */
    uint32_t drawn;      /* region by the split */
    uint32_t region;     /* the one that answers */
    uint32_t scope_bits; /* the client prefix that decided: every client inside gets the same region (RFC 7871) */
    uint32_t ttl_s;      /* of the answer */
    bool last_standing;  /* no region of the row has a healthy endpoint */
    bool steered;        /* by `pick` */
    struct dns_steer_pick pick;
    uint8_t values_count[2]; /* multivalue, by family: the answer; `region` is one of several */
    uint8_t values[2][DNS_POLICY_VALUES];
};

/* Prepares the answers from a view (NULL: none). Names are the zone's dynamic ones. */
void dns_policy_prepare(struct dns_policy *policy, const struct view *view, const struct dns_zone_dynamic *names,
                        uint32_t names_count);

/* After each dns_policy_prepare, for names with policies. NULL: none have one. */
void dns_policy_steer(struct dns_policy *policy, const struct dns_steer *steer);

/* `name` < names_count; the view has endpoints of that name (plans[name].count > 0). */
void dns_policy_choose(const struct dns_policy *policy, uint32_t name, const struct view_address *client,
                       struct dns_policy_choice *ret_choice);

/* Of the client's network (DNS_POLICY_BITS_4, _6) and the name: what draws are made with. */
uint64_t dns_policy_hash(const struct dns_policy *policy, uint32_t name, const struct view_address *client);

/* The endpoints to answer with: the healthy ones of the family (0: IPv4, 1: IPv6); all of them when it is the
 * last-standing answer. None: the region has no (healthy) endpoint of this family, while it has one of the other. */
uint32_t dns_policy_endpoints(const struct dns_policy *policy, uint32_t name, const struct dns_policy_choice *choice,
                              uint32_t family, const uint8_t **ret_order);
