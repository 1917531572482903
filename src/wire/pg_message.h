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
#define PG_MESSAGE_ROW            'D'
#define PG_MESSAGE_PARSED         '1'
#define PG_MESSAGE_CLOSED         '3'
#define PG_MESSAGE_NOTICE         'N'
#define PG_MESSAGE_NOTIFICATION   'A'
#define PG_MESSAGE_COPY_IN        'G'
#define PG_MESSAGE_COPY_BOTH      'W'

/* Types sent by the client. */
#define PG_MESSAGE_QUERY     'Q'
#define PG_MESSAGE_SYNC      'S'
#define PG_MESSAGE_FUNCTION  'F'
#define PG_MESSAGE_EXECUTE   'E'
#define PG_MESSAGE_PARSE     'P'
#define PG_MESSAGE_BIND      'B'
#define PG_MESSAGE_CLOSE     'C'
#define PG_MESSAGE_DESCRIBE  'D'
#define PG_MESSAGE_PASSWORD  'p'
#define PG_MESSAGE_COPY_DATA 'd'
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

/* What an AuthenticationRequest wants of the client. Others (Kerberos, GSSAPI, SSPI) cannot be repeated by a relay. */
#define PG_MESSAGE_AUTH_OK            0U
#define PG_MESSAGE_AUTH_PLAIN         3U  /* the password itself */
#define PG_MESSAGE_AUTH_MD5           5U  /* rest: four bytes of salt */
#define PG_MESSAGE_AUTH_SASL          10U /* rest: names of mechanisms, each ended by a zero, and one more zero */
#define PG_MESSAGE_AUTH_SASL_CONTINUE 11U /* rest: the mechanism's data */
#define PG_MESSAGE_AUTH_SASL_FINAL    12U

ERR_CHECK enum err pg_message_authentication_parse(struct span body, uint32_t *ret_code, struct span *ret_rest);

/* Whether the list of an AUTH_SASL has this mechanism. */
bool pg_message_mechanism_offered(struct span list, const char *mechanism);

/* SASLInitialResponse: a password message that begins with the mechanism's name. */
ERR_CHECK enum err pg_message_sasl_initial_parse(struct span body, struct span *ret_mechanism, struct span *ret_data);

/* `severity` is ERROR or FATAL, `hint` may be NULL. */
void pg_message_error_write(struct buf *buf, const char *severity, const char *sqlstate, const char *message,
                            const char *hint);
void pg_message_ready_write(struct buf *buf, uint8_t status);
void pg_message_parameter_write(struct buf *buf, const char *name, const char *value);
void pg_message_key_write(struct buf *buf, uint32_t pid, struct span secret);
void pg_message_query_write(struct buf *buf, struct span text);
void pg_message_sync_write(struct buf *buf);
void pg_message_bind_write(struct buf *buf, const char *statement);    /* to the unnamed portal, without parameters */
void pg_message_password_write(struct buf *buf, struct span password); /* also an md5 answer; without a zero in it */

/* What a server asks of a client; `rest` as above. */
void pg_message_authentication_write(struct buf *buf, uint32_t code, struct span rest);
void pg_message_sasl_initial_write(struct buf *buf, const char *mechanism, struct span data);
void pg_message_sasl_write(struct buf *buf, struct span data);
