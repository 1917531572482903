/* SPDX-License-Identifier: Apache-2.0
 * A Redis server as the controller speaks with it. */
#include "edge/redis.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <hiredis/hiredis.h>

#include "base/assert.h"
#include "base/text.h"
#include "edge/tcp.h"

enum {
    REDIS_SAID = 128,
    REDIS_WORDS = 8,
};

struct redis {
    redisContext *context;
    char said[REDIS_SAID];
};

const char *redis_said(const struct redis *redis)
{
    return redis->said;
}

static enum err redis_connect(const struct view_address *address, int64_t timeout_ms, int *ret_fd)
{
    int fd = -1;
    enum err err = tcp_connect(address, &fd);
    if (err != ERR_OK) {
        return err;
    }
    struct pollfd wait = {.fd = fd, .events = POLLOUT};
    const int ready = poll(&wait, 1, (int)timeout_ms);
    err = ready > 0 ? tcp_connected(fd) : ERR_TIMEOUT;
    if (err != ERR_OK) {
        close(fd);
        return err;
    }
    tcp_tune_server(fd);
    (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK); /* hiredis waits in its calls */
    *ret_fd = fd;
    return ERR_OK;
}

static enum err redis_failed(const struct redis *redis)
{
    const int kind = redis->context->err;
    return kind == REDIS_ERR_EOF                     ? ERR_CLOSED
           : kind == REDIS_ERR_IO && errno == EAGAIN ? ERR_TIMEOUT
           : kind == REDIS_ERR_IO                    ? err_from_errno(errno)
           : kind == REDIS_ERR_OOM                   ? ERR_NO_MEMORY
                                                     : ERR_PROTOCOL;
}

static enum err redis_refused(const char *words)
{
    if (strncmp(words, "NOAUTH", 6) == 0 || strncmp(words, "WRONGPASS", 9) == 0 || strstr(words, "AUTH") != NULL) {
        return ERR_AUTH;
    }
    return strncmp(words, "NOPERM", 6) == 0     ? ERR_PERMISSION
           : strncmp(words, "READONLY", 8) == 0 ? ERR_ROLE
                                                : ERR_UNAVAILABLE;
}

/* The caller frees the reply. */
static enum err redis_ask(struct redis *redis, uint32_t count, const char *const *words, redisReply **ret_reply)
{
    ASSERT(count <= REDIS_WORDS);
    const char *arguments[REDIS_WORDS];
    memcpy(arguments, words, count * sizeof words[0]);
    redis->said[0] = 0;
    redisReply *reply = redisCommandArgv(redis->context, (int)count, arguments, NULL);
    if (reply == NULL) {
        return redis_failed(redis);
    }
    if (reply->type == REDIS_REPLY_ERROR) {
        text_copy(redis->said, sizeof redis->said, reply->str);
        freeReplyObject(reply);
        return redis_refused(redis->said);
    }
    *ret_reply = reply;
    return ERR_OK;
}

enum err redis_tell(struct redis *redis, uint32_t count, const char *const *words)
{
    redisReply *reply = NULL;
    enum err err = redis_ask(redis, count, words, &reply);
    if (err == ERR_OK) {
        /* REPLICAOF says "OK Already connected ..." when nothing changes. */
        const bool good = reply->type == REDIS_REPLY_STATUS && strncmp(reply->str, "OK", 2) == 0;
        freeReplyObject(reply);
        err = good ? ERR_OK : ERR_PROTOCOL;
    }
    return err;
}

enum err redis_look(struct redis *redis, struct redis_info *ret_info)
{
    static const char *const words[] = {"INFO"};
    redisReply *reply = NULL;
    enum err err = redis_ask(redis, 1, words, &reply);
    if (err == ERR_OK) {
        const bool text = reply->type == REDIS_REPLY_STRING;
        err = text ? redis_info_parse(span_of(reply->str, reply->len), ret_info) : ERR_PROTOCOL;
        freeReplyObject(reply);
    }
    return err;
}

enum err redis_open(const struct view_address *address, const char *password, int64_t timeout_ms,
                    struct redis **ret_redis)
{
    struct redis *redis = calloc(1, sizeof *redis);
    int fd = -1;
    enum err err = redis != NULL ? redis_connect(address, timeout_ms, &fd) : ERR_NO_MEMORY;
    if (err != ERR_OK) {
        free(redis);
        return err;
    }
    const struct timeval limit = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
    redis->context = redisConnectFd(fd);
    if (redis->context == NULL) {
        close(fd);
        free(redis);
        return ERR_NO_MEMORY;
    }
    err = redisSetTimeout(redis->context, limit) == REDIS_OK ? ERR_OK : ERR_IO;
    if (err == ERR_OK && password[0] != 0) {
        const char *const words[] = {"AUTH", password};
        err = redis_tell(redis, 2, words);
    }
    if (err != ERR_OK) {
        redis_close(redis);
        return err;
    }
    *ret_redis = redis;
    return ERR_OK;
}

void redis_close(struct redis *redis)
{
    if (redis != NULL) {
        redisFree(redis->context);
        free(redis);
    }
}
