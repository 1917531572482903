/* SPDX-License-Identifier: Apache-2.0
 * The verbs of the one binary. */
#include "bin/verb.h"

#include <stdio.h>

#include <jansson.h>

#include "bin/agent_main.h"
#include "bin/cli_change.h"
#include "bin/cli_config.h"
#include "bin/cli_decide.h"
#include "bin/cli_dns.h"
#include "bin/cli_event.h"
#include "bin/cli_explain.h"
#include "bin/cli_health.h"
#include "bin/cli_latency.h"
#include "bin/cli_ledger.h"
#include "bin/cli_option.h"
#include "bin/cli_run.h"
#include "bin/cli_salvage.h"
#include "bin/cli_service_move.h"
#include "bin/cli_simulate.h"
#include "bin/cli_status.h"
#include "bin/cli_view.h"
#include "bin/serve.h"

int verb_version(int argc, char **argv)
{
    const bool help = cli_option_asks_help(argc, argv);
    struct cli_option option = {.format = CLI_OPTION_TABLE};
    bool good = !help;
    for (int i = 1; i < argc && good; i++) {
        good = cli_option_output(argc, argv, &i, &option.format, &good) && good;
    }
    if (!good) {
        fputs("usage: holdfast version [-o table|json|yaml]\n", help ? stdout : stderr);
        return help ? VERB_OK : VERB_USAGE;
    }
    if (option.format < CLI_OPTION_JSON) {
        puts("holdfast " HOLDFAST_VERSION);
        return VERB_OK;
    }
    json_t *json = json_pack("{s:s}", "version", HOLDFAST_VERSION);
    const int code = cli_view_data(&option, json);
    json_decref(json);
    return code;
}

const struct verb verb_table[] = {
    {"status", "one screen: who serves, who writes, what is going on", cli_status},
    {"health", "checks and observers: verdicts, ages, last errors", cli_health},
    {"explain", "why the present decision, or a run, is what it is", cli_explain},
    {"failover", "leave a region that is lost or ill", cli_change_failover},
    {"switchover", "move away from a healthy region without losing anything", cli_change_switchover},
    {"failback", "bring a region's clients and writer home again", cli_change_failback},
    {"service", "move the primary of a Redis to another region", cli_service_move},
    {"approve", "let a run go on that waits for a person", cli_change_approve},
    {"abort", "end a run and undo its completed steps", cli_change_abort},
    {"pause", "turn automation off", cli_change_pause},
    {"resume", "turn automation on again", cli_change_resume},
    {"history", "the latest failovers, switchovers and failbacks", cli_run_history},
    {"timeline", "everything in the journal about one run", cli_event_timeline},
    {"events", "the journal, and what happens from now on", cli_event},
    {"latency", "how far client networks are from the regions, as proxies have measured it", cli_latency},
    {"ledger", "what became of the commits that a failover left behind", cli_ledger},
    {"config", "check, show, apply the configuration; print its schema", cli_config},
    {"decide", "answer what-if questions, one JSON line each", cli_decide},
    {"dns", "why a client gets its answer, what servers answer; keys that sign zones; serve DNS alone", cli_dns},
    {"serve", "run a site's roles, each a process of its own", serve_main},
    {"observer", "run the observer role alone", serve_observer_main},
    {"agent", "run beside a PostgreSQL node: lease, fence, promotion", agent_main},
    {"salvage", "bring home what an old writer committed before its data is rewound", cli_salvage},
    {"simulate", "this configuration in the simulator: false failovers a year, recovery times", cli_simulate},
    {"version", "print the version", verb_version},
    {NULL, NULL, NULL},
};
