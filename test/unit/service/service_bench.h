/* SPDX-License-Identifier: Apache-2.0
 * For tests of the relay: a view of two regions, and a worker's context whose sessions the test moves by hand. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/assert.h"
#include "base/text.h"
#include "edge/clock.h"
#include "service/service_session.h"

enum { TAIWAN, TOKYO };

/* Targets 0 and 1 in taiwan, 2 in tokyo; taiwan's clients are its own, tokyo's likewise. */
static inline struct view two_regions(void)
{
    struct view view = {.version = 7, .regions_count = 2, .services_count = 1, .targets_count = 3};
    text_copy(view.regions[TAIWAN].name, LIMITS_NAME, "taiwan");
    text_copy(view.regions[TOKYO].name, LIMITS_NAME, "tokyo");
    text_copy(view.services[0].name, LIMITS_NAME, "cache");
    view.services[0].primary = LIMITS_NONE;
    for (uint32_t i = 0; i < view.targets_count; i++) {
        view.targets[i] = (struct view_target){
            .address = {.bytes = {127, 9, (uint8_t)(i == 2 ? 2 : 1), (uint8_t)(i + 1)}, .port = 6379, .family = 4},
            .region = i == 2 ? TOKYO : TAIWAN,
            .healthy = 1,
        };
    }
    view.networks_count = 1;
    view.networks[0] =
        (struct view_network){.address = {.bytes = {10, 2}, .family = 4}, .prefix_bits = 16, .home = TOKYO};
    view.split[TAIWAN][TAIWAN] = VIEW_SHARES_WHOLE;
    view.split[TOKYO][TOKYO] = VIEW_SHARES_WHOLE;
    view.split[VIEW_HOME_DEFAULT][TAIWAN] = VIEW_SHARES_WHOLE / 2;
    view.split[VIEW_HOME_DEFAULT][TOKYO] = VIEW_SHARES_WHOLE / 2;
    return view;
}

static inline struct view_address address_of(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
    return (struct view_address){.bytes = {a, b, c, d}, .port = 40000, .family = 4};
}

/* One worker of a relay in taiwan with the service `cache`. */
struct bench {
    struct service_session_context context;
    _Atomic uint32_t open[LIMITS_SERVICES];
    struct service_setup setup;
    struct view view;
    struct service_session *session; /* ACTIVE with target 0, over socket pairs whose other ends the test plays */
    int client;
    int server;
};

static inline int bench_open(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    ASSERT(bench != NULL);
    struct service_session_context *context = &bench->context;
    bench->view = two_regions();
    text_copy(bench->setup.region, LIMITS_NAME, "taiwan");
    bench->setup.services[0] = (struct service_setup_service){.name = "cache",
                                                              .present = true,
                                                              .cut = true,
                                                              .max_connections = 2,
                                                              .connect_timeout_ms = 1000,
                                                              .connect_wait_ms = 1000,
                                                              .drain_ms = 1000};
    context->epoll = epoll_create1(EPOLL_CLOEXEC);
    context->now = clock_mono();
    context->open = bench->open;
    context->setup = &bench->setup;
    context->view = &bench->view;
    context->next_due = TIME_NEVER;
    service_buffer_open(&context->buffers, 4);
    list_init(&context->sessions);
    list_init(&context->ready);
    list_init(&context->starved);
    list_init(&context->dead);
    int client[2];
    int server[2];
    ASSERT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, client) == 0);
    ASSERT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, server) == 0);
    const struct view_address peer = address_of(10, 1, 0, 1);
    bench->session = service_session_new(context, 0, client[0], &peer);
    ASSERT(bench->session != NULL);
    bench->session->server.fd = server[0];
    bench->session->target = bench->view.targets[0].address;
    service_session_load(context, bench->session, 0);
    service_session_active(context, bench->session);
    bench->client = client[1];
    bench->server = server[1];
    *state = bench;
    return 0;
}

static inline int bench_close(void **state)
{
    struct bench *bench = *state;
    struct service_session_context *context = &bench->context;
    while (!list_empty(&context->sessions)) {
        service_session_end(context, LIST_ENTRY(context->sessions.next, struct service_session, link),
                            SERVICE_METRICS_COUNT, true);
    }
    while (!list_empty(&context->dead)) {
        service_session_free(context, LIST_ENTRY(context->dead.next, struct service_session, dead));
    }
    for (uint32_t i = 0; i < SERVICE_METRICS_RELAYED_TOTAL; i++) {
        ASSERT(context->metrics[0].values[i] == 0); /* every gauge has come back */
    }
    ASSERT(bench->open[0] == 0);
    service_buffer_close(&context->buffers);
    close(context->epoll);
    close(bench->client);
    close(bench->server);
    free(bench);
    return 0;
}
