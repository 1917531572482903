/* SPDX-License-Identifier: Apache-2.0
 * Ways to log in that the proxy may use of its own accord, and their spare connections. */
#include "proxy/proxy_spare.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

static bool proxy_spare_is(const struct proxy_spare_way *way, uint32_t route, struct span startup)
{
    return way->route == route && span_equal(span_of(way->startup.data, way->startup.size), startup);
}

static struct proxy_spare_way *proxy_spare_find(const struct list *all, uint32_t route, struct span startup)
{
    LIST_EACH(link, all)
    {
        struct proxy_spare_way *way = LIST_ENTRY(link, struct proxy_spare_way, link);
        if (proxy_spare_is(way, route, startup)) {
            return way;
        }
    }
    return NULL;
}

static struct proxy_spare_way *proxy_spare_new(struct list *all, uint32_t route, struct span user, struct span startup)
{
    uint32_t count = 0;
    LIST_EACH(link, all)
    {
        count++;
    }
    struct proxy_spare_way *way = count < PROXY_SPARE_WAYS ? calloc(1, sizeof *way) : NULL;
    uint8_t *packet = way != NULL ? malloc(startup.size + 1) : NULL;
    if (packet == NULL) {
        free(way);
        return NULL;
    }
    memcpy(packet, startup.data, startup.size);
    way->startup = (struct proxy_server_text){.data = packet, .size = startup.size};
    way->route = route;
    way->refused = true; /* until it has a key */
    ASSERT(user.size < sizeof way->user);
    memcpy(way->user, user.data, user.size);
    list_init(&way->link);
    list_init(&way->ready);
    list_append(all, &way->link);
    return way;
}

struct proxy_spare_way *proxy_spare_join(struct list *all, uint32_t route, struct span user, struct span startup,
                                         const struct proxy_learn *learn)
{
    struct proxy_learn copy;
    struct proxy_spare_way *way = proxy_spare_find(all, route, startup);
    if (way == NULL) {
        way = proxy_spare_new(all, route, user, startup);
    }
    if (way == NULL) {
        return NULL;
    }
    if (proxy_learn_copy(learn, &copy)) {
        proxy_learn_free(&way->learn);
        way->learn = copy;
        way->refused = false;
    }
    way->sessions++;
    list_remove(&way->link);
    list_append(all, &way->link);
    return way;
}

void proxy_spare_leave(struct proxy_spare_way *way, struct mono now)
{
    ASSERT(way->sessions > 0);
    way->sessions--;
    way->left = now;
}

void proxy_spare_free(struct proxy_spare_way *way)
{
    ASSERT(way->sessions == 0 && list_empty(&way->ready));
    list_remove(&way->link);
    proxy_learn_free(&way->learn);
    free(way->startup.data);
    free(way);
}

void proxy_spare_put(struct proxy_spare_way *way, struct proxy_server *server)
{
    ASSERT(server->spare == NULL && server->pool == NULL && list_empty(&server->pooled));
    server->spare = way;
    list_append(&way->ready, &server->pooled);
}

void proxy_spare_remove(struct proxy_server *server)
{
    ASSERT(server->spare != NULL);
    list_remove(&server->pooled);
    server->spare = NULL;
}

uint32_t proxy_spare_count(const struct proxy_spare_way *way, const char *node)
{
    uint32_t count = 0;
    LIST_EACH(link, &way->ready)
    {
        const struct proxy_server *server = LIST_ENTRY(link, struct proxy_server, pooled);
        count += strcmp(server->target.node, node) == 0 ? 1 : 0;
    }
    return count;
}

uint32_t proxy_spare_count_all(const struct list *all, uint32_t route, const char *node)
{
    uint32_t count = 0;
    LIST_EACH(link, all)
    {
        const struct proxy_spare_way *way = LIST_ENTRY(link, struct proxy_spare_way, link);
        count += way->route == route ? proxy_spare_count(way, node) : 0;
    }
    return count;
}

struct proxy_server *proxy_spare_take(const struct list *all, uint32_t route, struct span startup,
                                      const struct proxy_route_target *target)
{
    const struct proxy_spare_way *way = proxy_spare_find(all, route, startup);
    for (struct list *link = way != NULL ? way->ready.prev : NULL; way != NULL && link != &way->ready;
         link = link->prev) {
        struct proxy_server *server = LIST_ENTRY(link, struct proxy_server, pooled);
        const bool there = server->target.writer && target->writer && server->target.epoch == target->epoch &&
                           strcmp(server->target.node, target->node) == 0;
        if (there && !server->end.hangup && pg_frame_boundary(&server->end.received)) {
            proxy_spare_remove(server);
            server->warm = true;
            server->standby = false; /* it was one when it last said so; now it will be asked */
            return server;
        }
    }
    return NULL;
}
