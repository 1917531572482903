/* SPDX-License-Identifier: Apache-2.0
 * What our own code takes of a DNS answer: queries from memory, no socket, no kernel.
 *
 * The cases of bench/dns/run, in batches as from a socket. Printed are nanoseconds per query of the quickest batch and
 * of the median one: even on a busy machine the former tells whether a change is one. Instructions by function:
 * `valgrind --tool=callgrind build/bench/dns_memory CASE 100`.
 *
 * usage: dns_memory [CASE [BATCHES]]                          (all cases, 20,000 batches of 32 queries each) */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/prng.h"
#include "dns/dns_server.h"
#include "dns_queries.h"

enum { QUERIES = 4096, BATCHES = 20000, NETWORKS = 3000, SOURCES = 256 };

static const char *const cases[] = {"static", "edns", "nxdomain", "weighted", "homes", "source", "subnet", "cookie"};
enum { CASES = sizeof cases / sizeof *cases };

static char directory[] = "/tmp/holdfast-bench-XXXXXX";
static struct dns_queries_query queries[QUERIES];

static const char *path_of(const char *name)
{
    static char path[64];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}

/* ---- what is answered from ---- */

/* Random networks, and those of the case `source`. */
static void write_networks(void)
{
    struct prng prng;
    FILE *files[2] = {NULL, NULL};
    prng_init(&prng, 7);
    files[0] = fopen(path_of("east"), "w");
    files[1] = fopen(path_of("west"), "w");
    ASSERT(files[0] != NULL && files[1] != NULL);
    for (uint32_t i = 0; i < NETWORKS; i++) {
        const uint32_t network = (uint32_t)prng_below(&prng, 1 << 16);
        fprintf(files[network * 40503U >> 8 & 1], "10.%u.%u.0/24\n", network >> 8, network & 255);
    }
    for (uint32_t i = 0; i < SOURCES; i++) {
        fprintf(files[i % 2], "127.10.%u.0/24\n", i);
    }
    const int closed = fclose(files[0]) | fclose(files[1]);
    ASSERT(closed == 0);
}

static void write_zone(void)
{
    FILE *file = fopen(path_of("zone"), "w");
    ASSERT(file != NULL);
    fputs("$TTL 300\n@ SOA ns1 h 1 3600 900 604800 60\n@ NS ns1\nns1 A 10.0.0.1\nmail A 10.0.0.2\n", file);
    fclose(file);
}

static struct config *configuration(void)
{
    static char text[4096];
    static char memory[CONFIG_MESSAGES];
    struct buf messages;
    struct config *config = NULL;
    snprintf(
        text, sizeof text,
        "name: x\nsecurity: { token: { env: T } }\nstore: { path: /x }\nregions: { east: { endpoints: { web: "
        "[\"192.0.2.1:1\"] } }, west: { endpoints: { web: [\"192.0.2.2:1\"] } } }\n"
        "sites: { a: { region: east, roles: [observer] }, b: { region: west, roles: [observer] }, c: { roles: "
        "[control], api: { listen: \"127.0.0.1:1\" } } }\n"
        "checks: { a: { kind: tcp, severity: critical, layer: 1, targets: { east: { address: \"127.0.0.1:1\" } } } "
        "}\n"
        "dns: { zone: example.test, zone_file: /x, names: { geo: { endpoint: web, policy: p } }, policies: { p: { "
        "geolocation: { networks: { e: { file: %s/east, to: east }, w: { file: %s/west, to: west } }, default: "
        "east } } } }\n",
        directory, directory);
    buf_init(&messages, memory, sizeof memory);
    if (config_parse("bench", span_text(text), &messages, &config) != ERR_OK) {
        fprintf(stderr, "%s\n", buf_string(&messages));
        exit(1);
    }
    return config;
}

static struct dns_catalog *load(const struct config *config)
{
    static struct dns_server_options options = {.zones_count = 1, .names_count = 2};
    static const char *const names[] = {"weighted", "geo"};
    char problem[DNS_ZONE_PROBLEM];
    struct dns_catalog *catalog = NULL;
    options.zones[0].file = path_of("zone");
    options.policies = config;
    enum err err = dns_name_parse(span_text("example.test."), NULL, &options.zones[0].origin);
    for (uint32_t i = 0; i < 2 && err == ERR_OK; i++) {
        err = dns_name_parse(span_text(names[i]), &options.zones[0].origin, &options.names[i].name);
        snprintf(options.names[i].endpoint, sizeof options.names[i].endpoint, "web");
        options.names[i].ttl_s = 60;
        options.names[i].steer = i; /* counted from 1: `geo` has the policy */
    }
    ASSERT(err == ERR_OK);
    if (dns_server_read(&options, problem, &catalog) != ERR_OK) {
        fprintf(stderr, "%s\n", problem);
        exit(1);
    }
    catalog->settings.cookies.count = 1;
    return catalog;
}

