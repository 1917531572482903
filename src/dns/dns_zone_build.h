/* SPDX-License-Identifier: Apache-2.0
 * Puts records into a zone, and refuses those that would give wrong answers: see dns/dns_zone.h.
 *
 * Records first, then dynamic names, then the finish. After an error the zone is good for dns_zone_free only. */
#pragma once

#include "dns/dns_zone.h"
#include "wire/dns_zonefile.h"

struct dns_zone_build {
    struct dns_zone *zone;
    const char *file; /* which the records come from; lives as long as the zone */
    char *problem;    /* DNS_ZONE_PROBLEM bytes */
};

enum err dns_zone_build_record(struct dns_zone_build *build, const struct dns_zonefile_record *record) ERR_CHECK;
enum err dns_zone_build_dynamic(struct dns_zone_build *build, const struct dns_zone_want *want) ERR_CHECK;
enum err dns_zone_build_finish(struct dns_zone_build *build) ERR_CHECK;
