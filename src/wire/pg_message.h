/* SPDX-License-Identifier: Apache-2.0
 * The few typed PostgreSQL messages that a proxy reads or writes itself, and the SQLSTATEs it uses.
 *
 * Parsers take a message's body (without type and length); spans point into it. Writers append a whole message. Pure
 * functions, any thread. (PostgreSQL documentation, "Message Formats" and "Error and Notice Message Fields".) */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

/* Types sent by the server. */
#define PG_MESSAGE_AUTHENTICATION 'R'
#define PG_MESSAGE_KEY            'K'
#define PG_MESSAGE_PARAMETER      'S'
#define PG_MESSAGE_READY          'Z'
#define PG_MESSAGE_ERROR          'E'
#define PG_MESSAGE_COMPLETE       'C'

/* Types sent by the client. */
#define PG_MESSAGE_QUERY     'Q'
#define PG_MESSAGE_SYNC      'S'
#define PG_MESSAGE_FUNCTION  'F'
#define PG_MESSAGE_EXECUTE   'E'
#define PG_MESSAGE_COPY_DONE 'c'
#define PG_MESSAGE_COPY_FAIL 'f'
#define PG_MESSAGE_TERMINATE 'X'

#define PG_MESSAGE_STATUS_IDLE        'I' /* outside a transaction */
#define PG_MESSAGE_STATUS_TRANSACTION 'T'
#define PG_MESSAGE_STATUS_FAILED      'E' /* in a transaction that can only be rolled back */

enum {
    PG_MESSAGE_SQLSTATE = 6, /* five characters and the terminator */
};

struct pg_message_error {
    struct span severity; /* the untranslated one where the server sends it */
    char sqlstate[PG_MESSAGE_SQLSTATE];
    struct span message; /* empty when it was beyond the bytes given */
};

/* ErrorResponse or NoticeResponse. Works on the first bytes of a body as well: only severity and SQLSTATE must be
 * inside them. ERR_PROTOCOL: no SQLSTATE found. */
ERR_CHECK enum err pg_message_error_parse(struct span body, struct pg_message_error *ret_error);

/* ReadyForQuery: one of the PG_MESSAGE_STATUS_ characters. */
ERR_CHECK enum err pg_message_ready_parse(struct span body, uint8_t *ret_status);

ERR_CHECK enum err pg_message_parameter_parse(struct span body, struct span *ret_name, struct span *ret_value);

/* BackendKeyData: process id and secret (4 bytes, up to 256 from protocol 3.2 on). */
ERR_CHECK enum err pg_message_key_parse(struct span body, uint32_t *ret_pid, struct span *ret_secret);

/* `severity` is ERROR or FATAL, `hint` may be NULL. */
void pg_message_error_write(struct buf *buf, const char *severity, const char *sqlstate, const char *message,
                            const char *hint);
void pg_message_ready_write(struct buf *buf, uint8_t status);
void pg_message_parameter_write(struct buf *buf, const char *name, const char *value);
void pg_message_key_write(struct buf *buf, uint32_t pid, struct span secret);
