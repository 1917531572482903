/* SPDX-License-Identifier: Apache-2.0
 * Heartbeats on their way out. */
#include "agent/pulse.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "agent/file.h"
#include "base/assert.h"
#include "base/cursor.h"
#include "base/text.h"
#include "edge/address.h"
#include "edge/clock.h"
#include "edge/log.h"
#include "wire/beat.h"

enum {
    PULSE_DEATHS = 3, /* times that a death is said at once */
    PULSE_DEATH_MS = 2,
    PULSE_NUMBER = 32, /* bytes of the file */
    PULSE_PATH = AGENT_OPTIONS_PATH + 32,
    PULSE_MODE = 0600,
};

struct pulse {
    const struct agent_options *options;
    struct beat_key key;
    struct address ears[LIMITS_SITES];
    int sockets[LIMITS_SITES]; /* one each: an unreachable site costs the others nothing */
    uint32_t ears_count;
    uint64_t boot;
    uint64_t started;
    uint64_t sequence; /* of the thread */
    pthread_t thread;
    bool running;
    pthread_mutex_t lock; /* for moments; guards the rest */
    pthread_cond_t changed;
    uint8_t state;
    bool leaving;
    uint32_t deaths; /* to be said at once */
    uint64_t epoch;
    struct mono told_at;
    bool quit;
};

/* ---- the number of this life ---- */

static uint64_t pulse_number_read(const char *path)
{
    uint8_t memory[PULSE_NUMBER];
    struct buf text;
    buf_init(&text, memory, sizeof memory);
    uint64_t number = 0;
    if (file_read(path, &text) != ERR_OK) {
        return 0;
    }
    for (size_t i = 0; i < text.size && memory[i] >= '0' && memory[i] <= '9'; i++) {
        if (__builtin_mul_overflow(number, 10, &number) || __builtin_add_overflow(number, memory[i] - '0', &number)) {
            return 0;
        }
    }
    return number;
}

static uint64_t pulse_number(const char *home)
{
    char path[PULSE_PATH];
    char text[PULSE_NUMBER];
    snprintf(path, sizeof path, "%s/beats", home);
    const uint64_t before = pulse_number_read(path);
    const uint64_t wall = (uint64_t)clock_wall().us;
    const uint64_t number = before >= wall ? before + 1 : wall;
    const int size = snprintf(text, sizeof text, "%llu\n", (unsigned long long)number);
    const enum err err = file_replace(path, text, (size_t)size, PULSE_MODE);
    if (err != ERR_OK) {
        LOG_W("%s: %s: after a restart with a clock set back, heartbeats would not be believed", path, err_text(err));
    }
    return number;
}

/* ---- the thread ---- */

static void pulse_send(struct pulse *pulse, uint8_t state, uint64_t epoch)
{
    uint8_t memory[BEAT_BUFFER];
    struct buf datagram;
    struct beat beat = {.state = state,
                        .boot = pulse->boot,
                        .started = pulse->started,
                        .sequence = ++pulse->sequence,
                        .mono_us = (uint64_t)clock_mono().us,
                        .epoch = epoch};
    text_copy(beat.node, sizeof beat.node, pulse->options->node);
    buf_init(&datagram, memory, sizeof memory);
    beat_write(&datagram, &pulse->key, &beat);
    for (uint32_t i = 0; i < pulse->ears_count; i++) {
        /* What cannot be sent is as good as lost: the next one says the same. */
        (void)sendto(pulse->sockets[i], datagram.data, datagram.size, MSG_DONTWAIT | MSG_NOSIGNAL,
                     (const struct sockaddr *)&pulse->ears[i].storage, pulse->ears[i].size);
    }
}

/* Waits for the next heartbeat's time; a death in between ends the wait. `lock` held. */
static void pulse_wait(struct pulse *pulse, struct mono next)
{
    while (!pulse->quit && pulse->deaths == 0 && !time_reached(clock_mono(), next)) {
        const int64_t left_us = time_since_us(next, clock_mono());
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until); /* only for the condition: BOOTTIME is not possible there */
        const int64_t ns = until.tv_nsec + (left_us > 0 ? left_us : 0) * 1000;
        until.tv_sec += ns / 1000000000;
        until.tv_nsec = ns % 1000000000;
        (void)pthread_cond_timedwait(&pulse->changed, &pulse->lock, &until);
    }
}

