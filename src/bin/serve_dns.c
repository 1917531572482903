/* SPDX-License-Identifier: Apache-2.0
 * The process role `dns`. */
#include "bin/serve_dns.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "bin/verb.h"
#include "dns/dns_report.h"
#include "dns/dns_steer_load.h"
#include "edge/config_secret.h"
#include "edge/daemon.h"
#include "edge/http_server.h"
#include "edge/latency_table.h"
#include "edge/log.h"
#include "edge/publish.h"
#include "edge/publish_file.h"
#include "edge/sandbox.h"

struct sockaddr_storage serve_dns_address(const struct config_address *address)
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

/* The dynamic names of one zone, behind those that are there. */
static enum err serve_dns_names(const struct dns_name *origin, const struct config_dns_name *names,
                                uint32_t names_count, char *problem, struct dns_server_options *options)
{
    const struct config *config = options->policies;
    if (names_count > DNS_ZONE_NAMES - options->names_count) {
        snprintf(problem, DNS_ZONE_PROBLEM, "dns.names: more than %d in all zones", DNS_ZONE_NAMES);
        return ERR_INVALID;
    }
    for (uint32_t i = 0; i < names_count; i++) {
        const struct config_dns_name *name = &names[i];
        struct dns_zone_dynamic *dynamic = &options->names[options->names_count++];
        if (dns_name_parse(span_text(name->name), origin, &dynamic->name) != ERR_OK ||
            strlen(name->endpoint) >= sizeof dynamic->endpoint) {
            snprintf(problem, DNS_ZONE_PROBLEM, "dns.names: %.64s is not a domain name, or its endpoint's is too long",
                     name->name);
            return ERR_INVALID;
        }
        memcpy(dynamic->endpoint, name->endpoint, strlen(name->endpoint) + 1);
        dynamic->ttl_s = (name->ttl_ms + 999) / 1000;
        dynamic->steer = name->policy != NULL ? config_dns_policy_find(config, name->policy) + 1 : 0;
        dns_zone_dynamic_seal(dynamic);
    }
    return ERR_OK;
}

static uint32_t serve_dns_networks(const struct config_network *from, uint32_t count,
                                   struct dns_catalog_network networks[DNS_CATALOG_NETWORKS])
{
    ASSERT(count <= DNS_CATALOG_NETWORKS);
    for (uint32_t i = 0; i < count; i++) {
        networks[i].address.family = from[i].address.family == CONFIG_FAMILY_IPV6 ? 6 : 4;
        memcpy(networks[i].address.bytes, from[i].address.bytes, sizeof networks[i].address.bytes);
        networks[i].prefix_bits = from[i].prefix_bits;
    }
    return count;
}

struct dns_keyring_want serve_dns_keyring(const struct config_dnssec *dnssec)
{
    static const enum dns_keyring_parent parents[] = {
        [CONFIG_PARENT_PUBLISH] = DNS_KEYRING_PUBLISH,
        [CONFIG_PARENT_DELETE] = DNS_KEYRING_DELETE,
        [CONFIG_PARENT_SILENT] = DNS_KEYRING_SILENT,
    };
    return (struct dns_keyring_want){dnssec->keys, (dnssec->ttl_ms + 999) / 1000, parents[dnssec->parent]};
}

static enum err serve_dns_zone(const char *name, const char *file, const struct config_dnssec *dnssec, char *problem,
                               struct dns_server_options *options)
{
    struct dns_server_zone *zone = &options->zones[options->zones_count];
    if (options->zones_count == DNS_CATALOG_ZONES || dns_name_parse(span_text(name), NULL, &zone->origin) != ERR_OK) {
        snprintf(problem, DNS_ZONE_PROBLEM, "dns.zones: %.64s is not a domain name, or more than %d zones", name,
                 DNS_CATALOG_ZONES);
        return ERR_INVALID;
    }
    zone->file = file;
    zone->keys = serve_dns_keyring(dnssec);
    options->zones_count++;
    return ERR_OK;
}

static enum err serve_dns_zones(const struct config_dns *dns, char *problem, struct dns_server_options *options)
{
    options->zones_count = 0;
    options->names_count = 0;
    enum err err = serve_dns_zone(dns->zone, dns->zone_file, &dns->dnssec, problem, options);
    if (err == ERR_OK) {
        err = serve_dns_names(&options->zones[0].origin, dns->names, dns->names_count, problem, options);
    }
    for (uint32_t i = 0; i < dns->zones_count && err == ERR_OK; i++) {
        const struct config_dns_zone *zone = &dns->zones[i];
        err = serve_dns_zone(zone->name, zone->file, &zone->dnssec, problem, options);
        if (err == ERR_OK) {
            struct dns_catalog_access *access = &options->zones[i + 1].access;
            access->count = serve_dns_networks(zone->allow, zone->allow_count, access->networks);
            err = serve_dns_names(&options->zones[i + 1].origin, zone->names, zone->names_count, problem, options);
        }
    }
    return err;
}

