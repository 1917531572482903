/* SPDX-License-Identifier: Apache-2.0
 * Commits: the transaction, what its answer means, sending it again. */
#include "edge/store_etcd_commit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "edge/clock.h"
#include "edge/log.h"
#include "edge/store_etcd_block.h"
#include "edge/store_etcd_text.h"

enum {
    STORE_ETCD_COMMIT_MARK = 64,
    STORE_ETCD_COMMIT_MARK_NAME = 33,  /* of a mark: client and sequence */
    STORE_ETCD_COMMIT_MARK_WHOLE = 50, /* and the number */
    STORE_ETCD_COMMIT_ENTRY = 64,      /* bytes around an entry in a block */
    STORE_ETCD_COMMIT_NUMBER = 16,
};

struct store_etcd_commit {
    struct store_etcd_slot *slot;
    const struct store_request *request;
    struct store_answer *answer;
    uint64_t appends;
    void *block_memory;
    struct buf block;
    uint64_t number; /* the journal's before this attempt, and its key's revision */
    uint64_t number_revision;
    bool unknown; /* an attempt may have been applied, or may still be */
};

/* What an answer tells to do. */
enum store_etcd_verdict {
    STORE_ETCD_VERDICT_DONE,
    STORE_ETCD_VERDICT_AGAIN,
    STORE_ETCD_VERDICT_CONFLICT,
    STORE_ETCD_VERDICT_LOST, /* another process has our token: what became of an attempt cannot be told */
};

/* -- the token's value -- */

/* "CLIENT SEQUENCE NUMBER" in 16 hexadecimal digits each; a settled one has no number. */
static void store_etcd_commit_mark(const struct store_etcd_slot *slot, char mark[STORE_ETCD_COMMIT_MARK])
{
    snprintf(mark, STORE_ETCD_COMMIT_MARK, "%016llx %016llx ", (unsigned long long)slot->client,
             (unsigned long long)slot->sequence);
}

static bool store_etcd_commit_is_mine(const struct store_etcd_slot *slot, struct span value)
{
    char mark[STORE_ETCD_COMMIT_MARK];
    store_etcd_commit_mark(slot, mark);
    return value.size == STORE_ETCD_COMMIT_MARK_WHOLE && memcmp(value.data, mark, STORE_ETCD_COMMIT_MARK_NAME) == 0;
}

/* -- the transaction -- */

static bool store_etcd_commit_is_first(const struct store_request *request, size_t index, bool run)
{
    const char *name = run ? request->writes[index].run : request->writes[index].kind;
    for (size_t i = 0; i < index; i++) {
        const struct store_write *write = &request->writes[i];
        const char *other = run ? write->run : write->kind;
        if (write->verb == STORE_APPEND && other != NULL && strcmp(other, name) == 0) {
            return false;
        }
    }
    return true;
}

static bool store_etcd_commit_indexes_kind(const struct store_request *request, size_t index)
{
    return store_etcd_commit_is_first(request, index, false);
}

static bool store_etcd_commit_indexes_run(const struct store_request *request, size_t index)
{
    const char *run = request->writes[index].run;
    return run != NULL && run[0] != '\0' && store_etcd_commit_is_first(request, index, true);
}

/* Puts and deletes of the transaction: an upper bound. */
static size_t store_etcd_commit_writes(const struct store_etcd_commit *commit)
{
    size_t writes = commit->appends > 0 ? 3 : 1; /* token; block and number */
    for (size_t i = 0; i < commit->request->write_count; i++) {
        writes += 2; /* a kind's and a run's index, or a record and its mark among the deletions */
    }
    return writes;
}

