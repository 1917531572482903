/* SPDX-License-Identifier: Apache-2.0
 * The dns probe: a server answers a question over UDP, from a new port each time, as expected. */
#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

#include "base/assert.h"
#include "edge/probe_address.h"
#include "edge/probe_dns_message.h"
#include "edge/probe_driver.h"

/* One question under way. Frees itself once its socket is closed. */
struct probe_dns {
    struct probe_slot *slot;
    uv_udp_t udp;
    struct probe_dns_question question;
    uint8_t input[4096];
};

static void probe_dns_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void probe_dns_cancel(struct probe_slot *slot)
{
    struct probe_dns *dns = slot->state;
    uv_udp_recv_stop(&dns->udp);
    uv_close((uv_handle_t *)&dns->udp, probe_dns_closed);
    slot->state = NULL;
}

static void probe_dns_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    (void)suggested;
    struct probe_dns *dns = handle->data;
    *buf = uv_buf_init((char *)dns->input, sizeof dns->input);
}

static void probe_dns_received(uv_udp_t *udp, ssize_t size, const uv_buf_t *buf, const struct sockaddr *from,
                               unsigned flags)
{
    (void)buf;
    (void)flags;
    struct probe_dns *dns = udp->data;
    struct probe_slot *slot = dns->slot;
    if (slot->state != dns || (size == 0 && from == NULL)) {
        return;
    }
    if (size < 0) {
        probe_dns_cancel(slot);
        probe_loop_finish_connection(slot, err_from_errno((int)-size), slot->spec.address);
        return;
    }
    uint8_t memory[PROBE_MESSAGE];
    struct buf words;
    buf_init(&words, memory, sizeof memory);
    const enum err err = probe_dns_message_check(&dns->question, span_of(dns->input, (size_t)size), &words);
    if (err == ERR_STALE) {
        return; /* an answer to something else */
    }
    slot->result.phases.first_byte_us = probe_loop_elapsed_us(slot);
    probe_dns_cancel(slot);
    if (err == ERR_CONTENT && slot->spec.expect[0] != 0) {
        probe_loop_finish(slot, err, "%s %s, expected %s", slot->spec.address, buf_string(&words), slot->spec.expect);
    } else {
        probe_loop_finish(slot, err, "%s %s", slot->spec.address, buf_string(&words));
    }
}

static int probe_dns_send(struct probe_dns *dns)
{
    uint8_t memory[512];
    struct buf query;
    struct probe_address address;
    buf_init(&query, memory, sizeof memory);
    probe_dns_message_write(&dns->question, &query);
    ASSERT(!query.overflow);
    ASSERT(probe_address_parse(dns->slot->spec.address, &address) == ERR_OK);
    const uv_buf_t buf = uv_buf_init((char *)query.data, (unsigned)query.size);
    int status = uv_udp_connect(&dns->udp, (const struct sockaddr *)&address.storage);
    if (status == 0) {
        status = uv_udp_recv_start(&dns->udp, probe_dns_alloc, probe_dns_received);
    }
    if (status == 0) {
        status = uv_udp_try_send(&dns->udp, &buf, 1, NULL);
    }
    return status < 0 ? status : 0;
}

static void probe_dns_start(struct probe_slot *slot)
{
    ASSERT(slot->state == NULL);
    struct probe_dns *dns = calloc(1, sizeof *dns);
    if (dns == NULL) {
        probe_loop_finish(slot, ERR_NO_MEMORY, "no memory to probe %s", slot->spec.address);
        return;
    }
    const struct probe_spec *spec = &slot->spec;
    const enum err err = probe_dns_message_question(spec->dns_name, spec->dns_type, spec->expect, &dns->question);
    if (err != ERR_OK || RAND_bytes((unsigned char *)&dns->question.id, sizeof dns->question.id) != 1) {
        free(dns);
        probe_loop_finish(slot, ERR_INVALID, "not a possible question: %.40s %s %.40s", spec->dns_name, spec->dns_type,
                          spec->expect);
        return;
    }
    dns->slot = slot;
    ASSERT(uv_udp_init(probe_loop_uv(slot->loop), &dns->udp) == 0);
    dns->udp.data = dns;
    slot->state = dns;
    slot->doing = "waiting for the answer of";
    const int status = probe_dns_send(dns);
    if (status != 0) {
        probe_dns_cancel(slot);
        probe_loop_finish_connection(slot, err_from_errno(-status), spec->address);
    }
}

const struct probe_driver probe_dns_driver = {.start = probe_dns_start, .cancel = probe_dns_cancel};
