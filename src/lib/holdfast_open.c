/* SPDX-License-Identifier: Apache-2.0
 * Attaching to the view, following it, and handing it out as plain structs. */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"
#include "holdfast_context.h"

#define HOLDFAST_STATE_DIR "/var/lib/holdfast"

enum { HOLDFAST_LINE = 64, HOLDFAST_SLICE_MS = 100, HOLDFAST_DAY_MS = 86400000 };

_Static_assert((int)HOLDFAST_NAME == (int)LIMITS_NAME && (int)HOLDFAST_REGIONS == (int)LIMITS_REGIONS &&
                   (int)HOLDFAST_DATABASES == (int)LIMITS_DATABASES && (int)HOLDFAST_NODES == (int)LIMITS_NODES &&
                   (int)HOLDFAST_ENDPOINTS == (int)LIMITS_ENDPOINTS && (int)HOLDFAST_SERVICES == (int)LIMITS_SERVICES &&
                   (int)HOLDFAST_SERVERS == (int)LIMITS_TARGETS && HOLDFAST_NONE == LIMITS_NONE,
               "the view's limits are part of the public header");
_Static_assert((int)HOLDFAST_REGION_SERVING == (int)VIEW_REGION_SERVING &&
                   (int)HOLDFAST_REGION_STANDBY == (int)VIEW_REGION_STANDBY &&
                   (int)HOLDFAST_REGION_DOWN == (int)VIEW_REGION_DOWN &&
                   (int)HOLDFAST_NODE_WRITER == (int)VIEW_NODE_WRITER &&
                   (int)HOLDFAST_NODE_STANDBY == (int)VIEW_NODE_STANDBY,
               "so are its numbers");
_Static_assert(sizeof(struct holdfast_region) == 48 && sizeof(struct holdfast_endpoint) == 96 &&
                   sizeof(struct holdfast_database) == 48 && sizeof(struct holdfast_node) == 112 &&
                   sizeof(struct holdfast_service) == 48 && sizeof(struct holdfast_server) == 64 &&
                   sizeof(struct holdfast_view) == 56 + 8 * 48 + 4 * 48 + 32 * 112 + 64 * 96 + 16 * 48 + 64 * 64 &&
                   sizeof(struct holdfast_metrics) == 256 && sizeof(struct holdfast_target) == 32 &&
                   sizeof(struct holdfast_verdict) == 16,
               "the layout is what programs were compiled with: a change needs a new version in holdfast.map");

void holdfast_options_default(struct holdfast_options *ret_options)
{
    *ret_options = (struct holdfast_options){
        .max_lag_ms = 10000,
        .max_age_ms = 10000,
        .max_latency_ms = 1000,
        .shun_ms = 1000,
        .shun_max_ms = 10000,
        .tell_ms = 1000,
    };
    holdfast_breaker_config_regional(&ret_options->breaker);
    ret_options->breaker.max_wait_half_open_ms =
        ret_options->breaker.wait_open_ms; /* a lost trial call blocks nobody */
}

enum holdfast_error holdfast_refresh(struct holdfast *holdfast)
{
    bool fresh;
    pthread_mutex_lock(&holdfast->lock);
    enum holdfast_error error = holdfast_attach_refresh(&holdfast->attach, &fresh);
    if (fresh) {
        holdfast->metrics.mapped++;
        atomic_store_explicit(&holdfast->seen, 0, memory_order_relaxed);
    }
    holdfast_look(holdfast);
    holdfast_look_file(holdfast);
    holdfast_note_tell(&holdfast->note, &holdfast->view, holdfast_state_now_ms(&holdfast->state),
                       holdfast->note.tell_ms);
    if (error == HOLDFAST_OK || error == HOLDFAST_NO_VIEW) {
        error = holdfast->source == HOLDFAST_SOURCE_NONE ? HOLDFAST_NO_VIEW : HOLDFAST_OK;
    }
    pthread_mutex_unlock(&holdfast->lock);
    for (uint32_t i = 0; i < LIMITS_REGIONS; i++) {
        holdfast_breaker_advance(holdfast->breakers[i]);
    }
    holdfast_state_age(&holdfast->state);
    return error;
}

/* The clock of waits: not the wall's. */
static struct timespec holdfast_after(int64_t ms)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    time.tv_sec += ms / 1000;
    time.tv_nsec += ms % 1000 * 1000000;
    if (time.tv_nsec >= 1000000000) {
        time.tv_sec++;
        time.tv_nsec -= 1000000000;
    }
    return time;
}

