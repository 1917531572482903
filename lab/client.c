/* SPDX-License-Identifier: Apache-2.0
 * The lab's load: many HTTP customers and a few SQL clients at a fixed pace, every attempt in a journal.
 *
 *   lab-client --journal FILE --run TAG --home NAME,PREFIX,CLIENTS,SQL,PROXY:PORT ... --dns ADDRESS:PORT ...
 *              [--name www.example.test] [--port 8080] [--http-rate 100] [--sql-rate 50] [--dbname shop] [--user
 * shop_tier1]
 *
 * Passwords come from PGPASSFILE. SIGTERM: no new attempts, wait for those under way, end. */
#include "client.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client_http.h"
#include "client_sql.h"
#include "edge/clock.h"

enum {
    CLIENT_TICK_MS = 5,
    CLIENT_FLUSH_MS = 100,
};

static volatile sig_atomic_t client_stopping;

static void client_stop(int number)
{
    (void)number;
    client_stopping = 1;
}

static bool client_number(const char *text, unsigned limit, unsigned *ret_number)
{
    char *end = NULL;
    const unsigned long number = strtoul(text, &end, 10);
    if (end == text || *end != '\0' || number > limit) {
        return false;
    }
    *ret_number = (unsigned)number;
    return true;
}

/* Cuts `text` at `mark`, in place; gives what lies behind it, NULL when the mark is not there. */
static char *client_cut(char *text, char mark)
{
    char *at = text != NULL ? strchr(text, mark) : NULL;
    if (at == NULL) {
        return NULL;
    }
    *at = '\0';
    return at + 1;
}

static bool client_copy(char *to, size_t size, const char *text)
{
    const int length = snprintf(to, size, "%s", text);
    return length > 0 && (size_t)length < size;
}

/* NAME,PREFIX,CLIENTS,SQL,PROXY:PORT */
static bool client_add_home(struct client_config *config, char *text)
{
    char *prefix = client_cut(text, ',');
    char *clients = client_cut(prefix, ',');
    char *sql = client_cut(clients, ',');
    char *proxy = client_cut(sql, ',');
    char *port = client_cut(proxy, ':');
    struct in_addr address;
    char first[24];
    if (port == NULL || config->homes == CLIENT_HOMES) {
        return false;
    }
    struct client_home *home = &config->home[config->homes++];
    (void)snprintf(first, sizeof(first), "%.7s.100.7", prefix);
    return client_copy(home->name, sizeof(home->name), text) &&
           client_copy(home->prefix, sizeof(home->prefix), prefix) &&
           client_copy(home->proxy_host, sizeof(home->proxy_host), proxy) &&
           client_copy(home->proxy_port, sizeof(home->proxy_port), port) &&
           client_number(clients, CLIENT_PER_HOME, &home->clients) &&
           client_number(sql, CLIENT_SQL_PER_HOME, &home->sql_connections) &&
           inet_pton(AF_INET, first, &address) == 1 && inet_pton(AF_INET, home->proxy_host, &address) == 1;
}

/* ADDRESS:PORT */
static bool client_add_server(struct client_config *config, char *text)
{
    unsigned port = 0;
    char *number = client_cut(text, ':');
    if (number == NULL || config->servers == CLIENT_SERVERS || !client_number(number, UINT16_MAX, &port) || port == 0) {
        return false;
    }
    struct sockaddr_in *server = &config->server[config->servers++];
    *server = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    return inet_pton(AF_INET, text, &server->sin_addr) == 1;
}

static bool client_options(int argc, char **argv, struct client_config *config, const char **ret_journal)
{
    static const struct option options[] = {
        {"journal", required_argument, NULL, 'j'},
        {"run", required_argument, NULL, 'r'},
        {"home", required_argument, NULL, 'h'},
        {"dns", required_argument, NULL, 'd'},
        {"name", required_argument, NULL, 'n'},
        {"port", required_argument, NULL, 'p'},
        {"http-rate", required_argument, NULL, 'H'},
        {"sql-rate", required_argument, NULL, 'S'},
        {"dbname", required_argument, NULL, 'D'},
        {"user", required_argument, NULL, 'U'},
        {NULL, 0, NULL, 0},
    };
    bool good = true;
    for (int option = getopt_long(argc, argv, "", options, NULL); option != -1 && good;
         option = getopt_long(argc, argv, "", options, NULL)) {
        switch (option) {
        case 'j':
            *ret_journal = optarg;
            break;
        case 'r':
            config->run = optarg;
            break;
        case 'h':
            good = client_add_home(config, optarg);
            break;
        case 'd':
            good = client_add_server(config, optarg);
            break;
        case 'n':
            config->name = optarg;
            break;
        case 'p':
            good = client_number(optarg, UINT16_MAX, &config->port);
            break;
        case 'H':
            good = client_number(optarg, 5000, &config->http_rate);
            break;
        case 'S':
            good = client_number(optarg, 5000, &config->sql_rate);
            break;
        case 'D':
            config->dbname = optarg;
            break;
        case 'U':
            config->user = optarg;
            break;
        default:
            good = false;
            break;
        }
    }
    return good && optind == argc && *ret_journal != NULL && config->run != NULL && config->homes > 0 &&
           config->servers > 0;
}

static void client_loop(CURLM *multi, struct client_config *config)
{
    static struct curl_waitfd fds[CLIENT_FDS];
    struct mono flush = clock_mono();
    while (client_stopping == 0 || client_http_busy() + client_sql_busy() > 0) {
        const struct mono now = clock_mono();
        int running = 0;
        client_http_tick(now, client_stopping != 0);
        client_sql_tick(now, client_stopping != 0);
        const unsigned http = client_http_fds(fds);
        const unsigned sql = client_sql_fds(fds + http);
        (void)curl_multi_poll(multi, fds, http + sql, CLIENT_TICK_MS, NULL);
        client_http_ready(fds, http);
        client_sql_ready(fds + http, sql);
        (void)curl_multi_perform(multi, &running);
        client_http_collect();
        if (time_reached(now, flush)) {
            (void)fflush(config->journal);
            flush = time_add_ms(now, CLIENT_FLUSH_MS);
        }
    }
}

int main(int argc, char **argv)
{
    struct client_config config = {
        .name = "www.example.test",
        .port = 8080,
        .http_rate = 100,
        .sql_rate = 50,
        .dbname = "shop",
        .user = "shop_tier1",
    };
    const char *path = NULL;
    if (!client_options(argc, argv, &config, &path)) {
        (void)fprintf(stderr,
                      "usage: lab-client --journal FILE --run TAG --home NAME,PREFIX,CLIENTS,SQL,PROXY:PORT ...\n"
                      "  --dns ADDRESS:PORT ... [--name NAME] [--port N] [--http-rate N] [--sql-rate N]\n"
                      "  [--dbname NAME] [--user NAME]\n");
        return 2;
    }
    config.journal = fopen(path, "ae");
    if (config.journal == NULL) {
        perror(path);
        return 1;
    }
    const struct sigaction stop = {.sa_handler = client_stop};
    (void)sigaction(SIGTERM, &stop, NULL);
    (void)sigaction(SIGINT, &stop, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
    CURLM *multi = curl_multi_init();
    client_http_init(&config, multi);
    client_sql_init(&config);
    client_loop(multi, &config);
    client_http_fini();
    client_sql_fini();
    (void)curl_multi_cleanup(multi);
    curl_global_cleanup();
    if (fclose(config.journal) != 0) {
        perror(path);
        return 1;
    }
    return 0;
}