/* The one of dns_blast. */
static const struct view *view_make(void)
{
    static struct view view;
    view = (struct view){.version = 1, .regions_count = 2};
    for (uint32_t i = 0; i < 2; i++) {
        snprintf(view.regions[i].name, sizeof view.regions[i].name, "%s", i == 0 ? "east" : "west");
        view.regions[i].healthy = 1;
        view.endpoints[view.endpoints_count++] = (struct view_endpoint){
            .name = "web", .address = {{192, 0, 2, (uint8_t)(1 + i)}, 0, 4}, .region = i, .healthy = 1};
        view.split[i][i] = VIEW_SHARES_WHOLE;
    }
    view.split[VIEW_HOME_DEFAULT][0] = 6000;
    view.split[VIEW_HOME_DEFAULT][1] = 4000;
    view_seal(&view);
    return &view;
}

/* The same with as many networks that are somebody's home as a view may have, or none. */
static void worker_homes(struct dns_worker *worker, bool any)
{
    static struct view view;
    view = *view_make();
    for (uint32_t i = 0; i < LIMITS_NETWORKS && any; i++) {
        view.networks[view.networks_count++] =
            (struct view_network){.address = {{127, 10, (uint8_t)(4 * i)}, 0, 4}, .prefix_bits = 23, .home = i % 2};
    }
    dns_policy_prepare(&worker->policy, &view, worker->catalog->dynamic, worker->catalog->dynamic_count);
    dns_policy_steer(&worker->policy, worker->catalog->steer);
}

static struct dns_worker *worker_make(const struct dns_catalog *catalog, struct dns_figures_file *figures)
{
    static struct dns_worker_shared shared = {.workers = 1};
    static struct dns_worker memory;
    struct dns_worker *worker = &memory;
    worker->shared = &shared;
    worker->catalog = catalog;
    worker->figures = &figures->parts[0];
    worker->sign = dns_sign_new();
    ASSERT(worker->sign != NULL);
    worker->now_s = (uint32_t)time(NULL);
    return worker;
}

/* ---- measuring ---- */

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Nanoseconds of the batch that begins with query `next`. */
static int64_t batch_run(struct dns_worker *worker, uint32_t next)
{
    struct dns_worker_batch *batch = &worker->batch;
    for (uint32_t i = 0; i < DNS_WORKER_BATCH; i++) {
        const struct dns_queries_query *query = &queries[(next + i) % QUERIES];
        struct sockaddr_in *peer = (struct sockaddr_in *)(void *)&batch->peers[i];
        *peer = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = 1};
        peer->sin_addr.s_addr = htonl(0x7f0a0001 | (next + i) % SOURCES << 8);
        memcpy(batch->messages[i], query->bytes, query->size);
    }
    const int64_t begin_ns = now_ns();
    for (uint32_t i = 0; i < DNS_WORKER_BATCH; i++) {
        worker->sample = (next + i) % DNS_WORKER_SAMPLE == 0 ? DNS_WORKER_SAMPLE : 0;
        const size_t size = dns_worker_answer(worker, batch->messages[i], queries[(next + i) % QUERIES].size,
                                              DNS_WORKER_MESSAGE, &batch->peers[i], NULL);
        ASSERT(size > 0);
    }
    return now_ns() - begin_ns;
}

static int compare(const void *a, const void *b)
{
    const int64_t left = *(const int64_t *)a;
    const int64_t right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static void measure(struct dns_worker *worker, const char *name, uint32_t batches)
{
    int64_t *took_ns = calloc(batches, sizeof *took_ns);
    ASSERT(took_ns != NULL);
    dns_queries_fill(queries, QUERIES, strcmp(name, "homes") == 0 ? "weighted" : name);
    worker_homes(worker, strcmp(name, "homes") == 0);
    for (uint32_t i = 0; i < batches; i++) {
        took_ns[i] = batch_run(worker, i * DNS_WORKER_BATCH % QUERIES);
    }
    qsort(took_ns, batches, sizeof *took_ns, compare);
    printf("%-10s %8.1f %8.1f\n", name, (double)took_ns[0] / DNS_WORKER_BATCH,
           (double)took_ns[batches / 2] / DNS_WORKER_BATCH);
    free(took_ns);
}

int main(int argc, char **argv)
{
    const uint32_t batches = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : BATCHES;
    if (batches == 0 || mkdtemp(directory) == NULL) {
        fprintf(stderr, "usage: %s [CASE [BATCHES]]\n", argv[0]);
        return 2;
    }
    write_zone();
    write_networks();
    struct config *config = configuration();
    struct dns_catalog *catalog = load(config);
    struct dns_figures_file *figures = NULL;
    const enum err err = dns_figures_make(NULL, &figures);
    ASSERT(err == ERR_OK);
    struct dns_worker *worker = worker_make(catalog, figures);
    printf("%-10s %8s %8s   ns for an answer\n", "case", "quickest", "median");
    for (uint32_t i = 0; i < CASES; i++) {
        if (argc < 2 || strcmp(argv[1], cases[i]) == 0) {
            measure(worker, cases[i], batches);
        }
    }
    dns_sign_free(worker->sign);
    dns_figures_close(figures);
    dns_catalog_free(catalog);
    config_free(config);
    unlink(path_of("zone"));
    unlink(path_of("east"));
    unlink(path_of("west"));
    rmdir(directory);
    return 0;
}
