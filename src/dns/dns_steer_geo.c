/* SPDX-License-Identifier: Apache-2.0
 * What the geographic database says about the policies of a table. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/dns_file.h"
#include "dns/dns_mmdb.h"
#include "dns/dns_steer_list.h"
#include "dns/dns_steer_load.h"

/* The child that a code leads to goes behind those of smaller areas. */
static void dns_steer_geo_code(const struct dns_steer_list *list, const struct config_dns_code *codes, uint32_t count,
                               const char *code, struct dns_steer_chain *chain)
{
    for (uint32_t i = 0; i < count && code[0] != 0; i++) {
        if (strcmp(codes[i].name, code) == 0) {
            dns_steer_build_append(chain, dns_steer_list_ref(list->config, codes[i].to), 0);
        }
    }
}

/* What a place means for one policy: subdivisions, the smaller first, country, continent. */
static void dns_steer_geo_chain(const struct dns_steer_list *list, const struct config_dns_geolocation *geolocation,
                                const struct dns_mmdb_place *place, struct dns_steer_chain *chain)
{
    for (uint32_t i = DNS_MMDB_SUBDIVISIONS; i-- > 0;) {
        char code[2 * DNS_MMDB_CODE + 2] = "";
        if (place->subdivisions[i][0] != 0) {
            snprintf(code, sizeof code, "%s-%s", place->country, place->subdivisions[i]);
        }
        dns_steer_geo_code(list, geolocation->subdivisions, geolocation->subdivisions_count, code, chain);
    }
    dns_steer_geo_code(list, geolocation->countries, geolocation->countries_count, place->country, chain);
    dns_steer_geo_code(list, geolocation->continents, geolocation->continents_count, place->continent, chain);
}

/* Says in a label where the client is (explaining). */
static void dns_steer_geo_label(struct dns_steer_list *list, const struct dns_mmdb_place *place,
                                struct dns_steer_chain *chain)
{
    if (list->only == NULL) {
        return;
    }
    const uint32_t label = dns_steer_list_label(list, "by the database it is in %s%s%s%s%s", place->subdivisions[0],
                                                place->subdivisions[0][0] != 0 ? ", " : "", place->country,
                                                place->continent[0] != 0 ? ", " : "", place->continent);
    for (uint32_t i = 0; i < chain->count; i++) {
        chain->labels[i] = (uint16_t)label;
    }
}

static enum err dns_steer_geo_place(void *context, const struct dns_mmdb_place *place, uint32_t *ret_value)
{
    struct dns_steer_list *list = context;
    const struct dns_steer_table *table = list->build->table;
    uint32_t fragments[DNS_STEER_NODES] = {0};
    bool any = false;
    for (uint32_t node = 0; node < list->steer->nodes_count; node++) {
        struct dns_steer_chain chain = {0};
        uint32_t fragment;
        if ((table->nodes >> node & 1) == 0) {
            continue;
        }
        dns_steer_geo_chain(list, &list->config->dns.policies[node].geolocation, place, &chain);
        if (chain.count == 0) {
            continue;
        }
        dns_steer_geo_label(list, place, &chain);
        const enum err err = dns_steer_build_fragment(list->build, &chain, &fragment);
        if (err != ERR_OK) {
            return err;
        }
        fragments[table->slots[node]] = fragment + 1;
        any = true;
    }
    if (!any) {
        return ERR_OK; /* networks of no interest */
    }
    return dns_intern_put(&list->build->places, fragments, ret_value) ? ERR_OK : ERR_TOO_LARGE;
}

static enum err dns_steer_geo_network(void *context, uint32_t family, struct dns_networks_key start, uint32_t bits,
                                      uint32_t value)
{
    const struct dns_steer_list *list = context;
    const struct dns_networks_line line = {.family = family, .start = start, .bits = (uint8_t)bits};
    if (list->only != NULL && !dns_steer_list_holds(&line, list->only)) {
        return ERR_OK;
    }
    const struct dns_networks_entry entry = {
        .start = start, .value = value, .bits = (uint8_t)bits, .list = DNS_STEER_GEO};
    return dns_networks_merge_add(&list->build->merge, family, &entry);
}

/* Whether a policy of the table names codes. */
static bool dns_steer_geo_wanted(const struct dns_steer_list *list)
{
    for (uint32_t node = 0; node < list->steer->nodes_count; node++) {
        const struct config_dns_geolocation *geolocation = &list->config->dns.policies[node].geolocation;
        if ((list->build->table->nodes >> node & 1) != 0 &&
            geolocation->subdivisions_count + geolocation->countries_count + geolocation->continents_count > 0) {
            return true;
        }
    }
    return false;
}

enum err dns_steer_geo(struct dns_steer_list *list)
{
    const char *path = list->config->dns.geo_database;
    const char *why = NULL;
    char *text = NULL;
    size_t size = 0;
    if (path == NULL || !dns_steer_geo_wanted(list)) {
        return ERR_OK;
    }
    enum err err = dns_file_read(path, DNS_MMDB_BYTES, &text, &size);
    if (err == ERR_OK) {
        const struct dns_mmdb_taker taker = {list, dns_steer_geo_place, dns_steer_geo_network};
        err = dns_mmdb_walk(span_of(text, size), &taker, &why);
    }
    free(text);
    if (err != ERR_OK) {
        snprintf(list->problem, DNS_STEER_PROBLEM, "%.300s: %s", path, why != NULL ? why : err_text(err));
    }
    return err;
}
