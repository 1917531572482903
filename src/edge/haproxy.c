/* SPDX-License-Identifier: Apache-2.0
 * HAProxy's runtime API, blocking with a deadline. */
#include "edge/haproxy.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/buf.h"
#include "edge/clock.h"
#include "edge/probe_address.h"

enum {
    HAPROXY_COMMAND_BYTES = 16384, /* below HAProxy's own tune.bufsize of 16 kB */
};

/* What a name may consist of; everything else could end a command and begin another. */
static bool haproxy_name_good(const char *name)
{
    static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:";
    const size_t size = strlen(name);
    return size > 0 && size < HAPROXY_STAT_NAME && strspn(name, good) == size;
}

static enum err haproxy_fail(struct haproxy_target *target, enum err err, const char *words)
{
    snprintf(target->message, sizeof target->message, "%s: %s", target->address, words);
    for (char *at = target->message; *at != 0; at++) {
        *at = *at < ' ' || *at > '~' ? ' ' : *at;
    }
    return err;
}

static enum err haproxy_wait(int fd, short events, struct mono deadline)
{
    for (;;) {
        const int64_t left_ms = time_since_us(deadline, clock_mono()) / TIME_US_PER_MS;
        struct pollfd one = {.fd = fd, .events = events};
        const int ready = poll(&one, 1, left_ms > 0 ? (int)left_ms : 0);
        if (ready > 0) {
            return ERR_OK;
        }
        if (ready == 0) {
            return ERR_TIMEOUT;
        }
        if (errno != EINTR) {
            return err_from_errno(errno);
        }
    }
}

static enum err haproxy_connect(const struct probe_address *address, struct mono deadline, int *ret_fd)
{
    const int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return err_from_errno(errno);
    }
    enum err err = ERR_OK;
    if (connect(fd, (const struct sockaddr *)&address->storage, address->size) != 0) {
        err = errno == EINPROGRESS ? haproxy_wait(fd, POLLOUT, deadline) : err_from_errno(errno);
        int number = 0;
        socklen_t size = sizeof number;
        if (err == ERR_OK && getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &size) == 0) {
            err = err_from_errno(number);
        }
    }
    if (err != ERR_OK) {
        close(fd);
        return err;
    }
    *ret_fd = fd;
    return ERR_OK;
}

static enum err haproxy_write(int fd, const char *text, struct mono deadline)
{
    size_t left = strlen(text);
    while (left > 0) {
        const ssize_t sent = send(fd, text, left, MSG_NOSIGNAL);
        if (sent >= 0) {
            text += sent;
            left -= (size_t)sent;
        } else if (errno == EAGAIN) {
            const enum err err = haproxy_wait(fd, POLLOUT, deadline);
            if (err != ERR_OK) {
                return err;
            }
        } else if (errno != EINTR) {
            return err_from_errno(errno);
        }
    }
    return ERR_OK;
}

/* Up to the end of the connection: HAProxy closes after the answer. */
static enum err haproxy_read(int fd, struct buf *answer, struct mono deadline)
{
    for (;;) {
        char piece[4096];
        const ssize_t size = recv(fd, piece, sizeof piece, 0);
        if (size == 0) {
            return answer->overflow ? ERR_TOO_LARGE : ERR_OK;
        }
        if (size > 0) {
            buf_bytes(answer, piece, (size_t)size);
        } else if (errno == EAGAIN) {
            const enum err err = haproxy_wait(fd, POLLIN, deadline);
            if (err != ERR_OK) {
                return err;
            }
        } else if (errno != EINTR) {
            return err_from_errno(errno);
        }
    }
}

static enum err haproxy_ask(struct haproxy_target *target, const char *commands, struct buf *answer)
{
    const struct mono deadline = time_add_ms(clock_mono(), target->timeout_ms);
    struct probe_address address;
    if (probe_address_parse(target->address, &address) != ERR_OK) {
        return haproxy_fail(target, ERR_INVALID, "not a literal address nor a path");
    }
    int fd = -1;
    enum err err = haproxy_connect(&address, deadline, &fd);
    if (err == ERR_OK) {
        err = haproxy_write(fd, commands, deadline);
        if (err == ERR_OK) {
            err = haproxy_read(fd, answer, deadline);
        }
        close(fd);
    }
    return err == ERR_OK ? ERR_OK : haproxy_fail(target, err, err_text(err));
}

