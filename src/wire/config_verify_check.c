/* SPDX-License-Identifier: Apache-2.0
 * Checks: times in order, either-or keys, targets that can be probed, a critical check for every region. */
#include "wire/config_verify_check.h"

#include <string.h>

#include "wire/config_value.h"

enum {
    CONFIG_VERIFY_CHECK_US_PER_MS = 1000,
    CONFIG_VERIFY_CHECK_WHOLE_PPM = 1000000,
};

static void config_verify_check_times(const struct config_verify *verify, const struct config_check *check)
{
    if (check->timeout_ms >= check->interval_ms && check->interval_ms > 0) {
        const struct config_verify_place place = CONFIG_VERIFY_AT(verify, "checks", check->name, "timeout");
        char interval[CONFIG_VALUE_TEXT];
        config_value_duration_print((uint64_t)check->interval_ms * CONFIG_VERIFY_CHECK_US_PER_MS, interval);
        config_problem_warning(verify->problems, place.line, place.column,
                               "timeout is not shorter than the interval; expected less than %s; probes of a dead "
                               "target overlap",
                               interval);
    }
    if (check->latency_limit_us >= check->timeout_ms * UINT64_C(1000) && check->latency_limit_us > 0) {
        const struct config_verify_place place = CONFIG_VERIFY_AT(verify, "checks", check->name, "latency_limit");
        config_problem_warning(verify->problems, place.line, place.column,
                               "latency_limit is never reached; expected less than the timeout");
    }
}

static void config_verify_check_kind(const struct config_verify *verify, const struct config_check *check)
{
    if (check->kind == CONFIG_KIND_PROMETHEUS && (check->query == NULL) == (check->metric == NULL)) {
        const struct config_verify_place place = CONFIG_VERIFY_AT(verify, "checks", check->name, "metric");
        config_problem_error(verify->problems, place.line, place.column,
                             "check '%.40s' has %s; expected exactly one: query for a Prometheus server, metric for a "
                             "/metrics page",
                             check->name, check->query == NULL ? "neither query nor metric" : "both query and metric");
    }
    if (check->path != NULL && check->path[0] != '/') {
        const struct config_verify_place place = CONFIG_VERIFY_AT(verify, "checks", check->name, "path");
        config_problem_error(verify->problems, place.line, place.column, "path '%.60s' is relative; expected '/...'",
                             check->path);
    }
    if (check->command_count > 0 && check->command[0] != NULL && check->command[0][0] != '/') {
        const struct config_verify_place place = CONFIG_VERIFY_AT(verify, "checks", check->name, "command");
        config_problem_error(verify->problems, place.line, place.column,
                             "command '%.60s' is relative; expected the program's absolute path; there is no shell",
                             check->command[0]);
    }
}

/* A limit that the figure can never be above, or is always: a share is at most 1, a latency has a unit. */
static void config_verify_check_limit(const struct config_verify *verify, const struct config_check *check)
{
    const bool share = check->kind == CONFIG_KIND_HAPROXY || check->figure == CONFIG_FIGURE_ERROR_RATE ||
                       check->figure == CONFIG_FIGURE_PODS_DOWN;
    const bool latency = check->figure == CONFIG_FIGURE_P95;
    const bool wrong =
        (share && (check->limit.form == CONFIG_FORM_DURATION || check->limit.ppm > CONFIG_VERIFY_CHECK_WHOLE_PPM)) ||
        (latency && check->limit.form == CONFIG_FORM_SHARE);
    if (check->limit.ppm > 0 && wrong) {
        const struct config_verify_place place = CONFIG_VERIFY_AT(verify, "checks", check->name, "limit");
        char text[CONFIG_VALUE_TEXT];
        config_value_limit_print(check->limit, text);
        config_problem_error(verify->problems, place.line, place.column, "limit '%s' is no limit of a %s; expected %s",
                             text, share ? "share" : "latency",
                             share ? "a percentage such as 10%, at most 100%" : "a duration such as 500ms");
    }
}

static size_t config_verify_check_bytes(const char **texts, uint32_t count)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < count; i++) {
        bytes += texts[i] != NULL ? strlen(texts[i]) + 1 : 0;
    }
    return bytes;
}

