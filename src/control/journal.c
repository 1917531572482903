/* SPDX-License-Identifier: Apache-2.0
 * The order of things: persist, publish, act. */
#include "control/journal.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/list.h"
#include "edge/clock.h"
#include "edge/log.h"

#define JOURNAL_KEY      "engine"
#define JOURNAL_TERM_KEY "leader/term"

enum {
    JOURNAL_RETRY_MS = 500,
    JOURNAL_READ_RETRY_MS = 100,
    JOURNAL_BATCHES = 512,   /* outputs that wait for a store that cannot write */
    JOURNAL_STALE_MS = 1000, /* past its time-out the engine has given an action up, and asks again */
    JOURNAL_SENTENCE = 512,
    JOURNAL_TEXT = 768,
    JOURNAL_TELLS = 8, /* notifications of one step */
    JOURNAL_TELL_BYTES = 256 * 1024,
};

/* One output, on its way. */
struct journal_batch {
    struct list link;
    struct mono at;
    bool persist;
    bool publish;
    uint32_t actions_count;
    uint32_t traces_count;
    struct view view;
    struct action *actions;
    struct trace *traces;
    uint32_t tells_count;
    struct store_write tells[JOURNAL_TELLS];
    bool noted;
    struct store_write note;
    struct arena memory; /* of their texts */
};

enum journal_commit { JOURNAL_IDLE, JOURNAL_SENT, JOURNAL_ANSWERED };

/* Why the record is read. */
enum journal_read {
    JOURNAL_READ_NONE,
    JOURNAL_READ_LEAD,   /* the former leader's */
    JOURNAL_READ_SETTLE, /* a commit whose fate is unknown: was it written? */
};

struct journal {
    struct store *store;
    struct journal_sink sink;
    struct list waiting; /* batches not in a commit yet, oldest first */
    struct list committing;
    struct durable newest; /* state after the newest batch */
    struct model model;    /* to print traces */
    uint64_t revision;     /* of the record */
    bool lost;
    bool complained;
    uint64_t dropped; /* outputs that gave way since the store could last be written */
    struct mono retry_at;
    pthread_mutex_t lock;
    enum journal_commit commit;
    enum err answer;
    uint64_t answer_revision;
    uint64_t term_revision; /* 0: the only controller */
    bool follows;           /* nothing was read yet: outputs are only said */
    bool led;               /* for journal_led */
    enum journal_read read;
    bool stored_any;
    struct durable stored; /* as read */
    struct durable sent;   /* with the last commit that persists */
};

static enum err journal_load(struct store *store, struct durable **ret_durable, uint64_t *ret_revision)
{
    struct durable *durable = malloc(sizeof *durable + 1);
    if (durable == NULL) {
        return ERR_NO_MEMORY;
    }
    const struct store_request request = {.ask = STORE_GET, .key = JOURNAL_KEY};
    struct store_answer answer = {0};
    enum err err = store_call(store, &request, &answer);
    if (err == ERR_OK && answer.record_count == 1) {
        const struct store_record *record = &answer.records[0];
        err = durable_read(record->value.data, record->value.size, durable) ? ERR_OK : ERR_INVALID;
        *ret_revision = record->revision;
    }
    store_answer_fini(&answer);
    if (err != ERR_OK) {
        free(durable);
        *ret_durable = NULL;
        *ret_revision = 0;
        return err == ERR_NOT_FOUND ? ERR_OK : err;
    }
    *ret_durable = durable;
    return ERR_OK;
}

enum err journal_open(struct store *store, const struct journal_sink *sink, struct durable **ret_durable,
                      struct journal **ret_journal)
{
    struct journal *journal = calloc(1, sizeof *journal);
    if (journal == NULL) {
        return ERR_NO_MEMORY;
    }
    const enum err err = journal_load(store, ret_durable, &journal->revision);
    if (err != ERR_OK) {
        free(journal);
        return err;
    }
    journal->store = store;
    journal->sink = *sink;
    list_init(&journal->waiting);
    list_init(&journal->committing);
    pthread_mutex_init(&journal->lock, NULL);
    *ret_journal = journal;
    return ERR_OK;
}

