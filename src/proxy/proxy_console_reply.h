/* SPDX-License-Identifier: Apache-2.0
 * What the console answers: messages of the server's side of PostgreSQL's protocol, in memory that grows.
 *
 * All values are text. One owner, one thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

enum {
    PROXY_CONSOLE_REPLY_BYTES = 64 * 1024 * 1024, /* of one answer: 65,000 clients take a quarter of it */
    PROXY_CONSOLE_REPLY_ROW = 2048,               /* of one row; longer ones end the answer */
};

struct proxy_console_reply {
    uint8_t *data;
    size_t size;
    size_t capacity;
    bool failed; /* sticky: no memory, or too much */
};

void proxy_console_reply_free(struct proxy_console_reply *reply);
void proxy_console_reply_bytes(struct proxy_console_reply *reply, struct span bytes);

/* RowDescription; `names` ends with NULL. DataRow: as many values. CommandComplete. */
void proxy_console_reply_columns(struct proxy_console_reply *reply, const char *const *names);
void proxy_console_reply_row(struct proxy_console_reply *reply, const char *const *values, uint32_t count);
void proxy_console_reply_complete(struct proxy_console_reply *reply, const char *tag);

void proxy_console_reply_error(struct proxy_console_reply *reply, const char *sqlstate, const char *text);

/* The last thing that is said: who gets it is hung up on. */
void proxy_console_reply_fatal(struct proxy_console_reply *reply, const char *sqlstate, const char *text);

void proxy_console_reply_ready(struct proxy_console_reply *reply);

/* ParameterStatus messages and the first ReadyForQuery. */
void proxy_console_reply_welcome(struct proxy_console_reply *reply);