static void *pulse_main(void *context)
{
    struct pulse *pulse = context;
    struct mono next = clock_mono();
    pthread_mutex_lock(&pulse->lock);
    while (!pulse->quit) {
        /* Who vouches for a main loop that hangs would hide a failure. */
        const bool lives = time_since_us(clock_mono(), pulse->told_at) < pulse->options->lease_us;
        const uint8_t state = (uint8_t)(pulse->state | (pulse->leaving ? BEAT_LEAVING : 0));
        const uint64_t epoch = pulse->epoch;
        const bool again = pulse->deaths > 1;
        pulse->deaths -= pulse->deaths > 0;
        pthread_mutex_unlock(&pulse->lock);
        if (lives) {
            pulse_send(pulse, state, epoch);
        }
        const struct mono now = clock_mono();
        next = time_add_ms(next, pulse->options->beat_ms);
        next = time_reached(now, next) ? time_add_ms(now, pulse->options->beat_ms) : next; /* it stood still */
        if (again) {
            const struct timespec pause = {.tv_nsec = PULSE_DEATH_MS * 1000000};
            (void)nanosleep(&pause, NULL);
        }
        pthread_mutex_lock(&pulse->lock);
        pulse_wait(pulse, next);
    }
    pthread_mutex_unlock(&pulse->lock);
    return NULL;
}

/* ---- start and stop ---- */

static void pulse_ears(struct pulse *pulse)
{
    for (uint32_t i = 0; i < pulse->options->ears_count; i++) {
        struct address *ear = &pulse->ears[pulse->ears_count];
        if (address_parse(pulse->options->ears[i], ear) != ERR_OK) {
            LOG_E("heartbeats cannot be sent to '%s'", pulse->options->ears[i]);
            continue;
        }
        const int fd = socket(ear->storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0) {
            LOG_E("no socket for heartbeats to %s: %s", pulse->options->ears[i], err_text(err_from_errno(errno)));
            continue;
        }
        pulse->sockets[pulse->ears_count++] = fd;
    }
}

enum err pulse_new(const struct agent_options *options, const char *home, uint64_t boot, struct pulse **ret_pulse)
{
    struct pulse *pulse = calloc(1, sizeof *pulse);
    if (pulse == NULL) {
        return ERR_NO_MEMORY;
    }
    ASSERT(options->ears_count <= LIMITS_SITES && options->beat_ms > 0);
    pulse->options = options;
    pulse->boot = boot;
    pulse->told_at = clock_mono();
    beat_key_make(&pulse->key, options->token, options->system);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&pulse->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&pulse->lock, NULL);
    pulse_ears(pulse);
    pulse->started = pulse->ears_count > 0 ? pulse_number(home) : 0;
    pulse->running = pulse->ears_count > 0 && pthread_create(&pulse->thread, NULL, pulse_main, pulse) == 0;
    if (pulse->ears_count > 0 && !pulse->running) {
        pulse_free(pulse);
        return ERR_NO_MEMORY;
    }
    *ret_pulse = pulse;
    return ERR_OK;
}

void pulse_tell(struct pulse *pulse, uint8_t state, uint64_t epoch)
{
    pthread_mutex_lock(&pulse->lock);
    const bool died = (state & BEAT_DIED) != 0 && (pulse->state & BEAT_DIED) == 0;
    pulse->state = state;
    pulse->epoch = epoch;
    pulse->told_at = clock_mono();
    if (died) {
        pulse->deaths = PULSE_DEATHS;
        pthread_cond_signal(&pulse->changed);
    }
    pthread_mutex_unlock(&pulse->lock);
}

void pulse_leave(struct pulse *pulse)
{
    pthread_mutex_lock(&pulse->lock);
    pulse->leaving = true;
    pthread_mutex_unlock(&pulse->lock);
}

void pulse_free(struct pulse *pulse)
{
    if (pulse == NULL) {
        return;
    }
    pthread_mutex_lock(&pulse->lock);
    pulse->quit = true;
    pthread_cond_signal(&pulse->changed);
    pthread_mutex_unlock(&pulse->lock);
    if (pulse->running) {
        pthread_join(pulse->thread, NULL);
    }
    for (uint32_t i = 0; i < pulse->ears_count; i++) {
        close(pulse->sockets[i]);
    }
    pthread_mutex_destroy(&pulse->lock);
    pthread_cond_destroy(&pulse->changed);
    explicit_bzero(&pulse->key, sizeof pulse->key);
    free(pulse);
}
