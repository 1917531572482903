/* SPDX-License-Identifier: Apache-2.0
 * Traces: what explains a transition, as data, and the one printer that turns it into a sentence.
 *
 * Log, test, journal, incident report and console say the same words because all of them come from trace_print. */
#pragma once

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/time.h"
#include "core/limits.h"

struct model;

/* X(name, severity, sentence). Placeholders: {site} {region} {to} {service} {node} {database} {probe} {step} {run} {n}
 * {m} {lsn} {err} {text}. */
#define TRACE_TABLE(X)                                                                                                 \
    X(STARTED, NOTICE, "controller started; view {n}, {text}")                                                         \
    X(SITE_SILENT, WARNING, "site {site} has gone silent")                                                             \
    X(SITE_BACK, NOTICE, "site {site} reports again")                                                                  \
    X(CHECK_FAILED, WARNING, "{probe} FAILED: {n} of {m} observers say so; last error: {err}")                         \
    X(CHECK_PASSED, NOTICE, "{probe} PASSED: {n} of {m} observers see it failed")                                      \
    X(CHECK_UNKNOWN, WARNING, "{probe} UNKNOWN: {text}")                                                               \
    X(NODE_ROLE, NOTICE, "node {node} is {text} (epoch {n})")                                                          \
    X(NODE_SILENT, WARNING, "node {node} does not report")                                                             \
    X(IN_SERVICE, NOTICE, "{region}: all critical checks pass for the first time; it is in service now")               \
    X(DECISION, NOTICE, "{region}: {text}, rule {n}, gate {m}")                                                        \
    X(LEASE, NOTICE, "{database}: lease of epoch {n} is {text}, node {node}")                                          \
    X(DURABILITY_SHRUNK, WARNING, "{database}: {node} left the durability set; tier-1 commits no longer wait for it")  \
    X(DURABILITY_GROWN, NOTICE, "{database}: {node} joined the durability set at {lsn}")                               \
    X(DURABILITY_DEGRADED, WARNING,                                                                                    \
      "{database}: DEGRADED: no standby acknowledges; tier-1 commits are on one node only, and none may be promoted")  \
    X(DURABILITY_BLOCKED, WARNING, "{database}: BLOCKED: no standby acknowledges; tier-1 commits wait for one")        \
    X(DURABILITY_BACK, NOTICE, "{database}: a standby follows again; tier-1 commits wait for it")                      \
    X(COMMIT_LOWERED, WARNING,                                                                                         \
      "{database}: every_commit is not kept: {n} on {node} lower synchronous_commit; a lost writer's lease is waited " \
      "for")                                                                                                           \
    X(COMMIT_KEPT, NOTICE, "{database}: every_commit is kept again: nothing on {node} lowers synchronous_commit")      \
    X(RUN_STARTED, NOTICE, "run {run}: {text} {region} -> {to}")                                                       \
    X(RUN_WAITING, WARNING, "run {run} waits for a person: {text}")                                                    \
    X(RUN_ASIDE, WARNING, "run {run} gives way to another run, and goes on after it")                                  \
    X(RUN_TAKEN_UP, NOTICE, "run {run} goes on with its way back")                                                     \
    X(RUN_UNDOING, WARNING, "run {run} is being undone: {text}")                                                       \
    X(RUN_ENDED, NOTICE, "run {run} {text} after {n} ms")                                                              \
    X(STEP_STARTED, INFO, "run {run}: {step} started")                                                                 \
    X(STEP_DONE, NOTICE, "run {run}: {step} done in {n} ms; {text}")                                                   \
    X(STEP_SKIPPED, INFO, "run {run}: {step} skipped; {text}")                                                         \
    X(STEP_UNPROVEN, WARNING, "run {run}: {step} not proven within {n} ms; {text}")                                    \
    X(STEP_FAILED, ERROR, "run {run}: {step} failed: {err}; {text}")                                                   \
    X(STEP_UNDONE, WARNING, "run {run}: {step} undone; {text}")                                                        \
    X(CANDIDATE, NOTICE, "run {run}: {database}: candidate {node}, epoch {n}, received {lsn}")                         \
    X(NO_CANDIDATE, ERROR, "{database}: no node may be promoted: {text}")                                              \
    X(FENCED, NOTICE, "run {run}: {database}: {node} is fenced by {text}")                                             \
    X(GUARD, NOTICE, "run {run}: failback guard says {text}")                                                          \
    X(SPLIT, NOTICE, "view {n}: {region} carries {m} of 10000 of its share")                                           \
    X(WRITER, NOTICE, "view {n}: writer of {database} is {node}, epoch {m}")                                           \
    X(NO_WRITER, WARNING, "view {n}: {database} has no writer")                                                        \
    X(PAUSED, WARNING, "automation paused by {text}")                                                                  \
    X(RESUMED, NOTICE, "automation resumed by {text}")                                                                 \
    X(LEDGER, NOTICE, "run {run}: {database}: {node} ended at {lsn}; {text}")                                          \
    X(REFUSED, WARNING, "refused: {text}")                                                                             \
    X(ADOPTED, NOTICE, "{database}: {node} is the writer of epoch {n}")                                                \
    X(RETURNING, NOTICE, "{region}: keeps its clients while {node} is on its way back")                                \
    X(LAG_HIGH, WARNING, "{database}: {node} is {n} ms behind, more than max_lag ({m} ms)")                            \
    X(LAG_BACK, NOTICE, "{database}: {node} is {n} ms behind, well below max_lag ({m} ms)")                            \
    X(LAG_HELD, WARNING, "{database}: sessions wait: even {text} is more than max_lag ({m} ms) behind")                \
    X(LAG_RELEASED, NOTICE, "{database}: sessions no longer wait for max_lag ({m} ms): {text}")                        \
    X(LAG_ALONE, WARNING, "{database}: no standby streams: max_lag ({m} ms) cannot be kept, sessions do not wait")     \
    X(REINIT, WARNING, "reinit of {node}: {text}")                                                                     \
    X(RESTART, WARNING, "restart of {node}: {text}")                                                                   \
    X(BEATS_SILENT, WARNING, "node {node}: {n} of {m} sites hear no heartbeat any more")                               \
    X(BEATS_HEARD, NOTICE, "node {node}: its heartbeats are heard again")                                              \
    X(BEATS_HELD, WARNING, "{database}: heartbeats of {node} have stopped, but {text}")                                \
    X(LEADER, NOTICE, "{database}: {node} leads {region}: its other nodes stream from it")                             \
    X(LEADER_LOST, WARNING, "{database}: {node} no longer leads {region}: {text}")                                     \
    X(STRANDED, WARNING, "{database}: {node} cannot stream from its region's leader; it streams from the writer")      \
    X(CACHE_MOVES, WARNING, "{service}: its primary moves from {region} to {to}, epoch {n}: {text}")                   \
    X(CACHE_PRIMARY, NOTICE, "{service}: the primary of epoch {n} takes writes in {region}")                           \
    X(CACHE_TURNED, NOTICE, "{service}: the server in {region} was told what it is under epoch {n}")                   \
    X(CACHE_NOBODY, ERROR, "{service}: the primary of epoch {n} is lost and not replaced: {text}")                     \
    X(CACHE_ORDERED, NOTICE, "{service}: its primary is to move to {to}, ordered by {text}")                           \
    X(CACHE_STAYS, WARNING, "{service}: its primary does not move to {to}: {text}")                                    \
    X(TTL_LOWERED, NOTICE, "{region}: answers that lead there live {n} s: {text}")                                     \
    X(TTL_BACK, NOTICE, "{region}: answers that lead there live as long as before")

enum trace_kind {
#define TRACE_ENUM(name, severity, sentence) TRACE_##name,
    TRACE_TABLE(TRACE_ENUM)
#undef TRACE_ENUM
        TRACE_COUNT
};

enum {
    TRACE_TEXT = 128, /* the longest is a decision with its confidence and gate or warnings */
};

enum trace_severity { TRACE_ERROR, TRACE_WARNING, TRACE_NOTICE, TRACE_INFO };

struct trace {
    enum trace_kind kind;
    struct mono at;
    struct wall wall;
    uint32_t site;
    uint32_t region;
    uint32_t to; /* region */
    uint32_t node;
    uint32_t database;
    uint32_t service;
    uint32_t probe;
    uint64_t run;
    const char *step; /* constant text */
    uint64_t n;
    uint64_t m;
    uint64_t lsn;
    enum err err;
    char text[TRACE_TEXT];
};

const char *trace_name(enum trace_kind kind);
enum trace_severity trace_level(enum trace_kind kind);

/* Appends the sentence. Indices out of range print as "?". */
void trace_print(const struct trace *trace, const struct model *model, struct buf *buf);
