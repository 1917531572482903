/* SPDX-License-Identifier: Apache-2.0
 * Whether a writer keeps the promise that every commit waits for the durability set. */
#include "agent/tier.h"

#include <stdio.h>
#include <string.h>

#include <libpq-fe.h>

#include "agent/pgquery.h"
#include "edge/clock.h"
#include "edge/log.h"

enum {
    TIER_DATABASES = 64,
    TIER_DATABASE = 64, /* bytes of a name, terminator included: PostgreSQL's limit */
    TIER_LOOK_MS = 2000,
    TIER_QUERY_MS = 2000,
    TIER_OLD_MS = 15000, /* after that a look says nothing any more */
};

/* Values that wait; what has none is no setting. */
#define TIER_LOWERS " NOT IN ('on', 'true', 'yes', '1', 'remote_apply')"

static const char tier_cluster_sql[] =
    "SELECT 'the setting in ' || sourcefile FROM pg_file_settings "
    "WHERE name = 'synchronous_commit' AND applied AND lower(setting)" TIER_LOWERS " UNION ALL "
    "SELECT concat_ws(' in ', 'role ' || r.rolname, 'database ' || d.datname) FROM pg_db_role_setting s "
    "LEFT JOIN pg_roles r ON r.oid = s.setrole LEFT JOIN pg_database d ON d.oid = s.setdatabase, unnest(s.setconfig) c "
    "WHERE c LIKE 'synchronous\\_commit=%' AND lower(split_part(c, '=', 2))" TIER_LOWERS;

static const char tier_functions_sql[] =
    "SELECT 'function ' || p.oid::regprocedure FROM pg_proc p, unnest(p.proconfig) c "
    "WHERE c LIKE 'synchronous\\_commit=%' AND lower(split_part(c, '=', 2))" TIER_LOWERS;

static const char tier_databases_sql[] =
    "SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate ORDER BY oid LIMIT 65";

static enum err tier_count(struct pgquery *query, const char *sql, struct tier_state *state)
{
    PGresult *result = NULL;
    const enum err err = pgquery_ask(query, sql, 0, NULL, time_add_ms(clock_mono(), TIER_QUERY_MS), &result);
    if (err != ERR_OK) {
        return err;
    }
    const int rows = PQntuples(result);
    if (rows > 0 && state->lowers == 0) {
        snprintf(state->first, sizeof state->first, "%s", PQgetvalue(result, 0, 0));
    }
    state->lowers += (uint32_t)rows;
    PQclear(result);
    return ERR_OK;
}

static enum err tier_databases(struct pgquery *query, char (*ret_names)[TIER_DATABASE], int *ret_count)
{
    PGresult *result = NULL;
    const enum err err =
        pgquery_ask(query, tier_databases_sql, 0, NULL, time_add_ms(clock_mono(), TIER_QUERY_MS), &result);
    if (err != ERR_OK) {
        return err;
    }
    const int count = PQntuples(result);
    for (int row = 0; row < count && row < TIER_DATABASES; row++) {
        snprintf(ret_names[row], TIER_DATABASE, "%s", PQgetvalue(result, row, 0));
    }
    PQclear(result);
    *ret_count = count;
    return count <= TIER_DATABASES ? ERR_OK : ERR_TOO_LARGE;
}

static enum err tier_look(const struct agent_options *options, struct tier_state *ret_state)
{
    struct pgquery query;
    struct tier_state state = {.at = clock_mono()};
    char names[TIER_DATABASES][TIER_DATABASE];
    int count = 0;
    pgquery_init(&query, options);
    enum err err = tier_count(&query, tier_cluster_sql, &state);
    err = err == ERR_OK ? tier_databases(&query, names, &count) : err;
    pgquery_close(&query);
    for (int i = 0; i < count && err == ERR_OK; i++) {
        /* A session of its own that ends at once: an open one would be in the way of DROP DATABASE. */
        pgquery_init(&query, options);
        query.dbname = names[i];
        err = tier_count(&query, tier_functions_sql, &state);
        pgquery_close(&query);
    }
    if (err == ERR_OK) {
        *ret_state = state;
    } else if (err == ERR_TOO_LARGE) {
        LOG_W("more than %d databases: whether every commit waits is not looked at", TIER_DATABASES);
    } else {
        LOG_W("whether every commit waits could not be looked at: %s", query.error);
    }
    return err;
}

void tier_turn(const struct agent_options *options, struct tier_state *state)
{
    const struct mono now = clock_mono();
    if (!options->every_commit || (state->at.us != 0 && time_since_ms(now, state->at) < TIER_LOOK_MS)) {
        return;
    }
    const struct tier_state before = *state;
    if (tier_look(options, state) != ERR_OK) {
        return; /* said */
    }
    if (state->lowers > 0 && (before.lowers != state->lowers || strcmp(before.first, state->first) != 0)) {
        LOG_W("every_commit is not kept: %s lowers synchronous_commit (%u in all): reset it with ALTER ... RESET "
              "synchronous_commit",
              state->first, state->lowers);
    } else if (state->lowers == 0 && before.lowers > 0) {
        LOG_N("every_commit is kept again");
    }
}

uint32_t tier_lowers(const struct tier_state *state, struct mono now)
{
    return state->at.us != 0 && time_since_ms(now, state->at) < TIER_OLD_MS ? state->lowers : UINT32_MAX;
}
