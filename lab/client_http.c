/* SPDX-License-Identifier: Apache-2.0
 * The lab's HTTP customers: each has its own address, its own DNS cache, and posts orders with unique keys. */
#include "client_http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <jansson.h>

#include "base/assert.h"
#include "base/prng.h"
#include "client_dns.h"
#include "edge/clock.h"
#include "journal.h"

enum {
    CLIENT_HTTP_MAX = CLIENT_HOMES * CLIENT_PER_HOME,
    CLIENT_HTTP_BODY = 1024,
    CLIENT_HTTP_LOOKUP_MS = 300, /* patience with one DNS server */
    CLIENT_HTTP_PAUSE_MS = 50,   /* when all of them refused */
    CLIENT_HTTP_BEHIND_MS = 200, /* more than this behind the pace: the rest is dropped, not caught up */
};

enum client_http_state { CLIENT_HTTP_IDLE, CLIENT_HTTP_LOOKING, CLIENT_HTTP_POSTING };

struct client_http {
    enum client_http_state state;
    const struct client_home *home;
    char source[INET_ADDRSTRLEN];
    struct in_addr source_address;
    /* the cache */
    uint32_t address;
    struct mono expires;
    /* the look-up under way */
    int fd;
    uint16_t id;
    size_t server;
    size_t refused; /* servers in a row that said no at once */
    struct mono server_deadline;
    /* the request under way */
    CURL *easy;
    struct curl_slist *headers;
    struct mono deadline;
    struct journal_entry entry;
    char request[256];
    char answer[CLIENT_HTTP_BODY];
    size_t answer_size;
};

static const struct client_config *client_http_config;
static CURLM *client_http_multi;
static struct client_http *client_http_list;
static size_t client_http_count;
static size_t client_http_next;
static size_t client_http_waiting[CLIENT_HTTP_MAX]; /* whose sockets client_http_fds() gave */
static struct mono client_http_due;
static uint64_t client_http_number;
static struct prng client_http_prng;

/* Of ten requests four are orders, four payments, two of tier 2. */
static const struct {
    const char *table;
    int tier;
} client_http_mix[] = {
    {"orders", 1},    {"payments", 1}, {"inventory", 2}, {"orders", 1}, {"payments", 1},
    {"orders", 1},    {"payments", 1}, {"customers", 2}, {"orders", 1}, {"payments", 1},
    {"orders", 1},    {"payments", 1}, {"products", 2},  {"orders", 1}, {"payments", 1},
    {"inventory", 2}, {"orders", 1},   {"payments", 1},  {"orders", 1}, {"payments", 1},
};

static size_t client_http_take(char *data, size_t size, size_t count, void *context)
{
    struct client_http *client = context;
    const size_t bytes = size * count;
    if (bytes > sizeof(client->answer) - client->answer_size) {
        return 0; /* longer than any answer of the shop: the transfer fails */
    }
    memcpy(client->answer + client->answer_size, data, bytes);
    client->answer_size += bytes;
    return bytes;
}

