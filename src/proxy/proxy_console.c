/* SPDX-License-Identifier: Apache-2.0
 * The admin console: its thread and its clients. */
#include "proxy/proxy_console.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cursor.h"
#include "base/text.h"
#include "edge/log.h"
#include "proxy/proxy_console_command.h"
#include "proxy/proxy_console_reply.h"
#include "wire/pg_message.h"

enum {
    PROXY_CONSOLE_TICK_MS = 20, /* while somebody waits for a pause */
    PROXY_CONSOLE_SHOWN = 100,  /* bytes of a query in the log */
    PROXY_CONSOLE_SKIPS = 64,   /* reads of what a client has sent that is not served any more */
};

struct proxy_console_client {
    bool used;
    char user[PROXY_KEEP_USER];
    struct proxy_end end;
    uint8_t query[PROXY_CONSOLE_QUERY];
    size_t query_have;
    struct proxy_console_reply reply;
    size_t replied;
    uint32_t pause;  /* not 0: waits for the end of this change */
    const char *tag; /* and is then told this */
    bool over;
};

struct proxy_console {
    struct proxy_console_source source;
    pthread_t thread;
    int wake;
    pthread_mutex_t lock; /* guards `arrivals` and `stop` */
    bool stop;
    uint32_t arrivals_count;
    struct proxy_console_client *arrivals[PROXY_CONSOLE_CLIENTS];
    struct proxy_console_client *clients[PROXY_CONSOLE_CLIENTS]; /* the thread's */
};

/* What the client has sent is read first: a close over unread bytes resets the connection, and could take our last
 * words with it. */
static void proxy_console_client_free(struct proxy_console_client *client)
{
    if (client != NULL) {
        for (int i = 0; i < PROXY_CONSOLE_SKIPS; i++) {
            if (proxy_end_recv(&client->end, client->query, sizeof client->query, 0) <= 0) {
                break;
            }
        }
        proxy_console_reply_free(&client->reply);
        proxy_end_hang_up(&client->end, false);
        free(client);
    }
}

/* ---- one client ---- */

static void proxy_console_query(struct proxy_console *console, struct proxy_console_client *client, struct span text)
{
    char shown[PROXY_CONSOLE_SHOWN];
    size_t size = 0;
    for (; size < text.size && size + 1 < sizeof shown; size++) {
        const uint8_t c = text.data[size];
        shown[size] = (char)(c < 0x20 || c == 0x7f ? ' ' : c);
    }
    shown[size] = '\0';
    LOG_N("console: %s: %s", client->user, shown);
    client->pause = proxy_console_command(&console->source, text, &client->reply, &client->tag);
    if (client->pause == 0) {
        proxy_console_reply_ready(&client->reply);
    }
}

/* One whole message. */
static void proxy_console_message(struct proxy_console *console, struct proxy_console_client *client, uint8_t type,
                                  struct span body)
{
    switch (type) {
    case PG_MESSAGE_QUERY:
        proxy_console_query(console, client, span_of(body.data, body.size > 0 ? body.size - 1 : 0));
        break;
    case PG_MESSAGE_PARSE:
        proxy_console_reply_error(&client->reply, "0A000", "the console takes simple queries only");
        break;
    case PG_MESSAGE_SYNC:
        proxy_console_reply_ready(&client->reply);
        break;
    case PG_MESSAGE_TERMINATE:
        client->over = true;
        break;
    default:
        break; /* what follows a Parse that was refused */
    }
}

/* The messages that are there; one that waits for a pause is not overtaken. */
static void proxy_console_messages(struct proxy_console *console, struct proxy_console_client *client)
{
    size_t at = 0;
    while (!client->over && client->pause == 0 && client->query_have - at >= PG_FRAME_HEAD) {
        struct cursor cursor;
        cursor_init(&cursor, client->query + at, PG_FRAME_HEAD);
        const uint8_t type = cursor_u8(&cursor);
        const uint32_t size = cursor_u32be(&cursor);
        if (size < 4 || size >= PROXY_CONSOLE_QUERY) {
            proxy_console_reply_fatal(&client->reply, "54000", "the console takes messages of less than 1024 bytes");
            client->over = true;
            return;
        }
        if (client->query_have - at < size + 1) {
            break;
        }
        proxy_console_message(console, client, type, span_of(client->query + at + PG_FRAME_HEAD, size - 4));
        at += size + 1;
    }
    memmove(client->query, client->query + at, client->query_have - at);
    client->query_have -= at;
}

static void proxy_console_read(struct proxy_console *console, struct proxy_console_client *client)
{
    for (;;) {
        proxy_console_messages(console, client);
        const size_t room = sizeof client->query - client->query_have;
        if (client->over || room == 0) {
            return;
        }
        const ssize_t got = proxy_end_recv(&client->end, client->query + client->query_have, room, 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            client->over = got == 0 || errno != EAGAIN;
            return;
        }
        client->query_have += (size_t)got;
    }
}

static void proxy_console_write(struct proxy_console_client *client)
{
    struct proxy_console_reply *reply = &client->reply;
    if (reply->failed) {
        client->over = true;
        return;
    }
    while (client->replied < reply->size) {
        const ssize_t sent = proxy_end_send(&client->end, reply->data + client->replied, reply->size - client->replied);
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent <= 0) {
            client->over = errno != EAGAIN;
            return;
        }
        client->replied += (size_t)sent;
    }
    proxy_console_reply_free(reply);
    client->replied = 0;
}

/* Tells why, as far as the kernel takes it at once, and hangs up. */
static void proxy_console_dismiss(struct proxy_console_client *client, const char *sqlstate, const char *text)
{
    if (client != NULL) {
        proxy_console_reply_fatal(&client->reply, sqlstate, text);
        proxy_console_write(client);
        proxy_console_client_free(client);
    }
}

