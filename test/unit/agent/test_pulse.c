/* SPDX-License-Identifier: Apache-2.0
 * Heartbeats as they leave: on a real socket, with a clock of their own. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/file.h"
#include "agent/pulse.h"
#include "edge/clock.h"
#include "wire/beat.h"

enum { BEAT_MS = 10, PATIENCE_S = 30 };

static char home[64];
static char ear[32];
static int fd;
static struct agent_options options;
static struct beat_key key;

static int setup(void **state)
{
    (void)state;
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    snprintf(home, sizeof home, "/tmp/test_pulse.XXXXXX");
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (mkdtemp(home) == NULL || fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0) {
        return -1;
    }
    snprintf(ear, sizeof ear, "127.0.0.1:%u", (unsigned)ntohs(address.sin_port));
    /* A lease that no stall of a machine outlasts. */
    options = (struct agent_options){.node = "taiwan-a",
                                     .token = "secret",
                                     .system = "shop",
                                     .lease_us = 600 * INT64_C(1000000),
                                     .beat_ms = BEAT_MS,
                                     .ears = {ear},
                                     .ears_count = 1};
    beat_key_make(&key, "secret", "shop");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    char path[128];
    snprintf(path, sizeof path, "%s/beats", home);
    (void)unlink(path);
    close(fd);
    return rmdir(home);
}

static struct beat next(void)
{
    uint8_t bytes[256];
    struct beat beat = {.state = 0};
    const ssize_t size = recv(fd, bytes, sizeof bytes, 0);
    assert_int_equal(size, BEAT_BYTES);
    assert_int_equal(beat_read(span_of(bytes, (size_t)size), &key, &beat), ERR_OK);
    return beat;
}

static struct pulse *start(uint64_t boot)
{
    struct pulse *pulse = NULL;
    assert_int_equal(pulse_new(&options, home, boot, &pulse), ERR_OK);
    return pulse;
}

static void it_beats_and_says_what_it_was_told(void **state)
{
    (void)state;
    struct pulse *pulse = start(77);
    struct beat_life life = {.any = false};
    struct beat beat = next();
    assert_string_equal(beat.node, "taiwan-a");
    assert_int_equal(beat.boot, 77);
    assert_int_equal(beat_life_take(&life, &beat), ERR_OK);
    pulse_tell(pulse, BEAT_RUNNING | BEAT_WRITER, 5);
    do {
        beat = next();
        assert_int_equal(beat_life_take(&life, &beat), ERR_OK);
    } while (beat.epoch != 5);
    assert_int_equal(beat.state, BEAT_RUNNING | BEAT_WRITER);
    pulse_leave(pulse);
    do {
        beat = next();
    } while ((beat.state & BEAT_LEAVING) == 0);
    pulse_free(pulse);
}

/* With a period of an hour: what comes is not the next heartbeat. */
static void a_death_goes_out_at_once_and_thrice(void **state)
{
    (void)state;
    options.beat_ms = 3600 * 1000;
    struct pulse *pulse = start(1);
    assert_int_equal(next().state, 0);
    pulse_tell(pulse, BEAT_WRITER, 3);
    pulse_tell(pulse, BEAT_WRITER | BEAT_DIED, 3);
    pulse_tell(pulse, BEAT_WRITER | BEAT_DIED, 3); /* the same one */
    uint64_t sequence = 1;
    for (int i = 0; i < 3; i++) {
        const struct beat beat = next();
        assert_int_equal(beat.state, BEAT_WRITER | BEAT_DIED);
        assert_int_equal(beat.epoch, 3);
        assert_int_equal(beat.sequence, ++sequence);
    }
    pulse_free(pulse);
    uint8_t byte;
    assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), -1);
}

/* A main loop that hangs: whoever vouched for it would hide a failure. */
static void a_main_loop_that_hangs_is_silent(void **state)
{
    (void)state;
    options.lease_us = 0;
    struct pulse *pulse = start(1);
    for (int i = 0; i < 20; i++) {
        usleep(BEAT_MS * 1000);
    }
    pulse_free(pulse);
    uint8_t byte;
    assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), -1);
}

static void write_number(const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/beats", home);
    assert_int_equal(file_replace(path, text, strlen(text), 0600), ERR_OK);
}

static uint64_t life(void)
{
    struct pulse *pulse = start(1);
    const uint64_t started = next().started;
    pulse_free(pulse);
    uint8_t bytes[256];
    while (recv(fd, bytes, sizeof bytes, MSG_DONTWAIT) > 0) { /* of this life */
    }
    return started;
}

static void each_life_is_later_than_the_last(void **state)
{
    (void)state;
    const uint64_t first = life();
    assert_true(first > 0);
    assert_true(life() > first);
    write_number("9000000000000000000\n"); /* the clock was ahead then, and is right again */
    assert_true(life() == 9000000000000000001U);
    assert_true(life() == 9000000000000000002U);
    write_number("99999999999999999999999\n"); /* no number of ours */
    const uint64_t now = life();
    assert_true(now > first && now < 9000000000000000000U);
    write_number("");
    assert_true(life() > now);
}

static void nobody_listens_and_nothing_is_sent(void **state)
{
    (void)state;
    options.ears_count = 0;
    struct pulse *pulse = start(1);
    pulse_tell(pulse, BEAT_DIED, 1);
    pulse_free(pulse);
    pulse_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_beats_and_says_what_it_was_told, setup, teardown),
        cmocka_unit_test_setup_teardown(a_death_goes_out_at_once_and_thrice, setup, teardown),
        cmocka_unit_test_setup_teardown(a_main_loop_that_hangs_is_silent, setup, teardown),
        cmocka_unit_test_setup_teardown(each_life_is_later_than_the_last, setup, teardown),
        cmocka_unit_test_setup_teardown(nobody_listens_and_nothing_is_sent, setup, teardown),
    };
    return cmocka_run_group_tests_name("agent/pulse", tests, NULL, NULL);
}
