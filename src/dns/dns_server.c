/* SPDX-License-Identifier: Apache-2.0
 * The DNS data plane of a process. */
#include "dns/dns_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <malloc.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "dns/dns_keydir.h"
#include "dns/dns_serial.h"
#include "dns/dns_steer_load.h"
#include "dns/dns_zone_sign.h"
#include "edge/log.h"
#include "edge/publish_file.h"

_Static_assert((int)DNS_KEYDIR_PROBLEM <= (int)DNS_ZONE_PROBLEM, "a sentence about keys fits");
_Static_assert((int)DNS_STEER_PROBLEM <= (int)DNS_ZONE_PROBLEM, "one about policies fits, too");

struct dns_server {
    struct dns_server_options options;
    struct dns_worker_shared shared;
    struct dns_catalog *catalog; /* what `shared` points to */
    struct dns_cookie_secrets own_cookies;
    struct dns_figures_file *figures;
    struct dns_notify *notify; /* NULL: no secondaries */
    struct view file_view;
    uint32_t workers_count; /* threads that run */
    struct dns_worker *workers[DNS_SERVER_WORKERS];
};

/* Which zone a name is in: the one with the longest origin; zones_count: none. */
static uint32_t dns_server_home(const struct dns_server_options *options, const struct dns_name *name)
{
    uint32_t home = options->zones_count;
    for (uint32_t i = 0; i < options->zones_count; i++) {
        const struct dns_name *origin = &options->zones[i].origin;
        if (dns_name_within(name, origin) &&
            (home == options->zones_count || origin->size > options->zones[home].origin.size)) {
            home = i;
        }
    }
    return home;
}

/* Signs a zone that was read, when it is to be. */
static enum err dns_server_keys(const struct dns_server_zone *from, char *problem, struct dns_zone *zone)
{
    struct dns_keyring *keyring = NULL;
    if (from->keys.directory == NULL) {
        return ERR_OK;
    }
    const enum err err = dns_keyring_load(&from->keys, problem, &keyring);
    return err == ERR_OK ? dns_zone_sign(zone, keyring, problem) : err;
}

/* Reads a zone and puts it into the catalogue. The first warning of all zones stays in `problem`. */
static enum err dns_server_zone(const struct dns_server_options *options, uint32_t index, bool transferred,
                                char *problem, struct dns_catalog *catalog)
{
    struct dns_zone *zone = NULL;
    char told[DNS_ZONE_PROBLEM];
    const struct dns_server_zone *from = &options->zones[index];
    struct dns_zone_dynamic *names = calloc(DNS_ZONE_NAMES, sizeof *names);
    struct dns_zone_want want = {&from->origin, names, 0, transferred};
    if (names == NULL) {
        snprintf(problem, DNS_ZONE_PROBLEM, "out of memory");
        return ERR_NO_MEMORY;
    }
    for (uint32_t i = 0; i < options->names_count; i++) {
        const uint32_t home = dns_server_home(options, &options->names[i].name);
        /* One that is in no zone is told by the first zone. */
        if (home == index || (home == options->zones_count && index == 0)) {
            names[want.dynamic_count++] = options->names[i];
        }
    }
    enum err err = dns_zone_load(from->file, &want, told, &zone);
    free(names);
    if (err != ERR_OK || problem[0] == 0) {
        memcpy(problem, told, sizeof told);
    }
    if (err != ERR_OK) {
        return err;
    }
    err = dns_server_keys(from, problem, zone);
    if (err != ERR_OK) {
        dns_zone_free(zone);
        return err == ERR_NO_MEMORY ? err : ERR_INVALID;
    }
    if (from->access.count > 0 && dns_catalog_restrict(zone, &from->access) != ERR_OK) {
        snprintf(problem, DNS_ZONE_PROBLEM, "out of memory");
        dns_zone_free(zone);
        return ERR_NO_MEMORY;
    }
    err = dns_catalog_add(catalog, zone);
    if (err != ERR_OK) {
        snprintf(problem, DNS_ZONE_PROBLEM, "%.200s: %s", from->file,
                 err == ERR_EXISTS ? "the zone is there twice" : "too many dynamic names in all zones");
        dns_zone_free(zone);
        return ERR_INVALID;
    }
    return ERR_OK;
}

static enum err dns_server_load(const struct dns_server *server, const struct dns_catalog_settings *settings,
                                char *problem, struct dns_catalog **ret_catalog)
{
    struct dns_catalog *catalog = dns_catalog_new();
    enum err err = catalog != NULL ? ERR_OK : ERR_NO_MEMORY;
    problem[0] = 0;
    for (uint32_t i = 0; i < server->options.zones_count && err == ERR_OK; i++) {
        err = dns_server_zone(&server->options, i, settings->transfer_count > 0, problem, catalog);
    }
    err = err == ERR_OK ? dns_catalog_index(catalog) : err;
    if (err == ERR_OK && server->options.policies != NULL) {
        char told[DNS_STEER_PROBLEM];
        const struct dns_steer_source source = {.config = server->options.policies,
                                                .measured = server->options.measured};
        err = dns_steer_load(&source, told, &catalog->steer);
        if (err != ERR_OK) {
            memcpy(problem, told, sizeof told);
        } else if (told[0] != 0) {
            LOG_W("%s", told); /* `problem` has room for one, and zones may warn at each load */
        }
    }
    if (err != ERR_OK) {
        dns_catalog_free(catalog);
        return err;
    }
    catalog->settings = *settings;
    if (settings->cookies.count == 0) {
        catalog->settings.cookies = server->own_cookies;
    }
    *ret_catalog = catalog;
    return ERR_OK;
}

