/* SPDX-License-Identifier: Apache-2.0
 * Publication: hands the view (core/view.h) from one writer to all readers of a host through shared memory.
 *
 * `<state_dir>/view.shm` holds readers + 2 slots. A reader announces the slot it looks at, then looks again; the writer
 * drafts in a slot that nobody announces, then commits with one store. No lock, no allocation, nothing to free. A stuck
 * reader pins one slot and is visible by name. The announcements are also the proof that traffic has moved:
 * publish_writer_readers tells which version every reader uses at least.
 *
 * Survives the writer: readers keep their mapping and go on; the next writer attaches to the same file and continues
 * the versions. For a cold start the view is also kept in a plain file (edge/publish_file.h).
 *
 * Threads: a writer and each reader belong to one thread at a time; a process may have several readers. Open them after
 * fork(2), in the process that uses them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "core/limits.h"
#include "core/view.h"
#include "core/view_memory.h"

/* The file's name inside a site's state_dir. */
#define PUBLISH_NAME VIEW_MEMORY_NAME

/* What a reader is, and with that what it means when it is idle. DNS and library readers take nothing with them from
 * one batch to the next, so an idle one counts as using the current version. A proxy holds sessions, a relay of TCP
 * services connections: they count as using the version that they last said to have carried out (publish_reader_idle).
 */
enum publish_kind { PUBLISH_DNS, PUBLISH_PROXY, PUBLISH_LIB, PUBLISH_SERVICE, PUBLISH_KINDS };

/* "dns", "proxy", "lib", "service". */
const char *publish_kind_name(enum publish_kind kind);

/* ---- the writer: the controller, or the follower of a remote one ---- */

struct publish_writer {
    struct view_memory *memory;
    int fd;
    uint32_t draft; /* slot, LIMITS_NONE: none */
};

struct publish_reader_info {
    char name[LIMITS_NAME];
    enum publish_kind kind;
    int32_t pid;
    bool inside;      /* between enter and leave: it may be answering from `version` this moment */
    uint64_t version; /* no answer from an older one can follow; 0: has seen none yet */
    int64_t age_ms;   /* since its last sign of life */
};

/* Attaches to the file, creating it when it is missing. ERR_IN_USE: another living writer has it. Others: those of
 * open(2). */
enum err publish_writer_open(struct publish_writer *writer, const char *path) ERR_CHECK;
void publish_writer_close(struct publish_writer *writer);

/* The version that readers see now; 0 before the first commit. */
uint64_t publish_writer_version(const struct publish_writer *writer);

/* The view that readers see now; NULL before the first commit. Valid until the second commit from now. */
const struct view *publish_writer_view(const struct publish_writer *writer);

/* Memory for the next view, zeroed. Ask again and the last draft is forgotten. Fill and seal it, then commit. */
struct view *publish_writer_draft(struct publish_writer *writer);

/* Makes the draft what readers see and wakes those that wait. ERR_INVALID: view_valid says no. ERR_STALE: its version
 * is not above the published one. On an error readers see nothing of it and the draft is forgotten. */
enum err publish_writer_commit(struct publish_writer *writer) ERR_CHECK;

/* Lists the readers and frees the seats of dead ones. `list` has room for LIMITS_READERS. */
void publish_writer_readers(struct publish_writer *writer, struct publish_reader_info *list, uint32_t *ret_count);

/* ---- a reader ---- */

struct publish_reader {
    struct view_memory *memory;
    struct view_memory_seat *seat;
    int fd;
    uint64_t checked; /* the last word whose view was found whole */
};

/* Takes a seat. `name` is cut to LIMITS_NAME - 1. ERR_QUEUE_FULL: all seats are taken by living readers.
 * ERR_UNSUPPORTED: the writer is of another release. */
enum err publish_reader_open(struct publish_reader *reader, const char *path, enum publish_kind kind,
                             const char *name) ERR_CHECK;
void publish_reader_close(struct publish_reader *reader);

/* The current view, which stays untouched until publish_reader_leave; NULL when none was published yet (or its bytes
 * are harmed): answer from the file's. A second enter without leave moves on to the current one. */
const struct view *publish_reader_enter(struct publish_reader *reader);

/* Lets go of the view; the version stays announced as the last one used. */
void publish_reader_leave(struct publish_reader *reader);

/* A sign of life, a few times a second, also from an idle reader. Costs one clock reading. */
void publish_reader_beat(struct publish_reader *reader);

/* Outside of enter/leave: "I have carried out `version` and am alive". */
void publish_reader_idle(struct publish_reader *reader, uint64_t version);

/* Outside of enter/leave, every second or so: when somebody removed or replaced the file (a state directory made anew,
 * another release) and a view is published in the new one, moves there; else stays where it is. True: moved, pointers
 * to the old views are void. Not while another thread waits with this reader. */
bool publish_reader_refresh(struct publish_reader *reader, const char *path);

/* The version that is published now, 0: none. Enters nothing. */
uint64_t publish_reader_version(const struct publish_reader *reader);

/* Waits until a version above `version` is published. ERR_TIMEOUT: none came. A negative time-out waits for ever. May
 * be called by a thread of its own beside the one that enters and leaves. */
enum err publish_reader_wait(const struct publish_reader *reader, uint64_t version, int64_t timeout_ms,
                             uint64_t *ret_version) ERR_CHECK;
