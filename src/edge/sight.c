/* SPDX-License-Identifier: Apache-2.0
 * What the threads of a data plane meet with at servers. */
#include "edge/sight.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

static bool sight_same(const struct view_address *a, const struct view_address *b)
{
    return a->family == b->family && a->port == b->port && memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

/* NULL: there is no room for one more. */
static struct sight_row *sight_find(struct sight *sight, const struct view_address *server)
{
    for (uint32_t i = 0; i < SIGHT_SERVERS; i++) {
        struct sight_row *row = &sight->rows[i];
        if (!atomic_load_explicit(&row->used, memory_order_relaxed)) {
            row->server = *server;
            atomic_store_explicit(&row->used, true, memory_order_release);
            return row;
        }
        if (sight_same(&row->server, server)) {
            return row;
        }
    }
    return NULL;
}

void sight_note(struct sight *sight, const struct view_address *server, enum sight_kind kind)
{
    struct sight_row *row = sight_find(sight, server);
    if (row != NULL) {
        const uint64_t count = atomic_load_explicit(&row->counts[kind], memory_order_relaxed);
        atomic_store_explicit(&row->counts[kind], count + 1, memory_order_relaxed);
    }
}

void sight_measure(struct sight *sight, const struct view_address *server, int fd)
{
    struct tcp_info info;
    socklen_t size = sizeof info;
    struct sight_row *row = sight_find(sight, server);
    if (row != NULL && getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 && info.tcpi_rtt > 0) {
        atomic_store_explicit(&row->rtt_us, info.tcpi_rtt, memory_order_relaxed);
    }
}

/* NULL: there is no room for one more. */
static struct publish_sight *sight_place(const struct view_address *server, struct sight_sum *sum, uint32_t *count)
{
    for (uint32_t i = 0; i < *count; i++) {
        if (sight_same(&sum[i].server, server)) {
            return &sum[i].sight;
        }
    }
    if (*count == SIGHT_SERVERS) {
        return NULL;
    }
    sum[*count] = (struct sight_sum){.server = *server};
    return &sum[(*count)++].sight;
}

void sight_collect(const struct sight *sight, struct sight_sum *sum, uint32_t *count)
{
    for (uint32_t i = 0; i < SIGHT_SERVERS; i++) {
        const struct sight_row *row = &sight->rows[i];
        if (!atomic_load_explicit(&row->used, memory_order_acquire)) {
            return;
        }
        struct publish_sight *to = sight_place(&row->server, sum, count);
        const uint64_t rtt_us = atomic_load_explicit(&row->rtt_us, memory_order_relaxed);
        if (to != NULL) {
            to->connections += atomic_load_explicit(&row->counts[SIGHT_CONNECTED], memory_order_relaxed);
            to->failures += atomic_load_explicit(&row->counts[SIGHT_FAILED], memory_order_relaxed);
            to->wrong += atomic_load_explicit(&row->counts[SIGHT_WRONG], memory_order_relaxed);
            to->rtt_us = rtt_us > to->rtt_us ? rtt_us : to->rtt_us;
        }
    }
}

void sight_tell(struct publish_reader *reader, const struct sight_sum *sum, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        publish_sight_set(reader, &sum[i].server, &sum[i].sight);
    }
}

static void sight_list_one(const struct publish_writer *writer, const struct view_address *server,
                           struct sight_sum *list, uint32_t *count)
{
    struct publish_sight sum;
    publish_sight_sum(writer, server, &sum);
    if (sum.connections + sum.failures + sum.wrong > 0) {
        struct publish_sight *place = sight_place(server, list, count);
        if (place != NULL) {
            *place = sum;
        }
    }
}

void sight_list(const struct publish_writer *writer, struct sight_sum *list, uint32_t *ret_count)
{
    const struct view *view = publish_writer_view(writer);
    *ret_count = 0;
    for (uint32_t i = 0; view != NULL && i < view->nodes_count; i++) {
        sight_list_one(writer, &view->nodes[i].postgres, list, ret_count);
    }
    for (uint32_t i = 0; view != NULL && i < view->targets_count; i++) {
        sight_list_one(writer, &view->targets[i].address, list, ret_count);
    }
}
