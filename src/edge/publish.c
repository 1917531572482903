/* SPDX-License-Identifier: Apache-2.0
 * Publication: hazard announcements over a fixed set of slots.
 *
 * Why it is safe: enter stores the announcement and then loads `current` again; commit stores `current` and a later
 * draft loads the announcements. All four are sequentially consistent, so either the reader sees that `current` has
 * moved on and looks again, or the writer sees the announcement and leaves the slot alone (the argument of hazard
 * pointers, Michael 2004). A word carries the version, so a slot used again is another word. */
#include "edge/publish.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "edge/clock.h"
#include "edge/publish_memory.h"

const char *publish_kind_name(enum publish_kind kind)
{
    static const char *const names[PUBLISH_KINDS] = {"dns", "proxy", "lib", "service"};
    return kind < PUBLISH_KINDS ? names[kind] : "?";
}

/* ---- the writer ---- */

/* Whether the seat's process lives. kill(2) first: it is cheap and mostly enough; then the start time, against a pid
 * that was given to somebody else. */
static bool publish_owner_alive(uint64_t owner)
{
    const int32_t pid = (int32_t)(owner & INT32_MAX);
    if (kill(pid, 0) != 0 && errno == ESRCH) {
        return false;
    }
    return publish_memory_process(pid) == owner;
}

/* By the seat's owner. */
static void publish_seat_free(struct view_memory_seat *seat)
{
    atomic_store(&seat->ready, 0);
    atomic_store(&seat->announced, 0);
    atomic_store(&seat->owner, 0);
}

/* Frees the seats of dead processes. Several may do this at once: who takes the seat over by compare-and-swap clears
 * it, and should it die half-way, the next one finds its own dead identity there. */
static void publish_seats_reclaim(struct view_memory *memory)
{
    const uint64_t self = publish_memory_process(getpid());
    for (uint32_t i = 0; i < LIMITS_READERS; i++) {
        struct view_memory_seat *seat = &memory->seats[i];
        uint64_t owner = atomic_load(&seat->owner);
        if (owner != 0 && !publish_owner_alive(owner) && atomic_compare_exchange_strong(&seat->owner, &owner, self)) {
            publish_seat_free(seat);
        }
    }
}

enum err publish_writer_open(struct publish_writer *writer, const char *path)
{
    struct view_memory *memory;
    int fd;
    const enum err err = publish_memory_open(path, true, &memory, &fd);
    if (err != ERR_OK) {
        return err;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        publish_memory_close(memory, fd);
        return ERR_IN_USE;
    }
    const uint32_t slot = view_memory_slot(atomic_load(&memory->current));
    if (slot != LIMITS_NONE && !view_valid(&memory->slots[slot], sizeof(struct view))) {
        /* Somebody else wrote into our memory. Readers see it as well (enter answers NULL); begin again. */
        atomic_store(&memory->current, 0);
    }
    *writer = (struct publish_writer){.memory = memory, .fd = fd, .draft = LIMITS_NONE};
    return ERR_OK;
}

void publish_writer_close(struct publish_writer *writer)
{
    if (writer->memory != NULL) {
        publish_memory_close(writer->memory, writer->fd);
    }
    *writer = (struct publish_writer){.fd = -1, .draft = LIMITS_NONE};
}

uint64_t publish_writer_version(const struct publish_writer *writer)
{
    return view_memory_version(atomic_load(&writer->memory->current));
}

const struct view *publish_writer_view(const struct publish_writer *writer)
{
    const uint32_t slot = view_memory_slot(atomic_load(&writer->memory->current));
    return slot != LIMITS_NONE ? &writer->memory->slots[slot] : NULL;
}

struct view *publish_writer_draft(struct publish_writer *writer)
{
    struct view_memory *memory = writer->memory;
    bool pinned[VIEW_MEMORY_SLOTS] = {false};
    const uint32_t current = view_memory_slot(atomic_load(&memory->current));
    if (current != LIMITS_NONE) {
        pinned[current] = true;
    }
    for (uint32_t i = 0; i < LIMITS_READERS; i++) {
        const uint32_t slot = view_memory_slot(atomic_load(&memory->seats[i].announced));
        if (slot != LIMITS_NONE) {
            pinned[slot] = true;
        }
    }
    /* At most LIMITS_READERS + 1 are pinned, so one of readers + 2 is free. */
    uint32_t slot = 0;
    while (slot < VIEW_MEMORY_SLOTS && pinned[slot]) {
        slot++;
    }
    ASSERT(slot < VIEW_MEMORY_SLOTS);
    writer->draft = slot;
    memset(&memory->slots[slot], 0, sizeof(struct view));
    return &memory->slots[slot];
}

