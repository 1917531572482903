/* SPDX-License-Identifier: Apache-2.0
 * holdfast ledger: what became of the commits that a failover left behind. Read from the writer's database itself,
 * where the ledger is. */
#include "bin/cli_ledger.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <argp.h>
#include <jansson.h>

#include "bin/cli_load.h"
#include "bin/cli_option.h"
#include "bin/cli_view.h"
#include "bin/verb.h"
#include "edge/clock.h"
#include "edge/config_secret.h"
#include "reconcile/salvage_resolve.h"
#include "reconcile/salvage_target.h"

enum {
    CLI_LEDGER_WORDS = 2,
    CLI_LEDGER_OPEN = 256, /* an option without a letter */
    CLI_LEDGER_HOST = INET6_ADDRSTRLEN,
    CLI_LEDGER_RESOLVE_MS = 600000, /* a transaction of many rows, and the standbys that must confirm */
};

struct cli_ledger {
    const char *config;
    const char *database; /* the cluster; NULL: the only one */
    const char *dbname;   /* NULL: the cluster's own */
    const char *reason;
    const char *words[CLI_LEDGER_WORDS];
    int words_count;
    bool apply;
    bool discard;
    bool open;
    struct cli_option output; /* its format alone */
};

static const struct argp_option cli_ledger_options[] = {
    {"config", 'c', "FILE", 0, "the configuration", 0},
    {"database", 'D', "NAME", 0, "which cluster, when there are several", 0},
    {"dbname", 'd', "NAME", 0, "which of its databases, when not its own", 0},
    {"open", CLI_LEDGER_OPEN, NULL, 0, "list: only what waits for a person", 0},
    {"output", 'o', "FORMAT", 0, "list: table (default), wide, json or yaml", 0},
    {"apply", 'a', NULL, 0, "resolve: apply it over what is there now", 0},
    {"discard", 'x', NULL, 0, "resolve: it is not needed", 0},
    {"reason", 'r', "TEXT", 0, "resolve: why; kept in the ledger", 0},
    {0},
};

static error_t cli_ledger_option(int key, char *argument, struct argp_state *state)
{
    struct cli_ledger *ledger = (struct cli_ledger *)state->input;
    const struct {
        int key;
        const char **text;
    } texts[] = {{'c', &ledger->config}, {'D', &ledger->database}, {'d', &ledger->dbname}, {'r', &ledger->reason}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (texts[i].key == key) {
            *texts[i].text = argument;
            return 0;
        }
    }
    if (key == ARGP_KEY_ARG && ledger->words_count < CLI_LEDGER_WORDS) {
        ledger->words[ledger->words_count++] = argument;
        return 0;
    }
    if (key == 'o') {
        if (!cli_option_format(argument, &ledger->output.format)) {
            argp_error(state, "--output is table, wide, json or yaml, not '%s'", argument);
        }
        return 0;
    }
    ledger->apply |= key == 'a';
    ledger->discard |= key == 'x';
    ledger->open |= key == CLI_LEDGER_OPEN;
    return key == 'a' || key == 'x' || key == CLI_LEDGER_OPEN ? 0 : ARGP_ERR_UNKNOWN;
}

/* The cluster of that name, or the only one. NULL: there is none, and it was said. */
static const struct config_database *cli_ledger_database(const struct config *config, const char *name)
{
    for (uint32_t i = 0; name != NULL && i < config->databases_count; i++) {
        if (strcmp(config->databases[i].name, name) == 0) {
            return &config->databases[i];
        }
    }
    if (name == NULL && config->databases_count == 1) {
        return &config->databases[0];
    }
    fprintf(stderr, "holdfast ledger: %s%s\n",
            name != NULL                   ? "the configuration has no database "
            : config->databases_count == 0 ? "the configuration has no database"
                                           : "say which cluster with --database",
            name != NULL ? name : "");
    return NULL;
}

/* A session with the node that is the writer, as the cluster's superuser. */
static int cli_ledger_connect(const struct config_database *database, const char *dbname, struct salvage_target *target)
{
    char secret[CONFIG_SECRET_BYTES] = "";
    int code = VERB_UNREACHABLE;
    const bool given = database->superuser.password.file != NULL || database->superuser.password.env != NULL;
    if (given && config_secret_read(&database->superuser.password, secret, sizeof secret) != ERR_OK) {
        return VERB_CONFIG; /* logged */
    }
    for (uint32_t i = 0; i < database->nodes_count && code != VERB_OK; i++) {
        const struct config_address *address = &database->nodes[i].postgres;
        char host[CLI_LEDGER_HOST];
        char port[8];
        const int family = address->family == CONFIG_FAMILY_IPV6 ? AF_INET6 : AF_INET;
        snprintf(port, sizeof port, "%u", address->port);
        const struct salvage_target_login login = {
            .host = inet_ntop(family, address->bytes, host, sizeof host),
            .port = port,
            .user = database->superuser.name,
            .password = given ? secret : NULL,
        };
        if (salvage_target_open(target, &login, dbname) == ERR_OK) {
            code = VERB_OK;
        } else {
            salvage_target_close(target);
        }
    }
    explicit_bzero(secret, sizeof secret);
    if (code != VERB_OK) {
        fprintf(stderr, "holdfast ledger: no writer of %s can be reached\n", database->name);
    }
    return code;
}

