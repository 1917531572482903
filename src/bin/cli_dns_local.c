/* SPDX-License-Identifier: Apache-2.0
 * What a DNS server with this host's view and zone files would answer. */
#include "bin/cli_dns_local.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "bin/serve_dns.h"
#include "dns/dns_answer.h"
#include "edge/clock.h"
#include "edge/publish.h"
#include "edge/publish_file.h"

struct cli_dns_local {
    struct serve_dns_paths paths;
    struct dns_server_options options;
    struct dns_catalog *catalog;
    bool viewed;
    struct view view;
    struct dns_policy policy;
    struct dns_name signed_zones[DNS_CATALOG_ZONES];
    uint32_t signed_count;
};

/* Keys are root's to read, and needless for what is compared. */
static void cli_dns_local_unsign(struct cli_dns_local *local)
{
    for (uint32_t i = 0; i < local->options.zones_count; i++) {
        struct dns_server_zone *zone = &local->options.zones[i];
        if (zone->keys.directory != NULL) {
            local->signed_zones[local->signed_count++] = zone->origin;
        }
        zone->keys.directory = NULL;
    }
}

/* A copy of the present one: a command holds no seat among the readers while it waits for servers. */
static bool cli_dns_local_view(struct cli_dns_local *local)
{
    struct publish_reader reader = {.fd = -1};
    local->viewed = false;
    if (publish_reader_open(&reader, local->options.view_path, PUBLISH_LIB, "query") == ERR_OK) {
        const struct view *view = publish_reader_enter(&reader);
        if (view != NULL) {
            local->view = *view;
            local->viewed = true;
            publish_reader_leave(&reader);
        }
        publish_reader_close(&reader);
    }
    local->viewed = local->viewed || publish_file_load(local->options.view_file, &local->view) == ERR_OK;
    return local->viewed;
}

/* The options of the site; those of the first one with a view when there is none. */
static enum err cli_dns_local_site(const struct config *config, uint32_t site, char *problem,
                                   struct cli_dns_local *local)
{
    enum err err = ERR_NOT_FOUND;
    bool found = false;
    for (uint32_t i = 0; i < config->sites_count && !found; i++) {
        if ((site != CONFIG_NONE && i != site) || config->sites[i].dns.listen_count == 0) {
            continue;
        }
        err = serve_dns_options(config, i, &local->paths, problem, &local->options);
        found = err == ERR_OK && cli_dns_local_view(local);
    }
    return err;
}

enum err cli_dns_local_open(const struct config *config, uint32_t site, char *problem, struct cli_dns_local **ret_local)
{
    struct cli_dns_local *local = calloc(1, sizeof *local);
    if (local == NULL) {
        return ERR_NO_MEMORY;
    }
    enum err err = cli_dns_local_site(config, site, problem, local);
    if (err == ERR_OK) {
        cli_dns_local_unsign(local);
        err = dns_server_read(&local->options, problem, &local->catalog);
    }
    if (err != ERR_OK) {
        cli_dns_local_close(local);
        return err;
    }
    *ret_local = local;
    return ERR_OK;
}

void cli_dns_local_close(struct cli_dns_local *local)
{
    if (local != NULL) {
        dns_catalog_free(local->catalog);
        free(local);
    }
}

bool cli_dns_local_knows(const struct cli_dns_local *local, const struct dns_query *query)
{
    struct dns_name name = query->name;
    dns_name_lower(&name);
    if (query->class != DNS_CLASS_IN || query->type == DNS_TYPE_ANY ||
        dns_catalog_find(local->catalog, &name, query->type) == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < local->signed_count; i++) {
        const bool apex = dns_name_equal(&name, &local->signed_zones[i]);
        /* Denial is another one there, and keys and the serial are not in the file. */
        if (dns_name_within(&name, &local->signed_zones[i]) &&
            (query->dnssec_ok || apex || query->type == DNS_TYPE_NSEC || query->type == DNS_TYPE_RRSIG)) {
            return false;
        }
    }
    for (uint32_t i = 0; i < local->catalog->dynamic_count; i++) {
        if (dns_name_equal(&local->catalog->dynamic[i].name, &name)) {
            return local->viewed;
        }
    }
    return true;
}

static struct view_address cli_dns_local_client(const struct address *source)
{
    struct view_address client = {.family = source->storage.ss_family == AF_INET6 ? 6 : 4};
    if (client.family == 6) {
        memcpy(client.bytes, &((const struct sockaddr_in6 *)&source->storage)->sin6_addr, 16);
    } else {
        memcpy(client.bytes, &((const struct sockaddr_in *)&source->storage)->sin_addr, 4);
    }
    return client;
}

enum err cli_dns_local_ask(struct cli_dns_local *local, const struct dns_query *query, struct dns_client_answer *answer)
{
    static struct dns_transfer transfer; /* that there is room for one says: over TCP */
    struct dns_query plain = *query;
    struct dns_answer_result result;
    struct buf buf;
    plain.cookie_size = 0;
    buf_init(&buf, answer->message, sizeof answer->message);
    dns_query_write(&plain, &buf);
    const struct view *view = cli_dns_local_view(local) ? &local->view : NULL;
    dns_policy_prepare(&local->policy, view, local->catalog->dynamic, local->catalog->dynamic_count);
    dns_policy_steer(&local->policy, local->catalog->steer);
    struct dns_answer_source source = {
        .catalog = local->catalog, .policy = &local->policy, .now_s = (uint32_t)(clock_wall().us / 1000000)};
    const struct dns_answer_packet packet = {.message = answer->message,
                                             .query_size = buf.size,
                                             .capacity = sizeof answer->message,
                                             .client = cli_dns_local_client(&answer->source),
                                             .transfer = &transfer,
                                             .keepalive_100ms = -1};
    const size_t size = dns_answer_build(&source, &packet, &result);
    return size > 0 ? dns_reply_parse(span_of(answer->message, size), &answer->reply) : ERR_UNAVAILABLE;
}
