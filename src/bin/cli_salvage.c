/* SPDX-License-Identifier: Apache-2.0
 * holdfast salvage: brings home what an old writer committed after the cluster went on without it. */
#include "bin/cli_salvage.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <argp.h>

#include "bin/verb.h"
#include "edge/clock.h"
#include "reconcile/salvage.h"

enum {
    CLI_SALVAGE_HOST = 64,
    CLI_SALVAGE_TOLD_MS = 200, /* between two lines about progress */
};

struct cli_salvage {
    struct salvage_options options;
    char host[CLI_SALVAGE_HOST];
    char port[8];
    pid_t parent;
    bool progress;
    struct mono told_at;
    char told[64];
};

static volatile sig_atomic_t cli_salvage_stopped;

static const struct argp_option cli_salvage_options[] = {
    {"data", 'D', "DIR", 0, "the old writer's data directory; its server must be down", 0},
    {"bin", 'b', "DIR", 0, "PostgreSQL's programs", 0},
    {"writer", 'w', "HOST:PORT", 0, "the new writer's PostgreSQL", 0},
    {"user", 'U', "NAME", 0, "superuser on both sides (postgres)", 0},
    {"passfile", 'p', "FILE", 0, "password of that user, as libpq wants it (mode 0600)", 0},
    {"dbname", 'd', "NAME", 0, "the cluster's database (postgres)", 0},
    {"node", 'n', "NAME", 0, "what the ledger calls the old writer", 0},
    {"epoch", 'e', "N", 0, "under which the old writer wrote last", 0},
    {"dry-run", 't', NULL, 0, "read and count the tail, change nothing on the new writer", 0},
    {"progress", 'P', NULL, 0, "tell how far it is, a line each", 0},
    {0},
};

/* "192.0.2.1:5432", "[2001:db8::1]:5432". */
static bool cli_salvage_writer(struct cli_salvage *salvage, const char *text)
{
    const char *colon = strrchr(text, ':');
    const bool bracket = text[0] == '[' && colon != NULL && colon > text + 1 && colon[-1] == ']';
    const char *start = bracket ? text + 1 : text;
    const size_t size = colon != NULL ? (size_t)(colon - start) - (bracket ? 1 : 0) : 0;
    if (size == 0 || size >= sizeof salvage->host || strlen(colon + 1) >= sizeof salvage->port || colon[1] == '\0' ||
        colon[1 + strspn(colon + 1, "0123456789")] != '\0') {
        return false;
    }
    memcpy(salvage->host, start, size);
    salvage->host[size] = '\0';
    snprintf(salvage->port, sizeof salvage->port, "%s", colon + 1);
    return true;
}

static bool cli_salvage_number(const char *text, uint64_t *ret_number)
{
    char *end = NULL;
    errno = 0;
    const unsigned long long number = strtoull(text, &end, 10);
    *ret_number = number;
    return errno == 0 && end != text && *end == '\0' && text[0] != '-';
}

