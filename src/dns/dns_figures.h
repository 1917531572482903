/* SPDX-License-Identifier: Apache-2.0
 * What a DNS server counts, in a file of its state directory that others map: each worker writes its own part, nobody
 * is asked, nothing waits. `holdfast dns stats`, `holdfast dns top` and /metrics read it (dns/dns_report.h). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "core/limits.h"
#include "dns/dns_catalog.h"
#include "dns/dns_sketch.h"

#define DNS_FIGURES_NAME  "dns.figures"
#define DNS_FIGURES_MAGIC 0x3147464e44464c48U /* "HLFDNFG1" in little-endian memory */

/* X(member): counted since the start. */
#define DNS_FIGURES_COUNTERS(X)                                                                                        \
    X(udp_queries)                                                                                                     \
    X(tcp_queries)                                                                                                     \
    X(tcp_connections)                                                                                                 \
    X(tcp_refused)                                                                                                     \
    X(transfers)                                                                                                       \
    X(dropped)                                                                                                         \
    X(send_failed)                                                                                                     \
    X(rate_slipped)                                                                                                    \
    X(rate_dropped)                                                                                                    \
    X(signatures)                                                                                                      \
    X(starved)                                                                                                         \
    X(truncated)                                                                                                       \
    X(dynamic)                                                                                                         \
    X(noerror)                                                                                                         \
    X(formerr)                                                                                                         \
    X(servfail)                                                                                                        \
    X(nxdomain)                                                                                                        \
    X(notimp)                                                                                                          \
    X(refused)                                                                                                         \
    X(yxdomain)                                                                                                        \
    X(notauth)                                                                                                         \
    X(badcookie)                                                                                                       \
    X(badvers)

struct dns_figures_counters {
#define DNS_FIGURES_MEMBER(member) uint64_t member;
    DNS_FIGURES_COUNTERS(DNS_FIGURES_MEMBER)
#undef DNS_FIGURES_MEMBER
};

/* X(type): counted one by one; all others together. */
#define DNS_FIGURES_TYPES(X)                                                                                           \
    X(A) X(AAAA) X(CNAME) X(DNSKEY) X(DS) X(HTTPS) X(MX) X(NS) X(PTR) X(SOA) X(SRV) X(TXT) X(ANY)

enum dns_figures_type {
#define DNS_FIGURES_ENUM(type) DNS_FIGURES_##type,
    DNS_FIGURES_TYPES(DNS_FIGURES_ENUM)
#undef DNS_FIGURES_ENUM
        DNS_FIGURES_OTHER,
    DNS_FIGURES_TYPES_COUNT
};

enum {
    DNS_FIGURES_WORKERS = 16,
    DNS_FIGURES_TOOK = 24, /* bucket n: below 2^n microseconds; the last one: all */
    DNS_FIGURES_COLUMNS = LIMITS_REGIONS + 1,
    DNS_FIGURES_NOWHERE = LIMITS_REGIONS, /* the column of answers that no region could be chosen for */
    DNS_FIGURES_TEXT = 256,
};

/* One worker's. */
struct dns_figures {
    _Alignas(128) struct dns_figures_counters counters;
    uint64_t types[DNS_FIGURES_TYPES_COUNT];
    uint64_t took[DNS_FIGURES_TOOK]; /* queries by the time from their receipt to the answer's sending */
    uint64_t took_ns;                /* in sum */
    uint64_t zones[DNS_CATALOG_ZONES];
    uint64_t names[DNS_ZONE_NAMES][DNS_FIGURES_COLUMNS]; /* dynamic names by the region that was answered */
    struct dns_sketch clients;
    struct dns_sketch questions;
};

struct dns_figures_file {
    uint64_t magic;
    uint64_t size; /* of this */
    int64_t started_wall_us;
    int32_t pid;
    uint32_t workers;
    uint32_t regions_count;
    uint32_t zones_count;
    uint32_t names_count;
    uint32_t reserved;
    char regions[LIMITS_REGIONS][LIMITS_NAME];
    char zones[DNS_CATALOG_ZONES][DNS_FIGURES_TEXT];
    char names[DNS_ZONE_NAMES][DNS_FIGURES_TEXT];
    struct dns_figures parts[DNS_FIGURES_WORKERS];
};

/* A new file in the place of `path`; NULL: memory that nobody else sees. Errors of open(2) and mmap(2). */
enum err dns_figures_make(const char *path, struct dns_figures_file **ret_file) ERR_CHECK;

/* Maps what a server counts at present. ERR_NOT_FOUND: none has, or it is of another release. */
enum err dns_figures_open(const char *path, const struct dns_figures_file **ret_file) ERR_CHECK;

/* Either of both; NULL is fine. */
void dns_figures_close(const struct dns_figures_file *file);

/* The names of zones and dynamic names, as they are numbered in `catalog`. By the server's one thread. */
void dns_figures_label(struct dns_figures_file *file, const struct dns_catalog *catalog);

/* One writer, so no locked instruction is needed. */
static inline void dns_figures_add(uint64_t *counter, uint64_t more)
{
    __atomic_store_n(counter, *counter + more, __ATOMIC_RELAXED);
}

/* So many queries took so long each. */
void dns_figures_took(struct dns_figures *figures, uint64_t queries, int64_t ns);

/* The row of a type's counter. */
enum dns_figures_type dns_figures_type(uint16_t type);
const char *dns_figures_type_name(enum dns_figures_type type);

/* The sum over all workers, but for the sketches. */
void dns_figures_sum(const struct dns_figures_file *file, struct dns_figures *ret_sum);
