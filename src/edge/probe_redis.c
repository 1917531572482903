/* SPDX-License-Identifier: Apache-2.0
 * The redis probe: writes a key and reads it back over a fresh connection.
 *
 * The last good connection is kept until the next one is good: when it breaks meanwhile, that is told at once. The
 * bytes go over our own stream; hiredis makes the commands and reads the replies. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "base/assert.h"
#include "edge/clock.h"
#include "edge/probe_driver.h"
#include "edge/probe_stream.h"

enum {
    PROBE_REDIS_KEY = 2 * PROBE_TEXT,
    PROBE_REDIS_EXPIRY_MS = 60000, /* nothing of ours stays in a cache that we no longer watch */
};

enum probe_redis_step { PROBE_REDIS_AUTH, PROBE_REDIS_SET, PROBE_REDIS_GET };

struct probe_redis;

struct probe_redis_link {
    struct probe_redis *redis;
    struct probe_stream *stream;
};

struct probe_redis {
    struct probe_slot *slot;
    struct probe_redis_link links[2];
    struct probe_redis_link *link; /* of the attempt */
    struct probe_redis_link *kept; /* the other one: of the last good attempt */
    redisReader *reader;
    enum probe_redis_step step;
    char key[PROBE_REDIS_KEY];
    char value[64];
};

static void probe_redis_unlink(struct probe_redis_link *link)
{
    probe_stream_close(link->stream);
    link->stream = NULL;
}

static void probe_redis_drop(struct probe_redis *redis)
{
    probe_redis_unlink(redis->link);
    redisReaderFree(redis->reader);
    redis->reader = NULL;
}