static void store_etcd_commit_put_journal(const struct store_etcd_commit *commit, struct store_etcd_text *text)
{
    const struct store_request *request = commit->request;
    const char *prefix = commit->slot->prefix;
    const uint64_t last = commit->number + commit->appends;
    const struct store_etcd_name block = store_etcd_name_journal(prefix, last);
    store_etcd_text_put(text, &block, span_of(commit->block.data, commit->block.size));
    char digits[STORE_ETCD_COMMIT_NUMBER + 1];
    snprintf(digits, sizeof digits, "%016llx", (unsigned long long)last);
    const struct store_etcd_name number = store_etcd_name_meta(prefix, "number");
    store_etcd_text_put(text, &number, span_text(digits));
    for (size_t i = 0; i < request->write_count; i++) {
        const struct store_write *write = &request->writes[i];
        if (write->verb == STORE_APPEND && store_etcd_commit_indexes_kind(request, i)) {
            const struct store_etcd_name name = store_etcd_name_index(prefix, STORE_ETCD_INDEX_KIND, write->kind, last);
            store_etcd_text_put(text, &name, span_of("", 0));
        }
        if (write->verb == STORE_APPEND && store_etcd_commit_indexes_run(request, i)) {
            const struct store_etcd_name name = store_etcd_name_index(prefix, STORE_ETCD_INDEX_RUN, write->run, last);
            store_etcd_text_put(text, &name, span_of("", 0));
        }
    }
}

static void store_etcd_commit_put_records(const struct store_etcd_commit *commit, struct store_etcd_text *text)
{
    const char *prefix = commit->slot->prefix;
    for (size_t i = 0; i < commit->request->write_count; i++) {
        const struct store_write *write = &commit->request->writes[i];
        if (write->verb == STORE_APPEND || write->verb == STORE_CHECK) {
            continue;
        }
        const struct store_etcd_name record = store_etcd_name_record(prefix, write->key);
        if (write->verb == STORE_PUT) {
            store_etcd_text_put(text, &record, write->value);
        } else {
            const struct store_etcd_name gone = store_etcd_name_gone(prefix, write->key);
            store_etcd_text_delete(text, &record);
            store_etcd_text_put(text, &gone, span_of("", 0));
        }
    }
}

static bool store_etcd_commit_compares(const struct store_write *write)
{
    return write->verb != STORE_APPEND && write->expected != STORE_ANY;
}

/* The compares and what is asked when they fail, in one order: token, number, records. */
static void store_etcd_commit_compare(const struct store_etcd_commit *commit, struct store_etcd_text *text,
                                      const struct store_etcd_name *token, const struct store_etcd_name *number)
{
    store_etcd_text_compare(text, token, commit->slot->known);
    if (commit->appends > 0) {
        store_etcd_text_compare(text, number, commit->number_revision);
    }
    for (size_t i = 0; i < commit->request->write_count; i++) {
        const struct store_write *write = &commit->request->writes[i];
        if (store_etcd_commit_compares(write)) {
            const struct store_etcd_name record = store_etcd_name_record(commit->slot->prefix, write->key);
            store_etcd_text_compare(text, &record, write->expected);
        }
    }
}

static void store_etcd_commit_ask(const struct store_etcd_commit *commit, struct store_etcd_text *text,
                                  const struct store_etcd_name *token, const struct store_etcd_name *number)
{
    store_etcd_text_ask(text, &(struct store_etcd_text_range){.first = token});
    if (commit->appends > 0) {
        store_etcd_text_ask(text, &(struct store_etcd_text_range){.first = number});
    }
    for (size_t i = 0; i < commit->request->write_count; i++) {
        const struct store_write *write = &commit->request->writes[i];
        if (store_etcd_commit_compares(write)) {
            const struct store_etcd_name record = store_etcd_name_record(commit->slot->prefix, write->key);
            store_etcd_text_ask(text, &(struct store_etcd_text_range){.first = &record, .keys_only = true});
        }
    }
}

static void store_etcd_commit_write(struct store_etcd_commit *commit)
{
    struct store_etcd_slot *slot = commit->slot;
    pthread_mutex_lock(&slot->count->mutex);
    commit->number = slot->count->number;
    commit->number_revision = slot->count->revision;
    pthread_mutex_unlock(&slot->count->mutex);
    const struct store_etcd_name token = store_etcd_name_token(slot->prefix, slot->owner, slot->slot);
    const struct store_etcd_name number = store_etcd_name_meta(slot->prefix, "number");
    char mark[STORE_ETCD_COMMIT_MARK];
    store_etcd_commit_mark(slot, mark);
    const size_t used = strlen(mark);
    snprintf(mark + used, sizeof mark - used, "%016llx",
             (unsigned long long)(commit->appends > 0 ? commit->number + commit->appends : 0));
    struct store_etcd_text text;
    buf_reset(&slot->line->body);
    store_etcd_text_begin(&text, &slot->line->body, store_etcd_commit_writes(commit));
    store_etcd_commit_compare(commit, &text, &token, &number);
    store_etcd_text_then(&text);
    store_etcd_text_put(&text, &token, span_text(mark));
    if (commit->appends > 0) {
        store_etcd_commit_put_journal(commit, &text);
    }
    store_etcd_commit_put_records(commit, &text);
    store_etcd_text_else(&text);
    store_etcd_commit_ask(commit, &text, &token, &number);
    store_etcd_text_end(&text);
}

