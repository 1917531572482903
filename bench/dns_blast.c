/* SPDX-License-Identifier: Apache-2.0
 * The tools of bench/dns/run: a generator of queries, the floor that servers are measured against, and a view.
 *
 * usage:
 *
 *     dns_blast floor ADDRESS PORT
 *
 * What the kernel alone costs (dns_floor.h).
 *
 *     dns_blast view PATH
 *
 * Publishes a view with two regions and the endpoint `web` in both.
 *
 *     dns_blast blast ADDRESS PORT CASE MILLISECONDS PID...
 *
 * Asks with 128 queries outstanding and prints: answers, seconds, CPU microseconds and, of these, in user mode, of the
 * processes.
 *
 *     dns_blast malformed ADDRESS PORT MILLISECONDS FOLDER...
 *
 * Sends the folders' files, and cut, longer and flipped ones made of them, at full rate; between them well-formed
 * queries, one at a time: prints how many of both were sent, and how many of the latter were answered.
 *
 * Cases: static, edns, nxdomain, weighted, source, subnet, cookie, dnssec (names of bench/dns/run's zones). */
#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/buf.h"
#include "base/prng.h"
#include "dns_floor.h"
#include "dns_queries.h"
#include "edge/clock.h"
#include "edge/publish.h"
#include "wire/dns_name.h"
#include "wire/dns_type.h"

enum { OUTSTANDING = 128, QUERIES = 4096, PACKET = 1500, FILES = 8192, PIDS = 64, SPREAD = 256 };

static struct dns_queries_query queries[QUERIES];

static struct sockaddr_in address_of(const char *host, const char *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)strtoul(port, NULL, 10))};
    const int good = inet_pton(AF_INET, host, &address.sin_addr);
    ASSERT(good == 1);
    return address;
}

static int floor_run(const char *host, const char *port)
{
    const struct sockaddr_in address = address_of(host, port);
    dns_floor_run(&address);
    perror("dns_blast: bind");
    return 1;
}

/* ---- the view ---- */

static int view_run(const char *path)
{
    struct publish_writer writer;
    if (publish_writer_open(&writer, path) != ERR_OK) {
        fprintf(stderr, "dns_blast: cannot publish to %s\n", path);
        return 1;
    }
    struct view *view = publish_writer_draft(&writer);
    view->version = 1;
    view->regions_count = 2;
    memcpy(view->regions[0].name, "east", 5);
    memcpy(view->regions[1].name, "west", 5);
    for (uint32_t i = 0; i < 2; i++) {
        view->regions[i].healthy = 1;
        view->endpoints[view->endpoints_count++] = (struct view_endpoint){
            .name = "web", .address = {{192, 0, 2, (uint8_t)(1 + i)}, 0, 4}, .region = i, .healthy = 1};
        view->split[i][i] = VIEW_SHARES_WHOLE;
    }
    view->split[VIEW_HOME_DEFAULT][0] = 6000;
    view->split[VIEW_HOME_DEFAULT][1] = 4000;
    view_seal(view);
    const enum err err = publish_writer_commit(&writer);
    publish_writer_close(&writer);
    return err == ERR_OK ? 0 : 1;
}

/* ---- the generator ---- */

struct blast {
    int fd;
    struct sockaddr_in server;
    bool spread; /* from 256 addresses, one /24 each */
    uint32_t next;
};

static void blast_send(struct blast *blast, uint32_t count)
{
    static _Alignas(16) uint8_t control[OUTSTANDING][CMSG_SPACE(sizeof(struct in_pktinfo))];
    struct mmsghdr heads[OUTSTANDING] = {0};
    struct iovec parts[OUTSTANDING];
    for (uint32_t i = 0; i < count; i++) {
        struct dns_queries_query *query = &queries[blast->next++ % QUERIES];
        parts[i] = (struct iovec){query->bytes, query->size};
        heads[i].msg_hdr = (struct msghdr){&blast->server, sizeof blast->server, &parts[i], 1, NULL, 0, 0};
        if (blast->spread) {
            struct in_pktinfo info = {.ipi_spec_dst.s_addr = htonl(0x7f0a0001 | (blast->next % SPREAD) << 8)};
            heads[i].msg_hdr.msg_control = control[i];
            heads[i].msg_hdr.msg_controllen = sizeof control[i];
            struct cmsghdr *head = CMSG_FIRSTHDR(&heads[i].msg_hdr);
            head->cmsg_level = IPPROTO_IP;
            head->cmsg_type = IP_PKTINFO;
            head->cmsg_len = CMSG_LEN(sizeof info);
            memcpy(CMSG_DATA(head), &info, sizeof info);
        }
    }
    for (uint32_t at = 0; at < count;) {
        const int sent = sendmmsg(blast->fd, heads + at, count - at, 0);
        at += sent > 0 ? (uint32_t)sent : 1;
    }
}

