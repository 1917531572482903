/* SPDX-License-Identifier: Apache-2.0
 * Proofs over HTTP and SQL (over DNS: prove_dns.c). */
#include "edge/prove.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "base/assert.h"
#include "base/buf.h"
#include "edge/clock.h"

enum {
    PROVE_URL = 1024,
    PROVE_EPOCH = 24,
};

static size_t prove_discard(char *data, size_t size, size_t count, void *context)
{
    (void)data;
    (void)context;
    return size * count;
}

static enum err prove_http_class(CURLcode code)
{
    /* A table would need a row for each of curl's hundred codes; these are the ones that say something of their own. */
    if (code == CURLE_OPERATION_TIMEDOUT) {
        return ERR_TIMEOUT;
    }
    if (code == CURLE_COULDNT_CONNECT) {
        return ERR_REFUSED;
    }
    if (code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR) {
        return ERR_RESET;
    }
    return code == CURLE_OUT_OF_MEMORY ? ERR_NO_MEMORY : ERR_PROTOCOL;
}

static enum err prove_http_perform(CURL *curl, struct curl_slist *headers, const char *url, int64_t timeout_ms,
                                   char message[PROVE_MESSAGE])
{
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, prove_discard);
    curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
    const CURLcode code = curl_easy_perform(curl);
    if (code != CURLE_OK) {
        snprintf(message, PROVE_MESSAGE, "GET %.160s: %s", url, curl_easy_strerror(code));
        return prove_http_class(code);
    }
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200) {
        snprintf(message, PROVE_MESSAGE, "GET %.160s: status %ld", url, status);
        return ERR_STATUS;
    }
    return ERR_OK;
}

enum err prove_http(const struct view_address *address, const char *host, const char *path, int64_t timeout_ms,
                    char message[PROVE_MESSAGE])
{
    ASSERT(timeout_ms > 0);
    message[0] = '\0';
    char literal[INET6_ADDRSTRLEN];
    char url[PROVE_URL];
    const bool six = address->family == 6;
    if (inet_ntop(six ? AF_INET6 : AF_INET, address->bytes, literal, sizeof literal) == NULL || path[0] != '/') {
        snprintf(message, PROVE_MESSAGE, "no address or path to prove");
        return ERR_INVALID;
    }
    const int size =
        snprintf(url, sizeof url, six ? "http://[%s]:%u%s" : "http://%s:%u%s", literal, address->port, path);
    if (size < 0 || (size_t)size >= sizeof url) {
        snprintf(message, PROVE_MESSAGE, "the path is too long");
        return ERR_TOO_LARGE;
    }
    CURL *curl = curl_easy_init();
    if (curl == NULL) {
        return ERR_NO_MEMORY;
    }
    struct curl_slist *headers = NULL;
    if (host != NULL) {
        char line[PROVE_MESSAGE];
        snprintf(line, sizeof line, "Host: %s", host);
        headers = curl_slist_append(NULL, line);
    }
    const enum err err = prove_http_perform(curl, headers, url, timeout_ms, message);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return err;
}

static const char prove_sql_who[] =
    "SELECT host(inet_server_addr()), inet_server_port(), pg_is_in_recovery(), "
    "CASE WHEN pg_is_in_recovery() THEN NULL ELSE to_regclass('holdfast.proof') IS NOT NULL END";

static const char prove_sql_table[] = "CREATE SCHEMA IF NOT EXISTS holdfast; CREATE TABLE IF NOT EXISTS holdfast.proof "
                                      "(epoch bigint NOT NULL, node text PRIMARY KEY, at timestamptz NOT NULL)";

/* One row per node, as the agents write it (src/agent); an epoch in it never goes back. */
static const char prove_sql_upsert[] =
    "INSERT INTO holdfast.proof AS proof (epoch, node, at) VALUES ($1::bigint, $2::text, clock_timestamp()) "
    "ON CONFLICT (node) DO UPDATE SET epoch = greatest(proof.epoch, excluded.epoch), at = excluded.at";

