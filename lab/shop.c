/* SPDX-License-Identifier: Apache-2.0
 * The service that the lab keeps running: takes orders and payments over HTTP and keeps them in PostgreSQL.
 *
 *   GET  /actuator/health/readiness        200 or 503, {"status":"UP","components":{"database":{...},...}}
 *   POST /orders /payments                 tier 1: answered only when the durability set has the row
 *   POST /inventory /customers /products   tier 2: answered when the writer has it
 *   GET  /orders/KEY                       the stored order
 *   GET  /metrics                          Prometheus text
 *
 * Body of a POST: {"client_id","key","sku","amount_cents"}. Answers: 201 stored, 200 stored before, 409 the key belongs
 * to another request, 503 certainly not stored, 504 unknown: ask GET or repeat with the same key. Every answer names
 * the serving region and node. */
#include <arpa/inet.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <jansson.h>
#include <microhttpd.h>

#include "base/assert.h"
#include "edge/clock.h"
#include "edge/log.h"
#include "shop_metric.h"
#include "shop_pool.h"
#include "shop_probe.h"

enum {
    SHOP_BODY = 4096,        /* bytes of a request's body */
    SHOP_ANSWER = 16384,     /* bytes of an answer; /metrics is the longest */
    SHOP_CONNECTIONS = 512,  /* at a time, a thread each */
    SHOP_POOL = 32,          /* database connections per role */
    SHOP_STATEMENT_MS = 800, /* below the clients' patience of 1 s */
    SHOP_TEXT = 64,          /* bytes of client_id, key, sku */
};

#define SHOP_INSERT(table, text, number)                                                                               \
    "INSERT INTO " table " AS t (key, client_id, " text ", " number ", region, node)"                                  \
    " VALUES ($1, $2, $3, $4::bigint, $5, $6) ON CONFLICT (key) DO UPDATE SET attempts = t.attempts + 1"               \
    " RETURNING attempts, (client_id, " text ", " number ") = ($2, $3, $4::bigint)"

static const struct shop_route {
    const char *path;
    int tier;
    const char *sql;
} shop_routes[] = {
    {"/orders", 1, SHOP_INSERT("orders", "sku", "amount_cents")},
    {"/payments", 1, SHOP_INSERT("payments", "sku", "amount_cents")},
    {"/inventory", 2, SHOP_INSERT("inventory", "sku", "quantity_change")},
    {"/customers", 2, SHOP_INSERT("customers", "name", "credit_cents")},
    {"/products", 2, SHOP_INSERT("products", "sku", "price_cents")},
};

static struct {
    const char *region;
    const char *node;
    const char *address;
    long port;
    const char *proxy_address;
    const char *proxy_port;
    const char *dbname;
    struct shop_probe_config probe;
    struct shop_pool *tier[3]; /* by tier; [0] unused */
} shop;

/* One HTTP request: born with its head, freed when the answer has left. */
struct shop_request {
    struct mono start;
    const char *route; /* NULL: not counted */
    unsigned status;
    size_t size;
    bool too_large;
    char body[SHOP_BODY];
    struct buf answer;
    uint8_t answer_bytes[SHOP_ANSWER];
};

static void shop_say(struct shop_request *request, unsigned status, const char *outcome, const char *error)
{
    request->status = status;
    buf_printf(&request->answer, "{\"outcome\":\"%s\",\"error\":\"%s\",\"region\":\"%s\",\"node\":\"%s\"}\n", outcome,
               error, shop.region, shop.node);
}

static void shop_readiness(struct shop_request *request)
{
    struct shop_probe_status status[SHOP_PROBE_COUNT];
    const bool up = shop_probe_read(status);
    request->status = up ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE;
    buf_printf(&request->answer, "{\"status\":\"%s\",\"components\":{", up ? "UP" : "DOWN");
    const char *comma = "";
    for (size_t i = 0; i < SHOP_PROBE_COUNT; i++) {
        if (status[i].used) {
            buf_printf(&request->answer, "%s\"%s\":{\"status\":\"%s\",\"latency_ms\":%.1f", comma, status[i].name,
                       status[i].up ? "UP" : "DOWN", status[i].latency_ms);
            buf_printf(&request->answer, status[i].up ? "}" : ",\"error\":\"%s\"}", status[i].error);
            comma = ",";
        }
    }
    buf_printf(&request->answer, "},\"region\":\"%s\",\"node\":\"%s\"}\n", shop.region, shop.node);
}

