/* SPDX-License-Identifier: Apache-2.0
 * The ear on a real socket: what counts is taken, what does not is counted. */
#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "edge/ear.h"
#include "edge/metric.h"

enum { PATIENCE_TURNS = 3000, TURN_MS = 10 };

/* A port that is free now. */
static uint16_t free_port(void)
{
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    close(fd);
    return ntohs(address.sin_port);
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint32_t deaths;
static uint32_t changes;
static uint64_t death_epoch;

static void on_word(void *context, const struct observe_beats *beats, bool changed)
{
    (void)context;
    pthread_mutex_lock(&lock);
    changes += changed && beats->count > 0;
    pthread_mutex_unlock(&lock);
}

static void on_death(void *context, const char *node, uint64_t boot, uint64_t epoch)
{
    (void)context;
    pthread_mutex_lock(&lock);
    deaths += strcmp(node, "taiwan-a") == 0 && boot == 5;
    death_epoch = epoch;
    pthread_mutex_unlock(&lock);
}

static uint32_t told(const uint32_t *counter)
{
    pthread_mutex_lock(&lock);
    const uint32_t value = *counter;
    pthread_mutex_unlock(&lock);
    return value;
}

static char metrics[256 * 1024];

static bool shows(const char *line)
{
    struct buf buf;
    buf_init(&buf, metrics, sizeof metrics);
    metric_render(&buf);
    return strstr(metrics, line) != NULL;
}

static void await(const char *line)
{
    for (int i = 0; i < PATIENCE_TURNS && !shows(line); i++) {
        nanosleep(&(struct timespec){.tv_nsec = TURN_MS * 1000000}, NULL);
    }
    assert_true(shows(line));
}

static struct config_node node = {.name = "taiwan-a"};
static struct config_database database = {.name = "shop", .lease_ms = 60000, .nodes = &node, .nodes_count = 1};
static struct config config = {.name = "shop", .databases = &database, .databases_count = 1};

static int fd = -1;
static struct sockaddr_in there;

static void send_bytes(const void *data, size_t size)
{
    assert_int_equal(sendto(fd, data, size, 0, (const struct sockaddr *)&there, sizeof there), (ssize_t)size);
}

static void send_beat(const char *token, const char *name, uint64_t sequence, uint8_t state)
{
    uint8_t memory[BEAT_BUFFER];
    struct beat_key key;
    struct buf buf;
    struct beat beat = {.state = state, .boot = 5, .started = 9, .sequence = sequence, .epoch = 3};
    snprintf(beat.node, sizeof beat.node, "%s", name);
    beat_key_make(&key, token, "shop");
    buf_init(&buf, memory, sizeof memory);
    beat_write(&buf, &key, &beat);
    send_bytes(buf.data, buf.size);
}

static void what_counts_is_taken_and_the_rest_counted(void **state)
{
    (void)state;
    char listen[32];
    struct ear *ear = NULL;
    struct observe_beats beats;
    metric_reset();
    there = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(free_port())};
    snprintf(listen, sizeof listen, "127.0.0.1:%u", (unsigned)ntohs(there.sin_port));
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const struct ear_options options = {
        .listen = listen, .config = &config, .token = "secret", .word = on_word, .death = on_death};
    assert_int_equal(ear_new(&options, &ear), ERR_OK);

    send_beat("secret", "taiwan-a", 1, BEAT_RUNNING);
    await("holdfast_heartbeats_received_total{node=\"taiwan-a\"} 1\n");
    ear_look(ear, &beats);
    assert_true(beats.any);
    assert_int_equal(beats.count, 1);
    assert_string_equal(beats.entries[0].node, "taiwan-a");
    assert_false(beats.entries[0].silent);
    for (int i = 0; i < PATIENCE_TURNS && told(&changes) == 0; i++) {
        nanosleep(&(struct timespec){.tv_nsec = TURN_MS * 1000000}, NULL);
    }
    assert_int_equal(told(&changes), 1);

    send_beat("secret", "taiwan-a", 1, BEAT_RUNNING);
    await("holdfast_heartbeats_rejected_total{reason=\"replay\"} 1\n");
    send_beat("forged", "taiwan-a", 2, BEAT_DIED);
    await("holdfast_heartbeats_rejected_total{reason=\"key\"} 1\n");
    send_beat("secret", "osaka-a", 2, BEAT_RUNNING);
    await("holdfast_heartbeats_rejected_total{reason=\"node\"} 1\n");
    send_bytes(listen, sizeof listen);
    send_bytes("", 0);
    static const char huge[1400];
    send_bytes(huge, sizeof huge);
    await("holdfast_heartbeats_rejected_total{reason=\"form\"} 3\n");
    assert_int_equal(told(&deaths), 0);

    send_beat("secret", "taiwan-a", 3, BEAT_DIED);
    send_beat("secret", "taiwan-a", 4, BEAT_DIED);
    await("holdfast_heartbeats_received_total{node=\"taiwan-a\"} 3\n");
    assert_int_equal(told(&deaths), 1);
    assert_int_equal(death_epoch, 3);

    ear_set(ear, &config, "another");
    send_beat("secret", "taiwan-a", 5, BEAT_RUNNING);
    await("holdfast_heartbeats_rejected_total{reason=\"key\"} 2\n");
    send_beat("another", "taiwan-a", 6, BEAT_RUNNING);
    await("holdfast_heartbeats_received_total{node=\"taiwan-a\"} 4\n");

    struct ear *second = NULL;
    assert_int_equal(ear_new(&options, &second), ERR_IN_USE);
    ear_stop(ear);
    ear_look(ear, &beats);
    assert_int_equal(beats.count, 1);
    ear_free(ear);
    ear_free(NULL);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_counts_is_taken_and_the_rest_counted)};
    return cmocka_run_group_tests_name("edge/ear", tests, NULL, NULL);
}
