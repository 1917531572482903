/* SPDX-License-Identifier: Apache-2.0
 * What a session must have to live on with another server. */
#include "proxy/proxy_keep.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/buf.h"
#include "base/cursor.h"
#include "wire/pg_message.h"

enum proxy_keep_reading {
    PROXY_KEEP_NOTHING,
    PROXY_KEEP_QUERY,
    PROXY_KEEP_PARSE_FIRST, /* the first byte of a Parse tells whether it has a name */
    PROXY_KEEP_PARSE_NAME,
    PROXY_KEEP_PARSE_TEXT,
    PROXY_KEEP_BODY, /* what remains, captured or not */
    PROXY_KEEP_BIND, /* only its end is of interest */
};

enum {
    /* What a rollback undoes. The rest stays with its session: locks, prepared statements, loaded libraries. */
    PROXY_KEEP_UNDONE = PG_STATEMENT_TEMPORARY | PG_STATEMENT_CURSOR | PG_STATEMENT_CONFIG | (int)PROXY_KEEP_MIXED,
    PROXY_KEEP_STAYS = PG_STATEMENT_LOCK | PG_STATEMENT_PREPARED | PG_STATEMENT_LOADED,
    /* What is told apart for each prepared statement. */
    PROXY_KEEP_EXECUTED = PG_STATEMENT_CONTROL | PG_STATEMENT_ONCE | PG_STATEMENT_BEGIN | PG_STATEMENT_COMMIT |
                          PG_STATEMENT_ROLLBACK | PG_STATEMENT_TWO_PHASE | PG_STATEMENT_XID | PG_STATEMENT_TEMPORARY |
                          PG_STATEMENT_CURSOR | PG_STATEMENT_CONFIG,
};

struct proxy_keep *proxy_keep_new(struct span user)
{
    struct proxy_keep *keep = calloc(1, sizeof *keep);
    if (keep != NULL && user.size < sizeof keep->user) {
        memcpy(keep->user, user.data, user.size);
    }
    return keep;
}

static void proxy_keep_capture_free(struct proxy_keep *keep)
{
    if (keep->capture != NULL) {
        explicit_bzero(keep->capture, keep->capture_capacity); /* it may have been a password */
        free(keep->capture);
    }
    keep->capture = NULL;
    keep->capture_size = 0;
    keep->capture_capacity = 0;
}

void proxy_keep_free(struct proxy_keep *keep)
{
    if (keep == NULL) {
        return;
    }
    proxy_learn_free(&keep->learn);
    proxy_journal_free(&keep->journal);
    proxy_keep_capture_free(keep);
    free(keep->known.data);
    free(keep->fresh.data);
    free(keep->flight);
    free(keep);
}

/* ---- what the client's texts do ---- */

static void proxy_keep_note(struct proxy_keep *keep, enum proxy_journal_kind kind, struct span key, struct span text)
{
    uint8_t memory[PG_STATEMENT_TEXT + 16];
    struct buf message;
    buf_init(&message, memory, sizeof memory);
    pg_message_query_write(&message, text);
    ASSERT(!message.overflow);
    if (!proxy_journal_add(&keep->journal, kind, key, span_of(message.data, message.size))) {
        keep->lost |= PROXY_KEEP_FULL;
    }
}

/* Several settings in one text, or one notable statement. */
static void proxy_keep_notable(struct proxy_keep *keep)
{
    static const enum proxy_journal_kind kinds[] = {
        [PG_STATEMENT_SET] = PROXY_JOURNAL_SETTING,
        [PG_STATEMENT_RESET_ALL] = PROXY_JOURNAL_RESET_ALL,
        [PG_STATEMENT_LISTEN] = PROXY_JOURNAL_CHANNEL,
        [PG_STATEMENT_UNLISTEN] = PROXY_JOURNAL_UNLISTEN,
        [PG_STATEMENT_UNLISTEN_ALL] = PROXY_JOURNAL_UNLISTEN_ALL,
        [PG_STATEMENT_DEALLOCATE] = PROXY_JOURNAL_DEALLOCATE,
        [PG_STATEMENT_DEALLOCATE_ALL] = PROXY_JOURNAL_DEALLOCATE_ALL,
        [PG_STATEMENT_DISCARD_ALL] = PROXY_JOURNAL_DISCARD_ALL,
    };
    const struct pg_statement *statement = &keep->statement;
    if (statement->kind == PG_STATEMENT_CLOSE_ALL) {
        return; /* closes cursors; that it did so is not known before its end, so the mark stays */
    }
    const bool several = statement->notable > 1;
    const bool whole = statement->text_size <= PG_STATEMENT_TEXT && statement->statements == statement->notable;
    if (!whole || (several && statement->settings != statement->notable)) {
        keep->lost_open |= PROXY_KEEP_MIXED;
        return;
    }
    const struct span text = span_of(statement->text, statement->text_size);
    const struct span key = several                                     ? span_of(NULL, 0)
                            : statement->kind == PG_STATEMENT_RESET_ALL ? span_text("*")
                                                                        : span_text(statement->name);
    proxy_keep_note(keep, several ? PROXY_JOURNAL_SETTING : kinds[statement->kind], key, text);
}