static void *holdfast_follow(void *context)
{
    struct holdfast *holdfast = (struct holdfast *)context;
    pthread_mutex_lock(&holdfast->lock);
    while (!holdfast->stopping) {
        const struct timespec deadline = holdfast_after(holdfast->thread_ms);
        while (!holdfast->stopping && pthread_cond_timedwait(&holdfast->stop, &holdfast->lock, &deadline) == 0) {
        }
        if (!holdfast->stopping) {
            pthread_mutex_unlock(&holdfast->lock);
            (void)holdfast_refresh(holdfast); /* what is wrong stays in the metrics; there will be another one */
            pthread_mutex_lock(&holdfast->lock);
        }
    }
    pthread_mutex_unlock(&holdfast->lock);
    return NULL;
}

/* The application's signals are not for our thread. */
static enum holdfast_error holdfast_start(struct holdfast *holdfast)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    holdfast->threaded = pthread_create(&holdfast->thread, NULL, holdfast_follow, holdfast) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return holdfast->threaded ? HOLDFAST_OK : HOLDFAST_NO_MEMORY;
}

static bool holdfast_options_valid(const struct holdfast_options *options)
{
    for (size_t i = 0; i < sizeof options->reserved / sizeof options->reserved[0]; i++) {
        if (options->reserved[i] != 0) {
            return false;
        }
    }
    const int64_t times_ms[] = {options->thread_ms, options->max_lag_ms,  options->max_age_ms, options->max_latency_ms,
                                options->shun_ms,   options->shun_max_ms, options->tell_ms};
    for (size_t i = 0; i < sizeof times_ms / sizeof times_ms[0]; i++) {
        if (times_ms[i] < 0 || times_ms[i] > HOLDFAST_DAY_MS) {
            return false;
        }
    }
    return options->max_age_ms > 0 && options->max_latency_ms > 0 && options->shun_ms > 0 &&
           options->shun_max_ms >= options->shun_ms;
}

static bool holdfast_wish_name(char name[LIMITS_NAME], const char *text, size_t size)
{
    if (size == 0 || size >= LIMITS_NAME) {
        return false;
    }
    memcpy(name, text, size);
    name[size] = '\0';
    return true;
}

static bool holdfast_wish_backups(struct holdfast_plan_wish *wish, const char *list)
{
    while (*list != '\0') {
        const size_t size = strcspn(list, ",");
        if (wish->backups_count == LIMITS_REGIONS ||
            !holdfast_wish_name(wish->backups[wish->backups_count++], list, size)) {
            return false;
        }
        list += size + (list[size] == ',' ? 1 : 0);
    }
    return true;
}

static bool holdfast_wish(struct holdfast_plan_wish *wish, const struct holdfast_options *options)
{
    wish->max_lag_ms = (uint32_t)options->max_lag_ms;
    return (options->region == NULL || holdfast_wish_name(wish->region, options->region, strlen(options->region))) &&
           (options->database == NULL ||
            holdfast_wish_name(wish->database, options->database, strlen(options->database))) &&
           (options->backups == NULL || holdfast_wish_backups(wish, options->backups));
}

static const char *holdfast_state_dir(const struct holdfast_options *options)
{
    const char *given = options->state_dir != NULL ? options->state_dir : getenv("HOLDFAST_STATE_DIR");
    return given != NULL && *given != '\0' ? given : HOLDFAST_STATE_DIR;
}

static void holdfast_init(struct holdfast *holdfast, const struct holdfast_options *options)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&holdfast->stop, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&holdfast->lock, NULL);
    holdfast->thread_ms = options->thread_ms;
    holdfast_plan_none(&holdfast->plans[0]);
    holdfast_state_init(&holdfast->state, options);
    holdfast_note_init(&holdfast->note, holdfast_state_dir(options), options->tell_ms);
}

enum holdfast_error holdfast_open(const struct holdfast_options *options, struct holdfast **ret_holdfast)
{
    const size_t size = (sizeof(struct holdfast) + HOLDFAST_LINE - 1) / HOLDFAST_LINE * HOLDFAST_LINE;
    struct holdfast *holdfast = (struct holdfast *)aligned_alloc(HOLDFAST_LINE, size);
    if (holdfast == NULL) {
        return HOLDFAST_NO_MEMORY;
    }
    memset(holdfast, 0, size);
    holdfast_init(holdfast, options);
    enum holdfast_error error = HOLDFAST_INVALID_CONFIG;
    if (holdfast_options_valid(options) && holdfast_wish(&holdfast->wish, options)) {
        error = holdfast_attach_init(&holdfast->attach, holdfast_state_dir(options));
    }
    if (error == HOLDFAST_OK) {
        error = holdfast_breakers_init(holdfast, &options->breaker);
    }
    if (error == HOLDFAST_OK) {
        (void)holdfast_refresh(holdfast); /* no view is no error here */
        error = options->thread_ms > 0 ? holdfast_start(holdfast) : HOLDFAST_OK;
    }
    if (error != HOLDFAST_OK) {
        holdfast_close(holdfast);
        return error;
    }
    *ret_holdfast = holdfast;
    return HOLDFAST_OK;
}

