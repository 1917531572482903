/* SPDX-License-Identifier: Apache-2.0
 * Whom this node's server streams from as a standby. */
#include "agent/source.h"

#include <stdio.h>
#include <string.h>

#include "edge/clock.h"
#include "edge/log.h"

static const struct agent_options_peer *source_peer(const struct node *node, const char *name)
{
    for (uint32_t i = 0; i < node->options->peers_count; i++) {
        if (strcmp(node->options->peers[i].name, name) == 0) {
            return &node->options->peers[i];
        }
    }
    return NULL;
}

static void source_take_slots(struct node *node, const struct controller_word *word)
{
    const struct mono now = clock_mono();
    struct node_slots *slots = &node->slots;
    if (word->slots_count > 0) {
        const bool more = word->slots_count > slots->count;
        slots->count = word->slots_count;
        memcpy(slots->wanted, word->slots, word->slots_count * sizeof slots->wanted[0]);
        slots->heard = now;
        slots->made &= !more;
        if (more) {
            node_change(node);
        }
    } else if (time_since_ms(now, slots->heard) > NODE_SLOTS_MS) {
        slots->count = 0; /* a controller that is behind the others does not say it for that long */
    }
}

void source_take(struct node *node, const struct controller_word *word)
{
    source_take_slots(node, word);
    if (word->order <= node->record.order || strcmp(word->upstream, node->options->node) == 0 ||
        (word->upstream[0] != '\0' && source_peer(node, word->upstream) == NULL)) {
        return;
    }
    node->record.order = word->order;
    snprintf(node->record.leader, sizeof node->record.leader, "%s", word->upstream);
    const enum err err = node_save(node);
    (void)err; /* logged; an agent that forgets it hears it again */
    node_change(node);
    node->heard++;
}

/* It streams from us, as far as was seen. */
static bool source_downstream(const struct node *node, const char *name)
{
    for (uint32_t i = 0; node->status_known && i < node->status.replicas_count; i++) {
        if (strcmp(node->status.replicas[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

struct node_writer source_of(const struct node *node, const struct node_writer *writer)
{
    const char *leader = node->record.leader;
    const struct agent_options_peer *peer = leader[0] != '\0' ? source_peer(node, leader) : NULL;
    struct node_writer source = *writer;
    if (peer == NULL || writer->name[0] == '\0' || strcmp(leader, writer->name) == 0 ||
        node->given_up == node->record.order || source_downstream(node, leader)) {
        return source;
    }
    source = (struct node_writer){.port = peer->port, .epoch = writer->epoch};
    snprintf(source.name, sizeof source.name, "%s", peer->name);
    snprintf(source.host, sizeof source.host, "%s", peer->host);
    return source;
}

bool source_streams(const struct node *node)
{
    const struct node_writer source = source_of(node, &node->writer);
    return node->status_known && node->status.in_recovery && node->status.receiving &&
           (source.name[0] == '\0' ||
            (strcmp(node->status.sender, source.host) == 0 && node->status.sender_port == source.port));
}

void source_give_up(struct node *node)
{
    LOG_W("%s does not serve us: streaming from the writer until a controller says otherwise", node->record.leader);
    node->given_up = node->record.order;
}
