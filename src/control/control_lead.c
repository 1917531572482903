/* SPDX-License-Identifier: Apache-2.0
 * One of several controllers: following, taking over, giving up. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/hash.h"
#include "base/text.h"
#include "control/changes.h"
#include "control/control_state.h"
#include "control/control_tell.h"
#include "control/leases.h"
#include "edge/clock.h"
#include "edge/log.h"

enum {
    CONTROL_LEAD_YIELD_MS = 500,
    CONTROL_LEAD_BOOT_ID = 64,
};

/* A number for this machine's life: two processes with the same one share CLOCK_BOOTTIME. */
static uint64_t control_lead_machine(void)
{
    char id[CONTROL_LEAD_BOOT_ID];
    const int descriptor = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    const ssize_t size = descriptor >= 0 ? read(descriptor, id, sizeof id) : -1;
    if (descriptor >= 0) {
        close(descriptor);
    }
    return size > 0 ? hash_bytes(id, (size_t)size) >> 1 : 0;
}

static enum err control_lead_id(const struct control *control, struct leader_id *ret_id)
{
    uint64_t dice[2] = {0};
    if (getrandom(dice, sizeof dice, 0) != (ssize_t)sizeof dice) {
        return ERR_IO;
    }
    const uint64_t machine = control_lead_machine();
    *ret_id = (struct leader_id){.boot = (dice[0] >> 1) + 1, .machine = machine != 0 ? machine : dice[1] >> 1};
    text_copy(ret_id->site, sizeof ret_id->site, control->site_name);
    return ERR_OK;
}

/* ---- what other controllers do to the leases ---- */

static void control_lead_lease(void *context, const struct store_record *record)
{
    struct control *control = context;
    struct desk_lease lease;
    const char *name = strchr(record->key, '/');
    if (record->deleted || name == NULL ||
        leases_parse((const char *)record->value.data, record->value.size, &lease) != ERR_OK) {
        return;
    }
    struct setup *setup = control_setup(control);
    const uint32_t database = model_database_find(&setup->model, name + 1);
    if (database != LIMITS_NONE) {
        struct event event = {.kind = EVENT_LEASE};
        event.lease = (struct event_lease){.database = database,
                                           .state = (enum event_lease_state)lease.state,
                                           .holder = model_node_find(&setup->model, lease.holder),
                                           .epoch = lease.epoch,
                                           .revision = record->revision,
                                           .candidate = model_node_find(&setup->model, lease.candidate)};
        (void)inbox_push(control->inbox, &event);
    }
    setup_drop(setup);
}

static void control_lead_wake(void *context)
{
    struct control *control = context;
    inbox_wake(control->inbox);
}

/* ---- start and end ---- */

enum err control_lead_open(struct control *control, char *message, size_t size)
{
    const struct config *config = control->setup->config;
    struct lead_options options = {.store = control->store,
                                   .lease_ms = config->store.leader_lease_ms,
                                   .wake = control_lead_wake,
                                   .context = control};
    ASSERT(config->sites_count <= LIMITS_SITES);
    for (uint32_t i = 0; i < config->sites_count; i++) {
        if ((config->sites[i].roles & CONFIG_ROLE_CONTROL) != 0) {
            options.sites[options.sites_count++] = config->sites[i].name;
        }
    }
    enum err err = control_lead_id(control, &options.self);
    err = err != ERR_OK ? err : lead_new(&options, &control->lead);
    const struct changes_options leases = {
        .store = control->store, .prefix = "lease/", .record = control_lead_lease, .context = control};
    err = err != ERR_OK ? err : changes_new(&leases, &control->leases);
    if (err != ERR_OK) {
        snprintf(message, size, "the election of a leader cannot begin: %s", err_text(err));
    }
    return err;
}

void control_lead_close(struct control *control)
{
    changes_free(control->leases);
    lead_free(control->lead);
}

bool control_lead_leads(void *context)
{
    struct control *control = context;
    return control->lead == NULL || lead_right(control->lead);
}

/* ---- taking over ---- */

static void control_lead_over(struct control *control, const struct durable *durable, bool same_clock)
{
    engine_lead(&control->engine, durable, same_clock, clock_mono(), clock_wall());
    pthread_mutex_lock(&control->publishing);
    atomic_store(&control->leading, true); /* from here on no other's view comes in */
    const uint64_t published = publish_writer_version(&control->publisher);
    pthread_mutex_unlock(&control->publishing);
    if (published > control->engine.durable.view_version) {
        control->engine.durable.view_version = published;
    }
    if (control_tell_open(control) != ERR_OK) {
        LOG_E("notifications cannot be delivered by this leader");
    }
    LOG_N("this controller leads; %s",
          engine_busy(&control->engine) ? "a run is under way and goes on" : "no run is under way");
}

static void control_lead_take(struct control *control, uint64_t term_revision, bool same_clock)
{
    const struct durable *durable = NULL;
    if (!control->taking) {
        control->taking = true;
        journal_lead(control->journal, term_revision);
    } else if (journal_led(control->journal, &durable)) {
        control_lead_over(control, durable, same_clock);
    }
}

/* ---- giving up ---- */

