/* SPDX-License-Identifier: Apache-2.0
 * Where libholdfast gets the view from: the publisher's shared memory, mapped read-only, or its file. Private.
 *
 * The range of addresses is reserved once and stays mapped until the end: another file is mapped over it, so that a
 * thread that looks at the published word meanwhile reads either the old or the new one.
 *
 * A copy is whole when the published word was the same before and after: the publisher never drafts in the slot of the
 * published word, and no word comes twice. The checksum is asked besides. */
#pragma once

#include <holdfast.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "core/view.h"
#include "core/view_memory.h"

struct holdfast_attach {
    struct view_memory *memory; /* always mapped, read-only; zero until a file is */
    bool mapped;
    dev_t device;
    ino_t inode;
    ino_t file_inode; /* of the file that was read last */
    struct timespec file_time;
    char shared_path[PATH_MAX];
    char file_path[PATH_MAX];
};

/* Reserves the range. Errors: HOLDFAST_INVALID_ARGUMENT (path too long), HOLDFAST_NO_MEMORY. */
enum holdfast_error holdfast_attach_init(struct holdfast_attach *attach, const char *state_dir);
void holdfast_attach_fini(struct holdfast_attach *attach);

/* Maps the file when there is one that is not mapped yet. `ret_fresh`: it was mapped now. HOLDFAST_NO_VIEW: none, or
 * one of another boot of the machine. HOLDFAST_UNSUPPORTED: another release's. HOLDFAST_SYSTEM. What was mapped before
 * stays so on each error. */
enum holdfast_error holdfast_attach_refresh(struct holdfast_attach *attach, bool *ret_fresh);

/* The published word; 0: none. Any thread. */
static inline uint64_t holdfast_attach_word(const struct holdfast_attach *attach)
{
    return atomic_load_explicit(&attach->memory->current, memory_order_acquire);
}

/* Copies the view of that word. HOLDFAST_NO_VIEW: another one is published meanwhile, ask again. HOLDFAST_UNSUPPORTED:
 * the bytes are no valid view. */
enum holdfast_error holdfast_attach_take(const struct holdfast_attach *attach, uint64_t word, struct view *ret_view);

/* Sleeps until something is committed, at most for so long. */
void holdfast_attach_sleep(const struct holdfast_attach *attach, uint64_t version, int64_t timeout_ms);

/* Reads the file when it is another one than the last time. HOLDFAST_NO_VIEW: none, or the same. HOLDFAST_UNSUPPORTED:
 * no valid view of this release. HOLDFAST_SYSTEM. */
enum holdfast_error holdfast_attach_load(struct holdfast_attach *attach, struct view *ret_view);
