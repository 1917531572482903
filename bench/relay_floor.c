/* SPDX-License-Identifier: Apache-2.0
 * Empty relays: what copying bytes between clients and a server costs at least, for bench/proxy/run.
 *
 * usage: relay_floor epoll|ring ADDRESS PORT SERVER SERVER-PORT
 *
 * epoll: an edge-triggered set, a recv and a send for each message. ring: io_uring as far as Linux 6.1 goes: multishot
 * receives into buffers of the ring, sends queued, registered descriptors, one system call for a batch of everything.
 * They look at nothing, and know no back-pressure: a send that falls short ends its session. One thread. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    FLOOR_ENDS = 2048, /* both of each session; numbers are never used again */
    FLOOR_EVENTS = 256,
    FLOOR_BUFFERS = 1024, /* a power of two, as the next one but one */
    FLOOR_BUFFER = 8192,
    FLOOR_ENTRIES = 1024,
};

enum floor_kind {
    FLOOR_ACCEPT,
    FLOOR_RECEIVE,
    FLOOR_SEND,
};

static int floor_listener;
static struct sockaddr_in floor_server;
static int floor_ends[FLOOR_ENDS]; /* descriptors; the other end of i is i ^ 1 */
static uint32_t floor_ends_count;

static void floor_need(bool good, const char *what)
{
    if (!good) {
        perror(what);
        exit(1);
    }
}

static struct sockaddr_in floor_address(const char *address, const char *port)
{
    struct sockaddr_in result = {.sin_family = AF_INET, .sin_port = htons((uint16_t)strtoul(port, NULL, 10))};
    floor_need(inet_pton(AF_INET, address, &result.sin_addr) == 1, address);
    return result;
}

static void floor_listen(const struct sockaddr_in *address)
{
    const int on = 1;
    floor_listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    (void)setsockopt(floor_listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    floor_need(bind(floor_listener, (const struct sockaddr *)address, sizeof *address) == 0 &&
                   listen(floor_listener, FLOOR_EVENTS) == 0,
               "listen");
}

/* A session for this client. The number of its end; the server's is the next one. */
static uint32_t floor_open(int client)
{
    const int on = 1;
    const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    floor_need(floor_ends_count + 2 <= FLOOR_ENDS, "ends");
    floor_need(connect(server, (const struct sockaddr *)&floor_server, sizeof floor_server) == 0, "connect");
    (void)setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)fcntl(server, F_SETFL, O_NONBLOCK);
    floor_ends[floor_ends_count] = client;
    floor_ends[floor_ends_count + 1] = server;
    floor_ends_count += 2;
    return floor_ends_count - 2;
}

/* ---- epoll ---- */

static void floor_watch(int set, int fd, uint32_t number)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u32 = number};
    floor_need(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl");
}

static void floor_epoll_accept(int set)
{
    for (int client; (client = accept4(floor_listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0;) {
        const uint32_t number = floor_open(client);
        floor_watch(set, client, number);
        floor_watch(set, floor_ends[number + 1], number + 1);
    }
}

static void floor_epoll_copy(uint32_t number)
{
    static uint8_t memory[FLOOR_BUFFER];
    ssize_t size;
    do {
        size = recv(floor_ends[number], memory, sizeof memory, 0);
        if ((size < 0 && errno != EAGAIN) || size == 0 ||
            (size > 0 && send(floor_ends[number ^ 1], memory, (size_t)size, MSG_NOSIGNAL) != size)) {
            close(floor_ends[number]);
            close(floor_ends[number ^ 1]);
            floor_ends[number] = floor_ends[number ^ 1] = -1;
            return;
        }
    } while (size == FLOOR_BUFFER);
}

static void floor_epoll(void)
{
    struct epoll_event events[FLOOR_EVENTS];
    const int set = epoll_create1(EPOLL_CLOEXEC);
    floor_watch(set, floor_listener, FLOOR_ENDS);
    for (;;) {
        const int count = epoll_wait(set, events, FLOOR_EVENTS, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.u32 == FLOOR_ENDS) {
                floor_epoll_accept(set);
            } else if (floor_ends[events[i].data.u32] >= 0) {
                floor_epoll_copy(events[i].data.u32);
            }
        }
    }
}

/* ---- io_uring ---- */

static int floor_ring;
static struct io_uring_sqe *floor_entries;
static uint32_t *floor_tail;
static uint32_t floor_queued;
static uint32_t *floor_done_head;
static uint32_t *floor_done_tail;
static uint32_t floor_done_mask;
static struct io_uring_cqe *floor_done;
static struct io_uring_buf_ring *floor_buffers;
static uint8_t *floor_memory;

static void *floor_map(size_t size, int fd, off_t what)
{
    const int flags = fd < 0 ? MAP_ANONYMOUS | MAP_PRIVATE : MAP_SHARED;
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, flags | MAP_POPULATE, fd, what);
    floor_need(memory != MAP_FAILED, "mmap");
    return memory;
}

