/* SPDX-License-Identifier: Apache-2.0
 * What readers of the view have met with at servers. */
#include "edge/publish_sight.h"

#include "base/assert.h"
#include "base/hash.h"
#include "edge/publish_memory.h"

static uint64_t publish_sight_server(const struct view_address *server)
{
    const uint64_t hash = hash_bytes(server, sizeof *server);
    return hash != 0 ? hash : 1;
}

void publish_sight_set(struct publish_reader *reader, const struct view_address *server,
                       const struct publish_sight *sight)
{
    struct view_memory_sight *rows = reader->memory->sights[reader->seat - reader->memory->seats];
    const uint64_t wanted = publish_sight_server(server);
    for (uint32_t i = 0; i < VIEW_MEMORY_SIGHTS; i++) {
        const uint64_t there = atomic_load(&rows[i].server);
        if (there != 0 && there != wanted) {
            continue;
        }
        atomic_store(&rows[i].connections, sight->connections);
        atomic_store(&rows[i].failures, sight->failures);
        atomic_store(&rows[i].wrong, sight->wrong);
        atomic_store(&rows[i].rtt_us, sight->rtt_us);
        atomic_store(&rows[i].server, wanted);
        return;
    }
}

static void publish_sight_add(const struct view_memory_sight *row, struct publish_sight *sum)
{
    const uint64_t rtt_us = atomic_load(&row->rtt_us);
    sum->connections += atomic_load(&row->connections);
    sum->failures += atomic_load(&row->failures);
    sum->wrong += atomic_load(&row->wrong);
    sum->rtt_us = rtt_us > sum->rtt_us ? rtt_us : sum->rtt_us;
}

void publish_sight_sum(const struct publish_writer *writer, const struct view_address *server,
                       struct publish_sight *ret_sum)
{
    const uint64_t wanted = publish_sight_server(server);
    *ret_sum = (struct publish_sight){.connections = 0};
    for (uint32_t seat = 0; seat < LIMITS_READERS; seat++) {
        const struct view_memory_sight *rows = writer->memory->sights[seat];
        if (atomic_load(&writer->memory->seats[seat].ready) == 0) {
            continue;
        }
        for (uint32_t i = 0; i < VIEW_MEMORY_SIGHTS && atomic_load(&rows[i].server) != 0; i++) {
            if (atomic_load(&rows[i].server) == wanted) {
                publish_sight_add(&rows[i], ret_sum);
            }
        }
    }
}
