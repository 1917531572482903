/* SPDX-License-Identifier: Apache-2.0
 * What a DNS answer costs: CPU microseconds per query of the server, beside the floor of the same run.
 *
 * The floor is a socket loop (recvmmsg, sendmmsg, batches of 32) that sends each packet back with one bit set: what the
 * kernel alone costs. Server with one worker on core 0, generator on core 1, loopback, 128 queries outstanding. The
 * cases take turns for several rounds, so that the machine's other work hits all of them; medians and ratios count,
 * absolute figures only within one table.
 *
 * usage: bench_dns [ROUNDS [MILLISECONDS]]                    (7 rounds of 500 ms) */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/prng.h"
#include "dns/dns_keydir.h"
#include "dns/dns_server.h"
#include "dns_floor.h"
#include "edge/clock.h"
#include "edge/publish.h"
#include "wire/dns_type.h"

enum { PORT = 24900, OUTSTANDING = 128, QUERIES = 4096, ROUNDS_MOST = 99, PACKET = 512 };

struct query {
    uint8_t bytes[128];
    size_t size;
};

/* What is asked, and of whom. */
struct kind {
    const char *name;
    const char *question; /* "%u" is a random number */
    bool floor;
    bool subnet;
    bool secure; /* the zone is signed, and the client wants to see it */
};

static const struct kind kinds[] = {
    {"floor (no DNS)", "www.example.test.", true, false, false},
    {"static A", "mail.example.test.", false, false, false},
    {"NXDOMAIN", "x%u.example.test.", false, false, false},
    {"steering 60/40", "www.example.test.", false, false, false},
    {"steering by subnet", "www.example.test.", false, true, false},
    {"signed static A", "mail.example.test.", false, false, true},
    {"signed denial", "gone.example.test.", false, false, true},
    {"signed steering", "www.example.test.", false, false, true},
};

enum { KINDS = sizeof kinds / sizeof *kinds };

static char directory[64];
static struct query queries[QUERIES];

static void pin(size_t core)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(core % (size_t)sysconf(_SC_NPROCESSORS_ONLN), &set);
    sched_setaffinity(0, sizeof set, &set);
}

static struct sockaddr_in address_of(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    address.sin_addr.s_addr = htonl(0x7f090009); /* 127.9.0.9 */
    return address;
}

static char *path_of(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}

/* ---- the servers ---- */

/* One key for the zone, in the directory of the run. */
static void make_key(void)
{
    char problem[DNS_KEYDIR_PROBLEM];
    struct dns_key key;
    struct dns_keyfile file = {.count = 1, .rows = {{.role = DNS_KEYFILE_CSK, .state = DNS_KEYFILE_ACTIVE}}};
    snprintf(file.rows[0].file, sizeof file.rows[0].file, "key");
    enum err err = dns_key_generate(DNS_KEY_ECDSAP256SHA256, dns_keydir_flags(DNS_KEYFILE_CSK), &key);
    ASSERT(err == ERR_OK);
    file.rows[0].algorithm = DNS_KEY_ECDSAP256SHA256;
    file.rows[0].tag = key.tag;
    err = dns_keydir_write_key(directory, "key", &key, problem);
    err = err == ERR_OK ? dns_keydir_write_state(directory, &file, problem) : err;
    ASSERT(err == ERR_OK);
    dns_key_fini(&key);
}

static void holdfast_serve(bool secure)
{
    static struct dns_server_options options = {
        .name = "bench", .workers = 1, .listens_count = 1, .names_count = 1, .zones_count = 1};
    char problem[DNS_ZONE_PROBLEM];
    struct dns_server *server = NULL;
    const struct sockaddr_in address = address_of();
    memcpy(&options.listens[0], &address, sizeof address);
    options.zones[0].file = strdup(path_of("zone"));
    options.zones[0].keys = (struct dns_keyring_want){secure ? directory : NULL, 3600, DNS_KEYRING_PUBLISH};
    options.view_path = strdup(path_of(PUBLISH_NAME));
    enum err err = dns_name_parse(span_text("example.test."), NULL, &options.zones[0].origin);
    ASSERT(err == ERR_OK);
    err = dns_name_parse(span_text("www"), &options.zones[0].origin, &options.names[0].name);
    ASSERT(err == ERR_OK);
    snprintf(options.names[0].endpoint, sizeof options.names[0].endpoint, "web");
    options.names[0].ttl_s = 5;
    err = dns_server_start(&options, problem, &server);
    if (err != ERR_OK) {
        fprintf(stderr, "%s\n", problem);
        _exit(1);
    }
    for (;;) {
        pause();
    }
}

