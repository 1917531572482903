/* SPDX-License-Identifier: Apache-2.0
 * Makes a zone a signed one: its keys as records at the apex, and what signing needs to know of its names.
 *
 * Nothing is signed here: dns/dns_sign.h does that when somebody asks. */
#pragma once

#include "dns/dns_zone.h"

enum {
    /* The serial is the file's, plus one for each change of the keys, plus one for each of these periods since 1970, so
     * that secondaries fetch new signatures long before the old ones end: they live for 14 days less a day of jitter.
     */
    DNS_ZONE_SIGN_PERIOD_S = 3 * 86400,
};

/* Takes the keyring over, also on an error. ERR_INVALID: the zone has records that signing makes, or a name with too
 * many types; `problem` (DNS_ZONE_PROBLEM bytes) names the place. */
enum err dns_zone_sign(struct dns_zone *zone, struct dns_keyring *keyring, char *problem) ERR_CHECK;

/* Memory for dns_zone_sign_soa. */
struct dns_zone_sign_soa {
    struct dns_zone_set set;
    struct dns_zone_data data;
    uint8_t rdata[2 * DNS_NAME_MAX + 20];
};

/* The SOA to answer with: that of the file; in a signed zone with the serial of this period. */
const struct dns_zone_set *dns_zone_sign_soa(const struct dns_zone *zone, uint32_t now_s,
                                             struct dns_zone_sign_soa *memory);

/* The serial of that SOA. */
uint32_t dns_zone_sign_serial(const struct dns_zone *zone, uint32_t now_s);