/* Whether the database refused because its ledger does not exist: nothing was ever salvaged. */
static bool cli_ledger_none(const struct salvage_target *target)
{
    return strcmp(target->sqlstate, "42P01") == 0 || strcmp(target->sqlstate, "3F000") == 0;
}

/* Rows as lines, columns apart by tabs. */
static int cli_ledger_print(struct salvage_target *target, const char *sql, int count, const char *const *values,
                            bool head)
{
    PGresult *result = NULL;
    if (salvage_target_ask(target, sql, count, values, &result) != ERR_OK) {
        const bool none = cli_ledger_none(target);
        fprintf(stderr, "holdfast ledger: %s\n", none ? "nothing was ever salvaged here" : target->message);
        return none ? VERB_OK : VERB_FAILED;
    }
    const int columns = PQnfields(result);
    for (int column = 0; head && column < columns; column++) {
        printf("%s%c", PQfname(result, column), column + 1 < columns ? '\t' : '\n');
    }
    for (int row = 0; row < PQntuples(result); row++) {
        for (int column = 0; column < columns; column++) {
            printf("%s%c", PQgetvalue(result, row, column), column + 1 < columns ? '\t' : '\n');
        }
    }
    const int rows = PQntuples(result);
    PQclear(result);
    return rows == 0 && count > 0 ? VERB_FAILED : VERB_OK;
}

#define CLI_LEDGER_RUNS                                                                                                \
    "SELECT r.id AS run, r.node, r.timeline, r.epoch, r.fork, r.method, r.state, r.commits, "                          \
    "count(*) FILTER (WHERE e.state = 'applied') AS applied, "                                                         \
    "count(*) FILTER (WHERE e.state = 'identical') AS identical, "                                                     \
    "count(*) FILTER (WHERE e.state = 'quarantined') AS quarantined, "                                                 \
    "count(*) FILTER (WHERE e.state = 'discarded') AS discarded, date_trunc('second', r.started) AS started, "         \
    "r.reason FROM holdfast.ledger_run r LEFT JOIN holdfast.ledger_entry e ON e.run = r.id GROUP BY r.id ORDER BY "    \
    "r.id"

/* The same for programs: entries as in the API (reconcile/ledger.c), all of them. */
static int cli_ledger_data(const struct cli_ledger *ledger, struct salvage_target *target)
{
    static const char runs[] =
        "SELECT json_build_object('runs', coalesce(json_agg(to_json(x) ORDER BY x.run), '[]'::json)) "
        "FROM (" CLI_LEDGER_RUNS ") x";
    static const char entries[] =
        "SELECT json_build_object('entries', coalesce(json_agg(to_json(x) ORDER BY x.commit_lsn), '[]'::json)) FROM "
        "(SELECT id, run, system_id, timeline, epoch, commit_lsn, xid, commit_time, method, state, reason, "
        "changes_count FROM holdfast.ledger_entry WHERE state = 'quarantined') x";
    PGresult *result = NULL;
    const enum err err = salvage_target_ask(target, ledger->open ? entries : runs, 0, NULL, &result);
    if (err != ERR_OK && !cli_ledger_none(target)) {
        fprintf(stderr, "holdfast ledger: %s\n", target->message);
        return VERB_FAILED;
    }
    json_t *json = err == ERR_OK ? json_loads(PQgetvalue(result, 0, 0), 0, NULL)
                                 : json_pack("{s:[]}", ledger->open ? "entries" : "runs");
    const int code = json != NULL ? cli_view_data(&ledger->output, json) : VERB_FAILED;
    json_decref(json);
    PQclear(result);
    return code;
}

static int cli_ledger_list(const struct cli_ledger *ledger, struct salvage_target *target)
{
    static const char entries[] = "SELECT id, run, commit_lsn, xid, date_trunc('second', commit_time) AS committed, "
                                  "changes_count AS changes, reason "
                                  "FROM holdfast.ledger_entry WHERE state = 'quarantined' ORDER BY commit_lsn";
    return ledger->output.format >= CLI_OPTION_JSON
               ? cli_ledger_data(ledger, target)
               : cli_ledger_print(target, ledger->open ? entries : CLI_LEDGER_RUNS, 0, NULL, true);
}

