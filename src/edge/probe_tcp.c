/* SPDX-License-Identifier: Apache-2.0
 * The tcp probe: a connection can be made. */
#include "base/assert.h"
#include "edge/probe_driver.h"
#include "edge/probe_stream.h"

static void probe_tcp_close(struct probe_slot *slot)
{
    probe_stream_close(slot->state);
    slot->state = NULL;
}

static void probe_tcp_connected(void *context)
{
    struct probe_slot *slot = context;
    slot->result.phases.connect_us = probe_loop_elapsed_us(slot);
    probe_tcp_close(slot);
    probe_loop_finish(slot, ERR_OK, "connected to %s", slot->spec.address);
}

static void probe_tcp_data(void *context, const uint8_t *data, size_t size)
{
    (void)context;
    (void)data;
    (void)size;
}

static void probe_tcp_ended(void *context, enum err err)
{
    struct probe_slot *slot = context;
    probe_tcp_close(slot);
    probe_loop_finish_connection(slot, err, slot->spec.address);
}

static void probe_tcp_start(struct probe_slot *slot)
{
    static const struct probe_stream_events events = {
        .connected = probe_tcp_connected, .data = probe_tcp_data, .ended = probe_tcp_ended};
    struct probe_address address;
    slot->doing = "connecting to";
    ASSERT(slot->state == NULL);
    ASSERT(probe_address_parse(slot->spec.address, &address) == ERR_OK);
    slot->state = probe_stream_new(probe_loop_uv(slot->loop), &address, &events, slot);
    if (slot->state == NULL) {
        probe_loop_finish(slot, ERR_NO_MEMORY, "no memory or descriptors to probe %s", slot->spec.address);
    }
}

const struct probe_driver probe_tcp_driver = {
    .start = probe_tcp_start, .cancel = probe_tcp_close, .close = probe_tcp_close};
