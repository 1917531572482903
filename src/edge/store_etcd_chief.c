/* SPDX-License-Identifier: Apache-2.0
 * Moves etcd's leader to a member that is wanted. */
#include "edge/store_etcd_chief.h"

#include <string.h>

#include "base/assert.h"
#include "base/text.h"
#include "edge/log.h"

bool store_etcd_chief_choose(const struct store_etcd_chief_member *members, size_t count, uint32_t wanted,
                             size_t *ret_from, size_t *ret_to)
{
    size_t from = count;
    size_t to = count;
    ASSERT(count <= STORE_ETCD_MEMBERS);
    for (size_t i = 0; i < count; i++) {
        if (members[i].id[0] != '\0' && strcmp(members[i].id, members[i].leader) == 0) {
            from = i;
        }
    }
    if (from == count || (wanted >> from & 1) != 0) {
        return false;
    }
    for (size_t i = count; i-- > 0;) {
        if ((wanted >> i & 1) != 0 && members[i].id[0] != '\0' && strcmp(members[i].leader, members[from].id) == 0) {
            to = i;
        }
    }
    if (to == count) {
        return false;
    }
    *ret_from = from;
    *ret_to = to;
    return true;
}

static void store_etcd_chief_ask(struct store_etcd_line *line, size_t member,
                                 struct store_etcd_chief_member *ret_member)
{
    *ret_member = (struct store_etcd_chief_member){.id = ""};
    buf_reset(&line->body);
    buf_text(&line->body, "{}");
    if (store_etcd_member_is_up(line->members, member) &&
        store_etcd_line_tell(line, member, STORE_ETCD_LINE_STATUS) == ERR_OK) {
        text_copy(ret_member->id, sizeof ret_member->id, line->answer.member);
        text_copy(ret_member->leader, sizeof ret_member->leader, line->answer.leader);
    }
}

void store_etcd_chief_run(struct store_etcd_chief *chief, uint32_t wanted)
{
    struct store_etcd_chief_member members[STORE_ETCD_MEMBERS];
    const struct store_etcd_config *config = store_etcd_member_config(chief->line->members);
    size_t from = 0;
    size_t to = 0;
    for (size_t i = 0; wanted != 0 && i < config->endpoint_count; i++) {
        store_etcd_chief_ask(chief->line, i, &members[i]);
    }
    if (wanted == 0 || !store_etcd_chief_choose(members, config->endpoint_count, wanted, &from, &to)) {
        return;
    }
    buf_reset(&chief->line->body);
    buf_printf(&chief->line->body, "{\"targetID\":\"%s\"}", members[to].id);
    const enum err err = store_etcd_line_tell(chief->line, from, STORE_ETCD_LINE_TRANSFER);
    if (err == ERR_OK) {
        LOG_N("store: etcd's leader moves from %s, where a writer is, to %s", config->endpoints[from],
              config->endpoints[to]);
    } else if (!chief->complained) {
        LOG_W("store: etcd's leader stays at %s for now: %s", config->endpoints[from], chief->line->why);
    }
    chief->complained = err != ERR_OK;
}