static void proxy_keep_text(struct proxy_keep *keep, bool named)
{
    struct pg_statement *statement = &keep->statement;
    pg_statement_end(statement);
    keep->lost |= statement->marks & PROXY_KEEP_STAYS;
    keep->lost_open |= statement->marks & PROXY_KEEP_UNDONE;
    keep->flight_marks |= statement->marks;
    keep->flight_texts += statement->statements;
    if (statement->notable == 0) {
        return;
    }
    if (named) {
        keep->lost |= PROXY_KEEP_NAMED; /* when and how often it is executed is not followed */
        return;
    }
    proxy_keep_notable(keep);
}

/* ---- which statements are executed ---- */

static void proxy_keep_execute(struct proxy_keep *keep, uint32_t first, uint32_t marks, uint32_t count)
{
    if (count > 0) {
        keep->flight_first = keep->flight_units == 0 ? first : keep->flight_first;
        keep->flight_units += count;
        keep->flight_marks |= marks;
    }
}

static uint32_t proxy_keep_hash(struct span name)
{
    uint32_t hash = 2166136261U; /* FNV-1a */
    for (size_t i = 0; i < name.size; i++) {
        hash = (hash ^ name.data[i]) * 16777619U;
    }
    return hash;
}

/* Remembers the marks of a prepared statement. They only grow: two names of one hash, or one name used again, are
 * taken for what either could do. */
static void proxy_keep_name(struct proxy_keep *keep, struct span name, uint32_t marks)
{
    if (name.size == 0) {
        keep->unnamed_marks = marks;
        return;
    }
    if (marks == 0) {
        return;
    }
    const uint32_t hash = proxy_keep_hash(name);
    for (uint32_t i = 0; i < keep->names_count; i++) {
        if (keep->names[i].hash == hash) {
            keep->names[i].marks |= marks;
            return;
        }
    }
    if (keep->names_count == PROXY_KEEP_NAMES) {
        keep->names_more |= marks;
        return;
    }
    keep->names[keep->names_count++] = (struct proxy_keep_name){.hash = hash, .marks = marks};
}

/* A Bind; of its body the first bytes. */
static void proxy_keep_bind(struct proxy_keep *keep, struct span body)
{
    struct cursor cursor;
    cursor_init(&cursor, body.data, body.size);
    (void)cursor_until(&cursor, 0);
    const struct span name = cursor_until(&cursor, 0);
    const bool known = cursor_ok(&cursor);
    uint32_t marks = known && name.size == 0 ? keep->unnamed_marks : keep->names_more;
    const uint32_t hash = known ? proxy_keep_hash(name) : 0;
    for (uint32_t i = 0; i < keep->names_count; i++) {
        const bool this = !known || (name.size > 0 && keep->names[i].hash == hash);
        marks |= this ? keep->names[i].marks : 0;
    }
    keep->bound_commit = keep->bound_commit || (marks & PG_STATEMENT_COMMIT) != 0;
    keep->lost_open |= marks & PROXY_KEEP_UNDONE;
    proxy_keep_execute(keep, known ? marks : 0, marks, 1);
}

/* ---- the message that passes ---- */

