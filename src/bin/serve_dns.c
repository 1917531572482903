/* SPDX-License-Identifier: Apache-2.0
 * The process role `dns`. */
#include "bin/serve_dns.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "bin/verb.h"
#include "edge/log.h"
#include "edge/publish.h"
#include "edge/publish_file.h"

static struct sockaddr_storage serve_dns_address(const struct config_address *address)
{
    struct sockaddr_storage storage = {0};
    if (address->family == CONFIG_FAMILY_IPV6) {
        struct sockaddr_in6 *six = (struct sockaddr_in6 *)&storage;
        six->sin6_family = AF_INET6;
        six->sin6_port = htons(address->port);
        memcpy(&six->sin6_addr, address->bytes, 16);
    } else {
        struct sockaddr_in *four = (struct sockaddr_in *)&storage;
        four->sin_family = AF_INET;
        four->sin_port = htons(address->port);
        memcpy(&four->sin_addr, address->bytes, 4);
    }
    return storage;
}

static enum err serve_dns_names(const struct config_dns *dns, char *problem, struct dns_server_options *options)
{
    if (dns_name_parse(span_text(dns->zone), NULL, &options->origin) != ERR_OK) {
        snprintf(problem, DNS_ZONE_PROBLEM, "dns.zone: %.64s is not a domain name", dns->zone);
        return ERR_INVALID;
    }
    if (dns->names_count > DNS_ZONE_NAMES) {
        snprintf(problem, DNS_ZONE_PROBLEM, "dns.names: more than %d", DNS_ZONE_NAMES);
        return ERR_INVALID;
    }
    for (uint32_t i = 0; i < dns->names_count; i++) {
        const struct config_dns_name *name = &dns->names[i];
        struct dns_zone_dynamic *dynamic = &options->names[i];
        if (dns_name_parse(span_text(name->name), &options->origin, &dynamic->name) != ERR_OK ||
            strlen(name->endpoint) >= sizeof dynamic->endpoint) {
            snprintf(problem, DNS_ZONE_PROBLEM, "dns.names: %.64s is not a domain name, or its endpoint's is too long",
                     name->name);
            return ERR_INVALID;
        }
        memcpy(dynamic->endpoint, name->endpoint, strlen(name->endpoint) + 1);
        dynamic->ttl_s = (name->ttl_ms + 999) / 1000;
    }
    options->names_count = dns->names_count;
    return ERR_OK;
}

enum err serve_dns_options(const struct config *config, uint32_t site, struct serve_dns_paths *paths, char *problem,
                           struct dns_server_options *ret_options)
{
    ASSERT(site < config->sites_count);
    const struct config_site *here = &config->sites[site];
    if (config->dns.zone == NULL || config->dns.zone_file == NULL || here->dns.listen_count == 0) {
        snprintf(problem, DNS_ZONE_PROBLEM, "no dns.zone, or site %.64s has no dns.listen", here->name);
        return ERR_NOT_FOUND;
    }
    if (here->dns.listen_count > DNS_WORKER_LISTENS) {
        snprintf(problem, DNS_ZONE_PROBLEM, "sites.%.64s.dns.listen: more than %d addresses", here->name,
                 DNS_WORKER_LISTENS);
        return ERR_INVALID;
    }
    snprintf(paths->view, sizeof paths->view, "%.4000s/" PUBLISH_NAME, here->state_dir);
    snprintf(paths->file, sizeof paths->file, "%.4000s/" PUBLISH_FILE_NAME, here->state_dir);
    ret_options->name = "dns";
    ret_options->workers = 0;
    ret_options->zone_file = config->dns.zone_file;
    ret_options->view_path = paths->view;
    ret_options->view_file = paths->file;
    ret_options->listens_count = here->dns.listen_count;
    for (uint32_t i = 0; i < here->dns.listen_count; i++) {
        ret_options->listens[i] = serve_dns_address(&here->dns.listen[i]);
    }
    return serve_dns_names(&config->dns, problem, ret_options);
}

static void serve_dns_log_counters(const struct dns_server *server)
{
    struct dns_worker_counters counters;
    char text[1024];
    struct buf buf;
    buf_init(&buf, text, sizeof text);
    dns_server_counters(server, &counters);
#define SERVE_DNS_COUNTER(member) buf_printf(&buf, " " #member "=%" PRIu64, counters.member);
    DNS_WORKER_COUNTERS(SERVE_DNS_COUNTER)
#undef SERVE_DNS_COUNTER
    LOG_N("counters%s", buf_string(&buf));
}

static void serve_dns_reload(struct dns_server *server)
{
    char problem[DNS_ZONE_PROBLEM] = "";
    if (dns_server_reload(server, problem) != ERR_OK) {
        LOG_E("the zone stays as it was, its new file is wrong: %s", problem);
        return;
    }
    if (problem[0] != 0) {
        LOG_W("%s", problem);
    }
    LOG_N("zone read again serial=%u records=%u", dns_server_serial(server), dns_server_records(server));
}

static void serve_dns_signals(struct dns_server *server, const sigset_t *signals)
{
    for (;;) {
        const int number = sigwaitinfo(signals, NULL);
        if (number == SIGHUP) {
            serve_dns_reload(server);
        } else if (number == SIGUSR1) {
            serve_dns_log_counters(server);
        } else if (number == SIGTERM || number == SIGINT) {
            LOG_N("told to stop signal=%d", number);
            return;
        }
    }
}

/* Which of the addresses is taken is the kernel's secret; there are few. */
static void serve_dns_complain(const struct config_site *site, enum err err, const char *problem)
{
    if (err != ERR_IN_USE) {
        LOG_E("cannot serve DNS: %s", problem);
        return;
    }
    char text[512];
    struct buf buf;
    buf_init(&buf, text, sizeof text);
    for (uint32_t i = 0; i < site->dns.listen_count; i++) {
        buf_printf(&buf, "%s%s", i > 0 ? ", " : "", site->dns.listen[i].text);
    }
    LOG_E(
        "cannot listen on %s: already in use; another process listens there: stop it (`ss -lntup` names it) or choose "
        "another address (setting sites.*.dns.listen)",
        buf_string(&buf));
}

int serve_dns_run(const struct config *config, uint32_t site)
{
    static struct serve_dns_paths paths;
    static struct dns_server_options options;
    char problem[DNS_ZONE_PROBLEM] = "";
    struct dns_server *server = NULL;
    sigset_t signals;
    sigset_t before;
    sigemptyset(&signals);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGUSR1);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, &before);
    enum err err = serve_dns_options(config, site, &paths, problem, &options);
    if (err == ERR_OK) {
        err = dns_server_start(&options, problem, &server);
    }
    if (err != ERR_OK) {
        serve_dns_complain(&config->sites[site], err, problem);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        return err == ERR_INVALID || err == ERR_NOT_FOUND ? VERB_CONFIG : VERB_FAILED;
    }
    if (problem[0] != 0) {
        LOG_W("%s", problem);
    }
    LOG_N("serving zone=%s serial=%u records=%u names=%u workers=%u", config->dns.zone, dns_server_serial(server),
          dns_server_records(server), options.names_count, dns_server_workers(server));
    serve_dns_signals(server, &signals);
    serve_dns_log_counters(server);
    dns_server_stop(server);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return VERB_OK;
}