/* -- its answer -- */

static void store_etcd_commit_learn(struct store_etcd_count *count, uint64_t number, uint64_t revision)
{
    pthread_mutex_lock(&count->mutex);
    if (revision > count->revision) {
        count->number = number;
        count->revision = revision;
    }
    pthread_mutex_unlock(&count->mutex);
}

static enum store_etcd_verdict store_etcd_commit_done(struct store_etcd_commit *commit, uint64_t revision,
                                                      uint64_t number)
{
    commit->slot->known = revision;
    commit->answer->revision = revision;
    commit->answer->number = number;
    if (commit->appends > 0) {
        store_etcd_commit_learn(commit->slot->count, number, revision);
    }
    return STORE_ETCD_VERDICT_DONE;
}

/* The revision of the only key that a part can hold; 0: it does not exist. */
static uint64_t store_etcd_commit_revision(const struct store_etcd_part *part)
{
    return part->count > 0 ? part->pairs[0].revision : 0;
}

static bool store_etcd_commit_conflicts(struct store_etcd_commit *commit, const struct store_etcd_part *parts)
{
    for (size_t i = 0; i < commit->request->write_count; i++) {
        const struct store_write *write = &commit->request->writes[i];
        if (!store_etcd_commit_compares(write)) {
            continue;
        }
        const uint64_t revision = store_etcd_commit_revision(parts++);
        if (revision != write->expected) {
            commit->answer->revision = revision;
            commit->answer->conflict = i;
            return true;
        }
    }
    return false;
}

/* The token as it was found: ours when the commit has been applied. */
static enum store_etcd_verdict store_etcd_commit_judge_token(struct store_etcd_commit *commit,
                                                             const struct store_etcd_part *part)
{
    struct store_etcd_slot *slot = commit->slot;
    const uint64_t revision = store_etcd_commit_revision(part);
    if (part->count > 0 && store_etcd_commit_is_mine(slot, part->pairs[0].value)) {
        return store_etcd_commit_done(commit, revision, store_etcd_name_number(part->pairs[0].value));
    }
    if (revision == slot->known) {
        return STORE_ETCD_VERDICT_CONFLICT; /* the reason is another compare */
    }
    slot->known = revision;
    if (commit->unknown) {
        LOG_E("store: another process writes as '%s': each controller needs a site of its own", slot->owner);
        return STORE_ETCD_VERDICT_LOST;
    }
    return STORE_ETCD_VERDICT_AGAIN;
}

static size_t store_etcd_commit_parts(const struct store_etcd_commit *commit)
{
    size_t parts = commit->appends > 0 ? 2 : 1;
    for (size_t i = 0; i < commit->request->write_count; i++) {
        parts += store_etcd_commit_compares(&commit->request->writes[i]) ? 1 : 0;
    }
    return parts;
}

static enum store_etcd_verdict store_etcd_commit_judge(struct store_etcd_commit *commit)
{
    const struct store_etcd_answer *answer = &commit->slot->line->answer;
    if (answer->succeeded) {
        return store_etcd_commit_done(commit, answer->revision, commit->number + commit->appends);
    }
    if (answer->part_count != store_etcd_commit_parts(commit)) {
        commit->unknown = true; /* not what etcd answers */
        return STORE_ETCD_VERDICT_AGAIN;
    }
    const struct store_etcd_part *parts = answer->parts;
    const enum store_etcd_verdict verdict = store_etcd_commit_judge_token(commit, parts);
    parts++;
    if (verdict == STORE_ETCD_VERDICT_DONE || verdict == STORE_ETCD_VERDICT_LOST) {
        return verdict;
    }
    if (commit->appends > 0) {
        const uint64_t number = parts->count > 0 ? store_etcd_name_number(parts->pairs[0].value) : 0;
        store_etcd_commit_learn(commit->slot->count, number, store_etcd_commit_revision(parts));
        parts++;
    }
    return store_etcd_commit_conflicts(commit, parts) ? STORE_ETCD_VERDICT_CONFLICT : STORE_ETCD_VERDICT_AGAIN;
}