static void client_http_add(const struct client_home *home, unsigned number)
{
    struct client_http *client = &client_http_list[client_http_count++];
    char host[128];
    client->home = home;
    client->fd = -1;
    client->server = client_http_count;
    (void)snprintf(client->source, sizeof(client->source), "%.7s.%u.7", home->prefix, 100 + number);
    const int parsed = inet_pton(AF_INET, client->source, &client->source_address);
    ASSERT(parsed == 1);
    (void)snprintf(host, sizeof(host), "Host: %s", client_http_config->name);
    client->headers = curl_slist_append(NULL, host);
    client->headers = curl_slist_append(client->headers, "Content-Type: application/json");
    client->headers = curl_slist_append(client->headers, "Expect:");
    client->easy = curl_easy_init();
    ASSERT(client->easy != NULL && client->headers != NULL);
    (void)snprintf(host, sizeof(host), "host!%s", client->source);
    (void)curl_easy_setopt(client->easy, CURLOPT_INTERFACE, host);
    (void)curl_easy_setopt(client->easy, CURLOPT_HTTPHEADER, client->headers);
    (void)curl_easy_setopt(client->easy, CURLOPT_FRESH_CONNECT, 1L);
    (void)curl_easy_setopt(client->easy, CURLOPT_FORBID_REUSE, 1L);
    (void)curl_easy_setopt(client->easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(client->easy, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(client->easy, CURLOPT_WRITEFUNCTION, client_http_take);
    (void)curl_easy_setopt(client->easy, CURLOPT_WRITEDATA, client);
    (void)curl_easy_setopt(client->easy, CURLOPT_PRIVATE, client);
}

void client_http_init(const struct client_config *config, CURLM *multi)
{
    client_http_config = config;
    client_http_multi = multi;
    client_http_list = calloc(CLIENT_HTTP_MAX, sizeof(*client_http_list));
    ASSERT(client_http_list != NULL);
    client_http_due = clock_mono();
    prng_init(&client_http_prng, (uint64_t)client_http_due.us);
    /* Interleaved by share, so that the homes' requests alternate. */
    for (unsigned number = 0; number < CLIENT_PER_HOME; number++) {
        for (size_t i = 0; i < config->homes; i++) {
            if (number < config->home[i].clients) {
                client_http_add(&config->home[i], number);
            }
        }
    }
}

void client_http_fini(void)
{
    for (size_t i = 0; i < client_http_count; i++) {
        struct client_http *client = &client_http_list[i];
        if (client->state == CLIENT_HTTP_POSTING) {
            (void)curl_multi_remove_handle(client_http_multi, client->easy);
        }
        if (client->fd >= 0) {
            (void)close(client->fd);
        }
        curl_easy_cleanup(client->easy);
        curl_slist_free_all(client->headers);
    }
    free(client_http_list);
}

static void client_http_end(struct client_http *client, enum journal_outcome outcome, const char *error)
{
    client->entry.end_us = clock_mono().us;
    client->entry.outcome = outcome;
    journal_set_error(&client->entry, error);
    journal_write(client_http_config->journal, &client->entry);
    if (client->fd >= 0) {
        (void)close(client->fd);
        client->fd = -1;
    }
    client->state = CLIENT_HTTP_IDLE;
}

static void client_http_post(struct client_http *client)
{
    char url[96];
    char address[INET_ADDRSTRLEN];
    const struct in_addr ipv4 = {htonl(client->address)};
    (void)inet_ntop(AF_INET, &ipv4, address, sizeof(address));
    (void)snprintf(url, sizeof(url), "http://%s:%u/%s", address, client_http_config->port, client->entry.table);
    (void)snprintf(client->request, sizeof(client->request),
                   "{\"client_id\":\"%s\",\"key\":\"%s\",\"sku\":\"sku-%" PRIu64 "\",\"amount_cents\":%" PRIu64 "}",
                   client->source, client->entry.key, prng_below(&client_http_prng, 100),
                   100 + prng_below(&client_http_prng, 100000));
    const int64_t left_ms = time_since_ms(client->deadline, clock_mono());
    client->answer_size = 0;
    (void)curl_easy_setopt(client->easy, CURLOPT_URL, url);
    (void)curl_easy_setopt(client->easy, CURLOPT_POSTFIELDS, client->request);
    (void)curl_easy_setopt(client->easy, CURLOPT_TIMEOUT_MS, (long)(left_ms > 1 ? left_ms : 1));
    const CURLMcode added = curl_multi_add_handle(client_http_multi, client->easy);
    ASSERT(added == CURLM_OK);
    client->state = CLIENT_HTTP_POSTING;
}

/* Sends the question to the next server that takes it. */
static void client_http_ask(struct client_http *client)
{
    for (size_t tries = 0; tries < client_http_config->servers; tries++) {
        uint8_t message[512];
        const struct sockaddr_in *server = &client_http_config->server[client->server++ % client_http_config->servers];
        struct sockaddr_in source = {.sin_family = AF_INET, .sin_addr = client->source_address};
        if (client->fd >= 0) {
            (void)close(client->fd);
        }
        client->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        client->id = (uint16_t)prng_next(&client_http_prng);
        const size_t size = client_dns_query(message, sizeof(message), client->id, client_http_config->name);
        ASSERT(size > 0);
        /* Connected, so that "nobody listens there" comes back as an error at once. */
        if (client->fd >= 0 && bind(client->fd, (struct sockaddr *)&source, sizeof(source)) == 0 &&
            connect(client->fd, (const struct sockaddr *)server, sizeof(*server)) == 0 &&
            send(client->fd, message, size, MSG_NOSIGNAL) == (ssize_t)size) {
            client->server_deadline = time_add_ms(clock_mono(), CLIENT_HTTP_LOOKUP_MS);
            return;
        }
    }
    client->server_deadline = time_add_ms(clock_mono(), CLIENT_HTTP_LOOKUP_MS);
}

/* The server asked refuses or is not there: the next one; after a whole round, a pause. */
static void client_http_ask_another(struct client_http *client)
{
    if (++client->refused < client_http_config->servers) {
        client_http_ask(client);
        return;
    }
    (void)close(client->fd);
    client->fd = -1;
    client->refused = 0;
    client->server_deadline = time_add_ms(clock_mono(), CLIENT_HTTP_PAUSE_MS);
}

static void client_http_hear(struct client_http *client)
{
    uint8_t message[CLIENT_DNS_MESSAGE];
    struct client_dns_answer answer;
    const ssize_t size = recv(client->fd, message, sizeof(message), 0);
    if (size < 0) {
        if (errno != EAGAIN) {
            client_http_ask_another(client);
        }
        return;
    }
    const enum err err = client_dns_parse(message, (size_t)size, client->id, &answer);
    if (err == ERR_OK) {
        (void)close(client->fd);
        client->fd = -1;
        client->address = answer.ipv4;
        client->expires = time_add_ms(clock_mono(), (int64_t)answer.ttl_s * 1000);
        client_http_post(client);
    } else if (err != ERR_PROTOCOL) {
        client_http_ask_another(client);
    }
}

static void client_http_begin(struct client_http *client, struct mono now)
{
    const uint64_t number = client_http_number++;
    const size_t mix = number % (sizeof(client_http_mix) / sizeof(client_http_mix[0]));
    client->entry = (struct journal_entry){.start_us = now.us, .path = JOURNAL_HTTP, .tier = client_http_mix[mix].tier};
    memcpy(client->entry.home, client->home->name, sizeof(client->entry.home));
    (void)snprintf(client->entry.table, JOURNAL_NAME, "%s", client_http_mix[mix].table);
    (void)snprintf(client->entry.key, JOURNAL_KEY, "h-%.20s-%" PRIu64, client_http_config->run, number);
    client->deadline = time_add_ms(now, CLIENT_DEADLINE_MS);
    if (!time_reached(now, client->expires)) {
        client_http_post(client);
        return;
    }
    client->state = CLIENT_HTTP_LOOKING;
    client->refused = 0;
    client_http_ask(client);
}

void client_http_tick(struct mono now, bool stopping)
{
    for (size_t i = 0; i < client_http_count; i++) {
        struct client_http *client = &client_http_list[i];
        if (client->state == CLIENT_HTTP_LOOKING && time_reached(now, client->deadline)) {
            client_http_end(client, JOURNAL_FAILED, "no DNS server answered");
        } else if (client->state == CLIENT_HTTP_LOOKING && time_reached(now, client->server_deadline)) {
            client_http_ask(client);
        }
    }
    if (client_http_config->http_rate == 0 || stopping || client_http_count == 0) {
        return;
    }
    if (time_since_ms(now, client_http_due) > CLIENT_HTTP_BEHIND_MS) {
        client_http_due = now;
    }
    while (time_reached(now, client_http_due)) {
        client_http_due = time_add_us(client_http_due, TIME_US_PER_S / client_http_config->http_rate);
        struct client_http *client = &client_http_list[client_http_next++ % client_http_count];
        if (client->state == CLIENT_HTTP_IDLE) {
            client_http_begin(client, now);
        }
    }
}

unsigned client_http_fds(struct curl_waitfd *fds)
{
    unsigned count = 0;
    for (size_t i = 0; i < client_http_count; i++) {
        if (client_http_list[i].state == CLIENT_HTTP_LOOKING && client_http_list[i].fd >= 0) {
            client_http_waiting[count] = i;
            fds[count++] = (struct curl_waitfd){.fd = client_http_list[i].fd, .events = CURL_WAIT_POLLIN};
        }
    }
    return count;
}

void client_http_ready(const struct curl_waitfd *fds, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (fds[i].revents != 0) {
            client_http_hear(&client_http_list[client_http_waiting[i]]);
        }
    }
}

static void client_http_copy(const json_t *body, const char *name, char ret_text[JOURNAL_NAME])
{
    const char *text = json_string_value(json_object_get(body, name));
    (void)snprintf(ret_text, JOURNAL_NAME, "%s", text != NULL ? text : "");
}

static void client_http_judge(struct client_http *client, CURLcode code)
{
    long status = 0;
    long sent = 0;
    (void)curl_easy_getinfo(client->easy, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(client->easy, CURLINFO_REQUEST_SIZE, &sent);
    if (code != CURLE_OK) {
        client_http_end(client, sent > 0 ? JOURNAL_UNKNOWN : JOURNAL_FAILED, curl_easy_strerror(code));
        return;
    }
    json_t *body = json_loadb(client->answer, client->answer_size, 0, NULL);
    const char *outcome = json_string_value(json_object_get(body, "outcome"));
    const char *error = json_string_value(json_object_get(body, "error"));
    char text[JOURNAL_ERROR];
    client_http_copy(body, "region", client->entry.region);
    client_http_copy(body, "node", client->entry.node);
    (void)snprintf(text, sizeof(text), "%ld %.180s", status, error != NULL ? error : "");
    if ((status == 200 || status == 201) && outcome != NULL && strcmp(outcome, "ok") == 0) {
        client_http_end(client, JOURNAL_OK, "");
    } else if ((outcome != NULL && strcmp(outcome, "failed") == 0) || (outcome == NULL && status == 503)) {
        /* 503 without a word of the shop: the load balancer found no server to give the request to. */
        client_http_end(client, JOURNAL_FAILED, text);
    } else {
        client_http_end(client, JOURNAL_UNKNOWN, text);
    }
    json_decref(body);
}

void client_http_collect(void)
{
    int left = 0;
    for (CURLMsg *message = curl_multi_info_read(client_http_multi, &left); message != NULL;
         message = curl_multi_info_read(client_http_multi, &left)) {
        if (message->msg == CURLMSG_DONE) {
            char *private = NULL;
            const CURLcode code = message->data.result;
            CURL *easy = message->easy_handle;
            (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
            (void)curl_multi_remove_handle(client_http_multi, easy);
            client_http_judge((struct client_http *)(void *)private, code);
        }
    }
}

unsigned client_http_busy(void)
{
    unsigned busy = 0;
    for (size_t i = 0; i < client_http_count; i++) {
        busy += client_http_list[i].state != CLIENT_HTTP_IDLE ? 1 : 0;
    }
    return busy;
}
