/* SPDX-License-Identifier: Apache-2.0
 * holdfast latency: how far client networks are from the regions, as the proxies have measured it. */
#include "bin/cli_latency.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "bin/cli_view.h"
#include "bin/verb.h"
#include "wire/network.h"

enum {
    CLI_LATENCY_ROWS = 1000, /* on a screen */
    CLI_LATENCY_REGIONS = CLI_TEXT_COLUMNS - 3,
};

struct cli_latency {
    const char *regions[CLI_LATENCY_REGIONS];
    size_t regions_count;
};

/* The regions in the order of their names, whoever has a time. */
static void cli_latency_regions(const json_t *networks, struct cli_latency *latency)
{
    size_t i = 0;
    const json_t *network = NULL;
    json_array_foreach(networks, i, network)
    {
        size_t j = 0;
        const json_t *cell = NULL;
        json_array_foreach(json_object_get(network, "regions"), j, cell)
        {
            const char *name = cli_text_member(cell, "region");
            size_t at = 0;
            while (at < latency->regions_count && strcmp(latency->regions[at], name) < 0) {
                at++;
            }
            if ((at < latency->regions_count && strcmp(latency->regions[at], name) == 0) ||
                latency->regions_count == CLI_LATENCY_REGIONS) {
                continue;
            }
            memmove(&latency->regions[at + 1], &latency->regions[at],
                    (latency->regions_count - at) * sizeof latency->regions[0]);
            latency->regions[at] = name;
            latency->regions_count++;
        }
    }
}

/* The region with the shortest time; NULL: there is but one, so none is nearer. */
static const json_t *cli_latency_nearest(const json_t *network)
{
    const json_t *regions = json_object_get(network, "regions");
    const json_t *nearest = json_array_get(regions, 0);
    for (size_t i = 1; i < json_array_size(regions); i++) {
        const json_t *cell = json_array_get(regions, i);
        if (cli_text_integer(cell, "rtt_us", 0) < cli_text_integer(nearest, "rtt_us", 0)) {
            nearest = cell;
        }
    }
    return json_array_size(regions) > 1 ? nearest : NULL;
}

static void cli_latency_row(const struct cli_latency *latency, const json_t *network, struct cli_text_table *table)
{
    char span[CLI_TEXT_SPAN];
    int64_t age_s = INT64_MAX;
    const json_t *nearest = cli_latency_nearest(network);
    cli_text_table_row(table);
    cli_text_table_cell(table, CLI_TEXT_PLAIN, "%s", cli_text_member(network, "network"));
    for (size_t i = 0; i < latency->regions_count; i++) {
        const json_t *cell = cli_text_find(json_object_get(network, "regions"), "region", latency->regions[i]);
        const int64_t rtt_us = cli_text_integer(cell, "rtt_us", 0);
        if (cell == NULL) {
            cli_text_table_cell(table, CLI_TEXT_DIM, "-");
            continue;
        }
        cli_text_table_cell(table, cell == nearest ? CLI_TEXT_GOOD : CLI_TEXT_PLAIN, "%lld.%lld ms",
                            (long long)rtt_us / 1000, (long long)rtt_us % 1000 / 100);
        age_s = cli_text_integer(cell, "age_s", 0) < age_s ? cli_text_integer(cell, "age_s", 0) : age_s;
    }
    cli_text_table_cell(table, CLI_TEXT_GOOD, "%s", nearest != NULL ? cli_text_member(nearest, "region") : "");
    cli_text_table_cell(table, CLI_TEXT_PLAIN, "%s ago", cli_text_span(age_s * 1000, span));
}

/* The client that was asked for. False: there is none. */
static bool cli_latency_client(const struct cli_option *option, struct network *ret_network, bool *ret_good)
{
    uint8_t bytes[16] = {0};
    *ret_good = true;
    if (option->operands_count == 0) {
        return false;
    }
    const char *text = option->operands[0];
    const uint32_t family = strchr(text, ':') != NULL ? 6 : 4;
    *ret_good = inet_pton(family == 4 ? AF_INET : AF_INET6, text, bytes) == 1;
    *ret_network = network_of_client(bytes, family);
    return true;
}

static int cli_latency_page(struct cli_text *text, const json_t *answer, struct cli_client *client,
                            const struct cli_option *option)
{
    const json_t *networks = json_object_get(answer, "networks");
    const char *titles[CLI_TEXT_COLUMNS] = {"network"};
    struct cli_latency latency = {.regions_count = 0};
    char wanted[NETWORK_TEXT] = "";
    struct network of;
    bool good = true;
    size_t shown = 0;
    (void)client;
    if (cli_latency_client(option, &of, &good)) {
        network_print(&of, wanted);
    }
    if (!good) {
        fprintf(stderr, "holdfast latency: '%s' is not an address; expected for example 192.0.2.1\n",
                option->operands[0]);
        return VERB_USAGE;
    }
    cli_latency_regions(networks, &latency);
    for (size_t i = 0; i < latency.regions_count; i++) {
        titles[1 + i] = latency.regions[i];
    }
    titles[1 + latency.regions_count] = "nearest";
    titles[2 + latency.regions_count] = "measured";
    struct cli_text_table *table = cli_text_table_new(titles);
    for (size_t i = 0; i < json_array_size(networks) && shown < CLI_LATENCY_ROWS; i++) {
        const json_t *network = json_array_get(networks, i);
        if (wanted[0] == 0 || strcmp(wanted, cli_text_member(network, "network")) == 0) {
            cli_latency_row(&latency, network, table);
            shown++;
        }
    }
    cli_text_table_end(table, "", text);
    if (shown == 0) {
        buf_printf(&text->out, "nothing was measured%s%s\n", wanted[0] != 0 ? " for " : " yet", wanted);
    } else if (shown == CLI_LATENCY_ROWS && json_array_size(networks) > shown) {
        buf_printf(&text->out, "... of %zu; -o json has them all\n", json_array_size(networks));
    }
    return VERB_OK;
}

int cli_latency(int argc, char **argv)
{
    static const struct cli_option_verb verb = {
        .name = "latency",
        .usage = "[ADDRESS] [OPTION...]",
        .about = "How far client networks are from the regions, as SQL proxies and relays have measured it; of ADDRESS "
                 "alone.",
        .example = "holdfast latency 192.0.2.1",
        .takes = CLI_OPTION_WATCHES,
        .operands_max = 1};
    static const struct cli_view view = {.path = "/v1/latency", .draw = cli_latency_page};
    return cli_view_verb(argc, argv, &verb, &view);
}
