/* SPDX-License-Identifier: Apache-2.0
 * The ear of a site: a thread with a UDP socket that hears the agents' heartbeats (wire/beat.h).
 *
 * Nothing is ever answered. What is not a heartbeat of this system, is no newer than what was heard, or names no node
 * is dropped and counted (holdfast_heartbeats_rejected_total); memory is bounded by the nodes of the configuration.
 * Moments are of CLOCK_BOOTTIME; a pause of the listener itself is no silence of others (edge/ear_table.h). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "edge/ear_table.h"
#include "edge/observe.h"
#include "wire/config.h"

struct ear;

struct ear_options {
    const char *listen; /* literal address, UDP */
    const struct config *config;
    const char *token;
    void *context;
    /* What it hears; from the ear's thread, when that has changed, and each half second. `urgent`: others should know
     * at once. Must not block. */
    void (*word)(void *context, const struct observe_beats *beats, bool urgent);
    /* A certain death, once per life and epoch. NULL: not wanted. Must not block. */
    void (*death)(void *context, const char *node, uint64_t boot, uint64_t epoch);
};

/* The options are used up. An address that cannot be bound is an error of the world: say so and go on without. */
ERR_CHECK enum err ear_new(const struct ear_options *options, struct ear **ret_ear);

/* Another configuration or another token: which nodes there are, how long a silence is news, whose word counts. Where
 * it listens stays. Any thread. */
void ear_set(struct ear *ear, const struct config *config, const char *token);

/* What is heard now: the nodes that it has a word about. Any thread. */
void ear_look(struct ear *ear, struct observe_beats *ret_beats);

/* Ends the thread: no further word comes, ear_look goes on answering. NULL is fine. */
void ear_stop(struct ear *ear);

/* Stops it and frees; nobody may look any more. NULL is fine. */
void ear_free(struct ear *ear);
