/* SPDX-License-Identifier: Apache-2.0
 * Leadership among the controllers that share a store: core/leader.h with a clock, a thread and the store.
 *
 * Records: "leader" (renewed by compare-and-swap each third of store.leader_lease), "leader/term" (written only when
 * the leader changes: what every commit of a leader checks, STORE_CHECK), "controller/SITE" (a sign of life each 2 s).
 * Nothing here blocks but lead_free and lead_hand_over: everything goes through store_submit, so that a store that
 * hangs never keeps this process from seeing that its right has ended. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "core/leader.h"
#include "edge/store.h"

struct lead;

struct lead_options {
    struct store *store;
    struct leader_id self;
    uint32_t lease_ms;
    const char *sites[LIMITS_SITES]; /* of all controllers; borrowed until lead_free */
    uint32_t sites_count;
    void (*wake)(void *context); /* the state has changed; any thread, must not block */
    void *context;
};

/* What is known of the leader and the others, for display and the API. */
struct lead_peer {
    char site[LIMITS_NAME];
    bool alive;
    int64_t age_ms; /* since its last sign of life; -1: none ever */
};
struct lead_picture {
    char site[LIMITS_NAME]; /* who leads; "": nobody, as far as this controller knows */
    bool ours;
    uint64_t term;
    int64_t since_ms; /* known here */
    uint32_t peers_count;
    struct lead_peer peers[LIMITS_SITES];
};

ERR_CHECK enum err lead_new(const struct lead_options *options, struct lead **ret_lead);

/* Stops; a right that is held stays in the store until it ends (hand it over before). NULL is fine. */
void lead_free(struct lead *lead);

/* The state now. LEADING: `ret_term_revision` is what commits must check, `ret_same_clock` whether the former leader's
 * machine was this one. Any thread. */
enum leader_state lead_state(struct lead *lead, uint64_t *ret_term_revision, bool *ret_same_clock);

/* Whether this process may act now, by its own clock. Any thread. */
bool lead_right(struct lead *lead);

/* This site's rank. Any thread. */
void lead_rank(struct lead *lead, uint32_t rank);

/* Whether the site's controller has been there for long enough to be handed the lead. */
bool lead_steady(struct lead *lead, const char *site);

/* Gives the right up, in favour of a site ("": whoever comes first), and waits a second for the store's word. The state
 * is ENDED from now on. Does nothing without a right. */
void lead_hand_over(struct lead *lead, const char *favour);

void lead_look(struct lead *lead, struct lead_picture *ret_picture);