static bool shop_text_ok(const char *text)
{
    const size_t size = text != NULL ? strlen(text) : 0;
    return size > 0 && size < SHOP_TEXT &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == size;
}

static void shop_store_row(struct shop_request *request, const struct shop_route *route, const json_t *body)
{
    const char *key = json_string_value(json_object_get(body, "key"));
    const char *client = json_string_value(json_object_get(body, "client_id"));
    const char *sku = json_string_value(json_object_get(body, "sku"));
    const json_t *amount = json_object_get(body, "amount_cents");
    if (!shop_text_ok(key) || !shop_text_ok(client) || !shop_text_ok(sku) || !json_is_integer(amount)) {
        shop_say(request, MHD_HTTP_BAD_REQUEST, "failed",
                 "expected client_id, key, sku (1 to 63 letters, digits, - _ .) and amount_cents (integer)");
        return;
    }
    char cents[32];
    (void)snprintf(cents, sizeof(cents), "%" JSON_INTEGER_FORMAT, json_integer_value(amount));
    const char *const parameters[] = {key, client, sku, cents, shop.region, shop.node};
    struct shop_pool_result result;
    shop_pool_execute(shop.tier[route->tier], route->sql, parameters, 6, time_add_ms(request->start, SHOP_STATEMENT_MS),
                      &result);
    if (result.outcome == SHOP_POOL_UNKNOWN) {
        shop_say(request, MHD_HTTP_GATEWAY_TIMEOUT, "unknown", result.error);
    } else if (result.outcome == SHOP_POOL_REFUSED) {
        shop_say(request, MHD_HTTP_SERVICE_UNAVAILABLE, "failed", result.error);
    } else if (result.rows != 1 || strcmp(result.value[1], "t") != 0) {
        shop_say(request, MHD_HTTP_CONFLICT, "failed", "this key belongs to another request");
    } else {
        shop_say(request, strcmp(result.value[0], "1") == 0 ? MHD_HTTP_CREATED : MHD_HTTP_OK, "ok", "");
    }
}

static void shop_store(struct shop_request *request, const struct shop_route *route)
{
    if (request->too_large) {
        shop_say(request, MHD_HTTP_CONTENT_TOO_LARGE, "failed", "body too large");
        return;
    }
    json_t *body = json_loadb(request->body, request->size, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(body)) {
        shop_store_row(request, route, body);
    } else {
        shop_say(request, MHD_HTTP_BAD_REQUEST, "failed", "the body is not a JSON object");
    }
    json_decref(body);
}

static void shop_show_order(struct shop_request *request, const char *key)
{
    if (!shop_text_ok(key)) {
        shop_say(request, MHD_HTTP_BAD_REQUEST, "failed", "bad key");
        return;
    }
    struct shop_pool_result result;
    shop_pool_execute(shop.tier[1],
                      "SELECT client_id, sku, amount_cents, region, node, attempts FROM orders WHERE key = $1", &key, 1,
                      time_add_ms(request->start, SHOP_STATEMENT_MS), &result);
    if (result.outcome != SHOP_POOL_DONE) {
        shop_say(request, MHD_HTTP_SERVICE_UNAVAILABLE, "failed", result.error);
    } else if (result.rows == 0) {
        shop_say(request, MHD_HTTP_NOT_FOUND, "failed", "no such order");
    } else {
        request->status = MHD_HTTP_OK;
        buf_printf(&request->answer,
                   "{\"key\":\"%s\",\"client_id\":\"%s\",\"sku\":\"%s\",\"amount_cents\":%s,\"taken_by\":\"%s/%s\","
                   "\"attempts\":%s,\"region\":\"%s\",\"node\":\"%s\"}\n",
                   key, result.value[0], result.value[1], result.value[2], result.value[3], result.value[4],
                   result.value[5], shop.region, shop.node);
    }
}