static int cli_ledger_resolve(const struct cli_ledger *ledger, struct salvage_target *target)
{
    const char *login = getlogin(); /* NOLINT(concurrency-mt-unsafe): one thread */
    const struct salvage_resolve resolve = {.id = ledger->words[1],
                                            .reason = ledger->reason,
                                            .who = login != NULL ? login : "unknown",
                                            .apply = ledger->apply};
    struct sql sql = {.connection = target->connection}; /* stays the target's */
    const enum err err = salvage_resolve(&sql, &resolve, time_add_ms(clock_mono(), CLI_LEDGER_RESOLVE_MS));
    if (err != ERR_OK) {
        const bool unknown = err == ERR_TIMEOUT || err == ERR_CLOSED;
        fprintf(stderr, "holdfast ledger: %s: %s\n",
                unknown ? "whether it was done is not known, look again" : "nothing was changed", sql.message);
        return err == ERR_REFUSED ? VERB_REFUSED : VERB_FAILED;
    }
    printf("entry %s %s\n", ledger->words[1], ledger->apply ? "applied" : "discarded");
    return VERB_OK;
}

static int cli_ledger_act(const struct cli_ledger *ledger, struct salvage_target *target)
{
    static const char one[] = "SELECT jsonb_pretty(to_jsonb(e)) FROM holdfast.ledger_entry e WHERE e.id = $1::bigint";
    static const char all[] = "SELECT to_jsonb(e) FROM holdfast.ledger_entry e ORDER BY e.commit_lsn";
    const char *const values[] = {ledger->words[1]};
    const char *what = ledger->words[0];
    return strcmp(what, "list") == 0     ? cli_ledger_list(ledger, target)
           : strcmp(what, "show") == 0   ? cli_ledger_print(target, one, 1, values, false)
           : strcmp(what, "export") == 0 ? cli_ledger_print(target, all, 0, NULL, false)
                                         : cli_ledger_resolve(ledger, target);
}

/* Whether the words and options go together. */
static bool cli_ledger_valid(const struct cli_ledger *ledger)
{
    const char *what = ledger->words_count > 0 ? ledger->words[0] : "";
    const bool resolve = strcmp(what, "resolve") == 0;
    const bool numbered = resolve || strcmp(what, "show") == 0;
    if (!numbered && strcmp(what, "list") != 0 && strcmp(what, "export") != 0) {
        return false;
    }
    const char *id = ledger->words_count == 2 ? ledger->words[1] : "";
    const size_t digits = strspn(id, "0123456789");
    const bool number = digits > 0 && digits < 19 && id[digits] == '\0';
    const bool decided = ledger->apply != ledger->discard && ledger->reason != NULL && ledger->reason[0] != '\0';
    const bool list = strcmp(what, "list") == 0; /* the others have one format each */
    return (list || ledger->output.format == CLI_OPTION_TABLE) &&
           (numbered ? number && (!resolve || decided) : ledger->words_count == 1);
}

int cli_ledger(int argc, char **argv)
{
    static const struct argp parser = {
        .options = cli_ledger_options,
        .parser = cli_ledger_option,
        .args_doc = "list\nshow ID\nresolve ID --apply|--discard --reason TEXT\nexport",
        .doc =
            "What became of the commits that a failover left behind: applied, identical, quarantined, or discarded by "
            "a "
            "person's word.\vThe ledger is in the writer's database, schema holdfast. `export` prints a JSON line per "
            "entry.\nExit status: 0 done, 1 failed or no such entry, 2 wrong usage, 3 refused (nothing changed), 5 no "
            "writer reachable, 8 invalid configuration.",
    };
    struct cli_ledger ledger = {.config = NULL};
    struct config *config = NULL;
    argp_err_exit_status = VERB_USAGE;
    char name[] = "holdfast ledger";
    argv[0] = name;
    if (argp_parse(&parser, argc, argv, 0, NULL, &ledger) != 0 || !cli_ledger_valid(&ledger)) {
        fputs("usage: holdfast ledger list [--open] [-o json] | show ID | resolve ID --apply|--discard --reason TEXT | "
              "export\n",
              stderr);
        return VERB_USAGE;
    }
    int code = cli_load(ledger.config, &config);
    if (code != VERB_OK) {
        return code;
    }
    const struct config_database *database = cli_ledger_database(config, ledger.database);
    struct salvage_target target;
    code = database == NULL
               ? VERB_CONFIG
               : cli_ledger_connect(database, ledger.dbname != NULL ? ledger.dbname : database->dbname, &target);
    if (code == VERB_OK) {
        code = cli_ledger_act(&ledger, &target);
        salvage_target_close(&target);
    }
    config_free(config);
    return code;
}
