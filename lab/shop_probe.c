/* SPDX-License-Identifier: Apache-2.0
 * What a shop needs, looked at all the time: its region's database, Redis and Kafka. */
#include "shop_probe.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#include <hiredis/hiredis.h>
#include <librdkafka/rdkafka.h>

#include "base/assert.h"
#include "edge/clock.h"
#include "shop_pool.h"

enum {
    SHOP_PROBE_EACH_MS = 100,
    SHOP_PROBE_DEADLINE_MS = 300,
    SHOP_PROBE_FRESH_MS = 500,
};

struct shop_probe {
    const char *name;
    bool (*ask)(char error[SHOP_PROBE_ERROR]);
    bool used;
    bool up;
    int64_t latency_us;
    struct mono asked; /* 0: never */
    char error[SHOP_PROBE_ERROR];
};

static bool shop_probe_ask_database(char error[SHOP_PROBE_ERROR]);
static bool shop_probe_ask_redis(char error[SHOP_PROBE_ERROR]);
static bool shop_probe_ask_kafka(char error[SHOP_PROBE_ERROR]);

static pthread_mutex_t shop_probe_lock = PTHREAD_MUTEX_INITIALIZER;
static const struct shop_probe_config *shop_probe_config;
static struct shop_probe shop_probe_list[SHOP_PROBE_COUNT] = {
    {.name = "database", .ask = shop_probe_ask_database, .used = true},
    {.name = "redis", .ask = shop_probe_ask_redis, .used = true},
    {.name = "kafka", .ask = shop_probe_ask_kafka},
};

static void shop_probe_say(char error[SHOP_PROBE_ERROR], const char *text)
{
    (void)snprintf(error, SHOP_PROBE_ERROR, "%.*s", SHOP_PROBE_ERROR - 1, text);
    error[strcspn(error, "\r\n\"\\")] = '\0';
}

static bool shop_probe_ask_pool(struct shop_pool *pool, char error[SHOP_PROBE_ERROR])
{
    struct shop_pool_result result;
    const struct mono deadline = time_add_ms(clock_mono(), SHOP_PROBE_DEADLINE_MS / 2);
    shop_pool_execute(pool, "SELECT 1", NULL, 0, deadline, &result);
    if (result.outcome != SHOP_POOL_DONE) {
        shop_probe_say(error, result.error);
    }
    return result.outcome == SHOP_POOL_DONE;
}

static bool shop_probe_ask_database(char error[SHOP_PROBE_ERROR])
{
    static struct shop_pool *local;
    static struct shop_pool *writer;
    if (local == NULL) {
        local = shop_pool_new(shop_probe_config->database, 1);
        writer = shop_pool_new(shop_probe_config->writer, 1);
    }
    return shop_probe_ask_pool(local, error) || shop_probe_ask_pool(writer, error);
}

static redisContext *shop_probe_redis_connect(char error[SHOP_PROBE_ERROR])
{
    const struct timeval patience = {.tv_usec = SHOP_PROBE_DEADLINE_MS * 1000 / 2};
    redisContext *redis =
        redisConnectWithTimeout(shop_probe_config->redis_address, shop_probe_config->redis_port, patience);
    if (redis == NULL || redis->err != 0 || redisSetTimeout(redis, patience) != REDIS_OK) {
        shop_probe_say(error, redis != NULL ? redis->errstr : "out of memory");
        redisFree(redis);
        return NULL;
    }
    return redis;
}

/* Writes a value and reads it back. */
static bool shop_probe_ask_redis(char error[SHOP_PROBE_ERROR])
{
    static redisContext *redis;
    static uint64_t number;
    char value[32];
    if (redis == NULL) {
        redis = shop_probe_redis_connect(error);
    }
    if (redis == NULL) {
        return false;
    }
    (void)snprintf(value, sizeof(value), "%" PRIu64, ++number);
    redisReply *set = redisCommand(redis, "SET shop:health:%s %s EX 60", shop_probe_config->node, value);
    redisReply *get = set != NULL ? redisCommand(redis, "GET shop:health:%s", shop_probe_config->node) : NULL;
    const bool good = get != NULL && get->type == REDIS_REPLY_STRING && strcmp(get->str, value) == 0;
    if (!good) {
        shop_probe_say(error, redis->err != 0                                 ? redis->errstr
                              : set != NULL && set->type == REDIS_REPLY_ERROR ? set->str
                                                                              : "another value came back");
        redisFree(redis);
        redis = NULL;
    }
    freeReplyObject(get);
    freeReplyObject(set);
    return good;
}

static void shop_probe_kafka_delivered(rd_kafka_t *kafka, const rd_kafka_message_t *message, void *opaque)
{
    (void)kafka;
    (void)opaque;
    uint64_t number = 0;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR && message->len == sizeof(number)) {
        memcpy(&number, message->payload, sizeof(number));
        *(uint64_t *)rd_kafka_opaque(kafka) = number;
    }
}