static void proxy_keep_put(struct proxy_keep *keep, struct span bytes)
{
    const size_t wanted = keep->capture_size + bytes.size;
    if (keep->overflow || wanted > PROXY_KEEP_CAPTURE) {
        keep->overflow = true;
        return;
    }
    if (wanted > keep->capture_capacity) {
        uint8_t *memory = malloc(wanted + 256);
        if (memory == NULL) {
            keep->overflow = true;
            return;
        }
        const size_t size = keep->capture_size;
        if (size > 0) {
            memcpy(memory, keep->capture, size);
        }
        proxy_keep_capture_free(keep);
        keep->capture = memory;
        keep->capture_size = size;
        keep->capture_capacity = wanted + 256;
    }
    memcpy(keep->capture + keep->capture_size, bytes.data, bytes.size);
    keep->capture_size = wanted;
}

static void proxy_keep_begin(struct proxy_keep *keep, uint8_t type)
{
    keep->overflow = false;
    keep->capture_size = 0;
    switch (type) {
    case PG_MESSAGE_QUERY:
        keep->reading = PROXY_KEEP_QUERY;
        pg_statement_begin(&keep->statement);
        break;
    case PG_MESSAGE_PARSE:
        keep->reading = PROXY_KEEP_PARSE_FIRST;
        pg_statement_begin(&keep->statement);
        break;
    case PG_MESSAGE_PASSWORD:
    case PG_MESSAGE_CLOSE:
        keep->reading = PROXY_KEEP_BODY;
        break;
    case PG_MESSAGE_BIND:
        keep->reading = PROXY_KEEP_BIND;
        break;
    case PG_MESSAGE_FUNCTION:
        proxy_keep_execute(keep, PG_STATEMENT_ONCE, PG_STATEMENT_ONCE, 1);
        keep->reading = PROXY_KEEP_NOTHING;
        break;
    default:
        keep->reading = PROXY_KEEP_NOTHING;
        break;
    }
}

/* Feeds the text up to its terminator; moves on when it was there. */
static void proxy_keep_scan(struct proxy_keep *keep, struct span *bytes)
{
    const uint8_t *end = memchr(bytes->data, 0, bytes->size);
    const size_t size = end != NULL ? (size_t)(end - bytes->data) : bytes->size;
    pg_statement_feed(&keep->statement, span_of(bytes->data, size));
    const size_t taken = end != NULL ? size + 1 : size;
    bytes->data += taken;
    bytes->size -= taken;
    if (end != NULL) {
        keep->reading = PROXY_KEEP_BODY;
    }
}

static void proxy_keep_feed(struct proxy_keep *keep, const struct pg_frame *frame, struct span bytes)
{
    if (bytes.size == 0) {
        return;
    }
    const bool parse = frame->head[0] == PG_MESSAGE_PARSE;
    if (keep->reading == PROXY_KEEP_PARSE_FIRST) {
        const bool named = bytes.data[0] != 0;
        keep->reading = PROXY_KEEP_PARSE_NAME;
        if (named) {
            proxy_keep_put(keep, span_of(frame->head, sizeof frame->head));
        }
    }
    if (parse ? keep->capture_size > 0 || keep->overflow
              : keep->reading == PROXY_KEEP_BODY && frame->head[0] != PG_MESSAGE_QUERY) {
        proxy_keep_put(keep, bytes);
    }
    if (keep->reading == PROXY_KEEP_PARSE_NAME) {
        const uint8_t *end = memchr(bytes.data, 0, bytes.size);
        if (end == NULL) {
            return;
        }
        bytes = span_of(end + 1, bytes.size - (size_t)(end + 1 - bytes.data));
        keep->reading = PROXY_KEEP_PARSE_TEXT;
    }
    if ((keep->reading == PROXY_KEEP_PARSE_TEXT || keep->reading == PROXY_KEEP_QUERY) && bytes.size > 0) {
        proxy_keep_scan(keep, &bytes);
    }
}

/* A named Parse: kept whole. */
static void proxy_keep_prepared(struct proxy_keep *keep)
{
    struct cursor cursor;
    cursor_init(&cursor, keep->capture, keep->capture_size);
    cursor_skip(&cursor, PG_FRAME_HEAD);
    const struct span name = cursor_until(&cursor, 0);
    const uint32_t marks = keep->statement.marks & PROXY_KEEP_EXECUTED;
    if (cursor_ok(&cursor)) {
        proxy_keep_name(keep, name, marks);
    } else {
        keep->names_more |= marks;
    }
    if (keep->renamed) {
        return;
    }
    keep->preparing = true;
    if (keep->overflow || !cursor_ok(&cursor) ||
        !proxy_journal_add(&keep->journal, PROXY_JOURNAL_STATEMENT, name, span_of(keep->capture, keep->capture_size))) {
        keep->lost |= PROXY_KEEP_FULL;
    }
}

