/* SPDX-License-Identifier: Apache-2.0
 * holdfast dns: why a client gets the answer it gets, what the server counts, and the DNS role alone. */
#include "bin/cli_dns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "bin/cli_dns_figures.h"
#include "bin/cli_dns_key.h"
#include "bin/cli_dns_name.h"
#include "bin/cli_dns_query.h"
#include "bin/cli_load.h"
#include "bin/cli_option.h"
#include "bin/serve_dns.h"
#include "bin/verb.h"
#include "dns/dns_explain.h"
#include "dns/dns_explain_static.h"
#include "dns/dns_figures.h"
#include "dns/dns_steer_load.h"
#include "edge/log.h"
#include "edge/publish.h"
#include "edge/publish_file.h"
#include "wire/dns_type.h"

struct cli_dns_arguments {
    const char *name;
    const char *client;
    const char *config;
    const char *site;
    const char *type;
    bool metrics;
    struct cli_option output; /* its format alone */
};

static void cli_dns_usage(FILE *stream)
{
    fputs(
        "usage: holdfast dns explain NAME [--client ADDRESS] [--type TYPE] [--config FILE] [--site SITE]\n"
        "         why a client gets the answer it gets: policy, home, split, point, region, endpoints\n"
        "       holdfast dns query NAME [--type TYPE] [--server ADDRESS]... [--client SUBNET] [--expect DATA]...\n"
        "         what servers really answer, and whether that is what they should (holdfast dns query --help)\n"
        "       holdfast dns serve [--config FILE] [--site SITE]\n"
        "         the DNS role alone, in the foreground (`holdfast serve` runs all roles of a site)\n"
        "       holdfast dns stats [--metrics | -o table|json|yaml] [--config FILE] [--site SITE]\n"
        "         what the site's server has counted: queries by code, type, zone, name and region, and how long they\n"
        "         took; on its host. --metrics: in the text format of Prometheus\n"
        "       holdfast dns top [clients|names] [-o table|json|yaml] [--config FILE] [--site SITE]\n"
        "         who asks most, and for what\n"
        "       holdfast dns key VERB ZONE\n"
        "         the keys that sign a zone: generate, import, list, roll, retire, ds (holdfast dns key --help)\n"
        "\n"
        "NAME is one of a zone of the configuration, or relative to dns.zone.\n"
        "SITE may be left out when only one site of the configuration answers DNS.\n"
        "FILE is $HOLDFAST_CONFIG or /etc/holdfast/holdfast.yaml when not given.\n"
        "Exit status: 0 done, 1 failed, 2 wrong usage, 8 invalid configuration.\n",
        stream);
}

/* Options after the sub-verb; false: wrong usage. */
static bool cli_dns_parse(int argc, char **argv, struct cli_dns_arguments *arguments)
{
    bool good = true;
    for (int i = 2; i < argc && good; i++) {
        if (cli_option_output(argc, argv, &i, &arguments->output.format, &good)) {
            continue;
        }
        const char **value = strcmp(argv[i], "--client") == 0   ? &arguments->client
                             : strcmp(argv[i], "--config") == 0 ? &arguments->config
                             : strcmp(argv[i], "--site") == 0   ? &arguments->site
                             : strcmp(argv[i], "--type") == 0   ? &arguments->type
                                                                : NULL;
        if (value != NULL && i + 1 < argc) {
            *value = argv[++i];
        } else if (strcmp(argv[i], "--metrics") == 0) {
            arguments->metrics = true;
        } else if (value == NULL && argv[i][0] != '-' && arguments->name == NULL) {
            arguments->name = argv[i];
        } else {
            good = false;
        }
    }
    return good;
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

/* The dynamic name; LIMITS_NONE: it is none. */
static uint32_t cli_dns_find(const struct dns_server_options *options, const struct dns_name *name)
{
    for (uint32_t i = 0; i < options->names_count; i++) {
        if (dns_name_equal(&options->names[i].name, name)) {
            return i;
        }
    }
    return LIMITS_NONE;
}

/* Prints the explanation from the view that the workers use: shared memory, else the file, else none. */
static int cli_dns_explain_from(const struct dns_server_options *options, struct dns_explain_question *question)
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
    question->view = view;
    dns_explain(question, &text);
    publish_reader_close(&reader);
    printf("%sfrom      %s\n", buf_string(&text), view != NULL ? from : "no view");
    return fflush(stdout) == 0 ? VERB_OK : VERB_FAILED;
}

