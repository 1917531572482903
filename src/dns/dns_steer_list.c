/* SPDX-License-Identifier: Apache-2.0
 * The networks of geolocation and latency policies. */
#include "dns/dns_steer_list.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "dns/dns_file.h"
#include "dns/dns_steer_load.h"

enum { DNS_STEER_LIST_LABEL = 96 };

uint32_t dns_steer_list_ref(const struct config *config, const char *name)
{
    const uint32_t region = config_region_find(config, name);
    if (region != CONFIG_NONE) {
        return region;
    }
    const uint32_t policy = config_dns_policy_find(config, name);
    ASSERT(policy != CONFIG_NONE); /* the configuration was verified */
    return DNS_STEER_REGIONS + policy;
}

uint32_t dns_steer_list_label(struct dns_steer_list *list, const char *format, ...)
{
    struct dns_steer *steer = list->steer;
    char text[DNS_STEER_LIST_LABEL];
    if (list->only == NULL || steer->labels_count == UINT16_MAX) {
        return 0;
    }
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    char **labels = realloc(steer->labels, (steer->labels_count + 1U) * sizeof *labels);
    if (labels == NULL) {
        return 0;
    }
    steer->labels = labels;
    labels[steer->labels_count] = strdup(text);
    if (labels[steer->labels_count] == NULL) {
        return 0;
    }
    return ++steer->labels_count;
}

/* ---- one network ---- */

/* What a network is put in with. */
struct dns_steer_list_mark {
    uint32_t node;
    uint32_t fragment;
    uint32_t line;
    uint32_t source;
};

bool dns_steer_list_holds(const struct dns_networks_line *line, const struct view_address *client)
{
    const struct dns_networks_key key = dns_networks_key(client->bytes, client->family);
    return dns_networks_text_holds(line, client->family, &key);
}

static enum err dns_steer_list_add(struct dns_steer_list *list, const struct dns_networks_line *line,
                                   const struct dns_steer_list_mark *mark)
{
    if (list->only != NULL && !dns_steer_list_holds(line, list->only)) {
        return ERR_OK;
    }
    const struct dns_networks_entry entry = {.start = line->start,
                                             .value = mark->fragment,
                                             .line = mark->line,
                                             .bits = line->bits,
                                             .list = (uint8_t)mark->node,
                                             .source = (uint16_t)mark->source};
    return dns_networks_merge_add(&list->build->merge, line->family, &entry);
}

static struct dns_networks_line dns_steer_list_network(const struct config_network *network)
{
    const uint32_t family = network->address.family == CONFIG_FAMILY_IPV6 ? 6 : 4;
    return (struct dns_networks_line){.family = family,
                                      .start = dns_networks_key(network->address.bytes, family),
                                      .bits = (uint8_t)network->prefix_bits};
}

static enum err dns_steer_list_inline(struct dns_steer_list *list, const struct config_network *networks,
                                      uint32_t count, const struct dns_steer_list_mark *mark)
{
    enum err err = ERR_OK;
    for (uint32_t i = 0; i < count && err == ERR_OK; i++) {
        const struct dns_networks_line line = dns_steer_list_network(&networks[i]);
        err = dns_steer_list_add(list, &line, mark);
    }
    return err;
}