static void floor_register(unsigned what, void *argument, unsigned count)
{
    floor_need(syscall(SYS_io_uring_register, floor_ring, what, argument, count) >= 0, "io_uring_register");
}

/* A buffer is the kernel's again. */
static void floor_give(uint16_t buffer)
{
    struct io_uring_buf *place = &floor_buffers->bufs[floor_buffers->tail & (FLOOR_BUFFERS - 1)];
    place->addr = (uintptr_t)(floor_memory + (size_t)buffer * FLOOR_BUFFER);
    place->len = FLOOR_BUFFER;
    place->bid = buffer;
    __atomic_store_n(&floor_buffers->tail, (uint16_t)(floor_buffers->tail + 1), __ATOMIC_RELEASE);
}

static void floor_ring_open(void)
{
    struct io_uring_params parameters = {
        .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE,
        .cq_entries = 4 * FLOOR_ENTRIES,
    };
    floor_ring = (int)syscall(SYS_io_uring_setup, FLOOR_ENTRIES, &parameters);
    floor_need(floor_ring >= 0, "io_uring_setup");
    const size_t size = parameters.cq_off.cqes + parameters.cq_entries * sizeof(struct io_uring_cqe) +
                        parameters.sq_entries * sizeof(uint32_t);
    uint8_t *queues = floor_map(size, floor_ring, IORING_OFF_SQ_RING);
    floor_entries = floor_map(FLOOR_ENTRIES * sizeof *floor_entries, floor_ring, IORING_OFF_SQES);
    floor_tail = (void *)(queues + parameters.sq_off.tail);
    floor_done_head = (void *)(queues + parameters.cq_off.head);
    floor_done_tail = (void *)(queues + parameters.cq_off.tail);
    floor_done_mask = parameters.cq_entries - 1;
    floor_done = (void *)(queues + parameters.cq_off.cqes);
    uint32_t *order = (void *)(queues + parameters.sq_off.array);
    for (uint32_t i = 0; i < FLOOR_ENTRIES; i++) {
        order[i] = i;
    }
    floor_buffers = floor_map(FLOOR_BUFFERS * sizeof(struct io_uring_buf), -1, 0);
    floor_memory = floor_map((size_t)FLOOR_BUFFERS * FLOOR_BUFFER, -1, 0);
    struct io_uring_buf_reg buffers = {.ring_addr = (uintptr_t)floor_buffers, .ring_entries = FLOOR_BUFFERS};
    floor_register(IORING_REGISTER_PBUF_RING, &buffers, 1);
    for (uint16_t i = 0; i < FLOOR_BUFFERS; i++) {
        floor_give(i);
    }
    memset(floor_ends, 0xff, sizeof floor_ends);
    floor_register(IORING_REGISTER_FILES, floor_ends, FLOOR_ENDS);
}

/* Whether anything must be waited for or not: what was queued is submitted first. */
static void floor_enter(bool wait)
{
    const uint32_t count = floor_queued;
    __atomic_store_n(floor_tail, *floor_tail + count, __ATOMIC_RELEASE);
    floor_queued = 0;
    const long taken =
        syscall(SYS_io_uring_enter, floor_ring, count, wait ? 1 : 0, wait ? IORING_ENTER_GETEVENTS : 0, NULL, 0);
    floor_need(taken == (long)count || (taken < 0 && errno == EINTR && count == 0), "io_uring_enter");
}

static struct io_uring_sqe *floor_entry(uint8_t opcode, int fd, uint64_t tag)
{
    if (floor_queued == FLOOR_ENTRIES) {
        floor_enter(false);
    }
    struct io_uring_sqe *entry = &floor_entries[(*floor_tail + floor_queued) & (FLOOR_ENTRIES - 1)];
    memset(entry, 0, sizeof *entry);
    entry->opcode = opcode;
    entry->fd = fd;
    entry->user_data = tag;
    floor_queued++;
    return entry;
}

