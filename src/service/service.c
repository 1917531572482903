/* SPDX-License-Identifier: Apache-2.0
 * The relay of TCP services: the workers, and the watcher that brings them the view. */
#include "service/service.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sysinfo.h>

#include "base/assert.h"
#include "base/buf.h"
#include "edge/daemon.h"
#include "edge/latency_watch.h"
#include "edge/log.h"
#include "edge/publish.h"
#include "edge/publish_file.h"
#include "edge/tcp.h"
#include "service/service_figure.h"
#include "service/service_worker.h"

enum {
    SERVICE_BEAT_MS = 200, /* the watcher's sign of life */
    SERVICE_WORKERS_DEFAULT = 8,
    SERVICE_BUFFERS_DEFAULT = 1024,
    SERVICE_GRACE_MS = 3000, /* less than the supervisor's patience */
    SERVICE_STATUS = 1536,
};

struct service {
    struct service_options options;
    struct service_worker_shared shared;
    struct service_worker_box box;
    _Atomic uint32_t open[LIMITS_SERVICES];
    struct service_worker *workers[SERVICE_WORKERS];
    uint32_t workers_count;
    pthread_t watcher;
    bool watching;
    struct latency_watch *latency; /* NULL: not measured */
    struct service_figure figure;  /* of the watcher */
    _Atomic bool stop;
    /* The reader that looks, and the one that announces: entering a view must not announce it. */
    struct publish_reader scout;
    pthread_mutex_t announce_lock; /* also guards `workers` while they are started */
    struct publish_reader announcer;
};

/* ---- the announcement ---- */

/* What every worker has carried out. When all have ended, nobody is left on an older view. */
static uint64_t service_lowest(struct service *service)
{
    uint64_t lowest = service->workers_count > 0 ? UINT64_MAX : 0;
    for (uint32_t i = 0; i < service->workers_count; i++) {
        const uint64_t version = service_worker_version(service->workers[i]);
        lowest = version < lowest ? version : lowest;
    }
    return lowest != UINT64_MAX ? lowest : publish_reader_version(&service->announcer);
}

/* By whoever carried out a version last, and by the watcher as a sign of life. */
static void service_announce(void *owner)
{
    struct service *service = owner;
    pthread_mutex_lock(&service->announce_lock);
    publish_reader_idle(&service->announcer, service_lowest(service));
    pthread_mutex_unlock(&service->announce_lock);
}

/* What the workers have met with, for whoever publishes the view. */
static void service_tell(struct service *service)
{
    struct sight_sum sum[SIGHT_SERVERS];
    uint32_t count = 0;
    pthread_mutex_lock(&service->announce_lock);
    for (uint32_t i = 0; i < service->workers_count; i++) {
        service_worker_sight(service->workers[i], sum, &count);
    }
    sight_tell(&service->announcer, sum, count);
    pthread_mutex_unlock(&service->announce_lock);
}

/* ---- the view ---- */

static void service_fill(struct service *service, const struct view *view)
{
    pthread_mutex_lock(&service->box.lock);
    service->box.view = *view;
    service->box.filled = true;
    atomic_fetch_add(&service->box.turn, 1);
    pthread_mutex_unlock(&service->box.lock);
}

/* Takes the published view, when there is a whole one that is newer. */
static bool service_look(struct service *service)
{
    const struct view *view = publish_reader_enter(&service->scout);
    const bool newer = view != NULL && (!service->box.filled || view->version > service->box.view.version);
    if (newer) {
        service_fill(service, view);
    }
    publish_reader_leave(&service->scout);
    return newer;
}

static void service_cold_start(struct service *service)
{
    if (service_look(service) || service->options.view_file[0] == '\0') {
        return;
    }
    struct view *view = malloc(sizeof *view);
    const enum err err = view != NULL ? publish_file_load(service->options.view_file, view) : ERR_NO_MEMORY;
    if (err == ERR_OK) {
        service_fill(service, view);
        LOG_N("no published view yet: version %llu from %s", (unsigned long long)view->version,
              service->options.view_file);
    } else {
        LOG_W("no view yet, clients wait: %s: %s", service->options.view_file, err_text(err));
    }
    free(view);
}

static void service_wake(struct service *service)
{
    for (uint32_t i = 0; i < service->workers_count; i++) {
        service_worker_wake(service->workers[i]);
    }
}

