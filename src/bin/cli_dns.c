/* SPDX-License-Identifier: Apache-2.0
 * holdfast dns: why a client gets the answer it gets, and the DNS role alone. */
#include "bin/cli_dns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "bin/cli_dns_key.h"
#include "bin/cli_load.h"
#include "bin/serve_dns.h"
#include "bin/verb.h"
#include "dns/dns_explain.h"
#include "edge/log.h"
#include "edge/publish.h"
#include "edge/publish_file.h"

struct cli_dns_arguments {
    const char *name;
    const char *client;
    const char *config;
    const char *site;
};

static void cli_dns_usage(FILE *stream)
{
    fputs("usage: holdfast dns explain NAME --client ADDRESS [--config FILE] [--site SITE]\n"
          "         why a client gets the answer it gets: home, split, point, region, endpoints\n"
          "       holdfast dns serve [--config FILE] [--site SITE]\n"
          "         the DNS role alone, in the foreground (`holdfast serve` runs all roles of a site)\n"
          "       holdfast dns key VERB ZONE\n"
          "         the keys that sign a zone: generate, import, list, roll, retire, ds (holdfast dns key --help)\n"
          "\n"
          "NAME is a dynamic name, relative to the zone or with a dot at its end.\n"
          "SITE may be left out when only one site of the configuration answers DNS.\n"
          "FILE is $HOLDFAST_CONFIG or /etc/holdfast/holdfast.yaml when not given.\n"
          "Exit status: 0 done, 1 failed, 2 wrong usage, 8 invalid configuration.\n",
          stream);
}

/* Options after the sub-verb; false: wrong usage. */
static bool cli_dns_parse(int argc, char **argv, struct cli_dns_arguments *arguments)
{
    for (int i = 2; i < argc; i++) {
        const char **value = strcmp(argv[i], "--client") == 0   ? &arguments->client
                             : strcmp(argv[i], "--config") == 0 ? &arguments->config
                             : strcmp(argv[i], "--site") == 0   ? &arguments->site
                                                                : NULL;
        if (value != NULL && i + 1 < argc) {
            *value = argv[++i];
        } else if (value == NULL && argv[i][0] != '-' && arguments->name == NULL) {
            arguments->name = argv[i];
        } else {
            return false;
        }
    }
    return true;
}

/* The named site, or the only one with a DNS listener; CONFIG_NONE after a message. */
static uint32_t cli_dns_site(const struct config *config, const char *name)
{
    uint32_t found = CONFIG_NONE;
    if (name != NULL) {
        found = config_site_find(config, name);
        if (found == CONFIG_NONE) {
            fprintf(stderr, "holdfast dns: no site '%s' in the configuration\n", name);
        }
        return found;
    }
    for (uint32_t i = 0; i < config->sites_count; i++) {
        if (config->sites[i].dns.listen_count == 0) {
            continue;
        }
        if (found != CONFIG_NONE) {
            fputs("holdfast dns: several sites answer DNS, say which with --site\n", stderr);
            return CONFIG_NONE;
        }
        found = i;
    }
    if (found == CONFIG_NONE) {
        fputs("holdfast dns: no site of the configuration answers DNS\n", stderr);
    }
    return found;
}

static uint32_t cli_dns_find(const struct dns_server_options *options, const char *text)
{
    struct dns_name name;
    if (dns_name_parse(span_text(text), &options->zones[0].origin, &name) != ERR_OK) {
        return LIMITS_NONE;
    }
    for (uint32_t i = 0; i < options->names_count; i++) {
        if (dns_name_equal(&options->names[i].name, &name)) {
            return i;
        }
    }
    return LIMITS_NONE;
}

/* Prints the explanation from the view that the workers use: shared memory, else the file, else none. */
static int cli_dns_explain_from(const struct dns_server_options *options, uint32_t index,
                                const struct view_address *client)
{
    static struct view file_view;
    static char memory[16384];
    struct publish_reader reader = {.fd = -1};
    struct buf text;
    const struct view *view = NULL;
    const char *from = "none";
    buf_init(&text, memory, sizeof memory);
    const enum err err = publish_reader_open(&reader, options->view_path, PUBLISH_LIB, "explain");
    if (err == ERR_OK) {
        view = publish_reader_enter(&reader);
        from = options->view_path;
    } else {
        fprintf(stderr, "holdfast dns: %s: %s\n", options->view_path, err_text(err));
    }
    if (view == NULL && publish_file_load(options->view_file, &file_view) == ERR_OK) {
        view = &file_view;
        from = options->view_file;
    }
    dns_explain(view, options->names, options->names_count, index, client, &text);
    publish_reader_close(&reader);
    printf("%sfrom      %s\n", buf_string(&text), view != NULL ? from : "no view");
    return fflush(stdout) == 0 ? VERB_OK : VERB_FAILED;
}

static int cli_dns_explain(const struct config *config, uint32_t site, const struct cli_dns_arguments *arguments)
{
    static struct serve_dns_paths paths;
    static struct dns_server_options options;
    char problem[DNS_ZONE_PROBLEM] = "";
    struct view_address client;
    if (dns_explain_address(arguments->client, &client) != ERR_OK) {
        fprintf(stderr, "holdfast dns: '%s' is not an address\n", arguments->client);
        return VERB_USAGE;
    }
    if (serve_dns_options(config, site, &paths, problem, &options) != ERR_OK) {
        fprintf(stderr, "holdfast dns: %s\n", problem);
        return VERB_CONFIG;
    }
    const uint32_t index = cli_dns_find(&options, arguments->name);
    if (index == LIMITS_NONE) {
        fprintf(stderr, "holdfast dns: '%s' is not a dynamic name; static ones answer from their zone's file\n",
                arguments->name);
        return VERB_FAILED;
    }
    return cli_dns_explain_from(&options, index, &client);
}

int cli_dns(int argc, char **argv)
{
    struct cli_dns_arguments arguments = {0};
    const char *verb = argc > 1 ? argv[1] : "";
    if (strcmp(verb, "--help") == 0) {
        cli_dns_usage(stdout);
        return VERB_OK;
    }
    if (strcmp(verb, "key") == 0) {
        return cli_dns_key(argc - 1, argv + 1);
    }
    const bool explain = strcmp(verb, "explain") == 0;
    const bool parsed = cli_dns_parse(argc, argv, &arguments);
    const bool complete = explain ? arguments.name != NULL && arguments.client != NULL
                                  : arguments.name == NULL && arguments.client == NULL;
    if (!parsed || !complete || (!explain && strcmp(verb, "serve") != 0)) {
        cli_dns_usage(stderr);
        return VERB_USAGE;
    }
    struct config *config = NULL;
    const int loaded = cli_load(arguments.config, &config);
    if (loaded != VERB_OK) {
        return loaded;
    }
    int result = VERB_CONFIG;
    const uint32_t site = cli_dns_site(config, arguments.site);
    if (site != CONFIG_NONE && explain) {
        result = cli_dns_explain(config, site, &arguments);
    } else if (site != CONFIG_NONE) {
        log_init("dns", LOG_INFO);
        result = serve_dns_run(config, site);
    }
    config_free(config);
    return result;
}
