/* SPDX-License-Identifier: Apache-2.0
 * What test_proxy.py needs from our libraries: a proxy without a configuration, a controller's publication, the proofs
 * and the digest. Not installed. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "edge/clock.h"
#include "edge/log.h"
#include "edge/prove.h"
#include "edge/publish.h"
#include "edge/publish_file.h"
#include "proxy/proxy_serve.h"
#include "reconcile/digest.h"

static uint32_t lab_number(const char *text)
{
    int64_t number = 0;
    const bool good = sql_number(text, &number);
    ASSERT(good && number >= 0 && number <= UINT32_MAX);
    return (uint32_t)number;
}

static struct view_address lab_address(const char *port)
{
    return (struct view_address){.bytes = {127, 9, 0, 1}, .port = (uint16_t)lab_number(port), .family = 4};
}

static void lab_path(char path[PROXY_PATH], const char *variable)
{
    const char *value = getenv(variable);
    snprintf(path, PROXY_PATH, "%s", value != NULL ? value : "");
}

/* Encryption towards clients: LAB_TLS is allow or require, LAB_TLS_DIR has the files. Towards servers:
 * LAB_SERVER_TLS, LAB_SERVER_CA. */
static void lab_tls(struct proxy_options *options)
{
    static const char *const modes[] = {"disable", "prefer", "require", "verify-ca", "verify-full"};
    const char *mode = getenv("LAB_SERVER_TLS");
    for (uint32_t i = 0; mode != NULL && i < sizeof modes / sizeof modes[0]; i++) {
        options->server_tls_mode =
            strcmp(mode, modes[i]) == 0 ? (enum proxy_tls_server_mode)i : options->server_tls_mode;
    }
    const char *ca = getenv("LAB_SERVER_CA");
    snprintf(options->server_ca, sizeof options->server_ca, "%s", ca != NULL ? ca : "");
    mode = getenv("LAB_TLS");
    const char *path = getenv("LAB_TLS_DIR");
    if (mode == NULL || path == NULL) {
        return;
    }
    options->tls_mode = strcmp(mode, "require") == 0 ? PROXY_TLS_REQUIRE : PROXY_TLS_ALLOW;
    snprintf(options->tls_files.certificate, PROXY_TLS_PATH, "%s/proxy.crt", path);
    snprintf(options->tls_files.key, PROXY_TLS_PATH, "%s/proxy.key", path);
    snprintf(options->tls_files.ca, PROXY_TLS_PATH, "%s/ca.crt", path);
}

/* LAB_POOL: "MODE SIZE RESERVE RESERVE_AFTER_MS MINIMUM CONNECTIONS CLIENTS WAIT_MS IDLE_MS LIFETIME_MS", MODE 0 none,
 * 1 session, 2 transaction. LAB_STATEMENTS: pool.max_prepared_statements. */
static struct proxy_route_pool lab_pool(const char *from)
{
    struct proxy_route_pool pool = {.mode = PROXY_ROUTE_UNPOOLED};
    char text[128];
    char *rest = text;
    snprintf(text, sizeof text, "%s", from != NULL ? from : "");
    const char *mode = strtok_r(rest, " ", &rest);
    if (mode == NULL) {
        return pool;
    }
    pool.mode = (enum proxy_route_pooling)lab_number(mode);
    uint32_t *const numbers[] = {&pool.size,        &pool.reserve, &pool.reserve_after_ms, &pool.minimum,
                                 &pool.connections, &pool.clients, &pool.wait_timeout_ms,  &pool.idle_timeout_ms,
                                 &pool.lifetime_ms};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        const char *word = strtok_r(rest, " ", &rest);
        ASSERT(word != NULL);
        *numbers[i] = lab_number(word);
    }
    pool.statements = getenv("LAB_STATEMENTS") != NULL ? lab_number(getenv("LAB_STATEMENTS")) : 0;
    return pool;
}

/* LAB_ENTRIES: a file with an entry a line, "NAME POOL", read again on SIGHUP. */
static void lab_entries_read(const char *path, struct proxy_options *options)
{
    char line[256];
    FILE *file = fopen(path, "re");
    ASSERT(file != NULL);
    options->routes_count = 0;
    while (fgets(line, sizeof line, file) != NULL && options->routes_count < PROXY_ROUTES) {
        char *rest = line;
        line[strcspn(line, "\n")] = '\0';
        const char *name = strtok_r(rest, " ", &rest);
        ASSERT(name != NULL);
        struct proxy_route *route = &options->routes[options->routes_count++];
        *route = (struct proxy_route){.database = "shop", .dbname = "shop", .pool = lab_pool(rest)};
        snprintf(route->name, sizeof route->name, "%s", name);
    }
    fclose(file);
}