static void __attribute__((format(printf, 3, 4)))
probe_redis_fail(struct probe_redis *redis, enum err err, const char *format, ...)
{
    char message[PROBE_MESSAGE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    probe_redis_drop(redis);
    probe_loop_finish(redis->slot, err, "%s", message);
}

static void probe_redis_send(struct probe_redis *redis, int count, const char **words)
{
    char *command = NULL;
    const int size = redisFormatCommandArgv(&command, count, words, NULL);
    if (size > 0) {
        probe_stream_write(redis->link->stream, command, (size_t)size);
    }
    redisFreeCommand(command);
}

static void probe_redis_step(struct probe_redis *redis, enum probe_redis_step step)
{
    redis->step = step;
    if (step == PROBE_REDIS_AUTH) {
        const char *words[] = {"AUTH", redis->slot->spec.password};
        redis->slot->doing = "authenticating at";
        probe_redis_send(redis, 2, words);
    } else if (step == PROBE_REDIS_SET) {
        char expiry[16];
        snprintf(expiry, sizeof expiry, "%d", PROBE_REDIS_EXPIRY_MS);
        const char *words[] = {"SET", redis->key, redis->value, "PX", expiry};
        redis->slot->doing = "writing a key to";
        probe_redis_send(redis, 5, words);
    } else {
        const char *words[] = {"GET", redis->key};
        redis->slot->doing = "reading a key from";
        probe_redis_send(redis, 2, words);
    }
}

/* The attempt's connection becomes the kept one. */
static void probe_redis_good(struct probe_redis *redis, const char *what)
{
    struct probe_redis_link *last = redis->kept;
    redis->kept = redis->link;
    redis->link = last;
    probe_redis_drop(redis);
    probe_loop_finish(redis->slot, ERR_OK, "%s %s", what, redis->key);
}

static enum err probe_redis_error(const char *words)
{
    if (strncmp(words, "READONLY", 8) == 0) {
        return ERR_ROLE;
    }
    if (strncmp(words, "NOAUTH", 6) == 0 || strncmp(words, "WRONGPASS", 9) == 0 || strstr(words, "AUTH") != NULL ||
        strstr(words, "invalid password") != NULL) {
        return ERR_AUTH;
    }
    if (strncmp(words, "NOPERM", 6) == 0) {
        return ERR_PERMISSION;
    }
    if (strncmp(words, "OOM", 3) == 0) {
        return ERR_NO_MEMORY;
    }
    return ERR_UNAVAILABLE; /* LOADING, MASTERDOWN, CLUSTERDOWN, MISCONF, ... */
}

static void probe_redis_reply(struct probe_redis *redis, const redisReply *reply)
{
    const char *address = redis->slot->spec.address;
    if (redis->step == PROBE_REDIS_SET && redis->slot->spec.replica && reply->type == REDIS_REPLY_ERROR &&
        strncmp(reply->str, "READONLY", 8) == 0) {
        probe_redis_good(redis, "a replica, which does not take");
    } else if (reply->type == REDIS_REPLY_ERROR) {
        probe_redis_fail(redis, probe_redis_error(reply->str), "%s: %s", address, reply->str);
    } else if (redis->step != PROBE_REDIS_GET) {
        if (reply->type != REDIS_REPLY_STATUS || strcmp(reply->str, "OK") != 0) {
            probe_redis_fail(redis, ERR_PROTOCOL, "%s: unexpected reply", address);
        } else {
            probe_redis_step(redis, redis->step == PROBE_REDIS_AUTH ? PROBE_REDIS_SET : PROBE_REDIS_GET);
        }
    } else if (reply->type != REDIS_REPLY_STRING || strcmp(reply->str, redis->value) != 0) {
        probe_redis_fail(redis, ERR_CONTENT, "%s: read %.40s, wrote %s", address,
                         reply->type == REDIS_REPLY_STRING ? reply->str : "nothing", redis->value);
    } else {
        probe_redis_good(redis, "wrote and read");
    }
}

static void probe_redis_data(void *context, const uint8_t *data, size_t size)
{
    const struct probe_redis_link *link = context;
    struct probe_redis *redis = link->redis;
    struct probe_slot *slot = redis->slot;
    if (link == redis->kept) {
        return; /* nothing is expected there */
    }
    if (slot->result.phases.first_byte_us == 0) {
        slot->result.phases.first_byte_us = probe_loop_elapsed_us(slot) - slot->result.phases.connect_us;
    }
    void *reply = NULL;
    if (redisReaderFeed(redis->reader, (const char *)data, size) != REDIS_OK ||
        redisReaderGetReply(redis->reader, &reply) != REDIS_OK) {
        probe_redis_fail(redis, ERR_PROTOCOL, "%s does not speak Redis: %.60s", slot->spec.address,
                         redis->reader->errstr);
        return;
    }
    if (reply != NULL) {
        probe_redis_reply(redis, reply);
        freeReplyObject(reply);
    }
}

static void probe_redis_connected(void *context)
{
    struct probe_redis *redis = ((const struct probe_redis_link *)context)->redis;
    redis->slot->result.phases.connect_us = probe_loop_elapsed_us(redis->slot);
    probe_redis_step(redis, redis->slot->spec.password[0] != 0 ? PROBE_REDIS_AUTH : PROBE_REDIS_SET);
}

/* When the kept connection breaks during an attempt, the attempt itself will tell. */
static void probe_redis_ended(void *context, enum err err)
{
    struct probe_redis_link *link = context;
    struct probe_redis *redis = link->redis;
    struct probe_slot *slot = redis->slot;
    if (link == redis->link) {
        probe_redis_drop(redis);
        probe_loop_finish_connection(slot, err, slot->spec.address);
        return;
    }
    probe_redis_unlink(link);
    if (!probe_loop_running(slot)) {
        probe_loop_news(slot, err, "%s broke the kept connection", slot->spec.address);
    }
}

static struct probe_redis *probe_redis_new(struct probe_slot *slot)
{
    struct probe_redis *redis = calloc(1, sizeof *redis);
    if (redis == NULL) {
        return NULL;
    }
    redis->slot = slot;
    redis->links[0].redis = redis;
    redis->links[1].redis = redis;
    redis->link = &redis->links[0];
    redis->kept = &redis->links[1];
    if (slot->spec.key[0] != 0) {
        /* Observers must not overwrite each other's values between write and read. */
        snprintf(redis->key, sizeof redis->key, "%s:%s", slot->spec.key, probe_loop_options(slot->loop)->site);
    } else {
        snprintf(redis->key, sizeof redis->key, "holdfast:probe:%s:%s:%s", probe_loop_options(slot->loop)->site,
                 slot->spec.check, slot->spec.region);
    }
    return redis;
}

static void probe_redis_start(struct probe_slot *slot)
{
    static const struct probe_stream_events events = {
        .connected = probe_redis_connected, .data = probe_redis_data, .ended = probe_redis_ended};
    struct probe_address address;
    if (slot->state == NULL) {
        slot->state = probe_redis_new(slot);
    }
    struct probe_redis *redis = slot->state;
    slot->doing = "connecting to";
    ASSERT(probe_address_parse(slot->spec.address, &address) == ERR_OK);
    if (redis != NULL) {
        ASSERT(redis->link->stream == NULL && redis->reader == NULL);
        snprintf(redis->value, sizeof redis->value, "%lld", (long long)clock_wall().us);
        redis->reader = redisReaderCreate();
        redis->link->stream =
            redis->reader == NULL ? NULL : probe_stream_new(probe_loop_uv(slot->loop), &address, &events, redis->link);
    }
    if (redis == NULL || redis->link->stream == NULL) {
        if (redis != NULL) {
            probe_redis_drop(redis);
        }
        probe_loop_finish(slot, ERR_NO_MEMORY, "no memory or descriptors to probe %s", slot->spec.address);
    }
}

static void probe_redis_cancel(struct probe_slot *slot)
{
    probe_redis_drop(slot->state);
}

static void probe_redis_close(struct probe_slot *slot)
{
    struct probe_redis *redis = slot->state;
    if (redis != NULL) {
        probe_redis_unlink(redis->kept);
        free(redis);
        slot->state = NULL;
    }
}

const struct probe_driver probe_redis_driver = {
    .start = probe_redis_start, .cancel = probe_redis_cancel, .close = probe_redis_close};