/* Who serves us? Makes the table where it is missing. */
static enum err prove_sql_begin(struct sql *sql, bool waits, struct mono deadline, struct prove_sql_answer *answer)
{
    enum err err = sql_run(sql, waits ? "BEGIN" : "BEGIN; SET LOCAL synchronous_commit = local", deadline);
    PGresult *result = NULL;
    if (err == ERR_OK) {
        err = sql_query(sql, prove_sql_who, NULL, deadline, &result);
    }
    if (err != ERR_OK) {
        return err;
    }
    int64_t port = 0;
    if (!PQgetisnull(result, 0, 0) && sql_number(PQgetvalue(result, 0, 1), &port) && port > 0 && port <= UINT16_MAX &&
        !sql_address(PQgetvalue(result, 0, 0), (uint16_t)port, &answer->server)) {
        err = ERR_CONTENT;
    }
    answer->in_recovery = PQgetvalue(result, 0, 2)[0] == 't';
    const bool there = PQgetvalue(result, 0, 3)[0] == 't';
    PQclear(result);
    if (err == ERR_OK && answer->in_recovery) {
        snprintf(sql->message, sizeof sql->message, "the server that answered is a standby");
        err = ERR_ROLE;
    }
    if (err == ERR_OK && !there) {
        err = sql_run(sql, prove_sql_table, deadline);
    }
    return err;
}

/* Adds the row and reads back the highest epoch that this server knows. */
static enum err prove_sql_row(struct sql *sql, uint64_t epoch, const char *node, struct mono deadline,
                              struct prove_sql_answer *answer)
{
    char number[PROVE_EPOCH];
    snprintf(number, sizeof number, "%llu", (unsigned long long)epoch);
    const char *const parameters[] = {number, node, NULL};
    PGresult *result = NULL;
    enum err err = sql_query(sql, prove_sql_upsert, parameters, deadline, &result);
    if (err != ERR_OK) {
        return err;
    }
    PQclear(result);
    err = sql_query(sql, "SELECT epoch, node FROM holdfast.proof ORDER BY epoch DESC, at DESC LIMIT 1", NULL, deadline,
                    &result);
    if (err != ERR_OK) {
        return err;
    }
    int64_t highest = 0;
    const bool good = PQntuples(result) == 1 && sql_number(PQgetvalue(result, 0, 0), &highest) && highest >= 0;
    if (good) {
        answer->epoch = (uint64_t)highest;
        snprintf(answer->node, sizeof answer->node, "%s", PQgetvalue(result, 0, 1));
    }
    PQclear(result);
    if (good && answer->epoch > epoch) {
        snprintf(sql->message, sizeof sql->message, "the server knows epoch %llu of node %s",
                 (unsigned long long)answer->epoch, answer->node);
        return ERR_FENCED;
    }
    return good ? ERR_OK : ERR_CONTENT;
}

static enum err prove_sql_end(struct sql *sql, struct mono deadline, struct prove_sql_answer *answer)
{
    enum err err = sql_run(sql, "COMMIT", deadline);
    PGresult *result = NULL;
    if (err == ERR_OK) {
        err = sql_query(sql, "SELECT pg_current_wal_flush_lsn()", NULL, deadline, &result);
    }
    if (err == ERR_OK) {
        err = lsn_parse(PQgetvalue(result, 0, 0), &answer->lsn) ? ERR_OK : ERR_CONTENT;
        PQclear(result);
    }
    return err;
}

enum err prove_sql(const struct sql_login *login, const struct prove_sql_row *row, int64_t timeout_ms,
                   struct prove_sql_answer *ret_answer, char message[PROVE_MESSAGE])
{
    ASSERT(timeout_ms > 0 && row->epoch <= INT64_MAX);
    const struct mono deadline = time_add_ms(clock_mono(), timeout_ms);
    struct prove_sql_answer answer = {.epoch = 0};
    struct sql sql;
    enum err err = sql_open(&sql, login, deadline);
    if (err == ERR_OK) {
        err = prove_sql_begin(&sql, row->waits, deadline, &answer);
    }
    if (err == ERR_OK) {
        err = prove_sql_row(&sql, row->epoch, row->node, deadline, &answer);
    }
    if (err == ERR_OK) {
        err = prove_sql_end(&sql, deadline, &answer);
    }
    snprintf(message, PROVE_MESSAGE, "%s", err == ERR_OK ? "" : sql.message);
    sql_close(&sql);
    if (err == ERR_OK) {
        *ret_answer = answer;
    }
    return err;
}
