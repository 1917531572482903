/* SPDX-License-Identifier: Apache-2.0
 * What heartbeats follow from. */
#include "wire/config_beat.h"

#include <stddef.h>

enum {
    CONFIG_BEAT_PARTS = 20, /* of the lease */
    CONFIG_BEAT_LEAST_MS = 10,
    CONFIG_BEAT_MOST_MS = 100,
    CONFIG_BEAT_SILENCE_PERCENT = 80, /* of the lease: the fence begins to wait before it ends */
    CONFIG_BEAT_SILENCE_PERIODS = 3,
    CONFIG_BEAT_SILENCE_LEAST_MS = 100,
};

uint32_t config_beat_period_ms(const struct config_database *database)
{
    if (database->heartbeat.period_ms != 0) {
        return database->heartbeat.period_ms;
    }
    const uint32_t part_ms = database->lease_ms / CONFIG_BEAT_PARTS;
    return part_ms < CONFIG_BEAT_LEAST_MS  ? CONFIG_BEAT_LEAST_MS
           : part_ms > CONFIG_BEAT_MOST_MS ? CONFIG_BEAT_MOST_MS
                                           : part_ms;
}

uint32_t config_beat_silence_ms(const struct config_database *database)
{
    const uint32_t part_ms = (uint32_t)((uint64_t)database->lease_ms * CONFIG_BEAT_SILENCE_PERCENT / 100);
    const uint32_t wanted_ms = database->heartbeat.silence_ms != 0 ? database->heartbeat.silence_ms : part_ms;
    const uint32_t periods_ms = config_beat_period_ms(database) * CONFIG_BEAT_SILENCE_PERIODS;
    const uint32_t least_ms = periods_ms > CONFIG_BEAT_SILENCE_LEAST_MS ? periods_ms : CONFIG_BEAT_SILENCE_LEAST_MS;
    return wanted_ms > least_ms ? wanted_ms : least_ms;
}

const struct config_address *config_beat_address(const struct config_site *site)
{
    if ((site->roles & (CONFIG_ROLE_CONTROL | CONFIG_ROLE_OBSERVER)) == 0) {
        return NULL;
    }
    return site->beats.family != CONFIG_FAMILY_NONE        ? &site->beats
           : site->api.listen.family != CONFIG_FAMILY_NONE ? &site->api.listen
                                                           : NULL;
}
