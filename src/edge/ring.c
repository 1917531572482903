/* SPDX-License-Identifier: Apache-2.0
 * Many sends in one system call, without a library: the ring has one producer, one consumer and one kind of entry. */
#include "edge/ring.h"

#include <errno.h>
#include <linux/io_uring.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/assert.h"

enum {
    RING_FLAGS = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_CLAMP,
    /* Both queues in one mapping, and silence about what went well. */
    RING_FEATURES = IORING_FEAT_SINGLE_MMAP | IORING_FEAT_CQE_SKIP,
    RING_TRIAL = 1024 * 1024, /* more than a pair of sockets holds */
};

struct ring {
    int fd;
    uint8_t *queues; /* shared with the kernel */
    size_t queues_size;
    struct io_uring_sqe *entries;
    size_t entries_size;
    uint32_t mask;
    uint32_t *tail; /* of the queue of sends; only we write it */
    uint32_t queued;
    uint32_t *done_head; /* of the queue of results; only we write it */
    const uint32_t *done_tail;
    uint32_t done_mask;
    const struct io_uring_cqe *done;
};

static void *ring_map(int fd, size_t size, off_t what)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, what);
    return memory == MAP_FAILED ? NULL : memory;
}

/* A pointer into the queues. */
static void *ring_at(const struct ring *ring, uint32_t offset)
{
    return ring->queues + offset;
}

static enum err ring_setup(struct ring *ring, uint32_t entries)
{
    struct io_uring_params parameters = {.flags = RING_FLAGS};
    ring->fd = (int)syscall(SYS_io_uring_setup, entries, &parameters);
    if (ring->fd < 0) {
        return errno == ENOMEM ? ERR_NO_MEMORY : ERR_UNSUPPORTED;
    }
    if ((parameters.features & RING_FEATURES) != RING_FEATURES || parameters.sq_entries < entries) {
        return ERR_UNSUPPORTED;
    }
    const size_t sends = parameters.sq_off.array + parameters.sq_entries * sizeof(uint32_t);
    const size_t results = parameters.cq_off.cqes + parameters.cq_entries * sizeof(struct io_uring_cqe);
    ring->queues_size = sends > results ? sends : results;
    ring->queues = ring_map(ring->fd, ring->queues_size, IORING_OFF_SQ_RING);
    ring->entries_size = parameters.sq_entries * sizeof(struct io_uring_sqe);
    ring->entries = ring_map(ring->fd, ring->entries_size, IORING_OFF_SQES);
    if (ring->queues == NULL || ring->entries == NULL) {
        return ERR_NO_MEMORY;
    }
    ring->mask = parameters.sq_entries - 1;
    ring->tail = ring_at(ring, parameters.sq_off.tail);
    ring->done_head = ring_at(ring, parameters.cq_off.head);
    ring->done_tail = ring_at(ring, parameters.cq_off.tail);
    ring->done_mask = parameters.cq_entries - 1;
    ring->done = ring_at(ring, parameters.cq_off.cqes);
    uint32_t *order = ring_at(ring, parameters.sq_off.array);
    for (uint32_t i = 0; i < parameters.sq_entries; i++) {
        order[i] = i;
    }
    return ERR_OK;
}

void ring_close(struct ring *ring)
{
    if (ring == NULL) {
        return;
    }
    if (ring->entries != NULL) {
        (void)munmap(ring->entries, ring->entries_size);
    }
    if (ring->queues != NULL) {
        (void)munmap(ring->queues, ring->queues_size);
    }
    if (ring->fd >= 0) {
        close(ring->fd);
    }
    free(ring);
}