enum err journal_follow(struct store *store, const struct journal_sink *sink, struct journal **ret_journal)
{
    struct journal *journal = calloc(1, sizeof *journal);
    if (journal == NULL) {
        return ERR_NO_MEMORY;
    }
    journal->store = store;
    journal->sink = *sink;
    journal->follows = true;
    list_init(&journal->waiting);
    list_init(&journal->committing);
    pthread_mutex_init(&journal->lock, NULL);
    *ret_journal = journal;
    return ERR_OK;
}

void journal_lead(struct journal *journal, uint64_t term_revision)
{
    ASSERT(journal->follows && term_revision != 0);
    journal->term_revision = term_revision;
    journal->read = JOURNAL_READ_LEAD;
    journal->retry_at = clock_mono();
}

bool journal_led(struct journal *journal, const struct durable **ret_durable)
{
    const bool led = journal->led;
    journal->led = false;
    *ret_durable = journal->stored_any ? &journal->stored : NULL;
    return led;
}

static bool journal_leads(const struct journal *journal)
{
    return journal->sink.leads == NULL || journal->sink.leads(journal->sink.context);
}

static void journal_batch_free(struct journal_batch *batch)
{
    list_remove(&batch->link);
    arena_fini(&batch->memory);
    free(batch->actions);
    free(batch->traces);
    free(batch);
}

void journal_close(struct journal *journal)
{
    if (journal == NULL) {
        return;
    }
    while (!list_empty(&journal->waiting)) {
        journal_batch_free(LIST_ENTRY(journal->waiting.next, struct journal_batch, link));
    }
    while (!list_empty(&journal->committing)) {
        journal_batch_free(LIST_ENTRY(journal->committing.next, struct journal_batch, link));
    }
    pthread_mutex_destroy(&journal->lock);
    free(journal);
}

static void *journal_copy(const void *data, size_t count, size_t size)
{
    void *copy = calloc(count > 0 ? count : 1, size);
    ASSERT(copy != NULL); /* without memory for what was decided there is no going on: the journal restores it */
    memcpy(copy, data, count * size);
    return copy;
}

static enum log_level journal_level(const struct trace *trace)
{
    static const enum log_level levels[] = {LOG_ERROR, LOG_WARNING, LOG_NOTICE, LOG_INFO};
    return levels[trace_level(trace->kind)];
}

static void journal_say(const struct journal *journal, const struct trace *trace)
{
    uint8_t sentence[JOURNAL_SENTENCE];
    struct buf said;
    buf_init(&said, sentence, sizeof sentence);
    trace_print(trace, &journal->model, &said);
    log_write(journal_level(trace), "%s", buf_string(&said));
}

static void journal_say_all(struct journal *journal, const struct engine *engine, const struct output *output)
{
    journal->model = engine->model;
    for (uint32_t i = 0; i < output->traces_count; i++) {
        journal_say(journal, &output->traces[i]);
    }
    if (output->traces_lost > 0) {
        LOG_W("%u traces of one step did not fit and were lost", output->traces_lost);
    }
}

static void journal_tell(const struct journal *journal, struct journal_batch *batch)
{
    for (uint32_t i = 0; i < batch->actions_count && batch->tells_count < JOURNAL_TELLS; i++) {
        if (batch->actions[i].kind == ACTION_NOTIFY &&
            journal->sink.tell(journal->sink.context, &batch->actions[i], &batch->memory,
                               &batch->tells[batch->tells_count])) {
            batch->tells_count++;
        }
    }
}

/* A store that cannot write for hours must not cost the controller its memory. The oldest outputs give way: the engine
 * asks for their actions again, a newer view says what theirs did, the log has their sentences. */
static void journal_bound(struct journal *journal, struct list *batches)
{
    uint32_t count = 0;
    LIST_EACH(link, batches)
    {
        count++;
    }
    for (; count > JOURNAL_BATCHES; count--) {
        struct journal_batch *oldest = LIST_ENTRY(batches->next, struct journal_batch, link);
        struct journal_batch *next = LIST_ENTRY(oldest->link.next, struct journal_batch, link);
        next->persist |= oldest->persist;
        next->publish |= oldest->publish;
        journal->dropped++;
        journal_batch_free(oldest);
    }
}

/* Waits for the next commit. */
static struct journal_batch *journal_batch_new(struct journal *journal)
{
    struct journal_batch *batch = calloc(1, sizeof *batch);
    ASSERT(batch != NULL);
    batch->at = clock_mono();
    arena_init(&batch->memory, JOURNAL_TELL_BYTES);
    list_init(&batch->link);
    list_append(&journal->waiting, &batch->link);
    return batch;
}

