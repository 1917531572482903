/* SPDX-License-Identifier: Apache-2.0
 * The layout of the shared memory that carries the view from one writer to all readers of a host.
 *
 * Types only. edge/publish.h writes it and reads it with announcements; libholdfast maps it read-only and copies. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "core/limits.h"
#include "core/view.h"

/* The files' names inside a site's state_dir: this memory, and the last view for a cold start (edge/publish_file.h). */
#define VIEW_MEMORY_NAME      "view.shm"
#define VIEW_MEMORY_FILE_NAME "view.last"

#define VIEW_MEMORY_MAGIC 0x314d4853444c4f48U /* "HOLDSHM1" in little-endian memory */

enum {
    VIEW_MEMORY_FORMAT = 2,
    /* One slot per reader, one that is current, one for the draft: the writer always finds one that nobody looks at. */
    VIEW_MEMORY_SLOTS = LIMITS_READERS + 2,
    VIEW_MEMORY_NAME_WORDS = LIMITS_NAME / 8,
    VIEW_MEMORY_SIGHTS = 64, /* servers of which one reader tells what it has met with */
};

/* A reader's place. `announced` is a word (below); its slot is pinned while it is not 0. */
struct view_memory_seat {
    _Alignas(128) _Atomic uint64_t announced;
    _Atomic int64_t beat_us; /* CLOCK_BOOTTIME of the last sign of life */
    _Atomic uint64_t owner;  /* start time << 32 | pid; 0: free. Claimed by compare-and-swap */
    _Atomic uint32_t ready;  /* name and kind are written */
    _Atomic uint32_t kind;
    _Atomic uint64_t name[VIEW_MEMORY_NAME_WORDS];
};

/* What a reader has met with at one server since it took its seat. Written by the seat's owner only. */
struct view_memory_sight {
    _Atomic uint64_t server; /* hash of its struct view_address; 0: unused, and so are those behind it */
    _Atomic uint64_t connections;
    _Atomic uint64_t failures; /* to connect, or connections that broke */
    _Atomic uint64_t wrong;    /* it was not what the view says */
    _Atomic uint64_t rtt_us;   /* of the network, lately; 0: not known */
};

struct view_memory {
    uint64_t magic;
    uint32_t format;
    uint32_t view_size;
    uint64_t boot;                          /* hash of the machine's boot id */
    _Alignas(128) _Atomic uint64_t current; /* the word of the published view; 0: none yet */
    _Atomic uint32_t commits;               /* futex: grows with each commit */
    struct view_memory_seat seats[LIMITS_READERS];
    struct view_memory_sight sights[LIMITS_READERS][VIEW_MEMORY_SIGHTS];
    struct view slots[VIEW_MEMORY_SLOTS];
};

/* A word is version << 8 | slot + 1: one load tells both. Slot part 0: no slot; the part below in an announcement: the
 * reader is inside but found nothing to look at (it may be answering from its file). */
enum { VIEW_MEMORY_NOTHING = 0xff };

static inline uint64_t view_memory_word(uint64_t version, uint32_t slot)
{
    return version << 8 | (uint64_t)(slot + 1);
}

static inline uint64_t view_memory_version(uint64_t word)
{
    return word >> 8;
}

/* The slot of a word, LIMITS_NONE when it names none. */
static inline uint32_t view_memory_slot(uint64_t word)
{
    const uint32_t part = (uint32_t)(word & 0xff);
    return part >= 1 && part <= VIEW_MEMORY_SLOTS ? part - 1 : LIMITS_NONE;
}