static enum err serve_dns_cookies(const struct config_secret *secret, char *problem,
                                  struct dns_cookie_secrets *ret_secrets)
{
    char text[CONFIG_SECRET_BYTES];
    if (secret->file == NULL && secret->env == NULL) {
        return ERR_OK; /* the server makes its own */
    }
    enum err err = config_secret_read(secret, text, sizeof text);
    if (err == ERR_OK) {
        err = dns_cookie_secrets_parse(span_text(text), ret_secrets);
    }
    explicit_bzero(text, sizeof text);
    if (err != ERR_OK) {
        snprintf(problem, DNS_ZONE_PROBLEM,
                 "dns.cookies.secret: %s; expected one or two words of 32 hexadecimal digits (openssl rand -hex 16)",
                 err_text(err));
        return ERR_INVALID;
    }
    return ERR_OK;
}

static enum err serve_dns_keys(const struct config_dns *dns, char *problem, struct dns_catalog_settings *settings)
{
    static const char *const algorithms[] = {"hmac-sha256", "hmac-sha384", "hmac-sha512"};
    for (uint32_t i = 0; i < dns->keys_count && i < DNS_CATALOG_KEYS; i++) {
        const struct config_dns_key *key = &dns->keys[i];
        char text[CONFIG_SECRET_BYTES];
        enum err err = config_secret_read(&key->secret, text, sizeof text);
        if (err == ERR_OK) {
            err = dns_tsig_key_parse(key->name, algorithms[key->algorithm], span_text(text), &settings->keys[i]);
        }
        explicit_bzero(text, sizeof text);
        if (err != ERR_OK) {
            snprintf(problem, DNS_ZONE_PROBLEM,
                     "dns.keys.%.64s: %s; expected a domain name with a secret of up to %d bytes in base64", key->name,
                     err_text(err), DNS_TSIG_SECRET);
            return ERR_INVALID;
        }
        settings->keys_count = i + 1;
    }
    return ERR_OK;
}

/* What may change with SIGHUP beside the zones: secrets are read anew. */
static enum err serve_dns_settings(const struct config *config, uint32_t site, char *problem,
                                   struct dns_catalog_settings *ret_settings)
{
    const struct config_dns *dns = &config->dns;
    memset(ret_settings, 0, sizeof *ret_settings);
    ret_settings->cookie_required = dns->cookies.require;
    if (dns->identify) {
        snprintf(ret_settings->identity, sizeof ret_settings->identity, "%s", config->sites[site].name);
    }
    if (dns->version != NULL) {
        snprintf(ret_settings->version, sizeof ret_settings->version, "%s", dns->version);
    }
    ret_settings->transfer_count =
        serve_dns_networks(dns->transfer.allow, dns->transfer.allow_count, ret_settings->transfer);
    ret_settings->allow.count = serve_dns_networks(dns->allow, dns->allow_count, ret_settings->allow.networks);
    ret_settings->rate_per_second = dns->rate_limit.per_second;
    ret_settings->rate_slip = dns->rate_limit.slip;
    ret_settings->rate_exempt_count =
        serve_dns_networks(dns->rate_limit.exempt, dns->rate_limit.exempt_count, ret_settings->rate_exempt);
    const enum err err = serve_dns_cookies(&dns->cookies.secret, problem, &ret_settings->cookies);
    return err == ERR_OK ? serve_dns_keys(dns, problem, ret_settings) : err;
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
    snprintf(paths->figures, sizeof paths->figures, "%.4000s/" DNS_FIGURES_NAME, here->state_dir);
    snprintf(paths->measured, sizeof paths->measured, "%.4000s/" LATENCY_TABLE_NAME, here->state_dir);
    ret_options->figures_path = paths->figures;
    ret_options->measured = paths->measured;
    ret_options->regions_count = config->regions_count < LIMITS_REGIONS ? config->regions_count : LIMITS_REGIONS;
    for (uint32_t i = 0; i < ret_options->regions_count; i++) {
        ret_options->regions[i] = config->regions[i].name;
    }
    ret_options->name = "dns";
    ret_options->workers = config->dns.workers;
    ret_options->view_path = paths->view;
    ret_options->view_file = paths->file;
    struct dns_catalog_settings *settings = &ret_options->settings; /* those without secrets; the rest below */
    settings->allow.count = serve_dns_networks(config->dns.allow, config->dns.allow_count, settings->allow.networks);
    settings->transfer_count =
        serve_dns_networks(config->dns.transfer.allow, config->dns.transfer.allow_count, settings->transfer);
    ret_options->listens_count = here->dns.listen_count;
    for (uint32_t i = 0; i < here->dns.listen_count; i++) {
        ret_options->listens[i] = serve_dns_address(&here->dns.listen[i]);
    }
    ret_options->secondaries_count = 0;
    for (uint32_t i = 0; i < config->dns.transfer.notify_count && i < DNS_NOTIFY_TARGETS; i++) {
        ret_options->secondaries[ret_options->secondaries_count++] = serve_dns_address(&config->dns.transfer.notify[i]);
    }
    ret_options->policies = config;
    return serve_dns_zones(&config->dns, problem, ret_options);
}