static void lab_entries(struct proxy_options *options)
{
    if (getenv("LAB_ENTRIES") != NULL) {
        lab_entries_read(getenv("LAB_ENTRIES"), options);
        return;
    }
    options->routes[0] = (struct proxy_route){.name = "shop", .database = "shop"};
    options->routes[1] = (struct proxy_route){.name = "other", .database = "shop", .dbname = "shop"};
    options->routes[2] =
        (struct proxy_route){.name = "read", .database = "shop", .dbname = "shop", .kind = PROXY_ROUTE_READER};
    options->routes[3] = options->routes[2]; /* the same, for those who want no old rows */
    snprintf(options->routes[3].name, sizeof options->routes[3].name, "fresh");
    options->routes[3].max_lag_ms = 4000;
    options->routes_count = 4;
    for (uint32_t i = 0; i < options->routes_count; i++) {
        options->routes[i].pool = lab_pool(getenv("LAB_POOL"));
        options->routes[i].spares = getenv("LAB_SPARES") != NULL ? lab_number(getenv("LAB_SPARES")) : 0;
        options->routes[i].spares_limit = 20;
    }
}

/* On SIGHUP. */
static bool lab_read(void *context, struct proxy_options *ret_options)
{
    *ret_options = *(const struct proxy_options *)context;
    lab_entries(ret_options);
    return true;
}

/* serve MEMORY FILE PORT WORKERS CONNECT_WAIT_MS HOLD_TIMEOUT_MS MAX_CLIENTS passthrough|login|scram; with login and
 * scram the superuser's password is in LAB_PASSWORD */
static int lab_serve(char **argv)
{
    static struct proxy_options options;
    log_init("proxy", LOG_INFO);
    snprintf(options.name, sizeof options.name, "test/proxy");
    snprintf(options.view_memory, sizeof options.view_memory, "%s", argv[0]);
    snprintf(options.view_file, sizeof options.view_file, "%s", argv[1]);
    options.listen[0] = lab_address(argv[2]);
    options.listen_count = 1;
    options.workers = lab_number(argv[3]);
    options.connect_wait_ms = lab_number(argv[4]);
    options.hold_timeout_ms = lab_number(argv[5]);
    options.max_clients = lab_number(argv[6]);
    options.grace_ms = 2000;
    options.single = getenv("LAB_SINGLE") != NULL;
    options.login = strcmp(argv[7], "login") == 0;
    options.challenge = strcmp(argv[7], "scram") == 0;
    signal(SIGPIPE, SIG_IGN);
    lab_path(options.auth_file, "LAB_AUTH_FILE");
    lab_path(options.hba_file, "LAB_HBA_FILE");
    lab_tls(&options);
    options.accounts[0] = (struct proxy_asker_account){
        .database = "shop", .dbname = "shop", .user = "postgres", .password = {.env = "LAB_PASSWORD"}};
    options.accounts_count = 1;
    lab_entries(&options);
    if (getenv("LAB_CONSOLE") != NULL) {
        snprintf(options.console, sizeof options.console, "holdfast");
        options.operators[0] = (struct proxy_operator){.name = "ops", .password = {.env = "LAB_CONSOLE"}};
        options.operators_count = 1;
    }
    return proxy_serve_run(&options, lab_read, &options) == ERR_OK ? 0 : 1;
}

static void lab_node(struct view *view, uint32_t index, const char *name, const char *port)
{
    struct view_node *node = &view->nodes[index];
    snprintf(node->name, sizeof node->name, "%s", name);
    node->postgres = lab_address(port);
    node->role = VIEW_NODE_STANDBY;
    node->healthy = 1;
}

/* "view VERSION EPOCH WRITER HOLD PORT_A PORT_B [LOCKED_COMMIT [LAG_MS]]": WRITER 0, 1 or 2 (none); LAG_MS of the
 * standbys. */
static void lab_view(struct view *view, char **words)
{
    view->version = lab_number(words[1]);
    view->regions_count = 1;
    snprintf(view->regions[0].name, sizeof view->regions[0].name, "here");
    view->databases_count = 1;
    snprintf(view->databases[0].name, sizeof view->databases[0].name, "shop");
    view->databases[0].epoch = lab_number(words[2]);
    const uint32_t writer = lab_number(words[3]);
    view->databases[0].writer = writer < 2 ? writer : LIMITS_NONE;
    view->databases[0].hold = lab_number(words[4]);
    view->databases[0].locked_commit = words[7] != NULL ? lab_number(words[7]) : 0;
    view->nodes_count = 2;
    lab_node(view, 0, "a", words[5]);
    lab_node(view, 1, "b", words[6]);
    const uint32_t lag_ms = words[7] != NULL && words[8] != NULL ? lab_number(words[8]) : 0;
    for (uint32_t i = 0; i < view->nodes_count; i++) {
        view->nodes[i].lag_ms = lag_ms;
    }
    if (writer < 2) {
        view->nodes[writer].role = VIEW_NODE_WRITER;
    }
    view_seal(view);
}

static void lab_readers(struct publish_writer *writer)
{
    struct publish_reader_info list[LIMITS_READERS];
    uint32_t count = 0;
    publish_writer_readers(writer, list, &count);
    for (uint32_t i = 0; i < count; i++) {
        printf("%s %s %" PRIu64 "\n", list[i].name, publish_kind_name(list[i].kind), list[i].version);
    }
    printf(".\n");
}

