/* SPDX-License-Identifier: Apache-2.0
 * The world's mistakes as values: one table of codes, with a text and whether trying again can help.
 *
 * Functions of edge and wire return enum err (ERR_OK is 0) and set their `ret_` outputs only on success. */
#pragma once

#include <stdbool.h>

/* X(name, text, retry) - append only: the number is stored in journals. */
#define ERR_TABLE(X)                                                                                                   \
    X(OK, "ok", false)                                                                                                 \
    X(INVALID, "invalid input", false)                                                                                 \
    X(TOO_LARGE, "larger than the limit", false)                                                                       \
    X(NO_MEMORY, "out of memory", true)                                                                                \
    X(NOT_FOUND, "not found", false)                                                                                   \
    X(EXISTS, "exists already", false)                                                                                 \
    X(CONFLICT, "changed by somebody else meanwhile", true)                                                            \
    X(REFUSED, "connection refused", true)                                                                             \
    X(RESET, "connection reset by the peer", true)                                                                     \
    X(CLOSED, "connection closed by the peer", true)                                                                   \
    X(TIMEOUT, "timed out", true)                                                                                      \
    X(UNREACHABLE, "network or host unreachable", true)                                                                \
    X(NAME, "name does not resolve", true)                                                                             \
    X(TLS, "TLS handshake failed", true)                                                                               \
    X(CERTIFICATE, "certificate not valid", false)                                                                     \
    X(AUTH, "authentication failed", false)                                                                            \
    X(PROTOCOL, "the peer does not follow the protocol", false)                                                        \
    X(STATUS, "unexpected status", true)                                                                               \
    X(CONTENT, "unexpected content", true)                                                                             \
    X(ROLE, "unexpected role", true)                                                                                   \
    X(LAG, "replication lag above the limit", true)                                                                    \
    X(SLOW, "slower than the limit", true)                                                                             \
    X(LIMIT, "value outside its limits", true)                                                                         \
    X(PERMISSION, "permission denied", false)                                                                          \
    X(DISK_FULL, "no space left on the device", true)                                                                  \
    X(IO, "input/output error", true)                                                                                  \
    X(IN_USE, "address or file already in use", true)                                                                  \
    X(MISSING_PROGRAM, "program not found", false)                                                                     \
    X(EXIT_STATUS, "the program failed", true)                                                                         \
    X(QUEUE_FULL, "queue full", true)                                                                                  \
    X(UNAVAILABLE, "not available now", true)                                                                          \
    X(FENCED, "fenced: an older epoch", false)                                                                         \
    X(STALE, "older than allowed", true)                                                                               \
    X(CANCELLED, "cancelled", false)                                                                                   \
    X(UNSUPPORTED, "not supported", false)                                                                             \
    X(INTERNAL, "unexpected failure", false)                                                                           \
    X(NOT_LEADER, "another controller leads", true)                                                                    \
    X(NO_LEADER, "no controller leads now", true)

enum err {
#define ERR_ENUM(name, text, retry) ERR_##name,
    ERR_TABLE(ERR_ENUM)
#undef ERR_ENUM
        ERR_COUNT
};

#define ERR_CHECK __attribute__((warn_unused_result))

/* The operator's words for a code, e.g. "connection refused". Never NULL, also for an unknown number. */
const char *err_text(enum err err);

/* The stable name of a code, e.g. "REFUSED"; used in JSON, metrics and traces. */
const char *err_name(enum err err);

/* Whether the same call may succeed later without anybody changing anything. */
bool err_retry(enum err err);

/* The code for an errno value. Values without a row of their own become ERR_IO. */
enum err err_from_errno(int number);

/* The code with this stable name; ERR_INTERNAL when there is none. */
enum err err_from_name(const char *name);