static void *service_watch(void *argument)
{
    struct service *service = argument;
    uint64_t seen = service->box.filled ? service->box.view.version : 0;
    while (!atomic_load(&service->stop)) {
        uint64_t version = 0;
        if (publish_reader_wait(&service->scout, seen, SERVICE_BEAT_MS, &version) == ERR_OK) {
            seen = version;
            if (service_look(service)) {
                service_wake(service);
            }
        }
        publish_reader_beat(&service->scout);
        service_tell(service);
        service_announce(service);
        service_figure_look(&service->figure, &service->box, service->workers, service->workers_count);
    }
    return NULL;
}

/* ---- start and stop ---- */

/* Two descriptors per client and some of our own. */
static void service_descriptors(const struct service_setup *setup)
{
    uint64_t wanted = 1024;
    for (uint32_t i = 0; i < LIMITS_SERVICES; i++) {
        wanted += setup->services[i].present ? 2 * (uint64_t)setup->services[i].max_connections : 0;
    }
    const uint64_t limit = daemon_descriptors(wanted);
    if (limit < wanted) {
        LOG_W("max_connections of all services need %" PRIu64 " file descriptors, the limit is %" PRIu64
              ": raise it (ulimit -n, LimitNOFILE=)",
              wanted, limit);
    }
}

/* Whether everything that is new in `setup` can be listened on. */
static enum err service_ports(const struct service_setup *present, const struct service_setup *setup)
{
    for (uint32_t i = 0; i < setup->listeners_count; i++) {
        bool ours = false;
        for (uint32_t j = 0; j < present->listeners_count; j++) {
            ours = ours || service_setup_same(&present->listeners[j].address, &setup->listeners[i].address);
        }
        const enum err err = ours ? ERR_OK : tcp_free(&setup->listeners[i].address);
        if (err != ERR_OK) {
            char text[TCP_ADDRESS];
            tcp_print(&setup->listeners[i].address, text);
            LOG_E("cannot listen on %s: %s; stop what listens there (`ss -lntp` names it) or choose another address "
                  "(setting services.%s.listen)",
                  text, err_text(err), setup->services[setup->listeners[i].slot].name);
            return err;
        }
    }
    return ERR_OK;
}

enum err service_reload(struct service *service, const struct service_setup *setup)
{
    struct service_setup next = *setup;
    uint32_t open[LIMITS_SERVICES];
    for (uint32_t i = 0; i < LIMITS_SERVICES; i++) {
        open[i] = atomic_load(&service->open[i]);
    }
    enum err err = service_setup_align(&service->box.setup, open, &next);
    if (err == ERR_OK) {
        err = service_ports(&service->box.setup, &next);
    }
    if (err != ERR_OK) {
        return err;
    }
    service_descriptors(&next);
    pthread_mutex_lock(&service->box.lock);
    service->box.setup = next;
    atomic_fetch_add(&service->box.turn, 1);
    pthread_mutex_unlock(&service->box.lock);
    service_wake(service);
    return ERR_OK;
}

static void service_defaults(struct service *service)
{
    struct service_options *options = &service->options;
    const int cpus = get_nprocs();
    const uint32_t most = cpus < 1 ? 1 : cpus > SERVICE_WORKERS_DEFAULT ? SERVICE_WORKERS_DEFAULT : (uint32_t)cpus;
    options->workers = options->workers != 0 ? options->workers : most;
    options->grace_ms = options->grace_ms != 0 ? options->grace_ms : SERVICE_GRACE_MS;
    ASSERT(options->workers <= SERVICE_WORKERS);
    service->shared = (struct service_worker_shared){
        .box = &service->box,
        .open = service->open,
        .buffers = options->buffers != 0 ? options->buffers : SERVICE_BUFFERS_DEFAULT,
        .carried = service_announce,
        .owner = service,
    };
}

/* How far clients are: the relay serves without knowing it as well. */
static void service_measure(struct service *service)
{
    struct latency_seen *blocks[SERVICE_WORKERS];
    if (service->options.latency_file[0] == '\0') {
        return;
    }
    for (uint32_t i = 0; i < service->workers_count; i++) {
        blocks[i] = service_worker_latency(service->workers[i]);
    }
    const enum err err =
        latency_watch_start(service->options.latency_file, blocks, service->workers_count, &service->latency);
    if (err != ERR_OK) {
        LOG_W("round trips of clients are not measured: %s", err_text(err));
    }
}

