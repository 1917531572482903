/* SPDX-License-Identifier: Apache-2.0
 * Where in the log a slot could have stood. */
#include "reconcile/salvage_past.h"

void salvage_past_init(struct salvage_past *past, uint32_t database, struct lsn fork)
{
    *past = (struct salvage_past){.database = database, .fork = fork};
}

static void salvage_past_forget(struct salvage_past *past)
{
    past->quiet = (struct lsn){0};
    past->first = (struct lsn){0};
}

static void salvage_past_see_behind(struct salvage_past *past, const struct salvage_wal_glance *glance)
{
    past->schema_changed |= glance->sign == SALVAGE_WAL_CATALOG;
    past->setting_changed |= glance->sign == SALVAGE_WAL_PARAMETERS;
}

void salvage_past_see(struct salvage_past *past, const struct salvage_wal_glance *glance)
{
    if (glance->sign == SALVAGE_WAL_CATALOG && glance->database != 0 && glance->database != past->database) {
        return;
    }
    if (glance->lsn.position >= past->fork.position) {
        salvage_past_see_behind(past, glance);
    } else if (glance->sign == SALVAGE_WAL_CATALOG) {
        salvage_past_forget(past);
    } else if (glance->sign == SALVAGE_WAL_PARAMETERS) {
        salvage_past_forget(past);
        past->replica = !glance->logical;
    } else if (glance->sign == SALVAGE_WAL_RUNNING && !past->replica) {
        if (past->first.position == 0) {
            past->first = glance->lsn;
            past->first_xid = glance->oldest;
        }
        if (glance->oldest == glance->next) {
            past->quiet = glance->lsn;
            past->quiet_xid = glance->oldest;
        }
    }
}

bool salvage_past_point(const struct salvage_past *past, uint32_t number, struct lsn *ret_restart, uint32_t *ret_xid)
{
    struct point {
        struct lsn lsn;
        uint32_t xid;
    } points[2];
    uint32_t count = 0;
    if (past->schema_changed || past->setting_changed || past->replica) {
        return false;
    }
    if (past->quiet.position != 0) {
        points[count].lsn = past->quiet;
        points[count++].xid = past->quiet_xid;
    }
    if (past->first.position != 0 && past->first.position != past->quiet.position) {
        points[count].lsn = past->first;
        points[count++].xid = past->first_xid;
    }
    if (number >= count) {
        return false;
    }
    *ret_restart = points[number].lsn;
    *ret_xid = points[number].xid;
    return true;
}

const char *salvage_past_why(const struct salvage_past *past)
{
    if (past->replica || past->setting_changed) {
        return "the log was written under other settings in between";
    }
    if (past->schema_changed) {
        return "the catalog was changed behind the fork";
    }
    return past->first.position == 0
               ? "the log that is left shows no point before the fork since which the catalog is as it was"
               : "not every commit could be decoded";
}