static void shop_post(struct shop_request *request, const char *url)
{
    for (size_t i = 0; i < sizeof(shop_routes) / sizeof(shop_routes[0]); i++) {
        if (strcmp(url, shop_routes[i].path) == 0) {
            request->route = shop_routes[i].path;
            shop_store(request, &shop_routes[i]);
            return;
        }
    }
    shop_say(request, MHD_HTTP_NOT_FOUND, "failed", "no such route");
}

static void shop_get(struct shop_request *request, const char *url)
{
    if (strcmp(url, "/actuator/health/readiness") == 0) {
        shop_readiness(request); /* not counted: probes are no customers */
    } else if (strcmp(url, "/metrics") == 0) {
        request->status = MHD_HTTP_OK;
        shop_metric_print(&request->answer);
    } else if (strncmp(url, "/orders/", 8) == 0) {
        request->route = "/orders/KEY";
        shop_show_order(request, url + 8);
    } else {
        shop_say(request, MHD_HTTP_NOT_FOUND, "failed", "no such route");
    }
}

static enum MHD_Result shop_answer(struct MHD_Connection *connection, struct shop_request *request, const char *url)
{
    ASSERT(!request->answer.overflow);
    if (request->route != NULL) {
        shop_metric_count(request->route, request->status, time_since_us(clock_mono(), request->start));
    }
    struct MHD_Response *response =
        MHD_create_response_from_buffer(request->answer.size, request->answer.data, MHD_RESPMEM_MUST_COPY);
    ASSERT(response != NULL);
    (void)MHD_add_response_header(response, "Content-Type",
                                  strcmp(url, "/metrics") == 0 ? "text/plain; version=0.0.4" : "application/json");
    (void)MHD_add_response_header(response, "X-Region", shop.region);
    (void)MHD_add_response_header(response, "X-Node", shop.node);
    const enum MHD_Result queued = MHD_queue_response(connection, request->status, response);
    MHD_destroy_response(response);
    return queued;
}

static enum MHD_Result shop_handle(void *context, struct MHD_Connection *connection, const char *url,
                                   const char *method, const char *version, const char *data, size_t *size,
                                   void **state)
{
    (void)context;
    (void)version;
    struct shop_request *request = *state;
    if (request == NULL) {
        request = malloc(sizeof(*request));
        if (request == NULL) {
            return MHD_NO;
        }
        request->start = clock_mono();
        request->route = NULL;
        request->size = 0;
        request->too_large = false;
        buf_init(&request->answer, request->answer_bytes, sizeof(request->answer_bytes));
        *state = request;
        return MHD_YES;
    }
    if (*size > 0) {
        request->too_large = request->too_large || *size > sizeof(request->body) - request->size;
        if (!request->too_large) {
            memcpy(request->body + request->size, data, *size);
            request->size += *size;
        }
        *size = 0;
        return MHD_YES;
    }
    if (strcmp(method, "POST") == 0) {
        shop_post(request, url);
    } else if (strcmp(method, "GET") == 0) {
        shop_get(request, url);
    } else {
        shop_say(request, MHD_HTTP_METHOD_NOT_ALLOWED, "failed", "GET or POST");
    }
    return shop_answer(connection, request, url);
}

static void shop_done(void *context, struct MHD_Connection *connection, void **state,
                      enum MHD_RequestTerminationCode code)
{
    (void)context;
    (void)connection;
    (void)code;
    free(*state);
    *state = NULL;
}

/* "ADDRESS:PORT" cut in two, in place. */
static bool shop_split(char *text, const char **ret_address, const char **ret_port)
{
    char *colon = strrchr(text, ':');
    if (colon == NULL) {
        return false;
    }
    *colon = '\0';
    *ret_address = text;
    *ret_port = colon + 1;
    return true;
}

