/* SPDX-License-Identifier: Apache-2.0
 * Whether a standby holds the rows of its writer (reconcile/digest.h), for scripts.
 *
 *   holdfast-digest WRITER STANDBY DBNAME USER     addresses as 127.1.0.11:5432; the password comes from PGPASSFILE
 *
 * One line. 0: equal; 1: different; 2: not measured. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconcile/digest.h"

enum { DIGEST_MAIN_ATTEMPTS = 3, DIGEST_MAIN_TIMEOUT_MS = 60000 };

static bool digest_main_address(const char *text, struct view_address *ret_address)
{
    char host[64];
    int64_t port = 0;
    const char *colon = strrchr(text, ':');
    if (colon == NULL || (size_t)(colon - text) >= sizeof(host) || !sql_number(colon + 1, &port) || port <= 0 ||
        port > UINT16_MAX) {
        return false;
    }
    memcpy(host, text, (size_t)(colon - text));
    host[colon - text] = '\0';
    return sql_address(host, (uint16_t)port, ret_address);
}

/* The first table that differs. */
static void digest_main_tell(const struct digest *digest)
{
    for (uint32_t i = 0; i < digest->tables_count; i++) {
        const struct digest_table *table = &digest->tables[i];
        if (!table->equal) {
            (void)printf("; %s: %" PRId64 " rows here, %" PRId64 " there", table->name, table->rows_writer,
                         table->rows_standby);
            return;
        }
    }
}

int main(int argc, char **argv)
{
    struct digest_options options = {.timeout_ms = DIGEST_MAIN_TIMEOUT_MS, .replay_wait_ms = 10000};
    if (argc != 5 || !digest_main_address(argv[1], &options.writer.address) ||
        !digest_main_address(argv[2], &options.standby.address)) {
        (void)fprintf(stderr, "usage: holdfast-digest WRITER STANDBY DBNAME USER\n");
        return 2;
    }
    options.writer.dbname = options.standby.dbname = argv[3];
    options.writer.user = options.standby.user = argv[4];
    int status = 2;
    for (int i = 0; i < DIGEST_MAIN_ATTEMPTS && status == 2; i++) {
        struct digest digest;
        const enum err err = digest_measure(&options, &digest);
        status = err != ERR_OK || !digest.measured ? 2 : digest.consistent ? 0 : 1;
        if (status != 2 || i + 1 == DIGEST_MAIN_ATTEMPTS) {
            (void)printf("%s: %u tables, %u unequal%s%s",
                         status == 0   ? "equal"
                         : status == 1 ? "DIFFERENT"
                                       : "not measured",
                         digest.tables_count, digest.tables_unequal, digest.reason[0] != '\0' ? ", " : "",
                         digest.reason);
            digest_main_tell(&digest);
            (void)printf("\n");
        }
        digest_free(&digest);
    }
    return status;
}