static void publish_wake(struct view_memory *memory)
{
    atomic_fetch_add(&memory->commits, 1);
    syscall(SYS_futex, &memory->commits, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

enum err publish_writer_commit(struct publish_writer *writer)
{
    ASSERT(writer->draft < VIEW_MEMORY_SLOTS);
    const uint32_t slot = writer->draft;
    const struct view *view = &writer->memory->slots[slot];
    writer->draft = LIMITS_NONE;
    if (!view_valid(view, sizeof *view) || view->version > UINT64_MAX >> 8) {
        return ERR_INVALID;
    }
    if (view->version <= publish_writer_version(writer)) {
        return ERR_STALE;
    }
    atomic_store(&writer->memory->current, view_memory_word(view->version, slot));
    publish_wake(writer->memory);
    return ERR_OK;
}

static void publish_seat_name(const struct view_memory_seat *seat, char name[LIMITS_NAME])
{
    for (uint32_t i = 0; i < VIEW_MEMORY_NAME_WORDS; i++) {
        const uint64_t word = atomic_load(&seat->name[i]);
        memcpy(name + (size_t)i * 8, &word, 8);
    }
    name[LIMITS_NAME - 1] = 0;
}

/* False when the seat changed hands while we read it. */
static bool publish_seat_read(const struct view_memory *memory, uint32_t index, struct publish_reader_info *ret_info)
{
    const struct view_memory_seat *seat = &memory->seats[index];
    const uint64_t owner = atomic_load(&seat->owner);
    if (owner == 0 || atomic_load(&seat->ready) == 0) {
        return false;
    }
    struct publish_reader_info info = {.pid = (int32_t)(owner & INT32_MAX)};
    publish_seat_name(seat, info.name);
    const uint32_t kind = atomic_load(&seat->kind);
    info.kind = kind < PUBLISH_KINDS ? (enum publish_kind)kind : PUBLISH_LIB;
    /* `current` before the announcement: an idle reader can only enter this version or a later one from now on. */
    const uint64_t current = view_memory_version(atomic_load(&memory->current));
    const uint64_t announced = atomic_load(&seat->announced);
    info.inside = (announced & 0xff) != 0;
    const bool holds = info.kind == PUBLISH_PROXY || info.kind == PUBLISH_SERVICE;
    info.version = info.inside || holds ? view_memory_version(announced) : current;
    const int64_t beat_us = atomic_load(&seat->beat_us);
    const int64_t age_us = clock_mono().us - beat_us;
    info.age_ms = age_us > 0 ? age_us / TIME_US_PER_MS : 0;
    if (atomic_load(&seat->owner) != owner || atomic_load(&seat->ready) == 0) {
        return false;
    }
    *ret_info = info;
    return true;
}

void publish_writer_readers(struct publish_writer *writer, struct publish_reader_info *list, uint32_t *ret_count)
{
    uint32_t count = 0;
    publish_seats_reclaim(writer->memory);
    for (uint32_t i = 0; i < LIMITS_READERS; i++) {
        if (publish_seat_read(writer->memory, i, &list[count])) {
            count++;
        }
    }
    *ret_count = count;
}

/* ---- a reader ---- */

static struct view_memory_seat *publish_seat_claim(struct view_memory *memory, uint64_t owner)
{
    for (uint32_t i = 0; i < LIMITS_READERS; i++) {
        uint64_t nobody = 0;
        if (atomic_compare_exchange_strong(&memory->seats[i].owner, &nobody, owner)) {
            return &memory->seats[i];
        }
    }
    return NULL;
}

/* Fills a seat that was just claimed: whoever lists the readers sees it from `ready` on. */
static void publish_seat_fill(struct view_memory *memory, struct view_memory_seat *seat, enum publish_kind kind,
                              const char *name)
{
    for (uint32_t i = 0; i < VIEW_MEMORY_SIGHTS; i++) {
        atomic_store(&memory->sights[seat - memory->seats][i].server, 0);
    }
    char text[LIMITS_NAME] = {0};
    memcpy(text, name, strnlen(name, LIMITS_NAME - 1));
    for (uint32_t i = 0; i < VIEW_MEMORY_NAME_WORDS; i++) {
        uint64_t word;
        memcpy(&word, text + (size_t)i * 8, 8);
        atomic_store(&seat->name[i], word);
    }
    atomic_store(&seat->kind, (uint32_t)kind);
    atomic_store(&seat->announced, 0);
    atomic_store(&seat->beat_us, clock_mono().us);
    atomic_store(&seat->ready, 1);
}

enum err publish_reader_open(struct publish_reader *reader, const char *path, enum publish_kind kind, const char *name)
{
    ASSERT(kind < PUBLISH_KINDS);
    struct view_memory *memory;
    int fd;
    const enum err err = publish_memory_open(path, false, &memory, &fd);
    if (err != ERR_OK) {
        return err;
    }
    const uint64_t owner = publish_memory_process(getpid());
    ASSERT(owner != 0);
    struct view_memory_seat *seat = publish_seat_claim(memory, owner);
    if (seat == NULL) {
        publish_seats_reclaim(memory);
        seat = publish_seat_claim(memory, owner);
    }
    if (seat == NULL) {
        publish_memory_close(memory, fd);
        return ERR_QUEUE_FULL;
    }
    publish_seat_fill(memory, seat, kind, name);
    *reader = (struct publish_reader){.memory = memory, .seat = seat, .fd = fd};
    return ERR_OK;
}

bool publish_reader_refresh(struct publish_reader *reader, const char *path)
{
    struct stat there;
    struct stat here;
    if (stat(path, &there) != 0 || fstat(reader->fd, &here) != 0 ||
        (there.st_ino == here.st_ino && there.st_dev == here.st_dev)) {
        return false;
    }
    char name[LIMITS_NAME];
    publish_seat_name(reader->seat, name);
    const enum publish_kind kind = (enum publish_kind)atomic_load(&reader->seat->kind);
    struct publish_reader fresh;
    if (kind >= PUBLISH_KINDS || publish_reader_open(&fresh, path, kind, name) != ERR_OK) {
        return false;
    }
    if (publish_reader_version(&fresh) == 0) {
        publish_reader_close(&fresh); /* the old view is better than none */
        return false;
    }
    publish_reader_close(reader);
    *reader = fresh;
    return true;
}

void publish_reader_close(struct publish_reader *reader)
{
    if (reader->memory != NULL) {
        publish_seat_free(reader->seat);
        publish_memory_close(reader->memory, reader->fd);
    }
    *reader = (struct publish_reader){.fd = -1};
}

const struct view *publish_reader_enter(struct publish_reader *reader)
{
    uint64_t word = atomic_load(&reader->memory->current);
    for (;;) {
        atomic_store(&reader->seat->announced, word != 0 ? word : VIEW_MEMORY_NOTHING);
        const uint64_t again = atomic_load(&reader->memory->current);
        if (again == word) {
            break;
        }
        word = again;
    }
    const uint32_t slot = view_memory_slot(word);
    if (slot == LIMITS_NONE) {
        return NULL;
    }
    const struct view *view = &reader->memory->slots[slot];
    if (word != reader->checked) {
        if (!view_valid(view, sizeof *view)) {
            atomic_store(&reader->seat->announced, VIEW_MEMORY_NOTHING);
            return NULL;
        }
        reader->checked = word;
    }
    return view;
}

void publish_reader_leave(struct publish_reader *reader)
{
    const uint64_t word = atomic_load_explicit(&reader->seat->announced, memory_order_relaxed);
    atomic_store_explicit(&reader->seat->announced, word & ~(uint64_t)0xff, memory_order_release);
}

void publish_reader_beat(struct publish_reader *reader)
{
    atomic_store_explicit(&reader->seat->beat_us, clock_mono().us, memory_order_relaxed);
}

void publish_reader_idle(struct publish_reader *reader, uint64_t version)
{
    ASSERT(version <= UINT64_MAX >> 8);
    atomic_store_explicit(&reader->seat->announced, version << 8, memory_order_release);
    publish_reader_beat(reader);
}

uint64_t publish_reader_version(const struct publish_reader *reader)
{
    return view_memory_version(atomic_load(&reader->memory->current));
}

enum err publish_reader_wait(const struct publish_reader *reader, uint64_t version, int64_t timeout_ms,
                             uint64_t *ret_version)
{
    struct view_memory *memory = reader->memory;
    const struct mono deadline = timeout_ms < 0 ? TIME_NEVER : time_add_ms(clock_mono(), timeout_ms);
    for (;;) {
        /* `commits` before `current`: a commit between the two makes the futex return at once. */
        const uint32_t commits = atomic_load(&memory->commits);
        const uint64_t published = view_memory_version(atomic_load(&memory->current));
        if (published > version) {
            *ret_version = published;
            return ERR_OK;
        }
        /* At most a second per call: a writer killed between its two stores wakes nobody. */
        int64_t left_us = time_since_us(deadline, clock_mono());
        if (left_us <= 0) {
            return ERR_TIMEOUT;
        }
        left_us = left_us < TIME_US_PER_S ? left_us : TIME_US_PER_S;
        const struct timespec timeout = {.tv_sec = left_us / TIME_US_PER_S, .tv_nsec = left_us % TIME_US_PER_S * 1000};
        syscall(SYS_futex, &memory->commits, FUTEX_WAIT, commits, &timeout, NULL, 0);
    }
}
