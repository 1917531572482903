/* SPDX-License-Identifier: Apache-2.0
 * What a session has done that another server must hear again: settings, channels, statements prepared by the protocol.
 *
 * An entry is a whole message of the client's protocol. Those of settings and channels begin as pending: they count
 * when their transaction has been committed, and are forgotten when it was rolled back. A later setting replaces an
 * earlier one of the same name; UNLISTEN, DEALLOCATE, RESET ALL and DISCARD ALL take entries out, likewise at the
 * commit. At most PROXY_JOURNAL_BYTES; one owner, one thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

enum {
    PROXY_JOURNAL_BYTES = 64 * 1024,
    PROXY_JOURNAL_KEY = 64, /* bytes of a name */
};

enum proxy_journal_kind {
    PROXY_JOURNAL_SETTING, /* key: the setting; empty: several at once */
    PROXY_JOURNAL_CHANNEL,
    PROXY_JOURNAL_STATEMENT, /* a Parse: two of the same name are heard in their order, as the first server heard them
                              */
    /* What takes others out; never restored. */
    PROXY_JOURNAL_RESET_ALL,
    PROXY_JOURNAL_UNLISTEN,
    PROXY_JOURNAL_UNLISTEN_ALL,
    PROXY_JOURNAL_DEALLOCATE,
    PROXY_JOURNAL_DEALLOCATE_ALL,
    PROXY_JOURNAL_DISCARD_ALL,
};

struct proxy_journal {
    uint8_t *data;
    size_t size;
    size_t capacity;
    uint32_t pending;
};

/* Points into the journal, good until it changes. */
struct proxy_journal_entry {
    enum proxy_journal_kind kind;
    bool pending;
    struct span key;
    struct span message;
    size_t at;
    size_t size; /* of the whole entry */
};

void proxy_journal_free(struct proxy_journal *journal);

/* False: no room or no memory; the entry is not there. Longer keys are refused likewise. */
bool proxy_journal_add(struct proxy_journal *journal, enum proxy_journal_kind kind, struct span key,
                       struct span message);

/* A statement was closed by the protocol: at once. */
void proxy_journal_close(struct proxy_journal *journal, struct span name);

/* The transaction of the pending ones has ended. */
void proxy_journal_settle(struct proxy_journal *journal, bool committed);

/* The entry at `*at`, 0 at first; moves on. False: no more. */
bool proxy_journal_next(const struct proxy_journal *journal, size_t *at, struct proxy_journal_entry *ret_entry);