static void floor_ring_receive(uint32_t number)
{
    struct io_uring_sqe *entry = floor_entry(IORING_OP_RECV, (int)number, (uint64_t)number << 2 | FLOOR_RECEIVE);
    entry->flags = IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT;
    entry->ioprio = IORING_RECV_MULTISHOT | IORING_RECVSEND_POLL_FIRST;
}

static void floor_ring_accept(int client)
{
    const uint32_t number = floor_open(client);
    struct io_uring_files_update ends = {.offset = number, .fds = (uintptr_t)&floor_ends[number]};
    floor_register(IORING_REGISTER_FILES_UPDATE, &ends, 2);
    floor_ring_receive(number);
    floor_ring_receive(number + 1);
}

static void floor_ring_end(uint32_t number)
{
    if (floor_ends[number] >= 0) {
        number &= ~1U;
        for (uint32_t i = number; i <= number + 1; i++) {
            (void)shutdown(floor_ends[i], SHUT_RDWR);
            close(floor_ends[i]);
            floor_ends[i] = -1;
        }
        struct io_uring_files_update none = {.offset = number, .fds = (uintptr_t)&floor_ends[number]};
        floor_register(IORING_REGISTER_FILES_UPDATE, &none, 2);
    }
}

static void floor_ring_received(const struct io_uring_cqe *result, uint32_t number)
{
    if (result->res == -ENOBUFS) {
        floor_ring_receive(number);
        return;
    }
    if (result->res <= 0) {
        floor_ring_end(number);
        return;
    }
    const uint16_t buffer = (uint16_t)(result->flags >> IORING_CQE_BUFFER_SHIFT);
    if (floor_ends[number] >= 0) {
        struct io_uring_sqe *entry = floor_entry(IORING_OP_SEND, (int)(number ^ 1), (uint64_t)number << 2 | FLOOR_SEND);
        entry->flags = IOSQE_FIXED_FILE | IOSQE_CQE_SKIP_SUCCESS;
        entry->addr = (uintptr_t)(floor_memory + (size_t)buffer * FLOOR_BUFFER);
        entry->len = (uint32_t)result->res;
        entry->msg_flags = MSG_NOSIGNAL | MSG_DONTWAIT | MSG_WAITALL;
    }
    floor_give(buffer); /* the send is carried out before anything more is received into it */
    if ((result->flags & IORING_CQE_F_MORE) == 0 && floor_ends[number] >= 0) {
        floor_ring_receive(number);
    }
}

static void floor_uring(void)
{
    floor_ring_open();
    struct io_uring_sqe *accepts = floor_entry(IORING_OP_ACCEPT, floor_listener, FLOOR_ACCEPT);
    accepts->ioprio = IORING_ACCEPT_MULTISHOT;
    accepts->accept_flags = SOCK_CLOEXEC | SOCK_NONBLOCK;
    for (;;) {
        floor_enter(true);
        uint32_t head = *floor_done_head;
        for (; head != __atomic_load_n(floor_done_tail, __ATOMIC_ACQUIRE); head++) {
            const struct io_uring_cqe *result = &floor_done[head & floor_done_mask];
            const uint32_t number = (uint32_t)(result->user_data >> 2);
            switch ((enum floor_kind)(result->user_data & 3)) {
            case FLOOR_ACCEPT:
                floor_need(result->res >= 0, "accept");
                floor_ring_accept(result->res);
                break;
            case FLOOR_RECEIVE:
                floor_ring_received(result, number);
                break;
            case FLOOR_SEND:
                floor_ring_end(number);
                break;
            }
        }
        __atomic_store_n(floor_done_head, head, __ATOMIC_RELEASE);
    }
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fprintf(stderr, "usage: relay_floor epoll|ring ADDRESS PORT SERVER SERVER-PORT\n");
        return 2;
    }
    const struct sockaddr_in address = floor_address(argv[2], argv[3]);
    floor_server = floor_address(argv[4], argv[5]);
    signal(SIGPIPE, SIG_IGN);
    floor_listen(&address);
    if (strcmp(argv[1], "ring") == 0) {
        floor_uring();
    }
    floor_epoll();
}