void dns_steer_list_twice(const struct dns_steer_list *list)
{
    const struct dns_networks_entry *pair = list->build->merge.twice;
    char text[2][256];
    char address[INET6_ADDRSTRLEN];
    uint8_t bytes[16];
    for (uint32_t i = 0; i < 16; i++) {
        bytes[i] = (uint8_t)((i < 8 ? pair[0].start.high : pair[0].start.low) >> (56 - 8 * (i % 8)));
    }
    /* Which family it was is not in the entry: what fits into 32 bits is shown as IPv4. */
    const bool four = pair[0].start.low == 0 && (pair[0].start.high & UINT32_MAX) == 0 && pair[0].bits <= 32;
    inet_ntop(four ? AF_INET : AF_INET6, bytes, address, sizeof address);
    for (uint32_t i = 0; i < 2; i++) {
        if (pair[i].source > 0) {
            snprintf(text[i], sizeof text[i], "%.150s:%u", list->sources[pair[i].source - 1], pair[i].line);
        } else {
            snprintf(text[i], sizeof text[i], "the configuration");
        }
    }
    /* A file's line first. */
    const uint32_t first = pair[1].source > 0 ? 1 : 0;
    snprintf(list->problem, DNS_STEER_PROBLEM,
             "%.170s: network %s/%u of policy %s is there twice and leads to different places; it stands in %.170s as "
             "well",
             text[first], address, pair[0].bits, list->steer->nodes[pair[0].list].name, text[1 - first]);
}

/* ---- files ---- */

static enum err dns_steer_list_source(struct dns_steer_list *list, const char *path, char **ret_text, size_t *ret_size,
                                      uint32_t *ret_source)
{
    const enum err err = dns_file_read(path, DNS_STEER_FILE_BYTES, ret_text, ret_size);
    if (err != ERR_OK) {
        snprintf(list->problem, DNS_STEER_PROBLEM, "%.300s: %s", path, err_text(err));
        return err;
    }
    ASSERT(list->sources_count < DNS_STEER_SOURCES);
    list->sources[list->sources_count++] = path;
    *ret_source = list->sources_count;
    return ERR_OK;
}

/* A line of a table: the children by their times, the nearest first. What is wrong; NULL: nothing. */
static const char *dns_steer_list_times(struct dns_steer_list *list, struct span rest, struct dns_steer_chain *chain,
                                        uint32_t times[DNS_STEER_REFS])
{
    while (rest.size > 0) {
        char name[LIMITS_NAME];
        const struct span word = dns_networks_text_word(&rest);
        const uint8_t *equals = memchr(word.data, '=', word.size);
        const size_t size = equals != NULL ? (size_t)(equals - word.data) : word.size;
        uint64_t ms = 0;
        size_t at = size + 1;
        for (; at < word.size && word.data[at] >= '0' && word.data[at] <= '9' && ms <= 60000; at++) {
            ms = ms * 10 + (uint64_t)(word.data[at] - '0');
        }
        if (equals == NULL || size >= sizeof name || size + 1 == word.size || at < word.size || ms > 60000) {
            return "not a time; expected NAME=MILLISECONDS, at most 60000, for example tokyo=12";
        }
        memcpy(name, word.data, size);
        name[size] = 0;
        if (config_region_find(list->config, name) == CONFIG_NONE &&
            config_dns_policy_find(list->config, name) == CONFIG_NONE) {
            return "a time to what does not exist; expected the name of a region or policy";
        }
        const uint32_t before = chain->count;
        dns_steer_build_append(chain, dns_steer_list_ref(list->config, name), 0);
        if (chain->count == before) {
            return "a name twice; expected one time for each";
        }
        times[before] = (uint32_t)ms;
    }
    return chain->count > 0 ? NULL : "no times; expected NAME=MILLISECONDS behind the network";
}

/* The nearest first; of equal ones that which was named first. */
static void dns_steer_list_sort(struct dns_steer_list *list, struct dns_steer_chain *chain,
                                uint32_t times[DNS_STEER_REFS])
{
    for (uint32_t i = 1; i < chain->count; i++) {
        const uint8_t ref = chain->refs[i];
        const uint32_t ms = times[i];
        uint32_t at = i;
        for (; at > 0 && times[at - 1] > ms; at--) {
            times[at] = times[at - 1];
            chain->refs[at] = chain->refs[at - 1];
        }
        times[at] = ms;
        chain->refs[at] = ref;
    }
    for (uint32_t i = 0; i < chain->count; i++) {
        chain->labels[i] = (uint16_t)dns_steer_list_label(list, "%u ms away", times[i]);
    }
}