static rd_kafka_t *shop_probe_kafka_open(uint64_t *acknowledged, char error[SHOP_PROBE_ERROR])
{
    static const char *const settings[][2] = {
        {"acks", "all"},
        {"linger.ms", "0"},
        {"message.timeout.ms", "1000"},
        {"reconnect.backoff.ms", "50"},
        {"reconnect.backoff.max.ms", "200"},
        {"topic.metadata.refresh.fast.interval.ms", "100"},
        {"socket.timeout.ms", "1000"},
        {"log_level", "0"},
    };
    char reason[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    bool good = rd_kafka_conf_set(conf, "bootstrap.servers", shop_probe_config->kafka, reason, sizeof(reason)) ==
                RD_KAFKA_CONF_OK;
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]) && good; i++) {
        good = rd_kafka_conf_set(conf, settings[i][0], settings[i][1], reason, sizeof(reason)) == RD_KAFKA_CONF_OK;
    }
    rd_kafka_conf_set_dr_msg_cb(conf, shop_probe_kafka_delivered);
    rd_kafka_conf_set_opaque(conf, acknowledged);
    rd_kafka_t *kafka = good ? rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof(reason)) : NULL;
    if (kafka == NULL) {
        rd_kafka_conf_destroy(conf);
        shop_probe_say(error, reason);
    }
    return kafka;
}

/* Produces one message and waits for its acknowledgement. librdkafka rounds its time-outs up to seconds: the deadline
 * here is ours, and what came too late is purged. */
static bool shop_probe_ask_kafka(char error[SHOP_PROBE_ERROR])
{
    static rd_kafka_t *kafka;
    static uint64_t acknowledged;
    static uint64_t number;
    if (kafka == NULL) {
        kafka = shop_probe_kafka_open(&acknowledged, error);
    }
    if (kafka == NULL) {
        return false;
    }
    number++;
    rd_kafka_vu_t message[] = {{.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = shop_probe_config->topic},
                               {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {&number, sizeof number}},
                               {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY}};
    rd_kafka_error_t *refused = rd_kafka_produceva(kafka, message, sizeof message / sizeof message[0]);
    const rd_kafka_resp_err_t sent = refused == NULL ? RD_KAFKA_RESP_ERR_NO_ERROR : rd_kafka_error_code(refused);
    rd_kafka_error_destroy(refused);
    if (sent != RD_KAFKA_RESP_ERR_NO_ERROR) {
        shop_probe_say(error, rd_kafka_err2str(sent));
        return false;
    }
    const struct mono deadline = time_add_ms(clock_mono(), SHOP_PROBE_DEADLINE_MS);
    while (acknowledged != number && !time_reached(clock_mono(), deadline)) {
        (void)rd_kafka_poll(kafka, 10);
    }
    if (acknowledged != number) {
        (void)rd_kafka_purge(kafka, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        (void)rd_kafka_poll(kafka, 0);
        shop_probe_say(error, "no acknowledgement in time");
        return false;
    }
    return true;
}

static void *shop_probe_thread(void *argument)
{
    struct shop_probe *probe = argument;
    for (;;) {
        char error[SHOP_PROBE_ERROR] = "";
        const struct mono start = clock_mono();
        const bool up = probe->ask(error);
        const struct mono end = clock_mono();
        (void)pthread_mutex_lock(&shop_probe_lock);
        probe->up = up;
        probe->asked = end;
        probe->latency_us = time_since_us(end, start);
        memcpy(probe->error, error, sizeof(error));
        (void)pthread_mutex_unlock(&shop_probe_lock);
        const struct timespec pause = {.tv_nsec = SHOP_PROBE_EACH_MS * 1000000L};
        (void)nanosleep(&pause, NULL);
    }
    return NULL;
}

void shop_probe_start(const struct shop_probe_config *config)
{
    ASSERT(shop_probe_config == NULL);
    shop_probe_config = config;
    shop_probe_list[2].used = config->kafka != NULL;
    for (size_t i = 0; i < SHOP_PROBE_COUNT; i++) {
        pthread_t thread;
        if (shop_probe_list[i].used) {
            const int failed = pthread_create(&thread, NULL, shop_probe_thread, &shop_probe_list[i]);
            ASSERT(failed == 0);
            (void)pthread_detach(thread);
        }
    }
}

bool shop_probe_read(struct shop_probe_status ret_status[SHOP_PROBE_COUNT])
{
    bool all = true;
    const struct mono now = clock_mono();
    (void)pthread_mutex_lock(&shop_probe_lock);
    for (size_t i = 0; i < SHOP_PROBE_COUNT; i++) {
        const struct shop_probe *probe = &shop_probe_list[i];
        /* The next answer may be up to a pause and a deadline away. */
        const bool fresh = probe->asked.us != 0 && time_since_ms(now, probe->asked) <= SHOP_PROBE_FRESH_MS;
        struct shop_probe_status *status = &ret_status[i];
        *status = (struct shop_probe_status){.name = probe->name, .used = probe->used, .up = probe->up && fresh};
        status->latency_ms = (double)probe->latency_us / TIME_US_PER_MS;
        (void)snprintf(status->error, sizeof(status->error), "%s",
                       status->up                           ? ""
                       : !probe->up && probe->asked.us != 0 ? probe->error
                                                            : "no answer lately");
        all = all && (status->up || !status->used);
    }
    (void)pthread_mutex_unlock(&shop_probe_lock);
    return all;
}
