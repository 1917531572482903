/* SPDX-License-Identifier: Apache-2.0
 * Verifying that traffic has moved: synthetic probes through each data plane, as a client would. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "control/act.h"
#include "core/view.h"
#include "edge/log.h"
#include "edge/prove.h"

enum {
    ACT_VERIFY_DNS_MS = 800,
    ACT_VERIFY_HTTP_MS = 1500,
    ACT_VERIFY_SQL_MS = 2000,
};

/* What was asked, and what answered rightly. Somebody who does not answer at all is unreachable, not wrong. */
struct act_verify_count {
    uint32_t right;
    uint32_t wrong;
    uint32_t silent;
    char why[PROVE_MESSAGE]; /* of the last wrong one */
};

static struct view_address act_verify_address(const struct config_address *address)
{
    struct view_address result = {.port = address->port, .family = address->family};
    memcpy(result.bytes, address->bytes, sizeof result.bytes);
    return result;
}

static void act_verify_result(struct act_verify_count *count, enum err err, const char *why)
{
    const bool silent = err == ERR_REFUSED || err == ERR_TIMEOUT || err == ERR_UNREACHABLE || err == ERR_CLOSED;
    count->right += err == ERR_OK;
    count->silent += silent;
    count->wrong += err != ERR_OK && !silent;
    if (err != ERR_OK && !silent) {
        text_copy(count->why, sizeof count->why, why);
    }
}

/* The region that owns an address; LIMITS_NONE: nobody's. */
static uint32_t act_verify_owner(const struct view *view, const struct view_address *address)
{
    for (uint32_t i = 0; i < view->endpoints_count; i++) {
        const struct view_address *own = &view->endpoints[i].address;
        if (own->family == address->family && memcmp(own->bytes, address->bytes, sizeof own->bytes) == 0) {
            return view->endpoints[i].region;
        }
    }
    return LIMITS_NONE;
}

static bool act_verify_carries(const struct view *view, uint32_t region)
{
    for (uint32_t home = 0; home < VIEW_HOMES && region < LIMITS_REGIONS; home++) {
        if (view->split[home][region] > 0) {
            return true;
        }
    }
    return false;
}

/* Every name at every server: answers may only name regions that carry traffic. */
static void act_verify_dns(const struct act_job *job, const struct view *view, struct act_verify_count *count)
{
    const struct config *config = job->setup->config;
    for (uint32_t site = 0; site < config->sites_count; site++) {
        const struct config_site *entry = &config->sites[site];
        if ((entry->roles & CONFIG_ROLE_DNS) == 0 || entry->dns.listen_count == 0) {
            continue;
        }
        for (uint32_t i = 0; i < config->dns.names_count; i++) {
            char name[256];
            char message[PROVE_MESSAGE];
            struct prove_dns_answer answer = {0};
            const struct view_address server = act_verify_address(&entry->dns.listen[0]);
            snprintf(name, sizeof name, "%s.%s", config->dns.names[i].name, config->dns.zone);
            enum err err = prove_dns(&server, name, 4, ACT_VERIFY_DNS_MS, &answer, message);
            for (uint32_t j = 0; err == ERR_OK && j < answer.count && j < PROVE_ADDRESSES; j++) {
                if (!act_verify_carries(view, act_verify_owner(view, &answer.addresses[j]))) {
                    err = ERR_CONTENT;
                    snprintf(message, sizeof message, "%.31s: %.120s names a region without traffic", entry->name,
                             name);
                }
            }
            act_verify_result(count, err, message);
        }
    }
}

/* The path that the region's own HTTP checks ask for; "/" without any. */
static const char *act_verify_path(const struct config *config, uint32_t region)
{
    for (uint32_t i = 0; i < config->checks_count; i++) {
        const struct config_check *check = &config->checks[i];
        for (uint32_t j = 0; j < check->targets_count; j++) {
            if (check->kind == CONFIG_KIND_HTTP && check->path != NULL && check->targets[j].region == region) {
                return check->path;
            }
        }
    }
    return "/";
}

