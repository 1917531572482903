/* SPDX-License-Identifier: Apache-2.0
 * holdfast agent: arguments, and the part of the configuration that an agent needs. */
#include "bin/agent_main.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/adopt.h"
#include "agent/agent.h"
#include "base/time.h"
#include "bin/cli_agent.h"
#include "bin/cli_load.h"
#include "bin/cli_option.h"
#include "bin/verb.h"
#include "edge/config_secret.h"
#include "edge/log.h"
#include "wire/config_beat.h"

enum {
    AGENT_MAIN_HOST = INET6_ADDRSTRLEN,
    AGENT_MAIN_LEASE_US = 500 * TIME_US_PER_MS, /* three renewals fit, and killing in a tenth of it */
    AGENT_MAIN_MARGIN_PARTS = 20,               /* drift takes a 500th; the rest is for slow machines */
};

struct agent_main_arguments {
    const char *config;
    const char *node;
    const char *database; /* NULL: the only one with that node */
    const char *run_as;
    bool verbose;
    bool adopt;   /* holdfast agent adopt */
    bool stop;    /* adopt: a running server may be stopped */
    bool dry_run; /* adopt: only look */
};

/* What outlives the mapping: the options point into it. */
struct agent_main_memory {
    char token[CONFIG_SECRET_BYTES];
    char superuser[CONFIG_SECRET_BYTES];
    char replication[CONFIG_SECRET_BYTES];
    char hosts[LIMITS_NODES][AGENT_MAIN_HOST];
};

static void agent_main_usage(FILE *stream)
{
    fputs("usage: holdfast agent --node NAME [--config FILE] [--database NAME] [--run-as USER] [--verbose]\n"
          "         runs beside one PostgreSQL node, in the foreground: owns the server process, holds the\n"
          "         writer's lease, fences it, follows the writer\n"
          "       holdfast agent adopt --node NAME [--stop] [--dry-run] [--config FILE] [--database NAME]\n"
          "                            [--run-as USER]\n"
          "         takes over a data directory that was made by hand or by another manager, once; the agent is\n"
          "         started afterwards. --stop: a running server may be stopped\n"
          "       holdfast agent reinit NODE --reason TEXT [--force] [--dry-run] [OPTION...]\n"
          "         has a standby cloned anew from its writer (holdfast agent reinit --help)\n"
          "       holdfast agent restart NODE --reason TEXT [--force] [--dry-run] [OPTION...]\n"
          "         has the PostgreSQL of a standby stopped and started (holdfast agent restart --help)\n"
          "\n"
          "FILE is $HOLDFAST_CONFIG or /etc/holdfast/holdfast.yaml when not given.\n"
          "--database is needed only when two clusters have a node of that name.\n"
          "Started as root it becomes USER (postgres) before it touches PostgreSQL.\n"
          "Exit status: 0 ended by SIGTERM or SIGINT, 1 failed, 2 wrong usage, 3 refused, 8 invalid configuration.\n",
          stream);
}

static bool agent_main_parse(int argc, char **argv, struct agent_main_arguments *arguments)
{
    arguments->adopt = argc > 1 && strcmp(argv[1], "adopt") == 0;
    for (int i = arguments->adopt ? 2 : 1; i < argc; i++) {
        const char **value = strcmp(argv[i], "--config") == 0     ? &arguments->config
                             : strcmp(argv[i], "--node") == 0     ? &arguments->node
                             : strcmp(argv[i], "--database") == 0 ? &arguments->database
                             : strcmp(argv[i], "--run-as") == 0   ? &arguments->run_as
                                                                  : NULL;
        if (value != NULL && i + 1 < argc) {
            *value = argv[++i];
        } else if (strcmp(argv[i], "--verbose") == 0) {
            arguments->verbose = true;
        } else if (arguments->adopt && strcmp(argv[i], "--stop") == 0) {
            arguments->stop = true;
        } else if (arguments->adopt && strcmp(argv[i], "--dry-run") == 0) {
            arguments->dry_run = true;
        } else {
            return false;
        }
    }
    return arguments->node != NULL;
}

/* The cluster that has the node; NULL after a message. */
static const struct config_database *agent_main_database(const struct config *config,
                                                         const struct agent_main_arguments *arguments)
{
    const struct config_database *found = NULL;
    for (uint32_t i = 0; i < config->databases_count; i++) {
        const struct config_database *database = &config->databases[i];
        if ((arguments->database != NULL && strcmp(database->name, arguments->database) != 0) ||
            config_node_find(database, arguments->node) == CONFIG_NONE) {
            continue;
        }
        if (found != NULL) {
            fputs("holdfast agent: two clusters have a node of that name, say which with --database\n", stderr);
            return NULL;
        }
        found = database;
    }
    if (found == NULL) {
        fprintf(stderr, "holdfast agent: no node '%s' in the configuration\n", arguments->node);
    }
    return found;
}