/* -- settling -- */

/* Moves the token on. DONE: the newest commit was applied. AGAIN: it was not, and cannot be any more. LOST: not known
 * yet. */
static enum store_etcd_verdict store_etcd_commit_move(struct store_etcd_slot *slot, uint64_t *ret_revision,
                                                      uint64_t *ret_number, struct mono deadline)
{
    const struct store_etcd_name token = store_etcd_name_token(slot->prefix, slot->owner, slot->slot);
    char mark[STORE_ETCD_COMMIT_MARK];
    store_etcd_commit_mark(slot, mark);
    struct store_etcd_text text;
    buf_reset(&slot->line->body);
    store_etcd_text_begin(&text, &slot->line->body, 1);
    store_etcd_text_compare(&text, &token, slot->known);
    store_etcd_text_then(&text);
    store_etcd_text_put(&text, &token, span_text(mark));
    store_etcd_text_else(&text);
    store_etcd_text_ask(&text, &(struct store_etcd_text_range){.first = &token});
    store_etcd_text_end(&text);
    /* Sent twice it does no more than once. */
    if (store_etcd_line_ask(slot->line, STORE_ETCD_LINE_TXN, deadline) != ERR_OK) {
        return STORE_ETCD_VERDICT_LOST;
    }
    const struct store_etcd_answer *answer = &slot->line->answer;
    if (answer->succeeded) {
        slot->known = answer->revision;
        return STORE_ETCD_VERDICT_AGAIN;
    }
    if (answer->part_count != 1) {
        return STORE_ETCD_VERDICT_LOST;
    }
    const struct store_etcd_part *part = &answer->parts[0];
    slot->known = store_etcd_commit_revision(part);
    if (part->count > 0 && store_etcd_commit_is_mine(slot, part->pairs[0].value)) {
        *ret_revision = slot->known;
        *ret_number = store_etcd_name_number(part->pairs[0].value);
        return STORE_ETCD_VERDICT_DONE;
    }
    return STORE_ETCD_VERDICT_AGAIN;
}

bool store_etcd_commit_settle(struct store_etcd_slot *slot, struct mono deadline)
{
    uint64_t revision = 0;
    uint64_t number = 0;
    return store_etcd_commit_move(slot, &revision, &number, deadline) != STORE_ETCD_VERDICT_LOST;
}

/* -- a commit -- */

/* It failed for certain, or so it seems: when an earlier attempt may still be under way, only settling makes it so. */
static enum err store_etcd_commit_end(struct store_etcd_commit *commit, enum err err, struct mono deadline)
{
    if (!commit->unknown) {
        return err;
    }
    uint64_t revision = 0;
    uint64_t number = 0;
    const enum store_etcd_verdict verdict = store_etcd_commit_move(commit->slot, &revision, &number, deadline);
    if (verdict == STORE_ETCD_VERDICT_DONE) {
        store_etcd_commit_done(commit, revision, number);
        return ERR_OK;
    }
    return verdict == STORE_ETCD_VERDICT_AGAIN ? err : ERR_IO;
}

/* etcd has answered that it is full. It may have applied this very transaction all the same: the mark tells. */
static enum err store_etcd_commit_full(struct store_etcd_commit *commit, bool unknown, struct mono deadline)
{
    struct store_etcd_slot *slot = commit->slot;
    const struct store_etcd_name token = store_etcd_name_token(slot->prefix, slot->owner, slot->slot);
    buf_reset(&slot->line->body);
    store_etcd_text_range(&slot->line->body, &(struct store_etcd_text_range){.first = &token});
    if (store_etcd_line_ask(slot->line, STORE_ETCD_LINE_RANGE, deadline) != ERR_OK ||
        slot->line->answer.part_count != 1) {
        return ERR_IO;
    }
    const struct store_etcd_part *part = &slot->line->answer.parts[0];
    if (part->count > 0 && store_etcd_commit_is_mine(slot, part->pairs[0].value)) {
        store_etcd_commit_done(commit, part->pairs[0].revision, store_etcd_name_number(part->pairs[0].value));
        return ERR_OK;
    }
    snprintf(slot->line->why, sizeof slot->line->why, "etcd says: database space exceeded");
    return unknown ? ERR_IO : ERR_DISK_FULL;
}