static void act_verify_http(const struct act_job *job, const struct view *view, struct act_verify_count *count)
{
    const char *path = act_verify_path(job->setup->config, job->action.region);
    for (uint32_t i = 0; i < view->endpoints_count; i++) {
        char message[PROVE_MESSAGE];
        if (view->endpoints[i].region == job->action.region && view->endpoints[i].address.port != 0) {
            const enum err err = prove_http(&view->endpoints[i].address, NULL, path, ACT_VERIFY_HTTP_MS, message);
            act_verify_result(count, err, message);
        }
    }
}

/* A committed row through one proxy, served by the writer of the view. */
static enum err act_verify_commit(const struct act_job *job, const struct view *view, uint32_t entry,
                                  const struct view_address *proxy, char message[PROVE_MESSAGE])
{
    const struct config_proxy_database *route = &job->setup->config->proxy.databases[entry];
    const struct config_database *config = &job->setup->config->databases[route->database];
    const struct view_database *database = &view->databases[route->database];
    if (database->writer == LIMITS_NONE) {
        return ERR_UNAVAILABLE;
    }
    const char *password = job->setup->superuser[route->database];
    const struct sql_login login = {.address = *proxy,
                                    .dbname = route->name,
                                    .user = config->superuser.name,
                                    .password = password[0] != 0 ? password : NULL,
                                    .application_name = "holdfast-verify"};
    struct prove_sql_answer answer = {0};
    const struct prove_sql_row row = {
        .epoch = database->epoch, .node = view->nodes[database->writer].name, .waits = database->locked_commit != 0};
    const enum err err = prove_sql(&login, &row, ACT_VERIFY_SQL_MS, &answer, message);
    if (err != ERR_OK) {
        return err;
    }
    if (answer.epoch != database->epoch || answer.in_recovery) {
        snprintf(message, PROVE_MESSAGE, "%s serves epoch %llu", answer.node, (unsigned long long)answer.epoch);
        return ERR_FENCED;
    }
    return ERR_OK;
}

static void act_verify_sql(const struct act_job *job, const struct view *view, struct act_verify_count *count)
{
    const struct config *config = job->setup->config;
    for (uint32_t site = 0; site < config->sites_count; site++) {
        const struct config_site *entry = &config->sites[site];
        if ((entry->roles & CONFIG_ROLE_PROXY) == 0 || entry->proxy.listen_count == 0) {
            continue;
        }
        const struct view_address proxy = act_verify_address(&entry->proxy.listen[0]);
        for (uint32_t i = 0; i < config->proxy.databases_count; i++) {
            if (config->proxy.databases[i].route == CONFIG_ROUTE_WRITER) {
                char message[PROVE_MESSAGE] = "";
                const enum err err = act_verify_commit(job, view, i, &proxy, message);
                act_verify_result(count, err, message);
            }
        }
    }
}

static bool act_verify_good(const struct act_verify_count *count)
{
    return count->wrong == 0 && (count->right > 0 || count->silent == 0);
}

void act_verify_run(const struct act_job *job, struct event_result *ret_result)
{
    struct view view;
    job->world->view(job->world->context, &view);
    struct act_verify_count dns = {0};
    struct act_verify_count http = {0};
    struct act_verify_count sql = {0};
    act_verify_dns(job, &view, &dns);
    act_verify_http(job, &view, &http);
    act_verify_sql(job, &view, &sql);
    ret_result->ok = act_verify_good(&dns) && act_verify_good(&http) && act_verify_good(&sql);
    ret_result->error = ret_result->ok ? ERR_OK : ERR_STALE;
    const char *why = dns.wrong > 0 ? dns.why : http.wrong > 0 ? http.why : sql.why;
    struct buf detail;
    buf_init(&detail, ret_result->detail, sizeof ret_result->detail);
    buf_printf(&detail, "dns %u/%u/%u http %u/%u/%u sql %u/%u/%u", dns.right, dns.wrong, dns.silent, http.right,
               http.wrong, http.silent, sql.right, sql.wrong, sql.silent);
    if (why[0] != 0) {
        LOG_W("verify: %s", why);
    }
}
