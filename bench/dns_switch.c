/* SPDX-License-Identifier: Apache-2.0
 * From the publication of a view to the first changed DNS answer: publishes views that lead to one region and the other
 * in turn, and asks one query after the other until the answer has changed.
 *
 * usage: dns_switch VIEW ADDRESS PORT TIMES
 *
 * VIEW is the server's shared memory, and the server answers www.example.test from the endpoint `web`. Prints how long
 * it took in microseconds, the query that brought the answer included: median, 99 of 100, most; and what a query takes
 * when nothing changes. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/buf.h"
#include "edge/publish.h"
#include "wire/dns_query.h"
#include "wire/dns_reply.h"
#include "wire/dns_type.h"

enum { TIMES = 100000, PACKET = 1232, SOURCES = 64 };

/* One socket for each of several sources: the kernel gives each of them to one of the server's workers. */
static int sockets[SOURCES];
static int64_t took_us[TIMES];
static int64_t idle_us[TIMES];

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void publish(struct publish_writer *writer, uint64_t version, uint32_t region)
{
    struct view *view = publish_writer_draft(writer);
    view->version = version;
    view->regions_count = 2;
    view->endpoints_count = 2;
    for (uint32_t i = 0; i < 2; i++) {
        snprintf(view->regions[i].name, sizeof view->regions[i].name, "%s", i == 0 ? "east" : "west");
        snprintf(view->endpoints[i].name, sizeof view->endpoints[i].name, "web");
        view->endpoints[i].region = i;
        view->endpoints[i].healthy = 1;
        view->endpoints[i].address = (struct view_address){.family = 4, .bytes = {192, 0, 2, (uint8_t)(i + 1)}};
    }
    for (uint32_t home = 0; home < VIEW_HOMES; home++) {
        view->split[home][region] = 10000;
    }
    view_seal(view);
    const enum err err = publish_writer_commit(writer);
    ASSERT(err == ERR_OK);
}

/* The last byte of the address in the answer; 0: none. */
static uint8_t ask(int fd)
{
    static struct dns_reply_walk walk;
    uint8_t memory[PACKET];
    struct buf buf;
    struct dns_query query = {.id = 7, .type = DNS_TYPE_A, .class = DNS_CLASS_IN};
    struct dns_reply reply;
    struct dns_reply_record record;
    const enum err err = dns_name_parse(span_text("www.example.test."), NULL, &query.name);
    buf_init(&buf, memory, sizeof memory);
    dns_query_write(&query, &buf);
    if (err != ERR_OK || send(fd, buf.data, buf.size, 0) < 0) {
        return 0;
    }
    const ssize_t size = recv(fd, memory, sizeof memory, 0);
    if (size <= 0 || dns_reply_parse(span_of(memory, (size_t)size), &reply) != ERR_OK) {
        return 0;
    }
    dns_reply_begin(&reply, &walk);
    return dns_reply_next(&walk, &record) && record.type == DNS_TYPE_A ? record.rdata.data[3] : 0;
}

static int order(const void *a, const void *b)
{
    const int64_t *x = a;
    const int64_t *y = b;
    return (*x > *y) - (*x < *y);
}

static void print(const char *what, int64_t *rows, uint32_t count)
{
    qsort(rows, count, sizeof *rows, order);
    printf("%s: median %" PRId64 " us, 99 of 100 below %" PRId64 " us, at most %" PRId64 " us\n", what, rows[count / 2],
           rows[count * 99 / 100], rows[count - 1]);
}

static bool open_sockets(const char *host, const char *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)strtoul(port, NULL, 10))};
    const struct timeval patience = {.tv_sec = 10};
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1) {
        return false;
    }
    for (uint32_t i = 0; i < SOURCES; i++) {
        sockets[i] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (sockets[i] < 0 || setsockopt(sockets[i], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0 ||
            connect(sockets[i], (const struct sockaddr *)&address, sizeof address) != 0) {
            return false;
        }
    }
    return true;
}

/* One change, seen from one source. False: the server does not answer. */
static bool measure(struct publish_writer *writer, uint64_t version, uint32_t turn)
{
    const int fd = sockets[turn % SOURCES];
    const int64_t before = now_ns();
    const uint8_t old = ask(fd);
    const int64_t start = now_ns();
    publish(writer, version, turn % 2);
    uint8_t now = old;
    while (now != 0 && now != turn % 2 + 1) {
        now = ask(fd);
    }
    took_us[turn] = (now_ns() - start) / 1000;
    idle_us[turn] = (start - before) / 1000;
    return now != 0;
}

int main(int argc, char **argv)
{
    static struct publish_writer writer;
    const uint32_t times = argc == 5 ? (uint32_t)strtoul(argv[4], NULL, 10) : 0;
    if (times == 0 || times > TIMES || !open_sockets(argv[2], argv[3])) {
        fputs("usage: dns_switch VIEW ADDRESS PORT TIMES\n", stderr);
        return 2;
    }
    if (publish_writer_open(&writer, argv[1]) != ERR_OK) {
        fprintf(stderr, "dns_switch: cannot publish to %s\n", argv[1]);
        return 1;
    }
    const struct view *view = publish_writer_view(&writer);
    uint64_t version = view != NULL ? view->version : 0;
    publish(&writer, ++version, 1);
    for (uint32_t turn = 0; turn < times; turn++) {
        if (!measure(&writer, ++version, turn)) {
            fputs("dns_switch: no answer\n", stderr);
            return 1;
        }
        usleep(2000); /* the next one meets a server at rest */
    }
    print("changed answer", took_us, times);
    print("any answer", idle_us, times);
    publish_writer_close(&writer);
    return 0;
}