static pid_t start(const struct kind *kind)
{
    const pid_t child = fork();
    ASSERT(child >= 0);
    if (child == 0) {
        pin(0);
        if (kind->floor) {
            const struct sockaddr_in address = address_of();
            dns_floor_run(&address);
        } else {
            holdfast_serve(kind->secure);
        }
        _exit(1); /* both serve until they are killed */
    }
    return child;
}

static void publish_view(void)
{
    struct publish_writer writer;
    enum err err = publish_writer_open(&writer, path_of(PUBLISH_NAME));
    ASSERT(err == ERR_OK);
    struct view *view = publish_writer_draft(&writer);
    view->version = 1;
    view->regions_count = 2;
    view->networks_count = 8;
    for (uint32_t i = 0; i < 8; i++) {
        view->networks[i] =
            (struct view_network){.address = {{10, (uint8_t)(i * 16)}, 0, 4}, .prefix_bits = 12, .home = i % 2};
    }
    for (uint32_t i = 0; i < 4; i++) {
        struct view_endpoint *endpoint = &view->endpoints[view->endpoints_count++];
        *endpoint = (struct view_endpoint){
            .name = "web", .address = {{192, 0, 2, (uint8_t)i}, 0, 4}, .region = i % 2, .healthy = 1};
    }
    for (uint32_t home = 0; home < VIEW_HOMES; home++) {
        view->split[home][0] = 6000;
        view->split[home][1] = 4000;
    }
    view_seal(view);
    err = publish_writer_commit(&writer);
    ASSERT(err == ERR_OK);
    publish_writer_close(&writer);
}

/* ---- the generator ---- */

static void fill_queries(const struct kind *kind)
{
    struct prng prng;
    prng_init(&prng, 1);
    for (uint32_t i = 0; i < QUERIES; i++) {
        char text[64];
        struct dns_name name;
        struct buf buf;
        const char *mark = strstr(kind->question, "%u");
        snprintf(text, sizeof text, "%.*s", (int)(mark != NULL ? mark - kind->question : 63), kind->question);
        if (mark != NULL) {
            snprintf(text + strlen(text), sizeof text - strlen(text), "%u%s", (unsigned)prng_below(&prng, 100000),
                     mark + 2);
        }
        const enum err err = dns_name_parse(span_text(text), NULL, &name);
        ASSERT(err == ERR_OK);
        buf_init(&buf, queries[i].bytes, sizeof queries[i].bytes);
        const uint8_t header[12] = {(uint8_t)(i >> 8),           (uint8_t)i, 1, 0, 0, 1, 0, 0, 0, 0, 0,
                                    kind->subnet || kind->secure};
        buf_bytes(&buf, header, sizeof header);
        buf_bytes(&buf, name.bytes, name.size);
        buf_u16be(&buf, DNS_TYPE_A);
        buf_u16be(&buf, DNS_CLASS_IN);
        if (kind->subnet) {
            const uint8_t opt[] = {0,
                                   0,
                                   41,
                                   4,
                                   0xd0,
                                   0,
                                   0,
                                   0,
                                   0,
                                   0,
                                   11,
                                   0,
                                   8,
                                   0,
                                   7,
                                   0,
                                   1,
                                   24,
                                   0,
                                   10,
                                   (uint8_t)prng_below(&prng, 256),
                                   (uint8_t)prng_below(&prng, 256)};
            buf_bytes(&buf, opt, sizeof opt);
        }
        if (kind->secure) {
            buf_bytes(&buf, "\0\0\51\4\320\0\0\200\0\0\0", 11); /* OPT: 1232 bytes, DO */
        }
        ASSERT(!buf.overflow);
        queries[i].size = buf.size;
    }
}

static void send_queries(int fd, uint32_t *next, uint32_t count)
{
    struct mmsghdr heads[OUTSTANDING] = {0};
    struct iovec parts[OUTSTANDING];
    ASSERT(count <= OUTSTANDING);
    for (uint32_t i = 0; i < count; i++) {
        struct query *query = &queries[(*next)++ % QUERIES];
        parts[i] = (struct iovec){query->bytes, query->size};
        heads[i].msg_hdr.msg_iov = &parts[i];
        heads[i].msg_hdr.msg_iovlen = 1;
    }
    for (uint32_t at = 0; at < count;) {
        const int sent = sendmmsg(fd, heads + at, count - at, 0);
        at += sent > 0 ? (uint32_t)sent : 1;
    }
}