void holdfast_close(struct holdfast *holdfast)
{
    if (holdfast == NULL) {
        return;
    }
    if (holdfast->threaded) {
        pthread_mutex_lock(&holdfast->lock);
        holdfast->stopping = true;
        pthread_cond_signal(&holdfast->stop);
        pthread_mutex_unlock(&holdfast->lock);
        pthread_join(holdfast->thread, NULL);
    }
    holdfast_note_tell(&holdfast->note, &holdfast->view, holdfast_state_now_ms(&holdfast->state), 0);
    holdfast_note_fini(&holdfast->note);
    holdfast_breakers_fini(holdfast);
    holdfast_state_fini(&holdfast->state);
    pthread_cond_destroy(&holdfast->stop);
    pthread_mutex_destroy(&holdfast->lock);
    holdfast_attach_fini(&holdfast->attach);
    free(holdfast);
}

enum holdfast_error holdfast_wait(struct holdfast *holdfast, uint64_t version, int64_t timeout_ms)
{
    struct timespec deadline = holdfast_after(timeout_ms > 0 ? timeout_ms : 0);
    for (;;) {
        (void)holdfast_refresh(holdfast);
        struct holdfast_metrics metrics;
        holdfast_metrics_read(holdfast, &metrics);
        if (metrics.version > version) {
            return HOLDFAST_OK;
        }
        const struct timespec now = holdfast_after(0);
        const int64_t left_ms =
            (deadline.tv_sec - now.tv_sec) * INT64_C(1000) + (deadline.tv_nsec - now.tv_nsec) / 1000000;
        if (timeout_ms >= 0 && left_ms <= 0) {
            return HOLDFAST_TIMEOUT;
        }
        const bool last = timeout_ms >= 0 && left_ms < HOLDFAST_SLICE_MS;
        holdfast_attach_sleep(&holdfast->attach, metrics.version, last ? left_ms : HOLDFAST_SLICE_MS);
    }
}

static uint32_t holdfast_address(const struct view_address *address, char text[HOLDFAST_ADDRESS])
{
    inet_ntop(address->family == 6 ? AF_INET6 : AF_INET, address->bytes, text, HOLDFAST_ADDRESS);
    return address->port;
}

static void holdfast_view_traffic(const struct holdfast *holdfast, struct holdfast_view *view)
{
    const struct view *from = &holdfast->view;
    const uint32_t home = view->own_region != HOLDFAST_NONE ? view->own_region : (uint32_t)VIEW_HOME_DEFAULT;
    const uint32_t row = view_split_region(from, home, 0) != LIMITS_NONE ? home : (uint32_t)VIEW_HOME_DEFAULT;
    for (uint32_t i = 0; i < from->regions_count; i++) {
        struct holdfast_region *region = &view->regions[i];
        memcpy(region->name, from->regions[i].name, sizeof region->name);
        region->state = from->regions[i].state;
        region->healthy = from->regions[i].healthy;
        region->share = from->split[row][i];
    }
    for (uint32_t i = 0; i < from->endpoints_count; i++) {
        struct holdfast_endpoint *endpoint = &view->endpoints[i];
        memcpy(endpoint->name, from->endpoints[i].name, sizeof endpoint->name);
        endpoint->port = holdfast_address(&from->endpoints[i].address, endpoint->address);
        endpoint->region = from->endpoints[i].region;
        endpoint->healthy = from->endpoints[i].healthy;
    }
}

static void holdfast_view_node(const struct view_node *from, struct holdfast_node *node)
{
    memcpy(node->name, from->name, sizeof node->name);
    node->port = holdfast_address(&from->postgres, node->address);
    node->database = from->database;
    node->region = from->region;
    node->role = from->role;
    node->healthy = from->healthy;
    node->lag_ms = from->lag_ms;
}