/* The directory of a file, whose replacement by another one must be found, too. */
static void serve_dns_folder(const char *file, struct sandbox *sandbox)
{
    if (file == NULL || sandbox->reads_count == SANDBOX_PATHS) {
        return;
    }
    char *path = strdup(file);
    char *slash = path != NULL ? strrchr(path, '/') : NULL;
    if (slash != NULL) {
        slash[slash == path ? 1 : 0] = 0;
    }
    bool known = false;
    for (uint32_t i = 0; i < sandbox->reads_count; i++) {
        known = known || strcmp(sandbox->reads[i], slash != NULL ? path : ".") == 0;
    }
    if (!known) {
        sandbox->reads[sandbox->reads_count++] = slash != NULL ? path : "."; /* kept: it is few, and once */
    }
    if (known || slash == NULL) {
        free(path);
    }
}

static void serve_dns_sandbox(const struct config *config, uint32_t site)
{
    static struct sandbox sandbox;
    const struct config_dns *dns = &config->dns;
    serve_dns_folder(dns->zone_file, &sandbox);
    serve_dns_folder(dns->dnssec.keys, &sandbox);
    for (uint32_t i = 0; i < dns->zones_count; i++) {
        serve_dns_folder(dns->zones[i].file, &sandbox);
        serve_dns_folder(dns->zones[i].dnssec.keys, &sandbox);
    }
    serve_dns_folder(dns->cookies.secret.file, &sandbox);
    for (uint32_t i = 0; i < dns->keys_count; i++) {
        serve_dns_folder(dns->keys[i].secret.file, &sandbox);
    }
    const char *file;
    for (uint32_t i = 0; (file = dns_steer_load_file(config, i)) != NULL; i++) {
        serve_dns_folder(file, &sandbox);
    }
    sandbox.writes[sandbox.writes_count++] = config->sites[site].state_dir;
    const enum err err = sandbox_enter(&sandbox);
    if (err == ERR_OK) {
        LOG_N("sandboxed: no programs, no files but those of the zones and of %s", config->sites[site].state_dir);
    } else {
        LOG_W("not wholly sandboxed: %s",
              err == ERR_UNSUPPORTED ? "this kernel or build does not support it" : err_text(err));
    }
}

static void serve_dns_log_counters(const struct dns_server *server)
{
    static struct dns_figures sum;
    char text[1024];
    struct buf buf;
    buf_init(&buf, text, sizeof text);
    dns_figures_sum(dns_server_figures(server), &sum);
#define SERVE_DNS_COUNTER(member) buf_printf(&buf, " " #member "=%" PRIu64, sum.counters.member);
    DNS_FIGURES_COUNTERS(SERVE_DNS_COUNTER)
#undef SERVE_DNS_COUNTER
    LOG_N("counters%s", buf_string(&buf));
}

static void serve_dns_log_zones(const struct dns_server *server, const char *what)
{
    const struct dns_catalog *catalog = dns_server_catalog(server);
    for (uint32_t i = 0; i < catalog->zones_count; i++) {
        const struct dns_zone *zone = catalog->zones[i];
        char name[1100];
        struct buf buf;
        buf_init(&buf, name, sizeof name);
        dns_name_print(&zone->origin, &buf);
        LOG_N("%s=%s serial=%u records=%u names=%u keys=%u", what, buf_string(&buf), zone->serial, zone->records_count,
              zone->dynamic_count, zone->keyring != NULL ? zone->keyring->count : 0);
    }
}

struct serve_dns {
    const struct config *config;
    uint32_t site;
    const char *measured; /* the file of measured times */
    struct dns_server *server;
    uint64_t files_loaded; /* the files of policies (dns/dns_steer_load.h) as they were before they were read */
    uint64_t files_seen;   /* at the last look */
};

static void serve_dns_reload(void *context)
{
    struct serve_dns *serve = context;
    char problem[DNS_ZONE_PROBLEM] = "";
    struct dns_catalog_settings settings;
    serve->files_loaded = dns_steer_load_files(serve->config, serve->measured);
    if (serve_dns_settings(serve->config, serve->site, problem, &settings) != ERR_OK ||
        dns_server_reload(serve->server, &settings, problem) != ERR_OK) {
        LOG_E("everything stays as it was, a file is wrong: %s", problem);
        explicit_bzero(&settings, sizeof settings);
        return;
    }
    explicit_bzero(&settings, sizeof settings);
    if (problem[0] != 0) {
        LOG_W("%s", problem);
    }
    serve_dns_log_zones(serve->server, "read again zone");
}

