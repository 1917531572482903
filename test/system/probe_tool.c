/* SPDX-License-Identifier: Apache-2.0
 * For system tests: runs one probe and prints its results as JSON lines, until standard input ends. Each byte that
 * comes there is somebody's trouble with the target (probe_pool_soon).
 *
 *   probe-tool KIND [KEY=VALUE...]
 *
 * Keys are the members of struct probe_spec; "argument" adds to the command, "target" and "writer" are what the
 * resolver says. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "edge/clock.h"
#include "edge/log.h"
#include "edge/observe.h"

struct probe_tool_text {
    const char *key;
    size_t offset;
    size_t size;
};

#define TEXT(member)                                                                                                   \
    {                                                                                                                  \
#member, offsetof(struct probe_spec, member), sizeof((struct probe_spec *)0)->member                           \
    }

static const struct probe_tool_text probe_tool_texts[] = {
    TEXT(check),    TEXT(region), TEXT(address),  TEXT(host),   TEXT(path),   TEXT(expect_body), TEXT(ca_file),
    TEXT(database), TEXT(user),   TEXT(password), TEXT(dbname), TEXT(key),    TEXT(topic),       TEXT(dns_name),
    TEXT(dns_type), TEXT(expect), TEXT(url),      TEXT(query),  TEXT(metric), TEXT(backend)};

static struct probe_pg_target probe_tool_target;

static bool probe_tool_resolve(void *context, const char *database, const char *region,
                               struct probe_pg_target *ret_target)
{
    (void)context;
    (void)database;
    (void)region;
    *ret_target = probe_tool_target;
    return probe_tool_target.address[0] != 0;
}

static void probe_tool_sink(void *context, const struct probe_result *result)
{
    (void)context;
    uint8_t memory[OBSERVE_RESULT_BYTES];
    struct buf line;
    buf_init(&line, memory, sizeof memory);
    observe_write_result(&line, result, clock_mono());
    ASSERT(!line.overflow);
    line.data[line.size - 1] = ','; /* one more member */
    buf_printf(&line, "\"news\":%s}\n", result->news ? "true" : "false");
    (void)!write(STDOUT_FILENO, line.data, line.size);
}

static bool probe_tool_set_text(struct probe_spec *spec, const char *key, const char *value)
{
    for (size_t i = 0; i < sizeof probe_tool_texts / sizeof probe_tool_texts[0]; i++) {
        if (strcmp(probe_tool_texts[i].key, key) == 0) {
            snprintf((char *)spec + probe_tool_texts[i].offset, probe_tool_texts[i].size, "%s", value);
            return true;
        }
    }
    return false;
}

static bool probe_tool_set(struct probe_spec *spec, const char *key, const char *value)
{
    const long number = strtol(value, NULL, 10);
    if (probe_tool_set_text(spec, key, value)) {
        return true;
    }
    if (strcmp(key, "argument") == 0) {
        return probe_spec_argument(spec, value) == ERR_OK;
    }
    if (strcmp(key, "target") == 0) {
        snprintf(probe_tool_target.address, sizeof probe_tool_target.address, "%s", value);
    } else if (strcmp(key, "writer") == 0) {
        probe_tool_target.writer = number != 0;
    } else if (strcmp(key, "interval_ms") == 0) {
        spec->interval_ms = (uint32_t)number;
    } else if (strcmp(key, "timeout_ms") == 0) {
        spec->timeout_ms = (uint32_t)number;
    } else if (strcmp(key, "limit_ppm") == 0) {
        spec->limit_ppm = number;
    } else if (strcmp(key, "login_every") == 0) {
        spec->login_every = (uint32_t)number;
    } else if (strcmp(key, "certificate_min_valid_s") == 0) {
        spec->certificate_min_valid_s = number;
    } else {
        return false;
    }
    return true;
}

int main(int count, char **arguments)
{
    struct probe_spec spec;
    memset(&spec, 0, sizeof spec);
    spec.interval_ms = 100;
    spec.timeout_ms = 5000;
    spec.kind = count > 1 ? probe_kind_find(arguments[1]) : PROBE_KINDS;
    (void)probe_tool_set_text(&spec, "check", "check");
    (void)probe_tool_set_text(&spec, "region", "taiwan");
    log_init("probe-tool", LOG_NOTICE);
    for (int i = 2; i < count; i++) {
        char *equal = strchr(arguments[i], '=');
        if (equal != NULL) {
            *equal = 0;
        }
        if (equal == NULL || !probe_tool_set(&spec, arguments[i], equal + 1)) {
            fprintf(stderr, "probe-tool: what is %s?\n", arguments[i]);
            return 2;
        }
    }
    const char *problem = NULL;
    if (probe_spec_check(&spec, &problem) != ERR_OK) {
        fprintf(stderr, "probe-tool: %s\n", problem);
        return 2;
    }
    struct probe_pool *pool = NULL;
    const struct probe_pool_options options = {.site = "test", .sink = probe_tool_sink, .resolve = probe_tool_resolve};
    if (probe_pool_new(&options, &pool) != ERR_OK || probe_pool_set(pool, &spec, 1) != ERR_OK) {
        return 1;
    }
    char trouble;
    while (read(STDIN_FILENO, &trouble, 1) == 1) {
        probe_pool_soon(pool, spec.database, spec.region);
    }
    probe_pool_free(pool);
    return 0;
}