static error_t cli_salvage_option(int key, char *argument, struct argp_state *state)
{
    struct cli_salvage *salvage = (struct cli_salvage *)state->input;
    const struct {
        int key;
        const char **text;
    } texts[] = {
        {'D', &salvage->options.data},     {'b', &salvage->options.bin},    {'U', &salvage->options.user},
        {'p', &salvage->options.passfile}, {'d', &salvage->options.dbname}, {'n', &salvage->options.node},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (texts[i].key == key) {
            *texts[i].text = argument;
            return 0;
        }
    }
    switch (key) {
    case 'w':
        if (!cli_salvage_writer(salvage, argument)) {
            argp_error(state, "'%s' is not HOST:PORT", argument); /* NOLINT(concurrency-mt-unsafe): one thread */
        }
        return 0;
    case 'e':
        if (!cli_salvage_number(argument, &salvage->options.epoch)) {
            argp_error(state, "'%s' is not an epoch", argument); /* NOLINT(concurrency-mt-unsafe): one thread */
        }
        return 0;
    case 't':
        salvage->options.dry_run = true;
        return 0;
    case 'P':
        salvage->progress = true;
        return 0;
    case ARGP_KEY_END:
        if (salvage->options.data == NULL || salvage->options.bin == NULL || salvage->host[0] == '\0') {
            argp_error(state, "--data, --bin and --writer are needed"); /* NOLINT(concurrency-mt-unsafe): one thread */
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static void cli_salvage_signal(int number)
{
    (void)number;
    cli_salvage_stopped = 1;
}

/* Tells, when something new is to be told and a moment has passed. False: we are to end, or whoever started us has. */
static bool cli_salvage_progress(void *context, const char *what, uint64_t done, uint64_t total)
{
    struct cli_salvage *salvage = context;
    const struct mono now = clock_mono();
    if (cli_salvage_stopped != 0 || (salvage->progress && getppid() != salvage->parent)) {
        return false;
    }
    const bool stage = strcmp(what, salvage->told) != 0;
    if (salvage->progress && (stage || time_since_ms(now, salvage->told_at) >= CLI_SALVAGE_TOLD_MS)) {
        snprintf(salvage->told, sizeof salvage->told, "%s", what);
        salvage->told_at = now;
        if (total > 0) {
            printf("progress %s %" PRIu64 " of %" PRIu64 " transactions\n", what, done, total);
        } else {
            printf("progress %s\n", what);
        }
        (void)fflush(stdout);
    }
    return true;
}

static int cli_salvage_tell(const struct cli_salvage *salvage, enum salvage_outcome outcome,
                            const struct salvage_report *report)
{
    static const char *const words[] = {"failed", "refused", "incomplete", "complete"};
    static const int codes[] = {VERB_FAILED, VERB_REFUSED, VERB_DEGRADED, VERB_OK};
    char fork[LSN_TEXT];
    char end[LSN_TEXT];
    lsn_print(report->fork, fork);
    lsn_print(report->tail_end, end);
    printf("salvage %s: timeline %u left the writer's %u at %s, its log ends at %s\n", words[outcome], report->timeline,
           report->writer_timeline, fork, end);
    printf("commits %" PRIu64 ", row changes %" PRIu64 "%s", report->commits, report->changes,
           salvage->options.dry_run ? " (dry run: nothing was written)\n" : "");
    if (!salvage->options.dry_run) {
        printf(": applied %" PRIu64 ", identical %" PRIu64 ", quarantined %" PRIu64 ", in the ledger before %" PRIu64
               ", %" PRId64 " ms\n",
               report->applied, report->identical, report->quarantined, report->known, report->decode_us / 1000);
    }
    if (report->message[0] != '\0') {
        fprintf(stderr, "holdfast salvage: %s\n", report->message);
    }
    return codes[outcome];
}

int cli_salvage(int argc, char **argv)
{
    static const struct argp parser = {
        .options = cli_salvage_options,
        .parser = cli_salvage_option,
        .doc =
            "Before an old writer's data directory is rewound or cloned: brings what it committed after the fork to "
            "the new writer, or into its ledger."
            "\vRun by the agent; by hand with the agent stopped. Running it again changes nothing.\n"
            "Exit status: 0 complete, 1 failed (try again), 2 wrong usage, 3 refused (another cluster), 10 incomplete: "
            "keep the directory.",
    };
    static struct cli_salvage salvage;
    struct salvage_report report;
    salvage = (struct cli_salvage){.options = {.user = "postgres", .dbname = "postgres", .node = "unnamed"},
                                   .parent = getppid()};
    argp_err_exit_status = VERB_USAGE;
    char name[] = "holdfast salvage";
    argv[0] = name;
    if (argp_parse(&parser, argc, argv, 0, NULL, &salvage) != 0) {
        return VERB_USAGE;
    }
    salvage.options.host = salvage.host;
    salvage.options.port = salvage.port;
    salvage.options.progress = cli_salvage_progress;
    salvage.options.context = &salvage;
    const struct sigaction stop = {.sa_handler = cli_salvage_signal, .sa_flags = SA_RESTART};
    (void)sigaction(SIGTERM, &stop, NULL);
    (void)sigaction(SIGINT, &stop, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    if (geteuid() == 0) {
        fputs("holdfast salvage: PostgreSQL does not run as root: run it as the data directory's owner\n", stderr);
        return VERB_USAGE;
    }
    const enum salvage_outcome outcome = salvage_run(&salvage.options, &report);
    return cli_salvage_tell(&salvage, outcome, &report);
}