void ring_send(struct ring *ring, int fd, struct span bytes, uint64_t tag)
{
    ASSERT(ring->queued <= ring->mask && bytes.size <= INT32_MAX);
    struct io_uring_sqe *entry = &ring->entries[(*ring->tail + ring->queued) & ring->mask];
    memset(entry, 0, sizeof *entry);
    entry->opcode = IORING_OP_SEND;
    entry->flags = IOSQE_CQE_SKIP_SUCCESS;
    entry->fd = fd;
    entry->addr = (uintptr_t)bytes.data;
    entry->len = (uint32_t)bytes.size;
    entry->msg_flags = MSG_NOSIGNAL | MSG_DONTWAIT | MSG_WAITALL; /* the last: less than all of it is a failure */
    entry->user_data = tag;
    ring->queued++;
}

uint32_t ring_submit(struct ring *ring)
{
    const uint32_t all = ring->queued;
    const uint32_t start = *ring->tail;
    uint32_t taken = 0;
    ring->queued = 0;
    __atomic_store_n(ring->tail, start + all, __ATOMIC_RELEASE);
    while (taken < all) {
        const long number = syscall(SYS_io_uring_enter, ring->fd, all - taken, 0, 0, NULL, 0);
        if (number > 0) {
            taken += (uint32_t)number;
        } else if (number == 0 || errno != EINTR) {
            break;
        }
    }
    __atomic_store_n(ring->tail, start + taken, __ATOMIC_RELEASE);
    return taken;
}

bool ring_shortfall(struct ring *ring, uint64_t *ret_tag, int32_t *ret_result)
{
    const uint32_t head = *ring->done_head;
    if (head == __atomic_load_n(ring->done_tail, __ATOMIC_ACQUIRE)) {
        return false;
    }
    const struct io_uring_cqe *result = &ring->done[head & ring->done_mask];
    *ret_tag = result->user_data;
    *ret_result = result->res;
    __atomic_store_n(ring->done_head, head + 1, __ATOMIC_RELEASE);
    return true;
}

/* ---- the proof ---- */

/* Whether a send that falls short is told with the number of bytes that the other side finds, one that was taken is
 * not told, and one to a full socket waits for nothing. */
static bool ring_keeps(struct ring *ring, const int sockets[2], uint8_t *memory)
{
    uint64_t tag = 0;
    int32_t result = 0;
    ring_send(ring, sockets[0], span_of(memory, 1), 1);
    ring_send(ring, sockets[0], span_of(memory, RING_TRIAL), 2);
    ring_send(ring, sockets[0], span_of(memory, RING_TRIAL), 3);
    if (ring_submit(ring) != 3 || !ring_shortfall(ring, &tag, &result) || tag != 2 || result <= 0 ||
        result >= RING_TRIAL) {
        return false;
    }
    const int32_t taken = result + 1;
    if (!ring_shortfall(ring, &tag, &result) || tag != 3 || result != -EAGAIN || ring_shortfall(ring, &tag, &result)) {
        return false;
    }
    int32_t found = 0;
    for (ssize_t size; (size = recv(sockets[1], memory, RING_TRIAL, MSG_DONTWAIT)) > 0;) {
        found += (int32_t)size;
    }
    return found == taken;
}

static enum err ring_prove(struct ring *ring)
{
    int sockets[2];
    uint8_t *memory = calloc(1, RING_TRIAL);
    if (memory == NULL) {
        return ERR_NO_MEMORY;
    }
    enum err err = ERR_NO_MEMORY;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sockets) == 0) {
        err = ring_keeps(ring, sockets, memory) ? ERR_OK : ERR_UNSUPPORTED;
        close(sockets[0]);
        close(sockets[1]);
    }
    free(memory);
    return err;
}

enum err ring_open(uint32_t entries, struct ring **ret_ring)
{
    ASSERT(entries >= 4 && (entries & (entries - 1)) == 0);
    struct ring *ring = calloc(1, sizeof *ring);
    if (ring == NULL) {
        return ERR_NO_MEMORY;
    }
    enum err err = ring_setup(ring, entries);
    err = err == ERR_OK ? ring_prove(ring) : err;
    if (err != ERR_OK) {
        ring_close(ring);
        return err;
    }
    *ret_ring = ring;
    return ERR_OK;
}
