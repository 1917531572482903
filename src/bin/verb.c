/* SPDX-License-Identifier: Apache-2.0
 * The verbs of the one binary. */
#include "bin/verb.h"

#include <stdio.h>

#include "bin/agent_main.h"
#include "bin/cli_config.h"
#include "bin/cli_decide.h"
#include "bin/cli_dns.h"
#include "bin/serve.h"

int verb_version(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    puts("holdfast " HOLDFAST_VERSION);
    return VERB_OK;
}

const struct verb verb_table[] = {
    {"agent", "run beside a PostgreSQL node: lease, fence, promotion", agent_main},
    {"config", "check the configuration, show what holds, print its schema", cli_config},
    {"dns", "why a client gets its answer; serve DNS alone", cli_dns},
    {"decide", "answer what-if questions, one JSON line each", cli_decide},
    {"serve", "run a site's roles, each a process of its own", serve_main},
    {"observer", "run the observer role alone", serve_observer_main},
    {"version", "print the version", verb_version},
    {NULL, NULL, NULL},
};
