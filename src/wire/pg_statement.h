/* SPDX-License-Identifier: Apache-2.0
 * What the text of a statement leaves behind in its session, told from its words as they pass.
 *
 * A relay that moves a session to another server must know what the session has there that a new one has not: settings,
 * channels, prepared statements, and what cannot be moved at all (temporary tables, advisory locks, cursors). This is a
 * scanner of words, not a parser: it knows comments, strings and quoted names, and looks at the first words of each
 * statement and at a few words anywhere. What functions do inside cannot be seen; a DO block's body is looked at. When
 * in doubt it marks too much, never too little for text that it can see.
 *
 * The text may come in pieces of any size; only its first bytes are kept. One owner, one thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

enum {
    PG_STATEMENT_TEXT = 256, /* bytes of the text that are kept */
    PG_STATEMENT_WORD = 64,  /* bytes of a word; longer ones are cut */
    PG_STATEMENT_WORDS = 4,  /* words of each statement that are kept */
};

/* What a session has that does not move; and what a relay must know before it sends a text again. */
enum pg_statement_mark {
    PG_STATEMENT_TEMPORARY = 1, /* a temporary table, view or sequence */
    PG_STATEMENT_LOCK = 2,      /* an advisory lock of the session */
    PG_STATEMENT_CURSOR = 4,    /* a cursor WITH HOLD */
    PG_STATEMENT_PREPARED = 8,  /* a statement prepared by SQL, not by the protocol */
    PG_STATEMENT_CONFIG = 16,   /* set_config(): which setting, and for how long, is not told from words */
    PG_STATEMENT_LOADED = 32,   /* LOAD */
    PG_STATEMENT_CONTROL = 64,  /* BEGIN, COMMIT, ROLLBACK, SAVEPOINT and relatives */
    PG_STATEMENT_ONCE = 128,    /* it may have done something when it fails with all that it wrote rolled back */
    /* Of CONTROL, more exactly. */
    PG_STATEMENT_BEGIN = 256,      /* also START TRANSACTION */
    PG_STATEMENT_COMMIT = 512,     /* also END and PREPARE TRANSACTION */
    PG_STATEMENT_ROLLBACK = 1024,  /* also ABORT; of the whole transaction */
    PG_STATEMENT_TWO_PHASE = 2048, /* PREPARE TRANSACTION, COMMIT PREPARED, ROLLBACK PREPARED */
    PG_STATEMENT_XID = 4096,       /* a function that tells the transaction's number */
};

/* A statement that a session can do again elsewhere, or that undoes one. */
enum pg_statement_kind {
    PG_STATEMENT_PLAIN, /* nothing of that */
    PG_STATEMENT_SET,   /* also RESET of one setting: `name` is the setting's */
    PG_STATEMENT_RESET_ALL,
    PG_STATEMENT_LISTEN, /* `name` is the channel's */
    PG_STATEMENT_UNLISTEN,
    PG_STATEMENT_UNLISTEN_ALL,
    PG_STATEMENT_DEALLOCATE, /* `name` is the statement's */
    PG_STATEMENT_DEALLOCATE_ALL,
    PG_STATEMENT_CLOSE_ALL,
    PG_STATEMENT_DISCARD_ALL,
};

struct pg_statement_word {
    uint8_t size;
    bool quoted;
    char text[PG_STATEMENT_WORD];
};

struct pg_statement {
    /* The result, once pg_statement_end was called. */
    uint32_t marks;
    uint32_t first;              /* the marks of the first statement alone */
    uint32_t statements;         /* that are not empty */
    uint32_t notable;            /* of these: not PLAIN */
    uint32_t settings;           /* of these: SET */
    enum pg_statement_kind kind; /* of the last notable one */
    char name[PG_STATEMENT_WORD];
    uint32_t text_size; /* of the whole text */
    char text[PG_STATEMENT_TEXT];
    /* The scanner. */
    uint8_t state;
    bool escapes;   /* in a string: a backslash counts */
    bool skip;      /* the next byte is part of a pair */
    bool block;     /* inside a DO block */
    uint8_t last;   /* the byte before, in comments and between words */
    uint32_t depth; /* of comments */
    uint8_t words_count;
    struct pg_statement_word words[PG_STATEMENT_WORDS];
    struct pg_statement_word word; /* the present one */
    struct pg_statement_word previous;
    struct pg_statement_word tag; /* of the dollar-quoted string that we are in */
};

void pg_statement_begin(struct pg_statement *statement);
void pg_statement_feed(struct pg_statement *statement, struct span bytes);
void pg_statement_end(struct pg_statement *statement);
