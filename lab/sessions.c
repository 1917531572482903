/* SPDX-License-Identifier: Apache-2.0
 * The lab's clients of a Redis behind relays: each counts up through one relay at a fixed pace, every attempt in a
 * journal.
 *
 *   lab-sessions JOURNAL ADDRESS:PORT...
 *
 * A line per attempt: CLOCK_BOOTTIME in microseconds, the relay, and what Redis said the counter is, or "-": it was not
 * acknowledged. SIGTERM ends it. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#include <hiredis/hiredis.h>

#include "edge/clock.h"

enum {
    SESSIONS_RELAYS = 8,
    SESSIONS_PACE_MS = 50,
    SESSIONS_PATIENCE_S = 2, /* one attempt */
};

static volatile sig_atomic_t sessions_stopping;

struct sessions {
    const char *relay; /* as given */
    char address[48];
    int port;
    FILE *journal; /* of all */
    pthread_t thread;
};

static void sessions_stop(int number)
{
    (void)number;
    sessions_stopping = 1;
}

/* The relay holds a client that comes while there is no primary: the answer to the first command shows it. */
static redisContext *sessions_connect(const struct sessions *sessions)
{
    const struct timeval patience = {.tv_sec = SESSIONS_PATIENCE_S};
    redisContext *redis = redisConnectWithTimeout(sessions->address, sessions->port, patience);
    if (redis != NULL && redis->err == 0 && redisSetTimeout(redis, patience) == REDIS_OK) {
        return redis;
    }
    redisFree(redis);
    return NULL;
}

static bool sessions_count(const struct sessions *sessions, redisContext *redis)
{
    redisReply *reply = redis != NULL ? redisCommand(redis, "INCR sessions:%s", sessions->relay) : NULL;
    const bool good = reply != NULL && reply->type == REDIS_REPLY_INTEGER;
    const long long now_us = (long long)clock_mono().us;
    if (good) {
        (void)fprintf(sessions->journal, "%lld %s %lld\n", now_us, sessions->relay, reply->integer);
    } else {
        (void)fprintf(sessions->journal, "%lld %s -\n", now_us, sessions->relay);
    }
    (void)fflush(sessions->journal);
    freeReplyObject(reply);
    return good;
}

static void *sessions_work(void *context)
{
    const struct sessions *sessions = context;
    const struct timespec pace = {.tv_nsec = SESSIONS_PACE_MS * 1000000L};
    redisContext *redis = NULL;
    while (sessions_stopping == 0) {
        if (redis == NULL) {
            redis = sessions_connect(sessions);
        }
        if (!sessions_count(sessions, redis)) {
            redisFree(redis);
            redis = NULL;
        }
        (void)nanosleep(&pace, NULL);
    }
    redisFree(redis);
    return NULL;
}

static bool sessions_read(struct sessions *sessions, const char *relay, FILE *journal)
{
    const char *colon = strrchr(relay, ':');
    char *end = NULL;
    if (colon == NULL || (size_t)(colon - relay) >= sizeof sessions->address) {
        return false;
    }
    memcpy(sessions->address, relay, (size_t)(colon - relay));
    const long port = strtol(colon + 1, &end, 10);
    sessions->port = (int)port;
    sessions->relay = relay;
    sessions->journal = journal;
    return end != colon + 1 && *end == '\0' && port > 0 && port <= 65535;
}

int main(int argc, char **argv)
{
    static struct sessions all[SESSIONS_RELAYS];
    const int count = argc - 2;
    if (count < 1 || count > SESSIONS_RELAYS) {
        (void)fprintf(stderr, "usage: lab-sessions JOURNAL ADDRESS:PORT...\n");
        return 2;
    }
    FILE *journal = fopen(argv[1], "ae");
    if (journal == NULL) {
        perror(argv[1]);
        return 1;
    }
    const struct sigaction stop = {.sa_handler = sessions_stop};
    (void)sigaction(SIGTERM, &stop, NULL);
    (void)sigaction(SIGINT, &stop, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    for (int i = 0; i < count; i++) {
        if (!sessions_read(&all[i], argv[i + 2], journal) ||
            pthread_create(&all[i].thread, NULL, sessions_work, &all[i]) != 0) {
            (void)fprintf(stderr, "lab-sessions: %s: no ADDRESS:PORT, or no thread\n", argv[i + 2]);
            return 2;
        }
    }
    for (int i = 0; i < count; i++) {
        (void)pthread_join(all[i].thread, NULL);
    }
    return fclose(journal) == 0 ? 0 : 1;
}
