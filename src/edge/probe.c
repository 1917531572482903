/* SPDX-License-Identifier: Apache-2.0
 * Probe specs, and the pool that shares them out to its threads. */
#include "edge/probe.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "base/assert.h"
#include "base/hash.h"
#include "edge/probe_address.h"
#include "edge/probe_driver.h"
#include "edge/probe_loop.h"

struct probe_pool {
    uint32_t threads;
    struct probe_loop *loops[PROBE_THREADS];
};

enum err probe_spec_argument(struct probe_spec *spec, const char *argument)
{
    size_t used = 0;
    for (uint32_t i = 0; i < spec->command_count; i++) {
        used += strlen(spec->command + used) + 1;
    }
    const size_t size = strlen(argument) + 1;
    if (spec->command_count >= PROBE_ARGUMENTS || size > sizeof spec->command - used) {
        return ERR_TOO_LARGE;
    }
    memcpy(spec->command + used, argument, size);
    spec->command_count++;
    return ERR_OK;
}

static const char *probe_spec_problem_url(const struct probe_spec *spec)
{
    if (spec->url[0] == 0) {
        return "url is missing";
    }
    if (strncmp(spec->url, "http://", 7) != 0 && strncmp(spec->url, "https://", 8) != 0) {
        return "url must begin with http:// or https://";
    }
    if ((spec->query[0] == 0) == (spec->metric[0] == 0)) {
        return "exactly one of query and metric is needed";
    }
    return NULL;
}

static const char *probe_spec_problem_kind(const struct probe_spec *spec)
{
    struct probe_address address;
    switch (spec->kind) {
    case PROBE_PROMETHEUS:
        return probe_spec_problem_url(spec);
    case PROBE_EXEC:
        return spec->command_count > 0 ? NULL : "command is missing";
    case PROBE_POSTGRES:
        if (spec->database[0] != 0) {
            return NULL;
        }
        break;
    case PROBE_KAFKA:
        if (spec->topic[0] == 0) {
            return "topic is missing";
        }
        break;
    case PROBE_DNS:
        if (spec->dns_name[0] == 0) {
            return "name is missing";
        }
        break;
    case PROBE_TCP:
    case PROBE_HTTP:
    case PROBE_HTTPS:
    case PROBE_REDIS:
    case PROBE_HAPROXY:
    case PROBE_HEARTBEAT:
    case PROBE_KINDS:
        break;
    }
    if (spec->address[0] == 0) {
        return "address is missing";
    }
    if (probe_address_parse(spec->address, &address) != ERR_OK) {
        return "address must be a literal ADDRESS:PORT";
    }
    if (address.local && spec->kind != PROBE_HAPROXY && spec->kind != PROBE_REDIS && spec->kind != PROBE_TCP) {
        return "a unix socket is not possible for this kind";
    }
    return NULL;
}

enum err probe_spec_check(const struct probe_spec *spec, const char **ret_problem)
{
    const char *problem = NULL;
    if ((size_t)spec->kind >= PROBE_KINDS) {
        problem = "unknown kind";
    } else if (spec->interval_ms == 0) {
        problem = "interval is missing";
    } else if (spec->timeout_ms == 0) {
        problem = "timeout is missing";
    } else {
        problem = probe_spec_problem_kind(spec);
    }
    if (problem == NULL) {
        return ERR_OK;
    }
    *ret_problem = problem;
    return ERR_INVALID;
}

enum err probe_pool_new(const struct probe_pool_options *options, struct probe_pool **ret_pool)
{
    ASSERT(options->sink != NULL);
    signal(SIGPIPE, SIG_IGN); /* libuv, OpenSSL and libpq write to sockets that the peer may have closed */
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return ERR_INTERNAL;
    }
    struct probe_pool *pool = calloc(1, sizeof *pool);
    if (pool == NULL) {
        return ERR_NO_MEMORY;
    }
    const uint32_t threads = options->threads == 0 ? 2 : options->threads;
    while (pool->threads < threads && pool->threads < PROBE_THREADS) {
        const enum err err = probe_loop_new(options, probe_driver_of, &pool->loops[pool->threads]);
        if (err != ERR_OK) {
            probe_pool_free(pool);
            return err;
        }
        pool->threads++;
    }
    *ret_pool = pool;
    return ERR_OK;
}

/* The same spec always lands on the same thread, so a new set leaves it where it is. */
static uint32_t probe_pool_thread(const struct probe_pool *pool, const struct probe_spec *spec)
{
    const uint64_t hash = hash_more(hash_text(spec->check), spec->region, strlen(spec->region));
    return (uint32_t)(hash % pool->threads);
}

static enum err probe_pool_share(struct probe_pool *pool, uint32_t thread, const struct probe_spec *specs,
                                 uint32_t count)
{
    struct probe_spec *mine = calloc(count + 1, sizeof *mine);
    if (mine == NULL) {
        return ERR_NO_MEMORY;
    }
    uint32_t mine_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (probe_pool_thread(pool, &specs[i]) == thread) {
            mine[mine_count++] = specs[i];
        }
    }
    probe_loop_set(pool->loops[thread], mine, mine_count);
    return ERR_OK;
}

enum err probe_pool_set(struct probe_pool *pool, const struct probe_spec *specs, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const char *problem;
        const enum err err = probe_spec_check(&specs[i], &problem);
        if (err != ERR_OK) {
            return err;
        }
    }
    for (uint32_t thread = 0; thread < pool->threads; thread++) {
        const enum err err = probe_pool_share(pool, thread, specs, count);
        if (err != ERR_OK) {
            return err;
        }
    }
    return ERR_OK;
}

void probe_pool_soon(struct probe_pool *pool, const char *database, const char *region)
{
    for (uint32_t thread = 0; thread < pool->threads; thread++) {
        probe_loop_soon(pool->loops[thread], database, region);
    }
}

void probe_pool_free(struct probe_pool *pool)
{
    if (pool == NULL) {
        return;
    }
    for (uint32_t thread = 0; thread < pool->threads; thread++) {
        probe_loop_free(pool->loops[thread]);
    }
    free(pool);
}
