/* SPDX-License-Identifier: Apache-2.0
 * holdfast decide: reads JSON lines, evaluates each, prints the tables of rules and gates. */
#include "bin/cli_decide.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <argp.h>

#include "base/buf.h"
#include "bin/cli_load.h"
#include "bin/verb.h"
#include "core/decide_gate.h"
#include "core/decide_rule.h"
#include "edge/config_model.h"
#include "edge/whatif.h"

struct cli_decide {
    struct whatif_options options;
    const char *config; /* NULL: the specification's numbers */
    bool profile_given;
    bool rules;
};

static const struct argp_option cli_decide_options[] = {
    {"profile", 'p', "PROFILE", 0, "standard (default) or adr-039", 0},
    {"config", 'c', "FILE", 0, "take thresholds, and the profile unless given, from this configuration", 0},
    {"explain", 'e', NULL, 0, "add the evidence to the answers of snapshots", 0},
    {"rules", 'r', NULL, 0, "print the rules and gates and do nothing else", 0},
    {0},
};

static error_t cli_decide_option(int key, char *argument, struct argp_state *state)
{
    struct cli_decide *decide = (struct cli_decide *)state->input;
    switch (key) {
    case 'p':
        decide->profile_given = true;
        if (strcmp(argument, "adr-039") == 0) {
            decide->options.profile = MODEL_ADR_039;
        } else if (strcmp(argument, "standard") == 0) {
            decide->options.profile = MODEL_STANDARD;
        } else {
            argp_error(state, "no profile '%s'", argument); /* NOLINT(concurrency-mt-unsafe): one thread */
        }
        return 0;
    case 'c':
        decide->config = argument;
        return 0;
    case 'e':
        decide->options.explain = true;
        return 0;
    case 'r':
        decide->rules = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static void cli_decide_take(struct cli_decide *decide, const struct model *model)
{
    const struct model_failback *failback = &model->failback;
    decide->options.thresholds = decide_thresholds_policy(&model->policy);
    if (!decide->profile_given) {
        decide->options.profile = model->policy.profile;
    }
    decide->options.failback = (struct failback_limits){
        .hold_us = (int64_t)failback->canary_hold_ms * 1000,
        .min_stable_us = (int64_t)failback->min_stable_ms * 1000,
        .min_requests = failback->min_requests,
        .max_error_ppm = failback->max_error_ppm,
        .max_p95_ns = (int64_t)failback->max_p95_us * 1000,
        .max_lag_us = (int64_t)failback->max_lag_ms * 1000,
    };
}

static int cli_decide_configure(struct cli_decide *decide)
{
    struct config *config = NULL;
    const int status = cli_load(decide->config, &config);
    if (status != VERB_OK) {
        return status;
    }
    struct model *model = (struct model *)calloc(1, sizeof *model);
    if (model == NULL) {
        config_free(config);
        return VERB_FAILED;
    }
    config_model(config, model);
    cli_decide_take(decide, model);
    free(model);
    config_free(config);
    return VERB_OK;
}

static void cli_decide_print_rules(enum model_profile profile)
{
    uint32_t count;
    const struct decide_rule *rules = decide_rule_table(profile, &count);
    printf("profile %s: the first rule that holds wins\n\n", profile == MODEL_STANDARD ? "standard" : "adr-039");
    for (uint32_t i = 0; i < count; i++) {
        const struct decide_rule *rule = &rules[i];
        printf("%2u  %s\n    -> %s, %s, %s", rule->number, rule->condition, decide_decision_name(rule->decision),
               decide_reason_name(rule->reason), decide_confidence_name(rule->confidence));
        if (rule->estimated_rto_s > 0) {
            printf(", %u s", rule->estimated_rto_s);
        }
        printf("\n    %s\n", rule->why);
    }
    putchar('\n');
}

static void cli_decide_print_gates(void)
{
    uint32_t count;
    const struct decide_gate_row *gates = decide_gate_table(&count);
    printf("gates of the profile standard: the first one that holds keeps an automatic failover back\n\n");
    for (uint32_t i = 0; i < count; i++) {
        printf("%2d  %s: %s\n    -> %s%s\n    %s\n", (int)gates[i].gate, decide_gate_name(gates[i].gate),
               gates[i].condition, decide_decision_name(gates[i].decision),
               gates[i].renames ? ", NETWORK_PARTITION, MEDIUM" : "", gates[i].why);
    }
}

/* One line into the buffer, cut at its capacity. False: the end. */
static bool cli_decide_read(char *line, size_t capacity, size_t *ret_size)
{
    size_t size = 0;
    int byte;
    while ((byte = getc(stdin)) != EOF && byte != '\n') {
        if (size < capacity) {
            line[size++] = (char)byte;
        }
    }
    *ret_size = size;
    return byte != EOF || size > 0;
}

static bool cli_decide_blank(const char *line, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (strchr(" \t\r", line[i]) == NULL || line[i] == '\0') {
            return false;
        }
    }
    return true;
}

static int cli_decide_lines(const struct whatif_options *options)
{
    const size_t capacity = WHATIF_LINE_BYTES + 1; /* one more, so that a longer line is seen as such */
    char *line = (char *)malloc(capacity);
    int status = VERB_OK;
    size_t size;
    if (line == NULL) {
        fputs("holdfast decide: out of memory\n", stderr);
        return VERB_FAILED;
    }
    for (uint64_t number = 1; cli_decide_read(line, capacity, &size); number++) {
        char *text;
        if (cli_decide_blank(line, size)) {
            continue;
        }
        if (!whatif_line(options, line, size, number, &text)) {
            status = VERB_FAILED;
        }
        if (text != NULL) {
            puts(text);
        } else {
            printf("{\"id\":null,\"error\":{\"line\":%" PRIu64 ",\"path\":\"$\",\"message\":\"out of memory\"}}\n",
                   number);
        }
        fflush(stdout);
        free(text);
    }
    free(line);
    return ferror(stdin) != 0 || ferror(stdout) != 0 ? VERB_FAILED : status;
}

int cli_decide(int argc, char **argv)
{
    static const struct argp argp = {
        cli_decide_options,
        cli_decide_option,
        NULL,
        "Answers what-if questions: JSON lines {\"id\",\"kind\",\"input\"} on standard input, one answer line each on "
        "standard output, by the same code that the daemon runs."
        "\vKinds: snapshot, series, failback, routing, breaker. A malformed line gets an error, the rest is still "
        "answered. Exit status: 0 all answered, 1 some line was malformed, 2 wrong usage, 8 invalid configuration.",
        NULL,
        NULL,
        NULL};
    struct cli_decide decide = {0};
    whatif_options_default(&decide.options);
    argp_err_exit_status = VERB_USAGE;
    char name[] = "holdfast decide";
    argv[0] = name;
    if (argp_parse(&argp, argc, argv, 0, NULL, &decide) != 0) { /* NOLINT(concurrency-mt-unsafe): one thread */
        return VERB_USAGE;
    }
    if (decide.rules) {
        cli_decide_print_rules(MODEL_STANDARD);
        cli_decide_print_gates();
        putchar('\n');
        cli_decide_print_rules(MODEL_ADR_039);
        return ferror(stdout) != 0 ? VERB_FAILED : VERB_OK;
    }
    const int status = decide.config != NULL ? cli_decide_configure(&decide) : VERB_OK;
    return status == VERB_OK ? cli_decide_lines(&decide.options) : status;
}