static enum err store_etcd_commit_attempts(struct store_etcd_commit *commit, struct mono deadline)
{
    for (;;) {
        store_etcd_commit_write(commit);
        const struct store_etcd_meaning meaning =
            store_etcd_line_try(commit->slot->line, STORE_ETCD_LINE_TXN, true, deadline);
        enum store_etcd_verdict verdict = STORE_ETCD_VERDICT_AGAIN;
        if (meaning.outcome == STORE_ETCD_ANSWERED) {
            verdict = store_etcd_commit_judge(commit);
        }
        if (meaning.err == ERR_DISK_FULL) {
            return store_etcd_commit_full(commit, commit->unknown, deadline);
        }
        commit->unknown = commit->unknown || meaning.outcome == STORE_ETCD_UNKNOWN;
        if (verdict == STORE_ETCD_VERDICT_DONE) {
            return ERR_OK;
        }
        if (verdict == STORE_ETCD_VERDICT_CONFLICT) {
            return store_etcd_commit_end(commit, ERR_CONFLICT, deadline);
        }
        if (verdict == STORE_ETCD_VERDICT_LOST) {
            return ERR_IO;
        }
        if (meaning.outcome != STORE_ETCD_ANSWERED && !meaning.again) {
            return store_etcd_commit_end(commit, meaning.err, deadline);
        }
        if (time_reached(clock_mono(), deadline)) {
            return commit->unknown ? ERR_IO : ERR_UNAVAILABLE;
        }
    }
}

static enum err store_etcd_commit_size(const struct store_request *request, size_t *ret_block)
{
    size_t total = 0;
    size_t block = STORE_ETCD_COMMIT_ENTRY;
    for (size_t i = 0; i < request->write_count; i++) {
        const struct store_write *write = &request->writes[i];
        const bool append = write->verb == STORE_APPEND;
        const size_t names =
            strlen(append ? write->kind : write->key) + (append && write->run != NULL ? strlen(write->run) : 0);
        total += names + write->value.size;
        block += append ? STORE_ETCD_COMMIT_ENTRY + names + write->value.size : 0;
    }
    *ret_block = block;
    return total <= STORE_ETCD_COMMIT_BYTES ? ERR_OK : ERR_TOO_LARGE;
}

/* Before the first commit: where a former life of this process has left the token. */
static enum err store_etcd_commit_get_ready(struct store_etcd_slot *slot, struct mono deadline)
{
    const struct store_etcd_name token = store_etcd_name_token(slot->prefix, slot->owner, slot->slot);
    buf_reset(&slot->line->body);
    store_etcd_text_range(&slot->line->body, &(struct store_etcd_text_range){.first = &token, .keys_only = true});
    const enum err err = store_etcd_line_ask(slot->line, STORE_ETCD_LINE_RANGE, deadline);
    if (err == ERR_OK && slot->line->answer.part_count == 1) {
        slot->known = store_etcd_commit_revision(&slot->line->answer.parts[0]);
        slot->ready = true;
    }
    return err == ERR_OK && !slot->ready ? ERR_PROTOCOL : err;
}

enum err store_etcd_commit_run(struct store_etcd_slot *slot, const struct store_request *request, struct mono deadline,
                               struct store_answer *answer)
{
    ASSERT(request->ask == STORE_COMMIT);
    struct store_etcd_commit commit = {.slot = slot, .request = request, .answer = answer};
    size_t block = 0;
    enum err err = store_etcd_commit_size(request, &block);
    if (err == ERR_OK && !slot->ready) {
        err = store_etcd_commit_get_ready(slot, deadline);
    }
    if (err != ERR_OK) {
        return err;
    }
    for (size_t i = 0; i < request->write_count; i++) {
        commit.appends += request->writes[i].verb == STORE_APPEND ? 1 : 0;
    }
    commit.block_memory = malloc(block);
    if (commit.block_memory == NULL) {
        return ERR_NO_MEMORY;
    }
    buf_init(&commit.block, commit.block_memory, block);
    store_etcd_block_put(&commit.block, request->writes, request->write_count);
    ASSERT(!commit.block.overflow);
    slot->sequence++;
    err = store_etcd_commit_attempts(&commit, deadline);
    free(commit.block_memory);
    return err;
}
