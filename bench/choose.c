/* SPDX-License-Identifier: Apache-2.0
 * What the choice of a route by libholdfast costs: nanoseconds per choice, from a view of eight regions with one
 * standby each.
 *
 *     ninja -C build bench/choose && build/bench/choose
 *
 * Processor time of a thread; medians of 9 rounds, the rows taking turns; the loop itself is in the first row. */
#include <holdfast.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "edge/publish.h"

enum { BENCH_CALLS = 2000000, BENCH_ROUNDS = 9, BENCH_THREADS = 2, BENCH_ROWS = 7 };

enum bench_kind { BENCH_LOOP, BENCH_READ, BENCH_WRITE, BENCH_KEY, BENCH_WHOLE };

struct bench_row {
    const char *title;
    enum bench_kind kind;
    uint32_t down; /* regions that are, from the local one on */
    uint32_t canary;
};

struct bench_work {
    const struct bench_row *row;
    struct holdfast *holdfast;
    uint64_t seed;
    double took_ns;
};

static char directory[] = "/tmp/holdfast-bench-XXXXXX";

static void bench_fill(struct view *view, uint64_t version, const struct bench_row *row)
{
    memset(view, 0, sizeof *view);
    view->version = version;
    view->regions_count = LIMITS_REGIONS;
    view->databases_count = 1;
    snprintf(view->databases[0].name, LIMITS_NAME, "main");
    view->databases[0].epoch = 7;
    view->nodes_count = LIMITS_REGIONS + 1;
    for (uint32_t i = 0; i <= LIMITS_REGIONS; i++) {
        const uint32_t region = i < LIMITS_REGIONS ? i : 0;
        snprintf(view->regions[region].name, LIMITS_NAME, "region-%u", region);
        view->regions[region].healthy = region >= row->down;
        snprintf(view->nodes[i].name, LIMITS_NAME, "node-%u", i);
        view->nodes[i].postgres = (struct view_address){.bytes = {127, 0, 0, 1}, .port = 5432, .family = 4};
        view->nodes[i].region = region;
        view->nodes[i].role = i < LIMITS_REGIONS ? VIEW_NODE_STANDBY : VIEW_NODE_WRITER;
        view->nodes[i].healthy = 1;
        view->nodes[i].upstream = LIMITS_NONE;
    }
    view->databases[0].writer = LIMITS_REGIONS;
    view->split[0][0] = VIEW_SHARES_WHOLE - row->canary;
    view->split[0][1] = row->canary;
    view_seal(view);
}

static void bench_choose(const struct bench_work *work, uint64_t turn, struct holdfast_target *target)
{
    static const struct holdfast_verdict good = {.outcome = HOLDFAST_SUCCESS, .flags = 0};
    const uint64_t key = work->seed + turn;
    uint64_t period;
    switch (work->row->kind) {
    case BENCH_READ:
        (void)holdfast_choose(work->holdfast, HOLDFAST_READ, target);
        break;
    case BENCH_WRITE:
        (void)holdfast_choose(work->holdfast, HOLDFAST_WRITE, target);
        break;
    case BENCH_KEY:
        (void)holdfast_choose_key(work->holdfast, HOLDFAST_READ, &key, sizeof key, target);
        break;
    case BENCH_WHOLE:
        (void)holdfast_choose(work->holdfast, HOLDFAST_READ, target);
        if (holdfast_begin(work->holdfast, target, &period)) {
            holdfast_end(work->holdfast, target, period, &good, 1000);
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
    volatile uint64_t sink = 0;
    struct holdfast_target target = {0};
    for (uint64_t i = 0; i < BENCH_CALLS; i++) {
        bench_choose(work, i, &target);
        sink = target.region;
    }
    (void)sink;
    work->took_ns = bench_now_ns() - start_ns;
    return NULL;
}

static double bench_round(struct publish_writer *writer, const struct bench_row *row, int threads)
{
    pthread_t ids[BENCH_THREADS];
    struct bench_work work[BENCH_THREADS];
    struct holdfast_options options;
    struct holdfast *holdfast;
    bench_fill(publish_writer_draft(writer), publish_writer_version(writer) + 1, row);
    holdfast_options_default(&options);
    options.state_dir = directory;
    options.region = "region-0";
    options.database = "main";
    if (publish_writer_commit(writer) != ERR_OK || holdfast_open(&options, &holdfast) != HOLDFAST_OK) {
        abort();
    }
    double took_ns = 0;
    for (int i = 0; i < threads; i++) {
        work[i] = (struct bench_work){row, holdfast, (uint64_t)i << 32, 0};
        if (pthread_create(&ids[i], NULL, bench_run, &work[i]) != 0) {
            abort();
        }
    }
    for (int i = 0; i < threads; i++) {
        pthread_join(ids[i], NULL);
        took_ns += work[i].took_ns / threads;
    }
    holdfast_close(holdfast);
    return took_ns / BENCH_CALLS;
}

static int bench_order(const void *a, const void *b)
{
    const double left = *(const double *)a;
    const double right = *(const double *)b;
    return (left > right) - (left < right);
}

static void bench_print(const struct bench_row *row, double rounds[BENCH_THREADS][BENCH_ROUNDS])
{
    printf("%-35s", row->title);
    for (int threads = 0; threads < BENCH_THREADS; threads++) {
        qsort(rounds[threads], BENCH_ROUNDS, sizeof(double), bench_order);
        printf(" %10.1f", rounds[threads][BENCH_ROUNDS / 2]);
    }
    printf("\n");
}

int main(void)
{
    static const struct bench_row rows[BENCH_ROWS] = {
        {"the loop alone", BENCH_LOOP, 0, 0},
        {"read, local healthy", BENCH_READ, 0, 0},
        {"read, local down", BENCH_READ, 1, 0},
        {"read, seven of eight down", BENCH_READ, 7, 0},
        {"write", BENCH_WRITE, 0, 0},
        {"read with a key, canary of 10 %", BENCH_KEY, 0, 1000},
        {"read, breaker, result", BENCH_WHOLE, 0, 0},
    };
    static double rounds[BENCH_ROWS][BENCH_THREADS][BENCH_ROUNDS];
    struct publish_writer writer;
    char path[64];
    if (mkdtemp(directory) == NULL) {
        abort();
    }
    snprintf(path, sizeof path, "%s/view.shm", directory);
    if (publish_writer_open(&writer, path) != ERR_OK) {
        abort();
    }
    for (int round = 0; round < BENCH_ROUNDS; round++) {
        for (int row = 0; row < BENCH_ROWS; row++) {
            for (int threads = 1; threads <= BENCH_THREADS; threads++) {
                rounds[row][threads - 1][round] = bench_round(&writer, &rows[row], threads);
            }
        }
    }
    printf("ns per choice                         1 thread   2 threads\n");
    for (int row = 0; row < BENCH_ROWS; row++) {
        bench_print(&rows[row], rounds[row]);
    }
    publish_writer_close(&writer);
    unlink(path);
    snprintf(path, sizeof path, "%s/view.shm.lock", directory);
    unlink(path);
    rmdir(directory);
    return 0;
}