static void proxy_keep_end(struct proxy_keep *keep, const struct pg_frame_message *message)
{
    const bool captured = keep->capture_size > 0 || keep->overflow;
    switch (message->type) {
    case PG_MESSAGE_QUERY:
        proxy_keep_text(keep, false);
        proxy_keep_execute(keep, keep->statement.first, keep->statement.marks, keep->statement.statements);
        break;
    case PG_MESSAGE_PARSE:
        proxy_keep_text(keep, captured);
        if (captured) {
            proxy_keep_prepared(keep);
        } else {
            proxy_keep_name(keep, span_of(NULL, 0), keep->statement.marks & PROXY_KEEP_EXECUTED);
        }
        break;
    case PG_MESSAGE_BIND:
        proxy_keep_bind(keep, message->peek);
        break;
    case PG_MESSAGE_CLOSE:
        if (!keep->renamed && !keep->overflow && keep->capture_size > 2 && keep->capture[0] == 'S') {
            keep->preparing = true;
            proxy_journal_close(&keep->journal, span_of(keep->capture + 1, keep->capture_size - 2));
        }
        break;
    case PG_MESSAGE_PASSWORD:
        proxy_learn_answer(&keep->learn, span_of(keep->capture, keep->overflow ? 0 : keep->capture_size));
        proxy_keep_capture_free(keep);
        break;
    default:
        break;
    }
    keep->reading = PROXY_KEEP_NOTHING;
}

bool proxy_keep_step(struct proxy_keep *keep, struct pg_frame *frame, struct span *bytes,
                     struct pg_frame_message *ret_message)
{
    const uint8_t *start = bytes->data;
    const size_t have = frame->head_have;
    const bool ended = pg_frame_step(frame, bytes, ret_message);
    if (frame->failed) {
        return ended;
    }
    const size_t taken = (size_t)(bytes->data - start);
    const size_t wanted = PG_FRAME_HEAD - have;
    const size_t head = taken < wanted ? taken : wanted;
    if (have < PG_FRAME_HEAD && have + head == PG_FRAME_HEAD) {
        proxy_keep_begin(keep, frame->head[0]);
    }
    if (keep->reading != PROXY_KEEP_NOTHING) {
        proxy_keep_feed(keep, frame, span_of(start + head, taken - head));
    }
    if (ended && keep->reading != PROXY_KEEP_NOTHING) {
        proxy_keep_end(keep, ret_message);
    }
    return ended;
}

/* ---- what the server says ---- */

static bool proxy_keep_tag(const struct pg_frame_message *message, const char *tag)
{
    const size_t size = strlen(tag) + 1;
    return message->peek.size >= size && memcmp(message->peek.data, tag, size) == 0;
}

static void proxy_keep_settle(struct proxy_keep *keep)
{
    if (keep->journal.pending > 0) {
        if (keep->rolled_back && keep->committed) {
            keep->lost |= PROXY_KEEP_UNSURE;
        }
        proxy_journal_settle(&keep->journal, !keep->rolled_back);
    }
    keep->rolled_back = false;
    keep->committed = false;
}

void proxy_keep_undo(struct proxy_keep *keep)
{
    keep->rolled_back = true;
    keep->lost_open = 0;
    keep->bound_commit = false;
}

void proxy_keep_forget(struct proxy_keep *keep)
{
    proxy_keep_undo(keep);
    keep->xid = 0;
    proxy_keep_settle(keep);
    proxy_keep_flight_begin(keep, false);
}

void proxy_keep_took(struct proxy_keep *keep)
{
    ASSERT(keep->lost_open == 0);
    keep->committed = true;
    proxy_keep_settle(keep);
}