static int cli_dns_explain_static(struct dns_server_options *options, const struct dns_name *name, uint16_t type,
                                  const struct view_address *client)
{
    static char memory[65536];
    char problem[DNS_ZONE_PROBLEM] = "";
    struct dns_catalog *catalog = NULL;
    struct buf text;
    if (dns_server_read(options, problem, &catalog) != ERR_OK) {
        fprintf(stderr, "holdfast dns: %s\n", problem);
        return VERB_CONFIG;
    }
    buf_init(&text, memory, sizeof memory);
    dns_explain_static(catalog, name, type, client, &text);
    dns_catalog_free(catalog);
    printf("%sfrom      the zone files as they are now; the server reads them at its start and on SIGHUP\n",
           buf_string(&text));
    return fflush(stdout) == 0 ? VERB_OK : VERB_FAILED;
}

static int cli_dns_explain(const struct config *config, uint32_t site, const struct cli_dns_arguments *arguments)
{
    static struct serve_dns_paths paths;
    static struct dns_server_options options;
    char problem[DNS_ZONE_PROBLEM] = "";
    struct view_address client;
    struct dns_name name;
    uint16_t type = DNS_TYPE_A;
    if (cli_dns_name_parse(config, arguments->name, &name) != ERR_OK) {
        fprintf(stderr, "holdfast dns: '%s' is not a domain name\n", arguments->name);
        return VERB_USAGE;
    }
    if (arguments->type != NULL && dns_type_parse(span_text(arguments->type), &type) != ERR_OK) {
        fprintf(stderr, "holdfast dns: '%s' is not a record type; expected one as MX or TYPE65280\n", arguments->type);
        return VERB_USAGE;
    }
    if (arguments->client != NULL && dns_explain_address(arguments->client, &client) != ERR_OK) {
        fprintf(stderr, "holdfast dns: '%s' is not an address\n", arguments->client);
        return VERB_USAGE;
    }
    if (serve_dns_options(config, site, &paths, problem, &options) != ERR_OK) {
        fprintf(stderr, "holdfast dns: %s\n", problem);
        return VERB_CONFIG;
    }
    const uint32_t index = cli_dns_find(&options, &name);
    if (index == LIMITS_NONE || (type != DNS_TYPE_A && type != DNS_TYPE_AAAA)) { /* only addresses follow the view */
        return cli_dns_explain_static(&options, &name, type, arguments->client != NULL ? &client : NULL);
    }
    if (arguments->client == NULL) {
        fputs("holdfast dns: this name follows the view: say for whom, with --client\n", stderr);
        return VERB_USAGE;
    }
    struct dns_steer *steer = NULL;
    struct dns_steer *labelled = NULL;
    int result = VERB_CONFIG;
    const struct dns_steer_source all = {.config = config, .measured = options.measured};
    const struct dns_steer_source only = {.config = config, .measured = options.measured, .only = &client};
    if (dns_steer_load(&all, problem, &steer) != ERR_OK || dns_steer_load(&only, problem, &labelled) != ERR_OK) {
        fprintf(stderr, "holdfast dns: %s\n", problem);
    } else {
        if (problem[0] != 0) {
            fprintf(stderr, "holdfast dns: %s\n", problem);
        }
        struct dns_explain_question question = {.names = options.names,
                                                .names_count = options.names_count,
                                                .index = index,
                                                .client = client,
                                                .steer = steer,
                                                .labelled = labelled};
        result = cli_dns_explain_from(&options, &question);
    }
    dns_steer_free(steer);
    dns_steer_free(labelled);
    return result;
}

