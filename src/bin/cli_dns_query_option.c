/* SPDX-License-Identifier: Apache-2.0
 * What stands on the command line of `holdfast dns query`. */
#include "bin/cli_dns_query_option.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/random.h>

#include "base/assert.h"
#include "dns/dns_explain.h"
#include "wire/dns_type.h"
#include "wire/dns_word.h"

static void cli_dns_query_option_usage(FILE *stream)
{
    fputs("usage: holdfast dns query NAME [--type TYPE] [--server ADDRESS[:PORT]]... [--client ADDRESS/LENGTH]\n"
          "                          [--expect DATA]... [-o table|json|yaml]\n"
          "         asks DNS servers, shows their answers, and says whether these are what they should be\n"
          "\n"
          "  --type TYPE      A unless something else is said; also TYPE65280\n"
          "  --server ADDRESS whom to ask; without it all dns.listen addresses of the configuration, or of --site\n"
          "  --client SUBNET  on whose behalf: the client subnet of EDNS (192.0.2.0/24)\n"
          "  --expect DATA    the record data that the answer has to have, as in a zone file; given once for each\n"
          "                   record, in any order; or NODATA, or a response code as NXDOMAIN\n"
          "  --tcp            over TCP at once; otherwise when the answer was truncated over UDP\n"
          "  --dnssec         with signatures (DO)\n"
          "  --cookie         with a DNS cookie\n"
          "  --nsid           ask for the server's name\n"
          "  --chaos          class CH: version.bind, id.server, hostname.bind with --type TXT\n"
          "  --recurse        ask a resolver to look further (RD)\n"
          "  --timeout TIME   of each try; 2s\n"
          "  --tries N        3\n"
          "  --config FILE, --site SITE   as of holdfast dns explain; with --server the configuration is read only\n"
          "                   when it is named\n"
          "\n"
          "NAME is one of a zone of the configuration, or relative to dns.zone; without a configuration as it stands.\n"
          "Answers are compared with each other and, where this host has a view and the zone files, with what these\n"
          "say; one that differs is asked for again twice, since it may be just changing.\n"
          "Exit status: 0 all is as it should be, 1 an answer is not, 2 wrong usage, 5 no server answered, 8 invalid\n"
          "configuration, 10 some servers did not answer.\n",
          stream);
}

int cli_dns_query_option_fail(const char *what, const char *value)
{
    fprintf(stderr, "holdfast dns query: %s: %s\n", value, what);
    return VERB_USAGE;
}

/* ---- what the values mean ---- */

/* "192.0.2.0/24"; without a length that of resolvers. Bits behind it are cleared (RFC 7871, 6). */
static int cli_dns_query_option_subnet(const char *text, struct dns_query *query)
{
    char address[INET6_ADDRSTRLEN] = "";
    struct view_address client;
    uint64_t bits = 0;
    const char *slash = strchr(text, '/');
    const size_t size = slash != NULL ? (size_t)(slash - text) : strlen(text);
    if (size < sizeof address) {
        memcpy(address, text, size);
    }
    if (dns_explain_address(address, &client) != ERR_OK) {
        return cli_dns_query_option_fail("not a network; expected one as 192.0.2.0/24 or 2001:db8::/56", text);
    }
    const uint32_t most = client.family == 6 ? 128 : 32;
    if (slash == NULL) {
        bits = client.family == 6 ? 56 : 24;
    } else if (dns_word_number(span_text(slash + 1), most, &bits) != ERR_OK) {
        return cli_dns_query_option_fail("not a prefix length; expected /0 to /32, or to /128 of IPv6", text);
    }
    query->subnet_given = true;
    query->subnet.family = client.family == 6 ? 2 : 1;
    query->subnet.source_bits = (uint8_t)bits;
    for (uint32_t i = 0; i < 16 && i * 8 < bits; i++) {
        const uint32_t left = (uint32_t)bits - i * 8;
        query->subnet.address[i] = client.bytes[i] & (uint8_t)(left >= 8 ? 0xff : 0xff << (8 - left));
    }
    return VERB_OK;
}

