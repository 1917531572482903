/* SPDX-License-Identifier: Apache-2.0
 * Databases: lease arithmetic, durability set, nodes that do not collide. */
#include "wire/config_verify_database.h"

#include <string.h>

#include "wire/config_beat.h"
#include "wire/config_value.h"

enum { CONFIG_VERIFY_DATABASE_LAG_MS = 1000 };

static bool config_verify_database_same(const struct config_address *a, const struct config_address *b)
{
    return a->family != CONFIG_FAMILY_NONE && a->family == b->family && a->port == b->port &&
           memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

/* The members that can acknowledge at first boot: the writer does not acknowledge itself. */
static void config_verify_database_durability(const struct config_verify *verify,
                                              const struct config_database *database)
{
    const struct config_durability *durability = &database->durability;
    uint32_t standbys = 0;
    for (uint32_t i = 0; i < durability->members_count; i++) {
        standbys += durability->members[i] != database->initial_writer ? 1 : 0;
    }
    if (durability->members_count > 0 && standbys < durability->required) {
        const struct config_verify_place place =
            CONFIG_VERIFY_AT(verify, "databases", database->name, "durability", "required");
        config_problem_error(verify->problems, place.line, place.column,
                             "durability.required is %u, but %u member%s can acknowledge; expected at most that; the "
                             "initial writer does not acknowledge itself",
                             durability->required, standbys, standbys == 1 ? "" : "s");
    }
    if (database->tier1 && durability->members_count == 0) {
        const struct config_verify_place place = CONFIG_VERIFY_AT(verify, "databases", database->name, "tier1");
        config_problem_error(verify->problems, place.line, place.column,
                             "tier1 without a durability set; expected durability.members; or set tier1: false when "
                             "losing the last commits is acceptable");
    }
    if (durability->every_commit && !database->tier1) {
        const struct config_verify_place place =
            CONFIG_VERIFY_AT(verify, "databases", database->name, "durability", "every_commit");
        config_problem_error(verify->problems, place.line, place.column,
                             "every_commit without tier1; expected tier1: true, or commits wait for nobody");
    }
}

static bool config_verify_database_member(const struct config_database *database, uint32_t node)
{
    for (uint32_t i = 0; i < database->durability.members_count; i++) {
        if (database->durability.members[i] == node) {
            return true;
        }
    }
    return false;
}

/* Whether some node would stream from a regional leader: of two in a region one that is no member. */
static bool config_verify_database_cascades(const struct config_database *database)
{
    for (uint32_t i = 0; i < database->nodes_count; i++) {
        for (uint32_t j = 0; j < database->nodes_count && !config_verify_database_member(database, i); j++) {
            if (i != j && database->nodes[i].region == database->nodes[j].region) {
                return true;
            }
        }
    }
    return false;
}

/* Who streams from a regional leader can not acknowledge: nothing may make such a node one of those that have to. */
static void config_verify_database_cascade(const struct config_verify *verify, const struct config_database *database)
{
    const struct config_verify_place place = CONFIG_VERIFY_AT(verify, "databases", database->name, "cascade");
    const uint32_t members = database->durability.members_count;
    if (!database->cascade) {
        return;
    }
    if (!config_verify_database_cascades(database)) {
        config_problem_error(
            verify->problems, place.line, place.column,
            "cascade, but no node is left for it: members of the durability set stream from the writer "
            "itself; expected a region with two nodes of which one is not in durability.members");
    } else if (members > 0 && members - 1 < database->durability.required) {
        config_problem_error(
            verify->problems, place.line, place.column,
            "cascade, but with one of the %u durability.members as the writer %u must acknowledge: nodes "
            "that cascade would have to; expected more members than durability.required",
            members, database->durability.required);
    }
}

static void config_verify_database_initial(const struct config_verify *verify, const struct config_database *database)
{
    if (database->initial_writer < database->nodes_count && database->nodes[database->initial_writer].nofailover) {
        const struct config_verify_place place =
            CONFIG_VERIFY_AT(verify, "databases", database->name, "initial_writer");
        config_problem_error(
            verify->problems, place.line, place.column,
            "initial_writer '%.40s' is nofailover: after a failover it could never come back; expected "
            "another node",
            database->nodes[database->initial_writer].name);
    }
}

static void config_verify_database_lease(const struct config_verify *verify, const struct config_database *database)
{
    if (database->margin_ms > database->lease_ms) {
        const struct config_verify_place place = CONFIG_VERIFY_AT(verify, "databases", database->name, "margin");
        config_problem_warning(verify->problems, place.line, place.column,
                               "margin is longer than the lease; expected about a tenth of it; a failover waits for "
                               "both");
    }
}

static void config_verify_database_heartbeat(const struct config_verify *verify, const struct config_database *database)
{
    const struct config_heartbeat *heartbeat = &database->heartbeat;
    const struct config_verify_place place =
        CONFIG_VERIFY_AT(verify, "databases", database->name, "heartbeat", "silence");
    if (heartbeat->silence_ms != 0 && heartbeat->silence_ms < config_beat_silence_ms(database)) {
        config_problem_error(verify->problems, place.line, place.column,
                             "heartbeat.silence is shorter than three periods of %u ms; one lost datagram would be "
                             "news; expected %u ms or more",
                             config_beat_period_ms(database), config_beat_silence_ms(database));
    }
    if (heartbeat->silence_ms > database->lease_ms) {
        config_problem_warning(verify->problems, place.line, place.column,
                               "heartbeat.silence is longer than the lease; expected about eight tenths of it; a "
                               "failover waits for both");
    }
}

static void config_verify_database_lag(const struct config_verify *verify, const struct config_database *database)
{
    if (database->max_lag_action == CONFIG_LAG_HOLD && database->max_lag_ms < CONFIG_VERIFY_DATABASE_LAG_MS) {
        const struct config_verify_place place = CONFIG_VERIFY_AT(verify, "databases", database->name, "max_lag");
        config_problem_error(verify->problems, place.line, place.column,
                             "max_lag is below 1s; expected at least that with max_lag_action: hold; positions are "
                             "reported four times a second");
    }
}

static void config_verify_database_segment(const struct config_verify *verify, const struct config_database *database)
{
    if ((database->wal_segment_bytes & (database->wal_segment_bytes - 1)) != 0) {
        const struct config_verify_place place = CONFIG_VERIFY_AT(verify, "databases", database->name, "wal_segment");
        config_problem_error(verify->problems, place.line, place.column,
                             "wal_segment is not a power of two; expected 1MB, 2MB, 4MB, 8MB or 16MB");
    }
}

static void config_verify_database_collide(const struct config_verify *verify, const struct config_database *database,
                                           const struct config_node *node, const struct config_node *other)
{
    if (strcmp(node->name, other->name) == 0) {
        const struct config_verify_place place =
            CONFIG_VERIFY_AT(verify, "databases", database->name, "nodes", node->name);
        config_problem_error(verify->problems, place.line, place.column,
                             "node '%.40s' is also in another database; expected a name of its own", node->name);
    }
    static const char *const keys[] = {"agent", "postgres"};
    const struct config_address *const mine[] = {&node->agent, &node->postgres};
    const struct config_address *const theirs[] = {&other->agent, &other->postgres};
    for (uint32_t i = 0; i < 2; i++) {
        for (uint32_t j = 0; j < 2; j++) {
            if (config_verify_database_same(mine[i], theirs[j])) {
                const struct config_verify_place place =
                    CONFIG_VERIFY_AT(verify, "databases", database->name, "nodes", node->name);
                config_problem_error(verify->problems, place.line, place.column,
                                     "%s of node '%.40s' is already %s of node '%.40s'; expected an address of its own",
                                     keys[i], node->name, keys[j], other->name);
            }
        }
    }
}

/* Each node against all before it, over all databases. */
static void config_verify_database_nodes(const struct config_verify *verify)
{
    const struct config *config = verify->config;
    uint32_t nodes = 0;
    for (uint32_t i = 0; i < config->databases_count; i++) {
        for (uint32_t j = 0; j < config->databases[i].nodes_count; j++) {
            for (uint32_t k = 0; k <= i; k++) {
                const uint32_t before = k == i ? j : config->databases[k].nodes_count;
                for (uint32_t l = 0; l < before; l++) {
                    config_verify_database_collide(verify, &config->databases[i], &config->databases[i].nodes[j],
                                                   &config->databases[k].nodes[l]);
                }
            }
        }
        nodes += config->databases[i].nodes_count;
    }
    if (nodes > CONFIG_NODES) {
        const struct config_verify_place place = CONFIG_VERIFY_AT(verify, "databases");
        config_problem_error(verify->problems, place.line, place.column,
                             "databases have %u nodes together; expected at most %d", nodes, CONFIG_NODES);
    }
}

void config_verify_database(const struct config_verify *verify)
{
    for (uint32_t i = 0; i < verify->config->databases_count; i++) {
        config_verify_database_durability(verify, &verify->config->databases[i]);
        config_verify_database_cascade(verify, &verify->config->databases[i]);
        config_verify_database_initial(verify, &verify->config->databases[i]);
        config_verify_database_lease(verify, &verify->config->databases[i]);
        config_verify_database_lag(verify, &verify->config->databases[i]);
        config_verify_database_heartbeat(verify, &verify->config->databases[i]);
        config_verify_database_segment(verify, &verify->config->databases[i]);
    }
    config_verify_database_nodes(verify);
}
