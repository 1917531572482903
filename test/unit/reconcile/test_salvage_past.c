/* SPDX-License-Identifier: Apache-2.0
 * Where decoding may begin, from lines that pg_waldump 15 printed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "reconcile/salvage_past.h"

enum { SHOP = 16384, OTHER = 16385, FORK = 0x3000 };

/* Recorded, but for the position. */
#define QUIET                                                                                                          \
    "Standby     len (rec/tot):     50/    50, tx:          0",                                                        \
        "RUNNING_XACTS nextXid 727 latestCompletedXid 726 oldestRunningXid 727"
#define BUSY                                                                                                           \
    "Standby     len (rec/tot):     54/    54, tx:        716",                                                        \
        "RUNNING_XACTS nextXid 723 latestCompletedXid 721 oldestRunningXid 722; 1 xacts: 722"
#define INSERT                                                                                                         \
    "Heap        len (rec/tot):     87/    87, tx:        735",                                                        \
        "INSERT off 58 flags 0x08, blkref #0: rel 1663/16384/16390 blk 0"
#define CATALOG                                                                                                        \
    "Heap        len (rec/tot):    203/   203, tx:        738",                                                        \
        "INSERT off 12 flags 0x00, blkref #0: rel 1663/16384/1259 blk 8"
#define CATALOG_OTHER                                                                                                  \
    "Heap2       len (rec/tot):     59/    59, tx:        738",                                                        \
        "NEW_CID rel 1663/16385/1259; tid 8/12; cmin: 0, cmax: 4294967295, combo: 4294967295"
#define SHARED                                                                                                         \
    "Heap        len (rec/tot):    140/   140, tx:        739",                                                        \
        "HOT_UPDATE off 3 xmax 739 flags 0x60 ; new off 6 xmax 0, blkref #0: rel 1664/0/1260 blk 0"
#define STATISTIC                                                                                                      \
    "Heap2       len (rec/tot):    935/   935, tx:        740",                                                        \
        "MULTI_INSERT 3 tuples flags 0x02, blkref #0: rel 1663/16384/2619 blk 17"
#define VACUUMED                                                                                                       \
    "Heap        len (rec/tot):    188/   188, tx:          0", "INPLACE off 5, blkref #0: rel 1663/16384/1259 blk 0"
#define PRUNED                                                                                                         \
    "Heap2       len (rec/tot):     58/    58, tx:          0",                                                        \
        "PRUNE latestRemovedXid 730 nredirected 0 ndead 1, blkref #0: rel 1663/16384/1249 blk 3"
#define LOGICAL                                                                                                        \
    "XLOG        len (rec/tot):     54/    54, tx:          0",                                                        \
        "PARAMETER_CHANGE max_connections=50 max_worker_processes=8 max_wal_senders=10 max_prepared_xacts=10 "         \
        "max_locks_per_xact=64 wal_level=logical wal_log_hints=on track_commit_timestamp=off"
#define REPLICA                                                                                                        \
    "XLOG        len (rec/tot):     54/    54, tx:          0",                                                        \
        "PARAMETER_CHANGE max_connections=50 max_worker_processes=8 max_wal_senders=10 max_prepared_xacts=10 "         \
        "max_locks_per_xact=64 wal_level=replica wal_log_hints=on track_commit_timestamp=off"

static void see(struct salvage_past *past, unsigned lsn, const char *head, const char *description)
{
    char line[512];
    struct salvage_wal_glance glance;
    snprintf(line, sizeof line, "rmgr: %s, lsn: 0/%08X, prev 0/00000000, desc: %s", head, lsn, description);
    salvage_wal_look(span_text(line), &glance);
    salvage_past_see(past, &glance);
}

static void point(const struct salvage_past *past, uint32_t number, uint64_t lsn, uint32_t xid)
{
    struct lsn restart = {0};
    uint32_t oldest = 0;
    assert_int_equal(salvage_past_point(past, number, &restart, &oldest), lsn != 0);
    assert_int_equal(restart.position, lsn);
    assert_int_equal(oldest, xid);
}

static void test_the_last_quiet_point_is_best(void **state)
{
    (void)state;
    struct salvage_past past;
    salvage_past_init(&past, SHOP, (struct lsn){FORK});
    point(&past, 0, 0, 0);
    see(&past, 0x1000, BUSY);
    point(&past, 0, 0x1000, 722);
    see(&past, 0x1100, QUIET);
    see(&past, 0x1200, INSERT);
    see(&past, 0x1300, QUIET);
    see(&past, 0x1400, BUSY);
    see(&past, 0x1500, STATISTIC);
    see(&past, 0x1600, VACUUMED);
    see(&past, 0x1700, PRUNED);
    see(&past, 0x1800, CATALOG_OTHER);
    see(&past, FORK + 0x100, QUIET);
    see(&past, FORK + 0x200, INSERT);
    see(&past, FORK + 0x300, STATISTIC);
    point(&past, 0, 0x1300, 727);
    point(&past, 1, 0x1000, 722);
    point(&past, 2, 0, 0);
    assert_string_equal(salvage_past_why(&past), "not every commit could be decoded");
}

static void test_a_changed_catalog(void **state)
{
    (void)state;
    struct salvage_past past;
    salvage_past_init(&past, SHOP, (struct lsn){FORK});
    see(&past, 0x1000, QUIET);
    see(&past, 0x1100, CATALOG);
    point(&past, 0, 0, 0);
    assert_non_null(strstr(salvage_past_why(&past), "no point before the fork"));
    see(&past, 0x1200, QUIET);
    point(&past, 0, 0x1200, 727);
    see(&past, 0x1300, SHARED); /* of all databases */
    point(&past, 0, 0, 0);
    see(&past, 0x1400, BUSY);
    point(&past, 0, 0x1400, 722);
    see(&past, FORK, CATALOG);
    point(&past, 0, 0, 0);
    assert_string_equal(salvage_past_why(&past), "the catalog was changed behind the fork");
}

static void test_other_settings(void **state)
{
    (void)state;
    struct salvage_past past;
    salvage_past_init(&past, SHOP, (struct lsn){FORK});
    see(&past, 0x1000, QUIET);
    see(&past, 0x1100, REPLICA);
    see(&past, 0x1200, QUIET);
    point(&past, 0, 0, 0);
    see(&past, 0x1300, LOGICAL);
    point(&past, 0, 0, 0);
    see(&past, 0x1400, QUIET);
    point(&past, 0, 0x1400, 727);
    see(&past, FORK + 1, LOGICAL); /* who knows what it was before */
    point(&past, 0, 0, 0);
    assert_non_null(strstr(salvage_past_why(&past), "other settings"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_last_quiet_point_is_best),
        cmocka_unit_test(test_a_changed_catalog),
        cmocka_unit_test(test_other_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
