/* SPDX-License-Identifier: Apache-2.0
 * What applications tell. */
#include "edge/feedback.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cursor.h"

/* ---- a datagram ---- */

static void feedback_read_entry(struct cursor *cursor, struct feedback_entry *ret_entry)
{
    *ret_entry = (struct feedback_entry){.answered = 0};
    const struct span bytes = cursor_span(cursor, sizeof ret_entry->server.bytes);
    if (bytes.size == sizeof ret_entry->server.bytes) {
        memcpy(ret_entry->server.bytes, bytes.data, bytes.size);
    }
    ret_entry->server.port = cursor_u16be(cursor);
    ret_entry->server.family = cursor_u16be(cursor);
    ret_entry->answered = cursor_u32be(cursor);
    ret_entry->failures = cursor_u32be(cursor);
    ret_entry->wrong = cursor_u32be(cursor);
    ret_entry->took_us = cursor_u32be(cursor);
}

enum err feedback_read(struct span datagram, struct feedback_entry *ret_entries, uint32_t *ret_count)
{
    struct cursor cursor;
    cursor_init(&cursor, datagram.data, datagram.size);
    const struct span magic = cursor_span(&cursor, 3);
    const uint8_t version = cursor_u8(&cursor);
    cursor_skip(&cursor, FEEDBACK_MESSAGE_HEAD - 4);
    const size_t count = cursor_left(&cursor) / FEEDBACK_MESSAGE_ENTRY;
    if (!cursor_ok(&cursor) || !span_is(magic, "HFF") || version != FEEDBACK_MESSAGE_VERSION ||
        count > FEEDBACK_MESSAGE_ENTRIES) {
        return ERR_PROTOCOL;
    }
    for (size_t i = 0; i < count; i++) {
        feedback_read_entry(&cursor, &ret_entries[i]);
    }
    if (!cursor_ok(&cursor) || cursor_left(&cursor) > 0) {
        return ERR_PROTOCOL;
    }
    *ret_count = (uint32_t)count;
    return ERR_OK;
}

/* ---- the socket ---- */

void feedback_none(struct feedback *feedback)
{
    *feedback = (struct feedback){.fd = -1};
}

enum err feedback_open(struct feedback *feedback, const char *state_dir)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    feedback_none(feedback);
    _Static_assert(sizeof address.sun_path == sizeof feedback->path, "a socket's path is no longer");
    const int length = snprintf(feedback->path, sizeof feedback->path, "%s/" FEEDBACK_MESSAGE_SOCKET, state_dir);
    if (length < 0 || (size_t)length >= sizeof feedback->path) {
        return ERR_INVALID;
    }
    memcpy(address.sun_path, feedback->path, sizeof address.sun_path);
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return err_from_errno(errno);
    }
    /* One process publishes here, so what is left is a dead one's. The rights are set before the name is there. */
    unlink(feedback->path);
    if (fchmod(fd, 0660) != 0 || bind(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        const enum err err = err_from_errno(errno);
        close(fd);
        return err;
    }
    feedback->fd = fd;
    return ERR_OK;
}

void feedback_close(struct feedback *feedback)
{
    if (feedback->fd >= 0) {
        unlink(feedback->path);
        close(feedback->fd);
    }
    feedback_none(feedback);
}

/* ---- what was told ---- */

static bool feedback_named(const struct view *view, const struct view_address *server)
{
    for (uint32_t i = 0; i < view->nodes_count; i++) {
        if (memcmp(&view->nodes[i].postgres, server, sizeof *server) == 0) {
            return true;
        }
    }
    return false;
}

static const struct sight_sum *feedback_find(const struct feedback *feedback, const struct view_address *server)
{
    for (uint32_t i = 0; i < feedback->count; i++) {
        if (memcmp(&feedback->list[i].server, server, sizeof *server) == 0) {
            return &feedback->list[i];
        }
    }
    return NULL;
}

/* One that the view does not name any more makes room. */
static struct sight_sum *feedback_place(struct feedback *feedback, const struct view *view,
                                        const struct view_address *server)
{
    uint32_t place = 0;
    while (place < feedback->count && memcmp(&feedback->list[place].server, server, sizeof *server) != 0) {
        place++;
    }
    if (place < feedback->count) {
        return &feedback->list[place];
    }
    if (place == SIGHT_SERVERS) {
        place = 0;
        while (feedback_named(view, &feedback->list[place].server)) {
            place++;
            ASSERT(place < SIGHT_SERVERS); /* a view names fewer */
        }
    } else {
        feedback->count++;
    }
    feedback->list[place] = (struct sight_sum){.server = *server, .applications = true};
    return &feedback->list[place];
}

static void feedback_add(struct feedback *feedback, const struct view *view, const struct feedback_entry *entry)
{
    if (!feedback_named(view, &entry->server)) {
        return;
    }
    struct publish_sight *sight = &feedback_place(feedback, view, &entry->server)->sight;
    sight->connections += entry->answered;
    sight->failures += entry->failures;
    sight->wrong += entry->wrong;
    if (entry->answered > 0) {
        sight->rtt_us = entry->took_us;
    }
}

void feedback_look(struct feedback *feedback, const struct view *view)
{
    uint8_t bytes[FEEDBACK_MESSAGE_BYTES + 1];
    struct feedback_entry entries[FEEDBACK_MESSAGE_ENTRIES];
    uint32_t count = 0;
    for (uint32_t turn = 0; feedback->fd >= 0 && turn < FEEDBACK_LOOK; turn++) {
        const ssize_t size = recv(feedback->fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (size < 0) {
            return;
        }
        if (view == NULL || feedback_read(span_of(bytes, (size_t)size), entries, &count) != ERR_OK) {
            continue;
        }
        for (uint32_t i = 0; i < count; i++) {
            feedback_add(feedback, view, &entries[i]);
        }
    }
}

uint64_t feedback_bad(const struct feedback *feedback, const struct view_address *server)
{
    const struct sight_sum *sum = feedback_find(feedback, server);
    return sum != NULL ? sum->sight.failures + sum->sight.wrong : 0;
}

void feedback_list(const struct feedback *feedback, const struct view *view, struct sight_sum *list, uint32_t *count)
{
    for (uint32_t i = 0; i < feedback->count && view != NULL && *count < SIGHT_LIST; i++) {
        if (feedback_named(view, &feedback->list[i].server)) {
            list[(*count)++] = feedback->list[i];
        }
    }
}
