/* SPDX-License-Identifier: Apache-2.0
 * Which domain name an operator means. */
#include "bin/cli_dns_name.h"

#include <string.h>

static bool cli_dns_name_within(const struct dns_name *name, const char *zone_text)
{
    struct dns_name zone;
    return zone_text != NULL && dns_name_parse(span_text(zone_text), NULL, &zone) == ERR_OK &&
           dns_name_within(name, &zone);
}

static bool cli_dns_name_ours(const struct config *config, const struct dns_name *name)
{
    bool ours = cli_dns_name_within(name, config->dns.zone);
    for (uint32_t i = 0; i < config->dns.zones_count; i++) {
        ours = ours || cli_dns_name_within(name, config->dns.zones[i].name);
    }
    return ours;
}

enum err cli_dns_name_parse(const struct config *config, const char *text, struct dns_name *ret_name)
{
    struct dns_name name;
    struct dns_name zone;
    const bool absolute = text[0] != 0 && text[strlen(text) - 1] == '.';
    enum err err = dns_name_parse(span_text(text), NULL, &name);
    if (!absolute && config != NULL && config->dns.zone != NULL &&
        (err != ERR_OK || !cli_dns_name_ours(config, &name))) {
        err = dns_name_parse(span_text(config->dns.zone), NULL, &zone);
        err = err == ERR_OK ? dns_name_parse(span_text(text), &zone, &name) : err;
    }
    if (err == ERR_OK) {
        *ret_name = name;
    }
    return err;
}