static void serve_dns_status(void *context)
{
    const struct serve_dns *serve = context;
    serve_dns_log_counters(serve->server);
}

/* Files of policies are replaced while we run: by rename, or written in place. They are read once they have been the
 * same for a look, so that none is read while it is being written. */
static void serve_dns_look(void *context)
{
    struct serve_dns *serve = context;
    const uint64_t now = dns_steer_load_files(serve->config, serve->measured);
    if (now != serve->files_loaded && now == serve->files_seen) {
        serve_dns_reload(serve); /* a broken one is told once, and again when it has changed */
    }
    serve->files_seen = now;
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

static void serve_dns_metrics_get(const struct http_server_request *request, struct http_server_answer *answer)
{
    const struct serve_dns *serve = request->context;
    char *text = malloc(DNS_REPORT_BYTES);
    struct buf buf;
    if (text == NULL) {
        http_server_answer_problem(answer, ERR_NO_MEMORY, "no memory for the metrics");
        return;
    }
    buf_init(&buf, text, DNS_REPORT_BYTES);
    dns_report_metrics(dns_server_figures(serve->server), &buf);
    http_server_answer_copy(answer, 200, "text/plain; version=0.0.4", buf.data, buf.size);
    free(text);
}

/* NULL: not wanted, or it cannot listen there, which is told; DNS is answered all the same. */
static struct http_server *serve_dns_metrics(const struct config_site *site, struct serve_dns *serve)
{
    static const struct http_server_route routes[] = {{"GET", "/metrics", false, serve_dns_metrics_get}};
    struct http_server *server = NULL;
    const struct http_server_config config = {.listen = site->dns_metrics.text,
                                              .setting = "sites.*.dns_metrics",
                                              .routes = routes,
                                              .route_count = 1,
                                              .context = serve,
                                              .connections = 4};
    if (site->dns_metrics.family == CONFIG_FAMILY_NONE || http_server_start(&config, NULL, 0, &server) != ERR_OK) {
        return NULL;
    }
    return server;
}

/* Sockets of all workers, and all the connections that they may have. */
static void serve_dns_descriptors(const struct dns_server_options *options)
{
    const uint64_t each = DNS_TCP_CONNECTIONS + 2 * (uint64_t)options->listens_count + 8;
    const uint64_t wanted = dns_server_cores(options->workers) * each + 128;
    const uint64_t limit = daemon_descriptors(wanted);
    if (limit < wanted) {
        LOG_W("the workers need %" PRIu64 " file descriptors, the limit is %" PRIu64
              ": fewer TCP clients at a time; raise it (ulimit -n, LimitNOFILE=)",
              wanted, limit);
    }
}

int serve_dns_run(const struct config *config, uint32_t site)
{
    static struct serve_dns_paths paths;
    static struct dns_server_options options;
    char problem[DNS_ZONE_PROBLEM] = "";
    static struct dns_socket_given given;
    struct serve_dns serve = {.config = config, .site = site, .measured = paths.measured};
    daemon_hold_signals();
    dns_socket_inherit(&given);
    enum err err = serve_dns_options(config, site, &paths, problem, &options);
    serve.files_loaded = dns_steer_load_files(config, serve.measured);
    if (err == ERR_OK) {
        err = serve_dns_settings(config, site, problem, &options.settings);
    }
    serve_dns_descriptors(&options);
    if (err == ERR_OK && config->dns.sandbox) {
        serve_dns_sandbox(config, site); /* before threads: they inherit it */
    }
    if (err == ERR_OK) {
        options.given = &given;
        err = dns_server_start(&options, problem, &serve.server);
    }
    dns_socket_close(&given); /* of addresses that are no longer listened on */
    if (err != ERR_OK) {
        serve_dns_complain(&config->sites[site], err, problem);
        return err == ERR_INVALID || err == ERR_NOT_FOUND ? VERB_CONFIG : VERB_FAILED;
    }
    if (problem[0] != 0) {
        LOG_W("%s", problem);
    }
    struct http_server *metrics = serve_dns_metrics(&config->sites[site], &serve);
    serve_dns_log_zones(serve.server, "serving zone");
    LOG_N("serving workers=%u", dns_server_workers(serve.server));
    daemon_obey(&(struct daemon_orders){.reload = serve_dns_reload,
                                        .status = serve_dns_status,
                                        .look = serve.files_loaded != 0 ? serve_dns_look : NULL,
                                        .context = &serve});
    http_server_stop(metrics);
    dns_server_stop(serve.server);
    return VERB_OK;
}