static void dns_server_wake(const struct dns_server *server)
{
    const uint64_t one = 1;
    for (uint32_t i = 0; i < server->workers_count; i++) {
        (void)!write(server->workers[i]->wake, &one, sizeof one);
    }
}

/* Opens the worker's sockets and starts its thread, which gets no signals. */
static enum err dns_server_worker(struct dns_server *server, uint32_t index, struct dns_socket_given *given,
                                  char *problem)
{
    char name[LIMITS_NAME];
    const struct dns_server_options *options = &server->options;
    snprintf(name, sizeof name, "%.20s-%u", options->name, index);
    struct dns_worker *worker = aligned_alloc(64, (sizeof *worker + 63) / 64 * 64);
    if (worker == NULL) {
        return ERR_NO_MEMORY;
    }
    memset(worker, 0, sizeof *worker);
    const struct dns_worker_place place = {.name = name,
                                           .view_path = options->view_path,
                                           .listens = options->listens,
                                           .listens_count = options->listens_count,
                                           .figures = &server->figures->parts[index],
                                           .given = given,
                                           .last = index + 1 == server->shared.workers};
    enum err err = dns_worker_init(worker, &server->shared, &place);
    if (err != ERR_OK) {
        snprintf(problem, DNS_ZONE_PROBLEM, "cannot listen or read %.200s: %s", options->view_path, err_text(err));
        free(worker);
        return err;
    }
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int failure = pthread_create(&worker->thread, NULL, dns_worker_run, worker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failure != 0) {
        snprintf(problem, DNS_ZONE_PROBLEM, "cannot start a thread");
        dns_worker_fini(worker);
        free(worker);
        return err_from_errno(failure);
    }
    server->workers[server->workers_count++] = worker;
    return ERR_OK;
}

uint32_t dns_server_cores(uint32_t wanted)
{
    const long cores = wanted != 0 ? (long)wanted : sysconf(_SC_NPROCESSORS_ONLN);
    if (cores < 1) {
        return 1;
    }
    return cores < DNS_SERVER_WORKERS ? (uint32_t)cores : DNS_SERVER_WORKERS;
}

/* ---- secondaries ---- */

/* Tells of zones whose serial is another than in `old`; NULL: of all. */
static void dns_server_tell(const struct dns_server *server, const struct dns_catalog *old)
{
    const struct dns_catalog *catalog = server->catalog;
    for (uint32_t i = 0; i < catalog->zones_count && server->notify != NULL; i++) {
        const struct dns_zone *zone = catalog->zones[i];
        const struct dns_zone *before = old != NULL ? dns_catalog_zone(old, &zone->origin) : NULL;
        if (before == NULL || before->serial != zone->serial) {
            dns_notify_tell(server->notify, &zone->origin,
                            catalog->settings.keys_count > 0 ? &catalog->settings.keys[0] : NULL);
        }
    }
}

/* Says of which zones secondaries will not notice that they changed. */
static void dns_server_serials(const struct dns_server *server, const struct dns_catalog *old)
{
    const struct dns_catalog *catalog = server->catalog;
    for (uint32_t i = 0; i < catalog->zones_count && catalog->settings.transfer_count > 0; i++) {
        const struct dns_zone *zone = catalog->zones[i];
        const struct dns_zone *before = dns_catalog_zone(old, &zone->origin);
        const char *problem = before != NULL ? dns_serial_problem(before, zone) : NULL;
        char name[1100];
        struct buf buf;
        buf_init(&buf, name, sizeof name);
        dns_name_print(&zone->origin, &buf);
        if (problem != NULL) {
            LOG_W("zone=%s serial=%u: %s", buf_string(&buf), zone->serial, problem);
        }
    }
}

static enum err dns_server_secondaries(struct dns_server *server)
{
    struct dns_notify_options options = {.targets_count = server->options.secondaries_count};
    if (options.targets_count == 0) {
        return ERR_OK;
    }
    memcpy(options.targets, server->options.secondaries, sizeof options.targets);
    for (uint32_t i = server->options.listens_count; i > 0; i--) {
        const struct sockaddr_storage *listen = &server->options.listens[i - 1];
        options.sources[listen->ss_family == AF_INET ? 0 : 1] = *listen; /* the first one of each family stays */
    }
    const enum err err = dns_notify_start(&options, &server->notify);
    if (err == ERR_OK) {
        dns_server_tell(server, NULL);
    }
    return err;
}