/* Commands that succeed answer with empty lines only. */
static enum err haproxy_order(struct haproxy_target *target, const char *commands)
{
    uint8_t memory[8192];
    struct buf answer;
    buf_init(&answer, memory, sizeof memory);
    const enum err err = haproxy_ask(target, commands, &answer);
    if (err != ERR_OK) {
        return err;
    }
    const char *words = buf_string(&answer);
    words += strspn(words, "\r\n ");
    if (words[0] == 0) {
        return ERR_OK;
    }
    if (strstr(words, "ermission denied") != NULL) {
        return haproxy_fail(target, ERR_PERMISSION, words);
    }
    if (strstr(words, "No such") != NULL) {
        return haproxy_fail(target, ERR_NOT_FOUND, words);
    }
    return haproxy_fail(target, ERR_CONTENT, words);
}

enum err haproxy_show(struct haproxy_target *target, const char *backend, struct haproxy_stat *ret_stat)
{
    uint8_t *memory = malloc(HAPROXY_ANSWER_BYTES);
    if (memory == NULL) {
        return haproxy_fail(target, ERR_NO_MEMORY, err_text(ERR_NO_MEMORY));
    }
    struct buf answer;
    buf_init(&answer, memory, HAPROXY_ANSWER_BYTES);
    enum err err = haproxy_ask(target, "show stat\n", &answer);
    if (err == ERR_OK) {
        err = haproxy_stat_parse(span_of(answer.data, answer.size), backend, ret_stat);
        if (err != ERR_OK) {
            haproxy_fail(target, err, err == ERR_NOT_FOUND ? "no such backend" : "not an answer of show stat");
        }
    }
    free(memory);
    return err;
}

enum err haproxy_set_weights(struct haproxy_target *target, const char *backend, const struct haproxy_weight *weights,
                             uint32_t count)
{
    ASSERT(count > 0 && count <= HAPROXY_WEIGHTS);
    uint8_t memory[HAPROXY_COMMAND_BYTES];
    struct buf commands;
    buf_init(&commands, memory, sizeof memory);
    for (uint32_t i = 0; i < count; i++) {
        if (!haproxy_name_good(backend) || !haproxy_name_good(weights[i].server) || weights[i].percent > 100) {
            return haproxy_fail(target, ERR_INVALID, "not a possible backend, server or percentage");
        }
        buf_printf(&commands, "%sset weight %s/%s %u%%", i == 0 ? "" : ";", backend, weights[i].server,
                   weights[i].percent);
    }
    buf_text(&commands, "\n");
    if (commands.overflow) {
        return haproxy_fail(target, ERR_TOO_LARGE, "too many servers for one command");
    }
    return haproxy_order(target, buf_string(&commands));
}

/* HAProxy rounds small shares up to weight 1 at least, and 0 % means none: the proof is only zero or not zero. */
static enum err haproxy_set_backend_prove(struct haproxy_target *target, const char *backend, uint32_t percent)
{
    struct haproxy_stat stat;
    const enum err err = haproxy_show(target, backend, &stat);
    if (err != ERR_OK) {
        return err;
    }
    for (uint32_t i = 0; i < stat.servers_count; i++) {
        if ((stat.servers[i].weight == 0) != (percent == 0)) {
            return haproxy_fail(target, ERR_CONTENT, "weights are not what was set");
        }
    }
    return ERR_OK;
}

enum err haproxy_set_backend(struct haproxy_target *target, const char *backend, uint32_t percent)
{
    struct haproxy_stat stat;
    enum err err = haproxy_show(target, backend, &stat);
    if (err != ERR_OK) {
        return err;
    }
    if (stat.servers_count == 0) {
        return haproxy_fail(target, ERR_NOT_FOUND, "the backend has no servers");
    }
    struct haproxy_weight weights[HAPROXY_WEIGHTS];
    for (uint32_t i = 0; i < stat.servers_count; i++) {
        weights[i] = (struct haproxy_weight){.server = stat.servers[i].name, .percent = percent};
    }
    err = haproxy_set_weights(target, stat.backend, weights, stat.servers_count);
    return err == ERR_OK ? haproxy_set_backend_prove(target, stat.backend, percent) : err;
}

enum err haproxy_set_state(struct haproxy_target *target, const char *backend, const char *server,
                           enum haproxy_state state)
{
    static const char *const states[] = {"ready", "drain", "maint"};
    ASSERT((size_t)state < sizeof states / sizeof states[0]);
    if (!haproxy_name_good(backend) || !haproxy_name_good(server)) {
        return haproxy_fail(target, ERR_INVALID, "not a possible backend or server");
    }
    char command[256];
    snprintf(command, sizeof command, "set server %s/%s state %s\n", backend, server, states[state]);
    return haproxy_order(target, command);
}
