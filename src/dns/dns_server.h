/* SPDX-License-Identifier: Apache-2.0
 * The DNS data plane of a process: one worker per core, zones, the view. Start, reload, stop.
 *
 * Goes on answering from the last good view whatever happens to the controller; after a cold start from the view's
 * file; before any view static names are answered and dynamic ones are SERVFAIL. One thread calls these functions. */
#pragma once

#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"
#include "dns/dns_catalog.h"
#include "dns/dns_notify.h"
#include "dns/dns_worker.h"
#include "dns/dns_zone.h"
#include "wire/config.h"

enum { DNS_SERVER_WORKERS = 16 };

struct dns_server_zone {
    struct dns_name origin;
    const char *file;
    struct dns_keyring_want keys;
    struct dns_catalog_access access; /* count 0: as the settings say */
};

struct dns_server_options {
    const char *name; /* of the readers: "dns" gives "dns-0", "dns-1", ... */
    struct sockaddr_storage listens[DNS_WORKER_LISTENS];
    uint32_t listens_count;
    struct dns_socket_given *given; /* sockets that were taken over, for the start; NULL: none */
    uint32_t workers;               /* 0: one per core, at most DNS_SERVER_WORKERS */
    struct dns_server_zone zones[DNS_CATALOG_ZONES];
    uint32_t zones_count;
    struct dns_catalog_settings settings; /* without cookie secrets: one of its own, until the stop */
    const char *figures_path;             /* where it counts (dns/dns_figures.h); NULL: for itself */
    const char *regions[LIMITS_REGIONS];  /* their names, in the view's order */
    uint32_t regions_count;
    const char *view_path;                         /* shared memory (edge/publish.h) */
    const char *view_file;                         /* for the cold start; NULL: none */
    struct dns_zone_dynamic names[DNS_ZONE_NAMES]; /* of all zones */
    uint32_t names_count;
    struct sockaddr_storage secondaries[DNS_NOTIFY_TARGETS]; /* are told of changes */
    uint32_t secondaries_count;
    const char *measured;          /* the file of measured times, for policies that want them; NULL: none */
    const struct config *policies; /* where the policies of names stand; borrowed until the stop; NULL: none have one */
};

struct dns_server;

/* How many workers that setting makes. */
uint32_t dns_server_cores(uint32_t wanted);

/* Only reads what it would answer from, for whoever wants to look at it; dns_catalog_free. `problem` as below. */
enum err dns_server_read(const struct dns_server_options *options, char *problem,
                         struct dns_catalog **ret_catalog) ERR_CHECK;

/* Loads the zones, opens the sockets, starts the workers. `options` is copied, its texts are borrowed until the stop.
 * On an error `problem` (DNS_ZONE_PROBLEM bytes) is a sentence; it may be a warning on success, else it is empty. */
enum err dns_server_start(const struct dns_server_options *options, char *problem,
                          struct dns_server **ret_server) ERR_CHECK;

/* Reads the zone files, and those of policies, again and takes the settings. On an error nothing changes and `problem`
 * says why. Waits until no worker uses the old ones any more. */
enum err dns_server_reload(struct dns_server *server, const struct dns_catalog_settings *settings,
                           char *problem) ERR_CHECK;

/* Finishes the batches and frees everything. NULL is fine. */
void dns_server_stop(struct dns_server *server);

/* What it has counted; until the stop. */
const struct dns_figures_file *dns_server_figures(const struct dns_server *server);

/* Facts for the log. */
uint32_t dns_server_workers(const struct dns_server *server);
const struct dns_catalog *dns_server_catalog(const struct dns_server *server); /* until the next reload or stop */
