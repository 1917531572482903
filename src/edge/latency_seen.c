/* SPDX-License-Identifier: Apache-2.0
 * What the kernel knows of the way to clients. */
#include "edge/latency_seen.h"

#include <linux/tcp.h> /* not <netinet/tcp.h>: that struct tcp_info ends before tcpi_min_rtt */
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

#include "base/assert.h"

enum {
    LATENCY_SEEN_AGAIN_MS = 60000,
    LATENCY_SEEN_TURN_MS = 1000,
};

_Static_assert((LATENCY_SEEN_NOTES & (LATENCY_SEEN_NOTES - 1)) == 0, "the counters run on over their end");

void latency_seen_put(struct latency_seen *seen, const struct latency_seen_note *note)
{
    const uint32_t put = atomic_load_explicit(&seen->put, memory_order_relaxed);
    if (put - atomic_load_explicit(&seen->taken, memory_order_acquire) == LATENCY_SEEN_NOTES) {
        atomic_fetch_add_explicit(&seen->lost, 1, memory_order_relaxed);
        return;
    }
    seen->notes[put % LATENCY_SEEN_NOTES] = *note;
    atomic_store_explicit(&seen->put, put + 1, memory_order_release);
}

bool latency_seen_take(struct latency_seen *seen, struct latency_seen_note *ret_note)
{
    const uint32_t taken = atomic_load_explicit(&seen->taken, memory_order_relaxed);
    if (atomic_load_explicit(&seen->put, memory_order_acquire) == taken) {
        return false;
    }
    *ret_note = seen->notes[taken % LATENCY_SEEN_NOTES];
    atomic_store_explicit(&seen->taken, taken + 1, memory_order_release);
    return true;
}

void latency_seen_begin(struct latency_seen_mark *mark, const struct sockaddr_storage *peer, struct mono now)
{
    uint8_t bytes[16] = {0};
    *mark = (struct latency_seen_mark){.at = now};
    if (peer->ss_family == AF_INET) {
        memcpy(bytes, &((const struct sockaddr_in *)peer)->sin_addr, 4);
        mark->network = network_of_client(bytes, 4);
    } else if (peer->ss_family == AF_INET6) {
        memcpy(bytes, &((const struct sockaddr_in6 *)peer)->sin6_addr, 16);
        mark->network = network_of_client(bytes, 6);
    }
}

void latency_seen_measure(struct latency_seen *seen, struct latency_seen_mark *mark, int fd)
{
    struct tcp_info info = {.tcpi_min_rtt = UINT32_MAX};
    socklen_t size = sizeof info;
    const bool known = mark->network.family != 0 && getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 &&
                       size >= offsetof(struct tcp_info, tcpi_min_rtt) + sizeof info.tcpi_min_rtt;
    /* The first one acknowledged may be that of the handshake. */
    if (!known || info.tcpi_bytes_acked <= mark->acknowledged + 1 || info.tcpi_min_rtt == UINT32_MAX) {
        return;
    }
    mark->acknowledged = info.tcpi_bytes_acked;
    const struct latency_seen_note note = {mark->network, info.tcpi_min_rtt > 0 ? info.tcpi_min_rtt : 1};
    latency_seen_put(seen, &note);
}

bool latency_seen_turn(struct mono *turn, struct mono now)
{
    const bool due = time_since_ms(now, *turn) >= LATENCY_SEEN_TURN_MS;
    *turn = due ? now : *turn;
    return due;
}

bool latency_seen_again(struct latency_seen *seen, struct latency_seen_mark *mark, int fd, struct mono now)
{
    if (time_since_ms(now, mark->at) < LATENCY_SEEN_AGAIN_MS) {
        return false;
    }
    mark->at = now;
    latency_seen_measure(seen, mark, fd);
    return true;
}