static enum err dns_steer_list_broken(struct dns_steer_list *list, const char *path,
                                      const struct dns_networks_text *text, const char *what)
{
    snprintf(list->problem, DNS_STEER_PROBLEM, "%.300s:%u:%u: %s", path, text->line, text->column, what);
    return ERR_INVALID;
}

/* Lines of an area (`mark` has its fragment), or of a table of times. */
static enum err dns_steer_list_lines(struct dns_steer_list *list, const char *path, struct span content, bool table,
                                     struct dns_steer_list_mark *mark)
{
    struct dns_networks_text text;
    struct dns_networks_line line;
    enum dns_networks_item item;
    enum err err = ERR_OK;
    dns_networks_text_init(&text, content);
    while (err == ERR_OK && (item = dns_networks_text_next(&text, &line)) != DNS_NETWORKS_END) {
        struct dns_steer_chain chain = {0};
        uint32_t times[DNS_STEER_REFS] = {0};
        const char *what = text.problem;
        if (item == DNS_NETWORKS_LINE) {
            text.column = 1;
            what = table                ? dns_steer_list_times(list, line.rest, &chain, times)
                   : line.rest.size > 0 ? "something behind the network; expected one network a line"
                                        : NULL;
        }
        if (what != NULL) {
            return dns_steer_list_broken(list, path, &text, what);
        }
        if (table) {
            if (list->only != NULL && !dns_steer_list_holds(&line, list->only)) {
                continue;
            }
            dns_steer_measured_fill(&list->networks, &line, &chain, times);
            dns_steer_list_sort(list, &chain, times);
            err = dns_steer_build_fragment(list->build, &chain, &mark->fragment);
        }
        mark->line = text.line;
        err = err == ERR_OK ? dns_steer_list_add(list, &line, mark) : err;
    }
    return err;
}

static enum err dns_steer_list_file(struct dns_steer_list *list, const char *path, bool table,
                                    struct dns_steer_list_mark *mark)
{
    char *text = NULL;
    size_t size = 0;
    enum err err = dns_steer_list_source(list, path, &text, &size, &mark->source);
    if (err == ERR_OK) {
        err = dns_steer_list_lines(list, path, span_of(text, size), table, mark);
    }
    free(text);
    return err;
}

/* ---- policies ---- */

static enum err dns_steer_list_area(struct dns_steer_list *list, uint32_t node, const struct config_dns_area *area)
{
    struct dns_steer_chain chain = {0};
    struct dns_steer_list_mark mark = {.node = node};
    const uint32_t label = dns_steer_list_label(list, "in the networks %.64s", area->name);
    dns_steer_build_append(&chain, dns_steer_list_ref(list->config, area->to), label);
    enum err err = dns_steer_build_fragment(list->build, &chain, &mark.fragment);
    if (err == ERR_OK) {
        err = dns_steer_list_inline(list, area->networks, area->networks_count, &mark);
    }
    return err == ERR_OK && area->file != NULL ? dns_steer_list_file(list, area->file, false, &mark) : err;
}

static enum err dns_steer_list_row(struct dns_steer_list *list, uint32_t node, const struct config_dns_latency_row *row)
{
    struct dns_steer_chain chain = {0};
    struct dns_steer_list_mark mark = {.node = node};
    uint32_t times[DNS_STEER_REFS] = {0};
    for (uint32_t i = 0; i < row->times_count; i++) {
        times[chain.count] = row->times[i].ms;
        dns_steer_build_append(&chain, dns_steer_list_ref(list->config, row->times[i].name), 0);
    }
    for (uint32_t i = 0; i < row->networks_count; i++) {
        const struct dns_networks_line line = dns_steer_list_network(&row->networks[i]);
        dns_steer_measured_fill(&list->networks, &line, &chain, times);
    }
    dns_steer_list_sort(list, &chain, times);
    const enum err err = dns_steer_build_fragment(list->build, &chain, &mark.fragment);
    return err == ERR_OK ? dns_steer_list_inline(list, row->networks, row->networks_count, &mark) : err;
}