void journal_take(struct journal *journal, const struct engine *engine, const struct output *output)
{
    if (!output->persist && !output->publish && output->actions_count == 0 && output->traces_count == 0) {
        return;
    }
    if (journal->follows || !journal_leads(journal)) {
        journal_say_all(journal, engine, output);
        return;
    }
    struct journal_batch *batch = journal_batch_new(journal);
    batch->persist = output->persist;
    batch->publish = output->publish;
    batch->actions_count = output->actions_count;
    batch->traces_count = output->traces_count;
    batch->actions = journal_copy(output->actions, output->actions_count, sizeof output->actions[0]);
    batch->traces = journal_copy(output->traces, output->traces_count, sizeof output->traces[0]);
    batch->view = *engine_view(engine);
    journal_tell(journal, batch);
    journal_bound(journal, &journal->waiting);
    if (output->persist) {
        journal->newest = engine->durable;
    }
    journal_say_all(journal, engine, output);
}

/* {"text": SENTENCE, ...}: names, not numbers, so that an entry still says the same under another configuration. */
static void journal_entry(const struct journal_note *note, char *text, size_t size)
{
    struct buf json;
    buf_init(&json, text, size);
    buf_printf(&json, "{\"kind\":\"%s\",\"boot_us\":%lld,\"run\":%llu,\"text\":\"", note->kind, (long long)note->at.us,
               (unsigned long long)note->run);
    for (const char *at = note->text; *at != 0; at++) {
        const uint8_t byte = (uint8_t)*at;
        if (byte == '"' || byte == '\\') {
            buf_u8(&json, '\\');
        }
        buf_u8(&json, byte < ' ' ? ' ' : byte);
    }
    buf_text(&json, "\"}");
}

void journal_note(struct journal *journal, const struct journal_note *note)
{
    log_write(LOG_NOTICE, "%s", note->text);
    if (journal->follows || !journal_leads(journal)) {
        return;
    }
    char text[JOURNAL_TEXT];
    char run[24];
    ASSERT(strlen(note->text) < JOURNAL_SENTENCE);
    journal_entry(note, text, sizeof text);
    snprintf(run, sizeof run, "%llu", (unsigned long long)note->run);
    struct journal_batch *batch = journal_batch_new(journal);
    batch->noted = true;
    batch->note = (struct store_write){.verb = STORE_APPEND,
                                       .kind = note->kind,
                                       .run = note->run != 0 ? arena_text(&batch->memory, run) : NULL,
                                       .wall = note->wall,
                                       .value = span_text(arena_text(&batch->memory, text))};
    journal_bound(journal, &journal->waiting);
}

struct journal_request {
    struct store_write writes[STORE_WRITES];
    char texts[STORE_WRITES][JOURNAL_TEXT];
    char runs[STORE_WRITES][24];
    size_t count;
};

static void journal_append(struct journal *journal, struct journal_request *request, const struct trace *trace)
{
    if (request->count == STORE_WRITES) {
        return; /* the log has it */
    }
    const size_t at = request->count++;
    uint8_t sentence[JOURNAL_SENTENCE];
    struct buf said;
    buf_init(&said, sentence, sizeof sentence);
    trace_print(trace, &journal->model, &said);
    const struct journal_note note = {
        .kind = trace_name(trace->kind), .text = buf_string(&said), .run = trace->run, .at = trace->at};
    journal_entry(&note, request->texts[at], JOURNAL_TEXT);
    snprintf(request->runs[at], sizeof request->runs[at], "%llu", (unsigned long long)trace->run);
    request->writes[at] = (struct store_write){.verb = STORE_APPEND,
                                               .kind = trace_name(trace->kind),
                                               .run = trace->run != 0 ? request->runs[at] : NULL,
                                               .wall = trace->wall,
                                               .value = span_text(request->texts[at])};
}

static void journal_mark(struct journal *journal, enum journal_commit commit)
{
    pthread_mutex_lock(&journal->lock);
    journal->commit = commit;
    pthread_mutex_unlock(&journal->lock);
}

static void journal_answer(struct journal *journal, enum err answer, uint64_t revision)
{
    pthread_mutex_lock(&journal->lock);
    journal->commit = JOURNAL_ANSWERED;
    journal->answer = answer;
    journal->answer_revision = revision;
    pthread_mutex_unlock(&journal->lock);
    journal->sink.wake(journal->sink.context);
}

