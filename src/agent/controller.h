/* SPDX-License-Identifier: Apache-2.0
 * What the agent asks of the controllers and of other agents (doc/protocol.md), each call with a deadline.
 *
 * Any controller may answer a question about leases; the one that answered last is asked first. Blocking: for threads
 * of their own. Thread-safe.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/agent_options.h"
#include "base/buf.h"
#include "base/err.h"
#include "core/lsn.h"

enum controller_lease_state { CONTROLLER_LEASE_NONE, CONTROLLER_LEASE_HELD, CONTROLLER_LEASE_REVOKED };

struct controller_lease {
    enum controller_lease_state state;
    char holder[LIMITS_NAME];
    char candidate[LIMITS_NAME];
    uint64_t epoch;
    uint64_t revision;
};

/* The answer to a renewal or an acquisition. */
struct controller_grant {
    uint64_t revision;
    int64_t lease_us; /* what the controllers count with; 0: not told */
};

/* A node that this one is to keep a slot for (agent/slot.h). */
struct controller_slot {
    char node[LIMITS_NAME];
    struct lsn flushed; /* what it has of our timeline; 0: not known */
};

/* The answer to a report. */
struct controller_word {
    char writer[LIMITS_NAME]; /* empty: none */
    uint64_t epoch;
    char upstream[LIMITS_NAME]; /* whom to stream from; empty: the writer */
    uint64_t order;             /* of that; 0: nothing is said */
    struct controller_slot slots[LIMITS_NODES];
    uint32_t slots_count;
};

/* ERR_CONFLICT: the store's certain no. Everything else but ERR_OK: unknown. */
ERR_CHECK enum err controller_lease(const struct agent_options *options, uint32_t timeout_ms,
                                    struct controller_lease *ret_lease);
ERR_CHECK enum err controller_acquire(const struct agent_options *options, uint64_t epoch, uint32_t timeout_ms,
                                      struct controller_grant *ret_grant);
ERR_CHECK enum err controller_renew(const struct agent_options *options, uint64_t epoch, uint64_t revision,
                                    uint32_t timeout_ms, struct controller_grant *ret_grant);

/* To this controller alone: each makes its own picture, so each is told. */
ERR_CHECK enum err controller_report(const struct agent_options *options, uint32_t controller, const struct buf *body,
                                     uint32_t timeout_ms, struct controller_word *ret_word);

/* Asks another agent. ERR_OK: it promised. */
ERR_CHECK enum err controller_promise(const struct agent_options *options, const struct agent_options_peer *peer,
                                      uint64_t epoch, uint32_t timeout_ms);

/* The answers' bodies, for tests and the fuzzer. */
ERR_CHECK enum err controller_parse_lease(const char *body, size_t size, struct controller_lease *ret_lease);
ERR_CHECK enum err controller_parse_word(const char *body, size_t size, struct controller_word *ret_word);
ERR_CHECK enum err controller_parse_grant(const char *body, size_t size, struct controller_grant *ret_grant);
bool controller_parse_promised(const char *body, size_t size);