/* Answers that came, after at least one; 0 after a time-out (packets were lost). */
static uint32_t receive_answers(int fd)
{
    static uint8_t memory[OUTSTANDING][PACKET];
    struct mmsghdr heads[OUTSTANDING] = {0};
    struct iovec parts[OUTSTANDING];
    for (uint32_t i = 0; i < OUTSTANDING; i++) {
        parts[i] = (struct iovec){memory[i], PACKET};
        heads[i].msg_hdr.msg_iov = &parts[i];
        heads[i].msg_hdr.msg_iovlen = 1;
    }
    const int got = recvmmsg(fd, heads, OUTSTANDING, MSG_WAITFORONE, NULL);
    return got > 0 ? (uint32_t)got : 0;
}

static uint64_t cpu_us(pid_t pid)
{
    clockid_t clock;
    struct timespec time;
    const int failure = clock_getcpuclockid(pid, &clock);
    ASSERT(failure == 0 && clock_gettime(clock, &time) == 0);
    return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_nsec / 1000;
}

static int connect_to_server(void)
{
    const struct sockaddr_in address = address_of();
    const struct timeval patience = {.tv_usec = 100000};
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    const int connected = connect(fd, (const struct sockaddr *)&address, sizeof address);
    ASSERT(connected == 0);
    for (uint32_t next = 0;;) {
        send_queries(fd, &next, 1);
        if (receive_answers(fd) > 0) {
            return fd;
        }
        usleep(10000);
    }
}

/* CPU microseconds per query of one run. */
static double measure(const struct kind *kind, int64_t duration_ms, double *ret_rate)
{
    const pid_t server = start(kind);
    fill_queries(kind);
    const int fd = connect_to_server();
    uint32_t next = 0;
    uint64_t answers = 0;
    send_queries(fd, &next, OUTSTANDING);
    const uint64_t before_us = cpu_us(server);
    const struct mono begin = clock_mono();
    while (time_since_ms(clock_mono(), begin) < duration_ms) {
        const uint32_t got = receive_answers(fd);
        answers += got;
        send_queries(fd, &next, got > 0 ? got : OUTSTANDING);
    }
    const double cpu = (double)(cpu_us(server) - before_us);
    *ret_rate = (double)answers * 1e6 / (double)time_since_us(clock_mono(), begin);
    close(fd);
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    return cpu / (double)answers;
}

static int compare(const void *a, const void *b)
{
    const double left = *(const double *)a;
    const double right = *(const double *)b;
    return (left > right) - (left < right);
}

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, compare);
    return values[count / 2];
}

static void write_zone(void)
{
    FILE *file = fopen(path_of("zone"), "w");
    ASSERT(file != NULL);
    fputs("$TTL 300\n@ SOA ns1 h 1 1 1 1 60\n@ NS ns1\nns1 A 10.0.0.1\nmail A 10.0.0.2\n", file);
    for (int i = 0; i < 1000; i++) {
        fprintf(file, "n%d A 10.1.0.1\n", i);
    }
    fclose(file);
}

static void clean_up(void)
{
    static const char *const names[] = {"zone", "key", DNS_KEYDIR_STATE, PUBLISH_NAME, PUBLISH_NAME ".lock"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        unlink(path_of(names[i]));
    }
    rmdir(directory);
}

int main(int argc, char **argv)
{
    static double costs[KINDS][ROUNDS_MOST];
    static double rates[KINDS][ROUNDS_MOST];
    const int rounds = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 7;
    const int64_t duration_ms = argc > 2 ? strtol(argv[2], NULL, 10) : 500;
    if (rounds < 1 || rounds > ROUNDS_MOST || duration_ms < 1) {
        fprintf(stderr, "usage: %s [ROUNDS [MILLISECONDS]]\n", argv[0]);
        return 2;
    }
    snprintf(directory, sizeof directory, "/tmp/holdfast-bench-XXXXXX");
    if (mkdtemp(directory) == NULL) {
        return 1;
    }
    write_zone();
    make_key();
    publish_view();
    pin(1);
    for (int round = 0; round < rounds; round++) {
        for (int kind = 0; kind < KINDS; kind++) {
            costs[kind][round] = measure(&kinds[kind], duration_ms, &rates[kind][round]);
        }
    }
    const double base = median(costs[0], rounds);
    printf("%-20s %14s %8s %12s   (medians of %d rounds)\n", "case", "CPU us/query", "/ floor", "queries/s", rounds);
    for (int kind = 0; kind < KINDS; kind++) {
        const double cost = median(costs[kind], rounds);
        printf("%-20s %14.3f %8.2f %12.0f\n", kinds[kind].name, cost, cost / base, median(rates[kind], rounds));
    }
    clean_up();
    return 0;
}
