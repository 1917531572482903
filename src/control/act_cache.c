/* SPDX-License-Identifier: Apache-2.0
 * Orders to the servers of a cache: take writes, follow another one, hold writes until that has everything. */
#include <arpa/inet.h>
#include <stdio.h>
#include <time.h>

#include "base/assert.h"
#include "base/text.h"
#include "control/act.h"
#include "edge/clock.h"
#include "edge/redis.h"

enum {
    ACT_CACHE_STEP_MS = 500,    /* of one command */
    ACT_CACHE_BEHIND_MS = 2000, /* writes are held so much longer than the order may last: the change comes then */
    ACT_CACHE_LOOK_MS = 10,
};

static enum err act_cache_open(const struct act_job *job, uint32_t target, struct redis **ret_redis)
{
    const struct model *model = &job->setup->model;
    if (target >= model->targets_count || model->targets[target].service != job->action.service) {
        return ERR_NOT_FOUND; /* of another configuration */
    }
    return redis_open(&model->targets[target].address, job->setup->caches[job->action.service], ACT_CACHE_STEP_MS,
                      ret_redis);
}

/* A pause of an earlier order ends; who never had one says OK, too. */
static void act_cache_release(struct redis *redis)
{
    static const char *const words[] = {"CLIENT", "UNPAUSE"};
    if (redis_tell(redis, 2, words) != ERR_OK) {
        return; /* an old server: the pause ends by itself */
    }
}

/* Whether it has what the primary before has, which holds its writes: its replica still, or promoted by an order whose
 * answer was lost. One that has started anew since it caught up is empty. */
static enum err act_cache_has(const struct act_job *job, struct redis *redis)
{
    struct redis *other = NULL;
    struct redis_info mine;
    struct redis_info theirs;
    enum err err = act_cache_open(job, job->action.other, &other);
    err = err == ERR_OK ? redis_look(other, &theirs) : err;
    err = err == ERR_OK ? redis_look(redis, &mine) : err;
    redis_close(other);
    if (err == ERR_OK && ((!mine.primary && !mine.linked) || mine.offset < theirs.offset)) {
        err = ERR_LAG;
    }
    return err;
}

/* The primary before holds its writes only for a while: after that it is too late. */
static enum err act_cache_promote(const struct act_job *job, struct redis *redis)
{
    static const char *const words[] = {"REPLICAOF", "NO", "ONE"};
    enum err err = job->action.other != LIMITS_NONE ? act_cache_has(job, redis) : ERR_OK;
    if (err == ERR_OK && job->action.until.us != 0 && time_reached(clock_mono(), job->action.until)) {
        err = ERR_TIMEOUT;
    }
    err = err == ERR_OK ? redis_tell(redis, 3, words) : err;
    if (err == ERR_OK) {
        act_cache_release(redis);
    }
    return err;
}

static enum err act_cache_follow(const struct act_job *job, struct redis *redis)
{
    const struct model *model = &job->setup->model;
    if (job->action.other >= model->targets_count) {
        return ERR_NOT_FOUND;
    }
    const struct view_address *other = &model->targets[job->action.other].address;
    char host[INET6_ADDRSTRLEN] = "";
    char port[16];
    ASSERT(inet_ntop(other->family == 6 ? AF_INET6 : AF_INET, other->bytes, host, sizeof host) != NULL);
    snprintf(port, sizeof port, "%u", other->port);
    const char *const words[] = {"REPLICAOF", host, port};
    const enum err err = redis_tell(redis, 3, words);
    if (err == ERR_OK) {
        act_cache_release(redis);
    }
    return err;
}

/* Until `other` has what the primary had when it stopped. */
static enum err act_cache_catch_up(struct redis *redis, struct redis *other, struct mono until)
{
    struct redis_info info;
    enum err err = redis_look(redis, &info);
    const uint64_t wanted = err == ERR_OK ? info.offset : 0;
    while (err == ERR_OK) {
        err = redis_look(other, &info);
        if (err != ERR_OK || (info.linked && info.offset >= wanted)) {
            return err;
        }
        if (time_reached(clock_mono(), until)) {
            return ERR_LAG;
        }
        const struct timespec pause = {.tv_nsec = ACT_CACHE_LOOK_MS * 1000000};
        nanosleep(&pause, NULL);
    }
    return err;
}

static enum err act_cache_quiet(const struct act_job *job, struct redis *redis)
{
    const struct mono until = time_add_ms(clock_mono(), job->action.timeout_ms / 2);
    char held[16];
    snprintf(held, sizeof held, "%u", job->action.timeout_ms + ACT_CACHE_BEHIND_MS);
    const char *const words[] = {"CLIENT", "PAUSE", held, "WRITE"};
    struct redis *other = NULL;
    enum err err = act_cache_open(job, job->action.other, &other);
    if (err != ERR_OK) {
        return err;
    }
    err = redis_tell(redis, 4, words);
    if (err == ERR_OK) {
        err = act_cache_catch_up(redis, other, until);
        if (err != ERR_OK) {
            act_cache_release(redis);
        }
    }
    redis_close(other);
    return err;
}

void act_cache_run(const struct act_job *job, struct event_result *ret_result)
{
    struct redis *redis = NULL;
    enum err err = act_cache_open(job, job->action.target, &redis);
    if (err == ERR_OK) {
        err = job->action.kind == ACTION_CACHE_PROMOTE  ? act_cache_promote(job, redis)
              : job->action.kind == ACTION_CACHE_FOLLOW ? act_cache_follow(job, redis)
                                                        : act_cache_quiet(job, redis);
        text_copy(ret_result->detail, sizeof ret_result->detail, redis_said(redis));
    }
    redis_close(redis);
    ret_result->ok = err == ERR_OK;
    ret_result->error = err;
}