static enum err dns_steer_list_latency(struct dns_steer_list *list, uint32_t node,
                                       const struct config_dns_latency *latency)
{
    enum err err = ERR_OK;
    for (uint32_t i = 0; i < latency->networks_count && err == ERR_OK; i++) {
        err = dns_steer_list_row(list, node, &latency->networks[i]);
    }
    if (err == ERR_OK && latency->file != NULL) {
        struct dns_steer_list_mark mark = {.node = node};
        err = dns_steer_list_file(list, latency->file, true, &mark);
    }
    return err;
}

/* ---- measured networks ---- */

static void dns_steer_list_told(struct dns_steer_list *list, const struct dns_steer_measured_row *row,
                                struct dns_steer_chain *chain)
{
    for (uint32_t i = 0; i < chain->count; i++) {
        const struct dns_steer_measured_cell *cell = &row->cells[chain->refs[i]];
        const unsigned ms = cell->us / 1000;
        const unsigned tenth = cell->us % 1000 / 100;
        const int64_t age_s = list->now_s > cell->seen_s ? list->now_s - cell->seen_s : 0;
        chain->labels[i] =
            (uint16_t)(cell->measured
                           ? dns_steer_list_label(list, "%u.%u ms away, measured %" PRId64 " s ago", ms, tenth, age_s)
                           : dns_steer_list_label(list, "%u ms away by the configured table", ms));
    }
}

static enum err dns_steer_list_compare(struct dns_steer_list *list, uint32_t node)
{
    struct dns_steer_list_mark mark = {.node = DNS_STEER_MEASURED + node};
    enum err err = ERR_OK;
    for (uint32_t i = 0; i < list->networks.count && err == ERR_OK; i++) {
        struct dns_steer_chain chain;
        if (!dns_steer_measured_order(&list->networks.rows[i], &chain)) {
            continue;
        }
        dns_steer_list_told(list, &list->networks.rows[i], &chain);
        err = dns_steer_build_fragment(list->build, &chain, &mark.fragment);
        err = err == ERR_OK ? dns_steer_list_add(list, &list->networks.rows[i].line, &mark) : err;
    }
    return err;
}

/* Those of the policy's regions, which the configured networks then complete. */
static enum err dns_steer_list_measured(struct dns_steer_list *list, const struct config_dns_latency *latency)
{
    uint8_t refs[LATENCY_TABLE_PLACES];
    for (uint32_t place = 0; place < LATENCY_TABLE_PLACES; place++) {
        refs[place] = DNS_STEER_NONE;
        for (uint32_t i = 0; i < latency->measured_count && place < list->measured->places_count; i++) {
            if (strcmp(list->measured->places[place], latency->measured[i]) == 0) {
                refs[place] = (uint8_t)dns_steer_list_ref(list->config, latency->measured[i]);
            }
        }
    }
    return dns_steer_measured_begin(&list->networks, list->measured, refs, list->only);
}

enum err dns_steer_list_policy(struct dns_steer_list *list, uint32_t node)
{
    const struct config_dns_policy *policy = &list->config->dns.policies[node];
    enum err err = ERR_OK;
    for (uint32_t i = 0; i < policy->geolocation.networks_count && err == ERR_OK; i++) {
        err = dns_steer_list_area(list, node, &policy->geolocation.networks[i]);
    }
    if (err == ERR_OK && list->measured != NULL && policy->latency.measured_count > 0) {
        err = dns_steer_list_measured(list, &policy->latency);
    }
    err = err == ERR_OK ? dns_steer_list_latency(list, node, &policy->latency) : err;
    err = err == ERR_OK ? dns_steer_list_compare(list, node) : err;
    dns_steer_measured_end(&list->networks);
    return err;
}