/* Command and arguments together, as a probe keeps them. */
static void config_verify_check_command(const struct config_verify *verify, const struct config_check *check)
{
    const size_t command = config_verify_check_bytes(check->command, check->command_count);
    for (uint32_t i = 0; i < check->targets_count; i++) {
        const struct config_target *target = &check->targets[i];
        const size_t bytes = command + config_verify_check_bytes(target->arguments, target->arguments_count);
        if (bytes > CONFIG_COMMAND) {
            const struct config_verify_place place =
                CONFIG_VERIFY_AT(verify, "checks", check->name, "targets", target->region_name);
            config_problem_error(verify->problems, place.line, place.column,
                                 "command and arguments have %zu bytes; expected at most %d; move them into a script",
                                 bytes, CONFIG_COMMAND);
        }
    }
}

static bool config_verify_check_holds(const struct config_database *database, uint32_t region)
{
    for (uint32_t i = 0; i < database->nodes_count; i++) {
        if (database->nodes[i].region == region) {
            return true;
        }
    }
    return false;
}

static void config_verify_check_targets(const struct config_verify *verify, const struct config_check *check)
{
    const struct config *config = verify->config;
    for (uint32_t i = 0; i < check->targets_count; i++) {
        const struct config_target *target = &check->targets[i];
        if (check->kind != CONFIG_KIND_POSTGRES || target->database >= config->databases_count ||
            target->region >= config->regions_count) {
            continue;
        }
        const struct config_database *database = &config->databases[target->database];
        if (!config_verify_check_holds(database, target->region)) {
            const struct config_verify_place place =
                CONFIG_VERIFY_AT(verify, "checks", check->name, "targets", target->region_name);
            config_problem_error(verify->problems, place.line, place.column,
                                 "database '%.40s' has no node in region '%.40s'; expected one to probe",
                                 database->name, target->region_name);
        }
    }
}

static bool config_verify_check_critical(const struct config *config, uint32_t region)
{
    for (uint32_t i = 0; i < config->checks_count; i++) {
        for (uint32_t j = 0; j < config->checks[i].targets_count; j++) {
            if (config->checks[i].severity == CONFIG_CRITICAL && config->checks[i].targets[j].region == region) {
                return true;
            }
        }
    }
    return false;
}

static void config_verify_check_coverage(const struct config_verify *verify)
{
    const struct config *config = verify->config;
    uint32_t probes = 0;
    for (uint32_t i = 0; i < config->checks_count; i++) {
        probes += config->checks[i].targets_count;
    }
    if (probes > CONFIG_PROBES) {
        const struct config_verify_place place = CONFIG_VERIFY_AT(verify, "checks");
        config_problem_error(verify->problems, place.line, place.column,
                             "checks have %u targets together; expected at most %d", probes, CONFIG_PROBES);
    }
    for (uint32_t i = 0; i < config->regions_count; i++) {
        if (!config_verify_check_critical(config, i)) {
            const struct config_verify_place place = CONFIG_VERIFY_AT(verify, "regions", config->regions[i].name);
            config_problem_warning(verify->problems, place.line, place.column,
                                   "region '%.40s' is the target of no critical check; expected one; without it "
                                   "nothing ever fails over from there",
                                   config->regions[i].name);
        }
    }
    /* Rule 4 knows the check by its name (spec/decision: database-master). */
    if (config->databases_count > 0 && config->checks_count > 0 &&
        config_check_find(config, "database-master") == CONFIG_NONE) {
        const struct config_verify_place place = CONFIG_VERIFY_AT(verify, "checks");
        config_problem_warning(
            verify->problems, place.line, place.column,
            "no check named 'database-master'; expected one of kind postgres; without it the failure "
            "of a writer alone is not seen");
    }
}

void config_verify_check(const struct config_verify *verify)
{
    for (uint32_t i = 0; i < verify->config->checks_count; i++) {
        const struct config_check *check = &verify->config->checks[i];
        config_verify_check_times(verify, check);
        config_verify_check_kind(verify, check);
        config_verify_check_limit(verify, check);
        config_verify_check_command(verify, check);
        config_verify_check_targets(verify, check);
    }
    config_verify_check_coverage(verify);
}