/* The best site that has been there for a while and is better than `rank`; LIMITS_NONE: none. */
static uint32_t control_lead_better(const struct control *control, uint32_t rank)
{
    const struct model *model = &control->engine.model;
    uint32_t best = LIMITS_NONE;
    for (uint32_t site = 0; site < model->sites_count; site++) {
        const bool other = model->sites[site].controls && site != control->site;
        if (other && engine_rank(&control->engine, site) < rank &&
            lead_steady(control->lead, model->sites[site].name)) {
            best = site;
            rank = engine_rank(&control->engine, site);
        }
    }
    return best;
}

/* A leader in the region of a writer would be lost together with it: a better one leads when nothing is under way. */
static void control_lead_yield(struct control *control)
{
    const struct mono now = clock_mono();
    if (!time_reached(now, control->yield_at)) {
        return;
    }
    control->yield_at = time_add_ms(now, CONTROL_LEAD_YIELD_MS);
    const uint32_t rank = engine_rank(&control->engine, control->site);
    if (rank == 0 || engine_busy(&control->engine) || !journal_idle(control->journal)) {
        return;
    }
    const uint32_t better = control_lead_better(control, rank);
    if (better != LIMITS_NONE) {
        const char *name = control->engine.model.sites[better].name;
        LOG_N("a writer is in this region: site %s leads from now on, this process begins anew", name);
        engine_follow(&control->engine);
        lead_hand_over(control->lead, name);
        control->ended = true;
    }
}

/* The store's own leader, too, is to stand outside the writers' regions; not in the middle of a run, which needs the
 * store now. */
static void control_lead_store(struct control *control)
{
    const struct config *config = control->born->config;
    uint32_t members = 0;
    for (uint32_t i = 0; i < config->sites_count && !engine_busy(&control->engine); i++) {
        const uint32_t member = config_site_member(config, i);
        const uint32_t site = model_site_find(&control->engine.model, config->sites[i].name);
        if (member != CONFIG_NONE && site != LIMITS_NONE && engine_rank(&control->engine, site) == 0) {
            members |= UINT32_C(1) << member;
        }
    }
    store_prefer(control->store, members);
}

void control_lead_turn(struct control *control)
{
    if (control->lead == NULL) {
        return;
    }
    uint64_t term_revision = 0;
    bool same_clock = false;
    lead_rank(control->lead, engine_rank(&control->engine, control->site));
    switch (lead_state(control->lead, &term_revision, &same_clock)) {
    case LEADER_FOLLOWING:
        break;
    case LEADER_LEADING:
        if (!control->engine.leading) {
            control_lead_take(control, term_revision, same_clock);
        } else {
            control_lead_store(control);
            control_lead_yield(control);
        }
        break;
    case LEADER_LAPSED:
        if (control->engine.leading) {
            LOG_E("nothing is decided until the store answers again; readers keep their view");
            engine_follow(&control->engine);
            store_prefer(control->store, 0);
        }
        break;
    case LEADER_ENDED:
        LOG_N("another controller may lead: this process begins anew as a follower");
        control->ended = true;
        break;
    }
}

void control_lead_end(struct control *control)
{
    if (control->lead != NULL) {
        const uint32_t better = control_lead_better(control, UINT32_MAX);
        lead_hand_over(control->lead, better != LIMITS_NONE ? control->engine.model.sites[better].name : "");
    }
}

/* ---- for the API ---- */

static void control_lead_site(const struct control *control, const struct config_site *site,
                              const struct lead_picture *picture, struct desk_controller *ret_controller)
{
    *ret_controller = (struct desk_controller){.age_ms = -1};
    text_copy(ret_controller->site, sizeof ret_controller->site, site->name);
    for (uint32_t i = 0; i < picture->peers_count; i++) {
        if (strcmp(picture->peers[i].site, site->name) == 0) {
            ret_controller->alive = picture->peers[i].alive;
            ret_controller->age_ms = picture->peers[i].age_ms;
        }
    }
    if (strcmp(site->name, control->site_name) == 0) {
        ret_controller->alive = true;
        ret_controller->age_ms = 0;
    }
}

static void control_lead_sites(const struct control *control, const struct config *config,
                               const struct lead_picture *picture, struct desk_lead *ret_lead)
{
    for (uint32_t i = 0; i < config->sites_count; i++) {
        const struct config_site *site = &config->sites[i];
        if ((site->roles & CONFIG_ROLE_CONTROL) != 0) {
            control_lead_site(control, site, picture, &ret_lead->controllers[ret_lead->controllers_count++]);
            if (strcmp(site->name, ret_lead->site) == 0) {
                text_copy(ret_lead->address, sizeof ret_lead->address, site->api.listen.text);
            }
        }
    }
}

void control_lead_look(void *context, struct desk_lead *ret_lead)
{
    struct control *control = context;
    struct lead_picture picture = {.ours = true};
    *ret_lead = (struct desk_lead){.ours = true};
    text_copy(picture.site, sizeof picture.site, control->site_name);
    if (control->lead != NULL) {
        lead_look(control->lead, &picture);
    }
    /* Ours is what the engine leads: between the election and the take-over nobody is there to ask. Without the store
     * the last leader goes on showing what it knows. */
    ret_lead->ours = control->lead == NULL || atomic_load(&control->leading);
    ret_lead->term = picture.term;
    ret_lead->since_ms = picture.since_ms;
    if (ret_lead->ours || !picture.ours) {
        text_copy(ret_lead->site, sizeof ret_lead->site, ret_lead->ours ? control->site_name : picture.site);
    }
    struct setup *setup = control_setup(control);
    control_lead_sites(control, setup->config, &picture, ret_lead);
    setup_drop(setup);
}
