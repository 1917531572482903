/* SPDX-License-Identifier: Apache-2.0
 * The kafka probe: produces one message and waits until all in-sync replicas have it.
 *
 * One producer per probe lives as long as the probe: it has threads of its own, and making one is dear. librdkafka
 * checks its time-outs about once a second, so the deadline is the probe's own. Its log goes to ours. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <librdkafka/rdkafka.h>

#include "base/assert.h"
#include "edge/clock.h"
#include "edge/log.h"
#include "edge/probe_driver.h"

enum {
    PROBE_KAFKA_RECONNECT_MS = 250, /* a broker that came back is found within a probe, not after 10 s */
};

/* Lives until its producer is destroyed on a work thread, perhaps longer than its slot. */
struct probe_kafka {
    struct probe_slot *slot;
    rd_kafka_t *producer;
    rd_kafka_topic_t *topic;
    rd_kafka_queue_t *events;
    uv_poll_t poll; /* on the descriptor that librdkafka writes to when something came */
    uv_work_t work;
    int descriptor;
    uint64_t sequence;       /* of the last message */
    rd_kafka_resp_err_t why; /* the last connection trouble since the last good delivery */
    char words[PROBE_MESSAGE];
    bool waiting;
};

static enum err probe_kafka_err(rd_kafka_resp_err_t number, const char *words)
{
    switch ((int)number) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        return ERR_OK;
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
        return strstr(words, "refused") != NULL ? ERR_REFUSED : ERR_UNREACHABLE;
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
        return ERR_TIMEOUT;
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
        return ERR_AUTH;
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
        return ERR_PERMISSION;
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
        return ERR_NOT_FOUND;
    default:
        return ERR_UNAVAILABLE; /* not enough replicas, leader not available, ... */
    }
}

static void probe_kafka_delivered(rd_kafka_t *producer, const rd_kafka_message_t *message, void *context)
{
    (void)producer;
    struct probe_kafka *kafka = context;
    uint64_t sequence = 0;
    if (!kafka->waiting || message->len != sizeof sequence) {
        return;
    }
    memcpy(&sequence, message->payload, sizeof sequence);
    if (sequence != kafka->sequence) {
        return; /* of an attempt that was given up */
    }
    kafka->waiting = false;
    struct probe_slot *slot = kafka->slot;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        kafka->why = RD_KAFKA_RESP_ERR_NO_ERROR;
        slot->result.phases.first_byte_us = probe_loop_elapsed_us(slot);
        probe_loop_finish(slot, ERR_OK, "acknowledged at offset %lld", (long long)message->offset);
    } else {
        probe_loop_finish(slot, probe_kafka_err(message->err, kafka->words), "%s: %s", slot->spec.address,
                          rd_kafka_err2str(message->err));
    }
}

static void probe_kafka_trouble(rd_kafka_t *producer, int number, const char *words, void *context)
{
    (void)producer;
    struct probe_kafka *kafka = context;
    kafka->why = (rd_kafka_resp_err_t)number;
    if (kafka->why == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && kafka->words[0] != 0) {
        return; /* "1/1 brokers are down" says less than why */
    }
    const char *colon = strstr(words, ": "); /* behind the broker's name: what happened, then times */
    snprintf(kafka->words, sizeof kafka->words, "%s", colon != NULL ? colon + 2 : words);
    char *after = strstr(kafka->words, " (after ");
    if (after != NULL) {
        *after = 0;
    }
}

static void probe_kafka_log(const rd_kafka_t *producer, int level, const char *facility, const char *words)
{
    (void)producer;
    /* syslog's levels; what concerns a check is in its result, so nothing here is louder than a notice. */
    log_write(level <= 4 ? LOG_INFO : LOG_DEBUG, "kafka probe: %s %s", facility, words);
}

/* The descriptor is written to only when something comes to an empty queue: what is left there is left for ever. */
static void probe_kafka_drain(struct probe_kafka *kafka)
{
    while (rd_kafka_poll(kafka->producer, 0) > 0) {
    }
}

static void probe_kafka_event(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    struct probe_kafka *kafka = poll->data;
    uint64_t count;
    (void)!read(kafka->descriptor, &count, sizeof count);
    probe_kafka_drain(kafka);
}

static rd_kafka_conf_t *probe_kafka_configure(struct probe_kafka *kafka, char *error, size_t size)
{
    char timeout[16];
    char reconnect[16];
    /* The first whole second that is not below the probe's own deadline. */
    snprintf(timeout, sizeof timeout, "%u", (kafka->slot->spec.timeout_ms / 1000 + 1) * 1000);
    snprintf(reconnect, sizeof reconnect, "%d", PROBE_KAFKA_RECONNECT_MS);
    const char *const settings[][2] = {{"bootstrap.servers", kafka->slot->spec.address},
                                       {"client.id", "holdfast"},
                                       {"acks", "all"},
                                       {"linger.ms", "0"},
                                       {"message.timeout.ms", timeout},
                                       {"reconnect.backoff.ms", "50"},
                                       {"reconnect.backoff.max.ms", reconnect},
                                       {"socket.keepalive.enable", "true"},
                                       {"log.connection.close", "false"}};
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        if (rd_kafka_conf_set(conf, settings[i][0], settings[i][1], error, size) != RD_KAFKA_CONF_OK) {
            rd_kafka_conf_destroy(conf);
            return NULL;
        }
    }
    rd_kafka_conf_set_opaque(conf, kafka);
    rd_kafka_conf_set_dr_msg_cb(conf, probe_kafka_delivered);
    rd_kafka_conf_set_error_cb(conf, probe_kafka_trouble);
    rd_kafka_conf_set_log_cb(conf, probe_kafka_log);
    return conf;
}

