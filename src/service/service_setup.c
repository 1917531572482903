/* SPDX-License-Identifier: Apache-2.0
 * What a relay is told by its configuration. */
#include "service/service_setup.h"

#include <string.h>

static uint32_t service_setup_find(const struct service_setup *setup, const char *name)
{
    for (uint32_t i = 0; i < LIMITS_SERVICES; i++) {
        if (setup->services[i].name[0] != 0 && strcmp(setup->services[i].name, name) == 0) {
            return i;
        }
    }
    return LIMITS_NONE;
}

static uint32_t service_setup_free(const struct service_setup *aligned, const uint32_t open[LIMITS_SERVICES])
{
    for (uint32_t i = 0; i < LIMITS_SERVICES; i++) {
        if (aligned->services[i].name[0] == 0) {
            return i;
        }
    }
    for (uint32_t i = 0; i < LIMITS_SERVICES; i++) {
        if (!aligned->services[i].present && open[i] == 0) {
            return i;
        }
    }
    return LIMITS_NONE;
}

enum err service_setup_align(const struct service_setup *present, const uint32_t open[LIMITS_SERVICES],
                             struct service_setup *next)
{
    struct service_setup aligned = *present;
    uint32_t slots[LIMITS_SERVICES];
    memcpy(aligned.region, next->region, sizeof aligned.region);
    for (uint32_t i = 0; i < LIMITS_SERVICES; i++) {
        aligned.services[i].present = false;
    }
    /* Known ones first, so that no new one takes their place. */
    for (uint32_t i = 0; i < LIMITS_SERVICES; i++) {
        slots[i] = next->services[i].name[0] != 0 ? service_setup_find(present, next->services[i].name) : LIMITS_NONE;
        if (slots[i] != LIMITS_NONE) {
            aligned.services[slots[i]] = next->services[i];
            aligned.services[slots[i]].present = true;
        }
    }
    for (uint32_t i = 0; i < LIMITS_SERVICES; i++) {
        if (next->services[i].name[0] == 0 || slots[i] != LIMITS_NONE) {
            continue;
        }
        slots[i] = service_setup_free(&aligned, open);
        if (slots[i] == LIMITS_NONE) {
            return ERR_QUEUE_FULL;
        }
        aligned.services[slots[i]] = next->services[i];
        aligned.services[slots[i]].present = true;
    }
    aligned.listeners_count = next->listeners_count;
    for (uint32_t i = 0; i < next->listeners_count; i++) {
        aligned.listeners[i].address = next->listeners[i].address;
        aligned.listeners[i].slot = slots[next->listeners[i].slot];
    }
    *next = aligned;
    return ERR_OK;
}

bool service_setup_same(const struct view_address *a, const struct view_address *b)
{
    return a->family == b->family && a->port == b->port && memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

bool service_setup_listens(const struct service_setup *setup, const struct service_setup_listener *listener)
{
    for (uint32_t i = 0; i < setup->listeners_count; i++) {
        if (setup->listeners[i].slot == listener->slot &&
            service_setup_same(&setup->listeners[i].address, &listener->address)) {
            return true;
        }
    }
    return false;
}
