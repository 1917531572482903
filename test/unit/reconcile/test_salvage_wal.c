/* SPDX-License-Identifier: Apache-2.0
 * The log's own list of commits: subtransactions, prepared ones, what each of them wrote. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "reconcile/salvage_wal.h"

static void feed(struct salvage_wal *wal, const char *rmgr, unsigned tx, unsigned lsn, const char *description)
{
    char line[512];
    snprintf(line, sizeof line,
             "rmgr: %-11s len (rec/tot):     54/    54, tx: %10u, lsn: 0/%08X, prev 0/00000000, desc: %s", rmgr, tx,
             lsn, description);
    assert_int_equal(salvage_wal_read(wal, span_text(line)), ERR_OK);
}

static void test_commits(void **state)
{
    (void)state;
    struct salvage_wal wal = {.count = 0};
    feed(&wal, "Heap", 700, 0x10, "INSERT off 1 flags 0x00, blkref #0: rel 1663/16384/16400 blk 0");
    feed(&wal, "Heap", 701, 0x20, "DELETE off 1 flags 0x00 KEYS_UPDATED , blkref #0: rel 1663/16384/16400 blk 0");
    feed(&wal, "Transaction", 700, 0x30, "COMMIT 2026-11-22 09:00:00.5 UTC; subxacts: 701 702; inval msgs: catcache 5");
    feed(&wal, "Heap", 703, 0x40, "INPLACE off 1, blkref #0: rel 1663/16384/1259 blk 0");
    feed(&wal, "Heap", 703, 0x41, "LOCK off 1: xid 703: flags 0x00, blkref #0: rel 1663/16384/16400 blk 0");
    feed(&wal, "Heap2", 703, 0x42, "MULTI_INSERT 3 tuples flags 0x02, blkref #0: rel 1663/16384/2619 blk 0");
    feed(&wal, "Transaction", 703, 0x50, "COMMIT 2026-11-22 09:00:01 UTC");
    feed(&wal, "Heap", 704, 0x60, "INSERT off 1 flags 0x00, blkref #0: rel 1663/16385/1259 blk 0");
    feed(&wal, "Transaction", 704, 0x70, "ABORT 2026-11-22 09:00:01 UTC");
    feed(&wal, "Heap", 705, 0x80, "INSERT off 1 flags 0x00, blkref #0: rel 1663/16385/2613 blk 0");
    feed(&wal, "Transaction", 705, 0x90, "COMMIT 2026-11-22 09:00:02 UTC");
    assert_int_equal(wal.count, 3);
    assert_int_equal(wal.commits[0].xid, 700);
    assert_int_equal(wal.commits[0].lsn.position, 0x30);
    assert_int_equal(wal.commits[0].did, SALVAGE_WAL_ROWS | SALVAGE_WAL_DELETED);
    assert_int_equal(wal.commits[0].database, 16384);
    assert_string_equal(wal.commits[0].time, "2026-11-22 09:00:00.5 UTC");
    assert_int_equal(wal.commits[1].did, 0);
    assert_int_equal(wal.commits[2].did, SALVAGE_WAL_LARGE);
    assert_int_equal(wal.commits[2].database, 16385);
    assert_null(salvage_wal_find(&wal, 704));
    assert_ptr_equal(salvage_wal_find(&wal, 705), &wal.commits[2]);
    salvage_wal_free(&wal);
}

static void test_prepared(void **state)
{
    (void)state;
    struct salvage_wal wal = {.count = 0};
    feed(&wal, "Transaction", 0, 0x10, "COMMIT_PREPARED 600: 2026-11-22 09:00:00 UTC");
    feed(&wal, "Heap", 601, 0x20, "INSERT off 1 flags 0x00, blkref #0: rel 1663/16384/16400 blk 0");
    feed(&wal, "Transaction", 601, 0x30, "PREPARE gid a: b: 2026-11-22 09:00:00 UTC");
    feed(&wal, "Transaction", 0, 0x40, "COMMIT_PREPARED 601: 2026-11-22 09:00:01 UTC");
    feed(&wal, "Transaction", 602, 0x50, "PREPARE gid open: 2026-11-22 09:00:00 UTC");
    feed(&wal, "Transaction", 603, 0x60, "PREPARE gid given up: 2026-11-22 09:00:00 UTC");
    feed(&wal, "Transaction", 0, 0x70, "ABORT_PREPARED 603: 2026-11-22 09:00:00 UTC");
    feed(&wal, "Transaction", 0, 0x80, "ABORT_PREPARED 599: 2026-11-22 09:00:00 UTC");
    assert_int_equal(salvage_wal_find(&wal, 600)->did, SALVAGE_WAL_PREPARED);
    assert_int_equal(salvage_wal_find(&wal, 601)->did, SALVAGE_WAL_ROWS);
    assert_int_equal(salvage_wal_find(&wal, 601)->lsn.position, 0x40);
    assert_int_equal(salvage_wal_find(&wal, 602)->did, SALVAGE_WAL_UNDECIDED);
    assert_int_equal(salvage_wal_find(&wal, 603)->xid, 0);
    assert_int_equal(wal.rolled_back, 1);
    salvage_wal_free(&wal);
}

/* Many transactions: the table grows. */
static void test_many(void **state)
{
    (void)state;
    struct salvage_wal wal = {.count = 0};
    for (unsigned xid = 1; xid <= 5000; xid++) {
        feed(&wal, "Heap", xid, xid, "UPDATE off 1 xmax 7 flags 0x00 ; new off 2, blkref #0: rel 1663/5/20000 blk 0");
        feed(&wal, "Transaction", xid, xid, "COMMIT 2026-11-22 09:00:00 UTC");
    }
    assert_int_equal(wal.count, 5000);
    for (uint32_t xid = 1; xid <= 5000; xid++) {
        assert_int_equal(salvage_wal_find(&wal, xid)->xid, xid);
        assert_int_equal(salvage_wal_find(&wal, xid)->did, SALVAGE_WAL_ROWS);
    }
    salvage_wal_free(&wal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commits),
        cmocka_unit_test(test_prepared),
        cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
