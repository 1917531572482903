/* SPDX-License-Identifier: Apache-2.0
 * How long a commit to etcd takes: one compare-and-swap after the other, then entries, then from several threads. */
#include "edge/store_etcd.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edge/clock.h"
#include "etcd_peer.h"

enum { BENCH_TURNS = 1000, BENCH_THREADS = 4 };

struct bench_run {
    pthread_t thread;
    struct store *store;
    int name;
    int64_t took_us[BENCH_TURNS];
    bool entries;
};

static void *bench_write(void *context)
{
    struct bench_run *run = context;
    uint64_t revision = 0;
    char key[24];
    snprintf(key, sizeof key, "lease/%d", run->name);
    char value[8];
    (void)!store_get(run->store, key, value, sizeof value, &revision);
    for (int i = 0; i < BENCH_TURNS; i++) {
        const struct mono before = clock_mono();
        const enum err err = run->entries ? store_append(run->store, "k", NULL, (struct wall){1}, "{\"a\":1}", NULL)
                                          : store_put_if(run->store, key, span_text("v"), revision, &revision);
        run->took_us[i] = time_since_us(clock_mono(), before);
        if (err != ERR_OK) {
            fprintf(stderr, "bench: %s\n", err_text(err));
            exit(1);
        }
    }
    return NULL;
}

static int bench_compare(const void *a, const void *b)
{
    const int64_t left = *(const int64_t *)a;
    const int64_t right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static void bench_print(const char *what, struct bench_run *runs, size_t threads, int64_t all_us)
{
    static int64_t took_us[BENCH_TURNS * BENCH_THREADS];
    const size_t count = threads * BENCH_TURNS;
    for (size_t i = 0; i < threads; i++) {
        memcpy(took_us + i * BENCH_TURNS, runs[i].took_us, sizeof runs[i].took_us);
    }
    qsort(took_us, count, sizeof took_us[0], bench_compare);
    printf("%-44s p50 %6.2f ms  p95 %6.2f ms  p99 %6.2f ms  %5.0f/s\n", what, (double)took_us[count / 2] / 1000,
           (double)took_us[count * 95 / 100] / 1000, (double)took_us[count * 99 / 100] / 1000,
           (double)count * 1e6 / (double)all_us);
}

static void bench_go(const char *what, struct store *store, size_t threads, bool entries)
{
    static struct bench_run runs[BENCH_THREADS];
    const struct mono before = clock_mono();
    for (size_t i = 0; i < threads; i++) {
        runs[i] = (struct bench_run){.store = store, .name = (int)i, .entries = entries};
        if (pthread_create(&runs[i].thread, NULL, bench_write, &runs[i]) != 0) {
            exit(1);
        }
    }
    for (size_t i = 0; i < threads; i++) {
        pthread_join(runs[i].thread, NULL);
    }
    bench_print(what, runs, threads, time_since_us(clock_mono(), before));
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    const size_t members = argc > 1 && strcmp(argv[1], "3") == 0 ? 3 : 1;
    etcd_peer_start(&(struct etcd_peer_options){.members = members, .fsync = true});
    struct store_etcd_config config = {
        .endpoint_count = members, .prefix = "bench/", .owner = "bench", .timeout_ms = 5000};
    for (size_t i = 0; i < members; i++) {
        config.endpoints[i] = etcd_peer_endpoint(i);
    }
    char message[512];
    struct store *store = NULL;
    if (store_etcd_open(&config, message, sizeof message, &store) != ERR_OK) {
        fprintf(stderr, "%s\n", message);
        etcd_peer_stop();
        return 1;
    }
    printf("etcd with %zu member%s, fsync on\n", members, members > 1 ? "s" : "");
    bench_go("compare-and-swap of one record, 1 thread", store, 1, false);
    bench_go("compare-and-swap of one record, 4 threads", store, BENCH_THREADS, false);
    bench_go("entry of the journal, 1 thread", store, 1, true);
    store_close(store);
    etcd_peer_stop();
    return 0;
}