static bool shop_options(int argc, char **argv)
{
    static const struct option options[] = {
        {"region", required_argument, NULL, 'r'},
        {"node", required_argument, NULL, 'n'},
        {"listen", required_argument, NULL, 'l'},
        {"proxy", required_argument, NULL, 'p'},
        {"dbname", required_argument, NULL, 'D'},
        {"database", required_argument, NULL, 'd'},
        {"redis", required_argument, NULL, 'c'},
        {"kafka", required_argument, NULL, 'k'},
        {NULL, 0, NULL, 0},
    };
    const char *port = NULL;
    bool good = true;
    shop.dbname = "shop";
    shop.probe.topic = "holdfast-health";
    for (int option = getopt_long(argc, argv, "", options, NULL); option != -1;
         option = getopt_long(argc, argv, "", options, NULL)) {
        switch (option) {
        case 'r':
            shop.region = optarg;
            break;
        case 'n':
            shop.node = optarg;
            break;
        case 'D':
            shop.dbname = optarg;
            break;
        case 'd':
            shop.probe.database = optarg;
            break;
        case 'k':
            shop.probe.kafka = optarg;
            break;
        case 'p':
            good = good && shop_split(optarg, &shop.proxy_address, &shop.proxy_port);
            break;
        case 'l':
            good = good && shop_split(optarg, &shop.address, &port);
            shop.port = good ? strtol(port, NULL, 10) : 0;
            break;
        case 'c':
            good = good && shop_split(optarg, &shop.probe.redis_address, &port);
            shop.probe.redis_port = good ? (int)strtol(port, NULL, 10) : 0;
            break;
        default:
            good = false;
            break;
        }
    }
    shop.probe.node = shop.node;
    return good && optind == argc && shop.region != NULL && shop.node != NULL && shop.address != NULL &&
           shop.proxy_address != NULL && shop.probe.database != NULL && shop.probe.redis_address != NULL;
}

static struct MHD_Daemon *shop_listen(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)shop.port)};
    if (inet_pton(AF_INET, shop.address, &address.sin_addr) != 1 || shop.port <= 0 || shop.port > UINT16_MAX) {
        LOG_E("not an address and port: %s", shop.address);
        return NULL;
    }
    return MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL, 0, NULL,
                            NULL, shop_handle, NULL, MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_NOTIFY_COMPLETED,
                            shop_done, NULL, MHD_OPTION_CONNECTION_LIMIT, (unsigned)SHOP_CONNECTIONS,
                            MHD_OPTION_CONNECTION_TIMEOUT, 30U, MHD_OPTION_LISTENING_ADDRESS_REUSE, 1U, MHD_OPTION_END);
}

int main(int argc, char **argv)
{
    if (!shop_options(argc, argv)) {
        (void)fprintf(stderr, "usage: lab-shop --region NAME --node NAME --listen ADDRESS:PORT --proxy ADDRESS:PORT\n"
                              "  --database CONNINFO --redis ADDRESS:PORT [--kafka ADDRESS:PORT] [--dbname NAME]\n");
        return 2;
    }
    log_init(shop.node, LOG_INFO);
    (void)signal(SIGPIPE, SIG_IGN);
    sigset_t end;
    (void)sigemptyset(&end);
    (void)sigaddset(&end, SIGTERM);
    (void)sigaddset(&end, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &end, NULL);
    static char conninfo[3][256];
    for (int tier = 1; tier <= 2; tier++) {
        (void)snprintf(conninfo[tier], sizeof(conninfo[tier]),
                       "host=%s port=%s dbname=%s user=shop_tier%d application_name=%s", shop.proxy_address,
                       shop.proxy_port, shop.dbname, tier, shop.node);
        shop.tier[tier] = shop_pool_new(conninfo[tier], SHOP_POOL);
    }
    shop.probe.writer = conninfo[1];
    struct MHD_Daemon *daemon = shop_listen();
    if (daemon == NULL) {
        LOG_E("cannot listen on %s:%ld", shop.address, shop.port);
        return 1;
    }
    shop_probe_start(&shop.probe);
    LOG_I("listening on %s:%ld", shop.address, shop.port);
    int number;
    (void)sigwait(&end, &number);
    LOG_I("ending");
    MHD_stop_daemon(daemon);
    return 0;
}
