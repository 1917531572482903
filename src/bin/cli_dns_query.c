/* SPDX-License-Identifier: Apache-2.0
 * holdfast dns query: what DNS servers really answer, and whether that is what they should. */
#include "bin/cli_dns_query.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "bin/cli_dns_answer.h"
#include "bin/cli_dns_local.h"
#include "bin/cli_dns_name.h"
#include "bin/cli_dns_query_option.h"
#include "bin/cli_load.h"
#include "bin/serve_dns.h"
#include "wire/dns_type.h"

enum {
    CLI_DNS_QUERY_ROUNDS = 3, /* a view that is just changing reaches servers one by one */
    CLI_DNS_QUERY_PAUSE_MS = 300,
};

/* One call. */
struct cli_dns_query {
    struct cli_dns_query_option option;
    struct config *config;       /* NULL: servers were named, and no configuration */
    struct cli_dns_local *local; /* NULL: nothing to compare with */
    bool compared;               /* with the view and the zone files */
};

/* ---- the configuration ---- */

static int cli_dns_query_name(struct cli_dns_query *query)
{
    /* Names of class CH are no zone's. */
    const struct config *config = query->option.query.class == DNS_CLASS_IN ? query->config : NULL;
    return cli_dns_name_parse(config, query->option.name, &query->option.query.name) == ERR_OK
               ? VERB_OK
               : cli_dns_query_option_fail("not a domain name", query->option.name);
}

/* The servers of one site. Nobody can be asked at "all addresses of that host". */
static void cli_dns_query_site(struct cli_dns_query *query, const struct config_site *site)
{
    static const uint8_t any[16];
    for (uint32_t i = 0; i < site->dns.listen_count; i++) {
        const struct config_address *listen = &site->dns.listen[i];
        if (memcmp(listen->bytes, any, sizeof any) == 0) {
            fprintf(stderr, "holdfast dns query: %s of site %s is no address to ask at; say which with --server\n",
                    listen->text, site->name);
        } else if (query->option.servers_count < CLI_DNS_QUERY_OPTION_SERVERS) {
            struct address *server = &query->option.servers[query->option.servers_count++];
            server->storage = serve_dns_address(listen);
            server->size =
                listen->family == CONFIG_FAMILY_IPV6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
        }
    }
}

static int cli_dns_query_servers(struct cli_dns_query *query, uint32_t site)
{
    for (uint32_t i = 0; query->option.servers_count == 0 && i < query->config->sites_count; i++) {
        if (site == CONFIG_NONE || site == i) {
            cli_dns_query_site(query, &query->config->sites[i]);
        }
    }
    if (query->option.servers_count == 0) {
        fputs("holdfast dns query: the configuration has no address of a DNS server; say whom to ask with --server\n",
              stderr);
        return VERB_CONFIG;
    }
    return VERB_OK;
}

static int cli_dns_query_prepare(struct cli_dns_query *query)
{
    const struct cli_dns_query_option *option = &query->option;
    uint32_t site = CONFIG_NONE;
    char problem[DNS_ZONE_PROBLEM] = "";
    int result = VERB_OK;
    if (option->servers_count == 0 || option->config != NULL) {
        result = cli_load(option->config, &query->config);
    }
    if (result == VERB_OK && query->config != NULL && option->site != NULL) {
        site = config_site_find(query->config, option->site);
        if (site == CONFIG_NONE) {
            return cli_dns_query_option_fail("no such site in the configuration", option->site);
        }
    }
    result = result == VERB_OK ? cli_dns_query_name(query) : result;
    result = result == VERB_OK ? cli_dns_query_servers(query, site) : result;
    if (result == VERB_OK && query->config != NULL &&
        cli_dns_local_open(query->config, site, problem, &query->local) != ERR_OK) {
        fprintf(stderr, "holdfast dns query: not compared with zone files and view: %s\n", problem);
    }
    return result;
}

/* ---- asking ---- */

/* What a server's answer to a client at `answer->source` should be; NULL: nobody here can say. */
static json_t *cli_dns_query_view(struct cli_dns_query *query, struct dns_client_answer *answer)
{
    if (query->local == NULL || !cli_dns_local_knows(query->local, &query->option.query) ||
        cli_dns_local_ask(query->local, &query->option.query, answer) != ERR_OK) {
        return NULL;
    }
    return cli_dns_answer_json("view", answer);
}

static json_t *cli_dns_query_one(struct cli_dns_query *query, const struct address *server,
                                 struct dns_client_answer *answer)
{
    char text[ADDRESS_TEXT];
    struct dns_query question = query->option.query; /* cookies are one server's */
    struct dns_client_want want = query->option.want;
    want.server = *server;
    address_print(server, text);
    const enum err err = dns_client_ask(&want, &question, answer);
    if (err != ERR_OK) {
        char problem[128];
        snprintf(problem, sizeof problem, "over %s: %s", answer->tcp ? "tcp" : "udp", err_text(err));
        return cli_dns_answer_problem(text, problem);
    }
    json_t *object = cli_dns_answer_json(text, answer);
    if (query->option.client != NULL) {
        json_object_set_new(object, "client", json_string(query->option.client));
    }
    json_t *view = cli_dns_query_view(query, answer);
    if (view != NULL) {
        json_object_set_new(object, "view", view);
        query->compared = true;
    }
    return object;
}