static struct probe_kafka *probe_kafka_new(struct probe_slot *slot, char *error, size_t size)
{
    static const uint64_t one = 1;
    struct probe_kafka *kafka = calloc(1, sizeof *kafka);
    if (kafka == NULL) {
        return NULL;
    }
    kafka->slot = slot;
    kafka->descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    rd_kafka_conf_t *conf = kafka->descriptor < 0 ? NULL : probe_kafka_configure(kafka, error, size);
    kafka->producer = conf == NULL ? NULL : rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, size);
    kafka->topic = kafka->producer == NULL ? NULL : rd_kafka_topic_new(kafka->producer, slot->spec.topic, NULL);
    if (kafka->topic == NULL) {
        if (kafka->producer != NULL) {
            snprintf(error, size, "%s", rd_kafka_err2str(rd_kafka_last_error()));
            rd_kafka_destroy(kafka->producer); /* and with it the configuration */
        } else if (conf != NULL) {
            rd_kafka_conf_destroy(conf);
        }
        if (kafka->descriptor >= 0) {
            close(kafka->descriptor);
        }
        free(kafka);
        return NULL;
    }
    kafka->events = rd_kafka_queue_get_main(kafka->producer);
    rd_kafka_queue_io_event_enable(kafka->events, kafka->descriptor, &one, sizeof one);
    ASSERT(uv_poll_init(probe_loop_uv(slot->loop), &kafka->poll, kafka->descriptor) == 0);
    kafka->poll.data = kafka;
    kafka->work.data = kafka;
    uv_poll_start(&kafka->poll, UV_READABLE, probe_kafka_event);
    return kafka;
}

static void probe_kafka_start(struct probe_slot *slot)
{
    char error[PROBE_MESSAGE] = "out of memory";
    if (slot->state == NULL) {
        slot->state = probe_kafka_new(slot, error, sizeof error);
    }
    struct probe_kafka *kafka = slot->state;
    if (kafka == NULL) {
        probe_loop_finish(slot, ERR_UNAVAILABLE, "no producer for %s: %s", slot->spec.address, error);
        return;
    }
    probe_kafka_drain(kafka); /* a refused connection may have been told before the descriptor was there */
    kafka->sequence++;
    kafka->waiting = true;
    slot->doing = "waiting for the acknowledgement of";
    uint64_t payload = kafka->sequence;
    if (rd_kafka_produce(kafka->topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, &payload, sizeof payload, NULL, 0,
                         NULL) != 0) {
        const rd_kafka_resp_err_t number = rd_kafka_last_error();
        kafka->waiting = false;
        probe_loop_finish(slot, probe_kafka_err(number, ""), "%s: %s", slot->spec.address, rd_kafka_err2str(number));
    }
}

static void probe_kafka_cancel(struct probe_slot *slot)
{
    struct probe_kafka *kafka = slot->state;
    kafka->waiting = false;
    rd_kafka_purge(kafka->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
}

/* When the broker could not be reached, that says more than that the time is over. */
static void probe_kafka_expire(struct probe_slot *slot)
{
    struct probe_kafka *kafka = slot->state;
    probe_kafka_cancel(slot);
    if (kafka->why == RD_KAFKA_RESP_ERR_NO_ERROR) {
        probe_loop_finish(slot, ERR_TIMEOUT, "timed out after %u ms waiting for the acknowledgement of %s",
                          slot->spec.timeout_ms, slot->spec.address);
    } else {
        probe_loop_finish(slot, probe_kafka_err(kafka->why, kafka->words), "%s: %s", slot->spec.address, kafka->words);
    }
}

/* Joins librdkafka's threads, which may take a while: not on the loop. */
static void probe_kafka_destroy(uv_work_t *work)
{
    struct probe_kafka *kafka = work->data;
    rd_kafka_topic_destroy(kafka->topic);
    rd_kafka_queue_destroy(kafka->events);
    rd_kafka_destroy(kafka->producer);
}

static void probe_kafka_destroyed(uv_work_t *work, int status)
{
    (void)status;
    struct probe_kafka *kafka = work->data;
    close(kafka->descriptor);
    free(kafka);
}

static void probe_kafka_poll_closed(uv_handle_t *handle)
{
    struct probe_kafka *kafka = handle->data;
    rd_kafka_queue_io_event_enable(kafka->events, -1, NULL, 0);
    if (uv_queue_work(handle->loop, &kafka->work, probe_kafka_destroy, probe_kafka_destroyed) != 0) {
        probe_kafka_destroy(&kafka->work);
        probe_kafka_destroyed(&kafka->work, 0);
    }
}

static void probe_kafka_close(struct probe_slot *slot)
{
    struct probe_kafka *kafka = slot->state;
    if (kafka != NULL) {
        slot->state = NULL;
        kafka->slot = NULL;
        ASSERT(!kafka->waiting);
        rd_kafka_purge(kafka->producer,
                       RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
        uv_close((uv_handle_t *)&kafka->poll, probe_kafka_poll_closed);
    }
}

const struct probe_driver probe_kafka_driver = {
    .start = probe_kafka_start, .cancel = probe_kafka_cancel, .expire = probe_kafka_expire, .close = probe_kafka_close};