static enum err service_readers(struct service *service)
{
    const struct service_options *options = &service->options;
    char scout[LIMITS_NAME + 8];
    snprintf(scout, sizeof scout, "%s/view", options->name);
    enum err err = publish_reader_open(&service->scout, options->view_memory, PUBLISH_LIB, scout);
    if (err == ERR_OK) {
        err = publish_reader_open(&service->announcer, options->view_memory, PUBLISH_SERVICE, options->name);
    }
    if (err != ERR_OK) {
        LOG_E("the view's memory %s: %s", options->view_memory, err_text(err));
    }
    return err;
}

static enum err service_workers_start(struct service *service)
{
    for (uint32_t i = 0; i < service->options.workers; i++) {
        struct service_worker *worker = NULL;
        const enum err err = service_worker_start(&service->shared, &worker);
        if (err != ERR_OK) {
            LOG_E("worker %u: %s", i, err_text(err));
            return err;
        }
        pthread_mutex_lock(&service->announce_lock);
        service->workers[service->workers_count++] = worker;
        pthread_mutex_unlock(&service->announce_lock);
    }
    return ERR_OK;
}

static enum err service_begin(struct service *service)
{
    enum err err = service_reload(service, &service->options.setup);
    if (err != ERR_OK) {
        return err;
    }
    err = service_readers(service);
    if (err != ERR_OK) {
        return err;
    }
    service_cold_start(service);
    err = service_workers_start(service);
    if (err != ERR_OK) {
        return err;
    }
    service_measure(service);
    service_figure_open(&service->figure, service->options.figures);
    const int number = pthread_create(&service->watcher, NULL, service_watch, service);
    service->watching = number == 0;
    return number == 0 ? ERR_OK : err_from_errno(number);
}

enum err service_start(const struct service_options *options, struct service **ret_service)
{
    struct service *service = calloc(1, sizeof *service);
    if (service == NULL) {
        return ERR_NO_MEMORY;
    }
    service->options = *options;
    service->scout.fd = -1;
    service->announcer.fd = -1;
    pthread_mutex_init(&service->box.lock, NULL);
    pthread_mutex_init(&service->announce_lock, NULL);
    service_defaults(service);
    const enum err err = service_begin(service);
    if (err != ERR_OK) {
        service->options.grace_ms = 0;
        service_stop(service);
        return err;
    }
    LOG_N("relaying on %u addresses with %u workers", service->box.setup.listeners_count, service->workers_count);
    *ret_service = service;
    return ERR_OK;
}

void service_stop(struct service *service)
{
    if (service == NULL) {
        return;
    }
    for (uint32_t i = 0; i < service->workers_count; i++) {
        service_worker_stop(service->workers[i], service->options.grace_ms);
    }
    for (uint32_t i = 0; i < service->workers_count; i++) {
        service_worker_join(service->workers[i]);
    }
    latency_watch_stop(service->latency);
    /* A view may still have cut somebody, so the watcher goes after the workers. */
    atomic_store(&service->stop, true);
    if (service->watching) {
        pthread_join(service->watcher, NULL);
    }
    for (uint32_t i = 0; i < service->workers_count; i++) {
        service_worker_free(service->workers[i]);
    }
    service_figure_close(&service->figure);
    publish_reader_close(&service->announcer);
    publish_reader_close(&service->scout);
    pthread_mutex_destroy(&service->announce_lock);
    pthread_mutex_destroy(&service->box.lock);
    free(service);
}

void service_metrics_read(struct service *service, struct service_metrics_sum *ret_sum)
{
    *ret_sum = (struct service_metrics_sum){0};
    for (uint32_t i = 0; i < service->workers_count; i++) {
        for (uint32_t slot = 0; slot < LIMITS_SERVICES; slot++) {
            service_worker_metrics(service->workers[i], slot, ret_sum);
        }
    }
}

void service_log_status(struct service *service)
{
    struct service_metrics_sum sum;
    char text[SERVICE_STATUS];
    struct buf buf;
    service_metrics_read(service, &sum);
    buf_init(&buf, text, sizeof text);
    for (int i = 0; i < SERVICE_METRICS_COUNT; i++) {
        if (sum.values[i] != 0) {
            buf_printf(&buf, " %s=%llu", service_metrics_name((enum service_metrics_kind)i),
                       (unsigned long long)sum.values[i]);
        }
    }
    LOG_N("counters%s", buf_string(&buf));
}
