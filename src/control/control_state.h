/* SPDX-License-Identifier: Apache-2.0
 * The control process from inside: shared by the files of this folder only.
 *
 * `engine` belongs to the decision thread. `lock` guards what other threads read: the present setup, the published
 * view, details for display, and the mailbox of questions. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "control/act.h"
#include "control/control.h"
#include "control/control_metric.h"
#include "control/inbox.h"
#include "control/journal.h"
#include "control/lead.h"
#include "control/setup.h"
#include "control/trim.h"
#include "core/engine.h"
#include "edge/clock_watch.h"
#include "edge/ear.h"
#include "edge/hint.h"
#include "edge/latency_share.h"
#include "edge/notify.h"
#include "edge/probe.h"
#include "edge/publish.h"
#include "edge/upstream.h"

enum {
    CONTROL_WAITERS = 64, /* commands and snapshots that wait at the same time */
    CONTROL_PATH = 512,
};

enum control_ask {
    CONTROL_ASK_NONE,
    CONTROL_ASK_SNAPSHOT,
    CONTROL_ASK_PREVIEW,
    CONTROL_ASK_COMMAND,
    CONTROL_ASK_CONFIGURE
};

/* A question to the decision loop; lives on the asking thread's stack until answered. */
struct control_waiter {
    enum control_ask ask;
    uint64_t token;
    const struct event_command *command;
    struct engine *ret_engine;
    struct output *ret_output;
    struct engine_reply *ret_reply;
    struct setup *setup;
    bool taken; /* COMMAND: handed to the engine, the reply will come */
    bool done;
    enum err err;
};

/* What a site's readers have met with, as it last said. */
struct control_sights {
    struct mono at;
    uint32_t count;
    struct desk_sight list[SIGHT_LIST];
};

/* What a site's data planes count, as it last said. */
struct control_figures {
    struct mono at;
    struct figure_row *rows; /* malloc'ed */
    uint32_t count;
};

struct control {
    struct control_options options;
    char config_path[CONTROL_PATH];
    char site_name[LIMITS_NAME];
    uint32_t site;
    struct setup *setup; /* guarded by lock */
    struct setup *born;  /* of the start: what lives as long as the process borrows from it */
    struct store *store;
    struct lead *lead;                        /* NULL: the only controller, which always leads */
    atomic_bool leading;                      /* the engine leads: the view is ours */
    bool taking;                              /* the right is ours, the record is being read; decision thread */
    bool ended;                               /* the lead is lost or handed over: this life is over; decision thread */
    struct mono yield_at;                     /* decision thread: no look at better sites before */
    struct changes *leases;                   /* what other controllers do to them */
    struct upstream *upstreams[LIMITS_SITES]; /* the other controllers, by site */
    _Atomic(struct ear *) ear;                /* NULL: it hears no heartbeats */
    struct inbox *inbox;
    struct journal *journal;
    struct trim trim;
    struct act *act;
    struct notify *notify;
    struct probe_pool *pool;
    pthread_mutex_t publishing; /* guards the publisher; taken before `lock` */
    struct publish_writer publisher;
    struct feedback feedback; /* of applications; likewise guarded */
    char view_file[CONTROL_PATH];
    pthread_t keeper; /* of that file */
    bool keeping;
    pthread_t cacher; /* asks servers of caches what they are */
    bool caching;
    char view_memory[CONTROL_PATH];
    struct engine engine;         /* decision thread */
    struct output output;         /* decision thread */
    struct control_metric metric; /* decision thread */
    struct clock_watch clock;     /* decision thread */
    struct mono readers_at;       /* decision thread: last look at the local readers */
    struct mono published_at;     /* ... when they were given a new view */
    bool carrying;                /* ... a proxy has still to carry it out */
    atomic_bool stopping;
    atomic_bool reload;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* a waiter was answered, or a view published */
    struct control_waiter *waiters[CONTROL_WAITERS];
    uint64_t tokens;
    struct view view; /* as published */
    struct probe_result details[LIMITS_SITES][LIMITS_PROBES];
    struct desk_report reports[LIMITS_NODES];
    struct control_sights sights[LIMITS_SITES];
    struct control_figures figures[LIMITS_SITES];
    pthread_mutex_t latency_lock;
    struct latency_table *latency; /* what sites have measured; guarded by latency_lock */
    struct latency_share *share;   /* what follows for regions */
    struct hint hint;              /* decision thread */
    struct mono sights_at;         /* decision thread */
    struct desk desk;
};

/* The present setup, held for the caller, who drops it. Any thread. */
struct setup *control_setup(struct control *control);

/* control_desk.c: answers what was asked, between two steps; and the replies of the last step. Decision thread. */
void control_desk_answer(struct control *control);
void control_desk_replies(struct control *control);
void control_desk_init(struct control *control);

/* control_watch.c: the controller as an observer of its own. */
ERR_CHECK enum err control_watch_start(struct control *control);
ERR_CHECK enum err control_watch_set(struct control *control, const struct setup *setup);

/* control_sight.c: what proxies and relays meet with, here and elsewhere. */
void control_sight_look(struct control *control);                                              /* decision thread */
void control_sight_list(struct control *control, struct sight_sum *list, uint32_t *ret_count); /* publishing */
enum err control_sight_take(void *context, const char *site, const struct desk_sight *sights, uint32_t count);
uint32_t control_sight_seen(void *context, const struct view_address *server, bool applications,
                            struct desk_sight *ret_list);

/* control_figure.c: what data planes count, here and elsewhere. */
enum err control_figure_take(void *context, const char *site, const struct figure_row *rows, uint32_t count);
uint32_t control_figure_list(void *context, struct figure_site *ret_list);
void control_figure_close(struct control *control);

/* control_latency.c: how far client networks are, as proxies and relays measure it here and elsewhere. */
ERR_CHECK enum err control_latency_start(struct control *control);
void control_latency_close(struct control *control);
enum err control_latency_take(void *context, const struct latency_message *message); /* any thread */
void control_latency_look(void *context, struct latency_table *ret_table, int64_t *ret_max_age_s);

/* control_beat.c: heartbeats, heard here and elsewhere. */
void control_beat_start(struct control *control);
void control_beat_set(struct control *control, const struct setup *setup);
void control_beat_take(struct control *control, uint32_t site, const struct observe_beats *beats); /* any thread */
void control_beat_stop(struct control *control);  /* no further word; it may still be asked */
void control_beat_close(struct control *control); /* when nobody asks any more */

/* control_lead.c: one of several controllers. */
ERR_CHECK enum err control_lead_open(struct control *control, char *message, size_t size);
bool control_lead_leads(void *context); /* any thread */
void control_lead_turn(struct control *control);
void control_lead_end(struct control *control); /* after the loop: hands the lead over */
void control_lead_close(struct control *control);
void control_lead_look(void *context, struct desk_lead *ret_lead);

/* control_follow.c: a controller that follows does for its host what an observer does. */
ERR_CHECK enum err control_follow_open(struct control *control);
void control_follow_push(struct control *control, const struct probe_result *result);
void control_follow_urge(struct control *control); /* what is heard has changed */
void control_follow_close(struct control *control);

/* control_share.c: the readers of the view on this host. */
void control_share_readers(struct control *control, struct publish_reader_info *list, uint32_t *ret_count);

/* A probe's result, from here or from an observer. */
void control_watch_take(struct control *control, uint32_t site, const struct probe_result *result);