/* publish MEMORY FILE: commands on standard input, one answer each. */
static int lab_publish(char **argv)
{
    struct publish_writer writer;
    if (publish_writer_open(&writer, argv[0]) != ERR_OK) {
        return 1;
    }
    char line[256];
    while (fgets(line, sizeof line, stdin) != NULL) {
        char *words[9] = {NULL};
        char *rest = line;
        for (size_t i = 0; i < 9; i++) {
            words[i] = strtok_r(rest, " \n", &rest);
        }
        if (words[0] != NULL && strcmp(words[0], "view") == 0) {
            struct view *view = publish_writer_draft(&writer);
            lab_view(view, words);
            const struct view kept = *view;
            const enum err err = publish_writer_commit(&writer);
            const enum err saved = publish_file_save(argv[1], &kept);
            printf("%s %s\n", err_name(err), err_name(saved));
        } else {
            lab_readers(&writer);
        }
        fflush(stdout);
    }
    publish_writer_close(&writer);
    return 0;
}

static struct sql_login lab_login(const char *port)
{
    return (struct sql_login){
        .address = lab_address(port), .dbname = "shop", .user = "postgres", .password = getenv("LAB_PASSWORD")};
}

/* Quotes would end JSON's own: apostrophes do for a test. */
static char *lab_plain(char *text)
{
    for (char *at = text; *at != '\0'; at++) {
        *at = *at == '"' ? '\'' : *at;
    }
    return text;
}

/* digest WRITER_PORT STANDBY_PORT */
static int lab_digest(char **argv)
{
    const struct digest_options options = {
        .writer = lab_login(argv[0]), .standby = lab_login(argv[1]), .timeout_ms = 60000};
    struct digest digest;
    const enum err err = digest_measure(&options, &digest);
    printf("{\"err\":\"%s\",\"measured\":%s,\"consistent\":%s,\"reason\":\"%s\",\"lock_us\":%" PRId64
           ",\"took_us\":%" PRId64 ",\"checksums\":%s,\"timelines\":[%u,%u],\"lsn\":%" PRIu64 ",\"tables\":{",
           err_name(err), digest.measured ? "true" : "false", digest.consistent ? "true" : "false",
           lab_plain(digest.reason), digest.lock_us, digest.took_us,
           digest.writer.checksums && digest.standby.checksums ? "true" : "false", digest.writer.timeline,
           digest.standby.timeline, digest.lsn.position);
    for (uint32_t i = 0; i < digest.tables_count; i++) {
        struct digest_table *table = &digest.tables[i];
        printf("%s\"%s\":[%" PRId64 ",%" PRId64 ",%s]", i > 0 ? "," : "", lab_plain(table->name), table->rows_writer,
               table->rows_standby, table->equal ? "true" : "false");
    }
    printf("}}\n");
    digest_free(&digest);
    return 0;
}

/* prove-sql PORT EPOCH NODE */
static int lab_prove_sql(char **argv)
{
    const struct sql_login login = lab_login(argv[0]);
    struct prove_sql_answer answer = {.epoch = 0};
    char message[PROVE_MESSAGE];
    const struct prove_sql_row row = {.epoch = lab_number(argv[1]), .node = argv[2]};
    const enum err err = prove_sql(&login, &row, 5000, &answer, message);
    printf("%s %u %" PRIu64 " %s %d %s\n", err_name(err), answer.server.port, answer.epoch,
           answer.node[0] != '\0' ? answer.node : "-", answer.in_recovery, message);
    return 0;
}

/* prove-http PORT PATH */
static int lab_prove_http(char **argv)
{
    const struct view_address address = lab_address(argv[0]);
    char message[PROVE_MESSAGE];
    printf("%s %s\n", err_name(prove_http(&address, "shop.test", argv[1], 1000, message)), message);
    return 0;
}

/* prove-dns PORT NAME */
static int lab_prove_dns(char **argv)
{
    const struct view_address address = lab_address(argv[0]);
    struct prove_dns_answer answer = {.count = 0};
    char message[PROVE_MESSAGE];
    const enum err err = prove_dns(&address, argv[1], 4, 1000, &answer, message);
    printf("%s %u", err_name(err), answer.ttl_s);
    for (uint32_t i = 0; i < answer.count; i++) {
        const uint8_t *bytes = answer.addresses[i].bytes;
        printf(" %u.%u.%u.%u", bytes[0], bytes[1], bytes[2], bytes[3]);
    }
    printf("\n");
    return 0;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int arguments;
        int (*run)(char **argv);
    } verbs[] = {
        {"serve", 8, lab_serve},         {"publish", 2, lab_publish},       {"digest", 2, lab_digest},
        {"prove-sql", 3, lab_prove_sql}, {"prove-http", 2, lab_prove_http}, {"prove-dns", 2, lab_prove_dns},
    };
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (argc == verbs[i].arguments + 2 && strcmp(argv[1], verbs[i].name) == 0) {
            return verbs[i].run(argv + 2);
        }
    }
    fprintf(stderr, "usage: proxy_lab VERB ARGUMENT...\n");
    return 2;
}