/* Where the file cannot be, it is counted all the same. */
static enum err dns_server_count(struct dns_server *server, char *problem)
{
    const struct dns_server_options *options = &server->options;
    enum err err = dns_figures_make(options->figures_path, &server->figures);
    if (err != ERR_OK) {
        snprintf(problem, DNS_ZONE_PROBLEM, "%.300s: %s: counters are in the log only", options->figures_path,
                 err_text(err));
        err = dns_figures_make(NULL, &server->figures);
    }
    if (err == ERR_OK) {
        server->figures->workers = server->shared.workers;
        server->figures->regions_count = options->regions_count;
        for (uint32_t i = 0; i < options->regions_count; i++) {
            snprintf(server->figures->regions[i], LIMITS_NAME, "%s", options->regions[i]);
        }
        dns_figures_label(server->figures, server->catalog);
    }
    return err;
}

enum err dns_server_start(const struct dns_server_options *options, char *problem, struct dns_server **ret_server)
{
    ASSERT(options->listens_count > 0 && options->listens_count <= DNS_WORKER_LISTENS);
    ASSERT(options->zones_count > 0 && options->zones_count <= DNS_CATALOG_ZONES);
    struct dns_server *server = calloc(1, sizeof *server);
    if (server == NULL) {
        snprintf(problem, DNS_ZONE_PROBLEM, "out of memory");
        return ERR_NO_MEMORY;
    }
    server->options = *options;
    enum err err = ERR_IO;
    if (getrandom(server->own_cookies.secrets[0], SIPHASH_KEY, 0) == SIPHASH_KEY) {
        server->own_cookies.count = 1;
        err = dns_server_load(server, &options->settings, problem, &server->catalog);
    }
    if (err != ERR_OK) {
        free(server);
        return err;
    }
    atomic_store(&server->shared.catalog, server->catalog);
    if (options->view_file != NULL && publish_file_load(options->view_file, &server->file_view) == ERR_OK) {
        server->shared.file_view = &server->file_view;
    }
    const uint32_t workers = dns_server_cores(options->workers);
    server->shared.workers = workers;
    err = dns_server_count(server, problem);
    for (uint32_t i = 0; i < workers && err == ERR_OK; i++) {
        err = dns_server_worker(server, i, options->given, problem);
    }
    if (err == ERR_OK) {
        err = dns_server_secondaries(server);
        if (err != ERR_OK) {
            snprintf(problem, DNS_ZONE_PROBLEM, "cannot tell secondaries: %s", err_text(err));
        }
    }
    if (err != ERR_OK) {
        dns_server_stop(server);
        return err;
    }
    *ret_server = server;
    return ERR_OK;
}

/* Until every worker has begun a batch after the change. Each does within its tick. */
static void dns_server_settle(const struct dns_server *server, uint64_t generation)
{
    dns_server_wake(server);
    for (uint32_t i = 0; i < server->workers_count; i++) {
        while (atomic_load(&server->workers[i]->generation_seen) < generation) {
            const struct timespec pause = {.tv_nsec = 1000000};
            nanosleep(&pause, NULL);
        }
    }
}

enum err dns_server_reload(struct dns_server *server, const struct dns_catalog_settings *settings, char *problem)
{
    struct dns_catalog *fresh = NULL;
    const enum err err = dns_server_load(server, settings, problem, &fresh);
    if (err != ERR_OK) {
        return err;
    }
    struct dns_catalog *old = server->catalog;
    server->catalog = fresh;
    dns_figures_label(server->figures, fresh);
    atomic_store(&server->shared.catalog, fresh);
    const uint64_t generation = atomic_fetch_add(&server->shared.generation, 1) + 1;
    dns_server_settle(server, generation);
    dns_server_tell(server, old);
    dns_server_serials(server, old);
    dns_catalog_free(old);
    (void)malloc_trim(0); /* what was read is large, and the allocator would keep room for it */
    return ERR_OK;
}

enum err dns_server_read(const struct dns_server_options *options, char *problem, struct dns_catalog **ret_catalog)
{
    struct dns_server *server = calloc(1, sizeof *server);
    if (server == NULL) {
        snprintf(problem, DNS_ZONE_PROBLEM, "out of memory");
        return ERR_NO_MEMORY;
    }
    server->options = *options;
    const enum err err = dns_server_load(server, &options->settings, problem, ret_catalog);
    free(server);
    return err;
}

void dns_server_stop(struct dns_server *server)
{
    if (server == NULL) {
        return;
    }
    dns_notify_stop(server->notify);
    atomic_store(&server->shared.stop, true);
    dns_server_wake(server);
    for (uint32_t i = 0; i < server->workers_count; i++) {
        const int failure = pthread_join(server->workers[i]->thread, NULL);
        ASSERT(failure == 0);
        dns_worker_fini(server->workers[i]);
        free(server->workers[i]);
    }
    dns_catalog_free(server->catalog);
    dns_figures_close(server->figures);
    free(server);
}

const struct dns_figures_file *dns_server_figures(const struct dns_server *server)
{
    return server->figures;
}

uint32_t dns_server_workers(const struct dns_server *server)
{
    return server->workers_count;
}

const struct dns_catalog *dns_server_catalog(const struct dns_server *server)
{
    return server->catalog;
}