static int cli_dns_query_option_type(const char *text, struct dns_query *query)
{
    if (dns_type_parse(span_text(text), &query->type) != ERR_OK) {
        return cli_dns_query_option_fail("not a record type; expected one as MX or TYPE65280", text);
    }
    if (query->type == DNS_TYPE_AXFR || query->type == DNS_TYPE_IXFR) {
        return cli_dns_query_option_fail("transfers are not for this; expected a type of records", text);
    }
    return VERB_OK;
}

static int cli_dns_query_option_format(const char *text, enum cli_option_format *ret_format)
{
    static const char *const formats[] = {"table", "wide", "json", "yaml"};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        if (strcmp(text, formats[i]) == 0) {
            *ret_format = (enum cli_option_format)i;
            return VERB_OK;
        }
    }
    return cli_dns_query_option_fail("not a format; expected table, json or yaml", text);
}

static int cli_dns_query_option_server(const char *text, struct cli_dns_query_option *option)
{
    if (option->servers_count == CLI_DNS_QUERY_OPTION_SERVERS) {
        return cli_dns_query_option_fail("too many servers; expected at most 64", text);
    }
    if (address_parse_any(text, DNS_CLIENT_PORT, &option->servers[option->servers_count++]) != ERR_OK) {
        return cli_dns_query_option_fail(
            "not an address; expected one as 192.0.2.53, 192.0.2.53:5353 or [2001:db8::1]:53", text);
    }
    return VERB_OK;
}

static int cli_dns_query_option_expect(const char *text, struct cli_dns_query_option *option)
{
    if (option->judge.expects_count == CLI_DNS_JUDGE_EXPECTS) {
        return cli_dns_query_option_fail("too many; expected at most 16", text);
    }
    option->judge.expects[option->judge.expects_count++] = text;
    return VERB_OK;
}

static int cli_dns_query_option_tries(const char *text, struct cli_dns_query_option *option)
{
    uint64_t tries = 0;
    if (dns_word_number(span_text(text), DNS_CLIENT_TRIES, &tries) != ERR_OK || tries == 0) {
        return cli_dns_query_option_fail("not a number of tries; expected 1 to 10", text);
    }
    option->want.tries = (uint32_t)tries;
    return VERB_OK;
}

/* ---- words ---- */

static bool cli_dns_query_option_flag(const char *word, struct cli_dns_query_option *option)
{
    const struct {
        const char *name;
        bool *flag;
    } rows[] = {{"--tcp", &option->want.tcp},
                {"--dnssec", &option->query.dnssec_ok},
                {"--nsid", &option->query.nsid},
                {"--recurse", &option->query.recursion}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(word, rows[i].name) == 0) {
            *rows[i].flag = true;
            return true;
        }
    }
    if (strcmp(word, "--chaos") == 0) {
        option->query.class = DNS_CLASS_CH;
        return true;
    }
    if (strcmp(word, "--cookie") == 0) {
        option->query.cookie_size = DNS_COOKIE_CLIENT;
        const ssize_t random = getrandom(option->query.cookie, DNS_COOKIE_CLIENT, 0);
        ASSERT(random == DNS_COOKIE_CLIENT);
        return true;
    }
    return false;
}

enum cli_dns_query_option_word {
    CLI_DNS_QUERY_OPTION_TYPE,
    CLI_DNS_QUERY_OPTION_CLIENT,
    CLI_DNS_QUERY_OPTION_SERVER,
    CLI_DNS_QUERY_OPTION_EXPECT,
    CLI_DNS_QUERY_OPTION_TIMEOUT,
    CLI_DNS_QUERY_OPTION_TRIES,
    CLI_DNS_QUERY_OPTION_OUTPUT,
    CLI_DNS_QUERY_OPTION_O,
    CLI_DNS_QUERY_OPTION_CONFIG,
    CLI_DNS_QUERY_OPTION_SITE,
    CLI_DNS_QUERY_OPTION_WORDS
};

