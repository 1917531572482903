/* SPDX-License-Identifier: Apache-2.0
 * What the circuit breaker of libholdfast costs: nanoseconds per call (acquire and record), beside a ring of results
 * under a mutex, which is what one writes first.
 *
 *     ninja -C build bench/breaker && build/bench/breaker
 *
 * Durations are given by the caller, so no clock is read; the loop itself is in the first row. Processor time of a
 * thread; medians of 9 rounds, the rows taking turns.
 *
 * What threads do to each other shows only while both run: the last column is the wall's time of short bursts that two
 * threads begin together, of those bursts in which neither was interrupted. Two threads on one core (hyper-threads)
 * slow each other down whatever they do: compare with the loop, and with a breaker for each thread. */
#include <holdfast.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { BENCH_CALLS = 2000000, BENCH_ROUNDS = 9, BENCH_THREADS = 2, BENCH_WINDOW = 100, BENCH_ROWS = 9 };
enum { BENCH_BURSTS = 400, BENCH_BURST_CALLS = 4000, BENCH_SPINS = 20000, BENCH_ENOUGH = 20 };

/* The plain one: the same window, a verdict after each result, no states. */
struct bench_ring {
    pthread_mutex_t lock;
    uint8_t results[BENCH_WINDOW];
    int at;
    int buffered;
    int failed;
    int open;
};

enum bench_kind { BENCH_LOOP, BENCH_BREAKER, BENCH_OWN, BENCH_PERIOD, BENCH_RING };

struct bench_row {
    const char *title;
    enum bench_kind kind;
    uint32_t one_in; /* every n-th call fails; 0: none */
};

struct bench_burst {
    double start_ns;
    double end_ns;
};

struct bench_work {
    const struct bench_row *row;
    struct holdfast_breaker *breaker;
    struct bench_ring *ring;
    uint32_t seed;
    double took_ns;
    atomic_uint *arrived;
    struct bench_burst bursts[BENCH_BURSTS];
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
    case BENCH_OWN:
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

static double bench_wall_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void bench_loop(const struct bench_work *work, int calls, uint32_t *random)
{
    volatile uint32_t sink = 0;
    for (int i = 0; i < calls; i++) {
        *random = *random * 1664525U + 1013904223U;
        sink = *random;
        bench_call(work, work->row->one_in > 0 && *random % work->row->one_in == 0);
    }
    (void)sink;
}

static void *bench_run(void *context)
{
    struct bench_work *work = (struct bench_work *)context;
    const double start_ns = bench_now_ns();
    uint32_t random = work->seed;
    bench_loop(work, BENCH_CALLS, &random);
    work->took_ns = bench_now_ns() - start_ns;
    return NULL;
}

/* To the n-th processor that this process may use: a scheduler under load has both threads on one. */
static void bench_pin(uint32_t number)
{
    cpu_set_t all;
    cpu_set_t one;
    CPU_ZERO(&one);
    if (sched_getaffinity(0, sizeof all, &all) == 0) {
        for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
            if (CPU_ISSET(cpu, &all) && number-- == 0) {
                CPU_SET(cpu, &one);
                (void)pthread_setaffinity_np(pthread_self(), sizeof one, &one);
            }
        }
    }
}

/* Both threads of a burst begin together. */
static void *bench_burst_run(void *context)
{
    struct bench_work *work = (struct bench_work *)context;
    uint32_t random = work->seed;
    bench_pin(work->seed - 1);
    for (unsigned burst = 0; burst < BENCH_BURSTS; burst++) {
        atomic_fetch_add(work->arrived, 1);
        for (unsigned spins = 0; atomic_load(work->arrived) < BENCH_THREADS * (burst + 1); spins++) {
            if (spins % BENCH_SPINS == BENCH_SPINS - 1) {
                sched_yield();
            }
        }
        work->bursts[burst].start_ns = bench_wall_ns();
        bench_loop(work, BENCH_BURST_CALLS, &random);
        work->bursts[burst].end_ns = bench_wall_ns();
    }
    return NULL;
}

