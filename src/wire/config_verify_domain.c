/* SPDX-License-Identifier: Apache-2.0
 * The domain names of DNS are there once each: WWW is www, and a name below one zone may be a name of another. */
#include "wire/config_verify_domain.h"

#include "wire/dns_name.h"

/* A zone, or a dynamic name in one. */
struct config_verify_domain {
    const char *zone; /* key in dns.zones; NULL: dns.zone */
    const char *name; /* NULL: the zone itself */
    struct dns_name domain;
};

/* The zone's name into `origin`; size 0: not one, which was told where it was read. */
static void config_verify_domain_origin(const struct config_dns *dns, const char *zone, struct dns_name *origin)
{
    const char *text = zone != NULL ? zone : dns->zone;
    if (text == NULL || dns_name_parse(span_text(text), NULL, origin) != ERR_OK) {
        origin->size = 0;
    }
}

/* Number `index` of all: the zones, then the names of each. False: there are no more. */
static bool config_verify_domain_at(const struct config_dns *dns, uint32_t index, struct config_verify_domain *ret_at)
{
    struct dns_name origin;
    *ret_at = (struct config_verify_domain){.zone = NULL};
    if (index <= dns->zones_count) {
        ret_at->zone = index > 0 ? dns->zones[index - 1].name : NULL;
        config_verify_domain_origin(dns, ret_at->zone, &ret_at->domain);
        return true;
    }
    index -= dns->zones_count + 1;
    for (uint32_t i = 0; i <= dns->zones_count; i++) {
        const struct config_dns_name *names = i > 0 ? dns->zones[i - 1].names : dns->names;
        const uint32_t count = i > 0 ? dns->zones[i - 1].names_count : dns->names_count;
        if (index >= count) {
            index -= count;
            continue;
        }
        ret_at->zone = i > 0 ? dns->zones[i - 1].name : NULL;
        ret_at->name = names[index].name;
        config_verify_domain_origin(dns, ret_at->zone, &origin);
        if (origin.size == 0 || dns_name_parse(span_text(ret_at->name), &origin, &ret_at->domain) != ERR_OK) {
            ret_at->domain.size = 0;
        }
        return true;
    }
    return false;
}

static void config_verify_domain_tell(const struct config_verify *verify, const struct config_verify_domain *at)
{
    const struct config_verify_place place =
        at->name == NULL   ? CONFIG_VERIFY_AT(verify, "dns", "zones", at->zone)
        : at->zone == NULL ? CONFIG_VERIFY_AT(verify, "dns", "names", at->name)
                           : CONFIG_VERIFY_AT(verify, "dns", "zones", at->zone, "names", at->name);
    config_problem_error(verify->problems, place.line, place.column,
                         "%s '%.200s' is there twice; expected each once; capital letters make no difference",
                         at->name == NULL ? "zone" : "dynamic name", at->name == NULL ? at->zone : at->name);
}

void config_verify_domain(const struct config_verify *verify)
{
    const struct config_dns *dns = &verify->config->dns;
    struct config_verify_domain at;
    struct config_verify_domain before;
    for (uint32_t i = 1; config_verify_domain_at(dns, i, &at); i++) {
        bool twice = false;
        for (uint32_t j = 0; j < i && !twice && at.domain.size != 0; j++) {
            (void)config_verify_domain_at(dns, j, &before);
            twice = (before.name == NULL) == (at.name == NULL) && dns_name_equal(&before.domain, &at.domain);
        }
        if (twice) {
            config_verify_domain_tell(verify, &at);
        }
    }
}
