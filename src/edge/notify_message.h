/* SPDX-License-Identifier: Apache-2.0
 * What people are told about a run: plain data, rendered as text for reading and as JSON for programs.
 *
 * The caller fills it from what it knows; nothing is looked up, nothing is invented: a field left NULL or 0 does not
 * appear. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/time.h"

enum {
    NOTIFY_MESSAGE_STEPS = 64,
    NOTIFY_MESSAGE_INCIDENT = 256, /* bytes of the de-duplication key, terminator included (PagerDuty's limit) */
    NOTIFY_MESSAGE_TEXT = 8 * 1024,
};

enum notify_message_phase {
    NOTIFY_MESSAGE_INITIATED,
    NOTIFY_MESSAGE_PROGRESS,
    NOTIFY_MESSAGE_SUCCESS,
    NOTIFY_MESSAGE_FAILED,
};

/* Rising: what is dropped first when the spool is full comes first. */
enum notify_message_severity {
    NOTIFY_MESSAGE_INFO,
    NOTIFY_MESSAGE_WARNING,
    NOTIFY_MESSAGE_ERROR,
    NOTIFY_MESSAGE_CRITICAL,
};

enum notify_message_state {
    NOTIFY_MESSAGE_PENDING,
    NOTIFY_MESSAGE_RUNNING,
    NOTIFY_MESSAGE_DONE,
    NOTIFY_MESSAGE_STEP_FAILED,
    NOTIFY_MESSAGE_SKIPPED,
};

struct notify_message_step {
    const char *name; /* "Traffic shifting" */
    enum notify_message_state state;
    const char *detail; /* "50 % complete"; may be NULL */
};

struct notify_message {
    const char *incident; /* the same for all messages of one incident: receivers group by it */
    enum notify_message_phase phase;
    enum notify_message_severity severity;
    const char *system;    /* `name` of the configuration */
    const char *operation; /* "failover", "switchover", "failback", "drill", "durability" (of a database, no run) */
    const char *run;       /* its id */
    const char *source;    /* regions */
    const char *target;
    bool automatic;
    const char *reason;
    const char *status; /* "IN_PROGRESS" */
    struct wall started;
    struct wall now;
    struct wall estimated_completion; /* 0: unknown */
    const struct notify_message_step *steps;
    size_t step_count;
    const char *const *on_call;
    size_t on_call_count;
    const char *channel; /* "#incident-failover-20251025" */
};

/* "REGIONAL FAILOVER INITIATED" and the lines below it, for a chat, a mail or a screen. */
void notify_message_print(const struct notify_message *message, struct buf *text);

/* The JSON object that receivers get: every field, and the text. Allocated; free() it. ERR_NO_MEMORY; ERR_INVALID: no
 * incident, one that is too long, or text that is not UTF-8. */
ERR_CHECK enum err notify_message_json(const struct notify_message *message, char **ret_json);

/* What the spool must know of a stored message. ERR_CONTENT: not one of ours. */
ERR_CHECK enum err notify_message_peek(const char *json, char incident[NOTIFY_MESSAGE_INCIDENT],
                                       enum notify_message_severity *ret_severity);
