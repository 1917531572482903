/* SPDX-License-Identifier: Apache-2.0
 * For tests of probes: small real servers in a thread, and a pool whose next result can be waited for. */
#include "probe_peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"

enum { PEER_CONNECTIONS = 32, PEER_RESULTS = 256 };

struct probe_peer {
    enum probe_peer_manner manner;
    const char *answer;
    int listener;
    int stop[2];
    char address[32];
    pthread_t thread;
    atomic_uint connections;
    int open[PEER_CONNECTIONS];
    uint32_t open_count;
};

static int peer_bind(char address[32])
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in in = {.sin_family = AF_INET};
    ASSERT(fd >= 0 && inet_pton(AF_INET, "127.9.0.1", &in.sin_addr) == 1);
    ASSERT(bind(fd, (struct sockaddr *)&in, sizeof in) == 0);
    socklen_t size = sizeof in;
    ASSERT(getsockname(fd, (struct sockaddr *)&in, &size) == 0);
    snprintf(address, 32, "127.9.0.1:%u", ntohs(in.sin_port));
    return fd;
}

const char *probe_peer_nobody(void)
{
    static char address[32];
    if (address[0] == 0) {
        (void)peer_bind(address); /* bound, not listening: refused, and nobody else gets it */
    }
    return address;
}

static void peer_close(struct probe_peer *peer, uint32_t index, bool reset)
{
    if (reset) {
        const struct linger linger = {.l_onoff = 1, .l_linger = 0};
        setsockopt(peer->open[index], SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    }
    close(peer->open[index]);
    peer->open[index] = peer->open[--peer->open_count];
}

static void peer_readable(struct probe_peer *peer, uint32_t index)
{
    char input[4096];
    const ssize_t size = recv(peer->open[index], input, sizeof input, 0);
    if (size <= 0) {
        peer_close(peer, index, false);
        return;
    }
    switch (peer->manner) {
    case PROBE_PEER_SILENT:
        return;
    case PROBE_PEER_RESET:
        peer_close(peer, index, true);
        return;
    case PROBE_PEER_CLOSE:
        peer_close(peer, index, false);
        return;
    case PROBE_PEER_ANSWER:
        (void)!send(peer->open[index], peer->answer, strlen(peer->answer), MSG_NOSIGNAL);
        shutdown(peer->open[index], SHUT_WR);
        return;
    case PROBE_PEER_KEEP:
        (void)!send(peer->open[index], peer->answer, strlen(peer->answer), MSG_NOSIGNAL);
        return;
    }
}

static void *peer_main(void *argument)
{
    struct probe_peer *peer = argument;
    for (;;) {
        struct pollfd fds[PEER_CONNECTIONS + 2] = {{.fd = peer->stop[0], .events = POLLIN},
                                                   {.fd = peer->listener, .events = POLLIN}};
        for (uint32_t i = 0; i < peer->open_count; i++) {
            fds[i + 2] = (struct pollfd){.fd = peer->open[i], .events = POLLIN};
        }
        const uint32_t watched = peer->open_count;
        if (poll(fds, watched + 2, -1) < 0 && errno != EINTR) {
            return NULL;
        }
        if (fds[0].revents != 0) {
            return NULL;
        }
        for (uint32_t i = watched; i-- > 0;) {
            if (fds[i + 2].revents != 0) {
                peer_readable(peer, i);
            }
        }
        if (fds[1].revents != 0 && peer->open_count < PEER_CONNECTIONS) {
            peer->open[peer->open_count] = accept4(peer->listener, NULL, NULL, SOCK_CLOEXEC);
            if (peer->open[peer->open_count] >= 0) {
                peer->open_count++;
                atomic_fetch_add(&peer->connections, 1);
            }
        }
    }
}

struct probe_peer *probe_peer_new(enum probe_peer_manner manner, const char *answer)
{
    struct probe_peer *peer = calloc(1, sizeof *peer);
    ASSERT(peer != NULL);
    peer->manner = manner;
    peer->answer = answer;
    peer->listener = peer_bind(peer->address);
    ASSERT(listen(peer->listener, 64) == 0);
    ASSERT(pipe2(peer->stop, O_CLOEXEC) == 0);
    ASSERT(pthread_create(&peer->thread, NULL, peer_main, peer) == 0);
    return peer;
}

const char *probe_peer_address(const struct probe_peer *peer)
{
    return peer->address;
}

uint32_t probe_peer_connections(const struct probe_peer *peer)
{
    return atomic_load(&peer->connections);
}

void probe_peer_free(struct probe_peer *peer)
{
    close(peer->stop[1]);
    pthread_join(peer->thread, NULL);
    for (uint32_t i = 0; i < peer->open_count; i++) {
        close(peer->open[i]);
    }
    close(peer->stop[0]);
    close(peer->listener);
    free(peer);
}

struct probe_spec probe_peer_spec(enum probe_kind kind, const char *address)
{
    struct probe_spec spec;
    memset(&spec, 0, sizeof spec);
    spec.kind = kind;
    spec.interval_ms = 20;
    spec.timeout_ms = 5000;
    snprintf(spec.check, sizeof spec.check, "check");
    snprintf(spec.region, sizeof spec.region, "taiwan");
    snprintf(spec.address, sizeof spec.address, "%s", address);
    return spec;
}

struct probe_peer_pool {
    struct probe_pool *pool;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct probe_result results[PEER_RESULTS];
    uint32_t count;
    uint32_t taken;
};

static void peer_sink(void *context, const struct probe_result *result)
{
    struct probe_peer_pool *pool = context;
    pthread_mutex_lock(&pool->mutex);
    if (pool->count < PEER_RESULTS) {
        pool->results[pool->count++] = *result;
    }
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->mutex);
}

struct probe_peer_pool *probe_peer_pool_new(const struct probe_spec *specs, uint32_t count, probe_resolve *resolve,
                                            void *context)
{
    struct probe_peer_pool *pool = calloc(1, sizeof *pool);
    ASSERT(pool != NULL);
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->changed, NULL);
    const struct probe_pool_options options = {
        .site = "test", .sink = peer_sink, .sink_context = pool, .resolve = resolve, .resolve_context = context};
    ASSERT(probe_pool_new(&options, &pool->pool) == ERR_OK);
    ASSERT(probe_pool_set(pool->pool, specs, count) == ERR_OK);
    return pool;
}

struct probe_pool *probe_peer_pool_inner(struct probe_peer_pool *pool)
{
    return pool->pool;
}

struct probe_result probe_peer_pool_next(struct probe_peer_pool *pool)
{
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += 20;
    pthread_mutex_lock(&pool->mutex);
    while (pool->taken == pool->count) {
        ASSERT(pthread_cond_timedwait(&pool->changed, &pool->mutex, &end) == 0);
    }
    const struct probe_result result = pool->results[pool->taken++];
    if (pool->taken == pool->count) {
        pool->taken = 0;
        pool->count = 0;
    }
    pthread_mutex_unlock(&pool->mutex);
    return result;
}

void probe_peer_pool_free(struct probe_peer_pool *pool)
{
    probe_pool_free(pool->pool);
    pthread_mutex_destroy(&pool->mutex);
    pthread_cond_destroy(&pool->changed);
    free(pool);
}

struct probe_result probe_peer_once(const struct probe_spec *spec)
{
    struct probe_peer_pool *pool = probe_peer_pool_new(spec, 1, NULL, NULL);
    const struct probe_result result = probe_peer_pool_next(pool);
    probe_peer_pool_free(pool);
    return result;
}
