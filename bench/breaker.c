/* SPDX-License-Identifier: Apache-2.0
 * What the circuit breaker of libholdfast costs: nanoseconds per call (acquire and record), beside a ring of results
 * under a mutex, which is what one writes first.
 *
 *     ninja -C build bench/breaker && build/bench/breaker
 *
 * Durations are given by the caller, so no clock is read; the loop itself is in the first row. Processor time of a
 * thread; medians of 9 rounds, the rows taking turns. */
#include <holdfast.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { BENCH_CALLS = 2000000, BENCH_ROUNDS = 9, BENCH_THREADS = 2, BENCH_WINDOW = 100, BENCH_ROWS = 8 };

/* The plain one: the same window, a verdict after each result, no states. */
struct bench_ring {
    pthread_mutex_t lock;
    uint8_t results[BENCH_WINDOW];
    int at;
    int buffered;
    int failed;
    int open;
};

enum bench_kind { BENCH_LOOP, BENCH_BREAKER, BENCH_PERIOD, BENCH_RING };

struct bench_row {
    const char *title;
    enum bench_kind kind;
    uint32_t one_in; /* every n-th call fails; 0: none */
};

struct bench_work {
    const struct bench_row *row;
    struct holdfast_breaker *breaker;
    struct bench_ring *ring;
    uint32_t seed;
    double took_ns;
};

static int bench_ring_acquire(struct bench_ring *ring)
{
    pthread_mutex_lock(&ring->lock);
    const int permitted = !ring->open;
    pthread_mutex_unlock(&ring->lock);
    return permitted;
}

static void bench_ring_record(struct bench_ring *ring, int failed)
{
    pthread_mutex_lock(&ring->lock);
    ring->failed += failed - (ring->buffered == BENCH_WINDOW ? ring->results[ring->at] : 0);
    ring->buffered += ring->buffered < BENCH_WINDOW;
    ring->results[ring->at] = (uint8_t)failed;
    ring->at = (ring->at + 1) % BENCH_WINDOW;
    ring->open = ring->buffered == BENCH_WINDOW && ring->failed * 2 >= ring->buffered;
    pthread_mutex_unlock(&ring->lock);
}

static void bench_call(const struct bench_work *work, int failed)
{
    const enum holdfast_breaker_outcome outcome = failed ? HOLDFAST_ERROR : HOLDFAST_SUCCESS;
    uint64_t period;
    switch (work->row->kind) {
    case BENCH_BREAKER:
        if (holdfast_breaker_acquire(work->breaker) != 0) {
            holdfast_breaker_record(work->breaker, outcome, 1000);
        }
        break;
    case BENCH_PERIOD:
        if (holdfast_breaker_acquire_period(work->breaker, &period) != 0) {
            holdfast_breaker_record_period(work->breaker, period, outcome, 1000);
        }
        break;
    case BENCH_RING:
        if (bench_ring_acquire(work->ring) != 0) {
            bench_ring_record(work->ring, failed);
        }
        break;
    case BENCH_LOOP:
        break;
    }
}

/* Of the calling thread: what others do on the machine is not our cost. */
static double bench_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void *bench_run(void *context)
{
    struct bench_work *work = (struct bench_work *)context;
    const double start_ns = bench_now_ns();
    uint32_t random = work->seed;
    volatile uint32_t sink = 0;
    for (int i = 0; i < BENCH_CALLS; i++) {
        random = random * 1664525U + 1013904223U;
        sink = random;
        bench_call(work, work->row->one_in > 0 && random % work->row->one_in == 0);
    }
    (void)sink;
    work->took_ns = bench_now_ns() - start_ns;
    return NULL;
}

static double bench_round(const struct bench_row *row, int threads)
{
    pthread_t ids[BENCH_THREADS];
    struct bench_work work[BENCH_THREADS];
    struct bench_ring ring = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct holdfast_breaker_config config;
    struct holdfast_breaker *breaker;
    holdfast_breaker_config_default(&config);
    if (holdfast_breaker_new(&config, &breaker) != HOLDFAST_OK) {
        abort();
    }
    double took_ns = 0;
    for (int i = 0; i < threads; i++) {
        work[i] = (struct bench_work){row, breaker, &ring, (uint32_t)i + 1, 0};
        if (pthread_create(&ids[i], NULL, bench_run, &work[i]) != 0) {
            abort();
        }
    }
    for (int i = 0; i < threads; i++) {
        pthread_join(ids[i], NULL);
        took_ns += work[i].took_ns / threads;
    }
    holdfast_breaker_free(breaker);
    return took_ns / BENCH_CALLS;
}

static int bench_order(const void *a, const void *b)
{
    const double left = *(const double *)a;
    const double right = *(const double *)b;
    return (left > right) - (left < right);
}

/* Bytes that a million calls of the healthy path leave allocated. */
static long bench_allocated(void)
{
    struct holdfast_breaker_config config;
    struct holdfast_breaker *breaker;
    holdfast_breaker_config_default(&config);
    if (holdfast_breaker_new(&config, &breaker) != HOLDFAST_OK) {
        abort();
    }
    const size_t before = mallinfo2().uordblks;
    for (int i = 0; i < 1000000; i++) {
        if (holdfast_breaker_acquire(breaker) != 0) {
            holdfast_breaker_success(breaker, 1000);
        }
    }
    const size_t after = mallinfo2().uordblks;
    holdfast_breaker_free(breaker);
    return (long)(after - before);
}

int main(void)
{
    static const struct bench_row rows[BENCH_ROWS] = {
        {"the loop alone", BENCH_LOOP, 0},
        {"no failures", BENCH_BREAKER, 0},
        {"no failures, with periods", BENCH_PERIOD, 0},
        {"0.01 % failures", BENCH_BREAKER, 10000},
        {"1 % failures", BENCH_BREAKER, 100},
        {"mutex and ring, no failures", BENCH_RING, 0},
        {"mutex and ring, 0.01 % failures", BENCH_RING, 10000},
        {"mutex and ring, 1 % failures", BENCH_RING, 100},
    };
    static double rounds[BENCH_ROWS][BENCH_THREADS][BENCH_ROUNDS];
    for (int round = 0; round < BENCH_ROUNDS; round++) {
        for (int row = 0; row < BENCH_ROWS; row++) {
            for (int threads = 1; threads <= BENCH_THREADS; threads++) {
                rounds[row][threads - 1][round] = bench_round(&rows[row], threads);
            }
        }
    }
    printf("ns per call, window of 100         1 thread   2 threads\n");
    for (int row = 0; row < BENCH_ROWS; row++) {
        printf("%-33s", rows[row].title);
        for (int threads = 0; threads < BENCH_THREADS; threads++) {
            qsort(rounds[row][threads], BENCH_ROUNDS, sizeof(double), bench_order);
            printf(" %10.1f", rounds[row][threads][BENCH_ROUNDS / 2]);
        }
        printf("\n");
    }
    printf("bytes allocated by a million calls: %ld\n", bench_allocated());
    return 0;
}