/* The row of a statement that asks for nothing but the transaction's number. */
static void proxy_keep_row(struct proxy_keep *keep, struct span body)
{
    struct cursor cursor;
    cursor_init(&cursor, body.data, body.size);
    const uint16_t columns = cursor_u16be(&cursor);
    const uint32_t size = cursor_u32be(&cursor);
    const struct span text = cursor_span(&cursor, size <= 20 ? size : 0);
    uint64_t xid = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return; /* binary: eight bytes, of which the first is hardly a digit */
        }
        xid = xid * 10 + (uint64_t)(text.data[i] - '0');
    }
    if (cursor_ok(&cursor) && columns == 1 && xid > 0) {
        keep->xid = xid;
    }
}

void proxy_keep_server(struct proxy_keep *keep, const struct pg_frame_message *message, bool idle)
{
    switch (message->type) {
    case PG_MESSAGE_COMPLETE:
        if (proxy_keep_tag(message, "DISCARD ALL")) {
            /* Whatever it was, it is gone; settings of the journal go when this is settled. */
            keep->lost = 0;
            keep->lost_open = 0;
            keep->flawed = false;
        } else if (keep->journal.pending > 0) {
            keep->rolled_back = keep->rolled_back || proxy_keep_tag(message, "ROLLBACK");
            keep->committed = keep->committed || proxy_keep_tag(message, "COMMIT");
        }
        break;
    case PG_MESSAGE_ERROR:
        keep->rolled_back = true;
        keep->flawed = keep->flawed || keep->preparing;
        break;
    case PG_MESSAGE_ROW:
        if ((keep->flight_marks & PG_STATEMENT_XID) != 0 && keep->flight_units == 1) {
            proxy_keep_row(keep, message->peek);
        }
        break;
    case PG_MESSAGE_PARAMETER:
        proxy_keep_parameter(&keep->known, message->peek);
        break;
    case PG_MESSAGE_READY:
        if (message->peek.size > 0 && message->peek.data[0] == PG_MESSAGE_STATUS_IDLE) {
            keep->lost |= keep->lost_open; /* also when its transaction was rolled back: too much, never too little */
            keep->lost_open = 0;
            keep->bound_commit = false;
            keep->xid = 0;
        }
        if (idle) {
            keep->preparing = false;
            proxy_keep_settle(keep);
        }
        break;
    default:
        break;
    }
}

/* ---- the verdict ---- */

bool proxy_keep_pinned(const struct proxy_keep *keep)
{
    struct proxy_journal_entry entry;
    if (keep->lost != 0 || keep->lost_open != 0 || keep->flawed || keep->journal.pending > 0) {
        return true;
    }
    for (size_t at = 0; proxy_journal_next(&keep->journal, &at, &entry);) {
        if (entry.kind != PROXY_JOURNAL_SETTING && entry.kind != PROXY_JOURNAL_STATEMENT) {
            return true;
        }
    }
    return false;
}

bool proxy_keep_laden(const struct proxy_keep *keep)
{
    struct proxy_journal_entry entry;
    for (size_t at = 0; proxy_journal_next(&keep->journal, &at, &entry);) {
        if (entry.kind == PROXY_JOURNAL_STATEMENT) {
            return true;
        }
    }
    return false;
}

struct span proxy_keep_settings(const struct proxy_keep *keep)
{
    return span_of(keep->journal.data, keep->journal.size);
}

bool proxy_keep_movable(const struct proxy_keep *keep, const char **ret_why)
{
    static const struct {
        uint32_t mark;
        const char *why;
    } reasons[] = {
        {PG_STATEMENT_TEMPORARY, "it has a temporary table"},
        {PG_STATEMENT_LOCK, "it has an advisory lock"},
        {PG_STATEMENT_CURSOR, "it has a cursor WITH HOLD"},
        {PG_STATEMENT_PREPARED, "it has a statement prepared by SQL PREPARE"},
        {PG_STATEMENT_CONFIG, "it has settings made by set_config()"},
        {PG_STATEMENT_LOADED, "it has loaded a library"},
        {PROXY_KEEP_MIXED, "it has settings made among other statements of one text, or by a very long one"},
        {PROXY_KEEP_NAMED, "it has a prepared statement that changes settings"},
        {PROXY_KEEP_UNSURE, "it has settings made in a transaction of which a part was rolled back"},
        {PROXY_KEEP_FULL, "it has more prepared statements and settings than the proxy keeps"},
    };
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if ((keep->lost & reasons[i].mark) != 0) {
            *ret_why = reasons[i].why;
            return false;
        }
    }
    return proxy_learn_complete(&keep->learn, ret_why);
}