static void journal_done(void *context, struct store_answer *answer)
{
    journal_answer(context, answer->err, answer->revision);
}

static void journal_complain(struct journal *journal, enum err err)
{
    if (!journal->complained) {
        LOG_E("store: %s: nothing is decided or done until it can be written again%s", err_text(err),
              err == ERR_DISK_FULL ? "; free space on the disk of store.path" : "");
    }
    journal->complained = true;
}

/* Everything that waits, in one commit. */
static void journal_submit(struct journal *journal)
{
    static struct journal_request request; /* decision thread only; too large for a stack */
    bool persist = false;
    request.count = 1;
    if (journal->term_revision != 0) {
        request.writes[request.count++] =
            (struct store_write){.verb = STORE_CHECK, .key = JOURNAL_TERM_KEY, .expected = journal->term_revision};
    }
    const size_t fixed = request.count;
    LIST_EACH(link, &journal->committing)
    {
        const struct journal_batch *batch = LIST_ENTRY(link, struct journal_batch, link);
        persist |= batch->persist;
        if (batch->noted && request.count < STORE_WRITES) {
            request.writes[request.count++] = batch->note;
        }
        for (uint32_t i = 0; i < batch->tells_count && request.count < STORE_WRITES; i++) {
            request.writes[request.count++] = batch->tells[i];
        }
        for (uint32_t i = 0; i < batch->traces_count; i++) {
            journal_append(journal, &request, &batch->traces[i]);
        }
    }
    request.writes[0] = (struct store_write){.verb = STORE_PUT,
                                             .key = JOURNAL_KEY,
                                             .expected = journal->revision,
                                             .value = span_of(&journal->newest, sizeof journal->newest)};
    if (!persist && request.count == fixed) {
        journal_answer(journal, ERR_OK, journal->revision);
        return;
    }
    if (persist) {
        journal->sent = journal->newest;
    }
    const size_t skip = persist ? 0 : 1;
    const struct store_request commit = {
        .ask = STORE_COMMIT, .writes = request.writes + skip, .write_count = request.count - skip};
    journal_mark(journal, JOURNAL_SENT);
    const enum err err = store_submit(journal->store, &commit, journal_done, journal);
    if (err != ERR_OK) {
        journal_answer(journal, err, 0);
    }
}

/* Held back for so long that the engine has given it up: it asks again. */
static bool journal_stale(const struct journal_batch *batch, const struct action *action)
{
    return action->timeout_ms != 0 &&
           time_since_ms(clock_mono(), batch->at) > (int64_t)action->timeout_ms + JOURNAL_STALE_MS;
}

static void journal_release(struct journal *journal)
{
    while (!list_empty(&journal->committing) && journal_leads(journal)) {
        struct journal_batch *batch = LIST_ENTRY(journal->committing.next, struct journal_batch, link);
        if (batch->publish) {
            journal->sink.publish(journal->sink.context, &batch->view);
        }
        for (uint32_t i = 0; i < batch->actions_count; i++) {
            if (batch->actions[i].kind != ACTION_NOTIFY && !journal_stale(batch, &batch->actions[i])) {
                journal->sink.act(journal->sink.context, &batch->actions[i]);
            }
        }
        if (batch->tells_count > 0) {
            journal->sink.told(journal->sink.context);
        }
        journal_batch_free(batch);
    }
}

static void journal_answered(struct journal *journal)
{
    bool persisted = false;
    LIST_EACH(link, &journal->committing)
    {
        persisted |= LIST_ENTRY(link, struct journal_batch, link)->persist;
    }
    if (journal->answer == ERR_OK) {
        if (persisted) {
            journal->revision = journal->answer_revision;
        }
        if (journal->complained) {
            LOG_N("store: it can be written again; %llu steps of what happened meanwhile are in the log only",
                  (unsigned long long)journal->dropped);
            journal->dropped = 0;
        }
        journal->complained = false;
        journal_release(journal);
        return;
    }
    if (journal->answer == ERR_CONFLICT) {
        LOG_E("store: another controller %s: ending", journal->term_revision != 0
                                                          ? "leads, or has written the record"
                                                          : "has written this controller's record");
        journal->lost = true;
        return;
    }
    if (journal->answer == ERR_IO && persisted) {
        journal->read = JOURNAL_READ_SETTLE;
    }
    journal_complain(journal, journal->answer);
    journal_bound(journal, &journal->committing);
    journal->retry_at = time_add_ms(clock_mono(), JOURNAL_RETRY_MS);
}