static bool agent_main_secret(const struct config_secret *secret, char *memory, const char **ret_secret)
{
    if (secret->file == NULL && secret->env == NULL) {
        *ret_secret = NULL;
        return true;
    }
    if (config_secret_read(secret, memory, CONFIG_SECRET_BYTES) != ERR_OK) {
        return false; /* logged */
    }
    *ret_secret = memory;
    return true;
}

static const char *agent_main_host(const struct config_address *address, char host[AGENT_MAIN_HOST])
{
    const int family = address->family == CONFIG_FAMILY_IPV6 ? AF_INET6 : AF_INET;
    return inet_ntop(family, address->bytes, host, AGENT_MAIN_HOST);
}

static void agent_main_nodes(const struct config_database *database, uint32_t self, struct agent_main_memory *memory,
                             struct agent_options *options)
{
    for (uint32_t i = 0; i < database->nodes_count; i++) {
        const struct config_node *node = &database->nodes[i];
        const char *host = agent_main_host(&node->postgres, memory->hosts[i]);
        if (i == self) {
            options->host = host;
            options->port = node->postgres.port;
            continue;
        }
        options->peers[options->peers_count++] = (struct agent_options_peer){
            .name = node->name,
            .agent = node->agent.text,
            .host = host,
            .port = node->postgres.port,
        };
    }
    for (uint32_t i = 0; i < database->durability.members_count; i++) {
        options->durability_members[i] = database->nodes[database->durability.members[i]].name;
    }
    options->durability_members_count = database->durability.members_count;
    options->durability_required = database->durability.required;
    options->every_commit = database->durability.every_commit;
    for (uint32_t i = 0; i < database->clients_count && i < AGENT_OPTIONS_CLIENTS; i++) {
        char host[AGENT_MAIN_HOST];
        snprintf(options->clients[i], sizeof options->clients[i], "%s/%u",
                 agent_main_host(&database->clients[i].address, host), database->clients[i].prefix_bits);
        options->clients_count = i + 1;
    }
}

static bool agent_main_settings(const struct config_database *database, struct agent_options_settings *ret_settings)
{
    if (database->parameters_count > AGENT_OPTIONS_SETTINGS) {
        fprintf(stderr, "holdfast agent: more than %d parameters\n", AGENT_OPTIONS_SETTINGS);
        return false;
    }
    for (uint32_t i = 0; i < database->parameters_count; i++) {
        ret_settings->list[i] =
            (struct agent_options_setting){database->parameters[i].name, database->parameters[i].value};
    }
    ret_settings->count = database->parameters_count;
    return true;
}

/* Without them the agent would only find out when it is needed. */
static bool agent_main_programs(const struct agent_options *options)
{
    static const char *const programs[] = {"postgres",       "initdb",     "pg_basebackup",
                                           "pg_controldata", "pg_waldump", "pg_rewind"};
    for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", options->bin, programs[i]);
        if (access(path, X_OK) != 0) {
            LOG_E("%s: %s; install PostgreSQL 15 or later, or say where its programs are (setting "
                  "databases.%s.nodes.%s.bin)",
                  path, strerror(errno), options->database, options->node);
            return false;
        }
    }
    return true;
}

static bool agent_main_options(const struct config *config, const struct config_database *database,
                               const struct agent_main_arguments *arguments, struct agent_main_memory *memory,
                               struct agent_options *options)
{
    const uint32_t self = config_node_find(database, arguments->node);
    const struct config_node *node = &database->nodes[self];
    *options = (struct agent_options){
        .system = config->name,
        .beat_ms = config_beat_period_ms(database),
        .database = database->name,
        .node = node->name,
        .listen = node->agent.text,
        .data = node->data,
        .bin = node->bin,
        .run_as = arguments->run_as,
        .superuser = database->superuser.name,
        .replication = database->replication.name,
        .dbname = database->dbname,
        .wal_segment_bytes = (uint32_t)database->wal_segment_bytes,
        .initial_writer = database->initial_writer == self,
        .lease_us = (int64_t)database->lease_ms * TIME_US_PER_MS,
        .margin_us = (int64_t)database->margin_ms * TIME_US_PER_MS,
    };
    if (node->data == NULL || node->data[0] != '/' || strlen(node->data) >= AGENT_OPTIONS_PATH - 64) {
        fputs("holdfast agent: the node's `data` must be an absolute path of at most 440 bytes\n", stderr);
        return false;
    }
    if (options->lease_us < AGENT_MAIN_LEASE_US || options->margin_us < options->lease_us / AGENT_MAIN_MARGIN_PARTS) {
        fputs("holdfast agent: `lease` must be at least 500ms, `margin` at least a twentieth of it\n", stderr);
        return false;
    }
    agent_main_nodes(database, self, memory, options);
    for (uint32_t i = 0; i < config->sites_count; i++) {
        if (config->sites[i].api.listen.family != CONFIG_FAMILY_NONE) {
            options->controllers[options->controllers_count++] = config->sites[i].api.listen.text;
        }
        const struct config_address *ear = config_beat_address(&config->sites[i]);
        if (ear != NULL) {
            options->ears[options->ears_count++] = ear->text;
        }
    }
    return agent_main_settings(database, &options->settings) &&
           agent_main_secret(&config->security.token, memory->token, &options->token) &&
           agent_main_secret(&database->superuser.password, memory->superuser, &options->superuser_password) &&
           agent_main_secret(&database->replication.password, memory->replication, &options->replication_password);
}

