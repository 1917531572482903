/* SPDX-License-Identifier: Apache-2.0
 * Example: a circuit breaker of libholdfast around calls to something that fails for a while.
 *
 *     cc breaker.c $(pkg-config --cflags --libs holdfast) -o breaker && ./breaker
 *
 * The clock is ours, so that the example need not wait for half a minute. */
#include <holdfast.h>
#include <stdio.h>

enum { CALLS = 60, BROKEN_FROM = 10, BROKEN_TO = 25, SECOND_US = 1000000 };

static int64_t now_us;

static int64_t clock_us(void *context)
{
    (void)context;
    return now_us;
}

static void told(void *context, const struct holdfast_breaker_event *event)
{
    (void)context;
    if (event->kind == HOLDFAST_EVENT_STATE_TRANSITION) {
        printf("%3d s: %s -> %s\n", (int)(event->at_us / SECOND_US), holdfast_breaker_state_name(event->from),
               holdfast_breaker_state_name(event->to));
    }
}

/* The backend: out of order for fifteen seconds. */
static int backend(int second)
{
    return second < BROKEN_FROM || second >= BROKEN_TO;
}

int main(void)
{
    struct holdfast_breaker_config config;
    struct holdfast_breaker *breaker;
    struct holdfast_breaker_metrics metrics;
    int made = 0;
    int failed = 0;
    holdfast_breaker_config_regional(&config); /* 50 % of the last 10, at least 5; open for 30 s; 3 trial calls */
    config.clock_us = clock_us;
    config.publish = told;
    config.publish_transitions_only = 1;
    const enum holdfast_error error = holdfast_breaker_new(&config, &breaker);
    if (error != HOLDFAST_OK) {
        fprintf(stderr, "no breaker: %s\n", holdfast_error_text(error));
        return 1;
    }
    for (int second = 0; second < CALLS; second++, now_us += SECOND_US) {
        if (!holdfast_breaker_acquire(breaker)) {
            continue; /* answer from a cache, use another region, or fail at once */
        }
        made++;
        if (backend(second)) {
            holdfast_breaker_success(breaker, 2000000);
        } else {
            failed++;
            holdfast_breaker_error(breaker, 2000000);
        }
    }
    holdfast_breaker_read(breaker, &metrics);
    printf("%d calls, %d failed, %d were not made; now %s\n", made, failed, CALLS - made,
           holdfast_breaker_state_name(metrics.state));
    holdfast_breaker_free(breaker);
    return metrics.state == HOLDFAST_BREAKER_CLOSED ? 0 : 1;
}