/* ---- reading the record ---- */

static void journal_read_done(void *context, struct store_answer *answer)
{
    struct journal *journal = context;
    enum err err = answer->err;
    if (err == ERR_OK) {
        const struct store_record *record = &answer->records[0];
        err = durable_read(record->value.data, record->value.size, &journal->stored) ? ERR_OK : ERR_INVALID;
        journal_answer(journal, err, record->revision);
        return;
    }
    journal_answer(journal, err, 0);
}

static void journal_read_submit(struct journal *journal)
{
    const struct store_request request = {.ask = STORE_GET, .key = JOURNAL_KEY};
    journal_mark(journal, JOURNAL_SENT);
    const enum err err = store_submit(journal->store, &request, journal_read_done, journal);
    if (err != ERR_OK) {
        journal_answer(journal, err, 0);
    }
}

/* The record tells what became of a commit that got no answer. */
static void journal_settled(struct journal *journal)
{
    const bool there = journal->answer == ERR_OK;
    if ((there ? journal->answer_revision : 0) == journal->revision) {
        journal->retry_at = clock_mono(); /* it was not written: once more */
    } else if (there && journal->stored.sequence == journal->sent.sequence &&
               journal->stored.checksum == journal->sent.checksum) {
        journal_answered(journal);
    } else {
        LOG_E("store: another controller has written the record: ending");
        journal->lost = true;
    }
}

static void journal_read_answered(struct journal *journal)
{
    const enum journal_read read = journal->read;
    journal->read = JOURNAL_READ_NONE;
    if (journal->answer == ERR_INVALID) {
        LOG_E("store: the controller's record is harmed, or of another version of holdfast: nobody can lead");
        journal->lost = true;
    } else if (journal->answer != ERR_OK && journal->answer != ERR_NOT_FOUND) {
        journal->read = read;
        journal->retry_at = time_add_ms(clock_mono(), JOURNAL_READ_RETRY_MS);
    } else if (read == JOURNAL_READ_SETTLE) {
        journal_settled(journal);
    } else {
        journal->stored_any = journal->answer == ERR_OK;
        journal->revision = journal->stored_any ? journal->answer_revision : 0;
        journal->follows = false;
        journal->led = true;
    }
}

/* ---- moving on ---- */

static enum journal_commit journal_take_answer(struct journal *journal)
{
    pthread_mutex_lock(&journal->lock);
    const enum journal_commit commit = journal->commit;
    if (commit == JOURNAL_ANSWERED) {
        journal->commit = JOURNAL_IDLE;
    }
    pthread_mutex_unlock(&journal->lock);
    return commit;
}

static void journal_commit_next(struct journal *journal)
{
    while (!list_empty(&journal->waiting)) {
        struct list *link = journal->waiting.next;
        list_remove(link);
        list_append(&journal->committing, link);
    }
    if (!list_empty(&journal->committing)) {
        journal_submit(journal);
    }
}

void journal_step(struct journal *journal)
{
    if (journal->lost || !journal_leads(journal)) {
        return; /* a right that has ended does not come back: what waits is never done */
    }
    const enum journal_commit commit = journal_take_answer(journal);
    if (commit == JOURNAL_SENT) {
        return;
    }
    if (commit == JOURNAL_ANSWERED && journal->read != JOURNAL_READ_NONE) {
        journal_read_answered(journal);
    } else if (commit == JOURNAL_ANSWERED) {
        journal_answered(journal);
    }
    const bool again = !list_empty(&journal->committing) || journal->read != JOURNAL_READ_NONE;
    if (journal->lost || (again && !time_reached(clock_mono(), journal->retry_at))) {
        return;
    }
    if (journal->read != JOURNAL_READ_NONE) {
        journal_read_submit(journal);
    } else {
        journal_commit_next(journal);
    }
}

bool journal_idle(const struct journal *journal)
{
    return list_empty(&journal->waiting) && list_empty(&journal->committing);
}

bool journal_lost(const struct journal *journal)
{
    return journal->lost;
}
