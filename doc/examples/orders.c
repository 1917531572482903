/* SPDX-License-Identifier: Apache-2.0
 * Example: an application that stores orders through a data source that knows where to go.
 *
 *     cc orders.c datasource.c $(pkg-config --cflags --libs holdfast libpq) -o orders
 *     ./orders REGION DATABASE "dbname=shop user=shop connect_timeout=2"
 *
 * Lines on standard input: `order NAME` stores one, `count` reads how many there are, `raw SQL` writes what it says.
 * Answers each with one line: the result, the node, and the rows or the reason. Its table: CREATE TABLE orders (name
 * text PRIMARY KEY). The view is that of $HOLDFAST_STATE_DIR. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datasource.h"

enum { ORDERS_LINE = 512, ORDERS_DEADLINE_MS = 60000, ORDERS_LOOK_MS = 100, ORDERS_ATTEMPTS = 60 };

static void orders_print(const struct datasource *source, enum holdfast_result result, const PGresult *rows)
{
    const char *node = datasource_node(source);
    if (result != HOLDFAST_RESULT_SUCCESS) {
        printf("%s %s %s\n", holdfast_result_name(result), node, datasource_message(source));
    } else if (PQntuples(rows) > 0) {
        printf("%s %s %s\n", holdfast_result_name(result), node, PQgetvalue(rows, 0, 0));
    } else {
        printf("%s %s\n", holdfast_result_name(result), node);
    }
    fflush(stdout);
}

static void orders_obey(struct datasource *source, const char *line)
{
    char sql[ORDERS_LINE * 2];
    PGresult *rows = NULL;
    enum holdfast_result result;
    if (strncmp(line, "order ", 6) == 0 &&
        strspn(line + 6, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(line + 6)) {
        snprintf(sql, sizeof sql, "INSERT INTO orders VALUES ('%s')", line + 6);
        result = datasource_run(source, HOLDFAST_WRITE, NULL, sql, &rows);
    } else if (strncmp(line, "raw ", 4) == 0) {
        result = datasource_run(source, HOLDFAST_WRITE, NULL, line + 4, &rows);
    } else {
        result = datasource_run(source, HOLDFAST_READ, NULL, "SELECT count(*) FROM orders", &rows);
    }
    orders_print(source, result, rows);
    PQclear(rows);
}

static int orders_serve(struct holdfast *holdfast, struct holdfast_retry *retry, const char *conninfo)
{
    const struct datasource_options options = {holdfast, retry, conninfo, ORDERS_DEADLINE_MS};
    struct datasource *source = datasource_new(&options);
    char line[ORDERS_LINE];
    if (source == NULL) {
        return 1;
    }
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        orders_obey(source, line);
    }
    datasource_free(source);
    return 0;
}

int main(int argc, char **argv)
{
    struct holdfast_options options;
    struct holdfast_retry_config budget;
    struct holdfast *holdfast;
    struct holdfast_retry *retry;
    if (argc != 4) {
        fputs("usage: orders REGION DATABASE CONNINFO\n", stderr);
        return 2;
    }
    holdfast_options_default(&options);
    options.region = argv[1];
    options.database = argv[2];
    options.thread_ms = ORDERS_LOOK_MS;
    holdfast_retry_config_default(&budget);
    budget.attempts = ORDERS_ATTEMPTS;
    budget.burst = ORDERS_ATTEMPTS;
    const enum holdfast_error error = holdfast_open(&options, &holdfast);
    if (error != HOLDFAST_OK || holdfast_retry_new(&budget, &retry) != HOLDFAST_OK) {
        fprintf(stderr, "cannot attach: %s\n", holdfast_error_text(error));
        return 1;
    }
    const int status = orders_serve(holdfast, retry, argv[3]);
    holdfast_retry_free(retry);
    holdfast_close(holdfast);
    return status;
}
