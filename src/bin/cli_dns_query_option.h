/* SPDX-License-Identifier: Apache-2.0
 * What stands on the command line of `holdfast dns query`, read as far as that needs no configuration. */
#pragma once

#include <stdio.h>

#include "bin/cli_dns_judge.h"
#include "bin/cli_option.h"
#include "edge/dns_client.h"

enum { CLI_DNS_QUERY_OPTION_SERVERS = 64 };

/* Texts are borrowed from argv. */
struct cli_dns_query_option {
    const char *name;
    const char *config;                                   /* NULL: the default */
    const char *site;                                     /* NULL: all of them */
    const char *client;                                   /* NULL: who asks */
    struct address servers[CLI_DNS_QUERY_OPTION_SERVERS]; /* none: those of the configuration */
    uint32_t servers_count;
    struct dns_query query; /* but for the name */
    struct dns_client_want want;
    struct cli_dns_judge judge;
    enum cli_option_format format;
};

/* CLI_OPTION_GO, VERB_OK after --help, VERB_USAGE after a message. */
int cli_dns_query_option(int argc, char **argv, struct cli_dns_query_option *ret_option);

/* Says what is wrong with a value; VERB_USAGE. */
int cli_dns_query_option_fail(const char *what, const char *value);
