/* SPDX-License-Identifier: Apache-2.0
 * The journal has a limit. */
#include "control/trim.h"

#include "edge/log.h"

enum {
    TRIM_FIRST_MS = 60000, /* not in the middle of a take-over */
    TRIM_LOOK_MS = 600000,
    TRIM_PORTION_MS = 200, /* between two portions: others write, too */
};

void trim_init(struct trim *trim, struct store *store, uint64_t keep, struct mono now)
{
    *trim = (struct trim){.store = store, .keep = keep, .look_at = time_add_ms(now, TRIM_FIRST_MS)};
}

static void trim_looked(void *context, struct store_answer *answer)
{
    struct trim *trim = context;
    atomic_store(&trim->newest, answer->err == ERR_OK ? answer->number : 0);
    atomic_store(&trim->more, answer->err == ERR_OK && answer->number > trim->keep);
    atomic_store(&trim->asked, false);
}

static void trim_done(void *context, struct store_answer *answer)
{
    struct trim *trim = context;
    if (answer->err != ERR_OK) {
        LOG_W("store: old entries of the journal stay: %s", err_text(answer->err));
    }
    atomic_store(&trim->more, answer->err == ERR_OK && answer->more);
    atomic_store(&trim->asked, false);
}

static void trim_ask(struct trim *trim, const struct store_request *request,
                     void (*done)(void *context, struct store_answer *answer))
{
    atomic_store(&trim->asked, true);
    if (store_submit(trim->store, request, done, trim) != ERR_OK) {
        atomic_store(&trim->more, false);
        atomic_store(&trim->asked, false);
    }
}

void trim_step(struct trim *trim, struct mono now)
{
    const bool more = atomic_load(&trim->more);
    struct mono *due = more ? &trim->portion_at : &trim->look_at;
    if (trim->keep == 0 || atomic_load(&trim->asked) || !time_reached(now, *due)) {
        return;
    }
    *due = time_add_ms(now, more ? TRIM_PORTION_MS : TRIM_LOOK_MS);
    if (more) {
        const uint64_t newest = atomic_load(&trim->newest);
        trim_ask(trim, &(struct store_request){.ask = STORE_TRIM, .after = newest - trim->keep}, trim_done);
    } else {
        trim_ask(trim, &(struct store_request){.ask = STORE_READ, .limit = 1, .newest = true}, trim_looked);
    }
}
