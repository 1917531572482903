/* SPDX-License-Identifier: Apache-2.0
 * What proxies, relays and applications meet with at servers, in the status and in the metrics. */
#include "edge/metric.h"
#include "edge/tcp.h"
#include "web/web_state.h"

json_t *web_sight_list(const struct desk *desk, const struct view_address *server)
{
    struct desk_sight seen[LIMITS_SITES];
    const uint32_t count = desk->seen(desk->context, server, false, seen);
    json_t *list = json_array();
    for (uint32_t i = 0; i < count; i++) {
        const struct publish_sight *sight = &seen[i].sight;
        json_array_append_new(list, json_pack("{s:s,s:I,s:I,s:I,s:I}", "site", seen[i].site, "connections",
                                              (json_int_t)sight->connections, "failures", (json_int_t)sight->failures,
                                              "wrong", (json_int_t)sight->wrong, "rtt_us", (json_int_t)sight->rtt_us));
    }
    return list;
}

json_t *web_sight_told(const struct desk *desk, const struct view_address *server)
{
    struct desk_sight told[LIMITS_SITES];
    const uint32_t count = desk->seen(desk->context, server, true, told);
    json_t *list = json_array();
    for (uint32_t i = 0; i < count; i++) {
        const struct publish_sight *sight = &told[i].sight;
        json_array_append_new(list, json_pack("{s:s,s:I,s:I,s:I,s:I}", "site", told[i].site, "answered",
                                              (json_int_t)sight->connections, "failures", (json_int_t)sight->failures,
                                              "wrong", (json_int_t)sight->wrong, "took_us", (json_int_t)sight->rtt_us));
    }
    return list;
}

static void web_sight_set(const struct desk *desk, const struct view_address *server, const char *name)
{
    struct desk_sight seen[LIMITS_SITES];
    const uint32_t count = desk->seen(desk->context, server, false, seen);
    for (uint32_t i = 0; i < count; i++) {
        const struct publish_sight *sight = &seen[i].sight;
        metric_set(METRIC_SEEN_CONNECTIONS, (double)sight->connections, METRIC_WITH(seen[i].site, name));
        metric_set(METRIC_SEEN_FAILURES, (double)sight->failures, METRIC_WITH(seen[i].site, name));
        metric_set(METRIC_SEEN_WRONG, (double)sight->wrong, METRIC_WITH(seen[i].site, name));
        if (sight->rtt_us > 0) {
            metric_set(METRIC_SEEN_RTT, (double)sight->rtt_us / TIME_US_PER_S, METRIC_WITH(seen[i].site, name));
        }
    }
}

static void web_sight_set_told(const struct desk *desk, const struct view_address *server, const char *name)
{
    struct desk_sight told[LIMITS_SITES];
    const uint32_t count = desk->seen(desk->context, server, true, told);
    for (uint32_t i = 0; i < count; i++) {
        const struct publish_sight *sight = &told[i].sight;
        metric_set(METRIC_TOLD_ANSWERED, (double)sight->connections, METRIC_WITH(told[i].site, name));
        metric_set(METRIC_TOLD_FAILURES, (double)sight->failures, METRIC_WITH(told[i].site, name));
        metric_set(METRIC_TOLD_WRONG, (double)sight->wrong, METRIC_WITH(told[i].site, name));
        metric_set(METRIC_TOLD_CALL, (double)sight->rtt_us / TIME_US_PER_S, METRIC_WITH(told[i].site, name));
    }
}

void web_sight_metrics(const struct desk *desk, const struct engine *engine)
{
    const struct view *view = &engine->view;
    static const enum metric all[] = {METRIC_SEEN_CONNECTIONS, METRIC_SEEN_FAILURES, METRIC_SEEN_WRONG,
                                      METRIC_SEEN_RTT,         METRIC_TOLD_ANSWERED, METRIC_TOLD_FAILURES,
                                      METRIC_TOLD_WRONG,       METRIC_TOLD_CALL};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        metric_clear(all[i]);
    }
    for (uint32_t i = 0; i < view->nodes_count; i++) {
        web_sight_set(desk, &view->nodes[i].postgres, view->nodes[i].name);
        web_sight_set_told(desk, &view->nodes[i].postgres, view->nodes[i].name);
    }
    for (uint32_t i = 0; i < view->targets_count; i++) {
        char name[TCP_ADDRESS];
        tcp_print(&view->targets[i].address, name);
        web_sight_set(desk, &view->targets[i].address, name);
    }
}
