/* SPDX-License-Identifier: Apache-2.0
 * Counting calls, and telling the process that serves the view. */
#include "holdfast_note.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/feedback_message.h"
#include "holdfast_context.h"

_Static_assert((int)FEEDBACK_MESSAGE_ENTRIES >= (int)LIMITS_NODES, "all nodes fit into a datagram");

enum { HOLDFAST_NOTE_SOON_MS = 100 };

void holdfast_note_init(struct holdfast_note *note, const char *state_dir, int64_t tell_ms)
{
    note->fd = -1;
    note->address.sun_family = AF_UNIX;
    const int length =
        snprintf(note->address.sun_path, sizeof note->address.sun_path, "%s/" FEEDBACK_MESSAGE_SOCKET, state_dir);
    const bool fits = length > 0 && (size_t)length < sizeof note->address.sun_path;
    note->tell_ms = fits ? tell_ms : 0;
}

void holdfast_note_fini(struct holdfast_note *note)
{
    if (note->fd >= 0) {
        close(note->fd);
    }
    note->fd = -1;
}

/* ---- counting ---- */

static enum holdfast_note_kind holdfast_note_kind(const struct holdfast_verdict *verdict)
{
    if ((verdict->flags & HOLDFAST_VERDICT_SHUN) != 0) {
        return HOLDFAST_NOTE_FAILED;
    }
    return verdict->result == HOLDFAST_RESULT_WRONG_SERVER ? HOLDFAST_NOTE_WRONG : HOLDFAST_NOTE_ANSWERED;
}

/* A place has one writer, so load and store need not be one operation; the shared place has many. */
static void holdfast_note_add(_Atomic uint64_t *count, uint64_t more, unsigned thread)
{
    if (thread < HOLDFAST_THREADS) {
        const uint64_t before = atomic_load_explicit(count, memory_order_relaxed);
        atomic_store_explicit(count, before + more, memory_order_relaxed);
    } else {
        atomic_fetch_add_explicit(count, more, memory_order_relaxed);
    }
}

bool holdfast_note_count(struct holdfast_note *note, const struct holdfast_target *target,
                         const struct holdfast_verdict *verdict, int64_t duration_ns)
{
    if (note->tell_ms == 0 || target->node >= LIMITS_NODES ||
        target->version < atomic_load_explicit(&note->since, memory_order_relaxed)) {
        return false;
    }
    const enum holdfast_note_kind kind = holdfast_note_kind(verdict);
    const unsigned thread = holdfast_thread();
    _Atomic uint64_t *counts = note->places[thread].counts[target->node];
    holdfast_note_add(&counts[kind], 1, thread);
    if (kind == HOLDFAST_NOTE_ANSWERED && duration_ns > 0) {
        holdfast_note_add(&counts[HOLDFAST_NOTE_TOOK_NS], (uint64_t)duration_ns, thread);
    }
    return kind != HOLDFAST_NOTE_ANSWERED;
}

/* ---- telling ---- */

static void holdfast_note_sum(const struct holdfast_note *note, struct holdfast_note_sums *ret_sums)
{
    memset(ret_sums, 0, sizeof *ret_sums);
    for (uint32_t thread = 0; thread <= HOLDFAST_THREADS; thread++) {
        for (uint32_t node = 0; node < LIMITS_NODES; node++) {
            for (uint32_t kind = 0; kind < HOLDFAST_NOTE_KINDS; kind++) {
                ret_sums->counts[node][kind] +=
                    atomic_load_explicit(&note->places[thread].counts[node][kind], memory_order_relaxed);
            }
        }
    }
}

static uint8_t *holdfast_note_number(uint8_t *to, uint64_t value)
{
    const uint32_t number = value < UINT32_MAX ? (uint32_t)value : UINT32_MAX;
    for (int shift = 24; shift >= 0; shift -= 8) {
        *to++ = (uint8_t)(number >> shift);
    }
    return to;
}

