/* SPDX-License-Identifier: Apache-2.0
 * The verbs of the one binary. */
#include "bin/verb.h"

#include <stdio.h>

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
#include "bin/cli_run.h"
#include "bin/cli_salvage.h"
#include "bin/cli_service_move.h"
#include "bin/cli_simulate.h"
#include "bin/cli_status.h"
#include "bin/serve.h"

int verb_version(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    puts("holdfast " HOLDFAST_VERSION);
    return VERB_OK;
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