/* Answers that came, after at least one; 0 after a time-out (packets were lost). */
static uint32_t blast_receive(struct blast *blast)
{
    static uint8_t memory[OUTSTANDING][PACKET];
    struct mmsghdr heads[OUTSTANDING] = {0};
    struct iovec parts[OUTSTANDING];
    for (uint32_t i = 0; i < OUTSTANDING; i++) {
        parts[i] = (struct iovec){memory[i], PACKET};
        heads[i].msg_hdr.msg_iov = &parts[i];
        heads[i].msg_hdr.msg_iovlen = 1;
    }
    const int got = recvmmsg(blast->fd, heads, OUTSTANDING, MSG_WAITFORONE, NULL);
    return got > 0 ? (uint32_t)got : 0;
}

static uint64_t cpu_us(const char *const *pids, int count)
{
    uint64_t sum = 0;
    for (int i = 0; i < count; i++) {
        clockid_t clock;
        struct timespec time = {0};
        if (clock_getcpuclockid((pid_t)strtol(pids[i], NULL, 10), &clock) == 0 && clock_gettime(clock, &time) == 0) {
            sum += (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_nsec / 1000;
        }
    }
    return sum;
}

/* Of the process's time, by the kernel's ticks. */
static uint64_t user_us(const char *const *pids, int count)
{
    uint64_t sum = 0;
    for (int i = 0; i < count; i++) {
        char text[1024];
        snprintf(text, sizeof text, "/proc/%ld/stat", strtol(pids[i], NULL, 10));
        FILE *file = fopen(text, "re");
        const size_t size = file != NULL ? fread(text, 1, sizeof text - 1, file) : 0;
        text[size] = 0;
        if (file != NULL) {
            fclose(file);
        }
        unsigned long ticks = 0;
        const char *end = strrchr(text, ')');
        if (end != NULL && sscanf(end + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu", &ticks) == 1) {
            sum += ticks * 1000000UL / (unsigned long)sysconf(_SC_CLK_TCK);
        }
    }
    return sum;
}

static struct blast blast_open(const char *host, const char *port, bool spread)
{
    struct blast blast = {.server = address_of(host, port), .spread = spread};
    const struct timeval patience = {.tv_usec = 100000};
    const struct sockaddr_in any = {.sin_family = AF_INET};
    blast.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    setsockopt(blast.fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    const int bound = bind(blast.fd, (const struct sockaddr *)&any, sizeof any);
    ASSERT(bound == 0);
    for (int tries = 0; tries < 200; tries++) {
        blast_send(&blast, 1);
        if (blast_receive(&blast) > 0) {
            return blast;
        }
    }
    fprintf(stderr, "dns_blast: nobody answers\n");
    exit(1);
}

static int blast_run(char **argv, int pids_count)
{
    const char *const *pids = (const char *const *)argv + 6;
    dns_queries_fill(queries, QUERIES, argv[4]);
    struct blast blast = blast_open(argv[2], argv[3], strcmp(argv[4], "source") == 0);
    const int64_t duration_ms = strtol(argv[5], NULL, 10);
    uint64_t answers = 0;
    blast_send(&blast, OUTSTANDING);
    const uint64_t user_before_us = user_us(pids, pids_count);
    const uint64_t before_us = cpu_us(pids, pids_count);
    const struct mono begin = clock_mono();
    while (time_since_ms(clock_mono(), begin) < duration_ms) {
        const uint32_t got = blast_receive(&blast);
        answers += got;
        blast_send(&blast, got > 0 ? got : OUTSTANDING);
    }
    const uint64_t spent_us = cpu_us(pids, pids_count) - before_us;
    const uint64_t user_spent_us = user_us(pids, pids_count) - user_before_us;
    printf("%llu %.6f %llu %llu\n", (unsigned long long)answers, (double)time_since_us(clock_mono(), begin) / 1e6,
           (unsigned long long)spent_us, (unsigned long long)user_spent_us);
    return 0;
}

/* ---- malformed packets ---- */

static struct {
    uint8_t *bytes;
    size_t size;
} files[FILES];
static uint32_t files_count;

static void read_folder(const char *path)
{
    DIR *folder = opendir(path);
    for (struct dirent *entry = folder != NULL ? readdir(folder) : NULL; entry != NULL; entry = readdir(folder)) {
        char name[4096];
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        FILE *file = entry->d_name[0] != '.' && files_count < FILES ? fopen(name, "re") : NULL;
        uint8_t *bytes = file != NULL ? malloc(PACKET) : NULL;
        if (bytes != NULL) {
            files[files_count].bytes = bytes;
            files[files_count++].size = fread(bytes, 1, PACKET, file);
        }
        if (file != NULL) {
            fclose(file);
        }
    }
    if (folder != NULL) {
        closedir(folder);
    }
}

/* A file as it is, cut, with other bytes in it, or with more behind it; sometimes noise. */
static size_t malform(struct prng *prng, uint8_t *packet)
{
    const uint32_t which = (uint32_t)prng_below(prng, files_count + 1);
    size_t size = which < files_count ? files[which].size : prng_below(prng, PACKET);
    if (which < files_count) {
        memcpy(packet, files[which].bytes, size);
    }
    for (size_t i = which < files_count ? size : 0; i < PACKET && prng_below(prng, 4) == 0; i++) {
        packet[i] = (uint8_t)prng_below(prng, 256);
        size = size > i ? size : i + 1;
    }
    for (uint64_t flips = prng_below(prng, 4); flips > 0 && size > 0; flips--) {
        packet[prng_below(prng, size)] = (uint8_t)prng_below(prng, 256);
    }
    return prng_below(prng, 4) == 0 ? prng_below(prng, size + 1) : size;
}

static bool ask_well(struct blast *blast)
{
    struct pollfd poll_fd = {.fd = blast->fd, .events = POLLIN};
    uint8_t answer[PACKET];
    const struct dns_queries_query *query = &queries[blast->next % QUERIES];
    blast_send(blast, 1);
    while (poll(&poll_fd, 1, 5000) == 1) {
        const ssize_t size = recv(blast->fd, answer, sizeof answer, 0);
        if (size > 12 && memcmp(answer, query->bytes, 2) == 0 && (answer[3] & 15) == 0) {
            return true;
        }
    }
    return false;
}

static int malformed_run(char **argv, int folders)
{
    static uint8_t packets[64][PACKET];
    struct prng prng;
    prng_init(&prng, 7);
    for (int i = 0; i < folders; i++) {
        read_folder(argv[5 + i]);
    }
    dns_queries_fill(queries, QUERIES, "static");
    struct blast well = blast_open(argv[2], argv[3], false);
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const int connected = connect(fd, (const struct sockaddr *)&well.server, sizeof well.server);
    ASSERT(connected == 0 && files_count > 0);
    uint64_t sent = 0;
    uint64_t asked = 0;
    uint64_t answered = 0;
    const struct mono begin = clock_mono();
    while (time_since_ms(clock_mono(), begin) < strtol(argv[4], NULL, 10)) {
        struct mmsghdr heads[64] = {0};
        struct iovec parts[64];
        for (int i = 0; i < 64; i++) {
            parts[i] = (struct iovec){packets[i], malform(&prng, packets[i])};
            heads[i].msg_hdr.msg_iov = &parts[i];
            heads[i].msg_hdr.msg_iovlen = 1;
        }
        const int done = sendmmsg(fd, heads, 64, 0);
        sent += done > 0 ? (uint64_t)done : 0;
        asked++;
        answered += ask_well(&well);
    }
    printf("%llu malformed packets of %u files, %llu well-formed queries, %llu answered\n", (unsigned long long)sent,
           files_count, (unsigned long long)asked, (unsigned long long)answered);
    return asked == answered ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "floor") == 0) {
        return floor_run(argv[2], argv[3]);
    }
    if (argc == 3 && strcmp(argv[1], "view") == 0) {
        return view_run(argv[2]);
    }
    if (argc >= 7 && argc - 6 <= PIDS && strcmp(argv[1], "blast") == 0) {
        return blast_run(argv, argc - 6);
    }
    if (argc >= 6 && strcmp(argv[1], "malformed") == 0) {
        return malformed_run(argv, argc - 5);
    }
    fputs("usage: dns_blast floor|view|blast|malformed ... (see the head of bench/dns_blast.c)\n", stderr);
    return 2;
}