static int cli_dns_serve(const struct config *config, uint32_t site, const struct cli_dns_arguments *arguments)
{
    (void)arguments;
    log_init("dns", LOG_INFO);
    return serve_dns_run(config, site);
}

static const char *cli_dns_figures(const struct config *config, uint32_t site)
{
    static char path[4096];
    snprintf(path, sizeof path, "%.4000s/" DNS_FIGURES_NAME, config->sites[site].state_dir);
    return path;
}

static int cli_dns_stats(const struct config *config, uint32_t site, const struct cli_dns_arguments *arguments)
{
    return cli_dns_figures_stats(cli_dns_figures(config, site), &arguments->output, arguments->metrics);
}

static int cli_dns_top(const struct config *config, uint32_t site, const struct cli_dns_arguments *arguments)
{
    return cli_dns_figures_top(cli_dns_figures(config, site), &arguments->output, arguments->name);
}

/* What a sub-verb takes beside --config and --site. */
enum cli_dns_takes { CLI_DNS_NOTHING, CLI_DNS_QUESTION, CLI_DNS_METRICS, CLI_DNS_PERHAPS_NAME };

struct cli_dns_verb {
    const char *name;
    enum cli_dns_takes takes;
    int (*run)(const struct config *config, uint32_t site, const struct cli_dns_arguments *arguments);
};

static const struct cli_dns_verb cli_dns_verbs[] = {
    {"explain", CLI_DNS_QUESTION, cli_dns_explain},
    {"serve", CLI_DNS_NOTHING, cli_dns_serve},
    {"stats", CLI_DNS_METRICS, cli_dns_stats},
    {"top", CLI_DNS_PERHAPS_NAME, cli_dns_top},
};

static bool cli_dns_fits(const struct cli_dns_verb *verb, const struct cli_dns_arguments *arguments)
{
    const bool explains = verb->takes == CLI_DNS_QUESTION;
    const bool formats = verb->takes == CLI_DNS_METRICS || verb->takes == CLI_DNS_PERHAPS_NAME;
    const bool plain = arguments->output.format == CLI_OPTION_TABLE;
    return (arguments->name != NULL || !explains) &&
           (arguments->name == NULL || explains || verb->takes == CLI_DNS_PERHAPS_NAME) &&
           ((arguments->client == NULL && arguments->type == NULL) || explains) &&
           (!arguments->metrics || (verb->takes == CLI_DNS_METRICS && plain)) && (plain || formats);
}

int cli_dns(int argc, char **argv)
{
    struct cli_dns_arguments arguments = {0};
    const struct cli_dns_verb *verb = NULL;
    const char *word = argc > 1 ? argv[1] : "";
    if (strcmp(word, "key") == 0) {
        return cli_dns_key(argc - 1, argv + 1);
    }
    if (strcmp(word, "query") == 0) {
        return cli_dns_query(argc - 1, argv + 1);
    }
    if (cli_option_asks_help(argc, argv)) {
        cli_dns_usage(stdout);
        return VERB_OK;
    }
    for (size_t i = 0; i < sizeof cli_dns_verbs / sizeof *cli_dns_verbs; i++) {
        verb = strcmp(word, cli_dns_verbs[i].name) == 0 ? &cli_dns_verbs[i] : verb;
    }
    if (verb == NULL || !cli_dns_parse(argc, argv, &arguments) || !cli_dns_fits(verb, &arguments)) {
        cli_dns_usage(stderr);
        return VERB_USAGE;
    }
    struct config *config = NULL;
    const int loaded = cli_load(arguments.config, &config);
    if (loaded != VERB_OK) {
        return loaded;
    }
    const uint32_t site = cli_dns_site(config, arguments.site);
    const int result = site != CONFIG_NONE ? verb->run(config, site, &arguments) : VERB_CONFIG;
    config_free(config);
    return result;
}