static void agent_main_tell(const struct adopt_report *report, uint32_t from)
{
    for (uint32_t i = from; i < report->count; i++) {
        const struct adopt_finding *finding = &report->findings[i];
        fprintf(finding->refuses ? stderr : stdout, "%s: %s\n", finding->refuses ? "refused" : "note", finding->text);
    }
}

/* Takes over a directory that no agent made, or says why not. */
static int agent_main_adopt(const struct agent_options *options, const struct agent_main_arguments *arguments)
{
    static struct adopt_report report;
    if (agent_drop_root(options) != ERR_OK) {
        return VERB_FAILED; /* logged */
    }
    adopt_look(options, arguments->stop, &report);
    agent_main_tell(&report, 0);
    if (report.refusals > 0) {
        fputs("holdfast agent adopt: nothing was changed\n", stderr);
        return VERB_REFUSED;
    }
    printf("%s: %s of system %llu, timeline %u%s\n", options->data, report.standby ? "a standby" : "the primary",
           (unsigned long long)report.system_id, report.timeline, report.running != 0 ? ", running" : "");
    if (arguments->dry_run) {
        printf("it would be adopted as %s of %s\n", options->node, options->database);
        return VERB_OK;
    }
    (void)fflush(stdout);
    const uint32_t told = report.count;
    const enum err err = adopt_take(options, &report);
    agent_main_tell(&report, told);
    if (err != ERR_OK) {
        fprintf(stderr, "holdfast agent adopt: not adopted: %s\n", err_text(err));
        return err == ERR_REFUSED ? VERB_REFUSED : VERB_FAILED;
    }
    printf("adopted as %s of %s: start its agent now (holdfast agent --node %s)\n", options->node, options->database,
           options->node);
    return VERB_OK;
}

/* Two of them: the parameters before belong to the server until the new ones are written. */
struct agent_main_reload {
    const struct agent_main_arguments *arguments;
    struct config *configs[2];
    struct agent_options_settings settings[2];
    uint32_t at;
};

static const struct agent_options_settings *agent_main_read_anew(void *context)
{
    struct agent_main_reload *reload = context;
    struct config *config = NULL;
    if (cli_load(reload->arguments->config, &config) != VERB_OK) {
        return NULL;
    }
    const uint32_t at = 1 - reload->at;
    const struct config_database *database = agent_main_database(config, reload->arguments);
    if (database == NULL || !agent_main_settings(database, &reload->settings[at])) {
        config_free(config);
        return NULL;
    }
    config_free(reload->configs[at]);
    reload->configs[at] = config;
    reload->at = at;
    return &reload->settings[at];
}

static int agent_main_serve(struct agent_options *options, const struct agent_main_arguments *arguments)
{
    static struct agent_main_reload memory;
    memory.arguments = arguments;
    options->reload = (struct agent_options_reload){agent_main_read_anew, &memory};
    const enum err err = agent_run(options);
    config_free(memory.configs[0]);
    config_free(memory.configs[1]);
    if (err != ERR_OK) {
        LOG_E("ended: %s", err_text(err));
    }
    return err == ERR_OK ? VERB_OK : VERB_FAILED;
}

int agent_main(int argc, char **argv)
{
    static struct agent_main_memory memory;
    static struct agent_options options;
    struct agent_main_arguments arguments = {0};
    if (argc > 1 && strcmp(argv[1], "reinit") == 0) {
        return cli_agent_reinit(argc - 1, argv + 1);
    }
    if (argc > 1 && strcmp(argv[1], "restart") == 0) {
        return cli_agent_restart(argc - 1, argv + 1);
    }
    if (cli_option_asks_help(argc, argv)) {
        agent_main_usage(stdout);
        return VERB_OK;
    }
    if (!agent_main_parse(argc, argv, &arguments)) {
        agent_main_usage(stderr);
        return VERB_USAGE;
    }
    struct config *config = NULL;
    const int loaded = cli_load(arguments.config, &config);
    if (loaded != VERB_OK) {
        return loaded;
    }
    char role[64];
    snprintf(role, sizeof role, "agent %s", arguments.node);
    log_init(role, arguments.verbose ? LOG_DEBUG : LOG_INFO);
    const struct config_database *database = agent_main_database(config, &arguments);
    int result = VERB_CONFIG;
    if (database != NULL && agent_main_options(config, database, &arguments, &memory, &options) &&
        agent_main_programs(&options)) {
        result = arguments.adopt ? agent_main_adopt(&options, &arguments) : agent_main_serve(&options, &arguments);
    }
    explicit_bzero(&memory, sizeof memory);
    config_free(config);
    return result;
}