/* Threads that do `run`, together; what they did is in `work`. */
static void bench_threads(const struct bench_row *row, int threads, void *(*run)(void *), struct bench_work *work)
{
    pthread_t ids[BENCH_THREADS];
    struct bench_ring ring = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct holdfast_breaker_config config;
    struct holdfast_breaker *breakers[BENCH_THREADS];
    atomic_uint arrived = 0;
    holdfast_breaker_config_default(&config);
    for (int i = 0; i < BENCH_THREADS; i++) {
        if (holdfast_breaker_new(&config, &breakers[i]) != HOLDFAST_OK) {
            abort();
        }
    }
    for (int i = 0; i < threads; i++) {
        work[i].row = row;
        work[i].breaker = breakers[row->kind == BENCH_OWN ? i : 0];
        work[i].ring = &ring;
        work[i].seed = (uint32_t)i + 1;
        work[i].arrived = &arrived;
        if (pthread_create(&ids[i], NULL, run, &work[i]) != 0) {
            abort();
        }
    }
    for (int i = 0; i < threads; i++) {
        pthread_join(ids[i], NULL);
    }
    for (int i = 0; i < BENCH_THREADS; i++) {
        holdfast_breaker_free(breakers[i]);
    }
}

static double bench_round(const struct bench_row *row, int threads)
{
    static struct bench_work work[BENCH_THREADS];
    double took_ns = 0;
    bench_threads(row, threads, bench_run, work);
    for (int i = 0; i < threads; i++) {
        took_ns += work[i].took_ns / threads;
    }
    return took_ns / BENCH_CALLS;
}

static int bench_order(const void *a, const void *b)
{
    const double left = *(const double *)a;
    const double right = *(const double *)b;
    return (left > right) - (left < right);
}

/* Of bursts that both were at, from the first to the last tenth, without an interruption: the median. < 0: too few. */
static double bench_bursts(const struct bench_row *row)
{
    static struct bench_work work[BENCH_THREADS];
    static double each_ns[BENCH_BURSTS];
    size_t count = 0;
    bench_threads(row, BENCH_THREADS, bench_burst_run, work);
    for (int i = 0; i < BENCH_BURSTS; i++) {
        const struct bench_burst a = work[0].bursts[i];
        const struct bench_burst b = work[1].bursts[i];
        const double together_ns =
            (a.end_ns < b.end_ns ? a.end_ns : b.end_ns) - (a.start_ns > b.start_ns ? a.start_ns : b.start_ns);
        const double whole_ns =
            (a.end_ns > b.end_ns ? a.end_ns : b.end_ns) - (a.start_ns < b.start_ns ? a.start_ns : b.start_ns);
        if (together_ns >= 0.9 * whole_ns) {
            each_ns[count++] = (a.end_ns - a.start_ns + b.end_ns - b.start_ns) / 2 / BENCH_BURST_CALLS;
        }
    }
    qsort(each_ns, count, sizeof(double), bench_order);
    return count >= BENCH_ENOUGH ? each_ns[count / 2] : -1;
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
        {"no failures, a breaker each", BENCH_OWN, 0},
        {"no failures, with periods", BENCH_PERIOD, 0},
        {"0.01 % failures", BENCH_BREAKER, 10000},
        {"1 % failures", BENCH_BREAKER, 100},
        {"mutex and ring, no failures", BENCH_RING, 0},
        {"mutex and ring, 0.01 % failures", BENCH_RING, 10000},
        {"mutex and ring, 1 % failures", BENCH_RING, 100},
    };
    static double rounds[BENCH_ROWS][BENCH_THREADS][BENCH_ROUNDS];
    static double bursts[BENCH_ROWS][BENCH_ROUNDS];
    for (int round = 0; round < BENCH_ROUNDS; round++) {
        for (int row = 0; row < BENCH_ROWS; row++) {
            for (int threads = 1; threads <= BENCH_THREADS; threads++) {
                rounds[row][threads - 1][round] = bench_round(&rows[row], threads);
            }
            bursts[row][round] = bench_bursts(&rows[row]);
        }
    }
    printf("ns per call, window of 100         1 thread   2 threads  at once, wall\n");
    for (int row = 0; row < BENCH_ROWS; row++) {
        printf("%-33s", rows[row].title);
        for (int threads = 0; threads < BENCH_THREADS; threads++) {
            qsort(rounds[row][threads], BENCH_ROUNDS, sizeof(double), bench_order);
            printf(" %10.1f", rounds[row][threads][BENCH_ROUNDS / 2]);
        }
        qsort(bursts[row], BENCH_ROUNDS, sizeof(double), bench_order);
        printf(" %14.1f\n", bursts[row][BENCH_ROUNDS / 2]);
    }
    printf("bytes allocated by a million calls: %ld\n", bench_allocated());
    return 0;
}