static uint8_t *holdfast_note_entry(uint8_t *to, const struct view_address *server, const uint64_t *counts)
{
    const uint64_t answered = counts[HOLDFAST_NOTE_ANSWERED];
    memcpy(to, server->bytes, sizeof server->bytes);
    to = holdfast_note_number(to + sizeof server->bytes, (uint32_t)server->port << 16 | server->family);
    to = holdfast_note_number(to, answered);
    to = holdfast_note_number(to, counts[HOLDFAST_NOTE_FAILED]);
    to = holdfast_note_number(to, counts[HOLDFAST_NOTE_WRONG]);
    return holdfast_note_number(to, answered > 0 ? counts[HOLDFAST_NOTE_TOOK_NS] / answered / 1000 : 0);
}

/* What has been added since it was said last. How many bytes; FEEDBACK_MESSAGE_HEAD: nothing has. */
static size_t holdfast_note_write(const struct view *view, const struct holdfast_note_sums *sums,
                                  const struct holdfast_note_sums *said, uint8_t bytes[FEEDBACK_MESSAGE_BYTES])
{
    uint8_t *at = bytes + FEEDBACK_MESSAGE_HEAD;
    memcpy(bytes, "HFF", 3);
    bytes[3] = FEEDBACK_MESSAGE_VERSION;
    memset(bytes + 4, 0, FEEDBACK_MESSAGE_HEAD - 4);
    for (uint32_t node = 0; node < view->nodes_count && node < LIMITS_NODES; node++) {
        uint64_t counts[HOLDFAST_NOTE_KINDS];
        for (uint32_t kind = 0; kind < HOLDFAST_NOTE_KINDS; kind++) {
            counts[kind] = sums->counts[node][kind] - said->counts[node][kind];
        }
        if (counts[HOLDFAST_NOTE_ANSWERED] + counts[HOLDFAST_NOTE_FAILED] + counts[HOLDFAST_NOTE_WRONG] > 0) {
            at = holdfast_note_entry(at, &view->nodes[node].postgres, counts);
        }
    }
    return (size_t)(at - bytes);
}

static bool holdfast_note_send(struct holdfast_note *note, const uint8_t *bytes, size_t size)
{
    if (note->fd < 0) {
        note->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    }
    return note->fd >= 0 && sendto(note->fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL,
                                   (const struct sockaddr *)&note->address, sizeof note->address) == (ssize_t)size;
}

void holdfast_note_tell(struct holdfast_note *note, const struct view *view, int64_t now_ms, int64_t after_ms)
{
    struct holdfast_note_sums sums;
    uint8_t bytes[FEEDBACK_MESSAGE_BYTES];
    if (note->tell_ms == 0 || now_ms - note->told_ms < after_ms) {
        return;
    }
    note->told_ms = now_ms;
    holdfast_note_sum(note, &sums);
    const size_t size = holdfast_note_write(view, &sums, &note->said, bytes);
    if (size > FEEDBACK_MESSAGE_HEAD && holdfast_note_send(note, bytes, size)) {
        note->told++;
        note->said = sums;
    }
}

void holdfast_note_view(struct holdfast_note *note, const struct view *before, const struct view *after, int64_t now_ms)
{
    bool same = before->nodes_count <= after->nodes_count;
    for (uint32_t i = 0; i < before->nodes_count && same; i++) {
        same = memcmp(&before->nodes[i].postgres, &after->nodes[i].postgres, sizeof before->nodes[i].postgres) == 0;
    }
    if (!same) {
        holdfast_note_tell(note, before, now_ms, 0);
        atomic_store_explicit(&note->since, after->version, memory_order_relaxed);
        holdfast_note_sum(note, &note->said); /* what nobody has heard is forgotten */
    }
}

/* ---- the public function ---- */

void holdfast_note(struct holdfast *holdfast, const struct holdfast_target *target,
                   const struct holdfast_verdict *verdict, int64_t duration_ns)
{
    if (!holdfast_note_count(&holdfast->note, target, verdict, duration_ns)) {
        return;
    }
    /* Who finds the lock taken leaves the telling to the next one, or to the next refresh. */
    if (pthread_mutex_trylock(&holdfast->lock) == 0) {
        holdfast_note_tell(&holdfast->note, &holdfast->view, holdfast_state_now_ms(&holdfast->state),
                           HOLDFAST_NOTE_SOON_MS);
        pthread_mutex_unlock(&holdfast->lock);
    }
}
