/* SPDX-License-Identifier: Apache-2.0
 * The zone files that a configuration names. */
#include "bin/cli_zone.h"

#include <unistd.h>

#include "bin/serve_dns.h"
#include "bin/verb.h"

/* Whether this host has all of them. */
static bool cli_zone_here(const struct config_dns *dns)
{
    bool here = dns->zone_file != NULL && access(dns->zone_file, R_OK) == 0;
    for (uint32_t i = 0; i < dns->zones_count; i++) {
        here = here && access(dns->zones[i].file, R_OK) == 0;
    }
    return here;
}

static int cli_zone_read(struct dns_server_options *options, char *problem)
{
    struct dns_catalog *catalog = NULL;
    for (uint32_t i = 0; i < options->zones_count; i++) {
        options->zones[i].keys.directory = NULL; /* who checks need not be able to read keys */
    }
    const enum err err = dns_server_read(options, problem, &catalog);
    dns_catalog_free(catalog);
    return err == ERR_OK ? VERB_OK : VERB_CONFIG;
}

int cli_zone_check(const struct config *config, char *problem)
{
    static struct serve_dns_paths paths;
    static struct dns_server_options options;
    uint32_t site = 0;
    problem[0] = 0;
    while (site < config->sites_count && config->sites[site].dns.listen_count == 0) {
        site++;
    }
    if (site == config->sites_count || !cli_zone_here(&config->dns)) {
        return VERB_OK;
    }
    if (serve_dns_options(config, site, &paths, problem, &options) != ERR_OK) {
        return VERB_CONFIG;
    }
    options.settings.transfer_count = config->dns.transfer.allow_count > 0 ? 1 : 0; /* that there is one is enough */
    return cli_zone_read(&options, problem);
}
