/* SPDX-License-Identifier: Apache-2.0
 * A relay with faults: a thread that accepts, a thread for each connection. */
#include "etcd_relay.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    RELAY_BYTES = 256 * 1024,
    RELAY_POLL_MS = 20,
    RELAY_CONNECTIONS = 512,
};

struct relay_connection {
    int client;
    int server;
    bool swallows;
    bool cuts;
    bool holds;
    size_t held;
    char memory[RELAY_BYTES];
};

static int relay_listener;
static struct sockaddr_in relay_member;
static char relay_address[32];
static atomic_int relay_fault;
static atomic_bool relay_ending;
static atomic_bool relay_released;
static atomic_int relay_held; /* connections that hold something back */
static pthread_t relay_threads[RELAY_CONNECTIONS];
static size_t relay_count;
static pthread_t relay_acceptor;

static bool relay_is_commit(const char *data, size_t size)
{
    return size > 20 && memcmp(data, "POST /v3/kv/txn", 15) == 0 && memmem(data, size, "request_put", 11) != NULL;
}

/* A fault for one commit goes to the first that comes. */
static enum etcd_relay_fault relay_take_fault(const char *data, size_t size)
{
    int fault = atomic_load(&relay_fault);
    if (fault <= ETCD_RELAY_DEAF || !relay_is_commit(data, size)) {
        return ETCD_RELAY_PASS;
    }
    return atomic_compare_exchange_strong(&relay_fault, &fault, ETCD_RELAY_PASS) ? (enum etcd_relay_fault)fault
                                                                                 : ETCD_RELAY_PASS;
}

static bool relay_send(int to, const char *data, size_t size)
{
    for (size_t sent = 0; sent < size;) {
        const ssize_t some = send(to, data + sent, size - sent, MSG_NOSIGNAL);
        if (some <= 0) {
            return false;
        }
        sent += (size_t)some;
    }
    return true;
}

/* From the client. False: the connection ends. */
static bool relay_from_client(struct relay_connection *connection)
{
    const ssize_t got = recv(connection->client, connection->memory, RELAY_BYTES, 0);
    if (got <= 0) {
        return false;
    }
    const enum etcd_relay_fault fault = relay_take_fault(connection->memory, (size_t)got);
    connection->swallows |= fault == ETCD_RELAY_SWALLOW_ONE;
    connection->cuts |= fault == ETCD_RELAY_CUT_ONE;
    if (fault == ETCD_RELAY_HOLD_ONE) {
        connection->holds = true;
        connection->held = (size_t)got;
        atomic_fetch_add(&relay_held, 1);
        return true;
    }
    return relay_send(connection->server, connection->memory, (size_t)got);
}

static bool relay_from_server(struct relay_connection *connection)
{
    static const char nothing[1] = "";
    char memory[4096];
    const ssize_t got = recv(connection->server, memory, sizeof memory, 0);
    if (got <= 0 || connection->cuts) {
        return false;
    }
    return relay_send(connection->client, connection->swallows ? nothing : memory,
                      connection->swallows ? 0 : (size_t)got);
}

/* Whoever sent it may have gone long ago. */
static void relay_hold(struct relay_connection *connection)
{
    const struct timespec pause = {.tv_nsec = 5000000};
    while (!atomic_load(&relay_released) && !atomic_load(&relay_ending)) {
        nanosleep(&pause, NULL);
    }
    if (relay_send(connection->server, connection->memory, connection->held)) {
        char memory[4096];
        (void)!recv(connection->server, memory, sizeof memory, 0);
    }
    atomic_fetch_sub(&relay_held, 1);
}

static void relay_pump(struct relay_connection *connection)
{
    bool goes_on = true;
    while (goes_on && !atomic_load(&relay_ending)) {
        if (atomic_load(&relay_fault) == ETCD_RELAY_DEAF) {
            poll(NULL, 0, RELAY_POLL_MS);
            continue;
        }
        struct pollfd sockets[2] = {{.fd = connection->client, .events = POLLIN},
                                    {.fd = connection->server, .events = POLLIN}};
        if (poll(sockets, 2, RELAY_POLL_MS) <= 0) {
            continue;
        }
        goes_on = (sockets[0].revents == 0 || relay_from_client(connection)) &&
                  (sockets[1].revents == 0 || relay_from_server(connection));
        if (connection->holds) {
            relay_hold(connection);
            goes_on = false;
        }
    }
}

static void *relay_connection_run(void *context)
{
    struct relay_connection *connection = context;
    relay_pump(connection);
    close(connection->client);
    close(connection->server);
    free(connection);
    return NULL;
}

static void *relay_accept(void *context)
{
    (void)context;
    while (!atomic_load(&relay_ending)) {
        struct pollfd listener = {.fd = relay_listener, .events = POLLIN};
        if (poll(&listener, 1, RELAY_POLL_MS) <= 0 || relay_count == RELAY_CONNECTIONS) {
            continue;
        }
        struct relay_connection *connection = calloc(1, sizeof *connection);
        connection->client = accept4(relay_listener, NULL, NULL, SOCK_CLOEXEC);
        connection->server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        (void)!connect(connection->server, (const struct sockaddr *)&relay_member, sizeof relay_member);
        if (pthread_create(&relay_threads[relay_count], NULL, relay_connection_run, connection) == 0) {
            relay_count++;
        }
    }
    return NULL;
}

const char *etcd_relay_start(const char *member)
{
    const char *colon = strchr(member, ':');
    char host[32];
    snprintf(host, sizeof host, "%.*s", (int)(colon - member), member);
    relay_member =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10))};
    inet_pton(AF_INET, host, &relay_member.sin_addr);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f090009U)};
    socklen_t size = sizeof address;
    relay_listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(relay_listener, (struct sockaddr *)&address, size) != 0 || listen(relay_listener, 64) != 0 ||
        getsockname(relay_listener, (struct sockaddr *)&address, &size) != 0) {
        abort();
    }
    snprintf(relay_address, sizeof relay_address, "127.9.0.9:%u", (unsigned)ntohs(address.sin_port));
    atomic_store(&relay_fault, ETCD_RELAY_PASS);
    atomic_store(&relay_ending, false);
    atomic_store(&relay_released, false);
    relay_count = 0;
    if (pthread_create(&relay_acceptor, NULL, relay_accept, NULL) != 0) {
        abort();
    }
    return relay_address;
}

void etcd_relay_set(enum etcd_relay_fault fault)
{
    atomic_store(&relay_fault, (int)fault);
}

void etcd_relay_release(void)
{
    const struct timespec pause = {.tv_nsec = 5000000};
    atomic_store(&relay_released, true);
    while (atomic_load(&relay_held) > 0) {
        nanosleep(&pause, NULL);
    }
    atomic_store(&relay_released, false);
}

void etcd_relay_stop(void)
{
    atomic_store(&relay_ending, true);
    pthread_join(relay_acceptor, NULL);
    for (size_t i = 0; i < relay_count; i++) {
        pthread_join(relay_threads[i], NULL);
    }
    close(relay_listener);
}
