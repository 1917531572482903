/* SPDX-License-Identifier: Apache-2.0
 * What the circuit breaker of libholdfast costs: nanoseconds per call (acquire and record).
 *
 *     ninja -C build bench/breaker && build/bench/breaker
 *
 * Durations are given by the caller, so no clock is read; the loop itself is in the first row. Median of 5 rounds. */
#include <holdfast.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { BENCH_CALLS = 5000000, BENCH_ROUNDS = 5, BENCH_THREADS = 2 };

struct bench_work {
    struct holdfast_breaker *breaker; /* NULL: the loop alone */
    uint32_t one_in;                  /* every n-th call fails; 0: none */
    uint32_t seed;
};

static void *bench_run(void *context)
{
    const struct bench_work *work = (const struct bench_work *)context;
    uint32_t random = work->seed;
    volatile uint32_t sink = 0;
    for (int i = 0; i < BENCH_CALLS; i++) {
        random = random * 1664525U + 1013904223U;
        const int failed = work->one_in > 0 && random % work->one_in == 0;
        if (work->breaker == NULL) {
            sink = random;
        } else if (holdfast_breaker_acquire(work->breaker) != 0) {
            holdfast_breaker_record(work->breaker, failed ? HOLDFAST_ERROR : HOLDFAST_SUCCESS, 1000);
        }
    }
    (void)sink;
    return NULL;
}

static double bench_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static double bench_round(struct holdfast_breaker *breaker, int threads, uint32_t one_in)
{
    pthread_t ids[BENCH_THREADS];
    struct bench_work work[BENCH_THREADS];
    const double start_ns = bench_now_ns();
    for (int i = 0; i < threads; i++) {
        work[i] = (struct bench_work){breaker, one_in, (uint32_t)i + 1};
        if (pthread_create(&ids[i], NULL, bench_run, &work[i]) != 0) {
            abort();
        }
    }
    for (int i = 0; i < threads; i++) {
        pthread_join(ids[i], NULL);
    }
    return (bench_now_ns() - start_ns) / BENCH_CALLS;
}

static int bench_order(const void *a, const void *b)
{
    const double left = *(const double *)a;
    const double right = *(const double *)b;
    return (left > right) - (left < right);
}

static double bench_median(int with_breaker, int threads, uint32_t one_in)
{
    double rounds[BENCH_ROUNDS];
    for (int i = 0; i < BENCH_ROUNDS; i++) {
        struct holdfast_breaker_config config;
        struct holdfast_breaker *breaker = NULL;
        holdfast_breaker_config_default(&config);
        if (with_breaker && holdfast_breaker_new(&config, &breaker) != HOLDFAST_OK) {
            abort();
        }
        rounds[i] = bench_round(breaker, threads, one_in);
        holdfast_breaker_free(breaker);
    }
    qsort(rounds, BENCH_ROUNDS, sizeof rounds[0], bench_order);
    return rounds[BENCH_ROUNDS / 2];
}

int main(void)
{
    printf("ns per call, window of 100     1 thread   2 threads\n");
    printf("the loop alone                 %8.1f    %8.1f\n", bench_median(0, 1, 0), bench_median(0, 2, 0));
    printf("no failures                    %8.1f    %8.1f\n", bench_median(1, 1, 0), bench_median(1, 2, 0));
    printf("1 %% failures                   %8.1f    %8.1f\n", bench_median(1, 1, 100), bench_median(1, 2, 100));
    printf("0.01 %% failures                %8.1f    %8.1f\n", bench_median(1, 1, 10000), bench_median(1, 2, 10000));
    return 0;
}