static json_t *cli_dns_query_ask(struct cli_dns_query *query, struct dns_client_answer *answer)
{
    json_t *answers = json_array();
    for (uint32_t i = 0; i < query->option.servers_count; i++) {
        json_array_append_new(answers, cli_dns_query_one(query, &query->option.servers[i], answer));
    }
    return answers;
}

/* ---- showing ---- */

/* Why it is wrong, and what the view would have said. */
static void cli_dns_query_draw_wrong(const json_t *answer, struct cli_text *text)
{
    const json_t *view = json_object_get(answer, "view");
    cli_text_print(text, CLI_TEXT_BAD, "WRONG     %s\n", cli_text_member(answer, "wrong"));
    if (view != NULL) {
        buf_text(&text->out, "the view  ");
        cli_dns_answer_rows(view, &text->out);
    }
}

static void cli_dns_query_draw(const struct cli_dns_query *query, const json_t *answers, int result)
{
    static char memory[CLI_TEXT_BYTES];
    static const char *const words[] = {[VERB_OK] = "OK",
                                        [VERB_FAILED] = "WRONG",
                                        [VERB_UNREACHABLE] = "UNREACHABLE",
                                        [VERB_DEGRADED] = "DEGRADED: not all servers answered"};
    struct cli_text text = {.color = isatty(STDOUT_FILENO) != 0 && getenv("NO_COLOR") == NULL};
    size_t i;
    const json_t *answer;
    json_array_foreach(answers, i, answer)
    {
        buf_init(&text.out, memory, sizeof memory);
        cli_dns_answer_draw(answer, &text);
        if (json_object_get(answer, "wrong") != NULL) {
            cli_dns_query_draw_wrong(answer, &text);
        }
        cli_text_print(&text, CLI_TEXT_PLAIN, "\n");
        fputs(buf_string(&text.out), stdout);
    }
    buf_init(&text.out, memory, sizeof memory);
    cli_text_print(&text, result == VERB_OK ? CLI_TEXT_GOOD : CLI_TEXT_BAD, "%s", words[result]);
    cli_text_print(&text, CLI_TEXT_PLAIN, "; compared with %s\n",
                   query->compared                         ? "the view and the zone files of this host"
                   : json_array_size(answers) > 1          ? "each other"
                   : query->option.judge.expects_count > 0 ? "what is expected"
                                                           : "nothing");
    fputs(buf_string(&text.out), stdout);
}

static void cli_dns_query_print(const struct cli_dns_query *query, json_t *answers, int result)
{
    if (query->option.format < CLI_OPTION_JSON) {
        cli_dns_query_draw(query, answers, result);
        return;
    }
    json_t *all = json_pack("{s:i, s:b, s:O}", "status", result, "compared", query->compared, "servers", answers);
    ASSERT(all != NULL);
    if (query->option.format == CLI_OPTION_JSON) {
        json_dumpf(all, stdout, JSON_INDENT(2));
        putchar('\n');
    } else {
        static char memory[CLI_TEXT_BYTES];
        struct buf buf;
        buf_init(&buf, memory, sizeof memory);
        cli_text_yaml(&buf, all);
        fputs(buf_string(&buf), stdout);
    }
    json_decref(all);
}

static int cli_dns_query_run(struct cli_dns_query *query, struct dns_client_answer *answer)
{
    json_t *answers = NULL;
    enum verb_exit result = VERB_FAILED;
    for (int round = 0; round < CLI_DNS_QUERY_ROUNDS && result == VERB_FAILED; round++) {
        if (round > 0) {
            nanosleep(&(struct timespec){.tv_nsec = CLI_DNS_QUERY_PAUSE_MS * 1000000L}, NULL);
        }
        json_decref(answers);
        answers = cli_dns_query_ask(query, answer);
        result = cli_dns_judge(&query->option.judge, answers);
    }
    cli_dns_query_print(query, answers, (int)result);
    json_decref(answers);
    return fflush(stdout) == 0 ? (int)result : VERB_FAILED;
}

int cli_dns_query(int argc, char **argv)
{
    static struct cli_dns_query query;
    static struct dns_client_answer answer;
    int result = cli_dns_query_option(argc, argv, &query.option);
    if (result != CLI_OPTION_GO) {
        return result;
    }
    result = cli_dns_query_prepare(&query);
    result = result == VERB_OK ? cli_dns_query_run(&query, &answer) : result;
    cli_dns_local_close(query.local);
    config_free(query.config);
    return result;
}
