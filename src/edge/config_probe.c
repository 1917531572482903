/* SPDX-License-Identifier: Apache-2.0
 * From the configuration's checks to what an observer probes. */
#include "edge/config_probe.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/text.h"
#include "edge/config_secret.h"

/* Appends nothing when the text is absent. */
static enum err config_probe_text(char ret_text[PROBE_TEXT], const char *text)
{
    if (text == NULL) {
        return ERR_OK;
    }
    text_copy(ret_text, PROBE_TEXT, text);
    return strlen(text) < PROBE_TEXT ? ERR_OK : ERR_TOO_LARGE;
}

static enum err config_probe_secret(const struct config_secret *secret, char ret_text[PROBE_TEXT])
{
    if (secret->file == NULL && secret->env == NULL) {
        return ERR_OK;
    }
    return config_secret_read(secret, ret_text, PROBE_TEXT);
}

static enum err config_probe_postgres(const struct config *config, const struct config_target *target,
                                      struct probe_spec *spec)
{
    const struct config_database *database = &config->databases[target->database];
    text_copy(spec->database, sizeof spec->database, database->name);
    enum err err = config_probe_text(spec->dbname, database->dbname);
    err = err != ERR_OK ? err : config_probe_text(spec->user, database->superuser.name);
    return err != ERR_OK ? err : config_probe_secret(&database->superuser.password, spec->password);
}

static enum err config_probe_command(const struct config_check *check, const struct config_target *target,
                                     struct probe_spec *spec)
{
    enum err err = ERR_OK;
    for (uint32_t i = 0; i < check->command_count && err == ERR_OK; i++) {
        err = probe_spec_argument(spec, check->command[i]);
    }
    for (uint32_t i = 0; i < target->arguments_count && err == ERR_OK; i++) {
        err = probe_spec_argument(spec, target->arguments[i]);
    }
    return err;
}

static enum err config_probe_texts(const struct config_check *check, const struct config_target *target,
                                   struct probe_spec *spec)
{
    const struct {
        char *ret_text;
        const char *text;
    } texts[] = {
        {spec->address, target->address.text},
        {spec->host, check->host},
        {spec->path, check->path},
        {spec->expect_body, check->expect_body},
        {spec->ca_file, check->ca_file},
        {spec->key, check->key},
        {spec->topic, check->topic},
        {spec->dns_name, check->dns_name},
        {spec->expect, check->expect},
        {spec->url, target->url.text},
        {spec->metric, check->metric},
        {spec->backend, check->backend},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const enum err err = config_probe_text(texts[i].ret_text, texts[i].text);
        if (err != ERR_OK) {
            return err;
        }
    }
    if (check->query != NULL) {
        text_copy(spec->query, sizeof spec->query, check->query);
    }
    return ERR_OK;
}

static enum err config_probe_one(const struct config *config, const struct config_check *check,
                                 const struct config_target *target, struct probe_spec *spec)
{
    static const char *const records[] = {"A", "AAAA", "TXT", "SOA", "NS"};
    spec->kind = (enum probe_kind)check->kind;
    spec->interval_ms = check->interval_ms;
    spec->timeout_ms = check->timeout_ms;
    spec->latency_limit_us = check->latency_limit_us;
    spec->limit_ppm = check->limit.ppm;
    spec->expect_status = check->expect_status;
    spec->body_limit_bytes = (uint32_t)check->body_limit_bytes;
    spec->certificate_min_valid_s = check->certificate_min_valid_ms / 1000;
    spec->quantile_ppm = check->quantile_ppm;
    spec->figure = (enum model_figure)check->figure;
    text_copy(spec->check, sizeof spec->check, check->name);
    text_copy(spec->region, sizeof spec->region, target->region_name);
    enum err err = config_probe_texts(check, target, spec);
    if (err == ERR_OK && check->kind == CONFIG_KIND_POSTGRES) {
        spec->limit_ppm = (int64_t)check->max_lag_ms * 1000;
        err = config_probe_postgres(config, target, spec);
    } else if (err == ERR_OK && check->kind == CONFIG_KIND_REDIS) {
        err = config_probe_secret(&check->password, spec->password);
        for (uint32_t i = 0; i < config->services_count; i++) {
            const struct config_service *service = &config->services[i];
            spec->replica |= service->kind == CONFIG_SERVICE_REDIS && service->check < config->checks_count &&
                             &config->checks[service->check] == check;
        }
    } else if (err == ERR_OK && check->kind == CONFIG_KIND_EXEC) {
        err = config_probe_command(check, target, spec);
    } else if (check->kind == CONFIG_KIND_DNS) {
        text_copy(spec->dns_type, sizeof spec->dns_type, records[check->dns_type]);
    }
    return err;
}

enum err config_probe_specs(const struct config *config, uint32_t site, struct probe_spec *ret_specs, uint32_t capacity,
                            uint32_t *ret_count)
{
    (void)site; /* every observer probes every region */
    _Static_assert((int)PROBE_HEARTBEAT == (int)CONFIG_KIND_HEARTBEAT && (int)PROBE_KINDS == (int)CONFIG_KIND_COUNT,
                   "both lists of kinds have the same order");
    uint32_t count = 0;
    for (uint32_t i = 0; i < config->checks_count; i++) {
        for (uint32_t j = 0; j < config->checks[i].targets_count; j++) {
            if (count == capacity) {
                return ERR_TOO_LARGE;
            }
            struct probe_spec *spec = &ret_specs[count];
            memset(spec, 0, sizeof *spec);
            spec->id = count++;
            const enum err err = config_probe_one(config, &config->checks[i], &config->checks[i].targets[j], spec);
            if (err != ERR_OK) {
                return err;
            }
        }
    }
    *ret_count = count;
    return ERR_OK;
}

static void config_probe_address(const struct view_address *address, char ret_text[PROBE_TEXT])
{
    char literal[INET6_ADDRSTRLEN];
    inet_ntop(address->family == 4 ? AF_INET : AF_INET6, address->bytes, literal, sizeof literal);
    snprintf(ret_text, PROBE_TEXT, address->family == 4 ? "%s:%u" : "[%s]:%u", literal, address->port);
}

bool config_probe_resolve(const struct view *view, const char *database, const char *region,
                          struct probe_pg_target *ret_target)
{
    const uint32_t database_index = view_database_find(view, database);
    const uint32_t region_index = view_region_find(view, region);
    if (database_index == LIMITS_NONE || region_index == LIMITS_NONE) {
        return false;
    }
    const uint32_t writer = view->databases[database_index].writer;
    uint32_t best = LIMITS_NONE;
    for (uint32_t i = 0; i < view->nodes_count; i++) {
        const struct view_node *node = &view->nodes[i];
        if (node->database != database_index || node->region != region_index) {
            continue;
        }
        if (i == writer || best == LIMITS_NONE || (best != writer && node->healthy && !view->nodes[best].healthy)) {
            best = i;
        }
    }
    if (best == LIMITS_NONE) {
        return false;
    }
    config_probe_address(&view->nodes[best].postgres, ret_target->address);
    ret_target->writer = best == writer;
    return true;
}