static int cli_dns_query_option_take(enum cli_dns_query_option_word word, const char *value,
                                     struct cli_dns_query_option *option)
{
    switch (word) {
    case CLI_DNS_QUERY_OPTION_TYPE:
        return cli_dns_query_option_type(value, &option->query);
    case CLI_DNS_QUERY_OPTION_CLIENT:
        option->client = value;
        return cli_dns_query_option_subnet(value, &option->query);
    case CLI_DNS_QUERY_OPTION_SERVER:
        return cli_dns_query_option_server(value, option);
    case CLI_DNS_QUERY_OPTION_EXPECT:
        return cli_dns_query_option_expect(value, option);
    case CLI_DNS_QUERY_OPTION_TIMEOUT:
        return cli_option_duration(value, &option->want.timeout_ms)
                   ? VERB_OK
                   : cli_dns_query_option_fail("not a time; expected one as 2s or 500ms", value);
    case CLI_DNS_QUERY_OPTION_TRIES:
        return cli_dns_query_option_tries(value, option);
    case CLI_DNS_QUERY_OPTION_OUTPUT:
    case CLI_DNS_QUERY_OPTION_O:
        return cli_dns_query_option_format(value, &option->format);
    case CLI_DNS_QUERY_OPTION_CONFIG:
        option->config = value;
        return VERB_OK;
    case CLI_DNS_QUERY_OPTION_SITE:
        option->site = value;
        return VERB_OK;
    case CLI_DNS_QUERY_OPTION_WORDS:
    default:
        return VERB_USAGE;
    }
}

static int cli_dns_query_option_words(int argc, char **argv, struct cli_dns_query_option *option)
{
    static const char *const words[CLI_DNS_QUERY_OPTION_WORDS] = {
        "--type", "--client", "--server", "--expect", "--timeout", "--tries", "--output", "-o", "--config", "--site"};
    for (int i = 1; i < argc; i++) {
        int word = 0;
        int result = VERB_OK;
        while (word < CLI_DNS_QUERY_OPTION_WORDS && strcmp(argv[i], words[word]) != 0) {
            word++;
        }
        if (word < CLI_DNS_QUERY_OPTION_WORDS && i + 1 < argc) {
            result = cli_dns_query_option_take((enum cli_dns_query_option_word)word, argv[++i], option);
        } else if (argv[i][0] != '-' && option->name == NULL) {
            option->name = argv[i];
        } else if (word < CLI_DNS_QUERY_OPTION_WORDS || !cli_dns_query_option_flag(argv[i], option)) {
            result = cli_dns_query_option_fail("not an option, twice, or without its value; see --help", argv[i]);
        }
        if (result != VERB_OK) {
            return result;
        }
    }
    return option->name != NULL ? VERB_OK : cli_dns_query_option_fail("a name is missing; see --help", argv[0]);
}

int cli_dns_query_option(int argc, char **argv, struct cli_dns_query_option *ret_option)
{
    const char *wrong = NULL;
    *ret_option = (struct cli_dns_query_option){.query = {.type = DNS_TYPE_A, .class = DNS_CLASS_IN, .edns = true},
                                                .want = {.timeout_ms = 2000, .tries = 3}};
    if (cli_option_asks_help(argc, argv)) {
        cli_dns_query_option_usage(stdout);
        return VERB_OK;
    }
    const int result = cli_dns_query_option_words(argc, argv, ret_option);
    if (result != VERB_OK) {
        return result;
    }
    ret_option->judge.type = ret_option->query.type;
    if (cli_dns_judge_check(&ret_option->judge, &wrong) != ERR_OK) {
        return cli_dns_query_option_fail("not data of that type as in a zone file, nor a response code", wrong);
    }
    return CLI_OPTION_GO;
}