static void holdfast_view_databases(const struct view *from, struct holdfast_view *view)
{
    for (uint32_t i = 0; i < from->databases_count; i++) {
        struct holdfast_database *database = &view->databases[i];
        memcpy(database->name, from->databases[i].name, sizeof database->name);
        database->epoch = from->databases[i].epoch;
        database->writer = from->databases[i].writer;
        database->hold = from->databases[i].hold;
    }
    for (uint32_t i = 0; i < from->nodes_count; i++) {
        holdfast_view_node(&from->nodes[i], &view->nodes[i]);
    }
}

static void holdfast_view_services(const struct view *from, struct holdfast_view *view)
{
    for (uint32_t i = 0; i < from->services_count; i++) {
        struct holdfast_service *service = &view->services[i];
        memcpy(service->name, from->services[i].name, sizeof service->name);
        service->epoch = from->services[i].epoch;
        service->primary = from->services[i].primary;
        service->single = from->services[i].single;
    }
    for (uint32_t i = 0; i < from->targets_count; i++) {
        struct holdfast_server *server = &view->servers[i];
        server->port = holdfast_address(&from->targets[i].address, server->address);
        server->service = from->targets[i].service;
        server->region = from->targets[i].region;
        server->healthy = from->targets[i].healthy;
    }
}

enum holdfast_error holdfast_target_node(struct holdfast *holdfast, const struct holdfast_target *target,
                                         struct holdfast_node *ret_node)
{
    enum holdfast_error error = HOLDFAST_OK;
    pthread_mutex_lock(&holdfast->lock);
    if (target->node == HOLDFAST_NONE) {
        error = HOLDFAST_NOT_FOUND;
    } else if (holdfast->view.version != target->version || target->node >= holdfast->view.nodes_count) {
        error = HOLDFAST_STALE;
    } else {
        memset(ret_node, 0, sizeof *ret_node);
        holdfast_view_node(&holdfast->view.nodes[target->node], ret_node);
    }
    pthread_mutex_unlock(&holdfast->lock);
    return error;
}

enum holdfast_error holdfast_view_read(struct holdfast *holdfast, struct holdfast_view *ret_view, uint64_t size)
{
    if (size != sizeof *ret_view) {
        return HOLDFAST_INVALID_ARGUMENT;
    }
    pthread_mutex_lock(&holdfast->lock);
    holdfast_look(holdfast);
    const bool known = holdfast->source != HOLDFAST_SOURCE_NONE;
    if (known) {
        const struct view *from = &holdfast->view;
        memset(ret_view, 0, sizeof *ret_view);
        ret_view->version = from->version;
        ret_view->made_wall_us = from->made_wall_us;
        ret_view->run = from->run;
        ret_view->source = (uint32_t)holdfast->source;
        ret_view->own_region =
            holdfast->wish.region[0] != '\0' ? view_region_find(from, holdfast->wish.region) : HOLDFAST_NONE;
        ret_view->regions_count = from->regions_count;
        ret_view->databases_count = from->databases_count;
        ret_view->nodes_count = from->nodes_count;
        ret_view->endpoints_count = from->endpoints_count;
        ret_view->services_count = from->services_count;
        ret_view->servers_count = from->targets_count;
        holdfast_view_traffic(holdfast, ret_view);
        holdfast_view_databases(from, ret_view);
        holdfast_view_services(from, ret_view);
    }
    pthread_mutex_unlock(&holdfast->lock);
    return known ? HOLDFAST_OK : HOLDFAST_NO_VIEW;
}

void holdfast_metrics_read(struct holdfast *holdfast, struct holdfast_metrics *ret_metrics)
{
    pthread_mutex_lock(&holdfast->lock);
    *ret_metrics = holdfast->metrics;
    ret_metrics->told = holdfast->note.told;
    pthread_mutex_unlock(&holdfast->lock);
    pthread_mutex_lock(&holdfast->state.lock);
    ret_metrics->shunned = holdfast->state.shunned;
    pthread_mutex_unlock(&holdfast->state.lock);
    ret_metrics->trials = atomic_load_explicit(&holdfast->state.trials, memory_order_relaxed);
}

const char *holdfast_error_text(enum holdfast_error error)
{
    static const char *const texts[] = {
        "ok",
        "a value of the configuration is not allowed",
        "out of memory",
        "not allowed from the present state",
        "invalid argument",
        "a system call failed",
        "no view is published here",
        "the view is harmed or of another release",
        "timed out",
        "the view has no such region or database",
        "the view names no writer",
        "no route is left",
        "the view has changed",
    };
    return (unsigned)error < sizeof texts / sizeof texts[0] ? texts[error] : "unknown error";
}
