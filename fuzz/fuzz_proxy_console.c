/* SPDX-License-Identifier: Apache-2.0
 * The console's commands: any text gets an answer of whole messages, or the number of a pause. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/assert.h"
#include "proxy/proxy_console_command.h"
#include "wire/pg_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void census(void *owner, struct proxy_census_row **ret_rows, uint32_t *ret_count)
{
    (void)owner;
    *ret_rows = calloc(2, sizeof **ret_rows);
    *ret_count = *ret_rows != NULL ? 2 : 0;
    for (uint32_t i = 0; i < *ret_count; i++) {
        (*ret_rows)[i].state = i == 0 ? "idle" : "waiting";
        (*ret_rows)[i].client = (struct view_address){.bytes = {127, 0, 0, 1}, .port = 5432, .family = 4};
    }
}

static void metrics(void *owner, struct proxy_metrics_sum *ret_sum)
{
    (void)owner;
    *ret_sum = (struct proxy_metrics_sum){.values = {1}};
}

static int64_t stats(void *owner, struct proxy_stat_sum *ret_now, struct proxy_stat_sum *ret_before)
{
    (void)owner;
    *ret_now = (struct proxy_stat_sum){.values = {{7, 7, 7, 7, 7, 7, 7}}};
    *ret_before = (struct proxy_stat_sum){.values = {{1}}};
    return 1;
}

static void target(void *owner, uint32_t route, struct proxy_route_target *ret_target)
{
    (void)owner;
    (void)route;
    *ret_target = (struct proxy_route_target){.open = true, .node = "a"};
}

static uint32_t change(void *owner, uint32_t route, bool paused)
{
    (void)owner;
    return route + (paused ? 1 : 2);
}

static uint32_t end(void *owner, uint32_t route)
{
    (void)owner;
    return route + 1;
}

static bool no(void *owner, uint32_t route)
{
    (void)owner;
    (void)route;
    return false;
}

static void entries(void *owner, struct proxy_entries *ret_entries)
{
    (void)owner;
    *ret_entries = (struct proxy_entries){.routes = {{.name = "shop", .database = "shop"}}, .count = 1};
}

static void settings(void *owner, void (*take)(void *taker, const struct proxy_console_setting *setting), void *taker)
{
    static const struct proxy_console_setting setting = {.key = "proxy.auth", .value = "scram", .standard = "login"};
    (void)owner;
    take(taker, &setting);
}

static void reload(void *owner)
{
    (void)owner;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct proxy_console_source source = {.entries = entries,
                                                       .reload = reload,
                                                       .census = census,
                                                       .metrics = metrics,
                                                       .stats = stats,
                                                       .settings = settings,
                                                       .target = target,
                                                       .pause = change,
                                                       .quiet = no,
                                                       .kill = end,
                                                       .renew = end,
                                                       .paused = no};
    struct proxy_console_reply reply = {.data = NULL};
    const char *tag = NULL;
    const uint32_t pause = proxy_console_command(&source, span_of(data, size), &reply, &tag);
    ASSERT(!reply.failed && (pause != 0) == (reply.size == 0) && (pause == 0 || tag != NULL));
    struct pg_frame frame;
    struct pg_frame_message message;
    struct span rest = span_of(reply.data, reply.size);
    pg_frame_init(&frame);
    while (pg_frame_step(&frame, &rest, &message)) {
    }
    ASSERT(!frame.failed && pg_frame_boundary(&frame));
    proxy_console_reply_free(&reply);
    return 0;
}