/* Whether the pause that was waited for has come about, or was given up. */
static void proxy_console_wait(struct proxy_console *console, struct proxy_console_client *client)
{
    if (client->pause != 0 && console->source.quiet(console->source.owner, client->pause)) {
        client->pause = 0;
        proxy_console_reply_complete(&client->reply, client->tag);
        proxy_console_reply_ready(&client->reply);
    }
}

static void proxy_console_serve(struct proxy_console *console, struct proxy_console_client *client)
{
    proxy_console_wait(console, client);
    proxy_console_read(console, client);
    proxy_console_write(client);
}

/* ---- the thread ---- */

/* False: stop. */
static bool proxy_console_arrivals(struct proxy_console *console)
{
    uint64_t count;
    (void)!read(console->wake, &count, sizeof count);
    pthread_mutex_lock(&console->lock);
    for (uint32_t i = 0; i < PROXY_CONSOLE_CLIENTS && console->arrivals_count > 0; i++) {
        if (console->clients[i] == NULL) {
            console->clients[i] = console->arrivals[--console->arrivals_count];
            proxy_console_reply_welcome(&console->clients[i]->reply);
        }
    }
    /* Too many: the last ones are turned away. */
    while (console->arrivals_count > 0) {
        proxy_console_dismiss(console->arrivals[--console->arrivals_count], "53300", "too many clients of the console");
    }
    const bool stop = console->stop;
    pthread_mutex_unlock(&console->lock);
    return !stop;
}

static void proxy_console_poll(struct proxy_console *console)
{
    struct pollfd fds[PROXY_CONSOLE_CLIENTS + 1] = {{.fd = console->wake, .events = POLLIN}};
    int timeout_ms = -1;
    for (uint32_t i = 0; i < PROXY_CONSOLE_CLIENTS; i++) {
        const struct proxy_console_client *client = console->clients[i];
        const bool owed = client != NULL && client->reply.size > client->replied;
        fds[i + 1].fd = client != NULL ? client->end.fd : -1;
        const bool full = client != NULL && client->query_have == sizeof client->query;
        fds[i + 1].events = (short)((owed ? POLLOUT : 0) | (full ? 0 : POLLIN));
        timeout_ms = client != NULL && client->pause != 0 ? PROXY_CONSOLE_TICK_MS : timeout_ms;
    }
    (void)poll(fds, PROXY_CONSOLE_CLIENTS + 1, timeout_ms);
}

static void *proxy_console_run(void *argument)
{
    struct proxy_console *console = argument;
    while (proxy_console_arrivals(console)) {
        for (uint32_t i = 0; i < PROXY_CONSOLE_CLIENTS; i++) {
            struct proxy_console_client *client = console->clients[i];
            if (client != NULL) {
                proxy_console_serve(console, client);
                if (client->over) {
                    proxy_console_client_free(client);
                    console->clients[i] = NULL;
                }
            }
        }
        proxy_console_poll(console);
    }
    return NULL;
}

static void proxy_console_call(struct proxy_console *console)
{
    const uint64_t one = 1;
    (void)!write(console->wake, &one, sizeof one);
}

enum err proxy_console_start(const struct proxy_console_source *source, struct proxy_console **ret_console)
{
    struct proxy_console *console = calloc(1, sizeof *console);
    if (console == NULL) {
        return ERR_NO_MEMORY;
    }
    console->source = *source;
    console->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&console->lock, NULL);
    const int number = console->wake < 0 ? errno : pthread_create(&console->thread, NULL, proxy_console_run, console);
    if (number != 0) {
        if (console->wake >= 0) {
            close(console->wake);
        }
        free(console);
        return err_from_errno(number);
    }
    *ret_console = console;
    return ERR_OK;
}

void proxy_console_stop(struct proxy_console *console)
{
    if (console == NULL) {
        return;
    }
    pthread_mutex_lock(&console->lock);
    console->stop = true;
    pthread_mutex_unlock(&console->lock);
    proxy_console_call(console);
    pthread_join(console->thread, NULL);
    static const char stopping[] = "terminating connection: this proxy is stopping, reconnect";
    while (console->arrivals_count > 0) {
        proxy_console_dismiss(console->arrivals[--console->arrivals_count], "57P01", stopping);
    }
    for (uint32_t i = 0; i < PROXY_CONSOLE_CLIENTS; i++) {
        proxy_console_dismiss(console->clients[i], "57P01", stopping);
    }
    close(console->wake);
    pthread_mutex_destroy(&console->lock);
    free(console);
}

void proxy_console_enter(void *owner, struct proxy_end *end, const char *user)
{
    struct proxy_console *console = owner;
    struct proxy_console_client *client = calloc(1, sizeof *client);
    if (client == NULL) {
        proxy_end_hang_up(end, false);
        return;
    }
    proxy_end_init(&client->end, end->fd);
    client->end.tls = end->tls;
    text_copy(client->user, sizeof client->user, user);
    proxy_console_reply_bytes(&client->reply, span_of(end->pending != NULL ? end->pending + end->pending_at : NULL,
                                                      end->pending_size - end->pending_at));
    proxy_end_forget(end);
    end->fd = -1;
    end->tls = NULL;
    pthread_mutex_lock(&console->lock);
    const bool room = console->arrivals_count < PROXY_CONSOLE_CLIENTS && !console->stop;
    if (room) {
        console->arrivals[console->arrivals_count++] = client;
    }
    pthread_mutex_unlock(&console->lock);
    if (room) {
        proxy_console_call(console);
    } else {
        proxy_console_dismiss(client, "53300", "too many clients of the console");
    }
}
