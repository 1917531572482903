/* SPDX-License-Identifier: Apache-2.0
 * What a million networks cost a policy: `build/bench/bench_networks [COUNT]`.
 *
 * Writes a file of so many random networks (/16 to /32, and half as many of IPv6), loads it as a policy of a
 * configuration, in the order it has and sorted, and looks random clients up. CPU time, because others
 * work on the machine, too. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/prng.h"
#include "dns/dns_steer_load.h"

enum { CLIENTS = 1 << 16, LOOKUPS = 1 << 24 };

static char path[] = "/tmp/holdfast-networks-XXXXXX";

/* `sorted`: /24 and /48 one after the other. */
static void write_networks(uint32_t count, bool sorted)
{
    struct prng prng;
    prng_init(&prng, 1);
    FILE *file = fopen(path, "w");
    ASSERT(file != NULL);
    for (uint32_t i = 0; i < count; i++) {
        const uint64_t random = prng_next(&prng);
        const uint32_t bits = sorted ? 24 : 16 + (uint32_t)(random >> 32) % 17;
        const uint32_t address = (sorted ? (i * 3) << 8 : (uint32_t)random) & (UINT32_MAX << (32 - bits));
        if (i % 3 == 2) {
            fprintf(file, "2001:%x:%x::/48\n", sorted ? i >> 16 : (uint32_t)random & 0xffff,
                    sorted ? i & 0xffff : (uint32_t)(random >> 16) & 0xffff);
        } else {
            fprintf(file, "%u.%u.%u.%u/%u\n", address >> 24, address >> 16 & 255, address >> 8 & 255, address & 255,
                    bits);
        }
    }
    const int closed = fclose(file);
    ASSERT(closed == 0);
}

static struct config *configuration(void)
{
    static char text[4096];
    static char memory[CONFIG_MESSAGES];
    struct buf messages;
    struct config *config = NULL;
    snprintf(
        text, sizeof text,
        "name: x\nsecurity: { token: { env: T } }\nstore: { path: /x }\nregions: { a: { endpoints: { web: "
        "[\"192.0.2.1:1\"] } }, b: { endpoints: { web: [\"192.0.2.2:1\"] } } }\n"
        "sites: { a: { region: a, roles: [observer] }, b: { region: b, roles: [observer] }, c: { roles: [control], "
        "api: { listen: \"127.0.0.1:1\" } } }\n"
        "checks: { a: { kind: tcp, severity: critical, layer: 1, targets: { a: { address: \"127.0.0.1:1\" } } } }\n"
        "dns: { zone: example.test, zone_file: /x, names: { www: { endpoint: web, policy: p } }, policies: { p: { "
        "geolocation: { networks: { far: { file: %s, to: b } }, default: a } } } }\n",
        path);
    buf_init(&messages, memory, sizeof memory);
    const enum err err = config_parse("bench", span_text(text), &messages, &config);
    if (err != ERR_OK) {
        fprintf(stderr, "%s\n", buf_string(&messages));
        exit(1);
    }
    return config;
}

static double cpu_ms(void)
{
    struct timespec now = {0};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void look_up(const struct dns_steer *steer, uint16_t family, uint32_t clients_count)
{
    static struct view_address clients[CLIENTS];
    struct prng prng;
    uint64_t sum = 0;
    prng_init(&prng, 2);
    for (uint32_t i = 0; i < CLIENTS; i++) {
        const uint64_t random = prng_next(&prng);
        clients[i] = (struct view_address){.family = family};
        memcpy(clients[i].bytes, &random, 8);
        if (family == 6) {
            clients[i].bytes[0] = 0x20;
            clients[i].bytes[1] = 1;
        }
    }
    const double start = cpu_ms();
    for (uint32_t i = 0; i < LOOKUPS; i++) {
        sum += dns_steer_pick(steer, 0, &clients[i % clients_count], 3, i).regions;
    }
    printf("  IPv%u, %5u clients: %.1f ns for each of %d choices (%llu)\n", family, clients_count,
           (cpu_ms() - start) * 1e6 / LOOKUPS, LOOKUPS, (unsigned long long)sum);
}

int main(int argc, char **argv)
{
    const uint32_t count = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1000000;
    const int fd = mkstemp(path);
    ASSERT(fd >= 0);
    close(fd);
    struct config *config = configuration();
    for (int sorted = 0; sorted < 2; sorted++) {
        char problem[DNS_STEER_PROBLEM];
        struct dns_steer *steer = NULL;
        write_networks(count, sorted != 0);
        const double start = cpu_ms();
        if (dns_steer_load(&(struct dns_steer_source){.config = config}, problem, &steer) != ERR_OK) {
            fprintf(stderr, "%s\n", problem);
            unlink(path);
            return 1;
        }
        printf("%u networks, %s: loaded in %.0f ms of CPU\n", count, sorted != 0 ? "sorted" : "random",
               cpu_ms() - start);
        for (uint32_t clients = 1 << 10; clients <= CLIENTS; clients <<= 6) {
            look_up(steer, 4, clients);
            look_up(steer, 6, clients);
        }
        dns_steer_free(steer);
    }
    config_free(config);
    unlink(path);
    return 0;
}
