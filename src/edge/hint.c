/* SPDX-License-Identifier: Apache-2.0
 * Which checks are worth making now. */
#include "edge/hint.h"

#include <string.h>

#include "edge/publish_sight.h"

/* Whether it got worse there. A sum that fell is that of fewer readers: it begins anew. */
static bool hint_worse(struct hint_node *known, const struct view_address *server, uint64_t bad)
{
    const bool same = memcmp(&known->server, server, sizeof *server) == 0;
    const bool worse = same && bad > known->bad;
    *known = (struct hint_node){.server = *server, .bad = bad};
    return worse;
}

uint32_t hint_look(struct hint *hint, const struct publish_writer *publisher, const struct feedback *feedback,
                   struct mono now, void (*soon)(struct probe_pool *pool, const char *database, const char *region),
                   struct probe_pool *pool)
{
    const struct view *view = publish_writer_view(publisher);
    uint32_t given = 0;
    if (view == NULL || time_since_ms(now, hint->at) < HINT_MS) {
        return 0;
    }
    hint->at = now;
    for (uint32_t i = 0; i < view->nodes_count; i++) {
        const struct view_node *node = &view->nodes[i];
        struct publish_sight sight;
        publish_sight_sum(publisher, &node->postgres, &sight);
        if (hint_worse(&hint->nodes[i], &node->postgres,
                       sight.failures + sight.wrong + feedback_bad(feedback, &node->postgres))) {
            soon(pool, view->databases[node->database].name, view->regions[node->region].name);
            given++;
        }
    }
    return given;
}
