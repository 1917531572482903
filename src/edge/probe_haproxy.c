/* SPDX-License-Identifier: Apache-2.0
 * The haproxy probe: servers up, requests and error rate of a backend, from the runtime socket. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "edge/haproxy.h"
#include "edge/probe_driver.h"
#include "edge/probe_stream.h"

struct probe_haproxy {
    struct probe_stream *stream;
    uint8_t *answer;
    size_t size;
    size_t capacity;
    bool sampled; /* there is a last sample */
    int64_t requests;
    int64_t errors;
    struct haproxy_stat stat;
};

static void probe_haproxy_drop(struct probe_haproxy *haproxy)
{
    probe_stream_close(haproxy->stream);
    haproxy->stream = NULL;
    haproxy->size = 0;
}

static void probe_haproxy_connected(void *context)
{
    struct probe_slot *slot = context;
    struct probe_haproxy *haproxy = slot->state;
    static const char command[] = "show stat\n";
    slot->result.phases.connect_us = probe_loop_elapsed_us(slot);
    slot->doing = "waiting for the figures of";
    probe_stream_write(haproxy->stream, command, sizeof command - 1);
}

static void probe_haproxy_data(void *context, const uint8_t *data, size_t size)
{
    struct probe_slot *slot = context;
    struct probe_haproxy *haproxy = slot->state;
    if (haproxy->size == 0) {
        slot->result.phases.first_byte_us = probe_loop_elapsed_us(slot) - slot->result.phases.connect_us;
    }
    size_t capacity = haproxy->capacity == 0 ? 8192 : haproxy->capacity;
    while (capacity < haproxy->size + size) {
        capacity *= 2;
    }
    uint8_t *answer = capacity == haproxy->capacity ? haproxy->answer : realloc(haproxy->answer, capacity);
    if (answer == NULL || capacity > HAPROXY_ANSWER_BYTES) {
        haproxy->answer = answer != NULL ? answer : haproxy->answer;
        haproxy->capacity = answer != NULL ? capacity : haproxy->capacity;
        probe_haproxy_drop(haproxy);
        probe_loop_finish(slot, ERR_TOO_LARGE, "the figures of %s are longer than 1 MiB", slot->spec.address);
        return;
    }
    haproxy->answer = answer;
    haproxy->capacity = capacity;
    memcpy(haproxy->answer + haproxy->size, data, size);
    haproxy->size += size;
}

/* Error rate over what was added since the last sample; counters that went back mean that HAProxy was restarted. */
static void probe_haproxy_figures(struct probe_slot *slot, struct probe_haproxy *haproxy)
{
    const struct haproxy_stat *stat = &haproxy->stat;
    const bool restarted = stat->requests < haproxy->requests || stat->errors < haproxy->errors;
    if (slot->spec.figure == MODEL_FIGURE_PODS_DOWN) {
        slot->result.value_ppm = stat->servers_count == 0 ? 1000000
                                                          : (int64_t)(stat->servers_count - stat->servers_up) *
                                                                1000000 / stat->servers_count;
    } else if (haproxy->sampled && !restarted) {
        const int64_t requests = stat->requests - haproxy->requests;
        const int64_t errors = stat->errors - haproxy->errors;
        slot->result.requests = requests;
        slot->result.value_ppm = requests == 0 ? 0 : (int64_t)((double)errors * 1e6 / (double)requests);
    }
    haproxy->sampled = true;
    haproxy->requests = stat->requests;
    haproxy->errors = stat->errors;
}

static void probe_haproxy_arrived(struct probe_slot *slot, struct probe_haproxy *haproxy)
{
    const struct haproxy_stat *stat = &haproxy->stat;
    const enum err err =
        haproxy_stat_parse(span_of(haproxy->answer, haproxy->size), slot->spec.backend, &haproxy->stat);
    probe_haproxy_drop(haproxy);
    if (err == ERR_NOT_FOUND) {
        probe_loop_finish(slot, ERR_NOT_FOUND, "%s has no backend %s", slot->spec.address,
                          slot->spec.backend[0] != 0 ? slot->spec.backend : "(exactly one expected)");
    } else if (err != ERR_OK) {
        probe_loop_finish(slot, err, "%s does not answer show stat", slot->spec.address);
    } else {
        probe_haproxy_figures(slot, haproxy);
        if (stat->servers_up == 0) {
            probe_loop_finish(slot, ERR_UNAVAILABLE, "0 of %u servers of backend %s up", stat->servers_count,
                              stat->backend);
        } else {
            probe_loop_finish(slot, ERR_OK, "%u of %u servers of backend %s up", stat->servers_up, stat->servers_count,
                              stat->backend);
        }
    }
}

static void probe_haproxy_ended(void *context, enum err err)
{
    struct probe_slot *slot = context;
    struct probe_haproxy *haproxy = slot->state;
    if (err == ERR_CLOSED && haproxy->size > 0) {
        probe_haproxy_arrived(slot, haproxy);
        return;
    }
    probe_haproxy_drop(haproxy);
    probe_loop_finish_connection(slot, err, slot->spec.address);
}

static void probe_haproxy_start(struct probe_slot *slot)
{
    static const struct probe_stream_events events = {
        .connected = probe_haproxy_connected, .data = probe_haproxy_data, .ended = probe_haproxy_ended};
    struct probe_address address;
    struct probe_haproxy *haproxy = slot->state;
    if (haproxy == NULL) {
        haproxy = calloc(1, sizeof *haproxy);
        slot->state = haproxy;
    }
    slot->doing = "connecting to";
    ASSERT(probe_address_parse(slot->spec.address, &address) == ERR_OK);
    if (haproxy != NULL) {
        ASSERT(haproxy->stream == NULL);
        haproxy->stream = probe_stream_new(probe_loop_uv(slot->loop), &address, &events, slot);
    }
    if (haproxy == NULL || haproxy->stream == NULL) {
        probe_loop_finish(slot, ERR_NO_MEMORY, "no memory or descriptors to probe %s", slot->spec.address);
    }
}

static void probe_haproxy_cancel(struct probe_slot *slot)
{
    probe_haproxy_drop(slot->state);
}

static void probe_haproxy_close(struct probe_slot *slot)
{
    struct probe_haproxy *haproxy = slot->state;
    if (haproxy != NULL) {
        ASSERT(haproxy->stream == NULL);
        free(haproxy->answer);
        free(haproxy);
        slot->state = NULL;
    }
}

const struct probe_driver probe_haproxy_driver = {
    .start = probe_haproxy_start, .cancel = probe_haproxy_cancel, .close = probe_haproxy_close};
